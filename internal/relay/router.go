package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/google/uuid"

	"github.com/seed-b6a97670/lockstep/internal/network"
)

// Defaults of a Config.
const (
	DefaultPatience    = 3
	DefaultExplore     = 10
	DefaultRebroadcast = 15 * time.Second
)

// Config of a router.
type Config struct {
	Network string // its name, for errors and measurements
	ChainID uint64
	Privacy string // of the network, in the words of package network
	// AllowPublic says that the network's configuration lets transactions be seen by more than Privacy says. Such ways are then
	// asked last.
	AllowPublic bool
	Relays      []Relay // in the order in which they are asked
	Records     Records
	Patience    uint64 // blocks that a relay has until the next one is asked, too; DefaultPatience if zero
	// Rebroadcast is after how long a relay that does not say how long it keeps transactions is given them again;
	// DefaultRebroadcast if zero.
	Rebroadcast time.Duration
	// Measured orders relays by what was measured of them, and not as they come.
	Measured bool
	Explore  int           // one in so many begins with another relay than the best one; DefaultExplore if zero, never if negative
	Seed     uint64        // of which one that is
	Past     []Measurement // of earlier runs, oldest first
	// Report is told what is measured, in the goroutine that pushes, which ends with its error. It may be nil.
	Report func(context.Context, Measurement) error
	Now    func() time.Time // time.Now if nil
}

// Router gives the transactions of one network to relays. It is safe for concurrent use, but for one transaction at a time.
type Router struct {
	cfg    Config
	relays map[string]Relay
	choice *choice
}

var (
	// ErrExpired says that transactions are in no block up to the last that they were for.
	ErrExpired = errors.New("expired")
	// ErrCancelled says that transactions were taken back, and are not pushed again.
	ErrCancelled = errors.New("cancelled")
)

