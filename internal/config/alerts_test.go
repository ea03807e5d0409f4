package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/seed-b6a97670/lockstep/internal/notice"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

const soundAlerts = `alerts:
  sinks:
    ops-slack: { type: slack, url: env:SLACK_URL }
    chat: { type: discord, url: file:discord.url, perMinute: 5, maxAge: 2h }
    pager: { type: pagerduty, key: env:PD_KEY }
    pager-eu: { type: pagerduty, key: env:PD_KEY, url: "https://events.eu.pagerduty.com/v2/enqueue" }
    mail: { type: email, server: "smtp.example:587", from: Lockstep <lockstep@example.org>, to: [oncall@example.org], user: lockstep, password: env:SMTP }
    hook: { type: webhook, url: "https://hook.example/a", secret: file:hook.key, title: "{{.Summary}}", text: "{{range .Details}}{{.Name}} {{end}}" }
    am: { type: alertmanager, url: "http://127.0.0.1:9093", renew: 30s }
  receivers:
    ops: [ops-slack]
    security: [pager, ops-slack]
`

func TestAlerts(t *testing.T) {
	c, err := Parse("lockstep.yaml", []byte(soundAlerts+sound))
	if err != nil {
		t.Fatal(err)
	}
	day := 24 * time.Hour
	want := usual()
	want.Pause.Line = c.Alerts.Pause.Line
	want.Sinks = []Sink{
		{Name: "am", Type: "alertmanager", URL: "http://127.0.0.1:9093", PerMinute: 60, MaxAge: day, Renew: 30 * time.Second, Line: 9},
		{Name: "chat", Type: "discord", URL: "file:discord.url", PerMinute: 5, MaxAge: 2 * time.Hour, Line: 4},
		{Name: "hook", Type: "webhook", URL: "https://hook.example/a", Secret: "file:hook.key", PerMinute: 60, MaxAge: day, Line: 8},
		{
			Name: "mail", Type: "email", Server: "smtp.example:587", From: "Lockstep <lockstep@example.org>", To: []string{"oncall@example.org"},
			User: "lockstep", Password: "env:SMTP", PerMinute: 20, MaxAge: day, Line: 7,
		},
		{Name: "ops-slack", Type: "slack", URL: "env:SLACK_URL", PerMinute: 20, MaxAge: day, Line: 3},
		{Name: "pager", Type: "pagerduty", Key: "env:PD_KEY", PerMinute: 60, MaxAge: day, Line: 5},
		{Name: "pager-eu", Type: "pagerduty", Key: "env:PD_KEY", URL: "https://events.eu.pagerduty.com/v2/enqueue", PerMinute: 60, MaxAge: day, Line: 6},
	}
	want.Receivers = map[string][]string{"ops": {"ops-slack"}, "security": {"pager", "ops-slack"}}
	if diff := cmp.Diff(want, c.Alerts, cmpopts.IgnoreFields(Sink{}, "Templates")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	test := notice.Message{Kind: notice.Test}
	if got := c.Alerts.Sinks[2].Templates.Words(&test); got.Title != "this is a test message of Lockstep, and nothing has happened" || got.Text != "" {
		t.Errorf("the words of hook are %+v", got)
	}
}

func TestNoAlerts(t *testing.T) {
	for _, text := range []string{"", "alerts:\n", "alerts: {}\n", "alerts: { sinks: {}, receivers: {} }\n", "alerts: { sinks: , rules: {}, escalation: {}, pause: {}, inbound: {} }\n"} {
		c, err := Parse("lockstep.yaml", []byte(text+sound))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		c.Alerts.Pause.Line = 0
		if diff := cmp.Diff(usual(), c.Alerts); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

// usual is what holds if nothing is said of alerts.
func usual() Alerts {
	return Alerts{Rules: rule.Defaults(), Escalation: rule.Escalations(), Pause: Pause{Mode: rollout.PauseOff, PerHour: 2, Endpoints: 2}}
}

// Every mistake is one problem, with its line, and shows no secret.
func TestAlertsMistakes(t *testing.T) {
	for _, test := range []struct{ old, new, want string }{
		{"alerts:\n  sinks", "alerts:\n  sink", `2: unknown key "sink" in alerts; did you mean "sinks"?`},
		{"type: slack, ", "", "3: alerts.sinks.ops-slack.type is missing: known are alertmanager, discord, email, pagerduty, slack, webhook"},
		{"type: slack", "type: irc", `3: alerts.sinks.ops-slack.type is "irc", known are alertmanager, discord`},
		{"type: slack", "type: [slack]", `3: alerts.sinks.ops-slack.type is missing`},
		{"{ type: slack, url: env:SLACK_URL }", "env:SLACK_URL", "3: alerts.sinks.ops-slack must be a mapping with its type"},
		{"{ type: slack, url: env:SLACK_URL }", "", "3: alerts.sinks.ops-slack must be a mapping with its type"},
		{"url: env:SLACK_URL", "uri: env:SLACK_URL", `3: unknown key "uri" in alerts.sinks.ops-slack; did you mean "url"?`},
		{"url: env:SLACK_URL", "url: https://hooks.slack.com/services/secret", "3: alerts.sinks.ops-slack.url must refer to the secret with env:NAME or file:PATH"},
		{"url: file:discord.url", "url: https://discord.com/api/webhooks/secret", "4: alerts.sinks.chat.url must refer to the secret"},
		{"key: env:PD_KEY }", "key: secret }", "5: alerts.sinks.pager.key must refer to the secret"},
		{"key: env:PD_KEY }", "}", "5: alerts.sinks.pager.key is missing: refer to the routing key"},
		{"password: env:SMTP", "password: secret", "7: alerts.sinks.mail.password must refer to the secret"},
		{"secret: file:hook.key", "secret: secret", "8: alerts.sinks.hook.secret must refer to the secret"},
		{"perMinute: 5", "perMinute: 0", `4: alerts.sinks.chat.perMinute is "0", must be a whole number from 1 to 1000`},
		{"maxAge: 2h", "maxAge: 10s", `4: alerts.sinks.chat.maxAge is "10s", must be a time such as 24h, between 1m and 720h`},
		{"renew: 30s", "renew: 1h", `9: alerts.sinks.am.renew is "1h", must be a time such as 1m, between 1s and 5m`},
		{"file:discord.url", "file:discord.url, renew: 30s", `4: unknown key "renew" in alerts.sinks.chat; known are`},
		{"url: \"https://hook.example/a\"", "url: \"http://hook.example/a\"", "8: alerts.sinks.hook.url must begin with https://, or with http:// for a program on this machine"},
		{"url: \"https://hook.example/a\"", "url: \"wss://hook.example/a\"", "8: alerts.sinks.hook.url must begin with https://"},
		{"url: \"https://hook.example/a\"", "url: \"https://user:secret@hook.example/a\"", "8: alerts.sinks.hook.url holds a user or password"},
		{"url: \"http://127.0.0.1:9093\", ", "", "9: alerts.sinks.am.url is missing: give the URL"},
		{"url: \"https://events.eu.pagerduty.com/v2/enqueue\"", "url: \"http://events.eu.pagerduty.com/v2/enqueue\"", "6: alerts.sinks.pager-eu.url must begin with https://"},
		{"server: \"smtp.example:587\"", "server: smtp.example", `7: alerts.sinks.mail.server is "smtp.example", must be a host and a port`},
		{"server: \"smtp.example:587\"", "server: \":587\"", `7: alerts.sinks.mail.server is ":587", must be a host and a port`},
		{"server: \"smtp.example:587\"", "server: \"smtp.example:smtp\"", `7: alerts.sinks.mail.server is "smtp.example:smtp", must be`},
		{"server: \"smtp.example:587\", ", "", "7: alerts.sinks.mail.server is missing"},
		{"from: Lockstep <lockstep@example.org>", "from: Lockstep", `7: alerts.sinks.mail.from is "Lockstep", must be an address`},
		{"from: Lockstep <lockstep@example.org>, ", "", "7: alerts.sinks.mail.from is missing"},
		{"to: [oncall@example.org]", "to: [oncall]", `7: alerts.sinks.mail.to is "oncall", must be an address`},
		{"to: [oncall@example.org]", "to: [\"a@example.org\\r\\nBcc: b@example.org\"]", "7: alerts.sinks.mail.to is"},
		{"to: [oncall@example.org]", "to: []", "7: alerts.sinks.mail.to is missing"},
		{"to: [oncall@example.org]", "to: oncall@example.org", "7: alerts.sinks.mail.to must be a list"},
		{"user: lockstep, ", "", "7: alerts.sinks.mail needs user and password, or neither"},
		{", password: env:SMTP", "", "7: alerts.sinks.mail needs user and password, or neither"},
		{"{{.Summary}}", "{{.Sum}}", "8: alerts.sinks.hook.title cannot be used: title:1:2: executing"},
		{"{{.Summary}}", "{{printf .Summary}}", "8: alerts.sinks.hook.title cannot be used: template title: function printf is not known here"},
		{"{{range .Details}}", "{{range 1000000000}}", "8: alerts.sinks.hook.text cannot be used: template text: range must be over a list"},
		{"{{range .Details}}", "{{range .Details}", "8: alerts.sinks.hook.text cannot be used: "},
		{"    ops: [ops-slack]", "    ops: [slack]", `11: alerts.receivers.ops names "slack", which is not under alerts.sinks`},
		{"    ops: [ops-slack]", "    ops: [chat, chat]", "11: alerts.receivers.ops names chat twice: remove one"},
		{"    ops: [ops-slack]", "    ops: []", "11: alerts.receivers.ops is empty: name at least one sink"},
		{"    ops: [ops-slack]", "    ops:", "11: alerts.receivers.ops is empty: name at least one sink"},
		{"    ops: [ops-slack]", "    ops: ops-slack", "11: alerts.receivers.ops must be a list"},
		{"    ops: [ops-slack]", "    pause: [ops-slack]", "11: alerts.receivers.pause is an action of its own"},
		{"    ops: [ops-slack]", "    chat: [ops-slack]", "11: alerts.receivers.chat has the name of a sink"},
		{"    ops: [ops-slack]", "    the ops: [ops-slack]", `11: alerts.receivers names "the ops": a name has up to 40`},
		{"    ops-slack: {", "    ops.slack: {", `3: alerts.sinks names "ops.slack": a name has up to 40`},
	} {
		text := strings.Replace(soundAlerts, test.old, test.new, 1)
		if text == soundAlerts {
			t.Fatalf("there is no %q", test.old)
		}
		_, err := Parse("f.yaml", []byte(text+sound))
		if err == nil {
			t.Errorf("%s: no error", test.new)
			continue
		}
		lines := strings.Split(err.Error(), "\n")
		// another name of a sink is one that receivers lack, and another one of a receiver is one that rules lack
		if test.old == "    ops: [ops-slack]" && !strings.Contains(test.new, "    ops:") && len(lines) == 2 && strings.Contains(lines[1], "alerts.receivers lacks ops") {
			lines = lines[:1]
		}
		if !strings.HasPrefix(lines[0], "f.yaml:"+test.want) || len(lines) > 1 && !strings.Contains(test.new, "ops.slack") && !strings.Contains(test.new, "sink") && !strings.Contains(test.new, "uri") {
			t.Errorf("%s: %v, want %s", test.new, err, test.want)
		}
		if strings.Contains(err.Error(), "services") || strings.Contains(err.Error(), "user:secret") || strings.Contains(err.Error(), "webhooks") {
			t.Errorf("%s: the error shows a secret: %v", test.new, err)
		}
	}
}
