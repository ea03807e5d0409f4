package manifest

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/evm"
)

// codeOf is a Runner that leaves the same code everywhere.
type codeOf []byte

func (c codeOf) Create(uint64, common.Address, common.Hash, [][]byte, []byte, common.Address) ([]byte, error) {
	return c, nil
}

// with is init code that returns JUMPDEST and one word, of which the opcodes give the last 31 bytes.
func with(opcodes ...byte) []byte {
	return append(opcodes, 0x5f, 0x52, 0x60, 0x5b, 0x5f, 0x53, 0x60, 0x20, 0x5f, 0xf3) // MSTORE, MSTORE8, RETURN
}

func withCode(t *testing.T, code []byte) func(*Spec) {
	t.Helper()
	return func(s *Spec) { s.Facets[1].Artifact.Bytecode = code }
}

func TestBuildRefuses(t *testing.T) {
	market, token, migrate := "src/Market.sol:Market", "src/Token.sol:Token", "src/Migrate.sol:Migrate"
	chainIDCode := func(id byte) string {
		return crypto.Keccak256Hash(append([]byte{0x5b}, append(make([]byte, 30), id)...)).Hex()
	}
	for name, c := range map[string]struct {
		change func(*Spec)
		want   []string // all of these are in the message
	}{
		"function of two facets": {
			func(s *Spec) { s.Facets[1].Artifact = artifact(t, "Coin", "transfer(address,uint256)", "buy(uint256)") },
			[]string{"0xa9059cbb", "transfer(address,uint256) of src/Coin.sol:Coin", "transfer(address,uint256) of " + token, "exclude"},
		},
		"selector of two functions": {
			func(s *Spec) {
				s.Facets[0].Artifact, s.Facets[0].Args = artifact(t, "Token", "burn(uint256)", "mint(uint256)"), nil
				s.Facets[1].Artifact = artifact(t, "Market", "collate_propagate_storage(bytes16)")
			},
			[]string{"0x42966c68", "burn(uint256) of " + token, "collate_propagate_storage(bytes16) of " + market},
		},
		"selector of the dispatcher": {
			func(s *Spec) { s.Facets[1].Artifact = artifact(t, "Market", "pause()") },
			[]string{market, "pause()", "0x8456cb59", "dispatcher's own pause()", "exclude"},
		},
		"facet without code": {
			withCode(t, initCode(nil)),
			[]string{"facet " + market, "no code"},
		},
		"code over the limit of EIP-170": {
			withCode(t, initCode(bytes.Repeat([]byte{0x5b}, MaxCodeSize+1))),
			[]string{"facet " + market, "max code size exceeded"},
		},
		"code begins with 0xef": {
			withCode(t, initCode([]byte{0xef, 0x01})),
			[]string{"facet " + market, "0xef"},
		},
		"code begins with 0x00": {
			withCode(t, initCode([]byte{0x00, 0x01})),
			[]string{"facet " + market, "0x00"},
		},
		"code differs between networks": {
			func(s *Spec) {
				s.Networks = []Network{{"base", 200}, {"ethereum", 1}}
				s.Facets[1].Artifact.Bytecode = with(0x46) // CHAINID
			},
			[]string{"facet " + market, "differs between ethereum (" + chainIDCode(1) + ") and base (" + chainIDCode(200) + ")", "chain id"},
		},
		"code depends on the block": {
			withCode(t, with(0x42)), // TIMESTAMP
			[]string{"facet " + market, "on ethereum (chain id 1)", "depends on the block"},
		},
		"constructor reverts": {
			withCode(t, []byte{0x5f, 0x5f, 0xfd}),
			[]string{"facet " + market, "on ethereum (chain id 1)", "reverts"},
		},
		"abstract contract": {
			withCode(t, nil),
			[]string{"facet " + market, "no bytecode", "abstract"},
		},
		"all functions excluded": {
			func(s *Spec) { s.Facets[1].Exclude = []string{"list", "buy", "receive"} },
			[]string{"facet " + market, "no routes"},
		},
		"facet without functions": {
			func(s *Spec) { s.Facets[1].Artifact = artifact(t, "Market") },
			[]string{"facet " + market, "no routes"},
		},
		"no facets": {
			func(s *Spec) { s.Facets = nil },
			[]string{"no routes", "at least one facet"},
		},
		"no networks": {
			func(s *Spec) { s.Networks = nil },
			[]string{"no network", "at least one"},
		},
		"chain id twice": {
			func(s *Spec) { s.Networks = []Network{{"base", 8453}, {"ethereum", 1}, {"other", 8453}} },
			[]string{"base", "other", "same chain id 8453"},
		},
		"page size 0":   {func(s *Spec) { s.PageSize = 0 }, []string{"pageSize is 0", "1 to 100"}},
		"page size 101": {func(s *Spec) { s.PageSize = 101 }, []string{"pageSize is 101", "1 to 100"}},
		"too many routes for the pages": {
			func(s *Spec) {
				var all []string
				for i := range 256 {
					all = append(all, "f"+strings.Repeat("x", i)+"()")
				}
				s.PageSize, s.Facets[1].Artifact = 1, artifact(t, "Market", all...)
			},
			[]string{"258 routes", "pages of 1", "pageSize"},
		},
		"facet listed twice": {
			func(s *Spec) {
				s.Facets[0].Include, s.Facets[0].Exclude = []string{"transfer"}, nil
				s.Facets = append(s.Facets, s.Facets[0])
				s.Facets[2].Include = []string{"balanceOf"}
			},
			[]string{"facets " + token + " and " + token, "same init code"},
		},
		"two names for one contract": {
			func(s *Spec) {
				s.Facets[0].Args, s.Facets[0].Artifact.Bytecode = []any{5}, initCode(runtimeOf("Market"))
				s.Facets[1].Artifact.Bytecode = append(initCode(runtimeOf("Market")), common.Hash{31: 5}.Bytes()...)
			},
			[]string{market, token, "same init code"},
		},
		"constructor argument missing": {
			func(s *Spec) { s.Facets[0].Args = nil },
			[]string{"facet " + token, "constructor", "1 arguments (uint256)", "0 are given"},
		},
		"constructor takes none": {
			func(s *Spec) { s.Facets[1].Args = []any{"5"} },
			[]string{"facet " + market, "constructor", "0 arguments", "1 are given"},
		},
		"constructor argument of another type": {
			func(s *Spec) { s.Facets[0].Args = []any{true} },
			[]string{"facet " + token, "constructor", "number 1", "true is not an integer"},
		},
		"constructor argument out of range": {
			func(s *Spec) { s.Facets[0].Args = []any{"-1"} },
			[]string{"facet " + token, "constructor", "number 1", "-1 does not fit in uint256"},
		},
		"address with a wrong checksum": {
			func(s *Spec) {
				s.Facets[1].Artifact = artifact(t, "Market", "constructor(address)", "buy()")
				s.Facets[1].Args = []any{"0x4e59b44847b379578588920cA78FbF26c0B4956c"}
			},
			[]string{"facet " + market, "0x4e59b44847b379578588920cA78FbF26c0B4956c", "checksum", "0x4e59b44847b379578588920cA78FbF26c0B4956C"},
		},
		"include of an unknown function": {
			func(s *Spec) { s.Facets[0].Include = []string{"tranfser"} },
			[]string{"facet " + token, "include names tranfser", "balanceOf(address), mint(uint256), transfer(address,uint256)"},
		},
		"exclude of an unknown function": {
			func(s *Spec) { s.Facets[0].Exclude = []string{"mint(uint128)"} },
			[]string{"facet " + token, "exclude names mint(uint128)", "mint(uint256)"},
		},
		"overloaded init function": {
			func(s *Spec) {
				s.Init.Artifact, s.Init.Args = artifact(t, "Migrate", "migrate(uint64)", "migrate(address)"), nil
			},
			[]string{"init " + migrate, "migrate is overloaded", "migrate(address)", "migrate(uint64)"},
		},
		"unknown init function": {
			func(s *Spec) { s.Init.Function = "migrated" },
			[]string{"init " + migrate, "no function migrated", "migrate(uint64)"},
		},
		"init argument out of range": {
			func(s *Spec) { s.Init.CallArgs = []any{"18446744073709551616"} },
			[]string{"init " + migrate, "migrate(uint64)", "18446744073709551616 does not fit in uint64"},
		},
		"init constructor argument missing": {
			func(s *Spec) { s.Init.Args = nil },
			[]string{"init " + migrate, "constructor", "1 arguments (bool)"},
		},
		"init is abstract": {
			func(s *Spec) { s.Init.Artifact.Bytecode = nil },
			[]string{"init " + migrate, "no bytecode"},
		},
		"init without code": {
			func(s *Spec) { s.Init.Artifact.Bytecode = initCode(nil) },
			[]string{"init " + migrate, "no code"},
		},
		"init differs between networks": {
			func(s *Spec) { s.Init.Artifact.Bytecode = with(0x46) },
			[]string{"init " + migrate, "differs between ethereum", "and base"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			spec := soundSpec(t)
			c.change(&spec)
			m, err := Build(spec, evm.Runner{}, soundRules)
			if err == nil {
				t.Fatalf("built with root %s", m.Root)
			}
			if m != nil {
				t.Errorf("a manifest comes with the error")
			}
			if len(err.Error()) > 700 {
				t.Errorf("error of %d characters: %.200s...", len(err.Error()), err)
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not hold %q", err, part)
				}
			}
		})
	}
}

