package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"

	"github.com/seed-b6a97670/lockstep/internal/localnode"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// A protocol of a hundred functions: facet F answers f(F)_(i) with 100 F + i.
const (
	hundredFacets    = 5
	functionsOfFacet = 20
)

func hundredSource(facet int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "// SPDX-License-Identifier: MIT\npragma solidity 0.8.37;\n\ncontract F%d {\n", facet)
	for i := range functionsOfFacet {
		fmt.Fprintf(&b, "    function f%d_%d() external pure returns (uint256) { return %d; }\n", facet, i, 100*facet+i)
	}
	b.WriteString("}\n")
	return b.String()
}

const hundredConfig = `project: hundred
build: %s
dispatcher:
  delay: %d
  deployer: deployer
  roles:
    admin: [admin]
    governance: [admin]
    commit: [operator]
    apply: [operator]
    pauser: [guardian]
    emergency: [guardian]
facets: [%s]
networks:
%s  deployer: { keystore: keys/0.json, password: "file:password" }
  operator: { keystore: keys/1.json, password: "file:password" }
  guardian: { keystore: keys/2.json, password: "file:password" }
  admin: { keystore: keys/3.json, password: "file:password" }
`

// TestHundredFunctionsOnFourNodes is a manifest of a hundred selectors over five facets, built by every build tool, brought
// to three anvils and a geth that make a block a second, by a program that is killed after every write to its journal.
func TestHundredFunctionsOnFourNodes(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	nodes := fourNodes(t)
	var networks strings.Builder
	var proxies []*proxy
	for i, n := range nodes {
		var id hexutil.Uint64
		if err := n.call(ctx, &id, "eth_chainId"); err != nil {
			t.Fatal(err)
		}
		p := newProxy(t, n.url)
		proxies = append(proxies, p)
		fmt.Fprintf(&networks, "  - { name: node%d, chainId: %d, kind: local, grace: 30, rpc: [%q] }\n", i, uint64(id), p.url)
	}
	networks.WriteString("signers:\n")
	dirs := map[string]string{}
	var manifests []string
	for _, tool := range buildTools(t) {
		dir := hundredProject(t, tool)
		dirs[tool.name] = dir
		configureHundred(t, dir, tool, 5, networks.String())
		manifests = append(manifests, mustRead(t, filepath.Join(dir, "manifest.json")))
		if manifests[0] != manifests[len(manifests)-1] {
			t.Fatalf("the manifest of %s differs from the first", tool.name)
		}
	}
	m := &market{t: t, dir: dirs["Hardhat 3"]}
	for i := range devKeys {
		if err := lightKey(filepath.Join(m.dir, "keys", fmt.Sprintf("%d.json", i)), i); err != nil {
			t.Fatal(err)
		}
	}
	m.write("password", "light\n")
	var want manifest
	if err := json.Unmarshal([]byte(manifests[0]), &want); err != nil {
		t.Fatal(err)
	}
	if len(want.Pages) < 2 {
		t.Fatalf("%d pages: this test wants several", len(want.Pages))
	}

	before := make([]int, len(nodes))
	for i, n := range nodes {
		chain, err := n.transactions(ctx)
		if err != nil {
			t.Fatal(err)
		}
		before[i] = len(chain)
	}
	t.Logf("deploy: %d kills", m.killAfterEachWrite(400, "deploy", "--yes"))
	t.Logf("rollout: %d kills", m.killAfterEachWrite(400, "rollout", "--yes"))
	m.must("status", "--check")
	m.must("audit", "verify")

	var doc struct{ Dispatcher common.Address }
	if err := json.Unmarshal([]byte(m.must("status", "--json")), &doc); err != nil {
		t.Fatal(err)
	}
	for i, n := range nodes {
		m.node = n
		chain, err := n.transactions(ctx)
		if err != nil {
			t.Fatal(err)
		}
		proxies[i].checkOneEach(t, chain)
		checkCalls(t, chain[before[i]:], map[string]int{
			"create": 2 + hundredFacets, "grantRole": 7, "renounceRole": 2, "setEtaGrace": 1,
			"commitRoot": 1, "applyRoutes": len(want.Pages), "activateCommittedRoot": 1,
		})
		m.checkRoutes(ctx, doc.Dispatcher, want, 1)
		for f := range hundredFacets {
			for j := range functionsOfFacet {
				got, err := n.view(ctx, doc.Dispatcher, fmt.Sprintf("f%d_%d()", f, j))
				if err != nil || got[0] != common.BigToHash(big.NewInt(int64(100*f+j))) {
					t.Errorf("node %d: f%d_%d() answers %v, %v", i, f, j, got, err)
				}
			}
		}
	}
}

