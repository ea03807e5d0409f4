package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/seed-b6a97670/lockstep/internal/localrelay"
)

// relayed is a market whose network is an anvil that makes no block by itself. A proxy before it remembers what becomes public, and a
// private relay makes its blocks.
type relayed struct {
	*market
	proxy *proxy
	relay *localrelay.Relay
	seen  int // of the relay's log
}

// newRelayed makes one; network is what the configuration says of the network besides, with %s for the URL of the relay.
func newRelayed(t *testing.T, network string, anvil ...string) *relayed {
	t.Helper()
	n := newAnvil(t, append([]string{"--no-mining"}, anvil...)...)
	local, err := localrelay.Start(filepath.Join(places.root, "e2e", "ethers", "node_modules", "ethers"), n.url, "secret")
	if err != nil {
		t.Fatalf("%v (is make setup done?)", err)
	}
	t.Cleanup(func() { _ = local.Stop() })
	p := newProxy(t, n.url)
	r := &relayed{market: newMarket(t, n, p.url, 10), proxy: p, relay: local}
	r.must("key", "new", "keys/relay.json", "--password", "file:password")
	r.network(network)
	return r
}

// network says something else of the network.
func (r *relayed) network(text string) {
	r.t.Helper()
	for version, facets := range map[string]string{"one": facetsOne, "two": facetsTwo} {
		config := fmt.Sprintf(marketConfig, 10, facets, r.proxy.url)
		config = strings.Replace(config, "kind: local,", "kind: local, "+strings.ReplaceAll(text, "%s", r.relay.URL)+",", 1)
		r.write(version+".yaml", config+`  relay: { keystore: keys/relay.json, password: "file:password" }`+"\n")
	}
}

// makeBlocks lets the relay make some a second until the test ends.
func (r *relayed) makeBlocks() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if _, _, err := r.relay.Mine(ctx); err != nil && ctx.Err() == nil {
				r.t.Errorf("make a block: %v", err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(250 * time.Millisecond):
			}
		}
	}()
	r.t.Cleanup(func() { cancel(); <-done })
}

func (r *relayed) control(c localrelay.Control) {
	r.t.Helper()
	if err := r.relay.Control(r.t.Context(), c); err != nil {
		r.t.Fatal(err)
	}
}

// ends waits for the end of a process and returns its exit code.
func (r *relayed) ends(p *process) int {
	r.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.kill()
		r.t.Fatalf("%s did not end within %s\n%s", strings.Join(p.cmd.Args, " "), patience, p.output())
	}
	return p.code()
}

// until looks again and again, until something is so.
func (r *relayed) until(is func() bool) {
	r.t.Helper()
	for start := time.Now(); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Since(start) > patience {
			r.t.Fatalf("it is not so within %s", patience)
		}
	}
}

// asked is what a relay was asked for: transactions of one submission.
type asked struct {
	path, method, verdict, id string
	txs                       []*types.Transaction
}

