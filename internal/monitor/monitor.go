package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/notice"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// Journal keeps alerts.
type Journal interface {
	// SaveAlerts keeps what has become of alerts, and queues the messages that tell makes of that, in one transaction.
	SaveAlerts(ctx context.Context, chainID uint64, at *rollout.Block, changes []rule.Change, tell notice.Teller) ([]rule.Record, error)
	Escalate(ctx context.Context, id int64, level int, receivers []rule.Action, tell notice.Teller) (r rule.Record, done bool, err error)
	FiringAlerts(ctx context.Context) ([]rule.Record, error)
	Silences(ctx context.Context, at int64) ([]rule.Silence, error)
	EnqueueNotices(ctx context.Context, queued ...notice.Queued) error
}

// Explainer looks for what explains an effect, in the journal.
type Explainer interface {
	// Expected is all that is expected on a network now.
	Expected(ctx context.Context, chainID uint64) ([]rule.Expected, error)
	// Done says what explains an effect, or what is pending, that this program has brought about: what it did is in the journal.
	Done(ctx context.Context, s rule.Seen) (x rule.Expected, ok bool, err error)
}

// Config is what a monitor needs.
type Config struct {
	Rules     map[string]rule.Settings // of all rules
	Journal   Journal
	Explainer Explainer
	Telling   Telling // its Silenced is the monitor's
	// Pause is asked for when an alert is raised whose action it is; noticed is when what it is about arrived here. It is asked for again at each tick while
	// the alert fires, is critical, and nobody has it in hand, since the process may have ended, or failed, before anything was decided: then noticed is
	// zero. Whoever is asked sees to it that one alert, which has a fingerprint and the time when it was raised, pauses once. It must return at once.
	Pause func(r rule.Record, noticed time.Time)
	// Changed is told of what was kept; it must return at once. May be nil.
	Changed func(rule.Turn, rule.Record)
	Record  io.Writer // everything that is shown is written to it, as a sequence that rule test replays; may be nil
	Log     *slog.Logger
}

// Acknowledged is what Changed is told when somebody has an alert in hand.
const Acknowledged = rule.Turn("acknowledged")

// Monitor is safe for concurrent use.
type Monitor struct {
	cfg Config

	mu       sync.Mutex
	engine   *rule.Engine
	unsaved  []rule.Change
	recorded int64 // unix milliseconds of what was recorded last
	silences []rule.Silence
	names    map[uint64]string // networks that were seen, by chain id
	firing   map[string]rule.Record
	listed   map[uint64][]rule.Expected // what is expected, as it was last read
	expected map[uint64]string          // the same, to be compared
}

// New makes a monitor that goes on with the alerts of the journal that fire.
func New(ctx context.Context, cfg Config) (*Monitor, error) {
	m := &Monitor{cfg: cfg, engine: rule.New(cfg.Rules), firing: map[string]rule.Record{}, names: map[uint64]string{}, expected: map[uint64]string{}, listed: map[uint64][]rule.Expected{}}
	m.cfg.Telling.Silenced = func(a rule.Alert) bool { return m.silenced(a, time.Now()) }
	if err := m.restore(ctx); err != nil {
		return nil, err
	}
	return m, m.lookForSilences(ctx, time.Now())
}

func (m *Monitor) restore(ctx context.Context) error {
	all, err := m.cfg.Journal.FiringAlerts(ctx)
	if err != nil {
		return err
	}
	var alerts []rule.Alert
	acked := map[string]int64{}
	for _, r := range all {
		alerts = append(alerts, r.Alert)
		m.firing[r.Fingerprint] = r
		if r.AcknowledgedAt != 0 {
			acked[r.Fingerprint] = r.AcknowledgedAt
		}
	}
	m.engine.Restore(alerts, acked)
	return nil
}

// Show shows what was seen on one network to the rules; at is up to which block that is all, or nil if it is something else. It returns when what
// follows is in the journal. After an error it will be written later; the caller goes on.
func (m *Monitor) Show(ctx context.Context, chainID uint64, at *rollout.Block, noticed time.Time, seen ...rule.Seen) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var errs []error
	for _, s := range seen {
		if s.Network != "" {
			m.names[s.ChainID] = s.Network
		}
		if !m.engine.Explains(s) {
			errs = append(errs, m.explain(ctx, s))
		}
		m.see(s)
	}
	return errors.Join(append(errs, m.save(ctx, chainID, at, noticed))...)
}

func (m *Monitor) see(s rule.Seen) {
	if m.cfg.Record != nil {
		seen := s
		if s.Sight != rule.SawStep { // networks are looked at side by side, and a sequence does not go back
			m.recorded = max(m.recorded, s.At)
			seen.At = m.recorded
		}
		line, err := json.Marshal(rule.Line{Seen: seen})
		if err == nil {
			_, err = m.cfg.Record.Write(append(line, '\n'))
		}
		if err != nil {
			m.cfg.Log.Error("what is seen cannot be recorded any more", "err", err)
			m.cfg.Record = nil
		}
	}
	m.unsaved = append(m.unsaved, m.engine.See(s)...)
}

