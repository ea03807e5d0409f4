package txsend_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/txsend"
)

var errBusy = errors.New("database is locked")

// busy is a journal of which one thing fails once.
type busy struct {
	txsend.PauseJournal
	fails *atomic.Pointer[string]
}

func (j busy) failing(what string) error {
	if next := j.fails.Load(); next != nil && *next == what && j.fails.CompareAndSwap(next, nil) {
		return errBusy
	}
	return nil
}

func (j busy) Read(ctx context.Context, chainID uint64, a common.Address) (rollout.Mark, error) {
	if err := j.failing("read"); err != nil {
		return rollout.Mark{}, err
	}
	return j.PauseJournal.Read(ctx, chainID, a)
}

func (j busy) DecidePause(
	ctx context.Context, d rollout.Pause, most int, t *rollout.Transaction, after rollout.Mark,
) (rollout.Pause, *rollout.Transaction, error) {
	if err := j.failing("decide"); err != nil {
		return rollout.Pause{}, nil, err
	}
	decided, entry, err := j.PauseJournal.DecidePause(ctx, d, most, t, after)
	if err == nil { // it was written, and the connection is lost before that is known
		err = j.failing("answer")
	}
	if err != nil {
		return rollout.Pause{}, nil, err
	}
	return decided, entry, nil
}

// unsure is a key that signs nothing once.
type unsure struct {
	txsend.Signer
	fails *atomic.Pointer[string]
}

func (u unsure) Sign(chainID uint64, tx *types.Transaction) (*types.Transaction, error) {
	if err := (busy{fails: u.fails}).failing("sign"); err != nil {
		return nil, err
	}
	return u.Signer.Sign(chainID, tx)
}

// TestAnOrderThatFailsCanBeGivenAgain: what fails decides nothing, so that the order is carried out when it is given again: once, whatever had been
// done of it.
func TestAnOrderThatFailsCanBeGivenAgain(t *testing.T) {
	r := newPauseRig(t, 4251)
	for i, what := range []string{"take", "read", "sign", "decide", "answer"} {
		t.Run(what, func(t *testing.T) {
			var fails atomic.Pointer[string]
			cfg := r.config(what, r.journal, r.chain)
			cfg.PerHour = 60
			take := cfg.Take
			cfg.Take = func(ctx context.Context, seize bool) (*txsend.Tenure, error) {
				if err := (busy{fails: &fails}).failing("take"); seize && err != nil {
					return nil, err
				}
				tenure, err := take(ctx, seize)
				if err == nil {
					tenure.Journal = busy{tenure.Journal, &fails}
				}
				return tenure, err
			}
			cfg.Sender.Signer = unsure{cfg.Sender.Signer, &fails}
			p, stop := r.run(cfg)
			defer stop()
			r.until("it is armed", func() bool { return p.Status().Armed })
			used := r.used()
			fails.Store(&what)
			order := alert("codehash_mismatch")
			order.RaisedAt = int64(1000 + i)
			if d, err := p.Pause(t.Context(), order, time.Now()); !errors.Is(err, errBusy) || d.ID != 0 {
				t.Fatalf("it does not fail: %+v, %v", d, err)
			}
			for range 3 {
				d, err := p.Pause(t.Context(), order, time.Now())
				if err != nil || d.Outcome != rollout.PauseSent && d.Outcome != rollout.PauseLanded && d.Outcome != rollout.PauseAlready {
					t.Fatalf("given again: %+v, %v", d, err)
				}
			}
			r.until("it is paused", r.isPaused)
			if was, ok, err := p.Decided(t.Context(), order); err != nil || !ok || !was.Known || was.Transaction == 0 {
				t.Errorf("%+v, %v, %v", was, ok, err)
			}
			if n := r.used() - used; n != 1 {
				t.Errorf("%d transactions for one order", n)
			}
			r.byAdmin(r.dispatcher, calls.PackUnpause())
		})
	}
}

