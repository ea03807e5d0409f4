package dispatcher_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/seed-b6a97670/lockstep/internal/bindings"
	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

var upgrader = dispatcher.Kind.(event.Upgrader)

func wordOf(n uint64) (w common.Hash) {
	binary.BigEndian.PutUint64(w[24:], n)
	return w
}

// teller writes the logs of a dispatcher, a block each, and what transactions say besides.
type teller struct {
	contract common.Address
	abi      abi.ABI
	block    rollout.Block
	tx       common.Hash
	index    uint32
	gas      uint64 // of a transaction; each takes more than the one before
	life     event.Life
}

func newTeller(t testing.TB) *teller {
	return &teller{
		contract: common.Address{0xd1}, abi: contractABI(t), block: rollout.Block{Number: 100, Time: 1000},
		life: event.Life{ChainID: 1, Transactions: map[common.Hash]event.Transaction{}},
	}
}

// next begins the next transaction, in a block of its own.
func (b *teller) next(seconds uint64) {
	b.block.Number++
	b.block.Time += seconds
	b.block.Hash, b.tx, b.index = wordOf(b.block.Number), wordOf(1<<40+b.block.Number), 0
	b.gas++
	b.life.Now = b.block.Time
	b.life.Transactions[b.tx] = event.Transaction{Hash: b.tx, Block: b.block.Number, GasUsed: b.gas}
}

func (b *teller) log(name string, topics []common.Hash, data ...common.Hash) {
	l := event.Log{Address: b.contract, Topics: append([]common.Hash{b.abi.Events[name].ID}, topics...), Block: b.block, Tx: b.tx, Index: b.index}
	for _, w := range data {
		l.Data = append(l.Data, w[:]...)
	}
	b.index++
	d := event.Decoded{Log: l, Kind: "dispatcher"}
	if d.Name, d.Fields = dispatcher.Kind.Decode(nil, &l); d.Name != name {
		panic(fmt.Sprintf("%s is read as %q", name, d.Name))
	}
	b.life.Events = append(b.life.Events, d)
}

func (b *teller) page(root, routesRoot common.Hash, index, of int, selectors ...string) {
	for _, s := range selectors {
		b.log("SelectorRouted", []common.Hash{common.Hash(common.RightPadBytes(hexutil.MustDecode(s), 32)), {31: 7}})
	}
	b.log("RoutesApplied", []common.Hash{root}, wordOf(uint64(len(selectors))))
	tx := b.life.Transactions[b.tx]
	tx.Pages = append(tx.Pages, event.Page{Contract: b.contract, Root: root, RoutesRoot: routesRoot, Index: index, Of: of, Selectors: selectors})
	b.life.Transactions[b.tx] = tx
}

func (b *teller) refuse(selector, name string) {
	b.life.Refused = append(b.life.Refused, event.Refused{Contract: b.contract, Block: b.block, Tx: b.tx, Selector: selector, Error: name, Source: "block"})
}

// selectorOf is that of a method.
func (b *teller) selectorOf(method string) string { return hexutil.Encode(b.abi.Methods[method].ID) }

