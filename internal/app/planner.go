package app

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"golang.org/x/sync/errgroup"

	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/reconcile"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// PlanRequest says what a plan is to be for.
type PlanRequest struct {
	Action   string
	Manifest *manifest.Manifest // of deploy, rollout and rollback
	File     []byte             // its encoding
	Hotfix   bool               // accept the errors that checks find
	// OldManifest is the one in use, and OldBuild where its build-info is. Without the first, the journal is asked; without the
	// second, storage is not compared.
	OldManifest *manifest.Manifest
	OldBuild    string
	// Source is where the manifest was built from, if the caller knows: the folder is not looked at then, nor storage compared.
	Source *plan.Source
	// Ignore are files that may differ from what is committed, relative to the configuration: those that the program writes.
	Ignore []string

	proven    bool // the manifest is live: test networks do not come first again
	emergency bool // errors that checks find are told, and refuse nothing
}

// RefusedPlanError says that checks have tripped which a plan does not allow for.
type RefusedPlanError struct {
	Checks []plan.Check
	Hotfix bool // all of them are errors, which a hotfix could accept
}

func (e *RefusedPlanError) Error() string {
	text := fmt.Sprintf("%d checks have tripped, so there is no plan", len(e.Checks))
	for _, c := range e.Checks {
		text += "\n  " + c.String()
	}
	if e.Hotfix {
		text += "\n  mend them; or accept them with --hotfix, which needs more approvals"
	}
	return text
}

// MakePlan makes a plan for the networks that the work is restricted to, and keeps it in the journal. If checks trip that it may not
// allow for, the error is a RefusedPlanError.
func (a *App) MakePlan(ctx context.Context, req PlanRequest) (*plan.Plan, error) {
	return a.makePlan(ctx, req, a.networks)
}

func (a *App) makePlan(ctx context.Context, req PlanRequest, nets []*net) (*plan.Plan, error) {
	policy, looser, err := a.policy(ctx)
	if err != nil {
		return nil, err
	}
	p := &plan.Plan{Intent: plan.Intent{
		Project: a.cfg.Project, Action: req.Action, Policy: policy.Hash(), Hotfix: req.Hotfix, Created: time.Now().Unix(),
	}}
	if req.Action == plan.ChangePolicy {
		err = a.planPolicy(p, looser)
	} else {
		err = a.planNetworks(ctx, p, req, nets)
	}
	if err != nil {
		return nil, err
	}
	if req.Action == plan.Rollout || req.Action == plan.Rollback {
		if p.Intent.Rollout, err = a.order(nets, req.proven); err != nil {
			return nil, err
		}
	}
	p.Intent.Expires = p.Intent.Created + policy.ValidFor
	p.Intent.Source = req.Source
	if req.Source == nil && (req.Action == plan.Deploy || req.Action == plan.Rollout) {
		checks, err := a.checkSources(ctx, req, p)
		if err != nil {
			return nil, err
		}
		p.Observations.Checks = append(p.Observations.Checks, checks...)
	}
	sortChecks(p.Observations.Checks)
	if req.Hotfix {
		p.Intent.Accepted = append(p.Intent.Accepted, plan.Accept(p.Observations.Checks)...)
		if len(p.Intent.Accepted) == 0 {
			return nil, errors.New("no check has found an error, so there is nothing for a hotfix to accept: leave --hotfix out")
		}
	}
	isFatal := func(c plan.Check) bool { return c.Severity == plan.Fatal }
	refusing := p.Intent.Refusing(p.Observations.Checks)
	if fatal := slices.ContainsFunc(refusing, isFatal); fatal || len(refusing) > 0 && !req.emergency {
		return p, &RefusedPlanError{refusing, !fatal}
	}
	if err := p.Seal(); err != nil {
		return nil, err
	}
	if m := req.Manifest; m != nil {
		if err := a.store.SaveManifest(ctx, m.Root, m.RoutesRoot, req.File); err != nil {
			return nil, err
		}
	}
	return p, a.store.SavePlan(ctx, p)
}

// order is in which order some of the networks become live, by the configuration.
func (a *App) order(nets []*net, proven bool) (*rollout.Policy, error) {
	var chains []uint64
	kinds := map[uint64]string{}
	for _, n := range nets {
		chains, kinds[n.ChainID] = append(chains, n.ChainID), n.Kind
	}
	all := a.cfg.Rollout
	if proven {
		all.Testnets = 0
	}
	policy := all.Of(chains)
	if policy == nil {
		return nil, nil
	}
	if err := policy.Check(kinds); err != nil {
		return nil, fmt.Errorf("rollout of %s, for these networks: %w", a.cfg.File, err)
	}
	return policy, nil
}

