package relay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/seed-b6a97670/lockstep/internal/network"
)

func TestPrivateUntilIncluded(t *testing.T) {
	for _, kind := range []string{"flashbots", "rpc", "bloxroute"} {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t)
			relay := map[string]func(string) Relay{"flashbots": w.flashbots, "rpc": w.rpc, "bloxroute": w.bloxroute}[kind](kind)
			m := &measures{}
			r := w.router(Config{Relays: []Relay{relay}, Report: m.report})
			txs := w.txs(0, 1)
			w.push(r, txs)
			w.private(txs...)
			raw, err := txs[0].MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			log := w.log()
			if len(log) != 1 || !strings.Contains(log[0].Body, common.Bytes2Hex(raw)) {
				t.Fatalf("the relay got %+v, want the signed bytes %x", log, raw)
			}
			if block, landed := w.mine(); !slices.Equal(landed, []common.Hash{txs[0].Hash()}) || w.landed(txs[0]) != block {
				t.Fatalf("block %d has %s", block, landed)
			}
			var onChain hexutil.Bytes
			w.call(&onChain, "eth_getRawTransactionByHash", txs[0].Hash())
			if !bytes.Equal(onChain, raw) {
				t.Errorf("on the chain is %x, signed was %x", onChain, raw)
			}
			if err := r.Land(t.Context(), txs[0].Hash(), w.head(), big.NewInt(150), big.NewInt(100)); err != nil {
				t.Fatal(err)
			}
			w.wantWords(m, kind+":taken", kind+":landed")
		})
	}
}

// TestPublicIsSeen shows that the test above looks where a public transaction is.
func TestPublicIsSeen(t *testing.T) {
	w := newWorld(t)
	var sent int
	r := w.router(Config{Privacy: network.Public, Relays: []Relay{w.public(&sent)}})
	w.push(r, w.txs(0, 2))
	if n := w.inMempool(); n != 2 || sent != 2 {
		t.Errorf("the public mempool has %d transactions of %d that were sent, want 2", n, sent)
	}
}

func TestBundleIsAimedAtEachBlock(t *testing.T) {
	w := newWorld(t)
	m := &measures{}
	r := w.router(Config{Relays: []Relay{w.flashbots("flashbots")}, Report: m.report})
	txs := w.txs(0, 3)
	w.control(control{Hold: 2})
	first := w.head() + 1
	for range 3 {
		w.push(r, txs)
		w.push(r, txs) // nothing is due at the same block
		w.private(txs...)
		w.mine()
	}
	for _, tx := range txs {
		if got := w.landed(tx); got != first+2 {
			t.Errorf("%s landed in block %d, want %d", tx.Hash(), got, first+2)
		}
	}
	var uuid string
	log := w.log()
	for i, l := range log {
		method, params := l.request(t)
		var bundles []struct {
			BlockNumber     hexutil.Uint64
			ReplacementUUID string
		}
		if err := json.Unmarshal(params, &bundles); err != nil || method != "eth_sendBundle" {
			t.Fatalf("%s: %v", l.Body, err)
		}
		if i == 0 {
			uuid = bundles[0].ReplacementUUID
		}
		if b := bundles[0]; uint64(b.BlockNumber) != first+uint64(i) || b.ReplacementUUID != uuid || len(uuid) != 36 || uuid[14] != '4' {
			t.Errorf("bundle %d is for block %d with UUID %s, want %d with %s", i, b.BlockNumber, b.ReplacementUUID, first+uint64(i), uuid)
		}
	}
	if len(log) != 3 {
		t.Errorf("the relay got %d requests, want one for each block", len(log))
	}
	w.wantWords(m, "flashbots:taken", "flashbots:taken", "flashbots:taken")
}

func TestBundleLandsWholeOrNotAtAll(t *testing.T) {
	w := newWorld(t)
	r := w.router(Config{Relays: []Relay{w.flashbots("flashbots")}})
	txs := []*types.Transaction{w.sign(0, &somebody), w.sign(1, nil), w.sign(2, &somebody)}
	head := w.head()
	for range 2 {
		if err := r.Push(t.Context(), txs, w.head(), head+2); err != nil {
			t.Fatal(err)
		}
		w.mine()
	}
	w.private(txs...)
	err := r.Push(t.Context(), txs, w.head(), head+2)
	if !errors.Is(err, ErrExpired) || len(w.log()) != 2 {
		t.Errorf("after the last block: %v and %d requests, want ErrExpired and 2", err, len(w.log()))
	}
	w.mine()
	if n := w.landed(txs[0]) + w.landed(txs[1]) + w.landed(txs[2]); n != 0 {
		t.Errorf("a part of the bundle landed")
	}
	// with a later last block it goes on
	if err := r.Push(t.Context(), txs, w.head(), head+9); err != nil || len(w.log()) != 3 {
		t.Errorf("with a later last block: %v and %d requests, want 3", err, len(w.log()))
	}
}

