package store

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// logger is a kind of contract. Its logs begin upgrades, or end them, as their first topic says.
type logger struct{}

var (
	begins = common.Hash{1}
	ends   = common.Hash{2}
)

func (logger) Name() string { return "logger" }

func (logger) Decode(dst []byte, l *event.Log) (string, []byte) {
	if len(l.Topics) == 0 {
		return "", dst
	}
	name := map[common.Hash]string{begins: "Begun", ends: "Ended"}[l.Topics[0]]
	if name == "" {
		return "", dst
	}
	return name, fmt.Appendf(dst, `{"data":"%x"}`, l.Data)
}

func (logger) Refusal(dst, _ []byte) (string, []byte) { return "", dst }

func (logger) Lifecycle() (string, []string) { return "Begun", []string{"Ended"} }

func (logger) Upgrade(l *event.Life) (event.Upgrade, []common.Hash) {
	first := &l.Events[0]
	u := event.Upgrade{
		ChainID: l.ChainID, Dispatcher: first.Address, Commit: event.Place{Block: first.Block.Number, Index: first.Index}, Tx: first.Tx, Root: first.Topics[0],
		Eta: first.Block.Time, CommittedAt: first.Block.Time, Status: event.UpgradeCommitted, Settled: true,
	}
	var txs []common.Hash
	add := func(tx common.Hash) {
		known, ok := l.Transactions[tx]
		txs, u.GasUsed, u.Settled = append(txs, tx), u.GasUsed+known.GasUsed, u.Settled && ok
	}
	add(first.Tx)
	for _, e := range l.Events[1:] {
		u.Status, u.EndedAt = event.UpgradeCancelled, e.Block.Time
		add(e.Tx)
	}
	for _, r := range l.Refused {
		u.Status = event.UpgradeFailed
		add(r.Tx)
	}
	for _, p := range l.Earlier {
		u.Selectors = append(u.Selectors, p.Selectors...)
	}
	if l.Next.Hash != (common.Hash{}) || l.Now > u.Eta+(logger{}).Window() {
		u.Status = event.UpgradeExpired
	}
	return u, txs
}

func (logger) Staged(common.Address, []byte, []event.Decoded) []event.Page { return nil }

func (logger) Window() uint64 { return 1000 }

var watched = event.Contract{Kind: logger{}, Address: common.Address{0xc0}, From: 10}

// block is one of a branch. Its time follows from its number.
func block(n uint64, branch byte) event.Header {
	h := event.Header{Block: rollout.Block{Number: n, Time: 1000 + 10*n}}
	h.Hash = common.BytesToHash([]byte{branch, byte(n >> 8), byte(n)})
	h.Parent = common.BytesToHash([]byte{branch, byte((n - 1) >> 8), byte(n - 1)})
	return h
}

// logAt is a log of a block. The topics say what it is.
func logAt(h event.Header, index uint32, data []byte, topics ...common.Hash) event.Decoded {
	d := event.Decoded{Kind: "logger", Log: event.Log{
		Address: watched.Address, Topics: append([]common.Hash{}, topics...), Data: append([]byte{}, data...), Block: h.Block, Index: index, TxIndex: index / 2,
		Tx: common.BytesToHash([]byte{h.Hash[29], h.Hash[30], h.Hash[31], byte(index / 2)}),
	}}
	d.Name, d.Fields = logger{}.Decode(nil, &d.Log)
	if d.Name == "" {
		d.Fields = nil
	}
	return d
}

func batchOf(from, to uint64, branch byte, logs ...event.Decoded) event.Batch {
	b := event.Batch{ChainID: 10, Contracts: []event.Contract{watched}, From: from, To: to, Logs: logs, Follows: true}
	for n := from; n <= to; n++ {
		b.Blocks = append(b.Blocks, block(n, branch))
	}
	return b
}

