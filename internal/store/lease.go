package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// LeaseTime is how long a lease lasts that is not renewed, by the clock of the database.
const LeaseTime = 4 * time.Second

// Under returns the journal as whoever holds leases uses it: what it writes is written only while all of them are held.
func (s *Store) Under(leases ...rollout.Lease) *Store {
	under := *s
	under.leases = append(under.leases[:len(under.leases):len(under.leases)], leases...)
	return &under
}

// Held tells whether the leases are held: the error is rollout.ErrFenced if one was lost.
func (s *Store) Held(ctx context.Context) error {
	return s.read(ctx, func(db querier) error { return s.mustHold(ctx, db) })
}

func (s *Store) mustHold(ctx context.Context, db querier) error {
	for _, l := range s.leases {
		var fence uint64
		err := db.queryRow(ctx, `SELECT fence FROM leases WHERE name = ? AND holder = ?`, l.Name, l.Holder).Scan(&fence)
		switch {
		case errors.Is(err, sql.ErrNoRows), err == nil && fence != l.Fence:
			return fmt.Errorf("%s: %w", l.Name, rollout.ErrFenced)
		case err != nil:
			return err
		}
	}
	return nil
}

// Take takes leases, all or none. If another process holds one, and is not known to be gone, the error is a HeldError.
func (s *Store) Take(ctx context.Context, holder string, gone func(holder string) bool, names ...string) ([]rollout.Lease, error) {
	return s.take(ctx, holder, gone, nil, names)
}

// TakeNext takes one lease if it has the fencing number of before: nobody else has had it since. Else the error is rollout.ErrFenced.
func (s *Store) TakeNext(ctx context.Context, holder string, gone func(holder string) bool, before rollout.Lease) ([]rollout.Lease, error) {
	return s.take(ctx, holder, gone, &before.Fence, []string{before.Name})
}

func (s *Store) take(ctx context.Context, holder string, gone func(string) bool, after *uint64, names []string) (out []rollout.Lease, err error) {
	err = s.within(ctx, func(tx *tx) error {
		out = nil
		for _, name := range names {
			was, err := leaseOf(ctx, tx.querier, name)
			switch {
			case err != nil:
				return err
			case after != nil && was.Fence != *after:
				return rollout.ErrFenced
			case was.Live && was.Holder != holder && !gone(was.Holder):
				return &rollout.HeldError{Name: name, Holder: was.Holder}
			}
			l := rollout.Lease{Name: name, Holder: holder, Fence: was.Fence + 1}
			_, err = tx.exec(ctx, `INSERT INTO leases (name, holder, fence, expires_at) VALUES (?, ?, ?, `+s.engine.words().clock+` + ?)
				ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, fence = excluded.fence, expires_at = excluded.expires_at`,
				name, holder, l.Fence, LeaseTime.Milliseconds())
			if err != nil {
				return err
			}
			if was.Holder != holder {
				l.From = was.Holder
			}
			out = append(out, l)
			if l.From == "" {
				continue
			}
			entry := audit.LeaseTaken{Name: name, Holder: rollout.HolderName(holder), From: rollout.HolderName(was.Holder), Fence: l.Fence}
			if err := appendEntry(ctx, tx, now(), audit.LeaseTakenOver, 0, entry); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("take over: %w", err)
	}
	return out, nil
}

// leaseOf reads a lease. One that expires later than any that is taken now was taken by a clock that was ahead, and is not live.
func leaseOf(ctx context.Context, db querier, name string) (rollout.LeaseState, error) {
	l := rollout.LeaseState{Lease: rollout.Lease{Name: name}}
	err := db.queryRow(ctx, `SELECT holder, fence, `+live(db)+` FROM leases WHERE name = ?`, LeaseTime.Milliseconds(), name).
		Scan(&l.Holder, &l.Fence, &l.Live)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return l, err
}

// live is an expression with one argument, the longest that a lease can last.
func live(db querier) string {
	clock := db.engine.words().clock
	return `holder <> '' AND expires_at > ` + clock + ` AND expires_at <= ` + clock + ` + 2 * ?`
}

// Renew makes all leases of a holder last, and returns those that it holds.
func (s *Store) Renew(ctx context.Context, holder string) (out []rollout.Lease, err error) {
	err = s.read(ctx, func(db querier) error {
		out = nil
		return each(ctx, db, `UPDATE leases SET expires_at = `+s.engine.words().clock+` + ? WHERE holder = ? RETURNING name, fence`,
			func(rows *sql.Rows) error {
				l := rollout.Lease{Holder: holder}
				err := rows.Scan(&l.Name, &l.Fence)
				out = append(out, l)
				return err
			}, LeaseTime.Milliseconds(), holder)
	})
	if err != nil {
		return nil, fmt.Errorf("renew leases: %w", err)
	}
	return out, nil
}

// Yield gives leases back, those of them that are still held.
func (s *Store) Yield(ctx context.Context, leases ...rollout.Lease) error {
	err := s.read(ctx, func(db querier) error {
		for _, l := range leases {
			_, err := db.exec(ctx, `UPDATE leases SET holder = '', expires_at = 0 WHERE name = ? AND holder = ? AND fence = ?`, l.Name, l.Holder, l.Fence)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("give leases back: %w", err)
	}
	return nil
}

// Leases returns how leases stand whose names begin with prefix, by name.
func (s *Store) Leases(ctx context.Context, prefix string) (out map[string]rollout.LeaseState, err error) {
	err = s.read(ctx, func(db querier) error {
		out = map[string]rollout.LeaseState{}
		return each(ctx, db, `SELECT name, holder, fence, `+live(db)+` FROM leases WHERE substr(name, 1, length(CAST(? AS TEXT))) = ?`,
			func(rows *sql.Rows) error {
				var l rollout.LeaseState
				err := rows.Scan(&l.Name, &l.Holder, &l.Fence, &l.Live)
				out[l.Name] = l
				return err
			}, LeaseTime.Milliseconds(), prefix, prefix)
	})
	if err != nil {
		return nil, fmt.Errorf("read leases: %w", err)
	}
	return out, nil
}

// Lease returns how a lease stands; one that was never taken has fencing number 0.
func (s *Store) Lease(ctx context.Context, name string) (l rollout.LeaseState, err error) {
	err = s.read(ctx, func(db querier) (err error) {
		l, err = leaseOf(ctx, db, name)
		return err
	})
	if err != nil {
		return l, fmt.Errorf("read lease %s: %w", name, err)
	}
	return l, nil
}
