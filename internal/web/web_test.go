package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/token"
)

func TestHealth(t *testing.T) {
	g := newRig(t, false)
	for path, want := range map[string]string{"/health/live": `{"live":true}`, "/health/ready": `{"problems":[],"ready":true}`} {
		if got := g.send(t, ask{path: path}); got.status != http.StatusOK || strings.TrimSpace(got.body) != want {
			t.Errorf("%s: %d, %s", path, got.status, got.body)
		}
	}
	g.problems = []string{"the journal is away", "base: no endpoint answers"}
	got := g.send(t, ask{path: "/health/ready"})
	if got.status != http.StatusServiceUnavailable || strings.TrimSpace(got.body) != `{"problems":["the journal is away","base: no endpoint answers"],"ready":false}` {
		t.Errorf("%d, %s", got.status, got.body)
	}
	if got := g.send(t, ask{path: "/health/live"}); got.status != http.StatusOK {
		t.Errorf("a problem ends the process: %d", got.status)
	}
	if got := g.send(t, ask{path: "/metrics"}); got.status != http.StatusOK || got.body != "up 1\n" {
		t.Errorf("%d, %s", got.status, got.body)
	}
}

func TestPageListsWhatThereIs(t *testing.T) {
	g := newRig(t, false)
	got := g.send(t, ask{path: "/"})
	if got.status != http.StatusOK || got.header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("%d, %s", got.status, got.header)
	}
	for _, want := range []string{
		`<a href="/health/ready">`, `<a href="/metrics">`, `<td>GET<td>/api/things/{id}<td>nothing here, a token that may read`,
		`<td>POST<td>/api/things<td>a token that may start`, `<td>DELETE<td>/api/things/{id}<td>a token that may decide`,
	} {
		if !strings.Contains(got.body, want) {
			t.Errorf("%s is not on the page:\n%s", want, got.body)
		}
	}
	if strings.Contains(got.body, "<script") || strings.Contains(got.body, "style") {
		t.Error("the page wants what its policy forbids")
	}
}

// A page that makes a name of its own lead to this server reaches nothing.
func TestHost(t *testing.T) {
	for _, remote := range []bool{false, true} {
		g := newRig(t, remote)
		for host, want := range map[string]bool{
			"": true, "localhost": true, "LOCALHOST:1": true, "127.0.0.1": true, "127.9.9.9:8420": true, "[::1]": true, "[::1]:8420": true,
			"lockstep.example": true, "lockstep.example:443": true, "LockStep.Example.": true,
			"attacker.example": false, "lockstep.example.attacker.example": false, "localhost.attacker.example": false, "notlockstep.example": false,
			"192.0.2.1": false, "192.0.2.1:8420": false, "[2001:db8::1]": false, "0.0.0.0": false, "127.0.0.1.attacker.example": false, "2130706433": false,
		} {
			for _, path := range []string{"/", "/health/live", "/metrics", "/nowhere"} {
				got := g.send(t, ask{path: path, headers: map[string]string{"Host": host}})
				if (got.status != http.StatusMisdirectedRequest) != want {
					t.Errorf("%s called as %q, remote %v: %d", path, host, remote, got.status)
				}
			}
		}
		got := g.send(t, ask{method: "POST", path: thing, body: "{}", headers: with(as(g.token(t, token.Start)), "Host", "attacker.example")})
		if got.status != http.StatusMisdirectedRequest || g.got != nil {
			t.Errorf("a change: %d", got.status)
		}
	}
	unnamed := newRig(t, false, func(c *Config) { c.Name = "" })
	if got := unnamed.send(t, ask{path: "/", headers: map[string]string{"Host": "lockstep.example"}}); got.status != http.StatusMisdirectedRequest {
		t.Errorf("it has no name and answers to one: %d", got.status)
	}
}

