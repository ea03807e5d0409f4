package store

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

func addAll(t testing.TB, s *Store, nonces ...uint64) []rollout.Transaction {
	t.Helper()
	var ts []rollout.Transaction
	for _, n := range nonces {
		ts = append(ts, transaction(n))
	}
	out, err := s.Add(t.Context(), ts, read(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func statuses(ts []rollout.Transaction) (out []rollout.Status) {
	for _, t := range ts {
		out = append(out, t.Status)
	}
	return out
}

func TestSequenceIsJournalledWholeOrNotAtAll(t *testing.T) {
	onEach(t, testSequenceIsJournalledWholeOrNotAtAll)
}

func testSequenceIsJournalledWholeOrNotAtAll(t *testing.T, on *database) {
	s := on.fresh(t)
	out := addAll(t, s, 3, 4, 5)
	if diff := cmp.Diff([]rollout.Status{rollout.Released, rollout.Signed, rollout.Signed}, statuses(out)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(rollout.Mark{LastID: out[2].ID, NextNonce: 6, Known: true, Open: out}, read(t, s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// the second has a nonce that is taken, so the first is not kept either
	if _, err := s.Add(t.Context(), []rollout.Transaction{transaction(6), transaction(4)}, read(t, s)); err == nil ||
		!strings.Contains(err.Error(), "step 4") {
		t.Errorf("nonce 4 twice: %v", err)
	}
	if n := len(transactions(t, s)); n != 3 {
		t.Errorf("%d transactions, want 3", n)
	}
	if _, err := s.Add(t.Context(), []rollout.Transaction{transaction(6), transaction(7)}, rollout.Mark{}); !errors.Is(err, rollout.ErrStale) {
		t.Errorf("after a mark that is old: %v, want ErrStale", err)
	}
}

func TestReleaseAndVoid(t *testing.T) { onEach(t, testReleaseAndVoid) }

func testReleaseAndVoid(t *testing.T, on *database) {
	s := on.fresh(t)
	out := addAll(t, s, 0, 1, 2, 3)
	released, err := s.Release(t.Context(), out[1:2])
	if err != nil || released[0].Status != rollout.Released {
		t.Fatalf("%+v, %v", released, err)
	}
	if err := s.Void(t.Context(), out[2:]); err != nil {
		t.Fatal(err)
	}
	m := read(t, s)
	if m.NextNonce != 2 || m.LastID != out[3].ID || len(m.Open) != 2 {
		t.Errorf("%+v: two are released, and the nonces of the others are free", m)
	}
	// what is void cannot be released, and what is released cannot be made void: all or nothing
	for name, do := range map[string]func() error{
		"release of void":     func() error { _, err := s.Release(t.Context(), out[2:]); return err },
		"release of released": func() error { _, err := s.Release(t.Context(), out[:1]); return err },
		"void of released":    func() error { return s.Void(t.Context(), out[:2]) },
	} {
		if err := do(); !errors.Is(err, rollout.ErrStale) {
			t.Errorf("%s: %v, want ErrStale", name, err)
		}
	}
	// its nonce, and the very same transaction, can be journalled again
	again := addAll(t, s, 2, 3)
	if err := s.Void(t.Context(), []rollout.Transaction{again[1], again[0]}); !errors.Is(err, rollout.ErrStale) {
		t.Errorf("void of a signed and a released one: %v, want ErrStale", err)
	}
	want := []rollout.Status{rollout.Released, rollout.Released, rollout.Void, rollout.Void, rollout.Released, rollout.Signed}
	if diff := cmp.Diff(want, statuses(transactions(t, s))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestOutcomeNeedsRelease: what was never sent has no outcome.
func TestOutcomeNeedsRelease(t *testing.T) { onEach(t, testOutcomeNeedsRelease) }

func testOutcomeNeedsRelease(t *testing.T, on *database) {
	s := on.fresh(t)
	out := addAll(t, s, 0, 1)
	finish(t, s, out[1], rollout.Confirmed, 7)
	if got := statuses(transactions(t, s)); got[1] != rollout.Signed {
		t.Errorf("status %s, want signed", got[1])
	}
}

// TestMigrationOfSignedTransactions: the first schema did not tell what had been sent, so all of it may have been.
func TestMigrationOfSignedTransactions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lockstep.db")
	s := open(t, path)
	down(t, s, 1)
	for i, status := range []string{"confirmed", "signed"} {
		_, err := s.db.ExecContext(t.Context(), `INSERT INTO transactions (chain_id, signer, nonce, step, hash, raw, status, created_at)
			VALUES (?, ?, ?, 'old', ?, x'00', ?, 1)`, chainID, signer.Hex(), i, common.Hash{byte(i)}.Hex(), status)
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]rollout.Status{rollout.Confirmed, rollout.Released}, statuses(transactions(t, s))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if m := read(t, s); m.NextNonce != 2 || m.LastID != 2 {
		t.Errorf("%+v", m)
	}
}
