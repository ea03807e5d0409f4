package event

import (
	"errors"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// ErrTooLarge says that an endpoint does not answer for so many blocks, or so many logs, at once: to ask for fewer is what helps.
var ErrTooLarge = errors.New("too much for one answer")

// ErrNoBlock says that no endpoint that answers has a block of that number, or hash.
var ErrNoBlock = errors.New("no endpoint has the block")

// ErrUnsupported says that no endpoint answers such a call.
var ErrUnsupported = errors.New("no endpoint answers such a call")

// Decoded is a log with what it says.
type Decoded struct {
	Log
	Kind   string // of the contract
	Name   string // of the event; empty if it is none that the kind has
	Fields []byte // of the event, as one JSON object; nil without a name
}

// Batch is what the index writes at once: what contracts have logged in blocks that follow those that were indexed before.
type Batch struct {
	ChainID   uint64
	Contracts []Contract // all that are indexed up to the block before From
	From, To  uint64
	// Blocks are headers that are kept, by number: to find out about reorganisations, of all blocks that are not final; of older ones, those of
	// the blocks that have logs and the last one. Their parents may be unknown.
	Blocks []Header
	Logs   []Decoded // by block and index
	// Follows says that the last block is the newest, or near it: then upgrades are brought up to date in the same transaction, and else when all blocks
	// are there.
	Follows bool
}

// Position is how far a network is indexed.
type Position struct {
	Contracts []Covered
	Final     rollout.Block // the newest block that was final; zero before there was one
}

// Covered says which blocks of a contract are indexed, without a gap.
type Covered struct {
	Address common.Address
	From    uint64 // the first
	Next    uint64 // the first that is not
}

// UpgradeFilter says which upgrades are asked for, the newest first. What is zero does not narrow it.
type UpgradeFilter struct {
	ChainID    uint64
	Dispatcher common.Address
	Root       common.Hash // or its routesRoot
	Statuses   []UpgradeStatus
	Limit      int
}

// RefusedFilter says which refused calls of a network are asked for, the newest first. What is zero does not narrow it.
type RefusedFilter struct {
	ChainID  uint64
	Contract common.Address
	From, To uint64 // blocks; a To of 0 has no end
	Source   string
	Oldest   bool // the oldest first
	Limit    int
}

// Place is where a log is in a chain.
type Place struct {
	Block uint64
	Index uint32
}

// Filter says which events of a network are asked for. What is zero does not narrow it.
type Filter struct {
	ChainID  uint64
	Contract common.Address
	Names    []string
	Tx       common.Hash
	From, To uint64 // blocks; a To of 0 has no end
	// Oldest gives the first events first, else it is the last. After is the place after which, in that order, the answer begins.
	Oldest bool
	After  Place
	Limit  int // 0 has none
}