// A server that listens for others can be called by the address that was connected to, and by no other.
func TestHostThatIsTheAddress(t *testing.T) {
	s := &Server{cfg: Config{}}
	for _, tc := range []struct {
		local, host string
		loopback    bool
		want        bool
	}{
		{"192.0.2.7:8420", "192.0.2.7:8420", false, true},
		{"192.0.2.7:8420", "192.0.2.7", false, true},
		{"[2001:db8::1]:8420", "[2001:db8::1]:8420", false, true},
		{"[::ffff:192.0.2.7]:8420", "192.0.2.7:8420", false, true},
		{"192.0.2.7:8420", "192.0.2.8:8420", false, false},
		{"192.0.2.7:8420", "attacker.example", false, false},
		{"192.0.2.7:8420", "", false, false},
		{"192.0.2.7:8420", "192.0.2.7:8420", true, false},
	} {
		addr, err := net.ResolveTCPAddr("tcp", tc.local)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(contextWith(t, addr), http.MethodGet, "http://x/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host, s.loopback = tc.host, tc.loopback
		if got := s.knowsHost(r); got != tc.want {
			t.Errorf("%+v: %v", tc, got)
		}
	}
}

// What a page of somebody else makes a browser send is refused, with a good token, too.
func TestChangesFromOtherOrigins(t *testing.T) {
	g := newRig(t, false)
	good := as(g.token(t, token.Start))
	for _, tc := range []struct {
		name, value string
		want        int
	}{
		{"Sec-Fetch-Site", "cross-site", 403},
		{"Sec-Fetch-Site", "same-site", 403},
		{"Origin", "https://attacker.example", 403},
		{"Origin", "null", 403},
		{"Origin", "http://" + g.listener.Addr().String() + "0", 403},
		{"Sec-Fetch-Site", "same-origin", 200},
		{"Sec-Fetch-Site", "none", 200},
		{"Origin", g.URL(), 200},
	} {
		g.got = nil
		got := g.send(t, ask{method: "POST", path: thing, body: "{}", headers: with(good, tc.name, tc.value)})
		if got.status != tc.want || (g.got != nil) != (tc.want == 200) {
			t.Errorf("%s: %s: %d, %s", tc.name, tc.value, got.status, got.body)
		}
	}
	for name := range g.send(t, ask{path: "/api/things/1", headers: map[string]string{"Origin": "https://attacker.example"}}).header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("a page of another origin may read: %s", name)
		}
	}
	if got := g.send(t, ask{method: "OPTIONS", path: thing, headers: map[string]string{"Origin": "https://attacker.example"}}); got.status != 405 {
		t.Errorf("a preflight is answered with %d", got.status)
	}
}

func TestBody(t *testing.T) {
	g := newRig(t, false)
	good := as(g.token(t, token.Start, token.Decide))
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp", "json", "text/json"} {
		got := g.send(t, ask{method: "POST", path: thing, body: "{}", headers: with(good, "Content-Type", kind)})
		if got.status != http.StatusUnsupportedMediaType || g.got != nil {
			t.Errorf("%q: %d", kind, got.status)
		}
	}
	if got := g.send(t, ask{method: "DELETE", path: thing + "/7", headers: with(good, "Content-Type", "")}); got.status != http.StatusUnsupportedMediaType {
		t.Errorf("DELETE: %d", got.status)
	}
	if got := g.send(t, ask{method: "POST", path: thing, body: "{}", headers: with(good, "Content-Type", "application/json; charset=utf-8")}); got.status != 200 {
		t.Errorf("with a charset: %d", got.status)
	}
	g.got = nil
	if got := g.send(t, ask{method: "POST", path: thing, body: strings.Repeat(" ", maxBody+1), headers: good}); got.status != 413 || g.got != nil ||
		!strings.Contains(got.message(t), fmt.Sprint(maxBody)) {
		t.Errorf("a large body: %d, %s", got.status, got.body)
	}
	if got := g.send(t, ask{method: "POST", path: thing, body: strings.Repeat(" ", maxBody), headers: good}); got.status != 200 || len(g.got.Body) != maxBody {
		t.Errorf("the largest body: %d", got.status)
	}
	if got := g.send(t, ask{path: "/api/things/7", headers: map[string]string{"X-Large": strings.Repeat("x", 2*maxHeader)}}); got.status != 431 {
		t.Errorf("a large header: %d", got.status)
	}
}

