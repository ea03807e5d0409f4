package sight_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/sight"
)

// TestALogThatComesLate: endpoints leave out an event, and it is found when other blocks were looked at since: it is told, and nothing besides; and who
// is named by it is known from then on.
func TestALogThatComesLate(t *testing.T) {
	on(t, func(r *rig) {
		d, low := r.made.Address, strings.ToLower(addressOf(outsider).Hex())
		w := dispatcher.NewWatch(d, addressOf(deployer))
		w.Recall(r.logs(0, r.latest()))
		l, _ := r.watch(w, sight.Config{})
		r.must(deployer, d, pack.PackGrantRole(dispatcher.PauserRole, addressOf(outsider)))
		missed := r.logs(r.latest(), r.latest())
		all := []rule.Sight{rule.SawEffect, rule.SawSlot, rule.SawCode, rule.SawPending, rule.SawActive}
		mustSee := func(what string, out sight.Sighted, want ...string) {
			r.t.Helper()
			if diff := cmp.Diff(want, words(out, all...)); diff != "" {
				r.t.Errorf("%s (-want +seen):\n%s", what, diff)
			}
		}
		at := l.head()
		out, err := l.sight.Look(r.t.Context(), at.Number, at, nil)
		if err != nil {
			r.t.Fatal(err)
		}
		l.next = at.Number + 1
		mustSee("a block whose event is left out", out)
		r.must(operator, d, pack.PackSetEtaGrace(90))
		mustSee("another event", l.again(), "effect grace 90 by operator", "pending nothing epoch 0, grace 90")
		late := l.sight.Late(missed)
		mustSee("the event that was left out", sight.Sighted{Seen: late}, "effect granted PAUSER "+low+" by "+name(late[0].By))
		if late[0].Block != missed[0].Block || late[0].Tx != missed[0].Tx {
			r.t.Errorf("it does not say where it is: %+v", late[0])
		}
		r.later(1)
		mustSee("the block after", l.again(), "code of holder outsider: none, none (1 of 1)")
		r.must(outsider, d, pack.PackPause())
		mustSee("what it allows", l.again(), "effect paused  by outsider")
		r.must(deployer, d, pack.PackRevokeRole(dispatcher.PauserRole, addressOf(outsider)))
		mustSee("what takes it back", l.again(), "effect revoked PAUSER "+low+" by deployer")
	})
}
