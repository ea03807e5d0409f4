package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rpc"
)

// TestHundredFunctionsOnTheNetworksOfTheDemo rolls the hundred functions out to every network of the demo, which stay up after
// it: the deployer and the settings are the demo's, so it is the demo's dispatcher that they come to.
func TestHundredFunctionsOnTheNetworksOfTheDemo(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	endpoints := demoNetworks(t)
	if len(endpoints) < 21 {
		t.Fatalf("%d networks, want 21 at least", len(endpoints))
	}
	var networks strings.Builder
	for _, ep := range endpoints {
		// what differs from the catalogue: these make a block when there is something for it, and charge nothing for data
		fmt.Fprintf(&networks, "  - { name: %s, confirmations: 1, blockTime: 1, l1Fee: none, allowPublic: true, rpc: [%q] }\n", ep.Name, ep.URL)
	}
	tool := buildTools(t)[0]
	m := &market{t: t, dir: hundredProject(t, tool)}
	for i, name := range []string{"deployer", "operator", "guardian", "admin", "alice", "bob", "carol"} {
		key, err := crypto.ToECDSA(crypto.Keccak256([]byte("lockstep demo " + name)))
		if err != nil {
			t.Fatal(err)
		}
		if err := lightKeyOf(filepath.Join(m.dir, "keys", fmt.Sprintf("%d.json", i)), key); err != nil {
			t.Fatal(err)
		}
	}
	m.write("password", "light\n")
	networks.WriteString(approvalsSection)
	networks.WriteString("signers:\n" + approverSigners)
	configureHundred(t, m.dir, tool, 3600, networks.String())
	m.commitAll()
	m.must("plan")
	for _, name := range []string{"alice", "bob"} {
		m.must("approve", "plan.json", "--signer", name, "--yes")
	}
	running := m.start("rollout", "plan.json", "--yes")
	for _, ep := range endpoints {
		if err := running.awaitText(ctx, fmt.Sprintf("%-10s the timelock runs", ep.Name)); err != nil {
			t.Fatalf("%s: %v\n%s", ep.Name, err, running.output())
		}
		client, err := rpc.DialContext(ctx, ep.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		if err := (&node{rpc: client}).passTime(ctx, 3600+300); err != nil {
			t.Fatal(err)
		}
	}
	running.mustSucceed(t)
	var doc struct {
		Dispatcher common.Address
		Consistent bool
		Networks   []struct{ Differences []string }
	}
	if err := json.Unmarshal([]byte(m.must("status", "--check", "--json")), &doc); err != nil {
		t.Fatal(err)
	}
	if !doc.Consistent || len(doc.Networks) != len(endpoints) {
		t.Fatalf("%+v", doc)
	}
	for _, ep := range endpoints {
		client, err := rpc.DialContext(ctx, ep.URL)
		if err != nil {
			t.Fatal(err)
		}
		n := &node{rpc: client}
		for f := range hundredFacets {
			got, err := n.view(ctx, doc.Dispatcher, fmt.Sprintf("f%d_%d()", f, functionsOfFacet-1))
			if err != nil || got[0].Big().Int64() != int64(100*f+functionsOfFacet-1) {
				t.Errorf("%s: the last function of facet %d answers %v, %v", ep.Name, f, got, err)
			}
		}
		client.Close()
	}
}

// endpoint is where a network of the demo can be reached.
type endpoint struct{ Name, URL string }

// demoNetworks runs the demo on all networks, and leaves them up until the test ends.
func demoNetworks(t *testing.T) []endpoint {
	t.Helper()
	cmd := exec.Command(lockstepBinary(), "demo", "--networks", "all", "--keep", "--json")
	var said bytes.Buffer // read when it has ended
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // its networks live in it
		_ = cmd.Wait()         // killed
	})
	var doc struct {
		Consistent bool
		Endpoints  []endpoint
	}
	if err := json.NewDecoder(out).Decode(&doc); err != nil || !doc.Consistent {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed, or ended
		t.Fatalf("demo: %+v, %v\n%s", doc, err, said.String())
	}
	return doc.Endpoints
}
