package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/config"
	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/evm"
	"github.com/seed-b6a97670/lockstep/internal/lease"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/reconcile"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/signer"
	"github.com/seed-b6a97670/lockstep/internal/store"
	"github.com/seed-b6a97670/lockstep/internal/txsend"
)

// Outcome is what a command did on one network.
type Outcome struct {
	Network      string               `json:"network"`
	ChainID      uint64               `json:"chainId"`
	Dispatcher   common.Address       `json:"dispatcher"`
	Status       string               `json:"status"` // done, unchanged, failed, planned or refused
	Error        string               `json:"error,omitempty"`
	Steps        []PlannedStep        `json:"steps,omitempty"`     // of a dry run
	Preflight    *Preflight           `json:"preflight,omitempty"` // of a dry run of a deployment
	Transactions []TransactionSummary `json:"transactions"`
	GasUsed      uint64               `json:"gasUsed"`
	Seconds      float64              `json:"seconds"` // by the clock of this machine
}

// TransactionSummary is one transaction that became final during a command.
type TransactionSummary struct {
	Step    string      `json:"step"`
	Hash    common.Hash `json:"hash"`
	Block   uint64      `json:"block"`
	GasUsed uint64      `json:"gasUsed"`

	Reverted bool `json:"-"`
}

// FailedError says on which networks a command failed. The others are done.
type FailedError struct {
	Errors []error
	Of     int
}

func (e *FailedError) Error() string {
	return fmt.Sprintf("%d of %d networks failed:\n%v", len(e.Errors), e.Of, errors.Join(e.Errors...))
}

func (e *FailedError) Unwrap() []error { return e.Errors }

// each runs f on every network side by side, and gathers outcomes in the order of the configuration. One network's
// failure stops no other.
func (a *App) each(ctx context.Context, f func(ctx context.Context, n *net, out *Outcome) error) ([]Outcome, error) {
	return a.eachOf(ctx, a.networks, f)
}

// eachOf is each on some networks.
func (a *App) eachOf(ctx context.Context, nets []*net, f func(ctx context.Context, n *net, out *Outcome) error) ([]Outcome, error) {
	outcomes := make([]Outcome, len(nets))
	errs := make([]error, len(nets))
	var wg sync.WaitGroup
	for i, n := range nets {
		wg.Go(func() {
			out := &outcomes[i]
			*out = Outcome{Network: n.Name, ChainID: n.ChainID, Status: "done", Transactions: []TransactionSummary{}}
			start := time.Now()
			if err := f(ctx, n, out); err != nil {
				out.Status, out.Error, errs[i] = "failed", err.Error(), err
				a.opts.Progress(Event{Network: n.Name, Kind: "failed", Step: err.Error()})
			}
			out.Seconds = time.Since(start).Seconds()
			for _, t := range out.Transactions {
				out.GasUsed += t.GasUsed
			}
		})
	}
	wg.Wait()
	var failed []error
	for _, err := range errs {
		if err != nil {
			failed = append(failed, err)
		}
	}
	if len(failed) > 0 {
		return outcomes, &FailedError{failed, len(nets)}
	}
	return outcomes, nil
}

// work is what a loop needs besides its pilot.
type work struct {
	signers map[rollout.Role]*signer.Signer // of the roles that the pilot needs
	journal *store.Store                    // under a lease; nil for that of the program
	gate    func(context.Context, rollout.Block, rollout.Action) (rollout.Action, error)
	free    func(context.Context) (bool, error)
	trouble func(context.Context, error) // is told when the network cannot be asked, or is behind
	stop    <-chan struct{}
	trace   *tracing // nil if nobody is told
}

