package schedule

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/lease"
	"github.com/seed-b6a97670/lockstep/internal/localpg"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// TestMain is also the child of tests: a process that works jobs until it is killed.
func TestMain(m *testing.M) {
	if where := os.Getenv(childJournal); where != "" {
		if err := child(where); err != nil {
			fmt.Println(err)
		}
		os.Exit(1)
	}
	// most of the time the tests wait
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	code := m.Run()
	if serverStarted.Load() {
		if s, err := server(); err == nil {
			err = s.Stop()
			if err != nil {
				fmt.Println(err)
				code = 1
			}
		}
	}
	os.Exit(code)
}

var (
	serverStarted atomic.Bool
	databases     atomic.Int64
	server        = sync.OnceValues(func() (*localpg.Server, error) {
		var settings []string
		if flag.Lookup("test.bench").Value.String() == "" { // tests need not survive a power cut, figures must
			settings = []string{"fsync=off"}
		}
		s, err := localpg.Start(settings...)
		serverStarted.Store(err == nil)
		return s, err
	})
)

// scheduler is either one.
type scheduler interface {
	Ensure(ctx context.Context, jobs ...Job) error
	Stop(ctx context.Context) error
}

// onEach runs a test with the scheduler of a journal in a file, and with that of one in PostgreSQL. where is the journal.
func onEach(t *testing.T, test func(t *testing.T, where string)) {
	t.Helper()
	t.Parallel()
	t.Run("local", func(t *testing.T) {
		t.Parallel()
		test(t, filepath.Join(t.TempDir(), "lockstep.db"))
	})
	t.Run("river", func(t *testing.T) {
		t.Parallel()
		test(t, database(t))
	})
}

// database is a new one on the PostgreSQL server of the tests.
func database(t testing.TB) string {
	t.Helper()
	s, err := server()
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("test_%d", databases.Add(1))
	sql(t, s.URL("postgres"), "CREATE DATABASE "+name)
	return s.URL(name)
}

// process is what a process that serves a journal has.
type process struct {
	store  *store.Store
	leases *lease.Keeper
	jobs   scheduler
	log    *lines
}

// lines are what is logged.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// begin starts a process on a journal as lockstep serve does. Its work takes the lease that a job is for, and then does f.
func begin(ctx context.Context, where string, f Work) (*process, error) {
	p := &process{log: &lines{}}
	log := slog.New(slog.NewTextHandler(p.log, nil))
	holder, err := lease.Holder()
	if err != nil {
		return nil, err
	}
	if p.store, err = store.Open(ctx, where, ""); err != nil {
		return nil, err
	}
	p.leases = lease.NewKeeper(p.store, holder, log)
	work := func(ctx context.Context, j Job) {
		held, err := p.leases.TryNext(ctx, rollout.Lease{Name: j.Lease(), Fence: j.Fence})
		if errors.Is(err, rollout.ErrFenced) || errors.As(err, new(*rollout.HeldError)) {
			return
		}
		if err != nil {
			log.Error("no lease", "err", err)
			return
		}
		defer func() {
			if err := held.Release(ctx); err != nil {
				log.Error("not given back", "err", err)
			}
		}()
		f(held.Context(), j)
	}
	pool, schema, err := p.store.Pool(ctx)
	switch {
	case err != nil:
	case pool == nil:
		p.jobs = NewLocal(ctx, work, log)
	default:
		p.jobs, err = NewRiver(ctx, pool, schema, holder, p.store.Alone, work, log)
	}
	if err != nil {
		err = errors.Join(err, p.store.Close())
	}
	return p, err
}

// start begins a process, which ends with the test.
func start(t testing.TB, where string, f Work) *process {
	t.Helper()
	p, err := begin(t.Context(), where, f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = p.jobs.Stop(ctx) // the test may have done so
		p.leases.Close()
		if err := p.store.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(p.log)
		}
	})
	return p
}

// job is one on a chain, for the next taking of its lease.
func (p *process) job(t testing.TB, chainID uint64) Job {
	t.Helper()
	j := Job{Plan: common.Hash{7}, ChainID: chainID}
	l, err := p.store.Lease(context.Background(), j.Lease())
	if err != nil {
		t.Fatal(err)
	}
	j.Fence = l.Fence
	return j
}

func (p *process) ensure(t testing.TB, jobs ...Job) {
	t.Helper()
	if err := p.jobs.Ensure(context.Background(), jobs...); err != nil {
		t.Fatal(err)
	}
}

