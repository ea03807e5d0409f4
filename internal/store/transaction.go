package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"

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
			block_hash, gas_used FROM transactions WHERE chain_id = ? AND signer = ? AND status = 'signed' ORDER BY nonce`,
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
	err := tx.QueryRowContext(ctx, `SELECT max(id), max(nonce), max(block_number) FROM transactions
		WHERE chain_id = ? AND signer = ?`, chainID, signer.Hex()).Scan(&id, &nonce, &block)
	m := rollout.Mark{LastID: id.Int64, MinBlock: uint64(block.Int64)}
	if nonce.Valid {
		m.NextNonce = uint64(nonce.Int64) + 1
	}
	return m, err
}

// Add journals a signed transaction, unless the journal of its signer moved since it was read at after.
func (s *Store) Add(ctx context.Context, t rollout.Transaction, after rollout.Mark) (rollout.Transaction, error) {
	err := s.within(ctx, func(tx *sql.Tx) error {
		m, err := mark(ctx, tx, t.ChainID, t.Signer)
		if err != nil {
			return err
		}
		if m.LastID != after.LastID {
			return rollout.ErrStale
		}
		res, err := tx.ExecContext(ctx, `INSERT INTO transactions (chain_id, signer, nonce, step, hash, raw, status, created_at)
			VALUES (?, ?, ?, ?, ?, ?, 'signed', ?)`,
			t.ChainID, t.Signer.Hex(), t.Nonce, t.Step, t.Hash.Hex(), t.Raw, now())
		if err != nil {
			return err
		}
		t.Status = rollout.Signed
		t.ID, err = res.LastInsertId()
		return err
	})
	if err != nil {
		return rollout.Transaction{}, fmt.Errorf("journal %s: %w", t.Step, err)
	}
	return t, nil
}

// Finish records the final outcome of a transaction.
func (s *Store) Finish(ctx context.Context, t rollout.Transaction) error {
	err := s.within(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE transactions SET status = ?, block_number = ?, block_hash = ?, gas_used = ?,
			finished_at = ? WHERE id = ? AND status = 'signed'`,
			string(t.Status), t.BlockNumber, t.BlockHash.Hex(), t.GasUsed, now(), t.ID)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err == nil && n == 0 {
			// another process saw the same receipt first
			return nil
		}
		return err
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
