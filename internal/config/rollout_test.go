package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// networks of the sound file: base and arbitrum are mainnets, mytestnet is a test network

func TestRolloutPolicies(t *testing.T) {
	independent := rollout.Policy{Kind: rollout.Independent, Waves: []rollout.Wave{}}
	for name, tc := range map[string]struct {
		text string
		want rollout.Policy
	}{
		"nothing":     {"", independent},
		"independent": {"rollout: { policy: independent }\n", independent},
		"together":    {"rollout: { policy: together }\n", rollout.Policy{Kind: rollout.Together, Waves: []rollout.Wave{}}},
		"gate alone":  {"rollout: { testnets: 1 }\n", rollout.Policy{Kind: rollout.Independent, Testnets: 1, Waves: []rollout.Wave{}}},
		"waves": {
			"rollout:\n  policy: waves\n  testnets: 1\n  waves:\n    - { name: canary, networks: [mytestnet], soak: 1h }\n    - { name: rest, networks: [arbitrum, base] }\n",
			rollout.Policy{Kind: rollout.Waves, Testnets: 1, Waves: []rollout.Wave{
				{Name: "canary", Chains: []uint64{424242}, Soak: 3600}, {Name: "rest", Chains: []uint64{42161, 8453}},
			}},
		},
	} {
		c, err := Parse("lockstep.yaml", []byte(tc.text+sound))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(tc.want, c.Rollout); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

func TestRolloutMistakes(t *testing.T) {
	const two = "[mytestnet, base, arbitrum]"
	for text, want := range map[string]string{
		"{ policy: slowly }":                `1: rollout.policy is "slowly", known are independent, waves and together`,
		"{ policy: waves }":                 "1: network base is in none of rollout.waves: put it into one",
		"{ testnets: 101 }":                 `1: rollout.testnets is "101", must be a whole number from 0 to 100`,
		"{ testnets: 2 }":                   "1: rollout: 2 test networks must be live before a mainnet begins, and only 1 are among the networks",
		"{ pace: 3 }":                       `1: unknown key "pace" in rollout; did you mean "waves"?`,
		"{ policy: together, testnets: 1 }": "1: rollout: networks that are activated together cannot wait for test networks to be live first",
		"{ policy: together, waves: [{ name: a, networks: " + two + " }] }":                                                    "1: rollout: a policy of waves has waves, and no other",
		"{ policy: waves, waves: [{ name: a, networks: [mytestnet, base] }] }":                                                 "1: network arbitrum is in none of rollout.waves: put it into one",
		"{ policy: waves, waves: [{ name: a, networks: " + two + " }, { name: b, networks: [base] }] }":                        "1: network base is in two waves: remove it from one",
		"{ policy: waves, waves: [{ name: a, networks: [mytestnet, base, arbitrum, optimism] }] }":                             `1: rollout.waves.networks names "optimism", which is not under networks`,
		"{ policy: waves, waves: [{ networks: " + two + " }] }":                                                                "1: rollout.waves.name is missing: give the wave a name",
		"{ policy: waves, waves: [{ name: a, networks: " + two + " }, { name: b, networks: [] }] }":                            "1: rollout: each wave has networks and a name of its own; there are two \"b\", or it has none",
		"{ policy: waves, waves: [{ name: a, networks: " + two + ", soak: 1000h }] }":                                          `1: rollout.waves.soak is "1000h", must be a time such as 0s, between 0s and 720h`,
		"{ policy: waves, testnets: 1, waves: [{ name: a, networks: [base, mytestnet] }, { name: b, networks: [arbitrum] }] }": `1: rollout: wave "a" has a mainnet, and only 0 test networks come before it, of 1 that must`,
	} {
		_, err := Parse("f.yaml", []byte("rollout: "+text+"\n"+sound))
		if err == nil || !strings.Contains(err.Error(), "f.yaml:"+want) {
			t.Errorf("%s:\n got %v\nwant %s", text, err, want)
		}
	}
}
