package lookout

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/localprom"
	"github.com/seed-b6a97670/lockstep/internal/metric"
)

// TestPromtool has promtool check the rules, and run their tests.
func TestPromtool(t *testing.T) {
	promtool, err := localprom.Find("promtool")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{RulesFile: Rules(), "test.yml": RuleTests()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"check", "rules", RulesFile}, {"test", "rules", "test.yml"}} {
		cmd := exec.CommandContext(t.Context(), promtool, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}

func TestFilesAreCurrent(t *testing.T) {
	for name, text := range map[string]string{
		"observability.md": Reference(), "observability/dashboard.json": Dashboard(), "observability/lockstep.rules.yml": Rules(),
		"observability/lockstep.rules.test.yml": RuleTests(),
	} {
		if data, err := os.ReadFile(filepath.Join("..", "..", "docs", "reference", name)); err != nil || string(data) != text {
			t.Errorf("docs/reference/%s is not current: run make generate (%v)", name, err)
		}
	}
}

// expressions are all that there are, by where they stand.
func expressions() map[string]string {
	out := map[string]string{}
	for _, r := range Records {
		out[r.Name] = r.Expr
	}
	for _, i := range List() {
		for n, s := range i.Series {
			out[fmt.Sprintf("%s, series %d", i.Title, n)] = s.Expr
		}
		for _, a := range i.Alerts {
			out[a.Name] = a.expr(i)
			for _, c := range []Case{a.Fires, a.Quiet} {
				for s := range c.Series {
					out[a.Name+" is tested with "+s] = s
				}
			}
		}
	}
	return out
}

var (
	grouped = regexp.MustCompile(`by \(([a-z, ]+)\)`)
	matcher = regexp.MustCompile(`([a-z]+)(=~|!~|!=|=)"([^"]*)"`)
)

// TestExpressionsNameWhatThereIs: metrics, their labels, and the values of labels. Prometheus itself would take any other name for a series that has
// no values yet.
func TestExpressionsNameWhatThereIs(t *testing.T) {
	values := map[string][]string{
		"outcome": slices.Concat(metric.Outcomes, metric.RelayOutcomes, metric.NotificationOutcomes, metric.PauseOutcomes), "step": metric.Steps, "source": metric.Sources,
		"how": metric.Pauses, "severity": metric.Severities, "rule": metric.Rules, "error": dispatcher.ErrorNames(),
		"state": {"waiting", "working", "ready", "releasing", "halted", "unreachable", "excluded", "done"},
	}
	known := definitions()
	used := map[string]bool{}
	for where, expr := range expressions() {
		all := map[string]bool{"instance": true}
		for _, s := range selector.FindAllString(expr, -1) {
			name, more, _ := strings.Cut(s, "{")
			if strings.HasPrefix(name, "lockstep:") {
				i := slices.IndexFunc(Records, func(r Record) bool { return r.Name == name })
				if i < 0 {
					t.Errorf("%s: %s is not kept", where, name)
					continue
				}
				all[Records[i].By] = true
				continue
			}
			d, ok := metricOf(name, known)
			if !ok {
				t.Errorf("%s: there is no %s", where, name)
				continue
			}
			used[d.Name] = true
			labels := map[string]bool{"instance": true, "le": strings.HasSuffix(name, "_bucket")}
			for _, l := range d.Labels {
				labels[l], all[l] = true, true
			}
			all["le"] = all["le"] || labels["le"]
			for _, m := range matcher.FindAllStringSubmatch(more, -1) {
				if !labels[m[1]] {
					t.Errorf("%s: %s has no label %s", where, name, m[1])
				}
				for v := range strings.SplitSeq(m[3], "|") {
					if list, ok := values[m[1]]; ok && !slices.Contains(list, v) {
						t.Errorf("%s: %s is never %q", where, m[1], v)
					}
				}
			}
		}
		for _, g := range grouped.FindAllStringSubmatch(expr, -1) {
			for l := range strings.SplitSeq(g[1], ", ") {
				if !all[l] {
					t.Errorf("%s: nothing in it has a label %s", where, l)
				}
			}
		}
	}
	for name := range known {
		if !used[name] && name != "lockstep_network_head" { // whose time is looked at
			t.Errorf("nobody looks at %s", name)
		}
	}
}

// TestAlerts: each can be told from the others, says how grave it is, and stands in the reference with what to do.
func TestAlerts(t *testing.T) {
	reference, seen := Reference(), map[string]bool{}
	for _, i := range List() {
		for _, a := range i.Alerts {
			if seen[a.Name] || !slices.Contains(metric.Severities, a.Severity) || a.Means == "" || a.Do == "" {
				t.Errorf("%s: %+v", a.Name, a)
			}
			seen[a.Name] = true
			if !strings.Contains(reference, "\n### "+a.Name+"\n") {
				t.Errorf("%s is not in the reference", a.Name)
			}
			if a.annotations()["runbook"] != "docs/reference/observability.md#"+strings.ToLower(a.Name) {
				t.Errorf("%s: %v", a.Name, a.annotations())
			}
		}
	}
	if len(seen) < 30 {
		t.Errorf("%d alerts", len(seen))
	}
}

func TestOfNetworks(t *testing.T) {
	for expr, want := range map[string]string{
		"sum(lockstep_gas_published)":                        "sum(lockstep_gas_published)", // it has no network
		"lockstep_paused":                                    `lockstep_paused{network=~"$network"}`,
		`rate(lockstep_steps_total{outcome="reverted"}[5m])`: `rate(lockstep_steps_total{network=~"$network",outcome="reverted"}[5m])`,
		`lockstep_step_seconds_bucket / lockstep_paused`:     `lockstep_step_seconds_bucket{network=~"$network"} / lockstep_paused{network=~"$network"}`,
		"lockstep:steps:success_ratio1d":                     `lockstep:steps:success_ratio1d{network=~"$network"}`,
		"lockstep:gas:over_published_ratio7d":                "lockstep:gas:over_published_ratio7d",
	} {
		if got := ofNetworks(expr); got != want {
			t.Errorf("%s is %s, want %s", expr, got, want)
		}
	}
}

// shape is of the dashboard what Grafana needs.
type shape struct {
	UID, Title    string
	SchemaVersion int
	Templating    struct {
		List []struct{ Name, Type string }
	}
	Panels []struct {
		ID          int
		Type, Title string
		GridPos     struct{ H, W, X, Y int }
		Datasource  struct{ Type, UID string }
		Targets     []struct{ RefID, Expr, LegendFormat string }
		FieldConfig struct {
			Defaults struct{ Unit string }
		}
	}
}

func TestDashboard(t *testing.T) {
	var d shape
	if err := json.Unmarshal([]byte(Dashboard()), &d); err != nil {
		t.Fatal(err)
	}
	if d.UID != UID || d.Title != Title || d.SchemaVersion < 36 || len(d.Templating.List) != 2 || d.Templating.List[0].Type != "datasource" {
		t.Errorf("%+v", d)
	}
	cells, ids, rows := map[[2]int]string{}, map[int]bool{}, 0
	units := []string{"short", "s", "percentunit", "bool", "bool_on_off", "bytes", "reqps"}
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" {
			t.Errorf("panel %d, %q", p.ID, p.Title)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other, taken := cells[[2]int{x, y}]; taken || x >= 24 {
					t.Fatalf("%s lies on %s, or beyond the edge", p.Title, other)
				}
				cells[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			rows++
			continue
		}
		if p.Datasource.UID != "${datasource}" || p.Datasource.Type != "prometheus" || len(p.Targets) == 0 || !slices.Contains(units, p.FieldConfig.Defaults.Unit) {
			t.Errorf("%+v", p)
		}
		for n, target := range p.Targets {
			if target.RefID != string(rune('A'+n)) || target.Expr == "" || target.LegendFormat == "" {
				t.Errorf("%s: %+v", p.Title, target)
			}
		}
	}
	if len(d.Panels)-rows != len(List()) || rows < 5 {
		t.Errorf("%d panels in %d rows of %d items", len(d.Panels)-rows, rows, len(List()))
	}
}

