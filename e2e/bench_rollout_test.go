package e2e

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
)

var networksFlag = flag.Int("networks", 7, "on how many networks BenchmarkRollout works")

// stagedIn is what it took until everything that comes before the timelock was in a block on all networks.
type stagedIn struct {
	seconds float64
	blocks  uint64 // from the first transaction to the last, on the network that needed most
}

// BenchmarkRollout brings the routes of one manifest to fresh networks with a block a second: commit and six pages, seven
// transactions on each, up to the timelock. Baselines: a script that does the same with ethers and awaits each receipt, network
// by network, and the same on all networks side by side.
func BenchmarkRollout(b *testing.B) {
	if _, err := os.Stat(filepath.Join(places.root, "e2e", "ethers", "node_modules", "ethers")); err != nil {
		b.Fatal("ethers is missing: run make setup")
	}
	for b.Loop() {
		ours := stageOnFreshNetworks(b, (*stage).rollOut)
		inTurn := stageOnFreshNetworks(b, func(s *stage) { s.script() })
		together := stageOnFreshNetworks(b, func(s *stage) { s.script("together") })
		b.ReportMetric(float64(*networksFlag), "networks")
		b.ReportMetric(ours.seconds, "s")
		b.ReportMetric(inTurn.seconds, "script-in-turn-s")
		b.ReportMetric(together.seconds, "script-together-s")
		b.ReportMetric(inTurn.seconds/ours.seconds, "in-turn/lockstep")
		b.ReportMetric(together.seconds/ours.seconds, "together/lockstep")
		// one block can hold all seven
		b.ReportMetric(float64(ours.blocks), "blocks")
		b.ReportMetric(float64(together.blocks), "script-blocks")
	}
	b.ReportMetric(0, "ns/op")
}

// stage is a market whose dispatcher is on all networks, with nothing committed.
type stage struct {
	*market
	urls       []string
	dispatcher common.Address
}

// pageSizeOfSix is the page size with which version one of the market has six pages.
const pageSizeOfSix = 6

// stageOnFreshNetworks starts networks, deploys, and measures what run does on them.
func stageOnFreshNetworks(b *testing.B, run func(*stage)) stagedIn {
	b.Helper()
	s := &stage{}
	var nodes []*node
	for i := range *networksFlag {
		n, err := startAnvil("--chain-id", fmt.Sprint(31337+i))
		if err != nil {
			b.Fatal(err)
		}
		defer n.Stop()
		nodes, s.urls = append(nodes, n), append(s.urls, n.url)
	}
	s.market = newMarket(b, nodes[0], nodes[0].url, pageSizeOfSix)
	s.write("lockstep.yaml", onNetworks(b, mustRead(b, filepath.Join(s.dir, "one.yaml")), s.urls...))
	s.must("manifest", "build", "-o", "one.json")
	if pages := len(s.market.manifest("one").Pages); pages != 6 {
		b.Fatalf("%d pages with pageSize %d, want 6", pages, pageSizeOfSix)
	}
	s.must("deploy", "one.json", "--yes")
	s.dispatcher = s.market.dispatcher()
	deployed := make([]int, len(nodes))
	for i, n := range nodes {
		chain, err := n.transactions(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		deployed[i] = len(chain)
		interval(b, n)
	}
	start := time.Now()
	run(s)
	out := stagedIn{seconds: time.Since(start).Seconds()}
	for i, n := range nodes {
		chain, err := n.transactions(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		chain = chain[deployed[i]:]
		checkCalls(b, chain, map[string]int{"commitRoot": 1, "applyRoutes": 6})
		if len(chain) > 0 {
			out.blocks = max(out.blocks, chain[len(chain)-1].Block-chain[0].Block+1)
		}
	}
	return out
}

// rollOut runs lockstep rollout until it waits for the timelock on all networks.
func (s *stage) rollOut() {
	s.t.Helper()
	p := s.start("rollout", "one.json", "--yes")
	p.awaitTimelocks(s.t, len(s.urls))
	p.kill()
}

// awaitTimelocks waits until a rollout waits for the timelock on so many networks.
func (p *process) awaitTimelocks(t testing.TB, networks int) {
	t.Helper()
	deadline := time.After(patience)
	for {
		p.stderr.mu.Lock()
		text, more := p.stderr.text.String(), p.stderr.more
		p.stderr.mu.Unlock()
		waiting := map[string]bool{}
		for line := range strings.Lines(text) {
			if strings.HasSuffix(line, " of block time to go\n") {
				waiting[strings.Fields(line)[0]] = true
			}
		}
		if len(waiting) == networks {
			return
		}
		select {
		case <-more:
		case <-p.ended:
			t.Fatalf("it ended before it waited on all networks\n%s", p.output())
		case <-deadline:
			p.kill()
			t.Fatalf("it did not wait on all networks within %s\n%s", patience, text)
		}
	}
}

// script runs the script in e2e/ethers.
func (s *stage) script(args ...string) {
	s.t.Helper()
	var m struct {
		Root, InitHash common.Hash
		Pages          []struct {
			Bytes string        `json:"bytes"`
			Proof []common.Hash `json:"proof"`
		}
	}
	if err := json.Unmarshal([]byte(mustRead(s.t, filepath.Join(s.dir, "one.json"))), &m); err != nil {
		s.t.Fatal(err)
	}
	plan, err := json.Marshal(map[string]any{
		"urls": s.urls, "dispatcher": s.dispatcher, "key": "0x" + devKeys[1], "root": m.Root, "epoch": 1, "initHash": m.InitHash, "pages": m.Pages,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.write("plan.json", string(plan))
	args = append([]string{filepath.Join(places.root, "e2e", "ethers", "rollout.js"), filepath.Join(s.dir, "plan.json")}, args...)
	if out, err := exec.CommandContext(s.t.Context(), "node", args...).CombinedOutput(); err != nil {
		s.t.Fatalf("script: %v\n%s", err, out)
	}
}
