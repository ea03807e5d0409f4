package rule

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// Engine knows what was seen and which alerts fire. It is not safe for concurrent use.
type Engine struct {
	settings map[string]Settings
	now      int64 // unix milliseconds
	alerts   map[string]*firing
	networks map[string]*network
	rolling  map[common.Hash][]string // routesRoots that are allowed while a plan is carried out
	apart    int64                    // since when networks differ, in unix milliseconds; 0 if they do not
	changes  []Change                 // of what is being seen
	expiry   int64                    // before which no alert ends by itself, in unix milliseconds
}

// firing is an alert that fires.
type firing struct {
	Alert
	happened bool                    // it is about something that has happened, not about a state that lasts
	acked    int64                   // unix milliseconds
	restored bool                    // another engine has raised it
	orphan   bool                    // the block that showed it is no longer in the chain
	anew     bool                    // what is shown next is raised again
	senders  map[common.Address]bool // of an alert about many: those that this engine has seen
	before   int                     // and how many another one had
}

// network is what is known of one network.
type network struct {
	chainID   uint64
	head      rollout.Block
	expected  []Expected
	pending   map[common.Address]Seen
	active    map[common.Address]Seen
	endpoints map[string]int64 // since when one does not answer, in unix milliseconds; 0 if it does
	disagree  map[string]int64 // since when endpoints do, by their names
	relays    map[string]int   // failures in a row
	open      map[string]Seen
	lagging   int64 // since when the index is too far behind, in unix milliseconds; 0 if it is not
	steps     []step
	ratios    []float64 // of the gas of the last steps to the published figures
}

// New makes an engine. Rules that settings do not name have their defaults.
func New(settings map[string]Settings) *Engine {
	e := &Engine{settings: Defaults(), alerts: map[string]*firing{}, networks: map[string]*network{}, rolling: map[common.Hash][]string{}, expiry: never}
	maps.Copy(e.settings, settings)
	return e
}

// Restore makes alerts fire that fired when another engine was last told of something, as they were kept. acked are the times of
// acknowledgements, in unix seconds, by fingerprint.
func (e *Engine) Restore(alerts []Alert, acked map[string]int64) {
	for _, a := range alerts {
		f := &firing{Alert: a, happened: happens(a), restored: true, acked: acked[a.Fingerprint] * 1000, before: sendersOf(a)}
		e.alerts[a.Fingerprint] = f
		e.mayExpire(f)
	}
}

// Forget lets go of an alert that was ended elsewhere.
func (e *Engine) Forget(fingerprint string) { delete(e.alerts, fingerprint) }

// LastSeen is when what an alert is about was last seen, in unix seconds, and whether it fires.
func (e *Engine) LastSeen(fingerprint string) (at int64, fires bool) {
	f := e.alerts[fingerprint]
	if f == nil {
		return 0, false
	}
	return f.SeenAt, true
}

// happens tells whether an alert is about something that has happened. What it is about tells, since an engine may be told of an alert alone.
func happens(a Alert) bool {
	switch a.Rule {
	case ActivationNotReady, UnplannedPrivilege, UnauthorizedAccess, UnplannedPause, GasSpike:
		return true
	case CodehashMismatch:
		return strings.HasPrefix(a.Subject, sightOf)
	}
	return false
}

// Firing lists the alerts that fire, the gravest and then the oldest first.
func (e *Engine) Firing() []Alert {
	var out []Alert
	for _, f := range e.alerts {
		out = append(out, f.Alert)
	}
	slices.SortFunc(out, func(a, b Alert) int {
		return cmpOr(a.Severity.rank()-b.Severity.rank(), int(a.RaisedAt-b.RaisedAt), strings.Compare(a.Fingerprint, b.Fingerprint))
	})
	return out
}

func cmpOr(by ...int) int {
	for _, n := range by {
		if n != 0 {
			return n
		}
	}
	return 0
}

