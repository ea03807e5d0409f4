package inbound

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/seed-b6a97670/lockstep/internal/localprom"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// manager is a real Alertmanager, which calls hooks.
type manager struct {
	*testing.T
	*localprom.Server
}

func startManager(t *testing.T, hook string) manager {
	t.Helper()
	s, err := localprom.Alertmanager(fmt.Sprintf(`
route: {receiver: lockstep, group_wait: 0s, group_interval: 1s, group_by: [alertname]}
receivers: [{name: lockstep, webhook_configs: [{url: %q, http_config: {authorization: {credentials: %q}}}]}]
`, hook, bearer))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return manager{t, s}
}

// post posts a document, and returns the answer.
func (m manager) post(path string, doc any) string {
	m.Helper()
	body, err := json.Marshal(doc)
	if err != nil {
		m.Fatal(err)
	}
	resp, err := http.Post(m.URL+path, "application/json", bytes.NewReader(body))
	if err != nil {
		m.Fatal(err)
	}
	answer, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil || resp.StatusCode != http.StatusOK {
		m.Fatalf("%s: %d %s (%v)", path, resp.StatusCode, answer, err)
	}
	return string(answer)
}

// give gives it alerts, with labels.
func (m manager) give(labels ...map[string]string) {
	m.Helper()
	var all []any
	for _, l := range labels {
		all = append(all, map[string]any{"labels": l, "annotations": map[string]string{"summary": "of " + l["alertname"]}})
	}
	m.post("/api/v2/alerts", all)
}

// ours are the labels of an alert of ours.
func ours(subject string) (labels map[string]string, fingerprint string) {
	fingerprint = rule.Fingerprint(rule.RPCDown, "base", subject)
	return map[string]string{
		"alertname": rule.RPCDown, "severity": "warning", "project": "p", "network": "base", "subject": subject, "fingerprint": fingerprint,
	}, fingerprint
}

// silence makes one, and returns its id.
func (m manager) silence(by, comment, name, pattern string, from time.Time) string {
	m.Helper()
	var made struct {
		SilenceID string `json:"silenceID"`
	}
	answer := m.post("/api/v2/silences", map[string]any{
		"matchers": []any{map[string]any{"name": name, "value": pattern, "isRegex": true}}, "createdBy": by, "comment": comment,
		"startsAt": from, "endsAt": from.Add(time.Hour),
	})
	if err := json.Unmarshal([]byte(answer), &made); err != nil || made.SilenceID == "" {
		m.Fatal(answer, err)
	}
	return made.SilenceID
}

func TestSilencesAreAnswers(t *testing.T) {
	hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer hook.Close()
	m := startManager(t, hook.URL)
	am, err := NewAlertmanager("main", "p", m.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	var all []map[string]string
	var fingerprints []string
	for i := range atOnce + 3 {
		l, f := ours(fmt.Sprint("endpoint-", i))
		all, fingerprints = append(all, l), append(fingerprints, f)
	}
	m.give(all...)
	answers := func(of ...string) []Answer {
		t.Helper()
		got, err := am.Answers(t.Context(), of)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := answers(fingerprints...); len(got) != 0 {
		t.Fatalf("nobody has silenced anything: %+v", got)
	}
	before := time.Now()
	one := m.silence("ada", "known,\n see ticket 7", "fingerprint", fingerprints[atOnce+1], time.Now())
	want := []Answer{{Fingerprint: fingerprints[atOnce+1], By: "ada (silence in main)", Kind: Silenced, Note: "known, see ticket 7"}}
	got := answers(append([]string{`.*`, `"} or`, "x"}, fingerprints...)...)
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Answer{}, "At")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(got) > 0 && (got[0].At.Before(before.Add(-time.Second)) || got[0].At.After(time.Now().Add(time.Second))) {
		t.Errorf("it was made at %s, now is %s", got[0].At, time.Now())
	}
	if got := answers(fingerprints[0]); len(got) != 0 {
		t.Errorf("another alert: %+v", got)
	}
	if got := answers(); len(got) != 0 {
		t.Errorf("no alert: %+v", got)
	}
	// the same of another project, whose alert has the same fingerprint
	other, err := NewAlertmanager("main", "q", m.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := other.Answers(t.Context(), fingerprints[:atOnce+2]); err != nil || len(got) != 0 {
		t.Errorf("of another project: %+v, %v", got, err)
	}
	// one that covers several
	m.silence("grace", "", "subject", "endpoint-[01]", time.Now())
	got = answers(fingerprints...)
	var who []string
	for _, a := range got {
		who = append(who, fmt.Sprint(slices.Index(fingerprints, a.Fingerprint), " ", a.By))
	}
	slices.Sort(who)
	if diff := cmp.Diff([]string{"0 grace (silence in main)", "1 grace (silence in main)", "51 ada (silence in main)"}, who); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// one that has ended, and one that is to begin
	req, err := http.NewRequest(http.MethodDelete, m.URL+"/api/v2/silence/"+one, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status, err)
	}
	m.silence("later", "maintenance", "subject", "endpoint-2", time.Now().Add(30*time.Minute))
	if got := answers(fingerprints...); len(got) != 2 {
		t.Errorf("%+v", got)
	}
	// one that was made beforehand, and begins: it is as old as when it was made
	made := time.Now()
	m.silence("soon", "maintenance", "subject", "endpoint-3", made.Add(2*time.Second))
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if got := answers(fingerprints[3]); len(got) == 1 {
			if got[0].At.After(made.Add(time.Second)) {
				t.Errorf("it was made at %s, and is said to be of %s", made, got[0].At)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it never begins")
		}
	}
}

// A real Alertmanager tells a hook of what it is given, and of ours nothing is reported back.
func TestAlertmanagerDelivers(t *testing.T) {
	h := hook(t, KindAlertmanager, func(s *Spec) { s.Severity = rule.High })
	got := make(chan Received, 100)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err == nil {
			err = h.Verify(time.Now(), req.Header, body)
		}
		if err != nil {
			t.Error(err)
			return
		}
		r, err := h.Read(time.Now(), req.Header, body, none)
		if err != nil {
			t.Errorf("%v in %s", err, body)
		}
		got <- r
	}))
	defer server.Close()
	m := startManager(t, server.URL)
	labels, _ := ours("endpoint")
	m.give(labels, map[string]string{"alertname": "DiskFull", "network": "optimism"})
	var reports []rule.Seen
	var passed []string
	for len(reports) == 0 || len(passed) == 0 {
		select {
		case r := <-got:
			reports = append(reports, r.Reports...)
			if r.Passed != "" {
				passed = append(passed, r.Passed)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("%+v, %q\n%s", reports, passed, m.Said())
		}
	}
	want := []rule.Seen{{
		Sight: rule.SawReport, Network: "optimism", ChainID: 10, Source: "them", Severity: rule.High, Summary: "of DiskFull", Failed: true,
		Details: []rule.Detail{{Name: "alertname", Value: "DiskFull"}, {Name: "network", Value: "optimism"}},
	}}
	if diff := cmp.Diff(want, reports, cmpopts.IgnoreFields(rule.Seen{}, "At", "Subject")); diff != "" || len(reports[0].Subject) != 16 {
		t.Errorf("%s (-want +got):\n%s", reports[0].Subject, diff)
	}
	if passed[0] != "some are of this program" {
		t.Error(passed)
	}
}