// mute is a network that does not say where it stands for a while.
type mute struct {
	*chain.Client
	silent *atomic.Bool
}

func (m mute) Head(ctx context.Context) (rollout.Block, error) {
	if m.silent.Load() {
		return rollout.Block{}, errors.New("connection refused")
	}
	return m.Client.Head(ctx)
}

// TestNothingIsRefusedForTheMoment: a network that cannot be asked when the order comes is no reason to refuse it for good.
func TestNothingIsRefusedForTheMoment(t *testing.T) {
	r := newPauseRig(t, 4252)
	var silent atomic.Bool
	silent.Store(true)
	cfg := r.config("p", r.journal, r.chain)
	cfg.Chain = mute{r.chain, &silent}
	p, _ := r.run(cfg)
	order := alert("codehash_mismatch")
	order.RaisedAt = 1000
	if d, err := p.Pause(t.Context(), order, time.Now()); err == nil || d.ID != 0 || d.Outcome != "" {
		t.Errorf("%+v, %v", d, err)
	}
	if all, err := r.journal.Pauses(t.Context(), 9); err != nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
	silent.Store(false)
	if d, err := p.Pause(t.Context(), order, time.Now()); err != nil || d.Outcome != rollout.PauseSent {
		t.Fatalf("%+v, %v", d, err)
	}
	r.until("it is paused", r.isPaused)
}

// TestPauseAfterAnEarlierOneWasUndone: people may unpause before the block of a pause is final. The next order finds that transaction open in the
// journal, and it does nothing any more.
func TestPauseAfterAnEarlierOneWasUndone(t *testing.T) {
	r := newPauseRig(t, 4253)
	cfg := r.config("p", r.journal, r.chain)
	cfg.Sender.Confirmations = 1000
	p := r.armed(cfg)
	first := r.order(p)
	r.until("it is paused", r.isPaused)
	if again := r.order(p); again.Outcome != rollout.PauseAlready && again.Transaction != first.Transaction {
		t.Errorf("while it is paused: %+v", again)
	}
	r.byAdmin(r.dispatcher, calls.PackUnpause())
	second := r.order(p)
	r.until("it is paused again", r.isPaused)
	if second.Outcome != rollout.PauseSent || second.Transaction == first.Transaction || r.used() != 2 {
		t.Errorf("%+v; %d used", second, r.used())
	}
	if third := r.order(p); third.Outcome != rollout.PauseAlready && third.Transaction != first.Transaction && third.Transaction != second.Transaction {
		t.Errorf("while it is paused again: %+v", third)
	}
	if n := r.used(); n != 2 {
		t.Errorf("%d used", n)
	}
}

// TestPauseBehindAnEarlierOneIsFollowed: nobody takes the second one when it is given first, while the first one is being followed.
func TestPauseBehindAnEarlierOneIsFollowed(t *testing.T) {
	r := newPauseRig(t, 4254)
	var deafened atomic.Bool
	cfg := r.config("p", r.journal, r.chain)
	cfg.Sender.Confirmations = 1000
	cfg.Chain = sometimesDeaf{r.chain, &deafened}
	p := r.armed(cfg)
	r.order(p)
	r.until("it is paused", r.isPaused)
	r.byAdmin(r.dispatcher, calls.PackUnpause())
	deafened.Store(true)
	if d, err := p.Pause(t.Context(), alert("codehash_mismatch"), time.Now()); err == nil || d.Outcome != rollout.PauseSent {
		t.Fatalf("%+v, %v", d, err)
	}
	deafened.Store(false)
	r.until("it is paused again", r.isPaused)
}

// sometimesDeaf is a network that takes no transaction for a while.
type sometimesDeaf struct {
	*chain.Client
	is *atomic.Bool
}

func (d sometimesDeaf) SendAll(ctx context.Context, tx *types.Transaction, told func(chain.Reply)) error {
	if d.is.Load() {
		return deaf{d.Client}.SendAll(ctx, tx, told)
	}
	return d.Client.SendAll(ctx, tx, told)
}
