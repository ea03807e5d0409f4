package txsend_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/txsend"
)

var (
	planDigest  = common.Hash{0x91}
	laterDigest = common.Hash{0x92}
	errRefused  = errors.New("bob has taken it back")
)

// watched counts what an account signs.
type watched struct {
	txsend.Signer
	signed *int
}

func (w watched) Sign(id uint64, tx *types.Transaction) (*types.Transaction, error) {
	*w.signed++
	return w.Signer.Sign(id, tx)
}

// answers is an Approval that answers in turn, and the last one for ever.
type answers struct {
	list  []error
	asked atomic.Int32
}

func (a *answers) approve(context.Context, common.Address, *types.Transaction) (common.Hash, error) {
	n := int(a.asked.Add(1))
	if err := a.list[min(n, len(a.list))-1]; err != nil {
		return common.Hash{}, err
	}
	return planDigest, nil
}

func (r *rig) nonce(t *testing.T) uint64 {
	t.Helper()
	eth := dialEth(t, r.url)
	waiting, err := eth.PendingNonceAt(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	return waiting
}

func mustBeUnapproved(t *testing.T, err error, step string, reason error) {
	t.Helper()
	var refused *txsend.UnapprovedError
	if !errors.As(err, &refused) || refused.Network != "test" || refused.Step != step || reason != nil && !errors.Is(err, reason) {
		t.Errorf("got %v, want that %s is not approved", err, step)
	}
}

// mainnets are a network that the configuration calls a mainnet, and one that only the catalogue does.
func mainnets(t *testing.T) map[string]func() (*rig, txsend.Config) {
	t.Helper()
	if known, ok := network.LookupID(8453); !ok || known.Kind != network.Mainnet {
		t.Fatal("8453 is no mainnet of the catalogue")
	}
	if _, ok := network.LookupID(chainID); ok {
		t.Fatalf("%d is in the catalogue", chainID)
	}
	return map[string]func() (*rig, txsend.Config){
		"by the configuration": func() (*rig, txsend.Config) {
			r := newRig(t)
			cfg := r.config()
			cfg.Mainnet = true
			return r, cfg
		},
		"by the catalogue": func() (*rig, txsend.Config) {
			r := newRigOn(t, 8453)
			return r, r.config()
		},
	}
}

// TestNothingUnapprovedOnAMainnet: without a plan nothing is signed, whatever the sender was made with.
func TestNothingUnapprovedOnAMainnet(t *testing.T) {
	refuse := func(context.Context, common.Address, *types.Transaction) (common.Hash, error) {
		return planDigest, errRefused
	}
	zero := func(context.Context, common.Address, *types.Transaction) (common.Hash, error) {
		return common.Hash{}, nil
	}
	for where, begin := range mainnets(t) {
		for name, c := range map[string]struct {
			approval txsend.Approval
			reason   error
		}{"nobody is asked": {nil, nil}, "who is asked refuses": {refuse, errRefused}, "no plan holds it": {zero, nil}} {
			t.Run(where+", "+name, func(t *testing.T) {
				r, cfg := begin()
				signed := 0
				cfg.Approval, cfg.Signer = c.approval, watched{cfg.Signer, &signed}
				cfg.Chain = onSend{r.chain, func(*types.Transaction) error { t.Error("it is sent"); return nil }}
				for _, steps := range [][]string{{"one"}, {"one", "two"}} {
					err := txsend.New(cfg).Send(within(t, 5*time.Second), bump(steps...), rollout.Mark{})
					mustBeUnapproved(t, err, "one", c.reason)
				}
				r.mustBeEmpty(t)
				if signed != 0 || r.nonce(t) != 0 || r.count(t) != 0 {
					t.Errorf("signed %d, nonce %d, it happened %d times", signed, r.nonce(t), r.count(t))
				}
			})
		}
	}
}

// TestOnlyATransferOfNothingNeedsNoPlan: to the account itself, without data.
func TestOnlyATransferOfNothingNeedsNoPlan(t *testing.T) {
	for where, begin := range mainnets(t) {
		r, cfg := begin()
		for name, in := range map[string]rollout.Intent{
			"to another": {Step: "x", To: crypto.PubkeyToAddress(otherKey.PublicKey)}, "to a contract": {Step: "x", To: counter},
			"with data": {Step: "x", To: account, Data: []byte{0}},
		} {
			err := txsend.New(cfg).Send(within(t, 5*time.Second), []rollout.Intent{in}, rollout.Mark{})
			mustBeUnapproved(t, err, "x", nil)
			if t.Failed() {
				t.Fatalf("%s, %s", where, name)
			}
		}
		r.mustBeEmpty(t)
		if err := txsend.New(cfg).Send(within(t, 5*time.Second), []rollout.Intent{{Step: "nothing", To: account}}, rollout.Mark{}); err != nil {
			t.Errorf("%s: %v", where, err)
		}
		r.mustHave(t, where, rollout.Confirmed)
	}
}

// TestWithoutAMainnetThePolicyDecides: what it asks no plan for is sent, and what it refuses is not.
func TestWithoutAMainnetThePolicyDecides(t *testing.T) {
	r := newRig(t)
	cfg := r.config()
	cfg.Approval = func(context.Context, common.Address, *types.Transaction) (common.Hash, error) {
		return common.Hash{}, errRefused
	}
	mustBeUnapproved(t, txsend.New(cfg).Send(within(t, 5*time.Second), bump("one"), rollout.Mark{}), "one", errRefused)
	r.mustBeEmpty(t)
	cfg.Approval = func(context.Context, common.Address, *types.Transaction) (common.Hash, error) {
		return common.Hash{}, nil
	}
	if err := txsend.New(cfg).Send(within(t, 5*time.Second), bump("one"), rollout.Mark{}); err != nil {
		t.Fatal(err)
	}
	r.mustHave(t, "without a plan", rollout.Confirmed)
	if r.final[0].Plan != (common.Hash{}) {
		t.Errorf("%+v", r.final[0])
	}
}

// TestPlanIsInTheJournal: the digest of the plan goes into the journal and its log; who decides is shown what is sent.
func TestPlanIsInTheJournal(t *testing.T) {
	for where, begin := range mainnets(t) {
		r, cfg := begin()
		var asked []*types.Transaction
		cfg.Approval = func(_ context.Context, from common.Address, tx *types.Transaction) (common.Hash, error) {
			if from != account {
				t.Errorf("%s: asked for %s", where, from)
			}
			asked = append(asked, tx)
			if tx.Data()[0] == 2 {
				return laterDigest, nil
			}
			return planDigest, nil
		}
		ins := bump("one", "two")
		ins[0].Data, ins[1].Data = []byte{1}, []byte{2}
		if err := txsend.New(cfg).Send(within(t, 5*time.Second), ins, rollout.Mark{}); err != nil {
			t.Fatal(err)
		}
		journal, err := r.journal.Transactions(t.Context(), r.id)
		if err != nil || len(journal) != 2 || journal[0].Plan != planDigest || journal[1].Plan != laterDigest {
			t.Errorf("%s: %+v, %v", where, journal, err)
		}
		var logged []common.Hash
		for e, err := range r.journal.Audit(t.Context(), 1) {
			if err != nil {
				t.Fatal(err)
			}
			var body audit.Transaction
			if e.Kind != audit.TransactionSigned {
				continue
			}
			if err := json.Unmarshal(e.Body, &body); err != nil {
				t.Fatal(err)
			}
			logged = append(logged, body.Plan)
		}
		if len(logged) != 2 || logged[0] != planDigest || logged[1] != laterDigest {
			t.Errorf("%s: the log has %v", where, logged)
		}
		// before it is signed, and before it is sent
		if len(asked) != 4 || *asked[0].To() != counter || asked[0].Hash() == asked[2].Hash() || asked[2].Hash() != journal[0].Hash {
			t.Errorf("%s: asked %d times", where, len(asked))
		}
		// these plans were never begun in this journal, which an auditor is told
		report, err := r.journal.VerifyAudit(t.Context(), nil)
		if err != nil || len(report.Problems) != 2 || !strings.Contains(report.Problems[0].Detail, "which was not begun on chain") {
			t.Errorf("%s: %+v, %v", where, report, err)
		}
	}
}

// TestSecondOfASequenceIsNotApproved: then neither is journalled.
func TestSecondOfASequenceIsNotApproved(t *testing.T) {
	r := newRig(t)
	cfg := r.config()
	cfg.Mainnet = true
	cfg.Approval = (&answers{list: []error{nil, errRefused}}).approve
	mustBeUnapproved(t, txsend.New(cfg).Send(within(t, 5*time.Second), bump("one", "two"), rollout.Mark{}), "two", errRefused)
	r.mustBeEmpty(t)
	if r.nonce(t) != 0 {
		t.Errorf("nonce %d", r.nonce(t))
	}
}

// TestTakenBackBeforeItIsSent: the approval is taken back when the transaction is signed and not sent. No process sends it, until
// it is approved again.
func TestTakenBackBeforeItIsSent(t *testing.T) {
	r := newRig(t)
	cfg := r.config()
	cfg.Mainnet, cfg.Rebroadcast = true, 5*time.Millisecond
	sent := 0
	cfg.Chain = onSend{r.chain, func(*types.Transaction) error { sent++; return nil }}
	cfg.Approval = (&answers{list: []error{nil, errRefused}}).approve
	mustBeUnapproved(t, txsend.New(cfg).Send(within(t, 5*time.Second), bump("one"), rollout.Mark{}), "one", errRefused)
	r.mustHave(t, "taken back", rollout.Released)
	for name, approval := range map[string]txsend.Approval{"refused": (&answers{list: []error{errRefused}}).approve, "nobody asked": nil} {
		cfg.Approval = approval
		if _, err := txsend.New(cfg).Settle(within(t, 5*time.Second)); err == nil {
			t.Errorf("%s: settled", name)
		} else {
			mustBeUnapproved(t, err, "one", nil)
		}
	}
	if sent != 0 || r.nonce(t) != 0 {
		t.Errorf("sent %d times, nonce %d", sent, r.nonce(t))
	}
	cfg.Approval = (&answers{list: []error{nil}}).approve
	if _, err := txsend.New(cfg).Settle(within(t, 5*time.Second)); err != nil {
		t.Fatal(err)
	}
	r.mustHave(t, "approved again", rollout.Confirmed)
	if r.count(t) != 1 {
		t.Errorf("it happened %d times", r.count(t))
	}
}

// TestTakenBackWhileItWaits: the transaction waits for a block. It is not sent again; it can be taken back without an approval.
func TestTakenBackWhileItWaits(t *testing.T) {
	r, n := newAnvilRig(t, "--no-mining")
	cfg := r.config()
	cfg.Mainnet, cfg.Rebroadcast = true, 20*time.Millisecond
	var sent atomic.Int32
	cfg.Chain = onSend{r.chain, func(*types.Transaction) error { sent.Add(1); return nil }}
	approvals := &answers{list: []error{nil, nil, nil, errRefused}} // to be signed, to be sent, and to be sent again once
	cfg.Approval = approvals.approve
	mustBeUnapproved(t, txsend.New(cfg).Send(within(t, 20*time.Second), bump("one"), rollout.Mark{}), "one", errRefused)
	if sent.Load() != 2 || approvals.asked.Load() != 4 {
		t.Errorf("sent %d times, asked %d times; want 2 and 4", sent.Load(), approvals.asked.Load())
	}
	r.mustHave(t, "taken back", rollout.Released)
	mark, err := r.journal.Read(t.Context(), chainID, account)
	if err != nil || mark.Open[0].Plan != planDigest {
		t.Fatalf("%+v, %v", mark, err)
	}
	cfg.Sent = func(rollout.Transaction) { call(t, n, "evm_mine") }
	if err := txsend.New(cfg).Drop(within(t, 10*time.Second), mark.Open); err != nil {
		t.Fatal(err)
	}
	r.mustHave(t, "dropped", rollout.Dropped, rollout.Confirmed)
	if r.count(t) != 0 || r.final[0].Plan != (common.Hash{}) || r.final[0].Step != "drop: one" {
		t.Errorf("it happened %d times, final %+v", r.count(t), r.final)
	}
}

// TestOutcomeNeedsNoApproval: what has landed is journalled, whoever has taken back what.
func TestOutcomeNeedsNoApproval(t *testing.T) {
	r := newRig(t)
	cfg := r.config()
	cfg.Mainnet = true
	cfg.Approval = (&answers{list: []error{nil, nil, errRefused}}).approve
	ctx, cancel := context.WithCancel(t.Context())
	cfg.Sent = func(rollout.Transaction) { cancel() }
	if err := txsend.New(cfg).Send(ctx, bump("one"), rollout.Mark{}); !errors.Is(err, context.Canceled) && len(r.final) == 0 {
		t.Fatal(err)
	}
	for r.count(t) == 0 {
		time.Sleep(time.Millisecond)
	}
	cfg.Sent = nil
	if _, err := txsend.New(cfg).Settle(within(t, 5*time.Second)); err != nil {
		t.Fatal(err)
	}
	r.mustHave(t, "in the end", rollout.Confirmed)
}

// TestReplacementIsAskedFor: one that offers more needs an approval of its own, and names the plan that holds it by then.
func TestReplacementIsAskedFor(t *testing.T) {
	for _, refused := range []bool{true, false} {
		r, n := newAnvilRig(t, "--no-mining")
		cfg := r.config()
		cfg.Mainnet, cfg.StuckAfter, cfg.Rebroadcast = true, 50*time.Millisecond, time.Hour
		var first atomic.Pointer[types.Transaction]
		var sent atomic.Int32
		cfg.Chain = onSend{r.chain, func(*types.Transaction) error { sent.Add(1); return nil }}
		cfg.Approval = func(_ context.Context, _ common.Address, tx *types.Transaction) (common.Hash, error) {
			first.CompareAndSwap(nil, tx)
			switch {
			case tx.GasFeeCap().Cmp(first.Load().GasFeeCap()) == 0:
				return planDigest, nil
			case refused:
				return common.Hash{}, errRefused
			}
			return laterDigest, nil
		}
		cfg.Sent = func(tx rollout.Transaction) {
			if tx.Replaces != 0 {
				call(t, n, "evm_mine")
			}
		}
		err := txsend.New(cfg).Send(within(t, 20*time.Second), bump("one"), rollout.Mark{})
		if refused {
			mustBeUnapproved(t, err, "one", errRefused)
			r.mustHave(t, "refused", rollout.Released)
			if sent.Load() != 1 {
				t.Errorf("sent %d times", sent.Load())
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		r.mustHave(t, "approved", rollout.Dropped, rollout.Confirmed)
		if r.final[0].Plan != laterDigest || r.count(t) != 1 {
			t.Errorf("%+v, it happened %d times", r.final[0], r.count(t))
		}
	}
}

// TestTakenBackInASequence: the approval is taken back when the first is sent. The second is not, and the next process neither.
func TestTakenBackInASequence(t *testing.T) {
	r := newRig(t)
	cfg := r.config()
	cfg.Mainnet = true
	sent := 0
	cfg.Chain = onSend{r.chain, func(*types.Transaction) error { sent++; return nil }}
	cfg.Approval = (&answers{list: []error{nil, nil, nil, errRefused}}).approve // both are signed, one is sent
	mustBeUnapproved(t, txsend.New(cfg).Send(within(t, 10*time.Second), bump("one", "two"), rollout.Mark{}), "two", errRefused)
	r.mustHave(t, "taken back", rollout.Confirmed, rollout.Released)
	_, err := txsend.New(cfg).Settle(within(t, 5*time.Second))
	mustBeUnapproved(t, err, "two", errRefused)
	if sent != 1 || r.count(t) != 1 || r.nonce(t) != 1 {
		t.Errorf("sent %d times, it happened %d times, nonce %d", sent, r.count(t), r.nonce(t))
	}
	mark, err := r.journal.Read(t.Context(), r.id, account)
	if err != nil {
		t.Fatal(err)
	}
	if err := txsend.New(cfg).Drop(within(t, 5*time.Second), mark.Open); err != nil {
		t.Fatal(err)
	}
	r.mustHave(t, "dropped", rollout.Confirmed, rollout.Dropped, rollout.Confirmed)
}
