package rule

import "slices"

// Level is who is told of an alert that nobody has acknowledged for a while.
type Level struct {
	After  int64    `json:"after"` // seconds since it was raised
	Notify []Action `json:"notify"`
}

// Escalation says how alerts of a severity are answered.
type Escalation struct {
	Within int64   `json:"within"` // seconds in which somebody must have acknowledged it
	Levels []Level `json:"levels"` // besides the receivers of the rule, who are told at once
}

// Escalations are those of all severities if nothing is configured.
func Escalations() map[Severity]Escalation {
	out := map[Severity]Escalation{}
	for severity, within := range map[Severity]int64{Critical: 15 * 60, High: hour, Warning: 4 * hour, Info: day} {
		out[severity] = AnswerWithin(within)
	}
	return out
}

// Due says which levels of an escalation an alert has come to by now (unix seconds), of those after the last one that was told; levels
// count from 1. A level without receivers tells those of the alert.
func (x Escalation) Due(a Alert, told int, now int64) (level int, notify []Action) {
	level = told
	for i, l := range x.Levels {
		if i < told || now < a.RaisedAt+l.After {
			continue
		}
		level = i + 1
		who := l.Notify
		if len(who) == 0 {
			who = a.Receivers()
		}
		notify = union(notify, who)
	}
	return level, notify
}

// Receivers are the actions of an alert that name receivers.
func (a Alert) Receivers() []Action {
	return slices.DeleteFunc(slices.Clone(a.Actions), func(x Action) bool {
		return slices.Contains([]Action{ActPause, ActCancel, ActMetrics, ActLog}, x)
	})
}

// Has tells whether an action follows from an alert.
func (a Alert) Has(x Action) bool { return slices.Contains(a.Actions, x) }