func TestRequest(t *testing.T) {
	g := newRig(t, false)
	good := g.token(t, token.Decide)
	got := g.send(t, ask{method: "DELETE", path: thing + "/a%2Fb?x=1&x=2", body: `{"why":"over"}`, headers: as(good)})
	if got.status != 200 || strings.TrimSpace(got.body) != `{"id":"a/b"}` || got.header.Get("Content-Type") != "application/json" {
		t.Fatalf("%d, %s", got.status, got.body)
	}
	r := g.got
	if r.Token.ID != good.ID() || strings.Join(r.Query["x"], ",") != "1,2" || r.ID == "" || r.ID != got.header.Get("X-Request-Id") {
		t.Errorf("%+v", r)
	}
	var doc struct{ Why string }
	if err := r.Decode(&doc); err != nil || doc.Why != "over" {
		t.Errorf("%+v, %v", doc, err)
	}
	for _, text := range []string{"", " ", "{", `{"why":1}`, `{"who":"x"}`, `{"why":"x"} {}`, `{"why":"x"}x`, "null x"} {
		err := (&Request{Body: []byte(text)}).Decode(&doc)
		if code, told := status(err); err == nil || code != 400 || !told {
			t.Errorf("%q: %v, %d", text, err, code)
		}
	}
	g.answer = func() (any, error) { return nil, nil }
	if got := g.send(t, ask{path: "/api/things/1"}); got.status != http.StatusNoContent || got.body != "" {
		t.Errorf("%d, %q", got.status, got.body)
	}
}

// teapot is an error of another package that knows its status.
type teapot struct{ code int }

func (t teapot) Error() string { return "short and stout" }
func (t teapot) Status() int   { return t.code }

func TestErrors(t *testing.T) {
	g := newRig(t, false)
	secret := errors.New("dial https://user:password@rpc.example")
	for name, tc := range map[string]struct {
		err  error
		code int
		want string
	}{
		"not found":   {NotFound(errors.New("execution 7 is not there")), 404, "execution 7 is not there"},
		"conflict":    {fmt.Errorf("start: %w", Conflict(errors.New("it runs already"))), 409, "start: it runs already"},
		"invalid":     {Invalid(errors.New("no plan")), 400, "no plan"},
		"unavailable": {Unavailable(errors.New("the journal is away")), 503, "the journal is away"},
		"its own":     {fmt.Errorf("tea: %w", teapot{418}), 418, "tea: short and stout"},
		"no status":   {teapot{0}, 500, "internal server error; the log says why"},
		"a success":   {teapot{200}, 500, "internal server error; the log says why"},
		"any other":   {secret, 500, "internal server error; the log says why"},
		"too late":    {fmt.Errorf("wait: %w", timeoutError(t)), 504, "gateway timeout; the log says why"},
	} {
		g.answer = func() (any, error) { return map[string]string{"half": "done"}, tc.err }
		got := g.send(t, ask{path: "/api/things/1"})
		if got.status != tc.code || !strings.HasPrefix(got.message(t), tc.want) || strings.Contains(got.body, "password") || strings.Contains(got.body, "half") {
			t.Errorf("%s: %d, %s", name, got.status, got.body)
		}
	}
	if !strings.Contains(g.log.String(), "rpc.example") {
		t.Error("the log does not say what went wrong")
	}
	g.answer = func() (any, error) { return make(chan int), nil }
	if got := g.send(t, ask{path: "/api/things/1"}); got.status != 500 || !strings.Contains(g.log.String(), "encode the answer") {
		t.Errorf("what cannot be encoded: %d, %s", got.status, got.body)
	}
	if got := g.send(t, ask{path: "/nowhere"}); got.status != 404 || !strings.Contains(got.message(t), "no such path") {
		t.Errorf("%d, %s", got.status, got.body)
	}
	got := g.send(t, ask{method: "PUT", path: thing, body: "{}"})
	if got.status != 405 || got.header.Get("Allow") != "POST" || !strings.Contains(got.message(t), "POST") {
		t.Errorf("%d, %s, %s", got.status, got.header, got.body)
	}
}

