package sight

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// Chain is what is needed of a network; chain.Client is one.
type Chain interface {
	Ask(ctx context.Context, q chain.Question) (chain.Answer, error)
	AskEach(ctx context.Context, q chain.Question, agree int) []chain.Said
	BlockByNumber(ctx context.Context, number *big.Int) (rollout.Block, error)
	BlockTransactions(ctx context.Context, from uint64, head rollout.Block, wanted chain.Wanted) ([]chain.Sent, error)
	Outcomes(ctx context.Context, sent []chain.Sent) ([]chain.Outcome, error)
	Replay(ctx context.Context, tx chain.Sent) (chain.Replayed, error)
	Endpoints(ctx context.Context) []chain.EndpointState
	HashesAt(ctx context.Context, number uint64) []chain.EndpointState
}

// Watch follows the storage of one contract: what it should hold by the events, and what it holds. It is used by one goroutine.
type Watch interface {
	Address() common.Address
	// Effects are the privileged changes that a log of the contract tells of.
	Effects(l *event.Log) []rule.Effect
	// Own tells whether a function is the contract's own, so that whoever is refused is refused by it.
	Own(selector [4]byte) bool
	// Refused says what was asked for by a call that the contract has refused.
	Refused(r event.Refused) []rule.Detail
	// Late takes logs of before the last reading that were left out when it was made.
	Late(logs []event.Log)
	// Expect takes the logs since the last reading, and the transactions that they are from, as far as these are known. It returns the slots
	// that are to be read. It may be called again, with more logs, before they are.
	Expect(logs []event.Log, sent map[common.Hash]chain.Sent) []common.Hash
	// Compare takes what was read of those slots, and returns what no log explains. A first reading is followed by another one of the same
	// block, since it may tell of further slots.
	Compare(words []common.Hash) []rule.Seen
	// Doubt takes back that what Compare has returned is what there is, since too few endpoints say so: it is still what the logs say.
	Doubt()
	// Adopt takes what was read of those slots as it is.
	Adopt(words []common.Hash)
	// Standing is what is pending and what is active, by the last reading.
	Standing() []rule.Seen
	// Holders are the accounts that have privileges, by the last reading.
	Holders() []common.Address
	// Sources are accounts whose code pins other code, by the last reading.
	Sources() []common.Address
	// Pinned reads the code of the sources: the code hashes that accounts must have; and what is wrong with the sources.
	Pinned(code [][]byte) (map[common.Address]common.Hash, []rule.Seen)
}

// Contract is a contract that is watched.
type Contract struct {
	Kind  event.Kind // reads its refusals
	Watch Watch
}

// The parts that accounts have.
const (
	Facet     = "facet"
	Extension = "extension"
	Holder    = "holder"
	Signer    = "signer"
	Deployer  = "deployer"
)

// Account is an account whose code is watched.
type Account struct {
	Address common.Address
	Part    string
	Pinned  common.Hash // the code hash that it must have; zero if it must have no code
	// Any is that an account without a pinned hash may have code, and what it has at first is what it must have. Code that the account has
	// delegated to (EIP-7702) is not taken for that.
	Any bool
	// Needs is how much money it should have, in wei, nil while that is not known; the function is nil if that does not matter.
	Needs func() *big.Int
}

// Config says what is watched on a network.
type Config struct {
	Network   string
	ChainID   uint64
	Chain     Chain
	Contracts []Contract
	// Accounts are those that are known beforehand. Live facets are found on the chain, and so are holders of roles, which may have any code.
	// Where an account is among these, this says what it must have.
	Accounts []Account
	// Agree is how many endpoints must say what is not as it should be before it is taken for what there is; rule.DefaultRequired if it is 0.
	Agree int
	// Baselines are the code hashes that accounts had which may have any, when they were first seen. Keep keeps those that are new, and forgets those that
	// are nil; what could not be kept it is given again. Nothing is kept if it is nil.
	Baselines map[common.Address]common.Hash
	Keep      func(ctx context.Context, changed map[common.Address]*common.Hash) error
	// Alerted are the accounts about whose code alerts fire that were raised before. Those that are not watched are told of: the watches must know all
	// events since the deployment.
	Alerted []Account
	// Balances is how many blocks apart balances are read; DefaultBalances if it is 0.
	Balances uint64
	Now      func() time.Time // time.Now if it is nil
}

// DefaultBalances is how many blocks apart balances are read.
const DefaultBalances = 50

// Sighted is what a look has shown.
type Sighted struct {
	Seen    []rule.Seen
	Refused []event.Refused // for the record; those by name are among Seen
}

