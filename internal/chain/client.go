// Package chain talks to one EVM network through one or more JSON-RPC endpoints.
//
// Every endpoint must prove its chain id before it is used. A call goes to the endpoint that answered last; when that
// one fails in transport, the next is asked. What a node says about the call itself (a revert, a refused transaction) is
// an answer, not a failure, and is returned as it is. Reads name a block by hash, so that several reads speak of one
// state, whichever endpoint answers.
package chain

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// DefaultTimeout bounds one call to one endpoint.
const DefaultTimeout = 10 * time.Second

// maxResponse bounds what one answer may hold, in bytes.
const maxResponse = 32 << 20

// Config says how to reach a network.
type Config struct {
	Name    string
	ChainID uint64
	URLs    []string // http, https, ws or wss
	Legacy  bool     // fees are gas prices, whatever the blocks say
	L1Fee   string   // how the network charges for data on another chain, as in the catalogue; see DataGas and DataFee
	Timeout time.Duration
}

// Client is one network. It is safe for concurrent use.
type Client struct {
	name       string
	chainID    uint64
	timeout    time.Duration
	l1Fee      string
	legacyFees bool

	mu        sync.Mutex
	endpoints []*endpoint // the one that answered last comes first
}

type endpoint struct {
	label string // the URL without what may be secret

	mu       sync.Mutex
	url      string
	eth      *ethclient.Client
	verified bool
}

// Block names a block and its time.
type Block = rollout.Block

// ChainIDError says that an endpoint serves another chain than it should.
type ChainIDError struct {
	Endpoint  string
	Got, Want uint64
}

func (e *ChainIDError) Error() string {
	return fmt.Sprintf("endpoint %s has chain id %d, want %d: correct rpc or chainId in lockstep.yaml", e.Endpoint, e.Got, e.Want)
}

// WrongChain marks the error as one that does not pass.
func (e *ChainIDError) WrongChain() {}

// New returns a client. Nothing is asked of the endpoints yet.
func New(cfg Config) (*Client, error) {
	if len(cfg.URLs) == 0 {
		return nil, fmt.Errorf("network %s has no RPC endpoint", cfg.Name)
	}
	c := &Client{name: cfg.Name, chainID: cfg.ChainID, timeout: cfg.Timeout, l1Fee: cfg.L1Fee, legacyFees: cfg.Legacy}
	if c.timeout == 0 {
		c.timeout = DefaultTimeout
	}
	for _, raw := range cfg.URLs {
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("network %s: an RPC endpoint is not a URL", cfg.Name) // the text may be secret
		}
		switch u.Scheme {
		case "http", "https", "ws", "wss":
		default:
			return nil, fmt.Errorf("network %s: RPC endpoint %s://%s: want http, https, ws or wss", cfg.Name, u.Scheme, u.Host)
		}
		c.endpoints = append(c.endpoints, &endpoint{label: u.Scheme + "://" + u.Host, url: raw})
	}
	return c, nil
}

// Name is the network's name in the configuration.
func (c *Client) Name() string { return c.name }

// ChainID is the id that every endpoint must have.
func (c *Client) ChainID() uint64 { return c.chainID }

// Close ends the connections.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.endpoints {
		e.mu.Lock()
		if e.eth != nil {
			e.eth.Close()
			e.eth, e.verified = nil, false
		}
		e.mu.Unlock()
	}
}

// connect returns the endpoint's client once its chain id is known to be right.
func (e *endpoint) connect(ctx context.Context, chainID uint64) (*ethclient.Client, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.eth == nil {
		client, err := rpc.DialOptions(ctx, e.url, rpc.WithHTTPClient(&http.Client{Transport: limitTransport{http.DefaultTransport}}),
			rpc.WithWebsocketMessageSizeLimit(maxResponse))
		if err != nil {
			return nil, err
		}
		e.eth = ethclient.NewClient(client)
	}
	if !e.verified {
		id, err := e.eth.ChainID(ctx)
		if err != nil {
			return nil, err
		}
		if !id.IsUint64() || id.Uint64() != chainID {
			return nil, &ChainIDError{Endpoint: e.label, Got: id.Uint64(), Want: chainID}
		}
		e.verified = true
	}
	return e.eth, nil
}

