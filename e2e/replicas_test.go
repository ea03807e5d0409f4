package e2e

import (
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver

	"github.com/seed-b6a97670/lockstep/internal/localpg"
	"github.com/seed-b6a97670/lockstep/internal/network"
)

// newPostgres starts a PostgreSQL server with an empty database, and returns both.
func newPostgres(t testing.TB) (*localpg.Server, string) {
	t.Helper()
	s, err := localpg.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s, s.URL("postgres")
}

// wavesOf are three waves: three test networks, the other ones, the mainnets.
func wavesOf(networks []network.Network) string {
	var tests, mains []string
	for _, n := range networks {
		if n.Kind == network.Testnet {
			tests = append(tests, n.Name)
		} else {
			mains = append(mains, n.Name)
		}
	}
	canary := min(3, len(tests))
	text := fmt.Sprintf("rollout:\n  policy: waves\n  testnets: %d\n  waves:\n    - { name: canary, networks: [%s], soak: 2s }\n", canary, strings.Join(tests[:canary], ", "))
	if len(tests) > canary {
		text += fmt.Sprintf("    - { name: tests, networks: [%s], soak: 1s }\n", strings.Join(tests[canary:], ", "))
	}
	return text + fmt.Sprintf("    - { name: mainnets, networks: [%s] }\n", strings.Join(mains, ", "))
}

// fleetFlag is on how many networks TestReplicas works.
var fleetFlag = flag.Int("fleet", 9, "on how many networks TestReplicas works; make chaos has it work on 21")

const together = "rollout: { policy: together }\n"

// TestReplicas upgrades networks of the catalogue under two processes of serve that share a journal in PostgreSQL, one of which is killed again
// and again; and then under one on SQLite that is killed and started again.
func TestReplicas(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"postgres", "sqlite"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			replicated(t, engine, *fleetFlag, 1, *fleetFlag-2)
		})
	}
}

func replicated(t *testing.T, engine string, count int, relayed ...int) {
	networks := inUse(count)
	top := "serve: { listen: \"127.0.0.1:0\", health: 1s }\n"
	replicas := 1
	if engine == "postgres" {
		_, url := newPostgres(t)
		top += fmt.Sprintf("database: %q\n", url)
		replicas = 2
	}
	f := newFleet(t, networks, map[string]string{"": top, "one": wavesOf(networks), "two": together}, relayed...)
	random := random(t)
	before := make([]int, count)
	first := map[string]int{
		"create": 5, "grantRole": 7, "renounceRole": 2, "setEtaGrace": 1, "commitRoot": 1, "applyRoutes": len(f.manifest("one").Pages), "activateCommittedRoot": 1,
	}
	second := map[string]int{"create": 3, "commitRoot": 1, "applyRoutes": len(f.manifest("two").Pages), "activateCommittedRootAndCall": 1}
	for epoch, version := range []string{"one", "two"} {
		plan := f.approved(version)
		if version == "one" {
			f.keepTimes()
		}
		kills := f.killReplicas(version+".yaml", plan, replicas, random)
		t.Logf("%s: %d kills", version, kills)
		f.checkLive(version, uint64(epoch+1), before, []map[string]int{first, second}[epoch])
		before = f.counts()
	}
	for _, i := range relayed {
		f.checkRelayed(i)
	}
	f.must("--config", "two.yaml", "audit", "verify")
	f.must("--config", "two.yaml", "status", "two.json", "--check")
	f.must("--config", "two.yaml", "sync")
}

