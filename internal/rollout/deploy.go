package rollout

import (
	"fmt"
	"slices"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/create2"
)

// Contract is one that is to stand at an address which follows from its init code.
type Contract struct {
	Name     string
	Address  common.Address
	CodeHash common.Hash
	InitCode []byte
}

// Grant is a role that an account is to hold.
type Grant struct {
	Role    common.Hash
	Name    string // ADMIN, COMMIT, ...
	Account common.Address
}

// DeployDesired is what deploy brings about on one network.
type DeployDesired struct {
	Factory         string // name of the CREATE2 factory
	FactoryCodeHash common.Hash
	Contracts       []Contract // in the order in which they are made: the dispatcher after its extension
	Deployer        common.Address
	Grants          []Grant // final holders; the deployer may be among them
	Grace           uint32  // seconds
}

// DeployObserved is what stands on a network after one block.
type DeployObserved struct {
	FactoryCodeHash common.Hash
	CodeHashes      map[common.Address]common.Hash // of Contracts; the zero hash where there is no code
	Held            []Grant                        // of the roles and accounts in question, those that are held
	Grace           uint32                         // zero if there is no dispatcher yet
}

// What a deployment does, besides Done and Halt.
const (
	Create   Kind = "create"
	GrantTo  Kind = "grant"
	SetGrace Kind = "set grace"
	Renounce Kind = "renounce"
)

// DeployStep is one decision of a deployment.
type DeployStep struct {
	Kind     Kind
	Contract Contract // of Create
	Grant    Grant    // of GrantTo and Renounce
	Reason   string   // of Halt
}

// DecideDeploy returns the one next step of a deployment: contracts first, then settings, then roles; last of all the
// deployer gives up what is not meant for it, ADMIN at the very end.
func DecideDeploy(want DeployDesired, seen DeployObserved, adminRole, governanceRole common.Hash) DeployStep {
	stop := func(format string, args ...any) DeployStep {
		return DeployStep{Kind: Halt, Reason: fmt.Sprintf(format, args...)}
	}
	for _, c := range want.Contracts {
		got := seen.CodeHashes[c.Address]
		if got == c.CodeHash {
			continue
		}
		if got != (common.Hash{}) {
			return stop("%s: at %s stands code with hash %s, want %s: find out who put it there; another salt moves all addresses", c.Name, c.Address, got, c.CodeHash)
		}
		switch seen.FactoryCodeHash {
		case want.FactoryCodeHash:
		case common.Hash{}:
			return stop("the CREATE2 factory %s is missing: %s", want.Factory, create2.Remedy(want.Factory))
		default:
			return stop("the CREATE2 factory %s has other code (hash %s, want %s): never deploy through it; choose another one "+
				"under factory, which moves all addresses on all networks", want.Factory, seen.FactoryCodeHash, want.FactoryCodeHash)
		}
		return DeployStep{Kind: Create, Contract: c}
	}
	held := func(role common.Hash, account common.Address) bool {
		return slices.ContainsFunc(seen.Held, func(g Grant) bool { return g.Role == role && g.Account == account })
	}
	wanted := func(role common.Hash, account common.Address) bool {
		return slices.ContainsFunc(want.Grants, func(g Grant) bool { return g.Role == role && g.Account == account })
	}
	admin := held(adminRole, want.Deployer)
	if seen.Grace != want.Grace {
		own := Grant{Role: governanceRole, Name: "GOVERNANCE", Account: want.Deployer}
		switch {
		case held(governanceRole, want.Deployer):
			return DeployStep{Kind: SetGrace}
		case admin:
			return DeployStep{Kind: GrantTo, Grant: own}
		}
		return stop("etaGrace is %d s, want %d s, and deployer %s may not set it: ask a holder of GOVERNANCE_ROLE",
			seen.Grace, want.Grace, want.Deployer)
	}
	for _, g := range want.Grants {
		if held(g.Role, g.Account) {
			continue
		}
		if !admin {
			return stop("%s does not hold %s_ROLE, and deployer %s is not admin (any more): ask a holder of DEFAULT_ADMIN_ROLE",
				g.Account, g.Name, want.Deployer)
		}
		return DeployStep{Kind: GrantTo, Grant: g}
	}
	var last *Grant
	for _, g := range seen.Held {
		if g.Account != want.Deployer || wanted(g.Role, g.Account) {
			continue
		}
		if g.Role == adminRole {
			last = &g
			continue
		}
		return DeployStep{Kind: Renounce, Grant: g}
	}
	if last != nil {
		return DeployStep{Kind: Renounce, Grant: *last}
	}
	return DeployStep{Kind: Done}
}
