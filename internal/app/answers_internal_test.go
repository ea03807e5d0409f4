package app

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/config"
	"github.com/seed-b6a97670/lockstep/internal/inbound"
	"github.com/seed-b6a97670/lockstep/internal/localprom"
	"github.com/seed-b6a97670/lockstep/internal/monitor"
	"github.com/seed-b6a97670/lockstep/internal/notice"
	"github.com/seed-b6a97670/lockstep/internal/notify"
	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/store"
	"github.com/seed-b6a97670/lockstep/internal/token"
	"github.com/seed-b6a97670/lockstep/internal/web"
)

// shown keeps what is said about alerts as the daemon does, until it is to fail.
type shown struct {
	journalAlerts
	err error // of See
}

func (s *shown) See(ctx context.Context, seen []rule.Seen) error {
	if s.err != nil {
		return s.err
	}
	return s.journalAlerts.See(ctx, seen)
}

// written is a log that several goroutines write.
type written struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *written) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *written) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// answering is a server of nothing but what is said about alerts.
type answering struct {
	*answers
	t      *testing.T
	url    string
	log    *written
	shown  *shown
	engine *rule.Engine // of what happens on networks
	level  int          // to which alerts were escalated
	decide token.Token
	start  token.Token
}

const (
	hookSecret = "0123456789abcdef0123456789abcdef"
	hookToken  = "bearer-of-the-hook-0123456789"
)

// newAnswering starts one, with hooks of two kinds.
func newAnswering(t *testing.T) *answering {
	t.Helper()
	t.Setenv("HOOK_SECRET", hookSecret)
	t.Setenv("HOOK_TOKEN", hookToken)
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "lockstep.db"), "market")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	a := &answering{t: t, log: &written{}, engine: rule.New(nil)}
	log := slog.New(slog.NewTextHandler(a.log, nil))
	alerting := monitor.Config{Rules: rule.Defaults(), Journal: s, Log: log, Telling: monitor.Telling{
		Project: "market", BaseURL: "https://lockstep.example", Receivers: map[string][]string{"security": {"pager"}, "ops": {"chat"}},
	}}
	cfg := &config.Config{File: "lockstep.yaml", Project: "market", Alerts: config.Alerts{Inbound: map[string]config.Inbound{
		"pd":   {Type: config.InboundPagerDuty, Secret: "env:HOOK_SECRET", Severity: rule.High},
		"them": {Type: config.InboundReport, Token: "env:HOOK_TOKEN"},
	}}}
	if a.answers, err = newAnswers(cfg, s, alerting, map[string]uint64{"optimism": 10}, log); err != nil {
		t.Fatal(err)
	}
	a.shown = &shown{journalAlerts: journalAlerts{s, alerting}}
	a.alerts = a.shown
	served := web.Config{Listen: "127.0.0.1:0", Log: a.answers.log, Tokens: s, Ready: func(context.Context) []string { return nil }, Metrics: http.NotFoundHandler()}
	a.serve(&served)
	server, err := web.New(t.Context(), served)
	if err != nil {
		t.Fatal(err)
	}
	a.url = server.URL()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	a.decide, a.start = a.token(token.Decide), a.token(token.Read, token.Start)
	return a
}

func (a *answering) token(scopes ...token.Scope) token.Token {
	a.t.Helper()
	made, err := token.New(rand.Reader)
	if err == nil {
		_, err = a.store.CreateToken(a.t.Context(), token.Record{ID: made.ID(), Name: "on call", Hash: made.Hash(), Scopes: scopes})
	}
	if err != nil {
		a.t.Fatal(err)
	}
	return made
}

func (a *answering) save(changes ...rule.Change) ([]rule.Record, error) {
	return a.store.SaveAlerts(a.t.Context(), 10, nil, changes, a.shown.cfg.Telling.Tell)
}

// raise makes an alert fire, as the rules do.
func (a *answering) raise(subject string, at time.Time) rule.Record {
	a.t.Helper()
	out, err := a.save(a.engine.See(rule.Seen{
		Sight: rule.SawRefusal, Network: "optimism", ChainID: 10, At: at.UnixMilli(), Subject: "AccessControlUnauthorizedAccount", By: common.HexToAddress(subject),
	})...)
	if err != nil || len(out) != 1 || !out[0].Fires() {
		a.t.Fatal(out, err)
	}
	return out[0]
}

