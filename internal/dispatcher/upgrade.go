package dispatcher

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sync"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// Lifecycle names the events that concern upgrades.
func (kind) Lifecycle() (begins string, others []string) {
	return "Committed", []string{"RoutesApplied", "SelectorRouted", "Activated", "InitCalled", "Cancelled"}
}

// Window is how long after its eta a commitment can be activated.
func (kind) Window() uint64 { return rollout.ActivationWindow }

// Upgrade says what has become of a commitment.
func (kind) Upgrade(l *event.Life) (event.Upgrade, []common.Hash) {
	commit := &l.Events[0]
	f := fold{life: l, selectors: map[string]bool{}, u: event.Upgrade{
		ChainID: l.ChainID, Dispatcher: commit.Address, Commit: event.Place{Block: commit.Block.Number, Index: commit.Index}, Tx: commit.Tx,
		Root: commit.Topics[1], Epoch: uint64Of(commit.Topics[2][:]), Eta: uint64Of(commit.Data), Status: event.UpgradeCommitted,
		CommittedAt: commit.Block.Time, Settled: true,
	}}
	f.u.Deadline = f.u.Eta + rollout.ActivationWindow
	f.transaction(commit.Tx)
	f.stageEarlier(f.u.Root) // without an init call it is the routesRoot
	f.complete(commit.Block.Time)
	for i := range l.Events[1:] {
		f.add(&l.Events[1+i])
	}
	f.refusals()
	f.end()
	for s := range f.selectors {
		f.u.Selectors = append(f.u.Selectors, s)
	}
	slices.Sort(f.u.Selectors)
	return f.u, f.txs
}

// fold follows a commitment through what is known of it.
type fold struct {
	life      *event.Life
	u         event.Upgrade
	txs       []common.Hash
	pages     [manifest.MaxPages]bool // that are staged
	staged    int
	of        int // how many there are; 0 while that is not known
	selectors map[string]bool
	routed    []*event.Decoded // of the transaction that is looked at
	success   uint64           // the block of the last transaction that did something
	applied   uint64           // the time of the last page
}

// transaction counts a transaction once.
func (f *fold) transaction(tx common.Hash) {
	if slices.Contains(f.txs, tx) {
		return
	}
	f.txs = append(f.txs, tx)
	known, ok := f.life.Transactions[tx]
	f.u.GasUsed += known.GasUsed
	f.u.Settled = f.u.Settled && ok
}

func (f *fold) stage(p *event.Page) {
	if p.Contract != f.u.Dispatcher || p.RoutesRoot != f.u.RoutesRoot || p.Index < 0 || p.Index >= len(f.pages) || f.pages[p.Index] {
		return
	}
	f.pages[p.Index] = true
	f.staged++
	f.of = p.Of
	for _, s := range p.Selectors {
		f.selectors[s] = true
	}
}

// stageEarlier counts the pages of a routesRoot that were staged for an earlier commitment: they stay.
func (f *fold) stageEarlier(routesRoot common.Hash) {
	for i := range f.life.Earlier {
		if p := &f.life.Earlier[i]; p.RoutesRoot == routesRoot && p.Contract == f.u.Dispatcher {
			f.u.RoutesRoot = routesRoot
			f.stage(p)
		}
	}
}

// complete notes the time at which the last page was staged, once it was.
func (f *fold) complete(at uint64) {
	if f.u.AppliedAt == 0 && f.of > 0 && f.staged == f.of {
		f.u.AppliedAt, f.u.Status = at, event.UpgradeApplied
	}
}

// add follows one event. Whatever comes after an end is none of this commitment's.
func (f *fold) add(e *event.Decoded) {
	if !f.u.Status.Pending() || e.Block.Time > f.u.Deadline {
		return
	}
	if len(f.routed) > 0 && f.routed[0].Tx != e.Tx {
		f.routed = f.routed[:0]
	}
	switch {
	case e.Name == "SelectorRouted":
		f.routed = append(f.routed, e)
		return
	case e.Topics[1] != f.u.Root:
		f.routed = f.routed[:0] // what was routed was for that root
		return
	}
	switch e.Name {
	case "RoutesApplied":
		f.apply(e)
	case "Activated":
		if uint64Of(e.Topics[2][:]) != f.u.Epoch {
			return
		}
		f.u.Status, f.u.ActivatedAt = event.UpgradeActivated, e.Block.Time
		if f.u.AppliedAt == 0 { // it was, whether or not it was seen
			f.u.AppliedAt = max(f.applied, f.u.CommittedAt)
		}
		f.initCalled(e)
	case "Cancelled":
		f.u.Status, f.u.EndedAt = event.UpgradeCancelled, e.Block.Time
	default:
		return
	}
	f.success = e.Block.Number
	f.transaction(e.Tx)
}

// apply counts the pages that a transaction has staged, as its input shows. The selectors are in its events in any case.
func (f *fold) apply(e *event.Decoded) {
	for _, r := range f.routed {
		f.selectors[manifest.Selector(r.Topics[1][:4]).String()] = true
	}
	f.routed, f.applied = f.routed[:0], e.Block.Time
	pages := f.life.Transactions[e.Tx].Pages
	for i := range pages {
		if pages[i].Root == f.u.Root && pages[i].Contract == f.u.Dispatcher {
			if f.u.RoutesRoot == (common.Hash{}) {
				f.stageEarlier(pages[i].RoutesRoot)
			}
			f.u.RoutesRoot = pages[i].RoutesRoot
			f.stage(&pages[i])
		}
	}
	f.complete(e.Block.Time)
}

