package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
)

// entry is an entry of an exported audit log, read without the program's own code.
type entry struct {
	Seq     uint64
	Kind    string
	ChainID uint64 `json:"chainId"`
	Body    struct {
		ID          int64
		Hash        common.Hash
		Signer      common.Address
		Nonce       uint64
		Step        string
		Kind        string
		Status      string
		BlockNumber uint64
	}
}

func readEntries(t *testing.T, path string) (out []entry) {
	t.Helper()
	for line := range strings.Lines(mustRead(t, path)) {
		var e entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		out = append(out, e)
	}
	return out
}

// TestAuditAfterKills kills a rollout after every write to its journal. Then an auditor gets a copy of the journal, an export,
// and a head that was sent away before: in another folder, without a configuration, all of it verifies, and its entries are
// the transactions of the chain. Whoever cuts the log back to before the kills is found out.
func TestAuditAfterKills(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	n := newAnvil(t)
	p := newProxy(t, n.url)
	m := newMarket(t, n, p.url, 10)
	want := m.manifest("one")
	before, err := n.transactions(ctx)
	if err != nil {
		t.Fatal(err)
	}
	m.must("--config", "one.yaml", "deploy", "one.json", "--yes")
	early := t.TempDir() // where this machine cannot write any more
	m.must("--config", "one.yaml", "audit", "head", "--signer", "guardian", "-o", filepath.Join(early, "head.json"))
	m.must("audit", "export", "-o", "early.jsonl")
	m.keepTime(m.dispatcher(), 1, want)
	kills := m.killAfterEachWrite(100, "--config", "one.yaml", "rollout", "one.json", "--yes")
	if kills < 5 {
		t.Errorf("%d kills", kills)
	}
	m.must("--config", "one.yaml", "audit", "head", "--signer", "guardian", "-o", filepath.Join(early, "later.json"))
	m.must("audit", "export", "-o", "audit.jsonl")

	elsewhere := t.TempDir()
	for _, suffix := range []string{"", "-wal"} {
		if data, err := os.ReadFile(filepath.Join(m.dir, "lockstep.db"+suffix)); err == nil {
			mustWrite(t, filepath.Join(elsewhere, "copy.db"+suffix), string(data))
		}
	}
	mustWrite(t, filepath.Join(elsewhere, "audit.jsonl"), mustRead(t, filepath.Join(m.dir, "audit.jsonl")))
	var head struct {
		Log, Hash common.Hash
		Seq, Time uint64
		Signer    common.Address
		Signature string
	}
	if err := json.Unmarshal([]byte(mustRead(t, filepath.Join(early, "head.json"))), &head); err != nil {
		t.Fatal(err)
	}
	guardian := devAddress(2)
	if head.Signer != guardian {
		t.Errorf("the head is signed by %s", head.Signer)
	}
	for _, what := range []string{"copy.db", "audit.jsonl"} {
		for _, h := range []string{"head.json", "later.json"} {
			out := runIn(t, elsewhere, lockstepBinary(), "audit", "verify", what, "--head", filepath.Join(early, h), "--signer", guardian.Hex())
			if !strings.Contains(out, "is sound") {
				t.Errorf("%s with %s: %s", what, h, out)
			}
		}
	}
	// by others: cast for the signature, Node.js for the chain of hashes
	text := fmt.Sprintf("Lockstep audit log, version 1\nlog: %s\nentry: %d\nhash: %s\ntime: %d", head.Log, head.Seq, head.Hash, head.Time)
	runIn(t, elsewhere, places.cast, "wallet", "verify", "--address", guardian.Hex(), text, head.Signature)
	_, checker, _ := strings.Cut(mustRead(t, filepath.Join(places.root, "docs", "reference", "audit.md")), "```js\n")
	checker, _, _ = strings.Cut(checker, "```")
	mustWrite(t, filepath.Join(elsewhere, "check.mjs"), checker)
	if out := runIn(t, elsewhere, "node", "check.mjs", "audit.jsonl", filepath.Join(early, "head.json")); !strings.Contains(out, "sound: ") {
		t.Error(out)
	}

	entries := readEntries(t, filepath.Join(elsewhere, "audit.jsonl"))
	chain, err := n.transactions(ctx)
	if err != nil {
		t.Fatal(err)
	}
	p.checkOneEach(t, chain)
	checkEntries(t, entries, chain[len(before):])
	t.Logf("%d kills, %d entries, %d transactions", kills, len(entries), len(chain)-len(before))

	// cut back to what it was before the kills: sound in itself, and found out with the later head
	mustWrite(t, filepath.Join(elsewhere, "early.jsonl"), mustRead(t, filepath.Join(m.dir, "early.jsonl")))
	runIn(t, elsewhere, lockstepBinary(), "audit", "verify", "early.jsonl", "--head", filepath.Join(early, "head.json"))
	cut := &market{t: t, dir: elsewhere}
	run := cut.start("audit", "verify", "early.jsonl", "--head", filepath.Join(early, "later.json"))
	if code := run.code(); code != 3 || !strings.Contains(run.output(), "cut: the log ends with entry") {
		t.Errorf("exit code %d: %s", code, run.output())
	}
}

// checkEntries compares the entries about transactions with those of the chain.
func checkEntries(t *testing.T, entries []entry, chain []mined) {
	t.Helper()
	type seen struct {
		entry
		released, void, confirmed bool
		block                     uint64
	}
	byID := map[int64]*seen{}
	for _, e := range entries {
		if !strings.HasPrefix(e.Kind, "transaction.") {
			continue
		}
		if e.ChainID != 31337 {
			t.Errorf("entry %d is about chain %d", e.Seq, e.ChainID)
		}
		s := byID[e.Body.ID]
		if s == nil {
			s = &seen{entry: e}
			byID[e.Body.ID] = s
		}
		if s.Body.Hash != e.Body.Hash {
			t.Errorf("entry %d: transaction %d has two hashes", e.Seq, e.Body.ID)
		}
		switch e.Kind {
		case "transaction.signed":
			if s.Seq != e.Seq {
				t.Errorf("entry %d: transaction %d is signed after something else", e.Seq, e.Body.ID)
			}
		case "transaction.released":
			s.released = true
		case "transaction.void":
			s.void = true
		case "transaction.confirmed":
			s.confirmed, s.block = true, e.Body.BlockNumber
		default:
			t.Errorf("entry %d: %s", e.Seq, e.Kind)
		}
	}
	confirmed := map[common.Hash]*seen{}
	for id, s := range byID {
		if s.released == s.void || s.released != s.confirmed {
			t.Errorf("transaction %d, %s: released %v, void %v, confirmed %v", id, s.Body.Step, s.released, s.void, s.confirmed)
		}
		if s.confirmed {
			confirmed[s.Body.Hash] = s
		}
	}
	for _, tx := range chain {
		s := confirmed[tx.Hash]
		if s == nil || s.Body.Signer != tx.From || fmt.Sprintf("%#x", s.Body.Nonce) != tx.Nonce || s.block != tx.Block || !tx.Success {
			t.Errorf("%s of %s with nonce %s in block %d: the log says %+v", tx.Hash, tx.From, tx.Nonce, tx.Block, s)
		}
	}
	if len(confirmed) != len(chain) {
		t.Errorf("the log has %d transactions that are final, the chain has %d", len(confirmed), len(chain))
	}
}
