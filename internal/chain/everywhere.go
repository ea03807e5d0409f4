package chain

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
)

// Reply is what one endpoint has said when all were asked at once.
type Reply struct {
	Endpoint string // without what may be secret
	Out      []byte // of a call
	Took     time.Duration
	Err      error
}

// SendAll gives a signed transaction to every endpoint at once, and tells what each has said as it comes: no error means that the endpoint has it.
// It returns when all have answered, or their time is over: whoever needs the first alone goes on when that is told, and lets the others end.
//
// Unlike elsewhere an endpoint need not have proven its chain: the signature is for one chain alone, and so another one refuses it, or has no use
// for it. That saves a round trip where each counts.
func (c *Client) SendAll(ctx context.Context, tx *types.Transaction, told func(Reply)) error {
	raw, err := tx.MarshalBinary()
	if err != nil {
		return fmt.Errorf("send %s on %s: %w", tx.Hash(), c.name, err)
	}
	c.everywhere(ctx, c.timeout, told, func(ctx context.Context, eth *ethclient.Client) ([]byte, error) {
		var hash common.Hash
		err := eth.Client().CallContext(ctx, &hash, "eth_sendRawTransaction", hexutil.Encode(raw))
		switch {
		case err != nil && alreadyKnown(err):
			return nil, nil
		case err == nil && hash != tx.Hash():
			err = fmt.Errorf("it answers with the hash of another transaction, %s", hash)
		}
		return nil, err
	})
	return nil
}

// CallAll runs a call on the newest state of every endpoint at once, and tells what each has said as it comes. It returns when all have
// answered, or the time is over.
func (c *Client) CallAll(ctx context.Context, timeout time.Duration, msg ethereum.CallMsg, told func(Reply)) {
	c.everywhere(ctx, timeout, told, func(ctx context.Context, eth *ethclient.Client) ([]byte, error) {
		return eth.CallContract(ctx, msg, nil)
	})
}

// everywhere asks all endpoints at once. told is called by one goroutine at a time.
func (c *Client) everywhere(ctx context.Context, timeout time.Duration, told func(Reply), ask func(context.Context, *ethclient.Client) ([]byte, error)) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var asked sync.WaitGroup
	var telling sync.Mutex
	for _, e := range c.order() {
		asked.Go(func() {
			start := time.Now()
			out, err := c.askOne(ctx, e, ask)
			if err != nil {
				err = redact(err)
			}
			telling.Lock()
			defer telling.Unlock()
			told(Reply{e.label, out, time.Since(start), err})
		})
	}
	asked.Wait()
}

func (c *Client) askOne(ctx context.Context, e *endpoint, ask func(context.Context, *ethclient.Client) ([]byte, error)) ([]byte, error) {
	eth, err := e.reach(ctx)
	if err != nil {
		return nil, err
	}
	return ask(ctx, eth)
}
