package cli

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"
	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/devnet"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/signer"
	"github.com/seed-b6a97670/lockstep/internal/store"
	"github.com/seed-b6a97670/lockstep/internal/token"
)

// withoutData are the runnable commands that print no data, and why.
var withoutData = map[string]string{
	"lockstep address":           "help, for people",
	"lockstep approvals":         "help, for people",
	"lockstep audit":             "help, for people",
	"lockstep relay":             "help, for people",
	"lockstep completion":        "a script, for a shell",
	"lockstep config":            "help, for people",
	"lockstep db":                "help, for people",
	"lockstep execution":         "help, for people",
	"lockstep help":              "help, for people",
	"lockstep key":               "help, for people",
	"lockstep layout":            "help, for people",
	"lockstep manifest":          "help, for people",
	"lockstep network":           "help, for people",
	"lockstep notify":            "help, for people",
	"lockstep token":             "help, for people",
	"lockstep transaction":       "help, for people",
	"lockstep metrics":           "help, for people",
	"lockstep metrics rules":     "a file, for Prometheus",
	"lockstep metrics dashboard": "a file, for Grafana",
	"lockstep event":             "help, for people",
	"lockstep upgrade":           "help, for people",
}

// exercise is one run of a command with --json.
type exercise struct {
	command string // as in docs/reference/json.md
	args    string // what follows it, separated by spaces
	code    int
	stdin   string
	fails   bool // nothing but the document of a failure is printed
	before  func(*testing.T, *rig)
}

