package notify

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seed-b6a97670/lockstep/internal/localpg"
	"github.com/seed-b6a97670/lockstep/internal/notice"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// TestTwoDaemons: two processes with one journal tell each message once, and those of an alert in their order.
func TestTwoDaemons(t *testing.T) {
	server, err := localpg.Start("fsync=off")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	w := newWall(t, nil)
	var senders []*Sender
	for range 2 {
		o := outletOf(t, Spec{Name: "a", Type: TypeWebhook, URL: w.URL, PerMinute: 1000, MaxAge: 3600_000_000_000})
		s, _ := newTestSender(openJournal(t, server.URL("postgres")), io.Discard, o)
		senders = append(senders, s)
	}
	const alerts = 20
	for i := range alerts {
		severity := []rule.Severity{rule.Critical, rule.Warning}[i%2]
		senders[i%2].say(t, notice.Raised, severity, fmt.Sprint(i))
		senders[(i+1)%2].say(t, notice.Resolved, severity, fmt.Sprint(i))
	}
	var running sync.WaitGroup
	for _, s := range senders {
		running.Go(func() {
			for len(w.all()) < 2*alerts {
				if err := s.look(t.Context()); err != nil {
					t.Error(err)
					return
				}
				s.sending.Wait()
			}
		})
	}
	running.Wait()
	got := subjects(t, w.all())
	if len(got) != 2*alerts || strings.Contains(strings.Join(got, ""), "+") {
		t.Fatalf("%d messages: %q", len(got), got)
	}
	for i := range alerts {
		raised, resolved := slices.Index(got, fmt.Sprint("raised ", i)), slices.Index(got, fmt.Sprint("resolved ", i))
		if raised < 0 || resolved < raised {
			t.Errorf("alert %d is raised at %d and resolved at %d", i, raised, resolved)
		}
	}
}
