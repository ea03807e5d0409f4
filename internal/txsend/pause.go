package txsend

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// PauseChain is what a Pauser needs of a network: a chain.Client has it.
type PauseChain interface {
	Chain
	SendAll(ctx context.Context, tx *types.Transaction, told func(chain.Reply)) error
	CallAll(ctx context.Context, timeout time.Duration, msg ethereum.CallMsg, told func(chain.Reply))
}

// PauseRelays is what it needs of the network's relays: a relay.Router has it.
type PauseRelays interface {
	PushAll(ctx context.Context, tx *types.Transaction, head, last uint64, told func(relay string, err error)) error
	Land(ctx context.Context, hash common.Hash, block uint64, gasPrice, baseFee *big.Int) error
}

// PauseJournal keeps decisions to pause beside what was signed.
type PauseJournal interface {
	Journal
	DecidePause(ctx context.Context, d rollout.Pause, most int, t *rollout.Transaction, after rollout.Mark) (rollout.Pause, *rollout.Transaction, error)
	DecidedPause(ctx context.Context, d rollout.Pause) (was rollout.Pause, ok bool, err error)
	PauseBy(ctx context.Context, chainID uint64, signer common.Address, nonce uint64) (rollout.Pause, error)
	OpenPauses(ctx context.Context) ([]rollout.Pause, error)
	EndPause(ctx context.Context, d rollout.Pause) error
}

// Tenure is the right to the nonces of the account, for as long as its context lasts.
type Tenure struct {
	Journal PauseJournal // under the lease
	Lost    <-chan struct{}
	Release func()
}

func (t *Tenure) lost() bool {
	select {
	case <-t.Lost:
		return true
	default:
		return false
	}
}

// Standing is how an account stands with a dispatcher after a block.
type Standing struct {
	Pauser bool     // it holds PAUSER_ROLE
	Others []string // the other roles that it holds
	Paused bool     // the dispatcher
}

// PauserConfig is what a Pauser is made of.
type PauserConfig struct {
	Chain  PauseChain
	Relays PauseRelays // nil if there are none
	// Direct says that a pause is given to the network's endpoints: because its transactions may be, or because the one exception to that is wanted.
	Direct  bool
	Journal PauseJournal // without a lease
	// Take takes the nonces of the account: from whoever has them if seize is set, else the error is a rollout.HeldError.
	Take func(ctx context.Context, seize bool) (*Tenure, error)
	// Sender is how transactions are signed and awaited. Chain, Journal, Relays, Approval and Check are not its own.
	Sender     Config
	BlockTime  time.Duration
	Dispatcher common.Address
	Call       []byte // data of the call that pauses it
	// Ask is the data of a call that asks it whether it is paused, and Paused reads the answer.
	Ask    []byte
	Paused func(out []byte) (bool, error)
	// Standing asks how the account stands with the dispatcher.
	Standing func(ctx context.Context, at common.Hash) (Standing, error)
	Mode     rollout.PauseMode // PauseOn or PauseDry
	PerHour  int
	// Told hears of each decision, and of its end; Trouble of what keeps one from going on.
	Told    func(rollout.Pause)
	Trouble func(error)
}

// Pauser pauses one dispatcher on one network when it is told to, and can do nothing else: it never unpauses.
//
// What a decision waits for is kept ready by Run: the nonce, fees, the limit of gas, connections. Left to do are to sign, to journal the decision
// and the transaction in one, to see that no other process has taken over, and to give it to all endpoints and relays at once. Run then sees to it
// until it is final.
//
//	order ─► paused already? ─► signed ─► journal: decision, limit, transaction ─► fence, exemption ─► all at once ─► first has it
//	             │ yes: noted                     │ too many: noted                                          │
//	             ▼                                ▼                                             await, offer more ─► final
type Pauser struct {
	cfg    PauserConfig
	sender *Sender
	orders chan struct{} // holds a token while an order is carried out
	wake   chan struct{} // holds a token when there is something to follow
	moved  chan struct{} // holds a token when there is more to follow than is being followed
	giving sync.WaitGroup

	tenures sync.Mutex // is held while the nonces are taken or given back
	tenure  *Tenure

	stopped chan struct{} // is closed when there are to be no more orders
	over    chan struct{} // is closed when the last one has ended

	mu    sync.Mutex
	warm  warmth
	given map[common.Hash]*gift
	took  map[int64]int64 // milliseconds, by decision
}

