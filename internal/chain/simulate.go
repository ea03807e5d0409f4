package chain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"slices"
	"sync"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"

	"github.com/seed-b6a97670/lockstep/contracts"
)

// Simulated is what one call of a sequence would do as a transaction.
type Simulated struct {
	Failed bool
	Gas    uint64 // used, refunds taken off
	Data   []byte // what it reverted with, if it failed; from Rehearse also what it returned
}

// ErrCannotSimulate says that no endpoint of the network can simulate a sequence of calls, or not this one.
var ErrCannotSimulate = errors.New("the network's endpoints do not simulate sequences of calls")

// Simulate runs calls of one account after a block, each on what the one before left behind, as if they were transactions
// of the next block. It ends with the first that fails, so there may be fewer results than calls. A call's Gas limits
// it, if it is set.
//
// It asks for eth_simulateV1 (execution-apis). A node that lacks it is asked for an eth_call in which code at the account
// makes all the calls: exact is then false, since there each call finds warm what the earlier ones touched, and its Gas is
// an estimate from below.
func (c *Client) Simulate(ctx context.Context, at common.Hash, from common.Address, calls []ethereum.CallMsg) (out []Simulated, exact bool, err error) {
	out, err = c.simulateV1(ctx, at, from, calls)
	if err == nil || !errors.Is(err, ErrCannotSimulate) {
		return out, true, err
	}
	out, stackErr := c.stack(ctx, at, from, calls)
	if stackErr != nil && cannot(stackErr) {
		return nil, false, fmt.Errorf("%w: %w", ErrCannotSimulate, errors.Join(err, stackErr))
	}
	return out, false, stackErr
}

// cannot tells an endpoint that does not do what it is asked from one that could not be asked.
func cannot(err error) bool {
	var rpcErr rpc.Error
	return errors.As(err, &rpcErr)
}

// Rehearsal is a block that is simulated: its calls are transactions of their From, and it is made at a time.
type Rehearsal struct {
	Time  uint64 // unix seconds; 0 for whatever comes next
	Calls []ethereum.CallMsg
}

// Rehearse simulates blocks after a block, one on the other, with eth_simulateV1 (execution-apis). It goes on after a call that
// fails. The error is ErrCannotSimulate if the endpoints do not do that.
func (c *Client) Rehearse(ctx context.Context, at common.Hash, blocks []Rehearsal) ([][]Simulated, error) {
	type call struct {
		From  common.Address  `json:"from"`
		To    *common.Address `json:"to"`
		Gas   *hexutil.Uint64 `json:"gas,omitempty"`
		Input hexutil.Bytes   `json:"input"`
	}
	type block struct {
		Overrides map[string]hexutil.Uint64 `json:"blockOverrides,omitempty"`
		Calls     []call                    `json:"calls"`
	}
	asked := make([]block, len(blocks))
	for i, b := range blocks {
		if b.Time > 0 {
			asked[i].Overrides = map[string]hexutil.Uint64{"time": hexutil.Uint64(b.Time)}
		}
		for _, m := range b.Calls {
			s := call{From: m.From, To: m.To, Input: m.Data}
			if m.Gas > 0 {
				s.Gas = (*hexutil.Uint64)(&m.Gas)
			}
			asked[i].Calls = append(asked[i].Calls, s)
		}
	}
	var answer []struct {
		Calls []struct {
			Status  hexutil.Uint64 `json:"status"`
			GasUsed hexutil.Uint64 `json:"gasUsed"`
			Error   *struct {
				Data hexutil.Bytes `json:"data"`
			} `json:"error"`
			ReturnData hexutil.Bytes `json:"returnData"`
		} `json:"calls"`
	}
	err := c.do(ctx, "simulate", func(ctx context.Context, eth *ethclient.Client) error {
		return unknownBlock(eth.Client().CallContext(ctx, &answer, "eth_simulateV1",
			map[string]any{"blockStateCalls": asked}, map[string]any{"blockHash": at}))
	})
	if err != nil && cannot(err) {
		return nil, fmt.Errorf("%w: %w", ErrCannotSimulate, err)
	}
	if err != nil {
		return nil, err
	}
	if len(answer) != len(blocks) {
		return nil, fmt.Errorf("simulate on %s: asked about %d blocks, the answer has %d", c.name, len(blocks), len(answer))
	}
	out := make([][]Simulated, len(blocks))
	for i, b := range answer {
		if len(b.Calls) != len(blocks[i].Calls) {
			return nil, fmt.Errorf("simulate on %s: asked about %d calls, the answer has %d", c.name, len(blocks[i].Calls), len(b.Calls))
		}
		for _, r := range b.Calls {
			s := Simulated{Failed: r.Status != 1, Gas: uint64(r.GasUsed), Data: r.ReturnData}
			if s.Failed && r.Error != nil && len(r.Error.Data) > 0 {
				s.Data = r.Error.Data
			}
			out[i] = append(out[i], s)
		}
	}
	return out, nil
}

