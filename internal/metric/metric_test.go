package metric

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/localprom"
	"github.com/seed-b6a97670/lockstep/internal/relay"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/txsend"
)

func fresh() *Registry {
	return New(Config{
		Version: "1.2.3", Networks: []string{"base", "ethereum"}, States: []string{"waiting", "running"}, Relays: []string{"flashbots"},
		Endpoints: map[string]int{"base": 1, "ethereum": 2}, Errors: []string{"InvalidProof", "NothingPending"}, Sinks: []string{"pager"},
		Published: map[string]uint64{"commit": 36_145},
	})
}

// page asks for the page as Prometheus does, and reads it with Prometheus' parser.
func page(t *testing.T, r *Registry) (text string, families map[string]*dto.MetricFamily) {
	t.Helper()
	server := httptest.NewServer(r.Handler())
	defer server.Close()
	resp, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v", resp.Status, err)
	}
	if got := resp.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/plain; version=0.0.4") {
		t.Errorf("the page is of type %s", got)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err = parser.TextToMetricFamilies(strings.NewReader(string(data)))
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	return string(data), families
}

// series are those of a page, as it writes them, without the collectors of Go and the process.
func series(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "} "); ok && strings.HasPrefix(name, "lockstep_") {
			out[name+"}"] = value
		} else if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && strings.HasPrefix(name, "lockstep_") {
			out[name] = value
		}
	}
	return out
}

// everything calls every method, with labels that are known and with others.
func everything(r *Registry) {
	r.Step("ethereum", "commit 0x12ab.. for epoch 3", "confirmed", 50_000)
	r.Step("ethereum", "commit 0x34cd.. for epoch 4", "confirmed", 70_000)
	r.Step("base", "drop: deploy Token", "reverted", 21_000)
	r.Step("0x12ab", "0x12ab", "0x12ab", 1)
	r.StepTook("base", 1500*time.Millisecond)
	r.Activated("base", 1_000_012, 1_000_000)
	r.Activated("ethereum", 999_999, 1_000_000) // which the contract does not let happen
	r.ExecutionNetworks(map[string]int{"waiting": 3, "asleep": 2, "lost": 1})
	r.NetworkHealthy("ethereum", true)
	r.NetworkHealthy("base", false)
	r.NetworkHead("ethereum", 21_000_000, 1_700_000_000)
	r.RPCFailed("base")
	r.LeaseTakenOver()
	r.LeasesHeld(2)
	r.JournalUp(true)
	r.RelayAsked("ethereum", "flashbots", "in doubt")
	r.RelayAsked("ethereum", "http://somebody", "nothing")
	r.RelayTook("flashbots", 300*time.Millisecond)
	r.RelayLanded("flashbots", 2, 1.08)
	r.RelayLanded("flashbots", 1, 0)
	r.HTTPRequest("GET /health/ready", 503)
	r.Gas("commit 0x12ab.. for epoch 3", 38_000, 40_000, 36_145)
	r.Gas("deploy Token", 21_000, 0, 0) // nothing is known to compare it with
	r.Applied("base", 1_000_000, 1_000_024)
	r.TimelockTook("base", 1_000_000, 1_003_700)
	r.Dispatcher("ethereum", 3600, true)
	r.Dispatcher("base", 7200, false)
	r.Refused("base", "InvalidProof", "block")
	r.Refused("base", "", "simulation")
	r.Paused("base", "automatic")
	r.PauseTook("base", 400*time.Millisecond)
	r.IndexAt("base", 90, 100)
	r.IndexAt("ethereum", 101, 100) // it was faster than the look at the head
	r.IndexWrote("base", 3)
	r.IndexTookBack("base")
	r.IndexTook("base", 20*time.Millisecond)
	r.EndpointUp("ethereum", 1, true)
	r.EndpointUp("ethereum", 2, false)
	r.EndpointUp("ethereum", 3, false) // there is none such
	r.Disagreed("ethereum")
	r.AlertsFiring(map[Kind]int{{"drift", "high"}: 2, {"drift", "dire"}: 1})
	r.AlertRaised("drift", "high")
	r.AlertAcknowledged("critical", 5*time.Minute)
	r.Notified("pager", "delivered")
	r.Notified("pigeon", "lost")
	r.NotificationsWaiting(4, time.Minute)
}

