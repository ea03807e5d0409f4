// Package metric counts and measures what the daemon does, for Prometheus. All of it is in one Registry, whose methods the rest of the
// program calls; a nil one counts nothing, so that commands need none.
//
// What a label can be is from a closed list, given when the registry is made; whatever is not in it is counted as "other". So the number of
// series is bounded, whatever is rolled out: hashes, addresses and ids are never labels.
package metric

import (
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Other is what stands for values of a label that are not in its list.
const Other = "other"

// Steps are the kinds of steps that are told apart: the first words of what a transaction is for.
var Steps = []string{
	"activate", "apply", "cancel", "commit", "deploy", "drop", "grant", "pause", "renounce", "set", "unpause",
}

// Outcomes of steps, and of asking a relay.
var (
	Outcomes      = []string{"confirmed", "reverted", "dropped", "void", "lost"}
	RelayOutcomes = []string{"taken", "partial", "refused", "unsent", "in doubt", "landed", "late", "dropped", "expired", "cancelled"}
)

// Config is what is measured.
type Config struct {
	Version   string
	Networks  []string          // names
	Endpoints map[string]int    // how many each network has, by its name
	States    []string          // in which an execution can be on a network
	Relays    []string          // names
	Errors    []string          // names of those with which contracts refuse calls
	Sinks     []string          // names of those that alerts go to
	Published map[string]uint64 // published gas of a step in its smallest form, by its kind
}

// Definition is a metric as the reference lists it.
type Definition struct {
	Name, Kind string // counter, gauge or histogram
	Labels     []string
	Help       string
}

// Registry holds the metrics of a program. Its methods may be called at the same time, and on nil.
type Registry struct {
	cfg         Config
	reg         *prometheus.Registry
	definitions []Definition

	steps, gas, takeovers, relayAsked, rpcFailures, requests *prometheus.CounterVec
	networks, healthy, head, headTime, leases, journal       *prometheus.GaugeVec
	stepSeconds, lateness, overSimulated, overPublished      *prometheus.HistogramVec
	toApply, toActivation                                    *prometheus.HistogramVec
	relaySeconds, relayBlocks, relayPrice                    *prometheus.HistogramVec
	published                                                *prometheus.GaugeVec

	watched watchMetrics
	alerts  alertMetrics
	pauses  pauses
}

// gasRatios are the buckets of gas over what was expected.
var gasRatios = []float64{0.5, 0.8, 0.9, 0.95, 0.99, 1.01, 1.05, 1.1, 1.2, 1.5, 2, 3}

const day = 24 * 3600 // seconds

// New makes a registry. Every series whose labels are known is there from the beginning, at zero, so that a rate over it sees the first event.
func New(cfg Config) *Registry {
	r := &Registry{cfg: cfg, reg: prometheus.NewRegistry()}
	build := r.gauge("lockstep_build_info", "Always 1; the labels say what runs.", "version", "goversion")
	build.WithLabelValues(cfg.Version, runtime.Version()).Set(1)

	r.steps = r.counter("lockstep_steps_total", "Transactions whose outcome is final, by what they were for.", "network", "step", "outcome")
	r.gas = r.counter("lockstep_gas_used_total", "Gas used by transactions that are final, those that reverted included.", "network", "step")
	r.stepSeconds = r.histogram("lockstep_step_seconds", "Seconds from the decision on a step until its outcome is final.",
		[]float64{1, 2, 5, 10, 20, 40, 60, 120, 300, 600, 1200, 3600}, "network")
	r.lateness = r.histogram("lockstep_activation_lateness_seconds",
		"Block time of an activation minus the time from which it was possible, which is its eta and the grace of the network.",
		[]float64{0, 1, 2, 5, 12, 24, 60, 120, 300, 900, 3600}, "network")
	r.overSimulated = r.histogram("lockstep_gas_over_simulated",
		"Gas that a transaction used, over what it was simulated to use when its plan was made; on rollups without the part for data on another chain.",
		gasRatios, "step")
	r.overPublished = r.histogram("lockstep_gas_over_published",
		"The same, over the published figure for a step of its size. Only steps that have one count: commit, apply, and activate without an init call.",
		gasRatios, "step")
	r.published = r.gauge("lockstep_gas_published", "Published gas of a step in its smallest form: one route, one facet.", "step")
	r.toApply = r.histogram("lockstep_commit_to_apply_seconds", "Block time from a commit until the last page was applied.",
		[]float64{0, 2, 5, 12, 24, 60, 120, 300, 600, 1800, 3600, 4 * 3600}, "network")
	r.toActivation = r.histogram("lockstep_commit_to_activation_seconds", "Block time from a commit until the activation: the timelock, the grace and what came on top.",
		[]float64{60, 300, 900, 1800, 3600, 2 * 3600, 4 * 3600, 12 * 3600, day, 2 * day, 3 * day, 7 * day, 14 * day, 30 * day}, "network")
	r.networks = r.gauge("lockstep_execution_networks", "Networks of executions that have not ended, by the state they are in.", "state")

	r.healthy = r.gauge("lockstep_network_healthy", "1 if the last check of the network's health, by whichever process, found nothing wrong, else 0.", "network")
	r.head = r.gauge("lockstep_network_head", "Number of the newest block that was seen.", "network")
	r.headTime = r.gauge("lockstep_network_head_timestamp_seconds", "Unix time of the newest block that was seen.", "network")
	r.rpcFailures = r.counter("lockstep_rpc_failures_total", "Requests that no endpoint of the network answered well.", "network")

	r.takeovers = r.counter("lockstep_lease_takeovers_total", "Leases that were taken over from a process that did not renew them.")
	r.leases = r.gauge("lockstep_leases_held", "Leases that this process holds.")
	r.journal = r.gauge("lockstep_journal_up", "1 if the journal could be read when that was last tried, else 0.")

	r.relayAsked = r.counter("lockstep_relay_asked_total", "Times that a relay was asked to include transactions, by what came of it.", "network", "relay", "outcome")
	r.relaySeconds = r.histogram("lockstep_relay_seconds", "Seconds until a relay answered.", []float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}, "relay")
	r.relayBlocks = r.histogram("lockstep_relay_blocks", "Blocks from asking a relay until the transactions landed.", []float64{1, 2, 3, 5, 10, 25, 50}, "relay")
	r.relayPrice = r.histogram("lockstep_relay_price_over_base", "Gas price that was paid, over the base fee of the block: 1 is the base fee alone.",
		[]float64{1, 1.05, 1.1, 1.25, 1.5, 2, 5, 10}, "relay")

	r.requests = r.counter("lockstep_http_requests_total", "HTTP requests answered, by route and status code.", "route", "code")

	r.watch()
	r.alarm()
	r.addPauses()
	r.reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	r.begin()
	return r
}

