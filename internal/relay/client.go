package relay

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
)

const (
	patience   = 10 * time.Second // for one answer, unless it is configured
	maxAnswer  = 1 << 20          // in bytes
	maxMessage = 200              // bytes of what a relay says that are shown
	retryAfter = 5 * time.Second  // when a relay that has too much to do does not say when
	maxRetry   = 10 * time.Minute // how long one may ask to be left alone
)

// client speaks JSON-RPC over HTTP with one server.
type client struct {
	name    string
	url     *url.URL
	timeout time.Duration
	http    *http.Client
	now     func() time.Time

	mu        sync.Mutex
	notBefore time.Time // the server wants no request until then
}

var errRedirect = errors.New("redirect")

// newClient makes one for a server that is reached over https, or on this machine.
func newClient(name, raw string, timeout time.Duration) (*client, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.Fragment != "" || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		// the URL, which may hold a key, is not shown
		return nil, fmt.Errorf("the URL of relay %s must begin with https://, or with http:// for one on this machine: correct it", name)
	}
	if timeout == 0 {
		timeout = patience
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = maxAnswer
	return &client{
		name: name, url: u, timeout: timeout, now: time.Now,
		http: &http.Client{
			Transport: transport,
			// what follows a redirect would take a transaction, and a credential, to somebody else
			CheckRedirect: func(*http.Request, []*http.Request) error { return errRedirect },
		},
	}, nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// rpcError is an error of JSON-RPC. Some servers give a text in its place.
type rpcError struct {
	Code    int
	Message string
}

func (e *rpcError) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		return json.Unmarshal(raw, &e.Message)
	}
	var object struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(raw, &object); err != nil {
		return err
	}
	e.Code, e.Message = object.Code, object.Message
	return nil
}

// header is one that a request needs. Its value is in no error.
type header struct{ key, value string }

// call asks for one method, and returns the result. authorize is given the very bytes that are sent, and may be nil.
func (c *client) call(ctx context.Context, method string, params any, authorize func(ctx context.Context, body []byte) (header, error)) (json.RawMessage, error) {
	body, err := json.Marshal(struct {
		Version string `json:"jsonrpc"`
		ID      int    `json:"id"`
		Method  string `json:"method"`
		Params  any    `json:"params"`
	}{"2.0", 1, method, params})
	if err != nil {
		return nil, &failure{relay: c.name, kind: ErrUnsent, why: fmt.Sprintf("was not asked: encode %s: %v", method, err)}
	}
	request, err := http.NewRequest(http.MethodPost, c.url.String(), bytes.NewReader(body)) //nolint:noctx // it is given in do
	if err != nil {
		return nil, &failure{relay: c.name, kind: ErrUnsent, why: "has a URL that cannot be asked: correct it"}
	}
	request.Header.Set("Content-Type", "application/json")
	var secret string
	if authorize != nil {
		h, err := authorize(ctx, body)
		if err != nil {
			return nil, &failure{relay: c.name, kind: ErrUnsent, why: fmt.Sprintf("was not asked: %v", err), cause: err}
		}
		request.Header.Set(h.key, h.value)
		secret = h.value
	}
	status, answer, err := c.do(ctx, request)
	if err != nil {
		return nil, err
	}
	var response struct {
		Result json.RawMessage `json:"result"`
		Error  *rpcError       `json:"error"`
	}
	isJSON := json.Unmarshal(answer, &response) == nil
	switch {
	case isJSON && response.Error != nil:
		return nil, c.said(status, *response.Error, secret)
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return nil, refused(c.name, "does not accept the credentials (HTTP status %d): check the key that is configured for it", status)
	case status >= 500:
		return nil, inDoubt(c.name, fmt.Sprintf("answers with HTTP status %d: wait, or configure another relay after it", status))
	case status != http.StatusOK:
		return nil, refused(c.name, "answers with HTTP status %d: check its URL", status)
	case !isJSON || len(response.Result) == 0 || string(response.Result) == "null":
		return nil, inDoubt(c.name, "gives an answer that is not one of JSON-RPC: check its URL")
	}
	return response.Result, nil
}

// get asks for a document, whatever the status is that comes with it.
func (c *client) get(ctx context.Context, path string) (int, []byte, error) {
	request, err := http.NewRequest(http.MethodGet, c.url.JoinPath(path).String(), http.NoBody) //nolint:noctx // it is given in do
	if err != nil {
		return 0, nil, &failure{relay: c.name, kind: ErrUnsent, why: "has a URL that cannot be asked: correct it"}
	}
	return c.do(ctx, request)
}

