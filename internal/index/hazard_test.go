package index_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/badnode"
	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/index"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// TestReorgDeeperThanWhatIsKept: blocks that were read by ranges, and count as final, are replaced all the same.
func TestReorgDeeperThanWhatIsKept(t *testing.T) { onEach(t, testReorgDeeperThanWhatIsKept) }

func testReorgDeeperThanWhatIsKept(t *testing.T, where string) {
	n := newAnvil(t)
	for range 150 {
		n.emit(pageLogs(n.rand, 3))
		n.mine() // every other block has none
	}
	s, h := openStore(t, where), newTold()
	start(t, n, s, n.client(), h)
	mustReach(t, n, s)
	n.reorg(200)
	n.emit(pageLogs(n.rand, 3))
	mustReach(t, n, s)
	mustAgree(t, n, h)
}

// TestContractThatIsAdded: one that is indexed later than others is indexed from its beginning, and the others are as they were.
func TestContractThatIsAdded(t *testing.T) { onEach(t, testContractThatIsAdded) }

func testContractThatIsAdded(t *testing.T, where string) {
	n := newAnvil(t)
	other := common.HexToAddress("0xe222000000000000000000000000000000000002")
	n.call(nil, "anvil_setCode", other, hexutil.Bytes(emitterCode()))
	blocks := func(count int) {
		for range count {
			n.emit(pageLogs(n.rand, 3))
			n.emitBy(other, pageLogs(n.rand, 2))
		}
	}
	blocks(100)
	s := openStore(t, where)
	r := start(t, n, s, n.client(), newTold())
	mustReach(t, n, s)
	r.stop()
	blocks(10)
	n.others = append(n.others, other)
	startConfig(t, index.Config{
		Chain: n.client(), Store: s, Contracts: []event.Contract{{Kind: dispatcher.Kind, Address: n.emitter, From: 1}, {Kind: dispatcher.Kind, Address: other, From: 2}},
		Confirmations: 3, Poll: 20 * time.Millisecond, Handler: newTold(), Log: logger(),
	})
	blocks(5)
	mustReach(t, n, s)
}

// TestChainThatGoesBack: a node that was told to forget its newest blocks has none in their place, and yet they are no longer in the chain.
func TestChainThatGoesBack(t *testing.T) { onEach(t, testChainThatGoesBack) }

func testChainThatGoesBack(t *testing.T, where string) {
	index.SetRewindAfter(t, time.Second)
	n := newDevnet(t)
	for range 20 {
		n.emit(pageLogs(n.rand, 3))
	}
	s, h := openStore(t, where), newTold()
	start(t, n, s, n.client(), h)
	mustReach(t, n, s)
	n.call(nil, "debug_setHead", hexutil.Uint64(n.head()-5))
	mustReach(t, n, s)
	n.emit(pageLogs(n.rand, 3))
	mustReach(t, n, s)
	mustAgree(t, n, h)
}

// leaver is a network whose endpoints leave out the logs of some blocks while they are new.
type leaver struct {
	*chain.Client
	receipts bool // it gives receipts, which hold them
	left     atomic.Int64
}

func (l *leaver) LogsOf(ctx context.Context, b rollout.Block, addresses []common.Address) ([]event.Log, error) {
	if b.Number%3 == 0 {
		l.left.Add(1)
		return nil, nil
	}
	return l.Client.LogsOf(ctx, b, addresses)
}

func (l *leaver) ReceiptLogs(ctx context.Context, b rollout.Block, addresses []common.Address) ([]event.Log, error) {
	if !l.receipts {
		return nil, event.ErrUnsupported
	}
	return l.Client.ReceiptLogs(ctx, b, addresses)
}

