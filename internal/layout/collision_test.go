package layout_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/layout"
)

// Each case is also looked at the other way round, and comes to the same.
func TestCollisions(t *testing.T) {
	c := read(t, "own")
	const main, other = "erc7201:collisions.main", "erc7201:collisions.other"
	for _, test := range []struct {
		facets string   // names, sorted
		want   []string // contracts, namespace, slot and variables of each collision
	}{
		{"PlainBase", nil},
		{"PlainBase PlainBase", nil},
		{"PlainBase PlainSame", nil},
		{"PlainBase PlainMore", nil},
		{"PlainMore PlainSame", nil},
		{"PlainMore PlainOther", []string{"PlainMore PlainOther  2 fee rate"}},
		{"PlainBase PlainRenamed", []string{"PlainBase PlainRenamed  0 total sum"}},
		{"PlainBase PlainSaysSo", nil},
		{"PlainBase PlainRetyped", []string{"PlainBase PlainRetyped  1 owner owner"}},
		{"PlainBase PlainSwapped", []string{"PlainBase PlainSwapped  0 total owner"}},
		{"PlainBase PlainPacked", []string{"PlainBase PlainPacked  0 total total"}},
		{"PlainBase PlainWithout", []string{"PlainBase PlainWithout  1 owner fee"}},
		{"PlainApart PlainBase", nil},
		{"PlainBase PlainNear", []string{"PlainBase PlainNear  1 owner rate"}},
		{"NoState PlainBase", nil},
		{"NoState NoState", nil},

		{"GapKept GapUsed", nil},
		{"GapBefore GapMoved", []string{"GapBefore GapMoved  6 last last"}},
		{"Padded PaddingFilled", nil},
		{"PaddedMore PaddingFilled", nil},
		{"PaddingFilled PaddingOther", []string{"PaddingFilled PaddingOther  0 end rate"}},
		{"EnumLong EnumShort", nil},
		{"EnumOther EnumShort", []string{"EnumOther EnumShort  0 state state"}},
		{"LotLong LotShort", nil},
		{"LotOther LotShort", []string{"LotOther LotShort  0 lots lots"}},

		{"SpaceA SpaceSame", nil},
		{"SpaceA SpaceMore", nil},
		{"SpaceA SpaceElsewhere", nil},
		{"PlainBase SpaceA", nil},
		{"SpaceA SpaceSwapped", []string{"SpaceA SpaceSwapped " + main + " 0 total owner"}},
		{"SpaceOfLibrary SpaceOfLibraryToo", nil},
		{"SpaceA SpaceOfLibrary", []string{"SpaceA SpaceOfLibrary " + main + " 1 owner owner"}},
		{"SpaceAndPlain SpaceSame", nil},
		{"PlainBase SpaceAndPlain", nil},
		{"PlainSwapped SpaceAndPlain SpaceElsewhere SpaceOfLibrary", []string{
			"PlainSwapped SpaceAndPlain  0 owner total",
			"SpaceAndPlain SpaceElsewhere " + other + " 0 total owner",
			"SpaceAndPlain SpaceOfLibrary " + main + " 1 owner owner",
		}},
		{"PlainMore PlainOther PlainRenamed PlainSame", []string{
			"PlainMore PlainOther  2 fee rate", "PlainMore PlainRenamed  0 total sum",
			"PlainOther PlainRenamed  0 total sum", "PlainRenamed PlainSame  0 sum total",
		}},
	} {
		var facets, backward []*layout.Contract
		for _, name := range strings.Fields(test.facets) {
			facets = append(facets, contract(t, c, name))
			backward = append([]*layout.Contract{contract(t, c, name)}, backward...)
		}
		got := layout.Collisions(facets)
		var lines []string
		for _, found := range got {
			lines = append(lines, strings.Join([]string{
				name(found.Contract), name(found.OtherContract), found.Namespace, found.Slot,
				found.Variable.Label, found.OtherVariable.Label,
			}, " "))
			if !strings.Contains(found.Why, ": ") || strings.Contains(found.Why, "%!") || strings.ContainsAny(found.Why, "\n") {
				t.Errorf("%s: %q", test.facets, found.Why)
			}
		}
		if diff := cmp.Diff(test.want, lines); diff != "" || got == nil {
			t.Errorf("%s (-want +got):\n%s", test.facets, diff)
		}
		if diff := cmp.Diff(got, layout.Collisions(backward)); diff != "" {
			t.Errorf("%s, in another order (-want +got):\n%s", test.facets, diff)
		}
	}
}

