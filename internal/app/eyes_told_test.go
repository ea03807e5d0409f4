package app_test

import (
	"encoding/json"
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

	"github.com/seed-b6a97670/lockstep/internal/notice"
	"github.com/seed-b6a97670/lockstep/internal/notify"
	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/token"
)

// people's pagers: sinks that keep what they were told.
type pagers struct {
	*site
	mu  sync.Mutex
	got map[string][]notice.Message // by sink
}

const pagerSecret = "a secret of the pagers, long enough"

// pagers starts sinks for ops, security and lead, and returns the part of the configuration that tells them.
func (s *site) pagers(rest string) (*pagers, string) {
	s.t.Helper()
	p := &pagers{site: s, got: map[string][]notice.Message{}}
	secret, err := notify.ParseSecret(pagerSecret)
	if err != nil {
		s.t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		if _, err := secret.Verify(r.Header, time.Now(), body); err != nil {
			s.t.Errorf("a message is not signed as it should be: %v", err)
		}
		var m notice.Message
		if err := json.Unmarshal(body, &m); err != nil {
			s.t.Errorf("a message cannot be read: %v: %s", err, body)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.got[strings.Trim(r.URL.Path, "/")] = append(p.got[strings.Trim(r.URL.Path, "/")], m)
	}))
	s.t.Cleanup(server.Close)
	if err := os.WriteFile(filepath.Join(s.dir, "pagers.txt"), []byte(pagerSecret), 0o600); err != nil {
		s.t.Fatal(err)
	}
	var sinks []string
	for _, name := range []string{"one", "two", "three"} {
		sinks = append(sinks, fmt.Sprintf("%s: {type: webhook, url: %q, secret: \"file:pagers.txt\"}", name, server.URL+"/"+name))
	}
	return p, fmt.Sprintf("alerts:\n  baseURL: \"http://127.0.0.1:1\"\n  sinks: {%s}\n  receivers: {ops: [one], security: [two], lead: [three]}\n%s", strings.Join(sinks, ", "), rest)
}

// say is all that a sink was told, each in a word and what it is about.
func (p *pagers) say(sink string) (out []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.got[sink] {
		about := ""
		if m.Alert != nil {
			about = " " + m.Alert.Rule
		}
		out = append(out, string(m.Kind)+about)
	}
	return out
}

// told waits until a sink was told something, and returns the message.
func (p *pagers) told(sink, what string) notice.Message {
	p.t.Helper()
	for ctx := p.ctx(); ; time.Sleep(20 * time.Millisecond) {
		if i := slices.Index(p.say(sink), what); i >= 0 {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.got[sink][i]
		}
		if ctx.Err() != nil {
			p.t.Fatalf("%s was told %v, not %s", sink, p.say(sink), what)
		}
	}
}

// only compares what a sink was told, of each alert in its order: that of different ones says nothing.
func (p *pagers) only(sink string, what ...string) {
	p.t.Helper()
	p.mu.Lock()
	order := map[notice.Kind]int{notice.Raised: 1, notice.Escalated: 2, notice.Acknowledged: 3, notice.Resolved: 4}
	last := map[string]int{}
	for _, m := range p.got[sink] {
		if m.Kind == notice.Renewed { // a plan against it, when that is made
			if len(m.Attachments) != 1 || !strings.HasPrefix(m.Attachments[0].Name, "cancel-") {
				p.t.Errorf("%s was told again of %s: %+v", sink, m.Alert.Rule, m)
			}
			continue
		}
		if at := order[m.Kind]; at <= last[m.Alert.Fingerprint] {
			p.t.Errorf("%s was told %s of %s too late", sink, m.Kind, m.Alert.Rule)
		}
		last[m.Alert.Fingerprint] = order[m.Kind]
	}
	p.mu.Unlock()
	got := p.say(sink)
	slices.Sort(got)
	slices.Sort(what)
	if !slices.Equal(got, what) {
		p.t.Errorf("%s was told %v, want %v", sink, got, what)
	}
}

