package monitor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/notice"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// journal is a real one that can be made to fail.
type journal struct {
	*store.Store
	down bool
	mute bool // it does not say which alerts fire
}

var errDown = errors.New("no journal")

func (j *journal) SaveAlerts(ctx context.Context, chainID uint64, at *rollout.Block, changes []rule.Change, tell notice.Teller) ([]rule.Record, error) {
	if j.down {
		return nil, errDown
	}
	return j.Store.SaveAlerts(ctx, chainID, at, changes, tell)
}

func (j *journal) FiringAlerts(ctx context.Context) ([]rule.Record, error) {
	if j.mute {
		return nil, errDown
	}
	return j.Store.FiringAlerts(ctx)
}

// explainer explains what a test says.
type explainer struct {
	expected []rule.Expected
	done     map[common.Hash]string
	asked    int
}

func (x *explainer) Expected(context.Context, uint64) ([]rule.Expected, error) {
	return x.expected, nil
}

func (x *explainer) Done(_ context.Context, s rule.Seen) (rule.Expected, bool, error) {
	x.asked++
	by, ok := x.done[s.Tx]
	return rule.Expected{Tx: s.Tx, By: by}, ok, nil
}

type rig struct {
	*Monitor
	t       *testing.T
	journal *journal
	explain *explainer
	cfg     Config
	paused  []rule.Record
	turns   []string
	record  bytes.Buffer
}

func newRig(t *testing.T) *rig {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "journal.db"), "market")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	r := &rig{t: t, journal: &journal{Store: s}, explain: &explainer{done: map[common.Hash]string{}}}
	r.cfg = Config{
		Rules: rule.Defaults(), Journal: r.journal, Explainer: r.explain, Log: slog.New(slog.DiscardHandler), Record: &r.record,
		Telling: Telling{
			Project: "market", Journal: s.Identity(), BaseURL: "https://lockstep.example", Escalations: map[rule.Severity]rule.Escalation{
				rule.Critical: {Within: 900, Levels: []rule.Level{{After: 300, Notify: []rule.Action{"lead"}}, {After: 900, Notify: nil}}},
			},
			Receivers: map[string][]string{"security": {"pager", "chat"}, "ops": {"chat"}, "lead": {"phone", "chat"}},
		},
		Pause:   func(a rule.Record, _ time.Time) { r.paused = append(r.paused, a) },
		Changed: func(turn rule.Turn, a rule.Record) { r.turns = append(r.turns, fmt.Sprintf("%s %s", turn, a.Rule)) },
	}
	r.begin()
	return r
}

