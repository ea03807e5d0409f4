package web

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

var letters = template.Must(template.New("letters").Parse(`<p>{{.}}`))

// secretOf is one of 256 bits.
func secretOf(b byte) string {
	raw := [32]byte{b, 0xff, 0xfe}
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// paged is a rig with a page whose secret is secretOf(1).
func paged(t *testing.T, remote bool) (g *rig, asked *[]string) {
	t.Helper()
	asked = &[]string{}
	view := func(what string) func(context.Context, [sha256.Size]byte) (View, error) {
		return func(_ context.Context, hash [sha256.Size]byte) (View, error) {
			if hash != sha256.Sum256([]byte(secretOf(1))) {
				return View{}, NotFound(errors.New("there is none such"))
			}
			*asked = append(*asked, what)
			if g.answer != nil {
				_, err := g.answer()
				return View{}, err
			}
			return View{Title: "a <b>", Body: letters, Data: `<script>"&'`, Button: "I'll & do"}, nil
		}
	}
	g = newRig(t, remote, func(c *Config) {
		c.Pages = []Page{{Pattern: "/letters/open/{secret}", Show: view("show"), Act: view("act")}}
	})
	return g, asked
}

func TestPage(t *testing.T) {
	for _, remote := range []bool{false, true} {
		g, asked := paged(t, remote)
		link := "/letters/open/" + secretOf(1)
		for _, tc := range []struct{ method, want string }{{"GET", "show"}, {"POST", "act"}, {"HEAD", "show"}} {
			*asked = nil
			got := g.send(t, ask{method: tc.method, path: link, headers: map[string]string{"Host": "lockstep.example", "Content-Type": "application/x-www-form-urlencoded"}})
			if got.status != http.StatusOK || strings.Join(*asked, ",") != tc.want {
				t.Fatalf("%s: %d, %v: %s", tc.method, got.status, *asked, got.body)
			}
			policy := got.header.Get("Content-Security-Policy")
			for name, want := range map[string]string{
				"Content-Type": "text/html; charset=utf-8", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Frame-Options": "DENY",
				"X-Content-Type-Options": "nosniff", "X-Robots-Tag": "noindex",
			} {
				if got.header.Get(name) != want {
					t.Errorf("%s is %q", name, got.header.Get(name))
				}
			}
			if tc.method == "HEAD" {
				continue
			}
			style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(got.body)
			if style == nil {
				t.Fatal(got.body)
			}
			sum := sha256.Sum256([]byte(style[1]))
			want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
			if policy != want {
				t.Errorf("the policy is %s, want %s", policy, want)
			}
			if n := strings.Count(got.body, "<form method=\"post\"><button>I&#39;ll &amp; do</button></form>"); n != 1 || strings.Count(got.body, "<form") != 1 {
				t.Errorf("the form stands there %d times: %s", n, got.body)
			}
			for _, not := range []string{"<script", "href", "src=", "<b>", secretOf(1), "style=", "http"} {
				if strings.Contains(got.body, not) {
					t.Errorf("the page holds %s: %s", not, got.body)
				}
			}
		}
	}
}

// What is no good link, and that none is acted on.
func TestLinksThatLeadNowhere(t *testing.T) {
	g, asked := paged(t, true)
	whole := secretOf(1)
	for _, secret := range []string{
		secretOf(2), whole[:42], whole + "A", whole[:42] + "%3D", strings.ToLower(whole), strings.Repeat("A", 43), "x", "%00", "..", whole[:42] + string(whole[42]+1), // bits that are left over
	} {
		for _, method := range []string{"GET", "POST"} {
			g.pages = limiter{}
			got := g.send(t, ask{method: method, path: "/letters/open/" + secret})
			if secret == ".." && got.status == http.StatusTemporaryRedirect {
				continue
			}
			if got.status != http.StatusNotFound || len(*asked) > 0 {
				t.Errorf("%s %s: %d, %v", method, secret, got.status, *asked)
			}
		}
	}
	for _, method := range []string{"PUT", "DELETE", "OPTIONS"} {
		if got := g.send(t, ask{method: method, path: "/letters/open/" + whole}); got.status != http.StatusMethodNotAllowed || len(*asked) > 0 {
			t.Errorf("%s: %d, %v", method, got.status, *asked)
		}
	}
	g.answer = func() (any, error) { return nil, Conflict(errors.New("it is <over>")) }
	if got := g.send(t, ask{method: "POST", path: "/letters/open/" + whole}); got.status != 409 || !strings.Contains(got.body, "it is &lt;over&gt;") {
		t.Errorf("%d %s", got.status, got.body)
	}
	g.answer = func() (any, error) { return nil, errors.New("password for db.example is wrong") }
	if got := g.send(t, ask{method: "POST", path: "/letters/open/" + whole}); got.status != 500 || strings.Contains(got.body, "db.example") ||
		!strings.Contains(got.body, got.header.Get("X-Request-Id")) || !strings.Contains(got.header.Get("Content-Type"), "html") {
		t.Errorf("%d %s", got.status, got.body)
	}
	if !strings.Contains(g.log.String(), "db.example") {
		t.Error("the log does not say why")
	}
}

// A page acts for whoever has its link, whatever browsers say of where the form was: where no referrer is wanted, old ones say that it was nowhere.
func TestFormsOfOldBrowsers(t *testing.T) {
	g, asked := paged(t, false)
	for name, value := range map[string]string{"Origin": "null", "Sec-Fetch-Site": "same-origin"} {
		*asked = nil
		if got := g.send(t, ask{method: "POST", path: "/letters/open/" + secretOf(1), headers: map[string]string{name: value}}); got.status != 200 || len(*asked) != 1 {
			t.Errorf("%s: %s: %d, %v", name, value, got.status, *asked)
		}
	}
}

// Links that lead nowhere are limited by address, apart from tokens.
func TestWrongLinksAreLimited(t *testing.T) {
	g, asked := paged(t, false)
	limited := 0
	for i := range 3 * maxFailures {
		got := g.send(t, ask{path: "/letters/open/" + secretOf(byte(i+2))})
		if got.status == http.StatusTooManyRequests {
			if limited++; got.header.Get("Retry-After") != "1" || !strings.Contains(got.header.Get("Content-Type"), "html") {
				t.Errorf("%v", got.header)
			}
		}
	}
	if limited == 0 {
		t.Fatal("none was limited")
	}
	for g.send(t, ask{path: "/letters/open/x"}).status != http.StatusTooManyRequests {
		continue // until there is none left
	}
	if got := g.send(t, ask{method: "POST", path: thing, body: "{}", headers: as(g.token(t, "start"))}); got.status != http.StatusOK {
		t.Errorf("a token: %d", got.status)
	}
	for deadline := time.Now().Add(20 * time.Second); g.send(t, ask{path: "/letters/open/" + secretOf(1)}).status != http.StatusOK; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a good link is never good again")
		}
	}
	if len(*asked) != 1 {
		t.Errorf("%v", *asked)
	}
}

