package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/plan"
)

// signing are the flags of commands that sign about a plan.
type signing struct {
	signer, signature string
	typedData         bool
}

func (s *signing) flags(e *env, c *cobra.Command) {
	c.Flags().StringVar(&s.signer, "signer", "", "signer of the configuration that signs, with its key file")
	c.Flags().StringVar(&s.signature, "signature", "", "signature that a wallet has made, 0x and hex")
	c.Flags().BoolVar(&s.typedData, "typed-data", false, "print what a wallet is to sign (eth_signTypedData_v4); sign nothing")
	c.Flags().BoolVar(&e.yes, "yes", false, "do not ask for confirmation")
	c.MarkFlagsMutuallyExclusive("signer", "signature", "typed-data")
	completes(c, "signer", func(string) []string { return e.signerNames() })
}

func (s *signing) check() error {
	if s.signer == "" && s.signature == "" && !s.typedData {
		return usageError{errors.New("say who signs with --signer, or give a wallet's signature with --signature (and what to sign with --typed-data)")}
	}
	return nil
}

// printTypedData prints what a wallet is to sign, as eth_signTypedData_v4 takes it.
func (e *env) printTypedData(p *plan.Plan, revoke bool) error {
	data := p.TypedData(revoke)
	return e.printJSON(data.Map())
}

// sign signs about a plan, or takes a signature in, and writes it beside the plan.
func (s *signing) sign(cmd *cobra.Command, a *app.App, p *plan.Plan, path string, revoke bool) (signed plan.Approval, file string, err error) {
	if s.signer != "" {
		signed, err = a.Sign(cmd.Context(), p, s.signer, revoke)
	} else {
		var raw []byte
		if raw, err = hexutil.Decode(s.signature); err != nil {
			return signed, "", usageError{fmt.Errorf("--signature: want 0x and hex: %w", err)}
		}
		signed, err = a.Signed(cmd.Context(), p, raw, revoke)
	}
	if err != nil {
		return signed, "", err
	}
	data, err := plan.EncodeApproval(signed)
	if err != nil {
		return signed, "", err
	}
	if err := os.MkdirAll(approvalsDir(path), 0o755); err != nil {
		return signed, "", err
	}
	file = approvalFile(path, signed)
	return signed, file, writeFile(file, data, 0o644)
}

func newApprove(e *env) *cobra.Command {
	var s signing
	var offline bool
	var manifestPath string
	c := &cobra.Command{
		Use:   "approve PLAN",
		Short: "Approve a plan: sign its digest, once for all networks",
		Long: `Approve a plan, after making it again on this machine: if anything has moved, or a check trips that
the plan does not allow for, nothing is signed. What is signed is EIP-712 typed data that says in
words what the plan is for, and its digest. The signature is kept in a file beside the plan
(PLAN.approvals/ADDRESS.json), which belongs into version control with it, and in the journal.

With a wallet: --typed-data prints what to sign, --signature takes what the wallet made.`,
		Example: `  lockstep approve plan.json --signer alice
  lockstep approve plan.json --typed-data > to-sign.json
  lockstep approve plan.json --signature 0x5d99…`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if err := s.check(); err != nil {
				return err
			}
			p, err := readPlanAlone(args[0])
			if err != nil {
				return err
			}
			if s.typedData && offline {
				return e.printTypedData(p, false)
			}
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			seen := *p
			if !offline {
				m, file, err := e.planManifest(cmd, a, p, manifestPath)
				if err != nil {
					return err
				}
				found, err := a.Check(cmd.Context(), p, m, file)
				if err != nil {
					return fmt.Errorf("the plan could not be made again, so nothing is signed: %w", err)
				}
				if err := notHolding(p, found); err != nil {
					return fmt.Errorf("nothing is signed: %w", err)
				}
				seen.Observations = found.Seen // what the file says of them is not part of its digest
			}
			if s.typedData {
				return e.printTypedData(p, false)
			}
			if !e.json && !e.yes {
				e.showPlan(&seen)
				fmt.Fprintln(e.stdout, "\nSources and storage were looked at by whoever made the plan, not here.")
			}
			if err := e.confirm(cmd.Context(), fmt.Sprintf("approve plan %s, %s on %s", p.Digest, p.Intent.Action, p.Intent.Describe())); err != nil {
				return err
			}
			signed, file, err := s.sign(cmd, a, p, args[0], false)
			if err != nil {
				return err
			}
			return e.printSigned(cmd, a, p, args[0], signed, file)
		},
	}
	s.flags(e, c)
	c.Flags().BoolVar(&offline, "offline", false, "do not make the plan again: ask no network")
	forManifest(c, &manifestPath)
	return onJournal(e, c)
}

