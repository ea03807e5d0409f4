package sight_test

import (
	"crypto/ecdsa"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"
	"github.com/holiman/uint256"

	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/sight"
)

// store is where the dispatcher keeps its own.
var store = common.HexToHash("0x0e8bee71e09165130d954e6b7283bf3843c0c17ff1bd7880a8700186be4ac500")

func member(n int64) common.Hash {
	return common.BigToHash(new(big.Int).Add(store.Big(), big.NewInt(n)))
}

func roleSlot(account common.Address) common.Hash {
	return crypto.Keccak256Hash(common.LeftPadBytes(account[:], 32), member(4).Bytes())
}

// TestAFacetWritesTheNamespace: a facet gives a role and moves the eta, alone and in one block with what is planned; an init call unpauses in the block of a planned
// activation. Each is seen once, with the transactions that may have done it.
func TestAFacetWritesTheNamespace(t *testing.T) {
	on(t, func(r *rig) {
		d, facet := r.made.Address, r.create(writer)
		r.goLive(1, route(write, facet, writer))
		pending := common.Hash{0xee}
		r.must(operator, d, pack.PackCommitRoot(pending, 2))
		l, _ := r.look(nil)
		who := name(addressOf(outsider))
		low := strings.ToLower(addressOf(outsider).Hex())
		slot := func(out sight.Sighted) rule.Seen {
			r.t.Helper()
			i := slices.IndexFunc(out.Seen, func(s rule.Seen) bool { return s.Sight == rule.SawSlot })
			if i < 0 {
				r.t.Fatal("nothing is told")
			}
			return out.Seen[i]
		}

		// what the facet keeps for itself is its own affair
		r.must(outsider, d, writing(common.Hash{31: 5}, common.Hash{31: 1}))
		l.want("its own", l.again())

		tx := r.must(outsider, d, writing(roleSlot(addressOf(outsider)), common.Hash{31: 0b100100}))
		out := l.again()
		l.want("a role", out, "slot role bits of "+low+": no role, COMMIT, EMERGENCY", "code of holder "+who+": none, none (1 of 1)")
		if got := slot(out); got.Contract != d || len(got.Details) != 1 || got.Details[0].Value != tx.Hash().Hex() {
			r.t.Errorf("%+v", got)
		}
		l.want("it is told once", l.again())

		eta := new(big.Int).SetUint64(r.pendingEta())
		state := r.word(member(0)).Big()
		state.Sub(state, new(big.Int).Lsh(big.NewInt(1800), 192)) // half an hour earlier
		later := new(big.Int).Sub(eta, big.NewInt(1800))
		r.together(r.sign(operator, &d, pack.PackSetEtaGrace(90)), r.sign(operator, &d, writing(member(0), common.BigToHash(state))))
		l.want("eta beside a planned change", l.again(), "effect grace 90 by operator", fmt.Sprintf("slot eta: %d, %d", eta, later), "pending "+short(pending.Hex())+" epoch 2, grace 90")

		// a role beside a grant of another one to the same account
		r.together(r.sign(deployer, &d, pack.PackGrantRole(dispatcher.PauserRole, addressOf(outsider))), r.sign(deployer, &d, writing(roleSlot(addressOf(outsider)), common.Hash{31: 0b110101})))
		l.want("a role beside a planned one", l.again(), "effect granted PAUSER "+low+" by deployer",
			"slot role bits of "+low+": COMMIT, PAUSER, EMERGENCY, ADMIN, COMMIT, PAUSER, EMERGENCY")

		// an init call runs when routed calls are stopped
		initData := writing(member(0), common.Hash{})
		_, routes, err := manifest.Paginate([]manifest.PageRoute{route(write, facet, writer)}, 50) // its page is there already
		if err != nil {
			r.t.Fatal(err)
		}
		table := crypto.CreateAddress2(d, routes, common.FromHex("0x73954d0b89449abd8f47cadd88353cca2c673d3e78c027dd3cfd82806faf76e9"))
		after := new(big.Int).SetBytes(table[:])
		after.Or(after, new(big.Int).Lsh(big.NewInt(2), 160)) // epoch
		after.Or(after, new(big.Int).Lsh(big.NewInt(1), 232)) // pages
		after.Or(after, new(big.Int).Lsh(big.NewInt(50), 240))
		copy(initData[36:], common.BigToHash(after).Bytes())
		initHash := manifest.InitHash(facet, crypto.Keccak256Hash(writer), initData)
		root := manifest.RootWithInit(routes, initHash)
		r.must(operator, d, pack.PackCommitRoot(root, 2))
		r.must(operator, d, pack.PackPause())
		r.later(3601)
		l.want("paused", l.again(), "effect committed "+root.Hex()+" 2 by operator", "effect paused  by operator", "pending "+short(root.Hex())+" epoch 2, grace 90")
		r.must(operator, d, pack.PackActivateCommittedRootAndCall(routes, facet, initData))
		l.want("unpaused by an init call", l.again(), "effect activated "+root.Hex()+" 2 by operator", "slot paused: paused, not paused",
			"pending nothing epoch 0, grace 90", "active "+short(routes.Hex())+" epoch 2")
	})
}

