package app_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// guarded is a project on local networks where plans need two approvals as well: there blocks are looked for often.
func guarded(facets ...string) conf {
	c := oneFacet.with(facets...)
	c.approvals = "required: 2, others: 2"
	return c
}

// begun has a version live on local networks, without a plan, and then asks for approvals.
func begun(t testing.TB, ids ...uint64) (*site, []place) {
	t.Helper()
	var places []place
	for _, id := range ids {
		places = append(places, local(id))
	}
	s := newSite(t, places...)
	s.live(oneFacet.on(places...))
	return s, places
}

// sent is how many transactions of the program are on all chains.
func (s *site) sent() int { return len(s.all()) }

// refused executes a plan that two approve, of which nothing may be sent, and returns why.
func (s *site) refused(p program, x app.Execution) error {
	s.t.Helper()
	was := s.sent()
	out, err := p.Execute(s.ctx(), x)
	if err == nil {
		s.t.Fatalf("it was carried out: %+v", out)
	}
	if now := s.sent(); now != was {
		s.t.Errorf("%d transactions were sent (%v)", now-was, err)
	}
	return err
}

// TestPlansAreCarriedOut goes to a version with an init call, to another, back, pauses and resumes, on two mainnets: what lands is what
// the plans hold, and brings about what their simulations foresaw.
func TestPlansAreCarriedOut(t *testing.T) {
	t.Parallel()
	places := []place{mainnet(72), mainnet(74)}
	s := newSite(t, places...)
	one := oneFacet.on(places...).with("Vault", "Reading")
	one.init = "5"
	two := oneFacet.on(places...).with("VaultDoubling", "Calling")
	var done []*plan.Plan
	for _, step := range []struct {
		c      conf
		action string
	}{{one, plan.Deploy}, {one, plan.Rollout}, {two, plan.Rollout}, {one, plan.Rollback}, {one, plan.Pause}, {one, plan.Unpause}} {
		p := s.open(step.c)
		address := s.dispatcher(p)
		before := map[string]map[string]string{}
		for name := range s.nets {
			before[name] = s.state(name, address)
		}
		made := s.plan(p, p.request(step.action))
		if n := made.Intent.Networks; len(n) != 2 || len(n[0].Calls) == 0 || len(n[1].Calls) == 0 || n[0].Kind != "mainnet" {
			t.Fatalf("%s: %+v", step.action, n)
		}
		out := s.execute(p, made)
		done = append(done, made)
		s.mustHold(done...)
		for i, n := range made.Intent.Networks {
			s.mustForesee(made, n.Name, before[n.Name])
			if out[i].Status != "done" || len(out[i].Transactions) != len(n.Calls) || out[i].Dispatcher != address {
				t.Errorf("%s on %s: %+v", step.action, n.Name, out[i])
			}
		}

		// a plan is used once: it finds that all is as it left it
		again := s.open(step.c)
		for _, o := range s.execute(again, made) {
			if o.Status != "unchanged" || len(o.Transactions) > 0 {
				t.Errorf("%s again: %+v", step.action, o)
			}
		}
	}
	// and where it is not, it is not brought there again
	for i, c := range map[int]conf{2: two, 4: one} {
		again := s.open(c)
		err := s.refused(again, again.execution(done[i], s.approve(done[i], "alice", "bob")))
		var used *store.UsedPlanError
		if !errors.As(err, &used) || used.Use != store.PlanDone {
			t.Errorf("%s again: %v", done[i].Intent.Action, err)
		}
	}
}

