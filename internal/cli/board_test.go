package cli

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

var update = flag.Bool("update", false, "write the golden files anew")

// start is the time at which all events of these tests come.
var start = time.Unix(1_700_000_000, 0)

func sent(network, step string) app.Event {
	return app.Event{Network: network, Kind: "sent", Step: step, Tx: rollout.Transaction{Hash: common.Hash{1}}}
}

func final(kind, network, step string, block, gas uint64) app.Event {
	return app.Event{Network: network, Kind: kind, Step: step, Tx: rollout.Transaction{BlockNumber: block, GasUsed: gas}}
}

func waits(network string, block, toGo uint64) app.Event {
	return app.Event{
		Network: network, Kind: "waiting", Step: "the timelock of 0x12ab34cd runs", Now: rollout.Block{Number: block, Time: 5000}, Until: 5000 + toGo,
	}
}

const longError = "ждите:\r\n\x1b[2J no endpoint answers: https://rpc.example/v1: 503 Service Unavailable: name another endpoint"

// boardOf makes a board of some networks in all states.
func boardOf(count int) *board {
	var names []string
	for i := range count {
		names = append(names, fmt.Sprintf("network-%d", i+1))
	}
	if count > 1 {
		names[1] = "a-network-of-a-very-long-name-indeed"
	}
	b := newBoard(names)
	for i, n := range names {
		if i%10 == 9 {
			continue
		}
		b.note(sent(n, "commit 0x12ab34cd for epoch 3"), start)
		switch i % 10 {
		case 0:
			b.note(final("confirmed", n, "commit 0x12ab34cd for epoch 3", 19_000_000, 100_000), start)
			b.note(final("confirmed", n, "apply page 12 of 20 of 0x12ab34cd for epoch 3", 19_000_001, 1_234_567), start)
		case 1:
			b.note(final("confirmed", n, "commit 0x12ab34cd for epoch 3", 77, 51_000), start)
			b.note(waits(n, 78, 2*24*3600-1), start)
		case 2:
			b.note(app.Event{Network: n, Kind: "unreachable", Step: longError}, start)
		case 3, 4, 5, 6:
			b.note(final("confirmed", n, "activate 0x12ab34cd", 4_000_000_000, 400_000), start)
			b.note(app.Event{Network: n, Kind: "done"}, start)
		case 7:
			b.note(final("reverted", n, "apply page 1 of 20 of 0x12ab34cd for epoch 3", 5, 21_000), start)
		}
	}
	return b
}

// TestBoard compares what the board looks like with testdata/board.txt; -update writes it.
func TestBoard(t *testing.T) {
	var got strings.Builder
	for _, count := range []int{1, 3, 30} {
		for _, width := range []int{40, 80, 100} {
			for _, height := range []int{5, 24} {
				fmt.Fprintf(&got, "== %d networks on %d by %d\n", count, width, height)
				lines := boardOf(count).lines(width, height, start.Add(90*time.Second))
				if len(lines) > height {
					t.Errorf("%d networks on %d by %d are %d lines", count, width, height, len(lines))
				}
				for _, line := range lines {
					if len(line) > width || strings.TrimRight(line, " ") != line {
						t.Errorf("%d networks on %d by %d: %q has %d columns", count, width, height, line, len(line))
					}
					fmt.Fprintln(&got, line)
				}
			}
		}
	}
	golden := filepath.Join("testdata", "board.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("the board has changed (-want +got):\n%s", diff)
	}
}

// TestBoardOnAnyTerminal draws it where there is hardly any room.
func TestBoardOnAnyTerminal(t *testing.T) {
	for width := range 60 {
		for height := range 40 {
			lines := boardOf(30).lines(width, height, start)
			if len(lines) > max(height, 1) {
				t.Fatalf("%d by %d: %d lines", width, height, len(lines))
			}
			for _, line := range lines {
				if len(line) > width {
					t.Fatalf("%d by %d: %q", width, height, line)
				}
			}
		}
	}
}

func TestBoardCountsAllNetworks(t *testing.T) {
	for height := 1; height <= 31; height++ {
		lines := boardOf(30).lines(100, height, start)
		last := lines[len(lines)-1]
		if height == 31 {
			if len(lines) != 31 || strings.HasPrefix(last, "and ") {
				t.Errorf("31 lines hold 30 networks: %q", lines)
			}
			continue
		}
		shown := len(lines) - 1
		if height > 2 {
			shown--
		}
		var total, sum int
		if _, err := fmt.Sscanf(last, "and %d more:", &total); err != nil {
			t.Fatalf("%d lines: %q: %v", height, last, err)
		}
		_, counts, _ := strings.Cut(last, ": ")
		for part := range strings.SplitSeq(counts, ", ") {
			var n int
			if _, err := fmt.Sscanf(part, "%d ", &n); err != nil {
				t.Fatalf("%q: %v", last, err)
			}
			sum += n
		}
		if total != 30-shown || sum != total {
			t.Errorf("%d lines show %d networks of 30: %q", height, shown, last)
		}
	}
}

// TestBoardEnd takes outcomes in: what failed without an event is seen at the end.
func TestBoardEnd(t *testing.T) {
	b := newBoard([]string{"one", "two", "three"})
	b.note(app.Event{Network: "one", Kind: "done"}, start)
	b.note(app.Event{Network: "elsewhere", Kind: "done"}, start)
	b.end([]app.Outcome{{Network: "one", Status: "unchanged"}, {Network: "two", Status: "failed", Error: "two: halted"}, {Network: "three", Status: "done"}})
	got := strings.Join(b.lines(80, 10, start), "\n")
	for _, want := range []string{"unchanged", "two: halted", "failed", "done"} {
		if !strings.Contains(got, want) {
			t.Errorf("it does not show %q:\n%s", want, got)
		}
	}
}

func TestTimeToGo(t *testing.T) {
	for _, test := range []struct {
		toGo uint64
		wait time.Duration
		want string
	}{
		{0, 0, "0s"},
		{59, 0, "59s"},
		{60, 0, "1m  0s"},
		{60, 1500 * time.Millisecond, "59s"},
		{3600, 0, "1h  0m"},
		{86_399, 0, "23h 59m"},
		{86_400, 0, "1d  0h"},
		{31_536_000, 0, "365d  0h"},
		{10, time.Minute, "0s"},
	} {
		b := newBoard([]string{"one"})
		b.note(waits("one", 1, test.toGo), start)
		if got := b.rows[0].left(start.Add(test.wait)); got != test.want {
			t.Errorf("%d s, %s later: %q, want %q", test.toGo, test.wait, got, test.want)
		}
	}
}