// TestSomebodyIsTold: at once, and others while nobody answers. Whoever answers, by the link, the API or the command, keeps others from being called.
// What ends is told to those who were.
func TestSomebodyIsTold(t *testing.T) {
	t.Parallel()
	s, _ := begun(t, 71)
	p, alerts := s.pagers("  escalation:\n    critical: {within: 1m, levels: [{after: 1s, notify: [lead]}, {after: 1m, notify: [lead]}]}\n" +
		"    high: {within: 8s, levels: [{after: 4s, notify: [lead]}]}")
	c := guarded("Vault")
	c.more = alerts
	w := s.watch(c)
	address := s.dispatcher(w.p)

	// nobody answers
	s.send("net71", "operator", address, dispatcherABI.PackCommitRoot(common.Hash{0xaa}, 2))
	first := p.told("two", "raised unknown_root")
	if first.Alert.Subject != (common.Hash{0xaa}).Hex() || first.Project != "plans" || first.Advice == "" || !slices.Contains(first.Commands, "lockstep cancel --network net71") {
		t.Errorf("%+v", first)
	}
	next := p.told("three", "escalated unknown_root")
	p.only("one")
	p.told("two", "renewed unknown_root")
	p.only("two", "raised unknown_root", "renewed unknown_root")

	// the link of the second is looked at, which is no answer, and then followed
	path := strings.TrimPrefix(next.Acknowledge, "http://127.0.0.1:1")
	if !strings.HasPrefix(path, "/alerts/ack/") || next.Acknowledge == first.Acknowledge {
		t.Fatalf("link %q", next.Acknowledge)
	}
	id := s.raised(rule.UnknownRoot, "").ID
	acked := func(id int64) string {
		for _, a := range s.alerts() {
			if a.ID == id {
				return a.AcknowledgedBy
			}
		}
		return ""
	}
	if code, text := w.ask(http.MethodGet, path, token.Token{}, "", nil); code != http.StatusOK || !strings.Contains(text, "I have it in hand") || acked(id) != "" {
		t.Errorf("%d %s, acknowledged by %q", code, text, acked(id))
	}
	if code, text := w.ask(http.MethodPost, path, token.Token{}, "", nil); code != http.StatusOK || !strings.Contains(text, "Nobody else is called") {
		t.Errorf("%d %s", code, text)
	}
	if by := acked(id); !strings.Contains(by, "lead") {
		t.Errorf("acknowledged by %q", by)
	}
	s.send("net71", "guardian", address, dispatcherABI.PackCancelCommit())
	p.told("two", "resolved unknown_root")
	p.told("three", "resolved unknown_root")

	// answered over the API before others are called, and by the command
	secret, _ := s.token(w.p, "oncall", token.Decide)
	cancelled := s.raised(rule.UnplannedPrivilege, "cancelled")
	if code, text := w.ask(http.MethodPost, fmt.Sprintf("/api/v1/alerts/%d/acknowledge", cancelled.ID), secret, `{"note": "it was me"}`, nil); code != http.StatusOK {
		t.Errorf("%d %s", code, text)
	}
	s.sendRefused("net71", "carol", address, dispatcherABI.PackPause())
	refused := s.raised(rule.UnauthorizedAccess, s.low("carol"))
	if all, err := s.open(c).Acknowledge(s.ctx(), []int64{refused.ID}, "the one on call", "a typo"); err != nil || len(all) != 1 || !all[0].Done {
		t.Errorf("%+v, %v", all, err)
	}
	if by := acked(cancelled.ID); !strings.Contains(by, "oncall") {
		t.Errorf("acknowledged by %q", by)
	}
	s.sendRefused("net71", "bob", address, dispatcherABI.PackPause()) // which nobody answers
	p.told("three", "escalated unauthorized_access")
	p.only("one")
	p.only("two", "raised unknown_root", "renewed unknown_root", "acknowledged unknown_root", "resolved unknown_root", "raised unplanned_privilege",
		"acknowledged unplanned_privilege", "raised unauthorized_access", "acknowledged unauthorized_access", "raised unauthorized_access")
	p.only("three", "escalated unknown_root", "acknowledged unknown_root", "resolved unknown_root", "escalated unauthorized_access")
}
