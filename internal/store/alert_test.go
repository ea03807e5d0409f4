package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/notice"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// alertOf is an alert of a network.
func alertOf(name, subject string, severity rule.Severity) rule.Alert {
	return rule.Alert{
		Fingerprint: rule.Fingerprint(name, "optimism", subject), Rule: name, Severity: severity, Network: "optimism", ChainID: 10, Subject: subject, Summary: "something \x00 happened",
		Details: []rule.Detail{{Name: "sender", Value: "0xaa"}}, Actions: []rule.Action{rule.Security}, Block: rollout.Block{Number: 7, Hash: common.Hash{7}, Time: 1007},
		Tx: common.Hash{1}, Count: 1, RaisedAt: 100, SeenAt: 100,
	}
}

// tells makes a message of everything, and a link of what is raised of unknown roots.
func tells(kind notice.Kind, r rule.Record, to []rule.Action) (t notice.Telling, err error) {
	msg := notice.Message{ID: fmt.Sprintf("%d-%s-%d%s", r.ID, kind, r.Level, r.Severity), Kind: kind, Alert: &r.Alert, By: fmt.Sprint(to)}
	if kind == notice.Raised && r.Rule == rule.UnknownRoot {
		t.Links = []notice.Link{{Hash: common.Hash{5}, Receiver: "security"}}
	}
	t.Queued, err = notice.Queue(msg, "chat")
	return t, err
}

