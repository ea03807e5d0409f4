package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/app"
)

func newRelay(e *env) *cobra.Command {
	return group("relay", "List the relays that transactions are given to, and what was measured of them", newRelayList(e))
}

func newRelayList(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "list",
		Short: "List the relays of each network, and what was measured of them",
		Long: `List what the transactions of each network are given to, in the order of the configuration: relays,
and the network's own endpoints where these may be. PRIVACY is who sees what it is given before it
is in a block. Of the last 200 things that were seen of each: how many submissions it has TAKEN, how
many FAILED (refused, not sent, or without an answer) or were MISSED (in no block in time), and how
many transactions LANDED. BLOCKS is how long these took, PRICE what a gas of them cost, times the
base fee: both on average. Which relay has brought a transaction into its block is a guess if
several had it. No relay is asked.`,
		Example: "  lockstep relay list --network ethereum",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			networks, err := a.Relays(cmd.Context())
			if err != nil {
				return err
			}
			if e.json {
				return e.printJSON(map[string]any{"networks": networks})
			}
			e.showRelays(networks)
			return nil
		},
	}
	return onNetworks(e, c)
}

func (e *env) showRelays(networks []app.NetworkRelays) {
	rows := [][]string{{"NETWORK", "RELAY", "KIND", "PRIVACY", "TAKEN", "FAILED", "MISSED", "LANDED", "BLOCKS", "PRICE", "ANSWERS"}}
	var last []string
	for _, n := range networks {
		for _, r := range n.Relays {
			kind := r.Kind
			if !r.Configured {
				kind = "not asked now"
			}
			rows = append(rows, []string{
				n.Network, r.Name, kind, r.Privacy, fmt.Sprint(r.Taken), fmt.Sprint(r.Failed), fmt.Sprint(r.Missed), fmt.Sprint(r.Landed),
				average("%.1f", r.Blocks), average("%.2f", r.Price), average("%.0f ms", r.Milliseconds),
			})
			if r.LastError != "" {
				last = append(last, fmt.Sprintf("%s, last error at %s: %s", n.Network, clock(r.LastErrorAt), r.LastError))
			}
		}
	}
	e.table(rows)
	for _, line := range last {
		fmt.Fprintln(e.stdout, line)
	}
}

func average(format string, v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf(format, *v)
}
