package notify

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/notice"
)

// mailOf writes a message as it is mailed. Values of headers are encoded, or were parsed, so that none begins a header of its own.
func mailOf(m notice.Message, words notice.Words, from *mail.Address, to []*mail.Address) ([]byte, error) {
	var b bytes.Buffer
	header := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	domain := from.Address[strings.LastIndexByte(from.Address, '@')+1:]
	all := make([]string, len(to))
	for i, a := range to {
		all[i] = a.String()
	}
	header("From", from.String())
	header("To", strings.Join(all, ",\r\n\t"))
	header("Subject", mime.QEncoding.Encode("utf-8", words.Title))
	header("Date", time.Unix(m.At, 0).UTC().Format(time.RFC1123Z))
	header("Message-ID", fmt.Sprintf("<%s.lockstep@%s>", m.ID, domain)) // the same at every try, so that a second one can be told
	if f := m.Fingerprint(); f != "" {                                  // what is about one alert is one thread
		header("References", fmt.Sprintf("<%s.%s.lockstep@%s>", fileName(f), fileName(m.Project), domain))
	}
	header("Auto-Submitted", "auto-generated")
	header("MIME-Version", "1.0")
	if len(m.Attachments) == 0 {
		writeHeader(&b, textHeader)
		if err := writeText(&b, words.Text); err != nil {
			return nil, err
		}
		return b.Bytes(), nil
	}
	parts := multipart.NewWriter(&b)
	if err := parts.SetBoundary("lockstep-" + m.ID); err != nil {
		return nil, err
	}
	header("Content-Type", "multipart/mixed; boundary="+parts.Boundary())
	b.WriteString("\r\n")
	w, err := parts.CreatePart(textHeader)
	if err == nil {
		err = writeText(w, words.Text)
	}
	for _, a := range m.Attachments {
		if err != nil {
			return nil, err
		}
		err = attach(parts, a)
	}
	if err == nil {
		err = parts.Close()
	}
	return b.Bytes(), err
}

var textHeader = textproto.MIMEHeader{"Content-Type": {"text/plain; charset=utf-8"}, "Content-Transfer-Encoding": {"quoted-printable"}}

func writeHeader(b *bytes.Buffer, h textproto.MIMEHeader) {
	for _, name := range []string{"Content-Type", "Content-Transfer-Encoding"} {
		fmt.Fprintf(b, "%s: %s\r\n", name, h.Get(name))
	}
	b.WriteString("\r\n")
}

func writeText(w io.Writer, text string) error {
	q := quotedprintable.NewWriter(w)
	if _, err := io.WriteString(q, text+"\n"); err != nil {
		return err
	}
	return q.Close()
}

func attach(parts *multipart.Writer, a notice.Attachment) error {
	w, err := parts.CreatePart(textproto.MIMEHeader{
		"Content-Type":              {mediaType(a.Type)},
		"Content-Disposition":       {fmt.Sprintf("attachment; filename=%q", fileName(a.Name))},
		"Content-Transfer-Encoding": {"base64"},
	})
	if err != nil {
		return err
	}
	encoded := base64.StdEncoding.EncodeToString(a.Data)
	for len(encoded) > 0 {
		n := min(len(encoded), 76)
		if _, err := io.WriteString(w, encoded[:n]+"\r\n"); err != nil {
			return err
		}
		encoded = encoded[n:]
	}
	return nil
}

// mediaType is the type of an attachment if it is written as one.
func mediaType(text string) string {
	kind, params, err := mime.ParseMediaType(text)
	if err != nil {
		return "application/octet-stream"
	}
	if formatted := mime.FormatMediaType(kind, params); formatted != "" {
		return formatted
	}
	return "application/octet-stream"
}
