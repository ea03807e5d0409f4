package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/reconcile"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/signer"
	"github.com/seed-b6a97670/lockstep/internal/store"
	"github.com/seed-b6a97670/lockstep/internal/txsend"
)

// execution carries a plan out on its networks, side by side, in this process or in several. Where each stands, and why it is not further, is
// in the journal, and what the plan's policy allows is decided from there.
type execution struct {
	app     *App
	x       Execution
	signers map[rollout.Role]*signer.Signer
	journal *store.Store          // under the lease, if it is carried out under one
	served  bool                  // by the daemon
	by      string                // who, for the audit log
	stop    <-chan struct{}       // ends the work after the step in hand; it may be nil
	trace   *tracing              // nil if nobody is told
	over    func(context.Context) // is told if this has ended the execution; it may be nil

	mu       sync.Mutex
	noted    map[uint64]store.ExecutionNetwork // by chain id: what was noted last
	ended    map[uint64]rollout.Block          // where a network was seen to be done
	possible map[uint64]uint64                 // block time from which it can be activated
}

func (a *App) newExecution(x Execution, signers map[rollout.Role]*signer.Signer, by string) *execution {
	return &execution{
		app: a, x: x, signers: signers, journal: a.store, by: by, noted: map[uint64]store.ExecutionNetwork{}, ended: map[uint64]rollout.Block{},
		possible: map[uint64]uint64{},
	}
}

// errTakenBack says that an operator has stopped an execution, or has taken the network out of it.
var errTakenBack = errors.New("taken back by an operator")

// noting tells whether where the execution stands is in the journal. One that pauses, unpauses or cancels waits for nothing, and ends at once.
func (e *execution) noting() bool { return e.x.Manifest != nil }

// policy is the plan's.
func (e *execution) policy() rollout.Policy {
	if p := e.x.Plan.Intent.Rollout; p != nil {
		return *p
	}
	return rollout.Policy{Kind: rollout.Independent}
}

