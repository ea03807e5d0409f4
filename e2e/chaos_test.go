package e2e

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
)

// What make soak sets, so that the tests of chaos go on for longer, and what makes one round of them happen again.
var (
	roundsFlag = flag.Int("rounds", 1, "how many rounds each test of chaos goes")
	seedFlag   = flag.Uint64("seed", 0, "seed of the first round of the tests of chaos; from the clock if it is 0")
)

// chaos runs a test for as many rounds as -rounds says, beside others, with random numbers whose seed it logs.
func chaos(t *testing.T, round func(t *testing.T, random *rand.Rand)) {
	t.Helper()
	t.Parallel()
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	for i := range uint64(*roundsFlag) {
		t.Run(fmt.Sprint(i+1), func(t *testing.T) {
			t.Logf("-seed %d", seed+i)
			round(t, rand.New(rand.NewPCG(seed+i, 1)))
		})
	}
}

// between is a random time.
func between(random *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(random.Int64N(int64(most-least)))
}

// edit changes what both configurations say, which must say it.
func (f *fleet) edit(changes ...string) {
	f.t.Helper()
	for i := 0; i < len(changes); i += 2 {
		for _, version := range []string{"one", "two"} {
			text := mustRead(f.t, f.dir+"/"+version+".yaml")
			if !strings.Contains(text, changes[i]) {
				f.t.Fatalf("%s.yaml does not say %q:\n%s", version, changes[i], text)
			}
			f.write(version+".yaml", strings.ReplaceAll(text, changes[i], changes[i+1]))
		}
	}
}

// needed are the transactions that the first version takes on a network, where nothing is yet.
func (f *fleet) needed() map[string]int {
	return map[string]int{
		"create": 5, "grantRole": 7, "renounceRole": 2, "setEtaGrace": 1, "commitRoot": 1, "applyRoutes": len(f.manifest("one").Pages),
		"activateCommittedRoot": 1,
	}
}

// neededNext are those that the second one takes, where the first is live.
func (f *fleet) neededNext() map[string]int {
	return map[string]int{"create": 3, "commitRoot": 1, "applyRoutes": len(f.manifest("two").Pages), "activateCommittedRootAndCall": 1}
}

// journalEntry is a transaction of the journal.
type journalEntry struct {
	ChainID      uint64
	Signer       common.Address
	Nonce        uint64
	Step, Status string
	Hash         common.Hash
	Block        uint64
}

func (f *fleet) entries(config string, more ...string) []journalEntry {
	f.t.Helper()
	var doc struct{ Transactions []journalEntry }
	out := f.must(append([]string{"--config", config, "--json", "transaction", "list"}, more...)...)
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		f.t.Fatalf("%v: %.500s", err, out)
	}
	return doc.Transactions
}

// checkEnd is what must hold after all chaos. Every network runs a version, by exactly the transactions that this takes since there were so many as
// before says. Of each signer the chain holds those that the journal says are confirmed, in the same place, and no other. Whatever was sent is
// in the journal, and what is not on the chain was replaced there; or was lost, if a reorganisation may have taken back what was final. The audit
// log verifies.
func (f *fleet) checkEnd(version string, epoch uint64, before []int, calls map[string]int, mayBeLost bool) {
	f.t.Helper()
	ctx := f.t.Context()
	config := version + ".yaml"
	f.must("--config", config, "audit", "verify")
	f.must("--config", config, "status", version+".json", "--check")
	want, all := f.manifest(version), f.entries(config)
	for i, n := range f.nodes {
		name := f.networks[i].Name
		(&market{t: f.t, dir: f.dir, node: n}).checkRoutes(ctx, f.dispatcher(), want, epoch)
		chain, err := n.transactions(ctx)
		if err != nil {
			f.t.Fatal(err)
		}
		wanted := map[string]int{}
		for k, v := range calls {
			wanted[k] = v
		}
		checkCalls(f.t, chain[before[i]:], wanted)
		f.checkJournal(name, f.networks[i].ChainID, all, chain, mayBeLost)
		f.proxies[i].checkJournalled(f.t, name, all)
	}
}

// checkJournal compares the journal of a network with its chain.
func (f *fleet) checkJournal(name string, chainID uint64, all []journalEntry, chain []mined, mayBeLost bool) {
	f.t.Helper()
	confirmed, ours := map[account]journalEntry{}, map[common.Address]bool{}
	for _, e := range all {
		if e.ChainID != chainID {
			continue
		}
		key := account{e.Signer, e.Nonce}
		ours[e.Signer] = true
		switch e.Status {
		case "confirmed":
			if other, twice := confirmed[key]; twice {
				f.t.Errorf("%s: two are confirmed with nonce %d of %s: %s and %s", name, e.Nonce, e.Signer, other.Hash, e.Hash)
			}
			confirmed[key] = e
		case "dropped", "void":
		case "lost":
			if !mayBeLost {
				f.t.Errorf("%s: %s with nonce %d of %s is lost", name, e.Step, e.Nonce, e.Signer)
			}
		default:
			f.t.Errorf("%s: %s with nonce %d of %s is %s in the end", name, e.Step, e.Nonce, e.Signer, e.Status)
		}
	}
	held := map[account]bool{}
	for _, tx := range chain {
		if !ours[tx.From] {
			continue
		}
		nonce, err := strconv.ParseUint(tx.Nonce, 0, 64)
		if err != nil {
			f.t.Fatalf("%s: nonce %q: %v", tx.Hash, tx.Nonce, err)
		}
		key := account{tx.From, nonce}
		held[key] = true
		switch e, known := confirmed[key]; {
		case !known:
			f.t.Errorf("%s: %s with nonce %d of %s is in block %d, and not confirmed in the journal", name, tx.Hash, nonce, tx.From, tx.Block)
		case e.Hash != tx.Hash || e.Block != tx.Block:
			f.t.Errorf("%s: nonce %d of %s: %s in block %d of the journal, %s in block %d of the chain", name, nonce, tx.From, e.Hash, e.Block, tx.Hash, tx.Block)
		}
	}
	for key, e := range confirmed {
		if !held[key] {
			f.t.Errorf("%s: %s with nonce %d of %s is confirmed in the journal, and not on the chain", name, e.Step, e.Nonce, e.Signer)
		}
	}
}

// checkJournalled fails if a transaction was sent that is not in the journal, or one that was never to be sent.
func (p *proxy) checkJournalled(t testing.TB, name string, all []journalEntry) {
	t.Helper()
	known := map[common.Hash]journalEntry{}
	for _, e := range all {
		known[e.Hash] = e
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, hashes := range p.hashes {
		for hash := range hashes {
			e, journalled := known[hash]
			switch {
			case !journalled:
				t.Errorf("%s: %s with nonce %d of %s was sent, and is not in the journal", name, hash, key.nonce, key.signer)
			case e.Status == "void":
				t.Errorf("%s: %s, %s, was sent, and is void in the journal", name, hash, e.Step)
			}
		}
	}
}
