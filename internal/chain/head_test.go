package chain

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// at is the answer of an endpoint whose newest block has a number.
func at(number uint64) map[string]any {
	return map[string]any{
		"number": hexutil.EncodeUint64(number), "hash": common.Hash{31: byte(number)}, "timestamp": hexutil.EncodeUint64(1000 + number),
	}
}

// headed starts an endpoint whose newest block can be moved, and which answers for nonces with its own number.
func headed(t *testing.T, number, nonce uint64) (*fake, *atomic.Uint64) {
	t.Helper()
	n := &atomic.Uint64{}
	n.Store(number)
	return newFake(t, map[string]any{
		"eth_getBlockByNumber":    func() any { return at(n.Load()) },
		"eth_getTransactionCount": hexutil.EncodeUint64(nonce),
	}), n
}

func mustHead(t *testing.T, c *Client, want uint64) {
	t.Helper()
	if head, err := c.Head(t.Context()); err != nil || head.Number != want || head.Time != 1000+want || head.Hash != (common.Hash{31: byte(want)}) {
		t.Errorf("head %+v, %v; want block %d", head, err, want)
	}
}

func blocks(fakes ...*fake) []int {
	out := make([]int, len(fakes))
	for i, f := range fakes {
		out[i] = f.count("eth_getBlockByNumber")
	}
	return out
}

// An endpoint that is stuck at an old block is not believed, whatever its place, and goes last from then on.
func TestHeadIsTheHighest(t *testing.T) {
	for _, heads := range [][]uint64{{5, 9, 7}, {9, 7, 5}, {7, 5, 9}, {7, 7, 9}, {9, 7, 7}} {
		var urls []string
		var fakes []*fake
		for i, n := range heads {
			f, _ := headed(t, n, uint64(i))
			fakes, urls = append(fakes, f), append(urls, f.url)
		}
		c := newClient(t, 7, urls...)
		mustHead(t, c, 9)
		best := slices.Index(heads, 9)
		if nonce, err := c.Nonce(t.Context(), common.Address{}); err != nil || nonce != uint64(best) {
			t.Errorf("heads %v: endpoint %d was asked first, %v; want %d", heads, nonce, err, best)
		}
		for i, e := range c.order() {
			if behind := i > 0; e.behind != behind {
				t.Errorf("heads %v: place %d is behind: %v", heads, i, e.behind)
			}
		}
		mustHead(t, c, 9)
		for i, n := range blocks(fakes...) {
			if want := map[bool]int{true: 2, false: 1}[i == best]; n != want {
				t.Errorf("heads %v: endpoint %d was asked for blocks %d times, want %d", heads, i, n, want)
			}
		}
	}
}

// Demoted is not removed: when the good one is gone, the one that lags is better than none.
func TestEndpointThatLagsIsALastResort(t *testing.T) {
	lagging, _ := headed(t, 5, 1)
	good := &atomic.Bool{}
	good.Store(true)
	best := newFake(t, map[string]any{
		"eth_getBlockByNumber": func() any {
			if good.Load() {
				return at(9)
			}
			return status(503)
		},
		"eth_getTransactionCount": status(503),
	})
	c := newClient(t, 7, lagging.url, best.url)
	mustHead(t, c, 9)
	for range 2 {
		mustAnswer(t, c, 1)
	}
	if n := best.count("eth_getTransactionCount"); n != 1 {
		t.Errorf("the one that failed was asked %d times", n)
	}
	mustHead(t, c, 9)
	if first := c.order()[0]; first.url != best.url {
		t.Errorf("%s comes first, want the one that failed rather than the one that lags", first.url)
	}
	good.Store(false)
	mustHead(t, c, 5)
	mustHead(t, c, 5)
}

func TestOneEndpointIsAskedOnce(t *testing.T) {
	only, _ := headed(t, 5, 0)
	c := newClient(t, 7, only.url)
	mustHead(t, c, 5)
	if head, err := c.HeadAt(t.Context(), 8); err != nil || head.Number != 5 {
		t.Errorf("head %+v, %v", head, err)
	}
	if n := only.count(""); n != 3 {
		t.Errorf("%v were asked, want the chain id and two blocks", only.asked)
	}
}