// initCalled looks for the event that follows an activation with an init call, and tells the routesRoot. Without one, it is the root.
func (f *fold) initCalled(activated *event.Decoded) {
	routesRoot := f.u.Root
	for i := range f.life.Events {
		if e := &f.life.Events[i]; e.Name == "InitCalled" && e.Tx == activated.Tx && e.Topics[1] == f.u.Root {
			routesRoot = e.Topics[2]
		}
	}
	if f.u.RoutesRoot == (common.Hash{}) {
		f.stageEarlier(routesRoot)
	}
	f.u.RoutesRoot = routesRoot
}

// refusals finds out whether the last transaction was refused. One that was refused in the block of one that was not counts as the earlier.
func (f *fold) refusals() {
	var last *event.Refused
	for i := range f.life.Refused {
		r := &f.life.Refused[i]
		if r.Contract != f.u.Dispatcher || !lifecycleSelectors()[r.Selector] || r.Block.Time > f.endedAt() {
			continue
		}
		f.transaction(r.Tx)
		last = r
	}
	if last != nil && last.Error != "ActivationNotReady" && last.Block.Number > f.success && f.u.Status.Pending() {
		f.u.Status = event.UpgradeFailed
	}
}

func (f *fold) ended() bool { return !f.u.Status.Pending() }

// endedAt is when it ended, or will have.
func (f *fold) endedAt() uint64 {
	if f.ended() {
		return max(f.u.ActivatedAt, f.u.EndedAt)
	}
	return f.u.Deadline
}

// end ends a commitment that another one has replaced, or that was not activated in time.
func (f *fold) end() {
	if f.ended() {
		return
	}
	switch at := f.life.Next.Time; {
	case f.life.Next.Hash != (common.Hash{}) && at <= f.u.Deadline:
		f.u.Status, f.u.EndedAt = event.UpgradeCancelled, at
	case f.life.Next.Hash != (common.Hash{}) || f.life.Now > f.u.Deadline:
		f.u.Status, f.u.EndedAt = event.UpgradeExpired, f.u.Deadline
	}
}

// lifecycleSelectors are those of the calls by which a commitment goes on, as Refused has them.
var lifecycleSelectors = sync.OnceValue(func() map[string]bool {
	out := map[string]bool{}
	for _, name := range []string{"applyRoutes", "activateCommittedRoot", "activateCommittedRootAndCall"} {
		out[manifest.Selector(artifacts()["IManifestDispatcher"].ABI.Methods[name].ID).String()] = true
	}
	return out
})

// largest is a number to which a window can be added, and the journal can still hold it.
const largest = 1 << 62

// uint64Of is the number in a word, or the largest: a facet can emit whatever it likes.
func uint64Of(word []byte) uint64 {
	if len(word) < 32 || !zero(word[:24]) {
		return largest
	}
	return min(binary.BigEndian.Uint64(word[24:32]), largest)
}

// Staged reads which pages a transaction has staged: its input is a call of applyRoutes, or holds such calls, as that of a multicall or of an account
// that is a contract does. Each is believed only if its page and its proof lead to the root for which the contract says that a page was staged.
func (kind) Staged(contract common.Address, input []byte, events []event.Decoded) (out []event.Page) {
	var roots []common.Hash
	for i := range events {
		if events[i].Name == "RoutesApplied" {
			roots = append(roots, events[i].Topics[1])
		}
	}
	if len(roots) == 0 {
		return nil
	}
	method := artifacts()["IManifestDispatcher"].ABI.Methods["applyRoutes"]
	for rest := input; ; {
		i := bytes.Index(rest, method.ID)
		if i < 0 {
			return out
		}
		rest = rest[i+4:]
		page, proof, initHash, ok := applyArguments(rest)
		if !ok {
			continue
		}
		content, err := manifest.DecodePage(page)
		if err != nil {
			continue
		}
		p := event.Page{Contract: contract, Index: content.Index, Of: content.Pages, RoutesRoot: manifest.ProcessProof(manifest.Leaf(page), proof)}
		p.Root = p.RoutesRoot
		if initHash != (common.Hash{}) {
			p.Root = crypto.Keccak256Hash(manifest.InitTypehash[:], p.RoutesRoot[:], initHash[:])
		}
		if !slices.Contains(roots, p.Root) {
			continue
		}
		for _, r := range content.Routes {
			p.Selectors = append(p.Selectors, r.Selector.String())
		}
		slices.Sort(p.Selectors)
		out = append(out, p)
	}
}

// applyArguments reads the arguments of applyRoutes(bytes,bytes32[],bytes32), after which more may follow.
func applyArguments(data []byte) (page []byte, proof []common.Hash, initHash common.Hash, ok bool) {
	tail := func(head int) (length uint64, rest []byte, ok bool) {
		if len(data) < head+32 {
			return 0, nil, false
		}
		at := uint64Of(data[head : head+32])
		if at < 96 || at > uint64(len(data))-32 {
			return 0, nil, false
		}
		return uint64Of(data[at : at+32]), data[at+32:], true
	}
	if len(data) < 96 {
		return nil, nil, initHash, false
	}
	n, rest, ok := tail(0)
	if !ok || n > uint64(len(rest)) {
		return nil, nil, initHash, false
	}
	page = rest[:n]
	n, rest, ok = tail(32)
	if !ok || n > 64 || 32*n > uint64(len(rest)) { // 255 pages take a proof of 8
		return nil, nil, initHash, false
	}
	for ; n > 0; n-- {
		proof, rest = append(proof, common.Hash(rest[:32])), rest[32:]
	}
	return page, proof, common.Hash(data[64:96]), true
}
