// Package dispatcher knows the ManifestDispatcher on a chain: where it is, what state it is in, how it is called, and
// what its errors mean. Its ABI is contracts/src/IManifestDispatcher.sol.
package dispatcher

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math/big"
	"sync"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/contracts"
	"github.com/seed-b6a97670/lockstep/internal/bindings"
	"github.com/seed-b6a97670/lockstep/internal/create2"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// The roles of the dispatcher.
var (
	AdminRole      = common.Hash{}
	GovernanceRole = crypto.Keccak256Hash([]byte("GOVERNANCE_ROLE"))
	CommitRole     = crypto.Keccak256Hash([]byte("COMMIT_ROLE"))
	ApplyRole      = crypto.Keccak256Hash([]byte("APPLY_ROLE"))
	PauserRole     = crypto.Keccak256Hash([]byte("PAUSER_ROLE"))
	EmergencyRole  = crypto.Keccak256Hash([]byte("EMERGENCY_ROLE"))
)

// RoleNames names the roles, in the order in which they are shown and granted.
var RoleNames = []struct {
	Name string
	Role common.Hash
}{
	{"ADMIN", AdminRole},
	{"GOVERNANCE", GovernanceRole},
	{"COMMIT", CommitRole},
	{"APPLY", ApplyRole},
	{"PAUSER", PauserRole},
	{"EMERGENCY", EmergencyRole},
}

// Chain is what the package needs of a network.
type Chain interface {
	Call(ctx context.Context, at common.Hash, msg ethereum.CallMsg) ([]byte, error)
	Code(ctx context.Context, at common.Hash, account common.Address) ([]byte, error)
}

var contract = bindings.NewManifestDispatcher()

// artifact is a committed build result.
type artifact struct {
	ABI      abi.ABI
	Bytecode []byte
}

var artifacts = sync.OnceValue(func() map[string]artifact {
	out := map[string]artifact{}
	for _, name := range []string{"ManifestDispatcher", "DispatcherExtension", "IManifestDispatcher"} {
		data, err := fs.ReadFile(contracts.Artifacts, "artifacts/"+name+".json")
		if err != nil {
			panic(err) // embedded
		}
		var a struct {
			ABI      abi.ABI `json:"abi"`
			Bytecode struct {
				Object hexutil.Bytes `json:"object"`
			} `json:"bytecode"`
		}
		if err := json.Unmarshal(data, &a); err != nil {
			panic(fmt.Sprintf("artifact %s: %v", name, err)) // embedded, read by a test
		}
		out[name] = artifact{a.ABI, a.Bytecode.Object}
	}
	return out
})

// RoutesWithin is how many routes a page may have so that to apply it takes no more than an amount of gas, whatever the
// facets: each route with a facet of its own is the dearest, and takes less than 20,000 gas (contracts/gas.json).
func RoutesWithin(gas uint64) int {
	const page, route = 100_000, 20_000
	usable := gas - gas/10 // a transaction's limit has a tenth in reserve
	if usable < page {
		return 0
	}
	return int((usable - page) / route)
}

// Reserved lists the dispatcher's own functions, which no route may use.
func Reserved() map[manifest.Selector]string { return maps.Clone(reserved()) }

var reserved = sync.OnceValue(func() map[manifest.Selector]string {
	out := map[manifest.Selector]string{}
	for _, m := range artifacts()["IManifestDispatcher"].ABI.Methods {
		out[manifest.Selector(m.ID)] = m.Sig
	}
	return out
})

// Deployment is a dispatcher as it follows from its settings: the same on every network.
type Deployment struct {
	Salt              common.Hash // that the factory hands to CREATE2
	Extension         common.Address
	ExtensionInitCode []byte
	Address           common.Address
	InitCode          []byte
}

// NewDeployment computes the addresses and init code of a dispatcher and its extension. delay is in seconds; deployer is
// the first admin. A salt with which the addresses would differ between networks, or that is not the deployer's, is refused.
func NewDeployment(factory manifest.Factory, salt common.Hash, delay uint64, deployer common.Address) (Deployment, error) {
	used, err := create2.Shared(factory.Name, salt)
	if err != nil {
		return Deployment{}, err
	}
	if err := create2.CheckDeployer(factory.Name, salt, deployer); err != nil {
		return Deployment{}, err
	}
	d := Deployment{Salt: used, ExtensionInitCode: artifacts()["DispatcherExtension"].Bytecode}
	d.Extension = crypto.CreateAddress2(factory.Address, used, crypto.Keccak256(d.ExtensionInitCode))
	main := artifacts()["ManifestDispatcher"]
	args, err := main.ABI.Pack("", d.Extension, new(big.Int).SetUint64(delay), deployer)
	if err != nil {
		return Deployment{}, fmt.Errorf("dispatcher constructor: %w", err)
	}
	d.InitCode = append(append([]byte(nil), main.Bytecode...), args...)
	d.Address = crypto.CreateAddress2(factory.Address, used, crypto.Keccak256(d.InitCode))
	return d, nil
}

