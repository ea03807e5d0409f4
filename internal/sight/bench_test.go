package sight_test

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/ethclient"

	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/create2"
	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/localnode"
	"github.com/seed-b6a97670/lockstep/internal/sight"
)

// BenchmarkAtRest is what a look costs at a head in which nothing happened, of CPU in this process and in requests, beside a plain poll for the newest block, in
// turns. A dispatcher is watched with ten accounts; blocks are empty, or full of the transfers of others.
func BenchmarkAtRest(b *testing.B) {
	for _, full := range []int{0, 300} {
		b.Run(fmt.Sprintf("%d transactions", full), func(b *testing.B) { benchmarkAtRest(b, full) })
	}
}

func benchmarkAtRest(b *testing.B, full int) {
	n, err := localnode.Anvil(filepath.Join("..", "..", "contracts", "node_modules", "@foundry-rs", "anvil-linux-amd64", "bin", "anvil"),
		"--chain-id", fmt.Sprint(chainID), "--no-mining", "--order", "fifo")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(n.Stop)
	rpc := func(result any, method string, args ...any) {
		b.Helper()
		if err := n.RPC.CallContext(b.Context(), result, method, args...); err != nil {
			b.Fatal(err)
		}
	}
	eth := ethclient.NewClient(n.RPC)
	made, err := dispatcher.NewDeployment(arachnid, common.Hash{}, 3600, addressOf(deployer))
	if err != nil {
		b.Fatal(err)
	}
	var accounts []common.Address
	rpc(&accounts, "eth_accounts")
	for _, code := range [][]byte{made.ExtensionInitCode, made.InitCode} {
		rpc(nil, "eth_sendTransaction", map[string]any{
			"from": accounts[0], "to": arachnid.Address, "gas": "0x7a1200", "data": hexutil.Bytes(create2.CallData(arachnid.Name, made.Salt, code)),
		})
	}
	rpc(nil, "evm_mine")
	if code, err := eth.CodeAt(b.Context(), made.Address, nil); err != nil || len(code) == 0 {
		b.Fatal("there is no dispatcher", err)
	}

	node := before(b, n.URL)
	c := connect(b, n.URL)
	counted := connect(b, node.url)
	newSight := func(c *chain.Client) *sight.Sight {
		var watched []sight.Account
		for _, a := range accounts {
			watched = append(watched, sight.Account{Address: a, Part: sight.Signer})
		}
		s := sight.New(sight.Config{
			Network: "test", ChainID: chainID, Chain: c, Accounts: watched, Now: time.Now,
			Contracts: []sight.Contract{{Kind: dispatcher.Kind, Watch: dispatcher.NewWatch(made.Address, accounts...)}},
		})
		b.Cleanup(s.Close)
		return s
	}
	mine := func() {
		for i := range full {
			rpc(nil, "eth_sendTransaction", map[string]any{
				"from": accounts[i%len(accounts)], "to": accounts[0], "gas": "0x186a0", "data": hexutil.Bytes(make([]byte, 300)),
			})
		}
		rpc(nil, "evm_mine")
	}
	var looking, polling time.Duration
	look := func(s *sight.Sight, from *uint64) {
		head, err := c.BlockByNumber(b.Context(), nil)
		if err != nil {
			b.Fatal(err)
		}
		begun := cpu()
		if _, err := s.Look(b.Context(), *from, head, nil); err != nil {
			b.Fatal(err)
		}
		looking += cpu() - begun
		*from = head.Number + 1
	}
	s, from := newSight(c), uint64(0)
	look(s, &from)
	looking = 0
	for b.Loop() {
		mine()
		begun := cpu()
		if _, err := c.BlockByNumber(b.Context(), nil); err != nil {
			b.Fatal(err)
		}
		polling += cpu() - begun
		look(s, &from)
	}
	used := looking

	s, from = newSight(counted), 0
	look(s, &from)
	time.Sleep(100 * time.Millisecond) // the endpoints are asked beside it
	node.requests()
	const heads = 10
	for range heads {
		mine()
		look(s, &from)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(node.requests())/heads, "requests/head")
	b.ReportMetric(float64(used.Microseconds())/float64(b.N), "µs-CPU/look")
	b.ReportMetric(float64(polling.Microseconds())/float64(b.N), "µs-CPU/poll")
	b.ReportMetric(float64(used)/float64(polling), "look/poll")
}

// cpu is what this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
