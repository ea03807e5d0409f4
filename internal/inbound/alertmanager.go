package inbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	patience  = 10 * time.Second // for one answer
	maxAnswer = 8 << 20          // bytes of one
	atOnce    = 50               // alerts that are asked for in one request, whose URL must not be too long
	maxAsked  = 100              // silences that are asked for
)

// Alertmanager is one to which alerts of ours are given.
type Alertmanager struct {
	name    string
	project string   // whose alerts are ours
	url     *url.URL // in no error, since it may hold a password
	http    *http.Client
}

// NewAlertmanager makes one that is reached over https, or on this machine. project is whose alerts are ours, and roots are the certificates that are
// trusted, nil for those of the machine.
func NewAlertmanager(name, project, raw string, roots *x509.CertPool) (*Alertmanager, error) {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return nil, fmt.Errorf("alertmanager %s: its URL must begin with https://, or with http:// for one on this machine: correct it", name)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return &Alertmanager{name, project, u, &http.Client{
		Transport: transport, Timeout: patience,
		// what follows a redirect would take the password to somebody else
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

type givenAlert struct {
	Labels map[string]string `json:"labels"`
	Status struct {
		SilencedBy []string `json:"silencedBy"`
	} `json:"status"`
}

type silence struct {
	ID        string    `json:"id"`
	StartsAt  time.Time `json:"startsAt"`
	UpdatedAt time.Time `json:"updatedAt"`
	CreatedBy string    `json:"createdBy"`
	Comment   string    `json:"comment"`
	Status    struct {
		State string `json:"state"`
	} `json:"status"`
}

// Answers says which alerts, by their fingerprints, are silenced there: for each silence that holds for one an answer, the oldest first. When a
// silence was made tells whether it was for what is wrong now: one that was made beforehand answers nothing, see Answer.
func (a *Alertmanager) Answers(ctx context.Context, fingerprints []string) ([]Answer, error) {
	var asked []string
	for _, f := range fingerprints {
		if isFingerprint(f) { // it is put into a regular expression
			asked = append(asked, f)
		}
	}
	by := map[string][]string{} // fingerprints by the id of a silence
	for some := range slices.Chunk(asked, atOnce) {
		var given []givenAlert
		// the project, which would have to be quoted here, is compared below
		err := a.get(ctx, &given, url.Values{
			"filter": {fmt.Sprintf(`fingerprint=~"%s"`, strings.Join(some, "|"))}, "silenced": {"true"}, "active": {"false"}, "unprocessed": {"false"},
		}, "alerts")
		if err != nil {
			return nil, err
		}
		for _, g := range given {
			for _, id := range g.Status.SilencedBy {
				if f := g.Labels["fingerprint"]; g.Labels["project"] == a.project && slices.Contains(some, f) && !slices.Contains(by[id], f) {
					by[id] = append(by[id], f)
				}
			}
		}
	}
	var out []Answer
	if len(by) > maxAsked {
		return nil, fmt.Errorf("alertmanager %s: our alerts are silenced by %d silences, more than %d: end some that are not needed", a.name, len(by), maxAsked)
	}
	for id, of := range by {
		var s silence
		if err := a.get(ctx, &s, nil, "silence", id); err != nil {
			return nil, err
		}
		if s.Status.State != "active" {
			continue // it has ended meanwhile
		}
		for _, f := range of {
			out = append(out, Answer{Fingerprint: f, Kind: Silenced, By: a.by(s), Note: line(s.Comment, maxNote), At: s.made()})
		}
	}
	slices.SortFunc(out, func(x, y Answer) int {
		if x.At.Equal(y.At) {
			return strings.Compare(x.Fingerprint, y.Fingerprint)
		}
		return x.At.Compare(y.At)
	})
	return out, nil
}

// made is when a silence was made: one that is to begin later, before it begins; one that was prolonged, not when it was.
func (s silence) made() time.Time {
	if s.UpdatedAt.Before(s.StartsAt) {
		return s.UpdatedAt
	}
	return s.StartsAt
}

func (a *Alertmanager) by(s silence) string {
	name := line(s.CreatedBy, maxBy)
	if name == "" {
		name = "somebody"
	}
	return fmt.Sprintf("%s (silence in %s)", name, a.name)
}

// get asks for a document of version 2 of the API.
func (a *Alertmanager) get(ctx context.Context, out any, query url.Values, path ...string) error {
	u := a.url.JoinPath(append([]string{"api", "v2"}, path...)...)
	u.RawQuery = query.Encode()
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("ask alertmanager %s for %s: %s", a.name, path[0], fmt.Sprintf(format, args...))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return wrong("its URL cannot be used")
	}
	resp, err := a.http.Do(req)
	if err != nil {
		var of *url.Error // which holds the URL
		if errors.As(err, &of) {
			err = of.Err
		}
		return wrong("%v", err)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch err := errors.Join(err, resp.Body.Close()); {
	case err != nil:
		return wrong("%v", err)
	case resp.StatusCode != http.StatusOK:
		return wrong("it answers with HTTP status %d", resp.StatusCode)
	case len(body) > maxAnswer:
		return wrong("its answer has more than %d bytes", maxAnswer)
	}
	if err := json.Unmarshal(body, out); err != nil {
		return wrong("its answer is not as it should be: %v", err)
	}
	return nil
}
