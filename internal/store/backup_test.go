package store

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// everyRow is all that is in a journal.
func everyRow(t testing.TB, s *Store) map[string][][]any {
	t.Helper()
	out := map[string][][]any{}
	for _, table := range tablesOf(t) {
		out[table.name] = rowsOf(t, s, table.name, table.columns, table.key)
	}
	return out
}

// mustBeEqual compares rows, of which some are long.
func mustBeEqual(t testing.TB, where string, want, got map[string][][]any) {
	t.Helper()
	for table, rows := range want {
		if !reflect.DeepEqual(rows, got[table]) {
			t.Errorf("%s %s has %d rows, want %d, or others:\n%.2000q\nwant\n%.2000q", table, where, len(got[table]), len(rows), got[table], rows)
		}
	}
}

func backup(t testing.TB, where string) (file string, c Copy) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "backup.db")
	c, err := Backup(t.Context(), where, file, false)
	if err != nil {
		t.Fatal(err)
	}
	return file, c
}

func restore(t testing.TB, file, where string) Restored {
	t.Helper()
	r, err := Restore(t.Context(), file, where, "market")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestMoves goes from each engine to each, by way of a backup: the rows are the same, and the journal goes on.
func TestMoves(t *testing.T) {
	alone(t)
	onEach(t, func(t *testing.T, from *database) {
		onEach(t, func(t *testing.T, to *database) { testMoves(t, from, to) })
	})
}

func testMoves(t *testing.T, from, to *database) {
	ctx, where, there := t.Context(), from.place(t), to.place(t)
	s, err := Open(ctx, where, "market")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	fullStory(t, s)
	large := bytes.Repeat([]byte("\x00\xffbody"), batchBytes/8)
	for i, file := range [][]byte{{}, large, large, {0}, large} { // more than a batch, by bytes
		if err := s.SaveManifest(ctx, common.Hash{0x70, byte(i)}, common.Hash{0x71, byte(i)}, file); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3*batchRows + 1 { // and by rows
		if err := s.Append(ctx, audit.HeadSigned, 0, map[string]any{"i": i, "text": "日本 'x' \x00 ?"}); err != nil {
			t.Fatal(err)
		}
	}
	want, n := everyRow(t, s), mustBeSound(t, s)
	for table, rows := range want {
		if len(rows) == 0 {
			t.Errorf("%s has no row", table)
		}
	}
	take(t, s, "one", "watch/1")
	file, c := backup(t, where)
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if left := content(t, filepath.Dir(file)); len(left) != 1 {
		t.Errorf("%d files beside the backup", len(left)-1)
	}
	if c.Tip.Seq != n || c.Project != "market" || c.Version != known(s.engine) || len(c.Tables) != len(want) {
		t.Errorf("%+v", c)
	}
	copied := readOnly(t, file)
	mustBeEqual(t, "in the backup", want, everyRow(t, copied))
	if mustBeSound(t, copied) != n {
		t.Error("the backup has another log")
	}

	r := restore(t, file, there)
	restored := open(t, there)
	if got := mustBeSound(t, restored); got != n+1 || r.Tip.Seq != got || r.From.Tip != c.Tip || !cmp.Equal(r.From.Tables, c.Tables) {
		t.Errorf("%d entries, want %d: %+v", got, n+1, r)
	}
	got := everyRow(t, restored)
	last := log(t, restored)[n]
	if b := body[audit.Restored](t, last); last.Kind != audit.JournalRestored || last.Previous != c.Tip.Hash || b.Database != restored.engine.words().engine {
		t.Errorf("%+v", last)
	}
	got["audit"] = got["audit"][:n]
	mustBeEqual(t, "restored", want, got)
	if l, err := restored.Lease(ctx, "watch/1"); err != nil || l.Fence != 0 {
		t.Errorf("a lease was copied: %+v, %v", l, err)
	}
	// it goes on as the other would have, with ids that nobody has had
	before := transactions(t, s)
	added := add(t, restored, transaction(40))
	if highest := slices.MaxFunc(before, func(a, b rollout.Transaction) int { return int(a.ID - b.ID) }); added.ID <= highest.ID {
		t.Errorf("transaction %d after %d", added.ID, highest.ID)
	}
	if err := restored.End(ctx, 2, true); err != nil {
		t.Error(err)
	}
	if r := begin(t, restored, run(2, 0x44)); r.ID <= 2 {
		t.Errorf("rollout %d after 2", r.ID)
	}
	p := savePlan(t, restored, 90)
	for _, err := range []error{restored.SaveApproval(ctx, signed(p, 1, false)), restored.BeginPlan(ctx, p.Digest, 10), restored.Adopt(ctx, 12, signer, 4)} {
		if err != nil {
			t.Error(err)
		}
	}
	mustBeSound(t, restored)
	// nothing is restored into what is in use, and the log is as hard to change as ever
	_, err = Restore(ctx, file, there, "market")
	mustExplain(t, err, "restore "+file+" into "+Name(there), "in use", "--journal")
	for _, statement := range []string{
		`UPDATE audit SET time = 1`, `DELETE FROM audit`,
		`INSERT INTO audit SELECT seq + 2, version, time, kind, chain_id, body, hash, hash FROM audit WHERE seq = 3`,
	} {
		if _, err := restored.db.ExecContext(ctx, statement); err == nil {
			t.Errorf("done: %s", statement)
		}
	}
}

// TestRestoreIntoAnEmptyJournal: one that was begun, and in which nothing was entered, as the first look at a new place leaves it.
func TestRestoreIntoAnEmptyJournal(t *testing.T) { onEach(t, testRestoreIntoAnEmptyJournal) }

func testRestoreIntoAnEmptyJournal(t *testing.T, on *database) {
	source := filepath.Join(t.TempDir(), "lockstep.db")
	s := open(t, source)
	fullStory(t, s)
	beginExecution(t, s, 91, true, chainID)
	file, c := backup(t, source)
	where := on.place(t)
	empty := open(t, where) // and stays open
	want := on.schema(t, empty)
	// that it was restored, and that what was carried out is stopped
	if r := restore(t, file, where); r.Tip.Seq != c.Tip.Seq+2 {
		t.Errorf("%+v", r)
	}
	mustBeSound(t, empty)
	all, err := empty.Executions(t.Context(), false)
	if err != nil || !slices.ContainsFunc(all, func(e Execution) bool { return e.Reason == "the journal was restored from a backup" }) ||
		slices.ContainsFunc(all, func(e Execution) bool { return e.Status == ExecutionRunning }) {
		t.Errorf("%+v, %v", all, err)
	}
	if diff := cmp.Diff(want, on.schema(t, empty)); diff != "" {
		t.Errorf("schema (-before +after):\n%s", diff)
	}
	if h, err := Check(t.Context(), where, nil); err != nil || len(h.Problems) != 0 {
		t.Errorf("%v, %v", h.Problems, err)
	}
	if _, err := empty.db.ExecContext(t.Context(), `DELETE FROM audit WHERE seq = 1`); err == nil || !strings.Contains(err.Error(), "append-only") {
		t.Errorf("the log can be changed: %v", err)
	}
}

// TestRestoreOfEarlierSchemas: a backup that was made before an upgrade.
func TestRestoreOfEarlierSchemas(t *testing.T) { onEach(t, testRestoreOfEarlierSchemas) }

func testRestoreOfEarlierSchemas(t *testing.T, on *database) {
	alone(t)
	for version := range known(sqlite{}) {
		version++
		source := filepath.Join(t.TempDir(), "lockstep.db")
		fixture := filepath.Join("testdata", "schema", fmt.Sprintf("%d.sql", version))
		if _, err := os.Stat(fixture); err != nil {
			continue // no release has it yet
		}
		journalOf(t, &database{}, source, version, fixture)
		file, c := backup(t, source)
		if c.Version != version || (c.Tip.Seq > 0) != (version >= auditSince) {
			t.Errorf("%d: %+v", version, c)
		}
		h, err := Check(t.Context(), file, nil)
		if up := version == known(sqlite{}); err != nil || (len(h.Problems) == 0) != up || !up && !strings.Contains(h.Problems[0].Detail, "db migrate") || len(h.Problems) > 1 {
			t.Errorf("%d: %v, %v", version, h.Problems, err)
		}
		where := on.place(t)
		restore(t, file, where)
		s := open(t, where)
		mustBeSound(t, s)
		if len(transactions(t, s)) == 0 {
			t.Errorf("%d: nothing was restored", version)
		}
	}
}

// TestBackupWhileOthersWrite: each is as the journal was at one moment.
func TestBackupWhileOthersWrite(t *testing.T) { onEach(t, testBackupWhileOthersWrite) }

func testBackupWhileOthersWrite(t *testing.T, on *database) {
	where := on.place(t)
	open(t, where)
	child := childProcess(t, writeAlone, where)
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = child.Process.Kill()
		_ = child.Wait() // it was killed
	})
	file := filepath.Join(t.TempDir(), "backup.db")
	var last uint64
	for i := range 6 {
		awaitEntries(t, where, last+20)
		c, err := Backup(t.Context(), where, file, i > 0)
		if err != nil {
			t.Fatal(err)
		}
		if n := mustBeSound(t, readOnly(t, file)); n != c.Tip.Seq || n < last+20 {
			t.Errorf("%d entries, %d are told, there were %d", n, c.Tip.Seq, last)
		}
		last = c.Tip.Seq
	}
	if left := content(t, filepath.Dir(file)); len(left) != 1 {
		t.Errorf("%d files beside the backup", len(left)-1)
	}
}

