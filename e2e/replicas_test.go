package e2e

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

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
var fleetFlag = flag.Int("fleet", 21, "on how many networks TestReplicas works")

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
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
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
