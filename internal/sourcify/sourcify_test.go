package sourcify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
)

var contract = common.HexToAddress("0xDFEBAd708F803af22e81044aD228Ff77C83C935c")

const chain = 11155111

// body is what Sourcify answers about a contract, which is more than is looked at.
func body(match, chainID, address string) string {
	return fmt.Sprintf(`{"match":%s,"creationMatch":null,"runtimeMatch":%[1]s,"chainId":"%s","address":"%s","verifiedAt":"2024-07-24T12:00:00Z","matchId":"3266227"}`,
		match, chainID, address)
}

func answer(code int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = w.Write([]byte(text)) // a client that has enough may be gone
	}
}

func TestVerified(t *testing.T) {
	const id, other = "11155111", "0x1111111111111111111111111111111111111111"
	checksummed, lower := contract.Hex(), strings.ToLower(contract.Hex())
	const shape, another = "its answer is not one of Sourcify's API in version 2: check the URL", "it answers about another contract: check the URL"
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		want    Match
		err     string
	}{
		"exact":              {answer(200, body(`"exact_match"`, id, checksummed)), Exact, ""},
		"partial":            {answer(200, body(`"match"`, id, checksummed)), Partial, ""},
		"in lower case":      {answer(200, body(`"match"`, id, lower)), Partial, ""},
		"not verified":       {answer(404, body(`null`, id, checksummed)), NotVerified, ""},
		"as large as may be": {answer(200, body(`"match"`, id, lower)+strings.Repeat(" ", maxAnswer-len(body(`"match"`, id, lower)))), Partial, ""},

		"not found, but a match":      {answer(404, body(`"match"`, id, checksummed)), "", shape},
		"not found by another server": {answer(404, "<html>nginx</html>"), "", shape},
		"not found at this path":      {answer(404, `{"customCode":"route_not_found","message":"not here","errorId":"1"}`), "", shape},
		"not found, other contract":   {answer(404, body(`null`, id, other)), "", another},
		"a chain it does not know":    {answer(404, `{"customCode":"unsupported_chain","message":"no","errorId":"1"}`), "", "it does not know this chain: ask another server"},

		"another chain":    {answer(200, body(`"exact_match"`, "1", checksummed)), "", another},
		"another address":  {answer(200, body(`"exact_match"`, id, other)), "", another},
		"no address":       {answer(200, `{"match":"match","chainId":"11155111"}`), "", shape},
		"no chain":         {answer(200, fmt.Sprintf(`{"match":"match","address":%q}`, checksummed)), "", shape},
		"no match":         {answer(200, body(`null`, id, checksummed)), "", shape},
		"an unknown match": {answer(200, body(`"perfect"`, id, checksummed)), "", shape},
		"an empty match":   {answer(200, body(`""`, id, checksummed)), "", shape},
		"no JSON":          {answer(200, "<html>Sourcify</html>"), "", shape},
		"nothing":          {answer(200, ""), "", shape},
		"JSON and more":    {answer(200, body(`"match"`, id, checksummed)+"{}"), "", shape},
		"too large":        {answer(200, body(`"match"`, id, lower)+strings.Repeat(" ", maxAnswer)), "", "its answer is larger than 1 MB: check the URL"},
		"large headers": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 2*maxAnswer))
			answer(200, body(`"match"`, id, lower))(w, nil)
		}, "", "its answer cannot be read: check the URL"},

		"too many":           {answer(429, body(`"match"`, id, checksummed)), "", "it answers with HTTP status 429 Too Many Requests: wait a minute"},
		"a failure":          {answer(500, body(`"match"`, id, checksummed)), "", "it answers with HTTP status 500 Internal Server Error: try again later"},
		"away":               {answer(503, ""), "", "it answers with HTTP status 503 Service Unavailable: try again later"},
		"forbidden":          {answer(403, ""), "", "it answers with HTTP status 403 Forbidden: check the URL of the server, and the key if it has one"},
		"created":            {answer(201, body(`"match"`, id, checksummed)), "", "it answers with HTTP status 201 Created: check the URL"},
		"an unknown status":  {answer(299, body(`"match"`, id, checksummed)), "", "it answers with HTTP status 299: check the URL"},
		"a redirect nowhere": {answer(302, ""), "", "it answers with HTTP status 302 Found: check the URL"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(c.handler)
			defer server.Close()
			client := newClient(t, server.URL)
			got, err := client.Verified(t.Context(), chain, contract)
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			checkError(t, err, server.URL, c.err)
		})
	}
}

