package rollout_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

func done(id uint64, kind string, at, since, seen uint64) rollout.Progress {
	return rollout.Progress{
		ChainID: id, Name: fmt.Sprintf("net%d", id), Kind: kind, State: rollout.StateDone, DoneAt: at,
		Health: rollout.Health{Healthy: true, Since: since, At: seen},
	}
}

func state(id uint64, kind string, s rollout.NetworkState, reason string) rollout.Progress {
	return rollout.Progress{ChainID: id, Name: fmt.Sprintf("net%d", id), Kind: kind, State: s, Reason: reason}
}

func sick(p rollout.Progress, problem string) rollout.Progress {
	p.Health.Healthy, p.Health.Problem = false, problem
	return p
}

func TestWavesBeginInTurn(t *testing.T) {
	policy := rollout.Policy{Kind: rollout.Waves, Waves: []rollout.Wave{{"canary", []uint64{1, 2}, 600}, {"rest", []uint64{3}, 0}}}
	last := state(3, "mainnet", rollout.StateWaiting, "its turn")
	for name, tc := range map[string]struct {
		first, second rollout.Progress
		want          string // the reason why the last does not begin; empty if it does
	}{
		"both healthy for the time":             {done(1, "testnet", 1000, 900, 1600), done(2, "testnet", 1000, 1000, 1700), ""},
		"one a second too early":                {done(1, "testnet", 1000, 900, 1600), done(2, "testnet", 1000, 1000, 1599), "net2 is to stay healthy until block time 1600"},
		"healthy since after it was done":       {done(1, "testnet", 1000, 1200, 1700), done(2, "testnet", 1000, 1000, 1700), "net1 is to stay healthy until block time 1800"},
		"healthy before it was done counts not": {done(1, "testnet", 1000, 100, 1599), done(2, "testnet", 1000, 1000, 1700), "net1 is to stay healthy until block time 1600"},
		"one not healthy":                       {sick(done(1, "testnet", 1000, 900, 9000), "it is paused"), done(2, "testnet", 1000, 1000, 9000), "net1 is not healthy: it is paused"},
		"one not checked since":                 {done(1, "testnet", 1000, 900, 999), done(2, "testnet", 1000, 1000, 9000), "the health of net1 has not been checked"},
		"one never checked":                     {done(1, "testnet", 1000, 0, 0), done(2, "testnet", 1000, 1000, 9000), "the health of net1 has not been checked"},
		"one on its way":                        {state(1, "testnet", rollout.StateWorking, "the timelock runs"), done(2, "testnet", 1, 1, 9000), "net1 is working"},
		"one halted":                            {done(1, "testnet", 1, 1, 9000), state(2, "testnet", rollout.StateHalted, "no role"), "net2 is halted (no role)"},
		"one cannot be reached":                 {done(1, "testnet", 1, 1, 9000), state(2, "testnet", rollout.StateUnreachable, "no answer"), "net2 is unreachable"},
		"one taken out":                         {done(1, "testnet", 1, 1, 9000), state(2, "testnet", rollout.StateExcluded, "it is dead"), ""},
	} {
		all := []rollout.Progress{tc.first, tc.second, last}
		v := policy.Begin(all, 3)
		if v.Allowed != (tc.want == "") || !strings.Contains(v.Reason, tc.want) || !v.Allowed && !strings.HasPrefix(v.Reason, "wave canary comes first: ") {
			t.Errorf("%s: got %+v, want %q", name, v, tc.want)
		}
		for _, id := range []uint64{1, 2} {
			if v := policy.Begin(all, id); !v.Allowed {
				t.Errorf("%s: the first wave waits: %s", name, v.Reason)
			}
		}
	}
}

