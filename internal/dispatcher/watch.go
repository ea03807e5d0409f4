package dispatcher

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// Watch compares what a dispatcher's storage holds with what its events say. A facet or an init call runs by delegatecall and can write any
// of it without an event, or beside one.
//
// It keeps what was read last, and folds the events since then into what should be read next. What differs is told once, and then taken
// for what there is, unless it is doubted. With all events since the deployment (Recall) it starts from the constructor; without, from the first reading, which is
// then compared with nothing but itself.
//
// Read are the state word, both roots, the grace, the roles of each account that is known, and the entry of each root that is known. A role
// that a slot gives to an account which nobody knows is seen when the account makes use of it: an event whose caller has no role by the
// events before. (The slot of an account is a hash of it, and nodes do not keep what was hashed.)
type Watch struct {
	address  common.Address
	accounts map[common.Address]bool // whose roles are read
	known    bool                    // last is what there was, not yet nothing
	all      bool                    // last is from all events: an account that it does not have has no role
	last     record                  // at the last reading
	next     record                  // last, and the events since
	callers  []caller                // who made the events since
	kept     baseline                // what the last would be without what Compare has told of it
	asked    []word                  // what Expect has asked for
}

// baseline is what the next reading is compared with.
type baseline struct {
	known, all bool
	last       record
}

// caller is who made an event, and which roles let him.
type caller struct {
	account common.Address
	bits    byte // one of these
	tx      common.Hash
}

// word is a slot that is read: of an account, of a root, or a member.
type word struct {
	slot    common.Hash
	account *common.Address
	root    *common.Hash
}

// NewWatch watches a dispatcher, and the roles of accounts besides those that its events name.
func NewWatch(address common.Address, accounts ...common.Address) *Watch {
	// a facet that calls the dispatcher is the dispatcher
	w := &Watch{address: address, accounts: map[common.Address]bool{address: true}, last: constructed()}
	for _, a := range accounts {
		w.accounts[a] = true
	}
	w.next = w.last.clone()
	return w
}

// Recall tells all events since the deployment, up to where the first reading's begin; none if there is no dispatcher yet. It is called
// before anything else.
func (w *Watch) Recall(logs []event.Log) {
	w.fold(logs, nil)
	w.last, w.known, w.all = w.next.clone(), len(logs) > 0, true
}

// Late takes events that were left out when their blocks were read, and whose outcome was read since: from now on the roles of the accounts that
// they name are read too.
func (w *Watch) Late(logs []event.Log) {
	fresh := map[common.Address]bool{}
	for i := range logs {
		e := readLog(&logs[i])
		if e.name == "" || logs[i].Address != w.address || e.account == (common.Address{}) {
			continue
		}
		if !w.accounts[e.account] {
			w.accounts[e.account], fresh[e.account] = true, true
		}
		if fresh[e.account] {
			w.last.fold(w.address, e)
			w.next.fold(w.address, e)
		}
	}
}

// Address is the dispatcher's.
func (w *Watch) Address() common.Address { return w.address }

// Effects are the privileged changes that a log tells of.
func (w *Watch) Effects(l *event.Log) []rule.Effect { return Effects(l) }

// Own tells whether a call is to a function of the dispatcher, not to a route.
func (w *Watch) Own(selector [4]byte) bool {
	_, own := reserved()[manifest.Selector(selector)]
	return own
}

// Refused says what was asked for by a call that was refused.
func (w *Watch) Refused(r event.Refused) []rule.Detail { return Asked(r) }

// Asked says what was asked for by a call that a dispatcher has refused: its function, by name if it is the dispatcher's own, and the role that its sender
// lacks.
func Asked(r event.Refused) []rule.Detail {
	var out []rule.Detail
	if selector, err := hexutil.Decode(r.Selector); err == nil && len(selector) == 4 {
		text := r.Selector
		if signature, own := reserved()[manifest.Selector(selector)]; own {
			text += " " + signature
		}
		out = append(out, rule.Detail{Name: rule.Function, Value: text})
	}
	var fields struct {
		Role common.Hash `json:"neededRole"`
	}
	if r.Error == "AccessControlUnauthorizedAccount" && json.Unmarshal(r.Fields, &fields) == nil {
		out = append(out, rule.Detail{Name: rule.NeededRole, Value: roleName(fields.Role)})
	}
	return out
}

