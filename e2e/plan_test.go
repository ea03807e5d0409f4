package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
)

// approvalsSection asks for two of three approvers, on networks that are no mainnets too. approverSigners are their key files.
const (
	approvalsSection = "approvals: { approvers: [alice, bob, carol], others: 2 }\n"
	approverSigners  = `  alice: { keystore: keys/4.json, password: "file:password" }
  bob: { keystore: keys/5.json, password: "file:password" }
  carol: { keystore: keys/6.json, password: "file:password" }
`
)

// commitAll makes the folder a git repository, if it is none, and commits all of it that is a source.
func (m *market) commitAll() {
	m.t.Helper()
	m.write(".gitignore", "keys/\npassword\nlockstep.db*\nnode_modules\nout/\ncache/\nartifacts/\noutput.json\n")
	git := []string{"git", "-c", "user.name=tests", "-c", "user.email=tests@lockstep.example", "-c", "commit.gpgsign=false"}
	runIn(m.t, m.dir, append(git, "init", "-q")...)
	runIn(m.t, m.dir, append(git, "add", "-A")...)
	runIn(m.t, m.dir, append(git, "commit", "-q", "--allow-empty", "-m", "state")...)
}

// planConfig takes delay, facets and networks.
const planConfig = `project: market
build: { tool: forge, out: out }
dispatcher:
  delay: %d
  deployer: deployer
  roles:
    admin: [admin]
    governance: [admin]
    commit: [operator]
    apply: [operator]
    pauser: [guardian]
    emergency: [guardian]
facets:
%s
networks:
%s` + approvalsSection + `signers:
  deployer: { keystore: keys/0.json, password: "file:password" }
  operator: { keystore: keys/1.json, password: "file:password" }
  guardian: { keystore: keys/2.json, password: "file:password" }
  admin: { keystore: keys/3.json, password: "file:password" }
` + approverSigners

// newPlanned builds the market with forge, build-info included, in a git repository.
func newPlanned(t *testing.T, delay int, networks string) *market {
	t.Helper()
	m := &market{t: t, dir: t.TempDir()}
	if err := os.CopyFS(filepath.Join(m.dir, "src"), os.DirFS(filepath.Join(places.root, "examples", "market", "src"))); err != nil {
		t.Fatal(err)
	}
	linkModules(t, m.dir, places.nodeModules)
	m.write("foundry.toml", fmt.Sprintf("[profile.default]\nsrc = \"src\"\nout = \"out\"\nlibs = []\nsolc = %q\noffline = true\nevm_version = \"cancun\"\n"+
		"via_ir = true\noptimizer = true\noptimizer_runs = 200\nbytecode_hash = \"none\"\ncbor_metadata = false\nextra_output = [\"metadata\"]\n",
		filepath.Join(places.root, "contracts", "script", "solc.js")))
	runIn(t, m.dir, places.forge, "build", "--build-info")
	for i, key := range append(devKeys, approverKeys...) {
		k, err := crypto.HexToECDSA(key)
		if err != nil {
			t.Fatal(err)
		}
		if err := lightKeyOf(filepath.Join(m.dir, "keys", fmt.Sprintf("%d.json", i)), k); err != nil {
			t.Fatal(err)
		}
	}
	m.write("password", "light\n")
	for version, facets := range map[string]string{"one": facetsOne, "two": facetsTwo} {
		facets, init, _ := strings.Cut(facets, "\ninit:")
		text := fmt.Sprintf(planConfig, delay, facets, networks)
		if init != "" {
			text += "init:" + init + "\n"
		}
		m.write(version+".yaml", text)
		m.must("--config", version+".yaml", "manifest", "build", "-o", version+".json")
	}
	m.commitAll()
	return m
}

// approverKeys are keys of the tests; they are worth nothing.
var approverKeys = []string{strings.Repeat("a1", 32), strings.Repeat("b0", 32), strings.Repeat("ca", 32)}

// clone is the repository on another machine, with one key.
func (m *market) clone(key int) *market {
	m.t.Helper()
	dir := filepath.Join(m.t.TempDir(), "clone")
	runIn(m.t, m.dir, "git", "clone", "-q", m.dir, dir)
	c := &market{t: m.t, dir: dir}
	c.write("password", "light\n")
	name := fmt.Sprintf("%d.json", key)
	if err := os.MkdirAll(filepath.Join(dir, "keys"), 0o700); err != nil {
		m.t.Fatal(err)
	}
	mustWrite(m.t, filepath.Join(dir, "keys", name), mustRead(m.t, filepath.Join(m.dir, "keys", name)))
	return c
}

