package store

import (
	"bytes"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// proxy is what is between a client and the server, and breaks.
type proxy struct {
	listener net.Listener
	server   string

	mu    sync.Mutex
	conns map[net.Conn]bool
	cut   cut
	cuts  int    // how many were made
	seen  int    // commits since the cut was set
	first func() // is called when a commit comes
	away  bool
}

// cut says what is done to a COMMIT.
type cut int

const (
	passes   cut = iota
	before       // every second one does not reach the server, and the connection is lost
	after        // the server commits, and its answer is lost with the connection
	everyone     // none reaches the server
	last         // as after, and from then on there is no connection
)

// through gives a proxy before the server of a URL, and the URL that leads through it.
func through(t testing.TB, where string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(where)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, server: u.Host, conns: map[net.Conn]bool{}}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			group.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.goAway(true)
		group.Wait()
	})
	u.Host = l.Addr().String()
	return p, u.String()
}

func (p *proxy) set(c cut) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut, p.cuts, p.seen = c, 0, 0
}

func (p *proxy) made() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cuts
}

// goAway breaks all connections, and those that are made while it is away.
func (p *proxy) goAway(away bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = away
	for c := range p.conns {
		_ = c.Close()
	}
}

func (p *proxy) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	p.mu.Lock()
	if p.away {
		p.mu.Unlock()
		return
	}
	p.conns[client], p.conns[server] = true, true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.conns, client)
		delete(p.conns, server)
	}()
	answers := make(chan struct{})
	go func() {
		defer close(answers)
		_, _ = io.Copy(client, server)
		_ = client.Close()
	}()
	buffer := make([]byte, 1<<16)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			break
		}
		what := passes
		if bytes.Contains(buffer[:n], []byte("Q\x00\x00\x00\x0bcommit\x00")) {
			what = p.commit()
		}
		if what == before {
			break
		}
		if what == after {
			_ = client.(*net.TCPConn).SetLinger(0)
			_ = client.Close() // so that the answer goes nowhere
		}
		if _, err := server.Write(buffer[:n]); err != nil || what == after {
			break
		}
	}
	_ = server.(*net.TCPConn).CloseWrite()
	<-answers
}

func (p *proxy) commit() cut {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen++
	if p.first != nil {
		p.first()
	}
	switch {
	case p.cut == everyone, p.cut == before && p.seen%2 == 1:
		p.cuts++
		return before
	case p.cut == after, p.cut == last:
		p.away = p.cut == last
		p.cuts++
		return after
	}
	return passes
}
