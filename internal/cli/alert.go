package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

func newAlert(e *env) *cobra.Command {
	return group("alert", "Show, acknowledge and silence alerts", newAlertList(e), newAlertShow(e), newAlertAck(e), newAlertResolve(e), newAlertSilence(e), newAlertSilences(e), newAlertUnsilence(e), newAlertPauses(e))
}

// recordID reads the id of an alert or a silence.
func recordID(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 {
		return 0, usageError{fmt.Errorf("%q is no id: ids are whole numbers from 1, as lists show them", text)}
	}
	return id, nil
}

// alertState says in a word what is being done about an alert.
func alertState(a app.KeptAlert) string {
	switch {
	case !a.Fires():
		return "resolved"
	case a.AcknowledgedBy != "":
		return "acknowledged"
	case a.Silenced:
		return "silenced"
	}
	return "firing"
}

// completing is for how long a shell may wait for the journal.
const completing = 2 * time.Second

// completesAlert completes the one argument of a command to an alert that fires.
func completesAlert(e *env, c *cobra.Command) {
	c.ValidArgsFunction = func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		journal, err := e.journal()
		if len(args) > 0 || err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completing)
		defer cancel()
		firing, err := app.Alerts(ctx, journal, app.AlertQuery{Firing: true})
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var out []string
		for _, a := range firing {
			out = append(out, cobra.CompletionWithDesc(fmt.Sprint(a.ID), fmt.Sprintf("%s %s %s", a.Severity, a.Rule, a.Network)))
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

func newAlertList(e *env) *cobra.Command {
	var all, check bool
	var since time.Duration
	var limit int
	c := &cobra.Command{
		Use:   "list",
		Short: "List the alerts that fire, the newest first",
		Long: `List the alerts of the journal that fire, the newest first; with --since those that fired within a
time, and with --all every one, so that resolved ones are among them. With --check, the exit code is
3 if one fires that is critical or high and no silence covers.

` + exitCodes,
		Example: "  lockstep alert list --check\n  lockstep alert list --since 24h",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 0 {
				return usageError{errors.New("--limit must not be negative; 0 shows all")}
			}
			if since < 0 {
				return usageError{errors.New("--since must not be negative: it is a time such as 24h")}
			}
			journal, err := e.journal()
			if err != nil {
				return err
			}
			q := app.AlertQuery{Firing: !all && since == 0}
			if since > 0 {
				q.Since = time.Now().Add(-since).Unix()
			}
			if limit > 0 {
				q.Limit = limit + 1 // whether there are more
			}
			alerts, err := app.Alerts(cmd.Context(), journal, q)
			if err != nil {
				return err
			}
			more := limit > 0 && len(alerts) > limit
			if more {
				alerts = alerts[:limit]
			}
			if e.json {
				err = e.printJSON(map[string]any{"alerts": alerts, "more": more})
			} else {
				e.showAlerts(alerts, q.Firing, more)
			}
			if err != nil || !check {
				return err
			}
			return graveOnes(cmd, journal)
		},
	}
	c.Flags().BoolVar(&all, "all", false, "resolved ones too")
	c.Flags().DurationVar(&since, "since", 0, "those alone that fired within this time, such as 24h; resolved ones too")
	c.Flags().IntVar(&limit, "limit", 100, "how many at most; 0 shows all")
	c.Flags().BoolVar(&check, "check", false, "exit with 3 if one fires that is critical or high")
	return onJournal(e, c)
}

// graveOnes is an error if an alert fires that is critical or high, and that nobody has silenced.
func graveOnes(cmd *cobra.Command, journal string) error {
	firing, err := app.Alerts(cmd.Context(), journal, app.AlertQuery{Firing: true})
	if err != nil {
		return err
	}
	firing = slices.DeleteFunc(firing, func(a app.KeptAlert) bool { return !a.Severity.AtLeast(rule.High) || a.Silenced })
	if n := len(firing); n > 0 {
		return differenceError{fmt.Errorf("alerts fire that are critical or high: %d; the newest is %d, %s: %s", n, firing[0].ID, firing[0].Rule, ascii(firing[0].Summary))}
	}
	return nil
}

func (e *env) showAlerts(alerts []app.KeptAlert, firing, more bool) {
	if len(alerts) == 0 {
		what := "no alert is in the journal"
		if firing {
			what = "no alert fires"
		}
		fmt.Fprintln(e.stdout, what)
		return
	}
	rows, below := [][]string{{"ID", "SEVERITY", "RULE", "NETWORK", "STATE", "RAISED, UTC"}}, []string{""}
	for _, a := range alerts {
		rows = append(rows, []string{fmt.Sprint(a.ID), string(a.Severity), a.Rule, shortened(dash(a.Network), 24), alertState(a), clock(a.RaisedAt)})
		below = append(below, a.Summary)
	}
	e.listing(rows, below)
	if more {
		fmt.Fprintln(e.stdout, "there are more; --limit 0 shows all")
	}
}

