package relay

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// TestNothingBecomesPublicWhenAllRelaysFail pushes through relays that fail in every way, on a network whose own endpoints work.
func TestNothingBecomesPublicWhenAllRelaysFail(t *testing.T) {
	w := newWorld(t)
	var reached int
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	t.Cleanup(elsewhere.Close)
	u, err := url.Parse(w.relay)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		control control
		kind    error
		want    string // of each error
	}{
		"slow":         {control{Fault: "slow", Delay: 400}, ErrInDoubt, "no answer in 200ms"},
		"closed":       {control{Fault: "close"}, ErrInDoubt, "ended the connection"},
		"garbage":      {control{Fault: "garbage"}, ErrInDoubt, "not one of JSON-RPC"},
		"null":         {control{Fault: "null"}, ErrInDoubt, "not one of JSON-RPC"},
		"huge":         {control{Fault: "huge"}, ErrInDoubt, "larger than 1 MB"},
		"wrong hash":   {control{Fault: "hash"}, ErrInDoubt, "another transaction"},
		"500":          {control{Fault: "500"}, ErrInDoubt, "it went wrong"},
		"internal":     {control{Fault: "internal"}, ErrInDoubt, "says that it failed"},
		"429":          {control{Fault: "429", After: "3"}, ErrUnsent, "no more requests until"},
		"limit":        {control{Fault: "limit"}, ErrUnsent, "no more requests until"},
		"redirect":     {control{Fault: "redirect", Message: elsewhere.URL}, ErrRefused, "sends elsewhere"},
		"refused":      {control{Fault: "refuse", Message: "replacement transaction underpriced"}, ErrRefused, "(replacement transaction underpriced)"},
		"gas limit":    {control{Fault: "refuse", Message: "block gas limit exceeded"}, ErrRefused, "gas limit"},
		"leaks":        {control{Fault: "refuse", Message: "GET " + w.relay + "/raw from " + u.Host + "\x1b[2J\n"}, ErrRefused, "[hidden]"},
		"long-winded":  {control{Fault: "refuse", Message: strings.Repeat("no ", 1000)}, ErrRefused, "no no"},
		"says nothing": {control{Fault: "refuse"}, ErrRefused, "does not say why"},
	} {
		t.Run(name, func(t *testing.T) {
			var relays []Relay
			if f, err := NewFlashbots(FlashbotsConfig{Name: "one", URL: w.relay, Signer: w.auth, Timeout: 200 * time.Millisecond}); err == nil {
				relays = append(relays, f)
			}
			if p, err := NewRPC(RPCConfig{Name: "two", URL: w.relay + "/raw", Timeout: 200 * time.Millisecond}); err == nil {
				relays = append(relays, p)
			}
			b, err := NewBloxroute(BloxrouteConfig{
				Name: "three", URL: w.relay + "/blxr", Method: methodEthereum, Timeout: 200 * time.Millisecond,
				Secret: func(context.Context) (string, error) { return secret, nil },
			})
			if err != nil {
				t.Fatal(err)
			}
			r := w.router(Config{Relays: append(relays, b)})
			w.control(c.control)
			tx := w.txs(0, 1)
			err = r.Push(t.Context(), tx, w.head(), w.head()+5)
			w.control(control{})
			if !errors.Is(err, c.kind) || errors.Is(err, rollout.ErrUnavailable) != !errors.Is(c.kind, ErrRefused) {
				t.Errorf("%v, want %v", err, c.kind)
			}
			text := fmt.Sprint(err)
			for _, want := range []string{"relay one ", "relay two ", "relay three ", tx[0].Hash().Hex(), "testnet", "nobody else was given it"} {
				if !strings.Contains(text, want) {
					t.Errorf("%v, want %q in it", err, want)
				}
			}
			if n := strings.Count(text, c.want); n < 3 {
				t.Errorf("%v, want %q for each relay", err, c.want)
			}
			for _, leak := range []string{"127.0.0.1", u.Port(), secret, "hunter", elsewhere.URL, "/raw", "/blxr", "\n", "\x1b"} {
				if strings.Contains(text, leak) {
					t.Errorf("%v, which holds %q", err, leak)
				}
			}
			if len(text) > 1200 {
				t.Errorf("the error is %d bytes", len(text))
			}
			w.private(tx...)
		})
	}
	if reached != 0 {
		t.Errorf("another host was sent %d requests", reached)
	}
}

func TestRelayThatIsNotThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := "http://" + l.Addr().String()
	_ = l.Close() // nobody listens there now
	w := newWorld(t)
	r, err := NewRPC(RPCConfig{Name: "gone", URL: gone})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Submit(t.Context(), Batch{Txs: w.txs(0, 1), Next: 1, Last: 2})
	if !errors.Is(err, ErrUnsent) || strings.Contains(err.Error(), "127.0.0.1") || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("%v, want that nothing was sent, without the address", err)
	}
}

func TestRouterRefusesWhatIsLessPrivateThanTheNetwork(t *testing.T) {
	w := newWorld(t)
	var sent int
	public := w.public(&sent)
	sequencer, err := NewEndpoints(network.Sequencer, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		cfg  Config
		want string // of the error, empty if there is none
	}{
		"public on relay":                  {Config{Privacy: network.Relay, Relays: []Relay{w.rpc("rpc"), public}}, "are to stay private"},
		"sequencer on relay":               {Config{Privacy: network.Relay, Relays: []Relay{sequencer}}, "are to stay private"},
		"public on sequencer":              {Config{Privacy: network.Sequencer, Relays: []Relay{public}}, "are to stay private"},
		"none":                             {Config{Privacy: network.Relay}, "configure one"},
		"twice":                            {Config{Privacy: network.Relay, Relays: []Relay{w.rpc("rpc"), w.rpc("rpc")}}, "each another"},
		"no privacy":                       {Config{Relays: []Relay{w.rpc("rpc")}}, "privacy of testnet"},
		"relay on relay":                   {Config{Privacy: network.Relay, Relays: []Relay{w.rpc("rpc")}}, ""},
		"relay and sequencer":              {Config{Privacy: network.Sequencer, Relays: []Relay{w.rpc("rpc"), sequencer}}, ""},
		"public on public":                 {Config{Privacy: network.Public, Relays: []Relay{public}}, ""},
		"public on relay, if it is wanted": {Config{Privacy: network.Relay, AllowPublic: true, Relays: []Relay{public}}, ""},
	} {
		c.cfg.Network = "testnet"
		_, err := NewRouter(c.cfg)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestPublicComesLastWhereItIsAllowed(t *testing.T) {
	w := newWorld(t)
	var sent int
	m := &measures{}
	r := w.router(Config{AllowPublic: true, Relays: []Relay{w.public(&sent), w.flashbots("flashbots")}, Report: m.report})
	w.push(r, w.txs(0, 1))
	w.private()
	if sent != 0 {
		t.Fatal("it was given to the public way although a relay had it")
	}
	w.control(control{Fault: "refuse"})
	tx := w.signTip(0, &somebody, 2e9)
	w.push(r, []*types.Transaction{tx})
	if n := w.inMempool(); n != 1 || sent != 1 {
		t.Errorf("%d in the mempool, %d sent; want 1, as the configuration says", n, sent)
	}
	w.wantWords(m, "flashbots:taken", "flashbots:refused", "public:taken")
}

func TestNextRelayIsAsked(t *testing.T) {
	w := newWorld(t)
	m := &measures{}
	r := w.router(Config{Relays: []Relay{w.flashbots("one"), w.rpc("two"), w.bloxroute("three")}, Report: m.report})
	txs := w.txs(0, 2)
	w.control(control{Fault: "close", Of: []string{"/", "/raw"}})
	w.push(r, txs)
	w.private(txs...)
	w.mine()
	if w.landed(txs[1]) == 0 {
		t.Error("it has not landed")
	}
	w.wantWords(m, "one:in doubt", "two:in doubt", "three:taken")
	m.all = nil
	w.control(control{Fault: "refuse", Of: []string{"/"}})
	w.push(r, w.txs(2, 1))
	w.wantWords(m, "one:refused", "two:taken")
}

// TestRelayThatLies says that it has taken what it throws away.
func TestRelayThatLies(t *testing.T) {
	w := newWorld(t)
	m := &measures{}
	silent, err := NewFlashbots(FlashbotsConfig{Name: "one", URL: w.relay, Signer: w.auth}) // no status API
	if err != nil {
		t.Fatal(err)
	}
	r := w.router(Config{Relays: []Relay{silent, w.bloxroute("two")}, Patience: 2, Report: m.report})
	tx := w.txs(0, 1)
	w.control(control{Fault: "lie", Of: []string{"/"}})
	first := w.head()
	for range 2 {
		w.push(r, tx)
		w.mine()
	}
	if got := w.landed(tx[0]); got != 0 {
		t.Fatalf("landed in block %d", got)
	}
	w.wantWords(m, "one:taken")
	w.control(control{})
	w.push(r, tx)
	w.wantWords(m, "one:taken", "one:late", "two:taken")
	w.private(tx...)
	w.mine()
	at := w.landed(tx[0])
	for range 2 { // the second time it is known
		if err := r.Land(t.Context(), tx[0].Hash(), at, big.NewInt(120), big.NewInt(100)); err != nil {
			t.Fatal(err)
		}
	}
	w.wantWords(m, "one:taken", "one:late", "two:taken", "two:landed")
	if len(m.all) != 4 {
		t.FailNow()
	}
	late, landed := m.all[1], m.all[3]
	if late.Blocks != 2 || late.Head != first+2 {
		t.Errorf("late: %+v", late)
	}
	if landed.Blocks != 1 || landed.Head != at || landed.Among != 2 || landed.GasPrice.Int64() != 120 || !slices.Equal(landed.Hashes, []common.Hash{tx[0].Hash()}) {
		t.Errorf("landed: %+v", landed)
	}
}

func TestStatusIsAskedOnceABlock(t *testing.T) {
	w := newWorld(t)
	r := w.router(Config{Relays: []Relay{w.flashbots("one")}, Patience: 9})
	tx := w.txs(0, 1)
	w.control(control{Hold: 9})
	for block := range 3 {
		for range 3 {
			w.push(r, tx)
		}
		var asked int
		w.tell("/statuses", struct{}{}, &asked)
		if asked != block { // at the block at which it was given nothing can be known yet
			t.Errorf("%d statuses at block %d, want %d", asked, block, block)
		}
		w.mine()
	}
	if n := len(w.log()); n != 1 {
		t.Errorf("it was given %d times, want once", n)
	}
}

// TestRelayThatIsLateAndAlone has it, so that pushing is no error; after the last block it has its time again.
func TestRelayThatIsLateAndAlone(t *testing.T) {
	w := newWorld(t)
	m := &measures{}
	r := w.router(Config{Relays: []Relay{w.flashbots("one")}, Patience: 1, Report: m.report})
	tx := w.txs(0, 1)
	w.control(control{Hold: 9})
	first := w.head()
	for head := first; head < first+4; head++ {
		last := first + 2
		if head >= last {
			last = first + 9
		}
		if err := r.Push(t.Context(), tx, head, last); err != nil {
			t.Fatal(err)
		}
		w.mine()
	}
	w.wantWords(m, "one:taken", "one:late", "one:expired", "one:taken", "one:late")
}

func TestRelayThatForgetsIsGivenItAgain(t *testing.T) {
	w := newWorld(t)
	m := &measures{}
	r := w.router(Config{Relays: []Relay{w.flashbots("one")}, Patience: 9, Report: m.report})
	tx := w.txs(0, 1)
	w.control(control{Fault: "lie"})
	w.push(r, tx)
	w.mine()
	w.control(control{})
	w.push(r, tx)
	w.mine()
	if w.landed(tx[0]) == 0 {
		t.Error("it was not given again")
	}
	w.wantWords(m, "one:taken", "one:taken")
}

// TestRelayThatDoesNotSayHowLong is given transactions again after a while, as nodes forget, and not at each block.
func TestRelayThatDoesNotSayHowLong(t *testing.T) {
	w := newWorld(t)
	m, records := &measures{}, &memory{}
	now := time.Unix(1_800_000_000, 0)
	var sent int
	sequencer, err := NewEndpoints(network.Sequencer, func(context.Context, *types.Transaction) error { sent++; return nil })
	if err != nil {
		t.Fatal(err)
	}
	r := w.router(Config{
		Privacy: network.Sequencer, Relays: []Relay{sequencer}, Records: records, Patience: 9, Report: m.report, Now: func() time.Time { return now },
	})
	tx := w.txs(0, 1)
	for range 3 {
		w.push(r, tx)
		w.mine()
	}
	if sent != 1 || records.saves != 2 {
		t.Errorf("sent %d times with %d records saved, want once with 2", sent, records.saves)
	}
	now = now.Add(DefaultRebroadcast)
	w.push(r, tx)
	w.push(r, tx)
	if sent != 2 || len(m.all) != 2 || !m.all[1].Again || m.all[0].Again {
		t.Errorf("sent %d times after a while, want once more; reported %+v", sent, m.all)
	}
}

// TestFailuresCountOnceABlock pushes every second while no relay answers.
func TestFailuresCountOnceABlock(t *testing.T) {
	w := newWorld(t)
	m := &measures{}
	r := w.router(Config{Relays: []Relay{w.bloxroute("one")}, Report: m.report})
	w.control(control{Fault: "refuse"})
	tx := w.txs(0, 1)
	for range 5 {
		if err := r.Push(t.Context(), tx, 7, 20); !errors.Is(err, ErrRefused) {
			t.Fatal(err)
		}
	}
	if n := len(r.choice.ends["one"]); n != 1 || len(m.all) != 5 {
		t.Errorf("%d counted and %d reported, want 1 and 5", n, len(m.all))
	}
	if err := r.Push(t.Context(), tx, 8, 20); !errors.Is(err, ErrRefused) || len(r.choice.ends["one"]) != 2 {
		t.Errorf("at the next block: %d counted, want 2 (%v)", len(r.choice.ends["one"]), err)
	}
}

func TestRelayThatDropsIsFollowedByTheNext(t *testing.T) {
	w := newWorld(t)
	m, records := &measures{}, &memory{}
	r := w.router(Config{Relays: []Relay{w.flashbots("one"), w.bloxroute("two")}, Patience: 9, Records: records, Report: m.report})
	tx := w.txs(0, 1)
	w.control(control{Fault: "drop"})
	w.push(r, tx)
	w.mine()
	w.control(control{})
	w.push(r, tx)
	if rec, _, err := records.Load(t.Context(), chainID, tx[0].Hash()); err != nil || rec.Tries[0].State != Dropped {
		t.Errorf("%+v, %v; want that one has dropped it", rec, err)
	}
	w.mine()
	if w.landed(tx[0]) == 0 {
		t.Error("the next relay was not given it")
	}
	w.wantWords(m, "one:taken", "one:dropped", "two:taken")
}

// TestRestart makes a new router over the records of one that is gone.
func TestRestart(t *testing.T) {
	w := newWorld(t)
	records := &memory{}
	cfg := Config{Relays: []Relay{w.flashbots("one"), w.bloxroute("two")}, Records: records}
	tx := w.txs(0, 1)
	w.push(w.router(cfg), tx)
	again := w.router(cfg)
	w.push(again, tx)
	if n := len(w.log()); n != 1 {
		t.Errorf("%d requests, want none at the same block", n)
	}
	words, err := again.Status(t.Context(), tx[0].Hash())
	if err != nil || len(words) != 1 || words[0].Relay != "one" || words[0].Status != Pending || words[0].State != Taken {
		t.Errorf("status %+v, %v", words, err)
	}
	refused := w.txs(1, 1)
	w.control(control{Fault: "refuse", Of: []string{"/"}})
	w.push(again, refused)
	w.control(control{})
	if words, err := again.Status(t.Context(), refused[0].Hash()); err != nil || len(words) != 1 || words[0].Relay != "two" || !errors.Is(words[0].Err, ErrUnsupported) {
		t.Errorf("status of what one relay refused: %+v, %v", words, err)
	}
	// without the relay in the configuration it cannot be asked, and that is said
	cfg.Relays = cfg.Relays[1:]
	without := w.router(cfg)
	if words, err := without.Status(t.Context(), tx[0].Hash()); err != nil || len(words) != 1 || !errors.Is(words[0].Err, ErrUnsupported) {
		t.Errorf("status without the relay: %+v, %v", words, err)
	}
	if err := without.Cancel(t.Context(), tx); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "relay one is not configured any more") {
		t.Errorf("cancel without the relay: %v", err)
	}
}

// TestConfigurationChanged pushes what a relay has that is not configured any more, in an order that was not private.
func TestConfigurationChanged(t *testing.T) {
	w := newWorld(t)
	var sent int
	tx := w.txs(0, 1)
	records := &memory{}
	rec := Record{
		ID: "x", ChainID: chainID, Hashes: []common.Hash{tx[0].Hash()}, Last: 25, Order: []string{"gone", network.Public, "two"},
		Tries: []Try{{Relay: "gone", State: Taken, Until: 25}, {Relay: "two", State: Refused}},
	}
	if err := records.Save(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
	m := &measures{}
	r := w.router(Config{AllowPublic: true, Relays: []Relay{w.public(&sent), w.rpc("two")}, Records: records, Report: m.report})
	w.push(r, tx)
	w.private(tx...)
	w.wantWords(m, "two:taken")
}

// TestRecordIsSavedBeforeARelayIsAsked would lose track of who has a transaction if it ended at that moment.
func TestRecordIsSavedBeforeARelayIsAsked(t *testing.T) {
	w := newWorld(t)
	tx := w.txs(0, 1)
	var seen []string
	records := &memory{saved: func(r Record) {
		for _, try := range r.Tries {
			seen = append(seen, fmt.Sprintf("%s %s given %t after %d", try.Relay, try.State, try.Given, len(w.log())))
		}
	}}
	w.control(control{Fault: "refuse", Of: []string{"/"}})
	w.push(w.router(Config{Relays: []Relay{w.flashbots("one"), w.rpc("two")}, Records: records}), tx)
	want := []string{
		"one asked given true after 0", "one refused given false after 1",
		"one refused given false after 1", "two asked given true after 1", "one refused given false after 2", "two taken given true after 2",
	}
	if !slices.Equal(seen, want) {
		t.Errorf("saved %q, want %q", seen, want)
	}
	full := errors.New("the disk is full")
	err := w.router(Config{Relays: []Relay{w.flashbots("one")}, Records: &memory{fail: full}}).Push(t.Context(), tx, 0, 9)
	if !errors.Is(err, full) || len(w.log()) != 2 {
		t.Errorf("%v and %d requests, want that nothing is sent", err, len(w.log()))
	}
}

// TestEndedWhileARelayWasAsked is a crash between the request and its answer: that relay may have it.
func TestEndedWhileARelayWasAsked(t *testing.T) {
	w := newWorld(t)
	records := &memory{}
	cfg := Config{Relays: []Relay{w.flashbots("one"), w.rpc("two")}, Records: records}
	tx := w.txs(0, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cfg.Records = &memory{saved: func(Record) { cancel() }} // at the first save
	err := w.router(cfg).Push(ctx, tx, w.head(), 9)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("%v, want that it was ended", err)
	}
	rec, found, err := cfg.Records.Load(t.Context(), chainID, tx[0].Hash())
	if err != nil || !found || len(rec.Tries) != 1 || rec.Tries[0].State != Asked || !rec.Tries[0].Given {
		t.Errorf("%+v %t %v, want that one may have it and two was not asked", rec, found, err)
	}
	w.push(w.router(cfg), tx)
	w.mine()
	if w.landed(tx[0]) == 0 {
		t.Error("it was not pushed after the restart")
	}
}

// TestEndedAfterARelayHasAnswered keeps what it said.
func TestEndedAfterARelayHasAnswered(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	sequencer, err := NewEndpoints(network.Sequencer, func(context.Context, *types.Transaction) error { cancel(); return nil })
	if err != nil {
		t.Fatal(err)
	}
	records, tx := &memory{}, w.txs(0, 1)
	if err := w.router(Config{Privacy: network.Sequencer, Relays: []Relay{sequencer}, Records: records}).Push(ctx, tx, 0, 9); err != nil {
		t.Fatal(err)
	}
	if rec, _, err := records.Load(t.Context(), chainID, tx[0].Hash()); err != nil || rec.Tries[0].State != Taken {
		t.Errorf("%+v, %v; want that it is taken", rec, err)
	}
}

func TestPartOfABatch(t *testing.T) {
	w := newWorld(t)
	m := &measures{}
	taken := 0
	sequencer, err := NewEndpoints(network.Sequencer, func(context.Context, *types.Transaction) error {
		if taken++; taken > 1 {
			return errors.New("too many of this account")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	records := &memory{}
	r := w.router(Config{Privacy: network.Sequencer, Relays: []Relay{sequencer}, Records: records, Report: m.report})
	txs := w.txs(0, 3)
	w.push(r, txs)
	w.wantWords(m, "sequencer:partial")
	if len(m.all) == 0 || m.all[0].Reason != "relay sequencer took 1 of 3 transactions, then: relay sequencer has not taken it: too many of this account" {
		t.Errorf("reason %q", m.all[0].Reason)
	}
	taken = -9
	w.mine()
	w.push(r, txs[1:]) // the first has landed
	rec, _, err := records.Load(t.Context(), chainID, txs[2].Hash())
	if err != nil || len(rec.Hashes) != 3 || len(rec.Tries) != 1 || rec.Tries[0].State != Taken || rec.Tries[0].Reason != "" {
		t.Errorf("%+v, %v", rec, err)
	}
	w.wantWords(m, "sequencer:partial", "sequencer:taken")
}

func TestEndpointsKeepTheCause(t *testing.T) {
	w := newWorld(t)
	for _, cause := range []error{errors.New("replacement transaction underpriced"), fmt.Errorf("send: %w", rollout.ErrUnavailable)} {
		relay, err := NewEndpoints(network.Public, func(context.Context, *types.Transaction) error { return cause })
		if err != nil {
			t.Fatal(err)
		}
		_, err = relay.Submit(t.Context(), Batch{Txs: w.txs(0, 1)})
		if errors.Is(err, ErrInDoubt) != errors.Is(cause, rollout.ErrUnavailable) || errors.Is(err, ErrRefused) == errors.Is(err, ErrInDoubt) {
			t.Errorf("%v is of another kind", err)
		}
		err = w.router(Config{Privacy: network.Public, Relays: []Relay{relay}}).Push(t.Context(), w.txs(0, 1), 0, 9)
		if !errors.Is(err, cause) || errors.Is(err, rollout.ErrUnavailable) != errors.Is(cause, rollout.ErrUnavailable) || strings.Contains(err.Error(), "nobody else") {
			t.Errorf("%v, want what the endpoint said: %v", err, cause)
		}
	}
}

func TestPushRefusesWhatIsNotForTheNetwork(t *testing.T) {
	w := newWorld(t)
	r, err := NewRouter(Config{Network: "other", ChainID: 7, Privacy: network.Relay, Relays: []Relay{w.flashbots("one")}, Records: &memory{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Push(t.Context(), w.txs(0, 1), 0, 9); err == nil || !strings.Contains(err.Error(), "it is for chain 4242, not 7") || len(w.log()) != 0 {
		t.Errorf("%v and %d requests", err, len(w.log()))
	}
}

func TestWhatARelayHasAlreadyIsTaken(t *testing.T) {
	w := newWorld(t)
	txs := w.txs(0, 2)
	for range 2 {
		if until, err := w.rpc("rpc").Submit(t.Context(), Batch{Txs: txs, Next: 1, Last: 9}); err != nil || until != 0 {
			t.Errorf("until %d, %v", until, err)
		}
	}
	if got := w.last().Verdict; got != "already known" {
		t.Errorf("the relay said %q", got)
	}
}

func TestBloxroute(t *testing.T) {
	w := newWorld(t)
	for _, method := range []string{methodEthereum, methodBNB, methodPolygon} {
		x, err := NewBloxroute(BloxrouteConfig{Name: "x", URL: w.relay + "/blxr", Method: method, Secret: func(context.Context) (string, error) { return secret, nil }})
		if err != nil {
			t.Fatal(err)
		}
		if until, err := x.Submit(t.Context(), Batch{Txs: w.txs(0, 1), Next: 1, Last: 9}); err != nil || until != 9 {
			t.Errorf("%s: until %d, %v", method, until, err)
		}
		last := w.last()
		name, params := last.request(t)
		if name != method || strings.Contains(string(params), "0x") || strings.Contains(string(params), `"timeout":0`) != (method == methodEthereum) {
			t.Errorf("%s sent %s", method, last.Body)
		}
	}
	w.control(control{Fault: "refuse", Message: "Authorization " + secret + " is not known at " + w.relay})
	if _, err := w.bloxroute("x").Submit(t.Context(), Batch{Txs: w.txs(0, 1), Next: 1, Last: 9}); err == nil ||
		err.Error() != "relay x refuses (Authorization [hidden] is not known at [hidden])" {
		t.Errorf("what tells the secret: %v", err)
	}
	w.control(control{Fault: "refuse", Message: "not ab:cd"})
	short, err := NewBloxroute(BloxrouteConfig{Name: "x", URL: w.relay + "/blxr", Method: methodBNB, Secret: func(context.Context) (string, error) { return "ab:cd", nil }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := short.Submit(t.Context(), Batch{Txs: w.txs(0, 1), Next: 1, Last: 9}); err == nil || err.Error() != "relay x refuses (not [hidden])" {
		t.Errorf("what tells a short secret: %v", err)
	}
	w.control(control{})
	unreadable := errors.New("no such file")
	for name, c := range map[string]struct {
		secret func(context.Context) (string, error)
		kind   error
		want   string
	}{
		"wrong":      {func(context.Context) (string, error) { return "another-secret", nil }, ErrRefused, "check the key"},
		"unreadable": {func(context.Context) (string, error) { return "", unreadable }, ErrUnsent, "no such file"},
		"empty":      {func(context.Context) (string, error) { return "", nil }, ErrUnsent, "where it is kept"},
		"two lines":  {func(context.Context) (string, error) { return "another-secret\nX: y", nil }, ErrUnsent, "where it is kept"},
	} {
		before := len(w.log())
		x, err := NewBloxroute(BloxrouteConfig{Name: "x", URL: w.relay + "/blxr", Method: methodEthereum, Secret: c.secret})
		if err != nil {
			t.Fatal(err)
		}
		_, err = x.Submit(t.Context(), Batch{Txs: w.txs(0, 1), Next: 1, Last: 9})
		if !errors.Is(err, c.kind) || strings.Contains(err.Error(), "another-secret") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %v with %q", name, err, c.kind, c.want)
		}
		if sent := len(w.log()) - before; sent != 0 && errors.Is(c.kind, ErrUnsent) {
			t.Errorf("%s: %d requests", name, sent)
		}
	}
}

// TestWhatIsNotNotedEndsPushing: what a relay did is in the audit log, or the caller hears of it.
func TestWhatIsNotNotedEndsPushing(t *testing.T) {
	w := newWorld(t)
	tx, records, full := w.txs(0, 1), &memory{}, errors.New("the disk is full")
	m := &measures{fail: full}
	r := w.router(Config{Relays: []Relay{w.flashbots("one"), w.rpc("two")}, Records: records, Patience: 1, Report: m.report})
	if err := r.Push(t.Context(), tx, w.head(), 25); !errors.Is(err, full) {
		t.Errorf("asked: %v, want that it is not noted", err)
	}
	w.control(control{Hold: 9})
	w.mine()
	if err := r.Push(t.Context(), tx, w.head(), 25); !errors.Is(err, full) {
		t.Errorf("late: %v, want that it is not noted", err)
	}
	if err := r.Push(t.Context(), tx, 25, 25); !errors.Is(err, full) {
		t.Errorf("expired: %v, want that it is not noted", err)
	}
	w.control(control{})
	w.mine()
	block := w.landed(tx[0])
	if err := r.Land(t.Context(), tx[0].Hash(), block, nil, nil); block == 0 || !errors.Is(err, full) {
		t.Errorf("landed in block %d: %v, want that it is not noted", block, err)
	}
	m.fail = nil
	for range 2 {
		if err := r.Land(t.Context(), tx[0].Hash(), block, nil, nil); err != nil {
			t.Error(err)
		}
	}
	w.wantWords(m, "one:taken", "one:late", "one:expired", "one:landed", "one:landed")
}
