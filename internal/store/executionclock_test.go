package store

import (
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

func TestClockIsSetBack(t *testing.T) { onEach(t, testClockIsSetBack) }

// A clock that was ahead, and is right again, leaves no network alone for as long as it was off.
func testClockIsSetBack(t *testing.T, on *database) {
	const chain, ahead = 7, 2 * 3600 * 1000
	for name, test := range map[string]struct{ asked, least, most time.Duration }{
		"not at all":          {0, 0, 0},
		"for half a minute":   {30 * time.Second, 0, 0},
		"until somebody asks": {100 * 365 * 24 * time.Hour, 99 * 365 * 24 * time.Hour, 101 * 365 * 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			s := on.fresh(t)
			plan := savePlan(t, s, 1).Digest
			if err := s.BeginExecution(t.Context(), plan, true, []uint64{chain}, "test"); err != nil {
				t.Fatal(err)
			}
			n := ExecutionNetwork{ChainID: chain, State: rollout.StateReady, Reason: "why", Retry: test.asked}
			if err := s.SetNetwork(t.Context(), plan, n, "test"); err != nil {
				t.Fatal(err)
			}
			if got := networkOf(t, s, plan).Retry; got > test.asked || got < test.asked-time.Second*10 {
				t.Errorf("it is left alone for %s, of %s", got, test.asked)
			}
			// as if the clock had been ahead when it was noted
			_, err := querier{s.db, s.engine}.exec(t.Context(), `UPDATE execution_networks SET ready_ms = ready_ms + ?,
				retry_ms = CASE WHEN retry_ms = 0 THEN 0 ELSE retry_ms + ? END`, ahead, ahead)
			if err != nil {
				t.Fatal(err)
			}
			got := networkOf(t, s, plan)
			if got.Retry < test.least || got.Retry > test.most {
				t.Errorf("it is left alone for %s", got.Retry)
			}
			if got.Age < time.Hour {
				t.Errorf("it was ready %s ago, by a clock that was ahead", got.Age)
			}
		})
	}
}

func networkOf(t *testing.T, s *Store, plan common.Hash) ExecutionNetwork {
	t.Helper()
	e, err := s.Execution(t.Context(), plan)
	if err != nil || len(e.Networks) != 1 {
		t.Fatalf("%+v, %v", e, err)
	}
	return e.Networks[0]
}