// resolve ends an alert.
func (a *answering) resolve(r rule.Record) {
	a.t.Helper()
	r.ResolvedAt, r.Resolution = time.Now().Unix(), "it is <over>"
	if _, err := a.save(rule.Change{Turn: rule.Resolved, Alert: r.Alert}); err != nil {
		a.t.Fatal(err)
	}
	a.engine = rule.New(nil)
}

// worsen raises an alert again, since it has become graver.
func (a *answering) worsen(r rule.Record) {
	a.t.Helper()
	r.Severity = rule.Critical
	if _, err := a.save(rule.Change{Turn: rule.Raised, Alert: r.Alert}); err != nil {
		a.t.Fatal(err)
	}
}

// now is an alert as it is kept.
func (a *answering) now(id int64) rule.Record {
	a.t.Helper()
	r, err := a.store.Alert(a.t.Context(), id)
	if err != nil {
		a.t.Fatal(err)
	}
	return r
}

// ask asks, with headers in pairs, and reads the answer into out if that is not nil.
func (a *answering) ask(method, path, body string, out any, headers ...string) (code int, text string) {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), method, a.url+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	data, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		a.t.Fatal(err)
	}
	if out != nil {
		if err := json.Unmarshal(data, out); err != nil {
			a.t.Fatalf("%s %s: %d %s: %v", method, path, resp.StatusCode, data, err)
		}
	}
	return resp.StatusCode, string(data)
}

// want fails unless an answer has a status and says something.
func (a *answering) want(code int, says, method, path, body string, headers ...string) {
	a.t.Helper()
	if got, text := a.ask(method, path, body, nil, headers...); got != code || !strings.Contains(text, says) {
		a.t.Errorf("%s %s %.80s: %d %.300s, want %d and %q", method, path, body, got, text, code, says)
	}
}

func bearing(t token.Token) []string { return []string{"Authorization", "Bearer " + t.Reveal()} }

