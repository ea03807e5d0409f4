package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/big"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"golang.org/x/sync/errgroup"

	"github.com/seed-b6a97670/lockstep/contracts"
	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/evm"
	"github.com/seed-b6a97670/lockstep/internal/index"
	"github.com/seed-b6a97670/lockstep/internal/metric"
	"github.com/seed-b6a97670/lockstep/internal/monitor"
	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/notify"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/sight"
	"github.com/seed-b6a97670/lockstep/internal/store"
	"github.com/seed-b6a97670/lockstep/internal/txsend"
)

// eyesLease is the name of the lease on watching: one process sees all networks, since what differs between them is of interest.
const eyesLease = "eyes"

// eyes watches all networks, in one process at a time.
type eyes struct {
	server *server
	pauser *Pauser   // nil if nothing is paused automatically
	wake   func()    // whoever sends messages
	record io.Writer // of what is seen; nil if it is not recorded

	monitor  *monitor.Monitor // of this tenure of the lease, as are the next two
	remedies *remedies
	store    *store.Store
	stopping context.Context //nolint:containedctx // of pauses, which are not broken off
	pausing  sync.WaitGroup
}

// watchAll watches whenever no other process does, until ctx ends.
func (e *eyes) watchAll(ctx context.Context) error {
	for ctx.Err() == nil {
		if held, err := e.server.app.leases.Try(ctx, eyesLease); err == nil {
			err = e.watch(held.Context(), e.server.app.store.Under(held.Leases...))
			if err != nil && held.Context().Err() == nil {
				e.server.log.ErrorContext(ctx, "networks are not watched; it is tried again", "err", err)
			}
			_ = held.Release(ctx) // it expires by itself
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	e.pausing.Wait()
	return nil
}

// watch watches until ctx ends.
func (e *eyes) watch(ctx context.Context, s *store.Store) (err error) {
	app := e.server.app
	ctx, over := context.WithCancel(ctx)
	e.store, e.remedies = s, newRemedies()
	defer func() {
		over()
		e.remedies.making.Wait()
	}()
	cfg := e.monitorConfig(ctx, s)
	cfg.Record = e.record
	if e.monitor, err = monitor.New(ctx, cfg); err != nil {
		return err
	}
	e.countFiring()
	e.server.log.InfoContext(ctx, "watching", "networks", len(app.networks))
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return e.monitor.Run(ctx) })
	j := newJournalSight(e.server, time.Now(), func(ctx context.Context, chainID uint64, seen ...rule.Seen) {
		e.show(ctx, chainID, nil, time.Now(), seen...)
	})
	g.Go(func() error { return j.run(ctx) })
	for _, n := range app.networks {
		g.Go(func() error { return e.watchNetwork(ctx, n) })
	}
	return g.Wait()
}

// monitorConfig is what follows from alerts by the configuration.
func (e *eyes) monitorConfig(ctx context.Context, s *store.Store) monitor.Config {
	app := e.server.app
	cfg := app.alerting(s)
	cfg.Explainer = &explainer{app: app}
	cfg.Changed = func(turn rule.Turn, r rule.Record) { e.changed(ctx, turn, r) }
	if e.pauser != nil {
		cfg.Pause = e.pause
	}
	return cfg
}

// alerting is what the configuration says about alerts, for whoever raises some.
func (a *App) alerting(s *store.Store) monitor.Config {
	return monitor.Config{
		Rules: a.cfg.Alerts.Rules, Journal: s, Log: a.opts.Log,
		Telling: monitor.Telling{
			Project: a.cfg.Project, Journal: s.Identity(), Receivers: a.cfg.Alerts.Receivers, BaseURL: a.cfg.Alerts.BaseURL, Escalations: a.cfg.Alerts.Escalation,
		},
	}
}

// pause gives the order to pause, unless it is carried out already. It goes on while the process stops.
func (e *eyes) pause(r rule.Record, noticed time.Time) {
	o, ok := e.pauser.orders.begin(PauseOrder{Alert: r.Alert, Seen: noticed, Endpoints: r.Endpoints}, time.Now())
	if !ok {
		return
	}
	e.pausing.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(e.stopping), orderTime)
		defer cancel()
		e.pauser.orders.end(o, e.pauser.Pause(ctx, o), time.Now())
	})
}

