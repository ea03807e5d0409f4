package config

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Ref is a value, or where it is to be found: env:NAME or file:PATH. What it refers to may be secret.
type Ref string

// maxSecret bounds what a file that a Ref names may hold, in bytes.
const maxSecret = 64 << 10

// ref checks how a reference is written. Only an endpoint may be given as it is.
func (r *reader) ref(n *yaml.Node, path, text string, plain bool) Ref {
	switch {
	case strings.HasPrefix(text, "env:") && len(text) > 4, strings.HasPrefix(text, "file:") && len(text) > 5:
	case !plain:
		r.problem(n, "%s must refer to the secret with env:NAME or file:PATH; it must not stand in this file", path)
	default:
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "ws", "wss"}, u.Scheme) {
			// the text may hold a key
			r.problem(n, "%s is not an http, https, ws or wss URL, nor env:NAME or file:PATH", path)
		} else if u.User != nil {
			r.problem(n, "%s holds a user or password: refer to the URL with env:NAME or file:PATH", path)
		}
	}
	return Ref(text)
}

// database checks how the URL of a database is written.
func (r *reader) database(n *yaml.Node) Ref {
	if text := n.Value; !strings.HasPrefix(text, "env:") && !strings.HasPrefix(text, "file:") {
		u, err := url.Parse(text)
		switch {
		case err != nil || u.Host == "" || u.Scheme != "postgres" && u.Scheme != "postgresql":
			// the text may hold a password
			r.problem(n, "database is not a postgres URL, nor env:NAME or file:PATH")
		case hasPassword(u):
			r.problem(n, "database holds a password: leave it to PGPASSWORD or a passfile, or refer to the URL with env:NAME or file:PATH")
		}
		return Ref(text)
	}
	return r.ref(n, "database", n.Value, false)
}

func hasPassword(u *url.URL) bool {
	_, is := u.User.Password()
	return is || u.Query().Has("password") || u.Query().Has("sslpassword")
}

// Resolve returns the value.
func (c *Config) Resolve(ref Ref) (string, error) {
	text := string(ref)
	if name, ok := strings.CutPrefix(text, "env:"); ok {
		v, set := os.LookupEnv(name)
		if !set || v == "" {
			return "", fmt.Errorf("environment variable %s is not set", name)
		}
		return v, nil
	}
	if path, ok := strings.CutPrefix(text, "file:"); ok {
		f, err := os.Open(c.Path(path))
		if err != nil {
			return "", err
		}
		data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
		if err := errors.Join(err, f.Close()); err != nil {
			return "", err
		}
		v := strings.TrimRight(string(data), "\r\n")
		switch {
		case len(data) > maxSecret:
			return "", fmt.Errorf("%s is larger than %d bytes", c.Path(path), maxSecret)
		case v == "":
			return "", fmt.Errorf("%s is empty", c.Path(path))
		}
		return v, nil
	}
	return text, nil
}
