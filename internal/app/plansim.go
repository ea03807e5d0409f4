package app

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// simulate makes all calls of a plan in a simulation, the wait for the timelock included, and looks at what is there after them.
// A network whose endpoints do not simulate gets guesses of gas, and a warning.
func (pl *planner) simulate(ctx context.Context, pt *part, v *view, actions []rollout.Action) error {
	if len(pt.calls) == 0 {
		return nil
	}
	blocks := rehearsal(pt.at, pt.net.GasCap, actions, pl.sender)
	views := chain.Rehearsal{Calls: []ethereum.CallMsg{{To: &pl.address, Data: dispatcher.StateCall()}, {To: &pl.address, Data: dispatcher.RoutesCall()}}}
	grants := pl.watched()
	for _, g := range grants {
		views.Calls = append(views.Calls, ethereum.CallMsg{To: &pl.address, Data: dispatcher.RoleCall(g.Role, g.Account)})
	}
	blocks = append(blocks, views)
	results, err := pt.net.chain.Rehearse(ctx, pt.at.Hash, blocks)
	if errors.Is(err, chain.ErrCannotSimulate) {
		pl.unsimulated(pt, err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	if i := beyond(results[:len(results)-1], pt.calls); i >= 0 {
		pl.unsimulated(pt, fmt.Sprintf("they ended with %s for lack of gas: nodes bound what they simulate at once", pt.calls[i].Step))
		return nil
	}
	pt.seen.Simulated = true
	failed := false
	for i, r := range slices.Concat(results[:len(results)-1]...) {
		gas := r.Gas + r.Gas/10
		result := plan.Result{Gas: gas}
		if r.Failed {
			failed = true
			result.Refused = dispatcher.ExplainRevert(r.Data)
			pt.checks = append(pt.checks, plan.Trip(plan.WouldRevert, pt.net.Name, pt.calls[i].Step, "the call would revert: "+result.Refused,
				"find out why; nothing that would revert is planned"))
		}
		if gas > pt.net.GasCap {
			pt.checks = append(pt.checks, plan.Trip(plan.GasOverCap, pt.net.Name, pt.calls[i].Step,
				fmt.Sprintf("the call needs %d gas, a transaction may use %d there", gas, pt.net.GasCap),
				"make pages smaller (pageSize), split the contract, or raise gasCap if the network allows that"))
		}
		pt.seen.Calls = append(pt.seen.Calls, result)
	}
	if failed || pt.blocked {
		return nil
	}
	after := results[len(results)-1]
	if err := pl.outcome(pt, v, after[0], after[1]); err != nil {
		return err
	}
	if err := pl.trace(ctx, pt, blocks[:len(blocks)-1]); err != nil {
		return err
	}
	for i, g := range grants {
		held, err := dispatcher.DecodeRole(g.Account, after[2+i].Data)
		if err != nil {
			return err
		}
		if held != v.held[g] {
			pt.seen.Changes = append(pt.seen.Changes, plan.Change{What: roleFact(g), From: fmt.Sprint(v.held[g]), To: fmt.Sprint(held)})
		}
	}
	return nil
}

// trace notes which storage and code all calls would change, where the endpoints tell, and whether the code is what is meant.
func (pl *planner) trace(ctx context.Context, pt *part, blocks []chain.Rehearsal) error {
	found, err := pt.net.chain.Trace(ctx, pt.at.Hash, blocks)
	if errors.Is(err, chain.ErrCannotTrace) || errors.Is(err, rollout.ErrUnavailable) && ctx.Err() == nil {
		pl.app.opts.Log.WarnContext(ctx, "not traced", "network", pt.net.Name, "err", err)
		return nil // many public endpoints refuse it, each in its own way; the simulation has told what matters most
	}
	if err != nil {
		return err
	}
	pt.seen.Traced, pt.seen.Slots = true, len(found.Slots)
	for _, s := range found.Slots[:min(len(found.Slots), plan.SlotsAtMost)] {
		pt.seen.Storage = append(pt.seen.Storage, plan.Slot{Account: s.Account, Slot: s.Slot, From: s.From, To: s.To})
	}
	for _, c := range found.Codes {
		name := "what is created"
		if pl.upgrades() {
			for _, d := range pl.deploy.Desired.Contracts {
				if d.Address != c.Account {
					continue
				}
				name = d.Name
				if d.CodeHash != c.To {
					pt.checks = append(pt.checks, plan.Trip(plan.WrongOutcome, pt.net.Name, d.Name,
						fmt.Sprintf("its code would have hash %s, want %s", c.To, d.CodeHash), "find out why, and report it: this is no plan to carry out"))
				}
			}
		}
		from := "none"
		if c.From != (common.Hash{}) {
			from = c.From.Hex()
		}
		pt.seen.Changes = append(pt.seen.Changes, plan.Change{What: fmt.Sprintf("code of %s at %s", name, c.Account), From: from, To: c.To.Hex()})
	}
	return nil
}

// roleFact names a fact about a role.
func roleFact(g rollout.Grant) string { return fmt.Sprintf("%s_ROLE of %s", g.Name, g.Account) }

// unsimulated notes that calls were not simulated, and guesses their gas.
func (pl *planner) unsimulated(pt *part, why string) {
	pt.checks = append(pt.checks, plan.Trip(plan.NotSimulated, pt.net.Name, "all calls", "the network's endpoints did not simulate them: "+why,
		"name an endpoint that has eth_simulateV1, and no low limit of gas for it"))
	for _, c := range pt.calls {
		gas := rough(rollout.Intent{Data: c.Data}, c.By == rollout.Deployer && c.To != pl.address)
		pt.seen.Calls = append(pt.seen.Calls, plan.Result{Gas: gas})
	}
}

// simulatedAtMost is how much gas nodes let one request simulate: geth's default for --rpc.gascap.
const simulatedAtMost = 50_000_000

// beyond returns the first call that failed, if that may be because all of them together take more gas than a node simulates: it
// gave no reason, and would have come near that limit. Otherwise it returns -1.
func beyond(results [][]chain.Simulated, calls []plan.Call) int {
	var gas uint64
	for i, r := range slices.Concat(results...) {
		most := rough(rollout.Intent{Data: calls[i].Data}, true)
		if r.Failed {
			if len(r.Data) == 0 && gas+most > simulatedAtMost {
				return i
			}
			return -1
		}
		gas += r.Gas
	}
	return -1
}

// watched are the roles whose change is told: those in question, and all that the deployer may hold.
func (pl *planner) watched() []rollout.Grant {
	out := pl.grants()
	if deployer := pl.sender(rollout.Deployer); deployer != (common.Address{}) {
		for _, r := range dispatcher.RoleNames {
			if g := (rollout.Grant{Role: r.Role, Name: r.Name, Account: deployer}); !slices.Contains(out, g) {
				out = append(out, g)
			}
		}
	}
	return out
}

// rehearsal puts the calls of actions into blocks: those that follow a wait into one at the end of it, and no more into one than a
// block holds where a single transaction may use so much gas.
func rehearsal(at rollout.Block, gasCap uint64, actions []rollout.Action, sender func(rollout.Role) common.Address) []chain.Rehearsal {
	blocks := []chain.Rehearsal{{Time: at.Time + 1}}
	var gas uint64 // that the last block takes, at most
	for _, action := range actions {
		if action.Kind == rollout.Wait {
			// the forecast has the commit, with which the timelock begins, in the first block
			late := uint64(len(blocks))
			blocks, gas = append(blocks, chain.Rehearsal{Time: max(action.Until, blocks[len(blocks)-1].Time) + late}), 0
		}
		for _, in := range action.Intents {
			most := rough(in, true)
			if gas > 0 && gas+most > gasCap {
				blocks, gas = append(blocks, chain.Rehearsal{Time: blocks[len(blocks)-1].Time + 1}), 0
			}
			gas += most
			last := &blocks[len(blocks)-1]
			last.Calls = append(last.Calls, ethereum.CallMsg{From: sender(in.By), To: &in.To, Data: in.Data})
		}
	}
	return slices.DeleteFunc(blocks, func(b chain.Rehearsal) bool { return len(b.Calls) == 0 })
}

// outcome notes what the dispatcher would say after all calls, and whether that is what is meant.
func (pl *planner) outcome(pt *part, v *view, stateResult, routesResult chain.Simulated) error {
	after, err := dispatcher.DecodeState(pl.address, stateResult.Data)
	if err != nil {
		return fmt.Errorf("state after the simulation: %w", err)
	}
	routes, err := dispatcher.DecodeRoutes(pl.address, routesResult.Data)
	if err != nil {
		return fmt.Errorf("routes after the simulation: %w", err)
	}
	wrong := func(what, format string, args ...any) {
		pt.checks = append(pt.checks, plan.Trip(plan.WrongOutcome, pt.net.Name, what, fmt.Sprintf(format, args...), "find out why, and report it: this is no plan to carry out"))
	}
	for _, f := range []struct{ what, was, is string }{
		{"active root", v.state.ActiveRoot.Hex(), after.ActiveRoot.Hex()},
		{"active routes root", v.state.ActiveRoutesRoot.Hex(), after.ActiveRoutesRoot.Hex()},
		{"active epoch", fmt.Sprint(v.state.ActiveEpoch), fmt.Sprint(after.ActiveEpoch)},
		{"pending root", v.state.PendingRoot.Hex(), after.PendingRoot.Hex()},
		{"paused", fmt.Sprint(v.state.Paused), fmt.Sprint(after.Paused)},
		{"grace", fmt.Sprint(v.state.Grace), fmt.Sprint(after.Grace)},
		{"delay", fmt.Sprint(v.state.Delay), fmt.Sprint(after.Delay)},
		{"routes", fmt.Sprint(len(v.routes)), fmt.Sprint(len(routes))},
	} {
		if f.was != f.is && (pl.upgrades() || f.what != "routes") {
			pt.seen.Changes = append(pt.seen.Changes, plan.Change{What: f.what, From: f.was, To: f.is})
		}
	}
	switch pl.req.Action {
	case plan.Rollout, plan.Rollback:
		if after.ActiveRoot != pt.root || after.ActiveEpoch != pt.epoch || after.PendingRoot != (common.Hash{}) {
			wrong("dispatcher", "root %s would be active in epoch %d, want %s in %d", after.ActiveRoot, after.ActiveEpoch, pt.root, pt.epoch)
		}
		if d := dispatcher.RouteDifferences(routes, pl.req.Manifest); len(d) > 0 {
			wrong("routes", "%s", strings.Join(d, ", "))
		}
	case plan.Pause, plan.Unpause:
		if after.Paused != (pl.req.Action == plan.Pause) {
			wrong("dispatcher", "paused would be %t", after.Paused)
		}
	case plan.Cancel:
		if after.PendingRoot != (common.Hash{}) {
			wrong("dispatcher", "root %s would still be pending", after.PendingRoot)
		}
	}
	return nil
}

// price notes what the calls would cost, and whether those who send can pay for them.
func (pl *planner) price(ctx context.Context, pt *part) error {
	total := new(big.Int)
	for _, s := range pl.senders {
		if slices.ContainsFunc(pt.seen.Accounts, func(a plan.Account) bool { return a.Address == s.Address }) {
			continue
		}
		var ins []rollout.Intent
		var gas []uint64
		for i, c := range pt.calls {
			if c.From == s.Address {
				ins, gas = append(ins, rollout.Intent{Step: c.Step, By: c.By, To: c.To, Data: c.Data}), append(gas, pt.seen.Calls[i].Gas)
				pt.seen.Gas += pt.seen.Calls[i].Gas
			}
		}
		nonce, problem, err := pl.app.checkNonce(ctx, pt.net, s.Address, pt.at)
		if err != nil {
			return err
		}
		if problem != "" && len(ins) > 0 {
			pt.block(s.Address.Hex(), problem)
		}
		account := plan.Account{Address: s.Address, Nonce: nonce, Balance: "0", Cost: "0"}
		quote, err := pl.app.sender(pt.net, watcher(s.Address)).Price(ctx, pt.at, ins, gas)
		var fees *rollout.FeesError
		switch {
		case errors.As(err, &fees):
			if len(ins) > 0 {
				pt.checks = append(pt.checks, plan.Trip(plan.FeeOverCeiling, pt.net.Name, s.Address.Hex(), fees.Error(), "wait, or raise maxFee"))
			}
		case err != nil:
			return err
		default:
			account.Balance, account.Cost, pt.seen.MaxFee = quote.Balance.String(), quote.Cost.String(), quote.Fees.Cap.String()
			total.Add(total, quote.Cost)
			if twice := new(big.Int).Lsh(quote.Balance, 1); twice.Cmp(new(big.Int).Mul(quote.Cost, big.NewInt(3))) < 0 {
				pt.checks = append(pt.checks, plan.Trip(plan.BalanceLow, pt.net.Name, s.Address.Hex(),
					fmt.Sprintf("the account has %s wei, its calls may cost %s wei: less than one and a half times as much", quote.Balance, quote.Cost), "fund it"))
			}
		}
		pt.seen.Accounts = append(pt.seen.Accounts, account)
	}
	pt.seen.Cost = total.String()
	if pt.seen.MaxFee == "" {
		pt.seen.MaxFee = "0"
	}
	return nil
}
