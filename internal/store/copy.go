package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/audit"
)

// Copy is what was copied from a journal.
type Copy struct {
	Project string // of its audit log; empty if that does not say
	Version int64  // of the schema, which is that of the journal
	// Tip is where the audit log ends. It is zero if the schema is older than the log.
	Tip    audit.Tip
	Tables []TableRows
}

// TableRows says how many rows a table has.
type TableRows struct {
	Table string `json:"table"`
	Rows  int64  `json:"rows"`
}

// A batch of rows is written at once. It bounds what is in memory.
const (
	batchRows  = 100
	batchBytes = 1 << 20
)

// copyTables copies the rows of tables into empty ones, and counts them in both places.
func copyTables(ctx context.Context, from, to querier, tables []table) (out []TableRows, err error) {
	for _, t := range tables {
		if err := copyRows(ctx, from, to, t); err != nil {
			return nil, fmt.Errorf("copy %s: %w", t.name, err)
		}
	}
	if out, err = count(ctx, from, tables); err != nil {
		return nil, err
	}
	return out, mustHold(ctx, to, tables, out)
}

// copyRows copies in the order of the key: what an entry of the log, or a transaction that replaces another, refers to comes before it.
func copyRows(ctx context.Context, from, to querier, t table) error {
	columns := strings.Join(t.columns, ", ")
	placeholders := "(" + strings.Repeat("?, ", len(t.columns)-1) + "?)"
	var batch []any
	bytes := 0
	write := func() error {
		rows := len(batch) / len(t.columns)
		if rows == 0 {
			return nil
		}
		_, err := to.exec(ctx, `INSERT INTO `+t.name+` (`+columns+`) VALUES `+strings.Repeat(placeholders+", ", rows-1)+placeholders, batch...)
		batch, bytes = batch[:0], 0
		return err
	}
	err := each(ctx, from, `SELECT `+columns+` FROM `+t.name+` ORDER BY `+strings.Join(t.key, ", "), func(rows *sql.Rows) error {
		row, into := make([]any, len(t.columns)), make([]any, len(t.columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i, v := range row {
			switch v := v.(type) {
			case []byte:
				if bytes += len(v); v == nil { // of no bytes; it would be written as NULL
					row[i] = []byte{}
				}
			case string:
				bytes += len(v)
			}
		}
		if batch = append(batch, row...); len(batch) < batchRows*len(t.columns) && bytes < batchBytes {
			return nil
		}
		return write()
	})
	if err != nil {
		return err
	}
	return write()
}

func count(ctx context.Context, db querier, tables []table) (out []TableRows, err error) {
	for _, t := range tables {
		n := TableRows{Table: t.name}
		if err := db.queryRow(ctx, `SELECT count(*) FROM `+t.name).Scan(&n.Rows); err != nil {
			return nil, fmt.Errorf("count %s: %w", t.name, err)
		}
		out = append(out, n)
	}
	return out, nil
}

// mustHold compares how many rows there are with how many there should be.
func mustHold(ctx context.Context, db querier, tables []table, want []TableRows) error {
	got, err := count(ctx, db, tables)
	if err != nil {
		return err
	}
	for i, n := range got {
		if n != want[i] {
			return fmt.Errorf("%s has %d rows in the copy, %d were to be copied", n.Table, n.Rows, want[i].Rows)
		}
	}
	return nil
}

// sound verifies the audit log of a copy, which there must be.
func sound(ctx context.Context, db querier) (audit.Report, error) {
	report, err := verify(ctx, db, nil, []common.Address(nil))
	if err == nil {
		err = report.Err()
	}
	return report, err
}