// TestUpgradeOverLives: commitments that do whatever the contract lets them do become what is known of them when they are made.
func TestUpgradeOverLives(t *testing.T) {
	const delay = 3600
	contract := newTeller(t)
	rapid.Check(t, func(t *rapid.T) {
		b := *contract
		b.life = event.Life{ChainID: 1, Transactions: map[common.Hash]event.Transaction{}}
		root := common.Hash{0xaa}
		routesRoot := root
		if rapid.Bool().Draw(t, "init") {
			routesRoot = common.Hash{0xbb}
		}
		pages := rapid.IntRange(1, 4).Draw(t, "pages")
		selectors := make([]string, pages)
		for i := range selectors {
			selectors[i] = fmt.Sprintf("0x%08x", 0xf0000000+i)
		}
		staged := make([]bool, pages)
		for i := range staged {
			if staged[i] = rapid.IntRange(0, 3).Draw(t, "earlier") == 0; staged[i] {
				b.life.Earlier = append(b.life.Earlier, event.Page{Contract: b.contract, RoutesRoot: routesRoot, Index: i, Of: pages, Selectors: selectors[i : i+1]})
			}
		}
		b.life.Earlier = append(b.life.Earlier, event.Page{Contract: b.contract, RoutesRoot: common.Hash{1}, Of: 9, Selectors: []string{"0x01"}},
			event.Page{Contract: common.Address{2}, RoutesRoot: routesRoot, Of: 9, Selectors: []string{"0x02"}})
		b.next(10)
		b.log("Committed", []common.Hash{root, wordOf(1)}, wordOf(b.block.Time+delay))
		want := event.Upgrade{
			ChainID: 1, Dispatcher: b.contract, Commit: event.Place{Block: b.block.Number}, Tx: b.tx, Root: root, Epoch: 1, Eta: b.block.Time + delay,
			Deadline: b.block.Time + delay + rollout.ActivationWindow, Status: event.UpgradeCommitted, CommittedAt: b.block.Time, GasUsed: b.gas, Settled: true,
		}
		known := routesRoot == root // whether pages of before are known to be of this root
		see := func() {
			if !known {
				return
			}
			if slices.Contains(staged, true) {
				want.RoutesRoot = routesRoot
			}
			want.Selectors = nil
			for i := range staged {
				if staged[i] {
					want.Selectors = append(want.Selectors, selectors[i])
				}
			}
			if !slices.Contains(staged, false) && want.AppliedAt == 0 {
				want.AppliedAt, want.Status = b.block.Time, event.UpgradeApplied
			}
		}
		see()
		failed := false
		for range rapid.IntRange(0, 8).Draw(t, "steps") {
			if !want.Status.Pending() {
				break
			}
			b.next(rapid.SampledFrom([]uint64{1, 60, delay, rollout.ActivationWindow}).Draw(t, "later"))
			if b.block.Time > want.Deadline {
				want.Status, want.EndedAt = event.UpgradeExpired, want.Deadline
				break
			}
			switch step := rapid.IntRange(0, 5).Draw(t, "step"); {
			case step <= 1 && slices.Contains(staged, false):
				i := slices.Index(staged, false)
				b.page(root, routesRoot, i, pages, selectors[i])
				staged[i], known, failed = true, true, false
				want.GasUsed += b.gas
				see()
			case step == 2:
				b.refuse(b.selectorOf("activateCommittedRoot"), "ActivationNotReady")
				want.GasUsed += b.gas
				failed = false
			case step == 3:
				b.refuse(b.selectorOf("applyRoutes"), rapid.SampledFrom([]string{"PageAlreadyStaged", "CodehashMismatch", ""}).Draw(t, "error"))
				want.GasUsed += b.gas
				failed = true
			case step == 4 && !slices.Contains(staged, false) && b.block.Time >= want.Eta:
				b.log("Activated", []common.Hash{root, wordOf(1)})
				if routesRoot != root {
					b.log("InitCalled", []common.Hash{root, routesRoot, {31: 1}})
				}
				if !known {
					known = true
					see()
					want.AppliedAt = want.CommittedAt
				}
				want.RoutesRoot, want.Status, want.ActivatedAt = routesRoot, event.UpgradeActivated, b.block.Time
				want.GasUsed += b.gas
			case step == 5 && rapid.Bool().Draw(t, "cancel"):
				b.log("Cancelled", []common.Hash{root, wordOf(1), {31: 1}})
				want.Status, want.EndedAt = event.UpgradeCancelled, b.block.Time
				want.GasUsed += b.gas
			default: // what is not about it
				b.log("PausedSet", []common.Hash{{31: 1}}, wordOf(1))
				b.log("Activated", []common.Hash{{0xcc}, wordOf(1)})
				b.log("Activated", []common.Hash{root, wordOf(2)})
				b.log("Cancelled", []common.Hash{{0xcc}, wordOf(1), {31: 1}})
				b.page(common.Hash{0xcc}, common.Hash{0xcc}, 0, 1, "0x12345678")
				b.refuse(b.selectorOf("pause"), "PauseUnchanged")
				if want.AppliedAt > 0 && known { // as no contract does it
					b.page(root, routesRoot, 0, pages, selectors[0])
					want.GasUsed += b.gas
					failed = false
				}
			}
		}
		if want.Status.Pending() && failed {
			want.Status = event.UpgradeFailed
		}
		// what may follow, and changes nothing or ends it
		switch rapid.IntRange(0, 2).Draw(t, "after") {
		case 0:
			b.next(rapid.Uint64Range(1, 2*rollout.ActivationWindow).Draw(t, "later"))
			b.life.Next = b.block
			if want.Status.Pending() {
				want.Status, want.EndedAt = event.UpgradeCancelled, b.block.Time
				if b.block.Time > want.Deadline {
					want.Status, want.EndedAt = event.UpgradeExpired, want.Deadline
				}
			}
		case 1:
			if !want.Status.Pending() {
				b.next(1)
				b.log("Activated", []common.Hash{root, wordOf(1)})
				b.log("Cancelled", []common.Hash{root, wordOf(1), {31: 1}})
				b.refuse(b.selectorOf("applyRoutes"), "NothingPending")
			}
		}
		got, _ := upgrader.Upgrade(&b.life)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		// without what transactions say it is not settled, and has come as far, but for pages that its input alone shows
		bare := b.life
		bare.Transactions = nil
		without, _ := upgrader.Upgrade(&bare)
		if without.Settled || without.GasUsed != 0 || without.Status.Pending() != want.Status.Pending() || without.ActivatedAt != want.ActivatedAt {
			t.Fatalf("without its transactions: %+v, want %+v", without, want)
		}
	})
}

