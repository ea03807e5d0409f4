package notify

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/notice"
	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// journal is the queue of a journal in a file, and how time passes in it.
type journal struct {
	*store.Store
	where string
}

func newJournal(t *testing.T) *journal {
	t.Helper()
	return openJournal(t, filepath.Join(t.TempDir(), "lockstep.db"))
}

func openJournal(t *testing.T, where string) *journal {
	t.Helper()
	s, err := store.Open(t.Context(), where, "market")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &journal{s, where}
}

// wait lets time pass, as far as the queue knows.
func (j *journal) wait(t *testing.T, d time.Duration) {
	t.Helper()
	db, err := sql.Open("sqlite", j.where)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	ms := d.Milliseconds()
	_, err = db.ExecContext(t.Context(), `UPDATE notices SET queued_ms = queued_ms - ?, next_ms = next_ms - ?, claimed_ms = claimed_ms - ?;
		UPDATE notice_sinks SET filled_ms = filled_ms - ?, held_ms = held_ms - ?`, ms, ms, ms, ms, ms)
	if err != nil {
		t.Fatal(err)
	}
}

// left is what waits, as kind and subject, with = for what is said again.
func (j *journal) left(t *testing.T) (out []string) {
	t.Helper()
	_, waiting, err := j.Notices(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range waiting {
		m, err := notice.Decode(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		text := string(m.Kind) + " " + m.Alert.Subject
		if w.Standing {
			text += "="
		}
		out = append(out, text)
	}
	return out
}

// told notes outcomes.
type told struct {
	mu  sync.Mutex
	all []string
}

func (o *told) note(out Outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, fmt.Sprintf("%s %s %s %s %d", out.Sink, out.Result, out.Kind, out.Severity, out.Messages))
}

func (o *told) take() (all []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	all, o.all = o.all, nil
	slices.Sort(all)
	return all
}

// newTestSender makes a sender without chance in it, whose receiver all has every sink.
func newTestSender(q Queue, log io.Writer, outlets ...*Outlet) (*Sender, *told) {
	o := &told{}
	var names []string
	for _, out := range outlets {
		names = append(names, out.Name)
	}
	s := NewSender(Config{
		Project: "market", Queue: q, Outlets: outlets, Receivers: map[string][]string{"all": names}, Told: o.note,
		Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	s.chance, s.now = func() float64 { return 0 }, func() time.Time { return time.Unix(begun, 0) }
	return s, o
}

// runOnce looks at the queue once, and waits until what it has found is sent.
func (s *Sender) runOnce(t *testing.T) {
	t.Helper()
	if err := s.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.sending.Wait()
}

// say queues a message about an alert for all sinks.
func (s *Sender) say(t *testing.T, kind notice.Kind, severity rule.Severity, subject string) {
	t.Helper()
	a := alertOf("r", severity, subject)
	if kind == notice.Resolved {
		a.ResolvedAt = begun + 1
	}
	rows, unknown, err := s.Prepare(notice.Message{Kind: kind, Alert: a}, "all")
	if err == nil {
		err = s.Enqueue(t.Context(), rows...)
	}
	if err != nil || unknown != nil {
		t.Fatal(err, unknown)
	}
}

// subjects writes the bodies of webhooks as kind and subject, those of summaries with + between them.
func subjects(t *testing.T, bodies []string) (out []string) {
	t.Helper()
	for _, b := range bodies {
		var m webhookBody
		if err := json.Unmarshal([]byte(b), &m); err != nil {
			t.Fatal(err)
		}
		parts := m.Parts
		if m.Alert != nil {
			parts = []notice.Message{m.Message}
		}
		var texts []string
		for _, p := range parts {
			texts = append(texts, string(p.Kind)+" "+p.Alert.Subject)
		}
		out = append(out, strings.Join(texts, "+"))
	}
	return out
}

func mustBe(t *testing.T, what string, got, want []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func hook(t *testing.T, w *wall, name string) *Outlet {
	t.Helper()
	return outletOf(t, Spec{Name: name, Type: TypeWebhook, URL: w.URL})
}

func TestSender(t *testing.T) {
	j, w, x := newJournal(t), newWall(t, nil), newWall(t, nil)
	s, told := newTestSender(j, io.Discard, hook(t, w, "a"), hook(t, x, "b"))
	s.runOnce(t)
	s.say(t, notice.Raised, rule.Warning, "1")
	s.say(t, notice.Raised, rule.Critical, "2")
	s.say(t, notice.Resolved, rule.Warning, "1")
	s.runOnce(t)
	s.runOnce(t)
	for _, sink := range []*wall{w, x} {
		got := subjects(t, sink.all())
		slices.Sort(got[:2]) // of two alerts there is no order
		mustBe(t, "it was told", got, []string{"raised 1", "raised 2", "resolved 1"})
	}
	mustBe(t, "left", j.left(t), nil)
	mustBe(t, "outcomes", told.take(), []string{
		"a sent raised critical 1", "a sent raised warning 1", "a sent resolved warning 1",
		"b sent raised critical 1", "b sent raised warning 1", "b sent resolved warning 1",
	})
	var m webhookBody
	if err := json.Unmarshal([]byte(w.all()[0]), &m); err != nil || len(m.ID) != 32 || m.At != begun || m.Project != "market" || m.Title == "" || m.Text == "" {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestPrepare(t *testing.T) {
	s := NewSender(Config{Project: "market", Receivers: map[string][]string{"ops": {"a", "b"}, "security": {"b", "c"}}})
	rows, unknown, err := s.Prepare(notice.Message{ID: "m", Kind: notice.Raised, Alert: alertOf("r", rule.High, "1")}, "ops", "security", "nobody")
	if err != nil {
		t.Fatal(err)
	}
	var sinks []string
	for _, r := range rows {
		sinks = append(sinks, r.Sink)
	}
	mustBe(t, "sinks", sinks, []string{"a", "b", "c"})
	mustBe(t, "unknown", unknown, []string{"nobody"})
	if rows, _, err := s.Prepare(notice.Message{Kind: notice.Raised}); err != nil || len(rows) != 0 {
		t.Errorf("%v, %v", rows, err)
	}
}

// What is not taken is sent again under the same id, and nothing of its alert overtakes it.
func TestSendAgain(t *testing.T) {
	j := newJournal(t)
	w := newWall(t, func(w http.ResponseWriter, n int) {
		if n < 3 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	var log bytes.Buffer
	r := &recording{Queue: j}
	s, told := newTestSender(r, &log, hook(t, w, "a"))
	s.say(t, notice.Raised, rule.Warning, "1")
	s.say(t, notice.Resolved, rule.Warning, "1")
	for _, wait := range []time.Duration{0, 2 * time.Second, 4 * time.Second, 0} {
		j.wait(t, wait)
		s.runOnce(t)
	}
	mustBe(t, "it was told", subjects(t, w.all()), []string{"raised 1", "raised 1", "raised 1", "resolved 1"})
	ids := map[string]int{}
	for _, h := range w.headers {
		ids[h.Get(headerID)]++
	}
	if len(ids) != 2 {
		t.Errorf("ids %v", ids)
	}
	mustBe(t, "waits", r.waits, []string{"2000 2000", "4000 4000"})
	mustBe(t, "outcomes", told.take(), []string{"a failed raised warning 1", "a failed raised warning 1", "a sent raised warning 1", "a sent resolved warning 1"})
	if !strings.Contains(log.String(), "a message was not taken, and is sent again") || strings.Contains(log.String(), w.URL) {
		t.Errorf("the log says %s", log.String())
	}
}

// recording notes for how long what failed is left alone.
type recording struct {
	Queue
	waits []string
	fail  error // of noting that something was sent, once
}

func (r *recording) NoticesFailed(ctx context.Context, h notice.Held, why string, after, alone int64) error {
	r.waits = append(r.waits, fmt.Sprintf("%d %d", after, alone))
	return r.Queue.NoticesFailed(ctx, h, why, after, alone)
}

func (r *recording) NoticesSent(ctx context.Context, h notice.Held, stand map[int64]bool, after int64) error {
	if err := r.fail; err != nil {
		r.fail = nil
		return err
	}
	return r.Queue.NoticesSent(ctx, h, stand, after)
}

func TestRetryAfter(t *testing.T) {
	w := newWall(t, func(w http.ResponseWriter, n int) {
		if n == 1 {
			w.Header().Set("Retry-After", "40")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	})
	j := newJournal(t)
	r := &recording{Queue: j}
	s, _ := newTestSender(r, io.Discard, hook(t, w, "a"))
	s.say(t, notice.Raised, rule.Warning, "1")
	s.runOnce(t)
	s.say(t, notice.Raised, rule.Warning, "2")
	j.wait(t, 20*time.Second)
	s.runOnce(t)
	mustBe(t, "it was told", subjects(t, w.all()), []string{"raised 1"})
	j.wait(t, 20*time.Second)
	s.runOnce(t)
	s.runOnce(t)
	mustBe(t, "it was told", subjects(t, w.all()), []string{"raised 1", "raised 1", "raised 2"})
	mustBe(t, "waits", r.waits, []string{"40000 40000"})
}

func TestWaits(t *testing.T) {
	s := NewSender(Config{})
	for _, test := range []struct {
		attempts, failures int
		severity           rule.Severity
		after              time.Duration
		chance             float64
		want               string
	}{
		{1, 0, rule.High, 0, 0, "2s 2s"},
		{2, 1, rule.High, 0, 0, "4s 4s"},
		{5, 9, rule.High, 0, 0, "32s 1m0s"},
		{9, 3, rule.High, 0, 0, "5m0s 16s"},
		{9, 3, rule.Critical, 0, 0, "1m0s 16s"},
		{900, 900, rule.Info, 0, 0, "5m0s 1m0s"},
		{1, 0, rule.High, 0, 1, "1.5s 1.5s"},
		{900, 0, rule.High, 0, 0.5, "4m22.5s 1.75s"},
		{1, 0, rule.Critical, 90 * time.Second, 0, "1m30s 1m30s"},
		{1, 0, rule.High, 90 * time.Second, 1, "1m31s 1m31s"},
	} {
		s.chance = func() float64 { return test.chance }
		after, alone := s.wait(notice.Held{Attempts: test.attempts, Failures: test.failures}, test.severity, &Error{After: test.after})
		if got := fmt.Sprint(time.Duration(after)*time.Millisecond, " ", time.Duration(alone)*time.Millisecond); got != test.want {
			t.Errorf("%+v: %s", test, got)
		}
	}
	if after, _ := s.wait(notice.Held{Attempts: 900, Renewal: true}, rule.Info, &Error{}); after > notice.LongestWait || after > longestUrgent.Milliseconds() {
		t.Errorf("a renewal waits %d", after)
	}
}

// What a sink refuses is given up, and what comes after it is sent.
func TestRefused(t *testing.T) {
	j := newJournal(t)
	w := newWall(t, func(w http.ResponseWriter, n int) {
		if n == 1 {
			w.WriteHeader(http.StatusNotFound)
		}
	})
	var log bytes.Buffer
	s, told := newTestSender(j, &log, hook(t, w, "a"))
	s.say(t, notice.Raised, rule.Critical, "1")
	s.say(t, notice.Resolved, rule.Critical, "1")
	s.runOnce(t)
	s.runOnce(t)
	mustBe(t, "it was told", subjects(t, w.all()), []string{"raised 1", "resolved 1"})
	mustBe(t, "left", j.left(t), nil)
	mustBe(t, "outcomes", told.take(), []string{"a refused raised critical 1", "a sent resolved critical 1"})
	if !strings.Contains(log.String(), `level=ERROR msg="a message was refused, and is not sent again" sink=a kind=raised`) {
		t.Errorf("the log says %s", log.String())
	}
}

// What a process had in hand that died is sent by the next one, once more at most, under the same id.
func TestSenderDies(t *testing.T) {
	j, w := newJournal(t), newWall(t, nil)
	r := &recording{Queue: j, fail: errors.New("killed")}
	dies, _ := newTestSender(r, io.Discard, hook(t, w, "a"))
	dies.say(t, notice.Raised, rule.Critical, "1")
	dies.runOnce(t) // it is sent, and nobody notes that
	next, _ := newTestSender(openJournal(t, j.where), io.Discard, hook(t, w, "a"))
	next.runOnce(t)
	j.wait(t, notice.ClaimTime*time.Millisecond)
	for range 3 {
		next.runOnce(t)
		j.wait(t, time.Hour)
	}
	mustBe(t, "it was told", subjects(t, w.all()), []string{"raised 1", "raised 1"})
	if a, b := w.headers[0].Get(headerID), w.headers[1].Get(headerID); a != b || a == "" {
		t.Errorf("ids %q and %q", a, b)
	}
}

// What is over the limit is told in a summary that names every alert; what is critical is told at once, and alone.
func TestLimit(t *testing.T) {
	j, w := newJournal(t), newWall(t, nil)
	o := outletOf(t, Spec{Name: "a", Type: TypeWebhook, URL: w.URL, PerMinute: 3, MaxAge: time.Hour})
	o.Terms.Most = 9
	s, told := newTestSender(j, io.Discard, o)
	for i := range 10 {
		s.say(t, notice.Raised, rule.Warning, fmt.Sprint(i))
	}
	s.runOnce(t)
	got := subjects(t, w.all())
	slices.SortFunc(got, func(a, b string) int { return len(a) - len(b) })
	if len(got) != 3 || len(strings.Split(got[2], "+")) != 8 {
		t.Errorf("it was told %q", got)
	}
	for i := range 20 {
		s.say(t, notice.Raised, rule.Critical, fmt.Sprint("c", i))
		s.say(t, notice.Raised, rule.Warning, fmt.Sprint("w", i))
	}
	s.runOnce(t)
	if got := subjects(t, w.all())[3:]; len(got) != 20 || strings.Contains(strings.Join(got, ""), "+") || strings.Contains(strings.Join(got, ""), "w") {
		t.Errorf("it was told %q", got)
	}
	for len(j.left(t)) > 0 {
		j.wait(t, 20*time.Second)
		s.runOnce(t)
	}
	if got := subjects(t, w.all())[23:]; len(got) != 1 || len(strings.Split(got[0], "+")) != 20 {
		t.Errorf("it was told %q", got)
	}
	var m webhookBody
	if err := json.Unmarshal([]byte(w.all()[23]), &m); err != nil || m.Kind != notice.Summary {
		t.Fatal(m.Kind, err)
	}
	for _, p := range m.Parts {
		if !strings.Contains(m.Text, p.Alert.Fingerprint) {
			t.Errorf("%s is not named", p.Alert.Fingerprint)
		}
	}
	if all := told.take(); !slices.Contains(all, "a sent summary warning 20") || !slices.Contains(all, "a sent summary warning 8") {
		t.Errorf("outcomes %q", all)
	}
}

// A sink that hangs with what is not critical is told what is.
func TestCriticalIsNotHeldBack(t *testing.T) {
	j := newJournal(t)
	release := make(chan struct{})
	w := newWall(t, nil)
	w.answer = func(_ http.ResponseWriter, n int) {
		if n <= inHand {
			<-release
		}
	}
	s, _ := newTestSender(j, io.Discard, hook(t, w, "a"))
	s.every = time.Hour // it is woken, or nothing happens
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	for i := range 2 * inHand {
		s.say(t, notice.Raised, rule.High, fmt.Sprint(i))
	}
	for n := 0; n < inHand; { // until all of them hang
		w.mu.Lock()
		n = len(w.requests)
		w.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
	s.say(t, notice.Raised, rule.Critical, "now")
	if got := subjects(t, []string{<-w.arrived}); got[0] != "raised now" {
		t.Errorf("it was told %q", got)
	}
	close(release)
	for range 2 * inHand {
		<-w.arrived
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	mustBe(t, "left", j.left(t), nil)
}

// What is critical and hangs does not hold back the rest, either.
func TestTheRestIsNotHeldBack(t *testing.T) {
	j := newJournal(t)
	release := make(chan struct{})
	w := newWall(t, func(_ http.ResponseWriter, n int) {
		if n <= inHand {
			<-release
		}
	})
	s, _ := newTestSender(j, io.Discard, hook(t, w, "a"))
	for i := range inHand {
		s.say(t, notice.Raised, rule.Critical, fmt.Sprint(i))
	}
	if err := s.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n := 0; n < inHand; { // until all of them hang
		w.mu.Lock()
		n = len(w.requests)
		w.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
	s.say(t, notice.Raised, rule.Info, "small")
	if err := s.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := subjects(t, []string{<-w.arrived}); got[0] != "raised small" {
		t.Errorf("it was told %q", got)
	}
	close(release)
	s.sending.Wait()
}

// A sender that is stopped ends what it has begun.
func TestStop(t *testing.T) {
	j := newJournal(t)
	arrived, release := make(chan struct{}), make(chan struct{})
	w := newWall(t, func(http.ResponseWriter, int) { close(arrived); <-release })
	s, told := newTestSender(j, io.Discard, hook(t, w, "a"))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	s.say(t, notice.Raised, rule.High, "1")
	<-arrived
	cancel()
	close(release)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	mustBe(t, "outcomes", told.take(), []string{"a sent raised high 1"})
	mustBe(t, "left", j.left(t), nil)
}

// With no sinks there is nothing to do, and nothing to fail.
func TestNoSinks(t *testing.T) {
	s := NewSender(Config{})
	if err := s.Run(t.Context()); err != nil {
		t.Error(err)
	}
}

// Rows of sinks that only another process has are left to it, and rows that nobody can read hold nothing up.
func TestRowsOfOthers(t *testing.T) {
	j, w := newJournal(t), newWall(t, nil)
	s, told := newTestSender(j, io.Discard, hook(t, w, "a"))
	rows, err := notice.Queue(notice.Message{ID: "m", Kind: notice.Raised, Alert: alertOf("r", rule.Critical, "1")}, "other")
	if err != nil {
		t.Fatal(err)
	}
	odd := notice.Queued{ID: "odd", Sink: "a", Severity: rule.Critical, Body: []byte(`[]`)}
	if err := s.Enqueue(t.Context(), append(rows, odd)...); err != nil {
		t.Fatal(err)
	}
	s.say(t, notice.Raised, rule.High, "2")
	s.runOnce(t)
	mustBe(t, "it was told", subjects(t, w.all()), []string{"raised 2"})
	mustBe(t, "left", j.left(t), []string{"raised 1"})
	mustBe(t, "outcomes", told.take(), []string{"a refused  info 1", "a sent raised high 1"})
}

// A message that grows too old is given up, and that is said.
func TestGrowsOld(t *testing.T) {
	j := newJournal(t)
	w := newWall(t, func(w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusBadGateway) })
	var log bytes.Buffer
	s, told := newTestSender(j, &log, hook(t, w, "a"))
	s.say(t, notice.Raised, rule.High, "1")
	s.say(t, notice.Raised, rule.Critical, "2")
	s.runOnce(t)
	told.take()
	j.wait(t, 25*time.Hour)
	s.runOnce(t)
	mustBe(t, "left", j.left(t), []string{"raised 2"})
	mustBe(t, "outcomes", told.take(), []string{"a expired raised high 1", "a failed raised critical 1"})
	if !strings.Contains(log.String(), "a message was not sent in time, and is given up") {
		t.Errorf("the log says %s", log.String())
	}
}

// What an Alertmanager was told is said again while it fires; another severity ends the alert that it knows; and what is resolved is not said again.
func TestRenewals(t *testing.T) {
	j, w := newJournal(t), newWall(t, nil)
	am := outletOf(t, Spec{Name: "am", Type: TypeAlertmanager, URL: w.URL, Renew: time.Minute})
	s, _ := newTestSender(j, io.Discard, am)
	mustSay := func(want ...string) {
		t.Helper()
		s.runOnce(t)
		var got []string
		for _, body := range w.all() {
			var alerts []postedAlert
			if err := json.Unmarshal([]byte(body), &alerts); err != nil {
				t.Fatal(err)
			}
			var texts []string
			for _, a := range alerts {
				text := a.Labels["severity"] + " " + a.Labels["subject"]
				if a.EndsAt != "" {
					text += " ended"
				}
				texts = append(texts, text)
			}
			got = append(got, strings.Join(texts, ", "))
		}
		slices.Sort(got)
		mustBe(t, "it was told", got, want)
		w.mu.Lock()
		w.bodies = nil
		w.mu.Unlock()
	}
	s.say(t, notice.Raised, rule.High, "1")
	s.say(t, notice.Raised, rule.Critical, "2")
	mustSay("critical 2", "high 1")
	j.wait(t, 30*time.Second)
	mustSay()
	j.wait(t, 30*time.Second)
	mustSay("high 1, critical 2")
	if last := w.requests[len(w.requests)-1]; strings.Count(last, `"summary":"Still `) != 2 {
		t.Errorf("it was told %s", last)
	}
	s.say(t, notice.Raised, rule.Critical, "1")
	s.say(t, notice.Acknowledged, rule.Critical, "2")
	mustSay("critical 2", "high 1 ended, critical 1")
	j.wait(t, time.Minute)
	mustSay("critical 1, critical 2")
	s.say(t, notice.Resolved, rule.Critical, "1")
	mustSay("critical 1 ended")
	j.wait(t, time.Minute)
	mustSay("critical 2")
	w.answer = func(w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusBadRequest) }
	j.wait(t, time.Minute)
	mustSay("critical 2") // which is refused, and stays
	mustBe(t, "left", j.left(t), []string{"acknowledged 2="})
	w.answer = nil
	j.wait(t, time.Minute)
	mustSay("critical 2")
	s.say(t, notice.Resolved, rule.Critical, "2")
	mustSay("critical 2 ended")
	mustBe(t, "left", j.left(t), nil)
}

// Alerts that an Alertmanager is told of together are said again, too.
func TestSummaryIsRenewed(t *testing.T) {
	j, w := newJournal(t), newWall(t, nil)
	s, _ := newTestSender(j, io.Discard, outletOf(t, Spec{Name: "am", Type: TypeAlertmanager, URL: w.URL, PerMinute: 1, MaxAge: time.Hour, Renew: time.Minute}))
	for _, subject := range []string{"1", "2", "3"} {
		s.say(t, notice.Raised, rule.High, subject)
	}
	s.say(t, notice.Resolved, rule.High, "2")
	s.runOnce(t)
	mustBe(t, "left", j.left(t), []string{"raised 1=", "raised 3="})
	j.wait(t, time.Minute)
	s.runOnce(t)
	if all := w.all(); len(all) != 2 || strings.Count(all[0], "startsAt") != 4 || strings.Count(all[1], "startsAt") != 2 {
		t.Errorf("it was told %q", all)
	}
}

// While the queue cannot be read, that is said once, and sending goes on when it can.
func TestQueueThatFails(t *testing.T) {
	j, w := newJournal(t), newWall(t, nil)
	b := &breaking{Queue: j, left: 3}
	var log bytes.Buffer
	s, _ := newTestSender(b, &log, hook(t, w, "a"))
	s.every = time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	s.say(t, notice.Raised, rule.High, "1")
	go func() { ended <- s.Run(ctx) }()
	<-w.arrived
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n := strings.Count(log.String(), "cannot be read"); n != 1 {
		t.Errorf("it is said %d times: %s", n, log.String())
	}
}

// breaking is a queue that cannot be read a few times.
type breaking struct {
	Queue
	left int
}

func (b *breaking) DueNotices(ctx context.Context) ([]string, error) {
	if b.left > 0 {
		b.left--
		return nil, errors.New("the server is gone")
	}
	return b.Queue.DueNotices(ctx)
}
