package rollout

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"pgregory.net/rapid"
)

// TestSequenceIsWhatDecideWouldSay draws dispatchers in any state and takes the whole sequence at once: the contract refuses
// none of it, nothing but pages is foreseen, and a look at what it left behind finds no more to send before a wait.
func TestSequenceIsWhatDecideWouldSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pages := rapid.SliceOfN(rapid.IntRange(1, 50), 1, 6).Draw(t, "pages")
		want := Desired{Root: ours, Epoch: 3, Pages: pages}
		m := &model{delay: uint64(rapid.IntRange(1, 7200).Draw(t, "delay")), applies: map[int]int{}, seen: Observed{
			Block: Block{Number: 1, Time: 1_700_000_000}, ActiveRoot: older, ActiveEpoch: 2, Grace: 60, MaxBatch: 50,
			Staged:    rapid.SliceOfN(rapid.Bool(), len(pages), len(pages)).Draw(t, "staged"),
			CanCommit: rapid.Bool().Draw(t, "canCommit"), CanApply: rapid.Bool().Draw(t, "canApply"),
		}}
		m.seen.Delay = m.delay
		if rapid.Bool().Draw(t, "pending") {
			m.seen.PendingRoot, m.seen.PendingBatch = rapid.SampledFrom([]common.Hash{ours, theirs}).Draw(t, "root"), 50
			m.seen.Eta = m.seen.Block.Time + uint64(rapid.IntRange(-100, 100).Draw(t, "eta"))
		}
		before := m.seen
		steps := Sequence(want, before)
		if steps[0] != Decide(want, before) {
			t.Fatalf("begins with %+v, the decision is %+v", steps[0], Decide(want, before))
		}
		for i, s := range steps {
			if i > 0 && s.Kind != Apply {
				t.Fatalf("foresees %+v behind %+v", s, steps[:i])
			}
			if err := m.take(want, s); err != nil {
				t.Fatalf("step %d of %+v is refused: %v", i, steps, err)
			}
		}
		if k := steps[0].Kind; k == Commit || k == Apply {
			switch next := Decide(want, m.seen); next.Kind {
			case Commit, Apply:
				t.Fatalf("%+v could have been sent with %+v", next, steps)
			}
		} else if len(steps) != 1 {
			t.Fatalf("%d steps though the first sends nothing", len(steps))
		}
	})
}

// TestDeploySequence takes a deployment sequence by sequence, with roles of any kind, and checks that nothing is given up on
// what was only foreseen.
func TestDeploySequence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var grants []Grant
		for _, g := range []Grant{{adminRole, "ADMIN", safe}, {governanceRole, "GOVERNANCE", safe}, {commitRole, "COMMIT", deployer}} {
			if rapid.Bool().Draw(t, g.Name) {
				grants = append(grants, g)
			}
		}
		want := deployDesired(grants, uint32(rapid.SampledFrom([]int{30, 60}).Draw(t, "grace")))
		d := DispatcherDefaults{Address: dispatcherAt, AdminRole: adminRole, Grace: 60}
		seen := DeployObserved{FactoryCodeHash: want.FactoryCodeHash, CodeHashes: map[common.Address]common.Hash{}}
		for sequences := 0; ; sequences++ {
			steps := DeploySequence(want, seen, d, governanceRole)
			if steps[0].Kind == Done {
				if sequences > 2 {
					t.Fatalf("%d sequences, want two: what is made and granted, and what is given up", sequences)
				}
				return
			}
			for i, s := range steps {
				if next := DecideDeploy(want, seen, adminRole, governanceRole); next.Kind != s.Kind || next.Grant != s.Grant || next.Contract.Address != s.Contract.Address {
					t.Fatalf("step %d is %+v, the decision there %+v", i, s, next)
				}
				if (s.Kind == Renounce) != (steps[0].Kind == Renounce) {
					t.Fatalf("gives up a role on what is foreseen: %+v", steps)
				}
				seen = seen.After(want, s, d)
			}
		}
	})
}
