package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

func newAlertPauses(e *env) *cobra.Command {
	var last int
	var check bool
	c := &cobra.Command{
		Use:   "pauses",
		Short: "List what the automatic pause has decided, and whether it could pause now",
		Long: `List the last decisions of the automatic pause (alerts.pause), the newest first: what asked for it,
what came of it, and how long it took from the arrival of the block. With --check each network is
asked first whether the key could pause it now: it must hold PAUSER_ROLE and nothing else, and have
the money. Then the exit code is 3 if the mode is on and it could not somewhere. The key's password
may be asked for.

` + exitCodes,
		Example: "  lockstep alert pauses --check\n  lockstep alert pauses --last 100 --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if last < 1 {
				return usageError{errors.New("--last must be at least 1")}
			}
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			status := []app.PauseStatus{}
			if check {
				if status, err = a.CheckPause(cmd.Context()); err != nil {
					return err
				}
			}
			decisions, err := a.Pauses(cmd.Context(), last)
			if err != nil {
				return err
			}
			if e.json {
				err = e.printJSON(map[string]any{"networks": status, "decisions": decisions})
			} else {
				e.showPauses(status, decisions)
			}
			if err != nil {
				return err
			}
			for _, s := range status {
				if s.Mode == rollout.PauseOn && !s.Armed {
					return differenceError{fmt.Errorf("nothing would be paused automatically on %s", s.Network)}
				}
			}
			return nil
		},
	}
	c.Flags().IntVar(&last, "last", 20, "how many decisions at most")
	c.Flags().BoolVar(&check, "check", false, "ask each network whether the key could pause it; exit with 3 if not")
	return onNetworks(e, c)
}

func (e *env) showPauses(status []app.PauseStatus, decisions []app.PauseDecision) {
	for _, s := range status {
		armed := "could pause"
		if !s.Armed {
			armed = "could not pause"
		}
		text := fmt.Sprintf("%s: mode %s, %s", ascii(s.Network), s.Mode, armed)
		if len(s.Problems) > 0 {
			text += ": " + ascii(strings.Join(s.Problems, "; "))
		}
		fmt.Fprint(e.stdout, wrapped(text))
	}
	if len(status) > 0 {
		fmt.Fprintln(e.stdout)
	}
	if len(decisions) == 0 {
		fmt.Fprintln(e.stdout, "the automatic pause has decided nothing yet")
		return
	}
	rows, below := [][]string{{"ID", "NETWORK", "RULE", "OUTCOME", "TOOK", "DECIDED, UTC"}}, []string{""}
	for _, d := range decisions {
		took, why := "-", d.Reason
		if d.Took > 0 {
			took = fmt.Sprintf("%d ms", d.Took)
		}
		if d.Note != "" {
			why += ": " + d.Note
		}
		rows = append(rows, []string{fmt.Sprint(d.ID), shortened(d.Network, 24), d.Rule, string(d.Outcome), took, clock(d.DecidedAt / 1000)})
		below = append(below, why)
	}
	e.listing(rows, below)
}
