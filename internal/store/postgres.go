package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/seed-b6a97670/lockstep/internal/audit"
)

// postgres is a journal in a schema of a PostgreSQL database.
type postgres struct {
	role   string
	config *pgx.ConnConfig
	schema string
	long   bool // its transactions may take long
}

const (
	// lockSpace keeps the advisory locks of journals apart from those of other programs in the database.
	lockSpace = 0x4c4f434b
	// connections bound what one process asks of a server that many share.
	connections = 8
	connectTime = 10 * time.Second
	// transactionTime bounds a transaction that writes, whose COMMIT is not interrupted, and longTransactionTime one that writes a whole journal.
	transactionTime     = time.Minute
	longTransactionTime = time.Hour
	// versionTable says whose versions it holds, since other programs may use goose in the same database.
	versionTable = "lockstep_migrations"
)

func openPostgres(ctx context.Context, where, project string) (*Store, error) {
	s, name, err := connect(ctx, where, project, nil)
	if err != nil {
		return nil, err
	}
	if err := s.migrateDatabase(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open journal %s: %w", name, s.engine.explain(err)), s.db.Close())
	}
	return s, nil
}

func openPostgresReadOnly(ctx context.Context, where string) (*Store, error) {
	s, name, err := connect(ctx, where, "", map[string]string{"default_transaction_read_only": "on"})
	if err != nil {
		return nil, err
	}
	begun, err := querier{s.db, s.engine}.has(ctx, "transactions")
	if err == nil && !begun {
		err = &NoJournalError{"there is no journal in it: is this the right database, and its search_path?"}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open journal %s: %w", name, s.engine.explain(err)), s.db.Close())
	}
	return s, nil
}

// Pool gives connections of its own to the database of a journal in PostgreSQL, for who distributes work with it, and the schema that holds the
// journal. The caller must Close it. The pool is nil if the journal is a file.
func (s *Store) Pool(ctx context.Context) (*pgxpool.Pool, string, error) {
	p, ok := s.engine.(postgres)
	if !ok {
		return nil, "", nil
	}
	cfg, err := pgxpool.ParseConfig(p.config.ConnString())
	if err != nil {
		return nil, "", errors.New("the URL of the database is not valid")
	}
	cfg.ConnConfig.RuntimeParams, cfg.ConnConfig.ConnectTimeout, cfg.MaxConns = p.config.RuntimeParams, p.config.ConnectTimeout, connections
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, "", s.engine.explain(err)
	}
	return pool, p.schema, nil
}

// Alone runs f while no other process brings tables up to date.
func (s *Store) Alone(ctx context.Context, f func() error) error {
	return s.alone(ctx, func(*sql.Conn) error { return f() })
}

// connect gives a journal that has yet to be brought up to date, and what may be shown of its URL.
func connect(ctx context.Context, where, project string, always map[string]string) (s *Store, name string, err error) {
	cfg, err := parseURL(where)
	if err != nil {
		return nil, "", fmt.Errorf("open journal: %w", err)
	}
	name = nameOf(cfg)
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = connectTime
	}
	settings := map[string]string{
		"application_name": "lockstep",
		"lock_timeout":     "10s", // as long as SQLite waits for another writer
		// A client whose machine is gone, or sleeps, must not hinder the others. If it lives, its transaction is run again.
		"idle_in_transaction_session_timeout": "3s",
	}
	maps.Copy(settings, cfg.RuntimeParams) // those of the URL
	// what was journalled survives a power cut, whatever the server does for others
	settings["synchronous_commit"] = "on"
	maps.Copy(settings, always)
	cfg.RuntimeParams = settings
	e := postgres{role: cfg.User, config: cfg}
	schema, err := schemaOf(ctx, cfg)
	if err != nil {
		return nil, "", fmt.Errorf("open journal %s: %w", name, e.explain(err))
	}
	settings["search_path"] = pgx.Identifier{schema}.Sanitize()
	e.schema = schema
	db := stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return newStore(db, e, project), name, nil
}

