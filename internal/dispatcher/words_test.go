package dispatcher

import (
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// pack is the state word, as contracts/src/lib/State.sol describes it.
func (p packed) pack() common.Hash {
	word := new(big.Int)
	at := uint(0)
	put := func(value *big.Int, bits uint) {
		word.Or(word, new(big.Int).Lsh(value, at))
		at += bits
	}
	bit := func(b bool) *big.Int {
		if b {
			return big.NewInt(1)
		}
		return new(big.Int)
	}
	put(p.table.Big(), 160)
	put(new(big.Int).SetUint64(p.epoch), 32)
	put(new(big.Int).SetUint64(p.eta), 40)
	put(big.NewInt(int64(p.pages)), 8)
	put(big.NewInt(int64(p.limit)), 7)
	put(big.NewInt(int64(p.pendingLimit)), 7)
	put(bit(p.paused), 1)
	put(bit(p.unused), 1)
	return common.BigToHash(word)
}

func TestUnpack(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		want := packed{
			epoch: uint64(rng.Uint32()), eta: rng.Uint64() >> 24, pages: rng.IntN(256), limit: rng.IntN(128), pendingLimit: rng.IntN(128),
			paused: rng.IntN(2) == 0, unused: rng.IntN(2) == 0,
		}
		for i := range want.table {
			want.table[i] = byte(rng.Uint32())
		}
		if got := unpack(want.pack()); got != want {
			t.Fatalf("%+v is %+v", want, got)
		}
	}
}

// TestEachBitIsCompared: whichever bit of whichever word that is read is another one than the events say, that is told, once.
func TestEachBitIsCompared(t *testing.T) {
	address, holder, stranger := common.Address{0xd1}, common.Address{0x01}, common.Address{0x02}
	root, pending := common.Hash{0xaa}, common.Hash{0xbb}
	log := func(name string, data []byte, topics ...common.Hash) event.Log {
		return event.Log{Address: address, Topics: append([]common.Hash{artifacts()["IManifestDispatcher"].ABI.Events[name].ID}, topics...), Data: data}
	}
	number := func(n int64) common.Hash { return common.BigToHash(big.NewInt(n)) }
	account := func(a common.Address) common.Hash { return common.BytesToHash(a[:]) }
	history := []event.Log{
		log("RoleGranted", nil, AdminRole, account(holder), common.Hash{31: 0xfa}),
		log("RoleGranted", nil, CommitRole, account(holder), account(holder)),
		log("RoleGranted", nil, ApplyRole, account(holder), account(holder)),
		log("Committed", number(900).Bytes(), root, number(1)),
		log("Activated", nil, root, number(1)),
		log("InitCalled", nil, root, common.Hash{0xcc}, account(common.Address{0x11})),
		log("Committed", number(1000).Bytes(), pending, number(2)),
		log("EtaGraceUpdated", number(90).Bytes()),
		log("PausedSet", number(1).Bytes(), account(common.Address{0x33})),
	}
	// who paused has no role, by these; that is another matter
	history = append(history[:8:8], log("RoleGranted", nil, PauserRole, account(common.Address{0x33}), account(holder)), history[8])
	newWatch := func() *Watch {
		w := NewWatch(address, stranger)
		w.Recall(history)
		return w
	}
	w := newWatch()
	slots := w.Expect(nil, nil)
	sound := make([]common.Hash, len(slots))
	for i, slot := range slots {
		switch slot {
		case member(stateWord):
			sound[i] = packed{
				table: firstPage(address, common.Hash{0xcc}), epoch: 1, eta: 1000, pages: 3, limit: 50, pendingLimit: 50, paused: true,
			}.pack()
		case member(rootWords):
			sound[i] = pending
		case member(rootWords + 1):
			sound[i] = root
		case member(graceWord):
			sound[i] = number(90)
		case roleSlot(holder):
			sound[i] = number(0b1101)
		case roleSlot(common.Address{0x33}):
			sound[i] = number(0b10000)
		case initSlot(root):
			sound[i] = common.Hash{0xcc}
		}
	}
	if len(slots) != 4+4+2 { // the holder, the stranger, who paused and the dispatcher itself; both roots
		t.Fatalf("%d slots", len(slots))
	}
	if seen := w.Compare(sound); len(seen) > 0 {
		t.Fatalf("%+v", seen)
	}
	for i := range slots {
		for bit := range 256 {
			w := newWatch()
			w.Expect(nil, nil)
			w.Compare(sound)
			w.Expect(nil, nil)
			words := slices.Clone(sound)
			words[i][bit/8] ^= 1 << (bit % 8)
			told := w.Compare(words)
			if len(told) == 0 {
				t.Errorf("word %d, bit %d: nothing is told", i, bit)
			}
			// while it is doubted, it is told by each reading, and the truth is no news
			w.Doubt()
			if !slices.Equal(w.Expect(nil, nil), slots) {
				t.Errorf("word %d, bit %d: another slot is asked for because of what is doubted", i, bit)
			}
			if diff := cmp.Diff(told, w.Compare(words)); diff != "" {
				t.Errorf("word %d, bit %d, doubted: (-first +second)\n%s", i, bit, diff)
			}
			w.Doubt()
			w.Expect(nil, nil)
			if seen := w.Compare(sound); len(seen) > 0 {
				t.Errorf("word %d, bit %d: the truth is told of: %+v", i, bit, seen)
			}
			w.Expect(nil, nil)
			w.Compare(words)
			// of another root, another entry is asked for
			if slices.Equal(w.Expect(nil, nil), slots) {
				if seen := w.Compare(words); len(seen) > 0 {
					t.Errorf("word %d, bit %d: it is told again", i, bit)
				}
			}
		}
	}
}

