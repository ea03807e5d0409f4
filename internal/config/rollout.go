package config

import (
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// longestSoak bounds for how long a wave must be healthy before the next one.
const longestSoak = 30 * 24 * time.Hour

// rollout reads in which order networks become live. It is read after the networks.
func (r *reader) rollout(c *Config, top section) {
	c.Rollout = rollout.Policy{Kind: rollout.Independent, Waves: []rollout.Wave{}}
	n := top.get("rollout")
	if n == nil {
		return
	}
	s := r.section(n, "rollout", "policy", "testnets", "waves")
	if kind := s.text("policy"); kind != "" {
		c.Rollout.Kind = kind
	}
	switch c.Rollout.Kind {
	case rollout.Independent, rollout.Waves, rollout.Together:
	default:
		r.problem(s.get("policy"), "%s is %q, known are %s, %s and %s", s.at("policy"), c.Rollout.Kind, rollout.Independent, rollout.Waves, rollout.Together)
		return
	}
	c.Rollout.Testnets = int(s.integer("testnets", 0, 0, 100))
	before := len(r.problems)
	in := map[string]bool{}
	for _, item := range s.list("waves") {
		w := r.section(item, s.at("waves"), "name", "networks", "soak")
		wave := rollout.Wave{
			Name: w.need("name", "give the wave a name"), Chains: []uint64{}, Soak: uint64(w.duration("soak", 0, 0, longestSoak) / time.Second),
		}
		for _, named := range w.list("networks") {
			i := slices.IndexFunc(c.Networks, func(n Network) bool { return n.Name == named.Value })
			switch {
			case i < 0:
				r.problem(named, "%s names %q, which is not under networks", w.at("networks"), named.Value)
				continue
			case in[named.Value]:
				r.problem(named, "network %s is in two waves: remove it from one", named.Value)
			}
			in[named.Value] = true
			wave.Chains = append(wave.Chains, c.Networks[i].ChainID)
		}
		c.Rollout.Waves = append(c.Rollout.Waves, wave)
	}
	if c.Rollout.Kind == rollout.Waves {
		for _, nw := range c.Networks {
			if !in[nw.Name] {
				r.problem(n, "network %s is in none of %s: put it into one", nw.Name, s.at("waves"))
			}
		}
	}
	if len(r.problems) > before {
		return
	}
	kinds := map[uint64]string{}
	for _, nw := range c.Networks {
		kinds[nw.ChainID] = nw.Kind
	}
	if err := c.Rollout.Check(kinds); err != nil {
		r.problem(r.first(s.get("waves"), s.get("testnets"), n), "rollout: %s", err)
	}
	if needed := c.Rollout.Testnets; needed > 0 && !slices.ContainsFunc(c.Networks, func(n Network) bool { return n.Kind == network.Mainnet }) {
		r.problem(s.get("testnets"), "%s asks for %d test networks before a mainnet, and there is no mainnet: remove it", s.at("testnets"), needed)
	}
}

// first is the first node that there is.
func (r *reader) first(nodes ...*yaml.Node) *yaml.Node {
	return nodes[slices.IndexFunc(nodes, func(n *yaml.Node) bool { return n != nil })]
}
