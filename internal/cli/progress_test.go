package cli

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/config"
	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/screen"
)

// tty is a terminal that counts frames.
type tty struct {
	t             *testing.T
	screen        *screen.Screen
	width, height int
	frames        int
}

func newTTY(t *testing.T, width, height int) *tty {
	return &tty{t: t, screen: screen.New(width, height), width: width, height: height}
}

func (c *tty) size() (int, int) { return c.width, c.height }

func (c *tty) Write(p []byte) (int, error) {
	c.frames++
	n, err := c.screen.Write(p)
	if err != nil {
		c.t.Errorf("frame %q: %v", p, err)
	}
	// what ends the program between two frames leaves a terminal that is in order
	if c.screen.CursorHidden {
		c.t.Errorf("frame %q leaves the cursor hidden", p)
	}
	return n, err
}

func (c *tty) expect(want ...string) {
	c.t.Helper()
	if diff := cmp.Diff(want, c.screen.Lines()); diff != "" {
		c.t.Errorf("the screen (-want +got):\n%s", diff)
	}
}

// pass lets time pass, and all that is due happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestLiveFramesAreFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTTY(t, 80, 24)
		l := newLive(c, c.size, []string{"one", "two"})
		for range 1000 {
			l.event(sent("one", "commit"))
			fmt.Fprintln(l, "a line")
			pass(time.Millisecond)
		}
		l.end(nil)
		if c.frames > 11 {
			t.Errorf("%d frames in a second", c.frames)
		}
		if c.frames < 9 {
			t.Errorf("%d frames in a second: it hardly moves", c.frames)
		}
		lines := append(c.screen.History, c.screen.Lines()...)
		if got := strings.Count(strings.Join(lines, "\n"), "a line"); got != 1000 {
			t.Errorf("%d of 1000 lines are seen", got)
		}
	})
}

func TestLiveIsQuietWithoutNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTTY(t, 80, 24)
		l := newLive(c, c.size, []string{"one"})
		l.end([]app.Outcome{{Network: "one", Status: "planned"}})
		if c.frames != 0 {
			t.Errorf("%d frames without an event", c.frames)
		}
		l.event(sent("one", "commit"))
		pass(time.Minute)
		if c.frames != 1 {
			t.Errorf("%d frames for one event", c.frames)
		}
		// a time to go moves by itself, once a second
		l.event(waits("one", 7, 100))
		pass(10*time.Second + time.Millisecond)
		if c.frames < 10 || c.frames > 12 {
			t.Errorf("%d frames in 10 s of waiting", c.frames-1)
		}
		c.expect(
			"NETWORK  STEP                          STATE          BLOCK         GAS    TO GO",
			"one      the timelock of 0x12ab34cd ~  waiting            7           -   1m 31s",
		)
		l.end(nil)
	})
}

func TestLiveLinesStandAboveTheTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTTY(t, 60, 8)
		l := newLive(c, c.size, []string{"one", "two"})
		fmt.Fprint(l, "roll out? [y/N] ")
		if c.frames != 1 {
			t.Errorf("a question before the first event is not asked at once")
		}
		fmt.Fprintln(l, "y")
		l.event(sent("one", "commit"))
		pass(time.Second)
		log := slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
		log.Warn("an endpoint is slow", "network", "two")
		pass(time.Second)
		l.event(app.Event{Network: "two", Kind: "unreachable", Step: "no endpoint\x1b[2J answers"})
		pass(time.Second)
		l.event(final("confirmed", "one", "commit", 5, 6))
		l.event(app.Event{Network: "one", Kind: "done"})
		l.end([]app.Outcome{{Network: "two", Status: "failed", Error: "given up"}})
		fmt.Fprintln(l, "lockstep: 1 of 2 networks failed")
		c.expect(
			"roll out? [y/N] y",
			`level=WARN msg="an endpoint is slow" network=two`,
			"two        trying again: no endpoint [2J answers",
			"NETWORK  STEP                  STATE          BLOCK    TO GO",
			"one      commit                done               5",
			"two      given up              failed             -",
			"lockstep: 1 of 2 networks failed",
		)
	})
}

// TestLiveScrolls has a table that is higher than the rest of the screen, and lines that push it down.
func TestLiveScrolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTTY(t, 50, 6)
		l := newLive(c, c.size, []string{"a", "b", "c", "d", "e", "f", "g", "h"})
		for i := range 20 {
			l.event(sent("c", fmt.Sprintf("page %d", i)))
			pass(time.Second)
			if i%5 == 0 {
				fmt.Fprintf(l, "line %d\n", i)
			}
		}
		l.end(nil)
		table := []string{
			"NETWORK  STEP                   STATE        TO GO",
			"c        page 19                sent",
			"a                               queued",
			"b                               queued",
			"and 5 more: 5 queued",
		}
		c.expect(table...)
		if diff := cmp.Diff([]string{"line 0", "line 5", "line 10", "line 15"}, c.screen.History); diff != "" {
			t.Errorf("above it (-want +got):\n%s", diff)
		}
	})
}

// TestLiveNarrower has the terminal made narrower while the table is on it, which breaks its lines.
func TestLiveNarrower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTTY(t, 80, 10)
		l := newLive(c, c.size, []string{"one", "two"})
		fmt.Fprintln(l, "before")
		l.event(final("confirmed", "one", "commit", 5, 6))
		pass(time.Second)
		if err := c.screen.Resize(40, 10); err != nil {
			t.Fatal(err)
		}
		c.width = 40
		l.event(final("confirmed", "one", "page 1", 7, 6))
		pass(time.Second)
		l.end(nil)
		c.expect(
			"before",
			"NETWORK  STEP         STATE        TO GO",
			"one      page 1       confirmed",
			"two                   queued",
		)
	})
}

// TestProgressWithoutTerminal has plain lines for whatever is no terminal, without any control character.
func TestProgressWithoutTerminal(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/stderr")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }() // only read
	networks := []config.Network{{Network: network.Network{Name: "one"}}}
	events := []app.Event{
		sent("one", "commit"), final("confirmed", "one", "commit", 5, 6), waits("one", 6, 100), waits("one", 7, 100),
		{Network: "one", Kind: "unreachable", Step: "gone"},
		{Network: "one", Kind: "done"},
	}
	want := "one        commit                               sent 0x0100000000\n" +
		"one        commit                               confirmed in block 5, 6 gas\n" +
		"one        the timelock of 0x12ab34cd runs: 1m40s of block time to go\n" +
		"one        trying again: gone\n"
	t.Setenv("TERM", "xterm")
	var buffer bytes.Buffer
	for _, e := range []*env{{stderr: &buffer}, {stderr: file}} {
		report := e.progress(networks)
		for _, ev := range events {
			report(ev)
		}
		e.endProgress(nil)
	}
	written, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []string{buffer.String(), string(written)} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("lines (-want +got):\n%s", diff)
		}
	}
}
