package chain

import (
	"bytes"
	"errors"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// A rate limit is no answer: another endpoint is asked. What a contract says is one, even in the words of a rate limit.
func TestRateLimitsAndReverts(t *testing.T) {
	for _, test := range []struct {
		answer any
		limit  bool
	}{
		{status(429), true},
		{status(503), true},
		{fail{Code: -32005, Message: "daily request count exceeded, request rate limited", Data: map[string]any{"see": "https://x.example"}}, true},
		{fail{Code: -32005, Message: "slow down"}, true},
		{fail{Code: -32029, Message: "slow down"}, true},
		{fail{Code: 429, Message: "slow down"}, true},
		{fail{Code: -32029, Message: "Rate limit exceeded"}, true},
		{fail{Code: 429, Message: "Your app has exceeded its compute units per second capacity."}, true},
		{fail{Code: -32016, Message: "over rate limit"}, true},
		{fail{Code: -32007, Message: "15/second request limit reached - reduce calls per second or upgrade"}, true},
		{fail{Code: -32000, Message: "429 Too Many Requests: slow down"}, true},
		{fail{Code: -32602, Message: "too many requests"}, true},
		{fail{Code: -32603, Message: "rate-limited"}, true},
		{fail{Code: -32097, Message: "You've exceeded the RPS limit available on the current plan."}, true},
		{fail{Code: -32000, Message: "monthly quota used up"}, true},
		{fail{Code: -32000, Message: "too many requests to eth_estimateGas"}, true},
		{fail{Code: -32600, Message: "Must be authenticated!"}, true},
		{fail{Message: "unauthorized"}, true}, // without a code

		{fail{Code: 3, Message: "execution reverted: rate limit", Data: "0x08c379a0"}, false},
		{fail{Code: 3, Message: "too many requests"}, false},
		{fail{Code: -32000, Message: "execution reverted: limit exceeded"}, false},
		{fail{Code: -32000, Message: "limit exceeded", Data: "0x1f2a2005"}, false},
		{fail{Code: -32603, Message: "VM Exception while processing transaction: revert too many requests"}, false},
		{fail{Code: -32005, Message: "execution reverted", Data: "0x"}, false},
		{fail{Code: -32005, Message: "Transaction gas limit exceeds block gas limit"}, false},
		{fail{Code: -32000, Message: "block gas limit exceeded"}, false},
		{fail{Code: -32000, Message: "gas required exceeds allowance (30000000)"}, false},
		{fail{Code: -32000, Message: "insufficient funds for transfer"}, false},
	} {
		first := newFake(t, map[string]any{"eth_estimateGas": test.answer, "eth_call": test.answer})
		second := newFake(t, map[string]any{"eth_estimateGas": "0x1", "eth_call": "0x01"})
		_, gasErr := newClient(t, 7, first.url, second.url).EstimateGasAt(t.Context(), 5, ethereum.CallMsg{})
		_, callErr := newClient(t, 7, first.url, second.url).Call(t.Context(), common.Hash{1}, ethereum.CallMsg{})
		for name, err := range map[string]error{"estimate": gasErr, "call": callErr} {
			if limit := err == nil; limit != test.limit || errors.Is(err, rollout.ErrUnavailable) {
				t.Errorf("%s, %+v: another endpoint was asked: %v, want %v (%v)", name, test.answer, limit, test.limit, err)
			}
		}
		_, alone := newClient(t, 7, first.url).EstimateGasAt(t.Context(), 5, ethereum.CallMsg{})
		if errors.Is(alone, rollout.ErrUnavailable) != test.limit {
			t.Errorf("%+v alone: %v; unavailable: %v, want %v", test.answer, alone, !test.limit, test.limit)
		}
		if f, ok := test.answer.(fail); ok && f.Data != nil && !test.limit {
			if _, ok := RevertData(gasErr); !ok {
				t.Errorf("%+v: the data got lost: %v", f, gasErr)
			}
		}
	}
}

// A network that is probed through an endpoint over its limit must not seem to lack opcodes.
func TestProbeThroughALimitedEndpoint(t *testing.T) {
	limited := newFake(t, map[string]any{"eth_call": fail{Code: -32000, Message: "too many requests"}})
	good := newFake(t, map[string]any{"eth_call": "0x01"})
	if ran, err := newClient(t, 7, limited.url, good.url).runs(t.Context(), probePush0); err != nil || !ran {
		t.Errorf("%v, %v", ran, err)
	}
	if ran, err := newClient(t, 7, limited.url).runs(t.Context(), probePush0); !errors.Is(err, rollout.ErrUnavailable) {
		t.Errorf("%v, %v; want ErrUnavailable", ran, err)
	}
}

// The words of geth, erigon, besu, nethermind, reth, anvil and gateways for a block that they have not seen.
func TestEndpointThatDoesNotKnowTheBlock(t *testing.T) {
	const hash = "0101010101010101010101010101010101010101010101010101010101010101"
	for _, test := range []struct {
		answer fail
		lags   bool
	}{
		{fail{Code: -32000, Message: "header not found"}, true},
		{fail{Code: -32000, Message: "header for hash not found"}, true},
		{fail{Code: -32000, Message: "missing trie node " + hash + " (path ) state is not available"}, true},
		{fail{Code: -32000, Message: "historical state " + hash + " is not available"}, true},
		{fail{Code: -32000, Message: "hash is not currently canonical"}, true},
		{fail{Code: -32000, Message: "block " + hash + " not found"}, true},
		{fail{Code: -32000, Message: "Block not found"}, true},
		{fail{Code: -32000, Message: "World state unavailable"}, true},
		{fail{Code: -39001, Message: "Unknown block"}, true},
		{fail{Code: -32000, Message: "4294967295 could not be found"}, true},
		{fail{Code: -32002, Message: "No state available for block 0x" + hash}, true},
		{fail{Code: -32001, Message: "block not found: 0x64"}, true},
		{fail{Code: -32001, Message: "unknown block or tx index"}, true},
		{fail{Code: -32602, Message: "BlockOutOfRangeError: block height is 0 but requested was 100"}, true},
		{fail{Code: -32001, Message: "Resource not found"}, true},
		{fail{Code: -32603, Message: "upstream does not have the requested block yet"}, true},
		{fail{Code: -32000, Message: "could not find block for height 826401374464"}, true},

		{fail{Code: 3, Message: "execution reverted: header not found", Data: "0x08c379a0"}, false},
		{fail{Code: -32000, Message: "execution reverted: unknown block"}, false},
		{fail{Code: -32000, Message: "nonce too low"}, false},
	} {
		methods := func(value any) map[string]any {
			return map[string]any{
				"eth_call": value, "eth_getCode": value, "eth_getTransactionCount": value, "eth_getBalance": value, "eth_estimateGas": value,
			}
		}
		behind, ahead := newFake(t, methods(test.answer)), newFake(t, methods("0x10"))
		for name, ask := range map[string]func(*Client) error{
			"Call":    func(c *Client) error { _, err := c.Call(t.Context(), common.Hash{1}, ethereum.CallMsg{}); return err },
			"Code":    func(c *Client) error { _, err := c.Code(t.Context(), common.Hash{1}, common.Address{}); return err },
			"NonceAt": func(c *Client) error { _, err := c.NonceAt(t.Context(), common.Hash{1}, common.Address{}); return err },
			"BalanceAt": func(c *Client) error {
				_, err := c.BalanceAt(t.Context(), common.Hash{1}, common.Address{})
				return err
			},
			"EstimateGasAt": func(c *Client) error { _, err := c.EstimateGasAt(t.Context(), 100, ethereum.CallMsg{}); return err },
		} {
			if err := ask(newClient(t, 7, behind.url, ahead.url)); (err == nil) != test.lags {
				t.Errorf("%s, %q: %v; another endpoint was asked: %v, want %v", name, test.answer.Message, err, err == nil, test.lags)
			}
			if err := ask(newClient(t, 7, behind.url)); errors.Is(err, rollout.ErrUnavailable) != test.lags {
				t.Errorf("%s, %q: no other endpoint: %v", name, test.answer.Message, err)
			}
		}
	}
}

// TestRevertDataAsNodesWriteIt: most give the bytes, Hardhat puts them into an object, Nethermind a word before them.
func TestRevertDataAsNodesWriteIt(t *testing.T) {
	for name, c := range map[string]struct {
		data any
		want []byte
	}{
		"bytes":             {"0xdeadbeef", []byte{0xde, 0xad, 0xbe, 0xef}},
		"after a word":      {"Reverted 0xdeadbeef", []byte{0xde, 0xad, 0xbe, 0xef}},
		"in an object":      {map[string]any{"data": "0xdeadbeef", "message": "reverted"}, []byte{0xde, 0xad, 0xbe, 0xef}},
		"another object":    {map[string]any{"message": "reverted"}, nil},
		"a text":            {"deadbeef", nil},
		"another data type": {7, nil},
	} {
		f := newFake(t, map[string]any{"eth_call": fail{Code: 3, Message: "execution reverted", Data: c.data}})
		_, err := newClient(t, 7, f.url).Call(t.Context(), common.Hash{1}, ethereum.CallMsg{})
		if got, ok := RevertData(err); !bytes.Equal(got, c.want) || ok != (c.want != nil) {
			t.Errorf("%s: %x, %v", name, got, ok)
		}
	}
}
