package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rpc"

	"github.com/seed-b6a97670/lockstep/internal/localnode"
)

// devKeys are the first accounts of anvil's public mnemonic, which it funds. They are worth nothing.
var devKeys = []string{
	"ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
	"59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
	"5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
	"7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
}

// patience bounds every wait for something that must happen.
const patience = 60 * time.Second

// node is a running anvil.
type node struct {
	*localnode.Node
	url string
	rpc *rpc.Client
}

// startAnvil starts an anvil process, on a free port unless one is given.
func startAnvil(args ...string) (*node, error) {
	n, err := localnode.Anvil(places.anvil, args...)
	if err != nil {
		return nil, err
	}
	return &node{n, n.URL, n.RPC}, nil
}

// newAnvil starts an anvil that ends with the test.
func newAnvil(t testing.TB, args ...string) *node {
	t.Helper()
	n, err := startAnvil(args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Stop)
	return n
}

func (n *node) call(ctx context.Context, result any, method string, args ...any) error {
	if err := n.rpc.CallContext(ctx, result, method, args...); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	return nil
}

// view calls a function that returns words, and returns them.
func (n *node) view(ctx context.Context, to common.Address, signature string, args ...[]byte) ([]common.Hash, error) {
	return n.viewAt(ctx, "latest", to, signature, args...)
}

// viewAt is view after a block.
func (n *node) viewAt(ctx context.Context, block string, to common.Address, signature string, args ...[]byte) ([]common.Hash, error) {
	data := crypto.Keccak256([]byte(signature))[:4]
	for _, a := range args {
		data = append(data, a...)
	}
	var out string
	call := map[string]any{"to": to, "data": fmt.Sprintf("%#x", data)}
	if err := n.call(ctx, &out, "eth_call", call, block); err != nil {
		return nil, fmt.Errorf("%s: %w", signature, err)
	}
	raw := common.FromHex(out)
	if len(raw) == 0 || len(raw)%32 != 0 {
		return nil, fmt.Errorf("%s returned %d bytes", signature, len(raw))
	}
	words := make([]common.Hash, len(raw)/32)
	for i := range words {
		words[i] = common.BytesToHash(raw[i*32 : i*32+32])
	}
	return words, nil
}

// dispatcherState is what dispatcherState() says.
type dispatcherState struct {
	activeRoot, activeRoutesRoot common.Hash
	activeEpoch                  uint64
	pendingRoot                  common.Hash
	eta, grace                   uint64
}

func (n *node) state(ctx context.Context, dispatcher common.Address) (dispatcherState, error) {
	return n.stateAt(ctx, "latest", dispatcher)
}

func (n *node) stateAt(ctx context.Context, block string, dispatcher common.Address) (dispatcherState, error) {
	w, err := n.viewAt(ctx, block, dispatcher, "dispatcherState()")
	if err != nil {
		return dispatcherState{}, err
	}
	if len(w) != 13 {
		return dispatcherState{}, fmt.Errorf("dispatcherState() returned %d words, want 13", len(w))
	}
	number := func(i int) uint64 { return new(big.Int).SetBytes(w[i][:]).Uint64() }
	return dispatcherState{
		activeRoot: w[0], activeRoutesRoot: w[1], activeEpoch: number(2), pendingRoot: w[4], eta: number(6), grace: number(9),
	}, nil
}

// passTime moves the clock of the network on and makes a block.
func (n *node) passTime(ctx context.Context, seconds uint64) error {
	if err := n.call(ctx, nil, "evm_increaseTime", seconds); err != nil {
		return err
	}
	return n.call(ctx, nil, "evm_mine")
}

// awaitBlock calls done now, and again after each new block, until it says true.
func (n *node) awaitBlock(ctx context.Context, done func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	heads := make(chan struct {
		Number string `json:"number"`
	}, 256)
	sub, err := n.rpc.EthSubscribe(ctx, heads, "newHeads")
	if err != nil {
		return fmt.Errorf("subscribe to blocks: %w", err)
	}
	defer sub.Unsubscribe()
	for {
		if ok, err := done(ctx); ok || err != nil {
			return err
		}
		select {
		case <-heads:
		case err := <-sub.Err():
			return fmt.Errorf("subscription to blocks ended: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// activationWindow is how long after eta a commitment can be activated, in seconds.
const activationWindow = 14 * 24 * 3600

// awaitPending waits until a root is pending on a dispatcher that may not be there yet, has not expired, and has a number
// of pages staged.
func (n *node) awaitPending(ctx context.Context, dispatcher common.Address, pages int) error {
	return n.awaitBlock(ctx, func(ctx context.Context) (bool, error) {
		var code string
		if err := n.call(ctx, &code, "eth_getCode", dispatcher, "latest"); err != nil || code == "0x" {
			return false, err
		}
		var head struct{ Timestamp hexutil.Uint64 }
		if err := n.call(ctx, &head, "eth_getBlockByNumber", "latest", false); err != nil {
			return false, err
		}
		s, err := n.state(ctx, dispatcher)
		if err != nil || s.pendingRoot == (common.Hash{}) || uint64(head.Timestamp) > s.eta+activationWindow {
			return false, err
		}
		staged, err := n.staged(ctx, dispatcher, s.pendingRoot)
		return staged >= pages, err
	})
}

// staged counts the events that tell of a page of a root.
func (n *node) staged(ctx context.Context, dispatcher common.Address, root common.Hash) (int, error) {
	var logs []json.RawMessage
	err := n.call(ctx, &logs, "eth_getLogs", map[string]any{
		"fromBlock": "0x0", "address": dispatcher,
		"topics": []common.Hash{crypto.Keccak256Hash([]byte("RoutesApplied(bytes32,uint256)")), root},
	})
	return len(logs), err
}

// mined is a transaction as the chain holds it.
type mined struct {
	From    common.Address
	To      *common.Address
	Hash    common.Hash
	Input   string
	Nonce   string
	Block   uint64
	Success bool
}

// transactions reads every transaction of the chain, block by block, with its receipt.
func (n *node) transactions(ctx context.Context) ([]mined, error) {
	var head string
	if err := n.call(ctx, &head, "eth_blockNumber"); err != nil {
		return nil, err
	}
	last := new(big.Int).SetBytes(common.FromHex(head)).Uint64()
	var out []mined
	for i := range last + 1 {
		number := fmt.Sprintf("%#x", i)
		var block struct{ Transactions []mined }
		var receipts []struct {
			TransactionHash common.Hash
			Status          string
		}
		if err := n.call(ctx, &block, "eth_getBlockByNumber", number, true); err != nil {
			return nil, err
		}
		if err := n.call(ctx, &receipts, "eth_getBlockReceipts", number); err != nil {
			return nil, err
		}
		if len(block.Transactions) != len(receipts) {
			return nil, fmt.Errorf("block %d has %d transactions and %d receipts", i, len(block.Transactions), len(receipts))
		}
		for j, t := range block.Transactions {
			if receipts[j].TransactionHash != t.Hash {
				return nil, fmt.Errorf("block %d: receipt %d is of %s, the transaction is %s", i, j, receipts[j].TransactionHash, t.Hash)
			}
			t.Block, t.Success = i, receipts[j].Status == "0x1"
			out = append(out, t)
		}
	}
	return out, nil
}

// hasReceipt tells whether a transaction is in the chain.
func (n *node) hasReceipt(ctx context.Context, hash common.Hash) (bool, error) {
	var r map[string]any
	err := n.call(ctx, &r, "eth_getTransactionReceipt", hash)
	return r != nil, err
}