// explain looks for an explanation that was not there when what is expected was last read. What cannot be looked for is no explanation: a false
// alarm is ended when the journal can be read.
func (m *Monitor) explain(ctx context.Context, s rule.Seen) error {
	err := m.expect(ctx, s.ChainID, s.Network, s.At)
	if m.engine.Explains(s) {
		return err
	}
	x, ok, txErr := m.cfg.Explainer.Done(ctx, s)
	if ok {
		list := append(slices.Clone(m.listed[s.ChainID]), x)
		m.see(rule.Seen{Sight: rule.SawExpected, Network: s.Network, ChainID: s.ChainID, At: s.At, Expected: list})
	}
	return errors.Join(err, txErr)
}

// expect shows the rules what is expected on a network, if that has changed.
func (m *Monitor) expect(ctx context.Context, chainID uint64, network string, now int64) error {
	list, err := m.cfg.Explainer.Expected(ctx, chainID)
	if err != nil {
		return fmt.Errorf("read what is expected on %s: %w", network, err)
	}
	if is := fmt.Sprint(list); m.expected[chainID] != is {
		m.see(rule.Seen{Sight: rule.SawExpected, Network: network, ChainID: chainID, At: now, Expected: list})
		m.expected[chainID], m.listed[chainID] = is, list
	}
	return nil
}

// save writes what has become of alerts, and lets follow what is to.
func (m *Monitor) save(ctx context.Context, chainID uint64, at *rollout.Block, noticed time.Time) error {
	if len(m.unsaved) == 0 && at == nil {
		return nil
	}
	changes := m.unsaved
	kept, err := m.cfg.Journal.SaveAlerts(ctx, chainID, at, changes, m.cfg.Telling.Tell)
	if err != nil {
		return err
	}
	m.unsaved = nil
	for i, r := range kept {
		if r.ID == 0 {
			continue
		}
		m.keep(r, noticed)
		m.report(changes[i].Turn, r)
		if changes[i].Turn == rule.Raised && r.Has(rule.ActPause) && m.cfg.Pause != nil && !m.silenced(r.Alert, noticed) {
			m.cfg.Pause(r, noticed)
		}
	}
	return nil
}

// keep takes in an alert as the journal has it. Somebody may have taken it in hand meanwhile, in another process.
func (m *Monitor) keep(r rule.Record, now time.Time) {
	was, known := m.firing[r.Fingerprint]
	if m.firing[r.Fingerprint] = r; !r.Fires() {
		delete(m.firing, r.Fingerprint)
		return
	}
	if known && was.AcknowledgedAt == 0 && r.AcknowledgedAt != 0 {
		if m.cfg.Changed != nil {
			m.cfg.Changed(Acknowledged, r)
		}
		m.see(rule.Seen{Sight: rule.SawAcknowledged, Network: r.Network, At: now.UnixMilli(), Subject: r.Fingerprint})
	}
}

func (m *Monitor) report(turn rule.Turn, r rule.Record) {
	if m.cfg.Changed != nil {
		m.cfg.Changed(turn, r)
	}
	args := []any{"alert", r.ID, "rule", r.Rule, "severity", string(r.Severity), "network", r.Network, "subject", r.Subject}
	where := args
	if r.Block.Number != 0 {
		where = append(where, "block", r.Block.Number)
	}
	if r.Tx != (common.Hash{}) {
		where = append(where, "tx", r.Tx)
	}
	switch turn {
	case rule.Raised:
		m.cfg.Log.Warn("alert: "+r.Summary, where...)
	case rule.Resolved:
		m.cfg.Log.Info("alert resolved: "+r.Resolution, args...)
	case rule.Renewed:
		if r.Has(rule.ActLog) {
			m.cfg.Log.Warn("alert, again: "+r.Summary, where...)
		}
	case rule.Confirmed:
	}
}

// pauseAgain asks again for the pauses that alerts ask for which are kept and fire.
func (m *Monitor) pauseAgain(now time.Time) {
	if m.cfg.Pause == nil {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(m.firing)) {
		r := m.firing[key]
		if r.Severity != rule.Critical || !r.Has(rule.ActPause) || r.AcknowledgedAt != 0 || m.silenced(r.Alert, now) {
			continue
		}
		if seen, fires := m.engine.LastSeen(key); fires { // what has just ended is kept a moment later
			r.SeenAt = max(r.SeenAt, seen)
			m.cfg.Pause(r, time.Time{})
		}
	}
}

func (m *Monitor) silenced(a rule.Alert, now time.Time) bool {
	return slices.ContainsFunc(m.silences, func(s rule.Silence) bool { return s.Covers(a, now.Unix()) })
}

// Explained tells whether something that was shown had an explanation.
func (m *Monitor) Explained(s rule.Seen) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.engine.Explains(s)
}

