// Package cli is the command line: it reads flags, asks, and prints. What is done is in package app.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/config"
)

// Exit codes.
const (
	exitDone       = 0
	exitFailed     = 1 // refused or failed
	exitUsage      = 2
	exitDifference = 3 // a check found a difference
)

const exitCodes = `Exit codes: 0 done, 1 refused or failed, 2 usage, 3 a check found a difference.`

// usageError is a mistake on the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// differenceError says that a check did its work and found a difference.
type differenceError struct{ error }

func (e differenceError) Unwrap() error { return e.error }

// env is what all commands share.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	configPath  string
	journalPath string
	networks    []string
	json        bool
	yes         bool
	verbose     bool
	careful     bool
	record      string // of serve: a file to which what is seen is added
	batchDelay  time.Duration

	printed  bool         // a JSON document
	live     *live        // the table of progress, if there is one
	question string       // that confirmDeploy asks
	log      *slog.Logger // of a daemon; nil for that of commands
}

// Main runs the program and returns its exit code.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	e := &env{stdin: stdin, stdout: stdout, stderr: stderr}
	root := newRoot(e)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	code, text := explain(ctx, err)
	fmt.Fprintln(stderr, text)
	// flags after one that is wrong have not been read
	if (e.json || slices.Contains(args, "--json")) && !e.printed {
		if err := e.printJSON(map[string]any{"error": text, "exitCode": code}); err != nil {
			fmt.Fprintf(stderr, "lockstep: %v\n", err)
		}
	}
	return code
}

// explain maps an error to its exit code and to what is printed.
func explain(ctx context.Context, err error) (code int, text string) {
	var usage usageError
	var difference differenceError
	var cfg *config.Error
	switch {
	case errors.As(err, &difference):
		return exitDifference, "lockstep: " + err.Error()
	case errors.As(err, &usage):
		return exitUsage, "lockstep: " + err.Error()
	case errors.As(err, &cfg):
		return exitFailed, cfg.Error()
	case ctx.Err() != nil && !errors.Is(err, errNotConfirmed):
		return exitFailed, "lockstep: interrupted; what was sent is in the journal, and running the command again goes on"
	}
	return exitFailed, "lockstep: " + err.Error()
}

func newRoot(e *env) *cobra.Command {
	var version bool
	root := &cobra.Command{
		Use:   "lockstep",
		Short: "Deterministic, time-locked, auditable upgrades of smart contracts on many networks",
		Long: `Lockstep brings one set of smart-contract routes to every network a protocol runs on.

  init ─► manifest build ─► plan ─► approve ─► rollout ─► status     demo shows all of it in seconds

` + exitCodes,
		Example:       "  lockstep demo\n  lockstep init && lockstep manifest build && lockstep deploy && lockstep rollout",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case version && e.json:
				return e.printJSON(map[string]any{"version": app.Version})
			case version:
				fmt.Fprintf(e.stdout, "lockstep version %s\n", app.Version)
				return nil
			}
			return cmd.Help()
		},
	}
	root.Flags().BoolVar(&version, "version", false, "print the version")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
	})
	f := root.PersistentFlags()
	f.StringVar(&e.configPath, "config", fromEnv("LOCKSTEP_CONFIG", "lockstep.yaml"), "configuration file (LOCKSTEP_CONFIG)")
	f.BoolVar(&e.json, "json", false, "print one JSON document")
	f.BoolVarP(&e.verbose, "verbose", "v", false, "log every decision to standard error")
	root.AddCommand(
		newDemo(e), newInit(e), newConfig(e), newManifest(e), newDeploy(e), newRollout(e), newRollback(e),
		newAct(e, "pause", "Stop routed calls on every network; nothing else stops"),
		newAct(e, "unpause", "Resume routed calls on every network"),
		newAct(e, "cancel", "Take the pending root back on every network"),
		newPlan(e), newShow(e), newApprove(e), newApprovals(e), newServe(e), newStart(e), newExecution(e), newSync(e), newHealth(e), newStatus(e), newTransaction(e), newRelay(e), newNotify(e), newAudit(e), newDB(e), newLayout(e), newNetwork(e), newAddress(e), newKey(e), newToken(e), newMan(e), newCompletion(e), newMetrics(e), newRule(e), newAlert(e), newEvent(e), newUpgrade(e), newReport(e),
	)
	help := newHelp()
	root.SetHelpCommand(help)
	root.AddCommand(help)
	usageArgs(root)
	return root
}