// note writes down where a network stands, if that is new. One that is ready is written down each time, since that must not be long ago.
func (e *execution) note(ctx context.Context, n *net, s store.ExecutionNetwork) error {
	if !e.noting() {
		return nil
	}
	s.ChainID = n.ChainID
	e.mu.Lock()
	same := e.noted[n.ChainID] == s && s.State != rollout.StateReady
	e.mu.Unlock()
	if same {
		return nil
	}
	over, err := e.journal.NoteNetwork(ctx, e.x.Plan.Digest, s, e.by)
	if err != nil {
		return err
	}
	if over && e.over != nil {
		e.over(ctx)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.noted[n.ChainID] = s
	return nil
}

// stands reads how the execution stands everywhere; the error is errTakenBack if it is not to go on on a network.
func (e *execution) stands(ctx context.Context, n *net) (store.Execution, error) {
	ex, err := e.journal.Execution(ctx, e.x.Plan.Digest)
	if err != nil {
		return ex, err
	}
	i := slices.IndexFunc(ex.Networks, func(o store.ExecutionNetwork) bool { return o.ChainID == n.ChainID })
	if ex.Served != e.served {
		return ex, fmt.Errorf("%s: %w: it was given to another", n.Name, errTakenBack)
	}
	if ex.Status == store.ExecutionStopped || i >= 0 && ex.Networks[i].State == rollout.StateExcluded {
		reason := ex.Reason
		if ex.Status != store.ExecutionStopped {
			reason = ex.Networks[i].Reason
		}
		return ex, fmt.Errorf("%s: %w: %s", n.Name, errTakenBack, reason)
	}
	return ex, nil
}

// progress is how far all networks of a plan are, as its policy sees it.
func (a *App) progress(ctx context.Context, p *plan.Plan, ex store.Execution) ([]rollout.Progress, error) {
	var out []rollout.Progress
	for _, s := range ex.Networks {
		n, ok := p.Intent.Network(s.ChainID)
		if !ok {
			continue
		}
		h, err := a.store.Health(ctx, s.ChainID)
		if err != nil {
			return nil, err
		}
		out = append(out, rollout.Progress{
			ChainID: s.ChainID, Name: n.Name, Kind: n.Kind, State: s.State, Reason: s.Reason, DoneAt: s.DoneAt,
			Age: uint64(max(s.Age, 0) / time.Second), Health: h,
		})
	}
	return out, nil
}

// turn waits until the policy lets a network begin, and tells whether that had to be waited for.
func (e *execution) turn(ctx context.Context, n *net) (waited bool, err error) {
	if !e.noting() {
		return false, nil
	}
	for {
		ex, err := e.stands(ctx, n)
		if err != nil {
			return waited, err
		}
		all, err := e.app.progress(ctx, e.x.Plan, ex)
		if err != nil {
			return waited, err
		}
		v := e.policy().Begin(all, n.ChainID)
		if v.Allowed {
			return waited, nil
		}
		if err := e.note(ctx, n, store.ExecutionNetwork{State: rollout.StateWaiting, Reason: v.Reason}); err != nil {
			return waited, err
		}
		if !waited {
			e.app.opts.Progress(Event{Network: n.Name, Kind: "held", Step: v.Reason})
		}
		waited = true
		select {
		case <-ctx.Done():
			return waited, fmt.Errorf("%s: %w", n.Name, ctx.Err())
		case <-e.stop:
			return waited, fmt.Errorf("%s: %w", n.Name, reconcile.ErrStopped)
		case <-time.After(max(n.poll(), 100*time.Millisecond)):
		}
	}
}

// gate returns what is asked about each decision on a network before it is acted on: it notes where the network stands, and holds an activation
// back for which the others are not ready.
func (e *execution) gate(n *net) func(context.Context, rollout.Block, rollout.Action) (rollout.Action, error) {
	return func(ctx context.Context, at rollout.Block, action rollout.Action) (rollout.Action, error) {
		if !e.noting() {
			return action, nil
		}
		ex, err := e.stands(ctx, n)
		if err != nil {
			return action, err
		}
		s := store.ExecutionNetwork{State: rollout.StateWorking}
		switch action.Kind {
		case rollout.Done:
			e.mu.Lock()
			e.ended[n.ChainID] = at
			e.mu.Unlock()
			return action, nil
		case rollout.Halt:
			return action, nil
		case rollout.Wait:
			s.Reason = fmt.Sprintf("%s, until block time %d", action.Reason, action.Until)
			e.mu.Lock()
			e.possible[n.ChainID] = action.Until
			e.mu.Unlock()
		case rollout.Activate:
			return e.activation(ctx, n, at, action, ex)
		default:
			s.Reason = strings.Join(steps(action), ", ")
		}
		return action, e.note(ctx, n, s)
	}
}

func steps(action rollout.Action) (out []string) {
	for _, in := range action.Intents {
		out = append(out, in.Step)
	}
	return out
}

// activation lets an activation pass if the policy does. While it does not, it is simulated at each look, so that all are let go only when each
// would succeed.
func (e *execution) activation(
	ctx context.Context, n *net, at rollout.Block, action rollout.Action, ex store.Execution,
) (rollout.Action, error) {
	what := strings.Join(steps(action), ", ")
	v := e.policy().Activate(ex.Released)
	if v.Allowed {
		s := store.ExecutionNetwork{State: rollout.StateWorking, Reason: what}
		if ex.Released {
			s = store.ExecutionNetwork{State: rollout.StateReleasing, Reason: "all networks were let go; " + what}
		}
		return action, e.note(ctx, n, s)
	}
	hold := rollout.Action{Kind: rollout.Hold, Intents: action.Intents}
	refusal, err := e.app.simulates(ctx, n, at, action, e.signers)
	if err != nil {
		return action, err
	}
	if refusal != "" {
		hold.Reason = "its activation would fail: " + refusal
		return hold, e.note(ctx, n, store.ExecutionNetwork{State: rollout.StateWorking, Reason: hold.Reason})
	}
	// one whose approvals were taken back is not ready, and nothing is let go
	var lacks *NotApprovedError
	if err := e.app.mustBeApproved(ctx, e.x.Plan); errors.As(err, &lacks) {
		hold.Reason = err.Error()
		return hold, e.note(ctx, n, store.ExecutionNetwork{State: rollout.StateHalted, Reason: hold.Reason})
	} else if err != nil {
		return action, err
	}
	err = e.note(ctx, n, store.ExecutionNetwork{State: rollout.StateReady, Reason: "applied, past eta and grace, its activation simulated: " + v.Reason})
	if err != nil {
		return action, err
	}
	released, err := e.journal.LetGo(ctx, e.x.Plan.Digest, e.by, func(now store.Execution) bool {
		v = e.policy().Release(e.readiness(now))
		return v.Allowed
	})
	if err != nil {
		return action, err
	}
	if !released {
		hold.Reason = v.Reason
		return hold, nil
	}
	return action, e.note(ctx, n, store.ExecutionNetwork{State: rollout.StateReleasing, Reason: "all networks were let go; " + what})
}

// readiness is progress without health, which lets nothing go.
func (e *execution) readiness(ex store.Execution) (out []rollout.Progress) {
	for _, s := range ex.Networks {
		n, _ := e.x.Plan.Intent.Network(s.ChainID)
		out = append(out, rollout.Progress{
			ChainID: s.ChainID, Name: n.Name, Kind: n.Kind, State: s.State, Reason: s.Reason, Age: uint64(max(s.Age, 0) / time.Second),
		})
	}
	return out
}

// free tells whether a network that was held back may look again: all are let go, or could be.
func (e *execution) free(n *net) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		ex, err := e.stands(ctx, n)
		if err != nil {
			return false, err
		}
		return ex.Released || e.policy().Release(e.readiness(ex)).Allowed, nil
	}
}

