package app_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/metric"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// sentry is a project in which the guardian pauses by itself, and does nothing else.
func sentry(policy string, places ...place) conf {
	c := oneFacet.on(places...)
	c.keyfile = "guardian"
	c.roles = "{admin: [admin], governance: [admin], commit: [operator], apply: [operator], pauser: [guardian], emergency: [admin]}"
	c.more = "alerts: {pause: {signer: guardian, endpoints: 1, " + policy + "}}"
	return c
}

// watchman is a pauser that runs.
type watchman struct {
	*app.Pauser
	s       *site
	metrics *metric.Registry
	stop    func()
}

func (s *site) watchman(p program) *watchman {
	s.t.Helper()
	cfg := metric.Config{}
	for _, n := range p.Networks() {
		cfg.Networks = append(cfg.Networks, n.Name)
	}
	w := &watchman{s: s, metrics: metric.New(cfg)}
	made, err := p.NewPauser(s.ctx(), w.metrics)
	if err != nil {
		s.t.Fatal(err)
	}
	w.Pauser = made
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- made.Run(ctx) }()
	ended := false
	w.stop = func() {
		cancel()
		if !ended {
			if err := <-done; err != nil {
				s.t.Error(err)
			}
		}
		ended = true
	}
	s.t.Cleanup(w.stop)
	return w
}

// armed is watchman, when it is armed on all networks.
func (s *site) armed(p program) *watchman {
	s.t.Helper()
	w := s.watchman(p)
	s.eventually("armed", func() bool {
		return !slices.ContainsFunc(w.Status(), func(st app.PauseStatus) bool { return !st.Armed })
	})
	return w
}

func (s *site) eventually(what string, is func() bool) {
	s.t.Helper()
	for ctx := s.ctx(); !is(); time.Sleep(20 * time.Millisecond) {
		if ctx.Err() != nil {
			s.t.Fatalf("it is not %s", what)
		}
	}
}

// offence is an alert about another code hash on a network.
func (s *site) offence(network string) app.PauseOrder {
	id := s.nets[network].ChainID()
	return app.PauseOrder{Seen: time.Now(), Endpoints: 1, Alert: rule.Alert{
		Fingerprint: rule.Fingerprint(app.CodeRule, network, "facet"), Rule: app.CodeRule, Severity: rule.Critical, Network: network, ChainID: id,
		Subject: "facet", Summary: "a facet has other code", Actions: []rule.Action{rule.ActPause, "security"},
		Block: rollout.Block{Number: 9, Hash: common.Hash{9}, Time: 1_700_000_000},
	}}
}

func (s *site) paused(p program, network string) bool {
	return s.state(network, s.dispatcher(p))["paused"] == "true"
}

// outcomes are those of the decisions of the journal, oldest first, as network:outcome.
func (s *site) outcomes(p program) (out []string) {
	s.t.Helper()
	all, err := p.Pauses(s.ctx(), 99)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, d := range slices.Backward(all) {
		out = append(out, d.Network+":"+string(d.Outcome))
	}
	return out
}

// mustBeSound verifies the journal.
func (s *site) mustBeSound() {
	s.t.Helper()
	journal, err := store.OpenReadOnly(s.ctx(), s.journal)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = journal.Close() }()
	if r, err := journal.VerifyAudit(s.ctx(), nil); err != nil || !r.Sound() {
		s.t.Errorf("audit log: %+v, %v", r.Problems, err)
	}
}

