package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Bounds of what a client can take.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 30 * time.Second
	writeTimeout  = 60 * time.Second
	idleTimeout   = 2 * time.Minute
	handleTimeout = 50 * time.Second // leaves time to say that it took too long
	maxHeader     = 16 << 10         // bytes
)

// stopTimeout bounds how long what is being answered may take when the server is to stop.
const stopTimeout = 15 * time.Second

// TLS names the files of a certificate, with those that it leads up to, and of its key.
type TLS struct {
	Cert, Key string
}

// Config is what a server serves, and to whom.
type Config struct {
	Listen   string // address and port; without an address every one of the machine, with port 0 any that is free
	Name     string // a host name, or an address, by which clients call it besides; empty if there is none
	TLS      *TLS   // nil for plain HTTP
	Insecure bool   // plain HTTP on an address that is not loopback: something else encrypts

	Log     *slog.Logger
	Tokens  Tokens
	Ready   func(ctx context.Context) []string // what is in the way of the program's work; anybody can ask, so it must be cheap
	Metrics http.Handler
	Count   func(route string, code int) // is told of every answer; may be nil
	Routes  []Route
	Hooks   []Hook // without a token: each verifies who sends what
	Pages   []Page // without a token: each has a secret in its links
}

// Server is an HTTP server that listens.
type Server struct {
	cfg      Config
	loopback bool // it can be reached from this machine alone
	listener net.Listener
	handler  http.Handler
	origin   *http.CrossOriginProtection
	limiter  limiter         // of tokens
	hooks    limiter         // of calls of hooks, so that these and tokens do not keep one another out
	pages    limiter         // of links
	quiet    map[string]bool // routes
	stopping time.Duration   // how long what is being answered may take
}

// New checks a configuration and listens. Nothing is answered before Serve, which must be called, since it ends that.
func New(ctx context.Context, cfg Config) (*Server, error) {
	loopback, err := Loopback(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s := &Server{
		cfg: cfg, loopback: loopback, origin: http.NewCrossOriginProtection(), stopping: stopTimeout,
		quiet: map[string]bool{routeLive: true, routeReady: true, routeMetrics: true},
	}
	if !loopback && cfg.TLS == nil && !cfg.Insecure {
		return nil, fmt.Errorf("listen on %s: others could read tokens on their way: give a certificate (serve.tls), listen on 127.0.0.1, or, if something "+
			"else encrypts, say serve.insecure: true", cfg.Listen)
	}
	for _, t := range cfg.Routes {
		if err := t.check(); err != nil {
			return nil, err
		}
	}
	for _, h := range cfg.Hooks {
		if err := h.check(); err != nil {
			return nil, err
		}
	}
	for _, p := range cfg.Pages {
		if err := p.check(); err != nil {
			return nil, err
		}
	}
	var certificates *tls.Config
	if cfg.TLS != nil {
		pair, err := tls.LoadX509KeyPair(cfg.TLS.Cert, cfg.TLS.Key)
		if err != nil {
			return nil, fmt.Errorf("read the certificate %s and its key: %w", cfg.TLS.Cert, err)
		}
		certificates = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	}
	s.handler = s.routes()
	s.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", cfg.Listen, err)
	}
	if certificates != nil {
		s.listener = tls.NewListener(s.listener, certificates)
	}
	return s, nil
}

// URL is where the server can be reached.
func (s *Server) URL() string {
	scheme := "http://"
	if s.cfg.TLS != nil {
		scheme = "https://"
	}
	return scheme + s.listener.Addr().String()
}

// Serve answers until the context ends; what is being answered then is finished, if it does not take too long.
func (s *Server) Serve(ctx context.Context) error {
	answering, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort() // what is still being answered when all else has ended
	srv := &http.Server{
		Handler: s.handler, BaseContext: func(net.Listener) context.Context { return answering },
		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug), // of connections that come to nothing
	}
	s.cfg.Log.Info("listening", "url", s.URL())
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(s.listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve on %s: %w", s.listener.Addr(), err)
	case <-ctx.Done():
	}
	bound, cancel := context.WithTimeout(answering, s.stopping)
	defer cancel()
	err := srv.Shutdown(bound)
	if errors.Is(err, context.DeadlineExceeded) {
		s.cfg.Log.Warn("what is being answered takes too long, and is broken off", "seconds", s.stopping.Seconds())
		err = srv.Close()
	}
	if serveErr := <-ended; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	if err != nil {
		return fmt.Errorf("stop serving on %s: %w", s.listener.Addr(), err)
	}
	return nil
}

// routes puts together what a request passes.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(routeLive, s.live)
	mux.HandleFunc(routeReady, s.ready)
	mux.Handle(routeMetrics, s.reading(s.cfg.Metrics))
	mux.Handle(routeIndex, s.reading(http.HandlerFunc(s.index)))
	for _, t := range s.cfg.Routes {
		mux.HandleFunc(t.name(), s.route(t))
	}
	for _, h := range s.cfg.Hooks {
		mux.HandleFunc(h.name(), s.hook(h))
	}
	for _, p := range s.cfg.Pages {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			mux.HandleFunc(method+" "+p.Pattern, s.page(p))
		}
	}
	return s.observed(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		harden(w.Header())
		if !s.knowsHost(r) {
			writeError(w, http.StatusMisdirectedRequest, "this server does not have that name: call it by its address, or name it in the configuration (serve.name)")
			return
		}
		h, pattern := mux.Handler(r)
		if pattern == "" {
			unmatched(w, r, h)
			return
		}
		mux.ServeHTTP(w, r)
	}))
}

// harden sets what holds for every answer: browsers must not guess what it is, show it in a page of others, load anything for it, or keep it.
func harden(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}

// unmatched answers what is no route, as the mux would, in JSON.
func unmatched(w http.ResponseWriter, r *http.Request, h http.Handler) {
	answer := &discarded{header: http.Header{}}
	h.ServeHTTP(answer, r)
	if allow := answer.header.Get("Allow"); allow != "" {
		w.Header().Set("Allow", allow)
		writeError(w, http.StatusMethodNotAllowed, "this can be asked for with "+allow)
		return
	}
	writeError(w, http.StatusNotFound, "there is no such path; GET / lists those that there are")
}

// discarded is an answer that nobody gets.
type discarded struct{ header http.Header }

func (d *discarded) Header() http.Header            { return d.header }
func (d *discarded) Write(data []byte) (int, error) { return len(data), nil }
func (d *discarded) WriteHeader(int)                {}