// TestBackupRefuses: what is there stays as it is.
func TestBackupRefuses(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	s := open(t, at("lockstep.db"))
	story(t, s)
	open(t, at("used.db"))
	unsound := open(t, at("unsound.db"))
	story(t, unsound)
	must(t, unsound.db, `UPDATE rollouts SET epoch = 7 WHERE id = 1`)
	mustWrite(t, at("there.db"), []byte("there"), 0o600)
	mustWrite(t, at("rubbish"), bytes.Repeat([]byte("this is not a database "), 100), 0o600)
	must(t, dial(t, at("other.db")), `CREATE TABLE t (x)`)
	if err := os.Mkdir(at("folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]struct {
		journal, file string
		force         bool
		want          []string
	}{
		"a file that is there":     {at("lockstep.db"), at("there.db"), false, []string{"is there already", "--force"}},
		"a folder":                 {at("lockstep.db"), at("folder"), true, []string{"that is no file"}},
		"a folder that is not":     {at("lockstep.db"), at("nowhere/backup.db"), false, []string{"no such file or directory"}},
		"a database":               {at("lockstep.db"), "postgres://postgres:s3cret@127.0.0.1/db", true, []string{"a backup is a file"}},
		"a journal in use":         {at("lockstep.db"), at("used.db"), true, []string{"used.db-wal is there", "another file"}},
		"no journal":               {at("nothing.db"), at("backup.db"), false, []string{"no such file"}},
		"what is no database":      {at("rubbish"), at("backup.db"), false, []string{"file is not a database"}},
		"a database of another":    {at("other.db"), at("backup.db"), false, []string{"no journal"}},
		"a log that is not sound":  {at("unsound.db"), at("backup.db"), false, []string{"the audit log is not sound", "epoch is 7"}},
		"a server that is not one": {"postgres://lockstep:s3cret@127.0.0.1:1/db", at("backup.db"), false, []string{"connection refused"}},
	} {
		before, _ := os.ReadFile(x.file)
		_, err := Backup(t.Context(), x.journal, x.file, x.force)
		if err == nil {
			t.Errorf("%s: done", name)
			continue
		}
		for _, w := range append(x.want, "back up "+Name(x.journal)) {
			if !strings.Contains(err.Error(), w) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %v\ndoes not say %q", name, err, w)
			}
		}
		if after, _ := os.ReadFile(x.file); !bytes.Equal(before, after) {
			t.Errorf("%s: the file was changed", name)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := Backup(t.Context(), at("lockstep.db"), at("lockstep.db"), true)
	mustExplain(t, err, "that is the journal itself")
	if left, err := filepath.Glob(at("*.tmp*")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if _, err := os.Stat(at("backup.db")); err == nil {
		t.Error("a backup was made")
	}
	var unsoundErr *audit.UnsoundError
	if _, err := Backup(t.Context(), at("unsound.db"), at("backup.db"), false); !errors.As(err, &unsoundErr) {
		t.Errorf("%v", err)
	}
}

// TestRestoreRefuses: nothing is begun in the journal that was to be made.
func TestRestoreRefuses(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	source, err := Open(t.Context(), at("lockstep.db"), "market")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = source.Close() })
	fullStory(t, source)
	if _, err := Backup(t.Context(), at("lockstep.db"), at("backup.db"), false); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(at("backup.db"))
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, at("rubbish"), bytes.Repeat([]byte("this is not a database "), 100), 0o600)
	mustWrite(t, at("empty"), nil, 0o600)
	mustWrite(t, at("half"), whole[:len(whole)/2], 0o600)
	mustWrite(t, at("page"), whole[:len(whole)-4096], 0o600)
	mustWrite(t, at("start"), whole[:50], 0o600)
	must(t, dial(t, at("other")), `CREATE TABLE t (x)`)
	for name, statement := range map[string]string{
		"newer": `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)`, "changed": `UPDATE transactions SET nonce = 700 WHERE id = 1`,
		"cut": `DROP TRIGGER audit_is_kept; DELETE FROM audit`, "gone": `DROP TABLE audit`, "orphan": `UPDATE policies SET plan = 'x' WHERE id = 1`,
	} {
		mustWrite(t, at(name), whole, 0o600)
		db := dial(t, at(name))
		must(t, db, statement)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name, x := range map[string]struct {
		file, project string
		want          []string
	}{
		"nothing":             {at("nowhere"), "market", []string{"no such file"}},
		"what is no database": {at("rubbish"), "market", []string{"file is not a database"}},
		"an empty file":       {at("empty"), "market", []string{"no journal"}},
		"half of it":          {at("half"), "market", []string{"damaged"}},
		"all but a page":      {at("page"), "market", []string{"damaged"}},
		"its first bytes":     {at("start"), "market", []string{"damaged"}},
		"another's database":  {at("other"), "market", []string{"no journal"}},
		"a database":          {"postgres://postgres:s3cret@127.0.0.1/db", "market", []string{"a backup is a file"}},
		"a journal in use":    {at("lockstep.db"), "market", []string{"a program uses the file", "db backup"}},
		"of a later release":  {at("newer"), "market", []string{"version 99", "use the release"}},
		"a row that is other": {at("changed"), "market", []string{"the audit log is not sound", "nonce is 700"}},
		"without entries":     {at("cut"), "market", []string{"the audit log is not sound"}},
		"without a log":       {at("gone"), "market", []string{"no audit log"}},
		"a reference to none": {at("orphan"), "market", []string{"damaged", "refers to a row of plans that is not there"}},
		"of another project":  {at("backup.db"), "bridge", []string{"is of project market, not of bridge"}},
	} {
		_, err := Restore(t.Context(), x.file, at("made.db"), x.project)
		if err == nil {
			t.Fatalf("%s: done", name)
		}
		for _, w := range append(x.want, "restore ") {
			if !strings.Contains(err.Error(), w) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s: %v\ndoes not say %q", name, err, w)
			}
		}
		if _, err := os.Stat(at("made.db")); err == nil {
			t.Fatalf("%s: a journal was made", name)
		}
	}
	if after, err := os.ReadFile(at("backup.db")); err != nil || !bytes.Equal(whole, after) {
		t.Error("the backup was changed")
	}
	restore(t, at("backup.db"), at("made.db"))
	if _, err := Restore(t.Context(), at("backup.db"), at("again.db"), ""); err != nil {
		t.Errorf("of whatever project: %v", err)
	}
}

