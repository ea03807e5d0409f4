package rule

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// Severity says how fast somebody must answer.
type Severity string

// The severities, the gravest first. Where others say medium it is a warning, and low is an info.
const (
	Critical Severity = "critical"
	High     Severity = "high"
	Warning  Severity = "warning"
	Info     Severity = "info"
)

// Severities lists them, the gravest first.
func Severities() []Severity { return []Severity{Critical, High, Warning, Info} }

// ParseSeverity reads a severity, also by the names that others use for it.
func ParseSeverity(text string) (Severity, error) {
	switch s := Severity(strings.ToLower(text)); s {
	case Critical, High, Warning, Info:
		return s, nil
	case "medium":
		return Warning, nil
	case "low":
		return Info, nil
	}
	return "", fmt.Errorf("severity is %q, must be critical, high, warning (or medium) or info (or low)", text)
}

// AtLeast tells whether a severity is as grave as another one.
func (s Severity) AtLeast(other Severity) bool { return s.rank() <= other.rank() }

func (s Severity) rank() int {
	for i, known := range Severities() {
		if s == known {
			return i
		}
	}
	return len(Severities())
}

// Action is what follows from an alert. Any other than these names the receivers that are told.
type Action string

// The actions that are not receivers.
const (
	ActPause   Action = "pause"   // the automatic pause
	ActCancel  Action = "cancel"  // the command that takes a pending root back is offered
	ActMetrics Action = "metrics" // it is counted, and nobody is told
	ActLog     Action = "log"     // it is in the log of the program as well
)

// Alert is something that a person, or the automatic pause, must see.
type Alert struct {
	Fingerprint string         `json:"fingerprint"` // 32 hex digits
	Rule        string         `json:"rule"`
	Severity    Severity       `json:"severity"`
	Network     string         `json:"network,omitempty"` // empty if it is about several
	ChainID     uint64         `json:"chainId,omitempty"`
	Contract    common.Address `json:"contract,omitzero"`
	Subject     string         `json:"subject"` // what it is about: a root, an account, an endpoint
	Summary     string         `json:"summary"` // one line
	Details     []Detail       `json:"details,omitempty"`
	Actions     []Action       `json:"actions"`
	Block       rollout.Block  `json:"block,omitzero"` // that showed it last
	Tx          common.Hash    `json:"tx,omitzero"`
	Endpoints   int            `json:"endpoints,omitempty"` // how many say so, of what several were asked
	Confirmed   bool           `json:"confirmed"`           // the block is final by the network's rule
	Count       int            `json:"count"`               // how often it was seen
	RaisedAt    int64          `json:"raisedAt"`            // unix seconds
	// RaisedAnewAt is when it was raised last, in unix seconds, if that was not the first time: it had become graver, or what was feared had happened.
	RaisedAnewAt int64  `json:"raisedAnewAt,omitempty"`
	SeenAt       int64  `json:"seenAt"` // last
	ResolvedAt   int64  `json:"resolvedAt,omitempty"`
	Resolution   string `json:"resolution,omitempty"` // why it is resolved
}

// Detail is a fact about an alert.
type Detail struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Record is an alert as it is kept, with what people have done about it.
type Record struct {
	ID int64 `json:"id"`
	Alert
	Level          int    `json:"level"`                    // of its escalation that was told
	AcknowledgedBy string `json:"acknowledgedBy,omitempty"` // empty while nobody has it in hand
	AcknowledgedAt int64  `json:"acknowledgedAt,omitempty"` // unix seconds
	Note           string `json:"note,omitempty"`           // of whoever acknowledged it
}

// Fires tells whether an alert is not resolved.
func (a Alert) Fires() bool { return a.ResolvedAt == 0 }

// LastRaised is when an alert was raised, or raised anew, in unix seconds.
func (a Alert) LastRaised() int64 { return max(a.RaisedAt, a.RaisedAnewAt) }

// Fingerprint identifies an alert while it fires.
func Fingerprint(rule, network, subject string) string {
	sum := sha256.Sum256([]byte(rule + "\x00" + network + "\x00" + subject))
	return hex.EncodeToString(sum[:16])
}

// Key identifies an alert, while it fires, where those of other projects are as well. What follows on Key(project, "") is the fingerprint.
func Key(project, fingerprint string) string {
	if len(project) > maxKeyed {
		project = strings.ToValidUTF8(project[:maxKeyed], "")
	}
	return project + "/" + fingerprint
}

// maxKeyed is how many bytes of a project are in keys, which others bound.
const maxKeyed = 200

// Turn is what has become of an alert.
type Turn string

// The turns. An alert that is seen again, and is graver now, is raised again.
const (
	Raised    Turn = "raised"
	Renewed   Turn = "renewed"
	Confirmed Turn = "confirmed" // the block that showed it is final
	Resolved  Turn = "resolved"
)

// Change is an alert with what has become of it.
type Change struct {
	Turn  Turn  `json:"turn"`
	Alert Alert `json:"alert"`
}