// log returns what the relay was asked for since the last call.
func (r *relayed) log() (out []asked) {
	r.t.Helper()
	all, err := r.relay.Log(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	for _, l := range all[r.seen:] {
		method, params, err := l.Call()
		if err != nil {
			r.t.Fatal(err)
		}
		a := asked{path: l.Path, method: method, verdict: l.Verdict}
		var one []struct {
			Tx              hexutil.Bytes
			Txs             []hexutil.Bytes
			ReplacementUUID string `json:"replacementUuid"`
		}
		var raws []hexutil.Bytes
		if json.Unmarshal(params, &one) == nil {
			a.id, raws = one[0].ReplacementUUID, one[0].Txs
			if one[0].Tx != nil {
				raws = append(raws, one[0].Tx)
			}
		} else if err := json.Unmarshal(params, &raws); err != nil {
			r.t.Fatalf("%s: %v", params, err)
		}
		for _, raw := range raws {
			var tx types.Transaction
			if err := tx.UnmarshalBinary(raw); err != nil {
				r.t.Fatal(err)
			}
			a.txs = append(a.txs, &tx)
		}
		out = append(out, a)
	}
	r.seen = len(all)
	return out
}

// mustBePrivate fails if a transaction was given to the endpoint.
func (r *relayed) mustBePrivate() {
	r.t.Helper()
	if n := r.proxy.checkOneEach(r.t.(*testing.T), nil); n != 0 {
		r.t.Errorf("%d transactions were given to the endpoint, for everybody to see", n)
	}
}

// figures are what lockstep relay list says.
func (r *relayed) figures() map[string]map[string]any {
	r.t.Helper()
	var doc struct {
		Networks []struct{ Relays []map[string]any }
	}
	text := r.must("--config", "one.yaml", "relay", "list", "--json")
	if err := json.Unmarshal([]byte(text), &doc); err != nil || len(doc.Networks) != 1 {
		r.t.Fatalf("relay list: %v\n%s", err, text)
	}
	out := map[string]map[string]any{}
	for _, x := range doc.Networks[0].Relays {
		out[fmt.Sprint(x["name"])] = x
	}
	return out
}

// outcomes counts the entries of the audit log about relays, by kind, relay and outcome.
func (r *relayed) outcomes() map[string]int {
	r.t.Helper()
	r.must("audit", "verify", "--journal", "lockstep.db")
	r.must("audit", "export", "--journal", "lockstep.db", "-o", "export.jsonl")
	out := map[string]int{}
	for line := range strings.Lines(mustRead(r.t.(*testing.T), filepath.Join(r.dir, "export.jsonl"))) {
		var e struct {
			Kind string
			Body struct{ Relay, Outcome string }
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			r.t.Fatal(err)
		}
		if strings.HasPrefix(e.Kind, "relay.") {
			out[strings.TrimSpace(strings.TrimPrefix(e.Kind, "relay.")+" "+e.Body.Relay+" "+e.Body.Outcome)]++
		}
	}
	return out
}

const flashbots = `relayKey: relay, relays: [{ name: here, kind: flashbots, url: "%s", statusUrl: "%s/tx" }]`

// TestRolloutThroughARelay brings a version to a network whose transactions nobody may see. Commit and pages are one bundle.
func TestRolloutThroughARelay(t *testing.T) {
	t.Parallel()
	r := newRelayed(t, flashbots)
	r.makeBlocks()
	want := r.manifest("one")
	dispatcher := r.dispatcher()
	r.keepTime(dispatcher, 1, want)
	r.must("--config", "one.yaml", "deploy", "one.json", "--yes")
	before, err := r.node.transactions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.log()
	r.must("--config", "one.yaml", "rollout", "one.json", "--yes")
	r.mustBePrivate()
	r.checkRoutes(t.Context(), dispatcher, want, 1)
	chain, err := r.node.transactions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	chain = chain[len(before):]
	checkCalls(t, chain, map[string]int{"commitRoot": 1, "applyRoutes": len(want.Pages), "activateCommittedRoot": 1})
	for _, tx := range chain[:len(want.Pages)+1] {
		if tx.Block != chain[0].Block {
			t.Errorf("%s is in block %d, the commit in block %d", tx.Hash, tx.Block, chain[0].Block)
		}
	}
	given := map[common.Hash]bool{}
	for _, a := range r.log() {
		if a.verdict != "taken" {
			t.Errorf("%s: the relay says %s", a.method, a.verdict)
		}
		if a.method == "eth_sendBundle" && len(a.txs) != len(want.Pages)+1 {
			t.Errorf("a bundle of %d, want the commit and %d pages", len(a.txs), len(want.Pages))
		}
		for _, tx := range a.txs {
			given[tx.Hash()] = true
		}
	}
	if len(given) != len(chain) {
		t.Errorf("%d transactions were given, %d are in the chain", len(given), len(chain))
	}
	all := len(before) + len(chain)
	if f := r.figures()["here"]; f["landed"] != float64(all) || f["price"] == nil || f["blocks"] == nil || f["kind"] != "flashbots" {
		t.Errorf("%d have landed, and lockstep relay list says %v", all, f)
	}
	if o := r.outcomes(); o["landed here"] != all || o["asked here taken"] < 3 {
		t.Errorf("%d have landed, and the audit log says %v", all, o)
	}
}

// TestBackupRelayLandsIt: the first relay is slow, refuses, drops what it has, or says that it has what it never includes.
func TestBackupRelayLandsIt(t *testing.T) {
	t.Parallel()
	const two = `relayKey: relay, patience: 2, relays: [{ name: first, kind: flashbots, url: "%s", statusUrl: "%s/tx", timeout: 1 },
      { name: second, url: "%s/raw", statusUrl: "%s/tx" }]`
	for fault, c := range map[string]struct {
		control localrelay.Control
		flag    []string
		outcome string
	}{
		"slow":    {localrelay.Control{Fault: "slow", Delay: 1500}, nil, "asked first in doubt"},
		"refuses": {localrelay.Control{Fault: "refuse", Message: "no"}, nil, "asked first refused"},
		"lies":    {localrelay.Control{Fault: "lie"}, nil, "ended first late"},
		"drops":   {localrelay.Control{Fault: "drop"}, []string{"--careful"}, "ended first dropped"}, // of single ones it tells
		"is gone": {localrelay.Control{Fault: "close"}, nil, "asked first in doubt"},
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			r := newRelayed(t, two)
			r.makeBlocks()
			want := r.manifest("one")
			dispatcher := r.dispatcher()
			r.keepTime(dispatcher, 1, want)
			r.must("--config", "one.yaml", "deploy", "one.json", "--yes")
			c.control.Of = []string{"/"}
			r.control(c.control)
			r.must(append([]string{"--config", "one.yaml", "rollout", "one.json", "--yes"}, c.flag...)...)
			r.mustBePrivate()
			r.checkRoutes(t.Context(), dispatcher, want, 1)
			if o := r.outcomes(); o[c.outcome] == 0 || o["asked second taken"] == 0 || o["landed second"] == 0 && fault != "slow" {
				t.Errorf("the audit log says %v, want %s, and that the second has landed something", o, c.outcome)
			}
		})
	}
}

