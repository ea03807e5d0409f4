package app_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/config"
	"github.com/seed-b6a97670/lockstep/internal/devnet"
	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/evm"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/signer"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// compiled is what solc says of testdata/plan, compiled once.
var compiled = sync.OnceValues(func() ([]byte, error) { return compile("testdata/plan/Plan.sol", "src/Plan.sol") })

// compile has solc compile a file, as a source of a name.
func compile(file, name string) ([]byte, error) {
	source, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	input, err := json.Marshal(map[string]any{
		"language": "Solidity", "sources": map[string]any{name: map[string]any{"content": string(source)}},
		"settings": map[string]any{"outputSelection": map[string]any{"*": map[string]any{
			"*": []string{"abi", "metadata", "storageLayout", "evm.bytecode", "evm.deployedBytecode"}, "": []string{"ast"},
		}}},
	})
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("node", "../../contracts/script/solc.js", "--standard-json")
	cmd.Stdin = bytes.NewReader(input)
	return cmd.Output()
}

var people = []string{"deployer", "operator", "guardian", "admin", "alice", "bob", "carol", "outsider"}

// site is a project with networks and one journal.
type site struct {
	t       testing.TB
	dir     string // of the configuration
	journal string
	keys    map[string]*ecdsa.PrivateKey
	nets    map[string]*devnet.Network
	// atTimelock is done once by each program while a timelock runs; time is moved on after it
	atTimelock func(network string)

	mu      sync.Mutex
	foreign map[common.Hash]bool // transactions that the tests have sent
}

// place is a network of the configuration. With the chain id come a name and a devnet.
type place struct {
	id    uint64
	kind  string
	more  string              // of its entry
	urls  func(string) string // what is put in place of the devnet's URL; nil leaves it
	poor  string              // who has little there
	limit uint64              // of gas in a block
	code  map[common.Address][]byte
}

func local(id uint64) place   { return place{id: id, kind: "local"} }
func mainnet(id uint64) place { return place{id: id, kind: "mainnet", more: ", confirmations: 1"} }
func testnet(id uint64) place { return place{id: id, kind: "testnet", more: ", confirmations: 1"} }

func (p place) name() string { return fmt.Sprintf("net%d", p.id) }

// conf is what the tests vary of the configuration.
type conf struct {
	facets    []string
	init      string
	approvals string // of the policy; empty for two of three
	more      string
	roles     string // in the place of all roles
	keyfile   string // of whom the file names a key file, which is not there
	places    []place
}

// newSite starts the networks.
func newSite(t testing.TB, places ...place) *site {
	t.Helper()
	s := &site{
		t: t, dir: t.TempDir(), journal: filepath.Join(t.TempDir(), "journal.db"), keys: map[string]*ecdsa.PrivateKey{},
		nets: map[string]*devnet.Network{}, foreign: map[common.Hash]bool{},
	}
	for _, name := range people {
		key, err := crypto.ToECDSA(crypto.Keccak256([]byte("plan test " + name)))
		if err != nil {
			t.Fatal(err)
		}
		s.keys[name] = key
	}
	for _, p := range places {
		alloc := map[common.Address]*big.Int{}
		for _, name := range people {
			alloc[s.address(name)] = new(big.Int).Mul(big.NewInt(100), big.NewInt(params.Ether))
		}
		if p.poor != "" {
			alloc[s.address(p.poor)] = big.NewInt(params.GWei)
		}
		code := map[common.Address][]byte{common.HexToAddress("0x4e59b44847b379578588920ca78fbf26c0b4956c"): evm.ArachnidRuntime}
		maps.Copy(code, p.code)
		n, err := devnet.Start(devnet.Config{ChainID: p.id, Alloc: alloc, GasLimit: p.limit, Code: code})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		})
		s.nets[p.name()] = n
	}
	return s
}

func (s *site) address(name string) common.Address {
	return crypto.PubkeyToAddress(s.keys[name].PublicKey)
}

// usualRoles are who may do what, unless a test says otherwise.
const usualRoles = "{admin: [admin], governance: [admin], commit: [operator], apply: [operator], pauser: [guardian], emergency: [guardian]}"

