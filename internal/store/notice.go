package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/notice"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// EnqueueNotices puts messages into the queue. To put one there again changes nothing.
func (s *Store) EnqueueNotices(ctx context.Context, queued ...notice.Queued) error {
	err := s.within(ctx, func(tx *tx) error { return enqueueNotices(ctx, tx, queued...) })
	if err != nil {
		return fmt.Errorf("journal what people are to be told: %w", err)
	}
	return nil
}

// enqueueNotices is EnqueueNotices in a transaction that does more: what people are told of it is then told if, and only if, it is done.
func enqueueNotices(ctx context.Context, tx *tx, queued ...notice.Queued) error {
	for _, q := range queued {
		_, err := tx.exec(ctx, `INSERT INTO notices (id, sink, fingerprint, kind, severity, body, standing, batch, attempts, error, queued_ms, next_ms, claim,
			claimed_ms) VALUES (?, ?, ?, ?, ?, ?, 0, '', 0, '', `+tx.engine.words().clock+`, 0, '', 0) ON CONFLICT (sink, id) DO NOTHING`,
			q.ID, q.Sink, q.Fingerprint, string(q.Kind), string(q.Severity), string(q.Body))
		if err != nil {
			return err
		}
	}
	return nil
}

// DueNotices lists the sinks for which something may be sent now.
func (s *Store) DueNotices(ctx context.Context) (out []string, err error) {
	err = s.read(ctx, func(db querier) error {
		out = nil
		clock := db.engine.words().clock
		return each(ctx, db, `SELECT DISTINCT sink FROM notices WHERE (next_ms <= `+clock+` OR next_ms > `+clock+` + ?)
			AND (claimed_ms <= `+clock+` OR claimed_ms > `+clock+` + ?) ORDER BY sink`, func(rows *sql.Rows) error {
			var sink string
			err := rows.Scan(&sink)
			out = append(out, sink)
			return err
		}, notice.LongestWait, 2*notice.ClaimTime)
	})
	if err != nil {
		return nil, fmt.Errorf("look for what people are to be told: %w", err)
	}
	return out, nil
}

// queueRow is a row as a claim reads it.
type queueRow struct {
	notice.Row
	attempts int
	age      int64 // milliseconds
	queuedAt int64 // unix seconds
}

// ClaimNotices takes what is to be sent to a sink now, under a claim that nobody else has. What it takes out as lost is noted.
func (s *Store) ClaimNotices(ctx context.Context, t notice.Terms, claim string) (out notice.Claimed, err error) {
	err = s.within(ctx, func(tx *tx) error {
		out = notice.Claimed{}
		now, err := tx.clock(ctx)
		if err != nil {
			return err
		}
		sink, err := sinkOf(ctx, tx.querier, t.Sink)
		if err != nil {
			return err
		}
		sink.fill(now, t.PerMinute)
		rows, err := queueOf(ctx, tx.querier, t.Sink, claim, now)
		if err != nil {
			return err
		}
		kept := rows[:0:0]
		for _, r := range rows {
			if r.age <= t.MaxAge || r.Severity == rule.Critical || r.Standing || r.Claimed {
				kept = append(kept, r)
				continue
			}
			item, err := itemOf(ctx, tx.querier, r)
			if err == nil {
				err = takeOut(ctx, tx.querier, r.Number)
			}
			if err != nil {
				return err
			}
			out.Lost = append(out.Lost, item)
			sink.lost++
		}
		if sink.failures > 0 { // one message finds out whether it is there again
			t.Most = min(t.Most, 1)
		}
		bare := make([]notice.Row, len(kept))
		for i, r := range kept {
			bare[i] = r.Row
		}
		choice := notice.Choose(bare, t, sink.tokens/1000, sink.held > now && sink.held <= now+notice.LongestWait)
		if err := takeOut(ctx, tx.querier, choice.Gone...); err != nil {
			return err
		}
		for _, g := range choice.Groups {
			held, err := claimGroup(ctx, tx.querier, t, claim, now, g, kept)
			if err != nil {
				return err
			}
			held.Failures = sink.failures
			out.Held = append(out.Held, held)
		}
		sink.tokens = max(sink.tokens-1000*choice.Spent, 0)
		return sink.save(ctx, tx.querier)
	})
	if err != nil {
		return notice.Claimed{}, fmt.Errorf("take what is to be sent to %s: %w", t.Sink, err)
	}
	return out, nil
}

// clock is the time of the database, in milliseconds.
func (q querier) clock(ctx context.Context) (ms int64, err error) {
	err = q.queryRow(ctx, `SELECT `+q.engine.words().clock).Scan(&ms)
	return ms, err
}

