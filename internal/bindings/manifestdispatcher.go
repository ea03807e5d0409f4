// Code generated via abigen V2 - DO NOT EDIT.
// This file is a generated binding and any manual changes will be lost.

package bindings

import (
	"bytes"
	"errors"
	"math/big"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/accounts/abi/bind/v2"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// Reference imports to suppress errors if they are not otherwise used.
var (
	_ = bytes.Equal
	_ = errors.New
	_ = big.NewInt
	_ = common.Big1
	_ = types.BloomLookup
	_ = abi.ConvertType
)

// IDiamondLoupeFacet is an auto generated low-level Go binding around an user-defined struct.
type IDiamondLoupeFacet struct {
	FacetAddress      common.Address
	FunctionSelectors [][4]byte
}

// IDispatcherExtensionDispatcherState is an auto generated low-level Go binding around an user-defined struct.
type IDispatcherExtensionDispatcherState struct {
	ActiveRoot       [32]byte
	ActiveRoutesRoot [32]byte
	ActiveEpoch      *big.Int
	ActivePages      *big.Int
	PendingRoot      [32]byte
	PendingEpoch     *big.Int
	Eta              *big.Int
	PendingBatchSize *big.Int
	Paused           bool
	EtaGrace         *big.Int
	MaxBatchSize     *big.Int
	Delay            *big.Int
	Extension        common.Address
}

// ManifestDispatcherMetaData contains all meta data concerning the ManifestDispatcher contract.
var ManifestDispatcherMetaData = bind.MetaData{
	ABI: "[{\"type\":\"function\",\"name\":\"APPLY_ROLE\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"COMMIT_ROLE\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"DEFAULT_ADMIN_ROLE\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"EMERGENCY_ROLE\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"GOVERNANCE_ROLE\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"INIT_TYPEHASH\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"PAUSER_ROLE\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"activateCommittedRoot\",\"inputs\":[],\"outputs\":[],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"activateCommittedRootAndCall\",\"inputs\":[{\"name\":\"routesRoot\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"},{\"name\":\"init\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"data\",\"type\":\"bytes\",\"internalType\":\"bytes\"}],\"outputs\":[],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"activeEpoch\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"uint64\",\"internalType\":\"uint64\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"activeRoot\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"activeRoutesRoot\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"applyRoutes\",\"inputs\":[{\"name\":\"page\",\"type\":\"bytes\",\"internalType\":\"bytes\"},{\"name\":\"proof\",\"type\":\"bytes32[]\",\"internalType\":\"bytes32[]\"},{\"name\":\"initHash\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"}],\"outputs\":[],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"cancelCommit\",\"inputs\":[],\"outputs\":[],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"commitRoot\",\"inputs\":[{\"name\":\"root\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"},{\"name\":\"epoch\",\"type\":\"uint64\",\"internalType\":\"uint64\"}],\"outputs\":[],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"delay\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"dispatcherState\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"tuple\",\"internalType\":\"structIDispatcherExtension.DispatcherState\",\"components\":[{\"name\":\"activeRoot\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"},{\"name\":\"activeRoutesRoot\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"},{\"name\":\"activeEpoch\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"activePages\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"pendingRoot\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"},{\"name\":\"pendingEpoch\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"eta\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"pendingBatchSize\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"paused\",\"type\":\"bool\",\"internalType\":\"bool\"},{\"name\":\"etaGrace\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"maxBatchSize\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"delay\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"extension\",\"type\":\"address\",\"internalType\":\"address\"}]}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"etaGrace\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"uint32\",\"internalType\":\"uint32\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"extension\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"address\",\"internalType\":\"address\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"facetAddress\",\"inputs\":[{\"name\":\"selector\",\"type\":\"bytes4\",\"internalType\":\"bytes4\"}],\"outputs\":[{\"name\":\"facet\",\"type\":\"address\",\"internalType\":\"address\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"facetAddresses\",\"inputs\":[],\"outputs\":[{\"name\":\"addresses\",\"type\":\"address[]\",\"internalType\":\"address[]\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"facetFunctionSelectors\",\"inputs\":[{\"name\":\"facet\",\"type\":\"address\",\"internalType\":\"address\"}],\"outputs\":[{\"name\":\"selectors\",\"type\":\"bytes4[]\",\"internalType\":\"bytes4[]\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"facets\",\"inputs\":[],\"outputs\":[{\"name\":\"facets_\",\"type\":\"tuple[]\",\"internalType\":\"structIDiamondLoupe.Facet[]\",\"components\":[{\"name\":\"facetAddress\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"functionSelectors\",\"type\":\"bytes4[]\",\"internalType\":\"bytes4[]\"}]}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"getRoleAdmin\",\"inputs\":[{\"name\":\"role\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"}],\"outputs\":[{\"name\":\"\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"grantRole\",\"inputs\":[{\"name\":\"role\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"},{\"name\":\"account\",\"type\":\"address\",\"internalType\":\"address\"}],\"outputs\":[],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"hasRole\",\"inputs\":[{\"name\":\"role\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"},{\"name\":\"account\",\"type\":\"address\",\"internalType\":\"address\"}],\"outputs\":[{\"name\":\"\",\"type\":\"bool\",\"internalType\":\"bool\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"initializedRoutesRoot\",\"inputs\":[{\"name\":\"root\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"}],\"outputs\":[{\"name\":\"\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"isReserved\",\"inputs\":[{\"name\":\"selector\",\"type\":\"bytes4\",\"internalType\":\"bytes4\"}],\"outputs\":[{\"name\":\"\",\"type\":\"bool\",\"internalType\":\"bool\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"maxBatchSize\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"uint32\",\"internalType\":\"uint32\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"pageAddress\",\"inputs\":[{\"name\":\"routesRoot\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"},{\"name\":\"index\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"outputs\":[{\"name\":\"\",\"type\":\"address\",\"internalType\":\"address\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"pause\",\"inputs\":[],\"outputs\":[],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"paused\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"bool\",\"internalType\":\"bool\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"pendingBatchSize\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"uint32\",\"internalType\":\"uint32\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"pendingEpoch\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"uint64\",\"internalType\":\"uint64\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"pendingEta\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"uint256\",\"internalType\":\"uint256\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"pendingRoot\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"renounceRole\",\"inputs\":[{\"name\":\"role\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"},{\"name\":\"callerConfirmation\",\"type\":\"address\",\"internalType\":\"address\"}],\"outputs\":[],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"reservedSelectors\",\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"bytes4[]\",\"internalType\":\"bytes4[]\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"revokeRole\",\"inputs\":[{\"name\":\"role\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"},{\"name\":\"account\",\"type\":\"address\",\"internalType\":\"address\"}],\"outputs\":[],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"setEtaGrace\",\"inputs\":[{\"name\":\"newEtaGrace\",\"type\":\"uint32\",\"internalType\":\"uint32\"}],\"outputs\":[],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"setMaxBatchSize\",\"inputs\":[{\"name\":\"newMaxBatchSize\",\"type\":\"uint32\",\"internalType\":\"uint32\"}],\"outputs\":[],\"stateMutability\":\"nonpayable\"},{\"type\":\"function\",\"name\":\"stagedPages\",\"inputs\":[{\"name\":\"routesRoot\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"}],\"outputs\":[{\"name\":\"total\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"staged\",\"type\":\"uint256[]\",\"internalType\":\"uint256[]\"},{\"name\":\"missing\",\"type\":\"uint256[]\",\"internalType\":\"uint256[]\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"stagingPage\",\"inputs\":[],\"outputs\":[],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"supportsInterface\",\"inputs\":[{\"name\":\"interfaceId\",\"type\":\"bytes4\",\"internalType\":\"bytes4\"}],\"outputs\":[{\"name\":\"\",\"type\":\"bool\",\"internalType\":\"bool\"}],\"stateMutability\":\"view\"},{\"type\":\"function\",\"name\":\"unpause\",\"inputs\":[],\"outputs\":[],\"stateMutability\":\"nonpayable\"},{\"type\":\"event\",\"name\":\"Activated\",\"inputs\":[{\"name\":\"root\",\"type\":\"bytes32\",\"indexed\":true,\"internalType\":\"bytes32\"},{\"name\":\"epoch\",\"type\":\"uint256\",\"indexed\":true,\"internalType\":\"uint256\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"Cancelled\",\"inputs\":[{\"name\":\"root\",\"type\":\"bytes32\",\"indexed\":true,\"internalType\":\"bytes32\"},{\"name\":\"epoch\",\"type\":\"uint256\",\"indexed\":true,\"internalType\":\"uint256\"},{\"name\":\"by\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"Committed\",\"inputs\":[{\"name\":\"root\",\"type\":\"bytes32\",\"indexed\":true,\"internalType\":\"bytes32\"},{\"name\":\"epoch\",\"type\":\"uint256\",\"indexed\":true,\"internalType\":\"uint256\"},{\"name\":\"eta\",\"type\":\"uint256\",\"indexed\":false,\"internalType\":\"uint256\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"EtaGraceUpdated\",\"inputs\":[{\"name\":\"etaGrace\",\"type\":\"uint32\",\"indexed\":false,\"internalType\":\"uint32\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"InitCalled\",\"inputs\":[{\"name\":\"root\",\"type\":\"bytes32\",\"indexed\":true,\"internalType\":\"bytes32\"},{\"name\":\"routesRoot\",\"type\":\"bytes32\",\"indexed\":true,\"internalType\":\"bytes32\"},{\"name\":\"init\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"MaxBatchSizeUpdated\",\"inputs\":[{\"name\":\"maxBatchSize\",\"type\":\"uint32\",\"indexed\":false,\"internalType\":\"uint32\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"PausedSet\",\"inputs\":[{\"name\":\"paused\",\"type\":\"bool\",\"indexed\":false,\"internalType\":\"bool\"},{\"name\":\"by\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"RoleAdminChanged\",\"inputs\":[{\"name\":\"role\",\"type\":\"bytes32\",\"indexed\":true,\"internalType\":\"bytes32\"},{\"name\":\"previousAdminRole\",\"type\":\"bytes32\",\"indexed\":true,\"internalType\":\"bytes32\"},{\"name\":\"newAdminRole\",\"type\":\"bytes32\",\"indexed\":true,\"internalType\":\"bytes32\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"RoleGranted\",\"inputs\":[{\"name\":\"role\",\"type\":\"bytes32\",\"indexed\":true,\"internalType\":\"bytes32\"},{\"name\":\"account\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"sender\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"RoleRevoked\",\"inputs\":[{\"name\":\"role\",\"type\":\"bytes32\",\"indexed\":true,\"internalType\":\"bytes32\"},{\"name\":\"account\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"},{\"name\":\"sender\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"RoutesApplied\",\"inputs\":[{\"name\":\"root\",\"type\":\"bytes32\",\"indexed\":true,\"internalType\":\"bytes32\"},{\"name\":\"count\",\"type\":\"uint256\",\"indexed\":false,\"internalType\":\"uint256\"}],\"anonymous\":false},{\"type\":\"event\",\"name\":\"SelectorRouted\",\"inputs\":[{\"name\":\"selector\",\"type\":\"bytes4\",\"indexed\":true,\"internalType\":\"bytes4\"},{\"name\":\"facet\",\"type\":\"address\",\"indexed\":true,\"internalType\":\"address\"}],\"anonymous\":false},{\"type\":\"error\",\"name\":\"AccessControlBadConfirmation\",\"inputs\":[]},{\"type\":\"error\",\"name\":\"AccessControlUnauthorizedAccount\",\"inputs\":[{\"name\":\"account\",\"type\":\"address\",\"internalType\":\"address\"},{\"name\":\"neededRole\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"}]},{\"type\":\"error\",\"name\":\"ActivationNotReady\",\"inputs\":[{\"name\":\"eta\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"current\",\"type\":\"uint256\",\"internalType\":\"uint256\"}]},{\"type\":\"error\",\"name\":\"AlreadyPending\",\"inputs\":[{\"name\":\"root\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"}]},{\"type\":\"error\",\"name\":\"CodeForbidden\",\"inputs\":[{\"name\":\"account\",\"type\":\"address\",\"internalType\":\"address\"}]},{\"type\":\"error\",\"name\":\"CodeMissing\",\"inputs\":[{\"name\":\"account\",\"type\":\"address\",\"internalType\":\"address\"}]},{\"type\":\"error\",\"name\":\"CodehashMismatch\",\"inputs\":[{\"name\":\"selector\",\"type\":\"bytes4\",\"internalType\":\"bytes4\"},{\"name\":\"want\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"},{\"name\":\"got\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"}]},{\"type\":\"error\",\"name\":\"DispatcherPaused\",\"inputs\":[]},{\"type\":\"error\",\"name\":\"InitAlreadyRun\",\"inputs\":[{\"name\":\"root\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"}]},{\"type\":\"error\",\"name\":\"InitMismatch\",\"inputs\":[{\"name\":\"pendingRoot\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"}]},{\"type\":\"error\",\"name\":\"InvalidAdmin\",\"inputs\":[]},{\"type\":\"error\",\"name\":\"InvalidExtension\",\"inputs\":[{\"name\":\"extension\",\"type\":\"address\",\"internalType\":\"address\"}]},{\"type\":\"error\",\"name\":\"InvalidProof\",\"inputs\":[{\"name\":\"pendingRoot\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"}]},{\"type\":\"error\",\"name\":\"MalformedPage\",\"inputs\":[]},{\"type\":\"error\",\"name\":\"ManifestExpired\",\"inputs\":[{\"name\":\"deadline\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"current\",\"type\":\"uint256\",\"internalType\":\"uint256\"}]},{\"type\":\"error\",\"name\":\"MisplacedSelector\",\"inputs\":[{\"name\":\"selector\",\"type\":\"bytes4\",\"internalType\":\"bytes4\"}]},{\"type\":\"error\",\"name\":\"NothingPending\",\"inputs\":[]},{\"type\":\"error\",\"name\":\"OutOfBounds\",\"inputs\":[{\"name\":\"value\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"min\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"max\",\"type\":\"uint256\",\"internalType\":\"uint256\"}]},{\"type\":\"error\",\"name\":\"PageAlreadyStaged\",\"inputs\":[{\"name\":\"routesRoot\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"},{\"name\":\"page\",\"type\":\"uint256\",\"internalType\":\"uint256\"}]},{\"type\":\"error\",\"name\":\"PageMissing\",\"inputs\":[{\"name\":\"routesRoot\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"},{\"name\":\"page\",\"type\":\"uint256\",\"internalType\":\"uint256\"}]},{\"type\":\"error\",\"name\":\"PageNotStored\",\"inputs\":[{\"name\":\"routesRoot\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"},{\"name\":\"page\",\"type\":\"uint256\",\"internalType\":\"uint256\"}]},{\"type\":\"error\",\"name\":\"PageTooLarge\",\"inputs\":[{\"name\":\"routes\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"limit\",\"type\":\"uint256\",\"internalType\":\"uint256\"}]},{\"type\":\"error\",\"name\":\"PauseUnchanged\",\"inputs\":[{\"name\":\"paused\",\"type\":\"bool\",\"internalType\":\"bool\"}]},{\"type\":\"error\",\"name\":\"SelectorReserved\",\"inputs\":[{\"name\":\"selector\",\"type\":\"bytes4\",\"internalType\":\"bytes4\"}]},{\"type\":\"error\",\"name\":\"UnknownRole\",\"inputs\":[{\"name\":\"role\",\"type\":\"bytes32\",\"internalType\":\"bytes32\"}]},{\"type\":\"error\",\"name\":\"UnknownSelector\",\"inputs\":[{\"name\":\"selector\",\"type\":\"bytes4\",\"internalType\":\"bytes4\"}]},{\"type\":\"error\",\"name\":\"WrongEpoch\",\"inputs\":[{\"name\":\"got\",\"type\":\"uint256\",\"internalType\":\"uint256\"},{\"name\":\"want\",\"type\":\"uint256\",\"internalType\":\"uint256\"}]},{\"type\":\"error\",\"name\":\"WrongPage\",\"inputs\":[{\"name\":\"selector\",\"type\":\"bytes4\",\"internalType\":\"bytes4\"},{\"name\":\"page\",\"type\":\"uint256\",\"internalType\":\"uint256\"}]},{\"type\":\"error\",\"name\":\"ZeroRoot\",\"inputs\":[]}]",
	ID:  "ManifestDispatcher",
}

