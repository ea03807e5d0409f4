package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/seed-b6a97670/lockstep/internal/notice"
	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// listener notes what it is told.
type listener struct {
	mu     sync.Mutex
	bodies []string
}

// told writes told.yaml, with one sink that takes everything and two that do not, and told.db, in which messages wait.
func told(t *testing.T, r *rig) { listen(t, r) }

func listen(t *testing.T, r *rig) *listener {
	t.Helper()
	l := &listener{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		if q.URL.Path != "/good" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		l.mu.Lock()
		l.bodies = append(l.bodies, string(body))
		l.mu.Unlock()
	}))
	t.Cleanup(server.Close)
	t.Setenv("CHAT_URL", server.URL+"/hunter2")
	r.write(t, "told.yaml", mustRead(t, r.path("one.yaml"))+"alerts:\n  sinks:\n    good: { type: webhook, url: "+server.URL+`/good }
    bad: { type: slack, url: env:CHAT_URL }
    unset: { type: discord, url: env:NOT_SET }
  receivers: { ops: [good], security: [good, bad] }
`)
	s, err := store.Open(t.Context(), r.path("told.db"), "test")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	alert := rule.Alert{
		Fingerprint: strings.Repeat("ab", 16), Rule: "unknown_root", Severity: rule.Critical, Network: "local", ChainID: 31337, Subject: "0x01",
		Summary: "a root was committed that no approved plan holds", RaisedAt: 1_700_000_000,
	}
	queue := func(id string, sinks ...string) {
		t.Helper()
		rows, err := notice.Queue(notice.Message{ID: id, Kind: notice.Raised, Alert: &alert}, sinks...)
		if err == nil {
			err = s.EnqueueNotices(t.Context(), rows...)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	claim := func(sink string) notice.Held {
		t.Helper()
		c, err := s.ClaimNotices(t.Context(), notice.Terms{Sink: sink, PerMinute: 1, Most: 1, Urgent: 1}, sink)
		if err != nil || len(c.Held) != 1 {
			t.Fatalf("%+v, %v", c, err)
		}
		return c.Held[0]
	}
	queue("m1", "good", "bad", "gone")
	sent, failed := claim("good"), claim("bad")
	if err := s.NoticesSent(t.Context(), sent, map[int64]bool{sent.Items[0].Number: true}, 1000); err != nil {
		t.Fatal(err)
	}
	if err := s.NoticesFailed(t.Context(), failed, "it gave no answer in 10s: see whether it works", 1000, 1000); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestNotifyTest(t *testing.T) {
	r := newRig(t)
	l := listen(t, r)
	code, out, errs := r.run(t, "", "notify", "test", "--config", "@told.yaml")
	const want = `SINK   TYPE     RESULT     ANSWER
bad    slack    not taken  -
good   webhook  taken      N ms
unset  discord  not taken  -
  bad: it does not accept the credentials (HTTP status 403): check the key, or the URL, that is
    configured for it
  unset: url: environment variable NOT_SET is not set
`
	if got := regexp.MustCompile(`\d+ ms`).ReplaceAllString(out, "N ms"); code != exitFailed || got != want {
		t.Errorf("exit code %d, it prints\n%s\nwant\n%s", code, got, want)
	}
	if want := "lockstep: 2 of 3 sinks have not taken the message\n"; errs != want {
		t.Errorf("it says %q, want %q", errs, want)
	}
	checkWidth(t, "notify test", out)
	code, out, _ = r.run(t, "", "notify", "test", "--config", "@told.yaml", "good", "ops")
	if code != exitDone || strings.Contains(out, "bad") {
		t.Errorf("exit code %d, it prints\n%s", code, out)
	}
	if len(l.bodies) != 2 || !strings.Contains(l.bodies[1], `"kind":"test"`) || !strings.Contains(l.bodies[1], `"project":"rig"`) {
		t.Errorf("good was told %q", l.bodies)
	}
	code, _, errs = r.run(t, "", "notify", "test", "--config", "@told.yaml", "nobody")
	if want := "nobody is neither a sink nor a receiver of " + r.path("told.yaml") + "; it has bad, good, unset, ops, security"; code != exitFailed || !strings.Contains(errs, want) {
		t.Errorf("exit code %d, it says %q", code, errs)
	}
}

func TestNotifyList(t *testing.T) {
	r := newRig(t)
	listen(t, r)
	code, out, errs := r.run(t, "", "notify", "list", "--config", "@told.yaml", "--journal", "@told.db")
	const want = `SINK   TYPE            PER MINUTE  WAITING  LOST  TOLD LAST
bad    slack           20          1        0     never
good   webhook         60          0        0     TIME
unset  discord         20          0        0     never
gone   not configured  0           1        0     never
  bad, last error at TIME: it gave no answer in 10s: see whether it works
  receiver ops: good
  receiver security: good, bad
  waits for bad since TIME, after 1 attempts: raised, critical on local: a root was
    committed that no approved plan holds
  waits for gone since TIME, after 0 attempts: raised, critical on local: a root was
    committed that no approved plan holds
`
	if got := regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`).ReplaceAllString(out, "TIME"); code != exitDone || got != want || errs != "" {
		t.Errorf("exit code %d, it prints\n%s%s\nwant\n%s", code, got, errs, want)
	}
	checkWidth(t, "notify list", out)
	if code, out, _ = r.run(t, "", "notify", "list", "--config", "@one.yaml"); code != exitDone || !strings.HasPrefix(out, "nobody is told") {
		t.Errorf("exit code %d, it prints\n%s", code, out)
	}
}
