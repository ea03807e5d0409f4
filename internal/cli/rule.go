package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/config"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

func newRule(e *env) *cobra.Command {
	return group("rule", "Show the rules that raise alerts, and test them", newRuleList(e), newRuleShow(e), newRuleTest(e))
}

// configIfAny is the configuration, nil if there is none and none was named.
func (e *env) configIfAny(cmd *cobra.Command) (*config.Config, error) {
	cfg, err := config.Load(e.configPath)
	if err == nil {
		return cfg, nil
	}
	_, statErr := os.Stat(e.configPath)
	named := cmd.Flags().Changed("config") || os.Getenv("LOCKSTEP_CONFIG") != ""
	if !named && errors.Is(statErr, fs.ErrNotExist) {
		return nil, nil
	}
	return nil, err
}

// ruleSettings are those of the configuration, or the defaults if there is no configuration.
func (e *env) ruleSettings(cmd *cobra.Command) (map[string]rule.Settings, error) {
	cfg, err := e.configIfAny(cmd)
	if err != nil || cfg == nil {
		return rule.Defaults(), err
	}
	return cfg.Alerts.Rules, nil
}

// knownRule finds a rule by its name.
func knownRule(name string) (rule.Definition, error) {
	d, ok := rule.Define(name)
	if !ok {
		return d, usageError{fmt.Errorf("there is no rule %q; there are %s", name, strings.Join(ruleNames(), ", "))}
	}
	return d, nil
}

func ruleNames() (out []string) {
	for _, d := range rule.Definitions() {
		out = append(out, d.Name)
	}
	return out
}

// completesRule completes the one argument of a command to a rule.
func completesRule(c *cobra.Command) {
	c.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var out []string
		for _, d := range rule.Definitions() {
			out = append(out, cobra.CompletionWithDesc(d.Name, d.With(d.Defaults.Threshold)))
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

// ruleDoc is a rule as it is printed.
func ruleDoc(d rule.Definition, set rule.Settings) map[string]any {
	doc := map[string]any{
		"name": d.Name, "condition": d.With(set.Threshold), "severity": set.Severity, "actions": set.Actions, "off": set.Off, "runbook": d.Runbook,
	}
	if d.Unit != "" {
		doc["threshold"], doc["unit"] = set.Threshold, d.Unit
	}
	if d.Over != "" {
		doc["window"], doc["over"] = set.Window, d.Over
	}
	return doc
}

func actionWords(actions []rule.Action) string {
	var out []string
	for _, a := range actions {
		out = append(out, string(a))
	}
	return strings.Join(out, ", ")
}

// severityOf is the severity of a rule, as it is shown.
func severityOf(set rule.Settings) string {
	if set.Off {
		return "off"
	}
	return string(set.Severity)
}

func newRuleList(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the rules, as they are configured",
		Long: `List the rules that raise alerts: the condition, with its threshold, the severity and what follows,
as alerts.rules of the configuration has them; the defaults where there is no configuration.`,
		Example: "  lockstep rule list",
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := e.ruleSettings(cmd)
			if err != nil {
				return err
			}
			docs := []map[string]any{}
			rows := [][]string{{"RULE", "SEVERITY", "WINDOW", "ACTIONS"}}
			below := []string{""}
			for _, d := range rule.Definitions() {
				set := settings[d.Name]
				docs = append(docs, ruleDoc(d, set))
				window := "-"
				if d.Over != "" {
					window = rule.Seconds(set.Window)
				}
				rows = append(rows, []string{d.Name, severityOf(set), window, actionWords(set.Actions)})
				below = append(below, d.With(set.Threshold))
			}
			if e.json {
				return e.printJSON(map[string]any{"rules": docs})
			}
			e.listing(rows, below)
			return nil
		},
	}
}

func newRuleShow(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "show NAME",
		Short: "Show a rule, and what to do first when it raises an alert",
		Long: `Show a rule as alerts.rules of the configuration has it, and what to do first when it raises an
alert. Where there is no configuration, the defaults are shown.`,
		Example: "  lockstep rule show unknown_root",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := knownRule(args[0])
			if err != nil {
				return err
			}
			settings, err := e.ruleSettings(cmd)
			if err != nil {
				return err
			}
			set := settings[d.Name]
			if e.json {
				return e.printJSON(ruleDoc(d, set))
			}
			fmt.Fprintln(e.stdout, d.Name)
			fmt.Fprint(e.stdout, wrapped(d.With(set.Threshold)))
			fmt.Fprintf(e.stdout, "severity   %s\n", severityOf(set))
			if d.Unit != "" {
				fmt.Fprintf(e.stdout, "threshold  %g %s\n", set.Threshold, d.Unit)
			}
			fmt.Fprintf(e.stdout, "window     %s\n", d.WindowWords(set.Window))
			fmt.Fprintf(e.stdout, "actions    %s\n\nWhat to do first:\n", actionWords(set.Actions))
			fmt.Fprint(e.stdout, wrapped(d.Runbook))
			return nil
		},
	}
	completesRule(c)
	return c
}

