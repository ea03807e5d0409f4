package notify

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"
)

func secretOf(t testing.TB, text string) Secret {
	t.Helper()
	s, err := ParseSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The example of the Standard Webhooks specification's libraries.
func TestSignatureOfTheSpecification(t *testing.T) {
	s := secretOf(t, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	h := s.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if got, want := h.Get(headerSignature), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestVerify(t *testing.T) {
	now := time.Unix(begun, 0)
	s, body := secretOf(t, "0123456789abcdef"), []byte(`{"a": 1}`)
	good := func() http.Header { return s.Sign("m1", now, body) }
	for name, test := range map[string]struct {
		change func(h http.Header)
		body   string
		now    time.Time
		want   string // empty if it is good
	}{
		"good":                   {},
		"within the tolerance":   {now: now.Add(Tolerance)},
		"of a clock behind":      {now: now.Add(-Tolerance)},
		"sent again":             {now: now.Add(Tolerance + time.Second), want: "it was signed more than 5m0s from now"},
		"of the future":          {now: now.Add(-Tolerance - time.Second), want: "it was signed more than 5m0s from now"},
		"another body":           {body: `{"a": 2}`, want: "its signature is not by the secret"},
		"another id":             {change: func(h http.Header) { h.Set(headerID, "m2") }, want: "its signature is not by the secret"},
		"another time":           {change: func(h http.Header) { h.Set(headerTimestamp, "1700000001") }, want: "its signature is not by the secret"},
		"id and time moved":      {change: func(h http.Header) { h.Set(headerID, "m1.1700000000") }, want: "it is not signed"},
		"no id":                  {change: func(h http.Header) { h.Del(headerID) }, want: "it is not signed"},
		"a long id":              {change: func(h http.Header) { h.Set(headerID, strings.Repeat("x", 257)) }, want: "it is not signed"},
		"no time":                {change: func(h http.Header) { h.Del(headerTimestamp) }, want: "it is not signed"},
		"no signature":           {change: func(h http.Header) { h.Del(headerSignature) }, want: "it is not signed: it needs the headers Webhook-Id"},
		"two headers":            {change: func(h http.Header) { h.Add(headerSignature, "v1,x") }, want: "it is not signed"},
		"a time in words":        {change: func(h http.Header) { h.Set(headerTimestamp, "now") }, want: "Webhook-Timestamp is not a time"},
		"a time written so":      {change: func(h http.Header) { h.Set(headerTimestamp, "01700000000") }, want: "Webhook-Timestamp is not a time"},
		"one of several is good": {change: func(h http.Header) { h.Set(headerSignature, "v1,AAAA v1a,b "+h.Get(headerSignature)) }},
		"of another version":     {change: func(h http.Header) { h.Set(headerSignature, "v2"+strings.TrimPrefix(h.Get(headerSignature), "v1")) }, want: "not by the secret"},
		"cut off":                {change: func(h http.Header) { h.Set(headerSignature, "v1,"+base64.StdEncoding.EncodeToString([]byte("short"))) }, want: "not by the secret"},
		"empty":                  {change: func(h http.Header) { h.Set(headerSignature, "v1,") }, want: "not by the secret"},
	} {
		h, b, at := good(), string(body), now
		if test.change != nil {
			test.change(h)
		}
		if test.body != "" {
			b = test.body
		}
		if !test.now.IsZero() {
			at = test.now
		}
		id, err := s.Verify(h, at, []byte(b))
		switch {
		case test.want == "" && (err != nil || id != "m1"):
			t.Errorf("%s: %q, %v", name, id, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || id != ""):
			t.Errorf("%s: %q, %v, want %s", name, id, err, test.want)
		}
	}
	if _, err := secretOf(t, "another secret 16").Verify(good(), now, body); err == nil {
		t.Error("another secret verifies it")
	}
	if s.String() != "[secret]" {
		t.Errorf("it shows itself: %s", s)
	}
}

// FuzzVerify: only what was signed is taken, and nothing makes it panic.
func FuzzVerify(f *testing.F) {
	s := secretOf(f, "0123456789abcdef")
	now := time.Unix(begun, 0)
	signed := s.Sign("m1", now, []byte("body"))
	f.Add("m1", "1700000000", signed.Get(headerSignature), []byte("body"))
	f.Add("m1.1", "1700000000", "v1,AAAA v1,", []byte(""))
	f.Add("", "-9223372036854775808", "v1,=", []byte("x"))
	f.Fuzz(func(t *testing.T, id, at, signature string, body []byte) {
		got, err := s.Verify(http.Header{headerID: {id}, headerTimestamp: {at}, headerSignature: {signature}}, now, body)
		if err == nil && (got != "m1" || at != "1700000000" || string(body) != "body") {
			t.Errorf("%q %q %q %q is taken", id, at, signature, body)
		}
	})
}
