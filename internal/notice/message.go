package notice

import (
	"encoding/json"
	"fmt"

	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// Kind is what a message says of an alert.
type Kind string

// The kinds. The first four are the turns of an alert, by the same names.
const (
	Raised       = Kind(rule.Raised)
	Renewed      = Kind(rule.Renewed)
	Confirmed    = Kind(rule.Confirmed)
	Resolved     = Kind(rule.Resolved)
	Acknowledged = Kind("acknowledged")
	Escalated    = Kind("escalated")
	Summary      = Kind("summary") // of several messages that could not be sent one by one
	Test         = Kind("test")
)

// Message is what a sink is told.
type Message struct {
	ID      string `json:"id"` // the same whenever it is sent again
	Kind    Kind   `json:"kind"`
	At      int64  `json:"at"` // unix seconds
	Project string `json:"project"`
	// Alert is as it was at that time; nil in a summary or a test.
	Alert *rule.Alert `json:"alert,omitempty"`
	// Was is the severity of which the sink was told last, if it was another one. It is filled in when the message is sent.
	Was rule.Severity `json:"was,omitempty"`

	By       string   `json:"by,omitempty"`       // who has acknowledged it
	Level    int      `json:"level,omitempty"`    // to which it is escalated; 1 are those who were told first
	Advice   string   `json:"advice,omitempty"`   // what to do, in a sentence or two
	Commands []string `json:"commands,omitempty"` // command lines that help
	// Acknowledge is a URL by which whoever has it can acknowledge the alert.
	Acknowledge string       `json:"acknowledge,omitempty"`
	Runbook     string       `json:"runbook,omitempty"` // a URL
	Attachments []Attachment `json:"attachments,omitempty"`

	Parts []Message `json:"parts,omitempty"` // those that a summary stands for, in their order
}

// Attachment is a file.
type Attachment struct {
	Name string `json:"name"`
	Type string `json:"type"` // such as application/json
	Data []byte `json:"data"`
}

// Severity is the gravest one of what a message is about.
func (m *Message) Severity() rule.Severity {
	s := rule.Info
	if m.Alert != nil {
		s = m.Alert.Severity
	}
	for i := range m.Parts {
		if part := m.Parts[i].Severity(); part.AtLeast(s) {
			s = part
		}
	}
	return s
}

// Fingerprint is that of the alert; empty if it is not about one.
func (m *Message) Fingerprint() string {
	if m.Alert == nil {
		return ""
	}
	return m.Alert.Fingerprint
}

// Key identifies the alert where those of other projects are as well; empty if it is not about one.
func (m *Message) Key() string {
	if m.Alert == nil {
		return ""
	}
	return rule.Key(m.Project, m.Alert.Fingerprint)
}

// Fires tells whether the alert fires still.
func (m *Message) Fires() bool { return m.Alert != nil && m.Kind != Resolved }

// MaxBody bounds a message as it is queued, in bytes.
const MaxBody = 1 << 20

// Queue makes the rows of a message for the sinks that are to get it.
func Queue(m Message, sinks ...string) ([]Queued, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("write down message %s: %w", m.ID, err)
	}
	if len(body) > MaxBody {
		return nil, fmt.Errorf("message %s has %d bytes, at most %d can be sent: attach less", m.ID, len(body), MaxBody)
	}
	out := make([]Queued, len(sinks))
	for i, sink := range sinks {
		out[i] = Queued{ID: m.ID, Sink: sink, Fingerprint: m.Fingerprint(), Kind: m.Kind, Severity: m.Severity(), Body: body}
	}
	return out, nil
}

// Decode reads a message as Queue wrote it.
func Decode(body []byte) (m Message, err error) {
	if err := json.Unmarshal(body, &m); err != nil {
		return m, fmt.Errorf("read a message of the queue: %w", err)
	}
	return m, nil
}
