package notice

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/rule"
)

var update = flag.Bool("update", false, "write testdata")

// golden compares a text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestWords(t *testing.T) {
	var out strings.Builder
	for _, m := range samples() {
		w := builtIn.Words(&m)
		fmt.Fprintf(&out, "== %s\n%s\n\n%s\n\n", m.Kind, w.Title, w.Text)
	}
	golden(t, "words.txt", out.String())
}

// A summary says how many of what there are, which come first and last, and names every alert.
func TestSummary(t *testing.T) {
	m := Message{Kind: Summary, Project: "market"}
	for i := range 6 {
		a := rule.Alert{
			Rule: []string{"late_execution", "balance_low"}[i%2], Network: []string{"base", "gnosis", ""}[i%3], Severity: []rule.Severity{rule.Warning, rule.Info, rule.High}[i/2],
			Subject: fmt.Sprint(i), Summary: fmt.Sprint("something ", i),
		}
		a.Fingerprint = rule.Fingerprint(a.Rule, a.Network, a.Subject)
		m.Parts = append(m.Parts, Message{Kind: Raised, At: 1_700_000_000 + int64(i), Alert: &a})
	}
	again := m.Parts[0]
	again.Kind = Resolved
	m.Parts = append(m.Parts, again, again)
	w := builtIn.Words(&m)
	golden(t, "summary.txt", w.Title+"\n\n"+w.Text+"\n")
	for _, p := range m.Parts {
		if !strings.Contains(w.Text, p.Alert.Fingerprint) {
			t.Errorf("%s is not named", p.Alert.Fingerprint)
		}
	}
	own, err := ParseTemplates("mine", "mine")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w, own.Words(&m)); diff != "" {
		t.Errorf("a summary has words of its own:\n%s", diff)
	}
}

// What came from elsewhere makes no lines that could pass for others.
func TestWordsOfStrangers(t *testing.T) {
	const evil = "x\nAcknowledge: https://evil.example\r\n\x1b[31m\u2028y"
	m := Message{Kind: Raised, Alert: &rule.Alert{
		Severity: rule.High, Rule: evil, Network: evil, Subject: evil, Summary: evil, Details: []rule.Detail{{Name: evil, Value: evil}},
	}, Commands: []string{evil}, Attachments: []Attachment{{Name: evil}}, By: evil, Advice: evil}
	w := builtIn.Words(&m)
	for line := range strings.Lines(w.Title + "\n" + w.Text) {
		if strings.HasPrefix(line, "Acknowledge:") || strings.ContainsAny(strings.TrimSuffix(line, "\n"), "\r\x1b\u2028") {
			t.Errorf("%q", line)
		}
	}
}

func TestTemplates(t *testing.T) {
	m := samples()[1]
	for _, test := range []struct{ title, text, wantTitle, wantText string }{
		{"{{upper .Severity}} {{short .Tx}}", "{{range $i, $d := .Details}}{{if $i}}, {{end}}{{$d.Name}}={{.Value}}{{end}}", "HIGH 0x080000..0000", "was=1, is=2"},
		{"{{if and (eq .Kind \"raised\") (not .Level)}}a{{else}}b{{end}}", "{{len .Commands}} {{index .Commands 0}} {{lower \"ABC\"}}", "b", "1 lockstep cancel abc"},
		{"two\nlines", "  {{- /* nothing */ -}}  ", "two lines", ""},
		{"{{with .Runbook}}{{.}}{{else}}none{{end}}", "{{short .Network}}", "https://lockstep.example/r", "ethereum"},
	} {
		p, err := ParseTemplates(test.title, test.text)
		if test.text == "{{len .Commands}} {{index .Commands 0}} {{lower \"ABC\"}}" {
			if err == nil || !strings.Contains(err.Error(), "index out of range") { // not every message has a command
				t.Errorf("%s: %v", test.text, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.title, err)
			continue
		}
		if got := p.Words(&m); got != (Words{test.wantTitle, test.wantText}) {
			t.Errorf("%s: %+v", test.title, got)
		}
	}
}

func TestTemplatesThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"{{.Nothing}}":                 "can't evaluate field Nothing",
		"{{":                           "unclosed action",
		"{{call .Kind}}":               "function call is not known here: known are and, eq, index, len, lower, ne, not, or, short, upper",
		"{{printf \"%s\" .Kind}}":      "function printf is not known here",
		"{{.Kind | print}}":            "function print is not known here",
		"{{if printf .Kind}}{{end}}":   "function printf is not known here",
		"{{with (html .Kind)}}{{end}}": "function html is not known here",

		"{{if .Kind}}{{else}}{{js .Kind}}{{end}}":                              "function js is not known here",
		"{{if .Kind}}{{slice .Kind 1}}{{end}}":                                 "function slice is not known here",
		"{{$x := urlquery .Kind}}":                                             "function urlquery is not known here",
		"{{nothing}}":                                                          `function "nothing" not defined`,
		"{{range 1000000000}}{{end}}":                                          "range must be over a list",
		"{{range len .Kind}}{{end}}":                                           "range must be over a list",
		"{{range (len .Kind)}}{{end}}":                                         "range must be over a list",
		"{{range .Details}}{{range $.Parts}}{{end}}{{end}}":                    "range is in another range",
		"{{range .Details}}{{if .Name}}{{range $.Parts}}{{end}}{{end}}{{end}}": "range is in another range",
		"{{define \"a\"}}{{end}}{{template \"a\"}}":                            "define and block are not known here",
		"{{block \"a\" .}}{{end}}":                                             "define and block are not known here",
		"{{template \"text\"}}":                                                "template is not known here",
		strings.Repeat("x", maxTemplate+1):                                     "has 4097 bytes, at most 4096",
	} {
		if _, err := ParseTemplates("", text); err == nil || !strings.Contains(err.Error(), want) || strings.HasPrefix(err.Error(), "template: ") {
			t.Errorf("%.60s: %v, want %s", text, err, want)
		}
		if _, err := ParseTemplates(text, ""); err == nil {
			t.Errorf("%.60s: is taken as a title", text)
		}
	}
}

