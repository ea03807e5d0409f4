package app_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/big"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"

	"github.com/seed-b6a97670/lockstep/internal/manifest"
)

// attacker is a contract of testdata/eyes, which is on networks from their beginning.
type attacker struct {
	at   common.Address
	code []byte
	abi.ABI
}

// attackers are all of them, by name.
var attackers = sync.OnceValues(func() (map[string]attacker, error) {
	out, err := compile("testdata/eyes/Attack.sol", "Attack.sol")
	if err != nil {
		return nil, err
	}
	var answer struct {
		Contracts map[string]map[string]struct {
			ABI json.RawMessage
			EVM struct{ DeployedBytecode struct{ Object string } }
		}
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		return nil, err
	}
	all := map[string]attacker{}
	for i, name := range slices.Sorted(maps.Keys(answer.Contracts["Attack.sol"])) {
		c := answer.Contracts["Attack.sol"][name]
		a := attacker{at: common.BigToAddress(big.NewInt(int64(0xf100 + i))), code: common.FromHex(c.EVM.DeployedBytecode.Object)}
		if a.ABI, err = abi.JSON(bytes.NewReader(c.ABI)); err != nil {
			return nil, err
		}
		all[name] = a
	}
	return all, nil
})

func attackerOf(t testing.TB, name string) attacker {
	t.Helper()
	all, err := attackers()
	if err != nil {
		t.Fatalf("solc: %v (is make setup done?)", err)
	}
	return all[name]
}

