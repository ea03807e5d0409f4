package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/event"
)

// Events returns events that are indexed.
func (s *Store) Events(ctx context.Context, f event.Filter) (out []event.Decoded, err error) {
	err = s.read(ctx, func(db querier) error {
		out, err = events(ctx, db, f)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return out, nil
}

func events(ctx context.Context, db querier, f event.Filter) (out []event.Decoded, err error) {
	// an earlier release knew none, and a journal that is only read is not brought up to date
	if has, err := db.has(ctx, "events"); err != nil || !has {
		return nil, err
	}
	query, args := eventQuery(f)
	err = each(ctx, db, query, func(rows *sql.Rows) error {
		d, err := scanEvent(rows)
		out = append(out, d)
		return err
	}, args...)
	return out, err
}

func eventQuery(f event.Filter) (query string, args []any) {
	var where strings.Builder
	narrow := func(condition string, values ...any) {
		where.WriteString(" AND " + condition)
		args = append(args, values...)
	}
	where.WriteString(`chain_id = ?`)
	args = append(args, f.ChainID)
	if f.Tx != (common.Hash{}) {
		narrow(`tx_hash = ?`, f.Tx[:])
	}
	if len(f.Names) > 0 {
		names := make([]any, len(f.Names))
		for i, n := range f.Names {
			names[i] = n
		}
		narrow(`name IN (?`+strings.Repeat(", ?", len(names)-1)+`)`, names...)
	}
	if f.Contract != (common.Address{}) {
		narrow(`address = ?`, f.Contract[:])
	}
	if f.From > 0 {
		narrow(`block_number >= ?`, f.From)
	}
	if f.To > 0 {
		narrow(`block_number <= ?`, f.To)
	}
	order, after := "DESC", "<"
	if f.Oldest {
		order, after = "", ">"
	}
	if f.After != (event.Place{}) {
		narrow(`(block_number, log_index) `+after+` (?, ?)`, f.After.Block, f.After.Index)
	}
	limit := int64(math.MaxInt64)
	if f.Limit > 0 {
		limit = int64(f.Limit)
	}
	args = append(args, limit)
	return fmt.Sprintf(`SELECT %s FROM events WHERE %s ORDER BY block_number %s, log_index %s LIMIT ?`, eventColumns, &where, order, order), args
}

func scanEvent(rows *sql.Rows) (d event.Decoded, err error) {
	var chainID uint64
	var block, tx, address, topics, data sql.RawBytes
	var fields sql.NullString
	err = rows.Scan(&chainID, &d.Block.Number, &d.Index, &block, &d.Block.Time, &tx, &d.TxIndex, &address, &d.Kind, &d.Name, &fields, &topics, &data)
	if err != nil {
		return d, err
	}
	d.Block.Hash, d.Tx, d.Address = common.BytesToHash(block), common.BytesToHash(tx), common.BytesToAddress(address)
	d.Topics = make([]common.Hash, 0, len(topics)/32)
	for ; len(topics) >= 32; topics = topics[32:] {
		d.Topics = append(d.Topics, common.BytesToHash(topics[:32]))
	}
	d.Data = append([]byte{}, data...)
	if fields.Valid {
		d.Fields = []byte(fields.String)
	}
	return d, nil
}
