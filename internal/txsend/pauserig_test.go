package txsend_test

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"math/big"
	"path/filepath"
	"slices"
	"sync"
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
	"github.com/seed-b6a97670/lockstep/internal/evm"
	"github.com/seed-b6a97670/lockstep/internal/localnode"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/signer"
	"github.com/seed-b6a97670/lockstep/internal/store"
	"github.com/seed-b6a97670/lockstep/internal/txsend"
)

var (
	adminKey, _ = crypto.ToECDSA(crypto.Keccak256([]byte("pause test, admin")))
	pauseKey, _ = crypto.ToECDSA(crypto.Keccak256([]byte("pause test, pauser")))
	admin       = crypto.PubkeyToAddress(adminKey.PublicKey)
	pauser      = crypto.PubkeyToAddress(pauseKey.PublicKey)
	factory     = manifest.Factory{Name: "arachnid", Address: common.HexToAddress("0x4e59b44847b379578588920ca78fbf26c0b4956c")}
	calls       = bindings.NewManifestDispatcher()
)

// pauseRig is a real node with a real dispatcher, and an account that may pause it and do nothing else.
type pauseRig struct {
	*rig
	t          testing.TB
	eth        *ethclient.Client
	dispatcher common.Address

	mu      sync.Mutex
	told    []rollout.Pause
	trouble []error
}

// newPauseRig is on a geth in this process.
func newPauseRig(t testing.TB, id uint64) *pauseRig {
	t.Helper()
	ether := func(n int64) *big.Int { return new(big.Int).Mul(big.NewInt(n), big.NewInt(params.Ether)) }
	n, err := devnet.Start(devnet.Config{
		ChainID: id, Alloc: map[common.Address]*big.Int{admin: ether(100), pauser: ether(10), account: ether(10)},
		Code: map[common.Address][]byte{factory.Address: evm.ArachnidRuntime, counter: common.FromHex("0x60005460010160005500")},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	r := pausesOn(t, &rig{net: n, url: n.URL(), id: id, counter: counter})
	return r
}

// newAnvilPauseRig is on an anvil. What it is made with must let it make blocks: stopMining ends that.
func newAnvilPauseRig(t *testing.T, args ...string) (*pauseRig, *localnode.Node) {
	t.Helper()
	base, n := newAnvilRig(t, args...)
	for _, a := range []common.Address{admin, pauser, account} {
		call(t, n, "anvil_setBalance", a, "0x8ac7230489e80000")
	}
	return pausesOn(t, base), n
}

// pausesOn deploys the dispatcher.
func pausesOn(t testing.TB, base *rig) *pauseRig {
	t.Helper()
	eth, err := ethclient.Dial(base.url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(eth.Close)
	base.path = filepath.Join(t.TempDir(), "journal.db")
	r := &pauseRig{rig: base, t: t, eth: eth}
	r.journal, r.chain = r.openJournal(base.path), r.client(base.url)
	made, err := dispatcher.NewDeployment(factory, common.Hash{}, 3600, admin)
	if err != nil {
		t.Fatal(err)
	}
	r.dispatcher = made.Address
	for _, code := range [][]byte{made.ExtensionInitCode, made.InitCode} {
		r.byAdmin(factory.Address, create2.CallData(factory.Name, made.Salt, code))
	}
	r.grant(dispatcher.PauserRole, pauser)
	r.grant(dispatcher.EmergencyRole, admin)
	return r
}

func (r *pauseRig) openJournal(where string) *store.Store {
	r.t.Helper()
	s, err := store.Open(r.t.Context(), where, "test")
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			r.t.Error(err)
		}
	})
	return s
}

func (r *pauseRig) client(urls ...string) *chain.Client {
	r.t.Helper()
	c, err := chain.New(chain.Config{Name: "test", ChainID: r.id, URLs: urls})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(c.Close)
	return c
}

func (r *pauseRig) grant(role common.Hash, to common.Address) {
	r.t.Helper()
	r.byAdmin(r.dispatcher, calls.PackGrantRole(role, to))
}

// signedBy is a call of somebody who does not use the program.
func (r *pauseRig) signedBy(key *ecdsa.PrivateKey, nonce uint64, to common.Address, data []byte, fee int64) *types.Transaction {
	r.t.Helper()
	id := new(big.Int).SetUint64(r.id)
	tx, err := types.SignNewTx(key, types.LatestSignerForChainID(id), &types.DynamicFeeTx{
		ChainID: id, Nonce: nonce, Gas: 6_000_000, GasFeeCap: big.NewInt(fee), GasTipCap: big.NewInt(fee / 10), To: &to, Data: data,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return tx
}

// byAdmin sends a call of the admin, and awaits it.
func (r *pauseRig) byAdmin(to common.Address, data []byte) {
	r.t.Helper()
	tx := r.adminSends(to, data)
	r.until("a call of somebody else is in a block", func() bool {
		receipt, err := r.eth.TransactionReceipt(r.t.Context(), tx.Hash())
		if err == nil && receipt.Status != types.ReceiptStatusSuccessful {
			r.t.Fatal("a call of somebody else reverted")
		}
		return err == nil
	})
}

// adminSends does not await it.
func (r *pauseRig) adminSends(to common.Address, data []byte) *types.Transaction {
	r.t.Helper()
	nonce, err := r.eth.PendingNonceAt(r.t.Context(), admin)
	if err != nil {
		r.t.Fatal(err)
	}
	tx := r.signedBy(adminKey, nonce, to, data, 100*params.GWei)
	if err := r.eth.SendTransaction(r.t.Context(), tx); err != nil {
		r.t.Fatal(err)
	}
	return tx
}

func (r *pauseRig) until(what string, is func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("not so in 20 s: %s\ntold %+v\ntrouble %v", what, r.heard(), r.troubles())
		}
	}
}

