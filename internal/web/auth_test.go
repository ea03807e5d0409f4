package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/token"
)

const thing = "/api/things"

// Every way not to have the token that a change needs, and that nothing is done then.
func TestChangesNeedATokenWithTheirScope(t *testing.T) {
	for _, remote := range []bool{false, true} {
		g := newRig(t, remote)
		start := g.token(t, token.Start)
		expired, revoked, renamed := g.token(t, token.Start), g.token(t, token.Start), g.token(t, token.Start)
		now := time.Now().Unix()
		g.change(expired, token.Record{ID: expired.ID(), Hash: expired.Hash(), Scopes: token.Scopes(), ExpiresAt: now})
		g.change(revoked, token.Record{ID: revoked.ID(), Hash: revoked.Hash(), Scopes: token.Scopes(), RevokedAt: now - 100})
		g.change(renamed, token.Record{ID: renamed.ID(), Hash: start.Hash(), Scopes: token.Scopes()})
		stranger := newStranger(t)
		whole := start.Reveal()
		for name, tc := range map[string]struct {
			authorization string // none if empty
			status        int
			want          string
		}{
			"good":              {"Bearer " + whole, http.StatusOK, ""},
			"lower case":        {"bearer " + whole, http.StatusOK, ""},
			"none":              {"", http.StatusUnauthorized, "needs a token with the scope start"},
			"not a bearer":      {"Basic " + whole, http.StatusUnauthorized, "must be: Bearer TOKEN"},
			"no scheme":         {whole, http.StatusUnauthorized, "must be: Bearer TOKEN"},
			"nothing":           {"Bearer", http.StatusUnauthorized, "must be: Bearer TOKEN"},
			"truncated":         {"Bearer " + whole[:len(whole)-1], http.StatusUnauthorized, "has 79 characters, a token has 80"},
			"mistyped":          {"Bearer " + strings.ToUpper(whole), http.StatusUnauthorized, "does not begin with"},
			"two":               {"Bearer " + whole + " " + whole, http.StatusUnauthorized, "characters"},
			"another program's": {"Bearer ghp_0123456789", http.StatusUnauthorized, "does not begin with lockstep_"},
			"unknown":           {"Bearer " + stranger.Reveal(), http.StatusUnauthorized, "the token is unknown"},
			"secret of another": {"Bearer " + renamed.Reveal(), http.StatusUnauthorized, "the token is unknown"},
			"expired":           {"Bearer " + expired.Reveal(), http.StatusUnauthorized, "the token has expired"},
			"revoked":           {"Bearer " + revoked.Reveal(), http.StatusUnauthorized, "the token is revoked"},
			"another scope":     {"Bearer " + g.token(t, token.Read, token.Decide).Reveal(), http.StatusForbidden, "does not have the scope start"},
			"no scope":          {"Bearer " + g.token(t).Reveal(), http.StatusForbidden, "does not have the scope start"},
		} {
			t.Run(fmt.Sprintf("%s, from elsewhere %v", name, remote), func(t *testing.T) {
				g.limiter = limiter{} // each begins anew
				g.got = nil
				got := g.send(t, ask{method: "POST", path: thing, body: "{}", headers: map[string]string{"Authorization": tc.authorization}})
				if got.status != tc.status {
					t.Fatalf("answered with %d: %s", got.status, got.body)
				}
				if tc.status == http.StatusOK {
					if g.got == nil || g.got.Token.ID != start.ID() {
						t.Errorf("the route was asked by %+v", g.got)
					}
					return
				}
				if g.got != nil {
					t.Error("the route was asked all the same")
				}
				if text := got.message(t); !strings.Contains(text, tc.want) || strings.Contains(got.body, whole[30:]) {
					t.Errorf("%s, want %s", text, tc.want)
				}
				challenge := got.header.Get("WWW-Authenticate")
				for status, want := range map[int]string{
					http.StatusUnauthorized: `Bearer realm="lockstep"`, http.StatusForbidden: `Bearer realm="lockstep", error="insufficient_scope", scope="start"`,
				} {
					if tc.status == status && !strings.HasPrefix(challenge, want) {
						t.Errorf("the challenge is %q", challenge)
					}
				}
				if (tc.status == http.StatusUnauthorized && tc.authorization != "") != strings.Contains(challenge, "invalid_token") {
					t.Errorf("the challenge is %q", challenge)
				}
			})
		}
	}
}

