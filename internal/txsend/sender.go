// Package txsend is the only package that broadcasts transactions.
//
// A transaction is estimated, signed and journalled with its nonce before it is sent; from then on it is that very
// transaction that is sent again, after a crash too, until the network's confirmation rule makes its outcome final.
//
//	estimate ─► sign ─► journal ─► broadcast ─► receipt ─► confirmations ─► journal the outcome
//	(refused:            ▲             ▲            │ vanishes in a reorg
//	 nothing sent)       │             └────────────┘
//	              a crash after this point loses nothing
package txsend

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// Chain is what a sender needs of a network.
type Chain interface {
	Name() string
	ChainID() uint64
	Head(ctx context.Context) (rollout.Block, error)
	Nonce(ctx context.Context, account common.Address) (uint64, error)
	Balance(ctx context.Context, account common.Address) (*big.Int, error)
	EstimateGas(ctx context.Context, msg ethereum.CallMsg) (uint64, error)
	Fees(ctx context.Context) (tip, feeCap *big.Int, err error)
	Send(ctx context.Context, tx *types.Transaction) error
	Receipt(ctx context.Context, hash common.Hash) (chain.Receipt, error)
}

// Signer signs for one account.
type Signer interface {
	Address() common.Address
	Sign(chainID uint64, tx *types.Transaction) (*types.Transaction, error)
}

// Journal keeps what was signed.
type Journal interface {
	Read(ctx context.Context, chainID uint64, signer common.Address) (rollout.Mark, error)
	Add(ctx context.Context, t rollout.Transaction, after rollout.Mark) (rollout.Transaction, error)
	Finish(ctx context.Context, t rollout.Transaction) error
}

// Config of a sender.
type Config struct {
	Chain         Chain
	Signer        Signer
	Journal       Journal
	Confirmations uint64        // blocks, the one with the transaction included
	GasCap        uint64        // of one transaction
	Poll          time.Duration // between looks for a receipt
	Rebroadcast   time.Duration // after which a transaction without receipt is sent again; 15 s if zero
	// Check is asked before each broadcast, with what is about to be sent: a transaction that was journalled long ago may
	// not fit any more. It may be nil.
	Check func(ctx context.Context, tx *types.Transaction) error
	// Explain says in words what a call reverted with.
	Explain func(data []byte) string
	// Sent and Final are told what happens. They may be nil.
	Sent  func(rollout.Transaction)
	Final func(rollout.Transaction)
}

// Sender sends the transactions of one account on one network, one after another.
type Sender struct {
	cfg Config
}

// New returns a sender.
func New(cfg Config) *Sender {
	if cfg.Sent == nil {
		cfg.Sent = func(rollout.Transaction) {}
	}
	if cfg.Final == nil {
		cfg.Final = func(rollout.Transaction) {}
	}
	if cfg.Rebroadcast == 0 {
		cfg.Rebroadcast = 15 * time.Second
	}
	return &Sender{cfg}
}

// Address is the account.
func (s *Sender) Address() common.Address { return s.cfg.Signer.Address() }

// RefusedError says that a transaction would revert; nothing was signed or sent.
type RefusedError struct {
	Step   string
	Reason string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s would be refused: %s; nothing was sent", e.Step, e.Reason)
}

// RevertedError says that a transaction was mined and reverted.
type RevertedError struct {
	Transaction rollout.Transaction
}

func (e *RevertedError) Error() string {
	return fmt.Sprintf("%s: transaction %s reverted in block %d", e.Transaction.Step, e.Transaction.Hash, e.Transaction.BlockNumber)
}

// Settle brings every open transaction of the journal to its final outcome, and returns where the journal stands then.
func (s *Sender) Settle(ctx context.Context) (rollout.Mark, error) {
	for {
		mark, err := s.cfg.Journal.Read(ctx, s.cfg.Chain.ChainID(), s.Address())
		if err != nil {
			return rollout.Mark{}, err
		}
		if len(mark.Open) == 0 {
			return mark, nil
		}
		if err := s.finish(ctx, mark.Open[0]); err != nil {
			return rollout.Mark{}, err
		}
	}
}

// Send estimates, signs, journals and sends a transaction, and waits until its outcome is final. after is what Settle
// returned before the decision to send; if the journal moved since, the error is rollout.ErrStale.
func (s *Sender) Send(ctx context.Context, in rollout.Intent, after rollout.Mark) error {
	tx, err := s.prepare(ctx, in, after)
	if err != nil {
		return err
	}
	raw, err := tx.MarshalBinary()
	if err != nil {
		return fmt.Errorf("encode %s: %w", in.Step, err)
	}
	entry, err := s.cfg.Journal.Add(ctx, rollout.Transaction{
		ChainID: s.cfg.Chain.ChainID(), Signer: s.Address(), Nonce: tx.Nonce(), Step: in.Step, Hash: tx.Hash(), Raw: raw,
	}, after)
	if err != nil {
		return err
	}
	return s.finish(ctx, entry)
}

