package e2e

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestChaosDiskFull leaves the journal of a daemon no room, in the middle of an upgrade: on a file system that is full, and by a limit for the files
// of the process. It says so, and sends nothing; and it goes on when there is room again.
func TestChaosDiskFull(t *testing.T) {
	t.Parallel()
	t.Run("file system", func(t *testing.T) {
		chaos(t, func(t *testing.T, random *rand.Rand) {
			dir := smallDisk(t)
			filler := filepath.Join(dir, "filler")
			diskFull(t, random, filepath.Join(dir, "lockstep.db"), func(*daemon) error {
				f, err := os.Create(filler)
				if err != nil {
					return err
				}
				if _, err := io.Copy(f, zeros{}); !errors.Is(err, unix.ENOSPC) {
					return fmt.Errorf("fill the disk: %w", err)
				}
				return f.Close()
			}, func(*daemon) error { return os.Remove(filler) })
		})
	})
	t.Run("limit of a process", func(t *testing.T) {
		chaos(t, func(t *testing.T, random *rand.Rand) {
			limit := func(d *daemon, most uint64) error {
				return unix.Prlimit(d.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: most, Max: unix.RLIM_INFINITY}, nil)
			}
			diskFull(t, random, "", func(d *daemon) error { return limit(d, 4096) }, func(d *daemon) error { return limit(d, unix.RLIM_INFINITY) })
		})
	})
}

// zeros are read without an end.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// smallDisk mounts a file system of a few megabytes.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=8m,mode=0700"); err != nil {
		t.Skipf("a small file system cannot be mounted (%v): it needs root, and a container that may; the limit of a process is tested all the same", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func diskFull(t *testing.T, random *rand.Rand, journal string, fill, free func(*daemon) error) {
	t.Helper()
	f := newFleet(t, inUse(2), map[string]string{"": everySecond})
	if journal != "" {
		if err := os.Symlink(journal, filepath.Join(f.dir, "lockstep.db")); err != nil {
			t.Fatal(err)
		}
	}
	one := f.approved("one")
	f.keepTimes()
	d := f.serve("one.yaml")
	f.must("--config", "one.yaml", "start", "one-plan.json", "--yes")
	d.awaitReady()
	time.Sleep(between(random, 0, 6*time.Second))
	if err := fill(d); err != nil {
		t.Fatal(err)
	}
	said := d.awaitProbe(503)
	t.Logf("the probe says %s", strings.TrimSpace(said))
	if !strings.Contains(said, "journal cannot be written") {
		t.Errorf("the probe says %s", said)
	}
	sent := f.sent()
	time.Sleep(between(random, 3*time.Second, 8*time.Second))
	// what was journalled before may be sent again, and nothing else
	if now := f.sent(); now != sent {
		t.Errorf("%d transactions were sent before the disk was full, %d after", sent, now)
	}
	select {
	case <-d.ended:
		t.Fatalf("serve ended: %s", d.output())
	default:
	}
	if err := free(d); err != nil {
		t.Fatal(err)
	}
	d.awaitReady()
	f.await("one.yaml", one, 4*patience, "done", done)
	if text := d.output(); !strings.Contains(text, "room on the disk") {
		t.Errorf("it did not say what to do: %s", text)
	}
	f.checkEnd("one", 1, make([]int, len(f.nodes)), f.needed(), false)
}

// sent is how many transactions were sent.
func (f *fleet) sent() (n int) {
	for _, p := range f.proxies {
		p.mu.Lock()
		for _, hashes := range p.hashes {
			n += len(hashes)
		}
		p.mu.Unlock()
	}
	return n
}
