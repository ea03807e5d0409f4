package relay

import (
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/ethereum/go-ethereum/accounts"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/localnode"
	"github.com/seed-b6a97670/lockstep/internal/localrelay"
	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/signer"
)

const (
	chainID = 4242
	secret  = "c2VjcmV0LWFjY291bnQ6aHVudGVyMg=="
)

var _ TextSigner = (*signer.Signer)(nil)

// textKey signs texts with a key.
type textKey struct{ key *ecdsa.PrivateKey }

func (k textKey) Address() common.Address { return crypto.PubkeyToAddress(k.key.PublicKey) }

func (k textKey) SignText(text string) ([]byte, error) {
	signature, err := crypto.Sign(accounts.TextHash([]byte(text)), k.key)
	if err == nil {
		signature[crypto.RecoveryIDOffset] += 27
	}
	return signature, err
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := crypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// world is a real node without a miner, and a private relay before it.
type world struct {
	t     *testing.T
	node  *localnode.Node
	local *localrelay.Relay
	relay string // its URL
	key   *ecdsa.PrivateKey
	auth  textKey
}

func newWorld(t *testing.T) *world {
	t.Helper()
	root := filepath.Join("..", "..")
	binary := filepath.Join(root, "contracts", "node_modules", "@foundry-rs", "anvil-linux-amd64", "bin", "anvil")
	ethers, err := filepath.Abs(filepath.Join(root, "e2e", "ethers", "node_modules", "ethers"))
	if err != nil {
		t.Fatal(err)
	}
	for _, need := range []string{binary, ethers} {
		if _, err := os.Stat(need); err != nil {
			t.Fatalf("run make setup: %v", err)
		}
	}
	node, err := localnode.Anvil(binary, "--chain-id", "4242", "--no-mining")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(node.Stop)
	w := &world{t: t, node: node, key: newKey(t), auth: textKey{newKey(t)}}
	w.call(nil, "anvil_setBalance", w.account(), "0xde0b6b3a7640000")

	if w.local, err = localrelay.Start(ethers, node.URL, secret); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.local.Stop() })
	w.relay = w.local.URL
	return w
}

func (w *world) account() common.Address { return crypto.PubkeyToAddress(w.key.PublicKey) }

func (w *world) call(out any, method string, args ...any) {
	w.t.Helper()
	if err := w.node.RPC.CallContext(w.t.Context(), out, method, args...); err != nil {
		w.t.Fatalf("%s: %v", method, err)
	}
}

// tell posts to the relay's own controls.
func (w *world) tell(path string, in, out any) {
	w.t.Helper()
	if err := w.local.Tell(w.t.Context(), path, in, out); err != nil {
		w.t.Fatal(err)
	}
}

type control = localrelay.Control

func (w *world) control(c control) { w.t.Helper(); w.tell("/control", c, nil) }