func TestPanics(t *testing.T) {
	g := newRig(t, false)
	g.answer = func() (any, error) { panic("the secret is 12345") }
	got := g.send(t, ask{path: "/api/things/1"})
	if got.status != 500 || strings.Contains(got.message(t), "12345") || !strings.Contains(got.body, got.header.Get("X-Request-Id")) {
		t.Errorf("%d, %s", got.status, got.body)
	}
	panicked := g.lines(t, "request panicked")
	if len(panicked) != 1 || panicked[0]["request"] != got.header.Get("X-Request-Id") || !strings.Contains(fmt.Sprint(panicked[0]["stack"]), "web_test.go") {
		t.Errorf("%v", panicked)
	}
	g.answer = nil
	if got := g.send(t, ask{path: "/api/things/1"}); got.status != 200 {
		t.Errorf("the server is gone: %d", got.status)
	}
	// what was begun must not look whole
	begun := newRig(t, false, func(c *Config) {
		c.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("up 1\n"))
			_ = http.NewResponseController(w).Flush()
			panic("half")
		})
	})
	if got, err := begun.try(ask{path: "/metrics"}); err == nil {
		t.Errorf("it looks whole: %d, %s", got.status, got.body)
	}
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	g := newRig(t, false)
	for _, a := range []ask{
		{path: "/"},
		{path: "/health/live"},
		{path: "/metrics"},
		{path: "/api/things/1"},
		{path: "/nowhere"},
		{method: "POST", path: thing, body: "{}"},
		{path: "/", headers: map[string]string{"Host": "attacker.example"}},
	} {
		got := g.send(t, a)
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Content-Security-Policy":      "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		} {
			if got.header.Get(name) != want {
				t.Errorf("%s %s: %s is %q", a.method, a.path, name, got.header.Get(name))
			}
		}
		if id := got.header.Get("X-Request-Id"); len(id) != 16 {
			t.Errorf("%s: the request is %q", a.path, id)
		}
	}
}

// The log says who asked for what, and holds no secret.
func TestAccessLog(t *testing.T) {
	g := newRig(t, false)
	good, stranger := g.token(t, token.Start), newStranger(t)
	hidden := good.Reveal()[22:]
	for _, a := range []ask{
		{method: "POST", path: thing + "?token=" + good.Reveal(), body: `{"password":"hunter2"}`, headers: with(as(good), "Cookie", "session=hunter2")},
		{method: "POST", path: thing, body: "{}", headers: as(stranger)},
		{path: "/health/live"},
		{path: "/" + strings.Repeat("x", 1000)},
		{path: "/%0A%22forged"},
	} {
		g.send(t, a)
	}
	if err := g.stop(); err != nil { // the last line is written after the answer
		t.Fatal(err)
	}
	text := g.log.String()
	for _, secret := range []string{hidden, stranger.Reveal()[22:], "hunter2", strings.Repeat("x", longest+1)} {
		if strings.Contains(text, secret) {
			t.Errorf("the log holds %s:\n%s", secret, text)
		}
	}
	lines := g.lines(t, "request")
	if len(lines) != 5 {
		t.Fatalf("%d lines:\n%s", len(lines), text)
	}
	first := lines[0]
	for name, want := range map[string]any{
		"level": "INFO", "route": "POST /api/things", "method": "POST", "path": "/api/things", "status": 200.0, "token": good.ID(), "bytes": 10.0,
	} {
		if first[name] != want {
			t.Errorf("%s is %v, want %v", name, first[name], want)
		}
	}
	if lines[1]["status"] != 401.0 || lines[1]["token"] != "" || lines[2]["level"] != "DEBUG" || lines[3]["route"] != "other" || lines[4]["path"] != "/\n\"forged" {
		t.Errorf("%v", lines[1:])
	}
	for name, want := range map[string]int{"POST /api/things 200": 1, "POST /api/things 401": 1, "GET /health/live 200": 1, "other 404": 2} {
		if g.counts[name] != want {
			t.Errorf("%s was counted %d times, want %d: %v", name, g.counts[name], want, g.counts)
		}
	}
}

