package index

import (
	"context"
	"errors"
	"slices"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/event"
)

// findBeginnings finds out from which block on contracts are indexed of which that is not said. What was found once is in the store.
func (x *Indexer) findBeginnings(ctx context.Context) error {
	var covered []event.Covered
	for i := range x.contracts {
		c := &x.contracts[i]
		if c.From > 0 {
			continue
		}
		if covered == nil {
			var err error
			if covered, err = x.store.Covered(ctx, x.chainID); err != nil {
				return err
			}
		}
		if at := slices.IndexFunc(covered, func(known event.Covered) bool { return known.Address == c.Address }); at >= 0 {
			c.From = covered[at].From
			continue
		}
		from, err := x.deployed(ctx, c.Address)
		if err != nil {
			return err
		}
		x.log.Info("a contract is indexed", "contract", c.Address, "from", from)
		c.From = from
	}
	return nil
}

// deployed finds the block in which a contract was deployed. It is 0 if nodes do not keep the state of so old blocks; then all are read, which costs
// little where there is nothing. One that is not there yet begins near the head.
func (x *Indexer) deployed(ctx context.Context, address common.Address) (uint64, error) {
	head, err := x.chain.Latest(ctx)
	if err != nil {
		return 0, err
	}
	has, err := x.chain.HasCode(ctx, head.Number, address)
	if err != nil {
		return 0, err
	}
	if !has {
		return head.Number - min(head.Number, x.depth()), nil
	}
	first, with := uint64(0), head.Number // it is not before the one, and has code in the other
	for first < with {
		middle := first + (with-first)/2
		switch has, err := x.chain.HasCode(ctx, middle, address); {
		case errors.Is(err, event.ErrUnsupported):
			return 0, nil
		case err != nil:
			return 0, err
		case has:
			with = middle
		default:
			first = middle + 1
		}
	}
	return with, nil
}
