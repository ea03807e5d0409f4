package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/token"
)

// Tokens finds what is known of a token by its id.
type Tokens interface {
	Token(ctx context.Context, id string) (r token.Record, known bool, err error)
}

// refusal is why a request is not let in.
type refusal struct {
	status    int
	challenge string // of WWW-Authenticate, after the realm
	retry     time.Duration
	reason    string
}

func (f *refusal) write(w http.ResponseWriter) {
	if f.status == http.StatusUnauthorized || f.status == http.StatusForbidden {
		w.Header().Set("WWW-Authenticate", `Bearer realm="lockstep"`+f.challenge)
	}
	if f.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((f.retry+time.Second-1)/time.Second)))
	}
	writeError(w, f.status, f.reason)
}

// admit tells who asks, and whether they may do what needs a scope. Without one, it is reading. A token that is presented must be good, also
// where none is needed: whoever presents one should learn that it is not.
func (s *Server) admit(r *http.Request, needs token.Scope) (token.Record, *refusal) {
	free := needs == "" && s.isLocal(r)
	if needs == "" {
		needs = token.Read
	}
	if len(r.Header.Values("Authorization")) == 0 {
		if free {
			return token.Record{}, nil
		}
		return token.Record{}, &refusal{
			status: http.StatusUnauthorized,
			reason: fmt.Sprintf("this needs a token with the scope %s: make one with lockstep token create, and send it as Authorization: Bearer TOKEN", needs),
		}
	}
	record, refused := s.authenticate(r)
	if refused != nil {
		return token.Record{}, refused
	}
	if !free && !record.May(needs) {
		return token.Record{}, &refusal{
			status: http.StatusForbidden, challenge: fmt.Sprintf(`, error="insufficient_scope", scope="%s"`, needs),
			reason: fmt.Sprintf("token %s does not have the scope %s", record.ID, needs),
		}
	}
	return record, nil
}

// authenticate finds the token that a request presents.
func (s *Server) authenticate(r *http.Request) (token.Record, *refusal) {
	now := time.Now()
	if wait := s.limiter.wait(r.RemoteAddr, now); wait > 0 {
		return token.Record{}, &refusal{status: http.StatusTooManyRequests, retry: wait, reason: "too many wrong tokens came from this address: wait"}
	}
	wrong := func(err error) (token.Record, *refusal) {
		s.limiter.fail(r.RemoteAddr, now)
		return token.Record{}, &refusal{status: http.StatusUnauthorized, challenge: `, error="invalid_token"`, reason: err.Error()}
	}
	text, err := bearer(r.Header.Values("Authorization"))
	if err != nil {
		return wrong(err)
	}
	presented, err := token.Parse(text)
	if err != nil {
		return wrong(err)
	}
	record, known, err := s.cfg.Tokens.Token(r.Context(), presented.ID())
	if err != nil {
		s.cfg.Log.Error("tokens cannot be read", "request", requestID(r), "err", err)
		return token.Record{}, &refusal{status: http.StatusServiceUnavailable, reason: "whether the token is good cannot be seen: try again"}
	}
	if !known {
		return wrong(token.ErrUnknown)
	}
	if err := record.Check(presented, now.Unix()); err != nil {
		return wrong(err)
	}
	return record, nil
}

func bearer(values []string) (string, error) {
	if len(values) != 1 {
		return "", errors.New("there is more than one Authorization header")
	}
	scheme, text, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", errors.New("the Authorization header must be: Bearer TOKEN")
	}
	return text, nil
}
