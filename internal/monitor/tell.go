package monitor

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/notice"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// Telling says who is told, and of what besides the alert.
type Telling struct {
	Project   string
	Journal   common.Hash         // tells this journal from any other, of the same project too
	Receivers map[string][]string // names of sinks
	// BaseURL is where this daemon is reached by whoever gets a message; without it messages have no links.
	BaseURL     string
	Escalations map[rule.Severity]rule.Escalation
	// Silenced tells whether nothing is to follow from an alert now; nil if everything is.
	Silenced func(rule.Alert) bool
}

// Tell makes the messages about what has become of an alert. It is a notice.Teller.
func (x Telling) Tell(kind notice.Kind, r rule.Record, to []rule.Action) (t notice.Telling, err error) {
	switch kind {
	case notice.Raised, notice.Escalated:
		if x.Silenced != nil && x.Silenced(r.Alert) {
			return t, nil
		}
	case notice.Resolved, notice.Acknowledged:
	default:
		return t, nil
	}
	if len(to) == 0 {
		to = x.told(r)
	}
	var sinks []string // that get it already
	for _, receiver := range to {
		var new []string
		for _, sink := range x.Receivers[string(receiver)] {
			if !slices.Contains(sinks, sink) {
				new = append(new, sink)
			}
		}
		if len(new) == 0 {
			continue
		}
		sinks = append(sinks, new...)
		msg := x.message(kind, r)
		if x.BaseURL != "" && r.AcknowledgedAt == 0 && r.Fires() {
			secret, hash := newSecret()
			msg.Acknowledge = x.BaseURL + AcknowledgePath + secret
			t.Links = append(t.Links, notice.Link{Hash: hash, Receiver: string(receiver)})
		}
		queued, err := notice.Queue(msg, new...)
		if err != nil {
			return notice.Telling{}, err
		}
		t.Queued = append(t.Queued, queued...)
	}
	return t, nil
}

// Attach tells those who were told of an alert of a file that helps, if it fires and nobody has it in hand.
func (m *Monitor) Attach(ctx context.Context, fingerprint string, file notice.Attachment, advice string, commands ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, fires := m.firing[fingerprint]
	if !fires || m.silenced(r.Alert, time.Now()) {
		return nil
	}
	return m.add(ctx, r, file.Name, notice.Message{Advice: advice, Commands: commands, Attachments: []notice.Attachment{file}})
}

// Follow tells those who were told of an alert of what has followed from it, which key tells from the rest. It may be over by now.
func (m *Monitor) Follow(ctx context.Context, r rule.Record, key, advice string, commands ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.silenced(r.Alert, time.Now()) {
		return nil
	}
	return m.add(ctx, r, key, notice.Message{Advice: advice, Commands: commands})
}

// add queues another message about an alert.
func (m *Monitor) add(ctx context.Context, r rule.Record, key string, more notice.Message) error {
	x := m.cfg.Telling
	msg := x.message(notice.Renewed, r)
	msg.ID = x.id(notice.Renewed, r, key)
	msg.Advice, msg.Commands, msg.Attachments = more.Advice, more.Commands, more.Attachments
	var sinks []string
	for _, receiver := range x.told(r) {
		for _, sink := range x.Receivers[string(receiver)] {
			if !slices.Contains(sinks, sink) {
				sinks = append(sinks, sink)
			}
		}
	}
	queued, err := notice.Queue(msg, sinks...)
	if err != nil {
		return err
	}
	return m.cfg.Journal.EnqueueNotices(ctx, queued...)
}

// AcknowledgePath is before the secret in a link.
const AcknowledgePath = "/alerts/ack/"

// newSecret makes what a link ends with, and what is kept of it.
func newSecret() (secret string, hash common.Hash) {
	var b [32]byte
	_, _ = rand.Read(b[:]) // it never fails
	secret = base64.RawURLEncoding.EncodeToString(b[:])
	return secret, sha256.Sum256([]byte(secret))
}

// told are those who were told of an alert: those whom its rule names, and those of the levels that it came to.
func (x Telling) told(r rule.Record) []rule.Action {
	out := r.Receivers()
	for i, l := range x.Escalations[r.Severity].Levels {
		for _, a := range l.Notify {
			if i < r.Level && !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
	}
	return out
}

func (x Telling) message(kind notice.Kind, r rule.Record) notice.Message {
	a := r.Alert
	msg := notice.Message{
		ID: x.id(kind, r, ""), Kind: kind, At: time.Now().Unix(), Project: x.Project, Alert: &a, By: r.AcknowledgedBy, Level: r.Level,
	}
	if kind == notice.Raised || kind == notice.Escalated {
		d, _ := rule.Define(r.Rule)
		msg.Advice = d.Runbook
		msg.Commands = commands(r)
	}
	return msg
}

// id is what a message has as its own: the same whenever it is written again, and another one when an alert is raised or escalated again, or is of
// another journal. more tells messages apart of which there can be several of a kind.
func (x Telling) id(kind notice.Kind, r rule.Record, more string) string {
	sum := sha256.New()
	for _, part := range []any{x.Project, x.Journal, r.ID, r.RaisedAt, r.RaisedAnewAt, kind, r.Severity, r.Level, more} {
		_, _ = fmt.Fprintf(sum, "%v\x00", part) // it never fails
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

// commands are lines that help whoever answers an alert.
func commands(r rule.Record) []string {
	var out []string
	on := ""
	if r.Network != "" {
		on = " --network " + r.Network
	}
	if r.Has(rule.ActCancel) {
		out = append(out, "lockstep cancel"+on)
	}
	if r.Has(rule.ActPause) {
		out = append(out, "lockstep pause"+on)
	}
	return append(out, fmt.Sprintf("lockstep alert show %d", r.ID), fmt.Sprintf("lockstep alert ack %d", r.ID))
}
