package chain

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/badnode"
	"github.com/seed-b6a97670/lockstep/internal/devnet"
	"github.com/seed-b6a97670/lockstep/internal/event"
)

// line is a connection between a client and a node that can be cut, or fall silent.
type line struct {
	t        *testing.T
	listener net.Listener
	to       string
	orders   chan func(*line)
	silent   bool
	cut      bool
	told     int // announcements that were carried
	ends     []net.Conn
}

func newLine(t *testing.T, to string) *line {
	t.Helper()
	l := &line{t: t, to: to, orders: make(chan func(*line))}
	var err error
	if l.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	taken := make(chan net.Conn)
	go func() {
		defer close(taken)
		for {
			c, err := l.listener.Accept()
			if err != nil {
				return
			}
			taken <- c
		}
	}()
	data := make(chan func())
	done := make(chan struct{})
	go func() { // all of it is done by one goroutine
		defer close(done)
		for {
			select {
			case order := <-l.orders:
				order(l)
			case carry := <-data:
				carry()
			case c, ok := <-taken:
				if !ok {
					l.hangUp()
					return
				}
				l.connect(c, data, done)
			}
		}
	}()
	t.Cleanup(func() {
		_ = l.listener.Close()
		<-done
	})
	return l
}

func (l *line) url() string { return "ws://" + l.listener.Addr().String() }

func (l *line) connect(c net.Conn, data chan<- func(), done <-chan struct{}) {
	if l.cut {
		_ = c.Close()
		return
	}
	up, err := net.Dial("tcp", l.to)
	if err != nil {
		_ = c.Close()
		return
	}
	l.ends = append(l.ends, c, up)
	carry := func(from, to net.Conn, down bool) {
		for {
			b := make([]byte, 4096)
			n, err := from.Read(b)
			select {
			case data <- func() {
				if err != nil {
					_, _ = from.Close(), to.Close()
				} else if !down || !l.silent {
					_, _ = to.Write(b[:n])
					l.told += bytes.Count(b[:n], []byte("eth_subscription"))
				}
			}:
			case <-done:
				return
			}
			if err != nil {
				return
			}
		}
	}
	go carry(c, up, false)
	go carry(up, c, true)
}

func (l *line) hangUp() {
	for _, c := range l.ends {
		_ = c.Close()
	}
	l.ends = nil
}

func (l *line) announced() int {
	out := make(chan int, 1)
	l.order(func(l *line) { out <- l.told })
	return <-out
}

func (l *line) order(f func(*line)) { l.orders <- f }

// until reads heads until one has a number.
func until(t *testing.T, heads <-chan event.Header, number uint64) event.Header {
	t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		select {
		case h := <-heads:
			if h.Number >= number {
				return h
			}
		case <-timeout:
			t.Fatalf("block %d was not told", number)
		}
	}
}

func mineOne(t *testing.T, d *devnet.Network) {
	t.Helper()
	if err := d.Mine(1); err != nil {
		t.Fatal(err)
	}
}

// TestHeads: a new block is told by a subscription and by polling, with all that the index goes by.
func TestHeads(t *testing.T) {
	d := startDevnet(t, 1090)
	for name, url := range map[string]string{"announced": d.WSURL(), "asked for": d.URL()} {
		t.Run(name, func(t *testing.T) {
			c := impatient(t, DefaultTimeout, d.ChainID(), url)
			interval := time.Hour // what is told is announced
			if name == "asked for" {
				interval = 5 * time.Millisecond
			}
			ctx, cancel := context.WithCancel(t.Context())
			heads := c.Heads(ctx, interval)
			first := until(t, heads, 1)
			for range 3 {
				mineOne(t, d)
				h := until(t, heads, first.Number+1)
				want, err := c.Headers(t.Context(), h.Number)
				if err != nil || h != want[0] {
					t.Fatalf("%+v, want %+v, %v", h, want, err)
				}
				if h.Parent != first.Hash {
					t.Errorf("block %d does not follow", h.Number)
				}
				first = h
			}
			cancel()
			for range heads { // it ends
			}
		})
	}
}

