package index_test

import (
	"testing"
)

// TestIndex: what was there before is indexed, what comes, and what was missed meanwhile.
func TestIndex(t *testing.T) {
	for name, start := range map[string]func(testing.TB) *node{"anvil": func(t testing.TB) *node { return newAnvil(t) }, "geth": newDevnet} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, where string) { testIndex(t, start(t), where) })
		})
	}
}

func testIndex(t *testing.T, n *node, where string) {
	for range 100 {
		n.emit(pageLogs(n.rand, 5))
	}
	s := openStore(t, where)
	h := newTold()
	r := start(t, n, s, n.client(), h)
	<-h.full
	mustReach(t, n, s)
	for range 10 {
		n.emit(pageLogs(n.rand, 3))
		mustReach(t, n, s)
	}
	r.stop()
	for range 80 {
		n.emit(pageLogs(n.rand, 3))
	}
	start(t, n, s, n.client(n.ws), newTold())
	mustReach(t, n, s)
	n.emit(pageLogs(n.rand, 3))
	mustReach(t, n, s)
	n.reorg(3)
	mustReach(t, n, s)
	n.emit(pageLogs(n.rand, 3))
	mustReach(t, n, s)
}
