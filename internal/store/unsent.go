package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/event"
)

// Unsent is a call of ours that was refused before it was sent.
type Unsent struct {
	ID      int64
	ChainID uint64
	event.Refused
}

const refusedUnsent = `SELECT id, chain_id, block_number, block_hash, block_time, contract, tx_hash, sender, selector, error, fields, data, source FROM refused
	WHERE source <> 'block' AND id > ? ORDER BY id`

// RefusedUnsent lists calls of ours that were refused when they were simulated, or by a relay, after the one with an id, the oldest first.
func (s *Store) RefusedUnsent(ctx context.Context, after int64) (out []Unsent, err error) {
	err = s.read(ctx, func(db querier) error {
		out = nil
		return each(ctx, db, refusedUnsent, func(rows *sql.Rows) error {
			var r Unsent
			var hash, contract, tx, sender []byte
			var fields sql.NullString
			err := rows.Scan(&r.ID, &r.ChainID, &r.Block.Number, &hash, &r.Block.Time, &contract, &tx, &sender, &r.Selector, &r.Error, &fields, &r.Data, &r.Source)
			r.Block.Hash, r.Contract, r.Tx, r.From = common.BytesToHash(hash), common.BytesToAddress(contract), common.BytesToHash(tx), common.BytesToAddress(sender)
			if fields.Valid {
				r.Fields = []byte(fields.String)
			}
			out = append(out, r)
			return err
		}, after)
	})
	if err != nil {
		return nil, fmt.Errorf("read which calls were refused: %w", err)
	}
	return out, nil
}

// RelayAnswer is how a relay has answered, or what came of that.
type RelayAnswer struct {
	Number  int64
	ChainID uint64
	Relay   string
	Outcome string
}

// RelayAnswers lists what was seen of relays after the row with a number, the oldest first.
func (s *Store) RelayAnswers(ctx context.Context, after int64) (out []RelayAnswer, err error) {
	err = s.read(ctx, func(db querier) error {
		out = nil
		return each(ctx, db, `SELECT number, chain_id, relay, outcome FROM relay_measurements WHERE number > ? ORDER BY number`, func(rows *sql.Rows) error {
			var a RelayAnswer
			err := rows.Scan(&a.Number, &a.ChainID, &a.Relay, &a.Outcome)
			out = append(out, a)
			return err
		}, after)
	})
	if err != nil {
		return nil, fmt.Errorf("read what was seen of relays: %w", err)
	}
	return out, nil
}
