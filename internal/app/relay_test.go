package app_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/keystore"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/google/uuid"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/config"
	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/relay"
)

// TestPrivateNetworkWithoutRelays is a configuration that no file can be: nothing is sent all the same.
func TestPrivateNetworkWithoutRelays(t *testing.T) {
	w := newWorld(t)
	v := w.versionWith("lockstep.yaml", func(o *app.Options) { o.Config.Networks[0].Privacy = network.Relay })
	if _, err := v.Deploy(w.ctx(), v.m, false); err == nil || !strings.Contains(err.Error(), "has no relay that its transactions may be given to") {
		t.Errorf("%v", err)
	}
	if n := w.nonce("deployer"); n != 0 {
		t.Errorf("%d transactions were sent", n)
	}
}

// through is a relay that gives what it takes to the node of the world, and counts it.
func (w *world) through() (url string, taken func() int) {
	w.t.Helper()
	var mu sync.Mutex
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.t.Error(err)
			return
		}
		mu.Lock()
		n += bytes.Count(body, []byte("eth_sendRawTransaction"))
		mu.Unlock()
		resp, err := http.Post(w.net.URL(), "application/json", bytes.NewReader(body))
		if err != nil {
			w.t.Error(err)
			return
		}
		defer func() { _ = resp.Body.Close() }()
		_, _ = io.Copy(out, resp.Body)
	}))
	w.t.Cleanup(server.Close)
	return server.URL, func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}

// TestWhatIsMeasuredIsKept: whoever measures hears of it, the journal has it, and the next run begins with what it knows.
func TestWhatIsMeasuredIsKept(t *testing.T) {
	w := newWorld(t)
	url, taken := w.through()
	t.Setenv("GOOD_RELAY", url)
	t.Setenv("NO_RELAY", "http://127.0.0.1:1/hunter2")
	var seen []relay.Measurement
	open := func() version {
		seen = nil
		return w.versionWith("lockstep.yaml", func(o *app.Options) {
			n := &o.Config.Networks[0]
			n.Privacy, n.Measured = network.Relay, true
			n.Relays = []config.Relay{{Name: "gone", Kind: network.RelayRPC, URL: "env:NO_RELAY"}, {Name: "good", Kind: network.RelayRPC, URL: "env:GOOD_RELAY"}}
			o.Relayed = func(m relay.Measurement) { seen = append(seen, m) }
		})
	}
	v := open()
	sent := len(w.must(v.Deploy(w.ctx(), v.m, false)).Transactions)
	if taken() != sent {
		t.Errorf("%d transactions, the relay was given %d", sent, taken())
	}
	words := map[string]int{}
	for _, m := range seen {
		words[m.Relay+" "+string(m.Outcome)]++
	}
	if words["gone unsent"] == 0 || words["good taken"] == 0 || words["good landed"] != sent || seen[0].Relay != "gone" {
		t.Errorf("measured %v of %d transactions", words, sent)
	}
	entries := map[string]int{}
	for _, e := range w.auditLog() {
		if e.Kind.Is("relay") {
			entries[string(e.Kind)]++
		}
	}
	if entries["relay.landed"] != sent || entries["relay.asked"] < 2 {
		t.Errorf("the audit log says %v", entries)
	}
	// by what the runs before have measured, the one that is not there is asked last: after a few, however many blocks the other one needed
	v = open()
	w.must(v.Rollout(w.ctx(), v.m, v.file, false))
	for i := 0; len(seen) > 0 && seen[0].Relay == "gone" && i < 6; i++ {
		v = open()
		w.must(v.Act(w.ctx(), []string{plan.Pause, plan.Unpause}[i%2], false))
	}
	if len(seen) == 0 || seen[0].Relay != "good" {
		t.Errorf("the next run begins with %+v", seen)
	}
	list, err := v.Relays(w.ctx())
	if err != nil {
		t.Fatal(err)
	}
	figures := list[0].Relays
	if len(figures) != 2 || figures[0].Failed == 0 || figures[1].Landed <= sent || figures[1].Price == nil || *figures[1].Price <= 1 {
		t.Errorf("%+v", list)
	}
	if text := fmt.Sprintf("%+v %+v", list, seen); strings.Contains(text, "hunter2") || strings.Contains(text, url) {
		t.Errorf("the URL of a relay is in %s", text)
	}
}

