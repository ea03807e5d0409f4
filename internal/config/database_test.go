package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDatabase(t *testing.T) {
	t.Setenv("LOCKSTEP_TEST_DATABASE", "postgres://somebody:secret@db.example/lockstep")
	for _, tc := range []struct{ line, want string }{
		{"", "dir/lockstep.db"},
		{"database: postgres://somebody@db.example:5433/lockstep?search_path=upgrades\n", "postgres://somebody@db.example:5433/lockstep?search_path=upgrades"},
		{"database: postgresql:///lockstep\n", ""},
		{"database: env:LOCKSTEP_TEST_DATABASE\n", "postgres://somebody:secret@db.example/lockstep"},
	} {
		c, err := Parse("dir/lockstep.yaml", []byte(tc.line+sound))
		if tc.want == "" {
			if err == nil {
				t.Errorf("%q is accepted", tc.line)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%q: %v", tc.line, err)
		}
		if got, err := c.Journal(); err != nil || got != tc.want {
			t.Errorf("%q: the journal is %q (%v), want %q", tc.line, got, err, tc.want)
		}
	}
}

func TestDatabaseMistakes(t *testing.T) {
	for _, tc := range []struct{ value, want string }{
		{"lockstep.db", "not a postgres URL"},
		{"https://db.example/x", "not a postgres URL"},
		{"mysql://db.example/x", "not a postgres URL"},
		{"postgres://u:secret@db.example/x", "holds a password"},
		{"postgres://u@db.example/x?password=secret", "holds a password"},
		{"postgres://u@db.example/x?sslpassword=secret", "holds a password"},
		{"\"postgres://u:sec ret@db.example\"", "not a postgres URL"},
	} {
		_, err := Parse("lockstep.yaml", []byte("database: "+tc.value+"\n"+sound))
		if err == nil || !strings.Contains(err.Error(), "lockstep.yaml:1: ") || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %q in line 1", tc.value, err, tc.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error shows the password: %v", tc.value, err)
		}
	}
	c, err := Parse("lockstep.yaml", []byte("database: env:LOCKSTEP_TEST_UNSET\n"+sound))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Journal(); err == nil || !strings.Contains(err.Error(), "LOCKSTEP_TEST_UNSET is not set") {
		t.Errorf("got %v, want the variable that is not set", err)
	}
}

func TestJournalOf(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "lockstep.yaml")
	for _, tc := range []struct{ file, want, err string }{
		{"", filepath.Join(dir, "lockstep.db"), ""},
		{"project: x\nfacets: nonsense\n", filepath.Join(dir, "lockstep.db"), ""},
		{"project: x\ndatabase: postgres://db.example/x\n", "postgres://db.example/x", ""},
		{"project: [\n", "", "--journal"},
	} {
		if tc.file != "" {
			if err := os.WriteFile(path, []byte(tc.file), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got, err := JournalOf(path)
		switch {
		case tc.err == "" && (err != nil || got != tc.want):
			t.Errorf("%q: got %q, %v; want %q", tc.file, got, err, tc.want)
		case tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err)):
			t.Errorf("%q: got %v, want %q", tc.file, err, tc.err)
		}
	}
}