func newAlertShow(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:     "show ID",
		Short:   "Show an alert, who has it in hand, and what to do first",
		Example: "  lockstep alert show 12",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := recordID(args[0])
			if err != nil {
				return err
			}
			journal, err := e.journal()
			if err != nil {
				return err
			}
			a, err := app.Alert(cmd.Context(), journal, id)
			if err != nil {
				return err
			}
			if e.json {
				return e.printJSON(a)
			}
			e.showAlert(a)
			return nil
		},
	}
	completesAlert(e, c)
	return onJournal(e, c)
}

func (e *env) showAlert(a app.KeptAlert) {
	where := ""
	if a.Network != "" {
		where = " on " + ascii(a.Network)
	}
	fmt.Fprintf(e.stdout, "alert %d: %s%s, %s, %s\n", a.ID, a.Rule, where, a.Severity, alertState(a))
	fmt.Fprint(e.stdout, wrapped(ascii(a.Summary)))
	line := func(name, format string, args ...any) {
		fmt.Fprint(e.stdout, wrapped(name+": "+ascii(fmt.Sprintf(format, args...))))
	}
	line("subject", "%s", a.Subject)
	for _, d := range a.Details {
		line(ascii(d.Name), "%s", d.Value)
	}
	if a.Contract != (common.Address{}) {
		line("contract", "%s", a.Contract)
	}
	if a.Block != (rollout.Block{}) {
		final := "not final yet"
		if a.Confirmed {
			final = "final"
		}
		line("block", "%d, %s", a.Block.Number, final)
	}
	if a.Tx != (common.Hash{}) {
		line("transaction", "%s", a.Tx)
	}
	line("raised", "%s UTC; seen %s, last %s UTC", clock(a.RaisedAt), times(a.Count), clock(a.SeenAt))
	line("actions", "%s", actionWords(a.Actions))
	switch {
	case a.AcknowledgedBy != "":
		line("acknowledged", "%s UTC by %s", clock(a.AcknowledgedAt), a.AcknowledgedBy)
	case a.Level > 0:
		line("escalated", "to level %d", a.Level)
	}
	if a.Note != "" {
		line("note", "%s", a.Note)
	}
	if !a.Fires() {
		line("resolved", "%s UTC: %s", clock(a.ResolvedAt), a.Resolution)
		return
	}
	if d, ok := rule.Define(a.Rule); ok {
		fmt.Fprintln(e.stdout, "\nWhat to do first:")
		fmt.Fprint(e.stdout, wrapped(d.Runbook))
	}
	if a.Has(rule.ActCancel) && a.Network != "" {
		fmt.Fprint(e.stdout, wrapped("lockstep cancel --network "+ascii(a.Network)+" takes the pending root back"))
	}
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

func newAlertAck(e *env) *cobra.Command {
	var note string
	c := &cobra.Command{
		Use:   "ack ID",
		Short: "Acknowledge an alert: you have it in hand, and nobody else need be told",
		Long: `Acknowledge an alert: whoever does has it in hand, and its escalation ends. The first one stays. It
fires on until what it sees is over. Who it was, when, and the note are in the audit log.`,
		Example: "  lockstep alert ack 12 --note 'our new signer, which lacks a role; plan is in review'",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			id, err := recordID(args[0])
			if err != nil {
				return err
			}
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			alert, done, err := a.Acknowledge(cmd.Context(), id, app.Who(), note)
			if err != nil {
				return err
			}
			if e.json {
				return e.printJSON(acknowledged{alert, done})
			}
			if !done {
				fmt.Fprintln(e.stdout, "it was acknowledged before")
			}
			e.showAlert(alert)
			return nil
		},
	}
	c.Flags().StringVar(&note, "note", "", "what is known, or being done, for those who look later")
	completesAlert(e, c)
	return onJournal(e, c)
}

// acknowledged is an alert that is acknowledged, and whether that was by this command.
type acknowledged struct {
	app.KeptAlert
	Done bool `json:"done"`
}

func newAlertResolve(e *env) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "resolve ID",
		Short: "End an alert from outside whose reporter does not say that it is over",
		Long: `End an alert from outside (rule external), which otherwise fires until whoever reported it says that
it is over. If it is reported again, it is a new alert. All others are about what is seen here, and
end by themselves when that is over: they are refused. Who ended it, and why, is in the audit log.`,
		Example: "  lockstep alert resolve 12 --reason 'the monitor that reported it was removed'",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			id, err := recordID(args[0])
			if err != nil {
				return err
			}
			if err := needsReason(reason); err != nil {
				return err
			}
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			alert, err := a.ResolveReported(cmd.Context(), id, app.Who(), strings.TrimSpace(reason))
			if err != nil {
				return err
			}
			if e.json {
				return e.printJSON(alert)
			}
			e.showAlert(alert)
			return nil
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "how it is known that it is over; required")
	completesAlert(e, c)
	return onJournal(e, c)
}

