package index

import (
	"context"
	"errors"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

const (
	// settleTime is how long upgrades are settled between two blocks.
	settleTime = 200 * time.Millisecond
	// settleAgain is after what time those are looked at again whose transactions were not found.
	settleAgain = time.Minute
	// callsAtOnce is how many transactions are asked for, and written, at once.
	callsAtOnce = 64
)

// settling is how far upgrades are settled.
type settling struct {
	after event.Place // the last one that was looked at in this round
	again time.Time   // before which no other round begins
}

// settle asks for what logs do not tell of the transactions of upgrades, for a while: what comes in blocks goes before. It tells whether there is more to do.
func (x *Indexer) settle(ctx context.Context) (more bool, err error) {
	if time.Now().Before(x.settling.again) {
		return false, nil
	}
	for until := time.Now().Add(settleTime); time.Now().Before(until); {
		u, err := x.store.Unsettled(ctx, x.chainID, x.contracts, x.settling.after)
		switch {
		case err != nil:
			return false, err
		case u == nil && x.settling.after == event.Place{}:
			return false, nil
		case u == nil: // what is left was not found
			x.settling = settling{again: time.Now().Add(settleAgain)}
			return false, nil
		}
		switch err := x.settleOne(ctx, u); {
		case err == nil:
		case errors.Is(err, rollout.ErrFenced), ctx.Err() != nil:
			return false, err
		default:
			x.log.Debug("an upgrade is not settled", "block", u.Commit.Block, "err", err)
			x.settling.after = u.Commit
		}
	}
	return true, nil
}

// settleOne asks for some of the transactions of an upgrade that are not known.
func (x *Indexer) settleOne(ctx context.Context, u *event.Unsettled) error {
	missing := u.Missing[:min(len(u.Missing), callsAtOnce)]
	var calls []event.Call
	if len(missing) > 0 {
		var err error
		if calls, err = x.chain.Calls(ctx, missing...); err != nil {
			return err
		}
	}
	txs := make([]event.Transaction, len(calls))
	for i, c := range calls {
		var events []event.Decoded
		for _, e := range u.Life.Events {
			if e.Tx == c.Tx {
				events = append(events, e)
			}
		}
		if len(events) > 0 && events[0].Block.Hash != c.Block.Hash {
			return errChanged
		}
		pages := u.Contract.Kind.(event.Upgrader).Staged(u.Contract.Address, c.Input, events)
		txs[i] = event.Transaction{Hash: c.Tx, Block: c.Block.Number, GasUsed: c.GasUsed, Pages: pages}
	}
	_, err := x.store.Settle(ctx, x.chainID, u.Contract, u.Commit, calls, txs)
	return err
}