// exercises run in this order. Every command is run so that it succeeds and so that it fails, if it can.
var exercises = []exercise{
	{command: "lockstep", args: "--version"},
	{command: "lockstep", args: "--no-such-flag", code: exitUsage, fails: true},
	{command: "lockstep init", args: "--config @fresh.yaml --out nowhere"},
	{command: "lockstep init", args: "--config @full.yaml --out artifacts"},
	{command: "lockstep init", args: "--config @full.yaml", code: exitFailed, fails: true},
	{command: "lockstep init", args: "--config @other.yaml --tool make", code: exitUsage, fails: true},
	{command: "lockstep config check", args: "--config @one.yaml"},
	{command: "lockstep config check", args: "--config @fresh.yaml", code: exitDifference},
	{command: "lockstep config check", args: "--config @nowhere.yaml", code: exitFailed, fails: true},
	{command: "lockstep manifest build", args: "--config @one.yaml -o @one.json"},
	{command: "lockstep manifest build", args: "--config @two.yaml -o @two.json"},
	{command: "lockstep manifest build", args: "--config @fresh.yaml", code: exitFailed, fails: true},
	{command: "lockstep manifest show", args: "@one.json"},
	{command: "lockstep manifest show", args: "@two.json"},
	{command: "lockstep manifest show", args: "@nowhere.json", code: exitFailed, fails: true},
	{command: "lockstep manifest verify", args: "@one.json"},
	{command: "lockstep manifest verify", args: "@tampered.json", code: exitDifference, before: edited("one.json", "tampered.json", `"initHash": "0x0`, `"initHash": "0x1`)},
	{command: "lockstep manifest verify", args: "@one.yaml", code: exitDifference, fails: true},
	{command: "lockstep manifest diff", args: "@one.json @one.json"},
	{command: "lockstep manifest diff", args: "@one.json @two.json"},
	{command: "lockstep manifest diff", args: "@two.json @one.json"},
	{command: "lockstep manifest diff", args: "@one.json @tampered.json", code: exitFailed, fails: true},
	{command: "lockstep manifest diff", args: "@one.json", code: exitUsage, fails: true},
	{command: "lockstep manifest prove", args: "totalSupply() @one.json"},
	{command: "lockstep manifest prove", args: "nothing() @one.json", code: exitFailed, fails: true},
	{command: "lockstep status", args: "--config @one.yaml"},
	{command: "lockstep rollout", args: "--config @one.yaml @one.json --yes", code: exitFailed},
	{command: "lockstep deploy", args: "--config @small.yaml @one.json --yes", code: exitFailed, before: edited("one.yaml", "small.yaml", "kind: local,", "kind: local, gasCap: 300000,")},
	{command: "lockstep deploy", args: "--config @two.yaml @two.json --dry-run", code: exitFailed},
	{command: "lockstep deploy", args: "--config @sendless.yaml --journal @sendless.db @one.json --yes", code: exitFailed, before: sendless},
	{command: "lockstep deploy", args: "--config @one.yaml @one.json --dry-run"},
	{command: "lockstep deploy", args: "--config @one.yaml @one.json", code: exitUsage, fails: true},
	{command: "lockstep deploy", args: "--config @one.yaml @one.json --yes"},
	{command: "lockstep deploy", args: "--config @one.yaml @one.json --yes"},
	{command: "lockstep deploy", args: "--config @one.yaml @one.json --yes --network nowhere", code: exitFailed, fails: true},
	{command: "lockstep rollout", args: "--config @one.yaml @one.json --dry-run"},
	{command: "lockstep rollout", args: "--config @one.yaml @one.json --yes"},
	{command: "lockstep rollout", args: "--config @one.yaml @tampered.json --yes", code: exitFailed, fails: true},
	{command: "lockstep rollout", args: "--config @refused.yaml @refused.json --dry-run", code: exitFailed, before: withInitThatReverts},
	{command: "lockstep rollback", args: "--config @one.yaml --yes", code: exitFailed, fails: true},
	{command: "lockstep rollback", args: "--config @one.yaml --to @one.json --yes"},
	{command: "lockstep rollback", args: "--config @one.yaml --to @one.json --dry-run"},
	{command: "lockstep status", args: "--config @one.yaml @one.json --check"},
	{command: "lockstep pause", args: "--config @one.yaml", code: exitUsage, fails: true},
	{command: "lockstep pause", args: "--config @one.yaml --dry-run"},
	{command: "lockstep pause", args: "--config @one.yaml --yes"},
	{command: "lockstep status", args: "--config @one.yaml @one.json --check", code: exitDifference},
	{command: "lockstep unpause", args: "--config @one.yaml --yes"},
	{command: "lockstep unpause", args: "--config @nowhere.yaml --yes", code: exitFailed, fails: true},
	{command: "lockstep cancel", args: "--config @one.yaml --yes"},
	{command: "lockstep cancel", args: "--config @two.yaml --yes --network another --dry-run", code: exitFailed},
	{command: "lockstep status", args: "--config @two.yaml @two.json", code: exitFailed},
	{command: "lockstep status", args: "--config @nowhere.yaml", code: exitFailed, fails: true},
	{command: "lockstep transaction list", args: "--config @one.yaml"},
	{command: "lockstep transaction list", args: "--config @nowhere.yaml", code: exitFailed, fails: true},
	{command: "lockstep transaction drop", args: "--config @one.yaml 0x12 --yes", code: exitUsage, fails: true},
	{command: "lockstep transaction drop", args: "--config @one.yaml 0x" + strings.Repeat("77", 32) + " --yes", code: exitFailed, fails: true},
	{command: "lockstep transaction drop", args: "--config @one.yaml 0x" + strings.Repeat("77", 32) + " --yes", before: neverSent},
	{command: "lockstep transaction adopt", args: "--config @one.yaml guardian", code: exitUsage, fails: true},
	{command: "lockstep transaction adopt", args: "--config @one.yaml nobody --yes", code: exitFailed, fails: true},
	{command: "lockstep transaction adopt", args: "--config @one.yaml guardian --yes"},
	{command: "lockstep relay list", args: "--config @one.yaml"},
	{command: "lockstep relay list", args: "--config @relayed.yaml --journal @relayed.db", before: relayed},
	{command: "lockstep relay list", args: "--config @nowhere.yaml", code: exitFailed, fails: true},
	{command: "lockstep notify test", args: "--config @told.yaml ops", before: told},
	{command: "lockstep notify test", args: "--config @told.yaml", code: exitFailed},
	{command: "lockstep notify test", args: "--config @told.yaml nobody", code: exitFailed, fails: true},
	{command: "lockstep notify test", args: "--config @one.yaml", code: exitFailed, fails: true},
	{command: "lockstep notify test", args: "--config @told.yaml ops ops", code: exitUsage, fails: true},
	{command: "lockstep notify list", args: "--config @told.yaml --journal @told.db"},
	{command: "lockstep notify list", args: "--config @told.yaml --journal @nowhere.db"},
	{command: "lockstep notify list", args: "--config @one.yaml"},
	{command: "lockstep notify list", args: "--config @nowhere.yaml", code: exitFailed, fails: true},
	{command: "lockstep event list", args: "--config @one.yaml"},
	{command: "lockstep event list", args: "--config @one.yaml --journal @indexed.db --name Committed,RoutesApplied --last 0", before: indexed},
	{command: "lockstep event list", args: "--config @one.yaml --contract 0x12", code: exitUsage, fails: true},
	{command: "lockstep event list", args: "--config @one.yaml --tx 0x12", code: exitUsage, fails: true},
	{command: "lockstep upgrade list", args: "--config @one.yaml --status applied"},
	{command: "lockstep upgrade list", args: "--config @one.yaml --journal @indexed.db"},
	{command: "lockstep upgrade list", args: "--config @one.yaml --status done", code: exitUsage, fails: true},
	{command: "lockstep upgrade show", args: "--config @one.yaml --journal @indexed.db 0xabcd"},
	{command: "lockstep upgrade show", args: "--config @one.yaml --journal @indexed.db 0xdddd", code: exitFailed, fails: true},
	{command: "lockstep upgrade show", args: "--config @one.yaml abcd", code: exitUsage, fails: true},
	{command: "lockstep audit list", args: "--journal @lockstep.db --last 0"},
	{command: "lockstep audit list", args: "--config @one.yaml --kind transaction --network local"},
	{command: "lockstep audit list", args: "--journal @lockstep.db --kind nothing", code: exitUsage, fails: true},
	{command: "lockstep audit list", args: "--journal @lockstep.db --network nowhere", code: exitUsage, fails: true},
	{command: "lockstep audit list", args: "--journal @nowhere.db", code: exitFailed, fails: true},
	{command: "lockstep audit export", args: "--journal @lockstep.db -o @audit.jsonl"},
	{command: "lockstep audit export", args: "--journal @lockstep.db -o -", code: exitUsage, fails: true},
	{command: "lockstep audit export", args: "--journal @lockstep.db", code: exitUsage, fails: true},
	{command: "lockstep audit export", args: "--journal @nowhere.db -o @nowhere.jsonl", code: exitFailed, fails: true},
	{command: "lockstep audit head", args: "--config @one.yaml --signer guardian -o @head.json"},
	{command: "lockstep audit head", args: "--config @one.yaml --signer guardian", code: exitUsage, fails: true},
	{command: "lockstep audit head", args: "--config @one.yaml -o @other.json", code: exitUsage, fails: true},
	{command: "lockstep audit head", args: "--config @one.yaml --signer nobody -o @other.json", code: exitFailed, fails: true},
	{command: "lockstep audit head", args: "--config @one.yaml --journal @nowhere.db --signer guardian -o @other.json", code: exitFailed, fails: true},
	{command: "lockstep audit verify", args: "@audit.jsonl"},
	{command: "lockstep audit verify", args: "--journal @lockstep.db --head @head.json"},
	{command: "lockstep audit verify", args: "@changed.jsonl", code: exitDifference, before: edited("audit.jsonl", "changed.jsonl", `"step":"deploy Token"`, `"step":"deploy Taken"`)},
	{command: "lockstep audit verify", args: "@lockstep.db --head @head.json --signer 0x0000000000000000000000000000000000000001", code: exitDifference},
	{command: "lockstep audit verify", args: "@audit.jsonl --journal @lockstep.db", code: exitUsage, fails: true},
	{command: "lockstep audit verify", args: "@audit.jsonl --signer 0x0000000000000000000000000000000000000001", code: exitUsage, fails: true},
	{command: "lockstep audit verify", args: "@audit.jsonl --head @head.json --signer guardian", code: exitUsage, fails: true},
	{command: "lockstep audit verify", args: "@audit.jsonl --head @one.json", code: exitFailed, fails: true},
	{command: "lockstep audit verify", args: "@nowhere.jsonl", code: exitFailed, fails: true},
	{command: "lockstep db check", args: "--journal @lockstep.db"},
	{command: "lockstep db check", args: "--config @one.yaml --head @head.json"},
	{command: "lockstep db check", args: "--journal @old.db", code: exitDifference, before: earlierJournal},
	{command: "lockstep db check", args: "--journal @nowhere.db", code: exitFailed, fails: true},
	{command: "lockstep db check", args: "--journal @lockstep.db --signer 0x0000000000000000000000000000000000000001", code: exitUsage, fails: true},
	{command: "lockstep db backup", args: "--config @one.yaml @backup.db"},
	{command: "lockstep db backup", args: "--config @one.yaml @backup.db", code: exitFailed, fails: true},
	{command: "lockstep db backup", args: "--config @one.yaml @backup.db --force"},
	{command: "lockstep db backup", args: "--config @one.yaml", code: exitUsage, fails: true},
	{command: "lockstep db restore", args: "--config @one.yaml @backup.db --journal @restored.db", code: exitUsage, fails: true},
	{command: "lockstep db restore", args: "--config @one.yaml @backup.db --journal @restored.db --yes"},
	{command: "lockstep db restore", args: "--config @one.yaml @backup.db --journal @restored.db --yes", code: exitFailed, fails: true},
	{command: "lockstep db migrate", args: "--journal @old.db --dry-run"},
	{command: "lockstep db migrate", args: "--journal @old.db"},
	{command: "lockstep db migrate", args: "--config @one.yaml"},
	{command: "lockstep db migrate", args: "--journal @nowhere.db", code: exitFailed, fails: true},
	{command: "lockstep layout check", args: "--old @layout.json --new @layout.json --contract One", before: compiled},
	{command: "lockstep layout check", args: "--old @layout.json --new @layout.json --contract One --new-contract Two", code: exitFailed},
	{command: "lockstep layout check", args: "--old @layout.json --new @nowhere.json --contract One", code: exitFailed, fails: true},
	{command: "lockstep layout check", args: "--old @layout.json", code: exitUsage, fails: true},
	{command: "lockstep layout check", args: "--old @layout.json --new @layout.json --contract One --kind cube", code: exitUsage, fails: true},
	{command: "lockstep layout show", args: "--build @layout.json --contract Two"},
	{command: "lockstep layout show", args: "--build @layout.json --contract Nobody", code: exitFailed, fails: true},
	{command: "lockstep network list"},
	{command: "lockstep network list", args: "too many", code: exitUsage, fails: true},
	{command: "lockstep network check", args: "--config @one.yaml"},
	{command: "lockstep network check", args: "--config @capped.yaml", code: exitDifference, before: edited("one.yaml", "capped.yaml", "kind: local,", "kind: local, gasCap: 100000000,")},
	{command: "lockstep network check", args: "--config @bare.yaml", code: exitDifference, before: withoutFactory},
	{command: "lockstep network check", args: "--config @two.yaml", code: exitFailed, fails: true},
	{command: "lockstep network check", args: "nowhere --rpc http://127.0.0.1:1", code: exitUsage, fails: true},
	{command: "lockstep address create2", args: "--init-code-hash 0x" + strings.Repeat("1f", 32)},
	{command: "lockstep address create2", code: exitUsage, fails: true},
	{command: "lockstep key new", args: "@keys/new.json --password file:@password"},
	{command: "lockstep key new", args: "@keys/new.json --password file:@password", code: exitFailed, fails: true},
	{command: "lockstep key new", args: "@keys/new.json", code: exitUsage, fails: true},
	{command: "lockstep key import", args: "@keys/imported.json --password file:@password", stdin: strings.Repeat("01", 32) + "\n"},
	{command: "lockstep key import", args: "@keys/other.json --password file:@password", code: exitFailed, fails: true},
	{command: "lockstep plan", args: "--config @refused.yaml @refused.json -o @refused-plan.json", code: exitDifference},
	{command: "lockstep plan", args: "--config @planned/one.yaml @planned/one.json -o @planned/plan.json", code: exitDifference, before: plannedProject},
	{command: "lockstep plan", args: "--config @planned/one.yaml @planned/one.json -o @planned/plan.json", before: committed},
	{command: "lockstep plan", args: "--config @planned/one.yaml --action cube", code: exitUsage, fails: true},
	{command: "lockstep plan", args: "--config @planned/one.yaml @nowhere.json", code: exitFailed, fails: true},
	{command: "lockstep show", args: "@planned/plan.json"},
	{command: "lockstep show", args: "@planned/plan.json --check --config @planned/one.yaml"},
	{command: "lockstep show", args: "@planned/plan.json --check --config @planned/capped.yaml", code: exitDifference, before: edited("planned/one.yaml", "planned/capped.yaml", "kind: local,", "kind: local, gasCap: 300000,")},
	{command: "lockstep show", args: "@planned/plan.json --check --config @planned/graced.yaml", code: exitDifference, before: edited("planned/one.yaml", "planned/graced.yaml", "kind: local,", "kind: local, grace: 90,")},
	{command: "lockstep show", args: "@planned/one.json", code: exitFailed, fails: true},
	{command: "lockstep approvals list", args: "@planned/plan.json --config @planned/one.yaml"},
	{command: "lockstep approvals list", args: "@nowhere.json --config @planned/one.yaml", code: exitFailed, fails: true},
	{command: "lockstep rollout", args: "--config @planned/one.yaml @planned/plan.json --yes", code: exitFailed, fails: true},
	{command: "lockstep approve", args: "@planned/plan.json --config @planned/one.yaml --signer guardian --yes"},
	{command: "lockstep approve", args: "@planned/plan.json --config @planned/one.yaml --signer deployer --yes"},
	{command: "lockstep approve", args: "@planned/plan.json --config @planned/one.yaml", code: exitUsage, fails: true},
	{command: "lockstep approve", args: "@planned/plan.json --config @planned/one.yaml --signer nobody --yes", code: exitFailed, fails: true},
	{command: "lockstep approvals revoke", args: "@planned/plan.json --config @planned/one.yaml --signer guardian --yes"},
	{command: "lockstep approvals revoke", args: "@planned/plan.json --config @planned/one.yaml --signer nobody --yes", code: exitFailed, fails: true},
	{command: "lockstep rollout", args: "--config @planned/one.yaml @planned/plan.json --dry-run"},
	{command: "lockstep rollout", args: "--config @planned/one.yaml @planned/plan.json --yes"},
	{command: "lockstep approvals list", args: "@planned/plan.json --config @planned/one.yaml", before: strangerApproves},
	{command: "lockstep show", args: "@planned/plan.json --check --config @planned/one.yaml"},
	{command: "lockstep plan", args: "--config @planned/two.yaml @planned/two.json -o @planned/two-plan.json"},
	{command: "lockstep approvals policy", args: "--config @planned/one.yaml"},
	{command: "lockstep approvals policy", args: "--config @planned/looser.yaml", before: edited("planned/one.yaml", "planned/looser.yaml", "others: 1", "others: 0")},
	{command: "lockstep approvals policy", args: "--config @planned/looser.yaml @planned/plan.json --yes", code: exitFailed, fails: true},
	{command: "lockstep health", args: "--config @planned/one.yaml"},
	{command: "lockstep health", args: "--config @planned/elsewhere.yaml", code: exitDifference, before: edited("planned/one.yaml", "planned/elsewhere.yaml", "delay: 6", "delay: 7")},
	{command: "lockstep health", args: "--config @nowhere.yaml", code: exitFailed, fails: true},
	{command: "lockstep sync", args: "--config @planned/one.yaml"},
	{command: "lockstep sync", args: "--config @planned/more.yaml", code: exitDifference, before: anotherNetwork},
	{command: "lockstep sync", args: "--config @planned/more.yaml -o @planned/sync.json", code: exitFailed, fails: true},
	{command: "lockstep sync", args: "--config @planned/more.yaml -o @planned/sync.json --manifest @planned/one.json", code: exitFailed, fails: true},
	{command: "lockstep sync", args: "--config @planned/one.yaml -o @planned/sync.json", code: exitFailed, fails: true},
	{command: "lockstep sync", args: "--config @planned/elsewhere.yaml", code: exitFailed, fails: true},
	{command: "lockstep start", args: "--config @planned/two.yaml @planned/two-plan.json --yes", code: exitFailed, fails: true},
	{command: "lockstep start", args: "--config @planned/two.yaml @planned/two-plan.json", code: exitUsage, fails: true},
	{command: "lockstep start", args: "--config @planned/two.yaml @planned/one.json --yes", code: exitFailed, fails: true},
	{command: "lockstep start", args: "--config @planned/two.yaml @planned/two-plan.json --dry-run"},
	{command: "lockstep start", args: "--config @planned/two.yaml @planned/two-plan.json --yes", before: approvedTwo},
	{command: "lockstep rollout", args: "--config @planned/two.yaml @planned/two-plan.json --yes", code: exitFailed, fails: true},
	{command: "lockstep show", args: "-o @planned/again.json --journal @planned/lockstep.db DIGEST"},
	{command: "lockstep show", args: "@planned/again.json"},
	{command: "lockstep show", args: "0x00000000 --journal @planned/lockstep.db", code: exitFailed, fails: true},
	{command: "lockstep execution show", args: "--config @planned/two.yaml DIGEST"},
	{command: "lockstep execution show", args: "--config @planned/two.yaml 0x", code: exitFailed, fails: true},
	{command: "lockstep execution show", args: "--config @planned/two.yaml", code: exitUsage, fails: true},
	{command: "lockstep execution stop", args: "--config @planned/two.yaml DIGEST --yes", code: exitUsage, fails: true},
	{command: "lockstep execution stop", args: "--config @planned/two.yaml DIGEST --reason doubt", code: exitUsage, fails: true},
	{command: "lockstep execution stop", args: "--config @planned/two.yaml DIGEST --reason doubt --yes"},
	{command: "lockstep execution stop", args: "--config @planned/two.yaml DIGEST --reason doubt --yes", code: exitFailed, fails: true},
	{command: "lockstep execution list", args: "--config @planned/two.yaml"},
	{command: "lockstep execution retry", args: "--config @planned/two.yaml DIGEST --yes"},
	{command: "lockstep execution retry", args: "--config @planned/two.yaml 0x1234567890 --yes", code: exitFailed, fails: true},
	{command: "lockstep execution exclude", args: "--config @planned/two.yaml DIGEST --network local --yes", code: exitUsage, fails: true},
	{command: "lockstep execution exclude", args: "--config @planned/two.yaml DIGEST --reason down --yes", code: exitUsage, fails: true},
	{command: "lockstep execution exclude", args: "--config @planned/two.yaml DIGEST --network nowhere --reason down --yes", code: exitFailed, fails: true},
	{command: "lockstep execution exclude", args: "--config @planned/two.yaml DIGEST --network local --reason down --yes"},
	{command: "lockstep execution list", args: "--config @planned/two.yaml"},
	{command: "lockstep execution list", args: "--config @nowhere.yaml", code: exitFailed, fails: true},
	{command: "lockstep sync", args: "--config @planned/one.yaml -o @planned/sync.json", before: strangerRollsOut},
	{command: "lockstep serve", args: "--config @planned/serving.yaml", before: edited("planned/one.yaml", "planned/serving.yaml", "facets:", "serve: { listen: \"127.0.0.1:0\" }\nfacets:")},
	{command: "lockstep serve", args: "--config @planned/serving.yaml --log xml", code: exitUsage, fails: true},
	{command: "lockstep serve", args: "--config @nowhere.yaml", code: exitFailed, fails: true},
	{command: "lockstep approvals policy", args: "--config @planned/main.yaml", before: ownMainnet},
	{command: "lockstep man", args: "@man"},
	{command: "lockstep man", args: "@one.yaml", code: exitFailed, fails: true},
	{command: "lockstep demo", args: "--keep"},
	{command: "lockstep demo", args: "--networks five", code: exitUsage, fails: true},
}

