package e2e

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// mostKills bounds the kills of one test; then the program is let go on to its end.
const mostKills = 25

// Where a kill can hit. Between journalling and receipt are the second and the third.
const (
	nothingOpen = "nothing under way"
	journalled  = "journalled, not sent"
	underWay    = "sent, not in a block"
	inBlock     = "in a block, its outcome not journalled"
)

// TestKilledDeploy kills lockstep deploy again and again, at random moments and around each transaction.
func TestKilledDeploy(t *testing.T) {
	t.Parallel()
	n := newAnvil(t)
	p := newProxy(t, n.url)
	m := newMarket(t, n, p.url, 50)
	interval(t, n)
	m.killUntilDone(p, 12, rand.New(rand.NewPCG(1, 2)), "--config", "one.yaml", "deploy", "one.json", "--yes")

	chain, err := n.transactions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.checkOneEach(t, chain)
	// extension, dispatcher, three facets; six roles are granted; the deployer gives up its own
	checkCalls(t, chain, map[string]int{"create": 5, "grantRole": 6, "renounceRole": 1})
}

// TestKilledRollout does the same to lockstep rollout: with one page, and with several and an init call.
func TestKilledRollout(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, version string
		pageSize      int
		seed          uint64
		activate      string
	}{
		{"one page", "one", 50, 3, "activateCommittedRoot"},
		{"several pages", "two", 10, 4, "activateCommittedRootAndCall"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			n := newAnvil(t)
			p := newProxy(t, n.url)
			m := newMarket(t, n, p.url, test.pageSize)
			file, want := test.version+".json", m.manifest(test.version)
			if test.pageSize < 50 && len(want.Pages) < 3 {
				t.Fatalf("%d pages: this test wants several", len(want.Pages))
			}
			m.must("--config", test.version+".yaml", "deploy", file, "--yes")
			before, err := n.transactions(ctx)
			if err != nil {
				t.Fatal(err)
			}
			interval(t, n)
			dispatcher := m.dispatcher()
			m.keepTime(dispatcher, 3, want)
			m.killUntilDone(p, len(want.Pages)+2, rand.New(rand.NewPCG(test.seed, 5)), "--config", test.version+".yaml", "rollout", file, "--yes")

			chain, err := n.transactions(ctx)
			if err != nil {
				t.Fatal(err)
			}
			p.checkOneEach(t, chain)
			checkCalls(t, chain[len(before):], map[string]int{"commitRoot": 1, "applyRoutes": len(want.Pages), test.activate: 1})
			m.checkRoutes(ctx, dispatcher, want, 1)
			m.must("--config", test.version+".yaml", "status", file, "--check")
		})
	}
}

// TestKilledAfterActivation kills a rollout when its last transaction has been sent. The next version must not have to
// finish the old one first: the chain says that it is done.
func TestKilledAfterActivation(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	n := newAnvil(t)
	p := newProxy(t, n.url)
	m := newMarket(t, n, p.url, 50)
	one, two := m.manifest("one"), m.manifest("two")
	m.must("--config", "one.yaml", "deploy", "one.json", "--yes")
	dispatcher := m.dispatcher()
	m.keepTime(dispatcher, 1, one, two)
	running := m.start("--config", "one.yaml", "rollout", "one.json", "--yes")
	sent := 0
	p.arm(func(before bool) bool {
		if before {
			return false
		}
		if sent++; sent < 3 { // a commit and a page
			return false
		}
		running.kill()
		for range 500 { // the activation gets into a block
			if s, err := n.state(ctx, dispatcher); err == nil && s.activeRoot == one.Root {
				return true
			}
			time.Sleep(20 * time.Millisecond)
		}
		t.Error("the third transaction has activated nothing")
		return true
	})
	if code := running.code(); code != -1 {
		t.Fatalf("it was not killed: exit code %d\n%s", code, running.output())
	}
	p.arm(nil)
	m.checkRoutes(ctx, dispatcher, one, 1)

	m.must("--config", "two.yaml", "deploy", "two.json", "--yes")
	m.must("--config", "two.yaml", "rollout", "two.json", "--yes")
	m.checkRoutes(ctx, dispatcher, two, 2)
	// and the journal knows what was active before
	m.must("--config", "two.yaml", "rollback", "--yes")
	if s, err := n.state(ctx, dispatcher); err != nil || s.activeRoot != one.RoutesRoot || s.activeEpoch != 3 {
		t.Errorf("root %s is active in epoch %d (%v), want %s in epoch 3", s.activeRoot, s.activeEpoch, err, one.RoutesRoot)
	}
}

