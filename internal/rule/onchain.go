package rule

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"
)

// lifetime is for how long after its eta a root can be activated, in seconds (IManifestDispatcher.sol).
const lifetime = 14 * day

// sightOf begins the subjects of alerts about an error that was merely seen.
const sightOf = "error sent by "

// hiddenIn begins the subjects of alerts about what no event tells of.
const hiddenIn = "storage: "

// late raises late_execution for what should have been activated.
func (e *Engine) late(s Seen, n *network) {
	set := e.settings[LateExecution]
	for _, contract := range sorted(n.pending) {
		p := n.pending[contract]
		for _, f := range e.those(LateExecution, s.Network) {
			if f.Contract == contract && f.Subject != p.Subject {
				e.end(f.Fingerprint, "the root is no longer pending")
			}
		}
		switch {
		case p.Subject == "":
		case n.head.Time > p.Eta+lifetime:
			e.resolve(LateExecution, s.Network, p.Subject, "the root can no longer be activated: it has expired")
		case n.head.Time > p.Eta+p.Grace+uint64(set.Threshold):
			s.Contract, s.Block, s.Tx = contract, n.head, common.Hash{}
			e.raise(s, LateExecution, Alert{
				Subject: p.Subject,
				Summary: fmt.Sprintf("root %s could be activated since %s after its eta, and is not", short(p.Subject), seconds(int64(p.Grace))),
				Details: []Detail{{"epoch", fmt.Sprint(p.Epoch)}, {"eta", fmt.Sprint(p.Eta)}, {"grace", fmt.Sprint(p.Grace)}, {"block time", fmt.Sprint(n.head.Time)}},
			})
		}
	}
}

// sorted lists the keys of a map in a fixed order.
func sorted[V any](m map[common.Address]V) []common.Address {
	var out []common.Address
	for a := range m {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b common.Address) int { return a.Cmp(b) })
	return out
}

// short is a hash as it is shown in a line.
func short(hash string) string {
	if len(hash) > 14 && strings.HasPrefix(hash, "0x") {
		return hash[:10] + ".."
	}
	return hash
}

// Explains tells whether what was seen needs no other explanation than what is expected on its network. Who can look for explanations does so
// before something that has none is shown to the engine.
func (e *Engine) Explains(s Seen) bool {
	n := e.networks[s.Network]
	switch {
	case s.Sight == SawPending && s.Subject != "":
		s.Effect = committed(s)
	case s.Sight != SawEffect:
		return true
	}
	return n != nil && n.explains(s) != ""
}

// committed is the effect by which what is pending came to be.
func committed(s Seen) Effect { return Effect{Committed, fmt.Sprintf("%s %d", s.Subject, s.Epoch)} }

// explains says what explains an effect; nothing if it is empty.
func (n *network) explains(s Seen) string {
	for _, x := range n.expected {
		if x.Tx != (common.Hash{}) {
			if x.Tx == s.Tx {
				return x.By
			}
			continue
		}
		at := s.Block.Time
		if x.Contract == s.Contract && x.Effect == s.Effect && at >= x.From && (x.Until == 0 || at <= x.Until) {
			return x.By
		}
	}
	return ""
}

// The effects that rules know.
const (
	Committed = "committed"
	Activated = "activated"
	Cancelled = "cancelled"
	Paused    = "paused"
	Unpaused  = "unpaused"
)

func (e *Engine) effect(s Seen, n *network) {
	by := n.explains(s)
	root, epoch, _ := strings.Cut(s.Effect.Value, " ")
	if s.Effect.What == Activated {
		n.active[s.Contract] = Seen{Subject: n.active[s.Contract].Subject, Is: root}
	}
	if by != "" {
		return
	}
	sender := "an account that is not known" // where its transaction was not read
	if s.By != (common.Address{}) {
		sender = address(s.By)
	}
	who := []Detail{{"sender", sender}}
	switch s.Effect.What {
	case Committed:
		e.raise(s, UnknownRoot, Alert{
			Subject: root, Summary: fmt.Sprintf("root %s is committed, and no approved plan holds it", short(root)),
			Details: append([]Detail{{"epoch", epoch}}, who...),
		})
	case Activated:
		if f := e.alerts[Fingerprint(UnknownRoot, s.Network, root)]; f != nil {
			f.anew = true // whoever has its commitment in hand must hear of this
		}
		e.raise(s, UnknownRoot, Alert{
			Subject: root, Summary: fmt.Sprintf("root %s was activated, and no approved plan holds it", short(root)),
			Details: append([]Detail{{"epoch", epoch}}, who...),
		})
	case Paused, Unpaused:
		what := "stopped"
		if s.Effect.What == Unpaused {
			what = "resumed"
		}
		e.raise(s, UnplannedPause, Alert{
			Subject: s.Effect.What + " by " + sender, Summary: fmt.Sprintf("routed calls were %s by %s, which was not asked for here", what, sender),
			Details: who,
		})
	default:
		a := Alert{
			Subject: s.Effect.What + " " + s.Effect.Value,
			Summary: fmt.Sprintf("%s: %s, and no approved plan says so", s.Effect.What, s.Effect.Value), Details: who,
		}
		if s.Effect.What != Cancelled && aboutAdmin(s.Effect.Value) {
			a.Severity = e.grave(UnplannedPrivilege)
		}
		e.raise(s, UnplannedPrivilege, a)
	}
}

