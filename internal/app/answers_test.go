package app_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/token"
)

// TestAnswersOfADaemon: the daemon has what is said about alerts among what can be asked of it, with the hooks of its configuration.
func TestAnswersOfADaemon(t *testing.T) {
	t.Parallel()
	s := newSite(t, local(71))
	secret := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(secret, []byte("bearer-of-the-hook-0123456789\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := oneFacet.on(local(71))
	c.more = fmt.Sprintf("alerts: {inbound: {grafana: {type: grafana, token: \"file:%s\", network: net71}}}", secret)
	p := s.open(c)
	d := s.serve(c)
	decide, id := s.token(p, "on call", token.Decide)
	none := token.Token{}
	if code, text := d.ask("GET", "/api/v1/alerts", none, "", nil); code != http.StatusOK || text != "{\"alerts\":[]}\n" {
		t.Errorf("%d %s", code, text)
	}
	var made rule.Silence
	if code, text := d.ask("POST", "/api/v1/silences", decide, `{"rule": "rpc_down", "network": "net71", "for": "1h", "reason": "a test"}`, &made); code != http.StatusOK ||
		made.Network != "net71" || !strings.Contains(made.By, id) {
		t.Errorf("%d %s", code, text)
	}
	if code, text := d.ask("POST", "/hooks/grafana", decide, `{"alerts": []}`, nil); code != http.StatusUnauthorized {
		t.Errorf("a token of the API: %d %s", code, text)
	}
	req, err := http.NewRequestWithContext(s.ctx(), http.MethodPost, d.url+"/hooks/grafana", strings.NewReader(`{"version": "1", "alerts": [
		{"status": "firing", "labels": {"alertname": "TestAlert", "instance": "Grafana"}, "annotations": {}, "fingerprint": "57c6d9296de2ad39"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("grafana", "bearer-of-the-hook-0123456789")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("%s (%v)", res.Status, err)
	}
	d.saysSoon("it is a test of the contact point")
	if code, text := d.ask("GET", "/alerts/ack/"+strings.Repeat("A", 43), none, "", nil); code != http.StatusNotFound || !strings.Contains(text, "This link leads nowhere") {
		t.Errorf("%d %s", code, text)
	}
	d.end()
}
