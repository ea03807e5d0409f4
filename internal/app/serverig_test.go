package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/token"
)

// serves is how a daemon of the tests can be reached, and how often it looks.
const serves = "serve: {listen: \"127.0.0.1:0\", poll: 1s, health: 1s}"

// daemon is a program that serves, in this process.
type daemon struct {
	*site
	url  string
	p    program
	log  *lines
	stop context.CancelFunc
	done chan error
	once sync.Once
}

// lines is a log that several goroutines write.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// serve starts a daemon. It ends with the test.
func (s *site) serve(c conf, change ...func(*app.Options)) *daemon {
	s.t.Helper()
	c.more += "\n" + serves
	d := &daemon{site: s, log: &lines{}, done: make(chan error, 1)}
	p := s.open(c, append(change, func(o *app.Options) { o.Log = slog.New(slog.NewTextHandler(d.log, nil)) })...)
	ctx, stop := context.WithCancel(s.t.Context())
	d.p, d.stop = p, stop
	listening := make(chan string, 1)
	go func() { d.done <- p.Serve(ctx, func(url string) { listening <- url }) }()
	s.t.Cleanup(d.end)
	select {
	case d.url = <-listening:
	case <-s.ctx().Done():
		s.t.Fatalf("it does not listen:\n%s", d.log)
	}
	return d
}

// end stops the daemon, and waits until it has ended.
func (d *daemon) end() {
	d.t.Helper()
	d.stop()
	d.once.Do(func() {
		if err := <-d.done; err != nil {
			d.t.Errorf("serve: %v\n%s", err, d.log)
		}
	})
}

// ask asks the daemon, with a token if there is one, and reads the answer into out if that is not nil.
func (d *daemon) ask(method, path string, secret token.Token, body string, out any) (code int, text string) {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.ctx(), method, d.url+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	if secret != (token.Token{}) {
		req.Header.Set("Authorization", "Bearer "+secret.Reveal())
	}
	if method != http.MethodGet {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	if out != nil {
		if err := json.Unmarshal(data, out); err != nil {
			d.t.Fatalf("%s %s: %d %s: %v", method, path, res.StatusCode, data, err)
		}
	}
	return res.StatusCode, string(data)
}

// token makes one with a scope.
func (s *site) token(p program, name string, scopes ...token.Scope) (token.Token, string) {
	s.t.Helper()
	secret, r, err := p.CreateToken(s.ctx(), name, scopes, time.Hour)
	if err != nil {
		s.t.Fatal(err)
	}
	return secret, r.ID
}

// handOver gives a plan that two approve to serve.
func (s *site) handOver(p program, made *plan.Plan) app.ExecutionReport {
	s.t.Helper()
	r, err := p.HandOver(s.ctx(), p.execution(made, s.approve(made, "alice", "bob")), "tester")
	if err != nil {
		s.t.Fatalf("hand over: %v", err)
	}
	return r
}

// awaited looks at an execution until it is as it should be.
func (s *site) awaited(p program, digest common.Hash, what string, is func(app.ExecutionReport) bool) app.ExecutionReport {
	s.t.Helper()
	ctx := s.ctx()
	for {
		r, err := p.Execution(ctx, digest.Hex())
		if err != nil {
			s.t.Fatalf("%s: %v", what, err)
		}
		if is(r) {
			return r
		}
		select {
		case <-ctx.Done():
			s.t.Fatalf("it is not %s: %+v", what, r)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func isDone(r app.ExecutionReport) bool { return r.Status == "done" }

// on is how an execution stands on a network.
func on(r app.ExecutionReport, network string) app.NetworkReport {
	i := slices.IndexFunc(r.Networks, func(n app.NetworkReport) bool { return n.Network == network })
	if i < 0 {
		return app.NetworkReport{}
	}
	return r.Networks[i]
}

// stands tells whether an execution stands somewhere on a network.
func stands(network string, state rollout.NetworkState) func(app.ExecutionReport) bool {
	return func(r app.ExecutionReport) bool { return on(r, network).State == state }
}

// atTimelocks tells whether all networks wait for their timelocks.
func atTimelocks(r app.ExecutionReport) bool {
	return !slices.ContainsFunc(r.Networks, func(n app.NetworkReport) bool { return !strings.Contains(n.Reason, "until block time") })
}

// passTimelocks moves the time of networks on to when their pending root can be activated.
func (s *site) passTimelocks(p program, networks ...string) {
	s.t.Helper()
	for _, name := range networks {
		eth := s.dial(name)
		raw, err := eth.CallContract(s.ctx(), callTo(s.dispatcher(p), dispatcherABI.PackDispatcherState()), nil)
		if err != nil {
			s.t.Fatal(err)
		}
		st, err := dispatcherABI.UnpackDispatcherState(raw)
		if err != nil {
			s.t.Fatal(err)
		}
		if st.PendingRoot == (common.Hash{}) {
			s.t.Fatalf("%s: no root is pending", name)
		}
		head, err := eth.HeaderByNumber(s.ctx(), nil)
		if err != nil {
			s.t.Fatal(err)
		}
		ready := new(big.Int).Add(st.Eta, st.EtaGrace).Uint64()
		if err := s.nets[name].AdvanceTime(time.Duration(ready-min(ready, head.Time)) * time.Second); err != nil {
			s.t.Fatal(err)
		}
	}
}

// entries are what the audit log holds of a kind.
func entries[T any](s *site, kind audit.Kind) []T {
	s.t.Helper()
	log, err := app.OpenAuditLog(s.t.Context(), s.journal)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	var all []audit.Entry
	for e, err := range log.Audit(s.t.Context(), 1) {
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, e)
	}
	return of[T](s.t, all, kind)
}

// mustFail fails unless an error says all of the words.
func mustFail(t *testing.T, what string, err error, words ...string) {
	t.Helper()
	for _, w := range words {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("%s: %v, want that it says %q", what, err, w)
		}
	}
}

func planBody(digest common.Hash) string { return fmt.Sprintf(`{"plan": %q}`, digest) }