func TestHeadsAreComparedNowAndThen(t *testing.T) {
	first, stuck := headed(t, 5, 0)
	second, _ := headed(t, 5, 0)
	c := newClient(t, 7, first.url, second.url)
	for range 4 {
		mustHead(t, c, 5)
	}
	if got := blocks(first, second); !slices.Equal(got, []int{4, 1}) {
		t.Errorf("asked %v times, want one comparison and then the first alone", got)
	}
	stuck.Store(5)
	second, moving := headed(t, 5, 0)
	c = newClient(t, 7, first.url, second.url)
	mustHead(t, c, 5)
	moving.Store(8)
	mustHead(t, c, 5) // the first cannot know
	c.mu.Lock()
	c.compared = c.compared.Add(-comparison)
	c.mu.Unlock()
	mustHead(t, c, 8)
	if got := blocks(second); got[0] != 2 {
		t.Errorf("the second was asked %d times, want 2", got[0])
	}
}

// A head that goes back is no news of the network, unless every endpoint says so.
func TestHeadThatGoesBack(t *testing.T) {
	first, a := headed(t, 10, 0)
	second, b := headed(t, 10, 0)
	c := newClient(t, 7, first.url, second.url)
	mustHead(t, c, 10)
	a.Store(8)
	mustHead(t, c, 10)
	if got := blocks(first, second); !slices.Equal(got, []int{3, 2}) {
		t.Errorf("asked %v times", got)
	}
	mustHead(t, c, 10) // of the second alone
	if got := blocks(first, second); !slices.Equal(got, []int{3, 3}) {
		t.Errorf("asked %v times", got)
	}
	b.Store(7)
	mustHead(t, c, 8) // a reorganisation, perhaps: asked once more, and then believed
	mustHead(t, c, 8)
	if got := blocks(first, second); !slices.Equal(got, []int{5, 5}) {
		t.Errorf("asked %v times", got)
	}
}

func TestHeadAt(t *testing.T) {
	first, _ := headed(t, 10, 0)
	second, b := headed(t, 10, 0)
	c := newClient(t, 7, first.url, second.url)
	mustHead(t, c, 10)
	b.Store(12)
	for number, want := range map[uint64]uint64{0: 10, 10: 10} {
		if head, err := c.HeadAt(t.Context(), number); err != nil || head.Number != want {
			t.Errorf("head at %d: %+v, %v; want %d", number, head, err, want)
		}
	}
	if got := blocks(second); got[0] != 1 {
		t.Errorf("the second was asked although the first is there: %v", got)
	}
	if head, err := c.HeadAt(t.Context(), 11); err != nil || head.Number != 12 {
		t.Errorf("head at 11: %+v, %v; want 12", head, err)
	}
	before := blocks(first, second)
	if head, err := c.HeadAt(t.Context(), 20); err != nil || head.Number != 12 {
		t.Errorf("head at 20: %+v, %v; want 12, the best there is", head, err)
	}
	after := blocks(first, second)
	if after[0]-before[0] != 1 || after[1]-before[1] != 2 {
		t.Errorf("asked %v times and then %v: want one round after the one in front", before, after)
	}
}

// An endpoint that does not answer is not waited for when another one has.
func TestComparisonDoesNotWaitForSlowEndpoints(t *testing.T) {
	slow := newFake(t, map[string]any{"eth_getBlockByNumber": hang{}})
	silent := newFake(t, map[string]any{"eth_chainId": hang{}})
	good, _ := headed(t, 5, 3)
	c := impatient(t, time.Hour, 7, slow.url, silent.url, good.url)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if head, err := c.Head(ctx); err != nil || head.Number != 5 {
		t.Errorf("head %+v, %v", head, err)
	}
	mustAnswer(t, c, 3)
	if n := silent.count("eth_chainId"); n != 1 {
		t.Errorf("the silent endpoint was asked %d times", n)
	}
}

// It does wait for one that may have what must be there, unless that failed a moment ago.
func TestComparisonWaitsForTheNumber(t *testing.T) {
	for name, test := range map[string]struct {
		number, seen uint64
		rests        bool
		want         uint64
	}{
		"any head":        {0, 0, false, 5},
		"reached":         {5, 5, false, 5},
		"not reached":     {9, 0, false, 9},
		"seen":            {0, 8, false, 9},
		"failed a moment": {9, 8, true, 5},
	} {
		quick, _ := headed(t, 5, 0)
		release := make(chan struct{})
		slow := newFake(t, map[string]any{"eth_getBlockByNumber": func() any { <-release; return at(9) }})
		c := impatient(t, time.Hour, 7, quick.url, slow.url)
		c.brief = time.Millisecond
		c.see(test.seen)
		if test.rests {
			c.failed(c.endpoints[1])
		}
		free := sync.OnceFunc(func() { close(release) })
		if test.want == 9 {
			time.AfterFunc(100*time.Millisecond, free)
		}
		if head, err := c.HeadAt(t.Context(), test.number); err != nil || head.Number != test.want {
			t.Errorf("%s: head %+v, %v; want %d", name, head, err, test.want)
		}
		free()
	}
}