// NewRouter makes a router. It refuses relays that would make public what the network's configuration does not want to be.
func NewRouter(cfg Config) (*Router, error) {
	if rank(cfg.Privacy) < 0 {
		return nil, fmt.Errorf("privacy of %s is %q: it must be %s, %s or %s", cfg.Network, cfg.Privacy, network.Relay, network.Sequencer, network.Public)
	}
	if len(cfg.Relays) == 0 {
		return nil, fmt.Errorf("%s has no relay that its transactions may be given to (privacy %s): configure one", cfg.Network, cfg.Privacy)
	}
	if cfg.Patience == 0 {
		cfg.Patience = DefaultPatience
	}
	if cfg.Explore == 0 {
		cfg.Explore = DefaultExplore
	}
	if cfg.Rebroadcast == 0 {
		cfg.Rebroadcast = DefaultRebroadcast
	}
	if cfg.Report == nil {
		cfg.Report = func(context.Context, Measurement) error { return nil }
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	r := &Router{cfg: cfg, relays: map[string]Relay{}, choice: &choice{
		relays: cfg.Relays, allowed: rank(cfg.Privacy), explore: cfg.Explore,
		rng: rand.New(rand.NewPCG(cfg.Seed, cfg.ChainID)), ends: map[string][]end{},
	}}
	for _, relay := range cfg.Relays {
		name := relay.Name()
		if _, twice := r.relays[name]; twice || name == "" {
			return nil, fmt.Errorf("relays of %s need names, each another: there are two %q", cfg.Network, name)
		}
		of := rank(relay.Privacy())
		if of < 0 {
			return nil, fmt.Errorf("relay %s of %s does not say who sees what it is given (%q)", name, cfg.Network, relay.Privacy())
		}
		if of > rank(cfg.Privacy) && !cfg.AllowPublic {
			return nil, fmt.Errorf("transactions on %s are to stay private (%s), and relay %s is %s: take it out of the configuration, "+
				"or say there that they may become public", cfg.Network, cfg.Privacy, name, relay.Privacy())
		}
		r.relays[name] = relay
	}
	for _, m := range cfg.Past {
		r.choice.note(m)
	}
	return r, nil
}

// Push sees to it that relays have signed transactions of one account with consecutive nonces, for blocks up to last. head is the
// number of the newest block. It is to be called again at each new block, with those that are in none yet, and after a restart; at
// the same block it asks only if no relay has them. The error is nil if one has. With ErrExpired they were in no block up to the
// last, and pushing goes on if a later one is given.
func (r *Router) Push(ctx context.Context, txs []*types.Transaction, head, last uint64) error {
	b := Batch{Txs: txs, Next: head + 1}
	if _, err := b.check(); err != nil {
		return fmt.Errorf("submit to relays of %s: %w", r.cfg.Network, err)
	}
	if id := txs[0].ChainId(); !id.IsUint64() || id.Uint64() != r.cfg.ChainID {
		return fmt.Errorf("submit %s to relays of %s: it is for chain %s, not %d", txs[0].Hash(), r.cfg.Network, id, r.cfg.ChainID)
	}
	if err := r.push(ctx, b, head, last); err != nil {
		return fmt.Errorf("submit %s on %s: %w", b.words(), r.cfg.Network, err)
	}
	return nil
}

func (b Batch) words() string {
	if n := len(b.Txs); n > 1 {
		return fmt.Sprintf("%s and %d more", b.Txs[0].Hash(), n-1)
	}
	return b.Txs[0].Hash().Hex()
}

func (r *Router) push(ctx context.Context, b Batch, head, last uint64) error {
	rec, err := r.record(ctx, b, last)
	if err != nil {
		return err
	}
	if rec.Cancelled {
		return fmt.Errorf("%w: sign another one with the same nonce", ErrCancelled)
	}
	if head >= rec.Last {
		if err := r.expire(ctx, &rec, head); err != nil {
			return err
		}
		if last <= head {
			if err := r.save(ctx, rec); err != nil {
				return err
			}
			return fmt.Errorf("%w: it is in no block up to %d: offer more, or wait and try again", ErrExpired, rec.Last)
		}
		rec.Last = last
		rec.Order = r.choice.order(r.cfg.Measured)
	}
	b.ID, b.Last = rec.ID, rec.Last
	var failures []error
	held, err := r.refresh(ctx, &rec, b, head, &failures)
	if err != nil || held {
		return err
	}
	for _, name := range r.next(rec, head) {
		taken, err := r.ask(ctx, &rec, r.relays[name], b, head)
		switch {
		case taken:
			return nil
		case ctx.Err() != nil, !isOfRelay(err):
			return err
		}
		failures = append(failures, err)
	}
	if r.held(rec) {
		return nil // late, but nobody else would have it
	}
	return &untaken{r.cfg.Privacy == network.Public || r.cfg.AllowPublic, failures}
}

// untaken is the error when no relay has taken what it was given.
type untaken struct {
	public   bool
	failures []error
}

func (u *untaken) Error() string {
	text := "no relay is known to have it"
	if !u.public {
		text += ", and nobody else was given it"
	}
	for i, err := range u.failures {
		text += []string{": ", "; "}[min(i, 1)] + err.Error()
	}
	return text
}

func (u *untaken) Unwrap() []error { return u.failures }

// isOfRelay tells an error of a relay from one of the records.
func isOfRelay(err error) bool {
	var f *failure
	return errors.As(err, &f)
}

// kind of an error of a relay.
func kind(err error) error {
	var f *failure
	if errors.As(err, &f) {
		return f.kind
	}
	return ErrInDoubt // a relay that does not say whether it has it
}

// record finds that of a batch, or makes one. What joins transactions that a relay has is submitted together with them.
func (r *Router) record(ctx context.Context, b Batch, last uint64) (Record, error) {
	hashes := b.hashes()
	rec, found, err := r.cfg.Records.Load(ctx, r.cfg.ChainID, hashes[0])
	if err != nil {
		return rec, fmt.Errorf("read what relays have: %w", err)
	}
	if !found {
		id, err := uuid.NewRandom()
		if err != nil {
			return rec, fmt.Errorf("make a UUID: %w", err)
		}
		return Record{ID: id.String(), ChainID: r.cfg.ChainID, Hashes: hashes, Last: last, Order: r.choice.order(r.cfg.Measured)}, nil
	}
	rec = rec.clone()
	changed := false
	for _, h := range hashes {
		if !slices.Contains(rec.Hashes, h) {
			rec.Hashes, changed = append(rec.Hashes, h), true
		}
	}
	if changed { // what a relay has is less than what it is to have
		for i := range rec.Tries {
			rec.Tries[i].Until, rec.Tries[i].At = 0, time.Time{}
		}
	}
	return rec, nil
}

func (r *Router) save(ctx context.Context, rec Record) error {
	if err := r.cfg.Records.Save(context.WithoutCancel(ctx), rec.clone()); err != nil {
		return fmt.Errorf("note what relays have: %w", err)
	}
	return nil
}

// refresh sees to the relays that have a batch, and tells whether one has that is not late.
func (r *Router) refresh(ctx context.Context, rec *Record, b Batch, head uint64, failures *[]error) (held bool, err error) {
	changed := false
	for i := range rec.Tries {
		t := &rec.Tries[i]
		relay := r.relays[t.Relay]
		if t.State != Taken || relay == nil {
			continue
		}
		due := r.due(*t, head)
		if !due && t.Seen < head {
			status, err := relay.Status(ctx, b.Txs[0].Hash())
			if !errors.Is(err, ErrUnsupported) {
				t.Seen, changed = head, true
			}
			switch {
			case err != nil: // it has them as far as is known
			case status == Unknown: // it has forgotten
				due = true
			case status == Failed, status == Cancelled:
				t.State = Dropped
				if err := r.report(ctx, rec, *t, OutcomeDropped, head); err != nil {
					return false, err
				}
				continue
			}
		}
		if !t.Late && head >= t.Since+r.cfg.Patience {
			t.Late, changed = true, true
			if err := r.report(ctx, rec, *t, OutcomeLate, head); err != nil {
				return false, err
			}
		}
		if due {
			if taken, err := r.ask(ctx, rec, relay, b, head); !taken {
				if ctx.Err() != nil || !isOfRelay(err) {
					return false, err
				}
				*failures = append(*failures, err)
				continue
			}
		}
		held = held || !t.Late
	}
	if !changed {
		return held, nil
	}
	return held, r.save(ctx, *rec)
}

// due tells whether a relay that has transactions is to be given them again.
func (r *Router) due(t Try, head uint64) bool {
	if t.Until == 0 {
		return r.cfg.Now().Sub(t.At) >= r.cfg.Rebroadcast
	}
	return t.Until <= head
}

// held tells whether a relay that can be asked has the transactions.
func (r *Router) held(rec Record) bool {
	return slices.ContainsFunc(rec.Tries, func(t Try) bool { return t.State == Taken && r.relays[t.Relay] != nil })
}

// next returns the relays that are to be asked, in order: those that were not asked yet, and those that may not have it. Those that
// said no, too, if nobody has it. What is less private than the network comes last, whatever the record says.
func (r *Router) next(rec Record, head uint64) []string {
	nobody := !r.held(rec)
	names := slices.Clone(rec.Order)
	for _, relay := range r.cfg.Relays { // those that were configured since
		if !slices.Contains(names, relay.Name()) {
			names = append(names, relay.Name())
		}
	}
	var fresh, again []string
	for _, name := range names {
		if r.relays[name] == nil {
			continue
		}
		i := slices.IndexFunc(rec.Tries, func(t Try) bool { return t.Relay == name })
		switch {
		case i < 0:
			fresh = append(fresh, name)
		case rec.Tries[i].State == Taken:
		case nobody || rec.Tries[i].State != Refused && rec.Tries[i].Seen < head:
			again = append(again, name)
		}
	}
	out := append(fresh, again...)
	slices.SortStableFunc(out, func(a, b string) int { return cmp.Compare(r.choice.last(r.relays[a]), r.choice.last(r.relays[b])) })
	return out
}

// ask submits a batch to one relay. That it is asked is saved before.
func (r *Router) ask(ctx context.Context, rec *Record, relay Relay, b Batch, head uint64) (taken bool, err error) {
	t := rec.try(relay.Name())
	before := r.asking(t, head)
	if err := r.save(ctx, *rec); err != nil {
		return false, err // so it is not asked
	}
	until, err := relay.Submit(ctx, b)
	m := r.answered(rec, t, before, b, head, until, err)
	if noteErr := errors.Join(r.save(ctx, *rec), r.note(ctx, m)); noteErr != nil {
		return false, errors.Join(err, noteErr)
	}
	if t.State == Taken {
		return true, nil
	}
	if !isOfRelay(err) {
		err = &failure{relay: relay.Name(), kind: ErrInDoubt, why: err.Error(), cause: err}
	}
	return false, err
}

// asking changes a try to that of a relay that is about to be asked, and returns what it was.
func (r *Router) asking(t *Try, head uint64) (before Try) {
	before = *t
	if t.State != Taken {
		t.Since, t.Late = head, false
	}
	t.State, t.Seen, t.At, t.Given, t.Reason = Asked, head, r.cfg.Now(), true, ""
	return before
}

// answered changes a try to what the relay has answered, and measures that.
func (r *Router) answered(rec *Record, t *Try, before Try, b Batch, head, until uint64, err error) Measurement {
	m := r.measured(rec, *t, OutcomeTaken, head)
	m.Took, m.Again = m.At.Sub(t.At), before.State != ""
	t.State, t.Until = Taken, until
	if err != nil {
		t.Reason, m.Reason = err.Error(), err.Error()
		switch k := kind(err); {
		case errors.Is(k, ErrPartial):
			t.Until, m.Outcome = b.Next, OutcomePartial
		case errors.Is(k, ErrRefused), errors.Is(k, ErrUnsupported):
			t.State, t.Given, m.Outcome = Refused, before.Given, OutcomeRefused
		case errors.Is(k, ErrUnsent):
			t.State, t.Given, m.Outcome = Unsent, before.Given, OutcomeUnsent
		default:
			t.State, m.Outcome = Asked, OutcomeInDoubt
		}
	}
	if before.State == "" || before.Seen < head { // once a block, however often it is asked
		r.choice.note(m)
	}
	return m
}

// expire ends the tries of a record whose last block has come.
func (r *Router) expire(ctx context.Context, rec *Record, head uint64) error {
	for i := range rec.Tries {
		t := &rec.Tries[i]
		if t.State == Taken {
			if err := r.report(ctx, rec, *t, OutcomeExpired, head); err != nil {
				return err
			}
			t.State = Dropped
		}
	}
	return nil
}

// Land takes note that the caller has seen a transaction in a block, at which price and over which base fee, in wei, for what is
// measured. Either may be nil. One that no relay was given is none of its business.
func (r *Router) Land(ctx context.Context, hash common.Hash, block uint64, gasPrice, baseFee *big.Int) error {
	rec, found, err := r.cfg.Records.Load(ctx, r.cfg.ChainID, hash)
	if err != nil {
		return fmt.Errorf("read which relays have %s on %s: %w", hash, r.cfg.Network, err)
	}
	if !found || slices.Contains(rec.Landed, hash) {
		return nil
	}
	rec = rec.clone()
	err = r.landed(ctx, &rec, hash, block, gasPrice, baseFee)
	if err == nil {
		rec.Landed = append(rec.Landed, hash)
		err = r.save(ctx, rec)
	}
	if err != nil {
		return fmt.Errorf("%s landed on %s: %w", hash, r.cfg.Network, err)
	}
	return nil
}

// landed reports which relay most likely brought a transaction into its block.
func (r *Router) landed(ctx context.Context, rec *Record, hash common.Hash, block uint64, gasPrice, baseFee *big.Int) error {
	by, among := rec.likely(block, Taken, Dropped)
	if among == 0 {
		by, among = rec.likely(block, Asked)
	}
	if among == 0 {
		return nil
	}
	m := r.measured(rec, by, OutcomeLanded, block)
	m.Hashes, m.Blocks, m.Among, m.GasPrice, m.BaseFee = []common.Hash{hash}, block-by.Since, among, gasPrice, baseFee
	if by.Late {
		m.Blocks -= min(m.Blocks, r.cfg.Patience) // they were counted when it became late
	}
	return r.tell(ctx, m)
}

// Word is what one relay says of a transaction that it was given.
type Word struct {
	Relay  string `json:"relay"`
	State  State  `json:"state"`  // what this program knows
	Status Status `json:"status"` // what the relay says
	Err    error  `json:"-"`      // why it does not say
}

// Status asks the relays that may have a transaction what they say of it. What is on the chain they do not decide.
func (r *Router) Status(ctx context.Context, hash common.Hash) ([]Word, error) {
	rec, _, err := r.cfg.Records.Load(ctx, r.cfg.ChainID, hash)
	if err != nil {
		return nil, fmt.Errorf("read which relays have %s on %s: %w", hash, r.cfg.Network, err)
	}
	var out []Word
	for _, t := range rec.Tries {
		if !t.Given && t.State != Dropped {
			continue
		}
		w := Word{Relay: t.Relay, State: t.State, Status: Unknown}
		if relay := r.relays[t.Relay]; relay == nil {
			w.Err = gone(t.Relay)
		} else {
			w.Status, w.Err = relay.Status(ctx, hash)
		}
		out = append(out, w)
	}
	return out, nil
}

func gone(name string) error {
	return unsupported(name, "is not configured any more, so it cannot be asked: configure it again")
}

// Cancel asks every relay that may have transactions to forget them. From then on they are not pushed again, whatever the relays
// answer. The error names each that has not cancelled: what it has may land until its nonce is used.
func (r *Router) Cancel(ctx context.Context, txs []*types.Transaction) error {
	b := Batch{Txs: txs}
	if _, err := b.check(); err != nil {
		return fmt.Errorf("cancel on relays of %s: %w", r.cfg.Network, err)
	}
	if err := r.cancel(ctx, b); err != nil {
		return fmt.Errorf("cancel %s on %s: %w", b.words(), r.cfg.Network, err)
	}
	return nil
}

func (r *Router) cancel(ctx context.Context, b Batch) error {
	rec, found, err := r.cfg.Records.Load(ctx, r.cfg.ChainID, b.Txs[0].Hash())
	if err != nil {
		return fmt.Errorf("read what relays have: %w", err)
	}
	if !found {
		return nil
	}
	rec = rec.clone()
	rec.Cancelled = true
	if err := r.save(ctx, rec); err != nil {
		return err
	}
	b.ID, b.Last = rec.ID, rec.Last
	var failures []string
	var errs []error
	for i := range rec.Tries {
		t := &rec.Tries[i]
		if !t.Given {
			continue
		}
		err := gone(t.Relay)
		if relay := r.relays[t.Relay]; relay != nil {
			err = relay.Cancel(ctx, b)
		}
		if err != nil {
			t.Reason = err.Error()
			failures, errs = append(failures, err.Error()), append(errs, err)
			continue
		}
		t.Given, t.State = false, Dropped
		if err := r.report(ctx, &rec, *t, OutcomeCancelled, t.Seen); err != nil {
			errs = append(errs, err)
			failures = append(failures, err.Error())
		}
	}
	if err := r.save(ctx, rec); err != nil {
		errs = append(errs, err)
		failures = append(failures, err.Error())
	}
	if len(errs) == 0 {
		return nil
	}
	return &joined{strings.Join(failures, "; "), errs}
}

// joined is errors on one line.
type joined struct {
	text string
	errs []error
}

func (j *joined) Error() string   { return j.text }
func (j *joined) Unwrap() []error { return j.errs }

func (r *Router) measured(rec *Record, t Try, o Outcome, head uint64) Measurement {
	return Measurement{
		Network: r.cfg.Network, ChainID: r.cfg.ChainID, Relay: t.Relay, ID: rec.ID, Hashes: slices.Clone(rec.Hashes), Outcome: o,
		At: r.cfg.Now(), Head: head,
	}
}

// report tells of what ends a try.
func (r *Router) report(ctx context.Context, rec *Record, t Try, o Outcome, head uint64) error {
	m := r.measured(rec, t, o, head)
	m.Blocks = head - min(head, t.Since)
	return r.tell(ctx, m)
}

func (r *Router) tell(ctx context.Context, m Measurement) error {
	r.choice.note(m)
	return r.note(ctx, m)
}

// note has it noted, also if the caller is interrupted, since it has happened.
func (r *Router) note(ctx context.Context, m Measurement) error {
	if err := r.cfg.Report(context.WithoutCancel(ctx), m); err != nil {
		return fmt.Errorf("note what relay %s did: %w", m.Relay, err)
	}
	return nil
}
