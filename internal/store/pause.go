package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// DecidePause journals a decision to pause, and the transaction that does it, in one database transaction: what is sent has its decision, and nobody
// else can decide meanwhile. most is how many may be sent in an hour on a network; a decision beyond that has the outcome PauseLimited, and its
// transaction is not journalled.
//
// A decision that is sent comes with a signed transaction, which is released, or names an open one in its Transaction, which is gone on with. If
// the signed one has an Earlier, it takes the place of the last of these. If the journal of the signer moved since it was read at after, the error is
// rollout.ErrStale.
//
// An order that was decided in this mode before comes back as it was decided, Known and without a transaction, and nothing is journalled. What was
// refused can be decided otherwise: the reason may be gone.
func (s *Store) DecidePause(
	ctx context.Context, d rollout.Pause, most int, t *rollout.Transaction, after rollout.Mark,
) (rollout.Pause, *rollout.Transaction, error) {
	d.Rule, d.Reason, d.Note = stored(d.Rule), stored(d.Reason), stored(d.Note)
	decided, entry := d, t
	err := s.within(ctx, func(tx *tx) error {
		decided, entry = d, nil
		at := now()
		was, known, err := decidedBefore(ctx, tx.querier, d)
		if known || err != nil {
			decided, entry = was, nil
			return err
		}
		used, err := tx.pausesInHour(ctx, d, t)
		if err != nil {
			return err
		}
		if (d.Outcome == rollout.PauseSent || d.Outcome == rollout.PauseDryRun) && used >= most {
			decided.Outcome, decided.Transaction, decided.Took = rollout.PauseLimited, 0, 0
			decided.Note = fmt.Sprintf("%d of the %d in an hour that alerts.pause.perHour allows on a network were decided already", used, most)
		}
		if decided.Outcome == rollout.PauseSent {
			if entry, err = tx.pauseBy(ctx, at, decided, t, after); err != nil {
				return err
			}
			decided.Transaction = entry.ID
		}
		clock := s.engine.words().clock
		err = tx.queryRow(ctx, `INSERT INTO pauses (chain_id, dispatcher, fingerprint, raised_at, rule, reason, mode, decided_ms, block_chain, block_number, block_hash,
			block_time, outcome, note, tx, took_ms) VALUES (?, ?, ?, ?, ?, ?, ?, `+clock+`, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id, decided_ms`,
			decided.ChainID, decided.Dispatcher.Hex(), decided.Fingerprint, decided.RaisedAt, decided.Rule, decided.Reason, string(decided.Mode), decided.BlockChain,
			decided.Block.Number, decided.Block.Hash.Hex(), decided.Block.Time, string(decided.Outcome), decided.Note, numberOrNull(decided.Transaction),
			decided.Took).Scan(&decided.ID, &decided.DecidedAt)
		if err != nil {
			return err
		}
		return appendEntry(ctx, tx, at, audit.PauseDecided, decided.ChainID, pauseEntry(decided))
	})
	if err != nil {
		return rollout.Pause{}, nil, fmt.Errorf("journal the decision to pause: %w", err)
	}
	return decided, entry, nil
}

// decidedBefore looks for the decision about the same order, in the same mode. What was refused counts only if it is again, for the same reason.
func decidedBefore(ctx context.Context, db querier, d rollout.Pause) (was rollout.Pause, ok bool, err error) {
	if d.RaisedAt == 0 {
		return d, false, nil
	}
	was, err = scanPause(db.queryRow(ctx, `SELECT `+pauseColumns(db)+` FROM pauses p WHERE p.fingerprint = ? AND p.raised_at = ? AND p.chain_id = ?
		AND p.dispatcher = ? AND p.mode = ? AND (p.outcome <> 'refused' OR ? = 'refused' AND p.note = ?) ORDER BY p.id LIMIT 1`,
		d.Fingerprint, d.RaisedAt, d.ChainID, d.Dispatcher.Hex(), string(d.Mode), string(d.Outcome), d.Note))
	if errors.Is(err, sql.ErrNoRows) {
		return d, false, nil
	}
	was.Known = err == nil
	return was, was.Known, err
}

// DecidedPause returns what was decided about the order of d before, and whether anything was that is not merely refused.
func (s *Store) DecidedPause(ctx context.Context, d rollout.Pause) (was rollout.Pause, ok bool, err error) {
	d.Outcome = ""
	err = s.read(ctx, func(db querier) error {
		was, ok, err = decidedBefore(ctx, db, d)
		return err
	})
	if err != nil {
		return d, false, fmt.Errorf("read whether a pause was decided already: %w", err)
	}
	return was, ok, nil
}

