package store

import (
	"errors"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// replacement is another transaction with the nonce of one.
func replacement(old rollout.Transaction, n byte) rollout.Transaction {
	out := transaction(old.Nonce)
	out.Hash = common.Hash{0: 7, 1: n, 31: byte(old.Nonce)}
	return out
}

func replace(t testing.TB, s *Store, old rollout.Transaction, n byte) rollout.Transaction {
	t.Helper()
	out, err := s.Replace(t.Context(), []rollout.Transaction{old}, []rollout.Transaction{replacement(old, n)})
	if err != nil {
		t.Fatal(err)
	}
	return out[0]
}

func TestReplace(t *testing.T) { onEach(t, testReplace) }

func testReplace(t *testing.T, on *database) {
	for name, winner := range map[string]int{"the first lands": 0, "the second lands": 1, "the third lands": 2} {
		t.Run(name, func(t *testing.T) {
			s := on.fresh(t)
			first := add(t, s, transaction(3))
			second := replace(t, s, first, 1)
			third := replace(t, s, second, 2)
			if third.Replaces != second.ID || len(third.Earlier) != 2 || third.Earlier[0].ID != first.ID || third.Earlier[1].ID != second.ID {
				t.Errorf("%+v", third)
			}
			m := read(t, s)
			if diff := cmp.Diff(rollout.Mark{LastID: third.ID, NextNonce: 4, Known: true, Open: []rollout.Transaction{third}}, m); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			all := []rollout.Transaction{first, second, third}
			finish(t, s, all[winner], rollout.Confirmed, 9)
			want := []rollout.Status{rollout.Dropped, rollout.Dropped, rollout.Dropped}
			want[winner] = rollout.Confirmed
			if diff := cmp.Diff(want, statuses(transactions(t, s))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if m := read(t, s); len(m.Open) != 0 || m.NextNonce != 4 || m.MinBlock != 9 {
				t.Errorf("%+v", m)
			}
			mustBeSound(t, s)
			// another process that saw another outcome comes late
			finish(t, s, all[(winner+1)%3], rollout.Reverted, 10)
			if got := statuses(transactions(t, s)); got[(winner+1)%3] != rollout.Dropped {
				t.Errorf("a dropped one became %s", got[(winner+1)%3])
			}
		})
	}
}

func TestReplacementsAreInTheAuditLog(t *testing.T) { onEach(t, testReplacementsAreInTheAuditLog) }

func testReplacementsAreInTheAuditLog(t *testing.T, on *database) {
	s := on.fresh(t)
	first := add(t, s, transaction(3))
	from := len(log(t, s))
	finish(t, s, replace(t, s, first, 1), rollout.Confirmed, 9)
	if err := s.Adopt(t.Context(), chainID, signer, 9); err != nil {
		t.Fatal(err)
	}
	var got []audit.Kind
	for _, e := range log(t, s)[from:] {
		got = append(got, e.Kind)
	}
	want := []audit.Kind{
		audit.TransactionReplaced, audit.TransactionSigned, audit.TransactionReleased, audit.TransactionDropped,
		audit.TransactionConfirmed, audit.NoncesAdopted,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestTamperedReplacement: who changes what was replaced, dropped or adopted is found.
func TestTamperedReplacement(t *testing.T) { onEach(t, testTamperedReplacement) }

func testTamperedReplacement(t *testing.T, on *database) {
	for _, change := range []string{
		`UPDATE transactions SET status = 'replaced' WHERE status = 'dropped'`, `UPDATE transactions SET replaces = NULL`,
		`UPDATE adopted_nonces SET next_nonce = 99`, `DELETE FROM adopted_nonces`,
	} {
		s := on.fresh(t)
		first := add(t, s, transaction(3))
		finish(t, s, replace(t, s, first, 1), rollout.Confirmed, 9)
		if err := s.Adopt(t.Context(), chainID, signer, 9); err != nil {
			t.Fatal(err)
		}
		mustBeSound(t, s)
		on.exec(t, s, change)
		if report, err := s.VerifyAudit(t.Context(), nil); err != nil || report.Sound() {
			t.Errorf("%s: not found (%v)", change, err)
		}
	}
}

// TestAdoptAfterAReorganisation: the chain has fewer nonces than the journal holds as final. Those are lost, and used again.
func TestAdoptAfterAReorganisation(t *testing.T) { onEach(t, testAdoptAfterAReorganisation) }

func testAdoptAfterAReorganisation(t *testing.T, on *database) {
	s := on.fresh(t)
	finish(t, s, add(t, s, transaction(0)), rollout.Confirmed, 5)
	finish(t, s, replace(t, s, add(t, s, transaction(1)), 1), rollout.Reverted, 9)
	open := add(t, s, transaction(2))
	if err := s.Adopt(t.Context(), chainID, signer, 1); err == nil || !strings.Contains(err.Error(), "take it back, first") {
		t.Errorf("adopted while one is open: %v", err)
	}
	if err := s.Lose(t.Context(), open); err != nil {
		t.Fatal(err)
	}
	if err := s.Adopt(t.Context(), chainID, signer, 1); err != nil {
		t.Fatal(err)
	}
	if m := read(t, s); m.NextNonce != 1 || m.MinBlock != 5 || len(m.Open) != 0 {
		t.Errorf("%+v, want nonce 1 next, and nothing final after block 5", m)
	}
	mustBeSound(t, s)
	again := add(t, s, transaction(1)) // the very same transaction
	finish(t, s, again, rollout.Confirmed, 7)
	want := []rollout.Status{rollout.Confirmed, rollout.Lost, rollout.Lost, rollout.Lost, rollout.Confirmed}
	if diff := cmp.Diff(want, statuses(transactions(t, s))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	mustBeSound(t, s)
}

func TestLose(t *testing.T) { onEach(t, testLose) }

func testLose(t *testing.T, on *database) {
	s := on.fresh(t)
	second := replace(t, s, add(t, s, transaction(3)), 1)
	if err := s.Lose(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]rollout.Status{rollout.Dropped, rollout.Dropped}, statuses(transactions(t, s))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if m := read(t, s); len(m.Open) != 0 || m.NextNonce != 4 {
		t.Errorf("%+v", m)
	}
	mustBeSound(t, s)
}

func TestReplaceOnlyWhatIsReleased(t *testing.T) { onEach(t, testReplaceOnlyWhatIsReleased) }

func testReplaceOnlyWhatIsReleased(t *testing.T, on *database) {
	s := on.fresh(t)
	out := addAll(t, s, 0, 1)
	released, signed := out[0], out[1]
	both := []rollout.Transaction{replacement(released, 1), replacement(signed, 1)}
	if _, err := s.Replace(t.Context(), out, both); !errors.Is(err, rollout.ErrStale) {
		t.Errorf("a signed one was replaced: %v", err)
	}
	if diff := cmp.Diff([]rollout.Status{rollout.Released, rollout.Signed}, statuses(transactions(t, s))); diff != "" {
		t.Errorf("half of it was done (-want +got):\n%s", diff)
	}
	replace(t, s, released, 2)
	if _, err := s.Replace(t.Context(), out[:1], both[:1]); !errors.Is(err, rollout.ErrStale) {
		t.Errorf("replaced by two: %v", err)
	}
}

func TestAdopt(t *testing.T) { onEach(t, testAdopt) }

func testAdopt(t *testing.T, on *database) {
	s := on.fresh(t)
	if m := read(t, s); m.Known || m.NextNonce != 0 {
		t.Errorf("%+v", m)
	}
	for _, next := range []uint64{12, 7} {
		if err := s.Adopt(t.Context(), chainID, signer, next); err != nil {
			t.Fatal(err)
		}
		if m := read(t, s); !m.Known || m.NextNonce != next {
			t.Errorf("%+v after %d was adopted", m, next)
		}
	}
	mustBeSound(t, s)
	add(t, s, transaction(20))
	if m := read(t, s); m.NextNonce != 21 {
		t.Errorf("%+v", m)
	}
	if m, err := s.Read(t.Context(), 1, signer); err != nil || m.Known {
		t.Errorf("on another network: %+v, %v", m, err)
	}
}
