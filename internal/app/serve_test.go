package app_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/store"
	"github.com/seed-b6a97670/lockstep/internal/token"
)

// TestStopAndRetry takes a plan back while serve waits for the timelock: nothing more is sent until an operator goes on with it.
func TestStopAndRetry(t *testing.T) {
	t.Parallel()
	s, _ := begun(t, 71)
	was := s.sent()
	c := guarded("VaultDoubling")
	p := s.open(c)
	made := s.plan(p, p.request(plan.Rollout))
	if r := s.handOver(p, made); r.Serving {
		t.Errorf("a daemon is said to serve before there is one: %+v", r)
	}
	d := s.serve(c)
	if r := s.awaited(p, made.Digest, "waiting for its timelock", atTimelocks); !r.Serving {
		t.Errorf("no daemon is said to serve: %+v", r)
	}
	sent := s.sent()
	if sent-was != len(made.Intent.Calls)-1 {
		t.Fatalf("%d of %d calls were sent", sent-was, len(made.Intent.Calls))
	}
	r, err := p.StopExecution(s.ctx(), made.Digest.Hex(), "the audit found something", "tester")
	if err != nil || r.Status != "stopped" || r.Reason != "the audit found something" {
		t.Fatalf("%+v, %v", r, err)
	}
	mustFail(t, "stop again", second(p.StopExecution(s.ctx(), made.Digest.Hex(), "again", "tester")), "it is stopped already")
	d.saysSoon("taken back by an operator: the audit found something")
	s.passTimelocks(p, "net71")
	time.Sleep(2500 * time.Millisecond) // serve looks for work each second
	if now := s.sent(); now != sent {
		t.Errorf("%d transactions were sent after it was stopped", now-sent)
	}
	if r, err = p.RetryExecution(s.ctx(), made.Digest.Hex(), "tester"); err != nil || r.Status != "running" || r.Reason != "" {
		t.Fatalf("%+v, %v", r, err)
	}
	r = s.awaited(p, made.Digest, "done", isDone)
	if n := on(r, "net71"); n.DoneAt == 0 || n.Reason != "" {
		t.Errorf("%+v", n)
	}
	if got := s.sent() - was; got != len(made.Intent.Calls) {
		t.Errorf("%d of %d calls were sent", got, len(made.Intent.Calls))
	}
	for _, stopped := range entries[audit.Execution](s, audit.ExecutionStopped) {
		if stopped.By != "tester" || stopped.Reason != "the audit found something" {
			t.Errorf("the audit log has %+v", stopped)
		}
	}
	d.end()
	if !strings.Contains(d.log.String(), "msg=stopped") {
		t.Errorf("the log says\n%s", d.log)
	}
}

// saysSoon waits until the log of a daemon holds a text.
func (d *daemon) saysSoon(text string) {
	d.t.Helper()
	for ctx := d.ctx(); !strings.Contains(d.log.String(), text); time.Sleep(20 * time.Millisecond) {
		if ctx.Err() != nil {
			d.t.Fatalf("the log does not say %q:\n%s", text, d.log)
		}
	}
}

// TestRetryLooksAgain: what has moved before a network is begun halts it for good, until an operator has put it right and asks for another look.
func TestRetryLooksAgain(t *testing.T) {
	t.Parallel()
	s, _ := begun(t, 71)
	c := guarded("VaultDoubling")
	p := s.open(c)
	made := s.plan(p, p.request(plan.Rollout))
	s.handOver(p, made)
	address := s.dispatcher(p)
	s.send("net71", "guardian", address, dispatcherABI.PackPause())
	d := s.serve(c)
	halted := stands("net71", rollout.StateHalted)
	r := s.awaited(p, made.Digest, "halted", halted)
	if reason := on(r, "net71").Reason; !strings.Contains(reason, "paused was false, is true") || r.Status != "running" {
		t.Errorf("%+v", r)
	}
	s.send("net71", "guardian", address, dispatcherABI.PackUnpause())
	time.Sleep(2500 * time.Millisecond)
	if r, err := p.Execution(s.ctx(), made.Digest.Hex()); err != nil || !halted(r) {
		t.Errorf("it went on by itself: %+v, %v", r, err)
	}
	if r, err := p.RetryExecution(s.ctx(), made.Digest.Hex(), "tester"); err != nil || halted(r) {
		t.Fatalf("%+v, %v", r, err)
	}
	s.awaited(p, made.Digest, "waiting for its timelock", atTimelocks)
	s.passTimelocks(p, "net71")
	s.awaited(p, made.Digest, "done", isDone)
	d.end()
}