// TestHeadsWhenTheSubscriptionFails: who is cut off, or hears nothing any more, asks; and is told again when that is possible.
func TestHeadsWhenTheSubscriptionFails(t *testing.T) {
	for name, fail := range map[string]func(*line, bool){
		"cut": func(l *line, on bool) {
			if l.cut = on; on {
				l.hangUp()
			}
		},
		"silent": func(l *line, on bool) {
			if l.silent = on; !on {
				l.hangUp() // what was swallowed is lost
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := startDevnet(t, 1091)
			l := newLine(t, d.WSURL()[len("ws://"):])
			c := impatient(t, time.Second, d.ChainID(), l.url(), d.URL())
			heads := (&watch{client: c, interval: 50 * time.Millisecond, again: 300 * time.Millisecond, silence: 500 * time.Millisecond}).start(t.Context())
			head := until(t, heads, 1)
			next := func() {
				t.Helper()
				mineOne(t, d)
				head = until(t, heads, head.Number+1)
			}
			announced := func() bool {
				t.Helper()
				before := l.announced()
				for range 3 {
					next()
				}
				return l.announced() > before
			}
			if !announced() {
				t.Error("nothing is announced at first")
			}
			l.order(func(l *line) { fail(l, true) })
			if announced() {
				t.Error("the connection is as it was")
			}
			l.order(func(l *line) { fail(l, false) })
			for start := time.Now(); !announced(); time.Sleep(50 * time.Millisecond) {
				if time.Since(start) > 10*time.Second {
					t.Fatal("nothing is announced again")
				}
			}
		})
	}
}

// TestLogsOfOneGoodEndpoint: whatever the other endpoint does, the logs are those of the node.
func TestLogsOfOneGoodEndpoint(t *testing.T) {
	d := startDevnet(t, 1092)
	for range 20 {
		mineOne(t, d)
	}
	faults := append(badnode.All(), badnode.Broken, badnode.NoBatches)
	for _, f := range faults {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			bad, err := badnode.Start(t.Context(), d.URL(), badnode.Always(f))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(bad.Close)
			mineOne(t, d)
			c := impatient(t, time.Second, d.ChainID(), bad.URL, d.URL())
			head, err := impatient(t, DefaultTimeout, d.ChainID(), d.URL()).BlockByNumber(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			logs, last, err := c.Logs(t.Context(), 1, head.Number, []common.Address{{1}})
			if err != nil || len(logs) != 0 || last.Block != head {
				t.Errorf("%v, %v, %v", logs, last.Block, err)
			}
			if logs, err = c.LogsOf(t.Context(), head, []common.Address{{1}}); err != nil || len(logs) != 0 {
				t.Errorf("%v, %v", logs, err)
			}
			if logs, err = c.ReceiptLogs(t.Context(), head, []common.Address{{1}}); err != nil || len(logs) != 0 {
				t.Errorf("%v, %v", logs, err)
			}
			headers, err := c.Headers(t.Context(), head.Number, 1, 2)
			if err != nil || headers[0].Block != head || headers[1].Hash != headers[2].Parent {
				t.Errorf("%v, %v", headers, err)
			}
			if _, err := c.Headers(t.Context(), head.Number+1000); !errors.Is(err, event.ErrNoBlock) {
				t.Errorf("a block that is not there: %v", err)
			}
		})
	}
}

// TestLogsOfAnEndpointThatLags: it says nothing of blocks that it has not seen, and says so.
func TestLogsOfAnEndpointThatLags(t *testing.T) {
	d := startDevnet(t, 1093)
	bad, err := badnode.Start(t.Context(), d.URL(), badnode.Always(badnode.Lagging))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bad.Close)
	mineOne(t, d)
	c := impatient(t, time.Second, d.ChainID(), bad.URL)
	good := impatient(t, DefaultTimeout, d.ChainID(), d.URL())
	head, err := good.Latest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if logs, _, err := c.Logs(t.Context(), 1, head.Number, []common.Address{{1}}); err == nil {
		t.Errorf("it gives %v", logs)
	}
	if logs, err := c.LogsOf(t.Context(), head.Block, []common.Address{{1}}); err == nil {
		t.Errorf("it gives %v", logs)
	}
}

// TestNarrowEndpoint: an endpoint that gives the logs of few blocks at once says so, and is not taken for one that fails.
func TestNarrowEndpoint(t *testing.T) {
	d := startDevnet(t, 1094)
	for range 2 * badnode.MostBlocks {
		mineOne(t, d)
	}
	bad, err := badnode.Start(t.Context(), d.URL(), badnode.Always(badnode.FewBlocks))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bad.Close)
	c := impatient(t, time.Second, d.ChainID(), bad.URL)
	if _, _, err := c.Logs(t.Context(), 1, badnode.MostBlocks+1, []common.Address{{1}}); !errors.Is(err, event.ErrTooLarge) {
		t.Errorf("too many blocks: %v", err)
	}
	if _, _, err := c.Logs(t.Context(), 1, badnode.MostBlocks, []common.Address{{1}}); err != nil {
		t.Error(err)
	}
	if slices.ContainsFunc(c.order(), c.resting) {
		t.Error("the endpoint counts as one that fails")
	}
}
