package app

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/lease"
	"github.com/seed-b6a97670/lockstep/internal/metric"
	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/signer"
	"github.com/seed-b6a97670/lockstep/internal/txsend"
)

// Pauser pauses dispatchers when alerts ask for it, as alerts.pause of the configuration says. It never unpauses.
type Pauser struct {
	app      *App
	metrics  *metric.Registry
	networks []*pausing
	orders   *orders
}

// pausing is the pauser of one network.
type pausing struct {
	*net
	*txsend.Pauser
}

// PauseOrder is an alert that asks for a pause.
type PauseOrder struct {
	Alert rule.Alert // critical, with rule.ActPause among its actions
	Seen  time.Time  // when the block that showed the offence arrived here; zero if that was in another process
	// Endpoints is how many endpoints of the network say so, of an alert about code or storage, and 0 of others, for which there are logs. For less than
	// alerts.pause.endpoints nothing is paused.
	Endpoints int
	// Again says that it may be decided already.
	Again bool
}

// CodeRule is the rule whose alerts several endpoints must agree on.
const CodeRule = "codehash_mismatch"

// PauseDecision is a decision to pause a network, with what has come of it.
type PauseDecision struct {
	ID          int64                `json:"id"` // 0 if it is not in the journal
	Network     string               `json:"network"`
	ChainID     uint64               `json:"chainId"`
	Dispatcher  common.Address       `json:"dispatcher"`
	Fingerprint string               `json:"fingerprint"` // of the alert
	Rule        string               `json:"rule"`
	Reason      string               `json:"reason"`
	Mode        rollout.PauseMode    `json:"mode"`
	DecidedAt   int64                `json:"decidedAt"` // unix milliseconds
	BlockChain  uint64               `json:"blockChainId"`
	Block       rollout.Block        `json:"block"` // that showed the offence
	Outcome     rollout.PauseOutcome `json:"outcome"`
	Note        string               `json:"note,omitempty"`
	Transaction int64                `json:"transaction,omitempty"`  // in the journal
	Took        int64                `json:"milliseconds,omitempty"` // from the arrival of the block until an endpoint or a relay had the transaction
	Error       string               `json:"error,omitempty"`        // why it is not in the journal, or was not taken by anybody yet
}

// PauseStatus is how it stands with the automatic pause on a network.
type PauseStatus struct {
	Network  string            `json:"network"`
	ChainID  uint64            `json:"chainId"`
	Mode     rollout.PauseMode `json:"mode"`
	Signer   common.Address    `json:"signer,omitzero"`
	Armed    bool              `json:"armed"`
	Problems []string          `json:"problems"` // what keeps it from being armed, or is about to
	Balance  string            `json:"balance,omitempty"`
	Cost     string            `json:"cost,omitempty"` // of one pause, at most; both in wei
}

// NewPauser makes the pauser of the configuration, for all networks that the work is restricted to. It is nil if the mode is off. What is wrong with the key
// itself is an error; what is wrong on a network Status tells.
func (a *App) NewPauser(ctx context.Context, metrics *metric.Registry) (*Pauser, error) {
	policy := a.cfg.Alerts.Pause
	if policy.Mode == rollout.PauseOff || policy.Mode == "" {
		return nil, nil
	}
	if err := a.open(ctx); err != nil {
		return nil, err
	}
	key, err := a.signer(policy.Signer)
	if err != nil {
		return nil, fmt.Errorf("alerts.pause: %w", err)
	}
	if err := key.Unlock(); err != nil {
		return nil, fmt.Errorf("alerts.pause: signer %s: %w", policy.Signer, err)
	}
	if err := a.cfg.PauseKeyAlone(a.addressIfKnown); err != nil {
		return nil, err
	}
	address, err := a.Dispatcher()
	if err != nil {
		return nil, err
	}
	p := &Pauser{app: a, metrics: metrics, orders: newOrders(a.opts.Log)}
	for _, n := range a.networks {
		made, err := a.pauser(ctx, n, key, address, p.told)
		if err != nil {
			return nil, fmt.Errorf("alerts.pause: %w", err)
		}
		p.networks = append(p.networks, &pausing{n, made})
	}
	return p, nil
}

