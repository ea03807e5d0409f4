package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

var pauseSigner = common.Address{0xab}

// pauseOf is a decision of a mode with an outcome.
func pauseOf(mode rollout.PauseMode, outcome rollout.PauseOutcome) rollout.Pause {
	return rollout.Pause{
		ChainID: chainID, Dispatcher: dispatcher, Fingerprint: "f1", Rule: "codehash_mismatch", Reason: "code is another one", Mode: mode, Outcome: outcome,
		Block: rollout.Block{Number: 7, Hash: common.Hash{7}, Time: 1700}, BlockChain: 10,
	}
}

// pauseTx is a signed transaction of whoever pauses.
func pauseTx(nonce uint64) *rollout.Transaction {
	t := transaction(nonce)
	t.Signer, t.Hash[1], t.Step = pauseSigner, 0xab, "pause automatically"
	return &t
}

// decidePause journals a decision; the mark is that of the pauser now.
func decidePause(t testing.TB, s *Store, d rollout.Pause, most int, tx *rollout.Transaction) (rollout.Pause, *rollout.Transaction) {
	t.Helper()
	m, err := s.Read(t.Context(), chainID, pauseSigner)
	if err != nil {
		t.Fatal(err)
	}
	d, entry, err := s.DecidePause(t.Context(), d, most, tx, m)
	if err != nil {
		t.Fatal(err)
	}
	return d, entry
}

