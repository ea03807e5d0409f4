package app_test

import (
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// TestPrivilegesThatNoPlanChanges: each kind of change, some of them while nobody watches; whoever begins to watch anew raises nothing twice.
func TestPrivilegesThatNoPlanChanges(t *testing.T) {
	t.Parallel()
	s, _ := begun(t, 71)
	c := guarded("Vault")
	w := s.watch(c)
	address := s.dispatcher(w.p)
	pauser, root := crypto.Keccak256Hash([]byte("PAUSER_ROLE")), common.Hash{0xaa}
	privilege := func(severity rule.Severity, subject, from string, data []byte) want {
		return want{
			rule: rule.UnplannedPrivilege, severity: severity, network: "net71", subject: subject, actions: "security", in: s.send("net71", from, address, data),
		}
	}
	pause := func(what string, data []byte) want {
		return want{
			rule: rule.UnplannedPause, severity: rule.High, network: "net71", subject: what + " by " + s.low("guardian"), actions: "security",
			in: s.send("net71", "guardian", address, data),
		}
	}
	wants := []want{
		privilege(rule.High, "granted PAUSER "+s.low("outsider"), "admin", dispatcherABI.PackGrantRole(pauser, s.address("outsider"))),
		privilege(rule.Critical, "granted ADMIN "+s.low("alice"), "admin", dispatcherABI.PackGrantRole([32]byte{}, s.address("alice"))),
		privilege(rule.High, "grace 300", "admin", dispatcherABI.PackSetEtaGrace(300)),
		pause("paused", dispatcherABI.PackPause()),
	}
	w.settled("net71")
	s.only(wants...)
	w.mustReplay()
	wants = append(
		wants, want{
			rule: rule.UnknownRoot, severity: rule.Critical, network: "net71", subject: root.Hex(), actions: "security cancel",
			in: s.send("net71", "operator", address, dispatcherABI.PackCommitRoot(root, 2)),
		},
		privilege(rule.High, "revoked PAUSER "+s.low("outsider"), "admin", dispatcherABI.PackRevokeRole(pauser, s.address("outsider"))),
		privilege(rule.High, "batch 100", "admin", dispatcherABI.PackSetMaxBatchSize(100)),
		pause("unpaused", dispatcherABI.PackUnpause()),
	)
	w = s.watch(c)
	w.settled("net71")
	s.only(wants...)
	wants = append(wants, privilege(rule.High, "cancelled "+root.Hex(), "guardian", dispatcherABI.PackCancelCommit()))
	wants[4].resolved = "the root is neither pending nor active"
	w.settled("net71")
	w.end()
	w = s.watch(c)
	w.settled("net71")
	s.only(wants...)
}

// TestAReorganisationIsNoNews: what comes back in another block is the same alert, and what does not ends.
func TestAReorganisationIsNoNews(t *testing.T) {
	t.Parallel()
	s, _ := begun(t, 71)
	at := local(71)
	at.more = ", confirmations: 6"
	c := guarded("Vault").on(at)
	w := s.watch(c)
	address := s.dispatcher(w.p)
	root := common.Hash{0xaa}
	unknown := want{
		rule: rule.UnknownRoot, severity: rule.Critical, network: "net71", subject: root.Hex(), actions: "security cancel",
		in: s.send("net71", "operator", address, dispatcherABI.PackCommitRoot(root, 2)),
	}
	s.raised(rule.UnknownRoot, root.Hex())
	taken := s.takeOut("net71", unknown.in)
	unknown.in = s.resend("net71", taken)
	gone := want{
		rule: rule.UnplannedPrivilege, severity: rule.High, network: "net71", subject: "batch 100", actions: "security",
		in: s.send("net71", "admin", address, dispatcherABI.PackSetMaxBatchSize(100)), resolved: "the block that showed it is no longer in the chain",
	}
	s.raised(rule.UnplannedPrivilege, "batch 100")
	refused := want{
		rule: rule.UnauthorizedAccess, severity: rule.High, network: "net71", subject: s.low("carol"), actions: "log security",
		in: s.sendRefused("net71", "carol", address, dispatcherABI.PackPause()),
	}
	s.raised(rule.UnauthorizedAccess, s.low("carol"))
	s.only(unknown, want{rule: gone.rule, severity: gone.severity, network: gone.network, subject: gone.subject, actions: gone.actions, in: gone.in}, refused)
	refusal, _, err := s.dial("net71").TransactionByHash(s.ctx(), refused.in.TxHash)
	if err != nil {
		t.Fatal(err)
	}
	s.takeOut("net71", gone.in)
	refused.in = s.resend("net71", refusal)
	if err := s.nets["net71"].Mine(6); err != nil {
		t.Fatal(err)
	}
	w.settled("net71")
	for _, subject := range []string{root.Hex(), s.low("carol")} {
		s.alert("", subject, func(a app.KeptAlert) bool { return a.Confirmed })
	}
	s.only(unknown, gone, refused)
}

// TestPlannedPrivilegesAreQuiet: another process deploys, pauses, resumes and cancels, by plans, and nobody is called; nor is anybody if the daemon was
// away.
func TestPlannedPrivilegesAreQuiet(t *testing.T) {
	t.Parallel()
	s := newSite(t, local(71))
	c := guarded("Vault")
	w := s.watch(c)
	p := s.open(c)
	s.execute(p, s.plan(p, p.request(plan.Deploy)))
	s.execute(p, s.plan(p, p.request(plan.Rollout)))
	w.settled("net71")
	s.execute(p, s.plan(p, p.request(plan.Pause)))
	w.end()
	s.execute(p, s.plan(p, p.request(plan.Unpause)))
	two := guarded("VaultDoubling")
	second := s.open(two)
	s.interruptedAtTimelock(second)
	w = s.watch(two)
	s.execute(second, s.plan(second, second.request(plan.Cancel)))
	w.settled("net71")
	s.only()
}

// interruptedAtTimelock begins a rollout that is held up while its timelock runs.
func (s *site) interruptedAtTimelock(p program) {
	s.t.Helper()
	made := s.plan(p, p.request(plan.Rollout))
	d := s.watch(guarded("VaultDoubling"))
	s.handOver(p, made)
	s.awaited(p, made.Digest, "waiting for its timelock", atTimelocks)
	if _, err := p.StopExecution(s.ctx(), made.Digest.Hex(), "it is not wanted", "tester"); err != nil {
		s.t.Fatal(err)
	}
	d.end()
}

// TestARootThatIsLate: it can be activated since long, and is not; one that is activated in time is not late.
func TestARootThatIsLate(t *testing.T) {
	t.Parallel()
	s, _ := begun(t, 71)
	c := guarded("VaultDoubling")
	w := s.watch(c)
	p := s.open(c)
	made := s.plan(p, p.request(plan.Rollout))
	s.handOver(p, made)
	s.awaited(p, made.Digest, "waiting for its timelock", atTimelocks)
	s.passTimelocks(p, "net71")
	s.awaited(p, made.Digest, "done", isDone)
	w.settled("net71")
	s.only()

	three := guarded("VaultWithoutDrop")
	p = s.open(three)
	made = s.plan(p, p.request(plan.Rollout))
	s.handOver(p, made)
	s.awaited(p, made.Digest, "waiting for its timelock", atTimelocks)
	if _, err := p.StopExecution(s.ctx(), made.Digest.Hex(), "nobody goes on with it", "tester"); err != nil {
		t.Fatal(err)
	}
	s.passTimelocks(p, "net71")
	w.settled("net71")
	s.only() // it is only due
	root := made.Intent.Networks[0].Root.Hex()
	s.later("net71", 301*time.Second)
	w.settled("net71")
	late := want{rule: rule.LateExecution, severity: rule.Warning, network: "net71", subject: root, actions: "ops"}
	s.only(late)
	w.end()
	s.later("net71", 60*time.Second)
	w = s.watch(three)
	w.settled("net71")
	s.only(late)
	if _, err := p.RetryExecution(s.ctx(), made.Digest.Hex(), "tester"); err != nil {
		t.Fatal(err)
	}
	s.awaited(p, made.Digest, "done", isDone)
	late.resolved = "the root is no longer pending"
	w.settled("net71")
	s.only(late)
}