// replay is what became of a recorded sequence.
type replay struct {
	File  string          `json:"file"`
	OK    bool            `json:"ok"` // all that was expected follows, and nothing else where something was
	Lines []rule.Replayed `json:"lines"`
	Error string          `json:"error,omitempty"` // why the rest of it was not read
}

func newRuleTest(e *env) *cobra.Command {
	var defaults bool
	c := &cobra.Command{
		Use:   "test FILE...",
		Short: "Show recorded sequences to the rules, and compare what follows",
		Long: `Show recorded sequences of what was seen to the rules, each to rules that have seen nothing yet, and
print which alerts are raised, renewed, confirmed and resolved by which line. If a line says what is
to follow (expect), that is compared; the exit code is 1 if anything else does. FILE - is standard
input. Nothing else happens: no network is asked, no journal is read or written, nobody is told.

The rules are as in the configuration; with --defaults, or if there is none, as they are without it.
The format is in docs/reference/rules.md.`,
		Example: "  lockstep rule test unplanned.jsonl\n  lockstep rule test --defaults - < unplanned.jsonl",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			settings := rule.Defaults()
			if !defaults {
				if settings, err = e.ruleSettings(cmd); err != nil {
					return err
				}
			}
			replays := []replay{}
			var problems []string
			for _, file := range args {
				r := e.replay(file, settings)
				if r.Error != "" {
					problems = append(problems, fmt.Sprintf("%s: %s", file, r.Error))
				}
				for _, l := range r.Lines {
					if l.Problem != "" {
						problems = append(problems, fmt.Sprintf("%s: line %d: %s", file, l.Line, l.Problem))
					}
				}
				replays = append(replays, r)
				if !e.json {
					e.showReplay(r)
				}
			}
			if e.json {
				if err := e.printJSON(map[string]any{"ok": len(problems) == 0, "files": replays}); err != nil {
					return err
				}
			}
			if len(problems) > 1 {
				return fmt.Errorf("%s; and %d more", problems[0], len(problems)-1)
			}
			if len(problems) > 0 {
				return errors.New(problems[0])
			}
			return nil
		},
	}
	c.Flags().BoolVar(&defaults, "defaults", false, "rules as they are without a configuration")
	return c
}

func (e *env) replay(file string, settings map[string]rule.Settings) (r replay) {
	r = replay{File: file, Lines: []rule.Replayed{}}
	in := e.stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			r.Error = err.Error()
			return r
		}
		defer func() { _ = f.Close() }() // it was only read
		in = f
	}
	lines, err := rule.New(settings).Replay(in)
	r.Lines = append(r.Lines, lines...)
	if err != nil {
		r.Error = err.Error()
	}
	r.OK = err == nil && !slices.ContainsFunc(lines, func(l rule.Replayed) bool { return l.Problem != "" })
	return r
}

func (e *env) showReplay(r replay) {
	fmt.Fprintln(e.stdout, r.File)
	rows, below := [][]string{{"LINE", "SIGHT", "NETWORK", "TURN", "SEVERITY", "RULE"}}, []string{""}
	turns := map[rule.Turn]int{}
	for _, l := range r.Lines {
		for _, c := range l.Changes {
			turns[c.Turn]++
			rows = append(rows, []string{fmt.Sprint(l.Line), string(l.Sight), shortened(dash(c.Alert.Network), 24), string(c.Turn), string(c.Alert.Severity), c.Alert.Rule})
			what := c.Alert.Summary
			if c.Turn == rule.Resolved {
				what = c.Alert.Resolution
			}
			below = append(below, fmt.Sprintf("%s: %s", c.Alert.Subject, what))
		}
		if l.Problem != "" {
			what := "UNEXPECTED"
			if l.Missing {
				what = "MISSING"
			}
			rows = append(rows, []string{fmt.Sprint(l.Line), string(l.Sight), shortened(dash(l.Network), 24), what, "", ""})
			below = append(below, l.Problem)
		}
	}
	if len(rows) > 1 {
		e.listing(rows, below)
	}
	end := "not as expected"
	switch {
	case r.OK:
		end = "nothing that was not expected"
	case r.Error != "":
		end = "not read to its end"
	}
	fmt.Fprintf(e.stdout, "%d lines: %d raised, %d renewed, %d confirmed, %d resolved; %s\n",
		len(r.Lines), turns[rule.Raised], turns[rule.Renewed], turns[rule.Confirmed], turns[rule.Resolved], end)
}

// dash is a text for a column, or what stands for an empty one.
func dash(text string) string {
	if text == "" {
		return "-"
	}
	return ascii(text)
}
