package app

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// evidence is what an audit log tells of a period.
type evidence struct {
	from, until int64 // unix seconds
	networks    map[uint64]*watchtime
	finals      map[int64]final // transactions of ours that became final in the period, by their ids in the journal
	alerts      []*alertStory   // of whenever, the oldest first
	pauses      int             // automatic ones of the period

	signed    map[int64]final        // all transactions
	running   map[uint64]common.Hash // manifest of the last rollout of each network
	byAlertID map[int64]*alertStory
}

// watchtime is for how long the health of a network was checked in the period, and for how long it was healthy, in seconds.
type watchtime struct {
	measured, healthy int64
	since             int64 // when what is so was found; 0 if nothing was
	up                bool
	there             bool // a dispatcher was seen
}

// final is a transaction of ours that is final.
type final struct {
	chainID  uint64
	step     string
	reverted bool
	gas      uint64
	manifest common.Hash // of the rollout of its network when it was signed; zero if there was none
}

// alertStory is what has become of an alert.
type alertStory struct {
	rule, subject string
	severity      rule.Severity
	raised        int64 // unix seconds
	grave         int64 // since when it is as severe as it is
	acknowledged  int64 // 0 if it is not
	noted         bool  // whoever has acknowledged it has left a note
	resolved      int64 // 0 if it is not
	resolution    string
}

// gather reads the evidence of a period from a journal.
func gather(ctx context.Context, s *store.Store, from, until int64) (*evidence, error) {
	checked, err := s.HealthChecked(ctx)
	if err != nil {
		return nil, err
	}
	return readEvidence(ctx, s.Audit(ctx, 1), checked, from, until)
}

// readEvidence reads all of a log, since what began before a period is part of it. checked is when the health of each network was checked last.
func readEvidence(ctx context.Context, log iter.Seq2[audit.Entry, error], checked map[uint64]int64, from, until int64) (*evidence, error) {
	v := &evidence{
		from: from, until: until, networks: map[uint64]*watchtime{}, finals: map[int64]final{}, signed: map[int64]final{}, running: map[uint64]common.Hash{},
		byAlertID: map[int64]*alertStory{},
	}
	for e, err := range log {
		if err == nil {
			err = v.take(e)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: see lockstep audit verify", err)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	for chainID, w := range v.networks {
		v.watched(w, checked[chainID])
	}
	return v, nil
}

func (v *evidence) in(at int64) bool { return at >= v.from && at <= v.until }

// read decodes the body of an entry.
func read[T any](e audit.Entry) (body T, err error) {
	if err = json.Unmarshal(e.Body, &body); err != nil {
		err = fmt.Errorf("entry %d of the audit log, %s: %w", e.Seq, e.Kind, err)
	}
	return body, err
}

func (v *evidence) take(e audit.Entry) error {
	switch e.Kind {
	case audit.HealthChanged:
		h, err := read[audit.Health](e)
		if err != nil {
			return err
		}
		v.health(e, h)
	case audit.RunFound, audit.RunBegun:
		r, err := read[audit.Run](e)
		v.running[e.ChainID] = r.Manifest
		return err
	case audit.TransactionFound, audit.TransactionSigned:
		t, err := read[audit.Transaction](e)
		v.signed[t.ID] = final{chainID: e.ChainID, step: t.Step, manifest: v.running[e.ChainID]}
		return err
	case audit.TransactionConfirmed, audit.TransactionReverted:
		o, err := read[audit.Outcome](e)
		if err != nil || !v.in(e.Time) {
			return err
		}
		f := v.signed[o.ID]
		f.gas, f.reverted = o.GasUsed, e.Kind == audit.TransactionReverted
		v.finals[o.ID] = f
	case audit.TransactionLost:
		t, err := read[audit.Turn](e)
		delete(v.finals, t.ID)
		return err
	case audit.PauseEnded:
		p, err := read[audit.PauseEnd](e)
		if p.Outcome == string(rollout.PauseLanded) && v.in(e.Time) {
			v.pauses++
		}
		return err
	case audit.AlertRaised, audit.AlertAcknowledged, audit.AlertResolved:
		a, err := read[audit.Alert](e)
		if err != nil {
			return err
		}
		v.alert(e, a)
	}
	return nil
}

// noDispatcher begins what health says of a network to which nothing was deployed.
var noDispatcher = strings.TrimSuffix((&dispatcher.NotDeployedError{}).Error(), common.Address{}.String())

func (v *evidence) health(e audit.Entry, h audit.Health) {
	w := v.networks[e.ChainID]
	if w == nil {
		w = &watchtime{}
		v.networks[e.ChainID] = w
	}
	end := e.Time
	if h.Unseen != 0 {
		end = min(end, h.Unseen)
	}
	v.watched(w, end)
	w.since, w.up = e.Time, h.Healthy
	w.there = w.there || h.Problem != cannotBeAsked && !strings.HasPrefix(h.Problem, noDispatcher)
}

// watched counts the time until which what was found last was so. Time in which nobody looked is not counted, nor is that before a dispatcher was
// seen for the first time.
func (v *evidence) watched(w *watchtime, end int64) {
	span := min(end, v.until) - max(w.since, v.from)
	if w.since == 0 || span <= 0 || !w.there {
		return
	}
	w.measured += span
	if w.up {
		w.healthy += span
	}
}

func (v *evidence) alert(e audit.Entry, a audit.Alert) {
	s := v.byAlertID[a.ID]
	if s == nil {
		s = &alertStory{rule: a.Rule, subject: a.Subject, raised: e.Time}
		v.byAlertID[a.ID] = s
		v.alerts = append(v.alerts, s)
	}
	switch e.Kind {
	case audit.AlertRaised: // or raised again, since it is graver, and is to be acknowledged again
		s.severity, s.grave, s.acknowledged, s.noted = rule.Severity(a.Severity), e.Time, 0, false
	case audit.AlertAcknowledged:
		s.acknowledged, s.noted = e.Time, strings.TrimSpace(a.Note) != ""
	case audit.AlertResolved:
		s.resolved, s.resolution = e.Time, a.Resolution
	}
}
