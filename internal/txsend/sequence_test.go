package txsend_test

import (
	"context"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"

	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/store"
	"github.com/seed-b6a97670/lockstep/internal/txsend"
)

// onSend asks before a transaction goes to the node.
type onSend struct {
	*chain.Client
	ask func(tx *types.Transaction) error
}

func (c onSend) Send(ctx context.Context, tx *types.Transaction) error {
	if err := c.ask(tx); err != nil {
		return err
	}
	return c.Client.Send(ctx, tx)
}

func (r *rig) statuses(t *testing.T) (out []rollout.Status) {
	t.Helper()
	journal, err := r.journal.Transactions(t.Context(), r.id)
	if err != nil {
		t.Fatal(err)
	}
	for _, tx := range journal {
		out = append(out, tx.Status)
	}
	return out
}

func (r *rig) mustHave(t *testing.T, when string, want ...rollout.Status) {
	t.Helper()
	got := r.statuses(t)
	same := len(got) == len(want)
	for i := range min(len(got), len(want)) {
		same = same && got[i] == want[i]
	}
	if !same {
		t.Errorf("%s the journal has %v, want %v", when, got, want)
	}
}

func TestSequence(t *testing.T) {
	r := newRig(t)
	cfg := r.config()
	var nonces []uint64
	cfg.Chain = onSend{r.chain, func(tx *types.Transaction) error {
		if tx.Nonce() == 0 {
			r.mustHave(t, "when the first is sent", rollout.Released, rollout.Signed, rollout.Signed)
		} else {
			r.mustHave(t, "when others are sent", rollout.Released, rollout.Released, rollout.Released)
		}
		nonces = append(nonces, tx.Nonce())
		return nil
	}}
	if err := txsend.New(cfg).Send(within(t, 5*time.Second), bump("one", "two", "three"), rollout.Mark{}); err != nil {
		t.Fatal(err)
	}
	if len(nonces) != 3 || nonces[0] != 0 || nonces[1] != 1 || nonces[2] != 2 {
		t.Errorf("sent nonces %v", nonces)
	}
	if r.count(t) != 3 || len(r.final) != 3 || r.final[0].Step != "one" || r.final[2].Step != "three" {
		t.Errorf("it happened %d times, final %+v", r.count(t), r.final)
	}
	r.mustHave(t, "in the end", rollout.Confirmed, rollout.Confirmed, rollout.Confirmed)
	for _, f := range r.final {
		var tx types.Transaction
		if err := tx.UnmarshalBinary(f.Raw); err != nil {
			t.Fatal(err)
		}
		if tx.Gas() < f.GasUsed+f.GasUsed/10 || tx.Gas() > f.GasUsed+f.GasUsed/10+1 {
			t.Errorf("%s: limit %d for %d gas, want a tenth more", f.Step, tx.Gas(), f.GasUsed)
		}
	}
}

// TestSequenceSharesABlock sends three to a node that makes a block when it is told to.
func TestSequenceSharesABlock(t *testing.T) {
	r, n := newAnvilRig(t, "--no-mining")
	ctx := within(t, 20*time.Second)
	cfg := r.config()
	sent := 0
	cfg.Sent = func(rollout.Transaction) {
		if sent++; sent == 3 {
			if err := n.RPC.CallContext(ctx, nil, "evm_mine"); err != nil {
				t.Error(err)
			}
		}
	}
	if err := txsend.New(cfg).Send(ctx, bump("one", "two", "three"), rollout.Mark{}); err != nil {
		t.Fatal(err)
	}
	if len(r.final) != 3 || r.final[0].BlockNumber != r.final[2].BlockNumber {
		t.Errorf("final %+v; want all in one block", r.final)
	}
}

