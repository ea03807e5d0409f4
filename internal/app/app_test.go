package app_test

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"io/fs"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"

	market "github.com/seed-b6a97670/lockstep/examples/market"
	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/bindings"
	"github.com/seed-b6a97670/lockstep/internal/build"
	"github.com/seed-b6a97670/lockstep/internal/config"
	"github.com/seed-b6a97670/lockstep/internal/devnet"
	"github.com/seed-b6a97670/lockstep/internal/evm"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/signer"
)

const chainID = 31337

// world is one network with the market example on it.
type world struct {
	t    *testing.T
	net  *devnet.Network
	dir  string
	keys map[string]*ecdsa.PrivateKey
	out  *build.Output
	// atTimelock is done once in each rollout while the timelock runs; time is moved on after it
	atTimelock func()
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), keys: map[string]*ecdsa.PrivateKey{}}
	alloc := map[common.Address]*big.Int{}
	for _, name := range []string{"deployer", "operator", "guardian", "admin", "alice", "bob", "carol", "relay", "outsider"} {
		key, err := crypto.ToECDSA(crypto.Keccak256([]byte("app test " + name)))
		if err != nil {
			t.Fatal(err)
		}
		w.keys[name] = key
		alloc[w.address(name)] = new(big.Int).Mul(big.NewInt(100), big.NewInt(params.Ether))
	}
	n, err := devnet.Start(devnet.Config{
		ChainID: chainID, Alloc: alloc,
		Code: map[common.Address][]byte{common.HexToAddress("0x4e59b44847b379578588920ca78fbf26c0b4956c"): evm.ArachnidRuntime},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	w.net = n
	artifacts, err := fs.Sub(market.Files, "artifacts")
	if err != nil {
		t.Fatal(err)
	}
	if w.out, err = build.ReadForge(artifacts); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) address(name string) common.Address {
	return crypto.PubkeyToAddress(w.keys[name].PublicKey)
}

// version is one version of the example, as one process of the program sees it.
type version struct {
	*app.App
	m    *manifest.Manifest
	file []byte
}

func (w *world) version(name string) version {
	w.t.Helper()
	text, err := fs.ReadFile(market.Files, name)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.versionOf(name, text)
}

func (w *world) versionWith(name string, change func(*app.Options)) version {
	w.t.Helper()
	text, err := fs.ReadFile(market.Files, name)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.versionOf(name, text, change)
}

func (w *world) versionOf(name string, text []byte, change ...func(*app.Options)) version {
	w.t.Helper()
	head, _, _ := strings.Cut(string(text), "\nnetworks:")
	_, tail, _ := strings.Cut(string(text), "\nsigners:")
	text = []byte(head + "\nnetworks:\n  - {name: local, chainId: 31337, kind: local, rpc: [\"" + w.net.URL() + "\"]}\n\nsigners:" + tail)
	cfg, err := config.Parse(name, text)
	if err != nil {
		w.t.Fatal(err)
	}
	signers := map[string]*signer.Signer{}
	for s := range cfg.Signers {
		signers[s] = signer.FromKey(w.address(s), w.keys[s])
	}
	waited := false
	opts := app.Options{
		Config: cfg, Journal: filepath.Join(w.dir, "journal.db"), Signers: signers,
		Progress: func(e app.Event) {
			if e.Kind != "waiting" || waited {
				return
			}
			waited = true
			if w.atTimelock != nil {
				w.atTimelock()
			}
			if err := w.net.AdvanceTime(time.Duration(e.Until-e.Now.Time) * time.Second); err != nil {
				w.t.Error(err)
			}
		},
	}
	for _, c := range change {
		c(&opts)
	}
	a, err := app.New(opts)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := a.Close(); err != nil {
			w.t.Error(err)
		}
	})
	m, err := a.BuildManifestFrom(w.out)
	if err != nil {
		w.t.Fatal(err)
	}
	file, err := manifest.Encode(m)
	if err != nil {
		w.t.Fatal(err)
	}
	return version{a, m, file}
}

func (w *world) ctx() context.Context {
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	w.t.Cleanup(cancel)
	return ctx
}

func (w *world) must(out []app.Outcome, err error) app.Outcome {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	return out[0]
}