func TestBundleWithoutAHashIsInDoubt(t *testing.T) {
	w := newWorld(t)
	for _, fault := range []string{"hash", "empty"} {
		w.control(control{Fault: fault})
		_, err := w.flashbots("flashbots").Submit(t.Context(), Batch{ID: "x", Txs: w.txs(0, 2), Next: 1, Last: 2})
		if !errors.Is(err, ErrInDoubt) || !strings.Contains(err.Error(), "without the hash of a bundle") {
			t.Errorf("%s: %v", fault, err)
		}
	}
}

func TestPrivateTransactionIsForTheBlocksThatAreLeft(t *testing.T) {
	w := newWorld(t)
	relay := w.flashbots("flashbots")
	for _, c := range []struct{ next, last, want uint64 }{{10, 12, 12}, {10, 10, 10}, {10, 1000, 34}} {
		until, err := relay.Submit(t.Context(), Batch{Txs: w.txs(0, 1), Next: c.next, Last: c.last})
		_, params := w.last().request(t)
		if want := fmt.Sprintf(`"maxBlockNumber":"%#x"`, c.want); err != nil || until != c.want || !strings.Contains(string(params), want) {
			t.Errorf("from %d to %d: until %d, %v, %s; want %d", c.next, c.last, until, err, params, c.want)
		}
	}
	if until, err := relay.Submit(t.Context(), Batch{ID: "x", Txs: w.txs(0, 2), Next: 10, Last: 20}); err != nil || until != 10 {
		t.Errorf("a bundle: until %d, %v; want the next block alone", until, err)
	}
	if _, err := relay.Submit(t.Context(), Batch{Txs: w.txs(0, 1), Next: 11, Last: 10}); !errors.Is(err, ErrRefused) {
		t.Errorf("for a block that is past: %v", err)
	}
}

// liar signs something else, or says that it is somebody else.
type liar struct {
	textKey
	text string
	as   common.Address
}

func (l liar) Address() common.Address {
	if l.as != (common.Address{}) {
		return l.as
	}
	return l.textKey.Address()
}

func (l liar) SignText(text string) ([]byte, error) { return l.textKey.SignText(l.text + text) }

func TestWrongSignatureIsRefused(t *testing.T) {
	w := newWorld(t)
	for name, s := range map[string]TextSigner{
		"of another text":      liar{textKey: w.auth, text: " "},
		"of somebody else":     liar{textKey: w.auth, as: somebody},
		"of a text, not right": liar{textKey: w.auth, text: "x", as: somebody},
	} {
		relay, err := NewFlashbots(FlashbotsConfig{Name: "flashbots", URL: w.relay, Signer: s})
		if err != nil {
			t.Fatal(err)
		}
		_, err = relay.Submit(t.Context(), Batch{Txs: w.txs(0, 1), Next: 1, Last: 2})
		if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "signature") && !strings.Contains(err.Error(), "somebody else") {
			t.Errorf("%s: %v, want a refusal for the signature", name, err)
		}
	}
	if _, landed := w.mine(); len(landed) != 0 {
		t.Errorf("%s landed", landed)
	}
	if _, err := w.flashbots("flashbots").Submit(t.Context(), Batch{Txs: w.txs(0, 1), Next: 1, Last: 2}); err != nil {
		t.Errorf("the right signature: %v", err)
	}
}

