package layout_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/layout"
)

// BenchmarkCheck checks all pairs once they are loaded. Its time is compared with that of upgrades-core for the same pairs,
// compilation left out of both, and with that of decoding the build as JSON.
func BenchmarkCheck(b *testing.B) {
	c := read(b, "pairs")
	var old, updated []*layout.Contract
	all := verdicts(b)
	for _, v := range all {
		old, updated = append(old, contract(b, c, v.Old)), append(updated, contract(b, c, v.New))
	}
	dir, _ := compiled()
	data, err := os.ReadFile(filepath.Join(dir, "pairs.json"))
	if err != nil {
		b.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "time.json"))
	if err != nil {
		b.Fatal(err)
	}
	var theirs struct{ Milliseconds float64 }
	if err := json.Unmarshal(text, &theirs); err != nil {
		b.Fatal(err)
	}
	var check, decode time.Duration
	for b.Loop() {
		start := time.Now()
		for i, v := range all {
			layout.Check(old[i], updated[i], v.Kind)
		}
		check += time.Since(start)
		start = time.Now()
		var info any
		if err := json.Unmarshal(data, &info); err != nil {
			b.Fatal(err)
		}
		decode += time.Since(start)
	}
	ms := check.Seconds() * 1000 / float64(b.N)
	b.ReportMetric(ms/float64(len(all)), "ms/pair")
	b.ReportMetric(ms/theirs.Milliseconds, "check/upgrades-core")
	b.ReportMetric(float64(check)/float64(decode), "check/decode")
}