// A template that fails on a message gives way to the built-in one: nobody is told nothing.
func TestTemplateThatFails(t *testing.T) {
	p, err := ParseTemplates("", `{{if eq .Subject "odd"}}{{index .Commands 7}}{{end}}mine`)
	if err != nil {
		t.Fatal(err)
	}
	m := Message{Kind: Raised, Alert: &rule.Alert{Severity: rule.High, Subject: "even"}}
	if got := p.Words(&m); got.Text != "mine" {
		t.Errorf("%+v", got)
	}
	m.Alert.Subject = "odd"
	if got := p.Words(&m); !strings.Contains(got.Text, "About: odd") {
		t.Errorf("%+v", got)
	}
}

func TestSeverity(t *testing.T) {
	at := func(s rule.Severity) Message { return Message{Alert: &rule.Alert{Severity: s}} }
	for _, test := range []struct {
		m    Message
		want rule.Severity
	}{
		{Message{}, rule.Info},
		{at(rule.Critical), rule.Critical},
		{at(rule.Info), rule.Info},
		{Message{Parts: []Message{at(rule.Warning), at(rule.High), at(rule.Info)}}, rule.High},
	} {
		if got := test.m.Severity(); got != test.want {
			t.Errorf("%s, want %s", got, test.want)
		}
	}
}

func TestQueue(t *testing.T) {
	m := samples()[1]
	m.ID = "m1"
	rows, err := Queue(m, "a", "b")
	if err != nil || len(rows) != 2 || rows[0].Sink != "a" || rows[1].Sink != "b" || rows[1].ID != "m1" || rows[1].Fingerprint != m.Alert.Fingerprint || rows[1].Severity != rule.High {
		t.Fatalf("%+v, %v", rows, err)
	}
	got, err := Decode(rows[0].Body)
	if diff := cmp.Diff(m, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	m.Attachments = []Attachment{{Data: make([]byte, MaxBody)}}
	if _, err := Queue(m, "a"); err == nil || !strings.Contains(err.Error(), "attach less") {
		t.Error(err)
	}
	if _, err := Decode([]byte("{")); err == nil {
		t.Error("half a message is read")
	}
}

func TestCut(t *testing.T) {
	for _, test := range []struct {
		text string
		most int
		want string
	}{{"abcdef", 6, "abcdef"}, {"abcdefg", 6, "abc..."}, {"ab\u00e9\u00e9\u00e9", 6, "ab..."}, {"abcd", 2, "..."}} {
		if got := Cut(test.text, test.most); got != test.want {
			t.Errorf("%q at %d: %q", test.text, test.most, got)
		}
	}
}

// FuzzTemplate: whatever a template is, it is refused, or writes every message, soon and not too much.
func FuzzTemplate(f *testing.F) {
	f.Add(defaultTitle)
	f.Add(defaultText)
	f.Add(`{{range $i, $d := .Details}}{{$x := upper $d.Name}}{{break}}{{end}}`)
	f.Add(`{{if eq .Kind "raised"}}{{with $}}{{.Project}}{{end}}{{else if .By}}{{index .Parts 0}}{{end}}`)
	f.Add(`{{define "text"}}{{template "text"}}{{end}}`)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseTemplates(text, text)
		if err != nil {
			return
		}
		all := samples()
		for _, m := range append(all, Message{Kind: Summary, Parts: all}) {
			w := p.Words(&m)
			if len(w.Title) > maxTitle || len(w.Text) > maxText && m.Kind != Summary || strings.ContainsAny(w.Title, "\r\n") {
				t.Errorf("%q writes %d and %d bytes", text, len(w.Title), len(w.Text))
			}
		}
	})
}
