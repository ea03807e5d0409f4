package demo

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
)

// user calls the protocol as anybody would: plain JSON-RPC, an address and a signature.
type user struct {
	d       *Demo
	network string
	eth     *ethclient.Client
	to      common.Address
	spent   *Step
}

func (d *Demo) user(network string, to common.Address, spent *Step) (*user, error) {
	client, err := rpc.Dial(d.nets[network].URL())
	if err != nil {
		return nil, err
	}
	return &user{d, network, ethclient.NewClient(client), to, spent}, nil
}

// callData packs a call whose arguments are all one word.
func callData(signature string, args ...any) ([]byte, error) {
	data := crypto.Keccak256([]byte(signature))[:4]
	for _, arg := range args {
		switch a := arg.(type) {
		case *big.Int:
			data = append(data, common.LeftPadBytes(a.Bytes(), 32)...)
		case int64:
			data = append(data, common.LeftPadBytes(big.NewInt(a).Bytes(), 32)...)
		case common.Address:
			data = append(data, common.LeftPadBytes(a[:], 32)...)
		default:
			return nil, fmt.Errorf("%s: argument of type %T", signature, arg)
		}
	}
	return data, nil
}

// read calls a view that returns one word.
func (u *user) read(ctx context.Context, signature string, args ...any) (*big.Int, error) {
	data, err := callData(signature, args...)
	if err != nil {
		return nil, err
	}
	out, err := u.eth.CallContract(ctx, ethereum.CallMsg{To: &u.to, Data: data}, nil)
	if err != nil {
		return nil, fmt.Errorf("%s on %s: %w", signature, u.network, err)
	}
	if len(out) != 32 {
		return nil, fmt.Errorf("%s on %s returned %d bytes", signature, u.network, len(out))
	}
	return new(big.Int).SetBytes(out), nil
}

// expect reads a view and compares.
func (u *user) expect(ctx context.Context, want *big.Int, signature string, args ...any) error {
	got, err := u.read(ctx, signature, args...)
	if err == nil && got.Cmp(want) != 0 {
		err = fmt.Errorf("%s on %s is %s, want %s", signature, u.network, got, want)
	}
	return err
}

// expectSilent makes sure that a function does not answer: the dispatcher itself refuses its selector.
func (u *user) expectSilent(ctx context.Context, signature string, args ...any) error {
	data, err := callData(signature, args...)
	if err != nil {
		return err
	}
	_, err = u.eth.CallContract(ctx, ethereum.CallMsg{To: &u.to, Data: data}, nil)
	var refused rpc.DataError
	unknown := "0x" + common.Bytes2Hex(crypto.Keccak256([]byte("UnknownSelector(bytes4)"))[:4])
	if errors.As(err, &refused) {
		if text, ok := refused.ErrorData().(string); ok && len(text) >= 10 && text[:10] == unknown {
			return nil
		}
	}
	return fmt.Errorf("%s on %s should not answer: got %w", signature, u.network, err)
}

// send calls a function as one of the accounts, and waits for the receipt.
func (u *user) send(ctx context.Context, from, signature string, args ...any) error {
	data, err := callData(signature, args...)
	if err != nil {
		return err
	}
	hash, err := u.broadcast(ctx, from, data)
	if err != nil {
		return fmt.Errorf("%s on %s: %w", signature, u.network, err)
	}
	for {
		receipt, err := u.eth.TransactionReceipt(ctx, hash)
		var head uint64
		if err == nil {
			head, err = u.eth.BlockNumber(ctx)
		}
		switch {
		case err == nil && head < receipt.BlockNumber.Uint64():
			// geth knows a receipt a moment before its block is the latest
		case err == nil && receipt.Status == types.ReceiptStatusSuccessful:
			u.spent.Transactions++
			u.spent.Blocks++
			u.spent.GasUsed += receipt.GasUsed
			return nil
		case err == nil:
			return fmt.Errorf("%s on %s reverted", signature, u.network)
		case !errors.Is(err, ethereum.NotFound) && err.Error() != "transaction indexing is in progress":
			return fmt.Errorf("%s on %s: %w", signature, u.network, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (u *user) broadcast(ctx context.Context, from string, data []byte) (common.Hash, error) {
	sender := u.d.address(from)
	nonce, err := u.eth.PendingNonceAt(ctx, sender)
	if err != nil {
		return common.Hash{}, err
	}
	gas, err := u.eth.EstimateGas(ctx, ethereum.CallMsg{From: sender, To: &u.to, Data: data})
	if err != nil {
		return common.Hash{}, err
	}
	price, err := u.eth.SuggestGasPrice(ctx)
	if err != nil {
		return common.Hash{}, err
	}
	chainID := new(big.Int).SetUint64(u.d.nets[u.network].ChainID())
	tx, err := types.SignNewTx(u.d.keys[from], types.LatestSignerForChainID(chainID), &types.DynamicFeeTx{
		ChainID: chainID, Nonce: nonce, GasTipCap: big.NewInt(1), GasFeeCap: new(big.Int).Mul(price, big.NewInt(2)),
		Gas: gas + gas/4, To: &u.to, Data: data,
	})
	if err != nil {
		return common.Hash{}, err
	}
	return tx.Hash(), u.eth.SendTransaction(ctx, tx)
}
