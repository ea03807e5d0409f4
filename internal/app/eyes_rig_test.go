package app_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// watcher is a daemon that watches, and records what it sees.
type watcher struct {
	*daemon
	record string
}

// watch starts a daemon and waits until it watches: what happens from then on is news. A test may have several, one after the other.
func (s *site) watch(c conf, change ...func(*app.Options)) *watcher {
	s.t.Helper()
	if testing.Short() {
		s.t.Skip("-short: TestWhatIsPlannedIsQuiet and TestWhatNoPlanExplains watch in the same way")
	}
	w := &watcher{record: filepath.Join(s.t.TempDir(), "seen.jsonl")}
	w.daemon = s.serve(c, append(change, func(o *app.Options) { o.Record = w.record })...)
	w.saysSoon("msg=watching")
	for _, at := range c.places {
		w.saw("the beginning on "+at.name(), func(s rule.Seen) bool { return s.Sight == rule.SawIndex && s.Network == at.name() })
	}
	s.t.Cleanup(func() {
		if s.t.Failed() {
			s.t.Logf("a daemon says:\n%s", w.log)
		}
	})
	return w
}

// seen is what was recorded until now.
func (w *watcher) seen() (out []rule.Seen) {
	w.t.Helper()
	f, err := os.Open(w.record)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var l rule.Line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			break // it is being written
		}
		out = append(out, l.Seen)
	}
	return out
}

// saw waits until something was seen.
func (w *watcher) saw(what string, is func(rule.Seen) bool) rule.Seen {
	w.t.Helper()
	for ctx := w.ctx(); ; time.Sleep(10 * time.Millisecond) {
		for _, s := range w.seen() {
			if is(s) {
				return s
			}
		}
		if ctx.Err() != nil {
			w.t.Fatalf("%s was not seen:\n%s", what, w.log)
		}
	}
}

// settled waits until everything that is on networks now was shown to the rules, and what follows is in the journal. It is a call that the dispatcher refuses,
// of which nothing follows: when the second is seen, the first was dealt with.
func (w *watcher) settled(networks ...string) {
	w.t.Helper()
	for _, name := range networks {
		for range 2 {
			r := w.sendRefused(name, "admin", w.dispatcher(w.p), dispatcherABI.PackSetEtaGrace(1<<31))
			w.saw("a refusal", func(s rule.Seen) bool { return s.Sight == rule.SawRefusal && s.Tx == r.TxHash })
		}
	}
}

// want is what an alert is to be.
type want struct {
	rule     string
	severity rule.Severity
	network  string
	subject  string
	actions  string         // separated by spaces
	in       *types.Receipt // of the transaction that it is about; nil if it is about none
	at       uint64         // the block, if there is no receipt; 0 is not compared
	count    int            // 0 for 1
	resolved string         // how its resolution begins; empty if it fires
}

func (x want) String() string {
	tx, at := common.Hash{}, x.at
	if x.in != nil {
		tx, at = x.in.TxHash, x.in.BlockNumber.Uint64()
	}
	return fmt.Sprintf("%s, %s, on %s about %s -> %s; block %d tx %s; %d times; %s", x.rule, x.severity, x.network, x.subject, x.actions, at, tx, max(x.count, 1), x.resolved)
}

// only compares all alerts that were ever raised, in the order in which they were, with what they are to be.
func (s *site) only(wants ...want) {
	s.t.Helper()
	all := s.alerts()
	var got, expected []string
	for i, a := range all {
		var actions []string
		for _, x := range a.Actions {
			actions = append(actions, string(x))
		}
		is := want{
			rule: a.Rule, severity: a.Severity, network: a.Network, subject: a.Subject, actions: strings.Join(actions, " "),
			in: &types.Receipt{TxHash: a.Tx, BlockNumber: new(big.Int).SetUint64(a.Block.Number)}, count: a.Count, resolved: a.Resolution,
		}
		if i < len(wants) {
			if x := wants[i]; x.in == nil && x.at == 0 {
				is.in.BlockNumber = new(big.Int)
			}
			if x := wants[i]; x.resolved != "" && strings.HasPrefix(is.resolved, x.resolved) {
				is.resolved = x.resolved
			}
		}
		got = append(got, is.String())
	}
	for _, x := range wants {
		expected = append(expected, x.String())
	}
	if diff := cmp.Diff(expected, got); diff != "" {
		s.t.Errorf("alerts (-want +got):\n%s%s", diff, named(all))
	}
}

// low is somebody's address as alerts say it.
func (s *site) low(name string) string { return strings.ToLower(s.address(name).Hex()) }

// proxied stands before an endpoint, and answers requests, or batches of them, as it likes. nil ends the connection.
func proxied(t testing.TB, url string, answer func(asked []byte, pass func([]byte) []byte) []byte) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		said := answer(asked, func(body []byte) []byte {
			up, err := http.Post(url, "application/json", bytes.NewReader(body)) //nolint:gosec // the devnet's own URL
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			defer func() { _ = up.Body.Close() }()
			out, err := io.ReadAll(up.Body)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			return out
		})
		if said == nil {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(said)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// mustReplay shows the rules what was recorded, by itself: it must raise what was raised while a daemon watched, and nothing else.
func (w *watcher) mustReplay() {
	w.t.Helper()
	w.end()
	f, err := os.Open(w.record)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	lines, err := rule.New(nil).Replay(f)
	if err != nil {
		w.t.Fatal(err)
	}
	var got, expected []string
	for _, l := range lines {
		for _, c := range l.Changes {
			if c.Turn == rule.Raised {
				got = append(got, fmt.Sprintf("%s %s on %s about %s in block %d", c.Alert.Rule, c.Alert.Severity, c.Alert.Network, c.Alert.Subject, c.Alert.Block.Number))
			}
		}
	}
	for _, a := range w.alerts() {
		expected = append(expected, fmt.Sprintf("%s %s on %s about %s in block %d", a.Rule, a.Severity, a.Network, a.Subject, a.Block.Number))
	}
	if diff := cmp.Diff(expected, got); diff != "" || len(lines) == 0 {
		w.t.Errorf("replayed (-raised +replayed):\n%s", diff)
	}
}