// TestMovedPreconditions has something move between plan and execution.
func TestMovedPreconditions(t *testing.T) {
	role := func(name string) common.Hash { return crypto.Keccak256Hash([]byte(name)) }
	for name, c := range map[string]struct {
		move func(s *site, p *program, address common.Address, c conf) *program // returns who carries it out, if it is another one
		want string
	}{
		"epoch": {func(s *site, _ *program, _ common.Address, c conf) *program {
			other := s.open(c.with("VaultWithoutDrop"))
			s.execute(other, s.plan(other, other.request(plan.Rollout)))
			return nil
		}, "net71: active epoch was 1, is 2"},
		"pending root": {func(s *site, _ *program, address common.Address, _ conf) *program {
			s.send("net71", "operator", address, dispatcherABI.PackCommitRoot(common.HexToHash("0xbad"), 2))
			return nil
		}, "net71: pending root was " + common.Hash{}.Hex() + ", is " + common.HexToHash("0xbad").Hex()},
		"role revoked": {func(s *site, _ *program, address common.Address, _ conf) *program {
			s.send("net71", "admin", address, dispatcherABI.PackRevokeRole(role("PAUSER_ROLE"), s.address("guardian")))
			return nil
		}, "net71: PAUSER_ROLE of "},
		"role granted": {func(s *site, _ *program, address common.Address, _ conf) *program {
			s.send("net71", "admin", address, dispatcherABI.PackGrantRole(role("COMMIT_ROLE"), s.address("deployer")))
			return nil
		}, "net71: COMMIT_ROLE of "},
		"code of an account": {func(s *site, _ *program, _ common.Address, _ conf) *program {
			s.delegate("net71", "guardian", common.HexToAddress("0xaa"))
			return nil
		}, "net71: code of the account at "},
		"paused": {func(s *site, _ *program, address common.Address, _ conf) *program {
			s.send("net71", "guardian", address, dispatcherABI.PackPause())
			return nil
		}, "net71: paused was false, is true"},
		"grace": {func(s *site, _ *program, address common.Address, _ conf) *program {
			s.send("net71", "admin", address, dispatcherABI.PackSetEtaGrace(90))
			return nil
		}, "net71: grace, seconds was 60, is 90"},
		"another manifest": {func(s *site, _ *program, _ common.Address, c conf) *program {
			other := s.open(c.with("VaultWithoutDrop"))
			return &other
		}, "manifest was "},
		"another file of the manifest": {func(_ *site, p *program, _ common.Address, _ conf) *program {
			p.file = append(p.file, '\n')
			return nil
		}, "manifest was "},
		"policy": {func(s *site, _ *program, _ common.Address, c conf) *program {
			c.approvals = "required: 2, others: 2, pause: 1"
			other := s.open(c)
			return &other
		}, "approval policy was "},
		"policy of another process": {func(s *site, _ *program, _ common.Address, c conf) *program {
			c.approvals = "required: 2, others: 2, pause: 1"
			if _, err := s.open(c).Policy(s.ctx()); err != nil {
				s.t.Fatal(err)
			}
			return nil
		}, "approval policy was "},
		"dispatcher": {func(s *site, _ *program, _ common.Address, c conf) *program {
			other := s.open(c, func(o *app.Options) { o.Config.Dispatcher.Delay = 7200 })
			return &other
		}, "dispatcher was "},
		"kind": {func(s *site, _ *program, _ common.Address, c conf) *program {
			other := s.open(c.on(testnet(71)))
			return &other
		}, "net71: kind was local, is testnet"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := begun(t, 71)
			conf := guarded("VaultDoubling")
			p := s.open(conf)
			made := s.plan(p, p.request(plan.Rollout))
			by := &p
			if other := c.move(s, &p, s.dispatcher(p), conf); other != nil {
				by = other
			}
			err := s.refused(*by, by.execution(made, s.approve(made, "alice", "bob")))
			var moved *app.MovedError
			if !errors.As(err, &moved) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want that %q is named", err, c.want)
			}
			if _, err := by.ExecuteDry(s.ctx(), by.execution(made, nil)); name != "policy" && !errors.As(err, &moved) {
				t.Errorf("a dry run says %v", err)
			}
		})
	}
}

// TestExpiredPlan: a plan must be begun in its time, by the time of blocks.
func TestExpiredPlan(t *testing.T) {
	t.Parallel()
	s, _ := begun(t, 71)
	c := guarded("VaultDoubling")
	c.approvals += ", validFor: 2h"
	p := s.open(c)
	made := s.plan(p, p.request(plan.Rollout))
	if made.Intent.Expires-made.Intent.Created != 2*3600 {
		t.Errorf("it is valid for %d s", made.Intent.Expires-made.Intent.Created)
	}
	if err := s.nets["net71"].AdvanceTime(2*time.Hour + time.Minute); err != nil {
		t.Fatal(err)
	}
	var expired *app.ExpiredError
	if err := s.refused(p, p.execution(made, s.approve(made, "alice", "bob"))); !errors.As(err, &expired) || !strings.Contains(err.Error(), "net71") {
		t.Errorf("got %v", err)
	}
}

