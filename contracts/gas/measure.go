package main

import (
	"fmt"
	"strings"

	"github.com/seed-b6a97670/lockstep/internal/manifest"
)

// measure returns the figures, and a table of routed calls over manifests of many sizes.
func measure(d *dispatcher) (map[string]uint64, string, error) {
	now := map[string]uint64{}
	code, err := d.code(d.address)
	if err != nil {
		return nil, "", err
	}
	now["coreBytes"] = uint64(len(code))

	// an upgrade is measured on a dispatcher that has a manifest already
	first, err := d.build(1, 1, 50, false)
	if err != nil {
		return nil, "", err
	}
	if _, err := d.goLive(first); err != nil {
		return nil, "", err
	}
	if err := d.measureLives(now); err != nil {
		return nil, "", err
	}

	if now["rollback"], err = d.commit(first.root); err != nil {
		return nil, "", err
	}
	activation, err := d.activate()
	if err != nil {
		return nil, "", err
	}
	now["rollback"] += activation

	if _, err := d.send(governor, &d.address, d.abi.PackSetMaxBatchSize(manifest.MaxPageRoutes)); err != nil {
		return nil, "", err
	}
	large, err := d.build(500, 5, manifest.MaxPageRoutes, true)
	if err != nil {
		return nil, "", err
	}
	l, err := d.goLive(large)
	if err != nil {
		return nil, "", err
	}
	now["apply500"] = l.apply
	if len(large.pages) != 5 {
		return nil, "", fmt.Errorf("500 routes are on %d pages, not 5", len(large.pages))
	}

	routed, err := d.measureRouted(now)
	return now, routed, err
}

func (d *dispatcher) measureLives(now map[string]uint64) error {
	one, err := d.build(1, 1, 50, false)
	if err != nil {
		return err
	}
	l, err := d.goLive(one)
	if err != nil {
		return err
	}
	now["commit"], now["apply1"], now["activate1"] = l.commit, l.apply, l.activate
	now["upgrade1"] = l.commit + l.apply + l.activate

	l, err = d.mean(50, 1)
	if err != nil {
		return err
	}
	now["apply50x1"] = l.apply / 50

	if l, err = d.mean(50, 5); err != nil {
		return err
	}
	now["apply50x5"], now["activate50x5"] = l.apply/50, l.activate
	return nil
}

// mean brings several manifests of n routes over m facets live. What a page costs depends a little on its selectors: one
// in 250 is looked up in the list of reserved ones.
func (d *dispatcher) mean(n, m int) (sum life, err error) {
	const times = 8
	for range times {
		p, err := d.build(n, m, n, false)
		if err != nil {
			return sum, err
		}
		l, err := d.goLive(p)
		if err != nil {
			return sum, err
		}
		sum.commit, sum.apply, sum.activate = sum.commit+l.commit, sum.apply+l.apply, sum.activate+l.activate
	}
	return life{sum.commit / times, sum.apply / times, sum.activate / times}, nil
}

// measureRouted takes the dearest routed call over manifests from 1 route to 1,000.
func (d *dispatcher) measureRouted(now map[string]uint64) (string, error) {
	var table strings.Builder
	fmt.Fprintf(&table, "%8s %8s %8s %14s %14s %14s\n", "routes", "facets", "pages", "apply, each", "call, least", "call, most")
	for _, size := range []struct{ routes, facets, pageSize int }{
		{1, 1, 50}, {10, 2, 50}, {50, 5, 50}, {100, 5, 100}, {200, 20, 100}, {500, 50, 100}, {1000, 100, 100}, {1000, 100, 70},
	} {
		p, err := d.build(size.routes, size.facets, size.pageSize, false)
		if err != nil {
			return "", err
		}
		l, err := d.goLive(p)
		if err != nil {
			return "", err
		}
		most, least, err := d.overhead(p, 100)
		if err != nil {
			return "", err
		}
		now["hot"] = max(now["hot"], most)
		fmt.Fprintf(&table, "%8d %8d %8d %14d %14d %14d\n", size.routes, size.facets, len(p.pages),
			l.apply/uint64(size.routes), least, most)
	}
	return table.String(), nil
}
