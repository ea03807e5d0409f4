package build

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/seed-b6a97670/lockstep/examples/market"
	"github.com/seed-b6a97670/lockstep/internal/config"
	"github.com/seed-b6a97670/lockstep/internal/evm"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
)

// forge writes an artifact as forge does.
func forge(target, bytecode, links string) *fstest.MapFile {
	source, name, _ := strings.Cut(target, ":")
	return &fstest.MapFile{Data: fmt.Appendf(nil, `{
		"abi": [{"type": "function", "name": "f", "inputs": [], "outputs": [], "stateMutability": "view"}],
		"bytecode": {"object": %q, "sourceMap": "1:2:3", "linkReferences": {%s}},
		"deployedBytecode": {"object": "0x00", "immutableReferences": {}},
		"metadata": {"compiler": {"version": "0.8.37+commit.f401782d"}, "language": "Solidity", "settings": {
			"compilationTarget": {%q: %q}, "evmVersion": "cancun", "optimizer": {"enabled": true, "runs": 200}, "viaIR": true}}
	}`, bytecode, links, source, name)}
}

// hole is what the compiler writes where a library is to be linked.
const hole = "__$8e72e9c1b08e72e9c1b08e72e9c1b08e72$__"

// at is the place of a hole, in bytes.
func at(start int) string { return fmt.Sprintf(`{"start": %d, "length": 20}`, start) }

var compiler = manifest.Compiler{Version: "0.8.37+commit.f401782d", EVMVersion: "cancun", Optimizer: true, Runs: 200, ViaIR: true}

func out() fstest.MapFS {
	return fstest.MapFS{
		"Token.sol/Token.json":           forge("src/Token.sol:Token", "0x6001", ""),
		"Token.sol/IToken.json":          forge("src/Token.sol:IToken", "0x", ""),
		"Vault.sol/Vault.json":           forge("src/Vault.sol:Vault", "0x6002", ""),
		"legacy/Vault.sol/Vault.json":    forge("src/legacy/Vault.sol:Vault", "0x6003", ""),
		"Market.sol/Market.json":         forge("src/Market.sol:Market", "0x73"+hole+"73"+hole+"73"+hole+"60", `"src/Lots.sol": {"Lots": [`+at(43)+`, `+at(1)+`], "Bids": [`+at(22)+`]}`),
		"Lots.sol/Lots.json":             forge("src/Lots.sol:Lots", "0x60"+hole, `"src/Lots.sol": {"Bids": [`+at(1)+`]}`),
		"Lots.sol/Bids.json":             forge("src/Lots.sol:Bids", "0x6006", ""),
		"build-info/0123.json":           {Data: []byte("a gigabyte of something else")},
		"Token.sol/Token.t.txt":          {Data: []byte("not JSON")},
		"cache/notes.json":               {Data: []byte(`{"note": "no artifact"}`)},
		"Free.sol/free.json":             {Data: []byte(`{"abi": [], "bytecode": {"object": "0x"}}`)},
		"Token.sol/Token.0.8.37.json":    forge("src/Token.sol:Token", "0x6001", ""),
		"deep/er/Odd.sol/Odd.json":       forge("src/Odd.sol:Odd", "0x6", ""),
		"Broken.sol/BrokenABI.json":      {Data: bytes.Replace(forge("src/Broken.sol:BrokenABI", "0x60", "").Data, []byte(`"type": "function"`), []byte(`"type": "functoin"`), 1)},
		"Storage.sol/TokenStorage.json":  forge("src/Storage.sol:TokenStorage", "0x6004", ""),
		"Storage.sol/LoneStorage.json":   forge("src/Storage.sol:LoneStorage", "", ""),
		"Windows.sol/NameWith.Dots.json": forge("src/Windows.sol:Windows", "0x6005", ""),
	}
}

