package chain

import (
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"

	"github.com/seed-b6a97670/lockstep/internal/devnet"
)

// TestFeesForData asks contracts that stand where a rollup has its own, and that answer the selector they were called with and
// the size of the call data.
func TestFeesForData(t *testing.T) {
	// PUSH0 CALLDATALOAD PUSH1 224 SHR PUSH1 32 SHL CALLDATASIZE ADD PUSH0 MSTORE PUSH1 32 PUSH0 RETURN
	echo := common.FromHex("0x5f3560e01c60201b36015f5260205ff3")
	n, err := devnet.Start(devnet.Config{
		ChainID: 1077, Alloc: map[common.Address]*big.Int{sender: big.NewInt(params.Ether)},
		Code: map[common.Address][]byte{nodeInterface: echo, opStackOracle: echo, scrollOracle: echo},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	answer := func(signature string, size int) uint64 {
		return new(big.Int).SetBytes(crypto.Keccak256([]byte(signature))[:4]).Uint64()<<32 + uint64(size)
	}
	data := make([]byte, 100)
	for l1Fee, want := range map[string]struct{ gas, fee uint64 }{
		"none": {}, "": {}, "linea": {},
		// selector, address, bool, offset, length, and 100 bytes filled up to 128
		L1FeeArbitrum: {gas: answer("gasEstimateL1Component(address,bool,bytes)", 4+3*32+32+128)},
		L1FeeOPStack:  {fee: answer("getL1Fee(bytes)", 4+2*32+128)},
		L1FeeScroll:   {fee: answer("getL1Fee(bytes)", 4+2*32+128)},
	} {
		c, err := New(Config{Name: "test", ChainID: 1077, URLs: []string{n.URL()}, L1Fee: l1Fee})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		head, err := c.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		gas, err := c.DataGas(t.Context(), head.Hash, ethereum.CallMsg{To: &counter, Data: data})
		if err != nil || gas != want.gas {
			t.Errorf("%s: %d gas for data, %v; want %d", l1Fee, gas, err, want.gas)
		}
		fee, err := c.DataFee(t.Context(), head.Hash, data)
		if err != nil || fee.Uint64() != want.fee {
			t.Errorf("%s: a fee of %d for data, %v; want %d", l1Fee, fee, err, want.fee)
		}
	}
}

func TestNetworkWithoutAnOracleIsNamed(t *testing.T) {
	n := startDevnet(t, 1077)
	c, err := New(Config{Name: "test", ChainID: 1077, URLs: []string{n.URL()}, L1Fee: L1FeeOPStack})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	head, err := c.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if fee, err := c.DataFee(t.Context(), head.Hash, types.NewTx(&types.LegacyTx{}).Data()); err == nil || !strings.Contains(err.Error(), "l1Fee") {
		t.Errorf("%v, %v; want an error that names l1Fee", fee, err)
	}
}

func TestBaseFeeOfABlock(t *testing.T) {
	n := startDevnet(t, 1078)
	c, err := New(Config{Name: "test", ChainID: 1078, URLs: []string{n.URL()}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	head, err := c.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if fee, err := c.BaseFee(t.Context(), head.Hash); err != nil || fee == nil || fee.Sign() <= 0 {
		t.Errorf("%v, %v", fee, err)
	}
	if fee, err := c.BaseFee(t.Context(), common.Hash{1}); !errors.Is(err, ethereum.NotFound) {
		t.Errorf("of no block: %v, %v", fee, err)
	}
}

// TestGasForDataOfATransaction: a receipt of Arbitrum says which part of the gas was for data. Elsewhere nobody is asked.
func TestGasForDataOfATransaction(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.Contains(string(body), "eth_chainId"):
			_, _ = io.WriteString(w, `{"jsonrpc": "2.0", "id": 1, "result": "0xa4b1"}`)
		case strings.Contains(string(body), common.Hash{7}.Hex()):
			asked++
			_, _ = io.WriteString(w, `{"jsonrpc": "2.0", "id": 2, "result": {"gasUsed": "0x9c40", "gasUsedForL1": "0x1388"}}`)
		default:
			_, _ = io.WriteString(w, `{"jsonrpc": "2.0", "id": 2, "result": null}`)
		}
	}))
	defer server.Close()
	for l1Fee, want := range map[string]uint64{L1FeeArbitrum: 5000, L1FeeOPStack: 0, "none": 0} {
		c, err := New(Config{Name: "test", ChainID: 42161, URLs: []string{server.URL}, L1Fee: l1Fee})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if gas, err := c.DataGasUsed(t.Context(), common.Hash{7}); err != nil || gas != want {
			t.Errorf("%s: %d gas was for data, %v; want %d", l1Fee, gas, err, want)
		}
		if gas, err := c.DataGasUsed(t.Context(), common.Hash{8}); want > 0 && !errors.Is(err, ethereum.NotFound) {
			t.Errorf("of no transaction: %d, %v", gas, err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}
