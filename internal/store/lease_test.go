package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

func alive(string) bool { return false }

func take(t testing.TB, s *Store, holder string, names ...string) []rollout.Lease {
	t.Helper()
	out, err := s.Take(t.Context(), holder, alive, names...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// expire makes a lease as old as if nobody had renewed it.
func expire(t testing.TB, s *Store, name string, ms int64) {
	t.Helper()
	_, err := querier{s.db, s.engine}.exec(t.Context(), `UPDATE leases SET expires_at = `+s.engine.words().clock+` + ? WHERE name = ?`, ms, name)
	if err != nil {
		t.Fatal(err)
	}
}

func TestLeaseIsOfOneHolder(t *testing.T) { onEach(t, testLeaseIsOfOneHolder) }

func testLeaseIsOfOneHolder(t *testing.T, on *database) {
	s := on.fresh(t)
	first := take(t, s, "one", "a", "b")
	if want := []rollout.Lease{{Name: "a", Holder: "one", Fence: 1}, {Name: "b", Holder: "one", Fence: 1}}; !cmp.Equal(first, want) {
		t.Fatalf("took %v, want %v", first, want)
	}
	held := (*rollout.HeldError)(nil)
	if _, err := s.Take(t.Context(), "two", alive, "c", "b"); !errors.As(err, &held) || held.Name != "b" || held.Holder != "one" {
		t.Errorf("got %v, want that b is held by one", err)
	}
	if l, err := s.Lease(t.Context(), "c"); err != nil || l.Fence != 0 || l.Live {
		t.Errorf("c is %+v, %v: it was taken though b could not be", l, err)
	}
	if err := s.Yield(t.Context(), first...); err != nil {
		t.Fatal(err)
	}
	second := take(t, s, "two", "b")
	if want := []rollout.Lease{{Name: "b", Holder: "two", Fence: 2}}; !cmp.Equal(second, want) {
		t.Errorf("took %v, want %v", second, want)
	}
	if err := s.Yield(t.Context(), first...); err != nil { // of one that is another's by now
		t.Fatal(err)
	}
	if err := s.Under(second...).Held(t.Context()); err != nil {
		t.Errorf("b was given back by who does not hold it: %v", err)
	}
	if n := countKind(t, s, audit.LeaseTakenOver); n != 0 {
		t.Errorf("%d entries say that a lease was taken over, which was given back", n)
	}
}

func countKind(t testing.TB, s *Store, kind audit.Kind) (n int) {
	t.Helper()
	for e, err := range s.Audit(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == kind {
			n++
		}
	}
	return n
}

func TestLeaseIsTakenOver(t *testing.T) { onEach(t, testLeaseIsTakenOver) }

func testLeaseIsTakenOver(t *testing.T, on *database) {
	for name, tc := range map[string]struct {
		expires int64 // in ms from now
		gone    bool
		taken   bool
	}{
		"renewed":                      {LeaseTime.Milliseconds(), false, false},
		"about to expire":              {1500, false, false},
		"expired":                      {-1, false, true},
		"of a process that is gone":    {LeaseTime.Milliseconds(), true, true},
		"of a clock that was ahead":    {2 * 3600 * 1000, false, true},
		"of a clock that was far back": {-2 * 3600 * 1000, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := on.fresh(t)
			old := take(t, s, "host/1/x", "a")
			expire(t, s, "a", tc.expires)
			got, err := s.Take(t.Context(), "host/2/y", func(holder string) bool { return tc.gone && holder == "host/1/x" }, "a")
			if taken := err == nil; taken != tc.taken {
				t.Fatalf("taken is %v (%v), want %v", taken, err, tc.taken)
			}
			heldErr := s.Under(old...).Held(t.Context())
			if lost := errors.Is(heldErr, rollout.ErrFenced); lost != tc.taken {
				t.Errorf("the first holder is told %v", heldErr)
			}
			if !tc.taken {
				return
			}
			if got[0].Fence != 2 {
				t.Errorf("fencing number %d, want 2", got[0].Fence)
			}
			if n := countKind(t, s, audit.LeaseTakenOver); n != 1 {
				t.Errorf("%d entries say that it was taken over, want 1", n)
			}
			report, err := s.VerifyAudit(t.Context(), nil)
			if err != nil || !report.Sound() {
				t.Errorf("%v, %v", report.Problems, err)
			}
		})
	}
}

func TestLeaseAfterTheOneBefore(t *testing.T) { onEach(t, testLeaseAfterTheOneBefore) }

func testLeaseAfterTheOneBefore(t *testing.T, on *database) {
	s := on.fresh(t)
	before, err := s.Lease(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	won := make([]bool, 8)
	for i := range won {
		wg.Go(func() {
			l, err := s.TakeNext(t.Context(), fmt.Sprint(i), alive, before.Lease)
			if err == nil {
				won[i] = true
				err = s.Yield(t.Context(), l...) // at once, so that it is free for whoever comes late
			}
			if err != nil && !errors.Is(err, rollout.ErrFenced) && !errors.As(err, new(*rollout.HeldError)) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(slices.DeleteFunc(won, func(w bool) bool { return !w })); n != 1 {
		t.Errorf("%d took it after fencing number %d, want 1", n, before.Fence)
	}
}

func TestLeasesAreRenewed(t *testing.T) { onEach(t, testLeasesAreRenewed) }

func testLeasesAreRenewed(t *testing.T, on *database) {
	s := on.fresh(t)
	mine := take(t, s, "one", "a", "b", "c")
	take(t, s, "two", "d")
	for _, name := range []string{"a", "b", "c", "d"} {
		expire(t, s, name, -1)
	}
	take(t, s, "two", "b")
	got, err := s.Renew(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got, func(x, y rollout.Lease) int { return int(x.Name[0]) - int(y.Name[0]) })
	if want := []rollout.Lease{mine[0], mine[2]}; !cmp.Equal(got, want) {
		t.Errorf("renewed %v, want %v", got, want)
	}
	for name, live := range map[string]bool{"a": true, "b": true, "c": true, "d": false} {
		if l, err := s.Lease(t.Context(), name); err != nil || l.Live != live {
			t.Errorf("%s is %+v (%v), want live %v", name, l, err, live)
		}
	}
	expire(t, s, "a", LeaseTime.Milliseconds()-int64(time.Second/time.Millisecond))
	if l, err := s.Lease(t.Context(), "a"); err != nil || !l.Live {
		t.Errorf("%+v, %v", l, err)
	}
}

// TestFencedJournal lets a holder that was stopped for too long try all that it could want to write.
func TestFencedJournal(t *testing.T) { onEach(t, testFencedJournal) }

func testFencedJournal(t *testing.T, on *database) {
	s := on.fresh(t)
	released := add(t, s, transaction(0))
	signed := addAll(t, s, 1, 2)[1]
	digest := common.Hash{7}
	name := rollout.SignerLease(chainID, signer)
	lease := take(t, s, "one", name)
	under := s.Under(lease...)
	replacing := transaction(0)
	replacing.Hash[30] = 9
	writes := map[string]func(ctx context.Context, s *Store) error{
		"Add": func(ctx context.Context, s *Store) error {
			_, err := addOne(ctx, s, transaction(3), read(t, s))
			return err
		},
		"Release": func(ctx context.Context, s *Store) error {
			_, err := s.Release(ctx, []rollout.Transaction{signed})
			return err
		},
		"Void": func(ctx context.Context, s *Store) error { return s.Void(ctx, []rollout.Transaction{signed}) },
		"Replace": func(ctx context.Context, s *Store) error {
			_, err := s.Replace(ctx, []rollout.Transaction{released}, []rollout.Transaction{replacing})
			return err
		},
		"Finish": func(ctx context.Context, s *Store) error {
			done := released
			done.Status = rollout.Confirmed
			return s.Finish(ctx, done)
		},
		"Lose":         func(ctx context.Context, s *Store) error { return s.Lose(ctx, released) },
		"Adopt":        func(ctx context.Context, s *Store) error { return s.Adopt(ctx, chainID, signer, 9) },
		"SaveManifest": func(ctx context.Context, s *Store) error { return s.SaveManifest(ctx, digest, digest, []byte("x")) },
		"Decide": func(ctx context.Context, s *Store) error {
			return s.Decide(ctx, chainID, audit.Decision{Steps: []string{}})
		},
	}
	expire(t, s, name, -1)
	if err := under.Held(t.Context()); err != nil {
		t.Errorf("a lease that nobody has taken over is still held: %v", err)
	}
	take(t, s, "two", name)
	before, entries := transactions(t, s), countKind(t, s, audit.DecisionMade)
	for what, write := range writes {
		if err := write(t.Context(), under); !errors.Is(err, rollout.ErrFenced) {
			t.Errorf("%s: got %v, want that it was taken over", what, err)
		}
	}
	if diff := cmp.Diff(before, transactions(t, s)); diff != "" || countKind(t, s, audit.DecisionMade) != entries {
		t.Errorf("something was written: %s", diff)
	}
	if err := writes["Release"](t.Context(), s); err != nil {
		t.Errorf("without a lease: %v", err)
	}
}

// TestTakenOverWhileItWrites takes a lease over again and again while its holder writes: what is written has the number of the holder at
// the time, in the order of the log.
func TestTakenOverWhileItWrites(t *testing.T) { onEach(t, testTakenOverWhileItWrites) }

func testTakenOverWhileItWrites(t *testing.T, on *database) {
	where := on.place(t)
	s := open(t, where)
	var wg sync.WaitGroup
	for w := range 4 {
		mine := open(t, where)
		wg.Go(func() {
			for range 10 {
				l, err := mine.Take(t.Context(), fmt.Sprintf("host/%d", w), func(string) bool { return true }, "a")
				if err != nil {
					t.Error(err)
					return
				}
				for range 3 {
					d := audit.Decision{Steps: []string{}, Reason: fmt.Sprint(l[0].Fence)}
					if err := mine.Under(l...).Decide(t.Context(), chainID, d); err != nil && !errors.Is(err, rollout.ErrFenced) {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	var last uint64
	written := 0
	for e, err := range s.Audit(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind != audit.DecisionMade {
			continue
		}
		var fence uint64
		if _, err := fmt.Sscan(body[audit.Decision](t, e).Reason, &fence); err != nil {
			t.Fatal(err)
		}
		if fence < last {
			t.Fatalf("entry %d is of the holder with number %d, after one with %d", e.Seq, fence, last)
		}
		last = fence
		written++
	}
	if written == 0 {
		t.Error("nothing was written")
	}
}
