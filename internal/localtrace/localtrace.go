// Package localtrace is a collector of OpenTelemetry traces on a free loopback port, for tests: it takes what comes over OTLP/HTTP, as protobuf, and
// keeps it.
package localtrace

import (
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Span is one that was sent.
type Span struct {
	Trace, ID, Parent string // in hex; no parent is empty
	Name              string
	From, To          time.Time
	Attributes        map[string]string
	Failed            bool
	Error             string
	Process           map[string]string // attributes of who has sent it
}

// Collector is a running collector.
type Collector struct {
	URL    string
	server *httptest.Server

	mu     sync.Mutex
	spans  []Span
	header http.Header
	errs   []error
}

// Start starts a collector. The caller must Close it.
func Start() *Collector {
	c := &Collector{}
	c.server = httptest.NewServer(http.HandlerFunc(c.take))
	c.URL = c.server.URL
	return c
}

// Close stops it.
func (c *Collector) Close() { c.server.Close() }

// Spans are those that were sent, by when they began. The error is of a request that was none.
func (c *Collector) Spans() ([]Span, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := slices.Clone(c.spans)
	slices.SortStableFunc(out, func(a, b Span) int { return a.From.Compare(b.From) })
	if len(c.errs) > 0 {
		return out, c.errs[0]
	}
	return out, nil
}

// Header is that of the last request.
func (c *Collector) Header() http.Header {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.header
}

func (c *Collector) take(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.header = r.Header
	if err := c.read(r); err != nil {
		c.errs = append(c.errs, err)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf") // an empty answer is one without complaints
}

func (c *Collector) read(r *http.Request) error {
	if r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		return fmt.Errorf("%s %s of type %s", r.Method, r.URL.Path, r.Header.Get("Content-Type"))
	}
	body := r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		plain, err := gzip.NewReader(r.Body)
		if err != nil {
			return err
		}
		body = plain
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	var sent collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(data, &sent); err != nil {
		return err
	}
	for _, of := range sent.GetResourceSpans() {
		process := attributes(of.GetResource().GetAttributes())
		for _, scope := range of.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				c.spans = append(c.spans, Span{
					Trace: hex.EncodeToString(s.GetTraceId()), ID: hex.EncodeToString(s.GetSpanId()), Parent: hex.EncodeToString(s.GetParentSpanId()),
					Name: s.GetName(), From: time.Unix(0, int64(s.GetStartTimeUnixNano())), To: time.Unix(0, int64(s.GetEndTimeUnixNano())),
					Attributes: attributes(s.GetAttributes()), Failed: s.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR,
					Error: s.GetStatus().GetMessage(), Process: process,
				})
			}
		}
	}
	return nil
}

func attributes(list []*common.KeyValue) map[string]string {
	out := map[string]string{}
	for _, a := range list {
		switch v := a.GetValue().GetValue().(type) {
		case *common.AnyValue_StringValue:
			out[a.GetKey()] = v.StringValue
		case *common.AnyValue_IntValue:
			out[a.GetKey()] = fmt.Sprint(v.IntValue)
		default:
			out[a.GetKey()] = fmt.Sprint(v)
		}
	}
	return out
}
