package app_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/accounts/keystore"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/config"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/signer"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// TestNothingWithoutAPlan: where a plan is needed, commands without one send nothing.
func TestNothingWithoutAPlan(t *testing.T) {
	for name, c := range map[string]struct {
		c    conf
		acts []string
	}{
		"mainnet":                 {oneFacet.on(mainnet(72)), []string{plan.Unpause}},
		"pause needs an approval": {func() conf { c := oneFacet.on(mainnet(72)); c.approvals = "required: 2, pause: 1, cancel: 1"; return c }(), []string{plan.Pause, plan.Unpause, plan.Cancel}},
		"others: 2":               {guarded("Vault"), []string{plan.Unpause}},
		"others, and pause":       {func() conf { c := guarded("Vault"); c.approvals += ", pause: 1, cancel: 1"; return c }(), []string{plan.Pause, plan.Unpause, plan.Cancel}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, c.c.places...)
			p := s.open(c.c)
			calls := map[string]func() ([]app.Outcome, error){
				plan.Deploy:   func() ([]app.Outcome, error) { return p.Deploy(s.ctx(), p.m, false) },
				plan.Rollout:  func() ([]app.Outcome, error) { return p.Rollout(s.ctx(), p.m, p.file, false) },
				plan.Rollback: func() ([]app.Outcome, error) { return p.Rollback(s.ctx(), p.m, p.file, false) },
			}
			for _, act := range c.acts {
				calls[act] = func() ([]app.Outcome, error) { return p.Act(s.ctx(), act, false) }
			}
			refuse := func() {
				t.Helper()
				was := s.sent()
				for action, call := range calls {
					if _, err := call(); err == nil || !strings.Contains(err.Error(), "nothing is sent that no approved plan holds") {
						t.Errorf("%s: %v", action, err)
					}
				}
				if s.sent() != was {
					t.Errorf("%d transactions were sent", s.sent()-was)
				}
			}
			refuse()
			s.execute(p, s.plan(p, p.request(plan.Rollout)))
			p = s.open(c.c)
			s.send(c.c.places[0].name(), "guardian", s.dispatcher(p), dispatcherABI.PackPause())
			refuse()
		})
	}
}

// TestEmergencyElsewhere: what needs nobody on a mainnet needs nobody where others are asked for approvals, and has its own plan as well.
func TestEmergencyElsewhere(t *testing.T) {
	t.Parallel()
	s, _ := begun(t, 71)
	p := s.open(guarded("Vault"))
	was := s.sent()
	for _, action := range []string{plan.Pause, plan.Cancel} { // there is nothing to cancel, so nothing is sent
		if _, err := p.Act(s.ctx(), action, false); err != nil {
			t.Errorf("%s: %v", action, err)
		}
	}
	if n := s.sent() - was; n != 1 {
		t.Errorf("%d transactions, want the pause", n)
	}
	for _, made := range s.journalPlans() {
		if made.Intent.Action == plan.Pause {
			return
		}
	}
	t.Error("the journal has no plan for the pause")
}

