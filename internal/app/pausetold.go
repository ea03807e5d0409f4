package app

import (
	"context"
	"fmt"
	"slices"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// pausesTold is how many of the newest decisions are looked at: what becomes of them is told.
const pausesTold = 50

// lookAtPauses tells people what has become of automatic pauses since this process began to watch.
func (j *journalSight) lookAtPauses(ctx context.Context) error {
	decisions, err := j.server.app.store.Pauses(ctx, pausesTold)
	if err != nil {
		return err
	}
	first := j.pauses == nil
	now := map[int64]rollout.PauseOutcome{}
	for _, d := range slices.Backward(decisions) { // the oldest first
		now[d.ID] = d.Outcome
		if first || j.pauses[d.ID] == d.Outcome {
			continue
		}
		if err := j.tellOfPause(ctx, d); err != nil {
			return err
		}
	}
	j.pauses = now
	return nil
}

func (j *journalSight) tellOfPause(ctx context.Context, d rollout.Pause) error {
	n := j.server.network(d.ChainID)
	if n == nil {
		return nil
	}
	alerts, err := j.server.app.store.Alerts(ctx, store.AlertQuery{Since: d.DecidedAt/1000 - 24*60*60})
	if err != nil {
		return err
	}
	i := slices.IndexFunc(alerts, func(r rule.Record) bool { return r.Fingerprint == d.Fingerprint })
	if i < 0 {
		return nil
	}
	says, paused := became(d)
	advice, byHand := fmt.Sprintf("The automatic pause of %s %s.", n.Name, says), "lockstep alert pauses"
	if !paused {
		advice += " If this is real, pause it by hand, now."
		byHand = "lockstep pause --network " + n.Name
	}
	return j.server.eyes.monitor.Follow(ctx, alerts[i], fmt.Sprintf("pause %d %s", d.ID, d.Outcome), advice, byHand)
}

// became says what has become of a decision to pause, and whether nobody need do it by hand.
func became(d rollout.Pause) (says string, paused bool) {
	why := ""
	if d.Note != "" {
		why = ": " + d.Note
	}
	switch d.Outcome {
	case rollout.PauseSent:
		return "is sent, and in no block yet", true
	case rollout.PauseLanded:
		return "has landed: routed calls revert", true
	case rollout.PauseAlready:
		return "has found it paused already", true
	case rollout.PauseDryRun:
		return "did nothing, since its mode is dry-run", false
	case rollout.PauseLimited:
		return "did nothing" + why, false
	case rollout.PauseRefused:
		return "was refused" + why, false
	case rollout.PauseFailed:
		return "has failed" + why, false
	}
	return "is " + string(d.Outcome), false
}
