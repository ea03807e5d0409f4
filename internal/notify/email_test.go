package notify

import (
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"
	"testing"

	"github.com/seed-b6a97670/lockstep/internal/notice"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// starting offers STARTTLS.
func starting(p *post) { p.starts = true }

// TestMails compares the mails of all kinds of messages with a file.
func TestMails(t *testing.T) {
	p := newPost(t, starting)
	o := p.mailer("smtp.example:587", func(s *Spec) { s.To = []string{"oncall@example.org", "Ünal <u@example.org>"} })
	var out strings.Builder
	for _, m := range messages() {
		if err := send(t, o, m); err != nil {
			t.Fatalf("%s: %v", m.Kind, err)
		}
		fmt.Fprintf(&out, "=== %s\n%s\n", m.Kind, strings.ReplaceAll(p.mails[len(p.mails)-1], "\r\n", "\n"))
	}
	golden(t, "email.txt", out.String())
}

// A program that reads mail finds in it what was put there.
func TestMailIsRead(t *testing.T) {
	p := newPost(t, starting)
	m := rich(notice.Raised)
	m.Alert.Summary = "größer – 日本"
	m.Attachments[0].Data = []byte(strings.Repeat("\x00\xff.\r\n", 100))
	if err := send(t, p.mailer("smtp.example:587"), m); err != nil {
		t.Fatal(err)
	}
	got, err := mail.ReadMessage(strings.NewReader(p.mails[0]))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject"))
	if err != nil || subject != "CRITICAL on ethereum: größer – 日本" {
		t.Errorf("%q, %v", subject, err)
	}
	if i := strings.IndexFunc(p.mails[0], func(r rune) bool { return r > '~' }); i >= 0 {
		t.Errorf("%q is not encoded", p.mails[0][i:])
	}
	_, params, err := mime.ParseMediaType(got.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(got.Body, params["boundary"])
	text, err := parts.NextPart()
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(text); err != nil || !strings.Contains(string(body), "What to do: take it back") || !strings.Contains(string(body), "Acknowledge: https://lockstep.example/ack?t=a|b&c=(d)") {
		t.Errorf("%s, %v", body, err)
	}
	file, err := parts.NextRawPart()
	if err != nil {
		t.Fatal(err)
	}
	if got := file.FileName(); got != "_rollback_plan.json" {
		t.Errorf("%q", got)
	}
}

// Nothing that strangers write makes a header, or another recipient.
func TestMailHeadersAreSafe(t *testing.T) {
	p := newPost(t, starting)
	const evil = "x\r\nBcc: evil@example.org\r\n\r\n<html>"
	m := notice.Message{ID: "00", Kind: notice.Raised, At: begun, Project: evil, Alert: alertOf("r", rule.High, "s"), Attachments: []notice.Attachment{{Name: evil, Type: evil}}}
	m.Alert.Summary, m.Alert.Network, m.Alert.Fingerprint = evil, evil, evil
	if err := send(t, p.mailer("smtp.example:587"), m); err != nil {
		t.Fatal(err)
	}
	got, err := mail.ReadMessage(strings.NewReader(p.mails[0]))
	if err != nil {
		t.Fatal(err)
	}
	if got.Header.Get("Bcc") != "" || len(got.Header) != 9 {
		t.Errorf("%v", got.Header)
	}
	if told := p.told(); strings.Contains(told, "evil") {
		t.Errorf("the server was told %s", told)
	}
}

func TestMailIsSecured(t *testing.T) {
	user := func(s *Spec) { s.User, s.Password = "lock", "hunter2" }
	const rest = "\nMAIL FROM:<lockstep@example.org> BODY=8BITMIME\nRCPT TO:<oncall@example.org>\nDATA\nQUIT"
	for name, test := range map[string]struct {
		set    func(p *post)
		server string
		change []func(*Spec)
		told   string
		fails  string // nothing of a mail is sent then
		retry  bool
	}{
		"starttls":                    {set: starting, server: "smtp.example:587", told: "EHLO\nSTARTTLS\nTLS\nEHLO" + rest},
		"on port 25":                  {set: starting, server: "smtp.example:25", told: "EHLO\nSTARTTLS\nTLS\nEHLO" + rest},
		"tls from the beginning":      {set: func(p *post) { p.wraps = true }, server: "smtp.example:465", told: "TLS\nEHLO" + rest},
		"plain, on this machine":      {server: "127.0.0.1:25", told: "EHLO" + rest},
		"plain, on this machine, too": {server: "localhost:25", told: "EHLO" + rest},
		"with a password": {
			set: func(p *post) { p.starts, p.auth = true, "LOGIN PLAIN" }, server: "smtp.example:587", change: []func(*Spec){user},
			told: "EHLO\nSTARTTLS\nTLS\nEHLO\nAUTH PLAIN AGxvY2sAaHVudGVyMg==" + rest,
		},
		"with another mechanism": {
			set: func(p *post) { p.starts, p.auth = true, "LOGIN XOAUTH2" }, server: "smtp.example:587", change: []func(*Spec){user},
			told: "EHLO\nSTARTTLS\nTLS\nEHLO\nAUTH LOGIN\nlock\nhunter2" + rest,
		},
		"plain, elsewhere":     {server: "smtp.example:587", told: "EHLO", fails: "it offers no STARTTLS, and nothing is told to it in the clear"},
		"of another name":      {set: starting, server: "other.example:587", told: "EHLO\nSTARTTLS\nTLS", fails: "it shows a certificate that this machine does not trust", retry: true},
		"of nobody":            {set: func(p *post) { p.wraps = true }, server: "smtp.example:465", change: []func(*Spec){func(s *Spec) { s.Roots = nil }}, told: "TLS", fails: "it shows a certificate", retry: true},
		"no way to prove it":   {set: func(p *post) { p.starts, p.auth = true, "XOAUTH2" }, server: "smtp.example:587", change: []func(*Spec){user}, told: "EHLO\nSTARTTLS\nTLS\nEHLO", fails: "it offers neither PLAIN nor LOGIN"},
		"nothing to prove it":  {set: starting, server: "smtp.example:587", change: []func(*Spec){user}, told: "EHLO\nSTARTTLS\nTLS\nEHLO", fails: "it offers neither PLAIN nor LOGIN"},
		"a password too early": {set: func(p *post) { p.auth = "PLAIN" }, server: "smtp.example:587", change: []func(*Spec){user}, told: "EHLO", fails: "it offers no STARTTLS"},
	} {
		t.Run(name, func(t *testing.T) {
			if test.set == nil {
				test.set = func(*post) {}
			}
			p := newPost(t, test.set)
			err := send(t, p.mailer(test.server, test.change...), messages()[0])
			if test.fails != "" {
				mustFail(t, err, test.fails, test.retry, 0)
			} else if err != nil {
				t.Error(err)
			}
			if got := p.told(); got != test.told {
				t.Errorf("the server was told\n%s\nwant\n%s", got, test.told)
			}
			if n := len(p.mails); (n == 1) != (test.fails == "") {
				t.Errorf("%d mails", n)
			}
		})
	}
}

func TestMailReplies(t *testing.T) {
	user := func(s *Spec) { s.User, s.Password = "lock", "hunter2" }
	two := func(s *Spec) { s.To = []string{"a@example.org", "b@example.org"} }
	for name, test := range map[string]struct {
		command, reply string
		change         func(*Spec)
		want           string
		retry          bool
		mails          int
	}{
		"too busy":                 {"CONNECT", "421 busy", nil, "it does not take the mail now (SMTP status 421: busy)", true, 0},
		"nobody may":               {"CONNECT", "554 no", nil, "it refuses the mail (SMTP status 554: no)", false, 0},
		"not this sender":          {"MAIL", "550 who are you", nil, "it refuses the mail (SMTP status 550: who are you): check the addresses", false, 0},
		"not this recipient":       {"RCPT", "550 unknown", nil, "it refuses the mail (SMTP status 550: unknown)", false, 0},
		"not now":                  {"RCPT", "450 greylisted", nil, "it does not take the mail now (SMTP status 450: greylisted)", true, 0},
		"not for one":              {"RCPT TO:<b@", "550 unknown", two, "it has taken the mail for others, and not for b@example.org (SMTP status 550: unknown)", false, 1},
		"no more mail":             {"DATA", "452 full", nil, "it does not take the mail now (SMTP status 452: full)", true, 0},
		"not this mail":            {".", "554 spam", nil, "it refuses the mail (SMTP status 554: spam)", false, 0},
		"a bad password":           {"AUTH", "535 no hunter2", user, "it does not accept user and password (SMTP status 535): check them", false, 0},
		"a password that may come": {"AUTH", "454 try again hunter2", user, "it does not take the mail now (SMTP status 454: try again [hidden])", true, 0},
		"gone":                     {"MAIL", "", nil, "it ended the connection before it had taken the mail", true, 0},
		"gone with the mail":       {"DATA", "", nil, "it ended the connection before it had taken the mail", true, 0},
		"another language":         {"MAIL", "hello", nil, "", true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPost(t, func(p *post) { p.starts, p.auth, p.replies[test.command] = true, "PLAIN", test.reply })
			change := test.change
			if change == nil {
				change = func(*Spec) {}
			}
			mustFail(t, send(t, p.mailer("smtp.example:587", change), messages()[0]), test.want, test.retry, 0)
			if len(p.mails) != test.mails {
				t.Errorf("%d mails", len(p.mails))
			}
		})
	}
}

func TestMailServerIsGone(t *testing.T) {
	p := newPost(t, starting)
	o := p.mailer("smtp.example:587")
	_ = p.l.Close()
	mustFail(t, send(t, o, messages()[0]), "it cannot be reached (connect: connection refused)", true, 0)
}
