package relay

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
	KindFlashbots = "flashbots" // NewFlashbots
	KindBloxroute = "bloxroute" // NewBloxroute
	KindRPC       = "rpc"       // NewRPC
)

// Known is a public relay of one network, as its documentation has it. The data is in relays.json.
type Known struct {
	Name      string `json:"name"`
	ChainID   uint64 `json:"chainId"`
	Kind      string `json:"kind"`
	URL       string `json:"url"`
	StatusURL string `json:"statusUrl"`
	Method    string `json:"method"` // of bloXroute
	Source    string `json:"source"` // the page that says so
}

//go:embed relays.json
var data []byte

var read = sync.OnceValue(func() []Known {
	var file struct {
		Relays []Known `json:"relays"`
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&file); err != nil {
		panic(fmt.Sprintf("relays.json: %v", err)) // embedded: a test reads it
	}
	return file.Relays
})

// All returns the relays that the program knows.
func All() []Known { return slices.Clone(read()) }

// Lookup finds a relay of a network by name.
func Lookup(name string, chainID uint64) (Known, bool) {
	for _, k := range read() {
		if k.Name == name && k.ChainID == chainID {
			return k, true
		}
	}
	return Known{}, false
}
