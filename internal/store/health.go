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

// SetHealth notes what a check of a network's health found after a block, and returns since when it is so. One after an earlier block than the
// last one changes nothing. That it has changed is in the audit log, and so is it, whatever was found, if the check before was longer ago than
// patience, so that nobody has looked meanwhile.
func (s *Store) SetHealth(ctx context.Context, chainID uint64, at rollout.Block, problem string, patience time.Duration) (h rollout.Health, err error) {
	err = s.within(ctx, func(tx *tx) error {
		problem = stored(problem)
		was, err := health(ctx, tx.querier, chainID)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		h = rollout.Health{Healthy: problem == "", Since: at.Time, At: at.Time, Problem: problem}
		known := err == nil
		switch {
		case known && at.Time < was.At:
			h = was
			return nil
		case known && was.Healthy == h.Healthy:
			h.Since = was.Since
		}
		unseen, err := lastCheck(ctx, tx.querier, chainID)
		if err != nil {
			return err
		}
		if now()-unseen <= int64(patience/time.Second) {
			unseen = 0
		}
		_, err = tx.exec(ctx, `INSERT INTO health (chain_id, healthy, problem, since, block_number, block_time, checked_at) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (chain_id) DO UPDATE SET healthy = excluded.healthy, problem = excluded.problem, since = excluded.since,
			block_number = excluded.block_number, block_time = excluded.block_time, checked_at = excluded.checked_at`,
			chainID, bit(h.Healthy), h.Problem, h.Since, at.Number, at.Time, now())
		if err != nil || known && was.Healthy == h.Healthy && was.Problem == h.Problem && unseen == 0 {
			return err
		}
		return appendEntry(ctx, tx, now(), audit.HealthChanged, chainID, audit.Health{Healthy: h.Healthy, Problem: h.Problem, Block: at, Unseen: unseen})
	})
	if err != nil {
		return h, fmt.Errorf("note the health of chain %d: %w", chainID, err)
	}
	return h, nil
}

func health(ctx context.Context, db querier, chainID uint64) (h rollout.Health, err error) {
	err = db.queryRow(ctx, `SELECT healthy, problem, since, block_time FROM health WHERE chain_id = ?`, chainID).
		Scan(&h.Healthy, &h.Problem, &h.Since, &h.At)
	return h, err
}

// lastCheck is when a network's health was checked last, in unix seconds; 0 if it never was.
func lastCheck(ctx context.Context, db querier, chainID uint64) (at int64, err error) {
	err = db.queryRow(ctx, `SELECT checked_at FROM health WHERE chain_id = ?`, chainID).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return at, err
}

// HealthChecked returns when each network's health was checked last, in unix seconds, by chain id.
func (s *Store) HealthChecked(ctx context.Context) (out map[uint64]int64, err error) {
	err = s.read(ctx, func(db querier) error {
		out = map[uint64]int64{}
		// an earlier release knew none
		if has, err := db.has(ctx, "health"); err != nil || !has {
			return err
		}
		return each(ctx, db, `SELECT chain_id, checked_at FROM health`, func(rows *sql.Rows) error {
			var chainID, at int64
			err := rows.Scan(&chainID, &at)
			out[uint64(chainID)] = at
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read when health was checked: %w", err)
	}
	return out, nil
}

// Health returns what the last check of a network's health found; one that was never checked is not healthy.
func (s *Store) Health(ctx context.Context, chainID uint64) (h rollout.Health, err error) {
	err = s.read(ctx, func(db querier) (err error) {
		h, err = health(ctx, db, chainID)
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return rollout.Health{Problem: "it was never checked"}, nil
	}
	if err != nil {
		return h, fmt.Errorf("read the health of chain %d: %w", chainID, err)
	}
	return h, nil
}
