package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/network"
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
	c := &cobra.Command{
		Use:   "deploy [MANIFEST]",
		Short: "Put facets, extension and dispatcher at the same address on every network",
		Long: `Put the manifest's contracts, the dispatcher's extension and the dispatcher on every network with
CREATE2, set the network's grace, and hand the roles over; the deployer ends up with the roles that
the configuration gives it and no others. What is there already is verified, so running it again
goes on where it stopped.

Before anything is sent to any network, all are looked at: factory, opcodes, what stands at the
addresses, what every transaction would do and cost with its data, the deployer's balance and nonce.
One table tells; if one network is not ready, nothing is sent. Transactions go out as sequences that
can share a block.`,
		Example: "  lockstep deploy --dry-run\n  lockstep deploy --yes",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
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
	return sequencing(e, sending(e, c, &dryRun))
}

func newRollout(e *env) *cobra.Command {
	var dryRun bool
	c := &cobra.Command{
		Use:   "rollout [MANIFEST]",
		Short: "Bring a manifest's routes to every network: commit, apply, wait, activate, verify",
		Long: `Bring a manifest's routes to every network. On each: commit the root, apply each page, wait for eta
+ grace by block time, activate, and verify the live routes and code. Commit and pages go out as one
sequence that can share a block, if one account sends both. Killing it anywhere is safe; running it
again goes on. With --dry-run all of it is simulated, the activation at the end of the timelock
included, where the network's endpoints can (eth_simulateV1).`,
		Example: "  lockstep rollout --dry-run\n  lockstep rollout --yes",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
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
	return sequencing(e, sending(e, c, &dryRun))
}

func newRollback(e *env) *cobra.Command {
	var dryRun bool
	var to string
	c := &cobra.Command{
		Use:   "rollback",
		Short: "Return to the routes of an earlier manifest",
		Long: `Return to the routes of an earlier manifest: its routesRoot is committed for the next epoch and
activated after the timelock. Its pages are staged already, and its init call is not run. Without
--to, it is the manifest that the journal holds as active before the present one.`,
		Example: "  lockstep rollback --to manifest-v1.json --yes",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
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
	return sequencing(e, sending(e, c, &dryRun))
}

func newAct(e *env, what, short string) *cobra.Command {
	var dryRun bool
	c := &cobra.Command{
		Use:     what,
		Short:   short,
		Example: "  lockstep " + what + " --network ethereum --yes",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
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

// closing closes the program, and reports that if nothing else went wrong.
func closing(a *app.App, err *error) {
	if closeErr := a.Close(); *err == nil {
		*err = closeErr
	}
}
