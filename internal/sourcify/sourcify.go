// Package sourcify asks a server with Sourcify's API, in version 2, whether it has the source of a contract.
package sourcify

import (
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
	"strconv"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
)

const (
	patience   = 10 * time.Second // for one question
	maxAnswer  = 1 << 20          // in bytes
	maxForward = 3                // redirects
)

// Match is how well the source that a server has explains the code on the chain.
type Match string

const (
	// NotVerified is of a contract whose source the server does not have.
	NotVerified Match = ""
	// Partial is of source that gives the same code, but for the hash of its metadata: names and comments may differ.
	Partial Match = "match"
	// Exact is of source that gives the same code with the same metadata hash.
	Exact Match = "exact_match"
)

// Client asks one server. It is safe for concurrent use.
type Client struct {
	base    *url.URL
	timeout time.Duration
	http    *http.Client
}

// errBase never shows the URL, which may hold a key.
var errBase = errors.New("the URL of the Sourcify server must be like https://sourcify.dev/server, with http only for a server on this machine: correct it")

// New makes a client of the server at a base URL, to which /v2/contract/... is added. It must be https, but for a server on
// this machine. A user, password and query in it are sent along, and are in no error.
func New(base string) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Hostname() == "" || u.Fragment != "" || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return nil, errBase
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = maxAnswer
	c := &Client{base: u, timeout: patience, http: &http.Client{Transport: transport}}
	c.http.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if r.URL.Scheme != u.Scheme || r.URL.Host != u.Host || len(via) > maxForward {
			return errRedirect
		}
		return nil
	}
	return c, nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

var (
	errRedirect = errors.New("it sends elsewhere: if you trust where, give that URL instead")
	errAnswer   = errors.New("its answer is not one of Sourcify's API in version 2: check the URL of the server")
)

// Verified asks whether the server has the source of a contract. That it does not is no error.
func (c *Client) Verified(ctx context.Context, chainID uint64, address common.Address) (Match, error) {
	m, err := c.verified(ctx, chainID, address)
	if err != nil {
		return NotVerified, fmt.Errorf("ask Sourcify server %s about %s on chain %d: %w", c.base.Host, address, chainID, err)
	}
	return m, nil
}

func (c *Client) verified(ctx context.Context, chainID uint64, address common.Address) (Match, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, fmt.Errorf("no answer in %s: try again later", c.timeout))
	defer cancel()
	chain := strconv.FormatUint(chainID, 10)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base.JoinPath("v2", "contract", chain, address.Hex()).String(), nil)
	if err != nil {
		return "", errBase
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "lockstep")
	response, err := c.http.Do(request)
	if err != nil {
		return "", cause(ctx, err)
	}
	defer func() { _ = response.Body.Close() }() // all that is needed was read
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return "", cause(ctx, err)
	case len(body) > maxAnswer:
		return "", fmt.Errorf("its answer is larger than %d MB: check the URL of the server", maxAnswer>>20)
	}
	switch code := response.StatusCode; {
	case code == http.StatusOK, code == http.StatusNotFound:
		return parse(body, code, chain, address)
	case code == http.StatusTooManyRequests:
		return "", fmt.Errorf("it answers with %s: wait a minute, and try again", status(code))
	case code >= 500:
		return "", fmt.Errorf("it answers with %s: try again later", status(code))
	default:
		return "", fmt.Errorf("it answers with %s: check the URL of the server, and the key if it has one", status(code))
	}
}

// parse reads an answer. The server says that it has no source of a contract with status 404, but with the same words; other
// servers, and this one about chains that it does not know, say something else with it.
func parse(body []byte, code int, chain string, address common.Address) (Match, error) {
	var answer struct {
		Match      *Match `json:"match"`
		ChainID    string `json:"chainId"`
		Address    string `json:"address"`
		CustomCode string `json:"customCode"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return "", errAnswer
	}
	if code == http.StatusNotFound && answer.CustomCode == "unsupported_chain" {
		return "", errors.New("it does not know this chain: ask another server")
	}
	if answer.ChainID == "" || !common.IsHexAddress(answer.Address) {
		return "", errAnswer
	}
	if answer.ChainID != chain || common.HexToAddress(answer.Address) != address {
		return "", errors.New("it answers about another contract: check the URL of the server")
	}
	switch {
	case code == http.StatusNotFound && answer.Match == nil:
		return NotVerified, nil
	case code == http.StatusOK && answer.Match != nil && (*answer.Match == Partial || *answer.Match == Exact):
		return *answer.Match, nil
	}
	return "", errAnswer
}

// status leaves out the server's own words.
func status(code int) string {
	return strings.TrimSpace(fmt.Sprintf("HTTP status %d %s", code, http.StatusText(code)))
}

// cause says why there is no answer. Errors of net/http may hold the URL, or what the server wrote, so only those are shown
// that are of the connection.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var connection *net.OpError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, errRedirect):
		return errRedirect
	case errors.As(err, &certificate):
		return fmt.Errorf("%w: check the URL of the server, and whom this machine trusts", certificate)
	case errors.As(err, &connection):
		return fmt.Errorf("%w: check the URL of the server and the connection", connection)
	}
	return errors.New("its answer cannot be read: check the URL of the server and the connection, and try again")
}
