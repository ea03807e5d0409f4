package create2

import (
	"fmt"

	"github.com/ethereum/go-ethereum/common"
)

// Shared returns the salt that a factory hands to CREATE2 for a project, and refuses those with which an address would not
// be the same on every network. It follows from the two alone: a salt that begins with an address is for that account,
// which CheckDeployer compares with the one that deploys.
func Shared(factory string, salt common.Hash) (common.Hash, error) {
	if flag := salt[20]; factory == CreateX && flag != 0 {
		why := "CreateX refuses it"
		if flag == 1 {
			why = "CreateX would mix in the chain id, and addresses would differ between networks"
		}
		return common.Hash{}, fmt.Errorf("byte 20 of salt %s is %02x, with which %s: it must be 00", salt, flag, why)
	}
	_, used, err := Request{Factory: factory, Salt: salt, Sender: Owner(factory, salt)}.Compute()
	return used, err
}

// Owner returns the account that alone gets the addresses of a salt; the zero address if anybody does.
func Owner(factory string, salt common.Hash) common.Address {
	if factory != CreateX {
		return common.Address{}
	}
	return common.BytesToAddress(salt[:20])
}

// CheckDeployer refuses a salt that is for another account than the deployer: the factory would treat it
// as for nobody, and give other addresses.
func CheckDeployer(factory string, salt common.Hash, deployer common.Address) error {
	owner := Owner(factory, salt)
	if owner == (common.Address{}) || owner == deployer {
		return nil
	}
	return fmt.Errorf("salt %s begins with %s, which is not the deployer %s, so who calls %s would decide the addresses: make "+
		"its first 20 bytes zero, or the deployer's address", salt, owner, deployer, factory)
}