func queueOf(ctx context.Context, db querier, sink, claim string, now int64) (out []queueRow, err error) {
	err = each(ctx, db, `SELECT number, id, fingerprint, kind, severity, batch, standing, attempts, queued_ms, next_ms, claim, claimed_ms FROM notices
		WHERE sink = ? ORDER BY number`, func(rows *sql.Rows) error {
		var r queueRow
		var queued, next, until int64
		var holder string
		err := rows.Scan(&r.Number, &r.ID, &r.Fingerprint, &r.Kind, &r.Severity, &r.Batch, &r.Standing, &r.attempts, &queued, &next, &holder, &until)
		r.Tried = r.attempts > 0
		// times later than any that is noted now are of a clock that was ahead; what was claimed with this very claim was so in a transaction
		// that is run again
		r.Due = next <= now || next > now+notice.LongestWait
		r.Claimed = holder != "" && holder != claim && until > now && until <= now+2*notice.ClaimTime
		r.age, r.queuedAt = now-queued, queued/1000
		out = append(out, r)
		return err
	}, sink)
	return out, err
}

func claimGroup(ctx context.Context, db querier, t notice.Terms, claim string, now int64, g notice.Group, rows []queueRow) (notice.Held, error) {
	h := notice.Held{ID: g.ID, Claim: claim, Sink: t.Sink, Renewal: g.Renewal}
	batch := ""
	if h.ID == "" { // a claim makes one summary at most, and one renewal
		h.ID = claim
		if g.Renewal {
			h.ID += "-renewal"
		} else {
			batch = claim
		}
	}
	chosen := map[int64]bool{}
	for _, n := range g.Numbers {
		chosen[n] = true
	}
	for _, r := range rows {
		if !chosen[r.Number] {
			continue
		}
		_, err := db.exec(ctx, `UPDATE notices SET claim = ?, claimed_ms = ?, attempts = attempts + 1, batch = CASE WHEN batch = '' THEN ? ELSE batch END
			WHERE number = ?`, claim, now+notice.ClaimTime, batch, r.Number)
		if err != nil {
			return h, err
		}
		item, err := itemOf(ctx, db, r)
		if err != nil {
			return h, err
		}
		for _, before := range rows {
			if !r.Standing && before.Standing && before.Fingerprint == r.Fingerprint {
				earlier, err := itemOf(ctx, db, before)
				if err != nil {
					return h, err
				}
				item.Before = earlier.Body
			}
		}
		h.Items, h.Attempts = append(h.Items, item), r.attempts+1
	}
	return h, nil
}

func itemOf(ctx context.Context, db querier, r queueRow) (notice.Item, error) {
	item := notice.Item{Number: r.Number, Severity: r.Severity, QueuedAt: r.queuedAt}
	err := db.queryRow(ctx, `SELECT body FROM notices WHERE number = ?`, r.Number).Scan(&item.Body)
	return item, err
}

func takeOut(ctx context.Context, db querier, numbers ...int64) error {
	for _, n := range numbers {
		if _, err := db.exec(ctx, `DELETE FROM notices WHERE number = ?`, n); err != nil {
			return err
		}
	}
	return nil
}

// sinkRow is what is remembered of a sink.
type sinkRow struct {
	name         string
	known        bool
	tokens       int // thousandths
	filled, held int64
	failures     int
	sentAt       int64
	err          string
	errAt        int64
	lost         int
}

func sinkOf(ctx context.Context, db querier, name string) (sinkRow, error) {
	r := sinkRow{name: name, known: true}
	err := db.queryRow(ctx, `SELECT tokens, filled_ms, held_ms, failures, sent_at, error, error_at, lost FROM notice_sinks WHERE sink = ?`, name).
		Scan(&r.tokens, &r.filled, &r.held, &r.failures, &r.sentAt, &r.err, &r.errAt, &r.lost)
	if errors.Is(err, sql.ErrNoRows) {
		return sinkRow{name: name}, nil
	}
	return r, err
}

// fill adds what the limit has allowed meanwhile. A bucket holds what a minute does.
func (r *sinkRow) fill(now int64, perMinute int) {
	if full := 1000 * perMinute; !r.known {
		r.tokens = full
	} else {
		elapsed := min(max(now-r.filled, 0), 60_000)
		r.tokens = min(r.tokens+int(elapsed)*perMinute/60, full)
	}
	r.filled, r.known = now, true
}

func (r *sinkRow) save(ctx context.Context, db querier) error {
	_, err := db.exec(ctx, `INSERT INTO notice_sinks (sink, tokens, filled_ms, held_ms, failures, sent_at, error, error_at, lost)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (sink) DO UPDATE SET tokens = excluded.tokens, filled_ms = excluded.filled_ms,
		held_ms = excluded.held_ms, failures = excluded.failures, sent_at = excluded.sent_at, error = excluded.error, error_at = excluded.error_at, lost = excluded.lost`,
		r.name, r.tokens, r.filled, r.held, r.failures, r.sentAt, r.err, r.errAt, r.lost)
	return err
}

