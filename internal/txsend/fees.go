package txsend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"

	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// mostTip is what a transaction tips at most if no ceiling is set, in wei a gas: whatever an endpoint suggests, since the tip is
// what it could make somebody lose.
var mostTip = big.NewInt(30 * params.GWei)

// fees are what a transaction should offer now, under the ceiling.
func (s *Sender) fees(ctx context.Context) (chain.Fees, error) {
	f, err := s.cfg.Chain.Fees(ctx)
	if err != nil {
		return f, err
	}
	if s.cfg.MaxFee == nil {
		if f.Legacy {
			return f, fmt.Errorf("%s has no base fee, so that nothing bounds what an endpoint asks for: set maxFee of the network in "+
				"lockstep.yaml", s.cfg.Chain.Name())
		}
		if f.Tip.Cmp(mostTip) > 0 {
			f.Cap = new(big.Int).Add(new(big.Int).Sub(f.Cap, f.Tip), mostTip)
			f.Tip = mostTip
		}
		return f, nil
	}
	if f.Base.Cmp(s.cfg.MaxFee) > 0 {
		return f, &rollout.FeesError{Network: s.cfg.Chain.Name(), Base: f.Base.String(), Ceiling: s.cfg.MaxFee.String()}
	}
	f.Cap = least(f.Cap, s.cfg.MaxFee)
	f.Tip = least(f.Tip, f.Cap)
	return f, nil
}

func least(a, b *big.Int) *big.Int {
	if a.Cmp(b) < 0 {
		return a
	}
	return b
}

// unsigned is a transaction as it is signed: of EIP-1559, or a legacy one.
func unsigned(chainID, nonce, gas uint64, to common.Address, data []byte, f chain.Fees) *types.Transaction {
	if f.Legacy {
		return types.NewTx(&types.LegacyTx{Nonce: nonce, GasPrice: f.Cap, Gas: gas, To: &to, Data: data})
	}
	return types.NewTx(&types.DynamicFeeTx{
		ChainID: new(big.Int).SetUint64(chainID), Nonce: nonce, GasTipCap: f.Tip, GasFeeCap: f.Cap, Gas: gas, To: &to, Data: data,
	})
}

// sized is a transaction of the size that it will have once it is signed.
func sized(chainID uint64, tx *types.Transaction) ([]byte, error) {
	signature := bytes.Repeat([]byte{0x7f}, 65)
	signature[64] = 1
	signed, err := tx.WithSignature(types.LatestSignerForChainID(new(big.Int).SetUint64(chainID)), signature)
	if err != nil {
		return nil, err
	}
	return signed.MarshalBinary()
}

// errCeiling says that a transaction cannot offer as much more as nodes ask of a replacement.
var errCeiling = errors.New("it offers as much as it may: ten times what it did at first, or maxFee of the network in lockstep.yaml; " +
	"wait, raise that, or take it back with lockstep transaction drop")

// ceiling is what the replacements of a transaction may offer, in wei a gas.
func (s *Sender) ceiling(first *types.Transaction) *big.Int {
	most := new(big.Int).Mul(first.GasFeeCap(), big.NewInt(10))
	if s.cfg.MaxFee != nil {
		most = least(most, s.cfg.MaxFee)
	}
	return most
}

// bumped are fees for a replacement: an eighth more than before at the least, since nodes ask for a tenth of both, and as much
// as the network asks for now.
func bumped(old *types.Transaction, now chain.Fees, ceiling *big.Int) (chain.Fees, error) {
	more := func(v *big.Int) *big.Int {
		eighth := new(big.Int).Rsh(v, 3)
		return eighth.Add(eighth, v).Add(eighth, big.NewInt(1))
	}
	f := chain.Fees{Legacy: old.Type() == types.LegacyTxType, Base: now.Base, Tip: more(old.GasTipCap()), Cap: more(old.GasFeeCap())}
	if f.Cap.Cmp(ceiling) > 0 {
		return f, errCeiling
	}
	f.Tip, f.Cap = greatest(f.Tip, now.Tip), least(greatest(f.Cap, now.Cap), ceiling)
	f.Tip = least(f.Tip, f.Cap)
	return f, nil
}

// enriched are fees for a transaction that a node refused to take for what it offers: four times the tip, which is what nodes
// set a minimum for, and more than the base fee.
func enriched(old *types.Transaction, now chain.Fees, ceiling *big.Int) (chain.Fees, error) {
	if old.Type() == types.LegacyTxType {
		return bumped(old, now, ceiling)
	}
	tip := new(big.Int).Lsh(greatest(old.GasTipCap(), big.NewInt(1)), 2)
	f := chain.Fees{Base: now.Base, Tip: greatest(tip, now.Tip)}
	f.Cap = least(greatest(old.GasFeeCap(), new(big.Int).Add(new(big.Int).Lsh(now.Base, 1), f.Tip)), ceiling)
	f.Tip = least(f.Tip, f.Cap)
	if f.Cap.Cmp(old.GasFeeCap()) <= 0 && f.Tip.Cmp(old.GasTipCap()) <= 0 {
		return f, errCeiling
	}
	return f, nil
}

func greatest(a, b *big.Int) *big.Int {
	if a.Cmp(b) > 0 {
		return a
	}
	return b
}

// replace journals transactions that offer more, in the place of those that are in no block, or of the first if a node has
// refused it for its offer. Where one cannot offer more, it and those behind it stay as they are.
func (s *Sender) replace(ctx context.Context, entries []rollout.Transaction, refusal error) ([]rollout.Transaction, error) {
	now, err := s.fees(ctx)
	if err != nil {
		return entries, err
	}
	raise, some := bumped, entries
	if refusal != nil {
		some = entries[:1]
		if !replaces(refusal) {
			raise = enriched
		}
	}
	var better []rollout.Transaction
	for _, e := range some {
		first := e
		if len(e.Earlier) > 0 {
			first = e.Earlier[0]
		}
		var was, is types.Transaction
		if err := errors.Join(was.UnmarshalBinary(first.Raw), is.UnmarshalBinary(e.Raw)); err != nil {
			return entries, fmt.Errorf("journal entry %d is not a transaction: %w", e.ID, err)
		}
		f, err := raise(&is, now, s.ceiling(&was))
		if err != nil {
			s.cfg.Stuck(e, err)
			break
		}
		t, err := s.signed(ctx, e.Step, unsigned(s.cfg.Chain.ChainID(), e.Nonce, is.Gas(), *is.To(), is.Data(), f))
		if err != nil {
			return entries, err
		}
		better = append(better, t)
	}
	if len(better) == 0 {
		return entries, nil
	}
	replaced := s.timedOn("journal", better)
	journalled, err := s.cfg.Journal.Replace(ctx, entries[:len(better)], better)
	replaced(err)
	if err != nil {
		return entries, err
	}
	return append(journalled, entries[len(better):]...), nil
}
