package app

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/relay"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// journalSight sees what the journal says, whichever process wrote it: steps that are final, transactions that are open, and plans that are being
// carried out.
type journalSight struct {
	server *server
	show   func(ctx context.Context, chainID uint64, seen ...rule.Seen)

	seq     uint64         // of the audit log when the journal was last read
	again   bool           // not all was seen in it
	began   int64          // unix seconds of the oldest step that is of interest when it is read first
	steps   map[int64]bool // that were final then
	open    map[place]*opened
	asked   time.Time // when networks were asked which of them have landed
	rolling map[common.Hash]string
	pauses  map[int64]rollout.PauseOutcome // what had become of them when they were last looked at
	refused int64                          // the last call that was shown
	relays  int64                          // the last answer of a relay that was
}

// interest is for how long steps count (failure_rate), in seconds.
const interest = 24 * 3600

func newJournalSight(s *server, now time.Time, show func(ctx context.Context, chainID uint64, seen ...rule.Seen)) *journalSight {
	return &journalSight{
		server: s, show: show, began: now.Unix() - interest, steps: map[int64]bool{}, open: map[place]*opened{}, rolling: map[common.Hash]string{},
		refused: -1, relays: -1,
	}
}

// run looks until ctx ends.
func (j *journalSight) run(ctx context.Context) error {
	for {
		if err := j.look(ctx); err != nil && ctx.Err() == nil {
			j.server.log.ErrorContext(ctx, "what the journal says cannot be watched; it is tried again", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

func (j *journalSight) look(ctx context.Context) error {
	if err := j.lookAtRefused(ctx); err != nil {
		return err
	}
	if err := j.lookAtRelays(ctx); err != nil {
		return err
	}
	j.lookForLanded(ctx)
	seq, err := j.server.app.store.Tip(ctx)
	if err != nil || seq == j.seq && !j.again {
		return err
	}
	if err := j.lookAtPlans(ctx); err != nil {
		return err
	}
	if err := j.lookAtPauses(ctx); err != nil {
		return err
	}
	open, finished, err := j.transactions(ctx, seq)
	if err != nil {
		return err
	}
	var steps []rule.Seen
	last := map[uint64]int{} // of each network
	for _, t := range finished {
		if j.steps[t.ID] {
			continue
		}
		if j.seq == 0 {
			j.steps[t.ID] = true
		}
		n := j.server.network(t.ChainID)
		if n == nil || t.Status != rollout.Confirmed && t.Status != rollout.Reverted {
			continue
		}
		last[t.ChainID] = len(steps)
		steps = append(steps, j.step(ctx, n, t.Transaction, t.At*1000))
	}
	for i, s := range steps {
		if j.seq == 0 && i != last[s.ChainID] { // how they stood to one another meanwhile was seen at that time
			s.Source = rule.Before
		}
		j.show(ctx, s.ChainID, s)
	}
	if j.seq == 0 {
		j.closeOpen(ctx, open)
	}
	j.again = !j.lookAtOpen(ctx, open)
	j.seq = seq
	return nil
}

// transactions are those that are open, and those that became final since the journal was last read, until an entry of the audit log.
func (j *journalSight) transactions(ctx context.Context, seq uint64) (open []rollout.Transaction, finished []store.Finished, err error) {
	if j.seq == 0 {
		return j.server.app.store.RecentTransactions(ctx, j.began)
	}
	return j.server.app.store.TransactionsAfter(ctx, j.seq, seq)
}

// lookAtRefused shows calls of ours that were not sent because they would have been refused. Those of before count for nothing.
func (j *journalSight) lookAtRefused(ctx context.Context) error {
	calls, err := j.server.app.store.RefusedUnsent(ctx, max(j.refused, 0))
	if err != nil {
		return err
	}
	first := j.refused < 0
	j.refused = max(j.refused, 0)
	for _, r := range calls {
		j.refused = r.ID
		n := j.server.network(r.ChainID)
		if n == nil || first || r.Error == "" {
			continue
		}
		j.server.metrics.Refused(n.Name, r.Error, r.Source)
		j.show(ctx, r.ChainID, rule.Seen{
			Sight: rule.SawRefusal, Network: n.Name, ChainID: r.ChainID, At: time.Now().UnixMilli(), Block: r.Block, Contract: r.Contract, By: r.From, Subject: r.Error,
			Is: string(r.Fields), Source: r.Source, Details: dispatcher.Asked(r.Refused),
		})
	}
	return nil
}

// lookAtRelays shows how relays have answered.
func (j *journalSight) lookAtRelays(ctx context.Context) error {
	answers, err := j.server.app.store.RelayAnswers(ctx, max(j.relays, 0))
	if err != nil {
		return err
	}
	first := j.relays < 0
	j.relays = max(j.relays, 0)
	for _, a := range answers {
		j.relays = a.Number
		n := j.server.network(a.ChainID)
		outcome := relay.Outcome(a.Outcome)
		failed := slices.Contains([]relay.Outcome{relay.OutcomeRefused, relay.OutcomeUnsent, relay.OutcomeInDoubt}, outcome)
		if n == nil || first || !failed && !slices.Contains([]relay.Outcome{relay.OutcomeTaken, relay.OutcomePartial, relay.OutcomeLanded}, outcome) {
			continue
		}
		j.show(ctx, a.ChainID, rule.Seen{
			Sight: rule.SawRelay, Network: n.Name, ChainID: a.ChainID, At: time.Now().UnixMilli(), Subject: a.Relay, Failed: failed, Is: a.Outcome,
		})
	}
	return nil
}

// step is a transaction that is final, as the rules see it.
func (j *journalSight) step(ctx context.Context, n *net, t rollout.Transaction, at int64) rule.Seen {
	word, _, _ := strings.Cut(t.Step, " ")
	s := rule.Seen{
		Sight: rule.SawStep, Network: n.Name, ChainID: n.ChainID, At: at, Tx: t.Hash, Subject: word, Failed: t.Status == rollout.Reverted, Gas: t.GasUsed,
		Block: rollout.Block{Number: t.BlockNumber, Hash: t.BlockHash},
	}
	var tx types.Transaction
	if err := tx.UnmarshalBinary(t.Raw); err != nil || tx.To() == nil {
		return s
	}
	s.Contract = *tx.To()
	gas := j.server.gasOf(ctx, n, t, &tx)
	s.Gas, s.Baseline, s.Published = gas.used, gas.simulated, gas.published
	return s
}

func (j *journalSight) lookAtPlans(ctx context.Context) error {
	rolling, err := j.server.app.rolling(ctx)
	if err != nil {
		return err
	}
	now := time.Now().UnixMilli()
	for _, p := range slices.SortedFunc(maps.Keys(rolling), common.Hash.Cmp) {
		if is := fmt.Sprint(rolling[p]); is != j.rolling[p] {
			j.rolling[p] = is
			j.show(ctx, 0, rule.Seen{Sight: rule.SawRolling, At: now, Plan: p, Roots: rolling[p]})
		}
	}
	for _, p := range slices.SortedFunc(maps.Keys(j.rolling), common.Hash.Cmp) {
		if rolling[p] == nil {
			delete(j.rolling, p)
			j.show(ctx, 0, rule.Seen{Sight: rule.SawRolling, At: now, Plan: p})
		}
	}
	return nil
}

// stepGas is what a transaction used, without what a rollup charges for data, and what was expected of it; 0 is unknown.
type stepGas struct {
	used, simulated, published uint64
}

// gasOf compares what a transaction used with what was simulated for it, by its plan or else when it was signed, and with the published figure.
func (s *server) gasOf(ctx context.Context, n *net, t rollout.Transaction, tx *types.Transaction) (g stepGas) {
	ctx, cancel := context.WithTimeout(ctx, gasTime)
	defer cancel()
	data, err := n.chain.DataGasUsed(ctx, t.Hash)
	if err != nil {
		return stepGas{used: t.GasUsed}
	}
	g = stepGas{used: t.GasUsed - min(t.GasUsed, data), simulated: unreserved(tx.Gas())}
	g.simulated -= min(g.simulated, data)
	var m *manifest.Manifest
	if x, err := s.handedOver(ctx, t.Plan); err == nil && t.Plan != (common.Hash{}) {
		m = x.Manifest
		part, _ := x.Plan.Intent.Network(n.ChainID)
		i := slices.IndexFunc(x.Plan.Intent.CallsOf(part), func(c plan.Call) bool { return c.Step == t.Step })
		if seen := x.Plan.Observations.Of(n.Name); i >= 0 && seen.Simulated && i < len(seen.Calls) {
			g.simulated = unreserved(seen.Calls[i].Gas)
		}
	}
	g.published = dispatcher.PublishedGas(tx.Data(), m)
	return g
}
