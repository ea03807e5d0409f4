package web

import (
	"net/netip"
	"sync"
	"time"
)

// A remote address may present this many wrong tokens at once, and then one each forgive.
const (
	maxFailures = 10
	forgive     = time.Second
)

// maxAddresses bounds what is remembered. More addresses share one count.
const maxAddresses = 10_000

// limiter counts wrong tokens by the address that presented them. A secret of 256 bits cannot be guessed; what is limited is the work that
// trying makes.
type limiter struct {
	mu       sync.Mutex
	failures map[netip.Prefix]failures
}

// failures are how many there were, of which one is forgiven each forgive since at.
type failures struct {
	n  int
	at time.Time
}

// left is what is not forgiven at a time.
func (f failures) left(now time.Time) failures {
	gone := int(now.Sub(f.at) / forgive)
	if gone >= f.n {
		return failures{at: now}
	}
	return failures{f.n - gone, f.at.Add(time.Duration(gone) * forgive)}
}

// source is the address that a count is of: of IPv6 the network, since whoever has one address has all of it.
func source(remote string) netip.Prefix {
	addr, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	ip := addr.Addr().Unmap().WithZone("")
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// wait is how long an address must wait until it may present a token, 0 if it may now.
func (l *limiter) wait(remote string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.failures[l.key(source(remote))].left(now)
	if f.n < maxFailures {
		return 0
	}
	return f.at.Add(forgive).Sub(now)
}

// fail counts a wrong token.
func (l *limiter) fail(remote string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failures == nil {
		l.failures = map[netip.Prefix]failures{}
	}
	key := source(remote)
	if _, known := l.failures[key]; !known && len(l.failures) >= maxAddresses {
		for k, f := range l.failures {
			if f.left(now).n == 0 {
				delete(l.failures, k)
			}
		}
	}
	key = l.key(key)
	f := l.failures[key].left(now)
	l.failures[key] = failures{min(f.n+1, maxFailures), f.at}
}

// key is the count that an address has, or shares.
func (l *limiter) key(of netip.Prefix) netip.Prefix {
	if _, known := l.failures[of]; known || len(l.failures) < maxAddresses {
		return of
	}
	return netip.Prefix{}
}
