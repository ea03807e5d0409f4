package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// sqlite is a journal in one file.
type sqlite struct{}

func openSQLite(ctx context.Context, path, project string) (*Store, error) {
	if dir := filepath.Dir(path); dir != "." {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("open journal: %w", err)
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	// synchronous=full: what was journalled survives a power cut, which WAL alone does not promise
	db, err := openFile(path, url.Values{
		"_pragma": {"journal_mode(wal)", "synchronous(full)", "busy_timeout(10000)", "foreign_keys(1)"},
		"_txlock": {"immediate"},
	})
	if err != nil {
		return nil, fmt.Errorf("open journal %s: %w", path, err)
	}
	s := newStore(db, sqlite{}, project)
	if err := s.migrateFile(ctx, path); err != nil {
		return nil, errors.Join(fmt.Errorf("open journal %s: %w", path, s.engine.explain(err)), db.Close())
	}
	return s, nil
}

func openFile(path string, query url.Values) (*sql.DB, error) {
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: query.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// migrateFile brings the schema up to date while no other process does, since goose does not lock SQLite.
func (s *Store) migrateFile(ctx context.Context, path string) (err error) {
	lock := flock.New(path + ".lock")
	if _, err := lock.TryLockContext(ctx, 10*time.Millisecond); err != nil {
		return fmt.Errorf("lock %s.lock: %w", path, err)
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	return s.migrate(ctx)
}

func (sqlite) rebind(query string) string { return query }

// begin takes the lock of the file at once if it is to write (_txlock). One that writes first and locks later could fail halfway.
func (sqlite) begin(ctx context.Context, db *sql.DB, write bool) (session, error) {
	c, err := db.Conn(ctx)
	if err != nil {
		return session{}, err
	}
	tx, err := c.BeginTx(ctx, &sql.TxOptions{ReadOnly: !write})
	if err != nil {
		return session{}, errors.Join(err, c.Close())
	}
	return session{tx, c, c.Close}, nil
}

func (e sqlite) provider(db *sql.DB) (*goose.Provider, error) {
	dir, err := fs.Sub(migrations, e.words().migrations)
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, db, dir, goose.WithTableName(e.words().versions))
}

// broken is never so: there is no connection.
func (sqlite) broken(error) bool { return false }

func (sqlite) explain(err error) error {
	var failed *driver.Error
	if !errors.As(err, &failed) {
		return err
	}
	remedy := map[int]string{
		lib.SQLITE_FULL: "make room on the disk", lib.SQLITE_IOERR: "see that there is room on the disk, and that it is sound",
		lib.SQLITE_NOTADB: "name the file of a journal", lib.SQLITE_CORRUPT: "it is damaged, or a part of it is missing; take another copy",
	}[failed.Code()&0xff]
	if explained := (*explainedError)(nil); remedy == "" || errors.As(err, &explained) {
		return err
	}
	return &explainedError{fmt.Sprintf("%v: %s", err, remedy), err}
}

// damaged tells whether an error says that what is stored cannot be read.
func damaged(err error) bool {
	var failed *driver.Error
	var refused *pgconn.PgError
	return errors.As(err, &failed) && failed.Code()&0xff == lib.SQLITE_CORRUPT ||
		errors.As(err, &refused) && strings.HasPrefix(refused.Code, internalError)
}

func (sqlite) clearLog(ctx context.Context, db querier) error {
	var guards []string
	err := each(ctx, db, `SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'audit' ORDER BY rowid`, func(rows *sql.Rows) error {
		var name, text string
		err := rows.Scan(&name, &text)
		guards = append(guards, name, text)
		return err
	})
	if err != nil {
		return err
	}
	for i := 0; i < len(guards); i += 2 {
		if _, err := db.exec(ctx, `DROP TRIGGER `+guards[i]); err != nil {
			return err
		}
	}
	if _, err := db.exec(ctx, `DELETE FROM audit`); err != nil {
		return err
	}
	for i := 1; i < len(guards); i += 2 {
		if _, err := db.conn.ExecContext(ctx, guards[i]); err != nil {
			return err
		}
	}
	return nil
}

// continueIDs does nothing: AUTOINCREMENT looks at the rows.
func (sqlite) continueIDs(context.Context, querier, []table) error { return nil }

func (sqlite) words() words {
	return words{
		engine: "sqlite",
		tables: `SELECT count(*) FROM sqlite_schema WHERE name = ?`,
		run:    `json_extract(body, '$.run')`,
		row:    "rowid", rowType: "INTEGER", firstRow: "-9223372036854775808",
		clock:      `CAST(unixepoch('subsec') * 1000 AS INTEGER)`,
		migrations: "migrations/sqlite", versions: "goose_db_version",
	}
}
