package dispatcher

import "github.com/ethereum/go-ethereum/common"

// ReadState is the state that the last reading of a watch amounts to, but for what is not in its words.
func (w *Watch) ReadState() State {
	r := w.last
	s := State{
		ActiveRoot: r.activeRoot(), ActiveRoutesRoot: r.activeRoutesRoot(), ActiveEpoch: r.epoch, ActivePages: uint64(r.pages),
		PendingRoot: r.pendingRoot(), Eta: r.eta, PendingBatch: uint64(r.pendingLimit), Paused: r.paused, Grace: r.grace.Big().Uint64(),
		MaxBatch: uint64(r.limit),
	}
	if r.eta != 0 {
		s.PendingEpoch = r.epoch + 1
	}
	return s
}

// ReadRole tells whether an account has a role by the last reading.
func (w *Watch) ReadRole(role common.Hash, account common.Address) bool {
	return w.last.roles[account][31]&roleBit(role) != 0
}

// PageAddress is where a page of a routesRoot is.
func PageAddress(dispatcher common.Address, routesRoot common.Hash, index int) common.Address {
	if index == 0 {
		return firstPage(dispatcher, routesRoot)
	}
	return nextPage(dispatcher, firstPage(dispatcher, routesRoot), index)
}

// The slots of a dispatcher.
var (
	Member   = member
	RoleSlot = roleSlot
	InitSlot = initSlot
)
