package index_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/devnet"
	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/index"
	"github.com/seed-b6a97670/lockstep/internal/localnode"
	"github.com/seed-b6a97670/lockstep/internal/localpg"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

const (
	anvilBinary = "../../contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
	gethBinary  = "../../.tools/geth"
)

var (
	verbose = flag.Bool("log", false, "show what the index logs")

	postgresStarted atomic.Bool
	postgres        = sync.OnceValues(func() (*localpg.Server, error) {
		var settings []string
		if flag.Lookup("test.bench").Value.String() == "" { // tests need not survive a power cut, figures must
			settings = []string{"fsync=off"}
		}
		s, err := localpg.Start(settings...)
		postgresStarted.Store(err == nil)
		return s, err
	})
	databases atomic.Int64
)

func TestMain(m *testing.M) {
	flag.Parse()
	index.SetWriteAfter(30 * time.Millisecond)
	if child() {
		return
	}
	code := m.Run()
	if postgresStarted.Load() {
		if s, err := postgres(); err != nil || s.Stop() != nil {
			code = 1
		}
	}
	os.Exit(code)
}

func logger() *slog.Logger {
	if *verbose {
		return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return slog.New(slog.DiscardHandler)
}

// onEach runs a test with a journal on each engine.
func onEach(t *testing.T, test func(*testing.T, string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, sqlitePlace(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, postgresPlace(t)) })
}

func sqlitePlace(t testing.TB) string { return filepath.Join(t.TempDir(), "lockstep.db") }

func postgresPlace(t testing.TB) string {
	t.Helper()
	s, err := postgres()
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("index_%d", databases.Add(1))
	c, err := store.Open(t.Context(), s.URL("postgres"), "index")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	pool, _, err := c.Pool(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if _, err := pool.Exec(t.Context(), "CREATE DATABASE "+name+" TEMPLATE template0"); err != nil {
		t.Fatal(err)
	}
	return s.URL(name)
}

func openStore(t testing.TB, where string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), where, "index")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// node is a network with an emitter.
type node struct {
	t       testing.TB
	url, ws string
	rpc     *rpc.Client
	eth     *ethclient.Client
	chainID uint64
	emitter common.Address
	others  []common.Address // that are indexed as well
	from    common.Address
	reorg   func(depth uint64)
	mine    func()
	rand    *rand.Rand
}

var emitterAddress = common.HexToAddress("0xe111000000000000000000000000000000000001")

