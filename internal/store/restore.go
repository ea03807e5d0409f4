package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/audit"
)

// Restored is a journal that was made from a backup.
type Restored struct {
	From Copy      // the backup
	Tip  audit.Tip // where the log of the journal ends
}

// Restore takes a backup, which is verified first, into a journal of either engine that is not there yet, or in which nothing was
// entered. It is done whole or not at all (then an empty one may be there, which can be restored into), and is an entry of the audit log. project is whose journal it is to be, if that is known.
//
// What was sent after the backup was made is not in the journal: see rollout.Mark for how a sender finds that out.
func Restore(ctx context.Context, file, where, project string) (r Restored, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("restore %s into %s: %w", Name(file), Name(where), err)
		}
	}()
	dir, err := os.MkdirTemp("", "lockstep-restore-")
	if err != nil {
		return Restored{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	from, c, err := openBackup(ctx, file, dir)
	if err != nil {
		return Restored{}, fmt.Errorf("the backup: %w", err)
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	if project != "" && c.Project != "" && project != c.Project {
		return Restored{}, fmt.Errorf("the backup is of project %s, not of %s: name the right file, or the right configuration", c.Project, project)
	}
	if project == "" {
		project = c.Project
	}
	to, err := openUnbegun(ctx, where, project)
	if err != nil {
		return Restored{}, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if p, ok := to.engine.(postgres); ok {
		p.long = true
		to.engine = p
	}
	tables, err := journalTables(ctx, known(sqlite{}))
	if err != nil {
		return Restored{}, err
	}
	r.From = c
	err = to.within(ctx, func(tx *tx) error { return r.restore(ctx, querier{from.db, from.engine}, tx, tables) })
	if err != nil {
		return Restored{}, err
	}
	return r, nil
}

func (r *Restored) restore(ctx context.Context, from querier, tx *tx, tables []table) (err error) {
	begun, err := mustBeEmpty(ctx, tx.querier, tables)
	if err != nil {
		return err
	}
	if begun {
		if err := tx.engine.clearLog(ctx, tx.querier); err != nil {
			return err
		}
	}
	if r.From.Tables, err = copyTables(ctx, from, tx.querier, tables); err != nil {
		return err
	}
	if err := tx.engine.continueIDs(ctx, tx.querier, tables); err != nil {
		return err
	}
	err = appendEntry(ctx, tx, now(), audit.JournalRestored, 0, audit.Restored{Database: tx.engine.words().engine})
	if err != nil {
		return err
	}
	if err := stopRestored(ctx, tx); err != nil {
		return err
	}
	report, err := sound(ctx, tx.querier)
	r.Tip = report.Tip
	return err
}

// stopRestored stops what was carried out when the backup was made: that it was stopped since, or that a network was taken out of it, would be in what
// is lost. An operator says that it goes on.
func stopRestored(ctx context.Context, tx *tx) error {
	var plans []common.Hash
	err := each(ctx, tx.querier, `SELECT plan FROM executions WHERE status = 'running' ORDER BY plan`, func(rows *sql.Rows) error {
		var plan string
		err := rows.Scan(&plan)
		plans = append(plans, common.HexToHash(plan))
		return err
	})
	if err != nil {
		return err
	}
	for _, plan := range plans {
		e, err := execution(ctx, tx.querier, plan)
		if err != nil {
			return err
		}
		e.Status, e.Reason = ExecutionStopped, "the journal was restored from a backup"
		if err := setExecution(ctx, tx, now(), audit.ExecutionStopped, e, "restore"); err != nil {
			return err
		}
	}
	return nil
}

// mustBeEmpty refuses a journal in which anything was entered but that its log begins, and tells whether that was.
func mustBeEmpty(ctx context.Context, db querier, tables []table) (begun bool, err error) {
	held, err := count(ctx, db, tables)
	if err != nil {
		return false, err
	}
	for _, n := range held {
		if n.Table == "audit" {
			begun = n.Rows > 0
			if n.Rows > 1 {
				return false, fmt.Errorf("that journal is in use, its log has %d entries: %s", n.Rows, emptyOne)
			}
		} else if n.Rows > 0 {
			return false, fmt.Errorf("that journal is in use, it holds %d rows of %s: %s", n.Rows, n.Table, emptyOne)
		}
	}
	return begun, nil
}

const emptyOne = "back it up and put it aside first, or name another one with --journal"
