package layout_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/layout"
)

// solcLayout is storageLayout in full.
type solcLayout struct {
	Storage []solcField
	Types   map[string]struct {
		Label, NumberOfBytes, Key, Value, Base string
		Members                                []solcField
	}
}

type solcField struct {
	Label, Slot, Type string
	Offset            int
}

// Places that follow from syntax trees are those that the compiler tells, down to the members of structs.
func TestPlacesFollowFromTheSyntaxTree(t *testing.T) {
	for _, folder := range []string{"own", "pairs"} {
		c := read(t, folder, withoutStorageLayout)
		dir, _ := compiled()
		data, err := os.ReadFile(filepath.Join(dir, folder+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var info struct {
			Output struct {
				Contracts map[string]map[string]struct{ StorageLayout solcLayout }
			}
		}
		if err := json.Unmarshal(data, &info); err != nil {
			t.Fatal(err)
		}
		count := 0
		for source, contracts := range info.Output.Contracts {
			for name, want := range contracts {
				got := contract(t, c, source+":"+name)
				if diff := cmp.Diff(want.StorageLayout.describe(want.StorageLayout.Storage, nil), describe(got.Storage, nil)); diff != "" {
					t.Errorf("%s (-solc +layout):\n%s", got.Name, diff)
				}
				count += len(got.Storage)
			}
		}
		if count < 40 {
			t.Errorf("%s: %d variables were compared", folder, count)
		}
	}
}

// describe writes one line for each field and what is in it. A struct is opened once, since it may hold itself.
func describe(fields []layout.Field, opened []string) []string {
	var out []string
	for _, f := range fields {
		out = append(out, fmt.Sprintf("%s at %s+%d", f.Label, f.Slot, f.Offset))
		out = append(out, describeType(f.Type, opened)...)
	}
	return out
}

func describeType(t *layout.Type, opened []string) []string {
	if t == nil {
		return nil
	}
	out := []string{fmt.Sprintf("%s of %s bytes", kindless(t.String()), t.Bytes())}
	key, elem := t.Parts()
	out = append(append(out, describeType(key, opened)...), describeType(elem, opened)...)
	if len(t.Members()) == 0 || strings.Contains(strings.Join(opened, " "), t.String()) {
		return out
	}
	return append(out, describe(t.Members(), append(opened, t.String()))...)
}

func (l solcLayout) describe(fields []solcField, opened []string) []string {
	var out []string
	for _, f := range fields {
		out = append(out, fmt.Sprintf("%s at %s+%d", f.Label, f.Slot, f.Offset))
		out = append(out, l.describeType(f.Type, opened)...)
	}
	return out
}

func (l solcLayout) describeType(id string, opened []string) []string {
	if id == "" {
		return nil
	}
	t := l.Types[id]
	out := []string{fmt.Sprintf("%s of %s bytes", kindless(t.Label), t.NumberOfBytes)}
	out = append(append(append(out, l.describeType(t.Key, opened)...), l.describeType(t.Value, opened)...), l.describeType(t.Base, opened)...)
	if len(t.Members) == 0 || strings.Contains(strings.Join(opened, " "), t.Label) {
		return out
	}
	return append(out, l.describe(t.Members, append(opened, t.Label))...)
}

// kindless is a type's name; inside of mappings and arrays a function is no more than that here.
func kindless(label string) string {
	if i := strings.Index(label, "function"); i >= 0 {
		return label[:i] + "function"
	}
	return label
}

// A struct may hold itself; upgrades-core refuses such.
func TestStructsThatHoldThemselves(t *testing.T) {
	c := read(t, "own")
	for _, test := range []struct {
		old, new string
		want     []string
	}{
		{"TreeV1", "TreeV2", nil},
		{"TreeV1", "TreeGrown", []string{layout.TypeChange, layout.LayoutChange}},
		{"GraphV1", "GraphV2", []string{layout.TypeChange, layout.TypeChange}},
		{"TreeInMappingV1", "TreeInMappingV2", nil},
		{"TreeInMappingV2", "TreeInMappingV1", []string{layout.TypeChange}},
	} {
		r := layout.Check(contract(t, c, test.old), contract(t, c, test.new), layout.Transparent)
		if diff := cmp.Diff(test.want, summarize(r).Changes, cmp.Transformer("sort", func(s []string) map[string]int {
			out := map[string]int{}
			for _, k := range s {
				out[k]++
			}
			return out
		})); diff != "" || r.OK != (test.want == nil) {
			t.Errorf("%s to %s: ok %v (-want +got):\n%s", test.old, test.new, r.OK, diff)
		}
	}
}

// Facets: what a manifest pins is allowed, what their constructors store is lost.
func TestFacets(t *testing.T) {
	c := read(t, "own")
	for name, want := range map[string][]string{
		"Good":              nil,
		"Plain":             {layout.StateVariable},
		"Assigned":          {layout.StateVariable, layout.StateVariableAssignment},
		"WritesVariable":    {layout.Constructor, layout.StateVariable},
		"WritesNamespace":   {layout.Constructor},
		"WritesThroughCall": {layout.Constructor},
		"WritesByPush":      {layout.Constructor},
		"WritesByDelete":    {layout.Constructor, layout.StateVariable},
		"WritesTuple":       {layout.Constructor, layout.StateVariable},
		"WritesInAssembly":  {layout.Constructor},
		"WritesMemoryOnly":  nil,
		"Delegates":         {layout.Delegatecall},
		"Destroys":          {layout.Selfdestruct},
		"Hooked":            {layout.InternalFunctionStorage},
	} {
		facet := contract(t, c, "own/facets.sol:"+name)
		r := layout.Check(facet, facet, layout.Diamond)
		got := map[string]int{}
		for _, f := range r.Findings {
			got[f.Kind]++
			if f.Warning != (f.Kind == layout.StateVariable) || f.Line == 0 || f.Why == "" {
				t.Errorf("%s: %+v", name, f)
			}
		}
		expected := map[string]int{}
		unsafe := 0
		for _, kind := range want {
			expected[kind]++
			if kind != layout.StateVariable {
				unsafe++
			}
		}
		if diff := cmp.Diff(expected, got); diff != "" || r.OK != (unsafe == 0) {
			t.Errorf("%s: ok %v (-want +got):\n%s", name, r.OK, diff)
		}
	}
	// behind another proxy, the same facet is not safe
	good := contract(t, c, "own/facets.sol:Good")
	if diff := cmp.Diff([]string{
		layout.Constructor, layout.ExternalLibraryLinking, layout.MissingInitializer, layout.StateVariableImmutable,
	}, kindsOf(layout.Check(good, good, layout.Beacon))); diff != "" {
		t.Errorf("Good behind a beacon (-want +got):\n%s", diff)
	}
}

func kindsOf(r layout.Report) []string {
	var out []string
	for _, f := range summarize(r).Findings {
		kind, _, _ := strings.Cut(f, " ")
		out = append(out, kind)
	}
	return out
}

// Facets have state in libraries, which is compared; upgrades-core does not look there.
func TestNamespacesOfLibraries(t *testing.T) {
	c := read(t, "own")
	for _, test := range []struct {
		old, new          string
		kind              layout.Kind
		changes, findings []string
	}{
		{"LibraryV1", "LibraryV1", layout.Diamond, nil, nil},
		{"LibraryV1", "LibraryV2", layout.Diamond, []string{layout.Delete, layout.Insert, layout.LayoutChange}, nil},
		{"LibraryV1", "LibraryGone", layout.Diamond, []string{layout.Delete}, nil},
		{"LibraryGone", "UsesFile", layout.Diamond, nil, nil},
		{"UsesFile", "LibraryGone", layout.Diamond, []string{layout.Delete}, nil},
		{"LibraryV1", "LibraryV2", layout.Beacon, nil, []string{layout.NamespaceOutside}},
		{"LibraryV1", "LibraryGone", layout.Beacon, nil, nil},
		{"LibraryGone", "UsesFile", layout.Beacon, nil, []string{layout.NamespaceOutside}},
	} {
		r := layout.Check(contract(t, c, test.old), contract(t, c, test.new), test.kind)
		got := summarize(r)
		if diff := cmp.Diff(test.changes, got.Changes); diff != "" || r.OK != (len(test.changes) == 0) {
			t.Errorf("%s to %s, %s: ok %v (-want +got):\n%s", test.old, test.new, test.kind, r.OK, diff)
		}
		if diff := cmp.Diff(test.findings, kindsOf(r)); diff != "" {
			t.Errorf("%s to %s, %s (-want +got):\n%s", test.old, test.new, test.kind, diff)
		}
	}
}

func TestNamespacesThatCollide(t *testing.T) {
	c := read(t, "own")
	for name, want := range map[string]string{
		"Twice": "namespace erc7201:example.main is that of two structs, the other at own/layouts.sol:",
		"OnTop": "namespace erc7201:example.main begins where layout at puts the variables",
	} {
		one := contract(t, c, name)
		r := layout.Check(one, one, layout.Transparent)
		if r.OK || len(r.Findings) != 1 || r.Findings[0].Kind != layout.NamespaceCollision || !strings.Contains(r.Findings[0].Why, want) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// The example of ERC-7201.
func TestNamespaceSlot(t *testing.T) {
	want, _ := new(big.Int).SetString("183a6125c38840424c4a85fa12bab2ab606c4b6d0e7cc73c0c06ba5300eab500", 16)
	if got := layout.Namespaced("example.main"); got.Cmp(want) != 0 {
		t.Errorf("%x, want %x", got, want)
	}
}

// Without bytecode, libraries that are linked follow from the syntax tree.
func TestLinksWithoutBytecode(t *testing.T) {
	noBytecode := func(info map[string]any) {
		for _, contracts := range info["output"].(map[string]any)["contracts"].(map[string]any) {
			for _, c := range contracts.(map[string]any) {
				delete(c.(map[string]any), "evm")
			}
		}
	}
	with, without := read(t, "pairs"), read(t, "pairs", noBytecode)
	linked := 0
	for _, v := range verdicts(t) {
		a := layout.Check(contract(t, with, v.Old), contract(t, with, v.New), v.Kind)
		b := layout.Check(contract(t, without, v.Old), contract(t, without, v.New), v.Kind)
		if diff := cmp.Diff(slices.Compact(kindsOf(a)), slices.Compact(kindsOf(b))); diff != "" {
			t.Errorf("%s (-with +without):\n%s", v.New, diff)
		}
		linked += strings.Count(strings.Join(kindsOf(b), " "), layout.ExternalLibraryLinking)
	}
	if linked < 3 {
		t.Errorf("%d contracts with linked libraries were compared", linked)
	}
}

func TestReportsSayWhy(t *testing.T) {
	c := read(t, "pairs")
	for _, test := range []struct {
		pair string
		kind layout.Kind
		want layout.Report
	}{
		{"pairs/insert.sol:InsertSmall", layout.Transparent, layout.Report{
			Changes: []layout.Change{
				{
					Kind: layout.Insert, Label: "at", Slot: "0", Offset: 16, New: &layout.Variable{Label: "at", Type: "uint64", Slot: "0", Offset: 16},
					Why: "`at` takes storage that was another variable's: put new variables after all others, those of base contracts too, or into a gap",
				},
				{
					Kind: layout.LayoutChange, Label: "ask", Slot: "1",
					Old: &layout.Variable{Label: "ask", Type: "uint128", Slot: "0", Offset: 16}, New: &layout.Variable{Label: "ask", Type: "uint128", Slot: "1"},
					Why: "`ask` moves from slot 0 to 1, moves from byte 16 to 0 of its slot: what was stored is not found there: put variables back " +
						"into their old order, with their old types",
				},
				{
					Kind: layout.LayoutChange, Label: "total", Slot: "2",
					Old: &layout.Variable{Label: "total", Type: "uint256", Slot: "1"}, New: &layout.Variable{Label: "total", Type: "uint256", Slot: "2"},
					Why: "`total` moves from slot 1 to 2: what was stored is not found there: put variables back into their old order, with their old types",
				},
			},
			Findings: []layout.Finding{},
		}},
		{"pairs/namespaces.sol:NamespaceGone", layout.Beacon, layout.Report{
			Changes: []layout.Change{{
				Kind: layout.Delete, Label: "erc7201:example.main", Namespace: "erc7201:example.main",
				Slot: "0x183a6125c38840424c4a85fa12bab2ab606c4b6d0e7cc73c0c06ba5300eab500",
				Why:  "namespace erc7201:example.main is gone, and what it held can be taken again: keep the struct, even if nothing uses it",
			}},
			Findings: []layout.Finding{},
		}},
		{"pairs/structs.sol:AppendInNested", layout.UUPS, layout.Report{
			Changes: []layout.Change{{
				Kind: layout.TypeChange, Label: "lots", Slot: "0",
				Old: &layout.Variable{Label: "lots", Type: "mapping(uint256 => struct AppendInNestedV1.Lot)", Slot: "0"},
				New: &layout.Variable{Label: "lots", Type: "mapping(uint256 => struct AppendInNestedV2.Lot)", Slot: "0"},
				Why: "`lots` has other values: each is a struct AppendInNestedV2.Lot that changed: `fee` is a struct AppendInNestedV2.Fee that changed: " +
					"`cap` is added, where storage that follows may be another's; `price` moves from slot 1 to 2: keep the type, or if what is " +
					"stored reads the same, say so with @custom:oz-retyped-from mapping(uint256 => AppendInNestedV1.Lot)",
			}},
			Findings: []layout.Finding{{
				Kind: layout.MissingPublicUpgradeTo, Contract: "AppendInNestedV2", File: "pairs/structs.sol", Line: 26,
				Why: "it has neither upgradeToAndCall(address,bytes) nor upgradeTo(address): a UUPS proxy that points to it can never be upgraded " +
					"again: inherit from UUPSUpgradeable",
			}},
		}},
	} {
		test.want.Contract, test.want.NewContract, test.want.Kind = test.pair+"V1", test.pair+"V2", test.kind
		got := layout.Check(contract(t, c, test.want.Contract), contract(t, c, test.want.NewContract), test.kind)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.pair, diff)
		}
	}
}

// Every change and finding of all pairs says why in one line, and what to do.
func TestEveryVerdictHasAReason(t *testing.T) {
	c := read(t, "pairs")
	for _, v := range verdicts(t) {
		r := layout.Check(contract(t, c, v.Old), contract(t, c, v.New), v.Kind)
		var whys []string
		for _, ch := range r.Changes {
			whys = append(whys, ch.Why)
		}
		for _, f := range r.Findings {
			whys = append(whys, f.Why)
		}
		for _, why := range whys {
			if !strings.Contains(why, ": ") || strings.ContainsAny(why, "\n") || strings.Contains(why, "%!") || strings.Contains(why, "``") {
				t.Errorf("%s: %q", v.New, why)
			}
		}
	}
}

func TestKindOf(t *testing.T) {
	c := read(t, "pairs")
	for name, want := range map[string]layout.Kind{
		"pairs/uups.sol:KeptV1": layout.UUPS, "pairs/uups.sol:LostV2": layout.Transparent, "pairs/uups.sol:OfOnesOwnV1": layout.UUPS,
	} {
		if got := layout.KindOf(contract(t, c, name)); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
