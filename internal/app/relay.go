package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/config"
	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/relay"
	"github.com/seed-b6a97670/lockstep/internal/store"
	"github.com/seed-b6a97670/lockstep/internal/txsend"
)

// viaRelays tells whether the transactions of a network are given to relays. Where they are to stay private nothing else may happen,
// whatever the configuration lacks.
func (n *net) viaRelays() bool { return len(n.Relays) > 0 || !n.Direct() }

// relays is how the transactions of a network reach blocks other than through its endpoints; nil if they do not.
func (a *App) relays(n *net) txsend.Relays {
	if !n.viaRelays() {
		return nil
	}
	return way{a, n}
}

// way makes the router of a network when it is needed first: for quotes nobody's key is asked for.
type way struct {
	app *App
	net *net
}

func (w way) Push(ctx context.Context, txs []*types.Transaction, head, last uint64) error {
	r, err := w.app.router(ctx, w.net)
	if err != nil {
		return err
	}
	return r.Push(ctx, txs, head, last)
}

func (w way) Land(ctx context.Context, hash common.Hash, block uint64, gasPrice, baseFee *big.Int) error {
	r, err := w.app.router(ctx, w.net)
	if err != nil {
		return err
	}
	return r.Land(ctx, hash, block, gasPrice, baseFee)
}

func (w way) Cancel(ctx context.Context, txs []*types.Transaction) error {
	r, err := w.app.router(ctx, w.net)
	if err != nil {
		return err
	}
	return r.Cancel(ctx, txs)
}

