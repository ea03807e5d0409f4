package chain

import (
	"context"
	"errors"
	"slices"
	"strings"

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