// interrupted carries a plan out until the timelock runs.
func (s *site) interrupted(c conf, made *plan.Plan, restrict ...string) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.ctx())
	s.atTimelock = func(string) { cancel() }
	p := s.open(c, func(o *app.Options) { o.Networks = restrict })
	if _, err := p.Execute(ctx, p.execution(made, s.approve(made, "alice", "bob"))); !errors.Is(err, context.Canceled) {
		s.t.Fatalf("got %v, want that it was cancelled", err)
	}
	s.atTimelock = nil
}

// TestBegunPlanGoesOn: what has moved since a plan was begun, or that its time is over, does not stop it after an interruption.
func TestBegunPlanGoesOn(t *testing.T) {
	t.Parallel()
	s, _ := begun(t, 71)
	c := guarded("VaultDoubling")
	p := s.open(c)
	made := s.plan(p, p.request(plan.Rollout))
	was := s.sent()
	s.interrupted(c, made)
	if got, want := s.sent()-was, len(made.Intent.Calls)-1; got != want {
		t.Fatalf("%d transactions before the interruption, want %d: all but the activation", got, want)
	}
	s.send("net71", "guardian", s.dispatcher(p), dispatcherABI.PackPause())
	if err := s.nets["net71"].AdvanceTime(80 * time.Hour); err != nil {
		t.Fatal(err)
	}

	// but not with another manifest than its own
	other := s.open(c.with("VaultWithoutDrop"))
	var moved *app.MovedError
	if err := s.refused(other, other.execution(made, s.approve(made, "alice", "bob"))); !errors.As(err, &moved) || !strings.Contains(err.Error(), "manifest was") {
		t.Fatalf("with another manifest: %v", err)
	}
	without := p.execution(made, nil)
	without.Manifest, without.File = nil, nil
	if err := s.refused(s.open(c), without); !errors.As(err, &moved) {
		t.Fatalf("without its manifest: %v", err)
	}

	p = s.open(c)
	s.execute(p, made)
	if got := s.state("net71", s.dispatcher(p)); got["active root"] != p.m.Root.Hex() || got["paused"] != "true" {
		t.Errorf("after it: %v", got)
	}
	if got, want := s.sent()-was, len(made.Intent.Calls); got != want {
		t.Errorf("%d transactions, want %d", got, want)
	}
}

