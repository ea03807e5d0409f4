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
	for len(m.order) > 0 && now.Sub(m.at[m.order[0]]) >= m.keep {
		m.drop()
	}
	if _, known := m.at[id]; known {
		return false
	}
	if len(m.order) >= maxRemembered {
		m.drop()
	}
	m.at[id], m.order = now, append(m.order, id)
	return true
}

// drop forgets the oldest.
func (m *memory) drop() {
	delete(m.at, m.order[0])
	m.order = m.order[1:]
}

func (m *memory) forget(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i := slices.Index(m.order, id); i >= 0 {
		m.order = slices.Delete(m.order, i, i+1)
	}
	delete(m.at, id)
}
