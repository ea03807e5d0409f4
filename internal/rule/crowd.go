package rule

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ethereum/go-ethereum/common"
)

// A call that lacks a role costs its sender little, and a sender costs nothing: whoever wants to can have thousands of accounts try the doors of a contract, to bury
// what matters. So there is an alert for each of the first senders, and one for all others.
const (
	ownAlerts = 20      // unauthorized_access of one contract: so many senders have one of their own at a time
	counted   = 100_000 // senders, after which they are not told apart
)

// manySenders begins the subject of the alert about all others, and senders names its detail that counts them.
const (
	manySenders = "many senders to "
	senders     = "senders"
)

// crowded tells whether a sender that was refused has no alert of its own, and is to get none.
func (e *Engine) crowded(s Seen) bool {
	if e.alerts[Fingerprint(UnauthorizedAccess, s.Network, address(s.By))] != nil {
		return false
	}
	n := 0
	for _, f := range e.alerts {
		if f.Rule == UnauthorizedAccess && f.Network == s.Network && f.Contract == s.Contract && !strings.HasPrefix(f.Subject, manySenders) {
			n++
		}
	}
	return n >= ownAlerts
}

// crowd raises, or renews, the alert about all other senders.
func (e *Engine) crowd(s Seen, details []Detail) {
	subject := manySenders + address(s.Contract)
	fingerprint := Fingerprint(UnauthorizedAccess, s.Network, subject)
	seen, before := map[common.Address]bool{}, 0
	if f := e.alerts[fingerprint]; f != nil {
		before = f.before
		if f.senders != nil {
			seen = f.senders
		}
	}
	if len(seen) < counted {
		seen[s.By] = true
	}
	e.raise(s, UnauthorizedAccess, Alert{
		Subject: subject, Summary: fmt.Sprintf("calls of many senders were refused, besides %d that have an alert each: they lack the role", ownAlerts),
		Details: append([]Detail{{senders, fmt.Sprint(before + len(seen))}}, details...),
	})
	if f := e.alerts[fingerprint]; f != nil { // the rule may be off
		f.senders = seen
	}
}

// sendersOf is how many senders an alert about many counts.
func sendersOf(a Alert) int {
	if a.Rule != UnauthorizedAccess || !strings.HasPrefix(a.Subject, manySenders) {
		return 0
	}
	for _, d := range a.Details {
		if n, err := strconv.Atoi(d.Value); d.Name == senders && err == nil {
			return n
		}
	}
	return 0
}