// simulateV1 is one block of calls of one account, up to the first that fails.
func (c *Client) simulateV1(ctx context.Context, at common.Hash, from common.Address, calls []ethereum.CallMsg) ([]Simulated, error) {
	block := Rehearsal{Calls: slices.Clone(calls)}
	for i := range block.Calls {
		block.Calls[i].From = from
	}
	out, err := c.Rehearse(ctx, at, []Rehearsal{block})
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(out[0], func(s Simulated) bool { return s.Failed }); i >= 0 {
		return out[0][:i+1], nil
	}
	return out[0], nil
}

// callSequence is contracts/lens/CallSequence.sol.
var callSequence = sync.OnceValue(func() (a struct {
	ABI  abi.ABI `json:"abi"`
	Code struct {
		Object hexutil.Bytes `json:"object"`
	} `json:"deployedBytecode"`
},
) {
	data, err := fs.ReadFile(contracts.Artifacts, "artifacts/CallSequence.json")
	if err == nil {
		err = json.Unmarshal(data, &a)
	}
	if err != nil {
		panic(fmt.Sprintf("artifact CallSequence: %v", err)) // embedded, read by a test
	}
	return a
})

func (c *Client) stack(ctx context.Context, at common.Hash, from common.Address, calls []ethereum.CallMsg) ([]Simulated, error) {
	type call struct {
		To   common.Address
		Data []byte
	}
	var list []call
	for _, m := range calls {
		list = append(list, call{*m.To, m.Data})
	}
	sequence := callSequence()
	data, err := sequence.ABI.Pack("run", list)
	if err != nil {
		return nil, fmt.Errorf("simulate on %s: %w", c.name, err)
	}
	var answer hexutil.Bytes
	err = c.do(ctx, "simulate", func(ctx context.Context, eth *ethclient.Client) error {
		return unknownBlock(eth.Client().CallContext(ctx, &answer, "eth_call",
			map[string]any{"to": from, "data": hexutil.Bytes(data)}, map[string]any{"blockHash": at},
			map[common.Address]any{from: map[string]any{"code": sequence.Code.Object}}))
	})
	if err != nil {
		return nil, err
	}
	if len(answer) == 0 {
		return nil, fmt.Errorf("simulate on %s: %w: state overrides are passed over", c.name, ErrCannotSimulate)
	}
	return c.unstack(answer, calls)
}

// unstack reads what CallSequence answers, and adds to each call what a transaction costs beside it.
func (c *Client) unstack(answer []byte, calls []ethereum.CallMsg) ([]Simulated, error) {
	values, err := callSequence().ABI.Unpack("run", answer)
	if err != nil {
		return nil, fmt.Errorf("simulate on %s: %w", c.name, err)
	}
	type result = struct {
		Success bool
		GasUsed *big.Int
		Answer  []byte
	}
	results := *abi.ConvertType(values[0], new([]result)).(*[]result)
	if len(results) != len(calls) {
		return nil, fmt.Errorf("simulate on %s: asked about %d calls, the answer has %d", c.name, len(calls), len(results))
	}
	var out []Simulated
	for i, r := range results {
		if !r.Success {
			return append(out, Simulated{Failed: true, Data: r.Answer}), nil
		}
		intrinsic, err := core.IntrinsicGas(calls[i].Data, nil, nil, false, true, true, true)
		if err != nil {
			return nil, fmt.Errorf("simulate on %s: %w", c.name, err)
		}
		floor, err := core.FloorDataGas(calls[i].Data)
		if err != nil {
			return nil, fmt.Errorf("simulate on %s: %w", c.name, err)
		}
		out = append(out, Simulated{Gas: max(intrinsic+r.GasUsed.Uint64(), floor)})
	}
	return out, nil
}
