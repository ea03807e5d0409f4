package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// SetHealth notes what a check of a network's health found after a block, and returns since when it is so. One after an earlier block than the
// last one changes nothing. That it has changed is in the audit log.
func (s *Store) SetHealth(ctx context.Context, chainID uint64, at rollout.Block, problem string) (h rollout.Health, err error) {
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
		_, err = tx.exec(ctx, `INSERT INTO health (chain_id, healthy, problem, since, block_number, block_time, checked_at) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (chain_id) DO UPDATE SET healthy = excluded.healthy, problem = excluded.problem, since = excluded.since,
			block_number = excluded.block_number, block_time = excluded.block_time, checked_at = excluded.checked_at`,
			chainID, bit(h.Healthy), h.Problem, h.Since, at.Number, at.Time, now())
		if err != nil || known && was.Healthy == h.Healthy && was.Problem == h.Problem {
			return err
		}
		return appendEntry(ctx, tx, now(), audit.HealthChanged, chainID, audit.Health{Healthy: h.Healthy, Problem: h.Problem, Block: at})
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
