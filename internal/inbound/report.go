package inbound

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/document"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// reportBody is the format of people and scripts. It is our own, so a member that it does not have is a mistake.
type reportBody struct {
	ID       string            `json:"id"`
	Summary  string            `json:"summary"`
	Severity string            `json:"severity"`
	Network  string            `json:"network"`
	Details  map[string]string `json:"details"`
	State    string            `json:"state"`
}

func (h *Hook) report(now time.Time, body []byte) (r Received, err error) {
	var b reportBody
	if err := document.Read(body, &b); err != nil {
		return r, unreadable("the report is not as it should be: %w", err)
	}
	id, summary := line(b.ID, maxSubject), line(b.Summary, maxSummary)
	severity := h.Severity
	if b.Severity != "" {
		if severity, err = rule.ParseSeverity(b.Severity); err != nil {
			return r, unreadable("%w", err)
		}
	}
	network := b.Network
	if network == "" {
		network = h.Network
	} else if _, known := h.Networks[network]; !known {
		return r, unreadable("there is no network %.40q: known are %s", network, strings.Join(slices.Sorted(maps.Keys(h.Networks)), ", "))
	}
	switch {
	case b.State != "firing" && b.State != "resolved":
		return r, unreadable("state is %.40q, must be firing or resolved", b.State)
	case id != b.ID:
		return r, unreadable("id must be at most %d bytes of text on one line", maxSubject)
	case summary == "" && (b.State == "firing" || id == ""):
		return r, unreadable("summary is missing: say in a line what is wrong")
	case len(b.Details) > maxDetails:
		return r, unreadable("there are more than %d details", maxDetails)
	}
	if id == "" {
		id = summary
	}
	s := h.seen(now, network, id)
	s.Failed, s.Severity, s.Summary = b.State == "firing", severity, summary
	for _, name := range slices.Sorted(maps.Keys(b.Details)) {
		s.Details = details(s.Details, [2]string{name, b.Details[name]})
	}
	return Received{Reports: []rule.Seen{s}}, nil
}
