package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"
)

const (
	// auditSince is the version of the schema that brought the audit log.
	auditSince = 3
	// neverBegun is the version of a database that holds no journal.
	neverBegun = 0
)

const noVersion = "its schema has no version: it is no journal, or not a whole one"

// notCopied are tables of the schema that no backup holds: who is at work says nothing once it is read elsewhere.
var notCopied = []string{"leases"}

// Migration is a step of the schema.
type Migration struct {
	Version int64  `json:"version"`
	Name    string `json:"name"`
}

// NewerSchemaError says that a later release has written the journal. To go on could break what that release relies on.
type NewerSchemaError struct {
	Version, Known int64
}

func (e *NewerSchemaError) Error() string {
	return fmt.Sprintf("its schema has version %d, and this program knows those up to %d: use the release that brought it there, or a later one",
		e.Version, e.Known)
}

// steps are the migrations of an engine, by version.
func steps(e engine) (out []Migration) {
	files, err := fs.Glob(migrations, e.words().migrations+"/*.sql")
	if err != nil {
		panic(err) // of a pattern that is not one
	}
	for _, file := range files {
		version, err := goose.NumericComponent(file)
		if err != nil {
			panic(err) // goose would refuse it as well
		}
		_, name, _ := strings.Cut(strings.TrimSuffix(file[strings.LastIndex(file, "/")+1:], ".sql"), "_")
		out = append(out, Migration{version, name})
	}
	return out
}

// known is the version of the schema that this program works on.
func known(e engine) int64 {
	all := steps(e)
	return all[len(all)-1].Version
}

// version is that of the schema.
func (q querier) version(ctx context.Context) (int64, error) {
	if begun, err := q.has(ctx, q.engine.words().versions); err != nil || !begun {
		return neverBegun, err
	}
	return q.versionOfJournal(ctx)
}

func (q querier) versionOfJournal(ctx context.Context) (v int64, err error) {
	err = q.queryRow(ctx, `SELECT coalesce(max(version_id), 0) FROM `+q.engine.words().versions).Scan(&v)
	return v, err
}

// refuseNewer refuses a version of the schema that this program does not know.
func refuseNewer(e engine, version int64) error {
	if version > known(e) {
		return &NewerSchemaError{version, known(e)}
	}
	return nil
}

// table is one of the schema, the same on both engines.
type table struct {
	name    string
	columns []string
	key     []string
	refers  []reference
}

// reference is a column whose values must be in that of another table, or of the same.
type reference struct {
	column, table, to string
}

// journalTables are the tables of a version of the schema whose rows are the journal, each after those that it refers to. They are what the
// migrations make, so that none is forgotten.
func journalTables(ctx context.Context, version int64) (out []table, err error) {
	s, err := openBlank(ctx, ":memory:", version)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.db.Close()) }()
	return tables(ctx, querier{s.db, s.engine})
}

// tables is journalTables of a SQLite database.
func tables(ctx context.Context, db querier) ([]table, error) {
	found := map[string]*table{}
	var names []string
	err := each(ctx, db, `SELECT m.name, p.name, p.pk > 0 FROM sqlite_schema m JOIN pragma_table_info(m.name) p
		WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY m.name, p.cid`, func(rows *sql.Rows) error {
		var name, column string
		var key bool
		if err := rows.Scan(&name, &column, &key); err != nil {
			return err
		}
		if name == db.engine.words().versions || slices.Contains(notCopied, name) {
			return nil
		}
		t := found[name]
		if t == nil {
			t = &table{name: name}
			found[name], names = t, append(names, name)
		}
		t.columns = append(t.columns, column)
		if key {
			t.key = append(t.key, column)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = each(ctx, db, `SELECT m.name, f."from", f."table", f."to" FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f
		WHERE m.type = 'table' ORDER BY m.name, f.id`, func(rows *sql.Rows) error {
		var name string
		var r reference
		err := rows.Scan(&name, &r.column, &r.table, &r.to)
		if t := found[name]; t != nil {
			t.refers = append(t.refers, r)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var out []table
	placed := map[string]bool{}
	for len(out) < len(names) {
		before := len(out)
		for _, name := range names {
			t := found[name]
			waits := slices.ContainsFunc(t.refers, func(r reference) bool { return r.table != name && !placed[r.table] })
			if !placed[name] && !waits {
				out, placed[name] = append(out, *t), true
			}
		}
		if len(out) == before {
			return nil, fmt.Errorf("tables of the schema refer to each other in a circle: %v", names)
		}
	}
	return out, nil
}

// openBlank makes a SQLite database with a version of the schema and nothing in it. Nothing else may use it, and it is not written through.
func openBlank(ctx context.Context, path string, version int64) (*Store, error) {
	db, err := openFile(path, map[string][]string{"_pragma": {"journal_mode(off)", "synchronous(off)"}})
	if err != nil {
		return nil, err
	}
	s := newStore(db, sqlite{}, "")
	p, err := s.engine.provider(db)
	if err == nil {
		_, err = p.UpTo(ctx, version)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}
