// Package create2 computes the addresses that CREATE2 factories give.
package create2

import (
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

// Names of the factories that the package knows.
const (
	Arachnid = "arachnid"
	Safe     = "safe"
	CreateX  = "createx"
)

// Request asks for an address.
type Request struct {
	Factory      string         // arachnid, safe or createx
	Address      common.Address // of the factory
	Salt         common.Hash
	InitCodeHash common.Hash
	Sender       common.Address // who calls the factory; CreateX alone looks at it
	ChainID      uint64         // CreateX alone looks at it, if the salt says so
}

// Compute returns where the factory puts the contract (EIP-1014), and the salt that it hands to CREATE2.
func (r Request) Compute() (address common.Address, salt common.Hash, err error) {
	salt = r.Salt
	switch r.Factory {
	case Arachnid, Safe:
	case CreateX:
		if salt, err = r.guarded(); err != nil {
			return common.Address{}, common.Hash{}, err
		}
	default:
		return common.Address{}, common.Hash{}, fmt.Errorf("factory %q is not known: name arachnid, safe or createx", r.Factory)
	}
	return crypto.CreateAddress2(r.Address, salt, r.InitCodeHash[:]), salt, nil
}

// guarded is the salt as CreateX changes it (createx v1.0.0, CreateX.sol, _guard): its first 20 bytes may hold the sender, so
// that nobody else gets the address, and the next byte says whether the chain id is mixed in.
func (r Request) guarded() (common.Hash, error) {
	owner, flag := common.BytesToAddress(r.Salt[:20]), r.Salt[20]
	chain := common.BigToHash(new(big.Int).SetUint64(r.ChainID))
	sender := common.BytesToHash(r.Sender[:])
	nobody := owner == common.Address{}
	if !nobody && r.Sender == (common.Address{}) {
		return common.Hash{}, fmt.Errorf("the salt %s begins with an address, which CreateX compares with the sender: give --sender", r.Salt)
	}
	if !nobody && owner != r.Sender {
		return crypto.Keccak256Hash(r.Salt[:]), nil
	}
	switch {
	case flag > 1:
		return common.Hash{}, fmt.Errorf("CreateX refuses the salt %s: its byte 20 must be 00, or 01 to mix in the chain id", r.Salt)
	case flag == 1 && r.ChainID == 0:
		return common.Hash{}, fmt.Errorf("the salt %s mixes in the chain id: give --chain-id", r.Salt)
	case flag == 1 && nobody:
		return crypto.Keccak256Hash(chain[:], r.Salt[:]), nil
	case flag == 1:
		// abi.encode(sender, chain id, salt)
		return crypto.Keccak256Hash(sender[:], chain[:], r.Salt[:]), nil
	case nobody:
		return crypto.Keccak256Hash(r.Salt[:]), nil
	}
	return crypto.Keccak256Hash(sender[:], r.Salt[:]), nil
}

// Remedy says what to do where a factory is missing.
func Remedy(factory string) string {
	other := "choose another one under factory, which moves all addresses on all networks"
	switch factory {
	case Arachnid:
		return "send its keyless transaction; where nodes accept transactions with a chain id only (EIP-155), that is not possible: " +
			"choose factory: safe, which moves all addresses on all networks"
	case Safe:
		return "ask for it at github.com/safe-global/safe-singleton-factory, or " + other
	case CreateX:
		return "send one of its signed transactions (github.com/pcaversaccio/createx), or " + other
	}
	return other
}