func nameOf(cfg *pgx.ConnConfig) string {
	return "postgres://" + net.JoinHostPort(cfg.Host, strconv.Itoa(int(cfg.Port))) + "/" + cfg.Database
}

// schemaOf is the schema that holds the journal, or is to hold it. From then on no other is looked at: a search path that begins with
// the schema of the role, as that of PostgreSQL does, would lead elsewhere as soon as there is one.
func schemaOf(ctx context.Context, cfg *pgx.ConnConfig) (schema string, err error) {
	c, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, c.Close(ctx)) }()
	err = c.QueryRow(ctx, `SELECT coalesce((SELECT nspname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
		WHERE pg_class.oid = to_regclass($1)), current_schema(), '')`, versionTable).Scan(&schema)
	if err == nil && schema == "" {
		err = errors.New("its search_path names no schema that is there: make it, or correct the URL")
	}
	return schema, err
}

// parseURL gives errors that say nothing of what is in the URL: they end in logs, and there may be a password in it, perhaps where it
// should not be.
func parseURL(where string) (*pgx.ConnConfig, error) {
	const remedy = "write it as postgres://USER@HOST:PORT/DATABASE, with what is special in a name or a password percent-encoded; " +
		"the password can be in PGPASSWORD or a passfile instead"
	if _, err := url.Parse(where); err != nil {
		return nil, errors.New("the URL of the database cannot be read: " + remedy)
	}
	cfg, err := pgx.ParseConfig(where)
	if err != nil {
		return nil, errors.New("the URL of the database, or a setting in it or in the environment (PGPORT, PGSSLMODE, ...), is not valid: " + remedy)
	}
	return cfg, nil
}

// migrateDatabase brings the schema up to date while no other process does.
func (s *Store) migrateDatabase(ctx context.Context) error {
	return s.alone(ctx, func(c *sql.Conn) error {
		if err := s.ownProject(ctx); err != nil {
			return err
		}
		return s.withoutWriters(ctx, c, func() error { return s.migrate(ctx) })
	})
}

func (s *Store) alone(ctx context.Context, f func(*sql.Conn) error) (err error) {
	c, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	// it is let go with the connection, if the connection breaks
	if _, err := c.ExecContext(ctx, `SELECT pg_advisory_lock($1, 0)`, lockSpace); err != nil {
		return err
	}
	defer func() {
		_, unlockErr := c.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1, 0)`, lockSpace)
		if !s.engine.broken(unlockErr) {
			err = errors.Join(err, unlockErr)
		}
	}()
	return f(c)
}

// withoutWriters changes the schema of a journal while nobody writes it: who did so with the release before, and has not ended, would do it
// after the change as it was right before.
func (s *Store) withoutWriters(ctx context.Context, c *sql.Conn, upgrade func() error) (err error) {
	db := querier{c, s.engine}
	v, err := db.version(ctx)
	if err != nil {
		return err
	}
	begun, err := db.has(ctx, "audit")
	if err != nil {
		return err
	}
	if !begun || v >= known(s.engine) {
		return upgrade()
	}
	if _, err := c.ExecContext(ctx, `SELECT pg_advisory_lock(`+journalLock+`)`, lockSpace); err != nil {
		return err
	}
	defer func() {
		_, unlockErr := c.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock(`+journalLock+`)`, lockSpace)
		if !s.engine.broken(unlockErr) {
			err = errors.Join(err, unlockErr)
		}
	}()
	return upgrade()
}

// journalLock is the advisory lock of who writes the journal.
const journalLock = `$1, CAST(CAST(CAST('audit' AS regclass) AS oid) AS integer)`

// ownProject refuses the journal of another project. A file is of the folder that it lies in; a database is soon named by mistake.
func (s *Store) ownProject(ctx context.Context) error {
	db := querier{s.db, s.engine}
	if begun, err := db.has(ctx, "audit"); err != nil || !begun {
		return err
	}
	var first []byte
	err := db.queryRow(ctx, `SELECT body FROM audit ORDER BY seq LIMIT 1`).Scan(&first)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	var begun audit.Begun
	if err != nil || json.Unmarshal(first, &begun) != nil {
		return err // a log that is not sound is for those to find who verify it
	}
	if s.project != "" && begun.Project != "" && begun.Project != s.project {
		return fmt.Errorf("it is the journal of project %s, not of %s: give each project a database of its own, or a schema of its own "+
			"with ?search_path=SCHEMA", begun.Project, s.project)
	}
	return nil
}

