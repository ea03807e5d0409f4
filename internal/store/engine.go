package store

import (
	"context"
	"database/sql"

	"github.com/pressly/goose/v3"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/event"
)

// engine is what differs between the databases that can hold a journal. All else is one body of SQL, with ? for placeholders and
// no ? beside them.
type engine interface {
	// rebind writes the placeholders of a query as the database knows them.
	rebind(query string) string
	// begin begins a transaction. One that writes sees what others wrote before, and is the only one to write until it ends; one
	// that reads has one view of all tables.
	begin(ctx context.Context, db *sql.DB, write bool) (session, error)
	// provider applies the migrations.
	provider(db *sql.DB) (*goose.Provider, error)
	// broken tells whether an error says that the connection is lost, so that what was not committed is taken back.
	broken(err error) bool
	// explain adds to an error what can be done about it.
	explain(err error) error
	// integrity asks the database what is wrong with what it holds, and strayed with the schema.
	integrity(ctx context.Context, db querier, tables []table) ([]string, error)
	strayed(ctx context.Context, db querier, version int64) ([]string, error)
	// clearLog takes all entries out of the audit log, in a transaction that enters others.
	clearLog(ctx context.Context, db querier) error
	// continueIDs makes the database give ids after those that are in the tables.
	continueIDs(ctx context.Context, db querier, tables []table) error
	// insertEvents inserts rows into the table of events, in a transaction.
	insertEvents(ctx context.Context, t *tx, chainID uint64, logs []event.Decoded) error
	words() words
}

// session is a transaction on a connection of its own.
type session struct {
	*sql.Tx
	conn *sql.Conn
	free func() error // what it holds besides, after its end
}

// words are where the SQL of the databases differs.
type words struct {
	engine   string // its name
	tables   string // counts the tables of a name
	run      string // the member run of the body of a decision
	row      string // a column that tells rows with the same values apart
	rowType  string
	firstRow string // is before every row
	clock    string // the time, in milliseconds since 1970

	migrations string // the folder of those of the schema
	versions   string // the table of those that were applied
}

// conn is a database, a connection to one, or a transaction.
type conn interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// querier is the one place where placeholders are rebound.
type querier struct {
	conn   conn
	engine engine
}

func (q querier) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return q.conn.QueryContext(ctx, q.engine.rebind(query), args...)
}

func (q querier) queryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return q.conn.QueryRowContext(ctx, q.engine.rebind(query), args...)
}

func (q querier) exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return q.conn.ExecContext(ctx, q.engine.rebind(query), args...)
}

// has tells whether there is a table of a name.
func (q querier) has(ctx context.Context, table string) (bool, error) {
	var n int
	err := q.queryRow(ctx, q.engine.words().tables, table).Scan(&n)
	return n > 0, err
}

// tx is a transaction that writes.
type tx struct {
	querier
	conn  *sql.Conn  // that it is on
	tip   *audit.Tip // where the log ends, once that was read: nobody else writes meanwhile
	wrote bool       // the tip is an entry of this transaction
}
