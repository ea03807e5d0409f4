package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"sync"

	"github.com/ethereum/go-ethereum/common"
	"golang.org/x/sync/errgroup"

	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// readsAtOnce bounds the requests that one observation has in flight.
const readsAtOnce = 8

// Rollout brings a manifest's routes to one dispatcher.
type Rollout struct {
	Chain     Chain
	Address   common.Address
	Manifest  *manifest.Manifest
	Run       rollout.Run
	Committer common.Address
	Applier   common.Address
	Committed bool // a commit of this run is final
	After     *Foreseen
}

// Foreseen is what a deployment will have brought about before a rollout begins.
type Foreseen struct {
	Contracts map[common.Address]bool // that it makes
	Grants    []rollout.Grant
	Grace     uint64 // seconds
	Delay     uint64 // seconds
}

// holds tells whether an account will hold a role.
func (f *Foreseen) holds(role common.Hash, account common.Address) bool {
	return f != nil && slices.ContainsFunc(f.Grants, func(g rollout.Grant) bool { return g.Role == role && g.Account == account })
}

// defaultMaxBatch is how many routes a page may have by the dispatcher's constructor.
const defaultMaxBatch = 50

// CommitStep names the run's commit in the journal.
func (r *Rollout) CommitStep() string {
	return fmt.Sprintf("commit %s epoch %d", short(r.Run.Root), r.Run.Epoch)
}

// withInit tells whether the run commits the root that names the init call, not the routesRoot.
func (r *Rollout) withInit() bool {
	return r.Manifest.Init != nil && r.Run.Root == r.Manifest.Root
}

// contracts are those whose code the run depends on.
func (r *Rollout) contracts() []manifest.Deployment {
	all := r.Manifest.Routed()
	if r.withInit() {
		all = r.Manifest.Deployments()
	}
	if r.After == nil {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(d manifest.Deployment) bool { return r.After.Contracts[d.Address] })
}

// Next observes the dispatcher after a block and decides: what can be sent in sequence is one action.
func (r *Rollout) Next(ctx context.Context, at rollout.Block) (rollout.Action, error) {
	seen, err := r.observe(ctx, at)
	if err != nil {
		return rollout.Action{}, err
	}
	steps := rollout.Sequence(r.desired(), seen)
	action := r.action(steps[0])
	for _, s := range steps[1:] {
		action.Intents = append(action.Intents, r.action(s).Intents...)
	}
	return action, nil
}

// Forecast observes once, and then returns one action after another as if each had succeeded.
func (r *Rollout) Forecast(ctx context.Context, at rollout.Block) (func() rollout.Action, error) {
	seen, err := r.observe(ctx, at)
	if err != nil {
		return nil, err
	}
	want := r.desired()
	return func() rollout.Action {
		step := rollout.Decide(want, seen)
		seen = seen.After(want, step)
		return r.action(step)
	}, nil
}

func (r *Rollout) desired() rollout.Desired {
	want := rollout.Desired{Root: r.Run.Root, Epoch: r.Run.Epoch}
	for _, p := range r.Manifest.Pages {
		want.Pages = append(want.Pages, p.Routes)
	}
	return want
}

func (r *Rollout) action(step rollout.Step) rollout.Action {
	action := rollout.Action{Kind: step.Kind, Until: step.Until, Reason: step.Reason}
	var in rollout.Intent
	switch step.Kind {
	case rollout.Commit:
		in = intent(rollout.Committer, r.Address, contract.PackCommitRoot(r.Run.Root, r.Run.Epoch),
			"%s", r.CommitStep())
	case rollout.Apply:
		p := r.Manifest.Pages[step.Page]
		proof := make([][32]byte, len(p.Proof))
		for i, h := range p.Proof {
			proof[i] = h
		}
		initHash := common.Hash{}
		if r.withInit() {
			initHash = r.Manifest.InitHash
		}
		in = intent(rollout.Applier, r.Address, contract.PackApplyRoutes(p.Bytes, proof, initHash),
			"apply %s page %d of %d", short(r.Run.Root), step.Page+1, len(r.Manifest.Pages))
	case rollout.Activate:
		data := contract.PackActivateCommittedRoot()
		if r.withInit() {
			init := r.Manifest.Init
			data = contract.PackActivateCommittedRootAndCall(r.Manifest.RoutesRoot, init.Address, init.Data)
		}
		in = intent(rollout.Applier, r.Address, data, "activate %s epoch %d", short(r.Run.Root), r.Run.Epoch)
	default:
		return action
	}
	action.Intents = []rollout.Intent{in}
	return action
}

