package metric

import (
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Sources of refusals: a transaction in a block, our own simulation, a relay.
var Sources = []string{"block", "simulation", "relay"}

// Pauses are the ways in which routed calls come to be paused: asked for by somebody here, by the automatic pause, or by nobody here.
var Pauses = []string{"manual", "automatic", "unplanned"}

// watchMetrics are of what is seen on networks.
type watchMetrics struct {
	delay, paused, indexLag, endpointUp           *prometheus.GaugeVec
	refusals, pauses, rows, reorgs, disagreements *prometheus.CounterVec
	rowSeconds                                    *prometheus.HistogramVec
}

func (r *Registry) watch() {
	w := &r.watched
	w.delay = r.gauge("lockstep_timelock_delay_seconds", "How long after a commit its root can be activated at the earliest, as the dispatcher says.", "network")
	w.paused = r.gauge("lockstep_paused", "1 if the dispatcher says that routed calls are paused, else 0.", "network")
	w.refusals = r.counter("lockstep_refusals_total", "Calls that a watched contract refused, by its error and by how that was seen.", "network", "error", "source")
	w.pauses = r.counter("lockstep_pauses_total", "Times that routed calls were paused.", "network", "how")
	w.indexLag = r.gauge("lockstep_index_lag_blocks", "Blocks that the index is behind the newest one that was seen.", "network")
	w.rows = r.counter("lockstep_index_rows_total", "Rows that the index has written for logs and refused calls.", "network")
	w.reorgs = r.counter("lockstep_index_reorgs_total", "Times that the index has taken back blocks that are no longer in the chain.", "network")
	w.rowSeconds = r.histogram("lockstep_index_head_to_row_seconds", "Seconds from seeing a block until what it holds is in the index.",
		[]float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}, "network")
	w.endpointUp = r.gauge("lockstep_rpc_up", "1 if an endpoint answered when it was last asked, else 0. Endpoints are numbered as the configuration lists them.", "network", "endpoint")
	w.disagreements = r.counter("lockstep_rpc_disagreements_total", "Times that endpoints gave different hashes for a height.", "network")

	for _, n := range r.cfg.Networks {
		for _, e := range r.cfg.Errors {
			w.refusals.WithLabelValues(n, e, Sources[0])
		}
		for _, how := range Pauses {
			w.pauses.WithLabelValues(n, how)
		}
		w.rows.WithLabelValues(n)
		w.reorgs.WithLabelValues(n)
		w.rowSeconds.WithLabelValues(n)
		w.disagreements.WithLabelValues(n)
	}
}

// Dispatcher says what the dispatcher of a network says of itself. It and what else the one process says that watches a network is taken back by
// Unwatched.
func (r *Registry) Dispatcher(network string, delay uint64, paused bool) {
	if r != nil {
		r.watched.delay.WithLabelValues(r.network(network)).Set(float64(delay))
		r.watched.paused.WithLabelValues(r.network(network)).Set(oneIf(paused))
	}
}

// Unwatched says that this process does not watch a network any more, so that what it last saw is not shown for ever.
func (r *Registry) Unwatched(network string) {
	if r == nil {
		return
	}
	of := prometheus.Labels{"network": r.network(network)}
	for _, g := range []*prometheus.GaugeVec{r.watched.delay, r.watched.paused, r.watched.indexLag, r.watched.endpointUp} {
		g.DeletePartialMatch(of)
	}
}

// Refused counts a call that a contract refused. name is that of the error, empty if it is none of the contract's.
func (r *Registry) Refused(network, name, source string) {
	if r != nil {
		r.watched.refusals.WithLabelValues(r.network(network), known(r.cfg.Errors, name), known(Sources, source)).Inc()
	}
}

// Paused counts that routed calls were paused.
func (r *Registry) Paused(network, how string) {
	if r != nil {
		r.watched.pauses.WithLabelValues(r.network(network), known(Pauses, how)).Inc()
	}
}

// IndexAt says up to which block the index of a network has come, and which block is the newest that was seen.
func (r *Registry) IndexAt(network string, block, head uint64) {
	if r != nil {
		r.watched.indexLag.WithLabelValues(r.network(network)).Set(float64(head - min(block, head)))
	}
}

// IndexWrote counts rows of the index.
func (r *Registry) IndexWrote(network string, rows int) {
	if r != nil {
		r.watched.rows.WithLabelValues(r.network(network)).Add(float64(rows))
	}
}

// IndexTookBack counts a reorganisation.
func (r *Registry) IndexTookBack(network string) {
	if r != nil {
		r.watched.reorgs.WithLabelValues(r.network(network)).Inc()
	}
}

// IndexTook measures from seeing a block until what it holds is in the index.
func (r *Registry) IndexTook(network string, took time.Duration) {
	if r != nil {
		r.watched.rowSeconds.WithLabelValues(r.network(network)).Observe(took.Seconds())
	}
}

// EndpointUp says whether an endpoint of a network answers. ordinal counts from 1, as the configuration lists them.
func (r *Registry) EndpointUp(network string, ordinal int, up bool) {
	if r == nil {
		return
	}
	label := Other
	if ordinal >= 1 && ordinal <= r.cfg.Endpoints[network] && slices.Contains(r.cfg.Networks, network) {
		label = strconv.Itoa(ordinal)
	}
	r.watched.endpointUp.WithLabelValues(r.network(network), label).Set(oneIf(up))
}

// Disagreed counts that endpoints of a network gave different hashes for a height.
func (r *Registry) Disagreed(network string) {
	if r != nil {
		r.watched.disagreements.WithLabelValues(r.network(network)).Inc()
	}
}
