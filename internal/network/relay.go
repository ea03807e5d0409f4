package network

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
)

// Kinds of relays, by how they are spoken to.
const (
	RelayFlashbots = "flashbots" // Flashbots' methods
	RelayBloxroute = "bloxroute" // those of bloXroute's cloud API
	RelayRPC       = "rpc"       // eth_sendRawTransaction
)

// KnownRelay is a public relay of one network, as its documentation has it. The data is in relays.json.
type KnownRelay struct {
	Name      string `json:"name"`
	ChainID   uint64 `json:"chainId"`
	Kind      string `json:"kind"`
	URL       string `json:"url"`
	StatusURL string `json:"statusUrl"`
	Method    string `json:"method"` // of bloXroute
	Source    string `json:"source"` // the page that says so
}

//go:embed relays.json
var relayData []byte

var readRelays = sync.OnceValue(func() []KnownRelay {
	var file struct {
		Relays []KnownRelay `json:"relays"`
	}
	dec := json.NewDecoder(bytes.NewReader(relayData))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&file); err != nil {
		panic(fmt.Sprintf("relays.json: %v", err)) // embedded: a test reads it
	}
	return file.Relays
})

// Relays returns the relays that the program knows.
func Relays() []KnownRelay { return slices.Clone(readRelays()) }

// LookupRelay finds a relay of a network by name.
func LookupRelay(name string, chainID uint64) (KnownRelay, bool) {
	for _, k := range readRelays() {
		if k.Name == name && k.ChainID == chainID {
			return k, true
		}
	}
	return KnownRelay{}, false
}