// TestPanelsInPrometheus has a real Prometheus read a page and keep the rules, and asks for what every panel shows.
func TestPanelsInPrometheus(t *testing.T) {
	r := metric.New(metric.Config{
		Version: "1", Networks: []string{"base", "ethereum"}, Endpoints: map[string]int{"base": 1, "ethereum": 1}, States: []string{"waiting", "halted", "unreachable"},
		Relays: []string{"flashbots"}, Errors: dispatcher.ErrorNames(), Sinks: []string{"pager"}, Published: map[string]uint64{"commit": 1},
	})
	// what does not begin at zero, since zero would say something
	r.NetworkHealthy("base", true)
	r.NetworkHead("base", 1, uint64(time.Now().Unix()))
	r.EndpointUp("base", 1, true)
	r.Dispatcher("base", 3600, false)
	r.IndexAt("base", 1, 1)
	r.HTTPRequest("GET /metrics", 200)
	r.RelayAsked("ethereum", "flashbots", "landed")
	page := httptest.NewServer(r.Handler())
	defer page.Close()
	prom, err := localprom.Prometheus(fmt.Sprintf(`
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%s]
scrape_configs: [{job_name: lockstep, static_configs: [{targets: ["%s"]}]}]
`, RulesFile, strings.TrimPrefix(page.URL, "http://")), map[string]string{RulesFile: Rules()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := prom.Stop(); err != nil {
			t.Error(err)
		}
	})
	var d shape
	if err := json.Unmarshal([]byte(Dashboard()), &d); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(time.Minute)
	asked := 0
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			asked++
			expr := strings.ReplaceAll(target.Expr, "$network", ".*")
			for { // a rate needs two readings, what is kept a third
				n, err := query(prom.URL, expr)
				if err != nil {
					t.Fatalf("%s: %s: %v", p.Title, expr, err)
				}
				if n > 0 {
					break
				}
				if time.Now().After(deadline) {
					t.Errorf("%s shows nothing: %s", p.Title, expr)
					break
				}
				time.Sleep(100 * time.Millisecond)
			}
		}
	}
	if asked < len(List()) {
		t.Errorf("asked for %d of %d panels", asked, len(List()))
	}
}

// query returns how many series an expression gives.
func query(server, expr string) (int, error) {
	resp, err := http.Get(server + "/api/v1/query?query=" + url.QueryEscape(expr))
	if err != nil {
		return 0, err
	}
	data, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return 0, err
	}
	var answer struct {
		Status, Error string
		Data          struct{ Result []json.RawMessage }
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return 0, err
	}
	if answer.Status != "success" {
		return 0, errors.New(answer.Error)
	}
	return len(answer.Data.Result), nil
}
