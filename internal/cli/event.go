package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/event"
)

func newEvent(e *env) *cobra.Command {
	return group("event", "Show what watched contracts have logged", newEventList(e))
}

func newUpgrade(e *env) *cobra.Command {
	return group("upgrade", "Show what has become of commitments", newUpgradeList(e))
}

func newEventList(e *env) *cobra.Command {
	var network, tx string
	var names []string
	var from, to uint64
	var limit int
	c := &cobra.Command{
		Use:   "list",
		Short: "List events of the dispatcher on a network, the newest first",
		Long: `List the events of a network that lockstep serve has put into the journal, the newest first: what
the dispatcher has logged, whoever sent the transaction. They are those of the chain as far as it
was watched; near its head they can still change.`,
		Example: "  lockstep event list --network sepolia --name Committed,Activated\n  lockstep event list --network sepolia --tx 0x12ab...",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if network == "" {
				return usageError{errors.New("say with --network on which network")}
			}
			if limit < 1 {
				return usageError{errors.New("--limit must be at least 1")}
			}
			id, err := e.chainNames().id(network)
			if err != nil {
				return err
			}
			q := app.EventQuery{ChainID: id, Names: names, From: from, To: to, Limit: limit + 1} // whether there are more
			if q.Tx, err = hashFlag("tx", tx); err != nil {
				return err
			}
			journal, err := e.journal()
			if err != nil {
				return err
			}
			all, err := app.Events(cmd.Context(), journal, q)
			if err != nil {
				return err
			}
			more := len(all) > limit
			all = all[:min(len(all), limit)]
			if e.json {
				return e.printJSON(map[string]any{"events": all, "more": more})
			}
			rows, below := [][]string{{"BLOCK", "TIME (UTC)", "EVENT", "TRANSACTION"}}, []string{""}
			for _, x := range all {
				name := x.Name
				if name == "" {
					name = "unknown"
				}
				rows = append(rows, []string{fmt.Sprint(x.Block.Number), clock(int64(x.Block.Time)), name, x.Tx.Hex()[:18]})
				below = append(below, ascii(string(x.Fields)))
			}
			e.listing(rows, below)
			if more {
				fmt.Fprintf(e.stdout, "There are more: raise --limit, or narrow with --from, --to or --name.\n")
			}
			return nil
		},
	}
	c.Flags().StringVar(&network, "network", "", "name of the network, or its chain id")
	c.Flags().StringSliceVar(&names, "name", nil, "events of these names alone")
	c.Flags().StringVar(&tx, "tx", "", "of one transaction alone")
	c.Flags().Uint64Var(&from, "from", 0, "from this block on")
	c.Flags().Uint64Var(&to, "to", 0, "up to this block; 0 has no end")
	c.Flags().IntVar(&limit, "limit", 50, "how many at most")
	return onJournal(e, c)
}

// hashFlag reads a hash, of nothing if the flag is not given.
func hashFlag(flag, text string) (common.Hash, error) {
	if text == "" {
		return common.Hash{}, nil
	}
	b := common.FromHex(text)
	if !strings.HasPrefix(text, "0x") || len(text) != 66 || len(b) != common.HashLength {
		return common.Hash{}, usageError{fmt.Errorf("--%s is %.80q, must be 0x and 64 hex digits", flag, text)}
	}
	return common.BytesToHash(b), nil
}

// upgradeStatuses are all, in the order of a life.
var upgradeStatuses = []event.UpgradeStatus{
	event.UpgradeCommitted, event.UpgradeApplied, event.UpgradeActivated, event.UpgradeFailed, event.UpgradeCancelled, event.UpgradeExpired,
}

func newUpgradeList(e *env) *cobra.Command {
	var network, root string
	var statuses []string
	var limit int
	c := &cobra.Command{
		Use:   "list",
		Short: "List commitments and what has become of them, the newest first",
		Long: `List the commitments of roots that lockstep serve has seen, the newest first, on all networks:
COMMITTED, APPLIED once all pages are staged, ACTIVATED, FAILED while the last transaction was
refused, CANCELLED (also by another commitment that took its place), or EXPIRED.`,
		Example: "  lockstep upgrade list\n  lockstep upgrade list --status COMMITTED,APPLIED --network sepolia",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if limit < 1 {
				return usageError{errors.New("--limit must be at least 1")}
			}
			q, names := app.UpgradeQuery{Limit: limit + 1}, e.chainNames() // whether there are more
			if network != "" {
				if q.ChainID, err = names.id(network); err != nil {
					return err
				}
			}
			if q.Root, err = hashFlag("root", root); err != nil {
				return err
			}
			for _, s := range statuses {
				status := event.UpgradeStatus(strings.ToUpper(s))
				if !slices.Contains(upgradeStatuses, status) {
					return usageError{fmt.Errorf("--status is %q, known are %v", s, upgradeStatuses)}
				}
				q.Statuses = append(q.Statuses, status)
			}
			journal, err := e.journal()
			if err != nil {
				return err
			}
			all, err := app.Upgrades(cmd.Context(), journal, q)
			if err != nil {
				return err
			}
			more := len(all) > limit
			all = all[:min(len(all), limit)]
			if e.json {
				return e.printJSON(map[string]any{"upgrades": all, "more": more})
			}
			rows := [][]string{{"NETWORK", "EPOCH", "ROOT", "STATUS", "COMMITTED (UTC)", "ACTIVATED (UTC)", "GAS"}}
			for _, u := range all {
				activated, gas := "-", fmt.Sprint(u.GasUsed)
				if u.ActivatedAt > 0 {
					activated = clock(int64(u.ActivatedAt))
				}
				if !u.Complete {
					gas = "..."
				}
				rows = append(rows, []string{
					shortened(names.name(u.ChainID), 16), fmt.Sprint(u.Epoch), short(u.Root), string(u.Status), clock(int64(u.CommittedAt)), activated, gas,
				})
			}
			e.table(rows)
			if more {
				fmt.Fprintf(e.stdout, "There are more: raise --limit, or narrow with --network, --root or --status.\n")
			}
			return nil
		},
	}
	c.Flags().StringVar(&network, "network", "", "name of the network, or its chain id; default all")
	c.Flags().StringVar(&root, "root", "", "of this root, or routesRoot, alone")
	c.Flags().StringSliceVar(&statuses, "status", nil, "of these statuses alone")
	c.Flags().IntVar(&limit, "limit", 50, "how many at most")
	completes(c, "status", oneOf("COMMITTED", "APPLIED", "ACTIVATED", "FAILED", "CANCELLED", "EXPIRED"))
	return onJournal(e, c)
}
