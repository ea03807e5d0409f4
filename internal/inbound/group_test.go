package inbound

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// group is a webhook as Alertmanager and Grafana send it, with members that nothing here knows.
func group(version string, alerts ...string) string {
	return fmt.Sprintf(`{"receiver": "lockstep", "status": "firing", "orgId": 1, "alerts": [%s], "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {},
		"externalURL": "https://am.example", "version": %q, "groupKey": "{}:{}", "truncatedAlerts": 0, "title": "[FIRING:1]", "state": "alerting", "message": "x"}`,
		strings.Join(alerts, ","), version)
}

func one(status, labels, annotations string) string {
	return fmt.Sprintf(`{"status": %q, "labels": %s, "annotations": %s, "startsAt": "2026-11-26T02:51:03.157076+02:00", "endsAt": "0001-01-01T00:00:00Z",
		"generatorURL": "https://am.example/graph", "fingerprint": "c6eadffa33fcdf37", "silenceURL": "https://am.example/silence", "values": {"B": 44.2, "C": null}}`,
		status, labels, annotations)
}

func TestGroup(t *testing.T) {
	seen := func(change func(*rule.Seen)) []rule.Seen {
		s := rule.Seen{
			Sight: rule.SawReport, At: at.UnixMilli(), Source: "them", Subject: "c6eadffa33fcdf37", Summary: "the disk is full", Failed: true,
			Details: []rule.Detail{{Name: "alertname", Value: "DiskFull"}, {Name: "url", Value: "https://am.example/graph"}},
		}
		change(&s)
		return []rule.Seen{s}
	}
	with := func(name, value string) func(*rule.Seen) {
		return func(s *rule.Seen) { s.Details = append(s.Details, rule.Detail{Name: name, Value: value}) }
	}
	const labels, summary = `{"alertname": "DiskFull"}`, `{"summary": "the disk is full"}`
	own := fmt.Sprintf(`{"alertname": "rpc_down", "severity": "warning", "project": "p", "network": "base", "subject": "a", "fingerprint": %q}`, keyOfTheirs)
	for name, c := range map[string]struct {
		alerts []string
		want   Received
	}{
		"fires":            {[]string{one("firing", labels, summary)}, Received{Reports: seen(func(*rule.Seen) {})}},
		"ends":             {[]string{one("resolved", labels, summary)}, Received{Reports: seen(func(s *rule.Seen) { s.Failed = false })}},
		"a severity":       {[]string{one("firing", `{"alertname": "DiskFull", "severity": "critical"}`, summary)}, Received{Reports: seen(func(s *rule.Seen) { s.Severity = rule.Critical })}},
		"theirs":           {[]string{one("firing", `{"alertname": "DiskFull", "severity": "Error"}`, summary)}, Received{Reports: seen(func(s *rule.Seen) { s.Severity = rule.High })}},
		"shorter":          {[]string{one("firing", `{"alertname": "DiskFull", "severity": "warn"}`, summary)}, Received{Reports: seen(func(s *rule.Seen) { s.Severity = rule.Warning })}},
		"an unknown one":   {[]string{one("firing", `{"alertname": "DiskFull", "severity": "page"}`, summary)}, Received{Reports: seen(func(*rule.Seen) {})}},
		"a network":        {[]string{one("firing", `{"alertname": "DiskFull", "network": "base"}`, summary)}, Received{Reports: seen(func(s *rule.Seen) { s.Network, s.ChainID = "base", 8453; with("network", "base")(s) })}},
		"no network":       {[]string{one("firing", `{"alertname": "DiskFull", "network": "lan"}`, summary)}, Received{Reports: seen(with("network", "lan"))}},
		"other words":      {[]string{one("firing", labels, `{"title": "the disk is full"}`)}, Received{Reports: seen(func(*rule.Seen) {})}},
		"few words":        {[]string{one("firing", labels, `{}`)}, Received{Reports: seen(func(s *rule.Seen) { s.Summary = "DiskFull" })}},
		"no words":         {[]string{one("firing", `null`, `null`)}, Received{Reports: seen(func(s *rule.Seen) { s.Summary, s.Details = "alert c6eadffa33fcdf37", s.Details[1:] })}},
		"nothing":          {nil, Received{}},
		"ours":             {[]string{one("firing", own, summary)}, Received{Passed: "some are of this program"}},
		"ours and another": {[]string{one("firing", own, summary), one("firing", labels, summary)}, Received{Reports: seen(func(*rule.Seen) {}), Passed: "some are of this program"}},
		"like ours":        {[]string{one("firing", `{"alertname": "rpc_down", "fingerprint": "none"}`, summary)}, Received{Reports: seen(func(s *rule.Seen) { s.Details[0].Value = "rpc_down"; with("fingerprint", "none")(s) })}},
		"of our metrics":   {[]string{one("firing", fmt.Sprintf(`{"alertname": "LockstepDown", "fingerprint": %q}`, keyOfOurs), summary)}, Received{Reports: seen(func(s *rule.Seen) { s.Details[0].Value = "LockstepDown"; with("fingerprint", keyOfOurs)(s) })}},
	} {
		for _, kind := range []struct {
			Kind
			version string
		}{{KindGrafana, "1"}, {KindAlertmanager, "4"}} {
			if diff := cmp.Diff(c.want, read(t, hook(t, kind.Kind), headers(), group(kind.version, c.alerts...), none), cmp.AllowUnexported(Received{})); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", name, kind.Kind, diff)
			}
		}
	}
	test := one("firing", `{"alertname": "TestAlert", "instance": "Grafana"}`, `{"summary": "Notification test"}`)
	if r := read(t, hook(t, KindGrafana), headers(), group("1", test), none); len(r.Reports) != 0 || r.Passed != "it is a test of the contact point" {
		t.Errorf("a test: %+v", r)
	}
	if r := read(t, hook(t, KindAlertmanager), headers(), group("4", test), none); len(r.Reports) != 1 {
		t.Errorf("what Alertmanager sends is no test: %+v", r)
	}
	many := make([]string, maxAlerts+2)
	for i := range many {
		many[i] = one("firing", labels, summary)
	}
	r := read(t, hook(t, KindAlertmanager), headers(), strings.Replace(group("4", many...), `"truncatedAlerts": 0`, `"truncatedAlerts": 3`, 1), none)
	if len(r.Reports) != maxAlerts || r.Passed != "5 alerts of the group are too many, and were left out" {
		t.Errorf("many: %d, %s", len(r.Reports), r.Passed)
	}
	for name, body := range map[string]string{
		"nothing": "", "a list": "[]", "no alerts": `{"version": "4"}`, "another version": group("3", one("firing", labels, summary)),
		"a number as version": strings.Replace(group("4"), `"4"`, `4`, 1),
		"no status":           group("4", one("", labels, summary)),
		"another status":      group("4", one("firing", labels, summary), one("pending", labels, summary)),
		"no fingerprint":      group("4", strings.Replace(one("firing", labels, summary), "c6eadffa33fcdf37", "", 1)),
		"labels of numbers":   group("4", one("firing", `{"a": 1}`, summary)),
		"large":               group("4") + strings.Repeat(" ", maxBodies[KindAlertmanager]),
	} {
		_, err := hook(t, KindAlertmanager).Read(at, headers(), []byte(body), none)
		var e *UnreadableError
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What others write is bounded, and obeys nobody's terminal.
func TestBounds(t *testing.T) {
	labels := map[string]string{"alertname": strings.Repeat("n", 5000), "network": "base\u001b[31m"}
	for i := range 100 {
		labels[fmt.Sprintf("l%02d%s", i, strings.Repeat("x", 100))] = strings.Repeat("\xff\n", 700)
	}
	labels["l00"] = strings.Repeat("é", 5000)
	body, err := json.Marshal(map[string]any{"version": "4", "alerts": []any{map[string]any{
		"status": "firing", "labels": labels, "annotations": map[string]string{"summary": strings.Repeat("\u0085s", 5000)}, "fingerprint": strings.Repeat("f", 5000),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	bounded(t, read(t, hook(t, KindAlertmanager), headers(), string(body), none))
}

// bounded fails if something of a report is too long, or is not one line of text.
func bounded(t *testing.T, r Received) {
	t.Helper()
	check := func(what, text string, limit int) {
		if len(text) > limit || line(text, limit) != text {
			t.Errorf("%s has %d bytes, at most %d, or is not one line: %.100q", what, len(text), limit, text)
		}
	}
	for _, s := range r.Reports {
		check("subject", s.Subject, maxSubject)
		check("summary", s.Summary, maxSummary)
		if s.Subject == "" || s.Sight != rule.SawReport || s.Source == "" || s.Failed && s.Summary == "" || len(s.Details) > maxDetails {
			t.Errorf("%+v", s)
		}
		if _, known := networks[s.Network]; s.Network != "" && !known || s.ChainID != networks[s.Network] {
			t.Errorf("network %q, %d", s.Network, s.ChainID)
		}
		if _, err := rule.ParseSeverity(string(s.Severity)); s.Severity != "" && err != nil {
			t.Error(err)
		}
		for _, d := range s.Details {
			check("detail", d.Name, maxName)
			check("value", d.Value, maxValue)
		}
	}
	for _, a := range r.Answers {
		check("by", a.By, maxBy+len(" (them)"))
		check("note", a.Note, maxNote)
		if a.By == "" || a.At.IsZero() || !isFingerprint(a.Fingerprint) {
			t.Errorf("%+v", a)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, body := range []string{
		`{"id":"t-1","summary":"the pool is empty","severity":"high","network":"base","details":{"a":"b"},"state":"firing"}`,
		event("e-1", "incident.triggered", `"`+keyOfTheirs+`"`, person, at), event("e-2", "incident.acknowledged", `"`+incidentOfOurs+`"`, person, at),
		event("e-3", "incident.resolved", `null`, `null`, at), group("4", one("firing", `{"alertname": "a", "severity": "error"}`, `{"summary": "b"}`)),
		group("1", one("resolved", `{"alertname": "a", "network": "base"}`, `{}`)), `{}`, `[]`, ``, `null`,
	} {
		for i := range Kinds() {
			f.Add(uint8(i), []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, body []byte) {
		h := hook(t, Kinds()[int(kind)%len(Kinds())])
		r, err := h.Read(at, headers("Webhook-Id", "1"), body, oursAlone)
		var e *UnreadableError
		if err != nil && !errors.As(err, &e) {
			t.Fatal(err)
		}
		bounded(t, r)
		engine := rule.New(nil)
		for _, s := range r.Reports {
			engine.See(s)
		}
		if again, err := h.Read(at, headers("Webhook-Id", "1"), body, oursAlone); err == nil && r.id != "" && len(again.Reports)+len(again.Answers) > 0 {
			t.Fatalf("delivered again: %+v", again)
		}
	})
}

func FuzzVerify(f *testing.F) {
	f.Add(uint8(0), "v1=00", "", "", "Bearer "+bearer[1:], []byte("{}"))
	f.Add(uint8(1), hexSum("x", "1:{}"), "1", "id", "Basic Og==", []byte("{}"))
	f.Add(uint8(3), "v1,AAAA", fmt.Sprint(at.Unix()), "id", "", []byte("{}"))
	// without the secret and the token nothing is good
	f.Fuzz(func(t *testing.T, kind uint8, signature, stamp, id, authorization string, body []byte) {
		h := hook(t, Kinds()[int(kind)%len(Kinds())])
		header := headers(headerPagerDuty, signature, headerGrafana, signature, headerSignature, signature, headerGrafanaTime, stamp, headerTimestamp, stamp,
			headerID, id, "Authorization", authorization)
		if err := h.Verify(at, header, body); err == nil && !strings.Contains(authorization, bearer) {
			t.Fatal("it is good")
		}
	})
}
