package manifest

import (
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/evm"
)

var (
	safe = Factory{
		Name: "safe", Address: common.HexToAddress("0x914d7Fec6aaC8cd542e72Bca78B30650d45643d7"), CodeHash: arachnid.CodeHash,
	}
	createx = Factory{
		Name: "createx", Address: common.HexToAddress("0xba5Ed099633D3B313e4D5F7bdc1305d3c28ba5Ed"),
		CodeHash: common.HexToHash("0xbd8a7ea8cfca7b4e5f5041d7d4b17bc317c5ce42cfbc42066a00cf26b43eb53f"),
	}
)

var (
	plainSalt   = common.HexToHash("0x0000000000000000000000000000000000000000000000000000000000000007")
	ownedSalt   = common.HexToHash("0x1111111111111111111111111111111111111111000000000000000000000007")
	chainedSalt = common.HexToHash("0x0000000000000000000000000000000000000000010000000000000000000007")
)

// TestEachFactoryPlacesContracts writes out what salt each factory hands to CREATE2: libraries, facets and init call follow
// from it, and the file alone tells.
func TestEachFactoryPlacesContracts(t *testing.T) {
	owner := common.LeftPadBytes(ownedSalt[:20], 32)
	for name, c := range map[string]struct {
		factory    Factory
		salt, used common.Hash
	}{
		"arachnid":             {arachnid, ownedSalt, ownedSalt},
		"safe":                 {safe, chainedSalt, chainedSalt},
		"createx, for anybody": {createx, plainSalt, crypto.Keccak256Hash(plainSalt[:])},
		"createx, for one":     {createx, ownedSalt, crypto.Keccak256Hash(owner, ownedSalt[:])},
	} {
		spec := linkedSpec(t)
		spec.Factory, spec.Salt = c.factory, c.salt
		m := mustBuild(t, spec)
		if m.Factory != c.factory || m.Salt != c.salt {
			t.Errorf("%s: factory %s, salt %s", name, m.Factory, m.Salt)
		}
		for _, d := range m.Deployments() {
			want := crypto.CreateAddress2(c.factory.Address, c.used, crypto.Keccak256(d.InitCode))
			if d.Address != want {
				t.Errorf("%s: %s is at %s, want %s", name, d.Contract, d.Address, want)
			}
		}
		if len(m.Deployments()) != 6 {
			t.Errorf("%s: %d deployments", name, len(m.Deployments()))
		}
		if diffs := verify(t, mustEncode(t, m)); len(diffs) > 0 {
			t.Errorf("%s: %v", name, diffs)
		}
	}
}

// TestFactoryIsRefused has files and specs with a factory or a salt that would not give the same addresses everywhere.
func TestFactoryIsRefused(t *testing.T) {
	strict := soundRules
	strict.Factories = []Factory{arachnid, safe, createx}
	change := func(f Factory, change func(*Factory)) Factory {
		change(&f)
		return f
	}
	const unknown = "this program deploys through [arachnid at 0x"
	for name, c := range map[string]struct {
		factory Factory
		salt    common.Hash
		want    string // it is right if empty
	}{
		"arachnid":           {arachnid, chainedSalt, ""},
		"safe":               {safe, ownedSalt, ""},
		"createx":            {createx, plainSalt, ""},
		"chain id":           {createx, chainedSalt, "addresses would differ between networks"},
		"byte 20":            {createx, common.Hash{20: 2}, "CreateX refuses it"},
		"owner and chain id": {createx, common.Hash{0: 1, 20: 1}, "addresses would differ between networks"},
		"another address":    {change(arachnid, func(f *Factory) { f.Address = safe.Address }), plainSalt, unknown},
		"another name":       {change(arachnid, func(f *Factory) { f.Name = "createx" }), plainSalt, unknown},
		"another code":       {change(createx, func(f *Factory) { f.CodeHash = safe.CodeHash }), plainSalt, unknown},
		"one more":           {change(safe, func(f *Factory) { f.Name = "mine" }), plainSalt, unknown},
	} {
		spec := soundSpec(t)
		spec.Factory, spec.Salt = c.factory, c.salt
		built, err := Build(spec, evm.Runner{}, strict)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		} else if err == nil || built != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("build, %s: %v, want %q", name, err, c.want)
		}
		m := mustBuild(t, soundSpec(t))
		m.Factory, m.Salt = c.factory, c.salt
		_, diffs, err := Verify(mustEncode(t, m), evm.Runner{}, strict)
		if c.want == "" {
			// the addresses are still those of another factory or salt
			if err != nil || !slices.ContainsFunc(diffs, func(d Difference) bool { return d.Path == "facets[0].address" }) {
				t.Errorf("verify, %s: %v, %v", name, diffs, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("verify, %s: %v, want %q", name, err, c.want)
		}
	}
	// without rules, the name alone must be one whose salts are known
	spec := soundSpec(t)
	spec.Factory.Name = "mine"
	if _, err := Build(spec, evm.Runner{}, soundRules); err == nil || !strings.Contains(err.Error(), `factory "mine" is not known`) {
		t.Errorf("a factory of an unknown name: %v", err)
	}
}
