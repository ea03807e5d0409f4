package main

import (
	"fmt"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/manifest"
)

// measureDiamond measures the same upgrades on an EIP-2535 diamond: SolidState's reference implementation, compiled from
// its npm package with the same compiler. It has no commit, no timelock and no pinned code.
func measureDiamond(c *chain, d *dispatcher, artifacts string) (map[string]uint64, error) {
	a, err := readArtifact(artifacts, "ReferenceDiamond.sol", "ReferenceDiamond")
	if err != nil {
		return nil, fmt.Errorf("the diamond to compare with: %w", err)
	}
	at, err := c.deploy(a.Bytecode.Object)
	if err != nil {
		return nil, err
	}
	code, err := c.code(at)
	if err != nil {
		return nil, err
	}
	type cut struct {
		Target    common.Address
		Action    uint8
		Selectors [][4]byte
	}
	const add, replace = 0, 1
	diamondCut := func(action uint8, routes []manifest.PageRoute) (uint64, error) {
		byFacet := map[common.Address]int{}
		var cuts []cut
		for _, r := range routes {
			i, ok := byFacet[r.Facet]
			if !ok {
				i = len(cuts)
				byFacet[r.Facet] = i
				cuts = append(cuts, cut{Target: r.Facet, Action: action})
			}
			cuts[i].Selectors = append(cuts[i].Selectors, r.Selector)
		}
		data, err := a.ABI.Pack("diamondCut", cuts, common.Address{}, []byte{})
		if err != nil {
			return 0, err
		}
		r, err := c.send(admin, &at, data)
		return uint64(r.GasUsed), err
	}
	out := map[string]uint64{"coreBytes": uint64(len(code))}
	for _, m := range []struct {
		key    string
		routes int
		facets int
	}{{"apply1", 1, 1}, {"apply50x1", 50, 1}, {"apply50x5", 50, 5}, {"apply500", 500, 5}} {
		p, err := d.build(m.routes, m.facets, manifest.MaxPageRoutes, true)
		if err != nil {
			return nil, err
		}
		used, err := diamondCut(add, p.routes)
		if err != nil {
			return nil, err
		}
		switch m.key {
		case "apply1":
			out["upgrade1"] = used
			other, err := d.build(1, 1, 1, false)
			if err != nil {
				return nil, err
			}
			moved := []manifest.PageRoute{{Selector: p.routes[0].Selector, Facet: other.routes[0].Facet}}
			if out["rollback"], err = diamondCut(replace, moved); err != nil {
				return nil, err
			}
			routed, err := c.send(user, &at, p.routes[0].Selector[:])
			if err != nil {
				return nil, err
			}
			direct, err := c.send(user, &moved[0].Facet, p.routes[0].Selector[:])
			if err != nil {
				return nil, err
			}
			out["hot"] = uint64(routed.GasUsed - direct.GasUsed)
		case "apply500":
		default:
			used /= uint64(m.routes)
		}
		out[m.key] = used
	}
	return out, nil
}
