package chain

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
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// fake is an endpoint that answers what it is told.
type fake struct {
	url string

	mu    sync.Mutex
	asked []string
}

// fail is an answer that is an error of JSON-RPC.
type fail struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

// body is an answer that is sent as it is, and status an HTTP status with the path in its body.
type (
	body   string
	status int
	hang   struct{}
)

// newFake starts an endpoint of chain 7. Methods that are not in answers get "method not found". An answer that is a
// func() any is called for each request.
func newFake(t testing.TB, answers map[string]any) *fake {
	t.Helper()
	f := &fake{}
	quit := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
		}
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		f.mu.Lock()
		f.asked = append(f.asked, request.Method)
		f.mu.Unlock()
		answer, ok := answers[request.Method]
		if !ok && request.Method == "eth_chainId" {
			answer, ok = "0x7", true
		}
		if !ok {
			answer = fail{Code: -32601, Message: "method not found"}
		}
		if ask, ok := answer.(func() any); ok {
			answer = ask()
		}
		reply := map[string]any{"jsonrpc": "2.0", "id": request.ID}
		switch a := answer.(type) {
		case hang:
			select {
			case <-quit:
			case <-r.Context().Done():
			}
			return
		case status:
			http.Error(w, "Cannot POST "+r.URL.String(), int(a))
			return
		case body:
			_, _ = io.WriteString(w, string(a)) // the client may have gone
			return
		case fail:
			reply["error"] = a
		default:
			reply["result"] = a
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(reply) // the client may have gone
	}))
	f.url = server.URL
	t.Cleanup(func() {
		close(quit)
		server.Close()
	})
	return f
}

func (f *fake) count(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, m := range f.asked {
		if m == method || method == "" {
			n++
		}
	}
	return n
}

func newClient(t testing.TB, chainID uint64, urls ...string) *Client {
	t.Helper()
	return impatient(t, DefaultTimeout, chainID, urls...)
}

