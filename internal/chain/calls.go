package chain

import (
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

// callsAtOnce bounds how many transactions are asked for in one request.
const callsAtOnce = 16

// Calls returns transactions with what their receipts say, in the order of their hashes. The error is event.ErrNoBlock if no endpoint that answers
// has all of them in blocks.
func (c *Client) Calls(ctx context.Context, hashes ...common.Hash) ([]event.Call, error) {
	out := make([]event.Call, 0, len(hashes))
	for part := range slices.Chunk(hashes, callsAtOnce) {
		calls, err := c.calls(ctx, part)
		if err != nil {
			return nil, err
		}
		out = append(out, calls...)
	}
	return out, nil
}

func (c *Client) calls(ctx context.Context, hashes []common.Hash) ([]event.Call, error) {
	var failures []failure
	what, lacks := fmt.Sprintf("read transaction %s", hashes[0]), false
	for _, e := range c.order() {
		out := make([]event.Call, len(hashes))
		found := make([]bool, 2*len(hashes))
		var asked []call
		for i, h := range hashes {
			out[i].Tx = h
			params := fmt.Sprintf("[%q]", h)
			asked = append(
				asked,
				call{"eth_getTransactionReceipt", params, func(s *scanner) (err error) { found[2*i], err = readReceipt(s, &out[i]); return err }},
				call{"eth_getTransactionByHash", params, func(s *scanner) (err error) { found[2*i+1], err = readInput(s, &out[i]); return err }},
			)
		}
		err := c.try(ctx, e, c.timeout, func(ctx context.Context, eth *ethclient.Client) error { return e.ask(ctx, eth, asked...) })
		switch {
		case err == nil && !slices.Contains(found, false):
			return out, nil
		case err == nil:
			lacks = true
		case ctx.Err() != nil:
			return nil, fmt.Errorf("%s on %s: %w", what, c.name, ctx.Err())
		case isAnswer(err): // as that its index of transactions is not complete
			failures = append(failures, failure{e, err})
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

// readReceipt reads where a transaction is and what it has used. It is false if it is in no block.
func readReceipt(s *scanner, c *event.Call) (found bool, err error) {
	if s.null() {
		return false, nil
	}
	const all = 1 | 2 | 4
	has := 0
	err = s.object(func(name []byte) (err error) {
		switch string(name) {
		case "blockNumber":
			if s.null() {
				return nil
			}
			has |= 1
			c.Block.Number, err = s.number()
			return err
		case "blockHash":
			if s.null() {
				return nil
			}
			has |= 2
			return s.fixed(c.Block.Hash[:])
		case "gasUsed":
			has |= 4
			c.GasUsed, err = s.number()
			return err
		}
		return s.skip()
	})
	return has == all, err
}

// readInput reads the input of a transaction.
func readInput(s *scanner, c *event.Call) (found bool, err error) {
	if s.null() {
		return false, nil
	}
	err = s.object(func(name []byte) (err error) {
		if string(name) != "input" {
			return s.skip()
		}
		found = true
		c.Input, err = new(logReader).readData(s)
		return err
	})
	if err == nil && !found {
		err = errors.New("its transaction lacks an input")
	}
	return found, err
}

// HasCode tells whether an account had code after a block, by its number. The error is event.ErrUnsupported if no endpoint has the state of
// so old a block.
func (c *Client) HasCode(ctx context.Context, number uint64, account common.Address) (has bool, err error) {
	var failures []failure
	what, unsupported := fmt.Sprintf("read code of %s after block %d", account, number), false
	code := call{"eth_getCode", fmt.Sprintf("[\"%#x\",\"%#x\"]", account[:], number), func(s *scanner) error {
		text, err := s.text()
		has = len(text) > 2
		return err
	}}
	for _, e := range c.order() {
		err := c.try(ctx, e, c.timeout, func(ctx context.Context, eth *ethclient.Client) error { return e.ask(ctx, eth, code) })
		if err == nil {
			return has, nil
		}
		if ctx.Err() != nil {
			return false, fmt.Errorf("%s on %s: %w", what, c.name, ctx.Err())
		}
		var said rpc.Error
		unsupported = unsupported || errors.As(err, &said) && !limitText.MatchString(strings.ToLower(said.Error()))
		failures = append(failures, failure{e, err})
	}
	if unsupported {
		return false, fmt.Errorf("%s on %s: %w", what, c.name, event.ErrUnsupported)
	}
	return false, c.unavailable(what, failures)
}
