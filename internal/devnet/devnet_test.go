package devnet

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"
)

var (
	ether       = big.NewInt(params.Ether)
	key, _      = crypto.HexToECDSA("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
	sender      = crypto.PubkeyToAddress(key.PublicKey)
	recipient   = common.HexToAddress("0x1000000000000000000000000000000000000001")
	arachnid    = common.HexToAddress("0x4e59b44847b379578588920cA78FbF26c0B4956C")
	factoryCode = hexutil.MustDecode("0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3")

	// When called it returns the time of the block: TIMESTAMP PUSH0 MSTORE PUSH1 32 PUSH0 RETURN.
	clock     = common.HexToAddress("0x2000000000000000000000000000000000000002")
	clockCode = hexutil.MustDecode("0x425f5260205ff3")

	// When called it adds one to slot 0 and emits an empty event: PUSH1 1 PUSH0 SLOAD ADD PUSH0 SSTORE PUSH0 PUSH0 LOG0.
	counter     = common.HexToAddress("0x3000000000000000000000000000000000000003")
	counterCode = hexutil.MustDecode("0x60015f54015f555f5fa0")
)

func testConfig(chainID uint64) Config {
	return Config{
		ChainID: chainID,
		Alloc:   map[common.Address]*big.Int{sender: new(big.Int).Mul(ether, big.NewInt(1000))},
		Code:    map[common.Address][]byte{arachnid: factoryCode, clock: clockCode, counter: counterCode},
	}
}

func startNetwork(t testing.TB, cfg Config) (*Network, *ethclient.Client) {
	t.Helper()
	n, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return n, dial(t, n.URL())
}

func dial(t testing.TB, url string) *ethclient.Client {
	t.Helper()
	client, err := ethclient.Dial(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func signTransfer(t testing.TB, chainID, nonce uint64, feeCap, tip int64, key *ecdsa.PrivateKey) *types.Transaction {
	t.Helper()
	tx, err := types.SignNewTx(key, types.LatestSignerForChainID(new(big.Int).SetUint64(chainID)), &types.DynamicFeeTx{
		ChainID:   new(big.Int).SetUint64(chainID),
		Nonce:     nonce,
		GasFeeCap: big.NewInt(feeCap),
		GasTipCap: big.NewInt(tip),
		Gas:       params.TxGas,
		To:        &recipient,
		Value:     big.NewInt(1),
	})
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

func transfer(t testing.TB, chainID, nonce uint64) *types.Transaction {
	return signTransfer(t, chainID, nonce, 10*params.GWei, 1, key)
}

func signCall(t testing.TB, chainID, nonce, gas uint64, to common.Address, data []byte) *types.Transaction {
	t.Helper()
	tx, err := types.SignNewTx(key, types.LatestSignerForChainID(new(big.Int).SetUint64(chainID)), &types.DynamicFeeTx{
		ChainID:   new(big.Int).SetUint64(chainID),
		Nonce:     nonce,
		GasFeeCap: big.NewInt(10 * params.GWei),
		GasTipCap: big.NewInt(1),
		Gas:       gas,
		To:        &to,
		Data:      data,
	})
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

func send(t testing.TB, client *ethclient.Client, tx *types.Transaction) {
	t.Helper()
	if err := client.SendTransaction(t.Context(), tx); err != nil {
		t.Fatalf("send nonce %d: %v", tx.Nonce(), err)
	}
}

// receipt asks every millisecond: the endpoint must say "not found" until it has the receipt, and nothing else.
func receipt(t testing.TB, client *ethclient.Client, hash common.Hash) *types.Receipt {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for time.Now().Before(deadline) {
		r, err := client.TransactionReceipt(t.Context(), hash)
		if err == nil {
			return r
		}
		if !errors.Is(err, ethereum.NotFound) {
			t.Fatalf("receipt of %s: %v", hash, err)
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("no receipt of %s", hash)
	return nil
}

func head(t testing.TB, client *ethclient.Client) *types.Header {
	t.Helper()
	h, err := client.HeaderByNumber(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func call(t testing.TB, client *ethclient.Client, result any, method string, args ...any) {
	t.Helper()
	if err := client.Client().CallContext(t.Context(), result, method, args...); err != nil {
		t.Fatalf("%s: %v", method, err)
	}
}

func TestChainIDIsTheConfiguredOne(t *testing.T) {
	n, client := startNetwork(t, testConfig(1<<40))
	id, err := client.ChainID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if id.Uint64() != 1<<40 || n.ChainID() != 1<<40 {
		t.Errorf("chain id is %s over RPC and %d in Go, want %d", id, n.ChainID(), uint64(1<<40))
	}
	var version string
	call(t, client, &version, "net_version")
	if version != fmt.Sprint(uint64(1<<40)) {
		t.Errorf("net_version is %s", version)
	}
	call(t, client, &version, "web3_clientVersion")
	if !strings.HasPrefix(version, "Geth/devnet/v1.17.0") {
		t.Errorf("web3_clientVersion is %s", version)
	}
	var syncing any
	call(t, client, &syncing, "eth_syncing")
	if syncing != false {
		t.Errorf("eth_syncing is %v", syncing)
	}
}

func TestStartRefusesBadConfig(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no chain id":      {},
		"nil balance":      {ChainID: 1, Alloc: map[common.Address]*big.Int{sender: nil}},
		"negative balance": {ChainID: 1, Alloc: map[common.Address]*big.Int{sender: big.NewInt(-1)}},
		"huge balance":     {ChainID: 1, Alloc: map[common.Address]*big.Int{sender: new(big.Int).Lsh(big.NewInt(1), 256)}},
		"huge time":        {ChainID: 1, Time: 1 << 62},
		"tiny gas limit":   {ChainID: 1, GasLimit: 1},
	} {
		t.Run(name, func(t *testing.T) {
			if n, err := Start(cfg); err == nil {
				_ = n.Close()
				t.Error("started")
			}
		})
	}
}

func TestGenesisCode(t *testing.T) {
	n, client := startNetwork(t, testConfig(1009))
	for addr, want := range n.cfg.Code {
		code, err := client.CodeAt(t.Context(), addr, new(big.Int))
		if err != nil || !strings.EqualFold(hexutil.Encode(code), hexutil.Encode(want)) {
			t.Errorf("code of %s at genesis: %x, %v", addr, code, err)
		}
	}
	// The factory works: deploy the clock through it.
	initCode := append(hexutil.MustDecode("0x66"), clockCode...)           // PUSH7 clock
	initCode = append(initCode, hexutil.MustDecode("0x5f5260076019f3")...) // MSTORE at 0, return the last 7 bytes
	salt := common.HexToHash("0x2a")
	tx := signCall(t, n.ChainID(), 0, 200_000, arachnid, append(salt.Bytes(), initCode...))
	send(t, client, tx)
	if r := receipt(t, client, tx.Hash()); r.Status != types.ReceiptStatusSuccessful {
		t.Fatalf("deployment failed: %+v", r)
	}
	deployed := crypto.CreateAddress2(arachnid, salt, crypto.Keccak256(initCode))
	if code, err := client.CodeAt(t.Context(), deployed, nil); err != nil || hexutil.Encode(code) != hexutil.Encode(clockCode) {
		t.Errorf("code at %s: %x, %v", deployed, code, err)
	}
}

func TestNetworksSideBySide(t *testing.T) {
	begin := time.Now()
	networks := map[uint64]*ethclient.Client{}
	urls := map[string]bool{}
	for _, id := range []uint64{1, 10, 8453} {
		n, client := startNetwork(t, testConfig(id))
		networks[id] = client
		urls[n.URL()] = true
	}
	elapsed := time.Since(begin)
	t.Logf("three networks after %s", elapsed)
	if elapsed > 5*time.Second { // generous: the machine may be busy, and the race detector is slow
		t.Errorf("three networks took %s", elapsed)
	}
	if len(urls) != len(networks) {
		t.Errorf("networks share a port: %v", urls)
	}
	for id, client := range networks {
		got, err := client.ChainID(t.Context())
		if err != nil || got.Uint64() != id {
			t.Errorf("chain id %v, %v, want %d", got, err, id)
		}
		tx := transfer(t, id, 0)
		for other, wrong := range networks {
			if other == id {
				continue
			}
			if err := wrong.SendTransaction(t.Context(), tx); err == nil {
				t.Errorf("network %d accepted a transaction for %d", other, id)
			}
		}
		send(t, client, tx)
		receipt(t, client, tx.Hash())
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("TMPDIR", t.TempDir())
	run := func() *Network {
		n, err := Start(testConfig(1022))
		if err != nil {
			t.Fatal(err)
		}
		client, ws := dial(t, n.URL()), dial(t, n.WSURL())
		tx := transfer(t, n.ChainID(), 0)
		send(t, client, tx)
		receipt(t, client, tx.Hash())
		sub, err := ws.SubscribeNewHead(t.Context(), make(chan *types.Header, 16))
		if err != nil {
			t.Fatal(err)
		}
		idle, err := net.Dial("tcp", n.server.addr) // a connection that never sends anything
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = idle.Close() }()
		begin := time.Now()
		if err := n.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if elapsed := time.Since(begin); elapsed > 2*time.Second {
			t.Errorf("close took %s", elapsed)
		}
		_ = idle.SetReadDeadline(time.Now().Add(time.Second))
		if _, err := idle.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("an idle connection outlives the network: %v", err)
		}
		select {
		case err := <-sub.Err():
			t.Logf("subscription ended: %v", err)
		case <-time.After(time.Second):
			t.Error("the subscription outlives the network")
		}
		client.Close()
		ws.Close()
		if err := n.Close(); err != nil {
			t.Errorf("second close: %v", err)
		}
		return n
	}
	run() // whatever go-ethereum starts once in a process
	before := goroutines()
	n := run()

	if err := n.Mine(1); !errors.Is(err, ErrClosed) {
		t.Errorf("mine after close: %v", err)
	}
	if err := n.AdvanceTime(time.Second); !errors.Is(err, ErrClosed) {
		t.Errorf("advance time after close: %v", err)
	}
	listener, err := net.Listen("tcp", n.server.addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("the port is still taken: %v", err)
	} else if err == nil {
		_ = listener.Close()
	}
	for _, dir := range []string{os.Getenv("HOME"), os.TempDir()} {
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) > 0 {
			t.Errorf("files in %s: %v, %v", dir, entries, err)
		}
	}
	deadline := time.Now().Add(5 * time.Second)
	for {
		left := goroutines()
		for stack, count := range before {
			if left[stack] -= count; left[stack] <= 0 {
				delete(left, stack)
			}
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			for stack := range left {
				t.Errorf("left behind:\n%s", stack)
			}
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// goroutines counts the running goroutines by the function that started them, those of the test runner excepted.
func goroutines() map[string]int {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	counts := map[string]int{}
	for stack := range strings.SplitSeq(string(buf), "\n\n") {
		_, origin, ok := strings.Cut(stack, "created by ")
		if !ok {
			continue
		}
		origin, _, _ = strings.Cut(origin, "\n")
		origin, _, _ = strings.Cut(origin, " in goroutine")
		if !strings.HasPrefix(origin, "testing.") {
			counts[origin]++
		}
	}
	return counts
}

func TestCloseWhileBusy(t *testing.T) {
	n, err := Start(testConfig(1023))
	if err != nil {
		t.Fatal(err)
	}
	client := dial(t, n.URL())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		for nonce := uint64(0); client.SendTransaction(ctx, transfer(t, n.ChainID(), nonce)) == nil; nonce++ {
		}
	})
	wg.Go(func() {
		for n.Mine(1) == nil && ctx.Err() == nil {
		}
	})
	time.Sleep(200 * time.Millisecond)
	if err := n.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	wg.Wait()
	if ctx.Err() != nil {
		t.Error("somebody went on after the close")
	}
}

func TestIdleNetworkUsesNoCPU(t *testing.T) {
	startNetwork(t, testConfig(1024))
	time.Sleep(200 * time.Millisecond)
	before := cpuTime(t)
	time.Sleep(time.Second)
	if used := cpuTime(t) - before; used > 100*time.Millisecond {
		t.Errorf("an idle network used %s of CPU in a second", used)
	}
}

func cpuTime(t *testing.T) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		n, err := Start(testConfig(1))
		if err != nil {
			b.Fatal(err)
		}
		if err := n.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
