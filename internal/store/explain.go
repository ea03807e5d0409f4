package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// Tip is the number of the last entry of the audit log. While it is the same, nothing that the log tells of has changed.
func (s *Store) Tip(ctx context.Context) (seq uint64, err error) {
	err = s.read(ctx, func(db querier) error {
		return db.queryRow(ctx, `SELECT coalesce(max(seq), 0) FROM audit`).Scan(&seq)
	})
	if err != nil {
		return 0, fmt.Errorf("read the end of the audit log: %w", err)
	}
	return seq, nil
}

// PlanUses is a plan with how far it has come on the networks on which it was begun.
type PlanUses struct {
	Digest common.Hash
	Uses   map[uint64]PlanUse // by chain id
}

// PlanUses lists all plans, the oldest first.
func (s *Store) PlanUses(ctx context.Context) (out []PlanUses, err error) {
	err = s.read(ctx, func(db querier) error {
		out = nil
		return each(ctx, db, `SELECT p.digest, coalesce(u.chain_id, 0), coalesce(u.status, '') FROM plans p LEFT JOIN plan_uses u ON u.plan = p.digest
			ORDER BY p.created_at, p.digest, u.chain_id`, func(rows *sql.Rows) error {
			var digest, status string
			var chainID uint64
			if err := rows.Scan(&digest, &chainID, &status); err != nil {
				return err
			}
			d := common.HexToHash(digest)
			if len(out) == 0 || out[len(out)-1].Digest != d {
				out = append(out, PlanUses{d, map[uint64]PlanUse{}})
			}
			if status != "" {
				out[len(out)-1].Uses[chainID] = PlanUse(status)
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read the uses of plans: %w", err)
	}
	return out, nil
}

// RunOf returns the id of the rollout of a root in an epoch. The error is ErrNotFound if there is none that was not abandoned: whoever commits such a root
// again does not do it for us.
func (s *Store) RunOf(ctx context.Context, chainID uint64, dispatcher common.Address, root common.Hash, epoch uint64) (id int64, err error) {
	err = s.read(ctx, func(db querier) error {
		return db.queryRow(ctx, `SELECT id FROM rollouts WHERE chain_id = ? AND dispatcher = ? AND root = ? AND epoch = ? AND status <> 'abandoned' ORDER BY id DESC LIMIT 1`,
			chainID, dispatcher.Hex(), root.Hex(), epoch).Scan(&id)
	})
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return 0, fmt.Errorf("read whether root %s was rolled out: %w", root, err)
	}
	return id, nil
}

// TransactionOf returns the transaction of the journal with a hash, one that is not void if there are several: what is signed once more may be the same. The error is ErrNotFound if there is none.
func (s *Store) TransactionOf(ctx context.Context, chainID uint64, hash common.Hash) (t rollout.Transaction, err error) {
	all, err := s.someTransactions(ctx, `chain_id = ? AND hash = ?`, chainID, hash.Hex())
	if err == nil && len(all) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return t, fmt.Errorf("read transaction %s: %w", hash, err)
	}
	if i := slices.IndexFunc(all, func(t rollout.Transaction) bool { return t.Status != rollout.Void }); i > 0 {
		return all[i], nil
	}
	return all[0], nil
}

// Finished is a transaction that is final.
type Finished struct {
	rollout.Transaction
	At int64 // unix seconds
}

// RecentTransactions lists the transactions of all networks that are open, and those that became final at a time or since, in unix seconds, the
// oldest first.
func (s *Store) RecentTransactions(ctx context.Context, since int64) (open []rollout.Transaction, finished []Finished, err error) {
	all, err := s.someTransactions(ctx, `finished_at IS NULL OR finished_at >= ?`, since)
	if err != nil {
		return nil, nil, fmt.Errorf("read journal: %w", err)
	}
	at := map[int64]int64{}
	err = s.read(ctx, func(db querier) error {
		return each(ctx, db, `SELECT id, finished_at FROM transactions WHERE finished_at >= ?`, func(rows *sql.Rows) error {
			var id, finished int64
			err := rows.Scan(&id, &finished)
			at[id] = finished
			return err
		}, since)
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read journal: %w", err)
	}
	for _, t := range all {
		if when, ok := at[t.ID]; ok && !t.Status.Open() {
			finished = append(finished, Finished{t, when})
		} else if t.Status.Open() {
			open = append(open, t)
		}
	}
	return open, finished, nil
}

func (s *Store) someTransactions(ctx context.Context, where string, args ...any) (out []rollout.Transaction, err error) {
	err = s.read(ctx, func(db querier) error {
		rows, err := db.query(ctx, `SELECT `+columns+` FROM transactions WHERE `+where+` ORDER BY id`, args...)
		if err != nil {
			return err
		}
		out, err = scan(rows)
		return err
	})
	return out, err
}
