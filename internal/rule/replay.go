package rule

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
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
}

// Replay shows a recorded sequence to an engine: one JSON document a line; empty lines and those that begin with # are passed over. The
// error names the line that is not one of a sequence; what came before is returned.
func (e *Engine) Replay(r io.Reader) ([]Replayed, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, MaxLine)
	var out []Replayed
	for n := 1; lines.Scan(); n++ {
		text := bytes.TrimSpace(lines.Bytes())
		if len(text) == 0 || text[0] == '#' {
			continue
		}
		var l Line
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&l); err != nil {
			return out, fmt.Errorf("line %d: %w", n, err)
		}
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			return out, fmt.Errorf("line %d: something comes after the document", n)
		}
		if !slices.Contains(sights, l.Sight) {
			return out, fmt.Errorf("line %d: sight is %q, known are %v", n, l.Sight, sights)
		}
		x := Replayed{Line: n, Sight: l.Sight, Network: l.Network, At: l.At, Changes: e.See(l.Seen)}
		if l.Expect != nil {
			x.Problem = compare(*l.Expect, x.Changes)
		}
		out = append(out, x)
	}
	if err := lines.Err(); err != nil {
		return out, fmt.Errorf("read the sequence: %w", err)
	}
	return out, nil
}

func compare(want []Want, got []Change) string {
	left := slices.Clone(got)
	for _, w := range want {
		i := slices.IndexFunc(left, w.is)
		if i < 0 {
			return fmt.Sprintf("%s is missing", w)
		}
		left = slices.Delete(left, i, i+1)
	}
	if len(left) > 0 {
		c := left[0]
		return fmt.Sprintf("%s is not expected", Want{c.Turn, c.Alert.Rule, c.Alert.Severity, c.Alert.Subject, ""})
	}
	return ""
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
