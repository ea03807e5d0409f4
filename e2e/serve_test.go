package e2e

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestServe hands plans over to a daemon, which carries them out on three networks. It is stopped in the middle, and another goes on.
func TestServe(t *testing.T) {
	t.Parallel()
	f := newFleet(t, inUse(3), map[string]string{"": "serve: { listen: \"127.0.0.1:0\", health: 1s }\n"})
	one := f.approved("one")
	f.keepTimes()
	d := f.serve("one.yaml")
	f.must("--config", "one.yaml", "start", "one-plan.json", "--yes")
	s := f.await("one.yaml", one, 2*patience, "done", done)
	t.Logf("%+v", s)
	for _, path := range []string{"/health/live", "/health/ready", "/metrics", "/api/v1/executions", "/api/v1/health"} {
		code, body := d.get(path)
		if code != 200 {
			t.Errorf("%s: %d %s", path, code, body)
		}
		if path == "/metrics" && !strings.Contains(body, `lockstep_steps_total{network="sepolia",outcome="confirmed",step="activate"} 1`) {
			t.Errorf("metrics: %s", body)
		}
	}
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if code := d.code(); code != 0 {
		t.Errorf("exit code %d: %s", code, d.output())
	}
	t.Logf("stopped in %s", time.Since(start))
	f.checkLive("one", 1, make([]int, 3), map[string]int{
		"create": 5, "grantRole": 7, "renounceRole": 2, "commitRoot": 1, "applyRoutes": len(f.manifest("one").Pages), "activateCommittedRoot": 1, "setEtaGrace": 1,
	})
}