// addresses gives every signer of a configuration its address, as machines need it that have not all key files.
func withAddresses(t *testing.T, config string) string {
	t.Helper()
	for i, key := range append(devKeys, approverKeys...) {
		k, err := crypto.HexToECDSA(key)
		if err != nil {
			t.Fatal(err)
		}
		keystore := fmt.Sprintf("{ keystore: keys/%d.json,", i)
		if !strings.Contains(config, keystore) {
			t.Fatalf("no %s in\n%s", keystore, config)
		}
		config = strings.Replace(config, keystore, fmt.Sprintf("{ address: %q, keystore: keys/%d.json,", crypto.PubkeyToAddress(k.PublicKey).Hex(), i), 1)
	}
	return config
}

// TestPlanToAudit takes the example from version 1 to version 2 as a team does: a plan with its report, two approvals, each on
// another machine with one key, a rollout to three anvils and a geth that is killed after each write to its journal, and an
// audit on a machine that has nothing but copies.
func TestPlanToAudit(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	nodes := fourNodes(t)
	var networks strings.Builder
	for i, n := range nodes {
		var id hexutil.Uint64
		if err := n.call(ctx, &id, "eth_chainId"); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&networks, "  - { name: node%d, chainId: %d, kind: local, grace: 30, rpc: [%q] }\n", i, uint64(id), n.url)
	}
	m := newPlanned(t, 5, networks.String())
	for _, version := range []string{"one", "two"} {
		m.write(version+".yaml", withAddresses(t, mustRead(t, filepath.Join(m.dir, version+".yaml"))))
	}
	m.commitAll()
	one := m.upgrade("one", 0)
	before := make([]int, len(nodes))
	for i, n := range nodes {
		chain, err := n.transactions(ctx)
		if err != nil {
			t.Fatal(err)
		}
		before[i] = len(chain)
	}
	two := m.upgrade("two", 4)

	var doc struct{ Dispatcher common.Address }
	if err := json.Unmarshal([]byte(m.must("--config", "two.yaml", "status", "two.json", "--check", "--json")), &doc); err != nil {
		t.Fatal(err)
	}
	want := m.manifest("two")
	for i, n := range nodes {
		m.node = n
		m.checkRoutes(ctx, doc.Dispatcher, want, 2)
		rate, err := n.view(ctx, doc.Dispatcher, "rewardRate()")
		if err != nil || rate[0].Big().Uint64() != 1_000_000_000_000 {
			t.Errorf("node %d: the migration left the rate %v, %v", i, rate, err)
		}
		chain, err := n.transactions(ctx)
		if err != nil {
			t.Fatal(err)
		}
		checkCalls(t, chain[before[i]:], map[string]int{
			"create": 3, "commitRoot": 1, "applyRoutes": len(want.Pages), "activateCommittedRootAndCall": 1,
		})
	}
	// used once: it finds that all is as it left it, and nothing more
	if out := m.must("--config", "two.yaml", "rollout", "two-plan.json", "--yes"); strings.Count(out, "unchanged") != len(nodes) {
		t.Errorf("once more: %s", out)
	}
	again := m.start("--config", "one.yaml", "rollout", "one-plan.json", "--yes")
	if code := again.code(); code != 1 || strings.Count(again.output(), "a plan is used once") < len(nodes) {
		t.Errorf("the plan of version 1 again: exit code %d: %s", code, again.output())
	}

	m.must("--config", "two.yaml", "audit", "head", "--signer", "guardian", "-o", "head.json")
	m.must("audit", "export", "-o", "audit.jsonl")
	auditor := t.TempDir()
	for _, name := range []string{"lockstep.db", "lockstep.db-wal", "audit.jsonl", "head.json"} {
		if data, err := os.ReadFile(filepath.Join(m.dir, name)); err == nil {
			mustWrite(t, filepath.Join(auditor, name), string(data))
		}
	}
	for _, file := range []string{"lockstep.db", "audit.jsonl"} {
		out := runIn(t, auditor, lockstepBinary(), "audit", "verify", file, "--head", "head.json", "--signer", devAddress(2).Hex())
		if !strings.Contains(out, "is sound") {
			t.Errorf("%s: %s", file, out)
		}
	}
	checkPlanEntries(t, filepath.Join(auditor, "audit.jsonl"), []common.Hash{one, two}, len(nodes))
}