// What is being answered when the server is to stop is finished, and nothing new is begun.
func TestStopFinishesWhatIsInHand(t *testing.T) {
	g := newRig(t, false)
	answered := make(chan answer, 1)
	go func() {
		got, err := g.try(ask{path: "/api/slow"})
		if err != nil {
			got.body = err.Error()
		}
		answered <- got
	}()
	<-g.entered
	stopped := make(chan error, 1)
	go func() { stopped <- g.stop() }()
	for { // until it listens no more
		conn, err := net.DialTimeout("tcp", g.listener.Addr().String(), time.Second)
		if err != nil {
			break
		}
		_ = conn.Close()
	}
	select {
	case err := <-stopped:
		t.Fatalf("it has stopped with a request in hand: %v", err)
	case err := <-g.broken:
		t.Fatalf("the request was broken off: %v", err)
	default:
	}
	close(g.held)
	if got := <-answered; got.status != 200 || strings.TrimSpace(got.body) != `"done"` {
		t.Errorf("%d, %s", got.status, got.body)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// What takes too long is broken off.
func TestStopIsBounded(t *testing.T) {
	g := newRig(t, false)
	g.stopping = 50 * time.Millisecond
	answered := make(chan error, 1)
	go func() {
		_, err := g.try(ask{path: "/api/slow"})
		answered <- err
	}()
	<-g.entered
	if err := g.stop(); err != nil {
		t.Error(err)
	}
	if err := <-g.broken; err == nil {
		t.Error("its context did not end")
	}
	if err := <-answered; err == nil {
		t.Error("it was answered all the same")
	}
	if !strings.Contains(g.log.String(), "is broken off") {
		t.Error("the log does not say so")
	}
}

// A client that goes is no failure of the program.
func TestClientThatGoes(t *testing.T) {
	g := newRig(t, false)
	ctx, cancel := context.WithCancel(t.Context())
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, g.URL()+"/api/slow", nil)
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 1)
	go func() {
		resp, err := http.DefaultClient.Do(q)
		if err == nil {
			err = resp.Body.Close()
		}
		gone <- err
	}()
	<-g.entered
	cancel()
	if err := <-gone; err == nil {
		t.Error("it was answered")
	}
	if err := <-g.broken; !errors.Is(err, context.Canceled) {
		t.Errorf("the context of the request ended with %v", err)
	}
	if err := g.stop(); err != nil { // it waits for the last line
		t.Fatal(err)
	}
	if lines := g.lines(t, "request"); len(lines) != 1 || lines[0]["status"] != 503.0 || strings.Contains(g.log.String(), "ERROR") {
		t.Errorf("the log says\n%s", g.log)
	}
}

