package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Three versions of a contract that inherits from a package: the second is safe, the third is not.
var vaults = map[string]string{
	"src/V1.sol": "contract VaultV1 is Base { uint64 start; mapping(address => uint256) balances; }",
	"src/V2.sol": "contract VaultV2 is Base { uint64 start; uint64 end; mapping(address => uint256) balances; address keeper; }",
	"src/V3.sol": `contract VaultV3 is Base {
    uint128 start;
    address keeper;
    mapping(address => uint256) balances;
    constructor() { start = 1; }
    function stop() external { close(payable(keeper)); }
}`,
}

const (
	vaultHead = "// SPDX-License-Identifier: MIT\npragma solidity ^0.8.20;\n\nimport {Base} from \"@acme/base/Base.sol\";\n\n"
	vaultBase = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

abstract contract Base {
    /// @custom:storage-location erc7201:acme.base
    struct BaseStorage { address owner; uint256 fee; }
    uint256 total;
    function close(address payable to) internal { selfdestruct(to); }
}
`
	vaultForge = `[profile.default]
src = "src"
libs = ["node_modules"]
remappings = ["@acme/=node_modules/@acme/"]
offline = true
`
	// what a script of one's own keeps
	vaultSolc = `
const fs = require("fs");
const solc = require("solc");
const sources = { "@acme/base/Base.sol": { content: fs.readFileSync("node_modules/@acme/base/Base.sol", "utf8") } };
for (const file of fs.readdirSync("src")) sources["src/" + file] = { content: fs.readFileSync("src/" + file, "utf8") };
const input = {
  language: "Solidity",
  sources,
  settings: { outputSelection: { "*": { "": ["ast"], "*": ["storageLayout", "evm.bytecode"] } } },
};
fs.writeFileSync("output.json", JSON.stringify({ input, output: JSON.parse(solc.compile(JSON.stringify(input))) }));
`
)

// TestLayout checks versions of a contract that every tool has built: what is found is the same.
func TestLayout(t *testing.T) {
	t.Parallel()
	shown, safe, unsafe := map[string]string{}, map[string]string{}, map[string]string{}
	for _, tool := range buildTools(t) {
		dir := t.TempDir()
		place := dir
		files := map[string]string{
			"node_modules/@acme/base/Base.sol": vaultBase, "node_modules/@acme/base/package.json": `{ "name": "@acme/base", "version": "1.2.3" }`,
			"foundry.toml": vaultForge + fmt.Sprintf("solc = %q\n", filepath.Join(places.root, "contracts", "script", "solc.js")),
		}
		for name, text := range vaults {
			files[name] = vaultHead + text + "\n"
		}
		for name, text := range files {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
				t.Fatal(err)
			}
			mustWrite(t, filepath.Join(dir, name), text)
		}
		linkModules(t, dir, tool.modules)
		switch tool.name {
		case "forge":
			tool.build = append(tool.build, "--build-info")
		case "solc":
			tool.files = map[string]string{"build.js": vaultSolc}
			place = filepath.Join(dir, "output.json")
		}
		tool.compile(t, dir)
		shown[tool.name] = runIn(t, ".", lockstepBinary(), "layout", "show", "--build", place, "--contract", "src/V2.sol:VaultV2", "--json")
		var errText string
		var code int
		if safe[tool.name], errText, code = layoutCheck(t, place, place, "src/V2.sol:VaultV2", "--json"); code != 0 || errText != "" {
			t.Errorf("%s: exit code %d, %s", tool.name, code, errText)
		}
		if unsafe[tool.name], errText, code = layoutCheck(t, place, place, "VaultV3", "--json"); code != 1 || errText != "lockstep: the upgrade is not safe\n" {
			t.Errorf("%s: exit code %d, %s", tool.name, code, errText)
		}
		if tool.name != "forge" {
			continue
		}
		text, _, code := layoutCheck(t, place, filepath.Join(dir, "out"), "VaultV3")
		if diff := cmp.Diff(strings.ReplaceAll(vaultReport, "~", "`"), text); code != 1 || diff != "" {
			t.Errorf("exit code %d (-want +got):\n%s", code, diff)
		}
		for line := range strings.Lines(text) {
			if len(line) > 101 {
				t.Errorf("%d columns: %s", len(line)-1, line)
			}
		}
		for _, wrong := range []struct {
			old, contract string
			more          []string
			code          int
			want          string
		}{
			{place, "VaultV3", []string{"--kind", "proxy"}, 2, "--kind \"proxy\" is not known: it is one of uups, transparent, beacon, diamond"},
			{"", "VaultV3", nil, 2, "--old, --new and --contract are needed"},
			{filepath.Join(dir, "src"), "VaultV3", nil, 1, "old version: "},
			{place, "VaultV4", nil, 1, "new version: contract VaultV4 is not in the build-info of"},
		} {
			if _, errText, code := layoutCheck(t, wrong.old, place, wrong.contract, wrong.more...); code != wrong.code || !strings.Contains(errText, wrong.want) {
				t.Errorf("%v: exit code %d, %s", wrong, code, errText)
			}
		}
	}
	for name, outputs := range map[string]map[string]string{"show": shown, "the second version": safe, "the third": unsafe} {
		for tool, text := range outputs {
			if text != outputs["forge"] {
				t.Errorf("%s: %s and forge differ:\n%s\n%s", name, tool, text, outputs["forge"])
			}
		}
	}
	for _, part := range []string{`"ok": true`, `"kind": "transparent"`, `"changes": []`, `"findings": []`} {
		if !strings.Contains(safe["forge"], part) {
			t.Errorf("the second version does not say %s:\n%s", part, safe["forge"])
		}
	}
	for _, part := range []string{
		`"contract": "src/V2.sol:VaultV2"`, `"label": "keeper"`, `"id": "erc7201:acme.base"`, `"file": "@acme/base/Base.sol"`, `"line": 7`,
	} {
		if !strings.Contains(shown["forge"], part) {
			t.Errorf("show does not say %s:\n%s", part, shown["forge"])
		}
	}
}

// layoutCheck runs lockstep layout check on the first version and another.
func layoutCheck(t *testing.T, before, after, contract string, more ...string) (out, errText string, code int) {
	t.Helper()
	words := append([]string{"layout", "check", "--old", before, "--new", after, "--contract", "src/V1.sol:VaultV1", "--new-contract", contract}, more...)
	cmd := exec.CommandContext(t.Context(), lockstepBinary(), words...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

const vaultReport = `src/V1.sol:VaultV1 to src/V3.sol:VaultV3, transparent: NOT SAFE

CHANGE        VARIABLE  SLOT    WAS                   IS
typechange    start     1       uint64                uint128
insert        keeper    2       -                     address
layoutchange  balances  2 to 3  mapping(a...uint256)  mapping(a...uint256)

typechange start
  ~start~ was uint64 and is uint128: keep the type

insert keeper
  ~keeper~ takes storage that was another variable's: put new variables after all others, those of
  base contracts too, or into a gap

layoutchange balances
  ~balances~ moves from slot 2 to 3: what was stored is not found there: put variables back into
  their old order, with their old types

constructor, VaultV3 at src/V3.sol:10
  the constructor of ~VaultV3~ runs for the implementation, not for the proxy: move it to an
  initializer, or annotate it with @custom:oz-upgrades-unsafe-allow constructor if it only locks the
  implementation

selfdestruct, Base at @acme/base/Base.sol:8
  selfdestruct takes the balance of whatever delegates to this code, and called directly may remove
  the code itself: take it out, or annotate it with @custom:oz-upgrades-unsafe-allow selfdestruct
`