// checkRelayed fails unless all transactions of a network went through its relay, and the audit log says so of each.
func (f *fleet) checkRelayed(i int) {
	f.t.Helper()
	f.proxies[i].mu.Lock()
	public := len(f.proxies[i].hashes)
	f.proxies[i].mu.Unlock()
	if public > 0 {
		f.t.Errorf("%d transactions of %s were given to its endpoint", public, f.networks[i].Name)
	}
	chain, err := f.nodes[i].transactions(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	var log struct {
		Entries []struct {
			Kind    string
			ChainID uint64
			Body    struct{ Relay, Hash string }
		}
	}
	out := f.must("--config", "two.yaml", "--json", "audit", "list", "--kind", "relay.landed", "--last", "0")
	if err := json.Unmarshal([]byte(out), &log); err != nil {
		f.t.Fatalf("%v: %.500s", err, out)
	}
	landed := map[string]bool{}
	for _, e := range log.Entries {
		landed[e.Body.Hash] = true
	}
	for _, tx := range chain {
		if !landed[tx.Hash.Hex()] {
			f.t.Errorf("the audit log does not say by which relay %s came into block %d of %s", tx.Hash, tx.Block, f.networks[i].Name)
		}
	}
}

// killReplicas hands a plan over to some daemons, and kills one of them at random moments and starts it again, until the plan is done.
func (f *fleet) killReplicas(config, plan string, replicas int, random *rand.Rand) (kills int) {
	f.t.Helper()
	var running []*daemon
	for range replicas {
		running = append(running, f.serve(config))
	}
	f.must("--config", config, "start", strings.TrimSuffix(config, ".yaml")+"-plan.json", "--yes")
	deadline := time.Now().Add(5 * time.Minute)
	for !done(f.execution(config, plan)) {
		if time.Now().After(deadline) {
			for _, d := range running {
				f.t.Logf("a daemon says:\n%s", d.output())
			}
			f.t.Fatalf("not done: %+v", f.execution(config, plan))
		}
		time.Sleep(time.Duration(500+random.IntN(2500)) * time.Millisecond)
		i := random.IntN(len(running))
		select {
		case <-running[i].ended:
			f.t.Fatalf("serve ended by itself: %s", running[i].output())
		default:
		}
		running[i].kill()
		kills++
		running[i] = f.serve(config)
	}
	for _, d := range running {
		d.kill()
	}
	return kills
}

// random logs its seed.
func random(t testing.TB) *rand.Rand {
	t.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-seed %d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// working returns the lease on a network of a plan that a process holds now, and whose process that is.
func working(t testing.TB, db *sql.DB, processes []*daemon) (name string, fence uint64, at int) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT name, holder, fence FROM leases WHERE holder <> '' AND name LIKE 'plan/%' ORDER BY random()`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var holder string
		if err := rows.Scan(&name, &holder, &fence); err != nil {
			t.Fatal(err)
		}
		pid := strings.Split(holder, "/")[1]
		for i, p := range processes {
			if fmt.Sprint(p.cmd.Process.Pid) == pid {
				return name, fence, i
			}
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return "", 0, -1
}

// TestWorkingReplica has three processes on PostgreSQL carry out one upgrade after the other. The one that works on a network is killed, or
// stopped until another one has taken its place, and then woken. How long that takes is logged.
func TestWorkingReplica(t *testing.T) {
	t.Parallel()
	random := random(t)
	_, url := newPostgres(t)
	f := newFleet(t, inUse(3), map[string]string{"": everySecond + fmt.Sprintf("database: %q\n", url)})
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var processes []*daemon
	for range 3 {
		processes = append(processes, f.serve("one.yaml"))
	}
	hits, took := map[string]int{}, map[string][]time.Duration{}
	cycles := map[string]int{}
	wanted := 8
	if *roundsFlag > 1 { // not only a slice
		wanted = max(50, *roundsFlag)
	}
	for epoch := 1; hits["killed"]+hits["stopped"] < wanted || cycles["two"] == 0; epoch++ {
		version := []string{"two", "one"}[epoch%2]
		cycles[version]++
		file := version + "-plan.json"
		if epoch > 1 {
			file = fmt.Sprintf("plan-%d.json", epoch)
		}
		plan := f.approvedAs(version, file)
		if epoch == 1 {
			f.keepTimes()
		}
		f.must("--config", version+".yaml", "start", file, "--yes")
		deadline := time.Now().Add(5 * time.Minute)
		for !done(f.execution("one.yaml", plan)) {
			if time.Now().After(deadline) {
				for _, d := range processes {
					t.Logf("a process says:\n%s", d.output())
				}
				t.Fatalf("not done: %+v", f.execution("one.yaml", plan))
			}
			time.Sleep(time.Duration(random.IntN(1500)) * time.Millisecond)
			lease, fence, i := working(t, db, processes)
			if i < 0 {
				continue
			}
			how := []string{"killed", "stopped"}[random.IntN(2)]
			hit := time.Now()
			if how == "killed" {
				processes[i].kill()
			} else if err := processes[i].cmd.Process.Signal(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			if taken := takenOver(t, db, lease, fence); taken {
				took[how] = append(took[how], time.Since(hit))
				hits[how]++
			}
			if how == "killed" {
				processes[i] = f.serve("one.yaml")
			} else if err := processes[i].cmd.Process.Signal(syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
		}
		want := f.manifest(version)
		for i, n := range f.nodes {
			s, err := n.state(t.Context(), f.dispatcher())
			if err != nil || s.activeRoutesRoot != want.RoutesRoot || s.activeEpoch != uint64(epoch) || s.pendingRoot != (common.Hash{}) {
				t.Errorf("%s: %+v (%v), want version %s in epoch %d", f.networks[i].Name, s, err, version, epoch)
			}
		}
	}
	for how, times := range took {
		slices.Sort(times)
		t.Logf("%s %d times; another took over after %s, at most %s", how, hits[how], times[len(times)/2], times[len(times)-1])
	}
	pages := len(f.manifest("one").Pages) + len(f.manifest("two").Pages) // staged once, whatever comes later
	for i, n := range f.nodes {
		chain, err := n.transactions(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		f.proxies[i].checkOneEach(t, chain)
		upgrades := cycles["one"] + cycles["two"]
		checkCalls(t, chain, map[string]int{
			"create": 8, "grantRole": 7, "renounceRole": 2, "setEtaGrace": 1, "commitRoot": upgrades, "applyRoutes": pages,
			"activateCommittedRoot": upgrades - 1, "activateCommittedRootAndCall": 1,
		})
	}
	f.must("--config", "one.yaml", "audit", "verify")
}

// takenOver waits until another process has a lease; it is false if the work that it was for has ended meanwhile.
func takenOver(t testing.TB, db *sql.DB, lease string, fence uint64) bool {
	t.Helper()
	plan, chain := strings.Split(lease, "/")[1], strings.Split(lease, "/")[2]
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var now uint64
		var state string
		err := db.QueryRowContext(t.Context(), `SELECT fence, (SELECT state FROM execution_networks WHERE plan = $2 AND chain_id = $3)
			FROM leases WHERE name = $1`, lease, plan, chain).Scan(&now, &state)
		switch {
		case err != nil:
			t.Fatal(err)
		case now > fence:
			return true
		case state == "done":
			return false
		}
	}
	t.Errorf("nobody has taken %s over within %s", lease, patience)
	return false
}
