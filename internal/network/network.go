// Package network is the catalogue of networks: what is true of a chain and does not depend on who uses it. The data is
// in networks.json; a user adds or overrides a network in lockstep.yaml.
package network

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"sync"
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

// Network is what the program knows of a chain.
type Network struct {
	Name          string  `json:"name"`
	ChainID       uint64  `json:"chainId"`
	Kind          string  `json:"kind"`
	Status        string  `json:"status"`        // live, or why not
	BlockTime     float64 `json:"blockTime"`     // seconds, typical
	Grace         uint32  `json:"grace"`         // seconds of clock tolerance, 30 to 300
	TimelockFloor uint64  `json:"timelockFloor"` // seconds, the least delay of a dispatcher
	Confirmations uint64  `json:"confirmations"` // blocks, the one with the transaction included
	GasCap        uint64  `json:"gasCap"`        // gas of one transaction, at most
}

//go:embed networks.json
var data []byte

var catalogue = sync.OnceValue(func() []Network {
	var all []Network
	if err := json.Unmarshal(data, &all); err != nil {
		panic(fmt.Sprintf("networks.json: %v", err)) // embedded: a test reads it
	}
	return all
})

// All returns the catalogue.
func All() []Network {
	return append([]Network(nil), catalogue()...)
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
