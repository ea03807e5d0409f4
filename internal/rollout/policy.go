package rollout

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Ways in which the networks of a plan become live.
const (
	Independent = "independent" // each when it can
	Waves       = "waves"       // one group after the other
	Together    = "together"    // none before all can
)

// Policy says in which order the networks of a plan become live. The zero value is Independent.
type Policy struct {
	Kind     string `json:"policy"`
	Testnets int    `json:"testnets"` // how many must be live and healthy before a mainnet begins
	Waves    []Wave `json:"waves"`
}

// Wave is a group of networks. The next one begins when all of them have been live and healthy for a time.
type Wave struct {
	Name   string   `json:"name"`
	Chains []uint64 `json:"chainIds"`
	Soak   uint64   `json:"soak"` // seconds of each network's block time
}

// NetworkState is how far an execution of a plan is on a network.
type NetworkState string

// The states. Whatever is not StateDone has a reason.
const (
	StateWaiting     NetworkState = "waiting"     // it may not begin yet
	StateWorking     NetworkState = "working"     // on its way
	StateReady       NetworkState = "ready"       // it could be activated, and may not be yet
	StateReleasing   NetworkState = "releasing"   // it may be activated, and is not yet
	StateHalted      NetworkState = "halted"      // an operator must look
	StateUnreachable NetworkState = "unreachable" // it cannot be asked
	StateExcluded    NetworkState = "excluded"    // an operator has taken it out
	StateDone        NetworkState = "done"
)

// Ended tells whether nothing more is to be done.
func (s NetworkState) Ended() bool { return s == StateDone || s == StateExcluded }

// Health is what was last seen of a network by a check of its health. Times are of blocks, in unix seconds.
type Health struct {
	Healthy bool
	Since   uint64 // the first block after which it was so without a break
	At      uint64 // the last
	Problem string
}

// Progress is how far an execution of a plan is on one network.
type Progress struct {
	ChainID uint64
	Name    string
	Kind    string // mainnet, testnet or local
	State   NetworkState
	Reason  string
	DoneAt  uint64 // block time at which it was seen to be done
	Age     uint64 // seconds since it was last seen to be ready
	Health  Health
}

// freshness is how old, in seconds, the simulation of an activation may be when all are let go.
const freshness = 60

// Verdict says whether something may be done, and if not, why.
type Verdict struct {
	Allowed bool
	Reason  string
}

func allowed() Verdict { return Verdict{Allowed: true} }

func refused(format string, args ...any) Verdict {
	return Verdict{Reason: fmt.Sprintf(format, args...)}
}

// Begin tells whether anything may be done on a network.
func (p Policy) Begin(all []Progress, chainID uint64) Verdict {
	own := slices.IndexFunc(all, func(n Progress) bool { return n.ChainID == chainID })
	if p.Testnets > 0 && own >= 0 && all[own].Kind == mainnet {
		if v := p.enoughTestnets(all); !v.Allowed {
			return v
		}
	}
	if p.Kind != Waves {
		return allowed()
	}
	for _, w := range p.Waves {
		if slices.Contains(w.Chains, chainID) {
			return allowed()
		}
		for _, n := range all {
			if !slices.Contains(w.Chains, n.ChainID) || n.State == StateExcluded {
				continue
			}
			if v := n.soaked(w.Soak); !v.Allowed {
				return refused("wave %s comes first: %s", w.Name, v.Reason)
			}
		}
	}
	return refused("it is in no wave")
}

// words of package network
const (
	mainnet = "mainnet"
	testnet = "testnet"
)

func (p Policy) enoughTestnets(all []Progress) Verdict {
	n := 0
	var missing []string
	for _, t := range all {
		if t.Kind != testnet {
			continue
		}
		if v := t.soaked(p.soakOf(t.ChainID)); v.Allowed {
			n++
		} else {
			missing = append(missing, v.Reason)
		}
	}
	if n >= p.Testnets {
		return allowed()
	}
	return refused("%d test networks must be live and healthy before a mainnet begins, %d are: %s", p.Testnets, n, some(missing))
}

func (p Policy) soakOf(chainID uint64) uint64 {
	for _, w := range p.Waves {
		if slices.Contains(w.Chains, chainID) {
			return w.Soak
		}
	}
	return 0
}

// soaked tells whether a network has been live and healthy for a time.
func (n Progress) soaked(soak uint64) Verdict {
	since := max(n.DoneAt, n.Health.Since)
	switch {
	case n.State != StateDone:
		return refused("%s", n.stands())
	case n.Health.At < n.DoneAt:
		return refused("the health of %s has not been checked since it became live", n.Name)
	case !n.Health.Healthy:
		return refused("%s is not healthy: %s", n.Name, n.Health.Problem)
	case n.Health.At-since < soak:
		return refused("%s is to stay healthy until block time %d", n.Name, since+soak)
	}
	return allowed()
}