func impatient(t testing.TB, timeout time.Duration, chainID uint64, urls ...string) *Client {
	t.Helper()
	c, err := New(Config{Name: "testnet", ChainID: chainID, URLs: urls, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// deadURL is an address where nothing listens any more.
func deadURL(t testing.TB) string {
	t.Helper()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	return server.URL
}

// oversized is an answer that would be right if it were not beyond the limit.
func oversized() body {
	return body(`{"jsonrpc":"2.0","id":1,` + strings.Repeat(" ", maxResponse) + `"result":"0x7"}`)
}

func TestNewRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		urls []string
		want string
	}{
		"no endpoint":    {nil, "network testnet has no RPC endpoint"},
		"not a URL":      {[]string{"http://[::1/hunter2"}, "network testnet: an RPC endpoint is not a URL"},
		"no host":        {[]string{"hunter2"}, "network testnet: an RPC endpoint is not a URL"},
		"file":           {[]string{"file:///hunter2"}, "network testnet: an RPC endpoint is not a URL"},
		"another scheme": {[]string{"ftp://joe:hunter2@eth.example/hunter2?k=hunter2"}, "network testnet: RPC endpoint ftp://eth.example: want http, https, ws or wss"},
		"the second":     {[]string{"http://eth.example", "hunter2"}, "network testnet: an RPC endpoint is not a URL"},
	} {
		_, err := New(Config{Name: "testnet", ChainID: 7, URLs: c.urls})
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	c, err := New(Config{Name: "testnet", ChainID: 7, URLs: []string{"http://a.example", "https://a.example", "ws://a.example", "wss://a.example"}})
	if err != nil || c.Name() != "testnet" || c.ChainID() != 7 || c.timeout != DefaultTimeout {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestEndpointOfAnotherChainIsRefusedAndNamed(t *testing.T) {
	for name, id := range map[string]any{"another": "0x5", "beyond 64 bits": "0x10000000000000007"} {
		other := newFake(t, map[string]any{"eth_chainId": id, "eth_getTransactionCount": "0x1"})
		_, err := newClient(t, 7, other.url).Nonce(t.Context(), common.Address{})
		var wrong *ChainIDError
		if !errors.As(err, &wrong) || wrong.Endpoint != other.url || wrong.Want != 7 || !errors.Is(err, rollout.ErrUnavailable) {
			t.Errorf("%s: %v, want a ChainIDError", name, err)
		}
		var marked interface{ WrongChain() }
		if !errors.As(err, &marked) {
			t.Errorf("%s: %v is not marked as final", name, err)
		}
		if name == "another" && !strings.Contains(err.Error(), "endpoint "+other.url+" has chain id 5, want 7") {
			t.Errorf("%s: %v", name, err)
		}
		if n := other.count("eth_getTransactionCount"); n > 0 {
			t.Errorf("%s: an endpoint of another chain was asked %d times", name, n)
		}
	}
}

func TestChainIDIsProvenOnce(t *testing.T) {
	good := newFake(t, map[string]any{"eth_getTransactionCount": "0x1"})
	c := newClient(t, 7, good.url)
	for range 3 {
		if _, err := c.Nonce(t.Context(), common.Address{}); err != nil {
			t.Fatal(err)
		}
	}
	if n := good.count("eth_chainId"); n != 1 {
		t.Errorf("chain id was asked %d times", n)
	}
}

// Each way in which an endpoint can fail, when it is first asked for its chain id and later.
func TestFailoverToTheNextEndpoint(t *testing.T) {
	for name, answer := range map[string]any{
		"HTTP 500": status(500), "HTTP 429": status(429), "HTTP 404": status(404), "HTTP 401": status(401),
		"never answers": hang{}, "cut off": body(`{"jsonrpc":"2.0","id":1,"result":"0x`), "not JSON": body("<html>maintenance</html>"),
		"nothing": body(""), "oversized": oversized(), "limit": fail{Code: -32005, Message: "limit exceeded"},
		"internal error": fail{Code: -32603, Message: "oops"}, "no method": fail{Code: -32601, Message: "not here"},
		"parse error": fail{Code: -32700, Message: "what"}, "unavailable": fail{Code: -32002, Message: "not now"},
		"too many": fail{Code: 429, Message: "slow down"}, "another type": []int{1}, "another chain": "0x8",
	} {
		for _, method := range []string{"eth_chainId", "eth_getTransactionCount"} {
			if name == "another chain" && method != "eth_chainId" {
				continue // a nonce of 8 is fine
			}
			bad := newFake(t, map[string]any{method: answer})
			good := newFake(t, map[string]any{"eth_getTransactionCount": "0x2a"})
			c := newClient(t, 7, bad.url, good.url)
			if name == "never answers" {
				c.timeout = 500 * time.Millisecond
			}
			start := time.Now()
			for i := range 2 {
				if nonce, err := c.Nonce(t.Context(), common.Address{}); err != nil || nonce != 42 {
					t.Errorf("%s to %s: nonce %d, %.300v", name, method, nonce, err)
				}
				if n := bad.count(method); n != 1 {
					t.Errorf("%s to %s: the failing endpoint was asked %d times in %d calls", name, method, n, i+1)
				}
			}
			if took := time.Since(start); took > DefaultTimeout {
				t.Errorf("%s to %s: the next endpoint answered after %s", name, method, took)
			}
		}
	}
}

func TestFailoverFromADeadEndpoint(t *testing.T) {
	good := newFake(t, map[string]any{"eth_getTransactionCount": "0x2a"})
	c := newClient(t, 7, deadURL(t), "ws"+strings.TrimPrefix(deadURL(t), "http"), good.url)
	if nonce, err := c.Nonce(t.Context(), common.Address{}); err != nil || nonce != 42 {
		t.Errorf("nonce %d, %v", nonce, err)
	}
}

func TestTheEndpointThatAnsweredLastIsAskedFirst(t *testing.T) {
	failing := map[string]any{"eth_getTransactionCount": status(503)}
	a, b, last := newFake(t, failing), newFake(t, failing), newFake(t, map[string]any{"eth_getTransactionCount": "0x1"})
	c := newClient(t, 7, a.url, b.url, last.url)
	for range 3 {
		if _, err := c.Nonce(t.Context(), common.Address{}); err != nil {
			t.Fatal(err)
		}
	}
	var order []string
	for _, e := range c.endpoints {
		order = append(order, e.url)
	}
	if want := []string{last.url, a.url, b.url}; !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
	if a.count("eth_getTransactionCount") != 1 || b.count("eth_getTransactionCount") != 1 || last.count("eth_getTransactionCount") != 3 {
		t.Errorf("asked %v, %v, %v", a.asked, b.asked, last.asked)
	}
}

func TestAllEndpointsFailing(t *testing.T) {
	dead, broken := deadURL(t), newFake(t, map[string]any{"eth_getTransactionCount": status(502)})
	_, err := newClient(t, 7, dead, broken.url).Nonce(t.Context(), common.Address{1})
	if !errors.Is(err, rollout.ErrUnavailable) {
		t.Fatalf("%v, want ErrUnavailable", err)
	}
	for _, part := range []string{"read nonce of 0x0100000000000000000000000000000000000000 on testnet", dead + ": ", broken.url + ": ", "502"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not hold %q", err, part)
		}
	}
}

// What a node says about the call is an answer: another endpoint would say the same, and asking it costs time.
func TestAnAnswerIsNotAFailure(t *testing.T) {
	for name, answer := range map[string]fail{
		"revert": {Code: 3, Message: "execution reverted", Data: "0xdeadbeef"}, "refused": {Code: -32000, Message: "nonce too low"},
		"invalid": {Code: -32602, Message: "invalid argument 0"},
	} {
		first, second := newFake(t, map[string]any{"eth_estimateGas": answer}), newFake(t, map[string]any{"eth_estimateGas": "0x1"})
		_, err := newClient(t, 7, first.url, second.url).EstimateGas(t.Context(), ethereum.CallMsg{})
		if err == nil || !strings.Contains(err.Error(), "estimate gas on testnet: "+answer.Message) || errors.Is(err, rollout.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
		if n := second.count(""); n > 0 {
			t.Errorf("%s: another endpoint was asked", name)
		}
		data, ok := RevertData(err)
		if want := name == "revert"; ok != want || want && fmt.Sprintf("%x", data) != "deadbeef" {
			t.Errorf("%s: RevertData %x, %v", name, data, ok)
		}
	}
}

func TestRevertDataOfOtherErrors(t *testing.T) {
	for name, err := range map[string]error{"nil": nil, "plain": errors.New("execution reverted: 0xdeadbeef"), "not found": ethereum.NotFound} {
		if data, ok := RevertData(err); ok || data != nil {
			t.Errorf("%s: %x, %v", name, data, ok)
		}
	}
	for name, data := range map[string]any{"a number": 5, "not hex": "deadbeef", "odd": "0xabc", "an object": map[string]any{"a": 1}} {
		node := newFake(t, map[string]any{"eth_call": fail{Code: 3, Message: "execution reverted", Data: data}})
		_, err := newClient(t, 7, node.url).Call(t.Context(), common.Hash{}, ethereum.CallMsg{})
		if got, ok := RevertData(err); err == nil || ok {
			t.Errorf("%s: %x, %v, %v", name, got, ok, err)
		}
	}
	node := newFake(t, map[string]any{"eth_call": fail{Code: 3, Message: "execution reverted", Data: "0x"}})
	_, err := newClient(t, 7, node.url).Call(t.Context(), common.Hash{}, ethereum.CallMsg{})
	if got, ok := RevertData(err); !ok || len(got) != 0 {
		t.Errorf("revert without a reason: %x, %v", got, ok)
	}
}

// An endpoint behind the others does not know the block yet: the next one is asked.
func TestEndpointThatDoesNotKnowTheBlockIsSkipped(t *testing.T) {
	for _, message := range []string{"header not found", "Header not found", "unknown block", "block not found", "header for hash not found"} {
		lagging := fail{Code: -32000, Message: message}
		behind := newFake(t, map[string]any{"eth_call": lagging, "eth_getCode": lagging})
		ahead := newFake(t, map[string]any{"eth_call": "0x01", "eth_getCode": "0x02"})
		out, err := newClient(t, 7, behind.url, ahead.url).Call(t.Context(), common.Hash{1}, ethereum.CallMsg{})
		if err != nil || len(out) != 1 || out[0] != 1 {
			t.Errorf("%s: call: %x, %v", message, out, err)
		}
		code, err := newClient(t, 7, behind.url, ahead.url).Code(t.Context(), common.Hash{1}, common.Address{})
		if err != nil || len(code) != 1 || code[0] != 2 {
			t.Errorf("%s: code: %x, %v", message, code, err)
		}
		if _, err := newClient(t, 7, behind.url).Call(t.Context(), common.Hash{1}, ethereum.CallMsg{}); !errors.Is(err, rollout.ErrUnavailable) {
			t.Errorf("%s: no other endpoint: %v, want ErrUnavailable", message, err)
		}
	}
}

// Paths, queries and users of URLs are often keys.
func TestErrorsDoNotShowSecrets(t *testing.T) {
	for name, answer := range map[string]any{
		"HTTP 500 that repeats the path": status(500), "HTTP 404 that repeats the path": status(404), "never answers": hang{}, "not JSON": body("x"),
		"another chain": "0x9", "limit": fail{Code: -32005, Message: "limit exceeded"}, "refused": fail{Code: -32000, Message: "no"},
	} {
		for _, method := range []string{"eth_chainId", "eth_getTransactionCount"} {
			host := strings.TrimPrefix(newFake(t, map[string]any{method: answer}).url, "http://")
			for _, scheme := range []string{"http", "ws"} {
				url := scheme + "://joe:hunter2@" + host + "/v2/hunter2?key=hunter2"
				_, err := impatient(t, 50*time.Millisecond, 7, url).Nonce(t.Context(), common.Address{})
				if err == nil {
					if name == "another chain" {
						continue // a nonce of 9 is fine
					}
					t.Errorf("%s to %s over %s: no error", name, method, scheme)
				} else if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "joe") {
					t.Errorf("%s to %s over %s: %v", name, method, scheme, err)
				}
			}
		}
	}
	for _, scheme := range []string{"http", "ws"} {
		host := strings.TrimPrefix(deadURL(t), "http://")
		_, err := newClient(t, 7, scheme+"://joe:hunter2@"+host+"/v2/hunter2?key=hunter2").Head(t.Context())
		if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), scheme+"://"+host) {
			t.Errorf("dead, over %s: %v", scheme, err)
		}
	}
}

// Whoever gave up does not want another endpoint to be asked, nor the network to count as unavailable.
func TestCancelledCallEndsAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	first, second := newFake(t, map[string]any{"eth_getTransactionCount": "0x1"}), newFake(t, map[string]any{"eth_getTransactionCount": "0x1"})
	_, err := newClient(t, 7, first.url, second.url).Nonce(ctx, common.Address{})
	if !errors.Is(err, context.Canceled) || errors.Is(err, rollout.ErrUnavailable) {
		t.Errorf("%v, want context.Canceled", err)
	}
	if n := second.count(""); n > 0 {
		t.Errorf("the second endpoint was asked %d times", n)
	}
}

