package e2e

import (
	"context"
	"encoding/json"
	"testing"
)

// TestCommitAndPagesShareABlock rolls out on a node that makes no block until the commit and all pages wait for one.
func TestCommitAndPagesShareABlock(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	n := newAnvil(t)
	m := newMarket(t, n, n.url, 6)
	want := m.manifest("one")
	if len(want.Pages) < 4 {
		t.Fatalf("%d pages: this test wants several", len(want.Pages))
	}
	m.must("--config", "one.yaml", "deploy", "one.json", "--yes")
	deployed, err := n.transactions(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var dry struct {
		Networks []struct {
			Steps []struct {
				Step string
				Gas  uint64
			}
		}
	}
	if err := json.Unmarshal([]byte(m.must("--config", "one.yaml", "rollout", "one.json", "--dry-run", "--json")), &dry); err != nil {
		t.Fatal(err)
	}
	for _, s := range dry.Networks[0].Steps {
		if s.Gas == 0 && s.Step != "wait: the timelock runs" {
			t.Errorf("the dry run did not simulate %q", s.Step)
		}
	}
	if err := n.call(ctx, nil, "evm_setAutomine", false); err != nil {
		t.Fatal(err)
	}
	running := m.start("--config", "one.yaml", "rollout", "one.json", "--yes")
	defer running.kill()
	if err := running.awaitText(ctx, "page 4 of"); err != nil {
		t.Fatalf("%v\n%s", err, running.output())
	}
	n.awaitWaiting(t, 1+len(want.Pages))
	if err := n.call(ctx, nil, "evm_mine"); err != nil {
		t.Fatal(err)
	}
	if err := running.awaitText(ctx, "the timelock runs"); err != nil {
		t.Fatalf("%v\n%s", err, running.output())
	}
	chain, err := n.transactions(ctx)
	if err != nil {
		t.Fatal(err)
	}
	checkCalls(t, chain[len(deployed):], map[string]int{"commitRoot": 1, "applyRoutes": len(want.Pages)})
	for _, tx := range chain[len(deployed):] {
		if tx.Block != chain[len(deployed)].Block {
			t.Errorf("%s is in block %d, the commit in block %d", tx.Hash, tx.Block, chain[len(deployed)].Block)
		}
	}
}

// awaitWaiting waits until a number of transactions wait for a block.
func (n *node) awaitWaiting(t *testing.T, transactions int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		var pool struct {
			Pending map[string]map[string]json.RawMessage
		}
		if err := n.call(ctx, &pool, "txpool_content"); err != nil {
			t.Fatal(err)
		}
		waiting := 0
		for _, of := range pool.Pending {
			waiting += len(of)
		}
		if waiting == transactions {
			return
		}
	}
}
