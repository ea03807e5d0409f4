package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/google/go-cmp/cmp"
)

const golden = "testdata/manifest.json"

// The file format and everything computed in it are frozen: whoever changes them changes Format too.
func TestGoldenManifest(t *testing.T) {
	got := mustEncode(t, mustBuild(t, soundSpec(t)))
	if *update {
		if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
}

// What the golden file holds, computed here once more from the definitions.
func TestManifestFollowsFromItsInputs(t *testing.T) {
	m := mustBuild(t, soundSpec(t))
	create2 := func(initCode []byte) common.Address {
		packed := slices.Concat([]byte{0xff}, arachnid.Address[:], common.Hash{31: 7}.Bytes(), crypto.Keccak256(initCode))
		return common.BytesToAddress(crypto.Keccak256(packed)[12:])
	}
	pins := map[common.Address]common.Hash{}
	for _, c := range []struct {
		got    Deployment
		name   string
		args   []byte
		routes []string
	}{
		{m.Facets[0], "Market", nil, []string{"buy(uint256)", "list(uint256)", "receive()"}},
		{m.Facets[1], "Token", common.LeftPadBytes([]byte{0x03, 0xe8}, 32), []string{"balanceOf(address)", "transfer(address,uint256)"}},
		{m.Init.Deployment, "Migrate", common.LeftPadBytes([]byte{1}, 32), nil},
	} {
		code := append(initCode(runtimeOf(c.name)), c.args...)
		want := c.got
		want.Contract, want.InitCode, want.InitCodeHash = "src/"+c.name+".sol:"+c.name, code, crypto.Keccak256Hash(code)
		want.Address, want.CodeHash, want.CodeSize = create2(code), crypto.Keccak256Hash(runtimeOf(c.name)), len(runtimeOf(c.name))
		want.Routes = nil
		for _, signature := range c.routes {
			want.Routes = append(want.Routes, Route{SelectorOf(signature), signature})
		}
		slices.SortFunc(want.Routes, func(a, b Route) int { return bytes.Compare(a.Selector[:], b.Selector[:]) })
		if diff := cmp.Diff(want, c.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		pins[want.Address] = want.CodeHash
		if c.got.Name() != c.name {
			t.Errorf("name of %s is %s", c.got.Contract, c.got.Name())
		}
	}

	routed := map[Selector]common.Address{}
	for i, page := range m.Pages {
		content, err := DecodePage(page.Bytes)
		if err != nil {
			t.Fatalf("page %d: %v", i, err)
		}
		if page.Index != i || content.Index != i || content.Pages != len(m.Pages) || page.Routes != len(content.Routes) {
			t.Errorf("page %d of %d: %+v holds %+v", i, len(m.Pages), page, content)
		}
		for _, r := range content.Routes {
			routed[r.Selector] = r.Facet
			if r.CodeHash != pins[r.Facet] {
				t.Errorf("%s is pinned to code %s, want %s", r.Selector, r.CodeHash, pins[r.Facet])
			}
		}
		if page.Leaf != crypto.Keccak256Hash(crypto.Keccak256(page.Bytes)) {
			t.Errorf("page %d: leaf %s", i, page.Leaf)
		}
		if got := ProcessProof(page.Leaf, page.Proof); got != m.RoutesRoot {
			t.Errorf("page %d: its proof leads to %s, not to routesRoot %s", i, got, m.RoutesRoot)
		}
	}
	want := map[Selector]common.Address{}
	for _, f := range m.Facets {
		for _, r := range f.Routes {
			want[r.Selector] = f.Address
		}
	}
	if diff := cmp.Diff(want, routed); diff != "" || len(want) != 5 || m.RouteCount() != 5 || len(m.Pages) < 3 {
		t.Errorf("%d routes on %d pages (-want +got):\n%s", m.RouteCount(), len(m.Pages), diff)
	}

	data := append(crypto.Keccak256([]byte("migrate(uint64)"))[:4], common.LeftPadBytes([]byte{5}, 32)...)
	initHash := crypto.Keccak256Hash(common.LeftPadBytes(m.Init.Address[:], 32), m.Init.CodeHash[:], crypto.Keccak256(data))
	typeHash := crypto.Keccak256([]byte("Manifest(bytes32 routesRoot,bytes32 initHash)"))
	root := crypto.Keccak256Hash(typeHash, m.RoutesRoot[:], initHash[:])
	if !bytes.Equal(m.Init.Data, data) || m.InitHash != initHash || m.Root != root {
		t.Errorf("init data %s, initHash %s, root %s; want %#x, %s, %s", m.Init.Data, m.InitHash, m.Root, data, initHash, root)
	}
	if diff := cmp.Diff([]Network{{"ethereum", 1}, {"base", 8453}}, m.Networks); diff != "" {
		t.Errorf("networks (-want +got):\n%s", diff)
	}
	if names := []string{m.Deployments()[0].Name(), m.Deployments()[1].Name(), m.Deployments()[2].Name()}; !slices.Equal(names, []string{"Market", "Token", "Migrate"}) {
		t.Errorf("deployments are %v", names)
	}
}

func TestWithoutInitTheRootIsTheRoutesRoot(t *testing.T) {
	spec := soundSpec(t)
	withInit := mustBuild(t, spec)
	spec.Init = nil
	m := mustBuild(t, spec)
	if m.Root != m.RoutesRoot || m.InitHash != (common.Hash{}) || m.Init != nil || len(m.Deployments()) != 2 {
		t.Errorf("root %s, routesRoot %s, initHash %s, init %v", m.Root, m.RoutesRoot, m.InitHash, m.Init)
	}
	if withInit.RoutesRoot != m.RoutesRoot || withInit.Root == m.Root {
		t.Errorf("with init: routesRoot %s, root %s; without: %s, %s", withInit.RoutesRoot, withInit.Root, m.RoutesRoot, m.Root)
	}
}

// A root commits to init contract, its code and its call data, each.
func TestInitHashCoversAllOfTheCall(t *testing.T) {
	base := InitHash(common.Address{1}, common.Hash{2}, []byte{3})
	for name, other := range map[string]common.Hash{
		"address":   InitHash(common.Address{9}, common.Hash{2}, []byte{3}),
		"code hash": InitHash(common.Address{1}, common.Hash{9}, []byte{3}),
		"data":      InitHash(common.Address{1}, common.Hash{2}, []byte{9}),
		"no data":   InitHash(common.Address{1}, common.Hash{2}, nil),
	} {
		if other == base {
			t.Errorf("another %s gives the same initHash", name)
		}
	}
	if RootWithInit(common.Hash{1}, base) == RootWithInit(common.Hash{2}, base) {
		t.Error("another routesRoot gives the same root")
	}
}

func TestManifestDoesNotDependOnTheOrderOfItsInputs(t *testing.T) {
	spec := soundSpec(t)
	want := mustEncode(t, mustBuild(t, spec))
	slices.Reverse(spec.Facets)
	slices.Reverse(spec.Networks)
	networks := slices.Clone(spec.Networks)
	for i := range spec.Facets {
		spec.Facets[i].Include = []string{"transfer", "balanceOf"}
		if spec.Facets[i].Artifact.Contract == "src/Market.sol:Market" {
			spec.Facets[i].Include = []string{"receive", "0xd96a094a", "list"}
		}
	}
	if diff := cmp.Diff(string(want), string(mustEncode(t, mustBuild(t, spec)))); diff != "" {
		t.Errorf("(-one order +the other):\n%s", diff)
	}
	if !slices.Equal(spec.Networks, networks) {
		t.Error("Build reordered the caller's networks")
	}
}

// One contract may stand twice with other constructor arguments; that the name is the same must not let the order show.
func TestOrderOfFacetsOfOneContractDoesNotMatter(t *testing.T) {
	spec := soundSpec(t)
	one, two := spec.Facets[0], spec.Facets[0]
	one.Args, one.Include, one.Exclude = []any{"1"}, []string{"transfer"}, nil
	two.Args, two.Include, two.Exclude = []any{"2"}, []string{"balanceOf"}, nil
	spec.Facets = []FacetSpec{one, two}
	a := mustEncode(t, mustBuild(t, spec))
	spec.Facets = []FacetSpec{two, one}
	if diff := cmp.Diff(string(a), string(mustEncode(t, mustBuild(t, spec)))); diff != "" {
		t.Errorf("(-one order +the other):\n%s", diff)
	}
}

func TestEncodeOfDecodeIsTheSameFile(t *testing.T) {
	spec := soundSpec(t)
	spec.Project = "<market> & é \"quotes\""
	one := spec.Facets[0]
	one.Artifact = artifact(t, "Labels", "constructor(string)", "label()")
	one.Args, one.Include, one.Exclude = []any{"<b> & ünïcode"}, nil, nil
	spec.Facets = append(spec.Facets, one)
	noInit := spec
	noInit.Init = nil
	for _, s := range []Spec{spec, noInit} {
		text := mustEncode(t, mustBuild(t, s))
		m, err := Decode(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(text), string(mustEncode(t, m))); diff != "" {
			t.Errorf("(-encoded +encoded again):\n%s", diff)
		}
		if !json.Valid(text) || !bytes.HasSuffix(text, []byte("}\n")) {
			t.Errorf("not one JSON text and a newline: ...%q", text[len(text)-20:])
		}
	}
}

// A name is shown on terminals, where control characters and changes of direction make it look like another.
func TestNamesThatCannotBePrintedAreRefused(t *testing.T) {
	for where, name := range map[string]func(*Manifest) *string{
		"project": func(m *Manifest) *string { return &m.Project }, "tool": func(m *Manifest) *string { return &m.Tool },
		"factory": func(m *Manifest) *string { return &m.Factory.Name }, "network": func(m *Manifest) *string { return &m.Networks[1].Name },
		"library":        func(m *Manifest) *string { return &m.Libraries[0].Contract },
		"link":           func(m *Manifest) *string { return &m.Facets[0].Links[0].Contract },
		"facet":          func(m *Manifest) *string { return &m.Facets[1].Contract },
		"compiler":       func(m *Manifest) *string { return &m.Facets[1].Compiler.Version },
		"EVM version":    func(m *Manifest) *string { return &m.Facets[1].Compiler.EVMVersion },
		"route":          func(m *Manifest) *string { return &m.Facets[1].Routes[1].Signature },
		"init contract":  func(m *Manifest) *string { return &m.Init.Contract },
		"init signature": func(m *Manifest) *string { return &m.Init.Signature },
	} {
		for what, suffix := range map[string]string{
			"escape": "\x1b[2J", "newline": "\n", "change of direction": "\u202e", "zero width": "\u200b", "no-break space": "\u00a0",
			"line separator": "\u2028", "length": strings.Repeat("x", 1025),
		} {
			m := mustBuild(t, linkedSpec(t))
			*name(m) += suffix
			if _, err := Decode(bytes.NewReader(mustEncode(t, m))); err == nil || strings.Contains(err.Error(), suffix) {
				t.Errorf("%s with %s: %v, want an error that does not print it", where, what, err)
			}
		}
	}
	spec := soundSpec(t)
	spec.Project = "market\x1b[2J"
	if _, err := Build(spec, codeOf{0x5b}, soundRules); err == nil {
		t.Error("built with a project that cannot be printed")
	}
	m := mustBuild(t, soundSpec(t))
	m.Project = strings.Repeat("é", 512)
	if _, err := Decode(bytes.NewReader(mustEncode(t, m))); err != nil {
		t.Errorf("a name of 1024 bytes: %v", err)
	}
}

// endless is white space without end.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.read += len(p)
	return len(p), nil
}

type brokenReader struct{ error }

func (r brokenReader) Read([]byte) (int, error) { return 0, r.error }

func TestDecodeRefuses(t *testing.T) {
	text := string(mustEncode(t, mustBuild(t, soundSpec(t))))
	for name, c := range map[string]struct{ text, want string }{
		"empty":                  {"", "not a manifest"},
		"not JSON":               {"root: 0x00", "not a manifest"},
		"a list":                 {"[]", "not a manifest"},
		"null":                   {"null", `format ""`},
		"another format":         {strings.Replace(text, Format, "lockstep-manifest/2", 1), `format "lockstep-manifest/2", this program reads "lockstep-manifest/1"`},
		"unknown field":          {strings.Replace(text, `"root"`, `"rot"`, 1), `unknown field "rot"`},
		"unknown field deep":     {strings.Replace(text, `"selector"`, `"selectors"`, 1), `unknown field "selectors"`},
		"another manifest after": {text + text, "data after its end"},
		"a brace after":          {text + "}", "data after its end"},
		"a bracket after":        {text + "]", "data after its end"},
		"cut":                    {text[:len(text)-10], "not a manifest"},
		"hash too short":         {strings.Replace(text, `"root": "0x`, `"root": "`, 1), "not a manifest"},
		"selector too long":      {strings.Replace(text, `"selector": "0x`, `"selector": "0x00`, 1), "eight hex digits"},
		"odd init code":          {strings.Replace(text, `"initCode": "0x`, `"initCode": "0x0`, 1), "not a manifest"},
		"negative chain id":      {strings.Replace(text, `"chainId": 1`, `"chainId": -1`, 1), "not a manifest"},
	} {
		if m, err := Decode(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.want) || m != nil {
			t.Errorf("%s: %v, %v; want an error with %q", name, m, err, c.want)
		}
	}
	broken := errors.New("disk on fire")
	if _, err := Decode(brokenReader{broken}); !errors.Is(err, broken) {
		t.Errorf("broken reader: %v", err)
	}
	if _, err := Decode(io.MultiReader(strings.NewReader(text), strings.NewReader(" \n"))); err != nil {
		t.Errorf("white space after the end: %v", err)
	}
}

func TestDecodeReadsNoMoreThanItsLimit(t *testing.T) {
	r := &endless{}
	if _, err := Decode(r); err == nil || !strings.Contains(err.Error(), "larger than 134217728 bytes") {
		t.Errorf("endless file: %v", err)
	}
	if r.read > MaxFileSize+1<<20 {
		t.Errorf("read %d bytes", r.read)
	}
}

func FuzzDecode(f *testing.F) {
	text, err := os.ReadFile(golden)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"format":"lockstep-manifest/1","facets":[{"args":[{"b":1,"a":"<\u2028"}],"routes":[{}]}],"init":{},"pages":[null]}`))
	f.Add([]byte("{}"))
	f.Add(mustEncode(f, mustBuild(f, linkedSpec(f))))
	f.Add([]byte(`{"format":"lockstep-manifest/1","networks":[{}],"pageSize":1,"libraries":[{"contract":"a","links":[{"contract":"a","offsets":[-1]}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Decode(bytes.NewReader(data))
		if err != nil {
			return
		}
		once, err := Encode(m)
		if err != nil {
			t.Fatalf("encode what was decoded: %v", err)
		}
		again, err := Decode(bytes.NewReader(once))
		if err != nil {
			t.Fatalf("decode what was encoded: %v\n%s", err, once)
		}
		if twice := mustEncode(t, again); !bytes.Equal(once, twice) {
			t.Fatalf("two encodings:\n%s\n%s", once, twice)
		}
		// no network: nothing is run, and whatever the file says must not make Verify panic
		m.Networks = nil
		if file := mustEncode(t, m); len(file) > 0 {
			if _, _, err := Verify(file, codeOf{0x5b}, soundRules); err == nil {
				t.Fatal("a manifest for no network is sound")
			}
		}
		if _, _, err := Verify(once, codeOf{0x5b}, soundRules); err != nil {
			return
		}
	})
}
