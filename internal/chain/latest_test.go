package chain

import (
	"context"
	"math/big"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/ethclient"
)

// Questions about the newest block of whichever endpoint is asked. The program names a block; tests of what happens between
// endpoints ask one simple question.

func (c *Client) Balance(ctx context.Context, account common.Address) (balance *big.Int, err error) {
	err = c.do(ctx, "read balance of "+account.Hex(), func(ctx context.Context, eth *ethclient.Client) (err error) {
		balance, err = eth.BalanceAt(ctx, account, nil)
		return err
	})
	return balance, err
}

func (c *Client) Nonce(ctx context.Context, account common.Address) (nonce uint64, err error) {
	err = c.do(ctx, "read nonce of "+account.Hex(), func(ctx context.Context, eth *ethclient.Client) (err error) {
		nonce, err = eth.NonceAt(ctx, account, nil)
		return err
	})
	return nonce, err
}

func (c *Client) EstimateGas(ctx context.Context, msg ethereum.CallMsg) (gas uint64, err error) {
	err = c.do(ctx, "estimate gas", func(ctx context.Context, eth *ethclient.Client) (err error) {
		gas, err = eth.EstimateGas(ctx, msg)
		return err
	})
	return gas, err
}
