package build

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/seed-b6a97670/lockstep/internal/manifest"
)

// bid links Lots, which is another source of the project, and Sums, which is in a package.
const (
	bidLinks = `{"%[1]ssrc/Lots.sol": {"Lots": [{"start": 1, "length": 20}]}, "%[2]s": {"Sums": [{"start": 22, "length": 20}]}}`
	bidCode  = "73" + hole + "73" + hole + "60"
)

const functionF = `[{"type": "function", "name": "f", "inputs": [], "outputs": [], "stateMutability": "view"}]`

// solcContractJSON is a contract as the compiler writes it; without target, without metadata.
func solcContractJSON(target, bytecode, links string) string {
	meta := ""
	if target != "" {
		source, name, _ := strings.Cut(target, ":")
		text, err := json.Marshal(fmt.Sprintf(`{"compiler": {"version": "0.8.37+commit.f401782d"}, "settings": {"compilationTarget": {%q: %q},
			"evmVersion": "cancun", "optimizer": {"enabled": true, "runs": 200}, "viaIR": true}}`, source, name))
		if err != nil {
			panic(err) // text
		}
		meta = `"metadata": ` + string(text) + ", "
	}
	return fmt.Sprintf(`{"abi": %s, %s"evm": {"bytecode": {"object": %q, "linkReferences": %s}, "deployedBytecode": {"object": "00"}}}`,
		functionF, meta, bytecode, links)
}

// hardhat2 is an artifacts folder of Hardhat 2.
func hardhat2() fstest.MapFS {
	sums := "@acme/math/Sums.sol"
	folder := fstest.MapFS{
		"build-info/aa.json": {Data: fmt.Appendf(nil, `{"_format": "hh-sol-build-info-1", "solcLongVersion": "0.8.37+commit.f401782d",
			"input": {"settings": {}}, "output": {"sources": {}, "contracts": {
			"src/Bid.sol": {"Bid": %s, "IBid": %s}, "src/Lots.sol": {"Lots": %s}, %q: {"Sums": %s}}}}`,
			solcContractJSON("src/Bid.sol:Bid", bidCode, fmt.Sprintf(bidLinks, "", sums)), solcContractJSON("src/Bid.sol:IBid", "", "{}"),
			solcContractJSON("src/Lots.sol:Lots", "6001", "{}"), sums, solcContractJSON(sums+":Sums", "6002", "{}"))},
		"plugin.json": {Data: []byte(`{"notes": []}`)},
	}
	for target, bytecode := range map[string]string{
		"src/Bid.sol:Bid": bidCode, "src/Bid.sol:IBid": "", "src/Lots.sol:Lots": "6001", sums + ":Sums": "6002",
	} {
		source, name, _ := strings.Cut(target, ":")
		folder[source+"/"+name+".json"] = &fstest.MapFile{Data: fmt.Appendf(nil,
			`{"_format": "hh-sol-artifact-1", "contractName": %q, "sourceName": %q, "abi": [], "bytecode": "0x%s"}`, name, source, bytecode)}
		up := strings.Repeat("../", strings.Count(source, "/")+1)
		folder[source+"/"+name+".dbg.json"] = &fstest.MapFile{Data: fmt.Appendf(nil,
			`{"_format": "hh-sol-dbg-1", "buildInfo": "%sbuild-info/aa.json"}`, up)}
	}
	return folder
}

