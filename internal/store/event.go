package store

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// Watch notes which contracts of a network are indexed, and returns how far. One that is new begins at its From. One that is to begin earlier than
// it did is indexed anew. One that is no longer named keeps its rows, and is not in the answer.
func (s *Store) Watch(ctx context.Context, chainID uint64, contracts []event.Contract) (p event.Position, err error) {
	err = s.within(ctx, func(tx *tx) error {
		for _, c := range contracts {
			var from uint64
			err := tx.queryRow(ctx, `SELECT from_block FROM indexed WHERE chain_id = ? AND address = ?`, chainID, c.Address[:]).Scan(&from)
			switch {
			case err == nil && from <= c.From:
				continue
			case err == nil:
				if _, err := tx.exec(ctx, `DELETE FROM events WHERE chain_id = ? AND address = ?`, chainID, c.Address[:]); err != nil {
					return err
				}
				if _, err := tx.exec(ctx, `DELETE FROM upgrades WHERE chain_id = ? AND dispatcher = ?`, chainID, c.Address[:]); err != nil {
					return err
				}
				_, err = tx.exec(ctx, `UPDATE indexed SET from_block = ?, next_block = ? WHERE chain_id = ? AND address = ?`, c.From, c.From, chainID, c.Address[:])
			case errors.Is(err, sql.ErrNoRows):
				_, err = tx.exec(ctx, `INSERT INTO indexed (chain_id, address, kind, from_block, next_block) VALUES (?, ?, ?, ?, ?)`,
					chainID, c.Address[:], c.Kind.Name(), c.From, c.From)
			}
			if err != nil {
				return err
			}
		}
		p, err = position(ctx, tx.querier, chainID, contracts)
		return err
	})
	if err != nil {
		return p, fmt.Errorf("read how far events are indexed: %w", err)
	}
	return p, nil
}

// Covered returns how far contracts of a network are indexed.
func (s *Store) Covered(ctx context.Context, chainID uint64) (out []event.Covered, err error) {
	err = s.read(ctx, func(db querier) error {
		out = nil
		return each(ctx, db, `SELECT address, from_block, next_block FROM indexed WHERE chain_id = ? ORDER BY address`, func(rows *sql.Rows) error {
			var c event.Covered
			var address []byte
			err := rows.Scan(&address, &c.From, &c.Next)
			c.Address = common.BytesToAddress(address)
			out = append(out, c)
			return err
		}, chainID)
	})
	if err != nil {
		return nil, fmt.Errorf("read how far events are indexed: %w", err)
	}
	return out, nil
}

func position(ctx context.Context, db querier, chainID uint64, contracts []event.Contract) (p event.Position, err error) {
	for _, c := range contracts {
		covered := event.Covered{Address: c.Address}
		err := db.queryRow(ctx, `SELECT from_block, next_block FROM indexed WHERE chain_id = ? AND address = ?`, chainID, c.Address[:]).
			Scan(&covered.From, &covered.Next)
		if err != nil {
			return p, err
		}
		p.Contracts = append(p.Contracts, covered)
	}
	var hash []byte
	err = db.queryRow(ctx, `SELECT number, hash, time FROM final_blocks WHERE chain_id = ?`, chainID).Scan(&p.Final.Number, &hash, &p.Final.Time)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	p.Final.Hash = common.BytesToHash(hash)
	return p, err
}

// SaveBatch writes what contracts have logged in the blocks that follow those that are indexed. If others follow by now, or the blocks do not
// follow those that are kept, the error is rollout.ErrStale. To write the same again changes nothing: so it may be done after an error that leaves
// open whether it was written.
func (s *Store) SaveBatch(ctx context.Context, b event.Batch) error {
	err := s.within(ctx, func(tx *tx) error {
		done, err := advance(ctx, tx, b.ChainID, b.Contracts, b.From, b.To+1)
		if err != nil {
			return err
		}
		if done {
			return cmp.Or(sameTip(ctx, tx, b), errDone)
		}
		if err := follows(ctx, tx, b); err != nil {
			return err
		}
		if err := insertBlocks(ctx, tx, b.ChainID, b.Blocks); err != nil {
			return err
		}
		if err := s.engine.insertEvents(ctx, tx, b.ChainID, b.Logs); err != nil {
			return err
		}
		if err := touchUpgrades(ctx, tx, b.ChainID, b.Contracts, b.Logs); err != nil {
			return err
		}
		if !b.Follows {
			return nil
		}
		return settleTouched(ctx, tx, b.ChainID, b.Contracts)
	})
	if err != nil {
		return fmt.Errorf("write events of blocks %d to %d: %w", b.From, b.To, err)
	}
	return nil
}

