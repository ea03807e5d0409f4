package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/config"
	"github.com/seed-b6a97670/lockstep/internal/inbound"
	"github.com/seed-b6a97670/lockstep/internal/monitor"
	"github.com/seed-b6a97670/lockstep/internal/notify"
	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/store"
	"github.com/seed-b6a97670/lockstep/internal/web"
)

// alertKeeper shows the rules what is reported from outside, and keeps who has alerts in hand.
type alertKeeper interface {
	// See shows reports to the rules. When it returns without an error, what follows from them is kept.
	See(ctx context.Context, seen []rule.Seen) error
	// Acknowledge notes who has an alert in hand. The first one stays: done says whether it is this one.
	Acknowledge(ctx context.Context, id int64, by, note string) (a rule.Record, done bool, err error)
	// AcknowledgeLinked is Acknowledge by whoever has the link whose secret has a hash.
	AcknowledgeLinked(ctx context.Context, hash common.Hash) (a rule.Record, done bool, err error)
	// ResolveReported ends an alert from outside, because somebody says that it is over.
	ResolveReported(ctx context.Context, id int64, by, reason string) (rule.Record, error)
}

// journalAlerts keeps in the journal what is said about alerts. The process that watches finds it there.
type journalAlerts struct {
	store *store.Store
	cfg   monitor.Config
}

func (j journalAlerts) See(ctx context.Context, seen []rule.Seen) error {
	return monitor.Report(ctx, j.cfg, seen...)
}

func (j journalAlerts) Acknowledge(ctx context.Context, id int64, by, note string) (rule.Record, bool, error) {
	return j.store.Acknowledge(ctx, id, by, note, j.cfg.Telling.Tell)
}

func (j journalAlerts) AcknowledgeLinked(ctx context.Context, hash common.Hash) (rule.Record, bool, error) {
	return j.store.AcknowledgeLinked(ctx, hash, j.cfg.Telling.Tell)
}

func (j journalAlerts) ResolveReported(ctx context.Context, id int64, by, reason string) (rule.Record, error) {
	return j.store.ResolveReported(ctx, id, by, reason, j.cfg.Telling.Tell)
}

// answers takes what is said about alerts from outside: over the API, by links in messages, by webhooks, and by silences of Alertmanager.
type answers struct {
	project       string
	store         *store.Store
	alerts        alertKeeper
	networks      map[string]uint64 // chain ids
	hooks         map[string]*inbound.Hook
	alertmanagers []*inbound.Alertmanager // to which alerts are given
	log           *slog.Logger

	spent map[spentAnswer]bool // answers of alertmanagers that have counted, or need not
	said  string               // what was wrong when these were asked last
}

// spentAnswer is a silence that was found over an alert. It answers once: if the alert is raised again, since it has become graver, nobody has
// looked at that.
type spentAnswer struct {
	fingerprint, by string
	at              int64
}

// newAnswers makes what a configuration asks for.
func newAnswers(cfg *config.Config, s *store.Store, alerting monitor.Config, networks map[string]uint64, log *slog.Logger) (*answers, error) {
	x := &answers{project: cfg.Project, store: s, alerts: journalAlerts{s, alerting}, networks: networks, hooks: map[string]*inbound.Hook{}, log: log, spent: map[spentAnswer]bool{}}
	for name, in := range cfg.Alerts.Inbound {
		hook, err := hookOf(cfg, name, in, networks)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", cfg.File, in.Line, err)
		}
		x.hooks[name] = hook
	}
	for _, sink := range cfg.Alerts.Sinks {
		if sink.Type != notify.TypeAlertmanager {
			continue
		}
		url, err := cfg.Resolve(sink.URL)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: alerts.sinks.%s.url: %w", cfg.File, sink.Line, sink.Name, err)
		}
		am, err := inbound.NewAlertmanager(sink.Name, cfg.Project, url, nil)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", cfg.File, sink.Line, err)
		}
		x.alertmanagers = append(x.alertmanagers, am)
	}
	return x, nil
}

