package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"golang.org/x/sync/errgroup"

	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// Status is the state of all networks.
type Status struct {
	Dispatcher common.Address  `json:"dispatcher"`
	Manifest   *common.Hash    `json:"manifest"`   // root of the manifest file, if there is one
	Consistent bool            `json:"consistent"` // same routes everywhere, those of the manifest, and nothing wrong
	Networks   []NetworkStatus `json:"networks"`
	Alerts     int             `json:"alerts"` // of the journal that fire and are critical or high
}

// NetworkStatus is the state of one network at its head.
type NetworkStatus struct {
	Network     string      `json:"network"`
	ChainID     uint64      `json:"chainId"`
	Error       string      `json:"error,omitempty"`
	Block       uint64      `json:"block"`
	BlockHash   common.Hash `json:"-"`
	BlockTime   uint64      `json:"blockTime"` // unix seconds
	Deployed    bool        `json:"deployed"`
	ActiveRoot  common.Hash `json:"activeRoot"`
	RoutesRoot  common.Hash `json:"activeRoutesRoot"`
	ActiveEpoch uint64      `json:"activeEpoch"`
	PendingRoot common.Hash `json:"pendingRoot"`
	Eta         uint64      `json:"eta"`     // unix seconds, 0 if nothing is pending
	ReadyIn     int64       `json:"readyIn"` // seconds until eta + grace, by block time; negative once past
	Paused      bool        `json:"paused"`
	Grace       uint64      `json:"grace"`
	Delay       uint64      `json:"delay"`
	MaxBatch    uint64      `json:"maxBatchSize"`
	Running     bool        `json:"running"` // the journal has an unfinished rollout
	Open        int         `json:"open"`    // transactions signed and not final
	Differences []string    `json:"differences"`
	MatchesRoot bool        `json:"matchesManifest"`
}

// Status reads all networks. m may be nil.
func (a *App) Status(ctx context.Context, m *manifest.Manifest) (*Status, error) {
	address, err := a.Dispatcher()
	if err != nil {
		return nil, err
	}
	if err := a.open(ctx); err != nil {
		return nil, err
	}
	s := &Status{Dispatcher: address, Networks: make([]NetworkStatus, len(a.networks)), Consistent: true}
	if m != nil {
		s.Manifest = &m.Root
	}
	firing, err := a.store.Alerts(ctx, store.AlertQuery{Firing: true})
	if err != nil {
		return nil, err
	}
	for _, r := range firing {
		if r.Severity.AtLeast(rule.High) {
			s.Alerts++
		}
	}
	g := errgroup.Group{}
	for i, n := range a.networks {
		g.Go(func() error {
			ns := NetworkStatus{Network: n.Name, ChainID: n.ChainID, Differences: []string{}}
			if err := a.networkStatus(ctx, n, address, m, &ns); err != nil {
				ns.Error = err.Error()
			}
			s.Networks[i] = ns
			return ctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for _, ns := range s.Networks {
		same := ns.RoutesRoot == s.Networks[0].RoutesRoot && (m == nil || ns.MatchesRoot)
		s.Consistent = s.Consistent && same && ns.Deployed && ns.Error == "" && len(ns.Differences) == 0
	}
	return s, nil
}

func (a *App) networkStatus(ctx context.Context, n *net, address common.Address, m *manifest.Manifest, ns *NetworkStatus) error {
	if _, err := a.store.Running(ctx, n.ChainID, address); err == nil {
		ns.Running = true
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	journal, err := a.store.Transactions(ctx, n.ChainID)
	if err != nil {
		return err
	}
	for _, t := range journal {
		if t.Status.Open() {
			ns.Open++
		}
	}
	at, err := n.chain.Head(ctx)
	if err != nil {
		return err
	}
	ns.Block, ns.BlockHash, ns.BlockTime = at.Number, at.Hash, at.Time
	state, err := dispatcher.ReadState(ctx, n.chain, at.Hash, address)
	var missing *dispatcher.NotDeployedError
	if errors.As(err, &missing) {
		return nil
	}
	if err != nil {
		return err
	}
	ns.Deployed = true
	ns.ActiveRoot, ns.RoutesRoot, ns.ActiveEpoch = state.ActiveRoot, state.ActiveRoutesRoot, state.ActiveEpoch
	ns.PendingRoot, ns.Eta, ns.Paused = state.PendingRoot, state.Eta, state.Paused
	ns.Grace, ns.Delay, ns.MaxBatch = state.Grace, state.Delay, state.MaxBatch
	if state.Paused {
		ns.Differences = append(ns.Differences, "routed calls are paused")
	}
	if state.PendingRoot != (common.Hash{}) && !ns.Running {
		ns.Differences = append(ns.Differences, fmt.Sprintf("root %s is pending, which no rollout of this journal explains", state.PendingRoot))
	}
	if state.Eta != 0 {
		ns.ReadyIn = int64(state.Eta+state.Grace) - int64(at.Time)
	}
	// after a return to earlier routes, the active root is the routesRoot of their manifest
	ns.MatchesRoot = m != nil && state.ActiveRoutesRoot == m.RoutesRoot
	if !ns.MatchesRoot {
		return nil
	}
	routes, err := dispatcher.CompareRoutes(ctx, n.chain, at.Hash, address, m)
	if err != nil {
		return err
	}
	code, err := dispatcher.CompareCode(ctx, n.chain, at.Hash, m.Routed())
	if err != nil {
		return err
	}
	ns.Differences = append(append(ns.Differences, routes...), code...)
	return nil
}
