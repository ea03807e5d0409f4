package notify

import (
	"context"
	"net/url"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/seed-b6a97670/lockstep/internal/notice"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// pagerDutyEvents is where PagerDuty takes events in version 2, outside of its EU region.
const pagerDutyEvents = "https://events.pagerduty.com/v2/enqueue"

const (
	pagerDutySummary = 1000    // of 1024 characters
	pagerDutyInline  = 8 << 10 // bytes of an attachment that is given in the event
)

// pagerDuty posts events of version 2.
type pagerDuty struct {
	*endpoint
	to    *url.URL
	key   string
	words *notice.Templates
}

func newPagerDuty(s Spec) (Sink, error) {
	if s.URL == "" {
		s.URL = pagerDutyEvents
	}
	e, err := newEndpoint(s.URL, s.Roots, s.Key)
	if err != nil {
		return nil, err
	}
	to := e.url
	if to.Path == "" || to.Path == "/" {
		to = e.path("v2", "enqueue")
	}
	return &pagerDuty{e, to, s.Key, s.Templates}, nil
}

type pagerDutyEvent struct {
	RoutingKey  string            `json:"routing_key"`
	EventAction string            `json:"event_action"`
	DedupKey    string            `json:"dedup_key"`
	Client      string            `json:"client,omitempty"`
	Payload     *pagerDutyPayload `json:"payload,omitempty"`
	Links       []pagerDutyLink   `json:"links,omitempty"`
}

type pagerDutyPayload struct {
	Summary   string           `json:"summary"`
	Source    string           `json:"source"`
	Severity  string           `json:"severity"`
	Timestamp string           `json:"timestamp"`
	Component string           `json:"component,omitempty"`
	Group     string           `json:"group,omitempty"`
	Class     string           `json:"class,omitempty"`
	Details   pagerDutyDetails `json:"custom_details"`
}

type pagerDutyDetails struct {
	Text     string            `json:"text"`
	Alert    *rule.Alert       `json:"alert,omitempty"`
	Commands []string          `json:"commands,omitempty"`
	Files    map[string]string `json:"files,omitempty"`
}

type pagerDutyLink struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

// pagerDutySeverities are its words for ours.
var pagerDutySeverities = map[rule.Severity]string{rule.Critical: "critical", rule.High: "error", rule.Warning: "warning", rule.Info: "info"}

func (p *pagerDuty) Send(ctx context.Context, m notice.Message) error {
	e := pagerDutyEvent{RoutingKey: p.key, DedupKey: m.Key()}
	switch m.Kind {
	case notice.Acknowledged:
		e.EventAction = "acknowledge"
	case notice.Resolved:
		e.EventAction = "resolve"
	case notice.Test:
		e.EventAction, e.DedupKey = "trigger", "lockstep-test-"+m.Project
		p.describe(&e, m, m.At)
	default:
		e.EventAction = "trigger"
		if m.Alert == nil {
			return refused("it takes events of alerts, and message %s is about none", m.ID)
		}
		p.describe(&e, m, m.Alert.RaisedAt)
		e.Payload.Class, e.Payload.Details.Alert = m.Alert.Rule, m.Alert
		if m.Alert.Network != "" {
			e.Payload.Source = m.Alert.Network
		}
		if m.Alert.Contract.Cmp([20]byte{}) != 0 {
			e.Payload.Component = m.Alert.Contract.Hex()
		}
	}
	body, err := marshal(e)
	if err != nil {
		return refused("%v", err)
	}
	return p.post(ctx, p.to, "application/json", body, nil)
}

// describe fills in what an event that triggers needs.
func (p *pagerDuty) describe(e *pagerDutyEvent, m notice.Message, at int64) {
	bare, links := linksOf(&m)
	files := map[string]string{}
	bare.Attachments = slices.DeleteFunc(slices.Clone(m.Attachments), func(a notice.Attachment) bool {
		return len(a.Data) > pagerDutyInline || !utf8.Valid(a.Data)
	})
	for _, a := range bare.Attachments {
		files[a.Name] = string(a.Data)
	}
	words := p.words.Words(&bare)
	e.Client = "Lockstep"
	e.Payload = &pagerDutyPayload{
		Summary: notice.Cut(words.Title, pagerDutySummary), Source: m.Project, Severity: pagerDutySeverities[m.Severity()],
		Timestamp: time.Unix(at, 0).UTC().Format(time.RFC3339), Group: m.Project, Details: pagerDutyDetails{Text: words.Text, Commands: m.Commands, Files: files},
	}
	for _, l := range links {
		e.Links = append(e.Links, pagerDutyLink{l.url, l.name})
	}
}
