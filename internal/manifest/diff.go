package manifest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"
)

// Kinds of changes of a route.
const (
	Added   = "added"
	Removed = "removed"
	Moved   = "moved"   // to another contract
	Recoded = "recoded" // the same contract with other code
)

// RouteChange is what changes for the callers of one function.
type RouteChange struct {
	Kind      string   `json:"kind"`
	Selector  Selector `json:"selector"`
	Signature string   `json:"signature"`
	From      string   `json:"from,omitempty"` // contract that answered
	To        string   `json:"to,omitempty"`   // contract that will answer
}

func (c RouteChange) String() string {
	switch c.Kind {
	case Added:
		return fmt.Sprintf("%s %s is new, answered by %s", c.Selector, c.Signature, c.To)
	case Removed:
		return fmt.Sprintf("%s %s is gone: calls revert (was answered by %s)", c.Selector, c.Signature, c.From)
	case Moved:
		return fmt.Sprintf("%s %s moves from %s to %s", c.Selector, c.Signature, c.From, c.To)
	}
	return fmt.Sprintf("%s %s is answered by %s with other code", c.Selector, c.Signature, c.To)
}

// Comparison is what changes between two manifests.
type Comparison struct {
	OldRoot common.Hash `json:"oldRoot"`
	NewRoot common.Hash `json:"newRoot"`
	// Routes that change, ascending by selector.
	Routes    []RouteChange `json:"routes"`
	Unchanged int           `json:"unchanged"` // routes
	// Init is what runs when the new manifest is activated: path:Name and signature, empty if nothing does.
	Init            string   `json:"init"`
	AddedNetworks   []string `json:"addedNetworks"`
	RemovedNetworks []string `json:"removedNetworks"`
	Pages           int      `json:"pages"` // of the new manifest, all of which are staged unless their root was before
}

// Compare says what changes for callers when next takes the place of m.
func (m *Manifest) Compare(next *Manifest) Comparison {
	type owner struct {
		route Route
		facet *Deployment
	}
	routes := func(m *Manifest) map[Selector]owner {
		out := map[Selector]owner{}
		for i := range m.Facets {
			for _, r := range m.Facets[i].Routes {
				out[r.Selector] = owner{r, &m.Facets[i]}
			}
		}
		return out
	}
	before, after := routes(m), routes(next)
	c := Comparison{
		OldRoot: m.Root, NewRoot: next.Root, Routes: []RouteChange{}, Pages: len(next.Pages),
		AddedNetworks: []string{}, RemovedNetworks: []string{},
	}
	for s, was := range before {
		now, ok := after[s]
		change := RouteChange{Selector: s, Signature: was.route.Signature, From: was.facet.Contract}
		switch {
		case !ok:
			change.Kind = Removed
		case now.facet.Contract != was.facet.Contract:
			change.Kind, change.To = Moved, now.facet.Contract
		case now.facet.CodeHash != was.facet.CodeHash || now.facet.Address != was.facet.Address:
			change.Kind, change.To = Recoded, now.facet.Contract
		default:
			c.Unchanged++
			continue
		}
		c.Routes = append(c.Routes, change)
	}
	for s, now := range after {
		if _, ok := before[s]; !ok {
			c.Routes = append(c.Routes, RouteChange{Kind: Added, Selector: s, Signature: now.route.Signature, To: now.facet.Contract})
		}
	}
	slices.SortFunc(c.Routes, func(a, b RouteChange) int { return strings.Compare(a.Selector.String(), b.Selector.String()) })
	if next.Init != nil && next.Root != m.Root {
		c.Init = next.Init.Contract + " " + next.Init.Signature
	}
	for _, n := range next.Networks {
		if !slices.Contains(m.Networks, n) {
			c.AddedNetworks = append(c.AddedNetworks, n.Name)
		}
	}
	for _, n := range m.Networks {
		if !slices.Contains(next.Networks, n) {
			c.RemovedNetworks = append(c.RemovedNetworks, n.Name)
		}
	}
	return c
}
