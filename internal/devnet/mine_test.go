package devnet

import (
	"crypto/ecdsa"
	"errors"
	"math/big"
	"sync"
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

func TestTransactionIsMinedAtOnce(t *testing.T) {
	n, client := startNetwork(t, testConfig(1001))
	unknown := common.HexToHash("0x01")
	if _, err := client.TransactionReceipt(t.Context(), unknown); !errors.Is(err, ethereum.NotFound) {
		t.Errorf("receipt of an unknown transaction on a fresh network: %v, want not found", err)
	}
	begin := time.Now()
	tx := transfer(t, n.ChainID(), 0)
	send(t, client, tx)
	r := receipt(t, client, tx.Hash())
	elapsed := time.Since(begin)
	if r.Status != types.ReceiptStatusSuccessful {
		t.Errorf("status %d", r.Status)
	}
	if elapsed > time.Second {
		t.Errorf("mined after %s", elapsed)
	}
	t.Logf("receipt after %s", elapsed)
	balance, err := client.BalanceAt(t.Context(), recipient, nil)
	if err != nil || balance.Int64() != 1 {
		t.Errorf("recipient has %v wei, %v", balance, err)
	}
}

func TestQueuedNoncesAreAllMined(t *testing.T) {
	n, client := startNetwork(t, testConfig(1002))
	const count = 10
	var txs []*types.Transaction
	for nonce := range uint64(count) {
		txs = append(txs, transfer(t, n.ChainID(), nonce))
	}
	before := head(t, client).Number.Uint64()
	for _, tx := range txs[1:] { // the gap holds them back
		send(t, client, tx)
	}
	if number := head(t, client).Number.Uint64(); number != before {
		t.Errorf("block %d mined although the first nonce is missing", number)
	}
	send(t, client, txs[0])
	blocks := map[uint64]bool{}
	for _, tx := range txs {
		blocks[receipt(t, client, tx.Hash()).BlockNumber.Uint64()] = true
	}
	if len(blocks) > 2 {
		t.Errorf("%d transactions that waited for one nonce are in %d blocks", count, len(blocks))
	}
}

func TestBurstFromManySenders(t *testing.T) {
	const senders, each = 8, 12
	cfg := testConfig(1003)
	var keys []*ecdsa.PrivateKey
	for range senders {
		k, err := crypto.GenerateKey()
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
		cfg.Alloc[crypto.PubkeyToAddress(k.PublicKey)] = ether
	}
	n, client := startNetwork(t, cfg)
	var wg sync.WaitGroup
	for _, k := range keys {
		wg.Go(func() {
			for nonce := range uint64(each) {
				if err := client.SendTransaction(t.Context(), signTransfer(t, n.ChainID(), nonce, 10*params.GWei, 1, k)); err != nil {
					t.Errorf("nonce %d: %v", nonce, err)
				}
			}
		})
	}
	wg.Wait()
	deadline := time.Now().Add(10 * time.Second)
	for {
		balance, err := client.BalanceAt(t.Context(), recipient, nil)
		if err != nil {
			t.Fatal(err)
		}
		if balance.Int64() == senders*each {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s of %d transfers mined", balance, senders*each)
		}
		time.Sleep(5 * time.Millisecond)
	}
	requireIncreasingTimes(t, client)
}

func requireIncreasingTimes(t testing.TB, client *ethclient.Client) {
	t.Helper()
	var last uint64
	for number := range head(t, client).Number.Uint64() + 1 {
		h, err := client.HeaderByNumber(t.Context(), new(big.Int).SetUint64(number))
		if err != nil {
			t.Fatal(err)
		}
		if number > 0 && h.Time <= last {
			t.Errorf("block %d has time %d, its parent %d", number, h.Time, last)
		}
		last = h.Time
	}
}

func TestAdvanceTime(t *testing.T) {
	n, client := startNetwork(t, testConfig(1004))
	if err := n.Mine(5); err != nil { // faster than the wall clock: the head is ahead of it
		t.Fatal(err)
	}
	for _, d := range []time.Duration{0, time.Second, 1500 * time.Millisecond, 48 * time.Hour, 3650 * 24 * time.Hour} {
		before := head(t, client)
		if err := n.AdvanceTime(d); err != nil {
			t.Fatal(err)
		}
		after := head(t, client)
		if after.Number.Uint64() != before.Number.Uint64()+1 {
			t.Errorf("%s: block %d after %d", d, after.Number, before.Number)
		}
		// The test itself may take a second or two.
		if got := time.Duration(after.Time-before.Time) * time.Second; got < d || got > d+10*time.Second {
			t.Errorf("advancing by %s moved the block time by %s", d, got)
		}
	}
	// Time goes on from there.
	before := head(t, client)
	tx := transfer(t, n.ChainID(), 0)
	send(t, client, tx)
	receipt(t, client, tx.Hash())
	if after := head(t, client); after.Time <= before.Time || after.Time > before.Time+10 {
		t.Errorf("block time %d follows %d", after.Time, before.Time)
	}
	if err := n.AdvanceTime(-time.Second); err == nil {
		t.Error("time went back")
	}
	requireIncreasingTimes(t, client)
}

func TestAdvanceTimeWithWaitingTransaction(t *testing.T) {
	n, client := startNetwork(t, testConfig(1005))
	tx := signTransfer(t, n.ChainID(), 0, 1000, 0, key) // far below the base fee of a young chain
	send(t, client, tx)
	before := head(t, client)
	if err := n.AdvanceTime(time.Hour); err != nil {
		t.Fatal(err)
	}
	if after := head(t, client); after.Time < before.Time+3600 {
		t.Errorf("block time %d follows %d", after.Time, before.Time)
	}
}

func TestGenesisTime(t *testing.T) {
	for name, start := range map[string]int64{"past": 1_600_000_000, "future": time.Now().Unix() + 1_000_000} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(1007)
			cfg.Time = uint64(start)
			n, client := startNetwork(t, cfg)
			if err := n.Mine(3); err != nil {
				t.Fatal(err)
			}
			genesis, err := client.HeaderByNumber(t.Context(), new(big.Int))
			if err != nil {
				t.Fatal(err)
			}
			if genesis.Time != cfg.Time {
				t.Errorf("genesis time %d, want %d", genesis.Time, cfg.Time)
			}
			if now := head(t, client).Time; now > cfg.Time+10 {
				t.Errorf("head time %d, %d s after genesis", now, now-cfg.Time)
			}
			requireIncreasingTimes(t, client)
		})
	}
}

