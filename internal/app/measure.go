package app

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/seed-b6a97670/lockstep/contracts"
	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/metric"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// measured is what the daemon can count and measure.
func (a *App) measured() metric.Config {
	gas := contracts.Published()
	cfg := metric.Config{
		Version: Version, Endpoints: map[string]int{}, Errors: dispatcher.ErrorNames(),
		Published: map[string]uint64{"commit": gas.Commit, "apply": gas.Apply1, "activate": gas.Activate1},
	}
	for _, n := range a.networks {
		cfg.Networks = append(cfg.Networks, n.Name)
		cfg.Endpoints[n.Name] = len(n.RPC)
		for _, r := range n.Relays {
			if !slices.Contains(cfg.Relays, r.Name) {
				cfg.Relays = append(cfg.Relays, r.Name)
			}
		}
	}
	for _, sink := range a.cfg.Alerts.Sinks {
		cfg.Sinks = append(cfg.Sinks, sink.Name)
	}
	for _, state := range states {
		cfg.States = append(cfg.States, string(state))
	}
	return cfg
}

// measure measures how much time an activation took by the clock of the network, when it has become final. What cannot be read is not measured.
func (s *server) measure(ctx context.Context, e *execution, n *net, out Outcome) {
	at := slices.IndexFunc(out.Transactions, func(t TransactionSummary) bool { return isActivation(t.Step) && !t.Reverted })
	if at < 0 {
		return
	}
	activated, err := n.chain.BlockByNumber(ctx, number(out.Transactions[at].Block))
	if err != nil {
		return
	}
	if possible := e.activatable(ctx, n, activated); possible > 0 {
		s.metrics.Activated(n.Name, activated.Time, possible)
	}
	// those before it may have been sent by another process
	journal, err := s.app.store.Transactions(ctx, n.ChainID)
	if err != nil {
		return
	}
	committed := s.lastOf(ctx, n, journal, e.x.Plan.Digest, "commit ")
	if committed == 0 {
		return
	}
	s.metrics.TimelockTook(n.Name, committed, activated.Time)
	if applied := s.lastOf(ctx, n, journal, e.x.Plan.Digest, "apply "); applied > 0 {
		s.metrics.Applied(n.Name, committed, applied)
	}
}

// activatable is the block time from which what was activated in a block could be, 0 if it is not known. A process that did not wait for it asks the
// dispatcher as it was before.
func (e *execution) activatable(ctx context.Context, n *net, activated rollout.Block) uint64 {
	e.mu.Lock()
	possible := e.possible[n.ChainID]
	e.mu.Unlock()
	if possible > 0 {
		return possible
	}
	before, err := n.chain.BlockByNumber(ctx, number(activated.Number-1))
	if err != nil {
		return 0
	}
	state, err := dispatcher.ReadState(ctx, n.chain, before.Hash, e.x.Plan.Intent.Dispatcher)
	if err != nil || state.PendingRoot == (common.Hash{}) {
		return 0
	}
	return state.Eta + state.Grace
}

// lastOf is the block time of the last transaction of a plan whose step begins with a text, 0 if there is none.
func (s *server) lastOf(ctx context.Context, n *net, journal []rollout.Transaction, plan common.Hash, step string) uint64 {
	var block uint64
	for _, t := range journal {
		if t.Plan == plan && t.Status == rollout.Confirmed && strings.HasPrefix(t.Step, step) {
			block = max(block, t.BlockNumber)
		}
	}
	if block == 0 {
		return 0
	}
	at, err := n.chain.BlockByNumber(ctx, number(block))
	if err != nil {
		return 0
	}
	return at.Time
}

// gasTime bounds how long it may take to find out which part of a transaction's gas was for data.
const gasTime = 2 * time.Second

// measureGas compares what a transaction that has succeeded used with its plan's simulation of it, and with the published figure.
func (s *server) measureGas(t rollout.Transaction) {
	n := s.network(t.ChainID)
	var tx types.Transaction
	if n == nil || t.Plan == (common.Hash{}) || tx.UnmarshalBinary(t.Raw) != nil {
		return
	}
	g := s.gasOf(s.stopping, n, t, &tx)
	s.metrics.Gas(t.Step, g.used, g.simulated, g.published)
}

// unreserved is the gas that a plan's limit, which has a tenth in reserve, was made of.
func unreserved(limit uint64) uint64 { return limit/11*10 + limit%11 }
