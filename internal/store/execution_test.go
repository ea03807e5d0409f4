package store

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// beginExecution begins a plan of its own on networks.
func beginExecution(t testing.TB, s *Store, number int64, served bool, chains ...uint64) common.Hash {
	t.Helper()
	digest := savePlan(t, s, number).Digest
	if err := s.BeginExecution(t.Context(), digest, served, chains, "alice"); err != nil {
		t.Fatal(err)
	}
	return digest
}

// executionStory does to three plans whatever can be done about executions, and about the health of networks. The first one ends, the second one
// runs and the third one is stopped.
func executionStory(t testing.TB, s *Store, digests []common.Hash) {
	t.Helper()
	ctx := t.Context()
	at := func(time uint64) rollout.Block { return rollout.Block{Number: time, Time: time} }
	health := func(b rollout.Block, problem string) error {
		_, err := s.SetHealth(ctx, chainID, b, problem, time.Hour)
		return err
	}
	for i, err := range []error{
		s.BeginExecution(ctx, digests[0], true, []uint64{chainID, 10}, "alice"),
		s.BeginExecution(ctx, digests[1], false, []uint64{chainID, 10}, "alice"),
		s.BeginExecution(ctx, digests[2], true, []uint64{10}, "alice"),
		s.SetNetwork(ctx, digests[0], ExecutionNetwork{ChainID: chainID, State: rollout.StateReady, Reason: "simulated"}, "bob"),
		func() error {
			released, err := s.LetGo(ctx, digests[0], "bob", func(Execution) bool { return true })
			if err == nil && !released {
				err = errors.New("not let go")
			}
			return err
		}(),
		s.SetNetwork(ctx, digests[0], ExecutionNetwork{ChainID: chainID, State: rollout.StateDone, DoneAt: 1700}, "bob"),
		s.StopExecution(ctx, digests[0], "look", "carol"), s.Retry(ctx, digests[0], "carol"),
		s.Exclude(ctx, digests[0], 10, "gone", "carol"),
		s.SetNetwork(ctx, digests[1], ExecutionNetwork{ChainID: 10, State: rollout.StateHalted, Reason: "it reverted", Retry: time.Hour}, "bob"),
		s.SetNetwork(ctx, digests[1], ExecutionNetwork{ChainID: 10, State: rollout.StateWaiting, Reason: "an operator asked for another look: it was halted, it reverted"}, "carol"),
		s.StopExecution(ctx, digests[2], "wait", "carol"),
		health(at(100), ""), health(at(120), "paused"),
	} {
		if err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
}

func executionOf(t testing.TB, s *Store, digest common.Hash) Execution {
	t.Helper()
	e, err := s.Execution(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func setNetwork(t testing.TB, s *Store, digest common.Hash, chain uint64, state rollout.NetworkState, reason string) {
	t.Helper()
	n := ExecutionNetwork{ChainID: chain, State: state, Reason: reason}
	if state == rollout.StateDone {
		n.DoneAt = 1000 + chain
	}
	if err := s.SetNetwork(t.Context(), digest, n, "bob"); err != nil {
		t.Fatal(err)
	}
}

func network(t testing.TB, s *Store, digest common.Hash, chain uint64) ExecutionNetwork {
	t.Helper()
	for _, n := range executionOf(t, s, digest).Networks {
		if n.ChainID == chain {
			return n
		}
	}
	t.Fatalf("no chain %d", chain)
	return ExecutionNetwork{}
}

// stands says in short where an execution stands.
func stands(e Execution) (out []string) {
	out = append(out, string(e.Status))
	if e.Served {
		out = append(out, "served")
	}
	if e.Released {
		out = append(out, "released")
	}
	for _, n := range e.Networks {
		out = append(out, string(n.State))
	}
	return out
}

func mustStand(t testing.TB, s *Store, digest common.Hash, want string) {
	t.Helper()
	if got := strings.Join(stands(executionOf(t, s, digest)), " "); got != want {
		t.Errorf("it stands %q, want %q", got, want)
	}
	mustBeSound(t, s)
}

// TestExecutionEndsOnce: of those who note at the same time that a network is done, one learns that it has ended the execution.
func TestExecutionEndsOnce(t *testing.T) { onEach(t, testExecutionEndsOnce) }

func testExecutionEndsOnce(t *testing.T, on *database) {
	s := on.fresh(t)
	chains := []uint64{10, 11, 12, 13, 14}
	plan := beginExecution(t, s, 1, true, chains...)
	var all sync.WaitGroup
	var ends atomic.Int32
	for _, chain := range append(chains, chains...) {
		all.Go(func() {
			over, err := s.NoteNetwork(t.Context(), plan, ExecutionNetwork{ChainID: chain, State: rollout.StateDone, DoneAt: 1700}, "bob")
			if err != nil {
				t.Error(err)
			}
			if over {
				ends.Add(1)
			}
		})
	}
	all.Wait()
	if n := ends.Load(); n != 1 {
		t.Errorf("it has ended %d times", n)
	}
	mustStand(t, s, plan, "done served done done done done done")
}

func TestBeginExecution(t *testing.T) { onEach(t, testBeginExecution) }

func testBeginExecution(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	if _, err := s.Execution(ctx, common.Hash{9}); !errors.Is(err, ErrNotFound) {
		t.Errorf("one that nobody has begun: %v", err)
	}
	if err := s.BeginExecution(ctx, common.Hash{9}, true, []uint64{1}, "alice"); err == nil {
		t.Error("a plan that is not in the journal was begun")
	}
	plan := beginExecution(t, s, 1, false, 10, chainID)
	mustStand(t, s, plan, "running waiting waiting")
	e := executionOf(t, s, plan)
	if e.Plan != plan || e.CreatedAt == 0 || e.Networks[0].ChainID != 10 || e.Networks[0].Reason != notBegun || e.Networks[0].Age < time.Hour {
		t.Errorf("%+v", e)
	}
	n := mustBeSound(t, s)
	again := func(served bool, chains ...uint64) error { return s.BeginExecution(ctx, plan, served, chains, "alice") }

	// again, also in part: it goes on, and that is no news
	setNetwork(t, s, plan, 10, rollout.StateWorking, "apply")
	n++
	for _, chains := range [][]uint64{{10, chainID}, {10}, nil} {
		if err := again(false, chains...); err != nil {
			t.Error(err)
		}
	}
	mustStand(t, s, plan, "running working waiting")
	if got := mustBeSound(t, s); got != n {
		t.Errorf("%d entries, there were %d", got, n)
	}
	// handed over, and with one network more
	if err := again(true, 10, 5); err != nil {
		t.Error(err)
	}
	mustStand(t, s, plan, "running served waiting working waiting")
	if got := mustBeSound(t, s); got != n+2 {
		t.Errorf("%d entries, want %d", got, n+2)
	}
	// a command keeps off until it is stopped
	var served *ServedError
	if err := again(false, 10); !errors.As(err, &served) || served.Plan != plan || !strings.Contains(err.Error(), "lockstep execution stop") {
		t.Errorf("a command: %v", err)
	}
	if err := again(false, 77); !errors.As(err, &served) {
		t.Errorf("a command, with another network: %v", err)
	}
	mustStand(t, s, plan, "running served waiting working waiting")
	if err := s.StopExecution(ctx, plan, "something is odd", "carol"); err != nil {
		t.Fatal(err)
	}
	if err := again(false, 10); err != nil {
		t.Error(err)
	}
	mustStand(t, s, plan, "running waiting working waiting")
	if e := executionOf(t, s, plan); e.Reason != "" {
		t.Errorf("it is running since %q", e.Reason)
	}
	if err := s.StopExecution(ctx, plan, "again", "carol"); err != nil {
		t.Fatal(err)
	}
	if err := again(true, 10); err != nil {
		t.Error(err)
	}
	mustStand(t, s, plan, "running served waiting working waiting")
}

// TestExecutionThatIsDone stays so, unless there is a network on which it was not begun.
func TestExecutionThatIsDone(t *testing.T) { onEach(t, testExecutionThatIsDone) }

func testExecutionThatIsDone(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	plan := beginExecution(t, s, 1, true, 10, chainID)
	if released, err := s.LetGo(ctx, plan, "bob", func(Execution) bool { return true }); !released || err != nil {
		t.Fatal(released, err)
	}
	setNetwork(t, s, plan, 10, rollout.StateDone, "")
	mustStand(t, s, plan, "running served released done waiting")
	if err := s.Exclude(ctx, plan, chainID, "its node is gone", "carol"); err != nil {
		t.Fatal(err)
	}
	mustStand(t, s, plan, "done served released done excluded")
	n := mustBeSound(t, s)
	for _, served := range []bool{true, false} {
		if err := s.BeginExecution(ctx, plan, served, []uint64{10, chainID}, "alice"); err == nil || !strings.Contains(err.Error(), "is done") {
			t.Errorf("begun again: %v", err)
		}
	}
	mustStand(t, s, plan, "done served released done excluded")
	// what was seen too late says nothing
	for _, chain := range []uint64{10, chainID} {
		setNetwork(t, s, plan, chain, rollout.StateHalted, "too late")
		if err := s.SetNetwork(ctx, plan, ExecutionNetwork{ChainID: chain, State: rollout.StateDone, DoneAt: 99}, "bob"); err != nil {
			t.Error(err)
		}
	}
	if got := network(t, s, plan, 10); got.DoneAt != 1010 || got.Reason != "" {
		t.Errorf("%+v", got)
	}
	mustStand(t, s, plan, "done served released done excluded")
	for what, err := range map[string]error{
		"stop": s.StopExecution(ctx, plan, "x", "carol"), "retry": s.Retry(ctx, plan, "carol"), "exclude": s.Exclude(ctx, plan, 10, "x", "carol"),
	} {
		if err == nil || !strings.Contains(err.Error(), "it is done already") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if got := mustBeSound(t, s); got != n {
		t.Errorf("%d entries, there were %d", got, n)
	}
	if err := s.BeginExecution(ctx, plan, false, []uint64{5}, "alice"); err != nil {
		t.Error(err)
	}
	mustStand(t, s, plan, "running released waiting done excluded")
	setNetwork(t, s, plan, 5, rollout.StateDone, "")
	mustStand(t, s, plan, "done released done done excluded")
}

func TestSetNetwork(t *testing.T) { onEach(t, testSetNetwork) }

func testSetNetwork(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	plan := beginExecution(t, s, 1, true, 10, chainID)
	n := mustBeSound(t, s)
	for i, x := range []struct {
		state  rollout.NetworkState
		reason string
		news   bool
	}{
		{rollout.StateWaiting, notBegun, false},
		{rollout.StateWorking, "commit", true},
		{rollout.StateWorking, "commit", false},
		{rollout.StateWorking, "apply", true},
		{rollout.StateReady, "simulated", true},
		{rollout.StateReady, "simulated", false},
		{rollout.StateHalted, "simulated", true},
		{rollout.StateUnreachable, "zero \x00 and \xff\xfe, 日本", true},
		{rollout.StateUnreachable, "zero \x00 and \xff\xfe, 日本", false},
		{rollout.StateReleasing, "let go", true},
	} {
		setNetwork(t, s, plan, 10, x.state, x.reason)
		if x.news {
			n++
		}
		got := network(t, s, plan, 10)
		if seq := mustBeSound(t, s); seq != n || got.State != x.state {
			t.Errorf("%d: %d entries, want %d; %+v", i, seq, n, got)
		}
		if strings.Contains(x.reason, "zero") && got.Reason != "zero \uFFFD and \uFFFD, 日本" {
			t.Errorf("the reason is %q", got.Reason)
		}
	}
	if entry := body[audit.ExecutionNetwork](t, log(t, s)[n-1]); entry != (audit.ExecutionNetwork{Plan: plan, State: "releasing", Reason: "let go", By: "bob"}) {
		t.Errorf("%+v", entry)
	}
	// whatever is not done says why, and is a state
	for _, state := range []rollout.NetworkState{rollout.StateWaiting, rollout.StateWorking, rollout.StateHalted, rollout.StateExcluded, ""} {
		if err := s.SetNetwork(ctx, plan, ExecutionNetwork{ChainID: 10, State: state}, "bob"); err == nil {
			t.Errorf("%q without a reason", state)
		}
	}
	if err := s.SetNetwork(ctx, plan, ExecutionNetwork{ChainID: 10, State: "lost", Reason: "x"}, "bob"); err == nil {
		t.Error("a state that is none")
	}
	for _, err := range []error{
		s.SetNetwork(ctx, plan, ExecutionNetwork{ChainID: 11, State: rollout.StateWorking, Reason: "x"}, "bob"),
		s.SetNetwork(ctx, common.Hash{9}, ExecutionNetwork{ChainID: 10, State: rollout.StateWorking, Reason: "x"}, "bob"),
	} {
		if err == nil {
			t.Error("where it was not begun")
		}
	}
	if got := mustBeSound(t, s); got != n {
		t.Errorf("%d entries, want %d", got, n)
	}
	setNetwork(t, s, plan, 10, rollout.StateDone, "")
	mustStand(t, s, plan, "running served done waiting")
	setNetwork(t, s, plan, chainID, rollout.StateDone, "")
	mustStand(t, s, plan, "done served done done")
	if got := countKind(t, s, audit.ExecutionEnded); got != 1 {
		t.Errorf("it has ended %d times", got)
	}
}

// TestTimesOfNetworks are of the clock of the database.
func TestTimesOfNetworks(t *testing.T) { onEach(t, testTimesOfNetworks) }

func testTimesOfNetworks(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	plan := beginExecution(t, s, 1, true, 10)
	set := func(n ExecutionNetwork) ExecutionNetwork {
		t.Helper()
		n.ChainID = 10
		if err := s.SetNetwork(ctx, plan, n, "bob"); err != nil {
			t.Fatal(err)
		}
		return network(t, s, plan, 10)
	}
	later := func(seconds int64) ExecutionNetwork {
		t.Helper()
		on.exec(t, s, `UPDATE execution_networks SET ready_ms = ready_ms - ?, retry_ms = retry_ms - ?`, seconds*1000, seconds*1000)
		return network(t, s, plan, 10)
	}
	between := func(what string, d, low, high time.Duration) {
		t.Helper()
		if d < low || d > high {
			t.Errorf("%s is %s, want between %s and %s", what, d, low, high)
		}
	}
	ready := ExecutionNetwork{State: rollout.StateReady, Reason: "simulated"}
	between("the age of what was ready just now", set(ready).Age, -time.Second, time.Minute)
	between("its age later", later(3600).Age, time.Hour, time.Hour+time.Minute)
	between("its age when it was seen again", set(ready).Age, -time.Second, time.Minute)
	later(3600)
	n := set(ExecutionNetwork{State: rollout.StateHalted, Reason: "x", Retry: 50 * time.Second})
	between("the age of what is not ready any more", n.Age, time.Hour, time.Hour+time.Minute)
	between("the time of rest", n.Retry, 30*time.Second, 50*time.Second)
	between("the rest of it", later(20).Retry, 10*time.Second, 30*time.Second)
	if n := later(40); n.Retry != 0 {
		t.Errorf("%s is left of a time that has passed", n.Retry)
	}
	// for as long as anybody could want
	set(ExecutionNetwork{State: rollout.StateHalted, Reason: "x", Retry: 100 * 365 * 24 * time.Hour})
	between("what only an operator helps", later(3600).Retry, 99*365*24*time.Hour, 100*365*24*time.Hour)
	if err := s.Retry(ctx, plan, "carol"); err != nil {
		t.Fatal(err)
	}
	n = network(t, s, plan, 10)
	if n.Retry != 0 || n.State != rollout.StateWaiting || !strings.Contains(n.Reason, "it was halted, x") {
		t.Errorf("%+v", n)
	}
	mustBeSound(t, s)
}

// TestLetGo asks from many processes at once: they are let go once, and whoever decides sees all networks at one moment.
func TestLetGo(t *testing.T) { onEach(t, testLetGo) }

func testLetGo(t *testing.T, on *database) {
	const processes = 8
	where := on.place(t)
	s, ctx := open(t, where), t.Context()
	plan := beginExecution(t, s, 1, true, 10, chainID)
	var asked, inside, agreed atomic.Int64
	var group sync.WaitGroup
	for range processes {
		mine := open(t, where)
		group.Go(func() {
			for {
				released, err := mine.LetGo(ctx, plan, "bob", func(e Execution) bool {
					if inside.Add(1) != 1 {
						t.Error("two decide at once")
					}
					defer inside.Add(-1)
					asked.Add(1)
					if len(e.Networks) != 2 || e.Released || e.Plan != plan {
						t.Errorf("%+v", e)
					}
					ready := e.Networks[0].State == rollout.StateReady && e.Networks[1].State == rollout.StateReady
					if ready {
						agreed.Add(1)
					}
					return ready
				})
				if err != nil {
					t.Error(err)
				}
				if released || err != nil {
					return
				}
			}
		})
	}
	setNetwork(t, s, plan, 10, rollout.StateReady, "simulated")
	setNetwork(t, s, plan, 10, rollout.StateWorking, "its activation would fail")
	setNetwork(t, s, plan, chainID, rollout.StateReady, "simulated")
	if executionOf(t, s, plan).Released {
		t.Error("let go though one was not ready")
	}
	setNetwork(t, s, plan, 10, rollout.StateReady, "simulated")
	group.Wait()
	if agreed.Load() != 1 || asked.Load() < 2 {
		t.Errorf("%d have let go, of %d that were asked", agreed.Load(), asked.Load())
	}
	if n := countKind(t, s, audit.ExecutionReleased); n != 1 {
		t.Errorf("%d entries say so", n)
	}
	mustStand(t, s, plan, "running served released ready ready")
	// from then on nobody is asked
	released, err := s.LetGo(ctx, plan, "bob", func(Execution) bool {
		t.Error("asked again")
		return false
	})
	if !released || err != nil {
		t.Error(released, err)
	}
}

// TestLetGoOfWhatIsNotRunning does nothing.
func TestLetGoOfWhatIsNotRunning(t *testing.T) { onEach(t, testLetGoOfWhatIsNotRunning) }

func testLetGoOfWhatIsNotRunning(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	yes := func(Execution) bool { return true }
	if released, err := s.LetGo(ctx, common.Hash{9}, "bob", yes); released || err == nil {
		t.Error(released, err)
	}
	plan := beginExecution(t, s, 1, true, 10)
	if err := s.StopExecution(ctx, plan, "wait", "carol"); err != nil {
		t.Fatal(err)
	}
	if released, err := s.LetGo(ctx, plan, "bob", yes); released || err != nil {
		t.Error(released, err)
	}
	mustStand(t, s, plan, "stopped served waiting")
	if err := s.Retry(ctx, plan, "carol"); err != nil {
		t.Fatal(err)
	}
	if released, err := s.LetGo(ctx, plan, "bob", yes); !released || err != nil {
		t.Error(released, err)
	}
	mustStand(t, s, plan, "running served released waiting")
}

func TestStopAndRetry(t *testing.T) { onEach(t, testStopAndRetry) }

func testStopAndRetry(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	plan := beginExecution(t, s, 1, true, 5, 10, chainID)
	setNetwork(t, s, plan, 10, rollout.StateHalted, "it reverted")
	setNetwork(t, s, plan, chainID, rollout.StateUnreachable, "no answer")
	if err := s.StopExecution(ctx, plan, "zero \x00, \xff", "carol"); err != nil {
		t.Fatal(err)
	}
	mustStand(t, s, plan, "stopped served waiting halted unreachable")
	if e := executionOf(t, s, plan); e.Reason != "zero \uFFFD, \uFFFD" {
		t.Errorf("%+v", e)
	}
	n := mustBeSound(t, s)
	if err := s.StopExecution(ctx, plan, "again", "carol"); err == nil || !strings.Contains(err.Error(), "it is stopped already") {
		t.Errorf("%v", err)
	}
	for _, err := range []error{
		s.StopExecution(ctx, common.Hash{9}, "x", "carol"), s.Retry(ctx, common.Hash{9}, "carol"), s.Exclude(ctx, common.Hash{9}, 10, "x", "carol"),
	} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("of no plan: %v", err)
		}
	}
	if got := mustBeSound(t, s); got != n {
		t.Errorf("%d entries, there were %d", got, n)
	}
	for range 2 { // the second time there is nothing to be done
		if err := s.Retry(ctx, plan, "carol"); err != nil {
			t.Error(err)
		}
	}
	mustStand(t, s, plan, "running served waiting waiting unreachable")
	if got := mustBeSound(t, s); got != n+2 {
		t.Errorf("%d entries, want %d", got, n+2)
	}
}

func TestExclude(t *testing.T) { onEach(t, testExclude) }

func testExclude(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	plan := beginExecution(t, s, 1, true, 5, 10, chainID)
	setNetwork(t, s, plan, 5, rollout.StateDone, "")
	for chain, want := range map[uint64]string{77: "chain 77 is not among its networks", 5: "it is done on chain 5 already"} {
		if err := s.Exclude(ctx, plan, chain, "x", "carol"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d: %v", chain, err)
		}
	}
	if err := s.Exclude(ctx, plan, 10, "", "carol"); err == nil {
		t.Error("excluded without a reason")
	}
	if err := s.Exclude(ctx, plan, 10, "gone\x00", "carol"); err != nil {
		t.Fatal(err)
	}
	if err := s.Exclude(ctx, plan, 10, "x", "carol"); err == nil || !strings.Contains(err.Error(), "it is excluded on chain 10 already") {
		t.Errorf("twice: %v", err)
	}
	setNetwork(t, s, plan, 10, rollout.StateWorking, "by who has not seen it")
	if err := s.Retry(ctx, plan, "carol"); err != nil {
		t.Fatal(err)
	}
	mustStand(t, s, plan, "running served done excluded waiting")
	if n := network(t, s, plan, 10); n.Reason != "gone\uFFFD" {
		t.Errorf("%+v", n)
	}
	// also of one that is stopped
	if err := s.StopExecution(ctx, plan, "x", "carol"); err != nil {
		t.Fatal(err)
	}
	if err := s.Exclude(ctx, plan, chainID, "gone as well", "carol"); err != nil {
		t.Fatal(err)
	}
	mustStand(t, s, plan, "done served done excluded excluded")
}

func TestExecutions(t *testing.T) { onEach(t, testExecutions) }

func testExecutions(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	if all, err := s.Executions(ctx, false); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
	served, byCommand := beginExecution(t, s, 1, true, 10, 5), beginExecution(t, s, 2, false, 10)
	stopped, done := beginExecution(t, s, 3, true, 10), beginExecution(t, s, 4, true, 10)
	if err := s.StopExecution(ctx, stopped, "x", "carol"); err != nil {
		t.Fatal(err)
	}
	setNetwork(t, s, done, 10, rollout.StateDone, "")
	for i, digest := range []common.Hash{served, byCommand, stopped, done} {
		on.exec(t, s, `UPDATE executions SET created_at = ? WHERE plan = ?`, 1000+i, digest.Hex())
	}
	for want, which := range map[bool][]common.Hash{false: {done, stopped, byCommand, served}, true: {served}} {
		all, err := s.Executions(ctx, want)
		if err != nil {
			t.Fatal(err)
		}
		var got []common.Hash
		for _, e := range all {
			got = append(got, e.Plan)
			if len(e.Networks) == 0 || e.Plan == served && len(e.Networks) != 2 {
				t.Errorf("%+v", e)
			}
		}
		if diff := cmp.Diff(which, got); diff != "" {
			t.Errorf("served %v (-want +got):\n%s", want, diff)
		}
	}
}

func TestHealth(t *testing.T) { onEach(t, testHealth) }

func testHealth(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	if h, err := s.Health(ctx, 10); err != nil || h.Healthy || h.Problem == "" {
		t.Errorf("one that was never checked: %+v, %v", h, err)
	}
	n := mustBeSound(t, s)
	for i, x := range []struct {
		at      uint64
		problem string
		want    rollout.Health
		news    bool
	}{
		{100, "", rollout.Health{Healthy: true, Since: 100, At: 100}, true},
		{110, "", rollout.Health{Healthy: true, Since: 100, At: 110}, false},
		{105, "of an earlier block", rollout.Health{Healthy: true, Since: 100, At: 110}, false},
		{110, "", rollout.Health{Healthy: true, Since: 100, At: 110}, false},
		{110, "of the same block", rollout.Health{Since: 110, At: 110, Problem: "of the same block"}, true},
		{120, "of the same block", rollout.Health{Since: 110, At: 120, Problem: "of the same block"}, false},
		{130, "zero \x00, \xff", rollout.Health{Since: 110, At: 130, Problem: "zero \uFFFD, \uFFFD"}, true},
		{131, "zero \x00, \xff", rollout.Health{Since: 110, At: 131, Problem: "zero \uFFFD, \uFFFD"}, false},
		{129, "", rollout.Health{Since: 110, At: 131, Problem: "zero \uFFFD, \uFFFD"}, false},
		{140, "", rollout.Health{Healthy: true, Since: 140, At: 140}, true},
	} {
		got, err := s.SetHealth(ctx, 10, rollout.Block{Number: x.at * 2, Hash: common.Hash{1}, Time: x.at}, x.problem, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if x.news {
			n++
		}
		kept, err := s.Health(ctx, 10)
		if got != x.want || kept != got || err != nil {
			t.Errorf("%d: %+v, %+v, want %+v (%v)", i, got, kept, x.want, err)
		}
		if seq := mustBeSound(t, s); seq != n {
			t.Errorf("%d: %d entries, want %d", i, seq, n)
		}
	}
	entry := log(t, s)[n-1]
	want := audit.Health{Healthy: true, Block: rollout.Block{Number: 280, Hash: common.Hash{1}, Time: 140}}
	if got := body[audit.Health](t, entry); entry.Kind != audit.HealthChanged || entry.ChainID != 10 || got != want {
		t.Errorf("%s of chain %d: %+v", entry.Kind, entry.ChainID, got)
	}
	// that nobody has looked for longer than patience is told, whatever was found
	for _, x := range []struct {
		ago     int64
		problem string
		news    bool
	}{{50, "", false}, {70, "", true}, {70, "late", true}, {70, "late", true}, {50, "late", false}} {
		before := now() - x.ago
		if _, err := s.db.ExecContext(ctx, fmt.Sprintf("UPDATE health SET checked_at = %d", before)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.SetHealth(ctx, 10, rollout.Block{Time: 150}, x.problem, time.Minute); err != nil {
			t.Fatal(err)
		}
		if x.news {
			n++
		}
		if seq := mustBeSound(t, s); seq != n {
			t.Fatalf("%+v: %d entries, want %d", x, seq, n)
		}
		if got := body[audit.Health](t, log(t, s)[n-1]); x.news && got.Unseen != before {
			t.Errorf("%+v: the check before was at %d, want %d", x, got.Unseen, before)
		}
	}
	if at, err := s.HealthChecked(ctx); err != nil || len(at) != 1 || now()-at[10] > 10 {
		t.Errorf("checked at %v, %v", at, err)
	}
	// each network for itself
	if h, err := s.SetHealth(ctx, chainID, rollout.Block{Time: 5}, "down", time.Hour); err != nil || h.Since != 5 || h.Healthy {
		t.Errorf("%+v, %v", h, err)
	}
	if h, err := s.Health(ctx, 10); err != nil || h.Problem != "late" {
		t.Errorf("%+v, %v", h, err)
	}
}

// TestLeasesByPrefix: names are compared letter by letter.
func TestLeasesByPrefix(t *testing.T) { onEach(t, testLeasesByPrefix) }

func testLeasesByPrefix(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	take(t, s, "one", "plan/a/1", "plan/a/10", "plan/A/1", "plan/ab/1", "plan/a%/1", "watch/1")
	gone := take(t, s, "one", "plan/a/2")
	if err := s.Yield(ctx, gone...); err != nil {
		t.Fatal(err)
	}
	expire(t, s, "plan/a/10", -1)
	got, err := s.Leases(ctx, "plan/a/")
	if err != nil {
		t.Fatal(err)
	}
	lease := func(name, holder string, live bool) rollout.LeaseState {
		return rollout.LeaseState{Lease: rollout.Lease{Name: name, Holder: holder, Fence: 1}, Live: live}
	}
	want := map[string]rollout.LeaseState{
		"plan/a/1": lease("plan/a/1", "one", true), "plan/a/10": lease("plan/a/10", "one", false), "plan/a/2": lease("plan/a/2", "", false),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for prefix, want := range map[string]int{"": 7, "plan/": 6, "plan/a%": 1, "_": 0, "nothing": 0} {
		if got, err := s.Leases(ctx, prefix); err != nil || len(got) != want {
			t.Errorf("%q: %v, %v", prefix, got, err)
		}
	}
}

// TestLastRollout is that on any network which was done last, not the one that was begun last.
func TestLastRollout(t *testing.T) { onEach(t, testLastRollout) }

func testLastRollout(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	if _, err := s.LastRollout(ctx, dispatcher); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
	there := run(1, 0x33)
	there.ChainID = 10
	here, there := begin(t, s, run(1, 0x11)), begin(t, s, there)
	if _, err := s.LastRollout(ctx, dispatcher); !errors.Is(err, ErrNotFound) {
		t.Errorf("while they run: %v", err)
	}
	for _, r := range []rollout.Run{there, here} {
		if err := s.End(ctx, r.ID, true); err != nil {
			t.Fatal(err)
		}
	}
	on.exec(t, s, `UPDATE rollouts SET finished_at = finished_at - 5 WHERE id = ?`, there.ID)
	abandoned := begin(t, s, run(2, 0x44))
	if err := s.End(ctx, abandoned.ID, false); err != nil {
		t.Fatal(err)
	}
	got, err := s.LastRollout(ctx, dispatcher)
	if diff := cmp.Diff(here, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := s.LastRollout(ctx, common.Address{9}); !errors.Is(err, ErrNotFound) {
		t.Errorf("of another dispatcher: %v", err)
	}
}
