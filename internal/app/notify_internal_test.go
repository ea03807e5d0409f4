package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/config"
	"github.com/seed-b6a97670/lockstep/internal/notice"
	"github.com/seed-b6a97670/lockstep/internal/notify"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

const toldConfig = `project: market
dispatcher:
  deployer: deployer
  roles: { admin: [deployer], governance: [deployer], commit: [deployer], apply: [deployer], pauser: [deployer], emergency: [deployer] }
facets: [{ contract: Token }]
networks: [{ name: local, chainId: 31337, kind: local, rpc: ["http://127.0.0.1:1"] }]
signers: { deployer: { keystore: deployer.json, password: "env:PASSWORD" } }
alerts:
  sinks:
    hook: { type: webhook, url: env:HOOK_URL, secret: env:HOOK_SECRET }
    pager: { type: pagerduty, key: env:PAGER_KEY, url: "https://events.eu.pagerduty.com" }
    mail: { type: email, server: "smtp.example:587", from: a@example.org, to: [b@example.org], user: me, password: env:SMTP_PASSWORD }
  receivers: { ops: [hook], security: [pager] }
  inbound:
    grafana: { type: grafana, secret: "env:GRAFANA_SECRET", token: "env:GRAFANA_TOKEN" }
`

// TestSender: what is queued in the journal reaches a sink of the configuration, signed with its secret.
func TestSender(t *testing.T) {
	cfg, err := config.Parse(filepath.Join(t.TempDir(), "lockstep.yaml"), []byte(toldConfig))
	if err != nil {
		t.Fatal(err)
	}
	journal, err := cfg.Journal()
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(Options{Config: cfg, Journal: journal})
	if err == nil {
		err = a.openJournal(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	_, err = a.Sender(nil)
	for _, want := range []string{"sink hook: url: environment variable HOOK_URL is not set", "sink pager: key: ", "sink mail: password: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("without its secrets: %v, want %s", err, want)
		}
	}
	// what serve would refuse, config check names, each with its line
	var problems []string
	for _, p := range CheckReferences(cfg) {
		if strings.Contains(p.Message, "alerts") {
			problems = append(problems, fmt.Sprintf("%d: %s", p.Line, p.Message))
		}
	}
	if diff := cmp.Diff([]string{
		"10: alerts: sink hook: secret: environment variable HOOK_SECRET is not set",
		"10: alerts: sink hook: url: environment variable HOOK_URL is not set",
		"11: alerts: sink pager: key: environment variable PAGER_KEY is not set",
		"12: alerts: sink mail: password: environment variable SMTP_PASSWORD is not set",
		"15: alerts.inbound.grafana.secret: environment variable GRAFANA_SECRET is not set",
		"15: alerts.inbound.grafana.token: environment variable GRAFANA_TOKEN is not set",
	}, problems); diff != "" {
		t.Errorf("config check (-want +got):\n%s", diff)
	}
	const secret = "0123456789abcdef"
	signed := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		signed <- r.Header.Get("Webhook-Signature") + " " + string(body)
	}))
	t.Cleanup(server.Close)
	for name, value := range map[string]string{"HOOK_URL": server.URL, "HOOK_SECRET": secret, "PAGER_KEY": "k", "SMTP_PASSWORD": "p"} {
		t.Setenv(name, value)
	}
	told := make(chan notify.Outcome, 1)
	s, err := a.Sender(func(o notify.Outcome) { told <- o })
	if err != nil {
		t.Fatal(err)
	}
	rows, _, err := s.Prepare(notice.Message{Kind: notice.Raised, Alert: &rule.Alert{Severity: rule.High, Summary: "look"}}, "ops")
	if err == nil {
		err = s.Enqueue(t.Context(), rows...)
	}
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { ended <- s.Run(ctx) }()
	if got := <-signed; !strings.HasPrefix(got, "v1,") || !strings.Contains(got, `"project":"market"`) || !strings.Contains(got, `"summary":"look"`) {
		t.Errorf("it was told %s", got)
	}
	if got, want := <-told, (notify.Outcome{Sink: "hook", Result: notify.Sent, Kind: notice.Raised, Severity: rule.High, Messages: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestRecordThatCannotBe: a file that cannot be written is said at once, and not by a daemon that watches nothing.
func TestRecordThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	cfg, err := config.Parse(filepath.Join(dir, "lockstep.yaml"), []byte(toldConfig))
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(Options{Config: cfg, Journal: filepath.Join(dir, "journal.db"), Record: filepath.Join(dir, "none", "seen.jsonl")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	err = a.Serve(t.Context(), func(string) { t.Error("it serves") })
	if err == nil || !strings.HasPrefix(err.Error(), "record what is seen: ") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
}
