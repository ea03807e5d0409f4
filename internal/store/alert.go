package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/notice"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// entry is what the audit log says of an alert, as it is from then on.
func alertEntry(a rule.Record, by string) audit.Alert {
	return audit.Alert{
		ID: a.ID, Fingerprint: a.Fingerprint, Rule: a.Rule, Severity: string(a.Severity), Network: a.Network, Subject: a.Subject, Summary: a.Summary, Block: a.Block, Tx: a.Tx,
		Confirmed: a.Confirmed, Level: a.Level, AcknowledgedBy: a.AcknowledgedBy, Note: a.Note, Resolution: a.Resolution, By: by,
	}
}

// SaveAlerts keeps what has become of alerts, in the order in which it has. at is up to which block of a network what happened was shown to the
// rules; nil leaves that as it is. The messages that tell makes, if it is not nil, are queued in the same transaction. It returns the alerts as they are kept, in
// the same order; what ends and was not kept has no id.
func (s *Store) SaveAlerts(ctx context.Context, chainID uint64, at *rollout.Block, changes []rule.Change, tell notice.Teller) (out []rule.Record, err error) {
	err = s.within(ctx, func(tx *tx) error {
		out = nil
		for _, c := range changes {
			a, err := saveAlert(ctx, tx, c)
			if err != nil {
				return fmt.Errorf("alert %s about %.80q: %w", c.Alert.Rule, c.Alert.Subject, err)
			}
			if a.ID != 0 {
				err = tellOf(ctx, tx, tell, notice.Kind(c.Turn), a, nil)
			}
			if err != nil {
				return err
			}
			out = append(out, a)
		}
		if at == nil {
			return nil
		}
		_, err := tx.exec(ctx, `INSERT INTO watched (chain_id, block_number, block_hash, block_time) VALUES (?, ?, ?, ?)
			ON CONFLICT (chain_id) DO UPDATE SET block_number = excluded.block_number, block_hash = excluded.block_hash, block_time = excluded.block_time`,
			chainID, at.Number, at.Hash.Hex(), at.Time)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("journal alerts: %w", err)
	}
	return out, nil
}

// tellOf queues what is said about an alert.
func tellOf(ctx context.Context, tx *tx, tell notice.Teller, kind notice.Kind, a rule.Record, to []rule.Action) error {
	if tell == nil {
		return nil
	}
	t, err := tell(kind, a, to)
	if err != nil {
		return err
	}
	for _, l := range t.Links {
		_, err := tx.exec(ctx, `INSERT INTO alert_links (hash, alert, receiver, created_at) VALUES (?, ?, ?, ?)`, l.Hash.Hex(), a.ID, l.Receiver, now())
		if err != nil {
			return err
		}
	}
	return enqueueNotices(ctx, tx, t.Queued...)
}

func saveAlert(ctx context.Context, tx *tx, c rule.Change) (rule.Record, error) {
	at := now()
	next := c.Alert
	next.Subject, next.Summary, next.Resolution = stored(next.Subject), stored(next.Summary), stored(next.Resolution)
	body, err := json.Marshal(next)
	if err != nil {
		return rule.Record{}, err
	}
	text := stored(string(body))
	was, err := firing(ctx, tx.querier, next.Fingerprint)
	switch {
	case errors.Is(err, sql.ErrNoRows) && c.Turn == rule.Resolved:
		return rule.Record{Alert: next}, nil // it was not kept, or is ended already
	case errors.Is(err, sql.ErrNoRows):
		a := rule.Record{Alert: next}
		err = tx.queryRow(ctx, `INSERT INTO alerts (fingerprint, state, rule, severity, network, chain_id, subject, body, confirmed, level, acked_by, note, resolution, created_at)
			VALUES (?, 'firing', ?, ?, ?, ?, ?, ?, ?, 0, '', '', '', ?) RETURNING id`,
			next.Fingerprint, next.Rule, string(next.Severity), next.Network, next.ChainID, next.Subject, text, bit(next.Confirmed), at).Scan(&a.ID)
		if err != nil {
			return rule.Record{}, err
		}
		return a, appendEntry(ctx, tx, at, audit.AlertRaised, next.ChainID, alertEntry(a, ""))
	case err != nil:
		return rule.Record{}, err
	}
	was.Alert = next
	kind := map[rule.Turn]audit.Kind{rule.Raised: audit.AlertRaised, rule.Confirmed: audit.AlertConfirmed, rule.Resolved: audit.AlertResolved}[c.Turn]
	state, finished := "firing", int64(0)
	switch c.Turn {
	case rule.Resolved:
		state, finished = "resolved", at
	case rule.Raised: // it is graver than what was acknowledged
		was.Level, was.AcknowledgedBy, was.AcknowledgedAt, was.Note = 0, "", 0, ""
	}
	_, err = tx.exec(ctx, `UPDATE alerts SET state = ?, severity = ?, body = ?, confirmed = ?, level = ?, acked_by = ?, acked_at = ?, note = ?, resolution = ?, finished_at = ?
		WHERE id = ?`, state, string(next.Severity), text, bit(next.Confirmed), was.Level, was.AcknowledgedBy, numberOrNull(was.AcknowledgedAt), was.Note, next.Resolution,
		numberOrNull(finished), was.ID)
	if err != nil || kind == "" {
		return was, err
	}
	return was, appendEntry(ctx, tx, at, kind, next.ChainID, alertEntry(was, ""))
}

const alertColumns = `id, body, confirmed, level, acked_by, coalesce(acked_at, 0), note`

func scanAlert(row interface{ Scan(...any) error }) (a rule.Record, err error) {
	var body string
	var confirmed bool
	if err := row.Scan(&a.ID, &body, &confirmed, &a.Level, &a.AcknowledgedBy, &a.AcknowledgedAt, &a.Note); err != nil {
		return rule.Record{}, err
	}
	if err := json.Unmarshal([]byte(body), &a.Alert); err != nil {
		return rule.Record{}, fmt.Errorf("alert %d cannot be read: %w", a.ID, err)
	}
	a.Confirmed = confirmed
	return a, nil
}

func firing(ctx context.Context, db querier, fingerprint string) (rule.Record, error) {
	return scanAlert(db.queryRow(ctx, `SELECT `+alertColumns+` FROM alerts WHERE fingerprint = ? AND state = 'firing'`, fingerprint))
}

func alert(ctx context.Context, db querier, id int64) (rule.Record, error) {
	a, err := scanAlert(db.queryRow(ctx, `SELECT `+alertColumns+` FROM alerts WHERE id = ?`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return rule.Record{}, ErrNotFound
	}
	return a, err
}

// ErrResolved says that an alert fires no more, so that nothing is to be done about it.
var ErrResolved = errors.New("it is resolved already")

// Acknowledge notes who has an alert in hand. The first one stays: done says whether it is this one.
func (s *Store) Acknowledge(ctx context.Context, id int64, by, note string, tell notice.Teller) (a rule.Record, done bool, err error) {
	err = s.alterAlert(ctx, id, func(tx *tx, at int64, row *rule.Record) error {
		if done = row.AcknowledgedBy == ""; !done {
			return nil
		}
		row.AcknowledgedBy, row.AcknowledgedAt, row.Note = stored(by), at, stored(note)
		return acknowledged(ctx, tx, at, *row, tell)
	}, &a)
	if err != nil {
		return rule.Record{}, false, fmt.Errorf("acknowledge alert %d: %w", id, err)
	}
	return a, done, nil
}

func acknowledged(ctx context.Context, tx *tx, at int64, row rule.Record, tell notice.Teller) error {
	if err := appendEntry(ctx, tx, at, audit.AlertAcknowledged, row.ChainID, alertEntry(row, "")); err != nil {
		return err
	}
	return tellOf(ctx, tx, tell, notice.Acknowledged, row, nil)
}

// AcknowledgeLinked is Acknowledge by whoever has the link whose secret has a hash, which is then good for nothing more. The error is ErrNotFound
// if there is none such.
func (s *Store) AcknowledgeLinked(ctx context.Context, hash common.Hash, tell notice.Teller) (a rule.Record, done bool, err error) {
	linked, receiver, used, err := s.LinkedAlert(ctx, hash)
	if err != nil {
		return rule.Record{}, false, err
	}
	if used {
		return linked, false, nil
	}
	err = s.alterAlert(ctx, linked.ID, func(tx *tx, at int64, row *rule.Record) error {
		if _, err := tx.exec(ctx, `UPDATE alert_links SET used_at = ? WHERE hash = ? AND used_at IS NULL`, at, hash.Hex()); err != nil {
			return err
		}
		if done = row.AcknowledgedBy == ""; !done {
			return nil
		}
		row.AcknowledgedBy, row.AcknowledgedAt = "link to "+receiver, at
		return acknowledged(ctx, tx, at, *row, tell)
	}, &a)
	if err != nil {
		return rule.Record{}, false, fmt.Errorf("acknowledge alert %d: %w", linked.ID, err)
	}
	return a, done, nil
}

// Escalate notes that the receivers of a level were told of an alert. One that was told already, or is acknowledged, is left alone: done says
// so.
func (s *Store) Escalate(ctx context.Context, id int64, level int, receivers []rule.Action, tell notice.Teller) (a rule.Record, done bool, err error) {
	err = s.alterAlert(ctx, id, func(tx *tx, at int64, row *rule.Record) error {
		if done = row.AcknowledgedBy == "" && row.Level < level; !done {
			return nil
		}
		row.Level = level
		names := make([]string, len(receivers))
		for i, r := range receivers {
			names[i] = string(r)
		}
		if err := appendEntry(ctx, tx, at, audit.AlertEscalated, row.ChainID, alertEntry(*row, strings.Join(names, ", "))); err != nil {
			return err
		}
		return tellOf(ctx, tx, tell, notice.Escalated, *row, receivers)
	}, &a)
	if err != nil {
		return rule.Record{}, false, fmt.Errorf("escalate alert %d: %w", id, err)
	}
	return a, done, nil
}

func (s *Store) alterAlert(ctx context.Context, id int64, f func(*tx, int64, *rule.Record) error, out *rule.Record) error {
	return s.within(ctx, func(tx *tx) error {
		a, err := alert(ctx, tx.querier, id)
		if err != nil {
			return err
		}
		if !a.Fires() {
			return ErrResolved
		}
		if err := f(tx, now(), &a); err != nil {
			return err
		}
		*out = a
		_, err = tx.exec(ctx, `UPDATE alerts SET level = ?, acked_by = ?, acked_at = ?, note = ? WHERE id = ?`,
			a.Level, a.AcknowledgedBy, numberOrNull(a.AcknowledgedAt), a.Note, id)
		return err
	})
}

// FiringAlerts lists the alerts that fire, the newest first.
func (s *Store) FiringAlerts(ctx context.Context) ([]rule.Record, error) {
	return s.Alerts(ctx, AlertQuery{Firing: true})
}

// Alert returns an alert. The error is ErrNotFound if there is none with that id.
func (s *Store) Alert(ctx context.Context, id int64) (a rule.Record, err error) {
	err = s.read(ctx, func(db querier) error {
		// as in Alerts
		if has, err := db.has(ctx, "alerts"); err != nil || !has {
			return cmp.Or(err, ErrNotFound)
		}
		a, err = alert(ctx, db, id)
		return err
	})
	if err != nil {
		return rule.Record{}, fmt.Errorf("read alert %d: %w", id, err)
	}
	return a, nil
}

// AlertQuery says which alerts are meant.
type AlertQuery struct {
	Firing bool  // those alone that fire
	Since  int64 // those alone that fired at some time since, in unix seconds
	Limit  int   // the newest of them; 0 for all
}

// statement is a query in the words of SQL, with what its placeholders stand for.
func (q AlertQuery) statement() (query string, args []any) {
	query, args = `SELECT `+alertColumns+` FROM alerts WHERE (finished_at IS NULL OR finished_at >= ?) ORDER BY id DESC`, []any{q.Since}
	if q.Firing {
		query, args = `SELECT `+alertColumns+` FROM alerts WHERE state = 'firing' ORDER BY id DESC`, nil // the words of an index
	}
	if q.Limit > 0 {
		query, args = query+` LIMIT ?`, append(args, q.Limit)
	}
	return query, args
}

// Alerts lists alerts, the newest first.
func (s *Store) Alerts(ctx context.Context, q AlertQuery) (out []rule.Record, err error) {
	query, args := q.statement()
	err = s.read(ctx, func(db querier) error {
		out = nil
		// an earlier release knew none, and a journal that is only read is not brought up to date
		if has, err := db.has(ctx, "alerts"); err != nil || !has {
			return err
		}
		return each(ctx, db, query, func(rows *sql.Rows) error {
			a, err := scanAlert(rows)
			out = append(out, a)
			return err
		}, args...)
	})
	if err != nil {
		return nil, fmt.Errorf("read alerts: %w", err)
	}
	return out, nil
}

// Watched returns up to which block of a network what happened was shown to the rules, and whether anything was.
func (s *Store) Watched(ctx context.Context, chainID uint64) (at rollout.Block, ok bool, err error) {
	err = s.read(ctx, func(db querier) error {
		// as in Alerts
		if has, err := db.has(ctx, "watched"); err != nil || !has {
			return cmp.Or(err, sql.ErrNoRows)
		}
		var hash string
		err := db.queryRow(ctx, `SELECT block_number, block_hash, block_time FROM watched WHERE chain_id = ?`, chainID).Scan(&at.Number, &hash, &at.Time)
		at.Hash, ok = common.HexToHash(hash), err == nil
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return rollout.Block{}, false, nil
	}
	if err != nil {
		return rollout.Block{}, false, fmt.Errorf("read up to which block chain %d was watched: %w", chainID, err)
	}
	return at, ok, nil
}

// BeginSilence keeps a silence, and returns it with its id.
func (s *Store) BeginSilence(ctx context.Context, x rule.Silence) (rule.Silence, error) {
	x.Reason, x.By, x.Subject = stored(x.Reason), stored(x.By), stored(x.Subject)
	err := s.within(ctx, func(tx *tx) error {
		at := now()
		err := tx.queryRow(ctx, `INSERT INTO silences (rule, network, subject, until, reason, made_by, created_at) VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id`,
			x.Rule, x.Network, x.Subject, x.Until, x.Reason, x.By, at).Scan(&x.ID)
		if err != nil {
			return err
		}
		return appendEntry(ctx, tx, at, audit.SilenceBegun, 0, silenceEntry(x))
	})
	if err != nil {
		return rule.Silence{}, fmt.Errorf("journal a silence: %w", err)
	}
	return x, nil
}

func silenceEntry(x rule.Silence) audit.Silence {
	return audit.Silence{ID: x.ID, Rule: x.Rule, Network: x.Network, Subject: x.Subject, Until: x.Until, Reason: x.Reason, By: x.By}
}

// EndSilence ends a silence before its time. The error is ErrNotFound if there is none with that id.
func (s *Store) EndSilence(ctx context.Context, id int64, by string) error {
	err := s.within(ctx, func(tx *tx) error {
		var ended bool
		err := tx.queryRow(ctx, `SELECT ended_at IS NOT NULL FROM silences WHERE id = ?`, id).Scan(&ended)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNotFound
		}
		if err != nil || ended {
			return err
		}
		at := now()
		if _, err := tx.exec(ctx, `UPDATE silences SET ended_at = ? WHERE id = ?`, at, id); err != nil {
			return err
		}
		return appendEntry(ctx, tx, at, audit.SilenceEnded, 0, audit.SilenceEnd{ID: id, By: stored(by)})
	})
	if err != nil {
		return fmt.Errorf("end silence %d: %w", id, err)
	}
	return nil
}

// Silences lists those that hold at a time, in unix seconds.
func (s *Store) Silences(ctx context.Context, at int64) (out []rule.Silence, err error) {
	err = s.read(ctx, func(db querier) error {
		out = nil
		if has, err := db.has(ctx, "silences"); err != nil || !has {
			return err
		}
		return each(ctx, db, `SELECT id, rule, network, subject, until, reason, made_by FROM silences WHERE ended_at IS NULL AND until > ? ORDER BY id`, func(rows *sql.Rows) error {
			var x rule.Silence
			err := rows.Scan(&x.ID, &x.Rule, &x.Network, &x.Subject, &x.Until, &x.Reason, &x.By)
			out = append(out, x)
			return err
		}, at)
	})
	if err != nil {
		return nil, fmt.Errorf("read silences: %w", err)
	}
	return out, nil
}

// LinkedAlert returns the alert whose page a secret opens, for whom that was made, and whether it was used. The error is ErrNotFound if there is
// none.
func (s *Store) LinkedAlert(ctx context.Context, hash common.Hash) (a rule.Record, receiver string, used bool, err error) {
	err = s.read(ctx, func(db querier) error {
		var id int64
		err := db.queryRow(ctx, `SELECT alert, receiver, used_at IS NOT NULL FROM alert_links WHERE hash = ?`, hash.Hex()).Scan(&id, &receiver, &used)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNotFound
		}
		if err != nil {
			return err
		}
		a, err = alert(ctx, db, id)
		return err
	})
	if err != nil {
		return rule.Record{}, "", false, fmt.Errorf("read what a link leads to: %w", err)
	}
	return a, receiver, used, nil
}