func name(contract string) string {
	_, after, _ := strings.Cut(contract, ":")
	return after
}

func TestCollisionsSayWhy(t *testing.T) {
	c := read(t, "own")
	const file = "own/collisions.sol:"
	for _, want := range []layout.Collision{
		{
			Contract: file + "PlainMore", OtherContract: file + "PlainOther", Slot: "2",
			Variable: layout.Variable{Label: "fee", Type: "uint256", Slot: "2"}, OtherVariable: layout.Variable{Label: "rate", Type: "uint256", Slot: "2"},
			Why: "PlainMore has `fee` (uint256) at slot 2, PlainOther has `rate` (uint256) at slot 2, and one overwrites what the other " +
				"stores: let both inherit the same variables from one base contract, before their own, or move those of one into a namespace (ERC-7201)",
		},
		{
			Contract: file + "SpaceA", OtherContract: file + "SpaceSwapped", Namespace: "erc7201:collisions.main", Slot: "0",
			Variable: layout.Variable{Label: "total", Type: "uint256", Slot: "0"}, OtherVariable: layout.Variable{Label: "owner", Type: "address", Slot: "0"},
			Why: "in namespace erc7201:collisions.main, SpaceA has `total` (uint256) at slot 0, SpaceSwapped has `owner` (address) at slot 0, " +
				"and one overwrites what the other stores: let both use one definition of its struct, with new fields after all others, or give one " +
				"of them another id",
		},
		{
			Contract: file + "PaddingFilled", OtherContract: file + "PaddingOther", Slot: "0",
			Variable:      layout.Variable{Label: "end", Type: "uint64", Slot: "0", Offset: 8},
			OtherVariable: layout.Variable{Label: "rate", Type: "uint128", Slot: "0", Offset: 8},
			Why: "PaddingFilled has `end` (uint64) at slot 0 from byte 8 on, PaddingOther has `rate` (uint128) at slot 0 from byte 8 on, and one " +
				"overwrites what the other stores: let both inherit the same variables from one base contract, before their own, or move those of " +
				"one into a namespace (ERC-7201)",
		},
		{
			Contract: file + "GapBefore", OtherContract: file + "GapMoved", Slot: "6",
			Variable: layout.Variable{Label: "last", Type: "address", Slot: "6"}, OtherVariable: layout.Variable{Label: "last", Type: "address", Slot: "7"},
			Why: "GapBefore has `last` (address) at slot 6, GapMoved has `last` (address) at slot 7, and one does not find what the other stores: let " +
				"both inherit the same variables from one base contract, before their own, or move those of one into a namespace (ERC-7201)",
		},
		{
			Contract: file + "Middle", OtherContract: "own/layouts.sol:Middle", Slot: "0",
			Variable: layout.Variable{Label: "one", Type: "address", Slot: "0"}, OtherVariable: layout.Variable{Label: "one", Type: "uint64", Slot: "0"},
			Why: "own/collisions.sol:Middle has `one` (address) at slot 0, own/layouts.sol:Middle has `one` (uint64) at slot 0, and one overwrites what " +
				"the other stores: let both inherit the same variables from one base contract, before their own, or move those of one into a " +
				"namespace (ERC-7201)",
		},
	} {
		got := layout.Collisions([]*layout.Contract{contract(t, c, want.Contract), contract(t, c, want.OtherContract)})
		if diff := cmp.Diff([]layout.Collision{want}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
