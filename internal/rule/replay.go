package rule

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/seed-b6a97670/lockstep/internal/document"
)

// MaxLine bounds a line of a recorded sequence, in bytes.
const MaxLine = 1 << 20

// Line is a line of a recorded sequence: what was seen, and, if the sequence is a test, what becomes of alerts by that.
type Line struct {
	Seen
	// Expect is what is to follow; not compared if it is absent. An empty list says that nothing is to.
	Expect *[]Want `json:"expect,omitempty"`
}

// Want is a change that is expected. Members that are empty are not compared.
type Want struct {
	Turn     Turn     `json:"turn"`
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity,omitempty"`
	Subject  string   `json:"subject,omitempty"`
	Action   Action   `json:"action,omitempty"` // one that the alert must have
}

func (w Want) is(c Change) bool {
	return w.Turn == c.Turn && w.Rule == c.Alert.Rule && (w.Severity == "" || w.Severity == c.Alert.Severity) &&
		(w.Subject == "" || w.Subject == c.Alert.Subject) && (w.Action == "" || c.Alert.Has(w.Action))
}

// Replayed is what followed from a line.
type Replayed struct {
	Line    int      `json:"line"`
	Sight   Sight    `json:"sight"`
	Network string   `json:"network,omitempty"`
	At      int64    `json:"at"` // unix milliseconds
	Changes []Change `json:"changes,omitempty"`
	Problem string   `json:"problem,omitempty"` // how that differs from what the line expects
	Missing bool     `json:"missing,omitempty"` // something that it expects does not follow
}

// Replay shows a recorded sequence to an engine: one JSON document a line; empty lines and those that begin with # are passed over. The
// error names the line that is not one of a sequence; what came before is returned.
func (e *Engine) Replay(r io.Reader) ([]Replayed, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, MaxLine)
	var out []Replayed
	var last int64 // of those who watch
	for n := 1; lines.Scan(); n++ {
		text := bytes.TrimSpace(lines.Bytes())
		if len(text) == 0 || text[0] == '#' {
			continue
		}
		var l Line
		err := document.Read(text, &l)
		if err == nil {
			err = l.check(last)
		}
		if err != nil {
			return out, fmt.Errorf("line %d: %w", n, err)
		}
		if l.Sight != SawStep {
			last = l.At
		}
		x := Replayed{Line: n, Sight: l.Sight, Network: l.Network, At: l.At, Changes: e.See(l.Seen)}
		if l.Expect != nil {
			x.Problem, x.Missing = compare(*l.Expect, x.Changes)
		}
		out = append(out, x)
	}
	if err := lines.Err(); err != nil {
		return out, fmt.Errorf("read the sequence: %w", err)
	}
	return out, nil
}

// check refuses a line from which nothing could follow as it says. last is the time of the line before.
func (l Line) check(last int64) error {
	switch {
	case !slices.Contains(sights, l.Sight):
		return fmt.Errorf("sight is %q, known are %v", l.Sight, sights)
	case l.Sight != SawStep && l.At < last: // a step is of the time of whoever carried it out
		return fmt.Errorf("at is %d, and was %d before: time does not go back", l.At, last)
	case l.Sight == SawEffect && l.Effect.What == "":
		return errors.New(`effect is missing, or has no what: write what has changed, such as {"what": "committed", "value": "0x.. 1"}`)
	case l.Expect == nil:
		return nil
	}
	for _, w := range *l.Expect {
		if !slices.Contains(turns, w.Turn) {
			return fmt.Errorf("expect: turn is %q, known are %v", w.Turn, turns)
		}
		if _, ok := Define(w.Rule); !ok {
			return fmt.Errorf("expect: there is no rule %q", w.Rule)
		}
		if w.Severity != "" && !slices.Contains(Severities(), w.Severity) {
			return fmt.Errorf("expect: severity is %q, known are %v", w.Severity, Severities())
		}
	}
	return nil
}

// compare says how what followed differs from what was to, and whether something of that is missing.
func compare(want []Want, got []Change) (problem string, missing bool) {
	left := slices.Clone(got)
	for _, w := range want {
		i := slices.IndexFunc(left, w.is)
		if i < 0 {
			return fmt.Sprintf("%s is missing", w), true
		}
		left = slices.Delete(left, i, i+1)
	}
	if len(left) > 0 {
		c := left[0]
		return fmt.Sprintf("%s is not expected", Want{c.Turn, c.Alert.Rule, c.Alert.Severity, c.Alert.Subject, ""}), false
	}
	return "", false
}

func (w Want) String() string {
	text := fmt.Sprintf("%s %s", w.Rule, w.Turn)
	if w.Severity != "" {
		text += fmt.Sprintf(" (%s)", w.Severity)
	}
	if w.Subject != "" {
		text += " about " + w.Subject
	}
	if w.Action != "" {
		text += " with action " + string(w.Action)
	}
	return text
}
