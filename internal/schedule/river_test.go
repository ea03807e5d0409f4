package schedule

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/jackc/pgx/v5"

	"github.com/seed-b6a97670/lockstep/internal/localpg"
)

const (
	childJournal = "LOCKSTEP_SCHEDULE_TEST_JOURNAL"
	childEarly   = "LOCKSTEP_SCHEDULE_TEST_EARLY" // it takes no lease
)

// abandoned is the job that the child does not end.
var abandoned = Job{Plan: common.Hash{7}, ChainID: 1}

// child works a job until it is killed.
func child(where string) error {
	work := func(context.Context, Job) {
		fmt.Println("working")
		select {}
	}
	p, err := begin(context.Background(), where, work)
	if err == nil && os.Getenv(childEarly) != "" {
		if err = p.jobs.Stop(context.Background()); err == nil {
			p.jobs, err = unleased(context.Background(), p, work)
		}
	}
	if err != nil {
		return err
	}
	if err := p.jobs.Ensure(context.Background(), abandoned); err != nil {
		return err
	}
	select {}
}

// unleased hands jobs of a journal to work that takes no lease.
func unleased(ctx context.Context, p *process, work Work) (scheduler, error) {
	pool, schema, err := p.store.Pool(ctx)
	if err != nil {
		return nil, err
	}
	return NewRiver(ctx, pool, schema, "unleased", p.store.Alone, work, slog.New(slog.DiscardHandler))
}

// killable starts a process that works the job of a journal.
func killable(t testing.TB, where string, env ...string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(append(os.Environ(), childJournal+"="+where), env...)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill() // the test may have done so
		_ = c.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "working\n" {
		t.Fatalf("the child says %q, %v", line, err)
	}
	return c
}

func sql(t testing.TB, where string, statements ...string) {
	t.Helper()
	c, err := pgx.Connect(context.Background(), where)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.Background()) }()
	for _, s := range statements {
		if _, err := c.Exec(context.Background(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// worked counts what was worked, by job.
type worked struct {
	mu   sync.Mutex
	jobs map[Job]int
	by   map[int]int // by process
}

func (w *worked) of(process int) Work {
	return func(_ context.Context, j Job) {
		w.mu.Lock()
		w.jobs[j]++
		w.by[process]++
		w.mu.Unlock()
		time.Sleep(20 * time.Millisecond) // so that one process does not have time for all
	}
}

func (w *worked) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.jobs)
}

// TestProcessesShareJobs: however many look for work, each job is worked once for its number.
func TestProcessesShareJobs(t *testing.T) {
	t.Parallel()
	for _, processes := range []int{2, 3} {
		t.Run(fmt.Sprint(processes), func(t *testing.T) {
			t.Parallel()
			const networks, rounds = 30, 3
			where := database(t)
			w := &worked{jobs: map[Job]int{}, by: map[int]int{}}
			var all []*process
			for i := range processes {
				all = append(all, start(t, where, w.of(i)))
			}
			for round := range uint64(rounds) {
				var group sync.WaitGroup
				for _, p := range all {
					group.Go(func() {
						for w.count() < int(round+1)*networks {
							var jobs []Job
							for chain := range uint64(networks) {
								jobs = append(jobs, Job{Plan: common.Hash{7}, ChainID: chain, Fence: round})
							}
							if err := p.jobs.Ensure(context.Background(), jobs...); err != nil {
								t.Error(err)
								return
							}
							time.Sleep(50 * time.Millisecond)
							if t.Context().Err() != nil {
								return
							}
						}
					})
				}
				group.Wait()
				for chain := range uint64(networks) {
					all[0].free(t, chain)
				}
			}
			if len(w.jobs) != networks*rounds {
				t.Errorf("%d jobs were worked, want %d", len(w.jobs), networks*rounds)
			}
			for j, n := range w.jobs {
				if n != 1 {
					t.Errorf("chain %d with number %d was worked %d times", j.ChainID, j.Fence, n)
				}
			}
			t.Logf("jobs by process: %v", w.by)
		})
	}
}

// TestProcessThatIsKilled leaves a job behind that River takes for running. Its network is worked by another at once, for the next number; or for
// the same one, if the process had not come to take the lease.
func TestProcessThatIsKilled(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		env  []string
		next uint64
	}{
		"with its lease": {nil, 1},
		"before":         {[]string{childEarly + "=1"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			where := database(t)
			if err := killable(t, where, x.env...).Process.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			begun := make(chan Job, 10)
			p := start(t, where, func(_ context.Context, j Job) { begun <- j })
			next := p.job(t, 1)
			await(t, "its job", func() bool {
				p.ensure(t, abandoned, next)
				return len(begun) > 0
			})
			if j := <-begun; j != next || next.Fence != x.next {
				t.Errorf("%+v, want it for number %d", j, x.next)
			}
			p.free(t, 1)
			for range 12 { // past what River asks for anew
				p.ensure(t, abandoned)
				time.Sleep(500 * time.Millisecond)
			}
			if len(begun) > 0 {
				t.Errorf("%+v was worked after the one that follows it", <-begun)
			}
		})
	}
}

// TestProjectsInOneDatabase do not see each other's jobs.
func TestProjectsInOneDatabase(t *testing.T) {
	t.Parallel()
	where := database(t)
	sql(t, where, "CREATE SCHEMA one", "CREATE SCHEMA two")
	begun := map[string]chan Job{"one": make(chan Job, 10), "two": make(chan Job, 10)}
	all := map[string]*process{}
	for name, c := range begun {
		all[name] = start(t, where+"&search_path="+name, func(_ context.Context, j Job) { c <- j })
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		all[name].ensure(t, all[name].job(t, 1))
		receive(t, "the job of "+name, begun[name])
	}
	time.Sleep(2500 * time.Millisecond) // more than a poll
	for name, c := range begun {
		if len(c) > 0 {
			t.Errorf("%s has worked another's job: %+v", name, <-c)
		}
		if j := all[name].free(t, 1); j.Fence != 1 {
			t.Errorf("%s: the lease was taken %d times", name, j.Fence)
		}
	}
}

