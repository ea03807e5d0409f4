package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/app"
)

// TestSending rolls the example out and looks at the order of what was sent and what was found in a block.
func TestSending(t *testing.T) {
	const sequence, oneByOne = "sent sent confirmed confirmed", "sent confirmed sent confirmed"
	for name, c := range map[string]struct {
		change func(*app.Options)
		want   string
		delay  time.Duration
	}{
		"a sequence":               {func(*app.Options) {}, sequence, 0},
		"careful by flag":          {func(o *app.Options) { o.Careful = true }, oneByOne, 0},
		"careful by configuration": {func(o *app.Options) { o.Config.Sending.Careful = true }, oneByOne, 0},
		"delay by flag":            {func(o *app.Options) { o.BatchDelay = 300 * time.Millisecond }, sequence, 300 * time.Millisecond},
		"delay by configuration":   {func(o *app.Options) { o.Config.Sending.BatchDelay = 300 * time.Millisecond }, sequence, 300 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var kinds []string
			var sent []time.Time
			v := w.versionWith("lockstep.yaml", func(o *app.Options) {
				c.change(o)
				next := o.Progress
				o.Progress = func(e app.Event) {
					next(e)
					if !strings.HasPrefix(e.Step, "commit") && !strings.HasPrefix(e.Step, "apply") {
						return
					}
					kinds = append(kinds, e.Kind)
					if e.Kind == "sent" {
						sent = append(sent, time.Now())
					}
				}
			})
			w.must(v.Deploy(w.ctx(), v.m, false))
			kinds, sent = nil, nil
			w.must(v.Rollout(w.ctx(), v.m, v.file, false))
			if got := strings.Join(kinds, " "); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if len(sent) != 2 || sent[1].Sub(sent[0]) < c.delay {
				t.Errorf("sent at %v, want %s between", sent, c.delay)
			}
		})
	}
}
