package app

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/reconcile"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/txsend"
)

// Preflight is what a deployment would do and cost on a network, and what stands in its way. Amounts are in wei.
type Preflight struct {
	Transactions int      `json:"transactions"`
	Gas          uint64   `json:"gas"`      // limits of all transactions
	Rough        int      `json:"rough"`    // transactions whose gas is a guess, since they could not be simulated
	Cost         *Wei     `json:"cost"`     // of all, at most, if none is stuck: a replacement offers more
	DataFee      *Wei     `json:"dataFee"`  // the part of the cost that is for data on another chain
	Balance      *Wei     `json:"balance"`  // of the deployer
	Nonce        uint64   `json:"nonce"`    // of the deployer
	Problems     []string `json:"problems"` // nothing is sent to any network while there are any on one
}

// Wei is an amount, in JSON a decimal number in a string.
type Wei struct{ big.Int }

func wei(n *big.Int) *Wei { return &Wei{*n} }

// MarshalJSON is the form in JSON.
func (w *Wei) MarshalJSON() ([]byte, error) { return []byte(`"` + w.String() + `"`), nil }

// PreflightError says why a deployment was not begun.
type PreflightError struct {
	Problems []string // each with its network
	Networks int      // that have some
	Of       int
}

func (e *PreflightError) Error() string {
	return fmt.Sprintf("%d of %d networks are not ready, so nothing was sent to any:\n%s", e.Networks, e.Of,
		strings.Join(e.Problems, "\n"))
}

// preflightAll looks at all networks, and says how each would end. If it is patient, it waits for one that is out of reach.
func (a *App) preflightAll(ctx context.Context, pilot *dispatcher.Deploy, patient bool) ([]Outcome, error) {
	outcomes, err := a.each(ctx, func(ctx context.Context, n *net, out *Outcome) error {
		p := *pilot
		p.Chain, p.Desired.Grace, out.Dispatcher = n.chain, n.Grace, p.Address
		tell := func(err error) {
			a.opts.Progress(Event{Network: n.Name, Kind: "unreachable", Step: err.Error()})
		}
		look := func(ctx context.Context) error {
			out.Steps = nil
			return a.preflight(ctx, n, &p, out)
		}
		var err error
		if patient {
			err = reconcile.Patiently(ctx, n.poll(), tell, look)
		} else {
			err = look(ctx)
		}
		if err != nil && ctx.Err() == nil {
			// a network that cannot be looked at hides nothing of the others
			out.Preflight = &Preflight{Cost: &Wei{}, DataFee: &Wei{}, Balance: &Wei{}, Problems: []string{err.Error()}}
			return nil
		}
		return err
	})
	if err != nil {
		return outcomes, fmt.Errorf("nothing was sent: %w", err)
	}
	found := &PreflightError{Of: len(outcomes)}
	for i, o := range outcomes {
		for _, problem := range o.Preflight.Problems {
			found.Problems = append(found.Problems, o.Network+": "+problem)
		}
		if len(o.Preflight.Problems) > 0 {
			found.Networks++
			outcomes[i].Status = "refused"
		}
	}
	if found.Networks > 0 {
		return outcomes, found
	}
	return outcomes, nil
}

// preflight looks at one network before anything is sent to any.
func (a *App) preflight(ctx context.Context, n *net, p *dispatcher.Deploy, out *Outcome) error {
	out.Preflight = &Preflight{Cost: &Wei{}, DataFee: &Wei{}, Balance: &Wei{}, Problems: []string{}}
	check, err := checkNetwork(ctx, n.Network.Network, n.chain, a.cfg.Factory.Name)
	if err != nil {
		return err
	}
	out.Preflight.Problems = append(out.Preflight.Problems, check.Problems...)
	if !slices.Contains(check.Factories, FactoryCheck{a.cfg.Factory.Name, a.cfg.Factory.Address, "known"}) {
		return nil // nothing can be deployed, so nothing more can be said
	}
	at, err := n.chain.Head(ctx)
	if err != nil {
		return err
	}
	ins, err := a.forecast(ctx, n, p, at, out)
	if err != nil {
		return err
	}
	nonce, problem, err := a.checkNonce(ctx, n, p.Desired.Deployer, at)
	if err != nil {
		return err
	}
	out.Preflight.Nonce = nonce
	if problem != "" {
		out.Preflight.Problems = append(out.Preflight.Problems, "deployer "+problem)
	}
	return a.preflightCost(ctx, n, p.Desired.Deployer, at, ins, out)
}