func newClient(t *testing.T, base string) *Client {
	t.Helper()
	c, err := New(base)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.http.CloseIdleConnections)
	return c
}

// checkError looks for what an error must say beside the server, the contract and the chain.
func checkError(t *testing.T, err error, server, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Error(err)
		}
		return
	}
	full := fmt.Sprintf("ask Sourcify server %s about %s on chain %d: %s", strings.TrimPrefix(server, "http://"), contract, uint64(chain), want)
	if err == nil || !strings.HasPrefix(err.Error(), full) {
		t.Errorf("%v, want %s", err, full)
	}
}

// secret is in all parts of a URL that may hold one.
func secret(server string) string {
	return strings.Replace(server, "http://", "http://hush-user:hush-password@", 1) + "/hush-path?key=hush-query"
}

func TestRequest(t *testing.T) {
	var seen *http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r
		answer(200, body(`"match"`, "11155111", contract.Hex()))(w, r)
	}))
	defer server.Close()
	if _, err := newClient(t, secret(server.URL)).Verified(t.Context(), chain, contract); err != nil {
		t.Fatal(err)
	}
	user, password, _ := seen.BasicAuth()
	if seen.Method != http.MethodGet || seen.URL.String() != "/hush-path/v2/contract/11155111/"+contract.Hex()+"?key=hush-query" ||
		user != "hush-user" || password != "hush-password" || seen.UserAgent() != "lockstep" ||
		seen.Header.Get("Accept") != "application/json" {
		t.Errorf("%s %s as %s:%s, %s", seen.Method, seen.URL, user, password, seen.UserAgent())
	}
	for _, base := range []string{server.URL + "/", server.URL + "/server", server.URL + "/server/"} {
		if _, err := newClient(t, base).Verified(t.Context(), chain, contract); err != nil {
			t.Fatal(err)
		}
		if want := strings.TrimSuffix(strings.TrimPrefix(base, server.URL), "/") + "/v2/contract/11155111/" + contract.Hex(); seen.URL.Path != want {
			t.Errorf("%s: %s, want %s", base, seen.URL.Path, want)
		}
	}
}

func TestRedirects(t *testing.T) {
	elsewhere := httptest.NewServer(answer(200, body(`"exact_match"`, "11155111", contract.Hex())))
	defer elsewhere.Close()
	for name, c := range map[string]struct {
		to  func(server string, r *http.Request) string
		err string
	}{
		"within the server": {func(_ string, r *http.Request) string { return "/moved" + r.URL.Path }, ""},
		"to another port":   {func(_ string, r *http.Request) string { return elsewhere.URL + "/moved" + r.URL.Path }, errRedirect.Error()},
		"to another name of it": {func(s string, _ *http.Request) string {
			return strings.Replace(s, "127.0.0.1", "localhost", 1) + "/moved"
		}, errRedirect.Error()},
		"to another scheme":        {func(s string, _ *http.Request) string { return strings.Replace(s, "http:", "https:", 1) + "/moved" }, errRedirect.Error()},
		"round and round":          {func(string, *http.Request) string { return "/v2/contract/again" }, errRedirect.Error()},
		"to what cannot be parsed": {func(string, *http.Request) string { return "http://%zz/hush" }, "its answer cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			requests := 0
			var server *httptest.Server
			server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests++
				if strings.HasPrefix(r.URL.Path, "/moved") {
					answer(200, body(`"exact_match"`, "11155111", contract.Hex()))(w, r)
					return
				}
				http.Redirect(w, r, c.to(server.URL, r), http.StatusFound)
			}))
			defer server.Close()
			got, err := newClient(t, server.URL).Verified(t.Context(), chain, contract)
			checkError(t, err, server.URL, c.err)
			if (got == Exact) != (c.err == "") || requests > maxForward+1 || err != nil && strings.Contains(err.Error(), "hush") {
				t.Errorf("%q, %v after %d requests", got, err, requests)
			}
		})
	}
}