// SaveMissed writes logs of blocks that are indexed. Those that are there already are as they were.
func (s *Store) SaveMissed(ctx context.Context, chainID uint64, contracts []event.Contract, logs []event.Decoded) error {
	err := s.within(ctx, func(tx *tx) error {
		var missed []event.Decoded
		for i := range logs {
			l := &logs[i]
			var there int
			err := tx.queryRow(ctx, `SELECT count(*) FROM events WHERE chain_id = ? AND block_number = ? AND log_index = ?`,
				chainID, l.Block.Number, l.Index).Scan(&there)
			if err != nil {
				return err
			}
			hash, err := blockHash(ctx, tx, chainID, l.Block.Number)
			switch {
			case err != nil:
				return err
			case hash != nil && !bytes.Equal(hash, l.Block.Hash[:]):
				return rollout.ErrStale
			case there == 0:
				missed = append(missed, *l)
			}
			if hash == nil {
				if err := insertBlocks(ctx, tx, chainID, []event.Header{{Block: l.Block}}); err != nil {
					return err
				}
			}
		}
		if err := s.engine.insertEvents(ctx, tx, chainID, missed); err != nil {
			return err
		}
		if err := touchUpgrades(ctx, tx, chainID, contracts, missed); err != nil {
			return err
		}
		return settleTouched(ctx, tx, chainID, contracts)
	})
	if err != nil {
		return fmt.Errorf("write events that were left out: %w", err)
	}
	return nil
}