func (w *world) status(v version) app.NetworkStatus {
	w.t.Helper()
	s, err := v.Status(w.ctx(), v.m)
	if err != nil {
		w.t.Fatal(err)
	}
	return s.Networks[0]
}

// send sends a transaction with plain go-ethereum, as somebody who does not use the program, and returns its status.
func (w *world) send(from string, to common.Address, data []byte) uint64 {
	w.t.Helper()
	eth, err := ethclient.Dial(w.net.URL())
	if err != nil {
		w.t.Fatal(err)
	}
	defer eth.Close()
	nonce, err := eth.PendingNonceAt(w.t.Context(), w.address(from))
	if err != nil {
		w.t.Fatal(err)
	}
	tx, err := types.SignNewTx(w.keys[from], types.LatestSignerForChainID(big.NewInt(chainID)), &types.DynamicFeeTx{
		ChainID: big.NewInt(chainID), Nonce: nonce, Gas: 500_000, GasFeeCap: big.NewInt(100 * params.GWei), GasTipCap: big.NewInt(1),
		To: &to, Data: data,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := eth.SendTransaction(w.t.Context(), tx); err != nil {
		w.t.Fatal(err)
	}
	for {
		if r, err := eth.TransactionReceipt(w.ctx(), tx.Hash()); err == nil {
			// a node knows a receipt a moment before its block is the newest
			if head, err := eth.BlockNumber(w.ctx()); err == nil && head >= r.BlockNumber.Uint64() {
				return r.Status
			}
		}
		time.Sleep(2 * time.Millisecond)
	}
}

var dispatcherABI = bindings.NewManifestDispatcher()

func TestDeployIsRepeatable(t *testing.T) {
	w := newWorld(t)
	one := w.version("lockstep.yaml")
	if first := w.must(one.Deploy(w.ctx(), one.m, false)); first.Status != "done" || len(first.Transactions) == 0 {
		t.Fatalf("first: %+v", first)
	}
	if again := w.must(one.Deploy(w.ctx(), one.m, false)); again.Status != "unchanged" || len(again.Transactions) != 0 {
		t.Errorf("second: %+v", again)
	}
	address, err := one.Dispatcher()
	if err != nil {
		t.Fatal(err)
	}
	// the deployer has given everything up: it can no longer grant itself a role
	grant := dispatcherABI.PackGrantRole(crypto.Keccak256Hash([]byte("COMMIT_ROLE")), w.address("deployer"))
	if w.send("deployer", address, grant) != 0 {
		t.Error("the deployer can still grant roles")
	}
	if w.send("admin", address, grant) != 1 {
		t.Error("the admin cannot grant roles")
	}
}

func TestDryRunSendsNothing(t *testing.T) {
	w := newWorld(t)
	one := w.version("lockstep.yaml")
	plan := w.must(one.Deploy(w.ctx(), one.m, true))
	if plan.Status != "planned" || len(plan.Steps) == 0 || len(plan.Transactions) != 0 {
		t.Fatalf("plan %+v", plan)
	}
	if w.status(one).Deployed {
		t.Fatal("a dry run deployed")
	}
	if done := w.must(one.Deploy(w.ctx(), one.m, false)); len(done.Transactions) != len(plan.Steps) {
		t.Errorf("planned %d steps, took %d", len(plan.Steps), len(done.Transactions))
	}
	plan = w.must(one.Rollout(w.ctx(), one.m, one.file, true))
	var steps []string
	for _, s := range plan.Steps {
		steps = append(steps, strings.Fields(s.Step)[0])
	}
	if got := strings.Join(steps, " "); got != "commit apply wait: activate" {
		t.Errorf("planned %s", got)
	}
	if s := w.status(one); s.Running || s.PendingRoot != (common.Hash{}) {
		t.Errorf("a dry run left %+v", s)
	}
}

// TestInitRunsOnce goes to a version with an init call, back, and there again.
func TestInitRunsOnce(t *testing.T) {
	w := newWorld(t)
	one := w.version("lockstep.yaml")
	w.must(one.Deploy(w.ctx(), one.m, false))
	w.must(one.Rollout(w.ctx(), one.m, one.file, false))

	two := w.version("lockstep-v2.yaml")
	w.must(two.Deploy(w.ctx(), two.m, false))
	w.must(two.Rollout(w.ctx(), two.m, two.file, false))
	if s := w.status(two); s.ActiveRoot != two.m.Root || s.RoutesRoot != two.m.RoutesRoot || !s.MatchesRoot || s.ActiveEpoch != 2 {
		t.Fatalf("after v2: %+v", s)
	}
	if again := w.must(two.Rollout(w.ctx(), two.m, two.file, false)); again.Status != "unchanged" {
		t.Errorf("rolling out what is live: %+v", again)
	}

	back := w.version("lockstep.yaml")
	previous, err := back.PreviousManifest(w.ctx())
	if err != nil || string(previous) != string(one.file) {
		t.Fatalf("the manifest before is not v1's (%v)", err)
	}
	w.must(back.Rollback(w.ctx(), one.m, one.file, false))
	if s := w.status(back); s.ActiveRoot != one.m.RoutesRoot || s.ActiveEpoch != 3 {
		t.Fatalf("after going back: %+v", s)
	}

	forth := w.version("lockstep-v2.yaml")
	out := w.must(forth.Rollout(w.ctx(), two.m, two.file, false))
	// commit and activate: pages are staged already, init does not run again
	if s := w.status(forth); s.ActiveRoot != two.m.RoutesRoot || s.ActiveEpoch != 4 || len(out.Transactions) != 2 {
		t.Errorf("after v2 again: %+v, %+v", s, out)
	}
}

// TestReturnBegunIsNotARolloutWithInit: a return to routes was begun, and could not go on. A rollout of the same manifest must not
// go on with it, since that would leave the init call out.
func TestReturnBegunIsNotARolloutWithInit(t *testing.T) {
	w := newWorld(t)
	one, two := w.version("lockstep.yaml"), w.version("lockstep-v2.yaml")
	if two.m.Init == nil {
		t.Fatal("the second version has no init call")
	}
	w.must(one.Deploy(w.ctx(), one.m, false))
	w.must(one.Rollout(w.ctx(), one.m, one.file, false))
	if _, err := two.Rollback(w.ctx(), two.m, two.file, false); err == nil {
		t.Fatal("routes to contracts that are not there were committed")
	}
	w.must(two.Deploy(w.ctx(), two.m, false))
	if _, err := two.Rollout(w.ctx(), two.m, two.file, false); err == nil || !strings.Contains(err.Error(), two.m.RoutesRoot.Hex()) {
		t.Fatalf("got %v, want that another run is in the way", err)
	}
	w.must(two.Act(w.ctx(), "cancel", false))
	w.must(two.Rollout(w.ctx(), two.m, two.file, false))
	if s := w.status(two); s.ActiveRoot != two.m.Root {
		t.Errorf("root %s is active, want %s, whose init call has run", s.ActiveRoot, two.m.Root)
	}
}

func TestForeignPendingRootIsNeverOverwritten(t *testing.T) {
	w := newWorld(t)
	one := w.version("lockstep.yaml")
	w.must(one.Deploy(w.ctx(), one.m, false))
	address, err := one.Dispatcher()
	if err != nil {
		t.Fatal(err)
	}
	foreign := common.HexToHash("0xbad")
	if w.send("outsider", address, dispatcherABI.PackCommitRoot(foreign, 1)) != 0 {
		t.Fatal("an outsider committed")
	}
	if w.send("operator", address, dispatcherABI.PackCommitRoot(foreign, 1)) != 1 {
		t.Fatal("the operator could not commit")
	}
	out, err := one.Rollout(w.ctx(), one.m, one.file, false)
	if err == nil || !strings.Contains(err.Error(), foreign.Hex()) || !strings.Contains(err.Error(), "lockstep cancel") {
		t.Fatalf("got %v, want a halt that names the root and the remedy", err)
	}
	if len(out[0].Transactions) != 0 || w.status(one).PendingRoot != foreign {
		t.Fatalf("it acted: %+v", out)
	}
	if cancelled := w.must(one.Act(w.ctx(), "cancel", false)); len(cancelled.Transactions) != 1 {
		t.Fatalf("cancel: %+v", cancelled)
	}
	w.must(one.Rollout(w.ctx(), one.m, one.file, false))
	if s := w.status(one); !s.MatchesRoot || len(s.Differences) != 0 {
		t.Errorf("after the cancel: %+v", s)
	}
}

// TestCommitReplacedWhileWaiting has somebody commit another root while the timelock of ours runs.
func TestCommitReplacedWhileWaiting(t *testing.T) {
	w := newWorld(t)
	one := w.version("lockstep.yaml")
	w.must(one.Deploy(w.ctx(), one.m, false))
	address, err := one.Dispatcher()
	if err != nil {
		t.Fatal(err)
	}
	foreign := common.HexToHash("0xbad")
	w.atTimelock = func() { w.send("operator", address, dispatcherABI.PackCommitRoot(foreign, 1)) }
	if _, err := one.Rollout(w.ctx(), one.m, one.file, false); err == nil || !strings.Contains(err.Error(), foreign.Hex()) {
		t.Fatalf("got %v, want a halt that names the root", err)
	}
	if s := w.status(one); s.ActiveEpoch != 0 || s.PendingRoot != foreign || !s.Running {
		t.Errorf("status %+v", s)
	}
}

func TestPauseStopsRoutedCallsOnly(t *testing.T) {
	w := newWorld(t)
	one := w.version("lockstep.yaml")
	w.must(one.Deploy(w.ctx(), one.m, false))
	w.must(one.Rollout(w.ctx(), one.m, one.file, false))
	address, err := one.Dispatcher()
	if err != nil {
		t.Fatal(err)
	}
	claim := crypto.Keccak256([]byte("claim()"))[:4]
	w.must(one.Act(w.ctx(), "pause", false))
	if w.send("outsider", address, claim) != 0 || !w.status(one).Paused {
		t.Error("a paused dispatcher routes")
	}
	if again := w.must(one.Act(w.ctx(), "pause", false)); again.Status != "unchanged" {
		t.Errorf("pausing twice: %+v", again)
	}
	// a pause can be cured: an upgrade goes on
	two := w.version("lockstep-v2.yaml")
	w.must(two.Deploy(w.ctx(), two.m, false))
	w.must(two.Rollout(w.ctx(), two.m, two.file, false))
	w.must(two.Act(w.ctx(), "unpause", false))
	if w.send("outsider", address, claim) != 1 {
		t.Error("an unpaused dispatcher does not route")
	}
}

func TestManifestOfOtherNetworksIsRefused(t *testing.T) {
	w := newWorld(t)
	one := w.version("lockstep.yaml")
	m := *one.m
	m.Networks = []manifest.Network{{Name: "elsewhere", ChainID: 5}}
	if _, err := one.Deploy(w.ctx(), &m, false); err == nil || !strings.Contains(err.Error(), "local (chain id 31337)") {
		t.Errorf("got %v, want a refusal that names the network", err)
	}
}

func TestMissingRoleHalts(t *testing.T) {
	w := newWorld(t)
	one := w.version("lockstep.yaml")
	w.must(one.Deploy(w.ctx(), one.m, false))
	address, err := one.Dispatcher()
	if err != nil {
		t.Fatal(err)
	}
	revoke := dispatcherABI.PackRevokeRole(crypto.Keccak256Hash([]byte("APPLY_ROLE")), w.address("operator"))
	if w.send("admin", address, revoke) != 1 {
		t.Fatal("the admin could not revoke")
	}
	_, err = one.Rollout(w.ctx(), one.m, one.file, false)
	var failed *app.FailedError
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), "APPLY_ROLE") {
		t.Errorf("got %v, want a halt that names the role", err)
	}
}

