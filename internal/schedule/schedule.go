// Package schedule hands out the work on networks: to goroutines of this process, or, through River on PostgreSQL, to whichever process is
// free.
//
// A job is for one network of one plan, and for one taking of its lease: whoever works it takes the lease after the fencing number that the job
// bears. So a job that is worked twice, or late, finds the number changed, and does nothing. A process that is killed leaves a job behind that
// River takes for running; when the lease has expired, another job is made, for the next number.
package schedule

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
)

// Job is the work on one network of one plan.
type Job struct {
	Plan    common.Hash `json:"plan"`
	ChainID uint64      `json:"chainId"`
	Fence   uint64      `json:"fence"` // of the lease before it is taken for this job
}

// Lease names the right to carry a plan out on a network.
func (j Job) Lease() string { return fmt.Sprintf("plan/%s/%d", j.Plan, j.ChainID) }

// Work does a job. It returns when the job is done, or for this process, and soon after its context ends.
type Work func(ctx context.Context, j Job)

// lastWait is how long Stop waits for jobs whose context it has ended: one that does not heed it must not keep a process from ending.
const lastWait = 5 * time.Second

// guarded is work whose panic ends one job, and neither the process nor the jobs beside it.
func guarded(work Work, log *slog.Logger) Work {
	return func(ctx context.Context, j Job) {
		defer func() {
			if p := recover(); p != nil {
				log.ErrorContext(ctx, "a job panicked", "plan", j.Plan, "chain", j.ChainID, "err", fmt.Sprint(p), "stack", string(debug.Stack()))
			}
		}()
		work(ctx, j)
	}
}

// Local works jobs in this process.
type Local struct {
	work   Work
	ctx    context.Context //nolint:containedctx // of all jobs, whoever ensures them
	cancel context.CancelFunc
	jobs   sync.WaitGroup

	mu      sync.Mutex
	working map[string]bool // by lease
	stopped bool
}

// NewLocal makes a scheduler whose jobs end with ctx at the latest.
func NewLocal(ctx context.Context, work Work, log *slog.Logger) *Local {
	l := &Local{work: guarded(work, log), working: map[string]bool{}}
	l.ctx, l.cancel = context.WithCancel(ctx)
	return l
}

// Ensure begins jobs that are not being worked.
func (l *Local) Ensure(_ context.Context, jobs ...Job) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, j := range jobs {
		name := j.Lease()
		if l.stopped || l.working[name] {
			continue
		}
		l.working[name] = true
		l.jobs.Go(func() {
			l.work(l.ctx, j)
			l.mu.Lock()
			defer l.mu.Unlock()
			delete(l.working, name)
		})
	}
	return nil
}

// Stop waits for the jobs in hand to return, and ends them when ctx ends.
func (l *Local) Stop(ctx context.Context) error {
	l.mu.Lock()
	l.stopped = true
	l.mu.Unlock()
	defer l.cancel()
	done := make(chan struct{})
	go func() {
		l.jobs.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		l.cancel()
	}
	select {
	case <-done:
		return fmt.Errorf("jobs were ended in the middle: %w", ctx.Err())
	case <-time.After(lastWait):
		return fmt.Errorf("jobs were to end in the middle, and have not: %w", ctx.Err())
	}
}
