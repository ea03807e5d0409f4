package rule

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// refused is a call of a sender that lacks the role, in a transaction of its own.
func refused(sender, tx int, contract byte) Seen {
	return Seen{
		Sight: SawRefusal, Subject: "AccessControlUnauthorizedAccount", Network: "base", ChainID: 8453, At: 1_000_000, Contract: common.Address{contract},
		By: common.BigToAddress(big.NewInt(int64(sender))), Tx: common.BigToHash(big.NewInt(int64(tx))), Block: rollout.Block{Number: 5, Hash: common.Hash{5}},
	}
}

// TestManySendersPageOnce: anybody can have calls refused by as many accounts as they please.
func TestManySendersPageOnce(t *testing.T) {
	for name, c := range map[string]struct {
		senders, calls int // of each
		raised         int
		counts         string // senders without an alert of their own; empty if there is no alert about them
	}{
		"a few":         {senders: 20, calls: 2, raised: 20},
		"one more":      {senders: 21, calls: 1, raised: 21, counts: "1"},
		"once each":     {senders: 3000, calls: 1, raised: 21, counts: "2980"},
		"several times": {senders: 30, calls: 4, raised: 21, counts: "10"},
	} {
		t.Run(name, func(t *testing.T) {
			e := New(nil)
			raised, tx := 0, 0
			for range c.calls {
				for sender := range c.senders {
					tx++
					for _, change := range e.See(refused(sender+1, tx, 1)) {
						if change.Turn == Raised {
							raised++
						}
					}
				}
			}
			if raised != c.raised || len(e.Firing()) != c.raised {
				t.Errorf("%d were raised, %d fire", raised, len(e.Firing()))
			}
			var counts string
			for _, a := range e.Firing() {
				if a.Severity != High || a.Rule != UnauthorizedAccess {
					t.Errorf("%s, %s", a.Rule, a.Severity)
				}
				if strings.HasPrefix(a.Subject, manySenders) {
					counts = a.Details[0].Value
					if want := (c.senders - ownAlerts) * c.calls; a.Count != want || a.Details[0].Name != senders || a.Details[1].Value == "" {
						t.Errorf("%d calls, want %d; %v", a.Count, want, a.Details)
					}
				}
			}
			if counts != c.counts {
				t.Errorf("it counts %q, want %q", counts, c.counts)
			}
		})
	}
}

// TestManySendersOfOneContract: another contract, or network, has its own, and so has a sender when one of the others is over.
func TestManySendersOfOneContract(t *testing.T) {
	e := New(nil)
	for sender := range 25 {
		e.See(refused(sender+1, sender+1, 1))
	}
	for want, s := range map[string]Seen{address(common.BigToAddress(big.NewInt(99))): refused(99, 99, 2), "renewed": refused(3, 100, 1)} {
		got := e.See(s)
		if len(got) != 1 || got[0].Alert.Subject != want && string(got[0].Turn) != want {
			t.Errorf("%s: %+v", want, got)
		}
	}
	elsewhere := refused(98, 98, 1)
	elsewhere.Network = "optimism"
	if got := e.See(elsewhere); len(got) != 1 || got[0].Alert.Subject != address(elsewhere.By) {
		t.Errorf("on another network: %+v", got)
	}
	var kept []Alert
	for _, a := range e.Firing() {
		if a.Subject != address(refused(1, 1, 1).By) {
			kept = append(kept, a)
		}
	}
	next := New(nil) // another process goes on, and one of them is over
	next.Restore(kept, nil)
	if got := next.See(refused(200, 200, 1)); len(got) != 1 || got[0].Alert.Subject != address(refused(200, 1, 1).By) {
		t.Errorf("one is over: %+v", got)
	}
	if got := next.See(refused(201, 201, 1)); len(got) != 1 || got[0].Turn != Renewed || got[0].Alert.Details[0].Value != "6" {
		t.Errorf("who goes on counts %+v", got)
	}
}

// TestAlertsEndInTheirTime: though they are looked at only when one may end.
func TestAlertsEndInTheirTime(t *testing.T) {
	e := New(nil)
	window := e.settings[UnauthorizedAccess].Window * 1000
	const began, acked = 1_000_000, 2_000_000
	for sender := range 3 {
		e.See(refused(sender+1, sender+1, 1))
	}
	tick := func(at int64) (ended []string) {
		for _, c := range e.See(Seen{Sight: SawTick, At: at}) {
			ended = append(ended, fmt.Sprint(c.Turn, " ", c.Alert.Subject))
		}
		return ended
	}
	of := func(sender int) string { return address(refused(sender, 1, 1).By) }
	acknowledge := func(sender int, at int64) {
		e.See(Seen{Sight: SawAcknowledged, At: at, Subject: Fingerprint(UnauthorizedAccess, "base", of(sender))})
	}
	if got := tick(began + 10*window); len(got) != 0 {
		t.Fatalf("nobody has them in hand, and %v", got)
	}
	later := began + 10*window
	acknowledge(1, later+acked)
	acknowledge(2, later) // which is told later, and ends sooner
	again := refused(1, 50, 1)
	again.At = later + acked + 5000
	e.See(again)
	for _, c := range []struct {
		at   int64
		want string
	}{
		{later + window - 1, ""},
		{later + window, "resolved " + of(2)},
		{later + acked + window, ""}, // it was seen again
		{later + acked + 5000 + window - 1, ""},
		{later + acked + 5000 + window, "resolved " + of(1)},
		{later + acked + 100*window, ""},
	} {
		if got := strings.Join(tick(c.at), ", "); got != c.want {
			t.Errorf("at %d: %q, want %q", c.at, got, c.want)
		}
	}
}
