package inbound

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// keyOfOurs is the fingerprint of an alert of ours, and incidentOfOurs the key of its incident; keyOfTheirs only looks like a fingerprint.
const (
	incidentOfOurs = "market/" + keyOfOurs

	keyOfOurs   = "9f86d081884c7d659a2feaa0c55ad015"
	keyOfTheirs = "d3640fbd41094207a1c11e58e46b1662"
)

func oursAlone(f string) (bool, error) { return f == keyOfOurs, nil }

const person = `{"html_url": "https://x.pagerduty.com/users/PLH1", "id": "PLH1", "self": "https://api.pagerduty.com/users/PLH1", "summary": "Ada\u202e Lovelace", "type": "user_reference"}`

// event is a webhook about an incident, with members that nothing here knows.
func event(id, kind, key, agent string, occurred time.Time) string {
	return fmt.Sprintf(`{"event": {"id": %q, "event_type": %q, "resource_type": "incident", "occurred_at": %q, "agent": %s, "client": null, "data": {
		"id": "PGR0VU2", "type": "incident", "self": "https://api.pagerduty.com/incidents/PGR0VU2", "html_url": "https://x.pagerduty.com/incidents/PGR0VU2",
		"number": 2, "status": "triggered", "incident_key": %s, "created_at": "2026-11-26T02:00:00Z", "title": "the bridge\nis stuck", "urgency": "high",
		"service": {"id": "PF9KMXH", "summary": "Bridge", "type": "service_reference"}, "assignees": [], "priority": null, "conference_bridge": null,
		"resolve_reason": null, "is_new": [{"x": 1}]}}, "more": {}}`, id, kind, occurred.Format(time.RFC3339Nano), agent, key)
}