func mustSave(t testing.TB, s *Store, changes ...rule.Change) []rule.Record {
	t.Helper()
	out, err := s.SaveAlerts(t.Context(), 10, &rollout.Block{Number: 7, Hash: common.Hash{7}, Time: 1007}, changes, tells)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// alertStory raises two alerts, of which the first is escalated, acknowledged, becomes graver, is confirmed and resolved; and silences.
func alertStory(t testing.TB, s *Store) (out []rule.Record) {
	t.Helper()
	ctx := t.Context()
	first, second := alertOf(rule.UnplannedPrivilege, "granted COMMIT 0xaa", rule.High), alertOf(rule.UnknownRoot, "0xbb", rule.Critical)
	out = mustSave(t, s, rule.Change{Turn: rule.Raised, Alert: first}, rule.Change{Turn: rule.Raised, Alert: second})
	_, escalated, err := s.Escalate(ctx, out[0].ID, 1, []rule.Action{"lead"}, tells)
	_, acked, ackErr := s.Acknowledge(ctx, out[0].ID, "alice", "mine", tells)
	if err := errors.Join(err, ackErr); err != nil || !escalated || !acked {
		t.Fatal(escalated, acked, err)
	}
	first.Severity = rule.Critical
	graver := mustSave(t, s, rule.Change{Turn: rule.Raised, Alert: first})[0]
	if graver.AcknowledgedBy != "" || graver.Level != 0 || graver.ID != out[0].ID {
		t.Errorf("one that has become graver is %+v", graver)
	}
	first.Confirmed = true
	ended := first
	ended.ResolvedAt, ended.Resolution = 200, "undone"
	out[0] = mustSave(t, s, rule.Change{Turn: rule.Confirmed, Alert: first}, rule.Change{Turn: rule.Resolved, Alert: ended})[1]
	for _, x := range []rule.Silence{{Rule: rule.RPCDown, Until: 5000, Reason: "they move", By: "bob"}, {Rule: rule.Drift, Network: "optimism", Subject: "a*", Until: 9000, Reason: "new", By: "bob"}} {
		if x, err = s.BeginSilence(ctx, x); err != nil {
			t.Fatal(err)
		}
		if x.Rule == rule.Drift {
			if err := s.EndSilence(ctx, x.ID, "carol"); err != nil {
				t.Fatal(err)
			}
		}
	}
	return out
}

func TestAlerts(t *testing.T) { onEach(t, testAlerts) }

func testAlerts(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	if _, ok, err := s.Watched(ctx, 10); ok || err != nil {
		t.Errorf("a new journal was watched: %v", err)
	}
	want := alertStory(t, s)
	got, err := s.Alerts(ctx, AlertQuery{})
	if err != nil || len(got) != 2 {
		t.Fatal(got, err)
	}
	if got[1].Fires() || got[1].Resolution != "undone" || !got[1].Confirmed || got[1].Severity != rule.Critical {
		t.Errorf("the one that is resolved is %+v", got[1])
	}
	if diff := cmp.Diff(want[1], got[0]); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(got[0].Summary, "\x00") {
		t.Error("a zero byte is kept, which PostgreSQL does not take")
	}
	firing, err := s.Alerts(ctx, AlertQuery{Firing: true, Limit: 5})
	if err != nil || len(firing) != 1 || firing[0].ID != want[1].ID {
		t.Errorf("%+v fire, %v", firing, err)
	}
	if at, ok, err := s.Watched(ctx, 10); err != nil || !ok || at != (rollout.Block{Number: 7, Hash: common.Hash{7}, Time: 1007}) {
		t.Errorf("watched until %v, %v, %v", at, ok, err)
	}
	// what fires again is another alert
	again := mustSave(t, s, rule.Change{Turn: rule.Raised, Alert: alertOf(rule.UnplannedPrivilege, "granted COMMIT 0xaa", rule.High)})[0]
	if again.ID == want[0].ID {
		t.Error("a resolved alert fires again")
	}
	// what is not kept, and ends, leaves no row
	gone := alertOf(rule.StuckTx, "0xcc", rule.Warning)
	gone.ResolvedAt, gone.Resolution = 3, "over"
	if a := mustSave(t, s, rule.Change{Turn: rule.Resolved, Alert: gone})[0]; a.ID != 0 {
		t.Errorf("%+v", a)
	}
	for _, err := range []error{
		second(s.Acknowledge(ctx, want[0].ID, "dave", "", nil)), second(s.Escalate(ctx, want[0].ID, 2, nil, nil)), // resolved
	} {
		if !errors.Is(err, ErrResolved) {
			t.Errorf("a resolved alert: %v", err)
		}
	}
	for _, err := range []error{
		second(s.Acknowledge(ctx, 99, "dave", "", nil)), second(s.Escalate(ctx, 99, 2, nil, nil)), second(s.AcknowledgeLinked(ctx, common.Hash{6}, nil)), s.EndSilence(ctx, 99, "dave"),
	} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("what there is not: %v", err)
		}
	}
	if x, err := s.Silences(ctx, 4999); err != nil || len(x) != 1 || x[0].Rule != rule.RPCDown {
		t.Errorf("silences %+v, %v", x, err)
	}
	if x, err := s.Silences(ctx, 5000); err != nil || len(x) != 0 {
		t.Errorf("silences that are over: %+v, %v", x, err)
	}
	_, waiting, err := s.Notices(ctx)
	var told []string
	for _, w := range waiting {
		told = append(told, w.ID)
	}
	if diff := cmp.Diff([]string{
		"1-raised-0high", "2-raised-0critical", "1-escalated-1high", "1-acknowledged-1high", "1-raised-0critical", "1-confirmed-0critical", "1-resolved-0critical", "3-raised-0high",
	}, told); diff != "" || err != nil {
		t.Errorf("queued (-want +got): %s %v", diff, err)
	}
	mustBeSound(t, s)
}

// TestNothingIsKeptOfWhichNobodyIsTold: the alert and its messages are in one transaction.
func TestNothingIsKeptOfWhichNobodyIsTold(t *testing.T) {
	onEach(t, func(t *testing.T, on *database) {
		s := on.fresh(t)
		fails := errors.New("too large")
		_, err := s.SaveAlerts(t.Context(), 10, nil, []rule.Change{{Turn: rule.Raised, Alert: alertOf(rule.Drift, "x", rule.High)}},
			func(notice.Kind, rule.Record, []rule.Action) (notice.Telling, error) { return notice.Telling{}, fails })
		if !errors.Is(err, fails) {
			t.Errorf("got %v", err)
		}
		if all, err := s.Alerts(t.Context(), AlertQuery{}); err != nil || len(all) != 0 {
			t.Errorf("%v, %v", all, err)
		}
		mustBeSound(t, s)
	})
}

