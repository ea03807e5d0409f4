package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
)

// TestTransactionDrop kills a rollout while its commit and pages wait for a block, takes all of them back, and rolls out after
// all.
func TestTransactionDrop(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	n := newAnvil(t)
	m := newMarket(t, n, n.url, 10)
	want := m.manifest("one")
	m.must("--config", "one.yaml", "deploy", "one.json", "--yes")
	deployed, err := n.transactions(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.call(ctx, nil, "evm_setAutomine", false); err != nil {
		t.Fatal(err)
	}
	running := m.start("--config", "one.yaml", "rollout", "one.json", "--yes")
	if err := running.awaitText(ctx, fmt.Sprintf("page %d of", len(want.Pages))); err != nil {
		t.Fatalf("%v\n%s", err, running.output())
	}
	n.awaitWaiting(t, 1+len(want.Pages))
	running.kill()

	open := m.journal("--open")
	if len(open) != 1+len(want.Pages) || open[0].Status != "released" || !strings.HasPrefix(open[0].Step, "commit") {
		t.Fatalf("open: %+v", open)
	}
	dropping := m.start("--config", "one.yaml", "transaction", "drop", open[0].Hash.Hex(), "--yes")
	if err := dropping.awaitText(ctx, fmt.Sprintf("page %d of", len(want.Pages))); err != nil {
		t.Fatalf("%v\n%s", err, dropping.output())
	}
	n.awaitWaiting(t, 1+len(want.Pages))
	if err := n.call(ctx, nil, "evm_mine"); err != nil {
		t.Fatal(err)
	}
	dropping.mustSucceed(t)
	if left := m.journal("--open"); len(left) != 0 {
		t.Errorf("still open: %+v", left)
	}
	if err := n.call(ctx, nil, "evm_setAutomine", true); err != nil {
		t.Fatal(err)
	}
	dispatcher := m.dispatcher()
	m.keepTime(dispatcher, 1, want)
	m.must("--config", "one.yaml", "rollout", "one.json", "--yes")
	m.checkRoutes(ctx, dispatcher, want, 1)
	chain, err := n.transactions(ctx)
	if err != nil {
		t.Fatal(err)
	}
	checkCalls(t, chain[len(deployed):], map[string]int{
		"another call": 1 + len(want.Pages), "commitRoot": 1, "applyRoutes": len(want.Pages), "activateCommittedRoot": 1,
	})
}

// TestForeignTransactionHalts: the operator's key is used elsewhere. Nothing more is sent until somebody says that it is fine.
func TestForeignTransactionHalts(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	n := newAnvil(t)
	m := newMarket(t, n, n.url, 50)
	one := m.manifest("one")
	dispatcher := m.dispatcher()
	m.keepTime(dispatcher, 1, one)
	m.must("--config", "one.yaml", "deploy", "one.json", "--yes")
	m.must("--config", "one.yaml", "rollout", "one.json", "--yes")
	n.castSend(t, 1, devAddress(1))
	m.must("--config", "two.yaml", "deploy", "two.json", "--yes")
	halted := m.start("--config", "two.yaml", "rollout", "two.json", "--yes")
	if code := halted.code(); code != 1 || !strings.Contains(halted.output(), "lockstep transaction adopt") {
		t.Fatalf("exit code %d, want 1 and what to do\n%s", code, halted.output())
	}
	if s, err := n.state(ctx, dispatcher); err != nil || s.pendingRoot != (common.Hash{}) {
		t.Fatalf("root %s is pending (%v): something was sent", s.pendingRoot, err)
	}
	m.must("--config", "two.yaml", "transaction", "adopt", "operator", "--yes")
	two := m.manifest("two")
	m.keepTime(dispatcher, 1, two)
	m.must("--config", "two.yaml", "rollout", "two.json", "--yes")
	m.checkRoutes(ctx, dispatcher, two, 2)
}

// journalRow is a row of lockstep transaction list.
type journalRow struct {
	Step, Status string
	Hash         common.Hash
}

func (m *market) journal(args ...string) []journalRow {
	m.t.Helper()
	var doc struct{ Transactions []journalRow }
	out := m.must(append([]string{"--config", "one.yaml", "transaction", "list", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		m.t.Fatal(err)
	}
	return doc.Transactions
}
