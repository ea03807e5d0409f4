package index

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/event"
)

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

// sweepBlocks is how many blocks that have become final are read once more together.
const sweepBlocks = 32

// sweep reads blocks once more that are final by now, up to one, and writes what was left out when they were new.
func (x *Indexer) sweep(ctx context.Context, to uint64) error {
	for x.swept < to {
		end := min(x.swept+uint64(x.atOnce), to)
		err := x.sweepRange(ctx, x.swept+1, end)
		if errors.Is(err, event.ErrTooLarge) && x.atOnce > 1 {
			x.atOnce /= 2
			continue
		}
		if err != nil {
			return err
		}
		x.swept = end
	}
	return nil
}

func (x *Indexer) sweepRange(ctx context.Context, from, to uint64) error {
	logs, last, err := x.chain.Logs(ctx, from, to, x.addresses)
	if err != nil {
		return err
	}
	if h, ok := x.recent.at(to); ok && h.Hash != last.Hash {
		return fmt.Errorf("block %d of %s is another: %w", to, x.chain.Name(), errChanged)
	}
	rows, err := x.store.Events(ctx, event.Filter{ChainID: x.chainID, From: from, To: to})
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
		x.log.Warn("endpoints have left out logs", "from", from, "to", to, "logs", len(decoded))
		if err := x.flush(ctx); err != nil { // what is written already is not written again with its block
			return err
		}
		if err := x.store.SaveMissed(ctx, x.chainID, x.contracts, decoded); err != nil {
			return err
		}
	}
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
