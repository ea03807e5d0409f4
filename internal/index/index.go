// Package index keeps the events of contracts of one network in the journal's database, as they are in the chain: each block's once, none that is
// not there, and none left out.
//
// Blocks that are old enough are read by ranges, several at a time, while what was read before is written (backfill). The newest are read one by one as
// they come (follow): each must be the child of the one before, whose header is kept. If it is not, the chain has been reorganised, and what was written
// of the blocks that left it is taken back.
//
//	         ┌──────────► backfill ──────────┐ up to the blocks that may still change
//	start ───┤                               ▼
//	         └──────────────────────────► follow ◄──┐ next block: write, tell
//	                                         │      │
//	                          its parent is  ▼      │
//	                          another     roll back ┘ to the newest block that is still in the chain
//
// How far it has come is moved in the transaction that writes the rows, so a crash leaves no gap and nothing twice, and of two that index the same
// only one goes on. Blocks in which nothing was logged are written some together.
package index

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// Chain is what the index needs of a network.
type Chain interface {
	Name() string
	ChainID() uint64
	Latest(ctx context.Context) (event.Header, error)
	Headers(ctx context.Context, numbers ...uint64) ([]event.Header, error)
	Logs(ctx context.Context, from, to uint64, addresses []common.Address) ([]event.Log, event.Header, error)
	LogsOf(ctx context.Context, block rollout.Block, addresses []common.Address) ([]event.Log, error)
	ReceiptLogs(ctx context.Context, block rollout.Block, addresses []common.Address) ([]event.Log, error)
	HasCode(ctx context.Context, number uint64, account common.Address) (bool, error)
	Left(ctx context.Context, b rollout.Block) (left bool, apart int, err error)
	Calls(ctx context.Context, hashes ...common.Hash) ([]event.Call, error)
	Heads(ctx context.Context, interval time.Duration) <-chan event.Header
}

// Store is where the rows are. What it writes may be written again after an error.
type Store interface {
	Covered(ctx context.Context, chainID uint64) ([]event.Covered, error)
	Watch(ctx context.Context, chainID uint64, contracts []event.Contract) (event.Position, error)
	SaveBatch(ctx context.Context, b event.Batch) error
	RollBack(ctx context.Context, chainID uint64, contracts []event.Contract, next uint64, to rollout.Block) error
	Unsettled(ctx context.Context, chainID uint64, contracts []event.Contract, after event.Place) (*event.Unsettled, error)
	Settle(ctx context.Context, chainID uint64, c event.Contract, commit event.Place, calls []event.Call, txs []event.Transaction) (event.Upgrade, error)
	SaveFinal(ctx context.Context, chainID uint64, final rollout.Block, from, to uint64) error
	SaveMissed(ctx context.Context, chainID uint64, contracts []event.Contract, logs []event.Decoded) error
	Events(ctx context.Context, f event.Filter) ([]event.Decoded, error)
	BlocksDown(ctx context.Context, chainID, from uint64, limit int) ([]event.Header, error)
}

// Handler is told what is indexed, after what was logged is committed, one thing after the other, and the index waits for it. It misses nothing, whatever fails
// between, but may be told of a block twice.
type Handler interface {
	// Backfilled says that all blocks up to one are indexed: from now on it is told of each that follows. It is said again when indexing was interrupted.
	Backfilled(ctx context.Context, upTo rollout.Block)
	// Head says that a block is indexed, and what contracts have logged in it. It is said once more, with those logs alone, if an endpoint had left some out.
	Head(ctx context.Context, block rollout.Block, logs []event.Decoded)
	// Reorg says that the blocks after one are no longer in the chain.
	Reorg(ctx context.Context, last rollout.Block)
	// Final says that a block is final by the network's rule, and so are all before it.
	Final(ctx context.Context, block rollout.Block)
}

// Config says what to index.
type Config struct {
	Chain         Chain
	Store         Store
	Contracts     []event.Contract // with a From of 0 if it is not known; then it is found out
	Confirmations uint64           // blocks until one is final, itself included
	Poll          time.Duration    // how often the newest block is asked for, where it is not announced
	Handler       Handler
	Told          rollout.Block // the last one that the handler was told, before this program was started; then it is told what it has missed
	Log           *slog.Logger
}

