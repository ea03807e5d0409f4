package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/localnode"
	"github.com/seed-b6a97670/lockstep/internal/network"
)

// The steps around which networks are reorganised, by what their transactions call.
const (
	atCreate   = "create"
	atCommit   = "commitRoot(bytes32,uint64)"
	atApply    = "applyRoutes(bytes,bytes32[],bytes32)"
	atActivate = "activateCommittedRoot()"
)

// isStep tells whether a transaction is of a step.
func (tx mined) isStep(step string) bool {
	if step == atCreate {
		return tx.To != nil && *tx.To == common.HexToAddress("0x4e59b44847b379578588920ca78fbf26c0b4956c")
	}
	return strings.HasPrefix(tx.Input, fmt.Sprintf("%#x", crypto.Keccak256([]byte(step))[:4]))
}

// head is the newest block, with its transactions.
type head struct {
	Number, Timestamp hexutil.Uint64
	Transactions      []mined
}

func (n *node) head(ctx context.Context) (h head, err error) {
	return h, n.call(ctx, &h, "eth_getBlockByNumber", "latest", true)
}

// miner makes the blocks of an anvil, one after the other, so that it is known which transaction is how deep.
type miner struct {
	*fleet
	network int

	mu    sync.Mutex
	due   map[string]int // how many blocks are taken back when the first transaction of a step is in the last of them
	taken []string       // the steps that were, in order
}

// mine makes the blocks of a network from now on. For each step in due, blocks are taken back once, as many as it says.
func (f *fleet) mine(network int, due map[string]int) *miner {
	f.t.Helper()
	m := &miner{fleet: f, network: network, due: due}
	n := f.nodes[network]
	if err := n.call(f.t.Context(), nil, "evm_setIntervalMining", 0); err != nil {
		f.t.Fatal(err)
	}
	dispatcher, pages := f.dispatcher(), map[common.Hash]int{}
	for _, version := range []string{"one", "two"} {
		pages[f.manifest(version).Root] = len(f.manifest(version).Pages)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(f.t.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if err := m.next(ctx, n, dispatcher, pages); err != nil && ctx.Err() == nil {
				f.t.Errorf("%s: %v", f.networks[network].Name, err)
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(500 * time.Millisecond):
			}
		}
	}()
	f.t.Cleanup(func() { cancel(); <-done })
	return m
}

// next makes a block, and takes it back if a step in it is due; else it lets a timelock pass if all waits for it.
func (m *miner) next(ctx context.Context, n *node, dispatcher common.Address, pages map[common.Hash]int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := n.call(ctx, nil, "evm_mine"); err != nil {
		return err
	}
	h, err := n.head(ctx)
	if err != nil {
		return err
	}
	for _, tx := range h.Transactions {
		for step, depth := range m.due {
			if tx.isStep(step) {
				delete(m.due, step)
				m.taken = append(m.taken, step)
				return n.takeBack(ctx, depth, tx.Hash)
			}
		}
	}
	s, err := n.state(ctx, dispatcher)
	if err != nil || s.pendingRoot == (common.Hash{}) || uint64(h.Timestamp) >= s.eta+s.grace {
		return nil // nothing is there yet, or waits
	}
	if staged, err := n.staged(ctx, dispatcher, s.pendingRoot); err != nil || staged < pages[s.pendingRoot] {
		return err
	}
	return n.passTime(ctx, s.eta+s.grace-uint64(h.Timestamp))
}

// takeBack makes blocks until a transaction of the newest one is so deep, and puts as many empty ones in their place.
func (n *node) takeBack(ctx context.Context, depth int, hash common.Hash) error {
	for range depth - 1 {
		if err := n.call(ctx, nil, "evm_mine"); err != nil {
			return err
		}
	}
	if err := n.call(ctx, nil, "anvil_reorg", depth, []any{}); err != nil {
		return err
	}
	if in, err := n.hasReceipt(ctx, hash); in || err != nil {
		return fmt.Errorf("%s is in a block after a reorganisation (%w)", hash, err)
	}
	return nil
}

