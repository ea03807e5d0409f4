package inbound

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// maxAlerts bounds how many alerts of a delivery are read.
const maxAlerts = 500

// groupBody is what Alertmanager, and after it Grafana, send: the alerts of a group.
type groupBody struct {
	Version         string       `json:"version"`
	Alerts          []groupAlert `json:"alerts"`
	TruncatedAlerts int64        `json:"truncatedAlerts"`
}

type groupAlert struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"` // of its labels
}

// group reads the alerts of a group. Those that this program, wherever it runs, has given to Alertmanager are not reported back: two of them would
// go on to tell each other.
func (h *Hook) group(now time.Time, body []byte) (r Received, err error) {
	var b groupBody
	if err := json.Unmarshal(body, &b); err != nil {
		return r, unreadable("it is no webhook of %s: %w", h.Kind, err)
	}
	switch {
	case h.Kind == KindAlertmanager && b.Version != "4":
		return r, unreadable("it is no webhook of Alertmanager in version 4: its version is %q", line(b.Version, maxName))
	case b.Alerts == nil:
		return r, unreadable("it is no webhook of %s: it has no alerts", h.Kind)
	}
	passed := max(b.TruncatedAlerts, 0)
	for i, a := range b.Alerts {
		if a.Status != "firing" && a.Status != "resolved" || line(a.Fingerprint, maxSubject) == "" {
			return Received{}, unreadable("alerts[%d] has no fingerprint, or its status is neither firing nor resolved", i)
		}
		switch {
		case i >= maxAlerts:
			passed++
		case isOwn(a):
			r.Passed = "some are of this program"
		case h.Kind == KindGrafana && a.Labels["alertname"] == "TestAlert" && a.Labels["instance"] == "Grafana":
			r.Passed = "it is a test of the contact point"
		default:
			r.Reports = append(r.Reports, h.grouped(now, a))
		}
	}
	if passed > 0 {
		r.Passed = fmt.Sprintf("%d alerts of the group are too many, and were left out", passed)
	}
	return r, nil
}

// isOwn tells whether an alert has the labels with which this program gives its own to Alertmanager.
func isOwn(a groupAlert) bool {
	_, known := rule.Define(a.Labels["alertname"])
	return known && isFingerprint(a.Labels["fingerprint"])
}

func (h *Hook) grouped(now time.Time, a groupAlert) rule.Seen {
	network := h.Network
	if _, known := h.Networks[a.Labels["network"]]; known {
		network = a.Labels["network"]
	}
	s := h.seen(now, network, a.Fingerprint)
	s.Failed, s.Severity = a.Status == "firing", h.severity(a.Labels["severity"])
	for _, text := range []string{a.Annotations["summary"], a.Annotations["title"], a.Annotations["description"], a.Annotations["message"], a.Labels["alertname"]} {
		if s.Summary == "" {
			s.Summary = line(text, maxSummary)
		}
	}
	if s.Summary == "" {
		s.Summary = "alert " + s.Subject
	}
	s.Details = details(nil, [2]string{"alertname", a.Labels["alertname"]}, [2]string{"description", a.Annotations["description"]},
		[2]string{"runbook_url", a.Annotations["runbook_url"]}, [2]string{"url", a.GeneratorURL})
	for _, name := range slices.Sorted(maps.Keys(a.Labels)) {
		if name != "alertname" && name != "severity" {
			s.Details = details(s.Details, [2]string{name, a.Labels[name]})
		}
	}
	return s
}