// pauseStory leaves a decision of each kind.
func pauseStory(t testing.TB, s *Store) (all []rollout.Pause) {
	t.Helper()
	end := func(d rollout.Pause, tx *rollout.Transaction, status rollout.Status, outcome rollout.PauseOutcome, note string) {
		t.Helper()
		finish(t, s, *tx, status, 30+tx.Nonce)
		d.Outcome, d.Note, d.Took = outcome, note, 123
		if err := s.EndPause(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	one, tx := decidePause(t, s, pauseOf(rollout.PauseOn, rollout.PauseSent), 9, pauseTx(0))
	end(one, tx, rollout.Confirmed, rollout.PauseLanded, "")
	two, tx := decidePause(t, s, pauseOf(rollout.PauseOn, rollout.PauseSent), 9, pauseTx(1))
	end(two, tx, rollout.Reverted, rollout.PauseFailed, "it reverted\x00")
	three, _ := decidePause(t, s, pauseOf(rollout.PauseOn, rollout.PauseSent), 9, pauseTx(2))
	dry := pauseOf(rollout.PauseDry, rollout.PauseDryRun)
	dry.Took = 45
	four, _ := decidePause(t, s, dry, 9, nil)
	five, _ := decidePause(t, s, pauseOf(rollout.PauseOn, rollout.PauseAlready), 9, nil)
	refused := pauseOf(rollout.PauseOn, rollout.PauseRefused)
	refused.Note = "the key could do more"
	six, _ := decidePause(t, s, refused, 9, nil)
	return []rollout.Pause{one, two, three, four, five, six}
}

func TestPauses(t *testing.T) { onEach(t, testPauses) }

func testPauses(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	made := pauseStory(t, s)
	got, err := s.Pauses(ctx, 9)
	if err != nil || len(got) != len(made) {
		t.Fatalf("%d decisions, %v", len(got), err)
	}
	slices.Reverse(got)
	var outcomes []string
	for i, d := range got {
		outcomes = append(outcomes, fmt.Sprintf("%s %s %d %d %q", d.Mode, d.Outcome, d.Transaction, d.Took, d.Note))
		if d.Block != made[i].Block || d.BlockChain != 10 || d.DecidedAt == 0 || d.Dispatcher != dispatcher || d.Fingerprint != "f1" || d.Reason != "code is another one" || d.Age < 0 {
			t.Errorf("%+v", d)
		}
	}
	want := []string{
		`on landed 1 123 ""`, `on failed 2 123 "it reverted` + "\uFFFD" + `"`, `on sent 3 0 ""`, `dry-run dry-run 0 45 ""`, `on already paused 0 0 ""`,
		`on refused 0 0 "the key could do more"`,
	}
	if diff := cmp.Diff(want, outcomes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if last, err := s.Pauses(ctx, 2); err != nil || len(last) != 2 || last[0].ID != made[5].ID {
		t.Errorf("the last two: %+v, %v", last, err)
	}
	open, err := s.OpenPauses(ctx)
	if err != nil || len(open) != 1 || open[0].ID != made[2].ID || !open[0].Open || open[0].Signer != pauseSigner || open[0].Final.ID != 0 {
		t.Fatalf("open %+v, %v", open, err)
	}
	if d, err := s.PauseBy(ctx, chainID, pauseSigner, 2); err != nil || d.ID != made[2].ID || d.Dispatcher != dispatcher || d.Mode != rollout.PauseOn {
		t.Errorf("nonce 2: %+v, %v", d, err)
	}
	for _, c := range []struct {
		chainID uint64
		signer  common.Address
		nonce   uint64
	}{{chainID, pauseSigner, 0}, {chainID, pauseSigner, 3}, {chainID, signer, 2}, {10, pauseSigner, 2}} {
		if d, err := s.PauseBy(ctx, c.chainID, c.signer, c.nonce); !errors.Is(err, ErrNotFound) {
			t.Errorf("%+v: %+v, %v", c, d, err)
		}
	}
	// what has ended stays so
	n := mustBeSound(t, s)
	again := made[0]
	again.Outcome, again.Note = rollout.PauseFailed, "no"
	if err := s.EndPause(ctx, again); err != nil {
		t.Error(err)
	}
	if got := mustBeSound(t, s); got != n {
		t.Errorf("%d entries, there were %d", got, n)
	}
	// what lands is another transaction with its nonce
	tx := transactions(t, s)[2]
	tx.Signer = pauseSigner
	better := *pauseTx(2)
	better.Hash[2] = 1
	replaced, err := s.Replace(ctx, []rollout.Transaction{tx}, []rollout.Transaction{better})
	if err != nil {
		t.Fatal(err)
	}
	if d, err := s.PauseBy(ctx, chainID, pauseSigner, 2); err != nil || d.ID != made[2].ID {
		t.Errorf("of a replacement: %+v, %v", d, err)
	}
	final := finish(t, s, replaced[0], rollout.Confirmed, 40)
	if open, err = s.OpenPauses(ctx); err != nil || len(open) != 1 || open[0].Open || open[0].Final.ID != final.ID || open[0].Final.Status != rollout.Confirmed {
		t.Errorf("when it is final: %+v, %v", open, err)
	}
	mustBeSound(t, s)
}

// TestPauseIsDecidedWhole: a decision that the journal has moved under, or that is one too many, leaves no transaction.
func TestPauseIsDecidedWhole(t *testing.T) { onEach(t, testPauseIsDecidedWhole) }

func testPauseIsDecidedWhole(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	sent := pauseOf(rollout.PauseOn, rollout.PauseSent)
	first, tx := decidePause(t, s, sent, 1, pauseTx(0))
	if tx.Status != rollout.Released || tx.ID != first.Transaction {
		t.Fatalf("%+v, %+v", first, tx)
	}
	if _, _, err := s.DecidePause(ctx, sent, 9, pauseTx(1), rollout.Mark{}); !errors.Is(err, rollout.ErrStale) {
		t.Errorf("after an old mark: %v", err)
	}
	// an open one is gone on with, within the limit and beyond it, but not once it is final
	goOn := sent
	goOn.Transaction = tx.ID
	second, same := decidePause(t, s, goOn, 1, nil)
	if second.Outcome != rollout.PauseSent || same.ID != tx.ID || same.Hash != tx.Hash {
		t.Errorf("%+v, %+v", second, same)
	}
	finish(t, s, *tx, rollout.Confirmed, 9)
	if _, _, err := s.DecidePause(ctx, goOn, 1, nil, rollout.Mark{}); !errors.Is(err, rollout.ErrStale) {
		t.Errorf("one that is final: %v", err)
	}
	third, none := decidePause(t, s, sent, 1, pauseTx(1))
	if third.Outcome != rollout.PauseLimited || third.Transaction != 0 || none != nil || !strings.Contains(third.Note, "1 of the 1") {
		t.Errorf("%+v, %+v", third, none)
	}
	if all := transactions(t, s); len(all) != 1 {
		t.Errorf("journal %+v", all)
	}
	// the limit is of one network, one dispatcher, and of what is sent
	for name, change := range map[string]func(*rollout.Pause){
		"another dispatcher": func(d *rollout.Pause) { d.Dispatcher = common.Address{1} },
		"refused":            func(d *rollout.Pause) { d.Outcome = rollout.PauseRefused },
		"dry":                func(d *rollout.Pause) { d.Mode, d.Outcome = rollout.PauseDry, rollout.PauseDryRun },
	} {
		d, nonce := sent, uint64(len(transactions(t, s)))
		change(&d)
		by := pauseTx(nonce)
		if d.Outcome != rollout.PauseSent {
			by = nil
		}
		if got, _ := decidePause(t, s, d, 1, by); got.Outcome != d.Outcome {
			t.Errorf("%s: %+v", name, got)
		}
	}
	// time passes, and a clock that was ahead counts for nothing
	for _, shift := range []int64{-rollout.PauseHour, 3 * rollout.PauseHour} {
		must(t, s.db, fmt.Sprintf(`UPDATE pauses SET decided_ms = decided_ms + %d`, shift))
		nonce := uint64(len(transactions(t, s)))
		if got, _ := decidePause(t, s, sent, 1, pauseTx(nonce)); got.Outcome != rollout.PauseSent {
			t.Errorf("%d ms: %+v", shift, got)
		}
	}
	if _, err := s.db.ExecContext(ctx, `UPDATE pauses SET tx = NULL WHERE outcome = 'sent'`); err == nil {
		t.Error("one that is sent need not have a transaction")
	}
}

// TestPausesOfSeveralProcesses: however many decide at once, no more are sent than may be, and none twice.
func TestPausesOfSeveralProcesses(t *testing.T) { onEach(t, testPausesOfSeveralProcesses) }

func testPausesOfSeveralProcesses(t *testing.T, on *database) {
	where := on.place(t)
	stores := []*Store{open(t, where), open(t, where), open(t, where)}
	ctx := t.Context()
	const most = 3
	var sent, limited, dry, dryLimited atomic.Int32
	count := func(d rollout.Pause, yes, no *atomic.Int32) {
		if d.Outcome == rollout.PauseLimited {
			no.Add(1)
		} else {
			yes.Add(1)
		}
	}
	var all sync.WaitGroup
	for i := range 12 {
		s := stores[i%len(stores)]
		all.Go(func() {
			for {
				d, err := tryPause(ctx, s, most)
				if errors.Is(err, rollout.ErrStale) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				count(d, &sent, &limited)
				break
			}
			d, _, err := s.DecidePause(ctx, pauseOf(rollout.PauseDry, rollout.PauseDryRun), most, nil, rollout.Mark{})
			if err != nil {
				t.Error(err)
				return
			}
			count(d, &dry, &dryLimited)
		})
	}
	all.Wait()
	if sent.Load() != most || limited.Load() != 12-most || dry.Load() != most || dryLimited.Load() != 12-most {
		t.Errorf("%d sent, %d not; %d dry, %d not", sent.Load(), limited.Load(), dry.Load(), dryLimited.Load())
	}
	if got := transactions(t, stores[0]); len(got) != most {
		t.Errorf("%d transactions", len(got))
	}
	mustBeSound(t, stores[1])
}

func tryPause(ctx context.Context, s *Store, most int) (rollout.Pause, error) {
	m, err := s.Read(ctx, chainID, pauseSigner)
	if err != nil {
		return rollout.Pause{}, err
	}
	d, _, err := s.DecidePause(ctx, pauseOf(rollout.PauseOn, rollout.PauseSent), most, pauseTx(m.NextNonce), m)
	return d, err
}

// TestTamperingWithPausesIsFound: every column is changed of which the log tells, rows are deleted and added, and the log is left as it is.
func TestTamperingWithPausesIsFound(t *testing.T) { onEach(t, testTamperingWithPausesIsFound) }

// closedPauses writes the story of pauses to a journal and closes it.
func closedPauses(t *testing.T, on *database) (path string, entries []audit.Entry) {
	t.Helper()
	path = on.place(t)
	s, err := Open(t.Context(), path, "market")
	if err != nil {
		t.Fatal(err)
	}
	pauseStory(t, s)
	entries = log(t, s)
	mustBeSound(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path, entries
}

func testTamperingWithPausesIsFound(t *testing.T, on *database) {
	path, _ := closedPauses(t, on)
	for statement, want := range map[string]string{
		`UPDATE pauses SET chain_id = 10 WHERE id = 4`:                     "pause 4 is of chain 10 in the journal, the log says 8453",
		`UPDATE pauses SET dispatcher = lower(dispatcher) WHERE id = 4`:    "is not written as an address is",
		`UPDATE pauses SET fingerprint = 'f2' WHERE id = 1`:                `pause 1: fingerprint is "f2" in the journal, the log says "f1"`,
		`UPDATE pauses SET raised_at = 7 WHERE id = 1`:                     "pause 1: raisedAt is 7 in the journal, the log says nothing", // its order could be given again
		`UPDATE pauses SET rule = 'none' WHERE id = 1`:                     `pause 1: rule is "none"`,
		`UPDATE pauses SET reason = 'none' WHERE id = 1`:                   `pause 1: reason is "none"`,
		`UPDATE pauses SET mode = 'dry-run' WHERE id = 6`:                  `pause 6: mode is "dry-run"`,
		`UPDATE pauses SET decided_ms = decided_ms + 3600000 WHERE id = 3`: "pause 3: decidedAt is ", // it would be good for longer
		`UPDATE pauses SET block_chain = 1 WHERE id = 1`:                   "pause 1: blockChain is 1",
		`UPDATE pauses SET block_number = 8 WHERE id = 1`:                  "pause 1: block is",
		`UPDATE pauses SET block_hash = 'x' WHERE id = 1`:                  "is not written as a hash is",
		`UPDATE pauses SET block_time = 8 WHERE id = 1`:                    "pause 1: block is",
		`UPDATE pauses SET outcome = 'sent' WHERE id = 1`:                  `pause 1: outcome is "sent" in the journal, the log says "landed"`, // it would be sent again
		`UPDATE pauses SET outcome = 'refused', tx = NULL WHERE id = 2`:    `pause 2: outcome is "refused"`,                                    // one more could be sent
		`UPDATE pauses SET note = '' WHERE id = 2`:                         "pause 2: note is nothing",
		`UPDATE pauses SET tx = 3 WHERE id = 1`:                            "pause 1: transaction is 3 in the journal, the log says 1",
		`UPDATE pauses SET took_ms = 1 WHERE id = 1`:                       "pause 1: milliseconds is 1 in the journal, the log says 123",
		`DELETE FROM pauses WHERE id = 2`:                                  "pause 2 is in the log and not in the journal", // one more could be sent
		`INSERT INTO pauses SELECT 9, chain_id, dispatcher, fingerprint, rule, reason, mode, decided_ms, block_chain, block_number, block_hash, block_time, outcome, note, tx, took_ms, raised_at FROM pauses WHERE id = 1`: "pause 9 is in the journal and not in its log",
		`DROP TABLE pauses`: "pause 1 is in the log and not in the journal",
	} {
		t.Run(statement, func(t *testing.T) {
			s := on.altered(t, path, func(exec func(string, ...any)) { exec(statement) })
			var got []string
			for _, p := range check(t, s).Problems {
				got = append(got, p.String())
			}
			if text := strings.Join(got, "\n"); !strings.Contains(text, want) {
				t.Errorf("found\n%s\nwant %s", text, want)
			}
		})
	}
}

// TestEntriesAboutPausesThatDoNotFollow: a chain of entries that is right in itself must tell what can be true of pauses.
func TestEntriesAboutPausesThatDoNotFollow(t *testing.T) {
	onEach(t, testEntriesAboutPausesThatDoNotFollow)
}

func testEntriesAboutPausesThatDoNotFollow(t *testing.T, on *database) {
	path, entries := closedPauses(t, on)
	tip := entries[len(entries)-1]
	landed := audit.PauseResult{Outcome: "landed", Transaction: 3}
	for name, test := range map[string]struct {
		kind    audit.Kind
		chainID uint64
		body    any
		want    string
	}{
		"decided, not here":      {audit.PauseDecided, chainID, audit.Pause{ID: 9, PauseResult: audit.PauseResult{Outcome: "refused"}}, "pause 9 is in the log and not in the journal"},
		"decided twice":          {audit.PauseDecided, chainID, audit.Pause{ID: 1, PauseResult: audit.PauseResult{Outcome: "refused"}}, "pause 1 is in entry "},
		"sent by nothing":        {audit.PauseDecided, chainID, audit.Pause{ID: 9, PauseResult: audit.PauseResult{Outcome: "sent"}}, "pause 9 is sent by no transaction"},
		"by no transaction":      {audit.PauseDecided, chainID, audit.Pause{ID: 9, PauseResult: audit.PauseResult{Outcome: "sent", Transaction: 77}}, "pause 9 is by transaction 77, which chain 8453 does not have"},
		"by that of another one": {audit.PauseDecided, 10, audit.Pause{ID: 9, PauseResult: audit.PauseResult{Outcome: "sent", Transaction: 3}}, "pause 9 is by transaction 3, which chain 10 does not have"},
		"ended, not decided":     {audit.PauseEnded, chainID, audit.PauseEnd{ID: 9, PauseResult: landed}, "pause 9 ends, which was not sent on chain 8453"},
		"ended twice":            {audit.PauseEnded, chainID, audit.PauseEnd{ID: 1, PauseResult: landed}, "pause 1 ends, which was not sent"},
		"ended elsewhere":        {audit.PauseEnded, 10, audit.PauseEnd{ID: 3, PauseResult: landed}, "pause 3 ends, which was not sent on chain 10"},
		"another end":            {audit.PauseEnded, chainID, audit.PauseEnd{ID: 3, PauseResult: landed}, `pause 3: outcome is "sent" in the journal, the log says "landed"`},
		"not a pause":            {audit.PauseDecided, chainID, map[string]string{"id": "x"}, "its body is not one of pause.decided"},
		"not an end":             {audit.PauseEnded, chainID, map[string]string{"id": "x"}, "its body is not one of pause.ended"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := tip.Tip().Next(tip.Time, test.kind, test.chainID, test.body)
			if err != nil {
				t.Fatal(err)
			}
			r := check(t, rebuilt(t, on, path, append(slices.Clone(entries), e)))
			if !slices.ContainsFunc(r.Problems, func(p audit.Problem) bool { return strings.Contains(p.Detail, test.want) }) {
				t.Errorf("%v, want %s", r.Problems, test.want)
			}
		})
	}
}

// TestAnOrderIsDecidedOnce: whoever gives the order of an alert again, in this process or the next, gets what was decided, and nothing is sent a second
// time. Only what was refused can be decided otherwise.
func TestAnOrderIsDecidedOnce(t *testing.T) { onEach(t, testAnOrderIsDecidedOnce) }

func testAnOrderIsDecidedOnce(t *testing.T, on *database) {
	s := on.fresh(t)
	order := func(mode rollout.PauseMode, outcome rollout.PauseOutcome, raised int64) rollout.Pause {
		d := pauseOf(mode, outcome)
		d.RaisedAt = raised
		return d
	}
	refused := order(rollout.PauseOn, rollout.PauseRefused, 100)
	refused.Note = "it lacks the role"
	first, _ := decidePause(t, s, refused, 9, nil)
	if again, _ := decidePause(t, s, refused, 9, nil); !again.Known || again.ID != first.ID {
		t.Errorf("it is refused again for the same reason: %+v", again)
	}
	if _, ok, err := s.DecidedPause(t.Context(), refused); ok || err != nil {
		t.Errorf("what was refused counts as decided (%v)", err)
	}
	sent, tx := decidePause(t, s, order(rollout.PauseOn, rollout.PauseSent, 100), 9, pauseTx(0))
	if sent.Known || tx == nil {
		t.Fatalf("after it was refused: %+v, %+v", sent, tx)
	}
	for i := range 2 { // while its transaction is open, and when it is final
		again, other := decidePause(t, s, order(rollout.PauseOn, rollout.PauseSent, 100), 9, pauseTx(1))
		if !again.Known || again.ID != sent.ID || again.Transaction != sent.Transaction || other != nil {
			t.Errorf("a second transaction for one order: %+v, %+v", again, other)
		}
		if was, ok, err := s.DecidedPause(t.Context(), order(rollout.PauseOn, "", 100)); err != nil || !ok || was.ID != sent.ID || was.RaisedAt != 100 {
			t.Errorf("%+v, %v, %v", was, ok, err)
		}
		if i == 0 {
			finish(t, s, *tx, rollout.Confirmed, 31)
			landed := sent
			landed.Outcome = rollout.PauseLanded
			if err := s.EndPause(t.Context(), landed); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, other := range map[string]rollout.Pause{
		"raised again":  order(rollout.PauseOn, rollout.PauseAlready, 101),
		"in a dry run":  order(rollout.PauseDry, rollout.PauseDryRun, 100),
		"without order": order(rollout.PauseOn, rollout.PauseAlready, 0),
	} {
		for range 2 {
			if d, _ := decidePause(t, s, other, 9, nil); d.Known && name == "without order" || d.ID == sent.ID {
				t.Errorf("%s: %+v", name, d)
			}
		}
	}
	elsewhere := order(rollout.PauseOn, rollout.PauseAlready, 100)
	elsewhere.ChainID = 10
	if d, _ := decidePause(t, s, elsewhere, 9, nil); d.Known {
		t.Errorf("on another network: %+v", d)
	}
	mustBeSound(t, s)
	all, err := s.Pauses(t.Context(), 99)
	if err != nil || len(all) != 7 { // refused, sent, raised again, in a dry run, twice without order, elsewhere
		t.Errorf("%d decisions, %v: %+v", len(all), err, all)
	}
}
