package txsend

import (
	"context"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// Dropping begins the step of a transaction that does nothing, in the place of the one that the rest names.
const Dropping = "drop: "

// Drop takes released transactions, which come by nonce, back in the only way there is: for each, one that does nothing is
// sent with its nonce, and offers more. One whose nonce somebody else has used for good is dropped as it is.
func (s *Sender) Drop(ctx context.Context, entries []rollout.Transaction) error {
	at, err := s.cfg.Chain.Head(ctx)
	if err != nil {
		return err
	}
	if entries, err = s.lose(ctx, at, entries); err != nil || len(entries) == 0 {
		return err
	}
	now, err := s.fees(ctx)
	if err != nil {
		return err
	}
	self := s.Address()
	gas, err := s.cfg.Chain.EstimateGasAt(ctx, at.Number, ethereum.CallMsg{From: self, To: &self})
	if err != nil {
		return fmt.Errorf("drop %s: %w", entries[0].Step, err)
	}
	var nothing []rollout.Transaction
	for _, e := range entries {
		var tx types.Transaction
		if err := tx.UnmarshalBinary(e.Raw); err != nil {
			return fmt.Errorf("journal entry %d is not a transaction: %w", e.ID, err)
		}
		// whoever takes it back may offer what it takes
		most := s.cfg.MaxFee
		if most == nil {
			most = new(big.Int).Mul(greatest(tx.GasFeeCap(), now.Cap), big.NewInt(10))
		}
		f, err := bumped(&tx, now, most)
		if err != nil {
			return fmt.Errorf("%s: %w", e.Step, err)
		}
		t, err := s.signed(ctx, Dropping+e.Step, unsigned(s.cfg.Chain.ChainID(), e.Nonce, margin(gas), self, nil, f))
		if err != nil {
			return err
		}
		nothing = append(nothing, t)
	}
	journalled, err := s.cfg.Journal.Replace(ctx, entries, nothing)
	if err != nil {
		return err
	}
	return s.await(ctx, journalled)
}

// lose journals that some of the transactions can never land, and returns the others: their nonces are used, by the network's
// confirmation rule, and none of those with such a nonce is in a block.
func (s *Sender) lose(ctx context.Context, at rollout.Block, entries []rollout.Transaction) (left []rollout.Transaction, err error) {
	deep := at
	if back := s.cfg.Confirmations - 1; back > 0 {
		number := new(big.Int).SetUint64(at.Number - min(at.Number, back))
		if deep, err = s.cfg.Chain.BlockByNumber(ctx, number); err != nil {
			return nil, err
		}
	}
	used, err := s.cfg.Chain.NonceAt(ctx, deep.Hash, s.Address())
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		in, err := s.inBlock(ctx, e)
		if err != nil {
			return nil, err
		}
		if in || e.Nonce >= used {
			left = append(left, e)
			continue
		}
		if err := s.cfg.Journal.Lose(ctx, e); err != nil {
			return nil, err
		}
	}
	return left, nil
}
