package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/plan"
)

func newSync(e *env) *cobra.Command {
	var out, manifestPath string
	c := &cobra.Command{
		Use:   "sync",
		Short: "Bring networks that were added or fell behind to the routes of the others",
		Long: `Compare all networks with the manifest that was rolled out, or returned to, last. With -o a plan is
written that brings those that are behind to it, deployments included: approve it, and carry it out
with lockstep rollout or lockstep start. The manifest must have been built for a network that is
new: if no file of the journal was, build it again, and name it with --manifest. That test networks
come first is not asked for again, since the manifest is live.

` + exitCodes,
		Example: "  lockstep sync\n  lockstep sync -o sync.json && lockstep approve sync.json && lockstep rollout sync.json --yes",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			if out != "" {
				return e.planSync(cmd, a, out, manifestPath)
			}
			s, err := a.Sync(cmd.Context())
			if err != nil {
				return err
			}
			behind := 0
			rows := [][]string{{"NETWORK", "CHAIN ID", "STATE", "ACTIVE ROUTES"}}
			for _, n := range s.Networks {
				active := "-"
				if n.RoutesRoot != (common.Hash{}) {
					active = n.RoutesRoot.Hex()[:12]
				}
				rows = append(rows, []string{n.Network, fmt.Sprint(n.ChainID), n.State, active})
				if n.State != "same" {
					behind++
				}
			}
			if e.json {
				err = e.printJSON(s)
			} else {
				fmt.Fprintf(e.stdout, "rolled out last: manifest %s\n                 routes   %s\n", s.Manifest, s.RoutesRoot)
				e.table(rows)
				for _, n := range s.Networks {
					if n.Reason != "" {
						fmt.Fprint(e.stdout, wrapped(n.Network+": "+ascii(n.Reason)))
					}
				}
			}
			if err == nil && behind > 0 {
				err = differenceError{fmt.Errorf("%d of %d networks do not have the routes that were rolled out last: lockstep sync -o sync.json plans it", behind, len(s.Networks))}
			}
			return err
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "write a plan that brings the networks that are behind to it")
	c.Flags().StringVar(&manifestPath, "manifest", "", "it, built again for a network that is new; default the journal's")
	return onNetworks(e, c)
}

func (e *env) planSync(cmd *cobra.Command, a *app.App, out, manifestPath string) error {
	var m *manifest.Manifest
	var file []byte
	if manifestPath != "" {
		var err error
		if m, file, err = e.verifiedManifest([]string{manifestPath}); err != nil {
			return err
		}
	}
	p, err := a.PlanSync(cmd.Context(), m, file)
	var refused *app.RefusedPlanError
	if errors.As(err, &refused) {
		return differenceError{err}
	}
	if err != nil {
		return err
	}
	data, err := plan.Encode(p)
	if err != nil {
		return err
	}
	if err := writeFile(out, data, 0o644); err != nil {
		return err
	}
	return e.printPlan(cmd.Context(), a, p, out)
}

func newHealth(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "health",
		Short: "Check the health of every network, and note what was found",
		Long: `Check every network: the dispatcher is as the last rollout has left it, its routes answer and their
code is that of the manifest, routed calls are not paused, and no root is pending that nobody
explains. What was found is noted in the journal, where waves ask for it; lockstep serve checks by
itself.

` + exitCodes,
		Example: "  lockstep health",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			found, err := a.Health(cmd.Context())
			if err != nil {
				return err
			}
			sick := 0
			rows := [][]string{{"NETWORK", "CHAIN ID", "HEALTH", "SINCE, BLOCK TIME, UTC"}}
			for _, n := range found {
				state := "healthy"
				if !n.Healthy {
					state = "LOOK"
					sick++
				}
				rows = append(rows, []string{n.Network, fmt.Sprint(n.ChainID), state, time.Unix(int64(n.Since), 0).UTC().Format(time.DateTime)})
			}
			if e.json {
				err = e.printJSON(map[string]any{"networks": found})
			} else {
				e.table(rows)
				for _, n := range found {
					if n.Problem != "" {
						fmt.Fprint(e.stdout, wrapped(n.Network+": "+ascii(n.Problem)))
					}
				}
			}
			if err == nil && sick > 0 {
				err = differenceError{fmt.Errorf("%d of %d networks are not healthy", sick, len(found))}
			}
			return err
		},
	}
	return onNetworks(e, c)
}
