package cli

import (
	"fmt"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/app"
)

func newTransaction(e *env) *cobra.Command {
	return group("transaction", "List the transactions of the journal, and free an account that is stuck",
		newTransactionList(e), newTransactionDrop(e), newTransactionAdopt(e))
}

func newTransactionList(e *env) *cobra.Command {
	var open bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the transactions of the journal",
		Long: `List the transactions of the journal, oldest first. A transaction is signed before it is ever sent,
released from then on, and confirmed or reverted when its outcome is final. One that stays in no
block is replaced by one that offers more; when either lands, the other is dropped. What was signed
and never sent is made void. No network is asked.`,
		Example: "  lockstep transaction list --open",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			entries, err := a.Journal(cmd.Context(), open)
			if err != nil {
				return err
			}
			if e.json {
				return e.printJSON(map[string]any{"transactions": entries})
			}
			rows := [][]string{{"NETWORK", "SIGNER", "NONCE", "STATUS", "BLOCK", "HASH", "STEP"}}
			for _, t := range entries {
				rows = append(rows, []string{
					t.Network, t.Signer.Hex()[:10], fmt.Sprint(t.Nonce), string(t.Status), fmt.Sprint(t.Block), t.Hash.Hex()[:12], t.Step,
				})
			}
			e.table(rows)
			return nil
		},
	}
	c.Flags().BoolVar(&open, "open", false, "only those that may still land, or be sent")
	return onNetworks(e, c)
}

// hashPrefix is a hash, or enough of its beginning.
var hashPrefix = regexp.MustCompile(`^0x[0-9a-fA-F]{8,64}$`)

func newTransactionDrop(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "drop HASH",
		Short: "Take an open transaction back",
		Long: `Take an open transaction of the journal back, and with it the later ones of its account. One that
was sent can only be taken back by another with its nonce: a transfer of nothing to the account
itself, which offers more. Either may land; the command waits and says which did. What was never
sent is made void. The first eight digits of the hash are enough.

Its step will be decided again by the next run, or by one that goes on: stop that before, and end a
rollout with lockstep cancel.`,
		Example: "  lockstep transaction list --open\n  lockstep transaction drop 0x5f3c… --yes",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if !hashPrefix.MatchString(args[0]) {
				return usageError{fmt.Errorf("%q is not a transaction hash, nor its first eight digits: see lockstep transaction list --open", args[0])}
			}
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			if err := e.confirm(cmd.Context(), "take transaction "+args[0]+" back"); err != nil {
				return err
			}
			outcome, err := a.Drop(cmd.Context(), args[0])
			if outcome.Network == "" {
				return err
			}
			return e.printOutcomes([]app.Outcome{outcome}, err)
		},
	}
	c.Flags().BoolVar(&e.yes, "yes", false, "do not ask for confirmation")
	return onNetworks(e, c)
}

func newTransactionAdopt(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "adopt SIGNER",
		Short: "Accept what a signer has sent elsewhere",
		Long: `Accept what a signer has sent elsewhere, on each network: the journal goes on from the nonces of the
chains. A signer that has sent what is not in the journal is stopped, because somebody else may have
its key: find that out before.`,
		Example: "  lockstep transaction adopt operator --network base --yes",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			if err := e.confirm(cmd.Context(), "accept what "+args[0]+" has sent elsewhere on "+where(a)); err != nil {
				return err
			}
			adopted, err := a.Adopt(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if e.json {
				return e.printJSON(map[string]any{"signers": adopted})
			}
			rows := [][]string{{"NETWORK", "SIGNER", "NEXT NONCE"}}
			for _, o := range adopted {
				rows = append(rows, []string{o.Network, o.Signer.Hex(), fmt.Sprint(o.Nonce)})
			}
			e.table(rows)
			return nil
		},
	}
	c.Flags().BoolVar(&e.yes, "yes", false, "do not ask for confirmation")
	return onNetworks(e, c)
}
