package app

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// ordering gives one order at times after it was first given, and notes which of them were carried out.
type ordering struct {
	*orders
	t     *testing.T
	start time.Time
	alert rule.Alert
	log   bytes.Buffer
}

func newOrdering(t *testing.T) *ordering {
	t.Helper()
	start := time.Unix(1_700_000_000, 0)
	x := &ordering{t: t, start: start, alert: rule.Alert{Fingerprint: "f1", Rule: rule.CodehashMismatch, Network: "base", RaisedAt: start.Unix(), SeenAt: start.Unix()}}
	x.orders = newOrders(slog.New(slog.NewTextHandler(&x.log, nil)))
	return x
}

func (x *ordering) given(after time.Duration, noticed time.Time, endpoints int) (PauseOrder, bool) {
	x.t.Helper()
	return x.begin(PauseOrder{Alert: x.alert, Seen: noticed, Endpoints: endpoints}, x.start.Add(after))
}

// again gives it as each tick does, and has it come to an outcome; it returns when it was carried out, in seconds.
func (x *ordering) again(from, to time.Duration, d PauseDecision) (tried []float64) {
	x.t.Helper()
	for at := from; at <= to; at += 2 * time.Second {
		if o, ok := x.given(at, time.Time{}, 2); ok {
			if !o.Again || o.Seen != x.start {
				x.t.Errorf("after %s it is given as %+v", at, o)
			}
			x.end(o, []PauseDecision{{ID: 7, Outcome: rollout.PauseLanded}, d}, x.start.Add(at))
			tried = append(tried, at.Seconds())
		}
	}
	return tried
}

func (x *ordering) first(d PauseDecision) {
	x.t.Helper()
	o, ok := x.given(0, x.start, 2)
	if !ok || o.Again || o.Seen != x.start {
		x.t.Fatalf("%+v, %v", o, ok)
	}
	if _, twice := x.given(0, time.Time{}, 2); twice {
		x.t.Error("it is carried out twice at once")
	}
	x.end(o, []PauseDecision{d}, x.start)
}

// TestAnOrderThatIsDecidedIsOver: whatever was decided, but for a refusal.
func TestAnOrderThatIsDecidedIsOver(t *testing.T) {
	for _, outcome := range rollout.PauseOutcomes() {
		x := newOrdering(t)
		x.first(PauseDecision{ID: 1, Outcome: outcome})
		tried := x.again(2*time.Second, 5*time.Minute, PauseDecision{ID: 1, Outcome: outcome})
		if refused := outcome == rollout.PauseRefused; refused != (len(tried) > 0) {
			t.Errorf("%s: carried out again after %v s", outcome, tried)
		}
		x.alert.RaisedAnewAt = x.alert.RaisedAt + 7 // a root that was committed is activated
		if _, ok := x.given(time.Minute, x.start, 2); !ok {
			t.Errorf("%s: what is raised anew is taken for the same order", outcome)
		}
		x.alert.RaisedAt += 60
		if _, ok := x.given(time.Minute, x.start, 2); !ok {
			t.Errorf("%s: another alert is taken for the same order", outcome)
		}
	}
}

// TestAnOrderThatFailsIsTriedAgain: soon, then less often, for an hour after what it is about was last seen, and the log says so.
func TestAnOrderThatFailsIsTriedAgain(t *testing.T) {
	x := newOrdering(t)
	x.first(PauseDecision{Error: "database is locked"})
	tried := x.again(2*time.Second, 2*time.Hour, PauseDecision{Error: "database is locked"})
	want := []float64{2, 4, 8, 16, 32, 62, 92}
	if len(tried) < 110 || len(tried) > 130 || tried[len(tried)-1] > 3600 {
		t.Errorf("carried out again after %v s", tried)
	}
	for i := range want {
		if tried[i] != want[i] {
			t.Fatalf("carried out again after %v s, want %v ..", tried[:len(want)], want)
		}
	}
	if text := x.log.String(); !strings.Contains(text, `in=1s until=2023-11-14T23:13:20Z`) || strings.Count(text, "is given up") != 1 || !strings.Contains(text, "lockstep pause") {
		t.Errorf("the log:\n%s", text)
	}
	x.alert.SeenAt += 7300 // a process that begins to watch has seen it
	if tried := x.again(7300*time.Second, 7300*time.Second, PauseDecision{ID: 2, Outcome: rollout.PauseSent}); len(tried) != 1 {
		t.Error("it is seen again, and not tried")
	}
	if tried := x.again(7302*time.Second, 7600*time.Second, PauseDecision{}); len(tried) != 0 {
		t.Errorf("it is sent, and carried out again after %v s", tried)
	}
}

// TestAnOrderThatIsRefused is looked at again, since somebody may have granted the role; at once, if more endpoints agree.
func TestAnOrderThatIsRefused(t *testing.T) {
	x := newOrdering(t)
	x.first(PauseDecision{ID: 1, Outcome: rollout.PauseRefused})
	if tried := x.again(2*time.Second, time.Minute, PauseDecision{ID: 1, Outcome: rollout.PauseRefused}); len(tried) != 2 || tried[0] != 30 || tried[1] != 60 {
		t.Errorf("carried out again after %v s", tried)
	}
	if _, ok := x.given(62*time.Second, time.Time{}, 3); !ok {
		t.Error("one more endpoint agrees, and nothing follows")
	}
	if strings.Contains(x.log.String(), "not decided yet") {
		t.Errorf("the log:\n%s", &x.log)
	}
}

// TestAnOldOrderOfAnotherProcess is not carried out: people have dealt with it, or will.
func TestAnOldOrderOfAnotherProcess(t *testing.T) {
	for after, want := range map[time.Duration]bool{59 * time.Minute: true, 61 * time.Minute: false} {
		x := newOrdering(t)
		if o, ok := x.given(after, time.Time{}, 2); ok != want || !o.Again {
			t.Errorf("after %s: %+v, %v", after, o, ok)
		}
	}
}

// TestOrdersAreForgotten when they are not given any more.
func TestOrdersAreForgotten(t *testing.T) {
	x := newOrdering(t)
	x.first(PauseDecision{ID: 1, Outcome: rollout.PauseSent})
	x.alert.Fingerprint = "f2"
	x.given(2*time.Hour, x.start, 2)
	if len(x.all) != 1 {
		t.Errorf("%d are known", len(x.all))
	}
}
