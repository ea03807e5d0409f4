package chain

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// mineTogether has transactions of sender mined in one block, in their order, and returns the block.
func mineTogether(t testing.TB, eth *ethclient.Client, txs ...*types.Transaction) Block {
	t.Helper()
	// anvil mines at once unless it is told; geth in process waits for the first nonce
	automine := eth.Client().CallContext(t.Context(), nil, "evm_setAutomine", false) == nil
	if automine {
		defer func() {
			if err := eth.Client().CallContext(t.Context(), nil, "evm_setAutomine", true); err != nil {
				t.Error(err)
			}
		}()
	}
	for _, tx := range slices.Backward(txs) {
		if err := eth.SendTransaction(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
	}
	_ = eth.Client().CallContext(t.Context(), nil, "evm_mine") // it may be mined already
	var at Block
	for i, tx := range txs {
		receipt, err := eth.TransactionReceipt(t.Context(), tx.Hash())
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 && receipt.BlockHash != at.Hash {
			t.Fatal("they are in different blocks")
		}
		at.Hash, at.Number = receipt.BlockHash, receipt.BlockNumber.Uint64()
	}
	return at
}

// TestBlockTransactions finds the wanted ones among others, over more blocks than are asked for at once, and not on another branch.
func TestBlockTransactions(t *testing.T) {
	for name, url := range nodes(t) {
		c, eth, ctx := newClient(t, 1077, url), dial(t, url), t.Context()
		other := common.Address{0x07}
		var want []common.Hash
		var asked common.Hash
		for i := range uint64(2*blocksAtOnce + 3) {
			to := &other
			if i%5 == 0 {
				to = &counter
			}
			tx := sendNow(t, eth, i, to, []byte{byte(i), 0xab})
			if i == 7 {
				asked = tx.Hash()
			}
			if i%5 == 0 || i == 7 {
				want = append(want, tx.Hash())
			}
		}
		create := sendNow(t, eth, 2*blocksAtOnce+3, nil, makeBook)
		together := mineTogether(t, eth, signed(t, 2*blocksAtOnce+4, &other, nil), signed(t, 2*blocksAtOnce+5, &counter, []byte{1}), signed(t, 2*blocksAtOnce+6, &other, nil))
		want = append(want, signed(t, 2*blocksAtOnce+5, &counter, []byte{1}).Hash())
		head, err := c.Head(ctx)
		if err != nil {
			t.Fatal(err)
		}
		wanted := Wanted{To: map[common.Address]bool{counter: true}, Hashes: map[common.Hash]bool{asked: true, {0x0b}: true}}
		for _, from := range []uint64{0, 1} {
			got, err := c.BlockTransactions(ctx, from, head, wanted)
			if err != nil {
				t.Fatal(err)
			}
			var hashes []common.Hash
			for _, tx := range got {
				hashes = append(hashes, tx.Hash)
				full, err := eth.TransactionInBlock(ctx, tx.Block.Hash, uint(tx.Index))
				if err != nil || full.Hash() != tx.Hash || string(full.Data()) != string(tx.Input) || *full.To() != tx.To || tx.From != sender {
					t.Errorf("%s: %+v: %v", name, tx, err)
				}
				if at, err := c.BlockByNumber(ctx, new(big.Int).SetUint64(tx.Block.Number)); err != nil || at != tx.Block {
					t.Errorf("%s: block %+v, want %+v, %v", name, tx.Block, at, err)
				}
			}
			if diff := cmp.Diff(want, hashes); diff != "" {
				t.Errorf("%s, from %d (-want +got):\n%s", name, from, diff)
			}
			if last := got[len(got)-1]; last.Index != 1 || last.Block.Hash != together.Hash {
				t.Errorf("%s: the second of a block is %+v", name, last)
			}
		}
		// the zero address stands for none
		if got, err := c.BlockTransactions(ctx, 1, head, Wanted{Hashes: map[common.Hash]bool{create.Hash(): true}}); err != nil || len(got) != 1 || got[0].To != (common.Address{}) {
			t.Errorf("%s: a creation: %+v, %v", name, got, err)
		}
		elsewhere := head
		elsewhere.Hash[0] ^= 1
		if got, err := c.BlockTransactions(ctx, head.Number, elsewhere, wanted); !errors.Is(err, rollout.ErrUnavailable) {
			t.Errorf("%s: of another branch: %+v, %v", name, got, err)
		}
		if got, err := c.Ask(ctx, Question{Block: elsewhere, Wanted: &wanted}); !errors.Is(err, rollout.ErrUnavailable) {
			t.Errorf("%s: of another branch: %+v, %v", name, got, err)
		}
	}
}

func TestOutcomes(t *testing.T) {
	for name, url := range nodes(t) {
		c, eth, ctx := newClient(t, 1077, url), dial(t, url), t.Context()
		txs := []*types.Transaction{signed(t, 0, &counter, nil), signed(t, 1, &angry, nil), signed(t, 2, &counter, nil)}
		at := mineTogether(t, eth, txs...)
		var sent []Sent
		var want []Outcome
		for _, tx := range txs {
			receipt, err := eth.TransactionReceipt(ctx, tx.Hash())
			if err != nil {
				t.Fatal(err)
			}
			sent = append(sent, Sent{Hash: tx.Hash(), Block: at})
			want = append(want, Outcome{Failed: *tx.To() == angry, GasUsed: receipt.GasUsed})
		}
		got, err := c.Outcomes(ctx, sent)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
		sent[1].Block.Hash[0] ^= 1
		if got, err := c.Outcomes(ctx, sent); !errors.Is(err, rollout.ErrUnavailable) {
			t.Errorf("%s: in another block: %+v, %v", name, got, err)
		}
	}
	if got, err := newClient(t, 7, deadURL(t)).Outcomes(t.Context(), nil); got != nil || err != nil {
		t.Errorf("of nothing: %v, %v", got, err)
	}
}

// TestOutcomesOnRollups: what is paid for data on another chain is told apart.
func TestOutcomesOnRollups(t *testing.T) {
	at := common.Hash{0xb1}
	receipt := func(more string) any {
		return json.RawMessage(`{"blockHash":"` + at.Hex() + `","status":"0x1","gasUsed":"0x100",` + more + `"logs":[{"a":["\"",{}]}]}`)
	}
	for name, c := range map[string]struct {
		more string
		want Outcome
	}{
		"neither":  {"", Outcome{GasUsed: 256}},
		"OP stack": {`"l1Fee":"0x1f4","l1GasUsed":"0x640",`, Outcome{GasUsed: 256, L1Fee: big.NewInt(500)}},
		"Arbitrum": {`"gasUsedForL1":"0x80",`, Outcome{GasUsed: 256, L1Gas: 128}},
	} {
		f := newFake(t, map[string]any{"eth_getTransactionReceipt": receipt(c.more)})
		got, err := newClient(t, 7, f.url).Outcomes(t.Context(), []Sent{{Block: Block{Hash: at}}})
		if err != nil || len(got) != 1 || got[0].GasUsed != c.want.GasUsed || got[0].L1Gas != c.want.L1Gas || fmt.Sprint(got[0].L1Fee) != fmt.Sprint(c.want.L1Fee) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// latch lets the first call through and refuses every other one with 0xdeadbeef, until it is called with data:
//
//	CALLDATASIZE PUSH1 14 JUMPI PUSH0 SLOAD PUSH1 20 JUMPI PUSH1 1 PUSH0 SSTORE STOP, padding
//	14: JUMPDEST PUSH0 PUSH0 SSTORE STOP, padding; 20: JUMPDEST PUSH4 PUSH0 MSTORE PUSH1 4 PUSH1 28 REVERT
var makeLatch = common.FromHex("0x" + "6021600b5f3960215ff300" + "36600e575f54601457" + "60015f5500" + "5b5f5f5500" + "00" + "5b63deadbeef5f526004601cfd")

// TestReplay: what a transaction reverted with, if an earlier one of its block decides it, by each way that endpoints offer.
func TestReplay(t *testing.T) {
	trace, simulation := "debug_traceTransaction", "eth_simulateV1"
	shut, open := []byte(nil), []byte{1}
	all := nodes(t)
	all["hardhat"] = startHardhat(t)
	for name, url := range all {
		eth, ctx := dial(t, url), t.Context()
		nonce, err := eth.NonceAt(ctx, sender, nil)
		if err != nil {
			t.Fatal(err)
		}
		for what, c := range map[string]struct {
			block    [][]byte // calls of the latch in one block; the second one reverts
			lacks    []string
			how      string
			unclear  bool
			hardhats string
		}{
			"traced":                         {block: [][]byte{shut, shut, open}, how: ByTrace, hardhats: "unclear"},
			"simulated":                      {block: [][]byte{shut, shut, open}, lacks: []string{trace}, how: BySimulation, hardhats: "unclear"},
			"as it is after the block":       {block: [][]byte{shut, shut}, lacks: []string{trace, simulation}, how: ByCallAfter, hardhats: ByCallAfter},
			"as it was before":               {block: [][]byte{shut}, lacks: []string{trace, simulation}, how: ByCallBefore, hardhats: ByCallBefore},
			"neither before nor after block": {block: [][]byte{shut, shut, open}, lacks: []string{trace, simulation}, unclear: true, hardhats: "unclear"},
		} {
			latch := crypto.CreateAddress(sender, nonce)
			sendNow(t, eth, nonce, nil, makeLatch)
			nonce++
			if len(c.block) == 1 {
				sendNow(t, eth, nonce, &latch, shut)
				nonce++
			}
			var txs []*types.Transaction
			for _, data := range c.block {
				txs = append(txs, signed(t, nonce, &latch, data))
				nonce++
			}
			at := mineTogether(t, eth, txs...)
			index := min(1, len(txs)-1)
			if receipt, err := eth.TransactionReceipt(ctx, txs[index].Hash()); err != nil || receipt.Status != 0 {
				t.Fatalf("%s, %s: it did not revert: %v", name, what, err)
			}
			client := newClient(t, 1077, startPicky(t, url, limits{lacks: c.lacks}).url)
			got, err := client.Replay(ctx, Sent{Hash: txs[index].Hash(), Block: at, Index: index, From: sender, To: latch})
			how, unclear := c.how, c.unclear
			if name == "hardhat" {
				how, unclear = c.hardhats, c.hardhats == "unclear"
			}
			switch {
			case unclear && !errors.Is(err, ErrCannotReplay):
				t.Errorf("%s, %s: %+v, %v; want ErrCannotReplay", name, what, got, err)
			case !unclear && (err != nil || got.How != how || hexutil.Encode(got.Data) != "0xdeadbeef" || got.Why != ""):
				t.Errorf("%s, %s: %+v, %v; want 0xdeadbeef by %s", name, what, got, err, how)
			}
			if !client.endpoints[0].failure.IsZero() {
				t.Errorf("%s, %s: an endpoint rests because it lacks a method", name, what)
			}
		}
	}
}

// TestReplayAsksAnotherEndpoint: one that lacks a method is not asked for it again, and another one answers.
func TestReplayAsksAnotherEndpoint(t *testing.T) {
	url := startDevnet(t, 1077).URL()
	eth := dial(t, url)
	tx := sendNow(t, eth, 0, &angry, nil)
	receipt, err := eth.TransactionReceipt(t.Context(), tx.Hash())
	if err != nil {
		t.Fatal(err)
	}
	poor := startPicky(t, url, limits{lacks: []string{"debug_traceTransaction"}})
	c := newClient(t, 1077, poor.url, deadURL(t), url)
	sent := Sent{Hash: tx.Hash(), Block: Block{Number: receipt.BlockNumber.Uint64(), Hash: receipt.BlockHash}, From: sender, To: angry}
	for range 2 {
		if got, err := c.Replay(t.Context(), sent); err != nil || got.How != ByTrace || hexutil.Encode(got.Data) != "0xdeadbeef" {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if n := len(poor.bodies()); n != 2 { // its chain id, and the method once
		t.Errorf("the one that lacks it was asked %d times", n)
	}
}

// TestReplayRunsOutOfGas: there is nothing that it reverted with, and that is told.
func TestReplayRunsOutOfGas(t *testing.T) {
	for name, url := range nodes(t) {
		eth := dial(t, url)
		// JUMPDEST PUSH1 0 JUMP
		loop := crypto.CreateAddress(sender, 0)
		sendNow(t, eth, 0, nil, common.FromHex("0x6004600b5f3960045ff300"+"5b600056"))
		tx := sendNow(t, eth, 1, &loop, nil)
		receipt, err := eth.TransactionReceipt(t.Context(), tx.Hash())
		if err != nil || receipt.Status != 0 {
			t.Fatal(receipt, err)
		}
		sent := Sent{Hash: tx.Hash(), Block: Block{Number: receipt.BlockNumber.Uint64(), Hash: receipt.BlockHash}, From: sender, To: loop}
		for _, lacks := range [][]string{nil, {"debug_traceTransaction"}} {
			got, err := newClient(t, 1077, startPicky(t, url, limits{lacks: lacks}).url).Replay(t.Context(), sent)
			// anvil calls it a failed execution when it simulates
			if why := strings.ToLower(got.Why); err != nil || len(got.Data) > 0 || !strings.Contains(why, "gas") && why != "execution failed" {
				t.Errorf("%s without %v: %+v, %v", name, lacks, got, err)
			}
		}
	}
}

// FuzzSentIn compares the lean reader of blocks with encoding/json: where that finds a sound block, both find the same transactions.
func FuzzSentIn(f *testing.F) {
	f.Add([]byte(`{"number":"0x1","hash":"` + common.Hash{1}.Hex() + `","parentHash":"` + common.Hash{2}.Hex() + `","timestamp":"0x5","transactions":[{"hash":"` +
		common.Hash{3}.Hex() + `","from":"0x0000000000000000000000000000000000000007","to":"` + counter.Hex() + `","input":"0xab","accessList":[{"storageKeys":["\\\""]}]}]}`))
	f.Add([]byte(`{"transactions":[{"to":null,"input":"0x","hash":"` + common.Hash{3}.Hex() + `"} , {"to" : "` + counter.Hex() + `", "from":"` + counter.Hex() + `","input":"0x00"}]}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, data []byte) {
		wanted := &Wanted{To: map[common.Address]bool{counter: true}}
		got := sentIn{wanted: wanted}
		s := &scanner{in: data}
		err := got.read(s)
		var block map[string]json.RawMessage // into a struct, names are read in either case
		var transactions []map[string]json.RawMessage
		if err != nil || json.Unmarshal(data, &block) != nil || block["transactions"] == nil || json.Unmarshal(block["transactions"], &transactions) != nil {
			return
		}
		var want []Sent
		for i, raw := range transactions {
			tx := Sent{Index: i}
			to := (*common.Address)(nil)
			for name, dst := range map[string]any{"hash": &tx.Hash, "from": &tx.From, "to": &to, "input": (*hexutil.Bytes)(&tx.Input)} {
				if raw[name] != nil && json.Unmarshal(raw[name], dst) != nil {
					return
				}
			}
			if to != nil && *to == counter {
				tx.To = *to
				want = append(want, tx)
			}
		}
		if len(want) != len(got.sent) {
			t.Fatalf("%d transactions, want %d", len(got.sent), len(want))
		}
		for i := range want {
			want[i].Block = got.block
			if diff := cmp.Diff(want[i], got.sent[i]); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
	})
}
