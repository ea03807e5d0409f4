package config

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/examples/market"
	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

const sound = `project: demo
build:
  tool: forge
  out: artifacts
pageSize: 40
salt: "0x00000000000000000000000000000000000000000000000000000000000000aa"
dispatcher:
  delay: 7200
  deployer: deployer
  roles:
    admin: [safe, "0x4e59b44847b379578588920cA78FbF26c0B4956C"]
    governance: []
    commit: [operator]
    apply: [operator]
    pauser: [0x4e59b44847b379578588920ca78fbf26c0b4956c]
    emergency: [safe]
facets:
  - contract: src/Token.sol:Token
    args: ["1000", 5, true, [1, {a: x, b: False}], 0x0a, 1000000000000000000000000, -1000000000000000000000000]
    include: [transfer, balanceOf]
    exclude: ["0xa9059cbb"]
  - contract: Market
init:
  contract: src/Migrate.sol:Migrate
  args: []
  function: migrate
  callArgs: ["7"]
networks:
  - name: base
    grace: 45
    confirmations: 20
    gasCap: 5000000
    blockTime: 3
    rpc: ["env:BASE_RPC", "https://base.example/v1", "file:secret/url"]
  - name: arbitrum
    rpc: ["wss://arb.example"]
  - name: mytestnet
    chainId: 424242
    kind: testnet
    rpc: ["http://127.0.0.1:8545"]
signers:
  deployer: { keystore: keys/deployer.json, password: "env:DEPLOYER_PASSWORD" }
  operator:
    keystore: keys/operator.json
    password: "file:operator.password"
    address: "0x4e59b44847b379578588920cA78FbF26c0B4956C"
  safe: { address: "0x914d7Fec6aaC8cd542e72Bca78B30650d45643d7" }
approvals:
  approvers: ["0x00000000000000000000000000000000000a11ce", operator, "0x0000000000000000000000000000000000000b0b", 0x0000000000000000000000000000000000000ca1]
  required: 3
  hotfix: 4
  pause: 1
  cancel: 2
  others: 1
  validFor: 36h
`

func TestParseSoundFile(t *testing.T) {
	arachnid := common.HexToAddress("0x4e59b44847b379578588920ca78fbf26c0b4956c")
	base, _ := network.Lookup("base")
	base.Grace, base.Confirmations, base.GasCap, base.BlockTime = 45, 20, 5_000_000, 3
	arbitrum, _ := network.Lookup("arbitrum")
	want := &Config{
		File: "dir/f.yaml", Dir: "dir", Project: "demo", Build: Build{Tool: "forge", Out: "artifacts"}, PageSize: 40,
		Salt: common.Hash{31: 0xaa}, Factory: network.Factories()[0],
		Dispatcher: Dispatcher{
			Delay: 7200, Deployer: "deployer",
			Roles: map[string][]Account{
				"admin": {{Signer: "safe"}, {Address: arachnid}}, "commit": {{Signer: "operator"}}, "apply": {{Signer: "operator"}},
				"pauser": {{Address: arachnid}}, "emergency": {{Signer: "safe"}},
			},
		},
		Facets: []Facet{
			{
				Contract: "src/Token.sol:Token", Include: []string{"transfer", "balanceOf"}, Exclude: []string{"0xa9059cbb"}, Line: 18,
				Args: []any{
					"1000", "5", true,
					[]any{"1", map[string]any{"a": "x", "b": false}},
					"0x0a", "1000000000000000000000000",
					"-1000000000000000000000000",
				},
			},
			{Contract: "Market", Line: 22},
		},
		Init: &Init{Contract: "src/Migrate.sol:Migrate", Function: "migrate", CallArgs: []any{"7"}, Line: 24},
		Networks: []Network{
			{Network: base, RPC: []Ref{"env:BASE_RPC", "https://base.example/v1", "file:secret/url"}, Line: 29},
			{Network: arbitrum, RPC: []Ref{"wss://arb.example"}, Line: 35},
			{
				Network: network.Network{
					Name: "mytestnet", ChainID: 424242, Kind: "testnet", Status: "live", BlockTime: 1, Grace: 60, Confirmations: 1,
					GasCap: 16_777_216, Opcodes: network.Opcodes{Push0: true, Mcopy: true, TransientStorage: true},
					CodeHash: "keccak256", Create2: "eip1014", Privacy: "public", L1Fee: "none",
				},
				RPC: []Ref{"http://127.0.0.1:8545"}, Line: 37,
			},
		},
		Signers: map[string]Signer{
			"deployer": {Keystore: "keys/deployer.json", Password: "env:DEPLOYER_PASSWORD", Line: 42},
			"operator": {Keystore: "keys/operator.json", Password: "file:operator.password", Address: arachnid, Line: 44},
			"safe":     {Address: common.HexToAddress("0x914d7Fec6aaC8cd542e72Bca78B30650d45643d7"), Line: 47},
		},
		Rollout: rollout.Policy{Kind: rollout.Independent, Waves: []rollout.Wave{}},
		Approvals: &Approvals{
			Approvers: []Account{
				{Address: common.HexToAddress("0xa11ce")}, {Signer: "operator"}, {Address: common.HexToAddress("0xb0b")}, {Address: common.HexToAddress("0xca1")},
			},
			Required: 3, Hotfix: 4, Pause: 1, Cancel: 2, Others: 1, ValidFor: 36 * time.Hour, Line: 49,
		},
		Serve:  Serve{Listen: DefaultListen, Poll: 12 * time.Second, Health: time.Minute},
		Alerts: usual(),
	}
	got, err := Parse("dir/f.yaml", []byte(sound))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for p, want := range map[string]string{"keys/a.json": "dir/keys/a.json", "/abs/a.json": "/abs/a.json", "../a": "a"} {
		if got := got.Path(p); got != want {
			t.Errorf("Path(%s) = %s, want %s", p, got, want)
		}
	}
}