// ManifestDispatcher is an auto generated Go binding around an Ethereum contract.
type ManifestDispatcher struct {
	abi abi.ABI
}

// NewManifestDispatcher creates a new instance of ManifestDispatcher.
func NewManifestDispatcher() *ManifestDispatcher {
	parsed, err := ManifestDispatcherMetaData.ParseABI()
	if err != nil {
		panic(errors.New("invalid ABI: " + err.Error()))
	}
	return &ManifestDispatcher{abi: *parsed}
}

// Instance creates a wrapper for a deployed contract instance at the given address.
// Use this to create the instance object passed to abigen v2 library functions Call, Transact, etc.
func (c *ManifestDispatcher) Instance(backend bind.ContractBackend, addr common.Address) *bind.BoundContract {
	return bind.NewBoundContract(addr, c.abi, backend, backend, backend)
}

// PackAPPLYROLE is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x02c675ea.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function APPLY_ROLE() view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) PackAPPLYROLE() []byte {
	enc, err := manifestDispatcher.abi.Pack("APPLY_ROLE")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackAPPLYROLE is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x02c675ea.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function APPLY_ROLE() view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) TryPackAPPLYROLE() ([]byte, error) {
	return manifestDispatcher.abi.Pack("APPLY_ROLE")
}

// UnpackAPPLYROLE is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x02c675ea.
//
// Solidity: function APPLY_ROLE() view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) UnpackAPPLYROLE(data []byte) ([32]byte, error) {
	out, err := manifestDispatcher.abi.Unpack("APPLY_ROLE", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackCOMMITROLE is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x441e7d58.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function COMMIT_ROLE() view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) PackCOMMITROLE() []byte {
	enc, err := manifestDispatcher.abi.Pack("COMMIT_ROLE")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackCOMMITROLE is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x441e7d58.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function COMMIT_ROLE() view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) TryPackCOMMITROLE() ([]byte, error) {
	return manifestDispatcher.abi.Pack("COMMIT_ROLE")
}

// UnpackCOMMITROLE is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x441e7d58.
//
// Solidity: function COMMIT_ROLE() view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) UnpackCOMMITROLE(data []byte) ([32]byte, error) {
	out, err := manifestDispatcher.abi.Unpack("COMMIT_ROLE", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackDEFAULTADMINROLE is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa217fddf.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function DEFAULT_ADMIN_ROLE() view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) PackDEFAULTADMINROLE() []byte {
	enc, err := manifestDispatcher.abi.Pack("DEFAULT_ADMIN_ROLE")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackDEFAULTADMINROLE is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa217fddf.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function DEFAULT_ADMIN_ROLE() view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) TryPackDEFAULTADMINROLE() ([]byte, error) {
	return manifestDispatcher.abi.Pack("DEFAULT_ADMIN_ROLE")
}

// UnpackDEFAULTADMINROLE is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xa217fddf.
//
// Solidity: function DEFAULT_ADMIN_ROLE() view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) UnpackDEFAULTADMINROLE(data []byte) ([32]byte, error) {
	out, err := manifestDispatcher.abi.Unpack("DEFAULT_ADMIN_ROLE", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackEMERGENCYROLE is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x20df4359.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function EMERGENCY_ROLE() view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) PackEMERGENCYROLE() []byte {
	enc, err := manifestDispatcher.abi.Pack("EMERGENCY_ROLE")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackEMERGENCYROLE is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x20df4359.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function EMERGENCY_ROLE() view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) TryPackEMERGENCYROLE() ([]byte, error) {
	return manifestDispatcher.abi.Pack("EMERGENCY_ROLE")
}

// UnpackEMERGENCYROLE is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x20df4359.
//
// Solidity: function EMERGENCY_ROLE() view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) UnpackEMERGENCYROLE(data []byte) ([32]byte, error) {
	out, err := manifestDispatcher.abi.Unpack("EMERGENCY_ROLE", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackGOVERNANCEROLE is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf36c8f5c.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function GOVERNANCE_ROLE() view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) PackGOVERNANCEROLE() []byte {
	enc, err := manifestDispatcher.abi.Pack("GOVERNANCE_ROLE")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackGOVERNANCEROLE is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf36c8f5c.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function GOVERNANCE_ROLE() view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) TryPackGOVERNANCEROLE() ([]byte, error) {
	return manifestDispatcher.abi.Pack("GOVERNANCE_ROLE")
}

// UnpackGOVERNANCEROLE is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xf36c8f5c.
//
// Solidity: function GOVERNANCE_ROLE() view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) UnpackGOVERNANCEROLE(data []byte) ([32]byte, error) {
	out, err := manifestDispatcher.abi.Unpack("GOVERNANCE_ROLE", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackINITTYPEHASH is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x7428bb22.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function INIT_TYPEHASH() view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) PackINITTYPEHASH() []byte {
	enc, err := manifestDispatcher.abi.Pack("INIT_TYPEHASH")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackINITTYPEHASH is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x7428bb22.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function INIT_TYPEHASH() view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) TryPackINITTYPEHASH() ([]byte, error) {
	return manifestDispatcher.abi.Pack("INIT_TYPEHASH")
}

// UnpackINITTYPEHASH is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x7428bb22.
//
// Solidity: function INIT_TYPEHASH() view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) UnpackINITTYPEHASH(data []byte) ([32]byte, error) {
	out, err := manifestDispatcher.abi.Unpack("INIT_TYPEHASH", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackPAUSERROLE is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xe63ab1e9.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function PAUSER_ROLE() view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) PackPAUSERROLE() []byte {
	enc, err := manifestDispatcher.abi.Pack("PAUSER_ROLE")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackPAUSERROLE is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xe63ab1e9.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function PAUSER_ROLE() view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) TryPackPAUSERROLE() ([]byte, error) {
	return manifestDispatcher.abi.Pack("PAUSER_ROLE")
}

