package inbound

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// Kind is whose format a hook takes.
type Kind string

// The kinds.
const (
	KindPagerDuty    Kind = "pagerduty"
	KindGrafana      Kind = "grafana"
	KindAlertmanager Kind = "alertmanager"
	KindReport       Kind = "report" // of people and scripts
)

// Kinds lists them.
func Kinds() []Kind { return []Kind{KindPagerDuty, KindGrafana, KindAlertmanager, KindReport} }

// Spec is a hook as it is configured.
type Spec struct {
	Name     string // which is the source of what it reports
	Project  string // whose alerts are ours
	Kind     Kind
	Secret   string // of signatures; empty if there are none
	Token    string // sent as a bearer token, or as the password of basic authentication; empty if there is none
	Severity rule.Severity
	Network  string            // of what does not say; empty if that is about none
	Networks map[string]uint64 // all that there are, with their chain ids
}

// Hook takes the deliveries of one webhook. It is safe for concurrent use.
type Hook struct {
	Spec
	key  []byte // of signatures
	past memory
}

// minCredential is how long a secret or a token must be, in bytes.
const minCredential = 16

// New checks how a hook is configured. No error holds a secret.
func New(s Spec) (*Hook, error) {
	h := &Hook{Spec: s, key: []byte(s.Secret), past: memory{keep: remember(s.Kind)}}
	wrong := func(format string, args ...any) (*Hook, error) {
		return nil, fmt.Errorf("inbound hook %s: %s", s.Name, fmt.Sprintf(format, args...))
	}
	_, known := s.Networks[s.Network]
	switch {
	case !slices.Contains(Kinds(), s.Kind):
		return wrong("%q is no type of one", s.Kind)
	case s.Secret == "" && s.Token == "":
		return wrong("it has neither a secret nor a token: give it one, so that nobody else can tell it anything")
	case s.Kind == KindPagerDuty && s.Secret == "":
		return wrong("it has no secret: give it the one of the webhook subscription, by which PagerDuty signs")
	case s.Kind == KindAlertmanager && s.Secret != "":
		return wrong("it has a secret, and Alertmanager signs nothing: give it a token")
	case s.Network != "" && !known:
		return wrong("there is no network %q", s.Network)
	case s.Token != "" && (len(s.Token) < minCredential || strings.ContainsFunc(s.Token, func(c rune) bool { return c <= ' ' || c > '~' })):
		return wrong("its token has fewer than %d characters, or some that a header cannot have: make one with openssl rand -hex 32", minCredential)
	}
	if s.Kind == KindReport {
		var err error
		if h.key, err = standardKey(s.Secret); err != nil {
			return wrong("%v", err)
		}
	}
	if s.Secret != "" && len(h.key) < minCredential {
		return wrong("its secret has fewer than %d bytes: make one with openssl rand -hex 32", minCredential)
	}
	return h, nil
}

// Received is what a delivery says.
type Received struct {
	Reports []rule.Seen
	Answers []Answer
	Passed  string // why nothing follows from it, or from some of it; empty if something follows from all of it

	id string
}

// Answer is that somebody outside has taken an alert of ours in hand.
type Answer struct {
	Fingerprint string
	By          string // who, and by what
	Kind        AnswerKind
	Note        string
	At          time.Time // when they did; what came before an alert was raised does not answer it
}

// AnswerKind is what somebody has done.
type AnswerKind string

// What counts as an answer. An alert of ours whose condition lasts fires on, whatever they say.
const (
	Acknowledged AnswerKind = "acknowledged"
	Resolved     AnswerKind = "resolved" // by a person, in the tool that called them
	Silenced     AnswerKind = "silenced"
)

// Ours tells whether there is, or was, an alert of ours with a fingerprint.
type Ours func(fingerprint string) (bool, error)

// UnreadableError says that a delivery by whoever may deliver is not as it should be.
type UnreadableError struct{ err error }

func (e *UnreadableError) Error() string { return e.err.Error() }

func (e *UnreadableError) Unwrap() error { return e.err }

func unreadable(format string, args ...any) error {
	return &UnreadableError{fmt.Errorf(format, args...)}
}

// maxBodies bounds what a delivery of a kind may have, in bytes. PagerDuty drops what has more than 256 KiB.
var maxBodies = map[Kind]int{KindPagerDuty: 256 << 10, KindGrafana: 1 << 20, KindAlertmanager: 1 << 20, KindReport: 64 << 10}

// Read reads a delivery that Verify has found to be good. One that was read before says nothing; see Forget. The error is an UnreadableError, or
// one of ours.
func (h *Hook) Read(now time.Time, header http.Header, body []byte, ours Ours) (r Received, err error) {
	if limit := maxBodies[h.Kind]; len(body) > limit {
		return r, unreadable("it has more than %d bytes", limit)
	}
	switch h.Kind {
	case KindPagerDuty:
		r, err = h.pagerDuty(now, body, ours)
	case KindGrafana:
		r, err = h.group(now, body)
		r.id = grafanaID(header)
	case KindAlertmanager:
		r, err = h.group(now, body)
	case KindReport:
		r, err = h.report(now, body)
		r.id = header.Get(headerID)
	}
	if err != nil {
		return Received{}, err
	}
	if !h.past.first(r.id, now) {
		return Received{Passed: "it was delivered before"}, nil
	}
	return r, nil
}

// Forget lets a delivery be delivered again, for what it says could not be kept.
func (h *Hook) Forget(r Received) { h.past.forget(r.id) }

// seen makes a report.
func (h *Hook) seen(now time.Time, network, subject string) rule.Seen {
	return rule.Seen{
		Sight: rule.SawReport, Network: network, ChainID: h.Networks[network], At: now.UnixMilli(), Source: h.Name, Subject: line(subject, maxSubject), Failed: true,
	}
}

// fingerprint is that of the alert that a report raises.
func fingerprint(s rule.Seen) string {
	return rule.Fingerprint(rule.External, s.Network, s.Source+" "+s.Subject)
}

// severity reads one in the words of others, or gives the one that is configured.
func (h *Hook) severity(text string) rule.Severity {
	switch strings.ToLower(text) {
	case "error":
		return rule.High
	case "warn":
		return rule.Warning
	}
	if s, err := rule.ParseSeverity(text); err == nil {
		return s
	}
	return h.Severity
}

var errUnsigned = errors.New("it has neither a signature nor a token that this hook knows")