// TestUpgradeOfWhatAFacetLogs: a facet can log whatever it likes in the name of the dispatcher. What comes of it can be stored.
func TestUpgradeOfWhatAFacetLogs(t *testing.T) {
	b := newTeller(t)
	b.next(1)
	huge := common.Hash(bytes.Repeat([]byte{0xff}, 32))
	b.log("Committed", []common.Hash{{1}, huge}, huge)
	u, _ := upgrader.Upgrade(&b.life)
	if u.Epoch > 1<<62 || u.Deadline > 1<<63-1 || u.Deadline < u.Eta {
		t.Errorf("%+v", u)
	}
}

// TestStaged: the pages that a call stages are found wherever its bytes are in the input of a transaction, if they lead to the root.
func TestStaged(t *testing.T) {
	contract, facet := common.Address{0xd1}, common.Address{0xfa}
	page := append(append(append([]byte{0, 2, 1, 1, 1, 0}, 0xaa, 0, 0, 1, 0), facet[:]...), make([]byte, 32)...)
	sibling := common.Hash{9}
	routesRoot := manifest.ProcessProof(manifest.Leaf(page), []common.Hash{sibling})
	initHash := common.Hash{8}
	withInit := crypto.Keccak256Hash(manifest.InitTypehash[:], routesRoot[:], initHash[:])
	packer := bindings.NewManifestDispatcher()
	plain, inited := packer.PackApplyRoutes(page, [][32]byte{sibling}, [32]byte{}), packer.PackApplyRoutes(page, [][32]byte{sibling}, initHash)
	applied := func(roots ...common.Hash) (out []event.Decoded) {
		for _, r := range roots {
			out = append(out, event.Decoded{Log: event.Log{Topics: []common.Hash{{}, r}}, Name: "RoutesApplied"})
		}
		return out
	}
	want := event.Page{Contract: contract, Root: routesRoot, RoutesRoot: routesRoot, Index: 1, Of: 2, Selectors: []string{"0xaa000001"}}
	wantInit := want
	wantInit.Root = withInit
	for name, c := range map[string]struct {
		input  []byte
		events []event.Decoded
		want   []event.Page
	}{
		"a call":             {plain, applied(routesRoot), []event.Page{want}},
		"with an init call":  {inited, applied(withInit), []event.Page{wantInit}},
		"within another":     {append(append([]byte("multicall"), plain...), 1, 2, 3), applied(routesRoot), []event.Page{want}},
		"two":                {append(append([]byte{7}, plain...), inited...), applied(routesRoot, withInit), []event.Page{want, wantInit}},
		"of another root":    {plain, applied(withInit), nil},
		"without an event":   {plain, nil, nil},
		"cut":                {plain[:len(plain)-40], applied(routesRoot), nil},
		"another call":       {packer.PackActivateCommittedRoot(), applied(routesRoot), nil},
		"the selector alone": {plain[:4], applied(routesRoot), nil},
		"nothing":            {nil, applied(routesRoot), nil},
	} {
		if diff := cmp.Diff(c.want, upgrader.Staged(contract, c.input, c.events)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// FuzzStaged: no input makes it panic, or shows a page that does not lead to the root.
func FuzzStaged(f *testing.F) {
	page := append([]byte{0, 1, 0, 1, 1, 0, 0xaa, 0, 0, 1, 0}, make([]byte, 52)...)
	page[11] = 1
	f.Add(bindings.NewManifestDispatcher().PackApplyRoutes(page, [][32]byte{{1}}, [32]byte{2}))
	root := common.Hash{1}
	f.Fuzz(func(t *testing.T, input []byte) {
		if pages := upgrader.Staged(common.Address{}, input, []event.Decoded{{Log: event.Log{Topics: []common.Hash{{}, root}}, Name: "RoutesApplied"}}); len(pages) > 0 {
			t.Fatalf("%+v", pages)
		}
	})
}
