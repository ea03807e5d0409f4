package chain

import (
	"errors"
	"math"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/event"
)

// logReader reads the result of eth_getLogs. Topics and data of its logs share memory: for each log alone they would cost more than the
// rest of it.
type logReader struct {
	logs   []event.Log
	topics []common.Hash
	data   []byte
}

// A piece is what topics and data are put into until it is full.
const (
	topicsPiece = 4096
	dataPiece   = 128 << 10
)

// The members that a log must have.
const (
	hasAddress = 1 << iota
	hasTopics
	hasData
	hasNumber
	hasHash
	hasTx
	hasTxIndex
	hasIndex
	hasAll = 1<<iota - 1
)

var errLog = errors.New("its answer has a log that lacks something, or was taken back")

// logSize is about what the least log takes in an answer, in bytes.
const logSize = 560

// read reads an array of logs.
func (r *logReader) read(s *scanner) error {
	r.logs = make([]event.Log, 0, (len(s.in)-s.at)/logSize+1) // what follows is nothing but logs, if there are many
	return r.more(s)
}

// more reads an array of logs that are added to those that were read before.
func (r *logReader) more(s *scanner) error {
	return s.array(func() error {
		var l event.Log
		if err := r.log(s, &l); err != nil {
			return err
		}
		r.logs = append(r.logs, l)
		return nil
	})
}

func (r *logReader) log(s *scanner, l *event.Log) error {
	has := 0
	err := s.object(func(name []byte) (err error) {
		switch string(name) {
		case "address":
			has |= hasAddress
			return s.fixed(l.Address[:])
		case "topics":
			has |= hasTopics
			l.Topics, err = r.readTopics(s)
			return err
		case "data":
			has |= hasData
			l.Data, err = r.readData(s)
			return err
		case "blockNumber":
			has |= hasNumber
			l.Block.Number, err = s.number()
			return err
		case "blockHash":
			has |= hasHash
			return s.fixed(l.Block.Hash[:])
		case "blockTimestamp":
			if s.null() {
				return nil
			}
			l.Block.Time, err = s.number()
			return err
		case "transactionHash":
			has |= hasTx
			return s.fixed(l.Tx[:])
		case "transactionIndex":
			has |= hasTxIndex
			l.TxIndex, err = s.index()
			return err
		case "logIndex":
			has |= hasIndex
			l.Index, err = s.index()
			return err
		case "removed":
			if s.peek() == 't' {
				return errLog
			}
		}
		return s.skip()
	})
	if err == nil && has != hasAll {
		err = errLog
	}
	return err
}

// index reads a number of 32 bits.
func (s *scanner) index() (uint32, error) {
	n, err := s.number()
	if n > math.MaxUint32 {
		return 0, errHex
	}
	return uint32(n), err
}

func (r *logReader) readTopics(s *scanner) ([]common.Hash, error) {
	if cap(r.topics)-len(r.topics) < 4 {
		r.topics = make([]common.Hash, 0, topicsPiece)
	}
	start := len(r.topics)
	err := s.array(func() error {
		if len(r.topics)-start == 4 {
			return errLog // the EVM has no more
		}
		r.topics = r.topics[:len(r.topics)+1]
		return s.fixed(r.topics[len(r.topics)-1][:])
	})
	return r.topics[start:len(r.topics):len(r.topics)], err
}

func (r *logReader) readData(s *scanner) ([]byte, error) {
	digits, err := s.hexText()
	if err != nil {
		return nil, err
	}
	if len(digits)%2 != 0 {
		return nil, errHex
	}
	n := len(digits) / 2
	if n == 0 {
		return []byte{}, nil
	}
	if cap(r.data)-len(r.data) < n {
		if n > dataPiece/4 {
			out := make([]byte, n)
			return out, unhex(out, digits)
		}
		r.data = make([]byte, 0, dataPiece)
	}
	out := r.data[len(r.data) : len(r.data)+n : len(r.data)+n]
	r.data = r.data[:len(r.data)+n]
	return out, unhex(out, digits)
}

// readHeader reads a block, of which it takes what the index goes by. It is false for null: there is no such block.
func readHeader(s *scanner, h *event.Header) (found bool, err error) {
	if s.null() {
		return false, nil
	}
	const all = 1 | 2 | 4 | 8
	has := 0
	err = s.object(func(name []byte) (err error) {
		switch string(name) {
		case "number":
			has |= 1
			h.Number, err = s.number()
			return err
		case "hash":
			has |= 2
			return s.fixed(h.Hash[:])
		case "timestamp":
			has |= 4
			h.Time, err = s.number()
			return err
		case "parentHash":
			has |= 8
			return s.fixed(h.Parent[:])
		case "logsBloom":
			if !s.null() {
				return s.fixed(h.Bloom[:])
			}
			return nil
		}
		return s.skip()
	})
	if err == nil && has != all {
		err = errors.New("its block lacks a number, a hash, a parent or a time")
	}
	return true, err
}
