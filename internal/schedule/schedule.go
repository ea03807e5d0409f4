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
	"sync"

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

// Work does a job. It returns when the job is done, or for this process.
type Work func(ctx context.Context, j Job)

// Local works jobs in this process.
type Local struct {
	work   Work
	log    *slog.Logger
	ctx    context.Context //nolint:containedctx // of all jobs, whoever ensures them
	cancel context.CancelFunc
	jobs   sync.WaitGroup

	mu      sync.Mutex
	working map[string]bool // by lease
	stopped bool
}

// NewLocal makes a scheduler whose jobs end with ctx at the latest.
func NewLocal(ctx context.Context, work Work, log *slog.Logger) *Local {
	l := &Local{work: work, log: log, working: map[string]bool{}}
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
		<-done
		return fmt.Errorf("jobs were ended in the middle: %w", ctx.Err())
	}
}
