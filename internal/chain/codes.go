package chain

import (
	"errors"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
)

// CodeOf is the code of an account.
type CodeOf struct {
	Hash     common.Hash    // its EXTCODEHASH; zero without code
	Delegate common.Address // to which the account has delegated (EIP-7702)
}

// askCodes is creation code that looks at each of the accounts that are appended to it, 20 bytes each, and returns 32 bytes for the last of
// them, padded, and then for each its code hash and the first 32 bytes of its code. The first word keeps the answer from beginning with
// 0xef, which no contract may (EIP-3541), as a hash could. It uses no opcode that a network may lack.
//
//	       PUSH1 50  PUSH1 32                                           where the accounts begin, where the answer goes on
//	loop:  JUMPDEST  DUP2  CODESIZE  EQ  PUSH1 end  JUMPI               no account is left
//	       PUSH1 20  DUP3  PUSH1 12  CODECOPY  PUSH1 0  MLOAD           the next one, as a word
//	       DUP1  EXTCODEHASH  DUP3  MSTORE
//	       PUSH1 32  PUSH1 0  DUP4  PUSH1 32  ADD  DUP4  EXTCODECOPY  POP
//	       PUSH1 64  ADD  SWAP1  PUSH1 20  ADD  SWAP1  PUSH1 loop  JUMP
//	end:   JUMPDEST  PUSH1 0  RETURN
var askCodes = common.FromHex("0x603260205b813814602e57601482600c39600051803f82526020600083602001833c5060400190601401906004565b6000f3")

// codesAtOnce is how many accounts one call is asked about: the answer must not be longer than a contract may be (EIP-170), and each byte of
// it costs gas.
const codesAtOnce = 256

var noCode = crypto.Keccak256Hash(nil)

// readCodes reads the answer to askCodes.
func readCodes(answer []byte, accounts int) ([]CodeOf, error) {
	if len(answer) != 32+64*accounts {
		return nil, errors.New("it does not run creation code in eth_call")
	}
	out := make([]CodeOf, accounts)
	for i := range out {
		part := answer[32+64*i:]
		hash := common.BytesToHash(part[:32])
		if hash == noCode { // an account that does not exist has none either, and the zero hash
			hash = common.Hash{}
		}
		out[i].Hash = hash
		if to, ok := types.ParseDelegation(part[32 : 32+len(types.DelegationPrefix)+common.AddressLength]); ok && hash != (common.Hash{}) {
			out[i].Delegate = to
		}
	}
	return out, nil
}
