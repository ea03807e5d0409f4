package monitor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// escalate tells those of the next level of alerts that nobody has acknowledged.
func (m *Monitor) escalate(ctx context.Context, now time.Time) error {
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(m.firing)) {
		r := m.firing[key]
		if r.AcknowledgedAt != 0 || len(r.Receivers()) == 0 || m.silenced(r.Alert, now) {
			continue
		}
		level, notify := m.cfg.Telling.Escalations[r.Severity].Due(r.Alert, r.Level, now.Unix())
		if level == r.Level {
			continue
		}
		kept, done, err := m.cfg.Journal.Escalate(ctx, r.ID, level, notify, m.cfg.Telling.Tell)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		m.firing[key] = kept
		if done {
			m.cfg.Log.WarnContext(ctx, "alert escalated: nobody has acknowledged it", "alert", r.ID, "rule", r.Rule, "level", level, "told", words(notify))
		}
	}
	return errors.Join(errs...)
}

func words(list []rule.Action) string {
	out := make([]string, len(list))
	for i, a := range list {
		out[i] = string(a)
	}
	return strings.Join(out, ", ")
}

// Acknowledge notes who has an alert in hand.
func (m *Monitor) Acknowledge(ctx context.Context, fingerprint, by, note string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, fires := m.firing[fingerprint]
	if !fires {
		return fmt.Errorf("acknowledge an alert: none with fingerprint %.40q fires", fingerprint)
	}
	kept, done, err := m.cfg.Journal.Acknowledge(ctx, r.ID, by, note, m.cfg.Telling.Tell)
	if err != nil || !done {
		return err
	}
	m.firing[fingerprint] = kept
	m.see(rule.Seen{Sight: rule.SawAcknowledged, Network: r.Network, At: time.Now().UnixMilli(), Subject: fingerprint})
	return nil
}
