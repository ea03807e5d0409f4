package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/config"
)

// progress returns what shows events on standard error: a table that is redrawn in place if that is a terminal, else a
// line for each. Standard output holds data alone.
func (e *env) progress(networks []config.Network) func(app.Event) {
	f, ok := e.stderr.(*os.File)
	if !ok || e.verbose || os.Getenv("NO_COLOR") != "" || !canRedraw(f) {
		return plainProgress(e.stderr)
	}
	var names []string
	for _, n := range networks {
		if len(e.networks) == 0 || slices.Contains(e.networks, n.Name) {
			names = append(names, n.Name)
		}
	}
	e.live = newLive(f, func() (int, int) {
		width, height, err := term.GetSize(int(f.Fd()))
		if err != nil || width <= 0 || height <= 0 {
			return 80, 24
		}
		return width, height
	}, names)
	e.stderr = e.live
	return e.live.event
}

func canRedraw(f *os.File) bool {
	kind := os.Getenv("TERM")
	return kind != "" && kind != "dumb" && isTerminal(f)
}

// endProgress draws the table for the last time, if there is one.
func (e *env) endProgress(outcomes []app.Outcome) {
	if e.live != nil {
		e.live.end(outcomes)
	}
}

// plainProgress prints a line for each event.
func plainProgress(w io.Writer) func(app.Event) {
	var mu sync.Mutex
	last, held := map[string]uint64{}, map[string]string{}
	return func(ev app.Event) {
		mu.Lock()
		defer mu.Unlock()
		switch ev.Kind {
		case "sent":
			instead := ""
			if ev.Tx.Replaces != 0 {
				instead = " in the place of one that offers less"
			}
			fmt.Fprintf(w, "%-10s %-36s sent %s%s\n", ev.Network, ev.Step, ev.Tx.Hash.Hex()[:12], instead)
		case "confirmed", "reverted":
			fmt.Fprintf(w, "%-10s %-36s %s in block %d, %d gas\n", ev.Network, ev.Step, ev.Kind, ev.Tx.BlockNumber, ev.Tx.GasUsed)
		case "unreachable", "busy", "stuck":
			fmt.Fprint(w, troubleLine(ev))
		case "held":
			if held[ev.Network] != ev.Step {
				held[ev.Network] = ev.Step
				fmt.Fprintf(w, "%-10s held back: %s\n", ev.Network, ev.Step)
			}
		case "waiting":
			// once in 30 s of block time is enough for people and logs
			if before, ok := last[ev.Network]; ok && ev.Now.Time < before+30 {
				return
			}
			last[ev.Network] = ev.Now.Time
			fmt.Fprintf(w, "%-10s %s: %s of block time to go\n", ev.Network, ev.Step,
				time.Duration(ev.Until-min(ev.Now.Time, ev.Until))*time.Second)
		}
	}
}

// troubleLine tells of a network that is out of reach, or of a transaction that is stuck.
func troubleLine(ev app.Event) string {
	what := "trying again"
	if ev.Kind == "stuck" {
		what = "stuck"
	}
	return fmt.Sprintf("%-10s %s: %s\n", ev.Network, what, ev.Step)
}

// What moves the cursor and clears, of ECMA-48; every terminal since the VT100 knows it.
const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	cursorUp   = "\x1b[%dA"
	clearLine  = "\x1b[K" // from the cursor on
	clearBelow = "\x1b[J"
)

// redrawEvery bounds how often the table is drawn.
const redrawEvery = 100 * time.Millisecond

// live is a table on a terminal that is redrawn in place. From its first event to its end, what is written to it goes
// above the table. Each frame is one write that hides the cursor and shows it again, so that whatever ends the program
// leaves a terminal with a cursor.
type live struct {
	out  io.Writer
	size func() (width, height int)

	mu    sync.Mutex
	board *board
	above bytes.Buffer // lines that go above the table in the next frame
	drawn []int        // length of each line of the table on the screen
	dirty bool
	last  time.Time     // the last frame
	stop  chan struct{} // nil until the first event and after the end
	ended chan struct{}
}

func newLive(out io.Writer, size func() (width, height int), networks []string) *live {
	return &live{out: out, size: size, board: newBoard(networks)}
}

// event takes an event in; the first one starts the drawing.
func (l *live) event(ev app.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.board.note(ev, time.Now())
	l.dirty = true
	if ev.Kind == "unreachable" || ev.Kind == "busy" || ev.Kind == "stuck" {
		// the table has room for a part of it only
		l.above.WriteString(ascii(strings.TrimSuffix(troubleLine(ev), "\n")) + "\n")
	}
	if l.stop == nil {
		l.stop, l.ended = make(chan struct{}), make(chan struct{})
		go l.run(l.stop, l.ended)
	}
}

// run draws until stop is closed.
func (l *live) run(stop, ended chan struct{}) {
	defer close(ended)
	tick := time.NewTicker(redrawEvery)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			l.mu.Lock()
			if l.dirty || l.board.counting() && time.Since(l.last) >= time.Second {
				l.draw()
			}
			l.mu.Unlock()
		}
	}
}

// Write prints lines above the table.
func (l *live) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stop == nil {
		return l.out.Write(p)
	}
	l.dirty = true
	return l.above.Write(p)
}

// end draws how the command ended, and leaves that on the screen.
func (l *live) end(outcomes []app.Outcome) {
	l.mu.Lock()
	stop, ended := l.stop, l.ended
	l.mu.Unlock()
	if stop == nil {
		return
	}
	close(stop)
	<-ended
	l.mu.Lock()
	defer l.mu.Unlock()
	l.board.end(outcomes)
	l.draw()
	l.stop, l.drawn = nil, nil
}

// draw writes a frame: over the table that is on the screen, the lines that go above it, and the table.
func (l *live) draw() {
	width, height := l.size()
	var frame bytes.Buffer
	frame.WriteString(hideCursor + "\r")
	up := 0
	for _, n := range l.drawn {
		up += max((n+width-1)/width, 1) // a terminal that became narrower has broken the lines
	}
	if up > 0 {
		fmt.Fprintf(&frame, cursorUp, up)
	}
	if l.above.Len() > 0 {
		frame.WriteString(clearBelow)
		_, _ = l.above.WriteTo(&frame) // a buffer takes everything
	}
	l.drawn = l.drawn[:0]
	// the cursor stands below the table, on a line of its own
	for _, line := range l.board.lines(width, height-1, time.Now()) {
		frame.WriteString(clearLine + line + "\n")
		l.drawn = append(l.drawn, len(line))
	}
	frame.WriteString(clearBelow + showCursor)
	_, _ = l.out.Write(frame.Bytes()) // a terminal that is gone is nobody's to repair
	l.dirty, l.last = false, time.Now()
}