func second[A any](_ A, _ bool, err error) error { return err }

// TestAcknowledging: the first one stays, and after it nobody else is told.
func TestAcknowledging(t *testing.T) { onEach(t, testAcknowledging) }

func testAcknowledging(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	id := alertStory(t, s)[1].ID
	a, receiver, used, err := s.LinkedAlert(ctx, common.Hash{5})
	if err != nil || a.ID != id || receiver != "security" || used {
		t.Fatal(a, receiver, used, err)
	}
	if a, done, err := s.AcknowledgeLinked(ctx, common.Hash{5}, tells); err != nil || !done || a.AcknowledgedBy != "link to security" || a.AcknowledgedAt == 0 {
		t.Fatal(a, done, err)
	}
	if _, done, err := s.AcknowledgeLinked(ctx, common.Hash{5}, tells); err != nil || done {
		t.Error("a link is good twice", err)
	}
	if a, done, err := s.Acknowledge(ctx, id, "mallory", "mine now", nil); err != nil || done || a.AcknowledgedBy != "link to security" || a.Note != "" {
		t.Errorf("somebody else's: %+v, %v, %v", a, done, err)
	}
	if _, done, err := s.Escalate(ctx, id, 3, []rule.Action{"lead"}, nil); err != nil || done {
		t.Error("an acknowledged alert is escalated", err)
	}
	mustBeSound(t, s)
}

// TestAlertsThatSomebodyEnds are those from outside alone; who was told of them is told of that.
func TestAlertsThatSomebodyEnds(t *testing.T) { onEach(t, testAlertsThatSomebodyEnds) }

func testAlertsThatSomebodyEnds(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	kept := mustSave(t, s, rule.Change{Turn: rule.Raised, Alert: alertOf(rule.External, "grafana x", rule.High)}, rule.Change{Turn: rule.Raised, Alert: alertOf(rule.Drift, "y", rule.High)})
	reported, seen := kept[0].ID, kept[1].ID
	var told []string
	tell := func(kind notice.Kind, r rule.Record, _ []rule.Action) (notice.Telling, error) {
		told = append(told, fmt.Sprint(kind, " ", r.ID))
		return notice.Telling{}, nil
	}
	for id, want := range map[int64]error{seen: ErrSeenHere, 99: ErrNotFound} {
		if _, err := s.ResolveReported(ctx, id, "alice", "it is over", tell); !errors.Is(err, want) {
			t.Errorf("alert %d: %v, want %v", id, err, want)
		}
	}
	const why = "alice says that it is over: the monitor was removed"
	a, err := s.ResolveReported(ctx, reported, "alice", "the monitor was removed", tell)
	if err != nil || a.Fires() || a.Resolution != why {
		t.Fatalf("%+v, %v", a, err)
	}
	if now, err := s.Alert(ctx, reported); err != nil || now.Resolution != why || now.ResolvedAt == 0 {
		t.Errorf("kept as %+v, %v", now, err)
	}
	if _, err := s.ResolveReported(ctx, reported, "bob", "it is over", tell); !errors.Is(err, ErrResolved) {
		t.Errorf("twice: %v", err)
	}
	if len(told) != 1 || told[0] != fmt.Sprint(notice.Resolved, " ", reported) {
		t.Errorf("told %v", told)
	}
	if firing, err := s.FiringAlerts(ctx); err != nil || len(firing) != 1 || firing[0].ID != seen {
		t.Errorf("%+v, %v", firing, err)
	}
	again := mustSave(t, s, rule.Change{Turn: rule.Raised, Alert: alertOf(rule.External, "grafana x", rule.High)})
	if again[0].ID == reported {
		t.Error("what is reported again is no new alert")
	}
	mustBeSound(t, s)
}

