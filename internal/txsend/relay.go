package txsend

import (
	"context"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// Relays takes signed transactions to where blocks are made, in the place of Chain.Send: a relay.Router does. What they say decides
// nothing; receipts do.
type Relays interface {
	// Push sees to it that relays have transactions with consecutive nonces, for blocks up to last.
	Push(ctx context.Context, txs []*types.Transaction, head, last uint64) error
	// Land is told which transaction is final, in which block, and what a gas of it cost.
	Land(ctx context.Context, hash common.Hash, block uint64, gasPrice, baseFee *big.Int) error
	// Cancel asks relays to forget transactions that others replace.
	Cancel(ctx context.Context, txs []*types.Transaction) error
}

// relayBlocks is for how many blocks relays are given a transaction; then it is given anew.
const relayBlocks = 25

// relayed gives relays the transactions that are in no block, and lets them forget what those replace. Each is asked for before, as
// before a broadcast.
func (s *Sender) relayed(ctx context.Context, entries []rollout.Transaction) error {
	head, err := s.cfg.Chain.Head(ctx)
	if err != nil {
		return err
	}
	// a later one can be in a block only if those before it are
	for len(entries) > 0 {
		in, err := s.inBlock(ctx, entries[0])
		if err != nil {
			return err
		}
		if !in {
			break
		}
		entries = entries[1:]
	}
	var txs []*types.Transaction
	for i, e := range entries {
		tx, err := s.sendable(ctx, e)
		if err != nil && i == 0 {
			return err
		}
		if err != nil { // it is asked for again when those before it are in a block
			entries = entries[:i]
			break
		}
		txs = append(txs, tx)
	}
	if len(txs) == 0 {
		return ctx.Err()
	}
	pushed := s.timedOn("broadcast", s.unsent(entries))
	err = s.cfg.Relays.Push(ctx, txs, head.Number, head.Number+relayBlocks)
	pushed(err)
	if err != nil {
		return s.taken(ctx, entries[0], err)
	}
	for _, e := range entries {
		if !s.sent[e.ID] {
			s.sent[e.ID] = true
			s.cfg.Sent(e)
		}
	}
	return s.forget(ctx, entries)
}

// forget asks relays once to forget what the first transactions have replaced. That they do not is no failure: it may land until its
// nonce is used, and the receipt tells.
func (s *Sender) forget(ctx context.Context, entries []rollout.Transaction) error {
	var old []*types.Transaction
	for _, e := range entries {
		if len(e.Earlier) == 0 || s.forgotten[e.ID] {
			break
		}
		tx, err := decoded(e.Earlier[len(e.Earlier)-1])
		if err != nil {
			return err
		}
		old = append(old, tx)
		s.forgotten[e.ID] = true
	}
	if len(old) == 0 {
		return nil
	}
	if err := s.cfg.Relays.Cancel(ctx, old); err != nil {
		s.cfg.Kept(entries[0], err)
	}
	return nil
}

// sendable is a transaction of the journal, if it may be sent now.
func (s *Sender) sendable(ctx context.Context, entry rollout.Transaction) (*types.Transaction, error) {
	tx, err := decoded(entry)
	if err != nil {
		return nil, err
	}
	if _, err := s.approved(ctx, entry.Step, tx); err != nil {
		return nil, err
	}
	if err := s.cfg.Check(ctx, tx); err != nil {
		return nil, fmt.Errorf("%s: %w", entry.Step, err)
	}
	// last, since this process may have slept, and another one may have decided something else
	if err := s.cfg.Journal.Held(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w", entry.Step, err)
	}
	return tx, nil
}

func decoded(entry rollout.Transaction) (*types.Transaction, error) {
	var tx types.Transaction
	if err := tx.UnmarshalBinary(entry.Raw); err != nil {
		return nil, fmt.Errorf("journal entry %d is not a transaction: %w", entry.ID, err)
	}
	return &tx, nil
}

// landed tells relays, if there are any, what a transaction that is final cost.
func (s *Sender) landed(ctx context.Context, entry rollout.Transaction, r chain.Receipt) error {
	if s.cfg.Relays == nil {
		return nil
	}
	base, err := s.cfg.Chain.BaseFee(ctx, r.Block.Hash)
	if err != nil {
		return err
	}
	return s.cfg.Relays.Land(ctx, entry.Hash, r.Block.Number, r.EffectiveGasPrice, base)
}