// forecast is what would be sent, if every step succeeds.
func (a *App) forecast(ctx context.Context, n *net, p *dispatcher.Deploy, at rollout.Block, out *Outcome) ([]rollout.Intent, error) {
	next, err := p.Forecast(ctx, at)
	if err != nil {
		return nil, err
	}
	actions, err := foresee(n.Name, next)
	out.planned(actions)
	var ins []rollout.Intent
	for _, action := range actions {
		ins = append(ins, action.Intents...)
	}
	var halt *reconcile.HaltError
	if errors.As(err, &halt) {
		out.Preflight.Problems = append(out.Preflight.Problems, halt.Reason)
		err = nil
	}
	out.Preflight.Transactions = len(ins)
	return ins, err
}

// checkNonce returns the nonce of an account that is to send, and what the journal has against it.
func (a *App) checkNonce(ctx context.Context, n *net, account common.Address, at rollout.Block) (nonce uint64, problem string, err error) {
	mark, err := a.store.Read(ctx, n.ChainID, account)
	if err != nil {
		return 0, "", err
	}
	if nonce, err = n.chain.NonceAt(ctx, at.Hash, account); err != nil {
		return 0, "", err
	}
	pending, err := n.chain.PendingNonce(ctx, account)
	if err != nil {
		return 0, "", err
	}
	switch {
	case len(mark.Open) > 0: // what an earlier run has sent is under way
	case nonce < mark.NextNonce:
		problem = fmt.Sprintf("%s has used %d nonces by the journal, %d by the chain: the endpoint lags, or the network was reset (then "+
			"use another journal)", account, mark.NextNonce, nonce)
	case mark.Known && nonce > mark.NextNonce:
		problem = fmt.Sprintf("%s has used %d nonces, the journal knows of %d: find out who else has this key; if it was you, "+
			"lockstep transaction adopt accepts them", account, nonce, mark.NextNonce)
	case pending > nonce:
		problem = fmt.Sprintf("%s has %d transactions that wait for a block and are not in the journal: find out who else has this key",
			account, pending-nonce)
	}
	return nonce, problem, nil
}

func (a *App) preflightCost(
	ctx context.Context, n *net, deployer common.Address, at rollout.Block, ins []rollout.Intent, out *Outcome,
) error {
	pre := out.Preflight
	if len(ins) == 0 {
		return nil
	}
	quote, err := a.sender(n, watcher(deployer)).Quote(ctx, at, ins)
	var fees *rollout.FeesError
	if errors.As(err, &fees) {
		pre.Problems = append(pre.Problems, fees.Error())
		return nil
	}
	if err != nil {
		return err
	}
	cost := new(big.Int).Set(quote.Cost)
	var refused *txsend.RefusedError
	if quote.Behind != nil {
		what := quote.Behind.Error()
		if errors.As(quote.Behind, &refused) {
			what = fmt.Sprintf("%s would be refused: %s", refused.Step, refused.Reason)
		}
		pre.Problems = append(pre.Problems, what)
	}
	for i, gas := range quote.Gas {
		pre.Gas += gas
		out.Steps[i].Gas = gas
	}
	if quote.Behind != nil {
		ins = ins[:len(quote.Gas)] // what comes behind depends on what is in the way
	}
	for _, in := range ins[len(quote.Gas):] {
		gas := rough(in, in.To == a.cfg.Factory.Address)
		pre.Gas, pre.Rough = pre.Gas+gas, pre.Rough+1
		cost.Add(cost, new(big.Int).Mul(quote.Fees.Cap, new(big.Int).SetUint64(gas)))
	}
	pre.Cost, pre.DataFee, pre.Balance = wei(cost), wei(quote.DataFee), wei(quote.Balance)
	if quote.Balance.Cmp(cost) < 0 {
		pre.Problems = append(pre.Problems, fmt.Sprintf("deployer %s has %s wei, the deployment may cost %s wei: fund it",
			deployer, quote.Balance, cost))
	}
	return nil
}

// rough is more gas than a step takes that is not simulated, because those before it are too many for one simulation: what
// every transaction and its data cost, and code at 200 gas a byte, or a role.
func rough(in rollout.Intent, creates bool) uint64 {
	gas := 21_000 + 16*uint64(len(in.Data))
	if creates {
		return gas + 32_000 + 200*uint64(len(in.Data)) + 500_000
	}
	return gas + 60_000
}

// watcher is an account whose key is not needed.
type watcher common.Address

// Address is the account.
func (w watcher) Address() common.Address { return common.Address(w) }

// Sign refuses.
func (w watcher) Sign(uint64, *types.Transaction) (*types.Transaction, error) {
	return nil, fmt.Errorf("the key of %s is not unlocked", common.Address(w))
}
