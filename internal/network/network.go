// Package network is the catalogue of networks: what is true of a chain and does not depend on who uses it. The data is
// in networks.json; a user adds or overrides a network in lockstep.yaml.
package network

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/ethereum/go-ethereum/common"
)

// Kinds of networks. On a mainnet the floors of the catalogue are enforced.
const (
	Mainnet = "mainnet"
	Testnet = "testnet"
	Local   = "local"
)

// Defaults for networks that the catalogue does not hold.
const (
	DefaultGrace         = 60
	DefaultConfirmations = 1
	DefaultGasCap        = 16_777_216 // EIP-7825
)

// Privacy says who sees a transaction before it is in a block.
const (
	Relay     = "relay"     // nobody, through a private relay
	Sequencer = "sequencer" // the sequencer alone: there is no public mempool
	Public    = "public"    // everybody
)

// Rules of code hashes and of CREATE2, as the dispatcher relies on them.
const (
	Keccak256 = "keccak256" // EXTCODEHASH is the keccak256 of the code
	EIP1014   = "eip1014"
)

// Network is what the program knows of a chain.
type Network struct {
	Name          string   `json:"name"`
	ChainID       uint64   `json:"chainId"`
	Kind          string   `json:"kind"`
	Status        string   `json:"status"`        // live, or why not
	BlockTime     float64  `json:"blockTime"`     // seconds, typical
	Grace         uint32   `json:"grace"`         // seconds of clock tolerance, 30 to 300
	TimelockFloor uint64   `json:"timelockFloor"` // seconds, the least delay of a dispatcher
	Confirmations uint64   `json:"confirmations"` // blocks until a step is final, the one with the transaction included
	GasCap        uint64   `json:"gasCap"`        // gas of one transaction, at most
	Opcodes       Opcodes  `json:"opcodes"`
	CodeHash      string   `json:"codeHash"`  // keccak256, or other
	Create2       string   `json:"create2"`   // eip1014, or the name of another rule
	Privacy       string   `json:"privacy"`   // relay, sequencer, public
	L1Fee         string   `json:"l1Fee"`     // how a transaction pays for its data on another chain: none, opstack, arbitrum, linea, scroll
	Factories     []string `json:"factories"` // CREATE2 factories that are there, by name
	Explorer      string   `json:"explorer"`  // URL, empty if there is none
}

// Opcodes are those that the dispatcher needs and that not every network has.
type Opcodes struct {
	Push0            bool `json:"push0"`            // EIP-3855, Shanghai
	Mcopy            bool `json:"mcopy"`            // EIP-5656, Cancun
	TransientStorage bool `json:"transientStorage"` // EIP-1153, Cancun
}

// Missing names the opcodes that the dispatcher needs and the network has not.
func (o Opcodes) Missing() []string {
	var out []string
	for _, op := range []struct {
		has  bool
		name string
	}{{o.Push0, "PUSH0"}, {o.Mcopy, "MCOPY"}, {o.TransientStorage, "TLOAD and TSTORE"}} {
		if !op.has {
			out = append(out, op.name)
		}
	}
	return out
}

// Refusal says why the network cannot hold a dispatcher whatever its fork, and is empty if it can.
func (n Network) Refusal() string {
	switch {
	case n.Create2 != EIP1014:
		return fmt.Sprintf("it derives CREATE2 addresses by its own rule (%s), so nothing has the address that it has elsewhere", n.Create2)
	case n.CodeHash != Keccak256:
		return "its EXTCODEHASH is not the keccak256 of the code, so pinned code cannot be compared"
	}
	return ""
}

// Usable tells whether the network is in use and can hold a dispatcher.
func (n Network) Usable() bool {
	return n.Status == "live" && n.Refusal() == "" && len(n.Opcodes.Missing()) == 0
}

// Factory is a contract that deploys init code with CREATE2, at the same address on every network that has it.
type Factory struct {
	Name     string         `json:"name"`
	Address  common.Address `json:"address"`
	CodeHash common.Hash    `json:"codeHash"`
}

//go:embed networks.json
var data []byte

type file struct {
	Factories []Factory `json:"factories"`
	Networks  []Network `json:"networks"`
}

var read = sync.OnceValue(func() file {
	var f file
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		panic(fmt.Sprintf("networks.json: %v", err)) // embedded: a test reads it
	}
	return f
})

func catalogue() []Network { return read().Networks }

// Factories returns the CREATE2 factories that the program knows.
func Factories() []Factory { return slices.Clone(read().Factories) }

// LookupFactory finds a CREATE2 factory by name.
func LookupFactory(name string) (Factory, bool) {
	for _, f := range read().Factories {
		if f.Name == name {
			return f, true
		}
	}
	return Factory{}, false
}

// Custom is a network that the catalogue does not hold, with the defaults. Which factories are there is not known.
func Custom(chainID uint64, kind string) Network {
	n := Network{
		ChainID: chainID, Kind: kind, Status: "live", BlockTime: 1, Grace: DefaultGrace, Confirmations: DefaultConfirmations,
		GasCap: DefaultGasCap, Opcodes: Opcodes{true, true, true}, CodeHash: Keccak256, Create2: EIP1014, Privacy: Public,
		L1Fee: "none",
	}
	if kind == Mainnet {
		n.TimelockFloor = 3600
	}
	return n
}

// All returns the catalogue.
func All() []Network {
	return slices.Clone(catalogue())
}

// Lookup finds a network of the catalogue by name.
func Lookup(name string) (Network, bool) {
	for _, n := range catalogue() {
		if n.Name == name {
			return n, true
		}
	}
	return Network{}, false
}

// LookupID finds a network of the catalogue by chain id.
func LookupID(chainID uint64) (Network, bool) {
	for _, n := range catalogue() {
		if n.ChainID == chainID {
			return n, true
		}
	}
	return Network{}, false
}
