package chain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/ethclient"
)

// EndpointState is how one endpoint is.
type EndpointState struct {
	Name  string // its URL without what may be secret
	Block Block  // that it gave
	Err   error  // why it gave none
}

// EndpointNames are the endpoints without what may be secret, in the order in which they were given.
func (c *Client) EndpointNames() []string { return slices.Clone(c.names) }

// Endpoints asks each endpoint for its newest block, all at once, and waits for all of them. They are sorted by name.
func (c *Client) Endpoints(ctx context.Context) []EndpointState { return c.survey(ctx, "latest") }

// HashesAt asks each endpoint for the block of a number. They are sorted by name.
func (c *Client) HashesAt(ctx context.Context, number uint64) []EndpointState {
	return c.survey(ctx, hexutil.EncodeUint64(number))
}

// Left tells whether the network has left a block that was final: no endpoint has it any more. If some have it, those that have another one in its place are
// not used for a while, unless they come to have it; apart is how many these are. It is in doubt if no endpoint has it and one of several does not answer, or
// has none in its place.
func (c *Client) Left(ctx context.Context, b Block) (left bool, apart int, err error) {
	states := c.HashesAt(ctx, b.Number)
	held, unknown := false, error(nil)
	for _, s := range states {
		switch {
		case errors.Is(s.Err, ethereum.NotFound) && len(states) == 1:
		case s.Err != nil:
			unknown = fmt.Errorf("ask %s of %s whether block %d has left the chain: %w", s.Name, c.name, b.Number, s.Err)
		case s.Block.Hash == b.Hash:
			held = true
		}
	}
	if !held {
		return unknown == nil, 0, unknown
	}
	for _, e := range c.order() {
		i := slices.IndexFunc(states, func(s EndpointState) bool { return s.Name == e.label })
		if s := states[i]; s.Err == nil && s.Block.Hash != b.Hash {
			e.part(b)
			c.failed(e)
			apart++
		}
	}
	return false, apart, nil
}

func (c *Client) survey(ctx context.Context, tag string) []EndpointState {
	order := c.order()
	out := make([]EndpointState, len(order))
	for i, e := range order {
		out[i] = EndpointState{Name: e.label, Err: errors.New("it takes too long")}
	}
	c.each(ctx, order, 2, c.timeout, func(ctx context.Context, i int) (func(), error) {
		var got Block
		err := c.try(ctx, order[i], c.timeout, func(ctx context.Context, eth *ethclient.Client) (err error) {
			got, err = block(ctx, eth, tag)
			return err
		})
		if err != nil {
			err = redact(err)
		}
		return func() { out[i].Block, out[i].Err = got, err }, err
	})
	slices.SortFunc(out, func(a, b EndpointState) int { return strings.Compare(a.Name, b.Name) })
	return out
}
