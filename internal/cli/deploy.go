package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/plan"
)

func defaultManifest(configPath string) string {
	return filepath.Join(filepath.Dir(configPath), "manifest.json")
}

// sending adds the flags of commands that send transactions.
func sending(e *env, c *cobra.Command, dryRun *bool) *cobra.Command {
	onNetworks(e, c)
	c.Flags().BoolVar(dryRun, "dry-run", false, "show what would be sent; send nothing")
	c.Flags().BoolVar(&e.yes, "yes", false, "do not ask for confirmation")
	return c
}

// sequencing adds the flags of commands that send several transactions.
func sequencing(e *env, c *cobra.Command) *cobra.Command {
	c.Flags().BoolVar(&e.careful, "careful", false, "send one transaction at a time and await each outcome")
	c.Flags().DurationVar(&e.batchDelay, "batch-delay", 0, "time between the transactions of a sequence, such as 5s")
	return c
}

// where names the networks that something is about to happen on, and how serious they are.
func where(a *app.App) string {
	var names []string
	mainnets := 0
	for _, n := range a.Networks() {
		names = append(names, n.Name)
		if n.Kind == network.Mainnet {
			mainnets++
		}
	}
	return fmt.Sprintf("%s (%d mainnets)", strings.Join(names, ", "), mainnets)
}

func newDeploy(e *env) *cobra.Command {
	var dryRun bool
	var manifestPath string
	c := &cobra.Command{
		Use:   "deploy [MANIFEST|PLAN]",
		Short: "Put facets, extension and dispatcher at the same address on every network",
		Long: `Put the manifest's contracts, the dispatcher's extension and the dispatcher on every network with
CREATE2, set the network's grace, and hand the roles over; the deployer ends up with the roles that
the configuration gives it and no others. What is there already is verified, so running it again
goes on where it stopped.

Before anything is sent to any network, all are looked at: factory, opcodes, what stands at the
addresses, what every transaction would do and cost with its data, the deployer's balance and nonce.
One table tells; if one network is not ready, nothing is sent. Transactions go out as sequences that
can share a block.

` + byPlan,
		Example: "  lockstep deploy --dry-run\n  lockstep deploy --yes",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if planned, err := e.carriesOut(cmd, plan.Deploy, args, manifestPath, dryRun); planned || err != nil {
				return err
			}
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			m, _, err := e.verifiedManifest(args)
			if err != nil {
				return err
			}
			e.question = "deploy to " + where(a)
			if !dryRun {
				if err := e.canConfirm(e.question); err != nil {
					return err
				}
			}
			outcomes, err := a.Deploy(cmd.Context(), m, dryRun)
			if e.json {
				return e.printOutcomes(outcomes, err)
			}
			var refused *app.PreflightError
			if errors.As(err, &refused) {
				e.endProgress(nil)
				e.showPreflight(e.stdout, outcomes)
				return err
			}
			if dryRun {
				e.showPreflight(e.stdout, outcomes)
			}
			return e.printOutcomes(outcomes, err)
		},
	}
	forManifest(c, &manifestPath)
	return sequencing(e, sending(e, c, &dryRun))
}

func newRollout(e *env) *cobra.Command {
	var dryRun bool
	var manifestPath string
	c := &cobra.Command{
		Use:   "rollout [MANIFEST|PLAN]",
		Short: "Bring a manifest's routes to every network: commit, apply, wait, activate, verify",
		Long: `Bring a manifest's routes to every network. On each: commit the root, apply each page, wait for eta
+ grace by block time, activate, and verify the live routes and code. Commit and pages go out as one
sequence that can share a block, if one account sends both. Killing it anywhere is safe; running it
again goes on. With --dry-run all of it is simulated, the activation at the end of the timelock
included, where the network's endpoints can (eth_simulateV1).

` + byPlan + " A plan for rollout also makes\nthe deployments that it holds.",
		Example: "  lockstep rollout --dry-run\n  lockstep rollout --yes\n  lockstep rollout plan.json --yes",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if planned, err := e.carriesOut(cmd, plan.Rollout, args, manifestPath, dryRun); planned || err != nil {
				return err
			}
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			m, file, err := e.verifiedManifest(args)
			if err != nil {
				return err
			}
			if !dryRun {
				if err := e.confirm(cmd.Context(), fmt.Sprintf("roll out %s to %s", m.Root, where(a))); err != nil {
					return err
				}
			}
			outcomes, err := a.Rollout(cmd.Context(), m, file, dryRun)
			return e.printOutcomes(outcomes, err)
		},
	}
	forManifest(c, &manifestPath)
	return sequencing(e, sending(e, c, &dryRun))
}

