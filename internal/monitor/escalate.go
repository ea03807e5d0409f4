package monitor

import (
	"context"
	"errors"
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
