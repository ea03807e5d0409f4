package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// Relay takes signed transactions to where blocks are made. What one cannot do is an ErrUnsupported. It bounds the time that it
// takes, and is safe for concurrent use.
type Relay interface {
	Name() string
	// Privacy is who sees a transaction before it is in a block, in the words of package network.
	Privacy() string
	// Submit takes a batch, and returns the last block for which that lasts: after it the batch is to be submitted again. It is 0
	// if the relay does not say: then it is submitted again after a while.
	Submit(ctx context.Context, b Batch) (until uint64, err error)
	// Status is what the relay says of a transaction, which is not always so.
	Status(ctx context.Context, hash common.Hash) (Status, error)
	// Cancel asks it to forget a batch. One that is with a builder already may land all the same.
	Cancel(ctx context.Context, b Batch) error
}

// Batch is signed transactions of one account with consecutive nonces.
type Batch struct {
	ID   string // a UUID of version 4, by which a relay knows it when it is submitted again
	Txs  []*types.Transaction
	Next uint64 // the block that comes next
	Last uint64 // the last block that they are for
}

// Status is what a relay says of a transaction.
type Status string

// The words of Flashbots' status API, in lower case.
const (
	Pending   Status = "pending"   // was received, and is offered to builders
	Included  Status = "included"  // is in a block
	Failed    Status = "failed"    // was received, and is offered no more
	Cancelled Status = "cancelled" // was taken back
	Unknown   Status = "unknown"   // was not received, or not yet
)

// Why a relay did not do what it was asked. Each says whether it may have the transactions all the same.
var (
	// ErrRefused says that a relay, or this program in its place, looked at the transactions and will not have them.
	ErrRefused = errors.New("refused")
	// ErrUnsupported says that a relay cannot do such a thing at all.
	ErrUnsupported = errors.New("not supported")
	// ErrUnsent says that nothing has left this machine: the relay cannot be reached, or asked to be left alone for a while.
	ErrUnsent = errors.New("not sent")
	// ErrInDoubt says that the relay was asked, and may or may not have done it.
	ErrInDoubt = errors.New("in doubt")
	// ErrPartial says that the relay has the first of the transactions, and would not have a later one.
	ErrPartial = errors.New("taken in part")
)

// failure is an error of one relay.
type failure struct {
	relay string
	kind  error // one of those above
	why   string
	cause error     // nil, or what else the caller may look for
	until time.Time // when the relay wants to be asked again; zero if it does not say
}

func (f *failure) Error() string { return "relay " + f.relay + " " + f.why }

// Unwrap makes what may be tried again a rollout.ErrUnavailable.
func (f *failure) Unwrap() []error {
	out := []error{f.kind}
	if errors.Is(f.kind, ErrUnsent) || errors.Is(f.kind, ErrInDoubt) {
		out = append(out, rollout.ErrUnavailable)
	}
	if f.cause != nil {
		out = append(out, f.cause)
	}
	return out
}

func refused(name, format string, args ...any) error {
	return &failure{relay: name, kind: ErrRefused, why: fmt.Sprintf(format, args...)}
}

func unsupported(name, what string) error {
	return &failure{relay: name, kind: ErrUnsupported, why: what}
}

// inDoubt is of an answer that says neither yes nor no.
func inDoubt(name, why string) error {
	return &failure{relay: name, kind: ErrInDoubt, why: why}
}

// some is a batch of which the first n were taken before one was not. What happened to that one alone decides if n is 0.
func some(name string, n, of int, err error) error {
	if n == 0 {
		return err
	}
	return &failure{relay: name, kind: ErrPartial, why: fmt.Sprintf("took %d of %d transactions, then: %v", n, of, err), cause: err}
}

// check tells whether a batch is one, and returns whose.
func (b Batch) check() (common.Address, error) {
	if len(b.Txs) == 0 {
		return common.Address{}, errors.New("there is no transaction to submit")
	}
	var first common.Address
	for i, tx := range b.Txs {
		from, err := types.Sender(types.LatestSignerForChainID(tx.ChainId()), tx)
		switch {
		case err != nil:
			return first, fmt.Errorf("transaction %s is not signed: %w", tx.Hash(), err)
		case i == 0:
			first = from
		case from != first:
			return first, fmt.Errorf("transactions %s and %s are of two accounts", b.Txs[0].Hash(), tx.Hash())
		case tx.ChainId().Cmp(b.Txs[0].ChainId()) != 0:
			return first, fmt.Errorf("transactions %s and %s are for two chains", b.Txs[0].Hash(), tx.Hash())
		case tx.Nonce() != b.Txs[0].Nonce()+uint64(i):
			return first, fmt.Errorf("transaction %s has nonce %d, not %d, the one after that before it", tx.Hash(), tx.Nonce(), b.Txs[0].Nonce()+uint64(i))
		}
	}
	return first, nil
}

func (b Batch) hashes() []common.Hash {
	var out []common.Hash
	for _, tx := range b.Txs {
		out = append(out, tx.Hash())
	}
	return out
}
