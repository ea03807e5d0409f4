package sight_test

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/sight"
)

// mark is where a chain can be turned back to.
type mark struct {
	block rollout.Block
	id    string
	nonce map[common.Address]uint64
}

func (r *rig) mark(at rollout.Block) mark {
	m := mark{block: at, nonce: map[common.Address]uint64{}}
	for a, n := range r.nonce {
		m.nonce[a] = n
	}
	if r.name == "anvil" {
		if err := r.eth.Client().CallContext(r.t.Context(), &m.id, "evm_snapshot"); err != nil {
			r.t.Fatal(err)
		}
	}
	return m
}

// back takes the blocks after a mark out of the chain.
func (r *rig) back(m mark) {
	r.t.Helper()
	if r.name == "anvil" {
		r.rpc("evm_revert", m.id)
	} else {
		r.rpc("debug_setHead", hexutil.Uint64(m.block.Number))
	}
	r.nonce = m.nonce
}

// TestAReorganisation: what was in blocks that leave the chain is forgotten, and told again if it is in the new ones.
func TestAReorganisation(t *testing.T) {
	on(t, func(r *rig) {
		d, facet, morph := r.made.Address, r.create(writer), r.create(metamorph)
		other := crypto.CreateAddress2(morph, common.Hash{}, crypto.Keccak256(shell))
		r.must(deployer, d, pack.PackGrantRole(dispatcher.ApplyRole, morph))
		pages, root, err := manifest.Paginate([]manifest.PageRoute{route(write, facet, writer), route(write+1, other, honest)}, 50)
		if err != nil {
			r.t.Fatal(err)
		}
		r.must(operator, d, pack.PackCommitRoot(root, 1))
		r.must(outsider, morph, become(honest, d, applyRoutes(pages[0], common.Hash{})))
		r.later(3601)
		r.must(outsider, morph, become(honest, d, pack.PackActivateCommittedRoot()))
		l, _ := r.look(nil)
		at := r.mark(l.head())

		low := strings.ToLower(addressOf(outsider).Hex())
		// in both branches: a hidden role, other code, and a refusal; in the first alone: a planned commit
		act := func() []string {
			r.must(outsider, d, writing(roleSlot(addressOf(outsider)), common.Hash{31: 0b100}))
			r.must(outsider, morph, become(writer, common.Address{}, nil))
			r.refuse(outsider, d, pack.PackPause())
			return []string{
				"slot role bits of " + low + ": no role, COMMIT",
				"code of facet " + name(other) + ": " + hashOf(honest) + ", " + hashOf(writer) + " (1 of 1)", "code of holder outsider: none, none (1 of 1)",
				fmt.Sprintf(`refused AccessControlUnauthorizedAccount {"account":%q,"neededRole":%q} by outsider`, low, dispatcher.PauserRole.Hex()),
			}
		}
		same := func(what string, out sight.Sighted, want []string) {
			r.t.Helper()
			got := words(out, rule.SawSlot, rule.SawCode, rule.SawRefusal)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				r.t.Errorf("%s: %q, want %q", what, got, want)
			}
		}
		want := act()
		same("first", l.again(), want)
		r.must(operator, d, pack.PackCommitRoot(common.Hash{0xee}, 2))
		l.want("planned", l.again(), "effect committed "+common.Hash{0xee}.Hex()+" 2 by operator", "pending "+short(common.Hash{0xee}.Hex())+" epoch 2, grace 60")

		r.back(at)
		l.next = at.block.Number + 1
		if err := l.sight.Forget(r.t.Context(), at.block); err != nil {
			r.t.Fatal(err)
		}
		r.must(outsider, d, writing(common.Hash{31: 9}, common.Hash{31: 9})) // another block
		out := l.again()
		// what was told of blocks that are gone is told anew
		if got := words(out, rule.SawPending, rule.SawSlot, rule.SawRefusal); !slices.Equal(got, []string{"pending nothing epoch 0, grace 60"}) {
			r.t.Errorf("after it: %q", got)
		}
		if got := words(out, rule.SawCode); !slices.Contains(got, "code of facet "+name(other)+": "+hashOf(honest)+", none (1 of 1)") {
			r.t.Errorf("after it: %q", got)
		}
		want = act()
		same("again", l.again(), want)
		l.want("once", l.again())
	})
}

