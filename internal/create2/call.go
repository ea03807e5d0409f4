package create2

import (
	"slices"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

// deployCreate2 are the arguments of CreateX's function of that name: salt and init code.
var deployCreate2 = func() abi.Arguments {
	var out abi.Arguments
	for _, name := range []string{"bytes32", "bytes"} {
		t, err := abi.NewType(name, "", nil)
		if err != nil {
			panic(err) // two types that ABI has
		}
		out = append(out, abi.Argument{Type: t})
	}
	return out
}()

// CallData is what a factory is called with to deploy init code. The salt is the chosen one: CreateX itself turns it into
// the one that it hands to CREATE2.
func CallData(factory string, salt common.Hash, initCode []byte) []byte {
	if factory != CreateX {
		return append(salt.Bytes(), initCode...)
	}
	packed, err := deployCreate2.Pack(salt, initCode)
	if err != nil {
		panic(err) // a value of either type
	}
	return slices.Concat(crypto.Keccak256([]byte("deployCreate2(bytes32,bytes)"))[:4], packed)
}
