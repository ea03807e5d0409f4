package manifest

import (
	"testing"
	"time"
)

// BenchmarkPages builds the pages and the tree of 1,000 routes over 100 facets. The baseline is hashing the finished
// pages into leaves, which nobody can do without; the ratio says what the perfect hash and the encoding cost beyond it.
func BenchmarkPages(b *testing.B) {
	routes := randomRoutes(1, 1000, 100)
	var build, hash time.Duration
	for b.Loop() {
		start := time.Now()
		pages, _, err := Paginate(routes, DefaultPageSize)
		if err != nil {
			b.Fatal(err)
		}
		build += time.Since(start)
		start = time.Now()
		for _, p := range pages {
			if Leaf(p.Bytes) != p.Leaf {
				b.Fatal("leaf")
			}
		}
		hash += time.Since(start)
	}
	b.ReportMetric(float64(build)/float64(hash), "build/hash")
}
