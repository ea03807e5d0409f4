package witness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/devnet"
)

var (
	key, _     = crypto.HexToECDSA("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
	sender     = crypto.PubkeyToAddress(key.PublicKey)
	dispatcher = common.Address{19: 0xdd}
	angry      = common.Address{19: 0xa1}
	root       = common.HexToHash("0xf84dfc73621bdef7a1ff08859552bba0925283124b6435d186f2638434605939")
)

// dispatcherCode answers activeRoot() and activeEpoch(), and reverts on all else.
func dispatcherCode(epoch byte) []byte {
	return slices.Concat(
		[]byte{0x5f, 0x35, 0x60, 0xe0, 0x1c}, // selector
		[]byte{0x80, 0x63}, crypto.Keccak256([]byte("activeRoot()"))[:4], []byte{0x14, 0x60, 27, 0x57},
		[]byte{0x63}, crypto.Keccak256([]byte("activeEpoch()"))[:4], []byte{0x14, 0x60, 67, 0x57},
		[]byte{0x5f, 0x5f, 0xfd},
		[]byte{0x5b, 0x7f}, root[:], []byte{0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3},
		[]byte{0x5b, 0x60, epoch, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3},
	)
}

func TestReportEqualsWhatWasSent(t *testing.T) {
	n, err := devnet.Start(devnet.Config{
		ChainID: 1099, Alloc: map[common.Address]*big.Int{sender: big.NewInt(params.Ether)},
		Code: map[common.Address][]byte{dispatcher: dispatcherCode(3), angry: {0x5f, 0x5f, 0xfd}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	eth, err := ethclient.Dial(n.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(eth.Close)

	want := Report{
		Name: "devnet", ChainID: 1099, Dispatcher: dispatcher.Hex(), CodeHash: crypto.Keccak256Hash(dispatcherCode(3)).Hex(),
		ActiveRoot: root.Hex(), ActiveEpoch: 3,
	}
	check := func(what string) {
		t.Helper()
		got, err := Read(t.Context(), "devnet", n.URL(), dispatcher.Hex())
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	check("before the first transaction")

	var sent []*types.Transaction
	for nonce, to := range []common.Address{{1}, {2}, angry, {3}, dispatcher, {4}, {5}} { // two of them revert
		tx, err := types.SignNewTx(key, types.LatestSignerForChainID(big.NewInt(1099)), &types.DynamicFeeTx{
			ChainID: big.NewInt(1099), Nonce: uint64(nonce), GasFeeCap: big.NewInt(10 * params.GWei), Gas: 50_000, To: &to,
		})
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, tx)
	}
	// backwards: nothing can be mined until the first comes, and then all of them in one block
	for _, tx := range slices.Backward(sent[:5]) {
		if err := eth.SendTransaction(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.Mine(2); err != nil {
		t.Fatal(err)
	}
	for _, tx := range sent[5:] { // and one by one
		if err := eth.SendTransaction(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
		if err := n.Mine(1); err != nil {
			t.Fatal(err)
		}
	}
	blocks := map[common.Hash]bool{}
	for _, tx := range sent {
		r, err := eth.TransactionReceipt(t.Context(), tx.Hash())
		if err != nil {
			t.Fatal(err)
		}
		blocks[r.BlockHash] = true
		want.GasUsed += r.GasUsed
	}
	if len(blocks) >= len(sent) {
		t.Fatalf("%d blocks: none holds several transactions", len(blocks))
	}
	want.Transactions, want.Failed, want.Blocks = 5, 2, len(blocks)
	check("after seven transactions")

	if _, err := Read(t.Context(), "devnet", n.URL(), angry.Hex()); err == nil || !strings.Contains(err.Error(), "eth_call") {
		t.Errorf("a contract that reverts: %v", err)
	}
	if _, err := Read(t.Context(), "devnet", n.URL(), common.Address{9}.Hex()); err == nil || !strings.Contains(err.Error(), "activeRoot()") {
		t.Errorf("an account without code: %v", err)
	}
}

// sound is what an endpoint of a chain of two blocks and three transactions says.
func sound() map[string]any {
	return map[string]any{
		"eth_chainId": "0x7", "eth_getCode": "0x6001", "eth_call": "0x" + strings.Repeat("0", 62) + "0a", "eth_blockNumber": "0x1",
		"eth_getBlockReceipts": []map[string]string{
			{"status": "0x1", "gasUsed": "0x5208"}, {"status": "0x0", "gasUsed": "0x10"}, {"status": "0x1", "gasUsed": "0x1"},
		},
	}
}

// answers starts an endpoint. An answer of type error is a JSON-RPC error, raw is a body as it is.
func answers(t testing.TB, results map[string]any) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request struct{ Method string }
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		reply := map[string]any{"jsonrpc": "2.0", "id": 1}
		switch a := results[request.Method].(type) {
		case raw:
			_, _ = io.WriteString(w, string(a)) // the client may have gone
			return
		case error:
			reply["error"] = map[string]any{"code": -32000, "message": a.Error()}
		default:
			reply["result"] = a
		}
		_ = json.NewEncoder(w).Encode(reply) // the client may have gone
	}))
	t.Cleanup(server.Close)
	return server.URL
}

type raw string

func TestReadOfASoundEndpoint(t *testing.T) {
	got, err := Read(t.Context(), "fake", answers(t, sound()), "0xdd")
	if err != nil {
		t.Fatal(err)
	}
	want := Report{
		Name: "fake", ChainID: 7, Dispatcher: "0xdd", CodeHash: crypto.Keccak256Hash([]byte{0x60, 0x01}).Hex(),
		ActiveRoot: common.Hash{31: 10}.Hex(), ActiveEpoch: 10, Transactions: 4, Failed: 2, Blocks: 2, GasUsed: 2 * (0x5208 + 0x10 + 1),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A witness that takes a missing answer for zero would confirm whatever it is asked.
func TestAnswersThatAreNoneAreReported(t *testing.T) {
	for method := range sound() {
		for name, answer := range map[string]any{
			"error": errors.New("the node is tired"), "null": nil, "not JSON": raw("<html>"), "nothing": raw(""), "cut off": raw(`{"result": "0x`),
			"no result": raw(`{"jsonrpc": "2.0", "id": 1}`), "another type": map[string]any{"a": 1}, "not hex": "0xzz",
		} {
			results := sound()
			results[method] = answer
			got, err := Read(t.Context(), "fake", answers(t, results), "0xdd")
			if name == "not hex" && method == "eth_call" {
				continue // a word is checked below
			}
			if err == nil {
				t.Errorf("%s to %s: %+v, want an error", name, method, got)
				continue
			}
			if name != "not hex" && !strings.Contains(err.Error(), method) {
				t.Errorf("%s to %s: %v does not name the method", name, method, err)
			}
			if name == "error" && !strings.Contains(err.Error(), "the node is tired") {
				t.Errorf("%s to %s: %v does not tell the node's message", name, method, err)
			}
		}
	}
}

func TestViewsAreDecodedStrictly(t *testing.T) {
	for name, word := range map[string]string{
		"nothing": "0x", "short": "0x0a", "two words": "0x" + strings.Repeat("0", 128), "epoch beyond 64 bits": "0x" + strings.Repeat("f", 64),
		"not hex": "0x" + strings.Repeat("z", 64),
	} {
		results := sound()
		results["eth_call"] = word
		if got, err := Read(t.Context(), "fake", answers(t, results), "0xdd"); err == nil {
			t.Errorf("%s: %+v, want an error", name, got)
		}
	}
}

func TestReceiptsAreDecodedStrictly(t *testing.T) {
	results := sound()
	results["eth_getBlockReceipts"] = []map[string]string{{"status": "0x1", "gasUsed": "0xzz"}}
	if got, err := Read(t.Context(), "fake", answers(t, results), "0xdd"); err == nil {
		t.Errorf("gas that is no number: %+v", got)
	}
	results["eth_getBlockReceipts"] = []map[string]string{{"gasUsed": "0x1"}}
	if got, err := Read(t.Context(), "fake", answers(t, results), "0xdd"); err != nil || got.Transactions != 0 || got.Failed != 2 {
		t.Errorf("receipts without a status must not count as successes: %+v, %v", got, err)
	}
}

func TestTransportErrors(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, err := Read(t.Context(), "fake", server.URL+"/v2/hunter2?key=hunter2", "0xdd")
	if err == nil || !strings.Contains(err.Error(), "eth_chainId") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("dead endpoint: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Read(ctx, "fake", answers(t, sound()), "0xdd"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := Read(t.Context(), "fake", "://", "0xdd"); err == nil {
		t.Error("not a URL is read")
	}
}

func TestNumber(t *testing.T) {
	for text, want := range map[string]uint64{"0x0": 0, "0x00": 0, "0x1f": 31, "0xffffffffffffffff": 1<<64 - 1, "0x000000000000000000000000000000000a": 10} {
		if got, err := number(text); err != nil || got != want {
			t.Errorf("number(%s) = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"0x10000000000000000", "0xg", "0x-1", "0x 1", "one"} {
		if got, err := number(text); err == nil {
			t.Errorf("number(%s) = %d, want an error", text, got)
		}
	}
}

func TestKeccakIsNotSHA3(t *testing.T) {
	if got := fmt.Sprintf("%x", keccak(nil)); got != "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470" {
		t.Errorf("keccak of nothing is %s", got)
	}
}