// advance moves the first block that is not indexed of contracts from one to another. It is done if it is there already.
func advance(ctx context.Context, tx *tx, chainID uint64, contracts []event.Contract, from, to uint64) (done bool, err error) {
	moved := 0
	for _, c := range contracts {
		res, err := tx.exec(ctx, `UPDATE indexed SET next_block = ? WHERE chain_id = ? AND address = ? AND next_block = ?`, to, chainID, c.Address[:], from)
		if err != nil {
			return false, err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return false, err
		}
		moved += int(n)
	}
	if moved == len(contracts) {
		return false, nil
	}
	if moved > 0 {
		return false, rollout.ErrStale
	}
	for _, c := range contracts {
		var next uint64
		err := tx.queryRow(ctx, `SELECT next_block FROM indexed WHERE chain_id = ? AND address = ?`, chainID, c.Address[:]).Scan(&next)
		if errors.Is(err, sql.ErrNoRows) || err == nil && next != to {
			return false, rollout.ErrStale
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// sameTip tells a batch that was written from another of the same blocks.
func sameTip(ctx context.Context, tx *tx, b event.Batch) error {
	if len(b.Blocks) == 0 {
		return nil
	}
	last := b.Blocks[len(b.Blocks)-1]
	hash, err := blockHash(ctx, tx, b.ChainID, last.Number)
	if err == nil && !bytes.Equal(hash, last.Hash[:]) {
		err = rollout.ErrStale
	}
	return err
}

// follows compares the parent of the first block of a batch with the block before, if both are known.
func follows(ctx context.Context, tx *tx, b event.Batch) error {
	if len(b.Blocks) == 0 || b.Blocks[0].Number != b.From || b.Blocks[0].Parent == (common.Hash{}) || b.From == 0 {
		return nil
	}
	hash, err := blockHash(ctx, tx, b.ChainID, b.From-1)
	if err == nil && hash != nil && !bytes.Equal(hash, b.Blocks[0].Parent[:]) {
		err = rollout.ErrStale
	}
	return err
}

// blockHash is that of a block that is kept, nil if there is none.
func blockHash(ctx context.Context, tx *tx, chainID, number uint64) (hash []byte, err error) {
	err = tx.queryRow(ctx, `SELECT hash FROM event_blocks WHERE chain_id = ? AND number = ?`, chainID, number).Scan(&hash)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return hash, err
}

// RollBack takes back what was indexed of the blocks after one that is still in the chain: next is the first that was not indexed. It is safe to
// repeat, as SaveBatch is.
func (s *Store) RollBack(ctx context.Context, chainID uint64, contracts []event.Contract, next uint64, to rollout.Block) error {
	err := s.within(ctx, func(tx *tx) error {
		done, err := advance(ctx, tx, chainID, contracts, next, to.Number+1)
		if err != nil {
			return err
		}
		if done {
			return errDone
		}
		for _, statement := range []string{
			`DELETE FROM events WHERE chain_id = ? AND block_number > ?`,
			`DELETE FROM event_blocks WHERE chain_id = ? AND number > ?`,
			`DELETE FROM refused WHERE chain_id = ? AND block_number > ? AND source = 'block'`,
			`DELETE FROM event_transactions WHERE chain_id = ? AND block_number > ?`,
			`DELETE FROM upgrades WHERE chain_id = ? AND block_number > ?`,
			`DELETE FROM final_blocks WHERE chain_id = ? AND number > ?`,
		} {
			if _, err := tx.exec(ctx, statement, chainID, to.Number); err != nil {
				return err
			}
		}
		// contracts that are not watched now may be again
		_, err = tx.exec(ctx, `UPDATE indexed SET next_block = ? WHERE chain_id = ? AND next_block > ?`, to.Number+1, chainID, to.Number+1)
		if err != nil {
			return err
		}
		if err := insertBlocks(ctx, tx, chainID, []event.Header{{Block: to}}); err != nil {
			return err
		}
		return reviveUpgrades(ctx, tx, chainID, contracts)
	})
	if err != nil {
		return fmt.Errorf("take back events after block %d: %w", to.Number, err)
	}
	return nil
}

// SaveFinal notes the newest block that is final, and lets go of those headers from a number to before another that hold no events.
func (s *Store) SaveFinal(ctx context.Context, chainID uint64, final rollout.Block, from, to uint64) error {
	err := s.within(ctx, func(tx *tx) error {
		_, err := tx.exec(ctx, `INSERT INTO final_blocks (chain_id, number, hash, time) VALUES (?, ?, ?, ?)
			ON CONFLICT (chain_id) DO UPDATE SET number = excluded.number, hash = excluded.hash, time = excluded.time`,
			chainID, final.Number, final.Hash[:], final.Time)
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, `DELETE FROM event_blocks WHERE chain_id = ? AND number >= ? AND number < ? AND NOT EXISTS
			(SELECT 1 FROM events WHERE events.chain_id = event_blocks.chain_id AND block_number = number)`, chainID, from, to)
		return err
	})
	if err != nil {
		return fmt.Errorf("write that block %d is final: %w", final.Number, err)
	}
	return nil
}

// BlocksDown returns the headers that are kept, from a number downwards, at most so many.
func (s *Store) BlocksDown(ctx context.Context, chainID, from uint64, limit int) (out []event.Header, err error) {
	err = s.read(ctx, func(db querier) error {
		out = nil
		return each(ctx, db, `SELECT number, hash, parent, time FROM event_blocks WHERE chain_id = ? AND number <= ? ORDER BY number DESC LIMIT ?`,
			func(rows *sql.Rows) error {
				var h event.Header
				var hash, parent []byte
				err := rows.Scan(&h.Number, &hash, &parent, &h.Time)
				h.Hash, h.Parent = common.BytesToHash(hash), common.BytesToHash(parent)
				out = append(out, h)
				return err
			}, chainID, from, limit)
	})
	if err != nil {
		return nil, fmt.Errorf("read indexed blocks: %w", err)
	}
	return out, nil
}
