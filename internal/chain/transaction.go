package chain

import (
	"context"
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
)

// Send broadcasts a signed transaction. A node that has it already has done what is asked.
//
// An endpoint that lags may refuse what is fine by now, for instance because it has not seen the signer's money: then
// the others are asked. None can be ahead of the chain, so that a nonce is used is final.
func (c *Client) Send(ctx context.Context, tx *types.Transaction) error {
	what := "send " + tx.Hash().Hex()
	raw, err := tx.MarshalBinary()
	if err != nil {
		return fmt.Errorf("%s on %s: %w", what, c.name, err)
	}
	var refusal error
	var failures []failure
	for _, e := range c.order() {
		err := c.try(ctx, e, c.timeout, func(ctx context.Context, eth *ethclient.Client) error {
			var hash common.Hash
			if err := eth.Client().CallContext(ctx, &hash, "eth_sendRawTransaction", hexutil.Encode(raw)); err != nil {
				return err
			}
			if hash != tx.Hash() {
				return fmt.Errorf("it answers with the hash of another transaction, %s", hash)
			}
			return nil
		})
		switch {
		case err == nil || alreadyKnown(err):
			c.answered(e, false)
			return nil
		case nonceIsUsed(err):
			// perhaps by this very transaction, if an endpoint took it and its answer got lost
			if _, lookErr := c.Receipt(ctx, tx.Hash()); lookErr == nil {
				return nil
			}
			return fmt.Errorf("%s on %s: %w", what, c.name, err)
		case isAnswer(err):
			if refusal == nil {
				refusal = err
			}
		case ctx.Err() != nil:
			return fmt.Errorf("%s on %s: %w", what, c.name, ctx.Err())
		default:
			c.failed(e)
			failures = append(failures, failure{e, err})
		}
	}
	if refusal != nil {
		return fmt.Errorf("%s on %s: %w", what, c.name, refusal)
	}
	return c.unavailable(what, failures)
}

// Known tells whether a node holds a transaction, in a block or waiting for one.
func (c *Client) Known(ctx context.Context, hash common.Hash) (bool, error) {
	_, err := c.find(ctx, "look for "+hash.Hex(), func(ctx context.Context, eth *ethclient.Client) error {
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
func (c *Client) Receipt(ctx context.Context, hash common.Hash) (Receipt, error) {
	what := "read receipt of " + hash.Hex()
	var r Receipt
	lacks, err := c.find(ctx, what, func(ctx context.Context, eth *ethclient.Client) error {
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
	if err != nil {
		return Receipt{}, err
	}
	if lacks != nil && c.contradicts(ctx, lacks, r.Block) {
		return Receipt{}, fmt.Errorf("%s on %s: %w", what, c.name, ethereum.NotFound)
	}
	c.see(r.Block.Number) // an endpoint in front that is before it will be found out by Head
	return r, nil
}

// contradicts tells whether an endpoint has another block in the place of one: then it has no receipt not because it lags,
// but because one of the two is on a branch that the network has left.
func (c *Client) contradicts(ctx context.Context, e *endpoint, b Block) bool {
	var other Block
	err := c.try(ctx, e, c.timeout, func(ctx context.Context, eth *ethclient.Client) (err error) {
		other, err = block(ctx, eth, hexutil.EncodeUint64(b.Number))
		return err
	})
	return err == nil && other.Hash != b.Hash
}
