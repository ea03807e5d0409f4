// Package chain talks to one EVM network through one or more JSON-RPC endpoints. One good endpoint is enough.
//
// What a node says about the call itself (a revert, a refused transaction) is an answer and is returned as it is. All else
// is a failure of the endpoint, and the next one is asked: no connection, no answer in time, an HTTP error, a rate limit,
// what is not JSON or not of the right type, a block that it has not seen. Every endpoint must prove its chain id before it
// is used, and again after it failed; one of another chain is never used. One that has another block in the place of a final one that others have is not
// used for a while (Left).
//
// Endpoints are asked in this order:
//
//  1. those that are behind go after all others;
//  2. of these, those that failed within the last 30 s go after those that did not;
//  3. of these, the one that answered last goes first, and one that fails twice in a row goes last.
//
// So a slow endpoint costs its timeout once, and does not come back to the front because another failed once. Nobody is
// taken off the list: the last one is still better than none.
//
// Who is behind shows by comparison: at first, then every 15 s of use, and whenever the endpoint in front fails or its head
// is before a block that has been seen, Head asks all endpoints at once. Between comparisons it asks one.
//
// Reads name their block, by hash where nodes take one, so that several reads speak of one state, whichever endpoint
// answers. A receipt or a transaction counts as not found only when every endpoint that answers says so, and a transaction
// as refused only when every endpoint refuses it or its nonce is used.
package chain

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/ethclient"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// DefaultTimeout bounds one call to one endpoint.
const DefaultTimeout = 10 * time.Second

// Config says how to reach a network.
type Config struct {
	Name    string
	ChainID uint64
	URLs    []string // http, https, ws or wss
	Legacy  bool     // fees are gas prices, whatever the blocks say
	L1Fee   string   // how the network charges for data on another chain, as in the catalogue; see DataGas and DataFee
	Timeout time.Duration
}

// Client is one network. It is safe for concurrent use.
type Client struct {
	name       string
	names      []string // of the endpoints
	chainID    uint64
	timeout    time.Duration
	brief      time.Duration // how long endpoints that may be slow are waited for when another has answered
	round      chan struct{} // holds a token while endpoints are compared
	l1Fee      string
	legacyFees bool

	mu        sync.Mutex
	endpoints []*endpoint // the one that answered last comes first; see order
	compared  time.Time   // when the endpoints were compared last; zero if that is due
	rounds    int         // how often they were
	newest    Block       // what that found
	seen      uint64      // the number of the newest block since, by heads and receipts
}

// New returns a client. Nothing is asked of the endpoints yet.
func New(cfg Config) (*Client, error) {
	if len(cfg.URLs) == 0 {
		return nil, fmt.Errorf("network %s has no RPC endpoint", cfg.Name)
	}
	c := &Client{
		name: cfg.Name, chainID: cfg.ChainID, timeout: cfg.Timeout, l1Fee: cfg.L1Fee, legacyFees: cfg.Legacy, round: make(chan struct{}, 1),
	}
	if c.timeout == 0 {
		c.timeout = DefaultTimeout
	}
	c.brief = min(time.Second, c.timeout/10)
	for _, raw := range cfg.URLs {
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("network %s: an RPC endpoint is not a URL", cfg.Name) // the text may be secret
		}
		switch u.Scheme {
		case "http", "https", "ws", "wss":
		default:
			return nil, fmt.Errorf("network %s: RPC endpoint %s://%s: want http, https, ws or wss", cfg.Name, u.Scheme, u.Host)
		}
		label := u.Scheme + "://" + u.Host
		if n := c.labelled(label); n > 0 {
			label = fmt.Sprintf("%s (%d)", label, n+1)
		}
		c.names = append(c.names, label)
		c.endpoints = append(c.endpoints, newEndpoint(label, raw))
	}
	return c, nil
}

// labelled tells how many endpoints have a label, but for what tells them apart.
func (c *Client) labelled(label string) (n int) {
	for _, e := range c.endpoints {
		if e.label == label || strings.HasPrefix(e.label, label+" (") {
			n++
		}
	}
	return n
}

