package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/seed-b6a97670/lockstep/internal/audit"
)

// takeExecution is take for what is about executions: each entry says all that its row holds from then on.
func (l *ledger) takeExecution(e audit.Entry) error {
	switch e.Kind {
	case audit.ExecutionBegun, audit.ExecutionReleased, audit.ExecutionStopped, audit.ExecutionEnded:
		var x audit.Execution
		if err := json.Unmarshal(e.Body, &x); err != nil {
			return err
		}
		of := subject{what: "execution", root: x.Plan}
		x.CreatedAt, x.By = e.Time, ""
		if was := l.rows[of]; was != nil {
			x.CreatedAt = was.body.(*audit.Execution).CreatedAt
		} else if e.Kind != audit.ExecutionBegun {
			l.wrong(e.Seq, "%s changes, which was not begun", of)
		}
		if x.Status == string(ExecutionDone) {
			x.FinishedAt = e.Time
		}
		delete(l.rows, of)
		l.add(e, of, &x)
	case audit.ExecutionNetworkSet:
		var n audit.ExecutionNetwork
		if err := json.Unmarshal(e.Body, &n); err != nil {
			return err
		}
		if l.rows[subject{what: "execution", root: n.Plan}] == nil {
			l.wrong(e.Seq, "the execution of plan %s on chain %d changes, which was not begun", n.Plan, e.ChainID)
		}
		n.By = ""
		of := subject{what: "network", root: n.Plan, id: int64(e.ChainID)}
		delete(l.rows, of)
		l.add(e, of, &n)
	}
	return nil
}

type networkRow struct {
	chainID uint64
	audit.ExecutionNetwork
}

func (r *journalRows) readExecutions(ctx context.Context, db querier) error {
	if begun, err := db.has(ctx, "executions"); err != nil || !begun {
		return err // of an earlier release
	}
	err := each(ctx, db, `SELECT plan, status, served, released, reason, created_at, coalesce(finished_at, 0) FROM executions ORDER BY created_at, plan`,
		func(rows *sql.Rows) error {
			var e audit.Execution
			var plan string
			err := rows.Scan(&plan, &e.Status, &e.Served, &e.Released, &e.Reason, &e.CreatedAt, &e.FinishedAt)
			e.Plan = r.hash(plan)
			r.executions = append(r.executions, e)
			return err
		})
	if err != nil {
		return fmt.Errorf("read executions: %w", err)
	}
	err = each(ctx, db, `SELECT plan, chain_id, state, reason, done_at FROM execution_networks ORDER BY plan, chain_id`, func(rows *sql.Rows) error {
		var n networkRow
		var plan string
		var chainID, doneAt int64
		err := rows.Scan(&plan, &chainID, &n.State, &n.Reason, &doneAt)
		n.Plan, n.chainID, n.DoneAt = r.hash(plan), uint64(chainID), uint64(doneAt)
		r.networks = append(r.networks, n)
		return err
	})
	if err != nil {
		return fmt.Errorf("read the networks of executions: %w", err)
	}
	return nil
}
