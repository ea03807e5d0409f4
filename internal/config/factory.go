package config

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"go.yaml.in/yaml/v3"

	"github.com/seed-b6a97670/lockstep/internal/create2"
	"github.com/seed-b6a97670/lockstep/internal/network"
)

// factory reads which CREATE2 factory to use, and refuses a salt that it would make something else of on each network, or
// for each caller.
func (r *reader) factory(c *Config, top section) {
	name := cmp.Or(top.text("factory"), create2.Arachnid)
	var ok bool
	if c.Factory, ok = network.LookupFactory(name); !ok {
		r.problem(top.get("factory"), "factory is %q, known are %s, %s and %s", name, create2.Arachnid, create2.Safe, create2.CreateX)
		return
	}
	if _, err := create2.Shared(name, c.Salt); err != nil {
		r.problem(top.get("salt"), "%v", err)
	}
	deployer := c.Signers[c.Dispatcher.Deployer].Address
	if deployer == (common.Address{}) {
		return // its key file tells, when it is opened
	}
	if err := create2.CheckDeployer(name, c.Salt, deployer); err != nil {
		r.problem(top.get("salt"), "%v", err)
	}
}

// networkHasFactory refuses a factory that a network of the catalogue has not. Of other networks nothing is known before
// they are asked.
func (r *reader) networkHasFactory(c *Config, n Network, node *yaml.Node) {
	known, ok := network.LookupID(n.ChainID)
	if !ok || c.Factory.Name == "" || slices.Contains(known.Factories, c.Factory.Name) {
		return
	}
	remedy := "it has none that is known; remove the network"
	if len(known.Factories) > 0 {
		remedy = "choose another one under factory; it has " + strings.Join(known.Factories, ", ")
	}
	r.problem(node, "network %s has no CREATE2 factory %s: %s", n.Name, c.Factory.Name, remedy)
}