// Indexer indexes one network. It is used by one goroutine.
type Indexer struct {
	cfg       Config
	chain     Chain
	store     Store
	log       *slog.Logger
	chainID   uint64
	contracts []event.Contract
	addresses []common.Address
	kinds     map[common.Address]event.Kind

	next      uint64         // the first block that is not indexed
	recent    recent         // headers of the newest that are
	unwritten []event.Header // the last of them, in which nothing was logged
	written   time.Time      // when others were
	final     rollout.Block
	swept     uint64 // up to where final blocks were read once more
	pruned    uint64 // up to where headers without events were let go
	size      *rangeSize
	settling  settling
	atOnce    int             // how many blocks are read at once when several are missing
	told      []rollout.Block // the newest that the handler was told, by number
}

// keptBlocks is how many blocks at least are read one by one, and their headers kept, before the head.
const keptBlocks = 64

// New returns an indexer.
func New(cfg Config) *Indexer {
	x := &Indexer{
		cfg: cfg, contracts: slices.Clone(cfg.Contracts), chain: cfg.Chain, store: cfg.Store, log: cfg.Log.With("network", cfg.Chain.Name()), chainID: cfg.Chain.ChainID(),
		kinds: map[common.Address]event.Kind{}, size: newRangeSize(), atOnce: blocksAtOnce,
	}
	if cfg.Told.Hash != (common.Hash{}) {
		x.told = []rollout.Block{cfg.Told}
	}
	for _, c := range cfg.Contracts {
		x.kinds[c.Address] = c.Kind
		x.addresses = append(x.addresses, c.Address)
	}
	return x
}

// depth is how many of the newest blocks are not read by ranges.
func (x *Indexer) depth() uint64 { return max(keptBlocks, x.cfg.Confirmations) }

// Waits between attempts.
const (
	firstWait = 200 * time.Millisecond
	lastWait  = 10 * time.Second
)

// Run indexes until ctx ends, or until another process has taken that over, which is rollout.ErrFenced. It goes on after any other error: what fails is
// tried again, and logged.
func (x *Indexer) Run(ctx context.Context) error {
	wait := firstWait
	for {
		start := time.Now()
		err := x.run(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, rollout.ErrFenced):
			return fmt.Errorf("index %s: %w", x.chain.Name(), err)
		case errors.Is(err, errFar):
			continue
		}
		if time.Since(start) > time.Minute {
			wait = firstWait
		}
		x.log.Warn("indexing is interrupted", "err", err, "again", wait)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
		wait = min(2*wait, lastWait)
	}
}

// run indexes from where the store is until something fails.
func (x *Indexer) run(ctx context.Context) error {
	if err := x.findBeginnings(ctx); err != nil {
		return err
	}
	if err := x.flush(ctx); err != nil && !errors.Is(err, rollout.ErrStale) { // stale blocks are read once more
		return err
	}
	p, err := x.store.Watch(ctx, x.chainID, x.contracts)
	if err != nil {
		return err
	}
	x.final = p.Final
	if err := x.backfill(ctx, p.Contracts); err != nil {
		return err
	}
	if err := x.tellMissed(ctx); err != nil {
		return err
	}
	tip, _ := x.tip()
	x.cfg.Handler.Backfilled(ctx, tip.Block)
	return x.follow(ctx)
}

// decode says what logs say.
func (x *Indexer) decode(logs []event.Log) []event.Decoded {
	out := make([]event.Decoded, len(logs))
	var fields []byte // shared, in pieces
	for i := range logs {
		l := &logs[i]
		kind := x.kinds[l.Address]
		if cap(fields)-len(fields) < fieldsRoom {
			fields = make([]byte, 0, fieldsPiece)
		}
		out[i] = event.Decoded{Log: *l, Kind: kind.Name()}
		start := len(fields)
		out[i].Name, fields = kind.Decode(fields, l)
		if out[i].Name != "" {
			out[i].Fields = fields[start:len(fields):len(fields)]
		}
	}
	return out
}

// Fields are appended to a piece while it has room for what most events take.
const (
	fieldsPiece = 64 << 10
	fieldsRoom  = 512
)
