package config

import (
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"go.yaml.in/yaml/v3"

	"github.com/seed-b6a97670/lockstep/internal/network"
)

// holder is an account that is to hold a role, and where the file says so.
type holder struct {
	node    *yaml.Node
	role    string
	account Account
}

// DeployerMayHold refuses a role for the deployer where there is a mainnet: a deployment must end there with a deployer
// that can do nothing.
func (c *Config) DeployerMayHold(role string) error {
	for _, n := range c.Networks {
		if n.Kind == network.Mainnet {
			return fmt.Errorf("dispatcher.roles.%s names the deployer, and %s is a mainnet, where the deployer must end without "+
				"roles: name another signer, or an address such as a Safe's", role, n.Name)
		}
	}
	return nil
}

// deployerRoles finds roles of the deployer as far as the file tells addresses. What only key files tell, others add.
func (r *reader) deployerRoles(c *Config) {
	name := c.Dispatcher.Deployer
	deployer, ok := c.Signers[name]
	if !ok {
		return
	}
	for _, h := range r.holders {
		address := h.account.Address
		if h.account.Signer != "" {
			address = c.Signers[h.account.Signer].Address
		}
		same := h.account.Signer == name || address != (common.Address{}) && address == deployer.Address
		if !same {
			continue
		}
		if err := c.DeployerMayHold(h.role); err != nil {
			r.problem(h.node, "%v", err)
		}
	}
}
