package store

import (
	"errors"
	"testing"

	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// TestLatestAlert: of alerts with one fingerprint it is the last one, also when that is resolved.
func TestLatestAlert(t *testing.T) { onEach(t, testLatestAlert) }

func testLatestAlert(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	a := alertOf(rule.RPCDown, "a", rule.Warning)
	over := a
	over.ResolvedAt, over.Resolution = 200, "it answers again"
	mustSave(t, s, rule.Change{Turn: rule.Raised, Alert: a}, rule.Change{Turn: rule.Raised, Alert: alertOf(rule.RPCDown, "b", rule.Warning)})
	first, err := s.LatestAlert(ctx, a.Fingerprint)
	if err != nil || !first.Fires() || first.Subject != "a" {
		t.Fatal(first, err)
	}
	mustSave(t, s, rule.Change{Turn: rule.Resolved, Alert: over})
	if got, err := s.LatestAlert(ctx, a.Fingerprint); err != nil || got.ID != first.ID || got.Fires() {
		t.Errorf("%+v, %v", got, err)
	}
	second := mustSave(t, s, rule.Change{Turn: rule.Raised, Alert: a})[0]
	if got, err := s.LatestAlert(ctx, a.Fingerprint); err != nil || got.ID != second.ID || got.ID == first.ID || !got.Fires() {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := s.LatestAlert(ctx, "none"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}
