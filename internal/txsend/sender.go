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
	HeadAt(ctx context.Context, number uint64) (rollout.Block, error)
	BlockByNumber(ctx context.Context, number *big.Int) (rollout.Block, error)
	NonceAt(ctx context.Context, at common.Hash, account common.Address) (uint64, error)
	BalanceAt(ctx context.Context, at common.Hash, account common.Address) (*big.Int, error)
	EstimateGasAt(ctx context.Context, number uint64, msg ethereum.CallMsg) (uint64, error)
	Simulate(ctx context.Context, at common.Hash, from common.Address, calls []ethereum.CallMsg) (out []chain.Simulated, exact bool, err error)
	Fees(ctx context.Context) (chain.Fees, error)
	DataGas(ctx context.Context, at common.Hash, msg ethereum.CallMsg) (uint64, error)
	DataFee(ctx context.Context, at common.Hash, raw []byte) (*big.Int, error)
	Send(ctx context.Context, tx *types.Transaction) error
	Receipt(ctx context.Context, hash common.Hash) (chain.Receipt, error)
	BaseFee(ctx context.Context, at common.Hash) (*big.Int, error)
}

// Signer signs for one account.
type Signer interface {
	Address() common.Address
	Sign(chainID uint64, tx *types.Transaction) (*types.Transaction, error)
}

// Journal keeps what was signed.
type Journal interface {
	Read(ctx context.Context, chainID uint64, signer common.Address) (rollout.Mark, error)
	Add(ctx context.Context, ts []rollout.Transaction, after rollout.Mark) ([]rollout.Transaction, error)
	Release(ctx context.Context, ts []rollout.Transaction) ([]rollout.Transaction, error)
	Void(ctx context.Context, ts []rollout.Transaction) error
	Replace(ctx context.Context, old, ts []rollout.Transaction) ([]rollout.Transaction, error)
	Finish(ctx context.Context, t rollout.Transaction) error
	Lose(ctx context.Context, t rollout.Transaction) error
	// Held tells whether this process may still send for the signer on the network: the error is rollout.ErrFenced if another one may.
	Held(ctx context.Context) error
}

// Config of a sender.
type Config struct {
	Chain         Chain
	Relays        Relays // nil if transactions go to Chain; otherwise none ever does
	Signer        Signer
	Journal       Journal
	Confirmations uint64        // blocks, the one with the transaction included
	GasCap        uint64        // of one transaction
	Poll          time.Duration // between looks for a receipt
	Rebroadcast   time.Duration // after which a transaction without receipt is sent again; 15 s if zero
	StuckAfter    time.Duration // after which one that is in no block is replaced by one that offers more; a minute if zero
	MaxFee        *big.Int      // wei a gas that a transaction may offer; nil if there is no ceiling
	// Careful sends one transaction of a sequence only, and so awaits each outcome before the next is decided.
	Careful bool
	// BatchDelay passes between the broadcasts of a sequence.
	BatchDelay time.Duration
	Mainnet    bool     // nothing is sent that no approved plan holds; so it is too if the catalogue says that it is a mainnet
	Approval   Approval // nil if no plan need hold anything, which on a mainnet means that nothing is sent
	// Check is asked before each broadcast, with what is about to be sent: a transaction that was journalled long ago may
	// not fit any more. It may be nil.
	Check func(ctx context.Context, tx *types.Transaction) error
	// Explain says in words what a call reverted with.
	Explain func(data []byte) string
	// Sent, Final, Stuck and Kept are told what happens: stuck is a transaction that cannot offer more, kept one whose predecessor
	// relays do not forget. They may be nil.
	Sent  func(rollout.Transaction)
	Final func(rollout.Transaction)
	Stuck func(rollout.Transaction, error)
	Kept  func(rollout.Transaction, error)
	// Timed is told how long parts of the work take; it may be nil.
	Timed func(Part)
}

// Sender sends the transactions of one account on one network. It is for one goroutine.
type Sender struct {
	cfg  Config
	sent map[int64]bool // journal entries that a node, or a relay, has taken from this process
	// forgotten are the journal entries for whose sake relays were asked to forget others
	forgotten map[int64]bool
	// exempt is asked in the place of Approval by a Pauser, which cannot wait for people: its error says why a transaction is not one that it may send
	exempt func(ctx context.Context, tx *types.Transaction) error
	// first is the journal entry that has been the first in no block since a time
	first struct {
		id    int64
		since time.Time
	}
}

