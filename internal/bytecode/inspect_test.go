package bytecode_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/contracts"
	"github.com/seed-b6a97670/lockstep/examples/market"
	"github.com/seed-b6a97670/lockstep/internal/bytecode"
)

const (
	modules = "../../contracts/node_modules"
	solcjs  = "../../contracts/script/solc.js"
)

// ours are contracts that do one thing each.
const ours = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.35;
import "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";
import "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import "@openzeppelin/contracts/proxy/Clones.sol";
import "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {SolidStateDiamond} from "@solidstate/contracts/proxy/diamond/SolidStateDiamond.sol";
contract Plain { uint256 total; function add(uint256 x) external { total += x; } }
contract Delegates { function run(address to) external returns (bool done) { (done,) = to.delegatecall(""); } }
contract Callcodes { function run(address to) external returns (bool done) { assembly { done := callcode(gas(), to, 0, 0, 0, 0, 0) } } }
contract Destructs { function end(address payable to) external { selfdestruct(to); } }
contract DestructsDeep {
    uint256 total;
    function end(address payable to, uint256 x) external { if (x == total) finish(to); }
    function finish(address payable to) private { require(msg.sender == to); selfdestruct(to); }
}
contract Calls { function run(address to) external returns (bool done) { (done,) = to.call(""); (done,) = to.staticcall(""); } }
contract Data {
    bytes constant TABLE = hex"00f4ff00f4ff00f4ff00f4ff00f4ff00f4ff00f4ff00f4ff00f4ff00f4ff00f4ff00f4ff00f4ff00f4ff00f4ff00f4ff00f4ff00f4ff";
    function table() external pure returns (bytes memory) { return TABLE; }
    function word() external pure returns (bytes32) { return hex"f4fff4fff4fff4fff4fff4fff4fff4fff4fff4fff4fff4fff4fff4fff4fff4ff"; }
    function f4ff(uint256 x) external pure returns (bool) { if (x == 0xf4ff) revert("f4ff"); return x > 0xff; }
}
contract Upgradeable is UUPSUpgradeable { function _authorizeUpgrade(address) internal override {} }
contract Token is ERC20("Token", "TKN") { constructor() { _mint(msg.sender, 1); } }
contract Makes { function make(address what) external returns (address) { return Clones.clone(what); } }
contract Diamond is SolidStateDiamond { }
contract Factory { function make(address what) external returns (ERC1967Proxy) { return new ERC1967Proxy(what, ""); } }
contract ReadsBeacon {
    function slot() external view returns (bytes32 value) { assembly { value := sload(0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50) } }
}
contract ReadsBoth is ReadsBeacon {
    function other() external view returns (bytes32 value) { assembly { value := sload(0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc) } }
}
contract ReadsAdmin {
    function slot() external view returns (bytes32 value) { assembly { value := sload(0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103) } }
}`

const (
	implementation = "ERC-1967 implementation slot"
	beacon         = "ERC-1967 beacon slot"
	oz             = "@openzeppelin/contracts/proxy/"
)

var (
	delegates = bytecode.Findings{Delegatecalls: true}
	destructs = bytecode.Findings{Selfdestructs: true}
	none      = bytecode.Findings{}
)

var compiledContracts = map[string]bytecode.Findings{
	"ours.sol:Plain":         none,
	"ours.sol:Delegates":     delegates,
	"ours.sol:Callcodes":     delegates,
	"ours.sol:Destructs":     destructs,
	"ours.sol:DestructsDeep": destructs,
	"ours.sol:Calls":         none,
	"ours.sol:Data":          none,
	"ours.sol:Upgradeable":   {Delegatecalls: true, Proxy: implementation},
	"ours.sol:Token":         none,
	"ours.sol:Makes":         none,
	"ours.sol:Diamond":       delegates,
	"ours.sol:Factory":       {Delegatecalls: true, Proxy: implementation}, // of what it carries
	"ours.sol:ReadsAdmin":    none,
	"ours.sol:ReadsBeacon":   {Proxy: beacon},
	"ours.sol:ReadsBoth":     {Proxy: implementation + ", " + beacon},

	oz + "ERC1967/ERC1967Proxy.sol:ERC1967Proxy":                                   {Delegatecalls: true, Proxy: implementation},
	oz + "beacon/BeaconProxy.sol:BeaconProxy":                                      delegates,
	oz + "beacon/UpgradeableBeacon.sol:UpgradeableBeacon":                          none,
	oz + "transparent/TransparentUpgradeableProxy.sol:TransparentUpgradeableProxy": {Delegatecalls: true, Proxy: implementation},
	oz + "transparent/ProxyAdmin.sol:ProxyAdmin":                                   none,
}

func TestCompiledContracts(t *testing.T) {
	for name, settings := range map[string]string{
		"without optimizer": `{"optimizer": {"enabled": false}}`,
		"with optimizer":    `{"optimizer": {"enabled": true, "runs": 200}}`,
		"through Yul":       `{"optimizer": {"enabled": true, "runs": 200}, "viaIR": true}`,
		"for London":        `{"optimizer": {"enabled": true, "runs": 1}, "evmVersion": "london", "metadata": {"appendCBOR": false}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			codes := compile(t, settings)
			for contract, want := range compiledContracts {
				code, ok := codes[contract]
				if !ok || len(code) == 0 {
					t.Errorf("%s is not compiled", contract)
					continue
				}
				if diff := cmp.Diff(want, bytecode.Inspect(code)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", contract, diff)
				}
			}
		})
	}
}

