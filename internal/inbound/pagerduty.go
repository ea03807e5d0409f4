package inbound

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// An event of PagerDuty bears no time of its delivery, which is tried again for about 20 minutes, and later ones wait for it. What is older than
// this is taken for one that somebody sends again, and so is what is further ahead than this.
const (
	pagerDutyAge   = 24 * time.Hour
	pagerDutyAhead = 10 * time.Minute
)

// pagerDutyBody is a webhook of version 3.
type pagerDutyBody struct {
	Event struct {
		ID         string          `json:"id"`
		EventType  string          `json:"event_type"`
		OccurredAt time.Time       `json:"occurred_at"`
		Agent      pagerDutyRef    `json:"agent"`
		Data       json.RawMessage `json:"data"`
	} `json:"event"`
}

// pagerDutyRef refers to a user, a service or anything else.
type pagerDutyRef struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Summary string `json:"summary"`
}

type pagerDutyIncident struct {
	ID          string       `json:"id"`
	Type        string       `json:"type"`
	HTMLURL     string       `json:"html_url"`
	IncidentKey string       `json:"incident_key"`
	Title       string       `json:"title"`
	Urgency     string       `json:"urgency"`
	Service     pagerDutyRef `json:"service"`
	Priority    pagerDutyRef `json:"priority"`
}

// pagerDuty reads an event. Its incident is one of ours if its key, which is the dedup_key of the event that made it, is that of an alert of our
// project (rule.Key) which the journal knows: another installation may have a project of the same name.
func (h *Hook) pagerDuty(now time.Time, body []byte, ours Ours) (r Received, err error) {
	var b pagerDutyBody
	if err := json.Unmarshal(body, &b); err != nil {
		return r, unreadable("it is no webhook of PagerDuty in version 3: %w", err)
	}
	e := b.Event
	if e.ID == "" || len(e.ID) > maxID || e.EventType == "" || e.OccurredAt.IsZero() {
		return r, unreadable("it is no webhook of PagerDuty in version 3: it lacks event.id, event.event_type or event.occurred_at")
	}
	switch age := now.Sub(e.OccurredAt); {
	case age > pagerDutyAge:
		return Received{Passed: fmt.Sprintf("it is about what happened more than %s ago", pagerDutyAge)}, nil
	case age < -pagerDutyAhead:
		return Received{Passed: "it is about what is to happen, by the clock here: that one is wrong, or PagerDuty's is"}, nil
	}
	r.id = e.ID
	var in pagerDutyIncident
	switch e.EventType {
	case "incident.triggered", "incident.reopened", "incident.acknowledged", "incident.resolved":
	default: // of a test, a service, or what changes nothing about who has it in hand
		r.Passed = "nothing follows from " + line(e.EventType, maxName)
		return r, nil
	}
	if err := json.Unmarshal(e.Data, &in); err != nil || line(in.ID, maxSubject) == "" || in.Type != "incident" {
		return r, unreadable("event.data of %s is no incident with an id", line(e.EventType, maxName))
	}
	of, mine := strings.CutPrefix(in.IncidentKey, rule.Key(h.Project, ""))
	if mine = mine && isFingerprint(of); mine {
		if mine, err = ours(of); err != nil {
			return r, err
		}
	}
	s := h.incident(now, in)
	if !mine {
		of = fingerprint(s)
	}
	switch e.EventType {
	case "incident.triggered", "incident.reopened":
		if mine {
			r.Passed = "it is about an alert that this program has told PagerDuty of"
			return r, nil
		}
		r.Reports = append(r.Reports, s)
	case "incident.acknowledged":
		r.answer(h.by(e.Agent), Answer{Fingerprint: of, Kind: Acknowledged, At: e.OccurredAt})
	case "incident.resolved":
		if mine {
			r.answer(h.by(e.Agent), Answer{Fingerprint: of, Kind: Resolved, At: e.OccurredAt, Note: "the incident was resolved in PagerDuty"})
			break
		}
		s.Failed = false
		r.Reports = append(r.Reports, s)
	}
	return r, nil
}

// answer adds an answer, if it is by somebody. What an integration does, which may be our own that tells PagerDuty what has become of an alert,
// or a service whose incidents end after a while, answers nothing.
func (r *Received) answer(by string, a Answer) {
	if a.By = by; by == "" {
		r.Passed = "it was not a person who did that"
		return
	}
	r.Answers = append(r.Answers, a)
}

// by is who has done something; empty if it was no person.
func (h *Hook) by(agent pagerDutyRef) string {
	if agent.Type != "user_reference" && agent.Type != "user" {
		return ""
	}
	name := line(agent.Summary, maxBy)
	if name == "" {
		name = line(agent.ID, maxBy)
	}
	if name == "" {
		return ""
	}
	return fmt.Sprintf("%s (%s)", name, h.Name)
}

func (h *Hook) incident(now time.Time, in pagerDutyIncident) rule.Seen {
	s := h.seen(now, h.Network, in.ID)
	if s.Severity = h.Severity; in.Urgency == "low" {
		s.Severity = rule.Info
	}
	if s.Summary = line(in.Title, maxSummary); s.Summary == "" {
		s.Summary = "incident " + s.Subject
	}
	s.Details = details(nil, [2]string{"service", in.Service.Summary}, [2]string{"urgency", in.Urgency}, [2]string{"priority", in.Priority.Summary}, [2]string{"url", in.HTMLURL})
	return s
}

// isFingerprint tells whether a text looks like the fingerprint of an alert.
func isFingerprint(text string) bool {
	return len(text) == 32 && strings.Trim(text, "0123456789abcdef") == ""
}