// pauser makes the one of a network.
func (a *App) pauser(ctx context.Context, n *net, key *signer.Signer, address common.Address, told func(*net, rollout.Pause)) (*txsend.Pauser, error) {
	policy := a.cfg.Alerts.Pause
	cfg := txsend.PauserConfig{
		Chain: n.chain, Direct: n.Direct() || policy.Public, Journal: a.store, Sender: a.sendingOf(n, key), Dispatcher: address,
		BlockTime: time.Duration(n.BlockTime * float64(time.Second)), Call: dispatcher.Pause(address).Data, Ask: dispatcher.StateCall(),
		Mode: policy.Mode, PerHour: policy.PerHour,
		Paused: func(out []byte) (bool, error) {
			state, err := dispatcher.DecodeState(address, out)
			return state.Paused, err
		},
		Standing: func(ctx context.Context, at common.Hash) (txsend.Standing, error) {
			return standing(ctx, n, at, address, key.Address())
		},
		Take: func(ctx context.Context, seize bool) (*txsend.Tenure, error) {
			return a.takeNonces(ctx, n, key.Address(), seize)
		},
		Told: func(d rollout.Pause) { told(n, d) },
		Trouble: func(err error) {
			a.opts.Log.Warn("a pause is not final, and cannot be gone on with now", "network", n.Name, "err", err)
		},
	}
	if len(n.Relays) > 0 {
		router, err := a.router(ctx, n)
		if err != nil {
			return nil, err
		}
		cfg.Relays = router
	}
	if cfg.Relays == nil && !cfg.Direct { // the configuration has been read otherwise
		return nil, fmt.Errorf("transactions on %s are to stay private, and it has no relays: list some", n.Name)
	}
	return txsend.NewPauser(cfg), nil
}

// standing asks a dispatcher how an account stands with it.
func standing(ctx context.Context, n *net, at common.Hash, address, account common.Address) (s txsend.Standing, err error) {
	state, err := dispatcher.ReadState(ctx, n.chain, at, address)
	if err != nil {
		return s, err
	}
	s.Paused = state.Paused
	for _, role := range dispatcher.RoleNames {
		held, err := dispatcher.HasRole(ctx, n.chain, at, address, role.Role, account)
		switch {
		case err != nil:
			return s, err
		case held && role.Role == dispatcher.PauserRole:
			s.Pauser = true
		case held:
			s.Others = append(s.Others, role.Name)
		}
	}
	return s, nil
}

// takeNonces takes those of an account for this process.
func (a *App) takeNonces(ctx context.Context, n *net, account common.Address, seize bool) (*txsend.Tenure, error) {
	take := a.leases.Try
	if seize {
		take = a.leases.Seize
	}
	held, err := take(ctx, rollout.SignerLease(n.ChainID, account))
	if err != nil {
		return nil, err
	}
	return &txsend.Tenure{Journal: a.store.Under(held.Leases...), Lost: held.Context().Done(), Release: func() { a.yield(ctx, n, held) }}, nil
}

// yield gives nonces back.
func (a *App) yield(ctx context.Context, n *net, held *lease.Held) {
	if err := held.Release(ctx); err != nil {
		a.opts.Log.WarnContext(ctx, "the nonces of signers are in use until their leases expire", "network", n.Name, "err", err)
	}
}

// told logs what has become of a decision, and counts it.
func (p *Pauser) told(n *net, d rollout.Pause) {
	p.metrics.Pause(n.Name, string(d.Outcome))
	args := []any{
		"network", n.Name, "outcome", d.Outcome, "rule", d.Rule, "fingerprint", d.Fingerprint, "decision", d.ID, "mode", d.Mode, "reason", d.Reason, "note", d.Note,
	}
	if d.Took > 0 {
		args = append(args, "milliseconds", d.Took)
	}
	if d.Took > 0 && (d.Outcome == rollout.PauseSent || d.Outcome == rollout.PauseDryRun) {
		p.metrics.PauseTook(n.Name, time.Duration(d.Took)*time.Millisecond)
	}
	p.app.opts.Log.Warn("automatic pause", args...)
}

// lookForOpen is how often pauses are looked for that another process has sent, and does not go on with.
const lookForOpen = time.Second

