package config

import (
	"maps"
	"net"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/seed-b6a97670/lockstep/internal/notice"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// Alerts says what is an alert, who is told, and what else follows.
type Alerts struct {
	Sinks      []Sink                            // by name
	Receivers  map[string][]string               // names of sinks
	Rules      map[string]rule.Settings          // all rules, with their defaults where the file does not say
	Escalation map[rule.Severity]rule.Escalation // all severities, likewise
	Pause      Pause
	BaseURL    string             // by which links in messages lead back to this daemon, without a slash at the end; empty if they do not
	Inbound    map[string]Inbound // hooks by which others answer alerts, and report theirs
}

// Sink is where alerts are told.
type Sink struct {
	Name      string
	Type      string        // webhook, slack, discord, pagerduty, alertmanager or email
	URL       Ref           // of all but e-mail; empty for PagerDuty's own
	Secret    Ref           // of a webhook; empty if requests are not signed
	Key       Ref           // of PagerDuty
	Server    string        // of e-mail: host and port
	From      string        // of e-mail
	To        []string      // of e-mail
	User      string        // of e-mail; empty if it asks for none
	Password  Ref           // of e-mail
	PerMinute int           // messages, those of critical alerts not counted
	MaxAge    time.Duration // after which a message that is not critical is given up
	Renew     time.Duration // of Alertmanager: between renewals
	Templates *notice.Templates
	Line      int
}

const (
	defaultMaxAge = 24 * time.Hour
	longestMaxAge = 30 * 24 * time.Hour
	defaultRenew  = time.Minute // a fifth of the resolve_timeout that Alertmanager has if nobody says otherwise
	longestRenew  = 5 * time.Minute
)

// sinkType is what a type of sinks has besides what all have.
type sinkType struct {
	keys      []string
	perMinute uint64 // as many as people can read, or more for programs
}

var sinkTypes = map[string]sinkType{
	"webhook":      {[]string{"url", "secret"}, 60},
	"slack":        {[]string{"url"}, 20},
	"discord":      {[]string{"url"}, 20},
	"pagerduty":    {[]string{"key", "url"}, 60},
	"alertmanager": {[]string{"url", "renew"}, 60},
	"email":        {[]string{"server", "from", "to", "user", "password"}, 20},
}

// alertName is what sinks and receivers can be called: it is also a word of a command line.
var alertName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$`)

func (r *reader) alerts(c *Config, top section) {
	s := r.section(top.get("alerts"), "alerts", "sinks", "receivers", "rules", "escalation", "pause", "inbound", "baseURL")
	r.sinks(c, s)
	r.receivers(c, s)
	who := r.receiverNames(s)
	c.Alerts.Rules = r.rules(s, who)
	c.Alerts.Escalation = r.escalation(s, who)
	r.mustExist(s, c.Alerts, who)
	r.pause(c, s, top)
	r.baseURL(c, s)
	r.inbound(c, s)
}

func (r *reader) sinks(c *Config, s section) {
	all := r.section(s.get("sinks"), s.at("sinks"))
	for _, name := range slices.Sorted(maps.Keys(all.keys)) {
		n := all.keys[name]
		if !alertName.MatchString(name) {
			r.problem(n, "%s names %q: a name has up to 40 letters, digits, - and _", all.path, name)
		}
		c.Alerts.Sinks = append(c.Alerts.Sinks, r.sink(n, name, all.at(name)))
	}
}

// sink reads one. Which keys it can have depends on its type.
func (r *reader) sink(n *yaml.Node, name, path string) Sink {
	out := Sink{Name: name, Line: n.Line}
	if n.Kind != yaml.MappingNode {
		r.problem(n, "%s must be a mapping with its type, and what that needs", path)
		return out
	}
	out.Type = r.typeOf(n)
	known, ok := sinkTypes[out.Type]
	if !ok {
		types := strings.Join(slices.Sorted(maps.Keys(sinkTypes)), ", ")
		if out.Type == "" {
			r.problem(n, "%s.type is missing: known are %s", path, types)
		} else {
			r.problem(n, "%s.type is %q, known are %s", path, out.Type, types)
		}
		return out
	}
	s := r.section(n, path, append([]string{"type", "perMinute", "maxAge", "title", "text"}, known.keys...)...)
	out.PerMinute = int(s.integer("perMinute", known.perMinute, 1, 1000))
	out.MaxAge = s.duration("maxAge", defaultMaxAge, time.Minute, longestMaxAge)
	out.Templates = r.templates(s)
	switch out.Type {
	case "webhook", "alertmanager":
		if s.need("url", "give the URL to which it is posted, or refer to it with env:NAME or file:PATH") != "" {
			out.URL = r.sinkURL(s.get("url"), s.at("url"))
		}
	case "slack", "discord": // whoever has it can write there
		if s.need("url", "refer to the webhook's URL with env:NAME or file:PATH") != "" {
			out.URL = r.ref(s.get("url"), s.at("url"), s.text("url"), false)
		}
	case "pagerduty":
		if s.need("key", "refer to the routing key of an integration for events of version 2 with env:NAME or file:PATH") != "" {
			out.Key = r.ref(s.get("key"), s.at("key"), s.text("key"), false)
		}
		if s.text("url") != "" {
			out.URL = r.sinkURL(s.get("url"), s.at("url"))
		}
	case "email":
		r.mail(s, &out)
	}
	if s.text("secret") != "" {
		out.Secret = r.ref(s.get("secret"), s.at("secret"), s.text("secret"), false)
	}
	if out.Type == "alertmanager" {
		out.Renew = s.duration("renew", defaultRenew, time.Second, longestRenew)
	}
	return out
}

// typeOf is the type of a sink, whatever else is in it.
func (r *reader) typeOf(n *yaml.Node) string {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if v := resolve(n.Content[i+1]); n.Content[i].Value == "type" && v.Kind == yaml.ScalarNode && !isNull(v) {
			return v.Value
		}
	}
	return ""
}

// sinkURL is one to which alerts are posted: nobody on the way may read them, or make some of his own.
func (r *reader) sinkURL(n *yaml.Node, path string) Ref {
	before := len(r.problems)
	ref := r.ref(n, path, n.Value, true)
	u, err := url.Parse(n.Value)
	isRef := strings.HasPrefix(n.Value, "env:") || strings.HasPrefix(n.Value, "file:")
	if len(r.problems) == before && !isRef && (err != nil || u.Scheme != "https" && (u.Scheme != "http" || !isThisMachine(u.Hostname()))) {
		r.problem(n, "%s must begin with https://, or with http:// for a program on this machine", path)
	}
	return ref
}

// mail reads what e-mail needs.
func (r *reader) mail(s section, out *Sink) {
	if out.Server = s.need("server", "name the server and its port, such as smtp.example:587"); out.Server != "" {
		host, port, err := net.SplitHostPort(out.Server)
		if _, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil || host == "" {
			r.problem(s.get("server"), "%s is %q, must be a host and a port, such as smtp.example:587", s.at("server"), out.Server)
		}
	}
	if out.From = s.need("from", "give the address from which mail comes"); out.From != "" {
		r.mailAddress(s.get("from"), s.at("from"), out.From)
	}
	out.To = s.texts("to")
	for _, n := range s.list("to") {
		if n.Kind == yaml.ScalarNode && n.Value != "" {
			r.mailAddress(n, s.at("to"), n.Value)
		}
	}
	if n := s.get("to"); n == nil || n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		r.problem(s.node, "%s is missing: list the addresses to which mail goes", s.at("to"))
	}
	out.User = s.text("user")
	if s.text("password") != "" {
		out.Password = r.ref(s.get("password"), s.at("password"), s.text("password"), false)
	}
	if (out.User == "") != (s.get("password") == nil) {
		r.problem(s.node, "%s needs user and password, or neither", s.path)
	}
}

func (r *reader) mailAddress(n *yaml.Node, path, text string) {
	if a, err := mail.ParseAddress(text); err != nil || strings.ContainsAny(a.Address, "\r\n \"<>") {
		r.problem(n, "%s is %q, must be an address such as oncall@example.org", path, text)
	}
}

// templates reads the words of a sink.
func (r *reader) templates(s section) *notice.Templates {
	title, text := s.text("title"), s.text("text")
	for _, part := range []struct{ key, title, text string }{{"title", title, ""}, {"text", "", text}} {
		if _, err := notice.ParseTemplates(part.title, part.text); err != nil {
			r.problem(s.get(part.key), "%s cannot be used: %v", s.at(part.key), err)
			return nil
		}
	}
	t, err := notice.ParseTemplates(title, text)
	if err != nil { // each of both can be used, so both can
		r.problem(s.node, "%s cannot be used: %v", s.path, err)
	}
	return t
}

// receivers reads which sinks are told together.
func (r *reader) receivers(c *Config, s section) {
	all := r.section(s.get("receivers"), s.at("receivers"))
	if len(all.keys) > 0 {
		c.Alerts.Receivers = map[string][]string{}
	}
	isSink := func(name string) bool {
		return slices.ContainsFunc(c.Alerts.Sinks, func(s Sink) bool { return s.Name == name })
	}
	for _, name := range slices.Sorted(maps.Keys(all.keys)) {
		n := all.keys[name]
		switch {
		case !alertName.MatchString(name):
			r.problem(n, "%s names %q: a name has up to 40 letters, digits, - and _", all.path, name)
		case slices.Contains([]rule.Action{rule.ActPause, rule.ActCancel, rule.ActMetrics, rule.ActLog}, rule.Action(name)):
			r.problem(n, "%s is an action of its own: give the receiver another name", all.at(name))
		case isSink(name):
			r.problem(n, "%s has the name of a sink: give it another one", all.at(name))
		}
		sinks := all.texts(name)
		if len(sinks) == 0 && n.Kind == yaml.SequenceNode && len(n.Content) == 0 || isNull(n) {
			r.problem(n, "%s is empty: name at least one sink", all.at(name))
		}
		for i, sink := range sinks {
			switch {
			case !isSink(sink):
				r.problem(n, "%s names %q, which is not under alerts.sinks", all.at(name), sink)
			case slices.Contains(sinks[:i], sink):
				r.problem(n, "%s names %s twice: remove one", all.at(name), sink)
			}
		}
		c.Alerts.Receivers[name] = sinks
	}
}