// begin makes a monitor on the same journal, as another process does.
func (r *rig) begin() {
	r.t.Helper()
	m, err := New(r.t.Context(), r.cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	r.Monitor = m
}

func (r *rig) show(seen ...rule.Seen) {
	r.t.Helper()
	for i := range seen {
		seen[i].Network, seen[i].ChainID = "optimism", 10
		if seen[i].At == 0 {
			seen[i].At = time.Now().UnixMilli()
		}
	}
	if err := r.Show(r.t.Context(), 10, nil, time.Now(), seen...); err != nil {
		r.t.Fatal(err)
	}
}

// told is what waits for whom: the kind of message and the sink.
func (r *rig) told() (out []string) {
	r.t.Helper()
	_, waiting, err := r.journal.Notices(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	for _, w := range waiting {
		m, err := notice.Decode(w.Body)
		if err != nil {
			r.t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%s %s", m.Kind, w.Sink))
	}
	return out
}

func (r *rig) mustTell(want ...string) {
	r.t.Helper()
	if diff := cmp.Diff(want, r.told()); diff != "" {
		r.t.Errorf("told (-want +got):\n%s", diff)
	}
}

func commit(tx byte) rule.Seen {
	return rule.Seen{
		Sight: rule.SawEffect, Contract: common.Address{1}, Block: rollout.Block{Number: 7, Time: 1007}, Tx: common.Hash{tx}, Effect: rule.Effect{What: rule.Committed, Value: "0xaa 1"},
	}
}

func mismatch() rule.Seen {
	return rule.Seen{
		Sight: rule.SawCode, Contract: common.Address{1}, Account: common.Address{2}, Part: rule.Facet, Was: "0x1", Is: "0x2", Endpoints: 2, Asked: 2,
		Block: rollout.Block{Number: 7},
	}
}

// nothing is pending or active.
func nothing() []rule.Seen {
	at := rule.Seen{Contract: common.Address{1}, Block: rollout.Block{Number: 8}}
	pending, active := at, at
	pending.Sight, active.Sight = rule.SawPending, rule.SawActive
	return []rule.Seen{pending, active}
}

// TestWhoIsTold: each sink once, with a link of the receiver's own; of the end all who were told, and nobody while it is silenced.
func TestWhoIsTold(t *testing.T) {
	r := newRig(t)
	r.show(commit(1))
	r.mustTell("raised pager", "raised chat")
	_, waiting, err := r.journal.Notices(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m, err := notice.Decode(waiting[0].Body)
	if err != nil || !strings.HasPrefix(m.Acknowledge, "https://lockstep.example/alerts/ack/") || m.Advice == "" || m.Project != "market" {
		t.Fatalf("%+v, %v", m, err)
	}
	if diff := cmp.Diff([]string{"lockstep cancel --network optimism", "lockstep alert show 1", "lockstep alert ack 1"}, m.Commands); diff != "" {
		t.Error(diff)
	}
	r.show(nothing()...)
	r.mustTell("raised pager", "raised chat", "resolved pager", "resolved chat")

	if _, err := r.journal.BeginSilence(t.Context(), rule.Silence{Rule: rule.CodehashMismatch, Until: time.Now().Unix() + 60, Reason: "known", By: "alice"}); err != nil {
		t.Fatal(err)
	}
	if err := r.runOnce(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	r.show(mismatch())
	if len(r.told()) != 4 || len(r.paused) != 0 {
		t.Errorf("a silenced alert: told %v, paused %v", r.told(), r.paused)
	}
	if all := r.Firing(); len(all) != 1 || all[0].Rule != rule.CodehashMismatch {
		t.Errorf("a silenced alert is raised all the same: %v", all)
	}
}

// ids are those of the messages that wait for one sink.
func (r *rig) ids(sink string) (out []string) {
	r.t.Helper()
	_, waiting, err := r.journal.Notices(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	for _, w := range waiting {
		if w.Sink == sink {
			out = append(out, w.ID)
		}
	}
	return out
}

// TestIDsOfMessages: receivers that drop what they know lose nothing, of whatever journal it is, and are told nothing twice.
func TestIDsOfMessages(t *testing.T) {
	seen := map[string]bool{}
	fresh := func(n int, ids []string) {
		t.Helper()
		for _, id := range ids {
			if !regexp.MustCompile("^[0-9a-f]{32}$").MatchString(id) || seen[id] {
				t.Errorf("id %s, of %v", id, ids)
			}
			seen[id] = true
		}
		if len(ids) != n {
			t.Errorf("%d messages, want %d", len(ids), n)
		}
	}
	for range 2 { // journals, in which alerts have the same ids
		r := newRig(t)
		r.show(commit(1))
		activated := commit(2)
		activated.Effect.What = rule.Activated
		r.show(activated) // what was feared has happened: it is raised again, as grave as it was
		if _, done, err := r.journal.Acknowledge(t.Context(), 1, "alice", "", r.cfg.Telling.Tell); err != nil || !done {
			t.Fatal(done, err)
		}
		for range 2 {
			if err := r.Attach(t.Context(), r.Firing()[0].Fingerprint, notice.Attachment{Name: "plan.json"}, "approve it"); err != nil {
				t.Fatal(err)
			}
		}
		fresh(4, r.ids("pager"))
	}
	// the answer to a commit was lost: the same is written again, also after it was sent
	r := newRig(t)
	changes := rule.New(nil).See(rule.Seen{Sight: rule.SawReport, At: time.Now().UnixMilli(), Source: "grafana", Subject: "x", Severity: rule.High, Summary: "slow", Failed: true})
	var ids []string
	tell := func(kind notice.Kind, a rule.Record, to []rule.Action) (notice.Telling, error) {
		told, err := r.cfg.Telling.Tell(kind, a, to)
		for _, q := range told.Queued {
			ids = append(ids, q.ID)
		}
		return told, err
	}
	for range 2 {
		if _, err := r.journal.SaveAlerts(t.Context(), 0, nil, changes, tell); err != nil {
			t.Fatal(err)
		}
	}
	if len(ids) != 2 || ids[0] != ids[1] {
		t.Errorf("ids %v", ids)
	}
	r.mustTell("raised chat")
}

func TestPauseIsAskedForOnce(t *testing.T) {
	r := newRig(t)
	lonely := mismatch()
	lonely.Endpoints = 1
	r.show(lonely)
	if len(r.paused) != 0 {
		t.Fatalf("one endpoint of two says so, and %v is asked for", r.paused)
	}
	r.show(mismatch())
	r.show(mismatch())
	r.begin()
	r.show(mismatch())
	if len(r.paused) != 1 || r.paused[0].Severity != rule.Critical || r.paused[0].Endpoints != 2 {
		t.Errorf("asked for %+v", r.paused)
	}
}

// TestExplanationsAreLookedFor: what the journal explains by now raises nothing, also if it was not known when it was last read.
// TestASilenceThatEnds: people are told of what fires still, once.
func TestASilenceThatEnds(t *testing.T) {
	r := newRig(t)
	silence, err := r.journal.BeginSilence(t.Context(), rule.Silence{Rule: rule.CodehashMismatch, Until: time.Now().Unix() + 60, Reason: "known", By: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	tick := func() {
		t.Helper()
		if err := r.runOnce(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	tick()
	r.show(mismatch())
	tick()
	r.mustTell()
	if err := r.journal.EndSilence(t.Context(), silence.ID, "alice"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		tick()
		r.mustTell("renewed pager", "renewed chat")
	}
}

func TestExplanationsAreLookedFor(t *testing.T) {
	r := newRig(t)
	r.explain.done[common.Hash{1}] = "transaction 4"
	r.show(commit(1))
	r.explain.expected = []rule.Expected{{Contract: common.Address{1}, Effect: rule.Effect{What: rule.Committed, Value: "0xaa 1"}, By: "plan"}}
	r.show(commit(2))
	if all := r.Firing(); len(all) != 0 || r.explain.asked != 1 {
		t.Errorf("%v fire; the journal was asked %d times for a transaction", all, r.explain.asked)
	}
	r.explain.expected = nil
	if err := r.runOnce(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	r.show(commit(3))
	if all := r.Firing(); len(all) != 1 {
		t.Errorf("%v fire when nothing explains it any more", all)
	}
}

// TestJournalThatIsDown: what could not be written is written later, and the pause does not wait for more than that.
func TestJournalThatIsDown(t *testing.T) {
	r := newRig(t)
	r.journal.down = true
	s := mismatch()
	s.Network, s.ChainID, s.At = "optimism", 10, time.Now().UnixMilli()
	at := rollout.Block{Number: 7, Hash: common.Hash{7}}
	if err := r.Show(t.Context(), 10, &at, time.Now(), s); !errors.Is(err, errDown) {
		t.Fatalf("got %v", err)
	}
	if _, watched, err := r.journal.Watched(t.Context(), 10); watched || err != nil {
		t.Error("the position is written without the alerts", err)
	}
	r.journal.down = false
	if err := r.runOnce(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if all := r.Firing(); len(all) != 1 || len(r.paused) != 1 {
		t.Errorf("%v fire, %d pauses", all, len(r.paused))
	}
	r.mustTell("raised pager", "raised chat")
}

// TestEscalation: levels are told in their time, each once, also across processes, until somebody has it in hand.
func TestEscalation(t *testing.T) {
	r := newRig(t)
	r.show(commit(1))
	raised := time.Unix(r.Firing()[0].RaisedAt, 0)
	step := func(after time.Duration) {
		t.Helper()
		if err := r.runOnce(t.Context(), raised.Add(after)); err != nil {
			t.Fatal(err)
		}
	}
	step(299 * time.Second)
	r.mustTell("raised pager", "raised chat")
	step(300 * time.Second)
	step(301 * time.Second)
	r.begin()
	step(302 * time.Second)
	first := []string{"raised pager", "raised chat", "escalated phone", "escalated chat"}
	r.mustTell(first...)
	if _, done, err := r.journal.Acknowledge(t.Context(), 1, "alice", "", r.cfg.Telling.Tell); err != nil || !done {
		t.Fatal(done, err)
	}
	step(303 * time.Second)
	step(24 * time.Hour)
	r.mustTell(append(first, "acknowledged pager", "acknowledged chat", "acknowledged phone")...)
	if len(r.turns) == 0 || r.turns[len(r.turns)-1] != "acknowledged unknown_root" {
		t.Errorf("turns %v", r.turns)
	}
	r.show(nothing()...)
	if got := r.told(); len(got) != 10 || got[9] != "resolved phone" {
		t.Errorf("of the end are told %v", got)
	}
}

// TestReports: any process takes them, and the one that watches goes on with them.
func TestReports(t *testing.T) {
	r := newRig(t)
	cfg := r.cfg
	cfg.Explainer, cfg.Pause = nil, nil
	report := rule.Seen{Sight: rule.SawReport, At: time.Now().UnixMilli(), Source: "grafana", Subject: "x", Severity: rule.High, Summary: "slow", Failed: true}
	for range 2 {
		if err := Report(t.Context(), cfg, report); err != nil {
			t.Fatal(err)
		}
	}
	r.mustTell("raised chat")
	if err := r.runOnce(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if all := r.Firing(); len(all) != 1 || all[0].Rule != rule.External {
		t.Fatalf("%v fire", all)
	}
	report.Failed = false
	if err := Report(t.Context(), cfg, report); err != nil {
		t.Fatal(err)
	}
	if err := r.runOnce(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if all := r.Firing(); len(all) != 0 {
		t.Errorf("%v fire", all)
	}
	r.mustTell("raised chat", "resolved chat")
	if _, err := r.journal.BeginSilence(t.Context(), rule.Silence{Rule: rule.External, Until: time.Now().Unix() + 60, Reason: "known", By: "alice"}); err != nil {
		t.Fatal(err)
	}
	report.Failed = true
	if err := Report(t.Context(), cfg, report); err != nil {
		t.Fatal(err)
	}
	r.mustTell("raised chat", "resolved chat")
	if err := Report(t.Context(), cfg, commit(1)); err == nil {
		t.Error("an effect is taken from outside")
	}
}

// TestRecord: what is recorded can be replayed, and raises the same.
func TestRecord(t *testing.T) {
	r := newRig(t)
	late := mismatch() // it was looked for longer
	late.At = time.Now().Add(-time.Second).UnixMilli()
	r.show(commit(1), late)
	out, err := rule.New(nil).Replay(&r.record)
	if err != nil {
		t.Fatal(err)
	}
	var raised []string
	for _, x := range out {
		for _, c := range x.Changes {
			raised = append(raised, string(c.Turn)+" "+c.Alert.Rule)
		}
	}
	if diff := cmp.Diff([]string{"raised unknown_root", "raised codehash_mismatch"}, raised); diff != "" {
		t.Error(diff)
	}
}

// TestLog: what an alert is not about is not in its line.
func TestLog(t *testing.T) {
	r := newRig(t)
	var log bytes.Buffer
	r.cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
	r.begin()
	r.show(commit(1), rule.Seen{Sight: rule.SawReport, Source: "grafana", Subject: "x", Severity: rule.High, Summary: "slow", Failed: true})
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "block=7 tx=0x0100") || strings.Contains(lines[1], "block=") || strings.Contains(lines[1], "tx=") {
		t.Errorf("log:\n%s", log.String())
	}
}

func TestAttach(t *testing.T) {
	r := newRig(t)
	r.show(commit(1))
	fp := r.Firing()[0].Fingerprint
	for range 2 {
		if err := r.Attach(t.Context(), fp, notice.Attachment{Name: "plan.json", Data: []byte("{}")}, "review it", "lockstep show plan.json"); err != nil {
			t.Fatal(err)
		}
	}
	r.mustTell("raised pager", "raised chat", "renewed pager", "renewed chat")
	_, waiting, err := r.journal.Notices(t.Context())
	if err != nil || len(waiting) != 4 || waiting[3].ID == waiting[1].ID {
		t.Errorf("%+v, %v", waiting, err)
	}
	if err := r.Attach(t.Context(), "ff", notice.Attachment{Name: "plan.json"}, "x"); err != nil {
		t.Fatal(err)
	}
	if len(r.told()) != 4 {
		t.Errorf("what does not fire: %v", r.told())
	}
}
