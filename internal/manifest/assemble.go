package manifest

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/create2"
)

// MaxCodeSize is the limit of EIP-170, in bytes.
const MaxCodeSize = 24576

// Runner executes init code the way a network would.
type Runner interface {
	// Create deploys initCode through the factory's CREATE2 under a chain id, and returns the code that then stands at
	// address. The libraries, given by their init code, are deployed before it: a constructor may call them. An error says
	// why the creation fails.
	Create(
		chainID uint64, factory common.Address, salt common.Hash, libraries [][]byte, initCode []byte, address common.Address,
	) ([]byte, error)
}

// Rules are what a manifest is checked against besides itself.
type Rules struct {
	// Reserved are the dispatcher's own functions: signature by selector.
	Reserved map[Selector]string
	// Factories are those that deployments may go through; any if there is none.
	Factories []Factory
}

// checkFactory refuses a factory that is none of those, and returns the salt that m's hands to CREATE2.
func (r Rules) checkFactory(m *Manifest) (common.Hash, error) {
	if len(r.Factories) > 0 && !slices.Contains(r.Factories, m.Factory) {
		return common.Hash{}, fmt.Errorf("the manifest is for factory %s, this program deploys through %s", m.Factory, r.Factories)
	}
	return create2.Shared(m.Factory.Name, m.Salt)
}

// assemble computes everything in m that follows from its inputs, and refuses what must never be committed.
func assemble(m *Manifest, run Runner, rules Rules) error {
	if len(m.Networks) == 0 {
		return fmt.Errorf("the manifest is for no network: list at least one under networks")
	}
	salt, err := rules.checkFactory(m)
	if err != nil {
		return err
	}
	sort.Slice(m.Networks, func(i, j int) bool { return m.Networks[i].ChainID < m.Networks[j].ChainID })
	for i, n := range m.Networks[1:] {
		if n.ChainID == m.Networks[i].ChainID {
			return fmt.Errorf("networks %s and %s have the same chain id %d", m.Networks[i].Name, n.Name, n.ChainID)
		}
	}
	if m.PageSize < 1 || m.PageSize > MaxPageRoutes {
		return fmt.Errorf("pageSize is %d, must be 1 to %d", m.PageSize, MaxPageRoutes)
	}
	slices.SortFunc(m.Facets, func(a, b Deployment) int {
		return cmp.Or(strings.Compare(a.Contract, b.Contract), bytes.Compare(a.InitCode, b.InitCode))
	})
	if err := checkLinks(m, salt); err != nil {
		return err
	}

	for i := range m.Libraries {
		if err := place(m, salt, &m.Libraries[i], run); err != nil {
			return fmt.Errorf("library %s: %w", m.Libraries[i].Contract, err)
		}
	}
	for i := range m.Facets {
		if err := place(m, salt, &m.Facets[i], run); err != nil {
			return fmt.Errorf("facet %s: %w", m.Facets[i].Contract, err)
		}
	}
	for i, f := range m.Facets {
		for _, other := range m.Facets[:i] {
			if f.Address == other.Address {
				return fmt.Errorf("facets %s and %s have the same init code: name the contract once", other.Contract, f.Contract)
			}
		}
	}
	routes, err := collect(m, rules)
	if err != nil {
		return err
	}
	if m.Pages, m.RoutesRoot, err = Paginate(routes, m.PageSize); err != nil {
		return err
	}
	m.InitHash = common.Hash{}
	if m.Init != nil {
		m.Init.Routes = nil
		if err := place(m, salt, &m.Init.Deployment, run); err != nil {
			return fmt.Errorf("init %s: %w", m.Init.Contract, err)
		}
		selector := SelectorOf(m.Init.Signature)
		if len(m.Init.Data) < 4 || !bytes.Equal(m.Init.Data[:4], selector[:]) {
			return fmt.Errorf("init %s: the call data does not begin with the selector of %s", m.Init.Contract, m.Init.Signature)
		}
		m.InitHash = InitHash(m.Init.Address, m.Init.CodeHash, m.Init.Data)
	}
	m.Root = RootWithInit(m.RoutesRoot, m.InitHash)
	return nil
}

