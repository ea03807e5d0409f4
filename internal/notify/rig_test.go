package notify

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/notice"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

var update = flag.Bool("update", false, "write testdata")

// golden compares a text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// begun is when everything in tests happens.
const begun = 1_700_000_000

// alertOf is an alert about something.
func alertOf(name string, severity rule.Severity, subject string) *rule.Alert {
	return &rule.Alert{
		Fingerprint: rule.Fingerprint(name, "ethereum", subject), Rule: name, Severity: severity, Network: "ethereum", ChainID: 1, Subject: subject,
		Summary: "something about " + subject, RaisedAt: begun, SeenAt: begun, Count: 1,
	}
}

// rich is a message that has everything, with words of strangers in it.
func rich(kind notice.Kind) notice.Message {
	a := alertOf("unknown_root", rule.Critical, "0x01")
	a.Summary = `a root was committed that no approved plan holds: <!channel> @everyone "*_~` + "`" + `[x](https://evil.example)" & more`
	a.Contract, a.Tx = common.Address{0xaa}, common.Hash{0xbb}
	a.Block, a.Count, a.SeenAt = rollout.Block{Number: 19_000_000, Hash: common.Hash{1}, Time: begun}, 3, begun+60
	a.Details = []rule.Detail{{Name: "root", Value: "0x01"}, {Name: "by", Value: "0x02"}}
	a.Actions = []rule.Action{"security", rule.ActCancel}
	m := notice.Message{
		ID: "00112233445566778899aabbccddeeff", Kind: kind, At: begun + 60, Project: "market", Alert: a, Advice: "take it back before it can be activated",
		Commands: []string{"lockstep cancel --network ethereum --yes"}, Acknowledge: "https://lockstep.example/ack?t=a|b&c=(d)", Runbook: "https://runbook.example/unknown_root",
		Attachments: []notice.Attachment{{Name: "../rollback plan.json", Type: "application/json", Data: []byte(`{"plan": true}`)}},
	}
	switch kind {
	case notice.Resolved:
		a.ResolvedAt, a.Resolution = begun+120, "the root was cancelled"
	case notice.Acknowledged:
		m.By = "alice"
	case notice.Escalated:
		m.Level = 2
	}
	return m
}

// summary is one of two messages.
func summary() notice.Message {
	first := notice.Message{ID: "01", Kind: notice.Raised, At: begun, Project: "market", Alert: alertOf("late_execution", rule.Warning, "0x01")}
	second := notice.Message{ID: "02", Kind: notice.Resolved, At: begun + 5, Project: "market", Alert: alertOf("balance_low", rule.High, "0x02")}
	second.Alert.ResolvedAt = begun + 5
	return notice.Message{ID: "ffeeddccbbaa99887766554433221100", Kind: notice.Summary, At: begun + 5, Project: "market", Parts: []notice.Message{first, second}}
}

// messages are one of each kind.
func messages() (out []notice.Message) {
	for _, k := range []notice.Kind{notice.Raised, notice.Renewed, notice.Confirmed, notice.Resolved, notice.Acknowledged, notice.Escalated} {
		out = append(out, rich(k))
	}
	return append(out, summary(), notice.Message{ID: "0123456789abcdef0123456789abcdef", Kind: notice.Test, At: begun, Project: "market"})
}

// wall is a server that notes what it is told, and answers as it is told to.
type wall struct {
	*httptest.Server
	mu       sync.Mutex
	requests []string // as they are compared with files
	bodies   []string
	headers  []http.Header
	arrived  chan string
	answer   func(w http.ResponseWriter, n int) // to the n-th request, from 1; nil for 200
}

func newWall(t *testing.T, answer func(w http.ResponseWriter, n int)) *wall {
	t.Helper()
	w := &wall{answer: answer, arrived: make(chan string, 1000)}
	w.Server = httptest.NewServer(w)
	t.Cleanup(w.Close)
	return w
}

func (w *wall) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", r.Method, r.URL.RequestURI())
	for _, name := range []string{"Content-Type", "User-Agent", "Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"} {
		if v := r.Header.Get(name); v != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, v)
		}
	}
	fmt.Fprintf(&b, "\n%s\n", strings.ReplaceAll(string(body), "\r\n", "\n"))
	w.mu.Lock()
	w.requests, w.bodies, w.headers = append(w.requests, b.String()), append(w.bodies, string(body)), append(w.headers, r.Header.Clone())
	n := len(w.requests)
	w.mu.Unlock()
	if w.answer != nil {
		w.answer(out, n)
	}
	w.arrived <- string(body)
}

// all are the requests until now.
func (w *wall) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.bodies)
}

// outletOf makes a sink whose clock stands still.
func outletOf(t *testing.T, s Spec) *Outlet {
	t.Helper()
	if s.Name == "" {
		s.Name = "chat"
	}
	if s.PerMinute == 0 {
		s.PerMinute, s.MaxAge = 100, 24*time.Hour
	}
	o, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	if e := endpointOf(o); e != nil {
		e.now = func() time.Time { return time.Unix(begun, 0) }
	}
	return o
}

func endpointOf(o *Outlet) *endpoint {
	switch s := o.Sink.(type) {
	case *webhook:
		return s.endpoint
	case *slack:
		return s.endpoint
	case *discord:
		return s.endpoint
	case *pagerDuty:
		return s.endpoint
	case *alertmanager:
		return s.endpoint
	}
	return nil
}

func send(t *testing.T, o *Outlet, m notice.Message) error {
	t.Helper()
	return o.Sink.Send(context.WithoutCancel(t.Context()), m)
}
