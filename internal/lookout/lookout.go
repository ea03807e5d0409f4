// Package lookout is one list of what is looked at in the metrics of the daemon: what is drawn, and from which threshold on somebody is alerted. The
// rules for Prometheus with their tests, the dashboard for Grafana and the reference with what to do about each alert are made of it, so that none
// of them can show or watch what another one does not know.
package lookout

import "time"

// Item is something that is looked at: a panel of the dashboard, and the alerts on what it shows.
type Item struct {
	Group  string   // a row of the dashboard and a group of rules
	Title  string   // of the panel
	Help   string   // what it shows
	Panel  Panel    // how it is drawn
	Unit   string   // of Grafana
	Series []Series // what is drawn
	Alerts []Alert
}

// Panel is how something is drawn.
type Panel string

// The panels.
const (
	Lines Panel = "timeseries" // over time
	Stat  Panel = "stat"       // the last value, large
)

// Series is a query, and how what it gives is called, with {{label}} for the value of a label.
type Series struct {
	Expr, Legend string
}

// Alert is fired while an expression is beyond a threshold, once it has been for a time.
type Alert struct {
	Name      string
	Expr      string // empty for the first series of the item
	Op        string // > or <
	Threshold float64
	For       time.Duration
	Severity  string
	Summary   string // one line, with {{ $labels.network }} and {{ $value | humanize }}
	Means     string
	Do        string

	Fires, Quiet Case
}

// Case is what a rule is tested with: values of series each minute, as promtool reads them.
type Case struct {
	Series map[string]string
	At     time.Duration
	Labels map[string]string // that the alert has besides its severity; of Fires
	Value  string            // of the expression, as it is shown; of Fires, if the summary holds it
}

// Record is an expression that Prometheus keeps as a series of its own: it looks far back, or others use it.
type Record struct {
	Name string
	By   string // the label that it has
	Expr string
	Help string
}

// expr is what an alert is about.
func (a Alert) expr(i Item) string {
	if a.Expr != "" {
		return a.Expr
	}
	return i.Series[0].Expr
}