// planPolicy makes the policy of the configuration the intent.
func (a *App) planPolicy(p *plan.Plan, looser []string) error {
	if len(looser) == 0 {
		return errors.New("the approval policy of the configuration is in force: it asks for no less than the one before, so it needs no plan")
	}
	file, err := a.filePolicy()
	p.Intent.NewPolicy = &file
	p.Intent.Accepted, p.Intent.Calls, p.Intent.Networks = []plan.Accepted{}, []plan.Call{}, []plan.Network{}
	p.Preconditions = []plan.Preconditions{}
	p.Observations = plan.Observations{Tool: "lockstep " + Version, Networks: []plan.Observation{}, Checks: []plan.Check{}, Routes: []plan.RouteChanges{}}
	return err
}

// planAgain makes a plan as it would be made now, on some of its networks: by the same senders, for the same manifest.
func (a *App) planAgain(ctx context.Context, p *plan.Plan, m *manifest.Manifest, file []byte, nets []*net) (*plan.Plan, error) {
	policy, _, err := a.policy(ctx)
	if err != nil {
		return nil, err
	}
	fresh := &plan.Plan{Intent: plan.Intent{
		Project: a.cfg.Project, Action: p.Intent.Action, Policy: policy.Hash(), Hotfix: p.Intent.Hotfix, Accepted: p.Intent.Accepted,
		Created: p.Intent.Created, Expires: p.Intent.Expires, Source: p.Intent.Source, Senders: p.Intent.Senders, NewPolicy: p.Intent.NewPolicy,
	}}
	return fresh, a.planNetworks(ctx, fresh, PlanRequest{Action: p.Intent.Action, Manifest: m, File: file}, nets)
}

// netsOf returns the networks of a plan that the work is restricted to.
func (a *App) netsOf(p *plan.Plan) ([]*net, error) {
	var out []*net
	for _, n := range a.networks {
		if _, ok := p.Intent.Network(n.ChainID); ok {
			out = append(out, n)
		}
	}
	if len(a.opts.Networks) == 0 && len(out) < len(p.Intent.Networks) {
		for _, n := range p.Intent.Networks {
			if !slices.ContainsFunc(out, func(o *net) bool { return o.ChainID == n.ChainID }) {
				return nil, fmt.Errorf("the plan is also for %s (chain id %d), which is not in %s", n.Name, n.ChainID, a.cfg.File)
			}
		}
	}
	if len(out) == 0 {
		return nil, errors.New("the plan is for none of these networks")
	}
	return out, nil
}

// planRoles are the roles whose holders send for an action.
func (a *App) planRoles(action string) []rollout.Role {
	switch action {
	case plan.Deploy:
		return []rollout.Role{rollout.Deployer}
	case plan.Rollout:
		return []rollout.Role{rollout.Deployer, rollout.Committer, rollout.Applier}
	case plan.Rollback:
		return []rollout.Role{rollout.Committer, rollout.Applier}
	}
	return []rollout.Role{a.actRole(action)}
}

// actRole is the role that pauses, unpauses or cancels.
func (a *App) actRole(action string) rollout.Role {
	// EMERGENCY_ROLE may pause as well
	if action == plan.Pause {
		if _, err := a.signerFor(rollout.Pauser); err == nil {
			return rollout.Pauser
		}
	}
	return rollout.Emergency
}

// senders are who sends for an action: who can sign here, or else the first who holds the role.
func (a *App) senders(action string) ([]plan.Sender, error) {
	var out []plan.Sender
	for _, role := range a.planRoles(action) {
		address, err := a.roleAddress(role)
		if holders := a.cfg.Dispatcher.Roles[string(role)]; err != nil && len(holders) > 0 {
			address, err = a.account(holders[0])
		}
		if err != nil {
			return nil, err
		}
		out = append(out, plan.Sender{Role: role, Address: address})
	}
	return out, nil
}

// planner makes the parts of a plan, one for each network.
type planner struct {
	app     *App
	req     PlanRequest
	address common.Address // of the dispatcher
	deploy  *dispatcher.Deploy
	senders []plan.Sender
	holders []rollout.Grant // role holders by the configuration
	code    []plan.Check    // of the manifest's code
}

func (pl *planner) sender(role rollout.Role) common.Address { return senderOf(pl.senders, role) }