// do runs a call on the first endpoint that can answer it.
func (c *Client) do(ctx context.Context, what string, call func(context.Context, *ethclient.Client) error) error {
	c.mu.Lock()
	order := append([]*endpoint(nil), c.endpoints...)
	c.mu.Unlock()
	var failures []error
	for _, e := range order {
		err := c.try(ctx, e, call)
		if err == nil || isAnswer(err) {
			c.prefer(e)
			if err != nil {
				return fmt.Errorf("%s on %s: %w", what, c.name, err)
			}
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s on %s: %w", what, c.name, ctx.Err())
		}
		failures = append(failures, fmt.Errorf("%s: %w", e.label, redact(err)))
	}
	return fmt.Errorf("%s on %s: %w: %w", what, c.name, rollout.ErrUnavailable, errors.Join(failures...))
}

func (c *Client) try(ctx context.Context, e *endpoint, call func(context.Context, *ethclient.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	eth, err := e.connect(ctx, c.chainID)
	if err != nil {
		return err
	}
	return call(ctx, eth)
}

func (c *Client) prefer(e *endpoint) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, other := range c.endpoints {
		if other == e {
			copy(c.endpoints[1:i+1], c.endpoints[:i])
			c.endpoints[0] = e
			return
		}
	}
}

// isAnswer tells what a node says about a call from a failure to ask it.
func isAnswer(err error) bool {
	if errors.Is(err, ethereum.NotFound) {
		return true
	}
	var rpcErr rpc.Error
	if !errors.As(err, &rpcErr) {
		return false
	}
	switch rpcErr.ErrorCode() {
	case -32005, -32603, -32601, -32700, -32002, 429: // limits, internal errors and missing methods: ask another endpoint
		return false
	}
	return true
}

// redact takes URLs out of transport errors: a path or query often holds an API key.
func redact(err error) error {
	var status rpc.HTTPError
	if errors.As(err, &status) {
		return errors.New("HTTP status " + status.Status) // many servers repeat the path in the body
	}
	var u *url.Error
	if errors.As(err, &u) {
		return fmt.Errorf("%s: %w", u.Op, u.Err)
	}
	return err
}

// Head returns the newest block.
func (c *Client) Head(ctx context.Context) (Block, error) {
	return c.BlockByNumber(ctx, nil)
}

// BlockByNumber returns a block of the canonical chain, the newest for nil. The error is ethereum.NotFound if there is
// none yet.
func (c *Client) BlockByNumber(ctx context.Context, number *big.Int) (Block, error) {
	// some networks have header fields that go-ethereum does not know, so the hash is taken as the node gives it
	var head *struct {
		Number hexutil.Uint64 `json:"number"`
		Hash   common.Hash    `json:"hash"`
		Time   hexutil.Uint64 `json:"timestamp"`
	}
	tag := "latest"
	if number != nil {
		tag = hexutil.EncodeBig(number)
	}
	err := c.do(ctx, "read block "+tag, func(ctx context.Context, eth *ethclient.Client) error {
		if err := eth.Client().CallContext(ctx, &head, "eth_getBlockByNumber", tag, false); err != nil {
			return err
		}
		if head == nil {
			return ethereum.NotFound
		}
		return nil
	})
	if err != nil {
		return Block{}, err
	}
	return Block{Number: uint64(head.Number), Hash: head.Hash, Time: uint64(head.Time)}, nil
}

// Call runs a call on the state after a block.
func (c *Client) Call(ctx context.Context, at common.Hash, msg ethereum.CallMsg) (out []byte, err error) {
	err = c.do(ctx, "call", func(ctx context.Context, eth *ethclient.Client) (err error) {
		out, err = eth.CallContractAtHash(ctx, msg, at)
		return unknownBlock(err)
	})
	return out, err
}