// Name is the network's name in the configuration.
func (c *Client) Name() string { return c.name }

// ChainID is the id that every endpoint must have.
func (c *Client) ChainID() uint64 { return c.chainID }

// Close ends the connections.
func (c *Client) Close() {
	for _, e := range c.order() {
		e.close()
	}
}

// do runs a call on the first endpoint that can answer it.
func (c *Client) do(ctx context.Context, what string, call func(context.Context, *ethclient.Client) error) error {
	return c.doOn(ctx, what, func(ctx context.Context, _ *endpoint, eth *ethclient.Client) error { return call(ctx, eth) })
}

// doOn is do for a call that asks the endpoint past go-ethereum's client.
func (c *Client) doOn(ctx context.Context, what string, call func(context.Context, *endpoint, *ethclient.Client) error) error {
	var failures []failure
	for _, e := range c.order() {
		start := time.Now()
		err := c.try(ctx, e, c.timeout, func(ctx context.Context, eth *ethclient.Client) error { return call(ctx, e, eth) })
		late := time.Since(start) >= c.brief
		switch {
		case err == nil:
			c.answered(e, late)
			return nil
		case isAnswer(err):
			c.answered(e, late)
			return fmt.Errorf("%s on %s: %w", what, c.name, err)
		case ctx.Err() != nil:
			return fmt.Errorf("%s on %s: %w", what, c.name, ctx.Err())
		}
		c.failed(e)
		failures = append(failures, failure{e, err})
	}
	return c.unavailable(what, failures)
}

// find looks something up by its hash: on one endpoint after the other, until one has it. The error is ethereum.NotFound
// only if every endpoint that answers says so, of which the first is returned, nil if there is none.
func (c *Client) find(ctx context.Context, what string, call func(context.Context, *ethclient.Client) error) (*endpoint, error) {
	var lacks *endpoint
	var failures []failure
	for _, e := range c.order() {
		timeout := c.timeout
		if lacks != nil && c.resting(e) {
			timeout = c.brief // else each look for what is not there yet would cost the whole of it
		}
		err := c.try(ctx, e, timeout, call)
		switch {
		case err == nil:
			if lacks == nil { // else who is right has yet to be seen
				c.answered(e, false)
			}
			return lacks, nil
		case errors.Is(err, ethereum.NotFound):
			if lacks == nil {
				lacks = e
			}
		case ctx.Err() != nil:
			return lacks, fmt.Errorf("%s on %s: %w", what, c.name, ctx.Err())
		default:
			c.failed(e)
			failures = append(failures, failure{e, err})
		}
	}
	if lacks != nil {
		return lacks, fmt.Errorf("%s on %s: %w", what, c.name, ethereum.NotFound)
	}
	return nil, c.unavailable(what, failures)
}

// try runs a call on one endpoint.
func (c *Client) try(ctx context.Context, e *endpoint, timeout time.Duration, call func(context.Context, *ethclient.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	eth, err := e.connect(ctx, c.chainID, c.lastFailure(e))
	if err != nil {
		return err
	}
	return call(ctx, eth)
}

// failure is why an endpoint gave no answer.
type failure struct {
	endpoint *endpoint
	err      error
}

// unavailable says why no endpoint answers. The error is marked as a mistake of the configuration, which does not pass,
// only if every endpoint is of another chain: otherwise the good one may just be down.
func (c *Client) unavailable(what string, failures []failure) error {
	wrong := 0
	for _, f := range failures {
		if isWrongChain(f.err) {
			wrong++
		}
	}
	causes := make([]error, len(failures))
	for i, f := range failures {
		causes[i] = fmt.Errorf("%s: %w", f.endpoint.label, redact(f.err))
		if isWrongChain(f.err) && wrong < len(failures) {
			causes[i] = errors.New(causes[i].Error())
		}
	}
	return fmt.Errorf("%s on %s: %w: %w", what, c.name, rollout.ErrUnavailable, errors.Join(causes...))
}
