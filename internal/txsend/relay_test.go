package txsend_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/localrelay"
	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/relay"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/signer"
	"github.com/seed-b6a97670/lockstep/internal/store"
	"github.com/seed-b6a97670/lockstep/internal/txsend"
)

// records keeps what relays have in the journal.
type records struct{ *store.Store }

func (r records) Load(ctx context.Context, chainID uint64, hash common.Hash) (rec relay.Record, found bool, err error) {
	body, err := r.RelayRecord(ctx, chainID, hash)
	if errors.Is(err, store.ErrNotFound) {
		return rec, false, nil
	}
	if err == nil {
		err = json.Unmarshal(body, &rec)
	}
	return rec, err == nil, err
}

func (r records) Save(ctx context.Context, rec relay.Record) error {
	body, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	return r.SaveRelayRecord(ctx, store.RelayRecord{ID: rec.ID, ChainID: rec.ChainID, Hashes: rec.Hashes, Body: body})
}

// relayRig is a sender whose transactions go to a private relay before an anvil that makes no block by itself.
type relayRig struct {
	*rig
	t     *testing.T
	relay *localrelay.Relay
	seen  []relay.Measurement
}

func newRelayRig(t *testing.T) *relayRig {
	t.Helper()
	r, n := newAnvilRig(t, "--no-mining")
	ethers, err := filepath.Abs(filepath.Join("..", "..", "e2e", "ethers", "node_modules", "ethers"))
	if err != nil {
		t.Fatal(err)
	}
	local, err := localrelay.Start(ethers, n.URL, "secret")
	if err != nil {
		t.Fatalf("%v (is make setup done?)", err)
	}
	t.Cleanup(func() { _ = local.Stop() })
	return &relayRig{rig: r, t: t, relay: local}
}

