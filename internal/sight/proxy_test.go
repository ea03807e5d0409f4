package sight_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// proxy stands before a node.
type proxy struct {
	url string

	mu       sync.Mutex
	down     bool
	asked    int                                 // bodies
	rewrites func(request, answer string) string // of answers; nil for none
}

// before starts a proxy before a node, which lacks methods.
func before(t testing.TB, upstream string, lacks ...string) *proxy {
	t.Helper()
	p := &proxy{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		p.mu.Lock()
		p.asked++
		down, rewrites := p.down, p.rewrites
		p.mu.Unlock()
		if down {
			http.Error(w, "maintenance", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		for _, method := range lacks {
			if strings.Contains(string(body), method) {
				_, id, _ := strings.Cut(string(body), `"id":`)
				id, _, _ = strings.Cut(id, ",")
				_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":`+id+`,"error":{"code":-32601,"message":"the method does not exist"}}`)
				return
			}
		}
		resp, err := http.Post(upstream, "application/json", strings.NewReader(string(body)))
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer func() { _ = resp.Body.Close() }()
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		if rewrites != nil {
			answer = []byte(rewrites(string(body), string(answer)))
		}
		_, _ = w.Write(answer)
	}))
	p.url = server.URL
	t.Cleanup(server.Close)
	return p
}

func (p *proxy) set(down bool, rewrites func(request, answer string) string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down, p.rewrites = down, rewrites
}

// requests returns how many bodies came since the last time.
func (p *proxy) requests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.asked
	p.asked = 0
	return n
}