func TestNewRefuses(t *testing.T) {
	sound := Config{Listen: "127.0.0.1:0", Log: newLog(), Tokens: &tokens{}, Metrics: http.NotFoundHandler()}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	route := func(t Route) func(*Config) { return func(c *Config) { c.Routes = []Route{t} } }
	for name, tc := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"every address":       {func(c *Config) { c.Listen = ":8420" }, "serve.tls"},
		"every IPv4 address":  {func(c *Config) { c.Listen = "0.0.0.0:8420" }, "serve.tls"},
		"every IPv6 address":  {func(c *Config) { c.Listen = "[::]:8420" }, "serve.tls"},
		"an address":          {func(c *Config) { c.Listen = "192.0.2.1:8420" }, "serve.tls"},
		"a name":              {func(c *Config) { c.Listen = "lockstep.example:8420" }, "not an IP address"},
		"localhost":           {func(c *Config) { c.Listen = "localhost:8420" }, "not an IP address"}, // which a file of the machine says
		"no port":             {func(c *Config) { c.Listen = "127.0.0.1" }, "not an address and a port"},
		"an empty port":       {func(c *Config) { c.Listen = "127.0.0.1:" }, "not an address and a port"},
		"a large port":        {func(c *Config) { c.Listen = "127.0.0.1:65536" }, "not an address and a port"},
		"nothing":             {func(c *Config) { c.Listen = "" }, "not an address and a port"},
		"a port that is used": {func(c *Config) { c.Listen = taken.Addr().String() }, "address already in use"},
		"no certificate":      {func(c *Config) { c.TLS = &TLS{"/nowhere/cert.pem", "/nowhere/key.pem"} }, "read the certificate /nowhere/cert.pem"},
		"an open change":      {route(Route{Method: "POST", Pattern: "/x"}), "has no scope"},
		"an open deletion":    {route(Route{Method: "DELETE", Pattern: "/x"}), "has no scope"},
		"no such scope":       {route(Route{Method: "POST", Pattern: "/x", Scope: "admin"}), `no scope "admin"`},
		"no method":           {route(Route{Pattern: "/x", Scope: token.Start}), "no method"},
		"any method":          {route(Route{Method: "TRACE", Pattern: "/x", Scope: token.Start}), "no method"},
	} {
		cfg := sound
		tc.change(&cfg)
		s, err := New(t.Context(), cfg)
		if err == nil {
			_ = s.listener.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
	for name, change := range map[string]func(*Config){
		"IPv4":     func(c *Config) { c.Listen = "127.0.0.2:0" },
		"insecure": func(c *Config) { c.Listen, c.Insecure = ":0", true },
	} {
		cfg := sound
		change(&cfg)
		s, err := New(t.Context(), cfg)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if s.loopback == cfg.Insecure {
			t.Errorf("%s is loopback: %v", name, s.loopback)
		}
		if err := s.listener.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestTLS(t *testing.T) {
	cert, key, pool := certificate(t)
	g := newRig(t, false, func(c *Config) { c.TLS = &TLS{cert, key} })
	for _, tc := range []struct {
		http2 bool
		major int
	}{{true, 2}, {false, 1}} {
		client := tlsClient(pool, tc.http2)
		resp, err := client.Get(g.URL() + "/health/live")
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK || resp.ProtoMajor != tc.major {
			t.Errorf("%s, %s (%v)", resp.Proto, resp.Status, err)
		}
		client.CloseIdleConnections()
	}
	got, err := g.try(ask{path: "/health/live"}) // plain
	if err == nil && got.status != 400 {
		t.Errorf("without TLS it answers %d: %s", got.status, got.body)
	}
	if err := os.WriteFile(key, []byte("none"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = New(t.Context(), Config{Listen: "127.0.0.1:0", TLS: &TLS{cert, key}, Log: newLog(), Tokens: &tokens{}, Metrics: http.NotFoundHandler()})
	if err == nil || !strings.Contains(err.Error(), cert) {
		t.Errorf("a key that is none: %v", err)
	}
}

// A client that sends its headers one letter at a time must not hold a connection for ever.
func TestTimeouts(t *testing.T) {
	g := newRig(t, false)
	conn, err := net.Dial("tcp", g.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost: localhost\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(4 * headerTimeout)); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 1)
	var timeout net.Error
	if _, err := conn.Read(buffer); errors.As(err, &timeout) && timeout.Timeout() {
		t.Error("the server waits for ever")
	}
}
