package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

var update = flag.Bool("update", false, "write the rows of the newest schema to testdata/schema")

// fullStory leaves a row in every table.
func fullStory(t testing.TB, s *Store) {
	t.Helper()
	ctx := t.Context()
	digests := planStory(t, s)
	executionStory(t, s, digests)
	if err := s.StopExecution(ctx, digests[1], "enough", "carol"); err != nil { // so that a restored journal has nothing to stop
		t.Fatal(err)
	}
	tokenStory(t, s)
	relayStory(t, s)
	alertStory(t, s)
	baselineStory(t, s)
	noticeStory(t, s)
	pauseStory(t, s)
	eventStory(t, s)
	if err := s.SaveManifest(ctx, run(1, 0x11).Manifest, common.Hash{9}, []byte("for other networks")); err != nil {
		t.Fatal(err)
	}
	out := addAll(t, s, 2, 3, 4, 5)
	r := begin(t, s, run(1, 0x11))
	released, err := s.Release(ctx, out[1:3])
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Void(ctx, out[3:]); err != nil {
		t.Fatal(err)
	}
	finish(t, s, out[0], rollout.Confirmed, 7)
	finish(t, s, replace(t, s, released[0], 1), rollout.Reverted, 8)
	replace(t, s, released[1], 2)
	if err := s.End(ctx, r.ID, true); err != nil {
		t.Fatal(err)
	}
	begin(t, s, run(2, 0x22))
	if err := s.Adopt(ctx, 10, common.Address{0xbb}, 5); err != nil {
		t.Fatal(err)
	}
}

