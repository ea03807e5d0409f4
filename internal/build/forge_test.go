package build

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
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
		"deployedBytecode": {"object": "0x00"},
		"metadata": {"compiler": {"version": "0.8.37+commit.f401782d"}, "language": "Solidity", "settings": {
			"compilationTarget": {%q: %q}, "evmVersion": "cancun", "optimizer": {"enabled": true, "runs": 200}, "viaIR": true}}
	}`, bytecode, links, source, name)}
}

func out() fstest.MapFS {
	return fstest.MapFS{
		"Token.sol/Token.json":           forge("src/Token.sol:Token", "0x6001", ""),
		"Token.sol/IToken.json":          forge("src/Token.sol:IToken", "0x", ""),
		"Vault.sol/Vault.json":           forge("src/Vault.sol:Vault", "0x6002", ""),
		"legacy/Vault.sol/Vault.json":    forge("src/legacy/Vault.sol:Vault", "0x6003", ""),
		"Market.sol/Market.json":         forge("src/Market.sol:Market", "0x73__$8e72e9c1b0$__60", `"src/Lots.sol": {"Lots": [{"start": 1, "length": 20}], "Bids": []}, "src/A.sol": {"A": []}`),
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
		library  []string
	}{
		"Token":                      {"src/Token.sol:Token", []byte{0x60, 0x01}, nil},
		"src/Token.sol:Token":        {"src/Token.sol:Token", []byte{0x60, 0x01}, nil},
		"src/Vault.sol:Vault":        {"src/Vault.sol:Vault", []byte{0x60, 0x02}, nil},
		"src/legacy/Vault.sol:Vault": {"src/legacy/Vault.sol:Vault", []byte{0x60, 0x03}, nil},
		"IToken":                     {"src/Token.sol:IToken", nil, nil},
		"LoneStorage":                {"src/Storage.sol:LoneStorage", nil, nil},
		"Windows":                    {"src/Windows.sol:Windows", []byte{0x60, 0x05}, nil},
		"Market":                     {"src/Market.sol:Market", nil, []string{"src/A.sol:A", "src/Lots.sol:Bids", "src/Lots.sol:Lots"}},
	} {
		got, err := o.Find(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(got.ABI.Methods) != 1 || got.ABI.Methods["f"].Sig != "f()" {
			t.Errorf("%s: ABI %v", name, got.ABI)
		}
		want := manifest.Artifact{
			Contract: c.contract, Bytecode: c.code, Libraries: c.library,
			Compiler: manifest.Compiler{
				Tool: "forge", Version: "0.8.37+commit.f401782d", EVMVersion: "cancun", Optimizer: true, Runs: 200, ViaIR: true,
			},
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(manifest.Artifact{}, "ABI")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
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

func TestContractsListsWhatCanBeDeployed(t *testing.T) {
	want := []string{
		"src/Broken.sol:BrokenABI", "src/Market.sol:Market", "src/Odd.sol:Odd", "src/Storage.sol:TokenStorage", "src/Token.sol:Token",
		"src/Vault.sol:Vault", "src/Windows.sol:Windows", "src/legacy/Vault.sol:Vault",
	}
	if diff := cmp.Diff(want, read(t, out()).Contracts()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// huge is a folder with one file that is said to be larger than it may be.
type huge struct{ fstest.MapFS }

func (h huge) Stat(name string) (fs.FileInfo, error) {
	info, err := h.MapFS.Stat(name)
	if err != nil || info.IsDir() {
		return info, err
	}
	return hugeInfo{info}, nil
}

func (h huge) ReadFile(name string) ([]byte, error) { return nil, errors.New("it was read: " + name) }

type hugeInfo struct{ fs.FileInfo }

func (hugeInfo) Size() int64 { return maxArtifact + 1 }

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
		"missing folder":        {os.DirFS("/nowhere/at/all"), []string{"no build output", "forge build", "build.out"}},
		"empty folder":          {fstest.MapFS{}, []string{"no contract with metadata", "forge build"}},
		"nothing but rubbish":   {fstest.MapFS{"a.json": {Data: []byte("{}")}}, []string{"no contract with metadata"}},
		"broken JSON":           {with("Vault.sol/Vault.json", &fstest.MapFile{Data: []byte(`{"abi": [`)}), []string{"Vault.sol/Vault.json"}},
		"another type":          {with("Vault.sol/Vault.json", &fstest.MapFile{Data: []byte(`{"bytecode": "0x"}`)}), []string{"Vault.sol/Vault.json", "bytecode"}},
		"two results":           {with("Old.sol/Token.json", forge("src/Token.sol:Token", "0x6009", "")), []string{"src/Token.sol:Token", "Token.sol/Token.json", "twice", "forge clean"}},
		"larger than the limit": {huge{one}, []string{"Token.sol/Token.json", "larger than 67108864 bytes"}},
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
			Project: cfg.Project, Factory: manifest.Factory{Address: common.HexToAddress("0x4e59b44847b379578588920ca78fbf26c0b4956c")},
			Salt: cfg.Salt, PageSize: cfg.PageSize,
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