// TestRestoreOfAnotherProjectsDatabase: a database is soon named by mistake.
func TestRestoreOfAnotherProjectsDatabase(t *testing.T) {
	d := newDatabase(t)
	other, err := Open(t.Context(), d.url, "bridge")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	where := filepath.Join(t.TempDir(), "lockstep.db")
	source, err := Open(t.Context(), where, "market")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = source.Close() })
	story(t, source)
	file, _ := backup(t, where)
	for _, project := range []string{"market", ""} {
		_, err = Restore(t.Context(), file, d.url, project)
		mustExplain(t, err, "project bridge, not of market")
	}
	if n := mustBeSound(t, other); n != 1 {
		t.Errorf("%d entries", n)
	}
}

// TestDiskFull: what cannot be written to its end is not there.
func TestDiskFull(t *testing.T) {
	source := filepath.Join(t.TempDir(), "lockstep.db")
	s := open(t, source)
	fullStory(t, s)
	for i := range byte(4) {
		if err := s.SaveManifest(t.Context(), common.Hash{0x70, i}, common.Hash{0x71, i}, bytes.Repeat([]byte{i}, 400_000)); err != nil {
			t.Fatal(err)
		}
	}
	file, _ := backup(t, source)
	for _, task := range []string{backUpSmall, restoreSmall} {
		dir := t.TempDir()
		target := filepath.Join(dir, "copy.db")
		from := map[string]string{backUpSmall: source, restoreSmall: file}[task]
		c := childProcess(t, task, from)
		c.Env = append(c.Env, childTarget+"="+target)
		out, err := c.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "see that there is room on the disk") {
			t.Errorf("%s: %v: %s", task, err, out)
		}
		if task == backUpSmall {
			if left := content(t, dir); len(left) != 0 {
				t.Errorf("left: %d files", len(left))
			}
			continue
		}
		// an empty journal may be there; when there is room, it is made
		if restore(t, file, target); len(transactions(t, open(t, target))) == 0 {
			t.Error("nothing was restored")
		}
	}
	mustBeSound(t, s)
}

