package devnet

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/beacon/engine"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/consensus/misc/eip1559"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/txpool"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/crypto/kzg4844"
	"github.com/ethereum/go-ethereum/miner"
	"github.com/holiman/uint256"
)

// Go-ethereum's own driver for such a chain, catalyst.SimulatedBeacon, takes its block times from the wall clock and refuses to
// travel in time while transactions wait, and its automatic mode spins on a transaction that is not worth its base fee. This file
// does the same work with the parts underneath: build a payload, insert it, make it the head.

// AdvanceTime moves the chain's clock forward by d, rounded up to whole seconds, and mines a block: its timestamp is at least d
// later than that of the block before. Later blocks continue from there.
func (n *Network) AdvanceTime(d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("advance time by %s: time cannot go back", d)
	}
	seconds := int64(d / time.Second)
	if d%time.Second > 0 {
		seconds++
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return ErrClosed
	}
	n.increaseTime(seconds)
	_, err := n.seal()
	n.wake()
	return err
}

// Mine mines count blocks, with whatever transactions are waiting.
func (n *Network) Mine(count int) error {
	defer n.wake()
	for range count {
		if err := n.mineOne(); err != nil {
			return err
		}
	}
	return nil
}

// Hold keeps transactions waiting until Release: then those that wait are mined together. Mine and AdvanceTime mine meanwhile, too.
func (n *Network) Hold() { n.hold(true) }

// Release ends Hold.
func (n *Network) Release() {
	n.hold(false)
	n.wake()
}

func (n *Network) hold(held bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.held = held
}

func (n *Network) mineOne() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return ErrClosed
	}
	_, err := n.seal()
	return err
}

// now returns the chain's clock in unix seconds. The caller holds n.mu.
func (n *Network) now() int64 { return time.Now().Unix() + n.offset }

// increaseTime moves the chain's clock forward, counted from the head if that is ahead of the clock, as it is after more than
// one block in a second. It returns the difference to the wall clock in seconds. The caller holds n.mu.
func (n *Network) increaseTime(seconds int64) int64 {
	if head := int64(n.eth.BlockChain().CurrentBlock().Time); head > n.now() {
		n.offset += head - n.now()
	}
	n.offset += seconds
	return n.offset
}

// startMining starts the two goroutines that mine what arrives. They are two because the pool blocks until its events are read,
// while sealing waits for the pool.
func (n *Network) startMining() {
	events := make(chan core.NewTxsEvent, 16)
	sub := n.eth.TxPool().SubscribeTransactions(events, true)
	n.miner.Go(func() {
		defer sub.Unsubscribe()
		for {
			select {
			case <-events:
				n.wake()
			case <-n.quit:
				return
			}
		}
	})
	n.miner.Go(func() {
		for {
			select {
			case <-n.kick:
				n.mineWaiting()
			case <-n.quit:
				return
			}
		}
	})
}

// wake tells the mining goroutine to look at the pool.
func (n *Network) wake() {
	select {
	case n.kick <- struct{}{}:
	default: // it will look anyway
	}
}

// mineWaiting mines until no waiting transaction can be included.
func (n *Network) mineWaiting() {
	for {
		select {
		case <-n.quit:
			return
		default:
		}
		if included, err := n.mineIfWaiting(); err != nil || included == 0 {
			return
		}
	}
}

func (n *Network) mineIfWaiting() (included int, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.held {
		return 0, nil
	}
	waiting, err := n.waiting()
	if err == nil && !waiting {
		return 0, nil
	}
	if err == nil {
		included, err = n.seal()
	}
	if n.err == nil {
		n.err = err
	}
	return included, err
}

// waiting reports whether the pool holds a transaction that the next block can include. One whose fee is below the base fee
// waits until that has fallen: mining empty blocks for it is not our business. The caller holds n.mu.
func (n *Network) waiting() (bool, error) {
	pool := n.eth.TxPool()
	if err := pool.Sync(); err != nil {
		return false, err
	}
	chain := n.eth.BlockChain()
	baseFee := uint256.MustFromBig(eip1559.CalcBaseFee(chain.Config(), chain.CurrentBlock()))
	for _, filter := range []txpool.PendingFilter{{}, {BlobTxs: true, BlobVersion: types.BlobSidecarVersion1}} {
		for _, txs := range pool.Pending(filter) {
			// The pool's own filter by base fee lets everything pass when the minimum tip is zero.
			if txs[0].GasFeeCap.Cmp(baseFee) >= 0 {
				return true, nil
			}
		}
	}
	return false, nil
}

// seal mines one block on top of the head and returns the number of its transactions. The caller holds n.mu.
func (n *Network) seal() (int, error) {
	// The pool follows the head in the background. Without the wait it may offer what the last block holds already.
	if err := n.eth.TxPool().Sync(); err != nil {
		return 0, err
	}
	chain := n.eth.BlockChain()
	parent := chain.CurrentBlock()
	block, err := n.build(parent, max(uint64(n.now()), parent.Time+1))
	if err != nil {
		return 0, fmt.Errorf("build block %d: %w", parent.Number.Uint64()+1, err)
	}
	if _, err := chain.InsertBlockWithoutSetHead(context.Background(), block, false); err != nil {
		return 0, fmt.Errorf("insert block %d: %w", block.NumberU64(), err)
	}
	if _, err := chain.SetCanonical(block); err != nil {
		return 0, fmt.Errorf("make block %d the head: %w", block.NumberU64(), err)
	}
	final := chain.GetHeaderByNumber(block.NumberU64() - min(block.NumberU64(), n.cfg.FinalityLag))
	chain.SetSafe(final)
	chain.SetFinalized(final)
	return len(block.Transactions()), nil
}

func (n *Network) build(parent *types.Header, timestamp uint64) (*types.Block, error) {
	var beaconRoot common.Hash
	payload, err := n.eth.Miner().BuildPayload(&miner.BuildPayloadArgs{
		Parent:      parent.Hash(),
		Timestamp:   timestamp,
		Random:      crypto.Keccak256Hash(parent.Hash().Bytes()),
		Withdrawals: types.Withdrawals{},
		BeaconRoot:  &beaconRoot,
		Version:     engine.PayloadV3,
	}, false)
	if err != nil {
		return nil, err
	}
	envelope := payload.ResolveFull()
	if envelope == nil {
		return nil, errors.New("no payload")
	}
	hashes := []common.Hash{}
	if envelope.BlobsBundle != nil {
		hasher := sha256.New()
		for _, commitment := range envelope.BlobsBundle.Commitments {
			hashes = append(hashes, kzg4844.CalcBlobHashV1(hasher, (*kzg4844.Commitment)(commitment)))
		}
	}
	return engine.ExecutableDataToBlock(*envelope.ExecutionPayload, hashes, &beaconRoot, envelope.Requests)
}

// rewind makes an older block the head and forgets those above it. It shares the lock of sealing: a block that is being built
// must not lose its parent.
func (n *Network) rewind(number uint64) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return ErrClosed
	}
	chain := n.eth.BlockChain()
	if head := chain.CurrentBlock().Number; head.Cmp(new(big.Int).SetUint64(number)) <= 0 {
		return fmt.Errorf("rewind to block %d: the head is %d", number, head)
	}
	return chain.SetHead(number)
}