// Run keeps everything ready for orders, and goes on with pauses until they are final, until ctx ends.
func (p *Pauser) Run(ctx context.Context) error {
	var parts sync.WaitGroup
	for _, n := range p.networks {
		parts.Go(func() { n.Run(ctx) })
	}
	for ctx.Err() == nil {
		open, err := p.app.store.OpenPauses(ctx)
		if err != nil && ctx.Err() == nil {
			p.app.opts.Log.WarnContext(ctx, "pauses that are open cannot be looked for", "err", err)
		}
		for _, n := range p.networks {
			if slices.ContainsFunc(open, func(d rollout.Pause) bool { return d.ChainID == n.ChainID && d.Signer == n.Address() }) && p.mode() == rollout.PauseOn {
				n.Follow()
			}
			if p.mode() == rollout.PauseOn {
				p.metrics.PauseArmed(n.Name, n.Status().Armed)
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(lookForOpen):
		}
	}
	parts.Wait()
	return nil
}

func (p *Pauser) mode() rollout.PauseMode { return p.app.cfg.Alerts.Pause.Mode }

// Pause pauses the network of an alert, or all, and returns when an endpoint or a relay of each has the transaction, or none will have it. What has
// become of each is in its decision, errors included.
func (p *Pauser) Pause(ctx context.Context, o PauseOrder) []PauseDecision {
	var out []PauseDecision
	var chosen []*pausing
	for _, n := range p.networks {
		if p.app.cfg.Alerts.Pause.All || n.ChainID == o.Alert.ChainID {
			chosen = append(chosen, n)
		}
	}
	out = make([]PauseDecision, len(chosen))
	var all sync.WaitGroup
	for i, n := range chosen {
		all.Go(func() {
			d, err := p.pause(ctx, n, o)
			out[i] = decisionOf(n.Name, d)
			if err != nil {
				out[i].Error = err.Error()
				p.app.opts.Log.ErrorContext(ctx, "automatic pause", "network", n.Name, "rule", o.Alert.Rule, "err", err)
				if d.ID == 0 {
					p.metrics.Pause(n.Name, metric.PauseError)
				}
			}
		})
	}
	all.Wait()
	return out
}

// pause pauses one network.
func (p *Pauser) pause(ctx context.Context, n *pausing, o PauseOrder) (rollout.Pause, error) {
	d := p.decision(o)
	if o.Again {
		if was, ok, err := n.Decided(ctx, d); ok || err != nil {
			return was, err
		}
	}
	return n.Pause(ctx, d, o.Seen)
}

// decision is what an alert asks for, refused if it does not.
func (p *Pauser) decision(o PauseOrder) rollout.Pause {
	d := rollout.Pause{
		Fingerprint: o.Alert.Fingerprint, RaisedAt: o.Alert.LastRaised(), Rule: o.Alert.Rule, Reason: o.Alert.Summary, Block: o.Alert.Block, BlockChain: o.Alert.ChainID,
	}
	refuse := func(format string, args ...any) {
		if d.Outcome == "" {
			d.Outcome, d.Note = rollout.PauseRefused, fmt.Sprintf(format, args...)
		}
	}
	if o.Alert.Severity != rule.Critical || !slices.Contains(o.Alert.Actions, rule.ActPause) {
		refuse("the alert is %s, and its actions are %v: what pauses is critical, and says so", o.Alert.Severity, o.Alert.Actions)
	}
	if needs := p.app.cfg.Alerts.Pause.Endpoints; (o.Alert.Rule == CodeRule || o.Endpoints > 0) && o.Endpoints < needs {
		refuse("%d endpoints say so, and %d must agree (alerts.pause.endpoints)", o.Endpoints, needs)
	}
	return d
}

func decisionOf(name string, d rollout.Pause) PauseDecision {
	return PauseDecision{
		ID: d.ID, Network: name, ChainID: d.ChainID, Dispatcher: d.Dispatcher, Fingerprint: d.Fingerprint, Rule: d.Rule, Reason: d.Reason, Mode: d.Mode,
		DecidedAt: d.DecidedAt, BlockChain: d.BlockChain, Block: d.Block, Outcome: d.Outcome, Note: d.Note, Transaction: d.Transaction, Took: d.Took,
	}
}

// Status tells how it stands on each network, by what was last seen. It asks nobody.
func (p *Pauser) Status() []PauseStatus {
	var out []PauseStatus
	for _, n := range p.networks {
		s := n.Status()
		ps := PauseStatus{
			Network: n.Name, ChainID: n.ChainID, Mode: p.mode(), Signer: n.Address(), Armed: s.Armed, Problems: append([]string{}, s.Problems...),
			Balance: decimal(s.Balance), Cost: decimal(s.Cost),
		}
		out = append(out, ps)
	}
	return out
}

// CheckPause finds out how it stands with the automatic pause on each network, without anything that runs.
func (a *App) CheckPause(ctx context.Context) ([]PauseStatus, error) {
	p, err := a.NewPauser(ctx, nil)
	if err != nil {
		return nil, err
	}
	if p == nil {
		var out []PauseStatus
		for _, n := range a.networks {
			out = append(out, PauseStatus{Network: n.Name, ChainID: n.ChainID, Mode: rollout.PauseOff, Problems: []string{}})
		}
		return out, nil
	}
	var all sync.WaitGroup
	for _, n := range p.networks {
		all.Go(func() { n.Look(ctx) })
	}
	all.Wait()
	return p.Status(), nil
}

// Pauses lists the last decisions to pause, newest first.
func (a *App) Pauses(ctx context.Context, last int) ([]PauseDecision, error) {
	if err := a.openJournal(ctx); err != nil {
		return nil, err
	}
	found, err := a.store.Pauses(ctx, last)
	if err != nil {
		return nil, err
	}
	out := []PauseDecision{}
	for _, d := range found {
		name := fmt.Sprint(d.ChainID)
		if known, ok := network.LookupID(d.ChainID); ok {
			name = known.Name
		}
		for _, n := range a.cfg.Networks {
			if n.ChainID == d.ChainID {
				name = n.Name
			}
		}
		out = append(out, decisionOf(name, d))
	}
	return out, nil
}
