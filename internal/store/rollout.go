package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// Begin returns the running rollout of r's root on its dispatcher, or records r as running. So to begin again gives what was begun.
func (s *Store) Begin(ctx context.Context, r rollout.Run) (rollout.Run, error) {
	err := s.within(ctx, func(tx *tx) error {
		running, err := running(ctx, tx.querier, r.ChainID, r.Dispatcher)
		switch {
		case err == nil && running.Root == r.Root:
			r = running
			return nil
		case err == nil:
			return &rollout.OtherRunError{Running: running}
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		err = tx.queryRow(ctx, `SELECT coalesce(max(id), 0) FROM transactions WHERE chain_id = ?`, r.ChainID).Scan(&r.After)
		if err != nil {
			return err
		}
		at := now()
		err = tx.queryRow(ctx, `INSERT INTO rollouts (chain_id, dispatcher, root, manifest, epoch, after, status, created_at)
			VALUES (?, ?, ?, ?, ?, ?, 'running', ?) RETURNING id`,
			r.ChainID, r.Dispatcher.Hex(), r.Root.Hex(), r.Manifest.Hex(), r.Epoch, r.After, at).Scan(&r.ID)
		if err != nil {
			return err
		}
		return appendEntry(ctx, tx, at, audit.RunBegun, r.ChainID, audit.Run{
			ID: r.ID, Dispatcher: r.Dispatcher, Root: r.Root, Manifest: r.Manifest, Epoch: r.Epoch, After: r.After,
		})
	})
	if err != nil {
		return rollout.Run{}, fmt.Errorf("begin rollout: %w", err)
	}
	return r, nil
}

// Running returns the rollout that runs on a dispatcher; the error is ErrNotFound if none does.
func (s *Store) Running(ctx context.Context, chainID uint64, dispatcher common.Address) (r rollout.Run, err error) {
	err = s.read(ctx, func(db querier) (err error) {
		r, err = running(ctx, db, chainID, dispatcher)
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return rollout.Run{}, ErrNotFound
	}
	if err != nil {
		return rollout.Run{}, fmt.Errorf("read rollout: %w", err)
	}
	return r, nil
}

func running(ctx context.Context, db querier, chainID uint64, dispatcher common.Address) (rollout.Run, error) {
	r := rollout.Run{ChainID: chainID, Dispatcher: dispatcher}
	var root, manifest string
	err := db.queryRow(ctx, `SELECT id, root, manifest, epoch, after FROM rollouts
		WHERE chain_id = ? AND dispatcher = ? AND status = 'running'`, chainID, dispatcher.Hex()).
		Scan(&r.ID, &root, &manifest, &r.Epoch, &r.After)
	r.Root, r.Manifest = common.HexToHash(root), common.HexToHash(manifest)
	return r, err
}

// End closes a rollout: done, or abandoned. To end it again changes nothing.
func (s *Store) End(ctx context.Context, id int64, done bool) error {
	status := "abandoned"
	if done {
		status = "done"
	}
	err := s.within(ctx, func(tx *tx) error {
		at, chainID := now(), uint64(0)
		err := tx.queryRow(ctx, `UPDATE rollouts SET status = ?, finished_at = ? WHERE id = ? AND status = 'running'
			RETURNING chain_id`, status, at, id).Scan(&chainID)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // it has ended before
		}
		if err != nil {
			return err
		}
		return appendEntry(ctx, tx, at, audit.RunEnded, chainID, audit.RunEnd{ID: id, Status: status})
	})
	if err != nil {
		return fmt.Errorf("end rollout %d: %w", id, err)
	}
	return nil
}

// Abandoned tells whether a rollout was ended before it was done.
func (s *Store) Abandoned(ctx context.Context, id int64) (bool, error) {
	var status string
	err := s.read(ctx, func(db querier) error {
		return db.queryRow(ctx, `SELECT status FROM rollouts WHERE id = ?`, id).Scan(&status)
	})
	if err != nil {
		return false, fmt.Errorf("read rollout %d: %w", id, err)
	}
	return status == "abandoned", nil
}

// LastRollout returns the rollout on a dispatcher that was done last, on any network.
func (s *Store) LastRollout(ctx context.Context, dispatcher common.Address) (r rollout.Run, err error) {
	err = s.read(ctx, func(db querier) error {
		r = rollout.Run{Dispatcher: dispatcher}
		var root, manifest string
		err := db.queryRow(ctx, `SELECT id, chain_id, root, manifest, epoch, after FROM rollouts
			WHERE dispatcher = ? AND status = 'done' ORDER BY finished_at DESC, id DESC LIMIT 1`, dispatcher.Hex()).
			Scan(&r.ID, &r.ChainID, &root, &manifest, &r.Epoch, &r.After)
		r.Root, r.Manifest = common.HexToHash(root), common.HexToHash(manifest)
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return rollout.Run{}, ErrNotFound
	}
	if err != nil {
		return rollout.Run{}, fmt.Errorf("read rollouts: %w", err)
	}
	return r, nil
}

// Previous returns the roots that were rolled out on a dispatcher, newest first.
func (s *Store) Previous(ctx context.Context, chainID uint64, dispatcher common.Address) (out []rollout.Run, err error) {
	err = s.read(ctx, func(db querier) error {
		out = nil
		return each(ctx, db, `SELECT id, root, manifest, epoch, after FROM rollouts
			WHERE chain_id = ? AND dispatcher = ? AND status = 'done' ORDER BY epoch DESC`, func(rows *sql.Rows) error {
			r := rollout.Run{ChainID: chainID, Dispatcher: dispatcher}
			var root, manifest string
			err := rows.Scan(&r.ID, &root, &manifest, &r.Epoch, &r.After)
			r.Root, r.Manifest = common.HexToHash(root), common.HexToHash(manifest)
			out = append(out, r)
			return err
		}, chainID, dispatcher.Hex())
	})
	if err != nil {
		return nil, fmt.Errorf("read rollouts: %w", err)
	}
	return out, nil
}
