package store

import "testing"

// TestPanicWhileWriting: what panics in the middle takes nothing with it but itself.
func TestPanicWhileWriting(t *testing.T) {
	onEach(t, func(t *testing.T, on *database) {
		s := on.fresh(t)
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic is gone")
				}
			}()
			_ = s.within(t.Context(), func(*tx) error { panic("x") })
		}()
		addAll(t, s, 2) // others can write
	})
}
