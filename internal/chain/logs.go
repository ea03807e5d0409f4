package chain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"

	"github.com/seed-b6a97670/lockstep/internal/event"
)

// Logs returns the logs of contracts in blocks of the canonical chain, by block and index, and the header of the last of these blocks, which the
// same endpoint has: one that lags would leave out what it has not seen. The error is event.ErrTooLarge if the endpoint says that it is
// asked for too much. The times of the blocks are 0 if it does not tell.
func (c *Client) Logs(ctx context.Context, from, to uint64, addresses []common.Address) ([]event.Log, event.Header, error) {
	var logs []event.Log
	var last event.Header
	what := fmt.Sprintf("read logs of blocks %d to %d", from, to)
	err := c.doOn(ctx, what, func(ctx context.Context, e *endpoint, eth *ethclient.Client) error {
		var r logReader
		found := false
		last = event.Header{}
		err := e.ask(ctx, eth, headerCall(to, &last, &found), logsCall(&r, fmt.Sprintf(`"fromBlock":"%#x","toBlock":"%#x"`, from, to), addresses))
		switch {
		case err != nil:
			return tooLarge(err, from < to)
		case !found:
			return fmt.Errorf("endpoint lags: it has no block %d", to)
		case last.Number != to:
			return fmt.Errorf("it gives block %d for %d", last.Number, to)
		}
		logs, err = inOrder(r.logs, addresses, func(b Block) bool {
			return b.Number >= from && b.Number <= to && (b.Number < to || b.Hash == last.Hash)
		})
		return err
	})
	return logs, last, err
}

// LogsOf returns the logs of contracts in one block, by index.
func (c *Client) LogsOf(ctx context.Context, block Block, addresses []common.Address) ([]event.Log, error) {
	var logs []event.Log
	err := c.doOn(ctx, fmt.Sprintf("read logs of block %d", block.Number), func(ctx context.Context, e *endpoint, eth *ethclient.Client) error {
		var r logReader
		if err := e.ask(ctx, eth, logsCall(&r, fmt.Sprintf(`"blockHash":%q`, block.Hash), addresses)); err != nil {
			return tooLarge(err, false)
		}
		var err error
		logs, err = inOrder(r.logs, addresses, func(b Block) bool { return b.Number == block.Number && b.Hash == block.Hash })
		for i := range logs {
			logs[i].Block.Time = block.Time
		}
		return err
	})
	return logs, err
}

// headersAtOnce bounds how many blocks are asked for in one request.
const headersAtOnce = 32

// Headers returns blocks of the canonical chain, in the order of the numbers by which they are asked for; so they may be of two branches if that changes
// meanwhile: their parents tell. The error is event.ErrNoBlock if no endpoint that answers has all of them.
func (c *Client) Headers(ctx context.Context, numbers ...uint64) ([]event.Header, error) {
	out := make([]event.Header, 0, len(numbers))
	for part := range slices.Chunk(numbers, headersAtOnce) {
		headers, err := c.headers(ctx, part)
		if err != nil {
			return nil, err
		}
		out = append(out, headers...)
	}
	return out, nil
}

func (c *Client) headers(ctx context.Context, numbers []uint64) ([]event.Header, error) {
	var failures []failure
	what, lacks := fmt.Sprintf("read block %d", numbers[0]), false
	for _, e := range c.order() {
		out, found := make([]event.Header, len(numbers)), make([]bool, len(numbers))
		calls := make([]call, len(numbers))
		for i, n := range numbers {
			calls[i] = headerCall(n, &out[i], &found[i])
		}
		err := c.try(ctx, e, c.timeout, func(ctx context.Context, eth *ethclient.Client) error { return e.ask(ctx, eth, calls...) })
		for i, n := range numbers {
			if err == nil && found[i] && out[i].Number != n {
				err = fmt.Errorf("it gives block %d for %d", out[i].Number, n)
			}
		}
		switch {
		case err == nil && !slices.Contains(found, false):
			return out, nil
		case err == nil:
			lacks = true
		case ctx.Err() != nil:
			return nil, fmt.Errorf("%s on %s: %w", what, c.name, ctx.Err())
		default:
			c.failed(e)
			failures = append(failures, failure{e, err})
		}
	}
	if lacks {
		return nil, fmt.Errorf("%s on %s: %w", what, c.name, event.ErrNoBlock)
	}
	return nil, c.unavailable(what, failures)
}