// changed counts what has become of an alert, and has people told.
func (e *eyes) changed(ctx context.Context, turn rule.Turn, r rule.Record) {
	switch turn {
	case rule.Raised:
		e.server.metrics.AlertRaised(r.Rule, string(r.Severity))
		e.prepare(ctx, r)
	case monitor.Acknowledged:
		e.server.metrics.AlertAcknowledged(string(r.Severity), time.Duration(r.AcknowledgedAt-r.RaisedAt)*time.Second)
	}
	if e.wake != nil {
		e.wake()
	}
}

// countFiring says how many alerts fire.
func (e *eyes) countFiring() {
	n := map[metric.Kind]int{}
	for _, r := range e.monitor.Firing() {
		n[metric.Kind{Rule: r.Rule, Severity: string(r.Severity)}]++
	}
	e.server.metrics.AlertsFiring(n)
}

// show shows what was seen to the rules. What could not be written is written later.
func (e *eyes) show(ctx context.Context, chainID uint64, at *rollout.Block, noticed time.Time, seen ...rule.Seen) {
	if err := e.monitor.Show(ctx, chainID, at, noticed, seen...); err != nil && ctx.Err() == nil {
		e.server.log.ErrorContext(ctx, "what was seen is not in the journal yet", "chain", chainID, "err", err)
	}
	e.countFiring()
}

// eye watches one network. It is the handler of its index.
type eye struct {
	*eyes
	n        *net
	contract event.Contract
	watch    *dispatcher.Watch
	sight    *sight.Sight
	log      *slog.Logger
	cost     atomic.Pointer[big.Int] // of as many upgrades as an account must be able to pay for, in wei

	start    uint64        // the newest block when this process began to watch
	began    time.Time     // when that was
	written  uint64        // up to which block it was indexed then
	branch   uint64        // the newest block of then that is still in the chain
	ready    atomic.Bool   // the sight has been told of all that was before
	indexed  atomic.Uint64 // the last block that was shown; before that, the newest one when this process began to watch
	looked   atomic.Int64  // unix milliseconds
	saved    time.Time     // when the position was last written
	recorded uint64        // up to which block events were shown
	skipped  bool          // since then there were blocks that were not
}

