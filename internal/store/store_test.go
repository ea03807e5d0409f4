package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

const chainID = 8453

var (
	signer     = common.Address{0xaa}
	dispatcher = common.Address{0xdd}
)

func open(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), path, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func fresh(t testing.TB) *Store {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "lockstep.db"))
}

func transaction(nonce uint64) rollout.Transaction {
	return rollout.Transaction{
		ChainID: chainID, Signer: signer, Nonce: nonce, Step: fmt.Sprintf("step %d", nonce),
		Hash: common.Hash{0: 1, 31: byte(nonce)}, Raw: []byte{0x02, byte(nonce), 0x00, 0xff},
	}
}

func read(t testing.TB, s *Store) rollout.Mark {
	t.Helper()
	m, err := s.Read(t.Context(), chainID, signer)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func add(t testing.TB, s *Store, tx rollout.Transaction) rollout.Transaction {
	t.Helper()
	m, err := s.Read(t.Context(), tx.ChainID, tx.Signer)
	if err != nil {
		t.Fatal(err)
	}
	tx, err = addOne(t.Context(), s, tx, m)
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

func addOne(ctx context.Context, s *Store, tx rollout.Transaction, after rollout.Mark) (rollout.Transaction, error) {
	added, err := s.Add(ctx, []rollout.Transaction{tx}, after)
	if err != nil {
		return rollout.Transaction{}, err
	}
	return added[0], nil
}

func finish(t testing.TB, s *Store, tx rollout.Transaction, status rollout.Status, block uint64) rollout.Transaction {
	t.Helper()
	tx.Status, tx.BlockNumber, tx.BlockHash, tx.GasUsed = status, block, common.Hash{2, 31: byte(block)}, 21000+block
	if err := s.Finish(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	return tx
}

func transactions(t testing.TB, s *Store) []rollout.Transaction {
	t.Helper()
	all, err := s.Transactions(t.Context(), chainID)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A signed transaction must survive a power cut, so each commit is written through.
func TestPragmas(t *testing.T) {
	s := fresh(t)
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "busy_timeout": "10000", "foreign_keys": "1",
	} {
		var got string
		if err := s.db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, %v; want %q", pragma, got, err, want)
		}
	}
}

// Signed transactions are not for other users of the machine: whoever reads them may send them early.
func TestFilesAreThisUsersAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	s := open(t, filepath.Join(dir, "lockstep.db"))
	add(t, s, transaction(0))
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("%v, %v; want the journal and its log", files, err)
	}
	for _, file := range append(files, dir) {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			t.Errorf("%s has mode %o", file, mode)
		}
	}
}