// Latest returns the newest block. Who is behind is found out now and then, as by Head.
func (c *Client) Latest(ctx context.Context) (event.Header, error) {
	if rounds, due := c.comparisons(); due && len(c.endpoints) > 1 {
		if _, err := c.compare(ctx, rounds, 0); err != nil {
			return event.Header{}, err
		}
	}
	var out event.Header
	err := c.doOn(ctx, "read the newest block", func(ctx context.Context, e *endpoint, eth *ethclient.Client) error {
		found := false
		out = event.Header{}
		err := e.ask(ctx, eth, call{"eth_getBlockByNumber", `["latest",false]`, func(s *scanner) (err error) {
			found, err = readHeader(s, &out)
			return err
		}})
		if err == nil && !found {
			err = errors.New("it has no newest block")
		}
		return err
	})
	return out, err
}

func headerCall(number uint64, out *event.Header, found *bool) call {
	return call{"eth_getBlockByNumber", fmt.Sprintf(`["%#x",false]`, number), func(s *scanner) (err error) {
		*found, err = readHeader(s, out)
		return err
	}}
}

func logsCall(r *logReader, blocks string, addresses []common.Address) call {
	quoted := make([]string, len(addresses))
	for i, a := range addresses {
		quoted[i] = fmt.Sprintf("\"%#x\"", a[:])
	}
	return call{"eth_getLogs", fmt.Sprintf(`[{%s,"address":[%s]}]`, blocks, strings.Join(quoted, ",")), func(s *scanner) error {
		*r = logReader{}
		return r.read(s)
	}}
}

// inOrder checks that logs are those that were asked for, each once, and brings them into order, in which nodes give them anyway.
func inOrder(logs []event.Log, addresses []common.Address, asked func(Block) bool) ([]event.Log, error) {
	sorted := true
	for i := range logs {
		l := &logs[i]
		if !slices.Contains(addresses, l.Address) || !asked(l.Block) {
			return nil, fmt.Errorf("it gives a log of %s in block %d, which was not asked for", l.Address, l.Block.Number)
		}
		sorted = sorted && (i == 0 || byPlace(logs[i-1], *l) < 0)
	}
	if !sorted {
		slices.SortFunc(logs, byPlace)
	}
	for i := 1; i < len(logs); i++ {
		a, b := &logs[i-1], &logs[i]
		switch {
		case byPlace(*a, *b) == 0:
			return nil, fmt.Errorf("it gives log %d of block %d twice", b.Index, b.Block.Number)
		case a.Block.Number == b.Block.Number && a.Block.Hash != b.Block.Hash:
			return nil, fmt.Errorf("it gives logs of two blocks %d", b.Block.Number)
		}
	}
	return logs, nil
}

func byPlace(a, b event.Log) int {
	return cmp.Or(cmp.Compare(a.Block.Number, b.Block.Number), cmp.Compare(a.Index, b.Index))
}

// ReceiptLogs returns the logs of contracts in one block as the receipts of its transactions hold them, for whoever doubts that there are none. It says
// nothing against an endpoint that does not give receipts.
func (c *Client) ReceiptLogs(ctx context.Context, block Block, addresses []common.Address) ([]event.Log, error) {
	var failures []failure
	what, unsupported := fmt.Sprintf("read receipts of block %d", block.Number), true
	for _, e := range c.order() {
		var r logReader
		found := false
		receipts := call{"eth_getBlockReceipts", fmt.Sprintf("[%q]", block.Hash), func(s *scanner) error {
			if s.null() {
				return nil
			}
			found = true
			return s.array(func() error {
				return s.object(func(name []byte) error {
					if string(name) == "logs" {
						return r.more(s)
					}
					return s.skip()
				})
			})
		}}
		err := c.try(ctx, e, c.timeout, func(ctx context.Context, eth *ethclient.Client) error { return e.ask(ctx, eth, receipts) })
		if err == nil && !found {
			err = errors.New("it does not have the block")
		}
		if err == nil {
			logs := slices.DeleteFunc(r.logs, func(l event.Log) bool { return !slices.Contains(addresses, l.Address) })
			logs, err = inOrder(logs, addresses, func(b Block) bool { return b.Number == block.Number && b.Hash == block.Hash })
			for i := range logs {
				logs[i].Block.Time = block.Time
			}
			if err == nil {
				return logs, nil
			}
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%s on %s: %w", what, c.name, ctx.Err())
		}
		var said rpc.Error
		unsupported = unsupported && errors.As(err, &said) && (said.ErrorCode() == -32601 || said.ErrorCode() == -32602)
		failures = append(failures, failure{e, err})
	}
	if unsupported {
		return nil, fmt.Errorf("%s on %s: %w", what, c.name, event.ErrUnsupported)
	}
	return nil, c.unavailable(what, failures)
}