// loop runs a pilot on one network.
func (a *App) loop(ctx context.Context, n *net, pilot reconcile.Pilot, w work, out *Outcome) error {
	before, err := a.store.Transactions(ctx, n.ChainID)
	if err != nil {
		return err
	}
	if err := a.routable(ctx, n); err != nil {
		return err
	}
	l := reconcile.Loop{
		Chain: n.chain, Pilot: logged{pilot, a.opts.Log, n.Name, w.gate, a.recorder(n, pilot)}, Senders: map[rollout.Role]reconcile.Sender{},
		Poll: n.poll(), Free: w.free, Stop: w.stop,
	}
	senders := []*txsend.Sender{}
	for role, s := range w.signers {
		cfg := a.sends(n, s)
		w.trace.watch(&cfg)
		sender := txsend.New(cfg)
		l.Senders[role], senders = sender, append(senders, sender)
	}
	_, urgent := pilot.(*actPilot)
	journal := a.store
	if w.journal != nil {
		journal = w.journal
	}
	l.Hold = a.hold(n, journal, senders, urgent)
	l.Unreachable = func(err error) {
		a.opts.Progress(Event{Network: n.Name, Kind: "unreachable", Step: err.Error()})
		if w.trouble != nil {
			w.trouble(ctx, err)
		}
	}
	l.Waiting = func(now rollout.Block, action rollout.Action) {
		kind := "waiting"
		if action.Kind == rollout.Hold {
			kind = "held"
		}
		a.opts.Progress(Event{Network: n.Name, Kind: kind, Step: action.Reason, Now: now, Until: action.Until})
	}
	runErr := l.Run(ctx)
	if runErr == nil {
		a.opts.Progress(Event{Network: n.Name, Kind: "done"})
	}
	// what became final meanwhile, also what an earlier run had signed
	open := map[int64]bool{}
	var last int64
	for _, t := range before {
		open[t.ID] = t.Status.Open() || t.Status == rollout.Replaced
		last = max(last, t.ID)
	}
	after, err := a.store.Transactions(context.WithoutCancel(ctx), n.ChainID)
	if err != nil {
		return errors.Join(runErr, err)
	}
	for _, t := range after {
		if final := t.Status == rollout.Confirmed || t.Status == rollout.Reverted; final && (t.ID > last || open[t.ID]) {
			out.Transactions = append(out.Transactions, TransactionSummary{t.Step, t.Hash, t.BlockNumber, t.GasUsed, t.Status == rollout.Reverted})
		}
	}
	if runErr == nil {
		out.Status = "done"
		if len(out.Transactions) == 0 {
			out.Status = "unchanged"
		}
	}
	return runErr
}

// hold returns what takes the nonces of senders on a network for this process. What is urgent takes them from whoever has them.
func (a *App) hold(n *net, journal *store.Store, senders []*txsend.Sender, urgent bool) func(context.Context) (context.Context, func(), error) {
	var names []string
	for _, s := range senders {
		names = append(names, rollout.SignerLease(n.ChainID, s.Address()))
	}
	slices.Sort(names)
	names = slices.Compact(names)
	busy := func(err error) { a.opts.Progress(Event{Network: n.Name, Kind: "busy", Step: err.Error()}) }
	return func(ctx context.Context) (context.Context, func(), error) {
		take := func() (*lease.Held, error) { return a.leases.Hold(ctx, busy, names...) }
		if urgent {
			take = func() (*lease.Held, error) { return a.leases.Seize(ctx, names...) }
		}
		held, err := take()
		if err != nil {
			return nil, nil, err
		}
		under := journal.Under(held.Leases...)
		for _, s := range senders {
			s.Use(under)
		}
		return held.Context(), func() {
			if err := held.Release(ctx); err != nil {
				a.opts.Log.WarnContext(ctx, "the nonces of signers are in use until their leases expire", "network", n.Name, "err", err)
			}
		}, nil
	}
}

// logged writes every decision to the log, and to the audit log.
type logged struct {
	pilot   reconcile.Pilot
	log     *slog.Logger
	network string
	gate    func(context.Context, rollout.Block, rollout.Action) (rollout.Action, error) // may change a decision; nil changes none
	record  func(context.Context, rollout.Block, rollout.Action) error
}

