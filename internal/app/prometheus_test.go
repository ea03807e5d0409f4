package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/badnode"
	"github.com/seed-b6a97670/lockstep/internal/localprom"
	"github.com/seed-b6a97670/lockstep/internal/lookout"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/token"
)

// paged are the alerts that Alertmanager has told somebody.
type paged struct {
	mu     sync.Mutex
	alerts map[string]map[string]string // labels and annotations, by name
}

func (p *paged) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var got struct {
		Alerts []struct {
			Status              string
			Labels, Annotations map[string]string
		}
	}
	if json.Unmarshal(data, &got) != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range got.Alerts {
		for name, text := range a.Annotations {
			a.Labels[name] = text
		}
		a.Labels["status"] = a.Status
		p.alerts[a.Labels["alertname"]] = a.Labels
	}
}

func (p *paged) named(name string) map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.alerts[name]
}

var patience = regexp.MustCompile(`(?m)^(\s+for:) \d+[smh]$`)

// impatient are the rules with less patience, the least of it for all but the one about a daemon that is not scraped: a machine with much to do misses a
// scrape.
func impatient() string {
	rules := strings.SplitAfter(lookout.Rules(), "- alert: ")
	for i, r := range rules {
		wait := "$1 1s"
		if strings.HasPrefix(r, "LockstepDown\n") {
			wait = "$1 10s"
		}
		rules[i] = patience.ReplaceAllString(r, wait)
	}
	return strings.Join(rules, "")
}

// TestSomebodyIsCalled: a real Prometheus reads what a daemon shows, with a token from a file, and knows the rules, with less patience. A rollout is
// activated late, and then the network's only endpoint goes down: a real Alertmanager calls somebody, and of nothing else.
func TestSomebodyIsCalled(t *testing.T) {
	t.Parallel()
	s, places := begun(t, 71)
	var down atomic.Bool
	places[0].urls = func(upstream string) string {
		node, err := badnode.Start(t.Context(), upstream, func(string) badnode.Fault {
			if down.Load() {
				return badnode.Dead
			}
			return badnode.None
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(node.Close)
		return fmt.Sprintf("%q", node.URL)
	}
	c := guarded("VaultDoubling").on(places...)
	p := s.open(c)
	made := s.plan(p, p.request(plan.Rollout))
	d := s.serve(c)
	secret, _ := s.token(p, "prometheus", token.Read)

	pager := &paged{alerts: map[string]map[string]string{}}
	hook := httptest.NewServer(pager)
	defer hook.Close()
	am, err := localprom.Alertmanager(fmt.Sprintf("route: {receiver: pager, group_wait: 0s, group_interval: 1s, group_by: [alertname]}\n"+
		"receivers: [{name: pager, webhook_configs: [{url: %q}]}]\n", hook.URL))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = am.Stop() })
	dir := t.TempDir()
	for name, text := range map[string]string{"token": secret.Reveal(), "wrong": "lockstep_000000000000_" + strings.Repeat("a", 58)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	target := strings.TrimPrefix(d.url, "http://")
	prom, err := localprom.Prometheus(fmt.Sprintf(`
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%s]
scrape_configs:
  - job_name: lockstep
    authorization: {credentials_file: %s}
    static_configs: [{targets: [%q]}]
  - job_name: wrong
    scrape_interval: 10s
    scrape_timeout: 1s
    authorization: {credentials_file: %s}
    static_configs: [{targets: [%q]}]
alerting: {alertmanagers: [{static_configs: [{targets: [%q]}]}]}
`, lookout.RulesFile, filepath.Join(dir, "token"), target, filepath.Join(dir, "wrong"), target, strings.TrimPrefix(am.URL, "http://")),
		map[string]string{lookout.RulesFile: impatient()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = prom.Stop() })
	s.prometheusSays(prom, `up{job="lockstep"}`, "1")
	s.prometheusSays(prom, `up{job="wrong"}`, "0")
	s.prometheusSays(prom, `lockstep_activation_lateness_seconds_count{network="net71"}`, "0")

	s.handOver(p, made)
	s.awaited(p, made.Digest, "waiting for its timelock", atTimelocks)
	if err := s.nets["net71"].AdvanceTime(3 * time.Hour); err != nil {
		t.Fatal(err)
	}
	s.awaited(p, made.Digest, "done", isDone)
	pager.called(s, prom, "LockstepActivatedLate", map[string]string{
		"network": "net71", "severity": "warning", "status": "firing", "summary": "an activation on net71 was more than 300 s late",
	})
	if got := pager.named("LockstepNetworkUnreachable"); got != nil {
		t.Errorf("it is reachable: %v", got)
	}
	down.Store(true)
	pager.called(s, prom, "LockstepNetworkUnreachable", map[string]string{
		"network": "net71", "severity": "high", "status": "firing", "runbook": "docs/reference/observability.md#lockstepnetworkunreachable",
	})
	for _, other := range []string{"LockstepDown", "LockstepJournalDown", "LockstepStepsFail", "LockstepUnauthorized", "LockstepPaused", "LockstepGasSpike"} {
		if got := pager.named(other); got != nil {
			t.Errorf("called for nothing: %v", got)
		}
	}
}

// called waits until Alertmanager has called somebody about an alert.
func (p *paged) called(s *site, prom *localprom.Server, name string, want map[string]string) {
	s.t.Helper()
	for ctx := s.ctx(); p.named(name) == nil; time.Sleep(50 * time.Millisecond) {
		if ctx.Err() != nil {
			s.t.Fatalf("nobody was called about %s\n%s", name, prom.Said())
		}
	}
	got := p.named(name)
	for label, value := range want {
		if got[label] != value {
			s.t.Errorf("%s: %s is %q, want %q", name, label, got[label], value)
		}
	}
}

// prometheusSays waits until an expression has a value.
func (s *site) prometheusSays(prom *localprom.Server, expr, want string) {
	s.t.Helper()
	var answer string
	for ctx := s.ctx(); ; time.Sleep(50 * time.Millisecond) {
		resp, err := http.Get(prom.URL + "/api/v1/query?query=" + url.QueryEscape(expr))
		if err != nil {
			s.t.Fatal(err)
		}
		data, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if answer = string(data); err == nil && strings.Contains(answer, fmt.Sprintf(",%q]", want)) {
			return
		}
		if ctx.Err() != nil {
			s.t.Fatalf("%s is not %s: %s\n%s", expr, want, answer, prom.Said())
		}
	}
}
