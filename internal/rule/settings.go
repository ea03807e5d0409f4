package rule

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Units of thresholds.
const (
	UnitSeconds  = "seconds"
	UnitRatio    = "ratio"
	UnitUpgrades = "upgrades"
	UnitTimes    = "times"
	UnitBlocks   = "blocks"
)

// bounds are what the thresholds of a unit may be.
type bounds struct {
	low, high float64
	whole     bool
}

var units = map[string]bounds{
	UnitSeconds: {0, 30 * day, true}, UnitRatio: {0, 100, false}, UnitUpgrades: {1, 1000, false}, UnitTimes: {1, 1000, true}, UnitBlocks: {1, 1_000_000, true},
}

// CheckThreshold refuses a threshold that a rule cannot have.
func (d Definition) CheckThreshold(t float64) error {
	b, ok := units[d.Unit]
	switch {
	case !ok:
		return fmt.Errorf("%s has no threshold", d.Name)
	case t >= b.low && t <= b.high && (!b.whole || t == math.Trunc(t)):
		return nil
	}
	number := "a number"
	if b.whole {
		number = "a whole number"
	}
	return fmt.Errorf("must be %s from %s to %s (%s)", number, decimal(b.low), decimal(b.high), d.Unit)
}

// Sights lists what can be seen.
func Sights() []Sight { return slices.Clone(sights) }

// Pausable are the rules from which an automatic pause may follow: what they see can be brought about only by whoever holds a role, or controls
// code that the dispatcher trusts. Of what anyone can bring about, a pause would be a way to stop the protocol.
func Pausable() []string {
	return []string{CodehashMismatch, UnknownRoot, UnplannedPrivilege, UnplannedPause, AccountCode}
}

// Cancellable are the rules that are about a pending root, which can be offered to be taken back.
func Cancellable() []string { return []string{LateExecution, UnknownRoot} }

// KnownActions are those that are not receivers.
func KnownActions() []Action { return []Action{ActPause, ActCancel, ActMetrics, ActLog} }

// May tells whether an action that is not a receiver may follow from a rule.
func (d Definition) May(a Action) bool {
	switch a {
	case ActPause:
		return slices.Contains(Pausable(), d.Name)
	case ActCancel:
		return slices.Contains(Cancellable(), d.Name)
	}
	return slices.Contains(KnownActions(), a)
}

// CanBeCritical tells whether a rule that is configured to have a severity can raise an alert that is critical.
func (d Definition) CanBeCritical(set Severity) bool {
	// see grave: what is about the admin role is
	return set == Critical || d.Name == UnplannedPrivilege && set == d.Defaults.Severity
}

// Resolutions of alerts that were about nothing, or about nothing wrong.
const (
	gone        = "the block that showed it is no longer in the chain"
	explainedBy = "it is explained by "
)

// Unfounded tells of a resolution whether what raised the alert has not happened, or was explained by a plan afterwards.
func Unfounded(resolution string) bool {
	return resolution == gone || strings.HasPrefix(resolution, explainedBy)
}

var threshold = regexp.MustCompile(`\bT\b`)

// With is the condition of a rule as it is with a threshold.
func (d Definition) With(t float64) string {
	text := decimal(t)
	if d.Unit == UnitSeconds {
		text = seconds(int64(t))
	}
	return threshold.ReplaceAllLiteralString(d.Condition, text)
}

// WindowWords is the window of a rule in words: for how long, and what that is.
func (d Definition) WindowWords(window int64) string {
	switch {
	case d.Over == "":
		return "fires while it lasts"
	case strings.HasPrefix(d.Over, "fires"):
		return seconds(window) + ", for which it " + d.Over
	}
	return seconds(window) + ", " + d.Over
}

// Seconds is a length of time in words.
func Seconds(n int64) string { return seconds(n) }

func decimal(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// AnswerWithin is the escalation of those who are to answer in a time, in seconds: who the rule names is told again when half of it has passed,
// and again when all of it has.
func AnswerWithin(within int64) Escalation {
	return Escalation{Within: within, Levels: []Level{{After: within / 2}, {After: within}}}
}