// stands says where a network stands, and why, where that stays so for a while.
func (n Progress) stands() string {
	if lasts := n.State == StateHalted || n.State == StateUnreachable || n.State == StateExcluded; n.Reason == "" || !lasts {
		return fmt.Sprintf("%s is %s", n.Name, n.State)
	}
	return fmt.Sprintf("%s is %s (%s)", n.Name, n.State, n.Reason)
}

// some names the first of reasons.
func some(reasons []string) string {
	const most = 3
	if len(reasons) > most {
		return fmt.Sprintf("%s; and %d more", strings.Join(reasons[:most], "; "), len(reasons)-most)
	}
	return strings.Join(reasons, "; ")
}

// Activate tells whether a network whose activation would succeed may be activated. released says that all were let go: nothing holds
// them any more.
func (p Policy) Activate(released bool) Verdict {
	if p.Kind == Together && !released {
		return refused("all networks are activated together")
	}
	return allowed()
}

// Release tells whether all networks may be let go: each is ready, and was seen to be a moment ago.
func (p Policy) Release(all []Progress) Verdict {
	var missing []string
	for _, n := range all {
		switch {
		case n.State.Ended():
		case n.State != StateReady:
			missing = append(missing, n.stands())
		case n.Age > freshness:
			missing = append(missing, fmt.Sprintf("%s was seen to be ready more than %d s ago", n.Name, freshness))
		}
	}
	if len(missing) > 0 {
		return refused("all networks are activated together: %s", some(missing))
	}
	return allowed()
}

// Of is the policy for some of the networks. It is nil if nothing is left to say.
func (p Policy) Of(chains []uint64) *Policy {
	out := Policy{Kind: p.Kind, Testnets: p.Testnets, Waves: []Wave{}}
	for _, w := range p.Waves {
		w.Chains = slices.DeleteFunc(slices.Clone(w.Chains), func(id uint64) bool { return !slices.Contains(chains, id) })
		if len(w.Chains) > 0 {
			out.Waves = append(out.Waves, w)
		}
	}
	if out.Kind == "" || out.Kind == Independent && out.Testnets == 0 {
		return nil
	}
	return &out
}

// Check tells whether a policy makes sense for networks, given as chain id and kind. Each must be in one wave.
func (p Policy) Check(kinds map[uint64]string) error {
	testnets, mainnets := 0, false
	for _, kind := range kinds {
		mainnets = mainnets || kind == mainnet
		if kind == testnet {
			testnets++
		}
	}
	switch {
	case p.Kind != Independent && p.Kind != Waves && p.Kind != Together:
		return fmt.Errorf("policy %.80q is not known", p.Kind)
	case p.Kind == Waves != (len(p.Waves) > 0):
		return errors.New("a policy of waves has waves, and no other")
	case p.Testnets < 0 || p.Testnets > 0 && p.Kind == Together:
		return errors.New("networks that are activated together cannot wait for test networks to be live first")
	case mainnets && testnets < p.Testnets:
		return fmt.Errorf("%d test networks must be live before a mainnet begins, and only %d are among the networks", p.Testnets, testnets)
	}
	if p.Kind != Waves {
		return nil
	}
	in, names := map[uint64]bool{}, map[string]bool{}
	before := 0 // test networks in waves so far
	for _, w := range p.Waves {
		if w.Name == "" || names[w.Name] || len(w.Chains) == 0 {
			return fmt.Errorf("each wave has networks and a name of its own; there are two %.80q, or it has none", w.Name)
		}
		names[w.Name] = true
		for _, id := range w.Chains {
			if _, known := kinds[id]; in[id] || !known {
				return fmt.Errorf("chain %d is in two waves, or not among the networks", id)
			}
			in[id] = true
			if kinds[id] == mainnet && before < p.Testnets {
				return fmt.Errorf("wave %.80q has a mainnet, and only %d test networks come before it, of %d that must", w.Name, before, p.Testnets)
			}
		}
		for _, id := range w.Chains {
			if kinds[id] == testnet {
				before++
			}
		}
	}
	for id := range kinds {
		if !in[id] {
			return fmt.Errorf("chain %d is in no wave", id)
		}
	}
	return nil
}

// Lines say what a policy is, in words. name gives the name of a network.
func (p *Policy) Lines(name func(chainID uint64) string) []string {
	if p == nil {
		return []string{"each network on its own"}
	}
	var out []string
	switch p.Kind {
	case Independent:
		out = append(out, "each network on its own")
	case Together:
		out = append(out, "no network before all are ready, then all at once")
	}
	for i, w := range p.Waves {
		var names []string
		for _, id := range w.Chains {
			names = append(names, name(id))
		}
		line := fmt.Sprintf("wave %d, %s: %s", i+1, w.Name, strings.Join(names, ", "))
		if i < len(p.Waves)-1 {
			line += fmt.Sprintf("; the next begins after %d s of health", w.Soak)
		}
		out = append(out, line)
	}
	if p.Testnets > 0 {
		out = append(out, fmt.Sprintf("%d test networks are live and healthy before a mainnet begins", p.Testnets))
	}
	return out
}
