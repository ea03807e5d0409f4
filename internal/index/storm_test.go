package index_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/badnode"
	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

var (
	storm = flag.Int("storm", 3000, "how many events the storm brings")
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
				testStorm(t, start(t), where, rand.New(rand.NewPCG(s, 1)))
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

func testStorm(t *testing.T, n *node, where string, r *rand.Rand) {
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
	for events < *storm {
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
				n.emit(pageLogs(r, count))
				events += count
			}
			running = start(t, n, s, client(), h)
			restarts++
		case 4:
			n.mine()
		case 5:
			setWeather(r.IntN(4) > 0)
		default:
			count := 1 + r.IntN(40)
			n.emit(pageLogs(r, count))
			events += count
		}
	}
	setWeather(false)
	n.mine()
	mustReach(t, n, s)
	t.Logf("%d events, %d reorganisations, %d of them told, %d restarts", events, reorgs, h.reorg, restarts)
	if reorgs > 5 && h.reorg == 0 {
		t.Error("the handler was told of no reorganisation")
	}
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

// mustAgree compares what a handler was told with the chain: it may have missed what was written when an indexer was stopped, but has nothing else.
func mustAgree(t *testing.T, n *node, h *told) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for number, b := range h.heads {
		header, err := n.eth.HeaderByNumber(context.Background(), bigInt(number))
		if err != nil || header.Hash() != b.Hash {
			t.Fatal(fmt.Errorf("the handler was told of block %d %s, which is not in the chain: %v", number, b.Hash, err))
		}
	}
}
