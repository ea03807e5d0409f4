package contracts_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/state"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/core/vm/runtime"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"
	"github.com/holiman/uint256"

	"github.com/seed-b6a97670/lockstep/contracts"
	"github.com/seed-b6a97670/lockstep/internal/bindings"
	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
)

var seed = flag.Uint64("seed", 1, "of the random manifests")

const delay = 3600

// world is a dispatcher in an EVM in this process, with facets that each answer with a number of their own.
type world struct {
	tb     testing.TB
	state  *state.StateDB
	cfg    *runtime.Config
	abi    *bindings.ManifestDispatcher
	core   common.Address
	admin  common.Address // holds every role it needs
	facets []manifest.PageRoute
	random *rand.Rand
}

func newWorld(tb testing.TB, seed uint64) *world {
	st, err := state.New(types.EmptyRootHash, state.NewDatabaseForTesting())
	if err != nil {
		tb.Fatal(err)
	}
	zero := uint64(0)
	w := &world{
		tb: tb, state: st, abi: bindings.NewManifestDispatcher(), admin: common.Address{1}, random: rand.New(rand.NewPCG(seed, 0)),
		cfg: &runtime.Config{
			ChainConfig: &params.ChainConfig{
				ChainID: big.NewInt(1), HomesteadBlock: new(big.Int), EIP150Block: new(big.Int), EIP155Block: new(big.Int),
				EIP158Block: new(big.Int), ByzantiumBlock: new(big.Int), ConstantinopleBlock: new(big.Int),
				PetersburgBlock: new(big.Int), IstanbulBlock: new(big.Int), MuirGlacierBlock: new(big.Int),
				BerlinBlock: new(big.Int), LondonBlock: new(big.Int), TerminalTotalDifficulty: new(big.Int),
				MergeNetsplitBlock: new(big.Int), ShanghaiTime: &zero, CancunTime: &zero,
				BlobScheduleConfig: params.DefaultBlobSchedule,
			},
			Difficulty: new(big.Int), BlockNumber: big.NewInt(1), Time: 1_800_000_000, GasLimit: 100_000_000,
			GasPrice: new(big.Int), Value: new(big.Int), BaseFee: new(big.Int), BlobBaseFee: new(big.Int),
			Random: &common.Hash{}, State: st,
			GetHashFn: func(uint64) common.Hash { return common.Hash{} },
		},
	}
	for i := range manifest.MaxPageRoutes {
		// PUSH1 i, PUSH0, MSTORE, PUSH1 32, PUSH0, RETURN
		code := []byte{0x60, byte(i), 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3}
		at := common.Address(crypto.Keccak256(code)[12:])
		st.SetCode(at, code, 0)
		w.facets = append(w.facets, manifest.PageRoute{Facet: at, CodeHash: crypto.Keccak256Hash(code)})
	}
	extension := w.create("DispatcherExtension")
	w.core = w.create("ManifestDispatcher", extension, big.NewInt(delay), w.admin)
	for _, role := range []string{"COMMIT_ROLE", "APPLY_ROLE", "GOVERNANCE_ROLE"} {
		w.must(w.abi.PackGrantRole(crypto.Keccak256Hash([]byte(role)), w.admin))
	}
	w.must(w.abi.PackSetMaxBatchSize(manifest.MaxPageRoutes))
	return w
}

// evm is an EVM at the beginning of a transaction.
func (w *world) evm() *vm.EVM {
	rules := w.cfg.ChainConfig.Rules(w.cfg.BlockNumber, true, w.cfg.Time)
	w.state.Prepare(rules, w.admin, common.Address{}, nil, vm.ActivePrecompiles(rules), nil)
	return runtime.NewEnv(w.cfg)
}

// begin goes on from a state.
func (w *world) begin(st *state.StateDB) { w.state, w.cfg.State = st, st }

