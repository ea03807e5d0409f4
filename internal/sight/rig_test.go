package sight_test

import (
	"crypto/ecdsa"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"

	"github.com/seed-b6a97670/lockstep/internal/bindings"
	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/create2"
	"github.com/seed-b6a97670/lockstep/internal/devnet"
	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/evm"
	"github.com/seed-b6a97670/lockstep/internal/localnode"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/sight"
)

const chainID = 4242

var (
	pack     = bindings.NewManifestDispatcher()
	arachnid = manifest.Factory{Name: "arachnid", Address: common.HexToAddress("0x4e59b44847b379578588920cA78FbF26c0B4956C")}

	deployer, operator, outsider = keyOf("deployer"), keyOf("operator"), keyOf("outsider")
)

func keyOf(name string) *ecdsa.PrivateKey {
	key, err := crypto.ToECDSA(crypto.Keccak256([]byte("sight test " + name)))
	if err != nil {
		panic(err)
	}
	return key
}

func addressOf(key *ecdsa.PrivateKey) common.Address { return crypto.PubkeyToAddress(key.PublicKey) }

// rig is a node with a dispatcher.
type rig struct {
	t     *testing.T
	name  string
	url   string
	eth   *ethclient.Client
	made  dispatcher.Deployment
	nonce map[common.Address]uint64
}