// hardhat3 is the same of Hardhat 3: no metadata, other names for the compiler, no artifact of what is in a package.
func hardhat3() fstest.MapFS {
	sums := "npm/@acme/math@1.2.3/Sums.sol"
	folder := fstest.MapFS{
		"artifacts.d.ts": {Data: []byte("declare module")},
		"build-info/solc-1.json": {Data: []byte(`{"_format": "hh3-sol-build-info-1", "id": "solc-1", "solcLongVersion": "0.8.37+commit.f401782d",
			"input": {"language": "Solidity", "settings": {"evmVersion": "cancun", "optimizer": {"enabled": true, "runs": 200}, "viaIR": true}}}`)},
		"build-info/solc-1.output.json": {Data: fmt.Appendf(nil, `{"_format": "hh3-sol-build-info-output-1", "id": "solc-1", "output": {"contracts": {
			"project/src/Bid.sol": {"Bid": %s, "IBid": %s}, "project/src/Lots.sol": {"Lots": %s}, %q: {"Sums": %s}}}}`,
			solcContractJSON("", bidCode, fmt.Sprintf(bidLinks, "project/", sums)), solcContractJSON("", "", "{}"),
			solcContractJSON("", "6001", "{}"), sums, solcContractJSON("", "6002", "{}"))},
	}
	for target, bytecode := range map[string]string{"src/Bid.sol:Bid": bidCode, "src/Bid.sol:IBid": "", "src/Lots.sol:Lots": "6001"} {
		source, name, _ := strings.Cut(target, ":")
		folder[source+"/"+name+".json"] = &fstest.MapFile{Data: fmt.Appendf(nil, `{"_format": "hh3-artifact-1", "contractName": %q,
			"sourceName": %q, "abi": [], "bytecode": "0x%s", "inputSourceName": "project/%s", "buildInfoId": "solc-1"}`, name, source, bytecode, source)}
	}
	return folder
}

// solcOut is the same of solc.
func solcOut() fstest.MapFS {
	sums := "node_modules/@acme/math/Sums.sol"
	return fstest.MapFS{"out.json": {Data: fmt.Appendf(nil, `{"errors": [{"severity": "warning", "message": "beware"}], "contracts": {
		"src/Bid.sol": {"Bid": %s, "IBid": %s}, "src/Lots.sol": {"Lots": %s}, %q: {"Sums": %s}}}`,
		solcContractJSON("src/Bid.sol:Bid", bidCode, fmt.Sprintf(bidLinks, "", sums)), solcContractJSON("src/Bid.sol:IBid", "", "{}"),
		solcContractJSON("src/Lots.sol:Lots", "6001", "{}"), sums, solcContractJSON(sums+":Sums", "6002", "{}"))}}
}

// forgeOut is the same of forge.
func forgeOut() fstest.MapFS {
	sums := "node_modules/@acme/math/Sums.sol"
	return fstest.MapFS{
		"Bid.sol/Bid.json":   forge("src/Bid.sol:Bid", "0x"+bidCode, strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf(bidLinks, "", sums), "{"), "}")),
		"Bid.sol/IBid.json":  forge("src/Bid.sol:IBid", "0x", ""),
		"Lots.sol/Lots.json": forge("src/Lots.sol:Lots", "0x6001", ""),
		"Sums.sol/Sums.json": forge(sums+":Sums", "0x6002", ""),
	}
}

func TestEveryToolGivesTheSame(t *testing.T) {
	want, err := read(t, forgeOut()).Find("Bid")
	if err != nil {
		t.Fatal(err)
	}
	if len(want.Libraries) != 2 || want.Libraries[0].Library.Contract != "@acme/math/Sums.sol:Sums" {
		t.Fatalf("forge: %+v", want)
	}
	for name, got := range map[string]func() (*Output, error){
		"Hardhat 2": func() (*Output, error) { return ReadHardhat(hardhat2()) },
		"Hardhat 3": func() (*Output, error) { return ReadHardhat(hardhat3()) },
		"solc":      func() (*Output, error) { return ReadSolc(solcOut(), "out.json") },
	} {
		o, err := got()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		a, err := o.Find("src/Bid.sol:Bid")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, a, cmpopts.IgnoreFields(manifest.Artifact{}, "ABI")); diff != "" {
			t.Errorf("%s (-forge +%s):\n%s", name, name, diff)
		}
		if len(a.ABI.Methods) != 1 || a.ABI.Methods["f"].Sig != "f()" {
			t.Errorf("%s: ABI %v", name, a.ABI)
		}
		if diff := cmp.Diff([]string{"src/Bid.sol:Bid"}, o.Contracts()); diff != "" {
			t.Errorf("%s: contracts (-want +got):\n%s", name, diff)
		}
	}
}

