package store

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/localpg"
)

// database is where a test keeps its journals: in files, or in a database of its own on the PostgreSQL server of the tests.
type database struct {
	postgres bool
	url      string  // of the database
	altering *sql.Tx // holds its locks until it is ended
	journals int
}

// onEach runs a test on both engines.
func onEach(t *testing.T, test func(*testing.T, *database)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, &database{}) })
	t.Run("postgres", func(t *testing.T) { test(t, newDatabase(t)) })
}

// alone leaves out a test in which nothing runs side by side, where the race detector is what it would be run for.
func alone(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: nothing in it runs side by side")
	}
}

var (
	serverStarted atomic.Bool
	databases     int
	used          []string // databases of tests that have ended
	server        = sync.OnceValues(func() (*localpg.Server, error) {
		var settings []string
		if flag.Lookup("test.bench").Value.String() == "" { // tests need not survive a power cut, figures must
			settings = []string{"fsync=off"}
		}
		s, err := localpg.Start(settings...)
		serverStarted.Store(err == nil)
		return s, err
	})
)

// stopServer stops the PostgreSQL server of the tests, if one of them has started it.
func stopServer() error {
	if !serverStarted.Load() {
		return nil
	}
	s, err := server()
	if err != nil {
		return err
	}
	return s.Stop()
}

func mustServer(t testing.TB) *localpg.Server {
	t.Helper()
	s, err := server()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newDatabase(t testing.TB) *database {
	t.Helper()
	s := mustServer(t)
	databases++
	name := fmt.Sprintf("test_%d", databases)
	admin := dial(t, s.URL("postgres"))
	for _, old := range used { // by now its connections have ended, which the server would wait for
		must(t, admin, "DROP DATABASE "+old+" WITH (FORCE)")
	}
	used = nil
	// as a server in use: with a collation that does not sort by bytes
	must(t, admin, "CREATE DATABASE "+name+" STRATEGY file_copy TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
	t.Cleanup(func() { used = append(used, name) })
	return &database{postgres: true, url: s.URL(name)}
}

// dial connects past the store, as somebody with a SQL shell does.
func dial(t testing.TB, where string) *sql.DB {
	t.Helper()
	var db *sql.DB
	var err error
	if isURL(where) {
		db, err = sql.Open("pgx", where)
	} else {
		db, err = openFile(where, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func must(t testing.TB, db *sql.DB, query string, args ...any) sql.Result {
	t.Helper()
	res, err := db.ExecContext(context.Background(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return res
}

// place is where a journal can be that is not there yet.
func (d *database) place(t testing.TB) string {
	t.Helper()
	if !d.postgres {
		return filepath.Join(t.TempDir(), "lockstep.db")
	}
	d.journals++
	if d.journals == 1 {
		return d.url
	}
	schema := fmt.Sprintf("journal_%d", d.journals)
	must(t, dial(t, d.url), "CREATE SCHEMA "+schema)
	return d.url + "&search_path=" + schema
}

func (d *database) fresh(t testing.TB) *Store {
	t.Helper()
	return open(t, d.place(t))
}

// altered is a journal after somebody with a SQL shell did something to it: to a copy of its file, or in a transaction that is never
// committed, in which PostgreSQL checks nothing but types.
func (d *database) altered(t testing.TB, where string, alter func(exec func(query string, args ...any))) verifier {
	t.Helper()
	if d.postgres {
		if d.altering != nil {
			_ = d.altering.Rollback() // the test that it is of may have ended
		}
		var err error
		if d.altering, err = dial(t, where).BeginTx(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		q := querier{d.altering, postgres{}}
		exec := func(query string, args ...any) {
			t.Helper()
			if _, err := q.exec(t.Context(), d.sql(query), args...); err != nil {
				t.Fatalf("%s: %v", query, err)
			}
		}
		exec(`SET LOCAL session_replication_role = replica`)
		alter(exec)
		return uncommitted{q}
	}
	to := d.place(t)
	if err := copyFile(where, to); err != nil {
		t.Fatal(err)
	}
	db := dial(t, to)
	alter(func(query string, args ...any) {
		t.Helper()
		must(t, db, query, args...)
	})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := OpenReadOnly(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// verifier is a journal whose log can be verified.
type verifier interface {
	VerifyAudit(ctx context.Context, head *audit.Head, signers ...common.Address) (audit.Report, error)
}

// uncommitted is a journal as a transaction sees it.
type uncommitted struct{ querier }

func (u uncommitted) VerifyAudit(ctx context.Context, head *audit.Head, signers ...common.Address) (audit.Report, error) {
	return verify(ctx, u.querier, head, signers)
}

var (
	blob      = regexp.MustCompile(`x'([0-9a-f]*)'`)
	asBlob    = regexp.MustCompile(`CAST\(replace\(body, (.*)\) AS BLOB\)`)
	orReplace = regexp.MustCompile(`^INSERT OR REPLACE (.*)$`)
	orIgnore  = regexp.MustCompile(`^INSERT OR IGNORE (.*)$`)
	untyped   = regexp.MustCompile(`\(id, body, plan, created_at\)`)
)

// sql is a statement of a test, which is written for SQLite, in the words of the database.
func (d *database) sql(statement string) string {
	if !d.postgres {
		return statement
	}
	statement = blob.ReplaceAllString(statement, `'\x$1'`)
	statement = asBlob.ReplaceAllString(statement, `convert_to(replace(convert_from(body, 'UTF8'), $1), 'UTF8')`)
	statement = orReplace.ReplaceAllString(statement, `INSERT $1 ON CONFLICT (seq) DO UPDATE SET time = 1`)
	statement = orIgnore.ReplaceAllString(statement, `INSERT $1 ON CONFLICT DO NOTHING`)
	statement = untyped.ReplaceAllString(statement, `(id BIGINT, body TEXT, plan TEXT, created_at BIGINT)`)
	return strings.ReplaceAll(statement, `DROP TRIGGER audit_stays;`, ``) // where that is done, none is asked
}

// exec does to a journal what the store does not.
func (d *database) exec(t testing.TB, s *Store, statement string, args ...any) {
	t.Helper()
	if _, err := (querier{s.db, s.engine}).exec(t.Context(), d.sql(statement), args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// schema is what the migrations have made.
func (d *database) schema(t testing.TB, s *Store) (out []string) {
	t.Helper()
	query := `SELECT name || ': ' || coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose_%' ORDER BY name`
	if d.postgres {
		query = `SELECT * FROM (
			SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, collation_name, is_identity) AS line
				FROM information_schema.columns WHERE table_schema = 'public'
			UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
			UNION ALL SELECT concat_ws(' ', event_object_table, action_timing, event_manipulation, action_statement) FROM information_schema.triggers
			UNION ALL SELECT concat_ws(' ', conrelid::regclass, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
			UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
			) all_of_it WHERE line NOT LIKE '%lockstep_migrations%' ORDER BY line`
	}
	err := each(t.Context(), querier{s.db, s.engine}, query, func(rows *sql.Rows) error {
		var line string
		err := rows.Scan(&line)
		out = append(out, line)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// down takes the migrations back that came after a version.
func down(t testing.TB, s *Store, version int64) {
	t.Helper()
	p, err := s.engine.provider(s.db)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.DownTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
}