func newAnvil(t testing.TB, args ...string) *node {
	t.Helper()
	a, err := localnode.Anvil(anvilBinary, append([]string{"--no-mining"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Stop)
	n := &node{t: t, url: a.URL, ws: a.WS, rpc: a.RPC, chainID: 31337, emitter: emitterAddress, rand: rand.New(rand.NewPCG(1, 2))}
	n.init()
	n.call(nil, "anvil_setCode", n.emitter, hexutil.Bytes(emitterCode()))
	var accounts []common.Address
	n.call(&accounts, "eth_accounts")
	n.from = accounts[0]
	n.reorg = func(depth uint64) { n.call(nil, "anvil_reorg", depth, []any{}) }
	n.mine = func() { n.call(nil, "evm_mine") }
	return n
}

var devKey, _ = crypto.HexToECDSA("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d")

func newDevnet(t testing.TB) *node {
	t.Helper()
	from := crypto.PubkeyToAddress(devKey.PublicKey)
	d, err := devnet.Start(devnet.Config{
		ChainID: 7007, Alloc: map[common.Address]*big.Int{from: new(big.Int).Mul(big.NewInt(1e9), big.NewInt(1e18))},
		Code: map[common.Address][]byte{emitterAddress: emitterCode()},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	client, err := rpc.Dial(d.URL())
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, url: d.URL(), ws: d.WSURL(), rpc: client, chainID: 7007, emitter: emitterAddress, from: from, rand: rand.New(rand.NewPCG(3, 4))}
	n.init()
	n.reorg = func(depth uint64) {
		head := n.head()
		n.call(nil, "evm_increaseTime", hexutil.Uint64(100)) // else blocks could be those that it has just forgotten, which geth does not get along with
		n.call(nil, "debug_setHead", hexutil.Uint64(head-depth))
		for range depth + 1 {
			n.mine()
		}
	}
	n.mine = func() {
		if err := d.Mine(1); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

func (n *node) init() { n.eth = ethclient.NewClient(n.rpc) }

func (n *node) call(out any, method string, args ...any) {
	n.t.Helper()
	if err := n.rpc.CallContext(context.Background(), out, method, args...); err != nil {
		n.t.Fatalf("%s: %v", method, err)
	}
}

func (n *node) head() uint64 {
	n.t.Helper()
	head, err := n.eth.BlockNumber(context.Background())
	if err != nil {
		n.t.Fatal(err)
	}
	return head
}

// emit makes a block with a transaction that logs.
func (n *node) emit(logs []emission) { n.emitBy(n.emitter, logs) }

func (n *node) emitBy(emitter common.Address, logs []emission) {
	n.t.Helper()
	data := calldata(logs)
	if n.chainID == 31337 {
		n.call(nil, "eth_sendTransaction", map[string]any{"from": n.from, "to": emitter, "data": hexutil.Bytes(data), "gas": hexutil.Uint64(5_000_000)})
		n.mine()
		return
	}
	n.sign(&emitter, data)
}

// deploy makes a block with a transaction that makes a contract.
func (n *node) deploy(init []byte) {
	n.t.Helper()
	n.sign(nil, init)
}

func (n *node) sign(to *common.Address, data []byte) {
	n.t.Helper()
	for range 20 {
		nonce, err := n.eth.NonceAt(context.Background(), n.from, nil)
		if err != nil {
			n.t.Fatal(err)
		}
		tx := types.MustSignNewTx(devKey, types.LatestSignerForChainID(new(big.Int).SetUint64(n.chainID)), &types.DynamicFeeTx{
			ChainID: new(big.Int).SetUint64(n.chainID), Nonce: nonce, Gas: 5_000_000, GasFeeCap: big.NewInt(100 * params.GWei), GasTipCap: big.NewInt(1),
			To: to, Data: data,
		})
		err = n.eth.SendTransaction(context.Background(), tx)
		for until := time.Now().Add(time.Second); err == nil && time.Now().Before(until); time.Sleep(time.Millisecond) { // it mines what waits
			if receipt, err := n.eth.TransactionReceipt(context.Background(), tx.Hash()); err == nil && receipt != nil {
				return
			}
		}
		n.mine() // after it was told to go back, it may have kept others, or not have noticed yet what the next nonce is
	}
	n.t.Fatal("no transaction gets into a block")
}

func (n *node) client(urls ...string) *chain.Client {
	n.t.Helper()
	if len(urls) == 0 {
		urls = []string{n.url}
	}
	c, err := chain.New(chain.Config{Name: "test", ChainID: n.chainID, URLs: urls, Timeout: 5 * time.Second})
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(c.Close)
	return c
}

// told is a handler that keeps what it was told.
type told struct {
	mu    sync.Mutex
	heads map[uint64]rollout.Block // as after all reorganisations
	logs  map[uint64]map[uint32]event.Decoded
	last  rollout.Block
	final rollout.Block
	full  chan struct{} // closed once the backfill is done, or the handler was told of the block until
	until uint64
	once  sync.Once
	reorg int
	head  chan rollout.Block // if not nil
}

func newTold() *told {
	return &told{heads: map[uint64]rollout.Block{}, logs: map[uint64]map[uint32]event.Decoded{}, full: make(chan struct{})}
}

func (h *told) Backfilled(context.Context, rollout.Block) {
	if h.until == 0 {
		h.once.Do(func() { close(h.full) })
	}
}

func (h *told) Head(_ context.Context, b rollout.Block, logs []event.Decoded) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.heads[b.Number], h.last = b, b
	if h.logs[b.Number] == nil {
		h.logs[b.Number] = map[uint32]event.Decoded{}
	}
	for _, l := range logs {
		h.logs[b.Number][l.Index] = l
	}
	if h.until > 0 && b.Number >= h.until {
		h.once.Do(func() { close(h.full) })
	}
	if h.head != nil {
		h.head <- b
	}
}

// tip is the newest block that it was told.
func (h *told) tip() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last.Number
}

func (h *told) Reorg(_ context.Context, last rollout.Block) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reorg++
	h.last = last
	for n := range h.heads {
		if n > last.Number {
			delete(h.heads, n)
			delete(h.logs, n)
		}
	}
}

func (h *told) Final(_ context.Context, b rollout.Block) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.final = b
}

// running is an indexer at work.
type running struct{ stop func() }

// start starts an indexer. It is stopped at the end of the test at the latest.
func start(t testing.TB, n *node, s index.Store, c index.Chain, h *told) *running {
	t.Helper()
	return startPolling(t, n, s, c, h, 20*time.Millisecond)
}

func startPolling(t testing.TB, n *node, s index.Store, c index.Chain, h *told, poll time.Duration) *running {
	t.Helper()
	return startConfig(t, index.Config{
		Chain: c, Store: s, Contracts: []event.Contract{{Kind: dispatcher.Kind, Address: n.emitter, From: 1}}, Confirmations: 3,
		Poll: poll, Handler: h, Log: logger(), Told: h.last,
	})
}

func startConfig(t testing.TB, cfg index.Config) *running {
	t.Helper()
	x := index.New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- x.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("the indexer ended: %v", err)
		}
	})
	t.Cleanup(stop)
	return &running{stop}
}

// mustReach waits until the rows are those of the chain, and compares them.
func mustReach(t testing.TB, n *node, s *store.Store) {
	t.Helper()
	want := scan(t, n)
	head, err := n.eth.HeaderByNumber(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		blocks, err := s.BlocksDown(context.Background(), n.chainID, 1<<62, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(blocks) == 1 && blocks[0].Hash == head.Hash() || time.Now().After(deadline) {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	mustEqual(t, n, s, want)
}

func mustEqual(t testing.TB, n *node, s *store.Store, want []types.Log) {
	t.Helper()
	rows, err := s.Events(context.Background(), event.Filter{ChainID: n.chainID, Oldest: true})
	if err != nil {
		t.Fatal(err)
	}
	got := make([]types.Log, len(rows))
	for i, r := range rows {
		got[i] = types.Log{
			Address: r.Address, Topics: r.Topics, Data: r.Data, BlockNumber: r.Block.Number, BlockHash: r.Block.Hash, BlockTimestamp: r.Block.Time,
			TxHash: r.Tx, TxIndex: uint(r.TxIndex), Index: uint(r.Index),
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d rows, the chain has %d logs", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if diff := cmp.Diff(want[i], got[i]); diff != "" {
			t.Fatalf("row %d (-chain +row):\n%s", i, diff)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}

// scan reads all logs with go-ethereum's client, past the index.
func scan(t testing.TB, n *node) []types.Log {
	t.Helper()
	logs, err := n.eth.FilterLogs(context.Background(), ethereum.FilterQuery{FromBlock: new(big.Int), Addresses: append([]common.Address{n.emitter}, n.others...)})
	if err != nil {
		t.Fatal(err)
	}
	return logs
}

func bigInt(n uint64) *big.Int { return new(big.Int).SetUint64(n) }