func TestPagerDuty(t *testing.T) {
	quoted := func(s string) string { return fmt.Sprintf("%q", s) }
	occurred := at.Add(-3 * time.Second)
	report := func(change func(*rule.Seen)) Received {
		s := rule.Seen{
			Sight: rule.SawReport, At: at.UnixMilli(), Source: "them", Subject: "PGR0VU2", Summary: "the bridge is stuck", Failed: true,
			Details: []rule.Detail{{Name: "service", Value: "Bridge"}, {Name: "urgency", Value: "high"}, {Name: "url", Value: "https://x.pagerduty.com/incidents/PGR0VU2"}},
		}
		change(&s)
		return Received{Reports: []rule.Seen{s}, id: "e-1"}
	}
	same := func(*rule.Seen) {}
	answer := func(fingerprint string, kind AnswerKind, note string) Received {
		return Received{Answers: []Answer{{Fingerprint: fingerprint, By: "Ada Lovelace (them)", Kind: kind, Note: note, At: occurred}}, id: "e-1"}
	}
	passed := func(why string) Received { return Received{Passed: why, id: "e-1"} }
	const nobody = "it was not a person who did that"
	external := rule.Fingerprint(rule.External, "", "them PGR0VU2")
	for name, c := range map[string]struct {
		body string
		want Received
	}{
		"ours is triggered":          {event("e-1", "incident.triggered", quoted(incidentOfOurs), "null", occurred), passed("it is about an alert that this program has told PagerDuty of")},
		"ours is reopened":           {event("e-1", "incident.reopened", quoted(incidentOfOurs), person, occurred), passed("it is about an alert that this program has told PagerDuty of")},
		"ours is acknowledged":       {event("e-1", "incident.acknowledged", quoted(incidentOfOurs), person, occurred), answer(keyOfOurs, Acknowledged, "")},
		"ours is resolved":           {event("e-1", "incident.resolved", quoted(incidentOfOurs), person, occurred), answer(keyOfOurs, Resolved, "the incident was resolved in PagerDuty")},
		"ours, by our integration":   {event("e-1", "incident.acknowledged", quoted(incidentOfOurs), `{"id": "P1", "type": "inbound_integration_reference", "summary": "Lockstep"}`, occurred), passed(nobody)},
		"ours ends after a while":    {event("e-1", "incident.resolved", quoted(incidentOfOurs), `{"id": "PF9KMXH", "type": "service_reference", "summary": "Bridge"}`, occurred), passed(nobody)},
		"ours, by nobody":            {event("e-1", "incident.acknowledged", quoted(incidentOfOurs), "null", occurred), passed(nobody)},
		"ours, by nobody in words":   {event("e-1", "incident.acknowledged", quoted(incidentOfOurs), `{"type": "user_reference", "summary": "\n"}`, occurred), passed(nobody)},
		"ours, annotated":            {event("e-1", "incident.annotated", quoted(incidentOfOurs), person, occurred), passed("nothing follows from incident.annotated")},
		"theirs is triggered":        {event("e-1", "incident.triggered", quoted(keyOfTheirs), "null", occurred), report(same)},
		"theirs is reopened":         {event("e-1", "incident.reopened", quoted(keyOfTheirs), person, occurred), report(same)},
		"theirs, without a key":      {event("e-1", "incident.triggered", "null", person, occurred), report(same)},
		"theirs, with another key":   {event("e-1", "incident.triggered", quoted(strings.ToUpper(incidentOfOurs)), person, occurred), report(same)},
		"theirs, by a fingerprint":   {event("e-1", "incident.acknowledged", quoted(keyOfOurs), person, occurred), answer(external, Acknowledged, "")},
		"theirs, of another project": {event("e-1", "incident.acknowledged", quoted("bridge/"+keyOfOurs), person, occurred), answer(external, Acknowledged, "")},
		"theirs, of another journal": {event("e-1", "incident.acknowledged", quoted("market/"+keyOfTheirs), person, occurred), answer(external, Acknowledged, "")},
		"theirs is not urgent":       {strings.Replace(event("e-1", "incident.triggered", "null", person, occurred), `"high"`, `"low"`, 1), report(func(s *rule.Seen) { s.Severity, s.Details[1].Value = rule.Info, "low" })},
		"theirs has no title":        {strings.Replace(event("e-1", "incident.triggered", "null", person, occurred), `"the bridge\nis stuck"`, `""`, 1), report(func(s *rule.Seen) { s.Summary = "incident PGR0VU2" })},
		"theirs is acknowledged":     {event("e-1", "incident.acknowledged", quoted(keyOfTheirs), person, occurred), answer(external, Acknowledged, "")},
		"theirs is resolved":         {event("e-1", "incident.resolved", quoted(keyOfTheirs), person, occurred), report(func(s *rule.Seen) { s.Failed = false })},
		"theirs ends after a while":  {event("e-1", "incident.resolved", quoted(keyOfTheirs), "null", occurred), report(func(s *rule.Seen) { s.Failed = false })},
		"a test":                     {`{"event": {"id": "e-1", "event_type": "pagey.ping", "resource_type": "pagey", "occurred_at": "2026-11-26T03:00:00Z", "agent": null, "data": {"type": "ping", "message": "Hello from your friend Pagey!"}}}`, passed("nothing follows from pagey.ping")},
		"a service":                  {`{"event": {"id": "e-1", "event_type": "service.updated", "occurred_at": "2026-11-26T03:00:00Z", "data": {"type": "service"}}}`, passed("nothing follows from service.updated")},
		"what is to come":            {`{"event": {"id": "e-1", "event_type": "incident.\u0007` + strings.Repeat("x", 99) + `", "occurred_at": "2026-11-26T03:00:00Z", "data": 7}}`, passed("nothing follows from incident. " + strings.Repeat("x", 47) + "...")},
		"old":                        {event("e-1", "incident.acknowledged", quoted(incidentOfOurs), person, at.Add(-pagerDutyAge-1)), Received{Passed: "it is about what happened more than 24h0m0s ago"}},
		"not so old":                 {event("e-1", "incident.triggered", "null", person, at.Add(-pagerDutyAge)), report(same)},
		"by another clock":           {event("e-1", "incident.triggered", "null", person, at.Add(pagerDutyAhead+time.Second)), Received{Passed: "it is about what is to happen, by the clock here: that one is wrong, or PagerDuty's is"}},
		"by a clock that is not far": {event("e-1", "incident.triggered", "null", person, at.Add(pagerDutyAhead)), report(same)},
	} {
		if diff := cmp.Diff(c.want, read(t, hook(t, KindPagerDuty), headers(), c.body, oursAlone), cmp.AllowUnexported(Received{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	configured := hook(t, KindPagerDuty, func(s *Spec) { s.Network, s.Severity = "optimism", rule.High })
	want := report(func(s *rule.Seen) { s.Network, s.ChainID, s.Severity = "optimism", 10, rule.High })
	if diff := cmp.Diff(want, read(t, configured, headers(), event("e-1", "incident.triggered", "null", person, occurred), oursAlone), cmp.AllowUnexported(Received{})); diff != "" {
		t.Errorf("with defaults (-want +got):\n%s", diff)
	}
	for name, body := range map[string]string{
		"nothing": "", "a list": "[]", "a text": `"x"`, "version 2": `{"messages": [{"event": "incident.trigger"}]}`,
		"no id":             event("", "incident.triggered", "null", person, occurred),
		"a long id":         event(strings.Repeat("x", maxID+1), "incident.triggered", "null", person, occurred),
		"no type":           event("e-1", "", "null", person, occurred),
		"no time":           `{"event": {"id": "e-1", "event_type": "pagey.ping"}}`,
		"a time in words":   `{"event": {"id": "e-1", "event_type": "pagey.ping", "occurred_at": "now"}}`,
		"no data":           `{"event": {"id": "e-1", "event_type": "incident.triggered", "occurred_at": "2026-11-26T03:00:00Z"}}`,
		"data of a service": `{"event": {"id": "e-1", "event_type": "incident.triggered", "occurred_at": "2026-11-26T03:00:00Z", "data": {"id": "P1", "type": "service"}}}`,
		"data in words":     `{"event": {"id": "e-1", "event_type": "incident.triggered", "occurred_at": "2026-11-26T03:00:00Z", "data": "P1"}}`,
		"data without id":   `{"event": {"id": "e-1", "event_type": "incident.triggered", "occurred_at": "2026-11-26T03:00:00Z", "data": {"type": "incident"}}}`,
		"large":             event("e-1", "incident.triggered", "null", person, occurred) + strings.Repeat(" ", maxBodies[KindPagerDuty]),
	} {
		_, err := hook(t, KindPagerDuty).Read(at, headers(), []byte(body), oursAlone)
		var e *UnreadableError
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// When it cannot be seen whether an incident is ours, nothing is said of it, and the same can be delivered again.
func TestPagerDutyWithoutTheJournal(t *testing.T) {
	h, away := hook(t, KindPagerDuty), errors.New("the journal is away")
	body := event("e-1", "incident.acknowledged", `"`+incidentOfOurs+`"`, person, at)
	if r, err := h.Read(at, headers(), []byte(body), func(string) (bool, error) { return false, away }); !errors.Is(err, away) || len(r.Answers)+len(r.Reports) > 0 {
		t.Fatal(r, err)
	}
	if r := read(t, h, headers(), body, oursAlone); len(r.Answers) != 1 {
		t.Errorf("%+v", r)
	}
	for _, later := range []time.Duration{0, time.Hour, pagerDutyAge} {
		r, err := h.Read(at.Add(later), headers(), []byte(body), oursAlone)
		if err != nil || r.Passed != "it was delivered before" {
			t.Errorf("after %s: %+v, %v", later, r, err)
		}
	}
}

// The rules raise one alert of an incident, which those who have the incident in hand answer, and which ends with it.
func TestIncidentBecomesAnAlert(t *testing.T) {
	h, e := hook(t, KindPagerDuty, func(s *Spec) { s.Network = "base" }), rule.New(nil)
	triggered := read(t, h, headers(), event("1", "incident.triggered", "null", person, at), none)
	changes := e.See(triggered.Reports[0])
	if len(changes) != 1 || changes[0].Turn != rule.Raised || changes[0].Alert.Rule != rule.External || changes[0].Alert.Severity != rule.Warning ||
		changes[0].Alert.Network != "base" || changes[0].Alert.ChainID != 8453 {
		t.Fatalf("%+v", changes)
	}
	acknowledged := read(t, h, headers(), event("2", "incident.acknowledged", "null", person, at), none)
	if got := acknowledged.Answers[0].Fingerprint; got != changes[0].Alert.Fingerprint {
		t.Errorf("the answer is to %s, the alert has %s", got, changes[0].Alert.Fingerprint)
	}
	resolved := read(t, h, headers(), event("3", "incident.resolved", "null", person, at), none)
	if changes := e.See(resolved.Reports[0]); len(changes) != 1 || changes[0].Turn != rule.Resolved || changes[0].Alert.Resolution != "them says that it is over" {
		t.Errorf("%+v", changes)
	}
}