func TestMainnetsAfterTestnets(t *testing.T) {
	for _, kind := range []string{rollout.Independent, rollout.Waves} {
		policy := rollout.Policy{Kind: kind, Testnets: 2}
		if kind == rollout.Waves {
			policy.Waves = []rollout.Wave{{"a", []uint64{1, 2, 3}, 100}, {"b", []uint64{4, 5}, 0}}
		}
		all := []rollout.Progress{
			done(1, "testnet", 1000, 1000, 1100), done(2, "testnet", 1000, 1000, 1100), state(3, "testnet", rollout.StateExcluded, "dead"),
			state(4, "mainnet", rollout.StateWaiting, "x"), state(5, "local", rollout.StateWaiting, "x"),
		}
		if v := policy.Begin(all, 4); !v.Allowed {
			t.Errorf("%s: %s", kind, v.Reason)
		}
		all[1] = state(2, "testnet", rollout.StateExcluded, "dead too")
		v := policy.Begin(all, 4)
		if v.Allowed || !strings.Contains(v.Reason, "2 test networks must be live and healthy before a mainnet begins, 1 are: net2 is excluded (dead too); net3 is excluded (dead)") {
			t.Errorf("%s: got %+v", kind, v)
		}
		if v := policy.Begin(all, 5); !v.Allowed {
			t.Errorf("%s: a local network waits for test networks: %s", kind, v.Reason)
		}
	}
}

func TestTogether(t *testing.T) {
	policy := rollout.Policy{Kind: rollout.Together}
	if v := policy.Activate(false); v.Allowed || v.Reason == "" {
		t.Errorf("activated before all were let go: %+v", v)
	}
	if v := policy.Activate(true); !v.Allowed {
		t.Errorf("held after all were let go: %+v", v)
	}
	for _, kind := range []string{rollout.Independent, rollout.Waves} {
		if v := (rollout.Policy{Kind: kind}).Activate(false); !v.Allowed {
			t.Errorf("%s holds an activation: %+v", kind, v)
		}
	}
	ready := state(1, "mainnet", rollout.StateReady, "x")
	old := ready
	old.ChainID, old.Name, old.Age = 2, "net2", 61
	fresh := old
	fresh.Age = 60
	for name, tc := range map[string]struct {
		other rollout.Progress
		want  string
	}{
		"ready":        {fresh, ""},
		"ready, once":  {old, "net2 was seen to be ready more than 60 s ago"},
		"done already": {done(2, "mainnet", 1, 0, 0), ""},
		"taken out":    {state(2, "mainnet", rollout.StateExcluded, "x"), ""},
		"waiting":      {state(2, "mainnet", rollout.StateWaiting, "why"), "net2 is waiting"},
		"on its way":   {state(2, "mainnet", rollout.StateWorking, "the timelock runs"), "net2 is working"},
		"unreachable":  {state(2, "mainnet", rollout.StateUnreachable, "no answer"), "net2 is unreachable (no answer)"},
		"halted":       {state(2, "mainnet", rollout.StateHalted, "no role"), "net2 is halted (no role)"},
		"releasing":    {state(2, "mainnet", rollout.StateReleasing, "x"), "net2 is releasing"},
	} {
		v := policy.Release([]rollout.Progress{ready, tc.other})
		if v.Allowed != (tc.want == "") || !strings.Contains(v.Reason, tc.want) {
			t.Errorf("%s: got %+v, want %q", name, v, tc.want)
		}
	}
	var many []rollout.Progress
	for id := range uint64(5) {
		many = append(many, state(id, "mainnet", rollout.StateWorking, ""))
	}
	if v := policy.Release(many); !strings.HasSuffix(v.Reason, "net2 is working; and 2 more") {
		t.Errorf("got %q", v.Reason)
	}
}