// Sight looks at one network. Its methods are called by one goroutine.
type Sight struct {
	cfg       Config
	contracts map[common.Address]*contract
	order     []*contract
	accounts  map[common.Address]*account
	at        rollout.Block  // of the last reading; zero before the first
	stale     *rollout.Block // blocks after it have left the chain since then, and it was not read again
	retries   int            // of that
	blind     bool           // the next reading is compared with nothing
	logs      []event.Log    // since the last reading
	sent      map[common.Hash]chain.Sent
	blocks    []span // that are still to be searched for transactions
	searched  uint64 // the last block that was searched, or is among blocks
	tried     []waiting
	reverted  []waiting // that are still to be replayed
	batch     int       // of how many it is asked at once what came of them
	lost      []error   // what is given up, until it is told
	baselines map[common.Address]common.Hash
	unkept    map[common.Address]*common.Hash // nil is to be forgotten
	began     bool                            // it is told which of Alerted are not watched
	balances  uint64                          // the block in which they were read
	survey    survey
}

// contract is a Contract and what was last told of it.
type contract struct {
	Contract
	address  common.Address
	slots    []chain.Slot // that were asked for
	standing []rule.Seen
	hidden   doubted // of its storage
	sources  []common.Address
	read     bool // as they should be
	misread  doubted
	pins     map[common.Address]common.Hash
}

// account is an Account and what was last told of it.
type account struct {
	Account
	listed    bool // in the configuration
	told      bool
	first     bool         // nobody has seen it before, and what it had is not kept yet
	code      chain.CodeOf // as it was read
	last      common.Hash  // as it was told
	block     uint64       // in which it was told
	endpoints int          // that said so, and how many were asked
	asked     int
	askedAt   uint64 // block time
}

