package sight

import (
	"context"
	"errors"
	"math/big"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// What one look does at most, so that alarms do not wait for the record of what was long ago.
const (
	blocksAtOnce  = 64
	triedAtOnce   = 200
	replaysAtOnce = 16
	waitAtMost    = 4000 // transactions that wait to be looked at; of more, those to routes are let go, the oldest first
	failuresOften = 5    // after which what cannot be read does not hold up the others any more
)

// span is blocks from a number up to one of which the hash is known.
type span struct {
	from uint64
	head rollout.Block
}

func (s span) size() uint64 { return s.head.Number - s.from + 1 }

// extend adds the blocks of a look to those that are to be searched, unless they are already, or were.
func (s *Sight) extend(from uint64, head rollout.Block) {
	if s.searched > 0 {
		from = max(from, s.searched+1)
	} else if from == 0 {
		from = head.Number
	}
	if from <= head.Number {
		s.blocks, s.searched = append(s.blocks, span{from, head}), head.Number
	}
}

// retract forgets blocks after a number.
func (s *Sight) retract(last uint64) {
	var kept []span
	for _, b := range s.blocks {
		if b.from > last {
			continue
		}
		if b.head.Number > last {
			b.head = rollout.Block{Number: last} // its hash is asked for
		}
		kept = append(kept, b)
	}
	s.blocks, s.searched = kept, min(s.searched, last)
}

func (s *Sight) wanted() *chain.Wanted {
	w := chain.Wanted{To: map[common.Address]bool{}, Hashes: map[common.Hash]bool{}}
	for address := range s.contracts {
		w.To[address] = true
	}
	for _, l := range s.logs {
		w.Hashes[l.Tx] = true
	}
	return &w
}

// search looks for transactions in the blocks that are still to be searched: the newest first, and no more than some.
func (s *Sight) search(ctx context.Context) error {
	left := uint64(blocksAtOnce)
	for left > 0 && len(s.blocks) > 0 {
		b := s.blocks[len(s.blocks)-1]
		if b.head.Hash == (common.Hash{}) {
			head, err := s.cfg.Chain.BlockByNumber(ctx, new(big.Int).SetUint64(b.head.Number))
			if err != nil {
				return err
			}
			b.head = head
		}
		from := b.from
		if b.size() > left {
			from = b.head.Number - left + 1
		}
		wanted := *s.wanted()
		sent, err := s.cfg.Chain.BlockTransactions(ctx, from, b.head, wanted)
		if err != nil {
			return err
		}
		s.found(sent, wanted)
		left -= b.head.Number - from + 1
		s.blocks = s.blocks[:len(s.blocks)-1]
		if from > b.from {
			s.blocks = append(s.blocks, span{b.from, rollout.Block{Number: from - 1}})
		}
	}
	return nil
}

// found keeps transactions that were looked for. One that has logged something has not reverted.
func (s *Sight) found(sent []chain.Sent, wanted chain.Wanted) {
	for _, tx := range sent {
		s.sent[tx.Hash] = tx
		if s.contracts[tx.To] != nil && !wanted.Hashes[tx.Hash] {
			s.tried = append(s.tried, tx)
		}
	}
	if over := len(s.tried) - waitAtMost; over > 0 {
		s.tried = slices.DeleteFunc(s.tried, func(tx chain.Sent) bool {
			drop := over > 0 && !s.own(tx)
			if drop {
				over--
			}
			return drop
		})
	}
}

// own tells whether a transaction calls a function of the contract itself.
func (s *Sight) own(tx chain.Sent) bool {
	return len(tx.Input) >= 4 && s.contracts[tx.To].Watch.Own([4]byte(tx.Input))
}

// refused is a refusal, and how it was learned.
type refused struct {
	event.Refused
	how string // empty if it could not be
}

// refusals reads the receipts of transactions to watched contracts, and executes those again that have reverted.
func (s *Sight) refusals(ctx context.Context) ([]refused, error) {
	if n := min(len(s.tried), triedAtOnce); n > 0 {
		outcomes, err := s.cfg.Chain.Outcomes(ctx, s.tried[:n])
		if err != nil {
			if s.failures++; s.failures >= failuresOften {
				s.tried, s.failures = slices.Delete(s.tried, 0, n), 0
			}
			return nil, err
		}
		for i, o := range outcomes {
			if o.Failed {
				s.reverted = append(s.reverted, s.tried[i])
			}
		}
		s.tried, s.failures = slices.Delete(s.tried, 0, n), 0
		// whoever calls a function of the contract itself is looked at before those who use a route
		slices.SortStableFunc(s.reverted, func(a, b chain.Sent) int {
			if own := s.own(a); own != s.own(b) {
				if own {
					return -1
				}
				return 1
			}
			return 0
		})
		s.reverted = s.reverted[:min(len(s.reverted), waitAtMost)]
	}
	var out []refused
	for range replaysAtOnce {
		if len(s.reverted) == 0 {
			break
		}
		tx := s.reverted[0]
		replayed, err := s.cfg.Chain.Replay(ctx, tx)
		if err != nil && !errors.Is(err, chain.ErrCannotReplay) {
			if s.failures++; s.failures < failuresOften {
				return out, err
			}
		}
		s.reverted, s.failures = s.reverted[1:], 0
		c := s.contracts[tx.To]
		r := refused{how: replayed.How, Refused: event.Refused{
			Contract: tx.To, Block: tx.Block, Tx: tx.Hash, From: tx.From, Selector: hexutil.Encode(tx.Input[:min(4, len(tx.Input))]),
			Data: replayed.Data, Source: "block",
		}}
		r.Error, r.Fields = c.Kind.Refusal(nil, replayed.Data)
		if r.Error != "" || s.own(tx) { // what a facet refuses is its own affair
			out = append(out, r)
		}
	}
	return out, nil
}

// refusal is what is seen of a refusal that has a name.
func (r refused) seen() rule.Seen {
	return rule.Seen{
		Sight: rule.SawRefusal, Contract: r.Contract, Block: r.Block, Subject: r.Error, Is: string(r.Fields), Tx: r.Tx, By: r.From, Source: r.Source,
		Details: []rule.Detail{{Name: "learned by", Value: r.how}},
	}
}
