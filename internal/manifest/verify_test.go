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

func verify(t testing.TB, file []byte) []Difference {
	t.Helper()
	m, diffs, err := Verify(file, evm.Runner{}, soundRules)
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	if m == nil {
		t.Fatal("no manifest")
	}
	return diffs
}

func TestVerifyFindsNothingInASoundManifest(t *testing.T) {
	if diffs := verify(t, mustEncode(t, mustBuild(t, soundSpec(t)))); len(diffs) > 0 {
		t.Errorf("%v", diffs)
	}
}

// Each field that follows from others is changed in turn.
func TestVerifyFindsEveryChange(t *testing.T) {
	other := common.Hash{31: 0xaa}
	for path, change := range map[string]func(*Manifest){
		"root":                     func(m *Manifest) { m.Root = other },
		"routesRoot":               func(m *Manifest) { m.RoutesRoot = other },
		"initHash":                 func(m *Manifest) { m.InitHash = common.Hash{} },
		"facets[0].address":        func(m *Manifest) { m.Facets[0].Address = m.Facets[1].Address },
		"facets[1].address":        func(m *Manifest) { m.Facets[1].Address[19] ^= 1 },
		"facets[0].codeHash":       func(m *Manifest) { m.Facets[0].CodeHash = other },
		"facets[0].codeSize":       func(m *Manifest) { m.Facets[0].CodeSize++ },
		"facets[0].initCodeHash":   func(m *Manifest) { m.Facets[0].InitCodeHash = other },
		"facets[0].routes[0]":      func(m *Manifest) { slices.Reverse(m.Facets[0].Routes) },
		"facets[0].contract":       func(m *Manifest) { slices.Reverse(m.Facets) },
		"networks[0].name":         func(m *Manifest) { slices.Reverse(m.Networks) },
		"init.address":             func(m *Manifest) { m.Init.Address[0] ^= 1 },
		"init.codeHash":            func(m *Manifest) { m.Init.CodeHash = other },
		"init.codeSize":            func(m *Manifest) { m.Init.CodeSize = 0 },
		"init.initCodeHash":        func(m *Manifest) { m.Init.InitCodeHash = other },
		"init.routes":              func(m *Manifest) { m.Init.Routes = []Route{{SelectorOf("f()"), "f()"}} },
		"pages":                    func(m *Manifest) { m.Pages = m.Pages[1:] },
		"pages[0].index":           func(m *Manifest) { m.Pages[0].Index = 1 },
		"pages[0].routes":          func(m *Manifest) { m.Pages[0].Routes++ },
		"pages[0].leaf":            func(m *Manifest) { m.Pages[0].Leaf = other },
		"pages[0].proof[0]":        func(m *Manifest) { m.Pages[0].Proof[0] = other },
		"pages[1].proof":           func(m *Manifest) { m.Pages[1].Proof = append(m.Pages[1].Proof, other) },
		"pages[1].bytes":           func(m *Manifest) { m.Pages[1].Bytes[4] ^= 1 },
		"pages[2].bytes":           func(m *Manifest) { m.Pages[2].Bytes = append(m.Pages[2].Bytes, 0) },
		"inputs: initCode":         func(m *Manifest) { m.Facets[0].InitCode[12] ^= 1 },
		"inputs: salt":             func(m *Manifest) { m.Salt = other },
		"inputs: factory":          func(m *Manifest) { m.Factory.Address[0] ^= 1 },
		"inputs: init data":        func(m *Manifest) { m.Init.Data[35] ^= 1 },
		"inputs: init dropped":     func(m *Manifest) { m.Init = nil },
		"inputs: page size":        func(m *Manifest) { m.PageSize = 50 },
		"inputs: route dropped":    func(m *Manifest) { m.Facets[0].Routes = m.Facets[0].Routes[1:] },
		"inputs: facet dropped":    func(m *Manifest) { m.Facets = m.Facets[1:] },
		"inputs: argument's bytes": func(m *Manifest) { m.Facets[1].InitCode[len(m.Facets[1].InitCode)-1] ^= 1 },
	} {
		m := mustBuild(t, soundSpec(t))
		change(m)
		diffs := verify(t, mustEncode(t, m))
		if len(diffs) == 0 {
			t.Errorf("%s: the change is not found", path)
		}
		if _, input := strings.CutPrefix(path, "inputs: "); input {
			continue
		}
		if !slices.ContainsFunc(diffs, func(d Difference) bool { return strings.HasPrefix(d.Path, path) }) {
			t.Errorf("%s: %v does not name it", path, diffs)
		}
	}
}

func TestVerifyTellsWhatIsAndWhatMustBe(t *testing.T) {
	m := mustBuild(t, soundSpec(t))
	m.Facets[0].CodeSize = 9
	want := []Difference{{Path: "facets[0].codeSize", Got: "9", Want: "7"}}
	diffs := verify(t, mustEncode(t, m))
	if diff := cmp.Diff(want, diffs); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	if got := diffs[0].String(); got != "facets[0].codeSize is 9, must be 7" {
		t.Errorf("%q", got)
	}
	m = mustBuild(t, soundSpec(t))
	m.Pages[0].Bytes = bytes.Repeat([]byte{1}, 10_000)
	for _, d := range verify(t, mustEncode(t, m)) {
		if d.Path != "pages[0].bytes" || len(d.String()) > 250 || !strings.Contains(d.Got, "20004 characters") {
			t.Errorf("a difference of %d characters: %.300s", len(d.String()), d)
		}
	}
}

