package relay

import (
	"cmp"
	"math/big"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/network"
)

// Outcome is what came of asking a relay.
type Outcome string

// The outcomes. Those before Landed come when it is asked, or asked again; the others end a try.
const (
	OutcomeTaken     Outcome = "taken"
	OutcomePartial   Outcome = "partial"   // the first transactions only
	OutcomeRefused   Outcome = "refused"   //
	OutcomeUnsent    Outcome = "unsent"    // it could not be asked
	OutcomeInDoubt   Outcome = "in doubt"  // it did not answer
	OutcomeLanded    Outcome = "landed"    // in a block, and this relay is the likely one to have brought it there
	OutcomeLate      Outcome = "late"      // in no block for as long as is waited before the next relay is asked
	OutcomeDropped   Outcome = "dropped"   // the relay says that it offers them no more
	OutcomeExpired   Outcome = "expired"   // in no block up to the last that they were for
	OutcomeCancelled Outcome = "cancelled" // it was told to cancel, and has
)

// Measurement is one thing that was seen of a relay.
type Measurement struct {
	Network string        `json:"network"`
	ChainID uint64        `json:"chainId"`
	Relay   string        `json:"relay"`
	ID      string        `json:"id"`     // of the record
	Hashes  []common.Hash `json:"hashes"` // what it is about; one, if it has landed
	Outcome Outcome       `json:"outcome"`
	Again   bool          `json:"again,omitempty"` // the relay had been asked for them before
	At      time.Time     `json:"at"`
	Took    time.Duration `json:"took,omitempty"`   // until it answered, when it was asked
	Head    uint64        `json:"head"`             // the block at which this was seen, or in which it landed
	Blocks  uint64        `json:"blocks,omitempty"` // since it was asked first, for what ends a try
	// GasPrice that was paid and BaseFee of the block, in wei, of what has landed.
	GasPrice *big.Int `json:"gasPrice,omitempty"`
	BaseFee  *big.Int `json:"baseFee,omitempty"`
	Among    int      `json:"among,omitempty"` // how many relays had it when it landed: with more than one, which it was is a guess
	Reason   string   `json:"reason,omitempty"`
}

// window is over how many measurements of a relay it is judged.
const window = 50

// end is what is kept of how a try has ended.
type end struct {
	landed bool
	blocks uint64
	over   float64 // price over base fee, 1 if it was the base fee alone; 0 if not known
}

// choice orders relays by what was measured.
type choice struct {
	relays  []Relay // by configuration
	allowed int     // the rank of the network: what is less private goes last
	explore int

	mu    sync.Mutex
	rng   *rand.Rand
	ends  map[string][]end
	count int
}

// rank of a privacy, the most private first.
func rank(privacy string) int {
	return slices.Index([]string{network.Relay, network.Sequencer, network.Public}, privacy)
}

// last is by what relays are ordered before all else: what is less private than the network goes last.
func (c *choice) last(r Relay) int { return max(rank(r.Privacy()), c.allowed) }

// note takes in a measurement.
func (c *choice) note(m Measurement) {
	e := end{blocks: max(m.Blocks, 1)}
	switch m.Outcome {
	case OutcomeLanded:
		e.landed = true
		if m.GasPrice != nil && m.BaseFee != nil && m.BaseFee.Sign() > 0 {
			e.over, _ = new(big.Rat).SetFrac(m.GasPrice, m.BaseFee).Float64()
		}
	case OutcomeRefused, OutcomeUnsent, OutcomeInDoubt, OutcomeLate, OutcomeDropped, OutcomeExpired:
	default:
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	ends := append(c.ends[m.Relay], e)
	c.ends[m.Relay] = ends[max(0, len(ends)-window):]
}

// score is how many blocks a relay takes for each landing, those that it wasted included, times the price over the base fee. One
// landing in one block is added, so that a relay of which nothing is known is tried once before it is judged.
func (c *choice) score(relay string) float64 {
	blocks, landed, over, priced := 1.0, 1.0, 0.0, 0.0
	for _, e := range c.ends[relay] {
		blocks += float64(e.blocks)
		if e.landed {
			landed++
		}
		if e.over > 0 {
			over += e.over
			priced++
		}
	}
	if priced == 0 {
		over, priced = 1, 1
	}
	return blocks / landed * over / priced
}

// order returns the names of the relays in the order in which they are to be asked. With measured, one in so many begins with
// another one than the best, so that what became better is found out.
func (c *choice) order(measured bool) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := slices.Clone(c.relays)
	if measured {
		slices.SortStableFunc(out, func(a, b Relay) int { return cmp.Compare(c.score(a.Name()), c.score(b.Name())) })
	}
	slices.SortStableFunc(out, func(a, b Relay) int { return cmp.Compare(c.last(a), c.last(b)) })
	if measured && c.explore > 0 {
		c.count++
		equals := 0 // relays that are as private as the best one may have to be
		for equals < len(out) && c.last(out[equals]) == c.last(out[0]) {
			equals++
		}
		if c.count%c.explore == 0 && equals > 1 {
			i := 1 + c.rng.IntN(equals-1)
			other := out[i]
			out = slices.Insert(slices.Delete(out, i, i+1), 0, other)
		}
	}
	var names []string
	for _, r := range out {
		names = append(names, r.Name())
	}
	return names
}
