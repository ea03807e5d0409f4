package app

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/event"
)

// IndexedEvent is an event of a contract that is watched.
type IndexedEvent struct {
	Network   string          `json:"network"`
	ChainID   uint64          `json:"chainId"`
	Block     uint64          `json:"block"`
	BlockHash common.Hash     `json:"blockHash"`
	BlockTime uint64          `json:"blockTime"` // unix seconds
	Index     uint32          `json:"index"`     // in the block
	Tx        common.Hash     `json:"tx"`
	Contract  common.Address  `json:"contract"`
	Kind      string          `json:"kind"`             // of the contract
	Name      string          `json:"name"`             // empty if it is none of the kind's events
	Fields    json.RawMessage `json:"fields,omitempty"` // named as the parameters of the event
	Topics    []common.Hash   `json:"topics"`
	Data      hexutil.Bytes   `json:"data"`
}

// RefusedCall is a call that a contract that is watched has refused.
type RefusedCall struct {
	Network   string          `json:"network"`
	Block     uint64          `json:"block"`
	BlockTime uint64          `json:"blockTime"`
	Tx        *common.Hash    `json:"tx,omitempty"` // none if it was not sent
	From      common.Address  `json:"from"`
	Selector  string          `json:"selector"`
	Error     string          `json:"error"` // empty if it is none that the kind has
	Fields    json.RawMessage `json:"fields,omitempty"`
	Source    string          `json:"source"` // block, simulation or relay
}

// EventQuery says which events are asked for. What is zero does not narrow it.
type EventQuery struct {
	Names    []string
	Contract common.Address
	Tx       common.Hash
	From, To uint64 // blocks
	Last     int    // of each network
}

// EventNames are the names that events can have.
func EventNames() []string { return dispatcher.Names() }

// Events lists events that are indexed, the oldest first. No network is asked.
func (a *App) Events(ctx context.Context, q EventQuery) ([]IndexedEvent, error) {
	if err := a.openJournal(ctx); err != nil {
		return nil, err
	}
	out := []IndexedEvent{}
	for _, n := range a.networks {
		events, err := a.store.Events(ctx, event.Filter{
			ChainID: n.ChainID, Contract: q.Contract, Names: q.Names, Tx: q.Tx, From: q.From, To: q.To, Limit: q.Last,
		})
		if err != nil {
			return nil, err
		}
		for _, e := range slices.Backward(events) {
			out = append(out, indexedEvent(n, &e))
		}
	}
	return out, nil
}

func indexedEvent(n *net, e *event.Decoded) IndexedEvent {
	return IndexedEvent{
		Network: n.Name, ChainID: n.ChainID, Block: e.Block.Number, BlockHash: e.Block.Hash, BlockTime: e.Block.Time, Index: e.Index, Tx: e.Tx,
		Contract: e.Address, Kind: e.Kind, Name: e.Name, Fields: e.Fields, Topics: e.Topics, Data: e.Data,
	}
}

// IndexedUpgrade is a commitment, and what has become of it. Times are of blocks.
type IndexedUpgrade struct {
	ID          string              `json:"id"`
	Network     string              `json:"network"`
	ChainID     uint64              `json:"chainId"`
	Dispatcher  common.Address      `json:"dispatcher"`
	Root        common.Hash         `json:"root"`
	RoutesRoot  *common.Hash        `json:"routesRoot,omitempty"` // none while it is not known
	Epoch       uint64              `json:"epoch"`
	Eta         uint64              `json:"eta"`
	Status      event.UpgradeStatus `json:"status"`
	Tx          common.Hash         `json:"tx"` // of the commit
	Block       uint64              `json:"block"`
	CommittedAt uint64              `json:"committedAt"`
	AppliedAt   uint64              `json:"appliedAt,omitempty"`
	ActivatedAt uint64              `json:"activatedAt,omitempty"`
	EndedAt     uint64              `json:"endedAt,omitempty"` // cancelled, replaced or expired
	GasUsed     uint64              `json:"gasUsed"`
	Selectors   []string            `json:"selectors"`
	Settled     bool                `json:"settled"` // all of its transactions were looked at
}

