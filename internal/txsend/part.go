package txsend

import (
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// Part is a piece of the work on steps, as it was timed.
type Part struct {
	Name     string      // simulate, sign, journal or broadcast
	Steps    []string    // that it was for
	Plan     common.Hash // that holds them; zero before they are signed
	From, To time.Time
	Err      error
}

// timed begins a part. What it returns ends it, and says for which steps it was.
func (s *Sender) timed(name string) func(steps []string, plan common.Hash, err error) {
	if s.cfg.Timed == nil {
		return func([]string, common.Hash, error) {}
	}
	from := time.Now()
	return func(steps []string, plan common.Hash, err error) {
		s.cfg.Timed(Part{Name: name, Steps: steps, Plan: plan, From: from, To: time.Now(), Err: err})
	}
}

// timedOn is timed for transactions of one sequence.
func (s *Sender) timedOn(name string, ts []rollout.Transaction) func(err error) {
	end := s.timed(name)
	var steps []string
	for _, t := range ts {
		steps = append(steps, t.Step)
	}
	return func(err error) {
		if len(ts) > 0 {
			end(steps, ts[0].Plan, err)
		}
	}
}

// intended are the steps of intents.
func intended(ins []rollout.Intent) (out []string) {
	for _, in := range ins {
		out = append(out, in.Step)
	}
	return out
}

// unsent are those that no node, or relay, has taken from this process.
func (s *Sender) unsent(ts []rollout.Transaction) (out []rollout.Transaction) {
	for _, t := range ts {
		if !s.sent[t.ID] {
			out = append(out, t)
		}
	}
	return out
}
