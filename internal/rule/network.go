package rule

import (
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"
)

// step is a step that is final.
type step struct {
	at     int64 // unix milliseconds
	failed bool
}

// Before is the source of a step that was final before anybody watched, and after which others follow: it counts with them.
const Before = "before"

// variance is how many steps the mean of gas_variance is of.
const variance = 20

func (e *Engine) step(s Seen, n *network) {
	if s.Baseline > 0 && !s.Failed && float64(s.Gas) > e.settings[GasSpike].Threshold*float64(s.Baseline) {
		e.raise(s, GasSpike, Alert{
			Subject: s.Subject + " " + strings.ToLower(s.Tx.Hex()), Summary: fmt.Sprintf("%s used %d gas, %.2f times what was simulated", s.Subject, s.Gas, float64(s.Gas)/float64(s.Baseline)),
			Details: []Detail{{"gas", fmt.Sprint(s.Gas)}, {"simulated", fmt.Sprint(s.Baseline)}},
		})
	}
	if s.Published > 0 && !s.Failed {
		n.ratios = append(n.ratios, float64(s.Gas)/float64(s.Published))
		n.ratios = n.ratios[max(0, len(n.ratios)-variance):]
	}
	n.steps = append(n.steps, step{s.At, s.Failed})
	if s.Source == Before {
		return
	}
	e.variance(s, n)
	e.failures(s, n)
}

func (e *Engine) variance(s Seen, n *network) {
	const subject = "gas of steps"
	if len(n.ratios) < variance {
		return
	}
	sum := 0.0
	for _, r := range n.ratios {
		sum += r
	}
	mean := sum / variance
	if math.Abs(mean-1) <= e.settings[GasVariance].Threshold {
		e.resolve(GasVariance, s.Network, subject, "it is near the published figures again")
		return
	}
	e.raise(s, GasVariance, Alert{
		Subject: subject, Summary: fmt.Sprintf("the last %d steps do not use the gas that is published for them", variance), Details: []Detail{{"mean ratio", fmt.Sprintf("%.3f", mean)}},
	})
}

// forgetSteps looks at the share of steps that failed, when time has passed.
func (e *Engine) forgetSteps(s Seen) {
	for _, name := range slices.Sorted(maps.Keys(e.networks)) {
		if n := e.networks[name]; len(n.steps) > 0 && n.steps[0].at <= e.now-e.settings[FailureRate].Window*1000 {
			e.failures(Seen{Sight: s.Sight, Network: name, ChainID: n.chainID, At: s.At}, n)
		}
	}
}

// failures looks at the share of steps that failed.
func (e *Engine) failures(s Seen, n *network) {
	const subject = "steps"
	set := e.settings[FailureRate]
	now := max(e.now, s.At) // that of the step may be by another clock
	n.steps = slices.DeleteFunc(n.steps, func(x step) bool { return x.at <= now-set.Window*1000 })
	failed := 0
	for _, x := range n.steps {
		if x.failed {
			failed++
		}
	}
	if failed == 0 || float64(failed) <= set.Threshold*float64(len(n.steps)) {
		e.resolve(FailureRate, s.Network, subject, "fewer steps fail")
		return
	}
	e.raise(s, FailureRate, Alert{
		Subject: subject, Summary: fmt.Sprintf("more than %.0f %% of the steps of the last %s failed", 100*set.Threshold, seconds(set.Window)),
		Details: []Detail{{"failed", fmt.Sprint(failed)}, {"steps", fmt.Sprint(len(n.steps))}},
	})
}

func (e *Engine) balance(s Seen) {
	subject := address(s.Account)
	if s.Has == nil || s.Needs == nil {
		return
	}
	fires := e.alerts[Fingerprint(BalanceLow, s.Network, subject)] != nil
	enough := s.Needs
	if fires { // what upgrades cost goes up and down
		enough = new(big.Int).Div(new(big.Int).Mul(s.Needs, big.NewInt(5)), big.NewInt(4))
	}
	if s.Has.Cmp(enough) >= 0 {
		e.resolve(BalanceLow, s.Network, subject, "it has enough again")
		return
	}
	e.raise(s, BalanceLow, Alert{
		Subject: subject, Summary: fmt.Sprintf("%s has less than it should have: what it sends may not be paid for soon", subject),
		Details: []Detail{{"has", s.Has.String() + " wei"}, {"needs", s.Needs.String() + " wei"}},
	})
}

