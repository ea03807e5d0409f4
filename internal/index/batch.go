package index

import (
	"github.com/seed-b6a97670/lockstep/internal/event"
)

// batch gathers what is to be written at once.
type batch struct{ event.Batch }

func newBatch(chainID uint64, contracts []event.Contract, from uint64) *batch {
	return &batch{event.Batch{ChainID: chainID, Contracts: contracts, From: from}}
}

// add appends a range that follows.
func (b *batch) add(r read) {
	for i := range r.logs {
		if block := &r.logs[i].Block; len(b.Blocks) == 0 || b.Blocks[len(b.Blocks)-1].Number != block.Number {
			b.Blocks = append(b.Blocks, event.Header{Block: *block})
		}
	}
	if len(b.Blocks) == 0 || b.Blocks[len(b.Blocks)-1].Number != r.to {
		b.Blocks = append(b.Blocks, r.last)
	}
	if len(b.Logs) == 0 {
		b.Logs = r.logs
	} else {
		b.Logs = append(b.Logs, r.logs...)
	}
	b.To = r.to
}

// parts cuts a batch at blocks so that each holds about so many rows as are written at once.
func (b *batch) parts() (out []event.Batch) {
	rest := b.Batch
	for len(rest.Logs) > rowsPerWrite*3/2 {
		n := rowsPerWrite
		for n < len(rest.Logs) && rest.Logs[n].Block.Number == rest.Logs[n-1].Block.Number {
			n++
		}
		if n == len(rest.Logs) {
			break
		}
		part := rest
		part.To = rest.Logs[n-1].Block.Number
		blocks := 0
		for blocks < len(rest.Blocks) && rest.Blocks[blocks].Number <= part.To {
			blocks++
		}
		part.Logs, part.Blocks = rest.Logs[:n], rest.Blocks[:blocks]
		rest.Logs, rest.Blocks, rest.From = rest.Logs[n:], rest.Blocks[blocks:], part.To+1
		out = append(out, part)
	}
	return append(out, rest)
}
