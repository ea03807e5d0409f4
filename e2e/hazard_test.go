package e2e

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
)

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
