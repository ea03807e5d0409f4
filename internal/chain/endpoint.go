package chain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
)

// maxResponse bounds what one answer may hold, in bytes.
const maxResponse = 32 << 20

// rest is how long an endpoint that failed goes after those that did not.
const rest = 30 * time.Second

type endpoint struct {
	label string // the URL without what may be secret
	url   string

	turn   chan struct{} // holds a token while somebody connects: what follows is theirs
	eth    *ethclient.Client
	proven time.Time // when its chain id was last seen to be right
	apart  *Block    // that it had another block in the place of, when others had this one
	parted time.Time // when that was

	single  atomic.Bool                      // it takes no batches
	batches atomic.Int32                     // how many calls it takes in one; see gather
	numbers atomic.Bool                      // it takes blocks by number alone; see look
	dialled atomic.Pointer[ethclient.Client] // eth, for whoever cannot wait for the turn

	// of Client.mu
	lacks   map[string]time.Time // methods that it did not have, and when
	failure time.Time            // the last one
	behind  bool                 // when the endpoints were last compared
}

func newEndpoint(label, url string) *endpoint {
	e := &endpoint{label: label, url: url, turn: make(chan struct{}, 1), lacks: map[string]time.Time{}}
	e.batches.Store(batchSize)
	return e
}

// provenFor is how long a chain id is taken to be what it was: somebody may put another node behind a URL, without a failure.
const provenFor = 15 * time.Second

// connect returns the endpoint's client once its chain id is known to be right. It must be proven again after a failure, and after a while:
// another node may answer now.
func (e *endpoint) connect(ctx context.Context, chainID uint64, failure time.Time) (*ethclient.Client, error) {
	select { // a mutex could not be waited for with a deadline, and each caller has its own
	case e.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-e.turn }()
	if err := e.dial(ctx); err != nil {
		return nil, err
	}
	if !e.proven.After(failure) || time.Since(e.proven) > provenFor {
		id, err := e.eth.ChainID(ctx)
		if err != nil {
			return nil, err
		}
		if !id.IsUint64() || id.Uint64() != chainID {
			return nil, &ChainIDError{Endpoint: e.label, Got: id.Uint64(), Want: chainID}
		}
		if e.apart != nil && time.Since(e.parted) < partedFor {
			if b, err := block(ctx, e.eth, hexutil.EncodeUint64(e.apart.Number)); err != nil || b.Hash != e.apart.Hash {
				return nil, &ApartError{Endpoint: e.label, Block: *e.apart}
			}
		}
		e.apart = nil
		e.proven = time.Now()
	}
	return e.eth, nil
}

// partedFor is for how long an endpoint that is apart is not asked: it may have been right, and the others wrong. Then they are compared again.
const partedFor = 10 * time.Minute

// part has the endpoint asked for nothing until it has a block, or some time has passed.
func (e *endpoint) part(b Block) {
	e.turn <- struct{}{}
	defer func() { <-e.turn }()
	e.apart, e.parted, e.proven = &b, time.Now(), time.Time{}
}

// reach returns the endpoint's client, whatever its chain id. It waits for nobody who has that proven.
func (e *endpoint) reach(ctx context.Context) (*ethclient.Client, error) {
	if eth := e.dialled.Load(); eth != nil {
		return eth, nil
	}
	select {
	case e.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-e.turn }()
	if err := e.dial(ctx); err != nil {
		return nil, err
	}
	return e.eth, nil
}

// dial is for whoever has the turn.
func (e *endpoint) dial(ctx context.Context) error {
	if e.eth != nil {
		return nil
	}
	client, err := rpc.DialOptions(ctx, e.url, rpc.WithHTTPClient(&http.Client{Transport: limitTransport{http.DefaultTransport}}),
		rpc.WithWebsocketMessageSizeLimit(maxResponse))
	if err != nil {
		return err
	}
	e.eth = ethclient.NewClient(client)
	e.dialled.Store(e.eth)
	return nil
}