// upgrade plans a version, has it approved on two other machines, and carries it out under kills. It returns the plan's digest.
func (m *market) upgrade(version string, kills int) common.Hash {
	m.t.Helper()
	file := version + "-plan.json"
	m.commitAll()
	m.must("--config", version+".yaml", "plan", version+".json", "-o", file, "--report", version+"-plan.md", "--old-build", ".")
	report := mustRead(m.t, filepath.Join(m.dir, version+"-plan.md"))
	var doc struct {
		Digest       common.Hash
		Observations struct {
			Checks []struct{ Check, Severity string }
		}
	}
	if err := json.Unmarshal([]byte(mustRead(m.t, filepath.Join(m.dir, file))), &doc); err != nil {
		m.t.Fatal(err)
	}
	for _, part := range []string{doc.Digest.Hex(), m.manifest(version).Root.Hex(), "node3", "## What changes for callers", "| active root |"} {
		if !strings.Contains(report, part) {
			m.t.Errorf("the report of %s does not say %s:\n%s", version, part, report)
		}
	}
	for _, c := range doc.Observations.Checks {
		if c.Severity != "warning" {
			m.t.Errorf("%s: %s trips: %s", version, c.Check, c.Severity)
		}
	}
	m.commitAll()
	early := m.start("--config", version+".yaml", "rollout", file, "--yes")
	if code := early.code(); code != 1 || !strings.Contains(early.output(), "has 0 of the 2 approvals that it needs") {
		m.t.Errorf("exit code %d: %s", code, early.output())
	}
	for i, name := range []string{"alice", "bob"} {
		other := m.clone(4 + i)
		other.must("--config", version+".yaml", "approve", file, "--signer", name, "--yes", "--manifest", version+".json")
		approvals := filepath.Join(other.dir, version+"-plan.approvals")
		if err := os.CopyFS(filepath.Join(m.dir, version+"-plan.approvals"), os.DirFS(approvals)); err != nil {
			m.t.Fatal(err)
		}
	}
	m.checkByHand(version)
	args := []string{"--config", version + ".yaml", "rollout", file, "--yes"}
	if kills == 0 {
		m.must(args...)
	} else if got := m.killAfterEachWrite(400, args...); got < kills {
		m.t.Errorf("%d kills", got)
	}
	return doc.Digest
}

// checkByHand runs the checker of the reference, which shares no code with the program.
func (m *market) checkByHand(version string) {
	m.t.Helper()
	_, checker, _ := strings.Cut(mustRead(m.t, filepath.Join(places.root, "docs", "reference", "plan.md")), "```js\n")
	checker, _, _ = strings.Cut(checker, "```")
	dir := m.t.TempDir()
	if err := os.Symlink(filepath.Join(places.root, "e2e", "ethers", "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		m.t.Fatal(err)
	}
	mustWrite(m.t, filepath.Join(dir, "check.mjs"), checker)
	file := filepath.Join(m.dir, version+"-plan.json")
	mustWrite(m.t, filepath.Join(dir, "typed.json"), m.must("--config", version+".yaml", "approve", file, "--typed-data"))
	signed, err := filepath.Glob(filepath.Join(m.dir, version+"-plan.approvals", "*.json"))
	if err != nil || len(signed) != 2 {
		m.t.Fatalf("%d signatures, %v", len(signed), err)
	}
	out := runIn(m.t, dir, append([]string{"node", "check.mjs", file, "typed.json"}, signed...)...)
	if strings.Count(out, "approved by 0x") != 2 || strings.Contains(out, "NOT") || !strings.Contains(out, "digest 0x") {
		m.t.Errorf("the checker says of %s:\n%s", version, out)
	}
	forged := filepath.Join(dir, "forged.json")
	mustWrite(m.t, forged, strings.Replace(mustRead(m.t, file), `"hotfix": false`, `"hotfix": true`, 1))
	if out := runIn(m.t, dir, "node", "check.mjs", forged); !strings.Contains(out, "NOT the digest") {
		m.t.Errorf("the checker says of a forged plan:\n%s", out)
	}
}

// checkPlanEntries finds in a log that every plan was made, approved by two, begun and done on each network once, and that each
// transaction names the plan that held it.
func checkPlanEntries(t *testing.T, path string, plans []common.Hash, networks int) {
	t.Helper()
	counts := map[string]int{}
	for line := range strings.Lines(mustRead(t, path)) {
		var e struct {
			Kind string
			Body struct {
				Plan, Digest common.Hash
				Status       string
				Signer       common.Address
			}
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		digest := e.Body.Plan
		if e.Kind == "plan.saved" {
			digest = e.Body.Digest
		}
		switch e.Kind {
		case "plan.saved", "plan.begun", "plan.ended", "approval.given", "transaction.signed":
			counts[e.Kind+" "+digest.Hex()]++
		}
	}
	for _, p := range plans {
		for kind, want := range map[string]int{"plan.saved": 1, "plan.begun": networks, "plan.ended": networks, "approval.given": 2} {
			if got := counts[kind+" "+p.Hex()]; got != want {
				t.Errorf("%d entries %s of plan %s, want %d", got, kind, p, want)
			}
		}
		if counts["transaction.signed "+p.Hex()] < 4*networks {
			t.Errorf("%d transactions of plan %s", counts["transaction.signed "+p.Hex()], p)
		}
	}
	if n := counts["transaction.signed "+common.Hash{}.Hex()]; n > 0 {
		t.Errorf("%d transactions were held by no plan", n)
	}
}
