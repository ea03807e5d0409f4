package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
)

// market is a working folder with the protocol of examples/market, one local network and its signers.
type market struct {
	t    testing.TB
	dir  string
	node *node
}

// marketConfig takes the RPC address, the page size, and the facets.
const marketConfig = `project: market
build: { out: artifacts }
pageSize: %d
dispatcher:
  delay: 5
  deployer: deployer
  roles:
    admin: [admin]
    governance: [admin]
    commit: [operator]
    apply: [operator]
    pauser: [guardian]
    emergency: [guardian]
facets:
%s
networks:
  - { name: local, chainId: 31337, kind: local, rpc: ["%s"] }
signers:
  deployer: { keystore: keys/0.json, password: "file:password" }
  operator: { keystore: keys/1.json, password: "file:password" }
  guardian: { keystore: keys/2.json, password: "file:password" }
  admin: { keystore: keys/3.json, password: "file:password" }
`

const facetsOne = `  - { contract: Token, args: ["1000"] }
  - { contract: Staking }
  - { contract: Market }`

const facetsTwo = `  - { contract: Token, args: ["1000"] }
  - { contract: StakingV2 }
  - { contract: MarketV2, args: [250] }
init: { contract: MigrateToV2, function: migrate, callArgs: [1000000000000] }`

// newMarket makes the folder. The programs reach the network at url.
func newMarket(t testing.TB, n *node, url string, pageSize int) *market {
	t.Helper()
	m := &market{t: t, dir: t.TempDir(), node: n}
	if err := os.CopyFS(filepath.Join(m.dir, "artifacts"), os.DirFS(filepath.Join(places.root, "examples", "market", "artifacts"))); err != nil {
		t.Fatal(err)
	}
	for i := range devKeys {
		if err := lightKey(filepath.Join(m.dir, "keys", fmt.Sprintf("%d.json", i)), i); err != nil {
			t.Fatal(err)
		}
	}
	m.write("password", "light\n")
	m.write("one.yaml", fmt.Sprintf(marketConfig, pageSize, facetsOne, url))
	m.write("two.yaml", fmt.Sprintf(marketConfig, pageSize, facetsTwo, url))
	for _, version := range []string{"one", "two"} {
		m.must("--config", version+".yaml", "manifest", "build", "-o", version+".json")
	}
	return m
}

// onNetworks replaces the network of a configuration: net-1 with chain id 31337 is at the first address, and so on.
func onNetworks(t testing.TB, config string, urls ...string) string {
	t.Helper()
	before, rest, found := strings.Cut(config, "  - { name: local,")
	_, after, _ := strings.Cut(rest, "\n")
	if !found {
		t.Fatalf("there is no network to replace in\n%s", config)
	}
	for i, url := range urls {
		before += fmt.Sprintf("  - { name: net-%d, chainId: %d, kind: local, rpc: [%q] }\n", i+1, 31337+i, url)
	}
	return before + after
}

func (m *market) write(name, text string) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// manifest is what the tests need of a manifest file.
type manifest struct {
	Root       common.Hash
	RoutesRoot common.Hash
	Facets     []struct {
		Address common.Address
		Routes  []struct{ Signature string }
	}
	Pages []json.RawMessage
}

func (m *market) manifest(version string) manifest {
	m.t.Helper()
	data, err := os.ReadFile(filepath.Join(m.dir, version+".json"))
	if err != nil {
		m.t.Fatal(err)
	}
	var out manifest
	if err := json.Unmarshal(data, &out); err != nil {
		m.t.Fatal(err)
	}
	return out
}

// process is a running lockstep.
type process struct {
	cmd    *exec.Cmd
	stdout bytes.Buffer
	stderr transcript
	ended  chan struct{}
}

// transcript is what a process has printed so far.
type transcript struct {
	mu   sync.Mutex
	text strings.Builder
	more chan struct{} // closed when there is more
}

func (t *transcript) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.more)
	t.more = make(chan struct{})
	return t.text.Write(b)
}

// output is what the process has printed to standard error.
func (p *process) output() string {
	p.stderr.mu.Lock()
	defer p.stderr.mu.Unlock()
	return p.stderr.text.String()
}

func (m *market) start(args ...string) *process {
	m.t.Helper()
	return m.run(exec.Command(lockstepBinary(), args...))
}

// run starts a command in the folder.
func (m *market) run(cmd *exec.Cmd) *process {
	m.t.Helper()
	p := &process{cmd: cmd, ended: make(chan struct{})}
	p.stderr.more = make(chan struct{})
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = m.dir, &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // the exit code tells
		close(p.ended)
	}()
	return p
}

// kill ends a process as kill -9 does, and returns when it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	<-p.ended
}

// code waits for the end of a process and returns its exit code, -1 if a signal ended it.
func (p *process) code() int {
	<-p.ended
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) mustSucceed(t testing.TB) {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.kill()
		t.Fatalf("%s did not end within %s\n%s", strings.Join(p.cmd.Args, " "), patience, p.output())
	}
	if code := p.code(); code != 0 {
		t.Fatalf("%s: exit code %d\n%s", strings.Join(p.cmd.Args, " "), code, p.output())
	}
}

// must runs lockstep to its end, which must be a good one, and returns its standard output.
func (m *market) must(args ...string) string {
	m.t.Helper()
	p := m.start(args...)
	p.mustSucceed(m.t)
	return p.stdout.String()
}

// dispatcher asks a dry run where the dispatcher will be.
func (m *market) dispatcher() common.Address {
	m.t.Helper()
	var doc struct {
		Networks []struct{ Dispatcher common.Address }
	}
	out := m.must("--config", "one.yaml", "--json", "deploy", "one.json", "--dry-run", "--journal", filepath.Join(m.t.TempDir(), "unused.db"))
	if err := json.Unmarshal([]byte(out), &doc); err != nil || len(doc.Networks) != 1 {
		m.t.Fatalf("dry run: %v\n%s", err, out)
	}
	return doc.Networks[0].Dispatcher
}