// mine makes a block with what the relay has for it.
func (w *world) mine() (number uint64, landed []common.Hash) {
	w.t.Helper()
	number, landed, err := w.local.Mine(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return number, landed
}

func (w *world) head() uint64 {
	w.t.Helper()
	var n hexutil.Uint64
	w.call(&n, "eth_blockNumber")
	return uint64(n)
}

// logged is a request that the relay had.
type logged struct{ localrelay.Request }

func (l logged) request(t *testing.T) (method string, params json.RawMessage) {
	t.Helper()
	method, params, err := l.Call()
	if err != nil {
		t.Fatal(err)
	}
	return method, params
}

func (w *world) log() []logged {
	w.t.Helper()
	var out []logged
	w.tell("/log", struct{}{}, &out)
	return out
}

// last is the last request.
func (w *world) last() logged {
	w.t.Helper()
	log := w.log()
	if len(log) == 0 {
		w.t.Fatal("the relay was asked nothing")
	}
	return log[len(log)-1]
}

// sign makes a transaction that offers a tip; to is nil for one that reverts.
func (w *world) sign(nonce uint64, to *common.Address) *types.Transaction {
	return w.signTip(nonce, to, 1_000_000_000)
}

func (w *world) signTip(nonce uint64, to *common.Address, tip int64) *types.Transaction {
	w.t.Helper()
	tx := &types.DynamicFeeTx{
		ChainID: big.NewInt(chainID), Nonce: nonce, Gas: 100_000, To: to, Value: big.NewInt(1),
		GasTipCap: big.NewInt(tip), GasFeeCap: big.NewInt(10_000_000_000),
	}
	if to == nil {
		tx.Data = []byte{0xfe} // init code that is invalid
	}
	out, err := types.SignNewTx(w.key, types.LatestSignerForChainID(tx.ChainID), tx)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

var somebody = common.HexToAddress("0x00000000000000000000000000000000000000aa")

func (w *world) txs(nonce uint64, n int) []*types.Transaction {
	w.t.Helper()
	var out []*types.Transaction
	for i := range uint64(n) {
		out = append(out, w.sign(nonce+i, &somebody))
	}
	return out
}

// inMempool counts the transactions that the node's public mempool has.
func (w *world) inMempool() int {
	w.t.Helper()
	var status struct{ Pending, Queued hexutil.Uint64 }
	w.call(&status, "txpool_status")
	return int(status.Pending + status.Queued)
}

// private fails the test if a transaction can be seen by all.
func (w *world) private(txs ...*types.Transaction) {
	w.t.Helper()
	if n := w.inMempool(); n != 0 {
		w.t.Errorf("the public mempool has %d transactions, want none", n)
	}
	for _, tx := range txs {
		var found *types.Transaction
		w.call(&found, "eth_getTransactionByHash", tx.Hash())
		if found != nil {
			w.t.Errorf("the node knows %s before it is in a block", tx.Hash())
		}
	}
}

// landed returns the block of a transaction, 0 if there is none.
func (w *world) landed(tx *types.Transaction) uint64 {
	w.t.Helper()
	var receipt *types.Receipt
	w.call(&receipt, "eth_getTransactionReceipt", tx.Hash())
	if receipt == nil {
		return 0
	}
	return receipt.BlockNumber.Uint64()
}

func (w *world) flashbots(name string) Relay {
	w.t.Helper()
	r, err := NewFlashbots(FlashbotsConfig{Name: name, URL: w.relay, StatusURL: w.relay + "/tx", Signer: w.auth})
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) rpc(name string) Relay {
	w.t.Helper()
	r, err := NewRPC(RPCConfig{Name: name, URL: w.relay + "/raw", StatusURL: w.relay + "/tx"})
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) bloxroute(name string) Relay {
	w.t.Helper()
	r, err := NewBloxroute(BloxrouteConfig{
		Name: name, URL: w.relay + "/blxr", Method: methodEthereum, Secret: func(context.Context) (string, error) { return secret, nil },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// public is the way to the node's mempool, and counts what takes it.
func (w *world) public(sent *int) Relay {
	w.t.Helper()
	r, err := NewEndpoints(network.Public, func(ctx context.Context, tx *types.Transaction) error {
		*sent++
		raw, err := tx.MarshalBinary()
		if err != nil {
			return err
		}
		return w.node.RPC.CallContext(ctx, nil, "eth_sendRawTransaction", hexutil.Encode(raw))
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// memory keeps records as JSON.
type memory struct {
	mu    sync.Mutex
	ids   []string
	json  map[string][]byte
	saves int
	fail  error
	saved func(Record)
}

func (m *memory) Load(_ context.Context, chainID uint64, hash common.Hash) (Record, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range slices.Backward(m.ids) {
		var r Record
		if err := json.Unmarshal(m.json[id], &r); err != nil {
			return r, false, err
		}
		if r.ChainID == chainID && slices.Contains(r.Hashes, hash) {
			return r, true, nil
		}
	}
	return Record{}, false, nil
}

func (m *memory) Save(ctx context.Context, r Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err() // as a database does
	}
	if m.fail != nil {
		return m.fail
	}
	if m.saved != nil {
		m.saved(r)
	}
	raw, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if m.json == nil {
		m.json = map[string][]byte{}
	}
	if m.json[r.ID] == nil {
		m.ids = append(m.ids, r.ID)
	}
	m.json[r.ID] = raw
	m.saves++
	return nil
}

// measures keeps what was reported.
type measures struct {
	all  []Measurement
	fail error
}

func (m *measures) report(_ context.Context, x Measurement) error {
	m.all = append(m.all, x)
	return m.fail
}

// words are the outcomes as relay:outcome.
func (m *measures) words() []string {
	var out []string
	for _, x := range m.all {
		out = append(out, x.Relay+":"+string(x.Outcome))
	}
	return out
}

func (w *world) router(cfg Config) *Router {
	w.t.Helper()
	cfg.Network, cfg.ChainID = "testnet", chainID
	if cfg.Privacy == "" {
		cfg.Privacy = network.Relay
	}
	if cfg.Records == nil {
		cfg.Records = &memory{}
	}
	r, err := NewRouter(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) push(r *Router, txs []*types.Transaction) {
	w.t.Helper()
	head := w.head()
	if err := r.Push(w.t.Context(), txs, head, head+25); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) wantWords(m *measures, want ...string) {
	w.t.Helper()
	if got := m.words(); !slices.Equal(got, want) {
		w.t.Errorf("reported %q, want %q", got, want)
	}
}
