package manifest

import (
	"encoding/binary"
	"math/rand"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
)

// BenchmarkPages builds the pages and the tree of 1,000 routes over 100 facets. The baseline is hashing the finished
// pages into leaves, which nobody can do without; the ratio says what the perfect hash and the encoding cost beyond it.
func BenchmarkPages(b *testing.B) {
	routes := randomRoutes(1000, 100)
	var build, hash time.Duration
	for b.Loop() {
		m := &Manifest{PageSize: DefaultPageSize}
		start := time.Now()
		if err := buildPages(m, routes); err != nil {
			b.Fatal(err)
		}
		build += time.Since(start)
		start = time.Now()
		for _, p := range m.Pages {
			if Leaf(p.Bytes) != p.Leaf {
				b.Fatal("leaf")
			}
		}
		hash += time.Since(start)
	}
	b.ReportMetric(float64(build)/float64(hash), "build/hash")
}

// randomRoutes returns n routes with different selectors, the same at every call.
func randomRoutes(n, facets int) []pinned {
	r := rand.New(rand.NewSource(1))
	seen := map[uint32]bool{}
	var out []pinned
	for len(out) < n {
		s := r.Uint32()
		if seen[s] {
			continue
		}
		seen[s] = true
		var p pinned
		binary.BigEndian.PutUint32(p.selector[:], s)
		p.facet = common.BigToAddress(common.Big1)
		p.facet[0] = byte(len(out) % facets)
		p.codeHash[0] = p.facet[0]
		out = append(out, p)
	}
	return out
}
