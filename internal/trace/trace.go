// Package trace tells an OpenTelemetry collector, over OTLP/HTTP, how a plan is carried out:
//
//	execution ─► network ─► step ─► simulate, sign, journal, broadcast, confirm
//
// A trace is of one plan: its id is the first half of the plan's digest, and the id of its execution span the quarter after that. So what several
// processes tell of a plan, or one that was killed and its successor, is one trace, without anything that they would have to hand to each other.
// An execution span is sent by whoever sees the execution end, a network span for each time that a process has the network in hand and does
// something. A step that a killed process had begun is gone on with in a span of the process that goes on.
//
// It is the only package that knows OpenTelemetry. What it tells is in the journal, too: names, hashes, gas, blocks, and why something failed.
package trace

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Config of a Tracer.
type Config struct {
	URL     string // of the collector; without a path it is /v1/traces
	Version string // of the program
	Process string // which one it is of several
	Log     *slog.Logger
}

// Tracer tells a collector. A nil one tells nobody.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// sendAfter is how long spans wait for others to be sent with.
const sendAfter = time.Second

// New returns a tracer. The collector need not answer yet.
func New(ctx context.Context, cfg Config) (*Tracer, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("send traces: %w", withoutURL(err))
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/traces"
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(u.String()))
	if err != nil {
		return nil, fmt.Errorf("send traces: %w", withoutURL(err))
	}
	otel.SetErrorHandler(&complaints{log: cfg.Log})
	t := &Tracer{provider: sdk.NewTracerProvider(
		sdk.WithBatcher(exporter, sdk.WithBatchTimeout(sendAfter)), sdk.WithSampler(sdk.AlwaysSample()), sdk.WithIDGenerator(&ids{}),
		sdk.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "lockstep"), attribute.String("service.version", cfg.Version), attribute.String("service.instance.id", cfg.Process),
		)),
	)}
	t.tracer = t.provider.Tracer("lockstep")
	return t, nil
}

// Close sends what has not been sent.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("send the last traces: %w", withoutURL(err))
	}
	return nil
}

// withoutURL is an error without the collector's URL, which may hold a key.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// complaints logs that spans cannot be sent: once, and then once in a while.
type complaints struct {
	log *slog.Logger

	mu   sync.Mutex
	last time.Time
}

// complainEvery is how often it is logged.
const complainEvery = 10 * time.Minute

// Handle is told of an error.
func (c *complaints) Handle(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.last) < complainEvery {
		return
	}
	c.last = time.Now()
	c.log.Warn("the collector does not take traces, which are lost", "err", withoutURL(err))
}

// Plan is the plan that is carried out.
type Plan struct {
	Digest   common.Hash
	Action   string
	Networks int
}

func (p Plan) traceID() trace.TraceID { return trace.TraceID(p.Digest[:16]) }
func (p Plan) spanID() trace.SpanID   { return trace.SpanID(p.Digest[16:24]) }

// ended gives an ended span a time, and an error if there is one.
func ended(span trace.Span, at time.Time, err error) {
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
	}
	span.End(trace.WithTimestamp(at))
}

// Execution tells that the execution of a plan has ended. It is told by whoever has ended it.
func (t *Tracer) Execution(p Plan, from, to time.Time) {
	if t == nil {
		return
	}
	_, span := t.tracer.Start(context.WithValue(context.Background(), wanted{}, p), "execution", trace.WithTimestamp(from), trace.WithAttributes(
		attribute.String("lockstep.plan", p.Digest.Hex()), attribute.String("lockstep.action", p.Action), attribute.Int("lockstep.networks", p.Networks),
	))
	ended(span, to, nil)
}
