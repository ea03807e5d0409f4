package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/localrelay"
	"github.com/seed-b6a97670/lockstep/internal/network"
)

// fleet is networks of the catalogue, each an anvil process with its chain id that makes a block a second, and a project that is on all of them.
type fleet struct {
	*market
	networks []network.Network
	nodes    []*node
	proxies  []*proxy
	relays   map[int]*localrelay.Relay // before the nodes that make no block by themselves
}

// fleetConfig takes what is at the top, the networks, the facets and what comes after them.
const fleetConfig = `project: market
build: { out: artifacts }
%sdispatcher:
  delay: 3600
  deployer: deployer
  roles:
    admin: [admin]
    governance: [admin]
    commit: [operator]
    apply: [operator]
    pauser: [guardian]
    emergency: [guardian]
networks:
%sfacets:
%s
%ssigners:
  deployer: { keystore: keys/0.json, password: "file:password" }
  operator: { keystore: keys/1.json, password: "file:password" }
  guardian: { keystore: keys/2.json, password: "file:password" }
  admin: { keystore: keys/3.json, password: "file:password" }
  relay: { keystore: keys/relay.json, password: "file:password" }
` + approverSigners

// inUse are so many networks of the catalogue: test networks first, a third of them, and mainnets.
func inUse(count int) []network.Network {
	usable := func(kind string) []network.Network {
		return slices.DeleteFunc(network.All(), func(n network.Network) bool { return n.Kind != kind || n.Refusal() != "" })
	}
	tests := max(1, count/3)
	return append(usable(network.Testnet)[:tests:tests], usable(network.Mainnet)[:count-tests]...)
}

