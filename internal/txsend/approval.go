package txsend

import (
	"context"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/seed-b6a97670/lockstep/internal/network"
)

// Approval tells which approved plan holds a transaction of an account: the plan's digest, or zero if the network's policy asks
// for none. If there has to be one and there is not, that is the error.
type Approval func(ctx context.Context, from common.Address, tx *types.Transaction) (plan common.Hash, err error)

// UnapprovedError says that no approved plan holds a transaction. It was not signed, or was and is not sent.
type UnapprovedError struct {
	Network, Step string
	Err           error
}

func (e *UnapprovedError) Error() string {
	return fmt.Sprintf("%s is not sent to %s: %v", e.Step, e.Network, e.Err)
}

func (e *UnapprovedError) Unwrap() error { return e.Err }

// approved is asked before a transaction is signed, and again each time before it is sent. On a mainnet it lets nothing pass
// without a plan, whatever the sender was made with.
func (s *Sender) approved(ctx context.Context, step string, tx *types.Transaction) (common.Hash, error) {
	if s.takesBack(tx) {
		return common.Hash{}, nil
	}
	if s.exempt != nil {
		if err := s.exempt(ctx, tx); err != nil {
			return common.Hash{}, &UnapprovedError{s.cfg.Chain.Name(), step, err}
		}
		return common.Hash{}, nil
	}
	var plan common.Hash
	var err error
	if s.cfg.Approval != nil {
		plan, err = s.cfg.Approval(ctx, s.Address(), tx)
	}
	if err == nil && plan == (common.Hash{}) && s.mainnet() {
		err = fmt.Errorf("%s is a mainnet, and no approved plan holds this: make one with lockstep plan", s.cfg.Chain.Name())
	}
	if err != nil {
		return common.Hash{}, &UnapprovedError{s.cfg.Chain.Name(), step, err}
	}
	return plan, nil
}

// mainnet tells whether the network is a mainnet by the configuration or by the catalogue.
func (s *Sender) mainnet() bool {
	known, ok := network.LookupID(s.cfg.Chain.ChainID())
	return s.cfg.Mainnet || ok && known.Kind == network.Mainnet
}

// takesBack tells what does nothing but use a nonce: a transfer of nothing to the account itself. What is approved can be taken
// back without another approval.
func (s *Sender) takesBack(tx *types.Transaction) bool {
	return tx.To() != nil && *tx.To() == s.Address() && len(tx.Data()) == 0 && tx.Value().Sign() == 0
}
