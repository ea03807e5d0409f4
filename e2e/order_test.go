package e2e

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

const everySecond = "serve: { listen: \"127.0.0.1:0\", health: 1s }\n"

// live tells on which networks a version is active.
func (f *fleet) live(version string) (names []string) {
	f.t.Helper()
	for i, n := range f.nodes {
		s, err := n.state(f.t.Context(), f.dispatcher())
		if err == nil && s.activeRoot == f.manifest(version).Root {
			names = append(names, f.networks[i].Name)
		}
	}
	return names
}

// firstVersion brings version one to all networks.
func (f *fleet) firstVersion() {
	f.t.Helper()
	f.approved("one")
	f.keepTimes()
	f.must("--config", "one.yaml", "rollout", "one-plan.json", "--yes")
	if got := f.live("one"); len(got) != len(f.nodes) {
		f.t.Fatalf("version one is live on %v", got)
	}
}

// states says in which state an execution is on how many networks.
func (s executionState) states() map[string]int {
	out := map[string]int{}
	for _, n := range s.Networks {
		out[n.State]++
	}
	return out
}

// mustSayWhy fails if the networks are not all alike, and one of those that are behind has no row that says why.
func (s executionState) mustSayWhy(t *testing.T) {
	t.Helper()
	for _, n := range s.Networks {
		if n.State != "done" && n.Reason == "" {
			t.Errorf("%s is %s without a reason", n.Network, n.State)
		}
	}
}

