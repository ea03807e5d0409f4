// Command gas measures the ManifestDispatcher on an anvil process and compares the figures with the goals and with those
// that were committed last. `make gas` writes them to contracts/gas.json; with -check it fails on a regression instead.
//
// Each figure is the gas of whole transactions, as a receipt tells it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// figures names what is measured, in the order of the report. original is the published figure of the contract that
// this one replaces, or that contract measured where none was published.
var figures = []struct {
	key      string
	name     string
	original uint64
	goal     uint64
}{
	{"commit", "commit", 72_519, 38_000},
	{"apply1", "apply, 1 selector", 85_378, 85_000},
	{"apply50x1", "apply, each of 50 over 1 facet", 61_000, 4_900},
	{"apply50x5", "apply, each of 50 over 5 facets", 61_756, 6_200},
	{"activate1", "activate, 1 facet", 54_508, 41_000},
	{"activate50x5", "activate, 50 selectors, 5 facets", 0, 53_000},
	{"upgrade1", "one-selector upgrade in all", 212_405, 164_000},
	{"rollback", "return to an earlier manifest", 0, 75_000},
	{"apply500", "500 routes, 5 facets, pages of 100", 30_900_000, 2_700_000},
	{"hot", "routed call over a direct call", 10_379, 8_300},
	{"coreBytes", "core runtime size, bytes", 8_466, 3_492},
}

// tolerance is by how much a figure may exceed its goal, and the one committed last.
const tolerance = 1.02

func main() {
	root := flag.String("root", ".", "root of the repository")
	anvil := flag.String("anvil", "", "the anvil binary")
	check := flag.Bool("check", false, "fail on a regression instead of writing contracts/gas.json")
	flag.Parse()
	if err := run(context.Background(), *root, *anvil, *check); err != nil {
		fmt.Fprintln(os.Stderr, "gas:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root, anvil string, check bool) error {
	file := filepath.Join(root, "contracts", "gas.json")
	last, err := read(file)
	if err != nil && (check || !errors.Is(err, os.ErrNotExist)) {
		return fmt.Errorf("%w: run make gas and commit the result", err)
	}
	c, err := startChain(ctx, anvil)
	if err != nil {
		return err
	}
	defer c.node.Stop()
	d, err := deployDispatcher(c, filepath.Join(root, "contracts", "artifacts"))
	if err != nil {
		return err
	}
	now, routed, err := measure(d)
	if err != nil {
		return err
	}
	diamond, err := measureDiamond(c, d, filepath.Join(root, "contracts", "out"))
	if err != nil {
		return err
	}
	over := report(now, last, diamond)
	fmt.Println()
	fmt.Print(routed)
	if check {
		if len(over) > 0 {
			return fmt.Errorf("more than 2 %% over the goal, or over the committed figure: %s", strings.Join(over, ", "))
		}
		return nil
	}
	return write(file, now)
}

// report prints the table and returns the keys that are over their limit.
func report(now, last, diamond map[string]uint64) (over []string) {
	fmt.Printf("%-36s %10s %10s %10s %10s %10s\n", "gas", "original", "diamond", "goal", "last", "now")
	for _, f := range figures {
		mark, limit := "", tolerance*float64(f.goal)
		if now[f.key] > f.goal {
			mark = fmt.Sprintf(" %.1f %% over the goal", 100*float64(now[f.key])/float64(f.goal)-100)
		}
		if old := last[f.key]; old != 0 {
			limit = min(limit, tolerance*float64(old))
		}
		if float64(now[f.key]) > limit {
			mark += ", over the limit"
			over = append(over, f.key)
		}
		fmt.Printf("%-36s %10s %10s %10d %10s %10d%s\n", f.name, orDash(f.original), orDash(diamond[f.key]), f.goal,
			orDash(last[f.key]), now[f.key], mark)
	}
	return over
}

func orDash(n uint64) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

func read(file string) (map[string]uint64, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	out := map[string]uint64{}
	if err := json.Unmarshal(data, &out); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return out, nil
}

// write replaces the file as a whole, with the keys in the order of the report.
func write(file string, now map[string]uint64) error {
	lines := make([]string, len(figures))
	for i, f := range figures {
		lines[i] = fmt.Sprintf("  %q: %d", f.key, now[f.key])
	}
	temporary := file + ".new"
	if err := os.WriteFile(temporary, []byte("{\n"+strings.Join(lines, ",\n")+"\n}\n"), 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, file)
}
