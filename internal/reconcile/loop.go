// Package reconcile runs the loop of one network: settle what is in the journal, observe, decide, record and send what
// needs no further look, and again. Killing it anywhere loses nothing: what was journalled is settled first the next time,
// and what was not journalled was not sent.
package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// Chain tells where the network is.
type Chain interface {
	Name() string
	Head(ctx context.Context) (rollout.Block, error)
	// HeadAt is the newest block of an endpoint that has reached a number, or of any if none has.
	HeadAt(ctx context.Context, number uint64) (rollout.Block, error)
}

// Pilot observes the network after a block and decides what comes next.
type Pilot interface {
	Next(ctx context.Context, at rollout.Block) (rollout.Action, error)
}

// Sender sends for one account.
type Sender interface {
	Address() common.Address
	Settle(ctx context.Context) (rollout.Mark, error)
	Send(ctx context.Context, ins []rollout.Intent, after rollout.Mark) error
}

// Loop is the work on one network.
type Loop struct {
	Chain   Chain
	Pilot   Pilot
	Senders map[rollout.Role]Sender
	Poll    time.Duration // between looks at the head while waiting
	// Hold takes what this loop needs for itself while it decides and acts: the nonces of its senders. The context that it returns ends when that
	// is lost. It is given back while the loop waits. It may be nil.
	Hold func(ctx context.Context) (held context.Context, release func(), err error)
	// Free tells whether what the loop was held back for is over; it is asked at each poll. It may be nil if the pilot never holds.
	Free func(ctx context.Context) (bool, error)
	// Stop ends the loop after the step in hand, with ErrStopped. It may be nil.
	Stop <-chan struct{}
	// Waiting is told of each wait for block time; it may be nil.
	Waiting func(now rollout.Block, action rollout.Action)
	// Unreachable is told when the network begins to be out of reach, or behind; it may be nil.
	Unreachable func(err error)
}

// HaltError says that the loop cannot go on without an operator.
type HaltError struct {
	Network string
	Reason  string
}

func (e *HaltError) Error() string { return e.Network + ": " + e.Reason }

// ErrStopped says that a loop was asked to end before its work was done. Another run goes on.
var ErrStopped = errors.New("stopped after the step in hand")

// lagLimit is how long an endpoint may stay behind a block that holds a final transaction.
const lagLimit = time.Minute

// patience is how long a network may be out of reach before the loop gives up.
const patience = 2 * time.Minute

// retries is how often a step that reverted is decided again before an operator is called.
const retries = 3

// Run goes on until the pilot is done or halts. While the network is out of reach, or asks for more than may be offered, it
// tries again. A transaction that reverted is decided again, some times.
func (l *Loop) Run(ctx context.Context) error {
	reverts := map[string]int{}
	told := false
	for done := false; !done; {
		if l.stopped() {
			return fmt.Errorf("%s: %w", l.Chain.Name(), ErrStopped)
		}
		err := Patiently(ctx, l.Poll, l.tell, func(ctx context.Context) (err error) {
			done, err = l.step(ctx)
			return err
		})
		var reverted *rollout.RevertedError
		var fees *rollout.FeesError
		switch {
		case err == nil:
			told = false
		case errors.As(err, &reverted):
			step := reverted.Transaction.Step
			if reverts[step]++; reverts[step] > retries {
				return fmt.Errorf("%w; %d tries have failed: find out why, then run it again", err, reverts[step])
			}
		case errors.As(err, &fees):
			if !told {
				told = true
				l.tell(fees)
			}
			if err := l.sleep(ctx, max(l.Poll, time.Second)); err != nil {
				return err
			}
		case errors.Is(err, rollout.ErrFenced) && ctx.Err() == nil:
			if err := l.sleep(ctx, l.Poll); err != nil {
				return err
			}
		case !errors.Is(err, rollout.ErrStale):
			return err
		}
	}
	return nil
}

func (l *Loop) stopped() bool {
	select {
	case <-l.Stop:
		return true
	default:
		return false
	}
}

// Patiently runs f, and again while the network is out of reach, at most for some minutes. tell is told of the first time.
func Patiently(ctx context.Context, pause time.Duration, tell func(error), f func(context.Context) error) error {
	start, told := time.Time{}, false
	for {
		err := f(ctx)
		if err == nil || errors.Is(err, rollout.ErrStale) || !errors.Is(err, rollout.ErrUnavailable) || wrongChain(err) {
			return err
		}
		if !told {
			start, told = time.Now(), true
			tell(err)
		}
		if time.Since(start) > patience {
			return fmt.Errorf("given up after %s: %w", patience, err)
		}
		if ctxErr := sleep(ctx, max(pause, time.Second), nil); ctxErr != nil {
			return fmt.Errorf("%w: %w", ctxErr, err)
		}
	}
}

func (l *Loop) tell(err error) {
	if l.Unreachable != nil {
		l.Unreachable(err)
	}
}

// wrongChain tells a mistake of the configuration, which trying again does not mend.
func wrongChain(err error) bool {
	var mistake interface{ WrongChain() }
	return errors.As(err, &mistake)
}

// step settles, observes, decides and acts once.
func (l *Loop) step(ctx context.Context) (done bool, err error) {
	action, err := l.act(ctx)
	if err != nil {
		return false, err
	}
	switch action.Kind {
	case rollout.Done:
		return true, nil
	case rollout.Halt:
		return false, &HaltError{l.Chain.Name(), action.Reason}
	case rollout.Wait:
		return false, l.await(ctx, action.Until)
	case rollout.Hold:
		return false, l.heldBack(ctx)
	}
	return false, nil
}

