package app

import (
	"context"
	"fmt"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/reconcile"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// PlannedStep is what a dry run says would be sent.
type PlannedStep struct {
	Step string         `json:"step"`
	By   rollout.Role   `json:"by"`
	To   common.Address `json:"to"`
	Data string         `json:"data"` // call data, 0x and hex
}

func planned(in rollout.Intent) PlannedStep {
	return PlannedStep{in.Step, in.By, in.To, fmt.Sprintf("%#x", in.Data)}
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
	return plan(out, n.Name, next)
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
