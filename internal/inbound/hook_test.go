package inbound

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/notify"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

const (
	secret = "0123456789abcdef0123456789abcdef"
	bearer = "bearer-of-the-hook-0123456789"
)

var (
	at       = time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC)
	networks = map[string]uint64{"optimism": 10, "base": 8453}
)

// hook is one of a kind, as change has it.
func hook(t testing.TB, kind Kind, change ...func(*Spec)) *Hook {
	t.Helper()
	s := Spec{Name: "them", Project: "market", Kind: kind, Secret: secret, Token: bearer, Networks: networks}
	if kind == KindAlertmanager {
		s.Secret = ""
	}
	for _, c := range change {
		c(&s)
	}
	h, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func sum(key string, parts ...string) []byte {
	mac := hmac.New(sha256.New, []byte(key))
	for _, p := range parts {
		_, _ = mac.Write([]byte(p))
	}
	return mac.Sum(nil)
}

func hexSum(key string, parts ...string) string { return hex.EncodeToString(sum(key, parts...)) }

// headers makes a header of pairs; a name may stand several times.
func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

// standard are the headers of a report that is signed.
func standard(key, id string, at time.Time, body string) http.Header {
	stamp := fmt.Sprint(at.Unix())
	return headers("webhook-id", id, "webhook-timestamp", stamp, "webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(sum(key, id+"."+stamp+"."+body)))
}

func none(string) (bool, error) { return false, nil }

func TestVerify(t *testing.T) {
	const body = `{"a": "ü"}`
	stamp, late := fmt.Sprint(at.Unix()), fmt.Sprint(at.Add(-Tolerance-time.Second).Unix())
	good := "v1=" + hexSum(secret, body)
	const other = "v1=0000000000000000000000000000000000000000000000000000000000000000"
	basic := func(user, password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	signed := func(parts ...string) http.Header {
		h := standard(secret, "id-1", at, body)
		for i := 0; i < len(parts); i += 2 {
			h.Set(parts[i], parts[i+1])
		}
		return h
	}
	for name, c := range map[string]struct {
		kind   Kind
		header http.Header
		wrong  string // what the error says; empty if it is good
	}{
		"pagerduty":                       {KindPagerDuty, headers("X-PagerDuty-Signature", good), ""},
		"pagerduty, secrets that change":  {KindPagerDuty, headers("X-PagerDuty-Signature", other+","+good), ""},
		"pagerduty, the other order":      {KindPagerDuty, headers("X-PagerDuty-Signature", good+", "+other), ""},
		"pagerduty, in upper case":        {KindPagerDuty, headers("X-PagerDuty-Signature", "v1="+strings.ToUpper(good[3:])), ""},
		"pagerduty, in two headers":       {KindPagerDuty, headers("X-PagerDuty-Signature", other, "X-PagerDuty-Signature", good), ""},
		"pagerduty, another version":      {KindPagerDuty, headers("X-PagerDuty-Signature", "v2="+good[3:]), "not by the secret"},
		"pagerduty, without a version":    {KindPagerDuty, headers("X-PagerDuty-Signature", good[3:]), "not by the secret"},
		"pagerduty, another secret":       {KindPagerDuty, headers("X-PagerDuty-Signature", "v1="+hexSum("x"+secret, body)), "not by the secret"},
		"pagerduty, another body":         {KindPagerDuty, headers("X-PagerDuty-Signature", "v1="+hexSum(secret, body+" ")), "not by the secret"},
		"pagerduty, cut":                  {KindPagerDuty, headers("X-PagerDuty-Signature", good[:len(good)-2]), "not by the secret"},
		"pagerduty, empty":                {KindPagerDuty, headers("X-PagerDuty-Signature", ""), "not by the secret"},
		"pagerduty, an empty one":         {KindPagerDuty, headers("X-PagerDuty-Signature", "v1="), "not by the secret"},
		"pagerduty, many":                 {KindPagerDuty, headers("X-PagerDuty-Signature", strings.Repeat(other+",", maxSignatures)+good), "more than 16 signatures"},
		"pagerduty, nothing":              {KindPagerDuty, headers(), "neither a signature nor a token"},
		"pagerduty, signed as grafana":    {KindPagerDuty, headers("X-Grafana-Alerting-Signature", good[3:]), "neither"},
		"pagerduty, the token":            {KindPagerDuty, headers("Authorization", "Bearer "+bearer), ""},
		"pagerduty, both":                 {KindPagerDuty, headers("Authorization", "Bearer "+bearer, "X-PagerDuty-Signature", good), ""},
		"pagerduty, the token is wrong":   {KindPagerDuty, headers("Authorization", "Bearer x"+bearer, "X-PagerDuty-Signature", good), "token is wrong"},
		"pagerduty, signature is wrong":   {KindPagerDuty, headers("Authorization", "Bearer "+bearer, "X-PagerDuty-Signature", other), "not by the secret"},
		"pagerduty, the token twice":      {KindPagerDuty, headers("Authorization", "Bearer "+bearer, "Authorization", "Bearer "+bearer), "more than one Authorization"},
		"grafana":                         {KindGrafana, headers("X-Grafana-Alerting-Signature", hexSum(secret, stamp, ":", body), "X-Grafana-Alerting-Timestamp", stamp), ""},
		"grafana, without a time":         {KindGrafana, headers("X-Grafana-Alerting-Signature", hexSum(secret, body)), "set the timestamp header of the contact point to X-Grafana-Alerting-Timestamp"},
		"grafana, its time is not signed": {KindGrafana, headers("X-Grafana-Alerting-Signature", hexSum(secret, body), "X-Grafana-Alerting-Timestamp", stamp), "not by the secret"},
		"grafana, another time":           {KindGrafana, headers("X-Grafana-Alerting-Signature", hexSum(secret, late, ":", body), "X-Grafana-Alerting-Timestamp", stamp), "not by the secret"},
		"grafana, late":                   {KindGrafana, headers("X-Grafana-Alerting-Signature", hexSum(secret, late, ":", body), "X-Grafana-Alerting-Timestamp", late), "more than 5m0s from now"},
		"grafana, no time":                {KindGrafana, headers("X-Grafana-Alerting-Signature", hexSum(secret, "now", ":", body), "X-Grafana-Alerting-Timestamp", "now"), "not in unix seconds"},
		"grafana, the token":              {KindGrafana, headers("Authorization", "bearer "+bearer), ""},
		"grafana, a password":             {KindGrafana, headers("Authorization", basic("grafana", bearer)), ""},
		"grafana, a password and no user": {KindGrafana, headers("Authorization", basic("", bearer)), ""},
		"grafana, a wrong password":       {KindGrafana, headers("Authorization", basic("grafana", bearer+"x")), "token is wrong"},
		"grafana, a password with colons": {KindGrafana, headers("Authorization", basic("a:b", bearer)), "token is wrong"},
		"grafana, no base64":              {KindGrafana, headers("Authorization", "Basic %"), "token is wrong"},
		"grafana, another scheme":         {KindGrafana, headers("Authorization", "Token "+bearer), "token is wrong"},
		"grafana, no scheme":              {KindGrafana, headers("Authorization", bearer), "token is wrong"},
		"grafana, an empty token":         {KindGrafana, headers("Authorization", "Bearer "), "token is wrong"},
		"alertmanager":                    {KindAlertmanager, headers("Authorization", "Bearer "+bearer), ""},
		"alertmanager, a password":        {KindAlertmanager, headers("Authorization", basic("alertmanager", bearer)), ""},
		"alertmanager, the beginning":     {KindAlertmanager, headers("Authorization", "Bearer "+bearer[:20]), "token is wrong"},
		"alertmanager, more":              {KindAlertmanager, headers("Authorization", "Bearer "+bearer+" "), "token is wrong"},
		"alertmanager, nothing":           {KindAlertmanager, headers(), "neither"},
		"report":                          {KindReport, signed(), ""},
		"report, the token":               {KindReport, headers("Authorization", "Bearer "+bearer), ""},
		"report, two signatures":          {KindReport, signed("webhook-signature", "v1,AAAA "+signed().Get("webhook-signature")), ""},
		"report, another id":              {KindReport, signed("webhook-id", "id-2"), "not by the secret"},
		"report, no id":                   {KindReport, signed("webhook-id", ""), "lacks"},
		"report, an id with a dot":        {KindReport, signed("webhook-id", "id.1"), "not as they should be"},
		"report, a long id":               {KindReport, signed("webhook-id", strings.Repeat("x", maxID+1)), "not as they should be"},
		"report, no time":                 {KindReport, signed("webhook-timestamp", ""), "lacks"},
		"report, another time":            {KindReport, signed("webhook-timestamp", late), "not by the secret"},
		"report, another version":         {KindReport, signed("webhook-signature", strings.Replace(signed().Get("webhook-signature"), "v1", "v1a", 1)), "not by the secret"},
		"report, late":                    {KindReport, standard(secret, "id-1", at.Add(-Tolerance-time.Second), body), "more than 5m0s"},
		"report, early":                   {KindReport, standard(secret, "id-1", at.Add(Tolerance+time.Second), body), "more than 5m0s"},
		"report, just in time":            {KindReport, standard(secret, "id-1", at.Add(-Tolerance), body), ""},
		"report, a time that overflows": {
			KindReport, headers("webhook-id", "i", "webhook-timestamp", "-9223372036854775808", "webhook-signature",
				"v1,"+base64.StdEncoding.EncodeToString(sum(secret, "i.-9223372036854775808."+body))), "more than 5m0s",
		},
	} {
		err := hook(t, c.kind).Verify(at, c.header, []byte(body))
		if (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s: %v, want %q", name, err, c.wrong)
		}
		if err != nil && (strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), bearer)) {
			t.Errorf("%s: the error holds a secret: %v", name, err)
		}
	}
}

// A hook knows the credentials that it was given, and no empty one.
func TestVerifyWithOneCredential(t *testing.T) {
	const body = "{}"
	noToken := hook(t, KindGrafana, func(s *Spec) { s.Token = "" })
	noSecret := hook(t, KindGrafana, func(s *Spec) { s.Secret = "" })
	stamp := fmt.Sprint(at.Unix())
	signed := headers("X-Grafana-Alerting-Signature", hexSum(secret, stamp, ":", body), "X-Grafana-Alerting-Timestamp", stamp)
	unsigned := headers("X-Grafana-Alerting-Signature", hexSum("", stamp, ":", body), "X-Grafana-Alerting-Timestamp", stamp)
	authorized := headers("Authorization", "Bearer "+bearer)
	for name, c := range map[string]struct {
		h      *Hook
		header http.Header
		good   bool
	}{
		"secret, signed":              {noToken, signed, true},
		"secret, by a token":          {noToken, authorized, false},
		"secret, by an empty token":   {noToken, headers("Authorization", "Bearer "), false},
		"token, by it":                {noSecret, authorized, true},
		"token, signed":               {noSecret, signed, false},
		"token, by no secret":         {noSecret, unsigned, false},
		"token, by it, and signed":    {noSecret, headers("Authorization", "Bearer "+bearer, "X-Grafana-Alerting-Signature", "00"), true}, // which it cannot check
		"secret, with some other one": {noToken, headers("Authorization", "Bearer of-a-proxy", "X-Grafana-Alerting-Signature", signed.Get("X-Grafana-Alerting-Signature"), "X-Grafana-Alerting-Timestamp", stamp), true},
	} {
		if err := c.h.Verify(at, c.header, []byte(body)); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
	// a secret as Standard Webhooks writes it
	key := []byte("a key of twenty-four by")
	std := hook(t, KindReport, func(s *Spec) { s.Secret = "whsec_" + base64.StdEncoding.EncodeToString(key) })
	if err := std.Verify(at, standard(string(key), "x", at, body), []byte(body)); err != nil {
		t.Error(err)
	}
}

// What our own webhooks sign, a hook for reports takes.
func TestOurOwnSignatures(t *testing.T) {
	for _, text := range []string{secret, "whsec_" + base64.StdEncoding.EncodeToString([]byte("a key of twenty-four by"))} {
		sender, err := notify.ParseSecret(text)
		if err != nil {
			t.Fatal(err)
		}
		h := hook(t, KindReport, func(s *Spec) { s.Secret = text })
		body := []byte(`{"a": "ü"}`)
		if err := h.Verify(at, sender.Sign("12-raised-high-0", at, body), body); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if err := h.Verify(at, sender.Sign("12-raised-high-0", at, body), body[1:]); err == nil {
			t.Errorf("%s: another body", text)
		}
	}
}

func TestNew(t *testing.T) {
	for name, c := range map[string]struct {
		spec Spec
		want string
	}{
		"no type":           {Spec{Token: bearer}, `"" is no type`},
		"an unknown type":   {Spec{Kind: "opsgenie", Token: bearer}, `"opsgenie" is no type`},
		"nothing":           {Spec{Kind: KindReport}, "neither a secret nor a token"},
		"pagerduty":         {Spec{Kind: KindPagerDuty, Token: bearer}, "has no secret"},
		"alertmanager":      {Spec{Kind: KindAlertmanager, Token: bearer, Secret: secret}, "signs nothing"},
		"network":           {Spec{Kind: KindReport, Token: bearer, Network: "x", Networks: networks}, `no network "x"`},
		"a short token":     {Spec{Kind: KindReport, Token: "123456789012345"}, "fewer than 16 characters"},
		"a token of two":    {Spec{Kind: KindReport, Token: "0123456789 0123456789"}, "some that a header cannot have"},
		"a token in German": {Spec{Kind: KindReport, Token: "Zähnezähnezähnezähne"}, "some that a header cannot have"},
		"a short secret":    {Spec{Kind: KindGrafana, Secret: "123456789012345"}, "fewer than 16 bytes"},
		"short in base64":   {Spec{Kind: KindReport, Secret: "whsec_MTIzNDU2Nzg5MDEyMzQ1"}, "fewer than 16 bytes"},
		"no base64":         {Spec{Kind: KindReport, Secret: "whsec_!!!!!!!!!!!!!!!!!!!!"}, "not base64"},
	} {
		c.spec.Name = "them"
		_, err := New(c.spec)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "inbound hook them: ") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		for _, s := range []string{c.spec.Secret, c.spec.Token} {
			if err != nil && s != "" && strings.Contains(err.Error(), s) {
				t.Errorf("%s: the error holds a secret: %v", name, err)
			}
		}
	}
}

// read reads a body that must be readable.
func read(t testing.TB, h *Hook, header http.Header, body string, ours Ours) Received {
	t.Helper()
	r, err := h.Read(at, header, []byte(body), ours)
	if err != nil {
		t.Fatalf("%.500s: %v", body, err)
	}
	return r
}

func TestReport(t *testing.T) {
	long := strings.Repeat("ä", 400)
	seen := func(change func(*rule.Seen)) rule.Seen {
		s := rule.Seen{Sight: rule.SawReport, At: at.UnixMilli(), Source: "them", Subject: "t-1", Summary: "the pool is empty", Severity: rule.High, Failed: true}
		change(&s)
		return s
	}
	withDefaults := hook(t, KindReport, func(s *Spec) { s.Network, s.Severity = "base", rule.Critical })
	for body, c := range map[string]struct {
		h    *Hook
		want rule.Seen
	}{
		`{"id":"t-1","summary":"the pool is empty","severity":"high","state":"firing"}`: {nil, seen(func(*rule.Seen) {})},
		`{"id":"t-1","summary":"the pool is empty","severity":"low","network":"optimism","details":{"b":"2","a":"1\n2"},"state":"firing"}`: {nil, seen(func(s *rule.Seen) {
			s.Severity, s.Network, s.ChainID, s.Details = rule.Info, "optimism", 10, []rule.Detail{{Name: "a", Value: "1 2"}, {Name: "b", Value: "2"}}
		})},
		`{"summary":" the pool\nis  empty \u202e","state":"firing"}`:  {nil, seen(func(s *rule.Seen) { s.Subject, s.Severity = s.Summary, "" })},
		`{"summary":"the pool is empty","state":"resolved"}`:          {nil, seen(func(s *rule.Seen) { s.Subject, s.Severity, s.Failed = s.Summary, "", false })},
		`{"id":"t-1","state":"resolved"}`:                             {nil, seen(func(s *rule.Seen) { s.Severity, s.Failed, s.Summary = "", false, "" })},
		`{"id":"t-1","summary":"the pool is empty","state":"firing"}`: {withDefaults, seen(func(s *rule.Seen) { s.Severity, s.Network, s.ChainID = rule.Critical, "base", 8453 })},
		`{"id":"t-1","summary":"` + long + `","state":"firing"}`: {nil, seen(func(s *rule.Seen) {
			s.Severity, s.Summary = "", strings.Repeat("ä", 148)+"..." // of 300 bytes, and no half of a letter
		})},
	} {
		if c.h == nil {
			c.h = hook(t, KindReport)
		}
		if diff := cmp.Diff(Received{Reports: []rule.Seen{c.want}}, read(t, c.h, headers(), body, none), cmp.AllowUnexported(Received{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
	for body, want := range map[string]string{
		``:                                    "it is empty",
		`{`:                                   "not as it should be",
		`[]`:                                  "not as it should be",
		`{"summary":1,"state":"firing"}`:      "not as it should be",
		`{"summary":"x","state":"firing"} {}`: "something comes after",
		`{"summary":"x","state":"firing","serverity":"high"}`:  "serverity", // it would be taken for a warning
		`{"summary":"x","state":"firing","severity":"urgent"}`: `severity is "urgent"`,
		`{"summary":"x","state":"firing","network":"linea"}`:   `no network "linea": known are base, optimism`,
		`{"summary":"x"}`:                              `state is ""`,
		`{"summary":"x","state":"open"}`:               `state is "open"`,
		`{"id":"x","state":"firing"}`:                  "summary is missing",
		`{"summary":"\u200b","state":"firing"}`:        "summary is missing",
		`{"summary":7,"state":"firing"}`:               "report is not as it should be: summary must be a text, and is a number",
		`{"state":"resolved"}`:                         "summary is missing",
		`{"id":"a\nb","summary":"x","state":"firing"}`: "id must be",

		`{"id":"` + strings.Repeat("x", 201) + `","summary":"x","state":"firing"}`:          "id must be",
		`{"summary":"` + strings.Repeat("x", maxBodies[KindReport]) + `"}`:                  "more than 65536 bytes",
		`{"summary":"x","state":"firing","details":{` + manyDetails(31, `"n%d":"x"`) + `}}`: "more than 30 details",
	} {
		_, err := hook(t, KindReport).Read(at, headers(), []byte(body), none)
		var e *UnreadableError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %q", body, err, want)
		}
	}
}

func manyDetails(n int, format string) string {
	var parts []string
	for i := range n {
		parts = append(parts, fmt.Sprintf(format, i))
	}
	return strings.Join(parts, ",")
}

// What was delivered before says nothing, until it is forgotten, since it could not be kept, or too long ago to be sent again.
func TestReplay(t *testing.T) {
	const body = `{"summary":"x","state":"firing"}`
	h := hook(t, KindReport)
	header := standard(secret, "id-1", at, body)
	first := read(t, h, header, body, none)
	if len(first.Reports) != 1 {
		t.Fatal(first)
	}
	for range 2 {
		if r := read(t, h, header, body, none); len(r.Reports) != 0 || r.Passed != "it was delivered before" {
			t.Errorf("delivered again: %+v", r)
		}
	}
	if r := read(t, h, standard(secret, "id-2", at, body), body, none); len(r.Reports) != 1 {
		t.Errorf("another: %+v", r)
	}
	h.Forget(first)
	if r := read(t, h, header, body, none); len(r.Reports) != 1 {
		t.Errorf("after it was forgotten: %+v", r)
	}
	// what is not as it should be was not delivered
	bad := standard(secret, "id-3", at, "{")
	if _, err := h.Read(at, bad, []byte("{"), none); err == nil {
		t.Error("it was read")
	}
	if r := read(t, h, bad, body, none); len(r.Reports) != 1 {
		t.Errorf("after one that could not be read: %+v", r)
	}
	// a token has no id: each is a delivery
	for range 2 {
		if r := read(t, h, headers("Authorization", "Bearer "+bearer), body, none); len(r.Reports) != 1 {
			t.Errorf("by a token: %+v", r)
		}
	}
	stamp := fmt.Sprint(at.Unix())
	const group = `{"version":"1","alerts":[]}`
	g := hook(t, KindGrafana)
	for i, upper := range []bool{false, true} { // the same signature, whatever its case
		text := hexSum(secret, stamp, ":", group)
		if upper {
			text = strings.ToUpper(text)
		}
		r := read(t, g, headers("X-Grafana-Alerting-Signature", text, "X-Grafana-Alerting-Timestamp", stamp), group, none)
		if (r.Passed != "") != (i > 0) {
			t.Errorf("%d: %+v", i, r)
		}
	}
}

func TestMemory(t *testing.T) {
	m := memory{keep: time.Minute}
	for i := range maxRemembered {
		if !m.first(fmt.Sprint(i), at) {
			t.Fatal(i)
		}
	}
	if m.first("0", at) {
		t.Error("it is full, and forgets what it has")
	}
	m.first("new", at)
	if len(m.at) > maxRemembered || len(m.order) > maxRemembered {
		t.Errorf("it remembers %d, %d", len(m.at), len(m.order))
	}
	if m.first(fmt.Sprint(maxRemembered-1), at.Add(time.Minute-1)) {
		t.Error("it forgets too soon")
	}
	m.forget("1")
	if !m.first("1", at.Add(time.Minute-1)) {
		t.Error("what it is to forget it remembers")
	}
	if !m.first("new", at.Add(time.Minute)) || len(m.at) != 2 || len(m.order) != 2 {
		t.Errorf("what is old stays: %d", len(m.at))
	}
}
