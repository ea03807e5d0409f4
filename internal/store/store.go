// Package store keeps the journal: what was decided and signed. The chain is the truth, so losing the journal loses
// history, not state; but nothing is sent that is not in it first. It is the only package that speaks SQL.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // registers the driver
)

//go:embed migrations/*.sql
var migrations embed.FS

// ErrNotFound says that the journal does not hold what was asked for.
var ErrNotFound = errors.New("not in the journal")

// Store is a journal in one SQLite file. It is safe for concurrent use, also by several processes on one machine.
type Store struct {
	db      *sql.DB
	project string // whose audit log is begun, if there is none yet
	copied  string // folder of a copy that goes when the store is closed
}

// Open opens the journal at path and brings its schema up to date. The file is made if it is not there. The audit log bears the
// name of the project, if it is begun now.
func Open(ctx context.Context, path, project string) (*Store, error) {
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
	s := &Store{db: db, project: project}
	if err := s.migrateAlone(ctx, path); err != nil {
		return nil, errors.Join(fmt.Errorf("open journal %s: %w", path, err), db.Close())
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

// migrateAlone brings the schema up to date while no other process does, since goose does not lock SQLite.
func (s *Store) migrateAlone(ctx context.Context, path string) (err error) {
	lock := flock.New(path + ".lock")
	if _, err := lock.TryLockContext(ctx, 10*time.Millisecond); err != nil {
		return fmt.Errorf("lock %s.lock: %w", path, err)
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	return s.migrate(ctx)
}

func (s *Store) migrate(ctx context.Context) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, s.db, dir)
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return err
	}
	return s.beginAudit(ctx)
}

// Close closes the file.
func (s *Store) Close() error {
	err := s.db.Close()
	if s.copied != "" {
		err = errors.Join(err, os.RemoveAll(s.copied))
	}
	return err
}

// within runs f in one transaction.
func (s *Store) within(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func now() int64 { return time.Now().Unix() }

func hashOf(s sql.NullString) common.Hash { return common.HexToHash(s.String) }

// orNull is a hash as it is stored where there may be none.
func orNull(h common.Hash) *string {
	if h == (common.Hash{}) {
		return nil
	}
	text := h.Hex()
	return &text
}
