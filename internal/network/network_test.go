package network

import "testing"

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
		if got, ok := Lookup(n.Name); !ok || got != n {
			t.Errorf("Lookup(%s) = %+v, %v", n.Name, got, ok)
		}
		if got, ok := LookupID(n.ChainID); !ok || got != n {
			t.Errorf("LookupID(%d) = %+v, %v", n.ChainID, got, ok)
		}
	}
	for _, id := range []uint64{1, 42161, 8453} {
		if !ids[id] {
			t.Errorf("chain id %d is missing", id)
		}
	}
}
