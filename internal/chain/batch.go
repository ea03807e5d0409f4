package chain

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
	"golang.org/x/sync/errgroup"
)

// batchSize is how many requests one batch has at most; endpoints may take fewer, or none.
const batchSize = 100

// singlesAtOnce bounds the requests in flight to an endpoint that takes no batches.
const singlesAtOnce = 4

// batch sends requests in as few batches as the endpoint takes. How many it takes in one is found out once: what is refused is halved,
// until each request goes alone, if the first of them is answered alone. The error of each request is in its Error.
func (e *endpoint) batch(ctx context.Context, eth *ethclient.Client, requests []rpc.BatchElem) error {
	for len(requests) > 0 {
		n := min(int(e.batches.Load()), len(requests))
		if n == 1 {
			return singles(ctx, eth, requests)
		}
		part := requests[:n]
		err := eth.Client().BatchCallContext(ctx, part)
		if err == nil && !refusesBatch(part) {
			requests = requests[n:]
			continue
		}
		if limited(err) || ctx.Err() != nil {
			return err
		}
		// is it that there are many, or the endpoint?
		first := eth.Client().CallContext(ctx, part[0].Result, part[0].Method, part[0].Args...)
		switch {
		case first == nil:
			e.batches.Store(int32(n / 2))
		case err == nil: // each has its error
			requests = requests[n:]
		default:
			return err
		}
	}
	return nil
}

func singles(ctx context.Context, eth *ethclient.Client, requests []rpc.BatchElem) error {
	var g errgroup.Group
	g.SetLimit(singlesAtOnce)
	for i := range requests {
		r := &requests[i]
		g.Go(func() error {
			r.Error = eth.Client().CallContext(ctx, r.Result, r.Method, r.Args...)
			var rpcErr rpc.Error
			if r.Error != nil && !errors.As(r.Error, &rpcErr) {
				return r.Error
			}
			return nil
		})
	}
	return g.Wait()
}

// refusesBatch tells whether an answer may be one to the batch, not to its requests: none has a result, or some have no answer.
func refusesBatch(requests []rpc.BatchElem) bool {
	failed := func(r rpc.BatchElem) bool { return r.Error != nil }
	missing := func(r rpc.BatchElem) bool { return errors.Is(r.Error, rpc.ErrMissingBatchResponse) }
	return slices.ContainsFunc(requests, missing) || !slices.ContainsFunc(requests, func(r rpc.BatchElem) bool { return !failed(r) })
}

// limited tells whether an endpoint has had enough of us for now, which says nothing about batches.
func limited(err error) bool {
	var status rpc.HTTPError
	return errors.As(err, &status) && status.StatusCode == http.StatusTooManyRequests
}
