package manifest

import (
	"encoding/binary"
	"encoding/json"
	"flag"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/evm"
)

var update = flag.Bool("update", false, "write the golden files anew")

var arachnid = Factory{
	Name:     "arachnid",
	Address:  common.HexToAddress("0x4e59b44847b379578588920ca78fbf26c0b4956c"),
	CodeHash: common.HexToHash("0x2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989"),
}

// initCode deploys runtime: PUSH2 size DUP1 PUSH1 10 PUSH0 CODECOPY PUSH0 RETURN. What follows runtime, such as
// constructor arguments, is ignored.
func initCode(runtime []byte) []byte {
	code := []byte{0x61, 0, 0, 0x80, 0x60, 10, 0x5f, 0x39, 0x5f, 0xf3}
	binary.BigEndian.PutUint16(code[1:], uint16(len(runtime)))
	return append(code, runtime...)
}

// runtimeOf is code that only this contract has.
func runtimeOf(name string) []byte { return append([]byte{0x5b}, name...) }

// function is an entry of an ABI in JSON; a signature with types and no names.
func function(signature string) map[string]any {
	name, types, _ := strings.Cut(strings.TrimSuffix(signature, ")"), "(")
	inputs := []any{}
	for t := range strings.SplitSeq(types, ",") {
		if t != "" {
			inputs = append(inputs, map[string]any{"name": "", "type": t})
		}
	}
	kind := "function"
	if name == "constructor" || name == "receive" {
		kind = name
	}
	return map[string]any{"type": kind, "name": name, "inputs": inputs, "outputs": []any{}, "stateMutability": "payable"}
}

// artifact is a compiled contract with functions.
func artifact(t testing.TB, name string, signatures ...string) Artifact {
	t.Helper()
	entries := []any{}
	for _, s := range signatures {
		entries = append(entries, function(s))
	}
	text, err := json.Marshal(entries)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := abi.JSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return Artifact{
		Contract: "src/" + name + ".sol:" + name, ABI: parsed, Bytecode: initCode(runtimeOf(name)),
		Compiler: Compiler{Version: "0.8.37", EVMVersion: "cancun", Optimizer: true, Runs: 200},
	}
}

// soundSpec asks for two facets with five routes on pages of two, and an init call, on two networks.
func soundSpec(t testing.TB) Spec {
	t.Helper()
	return Spec{
		Project: "market", Tool: "lockstep test", Factory: arachnid, Salt: common.Hash{31: 7}, PageSize: 2,
		Networks: []Network{{"base", 8453}, {"ethereum", 1}},
		Facets: []FacetSpec{
			{
				Artifact: artifact(t, "Token", "constructor(uint256)", "transfer(address,uint256)", "balanceOf(address)", "mint(uint256)"),
				Args:     []any{"1000"}, Exclude: []string{"mint"},
			},
			{Artifact: artifact(t, "Market", "list(uint256)", "buy(uint256)", "receive()")},
		},
		Init: &InitSpec{
			Artifact: artifact(t, "Migrate", "constructor(bool)", "migrate(uint64)"), Args: []any{true},
			Function: "migrate", CallArgs: []any{"5"},
		},
	}
}

var soundRules = Rules{Reserved: map[Selector]string{SelectorOf("pause()"): "pause()"}}

func mustBuild(t testing.TB, spec Spec) *Manifest {
	t.Helper()
	m, err := Build(spec, evm.Runner{}, soundRules)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func mustEncode(t testing.TB, m *Manifest) []byte {
	t.Helper()
	text, err := Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// randomRoutes returns n routes with different selectors over a number of facets; the same for the same seed.
func randomRoutes(seed uint64, n, facets int) []PageRoute { return routesOn(1, 0, seed, n, facets) }

// routesOn returns random routes that belong on one of several pages.
func routesOn(pages, index uint32, seed uint64, n, facets int) []PageRoute {
	rng := rand.New(rand.NewPCG(seed, uint64(n)))
	seen := map[Selector]bool{}
	var out []PageRoute
	for len(out) < n {
		facet := byte(1 + len(out))
		if len(out) >= facets {
			facet = byte(1 + rng.IntN(facets))
		}
		r := PageRoute{Facet: common.Address{19: facet}, CodeHash: common.Hash{0: facet, 31: 0xcc}}
		binary.BigEndian.PutUint32(r.Selector[:], rng.Uint32N(math.MaxUint32/pages)*pages+index)
		if !seen[r.Selector] {
			seen[r.Selector] = true
			out = append(out, r)
		}
	}
	return out
}

func bySelector(routes []PageRoute) []PageRoute {
	return slices.SortedFunc(slices.Values(routes), func(a, b PageRoute) int {
		return slices.Compare(a.Selector[:], b.Selector[:])
	})
}