// relayStory keeps what one relay was asked, and did.
func relayStory(t testing.TB, s *Store) {
	t.Helper()
	err := s.SaveRelayRecord(t.Context(), RelayRecord{ID: "a", ChainID: chainID, Hashes: []common.Hash{{1}, {2}}, Body: []byte(`{}`)})
	if err == nil {
		err = s.Measure(t.Context(), RelayMeasurement{
			ChainID: chainID, Relay: "flashbots", Record: "a", Outcome: "taken", Head: 7, Hash: common.Hash{1}, Body: []byte(`{}`),
			Kind: audit.RelayAsked, Entry: audit.RelayAnswer{Relay: "flashbots", ID: "a", Hashes: []common.Hash{{1}, {2}}, Outcome: "taken", Head: 7},
		})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// inserts writes the rows of a journal as SQL.
func inserts(t testing.TB, s *Store) string {
	t.Helper()
	var out strings.Builder
	for _, table := range tablesOf(t) {
		for _, row := range rowsOf(t, s, table.name, table.columns, table.key) {
			values := make([]string, len(row))
			for i, v := range row {
				switch v := v.(type) {
				case nil:
					values[i] = "NULL"
				case []byte:
					values[i] = "x'" + hex.EncodeToString(v) + "'"
				case string:
					values[i] = "'" + strings.ReplaceAll(v, "'", "''") + "'"
				default:
					values[i] = fmt.Sprint(v)
				}
			}
			fmt.Fprintf(&out, "INSERT INTO %s (%s) VALUES (%s);\n", table.name, strings.Join(table.columns, ", "), strings.Join(values, ", "))
		}
	}
	return out.String()
}

// tablesOf are the tables of a journal.
func tablesOf(t testing.TB) []table {
	t.Helper()
	out, err := journalTables(t.Context(), known(sqlite{}))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func rowsOf(t testing.TB, s *Store, name string, columns, key []string) (out [][]any) {
	t.Helper()
	query := `SELECT ` + strings.Join(columns, ", ") + ` FROM ` + name + ` ORDER BY ` + strings.Join(key, ", ")
	err := each(t.Context(), querier{s.db, s.engine}, query, func(rows *sql.Rows) error {
		row, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		out = append(out, row)
		err := rows.Scan(into...)
		for i, v := range row {
			if b, ok := v.([]byte); ok && len(b) == 0 { // as SQLite gives one of no bytes
				row[i] = []byte{}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestMigrationsForward begins with a journal of each release's schema, whose rows that release wrote (internal/store/testdata/schema;
// -update writes those of the newest schema), and brings it up to date: the rows are the same, the log is sound, the schema is that of a new
// journal, and what can be done to a journal can be done.
func TestMigrationsForward(t *testing.T) { onEach(t, testMigrationsForward) }

func testMigrationsForward(t *testing.T, on *database) {
	file := func(version int64) string { return filepath.Join("testdata", "schema", fmt.Sprintf("%d.sql", version)) }
	if *update && !on.postgres {
		s := on.fresh(t)
		fullStory(t, s)
		mustWrite(t, file(known(s.engine)), []byte(inserts(t, s)), 0o644)
	}
	want := on.schema(t, on.fresh(t))
	files, err := filepath.Glob(filepath.Join("testdata", "schema", "*.sql"))
	if err != nil || len(files) < 4 {
		t.Fatalf("%d schemas, %v", len(files), err)
	}
	for _, m := range steps(map[bool]engine{true: postgres{}, false: sqlite{}}[on.postgres]) {
		if !slices.Contains(files, file(m.Version)) {
			continue // no release has it yet
		}
		t.Run(fmt.Sprint(m.Version), func(t *testing.T) {
			on := on
			if on.postgres { // where it is in the schema that on.schema looks at
				on = newDatabase(t)
			}
			where := on.place(t)
			columns := journalOf(t, on, where, m.Version, file(m.Version))
			before := map[string][][]any{}
			old := &Store{db: dial(t, where), engine: columns.engine}
			for _, table := range columns.tables {
				before[table.name] = rowsOf(t, old, table.name, table.columns, table.key)
				if len(before[table.name]) == 0 {
					t.Errorf("%s has no row in %s", table.name, file(m.Version))
				}
			}
			s, err := Open(t.Context(), where, "market")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			if diff := cmp.Diff(want, on.schema(t, s)); diff != "" {
				t.Errorf("schema (-new +migrated):\n%s", diff)
			}
			for _, table := range columns.tables {
				rows := before[table.name]
				if m.Version == 1 && table.name == "transactions" { // what was signed may have been sent
					status := slices.Index(table.columns, "status")
					for _, row := range rows {
						if row[status] == "signed" {
							row[status] = "released"
						}
					}
				}
				if diff := cmp.Diff(rows, rowsOf(t, s, table.name, table.columns, table.key)); diff != "" {
					t.Errorf("%s (-before +after):\n%s", table.name, diff)
				}
			}
			mustBeSound(t, s)
			add(t, s, transaction(20))
			p := savePlan(t, s, 70)
			for _, err := range []error{s.SaveApproval(t.Context(), signed(p, 1, false)), s.BeginPlan(t.Context(), p.Digest, 10), s.Adopt(t.Context(), 11, signer, 4)} {
				if err != nil {
					t.Error(err)
				}
			}
			mustBeSound(t, s)
		})
	}
}

type oldJournal struct {
	engine engine
	tables []table
}

// journalOf makes a journal with an old schema and rows.
func journalOf(t testing.TB, on *database, where string, version int64, file string) oldJournal {
	t.Helper()
	ctx := context.Background()
	s := &Store{db: dial(t, where), engine: sqlite{}}
	if on.postgres {
		s.engine = postgres{}
	}
	p, err := s.engine.provider(s.db)
	if err == nil {
		_, err = p.UpTo(ctx, version)
	}
	if err != nil {
		t.Fatal(err)
	}
	rows, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for statement := range strings.Lines(string(rows)) {
		if on.postgres {
			statement = blob.ReplaceAllString(statement, `'\x$1'`)
		}
		must(t, s.db, statement)
	}
	if on.postgres {
		for _, name := range []string{"transactions", "rollouts", "policies"} { // as the ids that it gave would have
			must(t, s.db, `SELECT setval(pg_get_serial_sequence('`+name+`', 'id'), max(id)) FROM `+name)
		}
	}
	tables, err := journalTables(ctx, version)
	if err != nil {
		t.Fatal(err)
	}
	return oldJournal{s.engine, tables}
}

// TestNewerSchemaIsRefused: also by a program that has the journal open while a later release brings it up to date.
func TestNewerSchemaIsRefused(t *testing.T) { onEach(t, testNewerSchemaIsRefused) }

func testNewerSchemaIsRefused(t *testing.T, on *database) {
	where := on.place(t)
	s := open(t, where)
	story(t, s)
	n := mustBeSound(t, s)
	tx := transactions(t, s)[2]
	newer := known(s.engine) + 7
	on.exec(t, s, `INSERT INTO `+s.engine.words().versions+` (version_id, is_applied) VALUES (?, `+map[bool]string{true: "true", false: "1"}[on.postgres]+`)`, newer)
	want := fmt.Sprintf("version %d, and this program knows those up to %d", newer, known(s.engine))
	_, err := Open(t.Context(), where, "")
	mustExplain(t, err, "open journal "+Name(where)+": ", want, "use the release")
	_, err = OpenReadOnly(t.Context(), where)
	mustExplain(t, err, "open journal "+Name(where)+": ", want, "use the release")
	_, addErr := addOne(t.Context(), s, transaction(9), read(t, s))
	for _, err := range []error{addErr, s.Finish(t.Context(), tx), s.End(t.Context(), 3, true)} {
		var refused *NewerSchemaError
		if !errors.As(err, &refused) || refused.Version != newer {
			t.Errorf("written: %v", err)
		}
	}
	if got := mustBeSound(t, s); got != n {
		t.Errorf("%d entries, there were %d", got, n)
	}
}

// TestWritersAreWaitedFor: while the schema of a database changes, nobody writes who began before.
func TestWritersAreWaitedFor(t *testing.T) {
	d := newDatabase(t)
	s := open(t, d.url)
	must(t, dial(t, d.url), `DELETE FROM lockstep_migrations WHERE version_id = `+fmt.Sprint(known(s.engine)))
	err := s.within(t.Context(), func(*tx) error {
		_, err := Open(t.Context(), d.url+"&lock_timeout=100", "")
		mustExplain(t, err, "another process has been writing", "try again")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestTablesAreDerived: a table that a migration adds is copied, unless it is named as one that is not.
func TestTablesAreDerived(t *testing.T) {
	names := func(ts []table) (out []string) {
		for _, t := range ts {
			out = append(out, t.name)
		}
		return out
	}
	s := fresh(t)
	got, err := tables(t.Context(), querier{s.db, s.engine})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(names(tablesOf(t)), names(got)); diff != "" || len(got) < 9 {
		t.Errorf("%d tables:\n%s", len(got), diff)
	}
	must(t, s.db, `CREATE TABLE a_step (id INTEGER PRIMARY KEY, run INTEGER REFERENCES rollouts (id), before INTEGER REFERENCES a_step (id))`)
	must(t, s.db, `CREATE TABLE IF NOT EXISTS leases (name TEXT PRIMARY KEY)`)
	more, err := tables(t.Context(), querier{s.db, s.engine})
	if err != nil {
		t.Fatal(err)
	}
	if len(more) != len(got)+1 || slices.Contains(names(more), "leases") {
		t.Errorf("%v", names(more))
	}
	for i, table := range more {
		for _, r := range table.refers {
			if at := slices.Index(names(more), r.table); at > i {
				t.Errorf("%s comes before %s, to which it refers", table.name, r.table)
			}
		}
		if table.name == "a_step" && !cmp.Equal(table.columns, []string{"id", "run", "before"}) {
			t.Errorf("%+v", table)
		}
	}
	must(t, s.db, `CREATE TABLE a (id INTEGER PRIMARY KEY REFERENCES b (id))`)
	must(t, s.db, `CREATE TABLE b (id INTEGER PRIMARY KEY REFERENCES a (id))`)
	if _, err := tables(t.Context(), querier{s.db, s.engine}); err == nil {
		t.Error("tables that refer to each other have an order")
	}
}
