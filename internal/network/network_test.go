package network

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/evm"
)

func TestCatalogueIsSound(t *testing.T) {
	names, ids := map[string]bool{}, map[uint64]bool{}
	for _, n := range All() {
		if names[n.Name] || ids[n.ChainID] {
			t.Errorf("%s (%d) stands twice", n.Name, n.ChainID)
		}
		names[n.Name], ids[n.ChainID] = true, true
		if n.Kind != Mainnet && n.Kind != Testnet {
			t.Errorf("%s: kind %q", n.Name, n.Kind)
		}
		if n.Grace < 30 || n.Grace > 300 {
			t.Errorf("%s: grace %d is refused by the dispatcher", n.Name, n.Grace)
		}
		if n.Kind == Mainnet && n.TimelockFloor < 3600 {
			t.Errorf("%s: timelock floor %d", n.Name, n.TimelockFloor)
		}
		if n.Confirmations == 0 || n.GasCap == 0 || n.BlockTime <= 0 || n.Status == "" {
			t.Errorf("%s: a field is missing: %+v", n.Name, n)
		}
		if n.Privacy != Relay && n.Privacy != Sequencer && n.Privacy != Public {
			t.Errorf("%s: privacy %q", n.Name, n.Privacy)
		}
		if !slices.Contains([]string{"none", "opstack", "arbitrum", "linea", "scroll"}, n.L1Fee) {
			t.Errorf("%s: l1Fee %q", n.Name, n.L1Fee)
		}
		for _, f := range n.Factories {
			if !slices.ContainsFunc(Factories(), func(known Factory) bool { return known.Name == f }) {
				t.Errorf("%s: factory %q is not described", n.Name, f)
			}
		}
		if got, ok := Lookup(n.Name); !ok || !reflect.DeepEqual(got, n) {
			t.Errorf("Lookup(%s) = %+v, %v", n.Name, got, ok)
		}
		if got, ok := LookupID(n.ChainID); !ok || !reflect.DeepEqual(got, n) {
			t.Errorf("LookupID(%d) = %+v, %v", n.ChainID, got, ok)
		}
	}
	// the 21 that the product was asked for
	for _, id := range []uint64{
		1, 137, 1101, 42161, 10, 8453, 43114, 250, 56, 204, 1329,
		11155111, 2442, 421614, 11155420, 84532, 43113, 4002, 97, 5611, 713715,
	} {
		if !ids[id] {
			t.Errorf("chain id %d is missing", id)
		}
	}
}

// TestEnoughNetworksAreUsable: whatever was retired, 11 mainnets and 10 testnets can be used.
func TestEnoughNetworksAreUsable(t *testing.T) {
	usable := map[string]int{}
	for _, n := range All() {
		if n.Usable() {
			usable[n.Kind]++
		}
	}
	if usable[Mainnet] < 11 || usable[Testnet] < 10 {
		t.Errorf("usable: %v", usable)
	}
}

func TestRefusal(t *testing.T) {
	for id, want := range map[uint64]string{1: "", 1101: "EXTCODEHASH", 324: "CREATE2", 2741: "CREATE2"} {
		n, ok := LookupID(id)
		if !ok {
			t.Fatalf("chain id %d is missing", id)
		}
		if got := n.Refusal(); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", n.Name, got, want)
		}
	}
}

func TestFactories(t *testing.T) {
	// Arachnid's and Safe's have the same code
	if f := Factories(); len(f) != 3 || f[0].CodeHash != f[1].CodeHash || f[0].CodeHash == f[2].CodeHash {
		t.Errorf("factories %v", f)
	}
	for _, f := range Factories() {
		if got, ok := LookupFactory(f.Name); !ok || got != f {
			t.Errorf("LookupFactory(%s) = %v, %v", f.Name, got, ok)
		}
	}
	if got, ok := LookupFactory("create3"); ok {
		t.Errorf("LookupFactory(create3) = %v", got)
	}
	if got := crypto.Keccak256Hash(evm.ArachnidRuntime); got != Factories()[0].CodeHash {
		t.Errorf("arachnid's code hash is %s", got)
	}
}
