package event

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// TestBloomIsGeths: what is in a filter is what go-ethereum finds in it.
func TestBloomIsGeths(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	member := func() []byte {
		out := make([]byte, []int{20, 32}[r.IntN(2)])
		binary.BigEndian.PutUint64(out, r.Uint64())
		return out
	}
	found := 0
	for range 50 {
		var filter types.Bloom
		var in [][]byte
		for range r.IntN(200) {
			in = append(in, member())
			filter.Add(in[len(in)-1])
		}
		ours := Bloom(filter)
		for _, m := range in {
			if !ours.Holds(m) {
				t.Fatalf("%x is not in the filter", m)
			}
		}
		for range 200 {
			m := member()
			if got, want := ours.Holds(m), types.BloomLookup(filter, common.BytesToHash(m)); len(m) == 32 && got != want {
				t.Fatalf("%x: %v, go-ethereum says %v", m, got, want)
			}
			if ours.Holds(m) {
				found++
			}
		}
	}
	if found == 0 {
		t.Error("nothing was found that was not put in: the test says nothing")
	}
}

// TestBloomThatTells: one that is so full that it holds one of ten others by chance says nothing.
func TestBloomThatTells(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var filter types.Bloom
	for n := 0; ; n++ {
		ours := Bloom(filter)
		if !ours.Tells() {
			held := 0
			for range 10_000 {
				var m common.Hash
				binary.BigEndian.PutUint64(m[:], r.Uint64())
				if ours.Holds(m[:]) {
					held++
				}
			}
			if held < 800 || held > 1300 {
				t.Errorf("after %d members it holds %d of 10,000 others", n, held)
			}
			return
		}
		var m common.Hash
		binary.BigEndian.PutUint64(m[:], r.Uint64())
		filter.Add(m[:])
	}
}