// TestTamperingWithAlertsIsFound changes what the log tells of, and leaves the log as it is.
func TestTamperingWithAlertsIsFound(t *testing.T) { onEach(t, testTamperingWithAlertsIsFound) }

func testTamperingWithAlertsIsFound(t *testing.T, on *database) {
	path := on.place(t)
	s, err := Open(t.Context(), path, "market")
	if err != nil {
		t.Fatal(err)
	}
	alertStory(t, s)
	mustBeSound(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for statement, want := range map[string]string{
		`UPDATE alerts SET fingerprint = 'x' WHERE id = 2`:                                `alert 2: fingerprint is "x" in the journal`,
		`UPDATE alerts SET state = 'firing' WHERE id = 1`:                                 "alert 1 is firing in the journal, and its times say something else",
		`UPDATE alerts SET state = 'resolved' WHERE id = 2`:                               "alert 2 is resolved in the journal",
		`UPDATE alerts SET state = 'resolved', finished_at = 9 WHERE id = 2`:              "alert 2: finishedAt is 9 in the journal",
		`UPDATE alerts SET rule = 'drift' WHERE id = 2`:                                   `alert 2: rule is "drift"`,
		`UPDATE alerts SET severity = 'info' WHERE id = 2`:                                `alert 2: severity is "info"`,
		`UPDATE alerts SET network = 'base' WHERE id = 2`:                                 `alert 2: network is "base"`,
		`UPDATE alerts SET chain_id = 11 WHERE id = 2`:                                    "alert 2 is of chain 11 in the journal",
		`UPDATE alerts SET subject = '0xcc' WHERE id = 2`:                                 `alert 2: subject is "0xcc"`,
		`UPDATE alerts SET confirmed = 1 WHERE id = 2`:                                    "alert 2: confirmed is true",
		`UPDATE alerts SET level = 2 WHERE id = 2`:                                        "alert 2: level is 2",
		`UPDATE alerts SET acked_by = 'mallory', acked_at = 5 WHERE id = 2`:               `alert 2: acknowledgedBy is "mallory"`,
		`UPDATE alerts SET acked_at = 5 WHERE id = 2`:                                     "alert 2: acknowledgedAt is 5",
		`UPDATE alerts SET note = 'fine' WHERE id = 2`:                                    `alert 2: note is "fine"`,
		`UPDATE alerts SET resolution = 'fine' WHERE id = 1`:                              `alert 1: resolution is "fine"`,
		`UPDATE alerts SET created_at = 5 WHERE id = 1`:                                   "alert 1: createdAt is 5",
		`UPDATE alerts SET finished_at = 5 WHERE id = 1`:                                  "alert 1: finishedAt is 5",
		`DELETE FROM alerts WHERE id = 1`:                                                 "alert 1 is in the log and not in the journal",
		`UPDATE alerts SET id = 7 WHERE id = 1`:                                           "alert 7 is in the journal and not in its log",
		`UPDATE silences SET until = 99 WHERE id = 1`:                                     "silence 1: until is 99",
		`UPDATE silences SET rule = 'drift', network = 'x', subject = 'y' WHERE id = 1`:   `silence 1: network is "x"`,
		`UPDATE silences SET reason = 'y', made_by = 'z', created_at = 1 WHERE id = 1`:    `silence 1: by is "z"`,
		`UPDATE silences SET ended_at = NULL WHERE id = 2`:                                "silence 2: endedAt is nothing in the journal",
		`INSERT INTO silences SELECT 8, rule, '', '', 9, 'x', 'y', 1, NULL FROM silences`: "", // below
	} {
		if want == "" {
			statement, want = statement+" WHERE id = 1", "silence 8 is in the journal and not in its log"
		}
		altered := on.altered(t, path, func(exec func(string, ...any)) { exec(statement) })
		problems := check(t, altered).Problems
		if !slices.ContainsFunc(problems, func(p audit.Problem) bool { return strings.Contains(p.Detail, want) }) {
			t.Errorf("%s: got %v, want %q", statement, problems, want)
		}
	}
}
