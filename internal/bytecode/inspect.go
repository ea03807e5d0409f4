// Package bytecode says what a contract can do by its runtime code alone, when there is no source to read: whether it runs
// other code on its own storage, whether it can remove itself, and whether its code stands for another contract's.
package bytecode

import (
	"bytes"
	"encoding/hex"
	"strings"

	"github.com/ethereum/go-ethereum/common"
)

// The instructions that matter here.
const (
	stop         = 0x00
	jump         = 0x56
	jumpdest     = 0x5b
	push1        = 0x60
	push32       = 0x7f
	callcode     = 0xf2
	returns      = 0xf3
	delegatecall = 0xf4
	reverts      = 0xfd
	invalid      = 0xfe
	selfdestruct = 0xff
)

// Findings is what runtime code can do.
type Findings struct {
	Delegatecalls bool            // it can run other code on its own storage: DELEGATECALL or CALLCODE
	Selfdestructs bool            // it can give away its balance, and on some networks remove itself: SELFDESTRUCT
	Proxy         string          // why it looks as if it stands for other code, empty if it does not
	Delegated     *common.Address // of an account that has handed itself over to a contract (EIP-7702)
}

// Inspect reads runtime code once, from its beginning to its end.
//
// An instruction counts when the EVM could come to it: one that follows on another, or on a JUMPDEST. Jumps are not
// followed, so whatever begins with a JUMPDEST counts, though nothing may lead there. What is inside of a PUSH does not,
// nor what stands between an instruction that ends the run and the next JUMPDEST, as data does, nor the metadata that solc
// puts at the end.
//
// So code that a compiler made and that delegates or destructs is found. It can say too much: data that holds 0x5b, and
// above all the creation code that a factory carries, are taken for code. It says too little of somebody who hides: code in
// what is well-formed metadata is not seen. It knows the instructions up to the Osaka fork, and neither EOF nor EraVM. That
// nothing is found is no proof of safety: what code calls can change, and storage is not looked at.
//
// A slot of ERC-1967 is found wherever its 32 bytes are: solc puts a constant into a PUSH32, or behind the code to copy it
// from there. Proxies hold one, and so do implementations that can be upgraded (UUPS), and contracts that look at others.
// OpenZeppelin's BeaconProxy does not: it has its beacon in the code, and shows as one that delegates. A clone is known by
// its code, whatever follows it.
func Inspect(code []byte) Findings {
	if to, ok := Delegation(code); ok {
		return Findings{Delegated: &to}
	}
	var f Findings
	for op := range instructions(code[:len(code)-metadata(code)]) {
		switch op {
		case delegatecall, callcode:
			f.Delegatecalls = true
		case selfdestruct:
			f.Selfdestructs = true
		}
	}
	var words []string
	if kind, to, ok := clone(code); ok {
		words = append(words, kind+" to "+to.Hex())
	}
	if bytes.Contains(code, implementationSlot[:]) {
		words = append(words, "ERC-1967 implementation slot")
	}
	if bytes.Contains(code, beaconSlot[:]) {
		words = append(words, "ERC-1967 beacon slot")
	}
	f.Proxy = strings.Join(words, ", ")
	return f
}

// Delegation tells to which contract an account has handed itself over (EIP-7702). It can hand itself to another, or take
// itself back, with any later transaction.
func Delegation(code []byte) (common.Address, bool) {
	to, ok := bytes.CutPrefix(code, delegationPrefix)
	if !ok || len(to) != common.AddressLength {
		return common.Address{}, false
	}
	return common.BytesToAddress(to), true
}

var (
	delegationPrefix = []byte{0xef, 0x01, 0x00}

	// keccak256("eip1967.proxy.implementation") - 1, keccak256("eip1967.proxy.beacon") - 1
	implementationSlot = common.HexToHash("0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc")
	beaconSlot         = common.HexToHash("0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50")
)

// clones are the codes that do nothing but delegate to one address, before it and after.
var clones = []struct {
	kind        string
	head, after []byte
}{
	{"ERC-1167 minimal proxy", unhex("363d3d373d3d3d363d73"), unhex("5af43d82803e903d91602b57fd5bf3")},
	{"0age minimal proxy", unhex("3d3d3d3d363d3d37363d73"), unhex("5af43d3d93803e602a57fd5bf3")},
	{"ERC-7511 minimal proxy", unhex("365f5f375f5f365f73"), unhex("5af43d5f5f3e5f3d91602a57fd5bf3")},
	{"Solady minimal proxy", unhex("5f5f365f5f37365f73"), unhex("5af43d5f5f3e6029573d5ffd5b3d5ff3")},
	{"Vyper minimal proxy", unhex("366000600037611000600036600073"), unhex("5af4602c57600080fd5b6110006000f3")},
	{"Vyper minimal proxy", unhex("366000600037611000600036600073"), unhex("5af41558576110006000f3")},
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err) // of a constant above
	}
	return b
}

// clone recognises a minimal proxy. Arguments may follow its code.
func clone(code []byte) (kind string, to common.Address, ok bool) {
	for _, c := range clones {
		rest, found := bytes.CutPrefix(code, c.head)
		if found && len(rest) >= common.AddressLength && bytes.HasPrefix(rest[common.AddressLength:], c.after) {
			return c.kind, common.BytesToAddress(rest[:common.AddressLength]), true
		}
	}
	return "", common.Address{}, false
}