func (s *site) yaml(c conf) []byte {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	if c.approvals == "" {
		c.approvals = "required: 2"
	}
	if c.roles == "" {
		c.roles = usualRoles
	}
	line("project: plans\nbuild: {tool: solc, out: out.json}\ndispatcher: {delay: 3600, deployer: deployer, roles: %s}", c.roles)
	if c.approvals != "none" {
		line("approvals: {approvers: [alice, bob, carol], %s}", c.approvals)
	}
	line("facets:")
	for _, f := range c.facets {
		line("  - contract: src/Plan.sol:%s", f)
	}
	if c.init != "" {
		line("init: {contract: src/Plan.sol:Beginning, function: begin, callArgs: [%s]}", c.init)
	}
	line("networks:")
	for _, p := range c.places {
		url := "http://127.0.0.1:1"
		if n := s.nets[p.name()]; n != nil {
			url = n.URL()
		}
		list := fmt.Sprintf("%q", url)
		if p.urls != nil {
			list = p.urls(url)
		}
		line("  - {name: %s, chainId: %d, kind: %s%s, rpc: [%s]}", p.name(), p.id, p.kind, p.more, list)
	}
	line("signers:")
	for _, name := range people[:7] {
		key := ""
		if name == c.keyfile {
			key = `, keystore: none.json, password: "env:NONE"`
		}
		line("  %s: {address: %q%s}", name, s.address(name), key)
	}
	if c.more != "" {
		line("%s", c.more)
	}
	return []byte(b.String())
}

// write puts the configuration and the build into the folder.
func (s *site) write(c conf) []byte {
	s.t.Helper()
	out, err := compiled()
	if err != nil {
		s.t.Fatalf("solc: %v (is make setup done?)", err)
	}
	text := s.yaml(c)
	for name, data := range map[string][]byte{"lockstep.yaml": text, "out.json": out} {
		if err := os.WriteFile(filepath.Join(s.dir, name), data, 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	return text
}

// program is the program as one process of it sees a configuration.
type program struct {
	*app.App
	m    *manifest.Manifest
	file []byte
}

// open starts the program.
func (s *site) open(c conf, change ...func(*app.Options)) program {
	s.t.Helper()
	cfg, err := config.Parse(filepath.Join(s.dir, "lockstep.yaml"), s.write(c))
	if err != nil {
		s.t.Fatal(err)
	}
	waited := map[string]bool{}
	var mu sync.Mutex
	opts := app.Options{
		Config: cfg, Journal: s.journal, Signers: map[string]*signer.Signer{},
		Progress: func(e app.Event) {
			mu.Lock()
			again := waited[e.Network]
			waited[e.Network] = waited[e.Network] || e.Kind == "waiting"
			mu.Unlock()
			if e.Kind != "waiting" || again {
				return
			}
			if s.atTimelock != nil {
				s.atTimelock(e.Network)
			}
			if err := s.nets[e.Network].AdvanceTime(time.Duration(e.Until-e.Now.Time) * time.Second); err != nil {
				s.t.Error(err)
			}
		},
	}
	for _, name := range people[:7] {
		opts.Signers[name] = s.signer(name)
	}
	for _, f := range change {
		f(&opts)
	}
	a, err := app.New(opts)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := a.Close(); err != nil {
			s.t.Error(err)
		}
	})
	m, err := a.BuildManifest()
	if err != nil {
		s.t.Fatal(err)
	}
	file, err := manifest.Encode(m)
	if err != nil {
		s.t.Fatal(err)
	}
	return program{a, m, file}
}

func (s *site) signer(name string) *signer.Signer {
	return signer.FromKey(s.address(name), s.keys[name])
}

func (s *site) ctx() context.Context {
	ctx, cancel := context.WithTimeout(s.t.Context(), 60*time.Second)
	s.t.Cleanup(cancel)
	return ctx
}

// request is for a plan whose source is not looked at.
func (p program) request(action string) app.PlanRequest {
	req := app.PlanRequest{Action: action, Source: &plan.Source{Commit: "test", Clean: true}}
	if slices.Contains([]string{plan.Deploy, plan.Rollout, plan.Rollback}, action) {
		req.Manifest, req.File = p.m, p.file
	}
	return req
}

// plan makes a plan, which must also be readable.
func (s *site) plan(p program, req app.PlanRequest) *plan.Plan {
	s.t.Helper()
	made, err := p.MakePlan(s.ctx(), req)
	if err != nil {
		s.t.Fatalf("plan of %s: %v", req.Action, err)
	}
	s.mustRead(made)
	return made
}

