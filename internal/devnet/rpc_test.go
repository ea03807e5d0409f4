package devnet

import (
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
)

func TestEVMTimeMethods(t *testing.T) {
	_, client := startNetwork(t, testConfig(1006))
	before := head(t, client)
	// As `cast rpc` sends it, as web3.js sends it, as a decimal string.
	var ahead int64
	for _, seconds := range []any{3600, "0xe10", "3600"} {
		last := ahead
		call(t, client, &ahead, "evm_increaseTime", seconds)
		if ahead < last+3600 {
			t.Errorf("evm_increaseTime(%v) is %d after %d", seconds, ahead, last)
		}
	}
	if now := head(t, client); now.Number.Cmp(before.Number) != 0 {
		t.Errorf("evm_increaseTime mined block %d", now.Number)
	}
	var mined string
	call(t, client, &mined, "evm_mine")
	if mined != "0x0" {
		t.Errorf("evm_mine returned %q", mined)
	}
	after := head(t, client)
	if after.Number.Uint64() != before.Number.Uint64()+1 {
		t.Errorf("block %d after %d", after.Number, before.Number)
	}
	if after.Time < before.Time+3*3600 || after.Time > before.Time+3*3600+10 {
		t.Errorf("block time moved by %d s", after.Time-before.Time)
	}
	// A contract sees it.
	out, err := client.CallContract(t.Context(), ethereum.CallMsg{To: &clock}, nil)
	if err != nil || new(big.Int).SetBytes(out).Uint64() != after.Time {
		t.Errorf("contract sees time %x, %v; the block has %x", out, err, after.Time)
	}
	for _, bad := range []any{-1, "soon", uint64(1) << 62} {
		if err := client.Client().CallContext(t.Context(), &ahead, "evm_increaseTime", bad); err == nil {
			t.Errorf("evm_increaseTime(%v) accepted", bad)
		}
	}
}

func TestWebSocketNewHeads(t *testing.T) {
	n, client := startNetwork(t, testConfig(1010))
	ws := dial(t, n.WSURL())
	heads := make(chan *types.Header, 16)
	sub, err := ws.SubscribeNewHead(t.Context(), heads)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe()
	want := head(t, client).Number.Uint64()
	if err := n.Mine(3); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		want++
		select {
		case h := <-heads:
			if h.Number.Uint64() != want {
				t.Errorf("head %d, want %d", h.Number, want)
			}
		case err := <-sub.Err():
			t.Fatal(err)
		case <-time.After(5 * time.Second):
			t.Fatalf("no head %d", want)
		}
	}
}

func TestHistoryIsKept(t *testing.T) {
	n, client := startNetwork(t, testConfig(1013))
	tx := signCall(t, n.ChainID(), 0, 100_000, counter, nil)
	send(t, client, tx)
	number := receipt(t, client, tx.Hash()).BlockNumber
	if err := n.Mine(300); err != nil {
		t.Fatal(err)
	}
	for block, want := range map[uint64]int64{number.Uint64() - 1: 0, number.Uint64(): 1} {
		slot, err := client.StorageAt(t.Context(), counter, common.Hash{}, new(big.Int).SetUint64(block))
		if err != nil || new(big.Int).SetBytes(slot).Int64() != want {
			t.Errorf("slot at block %d: %x, %v, want %d", block, slot, err, want)
		}
	}
	logs, err := client.FilterLogs(t.Context(), ethereum.FilterQuery{FromBlock: new(big.Int), Addresses: []common.Address{counter}})
	if err != nil || len(logs) != 1 || logs[0].BlockNumber != number.Uint64() {
		t.Errorf("logs since genesis: %+v, %v, want one in block %d", logs, err, number)
	}
}

func TestSimulateAndTrace(t *testing.T) {
	_, client := startNetwork(t, testConfig(1018))
	tx := map[string]any{"from": sender, "to": counter}

	var blocks []struct {
		Calls []struct {
			Status  hexutil.Uint64
			GasUsed hexutil.Uint64
		}
	}
	call(t, client, &blocks, "eth_simulateV1", map[string]any{
		"blockStateCalls": []any{map[string]any{"calls": []any{tx, tx}}},
	}, "latest")
	if len(blocks) != 1 || len(blocks[0].Calls) != 2 || blocks[0].Calls[1].Status != 1 || blocks[0].Calls[1].GasUsed == 0 {
		t.Errorf("eth_simulateV1: %+v", blocks)
	}

	var diff struct {
		Post map[common.Address]struct{ Storage map[common.Hash]common.Hash }
	}
	call(t, client, &diff, "debug_traceCall", tx, "latest", map[string]any{
		"tracer": "prestateTracer", "tracerConfig": map[string]any{"diffMode": true},
	})
	if got := diff.Post[counter].Storage[common.Hash{}]; got != common.BigToHash(big.NewInt(1)) {
		t.Errorf("debug_traceCall: slot 0 becomes %s: %+v", got, diff)
	}

	var trace struct{ Type, To string }
	call(t, client, &trace, "debug_traceCall", tx, "latest", map[string]any{"tracer": "callTracer"})
	if trace.Type != "CALL" || common.HexToAddress(trace.To) != counter {
		t.Errorf("callTracer: %+v", trace)
	}

	var pool struct{ Pending, Queued hexutil.Uint64 }
	call(t, client, &pool, "txpool_status")
}

func TestOnlyTheStatedNamespaces(t *testing.T) {
	_, client := startNetwork(t, testConfig(1019))
	var modules map[string]string
	call(t, client, &modules, "rpc_modules")
	want := map[string]bool{"eth": true, "net": true, "web3": true, "debug": true, "txpool": true, "evm": true, "rpc": true}
	for name := range modules {
		if !want[name] {
			t.Errorf("namespace %s is served", name)
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("missing namespaces: %v", want)
	}
	for _, method := range []string{"debug_cpuProfile", "debug_writeMemProfile", "debug_setGCPercent"} {
		err := client.Client().CallContext(t.Context(), nil, method, "x", 0)
		if err == nil || !strings.Contains(err.Error(), "does not exist") {
			t.Errorf("%s: %v", method, err)
		}
	}
}

func TestListensOnLoopbackOnly(t *testing.T) {
	n, _ := startNetwork(t, testConfig(1020))
	host, port, err := net.SplitHostPort(n.server.addr)
	if err != nil || host != "127.0.0.1" {
		t.Fatalf("address %s, %v", n.server.addr, err)
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range addrs {
		ip := addr.(*net.IPNet).IP
		if ip.IsLoopback() || ip.IsLinkLocalUnicast() {
			continue
		}
		conn, err := net.DialTimeout("tcp", net.JoinHostPort(ip.String(), port), time.Second)
		if err == nil {
			_ = conn.Close()
			t.Errorf("answers on %s", ip)
		}
	}
}

func TestForeignHostNameIsRefused(t *testing.T) {
	n, _ := startNetwork(t, testConfig(1021))
	for host, want := range map[string]int{"localhost": http.StatusOK, "evil.example": http.StatusForbidden} {
		body := strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}`)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.URL(), body)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("host %s: status %d, want %d", host, resp.StatusCode, want)
		}
	}
}
