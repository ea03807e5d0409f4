package manifest

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/evm"
)

// linking makes an artifact link libraries: init code that ignores what follows its runtime code ends in their addresses.
func linking(a Artifact, libraries ...*Artifact) Artifact {
	for _, l := range libraries {
		a.Libraries = append(a.Libraries, Reference{Library: l, Offsets: []int{len(a.Bytecode)}})
		a.Bytecode = append(slices.Clone(a.Bytecode), make([]byte, common.AddressLength)...)
	}
	return a
}

// linkedSpec is soundSpec with three libraries: the market links Sums and Rates, Sums links Rates, the init call Dates.
func linkedSpec(t testing.TB) Spec {
	t.Helper()
	rates, dates := artifact(t, "Rates"), artifact(t, "Dates")
	sums := linking(artifact(t, "Sums"), &rates)
	s := soundSpec(t)
	s.Facets[1].Artifact = linking(s.Facets[1].Artifact, &sums, &rates)
	s.Init.Artifact = linking(s.Init.Artifact, &dates)
	return s
}

func names(list []Deployment) []string {
	var out []string
	for _, d := range list {
		out = append(out, d.Name())
	}
	return out
}

func TestLibrariesAreLinkedAndPinned(t *testing.T) {
	m := mustBuild(t, linkedSpec(t))
	if diff := cmp.Diff([]string{"Dates", "Rates", "Sums"}, names(m.Libraries)); diff != "" {
		t.Errorf("libraries (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"Dates", "Rates", "Sums", "Market", "Token", "Migrate"}, names(m.Deployments())); diff != "" {
		t.Errorf("deployments (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"Rates", "Sums", "Market", "Token"}, names(m.Routed())); diff != "" {
		t.Errorf("what routes depend on (-want +got):\n%s", diff)
	}
	rates, sums, market := m.Libraries[1], m.Libraries[2], m.Facets[0]
	want := []Link{
		{"src/Rates.sol:Rates", rates.Address, []int{len(market.InitCode) - 20}},
		{"src/Sums.sol:Sums", sums.Address, []int{len(market.InitCode) - 40}},
	}
	if diff := cmp.Diff(want, market.Links); diff != "" {
		t.Errorf("links of the market (-want +got):\n%s", diff)
	}
	if !bytes.HasSuffix(market.InitCode, append(sums.Address.Bytes(), rates.Address.Bytes()...)) {
		t.Errorf("the market's init code is %s", market.InitCode)
	}
	if !bytes.HasSuffix(sums.InitCode, rates.Address.Bytes()) {
		t.Errorf("the init code of Sums is %s", sums.InitCode)
	}
	for _, l := range m.Libraries {
		if l.Address == (common.Address{}) || l.CodeHash == (common.Hash{}) || l.CodeSize == 0 || len(l.Routes) > 0 {
			t.Errorf("library %+v", l)
		}
	}
	if m.Facets[1].Links != nil || len(rates.Links) > 0 {
		t.Error("what links nothing has links")
	}
	if diffs := verify(t, mustEncode(t, m)); len(diffs) > 0 {
		t.Errorf("%v", diffs)
	}
}

// A change of a library is a change of whatever links it, and so of the root.
func TestAnotherLibraryIsAnotherRoot(t *testing.T) {
	one := mustBuild(t, linkedSpec(t))
	spec := linkedSpec(t)
	spec.Facets[1].Artifact.Libraries[1].Library.Bytecode = initCode(runtimeOf("OtherRates"))
	two := mustBuild(t, spec)
	if one.Root == two.Root || one.Facets[0].Address == two.Facets[0].Address || one.Libraries[1].Address == two.Libraries[1].Address {
		t.Error("another library gives the same addresses or root")
	}
	if one.Libraries[0].Address != two.Libraries[0].Address || one.Facets[1].Address != two.Facets[1].Address {
		t.Error("what does not link the library moved")
	}
}

func TestVerifyFindsChangedLinks(t *testing.T) {
	other := common.Hash{31: 0xaa}
	for path, change := range map[string]func(*Manifest){
		"libraries[0].contract":         func(m *Manifest) { slices.Reverse(m.Libraries) },
		"libraries[1].address":          func(m *Manifest) { m.Libraries[1].Address[0] ^= 1 },
		"libraries[1].codeHash":         func(m *Manifest) { m.Libraries[1].CodeHash = other },
		"libraries[2].codeSize":         func(m *Manifest) { m.Libraries[2].CodeSize++ },
		"libraries[2].initCodeHash":     func(m *Manifest) { m.Libraries[2].InitCodeHash = other },
		"libraries[2].links[0].address": func(m *Manifest) { m.Libraries[2].Links[0].Address[0] ^= 1 },
		"libraries[0].routes":           func(m *Manifest) { m.Libraries[0].Routes = []Route{{SelectorOf("f()"), "f()"}} },
		"facets[0].links[0].address":    func(m *Manifest) { m.Facets[0].Links[0].Address[0] ^= 1 },
		"facets[0].links[0].contract":   func(m *Manifest) { slices.Reverse(m.Facets[0].Links) },
		"facets[0].links[0].offsets":    func(m *Manifest) { l := &m.Facets[0].Links[0]; l.Offsets = append(l.Offsets, l.Offsets[0]) },
		"init.links[0].address":         func(m *Manifest) { m.Init.Links[0].Address = common.Address{} },
	} {
		m := mustBuild(t, linkedSpec(t))
		change(m)
		diffs := verify(t, mustEncode(t, m))
		if !slices.ContainsFunc(diffs, func(d Difference) bool { return strings.HasPrefix(d.Path, path) }) {
			t.Errorf("%s: %v does not name it", path, diffs)
		}
	}
	m := mustBuild(t, soundSpec(t))
	m.Libraries = nil
	if diffs := verify(t, mustEncode(t, m)); len(diffs) != 1 || diffs[0].Path != "libraries" {
		t.Errorf("libraries are null: %v", diffs)
	}
}

func TestVerifyRefusesLinksThatInitCodeDoesNotHold(t *testing.T) {
	const market, sums = "facet src/Market.sol:Market: ", "library src/Sums.sol:Sums: "
	for name, c := range map[string]struct {
		change func(*Manifest)
		want   string
	}{
		"another library":        {func(m *Manifest) { m.Libraries[1].InitCode[12] ^= 1 }, "does not hold the address of library src/Rates.sol:Rates"},
		"another address":        {func(m *Manifest) { c := m.Facets[0].InitCode; c[len(c)-1] ^= 1 }, market + "its init code does not hold the address"},
		"another salt":           {func(m *Manifest) { m.Salt[0] ^= 1 }, "does not hold the address"},
		"library dropped":        {func(m *Manifest) { m.Libraries = m.Libraries[:2] }, market + "it links library src/Sums.sol:Sums, which is not among"},
		"library's link dropped": {func(m *Manifest) { m.Libraries = m.Libraries[2:] }, "src/Rates.sol:Rates, which is not among"},
		"library twice":          {func(m *Manifest) { m.Libraries = append(m.Libraries, m.Libraries[0]) }, "library src/Dates.sol:Dates stands twice"},
		"link dropped":           {func(m *Manifest) { m.Init.Links = nil }, "src/Dates.sol:Dates is linked by no contract"},
		"link twice": {
			func(m *Manifest) { m.Facets[0].Links = append(m.Facets[0].Links, m.Facets[0].Links[0]) },
			market + "it links library src/Rates.sol:Rates twice",
		},
		"negative offset":   {func(m *Manifest) { m.Libraries[2].Links[0].Offsets[0] = -1 }, sums + "its init code does not hold"},
		"offset at the end": {func(m *Manifest) { m.Facets[0].Links[0].Offsets[0] += 1 }, market + "its init code does not hold"},
		"offset far away":   {func(m *Manifest) { m.Facets[0].Links[0].Offsets[0] = 1 << 62 }, market + "its init code does not hold"},
		"no offset":         {func(m *Manifest) { m.Facets[0].Links[0].Offsets = nil }, market + "it links library src/Rates.sol:Rates nowhere"},
		"no init code":      {func(m *Manifest) { m.Facets[0].InitCode = nil }, market + "its init code does not hold"},
		"libraries that link one another": {
			func(m *Manifest) { m.Libraries[1].Links = []Link{{Contract: "src/Sums.sol:Sums", Offsets: []int{0}}} },
			"library src/Rates.sol:Rates: its init code does not hold",
		},
	} {
		m := mustBuild(t, linkedSpec(t))
		c.change(m)
		if _, diffs, err := Verify(mustEncode(t, m), evm.Runner{}, soundRules); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v; want an error with %q", name, diffs, err, c.want)
		}
	}
}

func TestBuildRefusesLibraries(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Spec)
		want   []string
	}{
		"offset outside": {
			func(s *Spec) { s.Facets[1].Artifact.Libraries[0].Offsets[0] += 21 },
			[]string{"facet src/Market.sol:Market", "library src/Sums.sol:Sums", "outside of its bytecode"},
		},
		"negative offset": {
			func(s *Spec) { s.Facets[1].Artifact.Libraries[0].Offsets[0] = -1 },
			[]string{"facet src/Market.sol:Market", "outside of its bytecode"},
		},
		"library without code": {
			func(s *Spec) { s.Facets[1].Artifact.Libraries[0].Library.Bytecode = nil },
			[]string{"facet src/Market.sol:Market: library src/Sums.sol:Sums", "no bytecode"},
		},
		"library that the chain refuses": {
			func(s *Spec) { s.Init.Artifact.Libraries[0].Library.Bytecode = []byte{0x5f, 0x5f, 0xfd} },
			[]string{"library src/Dates.sol:Dates: on ethereum", "reverts"},
		},
	} {
		s := linkedSpec(t)
		c.change(&s)
		_, err := Build(s, evm.Runner{}, soundRules)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, part := range c.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: error %q does not hold %q", name, err, part)
			}
		}
	}
}
