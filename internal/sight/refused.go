package sight

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

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
	waitAtMost    = 4000 // transactions that wait to be looked at; of more, those to routes are let go before the others, the oldest first
	failuresOften = 5    // after which storage that cannot be read again does not hold up what follows any more
)

// patience is for how long it is tried to find out what came of a transaction.
const patience = 15 * time.Minute

// waiting is a transaction that waits to be looked at.
type waiting struct {
	chain.Sent
	failing time.Time // since when that fails; zero if it does not
}

// fails notes that a transaction could not be looked at. over is that it is not tried any more.
func (w *waiting) fails(now time.Time) (over bool) {
	if w.failing.IsZero() {
		w.failing = now
	}
	return now.Sub(w.failing) >= patience
}

// lose notes that it will not be known what came of transactions.
func (s *Sight) lose(txs []waiting, why string) {
	if len(txs) == 0 {
		return
	}
	from, to := txs[0].Block.Number, txs[0].Block.Number
	for _, tx := range txs {
		from, to = min(from, tx.Block.Number), max(to, tx.Block.Number)
	}
	s.lost = append(s.lost, fmt.Errorf("%d transactions to watched contracts in blocks %d to %d are given up, and nothing is told of what was refused to them: %s",
		len(txs), from, to, why))
}

// remove takes elements of a list for which f is true out of it, and returns them.
func remove(list *[]waiting, f func(waiting) bool) (out []waiting) {
	*list = slices.DeleteFunc(*list, func(tx waiting) bool {
		if f(tx) {
			out = append(out, tx)
			return true
		}
		return false
	})
	return out
}

// bound lets go of the oldest of a list that is too long; of calls of the contract itself only if there is nothing else.
func (s *Sight) bound(list *[]waiting) {
	over := len(*list) - waitAtMost
	for _, own := range []bool{false, true} {
		s.lose(remove(list, func(tx waiting) bool {
			drop := over > 0 && s.own(tx.Sent) == own
			if drop {
				over--
			}
			return drop
		}), fmt.Sprintf("more than %d wait", waitAtMost))
	}
}

// Behind is the oldest block of which not all is known: its transactions are still to be found, or what came of them. ok is false if there is none.
func (s *Sight) Behind() (oldest uint64, ok bool) {
	at := func(n uint64) {
		if !ok || n < oldest {
			oldest, ok = n, true
		}
	}
	for _, b := range s.blocks {
		at(b.from)
	}
	for _, list := range [][]waiting{s.tried, s.reverted} {
		for _, tx := range list {
			at(tx.Block.Number)
		}
	}
	return oldest, ok
}

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
			s.tried = append(s.tried, waiting{Sent: tx})
		}
	}
	s.bound(&s.tried)
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

// outcomes reads the receipts of some transactions to watched contracts, to find those that have reverted. If they cannot be read it asks for fewer the
// next time, down to one, which others then come before: one that nobody can tell of must not hold them up.
func (s *Sight) outcomes(ctx context.Context) error {
	n := min(len(s.tried), s.batch)
	if n == 0 {
		return nil
	}
	ask := make([]chain.Sent, n)
	for i := range ask {
		ask[i] = s.tried[i].Sent
	}
	outcomes, err := s.cfg.Chain.Outcomes(ctx, ask)
	if err != nil {
		now := s.cfg.Now()
		for i := range s.tried[:n] {
			s.tried[i].fails(now)
		}
		if n == 1 {
			s.tried = append(s.tried[1:], s.tried[0])
		}
		s.batch = max(1, n/2)
		s.lose(remove(&s.tried, func(tx waiting) bool { return !tx.failing.IsZero() && tx.fails(now) }), fmt.Sprintf("for %s no receipts could be read", patience))
		return err
	}
	for i, o := range outcomes {
		if o.Failed {
			s.reverted = append(s.reverted, waiting{Sent: ask[i]})
		}
	}
	s.tried, s.batch = slices.Delete(s.tried, 0, n), min(2*s.batch, triedAtOnce)
	s.bound(&s.reverted)
	// whoever calls a function of the contract itself is looked at before those who use a route
	slices.SortStableFunc(s.reverted, func(a, b waiting) int {
		if own := s.own(a.Sent); own != s.own(b.Sent) {
			if own {
				return -1
			}
			return 1
		}
		return 0
	})
	return nil
}

// replayDoubt is for how long a call of the contract's own functions is executed again although no endpoint tells why it reverted.
const replayDoubt = 30 * time.Second

// refusals finds transactions to watched contracts that have reverted, and executes them again.
func (s *Sight) refusals(ctx context.Context) ([]refused, error) {
	err := s.outcomes(ctx)
	var out []refused
	for range replaysAtOnce {
		if len(s.reverted) == 0 {
			break
		}
		tx := s.reverted[0]
		s.reverted = s.reverted[1:]
		replayed, replayErr := s.cfg.Chain.Replay(ctx, tx.Sent)
		if replayErr != nil && !errors.Is(replayErr, chain.ErrCannotReplay) {
			if !tx.fails(s.cfg.Now()) {
				s.reverted = append(s.reverted, tx) // others come first
				return out, errors.Join(err, replayErr)
			}
			s.lose([]waiting{tx}, fmt.Sprintf("for %s it could not be executed again", patience))
		}
		if replayErr != nil && s.own(tx.Sent) { // an endpoint may have answered nonsense for a moment, and this is who tries doors
			if now := s.cfg.Now(); !tx.fails(now) && now.Sub(tx.failing) < replayDoubt {
				s.reverted = append(s.reverted, tx)
				return out, errors.Join(err, replayErr)
			}
		}
		c := s.contracts[tx.To]
		r := refused{how: replayed.How, Refused: event.Refused{
			Contract: tx.To, Block: tx.Block, Tx: tx.Hash, From: tx.From, Selector: hexutil.Encode(tx.Input[:min(4, len(tx.Input))]),
			Data: replayed.Data, Source: "block",
		}}
		r.Error, r.Fields = c.Kind.Refusal(nil, replayed.Data)
		if r.Error != "" || s.own(tx.Sent) { // what a facet refuses is its own affair
			out = append(out, r)
		}
	}
	return out, err
}

// seen is what is seen of a refusal that has a name. asked is what was asked for.
func (r refused) seen(asked []rule.Detail) rule.Seen {
	return rule.Seen{
		Sight: rule.SawRefusal, Contract: r.Contract, Block: r.Block, Subject: r.Error, Is: string(r.Fields), Tx: r.Tx, By: r.From, Source: r.Source,
		Details: append(asked, rule.Detail{Name: "learned by", Value: r.how}),
	}
}
