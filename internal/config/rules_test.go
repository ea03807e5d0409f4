package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// readAlerts reads the rules and the escalation under alerts, with receivers that are defined elsewhere.
func readAlerts(t *testing.T, text string, who receivers) (Alerts, []Problem) {
	t.Helper()
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(text), &root); err != nil {
		t.Fatal(err)
	}
	r := &reader{file: "f.yaml"}
	var a Alerts
	s := r.section(root.Content[0], "alerts", "rules", "escalation", "sinks")
	a.Rules, a.Escalation = r.rules(s, who), r.escalation(s, who)
	r.mustExist(s, a, who)
	return a, r.problems
}

func TestRules(t *testing.T) {
	a, problems := readAlerts(t, `
rules:
  late_execution: { severity: medium, threshold: 10m, actions: [oncall, cancel, log] }
  drift: { threshold: 90 }
  failure_rate: { threshold: 0.25, window: 48h, severity: HIGH }
  gas_spike: { off: true }
  unplanned_privilege: { actions: [pause, oncall] }
  stuck_tx: { threshold: 20, off: false }
  rpc_down: {}
  external: { severity: low }
`, receivers{names: []string{"oncall"}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := rule.Defaults()
	set := func(name string, change func(*rule.Settings)) {
		s := want[name]
		change(&s)
		want[name] = s
	}
	set(rule.LateExecution, func(s *rule.Settings) {
		s.Threshold, s.Actions = 600, []rule.Action{"oncall", rule.ActCancel, rule.ActLog}
	})
	set(rule.Drift, func(s *rule.Settings) { s.Threshold = 90 })
	set(rule.FailureRate, func(s *rule.Settings) { s.Threshold, s.Window, s.Severity = 0.25, 48*3600, rule.High })
	set(rule.GasSpike, func(s *rule.Settings) { s.Off = true })
	set(rule.UnplannedPrivilege, func(s *rule.Settings) { s.Actions = []rule.Action{rule.ActPause, "oncall"} })
	set(rule.StuckTx, func(s *rule.Settings) { s.Threshold = 20 })
	set(rule.External, func(s *rule.Settings) { s.Severity = rule.Info })
	if diff := cmp.Diff(want, a.Rules); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(rule.Escalations(), a.Escalation); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestEscalation(t *testing.T) {
	a, problems := readAlerts(t, `
escalation:
  critical:
    within: 10m
    levels:
      - { after: 0s, notify: [lead] }
      - { after: 5m, notify: [oncall, lead] }
      - { after: 20m }
  medium: { within: 2h }
  low: { levels: [] }
`, receivers{names: []string{"oncall", "lead"}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := rule.Escalations()
	want[rule.Critical] = rule.Escalation{Within: 600, Levels: []rule.Level{
		{After: 0, Notify: []rule.Action{"lead"}}, {After: 300, Notify: []rule.Action{"oncall", "lead"}}, {After: 1200},
	}}
	want[rule.Warning] = rule.Escalation{Within: 7200, Levels: []rule.Level{{After: 3600}, {After: 7200}}}
	want[rule.Info] = rule.Escalation{Within: 24 * 3600, Levels: []rule.Level{}}
	if diff := cmp.Diff(want, a.Escalation); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAlertMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"rules: { late: {} }":                                                           `1: unknown key "late" in alerts.rules; known are account_code, activation_not_ready`,
		"rules: { unknown_rout: {} }":                                                   `1: unknown key "unknown_rout" in alerts.rules; did you mean "unknown_root"?`,
		"rules: [drift]":                                                                "1: alerts.rules must be a mapping of account_code",
		"rules: { drift: { treshold: 3 } }":                                             `1: unknown key "treshold" in alerts.rules.drift; did you mean "threshold"?`,
		"rules: { drift: { severity: grave } }":                                         `1: alerts.rules.drift.severity is "grave", must be critical, high, warning (or medium) or info (or low)`,
		"rules: { drift: { severity: [high] } }":                                        `1: alerts.rules.drift.severity is "", must be critical`,
		"rules: { unknown_root: { threshold: 3 } }":                                     "1: alerts.rules.unknown_root.threshold: unknown_root has no threshold: remove it",
		"rules: { drift: { threshold: -3 } }":                                           `1: alerts.rules.drift.threshold is "-3", must be a whole number from 0 to 2592000 (seconds)`,
		"rules: { drift: { threshold: -3s } }":                                          `1: alerts.rules.drift.threshold is "-3s", must be a whole number from 0 to 2592000 (seconds)`,
		"rules: { drift: { threshold: 1.5 } }":                                          `1: alerts.rules.drift.threshold is "1.5", must be a whole number`,
		"rules: { stuck_tx: { threshold: 5m } }":                                        `1: alerts.rules.stuck_tx.threshold is "5m", must be a number (blocks)`,
		"rules: { stuck_tx: { threshold: 0 } }":                                         `1: alerts.rules.stuck_tx.threshold is "0", must be a whole number from 1 to 1000000 (blocks)`,
		"rules: { gas_spike: { threshold: -0.1 } }":                                     `1: alerts.rules.gas_spike.threshold is "-0.1", must be a number from 0 to 100 (ratio)`,
		"rules: { gas_spike: { threshold: NaN } }":                                      `1: alerts.rules.gas_spike.threshold is "NaN", must be a number from 0 to 100 (ratio)`,
		"rules: { gas_spike: { threshold: [1] } }":                                      `1: alerts.rules.gas_spike.threshold is "", must be a number (ratio)`,
		"rules: { drift: { window: 1h } }":                                              "1: alerts.rules.drift.window: drift has no window, it fires while what it sees lasts: remove it",
		"rules: {\n drift: {\n  window: 1h } }":                                         "3: alerts.rules.drift.window",
		"rules: { failure_rate: { window: -1h } }":                                      `1: alerts.rules.failure_rate.window is "-1h", must be a time such as 24h, between 1s and 2160h`,
		"rules: { failure_rate: { window: 0s } }":                                       `1: alerts.rules.failure_rate.window is "0s", must be a time`,
		"rules: { drift: { off: maybe } }":                                              "1: alerts.rules.drift.off must be true or false",
		"rules: { drift: { actions: [] } }":                                             "1: alerts.rules.drift.actions names nothing: write [metrics] if it is to be counted alone, or off: true",
		"rules: { drift: { actions: } }":                                                "1: alerts.rules.drift.actions names nothing",
		"rules: { drift: { actions: ops } }":                                            "1: alerts.rules.drift.actions must be a list",
		"rules: { drift: { actions: [[ops]] } }":                                        "1: alerts.rules.drift.actions must be a list of text",
		"rules: { drift: { actions: [ops, ops] } }":                                     "1: alerts.rules.drift.actions names ops twice: remove one",
		"rules: { drift: { actions: [nobody] } }":                                       `1: alerts.rules.drift.actions names "nobody", which is neither an action (pause, cancel, metrics, log) nor under alerts.receivers; none is defined there`,
		"rules: { drift: { actions: [pause] } }":                                        "1: alerts.rules.drift.actions names pause, which may follow from codehash_mismatch, unknown_root, unplanned_privilege, unplanned_pause, account_code alone",
		"rules: { external: { actions: [cancel] } }":                                    "1: alerts.rules.external.actions names cancel, which may follow from late_execution, unknown_root alone",
		"rules: { unauthorized_access: { actions: [log, pause] } }":                     "1: alerts.rules.unauthorized_access.actions names pause",
		"receivers: { oncall: [] }, rules: { drift: { actions: [oncal] } }":             `1: alerts.rules.drift.actions names "oncal", which is neither an action (pause, cancel, metrics, log) nor under alerts.receivers; defined are oncall`,
		"escalation: { grave: {} }":                                                     `1: unknown key "grave" in alerts.escalation; known are critical, high, warning, medium, info, low`,
		"escalation: { high: { in: 1h } }":                                              `1: unknown key "in" in alerts.escalation.high`,
		"escalation: { high: { within: -1h } }":                                         `1: alerts.escalation.high.within is "-1h", must be a time such as 1h, between 1s and 720h`,
		"escalation: { warning: {}, medium: {} }":                                       "1: alerts.escalation.medium is the same as alerts.escalation.warning: remove one",
		"escalation: { low: {}, info: {} }":                                             "1: alerts.escalation.low is the same as alerts.escalation.info: remove one",
		"escalation: { high: { levels: [{ notify: [ops] }] } }":                         "1: alerts.escalation.high.levels[0].after is missing: say how long after an alert was raised, such as 10m",
		"escalation: { high: { levels: [{ after: 5m }, { after: 5m }] } }":              `1: alerts.escalation.high.levels[1].after is "5m", which is not later than the level before: levels go up`,
		"escalation: { high: { levels: [{ after: 5m }, { after: 1m }] } }":              `1: alerts.escalation.high.levels[1].after is "1m", which is not later`,
		"escalation: { high: { levels: [{ after: soon }] } }":                           `1: alerts.escalation.high.levels[0].after is "soon", must be a time such as 10m, between 0s and 720h`,
		"escalation: { high: { levels: [{ after: 5m, notify: [pause] }] } }":            `1: alerts.escalation.high.levels[0].notify names "pause", which is not under alerts.receivers; none is defined there`,
		"escalation: { high: { levels: [{ after: 5m, notify: [ops, ops] }] } }":         "1: alerts.escalation.high.levels[0].notify names ops twice: remove one",
		"escalation: { high: { levels: [5m] } }":                                        "1: alerts.escalation.high.levels[0] must be a mapping of after, notify",
		"receivers: { a: [s] }, sinks: { s: {} }, rules: { drift: { actions: [ops] } }": `1: alerts.rules.drift.actions names "ops", which is neither an action`,
		"receivers: { ops: [s] }, sinks: { s: {} }":                                     "1: alerts.receivers lacks security, whom these rules tell: codehash_mismatch, unknown_root, unplanned_privilege, unauthorized_access, unplanned_pause, account_code; define it, or give them other actions under alerts.rules",
		"sinks: { s: {} }":                                                              "1: alerts.receivers lacks ops, whom these rules tell: late_execution, activation_not_ready, gas_variance",
		"receivers: { security: [s] }, sinks: { s: {} }, escalation: { high: { levels: [{ after: 1m, notify: [ops] }] } }": `1: alerts.escalation.high.levels[0].notify names "ops", which is not under alerts.receivers; defined are security`,
	} {
		_, err := Parse("f.yaml", []byte("alerts: { "+text+" }\n"+sound))
		if err == nil || !strings.Contains(err.Error(), "f.yaml:"+want) {
			t.Errorf("%s:\n got %v\nwant %s", text, err, want)
		}
	}
}

// TestReceiversNeedNotExistWithoutSinks: those whom rules name by default, while nobody is told anything. Those that are off tell nobody either.
func TestReceiversNeedNotExistWithoutSinks(t *testing.T) {
	c, err := Parse("f.yaml", []byte("alerts: { rules: { drift: { actions: [ops, log] } }, escalation: { high: { levels: [{ after: 1m, notify: [security] }] } } }\n"+sound))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]rule.Action{rule.Ops, rule.ActLog}, c.Alerts.Rules[rule.Drift].Actions); diff != "" {
		t.Error(diff)
	}
	var off strings.Builder
	for _, d := range rule.Definitions() {
		if d.Name != rule.Drift {
			off.WriteString("  " + d.Name + ": { off: true }\n")
		}
	}
	if _, problems := readAlerts(t, "sinks: { s: {} }\nrules:\n"+off.String(), receivers{names: []string{"ops"}, told: true}); len(problems) > 0 {
		t.Error(problems)
	}
}
