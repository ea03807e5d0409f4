package notice

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
	"unicode"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// Bounds of templates, and of what they write, in bytes.
const (
	maxTemplate = 4 << 10
	maxTitle    = 300
	maxText     = 64 << 10
)

// functions are those of templates beside and, or, not, eq, ne, len and index. None makes a text longer by much.
var functions = template.FuncMap{
	"upper": strings.ToUpper,
	"lower": strings.ToLower,
	"short": shortHex,
}

var builtins = []string{"and", "or", "not", "eq", "ne", "len", "index"}

// shortHex is a hash, an address or a fingerprint as it is told apart by eye.
func shortHex(text string) string {
	if len(text) <= 16 {
		return text
	}
	return text[:8] + ".." + text[len(text)-4:]
}

// Templates are the words of a sink.
type Templates struct {
	title, text *template.Template
}

// builtIn are the words of sinks that have no templates of their own.
var builtIn = Templates{
	title: template.Must(template.New("title").Funcs(functions).Parse(defaultTitle)),
	text:  template.Must(template.New("text").Funcs(functions).Parse(defaultText)),
}

// ParseTemplates reads templates, the built-in ones where they are empty, and tries them on messages of each kind. A summary always has the
// built-in ones, so that it names every alert.
func ParseTemplates(title, text string) (*Templates, error) {
	t := builtIn
	for _, own := range []struct {
		name, text string
		into       **template.Template
	}{{"title", title, &t.title}, {"text", text, &t.text}} {
		if own.text == "" {
			continue
		}
		parsed, err := parseTemplate(own.name, own.text)
		if err != nil {
			return nil, err
		}
		*own.into = parsed
	}
	for _, m := range samples() {
		if _, err := t.words(&m); err != nil {
			return nil, err
		}
	}
	return &t, nil
}

func parseTemplate(name, text string) (*template.Template, error) {
	if len(text) > maxTemplate {
		return nil, fmt.Errorf("template %s has %d bytes, at most %d are taken", name, len(text), maxTemplate)
	}
	t, err := template.New(name).Funcs(functions).Parse(text)
	if err != nil {
		return nil, plain(err)
	}
	if len(t.Templates()) > 1 || t.Tree == nil {
		return nil, fmt.Errorf("template %s: define and block are not known here: write it in one piece", name)
	}
	if err := check(t.Root, false); err != nil {
		return nil, fmt.Errorf("template %s: %w", name, err)
	}
	return t, nil
}

// plain is an error of package template without its prefix.
func plain(err error) error { return errors.New(strings.TrimPrefix(err.Error(), "template: ")) }

// check refuses what could make a template run for long, or write much.
func check(n parse.Node, ranging bool) error {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		for _, c := range n.Nodes {
			if err := check(c, ranging); err != nil {
				return err
			}
		}
	case *parse.ActionNode:
		return check(n.Pipe, ranging)
	case *parse.IfNode:
		return checkBranch(&n.BranchNode, ranging)
	case *parse.WithNode:
		return checkBranch(&n.BranchNode, ranging)
	case *parse.RangeNode:
		if ranging {
			return errors.New("range is in another range: write it after that")
		}
		if len(n.Pipe.Cmds) != 1 || len(n.Pipe.Cmds[0].Args) != 1 {
			return errors.New("range must be over a list, such as .Details")
		}
		switch n.Pipe.Cmds[0].Args[0].(type) {
		case *parse.FieldNode, *parse.VariableNode, *parse.DotNode:
		default:
			return errors.New("range must be over a list, such as .Details")
		}
		return checkBranch(&n.BranchNode, true)
	case *parse.PipeNode:
		if n == nil {
			return nil
		}
		for _, c := range n.Cmds {
			for _, a := range c.Args {
				if err := check(a, ranging); err != nil {
					return err
				}
			}
		}
	case *parse.ChainNode:
		return check(n.Node, ranging)
	case *parse.IdentifierNode:
		if _, own := functions[n.Ident]; !own && !slices.Contains(builtins, n.Ident) {
			return fmt.Errorf("function %s is not known here: known are %s", n.Ident, strings.Join(FunctionNames(), ", "))
		}
	case *parse.TemplateNode:
		return errors.New("template is not known here: write it in one piece")
	}
	return nil
}

