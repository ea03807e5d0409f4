package chain

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/ethclient"

	"github.com/seed-b6a97670/lockstep/internal/event"
)

// resubscribe is how long a subscription that failed is left alone.
const resubscribe = 15 * time.Second

// Heads tells of new blocks until ctx ends: as nodes announce them, if an endpoint is ws or wss, and else, or while that fails, by asking every
// interval. What is announced is also asked for when nothing has come for a while: a connection that is dead can look like a chain that rests. Who is slow
// to take them is told the newest alone.
func (c *Client) Heads(ctx context.Context, interval time.Duration) <-chan event.Header {
	return (&watch{client: c, interval: interval, again: resubscribe, silence: max(3*interval, time.Second)}).start(ctx)
}

type watch struct {
	client   *Client
	interval time.Duration
	again    time.Duration // after what time without a subscription one is tried again
	silence  time.Duration // after what time without an announcement the newest block is asked for
	out      chan event.Header
	last     event.Header // that was told
}

func (w *watch) start(ctx context.Context) <-chan event.Header {
	w.out = make(chan event.Header, 1)
	go func() {
		defer close(w.out)
		w.run(ctx)
	}()
	return w.out
}

// tell puts a head where it is taken from, in the place of one that was not.
func (w *watch) tell(h event.Header) {
	if h.Hash == w.last.Hash {
		return
	}
	w.last = h
	select {
	case <-w.out:
	default:
	}
	w.out <- h // there is room: nobody else puts anything there
}

func (w *watch) run(ctx context.Context) {
	for ctx.Err() == nil {
		if e := w.client.announcer(); e != nil {
			w.subscribed(ctx, e)
		}
		w.polled(ctx, w.again)
	}
}

// announcer is the first endpoint that can announce blocks, nil if there is none.
func (c *Client) announcer() *endpoint {
	for _, e := range c.order() {
		if strings.HasPrefix(e.url, "ws") {
			return e
		}
	}
	return nil
}

// polled asks for the newest block for some time.
func (w *watch) polled(ctx context.Context, d time.Duration) {
	until := time.Now().Add(d)
	tick := time.NewTicker(w.interval)
	defer tick.Stop()
	for {
		w.poll(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if w.client.announcer() != nil && time.Now().After(until) {
			return
		}
	}
}

// poll asks for the newest block, and tells whether it is after the last one that was told.
func (w *watch) poll(ctx context.Context) (newer bool) {
	head, err := w.client.Latest(ctx)
	if err != nil {
		return false // whoever reads blocks finds out, and says so
	}
	newer = head.Number > w.last.Number
	w.tell(head)
	return newer
}

// subscribed is told by an endpoint until that fails, or says nothing of a block that another way shows.
func (w *watch) subscribed(ctx context.Context, e *endpoint) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	heads := make(chan json.RawMessage, 16)
	var failed <-chan error
	err := w.client.try(ctx, e, w.client.timeout, func(request context.Context, eth *ethclient.Client) error {
		sub, err := eth.Client().EthSubscribe(request, heads, "newHeads")
		if err == nil {
			failed = sub.Err()
			context.AfterFunc(ctx, sub.Unsubscribe)
		}
		return err
	})
	if err != nil {
		if ctx.Err() == nil {
			w.client.failed(e)
		}
		return
	}
	w.poll(ctx) // what came before
	quiet := time.NewTimer(w.silence)
	defer quiet.Stop()
	missed := false // a block was found that was not announced, and may be yet
	for {
		select {
		case <-ctx.Done():
			return
		case <-failed: //nolint:errcheck // whatever it was, it is over
			w.client.failed(e)
			return
		case raw := <-heads:
			var h event.Header
			if found, err := readHeader(&scanner{in: raw}, &h); err != nil || !found {
				w.client.failed(e)
				return
			}
			w.tell(h)
			missed = false
			quiet.Reset(w.silence)
		case <-quiet.C:
			if missed {
				w.client.failed(e)
				return
			}
			missed = w.poll(ctx)
			quiet.Reset(w.silence)
		}
	}
}
