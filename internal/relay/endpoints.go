package relay

import (
	"context"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// endpoints is the way through a network's own endpoints: to its sequencer, or to everybody.
type endpoints struct {
	privacy string
	send    func(ctx context.Context, tx *types.Transaction) error
}

// NewEndpoints makes a relay of what broadcasts through a network's endpoints, such as chain.Client.Send. Its name is its privacy:
// network.Sequencer if nobody but the sequencer hears of it, network.Public otherwise.
func NewEndpoints(privacy string, send func(ctx context.Context, tx *types.Transaction) error) (Relay, error) {
	if privacy != network.Sequencer && privacy != network.Public {
		return nil, fmt.Errorf("endpoints of a network are %s or %s, not %q", network.Sequencer, network.Public, privacy)
	}
	return &endpoints{privacy, send}, nil
}

func (e *endpoints) Name() string    { return e.privacy }
func (e *endpoints) Privacy() string { return e.privacy }

func (e *endpoints) Submit(ctx context.Context, b Batch) (uint64, error) {
	if _, err := b.check(); err != nil {
		return 0, refused(e.privacy, "is given nothing: %v", err)
	}
	for i, tx := range b.Txs {
		if err := e.send(ctx, tx); err != nil {
			kind := ErrRefused
			if errors.Is(err, rollout.ErrUnavailable) || ctx.Err() != nil {
				kind = ErrInDoubt
			}
			return 0, some(e.privacy, i, len(b.Txs), &failure{relay: e.privacy, kind: kind, why: "has not taken it: " + err.Error(), cause: err})
		}
	}
	return 0, nil
}

func (e *endpoints) Status(context.Context, common.Hash) (Status, error) {
	return Unknown, unsupported(e.privacy, "does not tell a status: look at the chain")
}

func (e *endpoints) Cancel(context.Context, Batch) error {
	return unsupported(e.privacy, "cannot cancel: replace the transaction by one with the same nonce that offers more")
}
