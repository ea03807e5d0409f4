package index_test

import (
	"context"
	"errors"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/seed-b6a97670/lockstep/internal/bindings"
	"github.com/seed-b6a97670/lockstep/internal/create2"
	"github.com/seed-b6a97670/lockstep/internal/devnet"
	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/evm"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// stage is a network with a real dispatcher, all of whose roles one account has.
type stage struct {
	*node
	t     *testing.T
	dev   *devnet.Network
	store *store.Store
	from  common.Address
	nonce uint64
	delay uint64
}

var (
	factory = manifest.Factory{Name: "arachnid", Address: common.HexToAddress("0x4e59b44847b379578588920cA78FbF26c0B4956C")}
	facet   = common.HexToAddress("0xface700000000000000000000000000000000001")
	// the forwarder calls the address in the first word of its calldata with the rest, as a multicall or an account that is a contract does
	forwarder     = common.HexToAddress("0xf000000000000000000000000000000000000001")
	forwarderCode = common.FromHex("60203603806020600037600060008260006000600035" + "5af1" + "1561001f57" + "00" + "5b" + "60006000fd")
	abiOf         = bindings.NewManifestDispatcher()
)

func newStage(t *testing.T, where string) *stage {
	t.Helper()
	code := slices.Clone(forwarderCode)
	at := slices.Index(code, 0x5b)
	code[at-4], code[at-3] = byte(at>>8), byte(at) // where it jumps to
	from := crypto.PubkeyToAddress(devKey.PublicKey)
	d, err := devnet.Start(devnet.Config{
		ChainID: 7008, Alloc: map[common.Address]*big.Int{from: new(big.Int).Mul(big.NewInt(1e9), big.NewInt(1e18))},
		Code: map[common.Address][]byte{factory.Address: evm.ArachnidRuntime, facet: {0x60, 0x00, 0x00}, forwarder: code},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	client, err := rpc.Dial(d.URL())
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{
		node: &node{t: t, url: d.URL(), ws: d.WSURL(), rpc: client, eth: ethclient.NewClient(client), chainID: 7008}, t: t, dev: d, store: openStore(t, where),
		from: from, delay: 3600,
	}
	made, err := dispatcher.NewDeployment(factory, common.Hash{}, s.delay, from)
	if err != nil {
		t.Fatal(err)
	}
	s.emitter = made.Address
	s.mustDo(factory.Address, create2.CallData(factory.Name, made.Salt, made.ExtensionInitCode))
	s.mustDo(factory.Address, create2.CallData(factory.Name, made.Salt, made.InitCode))
	for _, role := range []common.Hash{dispatcher.CommitRole, dispatcher.ApplyRole, dispatcher.EmergencyRole} {
		s.mustDo(s.emitter, abiOf.PackGrantRole(role, from))
	}
	s.mustDo(s.emitter, abiOf.PackGrantRole(dispatcher.ApplyRole, forwarder))
	return s
}

// do sends a transaction and waits for its receipt.
func (s *stage) do(to common.Address, data []byte) *types.Receipt {
	s.t.Helper()
	tx := types.MustSignNewTx(devKey, types.LatestSignerForChainID(big.NewInt(7008)), &types.DynamicFeeTx{
		ChainID: big.NewInt(7008), Nonce: s.nonce, Gas: 10_000_000, GasFeeCap: big.NewInt(100 * params.GWei), GasTipCap: big.NewInt(1), To: &to, Data: data,
	})
	s.nonce++
	if err := s.eth.SendTransaction(context.Background(), tx); err != nil {
		s.t.Fatal(err)
	}
	for {
		if receipt, err := s.eth.TransactionReceipt(context.Background(), tx.Hash()); err == nil {
			return receipt
		}
		time.Sleep(time.Millisecond)
	}
}

func (s *stage) mustDo(to common.Address, data []byte) *types.Receipt {
	s.t.Helper()
	r := s.do(to, data)
	if r.Status != types.ReceiptStatusSuccessful {
		s.t.Fatalf("transaction %s reverted", r.TxHash)
	}
	return r
}

// refuse sends a transaction that reverts, and tells the store of it as whoever looks at blocks does.
func (s *stage) refuse(data []byte) *types.Receipt {
	s.t.Helper()
	r := s.do(s.emitter, data)
	if r.Status == types.ReceiptStatusSuccessful {
		s.t.Fatal("nothing was refused")
	}
	_, err := s.eth.CallContract(context.Background(), ethereum.CallMsg{From: s.from, To: &s.emitter, Data: data}, new(big.Int).Sub(r.BlockNumber, big.NewInt(1)))
	var failed rpc.DataError
	if !errors.As(err, &failed) {
		s.t.Fatal(err)
	}
	raw := hexutil.MustDecode(failed.ErrorData().(string))
	name, fields := dispatcher.Kind.Refusal(nil, raw)
	err = s.store.SaveRefused(context.Background(), s.chainID, []event.Refused{{
		Contract: s.emitter, Block: rollout.Block{Number: r.BlockNumber.Uint64(), Hash: r.BlockHash, Time: s.timeOf(r)}, Tx: r.TxHash, From: s.from,
		Selector: hexutil.Encode(data[:4]), Error: name, Fields: fields, Data: raw, Source: "block",
	}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.mine() // so that the index looks
	return r
}

func (s *stage) mine() {
	s.t.Helper()
	if err := s.dev.Mine(1); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) advance(seconds uint64) {
	s.t.Helper()
	if err := s.dev.AdvanceTime(time.Duration(seconds) * time.Second); err != nil {
		s.t.Fatal(err)
	}
	s.mine()
}

func (s *stage) timeOf(r *types.Receipt) uint64 {
	s.t.Helper()
	h, err := s.eth.HeaderByNumber(context.Background(), r.BlockNumber)
	if err != nil {
		s.t.Fatal(err)
	}
	return h.Time
}

// routes are pages of one route each, with their proofs.
type routes struct {
	pages     [][]byte
	proofs    [][][32]byte
	root      common.Hash
	selectors []string
}

// newRoutes makes one page or two. The perfect hash of one selector leads to it whatever it is.
func (s *stage) newRoutes(pages int, tag byte) routes {
	code, err := s.eth.CodeAt(context.Background(), facet, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r := routes{}
	for i := range pages {
		selector := []byte{0xaa, tag, 0, byte(i)}
		page := append([]byte{0, byte(pages), byte(i), 1, 1, 0}, selector...)
		page = append(append(append(page, 0), facet[:]...), crypto.Keccak256(code)...)
		if _, err := manifest.DecodePage(page); err != nil {
			s.t.Fatal(err)
		}
		r.pages, r.selectors = append(r.pages, page), append(r.selectors, hexutil.Encode(selector))
	}
	r.root = manifest.Leaf(r.pages[0])
	r.proofs = make([][][32]byte, pages)
	if pages == 2 {
		other := manifest.Leaf(r.pages[1])
		r.proofs = [][][32]byte{{other}, {r.root}}
		r.root = manifest.ProcessProof(r.root, []common.Hash{other})
	}
	return r
}

func (s *stage) commit(root common.Hash, epoch uint64) (event.Upgrade, *types.Receipt) {
	s.t.Helper()
	r := s.mustDo(s.emitter, abiOf.PackCommitRoot(root, epoch))
	at := s.timeOf(r)
	return event.Upgrade{
		ChainID: s.chainID, Dispatcher: s.emitter, Commit: event.Place{Block: r.BlockNumber.Uint64(), Index: uint32(r.Logs[0].Index)}, Tx: r.TxHash, Root: root,
		Epoch: epoch, Eta: at + s.delay, Status: event.UpgradeCommitted, CommittedAt: at, GasUsed: r.GasUsed, Settled: true,
	}, r
}

// expect waits until the newest upgrades are what they should be.
func (s *stage) expect(what string, want ...event.Upgrade) {
	s.t.Helper()
	var diff string
	for until := time.Now().Add(15 * time.Second); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		got, err := s.store.Upgrades(context.Background(), event.UpgradeFilter{ChainID: s.chainID, Limit: len(want)})
		if err != nil {
			s.t.Fatal(err)
		}
		if diff = cmp.Diff(want, got, cmpopts.EquateEmpty()); diff == "" {
			return
		}
	}
	s.t.Fatalf("%s (-want +got):\n%s", what, diff)
}

// TestUpgrades goes through what can become of a commitment, on a real dispatcher.
func TestUpgrades(t *testing.T) {
	onEach(t, testUpgrades)
}

func testUpgrades(t *testing.T, where string) {
	s := newStage(t, where)
	h := newTold()
	start(t, s.node, s.store, s.client(s.ws), h)

	a := s.newRoutes(2, 1)
	u, _ := s.commit(a.root, 1)
	s.expect("committed", u)

	page0 := abiOf.PackApplyRoutes(a.pages[0], a.proofs[0], [32]byte{})
	page1 := abiOf.PackApplyRoutes(a.pages[1], a.proofs[1], [32]byte{})
	u.GasUsed += s.mustDo(s.emitter, page0).GasUsed
	u.RoutesRoot, u.Selectors = a.root, a.selectors[:1]
	s.expect("one page of two", u)

	u.GasUsed += s.refuse(abiOf.PackActivateCommittedRoot()).GasUsed
	s.expect("too early is no failure", u)

	r := s.mustDo(forwarder, append(common.LeftPadBytes(s.emitter[:], 32), page1...))
	u.GasUsed += r.GasUsed
	u.Status, u.AppliedAt, u.Selectors = event.UpgradeApplied, s.timeOf(r), a.selectors
	s.expect("the other page, by another contract", u)

	u.GasUsed += s.refuse(page1).GasUsed
	u.Status = event.UpgradeFailed
	s.expect("refused", u)

	s.advance(s.delay)
	before, head := u, s.head()
	r = s.mustDo(s.emitter, abiOf.PackActivateCommittedRoot())
	u.GasUsed += r.GasUsed
	u.Status, u.ActivatedAt = event.UpgradeActivated, s.timeOf(r)
	s.expect("activated", u)

	// a reorganisation takes the activation back, and it comes once more
	s.call(nil, "debug_setHead", hexutil.Uint64(head))
	s.nonce--
	s.advance(7)
	s.mine()
	s.expect("no longer activated", before)
	r = s.mustDo(s.emitter, abiOf.PackActivateCommittedRoot())
	u.ActivatedAt = s.timeOf(r)
	s.expect("activated again", u)

	b := s.newRoutes(1, 2)
	replaced, _ := s.commit(b.root, 2)
	again, _ := s.commit(a.root, 2)
	replaced.Status, replaced.EndedAt = event.UpgradeCancelled, again.CommittedAt
	again.Status, again.AppliedAt, again.RoutesRoot, again.Selectors = event.UpgradeApplied, again.CommittedAt, a.root, a.selectors
	s.expect("replaced by one whose pages are staged already", again, replaced, u)

	r = s.mustDo(s.emitter, abiOf.PackCancelCommit())
	again.GasUsed += r.GasUsed
	again.Status, again.EndedAt = event.UpgradeCancelled, s.timeOf(r)
	s.expect("cancelled", again, replaced)

	// with an init call, of whose code nothing is done
	c := s.newRoutes(1, 3)
	code, err := s.eth.CodeAt(context.Background(), facet, nil)
	if err != nil {
		t.Fatal(err)
	}
	initHash := crypto.Keccak256Hash(common.LeftPadBytes(facet[:], 32), crypto.Keccak256(code), crypto.Keccak256(nil))
	root := crypto.Keccak256Hash(manifest.InitTypehash[:], c.root[:], initHash[:])
	withInit, _ := s.commit(root, 2)
	s.expect("of a root with an init call nothing else is known", withInit)
	r = s.mustDo(s.emitter, abiOf.PackApplyRoutes(c.pages[0], c.proofs[0], initHash))
	withInit.GasUsed += r.GasUsed
	withInit.Status, withInit.AppliedAt, withInit.RoutesRoot, withInit.Selectors = event.UpgradeApplied, s.timeOf(r), c.root, c.selectors
	s.expect("its page tells the routesRoot", withInit)
	s.advance(s.delay)
	r = s.mustDo(s.emitter, abiOf.PackActivateCommittedRootAndCall(c.root, facet, nil))
	withInit.GasUsed += r.GasUsed
	withInit.Status, withInit.ActivatedAt = event.UpgradeActivated, s.timeOf(r)
	s.expect("activated with its init call", withInit)

	late, _ := s.commit(b.root, 3)
	s.advance(s.delay + rollout.ActivationWindow - 10)
	s.expect("it can still be activated", late)
	s.advance(20)
	late.Status, late.EndedAt = event.UpgradeExpired, late.Eta+rollout.ActivationWindow
	s.expect("expired", late, withInit)

	mustReach(t, s.node, s.store)
}