// begin makes the series whose labels are known.
func (r *Registry) begin() {
	for _, n := range r.cfg.Networks {
		r.stepSeconds.WithLabelValues(n)
		r.lateness.WithLabelValues(n)
		r.toApply.WithLabelValues(n)
		r.toActivation.WithLabelValues(n)
		r.rpcFailures.WithLabelValues(n)
		for _, s := range Steps {
			r.gas.WithLabelValues(n, s)
			r.steps.WithLabelValues(n, s, "confirmed")
			r.steps.WithLabelValues(n, s, "reverted")
		}
	}
	for _, s := range Steps {
		r.overSimulated.WithLabelValues(s)
		r.overPublished.WithLabelValues(s)
	}
	for s, gas := range r.cfg.Published {
		r.published.WithLabelValues(step(s)).Set(float64(gas))
	}
	for _, s := range r.cfg.States {
		r.networks.WithLabelValues(s)
	}
	for _, name := range r.cfg.Relays {
		r.relaySeconds.WithLabelValues(name)
		r.relayBlocks.WithLabelValues(name)
		r.relayPrice.WithLabelValues(name)
	}
	r.takeovers.WithLabelValues()
	r.leases.WithLabelValues()
	r.journal.WithLabelValues()
}

func (r *Registry) counter(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	r.add(c, Definition{name, "counter", labels, help})
	return c
}

func (r *Registry) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	r.add(g, Definition{name, "gauge", labels, help})
	return g
}

func (r *Registry) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	r.add(h, Definition{name, "histogram", labels, help})
	return h
}

func (r *Registry) add(c prometheus.Collector, d Definition) {
	r.reg.MustRegister(c)
	r.definitions = append(r.definitions, d)
}

// known is a value of a label, if it is in its list.
func known(list []string, value string) string {
	if slices.Contains(list, value) {
		return value
	}
	return Other
}

func (r *Registry) network(name string) string { return known(r.cfg.Networks, name) }

// step is the kind of a step that is given in words: "commit 0x12ab.. for epoch 3" is commit.
func step(words string) string {
	first, _, _ := strings.Cut(words, " ")
	return known(Steps, strings.TrimSuffix(first, ":"))
}

// Handler serves the page that Prometheus reads.
func (r *Registry) Handler() http.Handler {
	return promhttp.HandlerFor(r.reg, promhttp.HandlerOpts{})
}

// Step counts a transaction whose outcome is final, and the gas that it used.
func (r *Registry) Step(network, words, outcome string, gasUsed uint64) {
	if r == nil {
		return
	}
	r.steps.WithLabelValues(r.network(network), step(words), known(Outcomes, outcome)).Inc()
	r.gas.WithLabelValues(r.network(network), step(words)).Add(float64(gasUsed))
}

