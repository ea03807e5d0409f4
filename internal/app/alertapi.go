package app

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/store"
	"github.com/seed-b6a97670/lockstep/internal/token"
	"github.com/seed-b6a97670/lockstep/internal/web"
)

// routes are those of the API about alerts.
func (x *answers) routes() []web.Route {
	return []web.Route{
		{Method: "GET", Pattern: "/api/v1/alerts", Handle: x.listAlerts},
		{Method: "GET", Pattern: "/api/v1/alerts/{id}", Handle: x.showAlert},
		{Method: "POST", Pattern: "/api/v1/alerts/{id}/acknowledge", Scope: token.Decide, Handle: x.acknowledge},
		{Method: "POST", Pattern: "/api/v1/alerts/{id}/resolve", Scope: token.Decide, Handle: x.resolveReported},
		{Method: "GET", Pattern: "/api/v1/silences", Handle: x.listSilences},
		{Method: "POST", Pattern: "/api/v1/silences", Scope: token.Decide, Handle: x.beginSilence},
		{Method: "POST", Pattern: "/api/v1/silences/{id}/end", Scope: token.Decide, Handle: x.endSilence},
	}
}

// How many alerts are listed.
const (
	alertsListed    = 100
	maxAlertsListed = 1000
)

func (x *answers) listAlerts(ctx context.Context, r *web.Request) (any, error) {
	q := store.AlertQuery{Limit: alertsListed}
	for name, values := range r.Query {
		var err error
		switch value := values[0]; name {
		case "firing":
			q.Firing, err = strconv.ParseBool(value)
		case "since":
			q.Since, err = strconv.ParseInt(value, 10, 64)
		case "limit":
			if q.Limit, err = strconv.Atoi(value); err == nil && (q.Limit < 1 || q.Limit > maxAlertsListed) {
				err = strconv.ErrRange
			}
		default:
			err = strconv.ErrSyntax
		}
		if err != nil || len(values) > 1 {
			return nil, web.Invalid(fmt.Errorf("%.40q is not as it should be: there are firing (true or false), since (unix seconds) and limit (1 to %d)", name, maxAlertsListed))
		}
	}
	all, err := x.store.Alerts(ctx, q)
	return map[string]any{"alerts": append([]rule.Record{}, all...)}, err
}

// numbered is the id in the path of a request.
func numbered(r *web.Request) (int64, error) {
	id, err := strconv.ParseUint(r.Path("id"), 10, 63)
	if err != nil {
		return 0, web.NotFound(fmt.Errorf("%.40q is no id: it is a number", r.Path("id")))
	}
	return int64(id), nil
}

func (x *answers) showAlert(ctx context.Context, r *web.Request) (any, error) {
	id, err := numbered(r)
	if err != nil {
		return nil, err
	}
	a, err := x.store.Alert(ctx, id)
	return a, told(err)
}

// maxReason bounds what people say of why, in bytes.
const maxReason = 1000

func (x *answers) acknowledge(ctx context.Context, r *web.Request) (any, error) {
	id, err := numbered(r)
	if err != nil {
		return nil, err
	}
	var said struct {
		Note string `json:"note"`
	}
	if err := r.Decode(&said); err != nil {
		return nil, err
	}
	if len(said.Note) > maxReason {
		return nil, web.Invalid(fmt.Errorf("note is longer than %d bytes", maxReason))
	}
	a, done, err := x.alerts.Acknowledge(ctx, id, by(r), said.Note)
	switch {
	case errors.Is(err, store.ErrResolved):
		return nil, web.Conflict(err)
	case err != nil:
		return nil, told(err)
	case !done:
		return nil, web.Conflict(fmt.Errorf("acknowledge alert %d: %s has it in hand since %s", id, a.AcknowledgedBy, moment(a.AcknowledgedAt)))
	}
	return a, nil
}

func (x *answers) resolveReported(ctx context.Context, r *web.Request) (any, error) {
	id, err := numbered(r)
	if err != nil {
		return nil, err
	}
	var said struct {
		Reason string `json:"reason"`
	}
	if err := r.Decode(&said); err != nil {
		return nil, err
	}
	if strings.TrimSpace(said.Reason) == "" || len(said.Reason) > maxReason {
		return nil, web.Invalid(fmt.Errorf("reason is missing, or longer than %d bytes: say how it is known that it is over", maxReason))
	}
	a, err := x.alerts.ResolveReported(ctx, id, by(r), strings.TrimSpace(said.Reason))
	if errors.Is(err, store.ErrResolved) || errors.Is(err, store.ErrSeenHere) {
		return nil, web.Conflict(err)
	}
	return a, told(err)
}

func (x *answers) listSilences(ctx context.Context, _ *web.Request) (any, error) {
	all, err := x.store.Silences(ctx, time.Now().Unix())
	return map[string]any{"silences": append([]rule.Silence{}, all...)}, err
}

func (x *answers) beginSilence(ctx context.Context, r *web.Request) (any, error) {
	var asked struct {
		Rule    string `json:"rule"`
		Network string `json:"network"`
		Subject string `json:"subject"`
		Until   int64  `json:"until"`
		For     string `json:"for"`
		Reason  string `json:"reason"`
	}
	if err := r.Decode(&asked); err != nil {
		return nil, err
	}
	now := time.Now()
	if asked.For != "" {
		length, err := time.ParseDuration(asked.For)
		if err != nil || asked.Until != 0 {
			return nil, web.Invalid(errors.New("say either until, in unix seconds, or for, such as 2h"))
		}
		asked.Until = now.Add(length).Unix()
	}
	s := rule.Silence{Rule: asked.Rule, Network: asked.Network, Subject: asked.Subject, Until: asked.Until, Reason: asked.Reason, By: by(r)}
	if err := checkSilence(s, x.networks, now); err != nil {
		return nil, web.Invalid(err)
	}
	return x.store.BeginSilence(ctx, s)
}

// longestSilence is how long nothing may follow from alerts: what is silenced for ever is a rule that should be off, which the configuration says.
const longestSilence = 30 * 24 * time.Hour

// checkSilence refuses a silence that would cover nothing, or for too long, or without a reason. networks are those that there are.
func checkSilence(s rule.Silence, networks map[string]uint64, now time.Time) error {
	_, known := rule.Define(s.Rule)
	_, there := networks[s.Network]
	switch {
	case !known:
		return fmt.Errorf("silence: there is no rule %.40q", s.Rule)
	case s.Network != "" && !there:
		return fmt.Errorf("silence: there is no network %.40q", s.Network)
	case len(s.Subject) > maxReason:
		return fmt.Errorf("silence: subject is longer than %d bytes", maxReason)
	case rule.CheckPattern(s.Subject) != nil:
		return fmt.Errorf("silence: subject: %w", rule.CheckPattern(s.Subject))
	case s.Reason == "" || len(s.Reason) > maxReason:
		return fmt.Errorf("silence: reason is missing, or longer than %d bytes: say why", maxReason)
	case s.Until <= now.Unix():
		return errors.New("silence: it would be over already: say until when, or for how long, such as 2h")
	case s.Until > now.Add(longestSilence).Unix():
		return errors.New("silence: it would be for more than 30 days: make it shorter, or turn the rule off in the configuration")
	}
	return nil
}

func (x *answers) endSilence(ctx context.Context, r *web.Request) (any, error) {
	id, err := numbered(r)
	if err != nil {
		return nil, err
	}
	return nil, told(x.store.EndSilence(ctx, id, by(r)))
}