// However it fails, the error does not hold the URL, and nothing counts as an answer.
func TestAlertmanagerThatFails(t *testing.T) {
	answer := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "lockstep" || password != "hunter22" {
			t.Errorf("it is asked by %q", user)
		}
		answer(w, r)
	}))
	am, err := NewAlertmanager("main", "p", strings.Replace(server.URL, "//", "//lockstep:hunter22@", 1)+"/am/", nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"an error": {answer, "HTTP status 500"},
		"somewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		}, "HTTP status 302"},
		"something":     {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, "not as it should be"},
		"without end":   {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte(" "), maxAnswer+1)) }, "more than 8388608 bytes"},
		"no silence":    {func(w http.ResponseWriter, r *http.Request) { alertsAlone(w, r, "s-1") }, "ask alertmanager main for silence: it answers with HTTP status 404"},
		"many silences": {func(w http.ResponseWriter, r *http.Request) { alertsAlone(w, r, manySilences(maxAsked+1)...) }, "silenced by 101 silences"},
	} {
		answer = c.answer
		got, err := am.Answers(t.Context(), []string{keyOfOurs})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter22") || len(got) > 0 {
			t.Errorf("%s: %v, %v, want %q", name, got, err, c.want)
		}
	}
	for state, want := range map[string]int{"active": 1, "expired": 0} { // which it may be since it was listed
		answer = func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/silence/s-1") {
				_, _ = fmt.Fprintf(w, `{"id": "s-1", "createdBy": "", "status": {"state": %q}}`, state)
				return
			}
			alertsAlone(w, r, "s-1", "s-1")
		}
		got, err := am.Answers(t.Context(), []string{keyOfOurs})
		if err != nil || len(got) != want || want > 0 && got[0].By != "somebody (silence in main)" {
			t.Errorf("%s: %+v, %v", state, got, err)
		}
	}
	server.Close()
	if _, err := am.Answers(t.Context(), []string{keyOfOurs}); err == nil || strings.Contains(err.Error(), "/am") || !strings.Contains(err.Error(), "refused") {
		t.Errorf("%v", err)
	}
	for _, url := range []string{"", "http://am.example", "https://", "ftp://127.0.0.1", "http://10.0.0.1:hunter22", "://hunter22"} {
		if _, err := NewAlertmanager("main", "p", url, nil); err == nil || strings.Contains(err.Error(), "hunter22") {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, url := range []string{"http://localhost:9093", "http://[::1]:9093/x", "https://am.example"} {
		if _, err := NewAlertmanager("main", "p", url, nil); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func manySilences(n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprint("s-", i))
	}
	return ids
}

// alertsAlone answers that an alert is silenced by silences, of which it has none.
func alertsAlone(w http.ResponseWriter, r *http.Request, silences ...string) {
	if r.URL.Path != "/am/api/v2/alerts" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	ids, err := json.Marshal(silences)
	if err != nil {
		panic(err)
	}
	_, _ = fmt.Fprintf(w, `[{"labels": {"project": "p", "fingerprint": %q}, "status": {"state": "suppressed", "silencedBy": %s}}]`, keyOfOurs, ids)
}
