package build

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed-b6a97670/lockstep/internal/layout"
)

// treeOf is the syntax tree of a contract with variables of 32 bytes.
func treeOf(source, name string, variables ...string) string {
	var nodes []string
	for i, v := range variables {
		nodes = append(nodes, fmt.Sprintf(`{"nodeType": "VariableDeclaration", "id": %d, "name": %q, "stateVariable": true, "src": "10:1:5",
			"typeDescriptions": {"typeIdentifier": "t_uint256", "typeString": "uint256"}}`, 10+i, v))
	}
	return fmt.Sprintf(`{"nodeType": "SourceUnit", "id": 1, "absolutePath": %q, "src": "0:1:5", "nodes": [{"nodeType": "ContractDefinition", "id": 2,
		"name": %q, "contractKind": "contract", "linearizedBaseContracts": [2], "src": "5:1:5", "nodes": [%s]}]}`, source, name, strings.Join(nodes, ", "))
}

// outputOf is the compiler's output for one contract.
func outputOf(source, name, bytecode string, variables ...string) string {
	return fmt.Sprintf(`{"sources": {%q: {"id": 5, "ast": %s}}, "contracts": {%q: {%q: {"evm": {"bytecode": {"object": %q, "linkReferences":
		{"src/Lib.sol": {"Lib": [{"start": 1, "length": 20}]}}}}}}}}`, source, treeOf(source, name, variables...), source, name, bytecode)
}

func inputOf(source, content string) string {
	return fmt.Sprintf(`{"language": "Solidity", "sources": {%q: {"content": %q}}}`, source, content)
}

const content = "// one\n// two\ncontract Vault {}"

func infoOf(format, source, name, bytecode string, variables ...string) string {
	return fmt.Sprintf(`{"_format": %q, "input": %s, "output": %s}`, format, inputOf(source, content), outputOf(source, name, bytecode, variables...))
}

const forgeInfo = "ethers-rs-sol-build-info-1"

