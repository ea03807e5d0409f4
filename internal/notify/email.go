package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/notice"
)

// mailPatience is for one mail: servers look at what they are given before they take it.
const mailPatience = 20 * time.Second

// email sends mail through one server: over TLS on port 465, with STARTTLS on others, and without either only on this machine.
type email struct {
	server, host string
	implicit     bool // TLS from the beginning
	local        bool
	from         *mail.Address
	to           []*mail.Address
	user         string
	password     string
	roots        *x509.CertPool
	words        *notice.Templates
	dial         func(ctx context.Context, network, address string) (net.Conn, error)
}

func newEmail(s Spec) (Sink, error) {
	host, port, err := net.SplitHostPort(s.Server)
	if err != nil || host == "" || port == "" {
		return nil, errors.New("its server must be a host and a port, such as smtp.example:587")
	}
	e := &email{
		server: s.Server, host: host, implicit: port == "465", local: isLoopback(host), user: s.User, password: s.Password, roots: s.Roots, words: s.Templates,
		dial: (&net.Dialer{}).DialContext,
	}
	if e.from, err = ParseAddress(s.From); err != nil {
		return nil, fmt.Errorf("from: %w", err)
	}
	for _, text := range s.To {
		to, err := ParseAddress(text)
		if err != nil {
			return nil, fmt.Errorf("to: %w", err)
		}
		e.to = append(e.to, to)
	}
	if len(e.to) == 0 {
		return nil, errors.New("to is missing: name at least one address")
	}
	return e, nil
}

// ParseAddress reads an address of e-mail, with or without a name.
func ParseAddress(text string) (*mail.Address, error) {
	a, err := mail.ParseAddress(text)
	if err != nil || strings.ContainsAny(a.Address, "\r\n \"<>") {
		return nil, fmt.Errorf("%q is no address of e-mail, such as oncall@example.org", text)
	}
	return a, nil
}

func (e *email) Send(ctx context.Context, m notice.Message) error {
	data, err := mailOf(m, e.words.Words(&m), e.from, e.to)
	if err != nil {
		return refused("write the mail: %v", err)
	}
	ctx, cancel := context.WithTimeout(ctx, mailPatience)
	defer cancel()
	if err := e.deliver(ctx, data); err != nil {
		return e.explain(ctx, err)
	}
	return nil
}

// deliver has one conversation with the server.
func (e *email) deliver(ctx context.Context, data []byte) error {
	conn, err := e.dial(ctx, "tcp", e.server)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // which ends whatever is waited for
	defer stop()
	defer func() { _ = conn.Close() }()
	cfg := &tls.Config{ServerName: e.host, RootCAs: e.roots, MinVersion: tls.VersionTLS12}
	if e.implicit {
		secured := tls.Client(conn, cfg)
		if err := secured.HandshakeContext(ctx); err != nil {
			return err
		}
		conn = secured
	}
	c, err := smtp.NewClient(conn, e.host)
	if err != nil {
		return err
	}
	if err := c.Hello(helloName()); err != nil {
		return err
	}
	if !e.implicit && !e.local {
		if ok, _ := c.Extension("STARTTLS"); !ok {
			return refused("it offers no STARTTLS, and nothing is told to it in the clear: use its port with TLS, such as 465")
		}
		if err := c.StartTLS(cfg); err != nil {
			return err
		}
	}
	if e.user != "" {
		if err := e.login(c); err != nil {
			return err
		}
	}
	return e.hand(c, data)
}

// login proves who sends, in one of the two ways that servers offer.
func (e *email) login(c *smtp.Client) error {
	ok, offered := c.Extension("AUTH")
	var auth smtp.Auth
	switch words := strings.Fields(strings.ToUpper(offered)); {
	case ok && slices.Contains(words, "PLAIN"):
		auth = smtp.PlainAuth("", e.user, e.password, e.host)
	case ok && slices.Contains(words, "LOGIN"):
		auth = &loginAuth{e.user, e.password}
	default:
		return refused("it offers neither PLAIN nor LOGIN to prove who sends: take user and password out, or name another server")
	}
	if err := c.Auth(auth); err != nil {
		var reply *textproto.Error
		if errors.As(err, &reply) && reply.Code/100 == 5 {
			return refused("it does not accept user and password (SMTP status %d): check them", reply.Code)
		}
		return err
	}
	return nil
}

// loginAuth is the mechanism LOGIN, which has no specification but servers that know no other.
type loginAuth struct{ user, password string }

func (l *loginAuth) Start(*smtp.ServerInfo) (string, []byte, error) { return "LOGIN", nil, nil }

func (l *loginAuth) Next(asked []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	switch strings.ToLower(strings.TrimRight(string(asked), ":\x00 ")) {
	case "username", "user name":
		return []byte(l.user), nil
	case "password":
		return []byte(l.password), nil
	}
	return nil, refused("it asks for something else than user and password")
}

// hand gives the mail to the server, for whoever of the recipients it takes it.
func (e *email) hand(c *smtp.Client, data []byte) error {
	if err := c.Mail(e.from.Address); err != nil {
		return err
	}
	var first error
	var not []string
	for _, to := range e.to {
		if err := c.Rcpt(to.Address); err != nil {
			var reply *textproto.Error
			if !errors.As(err, &reply) {
				return err
			}
			if first == nil || reply.Code/100 == 4 {
				first = err
			}
			not = append(not, to.Address)
		}
	}
	if len(not) == len(e.to) {
		return first
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_ = c.Quit() // it has taken the mail
	if len(not) > 0 {
		return refused("it has taken the mail for others, and not for %s (%s)", strings.Join(not, ", "), e.said(first))
	}
	return nil
}

func (e *email) said(err error) string {
	var reply *textproto.Error
	if errors.As(err, &reply) {
		return fmt.Sprintf("SMTP status %d: %s", reply.Code, clean(reply.Msg, []string{e.password, e.user}))
	}
	return "it does not say why"
}

// explain says what went wrong, and whether it may be tried again.
func (e *email) explain(ctx context.Context, err error) error {
	var own *Error
	var reply *textproto.Error
	switch {
	case errors.As(err, &own):
		return own
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return later("it has not taken the mail in %s: see whether it works", mailPatience)
	case errors.As(err, &reply) && reply.Code/100 == 5:
		return refused("it refuses the mail (%s): check the addresses, and what it lets through", e.said(err))
	case errors.As(err, &reply):
		return later("it does not take the mail now (%s)", e.said(err))
	case errors.Is(err, io.EOF):
		return later("it ended the connection before it had taken the mail: see whether it works")
	}
	return notReached(ctx, err)
}

// helloName is how this machine introduces itself.
func helloName() string {
	name, err := os.Hostname()
	if err != nil || name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "localhost"
	}
	return name
}
