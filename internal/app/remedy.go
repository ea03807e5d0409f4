package app

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/notice"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// remedyTime bounds how long it may take to make a plan against what was alerted.
const remedyTime = time.Minute

// prepare makes the plan against what a grave alert is about, and sends it after the alert: a cancellation of what is pending, or the return to the
// routes of before. Nobody has signed it, so nothing follows from it by itself. It returns at once.
func (e *eyes) prepare(ctx context.Context, r rule.Record) {
	n := e.server.network(r.ChainID)
	if n == nil || r.Contract == (common.Address{}) || !r.Severity.AtLeast(rule.High) || len(r.Receivers()) == 0 {
		return
	}
	e.pausing.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, remedyTime)
		defer cancel()
		p, err := e.remedy(ctx, n, r)
		if err == nil {
			err = e.sendRemedy(ctx, r, p)
		}
		if err != nil && ctx.Err() == nil {
			e.server.log.InfoContext(ctx, "no plan is attached to an alert", "alert", r.ID, "network", n.Name, "why", err)
		}
	})
}

// remedy is the plan.
func (e *eyes) remedy(ctx context.Context, n *net, r rule.Record) (*plan.Plan, error) {
	app, nets := e.server.app, []*net{n}
	if r.Has(rule.ActCancel) {
		return app.makePlan(ctx, PlanRequest{Action: plan.Cancel, emergency: true}, nets)
	}
	address, err := app.Dispatcher()
	if err != nil {
		return nil, err
	}
	root, err := app.previousRoot(ctx, n, address)
	if err != nil {
		return nil, err
	}
	file, err := app.store.Manifest(ctx, root)
	if err != nil {
		return nil, err
	}
	m, err := manifest.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	return app.makePlan(ctx, PlanRequest{Action: plan.Rollback, Manifest: m, File: file, emergency: true}, nets)
}

func (e *eyes) sendRemedy(ctx context.Context, r rule.Record, p *plan.Plan) error {
	data, err := plan.Encode(p)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s-%s.json", p.Intent.Action, p.Digest.Hex()[:10])
	return e.monitor.Attach(ctx, r.Fingerprint, notice.Attachment{Name: name, Type: "application/json", Data: data},
		fmt.Sprintf("A plan to %s is attached, which nobody has approved: review it, have it approved, and carry it out.", p.Intent.Action),
		"lockstep show "+name, "lockstep approve "+name, "lockstep rollout "+name)
}
