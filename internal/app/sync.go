package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"golang.org/x/sync/errgroup"

	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// Sync compares networks with what was rolled out last.
type Sync struct {
	Manifest   common.Hash   `json:"manifest"`   // root of the manifest that was rolled out, or returned to, last
	RoutesRoot common.Hash   `json:"routesRoot"` // of it
	Networks   []SyncNetwork `json:"networks"`
}

// SyncNetwork says whether a network has the routes that it should.
type SyncNetwork struct {
	Network    string      `json:"network"`
	ChainID    uint64      `json:"chainId"`
	State      string      `json:"state"` // same, behind, not deployed, in rollout or unreachable
	RoutesRoot common.Hash `json:"activeRoutesRoot"`
	Reason     string      `json:"reason,omitempty"` // why it is not further, as far as the journal knows
}

// Behind tells whether a network needs a rollout to have the routes of the others.
func (n SyncNetwork) Behind() bool { return n.State == "behind" || n.State == "not deployed" }

// Sync tells which networks do not have the routes that were rolled out last.
func (a *App) Sync(ctx context.Context) (*Sync, error) {
	s, _, err := a.sync(ctx)
	return s, err
}

func (a *App) sync(ctx context.Context) (*Sync, *manifest.Manifest, error) {
	address, err := a.Dispatcher()
	if err != nil {
		return nil, nil, err
	}
	if err := a.open(ctx); err != nil {
		return nil, nil, err
	}
	last, err := a.store.LastRollout(ctx, address)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, errors.New("the journal knows of no rollout that is done, so there is nothing to bring other networks to: make a plan with lockstep plan")
	}
	if err != nil {
		return nil, nil, err
	}
	m, err := a.rolledManifest(ctx, last.Manifest)
	if err != nil {
		return nil, nil, err
	}
	out := &Sync{Manifest: m.Root, RoutesRoot: m.RoutesRoot, Networks: make([]SyncNetwork, len(a.networks))}
	var g errgroup.Group
	for i, n := range a.networks {
		g.Go(func() (err error) {
			out.Networks[i], err = a.compareWith(ctx, n, address, m)
			return err
		})
	}
	return out, m, g.Wait()
}

func (a *App) compareWith(ctx context.Context, n *net, address common.Address, m *manifest.Manifest) (SyncNetwork, error) {
	s := SyncNetwork{Network: n.Name, ChainID: n.ChainID, State: "same"}
	state := dispatcher.State{}
	at, err := n.chain.Head(ctx)
	if err == nil {
		state, err = dispatcher.ReadState(ctx, n.chain, at.Hash, address)
	}
	s.RoutesRoot = state.ActiveRoutesRoot
	var missing *dispatcher.NotDeployedError
	switch {
	case errors.As(err, &missing):
		s.State, s.Reason = "not deployed", missing.Error()
		return s, nil
	case err != nil:
		s.State, s.Reason = "unreachable", err.Error()
		return s, ctx.Err()
	case state.ActiveRoutesRoot == m.RoutesRoot:
		return s, nil
	}
	s.State = "behind"
	stands, err := a.newest(ctx, n.ChainID)
	if err != nil {
		return s, err
	}
	running, err := a.store.Running(ctx, n.ChainID, address)
	switch {
	case err == nil && stands.State != rollout.StateExcluded: // with that nobody goes on
		s.State, s.Reason = "in rollout", fmt.Sprintf("root %s is being rolled out for epoch %d", running.Root, running.Epoch)
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return s, err
	}
	if stands.Reason != "" {
		s.Reason = stands.Reason
	}
	return s, nil
}

// newest is where the newest execution that a network is part of stands on it; the zero value if it is part of none.
func (a *App) newest(ctx context.Context, chainID uint64) (store.ExecutionNetwork, error) {
	all, err := a.store.Executions(ctx, false)
	if err != nil {
		return store.ExecutionNetwork{}, err
	}
	for _, ex := range all {
		i := slices.IndexFunc(ex.Networks, func(s store.ExecutionNetwork) bool { return s.ChainID == chainID })
		if i >= 0 {
			return ex.Networks[i], nil
		}
	}
	return store.ExecutionNetwork{}, nil
}

// ErrInSync says that every network has the routes that were rolled out last.
var ErrInSync = errors.New("every network has the routes that were rolled out last: there is nothing to plan")

// PlanSync makes a plan that brings the networks that are behind to what was rolled out last. It is approved and carried out like any other. That
// test networks come first it does not ask for again. given is the manifest, with its file, if it was built again for a network that is new; it may
// be nil: then it is the journal's.
func (a *App) PlanSync(ctx context.Context, given *manifest.Manifest, file []byte) (*plan.Plan, error) {
	s, m, err := a.sync(ctx)
	if err != nil {
		return nil, err
	}
	if given != nil && given.Root != m.Root {
		return nil, fmt.Errorf("the manifest has root %s, rolled out last was %s", given.Root, m.Root)
	}
	var behind []*net
	for i, n := range a.networks {
		if s.Networks[i].Behind() {
			behind = append(behind, n)
		}
	}
	if len(behind) == 0 {
		for _, n := range s.Networks {
			if n.State != "same" {
				return nil, fmt.Errorf("there is nothing to plan now, but %s is %s: %s", n.Network, n.State, n.Reason)
			}
		}
		return nil, ErrInSync
	}
	a.networks = behind
	if m = given; m == nil {
		m, file, err = a.keptFor(ctx, s.Manifest)
	} else {
		err = a.covers(m, a.networks)
	}
	if err != nil {
		return nil, err
	}
	source, err := a.sourceOf(ctx, m.Root)
	if err != nil {
		return nil, err
	}
	return a.makePlan(ctx, PlanRequest{Action: plan.Rollout, Manifest: m, File: file, Source: source, proven: true}, behind)
}

// keptFor is the newest manifest of the journal with a root that was built for all networks, with its file.
func (a *App) keptFor(ctx context.Context, root common.Hash) (*manifest.Manifest, []byte, error) {
	files, err := a.store.ManifestFiles(ctx, root)
	if err != nil {
		return nil, nil, err
	}
	for _, file := range files {
		m, _, verifyErr := a.verified(file)
		if verifyErr != nil {
			return nil, nil, verifyErr
		}
		if err = a.covers(m, a.networks); err == nil {
			return m, file, nil
		}
	}
	return nil, nil, fmt.Errorf("the manifest of the journal is meant: %w, then name its file with --manifest", err)
}

// verified is a manifest of the journal, computed again, with its file.
func (a *App) verified(file []byte) (*manifest.Manifest, []byte, error) {
	m, differences, err := VerifyManifest(file)
	if err != nil {
		return nil, nil, err
	}
	if len(differences) > 0 {
		return nil, nil, fmt.Errorf("the journal's manifest does not say what follows from its inputs: %s", differences[0])
	}
	return m, file, nil
}

// sourceOf is where a manifest was built from, as an earlier plan for it says.
func (a *App) sourceOf(ctx context.Context, root common.Hash) (*plan.Source, error) {
	all, err := a.store.Executions(ctx, false)
	if err != nil {
		return nil, err
	}
	for _, ex := range all {
		p, err := a.plan(ctx, ex.Plan)
		if err != nil {
			return nil, err
		}
		if m, s := p.Intent.Manifest, p.Intent.Source; m != nil && m.Root == root && s != nil {
			return s, nil
		}
	}
	return &plan.Source{}, nil
}