// everyEndpoint is the subject of an alert about all endpoints of a network.
const everyEndpoint = "every endpoint"

func (e *Engine) endpoint(s Seen, n *network) {
	since, known := n.endpoints[s.Subject]
	switch {
	case !s.Failed:
		n.endpoints[s.Subject] = 0
		e.resolve(RPCDown, s.Network, s.Subject, "it answers again")
		e.resolve(RPCDown, s.Network, everyEndpoint, "one answers again")
		return
	case !known || since == 0:
		since = s.At
		n.endpoints[s.Subject] = since
	}
	patience := int64(e.settings[RPCDown].Threshold * 1000)
	if s.At-since < patience {
		return
	}
	if len(n.endpoints) > 1 { // a sole one is every endpoint
		e.raise(s, RPCDown, Alert{Subject: s.Subject, Summary: "endpoint " + s.Subject + " does not answer", Details: []Detail{{"says", s.Is}}})
	}
	for _, since := range n.endpoints {
		if since == 0 || s.At-since < patience {
			return
		}
	}
	e.raise(s, RPCDown, Alert{
		Subject: everyEndpoint, Severity: max2(e.settings[RPCDown].Severity, High), Summary: "no endpoint of the network answers: nothing there is seen",
		Details: []Detail{{"endpoints", fmt.Sprint(len(n.endpoints))}, {"says", s.Is}},
	})
}

// max2 is the graver of two severities.
func max2(a, b Severity) Severity {
	if a.AtLeast(b) {
		return a
	}
	return b
}

func (e *Engine) disagreement(s Seen, n *network) {
	if !s.Failed {
		agree := strings.Split(s.Subject, ", ") // of those that are asked not all may answer
		among := func(subject string) bool {
			return !slices.ContainsFunc(strings.Split(subject, ", "), func(name string) bool { return !slices.Contains(agree, name) })
		}
		maps.DeleteFunc(n.disagree, func(subject string, _ int64) bool { return among(subject) })
		for _, f := range e.those(RPCDisagrees, s.Network) {
			if among(f.Subject) {
				e.end(f.Fingerprint, "they agree again")
			}
		}
		return
	}
	if n.disagree[s.Subject] == 0 {
		n.disagree[s.Subject] = s.At
	}
	// near the head they may be on two sides of a reorganisation for a moment
	if s.At-n.disagree[s.Subject] < int64(e.settings[RPCDisagrees].Threshold*1000) && s.Source != "final" {
		return
	}
	e.raise(s, RPCDisagrees, Alert{
		Subject: s.Subject, Summary: "endpoints give different hashes for the same height: " + s.Subject,
		Details: []Detail{{"height", fmt.Sprint(s.Block.Number)}, {"hashes", s.Is}},
	})
}

func (e *Engine) relay(s Seen, n *network) {
	if !s.Failed {
		n.relays[s.Subject] = 0
		e.resolve(RelayDown, s.Network, s.Subject, "it answers again")
		return
	}
	n.relays[s.Subject]++
	if threshold := e.settings[RelayDown].Threshold; float64(n.relays[s.Subject]) >= threshold {
		e.raise(s, RelayDown, Alert{
			Subject: s.Subject, Summary: fmt.Sprintf("relay %s has failed %g times in a row", s.Subject, threshold), Details: []Detail{{"says", s.Is}},
		})
	}
}

// NonceOf names the nonce of an account: what takes the place of a transaction has the same.
func NonceOf(account common.Address, nonce uint64) string {
	return fmt.Sprintf("nonce %d of %s", nonce, address(account))
}

func (e *Engine) opened(s Seen, n *network) {
	if s.Since > 0 {
		n.open[s.Source] = s
		e.stuck(s, n)
		return
	}
	delete(n.open, s.Source)
	e.resolve(StuckTx, s.Network, s.Source, "it is in a block, or will never be")
}