// do sends a request, unless the server has asked to be left alone, and reads the answer.
func (c *client) do(ctx context.Context, request *http.Request) (status int, body []byte, err error) {
	if until := c.until(); c.now().Before(until) {
		return 0, nil, c.limited(until)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, errTimeout)
	defer cancel()
	request = request.WithContext(ctx)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "lockstep")
	response, err := c.http.Do(request)
	if err != nil {
		return 0, nil, c.unanswered(ctx, err)
	}
	defer func() { _ = response.Body.Close() }() // all that is needed was read
	if wait, limited := c.wait(response); limited {
		until := c.now().Add(wait)
		c.mu.Lock()
		c.notBefore = until
		c.mu.Unlock()
		return 0, nil, c.limited(until)
	}
	body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return 0, nil, c.unanswered(ctx, err)
	case len(body) > maxAnswer:
		return 0, nil, inDoubt(c.name, fmt.Sprintf("gives an answer larger than %d MB: check its URL", maxAnswer>>20))
	}
	return response.StatusCode, body, nil
}

func (c *client) until() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.notBefore
}

// wait tells whether a server has too much to do, and for how long it wants to be left alone (RFC 9110, section 10.2.3).
func (c *client) wait(r *http.Response) (time.Duration, bool) {
	after := r.Header.Get("Retry-After")
	if r.StatusCode != http.StatusTooManyRequests && (r.StatusCode != http.StatusServiceUnavailable || after == "") {
		return 0, false
	}
	wait := retryAfter
	if seconds, err := strconv.ParseUint(after, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(after); err == nil {
		wait = at.Sub(c.now())
	}
	return min(max(wait, 0), maxRetry), true
}

func (c *client) limited(until time.Time) error {
	return &failure{
		relay: c.name, kind: ErrUnsent, until: until,
		why: fmt.Sprintf("wants no more requests until %s: wait, or configure another relay after it", until.UTC().Format(time.TimeOnly)),
	}
}

var errTimeout = errors.New("timeout")

// unanswered says why there is no answer. Errors of net/http may hold the URL, so they are not shown.
func (c *client) unanswered(ctx context.Context, err error) error {
	var (
		connection  *net.OpError
		name        *net.DNSError
		certificate *tls.CertificateVerificationError
	)
	switch {
	case errors.Is(context.Cause(ctx), errTimeout):
		return inDoubt(c.name, fmt.Sprintf("gave no answer in %s: wait, or configure another relay after it", c.timeout))
	case ctx.Err() != nil:
		return &failure{relay: c.name, kind: ErrInDoubt, why: "was not waited for", cause: ctx.Err()}
	case errors.Is(err, errRedirect):
		return refused(c.name, "sends elsewhere, and nothing was sent there: if you trust where, configure that URL")
	case errors.As(err, &name):
		return &failure{relay: c.name, kind: ErrUnsent, why: "has a host name that cannot be found: check its URL and the connection"}
	case errors.As(err, &certificate):
		return &failure{relay: c.name, kind: ErrUnsent, why: "shows a certificate that this machine does not trust: check its URL"}
	case errors.As(err, &connection) && connection.Op == "dial":
		return &failure{relay: c.name, kind: ErrUnsent, why: fmt.Sprintf("cannot be reached (%v): check its URL and the connection", connection.Err)}
	}
	return inDoubt(c.name, "ended the connection before it had answered: wait, or configure another relay after it")
}

var (
	limitText = regexp.MustCompile(`rate.?limit|too many requests|limit exceeded|quota`)
	// evmLimit finds limits that the transaction exceeds, not the caller.
	evmLimit = regexp.MustCompile(`\b(gas|size|depth|stack) limit`)
)

// said is what a server answered in the words of JSON-RPC.
func (c *client) said(status int, e rpcError, secret string) error {
	message := c.clean(e.Message, secret)
	limits := e.Code == -32005 || e.Code == -32029 || e.Code == http.StatusTooManyRequests || limitText.MatchString(strings.ToLower(message))
	switch {
	case limits && !evmLimit.MatchString(strings.ToLower(message)):
		until := c.now().Add(retryAfter)
		c.mu.Lock()
		c.notBefore = until
		c.mu.Unlock()
		return c.limited(until)
	case e.Code == -32603 || status >= 500: // it failed, wherever that was
		return inDoubt(c.name, "says that it failed ("+message+"): wait, or configure another relay after it")
	}
	return refused(c.name, "refuses (%s)", message)
}

// urlText finds URLs, whosever.
var urlText = regexp.MustCompile(`[a-zA-Z]+://\S+`)

// clean takes out of a server's words what is nobody's business, and what a terminal might obey.
func (c *client) clean(message, secret string) string {
	hide := []string{secret, c.url.String(), c.url.RequestURI(), c.url.Host, c.url.Hostname(), c.url.User.String()}
	for _, values := range c.url.Query() {
		hide = append(hide, values...)
	}
	for _, part := range strings.FieldsFunc(c.url.Path+":"+c.url.User.String()+":"+secret, func(r rune) bool { return r == '/' || r == ':' }) {
		if len(part) > 7 { // shorter ones are words
			hide = append(hide, part)
		}
	}
	message = urlText.ReplaceAllString(message, "[hidden]")
	for _, h := range hide {
		if len(h) > 1 {
			message = strings.ReplaceAll(message, h, "[hidden]")
		}
	}
	message = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, message)
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "") + "..."
	}
	if message == "" {
		return "it does not say why"
	}
	return message
}