func TestPathsWithOddCharacters(t *testing.T) {
	for _, name := range []string{"a b.db", "a?mode=memory.db", "a#b.db", "a%41.db", "a&b=c.db", "ä.db", "file:x.db", "a+b.db"} {
		path := filepath.Join(t.TempDir(), name)
		s := open(t, path)
		add(t, s, transaction(0))
		info, err := os.Stat(path)
		if err != nil || info.Size() == 0 {
			t.Errorf("%s: %v, %v; the journal is elsewhere", name, info, err)
		}
	}
	t.Chdir(t.TempDir())
	open(t, "lockstep.db")
	open(t, "a:b.db")
	for _, name := range []string{"lockstep.db", "a:b.db"} {
		if info, err := os.Stat(name); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	rubbish := filepath.Join(dir, "rubbish.db")
	if err := os.WriteFile(rubbish, []byte(strings.Repeat("this is not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"a folder": dir, "not a database": rubbish, "below a file": filepath.Join(rubbish, "x.db")} {
		if s, err := Open(t.Context(), path, ""); err == nil || !strings.Contains(err.Error(), "open journal") || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v, %v; want an error with the path", name, s, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s, err := Open(ctx, filepath.Join(dir, "late.db"), ""); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v, %v", s, err)
	}
}

func TestMigrationIsIdempotent(t *testing.T) { onEach(t, testMigrationIsIdempotent) }

func testMigrationIsIdempotent(t *testing.T, on *database) {
	path := on.place(t)
	first := open(t, path)
	want := on.schema(t, first)
	if err := first.migrate(t.Context()); err != nil {
		t.Errorf("migrate again: %v", err)
	}
	if diff := cmp.Diff(want, on.schema(t, open(t, path))); diff != "" || len(want) < 5 {
		t.Errorf("%d tables and indices (-first +second):\n%s", len(want), diff)
	}
}

// Taking the migrations back and doing them again must give the same journal: a broken Down is found when it hurts most.
func TestMigrationsGoBothWays(t *testing.T) { onEach(t, testMigrationsGoBothWays) }

func testMigrationsGoBothWays(t *testing.T, on *database) {
	s := on.fresh(t)
	want := on.schema(t, s)
	down(t, s, 0)
	if left := on.schema(t, s); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if err := s.migrate(t.Context()); err != nil {
		t.Fatalf("up: %v", err)
	}
	if diff := cmp.Diff(want, on.schema(t, s)); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
	add(t, s, transaction(0))
}

func TestReadOfAnEmptyJournal(t *testing.T) { onEach(t, testReadOfAnEmptyJournal) }

func testReadOfAnEmptyJournal(t *testing.T, on *database) {
	if diff := cmp.Diff(rollout.Mark{}, read(t, on.fresh(t))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAddAndRead(t *testing.T) { onEach(t, testAddAndRead) }

func testAddAndRead(t *testing.T, on *database) {
	s := on.fresh(t)
	one, two, three := add(t, s, transaction(7)), add(t, s, transaction(8)), add(t, s, transaction(9))
	// another signer and another network have journals of their own
	other, elsewhere := transaction(30), transaction(40)
	other.Signer, elsewhere.ChainID = common.Address{0xbb}, 1
	add(t, s, other)
	add(t, s, elsewhere)

	want := transaction(7)
	want.ID, want.Status = one.ID, rollout.Released
	if diff := cmp.Diff(want, one); diff != "" || one.ID == 0 {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(rollout.Mark{LastID: three.ID, NextNonce: 10, Known: true, Open: []rollout.Transaction{one, two, three}}, read(t, s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	two = finish(t, s, two, rollout.Reverted, 99)
	three = finish(t, s, three, rollout.Confirmed, 98)
	if diff := cmp.Diff(rollout.Mark{LastID: three.ID, NextNonce: 10, Known: true, Open: []rollout.Transaction{one}, MinBlock: 99}, read(t, s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	all := transactions(t, s)
	if len(all) != 4 {
		t.Fatalf("%d transactions on the network, want 4", len(all))
	}
	if diff := cmp.Diff([]rollout.Transaction{one, two, three}, all[:3]); diff != "" || all[3].Signer != other.Signer {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Open transactions come by nonce, whatever the order in which they were journalled.
func TestOpenTransactionsComeByNonce(t *testing.T) { onEach(t, testOpenTransactionsComeByNonce) }

func testOpenTransactionsComeByNonce(t *testing.T, on *database) {
	s := on.fresh(t)
	for _, nonce := range []uint64{5, 3, 4} {
		add(t, s, transaction(nonce))
	}
	m := read(t, s)
	if m.NextNonce != 6 || len(m.Open) != 3 || m.Open[0].Nonce != 3 || m.Open[1].Nonce != 4 || m.Open[2].Nonce != 5 {
		t.Errorf("%+v", m)
	}
}

// Two that read the same mark must not both add: the second decided on what is no longer so.
func TestAddAfterAnotherAddIsStale(t *testing.T) { onEach(t, testAddAfterAnotherAddIsStale) }

func testAddAfterAnotherAddIsStale(t *testing.T, on *database) {
	s := on.fresh(t)
	for range 3 {
		m := read(t, s)
		if _, err := addOne(t.Context(), s, transaction(m.NextNonce), m); err != nil {
			t.Fatal(err)
		}
		if got, err := addOne(t.Context(), s, transaction(m.NextNonce+50), m); !errors.Is(err, rollout.ErrStale) || got.ID != 0 {
			t.Errorf("after an Add with the same mark: %+v, %v; want ErrStale", got, err)
		}
	}
	if n := len(transactions(t, s)); n != 3 {
		t.Errorf("%d transactions, want 3", n)
	}
	// what another signer does is no reason
	m := read(t, s)
	other := transaction(30)
	other.Signer = common.Address{0xbb}
	add(t, s, other)
	if _, err := addOne(t.Context(), s, transaction(m.NextNonce), m); err != nil {
		t.Errorf("after an Add of another signer: %v", err)
	}
	// nor is an outcome
	m = read(t, s)
	finish(t, s, m.Open[0], rollout.Confirmed, 5)
	if _, err := addOne(t.Context(), s, transaction(m.NextNonce), m); err != nil {
		t.Errorf("after an outcome: %v", err)
	}
}

func TestNonceIsReservedOnce(t *testing.T) { onEach(t, testNonceIsReservedOnce) }

func testNonceIsReservedOnce(t *testing.T, on *database) {
	s := on.fresh(t)
	tx := finish(t, s, add(t, s, transaction(3)), rollout.Confirmed, 1)
	twin := transaction(3)
	twin.Hash = common.Hash{9}
	if got, err := addOne(t.Context(), s, twin, read(t, s)); err == nil {
		t.Errorf("nonce 3 is journalled twice: %+v", got)
	} else if errors.Is(err, rollout.ErrStale) || !strings.Contains(err.Error(), "journal step 3") {
		t.Errorf("nonce 3 twice: %v", err)
	}
	same := transaction(4)
	same.Hash = tx.Hash
	if got, err := addOne(t.Context(), s, same, read(t, s)); err == nil {
		t.Errorf("hash %s is journalled twice: %+v", tx.Hash, got)
	}
	if n := len(transactions(t, s)); n != 1 {
		t.Errorf("%d transactions, want 1", n)
	}
	for name, other := range map[string]func(*rollout.Transaction){
		"signer": func(t *rollout.Transaction) { t.Signer = common.Address{0xbb} }, "network": func(t *rollout.Transaction) { t.ChainID = 1 },
	} {
		free := transaction(3)
		free.Hash = common.Hash{8, byte(len(name))}
		other(&free)
		if got := add(t, s, free); got.ID == 0 {
			t.Errorf("nonce 3 of another %s is refused", name)
		}
	}
}

// Two processes see the same receipt; a late one must not change what was recorded, whatever it saw.
func TestFinishIsIdempotent(t *testing.T) { onEach(t, testFinishIsIdempotent) }

func testFinishIsIdempotent(t *testing.T, on *database) {
	s := on.fresh(t)
	want := finish(t, s, add(t, s, transaction(0)), rollout.Confirmed, 10)
	finish(t, s, want, rollout.Confirmed, 10)
	finish(t, s, want, rollout.Reverted, 11)
	if diff := cmp.Diff([]rollout.Transaction{want}, transactions(t, s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if m := read(t, s); m.MinBlock != 10 || len(m.Open) != 0 {
		t.Errorf("%+v", m)
	}
	if got, err := s.TransactionOf(t.Context(), want.ChainID, want.Hash); err != nil || got.ID != want.ID {
		t.Errorf("its hash is that of transaction %d, %v", got.ID, err)
	}
	bad := add(t, s, transaction(1))
	bad.Status = "vanished"
	if err := s.Finish(t.Context(), bad); err == nil {
		t.Error("a status that does not exist is recorded")
	}
}

func run(epoch uint64, root byte) rollout.Run {
	return rollout.Run{ChainID: chainID, Dispatcher: dispatcher, Root: common.Hash{root}, Manifest: common.Hash{root}, Epoch: epoch}
}

func begin(t testing.TB, s *Store, r rollout.Run) rollout.Run {
	t.Helper()
	if err := s.SaveManifest(t.Context(), r.Manifest, common.Hash{0xff, r.Root[0]}, []byte("manifest")); err != nil {
		t.Fatal(err)
	}
	got, err := s.Begin(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestBeginAndEnd(t *testing.T) { onEach(t, testBeginAndEnd) }

func testBeginAndEnd(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	if got, err := s.Running(ctx, chainID, dispatcher); !errors.Is(err, ErrNotFound) {
		t.Errorf("nothing runs: %+v, %v; want ErrNotFound", got, err)
	}
	first := begin(t, s, run(1, 0x11))
	if want := run(1, 0x11); first.ID == 0 || !cmp.Equal(want, rollout.Run{ChainID: first.ChainID, Dispatcher: first.Dispatcher, Root: first.Root, Manifest: first.Manifest, Epoch: first.Epoch}) {
		t.Errorf("%+v, want %+v with an id", first, want)
	}
	if again := begin(t, s, run(5, 0x11)); again != first {
		t.Errorf("begin again: %+v, want the running %+v", again, first)
	}
	if got, err := s.Running(ctx, chainID, dispatcher); err != nil || got != first {
		t.Errorf("running is %+v, %v; want %+v", got, err, first)
	}

	if err := s.SaveManifest(ctx, common.Hash{0x22}, common.Hash{0x22}, []byte("two")); err != nil {
		t.Fatal(err)
	}
	var other *rollout.OtherRunError
	if got, err := s.Begin(ctx, run(2, 0x22)); !errors.As(err, &other) || other.Running != first {
		t.Errorf("another root meanwhile: %+v, %v; want an OtherRunError of %+v", got, err, first)
	}
	elsewhere, otherChain := run(1, 0x22), run(1, 0x22)
	elsewhere.Dispatcher, otherChain.ChainID = common.Address{0xee}, 1
	begin(t, s, elsewhere)
	begin(t, s, otherChain)

	if err := s.End(ctx, first.ID, true); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Running(ctx, chainID, dispatcher); !errors.Is(err, ErrNotFound) {
		t.Errorf("after the end: %+v, %v; want ErrNotFound", got, err)
	}
	second := begin(t, s, run(2, 0x22))
	if err := s.End(ctx, first.ID, false); err != nil { // it has ended: nothing changes
		t.Fatal(err)
	}
	if err := s.End(ctx, second.ID, false); err != nil {
		t.Fatal(err)
	}
	third := begin(t, s, run(2, 0x33))
	if err := s.End(ctx, third.ID, true); err != nil {
		t.Fatal(err)
	}
	fourth := begin(t, s, run(3, 0x11))
	if fourth.ID == first.ID {
		t.Error("a root that was rolled out before is not begun anew")
	}

	got, err := s.Previous(ctx, chainID, dispatcher)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]rollout.Run{third, first}, got); diff != "" {
		t.Errorf("previous (-want +got):\n%s", diff)
	}
}

// A rollout knows which transactions were journalled before it: what is later may be its own.
func TestRolloutBeginsAfterWhatIsJournalled(t *testing.T) {
	onEach(t, testRolloutBeginsAfterWhatIsJournalled)
}

func testRolloutBeginsAfterWhatIsJournalled(t *testing.T, on *database) {
	s := on.fresh(t)
	other := transaction(5)
	other.Signer = common.Address{0xbb}
	add(t, s, transaction(0))
	last := add(t, s, other)
	elsewhere := transaction(2)
	elsewhere.ChainID = 1
	add(t, s, elsewhere)
	first := begin(t, s, run(1, 0x11))
	if first.After != last.ID {
		t.Errorf("it begins after transaction %d, want %d", first.After, last.ID)
	}
	add(t, s, transaction(1))
	again := begin(t, s, run(1, 0x11))
	running, err := s.Running(t.Context(), chainID, dispatcher)
	if err != nil || again != first || running != first {
		t.Errorf("begun again %+v, running %+v, %v; want %+v", again, running, err, first)
	}
}

func TestAbandoned(t *testing.T) { onEach(t, testAbandoned) }

func testAbandoned(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	expect := func(id int64, want bool) {
		t.Helper()
		if got, err := s.Abandoned(ctx, id); err != nil || got != want {
			t.Errorf("rollout %d: abandoned %v, %v; want %v", id, got, err, want)
		}
	}
	one := begin(t, s, run(1, 0x11))
	expect(one.ID, false)
	if id, err := s.RunOf(ctx, one.ChainID, one.Dispatcher, one.Root, one.Epoch); err != nil || id != one.ID {
		t.Errorf("its root is that of rollout %d, %v", id, err)
	}
	if err := s.End(ctx, one.ID, false); err != nil {
		t.Fatal(err)
	}
	expect(one.ID, true)
	if id, err := s.RunOf(ctx, one.ChainID, one.Dispatcher, one.Root, one.Epoch); !errors.Is(err, ErrNotFound) {
		t.Errorf("a root that was abandoned is that of rollout %d, %v", id, err)
	}
	two := begin(t, s, run(1, 0x22))
	if err := s.End(ctx, two.ID, true); err != nil {
		t.Fatal(err)
	}
	expect(one.ID, true)
	expect(two.ID, false)
	if got, err := s.Abandoned(ctx, 99); err == nil {
		t.Errorf("a rollout that does not exist: %v", got)
	}
}

func TestRolloutNeedsItsManifest(t *testing.T) { onEach(t, testRolloutNeedsItsManifest) }

func testRolloutNeedsItsManifest(t *testing.T, on *database) {
	s := on.fresh(t)
	if got, err := s.Begin(t.Context(), run(1, 0x11)); err == nil || !strings.Contains(err.Error(), "begin rollout") {
		t.Errorf("without a manifest: %+v, %v", got, err)
	}
	if _, err := s.Running(t.Context(), chainID, dispatcher); !errors.Is(err, ErrNotFound) {
		t.Errorf("it runs nevertheless: %v", err)
	}
}

func TestManifestByRootAndRoutesRoot(t *testing.T) { onEach(t, testManifestByRootAndRoutesRoot) }

func testManifestByRootAndRoutesRoot(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	save := func(root, routesRoot byte, body string) {
		t.Helper()
		if err := s.SaveManifest(ctx, common.Hash{root}, common.Hash{routesRoot}, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	save(0x01, 0xa1, "with init")
	save(0x02, 0xa1, "with another init")
	save(0xa1, 0xa1, "without init")
	save(0x03, 0xa3, "three")
	save(0x03, 0xa3, "three, written again")
	for root, want := range map[byte]string{
		0x01: "with init", 0x02: "with another init", 0xa1: "without init", 0x03: "three", 0xa3: "three",
	} {
		if got, err := s.Manifest(ctx, common.Hash{root}); err != nil || string(got) != want {
			t.Errorf("%#x: %q, %v; want %q", root, got, err, want)
		}
	}
	if got, err := s.Manifest(ctx, common.Hash{0x04}); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), common.Hash{0x04}.Hex()) {
		t.Errorf("unknown: %q, %v; want ErrNotFound", got, err)
	}
}

func TestReopeningKeepsEverything(t *testing.T) { onEach(t, testReopeningKeepsEverything) }

func testReopeningKeepsEverything(t *testing.T, on *database) {
	path := on.place(t)
	s, err := Open(t.Context(), path, "")
	if err != nil {
		t.Fatal(err)
	}
	done := finish(t, s, add(t, s, transaction(0)), rollout.Confirmed, 10)
	signed := add(t, s, transaction(1))
	running := begin(t, s, run(1, 0x11))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	if diff := cmp.Diff([]rollout.Transaction{done, signed}, transactions(t, s)); diff != "" {
		t.Errorf("transactions (-want +got):\n%s", diff)
	}
	want := rollout.Mark{LastID: signed.ID, NextNonce: 2, Known: true, Open: []rollout.Transaction{signed}, MinBlock: 10}
	if diff := cmp.Diff(want, read(t, s)); diff != "" {
		t.Errorf("mark (-want +got):\n%s", diff)
	}
	if got, err := s.Running(t.Context(), chainID, dispatcher); err != nil || got != running {
		t.Errorf("running is %+v, %v; want %+v", got, err, running)
	}
	if body, err := s.Manifest(t.Context(), common.Hash{0x11}); err != nil || string(body) != "manifest" {
		t.Errorf("manifest %q, %v", body, err)
	}
}

// The child is killed right after Add returns, without Close: what Add returned for is in the journal.
func TestKilledAfterAdd(t *testing.T) { onEach(t, testKilledAfterAdd) }

func testKilledAfterAdd(t *testing.T, on *database) {
	path := on.place(t)
	child := childProcess(t, addAndWait, path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, len(added))
	if _, err := io.ReadFull(out, said); err != nil || string(said) != added {
		t.Errorf("the child says %q, %v", said, err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
	m := read(t, open(t, path))
	if len(m.Open) != 1 || m.NextNonce != 1 || m.Open[0].Step != "step 0" {
		t.Errorf("after the kill: %+v", m)
	}
}

// Several processes on one journal: only one may add after the same mark.
func TestOneOfManyAddsWins(t *testing.T) { onEach(t, testOneOfManyAddsWins) }

func testOneOfManyAddsWins(t *testing.T, on *database) {
	path := on.place(t)
	stores := []*Store{open(t, path), open(t, path), open(t, path)}
	for round := range 5 {
		m := read(t, stores[0])
		var group sync.WaitGroup
		errs := make([]error, 2*len(stores))
		for i := range errs {
			group.Go(func() {
				tx := transaction(m.NextNonce)
				tx.Hash[1] = byte(i)
				_, errs[i] = addOne(t.Context(), stores[i%len(stores)], tx, m)
			})
		}
		group.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if !errors.Is(err, rollout.ErrStale) {
				t.Errorf("round %d: %v, want ErrStale", round, err)
			}
		}
		if won != 1 {
			t.Errorf("round %d: %d of %d added", round, won, len(errs))
		}
	}
	if m := read(t, stores[1]); m.NextNonce != 5 || len(m.Open) != 5 {
		t.Errorf("%d nonces, %d transactions; want 5", m.NextNonce, len(m.Open))
	}
}

// Each store reads and adds until it has added its share: no nonce is lost or taken twice.
func TestManyStoresShareTheNonces(t *testing.T) { onEach(t, testManyStoresShareTheNonces) }

func testManyStoresShareTheNonces(t *testing.T, on *database) {
	path := on.place(t)
	const each = 5
	var group sync.WaitGroup
	for i := range 3 {
		s := open(t, path)
		group.Go(func() {
			for n := 0; n < each; {
				m, err := s.Read(t.Context(), chainID, signer)
				if err != nil {
					t.Error(err)
					return
				}
				tx := transaction(m.NextNonce)
				tx.Hash[1] = byte(i)
				switch _, err := addOne(t.Context(), s, tx, m); {
				case err == nil:
					n++
				case !errors.Is(err, rollout.ErrStale):
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	if m := read(t, open(t, path)); m.NextNonce != 3*each || len(m.Open) != 3*each {
		t.Errorf("%d nonces, %d transactions; want %d", m.NextNonce, len(m.Open), 3*each)
	}
}

func TestOneOfManyRolloutsBegins(t *testing.T) { onEach(t, testOneOfManyRolloutsBegins) }

func testOneOfManyRolloutsBegins(t *testing.T, on *database) {
	path := on.place(t)
	stores := []*Store{open(t, path), open(t, path)}
	for i := range byte(6) {
		if err := stores[0].SaveManifest(t.Context(), common.Hash{i}, common.Hash{i}, []byte{i}); err != nil {
			t.Fatal(err)
		}
	}
	var group sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		group.Go(func() { _, errs[i] = stores[i%2].Begin(t.Context(), run(1, byte(i))) })
	}
	group.Wait()
	won := 0
	for _, err := range errs {
		var other *rollout.OtherRunError
		if err == nil {
			won++
		} else if !errors.As(err, &other) {
			t.Errorf("%v, want an OtherRunError", err)
		}
	}
	if won != 1 {
		t.Errorf("%d rollouts began", won)
	}
}

// On the first start of several processes each finds an empty file.
func TestManyOpenANewJournalAtOnce(t *testing.T) { onEach(t, testManyOpenANewJournalAtOnce) }

func testManyOpenANewJournalAtOnce(t *testing.T, on *database) {
	for range 8 {
		path := on.place(t)
		var group sync.WaitGroup
		start, errs := make(chan struct{}), make([]error, 8)
		for i := range errs {
			group.Go(func() {
				<-start
				s, err := Open(t.Context(), path, "")
				if err == nil {
					_, err = s.Read(t.Context(), chainID, signer)
					err = errors.Join(err, s.Close())
				}
				errs[i] = err
			})
		}
		close(start)
		group.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}
}

func TestClosedJournalSaysSo(t *testing.T) { onEach(t, testClosedJournalSaysSo) }

func testClosedJournalSaysSo(t *testing.T, on *database) {
	s, err := Open(t.Context(), on.place(t), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	_, readErr := s.Read(ctx, chainID, signer)
	_, addErr := addOne(ctx, s, transaction(0), rollout.Mark{})
	_, beginErr := s.Begin(ctx, run(1, 1))
	_, runningErr := s.Running(ctx, chainID, dispatcher)
	_, previousErr := s.Previous(ctx, chainID, dispatcher)
	_, listErr := s.Transactions(ctx, chainID)
	_, manifestErr := s.Manifest(ctx, common.Hash{})
	for what, err := range map[string]error{
		"read journal": readErr, "journal step 0": addErr, "begin rollout": beginErr, "read rollout": runningErr, "read rollouts": previousErr,
		"read journal:": listErr, "read manifest": manifestErr, "journal outcome of": s.Finish(ctx, transaction(0)), "end rollout 5": s.End(ctx, 5, true),
		"journal manifest": s.SaveManifest(ctx, common.Hash{}, common.Hash{}, nil),
	} {
		if err == nil || !strings.Contains(err.Error(), what) || errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestManifestFilesOfOneRoot keeps what was built again for other networks, beside the first.
func TestManifestFilesOfOneRoot(t *testing.T) { onEach(t, testManifestFilesOfOneRoot) }

func testManifestFilesOfOneRoot(t *testing.T, on *database) {
	where := on.place(t)
	s, err := Open(t.Context(), where, "")
	if err != nil {
		t.Fatal(err)
	}
	root, routes := common.Hash{1}, common.Hash{2}
	first, second := []byte("for one network"), []byte("for two networks")
	for range 2 { // again changes nothing
		for _, body := range [][]byte{first, second} {
			if err := s.SaveManifest(t.Context(), root, routes, body); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got, err := s.Manifest(t.Context(), root); err != nil || string(got) != string(first) {
		t.Errorf("the manifest is %q (%v)", got, err)
	}
	files, err := s.ManifestFiles(t.Context(), root)
	if err != nil || len(files) != 2 || string(files[0]) != string(second) || string(files[1]) != string(first) {
		t.Errorf("files %q (%v)", files, err)
	}
	for _, body := range [][]byte{first, second} {
		if got, err := s.ManifestFile(t.Context(), root, sha256.Sum256(body)); err != nil || string(got) != string(body) {
			t.Errorf("%q, %v; want %q", got, err, body)
		}
	}
	for _, other := range []common.Hash{{}, sha256.Sum256([]byte("for nobody"))} {
		if _, err := s.ManifestFile(t.Context(), root, other); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", other, err)
		}
	}
	if _, err := s.ManifestFile(t.Context(), common.Hash{9}, sha256.Sum256(second)); !errors.Is(err, ErrNotFound) {
		t.Errorf("by another root: %v", err)
	}
	if n := countKind(t, s, audit.ManifestAdded); n != 1 {
		t.Errorf("%d entries say that a file was added", n)
	}
	if r := check(t, s); !r.Sound() {
		t.Error(r.Problems)
	}
	if err := s.Close(); err != nil { // a copy of its file is then all of it
		t.Fatal(err)
	}
	for name, alter := range map[string]string{
		"another body":  `UPDATE manifest_files SET body = x'00'`,
		"another root":  `UPDATE manifest_files SET root = '` + common.Hash{8}.Hex() + `'`,
		"another time":  `UPDATE manifest_files SET created_at = created_at + 1`,
		"taken out":     `DELETE FROM manifest_files`,
		"under another": `UPDATE manifest_files SET sha256 = '` + common.Hash{8}.Hex() + `'`,
	} {
		altered := on.altered(t, where, func(exec func(string, ...any)) { exec(alter) })
		if r := check(t, altered); r.Sound() {
			t.Errorf("%s is not found", name)
		}
	}
}