// grave is critical, unless a rule is configured to be less grave than it is by default.
func (e *Engine) grave(rule string) Severity {
	d, _ := Define(rule)
	if set := e.settings[rule]; set.Severity != d.Defaults.Severity {
		return set.Severity
	}
	return Critical
}

// aboutAdmin tells whether a text names the role that is the admin of every role.
func aboutAdmin(text string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' }), func(w string) bool { return w == "ADMIN" })
}

// over ends unknown_root for what is neither pending nor active any more; not if that is because its block has left the chain, since its transaction
// may come back.
func (e *Engine) over(s Seen, n *network) {
	pending, known := n.pending[s.Contract]
	active, there := n.active[s.Contract]
	for _, f := range e.those(UnknownRoot, s.Network) {
		if !known || !there && f.restored {
			continue // who has just begun to watch has not seen both yet
		}
		if f.Contract == s.Contract && f.Subject != pending.Subject && f.Subject != active.Is && f.Block.Number <= s.Block.Number && !f.orphan {
			e.end(f.Fingerprint, "the root is neither pending nor active")
		}
	}
}

// root raises unknown_root for what is pending, which may have been committed before anybody watched.
func (e *Engine) root(s Seen, n *network) {
	s.Effect = committed(s)
	if s.Subject == "" || n.explains(s) != "" {
		return
	}
	if f := e.alerts[Fingerprint(UnknownRoot, s.Network, s.Subject)]; f != nil && !f.orphan {
		return
	}
	if s.Eta+lifetime < s.Block.Time {
		return // it can no longer be activated
	}
	e.raise(s, UnknownRoot, Alert{
		Subject: s.Subject, Summary: fmt.Sprintf("root %s is committed, and no approved plan holds it", short(s.Subject)),
		Details: []Detail{{"epoch", fmt.Sprint(s.Epoch)}, {"eta", fmt.Sprint(s.Eta)}},
	})
}

// explained ends alerts that have an explanation now: a plan that was approved after the fact.
func (e *Engine) explained(s Seen, n *network) {
	for _, f := range e.those("", s.Network) {
		var by string
		for _, x := range n.expected {
			value, _, _ := strings.Cut(x.Effect.Value, " ")
			switch {
			case x.Tx != (common.Hash{}) && x.Tx == f.Tx && f.Rule != UnauthorizedAccess:
			case x.Until != 0 && f.Block.Time > x.Until || f.Block.Time < x.From || x.Contract != f.Contract:
				continue
			case f.Rule == UnknownRoot && (x.Effect.What == Committed || x.Effect.What == Activated) && value == f.Subject:
			case f.Rule == UnplannedPrivilege && f.Subject == x.Effect.What+" "+x.Effect.Value:
			default:
				continue
			}
			by = x.By
		}
		if by != "" && (f.Rule == UnknownRoot || f.Rule == UnplannedPrivilege || f.Rule == UnplannedPause) {
			e.end(f.Fingerprint, explainedBy+by)
		}
	}
}

func (e *Engine) slot(s Seen) {
	a := Alert{
		Subject: hiddenIn + s.Subject, Summary: fmt.Sprintf("%s changed from %s to %s, and no event says so", s.Subject, s.Was, s.Is),
		Details: []Detail{{"was", s.Was}, {"is", s.Is}},
	}
	if aboutAdmin(s.Was) != aboutAdmin(s.Is) {
		a.Severity = e.grave(UnplannedPrivilege)
	}
	e.raise(s, UnplannedPrivilege, e.asSaid(s, UnplannedPrivilege, a))
}