// hook stands before a relay and is told of each bundle before and after it goes on. If it answers true, no answer is given.
func hook(t *testing.T, upstream string, ask func(before bool) bool) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		bundle := bytes.Contains(body, []byte("eth_sendBundle"))
		if err != nil || bundle && ask(true) {
			panic(http.ErrAbortHandler)
		}
		on, err := http.NewRequest(request.Method, upstream+request.URL.Path, bytes.NewReader(body))
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		on.Header = request.Header.Clone()
		resp, err := http.DefaultClient.Do(on)
		if err != nil || bundle && ask(false) {
			panic(http.ErrAbortHandler)
		}
		defer func() { _ = resp.Body.Close() }()
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body) // the client may have been killed
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestKilledBetweenPushAndLanding: the next run gives the relay the same transactions, as the same submission.
func TestKilledBetweenPushAndLanding(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]bool{"before the relay has it": true, "when the relay has it": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRelayed(t, flashbots)
			r.makeBlocks()
			want := r.manifest("one")
			dispatcher := r.dispatcher()
			r.keepTime(dispatcher, 1, want)
			r.must("--config", "one.yaml", "deploy", "one.json", "--yes")
			chain, err := r.node.transactions(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var mu sync.Mutex
			var running *process
			direct := r.relay.URL
			r.relay.URL = hook(t, direct, func(at bool) bool {
				mu.Lock()
				defer mu.Unlock()
				if at == before && running != nil {
					running.kill()
					running = nil
					return true
				}
				return false
			})
			r.network(flashbots)
			r.relay.URL = direct
			r.control(localrelay.Control{Hold: 1 << 30})
			r.log()
			mu.Lock()
			first := r.start("--config", "one.yaml", "rollout", "one.json", "--yes")
			running = first
			mu.Unlock()
			if code := r.ends(first); code != -1 {
				t.Fatalf("it was not killed: exit code %d\n%s", code, first.output())
			}
			journalled := map[common.Hash]bool{}
			for _, row := range r.journal("--open") {
				journalled[row.Hash] = true
			}
			second := r.start("--config", "one.yaml", "rollout", "one.json", "--yes")
			bundles := func() (n int) { // that come for one block after the other
				for _, a := range r.log() {
					if a.method == "eth_sendBundle" {
						n++
					}
					for _, tx := range a.txs {
						if !journalled[tx.Hash()] {
							t.Errorf("%s was not in the journal when it was killed", tx.Hash())
						}
					}
				}
				return n
			}
			given := 0
			r.until(func() bool {
				given += bundles()
				return given >= 3
			})
			r.control(localrelay.Control{})
			second.mustSucceed(t)
			r.mustBePrivate()
			r.checkRoutes(t.Context(), dispatcher, want, 1)
			after, err := r.node.transactions(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			checkCalls(t, after[len(chain):], map[string]int{"commitRoot": 1, "applyRoutes": len(want.Pages), "activateCommittedRoot": 1})
			for _, tx := range after[len(chain) : len(chain)+len(journalled)] {
				if !journalled[tx.Hash] {
					t.Errorf("%s landed, and was not in the journal when it was killed", tx.Hash)
				}
			}
			r.seen = 0
			ids := map[string]bool{}
			for _, a := range r.log() {
				if len(a.txs) == len(journalled) && journalled[a.txs[0].Hash()] {
					ids[a.id] = true
				}
			}
			if len(ids) != 1 {
				t.Errorf("the relay knows the bundle as %v, want one", slices.Collect(maps.Keys(ids)))
			}
		})
	}
}