// free waits until nobody works on a chain, and gives the job that comes next.
func (p *process) free(t testing.TB, chainID uint64) Job {
	t.Helper()
	j := Job{Plan: common.Hash{7}, ChainID: chainID}
	await(t, j.Lease()+" to be free", func() bool {
		l, err := p.store.Lease(context.Background(), j.Lease())
		return err == nil && !l.Live
	})
	return p.job(t, chainID)
}

// await waits for what must come, by asking.
func await(t testing.TB, what string, come func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !come(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s was waited for in vain", what)
		}
	}
}

// receive waits for what must come through a channel.
func receive[T any](t testing.TB, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(30 * time.Second):
		t.Fatalf("%s was waited for in vain", what)
	}
	return v
}

// TestJobThatIsBeingWorked is made once, however often it is asked for; and again for the next number, when it has returned.
func TestJobThatIsBeingWorked(t *testing.T) { onEach(t, testJobThatIsBeingWorked) }

func testJobThatIsBeingWorked(t *testing.T, where string) {
	begun, end := make(chan Job, 100), make(chan struct{})
	p := start(t, where, func(_ context.Context, j Job) {
		begun <- j
		<-end
	})
	first := p.job(t, 1)
	p.ensure(t)
	p.ensure(t, first, first)
	if got := receive(t, "the job", begun); got != first {
		t.Errorf("%+v, want %+v", got, first)
	}
	for range 14 { // over more than one poll
		p.ensure(t, first)
		time.Sleep(100 * time.Millisecond)
	}
	if n := len(begun); n != 0 {
		t.Errorf("it was begun %d times more while it was worked", n)
	}
	close(end)
	second := p.free(t, 1)
	if second.Fence != first.Fence+1 {
		t.Errorf("fencing number %d after %d", second.Fence, first.Fence)
	}
	p.ensure(t, first) // late, as from a process that has not looked
	await(t, "the next one", func() bool {
		p.ensure(t, second)
		return len(begun) > 0
	})
	if got := <-begun; got != second {
		t.Errorf("%+v, want %+v", got, second)
	}
}

// TestLocalBeginsOnce: in one process no lease is needed to find that a network is being worked.
func TestLocalBeginsOnce(t *testing.T) {
	t.Parallel()
	begun, end := make(chan Job, 100), make(chan struct{})
	l := NewLocal(t.Context(), func(_ context.Context, j Job) {
		begun <- j
		<-end
	}, slog.New(slog.DiscardHandler))
	for fence := range uint64(3) {
		for range 3 {
			if err := l.Ensure(t.Context(), Job{ChainID: 1, Fence: fence}, Job{ChainID: 2, Fence: fence}); err != nil {
				t.Fatal(err)
			}
		}
	}
	close(end)
	if err := l.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if len(begun) != 2 {
		t.Errorf("%d jobs were begun on 2 networks", len(begun))
	}
}

// TestManySideBySide: each waits for all others, so that none could end if they were worked one after the other.
func TestManySideBySide(t *testing.T) { onEach(t, testManySideBySide) }

func testManySideBySide(t *testing.T, where string) {
	const n = 100
	var here sync.WaitGroup
	here.Add(n)
	done := make(chan uint64, n)
	p := start(t, where, func(_ context.Context, j Job) {
		here.Done()
		here.Wait()
		done <- j.ChainID
	})
	var jobs []Job
	for i := range uint64(n) {
		jobs = append(jobs, Job{Plan: common.Hash{7}, ChainID: i})
	}
	p.ensure(t, jobs...)
	seen := map[uint64]bool{}
	for range n {
		seen[receive(t, "a job", done)] = true
	}
	if len(seen) != n {
		t.Errorf("%d networks, want %d", len(seen), n)
	}
}

// TestStopWaits for the job in hand, and begins no other.
func TestStopWaits(t *testing.T) { onEach(t, testStopWaits) }