func TestRefusedBeforeItIsSent(t *testing.T) {
	w := newWorld(t)
	many := w.txs(0, 101)
	large, err := types.SignNewTx(w.key, types.LatestSignerForChainID(big.NewInt(chainID)), &types.DynamicFeeTx{
		ChainID: big.NewInt(chainID), Gas: 1, GasTipCap: big.NewInt(1), GasFeeCap: big.NewInt(1), Data: make([]byte, 299_950),
	})
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := types.SignNewTx(w.key, types.LatestSignerForChainID(big.NewInt(7)), &types.DynamicFeeTx{
		ChainID: big.NewInt(7), Nonce: 1, Gas: 1, GasTipCap: big.NewInt(1), GasFeeCap: big.NewInt(1),
	})
	if err != nil {
		t.Fatal(err)
	}
	other := *w
	other.key = newKey(t)
	account, err := NewFlashbots(FlashbotsConfig{Name: "flashbots", URL: w.relay, Signer: textKey{w.key}})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		relay Relay
		txs   []*types.Transaction
		want  string
	}{
		"no tip":          {w.flashbots("flashbots"), []*types.Transaction{w.signTip(0, &somebody, 0)}, "no tip"},
		"no tip in one":   {w.flashbots("flashbots"), []*types.Transaction{w.sign(0, &somebody), w.signTip(1, &somebody, 0)}, "no tip"},
		"the account":     {account, w.txs(0, 1), "a key of its own"},
		"too many":        {w.flashbots("flashbots"), many, "submit fewer"},
		"too large":       {w.flashbots("flashbots"), []*types.Transaction{large, w.sign(1, &somebody)}, "submit fewer"},
		"a gap":           {w.flashbots("flashbots"), []*types.Transaction{w.sign(0, &somebody), w.sign(2, &somebody)}, "nonce"},
		"two accounts":    {w.rpc("rpc"), []*types.Transaction{w.sign(0, &somebody), other.sign(1, &somebody)}, "two accounts"},
		"two chains":      {w.rpc("rpc"), []*types.Transaction{w.sign(0, &somebody), elsewhere}, "two chains"},
		"none":            {w.bloxroute("bloxroute"), nil, "no transaction"},
		"not signed":      {w.rpc("rpc"), []*types.Transaction{types.NewTx(&types.DynamicFeeTx{ChainID: big.NewInt(chainID)})}, "not signed"},
		"none to a relay": {w.rpc("rpc"), nil, "no transaction"},
	} {
		_, err := c.relay.Submit(t.Context(), Batch{Txs: c.txs, Next: 1, Last: 2})
		if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want a refusal with %q", name, err, c.want)
		}
	}
	if log := w.log(); len(log) != 0 {
		t.Errorf("the relay was asked all the same: %+v", log)
	}
	if _, err := w.flashbots("flashbots").Submit(t.Context(), Batch{ID: "x", Txs: many[:100], Next: 1, Last: 2}); err != nil {
		t.Errorf("a hundred: %v", err)
	}
}

func TestStatus(t *testing.T) {
	w := newWorld(t)
	relay := w.flashbots("flashbots")
	ask := func(tx *types.Transaction, want Status) {
		t.Helper()
		if got, err := relay.Status(t.Context(), tx.Hash()); err != nil || got != want {
			t.Errorf("status %q, %v; want %q", got, err, want)
		}
	}
	r := w.router(Config{Relays: []Relay{relay}})
	txs := w.txs(0, 2)
	ask(txs[0], Unknown)
	w.push(r, txs[:1])
	ask(txs[0], Pending)
	w.mine()
	ask(txs[0], Included)
	w.push(r, txs[1:])
	if err := r.Cancel(t.Context(), txs[1:]); err != nil {
		t.Fatal(err)
	}
	ask(txs[1], Cancelled)
	w.control(control{Fault: "drop"})
	third := w.txs(1, 1)
	third[0] = w.signTip(1, &somebody, 2_000_000_000)
	w.push(r, third)
	ask(third[0], Failed)

	other := common.Hash{1}.Hex()
	for name, c := range map[string]control{
		"a word that is not known": {Fault: "status", Message: "MAYBE"},
		"nothing":                  {Fault: "status"},
		"of another transaction":   {Fault: "status", Message: "INCLUDED", Hash: other},
	} {
		w.control(c)
		if got, err := relay.Status(t.Context(), txs[0].Hash()); !errors.Is(err, ErrInDoubt) || got != Unknown {
			t.Errorf("%s: %q, %v; want an error", name, got, err)
		}
	}
	for _, relay := range []Relay{w.bloxroute("bloxroute"), w.public(new(int))} {
		if _, err := relay.Status(t.Context(), txs[0].Hash()); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v, want that it cannot", relay.Name(), err)
		}
	}
}

