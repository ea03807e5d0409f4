package localprom

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A page is scraped, a rule fires because of it, Alertmanager is told, and calls whom its configuration names. Nothing is left in the end.
func TestServers(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "heat 451\n") }))
	defer page.Close()
	called := make(chan string, 100)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		called <- string(body)
	}))
	defer hook.Close()

	am, err := Alertmanager(fmt.Sprintf(`
route: {receiver: hook, group_wait: 0s}
receivers: [{name: hook, webhook_configs: [{url: "%s"}]}]
`, hook.URL))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = am.Stop() }) // if it was not stopped
	prom, err := Prometheus(fmt.Sprintf(`
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [hot.yml]
scrape_configs: [{job_name: page, static_configs: [{targets: ["%s"]}]}]
alerting: {alertmanagers: [{static_configs: [{targets: ["%s"]}]}]}
`, strings.TrimPrefix(page.URL, "http://"), strings.TrimPrefix(am.URL, "http://")),
		map[string]string{"hot.yml": `groups: [{name: hot, rules: [{alert: Hot, expr: heat > 400, annotations: {summary: "{{ $value }} degrees"}}]}]`})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = prom.Stop() }) // if it was not stopped
	select {
	case body := <-called:
		var got struct {
			Alerts []struct {
				Labels, Annotations map[string]string
				Status              string
			}
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil || len(got.Alerts) != 1 {
			t.Fatalf("%v in %s", err, body)
		}
		if a := got.Alerts[0]; a.Labels["alertname"] != "Hot" || a.Annotations["summary"] != "451 degrees" || a.Status != "firing" {
			t.Errorf("called with %s", body)
		}
	case <-time.After(startTime):
		t.Fatalf("nobody was called\n%s\n%s", prom.Said(), am.Said())
	}
	resp, err := http.Get(prom.URL + "/api/v1/query?query=" + url.QueryEscape(`heat`))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil || !strings.Contains(string(answer), `"451"`) {
		t.Errorf("%v, %s", err, answer)
	}
	for _, s := range []*Server{prom, am} {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
		if err := s.cmd.Process.Signal(syscall.Signal(0)); err == nil {
			t.Errorf("%s runs after Stop", s.name)
		}
		if resp, err := http.Get(s.URL); err == nil {
			t.Errorf("%s answers after Stop: %v", s.name, resp.Body.Close())
		}
	}
	nothingLeft(t)
}

// nothingLeft looks for folders of servers.
func nothingLeft(t *testing.T) {
	t.Helper()
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestConfigurationThatIsNone(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for name, begin := range map[string]func() (*Server, error){
		"prometheus":   func() (*Server, error) { return Prometheus("scrape_configs: perhaps", nil) },
		"alertmanager": func() (*Server, error) { return Alertmanager("route: perhaps") },
	} {
		if s, err := begin(); err == nil || !strings.Contains(err.Error(), "perhaps") {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
	nothingLeft(t)
}

func TestProgramThatIsMissing(t *testing.T) {
	if path, err := Find("no-such-program"); err == nil || !strings.Contains(err.Error(), "make tools") {
		t.Errorf("%s, %v", path, err)
	}
}
