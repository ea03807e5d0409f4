package app_test

import (
	"io/fs"
	"strings"
	"testing"

	market "github.com/seed-b6a97670/lockstep/examples/market"
)

// TestDryRunGoesThroughTheTimelock: a dry run tells the gas of every step, and that an init call would revert days later, before
// anything is sent.
func TestDryRunGoesThroughTheTimelock(t *testing.T) {
	w := newWorld(t)
	one, two := w.version("lockstep.yaml"), w.version("lockstep-v2.yaml")
	w.must(one.Deploy(w.ctx(), one.m, false))
	w.must(one.Rollout(w.ctx(), one.m, one.file, false))
	w.must(two.Deploy(w.ctx(), two.m, false))

	planned := w.must(two.Rollout(w.ctx(), two.m, two.file, true))
	var limits uint64
	for _, s := range planned.Steps {
		if strings.HasPrefix(s.Step, "wait") {
			continue
		}
		if s.Gas == 0 || s.Refused != "" {
			t.Errorf("%s: gas limit %d, refused %q", s.Step, s.Gas, s.Refused)
		}
		limits += s.Gas
	}
	if len(planned.Steps) < 4 || !strings.HasPrefix(planned.Steps[len(planned.Steps)-1].Step, "activate") {
		t.Fatalf("steps %+v", planned.Steps)
	}
	if s := w.status(two); s.ActiveRoot != one.m.Root || s.Eta != 0 {
		t.Errorf("the dry run left %+v", s)
	}

	text, err := fs.ReadFile(market.Files, "lockstep-v2.yaml")
	if err != nil {
		t.Fatal(err)
	}
	head, tail, found := strings.Cut(string(text), "callArgs: [")
	_, tail, closed := strings.Cut(tail, "]")
	if !found || !closed {
		t.Fatal("the second version has no callArgs")
	}
	bad := w.versionOf("bad.yaml", []byte(head+"callArgs: [0]"+tail))
	w.must(bad.Deploy(w.ctx(), bad.m, false))
	refused, err := bad.Rollout(w.ctx(), bad.m, bad.file, true)
	if err == nil || !strings.Contains(err.Error(), "activate") || !strings.Contains(err.Error(), "would be refused") {
		t.Fatalf("got %v, want that the activation would be refused", err)
	}
	last := refused[0].Steps[len(refused[0].Steps)-1]
	if last.Refused == "" || refused[0].Status != "failed" {
		t.Errorf("%s: %+v", refused[0].Status, last)
	}

	done := w.must(two.Rollout(w.ctx(), two.m, two.file, false))
	if done.GasUsed > limits || done.GasUsed < limits*3/4 {
		t.Errorf("%d gas used, limits of %d foreseen", done.GasUsed, limits)
	}
}