// New returns a sender.
func New(cfg Config) *Sender {
	if cfg.Sent == nil {
		cfg.Sent = func(rollout.Transaction) {}
	}
	if cfg.Final == nil {
		cfg.Final = func(rollout.Transaction) {}
	}
	if cfg.Stuck == nil {
		cfg.Stuck = func(rollout.Transaction, error) {}
	}
	if cfg.Kept == nil {
		cfg.Kept = func(rollout.Transaction, error) {}
	}
	if cfg.StuckAfter == 0 {
		cfg.StuckAfter = time.Minute
	}
	if cfg.Check == nil {
		cfg.Check = func(context.Context, *types.Transaction) error { return nil }
	}
	if cfg.Rebroadcast == 0 {
		cfg.Rebroadcast = 15 * time.Second
	}
	return &Sender{cfg: cfg, sent: map[int64]bool{}, forgotten: map[int64]bool{}}
}

// Address is the account.
func (s *Sender) Address() common.Address { return s.cfg.Signer.Address() }

// Use sets the journal from now on: it is under the lease that is held on the nonces of the account.
func (s *Sender) Use(j Journal) { s.cfg.Journal = j }

// Settle makes void what was signed and never released, brings every other open transaction of the journal to its final
// outcome, and returns where the journal stands then.
func (s *Sender) Settle(ctx context.Context) (rollout.Mark, error) {
	for {
		mark, err := s.cfg.Journal.Read(ctx, s.cfg.Chain.ChainID(), s.Address())
		if err != nil {
			return rollout.Mark{}, err
		}
		if len(mark.Open) == 0 {
			return mark, nil
		}
		var signed, released []rollout.Transaction
		for _, t := range mark.Open {
			if t.Status == rollout.Signed {
				signed = append(signed, t)
			} else {
				released = append(released, t)
			}
		}
		if len(signed) > 0 {
			// stale: another process released or took back some of them, so look again
			if err := s.cfg.Journal.Void(ctx, signed); err != nil && !errors.Is(err, rollout.ErrStale) {
				return rollout.Mark{}, err
			}
			continue
		}
		if err := s.await(ctx, released); err != nil {
			return rollout.Mark{}, err
		}
	}
}

// Send simulates intents as a sequence, signs, journals and sends those that succeed, and waits until their outcomes are
// final. If the first does not succeed, the error is a RefusedError or a GasCapError, and nothing is signed. after is what
// Settle returned before the decision to send; if the journal moved since, the error is rollout.ErrStale.
func (s *Sender) Send(ctx context.Context, ins []rollout.Intent, after rollout.Mark) error {
	if s.cfg.Careful {
		ins = ins[:1]
	}
	at, err := s.head(ctx, after)
	if err != nil {
		return err
	}
	simulated := s.timed("simulate")
	quote, err := s.Quote(ctx, at, ins)
	if err != nil {
		simulated(intended(ins[:1]), common.Hash{}, err)
		return err
	}
	if len(quote.Gas) == 0 {
		simulated(intended(ins[:1]), common.Hash{}, quote.Behind)
		return s.unlessStale(ctx, after, quote.Behind)
	}
	simulated(intended(ins[:len(quote.Gas)]), common.Hash{}, nil)
	if err := s.affords(quote, ins); err != nil {
		return err
	}
	txs, err := s.sign(ctx, at, ins[:len(quote.Gas)], quote, after)
	if err != nil {
		return err
	}
	added := s.timedOn("journal", txs)
	entries, err := s.cfg.Journal.Add(ctx, txs, after)
	added(err)
	if err != nil {
		return err
	}
	return s.release(ctx, entries)
}

// head is the newest block of an endpoint that has seen what is final.
func (s *Sender) head(ctx context.Context, after rollout.Mark) (rollout.Block, error) {
	at, err := s.cfg.Chain.HeadAt(ctx, after.MinBlock)
	if err != nil {
		return at, err
	}
	if at.Number < after.MinBlock {
		return at, fmt.Errorf("%w that has reached block %d of %s", rollout.ErrUnavailable, after.MinBlock, s.cfg.Chain.Name())
	}
	return at, nil
}

func (s *Sender) affords(q Quote, ins []rollout.Intent) error {
	if q.Balance.Cmp(q.Cost) >= 0 {
		return nil
	}
	what := ins[0].Step
	if n := len(q.Gas); n > 1 {
		what = fmt.Sprintf("%s and %d more", what, n-1)
	}
	return fmt.Errorf("%s has %s wei on %s, %s may cost %s wei: fund it", s.Address(), q.Balance, s.cfg.Chain.Name(), what, q.Cost)
}