func TestAlertsOverTheAPI(t *testing.T) {
	a := newAnswering(t)
	var listed struct{ Alerts []rule.Record }
	if a.ask("GET", "/api/v1/alerts", "", &listed); listed.Alerts == nil || len(listed.Alerts) != 0 {
		t.Errorf("%+v", listed)
	}
	first, second := a.raise("0x01", time.Now()), a.raise("0x02", time.Now())
	if a.ask("GET", "/api/v1/alerts", "", &listed); len(listed.Alerts) != 2 || listed.Alerts[0].ID != second.ID || listed.Alerts[0].Rule != rule.UnauthorizedAccess {
		t.Errorf("%+v", listed)
	}
	if a.ask("GET", "/api/v1/alerts?limit=1&firing=true&since=0", "", &listed); len(listed.Alerts) != 1 {
		t.Errorf("%+v", listed)
	}
	a.resolve(second)
	if a.ask("GET", "/api/v1/alerts?firing=1", "", &listed); len(listed.Alerts) != 1 || listed.Alerts[0].ID != first.ID {
		t.Errorf("%+v", listed)
	}
	if a.ask("GET", fmt.Sprint("/api/v1/alerts?since=", time.Now().Add(time.Hour).Unix()), "", &listed); len(listed.Alerts) != 1 {
		t.Errorf("%+v", listed)
	}
	for _, query := range []string{"limit=0", "limit=1001", "limit=x", "limit=", "firing=perhaps", "since=yesterday", "state=firing", "limit=1&limit=2"} {
		a.want(400, "is not as it should be", "GET", "/api/v1/alerts?"+query, "")
	}
	one := fmt.Sprint("/api/v1/alerts/", first.ID)
	var got rule.Record
	if a.ask("GET", one, "", &got); got.Fingerprint != first.Fingerprint || got.AcknowledgedBy != "" {
		t.Errorf("%+v", got)
	}
	for path, want := range map[string]string{"/api/v1/alerts/99": "alert 99", "/api/v1/alerts/x": "x\\\" is no id", "/api/v1/alerts/-1": "is no id", "/api/v1/alerts/9999999999999999999": "is no id"} {
		a.want(404, want, "GET", path, "")
	}
	// reading from elsewhere takes a token
	for _, path := range []string{"/api/v1/alerts", one, "/api/v1/silences"} {
		a.want(401, "scope read", "GET", path, "", "X-Forwarded-For", "203.0.113.9")
		a.want(403, "scope read", "GET", path, "", append(bearing(a.decide), "X-Forwarded-For", "203.0.113.9")...)
		a.want(200, "", "GET", path, "", append(bearing(a.start), "X-Forwarded-For", "203.0.113.9")...)
	}

	ack := one + "/acknowledge"
	a.want(401, "scope decide", "POST", ack, "{}")
	a.want(403, "scope decide", "POST", ack, "{}", bearing(a.start)...)
	a.want(405, "", "GET", ack, "", bearing(a.decide)...)
	a.want(415, "", "POST", ack, "{}", append(bearing(a.decide), "Content-Type", "text/plain")...)
	a.want(400, "empty", "POST", ack, "", bearing(a.decide)...)
	a.want(400, "force", "POST", ack, `{"force": true}`, bearing(a.decide)...)
	a.want(400, `"error":"the body is not as it should be: note must be a text, and is a number"`, "POST", ack, `{"note": 7}`, bearing(a.decide)...)
	a.want(400, "note is longer", "POST", ack, `{"note": "`+strings.Repeat("x", 1001)+`"}`, bearing(a.decide)...)
	a.want(413, "", "POST", ack, `{"note": "`+strings.Repeat("x", 1<<20)+`"}`, bearing(a.decide)...)
	a.want(404, "alert 99", "POST", "/api/v1/alerts/99/acknowledge", "{}", bearing(a.decide)...)
	a.want(404, "no id", "POST", "/api/v1/alerts/x/acknowledge", "{}", bearing(a.decide)...)
	a.want(409, "resolved already", "POST", fmt.Sprintf("/api/v1/alerts/%d/acknowledge", second.ID), "{}", bearing(a.decide)...)
	if r := a.now(first.ID); r.AcknowledgedBy != "" {
		t.Fatalf("%+v", r)
	}
	by := fmt.Sprintf("token %s (on call)", a.decide.ID())
	if code, text := a.ask("POST", ack, `{"note": "I look at it"}`, &got, bearing(a.decide)...); code != 200 || got.AcknowledgedBy != by || got.Note != "I look at it" {
		t.Errorf("%d %s", code, text)
	}
	a.want(409, by+" has it in hand since 20", "POST", ack, "{}", bearing(a.token(token.Decide))...)
	if r := a.now(first.ID); r.AcknowledgedBy != by || r.Note != "I look at it" {
		t.Errorf("%+v", r)
	}
}

// TestResolvingOverTheAPI: nobody can say of what is seen here that it is over.
func TestResolvingOverTheAPI(t *testing.T) {
	a := newAnswering(t)
	seen := a.raise("0x01", time.Now())
	a.want(200, `{"reports":1,"answers":0}`, "POST", "/hooks/them", `{"id": "7", "summary": "odd", "severity": "high", "state": "firing"}`, "Authorization", "Bearer "+hookToken)
	reported := a.now(seen.ID + 1)
	path := func(id int64) string { return fmt.Sprintf("/api/v1/alerts/%d/resolve", id) }
	const good = `{"reason": " the monitor is gone "}`
	a.want(401, "scope decide", "POST", path(reported.ID), good)
	a.want(403, "scope decide", "POST", path(reported.ID), good, bearing(a.start)...)
	for body, want := range map[string]string{`{}`: "reason is missing", `{"reason": " "}`: "reason is missing", `{"reason": "` + strings.Repeat("x", 1001) + `"}`: "longer", `{"note": "x"}`: "note"} {
		a.want(400, want, "POST", path(reported.ID), body, bearing(a.decide)...)
	}
	a.want(404, "alert 99", "POST", path(99), good, bearing(a.decide)...)
	a.want(409, "only alerts from outside", "POST", path(seen.ID), good, bearing(a.decide)...)
	if r := a.now(reported.ID); !r.Fires() {
		t.Fatalf("%+v", r)
	}
	var got rule.Record
	want := fmt.Sprintf("token %s (on call) says that it is over: the monitor is gone", a.decide.ID())
	if code, text := a.ask("POST", path(reported.ID), good, &got, bearing(a.decide)...); code != 200 || got.Resolution != want || got.Fires() {
		t.Errorf("%d %s", code, text)
	}
	a.want(409, "resolved already", "POST", path(reported.ID), good, bearing(a.decide)...)
	if r := a.now(seen.ID); !r.Fires() {
		t.Errorf("%+v", r)
	}
}