func (r *Rollout) observe(ctx context.Context, at rollout.Block) (rollout.Observed, error) {
	seen := rollout.Observed{Block: at, Committer: r.Committer, Applier: r.Applier, Committed: r.Committed}
	state, err := ReadState(ctx, r.Chain, at.Hash, r.Address)
	var missing *NotDeployedError
	if errors.As(err, &missing) {
		r.foresee(&seen, missing)
		return seen, nil
	}
	if err != nil {
		return seen, err
	}
	seen.ActiveRoot, seen.ActiveEpoch = state.ActiveRoot, state.ActiveEpoch
	seen.PendingRoot, seen.Eta, seen.Grace = state.PendingRoot, state.Eta, state.Grace
	seen.MaxBatch, seen.PendingBatch, seen.Delay = int(state.MaxBatch), int(state.PendingBatch), state.Delay

	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readsAtOnce)
	g.Go(func() (err error) {
		seen.Staged, err = ReadStaged(ctx, r.Chain, at.Hash, r.Address, r.Manifest.RoutesRoot, len(r.Manifest.Pages))
		return err
	})
	g.Go(func() (err error) {
		held, err := HasRole(ctx, r.Chain, at.Hash, r.Address, CommitRole, r.Committer)
		seen.CanCommit = held || r.After.holds(CommitRole, r.Committer)
		return err
	})
	g.Go(func() (err error) {
		held, err := HasRole(ctx, r.Chain, at.Hash, r.Address, ApplyRole, r.Applier)
		seen.CanApply = held || r.After.holds(ApplyRole, r.Applier)
		return err
	})
	if r.After != nil {
		seen.Grace = r.After.Grace
	}
	if state.ActiveRoot == r.Run.Root && state.ActiveEpoch == r.Run.Epoch {
		g.Go(func() (err error) {
			seen.WrongRoutes, err = CompareRoutes(ctx, r.Chain, at.Hash, r.Address, r.Manifest)
			return err
		})
	}
	g.Go(func() (err error) {
		seen.WrongCode, err = CompareCode(ctx, r.Chain, at.Hash, r.contracts())
		return err
	})
	return seen, g.Wait()
}

// foresee is what will be observed of a dispatcher that is not there yet, if a deployment makes it before.
func (r *Rollout) foresee(seen *rollout.Observed, missing *NotDeployedError) {
	if r.After == nil || !r.After.Contracts[r.Address] {
		seen.DispatcherErr = missing.Error()
		return
	}
	seen.Grace, seen.Delay, seen.MaxBatch, seen.Staged = r.After.Grace, r.After.Delay, defaultMaxBatch, make([]bool, len(r.Manifest.Pages))
	seen.CanCommit, seen.CanApply = r.After.holds(CommitRole, r.Committer), r.After.holds(ApplyRole, r.Applier)
}

// CompareCode names the contracts whose live code is not the pinned one.
func CompareCode(ctx context.Context, c Chain, at common.Hash, contracts []manifest.Deployment) ([]string, error) {
	var mu sync.Mutex
	var wrong []string
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readsAtOnce)
	for _, d := range contracts {
		g.Go(func() error {
			got, err := CodeHash(ctx, c, at, d.Address)
			if err != nil || got == d.CodeHash {
				return err
			}
			what := fmt.Sprintf("%s at %s has code hash %s, want %s", d.Name(), d.Address, got, d.CodeHash)
			if got == (common.Hash{}) {
				what = fmt.Sprintf("%s at %s has no code", d.Name(), d.Address)
			}
			mu.Lock()
			wrong = append(wrong, what)
			mu.Unlock()
			return nil
		})
	}
	err := g.Wait()
	sort.Strings(wrong)
	return wrong, err
}

// CompareRoutes names the routes in which a dispatcher and a manifest differ.
func CompareRoutes(ctx context.Context, c Chain, at common.Hash, address common.Address, m *manifest.Manifest) ([]string, error) {
	live, err := ReadRoutes(ctx, c, at, address)
	if err != nil {
		return nil, err
	}
	return RouteDifferences(live, m), nil
}

// RouteDifferences names the routes in which live ones and a manifest's differ.
func RouteDifferences(live map[manifest.Selector]common.Address, m *manifest.Manifest) []string {
	live = maps.Clone(live)
	var wrong []string
	for _, f := range m.Facets {
		for _, route := range f.Routes {
			got, ok := live[route.Selector]
			delete(live, route.Selector)
			switch {
			case !ok:
				wrong = append(wrong, fmt.Sprintf("%s is not routed", route.Signature))
			case got != f.Address:
				wrong = append(wrong, fmt.Sprintf("%s is routed to %s, want %s", route.Signature, got, f.Address))
			}
		}
	}
	for selector, facet := range live {
		wrong = append(wrong, fmt.Sprintf("%s is routed to %s, but not in the manifest", selector, facet))
	}
	sort.Strings(wrong)
	return wrong
}