// The dispatcher refuses such code whatever the network that made it says, so the manifest must too.
func TestBuildRefusesCodeThatARunnerLetsPass(t *testing.T) {
	for name, c := range map[string]struct {
		code []byte
		want string
	}{
		"empty":     {nil, "no code"},
		"too large": {bytes.Repeat([]byte{0x5b}, 24577), "24577 bytes, the limit (EIP-170) is 24576"},
		"0xef":      {[]byte{0xef, 0x01, 0x00}, "begins with 0xef"},
		"0x00":      {[]byte{0x00, 0x5b}, "begins with 0x00"},
	} {
		_, err := Build(soundSpec(t), codeOf(c.code), soundRules)
		if err == nil || !strings.Contains(err.Error(), "facet src/Market.sol:Market") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := Build(soundSpec(t), codeOf(bytes.Repeat([]byte{0x5b}, 24576)), soundRules); err != nil {
		t.Errorf("code of 24576 bytes: %v", err)
	}
}

type brokenRunner struct{ error }

func (r brokenRunner) Create(uint64, common.Address, common.Hash, [][]byte, []byte, common.Address) ([]byte, error) {
	return nil, r.error
}

func TestBuildPassesTheRunnersErrorOn(t *testing.T) {
	broken := errors.New("out of paper")
	if _, err := Build(soundSpec(t), brokenRunner{broken}, soundRules); !errors.Is(err, broken) {
		t.Errorf("%v, want %v", err, broken)
	}
}

func TestIncludeAndExclude(t *testing.T) {
	all := []string{"f()", "f(uint256)", "g(address)", "receive()"}
	for name, c := range map[string]struct{ include, exclude, want []string }{
		"all":                       {nil, nil, all},
		"by name, all overloads":    {[]string{"f"}, nil, []string{"f()", "f(uint256)"}},
		"by signature":              {[]string{"f(uint256)"}, nil, []string{"f(uint256)"}},
		"by selector":               {[]string{"0x26121ff0"}, nil, []string{"f()"}},
		"by selector in upper case": {[]string{"0x26121FF0"}, nil, []string{"f()"}},
		"receive":                   {[]string{"receive"}, nil, []string{"receive()"}},
		"receive by selector":       {nil, []string{"0x00000000"}, []string{"f()", "f(uint256)", "g(address)"}},
		"exclude":                   {nil, []string{"f"}, []string{"g(address)", "receive()"}},
		"exclude wins":              {[]string{"f"}, []string{"f()"}, []string{"f(uint256)"}},
		"named twice":               {[]string{"g", "g(address)"}, nil, []string{"g(address)"}},
	} {
		routes, err := selectRoutes(FacetSpec{Artifact: artifact(t, "Token", all...), Include: c.include, Exclude: c.exclude})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for _, r := range routes {
			got = append(got, r.Signature)
			if r.Selector != SelectorOf(r.Signature) {
				t.Errorf("%s: %s has selector %s", name, r.Signature, r.Selector)
			}
		}
		if slices.Sort(got); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// A contract's fallback has no selector, so it never becomes a route.
func TestFallbackIsNoRoute(t *testing.T) {
	parsed, err := abi.JSON(strings.NewReader(`[{"type":"fallback","stateMutability":"payable"},
		{"type":"event","name":"E","inputs":[]},{"type":"error","name":"F","inputs":[]},
		{"type":"function","name":"f","inputs":[],"outputs":[],"stateMutability":"pure"}]`))
	if err != nil {
		t.Fatal(err)
	}
	if got := signatures(parsed); !slices.Equal(got, []string{"f()"}) {
		t.Errorf("%v, want f() alone", got)
	}
}

func TestInitFunctionBySignature(t *testing.T) {
	spec := soundSpec(t)
	spec.Init.Artifact, spec.Init.Args = artifact(t, "Migrate", "migrate(uint64)", "migrate(address)"), nil
	spec.Init.Function = "migrate(uint64)"
	m := mustBuild(t, spec)
	if want := append(crypto.Keccak256([]byte("migrate(uint64)"))[:4], common.Hash{31: 5}.Bytes()...); !bytes.Equal(m.Init.Data, want) {
		t.Errorf("call data is %s, want %#x", m.Init.Data, want)
	}
}