func TestSilencesOverTheAPI(t *testing.T) {
	a := newAnswering(t)
	const path = "/api/v1/silences"
	good := `{"rule": "rpc_down", "network": "optimism", "subject": "a*", "for": "2h", "reason": "they work on it"}`
	a.want(200, `{"silences":[]}`, "GET", path, "")
	a.want(401, "scope decide", "POST", path, good)
	a.want(403, "scope decide", "POST", path, good, bearing(a.start)...)
	a.want(413, "", "POST", path, `{"reason": "`+strings.Repeat("x", 1<<20)+`"}`, bearing(a.decide)...)
	for change, want := range map[[2]string]string{
		{`rpc_down`, `rpc_up`}:                           "no rule \\\"rpc_up",
		{`rpc_down`, ``}:                                 "no rule \\\"\\\"",
		{`optimism`, `base`}:                             "no network \\\"base",
		{`a*`, `a[`}:                                     "subject: it is no pattern",
		{`a*`, strings.Repeat("x", 1001)}:                "subject is longer",
		{`they work on it`, ``}:                          "reason is missing",
		{`they work on it`, strings.Repeat("x", 1001)}:   "reason is missing, or longer",
		{`2h`, `721h`}:                                   "more than 30 days",
		{`2h`, `0s`}:                                     "over already",
		{`2h`, `-2h`}:                                    "over already",
		{`2h`, `soon`}:                                   "either until",
		{`"for": "2h"`, `"for": "2h", "until": 1}x`}:     "",
		{`"for": "2h"`, `"for": "2h", "until": 1`}:       "either until",
		{`"for": "2h"`, `"until": 1`}:                    "over already",
		{`"for": "2h", `, ``}:                            "over already",
		{`"for": "2h"`, `"until": 9223372036854775807`}:  "more than 30 days",
		{`"for": "2h"`, `"by": "somebody", "for": "2h"`}: "by",
	} {
		a.want(400, want, "POST", path, strings.Replace(good, change[0], change[1], 1), bearing(a.decide)...)
	}
	a.want(200, `{"silences":[]}`, "GET", path, "")
	var made rule.Silence
	if code, text := a.ask("POST", path, good, &made, bearing(a.decide)...); code != 200 || made.ID == 0 || made.By != fmt.Sprintf("token %s (on call)", a.decide.ID()) ||
		made.Until < time.Now().Add(119*time.Minute).Unix() || made.Until > time.Now().Add(2*time.Hour).Unix() {
		t.Fatal(code, text)
	}
	until := fmt.Sprintf(`{"rule": "drift", "until": %d, "reason": "x"}`, time.Now().Add(time.Hour).Unix())
	a.want(200, `"rule":"drift"`, "POST", path, until, bearing(a.decide)...)
	var listed struct{ Silences []rule.Silence }
	if a.ask("GET", path, "", &listed); len(listed.Silences) != 2 || listed.Silences[0] != made {
		t.Errorf("%+v", listed)
	}
	end := fmt.Sprintf("%s/%d/end", path, made.ID)
	a.want(401, "scope decide", "POST", end, "{}")
	a.want(403, "scope decide", "POST", end, "{}", bearing(a.start)...)
	a.want(404, "silence 99", "POST", path+"/99/end", "{}", bearing(a.decide)...)
	a.want(404, "no id", "POST", path+"/x/end", "{}", bearing(a.decide)...)
	a.want(413, "", "POST", end, strings.Repeat(" ", 1<<20+1), bearing(a.decide)...)
	for range 2 { // once more changes nothing
		a.want(204, "", "POST", end, "{}", bearing(a.decide)...)
	}
	if a.ask("GET", path, "", &listed); len(listed.Silences) != 1 || listed.Silences[0].Rule != rule.Drift {
		t.Errorf("%+v", listed)
	}
}

