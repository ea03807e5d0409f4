package contracts_test

import (
	"testing"

	"github.com/seed-b6a97670/lockstep/contracts"
)

// What lies between the figures that were measured goes through them, up to what division leaves.
func TestPublishedGas(t *testing.T) {
	g := contracts.Published()
	if g.Commit == 0 {
		t.Fatal("there is no figure for a commit")
	}
	for _, c := range []struct {
		what      string
		got, want uint64
	}{
		{"a page of one route", g.Apply(1, 1), g.Apply1},
		{"a page of 50 routes of one facet", g.Apply(50, 1), 50 * g.Apply50x1},
		{"a page of 50 routes of five facets", g.Apply(50, 5), 50 * g.Apply50x5},
		{"an activation of one facet", g.Activate(1), g.Activate1},
		{"an activation of five facets", g.Activate(5), g.Activate50x5},
	} {
		if c.got+60 < c.want || c.got > c.want {
			t.Errorf("%s takes %d gas, measured were %d", c.what, c.got, c.want)
		}
	}
	if g.Apply(20, 2) <= g.Apply(10, 2) || g.Apply(20, 3) <= g.Apply(20, 2) {
		t.Error("more takes less")
	}
}
