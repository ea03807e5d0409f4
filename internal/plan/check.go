package plan

import (
	"slices"
	"strings"
)

// Severity says what a check that trips does to a plan.
type Severity string

// Severities, the lowest first.
const (
	Warning Severity = "warning" // it is told
	Error   Severity = "error"   // the plan is refused, unless it is a hotfix that accepts it
	Fatal   Severity = "fatal"   // the plan is refused: it could not be carried out
)

// The checks. Each is explained in docs/reference/checks.md.
const (
	SelectorRemoved   = "selector-removed"
	LayoutChanged     = "layout-changed"
	LayoutNotCompared = "layout-not-compared"
	StorageCollision  = "storage-collision"
	FacetProxy        = "facet-proxy"
	FacetSelfdestruct = "facet-selfdestruct"
	HolderDelegated   = "holder-delegated"
	DelayUnderFloor   = "delay-under-floor"
	RoleMissing       = "role-missing"
	BalanceLow        = "balance-low"
	GasOverCap        = "gas-over-cap"
	FeeOverCeiling    = "fee-over-ceiling"
	CodeNotVerified   = "code-not-verified"
	SourceNotClean    = "source-not-clean"
	WouldRevert       = "would-revert"
	WrongOutcome      = "wrong-outcome"
	NotSimulated      = "not-simulated"
	Blocked           = "blocked"
)

var severities = map[string]Severity{
	SelectorRemoved: Warning, LayoutChanged: Error, LayoutNotCompared: Warning, StorageCollision: Error, FacetProxy: Error,
	FacetSelfdestruct: Error, HolderDelegated: Error, DelayUnderFloor: Error, RoleMissing: Fatal, BalanceLow: Error, GasOverCap: Fatal,
	FeeOverCeiling: Warning, CodeNotVerified: Warning, SourceNotClean: Error, WouldRevert: Fatal, WrongOutcome: Fatal, NotSimulated: Warning,
	Blocked: Fatal,
}

// SeverityOf returns the severity of a check, and empty if there is no such check.
func SeverityOf(id string) Severity { return severities[id] }

// Checks lists the checks by name.
func Checks() []string {
	var out []string
	for id := range severities {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

// Check is one that has tripped.
type Check struct {
	ID       string   `json:"check"`
	Severity Severity `json:"severity"`
	Network  string   `json:"network"` // empty if it is about all
	Subject  string   `json:"subject"` // contract, account, function or call
	Message  string   `json:"message"` // what is wrong
	Remedy   string   `json:"remedy"`  // what to do
}

// Trip returns a check that has tripped. What nodes, contracts and file names say is made such that a plan may hold it.
func Trip(id, network, subject, message, remedy string) Check {
	return Check{id, severities[id], network, printable(subject), printable(message), remedy}
}

func (c Check) String() string {
	where := c.Subject
	if c.Network != "" {
		where = strings.TrimSuffix(c.Network+", "+c.Subject, ", ")
	}
	return string(c.Severity) + " " + c.ID + " (" + where + "): " + c.Message + "; " + c.Remedy
}

// Accept is what a hotfix accepts of checks that have tripped: the errors, each once.
func Accept(checks []Check) []Accepted {
	var out []Accepted
	for _, c := range checks {
		a := Accepted{c.ID, c.Network, c.Subject}
		if c.Severity == Error && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// Refusing returns those of the checks that a plan does not allow for.
func (i *Intent) Refusing(checks []Check) []Check {
	var out []Check
	for _, c := range checks {
		accepted := i.Hotfix && slices.Contains(i.Accepted, Accepted{c.ID, c.Network, c.Subject})
		if c.Severity == Warning || c.Severity == Error && accepted {
			continue
		}
		out = append(out, c)
	}
	return out
}
