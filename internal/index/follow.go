package index

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// blocksAtOnce bounds how many blocks are written at once when several are missing.
const blocksAtOnce = 32

// farBehind is how many blocks are rather read by ranges, than one by one.
const farBehind = 1000

// errFar says that so many blocks are missing.
var errFar = errors.New("many blocks are missing")

// errChanged says that the chain changed while it was read.
var errChanged = errors.New("the chain changed while it was read")

// ready makes the indexer ready to follow: it knows the last block that is indexed.
func (x *Indexer) ready(ctx context.Context, head event.Header) error {
	x.recent = recent{}
	x.unwritten, x.written = nil, time.Now()
	if x.next > 0 {
		kept, err := x.store.BlocksDown(ctx, x.chainID, x.next-1, int(x.depth()))
		if err != nil {
			return err
		}
		for i := range kept {
			x.recent.push(kept[len(kept)-1-i])
		}
		if _, ok := x.recent.at(x.next - 1); !ok {
			// it begins here: nothing was indexed before
			headers, err := x.chain.Headers(ctx, min(x.next-1, head.Number))
			if err != nil {
				return err
			}
			if headers[0].Number == x.next-1 {
				x.recent.push(headers[0])
			}
		}
	}
	x.pruned, x.swept = 0, max(x.final.Number, x.next-min(x.next, x.depth()))
	return nil
}

// Times of a chain that rests, or goes back.
const (
	// silence is after what time without a word of new blocks the network is asked whether it answers.
	silence = time.Minute
	// retries is how often what follows is tried again before all of it is begun anew.
	retries = 4
)

// rewindAfter is for how long no endpoint may have a block that is indexed, until it counts as gone although no other has come in its place. Tests wait for
// less.
var rewindAfter = 10 * time.Second

// follow indexes each block that comes.
func (x *Indexer) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	heads := x.chain.Heads(ctx, x.cfg.Poll)
	defer func() {
		cancel()
		for range heads { // until it has ended
		}
	}()
	heard, behind := time.Now(), time.Time{} // since when the newest block is before the last one that is indexed
	tick := time.NewTicker(min(time.Second, writeAfter))
	defer tick.Stop()
	unsettled := make(chan struct{}, 1) // holds a token while there may be upgrades to settle
	for {
		select {
		case <-unsettled:
			more, err := x.settle(ctx)
			if err != nil {
				return err
			}
			if more {
				hold(unsettled)
			}
		case <-ctx.Done():
			return ctx.Err()
		case head, ok := <-heads:
			if !ok {
				return ctx.Err()
			}
			heard = time.Now()
			if err := x.catchUpAtLast(ctx, head); err != nil {
				return err
			}
			switch {
			case head.Number+1 == x.next:
				behind = time.Time{}
			case behind.IsZero():
				behind = time.Now()
			}
			hold(unsettled)
		case <-tick.C:
			if time.Since(x.written) >= writeAfter {
				if err := x.flush(ctx); err != nil {
					return err
				}
			}
			if time.Since(heard) > silence {
				if _, err := x.chain.Latest(ctx); err != nil {
					return err
				}
				heard = time.Now()
			}
			if !behind.IsZero() && time.Since(behind) > rewindAfter {
				if err := x.rewind(ctx); err != nil {
					return err
				}
				behind = time.Time{}
			}
		}
	}
}

// hold puts a token where there may be one.
func hold(tokens chan<- struct{}) {
	select {
	case tokens <- struct{}{}:
	default:
	}
}

// tip is the last block that is indexed.
func (x *Indexer) tip() (event.Header, bool) {
	if x.next == 0 {
		return event.Header{}, false
	}
	return x.recent.at(x.next - 1)
}

// catchUpAtLast indexes all blocks up to a head, or, if that fails, up to one that there is then.
func (x *Indexer) catchUpAtLast(ctx context.Context, head event.Header) error {
	err := x.catchUp(ctx, head)
	for i := 0; i < retries && err != nil && !errors.Is(err, rollout.ErrFenced) && !errors.Is(err, rollout.ErrStale) && !errors.Is(err, errFar); i++ {
		x.log.Debug("a block is not indexed yet", "block", head.Number, "err", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(firstWait << i / 4):
		}
		if head, err = x.chain.Latest(ctx); err == nil {
			err = x.catchUp(ctx, head)
		}
	}
	return err
}

// rewind takes back blocks that no endpoint has any more, if it is so: a node that was told to forget its newest blocks has none in their place.
func (x *Indexer) rewind(ctx context.Context) error {
	if _, indexed := x.tip(); !indexed {
		return nil // it is to begin with a block that is yet to come
	}
	if _, err := x.chain.Headers(ctx, x.next-1); !errors.Is(err, event.ErrNoBlock) {
		return err
	}
	head, err := x.chain.Latest(ctx)
	if err != nil || head.Number+1 >= x.next {
		return err
	}
	return x.rollBack(ctx, head, x.contracts)
}

// catchUp indexes all blocks up to a head.
func (x *Indexer) catchUp(ctx context.Context, head event.Header) error {
	for {
		if head.Number < x.next {
			known, ok := x.recent.at(head.Number)
			if !ok || known.Hash == head.Hash {
				return nil // an endpoint that is behind
			}
			if err := x.rollBack(ctx, head, x.contracts); err != nil {
				return err
			}
			continue
		}
		if head.Number-x.next > farBehind+x.depth() {
			return errFar
		}
		headers, err := x.headersTo(ctx, head)
		if err != nil {
			return err
		}
		if tip, ok := x.tip(); ok && headers[0].Parent != tip.Hash {
			if err := x.rollBack(ctx, head, x.contracts); err != nil {
				return err
			}
			continue
		}
		if err := x.indexBlocks(ctx, headers); err != nil {
			return err
		}
		if err := x.finalize(ctx); err != nil {
			return err
		}
		if x.next > head.Number {
			return nil
		}
	}
}