// Estimate returns the gas that an intent needs, or a RefusedError.
func (s *Sender) Estimate(ctx context.Context, in rollout.Intent) (uint64, error) {
	gas, err := s.cfg.Chain.EstimateGas(ctx, ethereum.CallMsg{From: s.Address(), To: &in.To, Data: in.Data})
	if err == nil {
		return gas, nil
	}
	if data, ok := chain.RevertData(err); ok {
		return 0, &RefusedError{in.Step, s.cfg.Explain(data)}
	}
	return 0, fmt.Errorf("%s: %w", in.Step, err)
}

func (s *Sender) prepare(ctx context.Context, in rollout.Intent, after rollout.Mark) (*types.Transaction, error) {
	gas, err := s.Estimate(ctx, in)
	var refused *RefusedError
	if errors.As(err, &refused) {
		return nil, s.unlessStale(ctx, after, err)
	}
	if err != nil {
		return nil, err
	}
	// a tenth more, for what other transactions of the block may change
	if gas += gas / 10; gas > s.cfg.GasCap {
		return nil, fmt.Errorf("%s needs %d gas, a transaction on %s may use %d: build with a smaller pageSize",
			in.Step, gas, s.cfg.Chain.Name(), s.cfg.GasCap)
	}
	tip, feeCap, err := s.cfg.Chain.Fees(ctx)
	if err != nil {
		return nil, err
	}
	balance, err := s.cfg.Chain.Balance(ctx, s.Address())
	if err != nil {
		return nil, err
	}
	if cost := new(big.Int).Mul(feeCap, new(big.Int).SetUint64(gas)); balance.Cmp(cost) < 0 {
		return nil, fmt.Errorf("%s has %s wei on %s, %s may cost %s wei: fund it", s.Address(), balance, s.cfg.Chain.Name(), in.Step, cost)
	}
	nonce, err := s.nextNonce(ctx, after)
	if err != nil {
		return nil, err
	}
	return s.cfg.Signer.Sign(s.cfg.Chain.ChainID(), types.NewTx(&types.DynamicFeeTx{
		ChainID: new(big.Int).SetUint64(s.cfg.Chain.ChainID()), Nonce: nonce, GasTipCap: tip, GasFeeCap: feeCap, Gas: gas,
		To: &in.To, Data: in.Data,
	}))
}

// unlessStale returns err, unless another process has sent something meanwhile: then the refusal may be only that what was
// decided is done already.
func (s *Sender) unlessStale(ctx context.Context, after rollout.Mark, err error) error {
	now, readErr := s.cfg.Journal.Read(ctx, s.cfg.Chain.ChainID(), s.Address())
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	if now.LastID != after.LastID {
		return fmt.Errorf("%w: %w", rollout.ErrStale, err)
	}
	return err
}

// nextNonce is the chain's, unless the chain does not yet know of what the journal holds as final.
func (s *Sender) nextNonce(ctx context.Context, after rollout.Mark) (uint64, error) {
	nonce, err := s.cfg.Chain.Nonce(ctx, s.Address())
	if err != nil {
		return 0, err
	}
	if nonce < after.NextNonce {
		return 0, fmt.Errorf("%s has used %d nonces on %s by the journal, %d by the chain: an endpoint lags, or the network "+
			"was reset (then use another journal)", s.Address(), after.NextNonce, s.cfg.Chain.Name(), nonce)
	}
	return nonce, nil
}

// finish sends a journalled transaction until its outcome is final, and journals that.
func (s *Sender) finish(ctx context.Context, entry rollout.Transaction) error {
	var tx types.Transaction
	if err := tx.UnmarshalBinary(entry.Raw); err != nil {
		return fmt.Errorf("journal entry %d is not a transaction: %w", entry.ID, err)
	}
	var sent time.Time
	ticker := time.NewTicker(s.cfg.Poll)
	defer ticker.Stop()
	for {
		receipt, err := s.look(ctx, entry)
		switch {
		case err != nil:
			return err
		case receipt != nil:
			return s.record(ctx, entry, *receipt)
		}
		if sent.IsZero() || time.Since(sent) > s.cfg.Rebroadcast {
			if err := s.broadcast(ctx, &tx, entry, sent.IsZero()); err != nil {
				return err
			}
			sent = time.Now()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s on %s: %w", entry.Step, s.cfg.Chain.Name(), ctx.Err())
		case <-ticker.C:
		}
	}
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

func (s *Sender) broadcast(ctx context.Context, tx *types.Transaction, entry rollout.Transaction, first bool) error {
	if s.cfg.Check != nil {
		if err := s.cfg.Check(ctx, tx); err != nil {
			return fmt.Errorf("%s: %w", entry.Step, err)
		}
	}
	err := s.cfg.Chain.Send(ctx, tx)
	if err != nil {
		if s.taken(ctx, entry, err) == nil {
			return nil
		}
		// refused perhaps by a state of the chain that a reorganisation has just ended: once more, and then for good
		if again := s.cfg.Chain.Send(ctx, tx); again != nil {
			return s.taken(ctx, entry, again)
		}
	}
	if first {
		s.cfg.Sent(entry)
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