// folderOf writes files into a folder.
func folderOf(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestCompilations(t *testing.T) {
	hardhat := infoOf(buildInfo2, "src/Vault.sol", "Vault", "6001", "a")
	half := fmt.Sprintf(`{"_format": %q, "input": %s}`, buildInfo3, inputOf("project/src/Vault.sol", content))
	other := fmt.Sprintf(`{"_format": %q, "output": %s}`, output3, outputOf("project/src/Vault.sol", "Vault", "6001", "a"))
	npm := fmt.Sprintf(`{"_format": %q, "output": %s}`, output3, outputOf("npm/@acme/vault@1.2.3/src/Vault.sol", "Vault", "6001", "a"))
	both := fmt.Sprintf(`{"input": %s, "output": %s}`, inputOf("src/Vault.sol", content), outputOf("src/Vault.sol", "Vault", "6001", "a"))
	for name, test := range map[string]struct {
		files    map[string]string
		place    string
		contract string
		at       string // where it is found
		fields   int
	}{
		"a project of forge": {
			map[string]string{"out/build-info/1.json": infoOf(forgeInfo, "src/Vault.sol", "Vault", "0x6001", "a", "b"), "out/Vault.sol/Vault.json": "{}"},
			".", "src/Vault.sol:Vault", "src/Vault.sol:2", 2,
		},
		"the out folder":              {map[string]string{"out/build-info/1.json": hardhat}, "out", "Vault", "src/Vault.sol:2", 1},
		"a project of Hardhat":        {map[string]string{"artifacts/build-info/1.json": hardhat}, ".", "Vault", "src/Vault.sol:2", 1},
		"a build-info folder":         {map[string]string{"saved/1.json": hardhat}, "saved", "Vault", "src/Vault.sol:2", 1},
		"a build-info file":           {map[string]string{"1.json": hardhat}, "1.json", "Vault", "src/Vault.sol:2", 1},
		"version 3 of Hardhat":        {map[string]string{"build-info/x.json": half, "build-info/x.output.json": other}, ".", "src/Vault.sol:Vault", "src/Vault.sol:2", 1},
		"version 3, input named":      {map[string]string{"x.json": half, "x.output.json": other}, "x.json", "Vault", "src/Vault.sol:2", 1},
		"version 3, output named":     {map[string]string{"x.json": half, "x.output.json": other}, "x.output.json", "Vault", "src/Vault.sol:2", 1},
		"version 3, of a package":     {map[string]string{"x.json": half, "x.output.json": npm}, "x.json", "@acme/vault/src/Vault.sol:Vault", "@acme/vault/src/Vault.sol:0", 1},
		"solc's output and input":     {map[string]string{"x.json": both}, "x.json", "Vault", "src/Vault.sol:2", 1},
		"solc's output":               {map[string]string{"x.json": outputOf("src/Vault.sol", "Vault", "", "a", "b", "c")}, "x.json", "Vault", "src/Vault.sol:0", 3},
		"a package in node_modules":   {map[string]string{"x.json": outputOf("node_modules/v/Vault.sol", "Vault", "", "a")}, "x.json", "v/Vault.sol:Vault", "v/Vault.sol:0", 1},
		"twice the same":              {map[string]string{"1.json": hardhat, "2.json": hardhat}, ".", "Vault", "src/Vault.sol:2", 1},
		"what is no build-info aside": {map[string]string{"1.json": hardhat, "cache.json": `{"files": {}}`}, ".", "Vault", "src/Vault.sol:2", 1},
		"two builds and forge's artifact": {
			map[string]string{
				"out/build-info/1.json": infoOf(forgeInfo, "src/Vault.sol", "Vault", "0x6001", "a"),
				"out/build-info/2.json": infoOf(forgeInfo, "src/Vault.sol", "Vault", "0x6002", "a", "b"), "out/Vault.sol/Vault.json": `{"bytecode": {"object": "0x6002"}}`,
			},
			".", "Vault", "src/Vault.sol:2", 2,
		},
		"two builds and Hardhat's artifact": {
			map[string]string{
				"artifacts/build-info/1.json": infoOf(buildInfo2, "src/Vault.sol", "Vault", "6001", "a"),
				"artifacts/build-info/2.json": infoOf(buildInfo2, "src/Vault.sol", "Vault", "6002", "a", "b"), "artifacts/src/Vault.sol/Vault.json": `{"bytecode": "0x6001"}`,
			},
			"artifacts/build-info", "Vault", "src/Vault.sol:2", 1,
		},
	} {
		dir := folderOf(t, test.files)
		all, err := ReadCompilations(filepath.Join(dir, test.place))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		c, err := all.Contract(test.contract)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if at := fmt.Sprintf("%s:%d", c.Storage[0].File, c.Storage[0].Line); at != test.at || len(c.Storage) != test.fields {
			t.Errorf("%s: %d variables, the first at %s; want %d at %s", name, len(c.Storage), at, test.fields, test.at)
		}
		// what the bytecode links is known
		if r := layout.Check(c, c, layout.Transparent); !slices.ContainsFunc(r.Findings, func(f layout.Finding) bool { return f.Kind == layout.ExternalLibraryLinking }) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestCompilationsThatAreNone(t *testing.T) {
	one := infoOf(buildInfo2, "src/Vault.sol", "Vault", "6001", "a")
	for name, test := range map[string]struct {
		files           map[string]string
		place, contract string
		want            string
	}{
		"no such place":  {nil, "nowhere", "Vault", "run forge build --build-info or npx hardhat compile"},
		"nothing in it":  {map[string]string{"a.txt": ""}, ".", "Vault", "holds no build-info and no output of solc: run forge build --build-info"},
		"a manifest":     {map[string]string{"a.json": `{"root": "0x"}`}, "a.json", "Vault", "holds no build-info"},
		"solc's input":   {map[string]string{"a.json": inputOf("A.sol", "")}, "a.json", "Vault", "holds no build-info"},
		"broken":         {map[string]string{"a.json": `{"output": [`}, "a.json", "Vault", "a.json: "},
		"both tools":     {map[string]string{"out/build-info/1.json": one, "artifacts/build-info/1.json": one}, ".", "Vault", "name the one that is meant"},
		"half of a pair": {map[string]string{"x.json": fmt.Sprintf(`{"_format": %q}`, buildInfo3)}, "x.json", "Vault", "x.output.json is missing beside x.json"},
		"no syntax trees": {
			map[string]string{"a.json": `{"sources": {"A.sol": {"id": 0}}, "contracts": {"A.sol": {"Vault": {}}}}`},
			"a.json", "Vault",
			"a.json: the build holds no syntax tree of A.sol: build with forge build --force --build-info",
		},
		"another contract": {map[string]string{"a.json": one}, "a.json", "src/Vault.sol:Vualt", "is not in the build-info of"},
		"a near one":       {map[string]string{"a.json": one}, "a.json", "src/Vault.sol:vault", "did you mean src/Vault.sol:Vault?"},
		"two of one name": {
			map[string]string{"a.json": one, "b.json": infoOf(buildInfo2, "old/Vault.sol", "Vault", "6001", "a")},
			".", "Vault",
			"contract Vault is ambiguous: name one of old/Vault.sol:Vault, src/Vault.sol:Vault",
		},
		"two builds": {
			map[string]string{"a.json": one, "b.json": infoOf(buildInfo2, "src/Vault.sol", "Vault", "6002", "a", "b")},
			".", "Vault",
			"contract src/Vault.sol:Vault is in a.json and b.json, and differs: name the file that is meant",
		},
		"two builds, and an artifact of neither": {
			map[string]string{
				"out/build-info/a.json": one, "out/build-info/b.json": infoOf(buildInfo2, "src/Vault.sol", "Vault", "6002", "a", "b"),
				"out/Vault.sol/Vault.json": `{"bytecode": {"object": "0x6003"}}`,
			},
			".", "Vault", "and differs",
		},
	} {
		dir := folderOf(t, test.files)
		all, err := ReadCompilations(filepath.Join(dir, test.place))
		if err == nil {
			_, err = all.Contract(test.contract)
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// What is asked of the compiler in addition is used.
func TestCompilationsWithStorageLayout(t *testing.T) {
	var raw map[string]any
	if err := json.Unmarshal([]byte(outputOf("A.sol", "Vault", "6001", "a")), &raw); err != nil {
		t.Fatal(err)
	}
	vault := raw["contracts"].(map[string]any)["A.sol"].(map[string]any)["Vault"].(map[string]any)
	vault["storageLayout"] = map[string]any{"storage": []any{map[string]any{"astId": 10, "label": "a", "slot": "77", "offset": 4, "type": "t_uint256"}}, "types": nil}
	data, err := json.Marshal(raw)
	if err != nil {
		t.Fatal(err)
	}
	all, err := ReadCompilations(filepath.Join(folderOf(t, map[string]string{"a.json": string(data)}), "a.json"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := all.Contract("Vault")
	if err != nil {
		t.Fatal(err)
	}
	if f := c.Storage[0]; f.Slot.String() != "77" || f.Offset != 4 {
		t.Errorf("slot %s, offset %d", f.Slot, f.Offset)
	}
}
