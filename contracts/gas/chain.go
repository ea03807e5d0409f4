package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/seed-b6a97670/lockstep/internal/localnode"
)

// chain sends transactions to a node that mines each at once, from accounts that the node holds the keys of.
type chain struct {
	ctx      context.Context //nolint:containedctx // one run of a command
	node     *localnode.Node
	accounts []common.Address
}

// startChain starts an anvil of the fork that the published figures were measured on.
func startChain(ctx context.Context, anvil string) (*chain, error) {
	node, err := localnode.Anvil(anvil, "--hardfork", "prague", "--gas-limit", "100000000")
	if err != nil {
		return nil, err
	}
	c := &chain{ctx: ctx, node: node}
	if err := c.call(&c.accounts, "eth_accounts"); err != nil {
		node.Stop()
		return nil, err
	}
	return c, nil
}

func (c *chain) call(result any, method string, args ...any) error {
	if err := c.node.RPC.CallContext(c.ctx, result, method, args...); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	return nil
}

type receipt struct {
	Status          hexutil.Uint64
	GasUsed         hexutil.Uint64
	ContractAddress *common.Address
}

// send returns the receipt of a transaction that succeeded. To is nil for a creation.
func (c *chain) send(from int, to *common.Address, data []byte) (receipt, error) {
	var hash common.Hash
	tx := map[string]any{"from": c.accounts[from], "to": to, "data": hexutil.Bytes(data), "gas": hexutil.Uint64(30_000_000)}
	if err := c.call(&hash, "eth_sendTransaction", tx); err != nil {
		return receipt{}, err
	}
	var r *receipt
	for r == nil { // the node mines at once, but answers before
		if err := c.call(&r, "eth_getTransactionReceipt", hash); err != nil {
			return receipt{}, err
		}
	}
	if r.Status != 1 {
		return receipt{}, fmt.Errorf("transaction %s with data %.20x reverted", hash, data)
	}
	return *r, nil
}

func (c *chain) deploy(initCode []byte) (common.Address, error) {
	r, err := c.send(admin, nil, initCode)
	if err != nil {
		return common.Address{}, err
	}
	return *r.ContractAddress, nil
}

func (c *chain) code(account common.Address) ([]byte, error) {
	var code hexutil.Bytes
	err := c.call(&code, "eth_getCode", account, "latest")
	return code, err
}

func (c *chain) pass(seconds uint64) error {
	if err := c.call(nil, "evm_increaseTime", seconds); err != nil {
		return err
	}
	return c.call(nil, "evm_mine")
}

// artifact is what forge writes of a contract.
type artifact struct {
	ABI      abi.ABI
	Bytecode struct{ Object hexutil.Bytes }
}

func readArtifact(folder, source, name string) (artifact, error) {
	var a artifact
	data, err := os.ReadFile(filepath.Join(folder, source, name+".json"))
	if err != nil {
		return a, err
	}
	return a, json.Unmarshal(data, &a)
}

// facet deploys a contract that answers every call with the word 1 and has code that no other has.
func (c *chain) facet(i int) (common.Address, error) {
	// PUSH1 1, PUSH0, MSTORE, PUSH1 32, PUSH0, RETURN, then its number
	runtime := append(common.FromHex("60015f5260205ff3"), big.NewInt(int64(i)).FillBytes(make([]byte, 4))...)
	// PUSH1 size, DUP1, PUSH1 9, PUSH0, CODECOPY, PUSH0, RETURN
	return c.deploy(append([]byte{0x60, byte(len(runtime)), 0x80, 0x60, 9, 0x5f, 0x39, 0x5f, 0xf3}, runtime...))
}