// TestNetworksAreChosenExactly guards against a canary that becomes a rollout everywhere.
func TestNetworksAreChosenExactly(t *testing.T) {
	cfg := &config.Config{File: "lockstep.yaml"}
	for i, name := range []string{"a", "b", "c"} {
		n := config.Network{}
		n.Name, n.ChainID = name, uint64(i+1)
		cfg.Networks = append(cfg.Networks, n)
	}
	for _, c := range []struct {
		chosen []string
		want   string
	}{{nil, "a b c"}, {[]string{"a"}, "a"}, {[]string{"b"}, "b"}, {[]string{"c"}, "c"}, {[]string{"c", "a"}, "a c"}} {
		a, err := app.New(app.Options{Config: cfg, Networks: c.chosen})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, n := range a.Networks() {
			got = append(got, n.Name)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("chosen %v: got %v, want %s", c.chosen, got, c.want)
		}
	}
	if _, err := app.New(app.Options{Config: cfg, Networks: []string{"a", "x"}}); err == nil || !strings.Contains(err.Error(), "network x") {
		t.Errorf("got %v, want an error that names x", err)
	}
}

// TestCancelStopsARolloutThatWaits cancels from another process while the timelock runs: the rollout must not commit again.
func TestCancelStopsARolloutThatWaits(t *testing.T) {
	w := newWorld(t)
	one := w.version("lockstep.yaml")
	w.must(one.Deploy(w.ctx(), one.m, false))
	other := w.version("lockstep.yaml")
	w.atTimelock = func() { w.must(other.Act(w.ctx(), "cancel", false)) }
	if _, err := one.Rollout(w.ctx(), one.m, one.file, false); err == nil || !strings.Contains(err.Error(), "ended by another process") {
		t.Fatalf("got %v, want a halt that names the cancel", err)
	}
	if s := w.status(one); s.PendingRoot != (common.Hash{}) || s.Running || s.ActiveEpoch != 0 {
		t.Errorf("after the cancel: %+v", s)
	}
	w.atTimelock = nil
	again := w.version("lockstep.yaml")
	w.must(again.Rollout(w.ctx(), again.m, again.file, false))
}

