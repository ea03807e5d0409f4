package txsend

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// await sends released transactions, which come by nonce, until the outcome of each is final, and journals the outcomes. What
// stays in no block for long is replaced by what offers more. The error is a RevertedError if one of them reverted; the others
// are awaited all the same, since they are under way.
func (s *Sender) await(ctx context.Context, entries []rollout.Transaction) error {
	var reverted error
	pushed := time.Now()  // all were sent
	var refused time.Time // the first was, for what it offers, and cannot offer more
	ticker := time.NewTicker(s.cfg.Poll)
	defer ticker.Stop()
	for {
		n, mined, err := s.finish(ctx, entries)
		entries = entries[n:]
		var revert *rollout.RevertedError
		switch {
		case errors.As(err, &revert):
			reverted = errors.Join(reverted, err)
			continue
		case err != nil:
			return err
		case len(entries) == 0:
			return reverted
		}
		stuck := s.stuck(entries[0], mined)
		if time.Since(refused) > s.cfg.Rebroadcast {
			// what a node has taken it may have forgotten
			all := time.Since(pushed) > s.cfg.Rebroadcast
			if all {
				pushed = time.Now()
			}
			before := entries[0].ID
			if entries, err = s.offer(ctx, entries, all, stuck); err != nil {
				return err
			}
			if entries[0].ID != before {
				continue // at once to the nodes
			}
			refused = time.Time{}
			if !s.sent[before] {
				refused = time.Now()
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s on %s: %w", entries[0].Step, s.cfg.Chain.Name(), ctx.Err())
		case <-ticker.C:
		}
	}
}

// stuck tells whether a transaction has been the first of its account that is in no block for too long. What interrupts the
// waiting, such as an endpoint that fails, does not begin it anew.
func (s *Sender) stuck(first rollout.Transaction, mined bool) bool {
	if mined || s.first.id != first.ID {
		s.first.id, s.first.since = first.ID, time.Now()
	}
	return time.Since(s.first.since) > s.cfg.StuckAfter
}

// offer sends transactions, and replaces those that are stuck, or that a node refuses for what they offer.
func (s *Sender) offer(ctx context.Context, entries []rollout.Transaction, all, stuck bool) ([]rollout.Transaction, error) {
	err := s.push(ctx, entries, all)
	switch {
	case err == nil && !stuck:
		return entries, nil
	case err != nil && !underpriced(err):
		return entries, err
	case replaces(err) && len(entries[0].Earlier) == 0:
		return entries, s.unlessMoved(ctx, entries[0], fmt.Errorf("%w: nonce %d of %s on %s is used by a transaction that waits for a "+
			"block and is not in the journal; find out who else has this key", err, entries[0].Nonce, s.Address(), s.cfg.Chain.Name()))
	}
	if err := s.unlessTakenBack(ctx); err != nil {
		return entries, err
	}
	s.first.since = time.Now()
	return s.replace(ctx, entries, err)
}

// unlessTakenBack returns a TakenBackError if nonces before the first open one are free on the chain: the journal holds them as used for good. What
// comes after them waits for them, whatever it offers.
func (s *Sender) unlessTakenBack(ctx context.Context) error {
	mark, err := s.cfg.Journal.Read(ctx, s.cfg.Chain.ChainID(), s.Address())
	if err != nil || len(mark.Open) == 0 {
		return err
	}
	at, err := s.cfg.Chain.HeadAt(ctx, mark.MinBlock)
	if err != nil {
		return err
	}
	nonce, err := s.cfg.Chain.NonceAt(ctx, at.Hash, s.Address())
	if err == nil && nonce < mark.Open[0].Nonce {
		return &TakenBackError{s.Address(), s.cfg.Chain.Name(), mark.Open[0].Nonce, nonce}
	}
	return err
}

// unlessMoved returns err, unless another process on this journal has replaced the transaction, or seen its outcome: then it is
// rollout.ErrStale.
func (s *Sender) unlessMoved(ctx context.Context, entry rollout.Transaction, err error) error {
	now, readErr := s.cfg.Journal.Read(ctx, s.cfg.Chain.ChainID(), s.Address())
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	if !slices.ContainsFunc(now.Open, func(t rollout.Transaction) bool { return t.ID == entry.ID }) {
		return fmt.Errorf("%w: %w", rollout.ErrStale, err)
	}
	return err
}

// underpriced recognises the ways in which nodes say that a transaction offers too little.
func underpriced(err error) bool {
	var unapproved *UnapprovedError // it names the step, in whatever words
	if err == nil || errors.Is(err, rollout.ErrStale) || errors.As(err, &unapproved) {
		return false
	}
	text := strings.ToLower(err.Error())
	for _, phrase := range []string{
		"underpriced", "gas price below", "less than block base fee", // geth, besu, anvil
		"feetoolow", "fee too low", "gas price too low", "feecap too low", // nethermind, erigon
	} {
		if strings.Contains(text, phrase) {
			return true
		}
	}
	return false
}

// replaces tells whether a node refused a transaction because it holds another one with its nonce, which offers more.
func replaces(err error) bool {
	return underpriced(err) && strings.Contains(strings.ToLower(err.Error()), "replacement")
}

// finish journals the outcomes that are final, in order, and returns of how many transactions, and whether the next one is in
// a block. It stops at the first that reverted.
func (s *Sender) finish(ctx context.Context, entries []rollout.Transaction) (n int, mined bool, err error) {
	// the head is read first: a receipt read after it is at least as deep as it seems
	head, err := s.cfg.Chain.Head(ctx)
	if err != nil {
		return 0, false, err
	}
	for i, e := range entries {
		landed, receipt, final, err := s.look(ctx, head, e)
		if err != nil || !final {
			return i, receipt != nil, err
		}
		if err := s.record(ctx, landed, *receipt); err != nil {
			return i + 1, true, err
		}
	}
	return len(entries), true, nil
}

// look returns which of the transactions with one nonce is in a block, its receipt, and whether that is final by the
// network's confirmation rule. The receipt is nil if none is in a block.
func (s *Sender) look(
	ctx context.Context, head rollout.Block, entry rollout.Transaction,
) (landed rollout.Transaction, r *chain.Receipt, final bool, err error) {
	for _, t := range candidates(entry) {
		receipt, err := s.cfg.Chain.Receipt(ctx, t.Hash)
		if errors.Is(err, ethereum.NotFound) {
			continue
		}
		if err != nil {
			return t, nil, false, err
		}
		return t, &receipt, head.Number+1 >= receipt.Block.Number+s.cfg.Confirmations, nil
	}
	return entry, nil, false, nil
}

// candidates are all the transactions that may use a nonce, the newest first.
func candidates(entry rollout.Transaction) []rollout.Transaction {
	out := []rollout.Transaction{entry}
	for _, t := range slices.Backward(entry.Earlier) {
		out = append(out, t)
	}
	return out
}

// push sends transactions in the order of their nonces: those that no node has taken from this process yet, or all. If the
// first is refused, that is the error. A later one may be refused because the ones before it are not in a block yet, by a
// node that holds few of one account: it is sent again when they are. Relays know themselves what they have.
func (s *Sender) push(ctx context.Context, entries []rollout.Transaction, all bool) error {
	if s.cfg.Relays != nil {
		return s.relayed(ctx, entries)
	}
	for i, e := range entries {
		if s.sent[e.ID] && !all {
			continue
		}
		sent := s.timedOn("broadcast", s.unsent(entries[i:i+1]))
		err := s.broadcast(ctx, e)
		sent(err)
		if err != nil {
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
	tx, err := s.sendable(ctx, entry)
	if err != nil {
		return err
	}
	if err := s.cfg.Chain.Send(ctx, tx); err != nil {
		if s.taken(ctx, entry, err) == nil {
			return nil
		}
		// refused perhaps by a state of the chain that a reorganisation has just ended: once more, and then for good
		if again := s.cfg.Chain.Send(ctx, tx); again != nil {
			return s.taken(ctx, entry, again)
		}
	}
	return nil
}

// taken explains why a transaction was refused: nil if it, or one that it replaces, is in a block already, so that its receipt
// will tell.
func (s *Sender) taken(ctx context.Context, entry rollout.Transaction, refusal error) error {
	if in, err := s.inBlock(ctx, entry); in || err != nil {
		return wrapped(entry, refusal, err)
	}
	head, err := s.cfg.Chain.Head(ctx)
	if err != nil {
		return wrapped(entry, refusal, err)
	}
	nonce, err := s.cfg.Chain.NonceAt(ctx, head.Hash, s.Address())
	if err != nil {
		return wrapped(entry, refusal, err)
	}
	if nonce <= entry.Nonce {
		return fmt.Errorf("%s: %w", entry.Step, refusal)
	}
	// no receipt, then a nonce that is used: unless it was mined between the two questions, it never can be
	if in, err := s.inBlock(ctx, entry); in || err != nil {
		return wrapped(entry, refusal, err)
	}
	return s.unlessMoved(ctx, entry, fmt.Errorf("%s: nonce %d of %s on %s was used by a transaction that is not in the journal; "+
		"find out who else has this key (%w)", entry.Step, entry.Nonce, s.Address(), s.cfg.Chain.Name(), refusal))
}

// wrapped is nil without err.
func wrapped(entry rollout.Transaction, refusal, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", entry.Step, errors.Join(refusal, err))
}

// inBlock tells whether one of the transactions with a nonce is in a block.
func (s *Sender) inBlock(ctx context.Context, entry rollout.Transaction) (bool, error) {
	for _, t := range candidates(entry) {
		_, err := s.cfg.Chain.Receipt(ctx, t.Hash)
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, ethereum.NotFound) {
			return false, err
		}
	}
	return false, nil
}

func (s *Sender) record(ctx context.Context, entry rollout.Transaction, r chain.Receipt) error {
	entry.Status = rollout.Confirmed
	if r.Status != types.ReceiptStatusSuccessful {
		entry.Status = rollout.Reverted
	}
	entry.BlockNumber, entry.BlockHash, entry.GasUsed = r.Block.Number, r.Block.Hash, r.GasUsed
	if err := s.landed(ctx, entry, r); err != nil {
		return err
	}
	if err := s.cfg.Journal.Finish(ctx, entry); err != nil {
		return err
	}
	s.cfg.Final(entry)
	if entry.Status == rollout.Reverted {
		return &rollout.RevertedError{Transaction: entry}
	}
	return nil
}