// interval makes a block a second from now on.
func interval(t testing.TB, n *node) {
	t.Helper()
	if err := n.call(t.Context(), nil, "evm_setIntervalMining", 1); err != nil {
		t.Fatal(err)
	}
	if err := n.call(t.Context(), nil, "evm_setAutomine", false); err != nil {
		t.Fatal(err)
	}
}

// killUntilDone starts a command that sends some transactions and kills it, again and again, until it ends by itself,
// which must be with success. It logs where the kills hit, and fails if none hit between journalling and receipt.
func (m *market) killUntilDone(p *proxy, transactions int, random *rand.Rand, args ...string) {
	m.t.Helper()
	hits, open := map[hit]int{}, map[string]int{}
	kills := 0
	for ; ; kills++ {
		if each := mostKills / transactions; kills%each == each-1 {
			m.nextBlock() // so that the kills spread over all transactions
		}
		running := m.start(args...)
		if kills >= mostKills {
			p.arm(nil)
			running.mustSucceed(m.t)
			break
		}
		moment := random.IntN(4)
		if kills < 2 {
			moment = kills // each kind around a transaction at least once
		}
		if !m.killOnce(p, moment, random, running) {
			break
		}
		h, err := m.whereHit(m.t.Context(), p)
		if err != nil {
			m.t.Fatal(err)
		}
		hits[h]++
		open[h.where]++
	}
	p.arm(nil)
	for _, h := range slices.SortedFunc(maps.Keys(hits), func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.id, b.id), strings.Compare(a.where, b.where))
	}) {
		m.t.Logf("%2d kills %s: %s", hits[h], h.step, h.where)
	}
	if open[journalled] == 0 || open[underWay]+open[inBlock] == 0 {
		m.t.Error("no kill hit between journalling and receipt")
	}
}

// nextBlock waits for a block.
func (m *market) nextBlock() {
	m.t.Helper()
	looks := 0
	err := m.node.awaitBlock(m.t.Context(), func(context.Context) (bool, error) {
		looks++
		return looks > 1, nil
	})
	if err != nil {
		m.t.Fatal(err)
	}
}

// killOnce kills a process just before (moment 0) or just after (1) the proxy passes a transaction on, or at a random time
// (else). It returns false if the process ended by itself.
func (m *market) killOnce(p *proxy, moment int, random *rand.Rand, running *process) bool {
	m.t.Helper()
	delay := time.Duration(5+random.IntN(395)) * time.Millisecond
	var once sync.Once
	p.arm(func(before bool) (killed bool) {
		if before == (moment == 0) && moment < 2 {
			once.Do(func() { killed = true; running.kill() })
		}
		return killed
	})
	limit := patience
	if moment >= 2 {
		limit = delay
	}
	select {
	case <-running.ended:
	case <-time.After(limit):
		if moment < 2 {
			m.t.Errorf("it neither sent nor ended within %s\n%s", patience, running.output())
		}
		running.kill()
	}
	switch code := running.code(); code {
	case -1:
		return true
	case 0:
		return false
	default:
		m.t.Fatalf("exit code %d after a kill\n%s", code, running.output())
		return false
	}
}

// hit is a place where a kill hit: a transaction of the journal, and how far it was.
type hit struct {
	id    int64
	step  string
	where string
}

// whereHit finds out what was under way when the process was killed, from a copy of its journal: the journal itself is
// left as the kill left it.
func (m *market) whereHit(ctx context.Context, p *proxy) (hit, error) {
	dir, err := os.MkdirTemp(m.t.TempDir(), "journal")
	if err != nil {
		return hit{}, err
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		data, err := os.ReadFile(filepath.Join(m.dir, "lockstep.db"+suffix))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return hit{}, err
		}
		if err := os.WriteFile(filepath.Join(dir, "lockstep.db"+suffix), data, 0o600); err != nil {
			return hit{}, err
		}
	}
	s, err := store.Open(ctx, filepath.Join(dir, "lockstep.db"), "test")
	if err != nil {
		return hit{}, fmt.Errorf("journal after a kill: %w", err)
	}
	defer func() { _ = s.Close() }() // a copy
	journal, err := s.Transactions(ctx, 31337)
	if err != nil {
		return hit{}, err
	}
	for _, tx := range journal {
		if tx.Status != rollout.Released {
			continue
		}
		h := hit{tx.ID, "at " + tx.Step, journalled}
		if !p.hasPassed(tx.Hash) {
			return h, nil
		}
		h.where = underWay
		found, err := m.node.hasReceipt(ctx, tx.Hash)
		if found {
			h.where = inBlock
		}
		return h, err
	}
	return hit{0, "between transactions", nothingOpen}, nil
}
