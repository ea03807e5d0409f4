package app

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// EventQuery says which events of the index are meant.
type EventQuery = event.Filter

// UpgradeQuery says which upgrades of the index are meant.
type UpgradeQuery = event.UpgradeFilter

// IndexedEvent is an event of a watched contract.
type IndexedEvent struct {
	ChainID  uint64          `json:"chainId"`
	Block    rollout.Block   `json:"block"`
	Index    uint32          `json:"logIndex"` // in the block
	Tx       common.Hash     `json:"tx"`
	Contract common.Address  `json:"contract"`
	Kind     string          `json:"kind"`             // of contract
	Name     string          `json:"name"`             // empty if it is none that the kind has
	Fields   json.RawMessage `json:"fields,omitempty"` // named as the event's parameters
}

// IndexedUpgrade is a commitment of a root, and what has become of it. Times are of blocks, in unix seconds; 0 before it has come to that.
type IndexedUpgrade struct {
	ID          string              `json:"id"`
	ChainID     uint64              `json:"chainId"`
	Dispatcher  common.Address      `json:"dispatcher"`
	Root        common.Hash         `json:"root"`
	RoutesRoot  common.Hash         `json:"routesRoot"` // zero while it is not known
	Epoch       uint64              `json:"epoch"`
	Eta         uint64              `json:"eta"`
	Status      event.UpgradeStatus `json:"status"`
	CommittedAt uint64              `json:"committedAt"`
	AppliedAt   uint64              `json:"appliedAt"`
	ActivatedAt uint64              `json:"activatedAt"`
	EndedAt     uint64              `json:"endedAt"` // when it was cancelled, replaced or expired
	GasUsed     uint64              `json:"gasUsed"`
	Selectors   []string            `json:"selectors"`
	Complete    bool                `json:"complete"` // gas and selectors are known of all its transactions
}

// Events lists events of a journal's index on one network, the newest first, and changes nothing.
func Events(ctx context.Context, journal string, q EventQuery) (out []IndexedEvent, err error) {
	s, err := store.OpenReadOnly(ctx, journal)
	if err != nil {
		return nil, noJournal(journal, err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	all, err := s.Events(ctx, q)
	if err != nil {
		return nil, err
	}
	out = []IndexedEvent{}
	for _, d := range all {
		out = append(out, IndexedEvent{q.ChainID, d.Block, d.Index, d.Tx, d.Address, d.Kind, d.Name, json.RawMessage(d.Fields)})
	}
	return out, nil
}

// Upgrades lists upgrades of a journal's index, the newest first, and changes nothing.
func Upgrades(ctx context.Context, journal string, q UpgradeQuery) (out []IndexedUpgrade, err error) {
	s, err := store.OpenReadOnly(ctx, journal)
	if err != nil {
		return nil, noJournal(journal, err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	all, err := s.Upgrades(ctx, q)
	if err != nil {
		return nil, err
	}
	out = []IndexedUpgrade{}
	for _, u := range all {
		out = append(out, IndexedUpgrade{
			u.ID(), u.ChainID, u.Dispatcher, u.Root, u.RoutesRoot, u.Epoch, u.Eta, u.Status, u.CommittedAt, u.AppliedAt, u.ActivatedAt, u.EndedAt, u.GasUsed,
			append([]string{}, u.Selectors...), u.Settled,
		})
	}
	return out, nil
}
