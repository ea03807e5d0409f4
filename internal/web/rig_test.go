package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/token"
)

// tokens are those that a test has made.
type tokens struct {
	mu      sync.Mutex
	records map[string]token.Record
	err     error
	asked   int
}

func (t *tokens) Token(_ context.Context, id string) (token.Record, bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked++
	r, known := t.records[id]
	return r, known, t.err
}

// logged is what a server has written to its log.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(data)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// rig is a server that runs, with routes that a test can ask for.
type rig struct {
	*Server
	tokens *tokens
	log    *logged
	counts map[string]int
	mu     sync.Mutex
	stop   func() error // ends Serve and returns what that does

	problems []string            // in the way of being ready
	got      *Request            // what the last route was asked
	answer   func() (any, error) // of the routes
	held     chan struct{}       // GET /api/slow answers when it is closed
	entered  chan struct{}       // gets one for each GET /api/slow
	broken   chan error          // gets why the context of GET /api/slow ended
}

// newRig starts a server on a free port of loopback. remote makes it take every client for one from elsewhere.
func newRig(t *testing.T, remote bool, change ...func(*Config)) *rig {
	t.Helper()
	g := &rig{
		tokens: &tokens{records: map[string]token.Record{}}, log: &logged{}, counts: map[string]int{},
		held: make(chan struct{}), entered: make(chan struct{}, 8), broken: make(chan error, 8),
	}
	handle := func(_ context.Context, r *Request) (any, error) {
		g.got = r
		if g.answer != nil {
			return g.answer()
		}
		return map[string]string{"id": r.Path("id")}, nil
	}
	cfg := Config{
		Listen: "127.0.0.1:0", Name: "lockstep.example", Tokens: g.tokens,
		Log:     slog.New(slog.NewJSONHandler(g.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Ready:   func(context.Context) []string { return g.problems },
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") }),
		Count: func(route string, code int) {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.counts[fmt.Sprint(route, " ", code)]++
		},
		Routes: []Route{
			{Method: "GET", Pattern: "/api/things/{id}", Handle: handle},
			{Method: "GET", Pattern: "/api/secret", Scope: token.Decide, Handle: handle},
			{Method: "POST", Pattern: "/api/things", Scope: token.Start, Handle: handle},
			{Method: "DELETE", Pattern: "/api/things/{id}", Scope: token.Decide, Handle: handle},
			{Method: "GET", Pattern: "/api/slow", Handle: func(ctx context.Context, _ *Request) (any, error) {
				g.entered <- struct{}{}
				select {
				case <-g.held:
					return "done", nil
				case <-ctx.Done():
					g.broken <- ctx.Err()
					return nil, ctx.Err()
				}
			}},
		},
	}
	for _, c := range change {
		c(&cfg)
	}
	s, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if remote {
		s.loopback = false
	}
	g.Server = s
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	g.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() {
		if err := g.stop(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// token makes a token that may do something.
func (g *rig) token(t *testing.T, scopes ...token.Scope) token.Token {
	t.Helper()
	tok, err := token.New(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	g.change(tok, token.Record{ID: tok.ID(), Name: "test", Hash: tok.Hash(), Scopes: scopes})
	return tok
}

// change sets what is known of a token.
func (g *rig) change(tok token.Token, r token.Record) {
	g.tokens.mu.Lock()
	defer g.tokens.mu.Unlock()
	g.tokens.records[tok.ID()] = r
}

// ask is a request.
type ask struct {
	method, path, body string
	headers            map[string]string // Host included
}

// answer is what came of one.
type answer struct {
	status int
	header http.Header
	body   string
}

// message is what an answer says is wrong.
func (a answer) message(t *testing.T) string {
	t.Helper()
	var doc struct {
		Error string `json:"error"`
	}
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil || doc.Error == "" || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("%d is answered with %s: %s", a.status, a.header.Get("Content-Type"), a.body)
	}
	return doc.Error
}

// send sends a request, with a content type if it has a body.
func (g *rig) send(t *testing.T, a ask) answer {
	t.Helper()
	got, err := g.try(a)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func (g *rig) try(a ask) (got answer, err error) {
	if a.method == "" {
		a.method = http.MethodGet
	}
	q, err := http.NewRequest(a.method, "http://"+g.listener.Addr().String()+a.path, strings.NewReader(a.body))
	if err != nil {
		return got, err
	}
	if a.method != http.MethodGet {
		q.Header.Set("Content-Type", "application/json")
	}
	for name, value := range a.headers {
		switch {
		case name == "Host":
			q.Host = value
		case value == "":
			q.Header.Del(name)
		default:
			q.Header.Set(name, value)
		}
	}
	client := http.Client{
		Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(q)
	if err != nil {
		return got, err
	}
	data, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(data)}, errors.Join(err, resp.Body.Close())
}

func as(tok token.Token) map[string]string {
	return map[string]string{"Authorization": "Bearer " + tok.Reveal()}
}

func with(headers map[string]string, name, value string) map[string]string {
	out := map[string]string{name: value}
	for n, v := range headers {
		out[n] = v
	}
	return out
}

// lines are those of the log about requests.
func (g *rig) lines(t *testing.T, message string) (out []map[string]any) {
	t.Helper()
	for line := range strings.Lines(g.log.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("the log has a line that is not JSON: %s", line)
		}
		if m["msg"] == message {
			out = append(out, m)
		}
	}
	return out
}