// Expect takes the events since the last reading, oldest first, and who sent their transactions. It returns the slots to be read at the end
// of the block of the last one, or of a later block without events. Until Compare is called with them, it may be called again with more.
func (w *Watch) Expect(logs []event.Log, sent map[common.Hash]chain.Sent) []common.Hash {
	w.fold(logs, sent)
	w.asked = w.asked[:0]
	for n := range int64(roleWords) {
		w.asked = append(w.asked, word{slot: member(n)})
	}
	for _, a := range slices.SortedFunc(maps.Keys(w.accounts), common.Address.Cmp) {
		w.asked = append(w.asked, word{slot: roleSlot(a), account: &a})
	}
	roots := append(w.last.roots[:], w.next.roots[:]...)
	slices.SortFunc(roots, common.Hash.Cmp)
	for _, r := range slices.Compact(roots) {
		if r != (common.Hash{}) && r != noRoot {
			w.asked = append(w.asked, word{slot: initSlot(r), root: &r})
		}
	}
	out := make([]common.Hash, len(w.asked))
	for i, a := range w.asked {
		out[i] = a.slot
	}
	return out
}

func (w *Watch) fold(logs []event.Log, sent map[common.Hash]chain.Sent) {
	w.next, w.callers = w.last.clone(), nil
	for i := range logs {
		l := &logs[i]
		e := readLog(l)
		if e.name == "" || l.Address != w.address {
			continue
		}
		w.note(e, l.Tx, sent)
		w.next.fold(w.address, e)
	}
}

// note keeps who made an event if he may lack the role for it.
func (w *Watch) note(e logged, tx common.Hash, sent map[common.Hash]chain.Sent) {
	if e.account != (common.Address{}) {
		w.accounts[e.account] = true
	}
	bits := map[string]byte{
		"Committed": roleBit(CommitRole), "RoutesApplied": roleBit(ApplyRole), "Activated": roleBit(ApplyRole),
		"Cancelled": roleBit(EmergencyRole), "PausedSet": roleBit(EmergencyRole),
		"EtaGraceUpdated": roleBit(GovernanceRole), "MaxBatchSizeUpdated": roleBit(GovernanceRole),
		"RoleGranted": roleBit(AdminRole), "RoleRevoked": roleBit(AdminRole),
	}[e.name]
	by := e.by
	if s, ok := sent[tx]; by == (common.Address{}) && ok && s.To == w.address && len(s.Input) >= 4 && w.Own([4]byte(s.Input)) {
		by = s.From // else nobody can tell who called
	}
	switch {
	case bits == 0 || by == (common.Address{}):
		return
	case e.name == "RoleRevoked" && by == e.account: // renounced
		return
	case e.name == "PausedSet" && e.paused:
		bits |= roleBit(PauserRole)
	case e.name == "RoleGranted" && e.role == AdminRole && len(w.next.roles) == 0: // the constructor
		return
	}
	if w.next.roles[by][31]&bits != 0 {
		return
	}
	if _, read := w.last.roles[by]; read || w.all {
		w.callers = append(w.callers, caller{by, bits, tx})
	}
	w.accounts[by] = true
}

// Compare takes what was read of the slots that Expect has asked for. It returns what no event explains, as rule.SawSlot with Subject, Was
// and Is, and Tx where it is known. A first reading only tells which slots there are, and is to be followed by another one of the same block.
func (w *Watch) Compare(words []common.Hash) []rule.Seen {
	read := w.read(words)
	var out []rule.Seen
	w.kept = baseline{w.known || w.all && len(w.next.roles) > 0, w.all, w.explained(w.next, read)}
	switch {
	case w.known, w.all && read.there():
		out = w.differences(w.next, read)
	case read.there() && !w.askedFor(read.activeRoot()):
		w.last = read
		return nil
	case read.there(): // nothing is known of what was before
		want := read.clone()
		want.table, want.pages = common.Address{}, 0
		if read.epoch > 0 {
			want.table, want.pages = firstPage(w.address, read.activeRoutesRoot()), anyPages
		}
		w.kept = baseline{true, w.all, w.explained(want, read)}
		out = w.differences(want, read)
	}
	w.take(read)
	return out
}

