package txsend

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/seed-b6a97670/lockstep/internal/chain"
)

// gift is a transaction that is given to all endpoints and relays at once.
type gift struct {
	at    time.Time
	taken chan struct{} // is closed when the first has it
	done  chan struct{} // is closed when all have answered

	mu   sync.Mutex
	has  bool
	errs []error
}

// told takes in what one of them has said.
func (g *gift) told(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case err != nil:
		g.errs = append(g.errs, err)
	case !g.has:
		g.has = true
		close(g.taken)
	}
}

// outcome is nil if one has it.
func (g *gift) outcome() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.has {
		return nil
	}
	return fmt.Errorf("nobody has taken it yet: %w", errors.Join(g.errs...))
}

// give gives a transaction to all at once, and returns when the first has it, or nobody has taken it. The others are not waited for. What is being given
// already is not given twice.
func (p *Pauser) give(ctx context.Context, tx *types.Transaction, head uint64) error {
	g := p.gift(ctx, tx, head)
	select {
	case <-g.taken:
		return nil
	case <-g.done:
		return g.outcome()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// gift begins to give a transaction away, or returns that which has begun and not ended.
func (p *Pauser) gift(ctx context.Context, tx *types.Transaction, head uint64) *gift {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g := p.given[tx.Hash()]; g != nil {
		select {
		case <-g.done:
		default:
			return g
		}
	}
	for hash, old := range p.given { // what is given again is not forgotten
		if time.Since(old.at) > time.Hour {
			delete(p.given, hash)
		}
	}
	g := &gift{at: time.Now(), taken: make(chan struct{}), done: make(chan struct{})}
	p.given[tx.Hash()] = g
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // each is bounded by its own time
	var all sync.WaitGroup
	if p.cfg.Direct {
		all.Go(func() {
			err := p.cfg.Chain.SendAll(ctx, tx, func(s chain.Reply) {
				if s.Err != nil {
					s.Err = fmt.Errorf("endpoint %s: %w", s.Endpoint, s.Err)
				}
				g.told(s.Err)
			})
			if err != nil {
				g.told(err)
			}
		})
	}
	if p.cfg.Relays != nil {
		all.Go(func() {
			err := p.cfg.Relays.PushAll(ctx, tx, head, head+relayBlocks, func(_ string, err error) { g.told(err) })
			if err != nil {
				g.told(err)
			}
		})
	}
	p.giving.Go(func() {
		defer cancel()
		all.Wait()
		close(g.done)
	})
	p.giving.Go(func() {
		select {
		case <-g.done:
		case <-p.over:
			cancel()
		}
	})
	return g
}

// everywhere is how what a Pauser follows reaches blocks.
type everywhere struct{ p *Pauser }

// Push gives transactions that are in no block to all again, those excepted that somebody was given a moment ago.
func (e everywhere) Push(ctx context.Context, txs []*types.Transaction, head, _ uint64) error {
	for _, tx := range txs {
		if e.p.fresh(tx.Hash()) {
			continue
		}
		if err := e.p.give(ctx, tx, head); err != nil {
			return err
		}
	}
	return nil
}

// again is after how long what is in no block is given again; where blocks take longer, after one.
const again = 3 * time.Second

func (p *Pauser) fresh(hash common.Hash) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.given[hash]
	return g != nil && g.outcome() == nil && time.Since(g.at) < max(again, p.cfg.BlockTime)
}

// Land tells relays what they have brought into a block.
func (e everywhere) Land(ctx context.Context, hash common.Hash, block uint64, gasPrice, baseFee *big.Int) error {
	if e.p.cfg.Relays == nil {
		return nil
	}
	return e.p.cfg.Relays.Land(ctx, hash, block, gasPrice, baseFee)
}

// Cancel has nothing forgotten: whichever lands, the dispatcher is paused.
func (everywhere) Cancel(context.Context, []*types.Transaction) error { return nil }
