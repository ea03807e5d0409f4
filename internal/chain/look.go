package chain

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
)

// Slot is a word of an account's storage.
type Slot struct {
	Account common.Address
	Slot    common.Hash
}

// Question is what is to be known of one block, and of the state after it, in one go.
type Question struct {
	Block    Block
	Slots    []Slot
	Codes    []common.Address // whose code hash is wanted
	Code     []common.Address // whose code itself is wanted
	Balances []common.Address
	Wanted   *Wanted // transactions of the block; nil if none are
}

// Answer has what was asked for, in the order of the question.
type Answer struct {
	Words    []common.Hash
	Codes    []CodeOf
	Code     [][]byte
	Balances []*big.Int
	Sent     []Sent
}

// Ask reads a block in one batch of requests, all from the same endpoint.
func (c *Client) Ask(ctx context.Context, q Question) (out Answer, err error) {
	err = c.doOn(ctx, fmt.Sprintf("look at block %d", q.Block.Number), func(ctx context.Context, e *endpoint, eth *ethclient.Client) (err error) {
		out, err = e.ask(ctx, eth, q)
		return err
	})
	return out, err
}

// Said is what one endpoint says.
type Said struct {
	Endpoint string
	Answer   Answer
	Err      error // it does not answer
}

// AskEach asks every endpoint the same, for what only one says may be wrong. Slow ones are not waited for long once two have answered.
func (c *Client) AskEach(ctx context.Context, q Question) []Said {
	order := c.order()
	out := make([]Said, len(order))
	for i, e := range order {
		out[i] = Said{Endpoint: e.label, Err: errors.New("it takes too long")}
	}
	c.each(ctx, order, c.brief, func(ctx context.Context, i int) (func(), error) {
		var a Answer
		err := c.try(ctx, order[i], c.timeout, func(ctx context.Context, eth *ethclient.Client) (err error) {
			a, err = order[i].ask(ctx, eth, q)
			return err
		})
		if err != nil {
			err = redact(err)
		}
		return func() { out[i].Answer, out[i].Err = a, err }, err
	})
	return out
}

// each asks endpoints side by side, and keeps what they say by calling what ask returns, one after the other. Once two have answered, the
// others have some more time.
func (c *Client) each(ctx context.Context, order []*endpoint, more time.Duration, ask func(ctx context.Context, i int) (keep func(), err error)) {
	ctx, cancel := context.WithCancel(ctx)
	type answer struct {
		keep func()
		err  error
	}
	answers := make(chan answer, len(order))
	var asked sync.WaitGroup
	for i := range order {
		asked.Go(func() {
			keep, err := ask(ctx, i)
			answers <- answer{keep, err}
		})
	}
	defer asked.Wait()
	defer cancel()
	var brief <-chan time.Time
	good := 0
	for range order {
		select {
		case a := <-answers:
			a.keep()
			if a.err == nil {
				good++
			}
			if good >= 2 && brief == nil {
				brief = time.After(more)
			}
		case <-brief:
			return
		}
	}
}

// word is a word of storage: some nodes leave out zeros.
type word common.Hash

func (w *word) UnmarshalJSON(data []byte) error {
	*w = word{}
	if hexInto(w[:], data) {
		return nil
	}
	digits, ok := strings.CutPrefix(string(text(data)), "0x")
	if !ok || len(digits) > 64 {
		return errJSON
	}
	raw, err := hexutil.Decode("0x" + strings.Repeat("0", 64-len(digits)) + digits)
	copy(w[:], raw)
	return err
}

// ask is Ask of one endpoint. Where it takes no block hash for a state (EIP-1898), the block is named by its number, and looked at again
// afterwards.
func (e *endpoint) ask(ctx context.Context, eth *ethclient.Client, q Question) (Answer, error) {
	if e.numbers.Load() {
		return e.askAt(ctx, eth, q, true)
	}
	out, err := e.askAt(ctx, eth, q, false)
	if err == nil || !dislikesHash(err) {
		return out, err
	}
	if out, again := e.askAt(ctx, eth, q, true); again == nil {
		e.numbers.Store(true)
		return out, nil
	}
	return out, err
}

