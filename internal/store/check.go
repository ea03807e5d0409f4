package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/audit"
)

// What a problem of a journal is about.
const (
	SchemaProblem   = "schema"   // tables, indices and triggers, and their version
	DatabaseProblem = "database" // what the database says of itself
	AuditProblem    = "audit"    // the audit log, and the rows that it tells of
)

// Problem is something that is wrong with a journal.
type Problem struct {
	Check  string `json:"check"`
	Entry  uint64 `json:"entry"` // of the audit log; 0 if it is about no one entry
	Detail string `json:"detail"`
}

// Health is what a check of a journal has found.
type Health struct {
	Engine  string // sqlite or postgresql
	Version int64  // of the schema
	Known   int64  // the version that this program works on
	Tables  []TableRows
	// Audit is zero if what was found before made it useless to look.
	Audit    audit.Report
	Problems []Problem
}

// Check looks for whatever can be wrong with a journal, and changes nothing. See audit.Verify for the head and its signers.
func Check(ctx context.Context, where string, head *audit.Head, signers ...common.Address) (h Health, err error) {
	s, err := openAsIs(ctx, where)
	if err != nil {
		return Health{}, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	err = s.view(ctx, func(db querier) (err error) {
		h, err = examine(ctx, db, head, signers)
		return err
	})
	if err != nil {
		return Health{}, fmt.Errorf("check journal %s: %w", Name(where), err)
	}
	return h, nil
}

func examine(ctx context.Context, db querier, head *audit.Head, signers []common.Address) (h Health, err error) {
	h.Engine, h.Known = db.engine.words().engine, known(db.engine)
	if h.Version, err = db.version(ctx); err != nil {
		return h, err
	}
	if err := refuseNewer(db.engine, h.Version); err != nil {
		h.wrong(SchemaProblem, err.Error())
		return h, nil // the rest would be judged by other rules than those it was written by
	}
	if h.Version == neverBegun {
		h.wrong(SchemaProblem, noVersion)
		return h, nil
	}
	if h.Version < h.Known {
		h.wrong(SchemaProblem, fmt.Sprintf("it has version %d, and this program works on %d: lockstep db migrate brings it up to date", h.Version, h.Known))
	}
	tables, err := journalTables(ctx, h.Version)
	if err != nil {
		return h, err
	}
	problems, err := db.engine.integrity(ctx, db, tables)
	if err != nil {
		return h, err
	}
	for _, p := range problems {
		h.wrong(DatabaseProblem, p)
	}
	if len(problems) > 0 {
		return h, nil
	}
	if problems, err = db.engine.strayed(ctx, db, h.Version); err != nil {
		return h, err
	}
	for _, p := range problems {
		h.wrong(SchemaProblem, p)
	}
	if h.Tables, err = count(ctx, db, tables); err != nil {
		return h, err
	}
	if h.Audit, err = verify(ctx, db, head, signers); err != nil {
		return h, err
	}
	for _, p := range h.Audit.Problems {
		if h.Version >= auditSince {
			h.Problems = append(h.Problems, Problem{AuditProblem, p.Entry, strings.TrimSuffix(string(p.What)+": "+p.Detail, ": ")})
		}
	}
	return h, nil
}

func (h *Health) wrong(check, detail string) {
	h.Problems = append(h.Problems, Problem{Check: check, Detail: detail})
}

// integrity asks SQLite, which reads all of the file.
func (sqlite) integrity(ctx context.Context, db querier, _ []table) (out []string, err error) {
	err = each(ctx, db, `PRAGMA integrity_check(20)`, func(rows *sql.Rows) error {
		var line string
		err := rows.Scan(&line)
		if line != "ok" {
			out = append(out, strings.Join(strings.Fields(line), " "))
		}
		return err
	})
	if damaged(err) { // so much so that it cannot be looked at
		return append(out, sqlite{}.explain(err).Error()), nil
	}
	if err != nil {
		return nil, err
	}
	err = each(ctx, db, `PRAGMA foreign_key_check`, func(rows *sql.Rows) error {
		var from, to string
		var row sql.NullInt64
		var key int64
		err := rows.Scan(&from, &row, &to, &key)
		if len(out) < 20 {
			out = append(out, fmt.Sprintf("row %d of %s refers to a row of %s that is not there", row.Int64, from, to))
		}
		return err
	})
	return out, err
}

// strayed compares the schema with what the migrations make.
func (sqlite) strayed(ctx context.Context, db querier, version int64) (out []string, err error) {
	objects := func(db querier) (map[string]string, error) {
		found := map[string]string{}
		err := each(ctx, db, `SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_schema
			WHERE name NOT LIKE 'sqlite\_%' ESCAPE '\' AND tbl_name <> 'goose_db_version'`, func(rows *sql.Rows) error {
			var name, text string
			err := rows.Scan(&name, &text)
			found[name] = text
			return err
		})
		return found, err
	}
	blank, err := openBlank(ctx, ":memory:", version)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, blank.db.Close()) }()
	want, err := objects(querier{blank.db, blank.engine})
	if err != nil {
		return nil, err
	}
	got, err := objects(db)
	if err != nil {
		return nil, err
	}
	for name, text := range want {
		switch is, ok := got[name]; {
		case !ok:
			out = append(out, name+" is missing")
		case is != text:
			out = append(out, name+" is another one than this program makes")
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			out = append(out, name+" is not of this program")
		}
	}
	slices.Sort(out)
	return out, nil
}

