package store

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

func readOnly(t *testing.T, path string) *Store {
	t.Helper()
	s, err := OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// content is what is in a folder, by name.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[f.Name()] = string(data)
	}
	return out
}

func TestReadOnlyLeavesTheFolderAsItIs(t *testing.T) {
	path, entries := closed(t, &database{})
	before := content(t, filepath.Dir(path))
	s, err := OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if n := mustBeSound(t, s); n != uint64(len(entries)) {
		t.Errorf("%d entries, want %d", n, len(entries))
	}
	copied := s.copied
	if info, err := os.Stat(copied); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("it works on no copy of its own: %v, %v", info, err)
	}
	if err := s.Append(t.Context(), audit.HeadSigned, 0, struct{}{}); err == nil || !strings.Contains(err.Error(), "readonly") {
		t.Errorf("written: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(copied); !os.IsNotExist(err) {
		t.Errorf("the copy is left: %v", err)
	}
	after := content(t, filepath.Dir(path))
	if len(after) != len(before) || after["lockstep.db"] != before["lockstep.db"] {
		t.Errorf("%d files, there were %d", len(after), len(before))
	}
}

// TestReadOnlyWhileOthersWrite: what others have written since is seen, and they are not hindered.
func TestReadOnlyWhileOthersWrite(t *testing.T) { onEach(t, testReadOnlyWhileOthersWrite) }

func testReadOnlyWhileOthersWrite(t *testing.T, on *database) {
	path := on.place(t)
	writer := open(t, path)
	story(t, writer)
	s := readOnly(t, path)
	if s.copied != "" {
		t.Error("it reads a copy, which may be of two times")
	}
	n := mustBeSound(t, s)
	for range 3 {
		read := 0
		for _, err := range s.Audit(t.Context(), 1) {
			if err != nil {
				t.Fatal(err)
			}
			if read++; read == 5 {
				if err := writer.Append(t.Context(), audit.HeadSigned, 0, struct{}{}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n++; mustBeSound(t, s) != n {
			t.Errorf("%d entries, want %d", mustBeSound(t, s), n)
		}
	}
}

// TestReadOnlyOnACopy: with its log or without, which holds what was written last.
func TestReadOnlyOnACopy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lockstep.db")
	writer := open(t, path)
	story(t, writer)
	want := mustBeSound(t, writer)
	dir := t.TempDir()
	for _, suffix := range []string{"", "-wal"} {
		if err := copyFile(path+suffix, filepath.Join(dir, "copy.db"+suffix)); err != nil {
			t.Fatal(err)
		}
	}
	if n := mustBeSound(t, readOnly(t, filepath.Join(dir, "copy.db"))); n != want {
		t.Errorf("%d entries in the copy, want %d", n, want)
	}
	if len(content(t, dir)) != 2 {
		t.Errorf("files were made: %v", content(t, dir))
	}
}

// TestReadOnlyFolder verifies in folders that this user may not write: closed, and as a kill left it.
func TestReadOnlyFolder(t *testing.T) {
	path, entries := closed(t, &database{})
	killed := filepath.Join(t.TempDir(), "lockstep.db")
	child := childProcess(t, writeAlone, killed)
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	awaitEntries(t, killed, 50)
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed

	// root may write everywhere, so another user looks; for that user everything on the way must be open
	base, err := os.MkdirTemp("/tmp", "lockstep-store-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, dir := range []string{"closed", "killed"} {
			_ = os.Chmod(filepath.Join(base, dir), 0o700)
		}
		if err := os.RemoveAll(base); err != nil {
			t.Error(err)
		}
	})
	program, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, filepath.Join(base, "store.test"), program, 0o755)
	for name, from := range map[string]string{"closed": path, "killed": killed} {
		dir := filepath.Join(base, name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for file, data := range content(t, filepath.Dir(from)) {
			mustWrite(t, filepath.Join(dir, file), []byte(data), 0o444)
		}
		if err := os.Chmod(dir, 0o555); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(base, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, least := range map[string]int{"closed": len(entries), "killed": 50} {
		before := content(t, filepath.Join(base, name))
		if name == "killed" && (before["lockstep.db-shm"] == "" || before["lockstep.db-wal"] == "") {
			t.Error("the kill left no files")
		}
		c := childProcess(t, checkOnly, filepath.Join(base, name, "lockstep.db"))
		c.Path, c.Dir = filepath.Join(base, "store.test"), base
		if os.Getuid() == 0 {
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		out, err := c.CombinedOutput()
		var n int
		if _, scanErr := fmt.Sscan(string(out), &n); err != nil || scanErr != nil || n < least {
			t.Errorf("%s: %v: %s; want %d entries", name, err, out, least)
		}
		for file, data := range content(t, filepath.Join(base, name)) {
			if before[file] != data {
				t.Errorf("%s: %s was changed", name, file)
			}
		}
	}
}

func mustWrite(t *testing.T, path string, data []byte, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, data, mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the mask
		t.Fatal(err)
	}
}

// awaitEntries waits until a journal that another process writes has so many entries.
func awaitEntries(t *testing.T, path string, n uint64) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		s, err := OpenReadOnly(t.Context(), path)
		if err == nil {
			r, verifyErr := s.VerifyAudit(t.Context(), nil)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if verifyErr == nil && r.Tip.Seq >= n {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("the child has not written %d entries within a minute: %v", n, err)
		}
	}
}

func TestOpenReadOnlyRefuses(t *testing.T) {
	dir := t.TempDir()
	rubbish := filepath.Join(dir, "rubbish.db")
	mustWrite(t, rubbish, bytes.Repeat([]byte("this is not a database "), 100), 0o600)
	t.Setenv("TMPDIR", t.TempDir())
	for name, path := range map[string]string{"nothing": filepath.Join(dir, "nowhere.db"), "a folder": dir, "not a database": rubbish} {
		if s, err := OpenReadOnly(t.Context(), path); err == nil || !strings.Contains(err.Error(), "open journal") || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
	if left := content(t, os.Getenv("TMPDIR")); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if files := content(t, dir); len(files) != 1 {
		t.Errorf("made: %v", files)
	}
}

// TestKilledWhileWriting kills a process that writes without pause, at random moments: the log is sound, says what the journal
// says, and goes on from there.
func TestKilledWhileWriting(t *testing.T) { onEach(t, testKilledWhileWriting) }

func testKilledWhileWriting(t *testing.T, on *database) {
	path := on.place(t)
	random := rand.New(rand.NewPCG(7, 11))
	var last uint64
	for range 8 {
		child := childProcess(t, writeAlone, path)
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		awaitEntries(t, path, last+10)
		time.Sleep(time.Duration(random.IntN(20_000)) * time.Microsecond)
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait() // it was killed
		n := mustBeSound(t, readOnly(t, path))
		if n <= last {
			t.Errorf("%d entries, there were %d", n, last)
		}
		last = n
	}
	// what was under way at a kill is open, and the next takes it back or brings it to its end
	s := open(t, path)
	for _, tx := range read(t, s).Open {
		if tx.Status == rollout.Signed {
			if err := s.Void(t.Context(), []rollout.Transaction{tx}); err != nil {
				t.Fatal(err)
			}
			continue
		}
		finish(t, s, tx, rollout.Confirmed, 3)
	}
	mustBeSound(t, s)
}