// Next observes and decides.
func (p logged) Next(ctx context.Context, at rollout.Block) (rollout.Action, error) {
	action, err := p.pilot.Next(ctx, at)
	if err == nil && p.gate != nil {
		if action, err = p.gate(ctx, at, action); err != nil {
			return action, err
		}
	}
	if err == nil {
		p.log.DebugContext(ctx, "decided", "network", p.network, "block", at.Number, "time", at.Time, "kind", action.Kind,
			"steps", steps(action), "reason", action.Reason)
		return action, p.record(ctx, at, action)
	}
	if halt := (*reconcile.HaltError)(nil); errors.As(err, &halt) {
		err = errors.Join(err, p.record(ctx, at, rollout.Action{Kind: rollout.Halt, Reason: halt.Reason}))
	}
	return action, err
}

// Deploy puts the manifest's contracts, the extension and the dispatcher on every network, and hands the roles over. Nothing
// is sent before all networks are found ready and Options.Confirm agrees.
func (a *App) Deploy(ctx context.Context, m *manifest.Manifest, dryRun bool) ([]Outcome, error) {
	pilot, err := a.deployPilot(m)
	if err != nil {
		return nil, err
	}
	if err := a.open(ctx); err != nil {
		return nil, err
	}
	if err := a.covers(m, a.networks); err != nil {
		return nil, err
	}
	var signers map[rollout.Role]*signer.Signer
	if !dryRun {
		if err := a.mustNotNeedPlan(ctx, plan.Deploy); err != nil {
			return nil, err
		}
		if signers, err = a.unlock(rollout.Deployer); err != nil {
			return nil, err
		}
		if err := a.routable(ctx, a.networks...); err != nil {
			return nil, err
		}
	}
	planned, err := a.preflightAll(ctx, pilot, !dryRun)
	if err != nil || dryRun {
		return planned, err
	}
	if err := a.opts.Confirm(ctx, planned); err != nil {
		return nil, err
	}
	return a.each(ctx, func(ctx context.Context, n *net, out *Outcome) error {
		p := *pilot
		p.Chain, p.Desired.Grace, out.Dispatcher = n.chain, n.Grace, p.Address
		return a.loop(ctx, n, &p, work{signers: signers}, out)
	})
}

// deployPilot computes what a deployment is to bring about, except for what differs between networks.
func (a *App) deployPilot(m *manifest.Manifest) (*dispatcher.Deploy, error) {
	d, err := a.deployment()
	if err != nil {
		return nil, err
	}
	deployer, err := a.addressOf(a.cfg.Dispatcher.Deployer)
	if err != nil {
		return nil, err
	}
	// the code of both follows from their init code; the dispatcher's constructor calls the extension
	f := a.factory()
	codes, err := evm.CreateAll(m.Networks[0].ChainID, f.Address, d.Salt, []evm.Creation{
		{Address: d.Extension, InitCode: d.ExtensionInitCode}, {Address: d.Address, InitCode: d.InitCode},
	})
	if err != nil {
		return nil, fmt.Errorf("dispatcher: %w", err)
	}
	desired := rollout.DeployDesired{Factory: f.Name, FactoryCodeHash: f.CodeHash, Deployer: deployer, Contracts: []rollout.Contract{
		{Name: "extension", Address: d.Extension, CodeHash: crypto.Keccak256Hash(codes[0]), InitCode: d.ExtensionInitCode},
		{Name: "dispatcher", Address: d.Address, CodeHash: crypto.Keccak256Hash(codes[1]), InitCode: d.InitCode},
	}}
	for _, c := range m.Deployments() {
		desired.Contracts = append(desired.Contracts,
			rollout.Contract{Name: c.Name(), Address: c.Address, CodeHash: c.CodeHash, InitCode: c.InitCode})
	}
	if desired.Grants, err = a.grants(); err != nil {
		return nil, err
	}
	for _, g := range desired.Grants {
		if err := mayHold(a.cfg, strings.ToLower(g.Name), g.Account, deployer); err != nil {
			return nil, err
		}
	}
	return &dispatcher.Deploy{Factory: f, Salt: m.Salt, Address: d.Address, Desired: desired}, nil
}