func TestBlockTimeFollowsTheWallClock(t *testing.T) {
	_, client := startNetwork(t, testConfig(1008))
	if diff := time.Now().Unix() - int64(head(t, client).Time); diff < -10 || diff > 10 {
		t.Errorf("head is %d s behind the wall clock", diff)
	}
}

func TestFinality(t *testing.T) {
	for _, lag := range []uint64{0, 3} {
		cfg := testConfig(1011)
		cfg.FinalityLag = lag
		n, client := startNetwork(t, cfg)
		if err := n.Mine(5); err != nil { // after block 1
			t.Fatal(err)
		}
		for _, tag := range []string{"safe", "finalized"} {
			var h *types.Header
			call(t, client, &h, "eth_getBlockByNumber", tag, false)
			if h.Number.Uint64() != 6-lag {
				t.Errorf("lag %d: %s block is %d, want %d", lag, tag, h.Number, 6-lag)
			}
		}
	}
}

func TestReorg(t *testing.T) {
	cfg := testConfig(1012)
	cfg.FinalityLag = 64
	n, client := startNetwork(t, cfg)
	tx := transfer(t, n.ChainID(), 0)
	send(t, client, tx)
	mined := receipt(t, client, tx.Hash())
	if err := n.Mine(3); err != nil {
		t.Fatal(err)
	}
	before := head(t, client)
	call(t, client, nil, "debug_setHead", hexutil.Uint64(mined.BlockNumber.Uint64()-1))
	if _, err := client.TransactionReceipt(t.Context(), tx.Hash()); !errors.Is(err, ethereum.NotFound) {
		t.Errorf("receipt after the reorg: %v, want not found", err)
	}
	if nonce, err := client.NonceAt(t.Context(), sender, nil); err != nil || nonce != 0 {
		t.Errorf("nonce after the reorg: %d, %v", nonce, err)
	}
	if err := n.Mine(int(before.Number.Uint64() - mined.BlockNumber.Uint64() + 1)); err != nil {
		t.Fatal(err)
	}
	if after := head(t, client); after.Number.Cmp(before.Number) != 0 || after.Hash() == before.Hash() {
		t.Errorf("head %d %s, want another block %d than %s", after.Number, after.Hash(), before.Number, before.Hash())
	}
	send(t, client, tx)
	receipt(t, client, tx.Hash())
	requireIncreasingTimes(t, client)
	if err := client.Client().CallContext(t.Context(), nil, "debug_setHead", hexutil.Uint64(1<<40)); err == nil {
		t.Error("rewound into the future")
	}
}

