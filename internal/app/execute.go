package app

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strings"
	"sync"

	"github.com/ethereum/go-ethereum/common"
	"golang.org/x/sync/errgroup"

	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/reconcile"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/signer"
	"github.com/seed-b6a97670/lockstep/internal/store"
	"github.com/seed-b6a97670/lockstep/internal/txsend"
)

// MovedError says that a plan's preconditions are not what they were: nothing was sent.
type MovedError struct {
	Plan  common.Hash
	Moved []plan.Moved
}

func (e *MovedError) Error() string {
	text := fmt.Sprintf("the plan %s does not hold any more, so nothing was sent; make a new one. What moved:", e.Plan)
	for _, m := range e.Moved {
		text += "\n  " + m.String()
	}
	return text
}

// Execution is how a plan is carried out.
type Execution struct {
	Plan   *plan.Plan
	Signed []plan.Approval // what was signed about it
	// Again reads what was signed once more: a revocation may come while the plan is carried out. It may be nil.
	Again    func() []plan.Approval
	Manifest *manifest.Manifest // that it is for; nil if it is for none
	File     []byte
}

// Execute carries a plan out, on those of its networks that the work is restricted to. Where it was begun, it goes on; where it has not, it is
// made again and compared first.
//
// A deployment or rollout begins nowhere before all networks on which it has not begun are found to be as planned; one that pauses,
// unpauses or cancels waits for no other network.
func (a *App) Execute(ctx context.Context, x Execution) ([]Outcome, error) {
	p := x.Plan
	if p.Intent.Action == plan.ChangePolicy {
		return nil, errors.New("this plan is for an approval policy: lockstep approvals policy PLAN")
	}
	if err := x.mustBeOfItsManifest(); err != nil {
		return nil, err
	}
	nets, err := a.netsOf(p)
	if err != nil {
		return nil, err
	}
	a.networks = nets
	a.revoked = x.Again
	if err := a.open(ctx); err != nil {
		return nil, err
	}
	if err := a.take(ctx, p, x.Signed); err != nil {
		return nil, err
	}
	unused, open, err := a.unused(ctx, p, a.networks)
	if err != nil {
		return nil, err
	}
	if !open {
		return a.each(ctx, func(ctx context.Context, n *net, out *Outcome) error { return a.used(ctx, x, n, out) })
	}
	if err := a.mustBeApproved(ctx, p); err != nil {
		return nil, err
	}
	signers, err := a.planSigners(p)
	if err != nil {
		return nil, err
	}
	if p.Intent.Action != plan.Pause && p.Intent.Action != plan.Cancel { // an emergency does not wait for all networks
		if err := a.routable(ctx, a.networks...); err != nil {
			return nil, err
		}
	}
	if m := x.Manifest; m != nil {
		if err := a.store.SaveManifest(ctx, m.Root, m.RoutesRoot, x.File); err != nil {
			return nil, err
		}
	}
	// first, since people may take long to answer, and what holds then need not hold later
	if err := a.opts.Confirm(ctx, nil); err != nil {
		return nil, err
	}
	holds := func(n *net) error { return a.mustHold(ctx, x, []*net{n}) }
	if x.Manifest != nil {
		all := sync.OnceValue(func() error { return a.mustHold(ctx, x, unused) })
		holds = func(*net) error { return all() }
		if len(unused) == len(a.networks) {
			if err := all(); err != nil {
				return nil, err
			}
		}
		if err := a.store.BeginExecution(ctx, p.Digest, false, ordered(p, a.networks), Who()); err != nil {
			return nil, err
		}
	}
	e := a.newExecution(x, signers, Who())
	// what waits for others asks how they are
	watching, end := context.WithCancel(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer end()
	if e.policy().Kind == rollout.Waves || e.policy().Testnets > 0 {
		watch.Go(func() { a.watchHealth(watching, a.networks) })
	}
	return a.each(ctx, func(ctx context.Context, n *net, out *Outcome) error {
		fresh := func() error { return nil }
		if slices.Contains(unused, n) {
			fresh = func() error { return holds(n) }
		}
		err := e.on(ctx, n, out, fresh)
		if err != nil {
			err = errors.Join(err, e.fail(ctx, n, err))
		}
		return err
	})
}

// Who is the user and the machine, for the audit log.
func Who() string {
	host, err := os.Hostname()
	if err != nil {
		host = "?"
	}
	if u, err := user.Current(); err == nil {
		return u.Username + "@" + host
	}
	return host
}

// mustBeOfItsManifest refuses another manifest than the plan's, also where it was begun.
func (x Execution) mustBeOfItsManifest() error {
	var has *plan.Manifest
	if m := x.Manifest; m != nil {
		has = &plan.Manifest{Root: m.Root, RoutesRoot: m.RoutesRoot, SHA256: sha256.Sum256(x.File)}
	}
	was, is := &plan.Plan{Intent: plan.Intent{Manifest: x.Plan.Intent.Manifest}}, &plan.Plan{Intent: plan.Intent{Manifest: has}}
	if moved := was.MovedSince(is); len(moved) > 0 {
		return &MovedError{x.Plan.Digest, moved}
	}
	return nil
}

// mustBeApproved refuses a plan that lacks approvals by the policy in force. That it was made under that policy is one of its
// preconditions.
func (a *App) mustBeApproved(ctx context.Context, p *plan.Plan) error {
	policy, _, err := a.policy(ctx)
	if err != nil {
		return err
	}
	if err := mustNotLast(p, policy); err != nil {
		return err
	}
	tally, err := a.tally(ctx, p, policy)
	if err != nil {
		return err
	}
	if !tally.Enough() {
		return &NotApprovedError{p.Digest, tally}
	}
	return nil
}

// unused returns the networks on which a plan has not been begun, and whether there are any on which it has not ended.
func (a *App) unused(ctx context.Context, p *plan.Plan, nets []*net) (unused []*net, open bool, err error) {
	for _, n := range nets {
		use, err := a.store.PlanUsed(ctx, p.Digest, n.ChainID)
		if err != nil {
			return nil, false, err
		}
		untouched := use == store.PlanUnused
		if use == store.PlanBegun {
			// begun, and then interrupted before anything of it was sent: it must hold, and be in time, as if it had not been
			if untouched, err = a.untouched(ctx, p, n); err != nil {
				return nil, false, err
			}
		}
		if untouched {
			unused = append(unused, n)
		}
		open = open || use == store.PlanUnused || use == store.PlanBegun
	}
	return unused, open, nil
}

// untouched tells whether nothing of a plan was sent to a network, or may still land there.
func (a *App) untouched(ctx context.Context, p *plan.Plan, n *net) (bool, error) {
	journal, err := a.store.Transactions(ctx, n.ChainID)
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(journal, func(t rollout.Transaction) bool {
		never := t.Status == rollout.Void || t.Status == rollout.Dropped || t.Status == rollout.Lost
		return t.Plan == p.Digest && !never && !strings.HasPrefix(t.Step, txsend.Dropping)
	}), nil
}

// used is what becomes of a plan that has ended on a network: nothing, if the network is still as the plan left it. It is not
// brought there again.
func (a *App) used(ctx context.Context, x Execution, n *net, out *Outcome) error {
	use, err := a.store.PlanUsed(ctx, x.Plan.Digest, n.ChainID)
	if err != nil {
		return err
	}
	out.Dispatcher = x.Plan.Intent.Dispatcher
	if use == store.PlanDone {
		pilots, err := a.pilots(x, n)
		if err != nil {
			return err
		}
		at, err := n.chain.Head(ctx)
		if err != nil {
			return err
		}
		done := true
		for _, p := range pilots {
			if r, ok := p.(*runPilot); ok {
				if err := r.begin(ctx, at, false); err != nil {
					return err
				}
			}
			action, err := p.Next(ctx, at)
			if err != nil {
				return err
			}
			done = done && action.Kind == rollout.Done
		}
		if done {
			out.Status = "unchanged"
			return nil
		}
	}
	return fmt.Errorf("%s: %w", n.Name, &store.UsedPlanError{Plan: x.Plan.Digest, ChainID: n.ChainID, Use: use})
}

// planSigners unlocks those who send by a plan.
func (a *App) planSigners(p *plan.Plan) (map[rollout.Role]*signer.Signer, error) {
	out := map[rollout.Role]*signer.Signer{}
	for _, s := range p.Intent.Senders {
		sends := false
		for _, n := range a.networks {
			part, _ := p.Intent.Network(n.ChainID)
			sends = sends || slices.ContainsFunc(p.Intent.CallsOf(part), func(c plan.Call) bool { return c.By == s.Role })
		}
		if !sends {
			continue
		}
		unlocked, err := a.signerOf(s.Address)
		if err != nil {
			return nil, fmt.Errorf("the plan is sent by %s for %s: %w", s.Address, s.Role, err)
		}
		out[s.Role] = unlocked
	}
	return out, nil
}

// mustHold makes a plan again on some networks, and refuses it if anything that it was decided on has moved, if it has
// expired, or if checks trip that it does not allow for.
func (a *App) mustHold(ctx context.Context, x Execution, nets []*net) error {
	return a.mustHoldPatiently(ctx, x, nets, func(error) {})
}

// mustHoldPatiently is mustHold. trouble is told when a network begins to be out of reach.
func (a *App) mustHoldPatiently(ctx context.Context, x Execution, nets []*net, trouble func(error)) error {
	p := x.Plan
	var fresh *plan.Plan
	tell := func(err error) {
		a.opts.Progress(Event{Network: nets[0].Name, Kind: "unreachable", Step: err.Error()})
		trouble(err)
	}
	err := reconcile.Patiently(ctx, nets[0].poll(), tell, func(ctx context.Context) (err error) {
		if err := a.mustBeInTime(ctx, p, nets); err != nil {
			return err
		}
		var refused *RefusedPlanError
		fresh, err = a.planAgain(ctx, p, x.Manifest, x.File, nets)
		holds := err == nil && len(p.MovedSince(fresh)) == 0 && len(p.Intent.Refusing(fresh.Observations.Checks)) == 0
		if holds || err != nil && !errors.As(err, &refused) {
			return err
		}
		// perhaps an endpoint has come to serve another chain
		for _, n := range nets {
			n.chain.Doubt()
		}
		fresh, err = a.planAgain(ctx, p, x.Manifest, x.File, nets)
		return err
	})
	if err != nil {
		return fmt.Errorf("nothing was sent: %w", err)
	}
	if moved := p.MovedSince(fresh); len(moved) > 0 {
		return &MovedError{p.Digest, moved}
	}
	if refusing := p.Intent.Refusing(fresh.Observations.Checks); len(refusing) > 0 {
		return &RefusedPlanError{Checks: refusing}
	}
	return nil
}

// clocksDiffer is how far the clock of whoever made a plan may be before a network's, in seconds. A local network, whose blocks are
// made on demand, may have an old head.
const clocksDiffer = 24 * 3600

// mustBeInTime refuses a plan that was not begun in its time, by the time of the networks.
func (a *App) mustBeInTime(ctx context.Context, p *plan.Plan, nets []*net) error {
	var g errgroup.Group
	for _, n := range nets {
		g.Go(func() error {
			at, err := n.chain.Head(ctx)
			switch {
			case err != nil:
			case int64(at.Time) > p.Intent.Expires:
				err = fmt.Errorf("%s: %w", n.Name, &ExpiredError{p.Digest, p.Intent.Expires, int64(at.Time)})
			case n.Kind != network.Local && p.Intent.Created > int64(at.Time)+clocksDiffer:
				err = fmt.Errorf("%s: plan %s says that it was made %d s after the network's last block: compare the clocks, and make a new one",
					n.Name, p.Digest, p.Intent.Created-int64(at.Time))
			}
			return err
		})
	}
	return g.Wait()
}

// carryOut does what a plan says on one network.
func (a *App) carryOut(ctx context.Context, e *execution, n *net, out *Outcome) error {
	pilots, err := a.pilots(e.x, n)
	if err != nil {
		return err
	}
	w := work{signers: e.signers, journal: e.journal, gate: e.gate(n), free: e.free(n), trouble: e.trouble(n), stop: e.stop, trace: e.trace}
	for _, p := range pilots {
		switch p := p.(type) {
		case *actPilot:
			err = a.actOn(ctx, n, p, w, out)
		case *runPilot:
			if err = a.loop(ctx, n, p, w, out); err == nil {
				err = p.end(ctx)
			}
		default:
			err = a.loop(ctx, n, p, w, out)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// pilots are what brings a network to where a plan says, one after the other.
func (a *App) pilots(x Execution, n *net) ([]reconcile.Pilot, error) {
	i := &x.Plan.Intent
	if x.Manifest == nil {
		return []reconcile.Pilot{&actPilot{chain: n.chain, address: i.Dispatcher, what: i.Action, by: i.Senders[0].Role}}, nil
	}
	var out []reconcile.Pilot
	if i.Action != plan.Rollback {
		d, err := a.deployPilot(x.Manifest)
		if err != nil {
			return nil, err
		}
		d.Chain, d.Desired.Grace = n.chain, n.Grace
		out = append(out, d)
	}
	if i.Action == plan.Deploy {
		return out, nil
	}
	root := x.Manifest.Root
	if i.Action == plan.Rollback {
		root = x.Manifest.RoutesRoot
	}
	return append(out, &runPilot{app: a, net: n, root: root, inner: dispatcher.Rollout{
		Chain: n.chain, Address: i.Dispatcher, Manifest: x.Manifest, Committer: senderOf(i.Senders, rollout.Committer),
		Applier: senderOf(i.Senders, rollout.Applier),
	}}), nil
}

// ExecuteDry says what carrying a plan out would send now, if it were approved. It is refused as Execute would.
func (a *App) ExecuteDry(ctx context.Context, x Execution) ([]Outcome, error) {
	if err := x.mustBeOfItsManifest(); err != nil {
		return nil, err
	}
	nets, err := a.netsOf(x.Plan)
	if err != nil {
		return nil, err
	}
	a.networks = nets
	if err := a.open(ctx); err != nil {
		return nil, err
	}
	unused, open, err := a.unused(ctx, x.Plan, a.networks)
	if err != nil {
		return nil, err
	}
	if !open {
		return a.each(ctx, func(ctx context.Context, n *net, out *Outcome) error { return a.used(ctx, x, n, out) })
	}
	return a.each(ctx, func(ctx context.Context, n *net, out *Outcome) error {
		out.Dispatcher, out.Status = x.Plan.Intent.Dispatcher, "planned"
		part, _ := x.Plan.Intent.Network(n.ChainID)
		gas := x.Plan.Observations.Of(n.Name).Calls
		for i, c := range x.Plan.Intent.CallsOf(part) {
			step := PlannedStep{Step: c.Step, By: c.By, To: c.To, Data: c.Data.String()}
			if i < len(gas) {
				step.Gas = gas[i].Gas
			}
			out.Steps = append(out.Steps, step)
		}
		if !slices.Contains(unused, n) {
			return nil // it goes on where it was begun
		}
		return a.mustHold(ctx, x, []*net{n})
	})
}
