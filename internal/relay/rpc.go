package relay

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/seed-b6a97670/lockstep/internal/network"
)

// RPCConfig configures a relay that takes transactions with eth_sendRawTransaction, and keeps them private: MEV Blocker
// (https://docs.cow.fi/mevblocker/users-and-integrators/users/sending-transactions-via-rpc), or one of your own.
type RPCConfig struct {
	Name      string
	URL       string
	StatusURL string        // of a status API like Flashbots', without the hash; empty if there is none
	Timeout   time.Duration // of one request; 10 s if zero
}

// privateRPC gives transactions one by one. Nothing says how long such a relay keeps them.
type privateRPC struct {
	name   string
	rpc    *client
	status *client // nil if there is none
}

// NewRPC makes a relay of a private endpoint.
func NewRPC(cfg RPCConfig) (Relay, error) {
	rpc, err := newClient(cfg.Name, cfg.URL, cfg.Timeout)
	if err != nil {
		return nil, err
	}
	for key, values := range rpc.url.Query() {
		// with it a transaction is made public when it is not included:
		// https://docs.flashbots.net/flashbots-protect/settings-guide, Mempool Configuration
		if strings.EqualFold(key, "useMempool") && !strings.EqualFold(strings.Join(values, ""), "false") {
			return nil, fmt.Errorf("the URL of relay %s asks it to use the public mempool: take useMempool out of it", cfg.Name)
		}
	}
	p := &privateRPC{name: cfg.Name, rpc: rpc}
	if cfg.StatusURL != "" {
		if p.status, err = newClient(cfg.Name, cfg.StatusURL, cfg.Timeout); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *privateRPC) Name() string    { return p.name }
func (p *privateRPC) Privacy() string { return network.Relay }

func (p *privateRPC) Submit(ctx context.Context, b Batch) (uint64, error) {
	if _, err := b.check(); err != nil {
		return 0, refused(p.name, "is given nothing: %v", err)
	}
	for i, tx := range b.Txs {
		raw, err := tx.MarshalBinary()
		if err != nil {
			return 0, some(p.name, i, len(b.Txs), refused(p.name, "is given nothing: encode %s: %v", tx.Hash(), err))
		}
		result, err := p.rpc.call(ctx, "eth_sendRawTransaction", []any{hexutil.Encode(raw)}, nil)
		if err == nil {
			err = sameHash(p.name, result, tx.Hash())
		}
		if err != nil && !alreadyKnown(err) {
			return 0, some(p.name, i, len(b.Txs), err)
		}
	}
	return 0, nil
}

// alreadyKnown recognises the ways in which nodes say that they hold a transaction.
func alreadyKnown(err error) bool {
	if !errors.Is(err, ErrRefused) {
		return false
	}
	text := strings.ReplaceAll(strings.ToLower(err.Error()), "unknown transaction", "")
	for _, phrase := range []string{"already known", "already imported", "known transaction", "already in mempool"} {
		if strings.Contains(text, phrase) {
			return true
		}
	}
	return false
}

func (p *privateRPC) Status(ctx context.Context, hash common.Hash) (Status, error) {
	if p.status == nil {
		return Unknown, unsupported(p.name, "has no status API: look at the chain")
	}
	return askStatus(ctx, p.status, hash)
}

func (p *privateRPC) Cancel(context.Context, Batch) error {
	return unsupported(p.name, "cannot cancel: replace the transaction by one with the same nonce that offers more")
}