// configureHundred writes the configuration and builds the manifest. networks ends with the section signers begun.
func configureHundred(t *testing.T, dir string, tool buildTool, delay int, networks string) {
	t.Helper()
	var facets []string
	for f := range hundredFacets {
		facets = append(facets, fmt.Sprintf("{ contract: F%d }", f))
	}
	mustWrite(t, filepath.Join(dir, "lockstep.yaml"), fmt.Sprintf(hundredConfig, tool.location, delay, strings.Join(facets, ", "), networks))
	runIn(t, dir, lockstepBinary(), "manifest", "build")
}

func hundredProject(t *testing.T, tool buildTool) string {
	t.Helper()
	dir := t.TempDir()
	linkModules(t, dir, tool.modules)
	if err := os.Mkdir(filepath.Join(dir, "src"), 0o755); err != nil {
		t.Fatal(err)
	}
	for f := range hundredFacets {
		mustWrite(t, filepath.Join(dir, "src", fmt.Sprintf("F%d.sol", f)), hundredSource(f))
	}
	mustWrite(t, filepath.Join(dir, "foundry.toml"), fmt.Sprintf("[profile.default]\nsrc = \"src\"\nout = \"out\"\nlibs = []\nsolc = %q\n"+
		"offline = true\nevm_version = \"cancun\"\nvia_ir = true\noptimizer = true\noptimizer_runs = 200\nbytecode_hash = \"none\"\n"+
		"cbor_metadata = false\n", filepath.Join(places.root, "contracts", "script", "solc.js")))
	tool.compile(t, dir)
	return dir
}

// fourNodes starts three anvils and a geth. All make a block a second, and have the factory and the funds.
func fourNodes(t *testing.T) []*node {
	t.Helper()
	var nodes []*node
	for i := range 3 {
		nodes = append(nodes, newAnvil(t, "--chain-id", fmt.Sprint(31337+i), "--block-time", "1"))
	}
	g, err := localnode.Geth(places.geth)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Stop)
	geth := &node{g, g.URL, g.RPC}
	geth.fund(t)
	return append(nodes, geth)
}

// What a geth of its own needs: its developer account, whose key everybody knows, and the keyless transaction that makes the
// factory (github.com/Arachnid/deterministic-deployment-proxy).
const (
	gethDeveloper = "b71c71a67e1177ad4e901695e1b4b9ee17ae16c6668d313eac2f96dbcda3f291"
	factoryMaker  = "0x3fab184622dc19b6109349b94811493bf2a45362"
	makeFactory   = "0xf8a58085174876e800830186a08080b853604580600e600039806000f350fe7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff" +
		"e03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf31ba0222222222222222222222222222222222222222222222222222222222222" +
		"2222a02222222222222222222222222222222222222222222222222222222222222222"
)

// fund gives the accounts of the tests what they need on a new geth, and has the factory made.
func (n *node) fund(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	var id hexutil.Big
	if err := n.call(ctx, &id, "eth_chainId"); err != nil {
		t.Fatal(err)
	}
	key, err := crypto.HexToECDSA(gethDeveloper)
	if err != nil {
		t.Fatal(err)
	}
	receivers := []common.Address{common.HexToAddress(factoryMaker)}
	for i := range devKeys {
		receivers = append(receivers, devAddress(i))
	}
	for nonce, to := range receivers {
		tx, err := types.SignNewTx(key, types.LatestSignerForChainID(id.ToInt()), &types.DynamicFeeTx{
			ChainID: id.ToInt(), Nonce: uint64(nonce), Gas: 21_000, GasFeeCap: big.NewInt(10 * params.GWei), GasTipCap: big.NewInt(params.GWei),
			To: &to, Value: new(big.Int).Mul(big.NewInt(100), big.NewInt(params.Ether)),
		})
		if err != nil {
			t.Fatal(err)
		}
		raw, err := tx.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if err := n.call(ctx, nil, "eth_sendRawTransaction", hexutil.Bytes(raw)); err != nil {
			t.Fatal(err)
		}
	}
	// the pool takes it some time after the block that holds the funds
	sent := false
	err = n.awaitBlock(ctx, func(ctx context.Context) (bool, error) {
		if !sent {
			err := n.call(ctx, nil, "eth_sendRawTransaction", makeFactory)
			if sent = err == nil; !sent && !strings.Contains(err.Error(), "insufficient funds") {
				return false, err
			}
		}
		var code string
		err := n.call(ctx, &code, "eth_getCode", "0x4e59b44847b379578588920ca78fbf26c0b4956c", "latest")
		return code != "0x", err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func openJournal(t *testing.T, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), path, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
