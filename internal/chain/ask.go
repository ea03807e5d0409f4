package chain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"

	"github.com/seed-b6a97670/lockstep/internal/event"
)

// call is one that is asked in a batch with others, and how its result is read. Results are read as they stand in the body: into
// go-ethereum's types that costs three times as much.
type call struct {
	method string
	params string // JSON
	read   func(*scanner) error
}

// callError is what a node says of one call.
type callError struct {
	code    int
	message string
	data    any
}

func (e *callError) Error() string  { return e.message }
func (e *callError) ErrorCode() int { return e.code }
func (e *callError) ErrorData() any { return e.data }

// ask sends calls to an endpoint as one batch, so that one node answers all of them.
func (e *endpoint) ask(ctx context.Context, eth *ethclient.Client, calls ...call) error {
	if strings.HasPrefix(e.url, "ws") {
		return askByClient(ctx, eth.Client(), calls)
	}
	if len(calls) == 1 || e.single.Load() {
		for _, c := range calls {
			if err := e.post(ctx, requestOf(c, 1), func(s *scanner) error { return readBatch(s, []call{c}) }); err != nil {
				return err
			}
		}
		return nil
	}
	var b bytes.Buffer
	for i, c := range calls {
		b.WriteByte("[,"[min(i, 1)])
		b.Write(requestOf(c, i+1))
	}
	b.WriteByte(']')
	err := e.post(ctx, b.Bytes(), func(s *scanner) error { return readBatch(s, calls) })
	if errors.Is(err, errNoBatch) {
		e.single.Store(true)
		return e.ask(ctx, eth, calls...)
	}
	return err
}

