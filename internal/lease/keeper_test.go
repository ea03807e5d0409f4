package lease_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/lease"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// childJournal makes the test binary a process that holds a lease until it is killed.
const childJournal = "LOCKSTEP_LEASE_TEST_JOURNAL"

func TestMain(m *testing.M) {
	if path := os.Getenv(childJournal); path != "" {
		hold(path)
	}
	if holder := os.Getenv(childHolder); holder != "" {
		askHidden(holder)
	}
	// most of the time the tests wait for leases to expire
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func hold(path string) {
	ctx := context.Background()
	s, err := store.Open(ctx, path, "")
	if err == nil {
		var holder string
		if holder, err = lease.Holder(); err == nil {
			_, err = lease.NewKeeper(s, holder, slog.New(slog.DiscardHandler)).Try(ctx, "a")
		}
	}
	if err != nil {
		panic(err)
	}
	_, _ = os.Stdout.WriteString("held\n")
	select {}
}

func journal(t *testing.T, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), path, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func keeper(t *testing.T, path, holder string) (*lease.Keeper, *store.Store) {
	t.Helper()
	s := journal(t, path)
	k := lease.NewKeeper(s, holder, slog.New(slog.NewTextHandler(t.Output(), nil)))
	t.Cleanup(k.Close)
	return k, s
}

// holding starts a process that holds the lease a.
func holding(t *testing.T, path string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childJournal+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "held\n" {
		t.Fatalf("the child says %q, %v", line, err)
	}
	return cmd
}

func TestProcessThatIsKilledIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lockstep.db")
	child := holding(t, path)
	holder, err := lease.Holder()
	if err != nil {
		t.Fatal(err)
	}
	k, s := keeper(t, path, holder)
	other := (*rollout.HeldError)(nil)
	if _, err := k.Try(t.Context(), "a"); !errors.As(err, &other) {
		t.Fatalf("got %v, want that it is held", err)
	}
	if !strings.Contains(other.Error(), "/"+strings.Split(other.Holder, "/")[1]) || strings.Count(other.Error(), "/") != 1 {
		t.Errorf("the error does not name host and process: %v", other)
	}
	if err := child.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	// it is not waited for yet, so that its id is still there: a zombie does nothing any more either
	deadline := time.Now().Add(time.Second)
	for err = other; errors.As(err, &other) && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		_, err = k.Try(t.Context(), "a")
	}
	if err != nil {
		t.Fatalf("%v: the lease lasts 4 s, the process was killed", err)
	}
	if l, err := s.Lease(t.Context(), "a"); err != nil || l.Holder != holder || l.Fence != 2 {
		t.Errorf("%+v, %v", l, err)
	}
	_ = child.Wait()
}

func TestStoppedProcessLosesItsLease(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lockstep.db")
	child := holding(t, path)
	if err := child.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	k, _ := keeper(t, path, "host/1/x")
	h, err := k.Hold(t.Context(), nil, "a")
	if err != nil {
		t.Fatal(err)
	}
	if h.Leases[0].Fence != 2 {
		t.Errorf("fencing number %d, want 2", h.Leases[0].Fence)
	}
	// woken, the child renews nothing that is not its own
	if err := child.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1500 * time.Millisecond)
	if h.Context().Err() != nil {
		t.Errorf("the lease was lost to a process that had lost it: %v", context.Cause(h.Context()))
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
}

func TestHeldLongerThanALeaseLasts(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lockstep.db")
	k, s := keeper(t, path, "host/1/x")
	h, err := k.Try(t.Context(), "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(store.LeaseTime + time.Second)
	for _, name := range []string{"a", "b"} {
		if l, err := s.Lease(t.Context(), name); err != nil || !l.Live || l.Fence != 1 {
			t.Errorf("%s is %+v (%v)", name, l, err)
		}
	}
	if h.Context().Err() != nil {
		t.Error(context.Cause(h.Context()))
	}
}

func TestSeized(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lockstep.db")
	one, _ := keeper(t, path, "host/1/x")
	two, s := keeper(t, path, "host/2/y")
	lost, err := one.Try(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	seized, err := two.Seize(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-lost.Context().Done():
	case <-time.After(5 * time.Second):
		t.Fatal("who lost a lease is not told")
	}
	if cause := context.Cause(lost.Context()); !errors.Is(cause, rollout.ErrFenced) {
		t.Errorf("the cause is %v", cause)
	}
	if err := lost.Release(t.Context()); err != nil { // changes nothing for who has it now
		t.Error(err)
	}
	if err := s.Under(seized.Leases...).Held(t.Context()); err != nil {
		t.Error(err)
	}
	again := make(chan error, 1)
	go func() {
		_, err := one.Hold(t.Context(), nil, "a")
		again <- err
	}()
	if err := seized.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-again; err != nil {
		t.Error(err)
	}
}

func TestOneProcessHoldsItOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lockstep.db")
	k, _ := keeper(t, path, "host/1/x")
	first, err := k.Try(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Try(t.Context(), "b", "a"); !errors.As(err, new(*rollout.HeldError)) {
		t.Fatalf("got %v, want that a is held", err)
	}
	if _, err := k.Try(t.Context(), "b"); err != nil {
		t.Errorf("b was kept though a could not be had: %v", err)
	}
	got := make(chan error, 1)
	go func() {
		_, err := k.Hold(t.Context(), func(err error) { t.Errorf("busy by itself: %v", err) }, "a")
		got <- err
	}()
	select {
	case err := <-got:
		t.Fatalf("held twice: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	if err := first.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Error(err)
	}
}

// full is a journal that cannot be written for some time.
type full struct {
	*store.Store
	is atomic.Bool
}

var errFull = errors.New("no room")

func (f *full) Yield(ctx context.Context, leases ...rollout.Lease) error {
	if f.is.Load() {
		return errFull
	}
	return f.Store.Yield(ctx, leases...)
}

func (f *full) Renew(ctx context.Context, holder string) ([]rollout.Lease, error) {
	if f.is.Load() {
		return nil, errFull
	}
	return f.Store.Renew(ctx, holder)
}

// What could not be given back is not kept alive by the renewal of what the same process holds besides: it is given back when that is possible.
func TestGivenBackLate(t *testing.T) {
	j := &full{Store: journal(t, filepath.Join(t.TempDir(), "lockstep.db"))}
	k := lease.NewKeeper(j, "here", slog.New(slog.NewTextHandler(t.Output(), nil)))
	t.Cleanup(k.Close)
	kept, err := k.Try(t.Context(), "kept")
	if err != nil {
		t.Fatal(err)
	}
	given, err := k.Try(t.Context(), "given")
	if err != nil {
		t.Fatal(err)
	}
	j.is.Store(true)
	if err := given.Release(t.Context()); !errors.Is(err, errFull) {
		t.Fatal(err)
	}
	for !errors.Is(k.Failing(), errFull) {
		time.Sleep(10 * time.Millisecond)
	}
	j.is.Store(false)
	for k.Failing() != nil {
		time.Sleep(10 * time.Millisecond)
	}
	if l, err := j.Lease(t.Context(), "given"); err != nil || l.Live || l.Holder != "" {
		t.Errorf("it was not given back: %+v, %v", l, err)
	}
	if l, err := j.Lease(t.Context(), "kept"); err != nil || !l.Live || kept.Context().Err() != nil {
		t.Errorf("what is held was lost: %+v, %v, %v", l, err, kept.Context().Err())
	}
}
