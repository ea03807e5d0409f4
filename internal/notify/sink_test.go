package notify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/seed-b6a97670/lockstep/internal/notice"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// TestPayloads compares what each sink is sent, byte for byte, with files.
func TestPayloads(t *testing.T) {
	for _, s := range []Spec{
		{Type: TypeWebhook, URL: "/hook?a=b", Secret: "whsec_" + "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="},
		{Type: TypeSlack, URL: "/services/T0/B0/secret"},
		{Type: TypeDiscord, URL: "/api/webhooks/1/secret"},
		{Type: TypePagerDuty, Key: "routingkey"},
		{Type: TypeAlertmanager, URL: "/am"},
	} {
		t.Run(s.Type, func(t *testing.T) {
			w := newWall(t, nil)
			s.URL = w.URL + s.URL
			o := outletOf(t, s)
			var out strings.Builder
			for _, m := range messages() {
				if m.Kind == notice.Summary && !o.Terms.Together {
					continue
				}
				before := len(w.requests)
				if err := send(t, o, m); err != nil {
					t.Fatalf("%s: %v", m.Kind, err)
				}
				for _, r := range w.requests[before:] {
					fmt.Fprintf(&out, "=== %s\n%s\n", m.Kind, indented(r))
				}
			}
			golden(t, s.Type+".txt", out.String())
		})
	}
}

// indented writes JSON in the body of a request so that people can compare it.
func indented(request string) string {
	head, body, _ := strings.Cut(request, "\n\n")
	var b bytes.Buffer
	if json.Indent(&b, []byte(body), "", "  ") != nil {
		return request
	}
	return head + "\n\n" + b.String()
}

func TestTerms(t *testing.T) {
	for kind, want := range map[string]struct{ together, renews bool }{
		TypeWebhook: {true, false}, TypeSlack: {true, false}, TypePagerDuty: {false, false}, TypeAlertmanager: {true, true},
	} {
		o := outletOf(t, Spec{Name: "x", Type: kind, URL: "https://sink.example/a"})
		if o.Terms.Together != want.together || o.Terms.Renews != want.renews || o.Terms.Sink != "x" || o.Terms.PerMinute != 100 || o.Terms.MaxAge != 24*3600_000 || o.Terms.Most == 0 {
			t.Errorf("%s: %+v", kind, o.Terms)
		}
	}
}

