// Package event is what contracts say: their logs, as a node gives them and decoded, and the calls that they refuse, which leave no log.
// A kind of contract decodes its own (see Kind); the index keeps them, whatever kind they are of.
package event

import (
	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// Log is a log as a node gives it.
type Log struct {
	Address common.Address
	Topics  []common.Hash // at most 4
	Data    []byte
	Block   rollout.Block // its time is 0 if the node does not say
	Tx      common.Hash
	TxIndex uint32
	Index   uint32 // in the block
}

// Kind is a kind of contract that is watched.
type Kind interface {
	// Name is how the kind is called in tables and in JSON: "dispatcher".
	Name() string
	// Decode appends the fields of a log to dst, as one JSON object whose members are named as the parameters of the event are, and returns
	// the name of the event. A log that is none of the kind's events, or is not encoded as one, has no name, and nothing is appended.
	// Integers are JSON numbers up to 2^53-1 and decimal strings above; bytes and addresses are 0x-hex, addresses in lower case.
	Decode(dst []byte, l *Log) (name string, fields []byte)
	// Refusal reads what a call has reverted with in the same way. An error that is none of the kind's has no name.
	Refusal(dst, data []byte) (name string, fields []byte)
}

// Contract is a contract that is watched on one network.
type Contract struct {
	Kind    Kind
	Address common.Address
	From    uint64 // the block in which it was deployed, or an earlier one
}

// Refused is a transaction to a contract, or a call of ours to it that was not sent, that it refused.
type Refused struct {
	Contract common.Address `json:"contract"`
	Block    rollout.Block  `json:"block"` // of the transaction; after which the call was simulated
	Tx       common.Hash    `json:"tx,omitzero"`
	From     common.Address `json:"from"`
	Selector string         `json:"selector"` // of the function, 0x and 8 digits
	Error    string         `json:"error"`    // its name; empty if the kind has none such
	Fields   []byte         `json:"-"`        // of the error, as JSON; nil without a name
	Data     []byte         `json:"-"`        // what it reverted with
	Source   string         `json:"source"`   // block, simulation or relay: how it was seen
}
