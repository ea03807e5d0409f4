package app

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/config"
	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/objective"
	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// Objectives compares what a journal tells of a period with what is set out to be reached, and changes nothing. With a configuration it is about the
// networks in that; it may be nil.
func Objectives(ctx context.Context, journal string, cfg *config.Config, from, until int64) (out []objective.Result, err error) {
	s, err := store.OpenReadOnly(ctx, journal)
	if err != nil {
		return nil, noJournal(journal, err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	f, err := figures(ctx, s, cfg, from, until)
	if err != nil {
		return nil, err
	}
	return objective.Report(f), nil
}

// figures are those of a period, in unix seconds.
func figures(ctx context.Context, s *store.Store, cfg *config.Config, from, until int64) (objective.Figures, error) {
	f := objective.Figures{From: from, To: until}
	v, err := gather(ctx, s, from, until)
	if err != nil {
		return f, err
	}
	nets := v.watchedNetworks(cfg)
	for _, n := range nets {
		of := objective.Network{Name: n.Name}
		if w := v.networks[n.ChainID]; w != nil {
			of.Watched, of.Healthy = w.measured, w.healthy
		}
		f.Networks = append(f.Networks, of)
	}
	for _, x := range v.finals {
		f.Steps.Total++
		if !x.reverted {
			f.Steps.Succeeded++
		}
	}
	if f.Gas, err = v.consumption(ctx, s, cfg); err != nil {
		return f, err
	}
	looked, err := v.looked(ctx, s, nets)
	if err != nil || !looked {
		return f, err
	}
	v.count(&f)
	return f, nil
}

// watchedNetworks are those that have a dispatcher or to which something was sent; of a configuration, if there is one, those in it.
func (v *evidence) watchedNetworks(cfg *config.Config) (out []network.Network) {
	ids := map[uint64]bool{}
	for id, w := range v.networks {
		ids[id] = w.there
	}
	for _, t := range v.signed {
		ids[t.chainID] = true
	}
	for id, is := range ids {
		n, known := configured(cfg, id)
		if is && (known || cfg == nil) {
			out = append(out, n)
		}
	}
	slices.SortFunc(out, func(a, b network.Network) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(a.ChainID, b.ChainID))
	})
	return out
}

// configured is a network as the configuration has it, or else the catalogue.
func configured(cfg *config.Config, chainID uint64) (n network.Network, inConfig bool) {
	if cfg != nil {
		for _, c := range cfg.Networks {
			if c.ChainID == chainID {
				return c.Network, true
			}
		}
	}
	if n, ok := network.LookupID(chainID); ok {
		return n, false
	}
	return network.Network{Name: fmt.Sprintf("chain %d", chainID), ChainID: chainID}, false
}

// consumption is what the steps used that have a published figure. Where a transaction's gas is also for its data on another chain, only the network
// can tell which part is, and nobody asks it.
func (v *evidence) consumption(ctx context.Context, s *store.Store, cfg *config.Config) (out objective.Consumption, err error) {
	chains := map[uint64]bool{}
	for _, x := range v.finals {
		if n, _ := configured(cfg, x.chainID); n.L1Fee != chain.L1FeeArbitrum {
			chains[x.chainID] = true
		}
	}
	manifests := map[common.Hash]*manifest.Manifest{}
	for _, chainID := range slices.Sorted(maps.Keys(chains)) {
		journal, err := s.Transactions(ctx, chainID)
		if err != nil {
			return out, err
		}
		for _, t := range journal {
			x, ok := v.finals[t.ID]
			if !ok || x.reverted {
				continue
			}
			m, known := manifests[x.manifest]
			if !known {
				if m, err = readManifest(ctx, s, x.manifest); err != nil {
					return out, err
				}
				manifests[x.manifest] = m
			}
			var tx types.Transaction
			if tx.UnmarshalBinary(t.Raw) != nil {
				continue // what cannot be decoded has no figure
			}
			if published := dispatcher.PublishedGas(tx.Data(), m); published > 0 {
				out.Steps, out.Used, out.Baseline = out.Steps+1, out.Used+x.gas, out.Baseline+published
			}
		}
	}
	return out, nil
}

// readManifest reads a manifest of the journal, nil if it does not hold it.
func readManifest(ctx context.Context, s *store.Store, root common.Hash) (*manifest.Manifest, error) {
	if root == (common.Hash{}) {
		return nil, nil
	}
	file, err := s.Manifest(ctx, root)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return manifest.Decode(bytes.NewReader(file))
}

// looked tells whether rules were shown anything in the period, so that what they did not see was not there.
func (v *evidence) looked(ctx context.Context, s *store.Store, nets []network.Network) (bool, error) {
	for _, a := range v.alerts {
		if v.in(a.raised) || v.in(a.resolved) {
			return true, nil
		}
	}
	for _, n := range nets {
		at, ok, err := s.Watched(ctx, n.ChainID)
		if err != nil {
			return false, err
		}
		if ok && int64(at.Time) >= v.from {
			return true, nil
		}
	}
	return false, nil
}

// count counts what was seen. What has not happened after all, or is explained by a plan that was approved afterwards, does not count.
func (v *evidence) count(f *objective.Figures) {
	unauthorized, code, pauses := 0, 0, v.pauses
	f.Critical, f.Unauthorized, f.CodeViolations, f.UnplannedPauses = &[]objective.Alert{}, &unauthorized, &code, &pauses
	f.Incidents = &objective.Documented{}
	for _, a := range v.alerts {
		unfounded := a.resolved != 0 && rule.Unfounded(a.resolution)
		critical := a.severity == rule.Critical
		if critical && v.in(a.grave) {
			*f.Critical = append(*f.Critical, objective.Alert{Raised: a.grave, Acknowledged: a.acknowledged, Resolved: a.resolved})
		}
		if a.severity.AtLeast(rule.High) && v.in(a.resolved) && !unfounded {
			f.Incidents.Total++
			if a.noted {
				f.Incidents.Done++
			}
		}
		switch raised := v.in(a.raised); {
		case unfounded:
		case raised && (a.rule == rule.UnknownRoot || a.rule == rule.UnplannedPrivilege):
			unauthorized++
		case a.rule == rule.CodehashMismatch && critical && v.in(a.grave):
			code++
		case raised && a.rule == rule.UnplannedPause && strings.HasPrefix(a.subject, rule.Paused+" "):
			pauses++
		}
	}
}