// integrity reads every value of every row, which fails where a page is damaged, and every reference. Whether an index agrees with its table
// only extensions that few servers have can tell.
func (p postgres) integrity(ctx context.Context, db querier, tables []table) (out []string, err error) {
	err = each(ctx, db, `SELECT 'index ' || c.relname || ' is not valid: make it again with REINDEX' FROM pg_index i
			JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE n.nspname = current_schema() AND NOT (i.indisvalid AND i.indisready)
		UNION ALL SELECT 'constraint ' || c.conname || ' is not valid: see ALTER TABLE ... VALIDATE CONSTRAINT' FROM pg_constraint c
			JOIN pg_namespace n ON n.oid = c.connamespace WHERE n.nspname = current_schema() AND NOT c.convalidated`, func(rows *sql.Rows) error {
		var line string
		err := rows.Scan(&line)
		out = append(out, line)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, t := range tables {
		var bytes sql.NullInt64
		err := db.queryRow(ctx, `SELECT sum(length(CAST(t AS TEXT))) FROM `+t.name+` t`).Scan(&bytes)
		if damaged(err) {
			return append(out, t.name+": "+err.Error()), nil // the transaction has ended
		}
		if err != nil {
			return nil, err
		}
		for _, r := range t.refers {
			var lost int64
			err := db.queryRow(ctx, `SELECT count(*) FROM `+t.name+` t WHERE t.`+r.column+` IS NOT NULL
				AND NOT EXISTS (SELECT FROM `+r.table+` o WHERE o.`+r.to+` = t.`+r.column+`)`).Scan(&lost)
			if err != nil {
				return nil, err
			}
			if lost > 0 {
				out = append(out, fmt.Sprintf("%d rows of %s refer to rows of %s that are not there", lost, t.name, r.table))
			}
		}
	}
	return out, nil
}

// strayed looks for what keeps the log from being changed.
func (postgres) strayed(ctx context.Context, db querier, _ int64) (out []string, err error) {
	armed := map[string]bool{}
	err = each(ctx, db, `SELECT tgname, tgenabled IN ('O', 'A') FROM pg_trigger WHERE tgrelid = 'audit'::regclass AND NOT tgisinternal`, func(rows *sql.Rows) error {
		var name string
		var on bool
		err := rows.Scan(&name, &on)
		armed[name] = on
		return err
	})
	for _, name := range []string{"audit_follows", "audit_stays"} {
		if on, ok := armed[name]; !ok {
			out = append(out, "trigger "+name+" is missing")
		} else if !on {
			out = append(out, "trigger "+name+" is disabled")
		}
	}
	return out, err
}