func (w *world) create(name string, args ...any) common.Address {
	data, err := contracts.Artifacts.ReadFile("artifacts/" + name + ".json")
	if err != nil {
		w.tb.Fatal(err)
	}
	var a struct {
		ABI      abi.ABI
		Bytecode struct{ Object hexutil.Bytes }
	}
	if err := json.Unmarshal(data, &a); err != nil {
		w.tb.Fatal(err)
	}
	packed, err := a.ABI.Pack("", args...)
	if err != nil {
		w.tb.Fatal(err)
	}
	out, at, _, err := w.evm().Create(w.admin, append(a.Bytecode.Object, packed...), w.cfg.GasLimit, new(uint256.Int))
	if err != nil {
		w.tb.Fatalf("create %s: %v: %#x", name, err, out)
	}
	return at
}

func (w *world) call(data []byte) ([]byte, error) {
	out, _, err := w.evm().Call(w.admin, w.core, data, w.cfg.GasLimit, new(uint256.Int))
	return out, err
}

func (w *world) must(data []byte) []byte {
	w.tb.Helper()
	out, err := w.call(data)
	if err != nil {
		w.tb.Fatalf("%v: %s", err, dispatcher.ExplainRevert(out))
	}
	return out
}

// routes are up to 100 routes a page over some of the facets: few as often as many.
func (w *world) routes() []manifest.PageRoute {
	n := 1 + w.random.IntN(1<<(1+w.random.IntN(7)))
	m := 1 + w.random.IntN(min(n, len(w.facets)))
	facets := w.random.Perm(len(w.facets))[:m]
	reserved := dispatcher.Reserved()
	seen := map[manifest.Selector]bool{}
	var out []manifest.PageRoute
	for len(out) < n {
		r := w.facets[facets[w.random.IntN(m)]]
		binary.BigEndian.PutUint32(r.Selector[:], w.random.Uint32())
		if _, own := reserved[r.Selector]; !own && !seen[r.Selector] {
			seen[r.Selector] = true
			out = append(out, r)
		}
	}
	return out
}

func applyCall(w *world, page manifest.Page) []byte {
	proof := make([][32]byte, len(page.Proof))
	for i, h := range page.Proof {
		proof[i] = h
	}
	return w.abi.PackApplyRoutes(page.Bytes, proof, common.Hash{})
}

// manifest brings one random manifest live and compares every route, and some selectors that are none; then it damages
// a page and compares who refuses it.
func (w *world) manifest() {
	routes := w.routes()
	pages, root, err := manifest.Paginate(routes, 1+w.random.IntN(manifest.MaxPageRoutes))
	if err != nil {
		// some sets cannot be spread over so small pages
		if pages, root, err = manifest.Paginate(routes, manifest.MaxPageRoutes); err != nil {
			w.tb.Fatal(err)
		}
	}
	fresh := w.state.Copy()
	w.must(w.abi.PackCommitRoot(root, 1))
	for _, i := range w.random.Perm(len(pages)) {
		w.must(applyCall(w, pages[i]))
	}
	w.cfg.Time += delay
	w.must(w.abi.PackActivateCommittedRoot())
	w.cfg.Time -= delay
	live := map[manifest.Selector]bool{}
	for _, r := range routes {
		live[r.Selector] = true
		if out := w.must(r.Selector[:]); !bytes.Equal(out, w.mustCallFacet(r)) {
			w.tb.Fatalf("%s is answered by %#x", r.Selector, out)
		}
	}
	for range 3 {
		var s manifest.Selector
		binary.BigEndian.PutUint32(s[:], w.random.Uint32())
		if out := w.must(w.abi.PackFacetAddress(s)); !live[s] && common.BytesToAddress(out) != (common.Address{}) {
			w.tb.Fatalf("%s is no route, and has the facet %#x", s, out)
		}
	}

	w.begin(fresh)
	w.damaged(pages[w.random.IntN(len(pages))].Bytes)
}

func (w *world) mustCallFacet(r manifest.PageRoute) []byte {
	out, _, err := w.evm().Call(w.admin, r.Facet, nil, w.cfg.GasLimit, new(uint256.Int))
	if err != nil {
		w.tb.Fatal(err)
	}
	return out
}

