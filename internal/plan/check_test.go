package plan

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSeverities(t *testing.T) {
	want := map[string]Severity{
		"selector-removed": Warning, "layout-changed": Error, "layout-not-compared": Warning, "storage-collision": Error, "facet-proxy": Error,
		"facet-selfdestruct": Error, "holder-delegated": Error, "delay-under-floor": Error, "role-missing": Fatal, "balance-low": Error,
		"gas-over-cap": Fatal, "fee-over-ceiling": Warning, "code-not-verified": Warning, "source-not-clean": Error, "would-revert": Fatal,
		"wrong-outcome": Fatal, "not-simulated": Warning, "blocked": Fatal,
	}
	got := map[string]Severity{}
	for _, id := range Checks() {
		got[id] = SeverityOf(id)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !slices.IsSorted(Checks()) || SeverityOf("nonsense") != "" {
		t.Errorf("%v, %q", Checks(), SeverityOf("nonsense"))
	}
}

func TestCheckInWords(t *testing.T) {
	for want, c := range map[string]Check{
		"error layout-changed (base, Market): it moved; put it back": Trip(LayoutChanged, "base", "Market", "it moved", "put it back"),
		"fatal blocked (base): it moved; put it back":                Trip(Blocked, "base", "", "it moved", "put it back"),
		"warning not-simulated (Market): it moved; put it back":      Trip(NotSimulated, "", "Market", "it moved", "put it back"),
	} {
		if c.String() != want {
			t.Errorf("%q, want %q", c, want)
		}
	}
}

// TestRefusing: a fatal check refuses always, an error unless it is accepted for that very network and the plan is a hotfix, and
// what is of no known severity is no reason to go on.
func TestRefusing(t *testing.T) {
	warning, fatal := Trip(SelectorRemoved, "base", "", "", ""), Trip(WouldRevert, "base", "", "", "")
	here, there, everywhere := Trip(BalanceLow, "base", "", "", ""), Trip(BalanceLow, "op", "", "", ""), Trip(LayoutChanged, "", "", "", "")
	unknown := Trip("nonsense", "base", "", "", "")
	all := []Check{warning, fatal, here, there, everywhere, unknown}
	for name, c := range map[string]struct {
		i    Intent
		want []Check
	}{
		"no hotfix":                  {Intent{}, []Check{fatal, here, there, everywhere, unknown}},
		"accepted without a hotfix":  {Intent{Accepted: Accept(all)}, []Check{fatal, here, there, everywhere, unknown}},
		"a hotfix of nothing":        {Intent{Hotfix: true}, []Check{fatal, here, there, everywhere, unknown}},
		"a hotfix of what was found": {Intent{Hotfix: true, Accepted: Accept(all)}, []Check{fatal, unknown}},
		"of one network":             {Intent{Hotfix: true, Accepted: []Accepted{{BalanceLow, "base", here.Subject}}}, []Check{fatal, there, everywhere, unknown}},
		"another check there":        {Intent{Hotfix: true, Accepted: []Accepted{{LayoutChanged, "base", here.Subject}}}, []Check{fatal, here, there, everywhere, unknown}},
		"of another subject":         {Intent{Hotfix: true, Accepted: []Accepted{{BalanceLow, "base", here.Subject + "1"}}}, []Check{fatal, here, there, everywhere, unknown}},
		"of no network":              {Intent{Hotfix: true, Accepted: []Accepted{{BalanceLow, "", here.Subject}}}, []Check{fatal, here, there, everywhere, unknown}},
		"accepts what is fatal":      {Intent{Hotfix: true, Accepted: []Accepted{{WouldRevert, "base", fatal.Subject}}}, []Check{fatal, here, there, everywhere, unknown}},
	} {
		if diff := cmp.Diff(c.want, c.i.Refusing(all)); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", name, diff)
		}
	}
	if got := (&Intent{}).Refusing([]Check{warning}); got != nil {
		t.Errorf("%v", got)
	}
}

// TestAccept: the errors, each once, and nothing else.
func TestAccept(t *testing.T) {
	checks := []Check{
		Trip(BalanceLow, "base", "one", "", ""), Trip(WouldRevert, "base", "", "", ""), Trip(BalanceLow, "base", "two", "", ""), Trip(BalanceLow, "base", "one", "again", ""),
		Trip(NotSimulated, "base", "", "", ""), Trip(BalanceLow, "op", "one", "", ""),
	}
	if diff := cmp.Diff([]Accepted{{BalanceLow, "base", "one"}, {BalanceLow, "base", "two"}, {BalanceLow, "op", "one"}}, Accept(checks)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
