package manifest

import (
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"
)

// deployed is a facet with routes, by signatures; its code follows from code.
func deployed(contract string, code byte, signatures ...string) Deployment {
	d := Deployment{Contract: contract, Address: common.Address{code}, CodeHash: common.Hash{code}}
	for _, s := range signatures {
		d.Routes = append(d.Routes, Route{SelectorOf(s), s})
	}
	return d
}

func TestCompare(t *testing.T) {
	before := &Manifest{
		Root: common.Hash{1}, Networks: []Network{{"a", 1}, {"b", 2}}, Pages: make([]Page, 1),
		Facets: []Deployment{deployed("A", 1, "stays()", "moves()"), deployed("B", 2, "recoded()"), deployed("C", 3, "goes()")},
	}
	after := &Manifest{
		Root: common.Hash{2}, Networks: []Network{{"b", 2}, {"c", 3}}, Pages: make([]Page, 2),
		Facets: []Deployment{deployed("A", 1, "stays()"), deployed("B", 4, "recoded()", "moves()"), deployed("D", 5, "comes()")},
		Init:   &InitCall{Deployment: Deployment{Contract: "I"}, Signature: "run()"},
	}
	got := before.Compare(after)
	kinds := map[string]string{}
	for i, r := range got.Routes {
		kinds[r.Signature] = r.Kind
		if i > 0 && got.Routes[i-1].Selector.uint32() >= r.Selector.uint32() {
			t.Errorf("%s is not in ascending order", r.Selector)
		}
	}
	want := map[string]string{"moves()": Moved, "recoded()": Recoded, "goes()": Removed, "comes()": Added}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Error(diff)
	}
	got.Routes = nil
	if diff := cmp.Diff(Comparison{
		OldRoot: common.Hash{1}, NewRoot: common.Hash{2}, Unchanged: 1, Init: "I run()", AddedNetworks: []string{"c"},
		RemovedNetworks: []string{"a"}, Pages: 2,
	}, got); diff != "" {
		t.Error(diff)
	}

	same := after.Compare(after)
	if len(same.Routes) != 0 || same.Init != "" || same.Unchanged != 4 {
		t.Errorf("a manifest differs from itself: %+v", same)
	}
}

func TestProve(t *testing.T) {
	facet := deployed("src/A.sol:A", 1, "one()", "two()", "two(uint256)", "three()", "four()", "five()")
	m := &Manifest{Facets: []Deployment{facet}, InitHash: common.Hash{9}, Root: common.Hash{8}}
	var routes []PageRoute
	for _, r := range facet.Routes {
		routes = append(routes, PageRoute{r.Selector, facet.Address, facet.CodeHash})
	}
	var err error
	if m.Pages, m.RoutesRoot, err = Paginate(routes, 3); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one", "three()", "two(uint256)", SelectorOf("four()").String(), strings.ToUpper(SelectorOf("five()").String()[2:])} {
		if len(name) == 8 {
			name = "0x" + name
		}
		p, err := m.Prove(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		content, err := DecodePage(p.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, r := range content.Routes {
			found = found || r.Selector == p.Selector && r.Facet == p.Facet && r.CodeHash == p.CodeHash
		}
		if !found || Leaf(p.Bytes) != p.Leaf || ProcessProof(p.Leaf, p.Proof) != m.RoutesRoot || len(p.Proof) == 0 {
			t.Errorf("%s: %+v", name, p)
		}
	}
	for name, want := range map[string]string{"two": "ambiguous: name one of two(), two(uint256)", "six": "no route six"} {
		if _, err := m.Prove(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
