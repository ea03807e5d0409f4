package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// explainer looks for what explains an effect, in the journal: approved plans that are not over, and transactions of ours.
type explainer struct {
	app *App

	mu       sync.Mutex
	seq      uint64 // of the audit log when the journal was last read
	read     bool
	expected map[uint64][]rule.Expected
	over     map[common.Hash]bool // plans that will explain nothing any more
}

// Expected is all that is expected on a network now.
func (x *explainer) Expected(ctx context.Context, chainID uint64) ([]rule.Expected, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	seq, err := x.app.store.Tip(ctx)
	if err != nil {
		return nil, err
	}
	if !x.read || seq != x.seq {
		if x.over == nil {
			x.over = map[common.Hash]bool{}
		}
		expected, err := x.app.expected(ctx, x.over)
		if err != nil {
			return nil, err
		}
		x.expected, x.seq, x.read = expected, seq, true
	}
	return x.expected[chainID], nil
}

// expected is what approved plans bring about that are not over: what they have done was done by transactions of the journal, which
// explain themselves. Plans that are over are passed over, and noted.
func (a *App) expected(ctx context.Context, over map[common.Hash]bool) (map[uint64][]rule.Expected, error) {
	policy, _, err := a.policy(ctx)
	if err != nil {
		return nil, err
	}
	all, err := a.store.PlanUses(ctx)
	if err != nil {
		return nil, err
	}
	out := map[uint64][]rule.Expected{}
	for _, u := range all {
		if over[u.Digest] {
			continue
		}
		p, err := a.plan(ctx, u.Digest)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(p.Intent.Networks, func(part plan.Network) bool {
			use := u.Uses[part.ChainID]
			return use != store.PlanDone && use != store.PlanAbandoned
		}) {
			over[u.Digest] = true
			continue
		}
		tally, err := a.tally(ctx, p, policy)
		if err != nil {
			return nil, err
		}
		for _, part := range p.Intent.Networks {
			use := u.Uses[part.ChainID]
			n := a.networkOf(part.ChainID)
			if use == store.PlanDone || use == store.PlanAbandoned || n == nil || part.Kind != n.Kind {
				continue
			}
			optional := n.Kind != network.Mainnet && policy.Others == 0
			if !tally.Enough() && !optional || use != store.PlanBegun && len(tally.Approved) == 0 {
				continue // where nobody need approve, a plan explains what it does once it is begun
			}
			until := uint64(0)
			if use != store.PlanBegun {
				until = uint64(p.Intent.Expires)
			}
			for _, e := range dispatcher.Expected(p, part.ChainID) {
				out[part.ChainID] = append(out[part.ChainID], rule.Expected{
					Contract: p.Intent.Dispatcher, Effect: e, By: "plan " + p.Digest.Hex(), Until: until,
				})
			}
		}
	}
	return out, nil
}

func (a *App) networkOf(chainID uint64) *net {
	for _, n := range a.networks {
		if n.ChainID == chainID {
			return n
		}
	}
	return nil
}

// Done says what explains what this program has brought about: a transaction of the journal that may have been sent explains all of its
// effects, and a rollout of the journal that its root is pending. On a mainnet nothing is in the journal that no approved plan holds, except the
// automatic pause: txsend sees to that.
func (x *explainer) Done(ctx context.Context, s rule.Seen) (rule.Expected, bool, error) {
	if s.Sight == rule.SawPending {
		id, err := x.app.store.RunOf(ctx, s.ChainID, s.Contract, common.HexToHash(s.Subject), s.Epoch)
		if errors.Is(err, store.ErrNotFound) {
			return rule.Expected{}, false, nil
		}
		effect := rule.Effect{What: rule.Committed, Value: fmt.Sprintf("%s %d", s.Subject, s.Epoch)}
		return rule.Expected{Contract: s.Contract, Effect: effect, By: fmt.Sprintf("rollout %d", id)}, err == nil, err
	}
	t, err := x.app.store.TransactionOf(ctx, s.ChainID, s.Tx)
	if errors.Is(err, store.ErrNotFound) {
		return rule.Expected{}, false, nil
	}
	if err != nil || t.Status == rollout.Signed || t.Status == rollout.Void {
		return rule.Expected{}, false, err
	}
	by := fmt.Sprintf("transaction %d", t.ID)
	if t.Plan != (common.Hash{}) {
		by += " of plan " + t.Plan.Hex()
	}
	return rule.Expected{Tx: t.Hash, By: by}, true, nil
}

// rolling is which routesRoots networks may have while plans are being carried out: that of the plan, and those that its networks had before.
func (a *App) rolling(ctx context.Context) (map[common.Hash][]string, error) {
	address, err := a.Dispatcher()
	if err != nil {
		return nil, err
	}
	all, err := a.store.Executions(ctx, false)
	if err != nil {
		return nil, err
	}
	out := map[common.Hash][]string{}
	for _, ex := range all {
		if ex.Status != store.ExecutionRunning {
			continue
		}
		p, err := a.plan(ctx, ex.Plan)
		if err != nil {
			return nil, err
		}
		if p.Intent.Manifest == nil {
			continue
		}
		roots := []string{"", p.Intent.Manifest.RoutesRoot.Hex()}
		for _, part := range p.Intent.Networks {
			runs, err := a.store.Previous(ctx, part.ChainID, address)
			if err != nil {
				return nil, err
			}
			if len(runs) == 0 {
				continue
			}
			m, err := a.rolledManifest(ctx, runs[0].Manifest)
			if err != nil {
				return nil, err
			}
			roots = append(roots, m.RoutesRoot.Hex())
		}
		out[ex.Plan] = roots
	}
	return out, nil
}