func TestPolicyOfSomeNetworks(t *testing.T) {
	p := rollout.Policy{Kind: rollout.Waves, Testnets: 1, Waves: []rollout.Wave{{"a", []uint64{1, 2}, 5}, {"b", []uint64{3}, 6}, {"c", []uint64{4}, 7}}}
	want := &rollout.Policy{Kind: rollout.Waves, Testnets: 1, Waves: []rollout.Wave{{"a", []uint64{2}, 5}, {"c", []uint64{4}, 7}}}
	if diff := cmp.Diff(want, p.Of([]uint64{4, 2})); diff != "" {
		t.Error(diff)
	}
	if len(p.Waves[0].Chains) != 2 {
		t.Error("the policy itself was changed")
	}
	for _, nothing := range []rollout.Policy{{}, {Kind: rollout.Independent, Waves: []rollout.Wave{}}} {
		if got := nothing.Of([]uint64{1}); got != nil {
			t.Errorf("%+v is left of %+v", got, nothing)
		}
	}
}

func TestPolicyCheck(t *testing.T) {
	kinds := map[uint64]string{1: "mainnet", 2: "testnet", 3: "testnet"}
	wave := func(name string, chains ...uint64) rollout.Wave { return rollout.Wave{Name: name, Chains: chains} }
	for want, p := range map[string]rollout.Policy{
		"":                            {Kind: rollout.Waves, Testnets: 2, Waves: []rollout.Wave{wave("a", 2, 3), wave("b", 1)}},
		"policy \"\" is not known":    {},
		"a policy of waves has waves": {Kind: rollout.Together, Waves: []rollout.Wave{wave("a", 1, 2, 3)}},
		"cannot wait":                 {Kind: rollout.Together, Testnets: 1},
		"only 2 are among":            {Kind: rollout.Independent, Testnets: 3},
		"two \"a\"":                   {Kind: rollout.Waves, Waves: []rollout.Wave{wave("a", 1), wave("a", 2, 3)}},
		"in two waves":                {Kind: rollout.Waves, Waves: []rollout.Wave{wave("a", 1), wave("b", 2, 3, 1)}},
		"not among the networks":      {Kind: rollout.Waves, Waves: []rollout.Wave{wave("a", 1, 4), wave("b", 2, 3)}},
		"chain 3 is in no wave":       {Kind: rollout.Waves, Waves: []rollout.Wave{wave("a", 1, 2)}},
		"only 1 test networks come before it, of 2": {Kind: rollout.Waves, Testnets: 2, Waves: []rollout.Wave{wave("a", 2), wave("b", 1, 3)}},
	} {
		err := p.Check(kinds)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestRolloutsByPolicy plays whole rollouts: networks go on, fail, recover and are let go in any order, by what the policy allows. Whenever
// one becomes live, an independent reading of the policy must agree.
func TestRolloutsByPolicy(t *testing.T) {
	kinds := []string{"mainnet", "testnet", "local"}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "networks")
		all := make([]rollout.Progress, n)
		var waves []rollout.Wave
		for i := range all {
			all[i] = state(uint64(i), rapid.SampledFrom(kinds).Draw(t, "kind"), rollout.StateWaiting, "begun")
			if w := rapid.IntRange(0, len(waves)).Draw(t, "wave"); w == len(waves) {
				waves = append(waves, rollout.Wave{Name: fmt.Sprint(w), Chains: []uint64{uint64(i)}, Soak: uint64(rapid.IntRange(0, 3).Draw(t, "soak"))})
			} else {
				waves[w].Chains = append(waves[w].Chains, uint64(i))
			}
		}
		policy := rollout.Policy{Kind: rapid.SampledFrom([]string{rollout.Independent, rollout.Waves, rollout.Together}).Draw(t, "policy")}
		if policy.Kind == rollout.Waves {
			policy.Waves = waves
		}
		if policy.Kind != rollout.Together {
			policy.Testnets = rapid.IntRange(0, 2).Draw(t, "testnets")
		}
		waveOf := func(id uint64) int {
			return slices.IndexFunc(policy.Waves, func(w rollout.Wave) bool { return slices.Contains(w.Chains, id) })
		}
		released := false
		healthy := make([]uint64, n) // for how long
		for time := uint64(1); time < 60; time++ {
			at := rapid.IntRange(0, n-1).Draw(t, "at")
			p := &all[at]
			switch what := rapid.IntRange(0, 6).Draw(t, "what"); {
			case p.State == rollout.StateWaiting:
				if !policy.Begin(all, p.ChainID).Allowed {
					break
				}
				testnets := 0
				for j, o := range all {
					live := o.State == rollout.StateDone && o.Health.Healthy
					if policy.Kind == rollout.Waves && waveOf(o.ChainID) < waveOf(p.ChainID) && o.State != rollout.StateExcluded &&
						(!live || healthy[j] < policy.Waves[waveOf(o.ChainID)].Soak) {
						t.Fatalf("net%d of wave %d begins while net%d of wave %d is %+v, healthy for %d", at, waveOf(p.ChainID), j, waveOf(o.ChainID), o, healthy[j])
					}
					if live && o.Kind == "testnet" {
						testnets++
					}
				}
				if p.Kind == "mainnet" && testnets < policy.Testnets {
					t.Fatalf("net%d begins after %d test networks of %d", at, testnets, policy.Testnets)
				}
				p.State, p.Reason = rollout.StateWorking, "on its way"
			case what == 0 && p.State != rollout.StateDone:
				p.State = rollout.StateExcluded
			case what == 1 && !p.State.Ended():
				p.State = rapid.SampledFrom([]rollout.NetworkState{rollout.StateUnreachable, rollout.StateHalted}).Draw(t, "trouble")
			case what == 2 && p.State == rollout.StateDone:
				p.Health = rollout.Health{Healthy: !p.Health.Healthy, Since: time, At: time, Problem: "x"}
				healthy[at] = 0
			case p.State == rollout.StateUnreachable || p.State == rollout.StateHalted || p.State == rollout.StateWorking:
				p.State = rollout.StateReady
			case p.State == rollout.StateReady:
				if !released && policy.Kind == rollout.Together && policy.Release(all).Allowed {
					for _, o := range all {
						if !o.State.Ended() && o.State != rollout.StateReady {
							t.Fatalf("let go while net%d is %s", o.ChainID, o.State)
						}
					}
					released = true
				}
				if policy.Activate(released).Allowed {
					p.State, p.Reason, p.DoneAt = rollout.StateDone, "", time
					p.Health = rollout.Health{Healthy: true, Since: time, At: time}
					healthy[at] = 0
				}
			}
			for j := range all {
				if all[j].State == rollout.StateDone && all[j].Health.At < time {
					all[j].Health.At = time
					healthy[j] = time - max(all[j].Health.Since, all[j].DoneAt)
				}
			}
			if policy.Kind == rollout.Together && !released && slices.ContainsFunc(all, func(o rollout.Progress) bool { return o.State == rollout.StateDone }) {
				t.Fatal("one is live before all were let go")
			}
			for _, o := range all {
				if o.State != rollout.StateDone && o.Reason == "" {
					t.Fatalf("net%d is %s without a reason", o.ChainID, o.State)
				}
			}
		}
	})
}

func TestPolicyInWords(t *testing.T) {
	name := func(id uint64) string { return fmt.Sprintf("net%d", id) }
	for want, p := range map[string]*rollout.Policy{
		"each network on its own":                                                              nil,
		"no network before all are ready, then all at once":                                    {Kind: rollout.Together},
		"each network on its own|2 test networks are live and healthy before a mainnet begins": {Kind: rollout.Independent, Testnets: 2},
		"wave 1, a: net1, net2; the next begins after 60 s of health|wave 2, b: net3": {
			Kind: rollout.Waves, Waves: []rollout.Wave{{"a", []uint64{1, 2}, 60}, {"b", []uint64{3}, 60}},
		},
	} {
		if got := strings.Join(p.Lines(name), "|"); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