// TestLogsThatAreLeftOut: the filter in a block's header shows that there are some, and its receipts which. Without receipts they are found when the block
// is read once more.
func TestLogsThatAreLeftOut(t *testing.T) {
	for _, receipts := range []bool{true, false} {
		t.Run(fmt.Sprint("receipts ", receipts), func(t *testing.T) {
			onEach(t, func(t *testing.T, where string) {
				n := newDevnet(t)
				s, h := openStore(t, where), newTold()
				l := &leaver{Client: n.client(n.ws), receipts: receipts}
				start(t, n, s, l, h)
				<-h.full
				await(s, n, n.head(), 10*time.Second)
				for range index.SweepBlocks + 8 {
					n.emit(pageLogs(n.rand, 3))
					await(s, n, n.head(), 10*time.Second)
				}
				if receipts {
					mustReach(t, n, s)
				} else {
					last := n.head()
					for range 2 * index.SweepBlocks { // until all of these are read once more
						n.mine()
						await(s, n, n.head(), 10*time.Second)
					}
					mustSoonHave(t, n, s, last)
				}
				mustAgree(t, n, h)
				if l.left.Load() == 0 {
					t.Error("nothing was left out")
				}
			})
		})
	}
}

// mustSoonHave waits until there are as many rows as there are logs, and compares them.
func mustSoonHave(t *testing.T, n *node, s *store.Store, last uint64) {
	t.Helper()
	want := scan(t, n)
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		if rows, err := s.Events(context.Background(), event.Filter{ChainID: n.chainID, To: last}); err == nil && len(rows) == len(want) {
			break
		}
	}
	mustEqual(t, n, s, want)
}

// forked is a network one of whose endpoints announces blocks of a branch that no other has.
type forked struct{ *chain.Client }

func (f forked) Heads(ctx context.Context, interval time.Duration) <-chan event.Header {
	out := make(chan event.Header)
	go func() {
		defer close(out)
		for h := range f.Client.Heads(ctx, interval) {
			stray := h
			stray.Hash, stray.Parent = common.Hash{1, byte(h.Number)}, common.Hash{2, byte(h.Number)}
			before := stray
			before.Number = max(h.Number, 3) - 3
			after := stray
			after.Number++
			for _, h := range []event.Header{before, h, after} {
				select {
				case out <- h:
				case <-ctx.Done():
				}
			}
		}
	}()
	return out
}

// TestAnnouncementsOfAnotherBranch: what only one endpoint says is no reorganisation.
func TestAnnouncementsOfAnotherBranch(t *testing.T) { onEach(t, testAnnouncementsOfAnotherBranch) }

func testAnnouncementsOfAnotherBranch(t *testing.T, where string) {
	n := newAnvil(t)
	for range 10 {
		n.emit(pageLogs(n.rand, 2))
	}
	s, h := openStore(t, where), newTold()
	start(t, n, s, forked{n.client()}, h)
	for range 10 {
		n.emit(pageLogs(n.rand, 2))
		mustReach(t, n, s)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.reorg > 0 {
		t.Errorf("the handler was told of %d reorganisations", h.reorg)
	}
}

// TestFarBehind: who finds that many blocks are missing reads them by ranges, and the handler is told of those that have logs.
func TestFarBehind(t *testing.T) { onEach(t, testFarBehind) }

func testFarBehind(t *testing.T, where string) {
	n := newAnvil(t)
	n.emit(pageLogs(n.rand, 2))
	s, h := openStore(t, where), newTold()
	gate := &gated{Client: n.client(), open: make(chan struct{}, 1)}
	gate.open <- struct{}{}
	start(t, n, s, gate, h)
	mustReach(t, n, s)
	for range 5 {
		n.emit(pageLogs(n.rand, 2))
		n.call(nil, "anvil_mine", hexutil.Uint64(300))
	}
	gate.open <- struct{}{}
	mustReach(t, n, s)
	for until := time.Now().Add(10 * time.Second); h.tip() < n.head() && time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
	}
	mustAgree(t, n, h)
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.heads) > 500 {
		t.Errorf("the handler was told of %d blocks, one by one", len(h.heads))
	}
}

// gated is a network that announces one block for each time that it is opened, until it is opened twice.
type gated struct {
	*chain.Client
	open chan struct{}
	done bool
}

func (g *gated) Heads(ctx context.Context, interval time.Duration) <-chan event.Header {
	if g.done {
		return g.Client.Heads(ctx, interval)
	}
	out := make(chan event.Header)
	go func() {
		defer close(out)
		for range 2 {
			select {
			case <-g.open:
			case <-ctx.Done():
				return
			}
			if h, err := g.Latest(ctx); err == nil {
				out <- h
			}
		}
		g.done = true
		<-ctx.Done()
	}()
	return out
}