// headersTo returns the headers that follow, up to a head, but not too many: each the parent of the next.
func (x *Indexer) headersTo(ctx context.Context, head event.Header) ([]event.Header, error) {
	var numbers []uint64
	for n := x.next; n < head.Number && len(numbers) < x.atOnce; n++ {
		numbers = append(numbers, n)
	}
	var headers []event.Header
	if len(numbers) > 0 {
		var err error
		if headers, err = x.chain.Headers(ctx, numbers...); err != nil {
			return nil, err
		}
	}
	if x.next+uint64(len(numbers)) == head.Number {
		headers = append(headers, head)
	}
	for i := 1; i < len(headers); i++ {
		if headers[i].Parent != headers[i-1].Hash {
			return nil, fmt.Errorf("blocks of %s do not follow each other: %w", x.chain.Name(), errChanged)
		}
	}
	return headers, nil
}

// writeAfter is for how long blocks in which nothing was logged may be indexed and not yet written. Each write waits for the disk, networks have up to four blocks a
// second, and nearly all are such: after a crash they are read once more.
var writeAfter = 10 * time.Second

// indexBlocks writes the logs of blocks that follow, and tells of each.
func (x *Indexer) indexBlocks(ctx context.Context, headers []event.Header) error {
	logs, err := x.logsOf(ctx, headers)
	if err != nil {
		return err
	}
	decoded := x.decode(logs)
	if err := x.keep(ctx, headers, decoded); err != nil {
		return err
	}
	x.next = headers[len(headers)-1].Number + 1
	for i := range headers {
		x.recent.push(headers[i])
		n := 0
		for n < len(decoded) && decoded[n].Block.Number == headers[i].Number {
			n++
		}
		x.tell(ctx, headers[i].Block, decoded[:n:n])
		decoded = decoded[n:]
	}
	x.recent.trim(int(x.depth()) + blocksAtOnce)
	return nil
}

// keep writes blocks that follow, with those before that are yet to be written; or it leaves them for later, if nothing was logged in them.
func (x *Indexer) keep(ctx context.Context, headers []event.Header, logs []event.Decoded) error {
	blocks := slices.Concat(x.unwritten, headers)
	if len(logs) > 0 || len(blocks) >= blocksAtOnce || time.Since(x.written) >= writeAfter {
		err := x.store.SaveBatch(ctx, event.Batch{
			ChainID: x.chainID, Contracts: x.contracts, From: blocks[0].Number, To: blocks[len(blocks)-1].Number, Blocks: blocks, Logs: logs, Follows: true,
		})
		if err != nil {
			return err
		}
		x.written, blocks = time.Now(), nil
	}
	x.unwritten = blocks
	return nil
}

// flush writes the blocks that are indexed and not yet written.
func (x *Indexer) flush(ctx context.Context) error {
	if len(x.unwritten) == 0 {
		return nil
	}
	x.written = time.Time{}
	return x.keep(ctx, nil, nil)
}

// logsOf reads the logs of blocks, which are those of the headers and no others of their numbers.
func (x *Indexer) logsOf(ctx context.Context, headers []event.Header) ([]event.Log, error) {
	if len(headers) == 1 {
		logs, err := x.chain.LogsOf(ctx, headers[0].Block, x.addresses)
		if err != nil {
			return nil, err
		}
		return x.doubt(ctx, headers, logs)
	}
	logs, _, err := x.chain.Logs(ctx, headers[0].Number, headers[len(headers)-1].Number, x.addresses)
	if errors.Is(err, event.ErrTooLarge) {
		half := len(headers) / 2
		x.atOnce = min(x.atOnce, half)
		first, err := x.logsOf(ctx, headers[:half])
		if err != nil {
			return nil, err
		}
		second, err := x.logsOf(ctx, headers[half:])
		return append(first, second...), err
	}
	if err != nil {
		return nil, err
	}
	for i := range logs {
		h := &headers[logs[i].Block.Number-headers[0].Number]
		if logs[i].Block.Hash != h.Hash {
			return nil, fmt.Errorf("logs of %s are of another block %d: %w", x.chain.Name(), h.Number, errChanged)
		}
		logs[i].Block.Time = h.Time
	}
	return x.doubt(ctx, headers, logs)
}

// finalize tells which block is final, and writes it from time to time.
func (x *Indexer) finalize(ctx context.Context) error {
	if x.next < x.cfg.Confirmations {
		return nil
	}
	number := x.next - x.cfg.Confirmations
	h, ok := x.recent.at(number)
	if !ok || x.final.Hash != (common.Hash{}) && number <= x.final.Number {
		return nil
	}
	if len(x.unwritten) == 0 { // or else it is written with one of the next
		keep := x.next - min(x.next, x.depth())
		if err := x.store.SaveFinal(ctx, x.chainID, h.Block, x.pruned, keep); err != nil {
			return err
		}
		x.pruned = keep
	}
	x.final = h.Block
	x.cfg.Handler.Final(ctx, h.Block)
	if number < x.swept+sweepBlocks {
		return nil
	}
	return x.sweep(ctx, number)
}
