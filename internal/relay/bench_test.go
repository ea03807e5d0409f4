package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rpc"

	"github.com/seed-b6a97670/lockstep/internal/network"
)

// BenchmarkSubmit gives one transaction, or ten, to a server on loopback that answers at once: plainly with eth_sendRawTransaction
// through go-ethereum's client, which is the baseline, through relays, and through a router that keeps records.
func BenchmarkSubmit(b *testing.B) {
	key := newKey(b)
	var txs []*types.Transaction
	for nonce := range uint64(10) {
		tx, err := types.SignNewTx(key, types.LatestSignerForChainID(big.NewInt(chainID)), &types.DynamicFeeTx{
			ChainID: big.NewInt(chainID), Nonce: nonce, Gas: 3_000_000, To: &common.Address{1}, GasTipCap: big.NewInt(1), GasFeeCap: big.NewInt(1e9),
			Data: bytes.Repeat([]byte{0xab}, 4096),
		})
		if err != nil {
			b.Fatal(err)
		}
		txs = append(txs, tx)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request struct {
			ID     json.RawMessage   `json:"id"`
			Method string            `json:"method"`
			Params []json.RawMessage `json:"params"`
		}
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(body, &request)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		answer := `{"bundleHash":"` + common.Hash{1}.Hex() + `"}`
		if request.Method != "eth_sendBundle" {
			var raw hexutil.Bytes
			param := request.Params[0]
			if request.Method == "eth_sendPrivateTransaction" {
				var object struct{ Tx json.RawMessage }
				_ = json.Unmarshal(param, &object) // an empty one has another hash
				param = object.Tx
			}
			_ = json.Unmarshal(param, &raw) // an empty one has another hash
			answer = `"` + crypto.Keccak256Hash(raw).Hex() + `"`
		}
		_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":`+string(request.ID)+`,"result":`+answer+`}`) // the client may have gone
	}))
	defer server.Close()
	plain, err := rpc.Dial(server.URL)
	if err != nil {
		b.Fatal(err)
	}
	defer plain.Close()
	flashbots, err := NewFlashbots(FlashbotsConfig{Name: "flashbots", URL: server.URL, Signer: textKey{newKey(b)}})
	if err != nil {
		b.Fatal(err)
	}
	private, err := NewRPC(RPCConfig{Name: "rpc", URL: server.URL})
	if err != nil {
		b.Fatal(err)
	}
	send := func(txs []*types.Transaction) error {
		for _, tx := range txs {
			raw, err := tx.MarshalBinary()
			if err != nil {
				return err
			}
			if err := plain.CallContext(context.Background(), nil, "eth_sendRawTransaction", hexutil.Bytes(raw)); err != nil {
				return err
			}
		}
		return nil
	}
	submit := func(r Relay) func([]*types.Transaction) error {
		return func(txs []*types.Transaction) error {
			_, err := r.Submit(context.Background(), Batch{ID: "x", Txs: txs, Next: 1, Last: 9})
			return err
		}
	}
	route := func(txs []*types.Transaction) error {
		r, err := NewRouter(Config{Network: "bench", ChainID: chainID, Privacy: network.Relay, Relays: []Relay{flashbots}, Records: &memory{}})
		if err != nil {
			return err
		}
		return r.Push(context.Background(), txs, 0, 9)
	}
	for _, c := range []struct {
		name string
		txs  []*types.Transaction
	}{{"one", txs[:1]}, {"ten", txs}} {
		for _, way := range []struct {
			name string
			send func([]*types.Transaction) error
		}{{"plain", send}, {"rpc", submit(private)}, {"flashbots", submit(flashbots)}, {"router", route}} {
			b.Run(c.name+"/"+way.name, func(b *testing.B) {
				for b.Loop() {
					if err := way.send(c.txs); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
	b.Run("sign", func(b *testing.B) { // what the header of one request costs
		f := flashbots.(interface {
			sign(context.Context, []byte) (header, error)
		})
		for b.Loop() {
			if _, err := f.sign(context.Background(), make([]byte, 10_000)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