// UpgradeHistory is an upgrade with what happened in it.
type UpgradeHistory struct {
	IndexedUpgrade
	Events  []IndexedEvent `json:"events"`
	Refused []RefusedCall  `json:"refused"`
}

// Upgrades lists upgrades that are indexed, the newest of each network first. No network is asked.
func (a *App) Upgrades(ctx context.Context, statuses []event.UpgradeStatus, last int) ([]IndexedUpgrade, error) {
	if err := a.openJournal(ctx); err != nil {
		return nil, err
	}
	out := []IndexedUpgrade{}
	for _, n := range a.networks {
		upgrades, err := a.store.Upgrades(ctx, event.UpgradeFilter{ChainID: n.ChainID, Statuses: statuses, Limit: last})
		if err != nil {
			return nil, err
		}
		for i := range upgrades {
			out = append(out, indexedUpgrade(n, &upgrades[i]))
		}
	}
	return out, nil
}

func indexedUpgrade(n *net, u *event.Upgrade) IndexedUpgrade {
	out := IndexedUpgrade{
		ID: u.ID(), Network: n.Name, ChainID: u.ChainID, Dispatcher: u.Dispatcher, Root: u.Root, Epoch: u.Epoch, Eta: u.Eta, Status: u.Status, Tx: u.Tx,
		Block: u.Commit.Block, CommittedAt: u.CommittedAt, AppliedAt: u.AppliedAt, ActivatedAt: u.ActivatedAt, EndedAt: u.EndedAt, GasUsed: u.GasUsed,
		Selectors: append([]string{}, u.Selectors...), Settled: u.Settled,
	}
	if u.RoutesRoot != (common.Hash{}) {
		out.RoutesRoot = &u.RoutesRoot
	}
	return out
}

// Upgrade returns the upgrades that a prefix of a root, a routesRoot or an id names, each with what happened in it, the newest of each network first.
func (a *App) Upgrade(ctx context.Context, prefix string) ([]UpgradeHistory, error) {
	if err := a.openJournal(ctx); err != nil {
		return nil, err
	}
	prefix = strings.ToLower(prefix)
	var out []UpgradeHistory
	for _, n := range a.networks {
		upgrades, err := a.store.Upgrades(ctx, event.UpgradeFilter{ChainID: n.ChainID})
		if err != nil {
			return nil, err
		}
		for i := range upgrades {
			u := &upgrades[i]
			if !strings.HasPrefix(u.Root.Hex(), prefix) && !strings.HasPrefix(u.RoutesRoot.Hex(), prefix) && !strings.HasPrefix(u.ID(), prefix) {
				continue
			}
			h, err := a.history(ctx, n, u)
			if err != nil {
				return nil, err
			}
			out = append(out, h)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no upgrade that begins with %s is indexed on %s: lockstep upgrade list shows those that are, "+
			"and lockstep serve indexes", prefix, strings.Join(a.names(), ", "))
	}
	return out, nil
}

func (a *App) history(ctx context.Context, n *net, u *event.Upgrade) (UpgradeHistory, error) {
	out := UpgradeHistory{IndexedUpgrade: indexedUpgrade(n, u), Events: []IndexedEvent{}, Refused: []RefusedCall{}}
	life, err := a.store.Life(ctx, n.ChainID, event.Contract{Kind: dispatcher.Kind, Address: u.Dispatcher}, u.Commit)
	if err != nil {
		return out, err
	}
	for i := range life.Events {
		out.Events = append(out.Events, indexedEvent(n, &life.Events[i]))
	}
	for i := range life.Refused {
		out.Refused = append(out.Refused, refusedCall(n, &life.Refused[i]))
	}
	return out, nil
}

func refusedCall(n *net, r *event.Refused) RefusedCall {
	out := RefusedCall{
		Network: n.Name, Block: r.Block.Number, BlockTime: r.Block.Time, From: r.From, Selector: r.Selector, Error: r.Error, Fields: r.Fields, Source: r.Source,
	}
	if r.Tx != (common.Hash{}) {
		out.Tx = &r.Tx
	}
	return out
}
