package sight

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// doubt is how long, in block time, endpoints are not asked again about what fewer say than must.
const doubt = 15

// doubted is what was last told of a contract, and fewer endpoints said than must, or something that is still to be read again.
type doubted struct {
	what      string
	endpoints int    // that said so
	at        uint64 // block time when they were asked
}

// told tells whether so many endpoints have said that before.
func (d doubted) told(what string, endpoints int) bool {
	return d.what == what && endpoints <= d.endpoints
}

// recently tells whether they were asked about it just now.
func (d doubted) recently(what string, head rollout.Block) bool {
	return d.what == what && head.Time < d.at+doubt
}

// inWords are the changes of storage that were seen.
func inWords(seen []rule.Seen) string {
	var all []string
	for _, s := range seen {
		all = append(all, fmt.Sprintf("%s: %s, %s", s.Subject, s.Was, s.Is))
	}
	return strings.Join(all, "; ")
}

// pins learns which code is pinned, if the live manifest is another one, and looks at the accounts that are new.
func (s *Sight) pins(ctx context.Context, head rollout.Block, see func(...rule.Seen)) error {
	var errs error
	for _, c := range s.order {
		sources := c.Watch.Sources()
		if c.read && slices.Equal(sources, c.sources) {
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
		if c.read = len(wrong) == 0; c.read {
			c.pins, c.misread = pins, doubted{}
		} else {
			see(s.mispinned(ctx, head, c, pins, wrong)...)
		}
		c.sources = sources
	}
	if errs != nil {
		return errs
	}
	fresh, gone := s.enlist()
	see(gone...)
	see(s.left()...)
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

// mispinned is told what one endpoint says is wrong with what pins code, and asks the others. Until it is read as it should be, what was pinned before is
// watched as well: one that is wrong must not keep other code from being seen.
func (s *Sight) mispinned(ctx context.Context, head rollout.Block, c *contract, pins map[common.Address]common.Hash, wrong []rule.Seen) []rule.Seen {
	what := inWords(wrong)
	if c.misread.recently(what, head) {
		return nil
	}
	for address, hash := range c.pins {
		if _, known := pins[address]; !known {
			pins[address] = hash
		}
	}
	c.pins = pins
	said := s.cfg.Chain.AskEach(ctx, chain.Question{Block: head, Code: c.Watch.Sources()}, s.cfg.Agree)
	same, good := 0, false
	for _, e := range said {
		if e.Err != nil {
			continue
		}
		pins, wrong := c.Watch.Pinned(e.Answer.Code)
		switch {
		case inWords(wrong) == what:
			same++
		case len(wrong) == 0 && !good:
			c.pins, good = pins, true
		}
	}
	if same == 0 {
		return nil // not even the one that said so says it again
	}
	told := c.misread.told(what, same)
	c.misread = doubted{what, same, head.Time}
	if told {
		return nil
	}
	for i := range wrong {
		wrong[i].Contract, wrong[i].Endpoints, wrong[i].Asked, wrong[i].Required = c.address, same, len(said), s.cfg.Agree
	}
	return wrong
}

// enlist watches the accounts that are pinned or hold a role now, and no others besides those of the configuration. It returns those of which
// nothing was told, and tells of those that are no longer watched.
func (s *Sight) enlist() (fresh []common.Address, gone []rule.Seen) {
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
	leaves := func(a *account) {
		if !a.told || a.last != a.Pinned { // else nothing is to be ended
			gone = append(gone, unwatched(a.Account))
		}
	}
	for _, address := range slices.SortedFunc(maps.Keys(s.accounts), common.Address.Cmp) {
		a := s.accounts[address]
		if _, wanted := want[address]; a.listed || wanted {
			continue
		}
		leaves(a)
		delete(s.accounts, address)
		s.forgetBaseline(address)
	}
	for _, address := range slices.SortedFunc(maps.Keys(want), common.Address.Cmp) {
		a, old := want[address], s.accounts[address]
		switch {
		case old == nil:
			s.accounts[address] = &account{Account: a}
		case !old.listed && (old.Part != a.Part || a.Part == Facet && old.Pinned != a.Pinned):
			if old.Part != a.Part {
				leaves(old)
			}
			old.Account, old.told, old.first = a, false, false
		}
		if !s.accounts[address].told {
			fresh = append(fresh, address)
		}
	}
	return fresh, gone
}

func unwatched(a Account) rule.Seen {
	return rule.Seen{Sight: rule.SawCode, Account: a.Address, Part: a.Part, Source: rule.Unwatched}
}

// left tells, once, of accounts about whose code alerts fire that another process has raised, and that are not watched. What is pinned must be known.
func (s *Sight) left() (gone []rule.Seen) {
	if s.began || slices.ContainsFunc(s.order, func(c *contract) bool { return !c.read }) {
		return nil
	}
	s.began = true
	for _, a := range s.cfg.Alerted {
		if now := s.accounts[a.Address]; now == nil || now.Part != a.Part {
			gone = append(gone, unwatched(a))
		}
	}
	for _, address := range slices.SortedFunc(maps.Keys(s.baselines), common.Address.Cmp) {
		if s.accounts[address] == nil {
			s.forgetBaseline(address)
		}
	}
	return gone
}

func (s *Sight) forgetBaseline(address common.Address) {
	if _, known := s.baselines[address]; known {
		delete(s.baselines, address)
		s.unkept[address] = nil
	}
}

// keep has baselines kept that are new, or no longer needed.
func (s *Sight) keep(ctx context.Context) error {
	if s.cfg.Keep == nil || len(s.unkept) == 0 {
		return nil
	}
	if err := s.cfg.Keep(ctx, s.unkept); err != nil {
		return err
	}
	s.unkept = map[common.Address]*common.Hash{}
	return nil
}

// begin decides what the code of an account must be that may have any: what it had when it was first seen, by whichever process.
func (s *Sight) begin(a *account) {
	hash, known := s.baselines[a.Address]
	switch {
	case known:
		a.Pinned = hash
	case a.code.Delegate == (common.Address{}):
		a.Pinned = a.code.Hash
	}
	a.Any, a.first = false, !known && s.cfg.Keep != nil
}

// codes tells of the code of accounts that were read: when it is first seen, and when it is another one.
func (s *Sight) codes(ctx context.Context, head rollout.Block, addresses []common.Address) []rule.Seen {
	var news, ask []*account
	for _, address := range addresses {
		a := s.accounts[address]
		if a.Part == Extension && a.code.Hash == (common.Hash{}) && !s.there() {
			continue // it is yet to be deployed
		}
		if a.Any && !a.told {
			s.begin(a)
		}
		is, recently := a.code.Hash, head.Time < a.askedAt+doubt
		if a.first && is == a.Pinned && !recently { // it is kept for long, so that one endpoint does not say it alone
			ask = append(ask, a)
		}
		changed := !a.told || is != a.last
		lonely := is != a.Pinned && a.endpoints < min(s.cfg.Agree, a.asked) && !recently
		if !changed && !lonely {
			continue
		}
		news = append(news, a)
		if is != a.Pinned {
			ask = append(ask, a)
		}
	}
	agree, asked := s.confirm(ctx, head, ask)
	for _, a := range ask {
		a.askedAt = head.Time
		if a.first && a.code.Hash == a.Pinned && agree[a.Address] >= min(s.cfg.Agree, asked) {
			a.first = false
			s.baselines[a.Address], s.unkept[a.Address] = a.Pinned, &a.Pinned
		}
	}
	var out []rule.Seen
	for _, a := range news {
		endpoints, of := 1, 1
		if a.code.Hash != a.Pinned {
			endpoints, of = agree[a.Address], asked
			if endpoints == 0 || a.told && a.last == a.code.Hash && endpoints <= a.endpoints {
				continue // not even the one that said so says it again; or it is told already
			}
		}
		a.told, a.last, a.block, a.endpoints, a.asked = true, a.code.Hash, head.Number, endpoints, of
		seen := rule.Seen{
			Sight: rule.SawCode, Account: a.Address, Part: a.Part, Was: a.Pinned.Hex(), Is: a.code.Hash.Hex(), Endpoints: endpoints, Asked: of,
			Required: s.cfg.Agree,
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

// confirm asks every endpoint about the code of accounts: how many say what was read, of how many.
func (s *Sight) confirm(ctx context.Context, head rollout.Block, accounts []*account) (agree map[common.Address]int, asked int) {
	agree = map[common.Address]int{}
	if len(accounts) == 0 {
		return agree, 0
	}
	q := chain.Question{Block: head}
	for _, a := range accounts {
		q.Codes = append(q.Codes, a.Address)
	}
	said := s.cfg.Chain.AskEach(ctx, q, s.cfg.Agree)
	for _, e := range said {
		if e.Err != nil {
			continue
		}
		for i, a := range accounts {
			if e.Answer.Codes[i].Hash == a.code.Hash {
				agree[a.Address]++
			}
		}
	}
	return agree, len(said)
}
