package cli

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

func newServe(e *env) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Carry out the plans that are handed over, on every network, until it is stopped",
		Long: `Carry out every plan that is handed over with lockstep start, on every network: deployments, commit,
pages, timelock, activation. It may be killed at any time, and goes on where it was. Stopped with
SIGTERM or an interrupt, it finishes the step in hand on each network, for 20 seconds at most.

With a journal in PostgreSQL any number of processes may serve it, on any number of machines: each
network of each plan is in the hands of one of them, and another takes over within seconds when that
one is gone. It needs the key files of those who send.

What it does is logged to standard error, and can be asked over HTTP (serve.listen): health,
readiness, metrics, executions, alerts. It also checks the health of all networks from time to time.

One of the processes watches: it keeps the events of the dispatchers in the journal, raises alerts
about what no approved plan explains, and tells people, or pauses, as the configuration says
(alerts).`,
		Example: "  lockstep serve\n  lockstep serve --log json --journal postgres://lockstep@db.example/lockstep",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if !slices.Contains([]string{"text", "json"}, format) {
				return usageError{fmt.Errorf("--log is %q, known are text and json", format)}
			}
			e.log = e.daemonLog(format)
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			return a.Serve(cmd.Context(), func(url string) {
				if e.json {
					e.printed = true
					_ = json.NewEncoder(e.stdout).Encode(map[string]any{"url": url, "version": app.Version})
					return
				}
				fmt.Fprintf(e.stdout, "lockstep %s listens on %s\n", app.Version, url)
			})
		},
	}
	c.Flags().StringVar(&format, "log", "text", "how to write the log: text or json")
	c.Flags().StringVar(&e.record, "record", "", "add everything that is seen to this file, which rule test replays")
	completes(c, "log", oneOf("text", "json"))
	return onNetworks(e, c)
}

// daemonLog tells what happens, not only what is wrong.
func (e *env) daemonLog(format string) *slog.Logger {
	level := slog.LevelInfo
	if e.verbose {
		level = slog.LevelDebug
	}
	opts := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(e.stderr, opts))
	}
	return slog.New(slog.NewTextHandler(e.stderr, opts))
}

func newStart(e *env) *cobra.Command {
	var dryRun bool
	var manifestPath string
	c := &cobra.Command{
		Use:   "start PLAN",
		Short: "Hand an approved plan over to lockstep serve",
		Long: `Hand a plan for deploy, rollout or rollback over to lockstep serve, through the journal that both
use. It is made again first, and refused if it lacks approvals or if anything has moved. With
--dry-run it is only compared, and what it would send is shown. See lockstep execution for what
becomes of it.`,
		Example: "  lockstep start plan.json --yes && lockstep execution list",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			p, signed, err := readPlan(args[0])
			if err != nil {
				return err
			}
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			m, file, err := e.planManifest(cmd, a, p, manifestPath)
			if err != nil {
				return err
			}
			x := app.Execution{Plan: p, Signed: signed, Again: func() []plan.Approval { return revocations(args[0]) }, Manifest: m, File: file}
			if dryRun {
				outcomes, err := a.ExecuteDry(cmd.Context(), x)
				return e.printOutcomes(outcomes, err)
			}
			e.question = fmt.Sprintf("hand over plan %s: %s on %s", p.Digest.Hex()[:10], p.Intent.Action, where(a))
			if err := e.canConfirm(e.question); err != nil {
				return err
			}
			r, err := a.HandOver(cmd.Context(), x, app.Who())
			if err != nil {
				return err
			}
			return e.printExecution(r)
		},
	}
	forManifest(c, &manifestPath)
	return sending(e, c, &dryRun)
}

func newExecution(e *env) *cobra.Command {
	return group("execution", "Show and steer how plans are carried out", newExecutionList(e), newExecutionShow(e), newExecutionStop(e), newExecutionRetry(e),
		newExecutionExclude(e))
}

func newExecutionList(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the plans that are or were carried out, the newest first",
		Example: "  lockstep execution list",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			all, err := a.Executions(cmd.Context())
			if err != nil {
				return err
			}
			if e.json {
				return e.printJSON(map[string]any{"executions": all})
			}
			if len(all) == 0 {
				fmt.Fprintln(e.stdout, "no plan was carried out yet")
				return nil
			}
			rows := [][]string{{"PLAN", "ACTION", "STATUS", "BY", "BEGUN, UTC", "NETWORKS"}}
			for _, r := range all {
				by := "a command"
				if r.Served {
					by = "serve"
				}
				rows = append(rows, []string{r.Plan.Hex()[:12], r.Action, r.Status, by, clock(r.Begun), counted(r)})
			}
			e.table(rows)
			return nil
		},
	}
	return onNetworks(e, c)
}

// counted says on how many networks an execution is in which state.
func counted(r app.ExecutionReport) string {
	var order []rollout.NetworkState
	n := map[rollout.NetworkState]int{}
	for _, s := range r.Networks {
		if n[s.State] == 0 {
			order = append(order, s.State)
		}
		n[s.State]++
	}
	var out []string
	for _, s := range order {
		out = append(out, fmt.Sprintf("%d %s", n[s], s))
	}
	return strings.Join(out, ", ")
}

