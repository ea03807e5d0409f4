package metric

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Rules are the rules of alerts; external is an alert that comes from outside.
var Rules = []string{
	"account_code", "activation_not_ready", "balance_low", "codehash_mismatch", "drift", "external", "failure_rate", "gas_spike", "gas_variance", "index_lag",
	"late_execution", "relay_down", "rpc_disagrees", "rpc_down", "stuck_tx", "unauthorized_access", "unknown_root", "unplanned_pause",
	"unplanned_privilege",
}

// Severities of alerts, the gravest first.
var Severities = []string{"critical", "high", "warning", "info"}

// NotificationOutcomes are what can come of a notification: it was taken; a try has failed, and there will be another; it was given up; it was told
// as one of many in a summary.
var NotificationOutcomes = []string{"delivered", "failed", "given up", "summarised"}

// alertMetrics are of alerts, and of telling people.
type alertMetrics struct {
	firing, queueLength, queueAge *prometheus.GaugeVec
	raised, notifications         *prometheus.CounterVec
	acknowledged                  *prometheus.HistogramVec
}

func (r *Registry) alarm() {
	a := &r.alerts
	a.firing = r.gauge("lockstep_alerts_firing", "Alerts that fire.", "rule", "severity")
	a.raised = r.counter("lockstep_alerts_raised_total", "Alerts that were raised.", "rule", "severity")
	a.acknowledged = r.histogram("lockstep_alert_acknowledgement_seconds", "Seconds from raising an alert until somebody acknowledged it.",
		[]float64{30, 60, 120, 300, 600, 900, 1800, 3600, 2 * 3600, 4 * 3600, day}, "severity")
	a.notifications = r.counter("lockstep_notifications_total", "Notifications, by what came of them.", "sink", "outcome")
	a.queueLength = r.gauge("lockstep_notification_queue_length", "Notifications that wait to be taken.")
	a.queueAge = r.gauge("lockstep_notification_queue_age_seconds", "Age of the oldest notification that waits to be taken, 0 if none does.")

	for _, s := range Severities {
		for _, rule := range Rules {
			a.firing.WithLabelValues(rule, s)
			a.raised.WithLabelValues(rule, s)
		}
		a.acknowledged.WithLabelValues(s)
	}
	for _, sink := range r.cfg.Sinks {
		for _, o := range NotificationOutcomes {
			a.notifications.WithLabelValues(sink, o)
		}
	}
	a.queueLength.WithLabelValues()
	a.queueAge.WithLabelValues()
}

// Kind is a rule and a severity.
type Kind struct {
	Rule, Severity string
}

func (k Kind) known() Kind { return Kind{known(Rules, k.Rule), known(Severities, k.Severity)} }

// AlertsFiring says how many alerts fire, of each kind that there is any of.
func (r *Registry) AlertsFiring(n map[Kind]int) {
	if r == nil {
		return
	}
	sums := map[Kind]int{}
	for k, n := range n {
		sums[k.known()] += n
	}
	for _, rule := range append([]string{Other}, Rules...) {
		for _, s := range append([]string{Other}, Severities...) {
			k := Kind{rule, s}
			if n := sums[k]; n > 0 || rule != Other && s != Other {
				r.alerts.firing.WithLabelValues(rule, s).Set(float64(n))
			} else {
				r.alerts.firing.DeleteLabelValues(rule, s)
			}
		}
	}
}

// AlertRaised counts an alert.
func (r *Registry) AlertRaised(rule, severity string) {
	if r != nil {
		k := Kind{rule, severity}.known()
		r.alerts.raised.WithLabelValues(k.Rule, k.Severity).Inc()
	}
}

// AlertAcknowledged measures from raising an alert until somebody acknowledged it.
func (r *Registry) AlertAcknowledged(severity string, took time.Duration) {
	if r != nil {
		r.alerts.acknowledged.WithLabelValues(known(Severities, severity)).Observe(took.Seconds())
	}
}

// Notified counts what came of a notification.
func (r *Registry) Notified(sink, outcome string) {
	if r != nil {
		r.alerts.notifications.WithLabelValues(known(r.cfg.Sinks, sink), known(NotificationOutcomes, outcome)).Inc()
	}
}

// NotificationsWaiting says how many notifications wait to be taken, and since when the oldest does.
func (r *Registry) NotificationsWaiting(n int, oldest time.Duration) {
	if r != nil {
		r.alerts.queueLength.WithLabelValues().Set(float64(n))
		r.alerts.queueAge.WithLabelValues().Set(oldest.Seconds())
	}
}
