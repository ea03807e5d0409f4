package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// Bounds of the times of rules and escalations.
const (
	longestWindow   = 90 * 24 * time.Hour
	longestResponse = 30 * 24 * time.Hour
)

// receivers are the names by which rules and escalations can tell somebody.
type receivers struct {
	names []string
	told  bool // there is a sink: what names them is sent somewhere
}

// receiverNames reads the names alone: what they stand for is read with the sinks.
func (r *reader) receiverNames(s section) receivers {
	var out receivers
	if n := s.get("receivers"); n != nil && n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			out.names = append(out.names, n.Content[i].Value)
		}
	}
	n := s.get("sinks")
	out.told = n != nil && len(n.Content) > 0
	return out
}

// has tells whether a name may be used. While there is no sink nobody is told anything, and those whom rules name by default need not be defined.
func (who receivers) has(name string) bool {
	usual := name == string(rule.Ops) || name == string(rule.Security)
	return slices.Contains(who.names, name) || usual && !who.told
}

func (who receivers) list() string {
	if len(who.names) == 0 {
		return "none is defined there"
	}
	return "defined are " + strings.Join(who.names, ", ")
}

// rules reads the settings of rules.
func (r *reader) rules(s section, who receivers) map[string]rule.Settings {
	out := rule.Defaults()
	all := r.section(s.get("rules"), s.at("rules"), slices.Sorted(maps.Keys(out))...)
	for _, d := range rule.Definitions() {
		n := all.get(d.Name)
		if n == nil {
			continue
		}
		one := r.section(n, all.at(d.Name), "severity", "threshold", "window", "actions", "off")
		set := out[d.Name]
		set.Off = one.boolean("off")
		if n := one.get("severity"); n != nil {
			set.Severity = r.severity(n, one.at("severity"), set.Severity)
		}
		if n := one.get("threshold"); n != nil {
			set.Threshold = r.threshold(n, one.at("threshold"), d)
		}
		if n := one.get("window"); n != nil && d.Over == "" {
			r.problem(n, "%s: %s has no window, it fires while what it sees lasts: remove it", one.at("window"), d.Name)
		} else {
			def := time.Duration(set.Window) * time.Second
			set.Window = int64(one.duration("window", def, time.Second, longestWindow) / time.Second)
		}
		if n := one.keys["actions"]; n != nil {
			set.Actions = r.actions(one, d, who)
		}
		out[d.Name] = set
	}
	return out
}

func (r *reader) severity(n *yaml.Node, path string, def rule.Severity) rule.Severity {
	got, err := rule.ParseSeverity(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil {
		r.problem(n, "%s is %q, must be critical, high, warning (or medium) or info (or low)", path, n.Value)
		return def
	}
	return got
}

// threshold reads a number in the unit of a rule; seconds may be written as a time, too.
func (r *reader) threshold(n *yaml.Node, path string, d rule.Definition) float64 {
	if d.Unit == "" {
		r.problem(n, "%s: %s has no threshold: remove it", path, d.Name)
		return 0
	}
	v, err := strconv.ParseFloat(n.Value, 64)
	if at, timeErr := time.ParseDuration(n.Value); timeErr == nil && d.Unit == rule.UnitSeconds {
		v, err = at.Seconds(), nil
	}
	if n.Kind != yaml.ScalarNode || err != nil {
		r.problem(n, "%s is %q, must be a number (%s)", path, n.Value, d.Unit)
		return 0
	}
	if err := d.CheckThreshold(v); err != nil {
		r.problem(n, "%s is %q, %v", path, n.Value, err)
	}
	return v
}

// actions reads what follows from a rule: actions of the program, and receivers.
func (r *reader) actions(s section, d rule.Definition, who receivers) []rule.Action {
	path := s.at("actions")
	var out []rule.Action
	for _, item := range s.list("actions") {
		a := rule.Action(item.Value)
		switch known := slices.Contains(rule.KnownActions(), a); {
		case item.Kind != yaml.ScalarNode || a == "":
			r.problem(item, "%s must be a list of text", path)
		case slices.Contains(out, a):
			r.problem(item, "%s names %s twice: remove one", path, a)
		case a == rule.ActPause && !d.May(a):
			r.problem(item, "%s names pause, which may follow from %s alone: others are about what anyone can bring about, or what a pause does not help", path,
				strings.Join(rule.Pausable(), ", "))
		case a == rule.ActCancel && !d.May(a):
			r.problem(item, "%s names cancel, which may follow from %s alone, which are about a pending root", path, strings.Join(rule.Cancellable(), ", "))
		case !known && !who.has(item.Value):
			r.problem(item, "%s names %q, which is neither an action (%s) nor under alerts.receivers; %s", path, item.Value, joined(rule.KnownActions()), who.list())
		default:
			out = append(out, a)
			if a == rule.ActPause {
				r.pauses = append(r.pauses, asked{item, path, d})
			}
		}
	}
	if n := s.keys["actions"]; isNull(n) || n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		r.problem(n, "%s names nothing: write [metrics] if it is to be counted alone, or off: true", path)
	}
	return out
}

