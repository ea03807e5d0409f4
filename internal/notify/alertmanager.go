package notify

import (
	"context"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/notice"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// testLasts is how long a test fires.
const testLasts = time.Minute

// alertmanager posts alerts to an Alertmanager. What fires is posted again before Alertmanager takes it for resolved (resolve_timeout).
type alertmanager struct {
	*endpoint
	words *notice.Templates
}

func newAlertmanager(s Spec) (Sink, error) {
	e, err := newEndpoint(s.URL, s.Roots)
	if err != nil {
		return nil, err
	}
	return &alertmanager{e, s.Templates}, nil
}

type postedAlert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    string            `json:"startsAt"`
	EndsAt      string            `json:"endsAt,omitempty"`
}

func (a *alertmanager) Send(ctx context.Context, m notice.Message) error {
	var posted []postedAlert
	if m.Kind == notice.Test {
		words := a.words.Words(&m)
		posted = append(posted, postedAlert{
			Labels:      map[string]string{"alertname": "lockstep_test", "severity": string(rule.Info), "project": m.Project},
			Annotations: map[string]string{"summary": words.Title, "description": words.Text},
			StartsAt:    stamp(m.At), EndsAt: stamp(m.At + int64(testLasts/time.Second)),
		})
	}
	for _, part := range alertsOf(m) {
		if was := part.Was; was != "" && was != part.Alert.Severity { // to Alertmanager this is another alert, which has ended
			old := *part.Alert
			old.Severity = was
			ended := a.alert(notice.Message{Kind: notice.Resolved, Project: part.Project, Alert: &old}, part.At)
			posted = append(posted, ended)
		}
		posted = append(posted, a.alert(part, part.Alert.ResolvedAt))
	}
	body, err := marshal(posted)
	if err != nil {
		return refused("%v", err)
	}
	return a.post(ctx, a.path("api", "v2", "alerts"), "application/json", body, nil)
}

// alert is one as it is posted. One that is resolved has ended at a time.
func (a *alertmanager) alert(m notice.Message, ended int64) postedAlert {
	alert := m.Alert
	m.Attachments = nil // it takes none
	words := a.words.Words(&m)
	p := postedAlert{
		Labels: map[string]string{
			"alertname": alert.Rule, "severity": string(alert.Severity), "project": m.Project, "network": alert.Network, "subject": alert.Subject,
			"fingerprint": alert.Fingerprint,
		},
		Annotations: map[string]string{
			"summary": words.Title, "description": words.Text, "acknowledge": m.Acknowledge, "runbook_url": m.Runbook,
		},
		StartsAt: stamp(alert.RaisedAt),
	}
	if alert.Contract != (common.Address{}) {
		p.Labels["contract"] = alert.Contract.Hex()
	}
	for _, set := range []map[string]string{p.Labels, p.Annotations} {
		for name, value := range set {
			if value == "" { // to Alertmanager an empty label is none
				delete(set, name)
			}
		}
	}
	if m.Kind == notice.Resolved {
		if ended == 0 {
			ended = m.At
		}
		p.EndsAt = stamp(max(ended, alert.RaisedAt))
	}
	return p
}

func stamp(unix int64) string { return time.Unix(unix, 0).UTC().Format(time.RFC3339) }
