package contracts

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

//go:embed gas.json
var gasJSON []byte

// Gas is what whole transactions were measured to use, on the compiler and the network of `make gas`.
type Gas struct {
	Commit       uint64 `json:"commit"`
	Apply1       uint64 `json:"apply1"`       // a page of one route
	Apply50x1    uint64 `json:"apply50x1"`    // each of 50 routes of one facet
	Apply50x5    uint64 `json:"apply50x5"`    // each of 50 routes of five facets
	Activate1    uint64 `json:"activate1"`    // one facet
	Activate50x5 uint64 `json:"activate50x5"` // five facets
}

// Published are the figures of contracts/gas.json.
func Published() Gas {
	var g Gas
	if err := json.Unmarshal(gasJSON, &g); err != nil {
		panic(fmt.Sprintf("gas.json: %v", err)) // embedded, read by a test
	}
	return g
}

// Apply is the figure for a page, between and beyond those that were measured: gas grows with each route and with each facet.
func (g Gas) Apply(routes, facets int) uint64 {
	route := (50*g.Apply50x1 - g.Apply1) / 49
	facet := (50*g.Apply50x5 - 50*g.Apply50x1) / 4
	return g.Apply1 + uint64(routes-1)*route + uint64(facets-1)*facet
}

// Activate is the same for an activation without an init call, of a manifest with so many facets.
func (g Gas) Activate(facets int) uint64 {
	return g.Activate1 + uint64(facets-1)*((g.Activate50x5-g.Activate1)/4)
}