// act is the part of a step for which the loop needs its senders for itself.
func (l *Loop) act(ctx context.Context) (_ rollout.Action, err error) {
	held := ctx
	if l.Hold != nil {
		var release func()
		if held, release, err = l.Hold(ctx); err != nil {
			return rollout.Action{}, fmt.Errorf("%s: %w", l.Chain.Name(), err)
		}
		defer release()
	}
	action, marks, err := l.decide(held)
	if err == nil && len(action.Intents) > 0 && action.Kind != rollout.Hold {
		err = l.send(held, action.Intents, marks)
	}
	if err != nil && ctx.Err() == nil && held.Err() != nil {
		err = fmt.Errorf("%w: %w", context.Cause(held), err)
	}
	return action, err
}

func (l *Loop) send(ctx context.Context, intents []rollout.Intent, marks map[common.Address]rollout.Mark) error {
	sender, ins, err := l.sequence(intents)
	if err != nil {
		return err
	}
	if err := sender.Send(ctx, ins, marks[sender.Address()]); err != nil {
		return fmt.Errorf("%s: %w", l.Chain.Name(), err)
	}
	return nil
}

// atOnce bounds the transactions of a sequence: a node holds this many of one account that wait for a block.
const atOnce = 64

// sequence returns the first of the intents that one account sends, and what sends for it. Nonces keep the transactions of
// one account in their order; those of another must wait until the ones before them are final.
func (l *Loop) sequence(ins []rollout.Intent) (Sender, []rollout.Intent, error) {
	first, ok := l.Senders[ins[0].By]
	if !ok {
		return nil, nil, &HaltError{l.Chain.Name(), fmt.Sprintf("%s needs a signer for %s: name one under signers in lockstep.yaml",
			ins[0].Step, ins[0].By)}
	}
	n := 1
	for n < min(len(ins), atOnce) {
		next, ok := l.Senders[ins[n].By]
		if !ok || next.Address() != first.Address() {
			break
		}
		n++
	}
	return first, ins[:n], nil
}

// lookAgain is how often the network is observed in full while it is waited for: others may act meanwhile.
const lookAgain = 15 * time.Second

// await looks at the head alone until its time has come, or until it is time to observe again.
func (l *Loop) await(ctx context.Context, until uint64) error {
	start := time.Now()
	for time.Since(start) < lookAgain && !l.stopped() {
		if err := l.sleep(ctx, l.Poll); err != nil {
			return err
		}
		at, err := l.Chain.Head(ctx)
		if err != nil || at.Time >= until {
			return err
		}
	}
	return nil
}

// heldBack waits until others let the network go on, or until it is time to observe again.
func (l *Loop) heldBack(ctx context.Context) error {
	start := time.Now()
	for time.Since(start) < lookAgain && !l.stopped() {
		if err := l.sleep(ctx, l.Poll); err != nil {
			return err
		}
		if free, err := l.Free(ctx); err != nil || free {
			return err
		}
	}
	return nil
}

// decide settles the journal, then observes at a block that holds all of it.
func (l *Loop) decide(ctx context.Context) (rollout.Action, map[common.Address]rollout.Mark, error) {
	marks := map[common.Address]rollout.Mark{}
	var minBlock uint64
	for _, s := range l.Senders {
		if _, done := marks[s.Address()]; done {
			continue
		}
		mark, err := s.Settle(ctx)
		if err != nil {
			return rollout.Action{}, nil, fmt.Errorf("%s: %w", l.Chain.Name(), err)
		}
		marks[s.Address()] = mark
		minBlock = max(minBlock, mark.MinBlock)
	}
	at, err := l.headAt(ctx, minBlock)
	if err != nil {
		return rollout.Action{}, nil, err
	}
	action, err := l.Pilot.Next(ctx, at)
	if err != nil {
		return rollout.Action{}, nil, err
	}
	if (action.Kind == rollout.Wait || action.Kind == rollout.Hold) && l.Waiting != nil {
		l.Waiting(at, action)
	}
	return action, marks, nil
}

// headAt returns the head once it has reached a block.
func (l *Loop) headAt(ctx context.Context, number uint64) (rollout.Block, error) {
	start, told := time.Now(), false
	for {
		at, err := l.Chain.HeadAt(ctx, number)
		if err != nil || at.Number >= number {
			return at, err
		}
		if !told {
			told = true
			l.tell(fmt.Errorf("the endpoint is at block %d, waiting for block %d, which holds a transaction of ours", at.Number, number))
		}
		if time.Since(start) > lagLimit {
			return at, &HaltError{l.Chain.Name(), fmt.Sprintf("the endpoint is at block %d, a transaction of ours is final in "+
				"block %d: it lags, or the network was reset (then use another journal)", at.Number, number)}
		}
		if err := l.sleep(ctx, l.Poll); err != nil {
			return at, err
		}
	}
}

func (l *Loop) sleep(ctx context.Context, d time.Duration) error {
	if err := sleep(ctx, d, l.Stop); err != nil {
		return fmt.Errorf("%s: %w", l.Chain.Name(), err)
	}
	return nil
}

// sleep ends early, without an error, when stop is closed.
func sleep(ctx context.Context, d time.Duration, stop <-chan struct{}) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-stop:
		return nil
	case <-t.C:
		return nil
	}
}