func read(t testing.TB, out fs.FS) *Output {
	t.Helper()
	o, err := ReadForge(out)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestFind(t *testing.T) {
	o := read(t, out())
	for name, c := range map[string]struct {
		contract string
		code     []byte
	}{
		"Token":                      {"src/Token.sol:Token", []byte{0x60, 0x01}},
		"src/Token.sol:Token":        {"src/Token.sol:Token", []byte{0x60, 0x01}},
		"src/Vault.sol:Vault":        {"src/Vault.sol:Vault", []byte{0x60, 0x02}},
		"src/legacy/Vault.sol:Vault": {"src/legacy/Vault.sol:Vault", []byte{0x60, 0x03}},
		"IToken":                     {"src/Token.sol:IToken", []byte{}},
		"LoneStorage":                {"src/Storage.sol:LoneStorage", []byte{}},
		"Windows":                    {"src/Windows.sol:Windows", []byte{0x60, 0x05}},
	} {
		got, err := o.Find(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(got.ABI.Methods) != 1 || got.ABI.Methods["f"].Sig != "f()" {
			t.Errorf("%s: ABI %v", name, got.ABI)
		}
		want := manifest.Artifact{Contract: c.contract, Bytecode: c.code, Compiler: compiler}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(manifest.Artifact{}, "ABI")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestFindBringsLibraries(t *testing.T) {
	got, err := read(t, out()).Find("Market")
	if err != nil {
		t.Fatal(err)
	}
	zero := make([]byte, 20)
	bids := &manifest.Artifact{Contract: "src/Lots.sol:Bids", Bytecode: []byte{0x60, 0x06}, Compiler: compiler}
	lots := &manifest.Artifact{
		Contract: "src/Lots.sol:Lots", Bytecode: append([]byte{0x60}, zero...), Compiler: compiler,
		Libraries: []manifest.Reference{{Library: bids, Offsets: []int{1}}},
	}
	want := manifest.Artifact{
		Contract: "src/Market.sol:Market", Compiler: compiler,
		Bytecode:  slices.Concat([]byte{0x73}, zero, []byte{0x73}, zero, []byte{0x73}, zero, []byte{0x60}),
		Libraries: []manifest.Reference{{Library: bids, Offsets: []int{22}}, {Library: lots, Offsets: []int{1, 43}}},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(manifest.Artifact{}, "ABI")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFindRefusesWhatCannotBeLinked(t *testing.T) {
	uses := func(contract, library string) *fstest.MapFile {
		file, name, _ := strings.Cut(library, ":")
		return forge(contract, "0x60"+hole, fmt.Sprintf(`%q: {%q: [%s]}`, file, name, at(1)))
	}
	o := read(t, fstest.MapFS{
		"A.json":     uses("src/A.sol:A", "src/B.sol:B"),
		"B.json":     uses("src/B.sol:B", "src/C.sol:C"),
		"C.json":     uses("src/C.sol:C", "src/B.sol:B"),
		"D.json":     uses("src/D.sol:D", "src/D.sol:D"),
		"Lone.json":  uses("src/Lone.sol:Lone", "src/Gone.sol:Gone"),
		"User.json":  uses("src/User.sol:User", "src/Lone.sol:Lone"),
		"Short.json": forge("src/Short.sol:Short", "0x60"+hole, ""),
	})
	for name, want := range map[string]string{
		"A":     "contract src/A.sol:A: library src/B.sol:B: library src/C.sol:C: libraries src/B.sol:B and src/C.sol:C link one another",
		"D":     "libraries src/D.sol:D link one another",
		"User":  "contract src/User.sol:User: library src/Lone.sol:Lone: it links library src/Gone.sol:Gone, which is not in the build output",
		"Short": "contract src/Short.sol:Short: read bytecode",
	} {
		if _, err := o.Find(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

// The same contract has one name, wherever npm put it.
func TestSourceNames(t *testing.T) {
	for source, want := range map[string]string{
		"src/A.sol":                      "src/A.sol",
		"node_modules/@oz/c/A.sol":       "@oz/c/A.sol",
		"../../x/node_modules/oz/A.sol":  "oz/A.sol",
		"lib/x/node_modules/oz/A.sol":    "lib/x/node_modules/oz/A.sol",
		"src/node_modules_of_mine/A.sol": "src/node_modules_of_mine/A.sol",
		"project/A.sol":                  "project/A.sol",
	} {
		if got := sourceName(source); got != want {
			t.Errorf("%s: %s, want %s", source, got, want)
		}
	}
	for source, want := range map[string]string{
		"project/src/A.sol":               "src/A.sol",
		"npm/@oz/contracts@5.7.0/u/A.sol": "@oz/contracts/u/A.sol",
		"npm/solmate@6.8.0-rc.1/A.sol":    "solmate/A.sol",
		"npm/mine@local/A.sol":            "mine/A.sol",
		"npm/@oz":                         "npm/@oz",
		"":                                "",
	} {
		if got := userSource(source); got != want {
			t.Errorf("%s: %s, want %s", source, got, want)
		}
	}
	o := read(t, fstest.MapFS{"A.json": forge("node_modules/@oz/A.sol:A", "0x6001", "")})
	for _, name := range []string{"A", "@oz/A.sol:A", "node_modules/@oz/A.sol:A"} {
		if a, err := o.Find(name); err != nil || a.Contract != "@oz/A.sol:A" {
			t.Errorf("%s: %s, %v", name, a.Contract, err)
		}
	}
}

func TestFindRefuses(t *testing.T) {
	o := read(t, out())
	for name, want := range map[string]string{
		"Vault":                "contract Vault is ambiguous: name one of src/Vault.sol:Vault, src/legacy/Vault.sol:Vault",
		"Tokn":                 "contract Tokn is not in the build output",
		"token":                "contract token is not in the build output; did you mean src/Storage.sol:TokenStorage, src/Token.sol:Token?",
		"src/Tokens.sol:Token": "contract src/Tokens.sol:Token is not in the build output; did you mean src/Storage.sol:TokenStorage, src/Token.sol:Token?",
		"TokenV2":              "did you mean src/Token.sol:Token?",
		"Unheard":              "it has 8 contracts",
		"Odd":                  "contract src/Odd.sol:Odd: read bytecode",
		"BrokenABI":            "contract src/Broken.sol:BrokenABI: read ABI",
		"":                     "is not in the build output",
		"Token.sol":            "is not in the build output",
	} {
		if got, err := o.Find(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v; want an error with %q", name, got.Contract, err, want)
		}
	}
}

func TestContractsListsWhatCanBeAFacet(t *testing.T) {
	// libraries: one tells by its code, one by its immutable, two because they are linked; one contract has no function
	folder := out()
	guard := "0x73" + strings.Repeat("0", 40) + "301460806040"
	with := func(name, old, new string) *fstest.MapFile {
		file := forge("src/"+name+".sol:"+name, "0x6001", "")
		return &fstest.MapFile{Data: bytes.Replace(file.Data, []byte(old), []byte(new), 1)}
	}
	folder["Guarded.json"] = with("Guarded", `"0x00"`, `"`+guard+`"`)
	folder["ViaIR.json"] = with("ViaIR", `"immutableReferences": {}`, `"immutableReferences": {"library_deploy_address": [{"start": 1, "length": 32}]}`)
	folder["Silent.json"] = with("Silent", `"type": "function"`, `"type": "event"`)
	want := []string{
		"src/Broken.sol:BrokenABI", "src/Market.sol:Market", "src/Odd.sol:Odd", "src/Storage.sol:TokenStorage", "src/Token.sol:Token",
		"src/Vault.sol:Vault", "src/Windows.sol:Windows", "src/legacy/Vault.sol:Vault",
	}
	if diff := cmp.Diff(want, read(t, folder).Contracts()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// huge is a folder whose artifacts never end.
type huge struct{ fstest.MapFS }

func (h huge) Open(name string) (fs.File, error) {
	f, err := h.MapFS.Open(name)
	if err != nil || path.Ext(name) != ".json" {
		return f, err
	}
	return endless{f}, nil
}

type endless struct{ fs.File }

func (endless) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestReadForgeRefuses(t *testing.T) {
	one := fstest.MapFS{"Token.sol/Token.json": forge("src/Token.sol:Token", "0x6001", "")}
	with := func(path string, file *fstest.MapFile) fs.FS {
		both := fstest.MapFS{path: file}
		for k, v := range one {
			both[k] = v
		}
		return both
	}
	for name, c := range map[string]struct {
		out  fs.FS
		want []string
	}{
		"missing folder":         {os.DirFS("/nowhere/at/all"), []string{"no build output", "forge build", "build.out"}},
		"empty folder":           {fstest.MapFS{}, []string{"no contract with metadata", "forge build"}},
		"nothing but rubbish":    {fstest.MapFS{"a.json": {Data: []byte("{}")}}, []string{"no contract with metadata"}},
		"broken JSON":            {with("Vault.sol/Vault.json", &fstest.MapFile{Data: []byte(`{"abi": [`)}), []string{"Vault.sol/Vault.json"}},
		"another type":           {with("Vault.sol/Vault.json", &fstest.MapFile{Data: []byte(`{"bytecode": "0x"}`)}), []string{"Vault.sol/Vault.json", "bytecode"}},
		"two results":            {with("Old.sol/Token.json", forge("src/Token.sol:Token", "0x6009", "")), []string{"src/Token.sol:Token", "Token.sol/Token.json", "twice", "forge clean"}},
		"Hardhat's":              {with("Vault.json", &fstest.MapFile{Data: []byte(`{"_format": "hh-sol-artifact-1", "bytecode": "0x"}`)}), []string{"Vault.json is Hardhat's", "build.tool"}},
		"a hole outside":         {with("Vault.json", forge("src/Vault.sol:Vault", "0x60"+hole, `"A.sol": {"A": [`+at(2)+`]}`)), []string{"Vault.json", "library A at byte 2", "outside"}},
		"a hole before":          {with("Vault.json", forge("src/Vault.sol:Vault", "0x60"+hole, `"A.sol": {"A": [`+at(-1)+`]}`)), []string{"Vault.json", "library A at byte -1", "outside"}},
		"a hole of another size": {with("Vault.json", forge("src/Vault.sol:Vault", "0x60"+hole, `"A.sol": {"A": [{"start": 1, "length": 19}]}`)), []string{"Vault.json", "with 19 bytes"}},
		"larger than the limit":  {huge{one}, []string{"Token.sol/Token.json", "larger than 67108864 bytes"}},
	} {
		_, err := ReadForge(c.out)
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

// The example is what users try first: both its versions must build from what the program carries.
func TestExampleBuilds(t *testing.T) {
	artifacts, err := fs.Sub(market.Files, "artifacts")
	if err != nil {
		t.Fatal(err)
	}
	o := read(t, artifacts)
	roots := map[common.Hash]bool{}
	for _, file := range []string{"lockstep.yaml", "lockstep-v2.yaml"} {
		text, err := market.Files.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Parse(file, text)
		if err != nil {
			t.Fatal(err)
		}
		spec := manifest.Spec{
			Project: cfg.Project, Factory: manifest.Factory(cfg.Factory), Salt: cfg.Salt, PageSize: manifest.DefaultPageSize,
		}
		for _, n := range cfg.Networks {
			spec.Networks = append(spec.Networks, manifest.Network{Name: n.Name, ChainID: n.ChainID})
		}
		for _, f := range cfg.Facets {
			a, err := o.Find(f.Contract)
			if err != nil {
				t.Fatalf("%s:%d: %v", file, f.Line, err)
			}
			spec.Facets = append(spec.Facets, manifest.FacetSpec{Artifact: a, Args: f.Args, Include: f.Include, Exclude: f.Exclude})
		}
		if i := cfg.Init; i != nil {
			a, err := o.Find(i.Contract)
			if err != nil {
				t.Fatalf("%s:%d: %v", file, i.Line, err)
			}
			spec.Init = &manifest.InitSpec{Artifact: a, Args: i.Args, Function: i.Function, CallArgs: i.CallArgs}
		}
		m, err := manifest.Build(spec, evm.Runner{}, manifest.Rules{})
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if len(m.Facets) != 3 || len(m.Networks) != 3 || m.RouteCount() < 10 || (m.Init == nil) != (file == "lockstep.yaml") {
			t.Errorf("%s: %d facets, %d networks, %d routes, init %v", file, len(m.Facets), len(m.Networks), m.RouteCount(), m.Init)
		}
		roots[m.Root] = true
	}
	if len(roots) != 2 {
		t.Error("both versions have the same root")
	}
}
