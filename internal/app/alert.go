package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/config"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// AlertQuery says which alerts are meant.
type AlertQuery = store.AlertQuery

// KeptAlert is an alert as the journal has it.
type KeptAlert struct {
	rule.Record
	Silenced bool `json:"silenced"` // a silence covers it now, so that nothing follows from it
}

// Alerts lists alerts of a journal, of any project, the newest first, and changes nothing.
func Alerts(ctx context.Context, journal string, q AlertQuery) (out []KeptAlert, err error) {
	s, err := store.OpenReadOnly(ctx, journal)
	if err != nil {
		return nil, noJournal(journal, err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	records, err := s.Alerts(ctx, q)
	if err != nil {
		return nil, err
	}
	return kept(ctx, s, records...)
}

// Alert returns one alert of a journal, and changes nothing.
func Alert(ctx context.Context, journal string, id int64) (out KeptAlert, err error) {
	s, err := store.OpenReadOnly(ctx, journal)
	if err != nil {
		return KeptAlert{}, noJournal(journal, err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	record, err := s.Alert(ctx, id)
	if err != nil {
		return KeptAlert{}, whichAlert(err)
	}
	all, err := kept(ctx, s, record)
	if err != nil {
		return KeptAlert{}, err
	}
	return all[0], nil
}

// StoredPlan is a plan of a journal, which is named by its digest or the beginning of that.
func StoredPlan(ctx context.Context, journal, digest string) (p *plan.Plan, err error) {
	s, err := store.OpenReadOnly(ctx, journal)
	if err != nil {
		return nil, noJournal(journal, err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	all, err := s.PlanUses(ctx)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(u store.PlanUses) bool { return !strings.HasPrefix(u.Digest.Hex(), strings.ToLower(digest)) })
	if len(all) != 1 {
		return nil, fmt.Errorf("%d plans of the journal have digests that begin with %.66q: name one, or a file", len(all), digest)
	}
	return s.Plan(ctx, all[0].Digest)
}

func kept(ctx context.Context, s *store.Store, records ...rule.Record) ([]KeptAlert, error) {
	at := time.Now().Unix()
	silences, err := s.Silences(ctx, at)
	if err != nil {
		return nil, err
	}
	out := []KeptAlert{}
	for _, r := range records {
		silenced := r.Fires() && slices.ContainsFunc(silences, func(x rule.Silence) bool { return x.Covers(r.Alert, at) })
		out = append(out, KeptAlert{r, silenced})
	}
	return out, nil
}

// whichAlert says where ids are to be found.
func whichAlert(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: see lockstep alert list --all", err)
	}
	return err
}

// Acknowledged is an alert that somebody has in hand.
type Acknowledged struct {
	KeptAlert
	Done bool `json:"done"` // by this call, and not before
}

// Acknowledge notes who has alerts in hand, and why nobody else need be told. Who was first stays. Nothing is noted if one of them is not there, or is
// resolved.
func (a *App) Acknowledge(ctx context.Context, ids []int64, by, note string) (out []Acknowledged, err error) {
	if err := a.openJournal(ctx); err != nil {
		return nil, err
	}
	for _, id := range ids {
		record, err := a.store.Alert(ctx, id)
		if err == nil && !record.Fires() {
			err = store.ErrResolved
		}
		if err != nil {
			return nil, fmt.Errorf("acknowledge alert %d: %w", id, whichAlert(err))
		}
	}
	for _, id := range ids {
		record, done, err := a.store.Acknowledge(ctx, id, by, note, a.alerting(a.store).Telling.Tell)
		if err != nil {
			return out, whichAlert(err)
		}
		all, err := kept(ctx, a.store, record)
		if err != nil {
			return out, err
		}
		out = append(out, Acknowledged{all[0], done})
	}
	return out, nil
}

// ResolveReported ends an alert from outside, because somebody says that it is over.
func (a *App) ResolveReported(ctx context.Context, id int64, by, reason string) (KeptAlert, error) {
	if err := a.openJournal(ctx); err != nil {
		return KeptAlert{}, err
	}
	record, err := a.store.ResolveReported(ctx, id, by, reason, a.alerting(a.store).Telling.Tell)
	if err != nil {
		return KeptAlert{}, whichAlert(err)
	}
	all, err := kept(ctx, a.store, record)
	if err != nil {
		return KeptAlert{}, err
	}
	return all[0], nil
}

// Silence begins a silence that lasts from now on.
func (a *App) Silence(ctx context.Context, x rule.Silence, lasts time.Duration) (rule.Silence, error) {
	if n := x.Network; n != "" && !slices.ContainsFunc(a.cfg.Networks, func(c config.Network) bool { return c.Name == n }) {
		return rule.Silence{}, fmt.Errorf("network %s is not in %s; it has %s", n, a.cfg.File, strings.Join(a.names(), ", "))
	}
	if err := rule.CheckPattern(x.Subject); err != nil {
		return rule.Silence{}, fmt.Errorf("subject %q: %w", x.Subject, err)
	}
	if err := a.openJournal(ctx); err != nil {
		return rule.Silence{}, err
	}
	x.Until = time.Now().Add(lasts).Unix()
	return a.store.BeginSilence(ctx, x)
}

// Unsilence ends a silence before its time.
func (a *App) Unsilence(ctx context.Context, id int64, by string) error {
	if err := a.openJournal(ctx); err != nil {
		return err
	}
	err := a.store.EndSilence(ctx, id, by)
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: see lockstep alert silences", err)
	}
	return err
}

// Silences lists those of a journal that hold now, and changes nothing.
func Silences(ctx context.Context, journal string) (out []rule.Silence, err error) {
	s, err := store.OpenReadOnly(ctx, journal)
	if err != nil {
		return nil, noJournal(journal, err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.Silences(ctx, time.Now().Unix())
}