// TestTogether holds an upgrade back on all networks because one cannot be reached, past the time in which the commitments can be used; an
// operator takes that network out, and the others are activated; and then it is brought to where they are.
func TestTogether(t *testing.T) {
	t.Parallel()
	f := newFleet(t, inUse(4), map[string]string{"": everySecond, "two": together})
	f.firstVersion()
	before := f.counts()
	two := f.approved("two")
	lost := len(f.nodes) - 1
	name := f.networks[lost].Name
	f.serve("two.yaml")
	f.must("--config", "two.yaml", "start", "two-plan.json", "--yes")
	f.proxies[lost].cutOff("{")
	held := func(s executionState) bool { return s.states()["ready"] == lost && s.states()["unreachable"] == 1 }
	s := f.await("two.yaml", two, 4*patience, "held", held)
	s.mustSayWhy(t)
	if _, reason := s.of(name); !strings.Contains(reason, "no endpoint answers") {
		t.Errorf("%s: %s", name, reason)
	}
	if got := f.live("two"); len(got) != 0 {
		t.Fatalf("live on %v while one cannot be reached", got)
	}
	// the commitments expire while all are held: they are made again, and wait for their timelock again
	for _, n := range f.nodes[:lost] {
		if err := n.passTime(t.Context(), 15*24*3600); err != nil {
			t.Fatal(err)
		}
	}
	f.await("two.yaml", two, 2*patience, "made again", func(s executionState) bool {
		n := 0
		for i, node := range f.nodes[:lost] {
			chain, err := node.transactions(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, tx := range chain[before[i]:] {
				if strings.HasPrefix(tx.Input, fmt.Sprintf("%#x", crypto.Keccak256([]byte("commitRoot(bytes32,uint64)"))[:4])) {
					n++
				}
			}
		}
		return n == 2*lost && held(s)
	})
	if got := f.live("two"); len(got) != 0 {
		t.Fatalf("live on %v while one cannot be reached", got)
	}
	f.must("--config", "two.yaml", "execution", "exclude", two, "--network", name, "--reason", "its operator says that it is down for days", "--yes")
	s = f.await("two.yaml", two, 2*patience, "done", done)
	s.mustSayWhy(t)
	if !s.Released || s.states()["done"] != lost || s.states()["excluded"] != 1 {
		t.Errorf("%+v", s)
	}
	if got := f.live("two"); len(got) != lost {
		t.Errorf("live on %v", got)
	}

	// back, and behind
	f.proxies[lost].cutOff("")
	behind := f.start("--config", "two.yaml", "sync")
	if code := behind.code(); code != 3 || !strings.Contains(behind.stdout.String(), name+": its operator says that it is down for days") {
		t.Errorf("sync: exit code %d\n%s%s", code, behind.stdout.String(), behind.output())
	}
	f.commitAll()
	f.must("--config", "two.yaml", "sync", "-o", "sync.json")
	for _, approver := range []string{"alice", "bob"} {
		f.must("--config", "two.yaml", "approve", "sync.json", "--signer", approver, "--yes")
	}
	f.must("--config", "two.yaml", "start", "sync.json", "--yes")
	f.await("two.yaml", f.digest("sync.json"), 2*patience, "done", done)
	f.must("--config", "two.yaml", "sync")
	f.must("--config", "two.yaml", "status", "two.json", "--check")
	f.must("--config", "two.yaml", "health")
	f.must("--config", "two.yaml", "audit", "verify")
}

// TestTogetherInPart lets all networks go at once, when one can be read and not be sent to any more: the others are live, that one has a row that
// says why it is not, and it follows when it can.
func TestTogetherInPart(t *testing.T) {
	t.Parallel()
	f := newFleet(t, inUse(3), map[string]string{"": everySecond, "two": together})
	f.firstVersion()
	two := f.approved("two")
	d := f.serve("two.yaml")
	f.must("--config", "two.yaml", "start", "two-plan.json", "--yes")
	lost := len(f.nodes) - 1
	name := f.networks[lost].Name
	// its commit and its page go out; then nothing does
	f.await("two.yaml", two, patience, "staged", func(executionState) bool {
		n, err := f.nodes[lost].staged(t.Context(), f.dispatcher(), f.manifest("two").Root)
		return err == nil && n == len(f.manifest("two").Pages)
	})
	f.proxies[lost].cutOff("eth_sendRawTransaction")
	s := f.await("two.yaml", two, 4*patience, "done elsewhere", func(s executionState) bool {
		state, _ := s.of(name)
		return s.states()["done"] == lost && state != "ready" && state != "working"
	})
	s.mustSayWhy(t)
	if state, reason := s.of(name); !s.Released || reason == "" || state == "done" {
		t.Errorf("%s is %s: %s", name, state, reason)
	}
	if got := f.live("two"); len(got) != lost {
		t.Errorf("live on %v", got)
	}
	// what was let go stays let go, whoever goes on
	d.kill()
	f.proxies[lost].cutOff("")
	f.serve("two.yaml")
	f.await("two.yaml", two, 2*patience, "done", done)
	if got := f.live("two"); len(got) != len(f.nodes) {
		t.Errorf("live on %v", got)
	}
	f.must("--config", "two.yaml", "audit", "verify")
}

// TestOrderOfAPart carries a plan out on one of its networks alone: that is not let go without the other.
func TestOrderOfAPart(t *testing.T) {
	t.Parallel()
	f := newFleet(t, inUse(2), map[string]string{"two": together})
	f.firstVersion()
	two := f.approved("two")
	name, other := f.networks[0].Name, f.networks[1].Name
	part := f.start("--config", "two.yaml", "rollout", "two-plan.json", "--network", name, "--yes")
	begun(f, part)
	s := f.await("two.yaml", two, patience, "ready on one", func(s executionState) bool { state, _ := s.of(name); return state == "ready" })
	if state, reason := s.of(other); state != "waiting" || reason == "" {
		t.Errorf("%s is %s: %s", other, state, reason)
	}
	time.Sleep(3 * time.Second)
	if got := f.live("two"); len(got) != 0 {
		t.Errorf("live on %v", got)
	}
	part.kill()
	f.must("--config", "two.yaml", "rollout", "two-plan.json", "--yes")
	if got := f.live("two"); len(got) != 2 {
		t.Errorf("live on %v", got)
	}
	refused := f.start("--config", "two.yaml", "start", "two-plan.json", "--network", name, "--yes")
	if code := refused.code(); code != 1 || !strings.Contains(refused.output(), "handed over as a whole") {
		t.Errorf("exit code %d: %s", code, refused.output())
	}
}

// begun waits until a command has begun to carry its plan out.
func begun(f *fleet, p *process) {
	f.t.Helper()
	for deadline := time.Now().Add(patience); !strings.Contains(p.output(), " sent "); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			f.t.Fatalf("nothing is sent: %s", p.output())
		}
	}
}

