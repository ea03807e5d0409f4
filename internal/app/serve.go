package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"golang.org/x/sync/errgroup"

	"github.com/seed-b6a97670/lockstep/internal/lease"
	"github.com/seed-b6a97670/lockstep/internal/metric"
	"github.com/seed-b6a97670/lockstep/internal/reconcile"
	"github.com/seed-b6a97670/lockstep/internal/relay"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/schedule"
	"github.com/seed-b6a97670/lockstep/internal/store"
	"github.com/seed-b6a97670/lockstep/internal/trace"
	"github.com/seed-b6a97670/lockstep/internal/web"
)

// Times of the daemon.
const (
	lookForWork = time.Second // between looks for plans that were handed over
	// slice is for how long a job is worked before it is handed out again, so that work spreads over processes that come later.
	slice = 10 * time.Minute
	// drain is how long a graceful stop waits for the steps in hand. What takes longer is gone on with by the next process.
	drain = 20 * time.Second
	// lastTraces is how long a stop waits for the collector of traces.
	lastTraces = 3 * time.Second
)

// watching begins the names of the leases on looking after networks.
const watching = "watch/"

// states are all that a network can be in.
var states = []rollout.NetworkState{
	rollout.StateWaiting, rollout.StateWorking, rollout.StateReady, rollout.StateReleasing, rollout.StateHalted, rollout.StateUnreachable,
	rollout.StateExcluded, rollout.StateDone,
}

// scheduler hands jobs out, in this process or in several.
type scheduler interface {
	Ensure(ctx context.Context, jobs ...schedule.Job) error
	Stop(ctx context.Context) error
}

// server is the daemon.
type server struct {
	app      *App
	log      *slog.Logger
	metrics  *metric.Registry
	tracer   *trace.Tracer // nil if nobody is told
	jobs     scheduler
	stopping context.Context //nolint:containedctx // it ends when steps in hand are to be the last
	unsigned []string        // roles for which nobody can sign here
	answers  *answers
	eyes     *eyes
	looked   atomic.Int64 // when work was last looked for, in unix seconds

	runsMu sync.Mutex
	runs   map[common.Hash]Execution // plans that were handed over, with their manifests

	mu     sync.Mutex
	inHand map[string]context.CancelFunc // ends the work that a lease is for after its step, by the name of the lease
	failed map[common.Hash]string        // why a plan cannot be carried out, as it was logged
	sent   map[int64]time.Time           // open transactions by their id
}

