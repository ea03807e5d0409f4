package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/audit"
)

// TestHealth makes a network sick in every way, and well again.
func TestHealth(t *testing.T) {
	t.Parallel()
	s := newSite(t, local(71))
	c := oneFacet
	p := s.open(c)
	address := s.dispatcher(p)
	changes := 0 // in the audit log
	last := app.NetworkHealth{}
	check := func(p program, what string, problems ...string) {
		t.Helper()
		if err := s.nets["net71"].AdvanceTime(10 * time.Second); err != nil {
			t.Fatal(err)
		}
		head, err := s.dial("net71").HeaderByNumber(s.ctx(), nil)
		if err != nil {
			t.Fatal(err)
		}
		all, err := p.Health(s.ctx())
		if err != nil || len(all) != 1 || all[0].Network != "net71" || all[0].ChainID != 71 {
			t.Fatalf("%s: %+v, %v", what, all, err)
		}
		h := all[0]
		if h.Healthy != (len(problems) == 0) || h.Healthy != (h.Problem == "") {
			t.Errorf("%s: %+v", what, h)
		}
		for _, w := range problems {
			if !strings.Contains(h.Problem, w) {
				t.Errorf("%s: %q does not say %q", what, h.Problem, w)
			}
		}
		unreachable := strings.Contains(h.Problem, "it cannot be asked")
		if !unreachable && h.At != head.Time || unreachable && h.At != last.At {
			t.Errorf("%s: seen at %d, the head is of %d, seen before at %d", what, h.At, head.Time, last.At)
		}
		if same := h.Healthy == last.Healthy && last.At > 0; same && h.Since != last.Since || !same && h.Since != h.At {
			t.Errorf("%s: since %d, it was %+v", what, h.Since, last)
		}
		last = h
		changes++
	}
	check(p, "before it is deployed", "no dispatcher at "+address.Hex())
	s.live(c)
	check(p, "after a rollout")
	first := last.Since
	check(p, "still")
	changes-- // that is no change
	if last.Since != first {
		t.Errorf("healthy since %d, was %d", last.Since, first)
	}
	s.send("net71", "guardian", address, dispatcherABI.PackPause())
	check(p, "paused", "routed calls are paused")
	s.send("net71", "operator", address, dispatcherABI.PackCommitRoot(common.HexToHash("0xbad"), 2))
	check(p, "paused, with a root pending", "routed calls are paused", "is pending, which no rollout of this journal explains")
	s.send("net71", "guardian", address, dispatcherABI.PackUnpause())
	check(p, "a root is pending", "root "+common.HexToHash("0xbad").Hex()+" is pending")
	if strings.Contains(last.Problem, "paused") {
		t.Errorf("%+v", last)
	}
	s.send("net71", "guardian", address, dispatcherABI.PackCancelCommit())
	check(p, "well again")

	down := c.on(c.places[0])
	down.places[0].urls = func(string) string { return `"http://127.0.0.1:1"` }
	check(s.open(down), "unreachable", "it cannot be asked")
	check(p, "reachable again")

	// another journal has rolled another version out
	here := s.journal
	s.journal = t.TempDir() + "/elsewhere.db"
	s.live(c.with("VaultDoubling"))
	s.journal = here
	check(s.open(c), "wrong root", "is active in epoch 2, the last rollout left", "in epoch 1")

	log := entries[audit.Health](s, audit.HealthChanged)
	if len(log) != changes {
		t.Errorf("the audit log has %d changes of health, want %d: %+v", len(log), changes, log)
	}
	for i, e := range log {
		if e.Healthy != (e.Problem == "") {
			t.Errorf("entry %d: %s", i, fmt.Sprintf("%+v", e))
		}
	}
}