// One manifest has one encoding: otherwise two files with different hashes would say the same.
func TestVerifyFindsAnotherEncoding(t *testing.T) {
	text := string(mustEncode(t, mustBuild(t, soundSpec(t))))
	encoding := []string{"encoding"}
	for name, c := range map[string]struct {
		text  string
		paths []string
	}{
		"newline after":       {text + "\n", encoding},
		"no newline":          {strings.TrimSuffix(text, "\n"), encoding},
		"tabs":                {strings.ReplaceAll(text, "  ", "\t"), encoding},
		"space before":        {" " + text, encoding},
		"CRLF":                {strings.ReplaceAll(text, "\n", "\r\n"), encoding},
		"escaped letter":      {strings.Replace(text, `"project": "market"`, `"project": "m\u0061rket"`, 1), encoding},
		"space in a list":     {strings.Replace(text, `"args": []`, `"args": [ ]`, 1), encoding},
		"key twice":           {strings.Replace(text, `"project": "market",`, `"project": "other", "project": "market",`, 1), encoding},
		"key in another case": {strings.Replace(text, `"root":`, `"Root":`, 1), []string{"Root", "root"}},
		"upper-case hash":     {strings.Replace(text, arachnid.CodeHash.Hex(), "0x"+strings.ToUpper(arachnid.CodeHash.Hex()[2:]), 1), []string{"factory.codeHash"}},
		"field left out":      {strings.Replace(text, `"codeSize": 7,`, "", 1), []string{"facets[0].codeSize"}},
	} {
		if c.text == text {
			t.Errorf("%s: the test changes nothing", name)
			continue
		}
		var got []string
		for _, d := range verify(t, []byte(c.text)) {
			got = append(got, d.Path)
		}
		if !slices.Equal(got, c.paths) {
			t.Errorf("%s: %v, want %v", name, got, c.paths)
		}
	}
}

func TestVerifyRefusesInputsThatBuildWouldRefuse(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Manifest)
		want   string
	}{
		"signature of another selector": {func(m *Manifest) { m.Facets[0].Routes[0].Signature = "sell(uint256)" }, "sell(uint256) has selector"},
		"selector of another signature": {func(m *Manifest) { m.Facets[0].Routes[0].Selector = Selector{1} }, "not 0x01000000"},
		"selector of the dispatcher":    {func(m *Manifest) { m.Facets[0].Routes[0] = Route{SelectorOf("pause()"), "pause()"} }, "dispatcher's own pause()"},
		"selector twice":                {func(m *Manifest) { m.Facets[0].Routes[0] = m.Facets[1].Routes[0] }, "twice"},
		"init data of another function": {func(m *Manifest) { m.Init.Data[0] ^= 1 }, "does not begin with the selector of migrate(uint64)"},
		"init data cut":                 {func(m *Manifest) { m.Init.Data = m.Init.Data[:3] }, "does not begin with the selector"},
		"init of another signature":     {func(m *Manifest) { m.Init.Signature = "other()" }, "selector of other()"},
		"chain id twice":                {func(m *Manifest) { m.Networks[1].ChainID = 1 }, "same chain id 1"},
		"no networks":                   {func(m *Manifest) { m.Networks = nil }, "no network"},
		"no facets":                     {func(m *Manifest) { m.Facets = nil }, "no routes"},
		"facet without routes":          {func(m *Manifest) { m.Facets[0].Routes = nil }, "no routes"},
		"facet twice":                   {func(m *Manifest) { m.Facets = append(m.Facets, m.Facets[0]) }, "same init code"},
		"no init code":                  {func(m *Manifest) { m.Facets[0].InitCode = nil }, "no code"},
		"init code that reverts":        {func(m *Manifest) { m.Facets[0].InitCode = []byte{0x5f, 0x5f, 0xfd} }, "reverts"},
		"page size":                     {func(m *Manifest) { m.PageSize = 101 }, "pageSize is 101"},
	} {
		m := mustBuild(t, soundSpec(t))
		c.change(m)
		if _, diffs, err := Verify(mustEncode(t, m), evm.Runner{}, soundRules); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v; want an error with %q", name, diffs, err, c.want)
		}
	}
	text := mustEncode(t, mustBuild(t, soundSpec(t)))
	for name, file := range map[string][]byte{
		"unknown field": bytes.Replace(text, []byte(`"tool"`), []byte(`"tools"`), 1), "brace after": append(bytes.Clone(text), '}'), "empty": nil,
	} {
		if _, diffs, err := Verify(file, evm.Runner{}, soundRules); err == nil {
			t.Errorf("%s: %v, want an error", name, diffs)
		}
	}
}

// The code that decides is the code that init code leaves now, not what the file says.
func TestVerifyRunsTheInitCode(t *testing.T) {
	file := mustEncode(t, mustBuild(t, soundSpec(t)))
	_, diffs, err := Verify(file, codeOf(runtimeOf("Forged")), soundRules)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"root", "routesRoot", "initHash", "facets[0].codeHash", "facets[1].codeHash", "init.codeHash", "pages[0].leaf"} {
		if !slices.ContainsFunc(diffs, func(d Difference) bool { return d.Path == path }) {
			t.Errorf("%s is not among %v", path, diffs)
		}
	}
}