// TestWaves begins the second wave only after the first was healthy for its time: while routed calls are paused there, it is not.
func TestWaves(t *testing.T) {
	t.Parallel()
	networks := inUse(3)
	waves := "rollout:\n  policy: waves\n  testnets: 1\n  waves:\n    - { name: canary, networks: [" + networks[0].Name + "], soak: 5s }\n    - { name: rest, networks: [" +
		networks[1].Name + ", " + networks[2].Name + "] }\n"
	f := newFleet(t, networks, map[string]string{"": everySecond, "two": waves})
	f.firstVersion()
	two := f.approved("two")
	before := f.counts()
	f.serve("two.yaml")
	canary := networks[0].Name
	f.must("--config", "two.yaml", "start", "two-plan.json", "--yes")
	s := f.await("two.yaml", two, 2*patience, "live on the first", func(s executionState) bool { state, _ := s.of(canary); return state == "done" })
	f.act("pause", canary)
	s.mustSayWhy(t)
	f.await("two.yaml", two, patience, "held by the pause", func(s executionState) bool {
		_, reason := s.of(networks[1].Name)
		return strings.Contains(reason, "paused")
	})
	// far longer than the time for which it must be healthy
	time.Sleep(10 * time.Second)
	for i := 1; i < 3; i++ {
		if n := f.counts()[i] - before[i]; n != 0 {
			t.Errorf("%d transactions were sent to %s while the first wave is not healthy", n, networks[i].Name)
		}
	}
	if got := f.live("two"); len(got) != 1 || got[0] != canary {
		t.Errorf("live on %v", got)
	}
	paused := time.Now()
	f.act("unpause", canary)
	f.await("two.yaml", two, 4*patience, "done", done)
	if since := time.Since(paused); since < 5*time.Second {
		t.Errorf("the second wave was done %s after the first was healthy again", since)
	}
	if got := f.live("two"); len(got) != 3 {
		t.Errorf("live on %v", got)
	}
	f.must("--config", "two.yaml", "audit", "verify")
}

// TestWavesByACommand has the same order without a daemon.
func TestWavesByACommand(t *testing.T) {
	t.Parallel()
	networks := inUse(3)
	waves := "rollout:\n  policy: waves\n  waves:\n    - { name: a, networks: [" + networks[2].Name + "], soak: 3s }\n    - { name: b, networks: [" +
		networks[1].Name + ", " + networks[0].Name + "] }\n"
	f := newFleet(t, networks, map[string]string{"": everySecond, "one": waves})
	f.approved("one")
	f.keepTimes()
	p := f.start("--config", "one.yaml", "rollout", "one-plan.json", "--yes")
	p.mustSucceed(t)
	if !strings.Contains(p.output(), "held back: wave a comes first: ") {
		t.Errorf("nothing was held back: %s", p.output())
	}
	s := f.execution("one.yaml", f.digest("one-plan.json"))
	first := s.doneAt(networks[2].Name)
	for _, n := range networks[:2] {
		if at := s.doneAt(n.Name); at < first {
			t.Errorf("%s was done at %d, the first wave at %d", n.Name, at, first)
		}
	}
	if s.Status != "done" {
		t.Errorf("%+v", s)
	}
}

func (s executionState) doneAt(network string) uint64 {
	for _, n := range s.Networks {
		if n.Network == network {
			return n.DoneAt
		}
	}
	return 0
}

// act pauses or unpauses a network as approvers let it.
func (f *fleet) act(what, network string) {
	f.t.Helper()
	file := what + ".json"
	f.must("--config", "two.yaml", "plan", "--action", what, "--network", network, "-o", file)
	for _, approver := range []string{"alice", "bob"} {
		f.must("--config", "two.yaml", "approve", file, "--signer", approver, "--yes")
	}
	f.must("--config", "two.yaml", what, file, "--network", network, "--yes")
}

// digest of a plan file.
func (f *fleet) digest(file string) string {
	f.t.Helper()
	var doc struct{ Digest common.Hash }
	if err := json.Unmarshal([]byte(mustRead(f.t, filepath.Join(f.dir, file))), &doc); err != nil {
		f.t.Fatal(err)
	}
	return doc.Digest.Hex()
}