// Serve carries out every plan that was handed over, on every network, until ctx ends. Then it finishes the step in hand of each. Any number of
// processes may serve one journal in PostgreSQL. listening is told the URL of the server's API.
func (a *App) Serve(ctx context.Context, listening func(url string)) (err error) {
	var record io.Writer
	if name := a.opts.Record; name != "" {
		f, openErr := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if openErr != nil {
			return fmt.Errorf("record what is seen: %w: name a file that can be written", openErr)
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		record = f
	}
	if err := a.open(ctx); err != nil {
		return err
	}
	s := &server{app: a, log: a.opts.Log, inHand: map[string]context.CancelFunc{}, failed: map[common.Hash]string{}, runs: map[common.Hash]Execution{}, sent: map[int64]time.Time{}}
	var end context.CancelFunc
	s.stopping, end = context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	s.metrics = metric.New(a.measured())
	a.examined = func(ns NetworkStatus) { s.metrics.Dispatcher(ns.Network, ns.Delay, ns.Paused) }
	if s.tracer, err = a.tracer(ctx); err != nil {
		return err
	}
	defer s.lastTraces(ctx)
	a.opts.Progress, a.opts.Relayed = s.event, s.relayed
	a.opts.Confirm = func(context.Context, []Outcome) error { return nil } // whoever asks over HTTP has decided
	a.leases.TakenOver = func(l rollout.Lease) {
		s.metrics.LeaseTakenOver()
		s.log.Warn("taken over from a process that is gone, or has stopped", "lease", l.Name, "from", rollout.HolderName(l.From))
	}
	ids := map[string]uint64{}
	for _, n := range a.networks {
		ids[n.Name] = n.ChainID
	}
	if s.answers, err = newAnswers(a.cfg, a.store, a.alerting(a.store), ids, s.log); err != nil {
		return err
	}
	s.eyes = &eyes{server: s, stopping: s.stopping, record: record}
	sender, err := a.Sender(s.sentNotice)
	if err != nil {
		return err
	}
	s.eyes.wake = sender.Wake
	if s.eyes.pauser, err = a.NewPauser(ctx, s.metrics); err != nil {
		return err
	}
	server, err := web.New(ctx, s.api())
	if err != nil {
		return err
	}
	listening(server.URL())
	if s.jobs, err = s.schedule(ctx); err != nil {
		return err
	}
	s.checkSigners(ctx)
	a.opts.Log.InfoContext(ctx, "serving", "networks", len(a.networks), "journal", store.Name(a.opts.Journal))
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return server.Serve(ctx) })
	g.Go(func() error { return s.lookForWork(ctx) })
	g.Go(func() error { return s.answers.poll(ctx) })
	watched, unwatch := context.WithCancel(context.WithoutCancel(ctx))
	g.Go(func() error {
		defer unwatch() // orders to pause have come to their end, or are in the journal with their alerts
		return s.eyes.watchAll(ctx)
	})
	g.Go(func() error { return sender.Run(ctx) })
	g.Go(func() error { return s.watchQueue(ctx) })
	if s.eyes.pauser != nil {
		g.Go(func() error { return s.eyes.pauser.Run(watched) }) // it outlasts what gives it orders
	}
	for _, n := range a.networks {
		g.Go(func() error { return s.watch(ctx, n) })
	}
	g.Go(func() error {
		<-ctx.Done()
		end()
		draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		if err := s.jobs.Stop(draining); err != nil {
			s.log.WarnContext(ctx, "the steps in hand took too long, and are gone on with by the next process", "err", err)
		}
		return nil
	})
	err = g.Wait()
	s.log.Info("stopped")
	return err
}

// lastTraces sends what has not been sent of traces.
func (s *server) lastTraces(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastTraces)
	defer cancel()
	if err := s.tracer.Close(ctx); err != nil {
		s.log.WarnContext(ctx, "the last traces are lost", "err", err)
	}
}

// checkSigners finds out at the beginning whether those who send can sign here, and not when a timelock has passed.
func (s *server) checkSigners(ctx context.Context) {
	for _, role := range []rollout.Role{rollout.Deployer, rollout.Committer, rollout.Applier} {
		if _, err := s.app.unlock(role); err != nil {
			s.unsigned = append(s.unsigned, string(role))
			s.log.ErrorContext(ctx, "nobody can sign here for a role: what it sends is left to other processes", "role", role, "err", err)
		}
	}
}

func (s *server) schedule(ctx context.Context) (scheduler, error) {
	pool, schema, err := s.app.store.Pool(ctx)
	if err != nil {
		return nil, err
	}
	if pool == nil {
		return schedule.NewLocal(context.WithoutCancel(ctx), s.work, s.log), nil
	}
	return schedule.NewRiver(ctx, pool, schema, s.app.holder, s.app.store.Alone, s.work, s.log)
}

