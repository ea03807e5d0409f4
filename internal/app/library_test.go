package app_test

import (
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/build"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
)

const pool = "../build/testdata/pool"

// call is a call of a function of numbers and addresses that returns one number.
func (w *world) call(to common.Address, signature string, args ...common.Hash) *big.Int {
	w.t.Helper()
	eth, err := ethclient.Dial(w.net.URL())
	if err != nil {
		w.t.Fatal(err)
	}
	defer eth.Close()
	out, err := eth.CallContract(w.t.Context(), ethereum.CallMsg{To: &to, Data: pack(signature, args...)}, nil)
	if err != nil {
		w.t.Fatalf("%s: %v", signature, err)
	}
	return new(big.Int).SetBytes(out)
}

func pack(signature string, args ...common.Hash) []byte {
	data := crypto.Keccak256([]byte(signature))[:4]
	for _, a := range args {
		data = append(data, a[:]...)
	}
	return data
}

// TestLinkedLibraries rolls a facet out that links a library, which links another; the init call links that as well.
func TestLinkedLibraries(t *testing.T) {
	w := newWorld(t)
	var err error
	if w.out, err = build.ReadForge(os.DirFS(pool + "/artifacts")); err != nil {
		t.Fatal(err)
	}
	if got := w.out.Contracts(); !slices.Equal(got, []string{"src/Pool.sol:Pool", "src/Seed.sol:Seed"}) {
		t.Errorf("libraries are among the contracts for facets: %v", got)
	}
	text, err := os.ReadFile(pool + "/lockstep.yaml")
	if err != nil {
		t.Fatal(err)
	}
	v := w.versionOf("lockstep.yaml", text)
	if _, differences, err := app.VerifyManifest(v.file); err != nil || len(differences) > 0 {
		t.Fatalf("the manifest is not right: %v, %v", differences, err)
	}
	deployed := w.must(v.Deploy(w.ctx(), v.m, false))
	var order []string
	for _, tx := range deployed.Transactions {
		if name, ok := strings.CutPrefix(tx.Step, "deploy "); ok {
			order = append(order, strings.Fields(name)[0])
		}
	}
	if want := []string{"Ratio", "Shares", "Pool", "Seed"}; len(order) < 4 || !slices.Equal(order[len(order)-4:], want) {
		t.Errorf("deployed %v, want %v at the end", order, want)
	}
	w.must(v.Rollout(w.ctx(), v.m, v.file, false))
	if s := w.status(v); !s.MatchesRoot || len(s.Differences) > 0 || s.ActiveRoot != v.m.Root {
		t.Fatalf("status %+v", s)
	}

	address, err := v.Dispatcher()
	if err != nil {
		t.Fatal(err)
	}
	alice := common.BytesToHash(common.HexToAddress("0x00000000000000000000000000000000000A11CE").Bytes())
	if got := w.call(address, "sharesOf(address)", alice); got.Int64() != 42 {
		t.Errorf("the init call left %s shares, want 42", got)
	}
	if w.send("outsider", address, pack("deposit(uint256)", common.Hash{31: 5})) != 1 {
		t.Fatal("the deposit reverted")
	}
	if got := w.call(address, "sharesOf(address)", common.BytesToHash(w.address("outsider").Bytes())); got.Int64() != 15 {
		t.Errorf("the deposit made %s shares, want 15", got)
	}
}

// TestMissingLibraryIsFound says what is in the way of a rollout whose library does not stand.
func TestMissingLibraryIsFound(t *testing.T) {
	w := newWorld(t)
	var err error
	if w.out, err = build.ReadForge(os.DirFS(pool + "/artifacts")); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(pool + "/lockstep.yaml")
	if err != nil {
		t.Fatal(err)
	}
	v := w.versionOf("lockstep.yaml", text)
	without := *v.m
	without.Libraries = slices.DeleteFunc(slices.Clone(v.m.Libraries), func(l manifest.Deployment) bool { return l.Name() == "Ratio" })
	w.must(v.Deploy(w.ctx(), &without, false))
	_, err = v.Rollout(w.ctx(), v.m, v.file, false)
	if err == nil || !strings.Contains(err.Error(), "Ratio at 0x") || !strings.Contains(err.Error(), "run lockstep deploy") {
		t.Errorf("%v, want an error that names the library", err)
	}
}