func testStopWaits(t *testing.T, where string) {
	begun, end := make(chan struct{}, 10), make(chan struct{})
	var ended atomic.Bool
	p := start(t, where, func(ctx context.Context, _ Job) {
		begun <- struct{}{}
		<-end
		ended.Store(ctx.Err() == nil)
	})
	p.ensure(t, p.job(t, 1))
	receive(t, "the job", begun)
	stopped := make(chan error, 1)
	go func() {
		err := p.jobs.Stop(context.Background())
		if !ended.Load() {
			err = errors.Join(err, errors.New("the job in hand had not returned, or was ended"))
		}
		stopped <- err
	}()
	time.Sleep(500 * time.Millisecond)
	for i := range uint64(5) { // of another process, or one that does not know yet
		_ = p.jobs.Ensure(t.Context(), p.job(t, 2+i))
	}
	time.Sleep(1500 * time.Millisecond)
	select {
	case err := <-stopped:
		t.Fatalf("it has stopped: %v", err)
	default:
	}
	close(end)
	if err := receive(t, "the end", stopped); err != nil {
		t.Error(err)
	}
	if len(begun) > 0 {
		t.Errorf("%d jobs began after it was to stop", len(begun))
	}
}

// TestStopThatIsShort ends jobs by their context.
func TestStopThatIsShort(t *testing.T) { onEach(t, testStopThatIsShort) }

func testStopThatIsShort(t *testing.T, where string) {
	begun, ended := make(chan struct{}, 2), make(chan struct{}, 2)
	p := start(t, where, func(ctx context.Context, _ Job) {
		begun <- struct{}{}
		<-ctx.Done()
		ended <- struct{}{}
	})
	p.ensure(t, p.job(t, 1), p.job(t, 2))
	receive(t, "a job", begun)
	receive(t, "a job", begun)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := p.jobs.Stop(ctx)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "jobs were ended in the middle") {
		t.Errorf("%v", err)
	}
	if len(ended) != 2 {
		t.Errorf("%d jobs have returned, of 2", len(ended))
	}
	for i := range uint64(2) {
		if l, err := p.store.Lease(t.Context(), p.job(t, i+1).Lease()); err != nil || l.Live {
			t.Errorf("%+v, %v: it was not given back", l, err)
		}
	}
}

// TestJobThatHeedsNothing does not keep the process from ending.
func TestJobThatHeedsNothing(t *testing.T) { onEach(t, testJobThatHeedsNothing) }

func testJobThatHeedsNothing(t *testing.T, where string) {
	begun, end, returned := make(chan struct{}), make(chan struct{}), make(chan struct{})
	p := start(t, where, func(context.Context, Job) {
		close(begun)
		<-end
		close(returned)
	})
	t.Cleanup(func() { receive(t, "the job's return", returned) })
	t.Cleanup(func() { close(end) })
	p.ensure(t, p.job(t, 1))
	receive(t, "the job", begun)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- p.jobs.Stop(ctx) }()
	if err := receive(t, "the end", stopped); err == nil {
		t.Error("it says that all jobs have returned")
	}
}

// TestJobThatPanics ends alone: the jobs beside it go on, and its network is worked again.
func TestJobThatPanics(t *testing.T) { onEach(t, testJobThatPanics) }

func testJobThatPanics(t *testing.T, where string) {
	var panicked atomic.Int64
	begun, end, beside, again := make(chan struct{}), make(chan struct{}), make(chan error, 1), make(chan Job, 10)
	p := start(t, where, func(ctx context.Context, j Job) {
		switch {
		case j.ChainID == 2:
			close(begun)
			<-end
			beside <- ctx.Err()
		case j.Fence == 0:
			panicked.Add(1)
			panicForTheTest()
		default:
			again <- j
		}
	})
	p.ensure(t, p.job(t, 2))
	receive(t, "the job beside it", begun)
	p.ensure(t, p.job(t, 1))
	await(t, "the panic", func() bool { return panicked.Load() > 0 })
	next := p.free(t, 1)
	await(t, "the network to be worked again", func() bool {
		p.ensure(t, next)
		return len(again) > 0
	})
	if got := <-again; got.Fence != 1 {
		t.Errorf("%+v", got)
	}
	close(end)
	if err := receive(t, "the job beside it", beside); err != nil {
		t.Errorf("the job beside it was ended: %v", err)
	}
	if text := p.log.String(); !strings.Contains(text, "a job panicked") || !strings.Contains(text, "panicForTheTest") || !strings.Contains(text, "chain=1 ") {
		t.Errorf("the log does not say which job panicked where: %s", text)
	}
	if n := panicked.Load(); n != 1 {
		t.Errorf("it was worked %d times for one number", n)
	}
}

func panicForTheTest() { panic("a job of the test") }