// lookForWork hands out jobs until ctx ends.
func (s *server) lookForWork(ctx context.Context) error {
	for {
		err := s.lookOnce(ctx)
		s.metrics.JournalUp(err == nil && s.app.leases.Failing() == nil || ctx.Err() != nil)
		s.metrics.LeasesHeld(s.app.leases.Count())
		if err == nil {
			s.looked.Store(time.Now().Unix())
		} else if ctx.Err() == nil {
			s.log.ErrorContext(ctx, "work cannot be looked for", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(lookForWork):
		}
	}
}

// lookOnce hands out a job for each network of each plan that may go on and that nobody works on.
func (s *server) lookOnce(ctx context.Context) error {
	all, err := s.app.store.Executions(ctx, true)
	if err != nil {
		return err
	}
	var jobs []schedule.Job
	counts, goesOn := map[string]int{}, map[string]bool{}
	for _, ex := range all {
		for _, n := range ex.Networks {
			counts[string(n.State)]++
			goesOn[schedule.Job{Plan: ex.Plan, ChainID: n.ChainID}.Lease()] = n.State != rollout.StateExcluded
		}
		some, err := s.jobsOf(ctx, ex)
		s.complain(ctx, ex.Plan, err)
		jobs = append(jobs, some...)
	}
	s.takeBack(goesOn)
	s.metrics.ExecutionNetworks(counts)
	if len(jobs) == 0 {
		return nil
	}
	return s.jobs.Ensure(ctx, jobs...)
}

// complain logs once that a plan cannot be carried out.
func (s *server) complain(ctx context.Context, plan common.Hash, err error) {
	s.mu.Lock()
	before := s.failed[plan]
	s.failed[plan] = ""
	if err != nil {
		s.failed[plan] = err.Error()
	}
	s.mu.Unlock()
	if err != nil && err.Error() != before && ctx.Err() == nil {
		s.log.ErrorContext(ctx, "a plan cannot be carried out", "plan", plan, "err", err)
	}
}

// takeBack ends the work on networks of plans that an operator has taken back, which would else be found out when they look again.
func (s *server) takeBack(goesOn map[string]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, end := range s.inHand {
		if !goesOn[name] {
			end()
		}
	}
}

func (s *server) jobsOf(ctx context.Context, ex store.Execution) (jobs []schedule.Job, err error) {
	x, err := s.handedOver(ctx, ex.Plan)
	if err != nil {
		return nil, errors.Join(err, s.halt(ctx, ex, err))
	}
	progress, err := s.app.progress(ctx, x.Plan, ex)
	if err != nil {
		return nil, err
	}
	leases, err := s.app.store.Leases(ctx, fmt.Sprintf("plan/%s/", ex.Plan))
	if err != nil {
		return nil, err
	}
	e := s.app.newExecution(x, nil, s.by())
	for _, row := range ex.Networks {
		n := s.network(row.ChainID)
		job := schedule.Job{Plan: ex.Plan, ChainID: row.ChainID}
		held := leases[job.Lease()]
		// what a process of this machine held that has ended need not expire: a daemon that is started again goes on at once
		if n == nil && row.State == rollout.StateWaiting {
			reason := "no process that serves has the network in its configuration: start lockstep serve anew with one that has"
			err = errors.Join(err, s.app.store.StillWaiting(ctx, ex.Plan, row.ChainID, reason, s.by()))
		}
		if n == nil || row.State.Ended() || row.Retry > 0 || held.Live && !lease.Gone(held.Holder) {
			continue
		}
		if row.State == rollout.StateWaiting {
			if v := e.policy().Begin(progress, row.ChainID); !v.Allowed {
				if v.Reason != row.Reason {
					err = errors.Join(err, s.app.store.StillWaiting(ctx, ex.Plan, row.ChainID, v.Reason, s.by()))
				}
				continue
			}
		}
		job.Fence = held.Fence
		jobs = append(jobs, job)
	}
	return jobs, err
}

// halt notes on every network why a plan cannot be carried out at all.
func (s *server) halt(ctx context.Context, ex store.Execution, why error) error {
	var errs []error
	for _, row := range ex.Networks {
		if row.State.Ended() || row.Retry > 0 || ctx.Err() != nil {
			continue
		}
		errs = append(errs, s.app.store.SetNetwork(ctx, ex.Plan, store.ExecutionNetwork{
			ChainID: row.ChainID, State: rollout.StateHalted, Reason: why.Error(), Retry: 30 * time.Second,
		}, s.by()))
	}
	return errors.Join(errs...)
}

func (s *server) network(chainID uint64) *net {
	i := slices.IndexFunc(s.app.networks, func(n *net) bool { return n.ChainID == chainID })
	if i < 0 {
		return nil
	}
	return s.app.networks[i]
}

// by is who carries out, for the audit log.
func (s *server) by() string { return "serve " + rollout.HolderName(s.app.holder) }

// handedOver is a plan of the journal with its manifest, which is computed again once.
func (s *server) handedOver(ctx context.Context, digest common.Hash) (Execution, error) {
	s.runsMu.Lock()
	defer s.runsMu.Unlock()
	if x, ok := s.runs[digest]; ok {
		return x, nil
	}
	p, err := s.app.plan(ctx, digest)
	if err != nil {
		return Execution{}, err
	}
	x := Execution{Plan: p}
	if p.Intent.Manifest == nil {
		return x, nil // it cannot be handed over, which HandOver says
	}
	file, err := s.app.store.ManifestFile(ctx, p.Intent.Manifest.Root, p.Intent.Manifest.SHA256)
	if err != nil {
		return Execution{}, err
	}
	if x.Manifest, x.File, err = s.app.verified(file); err != nil {
		return Execution{}, err
	}
	s.runs[digest] = x
	return x, nil
}

// work does a job: it carries a plan out on a network, under the lease that the job is for.
func (s *server) work(ctx context.Context, j schedule.Job) {
	n := s.network(j.ChainID)
	if n == nil { // the job is made again, until a process has it whose configuration has the network
		s.log.ErrorContext(ctx, "the network is not in the configuration of this process", "plan", j.Plan, "chain", j.ChainID)
		return
	}
	held, err := s.app.leases.TryNext(ctx, rollout.Lease{Name: j.Lease(), Fence: j.Fence})
	other := (*rollout.HeldError)(nil)
	switch {
	case errors.Is(err, rollout.ErrFenced), errors.As(err, &other):
		return // another process was faster
	case err != nil:
		s.log.ErrorContext(ctx, "a job cannot be begun", "plan", j.Plan, "chain", j.ChainID, "err", err)
		return
	}
	defer func() {
		if err := held.Release(ctx); err != nil {
			s.log.WarnContext(ctx, "a lease was not given back", "lease", j.Lease(), "err", err)
		}
	}()
	stopping, end := context.WithTimeout(ctx, slice)
	s.mu.Lock()
	s.inHand[j.Lease()] = end
	s.mu.Unlock()
	unhook := context.AfterFunc(s.stopping, end)
	defer func() {
		unhook()
		end()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.inHand, j.Lease())
	}()
	err = s.contained(held.Context(), j, n, held.Leases, stopping.Done())
	switch {
	case err == nil, errors.Is(err, reconcile.ErrStopped), held.Context().Err() != nil: // gone on with, here or elsewhere
	case errors.Is(err, errTakenBack):
		s.log.InfoContext(ctx, "not gone on with", "network", n.Name, "plan", j.Plan, "err", err)
	default:
		s.log.ErrorContext(ctx, "not done", "network", n.Name, "plan", j.Plan, "err", err)
	}
}