// See says what becomes of alerts by what was seen.
func (e *Engine) See(s Seen) []Change {
	e.changes = nil
	if s.Sight != SawStep { // whose time is by the clock of whoever carried it out
		e.now = max(e.now, s.At)
	}
	n := e.networks[s.Network]
	if n == nil {
		n = &network{
			chainID: s.ChainID, pending: map[common.Address]Seen{}, active: map[common.Address]Seen{},
			endpoints: map[string]int64{}, disagree: map[string]int64{}, relays: map[string]int{}, open: map[string]Seen{},
		}
		if s.Network != "" {
			e.networks[s.Network] = n
		}
	}
	switch s.Sight {
	case SawHead:
		n.head = s.Block
		e.late(s, n)
		e.stuck(s, n)
	case SawFinal:
		e.final(s)
	case SawReorg:
		e.reorg(s)
	case SawEffect:
		e.effect(s, n)
	case SawSlot:
		e.slot(s)
	case SawCode:
		e.code(s)
	case SawRefusal:
		e.refusal(s)
	case SawPending:
		n.pending[s.Contract] = s
		e.late(s, n)
		e.over(s, n)
		e.root(s, n)
	case SawActive:
		n.active[s.Contract] = s
		e.over(s, n)
	case SawStep:
		e.step(s, n)
	case SawBalance:
		e.balance(s)
	case SawEndpoint:
		e.endpoint(s, n)
	case SawDisagreement:
		e.disagreement(s, n)
	case SawRelay:
		e.relay(s, n)
	case SawOpen:
		e.opened(s, n)
	case SawIndex:
		e.lag(s, n)
	case SawExpected:
		n.expected = s.Expected
		e.explained(s, n)
	case SawRolling:
		if delete(e.rolling, s.Plan); len(s.Roots) > 0 {
			e.rolling[s.Plan] = s.Roots
		}
	case SawReport:
		e.report(s)
	case SawGone:
		if f := e.alerts[s.Subject]; f != nil {
			f.leave()
		}
	case SawAcknowledged:
		if f := e.alerts[s.Subject]; f != nil && f.acked == 0 {
			f.acked = s.At
			e.mayExpire(f)
		}
	case SawTick:
		e.forgetSteps(s)
	}
	e.drift(s)
	e.expire()
	return e.changes
}

// raise makes an alert fire, or renews it. It is raised again if it has become graver, or what was feared has happened.
func (e *Engine) raise(s Seen, rule string, a Alert) {
	set := e.settings[rule]
	if set.Off {
		return
	}
	a.Rule, a.ChainID, a.Contract, a.Tx = rule, s.ChainID, s.Contract, s.Tx
	if a.Severity == "" {
		a.Severity = set.Severity
	}
	if a.Actions == nil {
		a.Actions = slices.Clone(set.Actions)
	}
	if a.Network = s.Network; rule == Drift {
		a.Network, a.ChainID = "", 0
	}
	a.Fingerprint = Fingerprint(rule, a.Network, a.Subject)
	if a.Block = s.Block; a.Block == (rollout.Block{}) {
		if n := e.networks[a.Network]; n != nil {
			a.Block = n.head
		}
	}
	a.RaisedAt, a.SeenAt, a.Count = e.now/1000, e.now/1000, 1
	f := e.alerts[a.Fingerprint]
	if f == nil {
		f = &firing{Alert: a, happened: happens(a)}
		e.alerts[a.Fingerprint] = f
		e.mayExpire(f)
		e.changes = append(e.changes, Change{Raised, a})
		return
	}
	// a state is looked at again and again, which is no news; nor is the same event in another block, after a reorganisation; nor is it that who begins
	// to watch anew finds in storage what was found before
	again := f.happened && (a.Tx == (common.Hash{}) || a.Tx != f.Tx || a.Block.Hash != f.Block.Hash)
	if strings.HasPrefix(a.Subject, hiddenIn) && f.Summary == a.Summary {
		again = false
	}
	anew := !f.Severity.AtLeast(a.Severity) || f.anew && f.Summary != a.Summary
	f.anew = false
	same := !anew && f.Summary == a.Summary && !f.orphan && a.Endpoints <= f.Endpoints
	if !again && same {
		f.SeenAt = a.SeenAt
		return
	}
	a.RaisedAt, a.RaisedAnewAt, a.Count, a.Confirmed = f.RaisedAt, f.RaisedAnewAt, f.Count, false
	if anew {
		a.RaisedAnewAt = e.now / 1000
	}
	if again && !f.orphan {
		a.Count++
	}
	if f.Severity.AtLeast(a.Severity) {
		a.Severity, a.Actions = f.Severity, union(f.Actions, a.Actions)
	}
	f.Alert, f.orphan = a, false
	turn := Renewed
	if anew {
		turn, f.acked = Raised, 0
	}
	e.changes = append(e.changes, Change{turn, a})
}

