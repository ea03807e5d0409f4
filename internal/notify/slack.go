package notify

import (
	"context"
	"fmt"
	"strings"

	"github.com/seed-b6a97670/lockstep/internal/notice"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// Bounds of Slack, in characters; bytes are never fewer.
const (
	slackSection = 2900 // of 3000
	slackBlocks  = 40   // of 50
)

// slack posts to an incoming webhook.
type slack struct {
	*endpoint
	words *notice.Templates
}

func newSlack(s Spec) (Sink, error) {
	e, err := newEndpoint(s.URL, s.Roots)
	if err != nil {
		return nil, err
	}
	return &slack{e, s.Templates}, nil
}

type slackMessage struct {
	Text        string            `json:"text"`
	Attachments []slackAttachment `json:"attachments"`
}

type slackAttachment struct {
	Color  string       `json:"color"`
	Blocks []slackBlock `json:"blocks"`
}

type slackBlock struct {
	Type string    `json:"type"`
	Text slackText `json:"text"`
}

type slackText struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Verbatim bool   `json:"verbatim"` // no name in it calls anybody
}

var (
	slackEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	slackURL    = strings.NewReplacer("&", "&amp;", "<", "%3C", ">", "%3E", "|", "%7C")
)

func (s *slack) Send(ctx context.Context, m notice.Message) error {
	bare, links := linksOf(&m)
	bare.Attachments = nil // a webhook takes none
	words := s.words.Words(&bare)
	section := func(text string) slackBlock {
		return slackBlock{"section", slackText{"mrkdwn", text, true}}
	}
	var blocks []slackBlock
	for _, chunk := range chunks(slackEscape.Replace(words.Text), slackSection) {
		blocks = append(blocks, section(chunk))
	}
	blocks = blocks[:min(len(blocks), slackBlocks)]
	if len(links) > 0 {
		var text []string
		for _, l := range links {
			text = append(text, "<"+slackURL.Replace(l.url)+"|"+l.name+">")
		}
		blocks = append(blocks, section(strings.Join(text, "   ")))
	}
	if len(m.Attachments) > 0 {
		var names []string
		for _, a := range m.Attachments {
			names = append(names, fmt.Sprintf("%s (%d bytes)", fileName(a.Name), len(a.Data)))
		}
		blocks = append(blocks, section("Files, which cannot be sent here: "+strings.Join(names, ", ")))
	}
	body, err := marshal(slackMessage{slackEscape.Replace(words.Title), []slackAttachment{{colour(&m), blocks}}})
	if err != nil {
		return refused("%v", err)
	}
	return s.post(ctx, s.url, "application/json", body, nil)
}

// colour is that of a message's severity, as six hex digits after #.
func colour(m *notice.Message) string {
	if m.Kind == notice.Resolved {
		return "#2e7d32"
	}
	switch m.Severity() {
	case rule.Critical:
		return "#b00020"
	case rule.High:
		return "#e65100"
	case rule.Warning:
		return "#f9a825"
	}
	return "#546e7a"
}

// chunks cuts a text into pieces of some bytes at most, after a line where that is possible.
func chunks(text string, most int) (out []string) {
	for len(text) > most {
		at := strings.LastIndexByte(text[:most], '\n')
		if at <= 0 {
			at = most
			for at > most-4 && !startsRune(text[at]) {
				at--
			}
		}
		out = append(out, text[:at])
		text = strings.TrimPrefix(text[at:], "\n")
	}
	if text != "" {
		out = append(out, text)
	}
	return out
}

// startsRune tells whether a byte is the first one of a character.
func startsRune(b byte) bool { return b&0xC0 != 0x80 }