// TestOneNetworkMoved: a rollout is begun on all networks or on none, a pause waits for none.
func TestOneNetworkMoved(t *testing.T) {
	for name, restrict := range map[string][]string{"all": nil, "some": {"net71", "net75"}} {
		t.Run("rollout on "+name, func(t *testing.T) {
			t.Parallel()
			s, places := begun(t, 71, 75, 76)
			p := s.open(guarded("VaultDoubling").on(places...), func(o *app.Options) { o.Networks = restrict })
			whole := s.open(guarded("VaultDoubling").on(places...))
			made := s.plan(whole, whole.request(plan.Rollout))
			s.send("net75", "guardian", s.dispatcher(p), dispatcherABI.PackPause())
			err := s.refused(p, p.execution(made, s.approve(made, "alice", "bob")))
			if !strings.Contains(err.Error(), "net75: paused was false, is true") || strings.Contains(err.Error(), "net71") {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("rollout after a first network", func(t *testing.T) {
		t.Parallel()
		s, places := begun(t, 71, 75, 76)
		c := guarded("VaultDoubling").on(places...)
		first := s.open(c, func(o *app.Options) { o.Networks = []string{"net71"} })
		whole := s.open(c)
		made := s.plan(whole, whole.request(plan.Rollout))
		s.execute(first, made)
		s.send("net75", "guardian", s.dispatcher(first), dispatcherABI.PackPause())
		err := s.refused(whole, whole.execution(made, s.approve(made, "alice", "bob")))
		if !strings.Contains(err.Error(), "net75: paused was false, is true") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("what is begun goes on beside it", func(t *testing.T) {
		t.Parallel()
		s, places := begun(t, 71, 75, 76)
		c := guarded("VaultDoubling").on(places...)
		whole := s.open(c)
		made := s.plan(whole, whole.request(plan.Rollout))
		s.interrupted(c, made, "net71")
		s.send("net75", "guardian", s.dispatcher(whole), dispatcherABI.PackPause())
		was := s.sent()
		out, err := whole.Execute(s.ctx(), whole.execution(made, s.approve(made, "alice", "bob")))
		var moved *app.MovedError
		if !errors.As(err, &moved) || out[0].Status != "done" || out[1].Status != "failed" || out[2].Status != "failed" || s.sent() != was+1 {
			t.Errorf("%d sent, %+v, %v", s.sent()-was, out, err)
		}
	})
	t.Run("pause", func(t *testing.T) {
		t.Parallel()
		s, places := begun(t, 71, 75)
		p := s.open(guarded("Vault").on(places...))
		made := s.plan(p, p.request(plan.Pause))
		s.send("net75", "guardian", s.dispatcher(p), dispatcherABI.PackPause())
		out, err := p.Execute(s.ctx(), p.execution(made, s.approve(made, "alice", "bob")))
		var moved *app.MovedError
		if !errors.As(err, &moved) || len(moved.Moved) != 1 || !strings.Contains(err.Error(), "net75: call 1 was pause") {
			t.Fatalf("got %v", err)
		}
		if out[0].Status != "done" || out[1].Status != "failed" || s.state("net71", s.dispatcher(p))["paused"] != "true" {
			t.Errorf("%+v", out)
		}
	})
}

// TestCancelAbandonsThePlan: what was taken back is not begun again by the plan that has committed it.
func TestCancelAbandonsThePlan(t *testing.T) {
	t.Parallel()
	at := mainnet(72)
	s := newSite(t, at)
	c := oneFacet.on(at)
	p := s.open(c)
	made := s.plan(p, p.request(plan.Rollout))
	s.atTimelock = func(string) {
		if _, err := s.open(c).Act(s.ctx(), plan.Cancel, false); err != nil {
			t.Error(err)
		}
	}
	_, err := p.Execute(s.ctx(), p.execution(made, s.approve(made, "alice", "bob")))
	if err == nil || !strings.Contains(err.Error(), "ended by another process") {
		t.Fatalf("got %v, want that it was ended", err)
	}
	if got := s.state("net72", s.dispatcher(p)); got["pending root"] != (common.Hash{}).Hex() || got["active epoch"] != "0" {
		t.Errorf("after the cancel: %v", got)
	}
	again := s.open(c)
	err = s.refused(again, again.execution(made, s.approve(made, "alice", "bob")))
	var used *store.UsedPlanError
	if !errors.As(err, &used) || used.Use != store.PlanAbandoned {
		t.Errorf("again: %v", err)
	}
}

// TestCancelLeavesPlansOfOtherDispatchers: a project may have two.
func TestCancelLeavesPlansOfOtherDispatchers(t *testing.T) {
	t.Parallel()
	s := newSite(t, local(71))
	slow := func(o *app.Options) { o.Config.Dispatcher.Delay = 7200 }
	other := s.open(oneFacet, slow)
	if _, err := other.Deploy(s.ctx(), other.m, false); err != nil {
		t.Fatal(err)
	}
	s.live(oneFacet)
	c := guarded("VaultDoubling")
	p := s.open(c)
	made := s.plan(p, p.request(plan.Rollout))
	s.interrupted(c, made)
	other = s.open(guarded("Vault"), slow)
	s.execute(other, s.plan(other, other.request(plan.Cancel)))
	p = s.open(c)
	s.execute(p, made)
}

// TestApprovals: what is not enough, or is not about the plan, carries nothing out.
func TestApprovals(t *testing.T) {
	t.Parallel()
	s, _ := begun(t, 71)
	c := guarded("VaultDoubling")
	p := s.open(c)
	made := s.plan(p, p.request(plan.Rollout))
	otherPlan := s.plan(p, p.request(plan.Pause))
	var lacking *app.NotApprovedError
	for name, signed := range map[string][]plan.Approval{
		"nobody":           nil,
		"one":              s.approve(made, "alice"),
		"one of two twice": append(s.approve(made, "alice"), s.approve(made, "alice")...),
		"strangers":        s.approve(made, "outsider", "operator"),
	} {
		if err := s.refused(p, p.execution(made, signed)); !errors.As(err, &lacking) || lacking.Tally.Needed != 2 || len(lacking.Tally.Approved) > 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
	moved := s.approve(otherPlan, "bob")
	if err := s.refused(p, p.execution(made, moved)); !strings.Contains(err.Error(), "it is of plan "+otherPlan.Digest.Hex()) {
		t.Errorf("a signature over another plan: %v", err)
	}
	moved[0].Plan = made.Digest
	if err := s.refused(p, p.execution(made, moved)); !strings.Contains(err.Error(), "of something else") {
		t.Errorf("a signature over another plan that says it is over this: %v", err)
	}

	// signing
	if _, err := p.Sign(s.ctx(), made, "operator", false); err == nil || !strings.Contains(err.Error(), "is no approver") {
		t.Errorf("operator signs: %v", err)
	}
	if _, err := p.Sign(s.ctx(), made, "bob", true); err != nil {
		t.Fatal(err)
	}
	if err := s.refused(p, p.execution(made, s.approve(made, "alice", "bob"))); !errors.As(err, &lacking) || !strings.Contains(err.Error(), "taken back by "+s.address("bob").Hex()) {
		t.Errorf("after bob took his back: %v", err)
	}
	if _, err := p.Sign(s.ctx(), made, "carol", false); err != nil {
		t.Fatal(err)
	}
	if list, err := p.ListApprovals(s.ctx(), made, nil); err != nil || !list.Enough || len(list.Approved) != 2 || len(list.Others) != 2 || len(list.Uses) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := p.Execute(s.ctx(), p.execution(made, nil)); err != nil { // the journal has what was signed
		t.Error(err)
	}
	if list, err := s.open(c).ListApprovals(s.ctx(), made, nil); err != nil || list.Uses["net71"] != "done" {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestApprovalIsAskedForAgain: what changes while the timelock runs is seen before the activation is sent.
func TestApprovalIsAskedForAgain(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *site, c conf, made *plan.Plan)
		want   string
		after  func(err error) bool
	}{
		"revoked": {func(s *site, c conf, made *plan.Plan) {
			if _, err := s.open(c).Signed(s.ctx(), made, s.sign(made, true, "bob")[0].Signature, true); err != nil {
				s.t.Error(err)
			}
		}, "has 1 of the 2 approvals that it needs; taken back by ", func(err error) bool {
			var lacking *app.NotApprovedError
			return errors.As(err, &lacking)
		}},
		"a stricter policy": {func(s *site, c conf, _ *plan.Plan) {
			c.approvals = "required: 3, others: 3"
			if _, err := s.open(c).Policy(s.ctx()); err != nil {
				s.t.Error(err)
			}
		}, "has 2 of the 3 approvals that it needs", func(err error) bool {
			var lacking *app.NotApprovedError
			return errors.As(err, &lacking) && strings.Contains(err.Error(), "has 2 of the 3 approvals")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := begun(t, 71)
			conf := guarded("VaultDoubling")
			p := s.open(conf)
			made := s.plan(p, p.request(plan.Rollout))
			was := s.sent()
			s.atTimelock = func(string) { c.change(s, conf, made) }
			_, err := p.Execute(s.ctx(), p.execution(made, s.approve(made, "alice", "bob")))
			if err == nil || !strings.Contains(err.Error(), "activate") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if got, want := s.sent()-was, len(made.Intent.Calls)-1; got != want {
				t.Errorf("%d transactions, want %d: all but the activation", got, want)
			}
			again := s.open(conf)
			if err := s.refused(again, again.execution(made, s.approve(made, "alice", "bob"))); !c.after(err) {
				t.Errorf("after a restart: %v", err)
			}
		})
	}
}
