package main

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"math/rand/v2"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/bindings"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
)

const delay = 3600

// the accounts that send: the deployer is the first admin
const (
	admin = iota
	committer
	applier
	governor
	user
)

// dispatcher is a ManifestDispatcher on a chain, with its figures.
type dispatcher struct {
	*chain
	abi     *bindings.ManifestDispatcher
	address common.Address
	epoch   uint64
	facets  []common.Address
	random  *rand.Rand
}

func deployDispatcher(c *chain, artifacts string) (*dispatcher, error) {
	d := &dispatcher{chain: c, abi: bindings.NewManifestDispatcher(), random: rand.New(rand.NewPCG(1, 2))}
	extension, err := readArtifact(artifacts, "", "DispatcherExtension")
	if err != nil {
		return nil, err
	}
	core, err := readArtifact(artifacts, "", "ManifestDispatcher")
	if err != nil {
		return nil, err
	}
	at, err := c.deploy(extension.Bytecode.Object)
	if err != nil {
		return nil, err
	}
	args, err := core.ABI.Pack("", at, new(big.Int).SetUint64(delay), c.accounts[admin])
	if err != nil {
		return nil, err
	}
	if d.address, err = c.deploy(append(core.Bytecode.Object, args...)); err != nil {
		return nil, err
	}
	for role, account := range map[string]int{"COMMIT_ROLE": committer, "APPLY_ROLE": applier, "GOVERNANCE_ROLE": governor} {
		if _, err := c.send(admin, &d.address, d.abi.PackGrantRole(crypto.Keccak256Hash([]byte(role)), c.accounts[account])); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// pages are those of a manifest, with the root over them and the routes that they hold.
type pages struct {
	root   common.Hash
	pages  []manifest.Page
	routes []manifest.PageRoute
}

// build makes a manifest of n random selectors over m facets that no manifest had before. With even, each page gets
// pageSize routes exactly.
func (d *dispatcher) build(n, m, pageSize int, even bool) (pages, error) {
	out := pages{}
	facets := make([]manifest.PageRoute, m)
	for i := range facets {
		at, err := d.facet(len(d.facets))
		if err != nil {
			return out, err
		}
		code, err := d.code(at)
		if err != nil {
			return out, err
		}
		d.facets = append(d.facets, at)
		facets[i] = manifest.PageRoute{Facet: at, CodeHash: crypto.Keccak256Hash(code)}
	}
	count := map[uint32]int{}
	for len(out.routes) < n {
		r := facets[len(out.routes)%m]
		number := d.random.Uint32()
		binary.BigEndian.PutUint32(r.Selector[:], number)
		page := number % uint32((n+pageSize-1)/pageSize)
		if even && count[page] == pageSize {
			continue
		}
		count[page]++
		out.routes = append(out.routes, r)
	}
	var err error
	out.pages, out.root, err = manifest.Paginate(out.routes, pageSize)
	return out, err
}

// commit and the other steps return the gas of their transactions.
func (d *dispatcher) commit(root common.Hash) (uint64, error) {
	r, err := d.send(committer, &d.address, d.abi.PackCommitRoot(root, d.epoch+1))
	return uint64(r.GasUsed), err
}

func (d *dispatcher) apply(p pages) (sum uint64, err error) {
	for _, page := range p.pages {
		proof := make([][32]byte, len(page.Proof))
		for i, h := range page.Proof {
			proof[i] = h
		}
		r, err := d.send(applier, &d.address, d.abi.PackApplyRoutes(page.Bytes, proof, common.Hash{}))
		if err != nil {
			return 0, fmt.Errorf("page %d: %w", page.Index, err)
		}
		sum += uint64(r.GasUsed)
	}
	return sum, nil
}

func (d *dispatcher) activate() (uint64, error) {
	if err := d.pass(delay); err != nil {
		return 0, err
	}
	r, err := d.send(applier, &d.address, d.abi.PackActivateCommittedRoot())
	d.epoch++
	return uint64(r.GasUsed), err
}

// life is what one manifest cost from commit to activation.
type life struct{ commit, apply, activate uint64 }

func (d *dispatcher) goLive(p pages) (l life, err error) {
	if l.commit, err = d.commit(p.root); err != nil {
		return l, err
	}
	if l.apply, err = d.apply(p); err != nil {
		return l, err
	}
	l.activate, err = d.activate()
	return l, err
}

// overhead is what calls of a live manifest cost over calls of its facets, at most and at least, over a sample of its
// routes.
func (d *dispatcher) overhead(p pages, sample int) (most, least uint64, err error) {
	for i := range min(sample, len(p.routes)) {
		r := p.routes[i*len(p.routes)/min(sample, len(p.routes))]
		routed, err := d.send(user, &d.address, r.Selector[:])
		if err != nil {
			return 0, 0, err
		}
		direct, err := d.send(user, &r.Facet, r.Selector[:])
		if err != nil {
			return 0, 0, err
		}
		over := uint64(routed.GasUsed - direct.GasUsed)
		if most = max(most, over); least == 0 || over < least {
			least = over
		}
	}
	return most, least, nil
}