// StepTook measures a step, from the decision on it until its outcome is final.
func (r *Registry) StepTook(network string, took time.Duration) {
	if r != nil {
		r.stepSeconds.WithLabelValues(r.network(network)).Observe(took.Seconds())
	}
}

// Activated measures how late an activation was: by block time, at is the block's, possible is eta and grace.
func (r *Registry) Activated(network string, at, possible uint64) {
	if r != nil {
		r.lateness.WithLabelValues(r.network(network)).Observe(float64(at) - float64(possible))
	}
}

// Gas measures what a step that succeeded has used, over what it was simulated to use, and over the published figure for it. What is 0 is not known.
func (r *Registry) Gas(words string, used, simulated, published uint64) {
	if r == nil {
		return
	}
	if simulated > 0 {
		r.overSimulated.WithLabelValues(step(words)).Observe(float64(used) / float64(simulated))
	}
	if published > 0 {
		r.overPublished.WithLabelValues(step(words)).Observe(float64(used) / float64(published))
	}
}

// Applied measures how long after its commit the last page of a manifest was applied, by block time in seconds.
func (r *Registry) Applied(network string, commit, at uint64) {
	if r != nil {
		r.toApply.WithLabelValues(r.network(network)).Observe(float64(at) - float64(commit))
	}
}

// TimelockTook measures how long after its commit a manifest was activated, by block time in seconds.
func (r *Registry) TimelockTook(network string, commit, at uint64) {
	if r != nil {
		r.toActivation.WithLabelValues(r.network(network)).Observe(float64(at) - float64(commit))
	}
}

// ExecutionNetworks says in which states the networks of executions are that have not ended.
func (r *Registry) ExecutionNetworks(inState map[string]int) {
	if r == nil {
		return
	}
	sums := map[string]int{}
	for state, n := range inState {
		sums[known(r.cfg.States, state)] += n
	}
	for _, state := range append(slices.Clone(r.cfg.States), Other) {
		r.networks.WithLabelValues(state).Set(float64(sums[state]))
	}
}

// NetworkHealthy says whether the last check of a network found nothing wrong.
func (r *Registry) NetworkHealthy(network string, healthy bool) {
	if r != nil {
		r.healthy.WithLabelValues(r.network(network)).Set(oneIf(healthy))
	}
}

// NetworkHead says which block of a network is the newest that was seen.
func (r *Registry) NetworkHead(network string, number, time uint64) {
	if r != nil {
		r.head.WithLabelValues(r.network(network)).Set(float64(number))
		r.headTime.WithLabelValues(r.network(network)).Set(float64(time))
	}
}

// RPCFailed counts a request that no endpoint of a network answered well.
func (r *Registry) RPCFailed(network string) {
	if r != nil {
		r.rpcFailures.WithLabelValues(r.network(network)).Inc()
	}
}

// LeaseTakenOver counts a lease that another process did not renew.
func (r *Registry) LeaseTakenOver() {
	if r != nil {
		r.takeovers.WithLabelValues().Inc()
	}
}

// LeasesHeld says how many leases this process holds.
func (r *Registry) LeasesHeld(n int) {
	if r != nil {
		r.leases.WithLabelValues().Set(float64(n))
	}
}

// JournalUp says whether the journal could be read.
func (r *Registry) JournalUp(up bool) {
	if r != nil {
		r.journal.WithLabelValues().Set(oneIf(up))
	}
}

// RelayAsked counts what came of asking a relay.
func (r *Registry) RelayAsked(network, relay, outcome string) {
	if r != nil {
		r.relayAsked.WithLabelValues(r.network(network), known(r.cfg.Relays, relay), known(RelayOutcomes, outcome)).Inc()
	}
}

// RelayTook measures how long a relay took to answer.
func (r *Registry) RelayTook(relay string, took time.Duration) {
	if r != nil {
		r.relaySeconds.WithLabelValues(known(r.cfg.Relays, relay)).Observe(took.Seconds())
	}
}

// RelayLanded measures in how many blocks transactions landed that a relay was given. priceOverBase is 0 if it is not known.
func (r *Registry) RelayLanded(relay string, blocks uint64, priceOverBase float64) {
	if r == nil {
		return
	}
	r.relayBlocks.WithLabelValues(known(r.cfg.Relays, relay)).Observe(float64(blocks))
	if priceOverBase > 0 {
		r.relayPrice.WithLabelValues(known(r.cfg.Relays, relay)).Observe(priceOverBase)
	}
}

// HTTPRequest counts a request. The route is a pattern, never a path that somebody asked for.
func (r *Registry) HTTPRequest(route string, code int) {
	if r != nil {
		r.requests.WithLabelValues(route, strconv.Itoa(code)).Inc()
	}
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
