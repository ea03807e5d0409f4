package demo

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/network"
)

func TestDemoEndsTheSameEverywhere(t *testing.T) {
	checkDemo(t, false, 3)
}

func TestDemoOnAllNetworks(t *testing.T) {
	usable := 0
	for _, n := range network.All() {
		if n.Usable() {
			usable++
		}
	}
	checkDemo(t, true, usable)
}

func checkDemo(t *testing.T, all bool, networks int) {
	t.Helper()
	var lines []string
	d, err := Start(Options{
		Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler), Say: func(line string) { lines = append(lines, line) }, All: all,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	r, err := d.Run(t.Context())
	if err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(lines, "\n"))
	}
	if !r.Consistent || len(r.Networks) != networks || r.Root == (common.Hash{}) {
		t.Fatalf("result %+v", r)
	}
	ids := map[uint64]bool{}
	sum := Step{}
	for _, n := range r.Networks {
		ids[n.ChainID] = true
		if n.ActiveRoot != r.Root.Hex() || n.ActiveEpoch != 3 || n.Failed != 0 || !strings.EqualFold(n.Dispatcher, r.Networks[0].Dispatcher) {
			t.Errorf("%s: %+v", n.Name, n)
		}
		sum.Transactions += n.Transactions
		sum.GasUsed += n.GasUsed
	}
	if !ids[1] || !ids[42161] || !ids[8453] {
		t.Errorf("chain ids %v", ids)
	}
	for _, line := range lines {
		if len(line) > 100 {
			t.Errorf("wider than 100 columns: %s", line)
		}
	}
	// what the sender says it spent, and what the witness finds in the blocks
	spent := Step{}
	for _, s := range r.Steps {
		spent.Transactions += s.Transactions
		spent.GasUsed += s.GasUsed
	}
	if spent != sum {
		t.Errorf("the steps say %+v, the chains %+v", spent, sum)
	}
}

// TestDemoNoticesADispatcherThatDiffers makes sure that the result is read, not assumed.
func TestDemoNoticesADispatcherThatDiffers(t *testing.T) {
	d, err := Start(Options{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler), Say: func(string) {}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	if r, err := d.Run(t.Context()); err != nil || !r.Consistent {
		t.Fatalf("%+v, %v", r, err)
	}
	v, err := d.version("lockstep.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer v.close()
	address, err := v.app.Dispatcher()
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.result(t.Context(), common.HexToHash("0x01"), address)
	if err != nil {
		t.Fatal(err)
	}
	if r.Consistent {
		t.Error("a root that no network runs passes for consistent")
	}
}