func TestSinksThatAreNone(t *testing.T) {
	for want, s := range map[string]Spec{
		"its type is \"irc\", known are [alertmanager discord email pagerduty slack webhook]": {Type: "irc"},
		"its URL must begin with https://":                              {Type: TypeSlack, URL: "http://hunter2.example/hunter2"},
		"its URL must begin with https://, or with http:// for one":     {Type: TypeDiscord, URL: "hunter2"},
		"its URL must begin with https://, or with":                     {Type: TypeWebhook, URL: "https:///hunter2"},
		"its URL must begin with https://, or":                          {Type: TypeAlertmanager, URL: "ftp://127.0.0.1/hunter2"},
		"its URL must begin":                                            {Type: TypePagerDuty, URL: "http://192.0.2.1/hunter2"},
		"the secret has 7 bytes, and must have at least 16":             {Type: TypeWebhook, URL: "https://a.example", Secret: "hunter2"},
		"the secret begins with whsec_, and what follows is not base64": {Type: TypeWebhook, URL: "https://a.example", Secret: "whsec_hunter2!"},
		"its server must be a host and a port":                          {Type: TypeEmail, Server: "hunter2"},
		"from: \"oncall\" is no address":                                {Type: TypeEmail, Server: "a.example:25", From: "oncall"},
		"to: \"a@b.example\\r\\nBcc: c@d.example\" is no address":       {Type: TypeEmail, Server: "a.example:25", From: "a@b.example", To: []string{"a@b.example\r\nBcc: c@d.example"}},
		"to is missing: name at least one address":                      {Type: TypeEmail, Server: "a.example:25", From: "a@b.example"},
	} {
		s.Name = "chat"
		_, err := New(s)
		if err == nil || !strings.HasPrefix(err.Error(), "sink chat: "+want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v, want %s", err, want)
		}
	}
	for _, url := range []string{"http://127.0.0.1:1/a", "http://localhost/a", "http://[::1]:9093", "https://a.example", " https://a.example/b\n"} {
		if _, err := New(Spec{Type: TypeSlack, URL: url}); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// A summary that is longer than a message can be keeps all names: in more blocks, or in a file.
func TestLongSummaries(t *testing.T) {
	m := notice.Message{ID: "00", Kind: notice.Summary, At: begun, Project: "market"}
	for i := range notice.MostTogether {
		m.Parts = append(m.Parts, notice.Message{Kind: notice.Raised, At: begun, Alert: alertOf(fmt.Sprint("rule_of_some_length_", i), rule.Warning, fmt.Sprint(i))})
	}
	for _, kind := range []string{TypeSlack, TypeDiscord} {
		w := newWall(t, nil)
		if err := send(t, outletOf(t, Spec{Type: kind, URL: w.URL}), m); err != nil {
			t.Fatal(err)
		}
		body := w.all()[0]
		for _, p := range m.Parts {
			if !strings.Contains(body, p.Alert.Fingerprint) {
				t.Errorf("%s: %s is not named", kind, p.Alert.Fingerprint)
			}
		}
		switch kind {
		case TypeSlack:
			var got slackMessage
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatal(err)
			}
			if n := len(got.Attachments[0].Blocks); n < 2 || n > 50 {
				t.Errorf("%d blocks", n)
			}
			for _, b := range got.Attachments[0].Blocks {
				if len(b.Text.Text) > 3000 {
					t.Errorf("a block of %d bytes", len(b.Text.Text))
				}
			}
		case TypeDiscord:
			head, _, _ := strings.Cut(body, "message.txt")
			_, head, _ = strings.Cut(head, "\r\n\r\n")
			head, _, _ = strings.Cut(head, "\r\n--")
			var got discordMessage
			if err := json.Unmarshal([]byte(head), &got); err != nil {
				t.Fatal(err, head)
			}
			if n := len(got.Embeds[0].Description); n > 4096 {
				t.Errorf("a description of %d bytes", n)
			}
		}
	}
}

func TestChunks(t *testing.T) {
	for _, test := range []struct {
		text string
		most int
		want []string
	}{
		{"", 5, nil},
		{"abcde", 5, []string{"abcde"}},
		{"ab\ncd\nef", 5, []string{"ab", "cd\nef"}},
		{"abcdefgh", 5, []string{"abcde", "fgh"}},
		{"\nabcdefgh", 5, []string{"\nabcd", "efgh"}},
		{"abcd\u20acfg", 5, []string{"abcd", "\u20acfg"}},
	} {
		got := chunks(test.text, test.most)
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", test.want) {
			t.Errorf("%q: %q, want %q", test.text, got, test.want)
		}
	}
}

// An alert never ends before it has begun, which Alertmanager would refuse.
func TestAlertmanagerTimes(t *testing.T) {
	w := newWall(t, nil)
	m := notice.Message{ID: "m", Kind: notice.Resolved, At: begun + 9, Alert: alertOf("r", rule.High, "1")}
	for _, test := range []struct {
		resolved int64
		want     string
	}{{0, stamp(begun + 9)}, {begun + 3, stamp(begun + 3)}, {begun - 3, stamp(begun)}} {
		m.Alert.ResolvedAt = test.resolved
		if err := send(t, outletOf(t, Spec{Type: TypeAlertmanager, URL: w.URL}), m); err != nil {
			t.Fatal(err)
		}
		all := w.all()
		if body := all[len(all)-1]; !strings.Contains(body, `"startsAt":"`+stamp(begun)+`","endsAt":"`+test.want+`"`) {
			t.Errorf("resolved at %d: %s", test.resolved, body)
		}
	}
}

// An event of PagerDuty holds small files that are text, and no others.
func TestPagerDutyFiles(t *testing.T) {
	w := newWall(t, nil)
	m := rich(notice.Raised)
	m.Attachments = []notice.Attachment{
		{Name: "small.json", Data: []byte("{}")}, {Name: "large.json", Data: make([]byte, pagerDutyInline+1)}, {Name: "odd.bin", Data: []byte{0xff}},
	}
	if err := send(t, outletOf(t, Spec{Type: TypePagerDuty, URL: w.URL, Key: "k"}), m); err != nil {
		t.Fatal(err)
	}
	body := w.all()[0]
	if strings.Count(body, "small.json") != 2 || strings.Contains(body, "large.json") || strings.Contains(body, "odd.bin") {
		t.Errorf("%.3000s", body)
	}
}