// No part of the URL but the host is in an error, nor is what the server says.
func TestErrorsKeepSecrets(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	closed := httptest.NewServer(nil)
	closed.Close()
	garbage := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = conn.Write([]byte(text)) // the client finds out
			_ = conn.Close()
		}
	}
	for name, c := range map[string]struct {
		url     string
		handler http.HandlerFunc
		want    string
	}{
		"nobody there":  {url: closed.URL, want: "dial tcp 127.0.0.1:"},
		"no answer":     {url: "http://" + silent.Addr().String(), want: "no answer in 200ms: try again later"},
		"no HTTP":       {handler: garbage("hush\x1b[31m\r\n\r\n"), want: "its answer cannot be read"},
		"an answer cut": {handler: garbage("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"match\":\"hush"), want: "its answer cannot be read"},
		"a status line": {handler: garbage("HTTP/1.1 418 hush\r\nContent-Length: 0\r\n\r\n"), want: "it answers with HTTP status 418 I'm a teapot"},
		"slow after a while": {handler: func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte("{"))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, want: "no answer in 200ms: try again later"},
		"hushed JSON": {handler: answer(200, `{"match": "hush"`), want: errAnswer.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			if c.handler != nil {
				server := httptest.NewServer(c.handler)
				defer server.Close()
				c.url = server.URL
			}
			client := newClient(t, secret(c.url))
			client.timeout = 200 * time.Millisecond
			_, err := client.Verified(t.Context(), chain, contract)
			checkError(t, err, c.url, c.want)
			if err != nil && (strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "\x1b")) {
				t.Errorf("it tells too much: %q", err)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newClient(t, "http://127.0.0.1:1").Verified(ctx, chain, contract); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestCertificate(t *testing.T) {
	server := httptest.NewUnstartedServer(answer(200, body(`"exact_match"`, "11155111", contract.Hex())))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // that the client hangs up is what is wanted
	server.StartTLS()
	defer server.Close()
	got, err := newClient(t, server.URL).Verified(t.Context(), chain, contract)
	if got != NotVerified || err == nil || !strings.Contains(err.Error(), "certificate") || !strings.Contains(err.Error(), "whom this machine trusts") {
		t.Errorf("%q, %v", got, err)
	}
}

func TestNew(t *testing.T) {
	for base, ok := range map[string]bool{
		"https://sourcify.dev/server":       true,
		"https://u:p@example.com:8443/?k=v": true,
		"http://localhost:5555":             true,
		"http://127.0.0.1:5555":             true,
		"http://127.9.9.9":                  true,
		"http://[::1]:5555":                 true,

		"http://sourcify.dev/server":         false,
		"http://10.0.0.1":                    false,
		"http://localhost.example.com":       false,
		"http://127.0.0.1.example.com":       false,
		"http://hush@localhost@example.com/": false,
		"ftp://localhost":                    false,
		"sourcify.dev/server":                false,
		"https://":                           false,
		"https:///server":                    false,
		"https://:8443":                      false,
		"https://example.com/#hush":          false,
		"https://hush%zz":                    false,
		"":                                   false,
	} {
		c, err := New(base)
		if (err == nil) != ok || (c != nil) != ok {
			t.Errorf("%s: %v, want ok %v", base, err, ok)
		}
		if err != nil && strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: it tells too much: %v", base, err)
		}
	}
	if c, err := New("https://sourcify.dev/server"); err != nil || c.timeout != 10*time.Second {
		t.Errorf("%+v, %v", c, err)
	}
}