// link is the one in the message by which a receiver is told that nobody has answered an alert.
func (a *answering) link(r rule.Record, receiver rule.Action) string {
	a.t.Helper()
	var link string
	a.level++
	_, done, err := a.store.Escalate(a.t.Context(), r.ID, a.level, []rule.Action{receiver}, func(kind notice.Kind, r rule.Record, to []rule.Action) (notice.Telling, error) {
		t, err := a.shown.cfg.Telling.Tell(kind, r, to)
		if err == nil && len(t.Queued) == 1 {
			var m notice.Message
			m, err = notice.Decode(t.Queued[0].Body)
			link = m.Acknowledge
		}
		return t, err
	})
	path, whole := strings.CutPrefix(link, "https://lockstep.example")
	if err != nil || !done || !whole {
		a.t.Fatal(link, done, err)
	}
	return path
}

// TestPageOfAnAlert: whoever follows a link sees, and does nothing; one button acknowledges, once.
func TestPageOfAnAlert(t *testing.T) {
	a := newAnswering(t)
	r := a.raise("0x01", time.Unix(1_795_000_000, 0))
	link, other := a.link(r, "security"), a.link(r, "ops")
	for range 3 { // mail scanners, previews of chats, somebody on a phone
		a.want(200, "<button>I have it in hand</button>", "GET", link, "")
	}
	for _, want := range []string{"<title>market: alert 1</title>", "<dd>high", "<dd>unauthorized_access", "<dd>optimism", "<dd>2026-11-18 11:06:40 UTC", "who has it in hand<dd>nobody", r.Summary} {
		a.want(200, want, "GET", link, "")
	}
	if now := a.now(r.ID); now.AcknowledgedBy != "" {
		t.Fatalf("to look at it acknowledges it: %+v", now)
	}
	a.want(404, "leads nowhere", "POST", monitor.AcknowledgePath+base64.RawURLEncoding.EncodeToString(make([]byte, 32)), "")
	a.want(200, "Noted: you have it in hand", "POST", link, "", "Content-Type", "application/x-www-form-urlencoded", "Origin", "null")
	now := a.now(r.ID)
	if now.AcknowledgedBy != "link to security" || now.AcknowledgedAt == 0 {
		t.Errorf("%+v", now)
	}
	for _, l := range []string{link, other} { // the other receiver sees who has it
		for _, method := range []string{"GET", "POST"} {
			code, text := a.ask(method, l, "", nil)
			if code != 200 || !strings.Contains(text, "<dd>link to security, since 20") || strings.Contains(text, "<button") || strings.Contains(text, "Noted") {
				t.Errorf("%s %s: %d %s", method, l, code, text)
			}
		}
	}
	if again := a.now(r.ID); again.AcknowledgedBy != now.AcknowledgedBy || again.AcknowledgedAt != now.AcknowledgedAt {
		t.Errorf("%+v", again)
	}
	// it is raised again, since it has become graver: the link that was used does nothing more, the next one does
	a.worsen(r)
	a.want(200, "This link was used", "GET", link, "")
	a.want(200, "This link was used", "POST", link, "")
	if now := a.now(r.ID); now.AcknowledgedBy != "" {
		t.Errorf("%+v", now)
	}
	next := a.link(r, "ops")
	a.resolve(r)
	for _, method := range []string{"GET", "POST"} {
		code, text := a.ask(method, next, "", nil)
		if code != 200 || !strings.Contains(text, "resolved since") || !strings.Contains(text, "it is &lt;over&gt;") || strings.Contains(text, "<button") {
			t.Errorf("%s: %d %s", method, code, text)
		}
	}
	for _, secret := range []string{link, other, next} {
		if strings.Contains(a.log.String(), strings.TrimPrefix(secret, monitor.AcknowledgePath)) {
			t.Error("the log holds the secret of a link")
		}
	}
}

