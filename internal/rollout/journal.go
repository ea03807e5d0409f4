package rollout

import (
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
)

// Block names a block and its time.
type Block struct {
	Number uint64      `json:"number"`
	Hash   common.Hash `json:"hash"`
	Time   uint64      `json:"time"` // unix seconds
}

// Run is one run of a manifest's routes on one network: its root is to become active in its epoch.
type Run struct {
	ID         int64
	ChainID    uint64
	Dispatcher common.Address
	Root       common.Hash // what is committed: the manifest's root, or its routesRoot when it is returned to
	Manifest   common.Hash // the manifest's root
	Epoch      uint64
	After      int64 // the last transaction that the journal held on the network when the run began
}

// OtherRunError says that another root is being rolled out on the dispatcher.
type OtherRunError struct {
	Running Run
}

func (e *OtherRunError) Error() string {
	return fmt.Sprintf("a rollout of root %s for epoch %d is running on chain %d: finish it with lockstep rollout, "+
		"or take it back with lockstep cancel", e.Running.Root, e.Running.Epoch, e.Running.ChainID)
}

// Status of a journalled transaction.
type Status string

// A transaction that is signed has never left this machine: it may be made void, and its nonce used again. It is released
// before it is sent for the first time; from then on it may be anywhere, until the network's confirmation rule makes its
// outcome final.
const (
	Signed    Status = "signed"
	Released  Status = "released"
	Replaced  Status = "replaced" // by one with the same nonce; either may land
	Confirmed Status = "confirmed"
	Reverted  Status = "reverted"
	Dropped   Status = "dropped" // the other one landed
	Lost      Status = "lost"    // it was final, and a reorganisation took it back all the same
	Void      Status = "void"
)

// Open tells whether a transaction may still change the chain, or be sent.
func (s Status) Open() bool { return s == Signed || s == Released }

// ErrStale says that the journal moved since it was read: what was decided then must be decided again.
var ErrStale = errors.New("the journal has changed since it was read")

// ErrUnavailable says that a network could not be asked: what failed may be tried again.
var ErrUnavailable = errors.New("no endpoint answers")

// RevertedError says that a transaction was mined and reverted.
type RevertedError struct {
	Transaction Transaction
}

func (e *RevertedError) Error() string {
	return fmt.Sprintf("%s: transaction %s reverted in block %d", e.Transaction.Step, e.Transaction.Hash, e.Transaction.BlockNumber)
}

// FeesError says that a network asks for more than may be offered: wait until it does not.
type FeesError struct {
	Network       string
	Base, Ceiling string // wei a gas
}

func (e *FeesError) Error() string {
	return fmt.Sprintf("%s asks for %s wei a gas, the ceiling is %s (maxFee of the network in lockstep.yaml)", e.Network, e.Base, e.Ceiling)
}

// Transaction is one journalled transaction.
type Transaction struct {
	ID          int64
	ChainID     uint64
	Signer      common.Address
	Nonce       uint64
	Step        string // what it is for, in words
	Hash        common.Hash
	Raw         []byte // the signed transaction, EIP-2718
	Status      Status
	BlockNumber uint64
	BlockHash   common.Hash
	GasUsed     uint64
	Plan        common.Hash   // the approved plan that holds it; zero if none had to
	Replaces    int64         // the entry whose place it takes; 0 if none
	Earlier     []Transaction // of an open one that is read: those that it has replaced, oldest first
}

// Mark is a position in the journal of one signer on one network.
type Mark struct {
	LastID    int64
	NextNonce uint64        // one above the highest journalled nonce that is not void, 0 if there is none
	Open      []Transaction // signed or released, and not final, by nonce
	Known     bool          // the journal holds a nonce of the signer, or an operator has adopted them
	MinBlock  uint64        // the highest block in which one of them became final
}