func TestPage(t *testing.T) {
	r := fresh()
	everything(r)
	text, _ := page(t, r)
	got := series(text)
	for name, want := range map[string]string{
		`lockstep_steps_total{network="ethereum",outcome="confirmed",step="commit"}`:          "2",
		`lockstep_steps_total{network="base",outcome="reverted",step="drop"}`:                 "1",
		`lockstep_steps_total{network="base",outcome="confirmed",step="apply"}`:               "0",
		`lockstep_steps_total{network="other",outcome="other",step="other"}`:                  "1",
		`lockstep_gas_used_total{network="ethereum",step="commit"}`:                           "120000",
		`lockstep_step_seconds_bucket{network="base",le="1"}`:                                 "0",
		`lockstep_step_seconds_bucket{network="base",le="2"}`:                                 "1",
		`lockstep_step_seconds_sum{network="base"}`:                                           "1.5",
		`lockstep_step_seconds_count{network="ethereum"}`:                                     "0",
		`lockstep_activation_lateness_seconds_sum{network="base"}`:                            "12",
		`lockstep_activation_lateness_seconds_bucket{network="base",le="5"}`:                  "0",
		`lockstep_activation_lateness_seconds_bucket{network="base",le="12"}`:                 "1",
		`lockstep_activation_lateness_seconds_sum{network="ethereum"}`:                        "-1",
		`lockstep_execution_networks{state="waiting"}`:                                        "3",
		`lockstep_execution_networks{state="running"}`:                                        "0",
		`lockstep_execution_networks{state="other"}`:                                          "3",
		`lockstep_network_healthy{network="ethereum"}`:                                        "1",
		`lockstep_network_healthy{network="base"}`:                                            "0",
		`lockstep_network_head{network="ethereum"}`:                                           "2.1e+07",
		`lockstep_network_head_timestamp_seconds{network="ethereum"}`:                         "1.7e+09",
		`lockstep_rpc_failures_total{network="base"}`:                                         "1",
		`lockstep_rpc_failures_total{network="ethereum"}`:                                     "0",
		`lockstep_lease_takeovers_total`:                                                      "1",
		`lockstep_leases_held`:                                                                "2",
		`lockstep_journal_up`:                                                                 "1",
		`lockstep_relay_asked_total{network="ethereum",outcome="in doubt",relay="flashbots"}`: "1",
		`lockstep_relay_asked_total{network="ethereum",outcome="other",relay="other"}`:        "1",
		`lockstep_relay_seconds_sum{relay="flashbots"}`:                                       "0.3",
		`lockstep_relay_blocks_sum{relay="flashbots"}`:                                        "3",
		`lockstep_relay_blocks_count{relay="flashbots"}`:                                      "2",
		`lockstep_relay_price_over_base_count{relay="flashbots"}`:                             "1", // the other is not known
		`lockstep_http_requests_total{code="503",route="GET /health/ready"}`:                  "1",
		`lockstep_gas_over_simulated_sum{step="commit"}`:                                      "0.95",
		`lockstep_gas_over_simulated_count{step="deploy"}`:                                    "0",
		`lockstep_gas_over_published_bucket{step="commit",le="1.05"}`:                         "0",
		`lockstep_gas_over_published_bucket{step="commit",le="1.1"}`:                          "1",
		`lockstep_gas_over_published_count{step="apply"}`:                                     "0",
		`lockstep_gas_published{step="commit"}`:                                               "36145",
		`lockstep_commit_to_apply_seconds_sum{network="base"}`:                                "24",
		`lockstep_commit_to_activation_seconds_sum{network="base"}`:                           "3700",
		`lockstep_commit_to_activation_seconds_count{network="ethereum"}`:                     "0",
		`lockstep_timelock_delay_seconds{network="ethereum"}`:                                 "3600",
		`lockstep_paused{network="ethereum"}`:                                                 "1",
		`lockstep_paused{network="base"}`:                                                     "0",
		`lockstep_refusals_total{error="InvalidProof",network="base",source="block"}`:         "1",
		`lockstep_refusals_total{error="NothingPending",network="ethereum",source="block"}`:   "0",
		`lockstep_refusals_total{error="other",network="base",source="simulation"}`:           "1",
		`lockstep_pauses_total{how="automatic",network="base"}`:                               "1",
		`lockstep_pauses_total{how="manual",network="base"}`:                                  "0",
		`lockstep_pause_broadcast_seconds_sum{network="base"}`:                                "0.4",
		`lockstep_index_lag_blocks{network="base"}`:                                           "10",
		`lockstep_index_lag_blocks{network="ethereum"}`:                                       "0",
		`lockstep_index_rows_total{network="base"}`:                                           "3",
		`lockstep_index_reorgs_total{network="base"}`:                                         "1",
		`lockstep_index_reorgs_total{network="ethereum"}`:                                     "0",
		`lockstep_index_head_to_row_seconds_sum{network="base"}`:                              "0.02",
		`lockstep_rpc_up{endpoint="1",network="ethereum"}`:                                    "1",
		`lockstep_rpc_up{endpoint="2",network="ethereum"}`:                                    "0",
		`lockstep_rpc_up{endpoint="other",network="ethereum"}`:                                "0",
		`lockstep_rpc_disagreements_total{network="ethereum"}`:                                "1",
		`lockstep_rpc_disagreements_total{network="base"}`:                                    "0",
		`lockstep_alerts_firing{rule="drift",severity="high"}`:                                "2",
		`lockstep_alerts_firing{rule="drift",severity="other"}`:                               "1",
		`lockstep_alerts_firing{rule="unknown_root",severity="critical"}`:                     "0",
		`lockstep_alerts_raised_total{rule="drift",severity="high"}`:                          "1",
		`lockstep_alerts_raised_total{rule="drift",severity="critical"}`:                      "0",
		`lockstep_alert_acknowledgement_seconds_sum{severity="critical"}`:                     "300",
		`lockstep_alert_acknowledgement_seconds_count{severity="info"}`:                       "0",
		`lockstep_notifications_total{outcome="delivered",sink="pager"}`:                      "1",
		`lockstep_notifications_total{outcome="given up",sink="pager"}`:                       "0",
		`lockstep_notifications_total{outcome="other",sink="other"}`:                          "1",
		`lockstep_notification_queue_length`:                                                  "4",
		`lockstep_notification_queue_age_seconds`:                                             "60",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %s", name, got[name], want)
		}
	}
	if !strings.Contains(text, `lockstep_build_info{goversion="go`) || !strings.Contains(text, `version="1.2.3"} 1`) {
		t.Errorf("no build info in\n%s", text)
	}
	for _, collector := range []string{"go_goroutines ", "process_open_fds "} {
		if !strings.Contains(text, "\n"+collector) {
			t.Errorf("there is no %s", collector)
		}
	}
	r.ExecutionNetworks(nil)
	text, _ = page(t, r)
	if got := series(text)[`lockstep_execution_networks{state="waiting"}`]; got != "0" {
		t.Errorf("an execution that has ended is still counted: %s", got)
	}
}