// mustRead writes a plan to a file and reads it.
func (s *site) mustRead(made *plan.Plan) {
	s.t.Helper()
	file, err := plan.Encode(made)
	if err != nil {
		s.t.Fatal(err)
	}
	read, err := plan.Decode(bytes.NewReader(file))
	if err != nil {
		s.t.Fatalf("the plan cannot be read: %v", err)
	}
	if diff := cmp.Diff(made.Intent, read.Intent); diff != "" || read.Digest != made.Digest {
		s.t.Fatalf("the plan is another one when it is read (-made +read):\n%s", diff)
	}
}

// approve signs a plan.
func (s *site) approve(p *plan.Plan, names ...string) []plan.Approval {
	return s.sign(p, false, names...)
}

func (s *site) sign(p *plan.Plan, revoke bool, names ...string) (out []plan.Approval) {
	s.t.Helper()
	for _, name := range names {
		signature, err := s.signer(name).SignTypedData(p.TypedData(revoke))
		if err != nil {
			s.t.Fatal(err)
		}
		a, err := p.Recover(signature, revoke)
		if err != nil {
			s.t.Fatal(err)
		}
		out = append(out, a)
	}
	return out
}

// execution of a plan for the program's manifest.
func (p program) execution(made *plan.Plan, signed []plan.Approval) app.Execution {
	x := app.Execution{Plan: made, Signed: signed}
	if made.Intent.Manifest != nil {
		x.Manifest, x.File = p.m, p.file
	}
	return x
}

// execute carries a plan out that two approve.
func (s *site) execute(p program, made *plan.Plan) []app.Outcome {
	s.t.Helper()
	out, err := p.Execute(s.ctx(), p.execution(made, s.approve(made, "alice", "bob")))
	if err != nil {
		s.t.Fatalf("carry out %s: %v", made.Intent.Action, err)
	}
	return out
}

// send sends a transaction as somebody who does not use the program, and awaits it.
func (s *site) send(network, from string, to common.Address, data []byte) *types.Receipt {
	s.t.Helper()
	return s.sendTx(network, from, func(id *big.Int, nonce uint64) types.TxData {
		return &types.DynamicFeeTx{
			ChainID: id, Nonce: nonce, Gas: 500_000, GasFeeCap: big.NewInt(100 * params.GWei), GasTipCap: big.NewInt(1), To: &to, Data: data,
		}
	})
}

// sendRefused is send of what reverts.
func (s *site) sendRefused(network, from string, to common.Address, data []byte) *types.Receipt {
	s.t.Helper()
	r := s.land(network, from, func(id *big.Int, nonce uint64) types.TxData {
		return &types.DynamicFeeTx{
			ChainID: id, Nonce: nonce, Gas: 500_000, GasFeeCap: big.NewInt(100 * params.GWei), GasTipCap: big.NewInt(1), To: &to, Data: data,
		}
	})
	if r.Status != 0 {
		s.t.Fatalf("the transaction of %s did not revert", from)
	}
	return r
}

func (s *site) sendTx(network, from string, make func(id *big.Int, nonce uint64) types.TxData) *types.Receipt {
	s.t.Helper()
	r := s.land(network, from, make)
	if r.Status != 1 {
		s.t.Fatalf("the transaction of %s reverted", from)
	}
	return r
}

// land sends a transaction that the program knows nothing of, and awaits it.
func (s *site) land(network, from string, make func(id *big.Int, nonce uint64) types.TxData) *types.Receipt {
	s.t.Helper()
	eth := s.dial(network)
	nonce, err := eth.PendingNonceAt(s.ctx(), s.address(from))
	if err != nil {
		s.t.Fatal(err)
	}
	id := new(big.Int).SetUint64(s.nets[network].ChainID())
	tx, err := types.SignNewTx(s.keys[from], types.LatestSignerForChainID(id), make(id, nonce))
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	s.foreign[tx.Hash()] = true
	s.mu.Unlock()
	if err := eth.SendTransaction(s.ctx(), tx); err != nil {
		s.t.Fatal(err)
	}
	return s.receipt(eth, tx.Hash())
}

// receipt waits until a transaction is in a block.
func (s *site) receipt(eth *ethclient.Client, tx common.Hash) *types.Receipt {
	s.t.Helper()
	for ctx := s.ctx(); ; {
		if ctx.Err() != nil {
			s.t.Fatalf("%s is in no block", tx)
		}
		r, err := eth.TransactionReceipt(ctx, tx)
		if err != nil {
			time.Sleep(2 * time.Millisecond)
			continue
		}
		if head, err := eth.BlockNumber(ctx); err != nil || head < r.BlockNumber.Uint64() {
			continue // a node knows a receipt a moment before its block is the newest
		}
		return r
	}
}

