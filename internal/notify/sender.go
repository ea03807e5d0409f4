package notify

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/notice"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

const (
	lookEvery = time.Second // between looks for what others have queued, and for what is to be tried again
	inHand    = 4           // messages to one sink at the same time, those of critical alerts not counted
	// urgentInHand is how many of critical alerts there can be: not more than a sink can take.
	urgentInHand = 32
	writing      = 10 * time.Second
)

// Waits before a message is sent again.
const (
	firstWait     = 2 * time.Second
	longestWait   = 5 * time.Minute
	longestUrgent = time.Minute // of what is critical, and of finding out whether a sink is there again
)

// Queue keeps what is to be sent. Times are in milliseconds.
type Queue interface {
	EnqueueNotices(ctx context.Context, queued ...notice.Queued) error
	DueNotices(ctx context.Context) (sinks []string, err error)
	ClaimNotices(ctx context.Context, t notice.Terms, claim string) (notice.Claimed, error)
	NoticesSent(ctx context.Context, h notice.Held, stand map[int64]bool, after int64) error
	NoticesFailed(ctx context.Context, h notice.Held, why string, after, alone int64) error
	NoticesRefused(ctx context.Context, h notice.Held, why string) error
}

// Result is what became of sending something once.
type Result string

// The results.
const (
	Sent    Result = "sent"
	Failed  Result = "failed" // and is tried again
	Refused Result = "refused"
	Expired Result = "expired" // it is too old, and was not sent
)

// Outcome is what became of a message, or a summary, for whoever counts that.
type Outcome struct {
	Sink     string
	Result   Result
	Kind     notice.Kind
	Severity rule.Severity
	Messages int // that it stands for
}

// Config is what a Sender needs.
type Config struct {
	Project   string
	Queue     Queue
	Outlets   []*Outlet
	Receivers map[string][]string // names of sinks
	Log       *slog.Logger        // may be nil
	Told      func(Outcome)       // called from several goroutines; may be nil
}

// Sender sends what waits in a queue. Any number of them may share one, also in several processes.
type Sender struct {
	cfg     Config
	outlets map[string]*Outlet
	wake    chan struct{}
	chance  func() float64 // from 0 to 1
	now     func() time.Time
	every   time.Duration

	sending sync.WaitGroup
	mu      sync.Mutex
	inHand  map[hand]int
}

// hand is what is counted of what is being sent.
type hand struct {
	sink   string
	urgent bool
}

// NewSender makes one.
func NewSender(cfg Config) *Sender {
	s := &Sender{
		cfg: cfg, outlets: map[string]*Outlet{}, wake: make(chan struct{}, 1), chance: mathrand.Float64, now: time.Now, every: lookEvery, inHand: map[hand]int{},
	}
	if s.cfg.Log == nil {
		s.cfg.Log = slog.New(slog.DiscardHandler)
	}
	if s.cfg.Told == nil {
		s.cfg.Told = func(Outcome) {}
	}
	for _, o := range cfg.Outlets {
		s.outlets[o.Name] = o
	}
	return s
}

// Prepare makes the rows of a message for receivers, in which each sink is once. A message without an id, a project or a time is given them. A
// receiver that is not known is told nothing, and is named in unknown.
func (s *Sender) Prepare(m notice.Message, receivers ...string) (rows []notice.Queued, unknown []string, err error) {
	var sinks []string
	for _, r := range receivers {
		to, ok := s.cfg.Receivers[r]
		if !ok {
			unknown = append(unknown, r)
		}
		for _, sink := range to {
			if !slices.Contains(sinks, sink) {
				sinks = append(sinks, sink)
			}
		}
	}
	if m.ID == "" {
		m.ID = newID()
	}
	if m.Project == "" {
		m.Project = s.cfg.Project
	}
	if m.At == 0 {
		m.At = s.now().Unix()
	}
	rows, err = notice.Queue(m, sinks...)
	return rows, unknown, err
}

// newID is one that nobody has had.
func newID() string {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // it never fails
	return hex.EncodeToString(id)
}

// Enqueue puts rows into the queue, and sends them soon.
func (s *Sender) Enqueue(ctx context.Context, rows ...notice.Queued) error {
	if err := s.cfg.Queue.EnqueueNotices(ctx, rows...); err != nil {
		return err
	}
	s.Wake()
	return nil
}

// Wake has the queue looked at now, after something was put there.
func (s *Sender) Wake() {
	select {
	case s.wake <- struct{}{}:
	default: // it is about to be looked at
	}
}

// Run sends what waits until ctx ends, and what is being sent then has been.
func (s *Sender) Run(ctx context.Context) error {
	if len(s.outlets) == 0 {
		return nil
	}
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	defer s.sending.Wait()
	failing := ""
	for {
		err := s.look(ctx)
		if err != nil && ctx.Err() == nil && err.Error() != failing {
			s.cfg.Log.ErrorContext(ctx, "the queue of what people are to be told cannot be read", "err", err)
		}
		failing = ""
		if err != nil {
			failing = err.Error()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-s.wake:
		}
	}
}

// look begins to send what may be sent now.
func (s *Sender) look(ctx context.Context) error {
	due, err := s.cfg.Queue.DueNotices(ctx)
	if err != nil {
		return err
	}
	for _, name := range due {
		o := s.outlets[name]
		if o == nil { // another process may have it in its configuration
			continue
		}
		terms := o.Terms
		s.mu.Lock()
		terms.Most -= s.inHand[hand{name, false}]
		terms.Urgent -= s.inHand[hand{name, true}]
		s.mu.Unlock()
		claimed, err := s.cfg.Queue.ClaimNotices(ctx, terms, newID())
		if err != nil {
			return err
		}
		for _, item := range claimed.Lost {
			s.lost(ctx, o, item)
		}
		for _, h := range claimed.Held {
			s.begin(ctx, o, h)
		}
	}
	return nil
}