func TestManyCallersOfAFailingEndpoint(t *testing.T) {
	bad, good := newFake(t, map[string]any{"eth_getTransactionCount": status(500)}), newFake(t, map[string]any{"eth_getTransactionCount": "0x2a"})
	c := newClient(t, 7, bad.url, good.url)
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if nonce, err := c.Nonce(t.Context(), common.Address{}); err != nil || nonce != 42 {
				t.Errorf("nonce %d, %v", nonce, err)
			}
		})
	}
	group.Wait()
	if len(c.endpoints) != 2 || c.endpoints[0].url != good.url || c.endpoints[1].url != bad.url {
		t.Errorf("endpoints %s, %s", c.endpoints[0].url, c.endpoints[1].url)
	}
}

func TestSendOfAKnownTransactionIsDone(t *testing.T) {
	tx := types.NewTx(&types.DynamicFeeTx{Nonce: 1, Gas: 21000, GasFeeCap: big.NewInt(1), GasTipCap: big.NewInt(1)})
	for message, done := range map[string]bool{
		"already known": true, "ALREADY_EXISTS: already known": true, "Known transaction: 0x01": true, "transaction already imported": true,
		"tx already in mempool": true, "nonce too low": false, "replacement transaction underpriced": false,
		"unknown transaction type": false, "insufficient funds": false,
	} {
		node := newFake(t, map[string]any{"eth_sendRawTransaction": fail{Code: -32000, Message: message}})
		err := newClient(t, 7, node.url).Send(t.Context(), tx)
		if (err == nil) != done {
			t.Errorf("%s: %v", message, err)
		}
		if err != nil && !strings.Contains(err.Error(), "send "+tx.Hash().Hex()+" on testnet: "+message) {
			t.Errorf("%s: %v", message, err)
		}
	}
}

