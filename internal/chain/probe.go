package chain

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
)

// Traits are what a live network says of itself.
type Traits struct {
	Client           string // web3_clientVersion, empty if the endpoint does not tell
	Head             Block
	BlockGasLimit    uint64
	BaseFee          bool // EIP-1559
	Push0            bool // EIP-3855
	Mcopy            bool // EIP-5656
	TransientStorage bool // EIP-1153
	// CodeHashes is the keccak256 of the code of each account that was asked for, zero without code.
	CodeHashes map[common.Address]common.Hash
	// Keccak256 tells whether EXTCODEHASH answers the same. Nil if none of the accounts has code.
	Keccak256 *bool
}

// Creation code for eth_call. What it runs is told by whether it fails.
var (
	probeNothing   = common.FromHex("0x600160005360016000f3")               // MSTORE8(0, 1), RETURN(0, 1)
	probeInvalid   = common.FromHex("0xfe")                                 // INVALID
	probePush0     = common.FromHex("0x5f50600160005360016000f3")           // PUSH0, POP, as above
	probeMcopy     = common.FromHex("0x6000600060005e600160005360016000f3") // MCOPY(0, 0, 0), as above
	probeTransient = common.FromHex("0x600160005d60005c60005360016000f3")   // TSTORE(0, 1), MSTORE8(0, TLOAD(0)), RETURN(0, 1)
)

// Probe asks a network what it can do, by calls alone. Accounts are those whose code is compared, such as factories.
func (c *Client) Probe(ctx context.Context, accounts ...common.Address) (Traits, error) {
	t := Traits{CodeHashes: map[common.Address]common.Hash{}}
	var head struct {
		Number   hexutil.Uint64 `json:"number"`
		Hash     common.Hash    `json:"hash"`
		Time     hexutil.Uint64 `json:"timestamp"`
		GasLimit hexutil.Uint64 `json:"gasLimit"`
		BaseFee  *hexutil.Big   `json:"baseFeePerGas"`
	}
	err := c.do(ctx, "read the newest block", func(ctx context.Context, eth *ethclient.Client) error {
		if err := eth.Client().CallContext(ctx, &t.Client, "web3_clientVersion"); err != nil {
			t.Client = "" // many endpoints hide it
		}
		return eth.Client().CallContext(ctx, &head, "eth_getBlockByNumber", "latest", false)
	})
	if err != nil {
		return t, err
	}
	t.Head = Block{Number: uint64(head.Number), Hash: head.Hash, Time: uint64(head.Time)}
	t.BlockGasLimit, t.BaseFee = uint64(head.GasLimit), head.BaseFee != nil

	// a node that runs no creation code in calls, or lets it fail silently, would answer anything
	for _, p := range []struct {
		code []byte
		runs bool
	}{{probeNothing, true}, {probeInvalid, false}} {
		ran, err := c.runs(ctx, p.code)
		if err != nil {
			return t, err
		}
		if ran != p.runs {
			return t, fmt.Errorf("probe on %s: the endpoint does not run creation code in eth_call: use another one", c.name)
		}
	}
	for _, p := range []struct {
		code []byte
		has  *bool
	}{{probePush0, &t.Push0}, {probeMcopy, &t.Mcopy}, {probeTransient, &t.TransientStorage}} {
		if *p.has, err = c.runs(ctx, p.code); err != nil {
			return t, err
		}
	}

	for _, account := range accounts {
		code, err := c.Code(ctx, t.Head.Hash, account)
		if err != nil {
			return t, err
		}
		if len(code) == 0 {
			t.CodeHashes[account] = common.Hash{}
			continue
		}
		hash := crypto.Keccak256Hash(code)
		t.CodeHashes[account] = hash
		// PUSH20 account, EXTCODEHASH, PUSH1 0, MSTORE, PUSH1 32, PUSH1 0, RETURN
		ask := append(append([]byte{0x73}, account[:]...), common.FromHex("0x3f60005260206000f3")...)
		answer, err := c.Call(ctx, t.Head.Hash, ethereum.CallMsg{Data: ask})
		if err != nil {
			return t, err
		}
		same := bytes.Equal(answer, hash[:])
		if t.Keccak256 == nil || !same {
			t.Keccak256 = &same
		}
	}
	return t, nil
}

// runs tells whether creation code succeeds and answers one byte that is 1.
func (c *Client) runs(ctx context.Context, code []byte) (ran bool, err error) {
	err = c.do(ctx, "probe", func(ctx context.Context, eth *ethclient.Client) error {
		out, err := eth.CallContract(ctx, ethereum.CallMsg{Data: code}, nil)
		ran = bytes.Equal(out, []byte{1})
		var rpcErr rpc.Error
		if errors.As(err, &rpcErr) && !isRefusalToServe(rpcErr) {
			return nil // some nodes call a failed execution an internal error
		}
		return err
	})
	return ran, err
}
