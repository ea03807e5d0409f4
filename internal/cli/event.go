package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/app"
)

func newEvent(e *env) *cobra.Command {
	return group("event", "List the events of the dispatchers, as they are indexed", newEventList(e))
}

func newEventList(e *env) *cobra.Command {
	var q app.EventQuery
	var contract, tx string
	c := &cobra.Command{
		Use:   "list",
		Short: "List the events of the dispatchers",
		Long: `List the events of the dispatchers of each network as lockstep serve has indexed them, the oldest
first. What is not indexed yet is not there, and what a reorganisation took back is there no longer.
Below each are its parameters, hashes shortened; with --json the log is there as the chain has it,
too. No network is asked.`,
		Example: "  lockstep event list --name Committed,Activated --network ethereum",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			for _, name := range q.Names {
				if !slices.Contains(app.EventNames(), name) {
					return usageError{fmt.Errorf("--name %s: there is no such event; there are %s", name, strings.Join(app.EventNames(), ", "))}
				}
			}
			if q.To != 0 && q.To < q.From {
				return usageError{fmt.Errorf("--from %d is after --to %d: there is no block between them", q.From, q.To)}
			}
			if q.Last < 0 {
				return usageError{errors.New("--last must not be negative; 0 shows all")}
			}
			if contract != "" {
				if !common.IsHexAddress(contract) {
					return usageError{fmt.Errorf("--contract %s is not an address", contract)}
				}
				q.Contract = common.HexToAddress(contract)
			}
			if tx != "" {
				if len(tx) != 66 || !hashPrefix.MatchString(tx) {
					return usageError{fmt.Errorf("--tx %s is not the hash of a transaction", tx)}
				}
				q.Tx = common.HexToHash(tx)
			}
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			events, err := a.Events(cmd.Context(), q)
			if err != nil {
				return err
			}
			if e.json {
				return e.printJSON(map[string]any{"events": events})
			}
			e.showEvents(events)
			return nil
		},
	}
	c.Flags().StringSliceVar(&q.Names, "name", nil, "only events of these names")
	c.Flags().StringVar(&contract, "contract", "", "only events of this contract")
	c.Flags().StringVar(&tx, "tx", "", "only events of this transaction")
	c.Flags().Uint64Var(&q.From, "from", 0, "only events of this block and later")
	c.Flags().Uint64Var(&q.To, "to", 0, "only events of this block and earlier")
	c.Flags().IntVar(&q.Last, "last", 50, "at most so many of each network, the newest; 0 for all")
	completes(c, "name", func(string) []string { return app.EventNames() })
	return onNetworks(e, c)
}

func (e *env) showEvents(events []app.IndexedEvent) {
	rows, below := [][]string{{"NETWORK", "BLOCK", "TIME, UTC", "EVENT"}}, []string{""}
	for i := range events {
		v := &events[i]
		name := v.Name
		if name == "" {
			name = "unknown"
		}
		rows = append(rows, []string{shortened(ascii(v.Network), 24), fmt.Sprint(v.Block), clock(int64(v.BlockTime)), shortened(ascii(name), 40)})
		below = append(below, brief(v.Fields))
	}
	e.listing(rows, below)
}

// brief is the fields of an event or an error in a line: hashes are shortened.
func brief(fields json.RawMessage) string {
	d := json.NewDecoder(strings.NewReader(string(fields)))
	d.UseNumber()
	var out []string
	name := ""
	for {
		token, err := d.Token()
		if err != nil {
			return strings.Join(out, " ")
		}
		text := fmt.Sprint(token)
		switch {
		case text == "{" || text == "}":
		case name == "":
			name = text
		default:
			if strings.HasPrefix(text, "0x") && len(text) > 12 {
				text = text[:10] + ".."
			}
			out, name = append(out, name+"="+text), ""
		}
	}
}
