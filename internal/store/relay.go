package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/audit"
)

// measurementsKept is how many of a relay of a network are kept: some times those that a choice looks at.
const measurementsKept = 200

// RelayRecord is what is remembered of transactions that relays were given together.
type RelayRecord struct {
	ID      string
	ChainID uint64
	Hashes  []common.Hash
	Body    []byte // JSON
}

// RelayRecord returns the body of the newest record that names a transaction; the error is ErrNotFound if none does.
func (s *Store) RelayRecord(ctx context.Context, chainID uint64, hash common.Hash) (body []byte, err error) {
	err = s.read(ctx, func(db querier) error {
		return db.queryRow(ctx, `SELECT body FROM relay_hashes JOIN relay_records ON number = record
			WHERE relay_hashes.chain_id = ? AND hash = ? ORDER BY number DESC LIMIT 1`, chainID, hash.Hex()).Scan(&body)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read which relays have %s: %w", hash, err)
	}
	return body, nil
}

// SaveRelayRecord keeps a record, in the place of the one with its ID. To save it again changes nothing.
func (s *Store) SaveRelayRecord(ctx context.Context, r RelayRecord) error {
	err := s.within(ctx, func(tx *tx) error {
		var number int64
		err := tx.queryRow(ctx, `INSERT INTO relay_records (id, chain_id, body) VALUES (?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET body = excluded.body RETURNING number`, r.ID, r.ChainID, string(r.Body)).Scan(&number)
		if err != nil {
			return err
		}
		for _, hash := range r.Hashes {
			_, err := tx.exec(ctx, `INSERT INTO relay_hashes (chain_id, hash, record) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
				r.ChainID, hash.Hex(), number)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("journal what relays have: %w", err)
	}
	return nil
}

// RelayMeasurement is one thing that was seen of a relay.
type RelayMeasurement struct {
	ChainID uint64
	Relay   string
	Record  string // its ID
	Outcome string
	Head    uint64
	Hash    common.Hash // the first of those that it is about
	Again   bool        // the relay had been asked for them before
	Body    []byte      // JSON
	// Kind and Entry are its entry of the audit log. That a relay is asked again is one only if it answers as it never did before.
	Kind  audit.Kind
	Entry any
}

// Measure keeps a measurement, and takes out the oldest ones of the relay. One of the same outcome at the same block is kept once.
func (s *Store) Measure(ctx context.Context, m RelayMeasurement) error {
	err := s.within(ctx, func(tx *tx) error {
		var before int
		err := tx.queryRow(ctx, `SELECT count(*) FROM relay_measurements WHERE record = ? AND relay = ? AND outcome = ?`,
			m.Record, m.Relay, m.Outcome).Scan(&before)
		if err != nil {
			return err
		}
		res, err := tx.exec(ctx, `INSERT INTO relay_measurements (chain_id, relay, record, outcome, head, hash, body)
			VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`, m.ChainID, m.Relay, m.Record, m.Outcome, m.Head, m.Hash.Hex(), string(m.Body))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		_, err = tx.exec(ctx, `DELETE FROM relay_measurements WHERE chain_id = ? AND relay = ? AND number <= (SELECT number FROM
			relay_measurements WHERE chain_id = ? AND relay = ? ORDER BY number DESC LIMIT 1 OFFSET ?)`,
			m.ChainID, m.Relay, m.ChainID, m.Relay, measurementsKept)
		if err != nil || m.Again && before > 0 {
			return err
		}
		return appendEntry(ctx, tx, now(), m.Kind, m.ChainID, m.Entry)
	})
	if err != nil {
		return fmt.Errorf("journal what was seen of relay %s: %w", m.Relay, err)
	}
	return nil
}

// Measurements returns the bodies of what was measured of the relays of a network, oldest first.
func (s *Store) Measurements(ctx context.Context, chainID uint64) (out [][]byte, err error) {
	err = s.read(ctx, func(db querier) error {
		out = nil
		return each(ctx, db, `SELECT body FROM relay_measurements WHERE chain_id = ? ORDER BY number`, func(rows *sql.Rows) error {
			var body []byte
			err := rows.Scan(&body)
			out = append(out, body)
			return err
		}, chainID)
	})
	if err != nil {
		return nil, fmt.Errorf("read what was seen of relays: %w", err)
	}
	return out, nil
}
