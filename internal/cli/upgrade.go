package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/event"
)

func newUpgrade(e *env) *cobra.Command {
	return group("upgrade", "List the upgrades of the dispatchers, as they are indexed", newUpgradeList(e), newUpgradeShow(e))
}

func newUpgradeList(e *env) *cobra.Command {
	var status []string
	var last int
	c := &cobra.Command{
		Use:   "list",
		Short: "List the upgrades of the dispatchers",
		Long: `List the commitments on the dispatchers of each network, whoever made them, and what has become of
them, as lockstep serve has indexed it, the newest first. COMMITTED and APPLIED (all pages are
staged) are pending, and so is FAILED: its last transaction was refused, and not because it was too
early. CANCELLED includes those that another commitment has replaced; EXPIRED were not activated in
time. GAS is that of all their transactions, with + if some are yet to be looked at. No network is
asked.`,
		Example: "  lockstep upgrade list --status COMMITTED,APPLIED,FAILED",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if last < 0 {
				return usageError{errors.New("--last must not be negative; 0 shows all")}
			}
			var statuses []event.UpgradeStatus
			for _, s := range status {
				known := event.UpgradeStatus(strings.ToUpper(s))
				if !known.Known() {
					return usageError{fmt.Errorf("--status %s: want COMMITTED, APPLIED, ACTIVATED, FAILED, CANCELLED or EXPIRED", s)}
				}
				statuses = append(statuses, known)
			}
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			upgrades, err := a.Upgrades(cmd.Context(), statuses, last)
			if err != nil {
				return err
			}
			if e.json {
				return e.printJSON(map[string]any{"upgrades": upgrades})
			}
			rows := [][]string{{"NETWORK", "EPOCH", "ROOT", "STATUS", "COMMITTED", "ETA", "ROUTES", "GAS"}}
			for i := range upgrades {
				u := &upgrades[i]
				rows = append(rows, []string{
					u.Network, fmt.Sprint(u.Epoch), u.Root.Hex()[:12], string(u.Status), clock(int64(u.CommittedAt)), clock(int64(u.Eta)), fmt.Sprint(len(u.Selectors)), gasOf(u),
				})
			}
			e.table(rows)
			return nil
		},
	}
	c.Flags().StringSliceVar(&status, "status", nil, "only those with these statuses")
	c.Flags().IntVar(&last, "last", 50, "at most so many of each network, the newest; 0 for all")
	return onNetworks(e, c)
}

func gasOf(u *app.IndexedUpgrade) string {
	if !u.Settled {
		return fmt.Sprintf("%d+", u.GasUsed)
	}
	return fmt.Sprint(u.GasUsed)
}

func newUpgradeShow(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "show ROOT",
		Short: "Show an upgrade on each network, and what happened in it",
		Long: `Show the upgrades of a root on each network: when they were committed, applied and activated, their
events, and the transactions that were refused. ROOT is a root, a routesRoot, or an id as
lockstep upgrade list --json shows it; the first characters are enough. No network is asked.`,
		Example: "  lockstep upgrade show 0x12ab34cd",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if !strings.HasPrefix(args[0], "0x") || len(args[0]) < 6 {
				return usageError{fmt.Errorf("%s is not the beginning of a root", args[0])}
			}
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			upgrades, err := a.Upgrade(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if e.json {
				return e.printJSON(map[string]any{"upgrades": upgrades})
			}
			for i := range upgrades {
				e.showUpgrade(&upgrades[i])
			}
			return nil
		},
	}
	return onNetworks(e, c)
}

func (e *env) showUpgrade(u *app.UpgradeHistory) {
	fmt.Fprintf(e.stdout, "%s: epoch %d, root %s\n", u.Network, u.Epoch, u.Root)
	if u.RoutesRoot != nil && *u.RoutesRoot != u.Root {
		fmt.Fprintf(e.stdout, "  routesRoot  %s\n", u.RoutesRoot)
	}
	fmt.Fprintf(e.stdout, "  status      %s\n", u.Status)
	for _, at := range []struct {
		what string
		time uint64
	}{{"committed", u.CommittedAt}, {"eta", u.Eta}, {"applied", u.AppliedAt}, {"activated", u.ActivatedAt}, {"ended", u.EndedAt}} {
		if at.time > 0 {
			fmt.Fprintf(e.stdout, "  %-11s %s\n", at.what, clock(int64(at.time)))
		}
	}
	fmt.Fprintf(e.stdout, "  gas         %s\n  routes      %d\n", gasOf(&u.IndexedUpgrade), len(u.Selectors))
	e.showEvents(u.Events)
	for _, r := range u.Refused {
		name := r.Error
		if name == "" {
			name = "reverted"
		}
		fmt.Fprintf(e.stdout, "refused at %s: %s %s\n", clock(int64(r.BlockTime)), name, brief(r.Fields))
	}
}
