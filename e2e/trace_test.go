package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/localtrace"
)

// TestTraceAcrossKills kills a daemon again and again while it carries out a plan. What its processes tell a collector of traces is one trace, with one
// beginning, in which each transaction is final once.
func TestTraceAcrossKills(t *testing.T) {
	t.Parallel()
	collector := localtrace.Start()
	defer collector.Close()
	f := newFleet(t, inUse(2), map[string]string{"": fmt.Sprintf("serve: { listen: \"127.0.0.1:0\", health: 1s, traces: %q }\n", collector.URL)})
	one := f.approved("one")
	f.must("--config", "one.yaml", "start", "one-plan.json", "--yes")
	told := func() map[string]bool { // which processes have told of something
		spans, err := collector.Spans()
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]bool{}
		for _, s := range spans {
			out[s.Process["service.instance.id"]] = true
		}
		return out
	}
	for kills := range 3 { // before any timelock has passed: what is activated is told of by who is not killed
		d := f.serve("one.yaml")
		for deadline := time.Now().Add(patience); len(told()) <= kills && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		}
		d.kill()
	}
	for _, n := range f.nodes {
		interval(t, n) // whoever keeps the time looks at new blocks
	}
	f.keepTimes()
	f.serve("one.yaml")
	f.await("one.yaml", one, 2*patience, "done", done)
	var spans []localtrace.Span
	execution := func() (n int) {
		var err error
		if spans, err = collector.Spans(); err != nil {
			t.Fatal(err)
		}
		for _, s := range spans {
			if s.Parent == "" {
				n++
			}
		}
		return n
	}
	for deadline := time.Now().Add(patience); execution() == 0 && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
	}
	if n := execution(); n != 1 {
		t.Errorf("%d spans have no parent", n)
	}
	if n := len(told()); n < 2 {
		t.Errorf("%d processes have told of something", n)
	}
	final, activated := map[string]bool{}, map[string]bool{}
	for _, s := range spans {
		if s.Trace != one[2:34] {
			t.Errorf("%s is of trace %s, the plan is %s", s.Name, s.Trace, one)
		}
		tx := s.Attributes["lockstep.tx"]
		if tx != "" && final[tx] {
			t.Errorf("%s of %s is final twice", tx, s.Attributes["lockstep.step"])
		}
		final[tx] = true
		if s.Name == "step activate" && s.Attributes["lockstep.outcome"] == "confirmed" {
			activated[s.Attributes["lockstep.network"]] = true
		}
	}
	if len(activated) != 2 {
		t.Errorf("activated on %v", activated)
	}
	t.Logf("%d spans of %d processes", len(spans), len(told()))
}
