package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/lease"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// ExecutionReport is how the carrying out of a plan stands.
type ExecutionReport struct {
	Plan     common.Hash     `json:"plan"`
	Action   string          `json:"action"`
	Status   string          `json:"status"`  // running, stopped or done
	Served   bool            `json:"served"`  // by lockstep serve, not by a command
	Serving  bool            `json:"serving"` // a daemon serves the journal now
	Released bool            `json:"released"`
	Reason   string          `json:"reason,omitempty"`
	Order    []string        `json:"order"` // in which networks become live, in words
	Begun    int64           `json:"begun"` // unix seconds
	Networks []NetworkReport `json:"networks"`
}

// NetworkReport is how it stands on one network.
type NetworkReport struct {
	Network string               `json:"network"`
	ChainID uint64               `json:"chainId"`
	State   rollout.NetworkState `json:"state"`
	Reason  string               `json:"reason,omitempty"` // why it is not done
	DoneAt  uint64               `json:"doneAt"`           // block time; 0 if it is not done
	Changed int64                `json:"changed"`          // unix seconds
}

func (a *App) report(ctx context.Context, ex store.Execution) (ExecutionReport, error) {
	p, err := a.plan(ctx, ex.Plan)
	if err != nil {
		return ExecutionReport{}, err
	}
	name := func(chainID uint64) string {
		n, _ := p.Intent.Network(chainID)
		return n.Name
	}
	serving, err := a.serving(ctx)
	if err != nil {
		return ExecutionReport{}, err
	}
	r := ExecutionReport{
		Serving: serving, Plan: ex.Plan, Action: p.Intent.Action, Status: string(ex.Status), Served: ex.Served, Released: ex.Released, Reason: ex.Reason,
		Order: p.Intent.Rollout.Lines(name), Begun: ex.CreatedAt, Networks: []NetworkReport{},
	}
	for _, planned := range p.Intent.Networks {
		i := slices.IndexFunc(ex.Networks, func(s store.ExecutionNetwork) bool { return s.ChainID == planned.ChainID })
		if i < 0 {
			continue // the command was restricted to others
		}
		s := ex.Networks[i]
		r.Networks = append(r.Networks, NetworkReport{planned.Name, s.ChainID, s.State, s.Reason, s.DoneAt, s.UpdatedAt})
	}
	return r, nil
}

// serving tells whether a daemon serves the journal: it holds the leases on looking after networks.
func (a *App) serving(ctx context.Context) (bool, error) {
	leases, err := a.store.Leases(ctx, watching)
	if err != nil {
		return false, err
	}
	for _, l := range leases {
		if l.Live && !lease.Gone(l.Holder) {
			return true, nil
		}
	}
	return false, nil
}

