package manifest

import (
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
)

// RouteProof shows that a route belongs to a root: the page that holds it, and the way from the page's leaf to the root.
// OpenZeppelin's MerkleProof verifies leaf and proof against routesRoot.
type RouteProof struct {
	Selector   Selector       `json:"selector"`
	Signature  string         `json:"signature"`
	Contract   string         `json:"contract"`
	Facet      common.Address `json:"facet"`
	CodeHash   common.Hash    `json:"codeHash"`
	Page       int            `json:"page"`
	Bytes      hexutil.Bytes  `json:"bytes"`
	Leaf       common.Hash    `json:"leaf"`
	Proof      []common.Hash  `json:"proof"`
	RoutesRoot common.Hash    `json:"routesRoot"`
	InitHash   common.Hash    `json:"initHash"` // zero without an init call
	Root       common.Hash    `json:"root"`
}

// Prove finds a function by selector, signature or unambiguous name and proves its route.
func (m *Manifest) Prove(function string) (RouteProof, error) {
	var found []RouteProof
	for _, f := range m.Facets {
		for _, r := range f.Routes {
			name, _, _ := strings.Cut(r.Signature, "(")
			if function == r.Signature || function == name || strings.EqualFold(function, r.Selector.String()) {
				found = append(found, RouteProof{
					Selector: r.Selector, Signature: r.Signature, Contract: f.Contract, Facet: f.Address, CodeHash: f.CodeHash,
				})
			}
		}
	}
	switch len(found) {
	case 0:
		return RouteProof{}, fmt.Errorf("the manifest has no route %s: see lockstep manifest show", function)
	case 1:
	default:
		var all []string
		for _, p := range found {
			all = append(all, p.Signature)
		}
		return RouteProof{}, fmt.Errorf("%s is ambiguous: name one of %s", function, strings.Join(all, ", "))
	}
	p := found[0]
	page := m.Pages[p.Selector.uint32()%uint32(len(m.Pages))]
	p.Page, p.Bytes, p.Leaf, p.Proof = page.Index, page.Bytes, page.Leaf, page.Proof
	p.RoutesRoot, p.InitHash, p.Root = m.RoutesRoot, m.InitHash, m.Root
	return p, nil
}
