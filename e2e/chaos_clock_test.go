package e2e

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// clockVariable says by how many seconds the clock of a program is off that wrongClock has built.
const clockVariable = "LOCKSTEP_TEST_CLOCK"

// wrongClock builds the program with a clock that can be off: with copies of the files in which Go, and the journal in SQLite, ask for the time.
var wrongClock = sync.OnceValues(func() (binary string, err error) {
	dir := filepath.Join(places.bin, "clock")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("find the sources of Go: %w", err)
	}
	replace := map[string]string{}
	for _, change := range []struct{ source, before, after string }{
		{filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go"), "sec, nsec, mono := runtimeNow()\n", "sec, nsec, mono := runtimeNow()\n	sec += clockOffset\n"},
		{filepath.Join(places.root, "internal", "store", "sqlite.go"), "unixepoch('subsec')", "(unixepoch('subsec') + ` + os.Getenv(\"" + clockVariable + "\") + `)"},
	} {
		text, err := os.ReadFile(change.source)
		if err != nil {
			return "", err
		}
		if strings.Count(string(text), change.before) != 1 {
			return "", fmt.Errorf("%s does not ask for the time as it did: change this test", change.source)
		}
		changed := strings.Replace(string(text), change.before, change.after, 1)
		if strings.HasSuffix(change.source, "time.go") {
			changed = strings.Replace(changed, "import (\n", "import (\n	\"syscall\"\n", 1) + clockOffset
		}
		replace[change.source] = filepath.Join(dir, filepath.Base(change.source))
		if err := os.WriteFile(replace[change.source], []byte(changed), 0o600); err != nil {
			return "", err
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		return "", err
	}
	binary = filepath.Join(dir, "lockstep")
	build := exec.Command("go", "build", "-overlay", file, "-o", binary, "./cmd/lockstep")
	build.Dir = places.root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build with another clock: %w: %s", err, out)
	}
	return binary, nil
})

// clockOffset is added to the package time.
const clockOffset = `
var clockOffset = func() (seconds int64) {
	text, _ := syscall.Getenv("` + clockVariable + `")
	sign := int64(1)
	for _, c := range []byte(text) {
		if c == '-' {
			sign = -1
			continue
		}
		seconds = 10*seconds + sign*int64(c-'0')
	}
	return seconds
}()
`

// serveAt starts a daemon whose clock is off.
func (f *fleet) serveAt(config string, off time.Duration) *daemon {
	f.t.Helper()
	binary, err := wrongClock()
	if err != nil {
		f.t.Fatal(err)
	}
	cmd := exec.Command(binary, "--config", config, "serve")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", clockVariable, off/time.Second))
	return f.listening(f.run(cmd))
}

// checkClock fails unless the log of a daemon says that its clock is off.
func (d *daemon) checkClock(off time.Duration) {
	d.t.Helper()
	_, text, _ := strings.Cut(d.output(), "time=")
	text, _, _ = strings.Cut(text, " ")
	at, err := time.Parse(time.RFC3339Nano, text)
	if since := time.Until(at) - off; err != nil || since.Abs() > time.Hour {
		d.t.Fatalf("its clock says %q (%v), which is not off by %s", text, err, off)
	}
}

// TestChaosClock lets daemons with a clock that is two hours off work on PostgreSQL, beside one whose clock is right, and on SQLite, where the clock
// that leases go by is off, too, and jumps in the middle.
func TestChaosClock(t *testing.T) {
	t.Parallel()
	if *roundsFlag == 1 {
		t.Skip("it builds the program and Go's library with another clock, which takes minutes: make chaos runs it")
	}
	for name, off := range map[string]time.Duration{"ahead": 2 * time.Hour, "behind": -2 * time.Hour} {
		t.Run(name+" on PostgreSQL", func(t *testing.T) {
			chaos(t, func(t *testing.T, random *rand.Rand) {
				_, url := newPostgres(t)
				f := newFleet(t, inUse(2), map[string]string{"": everySecond + fmt.Sprintf("database: %q\n", url)})
				one := f.approved("one")
				f.keepTimes()
				right, wrong := f.serve("one.yaml"), f.serveAt("one.yaml", off)
				wrong.checkClock(off)
				f.must("--config", "one.yaml", "start", "one-plan.json", "--yes")
				// each of both is alone for some time
				time.Sleep(between(random, time.Second, 4*time.Second))
				right.kill()
				time.Sleep(between(random, time.Second, 4*time.Second))
				f.serve("one.yaml")
				wrong.kill()
				f.serveAt("one.yaml", off)
				f.await("one.yaml", one, 4*patience, "done", done)
				f.checkEnd("one", 1, make([]int, len(f.nodes)), f.needed(), false)
			})
		})
		t.Run(name+" on SQLite", func(t *testing.T) {
			chaos(t, func(t *testing.T, random *rand.Rand) {
				f := newFleet(t, inUse(2), map[string]string{"": everySecond})
				one := f.approved("one")
				f.keepTimes()
				late, early := max(off, 0), min(off, 0)
				f.must("--config", "one.yaml", "start", "one-plan.json", "--yes")
				for _, clock := range []time.Duration{early, late} {
					d := f.serveAt("one.yaml", clock)
					d.checkClock(clock)
					time.Sleep(between(random, time.Second, 3*time.Second))
					d.kill()
					f.leaseElsewhere(clock)
				}
				f.serveAt("one.yaml", early) // it is set back
				f.await("one.yaml", one, 4*patience, "done", done)
				f.checkEnd("one", 1, make([]int, len(f.nodes)), f.needed(), false)
			})
		})
	}
}

// leaseElsewhere has the leases of a process that was killed be those of one on another machine, of which nobody knows whether it is gone. It fails
// unless they were taken by a clock that was off.
func (f *fleet) leaseElsewhere(off time.Duration) {
	f.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(f.dir, "lockstep.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var until int64
	if err := db.QueryRowContext(f.t.Context(), `SELECT max(expires_at) FROM leases WHERE holder <> ''`).Scan(&until); err != nil {
		f.t.Fatal(err)
	}
	if left := time.Until(time.UnixMilli(until)); (left - off).Abs() > time.Hour {
		f.t.Fatalf("a lease lasts for %s more by the right clock, of one that is off by %s", left, off)
	}
	if _, err := db.ExecContext(f.t.Context(), `UPDATE leases SET holder = 'elsewhere/1/machine/1/0' WHERE holder <> ''`); err != nil {
		f.t.Fatal(err)
	}
}
