package txsend_test

import (
	"context"
	"errors"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"

	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/devnet"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/signer"
	"github.com/seed-b6a97670/lockstep/internal/store"
	"github.com/seed-b6a97670/lockstep/internal/txsend"
)

const chainID = 4242

var (
	key, _  = crypto.ToECDSA(crypto.Keccak256([]byte("txsend test")))
	account = crypto.PubkeyToAddress(key.PublicKey)
	// the account that a geth of one's own funds; everybody knows its key
	gethDeveloper, _ = crypto.HexToECDSA("b71c71a67e1177ad4e901695e1b4b9ee17ae16c6668d313eac2f96dbcda3f291")
	// somebody else
	otherKey, _ = crypto.ToECDSA(crypto.Keccak256([]byte("txsend test, another")))
	// counter adds one to slot 0 at every call: how often something really happened
	counter = common.HexToAddress("0xc0de01")
	// refuser reverts with four bytes
	refuser = common.HexToAddress("0xc0de02")
	// once reverts from its second call on
	once = common.HexToAddress("0xc0de03")
)

// rig is a sender on a real node with a real journal.
type rig struct {
	net     *devnet.Network // nil if the node is a process
	url     string
	id      uint64 // of the chain
	counter common.Address
	chain   *chain.Client
	journal *store.Store
	path    string
	final   []rollout.Transaction
}

func newRig(t *testing.T) *rig {
	t.Helper()
	return newRigOn(t, chainID)
}

