package store

import (
	"errors"
	"fmt"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/audit"
)

func TestRelayRecords(t *testing.T) { onEach(t, testRelayRecords) }

func testRelayRecords(t *testing.T, on *database) {
	path := on.place(t)
	s, ctx := open(t, path), t.Context()
	save := func(id string, chainID uint64, body string, hashes ...byte) {
		t.Helper()
		r := RelayRecord{ID: id, ChainID: chainID, Body: []byte(body)}
		for _, h := range hashes {
			r.Hashes = append(r.Hashes, common.Hash{h})
		}
		for range 2 { // again changes nothing
			if err := s.SaveRelayRecord(ctx, r); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := func(chainID uint64, hash byte, want string) {
		t.Helper()
		for _, s := range []*Store{s, open(t, path)} {
			got, err := s.RelayRecord(ctx, chainID, common.Hash{hash})
			if missing := want == ""; string(got) != want || missing != errors.Is(err, ErrNotFound) || !missing && err != nil {
				t.Errorf("%d on %d: %q, %v; want %q", hash, chainID, got, err, want)
			}
		}
	}
	want(1, 1, "")
	save("a", 1, `{"n": 1}`, 1, 2)
	save("b", 1, `{"n": 2}`, 2, 3)
	save("c", 2, `{"n": 3}`, 1)
	want(1, 1, `{"n": 1}`)
	want(1, 2, `{"n": 2}`)
	want(2, 1, `{"n": 3}`)
	want(2, 2, "")
	// that an older one is saved later does not make it newer; a transaction can join it
	save("a", 1, `{"n": 4}`, 1, 2, 4)
	want(1, 1, `{"n": 4}`)
	want(1, 2, `{"n": 2}`)
	want(1, 4, `{"n": 4}`)
}

func TestRelayMeasurements(t *testing.T) { onEach(t, testRelayMeasurements) }

func testRelayMeasurements(t *testing.T, on *database) {
	alone(t)
	s, ctx := on.fresh(t), t.Context()
	entries := func() (n int) {
		t.Helper()
		for e, err := range s.Audit(ctx, 1) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Kind.Is("relay") {
				n++
			}
		}
		return n
	}
	measure := func(want int, m RelayMeasurement) {
		t.Helper()
		m.ChainID, m.Kind, m.Entry = max(m.ChainID, 1), audit.RelayAsked, audit.RelayAnswer{Relay: m.Relay, ID: m.Record, Outcome: m.Outcome, Hashes: []common.Hash{m.Hash}}
		before := entries()
		if err := s.Measure(ctx, m); err != nil {
			t.Fatal(err)
		}
		if n := entries() - before; n != want {
			t.Errorf("%+v: %d entries of the audit log, want %d", m, n, want)
		}
	}
	measure(1, RelayMeasurement{Relay: "one", Record: "a", Outcome: "refused", Head: 7, Body: []byte(`1`)})
	measure(0, RelayMeasurement{Relay: "one", Record: "a", Outcome: "refused", Head: 7, Again: true, Body: []byte(`2`)})
	measure(0, RelayMeasurement{Relay: "one", Record: "a", Outcome: "refused", Head: 7, Body: []byte(`2`)})
	measure(0, RelayMeasurement{Relay: "one", Record: "a", Outcome: "refused", Head: 8, Again: true, Body: []byte(`3`)})
	measure(1, RelayMeasurement{Relay: "one", Record: "a", Outcome: "taken", Head: 8, Again: true, Body: []byte(`4`)})
	measure(1, RelayMeasurement{Relay: "one", Record: "b", Outcome: "taken", Head: 8, Again: true, Body: []byte(`5`)})
	measure(1, RelayMeasurement{Relay: "one", Record: "a", Outcome: "landed", Head: 9, Hash: common.Hash{1}, Body: []byte(`6`)})
	measure(1, RelayMeasurement{Relay: "one", Record: "a", Outcome: "landed", Head: 9, Hash: common.Hash{2}, Body: []byte(`7`)})
	measure(1, RelayMeasurement{Relay: "two", Record: "a", Outcome: "landed", Head: 9, Hash: common.Hash{2}, Body: []byte(`8`)})
	measure(1, RelayMeasurement{ChainID: 2, Relay: "one", Record: "c", Outcome: "taken", Head: 9, Body: []byte(`9`)})
	bodies := func(chainID uint64) (out []string) {
		t.Helper()
		got, err := s.Measurements(ctx, chainID)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range got {
			out = append(out, string(b))
		}
		return out
	}
	if diff := cmp.Diff([]string{"1", "3", "4", "5", "6", "7", "8"}, bodies(1)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// of each relay of a network the newest are kept
	for i := range measurementsKept - 1 {
		measure(1, RelayMeasurement{Relay: "one", Record: fmt.Sprint("many", i), Outcome: "taken", Body: []byte(`"many"`)})
	}
	if got := bodies(1); len(got) != measurementsKept+1 || got[0] != "7" || got[1] != "8" || len(bodies(2)) != 1 {
		t.Errorf("%d of network 1, first %v, and %d of network 2", len(got), got[:2], len(bodies(2)))
	}
	if report, err := s.VerifyAudit(ctx, nil); err != nil || !report.Sound() {
		t.Errorf("the log: %+v, %v", report.Problems, err)
	}
}
