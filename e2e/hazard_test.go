package e2e

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
)

// TestReorganised takes the commit and a page out of the chain after they were final by the network's rule. The journal
// still holds both, signed: they are sent again as they are, and nothing is signed anew.
func TestReorganised(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	n := newAnvil(t)
	p := newProxy(t, n.url)
	m := newMarket(t, n, p.url, 50)
	want := m.manifest("one")
	dispatcher := m.dispatcher()
	m.must("--config", "one.yaml", "deploy", "one.json", "--yes")
	deployed, err := n.transactions(ctx)
	if err != nil {
		t.Fatal(err)
	}
	waiting := m.start("--config", "one.yaml", "rollout", "one.json", "--yes")
	if err := waiting.awaitText(ctx, "the timelock runs"); err != nil {
		t.Fatalf("%v\n%s", err, waiting.output())
	}
	waiting.kill()
	if err := n.call(ctx, nil, "anvil_reorg", 2, []any{}); err != nil {
		t.Fatal(err)
	}
	if s, err := n.state(ctx, dispatcher); err != nil || s.pendingRoot != [32]byte{} {
		t.Fatalf("root %s is pending after the reorganisation (%v), want none", s.pendingRoot, err)
	}

	m.keepTime(dispatcher, 1, want)
	m.must("--config", "one.yaml", "rollout", "one.json", "--yes")
	m.checkRoutes(ctx, dispatcher, want, 1)
	chain, err := n.transactions(ctx)
	if err != nil {
		t.Fatal(err)
	}
	p.checkOneEach(t, chain)
	checkCalls(t, chain[len(deployed):], map[string]int{"commitRoot": 1, "applyRoutes": 1, "activateCommittedRoot": 1})
}

// TestUnreachable starts a deploy before its network is up. It says so, tries again, and goes on when the network is there.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	reserved, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := reserved.Addr().(*net.TCPAddr).Port
	if err := reserved.Close(); err != nil {
		t.Fatal(err)
	}
	m := newMarket(t, nil, fmt.Sprintf("http://127.0.0.1:%d", port), 50)
	deploy := m.start("--config", "one.yaml", "deploy", "one.json", "--yes")
	if err := deploy.awaitText(ctx, "no endpoint answers"); err != nil {
		t.Fatalf("%v\n%s", err, deploy.output())
	}
	n := newAnvil(t, "--port", fmt.Sprint(port))
	deploy.mustSucceed(t)
	chain, err := n.transactions(ctx)
	if err != nil {
		t.Fatal(err)
	}
	checkCalls(t, chain, map[string]int{"create": 5, "grantRole": 6, "renounceRole": 1})
}

// awaitText waits until a process has printed a text to standard error.
func (p *process) awaitText(ctx context.Context, text string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		p.stderr.mu.Lock()
		found, more := strings.Contains(p.stderr.text.String(), text), p.stderr.more
		p.stderr.mu.Unlock()
		if found {
			return nil
		}
		select {
		case <-more:
		case <-p.ended:
			return fmt.Errorf("it ended without saying %q", text)
		case <-ctx.Done():
			return fmt.Errorf("it did not say %q: %w", text, ctx.Err())
		}
	}
}
