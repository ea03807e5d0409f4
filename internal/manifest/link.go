package manifest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

// Link is a library whose address stands in init code.
type Link struct {
	Contract string         `json:"contract"` // one of the manifest's libraries
	Address  common.Address `json:"address"`
	Offsets  []int          `json:"offsets"` // bytes into the init code, ascending
}

// linker makes the deployments of a manifest, and those of the libraries that they link, each once.
type linker struct {
	m         *Manifest
	salt      common.Hash               // that the factory hands to CREATE2
	addresses map[string]common.Address // of libraries, by contract
}

func (l *linker) deployment(a Artifact, args []any) (Deployment, error) {
	if len(a.Bytecode) == 0 {
		return Deployment{}, fmt.Errorf("it has no bytecode: an interface or abstract contract cannot be deployed")
	}
	packed, err := packArgs(a.ABI.Constructor.Inputs, args)
	if err != nil {
		return Deployment{}, fmt.Errorf("constructor: %w", err)
	}
	given, err := argsJSON(args)
	if err != nil {
		return Deployment{}, err
	}
	d := Deployment{Contract: a.Contract, Compiler: a.Compiler, Args: given, InitCode: append(slices.Clone(a.Bytecode), packed...)}
	for _, ref := range a.Libraries {
		address, err := l.library(*ref.Library)
		if err != nil {
			return Deployment{}, err
		}
		for _, at := range ref.Offsets {
			if at < 0 || at > len(a.Bytecode)-common.AddressLength {
				return Deployment{}, fmt.Errorf("library %s is to be linked at byte %d, which is outside of its bytecode: build again",
					ref.Library.Contract, at)
			}
			copy(d.InitCode[at:], address[:])
		}
		d.Links = append(d.Links, Link{Contract: ref.Library.Contract, Address: address, Offsets: slices.Clone(ref.Offsets)})
	}
	return d, nil
}

// library returns the address of a library, whose own libraries are linked first: it follows from its init code.
func (l *linker) library(a Artifact) (common.Address, error) {
	if address, ok := l.addresses[a.Contract]; ok {
		return address, nil
	}
	d, err := l.deployment(a, nil)
	if err != nil {
		return common.Address{}, fmt.Errorf("library %s: %w", a.Contract, err)
	}
	address := l.m.addressOf(l.salt, d.InitCode)
	l.addresses[a.Contract] = address
	l.m.Libraries = append(l.m.Libraries, d)
	return address, nil
}

// addressOf is where the factory puts init code.
func (m *Manifest) addressOf(salt common.Hash, initCode []byte) common.Address {
	return crypto.CreateAddress2(m.Factory.Address, salt, crypto.Keccak256(initCode))
}

// checkLinks puts libraries and links in order, computes the addresses of links, and refuses init code that does not hold
// them.
func checkLinks(m *Manifest, salt common.Hash) error {
	if m.Libraries == nil {
		m.Libraries = []Deployment{}
	}
	slices.SortFunc(m.Libraries, func(a, b Deployment) int { return strings.Compare(a.Contract, b.Contract) })
	addresses := map[string]common.Address{}
	for i := range m.Libraries {
		l := &m.Libraries[i]
		if _, ok := addresses[l.Contract]; ok {
			return fmt.Errorf("library %s stands twice: remove one", l.Contract)
		}
		l.Routes = nil
		addresses[l.Contract] = m.addressOf(salt, l.InitCode)
	}
	used := map[string]bool{}
	for i := range m.Libraries {
		if err := m.Libraries[i].checkLinks(addresses, used); err != nil {
			return fmt.Errorf("library %s: %w", m.Libraries[i].Contract, err)
		}
	}
	for i := range m.Facets {
		if err := m.Facets[i].checkLinks(addresses, used); err != nil {
			return fmt.Errorf("facet %s: %w", m.Facets[i].Contract, err)
		}
	}
	if m.Init != nil {
		if err := m.Init.checkLinks(addresses, used); err != nil {
			return fmt.Errorf("init %s: %w", m.Init.Contract, err)
		}
	}
	for _, l := range m.Libraries {
		if !used[l.Contract] {
			return fmt.Errorf("library %s is linked by no contract of the manifest: remove it", l.Contract)
		}
	}
	return nil
}

func (d *Deployment) checkLinks(addresses map[string]common.Address, used map[string]bool) error {
	slices.SortFunc(d.Links, func(a, b Link) int { return strings.Compare(a.Contract, b.Contract) })
	for i := range d.Links {
		l := &d.Links[i]
		address, ok := addresses[l.Contract]
		if !ok {
			return fmt.Errorf("it links library %s, which is not among the manifest's libraries", l.Contract)
		}
		if i > 0 && d.Links[i-1].Contract == l.Contract {
			return fmt.Errorf("it links library %s twice: name it once, with all offsets", l.Contract)
		}
		if len(l.Offsets) == 0 {
			return fmt.Errorf("it links library %s nowhere: its offsets are empty", l.Contract)
		}
		slices.Sort(l.Offsets)
		l.Offsets = slices.Compact(l.Offsets)
		for _, at := range l.Offsets {
			if at < 0 || at > len(d.InitCode)-len(address) || !bytes.Equal(d.InitCode[at:at+len(address)], address[:]) {
				return fmt.Errorf("its init code does not hold the address of library %s, %s, at byte %d: build the manifest again",
					l.Contract, address, at)
			}
		}
		l.Address = address
		used[l.Contract] = true
	}
	return nil
}

// linked lists the libraries that deployments link, and those that these link, ascending by contract.
func (m *Manifest) linked(by []Deployment) []Deployment {
	found := map[string]bool{}
	for len(by) > 0 {
		var next []Deployment
		for _, d := range by {
			for _, link := range d.Links {
				if found[link.Contract] {
					continue
				}
				found[link.Contract] = true
				for _, l := range m.Libraries {
					if l.Contract == link.Contract {
						next = append(next, l)
					}
				}
			}
		}
		by = next
	}
	var out []Deployment
	for _, l := range m.Libraries {
		if found[l.Contract] {
			out = append(out, l)
		}
	}
	return out
}

// Routed lists the contracts that routed calls run: the facets, after the libraries that they link.
func (m *Manifest) Routed() []Deployment {
	return slices.Concat(m.linked(m.Facets), m.Facets)
}
