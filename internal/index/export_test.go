package index

import (
	"testing"
	"time"
)

// SetRewindAfter has tests wait for less.
func SetRewindAfter(t *testing.T, d time.Duration) {
	before := rewindAfter
	rewindAfter = d
	t.Cleanup(func() { rewindAfter = before })
}

// SetWriteAfter has tests wait for less, or for more.
func SetWriteAfter(d time.Duration) (reset func()) {
	before := writeAfter
	writeAfter = d
	return func() { writeAfter = before }
}

// SweepBlocks is how many blocks are read once more together.
const SweepBlocks = sweepBlocks
