package chain

import (
	"bytes"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"

	"github.com/seed-b6a97670/lockstep/internal/devnet"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

var (
	key, _ = crypto.HexToECDSA("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
	sender = crypto.PubkeyToAddress(key.PublicKey)

	// counts its calls in slot 0, logs the count and returns it:
	// PUSH1 1 PUSH0 SLOAD ADD DUP1 PUSH0 SSTORE PUSH0 MSTORE PUSH1 32 PUSH0 LOG0 PUSH1 32 PUSH0 RETURN
	counter     = common.Address{19: 0xc1}
	counterCode = common.FromHex("0x60015f5401805f555f5260205fa060205ff3")

	// reverts with 0xdeadbeef: PUSH4 PUSH0 MSTORE PUSH1 4 PUSH1 28 REVERT
	angry     = common.Address{19: 0xa1}
	angryCode = common.FromHex("0x63deadbeef5f526004601cfd")
)

func startDevnet(t testing.TB, chainID uint64) *devnet.Network {
	t.Helper()
	n, err := devnet.Start(devnet.Config{
		ChainID: chainID, Alloc: map[common.Address]*big.Int{sender: big.NewInt(params.Ether)},
		Code: map[common.Address][]byte{counter: counterCode, angry: angryCode},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return n
}

func sign(t testing.TB, c *Client, nonce uint64, to common.Address) *types.Transaction {
	t.Helper()
	fees, err := c.Fees(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	chainID := new(big.Int).SetUint64(c.ChainID())
	tx, err := types.SignNewTx(key, types.LatestSignerForChainID(chainID), &types.DynamicFeeTx{
		ChainID: chainID, Nonce: nonce, GasTipCap: fees.Tip, GasFeeCap: fees.Cap, Gas: 100_000, To: &to,
	})
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// send sends a transaction and has it mined; the network may have mined it already.
func send(t testing.TB, n *devnet.Network, c *Client, tx *types.Transaction) Receipt {
	t.Helper()
	if err := c.Send(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	if err := n.Mine(1); err != nil {
		t.Fatal(err)
	}
	r, err := c.Receipt(t.Context(), tx.Hash())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestOnARealNode(t *testing.T) {
	n := startDevnet(t, 1077)
	for name, url := range map[string]string{"http": n.URL(), "ws": n.WSURL()} {
		t.Run(name, func(t *testing.T) {
			c, ctx := newClient(t, 1077, url), t.Context()

			head, err := c.Head(ctx)
			if err != nil || head.Number < 1 || head.Time == 0 {
				t.Fatalf("head %+v, %v", head, err)
			}
			same, err := c.BlockByNumber(ctx, new(big.Int).SetUint64(head.Number))
			if err != nil || same != head {
				t.Errorf("block %d is %+v, %v; the head was %+v", head.Number, same, err, head)
			}
			if _, err := c.BlockByNumber(ctx, big.NewInt(1_000_000)); !errors.Is(err, ethereum.NotFound) {
				t.Errorf("a block to come: %v, want ethereum.NotFound", err)
			}

			for account, want := range map[common.Address][]byte{counter: counterCode, sender: {}} {
				if code, err := c.Code(ctx, head.Hash, account); err != nil || !bytes.Equal(code, want) {
					t.Errorf("code of %s: %x, %v; want %x", account, code, err, want)
				}
			}
			if code, err := c.Code(ctx, common.Hash{1}, counter); !errors.Is(err, rollout.ErrUnavailable) {
				t.Errorf("code after an unknown block: %x, %v; want ErrUnavailable", code, err)
			}

			nonce, err := c.Nonce(ctx, sender)
			if err != nil {
				t.Fatal(err)
			}
			before, err := c.Balance(ctx, sender)
			if err != nil {
				t.Fatal(err)
			}
			tx := sign(t, c, nonce, counter)
			if _, err := c.Receipt(ctx, tx.Hash()); !errors.Is(err, ethereum.NotFound) {
				t.Errorf("receipt of what was not sent: %v, want ethereum.NotFound", err)
			}
			r := send(t, n, c, tx)
			mined, err := c.BlockByNumber(ctx, new(big.Int).SetUint64(r.Block.Number))
			if err != nil || r.Status != 1 || r.Block.Hash != mined.Hash || len(r.Logs) != 1 || r.Logs[0].Address != counter {
				t.Errorf("receipt %+v in block %+v, %v", r, mined, err)
			}
			after, err := c.Balance(ctx, sender)
			cost := new(big.Int).Mul(new(big.Int).SetUint64(r.GasUsed), r.EffectiveGasPrice)
			if err != nil || cost.Sign() <= 0 || new(big.Int).Sub(before, after).Cmp(cost) != 0 {
				t.Errorf("balance %d to %d, %v; the receipt says %d", before, after, err, cost)
			}
			if got, err := c.Nonce(ctx, sender); err != nil || got != nonce+1 {
				t.Errorf("nonce %d, %v; want %d", got, err, nonce+1)
			}

			// a call speaks of the block that is named, not of the head
			past, err := c.Call(ctx, head.Hash, ethereum.CallMsg{To: &counter})
			if err != nil {
				t.Fatal(err)
			}
			now, err := c.Call(ctx, mined.Hash, ethereum.CallMsg{To: &counter})
			if err != nil || new(big.Int).SetBytes(now).Uint64() != new(big.Int).SetBytes(past).Uint64()+1 {
				t.Errorf("count %x before and %x after, %v", past, now, err)
			}

			reverted := send(t, n, c, sign(t, c, nonce+1, angry))
			if reverted.Status != 0 || reverted.GasUsed == 0 || len(reverted.Logs) != 0 {
				t.Errorf("receipt of a revert: %+v", reverted)
			}
			_, callErr := c.Call(ctx, mined.Hash, ethereum.CallMsg{To: &angry})
			_, gasErr := c.EstimateGas(ctx, ethereum.CallMsg{From: sender, To: &angry})
			for what, err := range map[string]error{"call": callErr, "estimate": gasErr} {
				if data, ok := RevertData(err); !ok || !bytes.Equal(data, []byte{0xde, 0xad, 0xbe, 0xef}) || errors.Is(err, rollout.ErrUnavailable) {
					t.Errorf("%s that reverts: %x, %v, %v", what, data, ok, err)
				}
			}
			if gas, err := c.EstimateGas(ctx, ethereum.CallMsg{From: sender, To: &common.Address{19: 1}}); err != nil || gas < 21_000 || gas > 30_000 {
				t.Errorf("gas of a transfer: %d, %v", gas, err)
			}
		})
	}
}

// The base fee rises by an eighth after each full block: twice the base fee is enough for the next five blocks.
func TestFeeCapOutlastsFiveFullBlocks(t *testing.T) {
	n := startDevnet(t, 1078)
	c := newClient(t, 1078, n.URL())
	fees, err := c.Fees(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	eth, err := c.endpoints[0].connect(t.Context(), 1078, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	head, err := eth.HeaderByNumber(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := new(big.Int).Add(fees.Tip, new(big.Int).Mul(head.BaseFee, big.NewInt(2)))
	if fees.Cap.Cmp(want) != 0 || fees.Tip.Sign() < 0 || fees.Legacy || fees.Base.Cmp(head.BaseFee) != 0 {
		t.Errorf("%+v at base fee %d, want cap %d", fees, head.BaseFee, want)
	}
	fee := new(big.Int).Set(head.BaseFee)
	for range 5 {
		fee.Add(fee, new(big.Int).Div(fee, big.NewInt(8)))
	}
	if fees.Cap.Cmp(new(big.Int).Add(fee, fees.Tip)) < 0 {
		t.Errorf("cap %d, the base fee may become %d", fees.Cap, fee)
	}
}

func TestSendingTwiceIsSendingOnce(t *testing.T) {
	n := startDevnet(t, 1079)
	c := newClient(t, 1079, n.URL())
	// the nonce before is missing, so the transaction stays in the pool
	tx := sign(t, c, 1, counter)
	for range 3 {
		if err := c.Send(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
	}
	send(t, n, c, sign(t, c, 0, counter))
	if err := n.Mine(1); err != nil {
		t.Fatal(err)
	}
	if r, err := c.Receipt(t.Context(), tx.Hash()); err != nil || r.Status != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestFailoverWithARealNodeBehind(t *testing.T) {
	n := startDevnet(t, 1080)
	other := startDevnet(t, 1081)
	broken := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(broken.Close)
	c := newClient(t, 1080, broken.URL, other.URL(), n.URL())
	head, err := c.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want, err := newClient(t, 1080, n.URL()).BlockByNumber(t.Context(), new(big.Int).SetUint64(head.Number))
	if err != nil || head != want {
		t.Errorf("head %+v, want %+v, %v", head, want, err)
	}
	// the network goes away: no endpoint is left, and the one of another chain is still not used
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Head(t.Context()); !errors.Is(err, rollout.ErrUnavailable) {
		t.Errorf("head %+v, %v; want ErrUnavailable", got, err)
	}
}

// What geth itself says of a block that it has not seen lets the next endpoint be asked.
func TestARealNodeThatHasNotSeenTheBlock(t *testing.T) {
	behind, ahead := startDevnet(t, 1086), startDevnet(t, 1086)
	if err := ahead.Mine(5); err != nil {
		t.Fatal(err)
	}
	head, err := newClient(t, 1086, ahead.URL()).Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, ask := range map[string]func(*Client) error{
		"Call": func(c *Client) error {
			_, err := c.Call(t.Context(), head.Hash, ethereum.CallMsg{To: &counter})
			return err
		},
		"Code":      func(c *Client) error { _, err := c.Code(t.Context(), head.Hash, counter); return err },
		"NonceAt":   func(c *Client) error { _, err := c.NonceAt(t.Context(), head.Hash, sender); return err },
		"BalanceAt": func(c *Client) error { _, err := c.BalanceAt(t.Context(), head.Hash, sender); return err },
		"EstimateGasAt": func(c *Client) error {
			_, err := c.EstimateGasAt(t.Context(), head.Number, ethereum.CallMsg{To: &counter})
			return err
		},
	} {
		if err := ask(newClient(t, 1086, behind.URL(), ahead.URL())); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := ask(newClient(t, 1086, behind.URL())); !errors.Is(err, rollout.ErrUnavailable) {
			t.Errorf("%s of the one that is behind: %v, want ErrUnavailable", name, err)
		}
	}
}