// Code returns the code of an account after a block.
func (c *Client) Code(ctx context.Context, at common.Hash, account common.Address) (code []byte, err error) {
	err = c.do(ctx, "read code of "+account.Hex(), func(ctx context.Context, eth *ethclient.Client) (err error) {
		code, err = eth.CodeAtHash(ctx, account, at)
		return unknownBlock(err)
	})
	return code, err
}

// Balance returns the balance of an account at the head, in wei.
func (c *Client) Balance(ctx context.Context, account common.Address) (balance *big.Int, err error) {
	err = c.do(ctx, "read balance of "+account.Hex(), func(ctx context.Context, eth *ethclient.Client) (err error) {
		balance, err = eth.BalanceAt(ctx, account, nil)
		return err
	})
	return balance, err
}

// Nonce returns how many transactions of an account are in the chain, at the head.
func (c *Client) Nonce(ctx context.Context, account common.Address) (nonce uint64, err error) {
	err = c.do(ctx, "read nonce of "+account.Hex(), func(ctx context.Context, eth *ethclient.Client) (err error) {
		nonce, err = eth.NonceAt(ctx, account, nil)
		return err
	})
	return nonce, err
}

// EstimateGas returns the gas that a transaction needs at the head; if it would revert, an error that RevertData reads.
func (c *Client) EstimateGas(ctx context.Context, msg ethereum.CallMsg) (gas uint64, err error) {
	err = c.do(ctx, "estimate gas", func(ctx context.Context, eth *ethclient.Client) (err error) {
		gas, err = eth.EstimateGas(ctx, msg)
		return err
	})
	return gas, err
}

// Send broadcasts a signed transaction. A node that has it already has done what is asked.
func (c *Client) Send(ctx context.Context, tx *types.Transaction) error {
	err := c.do(ctx, "send "+tx.Hash().Hex(), func(ctx context.Context, eth *ethclient.Client) error {
		return eth.SendTransaction(ctx, tx)
	})
	if err != nil && alreadyKnown(err) {
		return nil
	}
	return err
}

// Known tells whether a node holds a transaction, in a block or waiting for one.
func (c *Client) Known(ctx context.Context, hash common.Hash) (bool, error) {
	err := c.do(ctx, "look for "+hash.Hex(), func(ctx context.Context, eth *ethclient.Client) error {
		_, _, err := eth.TransactionByHash(ctx, hash)
		return err
	})
	if errors.Is(err, ethereum.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// Receipt is what the program needs of a receipt.
type Receipt struct {
	Block   Block
	Status  uint64 // 1 succeeded, 0 reverted
	GasUsed uint64
	// EffectiveGasPrice in wei.
	EffectiveGasPrice *big.Int
	Logs              []*types.Log
}

// Receipt returns the receipt of a transaction in the canonical chain; the error is ethereum.NotFound if there is none.
func (c *Client) Receipt(ctx context.Context, hash common.Hash) (r Receipt, err error) {
	err = c.do(ctx, "read receipt of "+hash.Hex(), func(ctx context.Context, eth *ethclient.Client) error {
		got, err := eth.TransactionReceipt(ctx, hash)
		if err != nil {
			return err
		}
		if got.BlockNumber == nil {
			return ethereum.NotFound // some nodes give a receipt before there is a block
		}
		r = Receipt{
			Block:   Block{Number: got.BlockNumber.Uint64(), Hash: got.BlockHash},
			Status:  got.Status,
			GasUsed: got.GasUsed, EffectiveGasPrice: got.EffectiveGasPrice, Logs: got.Logs,
		}
		return nil
	})
	return r, err
}

// PendingNonce returns how many transactions of an account are in the chain or wait for a block.
func (c *Client) PendingNonce(ctx context.Context, account common.Address) (nonce uint64, err error) {
	err = c.do(ctx, "read pending nonce of "+account.Hex(), func(ctx context.Context, eth *ethclient.Client) (err error) {
		nonce, err = eth.PendingNonceAt(ctx, account)
		return err
	})
	return nonce, err
}
