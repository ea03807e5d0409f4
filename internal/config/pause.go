package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"go.yaml.in/yaml/v3"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// Pause says whether, and how, dispatchers are paused automatically when an alert asks for it.
type Pause struct {
	Mode      rollout.PauseMode
	Signer    string // whose key does nothing else; empty if the mode is off
	All       bool   // an alert pauses all networks, and not only its own
	PerHour   int    // at most, on each network
	Public    bool   // a pause may be seen by everybody before it is in a block, where other transactions may not
	Endpoints int    // that must agree on another code hash than the pinned one before it pauses a network
	Line      int
}

// Defaults of Pause.
const (
	DefaultPausesPerHour   = 2
	DefaultPauseEndpoints  = 2
	mostPausesPerHour      = 60
	mostEndpointsThatAgree = 20
)

// pause reads alerts.pause. What it says must hold for all else, which is read before.
func (r *reader) pause(c *Config, alerts, top section) {
	s := r.section(alerts.get("pause"), "alerts.pause", "mode", "signer", "networks", "perHour", "public", "endpoints")
	p := Pause{
		Mode: rollout.PauseOff, Signer: s.text("signer"), Public: s.boolean("public"),
		PerHour:   int(s.integer("perHour", DefaultPausesPerHour, 1, mostPausesPerHour)),
		Endpoints: int(s.integer("endpoints", DefaultPauseEndpoints, 1, mostEndpointsThatAgree)),
	}
	if s.node != nil {
		p.Line = s.node.Line
	}
	switch mode := rollout.PauseMode(s.text("mode")); mode {
	case "":
	case rollout.PauseOff, rollout.PauseDry, rollout.PauseOn:
		p.Mode = mode
	default:
		r.problem(s.get("mode"), "alerts.pause.mode is %q, must be off, dry-run or on", mode)
	}
	switch networks := s.text("networks"); networks {
	case "", "concerned":
	case "all":
		p.All = true
	default:
		r.problem(s.get("networks"), "alerts.pause.networks is %q, must be concerned or all", networks)
	}
	c.Alerts.Pause = p
	r.pauseFollows(c, s.text("mode"))
	if p.Mode == rollout.PauseOff {
		return
	}
	r.pauseSigner(c, s)
	if p.Mode == rollout.PauseOn {
		r.pauseEndpoints(c, s, top)
	}
}

// asked is an action of a rule, as it is written.
type asked struct {
	node *yaml.Node
	path string
	rule rule.Definition
}

// pauseFollows finds where the file asks for a pause that never follows.
func (r *reader) pauseFollows(c *Config, mode string) {
	for _, a := range r.pauses {
		set := c.Alerts.Rules[a.rule.Name]
		switch {
		case set.Off:
		case !a.rule.CanBeCritical(set.Severity):
			r.problem(a.node, "%s names pause, which follows from what is critical alone, and %s is %s: give it severity: critical, or remove pause", a.path, a.rule.Name, set.Severity)
		case c.Alerts.Pause.Mode == rollout.PauseOff && (mode == "" || mode == string(rollout.PauseOff)):
			r.problem(a.node, "%s names pause, and alerts.pause.mode is off: nothing is paused; set that to dry-run or on, or remove pause", a.path)
		}
	}
}

// pauseSigner finds what keeps a signer from pausing by itself.
func (r *reader) pauseSigner(c *Config, s section) {
	name := c.Alerts.Pause.Signer
	if name == "" {
		r.problem(s.node, "alerts.pause.signer is missing: name a signer in dispatcher.roles.pauser whose key does nothing else")
		return
	}
	at := s.get("signer")
	signer, ok := c.Signers[name]
	switch {
	case !ok:
		r.problem(at, "alerts.pause.signer names %q, which is not under signers", name)
		return
	case signer.Keystore == "":
		r.problem(at, "alerts.pause.signer is %s, which has no keystore: it could not sign here", name)
	}
	if err := c.PauseKeyAlone(func(name string) common.Address { return c.Signers[name].Address }); err != nil {
		r.problem(at, "%v", err)
	}
}

// PauseKeyAlone refuses a key for the automatic pause that could do anything else, or that does not hold the role. Addresses that are not known
// are zero.
func (c *Config) PauseKeyAlone(address func(signer string) common.Address) error {
	own := address(c.Alerts.Pause.Signer)
	same := func(a Account) bool {
		if a.Signer == c.Alerts.Pause.Signer {
			return true
		}
		other := a.Address
		if a.Signer != "" {
			other = address(a.Signer)
		}
		return other != (common.Address{}) && other == own
	}
	if !slices.ContainsFunc(c.Dispatcher.Roles["pauser"], same) {
		return fmt.Errorf("alerts.pause.signer is %s, which is not in dispatcher.roles.pauser: add it there, or name one that is", c.Alerts.Pause.Signer)
	}
	uses := map[string][]Account{"dispatcher.deployer": {{Signer: c.Dispatcher.Deployer}}}
	for role, accounts := range c.Dispatcher.Roles {
		if role != "pauser" {
			uses["dispatcher.roles."+role] = accounts
		}
	}
	if c.Approvals != nil {
		uses["approvals.approvers"] = c.Approvals.Approvers
	}
	for _, n := range c.Networks {
		if n.RelayKey != "" {
			uses["relayKey of "+n.Name] = []Account{{Signer: n.RelayKey}}
		}
	}
	var found []string
	for use, accounts := range uses {
		if slices.ContainsFunc(accounts, same) {
			found = append(found, use)
		}
	}
	if len(found) == 0 {
		return nil
	}
	slices.Sort(found)
	return fmt.Errorf("alerts.pause.signer is %s, which is in %s as well: make a key that does nothing but pause, with lockstep key new",
		c.Alerts.Pause.Signer, strings.Join(found, ", "))
}

// pauseEndpoints finds networks with too few endpoints to agree on a code hash.
func (r *reader) pauseEndpoints(c *Config, s, top section) {
	needs := c.Alerts.Pause.Endpoints
	list := top.list("networks")
	for i, n := range c.Networks {
		if len(n.RPC) >= needs || needs == 1 {
			continue
		}
		at := s.get("endpoints")
		if at == nil {
			at = &yaml.Node{Line: n.Line}
			if i < len(list) {
				at = list[i]
			}
		}
		r.problem(at, "network %s has %d endpoint%s, and %d must agree on a code hash before it is paused because of one (alerts.pause.endpoints): list "+
			"another one under rpc, or say endpoints: 1", n.Name, len(n.RPC), plural(len(n.RPC)), needs)
	}
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}
