package index_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/index"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// counting counts what is written of blocks.
type counting struct {
	*store.Store
	writes atomic.Int64
}

func (c *counting) SaveBatch(ctx context.Context, b event.Batch) error {
	c.writes.Add(1)
	return c.Store.SaveBatch(ctx, b)
}

// TestQuietBlocks: blocks in which nothing was logged are told at once and written together: with the next one in which something was, after a while, before
// blocks are taken back, and again by who comes after a crash.
func TestQuietBlocks(t *testing.T) { onEach(t, testQuietBlocks) }

func testQuietBlocks(t *testing.T, where string) {
	t.Cleanup(index.SetWriteAfter(time.Hour))
	n := newAnvil(t)
	n.emit(pageLogs(n.rand, 2))
	s, h := openStore(t, where), newTold()
	c := &counting{Store: s}
	r := start(t, n, c, n.client(), h)
	<-h.full
	mine := func(blocks int) {
		t.Helper()
		for range blocks {
			n.mine()
			for until := time.Now().Add(10 * time.Second); h.tip() < n.head(); time.Sleep(time.Millisecond) {
				if time.Now().After(until) {
					t.Fatalf("the handler was told up to block %d of %d", h.tip(), n.head())
				}
			}
		}
	}
	wrote := func(want int64, what string) {
		t.Helper()
		if got := c.writes.Swap(0); got != want {
			t.Errorf("%s: %d writes, want %d", what, got, want)
		}
	}
	mustReach(t, n, s)
	c.writes.Store(0)
	mine(9)
	wrote(0, "quiet blocks")
	if blocks, err := s.BlocksDown(t.Context(), n.chainID, n.head(), 1); err != nil || len(blocks) > 0 && blocks[0].Number+9 != n.head() {
		t.Errorf("they were written: %+v, %v", blocks, err)
	}
	n.emit(pageLogs(n.rand, 2))
	mustReach(t, n, s)
	wrote(1, "with one that has logs")
	mine(64)
	wrote(2, "64 quiet ones")

	mine(5)
	n.reorg(3)
	mine(1)
	mustAgree(t, n, h)
	r.stop()
	again := newTold()
	again.last = h.last
	r = start(t, n, c, n.client(), again)
	<-again.full
	n.emit(pageLogs(n.rand, 2))
	mustReach(t, n, s)
	mustAgree(t, n, again)
	r.stop()

	index.SetWriteAfter(20 * time.Millisecond)
	start(t, n, c, n.client(), newTold())
	mustReach(t, n, s)
	n.mine()
	mustReach(t, n, s)
	blocks, err := s.BlocksDown(t.Context(), n.chainID, n.head(), 12)
	if err != nil || len(blocks) != 12 {
		t.Fatalf("%d headers, %v", len(blocks), err)
	}
	for i, b := range blocks {
		if b.Number != n.head()-uint64(i) || i > 0 && b.Hash != blocks[i-1].Parent {
			t.Errorf("header %d is of block %d %s, whose child has the parent %s", i, b.Number, b.Hash, blocks[max(i, 1)-1].Parent)
		}
	}
}
