package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// Append adds an entry to the audit log. chainID is 0 if it is about no network. What changes the journal appends its own
// entries, in the transaction that changes it. To append the same again adds another entry.
func (s *Store) Append(ctx context.Context, kind audit.Kind, chainID uint64, body any) error {
	err := s.within(ctx, func(tx *tx) error { return appendEntry(ctx, tx, now(), kind, chainID, body) })
	if err != nil {
		return fmt.Errorf("write %s to the audit log: %w", kind, err)
	}
	return nil
}

// Decide appends a decision, unless it is the last one of its network and run.
func (s *Store) Decide(ctx context.Context, chainID uint64, d audit.Decision) error {
	err := s.within(ctx, func(tx *tx) error {
		var body []byte
		var last audit.Decision
		err := tx.queryRow(ctx, `SELECT body FROM audit WHERE kind = 'decision.made' AND chain_id = ?
			AND `+s.engine.words().run+` = ? ORDER BY seq DESC LIMIT 1`, chainID, d.Run).Scan(&body)
		switch {
		case errors.Is(err, sql.ErrNoRows):
		case err != nil:
			return err
		case json.Unmarshal(body, &last) == nil && d.Same(last):
			return nil
		}
		return appendEntry(ctx, tx, now(), audit.DecisionMade, chainID, d)
	})
	if err != nil {
		return fmt.Errorf("write a decision on %s to the audit log: %w", d.Network, err)
	}
	return nil
}

func appendEntry(ctx context.Context, tx *tx, at int64, kind audit.Kind, chainID uint64, body any) error {
	if tx.tip == nil {
		tip, err := tip(ctx, tx.querier)
		if err != nil {
			return err
		}
		tx.tip = &tip
	}
	e, err := tx.tip.Next(at, kind, chainID, body)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, `INSERT INTO audit (seq, version, time, kind, chain_id, body, previous, hash)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		e.Seq, e.Version, e.Time, string(e.Kind), e.ChainID, string(e.Body), e.Previous.Hex(), e.Hash.Hex())
	if err == nil {
		*tx.tip, tx.wrote = e.Tip(), true
	}
	return err
}

// tip is where the log ends.
func tip(ctx context.Context, tx querier) (audit.Tip, error) {
	var t audit.Tip
	var hash string
	err := tx.queryRow(ctx, `SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1`).Scan(&t.Seq, &hash)
	if errors.Is(err, sql.ErrNoRows) {
		return audit.Tip{}, nil
	}
	t.Hash = common.HexToHash(hash)
	return t, err
}

// beginAudit writes the first entry of the log, and what the journal held before.
func (s *Store) beginAudit(ctx context.Context) error {
	return s.within(ctx, func(tx *tx) error {
		if tip, err := tip(ctx, tx.querier); err != nil || tip != (audit.Tip{}) {
			return err
		}
		rows, err := readRows(ctx, tx.querier)
		if err != nil {
			return err
		}
		begun := audit.Begun{Project: s.project}
		if _, err := rand.Read(begun.Random[:]); err != nil {
			return err
		}
		found := audit.Found{Manifests: len(rows.manifests), Runs: len(rows.runs), Transactions: len(rows.transactions), Nonces: len(rows.adoptions)}
		if found != (audit.Found{}) {
			begun.Found = &found
		}
		at := now()
		if err := appendEntry(ctx, tx, at, audit.LogBegun, 0, begun); err != nil {
			return err
		}
		for _, m := range rows.manifests {
			if err := appendEntry(ctx, tx, at, audit.ManifestFound, 0, m); err != nil {
				return err
			}
		}
		for _, r := range rows.runs {
			if err := appendEntry(ctx, tx, at, audit.RunFound, r.chainID, r.Run); err != nil {
				return err
			}
		}
		for _, t := range rows.transactions {
			if err := appendEntry(ctx, tx, at, audit.TransactionFound, t.chainID, t.Transaction); err != nil {
				return err
			}
		}
		for _, a := range rows.adoptions {
			if err := appendEntry(ctx, tx, at, audit.NoncesFound, a.chainID, a.Adoption); err != nil {
				return err
			}
		}
		return nil
	})
}

// signedEntry is the entry of a transaction that is added.
func signedEntry(t rollout.Transaction) audit.Transaction {
	return audit.Transaction{
		ID: t.ID, Signer: t.Signer, Nonce: t.Nonce, Step: t.Step, Hash: t.Hash, RawHash: crypto.Keccak256Hash(t.Raw), Plan: t.Plan,
		Replaces: t.Replaces,
	}
}

func manifestEntry(root, routesRoot common.Hash, file []byte) audit.Manifest {
	return audit.Manifest{Root: root, RoutesRoot: routesRoot, SHA256: sha256.Sum256(file)}
}

// page is how many entries are read at once.
const page = 500

// Audit reads the log from an entry on. The journal can be used meanwhile. What is not an entry gives an
// audit.UnreadableError, and reading goes on; any other error is the last.
func (s *Store) Audit(ctx context.Context, from uint64) iter.Seq2[audit.Entry, error] {
	return entries(from, s.engine.words(), func(after entryRow) (read []entryRow, err error) {
		err = s.read(ctx, func(db querier) (err error) {
			read, err = entryPage(ctx, db, after)
			return err
		})
		return read, err
	})
}

// entries reads page by page, so that no cursor stays open while whoever reads does something else.
func entries(from uint64, w words, pageAfter func(entryRow) ([]entryRow, error)) iter.Seq2[audit.Entry, error] {
	return func(yield func(audit.Entry, error) bool) {
		// who rebuilds the table can give a number twice, or below 1: all of it is read
		last := entryRow{seq: math.MinInt64, row: w.firstRow}
		if from > 1 {
			last.seq = int64(from)
		}
		for {
			read, err := pageAfter(last)
			if err != nil {
				yield(audit.Entry{}, fmt.Errorf("read audit log: %w", err))
				return
			}
			for _, r := range read {
				if !yield(r.entry()) {
					return
				}
			}
			if len(read) < page {
				return
			}
			last = read[len(read)-1]
		}
	}
}

// entryRow is an entry as it is stored, by whomever.
type entryRow struct {
	seq, version, time, chainID int64
	row, kind, previous, hash   string
	body                        []byte
}

func entryPage(ctx context.Context, db querier, after entryRow) (out []entryRow, err error) {
	w := db.engine.words()
	err = each(ctx, db, `SELECT seq, CAST(`+w.row+` AS TEXT), version, time, kind, chain_id, body, previous, hash FROM audit
		WHERE (seq, `+w.row+`) > (?, CAST(? AS `+w.rowType+`)) ORDER BY seq, `+w.row+` LIMIT ?`, func(rows *sql.Rows) error {
		var r entryRow
		err := rows.Scan(&r.seq, &r.row, &r.version, &r.time, &r.kind, &r.chainID, &r.body, &r.previous, &r.hash)
		out = append(out, r)
		return err
	}, after.seq, after.row, page)
	return out, err
}

func (r entryRow) entry() (audit.Entry, error) {
	e := audit.Entry{
		Version: uint64(r.version), Seq: uint64(r.seq), Time: r.time, Kind: audit.Kind(r.kind), ChainID: uint64(r.chainID), Body: r.body,
		Previous: common.HexToHash(r.previous), Hash: common.HexToHash(r.hash),
	}
	// the hash covers these as they are written
	if e.Previous.Hex() != r.previous || e.Hash.Hex() != r.hash {
		return e, &audit.UnreadableError{What: audit.Changed, Detail: fmt.Sprintf("%.100q and %.100q are not both hashes", r.previous, r.hash)}
	}
	return e, e.Check()
}
