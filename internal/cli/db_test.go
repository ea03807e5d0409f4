package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-b6a97670/lockstep/internal/localpg"
)

// TestDB goes the way of an operator: a backup, a disaster, a restored journal, and the way to PostgreSQL and back.
func TestDB(t *testing.T) {
	server, err := localpg.Start("fsync=off")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	r := rolledOut(t)
	run := func(line string, want ...string) string {
		t.Helper()
		out := r.must(t, line)
		checkWidth(t, line, strings.ReplaceAll(out, r.dir, ""))
		for _, w := range want {
			if !strings.Contains(out, w) {
				t.Errorf("lockstep %s does not say %q:\n%s", line, w, out)
			}
		}
		return out
	}
	fails := func(code int, line string, want ...string) {
		t.Helper()
		got, stdout, stderr := r.run(t, "", strings.Fields(line)...)
		for _, w := range want {
			if got != code || !strings.Contains(stdout+stderr, w) {
				t.Errorf("lockstep %s: exit code %d, want %d and %q\n%s%s", line, got, code, w, stdout, stderr)
			}
		}
		checkWidth(t, line, strings.ReplaceAll(stdout, r.dir, ""))
	}
	run("pause --config @one.yaml --yes") // so that the journal knows the guardian
	run("unpause --config @one.yaml --yes")
	list := run("transaction list --config @one.yaml --json")
	run("db check --config @one.yaml", " is sound", "engine   sqlite, schema ", "transactions", "no head was given")
	run("audit head --config @one.yaml --signer guardian -o @head.json")
	run("db backup --config @one.yaml @backup.db", ": ", "the last has the hash 0x")
	run("db check --journal @backup.db --head @head.json", " is sound", "signed")
	fails(exitUsage, "db restore --config @one.yaml @backup.db", "add --yes", "without what was sent since")
	fails(exitFailed, "db restore --config @one.yaml @backup.db --yes", "is in use")

	// the machine is lost
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
		if err := os.Remove(r.path("lockstep.db" + suffix)); err != nil && suffix == "" {
			t.Fatal(err)
		}
	}
	run("db restore --config @one.yaml @backup.db --yes", "restored ", "says that it was restored", "lockstep transaction adopt SIGNER")
	if again := run("transaction list --config @one.yaml --json"); again != list {
		t.Errorf("other transactions than before:\n%s\n%s", again, list)
	}
	// to PostgreSQL, with the password that nothing shows
	url := strings.Replace(server.URL("postgres"), "postgres@", "postgres:s3cret@", 1)
	run("db backup --config @one.yaml @moved.db")
	if out := run("db restore --config @one.yaml @moved.db --yes --journal " + url); strings.Contains(out, "s3cret") {
		t.Errorf("a password:\n%s", out)
	}
	run("db check --journal "+url, "engine   postgresql, schema ")
	run("db migrate --journal "+url, "is up to date: schema ")
	run("pause --config @one.yaml --yes --journal " + url)
	run("db backup @back.db --journal " + url)
	run("db restore --config @one.yaml @back.db --yes --journal @there.db")
	run("unpause --config @one.yaml --yes --journal @there.db")
	run("db check --journal @there.db --head @head.json", " is sound")
	// the other journals are old by now
	fails(exitFailed, "pause --config @one.yaml --yes", "the journal knows of 2", "lockstep transaction adopt")
	// a log that was changed
	earlierJournal(t, r)
	fails(exitDifference, "db check --journal @old.db", "is not as it should be", "schema: it has version 3", "lockstep db migrate")
	run("db migrate --journal @old.db --dry-run", "has schema 3; ", "4 plans")
	run("db migrate --journal @old.db", "from schema 3 to ", "4 plans")
	r.write(t, "other.yaml", strings.Replace(mustRead(t, r.path("one.yaml")), "project: rig", "project: other", 1))
	fails(exitFailed, "db restore --config @other.yaml @backup.db --journal @other.db --yes", "is of project rig, not of other")
	fails(exitFailed, "db check --journal @nowhere.db", "there is no journal")
	if left, err := filepath.Glob(r.path("*.tmp")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
