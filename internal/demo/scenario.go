package demo

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"golang.org/x/sync/errgroup"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/witness"
)

// tokens is an amount of the market's token.
func tokens(n int64) *big.Int {
	return new(big.Int).Mul(big.NewInt(n), big.NewInt(1_000_000_000_000_000_000))
}

// Run goes the whole way. The networks stay up until Close.
func (d *Demo) Run(ctx context.Context) (*Result, error) {
	one, err := d.version("lockstep.yaml")
	if err != nil {
		return nil, err
	}
	defer one.close()
	two, err := d.version("lockstep-v2.yaml")
	if err != nil {
		return nil, err
	}
	defer two.close()
	address, err := one.app.Dispatcher()
	if err != nil {
		return nil, err
	}
	d.say("dispatcher %s on %d networks", address, len(d.names))
	d.say("v1 %s with %d routes, v2 %s with %d routes and an init call", one.manifest.Root.Hex()[:10],
		one.manifest.RouteCount(), two.manifest.Root.Hex()[:10], two.manifest.RouteCount())

	steps := []struct {
		name string
		// timelock is checked while the timelock runs, before anything is activated
		timelock func(context.Context, *user) error
		admin    func(context.Context) ([]app.Outcome, error)
		use      func(context.Context, *user) error
	}{
		{name: "plan, approve, deploy and roll out v1", timelock: func(ctx context.Context, u *user) error {
			return u.expectSilent(ctx, "totalSupply()")
		}, admin: func(ctx context.Context) ([]app.Outcome, error) {
			return d.carryOut(ctx, one, plan.Rollout)
		}},
		{name: "use v1", use: d.useOne},
		{name: "plan, approve, deploy and roll out v2", timelock: d.oneStillAnswers, admin: func(ctx context.Context) ([]app.Outcome, error) {
			return d.carryOut(ctx, two, plan.Rollout)
		}},
		{name: "use v2", use: d.useTwo},
		{name: "plan, approve and return to v1", timelock: func(ctx context.Context, u *user) error {
			_, err := u.read(ctx, "rewardRate()")
			return err
		}, admin: func(ctx context.Context) ([]app.Outcome, error) {
			return d.carryOut(ctx, one, plan.Rollback)
		}},
		{name: "use v1 again", use: d.useOneAgain},
	}
	for i, s := range steps {
		d.say("")
		d.say("%d  %s", i+1, s.name)
		step := Step{Name: s.name}
		start := time.Now()
		if s.admin != nil {
			err = d.administer(ctx, address, &step, s.timelock, s.admin)
		} else {
			err = d.everywhere(ctx, address, &step, s.use)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		step.Seconds = time.Since(start).Seconds()
		d.steps = append(d.steps, step)
	}
	return d.result(ctx, one.manifest.RoutesRoot, address)
}

// approvers sign every plan of the demo.
var approvers = []string{"alice", "bob"}

// carryOut makes a plan, has it approved, and carries it out.
func (d *Demo) carryOut(ctx context.Context, v *version, action string) ([]app.Outcome, error) {
	p, err := v.app.MakePlan(ctx, app.PlanRequest{
		Action: action, Manifest: v.manifest, File: v.file, Source: &plan.Source{Commit: "examples/market of this release", Clean: true},
	})
	if err != nil {
		return nil, err
	}
	for _, name := range approvers {
		if _, err := v.app.Sign(ctx, p, name, false); err != nil {
			return nil, err
		}
	}
	d.say("    plan %s with %d calls, simulated on every network; approved by %s", p.Digest.Hex()[:10], len(p.Intent.Calls), strings.Join(approvers, " and "))
	return v.app.Execute(ctx, app.Execution{Plan: p, Manifest: v.manifest, File: v.file})
}

func (v *version) close() { _ = v.app.Close() } // the journal is thrown away with the demo

// administer runs a step of lockstep itself. When a network waits for its timelock, the step's check is made, and then
// the network's time is moved on.
func (d *Demo) administer(
	ctx context.Context, address common.Address, step *Step, check func(context.Context, *user) error,
	run func(context.Context) ([]app.Outcome, error),
) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mu sync.Mutex
	seen := map[string]bool{}
	d.mu.Lock()
	d.atTimelock = func(network string, now, until uint64) {
		mu.Lock()
		before := seen[network]
		seen[network] = true
		mu.Unlock()
		if before {
			return
		}
		wait := time.Duration(until-now) * time.Second
		u, err := d.user(network, address, &Step{})
		if err == nil {
			err = check(ctx, u)
			u.eth.Close()
		}
		if err == nil {
			d.say("    %-16s the timelock runs: old routes answer, new ones do not; %s pass", network, wait)
			err = d.nets[network].AdvanceTime(wait)
		}
		if err != nil {
			cancel(err)
		}
	}
	d.mu.Unlock()
	outcomes, err := run(ctx)
	if cause := context.Cause(ctx); cause != nil {
		err = errors.Join(cause, err)
	}
	for _, o := range outcomes {
		blocks := map[uint64]bool{}
		for _, t := range o.Transactions {
			blocks[t.Block] = true
		}
		step.Transactions += len(o.Transactions)
		step.Blocks += len(blocks)
		step.GasUsed += o.GasUsed
	}
	return err
}

