package localpg

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// What was committed before a crash is there after it, on the same port; and nothing is left in the end.
func TestServer(t *testing.T) {
	reachable(t)
	s, err := Start("application_name=of the server")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() }) // if it was not stopped
	ask := func(sql string) (answer string) {
		t.Helper()
		c, err := pgx.Connect(t.Context(), s.URL("postgres"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close(t.Context()) }()
		if err := c.QueryRow(t.Context(), sql).Scan(&answer); err != nil {
			t.Fatal(err)
		}
		return answer
	}
	if got := ask(`SHOW application_name`); got != "of the server" {
		t.Errorf("the setting is %q", got)
	}
	if got := ask(`SELECT CAST(lo_from_bytea(77, 'seven') AS text)`); got != "77" {
		t.Error(got)
	}
	if err := s.Crash(); err != nil {
		t.Fatal(err)
	}
	if c, err := pgx.Connect(t.Context(), s.URL("postgres")); err == nil {
		t.Errorf("it runs after a crash: %v", c.Close(t.Context()))
	}
	if err := s.Again(); err != nil {
		t.Fatal(err)
	}
	if got := ask(`SELECT convert_from(lo_get(77), 'UTF8')`); got != "seven" {
		t.Error(got)
	}
	if err := errors.Join(s.Shutdown(), s.Again()); err != nil {
		t.Fatal(err)
	}
	if got := ask(`SELECT convert_from(lo_get(77), 'UTF8')`); got != "seven" {
		t.Errorf("%s after a shutdown", got)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if exists(s.dir) {
		t.Errorf("%s is left", s.dir)
	}
	if c, err := pgx.Connect(t.Context(), s.URL("postgres")); err == nil {
		t.Errorf("it runs after Stop: %v", c.Close(t.Context()))
	}
}

func TestSettingThatIsNone(t *testing.T) {
	dir := reachable(t)
	if s, err := Start("fsync=perhaps"); err == nil || !strings.Contains(err.Error(), "fsync") {
		t.Errorf("%v, %v", s, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// reachable gives temporary folders that another user can reach, too: those of a test are for its user alone.
func reachable(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "localpg-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", dir)
	return dir
}
