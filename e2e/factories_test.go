package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
)

// The CREATE2 factories, written down once more: a test that took them from the program would believe it.
var (
	arachnidAt = common.HexToAddress("0x4e59b44847b379578588920cA78FbF26c0B4956C")
	safeAt     = common.HexToAddress("0x914d7Fec6aaC8cd542e72Bca78B30650d45643d7")
	createxAt  = common.HexToAddress("0xba5Ed099633D3B313e4D5F7bdc1305d3c28ba5Ed")

	proxyHash   = common.HexToHash("0x2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989")
	createxHash = common.HexToHash("0xbd8a7ea8cfca7b4e5f5041d7d4b17bc317c5ce42cfbc42066a00cf26b43eb53f")

	// createxDeployer signed the transaction that deploys CreateX.
	createxDeployer = common.HexToAddress("0xeD456e05CaAb11d66C4c797dD6c1D6f9A7F352b5")
)

var presigned = regexp.MustCompile(`presignedTx =\s*"(0x[0-9a-f]+)"`)

// presignedCreateX is the signed transaction that puts CreateX at its address on any network, as Hardhat Ignition ships it.
func presignedCreateX(t *testing.T) string {
	t.Helper()
	file := filepath.Join(places.root, "e2e", "hardhat3", "node_modules", "@nomicfoundation", "ignition-core", "dist", "src",
		"internal", "execution", "strategy", "createx-artifact.js")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: run make setup", err)
	}
	found := presigned.FindSubmatch(text)
	if found == nil {
		t.Fatalf("%s holds no signed transaction", file)
	}
	return string(found[1])
}

// plant puts a factory on a network the way it gets to one, as far as that can be done: anvil has Arachnid's, and the key of
// Safe's is Safe's.
func (n *node) plant(ctx context.Context, t *testing.T, factory common.Address) {
	t.Helper()
	must := func(result any, method string, args ...any) {
		t.Helper()
		if err := n.call(ctx, result, method, args...); err != nil {
			t.Fatal(err)
		}
	}
	want := proxyHash
	switch factory {
	case safeAt:
		var code hexutil.Bytes
		must(&code, "eth_getCode", arachnidAt, "latest")
		must(nil, "anvil_setCode", safeAt, code)
	case createxAt:
		want = createxHash
		must(nil, "anvil_setBalance", createxDeployer, "0xde0b6b3a7640000")
		must(nil, "eth_sendRawTransaction", presignedCreateX(t))
		n.awaitNonce(ctx, t, createxDeployer)
	}
	var code hexutil.Bytes
	must(&code, "eth_getCode", factory, "latest")
	if got := crypto.Keccak256Hash(code); got != want {
		t.Fatalf("the code at %s has hash %s, want %s", factory, got, want)
	}
}

// TestEachFactory deploys and rolls out through each factory, on a network where a stranger has sent the first creation
// already: through a salt for anybody that saves the deployer a step, through the deployer's own it takes nothing from it.
func TestEachFactory(t *testing.T) {
	t.Parallel()
	deployer := devAddress(0)
	for _, c := range []struct {
		name, factory string
		at            common.Address
		salt          common.Hash
		own           bool
	}{
		{"arachnid", "arachnid", arachnidAt, common.Hash{31: 7}, false},
		{"safe", "safe", safeAt, common.Hash{31: 7}, false},
		{"createx", "createx", createxAt, common.Hash{}, false},
		{"createx for the deployer", "createx", createxAt, common.BytesToHash(append(deployer.Bytes(), common.Hash{11: 7}.Bytes()[:12]...)), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			n := newAnvil(t)
			n.plant(ctx, t, c.at)
			m := newMarket(t, n, n.url, 50)
			config, err := os.ReadFile(filepath.Join(m.dir, "one.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			m.write("one.yaml", fmt.Sprintf("factory: %s\nsalt: %q\n%s", c.factory, c.salt.Hex(), config))
			m.must("--config", "one.yaml", "manifest", "build", "-o", "one.json")
			m.must("manifest", "verify", "one.json")
			m.must("--config", "one.yaml", "network", "check")

			// the dispatcher and its extension, as the program says before anything is there
			var plan struct {
				Networks []struct {
					Dispatcher common.Address
					Steps      []struct {
						Step string
						To   common.Address
						Data string
					}
				}
			}
			out := m.must("--config", "one.yaml", "--json", "deploy", "one.json", "--dry-run")
			if err := json.Unmarshal([]byte(out), &plan); err != nil || len(plan.Networks) != 1 || len(plan.Networks[0].Steps) == 0 {
				t.Fatalf("dry run: %v\n%s", err, out)
			}
			dispatcher, first := plan.Networks[0].Dispatcher, plan.Networks[0].Steps[0]
			if first.Step != "deploy extension" || first.To != c.at {
				t.Fatalf("the first step is %s to %s", first.Step, first.To)
			}
			stranger := common.HexToAddress("0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65") // anvil's fifth account
			var hash common.Hash
			if err := n.call(ctx, &hash, "eth_sendTransaction", map[string]any{"from": stranger, "to": c.at, "data": first.Data}); err != nil {
				t.Fatal(err)
			}

			n.awaitNonce(ctx, t, stranger)

			m.must("--config", "one.yaml", "deploy", "one.json", "--yes")
			want := m.manifest("one")
			for _, f := range want.Facets {
				n.mustHaveCode(ctx, t, f.Address)
			}
			n.mustHaveCode(ctx, t, dispatcher)
			chain, err := n.transactions(ctx)
			if err != nil {
				t.Fatal(err)
			}
			// extension, dispatcher, three facets
			creations, strangers := 0, 0
			for _, tx := range chain {
				switch {
				case !tx.Success:
					t.Errorf("transaction %s of %s reverted", tx.Hash, tx.From)
				case tx.To != nil && *tx.To == c.at && tx.From == deployer:
					creations++
				case tx.Hash == hash:
					strangers++
				}
			}
			if want := map[bool]int{true: 5, false: 4}[c.own]; creations != want || strangers != 1 {
				t.Errorf("the deployer made %d contracts, want %d; the stranger %d", creations, want, strangers)
			}

			m.keepTime(dispatcher, 0, want)
			m.must("--config", "one.yaml", "rollout", "one.json", "--yes")
			m.checkRoutes(ctx, dispatcher, want, 1)
			m.must("--config", "one.yaml", "status", "one.json", "--check")
		})
	}
}

// awaitNonce waits until the first transaction of an account is in the newest state.
func (n *node) awaitNonce(ctx context.Context, t *testing.T, account common.Address) {
	t.Helper()
	err := n.awaitBlock(ctx, func(ctx context.Context) (bool, error) {
		var nonce hexutil.Uint64
		err := n.call(ctx, &nonce, "eth_getTransactionCount", account, "latest")
		return nonce > 0, err
	})
	if err != nil {
		t.Fatalf("the first transaction of %s: %v", account, err)
	}
}

func (n *node) mustHaveCode(ctx context.Context, t *testing.T, account common.Address) {
	t.Helper()
	var code hexutil.Bytes
	if err := n.call(ctx, &code, "eth_getCode", account, "latest"); err != nil {
		t.Fatal(err)
	}
	if len(code) == 0 {
		t.Errorf("there is no code at %s", account)
	}
}
