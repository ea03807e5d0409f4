package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/seed-b6a97670/lockstep/internal/config"
	"github.com/seed-b6a97670/lockstep/internal/notice"
	"github.com/seed-b6a97670/lockstep/internal/notify"
	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// Sender makes what sends messages to the sinks of the configuration, from the queue of the journal. told may be nil.
func (a *App) Sender(told func(notify.Outcome)) (*notify.Sender, error) {
	var outlets []*notify.Outlet
	var problems []error
	for _, s := range a.cfg.Alerts.Sinks {
		o, err := outlet(a.cfg, s)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		outlets = append(outlets, o)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return notify.NewSender(notify.Config{
		Project: a.cfg.Project, Queue: a.store, Outlets: outlets, Receivers: a.cfg.Alerts.Receivers, Log: a.opts.Log, Told: told,
	}), nil
}

// outlet makes a sink of the configuration. The error names every secret that is not where it should be.
func outlet(cfg *config.Config, s config.Sink) (*notify.Outlet, error) {
	spec := notify.Spec{
		Name: s.Name, Type: s.Type, Server: s.Server, From: s.From, To: s.To, User: s.User,
		PerMinute: s.PerMinute, MaxAge: s.MaxAge, Renew: s.Renew, Templates: s.Templates,
	}
	var problems []error
	for _, secret := range []struct {
		what string
		ref  config.Ref
		into *string
	}{{"url", s.URL, &spec.URL}, {"secret", s.Secret, &spec.Secret}, {"key", s.Key, &spec.Key}, {"password", s.Password, &spec.Password}} {
		if secret.ref == "" {
			continue
		}
		value, err := cfg.Resolve(secret.ref)
		if err != nil {
			problems = append(problems, fmt.Errorf("sink %s: %s: %w", s.Name, secret.what, err))
		}
		*secret.into = value
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return notify.New(spec)
}

// SinkTest is what a sink said to a test message.
type SinkTest struct {
	Sink         string  `json:"sink"`
	Type         string  `json:"type"`
	OK           bool    `json:"ok"`
	Error        string  `json:"error,omitempty"`
	Milliseconds float64 `json:"milliseconds"` // until it answered
}

// TestSinks sends a test message to sinks, or to those of receivers, by their names; to all if there are none. That one does not take it is no error.
func (a *App) TestSinks(ctx context.Context, names []string) ([]SinkTest, error) {
	chosen := map[string]bool{}
	for _, name := range names {
		sinks, ok := a.cfg.Alerts.Receivers[name]
		switch {
		case ok:
			for _, s := range sinks {
				chosen[s] = true
			}
		case slices.ContainsFunc(a.cfg.Alerts.Sinks, func(s config.Sink) bool { return s.Name == name }):
			chosen[name] = true
		default:
			return nil, fmt.Errorf("%s is neither a sink nor a receiver of %s; it has %s", name, a.cfg.File, a.sinkNames())
		}
	}
	if len(a.cfg.Alerts.Sinks) == 0 {
		return nil, fmt.Errorf("%s has no sinks, so nobody is told anything: put some under alerts.sinks", a.cfg.File)
	}
	out := []SinkTest{}
	for _, s := range a.cfg.Alerts.Sinks {
		if len(names) == 0 || chosen[s.Name] {
			out = append(out, SinkTest{Sink: s.Name, Type: s.Type})
		}
	}
	var wait sync.WaitGroup
	for i := range out {
		wait.Go(func() { a.testSink(ctx, &out[i]) })
	}
	wait.Wait()
	return out, ctx.Err()
}

func (a *App) sinkNames() string {
	var names []string
	for _, s := range a.cfg.Alerts.Sinks {
		names = append(names, s.Name)
	}
	names = append(names, slices.Sorted(maps.Keys(a.cfg.Alerts.Receivers))...)
	return cmp.Or(strings.Join(names, ", "), "none")
}

func (a *App) testSink(ctx context.Context, t *SinkTest) {
	i := slices.IndexFunc(a.cfg.Alerts.Sinks, func(s config.Sink) bool { return s.Name == t.Sink })
	o, err := outlet(a.cfg, a.cfg.Alerts.Sinks[i])
	if err == nil {
		begun := time.Now()
		id := strings.ReplaceAll(uuid.NewString(), "-", "")
		err = o.Sink.Send(ctx, notice.Message{ID: id, Kind: notice.Test, At: begun.Unix(), Project: a.cfg.Project})
		t.Milliseconds = float64(time.Since(begun).Microseconds()) / 1000
	}
	t.OK = err == nil
	if err != nil {
		t.Error = strings.TrimPrefix(err.Error(), "sink "+t.Sink+": ")
	}
}

// Told is who is told of alerts, and what waits for that.
type Told struct {
	Sinks     []ToldSink     `json:"sinks"`
	Receivers []ToldReceiver `json:"receivers"`
	Waiting   []ToldMessage  `json:"waiting"`
}

// ToldSink is a sink.
type ToldSink struct {
	Name       string `json:"name"`
	Type       string `json:"type"` // empty if it is not in the configuration
	Configured bool   `json:"configured"`
	PerMinute  int    `json:"perMinute"`
	Waiting    int    `json:"waiting"` // messages
	Renewed    int    `json:"renewed"` // alerts that it is told again while they fire
	Lost       int    `json:"lost"`    // messages that it refused, or that grew too old
	SentAt     int64  `json:"sentAt,omitempty"`
	LastError  string `json:"lastError,omitempty"`
	ErrorAt    int64  `json:"errorAt,omitempty"`
}

// ToldReceiver is a receiver.
type ToldReceiver struct {
	Name  string   `json:"name"`
	Sinks []string `json:"sinks"`
}

// ToldMessage is a message that waits.
type ToldMessage struct {
	Sink        string        `json:"sink"`
	ID          string        `json:"id"`
	Kind        notice.Kind   `json:"kind"`
	Severity    rule.Severity `json:"severity"`
	Fingerprint string        `json:"fingerprint,omitempty"`
	Rule        string        `json:"rule,omitempty"`
	Network     string        `json:"network,omitempty"`
	Summary     string        `json:"summary,omitempty"`
	QueuedAt    int64         `json:"queuedAt"`
	Attempts    int           `json:"attempts"`
	LastError   string        `json:"lastError,omitempty"`
}

// Told lists the sinks, the receivers, and what waits in the journal, which is only read.
func (a *App) Told(ctx context.Context) (t Told, err error) {
	t = Told{Sinks: []ToldSink{}, Receivers: []ToldReceiver{}, Waiting: []ToldMessage{}}
	for _, s := range a.cfg.Alerts.Sinks {
		t.Sinks = append(t.Sinks, ToldSink{Name: s.Name, Type: s.Type, Configured: true, PerMinute: s.PerMinute})
	}
	for _, name := range slices.Sorted(maps.Keys(a.cfg.Alerts.Receivers)) {
		t.Receivers = append(t.Receivers, ToldReceiver{name, a.cfg.Alerts.Receivers[name]})
	}
	s, err := store.OpenReadOnly(ctx, a.opts.Journal)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil // so nothing waits in it
	}
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	sinks, waiting, err := s.Notices(ctx)
	if err != nil {
		return t, err
	}
	for _, s := range sinks {
		to := t.sink(s.Sink)
		to.Lost, to.SentAt, to.LastError, to.ErrorAt = s.Lost, s.SentAt, s.Error, s.ErrorAt
	}
	for _, w := range waiting {
		to := t.sink(w.Sink)
		if w.Standing {
			to.Renewed++
			continue
		}
		to.Waiting++
		m, err := notice.Decode(w.Body)
		if err != nil {
			return t, err
		}
		row := ToldMessage{
			Sink: w.Sink, ID: w.ID, Kind: m.Kind, Severity: w.Severity, Fingerprint: w.Fingerprint, QueuedAt: w.QueuedAt, Attempts: w.Attempts, LastError: w.Error,
		}
		if m.Alert != nil {
			row.Rule, row.Network, row.Summary = m.Alert.Rule, m.Alert.Network, m.Alert.Summary
		}
		t.Waiting = append(t.Waiting, row)
	}
	return t, nil
}

// sink is one by its name, which the configuration may have no more.
func (t *Told) sink(name string) *ToldSink {
	i := slices.IndexFunc(t.Sinks, func(s ToldSink) bool { return s.Name == name })
	if i < 0 {
		t.Sinks, i = append(t.Sinks, ToldSink{Name: name}), len(t.Sinks)
	}
	return &t.Sinks[i]
}