// contained is carryOut whose panic halts the network alone, for good: an operator must look at the log.
func (s *server) contained(ctx context.Context, j schedule.Job, n *net, under []rollout.Lease, stop <-chan struct{}) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.ErrorContext(ctx, "panic", "network", n.Name, "plan", j.Plan, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("the program has failed in a way that it does not know: %v; its log says more", p)
			err = errors.Join(err, s.app.store.SetNetwork(ctx, j.Plan, store.ExecutionNetwork{
				ChainID: n.ChainID, State: rollout.StateHalted, Reason: err.Error(), Retry: never,
			}, s.by()))
		}
	}()
	return s.carryOut(ctx, j, n, under, stop)
}

func (s *server) carryOut(ctx context.Context, j schedule.Job, n *net, under []rollout.Lease, stop <-chan struct{}) (err error) {
	x, err := s.handedOver(ctx, j.Plan)
	if err != nil {
		return err
	}
	signers, err := s.app.planSigners(x.Plan)
	e := s.app.newExecution(x, signers, s.by())
	e.journal, e.stop, e.served = s.app.store.Under(under...), stop, true
	e.trace, e.over = s.take(x.Plan, n), func(ctx context.Context) { s.over(ctx, x.Plan) }
	defer func() { e.trace.end(ctx, err) }()
	if err == nil {
		out := Outcome{Network: n.Name}
		if err = e.on(ctx, n, &out, func() error { return e.mustStillHold(ctx, n) }); err == nil {
			s.log.InfoContext(ctx, "done", "network", n.Name, "plan", j.Plan, "transactions", len(out.Transactions))
		}
		s.measure(ctx, e, n, out)
	}
	if errors.Is(err, reconcile.ErrStopped) {
		if _, why := e.stands(ctx, n); errors.Is(why, errTakenBack) {
			err = why
		}
	}
	if err != nil {
		err = errors.Join(err, e.fail(ctx, n, err))
	}
	return err
}

