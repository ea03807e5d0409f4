package metric

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// PauseError is the outcome of a pause that is not in the journal, because that could not be written.
const PauseError = "error"

// PauseOutcomes are what can come of a decision to pause.
var PauseOutcomes = []string{"sent", "dry-run", "limited", "refused", "already paused", "landed", "failed", PauseError}

// pauses are the metrics of the automatic pause.
type pauses struct {
	decided *prometheus.CounterVec
	took    *prometheus.HistogramVec
	armed   *prometheus.GaugeVec
}

func (r *Registry) addPauses() {
	r.pauses = pauses{
		decided: r.counter("lockstep_automatic_pauses_total", "Decisions to pause a network because of an alert, by what came of them; one that was sent is counted again when it has ended.", "network", "outcome"),
		took: r.histogram("lockstep_pause_broadcast_seconds",
			"Seconds from the arrival of the block that showed the offence until an endpoint or a relay had the pause; of a dry run, until it would have been given away.",
			[]float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}, "network"),
		armed: r.gauge("lockstep_pause_armed", "1 if the network would be paused because of an alert, else 0; only where alerts.pause.mode is on.", "network"),
	}
	for _, n := range r.cfg.Networks {
		r.pauses.took.WithLabelValues(n)
		r.pauses.armed.WithLabelValues(n)
		for _, o := range PauseOutcomes {
			r.pauses.decided.WithLabelValues(n, o)
		}
	}
}

// Pause counts a decision to pause, or its end.
func (r *Registry) Pause(network, outcome string) {
	if r != nil {
		r.pauses.decided.WithLabelValues(r.network(network), known(PauseOutcomes, outcome)).Inc()
	}
}

// PauseTook measures how long it took from the arrival of the block until somebody had the pause.
func (r *Registry) PauseTook(network string, took time.Duration) {
	if r != nil {
		r.pauses.took.WithLabelValues(r.network(network)).Observe(took.Seconds())
	}
}

// PauseArmed says whether a network would be paused because of an alert.
func (r *Registry) PauseArmed(network string, armed bool) {
	if r != nil {
		r.pauses.armed.WithLabelValues(r.network(network)).Set(oneIf(armed))
	}
}
