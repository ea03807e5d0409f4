package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/config"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/reconcile"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/trace"
	"github.com/seed-b6a97670/lockstep/internal/txsend"
)

// tracer makes what tells a collector of traces; nil if the configuration names none.
func (a *App) tracer(ctx context.Context) (*trace.Tracer, error) {
	if a.cfg.Serve.Traces == "" {
		return nil, nil
	}
	url, err := collectorOf(a.cfg)
	if err != nil {
		return nil, err
	}
	return trace.New(ctx, trace.Config{URL: url, Version: Version, Process: rollout.HolderName(a.holder), Log: a.opts.Log})
}

// collectorOf is the URL of the collector of traces.
func collectorOf(cfg *config.Config) (string, error) {
	url, err := cfg.Resolve(cfg.Serve.Traces)
	if err == nil {
		err = config.CollectorURL(url)
	}
	if err != nil {
		return "", fmt.Errorf("serve.traces: %w", err)
	}
	return url, nil
}

// tracing is what is told of a plan on one network.
type tracing struct {
	work *trace.Work
	plan common.Hash
}

func traced(p *plan.Plan) trace.Plan {
	return trace.Plan{Digest: p.Digest, Action: p.Intent.Action, Networks: len(p.Intent.Networks)}
}

// take begins to tell of a plan on a network; it is nil if nobody is told.
func (s *server) take(p *plan.Plan, n *net) *tracing {
	if s.tracer == nil {
		return nil
	}
	part, _ := p.Intent.Network(n.ChainID)
	return &tracing{plan: p.Digest, work: s.tracer.Take(traced(p), trace.Network{Name: n.Name, ChainID: n.ChainID, Root: part.Root, Epoch: part.Epoch})}
}

// end tells that this process no longer has the network in hand. That another one goes on is no failure.
func (t *tracing) end(ctx context.Context, err error) {
	if t == nil {
		return
	}
	if ctx.Err() != nil || errors.Is(err, reconcile.ErrStopped) || errors.Is(err, rollout.ErrFenced) || errors.Is(err, errTakenBack) {
		err = nil
	}
	t.work.End(err)
}

// watch has a sender tell of its work. What it does for another plan, whose transactions it may find, is not told.
func (t *tracing) watch(cfg *txsend.Config) {
	if t == nil {
		return
	}
	final := cfg.Final
	cfg.Final = func(tx rollout.Transaction) {
		if tx.Plan == t.plan {
			t.work.Final(trace.Landed{
				Step: tx.Step, Tx: tx.Hash, Nonce: tx.Nonce, Outcome: string(tx.Status), Block: tx.BlockNumber, Gas: tx.GasUsed,
			}, time.Now())
		}
		final(tx)
	}
	cfg.Timed = func(p txsend.Part) {
		if p.Plan == t.plan || p.Plan == (common.Hash{}) {
			t.work.Part(p.Name, p.Steps, p.From, p.To, p.Err)
		}
	}
}

// over tells that an execution has ended, which the process is told that has ended it.
func (s *server) over(ctx context.Context, p *plan.Plan) {
	if s.tracer == nil {
		return
	}
	ex, err := s.app.store.Execution(ctx, p.Digest)
	if err != nil {
		s.log.WarnContext(ctx, "the trace of a plan lacks its beginning", "plan", p.Digest, "err", err)
		return
	}
	s.tracer.Execution(traced(p), time.Unix(ex.CreatedAt, 0), time.Now())
}
