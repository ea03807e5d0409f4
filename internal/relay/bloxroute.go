package relay

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/network"
)

// BloxrouteConfig configures bloXroute's cloud API.
type BloxrouteConfig struct {
	Name   string
	URL    string
	Method string // blxr_private_tx, bsc_private_tx or polygon_private_tx
	// Secret gives the value of the Authorization header (https://docs.bloxroute.com/getting-started/authorization-headers). It is
	// asked for each request, and what it gives is kept nowhere.
	Secret  func(ctx context.Context) (string, error)
	Timeout time.Duration // of one request; 10 s if zero
}

type bloxroute struct {
	cfg BloxrouteConfig
	rpc *client
}

// bloxrouteTx is what the methods take: https://docs.bloxroute.com/eth/sending-transactions/frontrunning-protection,
// https://docs.bloxroute.com/bsc/submit-transactions/bsc-private-transactions,
// https://docs.bloxroute.com/polygon/submit-transactions/private-transactions
type bloxrouteTx struct {
	Transaction string `json:"transaction"`
	// Timeout is of blxr_private_tx alone: "If timeout is not 0 and the transaction is not mined after the timeout value, it will be
	// sent publicly." So 0 is said, and not left to a default.
	Timeout *int `json:"timeout,omitempty"`
}

// NewBloxroute makes a relay of bloXroute's cloud API.
func NewBloxroute(cfg BloxrouteConfig) (Relay, error) {
	switch cfg.Method {
	case methodEthereum, methodBNB, methodPolygon:
	default:
		return nil, fmt.Errorf("relay %s has no method %q: it is %s, %s or %s", cfg.Name, cfg.Method, methodEthereum, methodBNB, methodPolygon)
	}
	if cfg.Secret == nil {
		return nil, fmt.Errorf("relay %s needs an authorization header: configure where it is kept", cfg.Name)
	}
	rpc, err := newClient(cfg.Name, cfg.URL, cfg.Timeout)
	if err != nil {
		return nil, err
	}
	return &bloxroute{cfg, rpc}, nil
}

const (
	methodEthereum = "blxr_private_tx"
	methodBNB      = "bsc_private_tx"
	methodPolygon  = "polygon_private_tx"
)

func (x *bloxroute) Name() string    { return x.cfg.Name }
func (x *bloxroute) Privacy() string { return network.Relay }

// Submit gives the transactions one by one. It lasts, since each time is paid for.
func (x *bloxroute) Submit(ctx context.Context, b Batch) (uint64, error) {
	if _, err := b.check(); err != nil {
		return 0, refused(x.cfg.Name, "is given nothing: %v", err)
	}
	for i, tx := range b.Txs {
		raw, err := tx.MarshalBinary()
		if err != nil {
			return 0, some(x.cfg.Name, i, len(b.Txs), refused(x.cfg.Name, "is given nothing: encode %s: %v", tx.Hash(), err))
		}
		params := bloxrouteTx{Transaction: hex.EncodeToString(raw)}
		if x.cfg.Method == methodEthereum {
			params.Timeout = new(int)
		}
		result, err := x.rpc.call(ctx, x.cfg.Method, params, x.authorize)
		if err == nil {
			err = x.took(result, tx.Hash())
		}
		if err != nil && !alreadyKnown(err) {
			return 0, some(x.cfg.Name, i, len(b.Txs), err)
		}
	}
	return b.Last, nil
}

// took reads a result: a hash, alone or as txHash, with 0x or without.
func (x *bloxroute) took(result json.RawMessage, want common.Hash) error {
	var text string
	if json.Unmarshal(result, &text) != nil {
		var object struct {
			Hash string `json:"txHash"`
		}
		if json.Unmarshal(result, &object) != nil {
			return inDoubt(x.cfg.Name, "gives an answer that is not the hash of a transaction: check its URL")
		}
		text = object.Hash
	}
	quoted, err := json.Marshal("0x" + strings.TrimPrefix(text, "0x"))
	if err != nil {
		return inDoubt(x.cfg.Name, "gives an answer that is not the hash of a transaction: check its URL")
	}
	return sameHash(x.cfg.Name, quoted, want)
}

func (x *bloxroute) authorize(ctx context.Context, _ []byte) (header, error) {
	secret, err := x.cfg.Secret(ctx)
	if err != nil {
		return header{}, fmt.Errorf("its authorization header cannot be read: %w", err)
	}
	if secret == "" || strings.ContainsAny(secret, "\r\n") {
		return header{}, errors.New("its authorization header is empty, or more than a line: correct it where it is kept")
	}
	return header{"Authorization", secret}, nil
}

func (x *bloxroute) Status(context.Context, common.Hash) (Status, error) {
	return Unknown, unsupported(x.cfg.Name, "does not tell the status of a private transaction: look at the chain")
}

func (x *bloxroute) Cancel(context.Context, Batch) error {
	return unsupported(x.cfg.Name, "cannot cancel: replace the transaction by one with the same nonce that offers more")
}
