package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Page is HTML for whoever has its link, who needs no token: the link ends with a secret. Both of its functions get the SHA-256 of that alone, under
// which they look up what it is for, and answer NotFound if it is for nothing.
type Page struct {
	Pattern string // a path of http.ServeMux that ends with /{secret}
	// Show says what is to be seen. It must change nothing: programs that look at mail and chats follow every link in them.
	Show func(ctx context.Context, secret [sha256.Size]byte) (View, error)
	// Act does what the button on the page is for.
	Act func(ctx context.Context, secret [sha256.Size]byte) (View, error)
}

// View is what a page shows.
type View struct {
	Title  string
	Body   *template.Template // what is in the body of the document
	Data   any
	Button string // what it says; there is none if it is empty
}

const secretWildcard = "{secret}"

func (p Page) check() error {
	switch {
	case p.Show == nil || p.Act == nil:
		return fmt.Errorf("page %s needs no token, and nothing looks up its secret: give it both Show and Act", p.Pattern)
	case !strings.HasSuffix(p.Pattern, "/"+secretWildcard) || strings.Count(p.Pattern, "{") != 1:
		return fmt.Errorf("page %s needs no token, and its path does not end with /%s", p.Pattern, secretWildcard)
	}
	return nil
}

// prefix is what is before the secret.
func (p Page) prefix() string { return strings.TrimSuffix(p.Pattern, secretWildcard) }

// secretText is how long a secret of 256 bits is in base64url.
const secretText = 43

// hashOf is what is known of a secret. What cannot be one is not.
func hashOf(secret string) (hash [sha256.Size]byte, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(secret)
	if err != nil || len(b) != 32 || len(secret) != secretText { // a decoder passes over line feeds
		return hash, false
	}
	return sha256.Sum256([]byte(secret)), true
}

// style is that of every page. The policy of a page allows it alone, by its hash.
const style = `body{font:16px/1.5 system-ui,sans-serif;max-width:40em;margin:2em auto;padding:0 1em}
dt{color:#555}dd{margin:0 0 .6em;overflow-wrap:anywhere}
button{font:inherit;padding:.7em 1.4em}`

var pagePolicy = func() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
}()

// The form is sent to where the page is.
var frame = template.Must(template.New("frame").Parse(`<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<title>{{.Title}}</title>
<style>{{.Style}}</style>
<h1>{{.Title}}</h1>
{{.Body}}{{with .Button}}<form method="post"><button>{{.}}</button></form>
{{end}}`))

var paragraph = template.Must(template.New("paragraph").Parse("<p>{{.}}\n"))

func problem(text string) View { return View{Title: "Lockstep", Body: paragraph, Data: text} }

// page serves a page. There is no check of origins: browsers do not tell the page's own where it wants no referrer, and nobody can make another one
// ask for what they do not know the secret of.
func (s *Server) page(p Page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		now := time.Now()
		if wait := s.pages.wait(r.RemoteAddr, now); wait > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
			s.show(w, r, http.StatusTooManyRequests, problem("Too many links that lead nowhere were followed from this address: wait a little."))
			return
		}
		do := p.Show
		if r.Method == http.MethodPost {
			do = p.Act
		}
		ctx, cancel := context.WithTimeout(r.Context(), handleTimeout)
		defer cancel()
		v, err := View{}, errNoSecret
		if hash, ok := hashOf(r.PathValue("secret")); ok {
			v, err = do(ctx, hash)
		}
		if err == nil {
			s.show(w, r, http.StatusOK, v)
			return
		}
		code, told := status(err)
		switch {
		case code == http.StatusNotFound:
			s.pages.fail(r.RemoteAddr, now)
			s.show(w, r, code, problem("This link leads nowhere: it is not whole, or belongs to another journal."))
		case told:
			s.show(w, r, code, problem(err.Error()))
		default:
			s.cfg.Log.Error("request failed", "request", requestID(r), "route", r.Pattern, "err", err)
			s.show(w, r, code, problem("This did not work; the log says why, under request "+requestID(r)+". Try again, or use lockstep itself."))
		}
	}
}

var errNoSecret = NotFound(errors.New("it has no secret"))

// show answers with a page.
func (s *Server) show(w http.ResponseWriter, r *http.Request, code int, v View) {
	var body, whole bytes.Buffer
	err := v.Body.Execute(&body, v.Data)
	if err == nil {
		err = frame.Execute(&whole, map[string]any{
			"Title": v.Title, "Style": template.CSS(style), "Body": template.HTML(body.String()), "Button": v.Button, //nolint:gosec // a template has made it
		})
	}
	if err != nil {
		s.fail(w, r, fmt.Errorf("show a page: %w", err))
		return
	}
	w.Header().Set("Content-Security-Policy", pagePolicy)
	w.Header().Set("X-Robots-Tag", "noindex")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write(whole.Bytes()) // who has gone need not be told
}

// unsecret takes the secrets of pages out of a path. It may be of a request that no page answers, such as one with a slash too many.
func (s *Server) unsecret(path string) string {
	for _, p := range s.cfg.Pages {
		if before, _, found := strings.Cut(path, p.prefix()); found {
			return before + p.Pattern
		}
	}
	return path
}