// compile returns the runtime code of all contracts that are needed, by source and name.
func compile(t *testing.T, settings string) map[string]hexutil.Bytes {
	t.Helper()
	type source struct {
		Content string `json:"content"`
	}
	sources := map[string]source{"ours.sol": {ours}}
	imported := regexp.MustCompile(`(?m)^import\s[^"';]*["']([^"']+)["']`)
	var collect func(name, content string)
	collect = func(name, content string) {
		sources[name] = source{content}
		for _, m := range imported.FindAllStringSubmatch(content, -1) {
			full := m[1]
			if strings.HasPrefix(full, ".") {
				full = path.Join(path.Dir(name), full)
			}
			if _, ok := sources[full]; ok {
				continue
			}
			data, err := os.ReadFile(filepath.Join(modules, full))
			if err != nil {
				t.Fatalf("%v (is make setup done?)", err)
			}
			collect(full, string(data))
		}
	}
	collect("ours.sol", ours)
	for contract := range compiledContracts {
		if file, _, _ := strings.Cut(contract, ":"); file != "ours.sol" {
			collect("all.sol", fmt.Sprintf("import %q;\n", file))
		}
	}
	delete(sources, "all.sol")
	var chosen map[string]any
	if err := json.Unmarshal([]byte(settings), &chosen); err != nil {
		t.Fatal(err)
	}
	chosen["outputSelection"] = map[string]any{"*": map[string]any{"*": []string{"evm.deployedBytecode.object"}}}
	input, err := json.Marshal(map[string]any{"language": "Solidity", "sources": sources, "settings": chosen})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", solcjs, "--standard-json")
	cmd.Stdin = bytes.NewReader(input)
	answer, err := cmd.Output()
	if err != nil {
		t.Fatalf("solc: %v (is make setup done?)", err)
	}
	var output struct {
		Errors    []struct{ Severity, FormattedMessage string }
		Contracts map[string]map[string]struct {
			EVM struct {
				DeployedBytecode struct{ Object string }
			}
		}
	}
	if err := json.Unmarshal(answer, &output); err != nil {
		t.Fatal(err)
	}
	for _, e := range output.Errors {
		if e.Severity == "error" {
			t.Fatal(e.FormattedMessage)
		}
	}
	codes := map[string]hexutil.Bytes{}
	for file, contracts := range output.Contracts {
		for name, c := range contracts {
			codes[file+":"+name] = common.FromHex(c.EVM.DeployedBytecode.Object)
		}
	}
	return codes
}