// mustHaveTaken fails unless every step that was due was taken back.
func (m *miner) mustHaveTaken() {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.t.Logf("%s: taken back: %q", m.networks[m.network].Name, m.taken)
	if len(m.due) > 0 {
		m.t.Errorf("%s was not reorganised at %v", m.networks[m.network].Name, m.due)
	}
}

// TestChaosReorgs takes blocks back in which steps are, before these are final: each step is on the chain once in the end.
func TestChaosReorgs(t *testing.T) {
	t.Parallel()
	for name, sending := range map[string]string{"one by one": "sending: { careful: true }\n", "together": ""} {
		t.Run(name, func(t *testing.T) {
			chaos(t, func(t *testing.T, random *rand.Rand) {
				f := newFleet(t, inUse(2), map[string]string{"": everySecond + sending})
				f.edit("confirmations: 1,", "confirmations: 3,")
				one := f.approved("one")
				var miners []*miner
				for i := range f.nodes {
					due := map[string]int{}
					for _, step := range []string{atCreate, atCommit, atApply, atActivate} {
						due[step] = 1 + i
					}
					if name == "together" { // they may share a block
						delete(due, []string{atCommit, atApply}[random.IntN(2)])
					}
					miners = append(miners, f.mine(i, due))
				}
				f.serve("one.yaml")
				f.must("--config", "one.yaml", "start", "one-plan.json", "--yes")
				f.await("one.yaml", one, 4*patience, "done", done)
				for _, m := range miners {
					m.mustHaveTaken()
				}
				f.checkEnd("one", 1, make([]int, 2), f.needed(), false)
			})
		})
	}
}

// gethNetworks are the one network that a geth of its own has.
var gethNetworks = []network.Network{{Name: "geth", ChainID: 1337}}

// TestChaosReorgsGeth does the same to a geth, which is told to forget its newest blocks.
func TestChaosReorgsGeth(t *testing.T) {
	chaos(t, func(t *testing.T, random *rand.Rand) {
		g, err := localnode.Geth(places.geth)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(g.Stop)
		f := &fleet{market: &market{t: t, dir: t.TempDir()}, networks: gethNetworks, nodes: []*node{{g, g.URL, g.RPC}}}
		f.nodes[0].fund(t)
		f.proxies = []*proxy{newProxy(t, g.URL)}
		f.addKeys()
		f.project(fmt.Sprintf("  - { name: geth, chainId: 1337, kind: local, grace: 30, confirmations: 4, blockTime: 1, l1Fee: none, rpc: [%q] }\n",
			f.proxies[0].url), map[string]string{"": everySecond + "sending: { batchDelay: 1 }\n"})
		f.edit("delay: 3600", "delay: 5")
		for _, version := range []string{"one", "two"} {
			f.must("--config", version+".yaml", "manifest", "build", "-o", version+".json")
		}
		one := f.approved("one")
		before := f.counts()
		due := map[string]int{atCommit: 1 + random.IntN(2), atApply: 1 + random.IntN(2), atActivate: 1 + random.IntN(2)}
		reorganised := f.nodes[0].setHeads(t, due)
		f.serve("one.yaml")
		f.must("--config", "one.yaml", "start", "one-plan.json", "--yes")
		f.await("one.yaml", one, 4*patience, "done", done)
		if missing := reorganised(); len(missing) > 0 {
			t.Errorf("it was not reorganised at %v", missing)
		}
		f.checkEnd("one", 1, before, f.needed(), false)
	})
}

// setHeads watches the blocks of a geth, and takes back as many as due says when the first transaction of a step is in the newest. What it
// returns ends that, and returns the steps that were not.
func (n *node) setHeads(t *testing.T, due map[string]int) (missing func() map[string]int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	heads := make(chan json.RawMessage, 256)
	sub, err := n.rpc.EthSubscribe(ctx, heads, "newHeads")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer sub.Unsubscribe()
		if err := n.watchHeads(ctx, heads, t, due); err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return func() map[string]int { cancel(); <-ended; return due }
}