// New looks at nothing yet. The caller must Close it.
func New(cfg Config) *Sight {
	if cfg.Balances == 0 {
		cfg.Balances = DefaultBalances
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Agree == 0 {
		cfg.Agree = rule.DefaultRequired
	}
	s := &Sight{
		cfg: cfg, contracts: map[common.Address]*contract{}, accounts: map[common.Address]*account{}, sent: map[common.Hash]chain.Sent{}, batch: triedAtOnce,
		baselines: map[common.Address]common.Hash{}, unkept: map[common.Address]*common.Hash{},
	}
	maps.Copy(s.baselines, cfg.Baselines)
	s.survey.apart = true
	for _, c := range cfg.Contracts {
		own := &contract{Contract: c, address: c.Watch.Address()}
		s.contracts[own.address] = own
		s.order = append(s.order, own)
	}
	for _, a := range cfg.Accounts {
		if s.accounts[a.Address] == nil {
			s.accounts[a.Address] = &account{Account: a, listed: true}
		}
	}
	return s
}

// Close ends what still runs.
func (s *Sight) Close() { s.survey.close() }

// Look looks at a new head. Logs are those of watched contracts in the blocks since the head before, whose first is from, oldest first; each is
// given once, and is in the chain of this head. A first look may name 0 as the first block: then it searches the head alone for transactions.
// With an error it returns what was seen all the same; the next look makes up for the rest.
func (s *Sight) Look(ctx context.Context, from uint64, head rollout.Block, logs []event.Log) (Sighted, error) {
	var out Sighted
	see := func(seen ...rule.Seen) { out.Seen = append(out.Seen, s.stamp(head, seen)...) }
	see(rule.Seen{Sight: rule.SawHead})
	s.extend(from, head)
	s.logs = append(s.logs, logs...)

	var errs []error
	fail := func(err error) bool {
		if err != nil {
			errs = append(errs, err)
		}
		return err != nil
	}
	// who sent them; otherwise the block of the head is searched together with the reading
	if len(s.logs) > 0 || len(s.blocks) > 1 || len(s.blocks) == 1 && s.blocks[0].size() > 1 {
		fail(s.search(ctx))
	}
	for i := range logs {
		see(s.effects(&logs[i])...)
	}
	if !fail(s.again(ctx)) {
		seen, err := s.read(ctx, head)
		see(seen...)
		if !fail(err) {
			fail(s.pins(ctx, head, see))
		}
	}
	refused, err := s.refusals(ctx)
	fail(err)
	for _, r := range refused {
		out.Refused = append(out.Refused, r.Refused)
		if r.Error != "" {
			see(r.seen(s.contracts[r.Contract].Watch.Refused(r.Refused)))
		}
	}
	fail(s.keep(ctx))
	fail(errors.Join(s.lost...))
	s.lost = nil
	see(s.survey.collect()...)
	s.survey.begin(ctx, s.cfg.Chain, head)
	return out, errors.Join(errs...)
}

// Late looks at logs that were left out when their block was looked at, or later than that. It reads nothing.
func (s *Sight) Late(logs []event.Log) []rule.Seen {
	var out []rule.Seen
	for i := range logs {
		out = append(out, s.stamp(logs[i].Block, s.effects(&logs[i]))...)
	}
	for _, c := range s.order {
		c.Watch.Late(logs)
	}
	return out
}

// Forget is told that the blocks after one have left the chain.
func (s *Sight) Forget(ctx context.Context, last rollout.Block) error {
	gone := func(b rollout.Block) bool { return b.Number > last.Number }
	s.logs = slices.DeleteFunc(s.logs, func(l event.Log) bool { return gone(l.Block) })
	maps.DeleteFunc(s.sent, func(_ common.Hash, tx chain.Sent) bool { return gone(tx.Block) })
	s.tried = slices.DeleteFunc(s.tried, func(tx waiting) bool { return gone(tx.Block) })
	s.reverted = slices.DeleteFunc(s.reverted, func(tx waiting) bool { return gone(tx.Block) })
	s.retract(last.Number)
	if gone(s.at) {
		s.stale = &last
	}
	for _, c := range s.order {
		c.standing, c.hidden, c.misread = nil, doubted{}, doubted{} // whoever was told may have forgotten it
	}
	for _, a := range s.accounts {
		if a.block > last.Number {
			a.told = false
		}
	}
	return s.again(ctx)
}

// again reads storage as it was after the last block that is still in the chain, if others were read since.
func (s *Sight) again(ctx context.Context) error {
	if s.stale == nil {
		return nil
	}
	answer, err := s.ask(ctx, chain.Question{Block: *s.stale}, nil)
	if err != nil {
		err = fmt.Errorf("read storage after block %d again, since later blocks have left the chain: %w", s.stale.Number, err)
		if s.retries++; s.retries < failuresOften {
			return err
		}
		// nodes do not keep old states for long
		s.stale, s.retries, s.blind = nil, 0, true
		return fmt.Errorf("%w; what has changed since then beside its logs is not told", err)
	}
	for i, words := range s.words(answer) {
		s.order[i].Watch.Adopt(words)
	}
	s.at, s.stale, s.retries = *s.stale, nil, 0
	return nil
}

// stamp fills in where and when it was seen.
func (s *Sight) stamp(head rollout.Block, seen []rule.Seen) []rule.Seen {
	for i := range seen {
		seen[i].Network, seen[i].ChainID, seen[i].At = s.cfg.Network, s.cfg.ChainID, s.cfg.Now().UnixMilli()
		if seen[i].Block == (rollout.Block{}) && seen[i].Sight != rule.SawEndpoint {
			seen[i].Block = head
		}
	}
	return seen
}

// effects are those of a log.
func (s *Sight) effects(l *event.Log) []rule.Seen {
	c := s.contracts[l.Address]
	if c == nil {
		return nil
	}
	var out []rule.Seen
	for _, e := range c.Watch.Effects(l) {
		out = append(out, rule.Seen{Sight: rule.SawEffect, Contract: l.Address, Block: l.Block, Tx: l.Tx, By: s.sent[l.Tx].From, Effect: e})
	}
	return out
}

// ask asks for the storage of all contracts, as they expect the logs to have left it, besides what else is asked.
func (s *Sight) ask(ctx context.Context, q chain.Question, logs []event.Log) (chain.Answer, error) {
	for _, c := range s.order {
		var own []event.Log
		for _, l := range logs {
			if l.Address == c.address {
				own = append(own, l)
			}
		}
		c.slots = nil
		for _, slot := range c.Watch.Expect(own, s.sent) {
			c.slots = append(c.slots, chain.Slot{Account: c.address, Slot: slot})
		}
		q.Slots = append(q.Slots, c.slots...)
	}
	return s.cfg.Chain.Ask(ctx, q)
}

// words are those of each contract.
func (s *Sight) words(a chain.Answer) [][]common.Hash {
	out := make([][]common.Hash, len(s.order))
	rest := a.Words
	for i, c := range s.order {
		out[i], rest = rest[:len(c.slots)], rest[len(c.slots):]
	}
	return out
}

// read reads all that is read at each head, in one go.
func (s *Sight) read(ctx context.Context, head rollout.Block) ([]rule.Seen, error) {
	q := chain.Question{Block: head, Codes: slices.SortedFunc(maps.Keys(s.accounts), common.Address.Cmp)}
	if s.balances == 0 || head.Number >= s.balances+s.cfg.Balances {
		for _, address := range q.Codes {
			if s.accounts[address].Needs != nil {
				q.Balances = append(q.Balances, address)
			}
		}
	}
	searches := len(s.blocks) == 1 && s.blocks[0] == span{head.Number, head}
	if searches {
		q.Wanted = s.wanted()
	}
	answer, err := s.ask(ctx, q, s.logs)
	if err != nil {
		return nil, err
	}
	if searches {
		s.found(answer.Sent, *q.Wanted)
		s.blocks = nil
	}
	var out []rule.Seen
	compare := func(answer chain.Answer) {
		for i, words := range s.words(answer) {
			if s.blind {
				s.order[i].Watch.Adopt(words)
				continue
			}
			out = append(out, s.hidden(ctx, head, s.order[i], words)...)
		}
	}
	compare(answer)
	if s.at == (rollout.Block{}) { // if this fails, the next look is what follows
		var again chain.Answer
		if again, err = s.ask(ctx, chain.Question{Block: head}, nil); err == nil {
			compare(again)
		}
	}
	for _, c := range s.order {
		out = append(out, c.news()...)
	}
	for i, address := range q.Codes {
		s.accounts[address].code = answer.Codes[i]
	}
	out = append(out, s.codes(ctx, head, q.Codes)...)
	for i, address := range q.Balances {
		needs := s.accounts[address].Needs()
		if needs == nil {
			continue
		}
		out = append(out, rule.Seen{Sight: rule.SawBalance, Account: address, Has: answer.Balances[i], Needs: needs})
		s.balances = head.Number
	}
	s.at, s.logs, s.blind = head, nil, false
	clear(s.sent)
	return out, err
}

// suspectsAtMost is how many transactions are named that may have made a hidden change.
const suspectsAtMost = 5

// hidden is what no log explains, with how many endpoints have read the same, and what may have done it.
func (s *Sight) hidden(ctx context.Context, head rollout.Block, c *contract, words []common.Hash) []rule.Seen {
	seen := c.Watch.Compare(words)
	if len(seen) == 0 {
		c.hidden = doubted{}
		return nil
	}
	what := inWords(seen)
	if c.hidden.recently(what, head) {
		c.Watch.Doubt()
		return nil
	}
	same, asked := 0, 0
	for _, e := range s.cfg.Chain.AskEach(ctx, chain.Question{Block: head, Slots: c.slots}, s.cfg.Agree) {
		asked++
		if e.Err == nil && slices.Equal(e.Answer.Words, words) {
			same++
		}
	}
	told := same == 0 || c.hidden.told(what, same) // if it is none, not even the one that said so says it again
	if same < min(s.cfg.Agree, asked) {
		c.Watch.Doubt()
		if same > 0 {
			c.hidden = doubted{what, same, head.Time}
		}
		if told {
			return nil
		}
	} else {
		c.hidden = doubted{}
	}
	for i := range seen {
		seen[i].Contract, seen[i].Endpoints, seen[i].Asked, seen[i].Required = c.address, same, asked, s.cfg.Agree
		if seen[i].Tx != (common.Hash{}) {
			seen[i].By = s.sent[seen[i].Tx].From
			continue
		}
		// of calls that began elsewhere nothing is known
		var to []chain.Sent
		for _, tx := range s.sent {
			if tx.To == c.address {
				to = append(to, tx)
			}
		}
		slices.SortFunc(to, func(a, b chain.Sent) int {
			return cmp.Or(cmp.Compare(a.Block.Number, b.Block.Number), cmp.Compare(a.Index, b.Index))
		})
		var hashes []string
		for _, tx := range to[:min(len(to), suspectsAtMost)] {
			hashes = append(hashes, tx.Hash.Hex())
		}
		if len(hashes) > 0 {
			seen[i].Details = []rule.Detail{{Name: "transactions to the contract meanwhile", Value: strings.Join(hashes, ", ")}}
		}
	}
	return seen
}

// news is what stands, where it is another thing than was told.
func (c *contract) news() []rule.Seen {
	standing := c.Watch.Standing()
	for i := range standing {
		standing[i].Contract = c.address
	}
	var out []rule.Seen
	for i := range standing {
		if i >= len(c.standing) || !same(standing[i], c.standing[i]) {
			out = append(out, standing[i])
		}
	}
	c.standing = slices.Clone(standing)
	return out
}

func same(a, b rule.Seen) bool {
	return a.Sight == b.Sight && a.Subject == b.Subject && a.Epoch == b.Epoch && a.Eta == b.Eta && a.Grace == b.Grace
}
