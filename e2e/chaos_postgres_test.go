package e2e

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// TestChaosPostgres starts PostgreSQL again and again, in order and after a crash, while two replicas work on it. No replica ends, and what was
// being written is written once.
func TestChaosPostgres(t *testing.T) {
	chaos(t, func(t *testing.T, random *rand.Rand) {
		server, url := newPostgres(t)
		f := newFleet(t, inUse(3), map[string]string{"": everySecond + fmt.Sprintf("database: %q\n", url)})
		one := f.approved("one")
		f.keepTimes()
		replicas := []*daemon{f.serve("one.yaml"), f.serve("one.yaml")}
		f.must("--config", "one.yaml", "start", "one-plan.json", "--yes")
		for i, end := range []func() error{server.Crash, server.Shutdown, server.Crash} {
			time.Sleep(between(random, 500*time.Millisecond, 3*time.Second))
			// longer than a statement is repeated for, once
			down := between(random, 0, 4*time.Second)
			if i == 1 {
				down += 16 * time.Second
			}
			if err := end(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(down)
			if err := server.Again(); err != nil {
				t.Fatal(err)
			}
			t.Logf("it was down for %s: %+v", down, f.execution("one.yaml", one).states())
		}
		f.await("one.yaml", one, 4*patience, "done", done)
		for _, d := range replicas {
			select {
			case <-d.ended:
				t.Fatalf("serve ended: %s", d.output())
			default:
			}
			d.awaitReady()
		}
		f.checkEnd("one", 1, make([]int, len(f.nodes)), f.needed(), false)
	})
}

// awaitReady waits until the readiness probe says that the daemon is ready.
func (d *daemon) awaitReady() {
	d.t.Helper()
	d.awaitProbe(200)
}

// awaitProbe waits until the readiness probe answers with a status, and returns what it says.
func (d *daemon) awaitProbe(status int) string {
	d.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		code, body := d.get("/health/ready")
		if code == status {
			return body
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("the probe says %d, %s, not %d within %s\n%s", code, body, status, patience, d.output())
		}
		time.Sleep(100 * time.Millisecond)
	}
}
