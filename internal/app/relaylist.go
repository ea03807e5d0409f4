package app

import (
	"cmp"
	"context"
	"math/big"

	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/relay"
)

// NetworkRelays is how the transactions of a network reach blocks.
type NetworkRelays struct {
	Network string `json:"network"`
	ChainID uint64 `json:"chainId"`
	// Privacy is who may see a transaction before it is in a block: relay (nobody), sequencer or public.
	Privacy     string        `json:"privacy"`
	AllowPublic bool          `json:"allowPublic"` // that they may be seen by everybody, where privacy is relay
	Choice      string        `json:"choice"`      // order or measured
	Patience    uint64        `json:"patience"`    // blocks that a relay has until the next one is asked, too
	Relays      []RelayFigure `json:"relays"`      // in the order of the configuration; then those that were once in it
}

// RelayFigure is a relay, and what was measured of it, as far as the journal keeps it.
type RelayFigure struct {
	Name       string `json:"name"`
	Kind       string `json:"kind"`       // flashbots, bloxroute, rpc, or endpoints: the network's own; empty if it is not configured
	Privacy    string `json:"privacy"`    // who sees what it is given
	Configured bool   `json:"configured"` // it is asked
	Taken      int    `json:"taken"`      // submissions
	Failed     int    `json:"failed"`     // refused, not sent, or without an answer
	Landed     int    `json:"landed"`     // transactions that it has likely brought into a block
	Missed     int    `json:"missed"`     // submissions that were late, dropped or expired
	// Averages; absent if nothing was measured.
	Blocks       *float64 `json:"blocks,omitempty"`       // until a transaction landed
	Price        *float64 `json:"price,omitempty"`        // of a gas, over the base fee: 1 is the base fee alone
	Milliseconds *float64 `json:"milliseconds,omitempty"` // until it answered
	LastError    string   `json:"lastError,omitempty"`
	LastErrorAt  int64    `json:"lastErrorAt,omitempty"` // unix seconds
}

// Relays lists the relays of the networks, and what was measured of them. None is asked.
func (a *App) Relays(ctx context.Context) ([]NetworkRelays, error) {
	if err := a.openJournal(ctx); err != nil {
		return nil, err
	}
	out := []NetworkRelays{}
	for _, n := range a.networks {
		r := NetworkRelays{
			Network: n.Name, ChainID: n.ChainID, Privacy: n.Privacy, AllowPublic: n.AllowPublic, Choice: "order",
			Patience: cmp.Or(n.Patience, relay.DefaultPatience), Relays: []RelayFigure{},
		}
		if n.Measured {
			r.Choice = "measured"
		}
		for _, c := range n.Relays {
			r.Relays = append(r.Relays, RelayFigure{Name: c.Name, Kind: c.Kind, Privacy: network.Relay, Configured: true})
		}
		if n.Direct() {
			privacy := endpointsOf(n.Network)
			r.Relays = append(r.Relays, RelayFigure{Name: privacy, Kind: "endpoints", Privacy: privacy, Configured: true})
		}
		past, err := a.measurements(ctx, n)
		if err != nil {
			return nil, err
		}
		r.figure(past)
		out = append(out, r)
	}
	return out, nil
}

// figure takes in what was measured.
func (r *NetworkRelays) figure(past []relay.Measurement) {
	type sums struct{ blocks, price, took mean }
	all := map[string]*sums{}
	for _, m := range past {
		f := r.find(m.Relay)
		if all[m.Relay] == nil {
			all[m.Relay] = &sums{}
		}
		s := all[m.Relay]
		switch m.Outcome {
		case relay.OutcomeTaken, relay.OutcomePartial:
			if !m.Again {
				f.Taken++
			}
			s.took.add(float64(m.Took.Microseconds()) / 1000)
		case relay.OutcomeRefused, relay.OutcomeUnsent, relay.OutcomeInDoubt:
			f.Failed++
		case relay.OutcomeLanded:
			f.Landed++
			s.blocks.add(float64(m.Blocks))
			if m.GasPrice != nil && m.BaseFee != nil && m.BaseFee.Sign() > 0 {
				over, _ := new(big.Rat).SetFrac(m.GasPrice, m.BaseFee).Float64()
				s.price.add(over)
			}
		case relay.OutcomeLate, relay.OutcomeDropped, relay.OutcomeExpired:
			f.Missed++
		}
		if m.Reason != "" {
			f.LastError, f.LastErrorAt = m.Reason, m.At.Unix()
		}
		f.Blocks, f.Price, f.Milliseconds = s.blocks.value(), s.price.value(), s.took.value()
	}
}

func (r *NetworkRelays) find(name string) *RelayFigure {
	for i := range r.Relays {
		if r.Relays[i].Name == name {
			return &r.Relays[i]
		}
	}
	r.Relays = append(r.Relays, RelayFigure{Name: name})
	return &r.Relays[len(r.Relays)-1]
}

// mean of what was added.
type mean struct {
	sum float64
	n   int
}

func (m *mean) add(v float64) { m.sum, m.n = m.sum+v, m.n+1 }

func (m mean) value() *float64 {
	if m.n == 0 {
		return nil
	}
	v := m.sum / float64(m.n)
	return &v
}
