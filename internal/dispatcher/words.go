package dispatcher

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/big"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

// storeSlot is where the dispatcher's storage begins, and what follows its members: contracts/src/lib/Store.sol.
var storeSlot = common.HexToHash("0x0e8bee71e09165130d954e6b7283bf3843c0c17ff1bd7880a8700186be4ac500")

const (
	stateWord = 0
	rootWords = 1 // two of them
	graceWord = 3
	roleWords = 4 // by account
	initWords = 5 // by root
)

// member is the slot of a member of the dispatcher's storage.
func member(n int64) common.Hash {
	return common.BigToHash(new(big.Int).Add(storeSlot.Big(), big.NewInt(n)))
}

// roleSlot holds the roles of an account, a bit each.
func roleSlot(account common.Address) common.Hash {
	return crypto.Keccak256Hash(common.LeftPadBytes(account[:], 32), member(roleWords).Bytes())
}

// initSlot holds the routesRoot of a root whose init call was run.
func initSlot(root common.Hash) common.Hash {
	return crypto.Keccak256Hash(root[:], member(initWords).Bytes())
}

// pageInitCodeHash is that of the code which stores a page: contracts/src/lib/PageStore.sol.
var pageInitCodeHash = common.HexToHash("0x73954d0b89449abd8f47cadd88353cca2c673d3e78c027dd3cfd82806faf76e9")

// firstPage is where page 0 of a routesRoot is, staged or not.
func firstPage(dispatcher common.Address, routesRoot common.Hash) common.Address {
	return crypto.CreateAddress2(dispatcher, routesRoot, pageInitCodeHash[:])
}

// nextPage is where another page of the manifest is whose page 0 is at an address.
func nextPage(dispatcher, first common.Address, index int) common.Address {
	var salt common.Hash
	copy(salt[:], first[:])
	binary.BigEndian.PutUint64(salt[24:], uint64(index))
	return crypto.CreateAddress2(dispatcher, salt, pageInitCodeHash[:])
}

// packed is the state word: contracts/src/lib/State.sol.
type packed struct {
	table        common.Address
	epoch        uint64
	eta          uint64
	pages        int
	limit        int
	pendingLimit int
	paused       bool
	unused       bool // the highest bit, which stops routed calls as well
}

func unpack(word common.Hash) packed {
	top := int(word[0])<<8 | int(word[1]) // unused 1, paused 1, pendingLimit 7, limit 7
	return packed{
		table: common.Address(word[12:]), epoch: uint64(binary.BigEndian.Uint32(word[8:])),
		eta: uint64(word[3])<<32 | uint64(binary.BigEndian.Uint32(word[4:])), pages: int(word[2]),
		limit: top & 0x7f, pendingLimit: top >> 7 & 0x7f, paused: top>>14&1 != 0, unused: top>>15 != 0,
	}
}

// record is what a dispatcher's storage holds, or should hold.
type record struct {
	packed
	roots [2]common.Hash // the live one at epoch & 1
	grace common.Hash    // the word
	roles map[common.Address]common.Hash
	inits map[common.Hash]common.Hash
}

// anyPages is a number of pages that no event tells.
const anyPages = -1

// noRoot is what the constructor puts where a root will be.
var noRoot = common.MaxHash

// constructed is a dispatcher's storage as the constructor leaves it, but for the admin, of whom an event tells.
func constructed() record {
	return record{
		packed: packed{limit: defaultMaxBatch}, roots: [2]common.Hash{noRoot, noRoot}, grace: common.BigToHash(big.NewInt(defaultGrace)),
		roles: map[common.Address]common.Hash{}, inits: map[common.Hash]common.Hash{},
	}
}

func (r record) clone() record {
	r.roles, r.inits = maps.Clone(r.roles), maps.Clone(r.inits)
	return r
}

// there tells whether a dispatcher has this storage: its batch size is never zero, nor are its words together.
func (r record) there() bool { return r.packed != packed{} || r.grace != common.Hash{} }

// activeRoot is the root of the live manifest; zero before the first.
func (r record) activeRoot() common.Hash {
	if r.epoch == 0 {
		return common.Hash{}
	}
	return r.roots[r.epoch&1]
}

// activeRoutesRoot is what its pages belong to.
func (r record) activeRoutesRoot() common.Hash {
	root := r.activeRoot()
	if routes := r.inits[root]; routes != (common.Hash{}) {
		return routes
	}
	return root
}

// pendingRoot is what waits for activation; zero if nothing does.
func (r record) pendingRoot() common.Hash {
	if r.eta == 0 {
		return common.Hash{}
	}
	return r.roots[(r.epoch+1)&1]
}

// roleBit is the bit of a role; 0 if it is none of the dispatcher's.
func roleBit(role common.Hash) byte {
	for i, r := range RoleNames {
		if r.Role == role {
			return 1 << i
		}
	}
	return 0
}

// fold makes a record what an event says. What is not about storage changes nothing.
func (r *record) fold(dispatcher common.Address, e logged) {
	switch e.name {
	case "Committed":
		r.roots[e.number&1] = e.root
		r.eta, r.pendingLimit = e.eta, r.limit
	case "Activated":
		r.roots[e.number&1] = e.root
		r.epoch, r.eta, r.pendingLimit = e.number, 0, 0
		r.table, r.pages = firstPage(dispatcher, e.root), anyPages
	case "InitCalled":
		r.inits[e.root] = e.routes
		r.table = firstPage(dispatcher, e.routes)
	case "Cancelled":
		r.eta, r.pendingLimit = 0, 0
	case "PausedSet":
		r.paused = e.paused
	case "EtaGraceUpdated":
		r.grace = common.BigToHash(new(big.Int).SetUint64(e.number))
	case "MaxBatchSizeUpdated":
		r.limit = int(e.number)
	case "RoleGranted":
		word := r.roles[e.account]
		word[31] |= roleBit(e.role)
		r.roles[e.account] = word
	case "RoleRevoked":
		word := r.roles[e.account]
		word[31] &^= roleBit(e.role)
		r.roles[e.account] = word
	}
}

// roleWords says in words what a word of roles holds.
func rolesHeld(word common.Hash) string {
	var held []string
	n := word.Big()
	for i := range n.BitLen() {
		if n.Bit(i) == 0 {
			continue
		}
		if i < len(RoleNames) {
			held = append(held, RoleNames[i].Name)
		} else {
			held = append(held, fmt.Sprintf("bit %d", i))
		}
	}
	if held == nil {
		return "no role"
	}
	return strings.Join(held, ", ")
}
