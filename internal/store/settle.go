package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// What has become of an upgrade follows from other rows, and is computed from them (event.Upgrader). An upgrade whose row is not settled has yet to be,
// because events have come, or refusals, or because what logs do not tell of its transactions was not asked for.

// touchUpgrades makes rows for the commitments among logs, and unsettles those that the others concern.
func touchUpgrades(ctx context.Context, tx *tx, chainID uint64, contracts []event.Contract, logs []event.Decoded) error {
	for _, c := range contracts {
		upgrader, ok := c.Kind.(event.Upgrader)
		if !ok {
			continue
		}
		begins, others := upgrader.Lifecycle()
		open := true // whether what comes first concerns a commitment of before
		for i := range logs {
			l := &logs[i]
			switch {
			case l.Address != c.Address || l.Name == "":
				continue
			case l.Name == begins:
				// the one before ends
				if err := unsettle(ctx, tx, chainID, c.Address, l.Block.Number); err != nil {
					return err
				}
				u, _ := upgrader.Upgrade(&event.Life{ChainID: chainID, Events: logs[i : i+1]})
				u.Settled = false
				if err := saveUpgrades(ctx, tx, []event.Upgrade{u}); err != nil {
					return err
				}
				open = false
			case open && slices.Contains(others, l.Name):
				if err := unsettle(ctx, tx, chainID, c.Address, l.Block.Number); err != nil {
					return err
				}
				open = false
			}
		}
	}
	return nil
}

// unsettle has the last commitments up to a block looked at again: those of the newest block that has one.
func unsettle(ctx context.Context, tx *tx, chainID uint64, contract common.Address, block uint64) error {
	_, err := tx.exec(ctx, `UPDATE upgrades SET settled = 0 WHERE chain_id = ? AND dispatcher = ? AND block_number =
		(SELECT max(block_number) FROM upgrades WHERE chain_id = ? AND dispatcher = ? AND block_number <= ?)`,
		chainID, contract[:], chainID, contract[:], block)
	return err
}

// settleTouched brings the upgrades up to date that are not, as far as their transactions are known, and those whose time has run out.
func settleTouched(ctx context.Context, tx *tx, chainID uint64, contracts []event.Contract) error {
	for _, c := range contracts {
		upgrader, ok := c.Kind.(event.Upgrader)
		if !ok {
			continue
		}
		commits, err := commitsOf(ctx, tx.querier, `dispatcher = ? AND (settled = 0 OR status IN ('COMMITTED', 'APPLIED', 'FAILED') AND eta + ? <
			(SELECT time FROM event_blocks WHERE event_blocks.chain_id = upgrades.chain_id ORDER BY number DESC LIMIT 1))`,
			`block_number DESC, log_index DESC`, touchedAtOnce, chainID, c.Address[:], upgrader.Window())
		if err != nil {
			return err
		}
		for _, commit := range commits {
			if _, err := settle(ctx, tx, chainID, c, commit); err != nil {
				return err
			}
		}
	}
	return nil
}

// touchedAtOnce bounds what is brought up to date in the transaction of a new block: it can touch two, and others may wait for what is asked for.
const touchedAtOnce = 4

func commitsOf(ctx context.Context, db querier, where, order string, limit int, args ...any) (out []event.Place, err error) {
	err = each(ctx, db, `SELECT block_number, log_index FROM upgrades WHERE chain_id = ? AND `+where+` ORDER BY `+order+` LIMIT ?`,
		func(rows *sql.Rows) error {
			var p event.Place
			err := rows.Scan(&p.Block, &p.Index)
			out = append(out, p)
			return err
		}, append(args, limit)...)
	return out, err
}

// settle computes an upgrade anew.
func settle(ctx context.Context, tx *tx, chainID uint64, c event.Contract, commit event.Place) (event.Upgrade, error) {
	l, err := life(ctx, tx.querier, chainID, c, commit)
	if err != nil {
		return event.Upgrade{}, err
	}
	u, _ := c.Kind.(event.Upgrader).Upgrade(&l)
	return u, saveUpgrades(ctx, tx, []event.Upgrade{u})
}