// config is that of a sender whose node may be given nothing.
func (r *relayRig) config() txsend.Config {
	r.t.Helper()
	auth, err := relay.NewFlashbots(relay.FlashbotsConfig{Name: "one", URL: r.relay.URL, Signer: signer.FromKey(crypto.PubkeyToAddress(otherKey.PublicKey), otherKey)})
	if err != nil {
		r.t.Fatal(err)
	}
	router, err := relay.NewRouter(relay.Config{
		Network: "test", ChainID: r.id, Privacy: network.Relay, Relays: []relay.Relay{auth}, Records: records{r.journal},
		Report: func(_ context.Context, m relay.Measurement) error {
			r.seen = append(r.seen, m)
			return nil
		},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	cfg := r.rig.config()
	cfg.Relays = router
	cfg.Chain = onSend{r.chain, func(tx *types.Transaction) error {
		r.t.Errorf("%s was sent to the node, for everybody to see", tx.Hash())
		return errors.New("public")
	}}
	return cfg
}

// calls are the methods that the relay was asked for, each with its verdict.
func (r *relayRig) calls() (out []string) {
	r.t.Helper()
	log, err := r.relay.Log(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	for _, l := range log {
		method, _, err := l.Call()
		if err != nil {
			r.t.Fatal(err)
		}
		out = append(out, method+" "+l.Verdict)
	}
	return out
}

func (r *relayRig) control(c localrelay.Control) {
	r.t.Helper()
	if err := r.relay.Control(r.t.Context(), c); err != nil {
		r.t.Fatal(err)
	}
}

func (r *relayRig) mine() {
	r.t.Helper()
	if _, _, err := r.relay.Mine(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

// pushes asks before relays are given something.
type pushes struct {
	txsend.Relays
	ask func(txs []*types.Transaction, head, last uint64)
}

func (p pushes) Push(ctx context.Context, txs []*types.Transaction, head, last uint64) error {
	p.ask(txs, head, last)
	return p.Relays.Push(ctx, txs, head, last)
}

// TestSequenceIsABundle: all of it is released before the first is given to a relay, in one bundle for each block, until it lands.
func TestSequenceIsABundle(t *testing.T) {
	r := newRelayRig(t)
	cfg := r.config()
	count := 0
	cfg.Relays = pushes{cfg.Relays, func(txs []*types.Transaction, head, last uint64) {
		r.mustHave(t, "when relays are asked", rollout.Released, rollout.Released, rollout.Released)
		if len(txs) != 3 || last != head+25 {
			t.Errorf("%d transactions for blocks up to %d at block %d", len(txs), last, head)
		}
		count++
		switch count {
		case 1:
			r.control(localrelay.Control{Hold: 1})
		case 3, 5: // the first without them
			r.mine()
		}
	}}
	if err := txsend.New(cfg).Send(within(t, 30*time.Second), r.bump("one", "two", "three"), rollout.Mark{}); err != nil {
		t.Fatal(err)
	}
	if len(r.final) != 3 || r.final[0].BlockNumber != r.final[2].BlockNumber || r.count(t) != 3 {
		t.Errorf("final %+v; want all in one block", r.final)
	}
	if calls := r.calls(); !slices.Equal(calls, []string{"eth_sendBundle taken", "eth_sendBundle taken"}) {
		t.Errorf("the relay was asked %q", calls)
	}
	var landed int
	for _, m := range r.seen {
		if m.Outcome == relay.OutcomeLanded {
			landed++
			if m.Head != r.final[0].BlockNumber || m.BaseFee == nil || m.GasPrice == nil || m.GasPrice.Cmp(m.BaseFee) <= 0 {
				t.Errorf("landed: %+v", m)
			}
		}
	}
	if landed != 3 {
		t.Errorf("%d have landed, by what was measured: %+v", landed, r.seen)
	}
}

// TestReplacementCancelsTheOld: relays have the new one before they are asked to forget the old one.
func TestReplacementCancelsTheOld(t *testing.T) {
	r := newRelayRig(t)
	cfg := r.config()
	cfg.StuckAfter = 300 * time.Millisecond
	var hashes []common.Hash
	cfg.Relays = pushes{cfg.Relays, func(txs []*types.Transaction, _, _ uint64) {
		if h := txs[0].Hash(); !slices.Contains(hashes, h) {
			hashes = append(hashes, h)
		} else if len(hashes) == 2 && h == hashes[1] {
			r.mine()
		}
	}}
	var kept []error
	cfg.Kept = func(_ rollout.Transaction, err error) { kept = append(kept, err) }
	if err := txsend.New(cfg).Send(within(t, 30*time.Second), r.bump("one"), rollout.Mark{}); err != nil {
		t.Fatal(err)
	}
	want := []string{"eth_sendPrivateTransaction taken", "eth_sendPrivateTransaction taken", "eth_cancelPrivateTransaction taken"}
	if calls := r.calls(); !slices.Equal(calls, want) || len(kept) != 0 {
		t.Errorf("the relay was asked %q, and did not forget: %v", calls, kept)
	}
	r.mustHave(t, "in the end", rollout.Dropped, rollout.Confirmed)
	if len(hashes) != 2 || r.final[0].Hash != hashes[1] {
		t.Errorf("%v landed, given were %v", r.final, hashes)
	}
}

// TestRelayThatKeepsTheOld: that it cannot cancel is told, and the replacement lands all the same.
func TestRelayThatKeepsTheOld(t *testing.T) {
	r := newRelayRig(t)
	cfg := r.config()
	raw, err := relay.NewRPC(relay.RPCConfig{Name: "raw", URL: r.relay.URL + "/raw"})
	if err != nil {
		t.Fatal(err)
	}
	router, err := relay.NewRouter(relay.Config{Network: "test", ChainID: r.id, Privacy: network.Relay, Relays: []relay.Relay{raw}, Records: records{r.journal}})
	if err != nil {
		t.Fatal(err)
	}
	cfg.StuckAfter = 300 * time.Millisecond
	var kept []error
	cfg.Kept = func(_ rollout.Transaction, err error) {
		kept = append(kept, err)
		r.mine()
	}
	cfg.Relays = router
	if err := txsend.New(cfg).Send(within(t, 30*time.Second), r.bump("one"), rollout.Mark{}); err != nil {
		t.Fatal(err)
	}
	if len(kept) != 1 || !errors.Is(kept[0], relay.ErrUnsupported) || r.count(t) != 1 {
		t.Errorf("told %v; it happened %d times", kept, r.count(t))
	}
}

// TestRelaysRefuse: the node is given nothing, whatever relays say.
func TestRelaysRefuse(t *testing.T) {
	r := newRelayRig(t)
	r.control(localrelay.Control{Fault: "refuse", Message: "not today"})
	err := txsend.New(r.config()).Send(within(t, 30*time.Second), r.bump("one", "two"), rollout.Mark{})
	if err == nil || !strings.Contains(err.Error(), "not today") || !strings.Contains(err.Error(), "nobody else was given it") {
		t.Errorf("%v", err)
	}
	r.mustHave(t, "after the refusal", rollout.Released, rollout.Released)
	r.control(localrelay.Control{Fault: "close"})
	if _, err := txsend.New(r.config()).Settle(within(t, 30*time.Second)); !errors.Is(err, rollout.ErrUnavailable) {
		t.Errorf("%v, want that it is tried again", err)
	}
	r.control(localrelay.Control{})
	r.settleWithBlocks(r.config())
	if r.count(t) != 2 {
		t.Errorf("it happened %d times", r.count(t))
	}
}

// settleWithBlocks settles while the relay makes a block each time after it has been asked.
func (r *relayRig) settleWithBlocks(cfg txsend.Config) {
	r.t.Helper()
	pushed := 0
	cfg.Relays = pushes{cfg.Relays, func([]*types.Transaction, uint64, uint64) {
		if pushed++; pushed%3 == 0 {
			r.mine()
		}
	}}
	if _, err := txsend.New(cfg).Settle(within(r.t, 30*time.Second)); err != nil {
		r.t.Fatal(err)
	}
}

// TestApprovalBeforeEachPush: what is taken back is given to no relay again, and what must not be sent never is.
func TestApprovalBeforeEachPush(t *testing.T) {
	r := newRelayRig(t)
	gone := errors.New("taken back")
	cfg := r.config()
	asked := 0
	cfg.Approval = func(context.Context, common.Address, *types.Transaction) (common.Hash, error) {
		if asked++; asked > 8 {
			return common.Hash{}, gone
		}
		return common.Hash{1}, nil
	}
	count := 0
	cfg.Relays = pushes{cfg.Relays, func([]*types.Transaction, uint64, uint64) {
		if asked > 8 {
			t.Error("relays are asked without approval")
		}
		count++
	}}
	if err := txsend.New(cfg).Send(within(t, 30*time.Second), r.bump("one", "two"), rollout.Mark{}); !errors.Is(err, gone) || count != 3 {
		t.Errorf("%v after relays were asked %d times, want 3 times and then no approval", err, count)
	}
	pending := errors.New("a root is pending")
	cfg.Approval, cfg.Check = nil, func(_ context.Context, tx *types.Transaction) error {
		if tx.Nonce() == 1 {
			return pending
		}
		return nil
	}
	// the bundle was for the next block alone
	r.control(localrelay.Control{Hold: 1})
	r.mine()
	// the second must not be sent, so the first goes alone
	var sizes []int
	cfg.Relays = pushes{r.config().Relays, func(txs []*types.Transaction, _, _ uint64) {
		if sizes = append(sizes, len(txs)); len(sizes) == 3 {
			r.mine()
		}
	}}
	if _, err := txsend.New(cfg).Settle(within(t, 30*time.Second)); !errors.Is(err, pending) || slices.Max(sizes) != 1 {
		t.Errorf("%v, %v at once; want one, and then that the next must not be sent", err, sizes)
	}
}

// TestWhatIsInABlockIsNotGivenAgain awaits three blocks: relays are not asked for what is in one.
func TestWhatIsInABlockIsNotGivenAgain(t *testing.T) {
	r := newRelayRig(t)
	cfg := r.config()
	cfg.Confirmations = 3
	var given []string
	cfg.Relays = pushes{cfg.Relays, func(txs []*types.Transaction, head, _ uint64) {
		if what := fmt.Sprint(head, len(txs)); !slices.Contains(given, what) {
			given = append(given, what)
			return
		}
		r.mine()
	}}
	ctx := within(t, 30*time.Second)
	done := make(chan error, 1)
	go func() { done <- txsend.New(cfg).Send(ctx, r.bump("one"), rollout.Mark{}) }()
	for len(r.landedBlocks(ctx)) == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	for range 2 {
		time.Sleep(50 * time.Millisecond) // some looks at each block
		r.mine()
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if len(given) != 1 {
		t.Errorf("given at %v, want at one block", given)
	}
}

// landedBlocks are those with transactions of the account, by the node.
func (r *relayRig) landedBlocks(ctx context.Context) (out []uint64) {
	r.t.Helper()
	ts, err := r.journal.Transactions(ctx, r.id)
	if err != nil {
		r.t.Error(err)
	}
	for _, t := range ts {
		if receipt, err := r.chain.Receipt(ctx, t.Hash); err == nil {
			out = append(out, receipt.Block.Number)
		}
	}
	return out
}

// TestDropThroughRelays takes back what a relay has: what does nothing goes to the relay, too.
func TestDropThroughRelays(t *testing.T) {
	r := newRelayRig(t)
	cfg := r.config()
	ctx, cancel := context.WithCancel(within(t, 30*time.Second))
	cfg.Sent = func(rollout.Transaction) { cancel() }
	if err := txsend.New(cfg).Send(ctx, r.bump("one"), rollout.Mark{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("it did not end: %v", err)
	}
	mark, err := r.journal.Read(t.Context(), r.id, account)
	if err != nil || len(mark.Open) != 1 {
		t.Fatalf("%+v, %v", mark, err)
	}
	again := r.config()
	again.Relays = pushes{again.Relays, func(txs []*types.Transaction, _, _ uint64) {
		if to := txs[0].To(); *to != account || txs[0].Value().Cmp(new(big.Int)) != 0 {
			t.Errorf("relays are given a transaction to %s", to)
		}
		if slices.Contains(r.calls(), "eth_cancelPrivateTransaction taken") {
			r.mine()
		}
	}}
	if err := txsend.New(again).Drop(within(t, 30*time.Second), mark.Open); err != nil {
		t.Fatal(err)
	}
	if r.count(t) != 0 {
		t.Errorf("it happened %d times, want never", r.count(t))
	}
	r.mustHave(t, "in the end", rollout.Dropped, rollout.Confirmed)
}
