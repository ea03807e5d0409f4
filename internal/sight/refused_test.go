package sight_test

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/sight"
)

// refusing answers as a node that has nothing for a request with some text in it.
func refusing(text string) func(request, answer string) string {
	return func(request, answer string) string {
		if strings.Contains(request, text) {
			return `{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"internal error"}}`
		}
		return answer
	}
}

// TestReceiptsThatCannotBeRead: what was refused meanwhile is told when they can be, for some minutes; how many looks there are in that time does not
// matter. Until then its block is not done with.
func TestReceiptsThatCannotBeRead(t *testing.T) {
	r := newFundedAnvil(t)
	node, clock := before(t, r.url), time.Now()
	l, _ := r.lookWith(sight.Config{Now: func() time.Time { return clock }}, node.url)
	behind := func(what string, want uint64) {
		t.Helper()
		if got, ok := l.sight.Behind(); got != want || ok != (want > 0) {
			t.Errorf("%s: behind at %d, %t; want %d", what, got, ok, want)
		}
	}
	var failed error
	failing := func(looks int) {
		t.Helper()
		for range looks {
			var out sight.Sighted
			if out, failed = l.try(); failed == nil || len(words(out, rule.SawRefusal)) > 0 {
				t.Errorf("%v, %v", words(out, rule.SawRefusal), failed)
			}
			r.rpc("evm_mine")
		}
	}
	refused := func(what string, want int) {
		t.Helper()
		got := 0
		for range 8 {
			got += len(words(l.again(), rule.SawRefusal))
			r.rpc("evm_mine")
		}
		if got != want {
			t.Errorf("%s: %d refused calls, want %d", what, got, want)
		}
	}
	behind("at first", 0)

	node.set(false, refusing("eth_getTransactionReceipt"))
	first := r.latest() + 1
	for range 3 {
		r.refuse(outsider, r.made.Address, pack.PackPause())
	}
	failing(20)
	behind("no receipts", first)
	clock = clock.Add(14 * time.Minute)
	failing(1)
	node.set(false, nil)
	refused("receipts", 3)
	behind("receipts", 0)

	// one that nobody can tell of does not hold up the others, and is given up
	lost := r.refuse(outsider, r.made.Address, pack.PackPause())
	node.set(false, refusing(`"eth_getTransactionReceipt","params":["`+lost.Hash().Hex()))
	at := r.latest()
	for range 2 {
		r.refuse(outsider, r.made.Address, pack.PackPause())
	}
	got := 0
	for range 8 {
		out, _ := l.try()
		got += len(words(out, rule.SawRefusal))
		r.rpc("evm_mine")
	}
	if got != 2 {
		t.Errorf("%d of the others were told of", got)
	}
	behind("one receipt", at)
	clock = clock.Add(15 * time.Minute)
	if failing(1); !strings.Contains(failed.Error(), "1 transactions to watched contracts in blocks") {
		t.Error(failed)
	}
	refused("given up", 0)
	behind("given up", 0)
}

// TestARefusalThatCannotBeExecutedAgain is told when it can be; and after some minutes without what it was refused with.
func TestARefusalThatCannotBeExecutedAgain(t *testing.T) {
	r := newFundedAnvil(t)
	node, clock := before(t, r.url), time.Now()
	l, _ := r.lookWith(sight.Config{Now: func() time.Time { return clock }}, node.url)
	failing := func(request, answer string) string {
		if strings.Contains(request, "eth_getBlockByHash") && !strings.Contains(request, "eth_getStorageAt") || strings.Contains(request, "debug_traceTransaction") {
			return refusing("")(request, answer)
		}
		return answer
	}
	for _, minutes := range []time.Duration{14, 15} {
		node.set(false, failing)
		r.refuse(outsider, r.made.Address, pack.PackPause())
		at := r.latest()
		for range 10 {
			if out, err := l.try(); err == nil || len(out.Refused) > 0 {
				t.Errorf("%+v, %v", out.Refused, err)
			}
			r.rpc("evm_mine")
		}
		if got, ok := l.sight.Behind(); got != at || !ok {
			t.Errorf("behind at %d, %t; want %d", got, ok, at)
		}
		clock = clock.Add(minutes * time.Minute)
		if minutes == 14 {
			node.set(false, nil)
		}
		out, err := l.try()
		named := len(words(out, rule.SawRefusal)) == 1
		if len(out.Refused) != 1 || named != (minutes == 14) || named != (err == nil) {
			t.Errorf("after %d minutes: %+v, %v", minutes, out.Refused, err)
		}
		if got, ok := l.sight.Behind(); ok {
			t.Errorf("behind at %d", got)
		}
		r.rpc("evm_mine")
	}
}
