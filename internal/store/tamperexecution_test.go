package store

import (
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/audit"
)

// closedExecutions writes the story of executions to a journal and closes it. The first plan has ended, the second one runs on chains 10 and 8453,
// and the third one is stopped; the fourth was never begun.
func closedExecutions(t *testing.T, on *database) (path string, digests []common.Hash, entries []audit.Entry) {
	t.Helper()
	path = on.place(t)
	s, err := Open(t.Context(), path, "market")
	if err != nil {
		t.Fatal(err)
	}
	for number := range int64(4) {
		digests = append(digests, savePlan(t, s, number+1).Digest)
	}
	executionStory(t, s, digests)
	entries = log(t, s)
	mustBeSound(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path, digests, entries
}

// TestTamperingWithExecutionsIsFound: every column is changed of which the log tells, rows are deleted and added, and the log is left as it is.
func TestTamperingWithExecutionsIsFound(t *testing.T) { onEach(t, testTamperingWithExecutionsIsFound) }

func testTamperingWithExecutionsIsFound(t *testing.T, on *database) {
	path, digests, _ := closedExecutions(t, on)
	names := strings.NewReplacer("D1", digests[0].Hex(), "D2", digests[1].Hex(), "D3", digests[2].Hex(), "D4", digests[3].Hex())
	const (
		missing = " is in the log and not in the journal"
		strange = " is in the journal and not in its log"
	)
	for statement, want := range map[string][]string{
		`UPDATE executions SET plan = 'D4' WHERE plan = 'D1'`:                           {"the execution of plan D1" + missing, "the execution of plan D4" + strange},
		`UPDATE executions SET plan = upper(plan) WHERE plan = 'D1'`:                    {"is not written as a hash is"},
		`UPDATE executions SET status = 'running' WHERE plan = 'D1'`:                    {`the execution of plan D1: status is "running" in the journal, the log says "done"`},
		`UPDATE executions SET status = 'running' WHERE plan = 'D3'`:                    {`the execution of plan D3: status is "running" in the journal, the log says "stopped"`}, // it would go on
		`UPDATE executions SET served = 1 WHERE plan = 'D2'`:                            {"the execution of plan D2: served is true in the journal, the log says false"},
		`UPDATE executions SET released = 1 WHERE plan = 'D2'`:                          {"the execution of plan D2: released is true in the journal, the log says false"}, // nothing would hold it
		`UPDATE executions SET released = 0 WHERE plan = 'D1'`:                          {"the execution of plan D1: released is false"},
		`UPDATE executions SET reason = 'none' WHERE plan = 'D3'`:                       {`the execution of plan D3: reason is "none" in the journal, the log says "wait"`},
		`UPDATE executions SET created_at = 1 WHERE plan = 'D1'`:                        {"the execution of plan D1: createdAt is 1 in the journal"},
		`UPDATE executions SET finished_at = 1 WHERE plan = 'D1'`:                       {"the execution of plan D1: finishedAt is 1 in the journal"},
		`UPDATE executions SET finished_at = NULL WHERE plan = 'D1'`:                    {"the execution of plan D1: finishedAt is nothing in the journal"},
		`UPDATE executions SET finished_at = 1 WHERE plan = 'D2'`:                       {"finishedAt is 1 in the journal, the log says nothing"},
		`DELETE FROM executions WHERE plan = 'D3'`:                                      {"the execution of plan D3" + missing},
		`INSERT INTO executions VALUES ('D4', 'running', 1, 0, '', 1, NULL)`:            {"the execution of plan D4" + strange},
		`DELETE FROM execution_networks; DELETE FROM executions`:                        {"the execution of plan D1" + missing, "the execution of plan D1 on chain 10" + missing},
		`UPDATE execution_networks SET plan = 'D3' WHERE plan = 'D1' AND chain_id > 10`: {"the execution of plan D1 on chain 8453" + missing, "the execution of plan D3 on chain 8453" + strange},

		`UPDATE execution_networks SET chain_id = 1 WHERE plan = 'D2' AND chain_id = 10`:      {"the execution of plan D2 on chain 10" + missing, "the execution of plan D2 on chain 1" + strange},
		`UPDATE execution_networks SET chain_id = -10 WHERE plan = 'D2' AND chain_id = 10`:    {"the execution of plan D2 on chain 10" + missing, strange},
		`UPDATE execution_networks SET state = 'done' WHERE plan = 'D3'`:                      {`the execution of plan D3 on chain 10: state is "done" in the journal, the log says "waiting"`}, // the next wave would begin
		`UPDATE execution_networks SET state = 'waiting' WHERE plan = 'D1' AND chain_id = 10`: {`the execution of plan D1 on chain 10: state is "waiting" in the journal, the log says "excluded"`},
		`UPDATE execution_networks SET reason = 'none' WHERE plan = 'D1' AND chain_id = 10`:   {`the execution of plan D1 on chain 10: reason is "none" in the journal, the log says "gone"`},
		`UPDATE execution_networks SET done_at = 1 WHERE plan = 'D1' AND chain_id = 8453`:     {"the execution of plan D1 on chain 8453: doneAt is 1 in the journal, the log says 1700"}, // it would have soaked
		`UPDATE execution_networks SET done_at = 0 WHERE plan = 'D1' AND chain_id = 8453`:     {"doneAt is nothing in the journal"},
		`UPDATE execution_networks SET done_at = 1 WHERE plan = 'D2'`:                         {"the execution of plan D2 on chain 10: doneAt is 1 in the journal, the log says nothing"},
		`DELETE FROM execution_networks WHERE plan = 'D2' AND chain_id = 10`:                  {"the execution of plan D2 on chain 10" + missing}, // nobody would wait for it
		`INSERT INTO execution_networks VALUES ('D3', 5, 'waiting', 'x', 0, 0, 0, 1)`:         {"the execution of plan D3 on chain 5" + strange},
		`DROP TABLE execution_networks; DROP TABLE executions`:                                {"the execution of plan D1" + missing, "the execution of plan D2 on chain 10" + missing},
	} {
		t.Run(statement, func(t *testing.T) {
			s := on.altered(t, path, func(exec func(string, ...any)) { exec(names.Replace(statement)) })
			var got []string
			for _, p := range check(t, s).Problems {
				got = append(got, p.String())
			}
			text := strings.Join(got, "\n")
			for _, w := range want {
				if !strings.Contains(text, names.Replace(w)) {
					t.Errorf("found\n%s\nwant %s", text, names.Replace(w))
				}
			}
		})
	}
	// what changes with each look is not in the log, nor is what can be seen again
	for _, statement := range []string{
		`UPDATE execution_networks SET ready_ms = 1, retry_ms = 2, updated_at = 3`, `UPDATE health SET healthy = 1, since = 1`,
	} {
		s := on.altered(t, path, func(exec func(string, ...any)) { exec(statement) })
		if r := check(t, s); !r.Sound() {
			t.Errorf("%s: %v", statement, r.Problems)
		}
	}
}

// TestEntriesAboutExecutionsThatDoNotFollow: a chain of entries that is right in itself must tell what can be true of executions.
func TestEntriesAboutExecutionsThatDoNotFollow(t *testing.T) {
	onEach(t, testEntriesAboutExecutionsThatDoNotFollow)
}

func testEntriesAboutExecutionsThatDoNotFollow(t *testing.T, on *database) {
	path, digests, entries := closedExecutions(t, on)
	tip := entries[len(entries)-1]
	never := digests[3]
	for name, test := range map[string]struct {
		kind    audit.Kind
		chainID uint64
		body    any
		want    string
	}{
		"begun, not here":    {audit.ExecutionBegun, 0, audit.Execution{Plan: never, Status: "running"}, "is in the log and not in the journal"},
		"stopped, not begun": {audit.ExecutionStopped, 0, audit.Execution{Plan: never, Status: "stopped"}, "changes, which was not begun"},
		"let go, not begun":  {audit.ExecutionReleased, 0, audit.Execution{Plan: never, Status: "running", Released: true}, "changes, which was not begun"},
		"ended, not begun":   {audit.ExecutionEnded, 0, audit.Execution{Plan: never, Status: "done"}, "changes, which was not begun"},
		"network, not begun": {audit.ExecutionNetworkSet, 10, audit.ExecutionNetwork{Plan: never, State: "done"}, "on chain 10 changes, which was not begun"},
		"network, not here":  {audit.ExecutionNetworkSet, 5, audit.ExecutionNetwork{Plan: digests[1], State: "done"}, "is in the log and not in the journal"},
		"another state":      {audit.ExecutionNetworkSet, 10, audit.ExecutionNetwork{Plan: digests[2], State: "done"}, `state is "waiting" in the journal, the log says "done"`},
		"not an execution":   {audit.ExecutionBegun, 0, map[string]int{"plan": 1}, "its body is not one of execution.begun"},
		"not a network":      {audit.ExecutionNetworkSet, 10, map[string]int{"plan": 1}, "its body is not one of execution.network"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := tip.Tip().Next(tip.Time, test.kind, test.chainID, test.body)
			if err != nil {
				t.Fatal(err)
			}
			r := check(t, rebuilt(t, on, path, append(slices.Clone(entries), e)))
			if !slices.ContainsFunc(r.Problems, func(p audit.Problem) bool {
				return p.Entry == e.Seq && p.What == audit.WrongRow && strings.Contains(p.Detail, test.want)
			}) {
				t.Errorf("%v, want %s", r.Problems, test.want)
			}
		})
	}
	// the last entry about each row cannot be left out
	last := map[string]int{}
	for i, e := range entries {
		switch e.Kind {
		case audit.ExecutionBegun, audit.ExecutionReleased, audit.ExecutionStopped, audit.ExecutionEnded:
			last[body[audit.Execution](t, e).Plan.Hex()] = i
		case audit.ExecutionNetworkSet:
			last[body[audit.ExecutionNetwork](t, e).Plan.Hex()+string(rune(e.ChainID))] = i
		}
	}
	if len(last) != 8 {
		t.Errorf("%d rows", len(last))
	}
	for _, i := range last {
		if r := check(t, rebuilt(t, on, path, anew(t, slices.Delete(slices.Clone(entries), i, i+1), i))); r.Sound() {
			t.Errorf("entry %d, %s, is out, and that is not found", i+1, entries[i].Kind)
		}
	}
}
