package store

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"math"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/event"
)

// SaveRefused writes calls that were refused, each once, and has the index look again at the upgrades that they concern. A transaction in a block that is
// no longer the one that is indexed is left out.
func (s *Store) SaveRefused(ctx context.Context, chainID uint64, all []event.Refused) error {
	err := s.within(ctx, func(tx *tx) error {
		for i := range all {
			r := &all[i]
			if r.Source == "block" {
				hash, err := blockHash(ctx, tx, chainID, r.Block.Number)
				if err != nil {
					return err
				}
				if hash != nil && !bytes.Equal(hash, r.Block.Hash[:]) {
					continue
				}
			}
			// the same call on the same state is refused in the same way, however often that is tried
			var known int
			err := tx.queryRow(ctx, `SELECT count(*) FROM refused WHERE chain_id = ? AND block_number = ? AND block_hash = ? AND contract = ?
				AND source = ? AND sender = ? AND selector = ? AND data = ? AND coalesce(tx_hash, ?) = ?`, chainID, r.Block.Number, r.Block.Hash[:], r.Contract[:],
				r.Source, r.From[:], r.Selector, append([]byte{}, r.Data...), common.Hash{}.Bytes(), r.Tx[:]).Scan(&known)
			if err != nil {
				return err
			}
			if known > 0 {
				continue
			}
			var fields any
			if r.Error != "" {
				fields = string(r.Fields)
			}
			_, err = tx.exec(ctx, `INSERT INTO refused (chain_id, block_number, block_hash, block_time, contract, tx_hash, sender, selector, error, fields, data, source)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
				chainID, r.Block.Number, r.Block.Hash[:], r.Block.Time, r.Contract[:], bytesOrNull(r.Tx), r.From[:], r.Selector, r.Error, fields,
				append([]byte{}, r.Data...), r.Source)
			if err != nil {
				return err
			}
			if r.Source == "block" {
				if err := unsettle(ctx, tx, chainID, r.Contract, r.Block.Number); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write refused calls: %w", err)
	}
	return nil
}

// Refused returns calls that were refused.
func (s *Store) Refused(ctx context.Context, f event.RefusedFilter) (out []event.Refused, err error) {
	err = s.read(ctx, func(db querier) error {
		out, err = refused(ctx, db, f)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read refused calls: %w", err)
	}
	return out, nil
}

func refused(ctx context.Context, db querier, f event.RefusedFilter) (out []event.Refused, err error) {
	var where strings.Builder
	where.WriteString(`chain_id = ?`)
	args := []any{f.ChainID}
	narrow := func(condition string, value any) {
		where.WriteString(" AND " + condition)
		args = append(args, value)
	}
	if f.Contract != (common.Address{}) {
		narrow(`contract = ?`, f.Contract[:])
	}
	if f.From > 0 {
		narrow(`block_number >= ?`, f.From)
	}
	if f.To > 0 {
		narrow(`block_number <= ?`, f.To)
	}
	if f.Source != "" {
		narrow(`source = ?`, f.Source)
	}
	order := "DESC"
	if f.Oldest {
		order = "ASC"
	}
	limit := int64(math.MaxInt64)
	if f.Limit > 0 {
		limit = int64(f.Limit)
	}
	err = each(ctx, db, `SELECT block_number, block_hash, block_time, contract, tx_hash, sender, selector, error, fields, data, source FROM refused
		WHERE `+where.String()+` ORDER BY block_number `+order+`, id `+order+` LIMIT ?`, func(rows *sql.Rows) error {
		var r event.Refused
		var hash, contract, tx, sender []byte
		var fields sql.NullString
		err := rows.Scan(&r.Block.Number, &hash, &r.Block.Time, &contract, &tx, &sender, &r.Selector, &r.Error, &fields, &r.Data, &r.Source)
		r.Block.Hash, r.Contract, r.Tx, r.From = common.BytesToHash(hash), common.BytesToAddress(contract), common.BytesToHash(tx), common.BytesToAddress(sender)
		if fields.Valid {
			r.Fields = []byte(fields.String)
		}
		out = append(out, r)
		return err
	}, append(args, limit)...)
	return out, err
}
