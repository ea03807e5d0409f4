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

// columns are those that scan reads.
const columns = `id, chain_id, signer, nonce, step, hash, raw, status, plan, coalesce(replaces, 0), block_number, block_hash, gas_used`

// Read returns where the journal of a signer on a network stands.
func (s *Store) Read(ctx context.Context, chainID uint64, signer common.Address) (rollout.Mark, error) {
	var m rollout.Mark
	err := s.view(ctx, func(tx querier) (err error) {
		if m, err = mark(ctx, tx, chainID, signer); err != nil {
			return err
		}
		rows, err := tx.query(ctx, `SELECT `+columns+` FROM transactions
			WHERE chain_id = ? AND signer = ? AND status IN ('signed', 'released', 'replaced') ORDER BY nonce, id`, chainID, signer.Hex())
		if err != nil {
			return err
		}
		open, err := scan(rows)
		earlier := map[uint64][]rollout.Transaction{}
		for _, t := range open {
			if t.Status == rollout.Replaced {
				earlier[t.Nonce] = append(earlier[t.Nonce], t)
				continue
			}
			t.Earlier = earlier[t.Nonce] // they were journalled before it
			m.Open = append(m.Open, t)
		}
		return err
	})
	if err != nil {
		return rollout.Mark{}, fmt.Errorf("read journal: %w", err)
	}
	return m, nil
}

func mark(ctx context.Context, tx querier, chainID uint64, signer common.Address) (rollout.Mark, error) {
	var id, nonce, block, adopted sql.NullInt64
	err := tx.queryRow(ctx, `SELECT max(id), max(nonce) FILTER (WHERE status NOT IN ('void', 'lost')),
		max(block_number) FILTER (WHERE status <> 'lost'), (SELECT next_nonce FROM adopted_nonces WHERE chain_id = ? AND signer = ?)
		FROM transactions WHERE chain_id = ? AND signer = ?`, chainID, signer.Hex(), chainID, signer.Hex()).Scan(&id, &nonce, &block, &adopted)
	m := rollout.Mark{LastID: id.Int64, MinBlock: uint64(block.Int64), Known: nonce.Valid || adopted.Valid, NextNonce: uint64(adopted.Int64)}
	if nonce.Valid {
		m.NextNonce = max(m.NextNonce, uint64(nonce.Int64)+1)
	}
	return m, err
}

// Adopt records that the nonces of a signer on a network below next are accounted for elsewhere. What the journal holds as final
// with a nonce that is not used by then is lost: a reorganisation has taken it back. To adopt the same again is noted in the audit log,
// and changes nothing else.
func (s *Store) Adopt(ctx context.Context, chainID uint64, signer common.Address, next uint64) error {
	err := s.within(ctx, func(tx *tx) error {
		at := now()
		rows, err := tx.query(ctx, `SELECT `+columns+` FROM transactions
			WHERE chain_id = ? AND signer = ? AND nonce >= ? AND status NOT IN ('void', 'lost') ORDER BY id`, chainID, signer.Hex(), next)
		if err != nil {
			return err
		}
		gone, err := scan(rows)
		if err != nil {
			return err
		}
		for _, t := range gone {
			if t.Status != rollout.Confirmed && t.Status != rollout.Reverted && t.Status != rollout.Dropped {
				return fmt.Errorf("%s with nonce %d is %s: settle it, or take it back, first", t.Step, t.Nonce, t.Status)
			}
			if err := turn(ctx, tx, at, t, t.Status, rollout.Lost); err != nil {
				return err
			}
		}
		_, err = tx.exec(ctx, `INSERT INTO adopted_nonces (chain_id, signer, next_nonce, adopted_at) VALUES (?, ?, ?, ?)
			ON CONFLICT (chain_id, signer) DO UPDATE SET next_nonce = excluded.next_nonce, adopted_at = excluded.adopted_at`,
			chainID, signer.Hex(), next, at)
		if err != nil {
			return err
		}
		return appendEntry(ctx, tx, at, audit.NoncesAdopted, chainID, audit.Adoption{Signer: signer, NextNonce: next})
	})
	if err != nil {
		return fmt.Errorf("adopt nonces of %s: %w", signer, err)
	}
	return nil
}

