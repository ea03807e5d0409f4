package chain

import (
	"errors"
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/google/go-cmp/cmp"
)

var (
	// stores the second word of its call data in the slot that the first one names: PUSH1 32 CALLDATALOAD PUSH0 CALLDATALOAD SSTORE STOP
	bookCode = common.FromHex("0x6020355f355500")
	// creates it: PUSH7 code PUSH0 MSTORE PUSH1 7 PUSH1 25 RETURN
	makeBook = common.FromHex("0x666020355f3555005f5260076019f3")
)

// TestTraceIsWhatHappens compares what is traced with what the same transactions then do, on each kind of node.
func TestTraceIsWhatHappens(t *testing.T) {
	for name, url := range nodes(t) {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			c := newClient(t, 1077, url)
			head, err := c.Head(ctx)
			if err != nil {
				t.Fatal(err)
			}
			nonce, err := c.NonceAt(ctx, head.Hash, sender)
			if err != nil {
				t.Fatal(err)
			}
			book := crypto.CreateAddress(sender, nonce)
			set := func(slot, value int64) ethereum.CallMsg {
				data := append(common.BigToHash(big.NewInt(slot)).Bytes(), common.BigToHash(big.NewInt(value)).Bytes()...)
				return ethereum.CallMsg{From: sender, To: &book, Data: data}
			}
			blocks := []Rehearsal{
				{Time: head.Time + 1, Calls: []ethereum.CallMsg{{From: sender, Data: makeBook}, set(1, 7), set(2, 9), set(12, 1)}},
				{Time: head.Time + 1000, Calls: []ethereum.CallMsg{set(1, 0), set(2, 5), set(3, 8), set(3, 0)}},
			}
			got, err := c.Trace(ctx, head.Hash, blocks)
			if err != nil {
				t.Fatal(err)
			}
			want := Trace{
				Slots: []SlotChange{
					{book, common.Hash{31: 2}, common.Hash{}, common.Hash{31: 5}}, {book, common.Hash{31: 12}, common.Hash{}, common.Hash{31: 1}},
				},
				Codes: []CodeChange{{book, common.Hash{}, crypto.Keccak256Hash(bookCode)}},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("traced (-want +got):\n%s", diff)
			}

			eth, err := ethclient.DialContext(ctx, url)
			if err != nil {
				t.Fatal(err)
			}
			defer eth.Close()
			for _, b := range blocks {
				for _, call := range b.Calls {
					tx, err := types.SignNewTx(key, types.LatestSignerForChainID(big.NewInt(1077)), &types.DynamicFeeTx{
						ChainID: big.NewInt(1077), Nonce: nonce, GasTipCap: big.NewInt(1e9), GasFeeCap: big.NewInt(1e11), Gas: 200_000, To: call.To, Data: call.Data,
					})
					if err != nil {
						t.Fatal(err)
					}
					if err := eth.SendTransaction(ctx, tx); err != nil {
						t.Fatal(err)
					}
					nonce++
					mustMine(t, eth, tx)
				}
			}
			for slot := range int64(16) {
				value, err := eth.StorageAt(ctx, book, common.BigToHash(big.NewInt(slot)), nil)
				if err != nil {
					t.Fatal(err)
				}
				var traced common.Hash
				for _, s := range got.Slots {
					if s.Slot == common.BigToHash(big.NewInt(slot)) {
						traced = s.To
					}
				}
				if common.BytesToHash(value) != traced {
					t.Errorf("slot %d is %x, traced was %s", slot, value, traced)
				}
			}
			// what was there before is where a change begins
			head, err = c.Head(ctx)
			if err != nil {
				t.Fatal(err)
			}
			again, err := c.Trace(ctx, head.Hash, []Rehearsal{{Time: head.Time + 1, Calls: []ethereum.CallMsg{set(2, 0), set(12, 1)}}})
			if err != nil {
				t.Fatal(err)
			}
			want = Trace{Slots: []SlotChange{{book, common.Hash{31: 2}, common.Hash{31: 5}, common.Hash{}}}}
			if diff := cmp.Diff(want, again); diff != "" {
				t.Errorf("traced later (-want +got):\n%s", diff)
			}

			bare := newClient(t, 1077, without(t, url, "debug_traceCall"))
			if _, err := bare.Trace(ctx, head.Hash, blocks[1:]); !errors.Is(err, ErrCannotTrace) {
				t.Errorf("without debug_traceCall: %v", err)
			}
		})
	}
}

func mustMine(t *testing.T, eth *ethclient.Client, tx *types.Transaction) {
	t.Helper()
	_ = eth.Client().CallContext(t.Context(), nil, "evm_mine") // geth in process may have mined it already
	receipt, err := eth.TransactionReceipt(t.Context(), tx.Hash())
	if err != nil || receipt.Status != types.ReceiptStatusSuccessful {
		t.Fatalf("%s: %+v, %v", tx.Hash(), receipt, err)
	}
}
