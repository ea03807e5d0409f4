package app

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// place is the nonce of an account on a network, which one transaction of all that have it will take.
type place struct {
	account accountOn
	nonce   uint64
}

type accountOn struct {
	chainID uint64
	address common.Address
}

// opened is a transaction that is not final, as the rules see it.
type opened struct {
	seen   rule.Seen
	landed bool // it is in a block, which is not final yet
}

// showOpen tells the rules about an open transaction: since when it is one; 0 if it is none any more, or in a block.
func (j *journalSight) showOpen(ctx context.Context, o *opened, since uint64) {
	o.seen.At, o.seen.Since = time.Now().UnixMilli(), since
	j.show(ctx, o.seen.ChainID, o.seen)
}

// lookAtOpen shows which transactions have been sent and are not final: all of them, or not those of a network that does not answer.
func (j *journalSight) lookAtOpen(ctx context.Context, open []rollout.Transaction) (all bool) {
	all = true
	still := map[place]bool{}
	for _, t := range open {
		n := j.server.network(t.ChainID)
		if n == nil || t.Status == rollout.Signed && len(t.Earlier) == 0 {
			continue
		}
		is := place{accountOn{t.ChainID, t.Signer}, t.Nonce}
		still[is] = true
		if j.open[is] != nil {
			continue
		}
		at, err := n.chain.Head(ctx)
		if err != nil {
			all = false // since when it is open is to be known
			continue
		}
		o := &opened{seen: rule.Seen{
			Sight: rule.SawOpen, Network: n.Name, ChainID: n.ChainID, Tx: t.Hash, Subject: t.Step, Source: rule.NonceOf(t.Signer, t.Nonce),
		}}
		j.open[is] = o
		j.showOpen(ctx, o, max(at.Number, 1))
	}
	for is, o := range j.open {
		if !still[is] {
			delete(j.open, is)
			j.showOpen(ctx, o, 0)
		}
	}
	return all
}

// Times of looking for what has landed.
const (
	landedEvery    = 5 * time.Second
	landedPatience = 3 * time.Second
)

// lookForLanded asks networks, from time to time, which open transactions are in a block: until that is final they may be open for long.
func (j *journalSight) lookForLanded(ctx context.Context) {
	if len(j.open) == 0 || time.Since(j.asked) < landedEvery {
		return
	}
	j.asked = time.Now()
	accounts := map[accountOn]bool{}
	for is := range j.open {
		accounts[is.account] = true
	}
	nonces := map[accountOn]uint64{}
	ctx, cancel := context.WithTimeout(ctx, landedPatience)
	defer cancel()
	var mu sync.Mutex
	var asking sync.WaitGroup
	for a := range accounts {
		asking.Go(func() {
			c := j.server.network(a.chainID).chain
			head, err := c.Head(ctx)
			if err != nil {
				return // it is asked again
			}
			nonce, err := c.NonceAt(ctx, head.Hash, a.address)
			if err != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			nonces[a] = nonce
		})
	}
	asking.Wait()
	for is, o := range j.open {
		next, known := nonces[is.account]
		if !known || o.landed == (is.nonce < next) {
			continue
		}
		o.landed = is.nonce < next
		if o.landed {
			j.showOpen(ctx, o, 0)
		} else if at, err := j.server.network(is.account.chainID).chain.Head(ctx); err == nil { // its block has left the chain
			j.showOpen(ctx, o, max(at.Number, 1))
		} else {
			o.landed = true // it is asked again
		}
	}
}

// closeOpen shows that transactions are no longer open about which alerts fire since another process has seen them.
func (j *journalSight) closeOpen(ctx context.Context, open []rollout.Transaction) {
	for _, r := range j.server.eyes.monitor.Firing() {
		isOpen := func(t rollout.Transaction) bool {
			return rule.NonceOf(t.Signer, t.Nonce) == r.Subject && t.ChainID == r.ChainID
		}
		if r.Rule == rule.StuckTx && !slices.ContainsFunc(open, isOpen) {
			j.show(ctx, r.ChainID, rule.Seen{Sight: rule.SawOpen, Network: r.Network, ChainID: r.ChainID, At: time.Now().UnixMilli(), Tx: r.Tx, Source: r.Subject})
		}
	}
}