// routable makes the routers of networks, so that what is wrong with their relays is known before anything is signed.
func (a *App) routable(ctx context.Context, nets ...*net) error {
	var problems []error
	for _, n := range nets {
		if !n.viaRelays() {
			continue
		}
		if _, err := a.router(ctx, n); err != nil {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// router is the one of a network, which all its senders share.
func (a *App) router(ctx context.Context, n *net) (*relay.Router, error) {
	n.routerMu.Lock()
	defer n.routerMu.Unlock()
	if n.router != nil {
		return n.router, nil
	}
	relays, err := a.relaysOf(n)
	if err != nil {
		return nil, fmt.Errorf("network %s: %w", n.Name, err)
	}
	past, err := a.measurements(ctx, n)
	if err != nil {
		return nil, err
	}
	n.router, err = relay.NewRouter(relay.Config{
		Network: n.Name, ChainID: n.ChainID, Privacy: n.Privacy, AllowPublic: n.AllowPublic, Relays: relays, Records: records{a.store},
		Patience: n.Patience, Measured: n.Measured, Seed: rand.Uint64(), Past: past, Report: a.relayed,
	})
	return n.router, err
}

// relaysOf are those of a network, ready to be asked, and its own endpoints where these may be.
func (a *App) relaysOf(n *net) (out []relay.Relay, err error) {
	var key relay.TextSigner
	if n.RelayKey != "" {
		s, err := a.signer(n.RelayKey)
		if err != nil {
			return nil, fmt.Errorf("relayKey: %w", err)
		}
		if err := s.Unlock(); err != nil {
			return nil, fmt.Errorf("relayKey: signer %s: %w", n.RelayKey, err)
		}
		if err := a.cfg.RelayKeyAlone(n.Network, a.addressIfKnown); err != nil {
			return nil, err
		}
		key = s
	}
	for _, r := range n.Relays {
		made, err := makeRelay(a.cfg, r, key)
		if err != nil {
			return nil, err
		}
		out = append(out, made)
	}
	if !n.Direct() {
		return out, nil
	}
	endpoints, err := relay.NewEndpoints(endpointsOf(n.Network), n.chain.Send)
	return append(out, endpoints), err
}

// endpointsOf is who sees what a network's own endpoints are given.
func endpointsOf(n config.Network) string {
	known, _ := network.LookupID(n.ChainID)
	if n.Privacy == network.Sequencer || known.Privacy == network.Sequencer {
		return network.Sequencer
	}
	return network.Public
}

// addressIfKnown is the address of a signer, zero if its key file is not on this machine.
func (a *App) addressIfKnown(name string) common.Address {
	address, err := a.addressOf(name)
	if err != nil {
		return common.Address{}
	}
	return address
}

// makeRelay makes a relay of the configuration. key signs requests, for those that want it.
func makeRelay(cfg *config.Config, r config.Relay, key relay.TextSigner) (relay.Relay, error) {
	url, err := cfg.Resolve(r.URL)
	if err != nil {
		return nil, fmt.Errorf("relay %s: url: %w", r.Name, err)
	}
	status, err := cfg.Resolve(r.StatusURL)
	if err != nil {
		return nil, fmt.Errorf("relay %s: statusUrl: %w", r.Name, err)
	}
	switch r.Kind {
	case network.RelayFlashbots:
		return relay.NewFlashbots(relay.FlashbotsConfig{
			Name: r.Name, URL: url, StatusURL: status, Signer: key, Builders: r.Builders, Timeout: r.Timeout,
		})
	case network.RelayBloxroute:
		return relay.NewBloxroute(relay.BloxrouteConfig{
			Name: r.Name, URL: url, Method: r.Method, Timeout: r.Timeout,
			Secret: func(context.Context) (string, error) { return cfg.Resolve(r.Authorization) },
		})
	}
	return relay.NewRPC(relay.RPCConfig{Name: r.Name, URL: url, StatusURL: status, Timeout: r.Timeout})
}

// records keeps what relays have in the journal.
type records struct{ store *store.Store }

func (r records) Load(ctx context.Context, chainID uint64, hash common.Hash) (rec relay.Record, found bool, err error) {
	body, err := r.store.RelayRecord(ctx, chainID, hash)
	if errors.Is(err, store.ErrNotFound) {
		return rec, false, nil
	}
	if err != nil {
		return rec, false, err
	}
	if err := json.Unmarshal(body, &rec); err != nil {
		return rec, false, fmt.Errorf("what the journal says of relays that have %s cannot be read: %w", hash, err)
	}
	return rec, true, nil
}

func (r records) Save(ctx context.Context, rec relay.Record) error {
	body, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	return r.store.SaveRelayRecord(ctx, store.RelayRecord{ID: rec.ID, ChainID: rec.ChainID, Hashes: rec.Hashes, Body: body})
}

// relayed notes what was seen of a relay: in the journal with its audit log, and to whoever measures.
func (a *App) relayed(ctx context.Context, m relay.Measurement) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	a.opts.Log.DebugContext(ctx, "relay", "network", m.Network, "relay", m.Relay, "outcome", m.Outcome, "block", m.Head, "err", m.Reason)
	kind, entry := relayEntry(m)
	err = a.store.Measure(ctx, store.RelayMeasurement{
		ChainID: m.ChainID, Relay: m.Relay, Record: m.ID, Outcome: string(m.Outcome), Head: m.Head, Hash: m.Hashes[0], Again: m.Again,
		Body: body, Kind: kind, Entry: entry,
	})
	if err == nil && a.opts.Relayed != nil {
		a.opts.Relayed(m)
	}
	return err
}

// relayEntry is the entry of the audit log for a measurement.
func relayEntry(m relay.Measurement) (audit.Kind, any) {
	switch m.Outcome {
	case relay.OutcomeLanded:
		return audit.RelayLanded, audit.RelayLanding{
			Relay: m.Relay, ID: m.ID, Hash: m.Hashes[0], Block: m.Head, Blocks: m.Blocks, GasPrice: decimal(m.GasPrice), BaseFee: decimal(m.BaseFee),
			Among: m.Among,
		}
	case relay.OutcomeLate, relay.OutcomeDropped, relay.OutcomeExpired, relay.OutcomeCancelled:
		return audit.RelayEnded, audit.RelayEnd{
			Relay: m.Relay, ID: m.ID, Hashes: m.Hashes, Outcome: string(m.Outcome), Head: m.Head, Blocks: m.Blocks,
		}
	}
	return audit.RelayAsked, audit.RelayAnswer{
		Relay: m.Relay, ID: m.ID, Hashes: m.Hashes, Outcome: string(m.Outcome), Head: m.Head, Milliseconds: m.Took.Milliseconds(), Reason: m.Reason,
	}
}

func decimal(v *big.Int) string {
	if v == nil {
		return ""
	}
	return v.String()
}

// measurements are those of a network that the journal has kept, oldest first.
func (a *App) measurements(ctx context.Context, n *net) ([]relay.Measurement, error) {
	bodies, err := a.store.Measurements(ctx, n.ChainID)
	if err != nil {
		return nil, err
	}
	out := make([]relay.Measurement, len(bodies))
	for i, body := range bodies {
		if err := json.Unmarshal(body, &out[i]); err != nil {
			return nil, fmt.Errorf("what the journal says of relays of %s cannot be read: %w", n.Name, err)
		}
	}
	return out, nil
}

// stuckAfter is how long a transaction may be in no block until it is replaced: at least until each relay has had its time.
func (n *net) stuckAfter() time.Duration {
	if !n.viaRelays() {
		return 0
	}
	ways := len(n.Relays)
	if n.Direct() {
		ways++
	}
	blocks := float64(ways)*float64(cmp.Or(n.Patience, relay.DefaultPatience)) + 1
	return max(time.Minute, time.Duration(blocks*n.BlockTime*float64(time.Second)))
}
