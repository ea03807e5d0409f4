package dispatcher_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/bindings"
	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/create2"
	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

var pack = bindings.NewManifestDispatcher()

// writer is a facet that writes the slot which its first argument names: PUSH1 36 CALLDATALOAD PUSH1 4 CALLDATALOAD SSTORE STOP.
var writer = common.FromHex("0x602435600435550000")

// play is a dispatcher that is called, and a watch that reads it after each call.
type play struct {
	*world
	nonce uint64
	next  uint64 // the first block that was not read
	watch *dispatcher.Watch
	logs  []event.Log // all
}

// newPlay deploys a dispatcher while it is watched.
func newPlay(t *testing.T) *play {
	t.Helper()
	p := &play{world: newWorld(t), next: 1}
	p.watch = dispatcher.NewWatch(p.made.Address, deployer)
	if seen := p.read(); len(seen) > 0 {
		t.Fatalf("before it is there: %+v", seen)
	}
	p.deploy()
	p.nonce = 2
	if seen := p.read(); len(seen) > 0 {
		t.Fatalf("once it is there: %+v", seen)
	}
	return p
}

// call sends a transaction; it may revert.
func (p *play) call(to *common.Address, data []byte) *types.Receipt {
	p.t.Helper()
	tx, err := types.SignNewTx(key, types.LatestSignerForChainID(big.NewInt(chainID)), &types.DynamicFeeTx{
		ChainID: big.NewInt(chainID), Nonce: p.nonce, Gas: 2_000_000, GasFeeCap: big.NewInt(10 * params.GWei), GasTipCap: big.NewInt(1), To: to, Data: data,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.nonce++
	if err := p.eth.SendTransaction(p.t.Context(), tx); err != nil {
		p.t.Fatal(err)
	}
	for {
		receipt, err := p.eth.TransactionReceipt(p.t.Context(), tx.Hash())
		head, headErr := p.eth.BlockNumber(p.t.Context())
		if err == nil && headErr == nil && head >= receipt.BlockNumber.Uint64() { // receipts are there a moment before the head is
			return receipt
		}
		time.Sleep(time.Millisecond)
	}
}

// must is call for what must not revert.
func (p *play) must(to *common.Address, data []byte) {
	p.t.Helper()
	if receipt := p.call(to, data); receipt.Status != 1 {
		p.t.Fatalf("%x reverted", data[:4])
	}
}

// create puts code where a transaction creates it.
func (p *play) create(code []byte) common.Address {
	p.t.Helper()
	address := crypto.CreateAddress(deployer, p.nonce)
	p.must(nil, append([]byte{0x60, byte(len(code)), 0x60, 11, 0x5f, 0x39, 0x60, byte(len(code)), 0x5f, 0xf3, 0}, code...))
	return address
}

// later moves the clock.
func (p *play) later(seconds int) {
	p.t.Helper()
	if err := p.eth.Client().CallContext(p.t.Context(), nil, "evm_increaseTime", seconds); err != nil {
		p.t.Fatal(err)
	}
}

// events are the logs of blocks that were not read yet.
func (p *play) events() (logs []event.Log, sent map[common.Hash]chain.Sent, head rollout.Block) {
	p.t.Helper()
	head, err := p.chain.Head(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	if p.next > head.Number {
		return nil, nil, head
	}
	found, err := p.eth.FilterLogs(p.t.Context(), ethereum.FilterQuery{
		FromBlock: new(big.Int).SetUint64(p.next), ToBlock: new(big.Int).SetUint64(head.Number), Addresses: []common.Address{p.made.Address},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	wanted := chain.Wanted{To: map[common.Address]bool{p.made.Address: true}, Hashes: map[common.Hash]bool{}}
	for _, l := range found {
		logs = append(logs, event.Log{
			Address: l.Address, Topics: l.Topics, Data: l.Data, Tx: l.TxHash, Index: uint32(l.Index), Block: rollout.Block{Number: l.BlockNumber, Hash: l.BlockHash},
		})
		wanted.Hashes[l.TxHash] = true
	}
	sent = map[common.Hash]chain.Sent{}
	txs, err := p.chain.BlockTransactions(p.t.Context(), p.next, head, wanted)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, tx := range txs {
		sent[tx.Hash] = tx
	}
	p.next = head.Number + 1
	p.logs = append(p.logs, logs...)
	return logs, sent, head
}

// read has the watch read what is new, and returns what no event explains.
func (p *play) read() []rule.Seen {
	p.t.Helper()
	logs, sent, head := p.events()
	return p.compare(p.watch, logs, sent, head)
}

func (p *play) compare(w *dispatcher.Watch, logs []event.Log, sent map[common.Hash]chain.Sent, head rollout.Block) []rule.Seen {
	p.t.Helper()
	q := chain.Question{Block: head}
	for _, slot := range w.Expect(logs, sent) {
		q.Slots = append(q.Slots, chain.Slot{Account: p.made.Address, Slot: slot})
	}
	answer, err := p.chain.Ask(p.t.Context(), q)
	if err != nil {
		p.t.Fatal(err)
	}
	return w.Compare(answer.Words)
}

// pages stages a manifest with routes to facets, and returns its routesRoot.
func (p *play) pages(size int, routes ...manifest.PageRoute) ([]manifest.Page, common.Hash) {
	p.t.Helper()
	pages, root, err := manifest.Paginate(routes, size)
	if err != nil {
		p.t.Fatal(err)
	}
	return pages, root
}

func (p *play) apply(page manifest.Page, initHash common.Hash) []byte {
	proof := make([][32]byte, len(page.Proof))
	for i, h := range page.Proof {
		proof[i] = h
	}
	return pack.PackApplyRoutes(page.Bytes, proof, initHash)
}

// goLive makes a facet answer selectors, as the deployer, who must hold the roles.
func (p *play) goLive(epoch uint64, size int, routes ...manifest.PageRoute) common.Hash {
	p.t.Helper()
	pages, root := p.pages(size, routes...)
	p.must(&p.made.Address, pack.PackCommitRoot(root, epoch))
	for _, page := range pages {
		p.must(&p.made.Address, p.apply(page, common.Hash{}))
	}
	p.later(3601)
	p.must(&p.made.Address, pack.PackActivateCommittedRoot())
	return root
}

// allRoles gives the deployer every role.
func (p *play) allRoles() {
	p.t.Helper()
	for _, r := range dispatcher.RoleNames[1:] {
		p.must(&p.made.Address, pack.PackGrantRole(r.Role, deployer))
	}
}

// TestWordsAreTheState: whatever is done to a dispatcher by those who may, its words decode to what it says of itself, and its events explain all of
// them; to a watch that has seen it from the beginning, and to one that begins anywhere, with or without the events before.
func TestWordsAreTheState(t *testing.T) {
	p := newPlay(t)
	d := &p.made.Address
	rng := rand.New(rand.NewPCG(7, uint64(time.Now().UnixNano())))
	facets := []common.Address{p.create(writer), p.create(append(slices.Clone(writer), 1))}
	codes := [][]byte{writer, append(slices.Clone(writer), 1)}
	accounts := []common.Address{deployer, operator, {0x01}, {0x02}}
	p.allRoles()
	var pending []manifest.Page
	var pendingRoutes, initHash common.Hash
	var roots []common.Hash
	done := map[string]int{}
	epoch := uint64(1)
	init, initData := facets[0], slices.Concat([]byte{0, 0, 0, 0}, common.LeftPadBytes([]byte{0x99}, 32), common.LeftPadBytes([]byte{1}, 32))
	random := func() common.Address { return accounts[rng.IntN(len(accounts))] }
	kinds := []string{"grant", "revoke", "renounce", "grace", "batch", "commit", "commit", "apply", "activate", "activate", "cancel", "pause", "unpause", "none"}
	missing := func() []string {
		return slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(kinds))), func(kind string) bool { return kind == "none" || done[kind] > 0 })
	}
	for round := 0; round < 140 || round < 1400 && len(missing()) > 0; round++ {
		if round%len(kinds) == 0 {
			rng.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
		}
		kind := kinds[round%len(kinds)]
		role := dispatcher.RoleNames[rng.IntN(len(dispatcher.RoleNames))].Role
		var data []byte
		switch kind {
		case "grant":
			data = pack.PackGrantRole(role, random())
		case "revoke":
			who := random()
			if who == deployer {
				continue // the play goes on
			}
			data = pack.PackRevokeRole(role, who)
		case "renounce":
			p.must(d, pack.PackGrantRole(dispatcher.PauserRole, deployer))
			data = pack.PackRenounceRole(dispatcher.PauserRole, deployer)
		case "grace":
			data = pack.PackSetEtaGrace(uint32(20 + rng.IntN(290)))
		case "batch":
			data = pack.PackSetMaxBatchSize(uint32(8 + rng.IntN(100)))
		case "commit":
			var routes []manifest.PageRoute
			for i := range 1 + rng.IntN(24) {
				f := rng.IntN(2)
				selector := manifest.SelectorOf(fmt.Sprintf("f%d(uint%d)", i, 8+rng.IntN(31)))
				routes = append(routes, manifest.PageRoute{Selector: selector, Facet: facets[f], CodeHash: crypto.Keccak256Hash(codes[f])})
			}
			pages, routesRoot, err := manifest.Paginate(routes, 8)
			if err != nil {
				continue // once in some thousand times
			}
			pending, pendingRoutes = pages, routesRoot
			root := pendingRoutes
			if initHash = (common.Hash{}); rng.IntN(2) == 0 {
				initHash = manifest.InitHash(init, crypto.Keccak256Hash(writer), initData)
				root = manifest.RootWithInit(pendingRoutes, initHash)
			}
			roots = append(roots, root)
			data = pack.PackCommitRoot(root, epoch)
		case "apply":
			if len(pending) == 0 {
				continue
			}
			data = p.apply(pending[0], initHash)
			pending = pending[1:]
		case "activate":
			for ; len(pending) > 0; pending = pending[1:] {
				p.call(d, p.apply(pending[0], initHash)) // refused if they were cancelled
			}
			p.later(3601)
			data = pack.PackActivateCommittedRoot()
			if initHash != (common.Hash{}) {
				data = pack.PackActivateCommittedRootAndCall(pendingRoutes, init, initData)
			}
		case "cancel":
			data = pack.PackCancelCommit()
		case "pause":
			data = pack.PackPause()
		case "unpause":
			data = pack.PackUnpause()
		case "none":
			p.later(1)
		}
		if len(data) > 0 && p.call(d, data).Status == 1 {
			done[kind]++
			if kind == "activate" {
				epoch++
			}
		}
		logs, sent, head := p.events()
		late := dispatcher.NewWatch(p.made.Address, accounts...)
		recalled := dispatcher.NewWatch(p.made.Address)
		recalled.Recall(p.logs)
		for name, seen := range map[string][]rule.Seen{
			"from the beginning": p.compare(p.watch, logs, sent, head), "from now on": append(p.compare(late, nil, nil, head), p.compare(late, nil, nil, head)...), "with all events": p.compare(recalled, nil, nil, head),
		} {
			if len(seen) > 0 {
				t.Fatalf("%s, after %s: %+v", name, kind, seen)
			}
		}
		want, err := dispatcher.ReadState(t.Context(), p.chain, head.Hash, p.made.Address)
		if err != nil {
			t.Fatal(err)
		}
		want.Delay, want.Extension = 0, common.Address{} // of the code
		for name, w := range map[string]*dispatcher.Watch{"from the beginning": p.watch, "from now on": late, "with all events": recalled} {
			if diff := cmp.Diff(want, w.ReadState()); diff != "" {
				t.Fatalf("%s, after %s (-want +got):\n%s", name, kind, diff)
			}
			for _, account := range accounts {
				for _, r := range dispatcher.RoleNames {
					held, err := dispatcher.HasRole(t.Context(), p.chain, head.Hash, p.made.Address, r.Role, account)
					if err != nil || held != w.ReadRole(r.Role, account) {
						t.Fatalf("%s, after %s: %s of %s is %t, %v", name, kind, r.Name, account, held, err)
					}
				}
			}
		}
	}
	if never := missing(); len(never) > 0 {
		t.Errorf("%v never happened: %v", never, done)
	}
	for i := range 255 {
		if i%17 > 1 {
			continue
		}
		root := roots[i%len(roots)]
		out, err := p.eth.CallContract(t.Context(), ethereum.CallMsg{To: d, Data: pack.PackPageAddress(root, big.NewInt(int64(i)))}, nil)
		if got := dispatcher.PageAddress(p.made.Address, root, i); err != nil || got != common.BytesToAddress(out) {
			t.Errorf("page %d of %s is at %s, %v; want %s", i, root, got, err, common.BytesToAddress(out))
		}
	}
}

// TestHiddenChanges: what a facet writes where the dispatcher keeps its own is told once, whether an event tells of something else in the same block or
// not; and nothing is told of what it keeps for itself.
func TestHiddenChanges(t *testing.T) {
	p := newPlay(t)
	d := &p.made.Address
	facet := p.create(writer)
	p.allRoles()
	write := manifest.Selector{0xaa, 0xbb, 0xcc, 0xdd}
	route := manifest.PageRoute{Selector: write, Facet: facet, CodeHash: crypto.Keccak256Hash(writer)}
	root := p.goLive(1, 50, route)
	p.must(d, pack.PackCommitRoot(common.Hash{0xee}, 2))
	if seen := p.read(); len(seen) > 0 {
		t.Fatalf("%+v", seen)
	}
	stranger, other := common.Address{0x57}, "0x5700000000000000000000000000000000000000"
	p.watch = dispatcher.NewWatch(*d, deployer, stranger)
	p.watch.Recall(p.logs)
	if seen := p.read(); len(seen) > 0 {
		t.Fatalf("%+v", seen)
	}
	word := func(slot common.Hash) common.Hash {
		out, err := p.eth.StorageAt(t.Context(), *d, slot, nil)
		if err != nil {
			t.Fatal(err)
		}
		return common.BytesToHash(out)
	}
	set := func(slot, value common.Hash) []byte { return slices.Concat(write[:], slot[:], value[:]) }
	flip := func(bit int) []byte { // of the state word
		value := word(dispatcher.Member(0)).Big()
		value.SetBit(value, bit, 1-value.Bit(bit))
		return set(dispatcher.Member(0), common.BigToHash(value))
	}
	eta := func() uint64 { return p.watch.ReadState().Eta }
	for _, c := range []struct {
		name  string
		data  func() []byte
		event []byte // of a call that has an event, in the same reading
		want  func() []string
	}{
		{"its own", func() []byte { return set(common.Hash{31: 9}, common.Hash{31: 1}) }, nil, func() []string { return nil }},
		{"its own, and an event", func() []byte { return set(common.Hash{31: 9}, common.Hash{31: 2}) }, pack.PackSetEtaGrace(90), func() []string { return nil }},
		{"a role", func() []byte { return set(dispatcher.RoleSlot(stranger), common.Hash{31: 0b100010}) }, nil, func() []string {
			return []string{"role bits of " + other + ": no role, GOVERNANCE, EMERGENCY"}
		}},
		{"a role taken", func() []byte { return set(dispatcher.RoleSlot(stranger), common.Hash{31: 0b100000}) }, pack.PackGrantRole(dispatcher.CommitRole, operator), func() []string {
			return []string{"role bits of " + other + ": GOVERNANCE, EMERGENCY, EMERGENCY"}
		}},
		{"a role beside a grant to the same", func() []byte { return set(dispatcher.RoleSlot(stranger), common.Hash{31: 0b101001}) }, pack.PackGrantRole(dispatcher.ApplyRole, stranger), func() []string {
			return []string{"role bits of " + other + ": APPLY, EMERGENCY, ADMIN, APPLY, EMERGENCY"}
		}},
		{"bits that are no role", func() []byte { return set(dispatcher.RoleSlot(stranger), common.Hash{0: 0x80, 31: 0b101001}) }, nil, func() []string {
			return []string{"role bits of " + other + ": ADMIN, APPLY, EMERGENCY, ADMIN, APPLY, EMERGENCY, bit 255"}
		}},
		{"eta", func() []byte { return flip(192) }, nil, func() []string { return []string{fmt.Sprintf("eta: %d, %d", eta(), eta()^1)} }},
		{"eta beside another event", func() []byte { return flip(193) }, pack.PackSetMaxBatchSize(60), func() []string {
			return []string{fmt.Sprintf("eta: %d, %d", eta(), eta()^2)}
		}},
		{"batch size", func() []byte { return flip(240) }, nil, func() []string { return []string{"batch size: 60, 61"} }},
		{"batch size of the pending root", func() []byte { return flip(247) }, nil, func() []string { return []string{"batch size of the pending root: 50, 51"} }},
		{"grace", func() []byte { return set(dispatcher.Member(3), common.Hash{31: 30}) }, nil, func() []string { return []string{"grace: 90, 30"} }},
		{"grace beside the same event", func() []byte { return set(dispatcher.Member(3), common.Hash{31: 31}) }, pack.PackSetEtaGrace(100), func() []string { return []string{"grace: 100, 31"} }},
		{"pending root", func() []byte { return set(dispatcher.Member(1), common.Hash{0xfe}) }, nil, func() []string {
			return []string{"pending root: " + common.Hash{0xee}.Hex() + ", " + common.Hash{0xfe}.Hex()}
		}},
		{"active root", func() []byte { return set(dispatcher.Member(2), common.Hash{0xfd}) }, nil, func() []string {
			return []string{"active root: " + root.Hex() + ", " + common.Hash{0xfd}.Hex()}
		}},
		{"active root, back again", func() []byte { return set(dispatcher.Member(2), root) }, nil, func() []string {
			return []string{"active root: " + common.Hash{0xfd}.Hex() + ", " + root.Hex()}
		}},
		{"that an init was run", func() []byte { return set(dispatcher.InitSlot(root), common.Hash{0x12}) }, nil, func() []string {
			return []string{"init call of " + root.Hex() + ": not run, run, with the routes of " + common.Hash{0x12}.Hex()}
		}},
		{"epoch", func() []byte { return flip(163) }, nil, func() []string { return []string{"epoch: 1, 9"} }},
		{"paused", func() []byte { return flip(254) }, pack.PackSetMaxBatchSize(70), func() []string { return []string{"paused: not paused, paused"} }},
	} {
		want := c.want()
		if c.event != nil {
			p.must(d, c.event)
		}
		p.must(d, c.data())
		var got []string
		for _, s := range p.read() {
			if s.Sight != rule.SawSlot {
				t.Errorf("%s: %+v", c.name, s)
			}
			got = append(got, fmt.Sprintf("%s: %s, %s", s.Subject, s.Was, s.Is))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if again := p.read(); len(again) > 0 {
			t.Errorf("%s is told again: %+v", c.name, again)
		}
	}
}

// TestARoleOfAnUnknownAccount: a role that a slot gives to an account which nobody knows shows when it is used.
func TestARoleOfAnUnknownAccount(t *testing.T) {
	p := newPlay(t)
	d := &p.made.Address
	facet := p.create(writer)
	p.allRoles()
	write := manifest.Selector{0xaa, 0xbb, 0xcc, 0xdd}
	p.goLive(1, 50, manifest.PageRoute{Selector: write, Facet: facet, CodeHash: crypto.Keccak256Hash(writer)})
	if seen := p.read(); len(seen) > 0 {
		t.Fatalf("%+v", seen)
	}
	// the deployer's own words are those that are known, so he gives up all and lets a slot give some back
	for _, r := range dispatcher.RoleNames[1:] {
		p.must(d, pack.PackRevokeRole(r.Role, deployer))
	}
	late := dispatcher.NewWatch(*d)
	if seen := p.read(); len(seen) > 0 {
		t.Fatalf("%+v", seen)
	}
	_, _, head := p.events()
	for range 2 {
		if seen := p.compare(late, nil, nil, head); len(seen) > 0 {
			t.Fatalf("%+v", seen)
		}
	}
	before := slices.Clone(p.logs)
	p.must(d, slices.Concat(write[:], dispatcher.RoleSlot(deployer).Bytes(), common.Hash{31: 0b000111}.Bytes()))
	p.must(d, pack.PackCommitRoot(common.Hash{0xc0}, 2))
	p.must(d, pack.PackCommitRoot(common.Hash{0xc1}, 2)) // twice is told once
	logs, sent, head := p.events()
	who := "0x" + common.Bytes2Hex(deployer[:])
	recalled := dispatcher.NewWatch(*d)
	recalled.Recall(before)
	for name, w := range map[string]*dispatcher.Watch{"from the beginning": p.watch, "with all events": recalled} {
		var got []string
		for _, s := range p.compare(w, logs, sent, head) {
			got = append(got, fmt.Sprintf("%s: %s, %s", s.Subject, s.Was, s.Is))
			if s.Tx != logs[0].Tx {
				t.Errorf("%s: by transaction %s, want %s", name, s.Tx, logs[0].Tx)
			}
		}
		want := []string{"role of " + who + " without a grant: ADMIN, by the events, acted as COMMIT, and has ADMIN, GOVERNANCE, COMMIT"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	// who has not seen the beginning cannot know
	if seen := p.compare(late, logs, sent, head); len(seen) > 0 {
		t.Errorf("of who knows nothing: %+v", seen)
	}
}

// TestExpectedIsWhatEventsSay carries a plan's calls out and compares.
func TestExpectedIsWhatEventsSay(t *testing.T) {
	p := newPlay(t)
	d := &p.made.Address
	facet := p.create(writer)
	pages, root := p.pages(50, manifest.PageRoute{Selector: manifest.Selector{1, 2, 3, 4}, Facet: facet, CodeHash: crypto.Keccak256Hash(writer)})
	var i plan.Intent
	n := plan.Network{Name: "test", ChainID: chainID, Root: root, Epoch: 1}
	i.Dispatcher = *d
	add := func(to common.Address, data []byte) {
		i.AddCall(&n, plan.Call{Step: fmt.Sprint(len(i.Calls)), To: to, Data: data})
	}
	add(arachnid.Address, create2.CallData(arachnid.Name, p.made.Salt, p.made.ExtensionInitCode))
	add(arachnid.Address, create2.CallData(arachnid.Name, p.made.Salt, p.made.InitCode))
	deployed := len(i.Calls)
	for _, r := range dispatcher.RoleNames[1:] {
		add(*d, pack.PackGrantRole(r.Role, deployer))
	}
	add(*d, pack.PackGrantRole(dispatcher.PauserRole, operator))
	add(*d, pack.PackSetEtaGrace(90))
	add(*d, pack.PackSetMaxBatchSize(40))
	add(*d, pack.PackCommitRoot(root, 1))
	add(*d, p.apply(pages[0], common.Hash{}))
	wait := len(i.Calls)
	add(*d, pack.PackActivateCommittedRoot())
	add(*d, pack.PackPause())
	add(*d, pack.PackUnpause())
	add(*d, pack.PackRevokeRole(dispatcher.PauserRole, operator))
	add(*d, pack.PackRenounceRole(dispatcher.AdminRole, deployer))
	for at, c := range i.Calls[deployed:] {
		if at+deployed == wait {
			p.later(3601)
		}
		p.must(&c.To, c.Data)
	}
	i.Networks = []plan.Network{{Name: "other", ChainID: 5}, n}
	p.events()
	var got []rule.Effect
	for at := range p.logs {
		got = append(got, dispatcher.Effects(&p.logs[at])...)
	}
	pl := &plan.Plan{Intent: i}
	if diff := cmp.Diff(got, dispatcher.Expected(pl, chainID)); diff != "" {
		t.Errorf("(-events +plan):\n%s", diff)
	}
	for _, want := range []rule.Effect{
		{What: "granted", Value: "ADMIN 0x" + common.Bytes2Hex(deployer[:])},
		{What: "granted", Value: "PAUSER 0x00000000000000000000000000000000000009e7"},
		{What: "grace", Value: "90"},
		{What: "batch", Value: "40"},
		{What: "committed", Value: root.Hex() + " 1"},
		{What: "activated", Value: root.Hex() + " 1"},
		{What: "paused"},
		{What: "unpaused"},
		{What: "revoked", Value: "ADMIN 0x" + common.Bytes2Hex(deployer[:])},
	} {
		if !slices.Contains(got, want) {
			t.Errorf("there is no %+v among %+v", want, got)
		}
	}
	if got := dispatcher.Expected(pl, 5); len(got) > 0 {
		t.Errorf("where nothing is called: %+v", got)
	}
	if got := dispatcher.Expected(pl, 6); len(got) > 0 {
		t.Errorf("elsewhere: %+v", got)
	}

	// what is cancelled is the root that was pending
	p = newPlay(t)
	d = &p.made.Address
	p.allRoles()
	p.must(d, pack.PackCommitRoot(common.Hash{0xc0}, 1))
	p.events()
	p.logs = nil
	p.must(d, pack.PackCancelCommit())
	p.events()
	cancel := &plan.Plan{Intent: plan.Intent{Dispatcher: *d}, Preconditions: []plan.Preconditions{{Network: "test", Facts: []plan.Fact{{What: "pending root", Value: common.Hash{0xc0}.Hex()}}}}}
	n = plan.Network{Name: "test", ChainID: chainID}
	cancel.Intent.AddCall(&n, plan.Call{To: *d, Data: pack.PackCancelCommit()})
	cancel.Intent.Networks = []plan.Network{n}
	want := []rule.Effect{{What: "cancelled", Value: common.Hash{0xc0}.Hex()}}
	if diff := cmp.Diff(want, dispatcher.Expected(cancel, chainID)); diff != "" {
		t.Errorf("(-want +plan):\n%s", diff)
	}
	if diff := cmp.Diff(want, dispatcher.Effects(&p.logs[0])); diff != "" {
		t.Errorf("(-want +event):\n%s", diff)
	}
}
