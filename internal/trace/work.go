package trace

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// Network is where a plan is carried out.
type Network struct {
	Name    string
	ChainID uint64
	Root    common.Hash // that is to become active; zero if none is
	Epoch   uint64
}

// Work is what one process does for a plan on a network, while it has that in hand. A nil one is told nothing.
type Work struct {
	tracer  *Tracer
	plan    Plan
	network Network
	from    time.Time

	mu    sync.Mutex
	span  trace.Span // nil until something was done
	steps map[string]*step
}

// step is one that has begun and not ended.
type step struct {
	span  trace.Span
	parts int
	last  time.Time // when its last part ended
}

// partsAtMost bounds the spans of a step: one that is stuck is offered again and again.
const partsAtMost = 100

// Take begins work on a network.
func (t *Tracer) Take(p Plan, n Network) *Work {
	if t == nil {
		return nil
	}
	return &Work{tracer: t, plan: p, network: n, from: time.Now(), steps: map[string]*step{}}
}

// begun is the span of the work.
func (w *Work) begun() trace.Span {
	if w.span != nil {
		return w.span
	}
	parent := trace.ContextWithRemoteSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: w.plan.traceID(), SpanID: w.plan.spanID(), TraceFlags: trace.FlagsSampled, Remote: true,
	}))
	_, w.span = w.tracer.tracer.Start(parent, "network "+w.network.Name, trace.WithTimestamp(w.from), trace.WithAttributes(w.attributes()...),
		trace.WithAttributes(attribute.Int64("lockstep.chain_id", int64(w.network.ChainID))))
	return w.span
}

// attributes are those of all spans of the work but their parts.
func (w *Work) attributes() []attribute.KeyValue {
	out := []attribute.KeyValue{attribute.String("lockstep.plan", w.plan.Digest.Hex()), attribute.String("lockstep.network", w.network.Name)}
	if w.network.Root != (common.Hash{}) {
		out = append(out, attribute.String("lockstep.root", w.network.Root.Hex()), attribute.Int64("lockstep.epoch", int64(w.network.Epoch)))
	}
	return out
}

// step is the one with a name, which begins now if it has not.
func (w *Work) step(name string, from time.Time) *step {
	if s := w.steps[name]; s != nil {
		return s
	}
	kind, _, _ := strings.Cut(name, " ")
	_, span := w.tracer.tracer.Start(trace.ContextWithSpan(context.Background(), w.begun()), "step "+strings.TrimSuffix(kind, ":"),
		trace.WithTimestamp(from), trace.WithAttributes(w.attributes()...), trace.WithAttributes(attribute.String("lockstep.step", name)))
	s := &step{span: span, last: from}
	w.steps[name] = s
	return s
}

// Part tells of a part of the work on steps, which is a span of each of them: what is simulated or journalled as a sequence is so at once.
func (w *Work) Part(name string, steps []string, from, to time.Time, err error) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, of := range steps {
		s := w.step(of, from)
		if s.parts++; s.parts <= partsAtMost {
			s.part(w.tracer, name, from, to, err)
		}
	}
}

func (s *step) part(t *Tracer, name string, from, to time.Time, err error) {
	_, span := t.tracer.Start(trace.ContextWithSpan(context.Background(), s.span), name, trace.WithTimestamp(from))
	ended(span, to, err)
	s.last = to
}

// Landed is a transaction whose outcome is final.
type Landed struct {
	Step    string
	Tx      common.Hash
	Nonce   uint64
	Outcome string // confirmed or reverted
	Block   uint64
	Gas     uint64
}

// Final tells that a step has ended: what it waited for since its last part was its confirmation.
func (w *Work) Final(l Landed, at time.Time) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.step(l.Step, w.from)
	var err error
	if l.Outcome != "confirmed" {
		err = errors.New(l.Outcome)
	}
	s.part(w.tracer, "confirm", s.last, at, err)
	s.span.SetAttributes(
		attribute.String("lockstep.tx", l.Tx.Hex()), attribute.Int64("lockstep.nonce", int64(l.Nonce)), attribute.String("lockstep.outcome", l.Outcome),
		attribute.Int64("lockstep.block", int64(l.Block)), attribute.Int64("lockstep.gas", int64(l.Gas)),
	)
	ended(s.span, at, err)
	delete(w.steps, l.Step)
}

// End tells that the process no longer has the network in hand. Steps that are open are gone on with by whoever has it next.
func (w *Work) End(err error) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	for name, s := range w.steps {
		s.span.SetAttributes(attribute.String("lockstep.outcome", "open"))
		ended(s.span, now, nil)
		delete(w.steps, name)
	}
	if w.span != nil || err != nil {
		ended(w.begun(), now, err)
	}
}
