package chain

import (
	"context"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
)

// Fees are what a transaction should offer, in wei a gas.
type Fees struct {
	Legacy bool     // the network has no base fee (EIP-1559), or is not to be asked for it: Cap is the gas price, and Tip the same
	Base   *big.Int // base fee of the newest block, or the gas price
	Tip    *big.Int
	Cap    *big.Int // outlasts five full blocks
}

// Fees returns what a transaction should offer now.
func (c *Client) Fees(ctx context.Context) (f Fees, err error) {
	err = c.do(ctx, "read fees", func(ctx context.Context, eth *ethclient.Client) error {
		var head struct {
			BaseFee *hexutil.Big `json:"baseFeePerGas"`
		}
		if err := eth.Client().CallContext(ctx, &head, "eth_getBlockByNumber", "latest", false); err != nil {
			return err
		}
		if c.legacyFees || head.BaseFee == nil {
			price, err := eth.SuggestGasPrice(ctx)
			f = Fees{Legacy: true, Base: price, Tip: price, Cap: price}
			return err
		}
		tip, err := eth.SuggestGasTipCap(ctx)
		if err != nil {
			return err
		}
		base := head.BaseFee.ToInt()
		f = Fees{Base: base, Tip: tip, Cap: new(big.Int).Add(new(big.Int).Lsh(base, 1), tip)}
		return nil
	})
	return f, err
}

// How a rollup charges for putting a transaction's data on another chain. On Arbitrum it is gas of the transaction, on the
// OP stack and on Scroll a fee beside the gas; on Linea it is part of the gas price.
const (
	L1FeeArbitrum = "arbitrum"
	L1FeeOPStack  = "opstack"
	L1FeeScroll   = "scroll"
)

// Contracts that tell what data costs.
var (
	nodeInterface = common.HexToAddress("0xC8")                                       // Nitro, NodeInterface.sol; answers calls only
	opStackOracle = common.HexToAddress("0x420000000000000000000000000000000000000F") // OP stack, GasPriceOracle.sol
	scrollOracle  = common.HexToAddress("0x5300000000000000000000000000000000000002") // Scroll, L1GasPriceOracle.sol
)

var (
	abiAddress, _ = abi.NewType("address", "", nil)
	abiBool, _    = abi.NewType("bool", "", nil)
	abiBytes, _   = abi.NewType("bytes", "", nil)
)

// DataGas is the gas that a call as a transaction needs for its data beside that of its execution, after a block. It is zero
// except on Arbitrum, where an estimate of gas includes it but a simulation may not.
func (c *Client) DataGas(ctx context.Context, at common.Hash, msg ethereum.CallMsg) (uint64, error) {
	if c.l1Fee != L1FeeArbitrum {
		return 0, nil
	}
	args, err := abi.Arguments{{Type: abiAddress}, {Type: abiBool}, {Type: abiBytes}}.Pack(*msg.To, false, msg.Data)
	if err != nil {
		return 0, fmt.Errorf("gas for data on %s: %w", c.name, err)
	}
	out, err := c.ask(ctx, at, nodeInterface, "gasEstimateL1Component(address,bool,bytes)", args)
	if err != nil {
		return 0, fmt.Errorf("gas for data: %w", err)
	}
	return out.Uint64(), nil
}

// DataGasUsed is the part of the gas of a transaction in a block that was for its data on another chain. It is zero except on Arbitrum.
func (c *Client) DataGasUsed(ctx context.Context, hash common.Hash) (uint64, error) {
	if c.l1Fee != L1FeeArbitrum {
		return 0, nil
	}
	var receipt *struct {
		L1 hexutil.Uint64 `json:"gasUsedForL1"`
	}
	_, err := c.find(ctx, "read what gas of "+hash.Hex()+" was for data", func(ctx context.Context, eth *ethclient.Client) error {
		if err := eth.Client().CallContext(ctx, &receipt, "eth_getTransactionReceipt", hash); err != nil {
			return err
		}
		if receipt == nil {
			return ethereum.NotFound
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return uint64(receipt.L1), nil
}

// DataFee is what a transaction costs beside its gas, in wei, after a block. raw is the transaction as it is sent (EIP-2718).
// It is zero except on the OP stack and on Scroll.
func (c *Client) DataFee(ctx context.Context, at common.Hash, raw []byte) (*big.Int, error) {
	oracle := opStackOracle
	switch c.l1Fee {
	case L1FeeOPStack:
	case L1FeeScroll:
		oracle = scrollOracle
	default:
		return new(big.Int), nil
	}
	args, err := abi.Arguments{{Type: abiBytes}}.Pack(raw)
	if err != nil {
		return nil, fmt.Errorf("data fee on %s: %w", c.name, err)
	}
	out, err := c.ask(ctx, at, oracle, "getL1Fee(bytes)", args)
	if err != nil {
		return nil, fmt.Errorf("data fee: %w", err)
	}
	return out, nil
}

// ask calls a function and returns the first word of its answer.
func (c *Client) ask(ctx context.Context, at common.Hash, to common.Address, signature string, args []byte) (*big.Int, error) {
	out, err := c.Call(ctx, at, ethereum.CallMsg{To: &to, Data: append(crypto.Keccak256([]byte(signature))[:4], args...)})
	if err != nil {
		return nil, err
	}
	if len(out) < 32 {
		return nil, fmt.Errorf("%s at %s on %s answers %d bytes: set l1Fee of the network to what it is", signature, to, c.name, len(out))
	}
	return new(big.Int).SetBytes(out[:32]), nil
}

// BaseFee returns the base fee of a block, in wei, or nil if the network has none.
func (c *Client) BaseFee(ctx context.Context, at common.Hash) (fee *big.Int, err error) {
	_, err = c.find(ctx, "read the base fee of "+at.Hex(), func(ctx context.Context, eth *ethclient.Client) error {
		var block *struct {
			BaseFee *hexutil.Big `json:"baseFeePerGas"`
		}
		if err := eth.Client().CallContext(ctx, &block, "eth_getBlockByHash", at, false); err != nil {
			return err
		}
		if block == nil {
			return ethereum.NotFound
		}
		fee = (*big.Int)(block.BaseFee)
		return nil
	})
	return fee, err
}