// TestReadLogRefusesWhatIsNone: a log that is not encoded as the dispatcher's events are changes nothing.
func TestReadLogRefusesWhatIsNone(t *testing.T) {
	id := artifacts()["IManifestDispatcher"].ABI.Events["Committed"].ID
	granted := artifacts()["IManifestDispatcher"].ABI.Events["RoleGranted"].ID
	for name, l := range map[string]event.Log{
		"no topic":         {},
		"another event":    {Topics: []common.Hash{{1}, {}, {}}, Data: make([]byte, 32)},
		"a topic less":     {Topics: []common.Hash{id, {}}, Data: make([]byte, 32)},
		"a topic more":     {Topics: []common.Hash{id, {}, {}, {}}, Data: make([]byte, 32)},
		"no data":          {Topics: []common.Hash{id, {}, {}}},
		"a facet's role":   {Topics: []common.Hash{granted, crypto.Keccak256Hash([]byte("MINTER_ROLE")), {31: 1}, {31: 2}}},
		"an epoch too big": {Topics: []common.Hash{id, {}, {1}}, Data: make([]byte, 32)},
	} {
		if e := readLog(&l); e.name != "" {
			t.Errorf("%s: %+v", name, e)
		}
		if got := Effects(&l); got != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if e := readLog(&event.Log{Topics: []common.Hash{id, {7}, {31: 2}}, Data: common.Hash{31: 5}.Bytes()}); e != (logged{name: "Committed", root: common.Hash{7}, number: 2, eta: 5}) {
		t.Errorf("%+v", e)
	}
}

// TestExpectBeginsAnew: what was told before the last reading is not told by being told again with more.
func TestExpectBeginsAnew(t *testing.T) {
	address, holder := common.Address{0xd1}, common.Address{0x01}
	log := func(name string, data []byte, topics ...common.Hash) event.Log {
		return event.Log{Address: address, Topics: append([]common.Hash{artifacts()["IManifestDispatcher"].ABI.Events[name].ID}, topics...), Data: data}
	}
	number := func(n int64) common.Hash { return common.BigToHash(big.NewInt(n)) }
	w := NewWatch(address)
	w.Recall([]event.Log{log("RoleGranted", nil, AdminRole, common.BytesToHash(holder[:]), common.Hash{31: 0xfa})})
	logs := []event.Log{
		log("Committed", number(900).Bytes(), common.Hash{0xaa}, number(1)), log("MaxBatchSizeUpdated", number(60).Bytes()), log("EtaGraceUpdated", number(90).Bytes()),
	}
	var slots []common.Hash
	for n := 1; n <= len(logs); n++ {
		slots = w.Expect(logs[:n], nil)
	}
	words := make([]common.Hash, len(slots))
	for i, slot := range slots {
		switch slot {
		case member(stateWord):
			words[i] = packed{eta: 900, limit: 60, pendingLimit: 50}.pack()
		case member(rootWords):
			words[i] = noRoot
		case member(rootWords + 1):
			words[i] = common.Hash{0xaa}
		case member(graceWord):
			words[i] = number(90)
		case roleSlot(holder):
			words[i] = number(1)
		}
	}
	if seen := w.Compare(words); len(seen) > 0 {
		t.Errorf("%+v", seen)
	}
}

// TestDoubtKeepsWhatEventsSay: what is in the same reading, and events tell of, is there; and so is what no event tells of, and nothing contradicts.
func TestDoubtKeepsWhatEventsSay(t *testing.T) {
	address, holder, listed := common.Address{0xd1}, common.Address{0x01}, common.Address{0x02}
	log := func(name string, data []byte, topics ...common.Hash) event.Log {
		return event.Log{Address: address, Topics: append([]common.Hash{artifacts()["IManifestDispatcher"].ABI.Events[name].ID}, topics...), Data: data}
	}
	number := func(n int64) common.Hash { return common.BigToHash(big.NewInt(n)) }
	for _, recalled := range []bool{true, false} {
		w := NewWatch(address, listed)
		if recalled {
			w.Recall([]event.Log{log("RoleGranted", nil, AdminRole, common.BytesToHash(holder[:]), common.Hash{31: 0xfa})})
		}
		state := packed{limit: 50}
		grace := number(60)
		read := func(logs ...event.Log) []rule.Seen {
			slots := w.Expect(logs, nil)
			words := make([]common.Hash, len(slots))
			for i, slot := range slots {
				switch slot {
				case member(stateWord):
					words[i] = state.pack()
				case member(rootWords), member(rootWords + 1):
					words[i] = noRoot
					if state.eta != 0 && slot == member(rootWords+1) {
						words[i] = common.Hash{0xaa}
					}
				case member(graceWord):
					words[i] = grace
				case roleSlot(holder):
					words[i] = number(1)
				}
			}
			return w.Compare(words)
		}
		for range 2 {
			if seen := read(); len(seen) > 0 {
				t.Fatalf("%+v", seen)
			}
		}
		state.eta, state.pendingLimit, grace = 900, 50, number(61)
		if seen := read(log("Committed", number(900).Bytes(), common.Hash{0xaa}, number(1))); len(seen) != 1 || seen[0].Subject != "grace" {
			t.Errorf("recalled %t: %+v", recalled, seen)
		}
		w.Doubt()
		if s := w.Standing(); len(s) != 2 || s[0].Subject != (common.Hash{0xaa}).Hex() || s[0].Grace != 60 {
			t.Errorf("recalled %t: %+v", recalled, s)
		}
		grace = number(60)
		if seen := read(); len(seen) > 0 {
			t.Errorf("recalled %t, the truth: %+v", recalled, seen)
		}
	}
}