func TestSequenceEndsBeforeWhatWouldRevert(t *testing.T) {
	r := newRig(t)
	s := txsend.New(r.config())
	ins := append(bump("one", "two"), rollout.Intent{Step: "bad", To: refuser}, bump("three")[0])
	if err := s.Send(within(t, 5*time.Second), ins, rollout.Mark{}); err != nil {
		t.Fatal(err)
	}
	r.mustHave(t, "after two that succeed and one that would not", rollout.Confirmed, rollout.Confirmed)
	mark, err := s.Settle(within(t, 5*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	var refused *txsend.RefusedError
	if err := s.Send(within(t, 5*time.Second), ins[2:], mark); !errors.As(err, &refused) || refused.Step != "bad" || refused.Reason != "said deadbeef" {
		t.Errorf("got %v, want the refusal of the one that would revert", err)
	}
	if r.count(t) != 2 {
		t.Errorf("it happened %d times, want twice", r.count(t))
	}
}

// TestRefusedFirstReleasesNothing: the node refuses the first of a sequence. The others are never sent, and void afterwards.
func TestRefusedFirstReleasesNothing(t *testing.T) {
	r := newRig(t)
	cfg := r.config()
	refusals := 0
	cfg.Chain = onSend{r.chain, func(tx *types.Transaction) error {
		refusals++
		if tx.Nonce() != 0 {
			t.Errorf("nonce %d was sent after the first was refused", tx.Nonce())
		}
		return errors.New("refused by policy")
	}}
	err := txsend.New(cfg).Send(within(t, 5*time.Second), bump("one", "two", "three"), rollout.Mark{})
	if err == nil || !strings.Contains(err.Error(), "refused by policy") || refusals == 0 {
		t.Fatalf("got %v after %d refusals, want what the node said", err, refusals)
	}
	r.mustHave(t, "after the refusal", rollout.Released, rollout.Signed, rollout.Signed)
	mark, err := txsend.New(r.config()).Settle(within(t, 5*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	r.mustHave(t, "settled", rollout.Confirmed, rollout.Void, rollout.Void)
	if mark.NextNonce != 1 || r.count(t) != 1 {
		t.Errorf("next nonce %d, it happened %d times; want 1 and once", mark.NextNonce, r.count(t))
	}
	// the nonces of what is void are used again
	if err := txsend.New(r.config()).Send(within(t, 5*time.Second), bump("two", "three"), mark); err != nil {
		t.Fatal(err)
	}
	if r.count(t) != 3 {
		t.Errorf("it happened %d times, want three times", r.count(t))
	}
}

// TestCrashBeforeTheOthersAreReleased is a process that died when the first of a sequence was sent.
func TestCrashBeforeTheOthersAreReleased(t *testing.T) {
	r := newRig(t)
	dying := r.config()
	ctx, cancel := context.WithCancel(t.Context())
	dying.Sent = func(rollout.Transaction) { cancel() }
	if err := txsend.New(dying).Send(ctx, bump("one", "two"), rollout.Mark{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("it did not die: %v", err)
	}
	r.mustHave(t, "after the crash", rollout.Released, rollout.Signed)
	if _, err := txsend.New(r.config()).Settle(within(t, 5*time.Second)); err != nil {
		t.Fatal(err)
	}
	r.mustHave(t, "settled", rollout.Confirmed, rollout.Void)
	if r.count(t) != 1 {
		t.Errorf("it happened %d times, want once", r.count(t))
	}
}

// TestFirstRevertsInItsBlock is what no simulation foresees: somebody else's transaction comes before the sequence. All
// outcomes are journalled all the same.
func TestFirstRevertsInItsBlock(t *testing.T) {
	r := newRig(t)
	cfg := r.config()
	first := true
	cfg.Chain = onSend{r.chain, func(tx *types.Transaction) error {
		if first {
			first = false
			r.callOnce(t)
		}
		return nil
	}}
	ins := append([]rollout.Intent{{Step: "once", To: once}}, bump("two", "three")...)
	err := txsend.New(cfg).Send(within(t, 5*time.Second), ins, rollout.Mark{})
	var reverted *rollout.RevertedError
	if !errors.As(err, &reverted) || reverted.Transaction.Step != "once" {
		t.Fatalf("got %v, want that the first reverted", err)
	}
	r.mustHave(t, "in the end", rollout.Reverted, rollout.Confirmed, rollout.Confirmed)
}

// callOnce makes the one call that succeeds, from another account.
func (r *rig) callOnce(t *testing.T) {
	t.Helper()
	tx, err := types.SignNewTx(otherKey, types.LatestSignerForChainID(big.NewInt(chainID)), &types.DynamicFeeTx{
		ChainID: big.NewInt(chainID), Gas: 100_000, GasFeeCap: big.NewInt(10 * params.GWei), GasTipCap: big.NewInt(1), To: &once,
	})
	if err != nil {
		t.Fatal(err)
	}
	eth := dialEth(t, r.url)
	if err := eth.SendTransaction(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	for {
		if receipt, err := eth.TransactionReceipt(t.Context(), tx.Hash()); err == nil {
			if receipt.Status != 1 {
				t.Fatal("the first call reverted")
			}
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func TestCareful(t *testing.T) {
	r := newRig(t)
	cfg := r.config()
	cfg.Careful = true
	if err := txsend.New(cfg).Send(within(t, 5*time.Second), bump("one", "two"), rollout.Mark{}); err != nil {
		t.Fatal(err)
	}
	r.mustHave(t, "after a careful send of two", rollout.Confirmed)
}

func TestBatchDelay(t *testing.T) {
	r := newRig(t)
	cfg := r.config()
	cfg.BatchDelay = 60 * time.Millisecond
	var sent []time.Time
	cfg.Sent = func(rollout.Transaction) { sent = append(sent, time.Now()) }
	if err := txsend.New(cfg).Send(within(t, 5*time.Second), bump("one", "two", "three"), rollout.Mark{}); err != nil {
		t.Fatal(err)
	}
	if len(sent) != 3 || sent[1].Sub(sent[0]) < cfg.BatchDelay || sent[2].Sub(sent[1]) < cfg.BatchDelay {
		t.Errorf("sent at %v, want %s between", sent, cfg.BatchDelay)
	}
	r.mustHave(t, "in the end", rollout.Confirmed, rollout.Confirmed, rollout.Confirmed)
}

// TestLaterOneRefusedForNow is a node that takes one transaction of an account at a time.
func TestLaterOneRefusedForNow(t *testing.T) {
	r := newRig(t)
	cfg := r.config()
	cfg.Chain = onSend{r.chain, func(tx *types.Transaction) error {
		if tx.Nonce() > r.count(t) {
			return errors.New("too many transactions of this account")
		}
		return nil
	}}
	told := map[string]int{}
	cfg.Sent = func(tx rollout.Transaction) { told[tx.Step]++ }
	if err := txsend.New(cfg).Send(within(t, 10*time.Second), bump("one", "two", "three"), rollout.Mark{}); err != nil {
		t.Fatal(err)
	}
	if r.count(t) != 3 || told["one"] != 1 || told["two"] != 1 || told["three"] != 1 {
		t.Errorf("it happened %d times, told %v; want each once", r.count(t), told)
	}
}

// TestTakenBackByAnotherProcess: another process settles the journal before this one has released all of its sequence.
func TestTakenBackByAnotherProcess(t *testing.T) {
	r := newRig(t)
	cfg := r.config()
	other, err := store.Open(t.Context(), r.path, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	cfg.Chain = onSend{r.chain, func(tx *types.Transaction) error {
		if tx.Nonce() != 0 {
			t.Errorf("nonce %d was sent though it is void", tx.Nonce())
			return nil
		}
		mark, err := other.Read(t.Context(), chainID, account)
		if err != nil {
			return err
		}
		return other.Void(t.Context(), mark.Open[1:])
	}}
	err = txsend.New(cfg).Send(within(t, 5*time.Second), bump("one", "two", "three"), rollout.Mark{})
	if !errors.Is(err, rollout.ErrStale) {
		t.Errorf("got %v, want ErrStale", err)
	}
	r.mustHave(t, "in the end", rollout.Confirmed, rollout.Void, rollout.Void)
}

func TestFundsForAllOrNone(t *testing.T) {
	r := newRig(t)
	cfg := r.config()
	cfg.Chain = poor{r.chain}
	err := txsend.New(cfg).Send(within(t, 5*time.Second), bump("one", "two", "three"), rollout.Mark{})
	if err == nil || !strings.Contains(err.Error(), "one and 2 more") || !strings.Contains(err.Error(), "fund it") {
		t.Fatalf("got %v, want an error that asks for funds for all", err)
	}
	r.mustBeEmpty(t)
}

// poor is an account that can pay for one transaction and no more.
type poor struct{ *chain.Client }

func (p poor) BalanceAt(ctx context.Context, _ common.Hash, _ common.Address) (*big.Int, error) {
	f, err := p.Fees(ctx)
	if err != nil {
		return nil, err
	}
	return f.Cap.Mul(f.Cap, big.NewInt(70_000)), nil
}

// TestLargeSequenceIsQuotedInPart: a request of many megabytes is one that many nodes refuse.
func TestLargeSequenceIsQuotedInPart(t *testing.T) {
	r := newRig(t)
	at, err := r.chain.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var ins []rollout.Intent
	for range 4 {
		ins = append(ins, rollout.Intent{Step: "large", To: counter, Data: make([]byte, 400_000)})
	}
	cfg := r.config()
	cfg.GasCap = 20_000_000
	q, err := txsend.New(cfg).Quote(t.Context(), at, ins)
	if err != nil || len(q.Gas) != 2 || q.Behind != nil {
		t.Errorf("%d of 4 are quoted, %v, %v; want the two that fit in a request", len(q.Gas), q.Behind, err)
	}
}

// TestDataIsPaidFor: what a rollup asks for data counts in what an account must have, and in the gas of a transaction.
func TestDataIsPaidFor(t *testing.T) {
	r := newRig(t)
	cfg := r.config()
	cfg.Chain = rollup{r.chain}
	s := txsend.New(cfg)
	at, err := r.chain.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	plain, err := txsend.New(r.config()).Quote(t.Context(), at, bump("one", "two"))
	if err != nil {
		t.Fatal(err)
	}
	q, err := s.Quote(t.Context(), at, bump("one", "two"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range q.Gas {
		if q.Gas[i] != plain.Gas[i]+1100 {
			t.Errorf("gas %d, want %d and 1,100 for data", q.Gas[i], plain.Gas[i])
		}
	}
	want := new(big.Int).Mul(q.Fees.Cap, new(big.Int).SetUint64(q.Gas[0]+q.Gas[1]))
	want.Add(want, big.NewInt(2*params.GWei))
	if q.DataFee.Int64() != 2*params.GWei || q.Cost.Cmp(want) != 0 {
		t.Errorf("data fee %s, cost %s, want %s", q.DataFee, q.Cost, want)
	}
}

type rollup struct{ *chain.Client }

func (rollup) DataFee(context.Context, common.Hash, []byte) (*big.Int, error) {
	return big.NewInt(params.GWei), nil
}

func (rollup) DataGas(context.Context, common.Hash, ethereum.CallMsg) (uint64, error) {
	return 1_000, nil
}
