package lease_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/localpg"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// onBroken runs a test with a file that another program locks, and with a server that crashes. where is the journal.
func onBroken(t *testing.T, test func(t *testing.T, where string, breaks, mends func())) {
	t.Helper()
	t.Parallel()
	t.Run("locked", func(t *testing.T) {
		t.Parallel()
		where := filepath.Join(t.TempDir(), "lockstep.db")
		db, err := sql.Open("sqlite", where)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		db.SetMaxOpenConns(1)
		exec := func(statement string) func() {
			return func() {
				t.Helper()
				if _, err := db.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
		}
		test(t, where, exec("BEGIN IMMEDIATE"), exec("ROLLBACK"))
	})
	t.Run("crashed", func(t *testing.T) {
		t.Parallel()
		s, err := localpg.Start("fsync=off")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Stop(); err != nil {
				t.Error(err)
			}
		})
		must := func(f func() error) func() {
			return func() {
				t.Helper()
				if err := f(); err != nil {
					t.Fatal(err)
				}
			}
		}
		test(t, s.URL("postgres"), must(s.Crash), must(s.Again))
	})
}

// stands waits until a lease is held in time by a process, or was given back if that is empty, and gives its fencing number.
func stands(t *testing.T, s *store.Store, name, holder string) uint64 {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		l, err := s.Lease(t.Context(), name)
		if err == nil && l.Holder == holder && l.Live == (holder != "") {
			return l.Fence
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is %+v (%v), want it held by %q", name, l, err, holder)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestJournalThatFailsForAWhile takes nothing from who holds a lease: nobody else has taken it meanwhile.
func TestJournalThatFailsForAWhile(t *testing.T) { onBroken(t, testJournalThatFailsForAWhile) }

func testJournalThatFailsForAWhile(t *testing.T, where string, breaks, mends func()) {
	k, s := keeper(t, where, "host/1/x")
	h, err := k.Try(t.Context(), "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	breaks()
	time.Sleep(store.LeaseTime + 2*time.Second)
	if h.Context().Err() != nil {
		t.Errorf("lost while nothing could be known: %v", context.Cause(h.Context()))
	}
	mends()
	for _, name := range []string{"a", "b"} {
		if fence := stands(t, s, name, "host/1/x"); fence != 1 {
			t.Errorf("%s was taken again: number %d", name, fence)
		}
	}
	time.Sleep(2 * time.Second)
	if h.Context().Err() != nil {
		t.Errorf("lost: %v", context.Cause(h.Context()))
	}
	if err := s.Under(h.Leases...).Held(t.Context()); err != nil {
		t.Error(err)
	}
	if err := h.Release(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestLostWhileTheJournalFailed: who finds the journal first takes what has expired, and the one who had it is told.
func TestLostWhileTheJournalFailed(t *testing.T) { onBroken(t, testLostWhileTheJournalFailed) }

func testLostWhileTheJournalFailed(t *testing.T, where string, breaks, mends func()) {
	k, s := keeper(t, where, "host/1/x")
	h, err := k.Try(t.Context(), "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	breaks()
	mends()
	if _, err := s.Take(t.Context(), "host/2/y", func(string) bool { return true }, "b"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-h.Context().Done():
	case <-time.After(20 * time.Second):
		t.Fatal("who lost a lease is not told")
	}
	if cause := context.Cause(h.Context()); !errors.Is(cause, rollout.ErrFenced) {
		t.Errorf("the cause is %v", cause)
	}
}

// TestReleasedWhileTheJournalFails: what could not be given back is given back later, and is not renewed for as long as the process lives.
func TestReleasedWhileTheJournalFails(t *testing.T) { onBroken(t, testReleasedWhileTheJournalFails) }

func testReleasedWhileTheJournalFails(t *testing.T, where string, breaks, mends func()) {
	k, s := keeper(t, where, "host/1/x")
	kept, err := k.Try(t.Context(), "kept") // so that leases go on being renewed
	if err != nil {
		t.Fatal(err)
	}
	h, err := k.Try(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	breaks()
	if err := h.Release(t.Context()); err == nil {
		t.Error("it was given back to a journal that cannot be asked")
	}
	mends()
	stands(t, s, "a", "")
	two, _ := keeper(t, where, "host/2/y")
	other, err := two.Try(t.Context(), "a")
	if err != nil {
		t.Fatalf("another process: %v", err)
	}
	if err := other.Release(t.Context()); err != nil {
		t.Error(err)
	}
	if again, err := k.Try(t.Context(), "a"); err != nil {
		t.Errorf("this process: %v", err)
	} else if err := again.Release(t.Context()); err != nil {
		t.Error(err)
	}
	time.Sleep(1500 * time.Millisecond)
	if kept.Context().Err() != nil {
		t.Errorf("what is held was lost: %v", context.Cause(kept.Context()))
	}
	if fence := stands(t, s, "kept", "host/1/x"); fence != 1 {
		t.Errorf("what is held was taken again: number %d", fence)
	}
}

// TestNothingIsGivenBackThatIsBeingTaken: leases are taken and released while they are renewed.
func TestNothingIsGivenBackThatIsBeingTaken(t *testing.T) {
	t.Parallel()
	k, _ := keeper(t, filepath.Join(t.TempDir(), "lockstep.db"), "host/1/x")
	if _, err := k.Try(t.Context(), "kept"); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(3500 * time.Millisecond); time.Now().Before(end); {
		h, err := k.Try(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		if h.Context().Err() != nil {
			t.Fatalf("lost: %v", context.Cause(h.Context()))
		}
		if err := h.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
