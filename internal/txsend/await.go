package txsend

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// await sends released transactions, which come by nonce, until the outcome of each is final, and journals the outcomes. The
// error is a RevertedError if one of them reverted; the others are awaited all the same, since they are under way.
func (s *Sender) await(ctx context.Context, entries []rollout.Transaction) error {
	var reverted error
	pushed := time.Now()
	ticker := time.NewTicker(s.cfg.Poll)
	defer ticker.Stop()
	for {
		n, err := s.finish(ctx, entries)
		entries = entries[n:]
		var revert *RevertedError
		switch {
		case errors.As(err, &revert):
			reverted = errors.Join(reverted, err)
			continue
		case err != nil:
			return err
		case len(entries) == 0:
			return reverted
		}
		// what a node has taken it may have forgotten
		all := time.Since(pushed) > s.cfg.Rebroadcast
		if err := s.push(ctx, entries, all); err != nil {
			return err
		}
		if all {
			pushed = time.Now()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s on %s: %w", entries[0].Step, s.cfg.Chain.Name(), ctx.Err())
		case <-ticker.C:
		}
	}
}

// finish journals the outcomes that are final, in order, and returns of how many transactions. It stops at the first that
// reverted.
func (s *Sender) finish(ctx context.Context, entries []rollout.Transaction) (int, error) {
	for i, e := range entries {
		receipt, err := s.look(ctx, e)
		if err != nil || receipt == nil {
			return i, err
		}
		if err := s.record(ctx, e, *receipt); err != nil {
			return i + 1, err
		}
	}
	return len(entries), nil
}

// look returns the receipt once it is final by the network's confirmation rule, nil before.
func (s *Sender) look(ctx context.Context, entry rollout.Transaction) (*chain.Receipt, error) {
	// the head is read first: a receipt read after it is at least as deep as it seems
	head, err := s.cfg.Chain.Head(ctx)
	if err != nil {
		return nil, err
	}
	receipt, err := s.cfg.Chain.Receipt(ctx, entry.Hash)
	if errors.Is(err, ethereum.NotFound) {
		return nil, nil //nolint:nilnil // no receipt yet is an ordinary answer
	}
	if err != nil {
		return nil, err
	}
	if head.Number+1 < receipt.Block.Number+s.cfg.Confirmations {
		return nil, nil //nolint:nilnil // not deep enough
	}
	return &receipt, nil
}

// push sends transactions in the order of their nonces: those that no node has taken from this process yet, or all. If the
// first is refused, that is the error. A later one may be refused because the ones before it are not in a block yet, by a
// node that holds few of one account: it is sent again when they are.
func (s *Sender) push(ctx context.Context, entries []rollout.Transaction, all bool) error {
	for i, e := range entries {
		if s.sent[e.ID] && !all {
			continue
		}
		if err := s.broadcast(ctx, e); err != nil {
			if i == 0 {
				return err
			}
			return ctx.Err()
		}
		if !s.sent[e.ID] {
			s.sent[e.ID] = true
			s.cfg.Sent(e)
		}
	}
	return nil
}

func (s *Sender) broadcast(ctx context.Context, entry rollout.Transaction) error {
	var tx types.Transaction
	if err := tx.UnmarshalBinary(entry.Raw); err != nil {
		return fmt.Errorf("journal entry %d is not a transaction: %w", entry.ID, err)
	}
	if err := s.cfg.Check(ctx, &tx); err != nil {
		return fmt.Errorf("%s: %w", entry.Step, err)
	}
	if err := s.cfg.Chain.Send(ctx, &tx); err != nil {
		if s.taken(ctx, entry, err) == nil {
			return nil
		}
		// refused perhaps by a state of the chain that a reorganisation has just ended: once more, and then for good
		if again := s.cfg.Chain.Send(ctx, &tx); again != nil {
			return s.taken(ctx, entry, again)
		}
	}
	return nil
}

// taken explains why a transaction was refused: nil if it is in a block already, so that its receipt will tell.
func (s *Sender) taken(ctx context.Context, entry rollout.Transaction, refusal error) error {
	_, err := s.cfg.Chain.Receipt(ctx, entry.Hash)
	if err == nil {
		return nil
	}
	if !errors.Is(err, ethereum.NotFound) {
		return fmt.Errorf("%s: %w", entry.Step, errors.Join(refusal, err))
	}
	nonce, err := s.cfg.Chain.Nonce(ctx, s.Address())
	if err != nil {
		return fmt.Errorf("%s: %w", entry.Step, errors.Join(refusal, err))
	}
	if nonce <= entry.Nonce {
		return fmt.Errorf("%s: %w", entry.Step, refusal)
	}
	// no receipt, then a nonce that is used: unless it was mined between the two questions, it never can be
	if _, err := s.cfg.Chain.Receipt(ctx, entry.Hash); err == nil {
		return nil
	}
	return fmt.Errorf("%s: nonce %d of %s on %s was used by a transaction that is not in the journal; "+
		"find out who else has this key (%w)", entry.Step, entry.Nonce, s.Address(), s.cfg.Chain.Name(), refusal)
}

func (s *Sender) record(ctx context.Context, entry rollout.Transaction, r chain.Receipt) error {
	entry.Status = rollout.Confirmed
	if r.Status != types.ReceiptStatusSuccessful {
		entry.Status = rollout.Reverted
	}
	entry.BlockNumber, entry.BlockHash, entry.GasUsed = r.Block.Number, r.Block.Hash, r.GasUsed
	if err := s.cfg.Journal.Finish(ctx, entry); err != nil {
		return err
	}
	s.cfg.Final(entry)
	if entry.Status == rollout.Reverted {
		return &RevertedError{entry}
	}
	return nil
}
