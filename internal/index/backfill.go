package index

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"golang.org/x/sync/errgroup"

	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

const (
	// readsAtOnce is how many ranges are asked for at once.
	readsAtOnce = 4
	// rowsPerWrite is how many events are written at once, about. Whoever else writes the journal waits meanwhile.
	rowsPerWrite = 5000
)

// backfill brings all contracts to the same block, near the head. Contracts that were indexed less far than others come first, by themselves.
func (x *Indexer) backfill(ctx context.Context, covered []event.Covered) error {
	for checked := false; ; checked = true {
		head, err := x.chain.Latest(ctx)
		if err != nil {
			return err
		}
		if !checked {
			if err := x.goOn(ctx, covered, head); err != nil {
				return err
			}
		}
		target := uint64(0) // the first block that is not read by ranges
		if depth := x.depth(); head.Number > depth {
			target = head.Number - depth
		}
		first := slices.MinFunc(covered, func(a, b event.Covered) int { return cmp.Compare(a.Next, b.Next) }).Next
		last := slices.MaxFunc(covered, func(a, b event.Covered) int { return cmp.Compare(a.Next, b.Next) }).Next
		if first == last && first >= target {
			x.next = first
			return x.ready(ctx, head)
		}
		if first >= target {
			// some are not indexed as far as others, among blocks that are read one by one: these are read again for all
			if err := x.level(ctx, covered, first); err != nil {
				return err
			}
			continue
		}
		var group []event.Contract
		end := target
		for _, c := range covered {
			if c.Next == first {
				group = append(group, x.contract(c.Address))
			} else {
				end = min(end, c.Next)
			}
		}
		x.log.Debug("backfill", "from", first, "to", end-1, "contracts", len(group))
		if err := x.readRanges(ctx, group, first, end); err != nil {
			return err
		}
		for i := range covered {
			if covered[i].Next == first {
				covered[i].Next = end
			}
		}
	}
}

// goOn takes back what was indexed of blocks that have left the chain since, so that what follows is read after blocks that are still there. The newest blocks
// that were indexed may have done so while nobody looked.
func (x *Indexer) goOn(ctx context.Context, covered []event.Covered, head event.Header) error {
	next := slices.MaxFunc(covered, func(a, b event.Covered) int { return cmp.Compare(a.Next, b.Next) }).Next
	if next == 0 || next > head.Number {
		return nil // who follows sees it
	}
	kept, err := x.store.BlocksDown(ctx, x.chainID, next-1, 1)
	if err != nil || len(kept) == 0 {
		return err
	}
	now, err := x.chain.Headers(ctx, kept[0].Number)
	if err != nil || now[0].Hash == kept[0].Hash {
		return err
	}
	var furthest []event.Contract
	for _, c := range covered {
		if c.Next == next {
			furthest = append(furthest, x.contract(c.Address))
		}
	}
	x.next = next
	if err := x.rollBack(ctx, head, furthest); err != nil {
		return err
	}
	for i := range covered {
		covered[i].Next = min(covered[i].Next, x.next)
	}
	return nil
}

func (x *Indexer) contract(address common.Address) event.Contract {
	i := slices.IndexFunc(x.contracts, func(c event.Contract) bool { return c.Address == address })
	return x.contracts[i]
}

// level takes contracts back that were indexed further than others.
func (x *Indexer) level(ctx context.Context, covered []event.Covered, first uint64) error {
	for i, c := range covered {
		if c.Next == first {
			continue
		}
		to := rollout.Block{}
		if first > 0 {
			headers, err := x.chain.Headers(ctx, first-1)
			if err != nil {
				return err
			}
			to = headers[0].Block
		}
		if err := x.store.RollBack(ctx, x.chainID, []event.Contract{x.contract(c.Address)}, c.Next, to); err != nil {
			return err
		}
		covered[i].Next = first
	}
	return nil
}

// read is what was read of a range.
type read struct {
	from, to uint64
	logs     []event.Decoded
	last     event.Header
}

