package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/token"
)

// asked is what is learned of a request on its way.
type asked struct {
	id string
	by string // id of the token, or who calls a hook
}

type askedKey struct{}

func askedOf(r *http.Request) *asked {
	a, ok := r.Context().Value(askedKey{}).(*asked)
	if !ok {
		return &asked{}
	}
	return a
}

func requestID(r *http.Request) string { return askedOf(r).id }

// whoAsks notes it for the log.
func whoAsks(r *http.Request, by token.Record) { askedOf(r).by = by.ID }

// recorder notes what is answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(data []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(data)
	w.bytes += n
	return n, err
}

// Unwrap is for http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// longest bounds what a client can make the log hold of a path.
const longest = 200

// observed gives each request an id, turns a panic into an answer, and writes a line to the log: not the query, no header, and not the secret of a
// page, since each may be one.
func (s *Server) observed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, plain *http.Request) {
		begun := time.Now()
		var random [8]byte
		_, _ = rand.Read(random[:]) // it never fails
		a := &asked{id: hex.EncodeToString(random[:])}
		r := plain.WithContext(context.WithValue(plain.Context(), askedKey{}, a))
		w := &recorder{ResponseWriter: rw}
		w.Header().Set("X-Request-Id", a.id)
		defer func() {
			reason, broken := recover(), false
			if reason != nil {
				if err, ok := reason.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(reason)
				}
				s.cfg.Log.Error("request panicked", "request", a.id, "route", r.Pattern, "err", fmt.Sprint(reason), "stack", string(debug.Stack()))
				if broken = w.status != 0; !broken {
					writeError(w, http.StatusInternalServerError, "internal server error; the log says why, under request "+a.id)
				}
			}
			if w.status == 0 {
				w.status = http.StatusOK
			}
			s.note(r, w, time.Since(begun))
			if broken {
				panic(http.ErrAbortHandler) // what was begun must not look whole
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func (s *Server) note(r *http.Request, w *recorder, took time.Duration) {
	route, level := r.Pattern, slog.LevelInfo
	if route == "" {
		route = "other"
	}
	if s.quiet[route] && w.status < 400 {
		level = slog.LevelDebug // probes ask these all the time
	}
	path := s.unsecret(r.URL.Path)
	if len(path) > longest {
		path = path[:longest]
	}
	a := askedOf(r)
	s.cfg.Log.Log(r.Context(), level, "request", "request", a.id, "route", route, "method", r.Method, "path", path, "status", w.status, "bytes", w.bytes,
		"seconds", took.Seconds(), "remote", r.RemoteAddr, "token", a.by)
	if s.cfg.Count != nil {
		s.cfg.Count(route, w.status)
	}
}
