package trace

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/localtrace"
)

var (
	digest  = common.HexToHash("0x00112233445566778899aabbccddeeff0123456789abcdef0011223344556677")
	aPlan   = Plan{Digest: digest, Action: "rollout", Networks: 1}
	base    = Network{Name: "base", ChainID: 8453, Root: common.Hash{1}, Epoch: 3}
	traceID = "00112233445566778899aabbccddeeff"
	rootID  = "0123456789abcdef"
)

func collector(t *testing.T) *localtrace.Collector {
	t.Helper()
	c := localtrace.Start()
	t.Cleanup(c.Close)
	return c
}

func process(t *testing.T, url, name string, log *slog.Logger) *Tracer {
	t.Helper()
	tracer, err := New(t.Context(), Config{URL: url, Version: "1.2.3", Process: name, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	return tracer
}

// tree is what a collector was sent, each span below its parent, and under it what it says; times are left out.
func tree(t *testing.T, c *localtrace.Collector) string {
	t.Helper()
	spans, err := c.Spans()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	seen := 0
	var below func(parent, indent string)
	below = func(parent, indent string) {
		for _, s := range spans {
			if s.Parent != parent {
				continue
			}
			seen++
			fmt.Fprintf(&b, "%s%s", indent, s.Name)
			for _, a := range []string{"lockstep.tx", "lockstep.gas", "lockstep.block", "lockstep.outcome"} {
				if v, ok := s.Attributes[a]; ok {
					fmt.Fprintf(&b, " %s=%s", strings.TrimPrefix(a, "lockstep."), v)
				}
			}
			if s.Failed {
				fmt.Fprintf(&b, " failed: %s", s.Error)
			}
			fmt.Fprintf(&b, " by %s\n", s.Process["service.instance.id"])
			if s.To.Before(s.From) || s.Trace != traceID {
				t.Errorf("%+v", s)
			}
			below(s.ID, indent+"  ")
		}
	}
	below("", "")
	if seen != len(spans) {
		t.Errorf("%d of %d spans have no parent that was sent", len(spans)-seen, len(spans))
	}
	return b.String()
}

// TestPartsOfSeveralProcesses: one process is killed in the middle of a step, and another one goes on and ends the execution. All of it is one trace.
func TestPartsOfSeveralProcesses(t *testing.T) {
	c := collector(t)
	at := time.Now().Add(-time.Second)
	later := func(ms int) time.Time { return at.Add(time.Duration(ms) * time.Millisecond) }

	killed := process(t, c.URL, "host/1", slog.New(slog.DiscardHandler))
	w := killed.Take(aPlan, base)
	sequence := []string{"commit 0x01.. epoch 3", "apply 0x01.. page 1 of 1"}
	w.Part("simulate", sequence, later(0), later(10), nil)
	w.Part("sign", sequence[:1], later(10), later(11), nil)
	w.Part("sign", sequence[1:], later(11), later(12), nil)
	w.Part("journal", sequence, later(12), later(15), nil)
	w.Part("broadcast", sequence[:1], later(15), later(20), nil)
	w.Final(Landed{Step: sequence[0], Tx: common.Hash{7}, Nonce: 4, Outcome: "confirmed", Block: 100, Gas: 36_000}, later(40))
	_ = killed.provider.ForceFlush(t.Context()) // and then it is killed: what is open is never sent

	tracer := process(t, c.URL, "host/2", slog.New(slog.DiscardHandler))
	w = tracer.Take(aPlan, base)
	w.Part("broadcast", sequence[1:], later(100), later(105), errors.New("no endpoint answers"))
	w.Part("broadcast", sequence[1:], later(110), later(115), nil)
	w.Final(Landed{Step: sequence[1], Tx: common.Hash{8}, Nonce: 5, Outcome: "reverted", Block: 120, Gas: 50_000}, later(140))
	w.Part("simulate", sequence[1:], later(150), later(155), nil)
	w.End(errors.New("apply: 4 tries have failed"))
	w.End(nil)
	idle := tracer.Take(aPlan, Network{Name: "ethereum", ChainID: 1})
	idle.End(nil) // nothing was done there
	tracer.Execution(aPlan, later(-50), later(200))
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	spans, err := c.Spans()
	if err != nil {
		t.Fatal(err)
	}
	if root := spans[0]; root.ID != rootID || root.Attributes["lockstep.plan"] != digest.Hex() || root.Attributes["lockstep.networks"] != "1" {
		t.Errorf("the first span is %+v", root)
	}
	// the span of the killed process is missing, and so is that of its open step: their parts are what is left of them
	var names []string
	for _, s := range spans {
		if s.Process["service.instance.id"] == "host/1" {
			names = append(names, s.Name)
		}
	}
	if got := strings.Join(names, ", "); got != "simulate, simulate, step commit, sign, sign, journal, journal, broadcast, confirm" {
		t.Errorf("the killed process has told of %s", got)
	}
	for _, s := range spans {
		if s.Trace != traceID {
			t.Errorf("%s is of another trace: %+v", s.Name, s)
		}
		if s.Process["service.name"] != "lockstep" || s.Process["service.version"] != "1.2.3" {
			t.Errorf("sent by %v", s.Process)
		}
	}
}

// TestTree: what is sent is the tree that the package says.
func TestTree(t *testing.T) {
	c := collector(t)
	at := time.Now().Add(-time.Second)
	later := func(ms int) time.Time { return at.Add(time.Duration(ms) * time.Millisecond) }
	tracer := process(t, c.URL, "host/1", slog.New(slog.DiscardHandler))
	w := tracer.Take(aPlan, base)
	commit, apply := "commit 0x01.. epoch 3", "apply 0x01.. page 1 of 1"
	w.Part("simulate", []string{commit, apply}, later(1), later(10), nil)
	w.Part("sign", []string{commit}, later(10), later(11), nil)
	w.Part("sign", []string{apply}, later(11), later(12), nil)
	w.Part("journal", []string{commit, apply}, later(12), later(15), nil)
	w.Part("broadcast", []string{commit}, later(15), later(20), nil)
	w.Part("broadcast", []string{apply}, later(20), later(25), errors.New("nonce too high"))
	w.Final(Landed{Step: commit, Tx: common.Hash{7}, Nonce: 4, Outcome: "confirmed", Block: 100, Gas: 36_000}, later(40))
	for range 3 * partsAtMost {
		w.Part("broadcast", []string{apply}, later(50), later(50), nil)
	}
	w.End(nil)
	tracer.Execution(aPlan, later(-50), later(200))
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := tree(t, c)
	tx := common.Hash{7}.Hex()
	want := `execution by host/1
  network base by host/1
    step commit tx=` + tx + ` gas=36000 block=100 outcome=confirmed by host/1
      simulate by host/1
      sign by host/1
      journal by host/1
      broadcast by host/1
      confirm by host/1
    step apply outcome=open by host/1
      simulate by host/1
      sign by host/1
      journal by host/1
      broadcast failed: nonce too high by host/1
` + strings.Repeat("      broadcast by host/1\n", partsAtMost-4)
	if got != want {
		t.Errorf("sent:\n%s\nwant:\n%s", got, want)
	}
	spans, _ := c.Spans()
	for _, s := range spans {
		if s.Name == "step commit" {
			if s.Attributes["lockstep.step"] != commit || s.Attributes["lockstep.root"] != base.Root.Hex() || s.Attributes["lockstep.epoch"] != "3" ||
				s.Attributes["lockstep.nonce"] != "4" || s.Attributes["lockstep.network"] != "base" || s.Attributes["lockstep.plan"] != digest.Hex() {
				t.Errorf("%+v", s.Attributes)
			}
			if d := s.To.Sub(s.From); d != 39*time.Millisecond {
				t.Errorf("it took %s", d)
			}
		}
		if s.Name == "confirm" && s.To.Sub(s.From) != 20*time.Millisecond { // since it was broadcast
			t.Errorf("the confirmation took %s", s.To.Sub(s.From))
		}
		if s.Name == "network base" && s.Attributes["lockstep.chain_id"] != "8453" {
			t.Errorf("%+v", s.Attributes)
		}
	}
}

type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// TestCollectorThatDoesNotAnswer hinders nobody, is logged once, and its URL, which may hold a key, is not.
func TestCollectorThatDoesNotAnswer(t *testing.T) {
	c := collector(t)
	log := &lines{}
	tracer := process(t, c.URL+"/secret/v1/traces", "host/1", slog.New(slog.NewTextHandler(log, nil)))
	c.Close()
	for i := range 3 {
		w := tracer.Take(aPlan, base)
		w.Part("simulate", []string{fmt.Sprint("commit ", i)}, time.Now(), time.Now(), nil)
		w.End(nil)
		_ = tracer.provider.ForceFlush(t.Context())
	}
	_ = tracer.Close(t.Context())
	log.mu.Lock()
	defer log.mu.Unlock()
	if text := log.b.String(); strings.Count(text, "does not take traces") > 1 || strings.Contains(text, "secret") {
		t.Errorf("logged:\n%s", text)
	}
}

// TestEnvironmentNamesNoCollector: only the configuration does.
func TestEnvironmentNamesNoCollector(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("OTEL_TRACES_SAMPLER", "always_off")
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Basic%20YTpi") // which it may want
	c := collector(t)
	tracer := process(t, c.URL, "host/1", slog.New(slog.DiscardHandler))
	tracer.Execution(aPlan, time.Now(), time.Now())
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if spans, err := c.Spans(); err != nil || len(spans) != 1 || c.Header().Get("Authorization") != "Basic YTpi" {
		t.Errorf("%+v, %v, %v", spans, err, c.Header())
	}
}

func TestNilTellsNobody(t *testing.T) {
	var tracer *Tracer
	w := tracer.Take(aPlan, base)
	w.Part("simulate", []string{"commit"}, time.Now(), time.Now(), nil)
	w.Final(Landed{Step: "commit"}, time.Now())
	w.End(nil)
	tracer.Execution(aPlan, time.Now(), time.Now())
	if err := tracer.Close(t.Context()); err != nil || w != nil {
		t.Error(err)
	}
}

func BenchmarkNobody(b *testing.B) {
	var w *Work
	for b.Loop() {
		w.Part("simulate", nil, time.Time{}, time.Time{}, nil)
	}
}