// State is the state of a dispatcher after one block.
type State struct {
	ActiveRoot       common.Hash
	ActiveRoutesRoot common.Hash
	ActiveEpoch      uint64
	ActivePages      uint64
	PendingRoot      common.Hash
	PendingEpoch     uint64
	Eta              uint64
	PendingBatch     uint64
	Paused           bool
	Grace            uint64
	MaxBatch         uint64
	Delay            uint64
	Extension        common.Address
}

// Fresh is the state of a dispatcher as its constructor leaves it.
func Fresh(delay uint64) State {
	return State{Delay: delay, Grace: defaultGrace, MaxBatch: defaultMaxBatch}
}

// NotDeployedError says that no dispatcher answers at an address.
type NotDeployedError struct {
	Address common.Address
}

func (e *NotDeployedError) Error() string {
	return fmt.Sprintf("there is no dispatcher at %s", e.Address)
}

// ReadState reads a dispatcher's state after a block.
func ReadState(ctx context.Context, c Chain, at common.Hash, address common.Address) (State, error) {
	out, err := read(ctx, c, at, address, StateCall())
	if err != nil {
		return State{}, err
	}
	return DecodeState(address, out)
}

// StateCall is the call data that asks a dispatcher for its state.
func StateCall() []byte { return contract.PackDispatcherState() }

// DecodeState reads what a dispatcher at an address has answered.
func DecodeState(address common.Address, out []byte) (State, error) {
	if len(out) == 0 {
		return State{}, &NotDeployedError{address}
	}
	s, err := contract.UnpackDispatcherState(out)
	if err != nil {
		return State{}, &NotDeployedError{address}
	}
	return State{
		ActiveRoot: s.ActiveRoot, ActiveRoutesRoot: s.ActiveRoutesRoot, ActiveEpoch: s.ActiveEpoch.Uint64(),
		ActivePages: s.ActivePages.Uint64(), PendingRoot: s.PendingRoot, PendingEpoch: s.PendingEpoch.Uint64(),
		Eta: s.Eta.Uint64(), PendingBatch: s.PendingBatchSize.Uint64(), Paused: s.Paused, Grace: s.EtaGrace.Uint64(),
		MaxBatch: s.MaxBatchSize.Uint64(), Delay: s.Delay.Uint64(), Extension: s.Extension,
	}, nil
}

// ReadStaged tells which pages of a routesRoot are staged.
func ReadStaged(ctx context.Context, c Chain, at common.Hash, address common.Address, routesRoot common.Hash, pages int) ([]bool, error) {
	out, err := read(ctx, c, at, address, contract.PackStagedPages(routesRoot))
	if err != nil {
		return nil, err
	}
	s, err := contract.UnpackStagedPages(out)
	if err != nil {
		return nil, fmt.Errorf("staged pages of %s: %w", routesRoot, err)
	}
	staged := make([]bool, pages)
	for _, i := range s.Staged {
		if !i.IsUint64() || i.Uint64() >= uint64(pages) {
			return nil, fmt.Errorf("page %s of %s is staged, the manifest has %d pages", i, routesRoot, pages)
		}
		staged[i.Uint64()] = true
	}
	return staged, nil
}

// Commits tells whether a transaction commits a root.
func Commits(tx *types.Transaction) bool {
	commit := artifacts()["IManifestDispatcher"].ABI.Methods["commitRoot"]
	data := tx.Data()
	return tx.To() != nil && len(data) == 4+2*32 && bytes.Equal(data[:4], commit.ID)
}

// Activates tells whether a transaction activates what is pending on a dispatcher, whatever that is.
func Activates(tx *types.Transaction) bool {
	methods := artifacts()["IManifestDispatcher"].ABI.Methods
	data := tx.Data()
	if tx.To() == nil || len(data) < 4 {
		return false
	}
	return bytes.Equal(data[:4], methods["activateCommittedRoot"].ID) || bytes.Equal(data[:4], methods["activateCommittedRootAndCall"].ID)
}

