package sight

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

const (
	surveys = 15 // seconds of block time from one survey to the next
	stuck   = 60 // an endpoint whose newest block is so many seconds before that of another one does not serve
	settled = 16 // blocks under the newest in which endpoints that are on the same chain agree
)

// survey asks the endpoints how they are, beside the looks: one that hangs must not hold up an alarm.
type survey struct {
	last    uint64 // block time of the last one
	suspect uint64 // a height at which they did not agree; 0 if there is none
	apart   bool   // a disagreement was told, by this survey or one before it in another process

	running sync.WaitGroup
	cancel  context.CancelFunc
	done    chan []rule.Seen
}

// begin begins a survey if one is due and none is running.
func (v *survey) begin(ctx context.Context, c Chain, head rollout.Block) {
	if v.done != nil || v.last > 0 && head.Time < v.last+surveys && head.Time >= v.last {
		return
	}
	v.last = head.Time
	done := make(chan []rule.Seen, 1)
	v.done = done
	// it goes on after the look
	ctx, v.cancel = context.WithCancel(context.WithoutCancel(ctx))
	v.running.Go(func() { done <- v.ask(ctx, c) })
}

// collect returns what a survey has found, if it has ended.
func (v *survey) collect() []rule.Seen {
	select {
	case seen := <-v.done:
		v.cancel()
		v.done = nil
		return seen
	default:
		return nil
	}
}

func (v *survey) close() {
	if v.cancel != nil {
		v.cancel()
	}
	v.running.Wait()
}

// ask is the survey. Only one runs at a time, so that it may use what the one before has left.
func (v *survey) ask(ctx context.Context, c Chain) []rule.Seen {
	states := c.Endpoints(ctx)
	var newest rollout.Block
	lowest, good := uint64(0), 0
	for _, e := range states {
		if e.Err != nil {
			continue
		}
		if e.Block.Time > newest.Time {
			newest = e.Block
		}
		if good == 0 || e.Block.Number < lowest {
			lowest = e.Block.Number
		}
		good++
	}
	var out []rule.Seen
	for _, e := range states {
		seen := rule.Seen{Sight: rule.SawEndpoint, Subject: e.Name}
		switch {
		case e.Err != nil:
			seen.Failed, seen.Is = true, e.Err.Error()
		case newest.Time > e.Block.Time+stuck:
			seen.Failed, seen.Is = true, fmt.Sprintf("its newest block is %d, another endpoint has %d", e.Block.Number, newest.Number)
		}
		out = append(out, seen)
	}
	if good < 2 {
		return out
	}
	return append(out, v.compare(ctx, c, lowest)...)
}

// compare compares the blocks of endpoints at equal height. At the tip of a chain two may differ for a moment: that counts when they still do
// at the same height the next time, or do in older blocks as well.
func (v *survey) compare(ctx context.Context, c Chain, lowest uint64) []rule.Seen {
	heights := []uint64{lowest}
	if v.suspect > 0 {
		heights = []uint64{min(v.suspect, lowest), lowest}
	}
	suspected := v.suspect > 0
	v.suspect = 0
	for i, height := range heights {
		seen, differ := disagreement(c.HashesAt(ctx, height), height)
		switch {
		case !differ:
			continue
		case suspected && i == 0:
			v.suspect, v.apart = height, true
			return []rule.Seen{seen}
		}
		if height > settled {
			deep := height - settled
			if seen, differ := disagreement(c.HashesAt(ctx, deep), deep); differ {
				v.suspect, v.apart = deep, true
				return []rule.Seen{seen}
			}
		}
		v.suspect = max(height, 1)
		return nil
	}
	if !v.apart {
		return nil
	}
	v.apart = false
	seen, _ := disagreement(c.HashesAt(ctx, lowest), lowest)
	seen.Failed, seen.Is = false, "they agree"
	return []rule.Seen{seen}
}

// disagreement compares what endpoints say of a height. Those that say nothing are left out.
func disagreement(states []chain.EndpointState, height uint64) (rule.Seen, bool) {
	var names, hashes []string
	differ := false
	var first rollout.Block
	for _, e := range states {
		if e.Err != nil {
			continue
		}
		if len(names) == 0 {
			first = e.Block
		}
		differ = differ || e.Block.Hash != first.Hash
		names = append(names, e.Name)
		hashes = append(hashes, fmt.Sprintf("%s: %s", e.Name, e.Block.Hash))
	}
	slices.Sort(names)
	return rule.Seen{
		Sight: rule.SawDisagreement, Subject: strings.Join(names, ", "), Failed: differ, Is: strings.Join(hashes, ", "),
		Block: rollout.Block{Number: height, Time: first.Time},
	}, differ
}