// TestExcludeNetwork: of two networks that are activated together one does not get there. An operator takes it out, and the other is let go.
func TestExcludeNetwork(t *testing.T) {
	t.Parallel()
	s, places := begun(t, 71, 72)
	was := s.sent()
	c := guarded("VaultDoubling").on(places...)
	c.more = "rollout: {policy: together}"
	p := s.open(c)
	made := s.plan(p, p.request(plan.Rollout))
	s.serve(c)
	s.handOver(p, made)
	s.awaited(p, made.Digest, "waiting for its timelocks", atTimelocks)
	s.passTimelocks(p, "net71")
	r := s.awaited(p, made.Digest, "ready", stands("net71", rollout.StateReady))
	if n := on(r, "net71"); !strings.Contains(n.Reason, "all networks are activated together") || r.Released || on(r, "net72").State != rollout.StateWorking {
		t.Errorf("%+v", r)
	}
	digest := made.Digest.Hex()
	mustFail(t, "a stranger", second(p.ExcludeNetwork(s.ctx(), digest, "net99", "down", "tester")), "the plan is not for network net99")
	if r, err := p.ExcludeNetwork(s.ctx(), digest, "net72", "the sequencer is down", "tester"); err != nil || on(r, "net72").State != rollout.StateExcluded {
		t.Fatalf("%+v, %v", r, err)
	}
	r = s.awaited(p, made.Digest, "done", isDone)
	if n := on(r, "net72"); n.State != rollout.StateExcluded || n.Reason != "the sequencer is down" || on(r, "net71").State != rollout.StateDone || !r.Released {
		t.Errorf("%+v", r)
	}
	s.passTimelocks(p, "net72")
	time.Sleep(2500 * time.Millisecond)
	if got, want := s.sent()-was, len(made.Intent.Networks[0].Calls)+len(made.Intent.Networks[1].Calls)-1; got != want {
		t.Errorf("%d transactions were sent, want %d: all but one activation", got, want)
	}
	out := entries[audit.ExecutionNetwork](s, audit.ExecutionNetworkSet)
	if !slices.ContainsFunc(out, func(e audit.ExecutionNetwork) bool {
		return e.State == "excluded" && e.Reason == "the sequencer is down" && e.By == "tester"
	}) {
		t.Errorf("the audit log does not say who took net72 out: %+v", out)
	}

	// what has ended is not begun again
	_, err := p.HandOver(s.ctx(), p.execution(made, s.approve(made, "alice", "bob")), "tester")
	mustFail(t, "hand over again", err, "a plan is used once")
	if r, err := p.Execution(s.ctx(), digest); err != nil || r.Status != "done" {
		t.Errorf("%+v, %v", r, err)
	}

	// it is behind, for the reason that the operator gave, and a plan brings it there
	sync, err := p.Sync(s.ctx())
	if err != nil || sync.Networks[0].State != "same" || sync.Networks[1].State != "behind" || sync.Networks[1].Reason != "the sequencer is down" {
		t.Fatalf("%+v, %v", sync, err)
	}
	p = s.open(c)
	later, err := p.PlanSync(s.ctx(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.mustRead(later)
	if n := later.Intent.Networks; len(n) != 1 || n[0].Name != "net72" || len(n[0].Calls) != 1 || later.Intent.Manifest.Root != made.Intent.Manifest.Root {
		t.Errorf("%+v", later.Intent)
	}
	p = s.open(c)
	s.handOver(p, later)
	s.awaited(p, later.Digest, "done", isDone)
	if sync, err := p.Sync(s.ctx()); err != nil || sync.Networks[0].State != "same" || sync.Networks[1].State != "same" {
		t.Errorf("%+v, %v", sync, err)
	}
}

// TestAPI asks a daemon over HTTP.
func TestAPI(t *testing.T) {
	t.Parallel()
	s, _ := begun(t, 71)
	c := guarded("VaultDoubling")
	p := s.open(c)
	made := s.plan(p, p.request(plan.Rollout))
	pause := s.plan(p, p.request(plan.Pause))
	// as on a machine where nobody can be asked
	d := s.serve(c, func(o *app.Options) {
		o.Confirm = func(context.Context, []app.Outcome) error { return fmt.Errorf("nobody can be asked") }
	})
	start, startID := s.token(p, "ci", token.Start)
	decide, decideID := s.token(p, "on call", token.Decide)
	none := token.Token{}
	const executions = "/api/v1/executions"
	one := executions + "/" + made.Digest.Hex()
	refused := func(method, path string, by token.Token, body string, want int, says string) {
		t.Helper()
		if code, text := d.ask(method, path, by, body, nil); code != want || !strings.Contains(text, says) {
			t.Errorf("%s %s %s: %d %s, want %d and %q", method, path, body, code, text, want, says)
		}
	}
	body := planBody(made.Digest)
	refused("POST", executions, none, body, http.StatusUnauthorized, "")
	refused("POST", executions, decide, body, http.StatusForbidden, "start")
	refused("POST", executions, start, "", http.StatusBadRequest, "empty")
	refused("POST", executions, start, `{"plan": "0x12"}`, http.StatusBadRequest, "")
	refused("POST", executions, start, strings.TrimSuffix(body, "}")+`, "force": true}`, http.StatusBadRequest, "force")
	refused("POST", executions, start, planBody(common.Hash{7}), http.StatusNotFound, "not in the journal")
	refused("POST", executions, start, body, http.StatusConflict, "has 0 of the 2 approvals")
	refused("POST", executions, start, planBody(pause.Digest), http.StatusConflict, "a plan to pause is not handed over")
	refused("GET", one, none, "", http.StatusNotFound, "no plan whose digest begins with")
	refused("POST", one+"/stop", decide, `{"reason": "why"}`, http.StatusNotFound, "no plan whose digest begins with")

	var list struct{ Executions []app.ExecutionReport }
	if code, text := d.ask("GET", executions, none, "", &list); code != 200 || list.Executions == nil || len(list.Executions) > 0 {
		t.Errorf("%d %s", code, text)
	}
	if _, err := p.ListApprovals(s.ctx(), made, s.approve(made, "alice", "bob")); err != nil {
		t.Fatal(err)
	}
	var r app.ExecutionReport
	if code, text := d.ask("POST", executions, start, body, &r); code != 200 || r.Plan != made.Digest || !r.Served || r.Status != "running" {
		t.Fatalf("%d %s", code, text)
	}
	s.awaited(p, made.Digest, "waiting for its timelock", atTimelocks)
	if code, text := d.ask("GET", one, none, "", &r); code != 200 || !atTimelocks(r) || on(r, "net71").ChainID != 71 {
		t.Errorf("%d %s", code, text)
	}

	refused("POST", one+"/stop", start, `{"reason": "why"}`, http.StatusForbidden, "decide")
	refused("POST", one+"/stop", decide, `{}`, http.StatusBadRequest, "say why")
	refused("POST", one+"/stop", decide, `{"reason": "`+strings.Repeat("x", 1001)+`"}`, http.StatusBadRequest, "longer than 1000")
	refused("POST", one+"/stop", decide, `{"reason": "why", "network": "net71"}`, http.StatusBadRequest, "network")
	refused("POST", one+"/exclude", decide, `{"reason": "why"}`, http.StatusBadRequest, "network is missing")
	refused("POST", one+"/exclude", decide, `{"reason": "why", "network": "net99"}`, http.StatusConflict, "not for network net99")
	if code, text := d.ask("POST", one+"/stop", decide, `{"reason": "a second look"}`, &r); code != 200 || r.Status != "stopped" || r.Reason != "a second look" {
		t.Errorf("%d %s", code, text)
	}
	refused("POST", one+"/stop", decide, `{"reason": "again"}`, http.StatusConflict, "it is stopped already")
	if code, text := d.ask("POST", one+"/retry", decide, "", &r); code != 200 || r.Status != "running" {
		t.Errorf("%d %s", code, text)
	}
	if code, text := d.ask("POST", one+"/exclude", decide, `{"reason": "enough", "network": "net71"}`, &r); code != 200 || r.Status != "done" ||
		on(r, "net71").State != rollout.StateExcluded {
		t.Errorf("%d %s", code, text)
	}
	refused("POST", one+"/retry", decide, "", http.StatusConflict, "it is done already")

	// who asked
	by := map[string]string{}
	for _, kind := range []audit.Kind{audit.ExecutionBegun, audit.ExecutionStopped, audit.ExecutionEnded} {
		for _, e := range entries[audit.Execution](s, kind) {
			by[fmt.Sprint(kind, " ", e.Reason)] = e.By
		}
	}
	for what, want := range map[string]string{
		"execution.begun ": "token " + decideID + " (on call)", "execution.stopped a second look": "token " + decideID + " (on call)",
		"execution.ended ": "token " + decideID + " (on call)",
	} {
		if by[what] != want {
			t.Errorf("%s is by %q, want %q (of %v)", what, by[what], want, by)
		}
	}
	if first := entries[audit.Execution](s, audit.ExecutionBegun)[0]; first.By != "token "+startID+" (ci)" {
		t.Errorf("it was begun by %q", first.By)
	}

	// what was committed is nobody's now, which is no health
	if _, err := p.Act(s.ctx(), plan.Cancel, false); err != nil {
		t.Fatal(err)
	}
	var health struct{ Networks []app.NetworkHealth }
	for ctx := s.ctx(); ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		if code, text := d.ask("GET", "/api/v1/health", none, "", &health); code != 200 || len(health.Networks) != 1 || health.Networks[0].Network != "net71" {
			t.Fatalf("%d %s", code, text)
		}
		if health.Networks[0].At > 0 {
			break
		}
	}
	// another daemon, which does not check health while this one does, shows what was found
	other := s.serve(c)
	for ctx := s.ctx(); ; time.Sleep(50 * time.Millisecond) {
		code, text := other.ask("GET", "/metrics", none, "", nil)
		if code == 200 && strings.Contains(text, `lockstep_network_healthy{network="net71"} 1`) {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("%d %s", code, text)
		}
	}
	if code, text := d.ask("GET", "/health/ready", none, "", nil); code != 200 {
		t.Errorf("%d %s", code, text)
	}
	if code, text := d.ask("GET", "/metrics", none, "", nil); code != 200 || !strings.Contains(text, `lockstep_steps_total{network="net71",outcome="confirmed",step="commit"} 1`) {
		t.Errorf("%d %s", code, text)
	}
}

// TestOtherPlanActivatesNothing: the call that activates is the same whatever is pending. A plan that is revoked in its timelock is not activated by
// another one that was begun and holds that call; nor by one of which the network was taken out.
func TestOtherPlanActivatesNothing(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(s *site, p program, other *plan.Plan){
		"begun": func(s *site, _ program, other *plan.Plan) {
			journal, err := store.Open(s.ctx(), s.journal, "plans")
			if err == nil {
				err = errors.Join(journal.BeginPlan(s.ctx(), other.Digest, 71), journal.Close())
			}
			if err != nil {
				s.t.Fatal(err)
			}
		},
		"taken out": func(s *site, p program, other *plan.Plan) {
			d := s.serve(guarded("VaultDoubling"))
			s.handOver(p, other)
			s.awaited(p, other.Digest, "at its timelock", atTimelocks)
			if _, err := p.ExcludeNetwork(s.ctx(), other.Digest.Hex(), "net71", "not now", "tester"); err != nil {
				s.t.Fatal(err)
			}
			d.end()
			out, err := p.Act(s.ctx(), plan.Cancel, false)
			if err != nil {
				s.t.Fatalf("%+v, %v", out, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := begun(t, 71)
			p := s.open(guarded("VaultDoubling"))
			other := s.plan(p, p.request(plan.Rollout))
			journal, err := store.Open(s.ctx(), s.journal, "plans")
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range s.approve(other, "alice", "bob") {
				err = errors.Join(err, journal.SaveApproval(s.ctx(), a))
			}
			if err := errors.Join(err, journal.Close()); err != nil {
				t.Fatal(err)
			}
			leave(s, p, other)

			c := guarded("Vault", "Reading")
			p = s.open(c)
			made := s.plan(p, p.request(plan.Rollout))
			d := s.serve(c)
			s.handOver(p, made)
			s.awaited(p, made.Digest, "at its timelock", atTimelocks)
			for _, a := range s.sign(made, true, "alice") {
				journal, err := store.Open(s.ctx(), s.journal, "plans")
				if err == nil {
					err = errors.Join(journal.SaveApproval(s.ctx(), a), journal.Close())
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			was := s.sent()
			s.passTimelocks(p, "net71")
			s.awaited(p, made.Digest, "halted", stands("net71", rollout.StateHalted))
			time.Sleep(2 * time.Second)
			if now := s.sent(); now != was {
				t.Errorf("%d transactions were sent for a plan that was revoked\n%s", now-was, d.log)
			}
		})
	}
}

// TestRevokedIsNotLetGo: networks that are activated together are not let go for a plan that lacks approvals, though each could be activated.
func TestRevokedIsNotLetGo(t *testing.T) {
	t.Parallel()
	s, places := begun(t, 71, 72)
	c := guarded("VaultDoubling").on(places...)
	c.more += "\nrollout: {policy: together}"
	p := s.open(c)
	made := s.plan(p, p.request(plan.Rollout))
	s.serve(c)
	s.handOver(p, made)
	s.awaited(p, made.Digest, "at its timelocks", atTimelocks)
	journal, err := store.Open(s.ctx(), s.journal, "plans")
	if err == nil {
		err = errors.Join(journal.SaveApproval(s.ctx(), s.sign(made, true, "alice")[0]), journal.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	was := s.sent()
	s.passTimelocks(p, "net71", "net72")
	r := s.awaited(p, made.Digest, "halted", func(r app.ExecutionReport) bool {
		return on(r, "net71").State == rollout.StateHalted && on(r, "net72").State == rollout.StateHalted
	})
	if r.Released || s.sent() != was || !strings.Contains(on(r, "net71").Reason, "has 1 of the 2 approvals") {
		t.Errorf("%d transactions were sent: %+v", s.sent()-was, r)
	}
}