// Replaces returns the pending root of somebody else that a transaction would replace, or the zero hash: the contract lets
// a commit take the place of another one.
func Replaces(ctx context.Context, c Chain, at common.Hash, tx *types.Transaction) (common.Hash, error) {
	if !Commits(tx) {
		return common.Hash{}, nil
	}
	state, err := ReadState(ctx, c, at, *tx.To())
	if err != nil || state.PendingRoot == common.BytesToHash(tx.Data()[4:36]) {
		return common.Hash{}, err
	}
	return state.PendingRoot, nil
}

// HasRole tells whether an account holds a role.
func HasRole(ctx context.Context, c Chain, at common.Hash, address common.Address, role common.Hash, account common.Address) (bool, error) {
	out, err := read(ctx, c, at, address, RoleCall(role, account))
	if err != nil {
		return false, err
	}
	return DecodeRole(account, out)
}

// RoleCall is the call data that asks a dispatcher whether an account holds a role.
func RoleCall(role common.Hash, account common.Address) []byte {
	return contract.PackHasRole(role, account)
}

// DecodeRole reads what a dispatcher has answered about an account.
func DecodeRole(account common.Address, out []byte) (bool, error) {
	held, err := contract.UnpackHasRole(out)
	if err != nil {
		return false, fmt.Errorf("role of %s: %w", account, err)
	}
	return held, nil
}

// ReadInitialized returns the routesRoot of a root whose init call was run; zero for any other root.
func ReadInitialized(ctx context.Context, c Chain, at common.Hash, address common.Address, root common.Hash) (common.Hash, error) {
	out, err := read(ctx, c, at, address, contract.PackInitializedRoutesRoot(root))
	if err != nil {
		return common.Hash{}, err
	}
	routesRoot, err := contract.UnpackInitializedRoutesRoot(out)
	if err != nil {
		return common.Hash{}, fmt.Errorf("init of root %s: %w", root, err)
	}
	return routesRoot, nil
}

// ReadRoutes returns the live routes: facet by selector.
func ReadRoutes(ctx context.Context, c Chain, at common.Hash, address common.Address) (map[manifest.Selector]common.Address, error) {
	out, err := read(ctx, c, at, address, RoutesCall())
	if err != nil {
		return nil, err
	}
	return DecodeRoutes(address, out)
}

// RoutesCall is the call data that asks a dispatcher for its routes.
func RoutesCall() []byte { return contract.PackFacets() }

// DecodeRoutes reads what a dispatcher at an address has answered.
func DecodeRoutes(address common.Address, out []byte) (map[manifest.Selector]common.Address, error) {
	facets, err := contract.UnpackFacets(out)
	if err != nil {
		return nil, fmt.Errorf("live routes of %s: %w", address, err)
	}
	routes := map[manifest.Selector]common.Address{}
	for _, f := range facets {
		for _, s := range f.FunctionSelectors {
			routes[manifest.Selector(s)] = f.FacetAddress
		}
	}
	return routes, nil
}

func read(ctx context.Context, c Chain, at common.Hash, address common.Address, data []byte) ([]byte, error) {
	return c.Call(ctx, at, ethereum.CallMsg{To: &address, Data: data})
}

// CodeHash returns the keccak256 of the code of an account, computed here; the zero hash if it has none.
func CodeHash(ctx context.Context, c Chain, at common.Hash, account common.Address) (common.Hash, error) {
	code, err := c.Code(ctx, at, account)
	if err != nil || len(code) == 0 {
		return common.Hash{}, err
	}
	return crypto.Keccak256Hash(code), nil
}

// short is a hash as it is shown in the names of steps.
func short(h common.Hash) string { return h.Hex()[:10] }

func intent(by rollout.Role, to common.Address, data []byte, format string, args ...any) rollout.Intent {
	return rollout.Intent{Step: fmt.Sprintf(format, args...), By: by, To: to, Data: data}
}

// Pause stops routed calls.
func Pause(address common.Address) rollout.Intent {
	return intent(rollout.Pauser, address, contract.PackPause(), "pause")
}

// Unpause resumes routed calls.
func Unpause(address common.Address) rollout.Intent {
	return intent(rollout.Emergency, address, contract.PackUnpause(), "unpause")
}

// Cancel takes the pending root back.
func Cancel(address common.Address, root common.Hash) rollout.Intent {
	return intent(rollout.Emergency, address, contract.PackCancelCommit(), "cancel %s", short(root))
}