func (r *rig) pendingEta() uint64 {
	return new(big.Int).And(new(big.Int).Rsh(r.word(member(0)).Big(), 192), big.NewInt(1<<40-1)).Uint64()
}

// shell is creation code that returns whatever its creator answers: the address says nothing of the code.
var shell = asm("5f 5f 5f 5f 33 5a fa 50 3d 5f 5f 3e 3d 5f f3")

// honest returns 1 if it is called with data, and destroys itself otherwise.
var honest = common.FromHex("0x366006575fff5b60015f5260205ff3")

// metamorph has one contract that comes and goes: called with code (a word, and its length), an address and data, it creates a contract with the code,
// and, if there is an address, calls that with the data, and then has the contract destroy itself. Called with nothing it returns the code.
var metamorph = asm(
	"36", "@main", "57", "5f 54 5f 52 60 01 54 5f f3",
	"main:", "5f 35 5f 55 60 20 35 60 01 55",
	"6e", shell, "5f 52", // PUSH15, MSTORE
	"5f 60 0f 60 11 5f f5", // CREATE2(0, 17, 15, 0)
	"60 40 35 80", "@call", "57 00",
	"call:", "60 60 36 03 80 60 60 5f 37", // n bytes of data
	"5f 5f 82 5f 5f 86 5a f1", // CALL(gas, target, 0, 0, n, 0, 0)
	"15", "@fail", "57 50 50", "5f 5f 5f 5f 5f 85 5a f1 00",
	"fail:", "3d 5f 5f 3e 3d 5f fd",
)

func become(code []byte, target common.Address, data []byte) []byte {
	return slices.Concat(common.RightPadBytes(code, 32), common.BigToHash(big.NewInt(int64(len(code)))).Bytes(), common.LeftPadBytes(target[:], 32), data)
}

// TestAMetamorphicFacet: its pinned code is there when the dispatcher looks, in the transactions that stage and activate it, and gone afterwards; then other code
// comes.
func TestAMetamorphicFacet(t *testing.T) {
	on(t, func(r *rig) {
		d, morph := r.made.Address, r.create(metamorph)
		facet := crypto.CreateAddress2(morph, common.Hash{}, crypto.Keccak256(shell))
		r.must(deployer, d, pack.PackGrantRole(dispatcher.ApplyRole, morph))
		pages, root, err := manifest.Paginate([]manifest.PageRoute{route(write, facet, honest)}, 50)
		if err != nil {
			r.t.Fatal(err)
		}
		r.must(operator, d, pack.PackCommitRoot(root, 1))
		r.must(outsider, morph, become(honest, d, applyRoutes(pages[0], common.Hash{})))
		r.later(3601)
		// two endpoints, so that one alone is not believed
		l, _ := r.look(nil, r.url, before(r.t, r.url).url)
		r.must(outsider, morph, become(honest, d, pack.PackActivateCommittedRoot()))
		facetIs := func(code string, endpoints int) string {
			return fmt.Sprintf("code of facet %s: %s, %s (%d of 2)", name(facet), hashOf(honest), code, endpoints)
		}
		l.want("gone", l.again(), "effect activated "+root.Hex()+" 1 by outsider", "pending nothing epoch 0, grace 60", "active "+short(root.Hex())+" epoch 1", facetIs("none", 2))
		l.want("it is told once", l.again())
		thief := writer
		r.must(outsider, morph, become(thief, common.Address{}, nil))
		l.want("other code", l.again(), facetIs(hashOf(thief), 2))
		// the gate before each call sees it as well
		r.refuse(outsider, d, common.FromHex("0xaabbccdd"))
		got := l.again()
		want := fmt.Sprintf(`refused CodehashMismatch {"selector":"0xaabbccdd","want":%q,"got":%q} by outsider`, crypto.Keccak256Hash(honest), crypto.Keccak256Hash(thief))
		l.want("a call", got, want)
		if len(got.Refused) != 1 || got.Refused[0].Error != "CodehashMismatch" || got.Refused[0].Selector != "0xaabbccdd" || got.Refused[0].Source != "block" {
			r.t.Errorf("%+v", got.Refused)
		}
	})
}

