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

// errChanged says that the chain changed while it was read.
var errChanged = errors.New("the chain changed while it was read")

// ready makes the indexer ready to follow: it knows the last block that is indexed.
func (x *Indexer) ready(ctx context.Context, head event.Header) error {
	x.recent = recent{}
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
	// rewindAfter is for how long no endpoint may have a block that is indexed, until it counts as gone although no other has come in its place.
	rewindAfter = 10 * time.Second
	// retries is how often what follows is tried again before all of it is begun anew.
	retries = 4
)

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
	tick := time.NewTicker(time.Second)
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
	for i := 0; i < retries && err != nil && !errors.Is(err, rollout.ErrFenced) && !errors.Is(err, rollout.ErrStale); i++ {
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
	if _, err := x.chain.Headers(ctx, x.next-1); !errors.Is(err, event.ErrNoBlock) {
		return err
	}
	head, err := x.chain.Latest(ctx)
	if err != nil || head.Number+1 >= x.next {
		return err
	}
	return x.rollBack(ctx, head)
}

// catchUp indexes all blocks up to a head.
func (x *Indexer) catchUp(ctx context.Context, head event.Header) error {
	for {
		if head.Number < x.next {
			known, ok := x.recent.at(head.Number)
			if !ok || known.Hash == head.Hash {
				return nil // an endpoint that is behind
			}
			if err := x.rollBack(ctx, head); err != nil {
				return err
			}
			continue
		}
		headers, err := x.headersTo(ctx, head)
		if err != nil {
			return err
		}
		if tip, ok := x.tip(); ok && headers[0].Parent != tip.Hash {
			if err := x.rollBack(ctx, head); err != nil {
				return err
			}
			continue
		}
		if err := x.indexBlocks(ctx, headers); err != nil {
			return err
		}
		if err := x.finalize(ctx, head); err != nil {
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
	for n := x.next; n < head.Number && len(numbers) < blocksAtOnce; n++ {
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

// indexBlocks writes the logs of blocks that follow, and tells of each.
func (x *Indexer) indexBlocks(ctx context.Context, headers []event.Header) error {
	logs, err := x.logsOf(ctx, headers)
	if err != nil {
		return err
	}
	decoded := x.decode(logs)
	last := headers[len(headers)-1].Number
	err = x.store.SaveBatch(ctx, event.Batch{
		ChainID: x.chainID, Contracts: x.contracts, From: x.next, To: last, Blocks: headers, Logs: decoded,
		Follows: true,
	})
	if err != nil {
		return err
	}
	x.next = last + 1
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

// doubt looks at the receipts of blocks that are said to have no logs although their headers say that they may: an endpoint whose index of logs lags
// gives an empty answer, and so does one that is broken.
func (x *Indexer) doubt(ctx context.Context, headers []event.Header, logs []event.Log) ([]event.Log, error) {
	var out []event.Log
	rest := logs
	for i := range headers {
		h := &headers[i]
		n := 0
		for n < len(rest) && rest[n].Block.Number == h.Number {
			n++
		}
		if n > 0 || !x.mayHaveLogs(h) {
			out, rest = append(out, rest[:n]...), rest[n:]
			continue
		}
		found, err := x.chain.ReceiptLogs(ctx, h.Block, x.addresses)
		if errors.Is(err, event.ErrUnsupported) { // that something is in a filter proves nothing
			found, err = x.chain.LogsOf(ctx, h.Block, x.addresses)
		}
		if err != nil {
			return nil, err
		}
		if len(found) > 0 {
			x.log.Warn("an endpoint leaves out logs", "block", h.Number, "logs", len(found))
			out = append(out, found...)
		}
	}
	return out, nil
}

func (x *Indexer) mayHaveLogs(h *event.Header) bool {
	return h.Bloom.Tells() && slices.ContainsFunc(x.addresses, func(a common.Address) bool { return h.Bloom.Holds(a[:]) })
}

// rollBack takes back the blocks that are no longer in the chain, whose head is another now.
func (x *Indexer) rollBack(ctx context.Context, head event.Header) error {
	ancestor, err := x.ancestor(ctx, head)
	if err != nil {
		return err
	}
	x.log.Info("the chain was reorganised", "block", ancestor.Number, "gone", x.next-1-ancestor.Number)
	if err := x.store.RollBack(ctx, x.chainID, x.contracts, x.next, ancestor); err != nil {
		return err
	}
	x.next = ancestor.Number + 1
	x.recent.dropAfter(ancestor.Number)
	if x.final.Number > ancestor.Number {
		x.final = rollout.Block{}
	}
	x.settling = settling{}
	if err := x.ready(ctx, head); err != nil {
		return err
	}
	return x.toldGone(ctx, ancestor)
}

// ancestor is the newest block that is indexed and still in the chain.
func (x *Indexer) ancestor(ctx context.Context, head event.Header) (rollout.Block, error) {
	from := min(x.next-1, head.Number)
	for {
		kept, err := x.store.BlocksDown(ctx, x.chainID, from, blocksAtOnce)
		if err != nil {
			return rollout.Block{}, err
		}
		if len(kept) == 0 {
			return x.beginning(ctx)
		}
		numbers := make([]uint64, len(kept))
		for i := range kept {
			numbers[i] = kept[i].Number
		}
		now, err := x.chain.Headers(ctx, numbers...)
		if err != nil {
			return rollout.Block{}, err
		}
		for i := range kept {
			if kept[i].Hash == now[i].Hash {
				return now[i].Block, nil
			}
		}
		if from = kept[len(kept)-1].Number; from == 0 {
			return x.beginning(ctx)
		}
		from--
	}
}

// beginning is the block before the first that is indexed.
func (x *Indexer) beginning(ctx context.Context) (rollout.Block, error) {
	first := x.contracts[0].From
	for _, c := range x.contracts {
		first = min(first, c.From)
	}
	headers, err := x.chain.Headers(ctx, max(first, 1)-1)
	if err != nil {
		return rollout.Block{}, err
	}
	return headers[0].Block, nil
}

// finalize notes which block is final.
func (x *Indexer) finalize(ctx context.Context, head event.Header) error {
	if x.next+1 < x.cfg.Confirmations+1 || x.next > head.Number+1 {
		return nil
	}
	number := x.next - x.cfg.Confirmations
	h, ok := x.recent.at(number)
	if !ok || x.final.Hash != (common.Hash{}) && number <= x.final.Number {
		return nil
	}
	keep := x.next - min(x.next, x.depth())
	if err := x.store.SaveFinal(ctx, x.chainID, h.Block, x.pruned, keep); err != nil {
		return err
	}
	x.pruned, x.final = keep, h.Block
	x.cfg.Handler.Final(ctx, h.Block)
	if number < x.swept+sweepBlocks {
		return nil
	}
	return x.sweep(ctx, h)
}

// sweepBlocks is how many blocks that have become final are read once more together.
const sweepBlocks = 32

// sweep reads blocks once more that are final by now, up to one, and writes what was left out when they were new.
func (x *Indexer) sweep(ctx context.Context, to event.Header) error {
	from := x.swept + 1
	logs, last, err := x.chain.Logs(ctx, from, to.Number, x.addresses)
	switch {
	case errors.Is(err, event.ErrTooLarge):
		x.swept = to.Number // each block was small enough: there is no reason to doubt all of them
		return nil
	case err != nil:
		return err
	case last.Hash != to.Hash:
		return fmt.Errorf("block %d of %s is another: %w", to.Number, x.chain.Name(), errChanged)
	}
	rows, err := x.store.Events(ctx, event.Filter{ChainID: x.chainID, From: from, To: to.Number})
	if err != nil {
		return err
	}
	known := map[event.Place]bool{}
	for i := range rows {
		known[event.Place{Block: rows[i].Block.Number, Index: rows[i].Index}] = true
	}
	missed := slices.DeleteFunc(logs, func(l event.Log) bool { return known[event.Place{Block: l.Block.Number, Index: l.Index}] })
	if err := x.addTimes(ctx, missed, last); err != nil {
		return err
	}
	decoded := x.decode(missed)
	if len(decoded) > 0 {
		x.log.Warn("endpoints have left out logs", "from", from, "to", to.Number, "logs", len(decoded))
		if err := x.store.SaveMissed(ctx, x.chainID, x.contracts, decoded); err != nil {
			return err
		}
	}
	x.swept = to.Number
	for len(decoded) > 0 {
		n := 1
		for n < len(decoded) && decoded[n].Block.Number == decoded[0].Block.Number {
			n++
		}
		x.cfg.Handler.Head(ctx, decoded[0].Block, decoded[:n:n])
		decoded = decoded[n:]
	}
	return nil
}

// recent are headers of blocks that follow each other, the newest last.
type recent struct{ headers []event.Header }

func (r *recent) at(number uint64) (event.Header, bool) {
	if len(r.headers) == 0 {
		return event.Header{}, false
	}
	first := r.headers[0].Number
	if number < first || number-first >= uint64(len(r.headers)) {
		return event.Header{}, false
	}
	return r.headers[number-first], true
}

// push appends a header. If it does not follow the last one, it is the first.
func (r *recent) push(h event.Header) {
	if n := len(r.headers); n > 0 && r.headers[n-1].Number+1 != h.Number {
		r.headers = r.headers[:0]
	}
	r.headers = append(r.headers, h)
}

func (r *recent) trim(n int) {
	if len(r.headers) > 2*n {
		r.headers = append([]event.Header(nil), r.headers[len(r.headers)-n:]...)
	}
}

func (r *recent) dropAfter(number uint64) {
	for len(r.headers) > 0 && r.headers[len(r.headers)-1].Number > number {
		r.headers = r.headers[:len(r.headers)-1]
	}
}