// keepTime moves the network's clock past each timelock, some blocks after the last page was staged. It ends with the test.
func (m *market) keepTime(dispatcher common.Address, blocks int, manifests ...manifest) {
	pages := map[common.Hash]int{}
	for _, f := range manifests {
		pages[f.Root] = len(f.Pages)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := m.passTimelocks(ctx, dispatcher, blocks, pages); err != nil && ctx.Err() == nil {
			m.t.Errorf("keep time: %v", err)
		}
	}()
	m.t.Cleanup(func() { cancel(); <-done })
}

func (m *market) passTimelocks(ctx context.Context, dispatcher common.Address, blocks int, pages map[common.Hash]int) error {
	heads := make(chan json.RawMessage, 256)
	sub, err := m.node.rpc.EthSubscribe(ctx, heads, "newHeads")
	if err != nil {
		return err
	}
	defer sub.Unsubscribe()
	var seen int
	var passed uint64 // the eta of the last one
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-sub.Err():
			return err
		case <-heads:
		}
		s, err := m.node.state(ctx, dispatcher)
		if err != nil || s.pendingRoot == (common.Hash{}) {
			continue // not there yet, or nothing to wait for
		}
		staged, err := m.node.staged(ctx, dispatcher, s.pendingRoot)
		if err != nil {
			return err
		}
		if staged < pages[s.pendingRoot] || passed == s.eta {
			seen = 0
			continue
		}
		if seen++; seen < blocks {
			continue
		}
		passed, seen = s.eta, 0
		var head struct{ Timestamp hexutil.Uint64 }
		if err := m.node.call(ctx, &head, "eth_getBlockByNumber", "latest", false); err != nil {
			return err
		}
		if due := s.eta + s.grace; due > uint64(head.Timestamp) {
			if err := m.node.passTime(ctx, due-uint64(head.Timestamp)); err != nil {
				return err
			}
		}
	}
}

// checkRoutes compares every route of the dispatcher with a manifest, through its loupe.
func (m *market) checkRoutes(ctx context.Context, dispatcher common.Address, want manifest, epoch uint64) {
	m.t.Helper()
	s, err := m.node.state(ctx, dispatcher)
	if err != nil {
		m.t.Fatal(err)
	}
	if s.activeRoot != want.Root || s.activeEpoch != epoch || s.pendingRoot != (common.Hash{}) {
		m.t.Errorf("root %s is active in epoch %d and %s is pending, want %s in epoch %d and none",
			s.activeRoot, s.activeEpoch, s.pendingRoot, want.Root, epoch)
	}
	routes := 0
	for _, f := range want.Facets {
		for _, r := range f.Routes {
			selector := crypto.Keccak256([]byte(r.Signature))[:4]
			got, err := m.node.view(ctx, dispatcher, "facetAddress(bytes4)", common.RightPadBytes(selector, 32))
			if err != nil {
				m.t.Fatal(err)
			}
			if common.BytesToAddress(got[0][:]) != f.Address {
				m.t.Errorf("%s is routed to %s, want %s", r.Signature, got[0], f.Address)
			}
			routes++
		}
	}
	live, err := m.liveRoutes(ctx, dispatcher)
	if err != nil {
		m.t.Fatal(err)
	}
	if live != routes {
		m.t.Errorf("%d routes are live, the manifest has %d", live, routes)
	}
}

// liveRoutes counts the selectors over all facets of the loupe.
func (m *market) liveRoutes(ctx context.Context, dispatcher common.Address) (int, error) {
	facets, err := m.node.view(ctx, dispatcher, "facetAddresses()")
	if err != nil {
		return 0, err
	}
	if len(facets) < 2 {
		return 0, errors.New("facetAddresses() returned no list")
	}
	total := 0
	for _, f := range facets[2:] {
		selectors, err := m.node.view(ctx, dispatcher, "facetFunctionSelectors(address)", f[:])
		if err != nil {
			return 0, err
		}
		total += len(selectors) - 2
	}
	return total, nil
}

// checkCalls fails unless transactions are exactly the calls that are wanted, by what they call, and all succeeded.
func checkCalls(t testing.TB, chain []mined, want map[string]int) {
	t.Helper()
	names := map[string]string{}
	for _, signature := range []string{
		"commitRoot(bytes32,uint64)", "applyRoutes(bytes,bytes32[],bytes32)", "activateCommittedRoot()",
		"activateCommittedRootAndCall(bytes32,address,bytes)", "grantRole(bytes32,address)", "renounceRole(bytes32,address)", "setEtaGrace(uint32)",
	} {
		name, _, _ := strings.Cut(signature, "(")
		names[fmt.Sprintf("%#x", crypto.Keccak256([]byte(signature))[:4])] = name
	}
	got := map[string]int{}
	for _, tx := range chain {
		if !tx.Success {
			t.Errorf("transaction %s of %s in block %d reverted", tx.Hash, tx.From, tx.Block)
		}
		name, known := names[tx.Input[:min(10, len(tx.Input))]]
		switch {
		case tx.To != nil && *tx.To == common.HexToAddress("0x4e59b44847b379578588920ca78fbf26c0b4956c"):
			name = "create"
		case !known:
			name = "another call"
		}
		got[name]++
	}
	for name, n := range want {
		if got[name] != n {
			t.Errorf("%d transactions are %s, want %d", got[name], name, n)
		}
		delete(got, name)
	}
	for name, n := range got {
		t.Errorf("%d transactions are %s, want none", n, name)
	}
}
