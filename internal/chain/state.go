package chain

import (
	"context"
	"math/big"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/ethclient"
)

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

// BalanceAt returns the balance of an account after a block, in wei.
func (c *Client) BalanceAt(ctx context.Context, at common.Hash, account common.Address) (balance *big.Int, err error) {
	err = c.do(ctx, "read balance of "+account.Hex(), func(ctx context.Context, eth *ethclient.Client) (err error) {
		balance, err = eth.BalanceAtHash(ctx, account, at)
		return unknownBlock(err)
	})
	return balance, err
}

// NonceAt returns how many transactions of an account are in the chain up to a block.
func (c *Client) NonceAt(ctx context.Context, at common.Hash, account common.Address) (nonce uint64, err error) {
	err = c.do(ctx, "read nonce of "+account.Hex(), func(ctx context.Context, eth *ethclient.Client) (err error) {
		nonce, err = eth.NonceAtHash(ctx, account, at)
		return unknownBlock(err)
	})
	return nonce, err
}

// EstimateGasAt returns the gas that a transaction needs after a block; if it would revert, an error that RevertData reads.
// The block is named by its number, since not every node takes a hash here.
func (c *Client) EstimateGasAt(ctx context.Context, number uint64, msg ethereum.CallMsg) (gas uint64, err error) {
	err = c.do(ctx, "estimate gas", func(ctx context.Context, eth *ethclient.Client) (err error) {
		gas, err = eth.EstimateGasAtBlock(ctx, msg, new(big.Int).SetUint64(number))
		return unknownBlock(err)
	})
	return gas, err
}

// PendingNonce returns how many transactions of an account are in the chain or wait for a block.
func (c *Client) PendingNonce(ctx context.Context, account common.Address) (nonce uint64, err error) {
	err = c.do(ctx, "read pending nonce of "+account.Hex(), func(ctx context.Context, eth *ethclient.Client) (err error) {
		nonce, err = eth.PendingNonceAt(ctx, account)
		return err
	})
	return nonce, err
}
