package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"golang.org/x/sync/errgroup"

	"github.com/seed-b6a97670/lockstep/internal/bytecode"
	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// view is the state of one network that a plan is decided on.
type view struct {
	deployed  bool
	state     dispatcher.State
	code      map[common.Address]common.Hash    // zero where there is none
	delegates map[common.Address]common.Address // accounts whose code is a delegation (EIP-7702), and to what
	held      map[rollout.Grant]bool
	staged    []bool
	routes    map[manifest.Selector]common.Address
}

// readsAtOnce bounds the requests that one network has in flight.
const readsAtOnce = 8

// upgrades tells whether the plan is about a manifest.
func (pl *planner) upgrades() bool { return pl.req.Manifest != nil }

// view reads a network, and notes as preconditions what the calls depend on.
func (pl *planner) view(ctx context.Context, pt *part) (*view, error) {
	v := &view{code: map[common.Address]common.Hash{}, delegates: map[common.Address]common.Address{}, held: map[rollout.Grant]bool{}}
	c, at := pt.net.chain, pt.at.Hash
	state, err := dispatcher.ReadState(ctx, c, at, pl.address)
	var missing *dispatcher.NotDeployedError
	if err != nil && !errors.As(err, &missing) {
		return nil, err
	}
	v.deployed, v.state = err == nil, state

	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(readsAtOnce)
	for _, account := range append(pl.contracts(), pl.accounts()...) {
		g.Go(func() error {
			code, err := c.Code(gctx, at, account)
			mu.Lock()
			defer mu.Unlock()
			v.code[account] = common.Hash{}
			if len(code) > 0 {
				v.code[account] = crypto.Keccak256Hash(code)
			}
			if to, ok := bytecode.Delegation(code); ok {
				v.delegates[account] = to
			}
			return err
		})
	}
	if v.deployed {
		for _, grant := range pl.watched() {
			g.Go(func() error {
				held, err := dispatcher.HasRole(gctx, c, at, pl.address, grant.Role, grant.Account)
				mu.Lock()
				v.held[grant] = held
				mu.Unlock()
				return err
			})
		}
		if pl.upgrades() {
			g.Go(func() (err error) {
				v.staged, err = dispatcher.ReadStaged(gctx, c, at, pl.address, pl.req.Manifest.RoutesRoot, len(pl.req.Manifest.Pages))
				return err
			})
			g.Go(func() (err error) {
				v.routes, err = dispatcher.ReadRoutes(gctx, c, at, pl.address)
				return err
			})
		}
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	pt.facts = pl.facts(v)
	for account, to := range v.delegates {
		pt.checks = append(pt.checks, plan.Trip(plan.HolderDelegated, pt.net.Name, account.Hex(),
			fmt.Sprintf("the account holds a role, or sends, and has delegated to code at %s (EIP-7702), which may act for it", to),
			"find out who signed that; take the delegation back, or the roles"))
	}
	return v, nil
}

// contracts are those whose code the plan depends on.
func (pl *planner) contracts() []common.Address {
	out := []common.Address{pl.address}
	if pl.upgrades() {
		out = append(out, pl.deploy.Factory.Address)
		for _, c := range pl.deploy.Desired.Contracts {
			if c.Address != pl.address {
				out = append(out, c.Address)
			}
		}
	}
	return out
}

// accounts are those that send or hold a role.
func (pl *planner) accounts() []common.Address {
	var out []common.Address
	for _, s := range pl.senders {
		out = append(out, s.Address)
	}
	if pl.upgrades() {
		for _, h := range pl.holders {
			out = append(out, h.Account)
		}
	}
	slices.SortFunc(out, common.Address.Cmp)
	return slices.Compact(out)
}

// grants are the roles in question: those of the configuration, and those of the senders.
func (pl *planner) grants() []rollout.Grant {
	var out []rollout.Grant
	if pl.upgrades() { // others can change nothing about who pauses
		out = slices.Clone(pl.holders)
	}
	for _, s := range pl.senders {
		for _, g := range needed(s) {
			if !slices.Contains(out, g) {
				out = append(out, g)
			}
		}
	}
	return out
}

// needed are the roles of the dispatcher of which a sender needs one. A deployer needs none, once the dispatcher is there.
func needed(s plan.Sender) []rollout.Grant {
	emergency := rollout.Grant{Role: dispatcher.EmergencyRole, Name: "EMERGENCY", Account: s.Address}
	switch s.Role {
	case rollout.Committer:
		return []rollout.Grant{{Role: dispatcher.CommitRole, Name: "COMMIT", Account: s.Address}}
	case rollout.Applier:
		return []rollout.Grant{{Role: dispatcher.ApplyRole, Name: "APPLY", Account: s.Address}}
	case rollout.Pauser:
		return []rollout.Grant{{Role: dispatcher.PauserRole, Name: "PAUSER", Account: s.Address}, emergency}
	case rollout.Emergency:
		return []rollout.Grant{emergency}
	}
	return nil
}

// facts are the preconditions, in the order in which they are shown.
func (pl *planner) facts(v *view) []plan.Fact {
	var out []plan.Fact
	add := func(what, format string, args ...any) {
		out = append(out, plan.Fact{What: what, Value: fmt.Sprintf(format, args...)})
	}
	code := func(what string, account common.Address) {
		value := "none"
		if h := v.code[account]; h != (common.Hash{}) {
			value = h.Hex()
		}
		add(fmt.Sprintf("code of %s at %s", what, account), "%s", value)
	}
	if !pl.upgrades() {
		code("dispatcher", pl.address)
		if pl.req.Action == plan.Cancel {
			add(dispatcher.PendingFact, "%s", v.state.PendingRoot)
		}
		for _, g := range pl.watched() {
			add(roleFact(g), "%t", v.held[g])
		}
	} else {
		// Anybody can put a contract with the pinned code where it belongs, the dispatcher too: whether somebody has changes nothing.
		state, held := v.state, v.held
		if !v.deployed {
			state = dispatcher.Fresh(pl.app.cfg.Dispatcher.Delay)
			held = map[rollout.Grant]bool{{Role: dispatcher.AdminRole, Name: dispatcher.RoleNames[0].Name, Account: pl.deploy.Desired.Deployer}: true}
		}
		pinned := func(c rollout.Contract) {
			if h := v.code[c.Address]; h != (common.Hash{}) && h != c.CodeHash {
				code(c.Name, c.Address)
				return
			}
			add(fmt.Sprintf("code of %s at %s", c.Name, c.Address), "%s, or none yet", c.CodeHash)
		}
		for _, c := range pl.deploy.Desired.Contracts {
			pinned(c)
		}
		add("active root", "%s", state.ActiveRoot)
		add("active routes root", "%s", state.ActiveRoutesRoot)
		add("active epoch", "%d", state.ActiveEpoch)
		add(dispatcher.PendingFact, "%s", state.PendingRoot)
		add("paused", "%t", state.Paused)
		add("delay, seconds", "%d", state.Delay)
		add("grace, seconds", "%d", state.Grace)
		add("routes of a page, at most", "%d", state.MaxBatch)
		for _, g := range pl.watched() {
			add(roleFact(g), "%t", held[g])
		}
		var staged []string
		for i, s := range v.staged {
			if s {
				staged = append(staged, fmt.Sprint(i+1))
			}
		}
		add("pages that are staged", "%s", orNone(strings.Join(staged, ", ")))
		code("the factory "+pl.deploy.Factory.Name, pl.deploy.Factory.Address)
	}
	for _, account := range pl.accounts() {
		code("the account", account)
	}
	return out
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// checkRoles notes senders that lack the role which they need, and a delay that is shorter than the network's floor.
func (pl *planner) checkRoles(pt *part, v *view) {
	for _, s := range pl.senders {
		roles := needed(s)
		deploys := pl.upgrades() && pl.req.Action != plan.Rollback
		has := slices.ContainsFunc(roles, func(g rollout.Grant) bool { return v.held[g] || deploys && slices.Contains(pl.holders, g) })
		sends := slices.ContainsFunc(pt.calls, func(c plan.Call) bool { return c.By == s.Role })
		// a rollout that nobody may send has no calls
		idle := !sends && (!pl.upgrades() || v.deployed && v.state.ActiveRoot == pt.root)
		if len(roles) == 0 || has || idle {
			continue
		}
		pt.checks = append(pt.checks, plan.Trip(plan.RoleMissing, pt.net.Name, s.Address.Hex(), fmt.Sprintf("the account does not hold %s_ROLE", roles[0].Name),
			"let a holder of DEFAULT_ADMIN_ROLE grant it, or name another signer in the configuration"))
	}
	delay := pl.app.cfg.Dispatcher.Delay
	if v.deployed {
		delay = v.state.Delay
	}
	if floor := pt.net.TimelockFloor; delay < floor && pl.upgrades() {
		pt.checks = append(pt.checks, plan.Trip(plan.DelayUnderFloor, pt.net.Name, "dispatcher",
			fmt.Sprintf("the timelock is %d s, on this network it should be at least %d s", delay, floor),
			"deploy a dispatcher with a longer delay: nobody can react in less"))
	}
}

// compareRoutes notes what changes for callers.
func (pl *planner) compareRoutes(ctx context.Context, pt *part, v *view) error {
	if !pl.upgrades() || pl.req.Action == plan.Deploy {
		return nil
	}
	old, err := pl.oldManifest(ctx, v.state)
	if err != nil {
		return err
	}
	pt.routes, pt.unchanged = routeChanges(v.routes, old, pl.req.Manifest)
	for _, c := range pt.routes {
		if c.Kind == manifest.Removed {
			pt.checks = append(pt.checks, plan.Trip(plan.SelectorRemoved, pt.net.Name, c.Selector.String()+" "+c.Signature,
				"the function answers now, and will not: calls will revert", "make sure that nobody depends on it"))
		}
	}
	return nil
}

// oldManifest is the one in use: as it was given, or from the journal; nil if it is not known.
func (pl *planner) oldManifest(ctx context.Context, state dispatcher.State) (*manifest.Manifest, error) {
	if m := pl.req.OldManifest; m != nil {
		if state.ActiveRoutesRoot != (common.Hash{}) && m.RoutesRoot != state.ActiveRoutesRoot {
			return nil, fmt.Errorf("the manifest that is to be the one in use has routes root %s, in use is %s", m.RoutesRoot, state.ActiveRoutesRoot)
		}
		return m, nil
	}
	return pl.app.journalManifest(ctx, state.ActiveRoutesRoot)
}

// routeChanges says what changes for callers, between the live routes and a manifest. old names what is live; it may be nil.
func routeChanges(live map[manifest.Selector]common.Address, old, next *manifest.Manifest) (changes []manifest.RouteChange, unchanged int) {
	changes = []manifest.RouteChange{}
	names, signatures := map[common.Address]string{}, map[manifest.Selector]string{}
	if old != nil {
		for _, f := range old.Facets {
			names[f.Address] = f.Contract
			for _, r := range f.Routes {
				signatures[r.Selector] = r.Signature
			}
		}
	}
	from := func(a common.Address) string {
		if name := names[a]; name != "" {
			return name
		}
		return a.Hex()
	}
	wanted := map[manifest.Selector]bool{}
	for _, f := range next.Facets {
		for _, r := range f.Routes {
			wanted[r.Selector] = true
			was, ok := live[r.Selector]
			change := manifest.RouteChange{Selector: r.Selector, Signature: r.Signature, From: from(was), To: f.Contract}
			switch {
			case !ok:
				change.Kind, change.From = manifest.Added, ""
			case was == f.Address:
				unchanged++
				continue
			case from(was) == f.Contract:
				change.Kind = manifest.Recoded
			default:
				change.Kind = manifest.Moved
			}
			changes = append(changes, change)
		}
	}
	for s, facet := range live {
		if !wanted[s] {
			changes = append(changes, manifest.RouteChange{Kind: manifest.Removed, Selector: s, Signature: signatures[s], From: from(facet)})
		}
	}
	slices.SortFunc(changes, func(a, b manifest.RouteChange) int { return strings.Compare(a.Selector.String(), b.Selector.String()) })
	return changes, unchanged
}