// grants are the roles that the configuration gives.
func (a *App) grants() ([]rollout.Grant, error) {
	var out []rollout.Grant
	for i, key := range config.RoleKeys {
		for _, acc := range a.cfg.Dispatcher.Roles[key] {
			account, err := a.account(acc)
			if err != nil {
				return nil, err
			}
			role := dispatcher.RoleNames[i]
			g := rollout.Grant{Role: role.Role, Name: role.Name, Account: account}
			if !slices.Contains(out, g) { // an account may be named twice, by signer and by address
				out = append(out, g)
			}
		}
	}
	return out, nil
}

// covers refuses a manifest that was not built for a network.
func (a *App) covers(m *manifest.Manifest, nets []*net) error {
	ids := map[uint64]bool{}
	for _, n := range m.Networks {
		ids[n.ChainID] = true
	}
	for _, n := range nets {
		if !ids[n.ChainID] {
			return fmt.Errorf("the manifest was not built for %s (chain id %d): run lockstep manifest build again", n.Name, n.ChainID)
		}
	}
	if f := a.factory(); m.Factory != f {
		return fmt.Errorf("the manifest was built for factory %s, the configuration says %s: run lockstep manifest build again", m.Factory, f)
	}
	if m.Salt != a.cfg.Salt {
		return fmt.Errorf("the manifest was built with salt %s, the configuration says %s", m.Salt, a.cfg.Salt)
	}
	return nil
}

// Rollout brings a manifest's routes to every network: commit, pages, timelock, activation. file is the manifest's
// encoding, which the journal keeps.
func (a *App) Rollout(ctx context.Context, m *manifest.Manifest, file []byte, dryRun bool) ([]Outcome, error) {
	return a.rollTo(ctx, plan.Rollout, m, file, dryRun)
}

// Rollback returns to the routes of an earlier manifest, without its init call.
func (a *App) Rollback(ctx context.Context, m *manifest.Manifest, file []byte, dryRun bool) ([]Outcome, error) {
	return a.rollTo(ctx, plan.Rollback, m, file, dryRun)
}

func (a *App) rollTo(ctx context.Context, action string, m *manifest.Manifest, file []byte, dryRun bool) ([]Outcome, error) {
	root := m.Root
	if action == plan.Rollback {
		root = m.RoutesRoot
	}
	address, err := a.Dispatcher()
	if err != nil {
		return nil, err
	}
	if err := a.open(ctx); err != nil {
		return nil, err
	}
	if err := a.covers(m, a.networks); err != nil {
		return nil, err
	}
	committer, err := a.roleAddress(rollout.Committer)
	if err != nil {
		return nil, err
	}
	applier, err := a.roleAddress(rollout.Applier)
	if err != nil {
		return nil, err
	}
	var signers map[rollout.Role]*signer.Signer
	if !dryRun {
		if err := a.mustNotNeedPlan(ctx, action); err != nil {
			return nil, err
		}
		if err := a.mustHaveNoOrder(); err != nil {
			return nil, err
		}
		if signers, err = a.unlock(rollout.Committer, rollout.Applier); err != nil {
			return nil, err
		}
		if err := a.routable(ctx, a.networks...); err != nil {
			return nil, err
		}
		if err := a.store.SaveManifest(ctx, m.Root, m.RoutesRoot, file); err != nil {
			return nil, err
		}
	}
	return a.each(ctx, func(ctx context.Context, n *net, out *Outcome) error {
		out.Dispatcher = address
		p := &runPilot{app: a, net: n, root: root, inner: dispatcher.Rollout{
			Chain: n.chain, Address: address, Manifest: m, Committer: committer, Applier: applier,
		}}
		if dryRun {
			return a.planRollout(ctx, n, p, out)
		}
		if err := a.loop(ctx, n, p, work{signers: signers}, out); err != nil {
			return err
		}
		return p.end(ctx)
	})
}

