package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/badnode"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// faulty is an endpoint before a network's whose fault can be changed.
type faulty struct {
	*badnode.Endpoint
	fault atomic.Value
}

func (f *faulty) set(x badnode.Fault) { f.fault.Store(x) }

// name is how alerts call it.
func (f *faulty) name() string { return f.URL }

func (s *site) faulty(network string, of ...string) *faulty {
	s.t.Helper()
	f := &faulty{}
	f.set(badnode.None)
	e, err := badnode.Start(s.ctx(), s.nets[network].URL(), func(method string) badnode.Fault {
		if len(of) == 0 || strings.Contains(strings.Join(of, " "), method) {
			return f.fault.Load().(badnode.Fault)
		}
		return badnode.None
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(e.Close)
	f.Endpoint = e
	return f
}

// surveyed has blocks come until something is as it should be: endpoints are asked every 15 seconds of block time, beside the looks.
func (s *site) surveyed(network, what string, is func() bool) {
	s.t.Helper()
	for ctx := s.ctx(); !is(); time.Sleep(300 * time.Millisecond) {
		if ctx.Err() != nil {
			s.t.Fatalf("%s: there are %s", what, named(s.alerts()))
		}
		s.later(network, 16*time.Second)
	}
}

func (s *site) fires(rule, subject string) bool {
	for _, a := range s.alerts() {
		if a.Rule == rule && strings.Contains(a.Subject, subject) && a.Fires() {
			return true
		}
	}
	return false
}

// surveys is how often it was seen whether an endpoint answers.
func (w *watcher) surveys(name string, failed bool) (n int) {
	for _, s := range w.seen() {
		if s.Sight == rule.SawEndpoint && s.Subject == name && s.Failed == failed {
			n++
		}
	}
	return n
}

// TestAnEndpointThatIsDown: of two, one does not answer; shortly at first, and then for longer. It ends when it answers again.
func TestAnEndpointThatIsDown(t *testing.T) {
	t.Parallel()
	s, places := begun(t, 71)
	bad := s.faulty("net71")
	places[0].urls = func(url string) string { return fmt.Sprintf("%q, %q", url, bad.URL) }
	patient := guarded("Vault").on(places...)
	w := s.watch(patient)
	bad.set(badnode.Dead)
	s.surveyed("net71", "it does not answer", func() bool { return w.surveys(bad.name(), true) > 2 })
	s.only()
	w.end()
	c := withRules(patient, "rpc_down: {threshold: 1s}")
	w = s.watch(c)
	s.surveyed("net71", "down", func() bool { return s.fires(rule.RPCDown, "") })
	down := want{rule: rule.RPCDown, severity: rule.Warning, network: "net71", subject: bad.name(), actions: "ops"}
	s.only(down)
	w.end()
	w = s.watch(c)
	s.surveyed("net71", "it does not answer", func() bool { return w.surveys(bad.name(), true) > 2 })
	s.only(down)
	bad.set(badnode.None)
	s.surveyed("net71", "up", func() bool { return !s.fires(rule.RPCDown, "") })
	down.resolved = "it answers again"
	s.only(down)
}

// TestANetworkThatIsDown: none of its endpoints answers, so that no block tells of it.
func TestANetworkThatIsDown(t *testing.T) {
	t.Parallel()
	s, places := begun(t, 71)
	bad := s.faulty("net71")
	places[0].urls = func(string) string { return fmt.Sprintf("%q", bad.URL) }
	w := s.watch(withRules(guarded("Vault").on(places...), "rpc_down: {threshold: 1s}"))
	bad.set(badnode.Dead)
	ctx := s.ctx()
	for !s.fires(rule.RPCDown, "every endpoint") && ctx.Err() == nil {
		time.Sleep(200 * time.Millisecond)
	}
	all := want{rule: rule.RPCDown, severity: rule.High, network: "net71", subject: "every endpoint", actions: "ops"}
	s.only(all)
	bad.set(badnode.None)
	s.surveyed("net71", "up", func() bool { return !s.fires(rule.RPCDown, "") })
	all.resolved = "one answers again"
	w.settled("net71")
	s.only(all)
}

// TestEndpointsThatDisagree: one is on another branch, for good or for a moment.
func TestEndpointsThatDisagree(t *testing.T) {
	t.Parallel()
	s, places := begun(t, 71)
	other := newSite(t, local(71)) // of the same chain id
	if err := other.nets["net71"].Mine(8); err != nil {
		t.Fatal(err)
	}
	bad := s.faulty("net71")
	bad.Other = other.nets["net71"].URL()
	places[0].urls = func(url string) string { return fmt.Sprintf("%q, %q", url, bad.URL) }
	c := withRules(guarded("Vault").on(places...), "rpc_disagrees: {threshold: 0s}")
	w := s.watch(c)
	surveys := func(n int) func() bool {
		had := w.surveys(bad.name(), false) + w.surveys(bad.name(), true)
		return func() bool { return w.surveys(bad.name(), false)+w.surveys(bad.name(), true) >= had+n }
	}
	s.surveyed("net71", "as they should be", surveys(2))
	bad.set(badnode.Elsewhere)
	s.surveyed("net71", "elsewhere", surveys(1))
	bad.set(badnode.None)
	s.surveyed("net71", "back", surveys(2))
	s.only()
	bad.set(badnode.Elsewhere)
	s.surveyed("net71", "on two branches", func() bool { return s.fires(rule.RPCDisagrees, bad.name()) })
	apart := want{rule: rule.RPCDisagrees, severity: rule.High, network: "net71", actions: "ops", subject: s.alerts()[0].Subject}
	s.only(apart)
	w.end()
	bad.set(badnode.None)
	w = s.watch(c)
	s.surveyed("net71", "on one branch", func() bool { return !s.fires(rule.RPCDisagrees, "") })
	apart.resolved = "they agree again"
	s.only(apart)
}

// TestAnIndexThatLags: an endpoint has blocks and refuses logs.
func TestAnIndexThatLags(t *testing.T) {
	t.Parallel()
	s, places := begun(t, 71)
	bad := s.faulty("net71", "eth_getLogs", "eth_getBlockReceipts")
	places[0].urls = func(string) string { return fmt.Sprintf("%q", bad.URL) }
	c := guarded("Vault").on(places...)
	w := s.watch(c)
	bad.set(badnode.Broken)
	mine := func(n int) {
		t.Helper()
		if err := s.nets["net71"].Mine(n); err != nil {
			t.Fatal(err)
		}
	}
	mine(15)
	head, err := s.dial("net71").BlockNumber(s.ctx())
	if err != nil {
		t.Fatal(err)
	}
	w.saw("the index behind", func(x rule.Seen) bool { return x.Sight == rule.SawIndex && x.Since < head-10 && x.Since > 0 })
	w.saw("the head", func(x rule.Seen) bool { return x.Sight == rule.SawHead && x.Block.Number == head })
	s.only()
	mine(10)
	s.raised(rule.IndexLag, "")
	lag := want{rule: rule.IndexLag, severity: rule.High, network: "net71", subject: "index", actions: "ops"}
	s.only(lag)
	bad.set(badnode.None)
	s.alert(rule.IndexLag, "", func(a app.KeptAlert) bool { return !a.Fires() })
	lag.resolved = "it has caught up"
	w.settled("net71")
	s.only(lag)
}

// TestATransactionThatIsStuck: the node takes it, and has it in no block.
func TestATransactionThatIsStuck(t *testing.T) {
	t.Parallel()
	s, places := begun(t, 71)
	var mu sync.Mutex
	var kept []hexutil.Bytes
	holding := false
	url := s.nets["net71"].URL()
	keeper := proxied(t, url, func(asked []byte, pass func([]byte) []byte) []byte {
		var call struct {
			ID     json.RawMessage
			Method string
			Params []hexutil.Bytes
		}
		mu.Lock()
		defer mu.Unlock()
		if !holding || json.Unmarshal(asked, &call) != nil || call.Method != "eth_sendRawTransaction" {
			return pass(asked)
		}
		kept = append(kept, call.Params[0])
		var tx types.Transaction
		if err := tx.UnmarshalBinary(call.Params[0]); err != nil {
			t.Error(err)
		}
		return fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%s,"result":%q}`, call.ID, tx.Hash())
	})
	hold := func(x bool) {
		mu.Lock()
		defer mu.Unlock()
		holding = x
	}
	places[0].urls = func(string) string { return fmt.Sprintf("%q", keeper) }
	c := guarded("VaultDoubling").on(places...)
	w := s.watch(c)
	p := s.open(c)
	made := s.plan(p, p.request(plan.Rollout))
	hold(true)
	s.handOver(p, made)
	open := w.saw("an open transaction", func(x rule.Seen) bool { return x.Sight == rule.SawOpen && x.Since > 0 })
	mine := func(n int) {
		t.Helper()
		if err := s.nets["net71"].Mine(n); err != nil {
			t.Fatal(err)
		}
		w.settled("net71")
	}
	mine(4) // and two of settled
	s.only()
	mine(4)
	stuck := want{rule: rule.StuckTx, severity: rule.Warning, network: "net71", subject: open.Source, actions: "ops"}
	s.raised(rule.StuckTx, "")
	all := s.alerts()
	if len(all) != 1 || all[0].Tx != open.Tx || all[0].Subject != stuck.subject || all[0].Severity != stuck.severity || !all[0].Fires() {
		t.Errorf("%s", named(all))
	}
	w.end()
	hold(false)
	var tx types.Transaction
	if err := tx.UnmarshalBinary(kept[0]); err != nil {
		t.Fatal(err)
	}
	s.resend("net71", &tx)
	if _, err := p.StopExecution(s.ctx(), made.Digest.Hex(), "a command goes on with it", "tester"); err != nil {
		t.Fatal(err)
	}
	s.execute(p, made)
	w = s.watch(c)
	stuck.resolved = "it is in a block, or will never be"
	s.alert(rule.StuckTx, "", func(a app.KeptAlert) bool { return a.Resolution == stuck.resolved })
	w.settled("net71")
	if all := s.alerts(); len(all) != 1 {
		t.Errorf("%s", named(all))
	}
}

// TestATransactionThatIsNotFinal: it is in a block soon, and not final for long, which is not being stuck.
func TestATransactionThatIsNotFinal(t *testing.T) {
	t.Parallel()
	s, places := begun(t, 71)
	places[0].more = ", confirmations: 40"
	c := guarded("VaultDoubling").on(places...)
	w := s.watch(c)
	p := s.open(c)
	made := s.plan(p, p.request(plan.Rollout))
	s.handOver(p, made)
	open := w.saw("an open transaction", func(x rule.Seen) bool { return x.Sight == rule.SawOpen && x.Since > 0 })
	if err := s.nets["net71"].Mine(12); err != nil {
		t.Fatal(err)
	}
	w.saw("that it is in a block", func(x rule.Seen) bool { return x.Sight == rule.SawOpen && x.Since == 0 && x.Source == open.Source })
	if r, err := p.Execution(s.ctx(), made.Digest.Hex()); err != nil || r.Status != "running" {
		t.Errorf("the execution is %s, %v: it was final by then", r.Status, err)
	}
	w.settled("net71")
	s.only()
}

// TestAnAccountThatIsPoor: a signer has given its money away, and gets some again.
func TestAnAccountThatIsPoor(t *testing.T) {
	t.Parallel()
	s, _ := begun(t, 71)
	c := guarded("Vault")
	w := s.watch(c)
	const price = 10_000_000 // wei; blocks are empty since long
	give := func(from, to string, wei *big.Int) {
		t.Helper()
		at := s.address(to)
		s.sendTx("net71", from, func(id *big.Int, nonce uint64) types.TxData {
			return &types.DynamicFeeTx{ChainID: id, Nonce: nonce, Gas: 21_000, GasFeeCap: big.NewInt(price), GasTipCap: big.NewInt(1), To: &at, Value: wei}
		})
	}
	balances := func() (n int) {
		for _, x := range w.seen() {
			if x.Sight == rule.SawBalance && x.Account == s.address("operator") {
				n++
			}
		}
		return n
	}
	another := func() {
		t.Helper()
		had := balances()
		if err := s.nets["net71"].Mine(51); err != nil {
			t.Fatal(err)
		}
		w.saw("a balance", func(rule.Seen) bool { return balances() > had })
		w.settled("net71")
	}
	another()
	s.only()
	giveAll := func(from string) {
		t.Helper()
		has, err := s.dial("net71").BalanceAt(s.ctx(), s.address(from), nil)
		if err != nil {
			t.Fatal(err)
		}
		give(from, "outsider", new(big.Int).Sub(has, big.NewInt(21_000*price)))
	}
	giveAll("operator")
	another()
	poor := want{rule: rule.BalanceLow, severity: rule.Warning, network: "net71", subject: s.low("operator"), actions: "ops"}
	s.only(poor)
	give("outsider", "operator", big.NewInt(params.Ether))
	another()
	poor.resolved = "it has enough again"
	s.only(poor)
	giveAll("guardian") // who pauses and cancels
	another()
	s.only(poor, want{rule: rule.BalanceLow, severity: rule.Warning, network: "net71", subject: s.low("guardian"), actions: "ops"})
	for _, x := range w.seen() {
		if x.Sight == rule.SawBalance && (x.Needs == nil || x.Needs.Sign() == 0) {
			t.Errorf("what an upgrade costs was not known: %+v", x)
		}
	}
}

// TestARelayThatIsDown: it fails three times in a row, and then takes what it is given.
func TestARelayThatIsDown(t *testing.T) {
	s := newSite(t, testnet(71))
	var down atomic.Bool
	url := s.nets["net71"].URL()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down.Load() {
			http.Error(w, "maintenance", http.StatusServiceUnavailable)
			return
		}
		var body bytes.Buffer
		_, _ = body.ReadFrom(r.Body)
		up, err := http.Post(url, "application/json", &body) //nolint:gosec // the devnet's own URL
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer func() { _ = up.Body.Close() }()
		var out bytes.Buffer
		_, _ = out.ReadFrom(up.Body)
		_, _ = w.Write(out.Bytes())
	}))
	t.Cleanup(server.Close)
	t.Setenv("EYES_RELAY", server.URL)
	t.Setenv("EYES_OTHER", url)
	at := testnet(71)
	at.more += `, privacy: relay, relays: [{name: mine, url: "env:EYES_RELAY"}, {name: other, url: "env:EYES_OTHER"}]`
	c := oneFacet.on(at)
	p := s.live(c)
	w := s.watch(c)
	act := func(what string) {
		t.Helper()
		if _, err := p.Act(s.ctx(), what, false); err != nil {
			t.Fatal(err)
		}
	}
	act(plan.Pause)
	act(plan.Unpause)
	w.settled("net71")
	s.only()
	down.Store(true)
	for i := 0; !s.fires(rule.RelayDown, "mine") && i < 30; i++ {
		act([]string{plan.Pause, plan.Unpause}[i%2])
		time.Sleep(50 * time.Millisecond)
	}
	relay := want{rule: rule.RelayDown, severity: rule.Warning, network: "net71", subject: "mine", actions: "ops"}
	s.raised(rule.RelayDown, "mine")
	s.only(relay)
}
