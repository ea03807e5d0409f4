package chain

import (
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
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

// TestAsManyAreWaitedForAsMustAgree: when some endpoints have answered, a slow one is not waited for long, unless its answer is needed.
func TestAsManyAreWaitedForAsMustAgree(t *testing.T) {
	balance := func(after time.Duration) *fake {
		return newFake(t, map[string]any{"eth_getBalance": func() any {
			time.Sleep(after)
			return "0x1"
		}})
	}
	c := newClient(t, 7, balance(0).url, balance(0).url, balance(time.Second).url)
	c.brief = time.Millisecond
	for agree, want := range map[int]int{1: 2, 2: 2, 3: 3} {
		good := 0
		for _, s := range c.AskEach(t.Context(), Question{Block: Block{Number: 1}, Balances: []common.Address{sender}}, agree) {
			if s.Err == nil {
				good++
			}
		}
		if good != want {
			t.Errorf("%d must agree: %d have answered, want %d", agree, good, want)
		}
	}
}