// damaged changes a byte or the length of a page that is a manifest of its own, and compares the contract's verdict with
// DecodePage's. What a page says of code, limits and reserved selectors is not DecodePage's business.
func (w *world) damaged(page []byte) {
	page = bytes.Clone(page)
	switch w.random.IntN(4) {
	case 0:
		page = page[:w.random.IntN(len(page))]
	case 1:
		page = append(page, make([]byte, 1+w.random.IntN(60))...)
	default:
		page[w.random.IntN(len(page))] ^= byte(1 + w.random.IntN(255))
	}
	_, decodeErr := manifest.DecodePage(page)
	fresh := w.state.Copy()
	w.must(w.abi.PackCommitRoot(manifest.Leaf(page), 1))
	out, err := w.call(applyCall(w, manifest.Page{Bytes: page}))
	w.begin(fresh)
	// what DecodePage refuses, the contract refuses; what only the contract refuses, it refuses for its code or selectors
	disagree := err == nil && decodeErr != nil
	if err != nil && decodeErr == nil {
		name := errorName(out)
		disagree = name != "CodeMissing" && name != "CodeForbidden" && name != "CodehashMismatch" && name != "SelectorReserved"
	}
	if disagree {
		w.tb.Fatalf("DecodePage says %v, the contract %v: %s\n%#x", decodeErr, err, dispatcher.ExplainRevert(out), page)
	}
}

func errorName(data []byte) string {
	if len(data) < 4 {
		return ""
	}
	parsed, err := bindings.ManifestDispatcherMetaData.ParseABI()
	if err != nil {
		return ""
	}
	for name, e := range parsed.Errors {
		if bytes.Equal(e.ID[:4], data[:4]) {
			return name
		}
	}
	return fmt.Sprintf("%#x", data[:4])
}

// TestRandomManifests compares the pages that this repository builds with what the contract makes of them.
func TestRandomManifests(t *testing.T) {
	times := 10_000
	if testing.Short() {
		times = 100
	}
	w := newWorld(t, *seed)
	for range times {
		w.manifest()
	}
}

// TestPageFitsItsGas applies pages of as many routes as an amount of gas is said to allow, each with a facet of its own, which is
// the dearest, and with the longest proof that a dispatcher of 8,192 pages asks for.
func TestPageFitsItsGas(t *testing.T) {
	w := newWorld(t, *seed)
	reserved := dispatcher.Reserved()
	for gas := uint64(150_000); ; gas += 50_000 {
		n := min(dispatcher.RoutesWithin(gas), len(w.facets))
		if n == 0 {
			continue
		}
		var routes []manifest.PageRoute
		for i := range n {
			r := w.facets[i]
			for reserved[r.Selector] != "" || r.Selector == (manifest.Selector{}) {
				binary.BigEndian.PutUint32(r.Selector[:], w.random.Uint32())
			}
			routes = append(routes, r)
		}
		pages, root, err := manifest.Paginate(routes, n)
		if err != nil || len(pages) != 1 {
			t.Fatalf("%d pages of %d routes: %v", len(pages), n, err)
		}
		fresh := w.state.Copy()
		w.must(w.abi.PackCommitRoot(root, 1))
		data := applyCall(w, pages[0])
		intrinsic, err := core.IntrinsicGas(data, nil, nil, false, true, true, true)
		if err != nil {
			t.Fatal(err)
		}
		const proof = 13 * (32*16 + 200)
		limit := w.cfg.GasLimit
		_, left, err := w.evm().Call(w.admin, w.core, data, limit, new(uint256.Int))
		if used := limit - left + intrinsic + proof; err != nil || used+used/10 > gas {
			t.Errorf("%d routes within %d gas take %d and a tenth: %v", n, gas, used, err)
		}
		w.begin(fresh)
		if n == len(w.facets) {
			return
		}
	}
}

// BenchmarkRandomManifests is the same for long: go test -bench RandomManifests -benchtime 1000000x -timeout 0
func BenchmarkRandomManifests(b *testing.B) {
	w := newWorld(b, *seed)
	for b.Loop() {
		w.manifest()
	}
}
