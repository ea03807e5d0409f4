package notify

import (
	"bytes"
	"context"
	"fmt"
	"mime/multipart"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"

	"github.com/seed-b6a97670/lockstep/internal/notice"
)

// Bounds of Discord, in characters; bytes are never fewer.
const (
	discordTitle = 1900 // of 2000
	discordText  = 4000 // of 4096
	discordFiles = 9    // of 10; the text may be one more
)

// discord posts to a webhook of a channel.
type discord struct {
	*endpoint
	words *notice.Templates
	to    *url.URL
}

func newDiscord(s Spec) (Sink, error) {
	e, err := newEndpoint(s.URL, s.Roots)
	if err != nil {
		return nil, err
	}
	to := *e.url
	query := to.Query()
	query.Set("wait", "true") // it answers when the message is there, and not before
	to.RawQuery = query.Encode()
	return &discord{e, s.Templates, &to}, nil
}

type discordMessage struct {
	Content  string          `json:"content"`
	Embeds   []discordEmbed  `json:"embeds"`
	Mentions discordMentions `json:"allowed_mentions"`
}

type discordEmbed struct {
	Description string `json:"description"`
	Color       int64  `json:"color"`
}

// discordMentions allows none: no name in a text calls anybody.
type discordMentions struct {
	Parse []string `json:"parse"`
}

var (
	discordEscape = strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "~", `\~`, "`", "\\`", "|", `\|`, ">", `\>`, "[", `\[`, "]", `\]`, "<", `\<`, "#", `\#`)
	discordURL    = strings.NewReplacer("(", "%28", ")", "%29", "<", "%3C", ">", "%3E", " ", "%20")
)

func (d *discord) Send(ctx context.Context, m notice.Message) error {
	bare, links := linksOf(&m)
	words := d.words.Words(&bare)
	files := m.Attachments[:min(len(m.Attachments), discordFiles)]
	text := discordEscape.Replace(words.Text)
	if len(text) > discordText {
		files = append(files[:len(files):len(files)], notice.Attachment{Name: "message.txt", Type: "text/plain; charset=utf-8", Data: []byte(words.Text)})
		text = notice.Cut(text, discordText)
	}
	var named []string
	for _, l := range links {
		named = append(named, fmt.Sprintf("[%s](<%s>)", l.name, discordURL.Replace(l.url)))
	}
	embeds := []discordEmbed{{text, number(colour(&m))}}
	if len(named) > 0 {
		embeds = append(embeds, discordEmbed{strings.Join(named, "   "), number(colour(&m))})
	}
	body, err := marshal(discordMessage{notice.Cut(discordEscape.Replace(words.Title), discordTitle), embeds, discordMentions{[]string{}}})
	if err != nil {
		return refused("%v", err)
	}
	contentType := "application/json"
	if len(files) > 0 {
		if contentType, body, err = withFiles(m.ID, body, files); err != nil {
			return refused("%v", err)
		}
	}
	return d.post(ctx, d.to, contentType, body, nil)
}

// number is a colour as Discord takes it.
func number(colour string) int64 {
	n, _ := strconv.ParseInt(strings.TrimPrefix(colour, "#"), 16, 32) // colours are constants
	return n
}

// withFiles puts a message and files into one form.
func withFiles(boundary string, message []byte, files []notice.Attachment) (contentType string, body []byte, err error) {
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	if err := form.SetBoundary("lockstep-" + boundary); err != nil {
		return "", nil, fmt.Errorf("write the message: %w", err)
	}
	part := func(disposition, contentType string, data []byte) error {
		w, err := form.CreatePart(textproto.MIMEHeader{"Content-Disposition": {disposition}, "Content-Type": {contentType}})
		if err == nil {
			_, err = w.Write(data)
		}
		return err
	}
	err = part(`form-data; name="payload_json"`, "application/json", message)
	for i, f := range files {
		if err == nil {
			err = part(fmt.Sprintf(`form-data; name="files[%d]"; filename=%q`, i, fileName(f.Name)), mediaType(f.Type), f.Data)
		}
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		return "", nil, fmt.Errorf("write the message: %w", err)
	}
	return form.FormDataContentType(), b.Bytes(), nil
}

// fileName makes a name of an attachment that needs no quoting.
func fileName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r) {
			return r
		}
		return '_'
	}, name)
	if name = strings.TrimLeft(name, "."); name == "" {
		return "attachment"
	}
	return notice.Cut(name, 100)
}
