package chain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
)

// ErrCannotTrace says that no endpoint of the network tells what a call changes.
var ErrCannotTrace = errors.New("the network's endpoints do not trace calls")

// SlotChange is a slot of an account's storage that calls change.
type SlotChange struct {
	Account  common.Address
	Slot     common.Hash
	From, To common.Hash
}

// CodeChange is code that calls put at an account, or take away.
type CodeChange struct {
	Account  common.Address
	From, To common.Hash // keccak256; zero for none
}

// Trace is what calls change in all, by account and slot. Balances and nonces are left out.
type Trace struct {
	Slots []SlotChange
	Codes []CodeChange
}

// account is one of geth's prestateTracer, in its diff mode.
type tracedAccount struct {
	Balance *hexutil.Big                `json:"balance"`
	Nonce   uint64                      `json:"nonce"`
	Code    hexutil.Bytes               `json:"code"`
	Storage map[common.Hash]common.Hash `json:"storage"`
}

type stateDiff struct {
	Pre  map[common.Address]tracedAccount `json:"pre"`
	Post map[common.Address]tracedAccount `json:"post"`
}

// accountOverride is a state override of a call, as eth_call takes it.
type accountOverride struct {
	Balance   *hexutil.Big                `json:"balance,omitempty"`
	Nonce     *hexutil.Uint64             `json:"nonce,omitempty"`
	Code      *hexutil.Bytes              `json:"code,omitempty"`
	StateDiff map[common.Hash]common.Hash `json:"stateDiff,omitempty"`
}

// Trace tells what blocks of calls, one on the other after a block, change: each call is traced on what those before it have changed, with
// debug_traceCall and geth's prestateTracer. None of them may fail. The error is ErrCannotTrace if the endpoints do not do that.
func (c *Client) Trace(ctx context.Context, at common.Hash, blocks []Rehearsal) (Trace, error) {
	sum := tracing{overrides: map[common.Address]*accountOverride{}, slots: map[common.Address]map[common.Hash]*SlotChange{}, codes: map[common.Address]*CodeChange{}}
	for _, b := range blocks {
		for _, call := range b.Calls {
			diff, err := c.traceCall(ctx, at, b.Time, call, sum.overrides)
			if err != nil {
				return Trace{}, err
			}
			sum.add(diff)
		}
	}
	return sum.changes(), nil
}

func (c *Client) traceCall(
	ctx context.Context, at common.Hash, time uint64, call ethereum.CallMsg, overrides map[common.Address]*accountOverride,
) (diff stateDiff, err error) {
	settings := map[string]any{
		"tracer": "prestateTracer", "tracerConfig": map[string]any{"diffMode": true}, "stateOverrides": overrides,
		"blockOverrides": map[string]any{"time": hexutil.Uint64(time)},
	}
	message := map[string]any{"from": call.From, "to": call.To, "input": hexutil.Bytes(call.Data)}
	err = c.do(ctx, "trace", func(ctx context.Context, eth *ethclient.Client) error {
		diff = stateDiff{}
		return unknownBlock(eth.Client().CallContext(ctx, &diff, "debug_traceCall", message, map[string]any{"blockHash": at}, settings))
	})
	if err != nil && cannot(err) {
		return diff, fmt.Errorf("%w: %w", ErrCannotTrace, err)
	}
	if err == nil && len(diff.Pre)+len(diff.Post) == 0 {
		// a call that changes nothing at all still uses a nonce
		return diff, fmt.Errorf("%w: what is answered is no difference of states", ErrCannotTrace)
	}
	return diff, err
}

// tracing sums up differences.
type tracing struct {
	overrides map[common.Address]*accountOverride
	slots     map[common.Address]map[common.Hash]*SlotChange
	codes     map[common.Address]*CodeChange
}

func (t *tracing) add(d stateDiff) {
	for account, after := range d.Post {
		before := d.Pre[account]
		o := t.overrides[account]
		if o == nil {
			o = &accountOverride{}
			t.overrides[account] = o
		}
		if after.Balance != nil {
			o.Balance = after.Balance
		}
		if after.Nonce > 0 {
			o.Nonce = (*hexutil.Uint64)(&after.Nonce)
		}
		if len(after.Code) > 0 && !bytes.Equal(after.Code, before.Code) {
			o.Code = &after.Code
			t.code(account, before.Code, after.Code)
		}
		for slot, value := range after.Storage {
			t.slot(account, slot, before.Storage[slot], value)
		}
		for slot, value := range before.Storage {
			if _, kept := after.Storage[slot]; !kept {
				t.slot(account, slot, value, common.Hash{})
			}
		}
	}
}

func (t *tracing) slot(account common.Address, slot, from, to common.Hash) {
	if t.slots[account] == nil {
		t.slots[account] = map[common.Hash]*SlotChange{}
	}
	if first := t.slots[account][slot]; first != nil {
		first.To = to
	} else {
		t.slots[account][slot] = &SlotChange{account, slot, from, to}
	}
	o := t.overrides[account]
	if o.StateDiff == nil {
		o.StateDiff = map[common.Hash]common.Hash{}
	}
	o.StateDiff[slot] = to
}

func (t *tracing) code(account common.Address, from, to []byte) {
	hash := func(code []byte) common.Hash {
		if len(code) == 0 {
			return common.Hash{}
		}
		return crypto.Keccak256Hash(code)
	}
	if first := t.codes[account]; first != nil {
		first.To = hash(to)
	} else {
		t.codes[account] = &CodeChange{account, hash(from), hash(to)}
	}
}

// changes are what is another thing in the end, in order.
func (t *tracing) changes() Trace {
	var out Trace
	for _, slots := range t.slots {
		for _, s := range slots {
			if s.From != s.To {
				out.Slots = append(out.Slots, *s)
			}
		}
	}
	for _, c := range t.codes {
		if c.From != c.To {
			out.Codes = append(out.Codes, *c)
		}
	}
	slices.SortFunc(out.Slots, func(a, b SlotChange) int {
		if a.Account != b.Account {
			return a.Account.Cmp(b.Account)
		}
		return new(big.Int).SetBytes(a.Slot[:]).Cmp(new(big.Int).SetBytes(b.Slot[:]))
	})
	slices.SortFunc(out.Codes, func(a, b CodeChange) int { return a.Account.Cmp(b.Account) })
	return out
}
