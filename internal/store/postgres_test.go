package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// as is the URL of a database for another role, with a password that nothing may show.
func as(t testing.TB, where, role string) string {
	t.Helper()
	u, err := url.Parse(where)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(role, "s3cret")
	return u.String()
}

// mustExplain checks an error that a person is to read: one line, what to do, and no password.
func mustExplain(t testing.TB, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("there is no error")
	}
	text := err.Error()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%s\ndoes not say %q", text, w)
		}
	}
	if strings.Contains(text, "s3cret") || strings.Contains(text, "\n") || strings.Contains(text, "ailed to") {
		t.Errorf("%q", text)
	}
}

func TestDatabaseThatCannotBeReached(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, where := range []string{"postgres://lockstep:s3cret@" + address + "/journal", "postgresql://lockstep@" + address + "/journal?password=s3cret"} {
		_, err := Open(t.Context(), where, "market")
		mustExplain(t, err, "open journal postgres://"+address+"/journal: ", "connection refused", "see that the server runs")
		_, err = OpenReadOnly(t.Context(), where)
		mustExplain(t, err, "open journal postgres://"+address+"/journal: ", "connection refused", "see that the server runs")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, mustServer(t).URL("postgres"), ""); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	_, err = Open(t.Context(), as(t, mustServer(t).URL("nowhere"), "postgres"), "")
	mustExplain(t, err, `database "nowhere" does not exist`, "createdb")
}

// A URL that cannot be read may have its password anywhere.
func TestURLsThatAreNone(t *testing.T) {
	for _, where := range []string{
		"postgres://lockstep:s3cret/@host/db", "postgres://lockstep:%s3cret@host/db", "postgres://lockstep:s3cret@host:port/db",
		"postgres://lockstep:s3cret@ho st/db", "postgres://lockstep:s3cret@host/db?sslmode=s3cret", "postgres://lockstep:a@s3cret:b@host:x/db",
		"postgres://lockstep:s3cret@host:99999999/db", "postgresql://lockstep@host/db?password=s3cret&connect_timeout=x", "postgres://host:s3cret",
	} {
		_, err := Open(t.Context(), where, "")
		mustExplain(t, err, "open journal: ", "percent-encoded")
		_, err = OpenReadOnly(t.Context(), where)
		mustExplain(t, err, "open journal: ", "percent-encoded")
	}
	// what only looks like one is a path
	t.Chdir(t.TempDir())
	open(t, "postgres:db")
	if info, err := os.Stat("postgres:db"); err != nil || info.Size() == 0 {
		t.Error(info, err)
	}
}

