package index_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"golang.org/x/sync/errgroup"

	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/index"
	"github.com/seed-b6a97670/lockstep/internal/localnode"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

const logsPerBlock = 20

var (
	benchBlocks = flag.Int("blocks", 6000, "how many blocks the benchmark has, of 20 logs each")
	benchRounds = flag.Int("rounds", 5, "how often the benchmark compares")
)

// task is what a child process measures, so that its processor time and its memory are those of the indexer alone.
type task struct {
	URL        string
	ChainID    uint64
	Emitter    common.Address
	To         uint64 // the last block
	Journal    string // empty for raw reading
	Range      uint64 // of raw reading: blocks
	Concurrent int
}

// figure is what it has measured.
type figure struct {
	Seconds float64
	CPU     float64 // seconds
	MiB     float64 // at most resident
	Logs    int
}

const taskVariable = "LOCKSTEP_INDEX_TASK"

// child carries out a task if this process was started for one.
func child() (done bool) {
	raw := os.Getenv(taskVariable)
	if raw == "" {
		return false
	}
	var t task
	if err := json.Unmarshal([]byte(raw), &t); err != nil {
		panic(err)
	}
	f, err := t.run()
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(f)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

func (t task) run() (figure, error) {
	if t.Journal == "" {
		return t.raw()
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s, err := store.Open(ctx, t.Journal, "index")
	if err != nil {
		return figure{}, err
	}
	c, err := chain.New(chain.Config{Name: "bench", ChainID: t.ChainID, URLs: []string{t.URL}})
	if err != nil {
		return figure{}, err
	}
	h := newTold()
	h.until = t.To
	x := index.New(index.Config{
		Chain: c, Store: s, Contracts: []event.Contract{{Kind: dispatcher.Kind, Address: t.Emitter, From: 1}}, Confirmations: 3,
		Poll: 50 * time.Millisecond, Handler: h, Log: logger(),
	})
	f, stop := measure()
	done := make(chan error, 1)
	go func() { done <- x.Run(ctx) }()
	<-h.full
	stop()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		return figure{}, err
	}
	rows, err := s.Events(context.Background(), event.Filter{ChainID: t.ChainID, To: t.To})
	f.Logs = len(rows)
	return *f, err
}

// measure begins to measure, until stop.
func measure() (*figure, func()) {
	var f figure
	cpu := func() float64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			panic(err)
		}
		return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
	}
	before, start := cpu(), time.Now()
	return &f, func() {
		f.Seconds, f.CPU = time.Since(start).Seconds(), cpu()-before
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			panic(err)
		}
		_, peak, _ := strings.Cut(string(status), "VmHWM:")
		var kib float64
		if _, err := fmt.Sscan(peak, &kib); err != nil {
			panic(err)
		}
		f.MiB = kib / 1024
	}
}

