package notice

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// View is what a template can show. All of it is text, or a list of texts, so that no template does much.
type View struct {
	Kind        string // raised, renewed, confirmed, resolved, acknowledged, escalated or test
	What        string // what has happened, in words: "Escalated to level 2"
	Project     string
	Severity    string
	Network     string // empty if it is about several
	ChainID     string
	Rule        string
	Subject     string
	Summary     string
	Contract    string
	Block       string // with whether it is final
	Tx          string
	Since       string // when it was raised
	Seen        string // when it was seen last, and how often; empty if it was seen once
	Resolution  string // why it is resolved
	Fingerprint string
	By          string // who has acknowledged it
	Level       string // to which it is escalated
	Advice      string // what to do
	Acknowledge string // a URL
	Runbook     string // a URL
	Details     []rule.Detail
	Commands    []string
	Attachments []string // their names and sizes
	Parts       []string // of a summary, a line each
}

// Words are a message as people read it.
type Words struct {
	Title string // one line
	Text  string
}

const (
	defaultTitle = `{{.What}}{{with .Network}} on {{.}}{{end}}: {{.Summary}}`
	defaultText  = `{{with .Severity}}Severity: {{.}}
{{end}}{{with .Network}}Network: {{.}}{{with $.ChainID}} (chain id {{.}}){{end}}
{{end}}{{with .Rule}}Rule: {{.}}
{{end}}{{with .Subject}}About: {{.}}
{{end}}{{with .Contract}}Contract: {{.}}
{{end}}{{with .Since}}Since: {{.}}
{{end}}{{with .Seen}}Seen: {{.}}
{{end}}{{with .Block}}Block: {{.}}
{{end}}{{with .Tx}}Transaction: {{.}}
{{end}}{{range .Details}}- {{.Name}}: {{.Value}}
{{end}}{{with .Resolution}}Resolved: {{.}}
{{end}}{{with .By}}Acknowledged by: {{.}}
{{end}}{{with .Advice}}What to do: {{.}}
{{end}}{{range .Commands}}  {{.}}
{{end}}{{range .Attachments}}Attached: {{.}}
{{end}}{{with .Runbook}}Runbook: {{.}}
{{end}}{{with .Acknowledge}}Acknowledge: {{.}}
{{end}}{{range .Parts}}{{.}}
{{end}}{{with .Fingerprint}}Alert: {{.}}
{{end}}`
)

// when writes a time.
func when(unix int64) string { return time.Unix(unix, 0).UTC().Format("2006-01-02 15:04:05 UTC") }

// what says in words what has happened.
func what(m *Message) string {
	grave := strings.ToUpper(string(m.Severity()))
	switch m.Kind {
	case Raised:
		return grave
	case Renewed:
		return "Still " + grave
	case Confirmed:
		return grave + ", and final"
	case Resolved:
		return "Resolved"
	case Acknowledged:
		if m.By == "" {
			return "Acknowledged"
		}
		return "Acknowledged by " + m.By
	case Escalated:
		return fmt.Sprintf("Escalated to level %d, %s", m.Level, grave)
	case Summary:
		return grave
	case Test:
		return "Test"
	}
	return string(m.Kind)
}

func view(m *Message) View {
	v := View{
		Kind: string(m.Kind), What: what(m), Project: m.Project, By: m.By, Advice: m.Advice, Acknowledge: m.Acknowledge, Runbook: m.Runbook,
		Commands: m.Commands, Severity: string(m.Severity()),
	}
	if m.Level > 0 {
		v.Level = fmt.Sprint(m.Level)
	}
	for _, a := range m.Attachments {
		v.Attachments = append(v.Attachments, fmt.Sprintf("%s (%d bytes)", a.Name, len(a.Data)))
	}
	switch {
	case m.Alert != nil:
		alertView(&v, m)
	case m.Kind == Summary:
		v.Summary, v.Parts = together(m)
	default:
		v.Severity, v.Summary = "", "this is a test message of Lockstep, and nothing has happened"
		v.Since = when(m.At)
	}
	return v
}