// newHelp is cobra's help command, except that a topic that is not there is a usage error.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]...",
		Short:   "Show the help of a command",
		Example: "  lockstep help manifest build",
		Args:    cobra.ArbitraryArgs,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			if c, rest, err := cmd.Root().Find(args); err == nil && len(rest) == 0 {
				for _, sub := range c.Commands() {
					names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usageError{fmt.Errorf("there is no command %s; see lockstep --help", strings.Join(args, " "))}
			}
			c.InitDefaultHelpFlag()
			return c.Help()
		},
	}
}

// usageArgs makes wrong arguments usage errors.
func usageArgs(c *cobra.Command) {
	for _, sub := range c.Commands() {
		usageArgs(sub)
	}
	check := c.Args
	if check == nil {
		check = cobra.NoArgs
	}
	c.Args = func(cmd *cobra.Command, args []string) error {
		if cmd.HasSubCommands() && len(args) > 0 {
			return usageError{fmt.Errorf("unknown command %q for %s; see %s --help", args[0], cmd.CommandPath(), cmd.CommandPath())}
		}
		if err := check(cmd, args); err != nil {
			return usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
		}
		return nil
	}
}

func fromEnv(name, def string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return def
}

// group is a command that only holds others.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	var examples []string
	for _, sub := range subs {
		examples = append(examples, sub.Example)
	}
	c := &cobra.Command{
		Use: use, Short: short, Example: strings.Join(examples, "\n"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(subs...)
	return c
}

// onNetworks adds the flags of commands that work on the networks of the configuration.
func onNetworks(e *env, c *cobra.Command) *cobra.Command {
	c.Flags().StringSliceVar(&e.networks, "network", nil, "only these networks (repeat or separate by commas)")
	onJournal(e, c)
	completes(c, "network", e.networkList)
	return c
}

// open loads the configuration and wires the program.
func (e *env) open() (*app.App, *config.Config, error) {
	cfg, err := config.Load(e.configPath)
	if err != nil {
		return nil, nil, err
	}
	journal := e.journalPath
	if journal == "" {
		if journal, err = cfg.Journal(); err != nil {
			return nil, nil, err
		}
	}
	progress := e.progress(cfg.Networks) // first, since it may change where the log goes
	a, err := app.New(app.Options{
		Config: cfg, Journal: journal, Networks: e.networks, Careful: e.careful, BatchDelay: e.batchDelay,
		Log: e.logger(), Progress: progress, Confirm: e.confirmDeploy, Record: e.record,
	})
	return a, cfg, err
}

func (e *env) logger() *slog.Logger {
	if e.log != nil {
		return e.log
	}
	level := slog.LevelWarn
	if e.verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(e.stderr, &slog.HandlerOptions{Level: level}))
}

var errNotConfirmed = errors.New("not confirmed: nothing was done")

// confirm asks before what cannot be undone. Without a terminal, --yes must say it.
func (e *env) confirm(ctx context.Context, what string) error {
	if err := e.canConfirm(what); err != nil || e.yes {
		return err
	}
	fmt.Fprintf(e.stderr, "%s? [y/N] ", what)
	answered := make(chan bool, 1)
	go func() { // it cannot be woken: after an interrupt it ends with the program
		var answer string
		_, err := fmt.Fscanln(e.stdin, &answer)
		answered <- err == nil && (strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes"))
	}()
	select {
	case yes := <-answered:
		if yes {
			return nil
		}
	case <-ctx.Done():
		fmt.Fprintln(e.stderr)
	}
	return errNotConfirmed
}

// canConfirm refuses what nobody can be asked about.
func (e *env) canConfirm(what string) error {
	if e.yes {
		return nil
	}
	if f, ok := e.stdin.(*os.File); !ok || !isTerminal(f) {
		return usageError{fmt.Errorf("%s needs confirmation: add --yes, or --dry-run to see what would be sent", what)}
	}
	return nil
}
