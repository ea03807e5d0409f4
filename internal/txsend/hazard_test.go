package txsend_test

import (
	"context"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"

	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/localnode"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/store"
	"github.com/seed-b6a97670/lockstep/internal/txsend"
)

// newAnvilRig is a sender on an anvil process, with the counter and a funded account.
func newAnvilRig(t *testing.T, args ...string) (*rig, *localnode.Node) {
	t.Helper()
	binary := filepath.Join("..", "..", "contracts", "node_modules", "@foundry-rs", "anvil-linux-amd64", "bin", "anvil")
	if _, err := os.Stat(binary); err != nil {
		t.Fatalf("anvil is missing: run make setup (%v)", err)
	}
	n, err := localnode.Anvil(binary, append([]string{"--chain-id", "4242"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Stop)
	call(t, n, "anvil_setBalance", account, "0xde0b6b3a7640000")
	call(t, n, "anvil_setCode", counter, "0x60005460010160005500")
	client, err := chain.New(chain.Config{Name: "test", ChainID: chainID, URLs: []string{n.URL}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	r := &rig{url: n.URL, id: chainID, counter: counter, chain: client, path: filepath.Join(t.TempDir(), "journal.db")}
	r.open(t)
	return r, n
}

func call(t *testing.T, n *localnode.Node, method string, args ...any) {
	t.Helper()
	if err := n.RPC.CallContext(t.Context(), nil, method, args...); err != nil {
		t.Fatalf("%s: %v", method, err)
	}
}

// during sends in the background what has been begun by the time do is called, and returns how it ended.
func during(t *testing.T, cfg txsend.Config, do func(first rollout.Transaction)) error {
	t.Helper()
	sent, done := make(chan rollout.Transaction, 16), make(chan error, 1)
	next := cfg.Sent
	cfg.Sent = func(tx rollout.Transaction) {
		if next != nil {
			next(tx)
		}
		sent <- tx
	}
	go func() { done <- txsend.New(cfg).Send(within(t, 20*time.Second), bump("one"), rollout.Mark{}) }()
	select {
	case tx := <-sent:
		do(tx)
	case err := <-done:
		return err
	}
	return <-done
}

// TestStuck: the base fee rises over what the transaction offers. It is replaced, and happens once.
func TestStuck(t *testing.T) {
	r, n := newAnvilRig(t, "--no-mining")
	cfg := r.config()
	cfg.StuckAfter = 100 * time.Millisecond
	replaced := make(chan rollout.Transaction, 16)
	cfg.Sent = func(tx rollout.Transaction) {
		if tx.Replaces != 0 {
			replaced <- tx
		}
	}
	err := during(t, cfg, func(first rollout.Transaction) {
		call(t, n, "anvil_setNextBlockBaseFeePerGas", hexutil.EncodeBig(new(big.Int).Mul(offer(t, first), big.NewInt(3))))
		call(t, n, "evm_mine")
		if got := r.count(t); got != 0 {
			t.Errorf("it happened %d times in a block that asked for more", got)
		}
		better := <-replaced
		for offer(t, better).Cmp(new(big.Int).Mul(offer(t, first), big.NewInt(3))) < 0 {
			better = <-replaced
		}
		call(t, n, "evm_mine")
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.count(t) != 1 {
		t.Errorf("it happened %d times, want once", r.count(t))
	}
	got := r.statuses(t)
	if len(got) < 2 || got[0] != rollout.Dropped || got[len(got)-1] != rollout.Confirmed {
		t.Errorf("the journal has %v, want dropped first and confirmed last", got)
	}
	mark, err := r.journal.Read(t.Context(), chainID, account)
	if err != nil || mark.NextNonce != 1 || len(mark.Open) != 0 {
		t.Errorf("mark %+v, %v", mark, err)
	}
}

// offer is what a journalled transaction offers at most, in wei a gas.
func offer(t *testing.T, entry rollout.Transaction) *big.Int {
	t.Helper()
	var tx types.Transaction
	if err := tx.UnmarshalBinary(entry.Raw); err != nil {
		t.Fatal(err)
	}
	return tx.GasFeeCap()
}

// TestReplacedOneLands: the replacement is lost, and the first transaction lands after all; after a crash in between.
func TestReplacedOneLands(t *testing.T) {
	r, n := newAnvilRig(t, "--no-mining")
	cfg := r.config()
	cfg.StuckAfter = 50 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	sent := 0
	cfg.Chain = onSend{r.chain, func(*types.Transaction) error {
		if sent++; sent > 1 {
			cancel() // the process dies when the replacement is journalled and not sent
			return errors.New("connection lost")
		}
		return nil
	}}
	if err := txsend.New(cfg).Send(ctx, bump("one"), rollout.Mark{}); err == nil {
		t.Fatal("it did not die")
	}
	r.mustHave(t, "after the crash", rollout.Replaced, rollout.Released)
	call(t, n, "evm_mine")
	// the next process sends the replacement, which a node refuses: its nonce is used, by the one that it replaces
	if _, err := txsend.New(r.config()).Settle(within(t, 5*time.Second)); err != nil {
		t.Fatal(err)
	}
	r.mustHave(t, "settled", rollout.Confirmed, rollout.Dropped)
	if r.count(t) != 1 || len(r.final) != 1 {
		t.Errorf("it happened %d times, final %+v", r.count(t), r.final)
	}
}

// TestCeiling: a stuck transaction never offers more than the ceiling, and lands when the network asks for less.
func TestCeiling(t *testing.T) {
	r, n := newAnvilRig(t, "--no-mining")
	cfg := r.config()
	cfg.StuckAfter = 50 * time.Millisecond
	f, err := r.chain.Fees(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cfg.MaxFee = f.Cap
	stuck := make(chan error, 1)
	cfg.Stuck = func(_ rollout.Transaction, err error) {
		select {
		case stuck <- err:
		default:
		}
	}
	err = during(t, cfg, func(first rollout.Transaction) {
		if err := <-stuck; !strings.Contains(err.Error(), "maxFee") {
			t.Errorf("stuck: %v", err)
		}
		call(t, n, "evm_mine")
	})
	if err != nil {
		t.Fatal(err)
	}
	r.mustHave(t, "in the end", rollout.Confirmed)
	// and nothing new is sent while the network asks for more
	cfg.MaxFee = big.NewInt(1)
	var fees *rollout.FeesError
	mark, err := txsend.New(cfg).Settle(within(t, 5*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if err := txsend.New(cfg).Send(within(t, 5*time.Second), bump("two"), mark); !errors.As(err, &fees) || fees.Ceiling != "1" {
		t.Errorf("got %v, want a FeesError", err)
	}
}

// TestDropped: the node forgets the transaction.
func TestDropped(t *testing.T) {
	r, n := newAnvilRig(t, "--no-mining")
	cfg := r.config()
	cfg.Rebroadcast = 50 * time.Millisecond
	again := make(chan struct{}, 16)
	cfg.Chain = onSend{r.chain, func(*types.Transaction) error { again <- struct{}{}; return nil }}
	err := during(t, cfg, func(first rollout.Transaction) {
		<-again
		call(t, n, "anvil_dropTransaction", first.Hash)
		for range len(again) { // sent before it was dropped
			<-again
		}
		<-again
		for r.count(t) == 0 {
			call(t, n, "evm_mine")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	r.mustHave(t, "in the end", rollout.Confirmed)
}

// TestUnderpriced: a geth takes no transaction that tips less than it wants. The first offer is refused, a better one taken.
func TestUnderpriced(t *testing.T) {
	r := newGethRig(t)
	cfg := r.config()
	cfg.Chain = &stingy{Client: r.chain}
	if err := txsend.New(cfg).Send(within(t, 20*time.Second), r.bump("one"), rollout.Mark{}); err != nil {
		t.Fatal(err)
	}
	got := r.statuses(t)
	if len(got) < 2 || got[0] != rollout.Dropped || got[len(got)-1] != rollout.Confirmed || r.count(t) != 1 {
		t.Errorf("it happened %d times, the journal has %v; want once, the first dropped", r.count(t), got)
	}
	var first, last types.Transaction
	journal, err := r.journal.Transactions(t.Context(), gethID)
	if err != nil || first.UnmarshalBinary(journal[0].Raw) != nil || last.UnmarshalBinary(journal[len(journal)-1].Raw) != nil {
		t.Fatal(err)
	}
	if last.GasFeeCap().Cmp(new(big.Int).Mul(first.GasFeeCap(), big.NewInt(2))) > 0 {
		t.Errorf("it offers %d at last, %d at first: a tip of a million was all that was asked for", last.GasFeeCap(), first.GasFeeCap())
	}
}

// stingy suggests too little at first.
type stingy struct {
	*chain.Client
	asked int
}

func (s *stingy) Fees(ctx context.Context) (chain.Fees, error) {
	f, err := s.Client.Fees(ctx)
	if s.asked++; s.asked == 1 {
		f.Tip = big.NewInt(1)
	}
	return f, err
}

// TestUnderpricedSequence: the first of a sequence is refused for its offer. The others are decided again, with better ones.
func TestUnderpricedSequence(t *testing.T) {
	r := newGethRig(t)
	cfg := r.config()
	cfg.Chain = &stingy{Client: r.chain}
	s := txsend.New(cfg)
	if err := s.Send(within(t, 20*time.Second), r.bump("one", "two"), rollout.Mark{}); !errors.Is(err, rollout.ErrStale) {
		t.Fatalf("got %v, want that the rest is decided again", err)
	}
	mark, err := s.Settle(within(t, 20*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(within(t, 20*time.Second), r.bump("two"), mark); err != nil {
		t.Fatal(err)
	}
	if r.count(t) != 2 {
		t.Errorf("it happened %d times, want twice", r.count(t))
	}
}

// newGethRig is a sender on a geth process that makes a block a second. The counter is made by a transaction.
func newGethRig(t *testing.T) *rig {
	t.Helper()
	binary := filepath.Join("..", "..", ".tools", "geth")
	if _, err := os.Stat(binary); err != nil {
		t.Fatalf("geth is missing: run make tools (%v)", err)
	}
	n, err := localnode.Geth(binary, "--txpool.pricelimit", "1000000")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Stop)
	r := &rig{url: n.URL, path: filepath.Join(t.TempDir(), "journal.db")}
	r.fundOnGeth(t)
	if r.chain, err = chain.New(chain.Config{Name: "test", ChainID: gethID, URLs: []string{n.URL}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.chain.Close)
	r.open(t)
	return r
}

// bump is bump where the counter stands elsewhere.
func (r *rig) bump(steps ...string) []rollout.Intent {
	out := bump(steps...)
	for i := range out {
		out[i].To = r.counter
	}
	return out
}

// TestOutOfFunds: the money is gone when the transaction is sent. Once it is back, the very same transaction lands.
func TestOutOfFunds(t *testing.T) {
	r, n := newAnvilRig(t)
	cfg := r.config()
	cfg.Chain = onSend{r.chain, func(*types.Transaction) error {
		call(t, n, "anvil_setBalance", account, "0x1")
		return nil
	}}
	err := txsend.New(cfg).Send(within(t, 5*time.Second), bump("one"), rollout.Mark{})
	if err == nil || !strings.Contains(strings.ToLower(err.Error()), "insufficient funds") {
		t.Fatalf("got %v, want what the node said", err)
	}
	r.mustHave(t, "without money", rollout.Released)
	call(t, n, "anvil_setBalance", account, "0xde0b6b3a7640000")
	if _, err := txsend.New(r.config()).Settle(within(t, 5*time.Second)); err != nil {
		t.Fatal(err)
	}
	r.mustHave(t, "with money", rollout.Confirmed)
}

// TestForeignNonceHalts: the account has sent something that is not in the journal.
func TestForeignNonceHalts(t *testing.T) {
	r, n := newAnvilRig(t)
	s := txsend.New(r.config())
	if err := s.Send(within(t, 5*time.Second), bump("one"), rollout.Mark{}); err != nil {
		t.Fatal(err)
	}
	call(t, n, "anvil_setNonce", account, "0x3")
	mark, err := s.Settle(within(t, 5*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	var foreign *txsend.ForeignNonceError
	if err := s.Send(within(t, 5*time.Second), bump("two"), mark); !errors.As(err, &foreign) || foreign.Journal != 1 || foreign.Chain != 3 {
		t.Fatalf("got %v, want a ForeignNonceError", err)
	}
	r.mustHave(t, "halted", rollout.Confirmed)
	// an operator says that it was his
	if err := r.journal.Adopt(t.Context(), chainID, account, 3); err != nil {
		t.Fatal(err)
	}
	if mark, err = s.Settle(within(t, 5*time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := s.Send(within(t, 5*time.Second), bump("two"), mark); err != nil {
		t.Fatal(err)
	}
	r.mustHave(t, "adopted", rollout.Confirmed, rollout.Confirmed)
}

// TestForeignTransactionWaits: somebody else has sent something with the nonce, and it waits for a block. It is not outbid.
func TestForeignTransactionWaits(t *testing.T) {
	r, n := newAnvilRig(t, "--no-mining")
	foreign, err := types.SignNewTx(key, types.LatestSignerForChainID(big.NewInt(chainID)), &types.DynamicFeeTx{
		ChainID: big.NewInt(chainID), Gas: 21_000, GasFeeCap: big.NewInt(50 * params.GWei), GasTipCap: big.NewInt(50 * params.GWei), To: &account,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := dialEth(t, r.url).SendTransaction(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	err = txsend.New(r.config()).Send(within(t, 10*time.Second), bump("one"), rollout.Mark{})
	if err == nil || !strings.Contains(err.Error(), "who else has this key") {
		t.Errorf("got %v, want that somebody else has the key", err)
	}
	call(t, n, "evm_mine")
	if _, err := txsend.New(r.config()).Settle(within(t, 10*time.Second)); err == nil || !strings.Contains(err.Error(), "not in the journal") {
		t.Errorf("after the foreign one landed: %v", err)
	}
	r.mustHave(t, "while nobody has said what to do", rollout.Released)
	mark, err := r.journal.Read(t.Context(), chainID, account)
	if err != nil {
		t.Fatal(err)
	}
	if err := txsend.New(r.config()).Drop(within(t, 10*time.Second), mark.Open); err != nil {
		t.Fatal(err)
	}
	r.mustHave(t, "dropped", rollout.Dropped)
	if mark, err = txsend.New(r.config()).Settle(within(t, 10*time.Second)); err != nil || mark.NextNonce != 1 {
		t.Errorf("%+v, %v: the next nonce is the chain's", mark, err)
	}
}

// TestAnotherProcessIsNotForeign: the nonce is used by another process on the same journal, after this one has read it.
func TestAnotherProcessIsNotForeign(t *testing.T) {
	r, _ := newAnvilRig(t)
	if err := txsend.New(r.config()).Send(within(t, 5*time.Second), bump("one"), rollout.Mark{}); err != nil {
		t.Fatal(err)
	}
	before, err := txsend.New(r.config()).Settle(within(t, 5*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if err := txsend.New(r.config()).Send(within(t, 5*time.Second), bump("two"), before); err != nil {
		t.Fatal(err)
	}
	if err := txsend.New(r.config()).Send(within(t, 5*time.Second), bump("two"), before); !errors.Is(err, rollout.ErrStale) {
		t.Errorf("got %v, want ErrStale", err)
	}
}

// TestDrop takes a transaction back: one that does nothing lands in its place.
func TestDrop(t *testing.T) {
	r, n := newAnvilRig(t, "--no-mining")
	ctx, cancel := context.WithCancel(t.Context())
	cfg := r.config()
	cfg.Sent = func(rollout.Transaction) { cancel() }
	if err := txsend.New(cfg).Send(ctx, bump("one"), rollout.Mark{}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	mark, err := r.journal.Read(t.Context(), chainID, account)
	if err != nil || len(mark.Open) != 1 {
		t.Fatalf("%+v, %v", mark, err)
	}
	cfg = r.config()
	cfg.Sent = func(rollout.Transaction) { call(t, n, "evm_mine") }
	if err := txsend.New(cfg).Drop(within(t, 5*time.Second), mark.Open); err != nil {
		t.Fatal(err)
	}
	r.mustHave(t, "dropped", rollout.Dropped, rollout.Confirmed)
	if r.count(t) != 0 || len(r.final) != 1 || r.final[0].Step != "drop: one" {
		t.Errorf("it happened %d times, final %+v", r.count(t), r.final)
	}
}

// TestLegacyFees sends what networks without EIP-1559 take.
func TestLegacyFees(t *testing.T) {
	r, n := newAnvilRig(t)
	client, err := chain.New(chain.Config{Name: "test", ChainID: chainID, URLs: []string{n.URL}, Legacy: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	cfg := r.config()
	cfg.Chain = client
	if err := txsend.New(cfg).Send(within(t, 5*time.Second), bump("one"), rollout.Mark{}); err == nil || !strings.Contains(err.Error(), "maxFee") {
		t.Errorf("got %v, want that a ceiling is asked for", err)
	}
	cfg.MaxFee = big.NewInt(100 * params.GWei)
	if err := txsend.New(cfg).Send(within(t, 5*time.Second), bump("one", "two"), rollout.Mark{}); err != nil {
		t.Fatal(err)
	}
	for _, f := range r.final {
		var tx types.Transaction
		if err := tx.UnmarshalBinary(f.Raw); err != nil {
			t.Fatal(err)
		}
		if tx.Type() != types.LegacyTxType || tx.ChainId().Int64() != chainID {
			t.Errorf("%s is of type %d for chain %s", f.Step, tx.Type(), tx.ChainId())
		}
	}
	r.mustHave(t, "in the end", rollout.Confirmed, rollout.Confirmed)
	if r.count(t) != 2 {
		t.Errorf("it happened %d times, want twice", r.count(t))
	}
}

// greedy suggests to tip too much.
type greedy struct{ *chain.Client }

func (g greedy) Fees(ctx context.Context) (chain.Fees, error) {
	f, err := g.Client.Fees(ctx)
	tip := big.NewInt(500 * params.GWei)
	f.Cap = new(big.Int).Add(new(big.Int).Sub(f.Cap, f.Tip), tip)
	f.Tip = tip
	return f, err
}

// TestGreedyEndpoint: what an endpoint suggests to tip is bounded, with a ceiling and without.
func TestGreedyEndpoint(t *testing.T) {
	for _, maxFee := range []*big.Int{nil, big.NewInt(3 * params.GWei)} {
		r, _ := newAnvilRig(t)
		cfg := r.config()
		cfg.Chain, cfg.MaxFee = greedy{r.chain}, maxFee
		if err := txsend.New(cfg).Send(within(t, 5*time.Second), bump("one"), rollout.Mark{}); err != nil {
			t.Fatal(err)
		}
		var tx types.Transaction
		if err := tx.UnmarshalBinary(r.final[0].Raw); err != nil {
			t.Fatal(err)
		}
		want := int64(30 * params.GWei)
		if maxFee != nil {
			want = maxFee.Int64()
		}
		if tx.GasTipCap().Int64() != want {
			t.Errorf("ceiling %v: it tips %d, want %d", maxFee, tx.GasTipCap(), want)
		}
	}
}

// TestRefusedBelowTheCeiling: a node refuses what is below its base fee, and the ceiling is less than twice that. The offer rises
// to the ceiling, and lands.
func TestRefusedBelowTheCeiling(t *testing.T) {
	r, n := newAnvilRig(t)
	call(t, n, "anvil_setNextBlockBaseFeePerGas", hexutil.EncodeUint64(5*params.GWei))
	call(t, n, "evm_mine")
	cfg := r.config()
	cfg.MaxFee = big.NewInt(30 * params.GWei)
	first := true
	cfg.Chain = onSend{r.chain, func(*types.Transaction) error {
		if first {
			first = false
			call(t, n, "anvil_setNextBlockBaseFeePerGas", hexutil.EncodeUint64(20*params.GWei))
			call(t, n, "evm_mine")
		}
		return nil
	}}
	if err := txsend.New(cfg).Send(within(t, 20*time.Second), bump("one"), rollout.Mark{}); err != nil {
		t.Fatal(err)
	}
	if got := r.statuses(t); got[len(got)-1] != rollout.Confirmed || r.count(t) != 1 {
		t.Errorf("%v, it happened %d times", got, r.count(t))
	}
}

// TestReplacedByAnotherProcess: another process on this journal replaces the transaction, and its replacement lands. This one
// does not take that for somebody else's.
func TestReplacedByAnotherProcess(t *testing.T) {
	r, n := newAnvilRig(t, "--no-mining")
	cfg := r.config()
	cfg.Rebroadcast = 100 * time.Millisecond
	other, err := store.Open(t.Context(), r.path, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	err = during(t, cfg, func(rollout.Transaction) {
		mark, err := other.Read(t.Context(), chainID, account)
		if err != nil {
			t.Fatal(err)
		}
		dropping := r.config()
		dropping.Journal, dropping.Final = other, nil
		dropping.Sent = func(rollout.Transaction) { call(t, n, "evm_mine") }
		if err := txsend.New(dropping).Drop(within(t, 10*time.Second), mark.Open); err != nil {
			t.Error(err)
		}
	})
	if !errors.Is(err, rollout.ErrStale) {
		t.Errorf("got %v, want ErrStale", err)
	}
}

// gethID is the chain id of a geth of one's own.
const gethID = 1337

// fundOnGeth gives the account of the tests money, and makes the counter.
func (r *rig) fundOnGeth(t *testing.T) {
	t.Helper()
	eth := dialEth(t, r.url)
	id := big.NewInt(gethID)
	send := func(tx types.TxData) *types.Receipt {
		signed, err := types.SignNewTx(gethDeveloper, types.LatestSignerForChainID(id), tx)
		if err != nil {
			t.Fatal(err)
		}
		if err := eth.SendTransaction(t.Context(), signed); err != nil {
			t.Fatal(err)
		}
		for {
			if receipt, err := eth.TransactionReceipt(t.Context(), signed.Hash()); err == nil {
				return receipt
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	price := big.NewInt(10 * params.GWei)
	send(&types.DynamicFeeTx{ChainID: id, Gas: 21_000, GasFeeCap: price, GasTipCap: big.NewInt(params.GWei), To: &account, Value: big.NewInt(params.Ether)})
	// PUSH10 code, PUSH0, MSTORE, PUSH1 10, PUSH1 22, RETURN
	made := send(&types.DynamicFeeTx{ChainID: id, Nonce: 1, Gas: 200_000, GasFeeCap: price, GasTipCap: big.NewInt(params.GWei), Data: common.FromHex("0x69600054600101600055005f52600a6016f3")})
	if made.Status != 1 {
		t.Fatal("the counter was not made")
	}
	r.id, r.counter = gethID, made.ContractAddress
}

// A reorganisation takes back what was final by the rule of the network, while another transaction waits behind it: that can never land, and
// it would help nobody to offer more for it.
func TestTakenBackForGood(t *testing.T) {
	r := newRig(t)
	eth := dialEth(t, r.url)
	before, err := eth.BlockNumber(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first := txsend.New(r.config())
	if err := first.Send(within(t, 10*time.Second), bump("one"), rollout.Mark{}); err != nil {
		t.Fatal(err)
	}
	mark, err := first.Settle(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cfg := r.config()
	cfg.Confirmations = 100
	cfg.Rebroadcast, cfg.StuckAfter = 20*time.Millisecond, 200*time.Millisecond
	sent := make(chan struct{})
	once := sync.OnceFunc(func() { close(sent) })
	cfg.Sent = func(rollout.Transaction) { once() } // it is replaced if nobody looks at what is before it
	done := make(chan error, 1)
	go func() { done <- txsend.New(cfg).Send(within(t, 10*time.Second), bump("two"), mark) }()
	<-sent
	for r.count(t) < 2 {
		time.Sleep(time.Millisecond)
	}
	if err := eth.Client().CallContext(t.Context(), nil, "debug_setHead", hexutil.Uint64(before)); err != nil {
		t.Fatal(err)
	}
	var taken *txsend.TakenBackError
	if err := <-done; !errors.As(err, &taken) || taken.Journal != mark.NextNonce || taken.Chain != mark.NextNonce-1 {
		t.Errorf("got %v, want a TakenBackError", err)
	}
}