// bare is a view in which no value makes lines of its own, which could pass for something that it is not.
func (v View) bare() View {
	for _, text := range []*string{
		&v.Project, &v.Network, &v.Rule, &v.Subject, &v.Summary, &v.Resolution, &v.Fingerprint, &v.By, &v.Advice, &v.Acknowledge, &v.Runbook, &v.What,
	} {
		*text = oneLine(*text)
	}
	details := make([]rule.Detail, len(v.Details))
	for i, d := range v.Details {
		details[i] = rule.Detail{Name: oneLine(d.Name), Value: oneLine(d.Value)}
	}
	v.Details = details
	for _, list := range []*[]string{&v.Commands, &v.Attachments, &v.Parts} {
		lines := make([]string, len(*list))
		for i, line := range *list {
			lines[i] = oneLine(line)
		}
		*list = lines
	}
	return v
}

func alertView(v *View, m *Message) {
	a := m.Alert
	v.Network, v.Rule, v.Subject, v.Summary, v.Fingerprint, v.Details = a.Network, a.Rule, a.Subject, a.Summary, a.Fingerprint, a.Details
	if a.ChainID != 0 {
		v.ChainID = fmt.Sprint(a.ChainID)
	}
	if a.Contract != (common.Address{}) {
		v.Contract = a.Contract.Hex()
	}
	if a.Tx != (common.Hash{}) {
		v.Tx = a.Tx.Hex()
	}
	if a.Block != (rollout.Block{}) {
		final := "not final yet"
		if a.Confirmed {
			final = "final"
		}
		v.Block = fmt.Sprintf("%d, %s", a.Block.Number, final)
	}
	v.Since = when(a.RaisedAt)
	if a.Count > 1 {
		v.Seen = fmt.Sprintf("%d times, last %s", a.Count, when(a.SeenAt))
	}
	if m.Kind == Resolved {
		v.Resolution = a.Resolution
		if a.ResolvedAt != 0 {
			v.Resolution = strings.TrimSuffix(when(a.ResolvedAt)+", "+a.Resolution, ", ")
		}
	}
}

// groupKey is what the messages of a summary are counted by.
type groupKey struct {
	severity      rule.Severity
	kind          Kind
	rule, network string
}

// together says in a line, and in one for each group, what a summary stands for. Each alert is named.
func together(m *Message) (summary string, lines []string) {
	var keys []groupKey
	alerts, all := map[groupKey][]string{}, map[string]bool{}
	counts := map[groupKey]int{}
	for i := range m.Parts {
		p := &m.Parts[i]
		k := groupKey{severity: p.Severity(), kind: p.Kind}
		if p.Alert != nil {
			k.rule, k.network = p.Alert.Rule, p.Alert.Network
			all[p.Alert.Fingerprint] = true
			if !slices.Contains(alerts[k], p.Alert.Fingerprint) {
				alerts[k] = append(alerts[k], p.Alert.Fingerprint)
			}
		}
		if counts[k] == 0 {
			keys = append(keys, k)
		}
		counts[k]++
	}
	slices.SortStableFunc(keys, func(a, b groupKey) int {
		return slices.Index(rule.Severities(), a.severity) - slices.Index(rule.Severities(), b.severity)
	})
	if len(m.Parts) > 0 {
		first, last := &m.Parts[0], &m.Parts[len(m.Parts)-1]
		lines = append(lines, "First: "+when(first.At)+", "+brief(first), "Last: "+when(last.At)+", "+brief(last))
	}
	for _, k := range keys {
		line := fmt.Sprintf("%d %s, %s", counts[k], k.kind, k.severity)
		if k.rule != "" {
			line += ", " + k.rule
		}
		if k.network != "" {
			line += " on " + k.network
		}
		if names := alerts[k]; len(names) > 0 {
			line += ": " + strings.Join(names, " ")
		}
		lines = append(lines, line)
	}
	return fmt.Sprintf("%d messages about %d alerts, which were too many to be sent one by one", len(m.Parts), len(all)), lines
}

func brief(m *Message) string {
	v := view(m)
	on := ""
	if v.Network != "" {
		on = " on " + v.Network
	}
	return v.What + on + ": " + v.Summary
}
