package config

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// DefaultListen is where the daemon listens if the file does not say.
const DefaultListen = "127.0.0.1:8420"

// Serve says how the daemon can be reached.
type Serve struct {
	Listen   string        // address and port
	Name     string        // a host name, or an address, by which clients call it besides; empty if there is none
	TLS      *TLS          // nil if the file does not say
	Poll     time.Duration // between looks at the heads of networks
	Health   time.Duration // between checks of their health
	Traces   Ref           // URL of a collector of OpenTelemetry traces; empty if there is none
	Insecure bool          // plain HTTP on an address that is not loopback: something else encrypts
}

// TLS names the files of a certificate and of its key.
type TLS struct {
	Cert, Key string
}

func (r *reader) serve(c *Config, top section) {
	s := r.section(top.get("serve"), "serve", "listen", "name", "tls", "insecure", "poll", "health", "traces")
	c.Serve = Serve{
		Listen: DefaultListen, Name: s.text("name"), Insecure: s.boolean("insecure"),
		Poll: s.duration("poll", 12*time.Second, time.Second, time.Hour), Health: s.duration("health", time.Minute, time.Second, 24*time.Hour),
	}
	if n := s.get("tls"); n != nil {
		files := r.section(n, s.at("tls"), "cert", "key")
		if n.Kind == yaml.MappingNode {
			c.Serve.TLS = &TLS{
				Cert: files.need("cert", "name the file with the certificate, and those that it leads up to"), Key: files.need("key", "name the file with its key"),
			}
		}
		if c.Serve.Insecure {
			r.problem(s.get("insecure"), "serve.insecure does not go with serve.tls: remove one")
		}
	}
	if n := s.get("name"); n != nil && n.Kind == yaml.ScalarNode && !isHost(c.Serve.Name) {
		r.problem(n, "serve.name is %q, must be a host name, such as lockstep.example, without a scheme or a port", c.Serve.Name)
	}
	c.Serve.Traces = Ref(s.text("traces"))
	if n := s.get("traces"); n != nil && n.Kind == yaml.ScalarNode {
		if text := n.Value; strings.HasPrefix(text, "env:") || strings.HasPrefix(text, "file:") {
			r.ref(n, "serve.traces", text, false)
		} else if err := CollectorURL(text); err != nil {
			r.problem(n, "serve.traces %v; or refer to it with env:NAME or file:PATH", err)
		}
	}
	n := s.get("listen")
	if n == nil {
		return
	}
	c.Serve.Listen = s.text("listen")
	loopback, ok := isLoopback(c.Serve.Listen)
	switch {
	case n.Kind != yaml.ScalarNode: // said already
	case !ok:
		r.problem(n, "serve.listen is %q, must be an IP address of this machine and a port, such as %s", c.Serve.Listen, DefaultListen)
	case !loopback && s.get("tls") == nil && !c.Serve.Insecure:
		r.problem(n, "serve.listen is %q, which others can reach, and they could read tokens on their way: give serve.tls, listen on 127.0.0.1, or, if "+
			"something else encrypts, say serve.insecure: true", c.Serve.Listen)
	}
}

// isLoopback tells whether an address to listen on can be reached from this machine alone, and whether it is one. Package web, which listens,
// has the last word.
func isLoopback(listen string) (loopback, ok bool) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return false, false
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return false, false
	}
	if host == "" {
		return false, true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback(), err == nil
}

var hostLabel = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

func isHost(name string) bool {
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	for label := range strings.SplitSeq(name, ".") {
		if !hostLabel.MatchString(label) {
			return false
		}
	}
	return len(name) <= 253
}

// CollectorURL tells why a text is not the URL of a collector of traces: over plain HTTP it must be on this machine, since others could read along.
// The text may hold a key, and is not told.
func CollectorURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("is not an http or https URL")
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return errors.New("has something after its path, which is not sent to a collector")
	}
	if u.User != nil {
		return errors.New("holds a user or password: a collector takes them in a header, which OTEL_EXPORTER_OTLP_HEADERS sets")
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if loopback := u.Hostname() == "localhost" || err == nil && ip.Unmap().IsLoopback(); u.Scheme == "http" && !loopback {
		return errors.New("is not an https URL, which it must be where it is not on this machine")
	}
	return nil
}