func newStranger(t *testing.T) token.Token {
	t.Helper()
	return (&rig{tokens: &tokens{records: map[string]token.Record{}}}).token(t, token.Scopes()...)
}

// Two headers must not let a proxy check one of them and this server the other.
func TestTwoAuthorizationHeaders(t *testing.T) {
	g := newRig(t, false)
	good := g.token(t, token.Start)
	q, err := http.NewRequest(http.MethodPost, g.URL()+thing, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	q.Header["Authorization"] = []string{"Bearer " + good.Reveal(), "Bearer " + good.Reveal()}
	q.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusUnauthorized || g.got != nil {
		t.Errorf("answered with %s (%v)", resp.Status, err)
	}
}

// Who may read what.
func TestReading(t *testing.T) {
	for _, tc := range []struct {
		name    string
		remote  bool
		headers map[string]string
		free    bool
	}{
		{"here", false, nil, true},
		{"here, by localhost", false, map[string]string{"Host": "localhost:8420"}, true},
		{"here, by IPv6", false, map[string]string{"Host": "[::1]:8420"}, true},
		{"here, by its name", false, map[string]string{"Host": "lockstep.example"}, false}, // a proxy
		{"here, through a proxy", false, map[string]string{"X-Forwarded-For": "203.0.113.9"}, false},
		{"here, through another", false, map[string]string{"Forwarded": "for=203.0.113.9"}, false},
		{"here, through a third", false, map[string]string{"Via": "1.1 proxy"}, false},
		{"from elsewhere", true, map[string]string{"Host": "lockstep.example"}, false},
		{"from elsewhere, says localhost", true, map[string]string{"Host": "localhost"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := newRig(t, tc.remote)
			g.problems = []string{"the journal is away"}
			read, start, stranger := g.token(t, token.Read), g.token(t, token.Start), newStranger(t)
			for _, path := range []string{"/", "/metrics", "/api/things/1"} {
				want := http.StatusUnauthorized
				if tc.free {
					want = http.StatusOK
				}
				if got := g.send(t, ask{path: path, headers: tc.headers}); got.status != want {
					t.Errorf("%s: %d, want %d", path, got.status, want)
				}
				for name, value := range map[string]struct {
					tok    token.Token
					status int
				}{
					"may read":   {read, http.StatusOK},
					"may not":    {start, map[bool]int{true: http.StatusOK, false: http.StatusForbidden}[tc.free]},
					"is unknown": {stranger, http.StatusUnauthorized}, // also where none is needed
				} {
					g.limiter = limiter{}
					if got := g.send(t, ask{path: path, headers: with(tc.headers, "Authorization", "Bearer "+value.tok.Reveal())}); got.status != value.status {
						t.Errorf("%s with a token that %s: %d, want %d", path, name, got.status, value.status)
					}
				}
			}
			// a scope is needed everywhere
			if got := g.send(t, ask{path: "/api/secret", headers: tc.headers}); got.status != http.StatusUnauthorized {
				t.Errorf("without a token: %d", got.status)
			}
			if got := g.send(t, ask{path: "/api/secret", headers: with(tc.headers, "Authorization", "Bearer "+read.Reveal())}); got.status != http.StatusForbidden {
				t.Errorf("with a token that may read: %d", got.status)
			}
			// health is for everybody, what is wrong is not
			if got := g.send(t, ask{path: "/health/live", headers: tc.headers}); got.status != http.StatusOK {
				t.Errorf("/health/live: %d", got.status)
			}
			for _, tok := range []string{"", "Bearer " + read.Reveal(), "Bearer " + stranger.Reveal()} {
				got := g.send(t, ask{path: "/health/ready", headers: with(tc.headers, "Authorization", tok)})
				told := strings.Contains(got.body, "journal")
				if want := tc.free && tok == "" || strings.Contains(tok, read.ID()); got.status != http.StatusServiceUnavailable || told != want {
					t.Errorf("/health/ready with %.30q: %d, %s", tok, got.status, got.body)
				}
			}
		})
	}
}

// When the journal cannot be asked, no token is good, and none is said to be wrong.
func TestTokensThatCannotBeRead(t *testing.T) {
	g := newRig(t, false)
	good := g.token(t, token.Start)
	g.tokens.err = errors.New("password for db.example is wrong")
	for range maxFailures + 2 {
		got := g.send(t, ask{method: "POST", path: thing, body: "{}", headers: as(good)})
		if got.status != http.StatusServiceUnavailable || g.got != nil || strings.Contains(got.message(t), "db.example") {
			t.Fatalf("%d: %s", got.status, got.body)
		}
	}
	if !strings.Contains(g.log.String(), "db.example") {
		t.Error("the log does not say why")
	}
	g.tokens.err = nil
	if got := g.send(t, ask{method: "POST", path: thing, body: "{}", headers: as(good)}); got.status != http.StatusOK {
		t.Errorf("%d: %s", got.status, got.body)
	}
}

// After some wrong tokens none is looked at for a while, good ones included; requests without one are.
func TestWrongTokensAreLimited(t *testing.T) {
	g := newRig(t, false)
	good := g.token(t, token.Start)
	limited := 0
	for range 3 * maxFailures {
		got := g.send(t, ask{method: "POST", path: thing, body: "{}", headers: as(newStranger(t))})
		switch got.status {
		case http.StatusTooManyRequests:
			limited++
			if got.header.Get("Retry-After") != "1" {
				t.Errorf("Retry-After is %q", got.header.Get("Retry-After"))
			}
		case http.StatusUnauthorized:
		default:
			t.Fatalf("%d: %s", got.status, got.body)
		}
	}
	if limited == 0 || g.tokens.asked >= 3*maxFailures {
		t.Fatalf("%d were limited, %d were looked up", limited, g.tokens.asked)
	}
	for g.send(t, ask{method: "POST", path: thing, body: "{}", headers: as(newStranger(t))}).status != http.StatusTooManyRequests {
		continue // until there is none left
	}
	if got := g.send(t, ask{path: "/api/things/1"}); got.status != http.StatusOK {
		t.Errorf("reading: %d", got.status)
	}
	deadline := time.Now().Add(20 * time.Second)
	for g.send(t, ask{method: "POST", path: thing, body: "{}", headers: as(good)}).status != http.StatusOK {
		if time.Now().After(deadline) {
			t.Fatal("a good token is never good again")
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func TestLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l limiter
		const a, b = "192.0.2.1:1000", "192.0.2.2:1000"
		for i := range maxFailures {
			if w := l.wait(a, time.Now()); w != 0 {
				t.Fatalf("after %d it must wait %s", i, w)
			}
			l.fail(a, time.Now())
		}
		for _, same := range []string{a, "192.0.2.1:2000", "[::ffff:192.0.2.1]:1000"} {
			if w := l.wait(same, time.Now()); w != forgive {
				t.Errorf("%s must wait %s", same, w)
			}
		}
		if w := l.wait(b, time.Now()); w != 0 {
			t.Errorf("another must wait %s", w)
		}
		time.Sleep(forgive / 2)
		if w := l.wait(a, time.Now()); w != forgive/2 {
			t.Errorf("it must wait %s", w)
		}
		time.Sleep(forgive / 2)
		if w := l.wait(a, time.Now()); w != 0 {
			t.Errorf("it must wait %s", w)
		}
		l.fail(a, time.Now())
		if w := l.wait(a, time.Now()); w != forgive {
			t.Errorf("it must wait %s", w)
		}
		time.Sleep(time.Hour)
		for range maxFailures - 1 {
			l.fail(a, time.Now())
		}
		if w := l.wait(a, time.Now()); w != 0 {
			t.Errorf("it must wait %s", w)
		}
		// of IPv6, a network counts
		for i := range maxFailures {
			l.fail(fmt.Sprintf("[2001:db8:1:1::%x]:1", i), time.Now())
		}
		if l.wait("[2001:db8:1:1:ffff::1]:9", time.Now()) == 0 || l.wait("[2001:db8:1:2::1]:9", time.Now()) != 0 {
			t.Error("networks are not told apart as they should be")
		}
	})
}

// However many addresses there are, what is remembered is bounded, and whoever is over the bound is limited, too.
func TestLimiterIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l limiter
		address := func(i int) string {
			return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1).String()
		}
		for i := range maxAddresses + 50 {
			l.fail(address(i), time.Now())
		}
		if n := len(l.failures); n > maxAddresses+1 {
			t.Errorf("%d addresses are remembered", n)
		}
		if l.wait(address(1<<20), time.Now()) == 0 {
			t.Error("one that is not remembered is not limited")
		}
		time.Sleep(time.Hour)
		l.fail(address(1<<20), time.Now())
		if n := len(l.failures); n > 2 {
			t.Errorf("%d addresses are remembered that need not be", n)
		}
	})
}
