package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/rule"
)

func TestInbound(t *testing.T) {
	for text, want := range map[string]Alerts{
		"":                        {},
		"alerts:\n":               {},
		"alerts: {inbound: {}}\n": {},
		"alerts:\n  inbound:\n    pagerduty: {type: pagerduty, secret: \"env:PD\"}\n    ops-1:\n      {type: grafana, secret: \"file:a\", token: \"env:B\", severity: medium, network: local}\n": {Inbound: map[string]Inbound{
			"pagerduty": {Type: "pagerduty", Secret: "env:PD", Line: 3},
			"ops-1":     {Type: "grafana", Secret: "file:a", Token: "env:B", Severity: rule.Warning, Network: "local", Line: 5},
		}},
		"alerts: {inbound: {a: {type: alertmanager, token: \"env:T\", severity: critical}, r: {type: report, token: \"env:R\"}}}\n": {Inbound: map[string]Inbound{
			"a": {Type: "alertmanager", Token: "env:T", Severity: rule.Critical, Line: 1}, "r": {Type: "report", Token: "env:R", Line: 1},
		}},
		"alerts: {baseURL: \"http://127.0.0.1:8420/\"}\n":                                         {BaseURL: "http://127.0.0.1:8420"},
		"alerts: {baseURL: \"http://[::1]:8420\"}\n":                                              {BaseURL: "http://[::1]:8420"},
		"alerts: {baseURL: \"https://localhost/lockstep/\"}\n":                                    {BaseURL: "https://localhost/lockstep"},
		"serve: {name: Lockstep.example}\nalerts: {baseURL: \"https://lockstep.example:8443\"}\n": {BaseURL: "https://lockstep.example:8443"},
		"serve: {listen: \":1\", insecure: true}\nalerts: {baseURL: \"https://10.0.0.7\"}\n":      {BaseURL: "https://10.0.0.7"},
	} {
		c, err := Parse("lockstep.yaml", []byte(text+minimal))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := Alerts{BaseURL: c.Alerts.BaseURL, Inbound: c.Alerts.Inbound}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

// Every mistake is one problem, with its line.
func TestInboundMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"inbound: a":                                                              "alerts.inbound must be a mapping of names",
		"inbound: {a: {secret: \"env:S\"}}":                                       "alerts.inbound.a.type is missing: one of pagerduty, grafana, alertmanager, report",
		"inbound: {a: {type: opsgenie, secret: \"env:S\"}}":                       `alerts.inbound.a.type is "opsgenie", known are pagerduty, grafana, alertmanager, report`,
		"inbound: {a: {type: [report], secret: \"env:S\"}}":                       "alerts.inbound.a.type must be text",
		"inbound: {a: {type: report}}":                                            "alerts.inbound.a has neither a secret nor a token, so that anybody could tell it anything",
		"inbound: {a: {type: report, token: ~}}":                                  "alerts.inbound.a has neither a secret nor a token",
		"inbound: {a: {type: grafana, severity: high}}":                           "alerts.inbound.a has neither a secret nor a token",
		"inbound: {a: {type: pagerduty, token: \"env:T\"}}":                       "alerts.inbound.a.secret is missing: PagerDuty shows it once",
		"inbound: {a: {type: alertmanager}}":                                      "alerts.inbound.a.token is missing: refer to a token that Alertmanager sends",
		"inbound: {a: {type: alertmanager, token: \"env:T\", secret: \"env:S\"}}": "alerts.inbound.a.secret: Alertmanager signs nothing",
		"inbound: {a: {type: report, token: hunter22}}":                           "alerts.inbound.a.token must refer to the secret with env:NAME or file:PATH",
		"inbound: {a: {type: report, secret: [hunter22]}}":                        "alerts.inbound.a.secret must refer to the secret",
		"inbound: {a: {type: report, secret: \"env:S\", severity: urgent}}":       `alerts.inbound.a.severity is "urgent", must be critical, high, warning (or medium) or info (or low)`,
		"inbound: {a: {type: report, secret: \"env:S\", network: base}}":          `alerts.inbound.a.network is "base", which is not under networks`,
		"inbound: {a: {type: report, secret: \"env:S\", network: [a]}}":           "alerts.inbound.a.network must be text",
		"inbound: {a: {type: report, secret: \"env:S\", url: x}}":                 `unknown key "url" in alerts.inbound.a`,
		"inbound: {a: {type: report, secret: \"env:S\", secret: \"env:T\"}}":      `key "secret" stands twice in alerts.inbound.a`,
		"inbound: {a: }":       "alerts.inbound.a is empty",
		"inbound: {a: report}": "alerts.inbound.a must be a mapping of type, secret, token, severity, network",
		"inbound: {A: {type: report, secret: \"env:S\"}}":                           "its name is part of a URL",
		"inbound: {a/b: {type: report, secret: \"env:S\"}}":                         "its name is part of a URL",
		"inbound: {" + strings.Repeat("a", 41) + ": {type: report, secret: env:S}}": "its name is part of a URL",
		"baseURL: http://lockstep.example":                                          `alerts.baseURL is "http://lockstep.example", must begin with https://`,
		"baseURL: https://lockstep.example":                                         "alerts.baseURL has the host lockstep.example, by which the daemon does not answer: give it that name in serve.name",
		"baseURL: https://10.0.0.7":                                                 "alerts.baseURL has the host 10.0.0.7, by which the daemon does not answer",
		"baseURL: lockstep.example":                                                 "must be a URL such as https://lockstep.example",
		"baseURL: https://user:hunter22@localhost":                                  "alerts.baseURL holds a user or password: remove it",
		"baseURL: https://localhost?a=b":                                            "must be a URL such as",
		"baseURL: \"https://localhost#a\"":                                          "must be a URL such as",
		"baseURL: ftp://localhost":                                                  "must be a URL such as",
		"baseURL: [https://localhost]":                                              "alerts.baseURL must be text",
		"inbond: {}":                                                                `unknown key "inbond" in alerts; did you mean "inbound"?`,
	} {
		_, err := Parse("lockstep.yaml", []byte("alerts:\n  "+text+"\n"+minimal))
		if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "lockstep.yaml:2: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want one problem in line 2: %s", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter22") {
			t.Errorf("%s: the error holds the secret: %v", text, err)
		}
	}
}