// The secret of a page is in no log, however it is asked for.
func TestSecretsOfPagesAreNotLogged(t *testing.T) {
	g, _ := paged(t, false)
	secret := secretOf(1)
	for _, a := range []ask{
		{path: "/letters/open/" + secret},
		{method: "POST", path: "/letters/open/" + secret},
		{method: "PUT", path: "/letters/open/" + secret},
		{path: "/letters/open/" + secret + "/"},
		{path: "//letters/open/" + secret},
		{path: "/letters/open/../open/" + secret},
		{path: "/letters%2Fopen/" + secret},
		{path: "/letters/op%65n/" + secret},
		{path: "/prefix/letters/open/" + secret},
		{path: "/letters/open/" + secret, headers: map[string]string{"Host": "attacker.example"}},
		{path: "/letters/open/" + secret, headers: map[string]string{"Sec-Fetch-Site": "cross-site", "Referer": "http://x/letters/open/" + secret}},
	} {
		g.send(t, a)
	}
	g.answer = func() (any, error) { panic("lost") }
	g.send(t, ask{path: "/letters/open/" + secret})
	if n := len(g.lines(t, "request")); n < 12 {
		t.Errorf("%d requests are in the log", n)
	}
	if strings.Contains(g.log.String(), secret) {
		t.Errorf("the log holds it:\n%s", g.log.String())
	}
	if !strings.Contains(g.log.String(), `"path":"/letters/open/{secret}"`) {
		t.Error("the log does not say what was asked for")
	}
}

// No route is without a token by mistake.
func TestRoutesWithoutTokens(t *testing.T) {
	verify := func(*Call) (string, error) { return "", nil }
	handle := func(context.Context, *Call) (any, error) { return nil, nil }
	look := func(context.Context, [sha256.Size]byte) (View, error) { return View{}, nil }
	for name, tc := range map[string]struct {
		hooks []Hook
		pages []Page
		want  string
	}{
		"hook without a verifier":  {[]Hook{{Pattern: "/x", Handle: handle}}, nil, "nothing verifies who sends what"},
		"hook without a handler":   {[]Hook{{Pattern: "/x", Verify: verify}}, nil, "has no handler"},
		"page that shows":          {nil, []Page{{Pattern: "/x/{secret}", Show: look}}, "nothing looks up its secret"},
		"page that acts":           {nil, []Page{{Pattern: "/x/{secret}", Act: look}}, "nothing looks up its secret"},
		"page without a secret":    {nil, []Page{{Pattern: "/x", Show: look, Act: look}}, "does not end with /{secret}"},
		"page with another name":   {nil, []Page{{Pattern: "/x/{id}", Show: look, Act: look}}, "does not end with /{secret}"},
		"page with more":           {nil, []Page{{Pattern: "/{x}/{secret}", Show: look, Act: look}}, "does not end with /{secret}"},
		"page with more after it":  {nil, []Page{{Pattern: "/x/{secret}/y", Show: look, Act: look}}, "does not end with /{secret}"},
		"page with all that comes": {nil, []Page{{Pattern: "/x/{secret...}", Show: look, Act: look}}, "does not end with /{secret}"},
	} {
		s, err := New(t.Context(), Config{
			Listen: "127.0.0.1:0", Log: newLog(), Tokens: &tokens{}, Metrics: http.NotFoundHandler(), Hooks: tc.hooks, Pages: tc.pages,
		})
		if err == nil {
			_ = s.listener.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
	g := newRig(t, false, func(c *Config) {
		c.Hooks, c.Pages = []Hook{{Pattern: "/hooks/{name}", Verify: verify, Handle: handle}}, []Page{{Pattern: "/x/{secret}", Show: look, Act: look}}
	})
	page := g.send(t, ask{path: "/"}).body
	for _, want := range []string{"<td>POST<td>/hooks/{name}<td>a signature, or a token, of that hook", "<td>GET<td>/x/{secret}<td>the secret in the link"} {
		if !strings.Contains(page, want) {
			t.Errorf("%s is not on the page:\n%s", want, page)
		}
	}
}
