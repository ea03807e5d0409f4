package app

import (
	"context"
	"errors"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/sight"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// looks is what the sight is told of what was before: which code accounts had at first, and about whose code alerts fire.
func (y *eye) looks(ctx context.Context, accounts []sight.Account) (sight.Config, error) {
	baselines, err := y.store.CodeBaselines(ctx, y.n.ChainID)
	if err != nil {
		return sight.Config{}, err
	}
	cfg := sight.Config{
		Network: y.n.Name, ChainID: y.n.ChainID, Chain: y.n.chain, Accounts: accounts, Now: time.Now,
		Contracts: []sight.Contract{{Kind: dispatcher.Kind, Watch: y.watch}},
		Agree:     y.server.app.cfg.Alerts.Pause.Endpoints, Baselines: baselines,
		Keep: func(ctx context.Context, changed map[common.Address]*common.Hash) error {
			return y.store.KeepCodeBaselines(ctx, y.n.ChainID, changed)
		},
	}
	for _, r := range y.monitor.Firing() {
		part, account, was, ok := rule.WatchedCode(r.Alert)
		if !ok || r.ChainID != y.n.ChainID {
			continue
		}
		cfg.Alerted = append(cfg.Alerted, sight.Account{Address: account, Part: part})
		if _, known := baselines[account]; !known && r.Rule == rule.AccountCode { // it was raised by an earlier release
			baselines[account] = was
		}
	}
	return cfg, nil
}

// positionTime is how long alarms wait for the block up to which all is known.
const positionTime = time.Second

// known is up to which block all is known, when a head was looked at: what came of the transactions of some blocks may not be yet. It is nil if that
// cannot be told.
func (y *eye) known(ctx context.Context, head rollout.Block) *rollout.Block {
	behind, ok := y.sight.Behind()
	switch {
	case !ok || behind > head.Number:
		return &head
	case behind == 0:
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, positionTime)
	defer cancel()
	at, err := y.n.chain.BlockByNumber(ctx, new(big.Int).SetUint64(behind-1))
	if err != nil {
		return nil
	}
	return &at
}

// nameFacets says of which contract the code is that is not the pinned one, where a rollout of the journal has pinned it.
func (y *eye) nameFacets(ctx context.Context, seen []rule.Seen) {
	for i, s := range seen {
		if s.Sight == rule.SawCode && s.Part == rule.Facet && s.Was != s.Is {
			seen[i].Subject = y.contractAt(ctx, s.Account, s.Was)
		}
	}
}

// contractAt is what the manifest of the last rollout, or of one that is not ended, calls a facet; empty if it is in none of them.
func (y *eye) contractAt(ctx context.Context, facet common.Address, pinned string) string {
	runs, err := y.store.Previous(ctx, y.n.ChainID, y.contract.Address)
	runs = runs[:min(len(runs), 1)]
	if running, runningErr := y.store.Running(ctx, y.n.ChainID, y.contract.Address); runningErr == nil {
		runs = append(runs, running)
	} else if !errors.Is(runningErr, store.ErrNotFound) {
		err = errors.Join(err, runningErr)
	}
	for _, run := range runs {
		m, manifestErr := y.server.app.rolledManifest(ctx, run.Manifest)
		if manifestErr != nil {
			err = errors.Join(err, manifestErr)
			continue
		}
		for _, d := range m.Facets {
			if d.Address == facet && d.CodeHash.Hex() == pinned {
				return d.Contract
			}
		}
	}
	if err != nil {
		y.log.WarnContext(ctx, "how a facet is called is not known", "facet", facet, "err", err)
	}
	return ""
}