// TestJSON runs every command with --json and compares the one document that it prints with docs/reference/json.md.
func TestJSON(t *testing.T) {
	documented := readDocument(t)
	r := newRig(t)
	for _, x := range exercises {
		if x.before != nil {
			x.before(t, r)
		}
		name := strings.TrimSpace(x.command + " " + x.args)
		if before, after, ok := strings.Cut(x.args, "DIGEST"); ok {
			x.args = before + digestOf(t, r.path("planned/two-plan.json")) + after
		}
		words := strings.Fields(strings.TrimPrefix(x.command, "lockstep") + " " + strings.ReplaceAll(x.args, "file:@", "file:"+r.dir+"/"))
		code, stdout, stderr := r.run(t, x.stdin, append(words, "--json")...)
		if code != x.code {
			t.Fatalf("%s: exit code %d, want %d\n%s%s", name, code, x.code, stdout, stderr)
		}
		if code != exitDone && stderr == "" {
			t.Errorf("%s: it fails and does not say why", name)
		}
		doc, err := oneDocument(stdout)
		if err != nil {
			t.Errorf("%s: %v:\n%s", name, err, stdout)
			continue
		}
		if x.command == "lockstep show" && !x.fails && !strings.Contains(x.args, "--check") {
			words := strings.Fields(x.args)
			file := words[slices.IndexFunc(words, func(w string) bool { return strings.HasSuffix(w, ".json") })]
			if diff := cmp.Diff(mustRead(t, r.path(strings.TrimPrefix(file, "@"))), stdout); diff != "" {
				t.Errorf("%s does not print the file:\n%s", name, diff)
			}
			continue
		}
		if x.command == "lockstep manifest show" && !x.fails {
			if diff := cmp.Diff(mustRead(t, r.path(strings.TrimPrefix(x.args, "@"))), stdout); diff != "" {
				t.Errorf("%s does not print the file:\n%s", name, diff)
			}
			continue
		}
		section := documented[x.command]
		switch {
		case x.command == "lockstep sync" && strings.Contains(x.args, " -o "):
			section = documented["lockstep plan"]
		case x.command == "lockstep start" && strings.Contains(x.args, "--dry-run"):
			section = documented["lockstep rollout"]
		}
		if x.fails {
			section = documented["Failure"]
			if got := doc.(map[string]any)["exitCode"]; got != json.Number(fmt.Sprint(code)) {
				t.Errorf("%s: the document says exit code %v, it is %d", name, got, code)
			}
		}
		if section == nil {
			t.Errorf("%s is not in docs/reference/json.md", x.command)
			continue
		}
		for _, problem := range section.compare(doc, "") {
			t.Errorf("%s: %s:\n%s", name, problem, stdout)
		}
	}
	for name, section := range documented {
		for _, path := range section.unseen("") {
			t.Errorf("%s: %s is documented, and no run prints it", name, path)
		}
	}
}