const minimal = `project: demo
dispatcher:
  deployer: d
  roles: {admin: [o], commit: [o], apply: [o], pauser: [o], emergency: [o]}
facets: [{contract: A}]
networks: [{name: local, chainId: 31337, kind: local, rpc: ["http://localhost:8545"]}]
signers: {d: {keystore: k, password: "env:P"}, o: {keystore: o, password: "env:P"}}
approvals: {approvers: ["0x00000000000000000000000000000000000a11ce", "0x0000000000000000000000000000000000000b0b", "0x0000000000000000000000000000000000000ca1"]}
`

func TestDefaults(t *testing.T) {
	got, err := Parse("f.yaml", []byte(minimal))
	if err != nil {
		t.Fatal(err)
	}
	if got.Build != (Build{}) || got.PageSize != 0 || got.Sending != (Sending{}) || got.Salt != (common.Hash{}) || got.Dispatcher.Delay != 3600 || got.Dir != "." || got.Init != nil || got.Factory != network.Factories()[0] {
		t.Errorf("%+v", got)
	}
	want := network.Network{
		Name: "local", ChainID: 31337, Kind: "local", Status: "live", BlockTime: 1, Grace: 60, Confirmations: 1, GasCap: 16_777_216,
		Opcodes: network.Opcodes{Push0: true, Mcopy: true, TransientStorage: true}, CodeHash: "keccak256", Create2: "eip1014",
		Privacy: "public", L1Fee: "none",
	}
	if diff := cmp.Diff(want, got.Networks[0].Network); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRefusedNetworks(t *testing.T) {
	for id, want := range map[string]string{"324": "CREATE2", "1101": "EXTCODEHASH"} {
		text := strings.Replace(minimal, "name: local, chainId: 31337, kind: local", "name: x, chainId: "+id, 1)
		if _, err := Parse("f.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("chain id %s: %v", id, err)
		}
	}
}

func TestNetworkByItsChainID(t *testing.T) {
	text := strings.Replace(minimal, "name: local, chainId: 31337, kind: local", "name: l1, chainId: 1, allowPublic: true", 1)
	got, err := Parse("f.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want, _ := network.LookupID(1)
	want.Name = "l1"
	if diff := cmp.Diff(want, got.Networks[0].Network); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What is not in the catalogue is no reason for a shorter timelock.
func TestOwnMainnetHasAFloorToo(t *testing.T) {
	for kind, want := range map[string]string{
		"mainnet": "f.yaml:3: dispatcher.delay is 60 s, own is a mainnet and wants at least 3600 s", "testnet": "", "local": "",
	} {
		text := strings.NewReplacer("name: local, chainId: 31337, kind: local", "name: own, chainId: 31337, kind: "+kind,
			"  deployer: d\n", "  delay: 60\n  deployer: d\n").Replace(minimal)
		if _, err := Parse("f.yaml", []byte(text)); fmt.Sprint(err) != want && (want != "" || err != nil) {
			t.Errorf("%s: %v, want %q", kind, err, want)
		}
	}
}

func TestFeesAndSending(t *testing.T) {
	entry := func(more string) string { return strings.Replace(minimal, "kind: local,", "kind: local, "+more+",", 1) }
	for more, want := range map[string]Network{
		`fees: legacy`: {LegacyFees: true}, `fees: eip1559`: {}, `maxFee: 30 gwei`: {MaxFee: big.NewInt(30_000_000_000)},
		`maxFee: "0.05 gwei"`: {MaxFee: big.NewInt(50_000_000)}, `maxFee: 0.000000001 gwei`: {MaxFee: big.NewInt(1)},
	} {
		c, err := Parse("f.yaml", []byte(entry(more)))
		if err != nil {
			t.Errorf("%s: %v", more, err)
			continue
		}
		got := c.Networks[0]
		if got.LegacyFees != want.LegacyFees || (got.MaxFee == nil) != (want.MaxFee == nil) || want.MaxFee != nil && got.MaxFee.Cmp(want.MaxFee) != 0 {
			t.Errorf("%s: %v, %v", more, got.LegacyFees, got.MaxFee)
		}
	}
	for more, want := range map[string]string{
		`fees: cheap`:       `networks[0].fees is "cheap", must be eip1559 or legacy`,
		`maxFee: 30`:        `networks[0].maxFee is "30", must be an amount such as "30 gwei" or "0.05 gwei"`,
		`maxFee: 0 gwei`:    `networks[0].maxFee is "0 gwei"`,
		`maxFee: -1 gwei`:   `networks[0].maxFee is "-1 gwei"`,
		`maxFee: [30 gwei]`: `networks[0].maxFee is ""`,
		`l1Fee: free`:       `networks[0].l1Fee is "free", known are none, opstack, arbitrum, scroll and linea`,
	} {
		if _, err := Parse("f.yaml", []byte(entry(more))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", more, err, want)
		}
	}
	c, err := Parse("f.yaml", []byte(minimal+"sending: {careful: True, batchDelay: 5}\n"))
	if err != nil || !c.Sending.Careful || c.Sending.BatchDelay != 5*time.Second {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestMistakes(t *testing.T) {
	const zero = "0x0000000000000000000000000000000000000000"
	for name, c := range map[string]struct {
		old, new string // what is replaced in the sound file; all of it if old is empty
		want     []string
	}{
		"unknown key": {
			"pageSize: 40", "pagesize: 40",
			[]string{`5: unknown key "pagesize" in the file; did you mean "pageSize"?`},
		},
		"unknown key, nothing near": {
			"  tool: forge", "  tool: forge\n  colour: red",
			[]string{`4: unknown key "colour" in build; known are tool, out`},
		},
		"unknown key of a facet": {
			"    include:", "    includes:",
			[]string{`20: unknown key "includes" in facets[0]; did you mean "include"?`},
		},
		"unknown role": {
			"    pauser:", "    pausers:",
			[]string{
				`11: dispatcher.roles.pauser is missing: name at least one holder`,
				`15: unknown key "pausers" in dispatcher.roles; did you mean "pauser"?`,
			},
		},
		"key twice": {
			"pageSize: 40", "pageSize: 40\npageSize: 50",
			[]string{`6: key "pageSize" stands twice in the file: remove one`},
		},
		"key twice in an argument": {
			"{a: x, b: False}", "{a: x, a: y}",
			[]string{`19: facets[0].args: key "a" stands twice: remove one`},
		},
		"signer twice": {
			"  safe: {", "  deployer: {",
			[]string{
				`11: dispatcher.roles.admin names "safe", which is neither an address nor under signers`,
				`16: dispatcher.roles.emergency names "safe", which is neither an address nor under signers`,
				`47: key "deployer" stands twice in signers: remove one`,
			},
		},
		"no project":       {"project: demo\n", "", []string{`1: project is missing: give the protocol a name`}},
		"project is empty": {"project: demo", `project: ""`, []string{`1: project is missing: give the protocol a name`}},
		"project is null":  {"project: demo", `project: ~`, []string{`1: project is missing: give the protocol a name`}},
		"project is a list": {
			"project: demo", "project: [demo]",
			[]string{`1: project must be text`},
		},
		"unknown build tool":    {"tool: forge", "tool: make", []string{`3: build.tool is "make", known are forge, hardhat and solc`}},
		"solc without its file": {"tool: forge\n  out: artifacts", "tool: solc", []string{`3: build.out is missing: name the file with solc's output`}},
		"careful in words":      {"pageSize: 40", "sending: {careful: often}", []string{`5: sending.careful must be true or false`}},
		"batch delay":           {"pageSize: 40", "sending: {batchDelay: 301}", []string{`5: sending.batchDelay is "301", must be a whole number from 0 to 300`}},
		"sending, other key":    {"pageSize: 40", "sending: {batchdelay: 5}", []string{`5: unknown key "batchdelay" in sending; did you mean "batchDelay"?`}},
		"page size 0":           {"pageSize: 40", "pageSize: 0", []string{`5: pageSize is "0", must be a whole number from 1 to 100`}},
		"page size 101":         {"pageSize: 40", "pageSize: 101", []string{`5: pageSize is "101", must be a whole number from 1 to 100`}},
		"page size in words":    {"pageSize: 40", "pageSize: many", []string{`5: pageSize is "many", must be a whole number from 1 to 100`}},
		"page size negative":    {"pageSize: 40", "pageSize: -1", []string{`5: pageSize is "-1", must be a whole number from 1 to 100`}},
		"page size 1e1":         {"pageSize: 40", "pageSize: 1e1", []string{`5: pageSize is "1e1", must be a whole number from 1 to 100`}},
		"page size is a map":    {"pageSize: 40", "pageSize: {a: 1}", []string{`5: pageSize is "", must be a whole number from 1 to 100`}},
		"salt too short": {
			"000000aa\"", "aa\"",
			[]string{`6: salt is "0x00000000000000000000000000000000000000000000000000000000aa", must be 0x and 64 hex digits, in quotes`},
		},
		"build is text": {"build:\n  tool: forge\n  out: artifacts\n", "build: forge\n", []string{`2: build must be a mapping of tool, out`}},

		"no dispatcher": {
			sound[strings.Index(sound, "dispatcher:"):strings.Index(sound, "facets:")], "",
			[]string{`1: dispatcher is missing: it needs deployer and roles`},
		},
		"delay below a mainnet's floor": {
			"delay: 7200", "delay: 3599",
			[]string{
				`8: dispatcher.delay is 3599 s, base is a mainnet and wants at least 3600 s`,
				`8: dispatcher.delay is 3599 s, arbitrum is a mainnet and wants at least 3600 s`,
			},
		},
		"delay 0":          {"delay: 7200", "delay: 0", []string{`8: dispatcher.delay is "0", must be a whole number from 1 to 31536000`}},
		"no deployer":      {"  deployer: deployer\n", "", []string{`8: dispatcher.deployer is missing: name the signer that deploys`}},
		"empty deployer":   {"deployer: deployer", `deployer: ""`, []string{`8: dispatcher.deployer is missing: name the signer that deploys`}},
		"unknown deployer": {"deployer: deployer", "deployer: deploier", []string{`9: dispatcher.deployer names "deploier", which is not under signers`}},
		"no roles": {
			sound[strings.Index(sound, "  roles:"):strings.Index(sound, "facets:")], "",
			[]string{`8: dispatcher.roles is missing: say who holds admin, governance, commit, apply, pauser, emergency`},
		},
		"no admin":    {`    admin: [safe, "0x4e59b44847b379578588920cA78FbF26c0B4956C"]` + "\n", "", []string{`11: dispatcher.roles.admin is missing: name at least one holder`}},
		"empty admin": {`[safe, "0x4e59b44847b379578588920cA78FbF26c0B4956C"]`, "[]", []string{`11: dispatcher.roles.admin is missing: name at least one holder`}},
		"unknown signer in a role": {
			"commit: [operator]", "commit: [operators]",
			[]string{`13: dispatcher.roles.commit names "operators", which is neither an address nor under signers`},
		},
		"role is text": {"commit: [operator]", "commit: operator", []string{`13: dispatcher.roles.commit must be a list`}},
		"wrong checksum": {
			`"0x4e59b44847b379578588920cA78FbF26c0B4956C"]`, `"0x4e59b44847b379578588920ca78FbF26c0B4956C"]`,
			[]string{`11: dispatcher.roles.admin is "0x4e59b44847b379578588920ca78FbF26c0B4956C", whose checksum (EIP-55) is wrong: is a digit mistyped? (0x4e59b44847b379578588920cA78FbF26c0B4956C would be right)`},
		},
		"address too short": {
			"[0x4e59b44847b379578588920ca78fbf26c0b4956c]", "[0x4e59b4]",
			[]string{`15: dispatcher.roles.pauser is "0x4e59b4", must be an address: 0x and 40 hex digits`},
		},
		"zero address": {
			"[0x4e59b44847b379578588920ca78fbf26c0b4956c]", "[" + zero + "]",
			[]string{`15: dispatcher.roles.pauser is the zero address`},
		},

		"no facets": {
			sound[strings.Index(sound, "facets:"):strings.Index(sound, "init:")], "",
			[]string{`1: facets is missing: list the contracts whose functions the dispatcher is to answer`},
		},
		"facet twice":              {"contract: Market", "contract: src/Token.sol:Token", []string{`22: facet src/Token.sol:Token stands twice: remove one`}},
		"facet without contract":   {"  - contract: Market", "  - args: []", []string{`22: facets[1].contract is missing: name it as path:Name or Name`}},
		"facet with no name":       {"contract: Market", `contract: ""`, []string{`22: facets[1].contract is missing: name it as path:Name or Name`}},
		"facet is text":            {"  - contract: Market", "  - Market", []string{`22: facets[1] must be a mapping of contract, args, include, exclude`, `22: facets[1].contract is missing: name it as path:Name or Name`}},
		"args is text":             {`["7"]`, `"7"`, []string{`27: init.callArgs must be a list`}},
		"argument is a fraction":   {`["7"]`, `[1.5]`, []string{`27: init.callArgs: "1.5" is not an argument; write text, whole numbers, true or false, lists or mappings`}},
		"argument is a power":      {`["7"]`, `[1e18]`, []string{`27: init.callArgs: "1e18" is not an argument; write text, whole numbers, true or false, lists or mappings`}},
		"argument is null":         {`["7"]`, `[~]`, []string{`27: init.callArgs: "~" is not an argument; write text, whole numbers, true or false, lists or mappings`}},
		"argument is a date":       {`["7"]`, `[2026-01-01]`, []string{`27: init.callArgs: "2026-01-01" is not an argument; write text, whole numbers, true or false, lists or mappings`}},
		"include holds a list":     {"[transfer, balanceOf]", "[transfer, [balanceOf]]", []string{`20: facets[0].include must be a list of text`}},
		"init without function":    {"  function: migrate\n", "", []string{`24: init.function is missing: name the function that is called once at activation`}},
		"init with empty function": {"function: migrate", `function: ""`, []string{`24: init.function is missing: name the function that is called once at activation`}},
		"nested too deep": {
			`["7"]`, strings.Repeat("[", 40) + strings.Repeat("]", 40),
			[]string{`27: init.callArgs is nested too deeply`},
		},
		"alias of itself": {`["7"]`, `&a [*a]`, []string{`27: init.callArgs is nested too deeply`}},

		"no networks": {
			sound[strings.Index(sound, "networks:"):strings.Index(sound, "signers:")], "",
			[]string{`1: networks is missing: list at least one`},
		},
		"network twice": {
			"name: arbitrum", "name: base",
			[]string{`35: network base stands twice: remove one`, `35: networks base and base have the same chain id 8453`},
		},
		"chain id twice": {
			"chainId: 424242\n    kind: testnet", "chainId: 8453",
			[]string{`37: networks base and mytestnet have the same chain id 8453`},
		},
		"catalogue name with another chain id": {
			"name: arbitrum", "name: arbitrum\n    chainId: 42170",
			[]string{`36: networks[1].chainId is 42170, but arbitrum has chain id 42161: choose another name`},
		},
		"kind contradicts the catalogue": {
			"name: arbitrum", "name: arbitrum\n    kind: testnet",
			[]string{`36: networks[1].kind is "testnet", but chain id 42161 is a mainnet`},
		},
		"kind contradicts the chain id": {
			"chainId: 424242", "chainId: 1\n    allowPublic: true",
			[]string{`40: networks[2].kind is "testnet", but chain id 1 is a mainnet`},
		},
		"unknown kind":      {"kind: testnet", "kind: tesnet", []string{`37: networks[2].kind must be mainnet, testnet or local`}},
		"own network alone": {"    chainId: 424242\n", "", []string{`37: network "mytestnet" is not in the catalogue: give its chainId and kind`}},
		"grace too short": {
			"kind: testnet", "kind: testnet\n    grace: 29",
			[]string{`40: networks[2].grace is "29", must be a whole number from 30 to 300`},
		},
		"no endpoint":       {`    rpc: ["wss://arb.example"]` + "\n", "", []string{`35: networks[1].rpc is missing: list endpoints, as URLs or env:NAME`}},
		"endpoint is text":  {`["wss://arb.example"]`, `"wss://arb.example"`, []string{`35: networks[1].rpc is missing: list endpoints, as URLs or env:NAME`, `36: networks[1].rpc must be a list`}},
		"URL with password": {"wss://arb.example", "https://joe:hunter2@arb.example", []string{`36: networks[1].rpc holds a user or password: refer to the URL with env:NAME or file:PATH`}},
		"URL with user":     {"wss://arb.example", "https://hunter2@arb.example", []string{`36: networks[1].rpc holds a user or password: refer to the URL with env:NAME or file:PATH`}},
		"another scheme":    {"wss://arb.example", "ftp://joe:hunter2@arb.example", []string{`36: networks[1].rpc is not an http, https, ws or wss URL, nor env:NAME or file:PATH`}},
		"a part of a scheme": {
			"wss://arb.example", "ttp://arb.example",
			[]string{`36: networks[1].rpc is not an http, https, ws or wss URL, nor env:NAME or file:PATH`},
		},
		"no scheme":            {"wss://arb.example", "//arb.example", []string{`36: networks[1].rpc is not an http, https, ws or wss URL, nor env:NAME or file:PATH`}},
		"host alone":           {"wss://arb.example", "arb.example:8545", []string{`36: networks[1].rpc is not an http, https, ws or wss URL, nor env:NAME or file:PATH`}},
		"reference to nothing": {"wss://arb.example", "env:", []string{`36: networks[1].rpc is not an http, https, ws or wss URL, nor env:NAME or file:PATH`}},

		"signer with nothing":       {`{ address: "0x914d7Fec6aaC8cd542e72Bca78B30650d45643d7" }`, "{}", []string{`47: signers.safe needs a keystore, or an address if it never signs here`}},
		"keystore without password": {`, password: "env:DEPLOYER_PASSWORD"`, "", []string{`42: signers.deployer.password is missing: refer to it with env:NAME or file:PATH`}},
		"secret in the file":        {"env:DEPLOYER_PASSWORD", "hunter2", []string{`42: signers.deployer.password must refer to the secret with env:NAME or file:PATH; it must not stand in this file`}},
		"secret is a number":        {`"env:DEPLOYER_PASSWORD"`, "5552368", []string{`42: signers.deployer.password must refer to the secret with env:NAME or file:PATH; it must not stand in this file`}},
		"signers is a list": {sound[strings.Index(sound, "signers:"):strings.Index(sound, "approvals:")], "signers: []\n", []string{
			`9: dispatcher.deployer names "deployer", which is not under signers`,
			`11: dispatcher.roles.admin names "safe", which is neither an address nor under signers`,
			`13: dispatcher.roles.commit names "operator", which is neither an address nor under signers`,
			`14: dispatcher.roles.apply names "operator", which is neither an address nor under signers`,
			`16: dispatcher.roles.emergency names "safe", which is neither an address nor under signers`,
			`41: signers must be a mapping of names`,
			`43: approvals.approvers names "operator", which is neither an address nor under signers`,
		}},

		"empty file":        {"", "", []string{`1: the file is empty: write one with lockstep init`}},
		"comment alone":     {"", "# nothing here\n", []string{`1: the file is empty: write one with lockstep init`}},
		"not YAML":          {"", "project: demo\n  build: x\n", []string{`2: not YAML: mapping values are not allowed in this context`}},
		"not YAML at all":   {"", "project: [demo\n", []string{`1: not YAML: did not find expected ',' or ']'`}},
		"unknown anchor":    {"", "project: *who\n", []string{`1: not YAML: unknown anchor 'who' referenced`}},
		"control character": {"", "project: \x00\n", []string{`1: not YAML: control characters are not allowed`}},
		"tab":               {"", "project:\n\tdemo\n", []string{`2: not YAML: found character that cannot start any token`}},
		"a list": {"", "- project: demo\n", []string{
			`1: the file must be a mapping of project, build, pageSize, salt, factory, database, sending, approvals, verification, rollout, dispatcher, facets, init, networks, signers, serve, alerts`,
			`1: project is missing: give the protocol a name`,
			`1: facets is missing: list the contracts whose functions the dispatcher is to answer`,
			`1: dispatcher is missing: it needs deployer and roles`,
			`1: networks is missing: list at least one`,
		}},
		"second document": {
			"  validFor: 36h\n", "  validFor: 36h\n---\nproject: other\n",
			[]string{`56: a second YAML document begins here: the file must hold one`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			text := c.new
			if c.old != "" {
				if !strings.Contains(sound, c.old) {
					t.Fatalf("the sound file does not hold %q", c.old)
				}
				text = strings.Replace(sound, c.old, c.new, 1)
			}
			got, err := Parse("f.yaml", []byte(text))
			var problems *Error
			if !errors.As(err, &problems) {
				t.Fatalf("%+v, %v; want an *Error", got, err)
			}
			if got != nil {
				t.Error("a configuration comes with the error")
			}
			var want []string
			for _, w := range c.want {
				want = append(want, "f.yaml:"+w)
			}
			if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, secret := range []string{"hunter2", "5552368"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%q tells a secret", err)
				}
			}
		})
	}
}

func TestAllProblemsAreToldAtOnceInTheirOrder(t *testing.T) {
	text := strings.NewReplacer(
		"pageSize: 40", "pageSize: 400", "delay: 7200", "delay: soon", "commit: [operator]", "commit: [nobody]",
		"contract: Market", "kontract: Market", "grace: 45", "grace: 5", "env:DEPLOYER_PASSWORD", "secret",
		"kind: testnet", "kind: nonsense",
	).Replace(sound)
	want := []string{
		`f.yaml:5: pageSize is "400", must be a whole number from 1 to 100`,
		`f.yaml:8: dispatcher.delay is "soon", must be a whole number from 1 to 31536000`,
		`f.yaml:13: dispatcher.roles.commit names "nobody", which is neither an address nor under signers`,
		`f.yaml:22: unknown key "kontract" in facets[1]; did you mean "contract"?`,
		`f.yaml:22: facets[1].contract is missing: name it as path:Name or Name`,
		`f.yaml:30: networks[0].grace is "5", must be a whole number from 30 to 300`,
		`f.yaml:37: networks[2].kind must be mainnet, testnet or local`,
		`f.yaml:42: signers.deployer.password must refer to the secret with env:NAME or file:PATH; it must not stand in this file`,
	}
	_, err := Parse("f.yaml", []byte(text))
	if err == nil {
		t.Fatal("no error")
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A message that changes from run to run cannot be compared with the last one.
func TestProblemsHaveOneOrder(t *testing.T) {
	text := strings.Replace(minimal, `{d: {keystore: k, password: "env:P"}, o: {keystore: o, password: "env:P"}}`, "{d: {}, o: {}, b: {}, a: {}, z: {}, y: {}, x: {}}", 1)
	_, first := Parse("f.yaml", []byte(text))
	if first == nil || strings.Count(first.Error(), "\n") != 6 {
		t.Fatalf("%v", first)
	}
	for range 20 {
		if _, err := Parse("f.yaml", []byte(text)); err == nil || err.Error() != first.Error() {
			t.Fatalf("once:\n%v\nand then:\n%v", first, err)
		}
	}
}

// A few hundred bytes of aliases that stand for more values than memory holds.
func TestAliasBombIsRefused(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("    args:\n      - &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := range 12 {
		bomb.WriteString("      - &a" + string(rune('b'+i)) + " [")
		bomb.WriteString(strings.TrimSuffix(strings.Repeat("*a"+string(rune('a'+i))+", ", 10), ", ") + "]\n")
	}
	text := strings.ReplaceAll(bomb.String(), "&a0", "&aa")
	for name, args := range map[string]string{"layers": text, "itself": "    args: &a [*a, *a, *a]\n"} {
		file := []byte(strings.Replace(sound, "  - contract: Market\n", "  - contract: Market\n"+args, 1))
		done := make(chan error, 1)
		go func() {
			_, err := Parse("f.yaml", file)
			done <- err
		}()
		select {
		case err := <-done:
			var problems *Error
			if !errors.As(err, &problems) || len(problems.Problems) > 2 || !strings.Contains(err.Error(), "facets[1].args") {
				t.Errorf("%s: %v", name, err)
			}
		case <-time.After(5 * time.Second):
			panic("the aliases of " + name + " are being expanded") // the goroutine would fill the memory
		}
	}
}

// Aliases that share a value are what they are for.
func TestAliases(t *testing.T) {
	text := strings.Replace(minimal, "{admin: [o], commit: [o]", "{admin: &who [o], commit: *who", 1)
	c, err := Parse("f.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c.Dispatcher.Roles["admin"], c.Dispatcher.Roles["commit"]); diff != "" || len(c.Dispatcher.Roles["admin"]) != 1 {
		t.Errorf("(-admin +commit):\n%s", diff)
	}
}

func TestBooleansAreReadAsYAMLMeansThem(t *testing.T) {
	text := strings.Replace(sound, `["7"]`, `[true, True, TRUE, false, False, FALSE, "true", yes]`, 1)
	c, err := Parse("f.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{true, true, true, false, false, false, "true", "yes"}, c.Init.CallArgs); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestExamplesParse(t *testing.T) {
	for _, file := range []string{"lockstep.yaml", "lockstep-v2.yaml"} {
		text, err := market.Files.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c, err := Parse(file, text)
		if err != nil {
			t.Errorf("%s:\n%v", file, err)
			continue
		}
		if len(c.Networks) != 3 || len(c.Facets) != 3 || len(c.Signers) != 8 || (c.Init != nil) != (file == "lockstep-v2.yaml") {
			t.Errorf("%s: %+v", file, c)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "lockstep.yaml")
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "lockstep init") || !strings.Contains(err.Error(), path) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := Load(dir); err == nil {
		t.Error("a folder was read")
	}
	if err := os.WriteFile(path, []byte(minimal), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil || c.File != path || c.Dir != dir {
		t.Errorf("%+v, %v", c, err)
	}
	if err := os.WriteFile(path, append([]byte(minimal), bytes.Repeat([]byte("#\n"), 1<<19)...), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || err.Error() != path+":1: the file is larger than 1048576 bytes" {
		t.Errorf("large file: %v", err)
	}
}

func TestResolve(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("password", "hunter2\r\n")
	absolute := write("spaces", " with spaces \n\n")
	write("empty", "\n")
	write("largest", strings.Repeat("x", maxSecret))
	write("large", strings.Repeat("x", maxSecret+1))
	t.Setenv("LOCKSTEP_TEST_SECRET", "hunter2")
	t.Setenv("LOCKSTEP_TEST_EMPTY", "")
	c := &Config{Dir: dir}
	for ref, want := range map[Ref]string{
		"env:LOCKSTEP_TEST_SECRET": "hunter2", "file:password": "hunter2", Ref("file:" + absolute): " with spaces ",
		"https://eth.example/key": "https://eth.example/key", "file:largest": strings.Repeat("x", maxSecret),
	} {
		if got, err := c.Resolve(ref); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", ref, got, err, want)
		}
	}
	for ref, want := range map[Ref]string{
		"env:LOCKSTEP_TEST_MISSING": "LOCKSTEP_TEST_MISSING is not set", "env:LOCKSTEP_TEST_EMPTY": "LOCKSTEP_TEST_EMPTY is not set",
		"file:missing": filepath.Join(dir, "missing"), "file:empty": "empty", "file:large": "larger than", "file:.": dir,
	} {
		got, err := c.Resolve(ref)
		if err == nil || got != "" || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %q, %v; want an error with %q", ref, got, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(sound))
	f.Add([]byte(minimal))
	f.Add([]byte("facets: &a [{contract: *a, args: &b [*b, {*a : *b}]}]\nsigners: {? [a] : b}\n"))
	f.Add([]byte("---\n---\n"))
	f.Add([]byte("<<: {project: x}\n? {a: b}\n: c\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("f.yaml", text)
		if (c == nil) != (err != nil) {
			t.Fatalf("%+v and %v", c, err)
		}
		var problems *Error
		if err == nil {
			if c.Project == "" || len(c.Facets) == 0 || len(c.Networks) == 0 || c.PageSize < 0 || c.Dispatcher.Deployer == "" {
				t.Fatalf("accepted: %+v", c)
			}
			return
		}
		if !errors.As(err, &problems) || len(problems.Problems) == 0 {
			t.Fatalf("%v is no *Error", err)
		}
		for _, p := range problems.Problems {
			if p.File != "f.yaml" || p.Line < 1 || p.Message == "" {
				t.Fatalf("%+v", p)
			}
		}
		if !slices.IsSortedFunc(problems.Problems, func(a, b Problem) int { return a.Line - b.Line }) {
			t.Fatalf("not in order: %v", err)
		}
	})
}