// pausesInHour counts what a decision is limited by: the nonces that pauses of the last hour use, but for the one that it goes on with; or the dry runs.
// What was decided more than an hour after now was so by a clock that was ahead.
func (tx *tx) pausesInHour(ctx context.Context, d rollout.Pause, t *rollout.Transaction) (n int, err error) {
	clock := tx.engine.words().clock
	if d.Mode != rollout.PauseOn {
		err = tx.queryRow(ctx, `SELECT count(*) FROM pauses WHERE chain_id = ? AND dispatcher = ? AND outcome = 'dry-run' AND abs(decided_ms - `+clock+`) < ?`,
			d.ChainID, d.Dispatcher.Hex(), rollout.PauseHour).Scan(&n)
		return n, err
	}
	same := d.Transaction
	if t != nil {
		same = t.Replaces
	}
	err = tx.queryRow(ctx, `SELECT count(*) FROM (SELECT DISTINCT t.signer, t.nonce FROM pauses p JOIN transactions t ON t.id = p.tx
		WHERE p.chain_id = ? AND p.dispatcher = ? AND p.mode = 'on' AND abs(p.decided_ms - `+clock+`) < ?
		AND NOT EXISTS (SELECT 1 FROM transactions o WHERE o.id = ? AND o.signer = t.signer AND o.nonce = t.nonce)) AS used`,
		d.ChainID, d.Dispatcher.Hex(), rollout.PauseHour, same).Scan(&n)
	return n, err
}

// pauseBy journals the transaction of a pause, or finds the open one that it goes on with.
func (tx *tx) pauseBy(ctx context.Context, at int64, d rollout.Pause, t *rollout.Transaction, after rollout.Mark) (*rollout.Transaction, error) {
	if t == nil {
		rows, err := tx.query(ctx, `SELECT `+columns+` FROM transactions WHERE id = ? AND chain_id = ? AND status = 'released'`, d.Transaction, d.ChainID)
		if err != nil {
			return nil, err
		}
		open, err := scan(rows)
		if err == nil && len(open) == 0 {
			err = rollout.ErrStale // replaced, or final
		}
		if err != nil {
			return nil, err
		}
		return &open[0], nil
	}
	m, err := mark(ctx, tx.querier, t.ChainID, t.Signer)
	if err != nil {
		return nil, err
	}
	if m.LastID != after.LastID {
		return nil, rollout.ErrStale
	}
	entry := *t
	entry.Status = rollout.Released
	if n := len(t.Earlier); n > 0 {
		if err := turn(ctx, tx, at, t.Earlier[n-1], rollout.Released, rollout.Replaced); err != nil {
			return nil, err
		}
	}
	if err := insert(ctx, tx, at, &entry); err != nil {
		return nil, err
	}
	return &entry, appendEntry(ctx, tx, at, audit.TransactionReleased, entry.ChainID, audit.Turn{ID: entry.ID, Hash: entry.Hash})
}

func pauseEntry(d rollout.Pause) audit.Pause {
	return audit.Pause{
		ID: d.ID, Dispatcher: d.Dispatcher, Fingerprint: d.Fingerprint, RaisedAt: d.RaisedAt, Rule: d.Rule, Reason: d.Reason, Mode: string(d.Mode), DecidedAt: d.DecidedAt,
		BlockChain: d.BlockChain, Block: d.Block,
		PauseResult: audit.PauseResult{Outcome: string(d.Outcome), Note: d.Note, Transaction: d.Transaction, Milliseconds: d.Took},
	}
}

// EndPause notes what has come of a pause that was sent: its Outcome, Note, Transaction and Took. One that has ended stays as it is.
func (s *Store) EndPause(ctx context.Context, d rollout.Pause) error {
	d.Note = stored(d.Note)
	err := s.within(ctx, func(tx *tx) error {
		res, err := tx.exec(ctx, `UPDATE pauses SET outcome = ?, note = ?, tx = ?, took_ms = ? WHERE id = ? AND outcome = 'sent'`,
			string(d.Outcome), d.Note, numberOrNull(d.Transaction), d.Took, d.ID)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return appendEntry(ctx, tx, now(), audit.PauseEnded, d.ChainID, audit.PauseEnd{ID: d.ID, PauseResult: pauseEntry(d).PauseResult})
	})
	if err != nil {
		return fmt.Errorf("journal what came of pause %d: %w", d.ID, err)
	}
	return nil
}