// Firing lists the alerts that fire, as they are kept.
func (m *Monitor) Firing() []rule.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []rule.Record
	for _, r := range m.firing {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b rule.Record) int { return int(a.ID - b.ID) })
	return out
}

// tick is how often time passes for the rules, at least.
const tick = 2 * time.Second

// Run lets time pass: alerts end, are escalated, and what could not be written is written, until ctx ends.
func (m *Monitor) Run(ctx context.Context) error {
	for {
		if err := m.runOnce(ctx, time.Now()); err != nil && ctx.Err() == nil {
			m.cfg.Log.ErrorContext(ctx, "alerts cannot be written; it is tried again", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(tick):
		}
	}
}

func (m *Monitor) runOnce(ctx context.Context, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	unknown := errors.Join(m.lookForSilences(ctx, now), m.lookForAnswers(ctx, now))
	errs := []error{unknown}
	for chainID, name := range m.names {
		errs = append(errs, m.expect(ctx, chainID, name, now.UnixMilli()))
	}
	m.see(rule.Seen{Sight: rule.SawTick, At: now.UnixMilli()})
	if unknown == nil { // what people have said
		m.pauseAgain(now)
	}
	errs = append(errs, m.save(ctx, 0, nil, now), m.escalate(ctx, now))
	return errors.Join(errs...)
}

// lookForSilences finds out what is silenced now. Of what is not any more, and fires still, people are told.
func (m *Monitor) lookForSilences(ctx context.Context, now time.Time) error {
	silences, err := m.cfg.Journal.Silences(ctx, now.Unix())
	if err != nil {
		return err
	}
	before := m.silences
	m.silences = silences
	for _, s := range before {
		if slices.ContainsFunc(silences, func(x rule.Silence) bool { return x.ID == s.ID }) {
			continue
		}
		s.Until = now.Unix() + 1 // so that it covers what it did
		if endErr := m.unsilenced(ctx, s, now); endErr != nil {
			err = errors.Join(err, endErr)
			s.Until = now.Unix()
			m.silences = append(m.silences, s) // it is tried again
		}
	}
	return err
}

// unsilenced tells people that alerts fire which a silence has covered.
func (m *Monitor) unsilenced(ctx context.Context, s rule.Silence, now time.Time) error {
	for _, key := range slices.Sorted(maps.Keys(m.firing)) {
		r := m.firing[key]
		if r.AcknowledgedAt != 0 || !s.Covers(r.Alert, now.Unix()) || m.silenced(r.Alert, now) {
			continue
		}
		err := m.add(ctx, r, fmt.Sprintf("silence %d", s.ID), notice.Message{
			Advice: "It was silenced (" + s.Reason + "), and fires still, now that the silence has ended.", Commands: commands(r),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// lookForAnswers finds out what other processes have done about alerts: who has acknowledged or escalated them, and what was reported from outside.
func (m *Monitor) lookForAnswers(ctx context.Context, now time.Time) error {
	all, err := m.cfg.Journal.FiringAlerts(ctx)
	if err != nil {
		return err
	}
	still := map[string]bool{}
	for _, r := range all {
		still[r.Fingerprint] = true
		_, known := m.firing[r.Fingerprint]
		if r.Rule == rule.External { // it may say something else by now, or be graver
			m.engine.Restore([]rule.Alert{r.Alert}, map[string]int64{r.Fingerprint: r.AcknowledgedAt})
		}
		if known || r.Rule == rule.External {
			m.keep(r, now)
		}
	}
	for fingerprint, r := range m.firing {
		if r.Rule == rule.External && !still[fingerprint] {
			m.engine.Forget(fingerprint)
			delete(m.firing, fingerprint)
		}
	}
	return nil
}

// Report shows reports from outside to the rules. Any process may do so; the one that watches finds in the journal what follows.
func Report(ctx context.Context, cfg Config, seen ...rule.Seen) error {
	engine := rule.New(cfg.Rules)
	all, err := cfg.Journal.FiringAlerts(ctx)
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.Rule == rule.External {
			engine.Restore([]rule.Alert{r.Alert}, nil)
		}
	}
	now := time.Now().Unix()
	silences, err := cfg.Journal.Silences(ctx, now)
	if err != nil {
		return err
	}
	cfg.Telling.Silenced = func(a rule.Alert) bool {
		return slices.ContainsFunc(silences, func(s rule.Silence) bool { return s.Covers(a, now) })
	}
	var changes []rule.Change
	for _, s := range seen {
		if s.Sight != rule.SawReport {
			return fmt.Errorf("what is reported from outside is %q, and must be a report", s.Sight)
		}
		changes = append(changes, engine.See(s)...)
	}
	kept, err := cfg.Journal.SaveAlerts(ctx, 0, nil, changes, cfg.Telling.Tell)
	if err != nil {
		return err
	}
	for i, r := range kept {
		if r.ID != 0 && cfg.Changed != nil {
			cfg.Changed(changes[i].Turn, r)
		}
	}
	return nil
}