// TestAFacetThatComesBack: another code than the pinned one, and then the pinned one.
func TestAFacetThatComesBack(t *testing.T) {
	on(t, func(r *rig) {
		d, morph := r.made.Address, r.create(metamorph)
		facet := crypto.CreateAddress2(morph, common.Hash{}, crypto.Keccak256(shell))
		r.must(deployer, d, pack.PackGrantRole(dispatcher.ApplyRole, morph))
		pages, root, err := manifest.Paginate([]manifest.PageRoute{route(write, facet, honest)}, 50)
		if err != nil {
			r.t.Fatal(err)
		}
		r.must(operator, d, pack.PackCommitRoot(root, 1))
		r.must(outsider, morph, become(honest, d, applyRoutes(pages[0], common.Hash{})))
		r.later(3601)
		r.must(outsider, morph, become(honest, d, pack.PackActivateCommittedRoot()))
		l, first := r.look(nil)
		facetIs := func(code string) string {
			return fmt.Sprintf("code of facet %s: %s, %s (1 of 1)", name(facet), hashOf(honest), code)
		}
		if got := words(first, rule.SawCode); !slices.Contains(got, facetIs("none")) {
			r.t.Errorf("at first: %v", got)
		}
		r.must(outsider, morph, become(honest, common.Address{}, nil))
		l.want("it is there again", l.again(), facetIs(hashOf(honest)))
	})
}

// TestASignerGainsCode: by a delegation (EIP-7702), which is then taken back.
func TestASignerGainsCode(t *testing.T) {
	on(t, func(r *rig) {
		wallet := r.create(writer)
		l, _ := r.look([]sight.Account{{Address: addressOf(operator), Part: sight.Signer}})
		r.delegate(operator, wallet)
		out := l.again()
		l.want("delegated", out, "code of signer operator: none, "+hashOf(types.AddressToDelegation(wallet))+" (1 of 1)")
		i := slices.IndexFunc(out.Seen, func(s rule.Seen) bool { return s.Sight == rule.SawCode })
		if d := out.Seen[i].Details; len(d) != 1 || d[0].Value != strings.ToLower(wallet.Hex()) {
			r.t.Errorf("%+v", d)
		}
		// a holder that nobody has listed is found by its role; that it may have code does not mean a delegation
		late, first := r.look(nil)
		if got := words(first, rule.SawCode); !slices.Contains(got, "code of holder operator: none, "+hashOf(types.AddressToDelegation(wallet))+" (1 of 1)") {
			r.t.Errorf("of a holder: %v", got)
		}
		late.want("at rest", late.again())
		r.delegate(operator, common.Address{})
		l.want("taken back", l.again(), "code of signer operator: none, none (1 of 1)")
	})
}