// TestAReorganisationThatChangesNothing: the new blocks hold the same, and whoever has forgotten what was told of the old ones is told again, also of what
// has not changed since.
func TestAReorganisationThatChangesNothing(t *testing.T) {
	on(t, func(r *rig) {
		d, facet := r.made.Address, r.create(writer)
		r.goLive(1, route(write, facet, writer))
		l, _ := r.look([]sight.Account{{Address: addressOf(operator), Part: sight.Signer}})
		at := r.mark(l.head())
		low := strings.ToLower(addressOf(outsider).Hex())
		for _, when := range []string{"first", "again"} {
			r.must(outsider, d, writing(roleSlot(addressOf(outsider)), common.Hash{31: 0b100}))
			r.delegate(operator, facet)
			got := words(l.again(), rule.SawSlot, rule.SawCode, rule.SawPending)
			want := []string{
				"slot role bits of " + low + ": no role, COMMIT", "code of holder outsider: none, none (1 of 1)",
				"code of signer operator: none, " + hashOf(types.AddressToDelegation(facet)) + " (1 of 1)",
			}
			if when == "again" {
				want = append(want, "pending nothing epoch 0, grace 60")
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				r.t.Errorf("%s: %q, want %q", when, got, want)
			}
			if when == "first" {
				r.back(at)
				l.next = at.block.Number + 1
				if err := l.sight.Forget(r.t.Context(), at.block); err != nil {
					r.t.Fatal(err)
				}
			}
		}
	})
}

// TestAPageTableThatNobodyCommitted: a facet puts another table in the place of the live one, and what it leads to is watched; whoever begins to look
// afterwards, without the events before, sees that it is not the active root's.
func TestAPageTableThatNobodyCommitted(t *testing.T) {
	on(t, func(r *rig) {
		d, facet := r.made.Address, r.create(writer)
		code := append(slices.Clone(writer), 1)
		other := r.create(code)
		root := r.goLive(1, route(write, facet, writer))
		staged := r.stage(2, route(write, facet, writer), route(write+1, other, code))
		l, _ := r.look(nil)
		table := func(root common.Hash) common.Address {
			return crypto.CreateAddress2(d, root, common.FromHex("0x73954d0b89449abd8f47cadd88353cca2c673d3e78c027dd3cfd82806faf76e9"))
		}
		state := r.word(member(0))
		to := table(staged)
		copy(state[12:], to[:])
		r.must(outsider, d, writing(member(0), state))
		hidden := fmt.Sprintf("slot live page table: %s, %s", strings.ToLower(table(root).Hex()), strings.ToLower(table(staged).Hex()))
		codeOf := func(facet common.Address, code []byte) string {
			return "code of facet " + name(facet) + ": " + hashOf(code) + ", " + hashOf(code) + " (1 of 1)"
		}
		l.want("another table", l.again(), hidden, codeOf(other, code))

		late, first := r.watch(dispatcher.NewWatch(d), sight.Config{})
		for _, want := range []string{hidden, codeOf(other, code), "pending " + short(staged.Hex()) + " epoch 2, grace 60", "active " + short(root.Hex()) + " epoch 1"} {
			if got := words(first, all...); !slices.Contains(got, want) {
				r.t.Errorf("%q is not among %q", want, got)
			}
		}
		late.want("at rest", late.again())

		// and one that leads nowhere
		state[12] ^= 1
		r.must(outsider, d, writing(member(0), state))
		nowhere := common.BytesToAddress(state[12:])
		l.want("no table", l.again(), fmt.Sprintf("slot live page table: %s, %s", strings.ToLower(table(staged).Hex()), strings.ToLower(nowhere.Hex())),
			fmt.Sprintf("slot live page table: page 1 of 1, %s: no code", strings.ToLower(nowhere.Hex())))
	})
}

// TestWhatCouldNotBeReadIsMadeUpFor: while no endpoint answers, logs are told, and all the rest is seen afterwards.
func TestWhatCouldNotBeReadIsMadeUpFor(t *testing.T) {
	on(t, func(r *rig) {
		d, facet := r.made.Address, r.create(writer)
		r.goLive(1, route(write, facet, writer))
		node := before(r.t, r.url)
		l, _ := r.look(nil, node.url)
		low := strings.ToLower(addressOf(outsider).Hex())

		node.set(true, nil)
		r.must(operator, d, pack.PackSetEtaGrace(90))
		out, err := l.try()
		if !errors.Is(err, rollout.ErrUnavailable) {
			r.t.Errorf("%v", err)
		}
		nobody := name(common.Address{}) // who sent it is not known
		l.want("the log", out, "effect grace 90 by "+nobody)
		r.must(outsider, d, writing(roleSlot(addressOf(outsider)), common.Hash{31: 0b100}))
		r.refuse(outsider, d, pack.PackPause())
		if out, err = l.try(); err == nil {
			r.t.Error("it says that it could look")
		}
		l.want("nothing", out)
		node.set(false, nil)
		r.must(operator, d, pack.PackSetMaxBatchSize(60))
		l.want("all of it", l.again(), "effect batch 60 by operator", "slot role bits of "+low+": no role, COMMIT", "pending nothing epoch 0, grace 90",
			"code of holder outsider: none, none (1 of 1)",
			fmt.Sprintf(`refused AccessControlUnauthorizedAccount {"account":%q,"neededRole":%q} by outsider`, low, dispatcher.PauserRole.Hex()))
		l.want("once", l.again())
	})
}

