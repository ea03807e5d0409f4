// Package badnode stands before a real node and misbehaves as endpoints in the field do, so that tests can show that the
// program gets along with it. What it does not spoil comes from the node.
package badnode

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"
)

// Fault is a way to misbehave.
type Fault string

// The faults. Where the node is asked although its answer is spoilt, a transaction is sent and only the answer gets lost.
const (
	None       Fault = "none"
	Dead       Fault = "dead"                     // ends the connection
	Hanging    Fault = "hanging"                  // takes the request and never answers
	Slow       Fault = "slow"                     // answers after a second
	Lagging    Fault = "lagging"                  // stays at the block at which it was started; see StayHere
	WrongChain Fault = "wrong chain"              // has another chain id
	TooMany    Fault = "HTTP 429"                 // a rate limit
	Down       Fault = "HTTP 503"                 // maintenance
	Limited    Fault = "JSON-RPC limit"           // a rate limit with a code of its own
	LimitText  Fault = "JSON-RPC limit by text"   // a rate limit that only its text tells
	HTML       Fault = "HTML"                     // a page, with status 200
	Empty      Fault = "empty"                    // no body, with status 200
	Truncated  Fault = "truncated"                // half of the node's answer
	WrongType  Fault = "a result of another type" // after the node was asked
)

// Faults that an endpoint has for some time, or that cost too much time to be among All.
const (
	Delayed   Fault = "answers after 2 s"
	Late      Fault = "answers after 20 s"
	Broken    Fault = "HTTP 500"
	NoReceipt Fault = "no receipts"        // of transactions that are in blocks
	NoLogs    Fault = "no logs"            // in blocks that have some
	FewBlocks Fault = "logs of few blocks" // refuses a request for the logs of more than MostBlocks
	NoBatches Fault = "no batches"
	Elsewhere Fault = "another chain now" // see Endpoint.Other
)

// MostBlocks is of how many blocks an endpoint with the fault FewBlocks gives logs at once.
const MostBlocks = 10

// All are the faults that one of several endpoints may have for good, without None.
func All() []Fault {
	return []Fault{
		Dead, Hanging, Slow, Lagging, WrongChain, TooMany, Down, Limited, LimitText, HTML, Empty, Truncated, WrongType,
	}
}

// Endpoint is a running endpoint.
type Endpoint struct {
	URL   string
	Other string // the URL of a node of another chain, which answers while the fault is Elsewhere

	upstream string
	choose   func(method string) Fault
	server   *httptest.Server
	quit     chan struct{}

	mu    sync.Mutex // while choose is called, too
	stale uint64     // where it stays when it lags
}

// Start starts an endpoint before the node at a URL. For each request, one at a time, it asks what to do wrong. The caller
// must Close it.
func Start(ctx context.Context, upstream string, choose func(method string) Fault) (*Endpoint, error) {
	e := &Endpoint{upstream: upstream, choose: choose, quit: make(chan struct{})}
	if err := e.StayHere(ctx); err != nil {
		return nil, err
	}
	e.server = httptest.NewServer(e)
	e.URL = e.server.URL
	return e, nil
}

// Always is for Start: the same fault for each request.
func Always(f Fault) func(string) Fault { return func(string) Fault { return f } }

// StayHere makes the node's head the block at which the endpoint stays while it lags.
func (e *Endpoint) StayHere(ctx context.Context) error {
	var n hexutil.Uint64
	if err := e.ask(ctx, &n, "eth_blockNumber"); err != nil {
		return fmt.Errorf("read the head of %s: %w", e.upstream, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stale = uint64(n)
	return nil
}

func (e *Endpoint) stay() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stale
}

// Close ends the endpoint and waits for its requests.
func (e *Endpoint) Close() {
	close(e.quit)
	e.server.Close()
}

// request and response are those of JSON-RPC.
type (
	request struct {
		Version string            `json:"jsonrpc"`
		ID      json.RawMessage   `json:"id"`
		Method  string            `json:"method"`
		Params  []json.RawMessage `json:"params"`
	}
	response struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Result  json.RawMessage `json:"result,omitempty"`
		Error   *rpcError       `json:"error,omitempty"`
	}
	rpcError struct {
		Code    int             `json:"code"`
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data,omitempty"`
	}
)