func TestCancel(t *testing.T) {
	w := newWorld(t)
	m := &measures{}
	records := &memory{}
	r := w.router(Config{Relays: []Relay{w.flashbots("flashbots"), w.rpc("rpc")}, Records: records, Report: m.report})
	single, bundle, joined := w.txs(0, 1), w.txs(0, 2), w.txs(0, 3)
	bundle[0], joined[0] = w.signTip(0, &somebody, 2e9), w.signTip(0, &somebody, 3e9)
	w.push(r, single)
	w.push(r, bundle)
	w.push(r, joined[:1]) // alone, and then with others
	w.push(r, joined)
	if rec, found, err := records.Load(t.Context(), chainID, joined[2].Hash()); err != nil || !found || len(rec.Hashes) != 3 {
		t.Errorf("what joined is not in the record: %+v, %v", rec, err)
	}
	for _, txs := range [][]*types.Transaction{single, bundle, joined} {
		for range 2 { // the second time nobody has it
			if err := r.Cancel(t.Context(), txs); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Push(t.Context(), txs, w.head(), w.head()+9); !errors.Is(err, ErrCancelled) {
			t.Errorf("pushed again: %v, want ErrCancelled", err)
		}
	}
	if _, landed := w.mine(); len(landed) != 0 {
		t.Errorf("%s landed after they were cancelled", landed)
	}
	w.wantWords(m, "flashbots:taken", "flashbots:taken", "flashbots:taken", "flashbots:taken", "flashbots:cancelled", "flashbots:cancelled", "flashbots:cancelled")

	// a relay that cannot says so, and so does one that did not
	w.control(control{Fault: "refuse", Of: []string{"/"}, Message: "not today"})
	tx := []*types.Transaction{w.signTip(0, &somebody, 4e9)}
	w.push(r, tx)
	if err := r.Cancel(t.Context(), tx); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "relay rpc cannot cancel") ||
		strings.Contains(err.Error(), "flashbots") {
		t.Errorf("cancel: %v, want that rpc cannot, and that nobody else is asked", err)
	}
	w.control(control{})
	other := []*types.Transaction{w.signTip(0, &somebody, 5e9)}
	w.push(r, other)
	w.mine() // rpc's
	if err := w.flashbots("flashbots").Cancel(t.Context(), Batch{Txs: tx}); !errors.Is(err, ErrRefused) {
		t.Errorf("cancel of what it does not have: %v, want a refusal", err)
	}
	if err := r.Cancel(t.Context(), w.txs(7, 1)); err != nil {
		t.Errorf("cancel of what no relay was given: %v", err)
	}
}

func TestClientMustBeSafe(t *testing.T) {
	for url, ok := range map[string]bool{
		"https://relay.example": true, "http://127.0.0.1:1": true, "http://[::1]:1": true, "http://localhost": true,
		"http://relay.example": false, "ftp://relay.example": false, "relay.example": false, "": false, "http://127.0.0.1.example": false,
		"https://": false, "https://key123456@relay.example/#x": false,
	} {
		_, err := NewRPC(RPCConfig{Name: "own", URL: url})
		if (err == nil) != ok || err != nil && (!strings.Contains(err.Error(), "relay own") || len(url) > len("https://") && strings.Contains(err.Error(), url)) {
			t.Errorf("%s: %v", url, err)
		}
	}
	if _, err := NewRPC(RPCConfig{Name: "own", URL: "https://rpc.example/?usemempool=true"}); err == nil {
		t.Error("an endpoint that may use the public mempool is taken for private")
	}
	if _, err := NewFlashbots(FlashbotsConfig{Name: "flashbots", URL: "https://relay.example"}); err == nil {
		t.Error("without a key to sign with")
	}
	if _, err := NewBloxroute(BloxrouteConfig{Name: "bloxroute", URL: "https://relay.example", Method: "blxr_tx"}); err == nil {
		t.Error("a method that makes transactions public")
	}
	if _, err := NewEndpoints(network.Relay, nil); err == nil {
		t.Error("endpoints that say they are private")
	}
}

func TestRateLimitIsHonoured(t *testing.T) {
	for name, c := range map[string]struct {
		control control
		wait    time.Duration
	}{
		"429 with seconds":   {control{Fault: "429", After: "30"}, 30 * time.Second},
		"429 without":        {control{Fault: "429"}, retryAfter},
		"429 for a day":      {control{Fault: "429", After: "86400"}, maxRetry},
		"429 with a date":    {control{Fault: "429", After: "Thu, 01 Jan 2026 00:01:00 GMT"}, time.Minute},
		"503 with seconds":   {control{Fault: "503"}, 7 * time.Second},
		"an error of limits": {control{Fault: "limit"}, retryAfter},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			relay := w.flashbots("flashbots")
			relay.(*flashbots).rpc.now = func() time.Time { return now }
			submit := func() error {
				_, err := relay.Submit(t.Context(), Batch{Txs: w.txs(0, 1), Next: 1, Last: 2})
				return err
			}
			w.control(c.control)
			if err := submit(); !errors.Is(err, ErrUnsent) {
				t.Fatalf("%v, want that nothing was sent", err)
			}
			w.control(control{})
			now = now.Add(c.wait - time.Second)
			if err := submit(); !errors.Is(err, ErrUnsent) || len(w.log()) != 1 {
				t.Errorf("a second before: %v and %d requests, want none", err, len(w.log()))
			}
			now = now.Add(time.Second)
			if err := submit(); err != nil || len(w.log()) != 2 {
				t.Errorf("when it may: %v and %d requests", err, len(w.log()))
			}
		})
	}
}