// hookOf makes a hook of the configuration.
func hookOf(cfg *config.Config, name string, in config.Inbound, networks map[string]uint64) (*inbound.Hook, error) {
	spec := inbound.Spec{
		Name: name, Project: cfg.Project, Kind: inbound.Kind(in.Type), Severity: in.Severity, Network: in.Network, Networks: networks,
	}
	var problems []error
	for _, ref := range []struct {
		of  string
		at  config.Ref
		out *string
	}{{"secret", in.Secret, &spec.Secret}, {"token", in.Token, &spec.Token}} {
		if ref.at == "" {
			continue
		}
		value, err := cfg.Resolve(ref.at)
		if err != nil {
			problems = append(problems, fmt.Errorf("alerts.inbound.%s.%s: %w", name, ref.of, err))
		}
		*ref.out = value
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return inbound.New(spec)
}

// serve adds what can be asked for to a server.
func (x *answers) serve(cfg *web.Config) {
	cfg.Routes = append(cfg.Routes, x.routes()...)
	cfg.Pages = append(cfg.Pages, web.Page{Pattern: monitor.AcknowledgePath + "{secret}", Show: x.showLinked, Act: x.acknowledgeLinked})
	if len(x.hooks) > 0 {
		cfg.Hooks = append(cfg.Hooks, web.Hook{Pattern: "/hooks/{name}", Verify: x.verify, Handle: x.receive})
	}
}

func (x *answers) verify(c *web.Call) (by string, err error) {
	name := c.Path("name")
	hook := x.hooks[name]
	if hook == nil {
		return "", fmt.Errorf("there is no hook %.40q", name)
	}
	return "hook " + name, hook.Verify(time.Now(), c.Header, c.Body)
}

// received is how many followed from a delivery.
type received struct {
	Reports int `json:"reports"`
	Answers int `json:"answers"`
}

// receive takes a delivery of a hook. One that cannot be kept is to be delivered again.
func (x *answers) receive(ctx context.Context, c *web.Call) (any, error) {
	name := c.Path("name")
	hook := x.hooks[name]
	d, err := hook.Read(time.Now(), c.Header, c.Body, func(fingerprint string) (bool, error) {
		_, err := x.store.LatestAlert(ctx, fingerprint)
		if errors.Is(err, store.ErrNotFound) {
			return false, nil
		}
		return err == nil, err
	})
	var unreadable *inbound.UnreadableError
	if errors.As(err, &unreadable) {
		return nil, web.Invalid(err)
	}
	out := received{Reports: len(d.Reports)}
	if err == nil && d.Passed != "" {
		x.log.InfoContext(ctx, "a hook was told what nothing follows from, or from some of it", "request", c.ID, "hook", name, "why", d.Passed)
	}
	if err == nil && len(d.Reports) > 0 {
		err = x.alerts.See(ctx, d.Reports)
	}
	for _, a := range d.Answers {
		counts := false
		if err == nil {
			counts, err = x.answer(ctx, a)
		}
		if counts {
			out.Answers++
		}
	}
	if err != nil {
		hook.Forget(d)
		x.log.ErrorContext(ctx, "what a hook was told is not kept", "request", c.ID, "hook", name, "err", err)
		return nil, web.Unavailable(errors.New("this cannot be kept now: send it again"))
	}
	return out, nil
}

// skew is how far the clocks of those who answer may be from ours.
const skew = time.Minute

// answer takes an answer to an alert of ours, and says whether it counts: the alert fires, nobody has it in hand, and it was raised before.
func (x *answers) answer(ctx context.Context, a inbound.Answer) (counts bool, err error) {
	r, err := x.store.LatestAlert(ctx, a.Fingerprint)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	case !r.Fires():
		return false, nil
	case a.At.Before(time.Unix(r.RaisedAt, 0).Add(-skew)):
		x.log.InfoContext(ctx, "an answer is older than the alert, and does not count", "alert", r.ID, "by", a.By, "what", string(a.Kind), "at", a.At)
		return false, nil
	}
	_, done, err := x.alerts.Acknowledge(ctx, r.ID, a.By, a.Note)
	if errors.Is(err, store.ErrResolved) {
		return false, nil
	}
	if done {
		x.log.InfoContext(ctx, "alert acknowledged", "alert", r.ID, "rule", r.Rule, "by", a.By, "what", string(a.Kind))
	}
	return done, err
}

// lookForAnswers is how often alertmanagers are asked whether alerts are silenced there.
const lookForAnswers = 30 * time.Second

// poll asks alertmanagers until ctx ends.
func (x *answers) poll(ctx context.Context) error {
	for {
		if err := x.pollOnce(ctx); err == nil {
			x.said = ""
		} else if err.Error() != x.said && ctx.Err() == nil {
			x.said = err.Error()
			x.log.WarnContext(ctx, "whether alerts are answered cannot be seen", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(lookForAnswers):
		}
	}
}

func (x *answers) pollOnce(ctx context.Context) error {
	if len(x.alertmanagers) == 0 {
		return nil
	}
	all, err := x.store.Alerts(ctx, store.AlertQuery{Firing: true})
	if err != nil {
		return err
	}
	var fingerprints []string
	open := map[string]bool{} // whether nobody has it in hand
	for _, r := range all {
		fingerprints = append(fingerprints, r.Fingerprint)
		open[r.Fingerprint] = r.AcknowledgedBy == ""
	}
	for old := range x.spent {
		if _, fires := open[old.fingerprint]; !fires {
			delete(x.spent, old)
		}
	}
	var errs []error
	for _, am := range x.alertmanagers {
		found, err := am.Answers(ctx, fingerprints)
		errs = append(errs, err)
		for _, a := range found {
			key := spentAnswer{a.Fingerprint, a.By, a.At.UnixNano()}
			if !x.spent[key] && open[a.Fingerprint] {
				if _, err := x.answer(ctx, a); err != nil {
					errs = append(errs, err)
					continue
				}
			}
			x.spent[key] = true
		}
	}
	return errors.Join(errs...)
}