// watch looks at the head of a network, and checks its health, if no other process does.
func (s *server) watch(ctx context.Context, n *net) error {
	var held *lease.Held // on the checking of its health
	defer func() {
		if held != nil {
			_ = held.Release(ctx) // it expires by itself
		}
	}()
	var checked time.Time
	for ctx.Err() == nil {
		if at, err := n.chain.Head(ctx); err == nil {
			s.metrics.NetworkHead(n.Name, at.Number, at.Time)
		} else if ctx.Err() == nil {
			s.metrics.RPCFailed(n.Name)
			s.log.WarnContext(ctx, "no head", "network", n.Name, "err", err)
		}
		if held != nil && held.Context().Err() != nil {
			_ = held.Release(ctx) // it was lost, and is another's
			held = nil
			s.metrics.Unwatched(n.Name)
		}
		if held == nil {
			if h, err := s.app.leases.Try(ctx, fmt.Sprintf("%s%d", watching, n.ChainID)); err == nil {
				held = h
			}
		}
		every := s.app.healthEvery(n)
		if held != nil && held.Context().Err() == nil && time.Since(checked) >= every {
			checked = time.Now()
			if _, err := s.app.checkHealth(held.Context(), n); err != nil && ctx.Err() == nil {
				s.log.WarnContext(ctx, "the health of a network was not noted", "network", n.Name, "err", err)
			}
		}
		if h, err := s.app.store.Health(ctx, n.ChainID); err == nil { // also what another process has found
			s.metrics.NetworkHealthy(n.Name, h.Healthy)
		}
		select {
		case <-ctx.Done():
		case <-time.After(min(s.app.cfg.Serve.Poll, every)):
		}
	}
	return nil
}

// relayed counts what was seen of a relay.
func (s *server) relayed(m relay.Measurement) {
	s.metrics.RelayAsked(m.Network, m.Relay, string(m.Outcome))
	if m.Took > 0 {
		s.metrics.RelayTook(m.Relay, m.Took)
	}
	if m.Outcome != relay.OutcomeLanded {
		return
	}
	over := 0.0
	if m.GasPrice != nil && m.BaseFee != nil && m.BaseFee.Sign() > 0 {
		over, _ = new(big.Rat).SetFrac(m.GasPrice, m.BaseFee).Float64()
	}
	s.metrics.RelayLanded(m.Relay, m.Blocks, over)
}

// event logs what happens on a network, and counts it.
func (s *server) event(ev Event) {
	args := []any{"network", ev.Network, "what", ev.Step}
	if ev.Tx.Hash != (common.Hash{}) {
		args = append(args, "tx", ev.Tx.Hash, "nonce", ev.Tx.Nonce)
	}
	switch ev.Kind {
	case "sent":
		s.mu.Lock()
		s.sent[ev.Tx.ID] = time.Now()
		s.mu.Unlock()
		s.log.Info("sent", args...)
	case "confirmed", "reverted":
		s.mu.Lock()
		since, known := s.sent[ev.Tx.ID]
		delete(s.sent, ev.Tx.ID)
		s.mu.Unlock()
		if known {
			s.metrics.StepTook(ev.Network, time.Since(since))
		}
		s.metrics.Step(ev.Network, ev.Step, ev.Kind, ev.Tx.GasUsed)
		if ev.Tx.Status == rollout.Confirmed {
			s.measureGas(ev.Tx)
		}
		s.log.Info(ev.Kind, append(args, "block", ev.Tx.BlockNumber, "gas", ev.Tx.GasUsed)...)
	case "unreachable":
		s.metrics.RPCFailed(ev.Network)
		s.log.Warn(ev.Kind, args...)
	case "stuck", "failed":
		s.log.Warn(ev.Kind, args...)
	case "done": // of a part: what the journal says of the network is logged when all of it is
	case "waiting":
		s.log.Debug(ev.Kind, append(args, "block", ev.Now.Number, "time", ev.Now.Time, "until", ev.Until)...)
	default:
		s.log.Info(ev.Kind, args...)
	}
}
