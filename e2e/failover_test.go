package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ethereum/go-ethereum"

	"github.com/seed-b6a97670/lockstep/internal/badnode"
	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// TestBadEndpoint deploys and rolls out through two endpoints, the first of which is bad. What is sent through either of
// them is one transaction for each signer and nonce, and no more than are needed.
func TestBadEndpoint(t *testing.T) {
	t.Parallel()
	faults := map[string]func() func(string) badnode.Fault{}
	for _, f := range badnode.All() {
		faults[string(f)] = func() func(string) badnode.Fault { return badnode.Always(f) }
		if f != badnode.WrongChain {
			faults[string(f)+", once trusted"] = func() func(string) badnode.Fault { return onceTrusted(f) }
		}
	}
	faults["something else each time"] = func() func(string) badnode.Fault {
		random := rand.New(rand.NewPCG(10, 11))
		choices := slices.DeleteFunc(append(badnode.All(), badnode.None), func(f badnode.Fault) bool { return f == badnode.Hanging })
		return func(string) badnode.Fault { return choices[random.IntN(len(choices))] }
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newAnvil(t)
			p := newProxy(t, n.url)
			bad := func() string { return newBadNode(t, p.url, fault()).URL }
			deployAndRollOut(t, n, p, bad)
		})
	}
	t.Run("nothing listens", func(t *testing.T) {
		t.Parallel()
		n := newAnvil(t)
		p := newProxy(t, n.url)
		closed := httptest.NewServer(http.NotFoundHandler())
		closed.Close()
		deployAndRollOut(t, n, p, func() string { return closed.URL })
	})
}

// deployAndRollOut runs both commands, each with another bad endpoint before the good one: one that lags has then seen
// nothing of what the command does.
func deployAndRollOut(t *testing.T, n *node, p *proxy, bad func() string) {
	t.Helper()
	ctx := t.Context()
	m := newMarket(t, n, endpoints(bad(), p.url), 50)
	want := m.manifest("one")
	m.must("--config", "one.yaml", "deploy", "one.json", "--yes")
	deployed, err := n.transactions(ctx)
	if err != nil {
		t.Fatal(err)
	}
	checkCalls(t, deployed, map[string]int{"create": 5, "grantRole": 6, "renounceRole": 1})

	m.setEndpoints(bad(), p.url)
	dispatcher := m.dispatcher()
	m.keepTime(dispatcher, 1, want)
	m.must("--config", "one.yaml", "rollout", "one.json", "--yes")
	txs, err := n.transactions(ctx)
	if err != nil {
		t.Fatal(err)
	}
	p.checkOneEach(t, txs)
	checkCalls(t, txs[len(deployed):], map[string]int{"commitRoot": 1, "applyRoutes": 1, "activateCommittedRoot": 1})
	m.checkRoutes(ctx, dispatcher, want, 1)
	m.must("--config", "one.yaml", "status", "one.json", "--check")
}

// TestEndpointGetsStuck has an endpoint stay where it is once the commit has been sent through it: it knows of no commit,
// and time stands still there. The other one takes over.
func TestEndpointGetsStuck(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	n := newAnvil(t)
	p := newProxy(t, n.url)
	var stuck atomic.Bool
	first := newBadNode(t, p.url, func(string) badnode.Fault {
		if stuck.Load() {
			return badnode.Lagging
		}
		return badnode.None
	})
	m := newMarket(t, n, endpoints(first.URL, p.url), 50)
	want := m.manifest("one")
	m.must("--config", "one.yaml", "deploy", "one.json", "--yes")
	deployed, err := n.transactions(ctx)
	if err != nil {
		t.Fatal(err)
	}
	dispatcher := m.dispatcher()
	m.keepTime(dispatcher, 1, want)
	p.arm(func(before bool) bool {
		if before && !stuck.Load() {
			if err := first.StayHere(ctx); err != nil {
				t.Error(err)
			}
			stuck.Store(true)
		}
		return false
	})
	m.must("--config", "one.yaml", "rollout", "one.json", "--yes")
	txs, err := n.transactions(ctx)
	if err != nil {
		t.Fatal(err)
	}
	p.checkOneEach(t, txs)
	checkCalls(t, txs[len(deployed):], map[string]int{"commitRoot": 1, "applyRoutes": 1, "activateCommittedRoot": 1})
	m.checkRoutes(ctx, dispatcher, want, 1)
}

func newBadNode(t *testing.T, upstream string, choose func(string) badnode.Fault) *badnode.Endpoint {
	t.Helper()
	e, err := badnode.Start(context.WithoutCancel(t.Context()), upstream, choose)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// onceTrusted spares the question for the chain id.
func onceTrusted(f badnode.Fault) func(string) badnode.Fault {
	return func(method string) badnode.Fault {
		if method == "eth_chainId" {
			return badnode.None
		}
		return f
	}
}

// endpoints is a list for the place of one address in the configuration.
func endpoints(urls ...string) string { return strings.Join(urls, `", "`) }

// setEndpoints gives the network of one.yaml other endpoints.
func (m *market) setEndpoints(urls ...string) {
	m.t.Helper()
	m.write("one.yaml", fmt.Sprintf(marketConfig, 50, facetsOne, endpoints(urls...)))
}

// TestAnvilThatHasNotSeenTheBlock asks an anvil about a block that only another one has: what it says lets that one be asked.
func TestAnvilThatHasNotSeenTheBlock(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	behind, ahead := newAnvil(t), newAnvil(t)
	if err := ahead.call(ctx, nil, "anvil_mine", "0x5"); err != nil {
		t.Fatal(err)
	}
	client := func(urls ...string) *chain.Client {
		c, err := chain.New(chain.Config{Name: "local", ChainID: 31337, URLs: urls})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	head, err := client(ahead.url).Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	account := devAddress(0)
	transfer := ethereum.CallMsg{From: account, To: &account}
	for name, ask := range map[string]func(*chain.Client) error{
		"Call":          func(c *chain.Client) error { _, err := c.Call(ctx, head.Hash, transfer); return err },
		"Code":          func(c *chain.Client) error { _, err := c.Code(ctx, head.Hash, account); return err },
		"NonceAt":       func(c *chain.Client) error { _, err := c.NonceAt(ctx, head.Hash, account); return err },
		"BalanceAt":     func(c *chain.Client) error { _, err := c.BalanceAt(ctx, head.Hash, account); return err },
		"EstimateGasAt": func(c *chain.Client) error { _, err := c.EstimateGasAt(ctx, head.Number, transfer); return err },
	} {
		if err := ask(client(behind.url, ahead.url)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := ask(client(behind.url)); !errors.Is(err, rollout.ErrUnavailable) {
			t.Errorf("%s of the one that is behind: %v, want ErrUnavailable", name, err)
		}
	}
}