// A node may know a transaction's receipt before its block, or leave fields out.
func TestReceiptWithoutABlockIsNotFound(t *testing.T) {
	receipt := map[string]any{
		"status": "0x1", "gasUsed": "0x5208", "cumulativeGasUsed": "0x5208", "logs": []any{}, "logsBloom": "0x" + strings.Repeat("00", 256),
		"transactionHash": common.Hash{1}, "blockNumber": nil, "blockHash": nil, "effectiveGasPrice": "0x1",
	}
	for name, answer := range map[string]any{"no block": receipt, "null": nil} {
		node := newFake(t, map[string]any{"eth_getTransactionReceipt": answer})
		if got, err := newClient(t, 7, node.url).Receipt(t.Context(), common.Hash{1}); !errors.Is(err, ethereum.NotFound) {
			t.Errorf("%s: %+v, %v; want ethereum.NotFound", name, got, err)
		}
	}
}

// Rollups have header fields of their own: the hash must be the node's, not one computed from the fields that are known.
func TestBlockHashIsTheNodes(t *testing.T) {
	node := newFake(t, map[string]any{"eth_getBlockByNumber": map[string]any{
		"number": "0x10", "hash": common.Hash{0xab}, "timestamp": "0x64", "sendCount": "0x5", "l1BlockNumber": "0x9",
	}})
	got, err := newClient(t, 7, node.url).Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Block{Number: 16, Hash: common.Hash{0xab}, Time: 100}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNetworkWithoutBaseFeeHasAGasPrice(t *testing.T) {
	node := newFake(t, map[string]any{"eth_getBlockByNumber": map[string]any{"number": "0x1"}, "eth_gasPrice": "0x7"})
	f, err := newClient(t, 7, node.url).Fees(t.Context())
	if err != nil || !f.Legacy || f.Cap.Int64() != 7 || f.Tip.Int64() != 7 || f.Base.Int64() != 7 {
		t.Errorf("%+v, %v", f, err)
	}
}

// TestEndpointThatComesToServeAnotherChain: without a failure in between, and so without a reason to look, it is found out when the client is in
// doubt, or after a while.
func TestEndpointThatComesToServeAnotherChain(t *testing.T) {
	for name, notice := range map[string]func(*Client){
		"doubt": (*Client).Doubt,
		"after a while": func(c *Client) {
			for _, e := range c.endpoints {
				e.proven = e.proven.Add(-provenFor - time.Second)
			}
		},
	} {
		var elsewhere atomic.Bool
		moves := newFake(t, map[string]any{"eth_getTransactionCount": "0x1", "eth_chainId": func() any {
			if elsewhere.Load() {
				return "0x8"
			}
			return "0x7"
		}})
		good := newFake(t, map[string]any{"eth_getTransactionCount": "0x2a"})
		c := newClient(t, 7, moves.url, good.url)
		ask := func(want uint64) {
			t.Helper()
			if nonce, err := c.Nonce(t.Context(), common.Address{}); err != nil || nonce != want {
				t.Errorf("%s: nonce %d, %v; want %d", name, nonce, err, want)
			}
		}
		ask(1)
		elsewhere.Store(true)
		ask(1) // nothing has happened that would tell
		notice(c)
		ask(42)
	}
}