func TestCheckRelays(t *testing.T) {
	dir := t.TempDir()
	keys := map[string]string{}
	for _, name := range []string{"one", "two"} {
		key, err := crypto.ToECDSA(crypto.Keccak256([]byte("relay check " + name)))
		if err != nil {
			t.Fatal(err)
		}
		address := crypto.PubkeyToAddress(key.PublicKey)
		data, err := keystore.EncryptKey(&keystore.Key{Id: uuid.New(), Address: address, PrivateKey: key}, "light", 2, 1)
		if err != nil {
			t.Fatal(err)
		}
		keys[name] = address.Hex()
		for file, data := range map[string][]byte{name + ".json": data, "password": []byte("light")} {
			if err := os.WriteFile(filepath.Join(dir, file), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Setenv("RELAY_URL", "https://relay.example/hunter2")
	t.Setenv("PLAIN_URL", "http://relay.example/hunter2")
	t.Setenv("MEMPOOL_URL", "https://relay.example/?useMempool=true")
	const text = `project: demo
dispatcher:
  deployer: two
  roles: {admin: [%s], commit: [two], apply: [two], pauser: [two], emergency: [two]}
facets: [{contract: A}]
networks:
  - name: mine
    chainId: 4242
    kind: testnet
    rpc: ["http://localhost:8545"]
    relayKey: one
    relays: [{name: r, %s}]
signers: {one: {keystore: one.json, password: "file:password"}, two: {keystore: two.json, password: "file:password"}}
`
	for relay, want := range map[string]string{
		`url: "env:RELAY_URL"`:                          "",
		`kind: flashbots, url: "env:RELAY_URL"`:         "",
		`url: "env:NO_URL"`:                             "network mine: relay r: url: environment variable NO_URL is not set",
		`url: "env:RELAY_URL", statusUrl: "env:NO_URL"`: "network mine: relay r: statusUrl: environment variable NO_URL is not set",
		`url: "env:PLAIN_URL"`:                          "network mine: the URL of relay r must begin with https://",
		`url: "env:MEMPOOL_URL"`:                        "network mine: the URL of relay r asks it to use the public mempool",
		`kind: bloxroute, method: blxr_private_tx, url: "env:RELAY_URL", authorization: "env:NO_SECRET"`: "network mine: relay r: authorization: environment variable NO_SECRET is not set",
		`kind: bloxroute, method: m, url: "env:RELAY_URL", authorization: "env:RELAY_URL"`:               `network mine: relay r has no method "m"`,
		"": "network mine: relayKey of mine is one, which is in dispatcher.roles.admin as well",
	} {
		admin := "two"
		if relay == "" {
			relay, admin = `url: "env:RELAY_URL"`, fmt.Sprintf("%q", keys["one"])
		}
		cfg, err := config.Parse(filepath.Join(dir, "lockstep.yaml"), []byte(fmt.Sprintf(text, admin, relay)))
		if err != nil {
			t.Fatal(err)
		}
		problems := slices.DeleteFunc(app.CheckReferences(cfg), func(p config.Problem) bool { return strings.HasPrefix(p.Message, "build:") })
		switch {
		case want == "" && len(problems) == 0:
		case want != "" && len(problems) > 0 && problems[0].Line == 7 && strings.HasPrefix(problems[0].Message, want):
			if strings.Contains(problems[0].Message, "hunter2") {
				t.Errorf("%s shows a secret", problems[0])
			}
		default:
			t.Errorf("%s: %v, want %s", relay, problems, want)
		}
	}
}