// TestRestoreThatBreaks: the connection breaks at each point of the commit, and it is done once.
func TestRestoreThatBreaks(t *testing.T) {
	source := filepath.Join(t.TempDir(), "lockstep.db")
	fullStory(t, open(t, source))
	file, c := backup(t, source)
	for _, at := range []cut{before, after} {
		d := newDatabase(t)
		open(t, d.url) // so that what commits is the restoring alone
		p, where := through(t, d.url)
		p.set(at)
		r := restore(t, file, where)
		if p.made() == 0 {
			t.Error("nothing broke")
		}
		s := open(t, d.url)
		if n := mustBeSound(t, s); n != c.Tip.Seq+1 || r.Tip.Seq != n {
			t.Errorf("%d entries, want %d", n, c.Tip.Seq+1)
		}
	}
}

// TestCheck finds what is wrong, and nothing in what is not.
func TestCheck(t *testing.T) { onEach(t, testCheck) }

func testCheck(t *testing.T, on *database) {
	alone(t)
	type find struct {
		statement, check, detail string
	}
	older := "lockstep db migrate"
	if on.postgres && len(steps(postgres{})) == 1 {
		older = "no version"
	}
	finds := map[string]find{
		"a row":     {`UPDATE rollouts SET epoch = 7 WHERE id = 1`, AuditProblem, "epoch is 7 in the journal"},
		"a version": {`DELETE FROM ` + map[bool]string{true: "lockstep_migrations", false: "goose_db_version"}[on.postgres] + fmt.Sprintf(` WHERE version_id = %d`, known(sqlite{})), SchemaProblem, older},
		"a later version": {
			`INSERT INTO ` + map[bool]string{true: "lockstep_migrations (version_id, is_applied) VALUES (99, true)", false: "goose_db_version (version_id, is_applied) VALUES (99, 1)"}[on.postgres],
			SchemaProblem, "version 99",
		},
	}
	if on.postgres {
		finds["a trigger"] = find{`ALTER TABLE audit DISABLE TRIGGER audit_stays`, SchemaProblem, "audit_stays is disabled"}
		finds["no trigger"] = find{`DROP TRIGGER audit_follows ON audit`, SchemaProblem, "audit_follows is missing"}
		finds["a reference"] = find{`SET session_replication_role = replica; UPDATE policies SET plan = 'x' WHERE id = 1`, DatabaseProblem, "1 rows of policies refer to rows of plans"}
		finds["an index"] = find{`UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'transactions_nonce'::regclass`, DatabaseProblem, "transactions_nonce is not valid"}
	} else {
		finds["a trigger"] = find{`DROP TRIGGER audit_stays`, SchemaProblem, "trigger audit_stays is missing"}
		finds["a reference"] = find{`PRAGMA foreign_keys = off; UPDATE policies SET plan = 'x' WHERE id = 1`, DatabaseProblem, "refers to a row of plans that is not there"}
		finds["a table"] = find{`CREATE TABLE notes (x)`, SchemaProblem, "table notes is not of this program"}
		finds["an index"] = find{`DROP INDEX transactions_nonce; CREATE INDEX transactions_nonce ON transactions (nonce)`, SchemaProblem, "index transactions_nonce is another one"}
	}
	for name, f := range finds {
		t.Run(name, func(t *testing.T) {
			where := on.place(t)
			s := open(t, where)
			fullStory(t, s)
			h, err := Check(t.Context(), where, nil)
			if err != nil || len(h.Problems) != 0 || h.Audit.Tip.Seq != mustBeSound(t, s) || h.Version != h.Known || len(h.Tables) != len(tablesOf(t)) ||
				h.Engine != s.engine.words().engine {
				t.Fatalf("%+v, %v", h, err)
			}
			must(t, dial(t, where), f.statement)
			h, err = Check(t.Context(), where, nil)
			if err != nil {
				t.Fatal(err)
			}
			at := slices.IndexFunc(h.Problems, func(p Problem) bool { return p.Check == f.check && strings.Contains(p.Detail, f.detail) })
			if at < 0 {
				t.Errorf("%+v", h.Problems)
			}
		})
	}
}

