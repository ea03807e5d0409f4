package chain

import (
	"context"
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
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

// sentIn is a block of which only wanted transactions are read.
type sentIn struct {
	wanted *Wanted
	block  Block
	parent common.Hash
	sent   []Sent
}

// UnmarshalJSON reads a block as nodes give it.
func (s *sentIn) UnmarshalJSON(data []byte) error {
	s.sent, s.block, s.parent = nil, Block{}, common.Hash{}
	if string(data) == "null" {
		return nil
	}
	var transactions []byte
	err := members(data, func(key, value []byte) error {
		ok := true
		switch string(key) {
		case "hash":
			ok = hexInto(s.block.Hash[:], value)
		case "parentHash":
			ok = hexInto(s.parent[:], value)
		case "number":
			ok = hexNumber(&s.block.Number, value)
		case "timestamp":
			ok = hexNumber(&s.block.Time, value)
		case "transactions":
			transactions = value
		}
		if !ok {
			return errJSON
		}
		return nil
	})
	if err != nil {
		return err
	}
	index := 0
	return elements(transactions, func(value []byte) error {
		tx, ok, err := s.read(value)
		if ok {
			tx.Index, tx.Block = index, s.block
			s.sent = append(s.sent, tx)
		}
		index++
		return err
	})
}

// read returns a transaction if it is wanted.
func (s *sentIn) read(value []byte) (tx Sent, wanted bool, err error) {
	var from, input []byte
	err = members(value, func(key, value []byte) error {
		ok := true
		switch string(key) {
		case "hash":
			ok = hexInto(tx.Hash[:], value)
		case "to":
			ok = string(value) == "null" || hexInto(tx.To[:], value)
		case "from":
			from = value
		case "input":
			input = value
		}
		if !ok {
			return errJSON
		}
		return nil
	})
	if err != nil || !s.wanted.To[tx.To] && !s.wanted.Hashes[tx.Hash] {
		return tx, false, err
	}
	if !hexInto(tx.From[:], from) {
		return tx, false, errJSON
	}
	tx.Input, err = hexutil.Decode(string(text(input)))
	return tx, err == nil, err
}

func hexNumber(dst *uint64, value []byte) bool {
	n, err := hexutil.DecodeUint64(string(text(value)))
	*dst = n
	return err == nil
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
			requests := make([]rpc.BatchElem, len(blocks))
			for i := range blocks {
				blocks[i].wanted = &wanted
				requests[i] = rpc.BatchElem{Method: "eth_getBlockByNumber", Args: []any{hexutil.Uint64(first + uint64(i)), true}, Result: &blocks[i]}
			}
			if err := e.batch(ctx, eth, requests); err != nil {
				return err
			}
			want := tip
			for i := len(blocks) - 1; i >= 0; i-- {
				if err := unanswered(requests[i].Error); err != nil {
					return err
				}
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
		receipts := make([]struct {
			BlockHash common.Hash    `json:"blockHash"`
			Status    hexutil.Uint64 `json:"status"`
			GasUsed   hexutil.Uint64 `json:"gasUsed"`
			L1Gas     hexutil.Uint64 `json:"gasUsedForL1"`
			L1Fee     *hexutil.Big   `json:"l1Fee"`
		}, len(sent))
		requests := make([]rpc.BatchElem, len(sent))
		for i := range sent {
			requests[i] = rpc.BatchElem{Method: "eth_getTransactionReceipt", Args: []any{sent[i].Hash}, Result: &receipts[i]}
		}
		if err := e.batch(ctx, eth, requests); err != nil {
			return err
		}
		for i, r := range receipts {
			if err := unanswered(requests[i].Error); err != nil {
				return err
			}
			if r.BlockHash != sent[i].Block.Hash {
				return fmt.Errorf("it has no receipt of %s in block %d", sent[i].Hash, sent[i].Block.Number)
			}
			out[i] = Outcome{Failed: r.Status == 0, GasUsed: uint64(r.GasUsed), L1Gas: uint64(r.L1Gas), L1Fee: (*big.Int)(r.L1Fee)}
		}
		return nil
	})
	return out, err
}

// unanswered makes any error of a plain read one of the endpoint: there is nothing about the read itself that could be wrong.
func unanswered(err error) error {
	if err == nil {
		return nil
	}
	return errors.New("it does not answer: " + redact(unknownBlock(err)).Error())
}
