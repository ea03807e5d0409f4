package chain

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
)

// ErrCannotReplay says that it cannot be learned with what a transaction has reverted.
var ErrCannotReplay = errors.New("the network's endpoints do not tell why it reverted")

// The ways in which a transaction is executed again.
const (
	ByTrace      = "debug_traceTransaction"
	BySimulation = "eth_simulateV1, after the transactions before it in its block"
	ByCallBefore = "eth_call after the block before, without the transactions before it in its block"
	ByCallAfter  = "eth_call after its block"
)

// Replayed is what came of a transaction when it was executed again.
type Replayed struct {
	Data []byte // that it reverted with
	Why  string // in the words of the node, if it did not revert but ran out of gas or the like
	How  string // one of the ways; only by a trace it is certainly what happened
}

// missing finds how nodes say that they do not have a method.
var missing = regexp.MustCompile(`method|not (be )?(available|supported|allowed|enabled|whitelisted)|unsupported|disabled|upgrade|plan`)

// forgetLack is how long an endpoint is not asked for what it did not have.
const forgetLack = 10 * time.Minute

// Replay executes a transaction that reverted again, to learn what it reverted with: exactly where endpoints trace transactions; else on a
// state that may be another one than it had. The error is ErrCannotReplay if nothing shows it.
func (c *Client) Replay(ctx context.Context, tx Sent) (Replayed, error) {
	out, traceErr := c.replayTrace(ctx, tx)
	if traceErr == nil || ctx.Err() != nil {
		return out, traceErr
	}
	var b replayBlock
	err := c.do(ctx, fmt.Sprintf("read block %d", tx.Block.Number), func(ctx context.Context, eth *ethclient.Client) error {
		b = replayBlock{}
		if err := eth.Client().CallContext(ctx, &b, "eth_getBlockByHash", tx.Block.Hash, true); err != nil {
			return unanswered(err)
		}
		if len(b.Transactions) <= tx.Index || b.Transactions[tx.Index].Hash != tx.Hash {
			return errors.New("endpoint lags: it does not have the block")
		}
		return nil
	})
	if err != nil {
		return Replayed{}, err
	}
	out, simErr := c.replaySimulated(ctx, b, tx)
	if simErr == nil || ctx.Err() != nil {
		return out, simErr
	}
	out, callErr := c.replayCalled(ctx, b, tx)
	if callErr != nil {
		return out, fmt.Errorf("replay %s on %s: %w: %w", tx.Hash, c.name, ErrCannotReplay, errors.Join(traceErr, simErr, callErr))
	}
	return out, nil
}

// errReplayed says that a transaction which has reverted does not when it is executed again.
var errReplayed = errors.New("it does not revert when it is executed again")

func (c *Client) replayTrace(ctx context.Context, tx Sent) (out Replayed, err error) {
	settings := map[string]any{"tracer": "callTracer", "tracerConfig": map[string]any{"onlyTopCall": true}}
	err = c.optional(ctx, ByTrace, func(ctx context.Context, eth *ethclient.Client) error {
		var got struct {
			Type   string        `json:"type"`
			Error  string        `json:"error"`
			Output hexutil.Bytes `json:"output"`
		}
		switch err := eth.Client().CallContext(ctx, &got, ByTrace, tx.Hash, settings); {
		case err != nil:
			return err
		case got.Type == "":
			return errLacks
		case got.Error == "":
			return errReplayed
		}
		out = Replayed{Data: got.Output, How: ByTrace}
		if len(got.Output) == 0 {
			out.Why = got.Error
		}
		return nil
	})
	return out, err
}

// replayBlock is what a block is simulated from.
type replayBlock struct {
	Parent       common.Hash    `json:"parentHash"`
	Number       hexutil.Uint64 `json:"number"`
	Time         hexutil.Uint64 `json:"timestamp"`
	GasLimit     hexutil.Uint64 `json:"gasLimit"`
	Miner        common.Address `json:"miner"`
	MixHash      common.Hash    `json:"mixHash"`
	Transactions []replayCall   `json:"transactions"`
}

type replayCall struct {
	Hash  common.Hash     `json:"hash"`
	From  common.Address  `json:"from"`
	To    *common.Address `json:"to"`
	Gas   hexutil.Uint64  `json:"gas"`
	Value *hexutil.Big    `json:"value"`
	Input hexutil.Bytes   `json:"input"`
}

// message is how calls are written.
func (r replayCall) message(data string) map[string]any {
	out := map[string]any{"from": r.From, "gas": r.Gas, "value": r.Value, data: r.Input}
	if r.To != nil {
		out["to"] = *r.To
	}
	return out
}

