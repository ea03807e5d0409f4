package sight

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// doubt is how long, in block time, endpoints are not asked again about code that only one of them says is not as it should be.
const doubt = 15

// pins learns which code is pinned, if the live manifest is another one, and looks at the accounts that are new.
func (s *Sight) pins(ctx context.Context, head rollout.Block, see func(...rule.Seen)) error {
	var errs error
	for _, c := range s.order {
		sources := c.Watch.Sources()
		if c.pins != nil && slices.Equal(sources, c.sources) {
			continue
		}
		answer := chain.Answer{}
		if len(sources) > 0 {
			var err error
			if answer, err = s.cfg.Chain.Ask(ctx, chain.Question{Block: head, Code: sources}); err != nil {
				errs = err
				continue
			}
		}
		pins, wrong := c.Watch.Pinned(answer.Code)
		for i := range wrong {
			wrong[i].Contract = c.address
		}
		see(wrong...)
		c.sources, c.pins = sources, pins
	}
	if errs != nil {
		return errs
	}
	fresh := s.enlist()
	if len(fresh) == 0 {
		return nil
	}
	answer, err := s.cfg.Chain.Ask(ctx, chain.Question{Block: head, Codes: fresh})
	if err != nil {
		return err
	}
	for i, address := range fresh {
		s.accounts[address].code = answer.Codes[i]
	}
	see(s.codes(ctx, head, fresh)...)
	return nil
}

// enlist watches the accounts that are pinned or hold a role now, and no others besides those of the configuration. It returns those of which
// nothing was told.
func (s *Sight) enlist() []common.Address {
	want := map[common.Address]Account{}
	for _, c := range s.order {
		for _, address := range c.Watch.Holders() {
			want[address] = Account{Address: address, Part: Holder, Any: true}
		}
	}
	for _, c := range s.order {
		for address, hash := range c.pins {
			want[address] = Account{Address: address, Part: Facet, Pinned: hash}
		}
	}
	maps.DeleteFunc(s.accounts, func(address common.Address, a *account) bool {
		_, wanted := want[address]
		return !a.listed && !wanted
	})
	var fresh []common.Address
	for address, a := range want {
		old := s.accounts[address]
		switch {
		case old == nil:
			s.accounts[address] = &account{Account: a}
		case !old.listed && (old.Part != a.Part || a.Part == Facet && old.Pinned != a.Pinned):
			old.Account, old.told = a, false
		}
		if !s.accounts[address].told {
			fresh = append(fresh, address)
		}
	}
	slices.SortFunc(fresh, common.Address.Cmp)
	return fresh
}

// codes tells of the code of accounts that were read: when it is first seen, and when it is another one.
func (s *Sight) codes(ctx context.Context, head rollout.Block, addresses []common.Address) []rule.Seen {
	var news, wrong []*account
	for _, address := range addresses {
		a := s.accounts[address]
		if a.Part == Extension && a.code.Hash == (common.Hash{}) && !s.there() {
			continue // it is yet to be deployed
		}
		if a.Any && !a.told {
			a.Any = false
			if a.code.Delegate == (common.Address{}) {
				a.Pinned = a.code.Hash
			}
		}
		is := a.code.Hash
		changed := !a.told || is != a.last
		lonely := is != a.Pinned && a.endpoints < min(2, a.asked) && head.Time >= a.askedAt+doubt
		if !changed && !lonely {
			continue
		}
		news = append(news, a)
		if is != a.Pinned {
			wrong = append(wrong, a)
		}
	}
	agree, asked := s.confirm(ctx, head, wrong)
	var out []rule.Seen
	for _, a := range news {
		endpoints, of := 1, 1
		if a.code.Hash != a.Pinned {
			endpoints, of = agree[a.Address], asked
			a.askedAt = head.Time
			if endpoints == 0 || a.told && a.last == a.code.Hash && endpoints <= a.endpoints {
				continue // not even the one that said so says it again; or it is told already
			}
		}
		a.told, a.last, a.block, a.endpoints, a.asked = true, a.code.Hash, head.Number, endpoints, of
		seen := rule.Seen{
			Sight: rule.SawCode, Account: a.Address, Part: a.Part, Was: a.Pinned.Hex(), Is: a.code.Hash.Hex(), Endpoints: endpoints, Asked: of,
		}
		if to := a.code.Delegate; to != (common.Address{}) {
			seen.Details = []rule.Detail{{Name: "delegated to", Value: strings.ToLower(to.Hex())}}
		}
		out = append(out, seen)
	}
	return out
}

// there tells whether any contract that is watched is on the chain, by the last reading.
func (s *Sight) there() bool {
	return slices.ContainsFunc(s.order, func(c *contract) bool { return len(c.Watch.Standing()) > 0 })
}

// confirm asks every endpoint about code that is not as it should be: how many say so, of how many.
func (s *Sight) confirm(ctx context.Context, head rollout.Block, wrong []*account) (agree map[common.Address]int, asked int) {
	agree = map[common.Address]int{}
	if len(wrong) == 0 {
		return agree, 0
	}
	q := chain.Question{Block: head}
	for _, a := range wrong {
		q.Codes = append(q.Codes, a.Address)
	}
	said := s.cfg.Chain.AskEach(ctx, q)
	for _, e := range said {
		if e.Err != nil {
			continue
		}
		for i, a := range wrong {
			if e.Answer.Codes[i].Hash == a.code.Hash {
				agree[a.Address]++
			}
		}
	}
	return agree, len(said)
}
