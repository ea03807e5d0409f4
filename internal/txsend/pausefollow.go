package txsend

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// Times between attempts to go on with a pause that is not final.
const (
	soon = 200 * time.Millisecond
	late = 30 * time.Second
)

// Run keeps ready what orders need, and goes on with what they, or an earlier process, have sent, until ctx ends. The program needs one Run.
func (p *Pauser) Run(ctx context.Context) {
	var parts sync.WaitGroup
	parts.Go(func() { p.keepWarm(ctx) })
	parts.Go(func() { p.keepFollowing(ctx) })
	<-ctx.Done()
	close(p.stopped)
	p.orders <- struct{}{} // the last order has ended, and there is no other
	close(p.over)
	parts.Wait()
	p.release()
	p.giving.Wait()
}

func (p *Pauser) keepWarm(ctx context.Context) {
	for {
		p.Look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(warming):
		}
	}
}

// Follow has Run look for pauses that were sent and have not ended.
func (p *Pauser) Follow() {
	select {
	case p.wake <- struct{}{}:
	default: // it will
	}
}

func (p *Pauser) keepFollowing(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		}
		wait := soon
		for ctx.Err() == nil {
			done, err := p.followOnce(ctx)
			if done {
				break
			}
			if err == nil {
				wait = soon
				continue
			}
			if !isHeld(err) && ctx.Err() == nil {
				p.cfg.Trouble(err)
			}
			select {
			case <-ctx.Done():
			case <-p.wake: // an order
				wait = soon
			case <-time.After(wait):
				wait = min(2*wait, late)
			}
		}
	}
}

// followOnce goes on with what is open until it is final, and notes what has come of it. Between attempts others may have the nonces.
func (p *Pauser) followOnce(ctx context.Context) (done bool, err error) {
	t, err := p.take(ctx, false)
	if err != nil {
		return false, err
	}
	p.sender.Use(t.Journal)
	under, cancel := context.WithCancel(ctx)
	defer cancel()
	lost := make(chan struct{})
	defer close(lost)
	p.giving.Go(func() {
		select {
		case <-t.Lost:
			cancel()
		case <-p.moved:
			cancel()
		case <-lost:
		}
	})
	_, err = p.sender.Settle(under)
	var reverted *rollout.RevertedError
	switch {
	case errors.As(err, &reverted), errors.Is(err, rollout.ErrStale):
		return false, nil // that is noted, or somebody else's: look again
	case err != nil && under.Err() != nil && ctx.Err() == nil && !t.lost():
		return false, nil // an order has journalled more
	case err == nil:
		err = p.end(under, t.Journal)
	}
	if err != nil {
		if t.lost() {
			err = rollout.ErrFenced
		}
		return false, errors.Join(err, p.yield(ctx))
	}
	return true, p.yield(ctx)
}

// yield gives the nonces back, unless an order has just taken them.
func (p *Pauser) yield(ctx context.Context) error {
	select {
	case p.orders <- struct{}{}:
	case <-ctx.Done():
		return nil // Run gives them back
	}
	defer func() { <-p.orders }()
	if len(p.wake) == 0 {
		p.release()
	}
	return nil
}

// end notes what has come of pauses whose nonce is used for good.
func (p *Pauser) end(ctx context.Context, j PauseJournal) error {
	open, err := j.OpenPauses(ctx)
	if err != nil {
		return err
	}
	for _, d := range open {
		if d.ChainID != p.cfg.Chain.ChainID() || d.Dispatcher != p.cfg.Dispatcher || d.Signer != p.Address() || d.Open {
			continue // another's, or an order has journalled it a moment ago
		}
		if err := p.outcome(ctx, &d); err != nil {
			return err
		}
		p.mu.Lock()
		d.Took = p.took[d.ID]
		delete(p.took, d.ID)
		p.mu.Unlock()
		if err := j.EndPause(ctx, d); err != nil {
			return err
		}
		p.cfg.Told(d)
	}
	return nil
}

// outcome tells what has come of a pause by the transaction that has used its nonce.
func (p *Pauser) outcome(ctx context.Context, d *rollout.Pause) error {
	f := d.Final
	if f.ID != 0 {
		d.Transaction = f.ID
	}
	switch {
	case f.Status == rollout.Confirmed && !strings.HasPrefix(f.Step, Dropping):
		d.Outcome = rollout.PauseLanded
	case f.Status == rollout.Confirmed:
		d.Outcome, d.Note = rollout.PauseFailed, "it was taken back"
	case f.Status == rollout.Reverted:
		s, err := p.cfg.Standing(ctx, f.BlockHash)
		if err != nil {
			return err
		}
		if s.Paused {
			d.Outcome, d.Note = rollout.PauseAlready, "somebody else was first"
		} else {
			d.Outcome, d.Note = rollout.PauseFailed, "its transaction reverted"
		}
	default:
		d.Outcome, d.Note = rollout.PauseFailed, "its nonce was used by a transaction that is not in the journal"
	}
	return nil
}

// take takes the nonces of the account, if this process has not got them.
func (p *Pauser) take(ctx context.Context, seize bool) (*Tenure, error) {
	p.tenures.Lock()
	defer p.tenures.Unlock()
	if p.tenure != nil && !p.tenure.lost() {
		return p.tenure, nil
	}
	if p.tenure != nil {
		p.tenure.Release()
		p.tenure = nil
	}
	t, err := p.cfg.Take(context.WithoutCancel(ctx), seize) // they outlast the order
	if err != nil {
		return nil, err
	}
	p.tenure = t
	return t, nil
}

// release gives the nonces of the account back.
func (p *Pauser) release() {
	p.tenures.Lock()
	defer p.tenures.Unlock()
	if p.tenure != nil {
		p.tenure.Release()
		p.tenure = nil
	}
}
