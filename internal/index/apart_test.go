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