// One that was not waited for rests like one that failed.
func TestEndpointThatWasTooSlowForAComparisonRests(t *testing.T) {
	slow := newFake(t, map[string]any{"eth_getBlockByNumber": hang{}, "eth_getTransactionCount": "0x1"})
	broken := newFake(t, map[string]any{"eth_getBlockByNumber": at(5), "eth_getTransactionCount": status(500)})
	good, _ := headed(t, 5, 3)
	c := newClient(t, 7, slow.url, broken.url, good.url)
	mustHead(t, c, 5)
	mustAnswer(t, c, 3)
}

func TestCallersShareAComparison(t *testing.T) {
	first, _ := headed(t, 4, 0)
	second, _ := headed(t, 5, 0)
	c := newClient(t, 7, first.url, second.url)
	var callers sync.WaitGroup
	for range 20 {
		callers.Go(func() { mustHead(t, c, 5) })
	}
	callers.Wait()
	if got := blocks(first); got[0] != 1 {
		t.Errorf("the endpoint that lags was asked %d times", got[0])
	}
}

func TestBlocksThatAreNone(t *testing.T) {
	for name, answer := range map[string]any{
		"null": nil, "empty": map[string]any{}, "a text": "0x5", "a list": []any{}, "a number": 5,
		"without a number": map[string]any{"hash": common.Hash{1}, "timestamp": "0x1"},
		"without a hash":   map[string]any{"number": "0x63", "timestamp": "0x1"},
		"without a time":   map[string]any{"number": "0x63", "hash": common.Hash{1}},
	} {
		bad := newFake(t, map[string]any{"eth_getBlockByNumber": answer})
		good, _ := headed(t, 5, 0)
		for _, urls := range [][]string{{bad.url, good.url}, {good.url, bad.url}} {
			c := newClient(t, 7, urls...)
			mustHead(t, c, 5)
			mustHead(t, c, 5)
		}
		c := newClient(t, 7, bad.url)
		if head, err := c.Head(t.Context()); !errors.Is(err, rollout.ErrUnavailable) {
			t.Errorf("%s alone: %+v, %v; want ErrUnavailable", name, head, err)
		}
	}
}

func TestNoEndpointHasAHead(t *testing.T) {
	dead, broken := deadURL(t), newFake(t, map[string]any{"eth_getBlockByNumber": status(502)})
	_, err := newClient(t, 7, dead, broken.url).Head(t.Context())
	if !errors.Is(err, rollout.ErrUnavailable) {
		t.Fatalf("%v, want ErrUnavailable", err)
	}
	for _, part := range []string{"on testnet", dead + ": ", broken.url + ": ", "502"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not hold %q", err, part)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newClient(t, 7, dead, broken.url).Head(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, rollout.ErrUnavailable) {
		t.Errorf("%v, want context.Canceled", err)
	}
}

// A receipt tells of a block too: an endpoint in front that is before it is found out by the next Head.
func TestReceiptShowsThatAHeadIsOld(t *testing.T) {
	first := newFake(t, map[string]any{
		"eth_getBlockByNumber": func() any { return at(5) }, "eth_getTransactionReceipt": nil,
	})
	n := &atomic.Uint64{}
	n.Store(5)
	second := newFake(t, map[string]any{
		"eth_getBlockByNumber":      func() any { return at(n.Load()) },
		"eth_getTransactionReceipt": func() any { return receiptIn(n.Load()) },
	})
	c := newClient(t, 7, first.url, second.url)
	mustHead(t, c, 5)
	n.Store(6)
	mustHead(t, c, 5)
	if r, err := c.Receipt(t.Context(), common.Hash{1}); err != nil || r.Block.Number != 6 {
		t.Fatalf("%+v, %v", r, err)
	}
	mustHead(t, c, 6)
}

// When the endpoint in front fails, the next Head compares: the one that takes its place may be behind.
func TestFailureIsFollowedByAComparison(t *testing.T) {
	first, a := headed(t, 5, 1)
	second, b := headed(t, 5, 2)
	third, _ := headed(t, 4, 3)
	c := newClient(t, 7, first.url, second.url, third.url)
	mustHead(t, c, 5)
	a.Store(6)
	b.Store(7)
	mustHead(t, c, 6)
	c.failed(c.order()[0])
	mustHead(t, c, 7)
	if got := blocks(third); got[0] != 2 {
		t.Errorf("the third was asked %d times, want 2", got[0])
	}
}