// For how long alerts can be silenced.
const (
	shortestSilence = time.Minute
	longestSilence  = 30 * 24 * time.Hour
)

func newAlertSilence(e *env) *cobra.Command {
	var network, subject, reason string
	var lasts time.Duration
	c := &cobra.Command{
		Use:   "silence RULE",
		Short: "Silence alerts of a rule for a time, with a reason",
		Long: `Silence alerts of a rule for a time, from 1m to 720h: they are raised and recorded, and nothing
follows from them, no automatic pause either. --subject is a pattern for all of what they are about:
* stands for any characters, ? for one, [ab] for one of several. Who silenced what, and why, is in
the audit log.`,
		Example: `  lockstep alert silence rpc_down --network linea --for 2h --reason 'the provider maintains it'
  lockstep alert silence rpc_down --subject '*infra.example*' --for 2h --reason 'they maintain it'
  lockstep alert silence balance_low --subject '0x1234*' --for 72h --reason 'not in use'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			d, err := knownRule(args[0])
			if err != nil {
				return err
			}
			if lasts < shortestSilence || lasts > longestSilence {
				return usageError{fmt.Errorf("say with --for how long, from 1m to %dh", int(longestSilence.Hours()))}
			}
			if err := needsReason(reason); err != nil {
				return err
			}
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			s, err := a.Silence(cmd.Context(), rule.Silence{Rule: d.Name, Network: network, Subject: subject, Reason: strings.TrimSpace(reason), By: app.Who()}, lasts)
			if err != nil {
				return err
			}
			if e.json {
				return e.printJSON(s)
			}
			fmt.Fprintf(e.stdout, "silence %d: %s until %s UTC; lockstep alert unsilence %d ends it before\n", s.ID, s.Rule, clock(s.Until), s.ID)
			return nil
		},
	}
	c.Flags().StringVar(&network, "network", "", "only alerts about this network")
	c.Flags().StringVar(&subject, "subject", "", "only alerts about subjects that match this pattern")
	c.Flags().DurationVar(&lasts, "for", 0, "for how long, such as 2h")
	c.Flags().StringVar(&reason, "reason", "", "why, for the audit log")
	completesRule(c)
	completes(c, "network", func(string) []string { return e.networkNames() })
	return onJournal(e, c)
}

func newAlertSilences(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:     "silences",
		Short:   "List the silences that hold",
		Example: "  lockstep alert silences",
		RunE: func(cmd *cobra.Command, _ []string) error {
			journal, err := e.journal()
			if err != nil {
				return err
			}
			all, err := app.Silences(cmd.Context(), journal)
			if err != nil {
				return err
			}
			if e.json {
				return e.printJSON(map[string]any{"silences": append([]rule.Silence{}, all...)})
			}
			if len(all) == 0 {
				fmt.Fprintln(e.stdout, "nothing is silenced")
				return nil
			}
			rows, below := [][]string{{"ID", "RULE", "NETWORK", "UNTIL, UTC", "BY"}}, []string{""}
			for _, s := range all {
				rows = append(rows, []string{fmt.Sprint(s.ID), s.Rule, shortened(dash(s.Network), 20), clock(s.Until), shortened(ascii(s.By), 24)})
				text := s.Reason
				if s.Subject != "" {
					text = "about " + s.Subject + ": " + text
				}
				below = append(below, text)
			}
			e.listing(rows, below)
			return nil
		},
	}
	return onJournal(e, c)
}

func newAlertUnsilence(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:     "unsilence ID",
		Short:   "End a silence before its time",
		Example: "  lockstep alert unsilence 3",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			id, err := recordID(args[0])
			if err != nil {
				return err
			}
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			if err := a.Unsilence(cmd.Context(), id, app.Who()); err != nil {
				return err
			}
			if e.json {
				return e.printJSON(map[string]any{"id": id, "state": "ended"})
			}
			fmt.Fprintf(e.stdout, "silence %d has ended\n", id)
			return nil
		},
	}
	c.ValidArgsFunction = func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		journal, err := e.journal()
		if len(args) > 0 || err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completing)
		defer cancel()
		all, err := app.Silences(ctx, journal)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var out []string
		for _, s := range all {
			out = append(out, cobra.CompletionWithDesc(fmt.Sprint(s.ID), fmt.Sprintf("%s: %s", s.Rule, s.Reason)))
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
	return onJournal(e, c)
}
