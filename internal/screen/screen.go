// Package screen is what a person sees of a program on a terminal, for tests: it interprets the few control sequences
// that the program writes, and takes any other for a mistake.
package screen

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Screen is a terminal of a fixed size.
type Screen struct {
	CursorHidden bool
	History      []string // lines that have left the screen at its top

	width    int
	rows     [][]rune
	row, col int
	pending  []byte // the beginning of a sequence or character
}

// New returns an empty screen.
func New(width, height int) *Screen {
	return &Screen{width: width, rows: make([][]rune, height)}
}

// Lines returns what is on the screen, down to the last line that is not empty, without blanks at the ends of lines.
func (s *Screen) Lines() []string {
	var out []string
	for _, r := range s.rows {
		out = append(out, strings.TrimRight(string(r), " "))
	}
	for len(out) > 0 && out[len(out)-1] == "" {
		out = out[:len(out)-1]
	}
	return out
}

// Write shows what a program writes.
func (s *Screen) Write(p []byte) (int, error) {
	s.pending = append(s.pending, p...)
	for len(s.pending) > 0 {
		n, err := s.next(s.pending)
		if err != nil {
			return 0, err
		}
		if n == 0 {
			break
		}
		s.pending = s.pending[n:]
	}
	return len(p), nil
}

// next interprets the first character or sequence, and returns its length: 0 if it is not there as a whole.
func (s *Screen) next(p []byte) (int, error) {
	switch {
	case p[0] == '\r':
		s.col = 0
		return 1, nil
	case p[0] == '\n':
		s.lineFeed()
		return 1, nil
	case p[0] == 0x1b:
		return s.control(p)
	case p[0] < ' ' || p[0] == 0x7f:
		return 0, fmt.Errorf("control character %#x", p[0])
	case !utf8.FullRune(p):
		return 0, nil
	}
	r, n := utf8.DecodeRune(p)
	s.put(r)
	return n, nil
}

func (s *Screen) control(p []byte) (int, error) {
	if len(p) == 1 {
		return 0, nil
	}
	end := bytes.IndexFunc(p[2:], func(r rune) bool { return r >= '@' && r <= '~' })
	if p[1] != '[' {
		return 0, fmt.Errorf("sequence %q", p[:2])
	}
	if end < 0 {
		return 0, nil
	}
	n := end + 3
	switch argument, final := string(p[2:n-1]), p[n-1]; {
	case final == 'A':
		up, err := strconv.Atoi(argument)
		if err != nil {
			return 0, fmt.Errorf("sequence %q: %w", p[:n], err)
		}
		s.row = max(s.row-up, 0)
	case final == 'K' && argument == "":
		s.clear(s.row, s.col)
	case final == 'J' && argument == "":
		s.clear(s.row, s.col)
		for i := s.row + 1; i < len(s.rows); i++ {
			s.clear(i, 0)
		}
	case argument == "?25" && final == 'l':
		s.CursorHidden = true
	case argument == "?25" && final == 'h':
		s.CursorHidden = false
	default:
		return 0, fmt.Errorf("sequence %q", p[:n])
	}
	return n, nil
}

func (s *Screen) clear(row, from int) {
	s.rows[row] = s.rows[row][:min(from, len(s.rows[row]))]
}

// put writes a character. As on a real terminal, the line is broken by the character after the last column, not by the
// one in it.
func (s *Screen) put(r rune) {
	if s.col == s.width {
		s.lineFeed()
	}
	for len(s.rows[s.row]) <= s.col {
		s.rows[s.row] = append(s.rows[s.row], ' ')
	}
	s.rows[s.row][s.col] = r
	s.col++
}

func (s *Screen) lineFeed() {
	s.col = 0
	if s.row++; s.row < len(s.rows) {
		return
	}
	s.row--
	s.History = append(s.History, strings.TrimRight(string(s.rows[0]), " "))
	s.rows = append(slices.Delete(s.rows, 0, 1), nil)
}

// Resize changes the size. A terminal that becomes narrower breaks the lines that are too long; nothing is joined again.
func (s *Screen) Resize(width, height int) error {
	if width > s.width || height != len(s.rows) {
		return errors.New("only narrower is supported")
	}
	old, at := s.rows, s.row
	s.rows, s.row, s.width = make([][]rune, height), 0, width
	for i, line := range old[:at+1] {
		if i > 0 {
			s.lineFeed()
		}
		s.col = 0
		for _, r := range line {
			s.put(r)
		}
	}
	s.col = min(s.col, width)
	return nil
}