// Executions tells how the carrying out of each plan stands, the newest first.
func (a *App) Executions(ctx context.Context) ([]ExecutionReport, error) {
	if err := a.openJournal(ctx); err != nil {
		return nil, err
	}
	all, err := a.store.Executions(ctx, false)
	if err != nil {
		return nil, err
	}
	out := []ExecutionReport{}
	for _, ex := range all {
		r, err := a.report(ctx, ex)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// Execution tells how the carrying out of one plan stands, which is named by its digest or the beginning of that.
func (a *App) Execution(ctx context.Context, digest string) (ExecutionReport, error) {
	ex, err := a.findExecution(ctx, digest)
	if err != nil {
		return ExecutionReport{}, err
	}
	return a.report(ctx, ex)
}

// ErrNoExecution says that no such plan is or was carried out.
var ErrNoExecution = errors.New("no such execution")

func (a *App) findExecution(ctx context.Context, digest string) (store.Execution, error) {
	if err := a.openJournal(ctx); err != nil {
		return store.Execution{}, err
	}
	all, err := a.store.Executions(ctx, false)
	if err != nil {
		return store.Execution{}, err
	}
	prefix := "0x" + strings.TrimPrefix(strings.ToLower(digest), "0x")
	all = slices.DeleteFunc(all, func(ex store.Execution) bool { return !strings.HasPrefix(ex.Plan.Hex(), prefix) })
	switch {
	case len(all) == 0 || len(prefix) < len("0x")+4:
		return store.Execution{}, fmt.Errorf("%w: no plan whose digest begins with %.66q (at least four digits) is carried out; see lockstep execution list", ErrNoExecution, digest)
	case len(all) > 1:
		return store.Execution{}, fmt.Errorf("%w: %d plans have digests that begin with %.66q: give more of it", ErrNoExecution, len(all), digest)
	}
	return all[0], nil
}

// StopExecution takes a plan back from lockstep serve, or from a command that carries it out. What was sent stays sent.
func (a *App) StopExecution(ctx context.Context, digest, reason, by string) (ExecutionReport, error) {
	return a.alter(ctx, digest, func(ex store.Execution) error { return a.store.StopExecution(ctx, ex.Plan, reason, by) })
}

// RetryExecution lets serve go on with a plan that was stopped, and look again at networks on which it has halted.
func (a *App) RetryExecution(ctx context.Context, digest, by string) (ExecutionReport, error) {
	return a.alter(ctx, digest, func(ex store.Execution) error { return a.store.Retry(ctx, ex.Plan, by) })
}

// ExcludeNetwork takes a network out of the execution of a plan, for good. The others no longer wait for it.
func (a *App) ExcludeNetwork(ctx context.Context, digest, network, reason, by string) (ExecutionReport, error) {
	return a.alter(ctx, digest, func(ex store.Execution) error {
		p, err := a.plan(ctx, ex.Plan)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(p.Intent.Networks, func(n plan.Network) bool { return n.Name == network })
		if i < 0 {
			return fmt.Errorf("the plan is not for network %s", network)
		}
		n := p.Intent.Networks[i]
		if err := a.store.Exclude(ctx, ex.Plan, n.ChainID, reason, by); err != nil {
			return err
		}
		// what it has committed there is no rollout's any more: status and health tell of it until lockstep cancel takes it back
		run, err := a.store.Running(ctx, n.ChainID, p.Intent.Dispatcher)
		if errors.Is(err, store.ErrNotFound) || err == nil && run.Root != n.Root {
			return nil
		}
		if err != nil {
			return err
		}
		return a.store.End(ctx, run.ID, false)
	})
}

func (a *App) alter(ctx context.Context, digest string, f func(store.Execution) error) (ExecutionReport, error) {
	ex, err := a.findExecution(ctx, digest)
	if err != nil {
		return ExecutionReport{}, err
	}
	if err := f(ex); err != nil {
		return ExecutionReport{}, err
	}
	return a.Execution(ctx, ex.Plan.Hex())
}

// HandOver gives a plan to lockstep serve, which carries it out. It is refused as Execute would refuse it. by says who asks, for the audit log.
func (a *App) HandOver(ctx context.Context, x Execution, by string) (ExecutionReport, error) {
	p := x.Plan
	if x.Manifest == nil {
		return ExecutionReport{}, fmt.Errorf("a plan to %s is not handed over, since it waits for nothing: lockstep %s PLAN", p.Intent.Action, p.Intent.Action)
	}
	if err := x.mustBeOfItsManifest(); err != nil {
		return ExecutionReport{}, err
	}
	nets, err := a.netsOf(p)
	if err != nil {
		return ExecutionReport{}, err
	}
	if len(nets) < len(p.Intent.Networks) {
		return ExecutionReport{}, errors.New("a plan is handed over as a whole: leave --network out; lockstep execution exclude takes a network out of it afterwards")
	}
	if err := a.open(ctx); err != nil {
		return ExecutionReport{}, err
	}
	if err := a.take(ctx, p, x.Signed); err != nil {
		return ExecutionReport{}, err
	}
	unused, open, err := a.unused(ctx, p, nets)
	if err != nil {
		return ExecutionReport{}, err
	}
	if !open {
		return ExecutionReport{}, &store.UsedPlanError{Plan: p.Digest, ChainID: nets[0].ChainID, Use: store.PlanDone}
	}
	if err := a.mustBeApproved(ctx, p); err != nil {
		return ExecutionReport{}, err
	}
	if err := a.opts.Confirm(ctx, nil); err != nil {
		return ExecutionReport{}, err
	}
	if len(unused) > 0 {
		if err := a.mustHold(ctx, x, unused); err != nil {
			return ExecutionReport{}, err
		}
	}
	if err := a.store.SaveManifest(ctx, x.Manifest.Root, x.Manifest.RoutesRoot, x.File); err != nil {
		return ExecutionReport{}, err
	}
	if err := a.store.BeginExecution(ctx, p.Digest, true, ordered(p, nets), by); err != nil {
		return ExecutionReport{}, err
	}
	return a.Execution(ctx, p.Digest.Hex())
}