// Add journals signed transactions of one signer on one network, all or none, unless the journal of the signer moved since it
// was read at after. The first is released. After an error that leaves open whether it was done, Read tells; to Add again after
// the same mark gives rollout.ErrStale if it was.
func (s *Store) Add(ctx context.Context, ts []rollout.Transaction, after rollout.Mark) ([]rollout.Transaction, error) {
	out := slices.Clone(ts)
	err := s.within(ctx, func(tx *tx) error {
		m, err := mark(ctx, tx.querier, out[0].ChainID, out[0].Signer)
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
			if err := insert(ctx, tx, at, t); err != nil {
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

func insert(ctx context.Context, tx *tx, at int64, t *rollout.Transaction) error {
	err := tx.queryRow(ctx, `INSERT INTO transactions (chain_id, signer, nonce, step, hash, raw, status, plan, replaces, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
		t.ChainID, t.Signer.Hex(), t.Nonce, t.Step, t.Hash.Hex(), t.Raw, string(t.Status), orNull(t.Plan), numberOrNull(t.Replaces), at).Scan(&t.ID)
	if err != nil {
		return fmt.Errorf("%s: %w", t.Step, err)
	}
	return appendEntry(ctx, tx, at, audit.TransactionSigned, t.ChainID, signedEntry(*t))
}

// Replace journals transactions that take the place of released ones with the same nonces, before they are sent. If one of
// those is no longer released, because another process has replaced it or seen its outcome, none is replaced and the error
// is rollout.ErrStale; so it is if the same is done again.
func (s *Store) Replace(ctx context.Context, old, ts []rollout.Transaction) ([]rollout.Transaction, error) {
	out := slices.Clone(ts)
	err := s.within(ctx, func(tx *tx) error {
		at := now()
		for i := range out {
			if err := turn(ctx, tx, at, old[i], rollout.Released, rollout.Replaced); err != nil {
				return err
			}
			t := &out[i]
			t.Status, t.Replaces = rollout.Released, old[i].ID
			if err := insert(ctx, tx, at, t); err != nil {
				return err
			}
			if err := appendEntry(ctx, tx, at, audit.TransactionReleased, t.ChainID, audit.Turn{ID: t.ID, Hash: t.Hash}); err != nil {
				return err
			}
			before := old[i]
			before.Status, before.Earlier = rollout.Replaced, nil
			t.Earlier = append(slices.Clone(old[i].Earlier), before)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("replace %s: %w", old[0].Step, err)
	}
	return out, nil
}

// Release records that signed transactions are about to be sent. If one of them is no longer signed, because another process
// has made it void, none is released and the error is rollout.ErrStale; so it is if they are released again.
func (s *Store) Release(ctx context.Context, ts []rollout.Transaction) ([]rollout.Transaction, error) {
	out, err := s.turn(ctx, ts, rollout.Released)
	if err != nil {
		return nil, fmt.Errorf("release %s: %w", ts[0].Step, err)
	}
	return out, nil
}

// Void takes back signed transactions that were never released. If one of them is no longer signed, none is taken back and
// the error is rollout.ErrStale; so it is if they are taken back again.
func (s *Store) Void(ctx context.Context, ts []rollout.Transaction) error {
	if _, err := s.turn(ctx, ts, rollout.Void); err != nil {
		return fmt.Errorf("take back %s: %w", ts[0].Step, err)
	}
	return nil
}

func (s *Store) turn(ctx context.Context, ts []rollout.Transaction, status rollout.Status) ([]rollout.Transaction, error) {
	out := slices.Clone(ts)
	err := s.within(ctx, func(tx *tx) error {
		at := now()
		for i := range out {
			if err := turn(ctx, tx, at, out[i], rollout.Signed, status); err != nil {
				return err
			}
			out[i].Status = status
		}
		return nil
	})
	return out, err
}

// turns are the entries of the audit log for what a transaction becomes before it is final.
var turns = map[rollout.Status]audit.Kind{
	rollout.Released: audit.TransactionReleased, rollout.Void: audit.TransactionVoid, rollout.Replaced: audit.TransactionReplaced,
	rollout.Lost: audit.TransactionLost,
}

// turn changes the status of a transaction that has the one that is expected.
func turn(ctx context.Context, tx *tx, at int64, t rollout.Transaction, from, to rollout.Status) error {
	res, err := tx.exec(ctx, `UPDATE transactions SET status = ? WHERE id = ? AND status = ?`, string(to), t.ID, string(from))
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, rollout.ErrStale)
	}
	return appendEntry(ctx, tx, at, turns[to], t.ChainID, audit.Turn{ID: t.ID, Hash: t.Hash})
}

// Finish records the final outcome of a transaction. Others with its nonce can never land any more: they are dropped. To record it
// again changes nothing, whatever the outcome.
func (s *Store) Finish(ctx context.Context, t rollout.Transaction) error {
	kind := audit.TransactionConfirmed
	if t.Status == rollout.Reverted {
		kind = audit.TransactionReverted
	}
	err := s.within(ctx, func(tx *tx) error {
		at := now()
		var open int
		err := tx.queryRow(ctx, `SELECT count(*) FROM transactions WHERE id = ? AND status IN ('released', 'replaced')`, t.ID).Scan(&open)
		if err != nil || open == 0 {
			return err // if it is 0, another process saw the same receipt first
		}
		if err := drop(ctx, tx, at, t, t.ID); err != nil {
			return err
		}
		_, err = tx.exec(ctx, `UPDATE transactions SET status = ?, block_number = ?, block_hash = ?, gas_used = ?,
			finished_at = ? WHERE id = ?`, string(t.Status), t.BlockNumber, t.BlockHash.Hex(), t.GasUsed, at, t.ID)
		if err != nil {
			return err
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

// drop ends the transactions with the nonce of one that were sent, but for one.
func drop(ctx context.Context, tx *tx, at int64, t rollout.Transaction, but int64) error {
	rows, err := tx.query(ctx, `SELECT `+columns+` FROM transactions
		WHERE chain_id = ? AND signer = ? AND nonce = ? AND id <> ? AND status IN ('released', 'replaced') ORDER BY id`,
		t.ChainID, t.Signer.Hex(), t.Nonce, but)
	if err != nil {
		return err
	}
	lost, err := scan(rows)
	if err != nil {
		return err
	}
	for _, l := range lost {
		if _, err := tx.exec(ctx, `UPDATE transactions SET status = 'dropped', finished_at = ? WHERE id = ?`, at, l.ID); err != nil {
			return err
		}
		if err := appendEntry(ctx, tx, at, audit.TransactionDropped, l.ChainID, audit.Turn{ID: l.ID, Hash: l.Hash}); err != nil {
			return err
		}
	}
	return nil
}

// Lose records that a released transaction and those that it has replaced can never land: their nonce was used by another. To
// record it again changes nothing.
func (s *Store) Lose(ctx context.Context, t rollout.Transaction) error {
	err := s.within(ctx, func(tx *tx) error { return drop(ctx, tx, now(), t, 0) })
	if err != nil {
		return fmt.Errorf("journal that %s is lost: %w", t.Hash, err)
	}
	return nil
}

// Transactions lists the journal of a network, oldest first.
func (s *Store) Transactions(ctx context.Context, chainID uint64) ([]rollout.Transaction, error) {
	var out []rollout.Transaction
	err := s.read(ctx, func(db querier) error {
		rows, err := db.query(ctx, `SELECT `+columns+` FROM transactions WHERE chain_id = ? ORDER BY id`, chainID)
		if err != nil {
			return err
		}
		out, err = scan(rows)
		return err
	})
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
		var plan, blockHash sql.NullString
		err := rows.Scan(&t.ID, &t.ChainID, &signer, &t.Nonce, &t.Step, &hash, &t.Raw, &status, &plan, &t.Replaces, &block, &blockHash, &gas)
		if err != nil {
			return nil, err
		}
		t.Signer, t.Hash, t.Status, t.Plan = common.HexToAddress(signer), common.HexToHash(hash), rollout.Status(status), hashOf(plan)
		t.BlockNumber, t.BlockHash, t.GasUsed = uint64(block.Int64), hashOf(blockHash), uint64(gas.Int64)
		out = append(out, t)
	}
	return out, rows.Err()
}
