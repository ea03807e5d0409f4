package config

import (
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// Inbound is a hook by which others answer alerts, and report theirs.
type Inbound struct {
	Type     string        // of InboundTypes
	Secret   Ref           // of signatures; empty if there are none
	Token    Ref           // a bearer token; empty if there is none
	Severity rule.Severity // of what does not say; empty for the one of the rule
	Network  string        // of what does not say; empty if that is about none
	Line     int
}

// The types of hooks: whose format they take.
const (
	InboundPagerDuty    = "pagerduty"
	InboundGrafana      = "grafana"
	InboundAlertmanager = "alertmanager"
	InboundReport       = "report"
)

// InboundTypes lists them.
func InboundTypes() []string {
	return []string{InboundPagerDuty, InboundGrafana, InboundAlertmanager, InboundReport}
}

var inboundName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// inbound reads alerts.inbound.
func (r *reader) inbound(c *Config, alerts section) {
	all := r.section(alerts.get("inbound"), alerts.at("inbound"))
	for _, name := range slices.Sorted(maps.Keys(all.keys)) {
		n := all.keys[name]
		s := r.section(n, all.at(name), "type", "secret", "token", "severity", "network")
		if !inboundName.MatchString(name) {
			r.problem(n, "%s: its name is part of a URL, so it must be of small letters, digits and hyphens, at most 40", s.path)
		}
		if n.Kind != yaml.MappingNode {
			if isNull(n) {
				r.problem(n, "%s is empty: give it a type, and a secret or a token", s.path)
			}
			continue
		}
		in := Inbound{Type: s.need("type", "one of "+strings.Join(InboundTypes(), ", ")), Network: s.text("network"), Line: n.Line}
		if v := s.get("secret"); v != nil {
			in.Secret = r.ref(v, s.at("secret"), v.Value, false)
		}
		if v := s.get("token"); v != nil {
			in.Token = r.ref(v, s.at("token"), v.Value, false)
		}
		r.inboundCredentials(s, in)
		if v := s.get("severity"); v != nil {
			severity, err := rule.ParseSeverity(v.Value)
			if v.Kind != yaml.ScalarNode || err != nil {
				r.problem(v, "%s is %q, must be critical, high, warning (or medium) or info (or low)", s.at("severity"), v.Value)
			}
			in.Severity = severity
		}
		if v := s.get("network"); v != nil && v.Kind == yaml.ScalarNode && !slices.ContainsFunc(c.Networks, func(nw Network) bool { return nw.Name == in.Network }) {
			r.problem(v, "%s is %q, which is not under networks", s.at("network"), in.Network)
		}
		if c.Alerts.Inbound == nil {
			c.Alerts.Inbound = map[string]Inbound{}
		}
		c.Alerts.Inbound[name] = in
	}
}

// inboundCredentials finds hooks that anybody could tell something, or that those who are to could not.
func (r *reader) inboundCredentials(s section, in Inbound) {
	const random = "such as what openssl rand -hex 32 prints"
	switch {
	case in.Type == "": // said already
	case !slices.Contains(InboundTypes(), in.Type):
		r.problem(s.get("type"), "%s is %q, known are %s", s.at("type"), in.Type, strings.Join(InboundTypes(), ", "))
	case in.Type == InboundPagerDuty && s.get("secret") == nil:
		r.problem(s.node, "%s is missing: PagerDuty shows it once, when the webhook subscription is made, and signs with it", s.at("secret"))
	case in.Type == InboundAlertmanager && s.get("secret") != nil:
		r.problem(s.get("secret"), "%s: Alertmanager signs nothing: remove it, and give a token", s.at("secret"))
	case in.Type == InboundAlertmanager && s.get("token") == nil:
		r.problem(s.node, "%s is missing: refer to a token that Alertmanager sends, %s", s.at("token"), random)
	case s.get("secret") == nil && s.get("token") == nil:
		r.problem(s.node, "%s has neither a secret nor a token, so that anybody could tell it anything: refer to one, %s", s.path, random)
	}
}

// baseURL reads how links in messages lead back here. A server that is called by a name that it does not have refuses, so the name is looked at here.
func (r *reader) baseURL(c *Config, alerts section) {
	n, text := alerts.get("baseURL"), alerts.text("baseURL")
	if text == "" {
		return
	}
	path := alerts.at("baseURL")
	u, err := url.Parse(text)
	switch {
	case err == nil && u.User != nil:
		r.problem(n, "%s holds a user or password: remove it", path)
	case err != nil || u.Hostname() == "" || u.Opaque != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" ||
		u.Scheme != "https" && u.Scheme != "http":
		r.problem(n, "%s is %q, must be a URL such as https://lockstep.example, without a query or a fragment", path, text)
	case u.Scheme == "http" && !isLoopbackName(u.Hostname()):
		r.problem(n, "%s is %q, must begin with https://: whoever sees a link of a message on its way can acknowledge the alert", path, text)
	case !c.Serve.answersTo(u.Hostname()):
		r.problem(n, "%s has the host %s, by which the daemon does not answer: give it that name in serve.name", path, u.Hostname())
	}
	c.Alerts.BaseURL = strings.TrimRight(text, "/")
}

func isLoopbackName(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// answersTo tells whether the daemon takes a request that names a host for one to it; package web has the last word.
func (s Serve) answersTo(host string) bool {
	if isLoopbackName(host) || strings.EqualFold(host, s.Name) {
		return true
	}
	ip, err := netip.ParseAddr(host)
	loopback, ok := isLoopback(s.Listen)
	return err == nil && ip.IsValid() && ok && !loopback
}
