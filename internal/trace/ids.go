package trace

import (
	"context"
	"math/rand/v2"

	"go.opentelemetry.io/otel/trace"
)

// wanted is the key under which a context holds the Plan of an execution span.
type wanted struct{}

// ids makes the ids of spans: at random, but for those of executions.
type ids struct{}

// NewIDs makes the ids of a span without a parent, as an execution span is.
func (*ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if p, ok := ctx.Value(wanted{}).(Plan); ok {
		return p.traceID(), p.spanID()
	}
	var id trace.TraceID
	fill(id[:])
	return id, spanID()
}

// NewSpanID makes the id of a span of a trace.
func (*ids) NewSpanID(context.Context, trace.TraceID) trace.SpanID { return spanID() }

func spanID() (id trace.SpanID) {
	fill(id[:])
	return id
}

// fill makes bytes that are not all zero.
func fill(b []byte) {
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	b[0] |= 1
}
