package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/app"
)

// state is where a network is in a command. The order is that in which networks are shown when there is no room for all:
// what may need somebody first, then what is busy, then what waits.
type state int

const (
	stateFailed state = iota
	stateRetrying
	stateReverted
	stateSent
	stateConfirmed
	stateWaiting
	stateHeld
	stateQueued
	stateDone
	stateUnchanged
)

var stateNames = [...]string{
	stateFailed: "failed", stateRetrying: "retrying", stateReverted: "reverted", stateSent: "sent", stateConfirmed: "confirmed",
	stateWaiting: "waiting", stateHeld: "held back", stateQueued: "queued", stateDone: "done", stateUnchanged: "unchanged",
}

// board is what the events of a command say of its networks. It has neither clock nor terminal.
type board struct {
	rows []*boardRow
	row  map[string]*boardRow
}

type boardRow struct {
	network string
	state   state
	step    string // or what is in the way
	block   uint64
	gas     uint64
	toGo    time.Duration // of block time, at the moment seen
	seen    time.Time
}

func newBoard(networks []string) *board {
	b := &board{row: map[string]*boardRow{}}
	for _, n := range networks {
		r := &boardRow{network: n, state: stateQueued}
		b.rows, b.row[n] = append(b.rows, r), r
	}
	return b
}

// note takes an event in that came at a time.
func (b *board) note(ev app.Event, at time.Time) {
	r, ok := b.row[ev.Network]
	if !ok {
		return
	}
	switch ev.Kind {
	case "sent":
		r.state, r.step = stateSent, ev.Step
	case "confirmed", "reverted":
		r.state, r.step, r.block = stateConfirmed, ev.Step, max(r.block, ev.Tx.BlockNumber)
		r.gas += ev.Tx.GasUsed
		if ev.Kind == "reverted" {
			r.state = stateReverted
		}
	case "unreachable", "busy", "stuck":
		r.state, r.step = stateRetrying, ev.Step
	case "held":
		r.state, r.step = stateHeld, ev.Step
	case "waiting":
		r.state, r.step, r.block, r.seen = stateWaiting, ev.Step, ev.Now.Number, at
		r.toGo = time.Duration(ev.Until-min(ev.Now.Time, ev.Until)) * time.Second
	case "done":
		r.state = stateDone
	case "failed":
		r.state, r.step = stateFailed, ev.Step
	}
}

// end takes in how the command ended.
func (b *board) end(outcomes []app.Outcome) {
	for _, o := range outcomes {
		r, ok := b.row[o.Network]
		if !ok {
			continue
		}
		switch o.Status {
		case "done":
			r.state = stateDone
		case "unchanged":
			r.state = stateUnchanged
		case "failed":
			r.state, r.step = stateFailed, o.Error
		}
	}
}

// counting tells whether a time to go is shown, which changes by itself.
func (b *board) counting() bool {
	return slices.ContainsFunc(b.rows, func(r *boardRow) bool { return r.state == stateWaiting })
}

// left is the block time to go. Blocks are looked at rarely while nothing is due, so between them it is reckoned.
func (r *boardRow) left(at time.Time) string {
	if r.state != stateWaiting {
		return ""
	}
	s := int(max(r.toGo-at.Sub(r.seen), 0).Round(time.Second) / time.Second)
	switch {
	case s >= 24*3600:
		return fmt.Sprintf("%dd %2dh", s/(24*3600), s/3600%24)
	case s >= 3600:
		return fmt.Sprintf("%dh %2dm", s/3600, s/60%60)
	case s >= 60:
		return fmt.Sprintf("%dm %2ds", s/60, s%60)
	}
	return fmt.Sprintf("%ds", s)
}

// lines shows the board in at most height lines of at most width characters.
func (b *board) lines(width, height int, at time.Time) []string {
	columns := b.columns(width, at)
	var out []string
	if height > 2 {
		var line strings.Builder
		for _, c := range columns {
			c.put(&line, c.title)
		}
		out = append(out, fit(line.String(), width))
	}
	shown := b.rows
	room := height - len(out)
	if len(shown) > room {
		shown = slices.Clone(shown)
		slices.SortStableFunc(shown, func(x, y *boardRow) int { return int(x.state - y.state) })
		shown = shown[:max(room-1, 0)]
	}
	for _, r := range shown {
		var line strings.Builder
		for _, c := range columns {
			c.put(&line, c.text(r))
		}
		out = append(out, fit(line.String(), width))
	}
	if len(shown) < len(b.rows) {
		out = append(out, fit(b.rest(shown), width))
	}
	return out
}

// rest counts the networks that are not shown.
func (b *board) rest(shown []*boardRow) string {
	var count [len(stateNames)]int
	for _, r := range b.rows {
		if !slices.Contains(shown, r) {
			count[r.state]++
		}
	}
	var parts []string
	for s, n := range slices.Backward(count[:]) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, stateNames[s]))
		}
	}
	return fmt.Sprintf("and %d more: %s", len(b.rows)-len(shown), strings.Join(parts, ", "))
}

// Widths of columns.
const (
	leastName    = 10
	leastStep    = 8
	readableStep = 14
	mostStep     = 48
	columnGap    = 2
)

type column struct {
	title string
	width int
	right bool
	text  func(*boardRow) string
}

func (c column) put(line *strings.Builder, text string) {
	if c.width == 0 {
		return
	}
	if line.Len() > 0 {
		line.WriteString(strings.Repeat(" ", columnGap))
	}
	if text = fit(text, c.width); c.right {
		fmt.Fprintf(line, "%*s", c.width, text)
	} else {
		fmt.Fprintf(line, "%-*s", c.width, text)
	}
}

// columns shares a width out. The step takes what the others leave; where that is too little, gas, block and time to go
// are left out, in this order.
func (b *board) columns(width int, at time.Time) []column {
	name := len("NETWORK")
	for _, r := range b.rows {
		name = max(name, len(ascii(r.network)))
	}
	number := func(n uint64) string {
		if n == 0 {
			return "-"
		}
		return fmt.Sprint(n)
	}
	columns := []column{
		{"NETWORK", min(name, max(leastName, width/4)), false, func(r *boardRow) string { return r.network }},
		{"STEP", 0, false, func(r *boardRow) string { return r.step }},
		{"STATE", len("confirmed"), false, func(r *boardRow) string { return stateNames[r.state] }},
		{"BLOCK", len("123456789"), true, func(r *boardRow) string { return number(r.block) }},
		{"GAS", len("1234567890"), true, func(r *boardRow) string { return number(r.gas) }},
		{"TO GO", len("99d 23h"), true, func(r *boardRow) string { return r.left(at) }},
	}
	left := func() int {
		n := width
		for _, c := range columns {
			if c.width > 0 {
				n -= c.width + columnGap
			}
		}
		return n
	}
	for _, optional := range []struct{ column, step int }{{4, readableStep}, {3, readableStep}, {5, leastStep}} {
		if left() < optional.step {
			columns[optional.column].width = 0
		}
	}
	columns[1].width = max(min(left(), mostStep), 0)
	return columns
}

// fit cuts a text to a width, without what a terminal would take for anything else than a character of one column.
func fit(text string, width int) string {
	text = strings.TrimRight(ascii(text), " ")
	if len(text) <= width {
		return text
	}
	return text[:max(width-1, 0)] + "~"[:min(max(width, 0), 1)]
}

// ascii replaces what is not a printable character of one column. Texts come from endpoints as well.
func ascii(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r < ' ' || r == 0x7f:
			return ' '
		case r > '~':
			return '?'
		}
		return r
	}, text)
}
