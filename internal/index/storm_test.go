package index_test

import (
	"context"
	"flag"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/badnode"
	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

var (
	storm = flag.Int("storm", 1000, "how many events the storm brings")
	seed  = flag.Uint64("seed", 0, "of the storm; 0 takes another one each time")
)

// TestStorm: the chain is reorganised again and again, the indexer is stopped and started, and its endpoints fail in all ways, lag, and leave logs
// out. In the end the rows are the logs of the chain.
func TestStorm(t *testing.T) {
	s := *seed
	if s == 0 {
		s = uint64(time.Now().UnixNano())
	}
	for name, start := range map[string]func(testing.TB) *node{"anvil": func(t testing.TB) *node { return newAnvil(t) }, "geth": newDevnet} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, where string) {
				t.Logf("-seed %d", s)
				events := *storm
				if name == "geth" && events > 10_000 {
					events /= 10 // told to go back some hundred times, it waits for itself (a Reset within a SetHead)
				}
				testStorm(t, start(t), where, events, rand.New(rand.NewPCG(s, 1)))
			})
		})
	}
}

// weather makes an endpoint fail at random.
type weather struct {
	bad  atomic.Bool
	rand *rand.Rand
}

// fault is asked by one goroutine at a time.
func (w *weather) fault(method string) badnode.Fault {
	if !w.bad.Load() || w.rand.IntN(8) > 0 {
		return badnode.None
	}
	faults := []badnode.Fault{
		badnode.Dead, badnode.TooMany, badnode.Down, badnode.Limited, badnode.LimitText, badnode.HTML, badnode.Empty, badnode.Truncated,
		badnode.WrongType, badnode.Lagging, badnode.FewBlocks, badnode.Broken, badnode.NoBatches,
	}
	return faults[w.rand.IntN(len(faults))]
}

func testStorm(t *testing.T, n *node, where string, most int, r *rand.Rand) {
	s := openStore(t, where)
	var all []*weather
	var urls []string
	for i := range 2 {
		w := &weather{rand: rand.New(rand.NewPCG(r.Uint64(), uint64(i)))}
		e, err := badnode.Start(t.Context(), n.url, w.fault)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(e.Close)
		all, urls = append(all, w), append(urls, e.URL)
	}
	if r.IntN(2) == 0 {
		urls = append(urls, n.ws)
	}
	client := func() *chain.Client { return n.client(urls...) }
	setWeather := func(bad bool) {
		for _, w := range all {
			w.bad.Store(bad)
		}
	}
	h := newTold()
	setWeather(true)
	running := start(t, n, s, client(), h)
	events, reorgs, restarts := 0, 0, 0
	for events < most {
		switch r.IntN(40) {
		case 0, 1, 3:
			if head := n.head(); head > 12 {
				if r.IntN(4) > 0 {
					await(s, n, head, 2*time.Second)
				}
				n.reorg(1 + r.Uint64N(10))
				reorgs++
			}
		case 2:
			running.stop()
			for range r.IntN(5) {
				count := 1 + r.IntN(40)
				logs := stormLogs(r, count)
				n.emit(logs)
				events += len(logs)
			}
			running = start(t, n, s, client(), h)
			restarts++
		case 4:
			n.mine()
		case 5:
			setWeather(r.IntN(4) > 0)
		default:
			count := 1 + r.IntN(40)
			logs := stormLogs(r, count)
			n.emit(logs)
			events += len(logs)
		}
	}
	setWeather(false)
	n.mine()
	mustReach(t, n, s)
	t.Logf("%d events, of which %d are left, %d reorganisations, %d of them told, %d restarts", events, len(scan(t, n)), reorgs, h.reorg, restarts)
	if reorgs > 5 && h.reorg == 0 {
		t.Error("the handler was told of no reorganisation")
	}
	mustHaveUpgrades(t, n, s)
	running.stop()
	mustAgree(t, n, h)
}

// await waits until a block is indexed, but not for long: the weather may be bad.
func await(s *store.Store, n *node, number uint64, d time.Duration) {
	for until := time.Now().Add(d); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		if blocks, err := s.BlocksDown(context.Background(), n.chainID, number, 1); err == nil && len(blocks) == 1 && blocks[0].Number == number {
			return
		}
	}
}

// mustHaveUpgrades compares the upgrades with those that follow from the logs and the receipts of the chain.
func mustHaveUpgrades(t *testing.T, n *node, s *store.Store) {
	t.Helper()
	var lives []*event.Life
	for _, l := range scan(t, n) {
		d := event.Decoded{Log: event.Log{
			Address: l.Address, Topics: l.Topics, Data: l.Data, Block: rollout.Block{Number: l.BlockNumber, Hash: l.BlockHash, Time: l.BlockTimestamp},
			Tx: l.TxHash, TxIndex: uint32(l.TxIndex), Index: uint32(l.Index),
		}}
		d.Name, _ = dispatcher.Kind.Decode(nil, &d.Log)
		begins, others := dispatcher.Kind.(event.Upgrader).Lifecycle()
		switch {
		case d.Name == begins:
			if len(lives) > 0 {
				lives[len(lives)-1].Next = d.Block
			}
			lives = append(lives, &event.Life{ChainID: n.chainID, Transactions: map[common.Hash]event.Transaction{}})
		case len(lives) == 0 || !slices.Contains(others, d.Name):
			continue
		}
		lives[len(lives)-1].Events = append(lives[len(lives)-1].Events, d)
	}
	head, err := n.eth.HeaderByNumber(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var want []event.Upgrade
	for _, l := range slices.Backward(lives) {
		l.Now = head.Time
		_, txs := dispatcher.Kind.(event.Upgrader).Upgrade(l)
		for _, tx := range txs {
			receipt, err := n.eth.TransactionReceipt(context.Background(), tx)
			if err != nil {
				t.Fatal(err)
			}
			l.Transactions[tx] = event.Transaction{GasUsed: receipt.GasUsed}
		}
		u, _ := dispatcher.Kind.(event.Upgrader).Upgrade(l)
		u.Deadline = 0 // it is not stored
		want = append(want, u)
	}
	var got []event.Upgrade
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		if got, err = s.Upgrades(context.Background(), event.UpgradeFilter{ChainID: n.chainID}); err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(got, func(u event.Upgrade) bool { return !u.Settled }) {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("upgrades (-chain +rows):\n%s", diff)
	}
	t.Logf("%d upgrades", len(got))
}

// mustAgree compares what a handler was told, by one indexer after the other, with the chain: from the first block that it was told on, nothing is missing
// and nothing else is there.
func mustAgree(t *testing.T, n *node, h *told) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.heads) == 0 {
		t.Fatal("the handler was told of no block")
	}
	for number, b := range h.heads {
		header, err := n.eth.HeaderByNumber(context.Background(), bigInt(number))
		if err != nil || header.Hash() != b.Hash {
			t.Fatalf("the handler was told of block %d %s, which is not in the chain: %v", number, b.Hash, err)
		}
	}
	first := slices.Min(slices.Collect(maps.Keys(h.heads)))
	want := 0
	for _, l := range scan(t, n) {
		if l.BlockNumber < first {
			continue
		}
		want++
		if got := h.logs[l.BlockNumber][uint32(l.Index)]; got.Tx != l.TxHash || !slices.Equal(got.Topics, l.Topics) {
			t.Fatalf("the handler was not told of log %d of block %d, but of %v", l.Index, l.BlockNumber, got)
		}
	}
	got := 0
	for _, logs := range h.logs {
		got += len(logs)
	}
	if got != want {
		t.Fatalf("the handler was told of %d logs, the chain has %d", got, want)
	}
}
