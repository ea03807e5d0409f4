package notify

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/notice"
)

// The types of sinks.
const (
	TypeWebhook      = "webhook"
	TypeSlack        = "slack"
	TypeDiscord      = "discord"
	TypePagerDuty    = "pagerduty"
	TypeAlertmanager = "alertmanager"
	TypeEmail        = "email"
)

// Sink is told messages. An error is an *Error, or may be tried again.
type Sink interface {
	Send(ctx context.Context, m notice.Message) error
}

// Spec describes a sink, with its secrets.
type Spec struct {
	Name string
	Type string
	URL  string // of all but e-mail; empty for PagerDuty's own

	Secret   string // of a webhook: requests are signed if it has one
	Key      string // of PagerDuty: the routing key of an integration
	Server   string // of e-mail: host and port
	From     string
	To       []string
	User     string
	Password string

	PerMinute int           // messages, those of critical alerts not counted
	MaxAge    time.Duration // after which a message that is not critical is given up
	Renew     time.Duration // of Alertmanager: between renewals
	Templates *notice.Templates

	Roots *x509.CertPool // certificates that are trusted; nil for those of the machine
}

// Outlet is a sink with how it is served.
type Outlet struct {
	Name  string
	Type  string
	Sink  Sink
	Terms notice.Terms
	Renew time.Duration // between renewals; 0 if it needs none
}

// New makes a sink.
func New(s Spec) (*Outlet, error) {
	o := &Outlet{
		Name: s.Name, Type: s.Type, Renew: s.Renew,
		Terms: notice.Terms{Sink: s.Name, PerMinute: s.PerMinute, MaxAge: s.MaxAge.Milliseconds(), Together: true, Most: inHand, Urgent: urgentInHand},
	}
	if s.Templates == nil {
		var err error
		if s.Templates, err = notice.ParseTemplates("", ""); err != nil {
			return nil, err
		}
	}
	var err error
	switch s.Type {
	case TypeWebhook:
		o.Sink, err = newWebhook(s)
	case TypeSlack:
		o.Sink, err = newSlack(s)
	case TypeDiscord:
		o.Sink, err = newDiscord(s)
	case TypePagerDuty:
		o.Sink, err = newPagerDuty(s)
		o.Terms.Together = false // it has one incident for each alert
	case TypeAlertmanager:
		o.Sink, err = newAlertmanager(s)
		o.Terms.Renews = true
	case TypeEmail:
		o.Sink, err = newEmail(s)
	default:
		err = fmt.Errorf("its type is %q, known are %v", s.Type, Types())
	}
	if err != nil {
		return nil, fmt.Errorf("sink %s: %w", s.Name, err)
	}
	return o, nil
}

// Types lists the types of sinks.
func Types() []string {
	return []string{TypeAlertmanager, TypeDiscord, TypeEmail, TypePagerDuty, TypeSlack, TypeWebhook}
}

func encode(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// link is a URL with what it is called.
type link struct{ name, url string }

// linksOf takes the links out of a message, for sinks that show them in their own way.
func linksOf(m *notice.Message) (bare notice.Message, links []link) {
	bare = *m
	for _, l := range []link{{"Acknowledge", m.Acknowledge}, {"Runbook", m.Runbook}} {
		if l.url != "" {
			links = append(links, l)
		}
	}
	bare.Acknowledge, bare.Runbook = "", ""
	return bare, links
}

// alertsOf are the messages about one alert each that a message stands for.
func alertsOf(m notice.Message) []notice.Message {
	parts := []notice.Message{m}
	if m.Kind == notice.Summary {
		parts = m.Parts
	}
	return slices.DeleteFunc(slices.Clone(parts), func(p notice.Message) bool { return p.Alert == nil })
}
