package web

import (
	"context"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/token"
)

const (
	routeIndex   = "GET /{$}"
	routeLive    = "GET /health/live"
	routeReady   = "GET /health/ready"
	routeMetrics = "GET /metrics"
)

// readyTimeout bounds how long it may take to see whether all is well.
const readyTimeout = 5 * time.Second

func (s *Server) live(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]bool{"live": true})
}

// ready says whether the program can do its work. Whoever may not read learns that alone, and not what is wrong.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	problems := s.cfg.Ready(ctx)
	answer := map[string]any{"ready": len(problems) == 0}
	if _, refused := s.admit(r, ""); refused == nil {
		answer["problems"] = append([]string{}, problems...)
	}
	code := http.StatusOK
	if len(problems) > 0 {
		code = http.StatusServiceUnavailable
	}
	writeJSON(w, code, answer)
}

// reading lets those in who may read.
func (s *Server) reading(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		by, refused := s.admit(r, "")
		if refused != nil {
			refused.write(w)
			return
		}
		whoAsks(r, by)
		next.ServeHTTP(w, r)
	})
}

// listed is a route on the page.
type listed struct {
	Method, Path, Needs string
	Link                bool
}

var page = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Lockstep</title>
<h1>Lockstep</h1>
<table>
<tr><th>method<th>path<th>needs
{{range .}}<tr><td>{{.Method}}<td>{{if .Link}}<a href="{{.Path}}">{{.Path}}</a>{{else}}{{.Path}}{{end}}<td>{{.Needs}}
{{end}}</table>
<p>Answers are JSON. A token is made with <code>lockstep token create</code> and sent as <code>Authorization: Bearer TOKEN</code>.
`))

// index lists what there is.
func (s *Server) index(w http.ResponseWriter, _ *http.Request) {
	var rows []listed
	add := func(name, needs string) {
		method, path, _ := strings.Cut(name, " ")
		rows = append(rows, listed{method, path, needs, method == http.MethodGet && !strings.Contains(path, "{")})
	}
	reading := "nothing here, a token that may " + string(token.Read) + " from elsewhere"
	add(routeLive, "nothing")
	add(routeReady, "nothing")
	add(routeMetrics, reading)
	for _, t := range s.cfg.Routes {
		needs := reading
		if t.Scope != "" {
			needs = "a token that may " + string(t.Scope)
		}
		add(t.name(), needs)
	}
	for _, h := range s.cfg.Hooks {
		add(h.name(), "a signature, or a token, of that hook")
	}
	for _, p := range s.cfg.Pages {
		add(http.MethodGet+" "+p.Pattern, "the secret in the link")
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.Execute(w, rows) // who has gone need not be told
}