// delegate has an account delegate to code; another one pays.
func (r *rig) delegate(key *ecdsa.PrivateKey, to common.Address) {
	r.t.Helper()
	from, payer := addressOf(key), addressOf(outsider)
	auth, err := types.SignSetCode(key, types.SetCodeAuthorization{ChainID: *uint256.NewInt(chainID), Address: to, Nonce: r.nonce[from]})
	if err != nil {
		r.t.Fatal(err)
	}
	tx, err := types.SignNewTx(outsider, types.LatestSignerForChainID(big.NewInt(chainID)), &types.SetCodeTx{
		ChainID: uint256.NewInt(chainID), Nonce: r.nonce[payer], Gas: 200_000, GasFeeCap: uint256.NewInt(10 * params.GWei), GasTipCap: uint256.NewInt(1),
		To: payer, AuthList: []types.SetCodeAuthorization{auth},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.nonce[payer]++
	r.nonce[from]++
	r.send(tx)
	r.receipt(tx)
}

// caller is a facet that calls the address in its data, and fails as that does.
var caller = asm("5f 5f 5f 5f 5f 60 04 35 5a f1 50", "3d 5f 5f 3e 3d 5f fd")

// TestRefusals: what the dispatcher refuses to anybody is seen, with what it says, whatever endpoints offer to learn it.
func TestRefusals(t *testing.T) {
	on(t, func(r *rig) {
		d := r.made.Address
		facet := r.create(caller)
		r.goLive(1, route(write, facet, caller))
		// anybody can fail with whatever bytes: PUSH4 selector PUSH0 MSTORE, then the mismatch of nothing
		liar := r.create(asm("63 65503219 5f 52 60 64 60 1c fd"))
		r.must(operator, d, pack.PackCommitRoot(common.Hash{0xee}, 2))
		pages, _, err := manifest.Paginate([]manifest.PageRoute{route(7, facet, caller)}, 50)
		if err != nil {
			r.t.Fatal(err)
		}
		var lookers []*looker
		for _, lacks := range [][]string{nil, {"debug_traceTransaction"}, {"debug_traceTransaction", "eth_simulateV1"}} {
			l, _ := r.look(nil, before(r.t, r.url, lacks...).url)
			lookers = append(lookers, l)
		}
		low := strings.ToLower(addressOf(outsider).Hex())
		zero := common.Hash{}.Hex()
		outsiders := r.refuse(outsider, d, pack.PackCommitRoot(common.Hash{0xbb}, 2))
		r.refuse(operator, d, pack.PackActivateCommittedRoot())
		r.refuse(operator, d, applyRoutes(pages[0], common.Hash{}))
		r.refuse(outsider, d, slices.Concat(common.FromHex("0xaabbccdd"), common.LeftPadBytes(liar[:], 32)))
		// what a facet refuses is its own affair
		angry := r.create(asm("63 deadbeef 5f 52 60 04 60 1c fd"))
		r.refuse(outsider, d, slices.Concat(common.FromHex("0xaabbccdd"), common.LeftPadBytes(angry[:], 32)))
		// the first of two in one block decides over the second, among others
		pause := pack.PackPause()
		r.together(r.sign(operator, &d, pack.PackSetEtaGrace(40)), r.sign(operator, &d, pause), r.sign(operator, &d, pack.PackSetEtaGrace(50)),
			r.sign(operator, &d, pause), r.sign(operator, &d, pack.PackSetEtaGrace(60)))
		role := func(name string) string { return crypto.Keccak256Hash([]byte(name)).Hex() }
		eta := r.pendingEta()
		want := map[string]string{
			"AccessControlUnauthorizedAccount": fmt.Sprintf(`{"account":%q,"neededRole":%q} by outsider`, low, role("COMMIT_ROLE")),
			"InvalidProof":                     fmt.Sprintf(`{"pendingRoot":%q} by operator`, common.Hash{0xee}.Hex()),
			"CodehashMismatch":                 fmt.Sprintf(`{"selector":"0x00000000","want":%q,"got":%q} by outsider`, zero, zero),
			"PauseUnchanged":                   `{"paused":true} by operator`,
		}
		for i, l := range lookers {
			out := l.again()
			got := map[string]string{}
			for _, s := range words(out, rule.SawRefusal) {
				name, rest, _ := strings.Cut(strings.TrimPrefix(s, "refused "), " ")
				got[name] = rest
			}
			early := got["ActivationNotReady"]
			delete(got, "ActivationNotReady") // it holds the time, which is another one if it is learned by a call
			if !strings.HasPrefix(early, fmt.Sprintf(`{"eta":%d,`, eta)) || !strings.HasSuffix(early, "by operator") {
				r.t.Errorf("looker %d: early: %s", i, early)
			}
			if !maps.Equal(got, want) {
				r.t.Errorf("looker %d: %v, want %v", i, got, want)
			}
			if len(out.Refused) != 5 {
				r.t.Errorf("looker %d: %d refusals", i, len(out.Refused))
			}
			at := slices.IndexFunc(out.Refused, func(f event.Refused) bool { return f.Tx == outsiders.Hash() })
			if f := out.Refused[at]; f.Contract != d || f.From != addressOf(outsider) || f.Selector != fmt.Sprintf("%#x", pack.PackCommitRoot(common.Hash{}, 0)[:4]) ||
				len(f.Data) != 68 || !json.Valid(f.Fields) || f.Block.Time == 0 {
				r.t.Errorf("looker %d: %+v", i, f)
			}
			l.want("they are told once", l.again())
		}
	})
}
