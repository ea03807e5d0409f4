package rule

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
)

// Silence says that nothing is to follow from some alerts for a time. They are raised and recorded all the same.
type Silence struct {
	ID      int64  `json:"id"`
	Rule    string `json:"rule"`
	Network string `json:"network,omitempty"` // empty for all
	Subject string `json:"subject,omitempty"` // a pattern, see CheckPattern; empty for all
	Until   int64  `json:"until"`             // unix seconds
	Reason  string `json:"reason"`
	By      string `json:"by"`
}

// Covers tells whether a silence holds for an alert at a time, in unix seconds.
func (s Silence) Covers(a Alert, now int64) bool {
	if s.Rule != a.Rule || now >= s.Until || s.Network != "" && s.Network != a.Network {
		return false
	}
	if s.Subject == "" {
		return true
	}
	x, err := pattern(s.Subject)
	return err == nil && x.MatchString(a.Subject)
}

// CheckPattern refuses what is no pattern for the subjects of alerts: * stands for any characters, ? for one, [ab] or [a-c] for one of several, [^a] for
// any other one, and what follows \ for itself.
func CheckPattern(text string) error {
	_, err := pattern(text)
	return err
}

var errPattern = errors.New("it is no pattern: * stands for any characters, ? for one, [ab] for one of several")

// pattern is one as of a shell. Unlike there a slash is a character like any other: many subjects are URLs.
func pattern(text string) (*regexp.Regexp, error) {
	if _, err := path.Match(text, ""); err != nil {
		return nil, errPattern
	}
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	self, class := false, false // whether the next one stands for itself, or is in brackets
	was := rune(0)
	for _, c := range text {
		switch {
		case self:
			fmt.Fprintf(&b, `\x{%x}`, c)
			self, c = false, 0
		case c == '\\':
			self = true
		case class && (c == ']' || c == '-' || c == '^' && was == '['):
			b.WriteRune(c)
			class = c != ']'
		case !class && c == '[':
			b.WriteRune(c)
			class = true
		case !class && c == '*':
			b.WriteString(`.*`)
		case !class && c == '?':
			b.WriteRune('.')
		default:
			fmt.Fprintf(&b, `\x{%x}`, c)
		}
		was = c
	}
	x, err := regexp.Compile(b.String() + `\z`)
	if err != nil { // as of a range that ends before it begins
		return nil, errPattern
	}
	return x, nil
}