func newRigOn(t *testing.T, id uint64) *rig {
	t.Helper()
	n, err := devnet.Start(devnet.Config{
		ChainID: id,
		Alloc: map[common.Address]*big.Int{
			account: new(big.Int).Mul(big.NewInt(10), big.NewInt(params.Ether)),
			crypto.PubkeyToAddress(otherKey.PublicKey): big.NewInt(params.Ether),
		},
		Code: map[common.Address][]byte{
			counter: common.FromHex("0x60005460010160005500"),         // sstore(0, sload(0) + 1)
			once:    common.FromHex("0x5f54600a5760015f55005b5f5ffd"), // sload(0) ? revert(0, 0) : sstore(0, 1)
			refuser: common.FromHex("0x63deadbeef60e01b5f5260045ffd"), // revert(0xdeadbeef)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	client, err := chain.New(chain.Config{Name: "test", ChainID: id, URLs: []string{n.URL()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	r := &rig{net: n, url: n.URL(), id: id, counter: counter, chain: client, path: filepath.Join(t.TempDir(), "journal.db")}
	r.open(t)
	return r
}

func (r *rig) open(t *testing.T) {
	t.Helper()
	s, err := store.Open(t.Context(), r.path, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	r.journal = s
}

func (r *rig) config() txsend.Config {
	return txsend.Config{
		Chain: r.chain, Signer: signer.FromKey(account, key), Journal: r.journal, Confirmations: 1, GasCap: 1_000_000,
		Poll: 2 * time.Millisecond, Explain: func(data []byte) string { return "said " + common.Bytes2Hex(data) },
		Final: func(tx rollout.Transaction) { r.final = append(r.final, tx) },
	}
}

func (r *rig) count(t *testing.T) uint64 {
	t.Helper()
	eth := dialEth(t, r.url)
	word, err := eth.StorageAt(t.Context(), r.counter, common.Hash{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return new(big.Int).SetBytes(word).Uint64()
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func bump(steps ...string) (out []rollout.Intent) {
	for _, step := range steps {
		out = append(out, rollout.Intent{Step: step, To: counter})
	}
	return out
}

func TestSendIsJournalledAndFinal(t *testing.T) {
	r := newRig(t)
	s := txsend.New(r.config())
	mark, err := s.Settle(within(t, 5*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(within(t, 5*time.Second), bump("one"), mark); err != nil {
		t.Fatal(err)
	}
	if got := r.count(t); got != 1 {
		t.Errorf("it happened %d times, want once", got)
	}
	if len(r.final) != 1 || r.final[0].Status != rollout.Confirmed || r.final[0].Step != "one" || r.final[0].GasUsed == 0 {
		t.Errorf("final: %+v", r.final)
	}
	after, err := s.Settle(within(t, 5*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if after.NextNonce != 1 || len(after.Open) != 0 || after.MinBlock != r.final[0].BlockNumber {
		t.Errorf("mark %+v after one transaction in block %d", after, r.final[0].BlockNumber)
	}
}

func TestRefusedCallIsNeverSigned(t *testing.T) {
	r := newRig(t)
	s := txsend.New(r.config())
	err := s.Send(within(t, 5*time.Second), []rollout.Intent{{Step: "refused", To: refuser}}, rollout.Mark{})
	var refused *txsend.RefusedError
	if !errors.As(err, &refused) || refused.Reason != "said deadbeef" {
		t.Fatalf("got %v, want a refusal that explains the revert", err)
	}
	r.mustBeEmpty(t)
}

func (r *rig) mustBeEmpty(t *testing.T) {
	t.Helper()
	journal, err := r.journal.Transactions(t.Context(), r.id)
	if err != nil || len(journal) != 0 {
		t.Fatalf("journal %+v, %v; want nothing", journal, err)
	}
}

func TestStaleDecisionIsNotSent(t *testing.T) {
	r := newRig(t)
	s := txsend.New(r.config())
	if err := s.Send(within(t, 5*time.Second), bump("first"), rollout.Mark{}); err != nil {
		t.Fatal(err)
	}
	err := s.Send(within(t, 5*time.Second), bump("decided before the first"), rollout.Mark{})
	// the nonce tells here as well; only the journal tells when the decision was made before another process acted
	if err == nil {
		t.Fatal("a decision that was made before the journal moved was sent")
	}
	stale := rollout.Mark{NextNonce: 1, Known: true}
	if err := s.Send(within(t, 5*time.Second), bump("stale"), stale); !errors.Is(err, rollout.ErrStale) {
		t.Fatalf("got %v, want ErrStale", err)
	}
	if got := r.count(t); got != 1 {
		t.Errorf("it happened %d times, want once", got)
	}
}

// TestCrashAfterJournalling is a process that died between writing the journal and sending.
func TestCrashAfterJournalling(t *testing.T) {
	r := newRig(t)
	dying := r.config()
	dying.Chain = brokenSend{r.chain}
	if err := txsend.New(dying).Send(within(t, 5*time.Second), bump("one"), rollout.Mark{}); err == nil {
		t.Fatal("sending did not fail")
	}
	journal, err := r.journal.Transactions(t.Context(), r.id)
	if err != nil || len(journal) != 1 || journal[0].Status != rollout.Released {
		t.Fatalf("journal %+v, %v; want one released transaction", journal, err)
	}
	r.open(t) // as the next process would
	s := txsend.New(r.config())
	mark, err := s.Settle(within(t, 5*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if r.count(t) != 1 || len(r.final) != 1 || r.final[0].Hash != journal[0].Hash {
		t.Errorf("it happened %d times, final %+v; want once, as %s", r.count(t), r.final, journal[0].Hash)
	}
	if mark.NextNonce != 1 {
		t.Errorf("next nonce %d, want 1", mark.NextNonce)
	}
}

// brokenSend is a connection that dies at the moment of sending.
type brokenSend struct{ *chain.Client }

func (brokenSend) Send(context.Context, *types.Transaction) error {
	return errors.New("connection lost")
}

// TestCrashAfterSending is a process that died before it saw the receipt.
func TestCrashAfterSending(t *testing.T) {
	r := newRig(t)
	dying := r.config()
	ctx, cancel := context.WithCancel(t.Context())
	dying.Sent = func(rollout.Transaction) { cancel() }
	if err := txsend.New(dying).Send(ctx, bump("one"), rollout.Mark{}); err == nil && len(r.final) == 0 {
		t.Fatal("neither died nor finished")
	}
	r.final = nil
	if _, err := txsend.New(r.config()).Settle(within(t, 5*time.Second)); err != nil {
		t.Fatal(err)
	}
	if got := r.count(t); got != 1 {
		t.Errorf("it happened %d times, want once", got)
	}
}

func TestConfirmationsAreAwaited(t *testing.T) {
	r := newRig(t)
	cfg := r.config()
	cfg.Confirmations = 3
	sent := make(chan struct{})
	cfg.Sent = func(rollout.Transaction) { close(sent) }
	done := make(chan error, 1)
	go func() { done <- txsend.New(cfg).Send(within(t, 10*time.Second), bump("one"), rollout.Mark{}) }()
	<-sent
	eth := dialEth(t, r.url)
	for r.count(t) == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := r.net.Mine(1); err != nil { // two deep
		t.Fatal(err)
	}
	select {
	case err := <-done:
		t.Fatalf("final after two blocks of three (%v)", err)
	case <-time.After(50 * time.Millisecond):
	}
	if err := r.net.Mine(1); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	head, err := eth.BlockNumber(t.Context())
	if err != nil || head != r.final[0].BlockNumber+2 {
		t.Errorf("head %d (%v), transaction in block %d", head, err, r.final[0].BlockNumber)
	}
}

func TestNonceTakenBySomebodyElse(t *testing.T) {
	r := newRig(t)
	dying := r.config()
	dying.Chain = brokenSend{r.chain}
	if err := txsend.New(dying).Send(within(t, 5*time.Second), bump("one"), rollout.Mark{}); err == nil {
		t.Fatal("sending did not fail")
	}
	// the same key, elsewhere, uses the nonce
	other, err := types.SignNewTx(key, types.LatestSignerForChainID(big.NewInt(chainID)), &types.DynamicFeeTx{
		ChainID: big.NewInt(chainID), Gas: 21_000, GasFeeCap: big.NewInt(10 * params.GWei), GasTipCap: big.NewInt(1), To: &account,
	})
	if err != nil {
		t.Fatal(err)
	}
	eth := dialEth(t, r.url)
	if err := eth.SendTransaction(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	for nonce := uint64(0); nonce == 0; {
		if nonce, err = eth.NonceAt(t.Context(), account, nil); err != nil {
			t.Fatal(err)
		}
	}
	_, err = txsend.New(r.config()).Settle(within(t, 5*time.Second))
	if err == nil || !strings.Contains(err.Error(), "not in the journal") || !strings.Contains(err.Error(), account.Hex()) {
		t.Fatalf("got %v, want an error that names the signer whose nonce is gone", err)
	}
}

func TestJournalAheadOfChain(t *testing.T) {
	r := newRig(t)
	err := txsend.New(r.config()).Send(within(t, 5*time.Second), bump("one"), rollout.Mark{NextNonce: 7, Known: true})
	if err == nil || !strings.Contains(err.Error(), "another journal") {
		t.Fatalf("got %v, want an error that speaks of the journal", err)
	}
	r.mustBeEmpty(t)
}

func TestGasOverTheCap(t *testing.T) {
	r := newRig(t)
	cfg := r.config()
	cfg.GasCap = 22_000
	err := txsend.New(cfg).Send(within(t, 5*time.Second), bump("one"), rollout.Mark{})
	if err == nil || !strings.Contains(err.Error(), "22000") {
		t.Fatalf("got %v, want an error that names the cap", err)
	}
	r.mustBeEmpty(t)
}

func TestNoFunds(t *testing.T) {
	r := newRig(t)
	poor, err := crypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	cfg := r.config()
	cfg.Signer = signer.FromKey(crypto.PubkeyToAddress(poor.PublicKey), poor)
	err = txsend.New(cfg).Send(within(t, 5*time.Second), bump("one"), rollout.Mark{})
	if err == nil || !strings.Contains(err.Error(), "fund it") {
		t.Fatalf("got %v, want an error that asks for funds", err)
	}
	r.mustBeEmpty(t)
}

func TestReorged(t *testing.T) {
	r := newRig(t)
	cfg := r.config()
	cfg.Confirmations = 2
	cfg.Rebroadcast = 20 * time.Millisecond
	sent := make(chan struct{})
	cfg.Sent = func(rollout.Transaction) { close(sent) }
	done := make(chan error, 1)
	go func() { done <- txsend.New(cfg).Send(within(t, 10*time.Second), bump("one"), rollout.Mark{}) }()
	<-sent
	eth := dialEth(t, r.url)
	for r.count(t) == 0 {
		time.Sleep(time.Millisecond)
	}
	head, err := eth.BlockNumber(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// the block with the transaction is taken back, and the node has forgotten it
	if err := eth.Client().CallContext(t.Context(), nil, "debug_setHead", "0x"+big.NewInt(int64(head-1)).Text(16)); err != nil {
		t.Fatal(err)
	}
	if got := r.count(t); got != 0 {
		t.Fatalf("the reorganisation left the count at %d", got)
	}
	for r.count(t) == 0 { // until it is sent again
		select {
		case err := <-done:
			t.Fatalf("ended before it was sent again: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	if err := r.net.Mine(2); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if r.count(t) != 1 || len(r.final) != 1 {
		t.Errorf("it happened %d times, final %+v", r.count(t), r.final)
	}
}
