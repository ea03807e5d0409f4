package dispatcher

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// The effects of a dispatcher: what its events tell, and what calls of a plan bring about, in the same words. Hashes and addresses are 0x-hex
// in lower case, roles are named as in RoleNames.
//
//	committed  a root and its epoch       granted  a role and an account
//	activated  a root and its epoch       revoked  a role and an account
//	cancelled  a root                     grace    seconds
//	paused, unpaused                      batch    routes of a page
func effect(what string, values ...any) rule.Effect {
	words := make([]string, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case common.Hash:
			words[i] = v.Hex()
		case common.Address:
			words[i] = strings.ToLower(v.Hex())
		default:
			words[i] = fmt.Sprint(v)
		}
	}
	return rule.Effect{What: what, Value: strings.Join(words, " ")}
}

// roleName is how a role is named in effects.
func roleName(role common.Hash) string {
	for _, r := range RoleNames {
		if r.Role == role {
			return r.Name
		}
	}
	return role.Hex()
}

// logged is an event, as far as it says what the dispatcher's storage holds.
type logged struct {
	name    string
	root    common.Hash // of Committed, Activated, InitCalled, Cancelled
	routes  common.Hash // of InitCalled
	number  uint64      // the epoch; of EtaGraceUpdated and MaxBatchSizeUpdated what is set
	eta     uint64
	paused  bool
	role    common.Hash
	account common.Address
	by      common.Address // who called, if the event says so
}

// shape is how an event is encoded.
type shape struct {
	name   string
	topics int
	data   int // bytes
}

// shapes are the events that tell of storage, by their first topic.
var shapes = sync.OnceValue(func() map[common.Hash]shape {
	out := map[common.Hash]shape{}
	for _, s := range []shape{
		{"Committed", 3, 32},
		{"Activated", 3, 0},
		{"InitCalled", 4, 0},
		{"Cancelled", 4, 0},
		{"PausedSet", 2, 32},
		{"EtaGraceUpdated", 1, 32},
		{"MaxBatchSizeUpdated", 1, 32},
		{"RoleGranted", 4, 0},
		{"RoleRevoked", 4, 0},
		{"RoutesApplied", 2, 32},
	} {
		out[artifacts()["IManifestDispatcher"].ABI.Events[s.name].ID] = s
	}
	return out
})

// EventNames are the events that tell of what the dispatcher's storage holds, and of what its privileged functions have done.
var EventNames = sync.OnceValue(func() []string {
	var out []string
	for _, s := range shapes() {
		out = append(out, s.name)
	}
	slices.Sort(out)
	return out
})

// readLog reads an event of the dispatcher's. Others have no name.
func readLog(l *event.Log) (e logged) {
	if len(l.Topics) == 0 {
		return e
	}
	s, ok := shapes()[l.Topics[0]]
	if !ok || len(l.Topics) != s.topics || len(l.Data) != s.data {
		return e
	}
	e.name = s.name
	address := func(topic int) common.Address { return common.BytesToAddress(l.Topics[topic][:]) }
	number := func(h common.Hash) uint64 { // what does not fit is none of ours
		n := h.Big()
		if !n.IsUint64() {
			e.name = ""
		}
		return n.Uint64()
	}
	switch s.name {
	case "Committed":
		e.root, e.number, e.eta = l.Topics[1], number(l.Topics[2]), number(common.BytesToHash(l.Data))
	case "Activated":
		e.root, e.number = l.Topics[1], number(l.Topics[2])
	case "InitCalled":
		e.root, e.routes = l.Topics[1], l.Topics[2]
	case "Cancelled":
		e.root, e.number, e.by = l.Topics[1], number(l.Topics[2]), address(3)
	case "PausedSet":
		e.paused, e.by = number(common.BytesToHash(l.Data)) != 0, address(1)
	case "EtaGraceUpdated", "MaxBatchSizeUpdated":
		e.number = number(common.BytesToHash(l.Data))
	case "RoleGranted", "RoleRevoked":
		e.role, e.account, e.by = l.Topics[1], address(2), address(3)
		if roleBit(e.role) == 0 { // the dispatcher has no others: a facet has roles of its own, by events of the same shape
			e.name = ""
		}
	}
	return e
}