// lost says that a message was given up.
func (s *Sender) lost(ctx context.Context, o *Outlet, item notice.Item) {
	m, err := notice.Decode(item.Body)
	if err != nil {
		s.cfg.Log.ErrorContext(ctx, "a message was given up, and cannot be read", "sink", o.Name, "err", err)
		return
	}
	s.cfg.Log.ErrorContext(ctx, "a message was not sent in time, and is given up", "sink", o.Name, "kind", m.Kind, "alert", m.Fingerprint(), "severity", m.Severity(),
		"queued", time.Unix(item.QueuedAt, 0).UTC())
	s.cfg.Told(Outcome{o.Name, Expired, m.Kind, m.Severity(), 1})
}

// begin sends rows in a goroutine of their own.
func (s *Sender) begin(ctx context.Context, o *Outlet, h notice.Held) {
	in := hand{o.Name, h.Urgent()}
	count := func(n int) {
		s.mu.Lock()
		s.inHand[in] += n
		s.mu.Unlock()
	}
	count(1)
	s.sending.Go(func() {
		// what is begun is ended, and noted, even if the program is asked to stop: else it would be sent again
		again := s.send(context.WithoutCancel(ctx), o, h)
		count(-1)
		if again {
			s.Wake()
		}
	})
}

// send sends rows, and tells whether others may have waited for that.
func (s *Sender) send(ctx context.Context, o *Outlet, h notice.Held) bool {
	m, stand, err := compose(h, s.cfg.Project)
	if err == nil {
		err = o.Sink.Send(ctx, m)
	}
	noting, cancel := context.WithTimeout(ctx, writing)
	defer cancel()
	var failure *Error
	if err != nil {
		failure = asError(err)
	}
	result := Sent
	var noted error
	switch {
	case failure == nil:
		if o.Renew == 0 {
			stand = nil
		}
		noted = s.cfg.Queue.NoticesSent(noting, h, stand, s.spread(o.Renew))
	case failure.Retry || h.Renewal: // what is renewed stays until its alert is resolved
		result = Failed
		after, alone := s.wait(h, m.Severity(), failure)
		s.cfg.Log.WarnContext(ctx, "a message was not taken, and is sent again", "sink", o.Name, "kind", m.Kind, "alert", m.Fingerprint(), "severity", m.Severity(),
			"attempts", h.Attempts, "in", time.Duration(after)*time.Millisecond, "err", failure)
		noted = s.cfg.Queue.NoticesFailed(noting, h, failure.Error(), after, alone)
	default:
		result = Refused
		s.cfg.Log.ErrorContext(ctx, "a message was refused, and is not sent again", "sink", o.Name, "kind", m.Kind, "alert", m.Fingerprint(), "severity", m.Severity(),
			"err", failure)
		noted = s.cfg.Queue.NoticesRefused(noting, h, failure.Error())
	}
	if noted != nil {
		s.cfg.Log.ErrorContext(ctx, "what became of a message cannot be noted: it may be sent once more", "sink", o.Name, "kind", m.Kind, "result", result, "err", noted)
	}
	s.cfg.Told(Outcome{o.Name, result, m.Kind, m.Severity(), len(h.Items)})
	return result != Failed && noted == nil
}

// wait is after how long a message is sent again, and for how long its sink is told nothing but what is critical: longer each time, and not at the
// same time as others. Both are in milliseconds.
func (s *Sender) wait(h notice.Held, severity rule.Severity, e *Error) (after, alone int64) {
	if e.After > 0 {
		ms := e.After.Milliseconds() + int64(s.chance()*1000)
		return ms, ms
	}
	longest := longestWait
	if severity == rule.Critical || h.Renewal {
		longest = longestUrgent
	}
	return s.spread(doubled(h.Attempts, longest)), s.spread(doubled(h.Failures+1, longestUrgent))
}

// doubled is a wait before a try that follows so many.
func doubled(tries int, longest time.Duration) time.Duration {
	return min(firstWait<<min(max(tries-1, 0), 20), longest)
}

// spread makes a wait up to a quarter shorter, by chance.
func (s *Sender) spread(d time.Duration) int64 {
	return int64(float64(d.Milliseconds()) * (1 - s.chance()/4))
}

// compose makes the message that rows are sent as, and says which of them are to be said again while their alert fires.
func compose(h notice.Held, project string) (m notice.Message, stand map[int64]bool, err error) {
	stand = map[int64]bool{}
	parts := make([]notice.Message, len(h.Items))
	for i, item := range h.Items {
		if parts[i], err = notice.Decode(item.Body); err != nil {
			return m, nil, refused("%v", err)
		}
		stand[item.Number] = parts[i].Fires()
		if h.Renewal {
			parts[i].Kind, parts[i].Was = notice.Renewed, ""
		}
		if item.Before != nil {
			before, err := notice.Decode(item.Before)
			if err == nil && before.Alert != nil && parts[i].Alert != nil && before.Alert.Severity != parts[i].Alert.Severity {
				parts[i].Was = before.Alert.Severity
			}
		}
	}
	if len(parts) == 1 && !h.Renewal {
		return parts[0], stand, nil
	}
	for i := range parts { // a summary is to be short
		parts[i].Attachments, parts[i].Commands = nil, nil
	}
	return notice.Message{ID: h.ID, Kind: notice.Summary, At: parts[len(parts)-1].At, Project: project, Parts: parts}, stand, nil
}