// TestNarrowEndpoints: an endpoint that gives the logs of few blocks at once, and takes no batches, is enough.
func TestNarrowEndpoints(t *testing.T) {
	n := newAnvil(t)
	for range 200 {
		n.emit(pageLogs(n.rand, 2))
	}
	for _, f := range []badnode.Fault{badnode.FewBlocks, badnode.NoBatches} {
		t.Run(string(f), func(t *testing.T) {
			e, err := badnode.Start(t.Context(), n.url, badnode.Always(f))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(e.Close)
			s := openStore(t, sqlitePlace(t))
			start(t, n, s, n.client(e.URL), newTold())
			mustReach(t, n, s)
		})
	}
}

// TestEndpointThatStandsStill: one that answers well, and has seen nothing for a while, holds nobody up.
func TestEndpointThatStandsStill(t *testing.T) {
	n := newAnvil(t)
	e, err := badnode.Start(t.Context(), n.url, badnode.Always(badnode.Lagging))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	n.emit(pageLogs(n.rand, 2))
	s, h := openStore(t, sqlitePlace(t)), newTold()
	start(t, n, s, n.client(e.URL, n.url), h)
	mustReach(t, n, s)
	n.emit(pageLogs(n.rand, 2))
	mustReach(t, n, s)
}

// TestContractThatIsYetToCome: one that is said to be deployed later is waited for.
func TestContractThatIsYetToCome(t *testing.T) {
	index.SetRewindAfter(t, 100*time.Millisecond)
	n := newAnvil(t)
	s, h := openStore(t, sqlitePlace(t)), newTold()
	startConfig(t, index.Config{
		Chain: n.client(), Store: s, Contracts: []event.Contract{{Kind: dispatcher.Kind, Address: n.emitter, From: n.head() + 20}},
		Confirmations: 3, Poll: 20 * time.Millisecond, Handler: h, Log: logger(),
	})
	<-h.full
	time.Sleep(1500 * time.Millisecond)
	for range 20 {
		n.mine()
	}
	n.emit(pageLogs(n.rand, 2))
	mustReach(t, n, s)
}

// timeless is a network whose logs do not tell the times of their blocks.
type timeless struct{ *chain.Client }

func (c timeless) Logs(ctx context.Context, from, to uint64, addresses []common.Address) ([]event.Log, event.Header, error) {
	logs, last, err := c.Client.Logs(ctx, from, to, addresses)
	for i := range logs {
		logs[i].Block.Time = 0
	}
	return logs, last, err
}

// TestTimesOfBlocks: they are asked for where logs do not tell them.
func TestTimesOfBlocks(t *testing.T) {
	n := newAnvil(t)
	for range 150 {
		n.emit(pageLogs(n.rand, 2))
		n.mine()
	}
	s := openStore(t, sqlitePlace(t))
	start(t, n, s, timeless{n.client()}, newTold())
	mustReach(t, n, s)
}

// pruned is a network that keeps the state of its newest blocks alone.
type pruned struct {
	*chain.Client
	oldest uint64
}

func (c pruned) HasCode(ctx context.Context, number uint64, account common.Address) (bool, error) {
	if number < c.oldest {
		return false, event.ErrUnsupported
	}
	return c.Client.HasCode(ctx, number, account)
}

// TestUnknownBeginning: the block in which a contract was deployed is found, and is remembered; if that cannot be, all blocks are read.
func TestUnknownBeginning(t *testing.T) {
	n := newDevnet(t)
	for range 20 {
		n.mine()
	}
	nonce, err := n.eth.PendingNonceAt(t.Context(), n.from)
	if err != nil {
		t.Fatal(err)
	}
	n.deploy(emitterInit())
	deployed := n.head()
	n.emitter = crypto.CreateAddress(n.from, nonce)
	for range 100 {
		n.emit(pageLogs(n.rand, 2))
	}
	later := common.Address{0x1a}
	for name, c := range map[string]struct {
		chain index.Chain
		want  uint64
	}{"archive": {n.client(), deployed}, "pruned": {pruned{n.client(), 50}, 0}} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, sqlitePlace(t))
			cfg := index.Config{
				Chain: c.chain, Store: s, Contracts: []event.Contract{{Kind: dispatcher.Kind, Address: n.emitter}, {Kind: dispatcher.Kind, Address: later}},
				Confirmations: 3, Poll: 20 * time.Millisecond, Handler: newTold(), Log: logger(),
			}
			running := startConfig(t, cfg)
			mustReach(t, n, s)
			running.stop()
			cfg.Chain = pruned{n.client(), 1 << 40} // so that it is not asked again
			startConfig(t, cfg)
			n.emit(pageLogs(n.rand, 2))
			mustReach(t, n, s)
			covered, err := s.Covered(t.Context(), n.chainID)
			if err != nil || len(covered) != 2 || covered[1].Address != n.emitter || covered[1].From != c.want {
				t.Errorf("%+v, %v; want from %d", covered, err, c.want)
			}
			if from := covered[0].From; from+100 < deployed || from > n.head() {
				t.Errorf("a contract that is not there yet is indexed from %d", from)
			}
		})
	}
}