func union(a, b []Action) []Action {
	out := slices.Clone(a)
	for _, x := range b {
		if !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}

// resolve ends an alert, if it fires.
func (e *Engine) resolve(rule, network, subject, why string) {
	e.end(Fingerprint(rule, network, subject), why)
}

func (e *Engine) end(fingerprint, why string) {
	f := e.alerts[fingerprint]
	if f == nil {
		return
	}
	delete(e.alerts, fingerprint)
	f.ResolvedAt, f.Resolution = e.now/1000, why
	e.changes = append(e.changes, Change{Resolved, f.Alert})
}

// those lists the alerts of a rule and a network that fire, in a fixed order; all networks if it is empty.
func (e *Engine) those(rule, network string) []*firing {
	var out []*firing
	for _, key := range slices.Sorted(maps.Keys(e.alerts)) {
		if f := e.alerts[key]; (rule == "" || f.Rule == rule) && (network == "" || f.Network == network) {
			out = append(out, f)
		}
	}
	return out
}

// never is after every time.
const never = math.MaxInt64

// expires is when an alert ends by itself: when what it is about has happened, and has not again for the window of the rule. Grave ones wait for
// somebody.
func (e *Engine) expires(f *firing) int64 {
	if !f.happened || f.Severity.AtLeast(High) && f.acked == 0 {
		return never
	}
	return max(f.SeenAt*1000, f.acked) + e.settings[f.Rule].Window*1000
}

// mayExpire has an alert looked at when it may end.
func (e *Engine) mayExpire(f *firing) { e.expiry = min(e.expiry, e.expires(f)) }

// expire ends alerts whose time has come. There may be many, and something is seen all the time, so all are looked at only when one may end.
func (e *Engine) expire() {
	if e.now < e.expiry {
		return
	}
	e.expiry = never
	for _, f := range e.those("", "") {
		if e.now < e.expires(f) {
			e.mayExpire(f)
			continue
		}
		e.end(f.Fingerprint, "it was not seen again for "+seconds(e.settings[f.Rule].Window))
	}
}

// final confirms alerts whose block is final, and ends those whose block is no longer in the chain and was not seen again until others of its
// height are final.
func (e *Engine) final(s Seen) {
	for _, f := range e.those("", s.Network) {
		switch {
		case f.Block == (rollout.Block{}) || f.Confirmed || f.Block.Number > s.Block.Number:
		case f.orphan:
			e.end(f.Fingerprint, gone)
		default:
			f.Confirmed = true
			e.changes = append(e.changes, Change{Confirmed, f.Alert})
		}
	}
}

func (e *Engine) reorg(s Seen) {
	for _, f := range e.those("", s.Network) {
		if f.Block.Number > s.Block.Number {
			f.leave()
		}
	}
}

// leave says that the block that showed an alert has left the chain.
func (f *firing) leave() { f.orphan, f.Confirmed = f.happened || f.Rule == UnknownRoot, false }

// seconds is a length of time in words.
func seconds(n int64) string {
	switch {
	case n >= 2*day && n%day == 0:
		return fmt.Sprintf("%d days", n/day)
	case n >= hour && n%hour == 0:
		return plural(n/hour, "hour")
	case n >= 60 && n%60 == 0:
		return plural(n/60, "minute")
	}
	return plural(n, "second")
}

func plural(n int64, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
