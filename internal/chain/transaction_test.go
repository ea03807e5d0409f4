package chain

import (
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// receiptIn is a receipt of a transaction in a block that at gives.
func receiptIn(number uint64) map[string]any {
	return map[string]any{
		"status": "0x1", "gasUsed": "0x5208", "cumulativeGasUsed": "0x5208", "logs": []any{}, "logsBloom": "0x" + strings.Repeat("00", 256),
		"transactionHash": common.Hash{1}, "blockNumber": hexutil.EncodeUint64(number), "blockHash": common.Hash{31: byte(number)},
		"effectiveGasPrice": "0x1",
	}
}

// There is no receipt only if every endpoint that answers says so.
func TestReceiptsAreLookedForEverywhere(t *testing.T) {
	has := map[string]any{"eth_getTransactionReceipt": receiptIn(9), "eth_getBlockByNumber": at(9)}
	// it lags: it has no block 9
	lags := map[string]any{"eth_getTransactionReceipt": nil, "eth_getBlockByNumber": nil}
	// it has the block, and has not indexed it yet
	slow := map[string]any{"eth_getTransactionReceipt": nil, "eth_getBlockByNumber": at(9)}
	// it has another block in the place of that one
	fork := map[string]any{"eth_getTransactionReceipt": nil, "eth_getBlockByNumber": map[string]any{
		"number": "0x9", "hash": common.Hash{1}, "timestamp": "0x1",
	}}
	pending := map[string]any{"eth_getTransactionReceipt": map[string]any{}, "eth_getBlockByNumber": nil}
	indexing := map[string]any{"eth_getTransactionReceipt": fail{Code: -32000, Message: "transaction indexing is in progress"}}
	down := map[string]any{"eth_getTransactionReceipt": status(502)}
	other := map[string]any{"eth_chainId": "0x8", "eth_getTransactionReceipt": receiptIn(9)}
	for name, test := range map[string]struct {
		endpoints []map[string]any
		want      error // nil if there is a receipt
	}{
		"the only one has it":           {[]map[string]any{has}, nil},
		"the last has it":               {[]map[string]any{lags, lags, has}, nil},
		"the middle one has it":         {[]map[string]any{lags, has, lags}, nil},
		"not indexed":                   {[]map[string]any{slow, has}, nil},
		"in progress":                   {[]map[string]any{indexing, has}, nil},
		"after one that fails":          {[]map[string]any{down, lags, has}, nil},
		"half a receipt":                {[]map[string]any{pending, has}, nil},
		"on a branch that was left":     {[]map[string]any{fork, has}, ethereum.NotFound},
		"none has it":                   {[]map[string]any{lags, slow}, ethereum.NotFound},
		"those that answer have it not": {[]map[string]any{down, lags, indexing, slow, other}, ethereum.NotFound},
		"nobody answers":                {[]map[string]any{down, indexing}, rollout.ErrUnavailable},
		"of another chain":              {[]map[string]any{other, down}, rollout.ErrUnavailable},
	} {
		var urls []string
		for _, answers := range test.endpoints {
			urls = append(urls, newFake(t, answers).url)
		}
		c := newClient(t, 7, urls...)
		for range 2 {
			got, err := c.Receipt(t.Context(), common.Hash{1})
			if !errors.Is(err, test.want) || test.want == nil && got.Block.Number != 9 {
				t.Errorf("%s: %+v, %v; want %v", name, got, err, test.want)
			}
			if errors.Is(err, ethereum.NotFound) && errors.Is(err, rollout.ErrUnavailable) {
				t.Errorf("%s: %v is two things", name, err)
			}
		}
	}
}

func TestTransactionsAreLookedForEverywhere(t *testing.T) {
	tx, err := types.SignNewTx(key, types.LatestSignerForChainID(big.NewInt(7)), &types.DynamicFeeTx{
		ChainID: big.NewInt(7), Gas: 21000, GasFeeCap: big.NewInt(1), GasTipCap: big.NewInt(1), To: &common.Address{1},
	})
	if err != nil {
		t.Fatal(err)
	}
	has := newFake(t, map[string]any{"eth_getTransactionByHash": tx})
	lags := newFake(t, map[string]any{"eth_getTransactionByHash": nil})
	down := newFake(t, map[string]any{"eth_getTransactionByHash": status(429)})
	for _, test := range []struct {
		urls  []string
		known bool
		fails bool
	}{
		{[]string{lags.url, has.url}, true, false},
		{[]string{has.url, lags.url}, true, false},
		{[]string{lags.url, down.url, has.url}, true, false},
		{[]string{lags.url, down.url}, false, false},
		{[]string{down.url}, false, true},
	} {
		known, err := newClient(t, 7, test.urls...).Known(t.Context(), tx.Hash())
		if known != test.known || (err != nil) != test.fails || test.fails && !errors.Is(err, rollout.ErrUnavailable) {
			t.Errorf("%v: %v, %v", test.urls, known, err)
		}
	}
}

// A look for what is not there asks everybody. One that hangs costs its timeout once, and little from then on.
func TestLookingInVainDoesNotWaitForSlowEndpointsAgain(t *testing.T) {
	good := newFake(t, map[string]any{"eth_getTransactionReceipt": nil})
	slow := newFake(t, map[string]any{"eth_getTransactionReceipt": hang{}})
	c := newClient(t, 7, good.url, slow.url)
	c.failed(c.endpoints[1])
	c.timeout = time.Hour
	for range 2 {
		if _, err := c.Receipt(t.Context(), common.Hash{1}); !errors.Is(err, ethereum.NotFound) {
			t.Errorf("%v, want ethereum.NotFound", err)
		}
	}
	if n := slow.count("eth_getTransactionReceipt"); n != 2 {
		t.Errorf("asked %d times, want 2: it may be the only one that has it", n)
	}
}

func TestRefusedTransactions(t *testing.T) {
	tx := types.NewTx(&types.DynamicFeeTx{Nonce: 1, Gas: 21000, GasFeeCap: big.NewInt(1), GasTipCap: big.NewInt(1)})
	refuses := func(message string) any { return fail{Code: -32000, Message: message} }
	for name, test := range map[string]struct {
		answers  []any  // of one endpoint each
		receipt  any    // of the last one
		want     string // of the error, none if empty
		lastTold bool
	}{
		"taken":                               {[]any{tx.Hash(), tx.Hash()}, nil, "", false},
		"one has not seen the money":          {[]any{refuses("insufficient funds"), tx.Hash()}, nil, "", true},
		"one has it":                          {[]any{refuses("insufficient funds"), refuses("already known")}, nil, "", true},
		"refused by all":                      {[]any{refuses("insufficient funds"), refuses("pool is full")}, nil, ": insufficient funds", true},
		"refused by all that answer":          {[]any{status(503), refuses("gas too low"), body("")}, nil, ": gas too low", true},
		"used nonce":                          {[]any{refuses("Nonce too low: 5"), tx.Hash()}, nil, ": Nonce too low: 5", false},
		"used nonce, says another":            {[]any{refuses("insufficient funds"), refuses("OldNonce")}, nil, ": OldNonce", true},
		"used by itself":                      {[]any{body("half an ans"), refuses("nonce too low")}, receiptIn(9), "", true},
		"not its hash":                        {[]any{common.Hash{1}, tx.Hash()}, nil, "", true},
		"no hash":                             {[]any{true, map[string]any{}, nil, tx.Hash()}, nil, "", true},
		"not its hash, from all":              {[]any{common.Hash{1}, common.Hash{}}, nil, "no endpoint answers", true},
		"an internal error is no refusal":     {[]any{fail{Code: -32603, Message: "oops"}, tx.Hash()}, nil, "", true},
		"a rate limit is no refusal":          {[]any{refuses("request limit reached"), tx.Hash()}, nil, "", true},
		"nobody answers":                      {[]any{status(503), body("")}, nil, "no endpoint answers", true},
		"lost answer, and then it is known":   {[]any{body("half an ans"), refuses("already known")}, nil, "", true},
		"lost answer, and then it is refused": {[]any{body("half an ans"), refuses("nonce too low")}, nil, ": nonce too low", true},
	} {
		var urls []string
		var last *fake
		for _, a := range test.answers {
			last = newFake(t, map[string]any{"eth_sendRawTransaction": a, "eth_getTransactionReceipt": test.receipt})
			urls = append(urls, last.url)
		}
		err := newClient(t, 7, urls...).Send(t.Context(), tx)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
		if unavailable := test.want == "no endpoint answers"; errors.Is(err, rollout.ErrUnavailable) != unavailable {
			t.Errorf("%s: %v; unavailable: %v, want %v", name, err, !unavailable, unavailable)
		}
		if told := last.count("eth_sendRawTransaction") == 1; told != test.lastTold {
			t.Errorf("%s: the last endpoint was told: %v, want %v", name, told, test.lastTold)
		}
	}
}