// newFleet starts the nodes and writes the project: one.yaml and two.yaml, with the manifests of both versions. top is what stands at the
// top of both files (""), and of each. The networks with the numbers in relayed are reached through a private relay alone, which makes their blocks.
func newFleet(t testing.TB, networks []network.Network, top map[string]string, relayed ...int) *fleet {
	t.Helper()
	f := &fleet{market: &market{t: t, dir: t.TempDir()}, networks: networks, relays: map[int]*localrelay.Relay{}}
	var mu sync.Mutex
	f.nodes, f.proxies = make([]*node, len(networks)), make([]*proxy, len(networks))
	var wg sync.WaitGroup
	for i, n := range networks {
		wg.Go(func() {
			args := []string{"--chain-id", fmt.Sprint(n.ChainID), "--block-time", "1"}
			if slices.Contains(relayed, i) {
				args = append(args[:2], "--no-mining")
			}
			anvil, err := startAnvil(args...)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
				return
			}
			f.nodes[i] = anvil
			t.Cleanup(anvil.Stop)
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	f.addKeys()
	var list strings.Builder
	for i, n := range networks {
		f.proxies[i] = newProxy(t, f.nodes[i].url)
		more := ", allowPublic: true"
		if slices.Contains(relayed, i) {
			more = fmt.Sprintf(", relayKey: relay, relays: [{ name: local, kind: flashbots, url: %q }]", f.relay(i).URL)
		}
		fmt.Fprintf(&list, "  - { name: %s, grace: 30, confirmations: 1, blockTime: 1, l1Fee: none, rpc: [%q]%s }\n", n.Name, f.proxies[i].url, more)
	}
	f.project(list.String(), top)
	return f
}

// addKeys writes the keys of all signers.
func (f *fleet) addKeys() {
	f.t.Helper()
	for i, key := range append(slices.Clone(devKeys), approverKeys...) {
		k, err := crypto.HexToECDSA(key)
		if err != nil {
			f.t.Fatal(err)
		}
		if err := lightKeyOf(filepath.Join(f.dir, "keys", fmt.Sprintf("%d.json", i)), k); err != nil {
			f.t.Fatal(err)
		}
	}
	f.write("password", "light\n")
	f.must("key", "new", "keys/relay.json", "--password", "file:password")
}

// project writes the project, which is on the networks of a list.
func (f *fleet) project(list string, top map[string]string) {
	f.t.Helper()
	if err := os.CopyFS(filepath.Join(f.dir, "artifacts"), os.DirFS(filepath.Join(places.root, "examples", "market", "artifacts"))); err != nil {
		f.t.Fatal(err)
	}
	for version, facets := range map[string]string{"one": facetsOne, "two": facetsTwo} {
		facets, init, _ := strings.Cut(facets, "\ninit:")
		if init != "" {
			init = "init:" + init + "\n"
		}
		f.write(version+".yaml", fmt.Sprintf(fleetConfig, approvalsSection+top[""]+top[version], list, facets, init))
		f.must("--config", version+".yaml", "manifest", "build", "-o", version+".json")
	}
	f.node = f.nodes[0]
}

// relay starts the relay of a network, which makes a block a second.
func (f *fleet) relay(i int) *localrelay.Relay {
	f.t.Helper()
	r, err := localrelay.Start(filepath.Join(places.root, "e2e", "ethers", "node_modules", "ethers"), f.nodes[i].url, "secret")
	if err != nil {
		f.t.Fatalf("%v (is make setup done?)", err)
	}
	f.relays[i] = r
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if _, _, err := r.Mine(ctx); err != nil && ctx.Err() == nil {
				f.t.Errorf("make a block: %v", err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}()
	f.t.Cleanup(func() { cancel(); <-done; _ = r.Stop() })
	return r
}

// keepTimes moves the clock of every network past its timelocks.
func (f *fleet) keepTimes() {
	for _, n := range f.nodes {
		(&market{t: f.t, dir: f.dir, node: n}).keepTime(f.dispatcher(), 1, f.manifest("one"), f.manifest("two"))
	}
}

// dispatcher is where a plan says it is.
func (f *fleet) dispatcher() common.Address {
	f.t.Helper()
	var doc struct {
		Intent struct{ Dispatcher common.Address }
	}
	if err := json.Unmarshal([]byte(mustRead(f.t, filepath.Join(f.dir, "one-plan.json"))), &doc); err != nil {
		f.t.Fatal(err)
	}
	return doc.Intent.Dispatcher
}

// approved makes a plan for a version, and has it approved by two.
func (f *fleet) approved(version string) string { return f.approvedAs(version, version+"-plan.json") }

func (f *fleet) approvedAs(version, file string) string {
	f.t.Helper()
	f.commitAll()
	f.must("--config", version+".yaml", "plan", version+".json", "-o", file)
	for _, name := range []string{"alice", "bob"} {
		f.must("--config", version+".yaml", "approve", file, "--signer", name, "--yes", "--manifest", version+".json")
	}
	return f.digest(file)
}

// executionState is what execution show says.
type executionState struct {
	Status   string
	Released bool
	Networks []networkState
}

type networkState struct {
	Network, State, Reason string
	DoneAt                 uint64
}

func (s executionState) of(network string) (state, reason string) {
	for _, n := range s.Networks {
		if n.Network == network {
			return n.State, n.Reason
		}
	}
	return "", ""
}

func (f *fleet) execution(config, plan string) (s executionState) {
	f.t.Helper()
	out := f.must("--config", config, "--json", "execution", "show", plan)
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		f.t.Fatalf("%v: %s", err, out)
	}
	return s
}

// await looks at an execution until it is as it should be.
func (f *fleet) await(config, plan string, within time.Duration, what string, is func(executionState) bool) executionState {
	f.t.Helper()
	deadline := time.Now().Add(within)
	for {
		s := f.execution(config, plan)
		if is(s) {
			return s
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("not %s within %s: %+v", what, within, s)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func done(s executionState) bool { return s.Status == "done" }

// serve starts a daemon, and waits until it listens. It ends with the test.
func (f *fleet) serve(config string, args ...string) *daemon {
	f.t.Helper()
	return f.listening(f.start(append([]string{"--config", config, "serve"}, args...)...))
}

// listening waits until a daemon listens, and ends it with the test.
func (f *fleet) listening(p *process) *daemon {
	f.t.Helper()
	d := &daemon{process: p, t: f.t}
	f.t.Cleanup(func() {
		p.kill()
		if f.t.Failed() {
			f.t.Logf("serve says:\n%s", p.output())
		}
	})
	deadline := time.After(patience)
	for {
		p.stderr.mu.Lock()
		text, more := p.stderr.text.String(), p.stderr.more
		p.stderr.mu.Unlock()
		if _, after, ok := strings.Cut(text, "msg=listening url="); ok {
			if url, _, ok := strings.Cut(after, "\n"); ok {
				d.url = url
				return d
			}
		}
		select {
		case <-more:
		case <-p.ended:
			f.t.Fatalf("serve ended: %s", p.output())
		case <-deadline:
			f.t.Fatalf("serve does not listen: %s", text)
		}
	}
}

// daemon is a running lockstep serve.
type daemon struct {
	*process
	t   testing.TB
	url string
}

// get asks the daemon for something.
func (d *daemon) get(path string) (int, string) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url+path, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var b strings.Builder
	s := bufio.NewScanner(resp.Body)
	s.Buffer(nil, 1<<22)
	for s.Scan() {
		b.WriteString(s.Text() + "\n")
	}
	return resp.StatusCode, b.String()
}

// checkLive fails unless every network runs a version, by exactly the transactions that this takes.
func (f *fleet) checkLive(version string, epoch uint64, before []int, calls map[string]int) {
	f.t.Helper()
	want := f.manifest(version)
	for i, n := range f.nodes {
		m := &market{t: f.t, dir: f.dir, node: n}
		m.checkRoutes(context.Background(), f.dispatcher(), want, epoch)
		chain, err := n.transactions(context.Background())
		if err != nil {
			f.t.Fatal(err)
		}
		f.proxies[i].checkOneEach(f.t, chain)
		wanted := map[string]int{}
		for k, v := range calls {
			wanted[k] = v
		}
		checkCalls(f.t, chain[before[i]:], wanted)
	}
}

// counts is how many transactions each chain holds.
func (f *fleet) counts() (out []int) {
	f.t.Helper()
	for _, n := range f.nodes {
		chain, err := n.transactions(context.Background())
		if err != nil {
			f.t.Fatal(err)
		}
		out = append(out, len(chain))
	}
	return out
}
