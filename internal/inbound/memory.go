package inbound

import (
	"slices"
	"sync"
	"time"
)

// maxRemembered bounds how many deliveries a hook remembers. The oldest are forgotten first.
const maxRemembered = 16_384

// remember is for how long the deliveries of a kind are: longer than one is taken for recent.
func remember(k Kind) time.Duration {
	if k == KindPagerDuty {
		return pagerDutyAge + 2*pagerDutyAhead
	}
	return 3 * Tolerance
}

// memory is which deliveries there were. What was delivered before this process began is not in it: what follows from a delivery must be the
// same if it comes twice.
type memory struct {
	keep time.Duration

	mu    sync.Mutex
	at    map[string]time.Time
	order []string // of their arrival
}

// first tells whether an id is new, and remembers it. What has no id is always new.
func (m *memory) first(id string, now time.Time) bool {
	if id == "" {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.at == nil {
		m.at = map[string]time.Time{}
	}
	for len(m.order) > 0 {
		oldest := m.order[0]
		if now.Sub(m.at[oldest]) < m.keep && len(m.order) < maxRemembered {
			break
		}
		delete(m.at, oldest)
		m.order = m.order[1:]
	}
	if _, known := m.at[id]; known {
		return false
	}
	m.at[id], m.order = now, append(m.order, id)
	return true
}

func (m *memory) forget(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i := slices.Index(m.order, id); i >= 0 {
		m.order = slices.Delete(m.order, i, i+1)
	}
	delete(m.at, id)
}
