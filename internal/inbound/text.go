package inbound

import (
	"slices"
	"strings"
	"unicode"

	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// What others write is bounded, in bytes, and of each report so are its details.
const (
	maxSubject = 200
	maxSummary = 300
	maxName    = 60
	maxValue   = 1000
	maxDetails = 30
	maxBy      = 100
	maxNote    = 500
)

// line makes one line of what others write: without what a terminal or a chat might obey, and not too long.
func line(text string, limit int) string {
	text = text[:min(len(text), 16*limit)] // what follows is linear, and the rest would not be seen
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, " "))
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > limit {
		const more = "..."
		text = strings.TrimSpace(strings.ToValidUTF8(text[:limit-len(more)], "")) + more
	}
	return text
}

// details adds facts that are not empty.
func details(dst []rule.Detail, facts ...[2]string) []rule.Detail {
	for _, f := range facts {
		d := rule.Detail{Name: line(f[0], maxName), Value: line(f[1], maxValue)}
		if d.Name != "" && d.Value != "" && len(dst) < maxDetails && !slices.Contains(dst, d) {
			dst = append(dst, d)
		}
	}
	return dst
}
