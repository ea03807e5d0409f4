package cli

import (
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

func init() {
	exercises = append(exercises, []exercise{
		{command: "lockstep alert pauses", args: "--config @one.yaml"},
		{command: "lockstep alert pauses", args: "--config @one.yaml --check", before: keptPauses},
		{command: "lockstep alert pauses", args: "--config @one.yaml --last 1"},
		{command: "lockstep alert pauses", args: "--config @pausing.yaml --check", code: exitDifference, before: guarded},
		{command: "lockstep alert pauses", args: "--config @one.yaml --last 0", code: exitUsage, fails: true},
		{command: "lockstep alert pauses", args: "--config @nowhere.yaml", code: exitFailed, fails: true},
	}...)
}

// guarded writes a configuration with an automatic pause, for a dispatcher that is not deployed.
func guarded(t *testing.T, r *rig) {
	t.Helper()
	edited("one.yaml", "guarded.yaml", "emergency: [guardian]", "emergency: [deployer]")(t, r)
	edited("guarded.yaml", "pausing.yaml", "facets:", "alerts: { pause: { mode: on, signer: guardian, endpoints: 1 } }\nfacets:")(t, r)
}

// keptPauses keeps three decisions: one was a dry run, one was refused, and one is sent.
func keptPauses(t *testing.T, r *rig) {
	t.Helper()
	s, err := store.Open(t.Context(), r.path("lockstep.db"), "test")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	signed := &rollout.Transaction{ChainID: 31337, Signer: common.Address{0xab}, Step: "pause automatically", Hash: common.Hash{0xab}, Raw: []byte{2}}
	for _, d := range []rollout.Pause{
		{Outcome: rollout.PauseSent, Took: 7},
		{Outcome: rollout.PauseDryRun},
		{Outcome: rollout.PauseRefused, Note: "1 endpoints say so, and 2 must agree"},
	} {
		d.ChainID, d.Dispatcher, d.Fingerprint, d.Rule, d.Reason, d.Mode = 31337, common.Address{0xd1}, "f1", rule.CodehashMismatch, "the code of a facet is not the pinned one", rollout.PauseOn
		if d.Outcome == rollout.PauseDryRun {
			d.Mode = rollout.PauseDry
		}
		d.Block, d.BlockChain = rollout.Block{Number: 7, Hash: common.Hash{7}, Time: 1007}, 31337
		var tx *rollout.Transaction
		if d.Outcome == rollout.PauseSent {
			tx = signed
		}
		if _, _, err := s.DecidePause(t.Context(), d, 3, tx, rollout.Mark{}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPausesForPeople(t *testing.T) {
	r := &rig{dir: t.TempDir()}
	r.write(t, "lockstep.yaml", threeNetworks)
	t.Chdir(r.dir)
	if out := r.must(t, "alert pauses"); !strings.Contains(out, "decided nothing yet") {
		t.Error(out)
	}
	keptPauses(t, r)
	out := r.must(t, "alert pauses --check")
	for _, want := range []string{"mode off, could not pause", "7 ms", "dry-run", "refused", "2 must agree", "codehash_mismatch"} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	checkWidth(t, "alert pauses", out)
}
