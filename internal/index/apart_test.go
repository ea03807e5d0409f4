package index_test

import (
	"testing"
	"time"
)

// TestAnotherChainWithTheSameID: an endpoint serves another chain that is longer. What is indexed stays, and so does the chain that is followed; also for who
// begins when both are there already. If all endpoints have left what was final, that is followed.
func TestAnotherChainWithTheSameID(t *testing.T) {
	one, other := newAnvil(t), newAnvil(t)
	for range 100 {
		one.emit(pageLogs(one.rand, 2))
	}
	s := openStore(t, sqlitePlace(t))
	r := start(t, one, s, one.client(one.url, other.url), newTold())
	mustReach(t, one, s)
	other.call(nil, "anvil_mine", "0x80")
	time.Sleep(500 * time.Millisecond)
	for range 3 {
		one.emit(pageLogs(one.rand, 2))
		mustReach(t, one, s)
	}
	r.stop()
	r = start(t, one, s, one.client(one.url, other.url), newTold())
	for range 3 {
		one.emit(pageLogs(one.rand, 2))
		mustReach(t, one, s)
	}
	r.stop()
	other.emitter = one.emitter
	start(t, other, s, one.client(other.url, other.url), newTold())
	mustReach(t, other, s)
}

// TestAReorganisationBeforeABackfill: the newest blocks that were indexed leave the chain while nobody looks, and then so many come that these are read by ranges.
func TestAReorganisationBeforeABackfill(t *testing.T) {
	for name, start := range map[string]func(testing.TB) *node{"anvil": func(t testing.TB) *node { return newAnvil(t) }, "geth": newDevnet} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, where string) { testAReorganisationBeforeABackfill(t, start(t), where) })
		})
	}
}

func testAReorganisationBeforeABackfill(t *testing.T, n *node, where string) {
	for range 20 {
		n.emit(pageLogs(n.rand, 2))
	}
	s, h := openStore(t, where), newTold()
	r := start(t, n, s, n.client(), h)
	mustReach(t, n, s)
	r.stop()
	n.reorg(3)
	for range 100 {
		n.emit(pageLogs(n.rand, 2))
	}
	again := newTold()
	again.last = h.last
	start(t, n, s, n.client(), again)
	mustReach(t, n, s)
	for until := time.Now().Add(10 * time.Second); again.tip() < n.head() && time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
	}
	again.mu.Lock()
	defer again.mu.Unlock()
	if again.reorg == 0 {
		t.Error("the handler was not told of it")
	}
}