// incident is a webhook of PagerDuty, with its signature.
func incident(id, kind, key, agent string, at time.Time) (body string, headers []string) {
	body = fmt.Sprintf(`{"event": {"id": %q, "event_type": %q, "occurred_at": %q, "agent": {"id": "P1", "type": %q, "summary": "Ada"}, "data": {"id": "INC", "type": "incident",
		"incident_key": %q, "title": "the bridge is stuck", "urgency": "high"}}}`, id, kind, at.Format(time.RFC3339), agent, key)
	mac := hmac.New(sha256.New, []byte(hookSecret))
	_, _ = mac.Write([]byte(body))
	return body, []string{"X-PagerDuty-Signature", "v1=" + hex.EncodeToString(mac.Sum(nil))}
}

func TestHooks(t *testing.T) {
	a := newAnswering(t)
	const pd, them, user = "/hooks/pd", "/hooks/them", "user_reference"
	send := func(code int, says, id, kind, key, agent string, at time.Time) {
		t.Helper()
		body, headers := incident(id, kind, key, agent, at)
		a.want(code, says, "POST", pd, body, headers...)
	}
	const nothing, report, answer = `{"reports":0,"answers":0}`, `{"reports":1,"answers":0}`, `{"reports":0,"answers":1}`
	raised := time.Now().Add(-10 * time.Minute)
	r, calm := a.raise("0x01", raised), a.raise("0x02", raised)
	send(200, nothing, "1", "incident.triggered", rule.Key("market", r.Fingerprint), user, time.Now())
	send(200, nothing, "2", "pagey.ping", "", user, time.Now())
	send(200, nothing, "3", "incident.acknowledged", rule.Key("market", r.Fingerprint), user, raised.Add(-2*time.Minute)) // of the alert before
	send(200, nothing, "4", "incident.resolved", rule.Key("market", r.Fingerprint), "service_reference", time.Now())
	if now := a.now(r.ID); now.AcknowledgedBy != "" {
		t.Fatalf("%+v", now)
	}
	send(200, answer, "5", "incident.acknowledged", rule.Key("market", r.Fingerprint), user, time.Now())
	if now := a.now(r.ID); now.AcknowledgedBy != "Ada (pd)" || !now.Fires() {
		t.Errorf("%+v", now)
	}
	send(200, nothing, "6", "incident.acknowledged", rule.Key("market", r.Fingerprint), user, time.Now()) // somebody has it already
	send(200, answer, "7", "incident.resolved", rule.Key("market", calm.Fingerprint), user, time.Now())
	if now := a.now(calm.ID); now.AcknowledgedBy != "Ada (pd)" || now.Note != "the incident was resolved in PagerDuty" || !now.Fires() {
		t.Errorf("what the chain shows fires on: %+v", now)
	}
	a.resolve(r)
	send(200, nothing, "8", "incident.resolved", rule.Key("market", r.Fingerprint), user, time.Now()) // is ours, and over

	// an incident of others becomes an alert
	external := func() rule.Record {
		t.Helper()
		all, err := a.store.Alerts(t.Context(), store.AlertQuery{Limit: 1})
		if err != nil || len(all) != 1 || all[0].Rule != rule.External {
			t.Fatal(all, err)
		}
		return all[0]
	}
	key := strings.Repeat("ab", 16)
	a.shown.err = errors.New("password for db.example is wrong")
	send(503, "send it again", "9", "incident.triggered", key, user, time.Now())
	a.shown.err = nil
	send(200, report, "9", "incident.triggered", key, user, time.Now())
	send(200, nothing, "9", "incident.triggered", key, user, time.Now()) // is delivered twice
	if e := external(); e.Summary != "the bridge is stuck" || e.Severity != rule.High || e.Subject != "pd INC" || !e.Fires() {
		t.Errorf("%+v", e)
	}
	send(200, answer, "10", "incident.acknowledged", key, user, time.Now())
	if e := external(); e.AcknowledgedBy != "Ada (pd)" {
		t.Errorf("%+v", e)
	}
	send(200, report, "11", "incident.resolved", key, user, time.Now())
	if e := external(); e.Fires() || e.Resolution != "pd says that it is over" {
		t.Errorf("%+v", e)
	}

	// what is not good, or not as it should be
	body, headers := incident("12", "incident.triggered", key, user, time.Now())
	for name, path := range map[string]string{"another body": pd, "another hook": them, "no hook": "/hooks/none"} {
		if code, text := a.ask("POST", path, body+" ", nil, headers...); code != 401 || text != `{"error":"unauthorized"}`+"\n" {
			t.Errorf("%s: %d %s", name, code, text)
		}
	}
	a.want(401, "unauthorized", "POST", them, "{}", bearing(a.decide)...)
	a.want(405, "", "GET", pd, "")
	token := []string{"Authorization", "Bearer " + hookToken}
	a.want(400, "state is", "POST", them, "{}", token...)
	a.want(200, report, "POST", them, `{"id": "7", "summary": "odd", "severity": "high", "network": "optimism", "state": "firing"}`, token...)
	if e := external(); e.Network != "optimism" || e.ChainID != 10 || e.Subject != "them 7" {
		t.Errorf("%+v", e)
	} else {
		a.want(200, fmt.Sprintf("It ends when them says so. If that never comes: lockstep alert resolve %d --reason TEXT", e.ID), "GET", a.link(e, "ops"), "")
	}
	a.want(200, report, "POST", them, `{"id": "7", "network": "optimism", "state": "resolved"}`, token...)
	if e := external(); e.Fires() {
		t.Errorf("%+v", e)
	}
	for _, secret := range []string{hookSecret, hookToken} {
		if strings.Contains(a.log.String(), secret) {
			t.Error("the log holds a secret")
		}
	}
	if !strings.Contains(a.log.String(), "db.example") || !strings.Contains(a.log.String(), `there is no hook \"none\"`) {
		t.Errorf("the log does not say why:\n%s", a.log)
	}
}

