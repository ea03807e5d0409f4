// Package evm runs the creation of a contract in an EVM in process, the way a network would, to learn which code the
// contract will have.
package evm

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/state"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/core/vm/runtime"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"
	"github.com/holiman/uint256"
)

// gasLimit is what one transaction may use on Ethereum (EIP-7825): what needs more cannot be deployed there.
const gasLimit = 16_777_216

// ArachnidRuntime is the code of the deterministic deployment proxy at 0x4e59b44847b379578588920ca78fbf26c0b4956c. It
// takes salt and init code as call data and returns the 20 bytes of the address.
var ArachnidRuntime = common.FromHex("0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0" +
	"3601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3")

// Runner implements manifest.Runner with the rules of the Cancun fork, the newest that the dispatcher asks for.
type Runner struct{}

// surroundings are what init code can read of the block and the transaction that create it.
type surroundings struct {
	number, time, baseFee, blobBaseFee, gasPrice int64
	coinbase, origin                             common.Address
	random                                       common.Hash
	gasLimit, balance                            uint64
}

// Create deploys libraries and then initCode through the factory under a chain id and returns the code at address. It is
// run in two different blocks: code that depends on the block is refused, since it would differ between networks too.
func (Runner) Create(
	chainID uint64, factory common.Address, salt common.Hash, libraries [][]byte, initCode []byte, address common.Address,
) ([]byte, error) {
	var creations []Creation
	for _, l := range libraries {
		creations = append(creations, Creation{Address: crypto.CreateAddress2(factory, salt, crypto.Keccak256(l)), InitCode: l})
	}
	codes, err := CreateAll(chainID, factory, salt, append(creations, Creation{Address: address, InitCode: initCode}))
	if err != nil {
		return nil, err
	}
	return codes[len(codes)-1], nil
}

// Creation is init code and the address at which it is to leave code.
type Creation struct {
	Address  common.Address
	InitCode []byte
}

// CreateAll is Create for contracts that are made one after another, so that a later one may call an earlier one.
func CreateAll(chainID uint64, factory common.Address, salt common.Hash, creations []Creation) ([][]byte, error) {
	one, err := createAll(chainID, factory, salt, creations, surroundings{
		number: 1, time: 1_700_000_000, baseFee: 1, blobBaseFee: 1, gasPrice: 2, coinbase: common.Address{1},
		origin: common.Address{2}, random: common.Hash{3}, gasLimit: gasLimit, balance: params.Ether,
	})
	if err != nil {
		return nil, err
	}
	two, err := createAll(chainID, factory, salt, creations, surroundings{
		number: 20_000_000, time: 1_900_000_007, baseFee: 1_000, blobBaseFee: 77, gasPrice: 5_000,
		coinbase: common.Address{4}, origin: common.Address{5}, random: common.Hash{6}, gasLimit: gasLimit + 1,
		balance: 2 * params.Ether,
	})
	if err != nil {
		return nil, err
	}
	for i := range one {
		if !bytes.Equal(one[i], two[i]) {
			return nil, errors.New("its code depends on the block or the sender that creates it: " +
				"keep block time, number, fees and tx.origin out of immutables")
		}
	}
	return one, nil
}

func createAll(
	chainID uint64, factory common.Address, salt common.Hash, creations []Creation, in surroundings,
) ([][]byte, error) {
	st, err := state.New(types.EmptyRootHash, state.NewDatabaseForTesting())
	if err != nil {
		return nil, fmt.Errorf("state for the EVM: %w", err)
	}
	st.CreateAccount(factory)
	st.SetCode(factory, ArachnidRuntime, 0)
	st.SetBalance(in.origin, uint256.NewInt(in.balance), 0)
	zero := uint64(0)
	cfg := &runtime.Config{
		ChainConfig: &params.ChainConfig{
			ChainID: new(big.Int).SetUint64(chainID), HomesteadBlock: new(big.Int), EIP150Block: new(big.Int),
			EIP155Block: new(big.Int), EIP158Block: new(big.Int), ByzantiumBlock: new(big.Int),
			ConstantinopleBlock: new(big.Int), PetersburgBlock: new(big.Int), IstanbulBlock: new(big.Int),
			MuirGlacierBlock: new(big.Int), BerlinBlock: new(big.Int), LondonBlock: new(big.Int),
			TerminalTotalDifficulty: new(big.Int), MergeNetsplitBlock: new(big.Int), ShanghaiTime: &zero,
			CancunTime: &zero, BlobScheduleConfig: params.DefaultBlobSchedule,
		},
		Difficulty: new(big.Int), Origin: in.origin, Coinbase: in.coinbase, BlockNumber: big.NewInt(in.number),
		Time: uint64(in.time), GasLimit: in.gasLimit, GasPrice: big.NewInt(in.gasPrice), Value: new(big.Int),
		BaseFee: big.NewInt(in.baseFee), BlobBaseFee: big.NewInt(in.blobBaseFee), Random: &in.random, State: st,
		GetHashFn: func(n uint64) common.Hash { return common.BigToHash(new(big.Int).SetUint64(n + chainID)) },
	}
	codes := make([][]byte, len(creations))
	for i, c := range creations {
		// not runtime.Call, which makes PREVRANDAO zero
		_, _, err := prepared(cfg).Call(in.origin, factory, append(salt.Bytes(), c.InitCode...), in.gasLimit, new(uint256.Int))
		if err != nil {
			return nil, fmt.Errorf("its creation reverts or runs out of %d gas: %w%s", gasLimit, err, why(factory, c.InitCode, cfg))
		}
		codes[i] = st.GetCode(c.Address)
	}
	return codes, nil
}

// prepared is an EVM at the beginning of a transaction.
func prepared(cfg *runtime.Config) *vm.EVM {
	rules := cfg.ChainConfig.Rules(cfg.BlockNumber, true, cfg.Time)
	cfg.State.Prepare(rules, cfg.Origin, cfg.Coinbase, nil, vm.ActivePrecompiles(rules), nil)
	return runtime.NewEnv(cfg)
}

// why creates the contract directly, since the factory swallows the reason of a revert.
func why(factory common.Address, initCode []byte, cfg *runtime.Config) string {
	out, _, _, err := prepared(cfg).Create(factory, initCode, cfg.GasLimit, new(uint256.Int))
	if err == nil {
		return ""
	}
	if !errors.Is(err, vm.ErrExecutionReverted) {
		return ": " + err.Error() // such as code that is too large; out is that code
	}
	if len(out) == 0 {
		return ""
	}
	if reason, err := abi.UnpackRevert(out); err == nil {
		return ": " + reason
	}
	return fmt.Sprintf(": %#x", out)
}
