package chain

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/ethclient"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// Block names a block and its time.
type Block = rollout.Block

// comparison is how often the endpoints are compared, while heads are asked for.
const comparison = 15 * time.Second

// Head returns the newest block.
func (c *Client) Head(ctx context.Context) (Block, error) {
	return c.HeadAt(ctx, 0)
}

// HeadAt returns the newest block of an endpoint that has reached a number. If the one in front has not, all are asked,
// once; if none has, it is the newest that there is, and the caller sees by its number that it is to come again.
func (c *Client) HeadAt(ctx context.Context, number uint64) (Block, error) {
	rounds, due := c.comparisons()
	if len(c.endpoints) > 1 && due {
		return c.compare(ctx, rounds, number)
	}
	head, err := c.BlockByNumber(ctx, nil)
	if err != nil || len(c.endpoints) == 1 || head.Number >= number && c.see(head.Number) {
		return head, err
	}
	return c.compare(ctx, rounds, number)
}

// comparisons says how often the endpoints have been compared, and whether they are to be again.
func (c *Client) comparisons() (rounds int, due bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rounds, c.compared.IsZero() || time.Since(c.compared) >= comparison
}

// see notes that a block has been seen, and tells whether none after it has.
func (c *Client) see(number uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = max(c.seen, number)
	return c.seen == number
}

// compare asks every endpoint for its newest block, notes who is behind, and returns the newest of all. Callers share the
// outcome of a comparison that is newer than the rounds that they know of.
func (c *Client) compare(ctx context.Context, rounds int, number uint64) (Block, error) {
	const what = "compare the heads of endpoints"
	select {
	case c.round <- struct{}{}:
		defer func() { <-c.round }()
	case <-ctx.Done():
		return Block{}, fmt.Errorf("%s on %s: %w", what, c.name, ctx.Err())
	}
	c.mu.Lock()
	newest, shared, seen := c.newest, c.rounds != rounds, c.seen
	c.mu.Unlock()
	if shared {
		return newest, nil
	}

	order := c.order()
	answers := c.heads(ctx, order, max(number, seen))
	if ctx.Err() != nil {
		return Block{}, fmt.Errorf("%s on %s: %w", what, c.name, ctx.Err())
	}
	var best *endpoint
	var failures []failure
	for _, e := range order {
		switch a, ok := answers[e]; {
		case !ok:
			c.failed(e) // too slow
		case a.err != nil:
			c.failed(e)
			failures = append(failures, failure{e, a.err})
		case best == nil || a.head.Number > answers[best].head.Number:
			best = e
		}
	}
	if best == nil {
		return Block{}, c.unavailable(what, failures)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.newest, c.compared = answers[best].head, time.Now()
	c.seen = c.newest.Number
	c.rounds++
	for _, e := range order {
		a, ok := answers[e]
		e.behind = ok && a.err == nil && a.head.Number < c.newest.Number
	}
	return c.newest, nil
}

// headOf is what an endpoint says when it is asked for its newest block.
type headOf struct {
	endpoint *endpoint
	head     Block
	err      error
}

// heads asks endpoints for their newest block, all at once. Slow ones are not waited for once another has answered, unless no
// answer reaches a number that some endpoint must have: then those that do not rest may take their time.
func (c *Client) heads(ctx context.Context, endpoints []*endpoint, number uint64) map[*endpoint]headOf {
	ctx, cancel := context.WithCancel(ctx)
	answers := make(chan headOf, len(endpoints))
	var asked sync.WaitGroup
	for _, e := range endpoints {
		asked.Go(func() {
			var head Block
			err := c.try(ctx, e, c.timeout, func(ctx context.Context, eth *ethclient.Client) (err error) {
				head, err = block(ctx, eth, "latest")
				return err
			})
			answers <- headOf{e, head, err}
		})
	}
	defer asked.Wait()
	defer cancel()

	out := map[*endpoint]headOf{}
	pending := func(e *endpoint) bool { _, answered := out[e]; return !answered && !c.resting(e) }
	var brief <-chan time.Time
	reached, late := false, false
	for len(out) < len(endpoints) {
		if late && (reached || !slices.ContainsFunc(endpoints, pending)) {
			break
		}
		select {
		case a := <-answers:
			out[a.endpoint] = a
			reached = reached || a.err == nil && a.head.Number >= number
			if a.err == nil && brief == nil {
				brief = time.After(c.brief)
			}
		case <-brief:
			late = true
		}
	}
	return out
}

// BlockByNumber returns a block of the canonical chain, the newest for nil. The error is ethereum.NotFound if there is
// none yet.
func (c *Client) BlockByNumber(ctx context.Context, number *big.Int) (Block, error) {
	var out Block
	if number == nil {
		err := c.do(ctx, "read block latest", func(ctx context.Context, eth *ethclient.Client) (err error) {
			out, err = block(ctx, eth, "latest")
			return err
		})
		return out, err
	}
	tag := hexutil.EncodeBig(number)
	_, err := c.find(ctx, "read block "+tag, func(ctx context.Context, eth *ethclient.Client) (err error) {
		out, err = block(ctx, eth, tag)
		return err
	})
	return out, err
}

// block asks an endpoint for a block.
func block(ctx context.Context, eth *ethclient.Client, tag string) (Block, error) {
	// some networks have header fields that go-ethereum does not know, so the hash is taken as the node gives it
	var head *struct {
		Number *hexutil.Uint64 `json:"number"`
		Hash   *common.Hash    `json:"hash"`
		Time   *hexutil.Uint64 `json:"timestamp"`
	}
	switch err := eth.Client().CallContext(ctx, &head, "eth_getBlockByNumber", tag, false); {
	case err != nil:
		return Block{}, err
	case head == nil && tag == "latest":
		return Block{}, errors.New("it has no newest block")
	case head == nil:
		return Block{}, ethereum.NotFound
	case head.Number == nil || head.Hash == nil || head.Time == nil:
		return Block{}, errors.New("its block lacks a number, a hash or a time")
	case tag != "latest" && head.Number.String() != tag:
		return Block{}, fmt.Errorf("it gives block %s for %s", head.Number, tag)
	}
	return Block{Number: uint64(*head.Number), Hash: *head.Hash, Time: uint64(*head.Time)}, nil
}