func (a *App) roleAddress(role rollout.Role) (common.Address, error) {
	name, err := a.signerFor(role)
	if err != nil {
		return common.Address{}, err
	}
	return a.addressOf(name)
}

// runPilot is a rollout whose epoch is fixed in the journal at its first observation.
type runPilot struct {
	app   *App
	net   *net
	root  common.Hash
	inner dispatcher.Rollout
	began bool
}

// Next observes and decides.
func (p *runPilot) Next(ctx context.Context, at rollout.Block) (rollout.Action, error) {
	if !p.began {
		if err := p.begin(ctx, at, true); err != nil {
			return rollout.Action{}, err
		}
	} else if err := p.mustRun(ctx); err != nil {
		return rollout.Action{}, err
	}
	committed, err := p.committed(ctx)
	if err != nil {
		return rollout.Action{}, err
	}
	p.inner.Committed = committed
	return p.inner.Next(ctx, at)
}

// mustRun halts when another process has ended the run: lockstep cancel stops a rollout that waits.
func (p *runPilot) mustRun(ctx context.Context) error {
	if p.inner.Run.ID == 0 {
		return nil
	}
	abandoned, err := p.app.store.Abandoned(ctx, p.inner.Run.ID)
	if err != nil {
		return err
	}
	if abandoned {
		return &reconcile.HaltError{Network: p.net.Name, Reason: "this rollout was ended by another process, such as lockstep cancel"}
	}
	return nil
}

// committed tells whether a commit of this run is final.
func (p *runPilot) committed(ctx context.Context) (bool, error) {
	if p.inner.Run.ID == 0 {
		return false, nil
	}
	journal, err := p.app.store.Transactions(ctx, p.net.ChainID)
	if err != nil {
		return false, err
	}
	step := p.inner.CommitStep()
	for _, t := range journal {
		if t.ID > p.inner.Run.After && t.Step == step && t.Status == rollout.Confirmed {
			return true, nil
		}
	}
	return false, nil
}

