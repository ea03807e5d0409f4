package main

import (
	_ "embed"
	"fmt"
	"strings"
	"text/template"

	"github.com/seed-b6a97670/lockstep/internal/rule"
)

//go:embed rules.md.tmpl
var rulesTemplate string

// example is a sequence that shows the format: a root that nobody knows, and its end.
const example = `# who begins to watch sees first what is active
{"sight": "active", "network": "base", "chainId": 8453, "at": 0, "contract": "0xd100000000000000000000000000000000000000", "subject": "0xcc00000000000000000000000000000000000000000000000000000000000000", "is": "0xbb00000000000000000000000000000000000000000000000000000000000000", "epoch": 2}
{"sight": "effect", "network": "base", "chainId": 8453, "at": 1000, "block": {"number": 7, "hash": "0x0700000000000000000000000000000000000000000000000000000000000000", "time": 1000}, "contract": "0xd100000000000000000000000000000000000000", "by": "0x5100000000000000000000000000000000000000", "effect": {"what": "committed", "value": "0xaa00000000000000000000000000000000000000000000000000000000000000 3"}, "expect": [{"turn": "raised", "rule": "unknown_root", "severity": "critical", "action": "security"}]}
{"sight": "pending", "network": "base", "chainId": 8453, "at": 2000, "block": {"number": 8, "hash": "0x0800000000000000000000000000000000000000000000000000000000000000", "time": 1002}, "contract": "0xd100000000000000000000000000000000000000", "expect": [{"turn": "resolved", "rule": "unknown_root"}]}`

// rules is docs/reference/rules.md.
func rules() (string, error) {
	t, err := template.New("rules").Funcs(template.FuncMap{
		"seconds":     rule.Seconds,
		"pausable":    func() string { return code(rule.Pausable()) },
		"cancellable": func() string { return code(rule.Cancellable()) },
		"escalation":  func(s rule.Severity) rule.Escalation { return rule.Escalations()[s] },
		"actions": func(actions []rule.Action) string {
			var names []string
			for _, a := range actions {
				names = append(names, string(a))
			}
			return strings.Join(names, ", ")
		},
		"threshold": func(d rule.Definition) string {
			if d.Unit == "" {
				return ""
			}
			return fmt.Sprintf("%g %s", d.Defaults.Threshold, d.Unit)
		},
		"after": func(levels []rule.Level) string {
			var out []string
			for _, l := range levels {
				out = append(out, rule.Seconds(l.After))
			}
			return strings.Join(out, ", ")
		},
	}).Parse(rulesTemplate)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.Execute(&b, map[string]any{
		"Definitions": rule.Definitions(), "Severities": rule.Severities(), "MaxLine": rule.MaxLine, "Example": example,
	})
	return b.String(), err
}

// code lists names as Markdown shows them.
func code(names []string) string { return "`" + strings.Join(names, "`, `") + "`" }