func (a attacker) pack(t testing.TB, method string, args ...any) []byte {
	t.Helper()
	data, err := a.Pack(method, args...)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// route is one of a function to the contract, with its code as what is pinned.
func (a attacker) route(method string) manifest.PageRoute {
	return manifest.PageRoute{Selector: manifest.Selector(a.Methods[method].ID), Facet: a.at, CodeHash: crypto.Keccak256Hash(a.code)}
}

// infested is a site on whose networks the attackers are, and a version is live. Its journal knows nothing of what was done until then.
func infested(t *testing.T, ids ...uint64) *site {
	t.Helper()
	return infestedWith(t, func(_ *site, c conf) conf { return c }, ids...)
}

// infestedWith is infested with what else the configuration is to have.
func infestedWith(t *testing.T, change func(s *site, c conf) conf, ids ...uint64) *site {
	t.Helper()
	code := map[common.Address][]byte{}
	attackerOf(t, "Morph")
	all, _ := attackers()
	for _, a := range all {
		code[a.at] = a.code
	}
	var places []place
	for _, id := range ids {
		p := local(id)
		p.code = code
		places = append(places, p)
	}
	s := newSite(t, places...)
	s.live(change(s, oneFacet.on(places...)))
	return s
}

// forget gives the site a journal that knows nothing of what was done until now.
func (s *site) forget() { s.journal = filepath.Join(s.t.TempDir(), "journal.db") }

// byHand has routes live, without the program. apply and activate send the calls, each in a transaction; nil is the operator.
func (s *site) byHand(network string, address common.Address, epoch uint64, send func(data []byte), routes ...manifest.PageRoute) common.Hash {
	s.t.Helper()
	root := s.staged(network, address, epoch, send, routes...)
	s.later(network, 3700*time.Second)
	send(dispatcherABI.PackActivateCommittedRoot())
	return root
}

// staged is byHand without the activation.
func (s *site) staged(network string, address common.Address, epoch uint64, send func(data []byte), routes ...manifest.PageRoute) common.Hash {
	s.t.Helper()
	pages, root, err := manifest.Paginate(routes, 50)
	if err != nil {
		s.t.Fatal(err)
	}
	s.send(network, "operator", address, dispatcherABI.PackCommitRoot(root, epoch))
	for _, page := range pages {
		proof := make([][32]byte, len(page.Proof))
		for i, h := range page.Proof {
			proof[i] = h
		}
		send(dispatcherABI.PackApplyRoutes(page.Bytes, proof, common.Hash{}))
	}
	return root
}

func (s *site) later(network string, d time.Duration) {
	s.t.Helper()
	if err := s.nets[network].AdvanceTime(d); err != nil {
		s.t.Fatal(err)
	}
}

// as sends calls to an address as somebody.
func (s *site) as(network, from string, to common.Address) func(data []byte) {
	return func(data []byte) {
		s.t.Helper()
		s.spend(network, from, to, data)
	}
}

// spend is send with more gas.
func (s *site) spend(network, from string, to common.Address, data []byte) *types.Receipt {
	s.t.Helper()
	return s.sendTx(network, from, func(id *big.Int, nonce uint64) types.TxData {
		return &types.DynamicFeeTx{
			ChainID: id, Nonce: nonce, Gas: 5_000_000, GasFeeCap: big.NewInt(100 * params.GWei), GasTipCap: big.NewInt(1), To: &to, Data: data,
		}
	})
}

// metamorphic is a facet that comes and goes.
type metamorphic struct {
	*site
	morph      attacker
	address    common.Address // of the facet
	dispatcher common.Address
	honest     []byte
	root       common.Hash
}

// metamorphic has a facet staged that has its pinned code while the dispatcher looks, and no longer. Its root is pending, and can be activated.
func (s *site) metamorphic(network string, dispatcher common.Address, epoch uint64) *metamorphic {
	s.t.Helper()
	x := &metamorphic{site: s, morph: attackerOf(s.t, "Morph"), dispatcher: dispatcher, honest: attackerOf(s.t, "Honest").code}
	out, err := s.dial(network).CallContract(s.ctx(), callTo(x.morph.at, x.morph.pack(s.t, "where")), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	x.address = common.BytesToAddress(out)
	s.send(network, "admin", dispatcher, dispatcherABI.PackGrantRole(crypto.Keccak256Hash([]byte("APPLY_ROLE")), x.morph.at))
	x.root = s.staged(network, dispatcher, epoch, func(data []byte) { x.become(network, x.honest, dispatcher, data) }, manifest.PageRoute{
		Selector: manifest.Selector{0xaa, 0xbb, 0xcc, 0xdd}, Facet: x.address, CodeHash: crypto.Keccak256Hash(x.honest),
	})
	s.later(network, 3700*time.Second)
	return x
}

// become gives the facet code. With a target it calls that, and the code is gone again.
func (x *metamorphic) become(network string, code []byte, target common.Address, data []byte) *types.Receipt {
	x.t.Helper()
	return x.spend(network, "outsider", x.morph.at, x.morph.pack(x.t, "become", code, target, data))
}

// activate activates the root, after which the facet has no code.
func (x *metamorphic) activate(network string) *types.Receipt {
	x.t.Helper()
	return x.become(network, x.honest, x.dispatcher, dispatcherABI.PackActivateCommittedRoot())
}

// member is a slot of the dispatcher's namespace, of that of the roles of an account.
func member(n int64) common.Hash {
	base := common.HexToHash("0x0e8bee71e09165130d954e6b7283bf3843c0c17ff1bd7880a8700186be4ac500").Big()
	return common.BigToHash(base.Add(base, big.NewInt(n)))
}

func roleSlot(account common.Address) common.Hash {
	return crypto.Keccak256Hash(common.LeftPadBytes(account[:], 32), member(4).Bytes())
}

// resend sends a signed transaction that a reorganisation has taken out of the chain.
func (s *site) resend(network string, tx *types.Transaction) *types.Receipt {
	s.t.Helper()
	eth := s.dial(network)
	if err := eth.SendTransaction(s.ctx(), tx); err != nil {
		s.t.Fatal(err)
	}
	return s.receipt(eth, tx.Hash())
}

// takeOut takes a block, and all after it, out of the chain, has another one in its place, and returns the transaction that was in it.
func (s *site) takeOut(network string, r *types.Receipt) *types.Transaction {
	s.t.Helper()
	eth := s.dial(network)
	tx, _, err := eth.TransactionByHash(s.ctx(), r.TxHash)
	if err != nil {
		s.t.Fatal(err)
	}
	before := new(big.Int).Sub(r.BlockNumber, big.NewInt(1))
	if err := eth.Client().CallContext(s.ctx(), nil, "debug_setHead", hexutil.EncodeBig(before)); err != nil {
		s.t.Fatal(err)
	}
	s.later(network, 7*time.Second) // another time, another hash
	if after, err := eth.HeaderByNumber(s.ctx(), r.BlockNumber); err != nil || after.Hash() == r.BlockHash {
		s.t.Fatalf("the block is in the chain still (%v)", err)
	}
	return tx
}

// order is a call that somebody is to send.
type order struct {
	from string
	to   common.Address
	data []byte
}

// inOneBlock has calls of different people mined in one block, and returns their receipts.
func (s *site) inOneBlock(network string, orders ...order) []*types.Receipt {
	s.t.Helper()
	n, eth := s.nets[network], s.dial(network)
	var hashes []common.Hash
	id := new(big.Int).SetUint64(n.ChainID())
	n.Hold()
	for _, o := range orders {
		nonce, err := eth.PendingNonceAt(s.ctx(), s.address(o.from))
		if err != nil {
			s.t.Fatal(err)
		}
		tx, err := types.SignNewTx(s.keys[o.from], types.LatestSignerForChainID(id), &types.DynamicFeeTx{
			ChainID: id, Nonce: nonce, Gas: 500_000, GasFeeCap: big.NewInt(100 * params.GWei), GasTipCap: big.NewInt(1), To: &o.to, Data: o.data,
		})
		if err != nil {
			s.t.Fatal(err)
		}
		if err := eth.SendTransaction(s.ctx(), tx); err != nil {
			s.t.Fatal(err)
		}
		hashes = append(hashes, tx.Hash())
	}
	n.Release()
	var out []*types.Receipt
	for _, h := range hashes {
		out = append(out, s.receipt(eth, h))
		if out[0].BlockHash != out[len(out)-1].BlockHash {
			s.t.Fatal("they are in several blocks")
		}
	}
	return out
}