func newExecutionShow(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "show PLAN",
		Short: "Show where the carrying out of a plan stands on each network, and why",
		Long: `Show where the carrying out of a plan stands on each network, and why it is not further. PLAN is its
digest, or the beginning of it.

A network is waiting (it may not begin yet), working, ready (it could be activated, and must not
yet), releasing (all were let go), unreachable, halted (somebody must look), excluded, or done.`,
		Example: "  lockstep execution show 0x3f9c2e8a",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			r, err := a.Execution(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return e.printExecution(r)
		},
	}
	return onNetworks(e, c)
}

func (e *env) printExecution(r app.ExecutionReport) error {
	if e.json {
		return e.printJSON(r)
	}
	by := "by a command"
	if r.Served {
		by = "by lockstep serve"
	}
	fmt.Fprintf(e.stdout, "plan    %s\naction  %s, %s %s since %s UTC\n", r.Plan, r.Action, r.Status, by, clock(r.Begun))
	if r.Reason != "" {
		fmt.Fprint(e.stdout, wrapped("reason: "+r.Reason))
	}
	if r.Served && r.Status == "running" && !r.Serving {
		fmt.Fprint(e.stdout, wrapped("no daemon serves this journal now: run lockstep serve"))
	}
	for _, l := range r.Order {
		fmt.Fprint(e.stdout, wrapped("order: "+l))
	}
	fmt.Fprintln(e.stdout)
	rows := [][]string{{"NETWORK", "CHAIN ID", "STATE", "SINCE, UTC"}}
	for _, n := range r.Networks {
		rows = append(rows, []string{n.Network, fmt.Sprint(n.ChainID), string(n.State), clock(n.Changed)})
	}
	e.table(rows)
	for _, n := range r.Networks {
		if n.Reason != "" {
			fmt.Fprint(e.stdout, wrapped(n.Network+": "+ascii(n.Reason)))
		}
	}
	return nil
}

// deciding is a command that an operator decides something with.
func (e *env) deciding(cmd *cobra.Command, question string, act func(*app.App) (app.ExecutionReport, error)) (err error) {
	a, _, err := e.open()
	if err != nil {
		return err
	}
	defer closing(a, &err)
	if err := e.confirm(cmd.Context(), question); err != nil {
		return err
	}
	r, err := act(a)
	if err != nil {
		return err
	}
	return e.printExecution(r)
}

// reasoned adds the flags of decisions.
func reasoned(e *env, c *cobra.Command, reason *string) *cobra.Command {
	c.Flags().StringVar(reason, "reason", "", "why, for the audit log")
	c.Flags().BoolVar(&e.yes, "yes", false, "do not ask for confirmation")
	return onJournal(e, c)
}

func needsReason(reason string) error {
	if strings.TrimSpace(reason) == "" {
		return usageError{fmt.Errorf("say with --reason why: it is kept in the audit log")}
	}
	return nil
}

func newExecutionStop(e *env) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "stop PLAN",
		Short: "Take a plan back from whoever carries it out",
		Long: `Take a plan back from lockstep serve, or from a command that carries it out, on all networks,
before their next step. What was sent stays sent: a root that is pending is taken back with
lockstep cancel. lockstep execution retry goes on.`,
		Example: `  lockstep execution stop 0x3f9c2e8a --reason 'the audit found something' --yes`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := needsReason(reason); err != nil {
				return err
			}
			return e.deciding(cmd, "stop carrying out plan "+args[0], func(a *app.App) (app.ExecutionReport, error) {
				return a.StopExecution(cmd.Context(), args[0], reason, app.Who())
			})
		},
	}
	return reasoned(e, c, &reason)
}

func newExecutionRetry(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "retry PLAN",
		Short: "Go on with a plan that was stopped, and look again where it halted",
		Long: `Go on with a plan that was stopped, and look again at once at networks where it has halted: once
what stood in the way is out of it. Serve looks again by itself every half minute, but not where
steps have reverted again and again, where the plan does not hold any more, or where it has expired.`,
		Example: "  lockstep execution retry 0x3f9c2e8a --yes",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.deciding(cmd, "go on with plan "+args[0], func(a *app.App) (app.ExecutionReport, error) {
				return a.RetryExecution(cmd.Context(), args[0], app.Who())
			})
		},
	}
	c.Flags().BoolVar(&e.yes, "yes", false, "do not ask for confirmation")
	return onJournal(e, c)
}

func newExecutionExclude(e *env) *cobra.Command {
	var reason, network string
	c := &cobra.Command{
		Use:   "exclude PLAN",
		Short: "Take a network out of a plan, so that the others no longer wait for it",
		Long: `Take a network out of the carrying out of a plan, for good, so that the others no longer wait for
it: one that cannot be reached, or cannot be activated. It keeps the routes that it has. Bring it to
those of the others later, with lockstep sync.`,
		Example: `  lockstep execution exclude 0x3f9c2e8a --network linea --reason 'the sequencer is down' --yes`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if network == "" {
				return usageError{fmt.Errorf("say with --network which one is taken out")}
			}
			if err := needsReason(reason); err != nil {
				return err
			}
			return e.deciding(cmd, fmt.Sprintf("take %s out of plan %s for good", network, args[0]), func(a *app.App) (app.ExecutionReport, error) {
				return a.ExcludeNetwork(cmd.Context(), args[0], network, reason, app.Who())
			})
		},
	}
	c.Flags().StringVar(&network, "network", "", "the network that is taken out")
	completes(c, "network", e.networkList)
	return reasoned(e, c, &reason)
}