// unreachable is the reason of a network that cannot be asked. What its endpoints said differs from time to time, and would be an entry of the audit
// log each time.
const unreachable = "no endpoint answers, or none that has seen what is final; the log of whoever carries it out says more"

// trouble notes that a network cannot be asked, as soon as that begins: others may be waiting for it.
func (e *execution) trouble(n *net) func(context.Context, error) {
	return func(ctx context.Context, err error) {
		if err := e.note(ctx, n, store.ExecutionNetwork{State: rollout.StateUnreachable, Reason: unreachable}); err != nil {
			e.app.opts.Log.WarnContext(ctx, "that a network cannot be reached was not noted", "network", n.Name, "err", err)
		}
	}
}

// on carries the plan out on one network. fresh is asked, if it is not nil, before a network is begun that did not have to wait for others.
func (e *execution) on(ctx context.Context, n *net, out *Outcome, fresh func() error) error {
	p := e.x.Plan
	out.Dispatcher = p.Intent.Dispatcher
	use, err := e.journal.PlanUsed(ctx, p.Digest, n.ChainID)
	if err != nil {
		return err
	}
	switch use {
	case store.PlanDone:
		return e.finish(ctx, n, e.app.used(ctx, e.x, n, out))
	case store.PlanAbandoned:
		err := &store.UsedPlanError{Plan: p.Digest, ChainID: n.ChainID, Use: use}
		return errors.Join(err, e.note(ctx, n, store.ExecutionNetwork{State: rollout.StateExcluded, Reason: "lockstep cancel has ended it there"}))
	}
	waited, err := e.turn(ctx, n)
	if err != nil {
		return err
	}
	switch {
	case waited:
		err = e.mustStillHold(ctx, n)
	case fresh != nil:
		err = fresh()
	}
	if err != nil {
		return err
	}
	if err := e.journal.BeginPlan(ctx, p.Digest, n.ChainID); err != nil {
		return err
	}
	if err := e.app.carryOut(ctx, e, n, out); err != nil {
		return err
	}
	if err := provenDone(ctx, n, p); err != nil {
		return err
	}
	return e.finish(ctx, n, e.journal.EndPlan(ctx, p.Digest, n.ChainID, store.PlanDone))
}

// mustStillHold looks at a network again on which nothing of the plan was sent, when its turn has come.
func (e *execution) mustStillHold(ctx context.Context, n *net) error {
	use, err := e.journal.PlanUsed(ctx, e.x.Plan.Digest, n.ChainID)
	if err != nil {
		return err
	}
	untouched := use == store.PlanUnused
	if use == store.PlanBegun {
		if untouched, err = e.app.untouched(ctx, e.x.Plan, n); err != nil {
			return err
		}
	}
	if !untouched {
		return nil
	}
	if err := e.app.mustBeApproved(ctx, e.x.Plan); err != nil {
		return err
	}
	return e.app.mustHoldPatiently(ctx, e.x, []*net{n}, func(err error) { e.trouble(n)(ctx, err) })
}

// provenDone looks once more, at endpoints that have proven their chain again: one may have come to serve another chain since, on which the plan is done.
func provenDone(ctx context.Context, n *net, p *plan.Plan) error {
	n.chain.Doubt()
	at, err := n.chain.Head(ctx)
	part, _ := p.Intent.Network(n.ChainID)
	if err != nil || part.Root == (common.Hash{}) {
		return err
	}
	state, err := dispatcher.ReadState(ctx, n.chain, at.Hash, p.Intent.Dispatcher)
	if err == nil && (state.ActiveEpoch < part.Epoch || state.ActiveEpoch == part.Epoch && state.ActiveRoot != part.Root) {
		err = fmt.Errorf("root %s seemed to be active in epoch %d, and %s is in epoch %d: it is looked at again", part.Root, part.Epoch, state.ActiveRoot, state.ActiveEpoch)
	}
	return err
}

