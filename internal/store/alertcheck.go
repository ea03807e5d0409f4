package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// takeAlert is take for what is about alerts, whose entries say all that their rows hold from then on, and silences.
func (l *ledger) takeAlert(e audit.Entry) (err error) {
	switch e.Kind {
	case audit.AlertRaised, audit.AlertConfirmed, audit.AlertEscalated, audit.AlertAcknowledged, audit.AlertResolved:
		var a audit.Alert
		if err := json.Unmarshal(e.Body, &a); err != nil {
			return err
		}
		of := subject{what: "alert", id: a.ID}
		a.CreatedAt = e.Time
		if was := l.rows[of]; was != nil {
			before := was.body.(*audit.Alert)
			if before.FinishedAt != 0 || was.chainID != e.ChainID {
				l.wrong(e.Seq, "%s changes, which was resolved, or is of another chain", of)
			}
			a.CreatedAt, a.AcknowledgedAt = before.CreatedAt, before.AcknowledgedAt
		} else if e.Kind != audit.AlertRaised {
			l.wrong(e.Seq, "%s changes, which was not raised", of)
		}
		switch e.Kind {
		case audit.AlertRaised: // or raised again, since it is graver
			a.AcknowledgedAt = 0
		case audit.AlertAcknowledged:
			a.AcknowledgedAt = e.Time
		case audit.AlertResolved:
			a.FinishedAt = e.Time
		}
		delete(l.rows, of)
		l.add(e, of, told(a))
	case audit.SilenceBegun:
		var s audit.Silence
		if err = json.Unmarshal(e.Body, &s); err == nil {
			s.CreatedAt = e.Time
			l.add(e, subject{what: "silence", id: s.ID}, &s)
		}
	case audit.SilenceEnded:
		var s audit.SilenceEnd
		if err = json.Unmarshal(e.Body, &s); err != nil {
			break
		}
		row := l.rows[subject{what: "silence", id: s.ID}]
		if row == nil || row.body.(*audit.Silence).EndedAt != 0 {
			l.wrong(e.Seq, "silence %d ends, which did not hold", s.ID)
			break
		}
		row.body.(*audit.Silence).EndedAt, row.entry = e.Time, e.Seq
	}
	return err
}

// told is what of an alert every entry tells: that it was seen again, in other words and another block, is no entry.
func told(a audit.Alert) *audit.Alert {
	a.Summary, a.By, a.Block, a.Tx = "", "", rollout.Block{}, common.Hash{}
	return &a
}

type alertRow struct {
	chainID uint64
	audit.Alert
}

func (r *journalRows) readAlerts(ctx context.Context, db querier) error {
	// an earlier release knew none
	has, err := db.has(ctx, "alerts")
	if err != nil || !has {
		return err
	}
	err = each(ctx, db, `SELECT id, fingerprint, state, rule, severity, network, chain_id, subject, confirmed, level, acked_by, acked_at, note, resolution, created_at, finished_at
		FROM alerts ORDER BY id`, func(rows *sql.Rows) error {
		var a alertRow
		var state string
		var chainID int64
		var acked, finished sql.NullInt64
		err := rows.Scan(&a.ID, &a.Fingerprint, &state, &a.Rule, &a.Severity, &a.Network, &chainID, &a.Subject, &a.Confirmed, &a.Level, &a.AcknowledgedBy, &acked, &a.Note,
			&a.Resolution, &a.CreatedAt, &finished)
		a.chainID, a.AcknowledgedAt, a.FinishedAt = uint64(chainID), acked.Int64, finished.Int64
		if (state == "resolved") != finished.Valid || acked.Valid != (a.AcknowledgedBy != "") {
			r.odd = append(r.odd, fmt.Sprintf("alert %d is %s in the journal, and its times say something else", a.ID, state))
		}
		r.alerts = append(r.alerts, a)
		return err
	})
	if err != nil {
		return fmt.Errorf("read alerts: %w", err)
	}
	err = each(ctx, db, `SELECT id, rule, network, subject, until, reason, made_by, created_at, coalesce(ended_at, 0) FROM silences ORDER BY id`, func(rows *sql.Rows) error {
		var s audit.Silence
		err := rows.Scan(&s.ID, &s.Rule, &s.Network, &s.Subject, &s.Until, &s.Reason, &s.By, &s.CreatedAt, &s.EndedAt)
		r.silences = append(r.silences, s)
		return err
	})
	if err != nil {
		return fmt.Errorf("read silences: %w", err)
	}
	return nil
}