// page is what Prometheus reads.
func (w *watchman) page() string {
	out := httptest.NewRecorder()
	w.metrics.Handler().ServeHTTP(out, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return out.Body.String()
}

// TestAlertPauses on mainnets, where two of three must approve everything else: the network concerned is paused without them, and people unpause it by
// a plan. With networks: all, one alert pauses all.
func TestAlertPauses(t *testing.T) {
	t.Parallel()
	places := []place{mainnet(81), mainnet(82)}
	s := newSite(t, places...)
	p := s.open(sentry("mode: on", places...))
	s.execute(p, s.plan(p, p.request(plan.Rollout)))
	w := s.armed(p)
	got := w.Pause(s.ctx(), s.offence("net81"))
	if len(got) != 1 || got[0].Network != "net81" || got[0].Outcome != rollout.PauseSent || got[0].Took == 0 || got[0].Error != "" || got[0].ID == 0 {
		t.Fatalf("%+v", got)
	}
	s.eventually("landed", func() bool { return slices.Equal(s.outcomes(p), []string{"net81:landed"}) })
	if !s.paused(p, "net81") || s.paused(p, "net82") {
		t.Errorf("paused %v and %v", s.paused(p, "net81"), s.paused(p, "net82"))
	}
	if again := w.Pause(s.ctx(), s.offence("net81")); again[0].Outcome != rollout.PauseAlready || again[0].Transaction != 0 {
		t.Errorf("again: %+v", again)
	}
	w.stop()
	if late := w.Pause(s.ctx(), s.offence("net82")); !strings.Contains(late[0].Error, "it stops") {
		t.Errorf("when it has stopped: %+v", late)
	}

	all := s.open(sentry("mode: on, networks: all", places...))
	s.execute(all, s.plan(all, all.request(plan.Unpause)))
	w = s.armed(all)
	got = w.Pause(s.ctx(), s.offence("net82"))
	if len(got) != 2 || got[0].Outcome != rollout.PauseSent || got[1].Outcome != rollout.PauseSent || got[0].BlockChain != 82 || got[1].BlockChain != 82 {
		t.Fatalf("all: %+v", got)
	}
	s.eventually("paused everywhere", func() bool { return s.paused(all, "net81") && s.paused(all, "net82") })
	want := []string{"net81:landed", "net81:already paused", "net81:landed", "net82:landed"}
	s.eventually("landed everywhere", func() bool { got := s.outcomes(all); slices.Sort(got[2:]); return slices.Equal(got, want) })
	s.mustBeSound()
	s.eventually("seen to be armed", func() bool { return strings.Contains(w.page(), `lockstep_pause_armed{network="net81"} 1`) })
	text := w.page()
	for _, want := range []string{
		`lockstep_automatic_pauses_total{network="net82",outcome="sent"} 1`, `lockstep_automatic_pauses_total{network="net82",outcome="landed"} 1`,
		`lockstep_pause_broadcast_seconds_count{network="net81"} 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in the metrics", want)
		}
	}
}

// TestAlertThatDoesNotPause: what the policy does not want is refused, in the journal, and nothing is sent.
func TestAlertThatDoesNotPause(t *testing.T) {
	t.Parallel()
	at := local(83)
	s := newSite(t, at)
	c := sentry("mode: on", at)
	s.live(c)
	// two endpoints
	c.places[0].urls = func(url string) string { return fmt.Sprintf("%q, %q", url, url) }
	c.more = strings.Replace(c.more, "endpoints: 1", "endpoints: 2", 1)
	p := s.open(c)
	w := s.armed(p)
	sent := s.sent()
	for name, c := range map[string]struct {
		change func(*app.PauseOrder)
		want   string
	}{
		"high":            {func(o *app.PauseOrder) { o.Alert.Severity = rule.High; o.Endpoints = 2 }, "the alert is high"},
		"another action":  {func(o *app.PauseOrder) { o.Alert.Actions = []rule.Action{"security"}; o.Endpoints = 2 }, "[security]"},
		"one endpoint":    {func(*app.PauseOrder) {}, "1 endpoints say so, and 2 must agree (alerts.pause.endpoints)"},
		"one, storage":    {func(o *app.PauseOrder) { o.Alert.Rule = rule.UnplannedPrivilege }, "1 endpoints say so, and 2 must agree"},
		"none, code hash": {func(o *app.PauseOrder) { o.Endpoints = 0 }, "0 endpoints say so"},
	} {
		o := s.offence("net83")
		c.change(&o)
		if got := w.Pause(s.ctx(), o); len(got) != 1 || got[0].Outcome != rollout.PauseRefused || !strings.Contains(got[0].Note, c.want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	o := s.offence("net83")
	o.Alert.ChainID = 7
	if got := w.Pause(s.ctx(), o); len(got) != 0 {
		t.Errorf("a network of no configuration: %+v", got)
	}
	if s.sent() != sent || s.paused(p, "net83") {
		t.Errorf("%d transactions were sent", s.sent()-sent)
	}
	o = s.offence("net83")
	o.Endpoints = 2
	if got := w.Pause(s.ctx(), o); got[0].Outcome != rollout.PauseSent {
		t.Errorf("two endpoints: %+v", got)
	}
	// no endpoints are asked about what is not about code
	s.eventually("landed", func() bool { return strings.HasSuffix(strings.Join(s.outcomes(p), " "), "net83:landed") })
	o = s.offence("net83")
	o.Alert.Rule, o.Endpoints = "unplanned_privilege", 0
	if got := w.Pause(s.ctx(), o); got[0].Outcome != rollout.PauseAlready {
		t.Errorf("another rule: %+v", got)
	}
}

func TestDryRunOfPauses(t *testing.T) {
	t.Parallel()
	at := local(84)
	s := newSite(t, at)
	s.live(sentry("mode: on", at))
	p := s.open(sentry("mode: dry-run, perHour: 1", at))
	w := s.watchman(p)
	sent := s.sent()
	for i, want := range []rollout.PauseOutcome{rollout.PauseDryRun, rollout.PauseLimited} {
		if got := w.Pause(s.ctx(), s.offence("net84")); got[0].Outcome != want {
			t.Errorf("order %d: %+v", i, got)
		}
	}
	if s.sent() != sent || s.paused(p, "net84") || w.Status()[0].Armed {
		t.Errorf("%d transactions were sent, armed %v", s.sent()-sent, w.Status()[0].Armed)
	}
}

// TestPauseIsNotArmed: what is wrong with the key on a network is said beforehand, also to whoever only asks.
func TestPauseIsNotArmed(t *testing.T) {
	t.Parallel()
	places := []place{local(85), local(86)}
	s := newSite(t, places...)
	c := sentry("mode: on", places...)
	p := s.live(c)
	s.send("net85", "admin", s.dispatcher(p), dispatcherABI.PackGrantRole(dispatcher.CommitRole, s.address("guardian")))
	got, err := s.open(c).CheckPause(s.ctx())
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Armed || !got[1].Armed || len(got[0].Problems) != 1 || !strings.Contains(got[0].Problems[0], "holds COMMIT of") || len(got[1].Problems) != 0 {
		t.Errorf("%+v", got)
	}
	if got[1].Signer != s.address("guardian") || got[1].Mode != rollout.PauseOn || got[1].Balance == "" || got[1].Cost == "" {
		t.Errorf("%+v", got[1])
	}
	if d := s.watchman(s.open(c)).Pause(s.ctx(), s.offence("net85")); d[0].Outcome != rollout.PauseRefused || !strings.Contains(d[0].Note, "COMMIT") {
		t.Errorf("%+v", d)
	}
	off, err := s.open(sentry("mode: off", places...)).CheckPause(s.ctx())
	if err != nil || len(off) != 2 || off[0].Armed || off[0].Mode != rollout.PauseOff {
		t.Errorf("off: %+v, %v", off, err)
	}
	if made, err := s.open(oneFacet.on(places...)).NewPauser(s.ctx(), nil); made != nil || err != nil {
		t.Errorf("without a policy: %v, %v", made, err)
	}
}

// TestManualPauseBesides: the command pauses with the same key while the daemon is armed, and the daemon goes on.
func TestManualPauseBesides(t *testing.T) {
	t.Parallel()
	at := mainnet(87)
	s := newSite(t, at)
	c := sentry("mode: on", at)
	p := s.open(c)
	s.execute(p, s.plan(p, p.request(plan.Rollout)))
	w := s.armed(p)
	if out, err := s.open(c).Act(s.ctx(), plan.Pause, false); err != nil || out[0].Status != "done" {
		t.Fatalf("%+v, %v", out, err)
	}
	if d := w.Pause(s.ctx(), s.offence("net87")); d[0].Outcome != rollout.PauseAlready {
		t.Errorf("%+v", d)
	}
	s.execute(p, s.plan(p, p.request(plan.Unpause)))
	if d := w.Pause(s.ctx(), s.offence("net87")); d[0].Outcome != rollout.PauseSent {
		t.Errorf("%+v", d)
	}
	s.eventually("paused", func() bool { return s.paused(p, "net87") })
	s.eventually("landed", func() bool { return slices.Contains(s.outcomes(p), "net87:landed") })
	s.mustBeSound()
}
