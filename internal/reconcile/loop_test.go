package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/reconcile"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// world is a network as the loop sees it: answers in order, the last one for good.
type world struct {
	heads   []uint64
	actions []rollout.Action
	errs    []error // of Next, before the actions begin
	sends   []error
	mark    rollout.Mark
	log     []string
}

func (w *world) Name() string { return "test" }

func (w *world) Head(context.Context) (rollout.Block, error) {
	n := w.heads[0]
	if len(w.heads) > 1 {
		w.heads = w.heads[1:]
	}
	return rollout.Block{Number: n, Time: n}, nil
}

func (w *world) HeadAt(ctx context.Context, _ uint64) (rollout.Block, error) { return w.Head(ctx) }

func (w *world) Next(_ context.Context, at rollout.Block) (rollout.Action, error) {
	w.log = append(w.log, fmt.Sprintf("observe %d", at.Number))
	if len(w.errs) > 0 {
		err := w.errs[0]
		w.errs = w.errs[1:]
		return rollout.Action{}, err
	}
	a := w.actions[0]
	if len(w.actions) > 1 {
		w.actions = w.actions[1:]
	}
	return a, nil
}

func (w *world) Address() common.Address { return common.HexToAddress("0x01") }

func (w *world) Settle(context.Context) (rollout.Mark, error) {
	w.log = append(w.log, "settle")
	return w.mark, nil
}

func (w *world) Send(_ context.Context, ins []rollout.Intent, after rollout.Mark) error {
	var steps []string
	for _, in := range ins {
		steps = append(steps, in.Step)
	}
	w.log = append(w.log, fmt.Sprintf("send %s after %d", strings.Join(steps, " and "), after.LastID))
	if len(w.sends) == 0 {
		return nil
	}
	err := w.sends[0]
	w.sends = w.sends[1:]
	return err
}

func (w *world) loop() *reconcile.Loop {
	return &reconcile.Loop{
		Chain: w, Pilot: w, Senders: map[rollout.Role]reconcile.Sender{rollout.Committer: w, rollout.Applier: w}, Poll: time.Second,
	}
}

func commit() rollout.Action {
	return rollout.Action{Kind: rollout.Commit, Intents: []rollout.Intent{{Step: "commit", By: rollout.Committer}}}
}

var done = rollout.Action{Kind: rollout.Done}

func TestLoopSettlesBeforeItObserves(t *testing.T) {
	w := &world{heads: []uint64{5}, actions: []rollout.Action{commit(), done}, mark: rollout.Mark{LastID: 7}}
	if err := w.loop().Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := "settle, observe 5, send commit after 7, settle, observe 5"
	if got := strings.Join(w.log, ", "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestLoopDecidesAgainWhenTheJournalMoved(t *testing.T) {
	w := &world{heads: []uint64{5}, actions: []rollout.Action{commit(), commit(), done}, sends: []error{fmt.Errorf("x: %w", rollout.ErrStale)}}
	if err := w.loop().Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(strings.Join(w.log, ","), "settle"); n != 3 {
		t.Errorf("settled %d times, want 3: %v", n, w.log)
	}
}

func TestLoopDoesNotBelieveAnEndpointThatLags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{heads: []uint64{3, 4, 9, 10}, actions: []rollout.Action{done}, mark: rollout.Mark{MinBlock: 9}}
		if err := w.loop().Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(w.log, ", "); got != "settle, observe 9" {
			t.Errorf("got %s; a block before 9 does not hold what is final", got)
		}
	})
}

func TestLoopGivesUpOnAnEndpointThatStaysBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{heads: []uint64{3}, actions: []rollout.Action{commit()}, mark: rollout.Mark{MinBlock: 9}}
		var halt *reconcile.HaltError
		if err := w.loop().Run(t.Context()); !errors.As(err, &halt) || !strings.Contains(halt.Reason, "block 9") {
			t.Fatalf("got %v, want a halt that names the block", err)
		}
		if len(w.log) != 1 {
			t.Errorf("acted: %v", w.log)
		}
	})
}

func TestLoopOutlastsAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outage := fmt.Errorf("read: %w", rollout.ErrUnavailable)
		w := &world{heads: []uint64{5}, errs: []error{outage, outage, outage}, actions: []rollout.Action{commit(), done}}
		start := time.Now()
		if err := w.loop().Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(start); waited != 3*time.Second {
			t.Errorf("waited %s, want one poll for each failure", waited)
		}
	})
}

func TestLoopGivesUpOnALongOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{heads: []uint64{5}, actions: []rollout.Action{done}}
		for range 1000 {
			w.errs = append(w.errs, rollout.ErrUnavailable)
		}
		if err := w.loop().Run(t.Context()); !errors.Is(err, rollout.ErrUnavailable) {
			t.Fatalf("got %v, want the outage", err)
		}
		if len(w.errs) == 0 {
			t.Error("tried for ever")
		}
	})
}

type wrongChain struct{ error }

func (wrongChain) WrongChain() {}

func TestLoopStopsAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		world world
		want  string
	}{
		"on the wrong chain":   {world{errs: []error{errors.Join(rollout.ErrUnavailable, wrongChain{errors.New("chain id 5")})}}, "chain id 5"},
		"on a halt":            {world{actions: []rollout.Action{{Kind: rollout.Halt, Reason: "somebody else"}}}, "somebody else"},
		"without a signer":     {world{actions: []rollout.Action{{Kind: rollout.Activate, Intents: []rollout.Intent{{Step: "pause", By: rollout.Pauser}}}}}, "pauser"},
		"when sending refuses": {world{actions: []rollout.Action{commit()}, sends: []error{errors.New("would be refused")}}, "would be refused"},
	} {
		t.Run(name, func(t *testing.T) {
			w := c.world
			w.heads = []uint64{1}
			if len(w.actions) == 0 {
				w.actions = []rollout.Action{done}
			}
			err := w.loop().Run(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want an error with %q", err, c.want)
			}
			if n := strings.Count(strings.Join(w.log, ","), "observe"); n != 1 {
				t.Errorf("observed %d times, want once: %v", n, w.log)
			}
		})
	}
}

func TestLoopWaitsForBlockTimeAndTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wait := rollout.Action{Kind: rollout.Wait, Until: 7, Reason: "the timelock runs"}
		// the time of a block of this world is its number
		w := &world{heads: []uint64{1, 2, 3, 4, 5, 6, 7, 8}, actions: []rollout.Action{wait, done}}
		l := w.loop()
		var told []string
		l.Waiting = func(now rollout.Block, a rollout.Action) { told = append(told, fmt.Sprint(now.Number, a.Until)) }
		if err := l.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(told, ","); got != "1 7" {
			t.Errorf("told %s", got)
		}
		// nothing is read but the head until block time 7
		if got := strings.Join(w.log, ", "); got != "settle, observe 1, settle, observe 8" {
			t.Errorf("got %s", got)
		}
	})
}

func TestLoopLooksAgainWhileItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wait := rollout.Action{Kind: rollout.Wait, Until: 1_000_000}
		w := &world{heads: []uint64{1}, actions: []rollout.Action{wait, wait, {Kind: rollout.Halt, Reason: "somebody else committed"}}}
		start := time.Now()
		if err := w.loop().Run(t.Context()); err == nil || !strings.Contains(err.Error(), "somebody else") {
			t.Fatalf("got %v, want the halt", err)
		}
		if waited := time.Since(start); waited != 30*time.Second {
			t.Errorf("noticed after %s, want 30s", waited)
		}
	})
}

func TestLoopEndsWhenItIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{heads: []uint64{1}, actions: []rollout.Action{{Kind: rollout.Wait, Until: 99}}}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := w.loop().Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v, want the end of the context", err)
		}
	})
}

// other is a second account.
type other struct{ *world }

func (other) Address() common.Address { return common.HexToAddress("0x02") }

func TestLoopSendsInSequenceWhatOneAccountSends(t *testing.T) {
	intents := func(roles ...rollout.Role) (out rollout.Action) {
		out.Kind = rollout.Commit
		for _, r := range roles {
			out.Intents = append(out.Intents, rollout.Intent{Step: string(r), By: r})
		}
		return out
	}
	for name, c := range map[string]struct {
		action rollout.Action
		second bool // the applier is another account
		want   string
	}{
		"one account":          {intents(rollout.Committer, rollout.Applier, rollout.Applier), false, "send commit and apply and apply after 0"},
		"two accounts":         {intents(rollout.Committer, rollout.Applier), true, "send commit after 0"},
		"no signer for a role": {intents(rollout.Committer, rollout.Pauser), false, "send commit after 0"},
	} {
		w := &world{heads: []uint64{5}, actions: []rollout.Action{c.action, done}}
		l := w.loop()
		if c.second {
			l.Senders[rollout.Applier] = other{w}
		}
		if err := l.Run(t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		sent := ""
		for _, line := range w.log {
			if strings.HasPrefix(line, "send") {
				sent += line
			}
		}
		if sent != c.want {
			t.Errorf("%s: %s, want %s", name, sent, c.want)
		}
	}
}

func TestLoopBoundsASequence(t *testing.T) {
	long := rollout.Action{Kind: rollout.Apply}
	for range 100 {
		long.Intents = append(long.Intents, rollout.Intent{Step: "page", By: rollout.Applier})
	}
	w := &world{heads: []uint64{5}, actions: []rollout.Action{long, done}}
	if err := w.loop().Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(strings.Join(w.log, ","), "page"); n != 64 {
		t.Errorf("%d at once, want 64", n)
	}
}

func TestLoopTriesAStepThatRevertsThreeTimesMore(t *testing.T) {
	reverted := func() error {
		return fmt.Errorf("test: %w", &rollout.RevertedError{Transaction: rollout.Transaction{Step: "commit"}})
	}
	for reverts, wantErr := range map[int]bool{1: false, 3: false, 4: true} {
		w := &world{heads: []uint64{5}}
		for range reverts {
			w.actions, w.sends = append(w.actions, commit()), append(w.sends, reverted())
		}
		w.actions = append(w.actions, commit(), done)
		err := w.loop().Run(t.Context())
		if (err != nil) != wantErr || wantErr && !strings.Contains(err.Error(), "4 tries have failed") {
			t.Errorf("%d reverts: %v", reverts, err)
		}
		if n := strings.Count(strings.Join(w.log, ","), "send commit"); n != min(reverts+1, 4) {
			t.Errorf("%d reverts: sent %d times", reverts, n)
		}
	}
}

// TestLoopWaitsForFees: the network asks for more than may be offered, for longer than an outage may last.
func TestLoopWaitsForFees(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{heads: []uint64{5}}
		for range 300 {
			w.actions = append(w.actions, commit())
			w.sends = append(w.sends, fmt.Errorf("test: %w", &rollout.FeesError{Network: "test", Base: "9", Ceiling: "1"}))
		}
		w.actions = append(w.actions, commit(), done)
		told := 0
		l := w.loop()
		l.Unreachable = func(error) { told++ }
		if err := l.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if told != 1 {
			t.Errorf("told %d times, want once", told)
		}
	})
}
