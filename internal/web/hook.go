package web

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// Hook is where other programs tell something. They have no token of this server: who sends what proves it by its headers and its body, as its
// format has it, which Verify checks.
type Hook struct {
	Pattern string // a path of http.ServeMux, for POST
	// Verify says who sends a call. Every error is answered with 401, which does not say why; the log does.
	Verify func(c *Call) (by string, err error)
	// Handle takes a call that Verify has found to be good. What it returns is sent as that of a Route is.
	Handle func(ctx context.Context, c *Call) (any, error)
}

// Call is what is sent to a hook.
type Call struct {
	ID     string // in the log and in the answer
	Header http.Header
	Body   []byte // as it came

	path func(name string) string
}

// Path is the part of the path that a name in the pattern stands for.
func (c *Call) Path(name string) string { return c.path(name) }

func (h Hook) name() string { return http.MethodPost + " " + h.Pattern }

func (h Hook) check() error {
	switch {
	case h.Verify == nil:
		return fmt.Errorf("hook %s needs no token, and nothing verifies who sends what: give it a Verify", h.name())
	case h.Handle == nil:
		return fmt.Errorf("hook %s has no handler", h.name())
	}
	return nil
}

// hook serves a hook.
func (s *Server) hook(h Hook) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := s.origin.Check(r); err != nil {
			writeError(w, http.StatusForbidden, "a page of another origin asks for this")
			return
		}
		if wait := s.hooks.wait(r.RemoteAddr, time.Now()); wait > 0 {
			(&refusal{status: http.StatusTooManyRequests, retry: wait, reason: "too many calls that are not good came from this address: wait"}).write(w)
			return
		}
		data, err := read(w, r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		c := &Call{ID: requestID(r), Header: r.Header, Body: data, path: r.PathValue}
		by, err := h.Verify(c)
		if err != nil {
			s.hooks.fail(r.RemoteAddr, time.Now())
			s.cfg.Log.Warn("call of a hook refused", "request", c.ID, "route", r.Pattern, "err", err)
			(&refusal{status: http.StatusUnauthorized, reason: "unauthorized"}).write(w)
			return
		}
		askedOf(r).by = by
		s.answer(w, r, func(ctx context.Context) (any, error) { return h.Handle(ctx, c) })
	}
}
