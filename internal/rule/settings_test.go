package rule

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDefinitionsAreWhole: what the reference and the configuration make of a rule.
func TestDefinitionsAreWhole(t *testing.T) {
	for _, d := range Definitions() {
		named := len(regexp.MustCompile(`\bT\b`).FindAllString(d.Condition, -1))
		if (named == 1) != (d.Unit != "") || named > 1 {
			t.Errorf("%s: the condition %q names its threshold %d times, the unit is %q", d.Name, d.Condition, named, d.Unit)
		}
		if err := d.CheckThreshold(d.Defaults.Threshold); (err == nil) != (d.Unit != "") {
			t.Errorf("%s: the default threshold: %v", d.Name, err)
		}
		if (d.Over != "") != (d.Defaults.Window > 0) {
			t.Errorf("%s: the window is %d s, over %q", d.Name, d.Defaults.Window, d.Over)
		}
		for _, a := range d.Defaults.Actions {
			if slices.Contains(KnownActions(), a) && !d.May(a) {
				t.Errorf("%s may not have its own action %s", d.Name, a)
			}
		}
		if d.Runbook == "" || strings.HasSuffix(d.Runbook, ".") || strings.HasSuffix(d.Condition, ".") {
			t.Errorf("%s: %q, %q", d.Name, d.Condition, d.Runbook)
		}
	}
	for _, name := range append(Pausable(), Cancellable()...) {
		if _, ok := Define(name); !ok {
			t.Errorf("there is no %s", name)
		}
	}
}

func TestMay(t *testing.T) {
	for _, c := range []struct {
		rule   string
		action Action
		may    bool
	}{
		{CodehashMismatch, ActPause, true},
		{UnauthorizedAccess, ActPause, false},
		{ActivationNotReady, ActPause, false},
		{External, ActPause, false},
		{UnknownRoot, ActCancel, true},
		{LateExecution, ActCancel, true},
		{Drift, ActCancel, false},
		{Drift, ActLog, true},
		{Drift, ActMetrics, true},
		{Drift, Ops, false},
	} {
		if d, _ := Define(c.rule); d.May(c.action) != c.may {
			t.Errorf("%s may %s: %v", c.rule, c.action, !c.may)
		}
	}
}

func TestWith(t *testing.T) {
	for _, c := range []struct {
		rule      string
		threshold float64
		want      string
	}{
		{LateExecution, 300, "a root is pending and the block time is after eta + grace + 5 minutes"},
		{LateExecution, 90, "a root is pending and the block time is after eta + grace + 90 seconds"},
		{StuckTx, 12, "a transaction is not in a block 12 blocks after it was sent, and 15 seconds"},
		{FailureRate, 0.125, "more than 0.125 of the steps within the window failed"},
		{ActivationNotReady, 7, "an activation before eta was refused"},
	} {
		if d, _ := Define(c.rule); d.With(c.threshold) != c.want {
			t.Errorf("%s with %g is %q, want %q", c.rule, c.threshold, d.With(c.threshold), c.want)
		}
	}
}

func TestCheckThreshold(t *testing.T) {
	for _, c := range []struct {
		rule string
		t    float64
		want string
	}{
		{Drift, 0, ""},
		{Drift, 2592000, ""},
		{Drift, 2592001, "must be a whole number from 0 to 2592000 (seconds)"},
		{Drift, 0.5, "must be a whole number from 0 to 2592000 (seconds)"},
		{GasVariance, 0.5, ""},
		{GasVariance, -0.5, "must be a number from 0 to 100 (ratio)"},
		{GasVariance, math.NaN(), "must be a number from 0 to 100 (ratio)"},
		{GasVariance, math.Inf(1), "must be a number from 0 to 100 (ratio)"},
		{BalanceLow, 0, "must be a number from 1 to 1000 (upgrades)"},
		{UnknownRoot, 1, "unknown_root has no threshold"},
	} {
		d, _ := Define(c.rule)
		got := ""
		if err := d.CheckThreshold(c.t); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s with %g: %q, want %q", c.rule, c.t, got, c.want)
		}
	}
}

func TestWindowWords(t *testing.T) {
	for _, c := range []struct {
		rule   string
		window int64
		want   string
	}{
		{Drift, 0, "fires while it lasts"},
		{FailureRate, 2 * day, "2 days, in which steps count"},
		{ActivationNotReady, hour, "1 hour, for which it fires after the last one"},
	} {
		if d, _ := Define(c.rule); d.WindowWords(c.window) != c.want {
			t.Errorf("%s: %q, want %q", c.rule, d.WindowWords(c.window), c.want)
		}
	}
}
