package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// log reads the whole audit log.
func log(t testing.TB, s *Store) (out []audit.Entry) {
	t.Helper()
	for e, err := range s.Audit(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

func kinds(entries []audit.Entry) (out []audit.Kind) {
	for _, e := range entries {
		out = append(out, e.Kind)
	}
	return out
}

func body[T any](t testing.TB, e audit.Entry) (v T) {
	t.Helper()
	if err := json.Unmarshal(e.Body, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func check(t testing.TB, s verifier) audit.Report {
	t.Helper()
	r, err := s.VerifyAudit(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// mustBeSound returns how many entries there are.
func mustBeSound(t testing.TB, s verifier) uint64 {
	t.Helper()
	r := check(t, s)
	if !r.Sound() {
		t.Fatal(r.Problems)
	}
	return r.Tip.Seq
}

// story does to a journal whatever can be done to it.
func story(t testing.TB, s *Store) {
	t.Helper()
	ctx := t.Context()
	out := addAll(t, s, 0, 1, 2, 3)
	r := begin(t, s, run(1, 0x11))
	if _, err := s.Release(ctx, out[1:3]); err != nil {
		t.Fatal(err)
	}
	if err := s.Void(ctx, out[3:]); err != nil {
		t.Fatal(err)
	}
	finish(t, s, out[0], rollout.Confirmed, 7)
	finish(t, s, out[1], rollout.Reverted, 8)
	if err := s.Decide(ctx, chainID, audit.Decision{Network: "base", Run: r.ID, Kind: rollout.Wait, Steps: []string{}, Reason: "the timelock runs"}); err != nil {
		t.Fatal(err)
	}
	if err := s.End(ctx, r.ID, true); err != nil {
		t.Fatal(err)
	}
	if err := s.End(ctx, begin(t, s, run(2, 0x22)).ID, false); err != nil {
		t.Fatal(err)
	}
	begin(t, s, run(2, 0x33))
}

var storyKinds = []audit.Kind{
	audit.TransactionSigned, audit.TransactionSigned, audit.TransactionSigned, audit.TransactionSigned, audit.TransactionReleased,
	audit.ManifestSaved, audit.RunBegun, audit.TransactionReleased, audit.TransactionReleased, audit.TransactionVoid,
	audit.TransactionConfirmed, audit.TransactionReverted, audit.DecisionMade, audit.RunEnded, audit.ManifestSaved, audit.RunBegun,
	audit.RunEnded, audit.ManifestSaved, audit.RunBegun,
}

func TestEveryChangeIsInTheAuditLog(t *testing.T) { onEach(t, testEveryChangeIsInTheAuditLog) }

func testEveryChangeIsInTheAuditLog(t *testing.T, on *database) {
	s, err := Open(t.Context(), on.place(t), "market")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	before := now()
	story(t, s)
	entries := log(t, s)
	if diff := cmp.Diff(append([]audit.Kind{audit.LogBegun}, storyKinds...), kinds(entries)); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	if n := mustBeSound(t, s); n != uint64(len(entries)) {
		t.Errorf("%d entries verified, %d read", n, len(entries))
	}
	for i, e := range entries {
		want := uint64(chainID)
		if e.Kind == audit.LogBegun || e.Kind == audit.ManifestSaved {
			want = 0
		}
		if e.Seq != uint64(i+1) || e.ChainID != want || e.Time < before-1 || e.Time > now() {
			t.Errorf("%+v; want chain id %d", e, want)
		}
	}
	if b := body[audit.Begun](t, entries[0]); b.Project != "market" || b.Random == (common.Hash{}) || b.Found != nil {
		t.Errorf("%+v", b)
	}
	tx := transactions(t, s)
	for i, want := range []any{
		1:  audit.Transaction{ID: tx[0].ID, Signer: signer, Nonce: 0, Step: "step 0", Hash: tx[0].Hash, RawHash: crypto.Keccak256Hash(tx[0].Raw)},
		5:  audit.Turn{ID: tx[0].ID, Hash: tx[0].Hash},
		6:  audit.Manifest{Root: common.Hash{0x11}, RoutesRoot: common.Hash{0xff, 0x11}, SHA256: common.HexToHash("0x05b3abf2579a5eb66403cd78be557fd860633a1fe2103c7642030defe32c657f")},
		7:  audit.Run{ID: 1, Dispatcher: dispatcher, Root: common.Hash{0x11}, Manifest: common.Hash{0x11}, Epoch: 1, After: tx[3].ID},
		8:  audit.Turn{ID: tx[1].ID, Hash: tx[1].Hash},
		10: audit.Turn{ID: tx[3].ID, Hash: tx[3].Hash},
		11: audit.Outcome{ID: tx[0].ID, Hash: tx[0].Hash, Inclusion: audit.Inclusion{BlockNumber: 7, BlockHash: common.Hash{2, 31: 7}, GasUsed: 21007}},
		14: audit.RunEnd{ID: 1, Status: "done"},
		17: audit.RunEnd{ID: 2, Status: "abandoned"},
	} {
		if want == nil {
			continue
		}
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if canonical, err := audit.Canonical(text); err != nil || string(canonical) != string(entries[i].Body) {
			t.Errorf("entry %d is\n%s, want\n%s", i+1, entries[i].Body, canonical)
		}
	}
}

// What changes nothing writes nothing.
func TestNoChangeIsNoEntry(t *testing.T) { onEach(t, testNoChangeIsNoEntry) }

func testNoChangeIsNoEntry(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	story(t, s)
	tx := transactions(t, s)
	n := mustBeSound(t, s)
	begin(t, s, run(2, 0x33)) // it runs, and its manifest is there
	finish(t, s, tx[0], rollout.Reverted, 9)
	if err := s.End(ctx, 1, false); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"release": func() error { _, err := s.Release(ctx, tx[2:]); return err }(),
		"void":    s.Void(ctx, tx[2:]),
		"add":     func() error { _, err := addOne(ctx, s, transaction(9), rollout.Mark{}); return err }(),
	} {
		if !errors.Is(err, rollout.ErrStale) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Add(ctx, []rollout.Transaction{transaction(6), transaction(1)}, read(t, s)); err == nil {
		t.Error("nonce 1 is added twice")
	}
	if _, err := s.Begin(ctx, run(3, 0x44)); err == nil {
		t.Error("two rollouts run")
	}
	if got := mustBeSound(t, s); got != n {
		t.Errorf("%d entries, there were %d: %v", got, n, kinds(log(t, s))[n:])
	}
}

func TestDecisionsAreWrittenWhenTheyDiffer(t *testing.T) {
	onEach(t, testDecisionsAreWrittenWhenTheyDiffer)
}

func testDecisionsAreWrittenWhenTheyDiffer(t *testing.T, on *database) {
	path := on.place(t)
	s, other := open(t, path), open(t, path)
	first := audit.Decision{Network: "base", Run: 1, Kind: rollout.Wait, Steps: []string{}, Reason: "the timelock runs", Until: 99}
	var want []audit.Decision
	decide := func(s *Store, chain uint64, d audit.Decision, written bool) {
		t.Helper()
		d.Block = rollout.Block{Number: uint64(len(log(t, s)))} // always another
		if err := s.Decide(t.Context(), chain, d); err != nil {
			t.Fatal(err)
		}
		if written {
			want = append(want, d)
		}
	}
	decide(s, 1, first, true)
	decide(s, 1, first, false)
	decide(other, 1, first, false)
	decide(s, 2, first, true) // another network
	decide(s, 1, first, false)
	for _, change := range []func(*audit.Decision){
		func(d *audit.Decision) { d.Task = "rollout" },
		func(d *audit.Decision) { d.Kind = rollout.Apply },
		func(d *audit.Decision) { d.Steps = []string{"apply page 1"} },
		func(d *audit.Decision) { d.Steps = []string{"apply page 2"} },
		func(d *audit.Decision) { d.Reason = "code is missing" },
		func(d *audit.Decision) { d.Until = 100 },
		func(d *audit.Decision) { d.Network = "optimism" },
	} {
		d := first
		change(&d)
		decide(s, 1, first, len(want) > 2) // so that it is the last
		decide(s, 1, d, true)
		decide(other, 1, d, false)
	}
	decide(s, 1, first, true) // again, after others
	// two runs that take turns
	second := first
	second.Run = 2
	for i := range 3 {
		decide(s, 1, second, i == 0)
		decide(other, 1, first, false)
	}
	var got []audit.Decision
	for _, e := range log(t, s) {
		if e.Kind == audit.DecisionMade {
			got = append(got, body[audit.Decision](t, e))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAppendRefuses(t *testing.T) { onEach(t, testAppendRefuses) }

func testAppendRefuses(t *testing.T, on *database) {
	s := on.fresh(t)
	for name, body := range map[string]any{"no object": "text", "fraction": map[string]any{"gas": 0.5}, "no JSON": func() {}} {
		if err := s.Append(t.Context(), audit.HeadSigned, 0, body); err == nil || !strings.Contains(err.Error(), "write head.signed to the audit log") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := mustBeSound(t, s); n != 1 {
		t.Errorf("%d entries", n)
	}
	// what cannot be entered is not done either
	tx := transaction(0)
	tx.ChainID = 1 << 60
	if _, err := addOne(t.Context(), s, tx, rollout.Mark{}); err == nil || !strings.Contains(err.Error(), "chain id") {
		t.Errorf("a chain id that JSON cannot hold: %v", err)
	}
	if m, err := s.Read(t.Context(), tx.ChainID, signer); err != nil || len(m.Open) != 0 {
		t.Errorf("%+v, %v", m, err)
	}
}

// The database itself refuses what is not an append.
func TestAuditTableIsAppendOnly(t *testing.T) { onEach(t, testAuditTableIsAppendOnly) }

func testAuditTableIsAppendOnly(t *testing.T, on *database) {
	s := on.fresh(t)
	story(t, s)
	n := mustBeSound(t, s)
	for _, statement := range []string{
		`UPDATE audit SET time = 1 WHERE seq = 3`,
		`DELETE FROM audit WHERE seq = 20`,
		`DELETE FROM audit`,
		`INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE seq = 3`,
		`INSERT INTO audit SELECT seq + 5, version, time, kind, chain_id, body, hash, hash FROM audit WHERE seq = 20`,
		`INSERT INTO audit SELECT seq + 1, version, time, kind, chain_id, body, previous, hash FROM audit WHERE seq = 20`,
		`INSERT OR IGNORE INTO audit SELECT seq - 5, version, time, kind, chain_id, body, hash, hash FROM audit WHERE seq = 5`,
	} {
		if _, err := s.db.ExecContext(t.Context(), on.sql(statement)); err == nil || !strings.Contains(err.Error(), "audit") {
			t.Errorf("%s: %v", statement, err)
		}
	}
	if got := mustBeSound(t, s); got != n {
		t.Errorf("%d entries, want %d", got, n)
	}
}

// A log that is longer than what is read at once.
func TestAuditIsReadInPages(t *testing.T) { onEach(t, testAuditIsReadInPages) }

func testAuditIsReadInPages(t *testing.T, on *database) {
	s := on.fresh(t)
	const n = 2*page + 7
	err := s.within(t.Context(), func(tx *tx) error {
		for i := 1; i < n; i++ {
			if err := appendEntry(t.Context(), tx, 5, audit.HeadSigned, 0, map[string]int{"i": i}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := mustBeSound(t, s); got != n {
		t.Errorf("%d entries verified", got)
	}
	for _, from := range []uint64{0, 1, 2, page, page + 1, n, n + 1} {
		next := max(from, 1)
		for e, err := range s.Audit(t.Context(), from) {
			if err != nil || e.Seq != next {
				t.Fatalf("from %d: %d, %v; want %d", from, e.Seq, err, next)
			}
			if next++; next%300 == 0 {
				mustBeSound(t, s) // the journal can be used meanwhile
			}
		}
		if next != n+1 && from <= n {
			t.Errorf("from %d: up to %d", from, next-1)
		}
	}
	for _, err := range s.Audit(t.Context(), 1) {
		if err != nil {
			t.Error(err)
		}
		break // it can be left
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range s.Audit(ctx, 1) {
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
}

// TestAuditBeginsInAnExistingJournal: what the journal held before is entered as found, and compared from then on.
func TestAuditBeginsInAnExistingJournal(t *testing.T) {
	s := fresh(t)
	story(t, s)
	down(t, s, 2)
	s.project = "market"
	for range 2 { // the second time nothing is begun
		if err := errors.Join(s.migrate(t.Context()), s.beginAudit(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	entries := log(t, s)
	want := slices.Concat([]audit.Kind{audit.LogBegun}, slices.Repeat([]audit.Kind{audit.ManifestFound}, 3),
		slices.Repeat([]audit.Kind{audit.RunFound}, 3), slices.Repeat([]audit.Kind{audit.TransactionFound}, 4))
	if diff := cmp.Diff(want, kinds(entries)); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	if b := body[audit.Begun](t, entries[0]); b.Project != "market" || b.Found == nil || *b.Found != (audit.Found{Manifests: 3, Runs: 3, Transactions: 4}) {
		t.Errorf("%+v", b)
	}
	if tx := body[audit.Transaction](t, entries[7]); tx.Status != "confirmed" || tx.Inclusion == nil || tx.BlockNumber != 7 || tx.FinishedAt == 0 {
		t.Errorf("%s", entries[7].Body)
	}
	mustBeSound(t, s)
	// it goes on from there
	finish(t, s, transactions(t, s)[2], rollout.Confirmed, 12)
	if err := s.End(t.Context(), 3, true); err != nil {
		t.Fatal(err)
	}
	add(t, s, transaction(3))
	mustBeSound(t, s)
	for _, statement := range []string{
		`UPDATE transactions SET nonce = 70 WHERE id = 1`, `UPDATE rollouts SET epoch = 7 WHERE id = 1`, `DELETE FROM transactions WHERE id = 4`,
	} {
		if _, err := s.db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if r := check(t, s); len(r.Problems) != 3 {
		t.Errorf("%v, want three", r.Problems)
	}
}

// Several processes write one journal: they keep one chain.
func TestProcessesKeepOneChain(t *testing.T) { onEach(t, testProcessesKeepOneChain) }

func testProcessesKeepOneChain(t *testing.T, on *database) {
	path := on.place(t)
	processes := 3
	if on.postgres {
		processes = 8
	}
	var wait []func()
	for range processes {
		c := childProcess(t, appendMany, path)
		var out strings.Builder
		c.Stdout = &out
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		wait = append(wait, func() {
			if err := c.Wait(); err != nil {
				t.Errorf("%v: %s", err, out.String())
			}
		})
	}
	for _, w := range wait {
		w()
	}
	s := open(t, path)
	mustBeSound(t, s)
	appended := map[string]int{}
	for _, e := range log(t, s) {
		if e.Kind == audit.HeadSigned {
			appended[fmt.Sprint(body[map[string]int](t, e)["process"])]++
		}
	}
	if len(appended) != processes {
		t.Errorf("%v", appended)
	}
	for process, n := range appended {
		if n != shareOfChild {
			t.Errorf("process %s appended %d, want %d", process, n, shareOfChild)
		}
	}
}
