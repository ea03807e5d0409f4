package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
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
	"time"
	"unicode"
)

const (
	patience   = 10 * time.Second // for one answer
	maxAnswer  = 64 << 10         // bytes of an answer that are read
	maxMessage = 200              // bytes of what a sink says that are shown
	maxAfter   = 10 * time.Minute // how long one may ask to be left alone
)

var errRedirect = errors.New("redirect")

// endpoint is where messages are posted.
type endpoint struct {
	url     *url.URL
	timeout time.Duration
	http    *http.Client
	now     func() time.Time
	secrets []string // that are in no error
}

// errURL never shows the URL.
var errURL = errors.New("its URL must begin with https://, or with http:// for one on this machine: correct it")

// newEndpoint makes one that is reached over https, or on this machine. roots are the certificates that are trusted, nil for those of the machine.
func newEndpoint(raw string, roots *x509.CertPool, secrets ...string) (*endpoint, error) {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil || u.Hostname() == "" || u.Fragment != "" || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return nil, errURL
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = maxAnswer
	transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	transport.ForceAttemptHTTP2 = true
	return &endpoint{
		url: u, timeout: patience, now: time.Now, secrets: secrets,
		http: &http.Client{
			Transport: transport,
			// what follows a redirect would take what is told, and a credential, to somebody else
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

// post sends a body to u, which is the endpoint's URL or one below it. The answer is good if its status is of 2xx.
func (e *endpoint) post(ctx context.Context, u *url.URL, contentType string, body []byte, header http.Header) error {
	ctx, cancel := context.WithTimeoutCause(ctx, e.timeout, errTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return refused("%v", errURL)
	}
	for key, values := range header {
		request.Header[key] = values
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("User-Agent", "lockstep")
	response, err := e.http.Do(request)
	if err != nil {
		return e.unanswered(ctx, err)
	}
	defer func() { _ = response.Body.Close() }() // all that is needed was read
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil && response.StatusCode >= 300 {
		answer = nil // the status says enough
	}
	return e.verdict(response, answer)
}

// verdict tells what an answer means.
func (e *endpoint) verdict(r *http.Response, answer []byte) error {
	said := ""
	if text := e.clean(string(answer)); text != "" {
		said = " (" + text + ")"
	}
	code := r.StatusCode
	switch {
	case code >= 200 && code < 300:
		return nil
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable && r.Header.Get("Retry-After") != "":
		err := later("it wants fewer messages (HTTP status %d): lower perMinute if this goes on", code)
		err.After = e.after(r.Header.Get("Retry-After"))
		return err
	case code >= 500 || code == http.StatusRequestTimeout || code == http.StatusTooEarly:
		return later("it answers with HTTP status %d%s: it is tried again", code, said)
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return refused("it does not accept the credentials (HTTP status %d%s): check the key, or the URL, that is configured for it", code, said)
	case code == http.StatusNotFound || code == http.StatusGone:
		return refused("there is nothing at its URL (HTTP status %d%s): check it, it may have been revoked", code, said)
	}
	return refused("it refuses the message (HTTP status %d%s): check what is configured for it", code, said)
}

// after reads how long a server wants to be left alone (RFC 9110, section 10.2.3), 0 if it does not say. Some give a fraction of a second.
func (e *endpoint) after(text string) time.Duration {
	wait := time.Duration(0)
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds >= 0 && seconds <= maxAfter.Seconds() {
		wait = time.Duration(seconds * float64(time.Second))
	} else if err == nil && seconds > 0 {
		wait = maxAfter
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(e.now())
	}
	return min(max(wait, 0), maxAfter)
}

var errTimeout = errors.New("timeout")

// unanswered says why there is no answer. Errors of net/http may hold the URL, so they are not shown.
func (e *endpoint) unanswered(ctx context.Context, err error) error {
	switch {
	case errors.Is(context.Cause(ctx), errTimeout):
		return later("it gave no answer in %s: see whether it works", e.timeout)
	case errors.Is(err, errRedirect):
		return refused("it sends elsewhere, and nothing was sent there: if you trust where, configure that URL")
	}
	return notReached(ctx, err)
}

// notReached says why a connection could not be made, or broke.
func notReached(ctx context.Context, err error) *Error {
	var (
		connection  *net.OpError
		name        *net.DNSError
		certificate *tls.CertificateVerificationError
	)
	switch {
	case ctx.Err() != nil:
		out := later("it was not waited for")
		out.cause = ctx.Err()
		return out
	case errors.As(err, &name):
		return later("its host name cannot be found: check it, and the connection")
	case errors.As(err, &certificate):
		return later("it shows a certificate that this machine does not trust: check its URL")
	case errors.As(err, &connection) && connection.Op == "dial":
		return later("it cannot be reached (%v): check its address, and the connection", connection.Err)
	}
	return later("it ended the connection before it had answered: see whether it works")
}

// urlText finds URLs, whosever.
var urlText = regexp.MustCompile(`[a-zA-Z]+://\S+`)

// clean takes out of a server's words what is nobody's business, and what a terminal might obey.
func (e *endpoint) clean(message string) string {
	hide := append([]string{e.url.RequestURI(), e.url.Path, e.url.User.String()}, e.secrets...)
	for _, values := range e.url.Query() {
		hide = append(hide, values...)
	}
	for part := range strings.SplitSeq(e.url.Path, "/") {
		if len(part) > 7 { // shorter ones are words
			hide = append(hide, part)
		}
	}
	return clean(message, hide)
}

func clean(message string, hide []string) string {
	message = urlText.ReplaceAllString(message, "[hidden]")
	for _, h := range hide {
		if len(h) > 1 {
			message = strings.ReplaceAll(message, h, "[hidden]")
		}
	}
	message = strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, message))
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "") + "..."
	}
	return message
}

// path is a URL below the endpoint's.
func (e *endpoint) path(elements ...string) *url.URL { return e.url.JoinPath(elements...) }

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	if err := encode(&b, v); err != nil {
		return nil, fmt.Errorf("write the message: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
