package txsend

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum"

	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// Times at which a Pauser looks.
const (
	warming  = 12 * time.Second // between looks at fees, the nonce and the balance, which also keep connections open
	checking = 3 * time.Minute  // between looks at roles, and at how much gas a pause takes
	brief    = time.Second      // for a look that an order has to wait for
)

// unknownGas is the limit of a pause, which takes less than 40,000, while it cannot be tried because the dispatcher is paused.
const unknownGas = 100_000

// pauses is for how many pauses the account is to have money.
const pauses = 3

// warmth is what an order finds ready.
type warmth struct {
	at      time.Time // of the last look that went well; zero if there was none
	err     error     // of the last look
	head    uint64
	nonce   uint64 // on the chain
	fees    chain.Fees
	balance *big.Int
	cost    *big.Int // of one pause, at most, in wei
	foreign error    // somebody else uses the key

	checked time.Time // roles and gas
	standing
	gas uint64
}

// standing is what the last look at the dispatcher has found.
type standing struct {
	Standing
	refused error // why the key may not be used for this
}

// PauserStatus is how it stands with the automatic pause on a network.
type PauserStatus struct {
	Armed    bool     // an order would be carried out
	Problems []string // what keeps it from being armed, or is about to
	Balance  *big.Int // wei, of the account; nil if it was never seen
	Cost     *big.Int // wei, of one pause, at most; nil if it was never seen
}

// Status tells how it stands, by the last look. It asks nobody.
func (p *Pauser) Status() PauserStatus {
	p.mu.Lock()
	w := p.warm
	p.mu.Unlock()
	out := PauserStatus{Balance: w.balance, Cost: w.cost}
	problem := func(err error) {
		if err != nil {
			out.Problems = append(out.Problems, err.Error())
		}
	}
	problem(w.refused)
	problem(w.foreign)
	problem(w.err)
	poor := false
	if w.balance != nil && w.balance.Cmp(new(big.Int).Mul(w.cost, big.NewInt(pauses))) < 0 {
		poor = w.balance.Cmp(w.cost) < 0
		problem(fmt.Errorf("%s has %s wei on %s, and a pause may cost %s wei: fund it with enough for %d",
			p.Address(), w.balance, p.cfg.Chain.Name(), w.cost, pauses))
	}
	if w.at.IsZero() && len(out.Problems) == 0 {
		problem(fmt.Errorf("%s was not looked at yet", p.cfg.Chain.Name()))
	}
	out.Armed = p.cfg.Mode == rollout.PauseOn && !w.at.IsZero() && !w.checked.IsZero() && w.refused == nil && w.foreign == nil && !poor
	return out
}

// ready is what an order finds; among that is why it may not be carried out, if that lasts. An error is that nothing is known now. It asks nobody, if Run has
// looked.
func (p *Pauser) ready(ctx context.Context) (warmth, error) {
	p.mu.Lock()
	w := p.warm
	p.mu.Unlock()
	if w.at.IsZero() || w.checked.IsZero() {
		ctx, cancel := context.WithTimeout(ctx, brief)
		defer cancel()
		p.Look(ctx)
		p.mu.Lock()
		w = p.warm
		p.mu.Unlock()
	}
	if w.at.IsZero() && w.refused == nil && w.foreign == nil {
		return w, fmt.Errorf("nothing is known of fees and nonces: %w", w.err)
	}
	return w, nil
}

// Look keeps ready what an order needs, and finds out whether the key may be used at all. What it finds Status tells.
func (p *Pauser) Look(ctx context.Context) {
	p.mu.Lock()
	w := p.warm
	p.mu.Unlock()
	fresh, err := p.look(ctx, w)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.warm.err = err // what was found before is better than nothing
		return
	}
	p.warm = fresh
}