// finish notes that a network is done, unless err says otherwise.
func (e *execution) finish(ctx context.Context, n *net, err error) error {
	if err != nil || !e.noting() {
		return err
	}
	e.mu.Lock()
	at, seen := e.ended[n.ChainID]
	e.mu.Unlock()
	if !seen {
		if at, err = n.chain.Head(ctx); err != nil {
			return err
		}
	}
	return e.note(ctx, n, store.ExecutionNetwork{State: rollout.StateDone, DoneAt: at.Time})
}

// never is for how long a network is left alone that only an operator can help.
const never = 100 * 365 * 24 * time.Hour

// fail notes why a network is not done. What an operator has taken back, and what another process goes on with, is noted already.
func (e *execution) fail(ctx context.Context, n *net, err error) error {
	s := store.ExecutionNetwork{State: rollout.StateHalted, Reason: strings.TrimPrefix(err.Error(), n.Name+": "), Retry: 30 * time.Second}
	var moved *MovedError
	var expired *ExpiredError
	var refused *RefusedPlanError
	var used *store.UsedPlanError
	var reverted *rollout.RevertedError
	elsewhere := errors.Is(err, errTakenBack) || errors.Is(err, rollout.ErrFenced) || errors.Is(err, reconcile.ErrStopped)
	switch {
	case elsewhere || ctx.Err() != nil:
		s = store.ExecutionNetwork{}
	case errors.Is(err, rollout.ErrUnavailable):
		s.State, s.Reason, s.Retry = rollout.StateUnreachable, unreachable, 5*time.Second
	case errors.As(err, &moved), errors.As(err, &expired), errors.As(err, &refused), errors.As(err, &used), errors.As(err, &reverted):
		s.Retry = never
	}
	if s.State == "" {
		return nil
	}
	return errors.Join(e.note(ctx, n, s), e.app.noteRefusal(ctx, n, err))
}

// noteRefusal keeps what a contract refused when it was simulated, for whoever watches.
func (a *App) noteRefusal(ctx context.Context, n *net, err error) error {
	var r *txsend.RefusedError
	if !errors.As(err, &r) || len(r.Call) < 4 {
		return nil
	}
	name, fields := dispatcher.Kind.Refusal(nil, r.Data)
	return a.store.SaveRefused(ctx, n.ChainID, []event.Refused{{
		Contract: r.To, Block: r.At, From: r.From, Selector: hexutil.Encode(r.Call[:4]), Error: name, Fields: fields, Data: r.Data, Source: "simulation",
	}})
}

// ordered are the chain ids of networks on which a plan is carried out, and of all the others if it has an order: they must be waited for by whoever
// carries it out on some alone.
func ordered(p *plan.Plan, nets []*net) (out []uint64) {
	for _, n := range p.Intent.Networks {
		if p.Intent.Rollout != nil || slices.ContainsFunc(nets, func(o *net) bool { return o.ChainID == n.ChainID }) {
			out = append(out, n.ChainID)
		}
	}
	return out
}

// simulates tells why an action would fail now; it is empty if all of it succeeds.
func (a *App) simulates(ctx context.Context, n *net, at rollout.Block, action rollout.Action, signers map[rollout.Role]*signer.Signer) (string, error) {
	s, ok := signers[action.Intents[0].By]
	if !ok {
		return fmt.Sprintf("nobody here signs for %s", action.Intents[0].By), nil
	}
	quote, err := a.sender(n, watcher(s.Address())).Quote(ctx, at, action.Intents)
	if err != nil {
		return "", err
	}
	if len(quote.Gas) < len(action.Intents) {
		return quote.Behind.Error(), nil
	}
	return "", nil
}

// mustHaveNoOrder refuses to roll out without a plan where the configuration says in which order networks become live: only a plan holds that.
func (a *App) mustHaveNoOrder() error {
	order, err := a.order(a.networks, false)
	if err != nil || order == nil {
		return err
	}
	return fmt.Errorf("%s says in which order networks become live (rollout.policy is %s), which only a plan can hold: make one with lockstep plan",
		a.cfg.File, order.Kind)
}
