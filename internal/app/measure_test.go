package app_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/token"
)

// measured reads the metrics of a daemon until a series has a value.
func (d *daemon) measured(series, value string) map[string]string {
	d.t.Helper()
	var text string
	for ctx := d.ctx(); ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		_, text = d.ask("GET", "/metrics", token.Token{}, "", nil)
		out := map[string]string{}
		for line := range strings.Lines(text) {
			if at := strings.LastIndex(line, " "); strings.HasPrefix(line, "lockstep_") {
				out[line[:at]] = strings.TrimSpace(line[at:])
			}
		}
		if out[series] == value {
			return out
		}
	}
	d.t.Fatalf("%s is not %s in\n%s", series, value, text)
	return nil
}

func between(t *testing.T, series map[string]string, name string, least, most float64) {
	t.Helper()
	if v, err := strconv.ParseFloat(series[name], 64); err != nil || v < least || v > most {
		t.Errorf("%s is %q, want %v to %v", name, series[name], least, most)
	}
}

// TestMeasures: one daemon commits and applies, another one activates. Between them they measure what a rollout used and how long it took, by the
// clock of the network; and whoever checks its health shows the timelock.
func TestMeasures(t *testing.T) {
	t.Parallel()
	s, _ := begun(t, 71)
	c := guarded("VaultDoubling")
	p := s.open(c)
	made := s.plan(p, p.request(plan.Rollout))
	s.handOver(p, made)
	first := s.serve(c)
	s.awaited(p, made.Digest, "waiting for its timelock", atTimelocks)
	first.measured(`lockstep_timelock_delay_seconds{network="net71"}`, "3600")
	first.measured(`lockstep_paused{network="net71"}`, "0")
	got := first.measured(`lockstep_gas_over_simulated_count{step="apply"}`, "1")
	for _, name := range []string{"commit", "apply"} {
		between(t, got, fmt.Sprintf(`lockstep_gas_over_simulated_sum{step=%q}`, name), 0.97, 1.03)
		between(t, got, fmt.Sprintf(`lockstep_gas_over_published_sum{step=%q}`, name), 0.9, 1.1)
	}
	first.end()
	s.passTimelocks(p, "net71")
	second := s.serve(c)
	s.awaited(p, made.Digest, "done", isDone)
	got = second.measured(`lockstep_commit_to_apply_seconds_count{network="net71"}`, "1") // which is measured last
	between(t, got, `lockstep_commit_to_activation_seconds_sum{network="net71"}`, 3600, 3800)
	between(t, got, `lockstep_commit_to_apply_seconds_sum{network="net71"}`, 0, 60)
	for name, want := range map[string]string{
		`lockstep_commit_to_activation_seconds_count{network="net71"}`:                 "1",
		`lockstep_activation_lateness_seconds_count{network="net71"}`:                  "1",
		`lockstep_gas_over_simulated_count{step="activate"}`:                           "1",
		`lockstep_gas_over_published_count{step="activate"}`:                           "1",
		`lockstep_gas_published{step="commit"}`:                                        "36145",
		`lockstep_refusals_total{error="InvalidProof",network="net71",source="block"}`: "0",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %s", name, got[name], want)
		}
	}
	between(t, got, `lockstep_gas_over_simulated_sum{step="activate"}`, 0.97, 1.03)
	between(t, got, `lockstep_gas_over_published_sum{step="activate"}`, 0.9, 1.1)
}