// printSigned says what was signed, and where the plan stands.
func (e *env) printSigned(cmd *cobra.Command, a *app.App, p *plan.Plan, path string, signed plan.Approval, file string) error {
	all, err := readApprovals(path)
	if err != nil || signed.Revoked {
		all = []plan.Approval{signed} // it counts, whatever lies beside it
	}
	state, err := a.ListApprovals(cmd.Context(), p, all)
	if err != nil {
		return err
	}
	if e.json {
		return e.printJSON(map[string]any{
			"file": file, "plan": p.Digest, "signer": signed.Signer, "revoked": signed.Revoked, "approved": len(state.Approved), "needed": state.Needed, "enough": state.Enough,
		})
	}
	what := "approved"
	if signed.Revoked {
		what = "took back the approval of"
	}
	fmt.Fprintf(e.stdout, "%s %s plan %s\nwrote %s\nit has %d of the %d approvals that it needs\n", signed.Signer, what, p.Digest, file,
		len(state.Approved), state.Needed)
	return nil
}

func newApprovals(e *env) *cobra.Command {
	return group("approvals", "List and take back approvals, and see the policy", newApprovalsList(e), newApprovalsRevoke(e), newApprovalsPolicy(e))
}

func newApprovalsList(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "list PLAN",
		Short: "Say who has approved a plan, and whether that is enough",
		Long: `Say who has approved a plan by the policy in force, and whether that is enough. What was signed
beside the plan is verified and taken into the journal; a signature that is not of this plan is an
error. No network is asked.

` + exitCodes,
		Example: "  lockstep approvals list plan.json",
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
			state, err := a.ListApprovals(cmd.Context(), p, signed)
			if err != nil {
				return err
			}
			if e.json {
				return e.printJSON(state)
			}
			fmt.Fprintf(e.stdout, "plan %s, %s on %s\nto be begun by %s UTC\n", p.Digest, p.Intent.Action, shortened(p.Intent.Describe(), 70), clock(p.Intent.Expires))
			for _, s := range state.Approved {
				fmt.Fprintf(e.stdout, "  approved    %s\n", s)
			}
			for _, s := range state.Revoked {
				fmt.Fprintf(e.stdout, "  taken back  %s\n", s)
			}
			for _, s := range state.Others {
				fmt.Fprintf(e.stdout, "  no approver %s\n", s)
			}
			for _, n := range p.Intent.Networks {
				if use := state.Uses[n.Name]; use != "" {
					fmt.Fprintf(e.stdout, "  %-11s on %s\n", use, n.Name)
				}
			}
			fmt.Fprintf(e.stdout, "%d of the %d approvals that it needs\n", len(state.Approved), state.Needed)
			return nil
		},
	}
	return onJournal(e, c)
}

func newApprovalsRevoke(e *env) *cobra.Command {
	var s signing
	c := &cobra.Command{
		Use:   "revoke PLAN",
		Short: "Take an approval back, for good",
		Long: `Take an approval back. From then on nothing more is sent for the plan by a machine whose journal or
folder has the revocation, also while a rollout waits for its timelock, unless enough others have
approved it. What was sent stays: lockstep cancel takes a pending root back. Who has taken an
approval back cannot give it to the same plan again.`,
		Example: "  lockstep approvals revoke plan.json --signer alice --yes",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if err := s.check(); err != nil {
				return err
			}
			p, err := readPlanAlone(args[0]) // whatever lies beside it must not stand in the way
			if err != nil {
				return err
			}
			if s.typedData {
				return e.printTypedData(p, true)
			}
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			if err := e.confirm(cmd.Context(), "take the approval of plan "+p.Digest.Hex()+" back"); err != nil {
				return err
			}
			signed, file, err := s.sign(cmd, a, p, args[0], true)
			if err != nil {
				return err
			}
			return e.printSigned(cmd, a, p, args[0], signed, file)
		},
	}
	s.flags(e, c)
	return onJournal(e, c)
}

func newApprovalsPolicy(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "policy [PLAN]",
		Short: "Show the approval policy in force, or put a looser one in force that is approved",
		Long: `Show the approval policy in force, which the journal keeps, and what the configuration asks for. A
stricter one comes into force by itself. A looser one, with other approvers or fewer approvals, does
nothing until a plan for it (plan --action policy) is approved under the policy in force: give that.`,
		Example: `  lockstep approvals policy
  lockstep plan --action policy -o policy.json && lockstep approve policy.json --signer alice
  lockstep approvals policy policy.json --yes`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			if len(args) > 0 {
				p, signed, err := readPlan(args[0])
				if err != nil {
					return err
				}
				if err := e.confirm(cmd.Context(), "put the approval policy of plan "+p.Digest.Hex()+" in force"); err != nil {
					return err
				}
				if err := a.SetPolicy(cmd.Context(), p, signed); err != nil {
					return err
				}
			}
			status, err := a.Policy(cmd.Context())
			if err != nil {
				return err
			}
			if e.json {
				return e.printJSON(status)
			}
			fmt.Fprintf(e.stdout, "in force: %s\n  %s\n", status.Hash, strings.Join(status.InForce.Lines(), "\n  "))
			if len(status.Looser) > 0 {
				fmt.Fprintf(e.stdout, "%s asks for less, which does nothing until a plan for it is approved (plan --action policy):\n  %s\n", e.configPath,
					strings.Join(status.Looser, "\n  "))
			}
			return nil
		},
	}
	c.Flags().BoolVar(&e.yes, "yes", false, "do not ask for confirmation")
	return onJournal(e, c)
}