// change replaces a text in a file of a folder, of which there must be one.
func change(t *testing.T, folder fstest.MapFS, file, old, new string) fstest.MapFS {
	t.Helper()
	text := string(folder[file].Data)
	if strings.Count(text, old) != 1 {
		t.Fatalf("%s holds %q %d times", file, old, strings.Count(text, old))
	}
	folder[file] = &fstest.MapFile{Data: []byte(strings.Replace(text, old, new, 1))}
	return folder
}

func without(folder fstest.MapFS, file string) fstest.MapFS {
	delete(folder, file)
	return folder
}

func TestReadHardhatRefuses(t *testing.T) {
	const bid = "src/Bid.sol/Bid.json"
	for name, c := range map[string]struct {
		folder fstest.MapFS
		want   []string
	}{
		"empty":               {fstest.MapFS{}, []string{"no artifact of Hardhat", "npx hardhat compile"}},
		"forge's":             {forgeOut(), []string{"Bid.sol/Bid.json is forge's", "build.tool to forge"}},
		"broken artifact":     {change(t, hardhat2(), bid, `"abi"`, `abi`), []string{bid}},
		"no dbg":              {without(hardhat2(), "src/Bid.sol/Bid.dbg.json"), []string{"src/Bid.sol/Bid.dbg.json is missing", recompile}},
		"another dbg":         {change(t, hardhat2(), "src/Bid.sol/Bid.dbg.json", "dbg-1", "dbg-2"), []string{`"hh-sol-dbg-2"`, "known is hh-sol-dbg-1"}},
		"dbg leads outside":   {change(t, hardhat2(), "src/Bid.sol/Bid.dbg.json", "../../build", "../../../../build"), []string{"outside of the artifacts folder"}},
		"no build-info":       {without(hardhat2(), "build-info/aa.json"), []string{"build-info/aa.json is missing", recompile}},
		"another build-info":  {change(t, hardhat2(), "build-info/aa.json", "build-info-1", "build-info-9"), []string{"build-info/aa.json", `"hh-sol-build-info-9"`}},
		"broken build-info":   {change(t, hardhat2(), "build-info/aa.json", `"contracts"`, `contracts`), []string{"build-info/aa.json"}},
		"not in build-info":   {change(t, hardhat2(), "build-info/aa.json", `{"Bid": {`, `{"Bit": {`), []string{"does not hold src/Bid.sol:Bid", recompile}},
		"stale artifact":      {change(t, hardhat2(), "src/Lots.sol/Lots.json", "0x6001", "0x6009"), []string{"src/Lots.sol/Lots.json", "build-info/aa.json", "differ in the bytecode of src/Lots.sol:Lots"}},
		"bytecode is a list":  {change(t, hardhat2(), "src/Lots.sol/Lots.json", `"0x6001"`, `[]`), []string{"src/Lots.sol/Lots.json"}},
		"no bytecode":         {change(t, hardhat2(), "src/Lots.sol/Lots.json", `"bytecode"`, `"code"`), []string{"src/Lots.sol/Lots.json"}},
		"of another version":  {change(t, hardhat3(), bid, "hh3-artifact-1", "hh4-artifact-1"), []string{bid, `"hh4-artifact-1"`, "not supported"}},
		"no output":           {without(hardhat3(), "build-info/solc-1.output.json"), []string{"build-info/solc-1.output.json is missing", recompile}},
		"no input":            {without(hardhat3(), "build-info/solc-1.json"), []string{"build-info/solc-1.json is missing", recompile}},
		"id leads outside":    {change(t, hardhat3(), bid, `"solc-1"`, `"../../solc-1"`), []string{"outside of the artifacts folder"}},
		"no EVM version":      {change(t, hardhat3(), "build-info/solc-1.json", `"evmVersion": "cancun", `, ""), []string{"build-info/solc-1.json", "set evmVersion"}},
		"no compiler version": {change(t, hardhat3(), "build-info/solc-1.json", "solcLongVersion", "version"), []string{"build-info/solc-1.json", "compiler's version"}},
	} {
		_, err := ReadHardhat(c.folder)
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
	if _, err := ReadHardhat(os.DirFS("/nowhere/at/all")); err == nil || !strings.Contains(err.Error(), "build.out to Hardhat's artifacts folder") {
		t.Errorf("missing folder: %v", err)
	}
}

func TestReadSolcRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		folder fstest.MapFS
		want   []string
	}{
		"missing":     {fstest.MapFS{}, []string{"no build output out.json", "solc --standard-json", "build.out"}},
		"not JSON":    {fstest.MapFS{"out.json": {Data: []byte("Warning: pragma")}}, []string{"out.json"}},
		"no contract": {fstest.MapFS{"out.json": {Data: []byte("{}")}}, []string{"out.json holds no contract", "outputSelection"}},
		"an error": {
			fstest.MapFS{"out.json": {Data: []byte(`{"errors": [{"severity": "error", "message": "short", "formattedMessage": "A.sol:1: expected ;"}]}`)}},
			[]string{"out.json", "error of the compiler: A.sol:1: expected ;"},
		},
		"the input":   {fstest.MapFS{"out.json": {Data: []byte(`{"language": "Solidity", "sources": {}}`)}}, []string{"out.json is solc's input", "build.out"}},
		"no metadata": {change(t, solcOut(), "out.json", `{"Lots": {"abi": `+functionF+`, "metadata"`, `{"Lots": {"abi": `+functionF+`, "meta"`), []string{"src/Lots.sol:Lots", "no metadata", "outputSelection"}},
		"no bytecode": {change(t, solcOut(), "out.json", `"evm": {"bytecode": {"object": "6001"`, `"evm": {"code": {"object": "6001"`), []string{"src/Lots.sol:Lots", "no evm.bytecode"}},
		"twice":       {change(t, solcOut(), "out.json", `"src/Bid.sol": {"Bid"`, `"@acme/math/Sums.sol": {"Sums": `+solcContractJSON("a:b", "6009", "{}")+`}, "src/Bid.sol": {"Bid"`), []string{"@acme/math/Sums.sol:Sums was built twice"}},
	} {
		_, err := ReadSolc(c.folder, "out.json")
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

// What the settings leave out is the compiler's default.
func TestCompilerSettings(t *testing.T) {
	for text, want := range map[string]manifest.Compiler{
		`{}`: {Version: "v", Runs: 200},
		`{"optimizer": {"enabled": false, "runs": 7}, "evmVersion": "paris"}`: {Version: "v", Runs: 7, EVMVersion: "paris"},
		`{"optimizer": {"enabled": true}, "viaIR": true}`:                     {Version: "v", Runs: 200, Optimizer: true, ViaIR: true},
		`{"optimizer": {"details": {"cse": true}, "runs": 1}}`:                {Version: "v", Runs: 1, Optimizer: true},
	} {
		var s settings
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, s.compiler("v")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

// write puts a folder on the disk.
func write(t *testing.T, dir string, folder fstest.MapFS) {
	t.Helper()
	for name, file := range folder {
		place := path.Join(dir, name)
		if err := os.MkdirAll(path.Dir(place), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(place, file.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReadFindsTheTool(t *testing.T) {
	for name, c := range map[string]struct {
		folders map[string]fstest.MapFS
		at      Location
		want    Location
		err     string
	}{
		"forge":                {map[string]fstest.MapFS{"out": forgeOut()}, Location{}, Location{Forge, "out"}, ""},
		"Hardhat 2":            {map[string]fstest.MapFS{"artifacts": hardhat2()}, Location{}, Location{Hardhat, "artifacts"}, ""},
		"Hardhat 3":            {map[string]fstest.MapFS{"artifacts": hardhat3()}, Location{}, Location{Hardhat, "artifacts"}, ""},
		"both":                 {map[string]fstest.MapFS{"out": forgeOut(), "artifacts": hardhat2()}, Location{}, Location{}, "out is the output of forge, artifacts that of hardhat: set build.tool"},
		"both, one is meant":   {map[string]fstest.MapFS{"out": forgeOut(), "artifacts": hardhat2()}, Location{Tool: Hardhat}, Location{Hardhat, "artifacts"}, ""},
		"both, a folder":       {map[string]fstest.MapFS{"out": forgeOut(), "artifacts": hardhat2()}, Location{Out: "out"}, Location{Forge, "out"}, ""},
		"other artifacts":      {map[string]fstest.MapFS{"out": forgeOut(), "artifacts": {"a.json": {Data: []byte("[]")}}}, Location{}, Location{Forge, "out"}, ""},
		"neither":              {nil, Location{}, Location{}, "no build output: run forge build or npx hardhat compile"},
		"named folder":         {map[string]fstest.MapFS{"made": hardhat3()}, Location{Out: "made"}, Location{Hardhat, "made"}, ""},
		"named file":           {map[string]fstest.MapFS{"made": solcOut()}, Location{Out: "made/out.json"}, Location{Solc, "made/out.json"}, ""},
		"solc":                 {map[string]fstest.MapFS{"made": solcOut()}, Location{Solc, "made/out.json"}, Location{Solc, "made/out.json"}, ""},
		"solc without a file":  {nil, Location{Tool: Solc}, Location{}, "build.out is missing"},
		"unknown":              {nil, Location{Tool: "make"}, Location{}, "set it to forge, hardhat or solc"},
		"named folder missing": {nil, Location{Out: "gone"}, Location{}, "there is no build output"},
		"named folder empty":   {map[string]fstest.MapFS{"made": {"a.json": {Data: []byte("{")}}}, Location{Out: "made"}, Location{}, "holds no artifact of forge or hardhat"},
		"another tool's":       {map[string]fstest.MapFS{"out": hardhat2()}, Location{Tool: Forge}, Location{}, "is Hardhat's: set build.tool to hardhat"},
	} {
		dir := t.TempDir()
		for folder, files := range c.folders {
			write(t, path.Join(dir, folder), files)
		}
		o, err := Read(dir, c.at)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v, want %q", name, err, c.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := o.Find("Bid"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got, err := Locate(dir, c.at); err != nil || got != c.want {
			t.Errorf("%s: %v, %v; want %v", name, got, err, c.want)
		}
		abs := Location{c.want.Tool, path.Join(dir, c.want.Out)}
		if _, err := Read("/nowhere", abs); err != nil {
			t.Errorf("%s, absolute: %v", name, err)
		}
	}
}

// useAll asks for everything that an output holds.
func useAll(o *Output) {
	o.Contracts()
	for key := range o.contracts {
		if a, err := o.Find(key); err == nil {
			a.ABI.HasReceive()
		}
	}
}

func FuzzReadForge(f *testing.F) {
	for _, file := range out() {
		f.Add(file.Data)
	}
	f.Fuzz(func(_ *testing.T, data []byte) {
		if o, err := ReadForge(fstest.MapFS{"a.json": {Data: data}}); err == nil {
			useAll(o)
		}
	})
}

func FuzzReadHardhat(f *testing.F) {
	two, three := hardhat2(), hardhat3()
	const bid = "src/Bid.sol/Bid"
	f.Add(two[bid+".json"].Data, two[bid+".dbg.json"].Data, two["build-info/aa.json"].Data)
	f.Add(three[bid+".json"].Data, three["build-info/solc-1.json"].Data, three["build-info/solc-1.output.json"].Data)
	f.Fuzz(func(_ *testing.T, artifact, small, large []byte) {
		o, err := ReadHardhat(fstest.MapFS{
			bid + ".json": {Data: artifact}, bid + ".dbg.json": {Data: small}, "build-info/aa.json": {Data: large},
			"build-info/solc-1.json": {Data: small}, "build-info/solc-1.output.json": {Data: large},
		})
		if err == nil {
			useAll(o)
		}
	})
}

func FuzzReadSolc(f *testing.F) {
	f.Add(solcOut()["out.json"].Data)
	f.Add([]byte(`{"errors": [{}], "contracts": {"a": {"b": {"metadata": "{}", "evm": {"bytecode": {"object": "zz"}}}}}}`))
	f.Fuzz(func(_ *testing.T, data []byte) {
		if o, err := ReadSolc(fstest.MapFS{"out.json": {Data: data}}, "out.json"); err == nil {
			useAll(o)
		}
	})
}