// everywhere uses the protocol on every network side by side.
func (d *Demo) everywhere(ctx context.Context, address common.Address, step *Step, use func(context.Context, *user) error) error {
	spent := make([]Step, len(d.names))
	g, ctx := errgroup.WithContext(ctx)
	for i, name := range d.names {
		g.Go(func() error {
			u, err := d.user(name, address, &spent[i])
			if err != nil {
				return err
			}
			defer u.eth.Close()
			return use(ctx, u)
		})
	}
	err := g.Wait()
	for _, s := range spent {
		step.Transactions += s.Transactions
		step.Blocks += s.Blocks
		step.GasUsed += s.GasUsed
	}
	return err
}

// do sends calls in order: account, signature, arguments.
func (u *user) do(ctx context.Context, calls ...[]any) error {
	for _, c := range calls {
		if err := u.send(ctx, c[0].(string), c[1].(string), c[2:]...); err != nil {
			return err
		}
	}
	return nil
}

func (d *Demo) useOne(ctx context.Context, u *user) error {
	if err := u.do(ctx,
		[]any{"alice", "claim()"},
		[]any{"bob", "claim()"},
		[]any{"alice", "stake(uint256)", tokens(500)},
		[]any{"alice", "list(uint256)", tokens(40)},
		[]any{"alice", "reprice(uint256,uint256)", int64(1), tokens(50)},
		[]any{"bob", "buy(uint256)", int64(1)},
		[]any{"alice", "list(uint256)", tokens(40)},
	); err != nil {
		return err
	}
	alice, bob := d.address("alice"), d.address("bob")
	if err := errors.Join(
		u.expect(ctx, tokens(500), "staked(address)", alice),
		u.expect(ctx, tokens(550), "balanceOf(address)", alice),
		u.expect(ctx, tokens(950), "balanceOf(address)", bob),
		u.expectSilent(ctx, "rewardRate()"),
	); err != nil {
		return err
	}
	d.say("    %-16s claimed, staked, listed, repriced, bought: balances right, no rewardRate()", u.network)
	return nil
}

func (d *Demo) oneStillAnswers(ctx context.Context, u *user) error {
	return errors.Join(
		u.expectSilent(ctx, "rewardRate()"),
		u.expectSilent(ctx, "delist(uint256)", int64(2)),
		u.expect(ctx, tokens(500), "totalStaked()"),
	)
}

func (d *Demo) useTwo(ctx context.Context, u *user) error {
	// the init call ran in the activation: rewards begin at what was staked then
	if err := errors.Join(
		u.expect(ctx, big.NewInt(1_000_000_000_000), "rewardRate()"),
		u.expect(ctx, tokens(500), "rewardPool()"),
		u.expectSilent(ctx, "reprice(uint256,uint256)", int64(2), tokens(1)),
	); err != nil {
		return err
	}
	if err := d.nets[u.network].AdvanceTime(10_000 * time.Second); err != nil {
		return err
	}
	if err := u.do(ctx, []any{"alice", "claimReward()"}, []any{"bob", "buy(uint256)", int64(2)}); err != nil {
		return err
	}
	alice, bob := d.address("alice"), d.address("bob")
	balance, err := u.read(ctx, "balanceOf(address)", alice)
	if err != nil {
		return err
	}
	// 550, at least 5 of reward for 10,000 s, and 40 less the fee of 2.5 %
	if balance.Cmp(tokens(594)) < 0 || balance.Cmp(tokens(595)) > 0 {
		return fmt.Errorf("alice has %s on %s, want 594 to 595 tokens", balance, u.network)
	}
	if err := u.expect(ctx, tokens(910), "balanceOf(address)", bob); err != nil {
		return err
	}
	d.say("    %-16s migrated, rewards paid, fee taken; v1's reprice() is gone", u.network)
	return nil
}

func (d *Demo) useOneAgain(ctx context.Context, u *user) error {
	if err := errors.Join(
		u.expectSilent(ctx, "rewardPool()"),
		u.expect(ctx, tokens(500), "staked(address)", d.address("alice")),
		u.expect(ctx, tokens(910), "balanceOf(address)", d.address("bob")),
	); err != nil {
		return err
	}
	if err := u.do(ctx,
		[]any{"alice", "unstake(uint256)", tokens(500)},
		[]any{"bob", "list(uint256)", tokens(10)},
		[]any{"bob", "reprice(uint256,uint256)", int64(3), tokens(20)},
		[]any{"alice", "buy(uint256)", int64(3)},
	); err != nil {
		return err
	}
	if err := errors.Join(
		u.expect(ctx, new(big.Int), "totalStaked()"),
		u.expect(ctx, tokens(930), "balanceOf(address)", d.address("bob")),
	); err != nil {
		return err
	}
	d.say("    %-16s v1's routes answer again on the state of v2; v2's are gone", u.network)
	return nil
}

// result asks the networks, through code that the sender does not share.
func (d *Demo) result(ctx context.Context, root common.Hash, address common.Address) (*Result, error) {
	r := &Result{Root: root, Consistent: true, Steps: d.steps}
	for _, name := range d.names {
		report, err := witness.Read(ctx, name, d.nets[name].URL(), address.Hex())
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		r.Networks = append(r.Networks, report)
		r.Consistent = r.Consistent && common.HexToHash(report.ActiveRoot) == root && report.Failed == 0 &&
			report.CodeHash == r.Networks[0].CodeHash && report.ActiveEpoch == 3
	}
	return r, nil
}