func newRollback(e *env) *cobra.Command {
	var dryRun bool
	var to, manifestPath string
	c := &cobra.Command{
		Use:   "rollback [PLAN]",
		Short: "Return to the routes of an earlier manifest",
		Long: `Return to the routes of an earlier manifest: its routesRoot is committed for the next epoch and
activated after the timelock. Its pages are staged already, and its init call is not run. Without
--to, it is the manifest that the journal holds as active before the present one.

` + byPlan,
		Example: "  lockstep rollback --to manifest-v1.json --yes",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if planned, err := e.carriesOut(cmd, plan.Rollback, args, manifestPath, dryRun); planned || err != nil {
				return err
			}
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			var file []byte
			if to == "" {
				if file, err = a.PreviousManifest(cmd.Context()); err != nil {
					return err
				}
			} else if _, file, err = e.verifiedManifest([]string{to}); err != nil {
				return err
			}
			m, differences, err := app.VerifyManifest(file)
			if err != nil {
				return err
			}
			if len(differences) > 0 {
				return fmt.Errorf("the journal's manifest does not say what follows from its inputs: %s", differences[0])
			}
			if !dryRun {
				if err := e.confirm(cmd.Context(), fmt.Sprintf("return to the routes %s on %s", m.RoutesRoot, where(a))); err != nil {
					return err
				}
			}
			outcomes, err := a.Rollback(cmd.Context(), m, file, dryRun)
			return e.printOutcomes(outcomes, err)
		},
	}
	c.Flags().StringVar(&to, "to", "", "manifest file whose routes to return to")
	forManifest(c, &manifestPath)
	return sequencing(e, sending(e, c, &dryRun))
}

func newAct(e *env, what, short string) *cobra.Command {
	var dryRun bool
	c := &cobra.Command{
		Use:   what + " [PLAN]",
		Short: short,
		Long: short + ".\n\n" + byPlan + " If the approval\n" +
			"policy asks nobody, as it does for pause and cancel unless it says otherwise, the command makes its\n" +
			"own plan, which the journal keeps.",
		Example: "  lockstep " + what + " --network ethereum --yes",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if planned, err := e.carriesOut(cmd, what, args, "", dryRun); planned || err != nil {
				return err
			}
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			if !dryRun {
				if err := e.confirm(cmd.Context(), what+" on "+where(a)); err != nil {
					return err
				}
			}
			outcomes, err := a.Act(cmd.Context(), what, dryRun)
			return e.printOutcomes(outcomes, err)
		},
	}
	return sending(e, c, &dryRun)
}

// byPlan says where plans are needed, in the help of commands that send.
const byPlan = "Where a network is a mainnet, or the approval policy says so, only an approved PLAN is carried out.\n" +
	"It is made again first, and refused if anything has moved."

// carriesOut carries a plan out, if the argument is one.
func (e *env) carriesOut(cmd *cobra.Command, action string, args []string, manifestPath string, dryRun bool) (planned bool, err error) {
	if len(args) == 0 {
		return false, nil
	}
	if planned, err = isPlan(args[0]); err != nil {
		return true, err
	}
	if !planned {
		if action == plan.Deploy || action == plan.Rollout {
			return false, nil
		}
		return true, usageError{fmt.Errorf("%s is not a plan; see lockstep %s --help", args[0], action)}
	}
	p, signed, err := readPlan(args[0])
	if err != nil {
		return true, err
	}
	if p.Intent.Action != action {
		hint := "lockstep " + p.Intent.Action
		if p.Intent.Action == plan.ChangePolicy {
			hint = "lockstep approvals policy"
		}
		return true, fmt.Errorf("%s is a plan for %s: %s %s", args[0], p.Intent.Action, hint, args[0])
	}
	a, _, err := e.open()
	if err != nil {
		return true, err
	}
	defer closing(a, &err)
	m, file, err := e.planManifest(cmd, a, p, manifestPath)
	if err != nil {
		return true, err
	}
	x := app.Execution{Plan: p, Signed: signed, Again: func() []plan.Approval { return revocations(args[0]) }, Manifest: m, File: file}
	if dryRun {
		outcomes, err := a.ExecuteDry(cmd.Context(), x)
		return true, e.printOutcomes(outcomes, err)
	}
	e.question = fmt.Sprintf("carry out plan %s: %s on %s", p.Digest.Hex()[:10], action, where(a))
	if err := e.canConfirm(e.question); err != nil {
		return true, err
	}
	outcomes, err := a.Execute(cmd.Context(), x)
	return true, e.printOutcomes(outcomes, err)
}

// closing closes the program, and reports that if nothing else went wrong.
func closing(a *app.App, err *error) {
	if closeErr := a.Close(); *err == nil {
		*err = closeErr
	}
}
