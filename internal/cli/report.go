package cli

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/objective"
)

// longestReport bounds of how many days a report can be.
const longestReport = 366

func newReport(e *env) *cobra.Command {
	var days int
	var check bool
	c := &cobra.Command{
		Use:   "report",
		Short: "Compare what the journal tells of the last days with the objectives",
		Long: `Compare what the journal tells of the last days with the objectives: each network healthy for more
than 99.9 % of the time, more than 99 % of transactions successful, gas within 10 % of the published
figures, critical alerts answered in less than 15 minutes; no privileged change without an approved
plan, no code violation, no unplanned pause, no incident without a note.

What was not measured is said to be so, and is not met: time in which no daemon checked a network is
not time in which it was healthy, and nothing is said of what nobody looked for. With --check, the
exit code is 1 if an objective is not met; one that was not measured is none of those.`,
		Example: "  lockstep report --days 90\n  lockstep report --check --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if days < 1 || days > longestReport {
				return usageError{fmt.Errorf("--days must be from 1 to %d", longestReport)}
			}
			journal, err := e.journal()
			if err != nil {
				return err
			}
			cfg, err := e.configIfAny(cmd)
			if err != nil {
				return err
			}
			until := time.Now()
			from := until.AddDate(0, 0, -days)
			results, err := app.Objectives(cmd.Context(), journal, cfg, from.Unix(), until.Unix())
			if err != nil {
				return err
			}
			if e.json {
				err = e.printJSON(map[string]any{"days": days, "from": from.Unix(), "to": until.Unix(), "objectives": results})
			} else {
				e.showObjectives(days, from, results)
			}
			if err != nil || !check {
				return err
			}
			var missed []string
			for _, r := range results {
				if r.Verdict == objective.NotMet {
					missed = append(missed, string(r.Name))
				}
			}
			if len(missed) > 0 {
				return fmt.Errorf("not met: %s", strings.Join(missed, ", "))
			}
			return nil
		},
	}
	c.Flags().IntVar(&days, "days", 30, "of how many days until now")
	c.Flags().BoolVar(&check, "check", false, "exit with 1 if an objective is not met")
	completes(c, "days", oneOf("30", "90"))
	return onJournal(e, c)
}

func (e *env) showObjectives(days int, from time.Time, results []objective.Result) {
	fmt.Fprintf(e.stdout, "%d days, from %s UTC\n", days, clock(from.Unix()))
	rows, below := [][]string{{"OBJECTIVE", "VERDICT", "VALUE"}}, []string{""}
	for _, r := range results {
		rows = append(rows, []string{string(r.Name), strings.ToUpper(string(r.Verdict)), reached(r.Name, r.Value)})
		below = append(below, r.Title+": "+r.How)
		for _, p := range r.Parts {
			rows = append(rows, []string{"  " + shortened(ascii(p.Network), 24), string(p.Verdict), reached(r.Name, p.Value)})
			below = append(below, "")
		}
	}
	e.listing(rows, below)
}

// reached is the value of an objective as it is shown.
func reached(name objective.Name, v *float64) string {
	switch {
	case v == nil:
		return "-"
	case name == objective.Uptime || name == objective.Success:
		return fmt.Sprintf("%.2f %%", math.Floor(*v*1e4)/100) // not rounded up to what it does not reach
	case name == objective.Gas:
		return fmt.Sprintf("%+.1f %%", *v*100)
	case name == objective.Answer:
		return (time.Duration(*v) * time.Second).String()
	}
	return fmt.Sprintf("%g", *v)
}