// UnpackPAUSERROLE is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xe63ab1e9.
//
// Solidity: function PAUSER_ROLE() view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) UnpackPAUSERROLE(data []byte) ([32]byte, error) {
	out, err := manifestDispatcher.abi.Unpack("PAUSER_ROLE", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackActivateCommittedRoot is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xadc6c3b2.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function activateCommittedRoot() returns()
func (manifestDispatcher *ManifestDispatcher) PackActivateCommittedRoot() []byte {
	enc, err := manifestDispatcher.abi.Pack("activateCommittedRoot")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackActivateCommittedRoot is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xadc6c3b2.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function activateCommittedRoot() returns()
func (manifestDispatcher *ManifestDispatcher) TryPackActivateCommittedRoot() ([]byte, error) {
	return manifestDispatcher.abi.Pack("activateCommittedRoot")
}

// PackActivateCommittedRootAndCall is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa10ef9ab.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function activateCommittedRootAndCall(bytes32 routesRoot, address init, bytes data) returns()
func (manifestDispatcher *ManifestDispatcher) PackActivateCommittedRootAndCall(routesRoot [32]byte, init common.Address, data []byte) []byte {
	enc, err := manifestDispatcher.abi.Pack("activateCommittedRootAndCall", routesRoot, init, data)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackActivateCommittedRootAndCall is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa10ef9ab.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function activateCommittedRootAndCall(bytes32 routesRoot, address init, bytes data) returns()
func (manifestDispatcher *ManifestDispatcher) TryPackActivateCommittedRootAndCall(routesRoot [32]byte, init common.Address, data []byte) ([]byte, error) {
	return manifestDispatcher.abi.Pack("activateCommittedRootAndCall", routesRoot, init, data)
}

// PackActiveEpoch is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x9f6b4a3b.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function activeEpoch() view returns(uint64)
func (manifestDispatcher *ManifestDispatcher) PackActiveEpoch() []byte {
	enc, err := manifestDispatcher.abi.Pack("activeEpoch")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackActiveEpoch is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x9f6b4a3b.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function activeEpoch() view returns(uint64)
func (manifestDispatcher *ManifestDispatcher) TryPackActiveEpoch() ([]byte, error) {
	return manifestDispatcher.abi.Pack("activeEpoch")
}

// UnpackActiveEpoch is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x9f6b4a3b.
//
// Solidity: function activeEpoch() view returns(uint64)
func (manifestDispatcher *ManifestDispatcher) UnpackActiveEpoch(data []byte) (uint64, error) {
	out, err := manifestDispatcher.abi.Unpack("activeEpoch", data)
	if err != nil {
		return *new(uint64), err
	}
	out0 := *abi.ConvertType(out[0], new(uint64)).(*uint64)
	return out0, nil
}

// PackActiveRoot is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xabb2efdf.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function activeRoot() view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) PackActiveRoot() []byte {
	enc, err := manifestDispatcher.abi.Pack("activeRoot")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackActiveRoot is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xabb2efdf.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function activeRoot() view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) TryPackActiveRoot() ([]byte, error) {
	return manifestDispatcher.abi.Pack("activeRoot")
}

// UnpackActiveRoot is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xabb2efdf.
//
// Solidity: function activeRoot() view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) UnpackActiveRoot(data []byte) ([32]byte, error) {
	out, err := manifestDispatcher.abi.Unpack("activeRoot", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackActiveRoutesRoot is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x1e6599f3.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function activeRoutesRoot() view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) PackActiveRoutesRoot() []byte {
	enc, err := manifestDispatcher.abi.Pack("activeRoutesRoot")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackActiveRoutesRoot is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x1e6599f3.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function activeRoutesRoot() view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) TryPackActiveRoutesRoot() ([]byte, error) {
	return manifestDispatcher.abi.Pack("activeRoutesRoot")
}

// UnpackActiveRoutesRoot is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x1e6599f3.
//
// Solidity: function activeRoutesRoot() view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) UnpackActiveRoutesRoot(data []byte) ([32]byte, error) {
	out, err := manifestDispatcher.abi.Unpack("activeRoutesRoot", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackApplyRoutes is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x4c1497db.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function applyRoutes(bytes page, bytes32[] proof, bytes32 initHash) returns()
func (manifestDispatcher *ManifestDispatcher) PackApplyRoutes(page []byte, proof [][32]byte, initHash [32]byte) []byte {
	enc, err := manifestDispatcher.abi.Pack("applyRoutes", page, proof, initHash)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackApplyRoutes is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x4c1497db.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function applyRoutes(bytes page, bytes32[] proof, bytes32 initHash) returns()
func (manifestDispatcher *ManifestDispatcher) TryPackApplyRoutes(page []byte, proof [][32]byte, initHash [32]byte) ([]byte, error) {
	return manifestDispatcher.abi.Pack("applyRoutes", page, proof, initHash)
}

// PackCancelCommit is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x42341454.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function cancelCommit() returns()
func (manifestDispatcher *ManifestDispatcher) PackCancelCommit() []byte {
	enc, err := manifestDispatcher.abi.Pack("cancelCommit")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackCancelCommit is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x42341454.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function cancelCommit() returns()
func (manifestDispatcher *ManifestDispatcher) TryPackCancelCommit() ([]byte, error) {
	return manifestDispatcher.abi.Pack("cancelCommit")
}

// PackCommitRoot is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x00ebb5f0.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function commitRoot(bytes32 root, uint64 epoch) returns()
func (manifestDispatcher *ManifestDispatcher) PackCommitRoot(root [32]byte, epoch uint64) []byte {
	enc, err := manifestDispatcher.abi.Pack("commitRoot", root, epoch)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackCommitRoot is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x00ebb5f0.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function commitRoot(bytes32 root, uint64 epoch) returns()
func (manifestDispatcher *ManifestDispatcher) TryPackCommitRoot(root [32]byte, epoch uint64) ([]byte, error) {
	return manifestDispatcher.abi.Pack("commitRoot", root, epoch)
}

// PackDelay is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x6a42b8f8.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function delay() view returns(uint256)
func (manifestDispatcher *ManifestDispatcher) PackDelay() []byte {
	enc, err := manifestDispatcher.abi.Pack("delay")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackDelay is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x6a42b8f8.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function delay() view returns(uint256)
func (manifestDispatcher *ManifestDispatcher) TryPackDelay() ([]byte, error) {
	return manifestDispatcher.abi.Pack("delay")
}

// UnpackDelay is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x6a42b8f8.
//
// Solidity: function delay() view returns(uint256)
func (manifestDispatcher *ManifestDispatcher) UnpackDelay(data []byte) (*big.Int, error) {
	out, err := manifestDispatcher.abi.Unpack("delay", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackDispatcherState is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x9cc3f9e9.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function dispatcherState() view returns((bytes32,bytes32,uint256,uint256,bytes32,uint256,uint256,uint256,bool,uint256,uint256,uint256,address))
func (manifestDispatcher *ManifestDispatcher) PackDispatcherState() []byte {
	enc, err := manifestDispatcher.abi.Pack("dispatcherState")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackDispatcherState is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x9cc3f9e9.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function dispatcherState() view returns((bytes32,bytes32,uint256,uint256,bytes32,uint256,uint256,uint256,bool,uint256,uint256,uint256,address))
func (manifestDispatcher *ManifestDispatcher) TryPackDispatcherState() ([]byte, error) {
	return manifestDispatcher.abi.Pack("dispatcherState")
}

// UnpackDispatcherState is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x9cc3f9e9.
//
// Solidity: function dispatcherState() view returns((bytes32,bytes32,uint256,uint256,bytes32,uint256,uint256,uint256,bool,uint256,uint256,uint256,address))
func (manifestDispatcher *ManifestDispatcher) UnpackDispatcherState(data []byte) (IDispatcherExtensionDispatcherState, error) {
	out, err := manifestDispatcher.abi.Unpack("dispatcherState", data)
	if err != nil {
		return *new(IDispatcherExtensionDispatcherState), err
	}
	out0 := *abi.ConvertType(out[0], new(IDispatcherExtensionDispatcherState)).(*IDispatcherExtensionDispatcherState)
	return out0, nil
}

// PackEtaGrace is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf289937c.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function etaGrace() view returns(uint32)
func (manifestDispatcher *ManifestDispatcher) PackEtaGrace() []byte {
	enc, err := manifestDispatcher.abi.Pack("etaGrace")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackEtaGrace is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf289937c.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function etaGrace() view returns(uint32)
func (manifestDispatcher *ManifestDispatcher) TryPackEtaGrace() ([]byte, error) {
	return manifestDispatcher.abi.Pack("etaGrace")
}

// UnpackEtaGrace is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xf289937c.
//
// Solidity: function etaGrace() view returns(uint32)
func (manifestDispatcher *ManifestDispatcher) UnpackEtaGrace(data []byte) (uint32, error) {
	out, err := manifestDispatcher.abi.Unpack("etaGrace", data)
	if err != nil {
		return *new(uint32), err
	}
	out0 := *abi.ConvertType(out[0], new(uint32)).(*uint32)
	return out0, nil
}

// PackExtension is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x2d5537b0.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function extension() view returns(address)
func (manifestDispatcher *ManifestDispatcher) PackExtension() []byte {
	enc, err := manifestDispatcher.abi.Pack("extension")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackExtension is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x2d5537b0.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function extension() view returns(address)
func (manifestDispatcher *ManifestDispatcher) TryPackExtension() ([]byte, error) {
	return manifestDispatcher.abi.Pack("extension")
}

// UnpackExtension is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x2d5537b0.
//
// Solidity: function extension() view returns(address)
func (manifestDispatcher *ManifestDispatcher) UnpackExtension(data []byte) (common.Address, error) {
	out, err := manifestDispatcher.abi.Unpack("extension", data)
	if err != nil {
		return *new(common.Address), err
	}
	out0 := *abi.ConvertType(out[0], new(common.Address)).(*common.Address)
	return out0, nil
}

// PackFacetAddress is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xcdffacc6.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function facetAddress(bytes4 selector) view returns(address facet)
func (manifestDispatcher *ManifestDispatcher) PackFacetAddress(selector [4]byte) []byte {
	enc, err := manifestDispatcher.abi.Pack("facetAddress", selector)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackFacetAddress is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xcdffacc6.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function facetAddress(bytes4 selector) view returns(address facet)
func (manifestDispatcher *ManifestDispatcher) TryPackFacetAddress(selector [4]byte) ([]byte, error) {
	return manifestDispatcher.abi.Pack("facetAddress", selector)
}

// UnpackFacetAddress is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xcdffacc6.
//
// Solidity: function facetAddress(bytes4 selector) view returns(address facet)
func (manifestDispatcher *ManifestDispatcher) UnpackFacetAddress(data []byte) (common.Address, error) {
	out, err := manifestDispatcher.abi.Unpack("facetAddress", data)
	if err != nil {
		return *new(common.Address), err
	}
	out0 := *abi.ConvertType(out[0], new(common.Address)).(*common.Address)
	return out0, nil
}

// PackFacetAddresses is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x52ef6b2c.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function facetAddresses() view returns(address[] addresses)
func (manifestDispatcher *ManifestDispatcher) PackFacetAddresses() []byte {
	enc, err := manifestDispatcher.abi.Pack("facetAddresses")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackFacetAddresses is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x52ef6b2c.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function facetAddresses() view returns(address[] addresses)
func (manifestDispatcher *ManifestDispatcher) TryPackFacetAddresses() ([]byte, error) {
	return manifestDispatcher.abi.Pack("facetAddresses")
}

// UnpackFacetAddresses is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x52ef6b2c.
//
// Solidity: function facetAddresses() view returns(address[] addresses)
func (manifestDispatcher *ManifestDispatcher) UnpackFacetAddresses(data []byte) ([]common.Address, error) {
	out, err := manifestDispatcher.abi.Unpack("facetAddresses", data)
	if err != nil {
		return *new([]common.Address), err
	}
	out0 := *abi.ConvertType(out[0], new([]common.Address)).(*[]common.Address)
	return out0, nil
}

// PackFacetFunctionSelectors is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xadfca15e.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function facetFunctionSelectors(address facet) view returns(bytes4[] selectors)
func (manifestDispatcher *ManifestDispatcher) PackFacetFunctionSelectors(facet common.Address) []byte {
	enc, err := manifestDispatcher.abi.Pack("facetFunctionSelectors", facet)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackFacetFunctionSelectors is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xadfca15e.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function facetFunctionSelectors(address facet) view returns(bytes4[] selectors)
func (manifestDispatcher *ManifestDispatcher) TryPackFacetFunctionSelectors(facet common.Address) ([]byte, error) {
	return manifestDispatcher.abi.Pack("facetFunctionSelectors", facet)
}

// UnpackFacetFunctionSelectors is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xadfca15e.
//
// Solidity: function facetFunctionSelectors(address facet) view returns(bytes4[] selectors)
func (manifestDispatcher *ManifestDispatcher) UnpackFacetFunctionSelectors(data []byte) ([][4]byte, error) {
	out, err := manifestDispatcher.abi.Unpack("facetFunctionSelectors", data)
	if err != nil {
		return *new([][4]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([][4]byte)).(*[][4]byte)
	return out0, nil
}

// PackFacets is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x7a0ed627.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function facets() view returns((address,bytes4[])[] facets_)
func (manifestDispatcher *ManifestDispatcher) PackFacets() []byte {
	enc, err := manifestDispatcher.abi.Pack("facets")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackFacets is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x7a0ed627.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function facets() view returns((address,bytes4[])[] facets_)
func (manifestDispatcher *ManifestDispatcher) TryPackFacets() ([]byte, error) {
	return manifestDispatcher.abi.Pack("facets")
}

// UnpackFacets is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x7a0ed627.
//
// Solidity: function facets() view returns((address,bytes4[])[] facets_)
func (manifestDispatcher *ManifestDispatcher) UnpackFacets(data []byte) ([]IDiamondLoupeFacet, error) {
	out, err := manifestDispatcher.abi.Unpack("facets", data)
	if err != nil {
		return *new([]IDiamondLoupeFacet), err
	}
	out0 := *abi.ConvertType(out[0], new([]IDiamondLoupeFacet)).(*[]IDiamondLoupeFacet)
	return out0, nil
}

// PackGetRoleAdmin is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x248a9ca3.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function getRoleAdmin(bytes32 role) view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) PackGetRoleAdmin(role [32]byte) []byte {
	enc, err := manifestDispatcher.abi.Pack("getRoleAdmin", role)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackGetRoleAdmin is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x248a9ca3.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function getRoleAdmin(bytes32 role) view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) TryPackGetRoleAdmin(role [32]byte) ([]byte, error) {
	return manifestDispatcher.abi.Pack("getRoleAdmin", role)
}

// UnpackGetRoleAdmin is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x248a9ca3.
//
// Solidity: function getRoleAdmin(bytes32 role) view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) UnpackGetRoleAdmin(data []byte) ([32]byte, error) {
	out, err := manifestDispatcher.abi.Unpack("getRoleAdmin", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackGrantRole is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x2f2ff15d.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function grantRole(bytes32 role, address account) returns()
func (manifestDispatcher *ManifestDispatcher) PackGrantRole(role [32]byte, account common.Address) []byte {
	enc, err := manifestDispatcher.abi.Pack("grantRole", role, account)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackGrantRole is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x2f2ff15d.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function grantRole(bytes32 role, address account) returns()
func (manifestDispatcher *ManifestDispatcher) TryPackGrantRole(role [32]byte, account common.Address) ([]byte, error) {
	return manifestDispatcher.abi.Pack("grantRole", role, account)
}

// PackHasRole is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x91d14854.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function hasRole(bytes32 role, address account) view returns(bool)
func (manifestDispatcher *ManifestDispatcher) PackHasRole(role [32]byte, account common.Address) []byte {
	enc, err := manifestDispatcher.abi.Pack("hasRole", role, account)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackHasRole is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x91d14854.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function hasRole(bytes32 role, address account) view returns(bool)
func (manifestDispatcher *ManifestDispatcher) TryPackHasRole(role [32]byte, account common.Address) ([]byte, error) {
	return manifestDispatcher.abi.Pack("hasRole", role, account)
}

// UnpackHasRole is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x91d14854.
//
// Solidity: function hasRole(bytes32 role, address account) view returns(bool)
func (manifestDispatcher *ManifestDispatcher) UnpackHasRole(data []byte) (bool, error) {
	out, err := manifestDispatcher.abi.Unpack("hasRole", data)
	if err != nil {
		return *new(bool), err
	}
	out0 := *abi.ConvertType(out[0], new(bool)).(*bool)
	return out0, nil
}

// PackInitializedRoutesRoot is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x729f7fab.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function initializedRoutesRoot(bytes32 root) view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) PackInitializedRoutesRoot(root [32]byte) []byte {
	enc, err := manifestDispatcher.abi.Pack("initializedRoutesRoot", root)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackInitializedRoutesRoot is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x729f7fab.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function initializedRoutesRoot(bytes32 root) view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) TryPackInitializedRoutesRoot(root [32]byte) ([]byte, error) {
	return manifestDispatcher.abi.Pack("initializedRoutesRoot", root)
}

// UnpackInitializedRoutesRoot is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x729f7fab.
//
// Solidity: function initializedRoutesRoot(bytes32 root) view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) UnpackInitializedRoutesRoot(data []byte) ([32]byte, error) {
	out, err := manifestDispatcher.abi.Unpack("initializedRoutesRoot", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackIsReserved is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x65766dfd.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function isReserved(bytes4 selector) view returns(bool)
func (manifestDispatcher *ManifestDispatcher) PackIsReserved(selector [4]byte) []byte {
	enc, err := manifestDispatcher.abi.Pack("isReserved", selector)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackIsReserved is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x65766dfd.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function isReserved(bytes4 selector) view returns(bool)
func (manifestDispatcher *ManifestDispatcher) TryPackIsReserved(selector [4]byte) ([]byte, error) {
	return manifestDispatcher.abi.Pack("isReserved", selector)
}

// UnpackIsReserved is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x65766dfd.
//
// Solidity: function isReserved(bytes4 selector) view returns(bool)
func (manifestDispatcher *ManifestDispatcher) UnpackIsReserved(data []byte) (bool, error) {
	out, err := manifestDispatcher.abi.Unpack("isReserved", data)
	if err != nil {
		return *new(bool), err
	}
	out0 := *abi.ConvertType(out[0], new(bool)).(*bool)
	return out0, nil
}

// PackMaxBatchSize is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x2913daa0.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function maxBatchSize() view returns(uint32)
func (manifestDispatcher *ManifestDispatcher) PackMaxBatchSize() []byte {
	enc, err := manifestDispatcher.abi.Pack("maxBatchSize")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackMaxBatchSize is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x2913daa0.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function maxBatchSize() view returns(uint32)
func (manifestDispatcher *ManifestDispatcher) TryPackMaxBatchSize() ([]byte, error) {
	return manifestDispatcher.abi.Pack("maxBatchSize")
}

// UnpackMaxBatchSize is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x2913daa0.
//
// Solidity: function maxBatchSize() view returns(uint32)
func (manifestDispatcher *ManifestDispatcher) UnpackMaxBatchSize(data []byte) (uint32, error) {
	out, err := manifestDispatcher.abi.Unpack("maxBatchSize", data)
	if err != nil {
		return *new(uint32), err
	}
	out0 := *abi.ConvertType(out[0], new(uint32)).(*uint32)
	return out0, nil
}

// PackPageAddress is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x49648fee.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function pageAddress(bytes32 routesRoot, uint256 index) view returns(address)
func (manifestDispatcher *ManifestDispatcher) PackPageAddress(routesRoot [32]byte, index *big.Int) []byte {
	enc, err := manifestDispatcher.abi.Pack("pageAddress", routesRoot, index)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackPageAddress is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x49648fee.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function pageAddress(bytes32 routesRoot, uint256 index) view returns(address)
func (manifestDispatcher *ManifestDispatcher) TryPackPageAddress(routesRoot [32]byte, index *big.Int) ([]byte, error) {
	return manifestDispatcher.abi.Pack("pageAddress", routesRoot, index)
}

// UnpackPageAddress is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x49648fee.
//
// Solidity: function pageAddress(bytes32 routesRoot, uint256 index) view returns(address)
func (manifestDispatcher *ManifestDispatcher) UnpackPageAddress(data []byte) (common.Address, error) {
	out, err := manifestDispatcher.abi.Unpack("pageAddress", data)
	if err != nil {
		return *new(common.Address), err
	}
	out0 := *abi.ConvertType(out[0], new(common.Address)).(*common.Address)
	return out0, nil
}

// PackPause is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x8456cb59.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function pause() returns()
func (manifestDispatcher *ManifestDispatcher) PackPause() []byte {
	enc, err := manifestDispatcher.abi.Pack("pause")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackPause is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x8456cb59.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function pause() returns()
func (manifestDispatcher *ManifestDispatcher) TryPackPause() ([]byte, error) {
	return manifestDispatcher.abi.Pack("pause")
}

// PackPaused is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x5c975abb.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function paused() view returns(bool)
func (manifestDispatcher *ManifestDispatcher) PackPaused() []byte {
	enc, err := manifestDispatcher.abi.Pack("paused")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackPaused is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x5c975abb.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function paused() view returns(bool)
func (manifestDispatcher *ManifestDispatcher) TryPackPaused() ([]byte, error) {
	return manifestDispatcher.abi.Pack("paused")
}

// UnpackPaused is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x5c975abb.
//
// Solidity: function paused() view returns(bool)
func (manifestDispatcher *ManifestDispatcher) UnpackPaused(data []byte) (bool, error) {
	out, err := manifestDispatcher.abi.Unpack("paused", data)
	if err != nil {
		return *new(bool), err
	}
	out0 := *abi.ConvertType(out[0], new(bool)).(*bool)
	return out0, nil
}

// PackPendingBatchSize is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xed1b9185.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function pendingBatchSize() view returns(uint32)
func (manifestDispatcher *ManifestDispatcher) PackPendingBatchSize() []byte {
	enc, err := manifestDispatcher.abi.Pack("pendingBatchSize")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackPendingBatchSize is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xed1b9185.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function pendingBatchSize() view returns(uint32)
func (manifestDispatcher *ManifestDispatcher) TryPackPendingBatchSize() ([]byte, error) {
	return manifestDispatcher.abi.Pack("pendingBatchSize")
}

// UnpackPendingBatchSize is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xed1b9185.
//
// Solidity: function pendingBatchSize() view returns(uint32)
func (manifestDispatcher *ManifestDispatcher) UnpackPendingBatchSize(data []byte) (uint32, error) {
	out, err := manifestDispatcher.abi.Unpack("pendingBatchSize", data)
	if err != nil {
		return *new(uint32), err
	}
	out0 := *abi.ConvertType(out[0], new(uint32)).(*uint32)
	return out0, nil
}

// PackPendingEpoch is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf552501a.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function pendingEpoch() view returns(uint64)
func (manifestDispatcher *ManifestDispatcher) PackPendingEpoch() []byte {
	enc, err := manifestDispatcher.abi.Pack("pendingEpoch")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackPendingEpoch is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf552501a.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function pendingEpoch() view returns(uint64)
func (manifestDispatcher *ManifestDispatcher) TryPackPendingEpoch() ([]byte, error) {
	return manifestDispatcher.abi.Pack("pendingEpoch")
}

// UnpackPendingEpoch is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xf552501a.
//
// Solidity: function pendingEpoch() view returns(uint64)
func (manifestDispatcher *ManifestDispatcher) UnpackPendingEpoch(data []byte) (uint64, error) {
	out, err := manifestDispatcher.abi.Unpack("pendingEpoch", data)
	if err != nil {
		return *new(uint64), err
	}
	out0 := *abi.ConvertType(out[0], new(uint64)).(*uint64)
	return out0, nil
}

// PackPendingEta is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x7697d463.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function pendingEta() view returns(uint256)
func (manifestDispatcher *ManifestDispatcher) PackPendingEta() []byte {
	enc, err := manifestDispatcher.abi.Pack("pendingEta")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackPendingEta is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x7697d463.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function pendingEta() view returns(uint256)
func (manifestDispatcher *ManifestDispatcher) TryPackPendingEta() ([]byte, error) {
	return manifestDispatcher.abi.Pack("pendingEta")
}

// UnpackPendingEta is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x7697d463.
//
// Solidity: function pendingEta() view returns(uint256)
func (manifestDispatcher *ManifestDispatcher) UnpackPendingEta(data []byte) (*big.Int, error) {
	out, err := manifestDispatcher.abi.Unpack("pendingEta", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackPendingRoot is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x750588cf.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function pendingRoot() view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) PackPendingRoot() []byte {
	enc, err := manifestDispatcher.abi.Pack("pendingRoot")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackPendingRoot is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x750588cf.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function pendingRoot() view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) TryPackPendingRoot() ([]byte, error) {
	return manifestDispatcher.abi.Pack("pendingRoot")
}

// UnpackPendingRoot is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x750588cf.
//
// Solidity: function pendingRoot() view returns(bytes32)
func (manifestDispatcher *ManifestDispatcher) UnpackPendingRoot(data []byte) ([32]byte, error) {
	out, err := manifestDispatcher.abi.Unpack("pendingRoot", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackRenounceRole is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x36568abe.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function renounceRole(bytes32 role, address callerConfirmation) returns()
func (manifestDispatcher *ManifestDispatcher) PackRenounceRole(role [32]byte, callerConfirmation common.Address) []byte {
	enc, err := manifestDispatcher.abi.Pack("renounceRole", role, callerConfirmation)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackRenounceRole is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x36568abe.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function renounceRole(bytes32 role, address callerConfirmation) returns()
func (manifestDispatcher *ManifestDispatcher) TryPackRenounceRole(role [32]byte, callerConfirmation common.Address) ([]byte, error) {
	return manifestDispatcher.abi.Pack("renounceRole", role, callerConfirmation)
}

// PackReservedSelectors is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xc2e60624.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function reservedSelectors() view returns(bytes4[])
func (manifestDispatcher *ManifestDispatcher) PackReservedSelectors() []byte {
	enc, err := manifestDispatcher.abi.Pack("reservedSelectors")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackReservedSelectors is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xc2e60624.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function reservedSelectors() view returns(bytes4[])
func (manifestDispatcher *ManifestDispatcher) TryPackReservedSelectors() ([]byte, error) {
	return manifestDispatcher.abi.Pack("reservedSelectors")
}

// UnpackReservedSelectors is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xc2e60624.
//
// Solidity: function reservedSelectors() view returns(bytes4[])
func (manifestDispatcher *ManifestDispatcher) UnpackReservedSelectors(data []byte) ([][4]byte, error) {
	out, err := manifestDispatcher.abi.Unpack("reservedSelectors", data)
	if err != nil {
		return *new([][4]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([][4]byte)).(*[][4]byte)
	return out0, nil
}

// PackRevokeRole is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xd547741f.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function revokeRole(bytes32 role, address account) returns()
func (manifestDispatcher *ManifestDispatcher) PackRevokeRole(role [32]byte, account common.Address) []byte {
	enc, err := manifestDispatcher.abi.Pack("revokeRole", role, account)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackRevokeRole is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xd547741f.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function revokeRole(bytes32 role, address account) returns()
func (manifestDispatcher *ManifestDispatcher) TryPackRevokeRole(role [32]byte, account common.Address) ([]byte, error) {
	return manifestDispatcher.abi.Pack("revokeRole", role, account)
}

// PackSetEtaGrace is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x9558be68.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function setEtaGrace(uint32 newEtaGrace) returns()
func (manifestDispatcher *ManifestDispatcher) PackSetEtaGrace(newEtaGrace uint32) []byte {
	enc, err := manifestDispatcher.abi.Pack("setEtaGrace", newEtaGrace)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackSetEtaGrace is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x9558be68.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function setEtaGrace(uint32 newEtaGrace) returns()
func (manifestDispatcher *ManifestDispatcher) TryPackSetEtaGrace(newEtaGrace uint32) ([]byte, error) {
	return manifestDispatcher.abi.Pack("setEtaGrace", newEtaGrace)
}

// PackSetMaxBatchSize is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x6f33659f.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function setMaxBatchSize(uint32 newMaxBatchSize) returns()
func (manifestDispatcher *ManifestDispatcher) PackSetMaxBatchSize(newMaxBatchSize uint32) []byte {
	enc, err := manifestDispatcher.abi.Pack("setMaxBatchSize", newMaxBatchSize)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackSetMaxBatchSize is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x6f33659f.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function setMaxBatchSize(uint32 newMaxBatchSize) returns()
func (manifestDispatcher *ManifestDispatcher) TryPackSetMaxBatchSize(newMaxBatchSize uint32) ([]byte, error) {
	return manifestDispatcher.abi.Pack("setMaxBatchSize", newMaxBatchSize)
}

// PackStagedPages is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x8fa7a4e2.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function stagedPages(bytes32 routesRoot) view returns(uint256 total, uint256[] staged, uint256[] missing)
func (manifestDispatcher *ManifestDispatcher) PackStagedPages(routesRoot [32]byte) []byte {
	enc, err := manifestDispatcher.abi.Pack("stagedPages", routesRoot)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackStagedPages is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x8fa7a4e2.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function stagedPages(bytes32 routesRoot) view returns(uint256 total, uint256[] staged, uint256[] missing)
func (manifestDispatcher *ManifestDispatcher) TryPackStagedPages(routesRoot [32]byte) ([]byte, error) {
	return manifestDispatcher.abi.Pack("stagedPages", routesRoot)
}

// StagedPagesOutput serves as a container for the return parameters of contract
// method StagedPages.
type StagedPagesOutput struct {
	Total   *big.Int
	Staged  []*big.Int
	Missing []*big.Int
}

// UnpackStagedPages is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x8fa7a4e2.
//
// Solidity: function stagedPages(bytes32 routesRoot) view returns(uint256 total, uint256[] staged, uint256[] missing)
func (manifestDispatcher *ManifestDispatcher) UnpackStagedPages(data []byte) (StagedPagesOutput, error) {
	out, err := manifestDispatcher.abi.Unpack("stagedPages", data)
	outstruct := new(StagedPagesOutput)
	if err != nil {
		return *outstruct, err
	}
	outstruct.Total = abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	outstruct.Staged = *abi.ConvertType(out[1], new([]*big.Int)).(*[]*big.Int)
	outstruct.Missing = *abi.ConvertType(out[2], new([]*big.Int)).(*[]*big.Int)
	return *outstruct, nil
}

// PackStagingPage is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x10eddfa7.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function stagingPage() view returns()
func (manifestDispatcher *ManifestDispatcher) PackStagingPage() []byte {
	enc, err := manifestDispatcher.abi.Pack("stagingPage")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackStagingPage is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x10eddfa7.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function stagingPage() view returns()
func (manifestDispatcher *ManifestDispatcher) TryPackStagingPage() ([]byte, error) {
	return manifestDispatcher.abi.Pack("stagingPage")
}

// PackSupportsInterface is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x01ffc9a7.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function supportsInterface(bytes4 interfaceId) view returns(bool)
func (manifestDispatcher *ManifestDispatcher) PackSupportsInterface(interfaceId [4]byte) []byte {
	enc, err := manifestDispatcher.abi.Pack("supportsInterface", interfaceId)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackSupportsInterface is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x01ffc9a7.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function supportsInterface(bytes4 interfaceId) view returns(bool)
func (manifestDispatcher *ManifestDispatcher) TryPackSupportsInterface(interfaceId [4]byte) ([]byte, error) {
	return manifestDispatcher.abi.Pack("supportsInterface", interfaceId)
}

// UnpackSupportsInterface is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x01ffc9a7.
//
// Solidity: function supportsInterface(bytes4 interfaceId) view returns(bool)
func (manifestDispatcher *ManifestDispatcher) UnpackSupportsInterface(data []byte) (bool, error) {
	out, err := manifestDispatcher.abi.Unpack("supportsInterface", data)
	if err != nil {
		return *new(bool), err
	}
	out0 := *abi.ConvertType(out[0], new(bool)).(*bool)
	return out0, nil
}

// PackUnpause is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x3f4ba83a.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function unpause() returns()
func (manifestDispatcher *ManifestDispatcher) PackUnpause() []byte {
	enc, err := manifestDispatcher.abi.Pack("unpause")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackUnpause is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x3f4ba83a.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function unpause() returns()
func (manifestDispatcher *ManifestDispatcher) TryPackUnpause() ([]byte, error) {
	return manifestDispatcher.abi.Pack("unpause")
}

// ManifestDispatcherActivated represents a Activated event raised by the ManifestDispatcher contract.
type ManifestDispatcherActivated struct {
	Root  [32]byte
	Epoch *big.Int
	Raw   *types.Log // Blockchain specific contextual infos
}

const ManifestDispatcherActivatedEventName = "Activated"

// ContractEventName returns the user-defined event name.
func (ManifestDispatcherActivated) ContractEventName() string {
	return ManifestDispatcherActivatedEventName
}

// UnpackActivatedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Activated(bytes32 indexed root, uint256 indexed epoch)
func (manifestDispatcher *ManifestDispatcher) UnpackActivatedEvent(log *types.Log) (*ManifestDispatcherActivated, error) {
	event := "Activated"
	if len(log.Topics) == 0 || log.Topics[0] != manifestDispatcher.abi.Events[event].ID {
		return nil, errors.New("event signature mismatch")
	}
	out := new(ManifestDispatcherActivated)
	if len(log.Data) > 0 {
		if err := manifestDispatcher.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range manifestDispatcher.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// ManifestDispatcherCancelled represents a Cancelled event raised by the ManifestDispatcher contract.
type ManifestDispatcherCancelled struct {
	Root  [32]byte
	Epoch *big.Int
	By    common.Address
	Raw   *types.Log // Blockchain specific contextual infos
}

const ManifestDispatcherCancelledEventName = "Cancelled"

// ContractEventName returns the user-defined event name.
func (ManifestDispatcherCancelled) ContractEventName() string {
	return ManifestDispatcherCancelledEventName
}

// UnpackCancelledEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Cancelled(bytes32 indexed root, uint256 indexed epoch, address indexed by)
func (manifestDispatcher *ManifestDispatcher) UnpackCancelledEvent(log *types.Log) (*ManifestDispatcherCancelled, error) {
	event := "Cancelled"
	if len(log.Topics) == 0 || log.Topics[0] != manifestDispatcher.abi.Events[event].ID {
		return nil, errors.New("event signature mismatch")
	}
	out := new(ManifestDispatcherCancelled)
	if len(log.Data) > 0 {
		if err := manifestDispatcher.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range manifestDispatcher.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// ManifestDispatcherCommitted represents a Committed event raised by the ManifestDispatcher contract.
type ManifestDispatcherCommitted struct {
	Root  [32]byte
	Epoch *big.Int
	Eta   *big.Int
	Raw   *types.Log // Blockchain specific contextual infos
}

const ManifestDispatcherCommittedEventName = "Committed"

// ContractEventName returns the user-defined event name.
func (ManifestDispatcherCommitted) ContractEventName() string {
	return ManifestDispatcherCommittedEventName
}

// UnpackCommittedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Committed(bytes32 indexed root, uint256 indexed epoch, uint256 eta)
func (manifestDispatcher *ManifestDispatcher) UnpackCommittedEvent(log *types.Log) (*ManifestDispatcherCommitted, error) {
	event := "Committed"
	if len(log.Topics) == 0 || log.Topics[0] != manifestDispatcher.abi.Events[event].ID {
		return nil, errors.New("event signature mismatch")
	}
	out := new(ManifestDispatcherCommitted)
	if len(log.Data) > 0 {
		if err := manifestDispatcher.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range manifestDispatcher.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// ManifestDispatcherEtaGraceUpdated represents a EtaGraceUpdated event raised by the ManifestDispatcher contract.
type ManifestDispatcherEtaGraceUpdated struct {
	EtaGrace uint32
	Raw      *types.Log // Blockchain specific contextual infos
}

const ManifestDispatcherEtaGraceUpdatedEventName = "EtaGraceUpdated"

// ContractEventName returns the user-defined event name.
func (ManifestDispatcherEtaGraceUpdated) ContractEventName() string {
	return ManifestDispatcherEtaGraceUpdatedEventName
}

// UnpackEtaGraceUpdatedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event EtaGraceUpdated(uint32 etaGrace)
func (manifestDispatcher *ManifestDispatcher) UnpackEtaGraceUpdatedEvent(log *types.Log) (*ManifestDispatcherEtaGraceUpdated, error) {
	event := "EtaGraceUpdated"
	if len(log.Topics) == 0 || log.Topics[0] != manifestDispatcher.abi.Events[event].ID {
		return nil, errors.New("event signature mismatch")
	}
	out := new(ManifestDispatcherEtaGraceUpdated)
	if len(log.Data) > 0 {
		if err := manifestDispatcher.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range manifestDispatcher.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// ManifestDispatcherInitCalled represents a InitCalled event raised by the ManifestDispatcher contract.
type ManifestDispatcherInitCalled struct {
	Root       [32]byte
	RoutesRoot [32]byte
	Init       common.Address
	Raw        *types.Log // Blockchain specific contextual infos
}

const ManifestDispatcherInitCalledEventName = "InitCalled"

// ContractEventName returns the user-defined event name.
func (ManifestDispatcherInitCalled) ContractEventName() string {
	return ManifestDispatcherInitCalledEventName
}

// UnpackInitCalledEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event InitCalled(bytes32 indexed root, bytes32 indexed routesRoot, address indexed init)
func (manifestDispatcher *ManifestDispatcher) UnpackInitCalledEvent(log *types.Log) (*ManifestDispatcherInitCalled, error) {
	event := "InitCalled"
	if len(log.Topics) == 0 || log.Topics[0] != manifestDispatcher.abi.Events[event].ID {
		return nil, errors.New("event signature mismatch")
	}
	out := new(ManifestDispatcherInitCalled)
	if len(log.Data) > 0 {
		if err := manifestDispatcher.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range manifestDispatcher.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// ManifestDispatcherMaxBatchSizeUpdated represents a MaxBatchSizeUpdated event raised by the ManifestDispatcher contract.
type ManifestDispatcherMaxBatchSizeUpdated struct {
	MaxBatchSize uint32
	Raw          *types.Log // Blockchain specific contextual infos
}

const ManifestDispatcherMaxBatchSizeUpdatedEventName = "MaxBatchSizeUpdated"

// ContractEventName returns the user-defined event name.
func (ManifestDispatcherMaxBatchSizeUpdated) ContractEventName() string {
	return ManifestDispatcherMaxBatchSizeUpdatedEventName
}

// UnpackMaxBatchSizeUpdatedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event MaxBatchSizeUpdated(uint32 maxBatchSize)
func (manifestDispatcher *ManifestDispatcher) UnpackMaxBatchSizeUpdatedEvent(log *types.Log) (*ManifestDispatcherMaxBatchSizeUpdated, error) {
	event := "MaxBatchSizeUpdated"
	if len(log.Topics) == 0 || log.Topics[0] != manifestDispatcher.abi.Events[event].ID {
		return nil, errors.New("event signature mismatch")
	}
	out := new(ManifestDispatcherMaxBatchSizeUpdated)
	if len(log.Data) > 0 {
		if err := manifestDispatcher.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range manifestDispatcher.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// ManifestDispatcherPausedSet represents a PausedSet event raised by the ManifestDispatcher contract.
type ManifestDispatcherPausedSet struct {
	Paused bool
	By     common.Address
	Raw    *types.Log // Blockchain specific contextual infos
}

const ManifestDispatcherPausedSetEventName = "PausedSet"

// ContractEventName returns the user-defined event name.
func (ManifestDispatcherPausedSet) ContractEventName() string {
	return ManifestDispatcherPausedSetEventName
}

// UnpackPausedSetEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event PausedSet(bool paused, address indexed by)
func (manifestDispatcher *ManifestDispatcher) UnpackPausedSetEvent(log *types.Log) (*ManifestDispatcherPausedSet, error) {
	event := "PausedSet"
	if len(log.Topics) == 0 || log.Topics[0] != manifestDispatcher.abi.Events[event].ID {
		return nil, errors.New("event signature mismatch")
	}
	out := new(ManifestDispatcherPausedSet)
	if len(log.Data) > 0 {
		if err := manifestDispatcher.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range manifestDispatcher.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// ManifestDispatcherRoleAdminChanged represents a RoleAdminChanged event raised by the ManifestDispatcher contract.
type ManifestDispatcherRoleAdminChanged struct {
	Role              [32]byte
	PreviousAdminRole [32]byte
	NewAdminRole      [32]byte
	Raw               *types.Log // Blockchain specific contextual infos
}

const ManifestDispatcherRoleAdminChangedEventName = "RoleAdminChanged"

// ContractEventName returns the user-defined event name.
func (ManifestDispatcherRoleAdminChanged) ContractEventName() string {
	return ManifestDispatcherRoleAdminChangedEventName
}

// UnpackRoleAdminChangedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event RoleAdminChanged(bytes32 indexed role, bytes32 indexed previousAdminRole, bytes32 indexed newAdminRole)
func (manifestDispatcher *ManifestDispatcher) UnpackRoleAdminChangedEvent(log *types.Log) (*ManifestDispatcherRoleAdminChanged, error) {
	event := "RoleAdminChanged"
	if len(log.Topics) == 0 || log.Topics[0] != manifestDispatcher.abi.Events[event].ID {
		return nil, errors.New("event signature mismatch")
	}
	out := new(ManifestDispatcherRoleAdminChanged)
	if len(log.Data) > 0 {
		if err := manifestDispatcher.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range manifestDispatcher.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// ManifestDispatcherRoleGranted represents a RoleGranted event raised by the ManifestDispatcher contract.
type ManifestDispatcherRoleGranted struct {
	Role    [32]byte
	Account common.Address
	Sender  common.Address
	Raw     *types.Log // Blockchain specific contextual infos
}

const ManifestDispatcherRoleGrantedEventName = "RoleGranted"

// ContractEventName returns the user-defined event name.
func (ManifestDispatcherRoleGranted) ContractEventName() string {
	return ManifestDispatcherRoleGrantedEventName
}

// UnpackRoleGrantedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event RoleGranted(bytes32 indexed role, address indexed account, address indexed sender)
func (manifestDispatcher *ManifestDispatcher) UnpackRoleGrantedEvent(log *types.Log) (*ManifestDispatcherRoleGranted, error) {
	event := "RoleGranted"
	if len(log.Topics) == 0 || log.Topics[0] != manifestDispatcher.abi.Events[event].ID {
		return nil, errors.New("event signature mismatch")
	}
	out := new(ManifestDispatcherRoleGranted)
	if len(log.Data) > 0 {
		if err := manifestDispatcher.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range manifestDispatcher.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// ManifestDispatcherRoleRevoked represents a RoleRevoked event raised by the ManifestDispatcher contract.
type ManifestDispatcherRoleRevoked struct {
	Role    [32]byte
	Account common.Address
	Sender  common.Address
	Raw     *types.Log // Blockchain specific contextual infos
}

const ManifestDispatcherRoleRevokedEventName = "RoleRevoked"

// ContractEventName returns the user-defined event name.
func (ManifestDispatcherRoleRevoked) ContractEventName() string {
	return ManifestDispatcherRoleRevokedEventName
}

// UnpackRoleRevokedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender)
func (manifestDispatcher *ManifestDispatcher) UnpackRoleRevokedEvent(log *types.Log) (*ManifestDispatcherRoleRevoked, error) {
	event := "RoleRevoked"
	if len(log.Topics) == 0 || log.Topics[0] != manifestDispatcher.abi.Events[event].ID {
		return nil, errors.New("event signature mismatch")
	}
	out := new(ManifestDispatcherRoleRevoked)
	if len(log.Data) > 0 {
		if err := manifestDispatcher.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range manifestDispatcher.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// ManifestDispatcherRoutesApplied represents a RoutesApplied event raised by the ManifestDispatcher contract.
type ManifestDispatcherRoutesApplied struct {
	Root  [32]byte
	Count *big.Int
	Raw   *types.Log // Blockchain specific contextual infos
}

const ManifestDispatcherRoutesAppliedEventName = "RoutesApplied"

// ContractEventName returns the user-defined event name.
func (ManifestDispatcherRoutesApplied) ContractEventName() string {
	return ManifestDispatcherRoutesAppliedEventName
}

// UnpackRoutesAppliedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event RoutesApplied(bytes32 indexed root, uint256 count)
func (manifestDispatcher *ManifestDispatcher) UnpackRoutesAppliedEvent(log *types.Log) (*ManifestDispatcherRoutesApplied, error) {
	event := "RoutesApplied"
	if len(log.Topics) == 0 || log.Topics[0] != manifestDispatcher.abi.Events[event].ID {
		return nil, errors.New("event signature mismatch")
	}
	out := new(ManifestDispatcherRoutesApplied)
	if len(log.Data) > 0 {
		if err := manifestDispatcher.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range manifestDispatcher.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// ManifestDispatcherSelectorRouted represents a SelectorRouted event raised by the ManifestDispatcher contract.
type ManifestDispatcherSelectorRouted struct {
	Selector [4]byte
	Facet    common.Address
	Raw      *types.Log // Blockchain specific contextual infos
}

const ManifestDispatcherSelectorRoutedEventName = "SelectorRouted"

// ContractEventName returns the user-defined event name.
func (ManifestDispatcherSelectorRouted) ContractEventName() string {
	return ManifestDispatcherSelectorRoutedEventName
}

// UnpackSelectorRoutedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event SelectorRouted(bytes4 indexed selector, address indexed facet)
func (manifestDispatcher *ManifestDispatcher) UnpackSelectorRoutedEvent(log *types.Log) (*ManifestDispatcherSelectorRouted, error) {
	event := "SelectorRouted"
	if len(log.Topics) == 0 || log.Topics[0] != manifestDispatcher.abi.Events[event].ID {
		return nil, errors.New("event signature mismatch")
	}
	out := new(ManifestDispatcherSelectorRouted)
	if len(log.Data) > 0 {
		if err := manifestDispatcher.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range manifestDispatcher.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// UnpackError attempts to decode the provided error data using user-defined
// error definitions.
func (manifestDispatcher *ManifestDispatcher) UnpackError(raw []byte) (any, error) {
	if bytes.Equal(raw[:4], manifestDispatcher.abi.Errors["AccessControlBadConfirmation"].ID.Bytes()[:4]) {
		return manifestDispatcher.UnpackAccessControlBadConfirmationError(raw[4:])
	}
	if bytes.Equal(raw[:4], manifestDispatcher.abi.Errors["AccessControlUnauthorizedAccount"].ID.Bytes()[:4]) {
		return manifestDispatcher.UnpackAccessControlUnauthorizedAccountError(raw[4:])
	}
	if bytes.Equal(raw[:4], manifestDispatcher.abi.Errors["ActivationNotReady"].ID.Bytes()[:4]) {
		return manifestDispatcher.UnpackActivationNotReadyError(raw[4:])
	}
	if bytes.Equal(raw[:4], manifestDispatcher.abi.Errors["AlreadyPending"].ID.Bytes()[:4]) {
		return manifestDispatcher.UnpackAlreadyPendingError(raw[4:])
	}
	if bytes.Equal(raw[:4], manifestDispatcher.abi.Errors["CodeForbidden"].ID.Bytes()[:4]) {
		return manifestDispatcher.UnpackCodeForbiddenError(raw[4:])
	}
	if bytes.Equal(raw[:4], manifestDispatcher.abi.Errors["CodeMissing"].ID.Bytes()[:4]) {
		return manifestDispatcher.UnpackCodeMissingError(raw[4:])
	}
	if bytes.Equal(raw[:4], manifestDispatcher.abi.Errors["CodehashMismatch"].ID.Bytes()[:4]) {
		return manifestDispatcher.UnpackCodehashMismatchError(raw[4:])
	}
	if bytes.Equal(raw[:4], manifestDispatcher.abi.Errors["DispatcherPaused"].ID.Bytes()[:4]) {
		return manifestDispatcher.UnpackDispatcherPausedError(raw[4:])
	}
	if bytes.Equal(raw[:4], manifestDispatcher.abi.Errors["InitAlreadyRun"].ID.Bytes()[:4]) {
		return manifestDispatcher.UnpackInitAlreadyRunError(raw[4:])
	}
	if bytes.Equal(raw[:4], manifestDispatcher.abi.Errors["InitMismatch"].ID.Bytes()[:4]) {
		return manifestDispatcher.UnpackInitMismatchError(raw[4:])
	}
	if bytes.Equal(raw[:4], manifestDispatcher.abi.Errors["InvalidAdmin"].ID.Bytes()[:4]) {
		return manifestDispatcher.UnpackInvalidAdminError(raw[4:])
	}
	if bytes.Equal(raw[:4], manifestDispatcher.abi.Errors["InvalidExtension"].ID.Bytes()[:4]) {
		return manifestDispatcher.UnpackInvalidExtensionError(raw[4:])
	}
	if bytes.Equal(raw[:4], manifestDispatcher.abi.Errors["InvalidProof"].ID.Bytes()[:4]) {
		return manifestDispatcher.UnpackInvalidProofError(raw[4:])
	}
	if bytes.Equal(raw[:4], manifestDispatcher.abi.Errors["MalformedPage"].ID.Bytes()[:4]) {
		return manifestDispatcher.UnpackMalformedPageError(raw[4:])
	}
	if bytes.Equal(raw[:4], manifestDispatcher.abi.Errors["ManifestExpired"].ID.Bytes()[:4]) {
		return manifestDispatcher.UnpackManifestExpiredError(raw[4:])
	}
	if bytes.Equal(raw[:4], manifestDispatcher.abi.Errors["MisplacedSelector"].ID.Bytes()[:4]) {
		return manifestDispatcher.UnpackMisplacedSelectorError(raw[4:])
	}
	if bytes.Equal(raw[:4], manifestDispatcher.abi.Errors["NothingPending"].ID.Bytes()[:4]) {
		return manifestDispatcher.UnpackNothingPendingError(raw[4:])
	}
	if bytes.Equal(raw[:4], manifestDispatcher.abi.Errors["OutOfBounds"].ID.Bytes()[:4]) {
		return manifestDispatcher.UnpackOutOfBoundsError(raw[4:])
	}
	if bytes.Equal(raw[:4], manifestDispatcher.abi.Errors["PageAlreadyStaged"].ID.Bytes()[:4]) {
		return manifestDispatcher.UnpackPageAlreadyStagedError(raw[4:])
	}
	if bytes.Equal(raw[:4], manifestDispatcher.abi.Errors["PageMissing"].ID.Bytes()[:4]) {
		return manifestDispatcher.UnpackPageMissingError(raw[4:])
	}
	if bytes.Equal(raw[:4], manifestDispatcher.abi.Errors["PageNotStored"].ID.Bytes()[:4]) {
		return manifestDispatcher.UnpackPageNotStoredError(raw[4:])
	}
	if bytes.Equal(raw[:4], manifestDispatcher.abi.Errors["PageTooLarge"].ID.Bytes()[:4]) {
		return manifestDispatcher.UnpackPageTooLargeError(raw[4:])
	}
	if bytes.Equal(raw[:4], manifestDispatcher.abi.Errors["PauseUnchanged"].ID.Bytes()[:4]) {
		return manifestDispatcher.UnpackPauseUnchangedError(raw[4:])
	}
	if bytes.Equal(raw[:4], manifestDispatcher.abi.Errors["SelectorReserved"].ID.Bytes()[:4]) {
		return manifestDispatcher.UnpackSelectorReservedError(raw[4:])
	}
	if bytes.Equal(raw[:4], manifestDispatcher.abi.Errors["UnknownRole"].ID.Bytes()[:4]) {
		return manifestDispatcher.UnpackUnknownRoleError(raw[4:])
	}
	if bytes.Equal(raw[:4], manifestDispatcher.abi.Errors["UnknownSelector"].ID.Bytes()[:4]) {
		return manifestDispatcher.UnpackUnknownSelectorError(raw[4:])
	}
	if bytes.Equal(raw[:4], manifestDispatcher.abi.Errors["WrongEpoch"].ID.Bytes()[:4]) {
		return manifestDispatcher.UnpackWrongEpochError(raw[4:])
	}
	if bytes.Equal(raw[:4], manifestDispatcher.abi.Errors["WrongPage"].ID.Bytes()[:4]) {
		return manifestDispatcher.UnpackWrongPageError(raw[4:])
	}
	if bytes.Equal(raw[:4], manifestDispatcher.abi.Errors["ZeroRoot"].ID.Bytes()[:4]) {
		return manifestDispatcher.UnpackZeroRootError(raw[4:])
	}
	return nil, errors.New("Unknown error")
}

// ManifestDispatcherAccessControlBadConfirmation represents a AccessControlBadConfirmation error raised by the ManifestDispatcher contract.
type ManifestDispatcherAccessControlBadConfirmation struct {
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error AccessControlBadConfirmation()
func ManifestDispatcherAccessControlBadConfirmationErrorID() common.Hash {
	return common.HexToHash("0x6697b23232a647058342c0724fe7c415cab25915b54e5dbc03f233173d37b41c")
}

// UnpackAccessControlBadConfirmationError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error AccessControlBadConfirmation()
func (manifestDispatcher *ManifestDispatcher) UnpackAccessControlBadConfirmationError(raw []byte) (*ManifestDispatcherAccessControlBadConfirmation, error) {
	out := new(ManifestDispatcherAccessControlBadConfirmation)
	if err := manifestDispatcher.abi.UnpackIntoInterface(out, "AccessControlBadConfirmation", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// ManifestDispatcherAccessControlUnauthorizedAccount represents a AccessControlUnauthorizedAccount error raised by the ManifestDispatcher contract.
type ManifestDispatcherAccessControlUnauthorizedAccount struct {
	Account    common.Address
	NeededRole [32]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error AccessControlUnauthorizedAccount(address account, bytes32 neededRole)
func ManifestDispatcherAccessControlUnauthorizedAccountErrorID() common.Hash {
	return common.HexToHash("0xe2517d3fbfae6f8515ef5ff1ccedc3933ab0cbbda0b492c06eb54ad10ef03b3e")
}

// UnpackAccessControlUnauthorizedAccountError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error AccessControlUnauthorizedAccount(address account, bytes32 neededRole)
func (manifestDispatcher *ManifestDispatcher) UnpackAccessControlUnauthorizedAccountError(raw []byte) (*ManifestDispatcherAccessControlUnauthorizedAccount, error) {
	out := new(ManifestDispatcherAccessControlUnauthorizedAccount)
	if err := manifestDispatcher.abi.UnpackIntoInterface(out, "AccessControlUnauthorizedAccount", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// ManifestDispatcherActivationNotReady represents a ActivationNotReady error raised by the ManifestDispatcher contract.
type ManifestDispatcherActivationNotReady struct {
	Eta     *big.Int
	Current *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error ActivationNotReady(uint256 eta, uint256 current)
func ManifestDispatcherActivationNotReadyErrorID() common.Hash {
	return common.HexToHash("0x98a3f2e4ea144dba7e6b71d9b074ad5ac617dfd52f13fda650abd4322f015cda")
}

// UnpackActivationNotReadyError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error ActivationNotReady(uint256 eta, uint256 current)
func (manifestDispatcher *ManifestDispatcher) UnpackActivationNotReadyError(raw []byte) (*ManifestDispatcherActivationNotReady, error) {
	out := new(ManifestDispatcherActivationNotReady)
	if err := manifestDispatcher.abi.UnpackIntoInterface(out, "ActivationNotReady", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// ManifestDispatcherAlreadyPending represents a AlreadyPending error raised by the ManifestDispatcher contract.
type ManifestDispatcherAlreadyPending struct {
	Root [32]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error AlreadyPending(bytes32 root)
func ManifestDispatcherAlreadyPendingErrorID() common.Hash {
	return common.HexToHash("0x0bd75f95b6d9c48af9e2001f578dcd874f53682a68151c434f4436e66b260d48")
}

// UnpackAlreadyPendingError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error AlreadyPending(bytes32 root)
func (manifestDispatcher *ManifestDispatcher) UnpackAlreadyPendingError(raw []byte) (*ManifestDispatcherAlreadyPending, error) {
	out := new(ManifestDispatcherAlreadyPending)
	if err := manifestDispatcher.abi.UnpackIntoInterface(out, "AlreadyPending", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// ManifestDispatcherCodeForbidden represents a CodeForbidden error raised by the ManifestDispatcher contract.
type ManifestDispatcherCodeForbidden struct {
	Account common.Address
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error CodeForbidden(address account)
func ManifestDispatcherCodeForbiddenErrorID() common.Hash {
	return common.HexToHash("0x0ef7f438e20ae0197200a119610f1dd270ea6b0274084e297a956fff086eccde")
}

// UnpackCodeForbiddenError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error CodeForbidden(address account)
func (manifestDispatcher *ManifestDispatcher) UnpackCodeForbiddenError(raw []byte) (*ManifestDispatcherCodeForbidden, error) {
	out := new(ManifestDispatcherCodeForbidden)
	if err := manifestDispatcher.abi.UnpackIntoInterface(out, "CodeForbidden", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// ManifestDispatcherCodeMissing represents a CodeMissing error raised by the ManifestDispatcher contract.
type ManifestDispatcherCodeMissing struct {
	Account common.Address
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error CodeMissing(address account)
func ManifestDispatcherCodeMissingErrorID() common.Hash {
	return common.HexToHash("0x5b3f02a70cacaa38d66a58adab953805f27e059689d20eb7f1be5e9403d141e3")
}

// UnpackCodeMissingError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error CodeMissing(address account)
func (manifestDispatcher *ManifestDispatcher) UnpackCodeMissingError(raw []byte) (*ManifestDispatcherCodeMissing, error) {
	out := new(ManifestDispatcherCodeMissing)
	if err := manifestDispatcher.abi.UnpackIntoInterface(out, "CodeMissing", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// ManifestDispatcherCodehashMismatch represents a CodehashMismatch error raised by the ManifestDispatcher contract.
type ManifestDispatcherCodehashMismatch struct {
	Selector [4]byte
	Want     [32]byte
	Got      [32]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error CodehashMismatch(bytes4 selector, bytes32 want, bytes32 got)
func ManifestDispatcherCodehashMismatchErrorID() common.Hash {
	return common.HexToHash("0x65503219bf0a5d38ed5b885e115ec7e78cd885f6d7560c8512589388a90c3234")
}

// UnpackCodehashMismatchError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error CodehashMismatch(bytes4 selector, bytes32 want, bytes32 got)
func (manifestDispatcher *ManifestDispatcher) UnpackCodehashMismatchError(raw []byte) (*ManifestDispatcherCodehashMismatch, error) {
	out := new(ManifestDispatcherCodehashMismatch)
	if err := manifestDispatcher.abi.UnpackIntoInterface(out, "CodehashMismatch", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// ManifestDispatcherDispatcherPaused represents a DispatcherPaused error raised by the ManifestDispatcher contract.
type ManifestDispatcherDispatcherPaused struct {
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error DispatcherPaused()
func ManifestDispatcherDispatcherPausedErrorID() common.Hash {
	return common.HexToHash("0xf47ab743eedfa634aa76f5dd6501c7647592009224c974885d67b82566c28adc")
}

// UnpackDispatcherPausedError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error DispatcherPaused()
func (manifestDispatcher *ManifestDispatcher) UnpackDispatcherPausedError(raw []byte) (*ManifestDispatcherDispatcherPaused, error) {
	out := new(ManifestDispatcherDispatcherPaused)
	if err := manifestDispatcher.abi.UnpackIntoInterface(out, "DispatcherPaused", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// ManifestDispatcherInitAlreadyRun represents a InitAlreadyRun error raised by the ManifestDispatcher contract.
type ManifestDispatcherInitAlreadyRun struct {
	Root [32]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error InitAlreadyRun(bytes32 root)
func ManifestDispatcherInitAlreadyRunErrorID() common.Hash {
	return common.HexToHash("0x518d22eb4eea164df94b4cde44942a9873e9784159550bc4f3c997375dfdbd1b")
}

// UnpackInitAlreadyRunError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error InitAlreadyRun(bytes32 root)
func (manifestDispatcher *ManifestDispatcher) UnpackInitAlreadyRunError(raw []byte) (*ManifestDispatcherInitAlreadyRun, error) {
	out := new(ManifestDispatcherInitAlreadyRun)
	if err := manifestDispatcher.abi.UnpackIntoInterface(out, "InitAlreadyRun", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// ManifestDispatcherInitMismatch represents a InitMismatch error raised by the ManifestDispatcher contract.
type ManifestDispatcherInitMismatch struct {
	PendingRoot [32]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error InitMismatch(bytes32 pendingRoot)
func ManifestDispatcherInitMismatchErrorID() common.Hash {
	return common.HexToHash("0xe04176105de9a387edcb152c53b6fc3cd95b90b148677d8b317cddbbdfe63fe3")
}

// UnpackInitMismatchError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error InitMismatch(bytes32 pendingRoot)
func (manifestDispatcher *ManifestDispatcher) UnpackInitMismatchError(raw []byte) (*ManifestDispatcherInitMismatch, error) {
	out := new(ManifestDispatcherInitMismatch)
	if err := manifestDispatcher.abi.UnpackIntoInterface(out, "InitMismatch", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// ManifestDispatcherInvalidAdmin represents a InvalidAdmin error raised by the ManifestDispatcher contract.
type ManifestDispatcherInvalidAdmin struct {
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error InvalidAdmin()
func ManifestDispatcherInvalidAdminErrorID() common.Hash {
	return common.HexToHash("0xb5eba9f01c7cbc6d71522850c06349630c7deaed3ac3e944712461ed3625f10e")
}

// UnpackInvalidAdminError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error InvalidAdmin()
func (manifestDispatcher *ManifestDispatcher) UnpackInvalidAdminError(raw []byte) (*ManifestDispatcherInvalidAdmin, error) {
	out := new(ManifestDispatcherInvalidAdmin)
	if err := manifestDispatcher.abi.UnpackIntoInterface(out, "InvalidAdmin", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// ManifestDispatcherInvalidExtension represents a InvalidExtension error raised by the ManifestDispatcher contract.
type ManifestDispatcherInvalidExtension struct {
	Extension common.Address
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error InvalidExtension(address extension)
func ManifestDispatcherInvalidExtensionErrorID() common.Hash {
	return common.HexToHash("0xe9add06c15be18fa6210e9470161433b25728b9b8cd4ba32375b6351348eb440")
}

// UnpackInvalidExtensionError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error InvalidExtension(address extension)
func (manifestDispatcher *ManifestDispatcher) UnpackInvalidExtensionError(raw []byte) (*ManifestDispatcherInvalidExtension, error) {
	out := new(ManifestDispatcherInvalidExtension)
	if err := manifestDispatcher.abi.UnpackIntoInterface(out, "InvalidExtension", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// ManifestDispatcherInvalidProof represents a InvalidProof error raised by the ManifestDispatcher contract.
type ManifestDispatcherInvalidProof struct {
	PendingRoot [32]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error InvalidProof(bytes32 pendingRoot)
func ManifestDispatcherInvalidProofErrorID() common.Hash {
	return common.HexToHash("0x47f66a558ac8db87f5142bc656e7a9bf511c6bd4ed2d8db24247bcdb01d880a2")
}

// UnpackInvalidProofError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error InvalidProof(bytes32 pendingRoot)
func (manifestDispatcher *ManifestDispatcher) UnpackInvalidProofError(raw []byte) (*ManifestDispatcherInvalidProof, error) {
	out := new(ManifestDispatcherInvalidProof)
	if err := manifestDispatcher.abi.UnpackIntoInterface(out, "InvalidProof", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// ManifestDispatcherMalformedPage represents a MalformedPage error raised by the ManifestDispatcher contract.
type ManifestDispatcherMalformedPage struct {
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error MalformedPage()
func ManifestDispatcherMalformedPageErrorID() common.Hash {
	return common.HexToHash("0x501df92e43e89ac130aff3b2f77864bc9e20313975fd5a00b4ed51742fc5b643")
}

// UnpackMalformedPageError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error MalformedPage()
func (manifestDispatcher *ManifestDispatcher) UnpackMalformedPageError(raw []byte) (*ManifestDispatcherMalformedPage, error) {
	out := new(ManifestDispatcherMalformedPage)
	if err := manifestDispatcher.abi.UnpackIntoInterface(out, "MalformedPage", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// ManifestDispatcherManifestExpired represents a ManifestExpired error raised by the ManifestDispatcher contract.
type ManifestDispatcherManifestExpired struct {
	Deadline *big.Int
	Current  *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error ManifestExpired(uint256 deadline, uint256 current)
func ManifestDispatcherManifestExpiredErrorID() common.Hash {
	return common.HexToHash("0x4d89d11ce220eef6a06144bb28400367399452f8741f82382f7185da45a3e130")
}

// UnpackManifestExpiredError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error ManifestExpired(uint256 deadline, uint256 current)
func (manifestDispatcher *ManifestDispatcher) UnpackManifestExpiredError(raw []byte) (*ManifestDispatcherManifestExpired, error) {
	out := new(ManifestDispatcherManifestExpired)
	if err := manifestDispatcher.abi.UnpackIntoInterface(out, "ManifestExpired", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// ManifestDispatcherMisplacedSelector represents a MisplacedSelector error raised by the ManifestDispatcher contract.
type ManifestDispatcherMisplacedSelector struct {
	Selector [4]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error MisplacedSelector(bytes4 selector)
func ManifestDispatcherMisplacedSelectorErrorID() common.Hash {
	return common.HexToHash("0x47d8b6c1e7b6d8e86234c1e20296fd1d2d292865071826d50dca9e1ca58578a1")
}

// UnpackMisplacedSelectorError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error MisplacedSelector(bytes4 selector)
func (manifestDispatcher *ManifestDispatcher) UnpackMisplacedSelectorError(raw []byte) (*ManifestDispatcherMisplacedSelector, error) {
	out := new(ManifestDispatcherMisplacedSelector)
	if err := manifestDispatcher.abi.UnpackIntoInterface(out, "MisplacedSelector", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// ManifestDispatcherNothingPending represents a NothingPending error raised by the ManifestDispatcher contract.
type ManifestDispatcherNothingPending struct {
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error NothingPending()
func ManifestDispatcherNothingPendingErrorID() common.Hash {
	return common.HexToHash("0x175c1aea8c453b556720d39e3cb0e313105d00199d98e8a01c1a820f7ffae2f3")
}

// UnpackNothingPendingError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error NothingPending()
func (manifestDispatcher *ManifestDispatcher) UnpackNothingPendingError(raw []byte) (*ManifestDispatcherNothingPending, error) {
	out := new(ManifestDispatcherNothingPending)
	if err := manifestDispatcher.abi.UnpackIntoInterface(out, "NothingPending", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// ManifestDispatcherOutOfBounds represents a OutOfBounds error raised by the ManifestDispatcher contract.
type ManifestDispatcherOutOfBounds struct {
	Value *big.Int
	Min   *big.Int
	Max   *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error OutOfBounds(uint256 value, uint256 min, uint256 max)
func ManifestDispatcherOutOfBoundsErrorID() common.Hash {
	return common.HexToHash("0xeb373cfea5f505ff7d4197290d41f01f7dfa600968a239ebd160730ce369f565")
}

// UnpackOutOfBoundsError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error OutOfBounds(uint256 value, uint256 min, uint256 max)
func (manifestDispatcher *ManifestDispatcher) UnpackOutOfBoundsError(raw []byte) (*ManifestDispatcherOutOfBounds, error) {
	out := new(ManifestDispatcherOutOfBounds)
	if err := manifestDispatcher.abi.UnpackIntoInterface(out, "OutOfBounds", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// ManifestDispatcherPageAlreadyStaged represents a PageAlreadyStaged error raised by the ManifestDispatcher contract.
type ManifestDispatcherPageAlreadyStaged struct {
	RoutesRoot [32]byte
	Page       *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error PageAlreadyStaged(bytes32 routesRoot, uint256 page)
func ManifestDispatcherPageAlreadyStagedErrorID() common.Hash {
	return common.HexToHash("0x7fd8c29415735a012781a8ca014ed7b6a76664ee960054d5968ae5cbb03f2606")
}

// UnpackPageAlreadyStagedError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error PageAlreadyStaged(bytes32 routesRoot, uint256 page)
func (manifestDispatcher *ManifestDispatcher) UnpackPageAlreadyStagedError(raw []byte) (*ManifestDispatcherPageAlreadyStaged, error) {
	out := new(ManifestDispatcherPageAlreadyStaged)
	if err := manifestDispatcher.abi.UnpackIntoInterface(out, "PageAlreadyStaged", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// ManifestDispatcherPageMissing represents a PageMissing error raised by the ManifestDispatcher contract.
type ManifestDispatcherPageMissing struct {
	RoutesRoot [32]byte
	Page       *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error PageMissing(bytes32 routesRoot, uint256 page)
func ManifestDispatcherPageMissingErrorID() common.Hash {
	return common.HexToHash("0x363a56b8a3f5b2beb6da9e76d2a5d02b9f037f8935e445cf1c3029f1d46a4f51")
}

// UnpackPageMissingError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error PageMissing(bytes32 routesRoot, uint256 page)
func (manifestDispatcher *ManifestDispatcher) UnpackPageMissingError(raw []byte) (*ManifestDispatcherPageMissing, error) {
	out := new(ManifestDispatcherPageMissing)
	if err := manifestDispatcher.abi.UnpackIntoInterface(out, "PageMissing", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// ManifestDispatcherPageNotStored represents a PageNotStored error raised by the ManifestDispatcher contract.
type ManifestDispatcherPageNotStored struct {
	RoutesRoot [32]byte
	Page       *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error PageNotStored(bytes32 routesRoot, uint256 page)
func ManifestDispatcherPageNotStoredErrorID() common.Hash {
	return common.HexToHash("0x920e5705ddabbe4f58d2f0342a4b69c7aa4497f8edb77447b0a9ee38090730c6")
}

// UnpackPageNotStoredError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error PageNotStored(bytes32 routesRoot, uint256 page)
func (manifestDispatcher *ManifestDispatcher) UnpackPageNotStoredError(raw []byte) (*ManifestDispatcherPageNotStored, error) {
	out := new(ManifestDispatcherPageNotStored)
	if err := manifestDispatcher.abi.UnpackIntoInterface(out, "PageNotStored", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// ManifestDispatcherPageTooLarge represents a PageTooLarge error raised by the ManifestDispatcher contract.
type ManifestDispatcherPageTooLarge struct {
	Routes *big.Int
	Limit  *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error PageTooLarge(uint256 routes, uint256 limit)
func ManifestDispatcherPageTooLargeErrorID() common.Hash {
	return common.HexToHash("0x90483894416080b17ca53cd85767d3ec3ca593f691d6264038dbb35f7769aa2e")
}

// UnpackPageTooLargeError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error PageTooLarge(uint256 routes, uint256 limit)
func (manifestDispatcher *ManifestDispatcher) UnpackPageTooLargeError(raw []byte) (*ManifestDispatcherPageTooLarge, error) {
	out := new(ManifestDispatcherPageTooLarge)
	if err := manifestDispatcher.abi.UnpackIntoInterface(out, "PageTooLarge", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// ManifestDispatcherPauseUnchanged represents a PauseUnchanged error raised by the ManifestDispatcher contract.
type ManifestDispatcherPauseUnchanged struct {
	Paused bool
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error PauseUnchanged(bool paused)
func ManifestDispatcherPauseUnchangedErrorID() common.Hash {
	return common.HexToHash("0xd5d75c4310b364c696e81d0ca95b159aded4c5f307a2e1d24814ce6a5452d766")
}

// UnpackPauseUnchangedError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error PauseUnchanged(bool paused)
func (manifestDispatcher *ManifestDispatcher) UnpackPauseUnchangedError(raw []byte) (*ManifestDispatcherPauseUnchanged, error) {
	out := new(ManifestDispatcherPauseUnchanged)
	if err := manifestDispatcher.abi.UnpackIntoInterface(out, "PauseUnchanged", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// ManifestDispatcherSelectorReserved represents a SelectorReserved error raised by the ManifestDispatcher contract.
type ManifestDispatcherSelectorReserved struct {
	Selector [4]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error SelectorReserved(bytes4 selector)
func ManifestDispatcherSelectorReservedErrorID() common.Hash {
	return common.HexToHash("0xfc1d7e73ae01311ec4dd4e255e283bc96e839c2972f538eb40eb6b60aa9ce905")
}

// UnpackSelectorReservedError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error SelectorReserved(bytes4 selector)
func (manifestDispatcher *ManifestDispatcher) UnpackSelectorReservedError(raw []byte) (*ManifestDispatcherSelectorReserved, error) {
	out := new(ManifestDispatcherSelectorReserved)
	if err := manifestDispatcher.abi.UnpackIntoInterface(out, "SelectorReserved", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// ManifestDispatcherUnknownRole represents a UnknownRole error raised by the ManifestDispatcher contract.
type ManifestDispatcherUnknownRole struct {
	Role [32]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error UnknownRole(bytes32 role)
func ManifestDispatcherUnknownRoleErrorID() common.Hash {
	return common.HexToHash("0x74cc4fed81be75812fac3eee54adcbce40636d7cebb576d71ff5ab3d663a1026")
}

// UnpackUnknownRoleError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error UnknownRole(bytes32 role)
func (manifestDispatcher *ManifestDispatcher) UnpackUnknownRoleError(raw []byte) (*ManifestDispatcherUnknownRole, error) {
	out := new(ManifestDispatcherUnknownRole)
	if err := manifestDispatcher.abi.UnpackIntoInterface(out, "UnknownRole", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// ManifestDispatcherUnknownSelector represents a UnknownSelector error raised by the ManifestDispatcher contract.
type ManifestDispatcherUnknownSelector struct {
	Selector [4]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error UnknownSelector(bytes4 selector)
func ManifestDispatcherUnknownSelectorErrorID() common.Hash {
	return common.HexToHash("0xc2a825f5477b7cd1f59fbe07092f42f4387547639d04b691437b9f5d82716d5c")
}

// UnpackUnknownSelectorError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error UnknownSelector(bytes4 selector)
func (manifestDispatcher *ManifestDispatcher) UnpackUnknownSelectorError(raw []byte) (*ManifestDispatcherUnknownSelector, error) {
	out := new(ManifestDispatcherUnknownSelector)
	if err := manifestDispatcher.abi.UnpackIntoInterface(out, "UnknownSelector", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// ManifestDispatcherWrongEpoch represents a WrongEpoch error raised by the ManifestDispatcher contract.
type ManifestDispatcherWrongEpoch struct {
	Got  *big.Int
	Want *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error WrongEpoch(uint256 got, uint256 want)
func ManifestDispatcherWrongEpochErrorID() common.Hash {
	return common.HexToHash("0xe3261898596e0465dd618f6b52ab21052539edc138a30c241fcf8a66e186316a")
}

// UnpackWrongEpochError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error WrongEpoch(uint256 got, uint256 want)
func (manifestDispatcher *ManifestDispatcher) UnpackWrongEpochError(raw []byte) (*ManifestDispatcherWrongEpoch, error) {
	out := new(ManifestDispatcherWrongEpoch)
	if err := manifestDispatcher.abi.UnpackIntoInterface(out, "WrongEpoch", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// ManifestDispatcherWrongPage represents a WrongPage error raised by the ManifestDispatcher contract.
type ManifestDispatcherWrongPage struct {
	Selector [4]byte
	Page     *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error WrongPage(bytes4 selector, uint256 page)
func ManifestDispatcherWrongPageErrorID() common.Hash {
	return common.HexToHash("0xd868fb96055b6629aacef8ff5e10902730a204b7a7beb4478d61ff5da5f61a45")
}

// UnpackWrongPageError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error WrongPage(bytes4 selector, uint256 page)
func (manifestDispatcher *ManifestDispatcher) UnpackWrongPageError(raw []byte) (*ManifestDispatcherWrongPage, error) {
	out := new(ManifestDispatcherWrongPage)
	if err := manifestDispatcher.abi.UnpackIntoInterface(out, "WrongPage", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// ManifestDispatcherZeroRoot represents a ZeroRoot error raised by the ManifestDispatcher contract.
type ManifestDispatcherZeroRoot struct {
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error ZeroRoot()
func ManifestDispatcherZeroRootErrorID() common.Hash {
	return common.HexToHash("0xb263ae738e814ca9af6ee56bb85daa47624e790421913c947dcba2aac07cfdbd")
}

// UnpackZeroRootError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error ZeroRoot()
func (manifestDispatcher *ManifestDispatcher) UnpackZeroRootError(raw []byte) (*ManifestDispatcherZeroRoot, error) {
	out := new(ManifestDispatcherZeroRoot)
	if err := manifestDispatcher.abi.UnpackIntoInterface(out, "ZeroRoot", raw); err != nil {
		return nil, err
	}
	return out, nil
}
