package chain

import (
	"errors"
	"math/big"
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