// NewPauser returns a pauser. It is ready for orders when Run has looked once.
func NewPauser(cfg PauserConfig) *Pauser {
	if cfg.Told == nil {
		cfg.Told = func(rollout.Pause) {}
	}
	if cfg.Trouble == nil {
		cfg.Trouble = func(error) {}
	}
	p := &Pauser{
		cfg: cfg, orders: make(chan struct{}, 1), wake: make(chan struct{}, 1), moved: make(chan struct{}, 1), stopped: make(chan struct{}), over: make(chan struct{}), given: map[common.Hash]*gift{},
		took: map[int64]int64{},
	}
	own := cfg.Sender
	own.Chain, own.Journal, own.Relays, own.Approval, own.Check = cfg.Chain, cfg.Journal, everywhere{p}, nil, nil
	own.StuckAfter = max(5*cfg.BlockTime/2, 3*time.Second)
	p.sender = New(own)
	p.sender.exempt = p.mayPause
	return p
}

// Address is the account.
func (p *Pauser) Address() common.Address { return p.sender.Address() }

// Pause decides to pause because of an alert: d says which, what it says, and the block that showed it, which arrived at seen. The decision comes back
// with its outcome, and if that is that it is sent with how long that took, unless seen is zero. An outcome that is set already is noted as it is.
//
// With an error and without an ID nothing was decided, and the order can be given again: it is carried out once. With an error and an ID it is sent:
// nobody has taken it yet, and Run goes on.
func (p *Pauser) Pause(ctx context.Context, d rollout.Pause, seen time.Time) (rollout.Pause, error) {
	if err := p.enter(ctx); err != nil {
		return d, fmt.Errorf("pause on %s: %w", p.cfg.Chain.Name(), err)
	}
	defer func() { <-p.orders }()
	d, err := p.decide(ctx, p.own(d), seen)
	if d.ID != 0 && !d.Known {
		p.cfg.Told(d)
	}
	if err != nil {
		return d, fmt.Errorf("pause on %s: %w", p.cfg.Chain.Name(), err)
	}
	return d, nil
}

// own is a decision with what all of this pauser have in common.
func (p *Pauser) own(d rollout.Pause) rollout.Pause {
	d.ChainID, d.Dispatcher, d.Mode, d.Transaction = p.cfg.Chain.ChainID(), p.cfg.Dispatcher, p.cfg.Mode, 0
	return d
}

// Decided returns what was decided about an order before, by this process or another, and whether anything was that is not merely refused.
func (p *Pauser) Decided(ctx context.Context, d rollout.Pause) (was rollout.Pause, ok bool, err error) {
	return p.cfg.Journal.DecidedPause(ctx, p.own(d))
}