func (s *site) dial(network string) *ethclient.Client {
	s.t.Helper()
	eth, err := ethclient.Dial(s.nets[network].URL())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(eth.Close)
	return eth
}

// landed is a transaction of the program that is in a block.
type landed struct {
	network string
	chainID uint64
	from    common.Address
	*types.Transaction
	gasUsed uint64
}

// all lists the transactions on all chains that no test has sent itself, in their order.
func (s *site) all() (out []landed) {
	s.t.Helper()
	for _, network := range slices.Sorted(maps.Keys(s.nets)) {
		eth := s.dial(network)
		head, err := eth.BlockNumber(s.ctx())
		if err != nil {
			s.t.Fatal(err)
		}
		for n := range head + 1 {
			block, err := eth.BlockByNumber(s.ctx(), new(big.Int).SetUint64(n))
			if err != nil {
				s.t.Fatal(err)
			}
			for _, tx := range block.Transactions() {
				if s.foreign[tx.Hash()] {
					continue
				}
				from, err := types.Sender(types.LatestSignerForChainID(tx.ChainId()), tx)
				if err != nil {
					s.t.Fatal(err)
				}
				r, err := eth.TransactionReceipt(s.ctx(), tx.Hash())
				if err != nil {
					s.t.Fatal(err)
				}
				if r.Status != 1 {
					s.t.Errorf("%s: a transaction of the program reverted: %s", network, tx.Hash())
				}
				out = append(out, landed{network, s.nets[network].ChainID(), from, tx, r.GasUsed})
			}
		}
	}
	return out
}

// mustHold looks at all that is on the chains: each transaction is a call of one of the plans, and each call is there once.
func (s *site) mustHold(plans ...*plan.Plan) {
	s.t.Helper()
	s.mustHoldBut(0, plans...)
}

// mustHoldBut is mustHold where some of the calls were not needed.
func (s *site) mustHoldBut(needless int, plans ...*plan.Plan) {
	s.t.Helper()
	calls := -needless
	for _, p := range plans {
		for _, n := range p.Intent.Networks {
			calls += len(n.Calls)
		}
	}
	sent := s.all()
	for _, tx := range sent {
		if tx.To() == nil || tx.Value().Sign() != 0 {
			s.t.Errorf("%s: %s creates a contract or carries value", tx.network, tx.Hash())
			continue
		}
		if !slices.ContainsFunc(plans, func(p *plan.Plan) bool { return p.Holds(tx.chainID, tx.from, *tx.To(), tx.Data()) }) {
			s.t.Errorf("%s: no plan holds %s of %s to %s with data %.10x", tx.network, tx.Hash(), tx.from, tx.To(), tx.Data())
		}
	}
	if len(sent) != calls {
		s.t.Errorf("%d transactions landed, the plans have %d calls", len(sent), calls)
	}
}

// state reads a dispatcher, and the roles of all people, with no code of the program but its bindings.
func (s *site) state(network string, address common.Address) map[string]string {
	s.t.Helper()
	eth := s.dial(network)
	call := func(data []byte) []byte {
		out, err := eth.CallContract(s.ctx(), callTo(address, data), nil)
		if err != nil {
			s.t.Fatal(err)
		}
		return out
	}
	zero := common.Hash{}.Hex()
	out := map[string]string{
		"active root": zero, "active routes root": zero, "pending root": zero, "active epoch": "0", "paused": "false", "grace": "0",
		"delay": "0", "routes": "0",
	}
	raw := call(dispatcherABI.PackDispatcherState())
	there := len(raw) > 0
	if there {
		st, err := dispatcherABI.UnpackDispatcherState(raw)
		if err != nil {
			s.t.Fatal(err)
		}
		facets, err := dispatcherABI.UnpackFacets(call(dispatcherABI.PackFacets()))
		if err != nil {
			s.t.Fatal(err)
		}
		routes := 0
		for _, f := range facets {
			routes += len(f.FunctionSelectors)
		}
		out = map[string]string{
			"active root": common.Hash(st.ActiveRoot).Hex(), "active routes root": common.Hash(st.ActiveRoutesRoot).Hex(),
			"pending root": common.Hash(st.PendingRoot).Hex(), "active epoch": st.ActiveEpoch.String(), "paused": fmt.Sprint(st.Paused),
			"grace": st.EtaGrace.String(), "delay": st.Delay.String(), "routes": fmt.Sprint(routes),
		}
	}
	for _, who := range people {
		for _, role := range dispatcher.RoleNames {
			held := false
			if there {
				var err error
				if held, err = dispatcherABI.UnpackHasRole(call(dispatcherABI.PackHasRole(role.Role, s.address(who)))); err != nil {
					s.t.Fatal(err)
				}
			}
			out[fmt.Sprintf("%s_ROLE of %s", role.Name, s.address(who))] = fmt.Sprint(held)
		}
	}
	return out
}

