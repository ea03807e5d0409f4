package chain

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/ethclient"
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
		out, err = e.look(ctx, eth, q)
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

// AskEach asks every endpoint the same, for what only one says may be wrong. Slow ones are not waited for long once so many have answered as must
// agree, and two at least.
func (c *Client) AskEach(ctx context.Context, q Question, agree int) []Said {
	order := c.order()
	out := make([]Said, len(order))
	for i, e := range order {
		out[i] = Said{Endpoint: e.label, Err: errors.New("it takes too long")}
	}
	c.each(ctx, order, max(agree, 2), c.brief, func(ctx context.Context, i int) (func(), error) {
		var a Answer
		err := c.try(ctx, order[i], c.timeout, func(ctx context.Context, eth *ethclient.Client) (err error) {
			a, err = order[i].look(ctx, eth, q)
			return err
		})
		if err != nil {
			err = redact(err)
		}
		return func() { out[i].Answer, out[i].Err = a, err }, err
	})
	return out
}

// each asks endpoints side by side, and keeps what they say by calling what ask returns, one after the other. Once enough have answered,
// the others have some more time.
func (c *Client) each(ctx context.Context, order []*endpoint, enough int, more time.Duration, ask func(ctx context.Context, i int) (keep func(), err error)) {
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
			if good >= enough && brief == nil {
				brief = time.After(more)
			}
		case <-brief:
			return
		}
	}
}

// look is Ask of one endpoint. Where it takes no block hash for a state (EIP-1898), the block is named by its number, and looked at again
// afterwards.
func (e *endpoint) look(ctx context.Context, eth *ethclient.Client, q Question) (Answer, error) {
	if e.numbers.Load() {
		out, err := e.lookAt(ctx, eth, q, true)
		if err != nil {
			err = unanswered(err)
		}
		return out, err
	}
	out, err := e.lookAt(ctx, eth, q, false)
	if err == nil {
		return out, nil
	}
	if dislikesHash(err) {
		if out, again := e.lookAt(ctx, eth, q, true); again == nil {
			e.numbers.Store(true)
			return out, nil
		}
	}
	return out, unanswered(err)
}

// dislikesHash tells whether an endpoint may have refused a request because of how the block is named.
func dislikesHash(err error) bool {
	var said *callError
	text := strings.ToLower(err.Error())
	return errors.As(err, &said) && !limitText.MatchString(text) && !lagText.MatchString(text)
}

func (e *endpoint) lookAt(ctx context.Context, eth *ethclient.Client, q Question, byNumber bool) (Answer, error) {
	at := fmt.Sprintf(`{"blockHash":%q}`, q.Block.Hash)
	if byNumber {
		at = fmt.Sprintf(`"%#x"`, q.Block.Number)
	}
	out := Answer{
		Words: make([]common.Hash, len(q.Slots)), Code: make([][]byte, len(q.Code)), Balances: make([]*big.Int, len(q.Balances)),
	}
	var calls []call
	add := func(method, params string, read func(*scanner) error) {
		calls = append(calls, call{method, params, read})
	}
	for i, slot := range q.Slots {
		add("eth_getStorageAt", fmt.Sprintf(`["%#x",%q,%s]`, slot.Account[:], slot.Slot, at), func(s *scanner) error { return s.word(&out.Words[i]) })
	}
	for i, account := range q.Code {
		add("eth_getCode", fmt.Sprintf(`["%#x",%s]`, account[:], at), func(s *scanner) (err error) {
			out.Code[i], err = s.bytes()
			return err
		})
	}
	for i, account := range q.Balances {
		add("eth_getBalance", fmt.Sprintf(`["%#x",%s]`, account[:], at), func(s *scanner) error {
			var balance common.Hash
			err := s.word(&balance)
			out.Balances[i] = balance.Big()
			return err
		})
	}
	var codes [][]byte
	for part := range slices.Chunk(q.Codes, codesAtOnce) {
		i := len(codes)
		codes = append(codes, nil)
		data := askCodes[:len(askCodes):len(askCodes)]
		for _, account := range part {
			data = append(data, account[:]...)
		}
		// data is the older name of it, which every node knows
		add("eth_call", fmt.Sprintf(`[{"data":"%#x"},%s]`, data, at), func(s *scanner) (err error) {
			codes[i], err = s.bytes()
			return err
		})
	}
	ofState := len(calls)
	sent := sentIn{wanted: q.Wanted}
	if q.Wanted != nil {
		add("eth_getBlockByHash", fmt.Sprintf(`[%q,true]`, q.Block.Hash), sent.read)
	}
	if err := e.gather(ctx, eth, calls); err != nil {
		return Answer{}, err
	}
	if q.Wanted != nil && sent.block.Hash != q.Block.Hash {
		return Answer{}, errors.New("endpoint lags: it does not have the block")
	}
	if byNumber && ofState > 0 {
		if again, err := block(ctx, eth, hexutil.EncodeUint64(q.Block.Number)); err != nil || again.Hash != q.Block.Hash {
			return Answer{}, errors.New("endpoint lags: it has another block of that number")
		}
	}
	out.Sent = sent.sent
	for i, answer := range codes {
		read, err := readCodes(answer, min(len(q.Codes)-i*codesAtOnce, codesAtOnce))
		if err != nil {
			return Answer{}, err
		}
		out.Codes = append(out.Codes, read...)
	}
	return out, nil
}