// TestWhatIsNoLongerSo: what has ended, or is another process' to say, is not shown for ever.
func TestWhatIsNoLongerSo(t *testing.T) {
	r := fresh()
	everything(r)
	r.AlertsFiring(nil)
	r.Unwatched("ethereum")
	text, _ := page(t, r)
	got := series(text)
	if got[`lockstep_alerts_firing{rule="drift",severity="high"}`] != "0" {
		t.Error("an alert that was resolved still fires")
	}
	if _, ok := got[`lockstep_alerts_firing{rule="drift",severity="other"}`]; ok {
		t.Error("a severity that is none stays")
	}
	for name := range got {
		if (strings.HasPrefix(name, "lockstep_rpc_up{") || strings.HasPrefix(name, "lockstep_timelock_delay_seconds{") ||
			strings.HasPrefix(name, "lockstep_paused{") || strings.HasPrefix(name, "lockstep_index_lag_blocks{")) && strings.Contains(name, "ethereum") {
			t.Errorf("%s stays", name)
		}
	}
	if got[`lockstep_paused{network="base"}`] != "0" || got[`lockstep_rpc_failures_total{network="ethereum"}`] != "0" {
		t.Error("what is of another network, or is counted, is gone")
	}
}

// TestNamesFollowConventions asks Prometheus' own linter.
func TestNamesFollowConventions(t *testing.T) {
	r := fresh()
	everything(r)
	text, _ := page(t, r)
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "lockstep_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
	promtool, err := localprom.Find("promtool")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}

// TestSeriesAreBounded: whatever a rollout is of, labels are not.
func TestSeriesAreBounded(t *testing.T) {
	r := fresh()
	everything(r)
	text, _ := page(t, r)
	before := series(text)
	odd := func(from int) map[string]string {
		for i := from; i < from+500; i++ {
			odd := fmt.Sprintf("0x%064x", i)
			r.Step(odd, odd, odd, 1)
			r.Step("base", "commit "+odd, "confirmed", 1)
			r.StepTook(odd, 1)
			r.Activated(odd, 1, 1)
			r.ExecutionNetworks(map[string]int{odd: 1})
			r.NetworkHealthy(odd, true)
			r.NetworkHead(odd, 1, 1)
			r.RPCFailed(odd)
			r.RelayAsked(odd, odd, odd)
			r.RelayTook(odd, 1)
			r.RelayLanded(odd, 1, 1)
			r.Gas(odd, 1, 1, 1)
			r.Applied(odd, 1, 1)
			r.TimelockTook(odd, 1, 1)
			r.Dispatcher(odd, 1, true)
			r.Refused(odd, odd, odd)
			r.Refused("base", odd, odd)
			r.Paused(odd, odd)
			r.IndexAt(odd, 1, 1)
			r.IndexWrote(odd, 1)
			r.IndexTookBack(odd)
			r.IndexTook(odd, 1)
			r.EndpointUp(odd, i, true)
			r.EndpointUp("base", i+2, true)
			r.Disagreed(odd)
			r.AlertsFiring(map[Kind]int{{odd, odd}: 1})
			r.AlertRaised(odd, odd)
			r.AlertAcknowledged(odd, 1)
			r.Notified(odd, odd)
		}
		text, _ := page(t, r)
		if strings.Contains(text, "0x") {
			t.Error("a hash is a label")
		}
		return series(text)
	}
	after, later := odd(0), odd(500)
	for name := range after {
		if _, ok := before[name]; !ok && !strings.Contains(name, `"other"`) {
			t.Errorf("%s is new, and not of \"other\"", name)
		}
	}
	if !slices.Equal(slices.Sorted(maps.Keys(after)), slices.Sorted(maps.Keys(later))) {
		t.Errorf("%d series, there were %d", len(later), len(after))
	}
}