// begin finds out which run this is: the one that the journal says is running, the one that is finished, or a new one.
func (p *runPilot) begin(ctx context.Context, at rollout.Block, record bool) error {
	state, err := dispatcher.ReadState(ctx, p.net.chain, at.Hash, p.inner.Address)
	var missing *dispatcher.NotDeployedError
	deployed := !errors.As(err, &missing)
	if err != nil && deployed {
		return err
	}
	run, err := p.app.store.Running(ctx, p.net.ChainID, p.inner.Address)
	if err == nil {
		ours, err := p.resume(ctx, at, state, deployed, run, record)
		if ours || err != nil {
			return err
		}
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	run = rollout.Run{ChainID: p.net.ChainID, Dispatcher: p.inner.Address, Root: p.root, Manifest: p.inner.Manifest.Root, Epoch: 1}
	if !deployed {
		// the decision will say so
		p.inner.Run, p.began = run, true
		return nil
	}
	if run.Root, err = p.effectiveRoot(ctx, at, state); err != nil {
		return err
	}
	if state.ActiveRoot == run.Root || state.ActiveRoutesRoot == run.Root {
		// live already: there is nothing to begin, only to verify
		run.Root, run.Epoch = state.ActiveRoot, state.ActiveEpoch
		p.inner.Run, p.began = run, true
		return nil
	}
	run.Epoch = state.ActiveEpoch + 1
	if record {
		if run, err = p.app.store.Begin(ctx, run); err != nil {
			return err
		}
	}
	p.inner.Run, p.began = run, true
	return nil
}

// resume goes on with the run that the journal says is running, if that is this one. One that is live already is ended, and any
// other is in the way.
func (p *runPilot) resume(
	ctx context.Context, at rollout.Block, state dispatcher.State, deployed bool, run rollout.Run, record bool,
) (ours bool, err error) {
	effective := p.root
	if deployed {
		// the routesRoot of a manifest whose init call has not run is another run: it would leave the call out
		if effective, err = p.effectiveRoot(ctx, at, state); err != nil {
			return false, err
		}
	}
	switch {
	case run.Root == p.root || run.Root == effective:
		p.inner.Run, p.began = run, true
		return true, nil
	case !deployed || state.ActiveRoot != run.Root || state.ActiveEpoch != run.Epoch:
		return false, &reconcile.HaltError{Network: p.net.Name, Reason: (&rollout.OtherRunError{Running: run}).Error()}
	case record:
		// it was killed after its activation, before it could note the end
		return false, p.app.store.End(ctx, run.ID, true)
	}
	return false, nil
}

// effectiveRoot is the root to commit: an init call runs once, so a manifest whose init has run is returned to by its
// routesRoot.
func (p *runPilot) effectiveRoot(ctx context.Context, at rollout.Block, state dispatcher.State) (common.Hash, error) {
	m := p.inner.Manifest
	if m.Init == nil || p.root != m.Root || state.ActiveRoot == m.Root {
		return p.root, nil
	}
	ran, err := dispatcher.ReadInitialized(ctx, p.net.chain, at.Hash, p.inner.Address, m.Root)
	if err != nil {
		return common.Hash{}, err
	}
	if ran == (common.Hash{}) {
		return p.root, nil
	}
	return m.RoutesRoot, nil
}

func (p *runPilot) end(ctx context.Context) error {
	if p.inner.Run.ID == 0 {
		return nil
	}
	return p.app.store.End(ctx, p.inner.Run.ID, true)
}

// Act sends one transaction to the dispatcher of every network: pause, unpause or cancel. Where nothing is sent without a plan,
// it makes its own if the policy asks nobody.
func (a *App) Act(ctx context.Context, what string, dryRun bool) ([]Outcome, error) {
	address, err := a.Dispatcher()
	if err != nil {
		return nil, err
	}
	if err := a.open(ctx); err != nil {
		return nil, err
	}
	role := a.actRole(what)
	if dryRun {
		return a.each(ctx, func(ctx context.Context, n *net, out *Outcome) error {
			out.Dispatcher = address
			return a.planOne(ctx, n, &actPilot{chain: n.chain, address: address, what: what, by: role}, out)
		})
	}
	if err := a.mustNotNeedPlan(ctx, what); err != nil {
		return nil, err
	}
	signers, err := a.unlock(role)
	if err != nil {
		return nil, err
	}
	policy, _, err := a.policy(ctx)
	if err != nil {
		return nil, err
	}
	return a.each(ctx, func(ctx context.Context, n *net, out *Outcome) error {
		out.Dispatcher = address
		act := func() error {
			return a.actOn(ctx, n, &actPilot{chain: n.chain, address: address, what: what, by: role}, work{signers: signers}, out)
		}
		if n.Kind != network.Mainnet && policy.Others == 0 {
			return act()
		}
		p, err := a.ownPlan(ctx, n, what)
		if err != nil {
			return err
		}
		if len(p.Intent.Calls) == 0 {
			return act() // nothing is sent, so no plan is used
		}
		if err := a.store.BeginPlan(ctx, p.Digest, n.ChainID); err != nil {
			return err
		}
		if err := act(); err != nil {
			return err
		}
		return a.store.EndPlan(ctx, p.Digest, n.ChainID, store.PlanDone)
	})
}

// ownPlan is a plan for one network that needs no approval. An emergency waits for nothing that a check finds, unless it could not
// be carried out at all.
func (a *App) ownPlan(ctx context.Context, n *net, action string) (p *plan.Plan, err error) {
	tell := func(err error) { a.opts.Progress(Event{Network: n.Name, Kind: "unreachable", Step: err.Error()}) }
	err = reconcile.Patiently(ctx, n.poll(), tell, func(ctx context.Context) (err error) {
		p, err = a.makePlan(ctx, PlanRequest{Action: action, emergency: true}, []*net{n})
		return err
	})
	return p, err
}

// actOn pauses, unpauses or cancels on one network.
func (a *App) actOn(ctx context.Context, n *net, p *actPilot, w work, out *Outcome) error {
	if p.what != plan.Cancel {
		return a.loop(ctx, n, p, w, out)
	}
	if s := w.signers[p.by]; s != nil { // there is nothing to cancel otherwise
		if err := a.mustBeSettled(ctx, n, s.Address()); err != nil {
			return err
		}
	}
	if err := a.loop(ctx, n, p, w, out); err != nil {
		return err
	}
	return a.abandon(ctx, n, p.address)
}

// mustBeSettled refuses to cancel while a transaction of another signer is under way: it could be a commit that lands
// after the cancel. One that no node holds does not: a rollout looks again before it sends it.
func (a *App) mustBeSettled(ctx context.Context, n *net, canceller common.Address) error {
	journal, err := a.store.Transactions(ctx, n.ChainID)
	if err != nil {
		return err
	}
	for _, t := range journal {
		if (t.Status != rollout.Released && t.Status != rollout.Replaced) || t.Signer == canceller {
			continue
		}
		if _, err := n.chain.Receipt(ctx, t.Hash); err == nil {
			continue // it is in a block, and seen in what is decided on
		} else if !errors.Is(err, ethereum.NotFound) {
			return err
		}
		known, err := n.chain.Known(ctx, t.Hash)
		if err != nil {
			return err
		}
		if known {
			return &reconcile.HaltError{Network: n.Name, Reason: fmt.Sprintf("%s of %s waits for a block: when it is in one, cancel again; or take it back "+
				"first, with lockstep transaction drop %.10s", t.Step, t.Signer, t.Hash.Hex())}
		}
	}
	return nil
}

// abandon ends the run of a dispatcher whose commitment was taken back, and the plans that are being carried out there.
func (a *App) abandon(ctx context.Context, n *net, address common.Address) error {
	begun, err := a.store.PlansBegun(ctx, n.ChainID)
	if err != nil {
		return err
	}
	for _, digest := range begun {
		p, err := a.plan(ctx, digest)
		if err != nil {
			return err
		}
		if p.Intent.Manifest == nil || p.Intent.Dispatcher != address {
			continue
		}
		if err := a.store.EndPlan(ctx, digest, n.ChainID, store.PlanAbandoned); err != nil {
			return err
		}
	}
	run, err := a.store.Running(ctx, n.ChainID, address)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return a.store.End(ctx, run.ID, false)
}

// actPilot brings one switch of the dispatcher into a position.
type actPilot struct {
	chain   dispatcher.Chain
	address common.Address
	what    string
	by      rollout.Role
}

// Next observes and decides.
func (p *actPilot) Next(ctx context.Context, at rollout.Block) (rollout.Action, error) {
	state, err := dispatcher.ReadState(ctx, p.chain, at.Hash, p.address)
	var missing *dispatcher.NotDeployedError
	if err != nil && !errors.As(err, &missing) {
		return rollout.Action{}, err
	}
	return p.decide(state, err == nil), nil
}

func (p *actPilot) decide(state dispatcher.State, deployed bool) rollout.Action {
	send := func(in rollout.Intent) rollout.Action {
		in.By = p.by
		return rollout.Action{Kind: rollout.Kind(p.what), Intents: []rollout.Intent{in}}
	}
	switch {
	case !deployed:
		return rollout.Action{Kind: rollout.Halt, Reason: (&dispatcher.NotDeployedError{Address: p.address}).Error() + ": run lockstep deploy"}
	case p.what == plan.Pause && !state.Paused:
		return send(dispatcher.Pause(p.address))
	case p.what == plan.Unpause && state.Paused:
		return send(dispatcher.Unpause(p.address))
	case p.what == plan.Cancel && state.PendingRoot != (common.Hash{}):
		return send(dispatcher.Cancel(p.address, state.PendingRoot))
	}
	return rollout.Action{Kind: rollout.Done}
}
