package lease

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// Journal holds the leases.
type Journal interface {
	Take(ctx context.Context, holder string, gone func(string) bool, names ...string) ([]rollout.Lease, error)
	TakeNext(ctx context.Context, holder string, gone func(string) bool, before rollout.Lease) ([]rollout.Lease, error)
	Renew(ctx context.Context, holder string) ([]rollout.Lease, error)
	Yield(ctx context.Context, leases ...rollout.Lease) error
}

// How often leases are renewed, and how often one that another process holds is asked for.
const (
	renewal = time.Second
	asking  = 200 * time.Millisecond
)

// Keeper takes leases for one process, and renews them as long as they are held.
type Keeper struct {
	journal Journal
	holder  string
	log     *slog.Logger
	// TakenOver is told of each lease that was taken over from a process that had not given it back. It may be nil.
	TakenOver func(rollout.Lease)

	mu    sync.Mutex
	held  map[string]*Held // by the name of each lease
	freed chan struct{}    // is closed, and another one made, when leases are given back
	fails error            // why the last renewal failed; nil if it did not
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// NewKeeper makes a keeper.
func NewKeeper(journal Journal, holder string, log *slog.Logger) *Keeper {
	return &Keeper{journal: journal, holder: holder, log: log, held: map[string]*Held{}, freed: make(chan struct{})}
}

// Held is leases that this process holds, all together.
type Held struct {
	Leases []rollout.Lease
	keeper *Keeper
	ctx    context.Context //nolint:containedctx // it ends with the leases, and so is a part of them
	lose   context.CancelCauseFunc
}

// Context ends when one of the leases is lost, with rollout.ErrFenced as its cause, or with the context under which they were taken.
func (h *Held) Context() context.Context { return h.ctx }

// Hold takes leases, and waits as long as others hold them. busy is told of the first time; it may be nil.
func (k *Keeper) Hold(ctx context.Context, busy func(error), names ...string) (*Held, error) {
	return k.hold(ctx, busy, names, func() ([]rollout.Lease, error) { return k.journal.Take(ctx, k.holder, Gone, names...) })
}

func (k *Keeper) hold(ctx context.Context, busy func(error), names []string, from func() ([]rollout.Lease, error)) (*Held, error) {
	told := false
	for {
		k.mu.Lock()
		freed := k.freed
		k.mu.Unlock()
		h, err := k.take(ctx, names, from)
		other := (*rollout.HeldError)(nil)
		if !errors.As(err, &other) {
			return h, err
		}
		if !told && other.Holder != k.holder && busy != nil {
			told = true
			busy(err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-freed: // by this process
		case <-time.After(asking):
		}
	}
}

// Try takes leases, all or none. If one is held, also by another part of this process, the error is a rollout.HeldError.
func (k *Keeper) Try(ctx context.Context, names ...string) (*Held, error) {
	return k.take(ctx, names, func() ([]rollout.Lease, error) { return k.journal.Take(ctx, k.holder, Gone, names...) })
}

// Seize takes leases from whoever holds them: an operator does not wait for what is stuck. Who had them finds that out before it writes
// or broadcasts. Another part of this process is waited for.
func (k *Keeper) Seize(ctx context.Context, names ...string) (*Held, error) {
	return k.hold(ctx, nil, names, func() ([]rollout.Lease, error) {
		return k.journal.Take(ctx, k.holder, func(string) bool { return true }, names...)
	})
}

// TryNext takes a lease if it is still as it was before: else the error is rollout.ErrFenced.
func (k *Keeper) TryNext(ctx context.Context, before rollout.Lease) (*Held, error) {
	return k.take(ctx, []string{before.Name}, func() ([]rollout.Lease, error) { return k.journal.TakeNext(ctx, k.holder, Gone, before) })
}

func (k *Keeper) take(ctx context.Context, names []string, from func() ([]rollout.Lease, error)) (*Held, error) {
	h := &Held{keeper: k}
	if err := k.reserve(h, names); err != nil {
		return nil, err
	}
	leases, err := from()
	if err != nil {
		k.forget(h, names)
		return nil, err
	}
	for _, l := range leases {
		if l.From != "" && k.TakenOver != nil {
			k.TakenOver(l)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	h.Leases = leases
	h.ctx, h.lose = context.WithCancelCause(ctx)
	if k.stop == nil {
		var renewing context.Context
		renewing, k.stop = context.WithCancel(context.WithoutCancel(ctx))
		k.done.Go(func() { k.renew(renewing) })
	}
	return h, nil
}

// reserve keeps other parts of this process from names.
func (k *Keeper) reserve(h *Held, names []string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, name := range names {
		if k.held[name] != nil {
			return &rollout.HeldError{Name: name, Holder: k.holder}
		}
	}
	for _, name := range names {
		k.held[name] = h
	}
	return nil
}

func (k *Keeper) forget(h *Held, names []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, name := range names {
		if k.held[name] == h {
			delete(k.held, name)
		}
	}
	close(k.freed)
	k.freed = make(chan struct{})
}

// Release gives the leases back. What was lost meanwhile is another's, and stays so. After an error it is tried again at each renewal.
func (h *Held) Release(ctx context.Context) error {
	defer h.lose(context.Canceled)
	var names []string
	for _, l := range h.Leases {
		names = append(names, l.Name)
	}
	// also after an interrupt: others should not have to wait for the expiry
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewal)
	defer cancel()
	err := h.keeper.journal.Yield(ctx, h.Leases...)
	h.keeper.forget(h, names)
	return err
}

// Count is how many leases this process holds.
func (k *Keeper) Count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.held)
}

// Failing is why what is held was not renewed the last time: the journal cannot be written. It is nil if it was, or if nothing is held.
func (k *Keeper) Failing() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.fails
}

func (k *Keeper) failing(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fails = err
}

// Close ends the renewing, and waits until it has ended.
func (k *Keeper) Close() {
	k.mu.Lock()
	stop := k.stop
	k.mu.Unlock()
	if stop != nil {
		stop()
		k.done.Wait()
	}
}

func (k *Keeper) renew(ctx context.Context) {
	ticker := time.NewTicker(renewal)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		k.mu.Lock()
		idle := len(k.held) == 0
		k.mu.Unlock()
		if idle {
			k.failing(nil)
			continue
		}
		err := k.runOnce(ctx)
		k.failing(err)
		if err != nil && ctx.Err() == nil {
			k.log.WarnContext(ctx, "leases were not renewed", "err", err)
		}
	}
}

// runOnce renews what is held, and ends what was lost. While the journal cannot be asked nothing is known to be lost: the journal and the
// sender compare fencing numbers. What the journal has for held, and this process has not, is given back: the journal could not be asked when it
// was released, or did not answer when it was taken. Renewed for ever, nobody could take it.
func (k *Keeper) runOnce(ctx context.Context) error {
	k.mu.Lock()
	before := map[*Held]bool{}
	for _, h := range k.held {
		if h.ctx != nil {
			before[h] = true
		}
	}
	k.mu.Unlock()
	renewed, err := k.journal.Renew(ctx, k.holder)
	if err != nil {
		return err
	}
	k.mu.Lock()
	for h := range before {
		for _, l := range h.Leases {
			l.From = ""
			if k.held[l.Name] == h && !slices.Contains(renewed, l) {
				h.lose(rollout.ErrFenced)
			}
		}
	}
	// one that is being taken is held already, and has another fencing number than this
	left := slices.DeleteFunc(renewed, func(l rollout.Lease) bool { return k.held[l.Name] != nil })
	k.mu.Unlock()
	if len(left) == 0 {
		return nil
	}
	return k.journal.Yield(ctx, left...)
}