func (c *Client) replaySimulated(ctx context.Context, b replayBlock, tx Sent) (Replayed, error) {
	out, err := c.replayAfter(ctx, b, b.Transactions[:tx.Index+1])
	if err == nil || errors.Is(err, errReplayed) {
		return out, err
	}
	// there may be more than the endpoint simulates: what decides is sent to the same contract, or by the same account
	var few []replayCall
	for _, t := range b.Transactions[:tx.Index] {
		if t.From == tx.From || t.To != nil && *t.To == tx.To {
			few = append(few, t)
		}
	}
	if len(few) == tx.Index {
		return out, err
	}
	return c.replayAfter(ctx, b, append(few, b.Transactions[tx.Index]))
}

func (c *Client) replayAfter(ctx context.Context, b replayBlock, transactions []replayCall) (out Replayed, err error) {
	calls := make([]map[string]any, len(transactions))
	for i, t := range transactions {
		calls[i] = t.message("input")
	}
	asked := map[string]any{"blockStateCalls": []any{map[string]any{
		"blockOverrides": map[string]any{
			"number": b.Number, "time": b.Time, "gasLimit": b.GasLimit, "feeRecipient": b.Miner, "prevRandao": b.MixHash,
		},
		"calls": calls,
	}}}
	err = c.optional(ctx, "eth_simulateV1", func(ctx context.Context, eth *ethclient.Client) error {
		var got []struct {
			Calls []struct {
				Status     hexutil.Uint64 `json:"status"`
				ReturnData hexutil.Bytes  `json:"returnData"`
				Error      *struct {
					Message string        `json:"message"`
					Data    hexutil.Bytes `json:"data"`
				} `json:"error"`
			} `json:"calls"`
		}
		if err := eth.Client().CallContext(ctx, &got, "eth_simulateV1", asked, map[string]any{"blockHash": b.Parent}); err != nil {
			return err
		}
		if len(got) != 1 || len(got[0].Calls) != len(calls) {
			return errLacks
		}
		last := got[0].Calls[len(calls)-1]
		if last.Status == 1 {
			return errReplayed
		}
		out = Replayed{Data: last.ReturnData, How: BySimulation}
		if last.Error != nil && len(out.Data) == 0 {
			out.Data = last.Error.Data
		}
		if last.Error != nil && len(out.Data) == 0 {
			out.Why = last.Error.Message
		}
		return nil
	})
	return out, err
}

// replayCalled calls after the block before, and after the block itself: one that was refused because of another one of the same block still
// is then.
func (c *Client) replayCalled(ctx context.Context, b replayBlock, tx Sent) (out Replayed, err error) {
	message := b.Transactions[tx.Index].message("data")
	for _, place := range []struct {
		how string
		at  common.Hash
	}{{ByCallBefore, b.Parent}, {ByCallAfter, tx.Block.Hash}} {
		var ignored hexutil.Bytes
		err = c.do(ctx, "call", func(ctx context.Context, eth *ethclient.Client) error {
			return unknownBlock(eth.Client().CallContext(ctx, &ignored, "eth_call", message, map[string]any{"blockHash": place.at}))
		})
		var rpcErr rpc.Error
		switch {
		case err == nil:
			err = errReplayed
		case errors.As(err, &rpcErr) && isRevert(rpcErr):
			data, _ := RevertData(err)
			return Replayed{Data: data, How: place.how}, nil
		}
	}
	return out, err
}

// errLacks is that an endpoint answers something else than what it was asked.
var errLacks = errors.New("it does not answer what it is asked")

// optional asks for what endpoints may lack: one that does is not worse for it, and is not asked again for a while. The errors of nodes are
// kept, since none says that another would not know better.
func (c *Client) optional(ctx context.Context, method string, call func(context.Context, *ethclient.Client) error) error {
	var errs []error
	for _, e := range c.order() {
		if c.lacking(e, method) {
			errs = append(errs, fmt.Errorf("%s lacks %s", e.label, method))
			continue
		}
		err := c.try(ctx, e, c.timeout, call)
		var rpcErr rpc.Error
		switch {
		case err == nil || errors.Is(err, errReplayed) || ctx.Err() != nil:
			return err
		case errors.Is(err, errLacks) || errors.As(err, &rpcErr) && lacksMethod(rpcErr):
			c.lack(e, method)
		case rpcErr == nil:
			c.failed(e)
		}
		errs = append(errs, fmt.Errorf("%s: %w", e.label, redact(err)))
	}
	return fmt.Errorf("%s on %s: %w", method, c.name, errors.Join(errs...))
}

func lacksMethod(err rpc.Error) bool {
	return err.ErrorCode() == -32601 || missing.MatchString(strings.ToLower(err.Error())) && !limitText.MatchString(strings.ToLower(err.Error()))
}

func (c *Client) lacking(e *endpoint, method string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := e.lacks[method]
	return ok && time.Since(at) < forgetLack
}

func (c *Client) lack(e *endpoint, method string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.lacks[method] = time.Now()
}