func (e *eyes) watchNetwork(ctx context.Context, n *net) error {
	y := &eye{eyes: e, n: n, log: e.server.log.With("network", n.Name)}
	defer e.server.metrics.Unwatched(n.Name)
	var caring sync.WaitGroup
	defer caring.Wait()
	caring.Go(func() { y.care(ctx) }) // also while it cannot begin
	for ctx.Err() == nil {
		if err := y.run(ctx); err != nil && ctx.Err() == nil {
			y.log.WarnContext(ctx, "not watched; it is tried again", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return nil
}

func (y *eye) run(ctx context.Context) error {
	address, err := y.server.app.Dispatcher()
	if err != nil {
		return err
	}
	accounts, err := y.accounts()
	if err != nil {
		return err
	}
	head, err := y.n.chain.Head(ctx)
	if err != nil {
		return err
	}
	from, err := y.beginning(ctx, head, address)
	if err != nil {
		return err
	}
	if err := y.enter(ctx, head); err != nil {
		return err
	}
	y.start, y.began = head.Number, time.Now()
	y.contract = event.Contract{Kind: dispatcher.Kind, Address: address, From: from}
	y.recorded, y.skipped, y.branch, y.written = 0, false, math.MaxUint64, math.MaxUint64
	covered, err := y.store.Covered(ctx, y.n.ChainID)
	if err != nil {
		return err
	}
	for _, c := range covered {
		if c.Address == address {
			y.written = max(c.Next, 1) - 1
		}
	}
	known := make([]common.Address, len(accounts))
	for i, a := range accounts {
		known[i] = a.Address
	}
	y.watch = dispatcher.NewWatch(address, known...)
	y.ready.Store(false)
	look, err := y.looks(ctx, accounts)
	if err != nil {
		return err
	}
	y.sight = sight.New(look)
	defer y.sight.Close()
	return index.New(index.Config{
		Chain: y.n.chain, Store: y.store, Contracts: []event.Contract{y.contract}, Confirmations: y.n.Confirmations, Poll: y.poll(), Handler: y, Log: y.server.log,
	}).Run(ctx)
}

// enter writes where watching begins, unless it has begun before: what happens from then on is shown, also if the blocks before it cannot be read
// yet, or if this process ends before they are.
func (y *eye) enter(ctx context.Context, head rollout.Block) error {
	if _, watched, err := y.store.Watched(ctx, y.n.ChainID); err != nil || watched {
		return err
	}
	if err := y.monitor.Show(ctx, y.n.ChainID, &head, time.Now()); err != nil {
		return err
	}
	y.log.InfoContext(ctx, "watched from now on", "block", head.Number)
	return nil
}

// poll is how often the head is asked for, where it is not announced.
func (y *eye) poll() time.Duration {
	if y.n.Kind == network.Local {
		return min(y.server.app.cfg.Serve.Poll, 200*time.Millisecond)
	}
	return min(y.server.app.cfg.Serve.Poll, max(time.Second, time.Duration(y.n.BlockTime*float64(time.Second)/2)))
}

// accounts are those whose code and money are watched: who signs, who holds roles, who has deployed, and the extension.
func (y *eye) accounts() ([]sight.Account, error) {
	app := y.server.app
	d, err := app.deployment()
	if err != nil {
		return nil, err
	}
	codes, err := evm.CreateAll(y.n.ChainID, app.factory().Address, d.Salt, []evm.Creation{{Address: d.Extension, InitCode: d.ExtensionInitCode}})
	if err != nil {
		return nil, fmt.Errorf("code of the extension: %w", err)
	}
	out := []sight.Account{{Address: d.Extension, Part: rule.Extension, Pinned: crypto.Keccak256Hash(codes[0])}}
	add := func(a sight.Account) {
		i := slices.IndexFunc(out, func(o sight.Account) bool { return o.Address == a.Address })
		switch {
		case a.Address == (common.Address{}):
		case i < 0:
			out = append(out, a)
		case out[i].Needs == nil:
			out[i].Needs = a.Needs
		}
	}
	for _, role := range []rollout.Role{rollout.Committer, rollout.Applier} {
		if name, err := app.signerFor(role); err == nil {
			add(sight.Account{Address: app.addressIfKnown(name), Part: rule.Signer, Needs: y.needs})
		}
	}
	if name := app.cfg.Alerts.Pause.Signer; name != "" && y.pauser != nil {
		add(sight.Account{Address: app.addressIfKnown(name), Part: rule.Signer, Needs: y.pauseNeeds})
	}
	for _, role := range []string{"pauser", "emergency"} { // who is called in the night must not lack the money
		for _, h := range app.cfg.Dispatcher.Roles[role] {
			if h.Signer != "" {
				add(sight.Account{Address: app.addressIfKnown(h.Signer), Part: rule.Signer, Needs: y.needs})
			}
		}
	}
	for name := range app.cfg.Signers {
		add(sight.Account{Address: app.addressIfKnown(name), Part: rule.Signer})
	}
	add(sight.Account{Address: app.addressIfKnown(app.cfg.Dispatcher.Deployer), Part: rule.Deployer})
	for _, holders := range app.cfg.Dispatcher.Roles {
		for _, h := range holders {
			if address, err := app.account(h); err == nil && h.Signer == "" {
				add(sight.Account{Address: address, Part: rule.Holder, Any: true})
			}
		}
	}
	return out, nil
}

// needs is how much an account that sends should have, nil while that is not known.
func (y *eye) needs() *big.Int { return y.cost.Load() }

// pausesAhead is how many pauses the key that pauses automatically should be able to pay for.
const pausesAhead = 3

// pauseNeeds is how much it should have, nil while that is not known.
func (y *eye) pauseNeeds() *big.Int {
	for _, n := range y.pauser.networks {
		if n.ChainID == y.n.ChainID {
			if cost := n.Status().Cost; cost != nil {
				return new(big.Int).Mul(cost, big.NewInt(pausesAhead))
			}
		}
	}
	return nil
}

// beginning is the block from which events of a dispatcher are read: that of its deployment, if it is in the journal, or the newest one, if it is not
// deployed yet.
func (y *eye) beginning(ctx context.Context, at rollout.Block, address common.Address) (uint64, error) {
	journal, err := y.store.Transactions(ctx, y.n.ChainID)
	if err != nil {
		return 0, err
	}
	for _, t := range journal {
		if t.Status == rollout.Confirmed && strings.HasPrefix(t.Step, "deploy dispatcher") {
			return t.BlockNumber, nil
		}
	}
	code, err := y.n.chain.Code(ctx, at.Hash, address)
	if err == nil && len(code) == 0 {
		return at.Number, nil
	}
	return 0, err
}

// Backfilled begins, if all is indexed that was there when this process began to watch.
func (y *eye) Backfilled(ctx context.Context, upTo rollout.Block) {
	if upTo.Number >= y.start || time.Since(y.began) > startPatience {
		y.begin(ctx, upTo)
	}
}

// startPatience is how long the block is waited for that was the newest at first: it may never come again.
const startPatience = 2 * time.Minute

// begin tells the sight what was before, and shows what has happened since anybody watched. What fails is done at the next block.
func (y *eye) begin(ctx context.Context, upTo rollout.Block) {
	if err := y.recall(ctx, upTo); err != nil && ctx.Err() == nil {
		y.log.ErrorContext(ctx, "what has happened cannot be read yet; it is tried again at the next block", "upto", upTo.Number, "err", err)
	}
}

func (y *eye) recall(ctx context.Context, upTo rollout.Block) error {
	if y.ready.Load() { // the index was interrupted
		if upTo.Number <= y.recorded {
			return nil
		}
		return y.look(ctx, y.recorded+1, upTo)
	}
	until, err := y.shown(ctx, upTo)
	if err != nil {
		return err
	}
	before, err := y.events(ctx, 0, until)
	if err != nil {
		return err
	}
	if err := y.leave(ctx); err != nil {
		return err
	}
	y.watch.Recall(before)
	y.recorded, y.skipped = until, true
	y.ready.Store(true)
	return y.look(ctx, until+1, upTo)
}

// shown is the last block that was shown to the rules before this process began to watch, or at which anybody began to, and is still in the chain.
func (y *eye) shown(ctx context.Context, upTo rollout.Block) (uint64, error) {
	was, _, err := y.store.Watched(ctx, y.n.ChainID)
	if err != nil {
		return 0, err
	}
	now, err := y.n.chain.Headers(ctx, was.Number)
	switch {
	case err == nil && now[0].Hash == was.Hash && was.Number <= upTo.Number:
		return was.Number, nil
	case err != nil && !errors.Is(err, event.ErrNoBlock):
		return 0, err
	}
	// it has left the chain; what was not indexed yet may have been on that branch
	until := min(upTo.Number, y.written, y.branch)
	if until >= was.Number {
		until = was.Number - min(was.Number, max(y.n.Confirmations, keptAtLeast))
	}
	y.show(ctx, y.n.ChainID, nil, time.Now(), y.at(rule.Seen{Sight: rule.SawReorg, Block: rollout.Block{Number: until}}))
	return until, nil
}

// leave shows which alerts were raised in blocks that are no longer in the chain: whoever was told so may have been killed since.
func (y *eye) leave(ctx context.Context) error {
	for _, r := range y.monitor.Firing() {
		if r.ChainID != y.n.ChainID || r.Confirmed || r.Block.Hash == (common.Hash{}) {
			continue
		}
		now, err := y.n.chain.Headers(ctx, r.Block.Number)
		switch {
		case err == nil && now[0].Hash == r.Block.Hash:
		case err == nil, errors.Is(err, event.ErrNoBlock):
			y.show(ctx, y.n.ChainID, nil, time.Now(), y.at(rule.Seen{Sight: rule.SawGone, Subject: r.Fingerprint}))
		default:
			return err
		}
	}
	return nil
}

// keptAtLeast is how far back is looked if a block has left the chain and nobody knows since when it differs.
const keptAtLeast = 64

// events are those of the index that tell of what privileged functions did, from one block to another.
func (y *eye) events(ctx context.Context, from, to uint64) ([]event.Log, error) {
	if to < from || to == 0 {
		return nil, nil
	}
	all, err := y.store.Events(ctx, event.Filter{ChainID: y.n.ChainID, Contract: y.contract.Address, Names: dispatcher.EventNames(), From: from, To: to, Oldest: true})
	return logsOf(all), err
}

// logsOf are the logs that tell of what privileged functions did: facets log under the same address.
func logsOf(decoded []event.Decoded) []event.Log {
	var out []event.Log
	for i := range decoded {
		if slices.Contains(dispatcher.EventNames(), decoded[i].Name) {
			out = append(out, decoded[i].Log)
		}
	}
	return out
}

// look shows the blocks from one to another, whose events are in the index.
func (y *eye) look(ctx context.Context, from uint64, head rollout.Block) error {
	logs, err := y.events(ctx, from, head.Number)
	if err != nil {
		return err
	}
	y.see(ctx, from, head, logs, time.Now())
	y.skipped = false
	return nil
}

// Head shows a block; or what was left out of one that was shown.
func (y *eye) Head(ctx context.Context, block rollout.Block, logs []event.Decoded) {
	noticed := time.Now()
	y.server.metrics.IndexWrote(y.n.Name, len(logs))
	if !y.ready.Load() {
		y.Backfilled(ctx, block)
		return
	}
	if block.Number <= y.recorded {
		y.show(ctx, y.n.ChainID, nil, noticed, y.sight.Late(logsOf(logs))...)
		return
	}
	if y.skipped {
		y.begin(ctx, block)
		return
	}
	y.see(ctx, block.Number, block, logsOf(logs), noticed)
}

// positionEvery is how often up to which block was watched is written, if nothing else is.
const positionEvery = 15 * time.Second

func (y *eye) see(ctx context.Context, from uint64, head rollout.Block, logs []event.Log, noticed time.Time) {
	y.indexed.Store(head.Number)
	y.looked.Store(noticed.UnixMilli())
	seen, err := y.sight.Look(ctx, from, head, logs)
	if err != nil && ctx.Err() == nil {
		y.log.WarnContext(ctx, "not all was seen; it is made up for", "block", head.Number, "err", err)
	}
	for _, r := range seen.Refused {
		y.server.metrics.Refused(y.n.Name, r.Error, r.Source)
	}
	if len(seen.Refused) > 0 {
		if err := y.store.SaveRefused(ctx, y.n.ChainID, seen.Refused); err != nil && ctx.Err() == nil {
			y.log.ErrorContext(ctx, "refused calls are not in the index", "err", err)
		}
	}
	y.nameFacets(ctx, seen.Seen)
	seen.Seen = append(seen.Seen, y.at(rule.Seen{Sight: rule.SawIndex, Since: head.Number}))
	y.measure(seen.Seen)
	var position *rollout.Block
	happened := len(logs) > 0 || len(seen.Refused) > 0 || slices.ContainsFunc(seen.Seen, func(s rule.Seen) bool { return s.Sight == rule.SawSlot })
	if err == nil && (happened || time.Since(y.saved) >= positionEvery) { // what happened counts once
		position, y.saved = y.known(ctx, head), time.Now()
	}
	y.recorded = head.Number
	y.show(ctx, y.n.ChainID, position, noticed, seen.Seen...)
	y.countPauses(ctx, seen.Seen)
}

// countPauses counts who has paused.
func (y *eye) countPauses(ctx context.Context, seen []rule.Seen) {
	for _, s := range seen {
		if s.Sight != rule.SawEffect || s.Effect.What != rule.Paused {
			continue
		}
		how := "unplanned"
		if y.monitor.Explained(s) {
			how = "manual"
		}
		if t, err := y.store.TransactionOf(ctx, y.n.ChainID, s.Tx); err == nil && t.Step == txsend.PauseStep {
			how = "automatic"
		}
		y.server.metrics.Paused(y.n.Name, how)
	}
}

// at fills in where and when something was seen.
func (y *eye) at(s rule.Seen) rule.Seen {
	s.Network, s.ChainID, s.At = y.n.Name, y.n.ChainID, time.Now().UnixMilli()
	return s
}

// measure counts what was seen.
func (y *eye) measure(seen []rule.Seen) {
	m := y.server.metrics
	for _, s := range seen {
		switch s.Sight {
		case rule.SawHead:
			m.IndexAt(y.n.Name, y.indexed.Load(), s.Block.Number)
		case rule.SawEndpoint:
			if i := slices.Index(y.n.chain.EndpointNames(), s.Subject); i >= 0 {
				m.EndpointUp(y.n.Name, i+1, !s.Failed)
			}
		case rule.SawDisagreement:
			if s.Failed {
				m.Disagreed(y.n.Name)
			}
		}
	}
}

// Reorg shows that blocks have left the chain.
func (y *eye) Reorg(ctx context.Context, last rollout.Block) {
	y.server.metrics.IndexTookBack(y.n.Name)
	if !y.ready.Load() {
		y.branch = min(y.branch, last.Number)
		return // what was shown of it, and by whom, is in the journal
	}
	if err := y.sight.Forget(ctx, last); err != nil && ctx.Err() == nil {
		y.log.WarnContext(ctx, "what was before a reorganisation is read again later", "err", err)
	}
	y.recorded = min(y.recorded, last.Number)
	// what was not shown yet stays so
	position, watched, err := y.store.Watched(ctx, y.n.ChainID)
	if err != nil && ctx.Err() == nil {
		y.log.WarnContext(ctx, "how far it was watched is not known", "err", err)
	}
	at := &last
	if err == nil && watched && position.Number <= last.Number {
		at = nil
	}
	y.show(ctx, y.n.ChainID, at, time.Now(), y.at(rule.Seen{Sight: rule.SawReorg, Block: last}))
}

// Final shows that a block is final, and that all that happened until then was seen.
func (y *eye) Final(ctx context.Context, block rollout.Block) {
	if !y.ready.Load() {
		return
	}
	if behind, ok := y.sight.Behind(); ok && behind <= block.Number {
		block = rollout.Block{Number: max(behind, 1) - 1}
	}
	y.show(ctx, y.n.ChainID, nil, time.Now(), y.at(rule.Seen{Sight: rule.SawFinal, Block: block}))
}

// Times of what is looked after besides blocks.
const (
	lagEvery      = 5 * time.Second  // how far the index is behind the head
	blindAfter    = 30 * time.Second // without a block, endpoints are asked whether they answer
	endpointEvery = 10 * time.Second
	priceEvery    = 10 * time.Minute
)

// care looks after what no block tells of: an index that stands still, endpoints of which none answers, and what upgrades cost.
func (y *eye) care(ctx context.Context) {
	var asked, priced time.Time
	var newest uint64
	for {
		head, err := y.n.chain.Head(ctx)
		if err == nil {
			newest = head.Number
			y.indexed.CompareAndSwap(0, head.Number)
			y.server.metrics.IndexAt(y.n.Name, y.indexed.Load(), head.Number)
			y.show(ctx, y.n.ChainID, nil, time.Now(), y.at(rule.Seen{Sight: rule.SawHead, Block: head}))
		}
		if at := y.indexed.Load(); at > 0 && (y.ready.Load() || at < newest) {
			y.show(ctx, y.n.ChainID, nil, time.Now(), y.at(rule.Seen{Sight: rule.SawIndex, Since: at}))
		}
		if time.Since(time.UnixMilli(y.looked.Load())) > blindAfter && time.Since(asked) > endpointEvery {
			asked = time.Now()
			y.show(ctx, y.n.ChainID, nil, asked, y.endpoints(ctx)...)
		}
		if time.Since(priced) > priceEvery {
			if fees, err := y.n.chain.Fees(ctx); err == nil {
				priced = time.Now()
				gas := contracts.Published()
				upgrade := new(big.Int).Mul(fees.Cap, new(big.Int).SetUint64(gas.Commit+gas.Apply1+gas.Activate1))
				upgrades := big.NewInt(int64(y.server.app.cfg.Alerts.Rules[rule.BalanceLow].Threshold))
				y.cost.Store(upgrade.Mul(upgrade, upgrades))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(lagEvery):
		}
	}
}

// endpoints are whether each answers.
func (y *eye) endpoints(ctx context.Context) (out []rule.Seen) {
	for _, e := range y.n.chain.Endpoints(ctx) {
		s := rule.Seen{Sight: rule.SawEndpoint, Subject: e.Name}
		if s.Failed = e.Err != nil; s.Failed {
			s.Is = e.Err.Error()
		}
		out = append(out, y.at(s))
	}
	y.measure(out)
	return out
}

// sentNotice counts what became of a message.
func (s *server) sentNotice(o notify.Outcome) {
	outcome := map[notify.Result]string{notify.Sent: "delivered", notify.Failed: "failed", notify.Refused: "given up", notify.Expired: "given up"}[o.Result]
	s.metrics.Notified(o.Sink, outcome)
	for range o.Messages - 1 {
		if o.Result == notify.Sent {
			s.metrics.Notified(o.Sink, "summarised")
		}
	}
}

// queueEvery is how often it is looked how many messages wait.
const queueEvery = 15 * time.Second

// watchQueue says how many messages wait, until ctx ends.
func (s *server) watchQueue(ctx context.Context) error {
	for {
		if n, oldest, err := s.app.store.NoticesWaiting(ctx); err == nil {
			s.metrics.NotificationsWaiting(n, oldest)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(queueEvery):
		}
	}
}
