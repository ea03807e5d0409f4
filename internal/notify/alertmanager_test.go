package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/localprom"
	"github.com/seed-b6a97670/lockstep/internal/notice"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// amAlert is an alert as Alertmanager lists it.
type amAlert struct {
	Labels, Annotations map[string]string
	EndsAt, StartsAt    time.Time
	Status              struct{ State string }
}

func alertsOfServer(t *testing.T, s *localprom.Server) (out []amAlert) {
	t.Helper()
	resp, err := http.Get(s.URL + "/api/v2/alerts")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(out, func(a, b amAlert) int { return strings.Compare(a.Labels["subject"], b.Labels["subject"]) })
	return out
}

// firing are the alerts that fire, as severity and subject.
func firing(t *testing.T, s *localprom.Server) (out []string) {
	t.Helper()
	for _, a := range alertsOfServer(t, s) {
		out = append(out, a.Labels["severity"]+" "+a.Labels["subject"])
	}
	return out
}

// until waits for something that a process does.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); {
		if time.Now().After(end) {
			t.Fatalf("it does not come to pass that %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestRealAlertmanager tells an Alertmanager that takes alerts for resolved after four seconds. While they fire they stay, and nobody is called because
// they had gone; when they are resolved, or graver, those who are called by it learn that.
func TestRealAlertmanager(t *testing.T) {
	called := newWall(t, nil)
	am, err := localprom.Alertmanager(fmt.Sprintf(`
global: {resolve_timeout: 4s}
route: {receiver: hook, group_by: [fingerprint, severity], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
receivers: [{name: hook, webhook_configs: [{url: "%s", send_resolved: true}]}]
`, called.URL))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = am.Stop() })
	j := newJournal(t)
	s, told := newTestSender(j, io.Discard, outletOf(t, Spec{Name: "am", Type: TypeAlertmanager, URL: am.URL, Renew: time.Second}))
	s.now = time.Now
	s.every = 100 * time.Millisecond
	say := func(kind notice.Kind, severity rule.Severity, subject string) {
		t.Helper()
		a := alertOf("unknown_root", severity, subject)
		a.RaisedAt = time.Now().Unix() - 1
		if kind == notice.Resolved {
			a.ResolvedAt = time.Now().Unix()
		}
		rows, _, err := s.Prepare(notice.Message{Kind: kind, Alert: a}, "all")
		if err == nil {
			err = s.Enqueue(t.Context(), rows...)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	calls := func() (out []string) {
		for _, body := range called.all() {
			var got struct {
				Alerts []struct {
					Status string
					Labels map[string]string
				}
			}
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatal(err)
			}
			for _, a := range got.Alerts {
				out = append(out, a.Status+" "+a.Labels["severity"]+" "+a.Labels["subject"])
			}
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	ended := make(chan error)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { ended <- s.Run(ctx) }()

	say(notice.Raised, rule.High, "1")
	say(notice.Raised, rule.Critical, "2")
	until(t, "both fire", func() bool { return slices.Equal(firing(t, am), []string{"high 1", "critical 2"}) })
	first := alertsOfServer(t, am)
	if a := first[1].Annotations; !strings.HasPrefix(a["summary"], "CRITICAL on ethereum: ") && !strings.HasPrefix(a["summary"], "Still CRITICAL") || a["description"] == "" {
		t.Errorf("%+v", a)
	}
	// longer than it would remember them
	until(t, "they are said again", func() bool {
		now := alertsOfServer(t, am)
		return len(now) == 2 && now[0].EndsAt.After(first[0].EndsAt.Add(5*time.Second)) && now[1].EndsAt.After(first[1].EndsAt.Add(5*time.Second))
	})
	mustBe(t, "calls", calls(), []string{"firing critical 2", "firing high 1"})

	say(notice.Raised, rule.Critical, "1")
	until(t, "the first one is critical", func() bool { return slices.Equal(firing(t, am), []string{"critical 1", "critical 2"}) })
	say(notice.Resolved, rule.Critical, "2")
	until(t, "the second one is resolved", func() bool { return slices.Equal(firing(t, am), []string{"critical 1"}) })
	want := []string{"firing critical 1", "firing critical 2", "firing high 1", "resolved critical 2", "resolved high 1"}
	until(t, "all of that was called", func() bool { return slices.Equal(calls(), want) })
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for _, o := range told.take() {
		if !strings.HasPrefix(o, "am sent") {
			t.Error(o)
		}
	}
	mustBe(t, "left", j.left(t), []string{"raised 1="})
	// and what nobody says again is resolved, by it
	until(t, "it is forgotten", func() bool { return len(firing(t, am)) == 0 })

	// it takes a test, and says what is wrong with what it does not take
	if err := send(t, outletOf(t, Spec{Type: TypeAlertmanager, URL: am.URL}), notice.Message{ID: "t", Kind: notice.Test, At: time.Now().Unix(), Project: "market"}); err != nil {
		t.Error(err)
	}
	mustFail(t, send(t, outletOf(t, Spec{Type: TypeAlertmanager, URL: am.URL}), notice.Message{ID: "t", Kind: notice.Raised, Alert: &rule.Alert{}}), "it refuses the message (HTTP status 400", false, 0)
}