// TestCheckOfADamagedFile: bytes in the middle of it are other ones.
func TestCheckOfADamagedFile(t *testing.T) {
	source := filepath.Join(t.TempDir(), "lockstep.db")
	fullStory(t, open(t, source))
	file, _ := backup(t, source)
	db := dial(t, file)
	var root int64
	if err := db.QueryRowContext(t.Context(), `SELECT rootpage FROM sqlite_schema WHERE name = 'transactions_hash'`).Scan(&root); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	copy(data[(root-1)*4096:], bytes.Repeat([]byte{0x5a}, 4096))
	mustWrite(t, file, data, 0o600)
	h, err := Check(t.Context(), file, nil)
	if err != nil || len(h.Problems) == 0 || h.Problems[0].Check != DatabaseProblem {
		t.Errorf("%+v, %v", h, err)
	}
}

// TestMigrate: what is pending is told first, and is done once.
func TestMigrate(t *testing.T) {
	where := filepath.Join(t.TempDir(), "lockstep.db")
	if _, _, err := Migrate(t.Context(), where, "market"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a journal: %v", err)
	}
	if _, err := os.Stat(where); err == nil {
		t.Error("a journal was made")
	}
	journalOf(t, &database{}, where, 2, filepath.Join("testdata", "schema", "2.sql"))
	all := steps(sqlite{})
	for range 2 {
		version, pending, err := Pending(t.Context(), where)
		if diff := cmp.Diff(all[2:], pending); diff != "" || err != nil || version != 2 {
			t.Errorf("%d, %v:\n%s", version, err, diff)
		}
	}
	from, done, err := Migrate(t.Context(), where, "market")
	if diff := cmp.Diff(all[2:], done); diff != "" || err != nil || from != 2 {
		t.Errorf("%d, %v:\n%s", from, err, diff)
	}
	if from, done, err := Migrate(t.Context(), where, "market"); err != nil || len(done) != 0 || from != known(sqlite{}) {
		t.Errorf("again: %d, %v, %v", from, done, err)
	}
	var project string
	err = dial(t, where).QueryRowContext(t.Context(), `SELECT json_extract(body, '$.project') FROM audit WHERE seq = 1`).Scan(&project)
	if err != nil && !errors.Is(err, sql.ErrNoRows) || project != "market" {
		t.Errorf("the log is of %q, %v", project, err)
	}
}

// TestRestoredRowsAreVerified: a journal that changes what it is given takes nothing.
func TestRestoredRowsAreVerified(t *testing.T) {
	source := filepath.Join(t.TempDir(), "lockstep.db")
	fullStory(t, open(t, source))
	file, _ := backup(t, source)
	where := filepath.Join(t.TempDir(), "odd.db")
	s := open(t, where)
	must(t, s.db, `CREATE TRIGGER odd AFTER INSERT ON rollouts BEGIN UPDATE rollouts SET epoch = 9; END`)
	var unsound *audit.UnsoundError
	if _, err := Restore(t.Context(), file, where, "market"); !errors.As(err, &unsound) || !strings.Contains(err.Error(), "epoch is 9") {
		t.Errorf("%v", err)
	}
	if n := mustBeSound(t, s); n != 1 || len(transactions(t, s)) != 0 {
		t.Errorf("%d entries", n)
	}
}