// TestReplacementThroughARelay: what takes a transaction back goes to the relay, which is asked to forget the other.
func TestReplacementThroughARelay(t *testing.T) {
	t.Parallel()
	r := newRelayed(t, flashbots)
	r.makeBlocks()
	r.must("--config", "one.yaml", "deploy", "one.json", "--yes")
	r.control(localrelay.Control{Hold: 1 << 30})
	r.log()
	running := r.start("--config", "one.yaml", "rollout", "one.json", "--yes", "--careful")
	given := func(method string) (hash common.Hash) {
		r.until(func() bool {
			for _, a := range r.log() {
				if a.method == method && a.verdict == "taken" {
					if hash = (common.Hash{1}); len(a.txs) > 0 {
						hash = a.txs[0].Hash()
					}
				}
			}
			return hash != common.Hash{}
		})
		return hash
	}
	commit := given("eth_sendPrivateTransaction")
	running.kill()
	dropping := r.start("--config", "one.yaml", "transaction", "drop", commit.Hex(), "--yes")
	given("eth_cancelPrivateTransaction")
	r.control(localrelay.Control{})
	dropping.mustSucceed(t)
	r.mustBePrivate()
	if s, err := r.node.state(t.Context(), r.dispatcher()); err != nil || s.pendingRoot != (common.Hash{}) {
		t.Errorf("root %s is pending, %v", s.pendingRoot, err)
	}
	if found, err := r.node.hasReceipt(t.Context(), commit); found || err != nil {
		t.Errorf("what was taken back landed: %v", err)
	}
	if o := r.outcomes(); o["ended here cancelled"] != 1 {
		t.Errorf("the audit log says %v, want that the relay has cancelled", o)
	}
}

// TestPublicOnlyByThePolicy: on a network that keeps transactions private the endpoint is given none, unless the file says so, and
// then after the relays.
func TestPublicOnlyByThePolicy(t *testing.T) {
	t.Parallel()
	r := newRelayed(t, flashbots, "--chain-id", "11155111") // sepolia's
	sepolia := func(more string) {
		r.network("confirmations: 1, blockTime: 1" + more)
		for _, version := range []string{"one", "two"} {
			text := mustRead(t, filepath.Join(r.dir, version+".yaml"))
			r.write(version+".yaml", strings.Replace(text, "name: local, chainId: 31337, kind: local", "name: sepolia", 1))
		}
	}
	sepolia("")
	p := r.start("--config", "one.yaml", "deploy", "one.json", "--yes")
	if code := r.ends(p); code != 1 || !strings.Contains(p.output(), "list some under relays (flashbots), or set allowPublic: true") {
		t.Errorf("without relays: exit code %d\n%s", code, p.output())
	}
	r.control(localrelay.Control{Fault: "refuse", Message: "not today"})
	sepolia(", " + flashbots)
	r.must("--config", "one.yaml", "manifest", "build", "-o", "one.json")
	p = r.start("--config", "one.yaml", "deploy", "one.json", "--yes")
	if code := r.ends(p); code != 1 || !strings.Contains(p.output(), "not today") {
		t.Errorf("with a relay that refuses: exit code %d\n%s", code, p.output())
	}
	r.mustBePrivate()
	r.makeBlocks()
	sepolia(", allowPublic: true, " + flashbots)
	r.must("--config", "one.yaml", "deploy", "one.json", "--yes")
	chain, err := r.node.transactions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := r.proxy.checkOneEach(t, chain); n == 0 || n != len(chain) {
		t.Errorf("%d of %d transactions were given to the endpoint", n, len(chain))
	}
	if o := r.outcomes(); o["asked here refused"] == 0 || o["asked public taken"] == 0 || o["landed public"] != len(chain) {
		t.Errorf("the audit log says %v", o)
	}
	// and without relays at all
	sepolia(", allowPublic: true")
	r.keepTime(r.dispatcher(), 1, r.manifest("one"))
	r.must("--config", "one.yaml", "rollout", "one.json", "--yes")
	r.checkRoutes(t.Context(), r.dispatcher(), r.manifest("one"), 1)
}