// TestJSONOfEveryCommand fails for a command that has been forgotten above.
func TestJSONOfEveryCommand(t *testing.T) {
	succeeds, fails := map[string]bool{}, map[string]bool{}
	for _, x := range exercises {
		succeeds[x.command] = succeeds[x.command] || x.code == exitDone
		fails[x.command] = fails[x.command] || x.code != exitDone
	}
	seen := map[string]bool{}
	everyCommand(func(c *cobra.Command) {
		path := c.CommandPath()
		seen[path] = true
		if _, ok := withoutData[path]; ok {
			if succeeds[path] || fails[path] {
				t.Errorf("%s is in both tables", path)
			}
			return
		}
		if !succeeds[path] || !fails[path] {
			t.Errorf("%s: put it into exercises, with a run that succeeds and one that fails, or into withoutData", path)
		}
	})
	for path := range succeeds {
		if !seen[path] {
			t.Errorf("there is no %s", path)
		}
	}
	for path := range withoutData {
		if !seen[path] {
			t.Errorf("there is no %s", path)
		}
	}
}

// everyCommand calls f for each command that can be run.
func everyCommand(f func(*cobra.Command)) {
	root := newRoot(&env{})
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Runnable() {
			f(c)
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(root)
}

// edited copies a file of the rig with another text in it.
func edited(from, to, before, after string) func(*testing.T, *rig) {
	return func(t *testing.T, r *rig) {
		t.Helper()
		text := mustRead(t, r.path(from))
		if strings.Count(text, before) != 1 {
			t.Fatalf("%s must hold %q once", from, before)
		}
		r.write(t, to, strings.Replace(text, before, after, 1))
	}
}

// withInitThatReverts deploys refused.json, whose init call cannot succeed.
func withInitThatReverts(t *testing.T, r *rig) {
	t.Helper()
	r.write(t, "refused.yaml", mustRead(t, r.path("one.yaml"))+"init: { contract: MigrateToV2, function: migrate, callArgs: [0] }\n")
	r.must(t, "manifest build --config @refused.yaml -o @refused.json")
	r.must(t, "deploy --config @refused.yaml @refused.json --yes")
}

// plannedProject makes planned/: a project with approvers, which is no git repository yet, and a dispatcher of its own.
func plannedProject(t *testing.T, r *rig) {
	t.Helper()
	if err := os.Mkdir(r.path("planned"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, init, _ := strings.Cut(mustRead(t, r.path("two.yaml")), "\ninit:")
	init, _, _ = strings.Cut(init, "\n")
	one := strings.NewReplacer("delay: 5", "delay: 6", "{ out: artifacts }", "{ out: ../artifacts }", "keystore: ", "keystore: ../", "file:password", "file:../password",
		"signers:", "approvals: { approvers: [deployer, guardian], hotfix: 2, others: 1 }\nsigners:").Replace(mustRead(t, r.path("one.yaml")))
	r.write(t, "planned/one.yaml", one)
	r.write(t, "planned/two.yaml", strings.NewReplacer("contract: Staking }", "contract: StakingV2 }", "contract: Market }", "contract: MarketV2, args: [250] }").Replace(one)+
		"init:"+init+"\n")
	for _, version := range []string{"one", "two"} {
		r.must(t, "manifest build --config @planned/"+version+".yaml -o @planned/"+version+".json")
	}
}

// ownMainnet makes a mainnet of the project's network.
func ownMainnet(t *testing.T, r *rig) {
	t.Helper()
	r.write(t, "planned/main.yaml", strings.NewReplacer("kind: local,", "kind: mainnet,", "delay: 6", "delay: 3600", ": [deployer]", ": [guardian]").Replace(
		mustRead(t, r.path("planned/one.yaml"))))
}

// committed commits all of planned/.
func committed(t *testing.T, r *rig) {
	t.Helper()
	r.write(t, "planned/.gitignore", "lockstep.db*\ncapped.yaml\ngraced.yaml\n")
	for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"-c", "user.name=rig", "-c", "user.email=rig@lockstep.example", "commit", "-q", "-m", "all"}} {
		git := exec.CommandContext(t.Context(), "git", args...)
		git.Dir = r.path("planned")
		if out, err := git.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// anotherNetwork writes planned/more.yaml, which has a network that the manifest was not built for.
func anotherNetwork(t *testing.T, r *rig) {
	t.Helper()
	n := newDevnet(t, devnet.Config{ChainID: 31339})
	edited("planned/one.yaml", "planned/more.yaml", "networks:\n",
		fmt.Sprintf("networks:\n  - { name: more, chainId: 31339, kind: local, rpc: [%q] }\n", n.URL()))(t, r)
}

// approvedTwo approves the plan for the second version.
func approvedTwo(t *testing.T, r *rig) {
	t.Helper()
	r.must(t, "approve @planned/two-plan.json --config @planned/two.yaml --signer guardian --yes --manifest @planned/two.json")
}

// strangerRollsOut has the network moved on by somebody with another journal.
func strangerRollsOut(t *testing.T, r *rig) {
	t.Helper()
	r.must(t, "rollout --config @planned/two.yaml @planned/two-plan.json --manifest @planned/two.json --yes --journal @planned/other.db")
	r.must(t, "transaction adopt deployer --config @planned/one.yaml --yes")
}

// digestOf is the digest of a plan's file.
func digestOf(t *testing.T, path string) string {
	t.Helper()
	var doc struct{ Digest common.Hash }
	if err := json.Unmarshal([]byte(mustRead(t, path)), &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Digest.Hex()
}

// strangerApproves puts an approval of somebody who is no approver beside the plan.
func strangerApproves(t *testing.T, r *rig) {
	t.Helper()
	p, err := plan.Decode(strings.NewReader(mustRead(t, r.path("planned/plan.json"))))
	if err != nil {
		t.Fatal(err)
	}
	key, err := crypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	signature, err := signer.FromKey(crypto.PubkeyToAddress(key.PublicKey), key).SignTypedData(p.TypedData(false))
	if err != nil {
		t.Fatal(err)
	}
	a, err := p.Recover(signature, false)
	if err != nil {
		t.Fatal(err)
	}
	data, err := plan.EncodeApproval(a)
	if err != nil {
		t.Fatal(err)
	}
	r.write(t, "planned/plan.approvals/stranger.json", string(data))
}

// compiled writes layout.json, with two contracts as solc compiles them.
func compiled(t *testing.T, r *rig) {
	t.Helper()
	const source = `// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;
contract One {
    uint256 total;
    /// @custom:storage-location erc7201:rig.one
    struct Rig { uint256 a; }
}
contract Two {
    uint128 total;
    address owner;
    /// @custom:storage-location erc7201:rig.one
    struct Rig { uint8 a; uint8 b; }
    constructor() { owner = msg.sender; }
}
`
	input, err := json.Marshal(map[string]any{
		"language": "Solidity", "sources": map[string]any{"src/Rig.sol": map[string]any{"content": source}},
		"settings": map[string]any{"outputSelection": map[string]any{"*": map[string]any{
			"": []string{"ast"}, "*": []string{"abi", "metadata", "storageLayout", "evm.bytecode", "evm.deployedBytecode"},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	solc := exec.CommandContext(t.Context(), "node", filepath.Join("..", "..", "contracts", "script", "solc.js"), "--standard-json")
	solc.Stdin = bytes.NewReader(input)
	output, err := solc.Output()
	if err != nil {
		t.Fatalf("solc: %v (run make setup)", err)
	}
	r.write(t, "layout.json", fmt.Sprintf(`{"input": %s, "output": %s}`, input, output))
}

// sendless writes sendless.yaml, whose endpoint takes no transactions.
func sendless(t *testing.T, r *rig) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "application/json")
		if bytes.Contains(body, []byte("eth_sendRawTransaction")) {
			_, id, _ := strings.Cut(string(body), `"id":`)
			id, _, _ = strings.Cut(id, ",")
			_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":`+id+`,"error":{"code":-32000,"message":"refused by policy"}}`)
			return
		}
		resp, err := http.Post(r.network.URL(), "application/json", bytes.NewReader(body))
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer func() { _ = resp.Body.Close() }()
		_, _ = io.Copy(w, resp.Body)
	}))
	t.Cleanup(server.Close)
	edited("one.yaml", "sendless.yaml", r.network.URL(), server.URL)(t, r)
}

// neverSent journals a transaction as if the program had died before it could send it.
func neverSent(t *testing.T, r *rig) {
	t.Helper()
	s, err := store.Open(t.Context(), r.path("lockstep.db"), "test")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	var ts []rollout.Transaction
	for i := range byte(2) { // the first of a sequence is released
		ts = append(ts, rollout.Transaction{
			ChainID: 31337, Signer: common.Address{9}, Nonce: uint64(i), Step: "nothing", Hash: common.BytesToHash(bytes.Repeat([]byte{0x76 + i}, 32)), Raw: []byte{2},
		})
	}
	if _, err := s.Add(t.Context(), ts, rollout.Mark{}); err != nil {
		t.Fatal(err)
	}
}

// token0a makes a token with an id that is known.
func token0a(t *testing.T, r *rig) {
	t.Helper()
	s, err := store.Open(t.Context(), r.path("lockstep.db"), "test")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if _, err := s.CreateToken(t.Context(), token.Record{ID: "0a0b0c0d0e0f", Name: "old", Scopes: []token.Scope{token.Decide}}); err != nil {
		t.Fatal(err)
	}
}

// earlierJournal makes old.db, as an earlier release left it.
func earlierJournal(t *testing.T, r *rig) {
	t.Helper()
	db, err := sql.Open("sqlite", r.path("old.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	p, err := goose.NewProvider(goose.DialectSQLite3, db, os.DirFS(filepath.Join("..", "store", "migrations", "sqlite")))
	if err == nil {
		_, err = p.UpTo(t.Context(), 3)
	}
	if err == nil {
		_, err = db.ExecContext(t.Context(), mustRead(t, filepath.Join("..", "store", "testdata", "schema", "3.sql")))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// withoutFactory writes bare.yaml, with a network that has no CREATE2 factory.
func withoutFactory(t *testing.T, r *rig) {
	t.Helper()
	bare := newDevnet(t, devnet.Config{ChainID: 31338})
	edited("one.yaml", "bare.yaml", "chainId: 31337", "chainId: 31338")(t, r)
	edited("bare.yaml", "bare.yaml", r.network.URL(), bare.URL())(t, r)
}

func mustRead(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// oneDocument reads one JSON document and nothing after it.
func oneDocument(text string) (doc any, err error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&doc); err != nil {
		return nil, fmt.Errorf("not a JSON document: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("after the document comes something else")
	}
	return doc, nil
}

// field is what docs/reference/json.md says of a value.
type field struct {
	kind     string // string, number, boolean, or several with "or"; empty for objects and lists
	optional bool
	fields   map[string]*field // of an object
	elements *field            // of a list
	seen     bool
}

func (f *field) at(path string) *field {
	name, rest, more := strings.Cut(path, ".")
	bare, list := strings.CutSuffix(name, "[]")
	if f.fields == nil {
		f.fields = map[string]*field{}
	}
	if f.fields[bare] == nil {
		f.fields[bare] = &field{}
	}
	next := f.fields[bare]
	if list {
		if next.elements == nil {
			next.elements = &field{}
		}
		if !more {
			return next
		}
		next = next.elements
	}
	if more {
		return next.at(rest)
	}
	return next
}

// compare returns what is not as documented.
func (f *field) compare(v any, path string) (problems []string) {
	f.seen = true
	kind := ""
	switch v := v.(type) {
	case map[string]any:
		if f.fields == nil && f.kind == "object" {
			return nil // what is in it is documented elsewhere
		}
		if f.fields == nil {
			return []string{path + " is an object"}
		}
		for name, value := range v {
			sub, ok := f.fields[name]
			if !ok {
				problems = append(problems, fmt.Sprintf("%s.%s is not documented", path, name))
				continue
			}
			problems = append(problems, sub.compare(value, path+"."+name)...)
		}
		for name, sub := range f.fields {
			if _, ok := v[name]; !ok && !sub.optional {
				problems = append(problems, fmt.Sprintf("%s.%s is missing", path, name))
			}
		}
		return problems
	case []any:
		if f.elements == nil {
			return []string{path + " is a list"}
		}
		for _, value := range v {
			problems = append(problems, f.elements.compare(value, path+"[]")...)
		}
		return problems
	case string:
		kind = "string"
	case json.Number:
		kind = "number"
	case bool:
		kind = "boolean"
	case nil:
		kind = "null"
	}
	if !slices.Contains(strings.Split(f.kind, " or "), kind) {
		return []string{fmt.Sprintf("%s is a %s, documented as %q", path, kind, f.kind)}
	}
	return nil
}

// unseen returns what no document has held.
func (f *field) unseen(path string) (out []string) {
	if !f.seen {
		return []string{path}
	}
	for name, sub := range f.fields {
		out = append(out, sub.unseen(path+"."+name)...)
	}
	if f.elements != nil {
		out = append(out, f.elements.unseen(path+"[]")...)
	}
	return out
}

var row = regexp.MustCompile("^\\| (`[^|]*`) \\| ([a-z ]+) \\|([^|]*)\\|")

// readDocument reads docs/reference/json.md: what it says of each command's document.
func readDocument(t *testing.T) map[string]*field {
	t.Helper()
	out := map[string]*field{}
	var section *field
	for line := range strings.Lines(mustRead(t, filepath.Join("..", "..", "docs", "reference", "json.md"))) {
		if title, ok := strings.CutPrefix(line, "## "); ok {
			section = &field{}
			for name := range strings.SplitSeq(strings.TrimSpace(title), ", ") {
				name = strings.TrimSuffix(name, " --version")
				if name != "Failure" && !strings.HasPrefix(name, "lockstep") {
					name = "lockstep " + name
				}
				out[name] = section
			}
			continue
		}
		m := row.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		for name := range strings.SplitSeq(m[1], ", ") {
			path := strings.Trim(name, "`")
			f := section.at(path)
			f.optional = strings.TrimSpace(m[3]) != ""
			switch {
			case m[2] == "list":
			case strings.HasSuffix(path, "[]"):
				f.elements.kind = m[2]
			default:
				f.kind = m[2]
			}
		}
	}
	delete(out, "lockstep manifest show") // it is the manifest itself
	return out
}
