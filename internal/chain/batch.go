package chain

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
	"golang.org/x/sync/errgroup"

	"github.com/seed-b6a97670/lockstep/internal/event"
)

// batchSize is how many calls one batch has at most; endpoints may take fewer, or none.
const batchSize = 100

// singlesAtOnce bounds the requests in flight to an endpoint that takes no batches.
const singlesAtOnce = 8

// gather asks calls in as few batches as the endpoint takes. How many it takes in one is found out once: what is refused is halved, until each
// goes alone, if the first of them is answered alone. None of the calls may depend on another one.
func (e *endpoint) gather(ctx context.Context, eth *ethclient.Client, calls []call) error {
	for len(calls) > 0 {
		n := min(int(e.batches.Load()), len(calls))
		if n == 1 || e.single.Load() {
			var g errgroup.Group
			g.SetLimit(singlesAtOnce)
			for i := range calls {
				g.Go(func() error { return e.ask(ctx, eth, calls[i]) })
			}
			return g.Wait()
		}
		err := e.ask(ctx, eth, calls[:n]...)
		switch {
		case err == nil:
			calls = calls[n:]
		case !refusesBatch(err) || ctx.Err() != nil || e.ask(ctx, eth, calls[0]) != nil:
			return err
		default:
			e.batches.Store(int32(n / 2))
		}
	}
	return nil
}

// refusesBatch tells whether an error may be about how many calls there are, not about one of them, nor about how often we ask.
func refusesBatch(err error) bool {
	var status rpc.HTTPError
	var said *callError
	switch {
	case errors.As(err, &status):
		return status.StatusCode != http.StatusTooManyRequests
	case errors.As(err, &said):
		return said.code == -32600 || strings.Contains(strings.ToLower(said.message), "batch")
	}
	// half of an answer is not valid, either
	return errors.Is(err, event.ErrTooLarge) || errors.Is(err, errJSON) || strings.Contains(err.Error(), "its answer lacks")
}