// TestListsHoldTheWordsOfTheProgram: what the program writes must not be counted as "other".
func TestListsHoldTheWordsOfTheProgram(t *testing.T) {
	for _, s := range []rollout.Status{rollout.Confirmed, rollout.Reverted, rollout.Dropped, rollout.Lost, rollout.Void} {
		if !slices.Contains(Outcomes, string(s)) {
			t.Errorf("%s is no outcome", s)
		}
	}
	for _, s := range rule.Severities() {
		if !slices.Contains(Severities, string(s)) {
			t.Errorf("%s is no severity", s)
		}
	}
	for _, o := range []relay.Outcome{
		relay.OutcomeTaken, relay.OutcomePartial, relay.OutcomeRefused, relay.OutcomeUnsent, relay.OutcomeInDoubt, relay.OutcomeLanded, relay.OutcomeLate,
		relay.OutcomeDropped, relay.OutcomeExpired, relay.OutcomeCancelled,
	} {
		if !slices.Contains(RelayOutcomes, string(o)) {
			t.Errorf("%s is no outcome of a relay", o)
		}
	}
	words := map[string]string{
		"deploy Token": "deploy", "pause": "pause", "unpause": "unpause", "cancel 0x12ab..": "cancel",
		(&dispatcher.Rollout{}).CommitStep(): "commit", txsend.Dropping + "commit 0x12ab..": "drop",
	}
	// all that package dispatcher sends begins with one of these
	for _, name := range []string{"deploy.go", "dispatcher.go", "rollout.go"} {
		data, err := os.ReadFile(filepath.Join("..", "dispatcher", name))
		if err != nil {
			t.Fatal(err)
		}
		calls := strings.Split(string(data), " intent(rollout.")[1:]
		if len(calls) == 0 {
			t.Errorf("%s makes no intents: look where they are made", name)
		}
		for _, call := range calls {
			_, format, _ := strings.Cut(call, `"`)
			if format, _, _ = strings.Cut(format, `"`); format == "%s" {
				continue // CommitStep
			}
			first, _, _ := strings.Cut(format, " ")
			words[format] = first
		}
	}
	for text, want := range words {
		if got := step(text); got != want || want == Other {
			t.Errorf("%q is counted as %s, want %s", text, got, want)
		}
	}
}

// TestReference: what the document lists is what there is, and it is current.
func TestReference(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "reference", "metrics.md"))
	if err != nil || string(data) != Reference() {
		t.Errorf("docs/reference/metrics.md is not current: run make generate (%v)", err)
	}
	r := fresh()
	everything(r)
	_, families := page(t, r)
	listed := map[string]Definition{}
	for _, d := range r.definitions {
		listed[d.Name] = d
	}
	for _, name := range slices.Sorted(maps.Keys(families)) {
		if !strings.HasPrefix(name, "lockstep_") {
			continue
		}
		d, ok := listed[name]
		if !ok {
			t.Errorf("%s is not in the reference", name)
			continue
		}
		delete(listed, name)
		f := families[name]
		if kind := strings.ToLower(f.GetType().String()); kind != d.Kind || f.GetHelp() != d.Help {
			t.Errorf("%s is a %s: %s", name, kind, f.GetHelp())
		}
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		if want := slices.Sorted(slices.Values(d.Labels)); !slices.Equal(labels, want) {
			t.Errorf("%s has labels %v, want %v", name, labels, want)
		}
	}
	for name := range listed {
		t.Errorf("%s is in the reference, and a method that fills it is missing", name)
	}
}

func TestNilCountsNothing(*testing.T) { everything(nil) }

func TestManyAtTheSameTime(t *testing.T) {
	r := fresh()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { everything(r) })
	}
	all.Wait()
	text, _ := page(t, r)
	if got := series(text)[`lockstep_rpc_failures_total{network="base"}`]; got != "8" {
		t.Errorf("%s failures, want 8", got)
	}
}