func TestAnswersThatCannotBe(t *testing.T) {
	t.Setenv("SHORT", "short")
	for in, want := range map[config.Inbound]string{
		{Type: "report", Token: "env:NOT_SET_ANYWHERE", Line: 7}: "f.yaml:7: alerts.inbound.a.token: environment variable NOT_SET_ANYWHERE is not set",
		{Type: "grafana", Secret: "env:SHORT", Line: 8}:          "f.yaml:8: inbound hook a: its secret has fewer than 16 bytes",
	} {
		_, err := newAnswers(&config.Config{File: "f.yaml", Alerts: config.Alerts{Inbound: map[string]config.Inbound{"a": in}}}, nil, monitor.Config{}, nil, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	for sink, want := range map[config.Ref]string{
		"env:NOT_SET_ANYWHERE": "f.yaml:9: alerts.sinks.am.url: environment variable NOT_SET_ANYWHERE is not set",
		"env:SHORT":            "f.yaml:9: alertmanager am: its URL must begin with https://",
	} {
		_, err := newAnswers(&config.Config{File: "f.yaml", Alerts: config.Alerts{Sinks: []config.Sink{{Name: "am", Type: notify.TypeAlertmanager, URL: sink, Line: 9}}}},
			nil, monitor.Config{}, nil, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	// every type that can be configured is one
	t.Setenv("HOOK_TOKEN", hookToken)
	for _, kind := range config.InboundTypes() {
		in := config.Inbound{Type: kind, Token: "env:HOOK_TOKEN"}
		if kind == config.InboundPagerDuty {
			in = config.Inbound{Type: kind, Secret: "env:HOOK_TOKEN"}
		}
		if _, err := newAnswers(&config.Config{Alerts: config.Alerts{Inbound: map[string]config.Inbound{"a": in}}}, nil, monitor.Config{}, nil, nil); err != nil {
			t.Error(err)
		}
	}
	if got := config.InboundTypes(); len(got) != len(inbound.Kinds()) {
		t.Errorf("%v, %v", got, inbound.Kinds())
	}
	var cfg web.Config
	if none, err := newAnswers(&config.Config{}, nil, monitor.Config{}, nil, nil); err != nil {
		t.Error(err)
	} else if none.serve(&cfg); len(cfg.Hooks) != 0 || len(cfg.Pages) != 1 {
		t.Errorf("without hooks: %+v", cfg)
	}
}

// TestSilencesOfAlertmanager: whoever silences one of our alerts in a real Alertmanager has it in hand, and for what it was then alone.
func TestSilencesOfAlertmanager(t *testing.T) {
	a := newAnswering(t)
	am, err := localprom.Alertmanager("route: {receiver: none}\nreceivers: [{name: none}]\n")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := am.Stop(); err != nil {
			t.Error(err)
		}
	})
	// as it is configured, and as it is told
	sink := config.Sink{Name: "main", Type: notify.TypeAlertmanager, URL: config.Ref(am.URL)}
	configured, err := newAnswers(&config.Config{Project: "market", Alerts: config.Alerts{Sinks: []config.Sink{{Name: "chat", Type: notify.TypeSlack}, sink}}}, nil, monitor.Config{}, nil, nil)
	if err != nil || len(configured.alertmanagers) != 1 {
		t.Fatal(configured, err)
	}
	a.alertmanagers = configured.alertmanagers
	told, err := outlet(&config.Config{}, sink)
	if err != nil {
		t.Fatal(err)
	}
	post := func(path, body string) {
		t.Helper()
		resp, err := http.Post(am.URL+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		if err := errors.Join(err, resp.Body.Close()); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s (%v)", body, text, err)
		}
	}
	poll := func() {
		t.Helper()
		if err := a.pollOnce(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	silence := func(by, fingerprint string) {
		t.Helper()
		post("/api/v2/silences", fmt.Sprintf(`{"matchers": [{"name": "fingerprint", "value": %q, "isRegex": false}], "createdBy": %q, "comment": "I look at it",
			"startsAt": %q, "endsAt": %q}`, fingerprint, by, time.Now().Format(time.RFC3339Nano), time.Now().Add(time.Hour).Format(time.RFC3339Nano)))
	}
	give := func(r rule.Record) {
		t.Helper()
		if err := told.Sink.Send(t.Context(), notice.Message{ID: "1", Kind: notice.Raised, Project: "market", At: r.RaisedAt, Alert: &r.Alert}); err != nil {
			t.Fatal(err)
		}
	}
	poll() // there is nothing to ask for
	r, later := a.raise("0x01", time.Now()), a.raise("0x02", time.Now().Add(3*time.Minute))
	give(r)
	give(later)
	poll()
	silence("grace", later.Fingerprint) // before the alert was raised, by its time
	silence("ada", r.Fingerprint)
	poll()
	if now := a.now(r.ID); now.AcknowledgedBy != "ada (silence in main)" || now.Note != "I look at it" || !now.Fires() {
		t.Errorf("%+v", now)
	}
	if now := a.now(later.ID); now.AcknowledgedBy != "" {
		t.Errorf("a silence from before answers it: %+v", now)
	}
	// it becomes graver, which nobody has seen; the silence holds for it still
	a.worsen(r)
	poll()
	if now := a.now(r.ID); now.AcknowledgedBy != "" || now.Severity != rule.Critical {
		t.Errorf("a silence counts twice: %+v", now)
	}
	silence("barbara", r.Fingerprint)
	poll()
	if now := a.now(r.ID); now.AcknowledgedBy != "barbara (silence in main)" {
		t.Errorf("%+v", now)
	}
	if len(a.spent) == 0 {
		t.Error("nothing is remembered")
	}
	a.resolve(r)
	a.resolve(later)
	poll()
	if len(a.spent) != 0 {
		t.Errorf("what is over is remembered: %v", a.spent)
	}
}

// An Alertmanager that cannot be asked is said once, and asked again.
func TestAlertmanagerOutOfReach(t *testing.T) {
	a := newAnswering(t)
	a.raise("0x01", time.Now())
	gone, err := inbound.NewAlertmanager("gone", "market", "http://127.0.0.1:1", nil)
	if err != nil {
		t.Fatal(err)
	}
	a.alertmanagers = append(a.alertmanagers, gone)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.poll(ctx) }()
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(a.log.String(), "ask alertmanager gone for alerts"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the log does not say it:\n%s", a.log)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if lines := slices.Collect(strings.Lines(a.log.String())); len(lines) > 3 {
		t.Errorf("%s", a.log)
	}
}
