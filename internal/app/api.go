package app

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/store"
	"github.com/seed-b6a97670/lockstep/internal/token"
	"github.com/seed-b6a97670/lockstep/internal/web"
)

func number(block uint64) *big.Int { return new(big.Int).SetUint64(block) }

func isActivation(step string) bool { return strings.HasPrefix(step, "activate") }

// api is what can be asked of the daemon over HTTP.
func (s *server) api() web.Config {
	c := s.app.cfg.Serve
	cfg := web.Config{
		Listen: c.Listen, Name: c.Name, Insecure: c.Insecure, Log: s.log, Tokens: s.app.store, Ready: s.ready, Metrics: s.metrics.Handler(),
		Count: s.metrics.HTTPRequest,
		Routes: []web.Route{
			{Method: "GET", Pattern: "/api/v1/executions", Handle: s.listExecutions},
			{Method: "GET", Pattern: "/api/v1/executions/{plan}", Handle: s.showExecution},
			{Method: "GET", Pattern: "/api/v1/health", Handle: s.showHealth},
			{Method: "POST", Pattern: "/api/v1/executions", Scope: token.Start, Handle: s.startExecution},
			{Method: "POST", Pattern: "/api/v1/executions/{plan}/stop", Scope: token.Decide, Handle: s.stopExecution},
			{Method: "POST", Pattern: "/api/v1/executions/{plan}/retry", Scope: token.Decide, Handle: s.retryExecution},
			{Method: "POST", Pattern: "/api/v1/executions/{plan}/exclude", Scope: token.Decide, Handle: s.excludeNetwork},
		},
	}
	s.answers.serve(&cfg)
	if c.TLS != nil {
		cfg.TLS = &web.TLS{Cert: s.app.cfg.Path(c.TLS.Cert), Key: s.app.cfg.Path(c.TLS.Key)}
	}
	return cfg
}

// staleness is after how long without a look for work the daemon is not ready.
const staleness = 30 * time.Second

func (s *server) ready(context.Context) (problems []string) {
	if s.stopping.Err() != nil {
		return []string{"it is stopping"}
	}
	if time.Since(time.Unix(s.looked.Load(), 0)) > staleness {
		problems = append(problems, "the journal cannot be read, or has not been yet")
	}
	if len(s.unsigned) > 0 {
		problems = append(problems, "nobody can sign here for "+strings.Join(s.unsigned, ", ")+"; the log says why")
	}
	if err := s.app.leases.Failing(); err != nil {
		problems = append(problems, "the journal cannot be written; the log says why")
	}
	return problems
}

func (s *server) listExecutions(ctx context.Context, _ *web.Request) (any, error) {
	all, err := s.app.Executions(ctx)
	return map[string]any{"executions": all}, err
}

func (s *server) showExecution(ctx context.Context, r *web.Request) (any, error) {
	x, err := s.app.Execution(ctx, r.Path("plan"))
	return x, told(err)
}

// told says which errors are for whoever asks.
func told(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNoExecution), errors.Is(err, store.ErrNotFound):
		return web.NotFound(err)
	}
	return err
}

func (s *server) showHealth(ctx context.Context, _ *web.Request) (any, error) {
	out := []NetworkHealth{}
	for _, n := range s.app.networks {
		h, err := s.app.store.Health(ctx, n.ChainID)
		if err != nil {
			return nil, err
		}
		out = append(out, NetworkHealth{Network: n.Name, ChainID: n.ChainID, Healthy: h.Healthy, Problem: h.Problem, Since: h.Since, At: h.At})
	}
	return map[string]any{"networks": out}, nil
}

// startExecution takes a plan of the journal in hand. Plans and approvals get there by lockstep plan and lockstep approve.
func (s *server) startExecution(ctx context.Context, r *web.Request) (any, error) {
	var asked struct {
		Plan common.Hash `json:"plan"`
	}
	if err := r.Decode(&asked); err != nil {
		return nil, err
	}
	x, err := s.handedOver(ctx, asked.Plan)
	if err != nil {
		return nil, told(err)
	}
	report, err := s.app.HandOver(ctx, x, by(r))
	if errors.Is(err, rollout.ErrUnavailable) {
		return nil, web.Unavailable(err)
	}
	if err != nil {
		return nil, web.Conflict(err)
	}
	return report, nil
}

// by is whoever asks, for the audit log.
func by(r *web.Request) string { return fmt.Sprintf("token %s (%s)", r.Token.ID, r.Token.Name) }

type decision struct {
	Reason  string `json:"reason"`
	Network string `json:"network"`
}

func decided(r *web.Request, network bool) (d decision, err error) {
	if err := r.Decode(&d); err != nil {
		return d, err
	}
	switch {
	case d.Reason == "" || len(d.Reason) > 1000:
		return d, web.Invalid(errors.New("reason is missing, or longer than 1000 bytes: say why"))
	case network == (d.Network == ""):
		return d, web.Invalid(errors.New("network is missing, or is not asked for"))
	}
	return d, nil
}

func (s *server) stopExecution(ctx context.Context, r *web.Request) (any, error) {
	d, err := decided(r, false)
	if err != nil {
		return nil, err
	}
	x, err := s.app.StopExecution(ctx, r.Path("plan"), d.Reason, by(r))
	return x, refusedOr(err)
}

func (s *server) retryExecution(ctx context.Context, r *web.Request) (any, error) {
	x, err := s.app.RetryExecution(ctx, r.Path("plan"), by(r))
	return x, refusedOr(err)
}

func (s *server) excludeNetwork(ctx context.Context, r *web.Request) (any, error) {
	d, err := decided(r, true)
	if err != nil {
		return nil, err
	}
	x, err := s.app.ExcludeNetwork(ctx, r.Path("plan"), d.Network, d.Reason, by(r))
	return x, refusedOr(err)
}

// refusedOr is not found, or a conflict with how things stand.
func refusedOr(err error) error {
	if told := told(err); told == nil || told != err { //nolint:errorlint // whether it is that very one
		return told
	}
	return web.Conflict(err)
}
