package app

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// TestRehearsalWaitsFromTheCommitOn: in a simulation of many blocks the commit comes later than the forecast has it, which a timelock
// counts from.
func TestRehearsalWaitsFromTheCommitOn(t *testing.T) {
	const delay, gasCap = 3600, 16_000_000
	at := rollout.Block{Time: 1000}
	var actions []rollout.Action
	add := func(in rollout.Intent) { actions = append(actions, rollout.Action{Intents: []rollout.Intent{in}}) }
	for range 200 {
		add(rollout.Intent{Step: "deploy", By: rollout.Deployer, Data: make([]byte, 20_000)})
	}
	add(rollout.Intent{Step: "commit", By: rollout.Committer})
	actions = append(actions, rollout.Action{Kind: rollout.Wait, Until: at.Time + 1 + delay})
	add(rollout.Intent{Step: "activate", By: rollout.Applier})

	blocks := rehearsal(at, gasCap, actions, func(rollout.Role) common.Address { return common.Address{} })
	if len(blocks) < 60 || len(blocks) > 120 {
		t.Fatalf("%d blocks for 200 contracts of 20 kB", len(blocks))
	}
	last, before := blocks[len(blocks)-1], blocks[len(blocks)-2]
	if len(last.Calls) != 1 || last.Time < before.Time+delay || last.Time > before.Time+delay+uint64(len(blocks)) {
		t.Errorf("the activation is at %d with %d calls, the commit at %d", last.Time, len(last.Calls), before.Time)
	}
	for i, b := range blocks[1:] {
		if b.Time <= blocks[i].Time {
			t.Errorf("block %d is at %d, the one before at %d", i+1, b.Time, blocks[i].Time)
		}
	}
}

// TestBeyondWhatANodeSimulates: what fails without a reason behind much gas is not said to revert; what gives one is, and so is what
// fails early.
func TestBeyondWhatANodeSimulates(t *testing.T) {
	used, empty, reason := chain.Simulated{Gas: 30_000_000}, chain.Simulated{Failed: true}, chain.Simulated{Failed: true, Data: []byte{1}}
	for name, c := range map[string]struct {
		results [][]chain.Simulated
		want    int
	}{
		"none failed":                     {[][]chain.Simulated{{used, used}, {used}}, -1},
		"failed at once":                  {[][]chain.Simulated{{empty, empty}}, -1},
		"failed behind little":            {[][]chain.Simulated{{used}, {empty}}, -1},
		"failed behind much":              {[][]chain.Simulated{{used, used}, {empty, empty}}, 2},
		"failed behind much, with reason": {[][]chain.Simulated{{used, used}, {reason, empty}}, -1},
	} {
		if got := beyond(c.results, make([]plan.Call, 4)); got != c.want {
			t.Errorf("%s: call %d, want %d", name, got, c.want)
		}
	}
}