func startAnvil(t *testing.T, args ...string) *localnode.Node {
	t.Helper()
	binary := filepath.Join("..", "..", "contracts", "node_modules", "@foundry-rs", "anvil-linux-amd64", "bin", "anvil")
	if _, err := os.Stat(binary); err != nil {
		t.Fatalf("anvil is missing: run make setup (%v)", err)
	}
	n, err := localnode.Anvil(binary, append([]string{"--chain-id", fmt.Sprint(chainID)}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Stop)
	return n
}

// rigs are one on each kind of node, with a dispatcher of which the deployer and the operator hold roles.
func rigs(t *testing.T) []*rig {
	t.Helper()
	n, err := devnet.Start(devnet.Config{
		ChainID: chainID, Code: map[common.Address][]byte{arachnid.Address: evm.ArachnidRuntime},
		Alloc: map[common.Address]*big.Int{addressOf(deployer): ether(10), addressOf(operator): ether(10), addressOf(outsider): ether(10)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	a := startAnvil(t)
	for _, key := range []*ecdsa.PrivateKey{deployer, operator, outsider} {
		if err := a.RPC.CallContext(t.Context(), nil, "anvil_setBalance", addressOf(key), fmt.Sprintf("%#x", ether(10))); err != nil {
			t.Fatal(err)
		}
	}
	var out []*rig
	for name, url := range map[string]string{"anvil": a.URL, "geth": n.URL()} {
		out = append(out, newRig(t, name, url))
	}
	return out
}

func newRig(t *testing.T, name, url string) *rig {
	t.Helper()
	r := &rig{t: t, name: name, url: url, nonce: map[common.Address]uint64{}}
	var err error
	if r.eth, err = ethclient.Dial(url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.eth.Close)
	if r.made, err = dispatcher.NewDeployment(arachnid, common.Hash{}, 3600, addressOf(deployer)); err != nil {
		t.Fatal(err)
	}
	for _, code := range [][]byte{r.made.ExtensionInitCode, r.made.InitCode} {
		r.must(deployer, arachnid.Address, create2.CallData(arachnid.Name, r.made.Salt, code))
	}
	for _, role := range dispatcher.RoleNames[1:] {
		r.must(deployer, r.made.Address, pack.PackGrantRole(role.Role, addressOf(operator)))
	}
	return r
}

func ether(n int64) *big.Int { return new(big.Int).Mul(big.NewInt(n), big.NewInt(params.Ether)) }

// on runs a test on each kind of node.
func on(t *testing.T, test func(r *rig)) {
	t.Helper()
	for _, r := range rigs(t) {
		t.Run(r.name, func(t *testing.T) {
			r.t = t
			test(r)
		})
	}
}

// sign signs the next transaction of an account. Gas is not estimated, since it may revert.
func (r *rig) sign(key *ecdsa.PrivateKey, to *common.Address, data []byte) *types.Transaction {
	r.t.Helper()
	from := addressOf(key)
	tx, err := types.SignNewTx(key, types.LatestSignerForChainID(big.NewInt(chainID)), &types.DynamicFeeTx{
		ChainID: big.NewInt(chainID), Nonce: r.nonce[from], Gas: 5_000_000, GasFeeCap: big.NewInt(10 * params.GWei), GasTipCap: big.NewInt(1), To: to, Data: data,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.nonce[from]++
	return tx
}

func (r *rig) send(tx *types.Transaction) {
	r.t.Helper()
	if err := r.eth.SendTransaction(r.t.Context(), tx); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) receipt(tx *types.Transaction) *types.Receipt {
	r.t.Helper()
	for range 2000 {
		receipt, err := r.eth.TransactionReceipt(r.t.Context(), tx.Hash())
		if err == nil && r.latest() >= receipt.BlockNumber.Uint64() { // receipts are there a moment before the head is
			return receipt
		}
		time.Sleep(5 * time.Millisecond)
	}
	r.t.Fatalf("%s is in no block", tx.Hash())
	return nil
}

// call sends a transaction, which may revert.
func (r *rig) call(key *ecdsa.PrivateKey, to common.Address, data []byte) (*types.Transaction, *types.Receipt) {
	r.t.Helper()
	tx := r.sign(key, &to, data)
	r.send(tx)
	return tx, r.receipt(tx)
}

func (r *rig) must(key *ecdsa.PrivateKey, to common.Address, data []byte) *types.Transaction {
	r.t.Helper()
	tx, receipt := r.call(key, to, data)
	if receipt.Status != 1 {
		r.t.Fatalf("%x reverted", data[:min(4, len(data))])
	}
	return tx
}

// refuse sends what reverts.
func (r *rig) refuse(key *ecdsa.PrivateKey, to common.Address, data []byte) *types.Transaction {
	r.t.Helper()
	tx, receipt := r.call(key, to, data)
	if receipt.Status != 0 {
		r.t.Fatalf("%x did not revert", data[:4])
	}
	return tx
}

func (r *rig) create(code []byte) common.Address {
	r.t.Helper()
	tx := r.sign(deployer, nil, append([]byte{0x60, byte(len(code)), 0x60, 11, 0x5f, 0x39, 0x60, byte(len(code)), 0x5f, 0xf3, 0}, code...))
	r.send(tx)
	receipt := r.receipt(tx)
	if receipt.Status != 1 {
		r.t.Fatal("it was not created")
	}
	return receipt.ContractAddress
}

// together has transactions mined in one block, in their order: those of one account come in the order of their nonces, and who offers more is first.
func (r *rig) together(txs ...*types.Transaction) {
	r.t.Helper()
	if r.name == "anvil" {
		r.rpc("evm_setAutomine", false)
		defer r.rpc("evm_setAutomine", true)
		for _, tx := range txs {
			r.send(tx)
		}
		r.rpc("evm_mine")
	} else {
		for _, tx := range slices.Backward(txs) { // the first nonce is what the others wait for
			r.send(tx)
		}
	}
	first := r.receipt(txs[0])
	for i, tx := range txs {
		if receipt := r.receipt(tx); receipt.BlockHash != first.BlockHash || receipt.TransactionIndex != uint(i) {
			r.t.Fatalf("transaction %d is at %d of block %d, the first of block %d", i, receipt.TransactionIndex, receipt.BlockNumber, first.BlockNumber)
		}
	}
}

func (r *rig) rpc(method string, args ...any) {
	r.t.Helper()
	if err := r.eth.Client().CallContext(r.t.Context(), nil, method, args...); err != nil {
		r.t.Fatalf("%s: %v", method, err)
	}
}

func (r *rig) later(seconds int) { r.rpc("evm_increaseTime", seconds) }

// stage commits a manifest, and stages its pages.
func (r *rig) stage(epoch uint64, routes ...manifest.PageRoute) common.Hash {
	r.t.Helper()
	pages, root, err := manifest.Paginate(routes, 50)
	if err != nil {
		r.t.Fatal(err)
	}
	r.must(operator, r.made.Address, pack.PackCommitRoot(root, epoch))
	for _, page := range pages {
		r.must(operator, r.made.Address, applyRoutes(page, common.Hash{}))
	}
	return root
}

func applyRoutes(page manifest.Page, initHash common.Hash) []byte {
	proof := make([][32]byte, len(page.Proof))
	for i, h := range page.Proof {
		proof[i] = h
	}
	return pack.PackApplyRoutes(page.Bytes, proof, initHash)
}

func (r *rig) goLive(epoch uint64, routes ...manifest.PageRoute) common.Hash {
	r.t.Helper()
	root := r.stage(epoch, routes...)
	r.later(3601)
	r.must(operator, r.made.Address, pack.PackActivateCommittedRoot())
	return root
}

func route(selector uint32, facet common.Address, code []byte) manifest.PageRoute {
	return manifest.PageRoute{
		Selector: manifest.Selector{byte(selector >> 24), byte(selector >> 16), byte(selector >> 8), byte(selector)}, Facet: facet, CodeHash: crypto.Keccak256Hash(code),
	}
}

// looker is a Sight that is told of heads as the index tells of them.
type looker struct {
	*rig
	chain *chain.Client // what the sight looks through
	heads *chain.Client // the node itself
	sight *sight.Sight
	next  uint64
}

// look begins to watch, with all events before, and returns what the first look shows.
func (r *rig) look(accounts []sight.Account, urls ...string) (*looker, sight.Sighted) {
	r.t.Helper()
	return r.lookWith(sight.Config{Accounts: accounts}, urls...)
}

// lookWith is look with what else is configured.
func (r *rig) lookWith(cfg sight.Config, urls ...string) (*looker, sight.Sighted) {
	r.t.Helper()
	w := dispatcher.NewWatch(r.made.Address, addressOf(deployer), addressOf(outsider))
	w.Recall(r.logs(0, r.latest()))
	return r.watch(w, cfg, urls...)
}

// watch begins to watch.
func (r *rig) watch(w *dispatcher.Watch, cfg sight.Config, urls ...string) (*looker, sight.Sighted) {
	r.t.Helper()
	if len(urls) == 0 {
		urls = []string{r.url}
	}
	l := &looker{rig: r, chain: connect(r.t, urls...), heads: connect(r.t, r.url)}
	cfg.Network, cfg.ChainID, cfg.Chain, cfg.Contracts = "test", chainID, l.chain, []sight.Contract{{Kind: dispatcher.Kind, Watch: w}}
	l.sight = sight.New(cfg)
	r.t.Cleanup(l.sight.Close)
	l.next = l.head().Number + 1
	return l, l.again()
}

func connect(t testing.TB, urls ...string) *chain.Client {
	t.Helper()
	c, err := chain.New(chain.Config{Name: "test", ChainID: chainID, URLs: urls, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func (l *looker) head() rollout.Block {
	l.t.Helper()
	head, err := l.heads.Head(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	return head
}

func (r *rig) latest() uint64 {
	r.t.Helper()
	n, err := r.eth.BlockNumber(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

func (r *rig) logs(from, to uint64) []event.Log {
	r.t.Helper()
	found, err := r.eth.FilterLogs(r.t.Context(), ethereum.FilterQuery{
		FromBlock: new(big.Int).SetUint64(from), ToBlock: new(big.Int).SetUint64(to), Addresses: []common.Address{r.made.Address},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	var out []event.Log
	for _, f := range found {
		out = append(out, event.Log{
			Address: f.Address, Topics: f.Topics, Data: f.Data, Tx: f.TxHash, TxIndex: uint32(f.TxIndex), Index: uint32(f.Index),
			Block: rollout.Block{Number: f.BlockNumber, Hash: f.BlockHash, Time: f.BlockTimestamp},
		})
	}
	return out
}

// try looks at the head, and at all blocks since the last look.
func (l *looker) try() (sight.Sighted, error) {
	l.t.Helper()
	head := l.head()
	var logs []event.Log
	from := min(l.next, head.Number)
	if l.next <= head.Number {
		logs = l.logs(l.next, head.Number)
	}
	l.next = head.Number + 1
	out, err := l.sight.Look(l.t.Context(), from, head, logs)
	for _, s := range out.Seen {
		if s.Network != "test" || s.ChainID != chainID || s.At == 0 {
			l.t.Errorf("it does not say where and when: %+v", s)
		}
	}
	return out, err
}

func (l *looker) again() sight.Sighted {
	l.t.Helper()
	out, err := l.try()
	if err != nil {
		l.t.Fatal(err)
	}
	return out
}

// words says in words what was seen of some kinds, but for heads.
func words(out sight.Sighted, kinds ...rule.Sight) []string {
	var all []string
	for _, s := range out.Seen {
		if !slices.Contains(kinds, s.Sight) {
			continue
		}
		switch s.Sight {
		case rule.SawEffect:
			all = append(all, fmt.Sprintf("effect %s %s by %s", s.Effect.What, s.Effect.Value, name(s.By)))
		case rule.SawSlot:
			all = append(all, fmt.Sprintf("slot %s: %s, %s", s.Subject, s.Was, s.Is))
		case rule.SawCode:
			all = append(all, fmt.Sprintf("code of %s %s: %s, %s (%d of %d)", s.Part, name(s.Account), short(s.Was), short(s.Is), s.Endpoints, s.Asked))
		case rule.SawRefusal:
			all = append(all, fmt.Sprintf("refused %s %s by %s", s.Subject, s.Is, name(s.By)))
		case rule.SawPending:
			all = append(all, fmt.Sprintf("pending %s epoch %d, grace %d", short(s.Subject), s.Epoch, s.Grace))
		case rule.SawActive:
			all = append(all, fmt.Sprintf("active %s epoch %d", short(s.Subject), s.Epoch))
		case rule.SawEndpoint:
			all = append(all, fmt.Sprintf("endpoint %s failed %t", s.Subject, s.Failed))
		case rule.SawDisagreement:
			all = append(all, fmt.Sprintf("disagreement failed %t", s.Failed))
		case rule.SawBalance:
			all = append(all, fmt.Sprintf("balance of %s: %d, %d", name(s.Account), s.Has, s.Needs))
		}
	}
	return all
}

func name(a common.Address) string {
	for name, key := range map[string]*ecdsa.PrivateKey{"deployer": deployer, "operator": operator, "outsider": outsider} {
		if addressOf(key) == a {
			return name
		}
	}
	return strings.ToLower(a.Hex())
}

func short(hash string) string {
	switch hash {
	case "":
		return "nothing"
	case (common.Hash{}).Hex():
		return "none"
	}
	return hash[:10]
}

func hashOf(code []byte) string { return short(crypto.Keccak256Hash(code).Hex()) }

// asm puts bytes together, and names of places in them: "name:" is where it is, "@name" is the byte that leads there.
func asm(parts ...any) []byte {
	var out []byte
	places, uses := map[string]byte{}, map[int]string{}
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			if at, ok := strings.CutSuffix(p, ":"); ok {
				places[at] = byte(len(out))
				out = append(out, 0x5b)
			} else if to, ok := strings.CutPrefix(p, "@"); ok {
				uses[len(out)+1] = to
				out = append(out, 0x60, 0)
			} else {
				out = append(out, common.FromHex("0x"+strings.ReplaceAll(p, " ", ""))...)
			}
		case []byte:
			out = append(out, p...)
		}
	}
	for at, name := range uses {
		place, ok := places[name]
		if !ok {
			panic(name)
		}
		out[at] = place
	}
	return out
}
