package cli

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/config"
)

func newNotify(e *env) *cobra.Command {
	return group("notify", "See who is told of alerts, and try whether they can be", newNotifyList(e), newNotifyTest(e))
}

func newNotifyTest(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "test [SINK|RECEIVER]...",
		Short: "Send a test message, and say what came back",
		Long: `Send a test message to sinks, or to those of receivers, by their names in the configuration; without
a name to all sinks. It goes at once, past the queue, and is not tried again. The exit code is 1 if
one of them has not taken it. At PagerDuty it makes an incident of severity info, at Alertmanager an
alert that ends after a minute.`,
		Example: "  lockstep notify test\n  lockstep notify test security",
		Args:    namedOnce,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return e.toldNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			tests, err := a.TestSinks(cmd.Context(), args)
			if err != nil {
				return err
			}
			if e.json {
				err = e.printJSON(map[string]any{"sinks": tests})
			} else {
				e.showSinkTests(tests)
			}
			failed := 0
			for _, t := range tests {
				if !t.OK {
					failed++
				}
			}
			if failed > 0 {
				err = errors.Join(err, fmt.Errorf("%d of %d sinks have not taken the message", failed, len(tests)))
			}
			return err
		},
	}
}

func (e *env) showSinkTests(tests []app.SinkTest) {
	rows := [][]string{{"SINK", "TYPE", "RESULT", "ANSWER"}}
	for _, t := range tests {
		result, answer := "taken", fmt.Sprintf("%.0f ms", t.Milliseconds)
		if !t.OK {
			result, answer = "not taken", "-"
		}
		rows = append(rows, []string{t.Sink, t.Type, result, answer})
	}
	e.table(rows)
	for _, t := range tests {
		if !t.OK {
			fmt.Fprint(e.stdout, wrapped(t.Sink+": "+t.Error))
		}
	}
}

// namedOnce refuses an argument that stands twice.
func namedOnce(_ *cobra.Command, args []string) error {
	for i, a := range args {
		if slices.Contains(args[:i], a) {
			return fmt.Errorf("%s stands twice: name it once", a)
		}
	}
	return nil
}

// toldNames are the sinks and receivers of the configuration, none if it cannot be read.
func (e *env) toldNames() (out []string) {
	cfg, err := config.Load(e.configPath)
	if err != nil {
		return nil
	}
	for _, s := range cfg.Alerts.Sinks {
		out = append(out, s.Name)
	}
	return append(out, slices.Sorted(maps.Keys(cfg.Alerts.Receivers))...)
}

// shownMessages is how many messages that wait are shown to people.
const shownMessages = 20

func newNotifyList(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "list",
		Short: "List sinks, receivers, and what waits to be sent",
		Long: `List the sinks and receivers of the configuration, and what waits in the journal to be sent to them,
with the last error of each sink. A sink that was in the configuration once is listed while
something of it is known. LOST are messages that it refused for good, or that grew too old. The
journal is only read, and no sink is asked.`,
		Example: "  lockstep notify list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			told, err := a.Told(cmd.Context())
			if err != nil {
				return err
			}
			if e.json {
				return e.printJSON(told)
			}
			e.showTold(told)
			return nil
		},
	}
	return onJournal(e, c)
}

func (e *env) showTold(t app.Told) {
	if len(t.Sinks) == 0 {
		fmt.Fprintln(e.stdout, "nobody is told: there are no sinks in the configuration")
		return
	}
	rows := [][]string{{"SINK", "TYPE", "PER MINUTE", "WAITING", "LOST", "TOLD LAST"}}
	for _, s := range t.Sinks {
		kind, last := s.Type, "never"
		if !s.Configured {
			kind = "not configured"
		}
		if s.SentAt != 0 {
			last = clock(s.SentAt)
		}
		rows = append(rows, []string{shortened(s.Name, 30), kind, fmt.Sprint(s.PerMinute), fmt.Sprint(s.Waiting), fmt.Sprint(s.Lost), last})
	}
	e.table(rows)
	for _, s := range t.Sinks {
		if s.LastError != "" {
			fmt.Fprint(e.stdout, wrapped(fmt.Sprintf("%s, last error at %s: %s", s.Name, clock(s.ErrorAt), s.LastError)))
		}
	}
	for _, r := range t.Receivers {
		fmt.Fprint(e.stdout, wrapped(fmt.Sprintf("receiver %s: %s", r.Name, strings.Join(r.Sinks, ", "))))
	}
	for i, m := range t.Waiting {
		if i == shownMessages {
			fmt.Fprintf(e.stdout, "  and %d more\n", len(t.Waiting)-i)
			break
		}
		on := ""
		if m.Network != "" {
			on = " on " + m.Network
		}
		fmt.Fprint(e.stdout, wrapped(fmt.Sprintf("waits for %s since %s, after %d attempts: %s, %s%s: %s", m.Sink, clock(m.QueuedAt), m.Attempts, m.Kind, m.Severity, on, m.Summary)))
	}
}
