package cli

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
)

func newStatus(e *env) *cobra.Command {
	var check bool
	c := &cobra.Command{
		Use:   "status [MANIFEST]",
		Short: "Show the state of every network",
		Long: `Show the state of the dispatcher on every network, at its head. If there is a manifest, live routes
and code are compared with it. With --check, the exit code is 3 unless every network runs the
manifest's routes with its code, none is paused, and none has a pending root that no rollout of the
journal explains.

` + exitCodes,
		Example: "  lockstep status --check",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			var m *manifest.Manifest
			if _, statErr := os.Stat(defaultManifest(e.configPath)); len(args) > 0 || statErr == nil {
				if m, _, err = e.verifiedManifest(args); err != nil {
					return err
				}
			} else if check {
				return fmt.Errorf("there is no %s to check against: name a manifest", defaultManifest(e.configPath))
			}
			s, err := a.Status(cmd.Context(), m)
			if err != nil {
				return err
			}
			if e.json {
				if err := e.printJSON(s); err != nil {
					return err
				}
			} else {
				e.showStatus(s)
			}
			if check && !s.Consistent {
				return differenceError{errors.New("the networks do not all run the manifest's routes")}
			}
			for _, n := range s.Networks {
				if n.Error != "" {
					return fmt.Errorf("%s: %s", n.Network, n.Error)
				}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&check, "check", false, "exit with 3 if a network differs")
	return onNetworks(e, c)
}

func (e *env) showStatus(s *app.Status) {
	fmt.Fprintf(e.stdout, "dispatcher %s\n", s.Dispatcher)
	rows := [][]string{{"NETWORK", "BLOCK", "EPOCH", "ACTIVE", "MANIFEST", "PENDING", "STATE"}}
	for _, n := range s.Networks {
		if n.Error != "" {
			rows = append(rows, []string{n.Network, "-", "-", "-", "-", "-", "unreachable"})
			continue
		}
		if !n.Deployed {
			rows = append(rows, []string{n.Network, fmt.Sprint(n.Block), "-", "-", "-", "-", "not deployed"})
			continue
		}
		state := "running"
		if n.ActiveEpoch == 0 {
			state = "no routes yet"
		}
		if n.Paused {
			state = "PAUSED"
		}
		if n.Open > 0 {
			state += fmt.Sprintf(", %d open", n.Open)
		}
		if n.Running {
			state += ", in rollout"
		}
		if len(n.Differences) > 0 && !n.Paused {
			state = "LOOK"
		}
		pending := "-"
		if n.PendingRoot != (common.Hash{}) {
			pending = n.PendingRoot.Hex()[:10] + " ready"
			if n.ReadyIn > 0 {
				pending = n.PendingRoot.Hex()[:10] + " in " + (time.Duration(n.ReadyIn) * time.Second).String()
			}
		}
		active, matches := "-", "-"
		if n.ActiveEpoch > 0 {
			active = n.ActiveRoot.Hex()[:10]
		}
		if s.Manifest != nil {
			matches = "other"
			if n.MatchesRoot {
				matches = "same"
			}
		}
		rows = append(rows, []string{n.Network, fmt.Sprint(n.Block), fmt.Sprint(n.ActiveEpoch), active, matches, pending, state})
	}
	e.table(rows)
	if s.Alerts > 0 {
		fmt.Fprintf(e.stdout, "alerts fire that are critical or high: %d; see lockstep alert list\n", s.Alerts)
	}
	for _, n := range s.Networks {
		if n.Error != "" {
			fmt.Fprintf(e.stdout, "%s: %s\n", n.Network, n.Error)
		}
		for _, d := range n.Differences {
			fmt.Fprintf(e.stdout, "%s: %s\n", n.Network, d)
		}
	}
}