// stuckPatience is for how many milliseconds a transaction may be in no block, however many there are: whether it is in one is asked from time to time.
const stuckPatience = 15_000

func (e *Engine) stuck(s Seen, n *network) {
	for _, nonce := range slices.Sorted(maps.Keys(n.open)) {
		o := n.open[nonce]
		if s.At-o.At < stuckPatience || n.head.Number < o.Since+uint64(e.settings[StuckTx].Threshold) {
			continue
		}
		s.Tx, s.Contract, s.Block = o.Tx, o.Contract, n.head
		e.raise(s, StuckTx, Alert{
			Subject: nonce, Summary: fmt.Sprintf("%s is not in a block, %g blocks after it was sent", o.Subject, e.settings[StuckTx].Threshold),
			Details: []Detail{{"sent at", fmt.Sprint(o.Since)}},
		})
	}
}

// lagPatience is for how many milliseconds the index may be behind: many blocks may come at once.
const lagPatience = 3000

func (e *Engine) lag(s Seen, n *network) {
	const subject = "index"
	if n.head.Number < s.Since+uint64(e.settings[IndexLag].Threshold) {
		n.lagging = 0
		e.resolve(IndexLag, s.Network, subject, "it has caught up")
		return
	}
	if n.lagging == 0 {
		n.lagging = s.At
	}
	if s.At-n.lagging < lagPatience {
		return
	}
	s.Block = n.head
	e.raise(s, IndexLag, Alert{
		Subject: subject, Summary: fmt.Sprintf("the index is %g blocks or more behind the head", e.settings[IndexLag].Threshold),
		Details: []Detail{{"index", fmt.Sprint(s.Since)}, {"head", fmt.Sprint(n.head.Number)}},
	})
}

// drift compares what is active on all networks.
func (e *Engine) drift(s Seen) {
	const subject = "active routes"
	byRoot := map[string][]string{}
	for name, n := range e.networks {
		for _, a := range n.active {
			byRoot[a.Subject] = append(byRoot[a.Subject], name)
		}
	}
	if len(byRoot) < 2 || e.allowed(byRoot) {
		e.apart = 0
		if f := e.alerts[Fingerprint(Drift, "", subject)]; f != nil && !e.allowed(byRoot) && !e.known(f.Details) {
			return // who has just begun to watch has not seen all of them yet
		}
		e.resolve(Drift, "", subject, "they are the same again, or a plan that is being carried out allows it")
		return
	}
	if e.apart == 0 {
		e.apart = e.now
	}
	if e.now-e.apart < int64(e.settings[Drift].Threshold*1000) {
		return
	}
	var details []Detail
	for _, root := range slices.Sorted(maps.Keys(byRoot)) {
		slices.Sort(byRoot[root])
		name := root
		if name == "" {
			name = "none"
		}
		details = append(details, Detail{name, strings.Join(byRoot[root], ", ")})
	}
	s = Seen{Sight: s.Sight, At: s.At}
	e.raise(s, Drift, Alert{Subject: subject, Summary: fmt.Sprintf("networks have %d different sets of active routes", len(byRoot)), Details: details})
}

// known tells whether what is active is known of all networks that an alert names.
func (e *Engine) known(details []Detail) bool {
	for _, d := range details {
		for name := range strings.SplitSeq(d.Value, ", ") {
			if n := e.networks[name]; n == nil || len(n.active) == 0 {
				return false
			}
		}
	}
	return true
}

// allowed tells whether a plan that is being carried out explains that networks differ.
func (e *Engine) allowed(byRoot map[string][]string) bool {
	for _, roots := range e.rolling {
		all := true
		for root := range byRoot {
			all = all && slices.Contains(roots, root)
		}
		if all {
			return true
		}
	}
	return false
}

func (e *Engine) report(s Seen) {
	subject := s.Source + " " + s.Subject
	if !s.Failed {
		e.resolve(External, s.Network, subject, s.Source+" says that it is over")
		return
	}
	a := Alert{Subject: subject, Severity: s.Severity, Summary: s.Summary, Details: s.Details}
	e.raise(s, External, a)
}
