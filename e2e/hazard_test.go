package e2e

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
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

// TestStaleCommit kills a rollout when its commit is signed and not sent. Before it is started again, somebody else
// commits another root: the commit of the journal must not replace it.
func TestStaleCommit(t *testing.T) {
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
	killed := m.start("--config", "one.yaml", "rollout", "one.json", "--yes")
	p.arm(func(before bool) bool {
		killed.kill()
		return true
	})
	if code := killed.code(); code != -1 {
		t.Fatalf("it was not killed: exit code %d\n%s", code, killed.output())
	}
	p.arm(nil)

	foreign := crypto.Keccak256Hash([]byte("a root of somebody else"))
	n.castSend(t, 3, dispatcher, "grantRole(bytes32,address)", crypto.Keccak256Hash([]byte("COMMIT_ROLE")).Hex(), devAddress(0).Hex())
	n.castSend(t, 0, dispatcher, "commitRoot(bytes32,uint64)", foreign.Hex(), "1")
	again := m.start("--config", "one.yaml", "rollout", "one.json", "--yes")
	if code := again.code(); code != 1 || !strings.Contains(again.output(), foreign.Hex()) {
		t.Errorf("exit code %d, want 1 and the root of somebody else\n%s", code, again.output())
	}
	if s, err := n.state(ctx, dispatcher); err != nil || s.pendingRoot != foreign {
		t.Fatalf("root %s is pending (%v), want that of somebody else", s.pendingRoot, err)
	}

	// once that is taken back, the very commit of the journal is sent
	m.must("--config", "one.yaml", "cancel", "--yes")
	m.keepTime(dispatcher, 1, want)
	m.must("--config", "one.yaml", "rollout", "one.json", "--yes")
	m.checkRoutes(ctx, dispatcher, want, 1)
	chain, err := n.transactions(ctx)
	if err != nil {
		t.Fatal(err)
	}
	p.checkOneEach(t, chain)
	checkCalls(t, chain[len(deployed)+3:], map[string]int{"commitRoot": 1, "applyRoutes": 1, "activateCommittedRoot": 1})
}

// castSend sends a call from an account of anvil, with cast.
func (n *node) castSend(t *testing.T, account int, to common.Address, args ...string) {
	t.Helper()
	args = append([]string{"send", "--rpc-url", n.url, "--private-key", devKeys[account], to.Hex()}, args...)
	if out, err := exec.Command(places.cast, args...).CombinedOutput(); err != nil {
		t.Fatalf("cast send: %v\n%s", err, out)
	}
}