// TestCancelByAStrangerStopsARollout cancels with the guardian's key, but without this program: after a restart too, the
// rollout must not commit again.
func TestCancelByAStrangerStopsARollout(t *testing.T) {
	w := newWorld(t)
	one := w.version("lockstep.yaml")
	w.must(one.Deploy(w.ctx(), one.m, false))
	address, err := one.Dispatcher()
	if err != nil {
		t.Fatal(err)
	}
	w.atTimelock = func() {
		if w.send("guardian", address, dispatcherABI.PackCancelCommit()) != 1 {
			t.Error("the guardian could not cancel")
		}
	}
	if _, err := one.Rollout(w.ctx(), one.m, one.file, false); err == nil || !strings.Contains(err.Error(), "took it back") {
		t.Fatalf("got %v, want a halt that says that the root was taken back", err)
	}
	again := w.version("lockstep.yaml")
	if _, err := again.Rollout(w.ctx(), again.m, again.file, false); err == nil || !strings.Contains(err.Error(), "took it back") {
		t.Fatalf("after a restart: got %v, want the same halt", err)
	}
	w.must(again.Act(w.ctx(), "cancel", false)) // ends the run; nothing is sent
	w.atTimelock = nil
	last := w.version("lockstep.yaml")
	w.must(last.Rollout(w.ctx(), last.m, last.file, false))
}

