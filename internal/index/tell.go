package index

import (
	"context"

	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// tell tells the handler of a block.
func (x *Indexer) tell(ctx context.Context, b rollout.Block, logs []event.Decoded) {
	x.cfg.Handler.Head(ctx, b, logs)
	if n := int(x.depth()); len(x.told) >= 2*n {
		x.told = append(x.told[:0], x.told[n:]...)
	}
	x.told = append(x.told, b)
}

// tellMissed tells the handler of what is indexed and it was not told, because something failed between, or because it was told by another process: first
// which blocks that it was told are gone.
func (x *Indexer) tellMissed(ctx context.Context) error {
	if len(x.told) == 0 {
		return nil
	}
	newest := x.told[len(x.told)-1]
	last, err := x.lastTold(ctx)
	if err != nil {
		return err
	}
	if last != newest {
		x.cfg.Handler.Reorg(ctx, last)
	}
	return x.tellAfter(ctx, last)
}

// lastTold is the newest block that the handler was told and that is still in the chain. Those after it are forgotten.
func (x *Indexer) lastTold(ctx context.Context) (rollout.Block, error) {
	oldest := x.told[0].Number
	for ; len(x.told) > 0; x.told = x.told[:len(x.told)-1] {
		b := x.told[len(x.told)-1]
		if b.Number >= x.next {
			continue
		}
		kept, err := x.store.BlocksDown(ctx, x.chainID, b.Number, 1)
		if err != nil {
			return rollout.Block{}, err
		}
		pruned := (len(kept) == 0 || kept[0].Number < b.Number) && b.Number+x.depth() < x.next // it was final
		if pruned || len(kept) > 0 && kept[0].Hash == b.Hash {
			return b, nil
		}
	}
	// all of them are gone: no reorganisation is deeper than this
	kept, err := x.store.BlocksDown(ctx, x.chainID, oldest-min(oldest, x.depth()), 1)
	if err != nil || len(kept) == 0 {
		return rollout.Block{}, err
	}
	return kept[0].Block, nil
}

// toldGone tells the handler which blocks are no longer in the chain.
func (x *Indexer) toldGone(ctx context.Context, last rollout.Block) error {
	for len(x.told) > 0 && x.told[len(x.told)-1].Number > last.Number {
		x.told = x.told[:len(x.told)-1]
	}
	if len(x.told) == 0 {
		x.told = append(x.told, last)
	}
	x.cfg.Handler.Reorg(ctx, last)
	return x.tellAfter(ctx, x.told[len(x.told)-1])
}

// tellAfter tells of the blocks after one that are indexed: of each whose header is kept for reorganisations, and before that of those that have logs.
func (x *Indexer) tellAfter(ctx context.Context, last rollout.Block) error {
	at := last.Number + 1
	for at < x.next {
		logs, err := x.store.Events(ctx, event.Filter{ChainID: x.chainID, From: at, To: x.next - 1, Oldest: true, Limit: rowsPerWrite})
		if err != nil {
			return err
		}
		to := x.next - 1
		if len(logs) == rowsPerWrite { // perhaps not all of the last block
			to = logs[len(logs)-1].Block.Number - 1
			if to < at { // it has so many by itself
				if logs, err = x.store.Events(ctx, event.Filter{ChainID: x.chainID, From: at, To: at, Oldest: true}); err != nil {
					return err
				}
				to = at
			}
		}
		for ; at <= to; at++ {
			n := 0
			for n < len(logs) && logs[n].Block.Number == at {
				n++
			}
			if h, ok := x.recent.at(at); ok {
				x.tell(ctx, h.Block, logs[:n:n])
			} else if n > 0 {
				x.tell(ctx, logs[0].Block, logs[:n:n])
			}
			logs = logs[n:]
		}
	}
	return nil
}
