package chain

import (
	"bytes"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"

	"github.com/seed-b6a97670/lockstep/internal/localnode"
)

// without stands before a node that lacks a method.
func without(t *testing.T, upstream string, methods ...string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "application/json")
		for _, method := range methods {
			if bytes.Contains(body, []byte(method)) {
				_, id, _ := strings.Cut(string(body), `"id":`)
				id, _, _ = strings.Cut(id, ",")
				_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":`+id+`,"error":{"code":-32601,"message":"the method does not exist"}}`)
				return
			}
		}
		resp, err := http.Post(upstream, "application/json", bytes.NewReader(body))
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer func() { _ = resp.Body.Close() }()
		_, _ = io.Copy(w, resp.Body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// nodes are the kinds of node that sequences are simulated on.
func nodes(t *testing.T) map[string]string {
	t.Helper()
	n := startDevnet(t, 1077)
	binary := filepath.Join("..", "..", "contracts", "node_modules", "@foundry-rs", "anvil-linux-amd64", "bin", "anvil")
	if _, err := os.Stat(binary); err != nil {
		t.Fatalf("anvil is missing: run make setup (%v)", err)
	}
	a, err := localnode.Anvil(binary, "--chain-id", "1077")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Stop)
	for account, code := range map[common.Address][]byte{counter: counterCode, angry: angryCode} {
		if err := a.RPC.CallContext(t.Context(), nil, "anvil_setCode", account, common.Bytes2Hex(code)); err != nil {
			t.Fatal(err)
		}
	}
	return map[string]string{"geth": n.URL(), "anvil": a.URL}
}

// startHardhat starts a node that has no eth_simulateV1.
func startHardhat(t *testing.T) string {
	t.Helper()
	modules, err := filepath.Abs(filepath.Join("..", "..", "e2e", "hardhat", "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(modules, "hardhat")); err != nil {
		t.Fatalf("hardhat is missing: run make setup (%v)", err)
	}
	dir := t.TempDir()
	config := `module.exports = { solidity: "0.8.37", networks: { hardhat: { chainId: 1077, hardfork: "prague" } } };`
	if err := errors.Join(os.Symlink(modules, filepath.Join(dir, "node_modules")),
		os.WriteFile(filepath.Join(dir, "hardhat.config.js"), []byte(config), 0o600)); err != nil {
		t.Fatal(err)
	}
	n, err := localnode.Hardhat(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Stop)
	for account, code := range map[common.Address][]byte{counter: counterCode, angry: angryCode} {
		if err := n.RPC.CallContext(t.Context(), nil, "hardhat_setCode", account, "0x"+common.Bytes2Hex(code)); err != nil {
			t.Fatal(err)
		}
	}
	return n.URL
}

func TestSimulate(t *testing.T) {
	type endpoint struct {
		url   string
		exact bool
	}
	endpoints := map[string]map[string]endpoint{"hardhat": {"which has no simulateV1": {startHardhat(t), false}}}
	for node, url := range nodes(t) {
		endpoints[node] = map[string]endpoint{
			"simulateV1":   {url, true},
			"stacked call": {without(t, url, "eth_simulateV1"), false},
		}
	}
	for node, ways := range endpoints {
		for name, c := range ways {
			t.Run(node+", "+name, func(t *testing.T) {
				client, ctx := newClient(t, 1077, c.url), t.Context()
				head, err := client.Head(ctx)
				if err != nil {
					t.Fatal(err)
				}
				count, revert := ethereum.CallMsg{To: &counter}, ethereum.CallMsg{To: &angry, Data: []byte{1, 0, 2}}
				got, exact, err := client.Simulate(ctx, head.Hash, sender, []ethereum.CallMsg{count, count, revert, count})
				if err != nil {
					t.Fatal(err)
				}
				if exact != c.exact || len(got) != 3 || got[0].Failed || got[1].Failed || !got[2].Failed ||
					!bytes.Equal(got[2].Data, []byte{0xde, 0xad, 0xbe, 0xef}) {
					t.Fatalf("exact %v, %+v; want two that succeed and one that says 0xdeadbeef", exact, got)
				}
				// the first call makes a slot that was zero; the second changes it, so it saw what the first had done
				if got[0].Gas < 43_000 || got[0].Gas > 50_000 || got[1].Gas < 21_000 || got[1].Gas > 30_000 {
					t.Errorf("gas %d and %d, want some 45,000 and 28,000 or less", got[0].Gas, got[1].Gas)
				}
				after, err := client.Call(ctx, head.Hash, ethereum.CallMsg{To: &counter})
				if err != nil || new(big.Int).SetBytes(after).Uint64() != 1 {
					t.Errorf("count %x, %v: the simulation left something behind", after, err)
				}
			})
		}
	}
}

// TestSimulatedGasIsEnough sends what was simulated with the gas that it was found to use.
func TestSimulatedGasIsEnough(t *testing.T) {
	n := startDevnet(t, 1077)
	c, ctx := newClient(t, 1077, n.URL()), t.Context()
	head, err := c.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	calls := []ethereum.CallMsg{{To: &counter}, {To: &counter, Data: []byte{1, 2, 0}}}
	got, _, err := c.Simulate(ctx, head.Hash, sender, calls)
	if err != nil {
		t.Fatal(err)
	}
	for i, call := range calls {
		tx, err := types.SignNewTx(key, types.LatestSignerForChainID(big.NewInt(1077)), &types.DynamicFeeTx{
			ChainID: big.NewInt(1077), Nonce: uint64(i), GasFeeCap: big.NewInt(100 * params.GWei), GasTipCap: big.NewInt(1),
			Gas: got[i].Gas, To: call.To, Data: call.Data,
		})
		if err != nil {
			t.Fatal(err)
		}
		if r := send(t, n, c, tx); r.Status != 1 || r.GasUsed != got[i].Gas {
			t.Errorf("call %d: status %d, %d gas; simulated %d", i, r.Status, r.GasUsed, got[i].Gas)
		}
	}
	// with a limit that is too low, the simulation says so
	calls[1].Gas = got[1].Gas - 1
	if got, _, err = c.Simulate(ctx, head.Hash, sender, calls); err != nil || len(got) != 2 || !got[1].Failed {
		t.Errorf("with a gas less: %+v, %v; want a failure", got, err)
	}
}

func TestNodeThatCannotSimulate(t *testing.T) {
	n := startDevnet(t, 1077)
	c := newClient(t, 1077, without(t, n.URL(), "eth_simulateV1", "eth_call"))
	head, err := c.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := c.Simulate(t.Context(), head.Hash, sender, []ethereum.CallMsg{{To: &counter}}); !errors.Is(err, ErrCannotSimulate) {
		t.Errorf("%+v, %v; want ErrCannotSimulate", got, err)
	}
}
