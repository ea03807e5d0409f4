package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// takePause is take for what is about automatic pauses.
func (l *ledger) takePause(e audit.Entry) (err error) {
	switch e.Kind {
	case audit.PauseDecided:
		var p audit.Pause
		if err = json.Unmarshal(e.Body, &p); err == nil {
			if l.mustHaveTransaction(e, p.ID, p.Transaction); p.Outcome == string(rollout.PauseSent) && p.Transaction == 0 {
				l.wrong(e.Seq, "pause %d is sent by no transaction", p.ID)
			}
			l.add(e, subject{what: "pause", id: p.ID}, &p)
		}
	case audit.PauseEnded:
		var end audit.PauseEnd
		if err = json.Unmarshal(e.Body, &end); err != nil {
			break
		}
		row := l.rows[subject{what: "pause", id: end.ID}]
		if row == nil || row.chainID != e.ChainID || row.body.(*audit.Pause).Outcome != string(rollout.PauseSent) {
			l.wrong(e.Seq, "pause %d ends, which was not sent on chain %d", end.ID, e.ChainID)
			break
		}
		l.mustHaveTransaction(e, end.ID, end.Transaction)
		row.body.(*audit.Pause).PauseResult, row.entry = end.PauseResult, e.Seq
	}
	return err
}

// mustHaveTransaction finds a pause whose transaction is not one of its network.
func (l *ledger) mustHaveTransaction(e audit.Entry, pause, transaction int64) {
	row := l.rows[subject{what: "transaction", id: transaction}]
	if transaction != 0 && (row == nil || row.chainID != e.ChainID) {
		l.wrong(e.Seq, "pause %d is by transaction %d, which chain %d does not have", pause, transaction, e.ChainID)
	}
}

type pauseRow struct {
	chainID uint64
	audit.Pause
}

func (r *journalRows) readPauses(ctx context.Context, db querier) error {
	// an earlier release knew none
	has, err := db.has(ctx, "pauses")
	if err == nil && has {
		err = each(ctx, db, `SELECT `+pauseColumns(db)+`, p.dispatcher, p.block_hash FROM pauses p ORDER BY p.id`, func(rows *sql.Rows) error {
			var dispatcher, hash string
			d, err := scanPause(rows, &dispatcher, &hash)
			d.Dispatcher, d.Block.Hash = r.address(dispatcher), r.hash(hash) // which find what is written otherwise
			r.pauses = append(r.pauses, pauseRow{d.ChainID, pauseEntry(d)})
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("read pauses: %w", err)
	}
	return nil
}