// readRanges reads the blocks from one to before another, several ranges at once, and writes them in their order meanwhile.
func (x *Indexer) readRanges(ctx context.Context, group []event.Contract, from, end uint64) error {
	addresses := make([]common.Address, len(group))
	for i, c := range group {
		addresses[i] = c.Address
	}
	g, ctx := errgroup.WithContext(ctx)
	queue := make(chan chan read, readsAtOnce-1) // in the order of blocks; with the one that is waited for, these are in flight
	g.Go(func() error {
		defer close(queue)
		for from < end {
			to := min(from+x.size.get()-1, end-1)
			result := make(chan read, 1)
			select {
			case queue <- result:
			case <-ctx.Done():
				return ctx.Err()
			}
			start := from
			g.Go(func() error {
				r, err := x.readRange(ctx, addresses, start, to)
				if err == nil {
					result <- r
				}
				return err
			})
			from = to + 1
		}
		return nil
	})
	g.Go(func() error { return x.writeRanges(ctx, group, queue) })
	return g.Wait()
}

// attempts bounds how often a range is asked for until it counts as a failure of the whole backfill.
const attempts = 5

// readRange reads a range, in parts if it is too large.
func (x *Indexer) readRange(ctx context.Context, addresses []common.Address, from, to uint64) (read, error) {
	out := read{from: from, to: to}
	failed := 0
	for at := from; at <= to; {
		n := min(to-at+1, x.size.get())
		start := time.Now()
		logs, last, err := x.chain.Logs(ctx, at, at+n-1, addresses)
		switch {
		case ctx.Err() != nil:
			return read{}, ctx.Err()
		case errors.Is(err, event.ErrTooLarge) && n > 1:
			x.size.refused(n)
			continue
		case err != nil:
			if failed++; failed == attempts {
				return read{}, err
			}
			if n > 1 {
				x.size.refused(n) // perhaps it takes the endpoint too long
			}
			select {
			case <-ctx.Done():
				return read{}, ctx.Err()
			case <-time.After(firstWait << failed):
			}
			continue
		}
		failed = 0
		x.size.answered(n, len(logs), time.Since(start))
		if err := x.addTimes(ctx, logs, last); err != nil {
			return read{}, err
		}
		if out.last = last; len(out.logs) == 0 {
			out.logs = x.decode(logs)
		} else {
			out.logs = append(out.logs, x.decode(logs)...)
		}
		at += n
	}
	return out, nil
}

// addTimes asks for the times of blocks where a node does not tell them with the logs.
func (x *Indexer) addTimes(ctx context.Context, logs []event.Log, known event.Header) error {
	var numbers []uint64
	for i := range logs {
		if b := &logs[i].Block; b.Time == 0 && b.Number > 0 && b.Hash != known.Hash && (len(numbers) == 0 || numbers[len(numbers)-1] != b.Number) {
			numbers = append(numbers, b.Number)
		}
	}
	headers := []event.Header{known}
	if len(numbers) > 0 {
		more, err := x.chain.Headers(ctx, numbers...)
		if err != nil {
			return err
		}
		headers = append(more, known)
	}
	at := 0
	for i := range logs {
		b := &logs[i].Block
		if b.Time != 0 || b.Number == 0 {
			continue
		}
		for at < len(headers)-1 && headers[at].Number < b.Number {
			at++
		}
		if headers[at].Hash != b.Hash {
			return fmt.Errorf("block %d of %s was replaced while it was read", b.Number, x.chain.Name())
		}
		b.Time = headers[at].Time
	}
	return nil
}

// writeRanges writes what was read, in its order, several ranges at once if they hold little.
func (x *Indexer) writeRanges(ctx context.Context, group []event.Contract, queue <-chan chan read) error {
	var b *batch
	for result := range queue {
		var r read
		select {
		case r = <-result:
		default:
			if b != nil { // it takes a while: write what is there
				if err := x.write(ctx, b); err != nil {
					return err
				}
				b = nil
			}
			select {
			case r = <-result:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if b == nil {
			b = newBatch(x.chainID, group, r.from)
		}
		b.add(r)
		if len(b.Logs) >= rowsPerWrite {
			if err := x.write(ctx, b); err != nil {
				return err
			}
			b = nil
		}
	}
	if b != nil && ctx.Err() == nil {
		return x.write(ctx, b)
	}
	return ctx.Err()
}

// write writes a batch, in parts if it is large.
func (x *Indexer) write(ctx context.Context, b *batch) error {
	for _, part := range b.parts() {
		if err := x.store.SaveBatch(ctx, part); err != nil {
			return err
		}
	}
	return nil
}