func (n *node) watchHeads(ctx context.Context, heads <-chan json.RawMessage, t *testing.T, due map[string]int) error {
	var until, to uint64 // the head that is waited for, and the one that is set then
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-heads:
		}
		h, err := n.head(ctx)
		if err != nil {
			return err
		}
		for step, depth := range due {
			for _, tx := range h.Transactions {
				if until == 0 && tx.isStep(step) {
					t.Logf("%s is in block %d: %d are taken back", step, h.Number, depth)
					until, to = uint64(h.Number)+uint64(depth)-1, uint64(h.Number)-1
					delete(due, step)
				}
			}
		}
		if until == 0 || uint64(h.Number) < until {
			continue
		}
		if uint64(h.Number) >= to+3 {
			t.Logf("block %d came too early to take back what is after %d", h.Number, to)
		} else if err := n.call(ctx, nil, "debug_setHead", hexutil.Uint64(to)); err != nil {
			return err
		}
		until = 0
	}
}

// TestChaosReorgsDeep takes blocks back whose transactions were final by the network's confirmation rule. Nothing more is sent there, until an
// operator has the journal agree with the chain; the other network is done meanwhile.
func TestChaosReorgsDeep(t *testing.T) {
	t.Parallel()
	for name, sending := range map[string]string{"the commit": "careful: true", "the commit, while its page is under way": "batchDelay: 3"} {
		t.Run(name, func(t *testing.T) {
			chaos(t, func(t *testing.T, random *rand.Rand) {
				f := newFleet(t, inUse(2), map[string]string{"": everySecond + "sending: { " + sending + " }\n"})
				f.edit("confirmations: 1,", "confirmations: 3,")
				one := f.approved("one")
				f.mine(0, nil)
				deep := f.mine(1, nil)
				lost := f.networks[1].Name
				f.serve("one.yaml")
				f.must("--config", "one.yaml", "start", "one-plan.json", "--yes")
				deep.takeBackFinal()
				s := f.await("one.yaml", one, 4*patience, "halted because of it", func(s executionState) bool {
					state, reason := s.of(lost)
					// which of the two is seen first: that the nonce is free again, or that the root is no longer pending
					known := strings.Contains(reason, "lockstep transaction adopt") || strings.Contains(reason, "was committed and is no longer pending")
					return state == "halted" && known && s.states()["done"] == 1
				})
				if got := f.live("one"); len(got) != 1 || got[0] == lost {
					t.Errorf("live on %v: %+v", got, s)
				}
				if open := f.entries("one.yaml", "--open"); len(open) > 0 {
					f.proxies[1].checkJournalled(t, lost, f.entries("one.yaml"))
					return // it waits for the commit, whose nonce is free: only an operator can say what is to become of it
				}
				f.must("--config", "one.yaml", "transaction", "adopt", "operator", "--network", lost, "--yes")
				f.must("--config", "one.yaml", "execution", "retry", one, "--yes")
				f.await("one.yaml", one, 4*patience, "done", done)
				f.checkEnd("one", 1, make([]int, 2), f.needed(), true)
			})
		})
	}
}

// takeBackFinal waits until the commit is final in the journal, and takes it back with all that came after it.
func (m *miner) takeBackFinal() {
	m.t.Helper()
	n, ctx := m.nodes[m.network], m.t.Context()
	m.await("one.yaml", m.digest("one-plan.json"), 2*patience, "committed for good", func(executionState) bool {
		for _, e := range m.entries("one.yaml") {
			if e.ChainID != m.networks[m.network].ChainID || e.Status != "confirmed" || !strings.HasPrefix(e.Step, "commit") {
				continue
			}
			m.mu.Lock()
			defer m.mu.Unlock()
			h, err := n.head(ctx)
			if err != nil {
				m.t.Fatal(err)
			}
			m.t.Logf("the commit is in block %d of %d", e.Block, h.Number)
			if err := n.call(ctx, nil, "anvil_reorg", uint64(h.Number)-e.Block+1, []any{}); err != nil {
				m.t.Fatal(err)
			}
			return true
		}
		return false
	})
}
