package chain

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// faulty starts an endpoint that answers for nonces with a number, unless it is broken.
func faulty(t *testing.T, nonce uint64) (f *fake, broken *atomic.Bool) {
	t.Helper()
	broken = &atomic.Bool{}
	return newFake(t, map[string]any{"eth_getTransactionCount": func() any {
		if broken.Load() {
			return status(500)
		}
		return hexutil.EncodeUint64(nonce)
	}}), broken
}

func mustAnswer(t *testing.T, c *Client, want uint64) {
	t.Helper()
	if nonce, err := c.Nonce(t.Context(), common.Address{}); err != nil || nonce != want {
		t.Errorf("endpoint %d answered, %v; want %d", nonce, err, want)
	}
}

func TestSlowEndpointCostsItsTimeoutOnce(t *testing.T) {
	for _, method := range []string{"eth_chainId", "eth_getTransactionCount"} {
		slow := newFake(t, map[string]any{method: hang{}})
		good, _ := faulty(t, 42)
		c := impatient(t, 2*time.Second, 7, slow.url, good.url)
		var callers sync.WaitGroup
		for range 20 {
			callers.Go(func() { mustAnswer(t, c, 42) })
		}
		callers.Wait()
		asked := slow.count("")
		for range 20 {
			callers.Go(func() { mustAnswer(t, c, 42) })
		}
		callers.Wait()
		if n := slow.count(""); n != asked {
			t.Errorf("%s hangs: asked %d times more", method, n-asked)
		}
	}
}

// One failure does not put an endpoint behind one that failed before it. Two in a row do.
func TestEndpointThatFailedDoesNotComeBackForOneFailureOfAnother(t *testing.T) {
	a, aBroken := faulty(t, 1)
	b, bBroken := faulty(t, 2)
	c := newClient(t, 7, a.url, b.url)
	aBroken.Store(true)
	mustAnswer(t, c, 2)
	aBroken.Store(false)
	mustAnswer(t, c, 2)
	bBroken.Store(true)
	mustAnswer(t, c, 1) // there is no other
	bBroken.Store(false)
	mustAnswer(t, c, 2)
	bBroken.Store(true)
	mustAnswer(t, c, 1) // the second failure of b
	bBroken.Store(false)
	mustAnswer(t, c, 1)
}

func TestEndpointRestsFor30Seconds(t *testing.T) {
	a, aBroken := faulty(t, 1)
	b, bBroken := faulty(t, 2)
	d, _ := faulty(t, 3)
	c := newClient(t, 7, a.url, b.url, d.url)
	aBroken.Store(true)
	mustAnswer(t, c, 2)
	bBroken.Store(true)
	mustAnswer(t, c, 3)
	aBroken.Store(false)
	bBroken.Store(false)
	mustAnswer(t, c, 3)

	// a has rested, and the others fail
	c.mu.Lock()
	for _, e := range c.endpoints {
		if e.url == a.url {
			e.failure = e.failure.Add(-rest)
		}
		if e.url == d.url {
			e.failure = time.Now()
		}
	}
	c.mu.Unlock()
	mustAnswer(t, c, 1)
}

// Another node may answer at the same address after a failure.
func TestChainIDIsProvenAgainAfterAFailure(t *testing.T) {
	id, broken := &atomic.Value{}, &atomic.Bool{}
	id.Store("0x7")
	node := newFake(t, map[string]any{
		"eth_chainId": func() any { return id.Load() },
		"eth_getTransactionCount": func() any {
			if broken.Load() {
				return status(500)
			}
			return "0x1"
		},
	})
	c := newClient(t, 7, node.url)
	mustAnswer(t, c, 1)
	broken.Store(true)
	if _, err := c.Nonce(t.Context(), common.Address{}); !errors.Is(err, rollout.ErrUnavailable) {
		t.Fatalf("%v, want ErrUnavailable", err)
	}
	broken.Store(false)
	id.Store("0x8")
	asked := node.count("eth_getTransactionCount")
	if _, err := c.Nonce(t.Context(), common.Address{}); !isWrongChain(err) {
		t.Errorf("%v, want a ChainIDError", err)
	}
	if n := node.count("eth_getTransactionCount"); n != asked {
		t.Errorf("an endpoint of another chain was asked")
	}
	id.Store("0x7")
	mustAnswer(t, c, 1)
}

// That every endpoint is of another chain is a mistake which does not pass. That one is, beside one that is down, is not.
func TestWrongChainIsFinalOnlyIfEveryEndpointIsWrong(t *testing.T) {
	wrong := newFake(t, map[string]any{"eth_chainId": "0x5"})
	other := newFake(t, map[string]any{"eth_chainId": "0x6"})
	down := newFake(t, map[string]any{"eth_chainId": status(503)})
	dead := deadURL(t)
	tx := types.NewTx(&types.DynamicFeeTx{})
	calls := map[string]func(context.Context, *Client) error{
		"Head":    func(ctx context.Context, c *Client) error { _, err := c.Head(ctx); return err },
		"Nonce":   func(ctx context.Context, c *Client) error { _, err := c.Nonce(ctx, common.Address{}); return err },
		"Receipt": func(ctx context.Context, c *Client) error { _, err := c.Receipt(ctx, common.Hash{}); return err },
		"Known":   func(ctx context.Context, c *Client) error { _, err := c.Known(ctx, common.Hash{}); return err },
		"Send":    func(ctx context.Context, c *Client) error { return c.Send(ctx, tx) },
	}
	for _, test := range []struct {
		urls  []string
		final bool
	}{
		{[]string{wrong.url}, true},
		{[]string{wrong.url, other.url}, true},
		{[]string{wrong.url, dead}, false},
		{[]string{dead, wrong.url}, false},
		{[]string{wrong.url, down.url, other.url}, false},
	} {
		for name, call := range calls {
			err := call(t.Context(), newClient(t, 7, test.urls...))
			var mark interface{ WrongChain() }
			if !errors.Is(err, rollout.ErrUnavailable) || errors.As(err, &mark) != test.final {
				t.Errorf("%s of %v: %v; final: %v, want %v", name, test.urls, err, !test.final, test.final)
				continue
			}
			for _, url := range test.urls {
				if !strings.Contains(err.Error(), url+": ") {
					t.Errorf("%s of %v: %v does not name %s", name, test.urls, err, url)
				}
			}
			if !strings.Contains(err.Error(), "has chain id 5, want 7") {
				t.Errorf("%s of %v: %v does not name the wrong chain", name, test.urls, err)
			}
		}
	}
	for _, f := range []*fake{wrong, other} {
		if n := f.count("") - f.count("eth_chainId"); n != 0 {
			t.Errorf("an endpoint of another chain was asked %d times for more than its chain id", n)
		}
	}
}

// TestStaleConnection: a server that closes idle connections just as they are used again is asked once more, and is no bad endpoint.
func TestStaleConnection(t *testing.T) {
	n := startDevnet(t, 1085)
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// every second request comes on a connection that has been used, and finds it closed
		if asked.Add(1)%2 == 0 {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_ = conn.Close()
			return
		}
		resp, err := http.Post(n.URL(), "application/json", r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = resp.Body.Close() }()
		if r.Header.Get("Idempotency-Key") != "" || len(r.Header.Values("Idempotency-Key")) > 0 {
			t.Error("the header is sent")
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.Copy(w, resp.Body)
	}))
	t.Cleanup(server.Close)
	c := newClient(t, 1085, server.URL)
	for range 10 {
		if _, err := c.Head(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := asked.Load(); got < 15 {
		t.Errorf("asked %d times: no connection was found closed", got)
	}
}