func joined(actions []rule.Action) string {
	var out []string
	for _, a := range actions {
		out = append(out, string(a))
	}
	return strings.Join(out, ", ")
}

// severityNames are those under alerts.escalation, with the names that others use.
var severityNames = []string{"critical", "high", "warning", "medium", "info", "low"}

// escalation reads how fast alerts are to be answered, and who is told when they are not.
func (r *reader) escalation(s section, who receivers) map[rule.Severity]rule.Escalation {
	out := rule.Escalations()
	all := r.section(s.get("escalation"), s.at("escalation"), severityNames...)
	named := map[rule.Severity]string{}
	for _, name := range severityNames {
		n := all.get(name)
		if n == nil {
			continue
		}
		severity, err := rule.ParseSeverity(name)
		if err != nil {
			continue // there is none such in severityNames
		}
		if other := named[severity]; other != "" {
			r.problem(n, "%s is the same as %s: remove one", all.at(name), all.at(other))
		}
		named[severity] = name
		one := r.section(n, all.at(name), "within", "levels")
		def := time.Duration(out[severity].Within) * time.Second
		x := rule.AnswerWithin(int64(one.duration("within", def, time.Second, longestResponse) / time.Second))
		if one.get("levels") != nil {
			x.Levels = r.levels(one, who)
		}
		out[severity] = x
	}
	return out
}

func (r *reader) levels(s section, who receivers) []rule.Level {
	out := []rule.Level{}
	last := int64(-1)
	for i, item := range s.list("levels") {
		l := r.section(item, fmt.Sprintf("%s[%d]", s.at("levels"), i), "after", "notify")
		if item.Kind == yaml.MappingNode && l.get("after") == nil {
			r.problem(item, "%s is missing: say how long after an alert was raised, such as 10m", l.at("after"))
		}
		before := len(r.problems)
		level := rule.Level{After: int64(l.duration("after", 10*time.Minute, 0, longestResponse) / time.Second)}
		if n := l.get("after"); n != nil && len(r.problems) == before {
			if level.After <= last {
				r.problem(n, "%s is %q, which is not later than the level before: levels go up", l.at("after"), n.Value)
			}
			last = level.After
		}
		for _, named := range l.list("notify") {
			a := rule.Action(named.Value)
			switch {
			case named.Kind != yaml.ScalarNode || a == "":
				r.problem(named, "%s must be a list of text", l.at("notify"))
			case slices.Contains(level.Notify, a):
				r.problem(named, "%s names %s twice: remove one", l.at("notify"), a)
			case !who.has(named.Value):
				r.problem(named, "%s names %q, which is not under alerts.receivers; %s", l.at("notify"), named.Value, who.list())
			default:
				level.Notify = append(level.Notify, a)
			}
		}
		out = append(out, level)
	}
	return out
}

// mustExist finds receivers that rules name by default, and that nobody has defined although somebody is to be told.
func (r *reader) mustExist(s section, a Alerts, who receivers) {
	if !who.told {
		return
	}
	lacking := map[rule.Action][]string{}
	for _, d := range rule.Definitions() {
		set := a.Rules[d.Name]
		for _, x := range (rule.Alert{Actions: set.Actions}).Receivers() {
			if !set.Off && !who.has(string(x)) {
				lacking[x] = append(lacking[x], d.Name)
			}
		}
	}
	for _, x := range slices.Sorted(maps.Keys(lacking)) {
		r.problem(r.first(s.get("receivers"), s.get("sinks")), "alerts.receivers lacks %s, whom these rules tell: %s; define it, or give them other actions under alerts.rules", x,
			strings.Join(lacking[x], ", "))
	}
}