func TestRoleWithoutRights(t *testing.T) {
	d := newDatabase(t)
	admin := dial(t, d.url)
	role := "weak_" + d.url[strings.LastIndex(d.url, "test_"):strings.Index(d.url, "?")]
	must(t, admin, "CREATE ROLE "+role+" LOGIN PASSWORD 's3cret'")
	t.Cleanup(func() { must(t, dial(t, d.url), "DROP OWNED BY "+role+"; DROP ROLE "+role) })
	where := as(t, d.url, role)
	ctx := t.Context()

	_, err := Open(ctx, where, "market")
	mustExplain(t, err, "open journal postgres://", "permission denied for schema public", "grant", role)

	s := open(t, d.url)
	story(t, s)
	_, err = Open(ctx, where, "market")
	mustExplain(t, err, "permission denied for table", "grant", role)
	_, err = OpenReadOnly(ctx, where)
	mustExplain(t, err, "permission denied for table lockstep_migrations", "grant", role)
	must(t, admin, "GRANT SELECT ON lockstep_migrations TO "+role)
	if s, err := OpenReadOnly(ctx, where); err != nil {
		t.Error(err)
	} else {
		_, err = s.VerifyAudit(ctx, nil)
		mustExplain(t, err, "permission denied for table audit", "grant", role)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}

	must(t, admin, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO "+role)
	mustBeSound(t, readOnly(t, where))
	reader := open(t, where) // nothing must be brought up to date
	_, err = reader.Add(ctx, []rollout.Transaction{transaction(9)}, read(t, reader))
	mustExplain(t, err, "journal step 9: ", "permission denied for table transactions", "grant", role)
	mustExplain(t, reader.Append(ctx, audit.HeadSigned, 0, struct{}{}), "permission denied for table audit", "grant", role)

	// what a program that only works needs: it cannot take the log's protection away
	must(t, admin, "GRANT INSERT ON ALL TABLES IN SCHEMA public TO "+role+
		"; GRANT UPDATE ON manifests, rollouts, transactions, adopted_nonces, plans, plan_uses, approvals, policies TO "+role)
	worker := open(t, where)
	finish(t, worker, add(t, worker, transaction(9)), rollout.Confirmed, 20)
	planStoryKindsOf(t, worker)
	mustBeSound(t, worker)
	if _, err := worker.db.ExecContext(ctx, "ALTER TABLE audit DISABLE TRIGGER ALL"); err == nil {
		t.Error("it can disable triggers")
	}
}

// planStoryKindsOf uses a plan once.
func planStoryKindsOf(t *testing.T, s *Store) {
	t.Helper()
	p := savePlan(t, s, 1)
	for _, err := range []error{
		s.SetPolicy(t.Context(), firstPolicy, nil, common.Hash{}), s.SaveApproval(t.Context(), signed(p, 1, false)),
		s.BeginPlan(t.Context(), p.Digest, 10), s.EndPlan(t.Context(), p.Digest, 10, PlanDone), s.Adopt(t.Context(), 10, signer, 4),
	} {
		if err != nil {
			t.Error(err)
		}
	}
}

func TestJournalOfAnotherProject(t *testing.T) {
	d := newDatabase(t)
	s, err := Open(t.Context(), d.url, "market")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	story(t, s)
	n := mustBeSound(t, s)
	_, err = Open(t.Context(), as(t, d.url, "postgres"), "bridge")
	mustExplain(t, err, "open journal postgres://", "project market, not of bridge", "search_path")
	for _, project := range []string{"market", ""} {
		again, err := Open(t.Context(), d.url, project)
		if err != nil {
			t.Fatalf("%q: %v", project, err)
		}
		if got := mustBeSound(t, again); got != n {
			t.Errorf("%d entries, there were %d", got, n)
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	}
	// in a schema of its own
	must(t, dial(t, d.url), "CREATE SCHEMA bridge")
	other, err := Open(t.Context(), d.url+"&search_path=bridge", "bridge")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	if got := mustBeSound(t, other); got != 1 {
		t.Errorf("%d entries", got)
	}
	_, err = Open(t.Context(), d.url+"&search_path=nowhere", "bridge")
	mustExplain(t, err, "search_path")
}

// Another program, which has tables with such names, perhaps with migrations by goose as well.
func TestTablesOfAnotherProgram(t *testing.T) {
	d := newDatabase(t)
	admin := dial(t, d.url)
	must(t, admin, `CREATE TABLE goose_db_version (id int, version_id bigint, is_applied boolean, tstamp timestamp);
		INSERT INTO goose_db_version VALUES (1, 4, true, now()); CREATE TABLE policies (premium int)`)
	_, err := Open(t.Context(), d.url, "market")
	mustExplain(t, err, `relation "policies" already exists`, "another program")
	must(t, admin, `DROP TABLE policies`)
	mustBeSound(t, open(t, d.url))
}

func TestReadOnlyOnPostgres(t *testing.T) {
	d := newDatabase(t)
	_, err := OpenReadOnly(t.Context(), d.url)
	mustExplain(t, err, "open journal postgres://", "there is no journal in it")
	if made := d.schema(t, newStore(dial(t, d.url), postgres{}, "")); len(made) != 0 {
		t.Errorf("made: %v", made)
	}
	story(t, open(t, d.url))
	s := readOnly(t, d.url)
	n := mustBeSound(t, s)
	mustExplain(t, s.Append(t.Context(), audit.HeadSigned, 0, struct{}{}), "read-only transaction")
	if got := mustBeSound(t, s); got != n {
		t.Errorf("%d entries, there were %d", got, n)
	}
	read(t, s)
}

// A standby, or a server that was told so, writes nothing.
func TestServerThatIsReadOnly(t *testing.T) {
	d := newDatabase(t)
	name := d.url[strings.LastIndex(d.url, "test_"):strings.Index(d.url, "?")]
	must(t, dial(t, d.url), "ALTER DATABASE "+name+" SET default_transaction_read_only = on")
	_, err := Open(t.Context(), d.url, "market")
	mustExplain(t, err, "read-only transaction", "target_session_attrs=read-write")
}

// What a server does for others must not weaken what a journal needs.
func TestSettingsOfConnections(t *testing.T) {
	d := newDatabase(t)
	name := d.url[strings.LastIndex(d.url, "test_"):strings.Index(d.url, "?")]
	for setting, value := range map[string]string{"synchronous_commit": "off", "default_transaction_isolation": "serializable", "lock_timeout": "0"} {
		must(t, dial(t, d.url), "ALTER DATABASE "+name+" SET "+setting+" = '"+value+"'")
	}
	s := open(t, d.url+"&idle_in_transaction_session_timeout=7s&synchronous_commit=off")
	for setting, want := range map[string]string{
		"synchronous_commit": "on", "lock_timeout": "10s", "idle_in_transaction_session_timeout": "7s", "application_name": "lockstep",
	} {
		var got string
		if err := s.db.QueryRowContext(t.Context(), "SHOW "+setting).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, %v; want %q", setting, got, err, want)
		}
	}
	var idle string
	err := open(t, d.url).db.QueryRowContext(t.Context(), "SHOW idle_in_transaction_session_timeout").Scan(&idle)
	if err != nil || idle != "3s" {
		t.Errorf("a client that is gone hinders others for %s, %v", idle, err)
	}
	for write, want := range map[bool][2]string{true: {"read committed", "off"}, false: {"repeatable read", "on"}} {
		tx, err := s.engine.begin(t.Context(), s.db, write)
		if err != nil {
			t.Fatal(err)
		}
		var got [2]string
		err = tx.QueryRowContext(t.Context(), `SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only')`).Scan(&got[0], &got[1])
		if err != nil || got != want {
			t.Errorf("write %v: %v, %v; want %v", write, got, err, want)
		}
		if err := errors.Join(tx.Rollback(), tx.free()); err != nil {
			t.Error(err)
		}
	}
}

// TestWriterThatHoldsOn: others are told after a while, and can read meanwhile. By whatever search path they find the tables, it
// is the same lock.
func TestWriterThatHoldsOn(t *testing.T) {
	d := newDatabase(t)
	s := open(t, d.url)
	must(t, dial(t, d.url), `CREATE SCHEMA empty`)
	other := open(t, d.url+"&lock_timeout=100&search_path=empty,public")
	err := s.within(t.Context(), func(tx *tx) error {
		mustExplain(t, other.Append(t.Context(), audit.HeadSigned, 0, struct{}{}), "another process has been writing", "try again")
		mustBeSound(t, other)
		return appendEntry(t.Context(), tx, now(), audit.HeadSigned, 0, struct{}{})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Append(t.Context(), audit.HeadSigned, 0, struct{}{}); err != nil {
		t.Error(err)
	}
	// a journal beside it is not waited for
	must(t, dial(t, d.url), `CREATE SCHEMA beside`)
	beside := open(t, d.url+"&lock_timeout=100&search_path=beside")
	err = s.within(t.Context(), func(*tx) error { return beside.Append(t.Context(), audit.HeadSigned, 0, struct{}{}) })
	if err != nil {
		t.Error(err)
	}
	if n := mustBeSound(t, s); n != 3 {
		t.Errorf("%d entries", n)
	}
}

// TestAppendOnlyOnPostgres adds what SQLite does not have.
func TestAppendOnlyOnPostgres(t *testing.T) {
	d := newDatabase(t)
	s := open(t, d.url)
	story(t, s)
	n := mustBeSound(t, s)
	for _, statement := range []string{
		`TRUNCATE audit`, `TRUNCATE audit CASCADE`, `DELETE FROM audit WHERE seq < 0`,
		`SET search_path = pg_catalog; INSERT INTO public.audit SELECT seq + 2, version, time, kind, chain_id, body, hash, hash FROM public.audit ORDER BY seq DESC LIMIT 1`,
		`MERGE INTO audit USING (VALUES (1)) AS v (seq) ON audit.seq = v.seq WHEN MATCHED THEN DELETE`,
	} {
		_, err := dial(t, d.url).ExecContext(t.Context(), statement)
		if err == nil || !strings.Contains(err.Error(), "the audit log is append-only") && !strings.Contains(err.Error(), "must follow the last one") {
			t.Errorf("%s: %v", statement, err)
		}
	}
	if got := mustBeSound(t, s); got != n {
		t.Errorf("%d entries, there were %d", got, n)
	}
}

// TestSameTablesOnBothEngines: the same columns in the same order, and the same that may be NULL.
func TestSameTablesOnBothEngines(t *testing.T) {
	columns := func(s *Store, query string) (out []string) {
		t.Helper()
		err := each(t.Context(), querier{s.db, s.engine}, query, func(rows *sql.Rows) error {
			var table, column string
			var required bool
			err := rows.Scan(&table, &column, &required)
			out = append(out, fmt.Sprint(table, ".", column, " ", required))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	lite, pg := fresh(t), open(t, newDatabase(t).url)
	want := columns(lite, `SELECT m.name, p.name, p."notnull" OR p.pk FROM sqlite_master m JOIN pragma_table_info(m.name) p
		WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE 'goose_%' ORDER BY m.name, p.cid`)
	got := columns(pg, `SELECT table_name, column_name, is_nullable = 'NO' FROM information_schema.columns
		WHERE table_schema = 'public' AND table_name NOT LIKE 'lockstep_%' ORDER BY table_name, ordinal_position`)
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 50 {
		t.Errorf("%d columns (-sqlite +postgres):\n%s", len(want), diff)
	}
	var collated int
	err := pg.db.QueryRowContext(t.Context(), `SELECT count(*) FROM information_schema.columns WHERE table_schema = 'public'
		AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'`).Scan(&collated)
	if err != nil || collated != 0 {
		t.Errorf("%d columns are sorted as the server likes, %v", collated, err)
	}
	versions := func(s *Store) (current int64) {
		t.Helper()
		p, err := s.engine.provider(s.db)
		if err == nil {
			current, err = p.GetDBVersion(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		return current
	}
	if a, b := versions(lite), versions(pg); a != b {
		t.Errorf("version %d of the schema in SQLite, %d in PostgreSQL", a, b)
	}
}

// TestLargestNumbers: what an entry of the audit log can hold, a column can, and what it cannot is refused on both engines.
func TestLargestNumbers(t *testing.T) { onEach(t, testLargestNumbers) }

func testLargestNumbers(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	const most = 1<<53 - 1
	largest := transaction(most)
	largest.ChainID = most
	added := add(t, s, largest)
	added.Status, added.BlockNumber, added.BlockHash, added.GasUsed = rollout.Confirmed, most, common.Hash{1}, most
	if err := s.Finish(ctx, added); err != nil {
		t.Fatal(err)
	}
	all, err := s.Transactions(ctx, most)
	if diff := cmp.Diff([]rollout.Transaction{added}, all); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if m, err := s.Read(ctx, most, signer); err != nil || m.NextNonce != most+1 || m.MinBlock != most {
		t.Errorf("%+v, %v", m, err)
	}
	r := run(most, 0x11)
	r.ChainID = most
	if got := begin(t, s, r); got.Epoch != most || got.After != added.ID {
		t.Errorf("%+v", got)
	}
	n := mustBeSound(t, s)
	for _, beyond := range []uint64{most + 1, 1 << 63, 1<<64 - 1} {
		nonce, gas := transaction(beyond), add(t, s, transaction(3))
		if got, err := addOne(ctx, s, nonce, read(t, s)); err == nil {
			t.Errorf("nonce %d: %+v", beyond, got)
		}
		gas.Status, gas.GasUsed = rollout.Confirmed, beyond
		if err := s.Finish(ctx, gas); err == nil {
			t.Errorf("%d gas", beyond)
		}
		if err := s.Adopt(ctx, chainID, common.Address{7}, beyond); err == nil {
			t.Errorf("nonces up to %d are adopted", beyond)
		}
		if err := s.Lose(ctx, gas); err != nil {
			t.Fatal(err)
		}
		if err := s.Adopt(ctx, chainID, signer, 3); err != nil { // nonce 3 is free again
			t.Fatal(err)
		}
		n += 5
	}
	if got := mustBeSound(t, s); got != n {
		t.Errorf("%d entries, want %d: %v", got, n, kinds(log(t, s)))
	}
}

// TestOddTexts: whatever an endpoint says is kept as it was said.
func TestOddTexts(t *testing.T) { onEach(t, testOddTexts) }

func testOddTexts(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	var want []string
	for i, reason := range []string{
		"a\x00b", `{"run":7}`, `"run":7,"run":8`, `\"run\":9`, "日本 \U0001F600", "", "?", "$1", "\u2028", `'; DROP TABLE audit; --`, strings.Repeat("long ", 10_000),
	} {
		for _, run := range []int64{7, 1 << 52} {
			d := audit.Decision{Network: "base", Run: run, Kind: rollout.Wait, Steps: []string{reason}, Reason: reason, Until: uint64(i)}
			for range 2 {
				if err := s.Decide(ctx, chainID, d); err != nil {
					t.Fatalf("%.20q: %v", reason, err)
				}
			}
			want = append(want, reason)
		}
	}
	var got []string
	for _, e := range log(t, s)[1:] {
		got = append(got, body[audit.Decision](t, e).Reason)
	}
	if !slices.Equal(want, got) {
		t.Errorf("%.30q\nwant\n%.30q", got, want)
	}
	mustBeSound(t, s)
}

// TestVerifyWhileOthersWrite: rows and entries are looked at as they were at one moment.
func TestVerifyWhileOthersWrite(t *testing.T) { onEach(t, testVerifyWhileOthersWrite) }

func testVerifyWhileOthersWrite(t *testing.T, on *database) {
	path := on.place(t)
	open(t, path)
	child := childProcess(t, writeAlone, path)
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = child.Process.Kill()
		_ = child.Wait() // it was killed
	})
	awaitEntries(t, path, 20)
	s := readOnly(t, path)
	var last, grown uint64
	// 40 looks can be over before a machine that is busy lets the other write
	for looks, deadline := 0, time.Now().Add(time.Minute); looks < 40 && grown < 30 || grown < 10; looks++ {
		if time.Now().After(deadline) {
			t.Fatalf("it grew %d times within a minute", grown)
		}
		n := mustBeSound(t, s)
		if n > last {
			grown++
		}
		last = n
	}
}
