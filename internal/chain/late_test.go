package chain

import (
	"testing"
	"time"
)

// TestLateEndpointLetsAnotherGoFirst: an endpoint that answers, but late, is asked once, and the others from then on.
func TestLateEndpointLetsAnotherGoFirst(t *testing.T) {
	asked := 0
	slow := newFake(t, map[string]any{"eth_getTransactionCount": func() any {
		asked++
		time.Sleep(60 * time.Millisecond)
		return "0x1"
	}})
	quick := newFake(t, map[string]any{"eth_getTransactionCount": "0x2"})
	c := newClient(t, 7, slow.url, quick.url)
	c.brief = 50 * time.Millisecond
	for i, want := range []uint64{1, 2, 2, 2} {
		got, err := c.Nonce(t.Context(), sender)
		if err != nil || got != want {
			t.Errorf("call %d: %d, %v; want %d", i, got, err, want)
		}
	}
	if asked != 1 {
		t.Errorf("the slow one was asked %d times, want once", asked)
	}
}
