package dispatcher_test

import (
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/create2"
	"github.com/seed-b6a97670/lockstep/internal/devnet"
	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/evm"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

const chainID = 4242

var (
	key, _   = crypto.ToECDSA(crypto.Keccak256([]byte("dispatcher test")))
	deployer = crypto.PubkeyToAddress(key.PublicKey)
	operator = common.HexToAddress("0x09e7")
	facet    = common.HexToAddress("0xface7")
	arachnid = manifest.Factory{Name: "arachnid", Address: common.HexToAddress("0x4e59b44847b379578588920cA78FbF26c0B4956C")}
)

// world is a real geth with a factory, and perhaps a dispatcher.
type world struct {
	t     *testing.T
	eth   *ethclient.Client
	chain *chain.Client
	made  dispatcher.Deployment
}

func newWorld(t *testing.T) *world {
	t.Helper()
	n, err := devnet.Start(devnet.Config{
		ChainID: chainID, Alloc: map[common.Address]*big.Int{deployer: big.NewInt(params.Ether)}, Code: map[common.Address][]byte{arachnid.Address: evm.ArachnidRuntime},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{t: t}
	if w.eth, err = ethclient.Dial(n.URL()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.eth.Close)
	if w.chain, err = chain.New(chain.Config{Name: "test", ChainID: chainID, URLs: []string{n.URL()}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.chain.Close)
	if w.made, err = dispatcher.NewDeployment(arachnid, common.Hash{}, 3600, deployer); err != nil {
		t.Fatal(err)
	}
	return w
}

// deploy makes the dispatcher through the factory.
func (w *world) deploy() {
	w.t.Helper()
	for nonce, code := range [][]byte{w.made.ExtensionInitCode, w.made.InitCode} {
		tx, err := types.SignNewTx(key, types.LatestSignerForChainID(big.NewInt(chainID)), &types.DynamicFeeTx{
			ChainID: big.NewInt(chainID), Nonce: uint64(nonce), Gas: 10_000_000, GasFeeCap: big.NewInt(10 * params.GWei), GasTipCap: big.NewInt(1),
			To: &arachnid.Address, Data: create2.CallData(arachnid.Name, w.made.Salt, code),
		})
		if err != nil {
			w.t.Fatal(err)
		}
		if err := w.eth.SendTransaction(w.t.Context(), tx); err != nil {
			w.t.Fatal(err)
		}
		for {
			receipt, err := w.eth.TransactionReceipt(w.t.Context(), tx.Hash())
			if err == nil {
				if receipt.Status != types.ReceiptStatusSuccessful {
					w.t.Fatal("the deployment reverted")
				}
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
}

// foreseen is a deployment that makes all contracts and gives both roles.
func (w *world) foreseen() *dispatcher.Foreseen {
	return &dispatcher.Foreseen{
		Contracts: map[common.Address]bool{w.made.Address: true, w.made.Extension: true, facet: true}, Grace: 90, Delay: 7200,
		Grants: []rollout.Grant{{Role: dispatcher.CommitRole, Account: operator}, {Role: dispatcher.ApplyRole, Account: operator}},
	}
}

func (w *world) rollout(routes int, after *dispatcher.Foreseen) *dispatcher.Rollout {
	return &dispatcher.Rollout{
		Chain: w.chain, Address: w.made.Address, Committer: operator, Applier: operator, After: after,
		Run: rollout.Run{ChainID: chainID, Dispatcher: w.made.Address, Root: common.Hash{0x11}, Manifest: common.Hash{0x11}, Epoch: 1},
		Manifest: &manifest.Manifest{
			Root: common.Hash{0x11}, RoutesRoot: common.Hash{0x11}, Pages: []manifest.Page{{Routes: routes, Bytes: []byte{1}}},
			Facets: []manifest.Deployment{{Contract: "Facet", Address: facet, CodeHash: common.Hash{0xfa}}},
		},
	}
}

// plan is what a rollout says that it would do, up to the timelock.
func (w *world) plan(r *dispatcher.Rollout) (steps []string, wait uint64, at rollout.Block) {
	w.t.Helper()
	at, err := w.chain.Head(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	next, err := r.Forecast(w.t.Context(), at)
	if err != nil {
		w.t.Fatal(err)
	}
	for range 10 {
		action := next()
		switch action.Kind {
		case rollout.Halt:
			return append(steps, "halt: "+action.Reason), wait, at
		case rollout.Done:
			return append(steps, "done"), wait, at
		case rollout.Wait:
			wait = action.Until
			continue
		}
		for _, in := range action.Intents {
			step, _, _ := strings.Cut(in.Step, " ")
			steps = append(steps, step)
		}
	}
	w.t.Fatalf("it does not end: %v", steps)
	return nil, 0, at
}

// TestForeseen: a rollout is planned on what a deployment will have brought about, and on nothing more.
func TestForeseen(t *testing.T) {
	w := newWorld(t)
	without := func(change func(*dispatcher.Foreseen)) *dispatcher.Foreseen {
		f := w.foreseen()
		change(f)
		return f
	}
	all := []string{"commit", "apply", "activate", "done"}
	cases := map[string]struct {
		after        *dispatcher.Foreseen
		routes       int
		before, then []string // without a dispatcher, and with one
	}{
		"everything":      {w.foreseen(), 50, all, all},
		"nothing":         {nil, 50, []string{"halt: there is no dispatcher at " + w.made.Address.Hex() + ": run lockstep deploy"}, []string{"halt: code is missing"}},
		"too many routes": {w.foreseen(), 51, []string{"halt: page 0 has 51 routes, the dispatcher allows 50"}, []string{"halt: page 0 has 51 routes, the dispatcher allows 50"}},
		"no dispatcher": {
			without(func(f *dispatcher.Foreseen) { delete(f.Contracts, w.made.Address) }), 50,
			[]string{"halt: there is no dispatcher at " + w.made.Address.Hex()},
			all,
		},
		"another dispatcher": {
			without(func(f *dispatcher.Foreseen) {
				f.Contracts = map[common.Address]bool{w.made.Extension: true, facet: true}
			}), 50,
			[]string{"halt: there is no dispatcher at"},
			all,
		},
		"no role to commit": {
			without(func(f *dispatcher.Foreseen) { f.Grants = f.Grants[1:] }), 50,
			[]string{"halt: " + operator.Hex() + " does not hold COMMIT_ROLE"},
			[]string{"halt: " + operator.Hex() + " does not hold COMMIT_ROLE"},
		},
		"no role to apply": {
			without(func(f *dispatcher.Foreseen) { f.Grants = f.Grants[:1] }), 50,
			[]string{"commit", "halt: " + operator.Hex() + " does not hold APPLY_ROLE"},
			[]string{"commit", "halt: " + operator.Hex() + " does not hold APPLY_ROLE"},
		},
		"a role of another": {
			without(func(f *dispatcher.Foreseen) { f.Grants[0].Account = deployer }), 50,
			[]string{"halt: " + operator.Hex() + " does not hold COMMIT_ROLE"},
			[]string{"halt: " + operator.Hex() + " does not hold COMMIT_ROLE"},
		},
		"no facet": {without(func(f *dispatcher.Foreseen) { delete(f.Contracts, facet) }), 50, nil, []string{"halt: code is missing or not the pinned one: Facet at " + facet.Hex() + " has no code"}},
	}
	look := func(when string, delay, grace uint64, want func(name string) []string) {
		for name, c := range cases {
			steps, wait, at := w.plan(w.rollout(c.routes, c.after))
			expected := want(name)
			if expected == nil {
				continue // the code of contracts is looked at by the deployment that comes first
			}
			same := len(steps) == len(expected)
			for i := range min(len(steps), len(expected)) {
				same = same && strings.HasPrefix(steps[i], expected[i])
			}
			if !same {
				t.Errorf("%s, %s: (-want +got):\n%s", when, name, cmp.Diff(expected, steps))
			}
			if steps[len(steps)-1] == "done" && wait != at.Time+1+delay+grace { // committed in the next block
				t.Errorf("%s, %s: it waits until %d s after the block, want %d", when, name, wait-at.Time, 1+delay+grace)
			}
		}
	}
	look("before", 7200, 90, func(name string) []string { return cases[name].before })
	w.deploy()
	// what a dispatcher says of itself is what was foreseen of it; its delay it keeps
	at, err := w.chain.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	state, err := dispatcher.ReadState(t.Context(), w.chain, at.Hash, w.made.Address)
	if err != nil || state.MaxBatch != 50 || state.Grace != 60 || state.Delay != 3600 || state.ActiveEpoch != 0 || state.ActiveRoot != (common.Hash{}) {
		t.Fatalf("%+v, %v", state, err)
	}
	look("then", 3600, 90, func(name string) []string { return cases[name].then })
}
