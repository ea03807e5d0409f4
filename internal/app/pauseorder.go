package app

import (
	"log/slog"
	"sync"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// An order to pause is given when its alert is raised, and again at each tick while that fires and nobody has it in hand, by whichever process watches:
//
//	given ──► carried out ──► decided: over
//	              │ ▲    └──► refused: it is looked at again every patience, since the reason may be gone
//	              ▼ │
//	            failed: again after impatience, twice that, ... patience
//
// That a decision is in the journal is what makes it over, not that this process knows of it; so nothing is sent twice. An order is good for as long as a decision
// is: for an hour after what it is about was last seen.
const (
	impatience = time.Second
	patience   = 30 * time.Second
	orderGood  = rollout.PauseHour * time.Millisecond
	orderTime  = time.Minute // for one try
)

// orders are what this process knows of the orders that it was given.
type orders struct {
	log *slog.Logger

	mu  sync.Mutex
	all map[orderKey]*order
}

// orderKey tells orders apart, as the journal does.
type orderKey struct {
	fingerprint string
	raisedAt    int64
}

type order struct {
	heard     time.Time // when it was last given
	noticed   time.Time // when what it is about arrived here; zero if that was in another process
	running   bool
	over      bool
	tried     int
	endpoints int           // that agreed when it was last tried
	wait      time.Duration // after the last try
	next      time.Time     // when it may be tried again
	lapsed    bool
}

func newOrders(log *slog.Logger) *orders { return &orders{log: log, all: map[orderKey]*order{}} }

func (o PauseOrder) key() orderKey { return orderKey{o.Alert.Fingerprint, o.Alert.LastRaised()} }

// until is when an order is no longer good.
func (o PauseOrder) until() time.Time { return time.Unix(o.Alert.SeenAt, 0).Add(orderGood) }

// begin tells whether an order that is given is to be carried out now, and how: who does says end.
func (x *orders) begin(o PauseOrder, now time.Time) (PauseOrder, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for key, old := range x.all { // whose alert fires no more, or is in somebody's hands
		if !old.running && now.Sub(old.heard) > orderGood {
			delete(x.all, key)
		}
	}
	is := x.all[o.key()]
	if is == nil {
		is = &order{noticed: o.Seen}
		x.all[o.key()] = is
	}
	is.heard = now
	o.Again = is.tried > 0 || o.Seen.IsZero() // it may be decided already
	o.Seen = is.noticed
	more := o.Endpoints > is.endpoints
	if is.running || is.over || now.Before(is.next) && !more {
		return o, false
	}
	if o.Again && now.After(o.until()) {
		if is.tried > 0 && !is.lapsed {
			x.log.Error("an automatic pause is given up: it could not be decided within an hour of when what asks for it was last seen; see to it by hand: lockstep pause",
				"rule", o.Alert.Rule, "network", o.Alert.Network, "fingerprint", o.Alert.Fingerprint)
		}
		is.lapsed = true
		return o, false
	}
	is.running, is.endpoints, is.lapsed = true, o.Endpoints, false
	is.tried++
	return o, true
}

// end takes in what has become of an order on each network.
func (x *orders) end(o PauseOrder, decisions []PauseDecision, now time.Time) {
	failed, refused := false, false
	for _, d := range decisions {
		failed = failed || d.ID == 0
		refused = refused || d.Outcome == rollout.PauseRefused
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	is := x.all[o.key()]
	is.running = false
	switch {
	case failed:
		is.wait = min(max(impatience, 2*is.wait), patience)
	case refused:
		is.wait = patience
	default:
		is.over = true
		return
	}
	is.next = now.Add(is.wait)
	if failed {
		x.log.Warn("an automatic pause is not decided yet; it is tried again", "rule", o.Alert.Rule, "network", o.Alert.Network, "fingerprint", o.Alert.Fingerprint,
			"tried", is.tried, "in", is.wait, "until", o.until().UTC().Format(time.RFC3339))
	}
}