func requestOf(c call, id int) []byte {
	return fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`, id, c.method, c.params)
}

// askByClient does the same over a connection that go-ethereum's client reads.
func askByClient(ctx context.Context, client *rpc.Client, calls []call) error {
	batch := make([]rpc.BatchElem, len(calls))
	results := make([]json.RawMessage, len(calls))
	for i, c := range calls {
		var params []json.RawMessage
		if err := json.Unmarshal([]byte(c.params), &params); err != nil {
			return err
		}
		args := make([]any, len(params))
		for j, p := range params {
			args[j] = p
		}
		batch[i] = rpc.BatchElem{Method: c.method, Args: args, Result: &results[i]}
	}
	if err := client.BatchCallContext(ctx, batch); err != nil {
		return err
	}
	for i, c := range calls {
		if batch[i].Error != nil {
			return batch[i].Error
		}
		if err := c.read(&scanner{in: results[i]}); err != nil {
			return err
		}
	}
	return nil
}

var (
	// buffers are for bodies, which are large and many.
	buffers = sync.Pool{New: func() any { return new([]byte) }}
	// remote compresses, nearby does not: on the machine itself, and in its network, to unpack costs more than to read.
	remote = &http.Client{Transport: limitTransport{pooled(false)}}
	nearby = &http.Client{Transport: limitTransport{pooled(true)}}
)

// maxBuffer is how large a buffer may be that is kept for another body.
const maxBuffer = 16 << 20

func pooled(plain bool) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost, t.DisableCompression, t.ReadBufferSize = 16, plain, 64<<10
	return t
}

func httpClient(raw string) *http.Client {
	u, err := url.Parse(raw)
	if err != nil {
		return remote
	}
	host := u.Hostname()
	if a, err := netip.ParseAddr(host); host == "localhost" || err == nil && (a.IsLoopback() || a.IsPrivate()) {
		return nearby
	}
	return remote
}

// post sends a request and reads its answer.
func (e *endpoint) post(ctx context.Context, request []byte, read func(*scanner) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(request))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := httpClient(e.url).Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // read to its end, or given up
	buffer := buffers.Get().(*[]byte)
	defer func() {
		if cap(*buffer) <= maxBuffer {
			buffers.Put(buffer)
		}
	}()
	if *buffer, err = readAll(resp.Body, resp.ContentLength, (*buffer)[:0]); err != nil {
		return err
	}
	if len(*buffer) >= maxResponse {
		return event.ErrTooLarge
	}
	s := &scanner{in: *buffer}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		if c := s.peek(); c == '{' || c == '[' { // some say what is wrong with the call with a status of HTTP as well
			if err := read(s); err != nil && !errors.Is(err, errJSON) {
				return err
			}
		}
		if resp.StatusCode == http.StatusRequestEntityTooLarge {
			return event.ErrTooLarge
		}
		return rpc.HTTPError{StatusCode: resp.StatusCode, Status: resp.Status}
	}
	return read(s)
}

// readAll reads a body into a buffer. Its length is -1 if it is not known.
func readAll(r io.Reader, length int64, out []byte) ([]byte, error) {
	if n := min(length, maxResponse); int64(cap(out)) <= n {
		out = make([]byte, 0, n+1)
	}
	for {
		if len(out) == cap(out) {
			grown := make([]byte, len(out), max(64<<10, 2*cap(out)))
			copy(grown, out)
			out = grown
		}
		n, err := r.Read(out[len(out):cap(out)])
		out = out[:len(out)+n]
		switch {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return out, err
		}
	}
}

// errNoBatch says that one error was the answer to a batch.
var errNoBatch = errors.New("it takes no batches")

// readBatch reads the answer to calls: an array, or for one call an object. A node that takes no batches gives one error for all of it.
func readBatch(s *scanner, calls []call) error {
	answered := make([]bool, len(calls))
	var said *callError // the first; the other answers are read all the same
	one := func() error {
		failure, err := readAnswer(s, calls, answered)
		if said == nil {
			said = failure
		}
		return err
	}
	batch := s.peek() == '['
	read := one
	if batch {
		read = func() error { return s.array(one) }
	}
	if err := read(); err != nil {
		return err
	}
	switch {
	case s.peek() != 0:
		return errJSON
	case said != nil && !batch && len(calls) > 1 && !limitText.MatchString(strings.ToLower(said.message)):
		return errNoBatch
	case said != nil:
		return said
	}
	if i := slices.Index(answered, false); i >= 0 {
		return fmt.Errorf("its answer lacks that of %s", calls[i].method)
	}
	return nil
}

// readAnswer reads the answer to one call. Nodes give the id before the result, which can then be read as it comes; else, and if it is null, as
// beside an error, it is read at the end.
func readAnswer(s *scanner, calls []call, answered []bool) (failure *callError, err error) {
	id, later := 0, -1
	result := func(s *scanner) error {
		if id < 1 || id > len(calls) || answered[id-1] {
			return errors.New("its answer is to another request")
		}
		answered[id-1] = true
		return calls[id-1].read(s)
	}
	err = s.object(func(name []byte) (err error) {
		switch string(name) {
		case "id":
			start := s.at
			if err := s.skip(); err != nil {
				return err
			}
			id, _ = strconv.Atoi(strings.Trim(string(s.in[start:s.at]), "\" \t\r\n")) // 0 is nobody's
			return nil
		case "result":
			if later = s.at; id > 0 && s.peek() != 'n' {
				later = -1
				return result(s)
			}
		case "error":
			if s.peek() != 'n' {
				failure, err = readError(s)
				return err
			}
		}
		return s.skip()
	})
	switch {
	case err != nil:
		return nil, err
	case failure != nil:
		return failure, nil
	case later >= 0:
		return nil, result(&scanner{in: s.in[:s.at], at: later})
	}
	return nil, nil
}

func readError(s *scanner) (*callError, error) {
	start := s.at
	if err := s.skip(); err != nil {
		return nil, err
	}
	raw := s.in[start:s.at]
	var e struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Data    any    `json:"data"`
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return &callError{message: string(raw[:min(len(raw), 200)])}, nil // some give a text
	}
	return &callError{e.Code, e.Message, e.Data}, nil
}
