package txsend

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// Quote is what a sequence would do and cost.
type Quote struct {
	Gas     []uint64   // limit of each of the first intents, those that succeed and fit under the cap
	Behind  error      // why the intent behind them is not among them: a RefusedError or a GasCapError; nil if it was not tried
	Fees    chain.Fees // under the ceiling
	DataFee *big.Int   // wei, beside gas, for the data of all on another chain
	Cost    *big.Int   // wei, of all, at most
	Balance *big.Int   // wei, of the account
}

// RefusedError says that a transaction would revert; nothing was signed or sent.
type RefusedError struct {
	Step   string
	Reason string
	From   common.Address
	To     common.Address
	Call   []byte // data of the call
	Data   []byte // what it reverted with
	At     rollout.Block
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s would be refused: %s; nothing was sent", e.Step, e.Reason)
}

// GasCapError says that a transaction needs more gas than one may use on the network; nothing was signed or sent.
type GasCapError struct {
	Network, Step string
	Gas, Cap      uint64
}

func (e *GasCapError) Error() string {
	return fmt.Sprintf("%s needs %d gas, gasCap of %s is %d: raise it if the network allows that, or make pages smaller (pageSize), or split the contract",
		e.Step, e.Gas, e.Network, e.Cap)
}

// Quote simulates intents one after another on the state after a block. It needs no key.
func (s *Sender) Quote(ctx context.Context, at rollout.Block, ins []rollout.Intent) (Quote, error) {
	var q Quote
	var err error
	if q.Gas, q.Behind, err = s.limits(ctx, at, ins); err != nil {
		return q, err
	}
	if i := slices.IndexFunc(q.Gas, func(gas uint64) bool { return gas > s.cfg.GasCap }); i >= 0 {
		q.Behind = &GasCapError{s.cfg.Chain.Name(), ins[i].Step, q.Gas[i], s.cfg.GasCap}
		q.Gas = q.Gas[:i]
	}
	return s.price(ctx, at, ins, q)
}

// Price is Quote for intents whose limits are known.
func (s *Sender) Price(ctx context.Context, at rollout.Block, ins []rollout.Intent, gas []uint64) (Quote, error) {
	return s.price(ctx, at, ins, Quote{Gas: gas})
}

func (s *Sender) price(ctx context.Context, at rollout.Block, ins []rollout.Intent, q Quote) (_ Quote, err error) {
	if q.Fees, err = s.fees(ctx); err != nil {
		return q, err
	}
	if q.Balance, err = s.cfg.Chain.BalanceAt(ctx, at.Hash, s.Address()); err != nil {
		return q, err
	}
	q.Cost, q.DataFee = new(big.Int), new(big.Int)
	for i, gas := range q.Gas {
		raw, err := sized(s.cfg.Chain.ChainID(), unsigned(s.cfg.Chain.ChainID(), 0, gas, ins[i].To, ins[i].Data, q.Fees))
		if err != nil {
			return q, fmt.Errorf("encode %s: %w", ins[i].Step, err)
		}
		fee, err := s.cfg.Chain.DataFee(ctx, at.Hash, raw)
		if err != nil {
			return q, err
		}
		q.DataFee.Add(q.DataFee, fee)
		q.Cost.Add(q.Cost, new(big.Int).Mul(q.Fees.Cap, new(big.Int).SetUint64(gas)))
	}
	q.Cost.Add(q.Cost, q.DataFee)
	return q, nil
}

// margin is a tenth more, for what other transactions of the block may change.
func margin(gas uint64) uint64 { return gas + gas/10 }

// limits returns a gas limit for each of the first intents that succeed, and why the next one does not.
func (s *Sender) limits(ctx context.Context, at rollout.Block, ins []rollout.Intent) (gas []uint64, behind, err error) {
	for n := atOnce(ins); n > 1; n /= 2 {
		gas, behind, err := s.simulate(ctx, at, ins[:n])
		if !errors.Is(err, chain.ErrCannotSimulate) {
			return gas, behind, err
		}
		// perhaps half of them: what a node simulates at once is bounded by the gas of a block
	}
	estimate, err := s.cfg.Chain.EstimateGasAt(ctx, at.Number, ethereum.CallMsg{From: s.Address(), To: &ins[0].To, Data: ins[0].Data})
	if data, ok := chain.RevertData(err); ok {
		return nil, s.refused(at, ins[0], data), nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", ins[0].Step, err)
	}
	return []uint64{margin(estimate)}, nil, nil
}

// atOnce is how many intents one request may simulate: many nodes refuse requests of more than some megabytes.
func atOnce(ins []rollout.Intent) int {
	const most, bytes = 256, 1 << 20
	size := 0
	for n, in := range ins {
		if size += len(in.Data); n == most || n > 0 && size > bytes {
			return n
		}
	}
	return len(ins)
}

func (s *Sender) refused(at rollout.Block, in rollout.Intent, data []byte) *RefusedError {
	return &RefusedError{in.Step, s.cfg.Explain(data), s.Address(), in.To, in.Data, data, at}
}

// simulate sets the limits of a sequence.
func (s *Sender) simulate(ctx context.Context, at rollout.Block, ins []rollout.Intent) (gas []uint64, behind, err error) {
	calls := make([]ethereum.CallMsg, len(ins))
	for i, in := range ins {
		calls[i] = ethereum.CallMsg{To: &in.To, Data: in.Data}
	}
	results, exact, err := s.cfg.Chain.Simulate(ctx, at.Hash, s.Address(), calls)
	if err != nil {
		return nil, nil, err
	}
	for i, r := range results {
		if r.Failed {
			behind = s.refused(at, ins[i], r.Data)
			break
		}
		gas = append(gas, r.Gas)
	}
	calls = calls[:len(gas)]
	if exact {
		err = s.tried(ctx, at, calls, gas)
	} else {
		s.roomy(gas)
	}
	if err != nil {
		return nil, nil, err
	}
	for i, call := range calls {
		extra, err := s.cfg.Chain.DataGas(ctx, at.Hash, call)
		if err != nil {
			return nil, nil, err
		}
		gas[i] += margin(extra)
	}
	return gas, behind, nil
}

// tried makes limits of the gas that calls were found to use: a tenth more, if they succeed with that. What was used is net of
// refunds, which are a fifth at most (EIP-3529), while a limit must hold before they are given.
func (s *Sender) tried(ctx context.Context, at rollout.Block, calls []ethereum.CallMsg, gas []uint64) error {
	for i := range gas {
		gas[i] = margin(gas[i])
		calls[i].Gas = gas[i]
	}
	if len(calls) == 0 {
		return nil
	}
	results, _, err := s.cfg.Chain.Simulate(ctx, at.Hash, s.Address(), calls)
	if err != nil {
		return err
	}
	enough := len(results)
	if results[enough-1].Failed {
		enough--
	}
	for i := enough; i < len(gas); i++ {
		gas[i] += gas[i] / 4
	}
	return nil
}

// roomy makes limits of gas that was found in one call for the whole sequence, where what an earlier call touched is cheap for
// a later one: half as much again and 100,000, as far as the cap allows.
func (s *Sender) roomy(gas []uint64) {
	for i, g := range gas {
		gas[i] = max(margin(g), min(g+g/2+100_000, s.cfg.GasCap))
	}
}