// TestEmergency: pause and cancel make their own plans, whatever checks find, and no network waits for another.
func TestEmergency(t *testing.T) {
	t.Parallel()
	places := []place{mainnet(72), mainnet(74), mainnet(77)}
	s := newSite(t, places...)
	c := oneFacet.on(places...)
	p := s.open(c)
	s.execute(p, s.plan(p, p.request(plan.Rollout)))
	c.places[2].urls = func(string) string { return `"http://127.0.0.1:1"` }

	// the one that is down is given up when the others are done
	var mu sync.Mutex
	var done int
	var giveUp func()
	p = s.open(c, func(o *app.Options) {
		o.Progress = func(e app.Event) {
			mu.Lock()
			defer mu.Unlock()
			if e.Kind != "done" {
				return
			}
			if done++; done == 2 {
				time.AfterFunc(500*time.Millisecond, giveUp) // their plans are yet to be ended
			}
		}
	})
	s.delegate("net74", "guardian", common.HexToAddress("0xaa"))
	if _, err := s.open(c.on(places[:2]...)).MakePlan(s.ctx(), p.request(plan.Pause)); err == nil || !strings.Contains(err.Error(), plan.HolderDelegated) {
		t.Fatalf("no check stands in the way: %v", err)
	}
	for _, action := range []string{plan.Pause, plan.Pause, plan.Pause, plan.Cancel} {
		ctx, cancel := context.WithCancel(s.ctx())
		done, giveUp = 0, cancel
		out, err := p.Act(ctx, action, false)
		cancel()
		var failed *app.FailedError
		if !errors.As(err, &failed) || len(failed.Errors) != 1 || out[2].Status != "failed" || out[0].Status == "failed" || out[1].Status == "failed" {
			t.Fatalf("%s: %+v, %v", action, out, err)
		}
	}
	for _, network := range []string{"net72", "net74"} {
		if s.state(network, s.dispatcher(p))["paused"] != "true" {
			t.Errorf("%s is not paused", network)
		}
	}
	plans := s.journalPlans()
	if len(plans) < 3 {
		t.Fatalf("%d plans in the journal", len(plans))
	}
	for _, made := range plans[1:] {
		if i := made.Intent; i.Hotfix || len(i.Accepted) > 0 || len(i.Networks) != 1 {
			t.Errorf("%+v", i)
		}
	}
	s.mustHold(plans...)
}

// TestEmergencyOutlastsAnOutage: an endpoint that does not answer at first does not keep a pause from being planned.
func TestEmergencyOutlastsAnOutage(t *testing.T) {
	t.Parallel()
	at := mainnet(72)
	s := newSite(t, at)
	p := s.open(oneFacet.on(at))
	s.execute(p, s.plan(p, p.request(plan.Rollout)))
	var asked atomic.Int32
	at.urls = func(url string) string {
		return fmt.Sprintf("%q", before(t, url, func(string) any {
			if asked.Add(1) > 1 {
				return nil
			}
			return map[string]any{"code": -32005, "message": "rate limit exceeded"}
		}, same))
	}
	p = s.open(oneFacet.on(at))
	if _, err := p.Act(s.ctx(), plan.Pause, false); err != nil {
		t.Fatal(err)
	}
	if s.state("net72", s.dispatcher(p))["paused"] != "true" {
		t.Error("it is not paused")
	}
}

