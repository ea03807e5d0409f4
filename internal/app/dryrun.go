package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/reconcile"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// PlannedStep is what a dry run says would be sent.
type PlannedStep struct {
	Step string         `json:"step"`
	By   rollout.Role   `json:"by"`
	To   common.Address `json:"to"`
	Data string         `json:"data"` // call data, 0x and hex
	// Gas is the limit that it would be sent with, as a simulation of all steps says; 0 if it was not simulated.
	Gas uint64 `json:"gas"`
	// Refused is why it would revert, as the simulation says.
	Refused string `json:"refused,omitempty"`
}

// stepsAtMost bounds a forecast; a manifest has far fewer steps.
const stepsAtMost = 10_000

// foresee asks a forecast for one action after another until it is done. A forecast changes its own picture of the network as if
// each had been taken. If it halts, the actions before that are returned with a HaltError.
func foresee(network string, next func() rollout.Action) ([]rollout.Action, error) {
	var out []rollout.Action
	for range stepsAtMost {
		action := next()
		switch action.Kind {
		case rollout.Done:
			return out, nil
		case rollout.Halt:
			return out, &reconcile.HaltError{Network: network, Reason: action.Reason}
		}
		out = append(out, action)
	}
	return out, fmt.Errorf("%s: the plan does not end", network)
}

// planned notes actions as what would be sent.
func (o *Outcome) planned(actions []rollout.Action) {
	o.Status = "planned"
	for _, action := range actions {
		if action.Kind == rollout.Wait {
			o.Steps = append(o.Steps, PlannedStep{Step: "wait: " + action.Reason})
		}
		for _, in := range action.Intents {
			o.Steps = append(o.Steps, PlannedStep{Step: in.Step, By: in.By, To: in.To, Data: fmt.Sprintf("%#x", in.Data)})
		}
	}
}

func (a *App) planRollout(ctx context.Context, n *net, p *runPilot, out *Outcome) error {
	at, err := n.chain.Head(ctx)
	if err != nil {
		return err
	}
	if err := p.begin(ctx, at, false); err != nil {
		return err
	}
	next, err := p.inner.Forecast(ctx, at)
	if err != nil {
		return err
	}
	actions, err := foresee(n.Name, next)
	out.planned(actions)
	if err != nil {
		return err
	}
	return a.rehearse(ctx, n, at, actions, out)
}

// planOne is the plan of a pilot that takes one step at most.
func (a *App) planOne(ctx context.Context, n *net, p reconcile.Pilot, out *Outcome) error {
	at, err := n.chain.Head(ctx)
	if err != nil {
		return err
	}
	action, err := p.Next(ctx, at)
	if err != nil {
		return err
	}
	if action.Kind == rollout.Halt {
		return &reconcile.HaltError{Network: n.Name, Reason: action.Reason}
	}
	out.planned([]rollout.Action{action})
	return nil
}

// rehearse simulates a whole rollout, the wait for the timelock and the activation included, and notes what each step would do. A
// network whose endpoints do not simulate is left without.
func (a *App) rehearse(ctx context.Context, n *net, at rollout.Block, actions []rollout.Action, out *Outcome) error {
	senders := map[rollout.Role]common.Address{}
	for _, action := range actions {
		for _, in := range action.Intents {
			from, err := a.roleAddress(in.By)
			if err != nil {
				return err
			}
			senders[in.By] = from
		}
	}
	blocks := rehearsal(at, n.GasCap, actions, func(role rollout.Role) common.Address { return senders[role] })
	if len(blocks) == 0 {
		return nil
	}
	results, err := n.chain.Rehearse(ctx, at.Hash, blocks)
	if errors.Is(err, chain.ErrCannotSimulate) {
		a.opts.Log.WarnContext(ctx, "not simulated", "network", n.Name, "err", err)
		return nil
	}
	if err != nil {
		return err
	}
	all, next := slices.Concat(results...), 0
	for i := range out.Steps {
		s := &out.Steps[i]
		if s.Data == "" {
			continue // a wait
		}
		r := all[next]
		next++
		s.Gas = r.Gas + r.Gas/10
		if r.Failed {
			s.Refused = dispatcher.ExplainRevert(r.Data)
			err = errors.Join(err, fmt.Errorf("%s: %s would be refused: %s", n.Name, s.Step, s.Refused))
		}
	}
	return err
}
