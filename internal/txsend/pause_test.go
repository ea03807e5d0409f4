package txsend_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// transactions is the journal of the network.
func (r *pauseRig) transactions(j *store.Store) []rollout.Transaction {
	r.t.Helper()
	all, err := j.Transactions(r.t.Context(), r.id)
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}

// TestPauseAutomatically: from the order on it is paused, by a transaction that is in the journal with its decision, also on a mainnet, where nobody
// has approved it. A second order then finds it paused, and an unpause by people stays.
func TestPauseAutomatically(t *testing.T) {
	for name, id := range map[string]uint64{"testnet": chainID, "mainnet": 1} {
		t.Run(name, func(t *testing.T) {
			r := newPauseRig(t, id)
			p := r.armed(r.config("one", r.journal, r.chain))
			d := r.order(p)
			if d.Outcome != rollout.PauseSent || d.Took <= 0 || d.Transaction == 0 || d.Dispatcher != r.dispatcher || d.ChainID != id {
				t.Fatalf("decided %+v", d)
			}
			end := r.ended(d.ID)
			if end.Outcome != rollout.PauseLanded || end.Took != d.Took || end.Transaction != d.Transaction || !r.isPaused() {
				t.Fatalf("ended %+v, paused %v", end, r.isPaused())
			}
			all := r.transactions(r.journal)
			if len(all) != 1 || all[0].Status != rollout.Confirmed || all[0].ID != d.Transaction || all[0].Signer != pauser || all[0].Plan != (common.Hash{}) {
				t.Errorf("journal %+v", all)
			}
			stored, err := r.journal.Pauses(t.Context(), 9)
			if err != nil || len(stored) != 1 || stored[0].Outcome != rollout.PauseLanded || stored[0].Fingerprint != d.Fingerprint || stored[0].Block != d.Block {
				t.Errorf("stored %+v, %v", stored, err)
			}

			again := r.order(p)
			if again.Outcome != rollout.PauseAlready || again.Transaction != 0 || r.used() != 1 {
				t.Errorf("ordered again: %+v, %d transactions", again, r.used())
			}
			r.byAdmin(r.dispatcher, calls.PackUnpause())
			p.Follow()
			time.Sleep(300 * time.Millisecond)
			if r.isPaused() || r.used() != 1 {
				t.Errorf("paused %v after people have unpaused it, %d transactions", r.isPaused(), r.used())
			}
			if report, err := r.journal.VerifyAudit(t.Context(), nil); err != nil || !report.Sound() {
				t.Errorf("audit log: %+v, %v", report.Problems, err)
			}
		})
	}
}

func TestDryRunSendsNothing(t *testing.T) {
	r := newPauseRig(t, chainID)
	cfg := r.config("one", r.journal, r.chain)
	cfg.Mode = rollout.PauseDry
	signed := 0
	cfg.Sender.Signer = watched{cfg.Sender.Signer, &signed}
	p, _ := r.run(cfg)
	for i, want := range []rollout.PauseOutcome{rollout.PauseDryRun, rollout.PauseDryRun, rollout.PauseLimited} {
		if d := r.order(p); d.Outcome != want || d.Transaction != 0 || (d.Took > 0) != (i < 2) {
			t.Errorf("order %d: %+v, want %s", i, d, want)
		}
	}
	if signed != 0 || r.used() != 0 || r.isPaused() || len(r.transactions(r.journal)) != 0 {
		t.Errorf("signed %d, used %d, paused %v, journal %+v", signed, r.used(), r.isPaused(), r.transactions(r.journal))
	}
	if p.Status().Armed {
		t.Error("a dry run is armed")
	}
}

// TestKeyThatCouldDoMoreIsRefused: a key must hold the role and no other, and have money for some pauses, and that is said beforehand.
func TestKeyThatCouldDoMoreIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(r *pauseRig)
		want    []string
	}{
		"another role besides": {
			func(r *pauseRig) { r.grant(dispatcher.ApplyRole, pauser) },
			[]string{"holds APPLY of", "besides PAUSER_ROLE", "alerts.pause"},
		},
		"two other roles": {
			func(r *pauseRig) { r.grant(dispatcher.ApplyRole, pauser); r.grant(dispatcher.EmergencyRole, pauser) },
			[]string{"holds APPLY, EMERGENCY of"},
		},
		"not the role": {
			func(r *pauseRig) { r.byAdmin(r.dispatcher, calls.PackRevokeRole(dispatcher.PauserRole, pauser)) },
			[]string{pauser.Hex() + " does not hold PAUSER_ROLE of", "grant it"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newPauseRig(t, chainID)
			c.prepare(r)
			p, _ := r.run(r.config("one", r.journal, r.chain))
			r.until("it has looked", func() bool { return p.Status().Balance != nil })
			s := p.Status()
			d := r.order(p)
			if s.Armed || d.Outcome != rollout.PauseRefused || r.used() != 0 {
				t.Errorf("armed %v, %+v, %d transactions", s.Armed, d, r.used())
			}
			for _, want := range c.want {
				if !strings.Contains(strings.Join(s.Problems, "\n"), want) || !strings.Contains(d.Note, want) {
					t.Errorf("%q is not in %q and %q", want, s.Problems, d.Note)
				}
			}
		})
	}
}

func TestPoorKeyIsSaidBeforehand(t *testing.T) {
	r, n := newAnvilPauseRig(t)
	call(t, n, "anvil_setBalance", pauser, "0x0")
	p, _ := r.run(r.config("one", r.journal, r.chain))
	r.until("it has looked", func() bool { return p.Status().Balance != nil })
	s := p.Status()
	if s.Armed || len(s.Problems) != 1 || !strings.Contains(s.Problems[0], "has 0 wei on test, and a pause may cost") || !strings.Contains(s.Problems[0], "fund it") {
		t.Errorf("without money: %+v", s)
	}
	// enough for one is said as well, and does not keep it from being armed
	call(t, n, "anvil_setBalance", pauser, "0x"+s.Cost.Text(16))
	p.Look(t.Context())
	if s := p.Status(); !s.Armed || len(s.Problems) != 1 || !strings.Contains(s.Problems[0], "enough for 3") {
		t.Errorf("with money for one: %+v", s)
	}
	call(t, n, "anvil_setBalance", pauser, "0x8ac7230489e80000")
	p.Look(t.Context())
	if s := p.Status(); !s.Armed || len(s.Problems) != 0 {
		t.Errorf("with money: %+v", s)
	}
}
