// Package store keeps the journal: what was decided and signed. The chain is the truth, so losing the journal loses
// history, not state; but nothing is sent that is not in it first. It is the only package that speaks SQL.
//
// # What is certain when
//
// A method that changes the journal does all of it in one transaction, with its entry of the audit log, and nobody else writes
// meanwhile. When it returns no error, what it did is on the disk. When it returns an error, it has done nothing, with one
// exception that only PostgreSQL knows: the connection broke while the server was asked to commit, and the server could then not
// be reached for a while to see whether it had. The error says so. What was done then is done whole, so whoever reads the journal
// again and goes on from there, as every command does, does nothing twice.
//
// If a connection breaks before that, the server takes the transaction back, and it is run again when the server answers, which is
// waited for a while. If it breaks while the server commits, the audit log tells: the last entry of the transaction, with its number
// and hash, is in it or it is not. So nothing is done twice, and Add, Replace, Release and Void do not report rollout.ErrStale, nor SetPolicy that
// another process was first, because of what they themselves have done.
//
// What follows from the chain, which are events and what they add up to, has no entries in the audit log. Its methods may be called again after
// any error: they change nothing if what they were to do is done.
//
// A method that only reads is run again in the same way.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

//go:embed migrations/*/*.sql
var migrations embed.FS

// NoJournalError says that there is no journal where one was to be read.
type NoJournalError struct{ text string }

func (e *NoJournalError) Error() string { return e.text }

// ErrNotFound says that the journal does not hold what was asked for.
var ErrNotFound = errors.New("not in the journal")

// Store is a journal, in a SQLite file or a PostgreSQL database. It is safe for concurrent use, also by several processes: of one
// machine, or of many that share a PostgreSQL server.
type Store struct {
	db       *sql.DB
	engine   engine
	project  string          // whose audit log is begun, if there is none yet
	copied   string          // folder of a copy that goes when the store is closed
	patience time.Duration   // how long a server that was there is waited for
	leases   []rollout.Lease // under which it is used
	identity common.Hash     // see Identity
}

// patience is longer than a server takes to start again, and than it lets a transaction whose client is gone hinder others.
const patience = 15 * time.Second

func newStore(db *sql.DB, e engine, project string) *Store {
	return &Store{db: db, engine: e, project: project, patience: patience}
}

// Open opens a journal and brings its schema up to date. where is the URL of a PostgreSQL database (postgres:// or postgresql://), or else
// the path of a SQLite file, which is made if it is not there. The audit log bears the name of the project, if it is begun now. A database that
// holds the journal of another project is refused.
func Open(ctx context.Context, where, project string) (*Store, error) {
	s, err := openUnbegun(ctx, where, project)
	if err != nil {
		return nil, err
	}
	if err := s.begin(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open journal %s: %w", Name(where), err), s.db.Close())
	}
	return s, nil
}

// begin begins the audit log, if there is none, and reads which journal this is.
func (s *Store) begin(ctx context.Context) error {
	if err := s.beginAudit(ctx); err != nil {
		return err
	}
	return s.read(ctx, func(db querier) error {
		var hash string
		err := db.queryRow(ctx, `SELECT hash FROM audit WHERE seq = 1`).Scan(&hash)
		s.identity = common.HexToHash(hash)
		return err
	})
}

// Identity tells a journal, and its copies, from any other: the hash of the first entry of its audit log, which holds a random number. It is zero in one
// that is only read.
func (s *Store) Identity() common.Hash { return s.identity }

// openUnbegun is Open, except that no audit log is begun.
func openUnbegun(ctx context.Context, where, project string) (*Store, error) {
	if isURL(where) {
		return openPostgres(ctx, where, project)
	}
	return openSQLite(ctx, where, project)
}

// OpenReadOnly opens a journal to read it, whoever writes it meanwhile, and leaves the database, or the folder of the file, as it is. The schema
// is not brought up to date; one that is newer than this program knows is refused.
func OpenReadOnly(ctx context.Context, where string) (*Store, error) {
	s, err := openAsIs(ctx, where)
	if err != nil {
		return nil, err
	}
	err = s.read(ctx, func(db querier) error {
		version, err := db.version(ctx)
		if err != nil {
			return err
		}
		return refuseNewer(s.engine, version)
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open journal %s: %w", Name(where), err), s.Close())
	}
	return s, nil
}

// openAsIs is OpenReadOnly of a journal of any version.
func openAsIs(ctx context.Context, where string) (*Store, error) {
	if isURL(where) {
		return openPostgresReadOnly(ctx, where)
	}
	return openSQLiteReadOnly(ctx, where)
}

func isURL(where string) bool {
	return strings.HasPrefix(where, "postgres://") || strings.HasPrefix(where, "postgresql://")
}

// Name is what may be shown of where a journal is: of a URL the host, the port and the database.
func Name(where string) string {
	if !isURL(where) {
		return where
	}
	cfg, err := parseURL(where)
	if err != nil {
		return "postgres://"
	}
	return nameOf(cfg)
}

// migrate brings the schema up to date.
func (s *Store) migrate(ctx context.Context) error {
	version, err := (querier{s.db, s.engine}).version(ctx)
	if err != nil {
		return err
	}
	if err := refuseNewer(s.engine, version); err != nil {
		return err
	}
	p, err := s.engine.provider(s.db)
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

// Close closes the file, or the connections.
func (s *Store) Close() error {
	err := s.db.Close()
	if s.copied != "" {
		err = errors.Join(err, os.RemoveAll(s.copied))
	}
	return err
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

// numberOrNull is the same for an id, or a time.
func numberOrNull(n int64) *int64 {
	if n == 0 {
		return nil
	}
	return &n
}
