package index

import (
	"context"
	"fmt"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// rollBack takes back the blocks that are no longer in the chain, whose head is another now. Of many, of which some were final, one endpoint does not say so
// alone. contracts are those that are indexed up to there.
func (x *Indexer) rollBack(ctx context.Context, head event.Header, contracts []event.Contract) error {
	if err := x.flush(ctx); err != nil {
		return err
	}
	ancestor, err := x.ancestor(ctx, head)
	if err != nil {
		return err
	}
	if ancestor.Number+1 == x.next || ancestor.Number == head.Number && ancestor.Hash != head.Hash {
		return fmt.Errorf("who announces block %d of %s has another branch than who is asked: %w", head.Number, x.chain.Name(), errChanged)
	}
	if x.final.Hash != (common.Hash{}) && ancestor.Number < x.final.Number && x.next-1-ancestor.Number > keptBlocks {
		left, apart, err := x.chain.Left(ctx, x.final)
		switch {
		case err != nil:
			return err
		case left:
			x.log.Warn("no endpoint has a block any more that was final", "block", x.final.Number)
		case apart == 0: // headers of before are not all kept
			ancestor = x.final
		default:
			return fmt.Errorf("block %d of %s is final, and who announces block %d has another one in its place: %w", x.final.Number, x.chain.Name(), head.Number, errChanged)
		}
	}
	x.log.Info("the chain was reorganised", "block", ancestor.Number, "gone", x.next-1-ancestor.Number)
	if err := x.store.RollBack(ctx, x.chainID, contracts, x.next, ancestor); err != nil {
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