// A transaction that cannot pay the base fee waits without a block being mined for it, and is included once the fee has fallen.
func TestUnderpricedTransactionWaits(t *testing.T) {
	n, client := startNetwork(t, testConfig(1014))
	tx := signTransfer(t, n.ChainID(), 0, params.GWei/2, 0, key)
	send(t, client, tx)
	time.Sleep(100 * time.Millisecond)
	if number := head(t, client).Number.Uint64(); number != 1 {
		t.Fatalf("head is %d: blocks are mined for a transaction that cannot pay", number)
	}
	if err := n.Mine(10); err != nil { // each empty block takes an eighth off the base fee
		t.Fatal(err)
	}
	receipt(t, client, tx.Hash())
}

func TestZeroTipAndUnprotectedTransactions(t *testing.T) {
	_, client := startNetwork(t, testConfig(1015))
	tx, err := types.SignNewTx(key, types.HomesteadSigner{}, &types.LegacyTx{
		GasPrice: head(t, client).BaseFee, Gas: params.TxGas, To: &recipient, // the next base fee is lower: the tip is tiny
	})
	if err != nil {
		t.Fatal(err)
	}
	send(t, client, tx)
	receipt(t, client, tx.Hash())
	tx = signTransfer(t, 1015, 1, 10*params.GWei, 0, key)
	send(t, client, tx)
	receipt(t, client, tx.Hash())
	// It may cost 105 ether: no cap on what a transaction may cost.
	tx = signTransfer(t, 1015, 2, 5_000_000*params.GWei, 0, key)
	send(t, client, tx)
	receipt(t, client, tx.Hash())
}

func TestOsakaGasCap(t *testing.T) {
	_, client := startNetwork(t, testConfig(1016))
	for gas, ok := range map[uint64]bool{params.MaxTxGas + 1: false, params.MaxTxGas: true} {
		tx := signCall(t, 1016, 0, gas, recipient, nil)
		if err := client.SendTransaction(t.Context(), tx); (err == nil) != ok {
			t.Errorf("transaction with %d gas: %v", gas, err)
		}
	}
}

func TestBlockGasLimit(t *testing.T) {
	for configured, want := range map[uint64]uint64{0: defaultGasLimit, 12_345_678: 12_345_678} {
		cfg := testConfig(1017)
		cfg.GasLimit = configured
		n, client := startNetwork(t, cfg)
		if err := n.Mine(3); err != nil {
			t.Fatal(err)
		}
		if got := head(t, client).GasLimit; got != want {
			t.Errorf("gas limit %d, want %d", got, want)
		}
	}
}

// BenchmarkTransaction measures from sending a transaction over HTTP to seeing its receipt.
func BenchmarkTransaction(b *testing.B) {
	n, client := startNetwork(b, testConfig(1))
	var nonce uint64
	for b.Loop() {
		tx := transfer(b, n.ChainID(), nonce)
		send(b, client, tx)
		receipt(b, client, tx.Hash())
		nonce++
	}
}