// Effects are the privileged changes that a log of a dispatcher tells of.
func Effects(l *event.Log) []rule.Effect {
	switch e := readLog(l); e.name {
	case "Committed":
		return []rule.Effect{effect("committed", e.root, e.number)}
	case "Activated":
		return []rule.Effect{effect("activated", e.root, e.number)}
	case "Cancelled":
		return []rule.Effect{effect("cancelled", e.root)}
	case "PausedSet":
		if e.paused {
			return []rule.Effect{effect("paused")}
		}
		return []rule.Effect{effect("unpaused")}
	case "EtaGraceUpdated":
		return []rule.Effect{effect("grace", e.number)}
	case "MaxBatchSizeUpdated":
		return []rule.Effect{effect("batch", e.number)}
	case "RoleGranted":
		return []rule.Effect{effect("granted", roleName(e.role), e.account)}
	case "RoleRevoked":
		return []rule.Effect{effect("revoked", roleName(e.role), e.account)}
	}
	return nil
}

// Expected are the effects that a plan has on a network.
func Expected(p *plan.Plan, chainID uint64) []rule.Effect {
	n, ok := p.Intent.Network(chainID)
	if !ok {
		return nil
	}
	var out []rule.Effect
	for _, c := range p.Intent.CallsOf(n) {
		if c.To != p.Intent.Dispatcher {
			out = append(out, ofConstructor(c.Data)...)
			continue
		}
		out = append(out, ofCall(p, n, c.Data)...)
	}
	return out
}

// ofConstructor are the effects of a dispatcher's constructor, if the data has a factory create one.
func ofConstructor(data []byte) []rule.Effect {
	main := artifacts()["ManifestDispatcher"]
	at := bytes.Index(data, main.Bytecode)
	if at < 0 {
		return nil
	}
	args, err := main.ABI.Constructor.Inputs.Unpack(data[at+len(main.Bytecode):])
	if err != nil {
		return nil
	}
	admin, _ := args[2].(common.Address) // the ABI is embedded
	return []rule.Effect{effect("granted", roleName(AdminRole), admin)}
}

// ofCall are the effects of a call of a plan to its dispatcher.
func ofCall(p *plan.Plan, n plan.Network, data []byte) []rule.Effect {
	if len(data) < 4 {
		return nil
	}
	dispatcher := artifacts()["IManifestDispatcher"].ABI
	method, err := dispatcher.MethodById(data)
	if err != nil {
		return nil
	}
	args, err := method.Inputs.Unpack(data[4:])
	if err != nil {
		return nil
	}
	hash := func(i int) common.Hash { return *abi.ConvertType(args[i], new(common.Hash)).(*common.Hash) }
	switch method.Name {
	case "commitRoot":
		return []rule.Effect{effect("committed", hash(0), args[1])}
	case "activateCommittedRoot", "activateCommittedRootAndCall":
		return []rule.Effect{effect("activated", n.Root, n.Epoch)}
	case "cancelCommit":
		return cancels(p, n)
	case "pause":
		return []rule.Effect{effect("paused")}
	case "unpause":
		return []rule.Effect{effect("unpaused")}
	case "grantRole":
		return []rule.Effect{effect("granted", roleName(hash(0)), args[1])}
	case "revokeRole", "renounceRole":
		return []rule.Effect{effect("revoked", roleName(hash(0)), args[1])}
	case "setEtaGrace":
		return []rule.Effect{effect("grace", args[0])}
	case "setMaxBatchSize":
		return []rule.Effect{effect("batch", args[0])}
	}
	return nil
}

// PendingFact is the fact of a plan that says which root it was made to cancel.
const PendingFact = "pending root"

// cancels is the effect of cancelling the root that was pending when the plan was made: only its facts name it.
func cancels(p *plan.Plan, n plan.Network) []rule.Effect {
	for _, of := range p.Preconditions {
		if of.Network != n.Name {
			continue
		}
		for _, f := range of.Facts {
			if f.What == PendingFact {
				return []rule.Effect{effect("cancelled", common.HexToHash(f.Value))}
			}
		}
	}
	return nil
}
