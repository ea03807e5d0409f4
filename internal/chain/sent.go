package chain

import (
	"context"
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/ethclient"
)

// Wanted are the transactions that are looked for in blocks.
type Wanted struct {
	To     map[common.Address]bool // those that are sent to these
	Hashes map[common.Hash]bool    // and these
}

// Sent is a transaction in a block.
type Sent struct {
	Hash  common.Hash
	Block Block
	Index int // in the block
	From  common.Address
	To    common.Address // zero if it creates a contract
	Input []byte
}

// sentIn is a block of which only wanted transactions are read. With its transactions it has some hundred kilobytes, of which nothing concerns us
// as a rule: then it costs what it costs to find the ends of its strings.
type sentIn struct {
	wanted *Wanted
	block  Block
	parent common.Hash
	sent   []Sent
}

// read reads a block as nodes give it; one that they do not have leaves it empty.
func (b *sentIn) read(s *scanner) error {
	b.sent, b.block, b.parent = nil, Block{}, common.Hash{}
	if s.null() {
		return nil
	}
	err := s.object(func(name []byte) (err error) {
		switch string(name) {
		case "hash":
			return s.fixed(b.block.Hash[:])
		case "parentHash":
			return s.fixed(b.parent[:])
		case "number":
			b.block.Number, err = s.number()
			return err
		case "timestamp":
			b.block.Time, err = s.number()
			return err
		case "transactions":
			b.sent = nil
			index := -1
			return s.array(func() error {
				index++
				return b.transaction(s, index)
			})
		}
		return s.skip()
	})
	for i := range b.sent {
		b.sent[i].Block = b.block // whichever member comes first
	}
	return err
}

// transaction reads a transaction, and keeps it if it is wanted.
func (b *sentIn) transaction(s *scanner, index int) error {
	tx := Sent{Index: index}
	var from, input scanner
	err := s.object(func(name []byte) error {
		switch string(name) {
		case "hash":
			return s.fixed(tx.Hash[:])
		case "to":
			if tx.To = (common.Address{}); s.null() {
				return nil
			}
			return s.fixed(tx.To[:])
		case "from":
			from = *s
		case "input":
			input = *s
		}
		return s.skip()
	})
	if err != nil || !b.wanted.To[tx.To] && !b.wanted.Hashes[tx.Hash] {
		return err
	}
	if err := from.fixed(tx.From[:]); err != nil {
		return err
	}
	if tx.Input, err = input.bytes(); err != nil {
		return err
	}
	b.sent = append(b.sent, tx)
	return nil
}

// bytes reads a string of 0x and an even number of digits.
func (s *scanner) bytes() ([]byte, error) {
	digits, err := s.hexText()
	if err != nil || len(digits)%2 != 0 {
		return nil, errors.Join(err, errHex)
	}
	out := make([]byte, len(digits)/2)
	return out, unhex(out, digits)
}

// word reads up to 32 bytes: some nodes leave out zeros in front.
func (s *scanner) word(out *common.Hash) error {
	digits, err := s.hexText()
	if err != nil || len(digits) > 2*len(out) {
		return errors.Join(err, errHex)
	}
	var padded [2 * common.HashLength]byte
	for i := range padded {
		padded[i] = '0'
	}
	copy(padded[len(padded)-len(digits):], digits)
	return unhex(out[:], padded[:])
}

// blocksAtOnce is how many whole blocks are asked for in one go.
const blocksAtOnce = 16

// BlockTransactions returns the wanted transactions of the blocks from a number up to a block, oldest first. The blocks are those before that
// block: if an endpoint is on another branch, another one is asked.
func (c *Client) BlockTransactions(ctx context.Context, from uint64, head Block, wanted Wanted) ([]Sent, error) {
	var out []Sent
	for last, tip := head.Number, head.Hash; last >= from; {
		first := from
		if last-from >= blocksAtOnce {
			first = last - blocksAtOnce + 1
		}
		blocks := make([]sentIn, last-first+1)
		err := c.doOn(ctx, fmt.Sprintf("read the transactions of blocks %d to %d", first, last), func(ctx context.Context, e *endpoint, eth *ethclient.Client) error {
			calls := make([]call, len(blocks))
			for i := range blocks {
				blocks[i].wanted = &wanted
				calls[i] = call{"eth_getBlockByNumber", fmt.Sprintf(`["%#x",true]`, first+uint64(i)), blocks[i].read}
			}
			if err := e.gather(ctx, eth, calls); err != nil {
				return unanswered(err)
			}
			want := tip
			for i := len(blocks) - 1; i >= 0; i-- {
				if blocks[i].block.Hash != want {
					return fmt.Errorf("it has another block %d, or none", first+uint64(i))
				}
				want = blocks[i].parent
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		var part []Sent
		for _, b := range blocks {
			part = append(part, b.sent...)
		}
		out = append(part, out...)
		if first == 0 {
			break
		}
		last, tip = first-1, blocks[0].parent
	}
	return out, nil
}

// Outcome is what a receipt says of a transaction.
type Outcome struct {
	Failed  bool
	GasUsed uint64
	L1Gas   uint64   // of GasUsed: what pays for data on another chain (Arbitrum)
	L1Fee   *big.Int // in wei, besides the gas: what was paid for data on another chain (OP stack); nil if the network has no such fee
}

// Outcomes reads the receipts of transactions that are in blocks.
func (c *Client) Outcomes(ctx context.Context, sent []Sent) ([]Outcome, error) {
	if len(sent) == 0 {
		return nil, nil
	}
	out := make([]Outcome, len(sent))
	err := c.doOn(ctx, fmt.Sprintf("read %d receipts", len(sent)), func(ctx context.Context, e *endpoint, eth *ethclient.Client) error {
		receipts := make([]receipt, len(sent))
		calls := make([]call, len(sent))
		for i := range sent {
			calls[i] = call{"eth_getTransactionReceipt", fmt.Sprintf(`[%q]`, sent[i].Hash), receipts[i].read}
		}
		if err := e.gather(ctx, eth, calls); err != nil {
			return unanswered(err)
		}
		for i, r := range receipts {
			if r.block != sent[i].Block.Hash {
				return fmt.Errorf("it has no receipt of %s in block %d", sent[i].Hash, sent[i].Block.Number)
			}
			out[i] = r.Outcome
		}
		return nil
	})
	return out, err
}

// receipt is what is read of a receipt.
type receipt struct {
	block common.Hash
	Outcome
}

func (r *receipt) read(s *scanner) error {
	*r = receipt{}
	if s.null() {
		return nil
	}
	return s.object(func(name []byte) (err error) {
		switch string(name) {
		case "blockHash":
			return s.fixed(r.block[:])
		case "status":
			status, err := s.number()
			r.Failed = status == 0
			return err
		case "gasUsed":
			r.GasUsed, err = s.number()
			return err
		case "gasUsedForL1":
			r.L1Gas, err = s.number()
			return err
		case "l1Fee":
			var fee common.Hash
			err := s.word(&fee)
			r.L1Fee = fee.Big()
			return err
		}
		return s.skip()
	})
}

// unanswered makes any error of a plain read one of the endpoint: there is nothing about the read itself that could be wrong.
func unanswered(err error) error {
	return errors.New("it does not answer: " + redact(unknownBlock(err)).Error())
}