// senderOf is who sends for a role; the zero address if nobody does.
func senderOf(senders []plan.Sender, role rollout.Role) common.Address {
	at := slices.IndexFunc(senders, func(s plan.Sender) bool { return s.Role == role })
	if at < 0 {
		return common.Address{}
	}
	return senders[at].Address
}

// part is what a plan says of one network.
type part struct {
	net       *net
	at        rollout.Block
	root      common.Hash
	epoch     uint64
	calls     []plan.Call
	facts     []plan.Fact
	seen      plan.Observation
	checks    []plan.Check
	routes    []manifest.RouteChange
	unchanged int
	blocked   bool // the calls are those up to where something stands in the way
}

func (a *App) planNetworks(ctx context.Context, p *plan.Plan, req PlanRequest, nets []*net) (err error) {
	if err := a.open(ctx); err != nil {
		return err
	}
	pl := &planner{app: a, req: req, senders: p.Intent.Senders}
	if pl.senders == nil {
		if pl.senders, err = a.senders(req.Action); err != nil {
			return err
		}
	}
	d, err := a.deployment()
	if err != nil {
		return err
	}
	pl.address = d.Address
	if req.Manifest != nil {
		if err := a.covers(req.Manifest, nets); err != nil {
			return err
		}
		if pl.deploy, err = a.deployPilot(req.Manifest); err != nil {
			return err
		}
		pl.holders = pl.deploy.Desired.Grants
	} else if pl.holders, err = a.grants(); err != nil {
		return err
	}
	parts := make([]*part, len(nets))
	var g errgroup.Group
	for i, n := range nets {
		g.Go(func() (err error) {
			parts[i], err = pl.part(ctx, n)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if m := req.Manifest; m != nil {
		if pl.code, err = checkCode(m); err != nil {
			return err
		}
	}
	pl.assemble(p, parts)
	return nil
}

// assemble puts the parts of the networks together.
func (pl *planner) assemble(p *plan.Plan, parts []*part) {
	i := &p.Intent
	i.Dispatcher, i.Senders = pl.address, pl.senders
	i.Calls, i.Networks = []plan.Call{}, []plan.Network{}
	if i.Accepted == nil {
		i.Accepted = []plan.Accepted{}
	}
	p.Observations = plan.Observations{Tool: "lockstep " + Version, Checks: []plan.Check{}, Routes: []plan.RouteChanges{}}
	if m := pl.req.Manifest; m != nil {
		i.Manifest = &plan.Manifest{Root: m.Root, RoutesRoot: m.RoutesRoot, SHA256: sha256.Sum256(pl.req.File)}
		if m.Init != nil && pl.req.Action == plan.Rollout && slices.ContainsFunc(parts, func(pt *part) bool { return pt.root == m.Root && len(pt.calls) > 0 }) {
			p.Observations.Init = strings.TrimSuffix(m.Init.Contract+" "+m.Init.Signature+" with "+string(m.Init.CallArgs), " with ")
		}
		p.Observations.Checks = append(p.Observations.Checks, pl.code...)
	}
	var names []string
	var routes [][]manifest.RouteChange
	var unchanged []int
	for _, pt := range parts {
		n := plan.Network{Name: pt.net.Name, ChainID: pt.net.ChainID, Kind: pt.net.Kind, Root: pt.root, Epoch: pt.epoch, Calls: []int{}}
		for _, c := range pt.calls {
			i.AddCall(&n, c)
		}
		i.Networks = append(i.Networks, n)
		p.Preconditions = append(p.Preconditions, plan.Preconditions{Network: n.Name, Facts: pt.facts})
		p.Observations.Networks = append(p.Observations.Networks, pt.seen)
		p.Observations.Checks = append(p.Observations.Checks, pt.checks...)
		if pt.net.Kind == network.Local {
			i.Created = max(i.Created, int64(pt.at.Time)) // its time may have been moved on
		}
		if pt.routes != nil {
			names, routes, unchanged = append(names, n.Name), append(routes, pt.routes), append(unchanged, pt.unchanged)
		}
	}
	p.Observations.Routes = append(p.Observations.Routes, plan.GroupRoutes(names, routes, unchanged)...)
}

// part looks at one network.
func (pl *planner) part(ctx context.Context, n *net) (*part, error) {
	at, err := n.chain.Head(ctx)
	if err != nil {
		return nil, err
	}
	pt := &part{net: n, at: at}
	pt.seen = plan.Observation{Network: n.Name, Block: at, Calls: []plan.Result{}, Accounts: []plan.Account{}, Changes: []plan.Change{}, Storage: []plan.Slot{}}
	view, err := pl.view(ctx, pt)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", n.Name, err)
	}
	var actions []rollout.Action
	if pl.req.Manifest == nil {
		actions = pl.act(pt, view)
	} else if actions, err = pl.upgrade(ctx, pt, view); err != nil {
		return nil, fmt.Errorf("%s: %w", n.Name, err)
	}
	for _, action := range actions {
		for _, in := range action.Intents {
			pt.calls = append(pt.calls, plan.Call{Step: in.Step, By: in.By, From: pl.sender(in.By), To: in.To, Data: in.Data})
		}
	}
	pl.checkRoles(pt, view)
	if err := pl.simulate(ctx, pt, view, actions); err != nil {
		return nil, fmt.Errorf("%s: %w", n.Name, err)
	}
	if err := pl.price(ctx, pt); err != nil {
		return nil, fmt.Errorf("%s: %w", n.Name, err)
	}
	if err := pl.compareRoutes(ctx, pt, view); err != nil {
		return nil, fmt.Errorf("%s: %w", n.Name, err)
	}
	return pt, nil
}

// act is one call to the dispatcher, unless that is as it is to be.
func (pl *planner) act(pt *part, v *view) []rollout.Action {
	p := &actPilot{address: pl.address, what: pl.req.Action, by: pl.senders[0].Role}
	action := p.decide(v.state, v.deployed)
	if action.Kind == rollout.Halt {
		pt.block("dispatcher", action.Reason)
	}
	if len(action.Intents) == 0 {
		return nil
	}
	return []rollout.Action{action}
}

// block notes what an operator has to do before anything is planned.
func (pt *part) block(subject, reason string) {
	pt.blocked = true
	pt.checks = append(pt.checks, plan.Trip(plan.Blocked, pt.net.Name, subject, reason, "this stands in the way"))
}

// upgrade forecasts the deployments of a plan and its rollout.
func (pl *planner) upgrade(ctx context.Context, pt *part, view *view) ([]rollout.Action, error) {
	var actions []rollout.Action
	var after *dispatcher.Foreseen
	// blocked notes what an operator has to do first, and returns any other error
	blocked := func(err error) error {
		var halt *reconcile.HaltError
		if !errors.As(err, &halt) {
			return err
		}
		pt.block(pl.req.Action, halt.Reason)
		return nil
	}
	if pl.req.Action != plan.Rollback {
		d := *pl.deploy
		d.Chain, d.Desired.Grace = pt.net.chain, pt.net.Grace
		next, err := d.Forecast(ctx, pt.at)
		if err != nil {
			return nil, err
		}
		if actions, err = foresee(pt.net.Name, next); blocked(err) != nil {
			return nil, err
		}
		after = &dispatcher.Foreseen{Contracts: map[common.Address]bool{}, Grants: d.Desired.Grants, Grace: uint64(pt.net.Grace), Delay: pl.app.cfg.Dispatcher.Delay}
		creates := false
		for _, c := range d.Desired.Contracts {
			after.Contracts[c.Address] = view.code[c.Address] == common.Hash{}
			creates = creates || after.Contracts[c.Address]
		}
		if creates { // what is there already has shown that the network can hold it
			check, err := checkNetwork(ctx, pt.net.Network.Network, pt.net.chain, pl.app.cfg.Factory.Name)
			if err != nil {
				return nil, err
			}
			for _, problem := range check.Problems {
				pt.block(pt.net.Name, problem)
			}
		}
	}
	if pl.req.Action == plan.Deploy || pt.blocked {
		return actions, nil
	}
	root := pl.req.Manifest.Root
	if pl.req.Action == plan.Rollback {
		root = pl.req.Manifest.RoutesRoot
	}
	p := &runPilot{app: pl.app, net: pt.net, root: root, inner: dispatcher.Rollout{
		Chain: pt.net.chain, Address: pl.address, Manifest: pl.req.Manifest, Committer: pl.sender(rollout.Committer),
		Applier: pl.sender(rollout.Applier), After: after,
	}}
	if err := p.begin(ctx, pt.at, false); err != nil {
		return actions, blocked(err)
	}
	pt.root, pt.epoch = p.inner.Run.Root, p.inner.Run.Epoch
	next, err := p.inner.Forecast(ctx, pt.at)
	if err != nil {
		return nil, err
	}
	rolled, err := foresee(pt.net.Name, next)
	return append(actions, rolled...), blocked(err)
}