// ServeHTTP answers one request, or fails to.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the client has gone
	}
	reqs, batch, err := requests(body)
	if err != nil {
		http.Error(w, "not a request of JSON-RPC", http.StatusBadRequest)
		return
	}
	e.mu.Lock()
	fault := e.choose(reqs[len(reqs)-1].Method) // what is asked for comes last
	e.mu.Unlock()

	switch fault {
	case Dead:
		panic(http.ErrAbortHandler)
	case Hanging:
		select {
		case <-e.quit:
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler)
	case TooMany:
		http.Error(w, "too many requests", http.StatusTooManyRequests)
		return
	case Down:
		http.Error(w, "maintenance", http.StatusServiceUnavailable)
		return
	case HTML:
		e.write(w, []byte("<!doctype html><title>Welcome</title>"))
		return
	case Empty:
		return
	case Broken:
		http.Error(w, "internal server error", http.StatusInternalServerError)
		return
	case Slow:
		e.wait(r.Context(), time.Second)
	case Delayed:
		e.wait(r.Context(), 2*time.Second)
	case Late:
		e.wait(r.Context(), 20*time.Second)
	}
	answers := make([]response, len(reqs))
	for i, req := range reqs {
		if answers[i], err = e.answer(r.Context(), req, fault); err != nil {
			panic(http.ErrAbortHandler) // the node or the client has gone
		}
	}
	var all any = answers
	switch {
	case !batch:
		all = answers[0]
	case fault == NoBatches:
		all = response{Version: "2.0", ID: json.RawMessage("null"), Error: &rpcError{Code: -32600, Message: "batches are not supported"}}
	}
	raw, err := json.Marshal(all)
	if err != nil {
		panic(err) // it was decoded a moment ago
	}
	if fault == Truncated {
		raw = raw[:len(raw)/2]
	}
	e.write(w, raw)
}

// requests reads one request, or a batch.
func requests(body []byte) (reqs []request, batch bool, err error) {
	if body = bytes.TrimSpace(body); len(body) > 0 && body[0] == '[' {
		if err := json.Unmarshal(body, &reqs); err != nil || len(reqs) == 0 {
			return nil, true, errors.New("not a batch")
		}
		return reqs, true, nil
	}
	var req request
	err = json.Unmarshal(body, &req)
	return []request{req}, false, err
}

func (e *Endpoint) wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-e.quit:
	case <-ctx.Done():
	}
}

func (e *Endpoint) write(w http.ResponseWriter, raw []byte) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(raw) // the client may have gone
}

// answer is what a request gets under a fault that lets it have an answer in JSON.
func (e *Endpoint) answer(ctx context.Context, req request, fault Fault) (response, error) {
	failed := func(code int, message string) (response, error) {
		return response{Version: "2.0", ID: req.ID, Error: &rpcError{Code: code, Message: message}}, nil
	}
	switch fault {
	case Limited:
		return failed(-32005, "daily request count exceeded")
	case LimitText:
		return failed(-32000, "you have exceeded the rate limit of your plan")
	case Lagging:
		return e.lag(ctx, req)
	case FewBlocks:
		if req.Method == "eth_getLogs" && blocksOf(req) > MostBlocks {
			return failed(-32602, fmt.Sprintf("query exceeds max block range %d", MostBlocks))
		}
	}
	upstream := e.upstream
	if fault == Elsewhere {
		upstream = e.Other
	}
	resp, err := forward(ctx, upstream, req)
	switch {
	case err != nil:
		return response{}, err
	case fault == NoReceipt && req.Method == "eth_getTransactionReceipt":
		resp.Result, resp.Error = json.RawMessage("null"), nil
	case fault == NoLogs && req.Method == "eth_getLogs":
		resp.Result, resp.Error = json.RawMessage("[]"), nil
	case fault == WrongType:
		resp.Result, resp.Error = json.RawMessage(`[{}]`), nil
	case fault == WrongChain && req.Method == "eth_chainId":
		resp.Result = json.RawMessage(`"0xdead"`)
	}
	return resp, nil
}

// blocksOf is of how many blocks logs are asked for, as far as it can be told.
func blocksOf(req request) uint64 {
	var filter struct {
		From *hexutil.Uint64 `json:"fromBlock"`
		To   *hexutil.Uint64 `json:"toBlock"`
	}
	if len(req.Params) == 0 || json.Unmarshal(req.Params[0], &filter) != nil || filter.From == nil || filter.To == nil {
		return 0
	}
	return uint64(*filter.To) - uint64(*filter.From) + 1
}

// forward asks the node.
func (e *Endpoint) forward(ctx context.Context, req request) (response, error) {
	return forward(ctx, e.upstream, req)
}

func forward(ctx context.Context, upstream string, req request) (response, error) {
	raw, err := json.Marshal(req)
	if err != nil {
		return response{}, err
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, upstream, bytes.NewReader(raw))
	if err != nil {
		return response{}, err
	}
	post.Header.Set("Content-Type", "application/json")
	got, err := http.DefaultClient.Do(post)
	if err != nil {
		return response{}, err
	}
	defer func() { _ = got.Body.Close() }() // read to its end, or given up
	var resp response
	if err := json.NewDecoder(got.Body).Decode(&resp); err != nil {
		return response{}, err
	}
	return resp, nil
}

// ask asks the node on the endpoint's own behalf.
func (e *Endpoint) ask(ctx context.Context, out any, method string, params ...any) error {
	req := request{Version: "2.0", ID: json.RawMessage("1"), Method: method, Params: []json.RawMessage{}}
	for _, p := range params {
		raw, err := json.Marshal(p)
		if err != nil {
			return err
		}
		req.Params = append(req.Params, raw)
	}
	resp, err := e.forward(ctx, req)
	if err != nil {
		return err
	}
	if resp.Error != nil {
		return errors.New(resp.Error.Message)
	}
	return json.Unmarshal(resp.Result, out)
}
