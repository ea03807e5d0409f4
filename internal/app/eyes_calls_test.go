package app_test

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// TestCallsThatAreRefused: an outsider calls, directly and by a route whose facet calls on, while somebody watches and while nobody does, and an
// operator activates before eta. What is refused for other reasons is nobody's business.
func TestCallsThatAreRefused(t *testing.T) {
	t.Parallel()
	s := infested(t, 71)
	address := s.dispatcher(s.open(oneFacet))
	call := attackerOf(t, "Caller")
	s.byHand("net71", address, 2, s.as("net71", "operator", address), call.route("pass"))
	s.forget()
	c := guarded("Vault")
	w := s.watch(c)

	first := s.sendRefused("net71", "outsider", address, dispatcherABI.PackPause())
	w.settled("net71")
	outsider := want{rule: rule.UnauthorizedAccess, severity: rule.High, network: "net71", subject: s.low("outsider"), actions: "log security", in: first}
	s.only(outsider)

	s.sendRefused("net71", "outsider", address, dispatcherABI.PackCommitRoot(common.Hash{1}, 2))
	w.settled("net71")
	w.end()
	outsider.in, outsider.count = s.sendRefused("net71", "outsider", address, dispatcherABI.PackCancelCommit()), 3
	carol := want{rule: rule.UnauthorizedAccess, severity: rule.High, network: "net71", subject: s.low("carol"), actions: "log security"}
	carol.in = s.sendRefused("net71", "carol", address, call.pack(t, "pass", address, dispatcherABI.PackSetEtaGrace(90)))
	s.sendRefused("net71", "operator", address, dispatcherABI.PackCommitRoot(common.Hash{1}, 5)) // in another epoch
	w = s.watch(c)
	w.settled("net71")
	s.only(outsider, carol)

	unknown := want{rule: rule.UnknownRoot, severity: rule.Critical, network: "net71", subject: common.Hash{1}.Hex(), actions: "security cancel"}
	unknown.in = s.send("net71", "operator", address, dispatcherABI.PackCommitRoot(common.Hash{1}, 3))
	early := want{rule: rule.ActivationNotReady, severity: rule.Warning, network: "net71", subject: s.low("operator"), actions: "ops"}
	early.in = s.sendRefused("net71", "operator", address, dispatcherABI.PackActivateCommittedRoot())
	w.settled("net71")
	s.only(outsider, carol, unknown, early)

	w.end() // who begins to watch anew raises nothing anew
	w = s.watch(c)
	w.settled("net71")
	s.only(outsider, carol, unknown, early)
}

// TestACallThatIsYetToBeFound: of many blocks that nobody has watched the newest are searched first. Who watches anew before that has come to the end goes on.
func TestACallThatIsYetToBeFound(t *testing.T) {
	t.Parallel()
	s := infested(t, 71)
	address := s.dispatcher(s.open(oneFacet))
	s.forget()
	c := guarded("Vault")
	w := s.watch(c)
	w.settled("net71")
	w.end()
	refused := want{rule: rule.UnauthorizedAccess, severity: rule.High, network: "net71", subject: s.low("outsider"), actions: "log security"}
	refused.in = s.sendRefused("net71", "outsider", address, dispatcherABI.PackPause())
	if err := s.nets["net71"].Mine(300); err != nil {
		t.Fatal(err)
	}
	for range 2 { // without another block there is one look
		last := refused.in.BlockNumber.Uint64() + 300
		w = s.watch(c)
		w.saw("the newest block", func(x rule.Seen) bool { return x.Sight == rule.SawHead && x.Block.Number == last })
		w.saw("the newest block, indexed", func(x rule.Seen) bool { return x.Sight == rule.SawIndex && x.Since == last })
		w.end()
	}
	s.only()
	w = s.watch(c)
	for range 3 {
		w.settled("net71")
	}
	s.only(refused)
}