func (r *pauseRig) isPaused() bool {
	r.t.Helper()
	out, err := r.eth.CallContract(r.t.Context(), ethereum.CallMsg{To: &r.dispatcher, Data: calls.PackPaused()}, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return new(big.Int).SetBytes(out).Sign() != 0
}

func (r *pauseRig) heard() []rollout.Pause {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.told)
}

func (r *pauseRig) troubles() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.trouble)
}

// ended is how a pause has ended, once it has.
func (r *pauseRig) ended(id int64) rollout.Pause {
	r.t.Helper()
	var out rollout.Pause
	r.until("the pause has ended", func() bool {
		for _, d := range r.heard() {
			if d.ID == id && d.Outcome != rollout.PauseSent {
				out = d
				return true
			}
		}
		return false
	})
	return out
}

// config is that of a pauser whose process has a name.
func (r *pauseRig) config(process string, j *store.Store, c *chain.Client) txsend.PauserConfig {
	return txsend.PauserConfig{
		Chain: c, Direct: true, Journal: j, Dispatcher: r.dispatcher, Call: calls.PackPause(), Ask: dispatcher.StateCall(), Mode: rollout.PauseOn, PerHour: 2,
		BlockTime: time.Second,
		Sender: txsend.Config{
			Signer: signer.FromKey(pauser, pauseKey), Confirmations: 1, GasCap: 1_000_000, Poll: 5 * time.Millisecond, Explain: dispatcher.ExplainRevert,
		},
		Paused: func(out []byte) (bool, error) {
			s, err := dispatcher.DecodeState(r.dispatcher, out)
			return s.Paused, err
		},
		Standing: func(ctx context.Context, at common.Hash) (s txsend.Standing, err error) {
			state, err := dispatcher.ReadState(ctx, c, at, r.dispatcher)
			if err != nil {
				return s, err
			}
			s.Paused = state.Paused
			for _, role := range dispatcher.RoleNames {
				held, err := dispatcher.HasRole(ctx, c, at, r.dispatcher, role.Role, pauser)
				if err != nil {
					return s, err
				}
				if held && role.Role == dispatcher.PauserRole {
					s.Pauser = true
				} else if held {
					s.Others = append(s.Others, role.Name)
				}
			}
			return s, nil
		},
		Take: func(ctx context.Context, seize bool) (*txsend.Tenure, error) {
			gone := func(string) bool { return seize }
			leases, err := j.Take(ctx, process, gone, rollout.SignerLease(r.id, pauser))
			if err != nil {
				return nil, err
			}
			return &txsend.Tenure{Journal: j.Under(leases...), Lost: make(chan struct{}), Release: func() { _ = j.Yield(context.WithoutCancel(ctx), leases...) }}, nil
		},
		Told: func(d rollout.Pause) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.told = append(r.told, d)
		},
		Trouble: func(err error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.trouble = append(r.trouble, err)
		},
	}
}

// run makes a pauser that runs until the test ends, or stop is called.
func (r *pauseRig) run(cfg txsend.PauserConfig) (p *txsend.Pauser, stop func()) {
	r.t.Helper()
	p = txsend.NewPauser(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.Run(ctx)
	}()
	stop = func() { cancel(); <-done }
	r.t.Cleanup(stop)
	return p, stop
}

// armed is run, when it has looked.
func (r *pauseRig) armed(cfg txsend.PauserConfig) *txsend.Pauser {
	r.t.Helper()
	p, _ := r.run(cfg)
	r.until("it is armed", func() bool { return p.Status().Armed })
	return p
}

// alert is a decision because of an alert.
func alert(rule string) rollout.Pause {
	return rollout.Pause{
		Fingerprint: "f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1", Rule: rule, Reason: "code is another one", BlockChain: 4242,
		Block: rollout.Block{Number: 7, Hash: common.Hash{7}, Time: 1_700_000_000},
	}
}

// order pauses, and fails the test on an error.
func (r *pauseRig) order(p *txsend.Pauser) rollout.Pause {
	r.t.Helper()
	d, err := p.Pause(r.t.Context(), alert("codehash_mismatch"), time.Now())
	if err != nil {
		r.t.Fatal(err)
	}
	return d
}

// sent are the transactions that the chain knows of the pauser.
func (r *pauseRig) used() uint64 {
	r.t.Helper()
	n, err := r.eth.PendingNonceAt(r.t.Context(), pauser)
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

// deaf is a network that takes no transaction, and answers all else.
type deaf struct{ *chain.Client }

func (d deaf) SendAll(_ context.Context, _ *types.Transaction, told func(chain.Reply)) error {
	told(chain.Reply{Endpoint: "deaf", Err: errors.New("connection lost")})
	return nil
}
