package rollout

import "github.com/ethereum/go-ethereum/common"

// After returns what would be observed after a step succeeded: for dry runs, and for tests that walk through rollouts.
func (o Observed) After(want Desired, step Step) Observed {
	o.Block.Number++
	o.Block.Time++
	switch step.Kind {
	case Commit:
		o.PendingRoot, o.Eta, o.PendingBatch = want.Root, o.Block.Time+o.Delay, o.MaxBatch
		o.Committed = true
	case Apply:
		staged := append([]bool(nil), o.Staged...)
		staged[step.Page] = true
		o.Staged = staged
	case Wait:
		o.Block.Time = max(o.Block.Time, step.Until)
	case Activate:
		o.ActiveRoot, o.ActiveEpoch = want.Root, want.Epoch
		o.PendingRoot, o.Eta, o.PendingBatch = common.Hash{}, 0, 0
	}
	return o
}

// DispatcherDefaults are what a new dispatcher starts with.
type DispatcherDefaults struct {
	Address   common.Address
	AdminRole common.Hash
	Grace     uint32
}

// After returns what would be observed after a step succeeded.
func (o DeployObserved) After(want DeployDesired, step DeployStep, d DispatcherDefaults) DeployObserved {
	switch step.Kind {
	case Create:
		hashes := map[common.Address]common.Hash{}
		for a, h := range o.CodeHashes {
			hashes[a] = h
		}
		hashes[step.Contract.Address] = step.Contract.CodeHash
		o.CodeHashes = hashes
		if step.Contract.Address == d.Address {
			o.Grace = d.Grace
			o.Held = append(o.Held[:len(o.Held):len(o.Held)], Grant{Role: d.AdminRole, Name: "ADMIN", Account: want.Deployer})
		}
	case GrantTo:
		o.Held = append(o.Held[:len(o.Held):len(o.Held)], step.Grant)
	case SetGrace:
		o.Grace = want.Grace
	case Renounce:
		var held []Grant
		for _, g := range o.Held {
			if g != step.Grant {
				held = append(held, g)
			}
		}
		o.Held = held
	}
	return o
}
