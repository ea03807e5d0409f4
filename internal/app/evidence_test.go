package app

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// diary writes a journal while time passes that is not real.
type diary struct {
	*testing.T
	*store.Store
}

// journalled has a story written, and reads the evidence of a time before its end.
func journalled(t *testing.T, period time.Duration, story func(d *diary)) (out *evidence) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := &diary{T: t}
		var err error
		if d.Store, err = store.Open(d.Context(), t.TempDir()+"/lockstep.db", "test"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.ok(d.Close()) })
		story(d)
		out, err = gather(d.Context(), d.Store, time.Now().Add(-period).Unix(), time.Now().Unix())
		d.ok(err)
	})
	return out
}

func (d *diary) ok(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

// looks checks a network every five minutes for a while.
func (d *diary) looks(chainID uint64, lasts time.Duration, problem string) {
	d.Helper()
	for end := time.Now().Add(lasts); ; time.Sleep(5 * time.Minute) {
		_, err := d.SetHealth(d.Context(), chainID, rollout.Block{Number: 1, Time: uint64(time.Now().Unix())}, problem, 10*time.Minute)
		d.ok(err)
		if !time.Now().Before(end) {
			return
		}
	}
}

// sends journals a transaction with its outcome.
func (d *diary) sends(chainID uint64, nonce uint64, step string, status rollout.Status, raw []byte, gas uint64) rollout.Transaction {
	d.Helper()
	signer := common.Address{1}
	mark, err := d.Read(d.Context(), chainID, signer)
	d.ok(err)
	ts, err := d.Add(d.Context(), []rollout.Transaction{
		{ChainID: chainID, Signer: signer, Nonce: nonce, Step: step, Hash: common.Hash{byte(chainID), byte(nonce), byte(gas)}, Raw: raw},
	}, mark)
	d.ok(err)
	out := ts[0]
	out.Status, out.GasUsed, out.BlockNumber = status, gas, 7
	d.ok(d.Finish(d.Context(), out))
	return out
}

func (d *diary) becomes(turn rule.Turn, name, subject string, severity rule.Severity, resolution string) int64 {
	d.Helper()
	a := rule.Alert{
		Fingerprint: rule.Fingerprint(name, "base", subject), Rule: name, Network: "base", ChainID: 8453, Subject: subject, Severity: severity, Summary: "seen",
		Actions: []rule.Action{rule.Security}, Count: 1, RaisedAt: time.Now().Unix(), SeenAt: time.Now().Unix(),
	}
	if turn == rule.Resolved {
		a.ResolvedAt, a.Resolution = time.Now().Unix(), resolution
	}
	out, err := d.SaveAlerts(d.Context(), 8453, nil, []rule.Change{{Turn: turn, Alert: a}}, nil)
	d.ok(err)
	return out[0].ID
}

func (d *diary) acknowledges(id int64, note string) {
	d.Helper()
	_, done, err := d.Acknowledge(d.Context(), id, "alice", note, nil)
	if d.ok(err); !done {
		d.Fatal("it was acknowledged before")
	}
}

const hours = 3600

// TestWatchtime: time in which a network was checked counts, and no other.
func TestWatchtime(t *testing.T) {
	for name, c := range map[string]struct {
		period            time.Duration
		story             func(d *diary)
		measured, healthy int64
	}{
		"healthy all the time": {24 * time.Hour, func(d *diary) { d.looks(1, 24*time.Hour, "") }, 24 * hours, 24 * hours},
		"paused for an hour": {24 * time.Hour, func(d *diary) {
			d.looks(1, 10*time.Hour, "")
			d.looks(1, time.Hour, "routed calls are paused")
			d.looks(1, 10*time.Hour, "")
		}, 21 * hours, 20 * hours},
		"the problem becomes another one": {24 * time.Hour, func(d *diary) {
			d.looks(1, time.Hour, "routed calls are paused")
			d.looks(1, time.Hour, "a root is pending")
			d.looks(1, 2*time.Hour, "")
		}, 4 * hours, 2 * hours},
		"what began before the period": {24 * time.Hour, func(d *diary) { d.looks(1, 100*time.Hour, "") }, 24 * hours, 24 * hours},
		"what ended before it": {24 * time.Hour, func(d *diary) {
			d.looks(1, 10*time.Hour, "")
			time.Sleep(30 * time.Hour)
		}, 0, 0},
		"nobody looked for five hours": {24 * time.Hour, func(d *diary) {
			d.looks(1, 2*time.Hour, "")
			time.Sleep(5 * time.Hour)
			d.looks(1, 3*time.Hour, "")
		}, 5 * hours, 5 * hours},
		"nobody looked while it broke": {24 * time.Hour, func(d *diary) {
			d.looks(1, 2*time.Hour, "")
			time.Sleep(5 * time.Hour)
			d.looks(1, 3*time.Hour, "routed calls are paused")
		}, 5 * hours, 2 * hours},
		"nobody looks any more": {24 * time.Hour, func(d *diary) {
			d.looks(1, 2*time.Hour, "")
			time.Sleep(5 * time.Hour)
		}, 2 * hours, 2 * hours},
		"not deployed, and then not reached, before it was": {24 * time.Hour, func(d *diary) {
			d.looks(1, time.Hour, "there is no dispatcher at 0x0000000000000000000000000000000000000001")
			d.looks(1, time.Hour, cannotBeAsked)
			d.looks(1, 3*time.Hour, "")
			d.looks(1, time.Hour, cannotBeAsked)
		}, 4 * hours, 3 * hours},
	} {
		t.Run(name, func(t *testing.T) {
			v := journalled(t, c.period, c.story)
			w := v.networks[1]
			// a change is seen by the check after it, five minutes late at most
			if w == nil || w.measured > c.measured+600 || w.measured < c.measured-600 || w.healthy > c.healthy+600 || w.healthy < c.healthy-600 {
				t.Errorf("got %+v, want %d and %d", w, c.measured, c.healthy)
			}
		})
	}
}

func TestFinals(t *testing.T) {
	v := journalled(t, 24*time.Hour, func(d *diary) {
		d.sends(8453, 1, "commit root 0xaa", rollout.Confirmed, []byte{2}, 100)
		time.Sleep(30 * time.Hour)
		d.ok(d.Append(d.Context(), audit.RunBegun, 8453, audit.Run{ID: 1, Root: common.Hash{1}, Manifest: common.Hash{2}, Epoch: 1}))
		d.sends(8453, 2, "apply page 1 of 1", rollout.Confirmed, []byte{2}, 200)
		d.sends(8453, 3, "apply page 1 of 1", rollout.Reverted, []byte{2}, 300)
		lost := d.sends(10, 4, "activate", rollout.Confirmed, []byte{2}, 400)
		d.ok(d.Adopt(d.Context(), 10, lost.Signer, 4))
		d.sends(10, 4, "activate", rollout.Confirmed, []byte{2}, 500)
	})
	want := map[int64]final{
		2: {chainID: 8453, step: "apply page 1 of 1", gas: 200, manifest: common.Hash{2}},
		3: {chainID: 8453, step: "apply page 1 of 1", gas: 300, manifest: common.Hash{2}, reverted: true},
		5: {chainID: 10, step: "activate", gas: 500},
	}
	if diff := cmp.Diff(want, v.finals, cmp.AllowUnexported(final{})); diff != "" {
		t.Error(diff)
	}
}

func TestAlertStories(t *testing.T) {
	var begin int64
	v := journalled(t, 24*time.Hour, func(d *diary) {
		begin = time.Now().Unix()
		at := func(minute int64) { time.Sleep(time.Until(time.Unix(begin+60*minute, 0))) }
		id := d.becomes(rule.Raised, rule.CodehashMismatch, "facet 0xaa", rule.High, "")
		at(2)
		d.acknowledges(id, " ")
		at(3)
		d.becomes(rule.Raised, rule.CodehashMismatch, "facet 0xaa", rule.Critical, "")
		at(9)
		d.acknowledges(id, "a facet that is metamorphic")
		at(10)
		d.becomes(rule.Resolved, rule.CodehashMismatch, "facet 0xaa", rule.Critical, "the code is again what it was")
		d.becomes(rule.Raised, rule.UnknownRoot, "0xbb", rule.Critical, "")
		d.ok(d.Append(d.Context(), audit.PauseEnded, 8453, audit.PauseEnd{ID: 1, PauseResult: audit.PauseResult{Outcome: "landed"}}))
		d.ok(d.Append(d.Context(), audit.PauseEnded, 8453, audit.PauseEnd{ID: 2, PauseResult: audit.PauseResult{Outcome: "failed"}}))
	})
	want := []*alertStory{
		{
			rule: rule.CodehashMismatch, subject: "facet 0xaa", severity: rule.Critical, raised: begin, grave: begin + 180, acknowledged: begin + 540, noted: true,
			resolved: begin + 600, resolution: "the code is again what it was",
		},
		{rule: rule.UnknownRoot, subject: "0xbb", severity: rule.Critical, raised: begin + 600, grave: begin + 600},
	}
	if diff := cmp.Diff(want, v.alerts, cmp.AllowUnexported(alertStory{})); diff != "" {
		t.Error(diff)
	}
	if v.pauses != 1 {
		t.Errorf("%d pauses", v.pauses)
	}
}