// doubtful is a store whose answers get lost, whether or not it has written.
type doubtful struct {
	*store.Store
	rand *rand.Rand
	lost atomic.Int64
}

var errLost = errors.New("the answer got lost")

func (d *doubtful) fail(write func() error) error {
	switch d.rand.IntN(6) {
	case 0:
		d.lost.Add(1)
		return errLost
	case 1:
		err := write()
		d.lost.Add(1)
		return errors.Join(err, errLost)
	}
	return write()
}

func (d *doubtful) SaveBatch(ctx context.Context, b event.Batch) error {
	return d.fail(func() error { return d.Store.SaveBatch(ctx, b) })
}

func (d *doubtful) RollBack(ctx context.Context, chainID uint64, contracts []event.Contract, next uint64, to rollout.Block) error {
	return d.fail(func() error { return d.Store.RollBack(ctx, chainID, contracts, next, to) })
}

// TestAnswersOfTheStoreGetLost: nothing is written twice, and the handler misses nothing.
func TestAnswersOfTheStoreGetLost(t *testing.T) { onEach(t, testAnswersOfTheStoreGetLost) }

func testAnswersOfTheStoreGetLost(t *testing.T, where string) {
	n := newAnvil(t)
	for range 100 {
		n.emit(pageLogs(n.rand, 2))
	}
	s, h := openStore(t, where), newTold()
	d := &doubtful{Store: s, rand: rand.New(rand.NewPCG(1, 2))}
	start(t, n, d, n.client(n.ws), h)
	for i := range 40 {
		n.emit(pageLogs(n.rand, 2))
		if i%7 == 6 {
			await(s, n, n.head(), 5*time.Second)
			n.reorg(3)
		}
		await(s, n, n.head(), 100*time.Millisecond)
	}
	mustReach(t, n, s)
	for until := time.Now().Add(10 * time.Second); h.tip() < n.head() && time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
	}
	mustAgree(t, n, h)
	if d.lost.Load() == 0 {
		t.Error("no answer got lost")
	}
}

// TestFenced: who has lost the right to index a network stops.
func TestFenced(t *testing.T) { onEach(t, testFenced) }

func testFenced(t *testing.T, where string) {
	n := newAnvil(t)
	s := openStore(t, where)
	leases, err := s.Take(t.Context(), "one", func(string) bool { return false }, "index/31337")
	if err != nil {
		t.Fatal(err)
	}
	h := newTold()
	x := index.New(index.Config{
		Chain: n.client(), Store: s.Under(leases...), Contracts: []event.Contract{{Kind: dispatcher.Kind, Address: n.emitter, From: 1}}, Confirmations: 3,
		Poll: 20 * time.Millisecond, Handler: h, Log: logger(),
	})
	done := make(chan error, 1)
	go func() { done <- x.Run(t.Context()) }()
	n.emit(pageLogs(n.rand, 2))
	mustReach(t, n, s)
	if _, err := s.Take(t.Context(), "two", func(string) bool { return true }, "index/31337"); err != nil {
		t.Fatal(err)
	}
	n.emit(pageLogs(n.rand, 2))
	if err := <-done; !errors.Is(err, rollout.ErrFenced) {
		t.Errorf("it ends with %v", err)
	}
	rows, err := s.Events(t.Context(), event.Filter{ChainID: n.chainID})
	if err != nil || len(rows) != 2 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}
