package dispatcher

import (
	"context"
	"sync"

	"github.com/ethereum/go-ethereum/common"
	"golang.org/x/sync/errgroup"

	"github.com/seed-b6a97670/lockstep/internal/create2"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// Deploy brings contracts, settings and roles to one network.
type Deploy struct {
	Chain   Chain
	Factory manifest.Factory
	Salt    common.Hash    // that the factory is called with
	Address common.Address // of the dispatcher
	Desired rollout.DeployDesired
}

// Next observes the network after a block and decides: what can be sent in sequence is one action.
func (d *Deploy) Next(ctx context.Context, at rollout.Block) (rollout.Action, error) {
	seen, err := d.observe(ctx, at)
	if err != nil {
		return rollout.Action{}, err
	}
	steps := rollout.DeploySequence(d.Desired, seen, d.fresh(), GovernanceRole)
	action := d.action(steps[0])
	for _, s := range steps[1:] {
		action.Intents = append(action.Intents, d.action(s).Intents...)
	}
	return action, nil
}

// Forecast observes once, and then returns one action after another as if each had succeeded.
func (d *Deploy) Forecast(ctx context.Context, at rollout.Block) (func() rollout.Action, error) {
	seen, err := d.observe(ctx, at)
	if err != nil {
		return nil, err
	}
	return func() rollout.Action {
		step := rollout.DecideDeploy(d.Desired, seen, AdminRole, GovernanceRole)
		seen = seen.After(d.Desired, step, d.fresh())
		return d.action(step)
	}, nil
}

// fresh is a dispatcher as its constructor leaves it.
func (d *Deploy) fresh() rollout.DispatcherDefaults {
	return rollout.DispatcherDefaults{Address: d.Address, AdminRole: AdminRole, Grace: defaultGrace}
}

// defaultGrace is what the constructor sets, in seconds.
const defaultGrace = 60

func (d *Deploy) action(step rollout.DeployStep) rollout.Action {
	action := rollout.Action{Kind: step.Kind, Reason: step.Reason}
	g := step.Grant
	var in rollout.Intent
	switch step.Kind {
	case rollout.Create:
		data := create2.CallData(d.Factory.Name, d.Salt, step.Contract.InitCode)
		in = intent(rollout.Deployer, d.Factory.Address, data, "deploy %s", step.Contract.Name)
	case rollout.GrantTo:
		in = intent(rollout.Deployer, d.Address, contract.PackGrantRole(g.Role, g.Account),
			"grant %s to %s", g.Name, g.Account.Hex()[:10])
	case rollout.SetGrace:
		in = intent(rollout.Deployer, d.Address, contract.PackSetEtaGrace(d.Desired.Grace),
			"set grace %d s", d.Desired.Grace)
	case rollout.Renounce:
		in = intent(rollout.Deployer, d.Address, contract.PackRenounceRole(g.Role, g.Account),
			"renounce %s", g.Name)
	default:
		return action
	}
	action.Intents = []rollout.Intent{in}
	return action
}

func (d *Deploy) observe(ctx context.Context, at rollout.Block) (rollout.DeployObserved, error) {
	seen := rollout.DeployObserved{CodeHashes: map[common.Address]common.Hash{}}
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(readsAtOnce)
	g.Go(func() (err error) {
		seen.FactoryCodeHash, err = CodeHash(gctx, d.Chain, at.Hash, d.Factory.Address)
		return err
	})
	for _, c := range d.Desired.Contracts {
		g.Go(func() error {
			hash, err := CodeHash(gctx, d.Chain, at.Hash, c.Address)
			mu.Lock()
			seen.CodeHashes[c.Address] = hash
			mu.Unlock()
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return seen, err
	}
	for _, c := range d.Desired.Contracts {
		if c.Address == d.Address && seen.CodeHashes[c.Address] != c.CodeHash {
			return seen, nil // no dispatcher yet, or another contract: nothing more to ask
		}
	}
	state, err := ReadState(ctx, d.Chain, at.Hash, d.Address)
	if err != nil {
		return seen, err
	}
	seen.Grace = uint32(state.Grace)

	asked := append([]rollout.Grant(nil), d.Desired.Grants...)
	for _, r := range RoleNames {
		asked = append(asked, rollout.Grant{Role: r.Role, Name: r.Name, Account: d.Desired.Deployer})
	}
	g, gctx = errgroup.WithContext(ctx)
	g.SetLimit(readsAtOnce)
	held := make([]bool, len(asked))
	for i, grant := range asked {
		g.Go(func() (err error) {
			held[i], err = HasRole(gctx, d.Chain, at.Hash, d.Address, grant.Role, grant.Account)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return seen, err
	}
	for i, grant := range asked {
		if held[i] {
			seen.Held = append(seen.Held, grant)
		}
	}
	return seen, nil
}