// TestEmergencyWithKeyFiles has many networks open the same key files at once, as the command does.
func TestEmergencyWithKeyFiles(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var asked sync.Once
	deaf := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Do(func() { time.AfterFunc(time.Second, cancel) })
		http.Error(w, "there is no network", http.StatusServiceUnavailable)
	}))
	defer deaf.Close()
	places := []place{mainnet(72), mainnet(74), mainnet(78), mainnet(79)}
	for i := range places {
		places[i].urls = func(string) string { return fmt.Sprintf("%q", deaf.URL) }
	}
	s := newSite(t)
	text := string(s.write(oneFacet.on(places...)))
	s.put("password", "secret")
	for _, name := range people[:7] {
		key := &keystore.Key{Id: uuid.New(), Address: s.address(name), PrivateKey: s.keys[name]}
		file, err := keystore.EncryptKey(key, "secret", keystore.LightScryptN, keystore.LightScryptP)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(s.dir, name+".json"), file, 0o600); err != nil {
			t.Fatal(err)
		}
		text = strings.Replace(text, fmt.Sprintf("  %s: {address: %q}", name, s.address(name)),
			fmt.Sprintf("  %s: {keystore: %s.json, password: \"file:password\"}", name, name), 1)
	}
	cfg, err := config.Parse(filepath.Join(s.dir, "lockstep.yaml"), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(app.Options{Config: cfg, Journal: s.journal})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := a.Act(ctx, plan.Pause, false); err == nil || len(out) != len(places) {
		t.Errorf("there is no network: %+v, %v", out, err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

// TestHotfixNeedsMoreApprovals carries out what accepts an error.
func TestHotfixNeedsMoreApprovals(t *testing.T) {
	t.Parallel()
	at := mainnet(72)
	s := newSite(t, at)
	s.delegate("net72", "guardian", common.HexToAddress("0xaa"))
	p := s.open(oneFacet.on(at))
	req := p.request(plan.Rollout)
	req.Hotfix = true
	made := s.plan(p, req)
	if diff := cmp.Diff([]plan.Accepted{{Check: plan.HolderDelegated, Network: "net72", Subject: s.address("guardian").Hex()}}, made.Intent.Accepted); diff != "" {
		t.Errorf("accepted (-want +got):\n%s", diff)
	}
	var lacking *app.NotApprovedError
	if err := s.refused(p, p.execution(made, s.approve(made, "alice", "bob"))); !errors.As(err, &lacking) || lacking.Tally.Needed != 3 {
		t.Errorf("with two: %v", err)
	}
	if _, err := p.Execute(s.ctx(), p.execution(made, s.approve(made, "carol"))); err != nil {
		t.Fatal(err)
	}
	s.mustHold(made)
}

// TestCheckTripsBeforeItIsBegun: what was not found when a plan was made stops it when it is found before it is begun.
func TestCheckTripsBeforeItIsBegun(t *testing.T) {
	t.Parallel()
	s, _ := begun(t, 71)
	p := s.open(guarded("VaultDoubling"))
	made := s.plan(p, p.request(plan.Rollout))
	at := local(71)
	at.more = ", gasCap: 150000"
	c := guarded("VaultDoubling").on(at)
	c.more = "pageSize: 50" // as it was by the usual cap
	p = s.open(c)
	var refused *app.RefusedPlanError
	if err := s.refused(p, p.execution(made, s.approve(made, "alice", "bob"))); !errors.As(err, &refused) || refused.Checks[0].ID != plan.GasOverCap {
		t.Errorf("got %v", err)
	}
}

// TestPolicies: a stricter policy of the file is in force at once, a looser one when a plan for it is approved under the one before.
func TestPolicies(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	with := func(approvals string) program {
		c := oneFacet.on(mainnet(72))
		c.approvals = approvals
		return s.open(c)
	}
	inForce := func(p program, required int, looser ...string) {
		t.Helper()
		status, err := p.Policy(s.ctx())
		if err != nil || status.InForce.Required != required || strings.Join(status.Looser, ", ") != strings.Join(looser, ", ") {
			t.Errorf("%+v, %v", status, err)
		}
	}
	inForce(with("required: 1, hotfix: 1"), 1)
	inForce(with("required: 2, hotfix: 3"), 2)
	loose := with("required: 1, hotfix: 2")
	inForce(loose, 2, "required was 2, is 1", "hotfix was 3, is 2")
	inForce(loose, 2, "required was 2, is 1", "hotfix was 3, is 2")

	made := s.plan(loose, app.PlanRequest{Action: plan.ChangePolicy})
	var lacking *app.NotApprovedError
	if err := loose.SetPolicy(s.ctx(), made, s.approve(made, "alice", "outsider")); !errors.As(err, &lacking) || lacking.Tally.Needed != 3 {
		t.Errorf("with one approval: %v", err)
	}
	inForce(loose, 2, "required was 2, is 1", "hotfix was 3, is 2")
	if _, err := loose.Execute(s.ctx(), app.Execution{Plan: made}); err == nil || !strings.Contains(err.Error(), "lockstep approvals policy") {
		t.Errorf("carried out: %v", err)
	}
	// it lowers what a hotfix needs, so that is what it needs
	if err := loose.SetPolicy(s.ctx(), made, s.approve(made, "bob", "carol")); err != nil {
		t.Fatal(err)
	}
	inForce(loose, 1)
	if err := loose.SetPolicy(s.ctx(), made, nil); err == nil || !strings.Contains(err.Error(), "a plan is used once") {
		t.Errorf("again: %v", err)
	}
	// also where the policy that it was made under is in force again
	inForce(with("required: 2, hotfix: 3"), 2)
	if err := loose.SetPolicy(s.ctx(), made, nil); err == nil || !strings.Contains(err.Error(), "was in force already: a plan is used once") {
		t.Errorf("once more: %v", err)
	}
	inForce(with("required: 1, hotfix: 2"), 2, "required was 2, is 1", "hotfix was 3, is 2")
	time.Sleep(1100 * time.Millisecond) // what is planned twice within a second is one plan
	made = s.plan(loose, app.PlanRequest{Action: plan.ChangePolicy})
	if err := loose.SetPolicy(s.ctx(), made, s.approve(made, "alice", "bob", "carol")); err != nil {
		t.Fatal(err)
	}
	// it is not looser now
	if _, err := loose.MakePlan(s.ctx(), app.PlanRequest{Action: plan.ChangePolicy}); err == nil || !strings.Contains(err.Error(), "it needs no plan") {
		t.Errorf("a plan for the policy in force: %v", err)
	}
	old := *made
	inForce(with("required: 2, hotfix: 3"), 2)
	old.Intent.Policy = common.Hash{1}
	if err := loose.SetPolicy(s.ctx(), &old, nil); err == nil {
		t.Error("a plan under another policy is taken")
	}

	// a configuration that says nothing of approvals, as that of test networks, changes nothing
	quiet := oneFacet.on(local(71))
	quiet.approvals = "none"
	inForce(s.open(quiet), 2)
	inForce(with("required: 2, hotfix: 3"), 2)
}

// TestPolicyPlanExpires by the clock of the machine: there is no network.
func TestPolicyPlanExpires(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := oneFacet.on(mainnet(72))
	if _, err := s.open(c).Policy(s.ctx()); err != nil {
		t.Fatal(err)
	}
	c.approvals = "required: 1, hotfix: 1"
	p := s.open(c)
	made := s.plan(p, app.PlanRequest{Action: plan.ChangePolicy})
	made.Intent.Created, made.Intent.Expires = made.Intent.Created-100, time.Now().Unix()-1
	if err := made.Seal(); err != nil {
		t.Fatal(err)
	}
	var expired *app.ExpiredError
	if err := p.SetPolicy(s.ctx(), made, s.approve(made, "alice", "bob")); !errors.As(err, &expired) {
		t.Errorf("got %v", err)
	}
}

// TestPlanWithoutKeys: who plans needs no key, and who carries out needs those that send.
func TestPlanWithoutKeys(t *testing.T) {
	t.Parallel()
	s := newSite(t, local(71))
	p := s.open(oneFacet, func(o *app.Options) { o.Signers = map[string]*signer.Signer{} })
	made := s.plan(p, p.request(plan.Rollout))
	if err := s.refused(p, p.execution(made, nil)); !strings.Contains(err.Error(), s.address("deployer").Hex()) {
		t.Errorf("got %v", err)
	}
	p = s.open(oneFacet)
	s.execute(p, made)
	s.mustHold(made)
}

// TestPausingAgainAndAgain: plans of a second are the same one, and what sends nothing uses none.
func TestPausingAgainAndAgain(t *testing.T) {
	t.Parallel()
	at := mainnet(72)
	s := newSite(t, at)
	p := s.open(oneFacet.on(at))
	s.execute(p, s.plan(p, p.request(plan.Rollout)))
	for i, want := range []string{"done", "unchanged", "unchanged", "unchanged", "unchanged"} {
		if out, err := p.Act(s.ctx(), plan.Pause, false); err != nil || out[0].Status != want {
			t.Errorf("%d: %+v, %v", i, out, err)
		}
	}
}

// TestWhatNoPlanHoldsIsNotSent: the configuration gives a role to one more account after the plan was begun.
func TestWhatNoPlanHoldsIsNotSent(t *testing.T) {
	t.Parallel()
	at := mainnet(72)
	s := newSite(t, at)
	c := oneFacet.on(at)
	ctx, cancel := context.WithCancel(s.ctx())
	p := s.open(c, func(o *app.Options) {
		o.Careful = true
		o.Progress = func(e app.Event) {
			if e.Kind == "confirmed" {
				cancel()
			}
		}
	})
	made := s.plan(p, p.request(plan.Deploy))
	if _, err := p.Execute(ctx, p.execution(made, s.approve(made, "alice", "bob"))); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want that it was cancelled", err)
	}
	c.roles = strings.Replace(usualRoles, "pauser: [guardian]", "pauser: [guardian, alice]", 1)
	p = s.open(c)
	_, err := p.Execute(s.ctx(), p.execution(made, nil))
	if err == nil || !strings.Contains(err.Error(), "grant PAUSER to "+s.address("alice").Hex()[:10]) || !strings.Contains(err.Error(), "no plan that is being carried out there holds it") {
		t.Errorf("got %v, want that the grant is refused", err)
	}
	for _, tx := range s.all() {
		if !made.Holds(tx.chainID, tx.from, *tx.To(), tx.Data()) {
			t.Errorf("%s landed, which the plan does not hold", tx.Hash())
		}
	}
}

// TestForeignNonceStopsAPlan: an account that has sent on one network what the journal does not know sends nothing on any.
func TestForeignNonceStopsAPlan(t *testing.T) {
	t.Parallel()
	s, _ := begun(t, 71, 73)
	p := s.open(guarded("VaultDoubling").on(local(71), local(73)))
	made := s.plan(p, p.request(plan.Rollout))
	s.send("net73", "operator", s.address("operator"), nil)
	err := s.refused(p, p.execution(made, s.approve(made, "alice", "bob")))
	var refusal *app.RefusedPlanError
	if !errors.As(err, &refusal) || !strings.Contains(err.Error(), "fatal blocked (net73, "+s.address("operator").Hex()+")") ||
		!strings.Contains(err.Error(), "lockstep transaction adopt") {
		t.Errorf("got %v", err)
	}
}

// TestHandMadePlansAreRefused: a plan that no lockstep plan would make is not approved, nor carried out, whoever signs it.
func TestHandMadePlansAreRefused(t *testing.T) {
	t.Parallel()
	at := mainnet(72)
	s := newSite(t, at)
	p := s.open(oneFacet.on(at))
	for name, c := range map[string]struct {
		change func(*plan.Intent)
		want   string
	}{
		"could be begun for years": {func(i *plan.Intent) { i.Expires = i.Created + 10*365*24*3600 }, "the approval policy allows"},
		"from the future": {func(i *plan.Intent) {
			i.Created += 40 * 24 * 3600
			i.Expires += 40 * 24 * 3600
		}, "compare the clocks"},
		"says that a mainnet is a test network": {func(i *plan.Intent) { i.Networks[0].Kind = "testnet" }, "kind was testnet, is mainnet"},
	} {
		made := s.plan(p, p.request(plan.Rollout))
		c.change(&made.Intent)
		if err := made.Seal(); err != nil {
			t.Fatal(err)
		}
		if err := s.refused(p, p.execution(made, s.approve(made, "alice", "bob"))); !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestStrangersDeployWhatIsPlanned: anybody can put the pinned code where it belongs, dispatcher included. That keeps nobody from
// carrying a plan out; other code there would.
func TestStrangersDeployWhatIsPlanned(t *testing.T) {
	t.Parallel()
	at := mainnet(72)
	s := newSite(t, at)
	p := s.open(oneFacet.on(at))
	made := s.plan(p, p.request(plan.Rollout))
	created := 0
	for _, c := range made.Intent.CallsOf(made.Intent.Networks[0]) {
		if c.By == rollout.Deployer && c.To != made.Intent.Dispatcher {
			s.sendTx("net72", "carol", func(id *big.Int, nonce uint64) types.TxData {
				return &types.DynamicFeeTx{
					ChainID: id, Nonce: nonce, Gas: 10_000_000, GasFeeCap: big.NewInt(100 * params.GWei), GasTipCap: big.NewInt(1), To: &c.To, Data: c.Data,
				}
			})
			created++
		}
	}
	if created < 3 {
		t.Fatalf("%d contracts: this test wants extension, dispatcher and facets", created)
	}
	if found, err := p.Check(s.ctx(), made, p.m, p.file); err != nil || !found.Holds() {
		t.Errorf("%+v, %v", found, err)
	}
	out := s.execute(p, made)
	if want := len(made.Intent.Calls) - created; len(out[0].Transactions) != want {
		t.Errorf("%d transactions, want %d", len(out[0].Transactions), want)
	}
	s.mustHoldBut(created, made)
}

// TestMainnetStaysOne: a network that the catalogue does not know, and that was a mainnet, is one, whatever the configuration calls it
// later.
func TestMainnetStaysOne(t *testing.T) {
	t.Parallel()
	at := mainnet(424242)
	s := newSite(t, at)
	p := s.open(oneFacet.on(at))
	s.execute(p, s.plan(p, p.request(plan.Deploy)))
	was := s.sent()
	at.kind = "testnet"
	other := s.open(oneFacet.on(at))
	if _, err := other.Rollout(s.ctx(), other.m, other.file, false); err == nil || !strings.Contains(err.Error(), "no approved plan holds") {
		t.Errorf("got %v", err)
	}
	if now := s.sent(); now != was {
		t.Errorf("%d transactions were sent", now-was)
	}
}

// TestRevocationWhileItRuns: one that comes as a file while the timelock runs is seen before the activation is signed.
func TestRevocationWhileItRuns(t *testing.T) {
	t.Parallel()
	s, _ := begun(t, 71)
	p := s.open(guarded("VaultDoubling"))
	made := s.plan(p, p.request(plan.Rollout))
	revoked := s.sign(made, true, "alice")[0]
	var waits atomic.Bool
	s.atTimelock = func(string) { waits.Store(true) }
	x := p.execution(made, s.approve(made, "alice", "bob"))
	x.Again = func() []plan.Approval {
		if !waits.Load() {
			return nil
		}
		forged := revoked
		forged.Signer = s.address("bob")
		return []plan.Approval{forged, revoked}
	}
	was := s.sent()
	_, err := p.Execute(s.ctx(), x)
	if err == nil || !strings.Contains(err.Error(), "has 1 of the 2 approvals that it needs; taken back by "+s.address("alice").Hex()) {
		t.Errorf("got %v", err)
	}
	if got, want := s.sent()-was, len(made.Intent.Calls)-1; got != want {
		t.Errorf("%d transactions, want %d: all but the activation", got, want)
	}
}

// TestBegunAndNothingSent: a plan that was begun, and of which nothing was sent, must be in time and hold like any other.
func TestBegunAndNothingSent(t *testing.T) {
	t.Parallel()
	s, _ := begun(t, 71)
	p := s.open(guarded("VaultDoubling"))
	made := s.plan(p, p.request(plan.Rollout))
	journal, err := store.Open(s.ctx(), s.journal, "plans")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(journal.SavePlan(s.ctx(), made), journal.BeginPlan(s.ctx(), made.Digest, 71), journal.Close()); err != nil {
		t.Fatal(err)
	}
	if err := s.nets["net71"].AdvanceTime(80 * time.Hour); err != nil {
		t.Fatal(err)
	}
	var expired *app.ExpiredError
	if err := s.refused(p, p.execution(made, s.approve(made, "alice", "bob"))); !errors.As(err, &expired) {
		t.Errorf("got %v", err)
	}
}

// TestCancelBehindWhatLanded: a commit that is in a block, and whose outcome the journal does not know yet, since the program was
// killed and its plan may not go on, keeps nobody from cancelling.
func TestCancelBehindWhatLanded(t *testing.T) {
	t.Parallel()
	s, _ := begun(t, 71)
	c := guarded("VaultDoubling")
	p := s.open(c)
	made := s.plan(p, p.request(plan.Rollout))
	s.interrupted(c, made)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", s.journal)
	if err != nil {
		t.Fatal(err)
	}
	changed, err := db.ExecContext(s.ctx(), `UPDATE transactions SET status = 'released', finished_at = NULL WHERE step LIKE 'commit %' AND plan = ?`, made.Digest.Hex())
	if err != nil {
		t.Fatal(err)
	}
	if n, err := changed.RowsAffected(); err != nil || n != 1 {
		t.Fatalf("%d rows, %v", n, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	p = s.open(c)
	s.execute(p, s.plan(p, p.request(plan.Cancel)))
	if got := s.state("net71", s.dispatcher(p))["pending root"]; got != (common.Hash{}).Hex() {
		t.Errorf("%s is pending", got)
	}
}