// Doubt takes back that what Compare has told of is what there is: it is what the events say, until another reading says the same.
func (w *Watch) Doubt() {
	w.known, w.all, w.last, w.next = w.kept.known, w.kept.all, w.kept.last, w.kept.last.clone()
}

// explained is a reading with what is wanted where that is known.
func (w *Watch) explained(want, read record) record {
	out := want.clone()
	if out.pages == anyPages {
		out.pages = read.pages
	}
	for a, word := range read.roles {
		if _, known := w.last.roles[a]; !known && !w.all {
			out.roles[a] = word
		}
	}
	for root, word := range read.inits {
		if _, known := w.last.inits[root]; !known && !w.all {
			out.inits[root] = word
		}
	}
	return out
}

// Adopt takes what was read of the slots that Expect has asked for as what there is: after blocks have left the chain.
func (w *Watch) Adopt(words []common.Hash) { w.take(w.read(words)) }

// askedFor tells whether the entry of a root was read.
func (w *Watch) askedFor(root common.Hash) bool {
	return root == (common.Hash{}) || slices.ContainsFunc(w.asked, func(a word) bool { return a.root != nil && *a.root == root })
}

func (w *Watch) read(words []common.Hash) record {
	r := w.next.clone()
	for i, a := range w.asked {
		switch {
		case a.account != nil:
			r.roles[*a.account] = words[i]
		case a.root != nil:
			r.inits[*a.root] = words[i]
		}
	}
	r.packed, r.roots, r.grace = unpack(words[stateWord]), [2]common.Hash(words[rootWords:graceWord]), words[graceWord]
	return r
}

// take makes a reading the last one. Where there is no dispatcher, all of its events will be seen.
func (w *Watch) take(read record) {
	w.known, w.callers = read.there(), nil
	if !w.known {
		read, w.all = constructed(), true
	}
	w.last = read
	w.next = read.clone()
}

// differences are what is read and should be something else.
func (w *Watch) differences(want, read record) []rule.Seen {
	var out []rule.Seen
	add := func(subject, was, is string) {
		if was != is {
			out = append(out, rule.Seen{Sight: rule.SawSlot, Subject: subject, Was: was, Is: is})
		}
	}
	number := func(n uint64) string { return strconv.FormatUint(n, 10) }
	paused := map[bool]string{false: "not paused", true: "paused"}
	add("paused", paused[want.paused], paused[read.paused])
	add("unused bit of the state, which stops calls", fmt.Sprint(want.unused), fmt.Sprint(read.unused))
	add("epoch", number(want.epoch), number(read.epoch))
	add("eta", number(want.eta), number(read.eta))
	add("live page table", strings.ToLower(want.table.Hex()), strings.ToLower(read.table.Hex()))
	if want.pages != anyPages {
		add("number of live pages", strconv.Itoa(want.pages), strconv.Itoa(read.pages))
	}
	add("batch size", strconv.Itoa(want.limit), strconv.Itoa(read.limit))
	add("batch size of the pending root", strconv.Itoa(want.pendingLimit), strconv.Itoa(read.pendingLimit))
	for i := range want.roots {
		subject := "pending root"
		switch {
		case uint64(i) == read.epoch&1 && read.epoch > 0:
			subject = "active root"
		case read.eta == 0:
			subject = "root that is not in use"
		}
		add(subject, want.roots[i].Hex(), read.roots[i].Hex())
	}
	if want.grace != read.grace {
		add("grace", want.grace.Big().String(), read.grace.Big().String())
	}
	for _, c := range w.callers {
		subject := "role of " + strings.ToLower(c.account.Hex()) + " without a grant"
		if slices.ContainsFunc(out, func(s rule.Seen) bool { return s.Subject == subject }) {
			continue
		}
		add(subject, rolesHeld(want.roles[c.account])+", by the events",
			"acted as "+rolesHeld(common.Hash{31: c.bits})+", and has "+rolesHeld(read.roles[c.account]))
		out[len(out)-1].Tx = c.tx
		want.roles[c.account] = read.roles[c.account] // that says it
	}
	for _, a := range slices.SortedFunc(maps.Keys(read.roles), common.Address.Cmp) {
		if _, known := w.last.roles[a]; known || w.all {
			add("role bits of "+strings.ToLower(a.Hex()), rolesHeld(want.roles[a]), rolesHeld(read.roles[a]))
		}
	}
	for _, root := range slices.SortedFunc(maps.Keys(read.inits), common.Hash.Cmp) {
		if _, known := w.last.inits[root]; known || w.all {
			add("init call of "+root.Hex(), initDone(want.inits[root]), initDone(read.inits[root]))
		}
	}
	return out
}

