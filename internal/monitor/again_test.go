package monitor

import (
	"slices"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// TestPauseIsAskedForAgain: a process that ended between an alert and the decision to pause leaves the alert alone. Whoever watches next asks for the
// pause, and so does who has asked before, for as long as nobody has the alert in hand.
func TestPauseIsAskedForAgain(t *testing.T) {
	for name, c := range map[string]struct {
		before func(r *rig)
		want   bool
	}{
		"nobody has it in hand": {want: true},
		"somebody has it in hand": {before: func(r *rig) {
			if _, _, err := r.journal.Acknowledge(r.t.Context(), 1, "alice", "", nil); err != nil {
				r.t.Fatal(err)
			}
		}},
		"it is silenced": {before: func(r *rig) {
			if _, err := r.journal.BeginSilence(r.t.Context(), rule.Silence{Rule: rule.CodehashMismatch, Until: time.Now().Unix() + 60, Reason: "known", By: "alice"}); err != nil {
				r.t.Fatal(err)
			}
		}},
		"it is over, and that is not kept yet": {before: func(r *rig) {
			r.journal.down = true
			s := mismatch()
			s.Is, s.Network, s.ChainID, s.At = s.Was, "optimism", 10, time.Now().UnixMilli()
			_ = r.Show(r.t.Context(), 10, nil, time.Now(), s)
			r.journal.down = false
		}},
		"nobody can be asked who has it in hand": {before: func(r *rig) { r.journal.mute = true }},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			pause := r.cfg.Pause
			r.cfg.Pause = nil // it ends before it asks
			r.begin()
			r.show(mismatch())
			r.cfg.Pause = func(a rule.Record, noticed time.Time) {
				if !noticed.IsZero() {
					t.Errorf("it was noticed here at %s", noticed)
				}
				pause(a, noticed)
			}
			r.begin()
			if c.before != nil {
				c.before(r)
			}
			for range 2 {
				_ = r.runOnce(t.Context(), time.Now())
			}
			if got := len(r.paused) == 2; got != c.want || !c.want && len(r.paused) > 0 {
				t.Errorf("asked for %d times", len(r.paused))
			}
		})
	}
}

// TestNothingElseIsPausedAgain: alerts that do not ask for it, or are not critical.
func TestNothingElseIsPausedAgain(t *testing.T) {
	r := newRig(t)
	lonely := mismatch()
	lonely.Endpoints = 1
	r.show(lonely, commit(1))
	for range 2 {
		if err := r.runOnce(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.Firing()) != 2 || len(r.paused) != 0 {
		t.Errorf("%d fire; asked for %v", len(r.Firing()), r.paused)
	}
}

// TestPauseKnowsWhenItWasLastSeen: who is asked again can tell what was seen again from what is merely kept.
func TestPauseKnowsWhenItWasLastSeen(t *testing.T) {
	r := newRig(t)
	at := time.Now().Add(-3 * time.Hour)
	old := mismatch()
	old.At = at.UnixMilli()
	r.show(old)
	r.paused = nil
	r.begin()
	if err := r.runOnce(t.Context(), at.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	r.show(mismatch())
	if err := r.runOnce(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if len(r.paused) != 2 || r.paused[0].SeenAt != at.Unix() || r.paused[1].SeenAt < time.Now().Unix()-60 || r.paused[1].RaisedAt != at.Unix() {
		t.Errorf("asked for %+v", r.paused)
	}
}

// TestReportThatBecomesGraver: what was in somebody's hands is raised again by a process that does not watch, and escalated by the one that does.
func TestReportThatBecomesGraver(t *testing.T) {
	r := newRig(t)
	now := time.Now()
	report := func(severity rule.Severity) {
		t.Helper()
		s := rule.Seen{Sight: rule.SawReport, Source: "grafana", Subject: "x", Severity: severity, Summary: "it is " + string(severity), Failed: true, At: now.UnixMilli()}
		if err := Report(t.Context(), r.cfg, s); err != nil {
			t.Fatal(err)
		}
	}
	tick := func(after time.Duration) {
		t.Helper()
		if err := r.runOnce(t.Context(), now.Add(after)); err != nil {
			t.Fatal(err)
		}
	}
	report(rule.Warning)
	tick(0)
	if _, _, err := r.journal.Acknowledge(t.Context(), 1, "alice", "", nil); err != nil {
		t.Fatal(err)
	}
	tick(0)
	report(rule.Critical)
	tick(0)
	if all := r.Firing(); len(all) != 1 || all[0].Severity != rule.Critical || all[0].AcknowledgedAt != 0 {
		t.Errorf("it is still known as %+v", all)
	}
	tick(400 * time.Second)
	if all, err := r.journal.FiringAlerts(t.Context()); err != nil || len(all) != 1 || all[0].Level != 1 {
		t.Errorf("nobody was called: %+v, %v", all, err)
	}
	if told := r.told(); !slices.Contains(told, "escalated phone") {
		t.Errorf("told %v", told)
	}
}

// TestAcknowledgedJustBeforeItIsSeenAgain: the rules learn of it all the same, so that the alert ends when its time has come.
func TestAcknowledgedJustBeforeItIsSeenAgain(t *testing.T) {
	r := newRig(t)
	now := time.Now()
	refusal := func(number uint64) rule.Seen {
		return rule.Seen{
			Sight: rule.SawRefusal, Subject: "AccessControlUnauthorizedAccount", Contract: common.Address{1}, By: common.Address{9}, Tx: common.Hash{byte(number)},
			Block: rollout.Block{Number: number, Hash: common.Hash{byte(number)}}, At: now.UnixMilli(),
		}
	}
	r.show(refusal(1))
	if _, _, err := r.journal.Acknowledge(t.Context(), 1, "alice", "", nil); err != nil {
		t.Fatal(err)
	}
	r.show(refusal(2)) // before the next tick
	for _, after := range []time.Duration{0, 49 * time.Hour} {
		if err := r.runOnce(t.Context(), now.Add(after)); err != nil {
			t.Fatal(err)
		}
	}
	if all := r.Firing(); len(all) != 0 {
		t.Errorf("two days later %+v", all)
	}
	if n := slices.Index(r.turns, "acknowledged "+rule.UnauthorizedAccess); n < 0 || slices.Contains(r.turns[n+1:], r.turns[n]) {
		t.Errorf("turns %v", r.turns)
	}
}
