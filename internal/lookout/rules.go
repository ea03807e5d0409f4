package lookout

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// ruleFile is a file of rules as Prometheus reads it.
type ruleFile struct {
	Groups []ruleGroup `yaml:"groups"`
}

type ruleGroup struct {
	Name  string `yaml:"name"`
	Rules []rule `yaml:"rules"`
}

type rule struct {
	Record      string            `yaml:"record,omitempty"`
	Alert       string            `yaml:"alert,omitempty"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

// Rules is the file of rules for Prometheus: series that are kept, and alerts.
func Rules() string {
	kept := ruleGroup{Name: "lockstep-kept"}
	for _, r := range Records {
		kept.Rules = append(kept.Rules, rule{Record: r.Name, Expr: r.Expr})
	}
	out := ruleFile{Groups: []ruleGroup{kept}}
	for _, i := range List() {
		for _, a := range i.Alerts {
			name := "lockstep-" + i.Group
			if last := out.Groups[len(out.Groups)-1]; last.Name != name {
				out.Groups = append(out.Groups, ruleGroup{Name: name})
			}
			group := &out.Groups[len(out.Groups)-1]
			group.Rules = append(group.Rules, rule{
				Alert: a.Name, Expr: fmt.Sprintf("%s %s %s", operand(a.expr(i)), a.Op, number(a.Threshold)), For: short(a.For),
				Labels: map[string]string{"severity": a.Severity}, Annotations: a.annotations(),
			})
		}
	}
	return "# Rules of Prometheus for Lockstep, made by `lockstep metrics rules`. What to do about each alert is in docs/reference/observability.md.\n" + encoded(out)
}

func (a Alert) annotations() map[string]string {
	return map[string]string{"summary": a.Summary, "description": a.Means, "runbook": "docs/reference/observability.md#" + strings.ToLower(a.Name)}
}

// operand is an expression as the left side of a comparison.
func operand(expr string) string {
	for _, operator := range []string{" or ", " and ", " - ", " / "} {
		if strings.Contains(expr, operator) {
			return "(" + expr + ")"
		}
	}
	return expr
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// short is a duration as Prometheus writes it; empty if it is none.
func short(d time.Duration) string {
	switch {
	case d == 0:
		return ""
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

// testFile is a file of tests as promtool reads it.
type testFile struct {
	RuleFiles []string   `yaml:"rule_files"`
	Every     string     `yaml:"evaluation_interval"`
	Tests     []ruleTest `yaml:"tests"`
}

type ruleTest struct {
	Name   string      `yaml:"name"`
	Every  string      `yaml:"interval"`
	Series []values    `yaml:"input_series,omitempty"`
	Alerts []alertTest `yaml:"alert_rule_test"`
}

type values struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

type alertTest struct {
	At     string     `yaml:"eval_time"`
	Alert  string     `yaml:"alertname"`
	Expect []expected `yaml:"exp_alerts"`
}

type expected struct {
	Labels      map[string]string `yaml:"exp_labels"`
	Annotations map[string]string `yaml:"exp_annotations"`
}

// RulesFile is the name under which the tests expect the rules.
const RulesFile = "lockstep.rules.yml"

// RuleTests is the file with which promtool tests the rules: each alert fires in one case and stays quiet in another one.
func RuleTests() string {
	out := testFile{RuleFiles: []string{RulesFile}, Every: "1m"}
	for _, i := range List() {
		for _, a := range i.Alerts {
			labels := map[string]string{"severity": a.Severity}
			for name, value := range a.Fires.Labels {
				labels[name] = value
			}
			annotations := a.annotations()
			for name, text := range annotations {
				annotations[name] = a.Fires.render(text)
			}
			out.Tests = append(out.Tests,
				a.Fires.test(a.Name, a.Name+" fires", expected{Labels: labels, Annotations: annotations}),
				a.Quiet.test(a.Name, a.Name+" is quiet"))
		}
	}
	return "# Tests of lockstep.rules.yml: promtool test rules lockstep.rules.test.yml\n" + encoded(out)
}

// render puts a case into a text of an alert, as Prometheus does.
func (c Case) render(text string) string {
	for name, value := range c.Labels {
		text = strings.ReplaceAll(text, "{{ $labels."+name+" }}", value)
	}
	return strings.ReplaceAll(text, "{{ $value | humanize }}", c.Value)
}

func (c Case) test(alert, name string, expect ...expected) ruleTest {
	t := ruleTest{Name: name, Every: "1m", Alerts: []alertTest{{At: short(c.At), Alert: alert, Expect: append([]expected{}, expect...)}}}
	for _, s := range sorted(c.Series) {
		t.Series = append(t.Series, values{s, c.Series[s]})
	}
	return t
}

func encoded(v any) string {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("encode the rules: %v", err)) // they are known, and made by every test
	}
	return b.String()
}