// sign makes one transaction of each intent, with consecutive nonces.
func (s *Sender) sign(
	ctx context.Context, at rollout.Block, ins []rollout.Intent, q Quote, after rollout.Mark,
) ([]rollout.Transaction, error) {
	nonce, err := s.nextNonce(ctx, at, after)
	if err != nil {
		return nil, err
	}
	var out []rollout.Transaction
	for i, in := range ins {
		t, err := s.signed(ctx, in.Step, unsigned(s.cfg.Chain.ChainID(), nonce+uint64(i), q.Gas[i], in.To, in.Data, q.Fees))
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// signed is a journal entry of a transaction, if it may be sent.
func (s *Sender) signed(ctx context.Context, step string, unsigned *types.Transaction) (_ rollout.Transaction, err error) {
	signed := s.timed("sign")
	var plan common.Hash
	defer func() { signed([]string{step}, plan, err) }()
	plan, err = s.approved(ctx, step, unsigned)
	if err != nil {
		return rollout.Transaction{}, err
	}
	tx, err := s.cfg.Signer.Sign(s.cfg.Chain.ChainID(), unsigned)
	if err != nil {
		return rollout.Transaction{}, fmt.Errorf("sign %s: %w", step, err)
	}
	raw, err := tx.MarshalBinary()
	if err != nil {
		return rollout.Transaction{}, fmt.Errorf("encode %s: %w", step, err)
	}
	return rollout.Transaction{
		ChainID: s.cfg.Chain.ChainID(), Signer: s.Address(), Nonce: tx.Nonce(), Step: step, Hash: tx.Hash(), Raw: raw, Plan: plan,
	}, nil
}

// unlessStale returns err, unless another process has sent something meanwhile: then it may be only that what was decided is
// done already.
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

// ForeignNonceError says that an account has sent what is not in the journal. Nothing more is sent for it.
type ForeignNonceError struct {
	Account        common.Address
	Network        string
	Journal, Chain uint64 // nonces used
}

func (e *ForeignNonceError) Error() string {
	return fmt.Sprintf("%s has used %d nonces on %s, the journal knows of %d: find out who else has this key; if it was you, "+
		"lockstep transaction adopt accepts them", e.Account, e.Chain, e.Network, e.Journal)
}

// TakenBackError says that nonces are free on the chain that the journal holds as used for good. Nothing more is sent for the account.
type TakenBackError struct {
	Account        common.Address
	Network        string
	Journal, Chain uint64 // nonces used
}

func (e *TakenBackError) Error() string {
	return fmt.Sprintf("%s has used %d nonces on %s by the journal, %d by the chain: an endpoint lags; or a reorganisation took back what was final by "+
		"the network's confirmation rule, which lockstep transaction adopt accepts; or the network was reset (then use another journal)",
		e.Account, e.Journal, e.Network, e.Chain)
}

// nextNonce is the chain's, which must be the journal's as well once the journal knows the account.
func (s *Sender) nextNonce(ctx context.Context, at rollout.Block, after rollout.Mark) (uint64, error) {
	nonce, err := s.cfg.Chain.NonceAt(ctx, at.Hash, s.Address())
	if err != nil {
		return 0, err
	}
	switch {
	case !after.Known: // what the account did before is its own business
	case nonce < after.NextNonce:
		return 0, &TakenBackError{s.Address(), s.cfg.Chain.Name(), after.NextNonce, nonce}
	case nonce > after.NextNonce:
		// another process on this journal may have been faster
		return 0, s.unlessStale(ctx, after, &ForeignNonceError{s.Address(), s.cfg.Chain.Name(), after.NextNonce, nonce})
	}
	return nonce, nil
}

// release sends the first of a sequence, which is released already, then releases and sends the others, and waits for all
// outcomes.
func (s *Sender) release(ctx context.Context, entries []rollout.Transaction) error {
	out, rest := entries[:1:1], entries[1:]
	if len(rest) == 0 {
		return s.await(ctx, out)
	}
	if s.cfg.Relays != nil && s.cfg.BatchDelay == 0 {
		// relays take them together, so that they land together or not at all
		released, err := s.cfg.Journal.Release(ctx, rest)
		if err != nil {
			return errors.Join(err, s.await(ctx, out))
		}
		return s.await(ctx, append(out, released...))
	}
	switch err := s.push(ctx, out, false); {
	case underpriced(err): // it is replaced; the others, which offer as little, are made void and decided again
		return errors.Join(rollout.ErrStale, s.await(ctx, out))
	case err != nil:
		return err // what is not released is made void when the journal is settled
	}
	for len(rest) > 0 {
		next := rest
		if s.cfg.BatchDelay > 0 {
			next = rest[:1]
			if err := s.sleep(ctx, s.cfg.BatchDelay, next[0]); err != nil {
				return err
			}
		}
		released, err := s.cfg.Journal.Release(ctx, next)
		if err != nil {
			// another process has made them void: it waits for what is sent, and so does this one before it decides again
			return errors.Join(err, s.await(ctx, out))
		}
		out, rest = append(out, released...), rest[len(next):]
		if err := s.push(ctx, out, false); err != nil {
			return err
		}
	}
	return s.await(ctx, out)
}

func (s *Sender) sleep(ctx context.Context, d time.Duration, next rollout.Transaction) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return fmt.Errorf("%s on %s: %w", next.Step, s.cfg.Chain.Name(), ctx.Err())
	case <-t.C:
		return nil
	}
}
