package app_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/config"
	"github.com/seed-b6a97670/lockstep/internal/localtrace"
	"github.com/seed-b6a97670/lockstep/internal/plan"
)

// children are the spans below one, by when they began.
func children(all []localtrace.Span, parent string) (out []localtrace.Span) {
	for _, s := range all {
		if s.Parent == parent {
			out = append(out, s)
		}
	}
	return out
}

func spanNames(spans []localtrace.Span) string {
	var names []string
	for _, s := range spans {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}

// TestTraceOfARollout: two networks, of which one daemon commits and applies, and another one activates. What both tell a collector is one trace, whose
// id follows from the plan, with the transactions that are on the chains.
func TestTraceOfARollout(t *testing.T) {
	t.Parallel()
	collector := localtrace.Start()
	defer collector.Close()
	s, places := begun(t, 71, 72)
	c := guarded("VaultDoubling").on(places...)
	p := s.open(c)
	made := s.plan(p, p.request(plan.Rollout))
	s.handOver(p, made)
	traces := func(o *app.Options) { o.Config.Serve.Traces = config.Ref(collector.URL) }
	first := s.serve(c, traces)
	s.awaited(p, made.Digest, "waiting for its timelocks", atTimelocks)
	first.end()
	s.passTimelocks(p, "net71", "net72")
	second := s.serve(c, traces)
	s.awaited(p, made.Digest, "done", isDone)
	second.end()

	all, err := collector.Spans()
	if err != nil {
		t.Fatal(err)
	}
	digest := strings.TrimPrefix(made.Digest.Hex(), "0x")
	roots := children(all, "")
	if len(roots) != 1 || roots[0].Name != "execution" || roots[0].ID != digest[32:48] || roots[0].Attributes["lockstep.action"] != plan.Rollout {
		t.Fatalf("%d spans have no parent: %+v", len(roots), roots)
	}
	seen := 1
	works := children(all, roots[0].ID)
	if got := len(works); got != 4 {
		t.Fatalf("below the execution: %s", spanNames(works))
	}
	for _, w := range works {
		seen++
		name := w.Attributes["lockstep.network"]
		want := map[bool]string{true: "step deploy, step commit, step apply", false: "step activate"}[w.From.Before(works[2].From)]
		steps := children(all, w.ID)
		if w.Name != "network "+name || spanNames(steps) != want || w.Failed {
			t.Errorf("%s has %s, want %s: %+v", w.Name, spanNames(steps), want, w)
		}
		for _, step := range steps {
			seen++
			parts := children(all, step.ID)
			seen += len(parts)
			if got := spanNames(parts); got != "simulate, sign, journal, broadcast, confirm" {
				t.Errorf("%s on %s has %s", step.Name, name, got)
			}
			s.isOnChain(step)
		}
	}
	if seen != len(all) {
		t.Errorf("%d of %d spans are in the tree", seen, len(all))
	}
	for _, span := range all {
		if span.Trace != digest[:32] {
			t.Errorf("%s is of trace %s, want %s", span.Name, span.Trace, digest[:32])
		}
		for name, value := range span.Attributes {
			if strings.Contains(value, "http") || strings.Contains(value, "key") {
				t.Errorf("%s: %s is %q", span.Name, name, value)
			}
		}
		if span.Process["service.name"] != "lockstep" || span.Process["service.version"] != app.Version || span.Process["service.instance.id"] == "" {
			t.Errorf("%s is sent by %v", span.Name, span.Process)
		}
	}
}

// isOnChain compares what a step's span says with the transaction's receipt.
func (s *site) isOnChain(step localtrace.Span) {
	s.t.Helper()
	a := step.Attributes
	r, err := s.dial(a["lockstep.network"]).TransactionReceipt(s.ctx(), common.HexToHash(a["lockstep.tx"]))
	if err != nil {
		s.t.Fatalf("%+v: %v", step, err)
	}
	if fmt.Sprint(r.GasUsed) != a["lockstep.gas"] || r.BlockNumber.String() != a["lockstep.block"] || a["lockstep.outcome"] != "confirmed" ||
		step.Name != "step "+strings.Fields(a["lockstep.step"])[0] || a["lockstep.root"] == "" || a["lockstep.epoch"] != "2" {
		s.t.Errorf("%+v, its receipt says block %s and %d gas", step, r.BlockNumber, r.GasUsed)
	}
}

// TestCollectorIsChecked: where a collector is referred to, what is found there is checked, and not shown.
func TestCollectorIsChecked(t *testing.T) {
	t.Setenv("GOOD", "https://collector.example/hunter2")
	t.Setenv("PLAIN", "http://collector.example/hunter2")
	s := newSite(t, local(71))
	for ref, want := range map[string]string{
		"env:GOOD": "", "env:PLAIN": "serve.traces: is not an https URL", "env:NONE": "serve.traces: environment variable NONE is not set",
	} {
		cfg, err := config.Parse(filepath.Join(s.dir, "lockstep.yaml"), append(s.write(oneFacet), []byte("\nserve: {traces: "+ref+"}\n")...))
		if err != nil {
			t.Fatal(err)
		}
		var said []string
		for _, p := range app.CheckReferences(cfg) {
			if strings.Contains(p.Message, "traces") {
				said = append(said, p.Message)
			}
		}
		text := strings.Join(said, "; ")
		if (want == "") != (text == "") || !strings.HasPrefix(text, want) || strings.Contains(text, "hunter2") {
			t.Errorf("%s: %q, want %q", ref, text, want)
		}
	}
}
