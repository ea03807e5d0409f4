package rollout

import (
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"pgregory.net/rapid"
)

var (
	adminRole      = common.HexToHash("0x00")
	governanceRole = common.HexToHash("0x99")
	commitRole     = common.HexToHash("0x98")
	deployer       = common.HexToAddress("0xde")
	safe           = common.HexToAddress("0x5a")
	dispatcherAt   = common.HexToAddress("0xd1")
)

func deployDesired(grants []Grant, grace uint32) DeployDesired {
	return DeployDesired{
		Factory: "arachnid", FactoryCodeHash: common.HexToHash("0xfa"), Deployer: deployer, Grants: grants, Grace: grace,
		Contracts: []Contract{
			{Name: "extension", Address: common.HexToAddress("0xe1"), CodeHash: common.HexToHash("0xe2")},
			{Name: "dispatcher", Address: dispatcherAt, CodeHash: common.HexToHash("0xd2")},
			{Name: "Token", Address: common.HexToAddress("0x71"), CodeHash: common.HexToHash("0x72")},
		},
	}
}

// TestDeployEndsWithTheRolesAsked walks through deployments from any point at which one may have stopped.
func TestDeployEndsWithTheRolesAsked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := []Grant{
			{adminRole, "ADMIN", safe},
			{adminRole, "ADMIN", deployer},
			{governanceRole, "GOVERNANCE", safe},
			{governanceRole, "GOVERNANCE", deployer},
			{commitRole, "COMMIT", safe},
			{commitRole, "COMMIT", deployer},
		}
		var grants []Grant
		for _, g := range all {
			if rapid.Bool().Draw(t, "grant") {
				grants = append(grants, g)
			}
		}
		want := deployDesired(grants, uint32(rapid.SampledFrom([]int{30, 60, 120}).Draw(t, "grace")))
		fresh := DispatcherDefaults{Address: dispatcherAt, AdminRole: adminRole, Grace: 60}
		seen := DeployObserved{FactoryCodeHash: want.FactoryCodeHash, CodeHashes: map[common.Address]common.Hash{}}
		var kinds []Kind
		for range 40 {
			step := DecideDeploy(want, seen, adminRole, governanceRole)
			if step.Kind == Halt {
				t.Fatalf("halts after %v: %s", kinds, step.Reason)
			}
			if step.Kind == Done {
				break
			}
			if step.Kind == Renounce && step.Grant.Role == adminRole {
				for _, g := range seen.Held {
					if g.Account == deployer && g != step.Grant && !contains(grants, g) {
						t.Fatalf("gives up ADMIN while it still holds %s", g.Name)
					}
				}
			}
			kinds = append(kinds, step.Kind)
			seen = seen.After(want, step, fresh)
		}
		if seen.Grace != want.Grace {
			t.Fatalf("grace is %d, want %d", seen.Grace, want.Grace)
		}
		for _, c := range want.Contracts {
			if seen.CodeHashes[c.Address] != c.CodeHash {
				t.Fatalf("%s is missing", c.Name)
			}
		}
		for _, g := range all {
			if contains(seen.Held, g) != contains(grants, g) {
				t.Fatalf("%s of %s: held %v, want %v (steps %v)", g.Name, g.Account, contains(seen.Held, g), contains(grants, g), kinds)
			}
		}
	})
}

func contains(list []Grant, g Grant) bool {
	for _, other := range list {
		if other == g {
			return true
		}
	}
	return false
}

func TestDeployHalts(t *testing.T) {
	grants := []Grant{{commitRole, "COMMIT", safe}}
	complete := func() DeployObserved {
		want := deployDesired(grants, 60)
		seen := DeployObserved{FactoryCodeHash: want.FactoryCodeHash, CodeHashes: map[common.Address]common.Hash{}, Grace: 60}
		for _, c := range want.Contracts {
			seen.CodeHashes[c.Address] = c.CodeHash
		}
		return seen
	}
	for name, c := range map[string]struct {
		grace  uint32
		change func(*DeployObserved)
		reason []string // what it must name
	}{
		"other code at an address": {
			60, func(o *DeployObserved) { o.CodeHashes[dispatcherAt] = common.HexToHash("0xbad") },
			[]string{"dispatcher", "0bad", "00d2"},
		},
		"no factory": {
			60, func(o *DeployObserved) { o.FactoryCodeHash = common.Hash{}; delete(o.CodeHashes, dispatcherAt) },
			[]string{"factory arachnid is missing", "EIP-155", "choose factory: safe"},
		},
		"other code at the factory": {
			60, func(o *DeployObserved) { o.FactoryCodeHash = common.Hash{1}; delete(o.CodeHashes, dispatcherAt) },
			[]string{"factory arachnid has other code", "0x01", "00fa", "never deploy through it"},
		},
		"role missing, deployer is out":  {60, func(*DeployObserved) {}, []string{"COMMIT_ROLE"}},
		"grace differs, deployer is out": {120, func(o *DeployObserved) { o.Held = grants }, []string{"etaGrace is 60 s, want 120 s"}},
	} {
		t.Run(name, func(t *testing.T) {
			seen := complete()
			c.change(&seen)
			step := DecideDeploy(deployDesired(grants, c.grace), seen, adminRole, governanceRole)
			for _, part := range c.reason {
				if step.Kind != Halt || !strings.Contains(step.Reason, part) {
					t.Errorf("decided %+v, want a halt that names %q", step, part)
				}
			}
		})
	}
	seen := complete()
	seen.Held = grants
	if step := DecideDeploy(deployDesired(grants, 60), seen, adminRole, governanceRole); step.Kind != Done {
		t.Errorf("decided %+v on a finished deployment, want done", step)
	}
}
