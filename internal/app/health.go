package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// NetworkHealth is what a check of a network's health found.
type NetworkHealth struct {
	Network string `json:"network"`
	ChainID uint64 `json:"chainId"`
	Healthy bool   `json:"healthy"`
	Problem string `json:"problem,omitempty"`
	Since   uint64 `json:"since"`     // block time since which it is so
	At      uint64 `json:"checkedAt"` // block time at which it was seen
}

// cannotBeAsked is the problem of a network whose endpoints do not answer.
const cannotBeAsked = "it cannot be asked, or not all of it"

// Health checks all networks once, and notes what was found.
func (a *App) Health(ctx context.Context) ([]NetworkHealth, error) {
	if err := a.open(ctx); err != nil {
		return nil, err
	}
	out, errs := make([]NetworkHealth, len(a.networks)), make([]error, len(a.networks))
	var wg sync.WaitGroup
	for i, n := range a.networks {
		wg.Go(func() { out[i], errs[i] = a.checkHealth(ctx, n) })
	}
	wg.Wait()
	return out, errors.Join(errs...)
}

// checkHealth checks a network and notes what was found. That it cannot be asked is a problem of the network; the error is of the journal.
func (a *App) checkHealth(ctx context.Context, n *net) (NetworkHealth, error) {
	at, problems, err := a.examine(ctx, n)
	if ctx.Err() != nil {
		return NetworkHealth{}, ctx.Err()
	}
	if err != nil {
		// not a block later than what was seen: the time in which nothing was seen is not time in which it was healthy
		was, healthErr := a.store.Health(ctx, n.ChainID)
		if healthErr != nil {
			return NetworkHealth{}, healthErr
		}
		a.opts.Log.WarnContext(ctx, "the health of a network cannot be checked", "network", n.Name, "err", err)
		at, problems = rollout.Block{Time: was.At}, []string{cannotBeAsked}
	}
	h, err := a.store.SetHealth(ctx, n.ChainID, at, strings.Join(problems, "; "), max(10*time.Minute, 3*a.cfg.Serve.Health))
	return NetworkHealth{Network: n.Name, ChainID: n.ChainID, Healthy: h.Healthy, Problem: h.Problem, Since: h.Since, At: h.At}, err
}

// examine looks for what is wrong with a network: the dispatcher is not as the last rollout of the journal has left it, its routes or their code
// are not as the manifest says, or routed calls are paused.
func (a *App) examine(ctx context.Context, n *net) (at rollout.Block, problems []string, err error) {
	address, err := a.Dispatcher()
	if err != nil {
		return at, nil, err
	}
	runs, err := a.store.Previous(ctx, n.ChainID, address)
	if err != nil {
		return at, nil, err
	}
	var m *manifest.Manifest
	if len(runs) > 0 {
		if m, err = a.rolledManifest(ctx, runs[0].Manifest); err != nil {
			return at, nil, err
		}
	}
	ns := NetworkStatus{Network: n.Name, ChainID: n.ChainID}
	if err := a.networkStatus(ctx, n, address, m, &ns); err != nil {
		return at, nil, err
	}
	at = rollout.Block{Number: ns.Block, Hash: ns.BlockHash, Time: ns.BlockTime}
	if !ns.Deployed {
		return at, []string{(&dispatcher.NotDeployedError{Address: address}).Error()}, nil
	}
	if a.examined != nil {
		a.examined(ns)
	}
	problems = ns.Differences
	if len(runs) == 0 {
		return at, problems, nil
	}
	want := runs[0]
	running, err := a.store.Running(ctx, n.ChainID, address)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return at, nil, err
	}
	justActivated := err == nil && ns.ActiveRoot == running.Root && ns.ActiveEpoch == running.Epoch
	if !justActivated && (ns.ActiveRoot != want.Root || ns.ActiveEpoch != want.Epoch) {
		problems = append(problems, fmt.Sprintf("root %s is active in epoch %d, the last rollout left %s in epoch %d", ns.ActiveRoot, ns.ActiveEpoch, want.Root, want.Epoch))
	}
	return at, problems, nil
}

// rolledManifest is a manifest of the journal, which is read once.
func (a *App) rolledManifest(ctx context.Context, root common.Hash) (*manifest.Manifest, error) {
	a.manifestsMu.Lock()
	defer a.manifestsMu.Unlock()
	if m := a.manifests[root]; m != nil {
		return m, nil
	}
	file, err := a.store.Manifest(ctx, root)
	if err != nil {
		return nil, err
	}
	m, err := manifest.Decode(bytes.NewReader(file))
	if err == nil && m.Root != root {
		err = fmt.Errorf("the journal's manifest %s has root %s", root, m.Root)
	}
	if err != nil {
		return nil, err
	}
	a.manifests[root] = m
	return m, nil
}

// watchHealth checks networks until ctx ends, each at its own pace.
func (a *App) watchHealth(ctx context.Context, nets []*net) {
	var wg sync.WaitGroup
	for _, n := range nets {
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := a.checkHealth(ctx, n); err != nil && ctx.Err() == nil {
					a.opts.Log.WarnContext(ctx, "the health of a network was not noted", "network", n.Name, "err", err)
				}
				select {
				case <-ctx.Done():
				case <-time.After(a.healthEvery(n)):
				}
			}
		})
	}
	wg.Wait()
}

// healthEvery is how often the health of a network is checked.
func (a *App) healthEvery(n *net) time.Duration {
	if n.Kind == network.Local {
		return min(a.cfg.Serve.Health, time.Second)
	}
	return a.cfg.Serve.Health
}