// pauseColumns are those that scanPause reads.
func pauseColumns(db querier) string {
	return `p.id, p.chain_id, p.dispatcher, p.fingerprint, p.raised_at, p.rule, p.reason, p.mode, p.decided_ms, p.block_chain, p.block_number, p.block_hash,
		p.block_time, p.outcome, p.note, coalesce(p.tx, 0), p.took_ms, ` + db.engine.words().clock + ` - p.decided_ms`
}

// scanPause reads pauseColumns, and whatever follows them.
func scanPause(rows interface{ Scan(...any) error }, more ...any) (d rollout.Pause, err error) {
	var dispatcher, hash string
	err = rows.Scan(append([]any{
		&d.ID, &d.ChainID, &dispatcher, &d.Fingerprint, &d.RaisedAt, &d.Rule, &d.Reason, &d.Mode, &d.DecidedAt, &d.BlockChain, &d.Block.Number, &hash,
		&d.Block.Time, &d.Outcome, &d.Note, &d.Transaction, &d.Took, &d.Age,
	}, more...)...)
	d.Dispatcher, d.Block.Hash = common.HexToAddress(dispatcher), common.HexToHash(hash)
	return d, err
}

// PauseBy returns the newest decision to pause for whose sake a signer uses a nonce, if it has no other outcome than that it is sent. The error is
// ErrNotFound if there is none.
func (s *Store) PauseBy(ctx context.Context, chainID uint64, signer common.Address, nonce uint64) (d rollout.Pause, err error) {
	err = s.read(ctx, func(db querier) (err error) {
		d, err = scanPause(db.queryRow(ctx, `SELECT `+pauseColumns(db)+` FROM pauses p
			JOIN transactions t ON t.id = p.tx AND t.chain_id = p.chain_id WHERE t.chain_id = ? AND t.signer = ? AND t.nonce = ? AND p.outcome = 'sent' ORDER BY p.id DESC LIMIT 1`,
			chainID, signer.Hex(), nonce))
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return d, fmt.Errorf("a decision to pause with nonce %d of %s: %w", nonce, signer, ErrNotFound)
	}
	if err != nil {
		return d, fmt.Errorf("read the decision to pause: %w", err)
	}
	return d, nil
}

// OpenPauses lists the pauses that were sent and have no other outcome yet, oldest first, each with what has become of its transaction.
func (s *Store) OpenPauses(ctx context.Context) (out []rollout.Pause, err error) {
	err = s.view(ctx, func(db querier) error {
		out = nil
		err := each(ctx, db, `SELECT `+pauseColumns(db)+` FROM pauses p WHERE p.outcome = 'sent' ORDER BY p.id`, func(rows *sql.Rows) error {
			d, err := scanPause(rows)
			out = append(out, d)
			return err
		})
		if err != nil {
			return err
		}
		for i := range out {
			if err := becomeOf(ctx, db, &out[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read what is being paused: %w", err)
	}
	return out, nil
}

// becomeOf reads what has become of the nonce of a pause.
func becomeOf(ctx context.Context, db querier, d *rollout.Pause) error {
	rows, err := db.query(ctx, `SELECT `+columns+` FROM transactions f WHERE f.status <> 'void'
		AND EXISTS (SELECT 1 FROM transactions t WHERE t.id = ? AND t.chain_id = f.chain_id AND t.signer = f.signer AND t.nonce = f.nonce) ORDER BY id`,
		d.Transaction)
	if err != nil {
		return err
	}
	same, err := scan(rows)
	for _, t := range same {
		d.Signer = t.Signer
		switch t.Status {
		case rollout.Signed, rollout.Released, rollout.Replaced:
			d.Open = true
		case rollout.Confirmed, rollout.Reverted:
			d.Final = t
		}
	}
	return err
}

// Pauses lists the last decisions to pause, newest first.
func (s *Store) Pauses(ctx context.Context, last int) (out []rollout.Pause, err error) {
	err = s.read(ctx, func(db querier) error {
		out = nil
		// an earlier release knew none, and a journal that is only read is not brought up to date
		if has, err := db.has(ctx, "pauses"); err != nil || !has {
			return err
		}
		return each(ctx, db, `SELECT `+pauseColumns(db)+` FROM pauses p ORDER BY p.id DESC LIMIT ?`, func(rows *sql.Rows) error {
			d, err := scanPause(rows)
			out = append(out, d)
			return err
		}, last)
	})
	if err != nil {
		return nil, fmt.Errorf("read the decisions to pause: %w", err)
	}
	return out, nil
}