// dislikesHash tells whether an endpoint may have refused a request because of how the block is named.
func dislikesHash(err error) bool {
	var refused *stateError
	return errors.As(err, &refused) && !limitText.MatchString(strings.ToLower(err.Error())) && lagText.FindString(strings.ToLower(err.Error())) == ""
}

// stateError is that an endpoint refused to read a state. It is never one of the contract's, as none is called.
type stateError struct{ cause string }

func (e *stateError) Error() string { return "it does not answer: " + e.cause }

func (e *endpoint) askAt(ctx context.Context, eth *ethclient.Client, q Question, byNumber bool) (Answer, error) {
	var at any = map[string]any{"blockHash": q.Block.Hash}
	if byNumber {
		at = hexutil.Uint64(q.Block.Number)
	}
	var requests []rpc.BatchElem
	add := func(result any, method string, args ...any) {
		requests = append(requests, rpc.BatchElem{Method: method, Args: args, Result: result})
	}
	words := make([]word, len(q.Slots))
	for i, s := range q.Slots {
		add(&words[i], "eth_getStorageAt", s.Account, s.Slot, at)
	}
	var answers []*hexutil.Bytes
	for rest := q.Codes; len(rest) > 0; {
		data := askCodes[:len(askCodes):len(askCodes)]
		part := rest[:min(len(rest), codesAtOnce)]
		for _, account := range part {
			data = append(data, account[:]...)
		}
		answer := new(hexutil.Bytes)
		answers = append(answers, answer)
		// the older name of the data, which every node knows
		add(answer, "eth_call", map[string]any{"data": hexutil.Bytes(data)}, at)
		rest = rest[len(part):]
	}
	code := make([]hexutil.Bytes, len(q.Code))
	for i, account := range q.Code {
		add(&code[i], "eth_getCode", account, at)
	}
	balances := make([]hexutil.Big, len(q.Balances))
	for i, account := range q.Balances {
		add(&balances[i], "eth_getBalance", account, at)
	}
	ofState := len(requests)
	sent := sentIn{wanted: q.Wanted}
	if q.Wanted != nil {
		add(&sent, "eth_getBlockByHash", q.Block.Hash, true)
	}
	if err := e.batch(ctx, eth, requests); err != nil {
		return Answer{}, err
	}
	for i, r := range requests {
		switch {
		case r.Error == nil:
		case i < ofState:
			return Answer{}, &stateError{redact(unknownBlock(r.Error)).Error()}
		default:
			return Answer{}, unanswered(r.Error)
		}
	}
	if q.Wanted != nil && sent.block.Hash != q.Block.Hash {
		return Answer{}, errors.New("endpoint lags: it does not have the block")
	}
	if byNumber && ofState > 0 {
		if again, err := block(ctx, eth, hexutil.EncodeUint64(q.Block.Number)); err != nil || again.Hash != q.Block.Hash {
			return Answer{}, errors.New("endpoint lags: it has another block of that number")
		}
	}

	out := Answer{Words: make([]common.Hash, len(words)), Code: make([][]byte, len(code)), Balances: make([]*big.Int, len(balances)), Sent: sent.sent}
	for i := range words {
		out.Words[i] = common.Hash(words[i])
	}
	for i := range code {
		out.Code[i] = code[i]
	}
	for i := range balances {
		out.Balances[i] = (*big.Int)(&balances[i])
	}
	for i, answer := range answers {
		codes, err := readCodes(*answer, min(len(q.Codes)-i*codesAtOnce, codesAtOnce))
		if err != nil {
			return Answer{}, err
		}
		out.Codes = append(out.Codes, codes...)
	}
	return out, nil
}
