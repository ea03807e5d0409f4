package notify

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// post is a server of mail that says what it is told to.
type post struct {
	t       *testing.T
	l       net.Listener
	cert    tls.Certificate
	roots   *x509.CertPool
	starts  bool              // it offers STARTTLS
	wraps   bool              // TLS from the beginning
	auth    string            // what it offers to prove who sends; empty for nothing
	replies map[string]string // by the beginning of a command; empty ends the connection

	mu    sync.Mutex
	said  []string // the commands, with "TLS" where it began
	mails []string
}

func newPost(t *testing.T, set func(*post)) *post {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"smtp.example"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	p := &post{t: t, cert: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots: x509.NewCertPool(), replies: map[string]string{}}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	p.roots.AddCert(parsed)
	set(p)
	if p.l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := p.l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() { _ = p.l.Close(); serving.Wait() })
	return p
}

func (p *post) note(line string) {
	p.mu.Lock()
	p.said = append(p.said, line)
	p.mu.Unlock()
}

// told is the conversation until now, without what differs from machine to machine.
func (p *post) told() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.said, "\n")
}

func (p *post) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	if p.wraps {
		c = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{p.cert}})
		p.note("TLS")
	}
	in := bufio.NewReader(c)
	say := func(text string) { _, _ = c.Write([]byte(text + "\r\n")) }
	greeting := "220 smtp.example"
	if r, ok := p.replies["CONNECT"]; ok {
		greeting = r
	}
	say(greeting)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSuffix(line, "\r\n")
		word, _, _ := strings.Cut(line, " ")
		if word == "EHLO" {
			line = "EHLO"
		}
		p.note(line)
		said := false
		for prefix, reply := range p.replies {
			if strings.HasPrefix(line, prefix) {
				if reply == "" {
					return
				}
				say(reply)
				said = true
			}
		}
		if said {
			continue
		}
		switch word {
		case "EHLO":
			lines := []string{"smtp.example", "8BITMIME"}
			if p.starts {
				lines = append(lines, "STARTTLS")
			}
			if p.auth != "" {
				lines = append(lines, "AUTH "+p.auth)
			}
			for i, l := range lines {
				say("250" + map[bool]string{true: " ", false: "-"}[i == len(lines)-1] + l)
			}
		case "STARTTLS":
			say("220 go on")
			c = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{p.cert}})
			in = bufio.NewReader(c)
			p.note("TLS")
		case "AUTH":
			if line == "AUTH LOGIN" {
				for _, asked := range []string{"Username:", "Password:"} {
					say("334 " + base64.StdEncoding.EncodeToString([]byte(asked)))
					answer, _ := in.ReadString('\n')
					decoded, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(answer))
					p.note(string(decoded))
				}
			}
			say("235 welcome")
		case "DATA":
			say("354 go on")
			var mail strings.Builder
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				mail.WriteString(strings.TrimPrefix(line, "."))
			}
			if reply, ok := p.replies["."]; ok {
				say(reply)
				continue
			}
			p.mu.Lock()
			p.mails = append(p.mails, mail.String())
			p.mu.Unlock()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 fine")
		}
	}
}

// mailer makes a sink that takes the server for smtp.example, or for what it is told.
func (p *post) mailer(server string, change ...func(*Spec)) *Outlet {
	p.t.Helper()
	s := Spec{Type: TypeEmail, Server: server, From: "Lockstep <lockstep@example.org>", To: []string{"oncall@example.org"}, Roots: p.roots}
	for _, f := range change {
		f(&s)
	}
	o := outletOf(p.t, s)
	o.Sink.(*email).dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, p.l.Addr().String())
	}
	return o
}