func TestStatusShowsWhatAnOperatorMustSee(t *testing.T) {
	w := newWorld(t)
	one := w.version("lockstep.yaml")
	w.must(one.Deploy(w.ctx(), one.m, false))
	w.must(one.Rollout(w.ctx(), one.m, one.file, false))
	address, err := one.Dispatcher()
	if err != nil {
		t.Fatal(err)
	}
	consistent := func() bool {
		s, err := one.Status(w.ctx(), one.m)
		if err != nil {
			t.Fatal(err)
		}
		return s.Consistent
	}
	if !consistent() {
		t.Fatal("not consistent after a rollout")
	}
	w.must(one.Act(w.ctx(), "pause", false))
	if consistent() {
		t.Error("consistent while paused")
	}
	w.must(one.Act(w.ctx(), "unpause", false))
	if w.send("operator", address, dispatcherABI.PackCommitRoot(common.HexToHash("0xbad"), 2)) != 1 {
		t.Fatal("the operator could not commit")
	}
	if consistent() {
		t.Error("consistent while a root is pending that no rollout explains")
	}
}

// TestManifestOfAnotherFactoryIsRefused has a manifest that is right by itself, but for addresses at which this program
// would never put the code.
func TestManifestOfAnotherFactoryIsRefused(t *testing.T) {
	w := newWorld(t)
	one := w.version("lockstep.yaml")
	file := strings.ReplaceAll(string(one.file), "0x4e59b44847b379578588920ca78fbf26c0b4956c", "0x914d7fec6aac8cd542e72bca78b30650d45643d7")
	if file == string(one.file) {
		t.Fatal("the manifest does not name the factory")
	}
	if _, _, err := app.VerifyManifest([]byte(file)); err == nil || !strings.Contains(err.Error(), "factory") {
		t.Errorf("got %v, want a refusal that names the factory", err)
	}
}