func (p *Pauser) look(ctx context.Context, w warmth) (warmth, error) {
	at, err := p.cfg.Chain.Head(ctx)
	if err != nil {
		return w, err
	}
	if w.checked.IsZero() || w.refused != nil || time.Since(w.checked) >= checking {
		if w, err = p.check(ctx, at, w); err != nil {
			return w, err
		}
	}
	f, err := p.cfg.Chain.Fees(ctx)
	if err != nil {
		return w, err
	}
	fees, err := p.urgent(f)
	if err != nil {
		return w, err
	}
	if w.nonce, err = p.cfg.Chain.NonceAt(ctx, at.Hash, p.Address()); err != nil {
		return w, err
	}
	if w.balance, err = p.cfg.Chain.BalanceAt(ctx, at.Hash, p.Address()); err != nil {
		return w, err
	}
	raw, err := sized(p.cfg.Chain.ChainID(), unsigned(p.cfg.Chain.ChainID(), w.nonce, w.gas, p.cfg.Dispatcher, p.cfg.Call, fees))
	if err != nil {
		return w, err
	}
	data, err := p.cfg.Chain.DataFee(ctx, at.Hash, raw)
	if err != nil {
		return w, err
	}
	mark, err := p.cfg.Journal.Read(ctx, p.cfg.Chain.ChainID(), p.Address())
	if err != nil {
		return w, err
	}
	w.foreign = nil
	if mark.Known && len(mark.Open) == 0 && w.nonce > mark.NextNonce {
		w.foreign = &ForeignNonceError{p.Address(), p.cfg.Chain.Name(), mark.NextNonce, w.nonce}
	}
	w.cost = new(big.Int).Add(new(big.Int).Mul(fees.Cap, new(big.Int).SetUint64(w.gas)), data)
	w.at, w.err, w.head, w.fees = time.Now(), nil, at.Number, fees
	return w, nil
}

// check asks how the key stands with the dispatcher, and how much gas a pause takes.
func (p *Pauser) check(ctx context.Context, at rollout.Block, w warmth) (warmth, error) {
	s, err := p.cfg.Standing(ctx, at.Hash)
	if err != nil {
		return w, err
	}
	w.Standing, w.refused = s, nil
	switch {
	case !s.Pauser:
		w.refused = fmt.Errorf("%s does not hold PAUSER_ROLE of %s on %s: grant it", p.Address(), p.cfg.Dispatcher, p.cfg.Chain.Name())
	case len(s.Others) > 0:
		w.refused = fmt.Errorf("%s holds %s of %s on %s besides PAUSER_ROLE, and a key that pauses by itself must not be able to do more: name another "+
			"signer in alerts.pause, or revoke that", p.Address(), strings.Join(s.Others, ", "), p.cfg.Dispatcher, p.cfg.Chain.Name())
	}
	msg := ethereum.CallMsg{From: p.Address(), To: &p.cfg.Dispatcher, Data: p.cfg.Call}
	if !s.Paused && s.Pauser {
		gas, err := p.cfg.Chain.EstimateGasAt(ctx, at.Number, msg)
		if _, reverts := chain.RevertData(err); err != nil && !reverts {
			return w, err
		}
		if err == nil {
			w.gas = min(2*gas, p.cfg.Sender.GasCap) // what is not used is not paid, and other transactions may come before it
		}
	}
	if w.gas == 0 {
		data, err := p.cfg.Chain.DataGas(ctx, at.Hash, msg)
		if err != nil {
			return w, err
		}
		w.gas = min(unknownGas+2*data, p.cfg.Sender.GasCap)
	}
	w.checked = time.Now()
	return w, nil
}

// urgent makes fees of a pause of what transactions usually offer: twice the tip, and a quarter of the base fee at least, with a cap that outlasts ten
// full blocks. The ceiling holds here as well, but a network that asks for more is offered that all the same: fees may fall before people wake.
func (p *Pauser) urgent(f chain.Fees) (chain.Fees, error) {
	ceiling := p.cfg.Sender.MaxFee
	if f.Legacy {
		if ceiling == nil {
			return f, fmt.Errorf("%s has no base fee, so that nothing bounds what an endpoint asks for: set maxFee of the network in lockstep.yaml",
				p.cfg.Chain.Name())
		}
		price := least(new(big.Int).Lsh(f.Cap, 1), ceiling)
		return chain.Fees{Legacy: true, Base: f.Base, Tip: price, Cap: price}, nil
	}
	tip := greatest(new(big.Int).Lsh(f.Tip, 1), new(big.Int).Rsh(f.Base, 2))
	if ceiling == nil {
		tip = least(tip, mostTip)
	}
	most := new(big.Int).Add(new(big.Int).Lsh(f.Base, 2), tip)
	if ceiling != nil {
		most = least(most, ceiling)
	}
	return chain.Fees{Base: f.Base, Tip: least(tip, most), Cap: most}, nil
}

// isHeld tells whether another process has the nonces of the account.
func isHeld(err error) bool {
	var held *rollout.HeldError
	return errors.As(err, &held)
}
