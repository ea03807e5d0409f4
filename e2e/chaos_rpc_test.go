package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/badnode"
)

// passing are faults that endpoints have for some time.
var passing = []badnode.Fault{
	badnode.Delayed, badnode.Late, badnode.Broken, badnode.TooMany, badnode.Dead, badnode.Lagging, badnode.Elsewhere, badnode.NoReceipt,
}

// spell is a time in which an endpoint has a fault.
type spell struct {
	*badnode.Endpoint
	fault badnode.Fault
	after int // so many requests after it has begun are still answered well

	mu   sync.Mutex
	on   bool
	seen int // requests since it has begun
}

// newSpell starts an endpoint before another one.
func newSpell(t *testing.T, upstream, other string, fault badnode.Fault, after int) *spell {
	t.Helper()
	s := &spell{fault: fault, after: after}
	s.Endpoint = newBadNode(t, upstream, func(string) badnode.Fault {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.on {
			return badnode.None
		}
		if s.seen++; s.seen <= s.after {
			return badnode.None
		}
		return s.fault
	})
	s.Other = other
	return s
}

// begin lets it have its fault.
func (s *spell) begin(t *testing.T) {
	t.Helper()
	if err := s.StayHere(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on = true
}

// end ends it, and returns how many requests met it.
func (s *spell) end() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on = false
	return max(0, s.seen-s.after)
}

// TestChaosEndpoints carries a plan out on a network whose endpoints are good, and on others, on each of which one of two endpoints, or the only
// one, begins to have a fault. The first is not held up by the others; who has another endpoint uses it; and all are done when the faults
// are over.
func TestChaosEndpoints(t *testing.T) {
	t.Parallel()
	for _, only := range []bool{false, true} {
		t.Run(map[bool]string{false: "one of two", true: "the only one"}[only], func(t *testing.T) {
			chaos(t, func(t *testing.T, random *rand.Rand) {
				f := newFleet(t, inUse(1+len(passing)), map[string]string{"": everySecond})
				var spells []*spell
				for i, fault := range passing {
					good := f.proxies[i+1].url
					s := newSpell(t, good, f.nodes[0].url, fault, random.IntN(150))
					spells = append(spells, s)
					urls := endpoints(s.URL, good)
					if only {
						urls = s.URL
					}
					f.edit(fmt.Sprintf("rpc: [%q]", good), fmt.Sprintf(`rpc: ["%s"]`, urls))
					t.Logf("%s: %s after %d requests", f.networks[i+1].Name, fault, s.after)
				}
				one := f.approved("one")
				f.keepTimes()
				f.must("--config", "one.yaml", "start", "one-plan.json", "--yes") // it looks at all networks
				for _, s := range spells {
					s.begin(t)
				}
				d := f.serve("one.yaml")
				f.await("one.yaml", one, 4*patience, "done where endpoints are good", func(s executionState) bool {
					state, _ := s.of(f.networks[0].Name)
					return state == "done" && (only || done(s))
				})
				time.Sleep(between(random, 0, 20*time.Second))
				s := f.execution("one.yaml", one)
				live := strings.Join(f.live("one"), " ")
				for i, sp := range spells {
					name := f.networks[i+1].Name
					state, reason := s.of(name)
					t.Logf("%s, %s, was met by %d requests: %s %s", name, sp.fault, sp.end(), state, reason)
					if state == "done" && !strings.Contains(live, name) {
						t.Errorf("%s is said to be done, and is not live", name)
					}
				}
				f.await("one.yaml", one, 4*patience, "done", done)
				select {
				case <-d.ended:
					t.Fatalf("serve ended: %s", d.output())
				default:
				}
				f.checkEnd("one", 1, make([]int, len(f.nodes)), f.needed(), false)
			})
		})
	}
}

// TestChaosOtherChain has the only endpoint of some networks answer for another chain from one request on, where the same plan is done already, at
// the same addresses. What it says is not believed: nothing is done there before it is its own chain again.
func TestChaosOtherChain(t *testing.T) {
	chaos(t, func(t *testing.T, random *rand.Rand) {
		networks := inUse(7)
		var others []string
		for _, n := range networks[1:] {
			others = append(others, n.Name)
		}
		f := newFleet(t, networks, map[string]string{"": everySecond, "one": "rollout:\n  policy: waves\n  waves:\n    - { name: first, networks: [" +
			networks[0].Name + "] }\n    - { name: rest, networks: [" + strings.Join(others, ", ") + "] }\n"})
		var spells []*spell
		for i := range others {
			good := f.proxies[i+1].url
			s := newSpell(t, good, f.nodes[0].url, badnode.Elsewhere, i*40+random.IntN(40))
			spells = append(spells, s)
			f.edit(fmt.Sprintf("rpc: [%q]", good), fmt.Sprintf("rpc: [%q]", s.URL))
			t.Logf("%s: after %d requests", others[i], s.after)
		}
		one := f.approved("one")
		f.keepTimes()
		f.serve("one.yaml")
		f.must("--config", "one.yaml", "start", "one-plan.json", "--yes")
		f.await("one.yaml", one, 4*patience, "done on the first", func(s executionState) bool { return s.states()["done"] > 0 })
		for _, s := range spells {
			s.begin(t)
		}
		time.Sleep(between(random, 20*time.Second, 30*time.Second))
		s := f.execution("one.yaml", one)
		live := strings.Join(f.live("one"), " ")
		for i, sp := range spells {
			state, reason := s.of(others[i])
			t.Logf("%s was met by %d requests: %s %s", others[i], sp.end(), state, reason)
			if state == "done" && !strings.Contains(live, others[i]) {
				t.Errorf("%s is said to be done, and is not live", others[i])
			}
		}
		f.await("one.yaml", one, 4*patience, "done", done)
		f.checkEnd("one", 1, make([]int, len(f.nodes)), f.needed(), false)
	})
}