func checkBranch(n *parse.BranchNode, ranging bool) error {
	if err := check(n.Pipe, ranging); err != nil {
		return err
	}
	if err := check(n.List, ranging); err != nil {
		return err
	}
	return check(n.ElseList, ranging)
}

// FunctionNames are the functions that templates know.
func FunctionNames() []string {
	names := slices.Clone(builtins)
	for name := range functions {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

var errLong = errors.New("the text is too long")

// limited takes no more than a template may write.
type limited struct {
	bytes.Buffer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, errLong
	}
	return l.Buffer.Write(p)
}

func (t *Templates) words(m *Message) (w Words, err error) {
	v := view(m).bare()
	title, text := t.title, t.text
	if m.Kind == Summary {
		title, text = builtIn.title, builtIn.text
	}
	for _, part := range []struct {
		t    *template.Template
		max  int
		into *string
	}{{title, maxTemplate + MaxBody, &w.Title}, {text, maxTemplate + MaxBody, &w.Text}} {
		out := &limited{left: part.max}
		if err := part.t.Execute(out, v); err != nil {
			return w, plain(err)
		}
		*part.into = out.String()
	}
	w.Title, w.Text = Cut(oneLine(w.Title), maxTitle), strings.TrimSpace(printable(w.Text))
	if m.Kind != Summary { // which names every alert
		w.Text = Cut(w.Text, maxText)
	}
	return w, nil
}

// Words writes a message. Templates that cannot write it give way to those that are built in.
func (t *Templates) Words(m *Message) Words {
	w, err := t.words(m)
	if err != nil {
		if w, err = builtIn.words(m); err != nil { // of more than is ever queued
			return Words{Title: what(m), Text: err.Error()}
		}
	}
	return w
}

// oneLine makes one line of a text.
func oneLine(text string) string { return strings.Join(strings.Fields(printable(text)), " ") }

// printable takes out what a terminal, or a mail program, might obey.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// Cut cuts a text to some bytes.
func Cut(text string, most int) string {
	const dots = "..."
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:max(most-len(dots), 0)], "") + dots
}

// samples are messages of each kind, full and nearly empty, on which templates are tried.
func samples() (out []Message) {
	full := rule.Alert{
		Fingerprint: rule.Fingerprint("sample", "ethereum", "0x01"), Rule: "sample", Severity: rule.High, Network: "ethereum", ChainID: 1,
		Contract: common.Address{1}, Subject: "0x01", Summary: "something that no plan explains", Details: []rule.Detail{{Name: "was", Value: "1"}, {Name: "is", Value: "2"}},
		Block: rollout.Block{Number: 7, Hash: common.Hash{7}, Time: 1}, Tx: common.Hash{8}, Confirmed: true, Count: 3, RaisedAt: 1, SeenAt: 2, ResolvedAt: 3, Resolution: "it has gone",
	}
	bare := rule.Alert{Fingerprint: full.Fingerprint, Rule: "sample", Severity: rule.Info, Subject: "all", Summary: "something"}
	for _, k := range []Kind{Raised, Renewed, Confirmed, Resolved, Acknowledged, Escalated} {
		out = append(out, Message{Kind: k, Alert: &bare}, Message{
			Kind: k, Project: "sample", At: 4, Alert: &full, By: "alice", Level: 2, Advice: "look at it", Commands: []string{"lockstep cancel"},
			Acknowledge: "https://lockstep.example/a", Runbook: "https://lockstep.example/r", Attachments: []Attachment{{Name: "plan.json", Type: "application/json", Data: []byte("{}")}},
		})
	}
	return append(out, Message{Kind: Test})
}
