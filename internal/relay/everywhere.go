package relay

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/ethereum/go-ethereum/core/types"
)

// PushAll gives a signed transaction to every relay at once, those that have it already and need not be asked again excepted, and tells what each
// has answered as it comes: no error means that the relay has it. The network's own endpoints are no business of it. head and last are as for
// Push. It returns when all have answered; whoever needs the first alone goes on when that is told, and lets the others end.
//
// As ever the record that relays are asked is saved before the transaction leaves: once for all of them.
func (r *Router) PushAll(ctx context.Context, tx *types.Transaction, head, last uint64, told func(relay string, err error)) error {
	b := Batch{Txs: []*types.Transaction{tx}, Next: head + 1}
	if _, err := b.check(); err != nil {
		return fmt.Errorf("submit to relays of %s: %w", r.cfg.Network, err)
	}
	if id := tx.ChainId(); !id.IsUint64() || id.Uint64() != r.cfg.ChainID {
		return fmt.Errorf("submit %s to relays of %s: it is for chain %s, not %d", tx.Hash(), r.cfg.Network, id, r.cfg.ChainID)
	}
	if err := r.pushAll(ctx, b, head, last, told); err != nil {
		return fmt.Errorf("submit %s on %s: %w", b.words(), r.cfg.Network, err)
	}
	return nil
}

func (r *Router) pushAll(ctx context.Context, b Batch, head, last uint64, told func(string, error)) error {
	rec, err := r.record(ctx, b, last)
	if err != nil {
		return err
	}
	if rec.Cancelled {
		return fmt.Errorf("%w: sign another one with the same nonce", ErrCancelled)
	}
	if head >= rec.Last {
		if err := r.expire(ctx, &rec, head); err != nil {
			return err
		}
		rec.Last = last
	}
	b.ID, b.Last = rec.ID, rec.Last
	due := r.allDue(&rec, head)
	if len(due) == 0 {
		return nil
	}
	before := make([]Try, len(due))
	for i, relay := range due {
		before[i] = r.asking(rec.try(relay.Name()), head)
	}
	if err := r.save(ctx, rec); err != nil {
		return err // so none is asked
	}
	var asked sync.WaitGroup
	var mu sync.Mutex // of the record, and of whoever is told
	measured := make([]Measurement, len(due))
	for i, relay := range due {
		asked.Go(func() {
			until, err := relay.Submit(ctx, b)
			mu.Lock()
			defer mu.Unlock()
			t := rec.try(relay.Name())
			measured[i] = r.answered(&rec, t, before[i], b, head, until, err)
			if t.State == Taken {
				err = nil
			}
			told(relay.Name(), err)
		})
	}
	asked.Wait()
	errs := []error{r.save(ctx, rec)}
	for _, m := range measured {
		errs = append(errs, r.note(ctx, m))
	}
	return errors.Join(errs...)
}

// allDue are the relays that are to be asked: those that were not yet, those that are to be given it again, and, once a block, those that have
// not taken it.
func (r *Router) allDue(rec *Record, head uint64) (out []Relay) {
	for _, relay := range r.cfg.Relays {
		if _, own := relay.(*endpoints); own {
			continue
		}
		t := rec.try(relay.Name())
		switch {
		case t.State == "":
		case t.State == Taken && r.due(*t, head):
		case t.State != Taken && (t.Seen < head || r.cfg.Now().Sub(t.At) >= r.cfg.Rebroadcast):
		default:
			continue
		}
		out = append(out, relay)
	}
	return out
}
