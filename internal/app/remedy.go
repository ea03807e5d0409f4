package app

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/monitor"
	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/notice"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// remedyTime bounds how long it may take to make a plan against what was alerted.
const remedyTime = time.Minute

// remedies are plans against what alerts are about. One is made at a time, and alerts that find a network in the same state share it.
type remedies struct {
	making sync.WaitGroup
	turn   chan struct{} // holds a token while one is made, or looked for
	made   map[remedyOf]*plan.Plan
}

// remedyOf is what a plan was made for.
type remedyOf struct {
	chainID uint64
	action  string
	policy  common.Hash
	state   dispatcher.State
}

func newRemedies() *remedies {
	return &remedies{turn: make(chan struct{}, 1), made: map[remedyOf]*plan.Plan{}}
}

// remedied tells whether a plan against what an alert is about helps: it is grave, and something has changed, which a call that was refused does not
// bring about. Anybody can have one refused as often as they please.
func remedied(r rule.Record) bool {
	return r.Contract != (common.Address{}) && r.Severity.AtLeast(rule.High) && len(r.Receivers()) > 0 && r.Rule != rule.UnauthorizedAccess
}

// prepare makes the plan against what a grave alert is about, and sends it after the alert: a cancellation of what is pending, or the return to the
// routes of before. Nobody has signed it, so nothing follows from it by itself. It returns at once.
func (e *eyes) prepare(ctx context.Context, r rule.Record) {
	n := e.server.network(r.ChainID)
	if n == nil || !remedied(r) {
		return
	}
	m, x := e.monitor, e.remedies // of this tenure
	x.making.Go(func() {
		select {
		case x.turn <- struct{}{}:
			defer func() { <-x.turn }()
		case <-ctx.Done():
			return
		}
		ctx, cancel := context.WithTimeout(ctx, remedyTime)
		defer cancel()
		p, err := e.server.app.remedy(ctx, x.made, n, r)
		if err == nil {
			err = e.server.app.sendRemedy(ctx, m, n, r, p)
		}
		if err != nil && ctx.Err() == nil {
			e.server.log.InfoContext(ctx, "no plan is attached to an alert", "alert", r.ID, "network", n.Name, "why", err)
		}
	})
}

// remedy is the plan, which may be made already.
func (a *App) remedy(ctx context.Context, made map[remedyOf]*plan.Plan, n *net, r rule.Record) (*plan.Plan, error) {
	address, err := a.Dispatcher()
	if err != nil {
		return nil, err
	}
	policy, _, err := a.policy(ctx)
	if err != nil {
		return nil, err
	}
	at, err := n.chain.Head(ctx)
	if err != nil {
		return nil, err
	}
	state, err := dispatcher.ReadState(ctx, n.chain, at.Hash, address)
	if err != nil {
		return nil, err
	}
	of := remedyOf{n.ChainID, plan.Rollback, policy.Hash(), state}
	if r.Has(rule.ActCancel) {
		of.action = plan.Cancel
	}
	now := time.Now().Unix() // there must be time to approve it
	maps.DeleteFunc(made, func(_ remedyOf, p *plan.Plan) bool { return now > (p.Intent.Created+p.Intent.Expires)/2 })
	if p := made[of]; p != nil {
		return p, nil
	}
	p, err := a.makeRemedy(ctx, n, of.action, address)
	if err == nil {
		made[of] = p
	}
	return p, err
}

func (a *App) makeRemedy(ctx context.Context, n *net, action string, address common.Address) (*plan.Plan, error) {
	nets := []*net{n}
	if action == plan.Cancel {
		return a.makePlan(ctx, PlanRequest{Action: plan.Cancel, emergency: true}, nets)
	}
	root, err := a.previousRoot(ctx, n, address)
	if err != nil {
		return nil, err
	}
	file, err := a.store.Manifest(ctx, root)
	if err != nil {
		return nil, err
	}
	m, err := manifest.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	return a.makePlan(ctx, PlanRequest{Action: plan.Rollback, Manifest: m, File: file, emergency: true}, nets)
}

func (a *App) sendRemedy(ctx context.Context, m *monitor.Monitor, n *net, r rule.Record, p *plan.Plan) error {
	data, err := plan.Encode(p)
	if err != nil {
		return err
	}
	policy, _, err := a.policy(ctx)
	if err != nil {
		return err
	}
	digest := p.Digest.Hex()[:10]
	name := fmt.Sprintf("%s-%s.json", p.Intent.Action, digest)
	advice, verb := "A plan that goes back to the routes of before is attached, in case that helps. Nobody has approved it: review it first.", "rollout"
	if p.Intent.Action == plan.Cancel {
		advice, verb = "A plan that cancels what is pending is attached. Nobody has approved it: review it first.", "cancel"
	}
	commands := []string{"lockstep show " + digest + " -o " + name} // for those who were sent no file
	if n.Kind == network.Mainnet || policy.Others > 0 {
		commands = append(commands, "lockstep approve "+name)
	}
	return m.Attach(ctx, r.Fingerprint, notice.Attachment{Name: name, Type: "application/json", Data: data}, advice, append(commands, "lockstep "+verb+" "+name)...)
}