// changed says how two states differ, as a plan says it.
func changed(before, after map[string]string) map[string]plan.Change {
	out := map[string]plan.Change{}
	for what, from := range before {
		if to := after[what]; to != from {
			out[what] = plan.Change{What: what, From: from, To: to}
		}
	}
	return out
}

// mustForesee compares what a plan's simulation said with what has happened.
func (s *site) mustForesee(p *plan.Plan, network string, before map[string]string) {
	s.t.Helper()
	seen := p.Observations.Of(network)
	if !seen.Simulated {
		s.t.Errorf("%s was not simulated", network)
	}
	foreseen := map[string]plan.Change{}
	for _, c := range seen.Changes {
		if rest, ok := strings.CutPrefix(c.What, "code of "); ok {
			_, at, _ := strings.Cut(rest, " at ")
			s.mustHaveCode(network, common.HexToAddress(at), c.To)
			continue
		}
		foreseen[c.What] = c
	}
	if !seen.Traced || len(seen.Storage) == 0 || seen.Slots != len(seen.Storage) {
		s.t.Errorf("%s: %d of %d slots that change were traced", network, len(seen.Storage), seen.Slots)
	}
	for _, slot := range seen.Storage {
		value, err := s.dial(network).StorageAt(s.ctx(), slot.Account, slot.Slot, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		// what holds a time is of another time
		if got := common.BytesToHash(value); got != slot.To && !timed(got, slot.To) {
			s.t.Errorf("%s: slot %s of %s is %s, foreseen was %s", network, slot.Slot, slot.Account, got, slot.To)
		}
	}
	if diff := cmp.Diff(foreseen, changed(before, s.state(network, p.Intent.Dispatcher))); diff != "" {
		s.t.Errorf("%s: state (-foreseen +happened):\n%s", network, diff)
	}
	n, _ := p.Intent.Network(s.nets[network].ChainID())
	calls, found := p.Intent.CallsOf(n), 0
	for _, tx := range s.all() {
		at := slices.IndexFunc(calls, func(c plan.Call) bool {
			return tx.network == network && c.From == tx.from && c.To == *tx.To() && bytes.Equal(c.Data, tx.Data())
		})
		if at < 0 {
			continue // of another plan
		}
		found++
		if limit := seen.Calls[at].Gas; tx.gasUsed > limit || tx.gasUsed < limit/2 {
			s.t.Errorf("%s: %s has used %d gas, a limit of %d was foreseen", network, calls[at].Step, tx.gasUsed, limit)
		}
	}
	if found < len(calls) {
		s.t.Errorf("%s: %d of %d calls have landed", network, found, len(calls))
	}
}

// journalPlans are the plans that the journal holds, in the order in which they were made.
func (s *site) journalPlans() (out []*plan.Plan) {
	s.t.Helper()
	log, err := app.OpenAuditLog(s.t.Context(), s.journal)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	journal, err := store.Open(s.t.Context(), s.journal, "plans")
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = journal.Close() }()
	var entries []audit.Entry
	for e, err := range log.Audit(s.t.Context(), 1) {
		if err != nil {
			s.t.Fatal(err)
		}
		entries = append(entries, e)
	}
	for _, saved := range of[audit.Plan](s.t, entries, audit.PlanSaved) {
		p, err := journal.Plan(s.t.Context(), saved.Digest)
		if err != nil {
			s.t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

func (s *site) mustHaveCode(network string, account common.Address, hash string) {
	s.t.Helper()
	code, err := s.dial(network).CodeAt(s.ctx(), account, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if got := crypto.Keccak256Hash(code).Hex(); got != hash {
		s.t.Errorf("%s: code at %s has hash %s, foreseen was %s", network, account, got, hash)
	}
}

// timed tells whether two words are the same but for a time of some weeks.
func timed(a, b common.Hash) bool {
	d := new(big.Int).Sub(a.Big(), b.Big())
	return d.CmpAbs(big.NewInt(30*24*3600)) < 0
}
