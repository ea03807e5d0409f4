package index

import (
	"testing"
	"time"
)

// TestRangeSize: ranges become as large as answers are good, and as small as endpoints want them.
func TestRangeSize(t *testing.T) {
	r := newRangeSize()
	fast := time.Millisecond
	for range 30 {
		r.answered(r.get(), 0, fast)
	}
	if r.get() != largestRange {
		t.Errorf("where there is nothing, %d blocks", r.get())
	}
	for range 30 {
		r.answered(r.get(), int(r.get()*20), fast)
	}
	if n := r.get() * 20; n < logsPerRange*9/10 || n > logsPerRange {
		t.Errorf("with 20 logs a block, %d logs", n)
	}
	before := r.get()
	r.answered(before/2, 0, fast)
	if r.get() != before {
		t.Error("the last range, which is short, counts")
	}
	r.answered(r.get(), logsPerRange, 3*time.Second)
	if r.get() != before/2 {
		t.Errorf("after a slow answer, %d blocks, %d before", r.get(), before)
	}

	r = newRangeSize()
	for r.get() > 10 {
		r.refused(r.get())
	}
	for range 30 {
		r.answered(r.get(), 0, fast)
		if r.get() > 10 {
			r.refused(r.get())
		}
	}
	if r.get() < 5 || r.get() > 10 {
		t.Errorf("where 10 blocks are the most, %d", r.get())
	}
	for range 10 {
		r.refused(r.get())
	}
	if r.get() != 1 {
		t.Errorf("the least is %d", r.get())
	}
	for range 300 {
		r.answered(r.get(), 0, fast)
	}
	if r.get() < 100 {
		t.Errorf("what was refused once is never tried again: %d", r.get())
	}
}