// reviveUpgrades computes the last upgrade of each contract anew, after what followed was taken back.
func reviveUpgrades(ctx context.Context, tx *tx, chainID uint64, contracts []event.Contract) error {
	for _, c := range contracts {
		if _, ok := c.Kind.(event.Upgrader); !ok {
			continue
		}
		commits, err := commitsOf(ctx, tx.querier, `dispatcher = ?`, `block_number DESC, log_index DESC`, 1, chainID, c.Address[:])
		if err != nil {
			return err
		}
		for _, commit := range commits {
			if _, err := settle(ctx, tx, chainID, c, commit); err != nil {
				return err
			}
		}
	}
	return nil
}

// Unsettled returns the oldest upgrade after a place that is not settled, and which of its transactions are not known; nil if there is none.
func (s *Store) Unsettled(ctx context.Context, chainID uint64, contracts []event.Contract, after event.Place) (out *event.Unsettled, err error) {
	err = s.view(ctx, func(db querier) error {
		out = nil
		for _, c := range contracts {
			upgrader, ok := c.Kind.(event.Upgrader)
			if !ok {
				continue
			}
			commits, err := commitsOf(ctx, db, `settled = 0 AND dispatcher = ? AND (block_number, log_index) > (?, ?)`, `block_number, log_index`, 1,
				chainID, c.Address[:], after.Block, after.Index)
			if err != nil {
				return err
			}
			if len(commits) == 0 || out != nil && commits[0].Block >= out.Commit.Block {
				continue
			}
			out = &event.Unsettled{Contract: c, Commit: commits[0]}
			if out.Life, err = life(ctx, db, chainID, c, commits[0]); err != nil {
				return err
			}
			_, txs := upgrader.Upgrade(&out.Life)
			for _, tx := range txs {
				if _, known := out.Life.Transactions[tx]; !known {
					out.Missing = append(out.Missing, tx)
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read upgrades: %w", err)
	}
	return out, nil
}

// Settle writes what logs do not tell of transactions of an upgrade, and computes it anew. If a transaction is in another block than the one that is
// indexed, or the upgrade is no longer there, the error is rollout.ErrStale.
func (s *Store) Settle(ctx context.Context, chainID uint64, c event.Contract, commit event.Place, calls []event.Call, txs []event.Transaction) (u event.Upgrade, err error) {
	err = s.within(ctx, func(tx *tx) error {
		for i := range txs {
			t := &txs[i]
			hash, err := blockHash(ctx, tx, chainID, t.Block)
			if err == nil && hash != nil && !bytes.Equal(hash, calls[i].Block.Hash[:]) {
				err = rollout.ErrStale
			}
			if err != nil {
				return err
			}
			if err := saveTransaction(ctx, tx, chainID, t); err != nil {
				return err
			}
		}
		var err error
		if u, err = settle(ctx, tx, chainID, c, commit); errors.Is(err, ErrNotFound) {
			err = rollout.ErrStale
		}
		return err
	})
	if err != nil {
		return u, fmt.Errorf("write transactions of an upgrade: %w", err)
	}
	return u, nil
}

func saveTransaction(ctx context.Context, tx *tx, chainID uint64, t *event.Transaction) error {
	pages, err := json.Marshal(append([]event.Page{}, t.Pages...))
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, `INSERT INTO event_transactions (chain_id, tx_hash, block_number, gas_used, pages) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (chain_id, tx_hash) DO UPDATE SET block_number = excluded.block_number, gas_used = excluded.gas_used, pages = excluded.pages`,
		chainID, t.Hash[:], t.Block, t.GasUsed, string(pages))
	return err
}

// Life returns what is known of the commitment of a contract in a place. The error is ErrNotFound if there is none.
func (s *Store) Life(ctx context.Context, chainID uint64, c event.Contract, commit event.Place) (l event.Life, err error) {
	err = s.view(ctx, func(db querier) error {
		l, err = life(ctx, db, chainID, c, commit)
		return err
	})
	if err != nil {
		return l, fmt.Errorf("read the upgrade of block %d: %w", commit.Block, err)
	}
	return l, nil
}
