package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ethereum/go-ethereum"
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

func planned(in rollout.Intent) PlannedStep {
	return PlannedStep{Step: in.Step, By: in.By, To: in.To, Data: fmt.Sprintf("%#x", in.Data)}
}

// stepsAtMost bounds a plan; a manifest has far fewer steps.
const stepsAtMost = 10_000

// plan asks a forecast for one step after another until it is done. A forecast changes its own picture of the network
// as if each step had been taken.
func plan(out *Outcome, network string, next func() rollout.Action) error {
	out.Status = "planned"
	for range stepsAtMost {
		action := next()
		switch action.Kind {
		case rollout.Done:
			return nil
		case rollout.Halt:
			return &reconcile.HaltError{Network: network, Reason: action.Reason}
		case rollout.Wait:
			out.Steps = append(out.Steps, PlannedStep{Step: "wait: " + action.Reason})
		default:
			for _, in := range action.Intents {
				out.Steps = append(out.Steps, planned(in))
			}
		}
	}
	return fmt.Errorf("%s: the plan does not end", network)
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
	var actions []rollout.Action
	err = plan(out, n.Name, func() rollout.Action {
		action := next()
		actions = append(actions, action)
		return action
	})
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
	out.Status = "planned"
	if action.Kind != rollout.Done {
		out.Steps = []PlannedStep{planned(action.Intents[0])}
	}
	return nil
}

// rehearse simulates a whole rollout, the wait for the timelock and the activation included, and notes what each step would do. A
// network whose endpoints do not simulate is left without.
func (a *App) rehearse(ctx context.Context, n *net, at rollout.Block, actions []rollout.Action, out *Outcome) error {
	blocks := []chain.Rehearsal{{Time: at.Time + 1}} // as the forecast has it: a commit there begins the timelock
	var steps []*PlannedStep
	next := 0
	for _, action := range actions {
		if action.Kind == rollout.Wait {
			blocks = append(blocks, chain.Rehearsal{Time: max(action.Until, blocks[len(blocks)-1].Time) + 1})
			next++
		}
		for _, in := range action.Intents {
			from, err := a.roleAddress(in.By)
			if err != nil {
				return err
			}
			last := &blocks[len(blocks)-1]
			last.Calls = append(last.Calls, ethereum.CallMsg{From: from, To: &in.To, Data: in.Data})
			steps = append(steps, &out.Steps[next])
			next++
		}
	}
	blocks = slices.DeleteFunc(blocks, func(b chain.Rehearsal) bool { return len(b.Calls) == 0 })
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
	for i, r := range slices.Concat(results...) {
		steps[i].Gas = r.Gas + r.Gas/10
		if r.Failed {
			steps[i].Refused = dispatcher.ExplainRevert(r.Data)
			err = errors.Join(err, fmt.Errorf("%s: %s would be refused: %s", n.Name, steps[i].Step, steps[i].Refused))
		}
	}
	return err
}