// TestAStateThatNobodyHasAnyMore: after a reorganisation to a block whose state is gone, it is not looked for for ever.
func TestAStateThatNobodyHasAnyMore(t *testing.T) {
	r := newFundedAnvil(t)
	l, _ := r.look(nil)
	gone := rollout.Block{Number: l.head().Number - 1, Hash: common.Hash{0x60}}
	if err := l.sight.Forget(t.Context(), gone); !errors.Is(err, rollout.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	r.must(deployer, r.made.Address, pack.PackGrantRole(dispatcher.PauserRole, addressOf(outsider)))
	low := strings.ToLower(addressOf(outsider).Hex())
	for tries := 0; ; tries++ {
		out, err := l.try()
		if tries == 0 { // logs are told all the same
			l.want("the log", out, "effect granted PAUSER "+low+" by deployer")
		}
		if err == nil {
			l.want("at last", out, "pending nothing epoch 0, grace 60", "active nothing epoch 0", "code of holder operator: none, none (1 of 1)", "code of holder deployer: none, none (1 of 1)", "code of holder outsider: none, none (1 of 1)")
			break
		}
		if tries > 5 {
			t.Fatal(err)
		}
		r.rpc("evm_mine")
	}
	r.must(operator, r.made.Address, pack.PackPause())
	l.want("and then as before", l.again(), "effect paused  by operator")
}

// TestManyBlocksAtOnce: blocks that were passed over are searched for transactions, the newest first and some at a time.
func TestManyBlocksAtOnce(t *testing.T) {
	on(t, func(r *rig) {
		d := r.made.Address
		l, _ := r.look(nil)
		var want []string
		low := strings.ToLower(addressOf(outsider).Hex())
		for i := range 200 {
			if i%50 == 0 {
				r.refuse(outsider, d, pack.PackCommitRoot(common.Hash{1}, 1))
				want = append(want, fmt.Sprintf(`refused AccessControlUnauthorizedAccount {"account":%q,"neededRole":%q} by outsider`, low, dispatcher.CommitRole.Hex()))
			} else {
				r.rpc("evm_mine")
			}
		}
		r.must(operator, d, pack.PackSetEtaGrace(90))
		first := l.again()
		l.want("the newest", first, append([]string{"effect grace 90 by operator", "pending nothing epoch 0, grace 90"}, want[:1]...)...)
		got := words(first, rule.SawRefusal)
		for range 5 {
			r.rpc("evm_mine")
			got = append(got, words(l.again(), rule.SawRefusal)...)
		}
		if !slices.Equal(got, want) {
			r.t.Errorf("%d refusals, want %d", len(got), len(want))
		}
	})
}

// TestOneEndpointLies: it says that a facet has other code than it has, and nobody else does; then the other one does as well.
func TestOneEndpointLies(t *testing.T) {
	on(t, func(r *rig) {
		facet := r.create(writer)
		r.goLive(1, route(write, facet, writer))
		liar, second := before(r.t, r.url), before(r.t, r.url)
		l, _ := r.look(nil, liar.url, second.url)
		is, lie := crypto.Keccak256Hash(writer), common.Hash{0xde, 0xad}
		lying := func(_, answer string) string { return strings.ReplaceAll(answer, is.Hex()[2:], lie.Hex()[2:]) }
		liar.set(false, lying)
		// whichever is asked first
		saw := func(out sight.Sighted) string { return strings.Join(words(out, rule.SawCode), "; ") }
		code := func(hash common.Hash, endpoints, asked int) string {
			return fmt.Sprintf("code of facet %s: %s, %s (%d of %d)", name(facet), short(is.Hex()), short(hash.Hex()), endpoints, asked)
		}
		second.set(true, nil) // else it may be the one that is asked
		r.rpc("evm_mine")
		if got := saw(l.again()); got != code(lie, 1, 2) {
			r.t.Errorf("%s, want %s", got, code(lie, 1, 2))
		}
		second.set(false, lying)
		r.rpc("evm_mine")
		if got := saw(l.again()); got != "" {
			r.t.Errorf("at once: %s", got)
		}
		r.later(20)
		r.rpc("evm_mine")
		if got := saw(l.again()); got != code(lie, 2, 2) {
			r.t.Errorf("%s, want %s", got, code(lie, 2, 2))
		}
		liar.set(false, nil)
		second.set(false, nil)
		r.rpc("evm_mine")
		if got := saw(l.again()); got != code(is, 1, 1) {
			r.t.Errorf("%s, want %s", got, code(is, 1, 1))
		}
	})
}

// TestOneEndpointLiesAboutStorage: it is told, once, that the other one has not read it. It is not taken for what there is: the truth is no news, and while the
// lie lasts all else is seen.
func TestOneEndpointLiesAboutStorage(t *testing.T) {
	r := newFundedAnvil(t)
	first, second := before(t, r.url), before(t, r.url)
	l, _ := r.look(nil, first.url, second.url)
	mined := func(what string, want ...string) {
		t.Helper()
		r.rpc("evm_mine")
		l.want(what, l.again(), want...)
	}
	// the grace, of which a minute is the default
	lying := func(_, answer string) string {
		return strings.ReplaceAll(answer, `"`+common.BigToHash(big.NewInt(60)).Hex()+`"`, `"`+common.BigToHash(big.NewInt(61)).Hex()+`"`)
	}
	second.set(true, nil) // so that the first one is asked
	first.set(false, lying)
	r.rpc("evm_mine")
	out := l.again()
	l.want("a lie", out, "slot grace: 60, 61")
	i := slices.IndexFunc(out.Seen, func(s rule.Seen) bool { return s.Sight == rule.SawSlot })
	if got := out.Seen[i]; got.Endpoints != 1 || got.Asked != 2 || got.Believed() {
		t.Errorf("%+v", got)
	}
	second.set(false, nil)
	mined("the same lie")
	r.later(20)
	mined("the same lie, later")
	r.must(operator, r.made.Address, pack.PackCommitRoot(common.Hash{0xee}, 1))
	l.want("an event besides", l.again(), "effect committed "+common.Hash{0xee}.Hex()+" 1 by operator", "pending "+short(common.Hash{0xee}.Hex())+" epoch 1, grace 60")
	first.set(false, nil)
	mined("the truth")
	first.set(false, lying)
	second.set(false, lying)
	mined("both say so", "slot grace: 60, 61", "pending "+short(common.Hash{0xee}.Hex())+" epoch 1, grace 61")
	first.set(false, nil)
	second.set(false, nil)
	mined("and then not", "slot grace: 61, 60", "pending "+short(common.Hash{0xee}.Hex())+" epoch 1, grace 60")
}

// await looks at new blocks until something is seen: the endpoints are asked beside the looks.
func (l *looker) await(kinds ...rule.Sight) []string {
	l.t.Helper()
	for range 200 {
		l.later(20)
		l.rpc("evm_mine")
		if got := words(l.again(), kinds...); len(got) > 0 {
			return got
		}
		time.Sleep(10 * time.Millisecond)
	}
	l.t.Fatalf("%v is not seen", kinds)
	return nil
}

// TestEndpointsThatDisagree: two nodes of the same chain id, which are not the same chain.
func TestEndpointsThatDisagree(t *testing.T) {
	r := newFundedAnvil(t)
	other := startAnvil(t, "--timestamp", "1700000000")
	for range 40 {
		if err := other.RPC.CallContext(t.Context(), nil, "evm_mine"); err != nil {
			t.Fatal(err)
		}
		r.rpc("evm_mine")
	}
	second := before(t, other.URL)
	l, _ := r.look(nil, r.url, second.url)
	if got := l.await(rule.SawDisagreement); !slices.Equal(got, []string{"disagreement failed true"}) {
		t.Errorf("%v", got)
	}
	// it comes round
	second.set(false, nil)
	moved := before(t, r.url)
	l, _ = r.look(nil, r.url, moved.url)
	moved.set(false, func(request, answer string) string {
		if strings.Contains(request, "eth_getBlockByNumber") {
			return lieAboutHash(answer)
		}
		return answer
	})
	if got := l.await(rule.SawDisagreement); !slices.Equal(got, []string{"disagreement failed true"}) {
		t.Errorf("%v", got)
	}
	moved.set(false, nil)
	var got []string
	for range 50 {
		if got = l.await(rule.SawDisagreement); slices.Equal(got, []string{"disagreement failed false"}) {
			break
		}
	}
	if !slices.Equal(got, []string{"disagreement failed false"}) {
		t.Errorf("they agree again: %v", got)
	}
}

// lieAboutHash changes the first hash of a block.
func lieAboutHash(answer string) string {
	i := strings.Index(answer, `"hash":"0x`)
	if i < 0 {
		return answer
	}
	at := i + len(`"hash":"0x`)
	digit := "0"
	if answer[at] == '0' {
		digit = "1"
	}
	return answer[:at] + digit + answer[at+1:]
}

// TestATipThatDiffersForAMoment is not a disagreement. That they agree is told once, by who begins: another process may have told that they do not.
func TestATipThatDiffersForAMoment(t *testing.T) {
	r := newFundedAnvil(t)
	for range 40 {
		r.rpc("evm_mine")
	}
	second := before(t, r.url)
	l, _ := r.look(nil, r.url, second.url)
	tip := l.head().Number + 3
	second.set(false, func(request, answer string) string {
		if strings.Contains(answer, fmt.Sprintf(`"number":"%#x"`, tip)) {
			// while it is the tip
			if l := r.tip(); l == tip {
				return lieAboutHash(answer)
			}
		}
		return answer
	})
	for range 8 {
		r.later(20)
		r.rpc("evm_mine")
		time.Sleep(30 * time.Millisecond)
		// whoever begins to look says once that they agree
		if got := words(l.again(), rule.SawDisagreement); slices.ContainsFunc(got, func(w string) bool { return strings.Contains(w, "failed true") }) {
			t.Errorf("%v", got)
		}
		time.Sleep(30 * time.Millisecond)
	}
}

func (r *rig) tip() uint64 {
	n, err := r.eth.BlockNumber(r.t.Context())
	if err != nil {
		return 0
	}
	return n
}

// TestAnEndpointThatIsDown is named, and so is one that stands still.
func TestAnEndpointThatIsDown(t *testing.T) {
	r := newFundedAnvil(t)
	still := startAnvil(t, "--timestamp", "1700000000")
	second := before(t, r.url)
	second.set(true, nil)
	l, _ := r.look(nil, r.url, second.url, still.URL)
	got := l.await(rule.SawEndpoint)
	want := []string{
		fmt.Sprintf("endpoint %s failed false", r.url), fmt.Sprintf("endpoint %s failed true", second.url), fmt.Sprintf("endpoint %s failed true", still.URL),
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestBalances are read every so many blocks.
func TestBalances(t *testing.T) {
	on(t, func(r *rig) {
		needs := func() *big.Int { return ether(3) }
		l, first := r.look([]sight.Account{{Address: addressOf(operator), Part: sight.Signer, Needs: needs}, {Address: addressOf(deployer), Part: sight.Deployer}})
		balance := func() string {
			has, err := r.eth.BalanceAt(r.t.Context(), addressOf(operator), nil)
			if err != nil {
				r.t.Fatal(err)
			}
			return fmt.Sprintf("balance of operator: %d, %d", has, ether(3))
		}
		if got := words(first, rule.SawBalance); !slices.Equal(got, []string{balance()}) {
			r.t.Errorf("at first: %v", got)
		}
		to := addressOf(outsider)
		r.must(operator, to, nil)
		for i := range sight.DefaultBalances {
			if got, due := words(l.again(), rule.SawBalance), l.next-1 >= first.Seen[0].Block.Number+sight.DefaultBalances; due != (len(got) > 0) {
				r.t.Errorf("block %d of %d: %v", i, sight.DefaultBalances, got)
			} else if due && got[0] != balance() {
				r.t.Errorf("%v, want %s", got, balance())
			}
			r.rpc("evm_mine")
		}
	})
}

// newFundedAnvil is a rig on anvil.
func newFundedAnvil(t *testing.T) *rig {
	t.Helper()
	a := startAnvil(t)
	for _, key := range []common.Address{addressOf(deployer), addressOf(operator), addressOf(outsider)} {
		if err := a.RPC.CallContext(t.Context(), nil, "anvil_setBalance", key, fmt.Sprintf("%#x", ether(10))); err != nil {
			t.Fatal(err)
		}
	}
	return newRig(t, "anvil", a.URL)
}
