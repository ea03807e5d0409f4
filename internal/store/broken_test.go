package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// Whatever breaks, here nobody waits long for a server that does not come back.
func openImpatient(t testing.TB, where string) *Store {
	t.Helper()
	s := open(t, where)
	s.patience = 500 * time.Millisecond
	return s
}

// everything does whatever changes a journal, each once. Any error ends the test.
func everything(t *testing.T, s *Store) []audit.Kind {
	t.Helper()
	story(t, s)
	ctx := t.Context()
	third := transactions(t, s)[2]
	finish(t, s, replace(t, s, third, 1), rollout.Confirmed, 9)
	late := add(t, s, transaction(7))
	if err := s.Lose(ctx, late); err != nil {
		t.Fatal(err)
	}
	if err := s.Adopt(ctx, chainID, signer, 8); err != nil {
		t.Fatal(err)
	}
	p := savePlan(t, s, 1)
	held := transaction(8)
	held.Plan = p.Digest
	for i, err := range []error{
		s.SetPolicy(ctx, firstPolicy, nil, common.Hash{}), s.SaveApproval(ctx, signed(p, 1, false)), s.SaveApproval(ctx, signed(p, 1, true)),
		s.BeginPlan(ctx, p.Digest, chainID), func() error { _, err := addOne(ctx, s, held, read(t, s)); return err }(),
		s.EndPlan(ctx, p.Digest, chainID, PlanDone), s.Append(ctx, audit.HeadSigned, 0, map[string]int{"n": 1}),
		s.Append(ctx, audit.HeadSigned, 0, map[string]int{"n": 1}),
		func() error {
			executionStory(t, s, []common.Hash{p.Digest, savePlan(t, s, 2).Digest, savePlan(t, s, 3).Digest})
			return nil
		}(),
	} {
		if err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	return kinds(log(t, s))
}

// TestCommitsThatBreak loses the connection at the commit of whatever can be done to a journal, before or after the server has it: each is done
// once, and reported as done.
func TestCommitsThatBreak(t *testing.T) {
	want := everything(t, fresh(t))
	for name, c := range map[string]cut{"before": before, "after": after} {
		t.Run(name, func(t *testing.T) {
			p, where := through(t, newDatabase(t).url)
			s := open(t, where)
			p.set(c)
			got := everything(t, s)
			if n := p.made(); n < 25 {
				t.Errorf("%d connections were cut", n)
			}
			p.set(passes)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			mustBeSound(t, s)
		})
	}
}

// TestCommitThatAlwaysBreaks is not tried for ever, and leaves nothing half done.
func TestCommitThatAlwaysBreaks(t *testing.T) {
	p, where := through(t, newDatabase(t).url)
	s := openImpatient(t, where)
	p.set(everyone)
	if _, err := addOne(t.Context(), s, transaction(0), rollout.Mark{}); err == nil || !strings.Contains(err.Error(), "run the command again") {
		t.Errorf("%v", err)
	}
	if n := p.made(); n < 2 {
		t.Errorf("tried %d times", n)
	}
	p.set(passes)
	if m := read(t, s); len(m.Open) != 0 {
		t.Errorf("%+v", m)
	}
	mustBeSound(t, s)
}

// TestCommitOfUnknownFate: the server commits, and is gone. That is said, and what was done is whole.
func TestCommitOfUnknownFate(t *testing.T) {
	p, where := through(t, newDatabase(t).url)
	s := openImpatient(t, where)
	s.db.SetMaxIdleConns(1) // no other one is left to ask by
	p.set(last)
	_, err := addOne(t.Context(), s, transaction(0), rollout.Mark{})
	if err == nil || !strings.Contains(err.Error(), "whether it was cannot be seen") || !strings.Contains(err.Error(), "run the command again when") {
		t.Errorf("%v", err)
	}
	p.set(passes)
	p.goAway(false)
	m := read(t, s)
	if len(m.Open) != 1 || m.Open[0].Status != rollout.Released {
		t.Errorf("%+v", m)
	}
	if _, err := addOne(t.Context(), s, transaction(1), rollout.Mark{}); !errors.Is(err, rollout.ErrStale) {
		t.Errorf("who goes on as if nothing had been written: %v", err)
	}
	mustBeSound(t, s)
}

// TestCancelledWhileCommitting: who is told to stop in that moment still learns what was done.
func TestCancelledWhileCommitting(t *testing.T) {
	p, where := through(t, newDatabase(t).url)
	s := open(t, where)
	ctx, cancel := context.WithCancel(t.Context())
	p.first = func() {
		cancel()
		time.Sleep(100 * time.Millisecond) // so that it is noticed before the server has answered
	}
	_, err := addOne(ctx, s, transaction(0), rollout.Mark{})
	if err != nil || ctx.Err() == nil {
		t.Errorf("%v, %v", err, ctx.Err())
	}
	if m := read(t, s); len(m.Open) != 1 {
		t.Errorf("%+v", m)
	}
	// and who was told before does nothing
	if _, err := addOne(ctx, s, transaction(1), read(t, s)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if m := read(t, s); len(m.Open) != 1 {
		t.Errorf("%+v", m)
	}
}

// terminate ends all connections to a database but its own, as an administrator can.
func terminate(t testing.TB, where string) {
	t.Helper()
	must(t, dial(t, where), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
}

// TestConnectionKilledInATransaction: what it had done is taken back, and done once more.
func TestConnectionKilledInATransaction(t *testing.T) {
	d := newDatabase(t)
	s := open(t, d.url)
	runs := 0
	err := s.within(t.Context(), func(tx *tx) error {
		runs++
		one := transaction(0)
		one.Status = rollout.Released
		if err := insert(t.Context(), tx, now(), &one); err != nil {
			return err
		}
		if runs == 1 {
			terminate(t, d.url)
		}
		return appendEntry(t.Context(), tx, now(), audit.TransactionReleased, chainID, audit.Turn{ID: one.ID, Hash: one.Hash})
	})
	if err != nil || runs != 2 {
		t.Errorf("%v, run %d times, want 2", err, runs)
	}
	if all := transactions(t, s); len(all) != 1 {
		t.Errorf("%+v", all)
	}
	mustBeSound(t, s)
}

// TestReadsAfterAKill reads with connections that are gone, and were used a moment ago.
func TestReadsAfterAKill(t *testing.T) {
	d := newDatabase(t)
	s, ctx := open(t, d.url), t.Context()
	begin(t, s, run(1, 0x11))
	p := savePlan(t, s, 1)
	if err := s.SetPolicy(ctx, firstPolicy, nil, common.Hash{}); err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]func() error{
		"read":         func() error { _, err := s.Read(ctx, chainID, signer); return err },
		"transactions": func() error { _, err := s.Transactions(ctx, chainID); return err },
		"manifest":     func() error { _, err := s.Manifest(ctx, common.Hash{0x11}); return err },
		"running":      func() error { _, err := s.Running(ctx, chainID, dispatcher); return err },
		"abandoned":    func() error { _, err := s.Abandoned(ctx, 1); return err },
		"previous":     func() error { _, err := s.Previous(ctx, chainID, dispatcher); return err },
		"plan":         func() error { _, err := s.Plan(ctx, p.Digest); return err },
		"plan used":    func() error { _, err := s.PlanUsed(ctx, p.Digest, 1); return err },
		"plans begun":  func() error { _, err := s.PlansBegun(ctx, 1); return err },
		"approvals":    func() error { _, err := s.Approvals(ctx, p.Digest); return err },
		"policy":       func() error { _, err := s.Policy(ctx); return err },
		"verify":       func() error { _, err := s.VerifyAudit(ctx, nil); return err },
		"audit": func() error {
			for _, err := range s.Audit(ctx, 1) {
				if err != nil {
					return err
				}
			}
			return nil
		},
	} {
		for range 3 {
			terminate(t, d.url)
			if err := read(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// numbered appends entries with numbers of their own from several goroutines until all are done, while something breaks. It gives
// those that were reported as not written.
func numbered(t *testing.T, s *Store, writers, each int, breaks func()) (failed map[string]error) {
	t.Helper()
	failed = map[string]error{}
	var mu sync.Mutex
	var group, breaker sync.WaitGroup
	done := make(chan struct{})
	breaker.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				breaks()
			}
		}
	})
	for w := range writers {
		group.Go(func() {
			for i := range each {
				name := fmt.Sprint(w, "/", i)
				if err := s.Append(context.Background(), audit.HeadSigned, 0, map[string]string{"name": name}); err != nil {
					mu.Lock()
					failed[name] = err
					mu.Unlock()
				}
			}
		})
	}
	group.Wait()
	close(done)
	breaker.Wait()
	return failed
}

// mustBeOnce checks that each numbered entry is there once, or not at all if that was said.
func mustBeOnce(t *testing.T, s *Store, writers, each int, failed map[string]error) {
	t.Helper()
	mustBeSound(t, s)
	times := map[string]int{}
	for _, e := range log(t, s) {
		if e.Kind == audit.HeadSigned {
			times[body[map[string]string](t, e)["name"]]++
		}
	}
	for w := range writers {
		for i := range each {
			name := fmt.Sprint(w, "/", i)
			if n := times[name]; n > 1 || n == 0 && failed[name] == nil || n == 1 && failed[name] != nil {
				t.Errorf("entry %s is there %d times; its writer was told %v", name, n, failed[name])
			}
		}
	}
}

// TestKillsWithoutPause kills connections all the time. Who gives up says so.
func TestKillsWithoutPause(t *testing.T) {
	d := newDatabase(t)
	s := open(t, d.url)
	killer := dial(t, d.url)
	kills := 0
	failed := numbered(t, s, 4, 40, func() {
		res := must(t, killer, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'lockstep'`)
		if n, err := res.RowsAffected(); err == nil {
			kills += int(n)
		}
		time.Sleep(20 * time.Millisecond)
	})
	t.Logf("%d connections killed, %d writers gave up", kills, len(failed))
	if kills == 0 {
		t.Error("nothing was killed")
	}
	mustBeOnce(t, s, 4, 40, failed)
}

// TestRestartInTheMiddle: the server crashes and comes back while several write. Nobody notices.
func TestRestartInTheMiddle(t *testing.T) {
	d := newDatabase(t)
	s, server := open(t, d.url), mustServer(t)
	crashes := 0
	failed := numbered(t, s, 4, 60, func() {
		if crashes == 2 {
			time.Sleep(10 * time.Millisecond)
			return
		}
		crashes++
		time.Sleep(50 * time.Millisecond)
		if err := server.Crash(); err != nil {
			t.Error(err)
		}
		time.Sleep(100 * time.Millisecond)
		if err := server.Again(); err != nil {
			t.Error(err)
		}
	})
	for name, err := range failed {
		t.Errorf("%s: %v", name, err)
	}
	if crashes == 0 {
		t.Error("the server was not restarted")
	}
	mustBeOnce(t, s, 4, 60, failed)
}

// TestClientThatSleeps: one that stops in the middle of a transaction does not keep the others waiting for long, and begins again when it wakes.
func TestClientThatSleeps(t *testing.T) {
	d := newDatabase(t)
	s, other := open(t, d.url+"&idle_in_transaction_session_timeout=200"), open(t, d.url)
	runs, at := 0, 0
	err := s.within(t.Context(), func(tx *tx) error {
		runs++
		if err := appendEntry(t.Context(), tx, now(), audit.HeadSigned, 0, map[string]string{"by": "sleeper"}); err != nil {
			return err
		}
		if runs == 1 {
			if err := other.Append(t.Context(), audit.HeadSigned, 0, map[string]string{"by": "other"}); err != nil {
				t.Error(err)
			}
			at = len(log(t, other))
		}
		return nil
	})
	if err != nil || runs != 2 {
		t.Errorf("%v, run %d times, want 2", err, runs)
	}
	if entries := log(t, s); at != 2 || len(entries) != 3 || !strings.Contains(string(entries[1].Body), "other") {
		t.Errorf("%d, %v", at, kinds(entries))
	}
	mustBeSound(t, s)
}