func (postgres) rebind(query string) string {
	var b strings.Builder
	for n := 1; ; n++ {
		before, after, found := strings.Cut(query, "?")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString("$" + strconv.Itoa(n))
		query = after
	}
}

// begin gives a transaction whose COMMIT is not interrupted when ctx ends: whether it was done would have to be found out.
func (p postgres) begin(ctx context.Context, db *sql.DB, write bool) (session, error) {
	c, err := db.Conn(ctx)
	if err != nil {
		return session{}, err
	}
	if !write {
		tx, err := c.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
		if err != nil {
			return session{}, errors.Join(err, c.Close())
		}
		// who reads hinders nobody, and may take its time between two pages: a backup, or a log that is verified
		if _, err := tx.ExecContext(ctx, `SET LOCAL idle_in_transaction_session_timeout = '10min'`); err != nil {
			_ = tx.Rollback() // the first error says why
			return session{}, errors.Join(err, c.Close())
		}
		return session{tx, c, c.Close}, nil
	}
	limit := transactionTime
	if p.long {
		limit = longTransactionTime
	}
	whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	free := func() error {
		cancel()
		return c.Close()
	}
	// It reads after it has the lock, and each of its statements sees what others had written until then.
	tx, err := c.BeginTx(whole, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return session{}, errors.Join(err, free())
	}
	if err := p.lock(ctx, tx); err != nil {
		_ = tx.Rollback() // the first error says why
		return session{}, errors.Join(err, free())
	}
	return session{tx, c, free}, nil
}

// lock waits until nobody else writes this journal, and keeps others from it until the transaction ends.
func (postgres) lock(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(`+journalLock+`)`, lockSpace)
	return err
}

// clearLog needs the rights of the owner, as migrations do.
func (postgres) clearLog(ctx context.Context, db querier) error {
	for _, statement := range []string{
		`ALTER TABLE audit DISABLE TRIGGER USER`, `DELETE FROM audit`, `ALTER TABLE audit ENABLE TRIGGER USER`,
	} {
		if _, err := db.exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func (postgres) continueIDs(ctx context.Context, db querier, tables []table) error {
	var columns [][2]string
	err := each(ctx, db, `SELECT table_name, column_name FROM information_schema.columns
		WHERE table_schema = current_schema() AND is_identity = 'YES'`, func(rows *sql.Rows) error {
		var c [2]string
		err := rows.Scan(&c[0], &c[1])
		if slices.ContainsFunc(tables, func(t table) bool { return t.name == c[0] }) { // not another program's
			columns = append(columns, c)
		}
		return err
	})
	for _, c := range columns {
		if err == nil {
			_, err = db.exec(ctx, `SELECT setval(pg_get_serial_sequence(quote_ident(?), ?), max(`+c[1]+`)) FROM `+c[0], c[0], c[1])
		}
	}
	return err
}

func (p postgres) provider(db *sql.DB) (*goose.Provider, error) {
	dir, err := fs.Sub(migrations, p.words().migrations)
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, db, dir, goose.WithTableName(p.words().versions))
}

func (postgres) words() words {
	return words{
		engine: "postgresql",
		tables: `SELECT count(pg_catalog.to_regclass(?))`,
		// A number after this can be nothing else in a canonical body of a decision. A cast to json would refuse a body whose reason
		// holds a zero byte, which an endpoint may have sent.
		run: `CAST(substring(body from '"run":([0-9]+)') AS BIGINT)`,
		row: "ctid", rowType: "tid", firstRow: "(0,0)",
		clock:      `CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)`,
		migrations: "migrations/postgres", versions: versionTable,
	}
}