// place computes address and code of a contract, and refuses code that the dispatcher would refuse or that differs
// between networks. salt is the one that the factory hands to CREATE2.
func place(m *Manifest, salt common.Hash, d *Deployment, run Runner) error {
	d.InitCodeHash = crypto.Keccak256Hash(d.InitCode)
	d.Address = crypto.CreateAddress2(m.Factory.Address, salt, d.InitCodeHash[:])
	var libraries [][]byte
	for _, l := range m.linked([]Deployment{*d}) {
		libraries = append(libraries, l.InitCode)
	}
	var first []byte
	for i, n := range m.Networks {
		code, err := run.Create(n.ChainID, m.Factory.Address, salt, libraries, d.InitCode, d.Address)
		if err != nil {
			return fmt.Errorf("on %s (chain id %d): %w", n.Name, n.ChainID, err)
		}
		if i == 0 {
			first = code
		}
		if !bytes.Equal(code, first) {
			return fmt.Errorf("its code differs between %s (%s) and %s (%s): it keeps something of its chain, such as the "+
				"chain id, in its code; read that when it is called instead",
				m.Networks[0].Name, crypto.Keccak256Hash(first), n.Name, crypto.Keccak256Hash(code))
		}
	}
	switch {
	case len(first) == 0:
		return fmt.Errorf("it has no code after its constructor ran")
	case len(first) > MaxCodeSize:
		return fmt.Errorf("its code has %d bytes, the limit (EIP-170) is %d", len(first), MaxCodeSize)
	case first[0] == 0xef:
		return fmt.Errorf("its code begins with 0xef, which the dispatcher refuses (EIP-3541, EIP-7702)")
	case first[0] == 0x00:
		return fmt.Errorf("its code begins with 0x00, which the dispatcher refuses")
	}
	d.CodeSize = len(first)
	d.CodeHash = crypto.Keccak256Hash(first)
	return nil
}

// collect gathers all routes, in ascending order of selectors.
func collect(m *Manifest, rules Rules) ([]PageRoute, error) {
	type owner struct{ contract, signature string }
	owners := map[Selector]owner{}
	var routes []PageRoute
	for i := range m.Facets {
		f := &m.Facets[i]
		if len(f.Routes) == 0 {
			return nil, fmt.Errorf("facet %s has no routes: include a function of it or remove the facet", f.Contract)
		}
		sort.Slice(f.Routes, func(i, j int) bool { return f.Routes[i].Selector.uint32() < f.Routes[j].Selector.uint32() })
		for _, r := range f.Routes {
			if want := SelectorOf(r.Signature); want != r.Selector {
				return nil, fmt.Errorf("facet %s: %s has selector %s, not %s", f.Contract, r.Signature, want, r.Selector)
			}
			if own, ok := rules.Reserved[r.Selector]; ok {
				return nil, fmt.Errorf("facet %s: %s has selector %s, which is the dispatcher's own %s: exclude it",
					f.Contract, r.Signature, r.Selector, own)
			}
			if other, ok := owners[r.Selector]; ok {
				return nil, fmt.Errorf("selector %s twice: %s of %s and %s of %s; exclude one of them",
					r.Selector, other.signature, other.contract, r.Signature, f.Contract)
			}
			owners[r.Selector] = owner{f.Contract, r.Signature}
			routes = append(routes, PageRoute{r.Selector, f.Address, f.CodeHash})
		}
	}
	if len(routes) == 0 {
		return nil, fmt.Errorf("the manifest has no routes: list at least one facet")
	}
	return routes, nil
}

// Paginate spreads routes over the least number of pages of at most pageSize routes, and returns the pages with their
// proofs and the routesRoot over them. The result depends on the set of routes, not on their order.
func Paginate(routes []PageRoute, pageSize int) ([]Page, common.Hash, error) {
	parts, err := split(routes, pageSize)
	if err != nil {
		return nil, common.Hash{}, err
	}
	pages := make([]Page, len(parts))
	leaves := make([]common.Hash, len(parts))
	for i, part := range parts {
		content, err := encodePage(part, len(parts), i)
		if err != nil {
			return nil, common.Hash{}, fmt.Errorf("page %d: %w", i, err)
		}
		leaves[i] = Leaf(content)
		pages[i] = Page{Index: i, Routes: len(part), Leaf: leaves[i], Bytes: content}
	}
	t := newTree(leaves)
	for i := range pages {
		pages[i].Proof = t.proof(leaves[i])
	}
	return pages, t.root(), nil
}