// enter waits until no other order is carried out.
func (p *Pauser) enter(ctx context.Context) error {
	select {
	case <-p.stopped:
		return errStopped
	default:
	}
	select {
	case p.orders <- struct{}{}:
		return nil
	case <-p.stopped:
		return errStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

var errStopped = errors.New("this process no longer pauses: it stops")

func (p *Pauser) decide(ctx context.Context, d rollout.Pause, seen time.Time) (rollout.Pause, error) {
	if d.Outcome != "" {
		return p.note(ctx, d)
	}
	w, err := p.ready(ctx)
	switch refused := cmp.Or(w.refused, w.foreign); {
	case err != nil:
		return d, err // it may be otherwise in a moment
	case refused != nil:
		d.Outcome, d.Note = rollout.PauseRefused, refused.Error()
	case p.cfg.Mode == rollout.PauseOn:
		return p.send(ctx, d, seen, w)
	case p.isPaused(ctx):
		d.Outcome = rollout.PauseAlready
	default:
		d.Outcome, d.Took = rollout.PauseDryRun, milliseconds(seen)
	}
	return p.note(ctx, d)
}

// note journals a decision that sends nothing.
func (p *Pauser) note(ctx context.Context, d rollout.Pause) (rollout.Pause, error) {
	d, _, err := p.cfg.Journal.DecidePause(ctx, d, p.cfg.PerHour, nil, rollout.Mark{})
	return d, err
}

// milliseconds since a time, at least one; 0 if that is not known.
func milliseconds(since time.Time) int64 {
	if since.IsZero() {
		return 0
	}
	return max(1, time.Since(since).Milliseconds())
}

// attempts is how often a decision is made again because somebody else has used, or taken, the nonces meanwhile.
const attempts = 5

// send is decide where something may be sent.
func (p *Pauser) send(ctx context.Context, d rollout.Pause, seen time.Time, w warmth) (rollout.Pause, error) {
	asked := make(chan bool, 1)
	p.giving.Go(func() { asked <- p.isPaused(ctx) }) // while the nonces are taken
	defer p.Follow()                                 // whatever comes of this, the nonces are given back
	for attempt := 1; ; attempt++ {
		t, err := p.take(ctx, true)
		if err != nil {
			return d, err
		}
		if attempt == 1 && <-asked {
			d.Outcome = rollout.PauseAlready
			return p.note(ctx, d)
		}
		decided, entry, err := p.journal(ctx, t.Journal, d, w)
		if (errors.Is(err, rollout.ErrStale) || errors.Is(err, rollout.ErrFenced)) && attempt < attempts {
			continue
		}
		if err != nil {
			return d, err
		}
		if decided.Outcome != rollout.PauseSent || decided.Known { // which Run goes on with
			return decided, nil
		}
		select {
		case p.moved <- struct{}{}:
		default:
		}
		// from here on it is in the journal: if it is not given away now, Run goes on with it, or whoever has taken over
		tx, err := p.mayGive(ctx, t.Journal, *entry)
		if err == nil && !p.fresh(tx.Hash()) { // Run may have been faster
			err = p.give(ctx, tx, w.head)
		}
		if err == nil {
			decided.Took = milliseconds(seen)
			p.mu.Lock()
			p.took[decided.ID] = decided.Took
			p.mu.Unlock()
		}
		return decided, err
	}
}

// journal signs a pause, or finds one that is open already, and journals the decision with it.
func (p *Pauser) journal(ctx context.Context, j PauseJournal, d rollout.Pause, w warmth) (rollout.Pause, *rollout.Transaction, error) {
	mark, err := j.Read(ctx, p.cfg.Chain.ChainID(), p.Address())
	if err != nil {
		return d, nil, err
	}
	nonce := w.nonce
	if mark.Known {
		nonce = mark.NextNonce
	}
	fees := w.fees
	var earlier []rollout.Transaction
	behind, err := p.behind(ctx, mark.Open)
	if err != nil {
		return d, nil, err
	}
	if len(behind) > 0 {
		open := behind[0]
		if open.Status == rollout.Signed { // it has never left this machine
			if err := j.Void(ctx, []rollout.Transaction{open}); err != nil {
				return d, nil, err
			}
			return d, nil, rollout.ErrStale
		}
		tx, err := decoded(open)
		if err != nil {
			return d, nil, err
		}
		if p.onlyPauses(tx) == nil { // an earlier pause is in no block yet, or the dispatcher is paused by it: it does the same
			d.Outcome, d.Transaction = rollout.PauseSent, open.ID
			return j.DecidePause(ctx, d, p.cfg.PerHour, nil, mark)
		}
		// somebody has taken an earlier pause back, say: what comes after it would wait for it
		if fees, err = bumped(tx, w.fees, p.most(tx.GasFeeCap(), w.fees.Cap)); err != nil {
			return d, nil, fmt.Errorf("nonce %d is used by %s, which is in no block: %w", open.Nonce, open.Step, err)
		}
		nonce, earlier = open.Nonce, append(candidates(open)[1:], open)
	}
	unsigned := unsigned(p.cfg.Chain.ChainID(), nonce, w.gas, p.cfg.Dispatcher, p.cfg.Call, fees)
	if err := p.onlyPauses(unsigned); err != nil {
		return d, nil, err
	}
	signed, err := p.cfg.Sender.Signer.Sign(p.cfg.Chain.ChainID(), unsigned)
	if err != nil {
		return d, nil, fmt.Errorf("sign: %w", err)
	}
	raw, err := signed.MarshalBinary()
	if err != nil {
		return d, nil, fmt.Errorf("encode: %w", err)
	}
	d.Outcome = rollout.PauseSent
	t := &rollout.Transaction{
		ChainID: p.cfg.Chain.ChainID(), Signer: p.Address(), Nonce: nonce, Step: PauseStep, Hash: signed.Hash(), Raw: raw, Earlier: earlier,
	}
	if n := len(earlier); n > 0 {
		t.Replaces = earlier[n-1].ID
	}
	return j.DecidePause(ctx, d, p.cfg.PerHour, t, mark)
}

// behind leaves out what does nothing any more of what is open: it is in a block, and people have unpaused since, before that was final.
func (p *Pauser) behind(ctx context.Context, open []rollout.Transaction) ([]rollout.Transaction, error) {
	if len(open) == 0 {
		return nil, nil
	}
	at, err := p.cfg.Chain.Head(ctx)
	if err != nil {
		return nil, err
	}
	used, err := p.cfg.Chain.NonceAt(ctx, at.Hash, p.Address())
	if err != nil || used <= open[0].Nonce {
		return open, err
	}
	s, err := p.cfg.Standing(ctx, at.Hash)
	if err != nil || s.Paused {
		return open, err
	}
	return slices.DeleteFunc(slices.Clone(open), func(t rollout.Transaction) bool { return t.Nonce < used }), nil
}

// PauseStep is the step of an automatic pause.
const PauseStep = "pause automatically"

// most is what a pause may offer that takes the place of something else.
func (p *Pauser) most(was, now *big.Int) *big.Int {
	if p.cfg.Sender.MaxFee != nil {
		return p.cfg.Sender.MaxFee
	}
	return new(big.Int).Mul(greatest(was, now), big.NewInt(10))
}

// mayGive is asked right before a pause is given away: it may be, and no other process has taken over.
func (p *Pauser) mayGive(ctx context.Context, j PauseJournal, entry rollout.Transaction) (*types.Transaction, error) {
	tx, err := decoded(entry)
	if err != nil {
		return nil, err
	}
	if err := p.mayPause(ctx, tx); err != nil {
		return nil, &UnapprovedError{p.cfg.Chain.Name(), entry.Step, err}
	}
	if err := j.Held(ctx); err != nil {
		return nil, err
	}
	return tx, nil
}

// mayPause is the exemption from approvals: it lets nothing pass but the very call, for the sake of a decision of the last hour that names an alert
// and has not ended.
func (p *Pauser) mayPause(ctx context.Context, tx *types.Transaction) error {
	if err := p.onlyPauses(tx); err != nil {
		return err
	}
	d, err := p.cfg.Journal.PauseBy(ctx, p.cfg.Chain.ChainID(), p.Address(), tx.Nonce())
	switch {
	case err != nil:
		return fmt.Errorf("no alert asks for it: %w", err)
	case d.Mode != rollout.PauseOn || d.Dispatcher != p.cfg.Dispatcher || d.Fingerprint == "":
		return fmt.Errorf("decision %d is not one to pause %s because of an alert", d.ID, p.cfg.Dispatcher)
	case d.Age > rollout.PauseHour || d.Age < -rollout.PauseHour:
		return fmt.Errorf("decision %d to pause is %s old, and good for an hour: a new alert goes on with it, or take it back with lockstep transaction drop",
			d.ID, (time.Duration(d.Age) * time.Millisecond).Round(time.Minute))
	}
	return nil
}

// onlyPauses refuses every transaction that is not the call that pauses the dispatcher, and nothing else.
func (p *Pauser) onlyPauses(tx *types.Transaction) error {
	switch {
	case p.cfg.Mode != rollout.PauseOn:
		return fmt.Errorf("alerts.pause.mode is %s", p.cfg.Mode)
	case tx.Type() != types.DynamicFeeTxType && tx.Type() != types.LegacyTxType, len(tx.AccessList()) > 0:
		return errors.New("it is not a plain call")
	case tx.To() == nil || *tx.To() != p.cfg.Dispatcher:
		return fmt.Errorf("it is not to the dispatcher %s", p.cfg.Dispatcher)
	case !bytes.Equal(tx.Data(), p.cfg.Call):
		return errors.New("it calls something else than pause()")
	case tx.Value().Sign() != 0:
		return errors.New("it carries value")
	}
	if v, r, s := tx.RawSignatureValues(); v.Sign() == 0 && r.Sign() == 0 && s.Sign() == 0 {
		return nil // it is not signed yet
	}
	from, err := types.Sender(types.LatestSignerForChainID(new(big.Int).SetUint64(p.cfg.Chain.ChainID())), tx)
	if err != nil {
		return fmt.Errorf("its signature: %w", err)
	}
	if from != p.Address() {
		return fmt.Errorf("it is signed by %s, not by %s", from, p.Address())
	}
	return nil
}

// askPaused is how long endpoints have to say whether the dispatcher is paused.
const askPaused = 300 * time.Millisecond

// isPaused asks all endpoints at once whether the dispatcher is paused. One that says that it is not is enough to go on, and so is that they do not
// answer: to pause what is paused costs a little gas. Where there are several, one alone that says that it is paused is not believed.
func (p *Pauser) isPaused(ctx context.Context) bool {
	running, done := make(chan struct{}), make(chan struct{})
	yes, no, all := 0, 0, 0
	p.giving.Go(func() {
		defer close(done)
		to := p.cfg.Dispatcher
		p.cfg.Chain.CallAll(context.WithoutCancel(ctx), askPaused, ethereum.CallMsg{To: &to, Data: p.cfg.Ask}, func(s chain.Reply) {
			all++
			if s.Err != nil {
				return
			}
			paused, err := p.cfg.Paused(s.Out)
			switch {
			case err != nil:
			case paused:
				yes++
			default:
				if no++; no == 1 {
					close(running)
				}
			}
		})
	})
	select {
	case <-running:
		return false
	case <-done:
		return no == 0 && yes > 0 && yes >= min(2, all)
	}
}