// TestSchemas whose names are unusual hold jobs, or are refused with a reason.
func TestSchemas(t *testing.T) {
	t.Parallel()
	where := database(t)
	for name, refused := range map[string]bool{
		"my-project": false, "Mixed Case": false, "1st": false, "semi;colon": false, "it's": false, "schéma": false, "select": false,
		strings.Repeat("x", longestSchema): false, strings.Repeat("x", longestSchema+1): true, `say "so"`: true,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			quoted := pgx.Identifier{name}.Sanitize()
			sql(t, where, "CREATE SCHEMA "+quoted)
			begun := make(chan Job, 10)
			f := func(_ context.Context, j Job) { begun <- j }
			at := where + "&search_path=" + url.PathEscape(quoted)
			if refused {
				if _, err := begin(t.Context(), at, f); err == nil || !strings.Contains(err.Error(), "at most 46 bytes") {
					t.Errorf("%v", err)
				}
				return
			}
			p := start(t, at, f)
			p.ensure(t, p.job(t, 1))
			receive(t, "the job", begun)
			var n int
			c, err := pgx.Connect(t.Context(), where)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close(context.Background()) }()
			if err := c.QueryRow(t.Context(), "SELECT count(*) FROM "+quoted+".river_job").Scan(&n); err != nil || n != 1 {
				t.Errorf("%d jobs in the schema, %v", n, err)
			}
			if text := p.log.String(); text != "" {
				t.Errorf("logged: %s", text)
			}
		})
	}
}

// TestNameOfAProcess may be longer than River takes: that of a host alone may have 64 bytes.
func TestNameOfAProcess(t *testing.T) {
	t.Parallel()
	where := database(t)
	begun := make(chan Job, 1)
	p := start(t, where, func(context.Context, Job) {})
	pool, schema, err := p.store.Pool(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.jobs.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	id := strings.Repeat("long", 40) + "/1/a"
	r, err := NewRiver(t.Context(), pool, schema, id, p.store.Alone, func(_ context.Context, j Job) { begun <- j }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	p.jobs = r
	p.ensure(t, p.job(t, 1))
	receive(t, "the job", begun)
	var by string
	c, err := pgx.Connect(t.Context(), where)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.Background()) }()
	if err := c.QueryRow(t.Context(), "SELECT attempted_by[1] FROM river_job").Scan(&by); err != nil || !strings.HasSuffix(id, by) || len(by) != 100 {
		t.Errorf("it was worked by %q, %v", by, err)
	}
}

// TestTablesMadeByMany: processes that start at once on a new database.
func TestTablesMadeByMany(t *testing.T) {
	t.Parallel()
	const processes = 5
	where := database(t)
	begun := make(chan Job, 100)
	all := make([]*process, processes)
	var group sync.WaitGroup
	for i := range all {
		group.Go(func() {
			p, err := begin(context.Background(), where, func(_ context.Context, j Job) { begun <- j })
			if err != nil {
				t.Error(err)
				return
			}
			all[i] = p
		})
	}
	group.Wait()
	for i, p := range all {
		if p == nil {
			continue
		}
		p.ensure(t, p.job(t, uint64(i)))
	}
	for range all {
		receive(t, "a job", begun)
	}
	for _, p := range all {
		if p == nil {
			continue
		}
		if err := p.jobs.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		p.leases.Close()
		if err := p.store.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestServerThatRestarts: a job in hand goes on, and others are worked afterwards.
func TestServerThatRestarts(t *testing.T) {
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
	begun, end := make(chan Job, 10), make(chan struct{})
	inHand := make(chan error, 1)
	p := start(t, s.URL("postgres"), func(ctx context.Context, j Job) {
		begun <- j
		if j.ChainID == 1 {
			<-end
			inHand <- ctx.Err()
		}
	})
	p.ensure(t, p.job(t, 1))
	receive(t, "the job", begun)
	if err := s.Crash(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond)
	if err := s.Again(); err != nil {
		t.Fatal(err)
	}
	await(t, "a job after the restart", func() bool {
		if err := p.jobs.Ensure(t.Context(), Job{Plan: common.Hash{7}, ChainID: 2}); err != nil {
			t.Logf("not yet: %v", err) // River's pool finds its connections broken, one after the other
		}
		return len(begun) > 0
	})
	if j := <-begun; j.ChainID != 2 {
		t.Errorf("%+v", j)
	}
	close(end)
	if err := receive(t, "the job in hand", inHand); err != nil {
		t.Errorf("the job in hand was ended: %v", err)
	}
	if l := p.free(t, 1); l.Fence != 1 {
		t.Errorf("it was taken %d times", l.Fence)
	}
}

// TestStopWithoutServer ends all the same.
func TestStopWithoutServer(t *testing.T) {
	t.Parallel()
	s, err := localpg.Start("fsync=off")
	if err != nil {
		t.Fatal(err)
	}
	begun := make(chan struct{})
	p, err := begin(t.Context(), s.URL("postgres"), func(ctx context.Context, _ Job) {
		close(begun)
		<-ctx.Done()
	})
	if err != nil {
		t.Fatal(err)
	}
	p.ensure(t, p.job(t, 1))
	receive(t, "the job", begun)
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- p.jobs.Stop(ctx) }()
	if err := receive(t, "the end", stopped); err == nil {
		t.Error("it says that no job was ended")
	}
	p.leases.Close()
	_ = p.store.Close() // its server is gone
}
