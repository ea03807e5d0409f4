package txsend

import (
	"context"

	"github.com/ethereum/go-ethereum/core/types"
)

// MaySend tells whether the sender of a pauser would sign, or send, a transaction.
func (p *Pauser) MaySend(ctx context.Context, tx *types.Transaction) error {
	_, err := p.sender.approved(ctx, "a step", tx)
	return err
}
