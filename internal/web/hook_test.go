package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

const letter = "/hooks/post"

// hooked is a rig with a hook that knows one header.
func hooked(t *testing.T, remote bool) (g *rig, got func() *Call) {
	t.Helper()
	var taken *Call
	g = newRig(t, remote, func(c *Config) {
		c.Hooks = []Hook{{
			Pattern: "/hooks/{name}",
			Verify: func(c *Call) (string, error) {
				if c.Header.Get("X-Signature") != "by me over "+string(c.Body) {
					return "", errors.New("the key 1234 did not sign it")
				}
				return "hook " + c.Path("name"), nil
			},
			Handle: func(_ context.Context, c *Call) (any, error) {
				if taken = c; g.answer != nil {
					return g.answer()
				}
				return nil, nil
			},
		}}
	})
	return g, func() *Call {
		out := taken
		taken = nil
		return out
	}
}

func TestHook(t *testing.T) {
	for _, remote := range []bool{false, true} {
		g, taken := hooked(t, remote)
		// any content type, no token
		got := g.send(t, ask{method: "POST", path: letter, body: "a=ü", headers: map[string]string{"X-Signature": "by me over a=ü", "Content-Type": "text/plain", "Host": "lockstep.example"}})
		if c := taken(); got.status != http.StatusNoContent || c == nil || string(c.Body) != "a=ü" || c.Path("name") != "post" || c.ID != got.header.Get("X-Request-Id") {
			t.Fatalf("%d %s, %+v", got.status, got.body, c)
		}
		line := g.lines(t, "request")[0]
		if line["token"] != "hook post" || line["route"] != "POST /hooks/{name}" {
			t.Errorf("%v", line)
		}
		for name, a := range map[string]ask{
			"no signature":    {method: "POST", path: letter, body: "{}"},
			"another body":    {method: "POST", path: letter, body: "{ }", headers: map[string]string{"X-Signature": "by me over {}"}},
			"a token instead": {method: "POST", path: letter, body: "{}", headers: as(g.token(t, "start"))},
		} {
			g.hooks = limiter{}
			got := g.send(t, a)
			if c := taken(); got.status != http.StatusUnauthorized || c != nil {
				t.Errorf("%s: %d, %+v", name, got.status, c)
			}
			if text := got.message(t); text != "unauthorized" || got.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s: it says %q", name, text)
			}
		}
		if !strings.Contains(g.log.String(), "the key 1234 did not sign it") {
			t.Error("the log does not say why")
		}
		if got := g.send(t, ask{path: letter}); got.status != http.StatusMethodNotAllowed {
			t.Errorf("GET: %d", got.status)
		}
		signed := map[string]string{"X-Signature": "by me over {}"}
		for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://attacker.example", "Host": "attacker.example"} {
			got := g.send(t, ask{method: "POST", path: letter, body: "{}", headers: with(signed, name, value)})
			if c := taken(); got.status != http.StatusForbidden && got.status != http.StatusMisdirectedRequest || c != nil {
				t.Errorf("%s %s: %d", name, value, got.status)
			}
		}
		large := strings.Repeat("x", maxBody+1)
		got = g.send(t, ask{method: "POST", path: letter, body: large, headers: map[string]string{"X-Signature": "x"}})
		if c := taken(); got.status != http.StatusRequestEntityTooLarge || c != nil {
			t.Errorf("a large body: %d", got.status)
		}
		g.answer = func() (any, error) { return nil, Invalid(errors.New("it is not JSON")) }
		if got := g.send(t, ask{method: "POST", path: letter, body: "{}", headers: signed}); got.status != 400 || got.message(t) != "it is not JSON" {
			t.Errorf("%d %s", got.status, got.body)
		}
		g.answer = func() (any, error) { return map[string]int{"reports": 1}, nil }
		if got := g.send(t, ask{method: "POST", path: letter, body: "{}", headers: signed}); got.status != 200 || got.body != `{"reports":1}`+"\n" {
			t.Errorf("%d %s", got.status, got.body)
		}
		g.answer = func() (any, error) { return nil, errors.New("password for db.example is wrong") }
		if got := g.send(t, ask{method: "POST", path: letter, body: "{}", headers: signed}); got.status != 500 || strings.Contains(got.body, "db.example") {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
}

// Calls that are not good are limited as wrong tokens are, and neither keep the other out.
func TestWrongCallsAreLimited(t *testing.T) {
	g, taken := hooked(t, false)
	signed := ask{method: "POST", path: letter, body: "{}", headers: map[string]string{"X-Signature": "by me over {}"}}
	limited := 0
	for range 3 * maxFailures {
		switch got := g.send(t, ask{method: "POST", path: letter, body: "{}"}); got.status {
		case http.StatusTooManyRequests:
			if limited++; got.header.Get("Retry-After") != "1" {
				t.Errorf("Retry-After is %q", got.header.Get("Retry-After"))
			}
		case http.StatusUnauthorized:
		default:
			t.Fatalf("%d: %s", got.status, got.body)
		}
	}
	if limited == 0 {
		t.Fatal("none was limited")
	}
	for g.send(t, ask{method: "POST", path: letter, body: "{}"}).status != http.StatusTooManyRequests {
		continue // until there is none left
	}
	if got := g.send(t, ask{method: "POST", path: thing, body: "{}", headers: as(g.token(t, "start"))}); got.status != http.StatusOK {
		t.Errorf("a token: %d %s", got.status, got.body)
	}
	for deadline := time.Now().Add(20 * time.Second); g.send(t, signed).status != http.StatusNoContent; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a good call is never good again")
		}
	}
	if taken() == nil {
		t.Error("it was not taken")
	}
	for g.send(t, ask{method: "POST", path: thing, body: "{}", headers: as(newStranger(t))}).status != http.StatusTooManyRequests {
		continue // until there is none left
	}
	if got := g.send(t, signed); got.status != http.StatusNoContent {
		t.Errorf("after wrong tokens: %d", got.status)
	}
}
