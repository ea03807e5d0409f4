package relay

import (
	"context"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"
)

// Record is what is remembered of transactions that were given to relays. It is stored as JSON.
type Record struct {
	ID      string        `json:"id"`      // a UUID of version 4; relays know the submission by it
	ChainID uint64        `json:"chainId"` // with any of the hashes, the key
	Hashes  []common.Hash `json:"hashes"`  // by nonce
	Last    uint64        `json:"last"`    // the last block that they are for
	Order   []string      `json:"order"`   // in which relays are asked
	Tries   []Try         `json:"tries,omitempty"`
	Landed  []common.Hash `json:"landed,omitempty"`
	// Cancelled is set before a relay is asked to cancel: nothing of it is pushed again.
	Cancelled bool `json:"cancelled,omitempty"`
}

// Try is how it stands with one relay.
type Try struct {
	Relay string    `json:"relay"`
	State State     `json:"state"`
	Since uint64    `json:"since"` // the head when it was asked first
	At    time.Time `json:"at"`    // when it was asked last
	Until uint64    `json:"until"` // the last block for which it has them, 0 if it does not say
	Seen  uint64    `json:"seen"`  // the head at which it was asked last, for them or for their status
	// Given says that it may have them, whatever it said later: it is told to cancel.
	Given bool `json:"given,omitempty"`
	Late  bool `json:"late,omitempty"` // they were in no block for so long that the next relay was asked, too
	// Reason is its last error, which holds no credentials.
	Reason string `json:"reason,omitempty"`
}

// State of a try.
type State string

// The states. A relay in any of them may turn out to have included the transactions.
const (
	Asked   State = "asked"   // it may have them: it did not answer, or this program ended meanwhile
	Taken   State = "taken"   // it said that it has them
	Refused State = "refused" // it said no
	Unsent  State = "unsent"  // it could not be asked
	Dropped State = "dropped" // it had them, and says that it has not any more
)

// Records keeps records. Save replaces the one with the same ID.
type Records interface {
	// Load finds the newest record that holds a transaction.
	Load(ctx context.Context, chainID uint64, hash common.Hash) (Record, bool, error)
	Save(ctx context.Context, r Record) error
}

// clone lets a record that was loaded be changed.
func (r Record) clone() Record {
	r.Hashes, r.Order = slices.Clone(r.Hashes), slices.Clone(r.Order)
	r.Tries, r.Landed = slices.Clone(r.Tries), slices.Clone(r.Landed)
	return r
}

// try finds or begins the try of a relay.
func (r *Record) try(relay string) *Try {
	for i := range r.Tries {
		if r.Tries[i].Relay == relay {
			return &r.Tries[i]
		}
	}
	r.Tries = append(r.Tries, Try{Relay: relay})
	return &r.Tries[len(r.Tries)-1]
}

// likely returns the try that most likely brought a transaction into a block, and among how many in given states: the one that was
// asked last, since the others had their time.
func (r *Record) likely(block uint64, states ...State) (by Try, among int) {
	for _, t := range r.Tries {
		if t.Since >= block || !slices.Contains(states, t.State) {
			continue
		}
		if among == 0 || t.Since >= by.Since {
			by = t
		}
		among++
	}
	return by, among
}
