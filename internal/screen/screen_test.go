package screen

import (
	"slices"
	"testing"
)

func TestScreen(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"lines", "one\r\ntwo\n", []string{"one", "two"}},
		{"carriage return", "three\rfo", []string{"foree"}},
		{"a full line is not broken by its last character", "12345678\nx", []string{"12345678", "x"}},
		{"a long line is", "123456789", []string{"12345678", "9"}},
		{"up and over", "one\ntwo\n\x1b[2Ax", []string{"xne", "two"}},
		{"up is bounded", "one\n\x1b[9Ax", []string{"xne"}},
		{"clear to the end of the line", "one\ntwo\r\x1b[1Ao\x1b[K", []string{"o", "two"}},
		{"clear below", "one\ntwo\nthree\x1b[2A\ro\x1b[J", []string{"o"}},
		{"scroll", "1\n2\n3\n4", []string{"2", "3", "4"}},
	} {
		s := New(8, 3)
		// a byte at a time, since programs cut anywhere
		for _, b := range []byte(test.text) {
			if _, err := s.Write([]byte{b}); err != nil {
				t.Fatalf("%s: %v", test.name, err)
			}
		}
		if got := s.Lines(); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestCursor(t *testing.T) {
	s := New(8, 3)
	for text, hidden := range map[string]bool{"\x1b[?25l": true, "\x1b[?25l\x1b[?25h": false} {
		if _, err := s.Write([]byte(text)); err != nil || s.CursorHidden != hidden {
			t.Errorf("%q: hidden is %v: %v", text, s.CursorHidden, err)
		}
	}
}

func TestUnknownSequence(t *testing.T) {
	for _, text := range []string{"\x1b[31m", "\x1bc", "\a", "\x1b[xA"} {
		if _, err := New(8, 3).Write([]byte(text)); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
