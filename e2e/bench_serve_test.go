package e2e

import (
	"bufio"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/seed-b6a97670/lockstep/internal/store"
)

// rest is what a process needs while it does nothing but watch.
type rest struct {
	mb  float64 // resident
	cpu float64 // percent of one core
}

// atRest measures a process for some time.
func atRest(b *testing.B, pid int, d time.Duration) rest {
	b.Helper()
	before := cpuTime(b, pid)
	start := time.Now()
	time.Sleep(d)
	used := cpuTime(b, pid) - before
	out := rest{cpu: 100 * used.Seconds() / time.Since(start).Seconds()}
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for s := bufio.NewScanner(f); s.Scan(); {
		if kb, ok := strings.CutPrefix(s.Text(), "VmHWM:"); ok { // the most since it began
			n, err := strconv.ParseFloat(strings.Fields(kb)[0], 64)
			if err != nil {
				b.Fatal(err)
			}
			out.mb = n / 1024
		}
	}
	return out
}

func cpuTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	const user, system, perSecond = 11, 12, 100 // proc_pid_stat(5), in ticks
	var ticks int
	for _, i := range []int{user, system} {
		n, err := strconv.Atoi(fields[i])
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / perSecond
}

// BenchmarkServeAtRest has a daemon watch networks of the catalogue, on which a version is live, with the intervals of the configuration's
// defaults: the head every 12 s, health every minute. Baseline: a script with ethers that asks for the newest block every 12 s, and for nothing else.
func BenchmarkServeAtRest(b *testing.B) {
	const networks, measured = 21, 2 * time.Minute
	for b.Loop() {
		f := newFleet(b, inUse(networks), map[string]string{"": "serve: { listen: \"127.0.0.1:0\" }\n"})
		f.firstVersion()
		d := f.serve("one.yaml")
		time.Sleep(15 * time.Second) // the first health checks
		ours := atRest(b, d.cmd.Process.Pid, measured)
		d.kill()
		var urls []string
		for _, p := range f.proxies {
			urls = append(urls, p.url)
		}
		script := exec.Command("node", append([]string{filepath.Join(places.root, "e2e", "ethers", "watch.js"), "12000"}, urls...)...)
		out, err := script.StdoutPipe()
		if err != nil {
			b.Fatal(err)
		}
		if err := script.Start(); err != nil {
			b.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "watching\n" {
			b.Fatalf("the script says %q, %v", line, err)
		}
		theirs := atRest(b, script.Process.Pid, measured/2)
		if err := script.Process.Kill(); err != nil {
			b.Fatal(err)
		}
		_ = script.Wait()
		b.ReportMetric(networks, "networks")
		b.ReportMetric(ours.mb, "MB")
		b.ReportMetric(ours.cpu, "%cpu")
		b.ReportMetric(theirs.mb, "script-MB")
		b.ReportMetric(theirs.cpu, "script-%cpu")
		b.ReportMetric(ours.mb/theirs.mb, "MB/script")
		b.ReportMetric(ours.cpu/theirs.cpu, "cpu/script")
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkLateness lets a daemon wait for real timelocks, on networks with a block a second, and counts the blocks between the first after which
// an activation can succeed and the one that holds it. The least possible is 1: whoever sees the first can be in the next.
func BenchmarkLateness(b *testing.B) {
	for b.Loop() {
		var nodes []*node
		var urls []string
		for i := range *networksFlag {
			n, err := startAnvil("--chain-id", fmt.Sprint(31337+i), "--block-time", "1")
			if err != nil {
				b.Fatal(err)
			}
			defer n.Stop()
			nodes, urls = append(nodes, n), append(urls, n.url)
		}
		m := newMarket(b, nodes[0], nodes[0].url, 10)
		m.write("one.yaml", onNetworks(b, mustRead(b, filepath.Join(m.dir, "one.yaml")), urls...)+"serve: { listen: \"127.0.0.1:0\" }\n")
		m.must("--config", "one.yaml", "manifest", "build", "-o", "one.json")
		f := &fleet{market: m, nodes: nodes}
		f.commitAll()
		f.must("--config", "one.yaml", "plan", "one.json", "-o", "one-plan.json")
		d := f.serve("one.yaml")
		f.must("--config", "one.yaml", "start", "one-plan.json", "--yes")
		f.await("one.yaml", f.digest("one-plan.json"), 4*patience, "done", done)
		d.kill()
		var late []float64
		for _, n := range nodes {
			late = append(late, float64(n.lateness(b, f.dispatcher())))
		}
		slices.Sort(late)
		b.ReportMetric(float64(*networksFlag), "networks")
		b.ReportMetric(late[len(late)/2], "blocks-median")
		b.ReportMetric(late[len(late)-1], "blocks-most")
		b.ReportMetric(late[len(late)-1]/1, "most/least-possible")
	}
	b.ReportMetric(0, "ns/op")
}

// lateness is how many blocks after the first that allowed it the last transaction of a chain, which activated, is.
func (n *node) lateness(b *testing.B, dispatcher common.Address) uint64 {
	b.Helper()
	chain, err := n.transactions(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	activated := chain[len(chain)-1].Block
	timeOf := func(number uint64) uint64 {
		var block struct{ Timestamp hexutil.Uint64 }
		if err := n.call(b.Context(), &block, "eth_getBlockByNumber", hexutil.EncodeUint64(number), false); err != nil {
			b.Fatal(err)
		}
		return uint64(block.Timestamp)
	}
	// what was pending in the block before
	s, err := n.stateAt(b.Context(), hexutil.EncodeUint64(activated-1), dispatcher)
	if err != nil {
		b.Fatal(err)
	}
	first := activated
	for timeOf(first-1) >= s.eta+s.grace {
		first--
	}
	return activated - first
}

// BenchmarkFailover kills the one of two processes that works on a network, on the machine of the other, and, which a process on another machine
// sees in the same way, stops it. Baseline: how long a lease lasts.
func BenchmarkFailover(b *testing.B) {
	for b.Loop() {
		_, url := newPostgres(b)
		f := newFleet(b, inUse(3), map[string]string{"": everySecond + fmt.Sprintf("database: %q\n", url)})
		db, err := sql.Open("pgx", url)
		if err != nil {
			b.Fatal(err)
		}
		f.approved("one") // and nobody moves its clocks: the work is to wait
		processes := []*daemon{f.serve("one.yaml"), f.serve("one.yaml")}
		f.must("--config", "one.yaml", "start", "one-plan.json", "--yes")
		f.await("one.yaml", f.digest("one-plan.json"), patience, "waiting for the timelock", func(s executionState) bool {
			return len(s.Networks) > 0 && !slices.ContainsFunc(s.Networks, func(n networkState) bool { return !strings.Contains(n.Reason, "timelock") })
		})
		took := map[string][]float64{}
		for i := range 20 {
			how := []string{"killed", "stopped"}[i%2]
			lease, fence, at := working(b, db, processes)
			if at < 0 {
				b.Fatal("nobody works")
			}
			start := time.Now()
			if how == "killed" {
				processes[at].kill()
			} else if err := processes[at].cmd.Process.Signal(syscall.SIGSTOP); err != nil {
				b.Fatal(err)
			}
			if !takenOver(b, db, lease, fence) {
				b.Fatal("the work has ended")
			}
			took[how] = append(took[how], time.Since(start).Seconds())
			if how == "killed" {
				processes[at] = f.serve("one.yaml")
			} else if err := processes[at].cmd.Process.Signal(syscall.SIGCONT); err != nil {
				b.Fatal(err)
			}
			time.Sleep(2 * time.Second)
		}
		for how, times := range took {
			slices.Sort(times)
			b.ReportMetric(times[len(times)/2], how+"-s")
			b.ReportMetric(times[len(times)-1], how+"-most-s")
			b.ReportMetric(times[len(times)-1]/store.LeaseTime.Seconds(), how+"-most/lease")
		}
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(0, "ns/op")
}
