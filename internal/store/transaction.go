package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// Read returns where the journal of a signer on a network stands.
func (s *Store) Read(ctx context.Context, chainID uint64, signer common.Address) (rollout.Mark, error) {
	var m rollout.Mark
	err := s.within(ctx, func(tx *sql.Tx) (err error) {
		if m, err = mark(ctx, tx, chainID, signer); err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, `SELECT id, chain_id, signer, nonce, step, hash, raw, status, block_number,
			block_hash, gas_used FROM transactions WHERE chain_id = ? AND signer = ? AND status IN ('signed', 'released') ORDER BY nonce`,
			chainID, signer.Hex())
		if err != nil {
			return err
		}
		m.Open, err = scan(rows)
		return err
	})
	if err != nil {
		return rollout.Mark{}, fmt.Errorf("read journal: %w", err)
	}
	return m, nil
}

func mark(ctx context.Context, tx *sql.Tx, chainID uint64, signer common.Address) (rollout.Mark, error) {
	var id, nonce, block sql.NullInt64
	err := tx.QueryRowContext(ctx, `SELECT max(id), max(nonce) FILTER (WHERE status <> 'void'), max(block_number)
		FROM transactions WHERE chain_id = ? AND signer = ?`, chainID, signer.Hex()).Scan(&id, &nonce, &block)
	m := rollout.Mark{LastID: id.Int64, MinBlock: uint64(block.Int64)}
	if nonce.Valid {
		m.NextNonce = uint64(nonce.Int64) + 1
	}
	return m, err
}

// Add journals signed transactions of one signer on one network, all or none, unless the journal of the signer moved since it
// was read at after. The first is released.
func (s *Store) Add(ctx context.Context, ts []rollout.Transaction, after rollout.Mark) ([]rollout.Transaction, error) {
	out := slices.Clone(ts)
	err := s.within(ctx, func(tx *sql.Tx) error {
		m, err := mark(ctx, tx, out[0].ChainID, out[0].Signer)
		if err != nil {
			return err
		}
		if m.LastID != after.LastID {
			return rollout.ErrStale
		}
		at := now()
		for i := range out {
			t := &out[i]
			t.Status = rollout.Signed
			if i == 0 {
				t.Status = rollout.Released
			}
			res, err := tx.ExecContext(ctx, `INSERT INTO transactions (chain_id, signer, nonce, step, hash, raw, status, created_at)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
				t.ChainID, t.Signer.Hex(), t.Nonce, t.Step, t.Hash.Hex(), t.Raw, string(t.Status), at)
			if err != nil {
				return fmt.Errorf("%s: %w", t.Step, err)
			}
			if t.ID, err = res.LastInsertId(); err != nil {
				return err
			}
			if err := appendEntry(ctx, tx, at, audit.TransactionSigned, t.ChainID, signedEntry(*t)); err != nil {
				return err
			}
		}
		return appendEntry(ctx, tx, at, audit.TransactionReleased, out[0].ChainID, audit.Turn{ID: out[0].ID, Hash: out[0].Hash})
	})
	if err != nil {
		return nil, fmt.Errorf("journal %s: %w", ts[0].Step, err)
	}
	return out, nil
}

// Release records that signed transactions are about to be sent. If one of them is no longer signed, because another process
// has made it void, none is released and the error is rollout.ErrStale.
func (s *Store) Release(ctx context.Context, ts []rollout.Transaction) ([]rollout.Transaction, error) {
	out, err := s.turn(ctx, ts, rollout.Released, audit.TransactionReleased)
	if err != nil {
		return nil, fmt.Errorf("release %s: %w", ts[0].Step, err)
	}
	return out, nil
}

// Void takes back signed transactions that were never released. If one of them is no longer signed, none is taken back and
// the error is rollout.ErrStale.
func (s *Store) Void(ctx context.Context, ts []rollout.Transaction) error {
	if _, err := s.turn(ctx, ts, rollout.Void, audit.TransactionVoid); err != nil {
		return fmt.Errorf("take back %s: %w", ts[0].Step, err)
	}
	return nil
}

func (s *Store) turn(ctx context.Context, ts []rollout.Transaction, status rollout.Status, kind audit.Kind) ([]rollout.Transaction, error) {
	out := slices.Clone(ts)
	err := s.within(ctx, func(tx *sql.Tx) error {
		at := now()
		for i := range out {
			res, err := tx.ExecContext(ctx, `UPDATE transactions SET status = ? WHERE id = ? AND status = 'signed'`,
				string(status), out[i].ID)
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); err != nil || n == 0 {
				return errors.Join(err, rollout.ErrStale)
			}
			if err := appendEntry(ctx, tx, at, kind, out[i].ChainID, audit.Turn{ID: out[i].ID, Hash: out[i].Hash}); err != nil {
				return err
			}
			out[i].Status = status
		}
		return nil
	})
	return out, err
}

// Finish records the final outcome of a transaction.
func (s *Store) Finish(ctx context.Context, t rollout.Transaction) error {
	kind := audit.TransactionConfirmed
	if t.Status == rollout.Reverted {
		kind = audit.TransactionReverted
	}
	err := s.within(ctx, func(tx *sql.Tx) error {
		at := now()
		res, err := tx.ExecContext(ctx, `UPDATE transactions SET status = ?, block_number = ?, block_hash = ?, gas_used = ?,
			finished_at = ? WHERE id = ? AND status = 'released'`,
			string(t.Status), t.BlockNumber, t.BlockHash.Hex(), t.GasUsed, at, t.ID)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err // if n is 0, another process saw the same receipt first
		}
		return appendEntry(ctx, tx, at, kind, t.ChainID, audit.Outcome{
			ID: t.ID, Hash: t.Hash, Inclusion: audit.Inclusion{BlockNumber: t.BlockNumber, BlockHash: t.BlockHash, GasUsed: t.GasUsed},
		})
	})
	if err != nil {
		return fmt.Errorf("journal outcome of %s: %w", t.Hash, err)
	}
	return nil
}

// Transactions lists the journal of a network, oldest first.
func (s *Store) Transactions(ctx context.Context, chainID uint64) ([]rollout.Transaction, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT id, chain_id, signer, nonce, step, hash, raw, status, block_number,
		block_hash, gas_used FROM transactions WHERE chain_id = ? ORDER BY id`, chainID)
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	out, err := scan(rows)
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	return out, nil
}

func scan(rows *sql.Rows) (out []rollout.Transaction, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var t rollout.Transaction
		var signer, hash, status string
		var block, gas sql.NullInt64
		var blockHash sql.NullString
		if err := rows.Scan(&t.ID, &t.ChainID, &signer, &t.Nonce, &t.Step, &hash, &t.Raw, &status, &block, &blockHash, &gas); err != nil {
			return nil, err
		}
		t.Signer, t.Hash, t.Status = common.HexToAddress(signer), common.HexToHash(hash), rollout.Status(status)
		t.BlockNumber, t.BlockHash, t.GasUsed = uint64(block.Int64), hashOf(blockHash), uint64(gas.Int64)
		out = append(out, t)
	}
	return out, rows.Err()
}