func initDone(routesRoot common.Hash) string {
	if routesRoot == (common.Hash{}) {
		return "not run"
	}
	return "run, with the routes of " + routesRoot.Hex()
}

// Standing is what is pending and what is active, as rule.SawPending and rule.SawActive; nothing before the dispatcher is there.
func (w *Watch) Standing() []rule.Seen {
	if !w.known {
		return nil
	}
	pending := rule.Seen{Sight: rule.SawPending, Grace: w.last.grace.Big().Uint64()}
	if root := w.last.pendingRoot(); root != (common.Hash{}) {
		pending.Subject, pending.Epoch, pending.Eta = root.Hex(), w.last.epoch+1, w.last.eta
	}
	active := rule.Seen{Sight: rule.SawActive, Epoch: w.last.epoch}
	if w.last.epoch > 0 {
		active.Subject, active.Is = w.last.activeRoutesRoot().Hex(), w.last.activeRoot().Hex()
	}
	return []rule.Seen{pending, active}
}

// Holders are the accounts that hold a role.
func (w *Watch) Holders() []common.Address {
	var out []common.Address
	for account, held := range w.last.roles {
		if held != (common.Hash{}) {
			out = append(out, account)
		}
	}
	slices.SortFunc(out, common.Address.Cmp)
	return out
}

// Sources are the accounts whose code says which code the live facets must have: the pages of the live manifest.
func (w *Watch) Sources() []common.Address {
	if w.last.epoch == 0 && w.last.table == (common.Address{}) {
		return nil
	}
	out := []common.Address{w.last.table}
	for i := 1; i < w.last.pages; i++ {
		out = append(out, nextPage(w.address, w.last.table, i))
	}
	return out
}

// Pinned reads the code of the sources: the code hash that each live facet must have. What is wrong with them is rule.SawSlot.
func (w *Watch) Pinned(code [][]byte) (map[common.Address]common.Hash, []rule.Seen) {
	pins := map[common.Address]common.Hash{}
	var out []rule.Seen
	for i, address := range w.Sources() {
		wrong := func(is string) {
			out = append(out, rule.Seen{
				Sight: rule.SawSlot, Subject: "live page table", Was: fmt.Sprintf("page %d of %d", i+1, w.last.pages),
				Is: fmt.Sprintf("%s: %s", strings.ToLower(address.Hex()), is),
			})
		}
		page, err := manifest.DecodePage(code[i])
		switch {
		case len(code[i]) == 0:
			wrong("no code")
			continue
		case err != nil:
			wrong(err.Error())
			continue
		case page.Index != i || page.Pages != w.last.pages:
			wrong(fmt.Sprintf("page %d of %d", page.Index+1, page.Pages))
		}
		for _, r := range page.Routes {
			pins[r.Facet] = r.CodeHash
		}
	}
	return pins, out
}