// raw reads bodies whole and does nothing with them.
func (t task) raw() (figure, error) {
	client := &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: t.Concurrent, ReadBufferSize: 64 << 10}}
	f, stop := measure()
	var g errgroup.Group
	g.SetLimit(t.Concurrent)
	for from := uint64(1); from <= t.To; from += t.Range {
		g.Go(func() error {
			body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"eth_getLogs","params":[{"fromBlock":"%#x","toBlock":"%#x","address":"%s"}]}`,
				from, min(from+t.Range-1, t.To), t.Emitter)
			resp, err := client.Post(t.URL, "application/json", bytes.NewReader([]byte(body)))
			if err != nil {
				return err
			}
			n, err := io.Copy(io.Discard, resp.Body)
			if n < 1000 {
				err = errors.Join(err, fmt.Errorf("an answer of %d bytes", n))
			}
			return errors.Join(err, resp.Body.Close())
		})
	}
	err := g.Wait()
	stop()
	return *f, err
}

// inChild runs a task in a process of its own.
func (t task) inChild(b *testing.B) figure {
	b.Helper()
	raw, err := json.Marshal(t)
	if err != nil {
		b.Fatal(err)
	}
	binary, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(binary)
	cmd.Env, cmd.Stderr = append(os.Environ(), taskVariable+"="+string(raw)), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		b.Fatal(err)
	}
	var f figure
	if err := json.Unmarshal(out, &f); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	return f
}

// newGeth starts a geth process that makes a block of each transaction.
func newGeth(t testing.TB) *node {
	t.Helper()
	g, err := localnode.Geth(gethBinary, "--dev.period", "0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Stop)
	n := &node{t: t, url: g.URL, ws: g.WS, rpc: g.RPC, chainID: 1337, rand: rand.New(rand.NewPCG(5, 6)), eth: ethclient.NewClient(g.RPC)}
	var accounts []common.Address
	n.call(&accounts, "eth_accounts")
	n.from = accounts[0]
	n.emitter = crypto.CreateAddress(n.from, 0)
	n.call(nil, "eth_sendTransaction", map[string]any{"from": n.from, "data": hexutil.Bytes(emitterInit()), "gas": hexutil.Uint64(5_000_000)})
	for {
		code, err := n.eth.CodeAt(context.Background(), n.emitter, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(code) > 0 {
			return n
		}
		time.Sleep(time.Millisecond)
	}
}

// send sends a transaction of an account of the node.
func (n *node) send(data []byte) {
	n.t.Helper()
	n.call(nil, "eth_sendTransaction", map[string]any{"from": n.from, "to": n.emitter, "data": hexutil.Bytes(data), "gas": hexutil.Uint64(2_000_000)})
}

// fill makes blocks of a transaction each that logs.
func (n *node) fill(blocks int) {
	n.t.Helper()
	for i := range blocks {
		before := n.head()
		n.send(calldata(pageLogs(n.rand, logsPerBlock)))
		if n.chainID == 31337 {
			n.mine()
		}
		for n.head() == before {
			time.Sleep(200 * time.Microsecond)
		}
		if i%1000 == 999 {
			n.t.Logf("%d blocks", i+1)
		}
	}
}

// BenchmarkHeadToRow measures how long it takes from when a node announces a block to when its rows are committed.
func BenchmarkHeadToRow(b *testing.B) {
	const blocks = 200
	for _, poll := range []time.Duration{0, 200 * time.Millisecond} {
		for engine, place := range map[string]func(testing.TB) string{"sqlite": sqlitePlace, "postgres": postgresPlace} {
			b.Run(fmt.Sprintf("%s/poll=%s", engine, poll), func(b *testing.B) {
				n := newGeth(b)
				url, interval := n.ws, time.Second
				if poll > 0 {
					url, interval = n.url, poll
				}
				h := newTold()
				h.head = make(chan rollout.Block, blocks)
				startPolling(b, n, openStore(b, place(b)), n.client(url), h, interval)
				<-h.full
				for len(h.head) > 0 {
					<-h.head
				}
				announced := make(chan *types.Header, blocks)
				sub, err := n.eth.SubscribeNewHead(b.Context(), announced)
				if err != nil {
					b.Fatal(err)
				}
				defer sub.Unsubscribe()
				b.ResetTimer()
				for range b.N {
					latencies(b, n, h, announced, blocks)
				}
			})
		}
	}
}

func latencies(b *testing.B, n *node, h *told, announced <-chan *types.Header, blocks int) {
	b.Helper()
	var all []time.Duration
	for range blocks {
		n.send(calldata(pageLogs(n.rand, logsPerBlock)))
		head := <-announced
		start := time.Now()
		for (<-h.head).Hash != head.Hash() {
		}
		all = append(all, time.Since(start))
		time.Sleep(time.Duration(n.rand.IntN(30)) * time.Millisecond)
	}
	slices.Sort(all)
	ms := func(d time.Duration) float64 { return float64(d) / 1e6 }
	b.ReportMetric(ms(all[len(all)/2]), "median-ms")
	b.ReportMetric(ms(all[len(all)*9/10]), "90%-ms")
	b.ReportMetric(ms(all[len(all)-1]), "max-ms")
}

// count is how many logs there are.
func (n *node) count() (logs int) {
	n.t.Helper()
	const blocks = 500
	head := n.head()
	for from := uint64(0); from <= head; from += blocks {
		part, err := n.eth.FilterLogs(context.Background(), ethereum.FilterQuery{
			FromBlock: bigInt(from), ToBlock: bigInt(min(from+blocks-1, head)), Addresses: []common.Address{n.emitter},
		})
		if err != nil {
			n.t.Fatal(err)
		}
		logs += len(part)
	}
	return logs
}

// BenchmarkBackfill indexes 120,000 logs in 6,000 blocks, beside the fastest way to read them and do nothing with them.
func BenchmarkBackfill(b *testing.B) {
	for name, start := range map[string]func(testing.TB) *node{"geth": newGeth, "anvil": func(t testing.TB) *node { return newAnvil(t) }} {
		b.Run(name, func(b *testing.B) {
			n := start(b)
			n.fill(*benchBlocks)
			for n.count() < *benchBlocks*logsPerBlock { // the last one may be in no block yet
				time.Sleep(10 * time.Millisecond)
			}
			t := task{URL: n.url, ChainID: n.chainID, Emitter: n.emitter, To: n.head()}
			best := t.bestRaw(b)
			b.ResetTimer()
			for range b.N {
				t.compare(b, best)
			}
		})
	}
}

// bestRaw finds the range and the number of requests at once with which raw reading is fastest.
func (t task) bestRaw(b *testing.B) task {
	b.Helper()
	best, fastest := t, 0.0
	for _, blocks := range []uint64{50, 125, 250, 500, 1000, 2000} {
		for _, concurrent := range []int{1, 2, 3, 4, 8} {
			try := t
			try.Range, try.Concurrent = blocks, concurrent
			if f := try.inChild(b); fastest == 0 || f.Seconds < fastest {
				best, fastest = try, f.Seconds
			}
		}
	}
	b.Logf("raw reading is fastest with %d blocks at once, %d requests at once: %.2f s", best.Range, best.Concurrent, fastest)
	return best
}

// compare measures raw reading and both engines by turns.
func (t task) compare(b *testing.B, best task) {
	b.Helper()
	figures := map[string][]figure{}
	for range *benchRounds {
		figures["raw"] = append(figures["raw"], best.inChild(b))
		for engine, place := range map[string]func(testing.TB) string{"sqlite": sqlitePlace, "postgres": postgresPlace} {
			try := t
			try.Journal = place(b)
			if err := openStore(b, try.Journal).Close(); err != nil { // so that the schema is there
				b.Fatal(err)
			}
			f := try.inChild(b)
			if f.Logs != *benchBlocks*logsPerBlock {
				b.Fatalf("%d rows", f.Logs)
			}
			figures[engine] = append(figures[engine], f)
		}
	}
	median := func(name string, of func(figure) float64) float64 {
		var all []float64
		for _, f := range figures[name] {
			all = append(all, of(f))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	seconds := func(f figure) float64 { return f.Seconds }
	raw := median("raw", seconds)
	b.ReportMetric(float64(*benchBlocks*logsPerBlock)/raw, "raw-logs/s")
	for _, engine := range []string{"postgres", "sqlite"} {
		b.ReportMetric(raw/median(engine, seconds), engine+"/raw")
		b.ReportMetric(median(engine, func(f figure) float64 { return f.CPU / float64(f.Logs) * 1e6 }), engine+"-µs-cpu/log")
		b.ReportMetric(median(engine, func(f figure) float64 { return f.MiB }), engine+"-MiB")
		b.Logf("%s: %.2v s", engine, figures[engine])
	}
	b.Logf("raw: %.2v s", figures["raw"])
}
