package schedule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"
)

// River's settings.
const (
	queue = "networks"
	// most bounds the jobs of one process: each is a few goroutines that wait.
	most = 256
	// insertedOnce is in which time one job is made for one fencing number. If it is lost before its lease is taken, another one is made then.
	insertedOnce = 5 * time.Second
	// rescued is after how long River gives up a job that a process has left behind. Whoever is given it then finds its number changed.
	rescued = time.Hour
	// kept is how long River keeps rows of jobs that have ended.
	kept = 10 * time.Minute
	// longestID is what River takes for the name of a process.
	longestID = 100
	// longestSchema is that of a schema whose name, with that of a subject, names a channel of PostgreSQL.
	longestSchema = 63 - len(".river_leadership")
)

// River distributes jobs to processes that share a PostgreSQL database.
type River struct {
	client *river.Client[pgx.Tx]
	pool   *pgxpool.Pool
}

// args is a job as River stores it.
type args struct {
	Job
}

// Kind names the table's rows.
func (args) Kind() string { return "network" }

type worker struct {
	river.WorkerDefaults[args]
	work Work
}

// Work does a job. What came of it is in the journal, so that River need not know.
func (w *worker) Work(ctx context.Context, j *river.Job[args]) error {
	w.work(ctx, j.Args.Job)
	return nil
}

// NewRiver brings River's tables up to date, while alone makes sure that no other process does, and begins to work jobs. The tables are in the
// schema that the connections of the pool find first, whose name is given. id names this process. The pool is closed with the scheduler, or if
// there is none.
func NewRiver(ctx context.Context, pool *pgxpool.Pool, schema, id string, alone func(context.Context, func() error) error, work Work, log *slog.Logger,
) (_ *River, err error) {
	defer func() {
		if err != nil {
			pool.Close()
		}
	}()
	// River would have a schema named by letters, digits and underscores alone, and quotes no name of a channel
	if len(schema) > longestSchema || strings.Contains(schema, `"`) {
		return nil, fmt.Errorf("jobs cannot be handed out in the schema %q: give the journal one whose name has at most %d bytes and no quotation mark, "+
			"with ?search_path=SCHEMA", schema, longestSchema)
	}
	driver := riverpgxv5.New(pool)
	quiet := slog.New(above{log.Handler()})
	err = alone(ctx, func() error {
		m, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: quiet})
		if err != nil {
			return err
		}
		_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("make River's tables: %w", err)
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &worker{work: guarded(work, log)})
	client, err := river.NewClient(driver, &river.Config{
		ID:     id[max(0, len(id)-longestID):], // what tells processes of one machine apart comes last
		Logger: quiet, Workers: workers, Queues: map[string]river.QueueConfig{queue: {MaxWorkers: most}},
		MaxAttempts: 1, JobTimeout: -1, RescueStuckJobsAfter: rescued, FetchPollInterval: time.Second,
		CompletedJobRetentionPeriod: kept, CancelledJobRetentionPeriod: kept, DiscardedJobRetentionPeriod: kept,
	})
	if err != nil {
		return nil, fmt.Errorf("configure River: %w", err)
	}
	// jobs end by Stop, after the step in hand
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return nil, fmt.Errorf("start River: %w", err)
	}
	return &River{client, pool}, nil
}

// Ensure makes jobs that are not made yet, for whichever process is free.
func (r *River) Ensure(ctx context.Context, jobs ...Job) error {
	opts := &river.InsertOpts{Queue: queue, UniqueOpts: river.UniqueOpts{
		ByArgs: true, ByPeriod: insertedOnce,
		// one that has ended without taking the lease does not stand in the way of the next
		ByState: []rivertype.JobState{
			rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning, rivertype.JobStateRetryable, rivertype.JobStateScheduled,
		},
	}}
	// One by one: a statement that makes several locks their rows in its order, and those that end jobs lock them in another, which is a deadlock.
	for _, j := range jobs {
		if _, err := r.client.Insert(ctx, args{j}, opts); err != nil {
			return fmt.Errorf("hand out jobs: %w", err)
		}
	}
	return nil
}

// Stop waits for the jobs in hand to return, and ends them when ctx ends.
func (r *River) Stop(ctx context.Context) error {
	defer r.pool.Close()
	err := r.client.Stop(ctx)
	if err == nil {
		return nil
	}
	cancelled, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWait)
	defer cancel()
	return errors.Join(fmt.Errorf("jobs were ended in the middle: %w", err), r.client.StopAndCancel(cancelled))
}

// above passes on what is a warning at least: River tells much about itself.
type above struct{ slog.Handler }

// Enabled tells whether a level is passed on.
func (a above) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && a.Handler.Enabled(ctx, l)
}

// WithAttrs keeps the level.
func (a above) WithAttrs(attrs []slog.Attr) slog.Handler { return above{a.Handler.WithAttrs(attrs)} }

// WithGroup keeps the level.
func (a above) WithGroup(name string) slog.Handler { return above{a.Handler.WithGroup(name)} }