// NoticesSent notes that a sink has taken what was held. Rows that stand, by their numbers, are said again after a time, in milliseconds; the others
// are taken out.
func (s *Store) NoticesSent(ctx context.Context, h notice.Held, stand map[int64]bool, after int64) error {
	return s.finishNotices(ctx, h, func(db querier, sink *sinkRow, at int64, item notice.Item, fingerprint string) error {
		sink.sentAt, sink.held, sink.failures = now(), 0, 0
		if fingerprint != "" { // what it was told before is said again no more
			_, err := db.exec(ctx, `DELETE FROM notices WHERE sink = ? AND fingerprint = ? AND standing = 1 AND number <> ?`, h.Sink, fingerprint, item.Number)
			if err != nil {
				return err
			}
		}
		if !stand[item.Number] {
			return takeOut(ctx, db, item.Number)
		}
		_, err := db.exec(ctx, `UPDATE notices SET standing = 1, batch = '', attempts = 0, error = '', claim = '', claimed_ms = 0, next_ms = ? WHERE number = ?`,
			at+after, item.Number)
		return err
	})
}

// NoticesFailed notes that what was held is to be sent again after a time, and that the sink is told nothing but what is critical for a time; both
// are in milliseconds.
func (s *Store) NoticesFailed(ctx context.Context, h notice.Held, why string, after, alone int64) error {
	why = stored(why)
	return s.finishNotices(ctx, h, func(db querier, sink *sinkRow, at int64, item notice.Item, _ string) error {
		sink.err, sink.errAt, sink.failures, sink.held = why, now(), h.Failures+1, at+alone
		_, err := db.exec(ctx, `UPDATE notices SET error = ?, claim = '', claimed_ms = 0, next_ms = ? WHERE number = ?`, why, at+after, item.Number)
		return err
	})
}

// NoticesRefused notes that a sink has refused what was held for good, and takes it out.
func (s *Store) NoticesRefused(ctx context.Context, h notice.Held, why string) error {
	return s.finishNotices(ctx, h, func(db querier, sink *sinkRow, _ int64, item notice.Item, _ string) error {
		sink.err, sink.errAt = stored(why), now()
		sink.lost++
		return takeOut(ctx, db, item.Number)
	})
}

// finishNotices calls f for each row that is held still: those whose claim has ended are in somebody else's hands.
func (s *Store) finishNotices(ctx context.Context, h notice.Held, f func(querier, *sinkRow, int64, notice.Item, string) error) error {
	err := s.within(ctx, func(tx *tx) error {
		at, err := tx.clock(ctx)
		if err != nil {
			return err
		}
		sink, err := sinkOf(ctx, tx.querier, h.Sink)
		if err != nil {
			return err
		}
		found := false
		for _, item := range h.Items {
			var fingerprint string
			err := tx.queryRow(ctx, `SELECT fingerprint FROM notices WHERE number = ? AND claim = ?`, item.Number, h.Claim).Scan(&fingerprint)
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err == nil {
				err = f(tx.querier, &sink, at, item, fingerprint)
			}
			if err != nil {
				return err
			}
			found = true
		}
		if !found {
			return nil
		}
		return sink.save(ctx, tx.querier)
	})
	if err != nil {
		return fmt.Errorf("journal what became of a message to %s: %w", h.Sink, err)
	}
	return nil
}

// Notices tells what is remembered of sinks, and what waits. A journal of an earlier release has neither.
func (s *Store) Notices(ctx context.Context) (sinks []notice.SinkState, waiting []notice.Waiting, err error) {
	err = s.view(ctx, func(db querier) error {
		sinks, waiting = nil, nil
		if is, err := db.has(ctx, "notices"); err != nil || !is {
			return err
		}
		err := each(ctx, db, `SELECT sink, sent_at, error, error_at, lost FROM notice_sinks ORDER BY sink`, func(rows *sql.Rows) error {
			var n notice.SinkState
			err := rows.Scan(&n.Sink, &n.SentAt, &n.Error, &n.ErrorAt, &n.Lost)
			sinks = append(sinks, n)
			return err
		})
		if err != nil {
			return err
		}
		return each(ctx, db, `SELECT id, sink, fingerprint, severity, body, standing, attempts, error, queued_ms FROM notices ORDER BY number`,
			func(rows *sql.Rows) error {
				var w notice.Waiting
				var queued int64
				err := rows.Scan(&w.ID, &w.Sink, &w.Fingerprint, &w.Severity, &w.Body, &w.Standing, &w.Attempts, &w.Error, &queued)
				w.QueuedAt = queued / 1000
				waiting = append(waiting, w)
				return err
			})
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read what people are to be told: %w", err)
	}
	return sinks, waiting, nil
}

// NoticesWaiting tells how many messages wait to be sent, and for how long the oldest one has.
func (s *Store) NoticesWaiting(ctx context.Context) (n int, oldest time.Duration, err error) {
	err = s.read(ctx, func(db querier) error {
		var ms int64
		err := db.queryRow(ctx, `SELECT count(*), coalesce(max(`+db.engine.words().clock+` - queued_ms), 0) FROM notices WHERE standing = 0`).Scan(&n, &ms)
		oldest = max(time.Duration(ms)*time.Millisecond, 0)
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("read what people are to be told: %w", err)
	}
	return n, oldest, nil
}
