package app_test

import (
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

func withRules(c conf, rules string) conf {
	c.more = "alerts: {rules: {" + rules + "}}"
	return c
}

// TestAStepThatUsesMore: an init call writes a word that was there when the plan was made, and is gone when it is carried out.
func TestAStepThatUsesMore(t *testing.T) {
	t.Parallel()
	s, _ := begun(t, 71)
	one := withRules(guarded("VaultDoubling"), "gas_spike: {threshold: 1.15}")
	one.init = "5"
	two := withRules(guarded("Vault"), "gas_spike: {threshold: 1.15}")
	two.init = "6"
	w := s.watch(one)
	p := s.open(one)
	address := s.dispatcher(p)
	s.send("net71", "outsider", address, attackerCall("add(uint256)", 7))
	s.execute(p, s.plan(p, p.request(plan.Rollout)))
	w.sawSteps("activate", 2)
	w.settled("net71")
	s.only()

	p = s.open(two)
	made := s.plan(p, p.request(plan.Rollout))
	s.send("net71", "outsider", address, attackerCall("drop()"))
	s.execute(p, made)
	step := w.sawSteps("activate", 3)
	w.settled("net71")
	all := s.alerts()
	if len(all) != 1 || all[0].Rule != rule.GasSpike || all[0].Severity != rule.Info || all[0].Network != "net71" || len(all[0].Actions) != 1 || all[0].Actions[0] != rule.ActMetrics ||
		all[0].Tx != step.Tx || all[0].Block.Number != step.Block.Number || all[0].Subject != "activate "+strings.ToLower(step.Tx.Hex()) {
		t.Errorf("%+v %s", step, named(all))
	}
	w.end()
	w = s.watch(two)
	w.sawSteps("activate", 3)
	w.settled("net71")
	if all := s.alerts(); len(all) != 1 || all[0].Count != 1 {
		t.Errorf("raised again: %s", named(all))
	}
}

// attackerCall is a call by its signature.
func attackerCall(signature string, args ...int64) []byte {
	out := crypto.Keccak256([]byte(signature))[:4]
	for _, a := range args {
		out = append(out, big.NewInt(a).FillBytes(make([]byte, 32))...)
	}
	return out
}

// sawSteps waits until a step was seen so often, and returns the last.
func (w *watcher) sawSteps(word string, n int) (last rule.Seen) {
	w.t.Helper()
	w.saw(fmt.Sprintf("%d times %s", n, word), func(s rule.Seen) bool {
		found := 0
		for _, s := range w.seen() {
			if s.Sight == rule.SawStep && s.Subject == word {
				found, last = found+1, s
			}
		}
		return found >= n
	})
	return last
}

// TestStepsOffThePublishedFigures: the mean of twenty, at a threshold that they are within and at one that they are not.
func TestStepsOffThePublishedFigures(t *testing.T) {
	t.Parallel()
	s, places := begun(t, 71)
	c := oneFacet.on(places...)
	w := s.watch(c)
	s.live(c.with("VaultDoubling"))
	for i := range 16 { // to commit a root whose slot is not clean costs less than the published figure
		p := s.open(c.with([]string{"Vault", "VaultDoubling"}[i%2]))
		if _, err := p.Rollout(s.ctx(), p.m, p.file, false); err != nil {
			t.Fatal(err)
		}
	}
	w.sawSteps("activate", 18)
	w.settled("net71")
	s.only()
	w.mustReplay()
	strict := withRules(c, "gas_variance: {threshold: 0.05}")
	w = s.watch(strict)
	s.raised(rule.GasVariance, "")
	last := w.sawSteps("activate", 18)
	variance := want{
		rule: rule.GasVariance, severity: rule.Warning, network: "net71", subject: "gas of steps", actions: "ops",
		in: &types.Receipt{TxHash: last.Tx, BlockNumber: new(big.Int).SetUint64(last.Block.Number)},
	}
	s.only(variance)
	w.end()
	s.watch(c)
	s.alert(rule.GasVariance, "", func(a app.KeptAlert) bool { return !a.Fires() })
	variance.resolved = "it is near the published figures again"
	s.only(variance)
}

// TestAStepThatFails: whoever sends it loses the role in the block that it comes in.
func TestAStepThatFails(t *testing.T) {
	t.Parallel()
	s, places := begun(t, 71)
	c := oneFacet.on(places...).with("VaultDoubling")
	w := s.watch(c)
	p := s.open(c)
	address := s.dispatcher(p)
	commit := crypto.Keccak256Hash([]byte("COMMIT_ROLE"))
	if _, err := p.Deploy(s.ctx(), p.m, false); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	s.nets["net71"].Hold()
	go func() {
		_, err := p.Rollout(s.ctx(), p.m, p.file, false)
		done <- err
	}()
	eth := s.dial("net71")
	mined, err := eth.NonceAt(s.ctx(), s.address("operator"), nil)
	if err != nil {
		t.Fatal(err)
	}
	s.pending("net71", "operator", mined+1)
	revoked := make(chan *types.Receipt, 1)
	go func() {
		revoked <- s.sendTx("net71", "admin", func(id *big.Int, nonce uint64) types.TxData {
			return &types.DynamicFeeTx{
				ChainID: id, Nonce: nonce, Gas: 500_000, GasFeeCap: big.NewInt(200 * params.GWei), GasTipCap: big.NewInt(100 * params.GWei), To: &address,
				Data: dispatcherABI.PackRevokeRole(commit, s.address("operator")),
			}
		})
	}()
	if mined, err = eth.NonceAt(s.ctx(), s.address("admin"), nil); err != nil {
		t.Fatal(err)
	}
	s.pending("net71", "admin", mined+1)
	s.nets["net71"].Release()
	if err := <-done; err == nil {
		t.Fatal("nothing failed")
	}
	step := w.sawSteps("commit", 2)
	if !step.Failed {
		t.Errorf("%+v", step)
	}
	granted := s.send("net71", "admin", address, dispatcherABI.PackGrantRole(commit, s.address("operator")))
	w.settled("net71")
	rate := s.raised(rule.FailureRate, "steps")
	if rate.Severity != rule.Warning || rate.Network != "net71" || !rate.Fires() || len(rate.Actions) != 1 || rate.Actions[0] != rule.Ops {
		t.Errorf("%+v", rate)
	}
	_ = granted
	rules := map[string]int{}
	for _, a := range s.alerts() {
		rules[a.Rule]++
	}
	// the change of roles, and that the program's own call was refused
	if len(rules) != 3 || rules[rule.UnplannedPrivilege] != 2 || rules[rule.UnauthorizedAccess] != 1 || rules[rule.FailureRate] != 1 {
		t.Errorf("alerts: %s", named(s.alerts()))
	}
	for i := range 6 {
		s.live(c.with([]string{"VaultDoubling", "Vault"}[i%2]))
	}
	s.alert(rule.FailureRate, "", func(a app.KeptAlert) bool { return a.Resolution == "fewer steps fail" })
	w.settled("net71")
	if all := s.alerts(); len(all) != 4 {
		t.Errorf("alerts: %s", named(all))
	}
}

// pending waits until an account has sent so many.
func (s *site) pending(network, who string, n uint64) {
	s.t.Helper()
	eth := s.dial(network)
	for ctx := s.ctx(); ; time.Sleep(5 * time.Millisecond) {
		if got, err := eth.PendingNonceAt(ctx, s.address(who)); err == nil && got >= n {
			return
		}
		if ctx.Err() != nil {
			s.t.Fatalf("%s has not sent %d", who, n)
		}
	}
}

// TestNetworksThatDiffer: one has another version than the other; no plan allows it.
func TestNetworksThatDiffer(t *testing.T) {
	t.Parallel()
	s, places := begun(t, 71, 72)
	c := withRules(oneFacet.on(places...), "drift: {threshold: 1s}")
	w := s.watch(c)
	w.settled("net71", "net72")
	s.only()
	s.live(c.with("VaultDoubling"), func(o *app.Options) { o.Networks = []string{"net72"} })
	s.raised(rule.Drift, "active routes")
	drift := want{rule: rule.Drift, severity: rule.High, subject: "active routes", actions: "ops"}
	s.only(drift)
	w.end()
	w = s.watch(c)
	w.settled("net71", "net72")
	s.only(drift)
	s.live(c.with("VaultDoubling"), func(o *app.Options) { o.Networks = []string{"net71"} })
	s.alert(rule.Drift, "", func(a app.KeptAlert) bool { return !a.Fires() })
	drift.resolved = "they are the same again"
	w.settled("net71", "net72")
	s.only(drift)
}

// TestWavesMayDiffer: a plan goes from one network to the other, and waits an hour between them. What it will commit on the other is committed there by hand
// before it has begun.
func TestWavesMayDiffer(t *testing.T) {
	t.Parallel()
	s, places := begun(t, 71, 72)
	c := withRules(guarded("VaultDoubling").on(places...), "drift: {threshold: 1s}")
	c.more += "\nrollout: {policy: waves, waves: [{name: canary, networks: [net71], soak: 1h}, {name: rest, networks: [net72]}]}"
	w := s.watch(c)
	p := s.open(c)
	made := s.plan(p, p.request(plan.Rollout))
	s.handOver(p, made)
	s.awaited(p, made.Digest, "waiting for its timelock", func(r app.ExecutionReport) bool { return strings.Contains(on(r, "net71").Reason, "until block time") })
	s.passTimelocks(p, "net71")
	s.awaited(p, made.Digest, "done on the first", stands("net71", rollout.StateDone))
	part, _ := made.Intent.Network(72)
	s.send("net72", "operator", s.dispatcher(p), dispatcherABI.PackCommitRoot(part.Root, part.Epoch))
	time.Sleep(2500 * time.Millisecond) // longer than networks may differ
	w.settled("net71", "net72")
	s.only()
}

// TestWhatIsReported from outside, by whoever has the token.
func TestWhatIsReported(t *testing.T) {
	t.Parallel()
	s, _ := begun(t, 71)
	if err := os.WriteFile(filepath.Join(s.dir, "hook.txt"), []byte("a-token-of-those-who-report"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := guarded("Vault")
	c.more = "alerts: {inbound: {people: {type: report, token: \"file:hook.txt\", severity: high}}}"
	w := s.watch(c)
	report := func(secret, state string) int {
		req, err := http.NewRequestWithContext(s.ctx(), http.MethodPost, w.url+"/hooks/people", strings.NewReader(
			`{"id": "bug-1", "summary": "balances look wrong", "network": "net71", "state": "`+state+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+secret)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	if code := report("a-token-of-somebody-else", "firing"); code != http.StatusUnauthorized {
		t.Errorf("%d", code)
	}
	w.settled("net71")
	s.only()
	if code := report("a-token-of-those-who-report", "firing"); code != http.StatusOK {
		t.Errorf("%d", code)
	}
	reported := want{rule: rule.External, severity: rule.High, network: "net71", subject: "people bug-1", actions: "ops"}
	s.raised(rule.External, "bug-1")
	s.only(reported)
	w.end()
	w = s.watch(c)
	time.Sleep(2500 * time.Millisecond) // another tick
	s.only(reported)
	if code := report("a-token-of-those-who-report", "resolved"); code != http.StatusOK {
		t.Errorf("%d", code)
	}
	reported.resolved = "people says that it is over"
	s.only(reported)
}