// asSaid adds to an alert how many endpoints say so. Where fewer do than must they may lie: it is high at most, and nothing is paused.
func (e *Engine) asSaid(s Seen, rule string, a Alert) Alert {
	if s.Asked == 0 {
		return a
	}
	a.Endpoints = s.Endpoints
	a.Details = append(a.Details, Detail{"endpoints", fmt.Sprintf("%d of %d", s.Endpoints, s.Asked)})
	if s.Believed() {
		return a
	}
	a.Severity, a.Actions = e.lesser(rule), without(e.settings[rule].Actions, ActPause)
	if s.Endpoints > 1 {
		a.Summary += fmt.Sprintf(", as %d of %d endpoints say", s.Endpoints, s.Asked)
	} else {
		a.Summary += ", as one endpoint of several says"
	}
	return a
}

// Parts of the accounts whose code is watched.
const (
	Facet     = "facet"
	Extension = "extension"
	Holder    = "holder"
	Signer    = "signer"
	Deployer  = "deployer"
)

// Unwatched is the source of what is seen of an account whose code is no longer watched.
const Unwatched = "unwatched"

// codeOf names an account whose code is watched, as the subject of an alert.
func codeOf(part string, account common.Address) string { return part + " " + address(account) }

// WatchedCode says whose code an alert is about, and what it should be; ok is false if it is about something else.
func WatchedCode(a Alert) (part string, account common.Address, was common.Hash, ok bool) {
	part, who, _ := strings.Cut(a.Subject, " ")
	if a.Rule != AccountCode && a.Rule != CodehashMismatch || !common.IsHexAddress(who) {
		return "", common.Address{}, common.Hash{}, false
	}
	if i := slices.IndexFunc(a.Details, func(d Detail) bool { return d.Name == "was" }); i >= 0 {
		was = common.HexToHash(a.Details[i].Value)
	}
	return part, common.HexToAddress(who), was, true
}

func (e *Engine) code(s Seen) {
	subject := codeOf(s.Part, s.Account)
	pinned := s.Part == Facet || s.Part == Extension
	rule := AccountCode
	if pinned {
		rule = CodehashMismatch
	}
	switch {
	case s.Source == Unwatched && s.Part == Facet:
		e.resolve(rule, s.Network, subject, "it is no longer watched: no live route leads to it")
		return
	case s.Source == Unwatched:
		e.resolve(rule, s.Network, subject, "it is no longer watched: it holds no role, nor does the configuration name it")
		return
	case s.Was == s.Is:
		e.resolve(rule, s.Network, subject, "the code is again what it was")
		return
	}
	a := Alert{Subject: subject, Details: append([]Detail{{"was", s.Was}, {"is", s.Is}}, s.Details...)}
	a.Summary = fmt.Sprintf("%s, which is a %s, has code that it had not", address(s.Account), s.Part)
	if pinned {
		named := ""
		if s.Subject != "" {
			named = " (" + s.Subject + ")"
		}
		a.Summary = fmt.Sprintf("the code of %s %s%s is not the pinned one", s.Part, address(s.Account), named)
	}
	e.raise(s, rule, e.asSaid(s, rule, a))
}

// lesser is high, unless a rule is configured to be less grave than that.
func (e *Engine) lesser(rule string) Severity {
	if s := e.settings[rule].Severity; !s.AtLeast(High) {
		return s
	}
	return High
}

func without(list []Action, a Action) []Action {
	return slices.DeleteFunc(slices.Clone(list), func(x Action) bool { return x == a })
}

// Details of a call that was refused: its function, and the role that its sender lacks.
const (
	Function   = "function"
	NeededRole = "role"
)

func (e *Engine) refusal(s Seen) {
	from := address(s.By)
	details := []Detail{{"sender", from}}
	for _, d := range s.Details {
		if d.Name == Function || d.Name == NeededRole {
			details = append(details, d)
		}
	}
	details = append(details, Detail{"error", s.Subject}, Detail{"fields", s.Is}, Detail{"seen in", s.Source})
	switch s.Subject {
	case "ActivationNotReady":
		e.raise(s, ActivationNotReady, Alert{Subject: from, Summary: "an activation before its eta was refused, sent by " + from, Details: details})
	case "CodehashMismatch":
		e.raise(s, CodehashMismatch, Alert{
			Subject: sightOf + from, Severity: e.lesser(CodehashMismatch), Actions: without(e.settings[CodehashMismatch].Actions, ActPause), Details: details,
			Summary: "a call of " + from + " was refused because the code of a facet is not the pinned one, or by somebody who says so",
		})
	case "AccessControlUnauthorizedAccount":
		if e.crowded(s) {
			e.crowd(s, details)
			return
		}
		e.raise(s, UnauthorizedAccess, Alert{Subject: from, Summary: "a call of " + from + " was refused: it lacks the role", Details: details})
	}
}

// address is an account as it is shown, and as subjects name it.
func address(a common.Address) string { return strings.ToLower(a.Hex()) }