// Doubt has every endpoint prove its chain id again before it is asked for anything else: what it said is not what was expected.
func (c *Client) Doubt() {
	c.mu.Lock()
	all := slices.Clone(c.endpoints)
	c.mu.Unlock()
	for _, e := range all {
		e.turn <- struct{}{}
		e.proven = time.Time{}
		<-e.turn
	}
}

func (e *endpoint) close() {
	e.turn <- struct{}{}
	defer func() { <-e.turn }()
	if e.eth != nil {
		e.eth.Close()
		e.eth, e.proven = nil, time.Time{}
		e.dialled.Store(nil)
	}
}

// ChainIDError says that an endpoint serves another chain than it should.
type ChainIDError struct {
	Endpoint  string
	Got, Want uint64
}

func (e *ChainIDError) Error() string {
	return fmt.Sprintf("endpoint %s has chain id %d, want %d: correct rpc or chainId in lockstep.yaml", e.Endpoint, e.Got, e.Want)
}

// WrongChain marks the error as one that does not pass.
func (e *ChainIDError) WrongChain() {}

func isWrongChain(err error) bool {
	var wrong *ChainIDError
	return errors.As(err, &wrong)
}

// ApartError says that an endpoint has another block in the place of one that was final, and that others have: it serves another chain with the same id,
// or has stayed on a branch that the network has left.
type ApartError struct {
	Endpoint string
	Block    Block
}

func (e *ApartError) Error() string {
	return fmt.Sprintf("endpoint %s has another block %d than the others, which have %s: it is not used until it has that, or for 10 minutes; take it out of rpc in lockstep.yaml, or ask its provider",
		e.Endpoint, e.Block.Number, e.Block.Hash)
}

// order returns the endpoints as they are to be asked.
func (c *Client) order() []*endpoint {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	rank := func(e *endpoint) int {
		switch {
		case e.behind:
			return 2
		case e.rests(now):
			return 1
		}
		return 0
	}
	out := slices.Clone(c.endpoints)
	slices.SortStableFunc(out, func(a, b *endpoint) int { return cmp.Compare(rank(a), rank(b)) })
	return out
}

func (e *endpoint) rests(now time.Time) bool {
	return !e.failure.IsZero() && now.Sub(e.failure) < rest
}

func (c *Client) resting(e *endpoint) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return e.rests(time.Now())
}

func (c *Client) lastFailure(e *endpoint) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return e.failure
}

// answered moves an endpoint to the front, unless it failed a moment ago: then it is to rest. One that was late goes last, so
// that another is tried.
func (c *Client) answered(e *endpoint, late bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.rests(time.Now()) {
		return
	}
	i := slices.Index(c.endpoints, e)
	if late {
		copy(c.endpoints[i:], c.endpoints[i+1:])
		c.endpoints[len(c.endpoints)-1] = e
		return
	}
	copy(c.endpoints[1:i+1], c.endpoints[:i])
	c.endpoints[0] = e
}

// failed lets an endpoint rest.
func (c *Client) failed(e *endpoint) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if e.rests(now) {
		i := slices.Index(c.endpoints, e)
		copy(c.endpoints[i:], c.endpoints[i+1:])
		c.endpoints[len(c.endpoints)-1] = e
	} else {
		// the others may have been behind this one alone
		for _, other := range c.endpoints {
			other.behind = false
		}
		c.compared = time.Time{}
	}
	e.failure = now
}

// limitTransport bounds the size of answers, and asks again when a connection turns out to have been closed before it was used
// again: servers close idle ones without a word.
type limitTransport struct{ next http.RoundTripper }

func (t limitTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	// net/http repeats only what it knows to be idempotent, and whatever is asked here is: reads, and transactions that are signed. A key
	// without a value is not sent.
	r = r.Clone(r.Context())
	r.Header["Idempotency-Key"] = []string{}
	resp, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxResponse), resp.Body}
	return resp, nil
}