func watch(t testing.TB, s *Store) event.Position {
	t.Helper()
	p, err := s.Watch(t.Context(), 10, []event.Contract{watched})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func saveBatch(t testing.TB, s *Store, b event.Batch) {
	t.Helper()
	if err := s.SaveBatch(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

func allEvents(t testing.TB, s *Store) []event.Decoded {
	t.Helper()
	out, err := s.Events(t.Context(), event.Filter{ChainID: 10, Oldest: true})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// eventStory leaves a row in every table of events.
func eventStory(t testing.TB, s *Store) {
	t.Helper()
	watch(t, s)
	first := logAt(block(11, 1), 0, []byte{0, 0xff}, begins, common.Hash{7})
	saveBatch(t, s, batchOf(10, 12, 1, first, logAt(block(11, 1), 1, nil), logAt(block(12, 1), 0, nil, common.Hash{9})))
	err := s.SaveRefused(t.Context(), 10, []event.Refused{
		{Contract: watched.Address, Block: block(12, 1).Block, Tx: common.Hash{5}, From: common.Address{6}, Selector: "0x01020304", Data: []byte{1}, Source: "block"},
		{Contract: watched.Address, Block: block(12, 1).Block, From: common.Address{6}, Selector: "0x01020304", Error: "No", Fields: []byte(`{}`), Source: "simulation"},
	})
	if err == nil {
		_, err = s.Settle(t.Context(), 10, watched, event.Place{Block: 11}, []event.Call{{Block: block(11, 1).Block}},
			[]event.Transaction{{Hash: first.Tx, Block: 11, GasUsed: 21000, Pages: []event.Page{{Contract: watched.Address, Of: 1, Selectors: []string{"0xaabbccdd"}}}}})
	}
	if err == nil {
		err = s.SaveFinal(t.Context(), 10, block(11, 1).Block, 0, 10)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestEvents: what is written is read, to the byte, by whatever it is asked for.
func TestEvents(t *testing.T) { onEach(t, testEvents) }

func testEvents(t *testing.T, on *database) {
	alone(t)
	s := on.fresh(t)
	if p := watch(t, s); p.Contracts[0] != (event.Covered{Address: watched.Address, From: 10, Next: 10}) {
		t.Fatalf("%+v", p)
	}
	r := rand.New(rand.NewPCG(1, 2))
	var want []event.Decoded
	for n := uint64(10); n < 20; n++ {
		for i := range uint32(r.IntN(100)) {
			data := make([]byte, r.IntN(200))
			for j := range data {
				data[j] = byte(r.Uint32())
			}
			topics := []common.Hash{begins, {0xff}, {}, {3}}[:r.IntN(5)]
			if len(topics) > 0 && r.IntN(4) > 0 {
				topics = append([]common.Hash{{byte(r.IntN(5))}}, topics[1:]...)
			}
			want = append(want, logAt(block(n, 1), 2*i, data, topics...))
		}
	}
	b := batchOf(10, 19, 1, want...)
	b.Follows = false
	saveBatch(t, s, b)
	if diff := cmp.Diff(want, allEvents(t, s)); diff != "" {
		t.Fatalf("(-want +got):\n%.2000s", diff)
	}
	newest := slices.Clone(want)
	slices.Reverse(newest)
	ask := func(what string, f event.Filter, in []event.Decoded, is func(*event.Decoded) bool, limit int) {
		t.Helper()
		f.ChainID = 10
		got, err := s.Events(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		in = slices.DeleteFunc(slices.Clone(in), func(d event.Decoded) bool { return !is(&d) })
		if limit > 0 && len(in) > limit {
			in = in[:limit]
		}
		if diff := cmp.Diff(in, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%.2000s", what, diff)
		}
	}
	all := func(*event.Decoded) bool { return true }
	ask("newest", event.Filter{Limit: 7}, newest, all, 7)
	ask("oldest", event.Filter{Limit: 7, Oldest: true}, want, all, 7)
	ask("by name", event.Filter{Names: []string{"Begun"}, Limit: 5}, newest, func(d *event.Decoded) bool { return d.Name == "Begun" }, 5)
	ask("by names", event.Filter{Names: []string{"Begun", "Ended"}}, newest, func(d *event.Decoded) bool { return d.Name != "" }, 0)
	ask("by transaction", event.Filter{Tx: want[3].Tx}, newest, func(d *event.Decoded) bool { return d.Tx == want[3].Tx }, 0)
	ask("by blocks", event.Filter{From: 12, To: 14}, newest, func(d *event.Decoded) bool { return d.Block.Number >= 12 && d.Block.Number <= 14 }, 0)
	ask("of nobody", event.Filter{Contract: common.Address{1}}, newest, func(*event.Decoded) bool { return false }, 0)
	at := want[len(want)/2]
	after := func(d *event.Decoded) bool {
		return d.Block.Number > at.Block.Number || d.Block.Number == at.Block.Number && d.Index > at.Index
	}
	ask("after a place", event.Filter{After: event.Place{Block: at.Block.Number, Index: at.Index}, Oldest: true}, want, after, 0)
	ask("before a place", event.Filter{After: event.Place{Block: at.Block.Number, Index: at.Index}}, newest,
		func(d *event.Decoded) bool { return !after(d) && (d.Block != at.Block || d.Index != at.Index) }, 0)
	if p := watch(t, s); p.Contracts[0].Next != 20 {
		t.Errorf("%+v", p)
	}
	kept, err := s.BlocksDown(t.Context(), 10, 15, 3)
	if diff := cmp.Diff([]event.Header{block(15, 1), block(14, 1), block(13, 1)}, kept); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// TestBatchesFollow: what does not follow what is there is refused, and what is there already changes nothing.
func TestBatchesFollow(t *testing.T) { onEach(t, testBatchesFollow) }

func testBatchesFollow(t *testing.T, on *database) {
	s := on.fresh(t)
	watch(t, s)
	first := batchOf(10, 12, 1, logAt(block(11, 1), 0, nil, begins))
	saveBatch(t, s, first)
	rows := allEvents(t, s)
	saveBatch(t, s, first) // once more
	refuse := func(what string, b event.Batch) {
		t.Helper()
		if err := s.SaveBatch(t.Context(), b); !errors.Is(err, rollout.ErrStale) {
			t.Errorf("%s: %v", what, err)
		}
	}
	refuse("a gap", batchOf(14, 14, 1))
	refuse("an overlap", batchOf(12, 13, 1))
	refuse("the same of another branch", batchOf(10, 12, 2))
	refuse("another branch", batchOf(13, 13, 2, logAt(block(13, 2), 0, nil, begins)))
	both := batchOf(13, 13, 1)
	both.Contracts = append(both.Contracts, event.Contract{Kind: logger{}, Address: common.Address{1}})
	refuse("a contract that is not watched", both)
	if diff := cmp.Diff(rows, allEvents(t, s)); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
	saveBatch(t, s, batchOf(13, 13, 1))

	lease := take(t, s, "one", "index/10")[0]
	take(t, s, "one", "index/10") // again, so that the fencing number is another
	if err := s.Under(lease).SaveBatch(t.Context(), batchOf(14, 14, 1)); !errors.Is(err, rollout.ErrFenced) {
		t.Errorf("under a lease that is lost: %v", err)
	}
}

// TestRollBack: what was indexed after a block is gone, and all else as if it had never been there; other networks and contracts that are not named are
// as they were.
func TestRollBack(t *testing.T) { onEach(t, testRollBack) }

func testRollBack(t *testing.T, on *database) {
	s, never := on.fresh(t), on.fresh(t)
	for _, s := range []*Store{s, never} {
		watch(t, s)
		saveBatch(t, s, batchOf(10, 12, 1, logAt(block(11, 1), 0, []byte{1}, begins), logAt(block(12, 1), 0, nil)))
		other := batchOf(10, 12, 7, logAt(block(12, 7), 0, nil, begins))
		other.ChainID = 11
		if _, err := s.Watch(t.Context(), 11, []event.Contract{watched}); err != nil {
			t.Fatal(err)
		}
		saveBatch(t, s, other)
	}
	saveBatch(t, s, batchOf(13, 14, 1, logAt(block(13, 1), 0, nil, ends), logAt(block(14, 1), 0, nil, begins)))
	gone := logAt(block(14, 1), 0, nil, begins)
	if _, err := s.Settle(t.Context(), 10, watched, event.Place{Block: 14}, []event.Call{{Block: gone.Block}}, []event.Transaction{{Hash: gone.Tx, Block: 14}}); err != nil {
		t.Fatal(err)
	}
	err := s.SaveRefused(t.Context(), 10, []event.Refused{{Contract: watched.Address, Block: block(13, 1).Block, Tx: common.Hash{5}, Selector: "0x01020304", Source: "block"}})
	if err == nil {
		err = s.SaveFinal(t.Context(), 10, block(13, 1).Block, 0, 0)
	}
	for range 2 { // it may be done twice
		if err == nil {
			err = s.RollBack(t.Context(), 10, []event.Contract{watched}, 15, block(12, 1).Block)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tablesOf(t) {
		if slices.Contains([]string{"events", "event_blocks", "indexed", "final_blocks", "refused", "event_transactions", "upgrades"}, table.name) {
			want, got := rowsOf(t, never, table.name, table.columns, table.key), rowsOf(t, s, table.name, table.columns, table.key)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-never +rolled back):\n%s", table.name, diff)
			}
		}
	}
	other := event.Contract{Kind: logger{}, Address: common.Address{0xc1}, From: 10}
	if _, err := s.Watch(t.Context(), 10, []event.Contract{other}); err != nil {
		t.Fatal(err)
	}
	beside := batchOf(10, 12, 1)
	beside.Contracts = []event.Contract{other}
	saveBatch(t, s, beside)
	if err := s.RollBack(t.Context(), 10, []event.Contract{watched}, 13, block(11, 1).Block); err != nil {
		t.Fatal(err)
	}
	if covered, err := s.Covered(t.Context(), 10); err != nil || covered[0].Next != 12 || covered[1].Next != 12 {
		t.Errorf("a contract that is not watched counts as indexed: %+v, %v", covered, err)
	}
	if err := s.RollBack(t.Context(), 10, []event.Contract{watched}, 15, block(10, 1).Block); !errors.Is(err, rollout.ErrStale) {
		t.Errorf("from where it no longer is: %v", err)
	}
	saveBatch(t, s, batchOf(12, 13, 1))
}

// TestMissed: logs that were left out are written once, if their block is the one that is indexed.
func TestMissed(t *testing.T) { onEach(t, testMissed) }

func testMissed(t *testing.T, on *database) {
	s := on.fresh(t)
	watch(t, s)
	there, missed := logAt(block(11, 1), 4, nil, begins), logAt(block(11, 1), 2, []byte{2}, ends)
	saveBatch(t, s, batchOf(10, 12, 1, there))
	for range 2 {
		if err := s.SaveMissed(t.Context(), 10, []event.Contract{watched}, []event.Decoded{missed, there}); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]event.Decoded{missed, there}, allEvents(t, s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := s.SaveMissed(t.Context(), 10, []event.Contract{watched}, []event.Decoded{logAt(block(12, 2), 2, nil)}); !errors.Is(err, rollout.ErrStale) {
		t.Errorf("of another block: %v", err)
	}
}

// TestUpgradesFollowFromRows: at each moment they are what follows from the events, the refusals and the transactions that are there.
func TestUpgradesFollowFromRows(t *testing.T) { onEach(t, testUpgradesFollowFromRows) }

func testUpgradesFollowFromRows(t *testing.T, on *database) {
	s := on.fresh(t)
	watch(t, s)
	expect := func(what string, want ...string) {
		t.Helper()
		all, err := s.Upgrades(t.Context(), event.UpgradeFilter{ChainID: 10})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, u := range all {
			got = append(got, fmt.Sprintf("%d/%d %s gas %d ended %d settled %v %v", u.Commit.Block, u.Commit.Index, u.Status, u.GasUsed, u.EndedAt, u.Settled, u.Selectors))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	b := batchOf(10, 12, 1, logAt(block(10, 1), 0, nil, ends), logAt(block(11, 1), 3, nil, begins), logAt(block(11, 1), 4, nil), logAt(block(12, 1), 0, nil, begins))
	b.Follows = false
	saveBatch(t, s, b)
	expect("while others are read", "12/0 COMMITTED gas 0 ended 0 settled false []", "11/3 COMMITTED gas 0 ended 0 settled false []")
	saveBatch(t, s, batchOf(13, 13, 1))
	expect("once blocks are followed", "12/0 COMMITTED gas 0 ended 0 settled false []", "11/3 EXPIRED gas 0 ended 0 settled false []")

	settle := func(want event.Place, missing int, gas uint64) {
		t.Helper()
		u, err := s.Unsettled(t.Context(), 10, []event.Contract{watched}, event.Place{})
		if err != nil || u == nil || u.Commit != want || len(u.Missing) != missing {
			t.Fatalf("%+v, %v", u, err)
		}
		var calls []event.Call
		var txs []event.Transaction
		for _, tx := range u.Missing {
			at := u.Life.Events[slices.IndexFunc(u.Life.Events, func(e event.Decoded) bool { return e.Tx == tx })].Block
			calls = append(calls, event.Call{Block: at})
			txs = append(txs, event.Transaction{Hash: tx, Block: at.Number, GasUsed: gas, Pages: []event.Page{{Contract: watched.Address, Selectors: []string{fmt.Sprint(gas)}}}})
		}
		if _, err := s.Settle(t.Context(), 10, u.Contract, u.Commit, calls, txs); err != nil {
			t.Fatal(err)
		}
	}
	settle(event.Place{Block: 11, Index: 3}, 1, 100)
	settle(event.Place{Block: 12}, 1, 200)
	expect("settled, the oldest first", "12/0 COMMITTED gas 200 ended 0 settled true [100]", "11/3 EXPIRED gas 100 ended 0 settled true []")
	if u, err := s.Unsettled(t.Context(), 10, []event.Contract{watched}, event.Place{}); u != nil || err != nil {
		t.Errorf("%+v, %v", u, err)
	}

	saveBatch(t, s, batchOf(14, 14, 1, logAt(block(14, 1), 0, nil, ends)))
	expect("ended", "12/0 CANCELLED gas 200 ended 1140 settled false [100]", "11/3 EXPIRED gas 100 ended 0 settled true []")
	settle(event.Place{Block: 12}, 1, 300)
	expect("ended and settled", "12/0 CANCELLED gas 500 ended 1140 settled true [100]", "11/3 EXPIRED gas 100 ended 0 settled true []")
	if err := s.RollBack(t.Context(), 10, []event.Contract{watched}, 15, block(13, 1).Block); err != nil {
		t.Fatal(err)
	}
	expect("taken back", "12/0 COMMITTED gas 200 ended 0 settled true [100]", "11/3 EXPIRED gas 100 ended 0 settled true []")

	refused := event.Refused{Contract: watched.Address, Block: block(13, 1).Block, Tx: common.Hash{5}, From: common.Address{6}, Selector: "0x01020304", Source: "block"}
	elsewhere := refused
	elsewhere.Block, elsewhere.Tx = block(13, 2).Block, common.Hash{6}
	for range 2 {
		if err := s.SaveRefused(t.Context(), 10, []event.Refused{refused, elsewhere}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Refused(t.Context(), event.RefusedFilter{ChainID: 10, Contract: watched.Address, Source: "block"})
	if diff := cmp.Diff([]event.Refused{refused}, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	expect("to be looked at again", "12/0 COMMITTED gas 200 ended 0 settled false [100]", "11/3 EXPIRED gas 100 ended 0 settled true []")
	saveBatch(t, s, batchOf(14, 14, 1))
	expect("refused", "12/0 FAILED gas 200 ended 0 settled false [100]", "11/3 EXPIRED gas 100 ended 0 settled true []")

	saveBatch(t, s, batchOf(15, 130, 1))
	expect("its time has run out", "12/0 EXPIRED gas 200 ended 0 settled false [100]", "11/3 EXPIRED gas 100 ended 0 settled true []")
	stale := []event.Call{{Block: block(12, 2).Block}}
	if _, err := s.Settle(t.Context(), 10, watched, event.Place{Block: 12}, stale, []event.Transaction{{Block: 12}}); !errors.Is(err, rollout.ErrStale) {
		t.Errorf("a transaction of another block: %v", err)
	}
	if _, err := s.Settle(t.Context(), 10, watched, event.Place{Block: 99}, nil, nil); !errors.Is(err, rollout.ErrStale) {
		t.Errorf("an upgrade that is not there: %v", err)
	}
}

// TestWatchEarlier: a contract that is to begin earlier is indexed anew; one that is to begin later keeps what it has.
func TestWatchEarlier(t *testing.T) { onEach(t, testWatchEarlier) }

func testWatchEarlier(t *testing.T, on *database) {
	s := on.fresh(t)
	watch(t, s)
	saveBatch(t, s, batchOf(10, 12, 1, logAt(block(11, 1), 0, nil, begins)))
	for _, c := range []struct {
		from uint64
		want event.Covered
		rows int
	}{
		{11, event.Covered{Address: watched.Address, From: 10, Next: 13}, 1},
		{5, event.Covered{Address: watched.Address, From: 5, Next: 5}, 0},
	} {
		again := watched
		again.From = c.from
		p, err := s.Watch(t.Context(), 10, []event.Contract{again})
		if err != nil || p.Contracts[0] != c.want || len(allEvents(t, s)) != c.rows {
			t.Errorf("from %d: %+v, %v, %d rows", c.from, p, err, len(allEvents(t, s)))
		}
		if covered, err := s.Covered(t.Context(), 10); err != nil || len(covered) != 1 || covered[0] != c.want {
			t.Errorf("from %d: %+v, %v", c.from, covered, err)
		}
	}
}

// TestHeadersAreLetGo: those without events, of the blocks that are named.
func TestHeadersAreLetGo(t *testing.T) { onEach(t, testHeadersAreLetGo) }

func testHeadersAreLetGo(t *testing.T, on *database) {
	s := on.fresh(t)
	watch(t, s)
	saveBatch(t, s, batchOf(10, 19, 1, logAt(block(12, 1), 0, nil), logAt(block(14, 1), 0, nil)))
	if err := s.SaveFinal(t.Context(), 10, block(16, 1).Block, 11, 15); err != nil {
		t.Fatal(err)
	}
	kept, err := s.BlocksDown(t.Context(), 10, 100, 100)
	if err != nil {
		t.Fatal(err)
	}
	var numbers []string
	for _, h := range kept {
		numbers = append(numbers, fmt.Sprint(h.Number))
	}
	if got := strings.Join(numbers, " "); got != "19 18 17 16 15 14 12 10" {
		t.Error(got)
	}
	if p := watch(t, s); p.Final != block(16, 1).Block {
		t.Errorf("%+v", p.Final)
	}
}

// TestBatchInDoubt: a connection that breaks while a batch, or what takes it back, is committed leaves it done once.
func TestBatchInDoubt(t *testing.T) {
	d := newDatabase(t)
	for _, c := range []cut{before, after} {
		p, where := through(t, d.place(t))
		s := open(t, where)
		watch(t, s)
		logs := []event.Decoded{logAt(block(11, 1), 0, bytes.Repeat([]byte{7}, 10_000), begins)}
		p.set(c)
		for range 4 {
			saveBatch(t, s, batchOf(10, 12, 1, logs...))
			if diff := cmp.Diff(logs, allEvents(t, s)); diff != "" {
				t.Fatalf("(-want +got):\n%.1000s", diff)
			}
			if err := s.RollBack(t.Context(), 10, []event.Contract{watched}, 13, block(9, 1).Block); err != nil {
				t.Fatal(err)
			}
			if rows := allEvents(t, s); len(rows) > 0 {
				t.Fatalf("%d rows", len(rows))
			}
		}
		if p.made() == 0 {
			t.Error("no connection was cut")
		}
		p.set(passes)
	}
}