// What the program deploys by itself, and its example.
func TestArtifacts(t *testing.T) {
	for file, code := range artifacts(t) {
		want := none
		switch path.Base(file) {
		case "ManifestDispatcher.json", "DispatcherExtension.json": // to facets and the extension, and to init calls
			want = delegates
		}
		if diff := cmp.Diff(want, bytecode.Inspect(code)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
}

func artifacts(t testing.TB) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, from := range []fs.FS{contracts.Artifacts, market.Files} {
		files, err := fs.Glob(from, "artifacts/*.json")
		if err != nil || len(files) == 0 {
			t.Fatalf("%d artifacts: %v", len(files), err)
		}
		for _, file := range files {
			data, err := fs.ReadFile(from, file)
			if err != nil {
				t.Fatal(err)
			}
			var a struct {
				DeployedBytecode struct{ Object hexutil.Bytes }
			}
			if err := json.Unmarshal(data, &a); err != nil {
				t.Fatal(err)
			}
			if len(a.DeployedBytecode.Object) > 0 { // an interface has none
				out[file] = a.DeployedBytecode.Object
			}
		}
	}
	return out
}

const target = "0xbEbEbEbEbEbEbEbEbEbEbEbEbEbEbEbEbEbEbEbE"

func TestClones(t *testing.T) {
	be := strings.ToLower(target[2:])
	to := common.HexToAddress(target).Hex()
	for name, c := range map[string]struct{ code, want string }{
		"ERC-1167":                {"363d3d373d3d3d363d73" + be + "5af43d82803e903d91602b57fd5bf3", "ERC-1167 minimal proxy to " + to},
		"ERC-1167 with arguments": {"363d3d373d3d3d363d73" + be + "5af43d82803e903d91602b57fd5bf3" + "00ff11", "ERC-1167 minimal proxy to " + to},
		"0age":                    {"3d3d3d3d363d3d37363d73" + be + "5af43d3d93803e602a57fd5bf3", "0age minimal proxy to " + to},
		"ERC-7511":                {"365f5f375f5f365f73" + be + "5af43d5f5f3e5f3d91602a57fd5bf3", "ERC-7511 minimal proxy to " + to},
		"Solady":                  {"5f5f365f5f37365f73" + be + "5af43d5f5f3e6029573d5ffd5b3d5ff3", "Solady minimal proxy to " + to},
		"Vyper":                   {"366000600037611000600036600073" + be + "5af4602c57600080fd5b6110006000f3", "Vyper minimal proxy to " + to},
		"Vyper's first":           {"366000600037611000600036600073" + be + "5af41558576110006000f3", "Vyper minimal proxy to " + to},

		"another end":      {"363d3d373d3d3d363d73" + be + "5af43d82803e903d91602b57fd5bf2", ""},
		"another head":     {"363d3d373d3d3d363e73" + be + "5af43d82803e903d91602b57fd5bf3", ""},
		"cut off":          {"363d3d373d3d3d363d73" + be + "5af43d82803e903d91602b57fd5b", ""},
		"an address short": {"363d3d373d3d3d363d73" + be[2:], ""},
	} {
		got := bytecode.Inspect(common.FromHex(c.code))
		if got.Proxy != c.want || got.Delegatecalls != (name != "an address short") || got.Delegated != nil {
			t.Errorf("%s: %+v, want %q", name, got, c.want)
		}
	}
}

// What stands in metadata is not code, though a hash may look like it.
func TestMetadataIsNoCode(t *testing.T) {
	const hash = "1220" + "5bf4ff5bf4ff5bf4ff5bf4ff5bf4ff5bf4ff5bf4ff5bf4ff5bf4ff5bf4ff5bf4"
	if got := bytecode.Inspect(common.FromHex("00fea264697066735822" + hash + "64736f6c63430008230033")); got != none {
		t.Errorf("%+v", got)
	}
	if got := bytecode.Inspect(common.FromHex("00fea264697066735822" + hash + "64736f6c63430008230034")); !got.Delegatecalls || !got.Selfdestructs {
		t.Errorf("with a wrong length: %+v", got)
	}
}

func TestDelegation(t *testing.T) {
	want := common.HexToAddress(target)
	account := append([]byte{0xef, 0x01, 0x00}, want[:]...)
	if got := bytecode.Inspect(account); got.Delegated == nil || *got.Delegated != want || got.Delegatecalls || got.Proxy != "" {
		t.Errorf("%+v", got)
	}
	for name, code := range map[string][]byte{
		"nothing": {}, "short": account[:22], "long": append(bytes.Clone(account), 0), "another version": append([]byte{0xef, 0x01, 0x01}, want[:]...),
		"EOF": append([]byte{0xef, 0x00, 0x01}, want[:]...),
	} {
		if to, ok := bytecode.Delegation(code); ok || bytecode.Inspect(code).Delegated != nil {
			t.Errorf("%s: delegated to %s", name, to)
		}
	}
}

// BenchmarkInspect reads the largest code that a network takes, and reports the time for it beside that for hashing it.
func BenchmarkInspect(b *testing.B) {
	var code []byte
	for _, part := range artifacts(b) {
		code = append(code, part...)
	}
	for len(code) < 24_576 {
		code = append(code, code...)
	}
	code = code[:24_576]
	var inspect, hash time.Duration
	for b.Loop() {
		start := time.Now()
		bytecode.Inspect(code)
		inspect += time.Since(start)
		start = time.Now()
		crypto.Keccak256(code)
		hash += time.Since(start)
	}
	b.ReportMetric(float64(inspect)/float64(hash), "inspect/keccak256")
}
