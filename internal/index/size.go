package index

import (
	"sync"
	"time"
)

// rangeSize is how many blocks are asked for at once. It grows while answers are small and fast, and shrinks when they are large or slow, or when an endpoint
// refuses.
type rangeSize struct {
	mu      sync.Mutex
	blocks  uint64
	ceiling uint64 // what was refused lately
}

// What one answer should hold, and take.
const (
	logsPerRange = 4000
	timePerRange = 2 * time.Second
	firstRange   = 100
	largestRange = 1 << 20
)

func newRangeSize() *rangeSize { return &rangeSize{blocks: firstRange, ceiling: largestRange} }

func (r *rangeSize) get() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.blocks
}

// answered learns from an answer for so many blocks.
func (r *rangeSize) answered(blocks uint64, logs int, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if blocks < r.blocks {
		return // it was cut short by an end
	}
	switch {
	case logs > 2*logsPerRange || took > timePerRange:
		r.blocks = max(1, r.blocks/2)
	case logs > 0:
		fit := r.blocks * logsPerRange / uint64(logs)
		r.blocks = max(1, min(fit, 2*r.blocks))
	case took < timePerRange/4:
		r.blocks *= 2
	}
	if r.ceiling < largestRange && r.blocks >= r.ceiling {
		r.ceiling += max(1, r.ceiling/16) // what was refused may be taken by another endpoint, or later
	}
	r.blocks = min(r.blocks, r.ceiling, largestRange)
}

// refused learns that so many blocks were too many.
func (r *rangeSize) refused(blocks uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ceiling = max(1, blocks/2)
	r.blocks = min(r.blocks, r.ceiling)
}
