package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/seed-b6a97670/lockstep/internal/document"
	"github.com/seed-b6a97670/lockstep/internal/token"
)

// Route is something that can be asked for.
type Route struct {
	Method  string      // GET, POST, PUT, PATCH or DELETE
	Pattern string      // a path of http.ServeMux: /api/executions/{id}
	Scope   token.Scope // that a token needs; empty for reading, which a GET alone is
	// Handle answers. What it returns is sent as JSON, nothing if it is nil. See NotFound for errors. It must end with its context.
	Handle func(ctx context.Context, r *Request) (any, error)
}

// name is the route in logs, metrics and on the page.
func (t Route) name() string { return t.Method + " " + t.Pattern }

func (t Route) check() error {
	switch {
	case !slices.Contains([]string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}, t.Method):
		return fmt.Errorf("route %s: %q is no method of one", t.name(), t.Method)
	case t.Scope == "" && t.Method != http.MethodGet:
		return fmt.Errorf("route %s changes something, and has no scope", t.name())
	case t.Scope != "" && !slices.Contains(token.Scopes(), t.Scope):
		return fmt.Errorf("route %s: there is no scope %q", t.name(), t.Scope)
	}
	return nil
}

// Request is what a route is asked.
type Request struct {
	ID    string       // in the log and in the answer
	Token token.Record // of whoever asks; without an ID if they need none
	Query url.Values
	Body  []byte

	path func(name string) string
}

// Path is the part of the path that a name in the pattern stands for.
func (r *Request) Path(name string) string { return r.path(name) }

// Decode reads the body, one JSON document whose members are all known. The error is Invalid.
func (r *Request) Decode(v any) error {
	err := document.Read(r.Body, v)
	if errors.Is(err, document.ErrEmpty) {
		return Invalid(errors.New("the body is empty: send a JSON document"))
	}
	if err != nil {
		return Invalid(fmt.Errorf("the body is not as it should be: %w", err))
	}
	return nil
}

// maxBody bounds the body of a request, in bytes.
const maxBody = 1 << 20

// body reads what a request brings.
func body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil, nil
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, &statusError{http.StatusUnsupportedMediaType, errors.New("the content type must be application/json")}
	}
	return read(w, r)
}

// read reads a body of any kind.
func read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, fmt.Errorf("the body has more than %d bytes: %w", maxBody, err)
	case err != nil:
		return nil, Invalid(fmt.Errorf("read the body: %w", err))
	}
	return data, nil
}

// route serves a route.
func (s *Server) route(t Route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := s.origin.Check(r); err != nil {
			writeError(w, http.StatusForbidden, "a page of another origin asks for this")
			return
		}
		by, refused := s.admit(r, t.Scope)
		if refused != nil {
			refused.write(w)
			return
		}
		whoAsks(r, by)
		data, err := body(w, r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		s.answer(w, r, func(ctx context.Context) (any, error) {
			return t.Handle(ctx, &Request{ID: requestID(r), Token: by, Query: r.URL.Query(), Body: data, path: r.PathValue})
		})
	}
}

// answer answers with what a handler returns.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, handle func(context.Context) (any, error)) {
	ctx, cancel := context.WithTimeout(r.Context(), handleTimeout)
	defer cancel()
	answer, err := handle(ctx)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	encoded, err := json.Marshal(answer)
	if err != nil {
		s.fail(w, r, fmt.Errorf("encode the answer: %w", err))
		return
	}
	writeJSON(w, http.StatusOK, json.RawMessage(encoded))
}

// fail answers with an error. One that says nothing of a status may say what is nobody's business, so that goes to the log alone.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	code, told := status(err)
	if r.Context().Err() != nil { // whoever asks has gone, or the server stops
		code, err, told = http.StatusServiceUnavailable, errors.New("this was broken off: ask again"), true
	}
	if told {
		writeError(w, code, err.Error())
		return
	}
	s.cfg.Log.Error("request failed", "request", requestID(r), "route", r.Pattern, "err", err)
	writeError(w, code, fmt.Sprintf("%s; the log says why, under request %s", strings.ToLower(http.StatusText(code)), requestID(r)))
}
