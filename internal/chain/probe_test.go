package chain

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/devnet"
)

func TestProbe(t *testing.T) {
	code := common.FromHex("0x60015f5260205ff3")
	account, empty := common.Address{0xc0}, common.Address{0xe0}
	n, err := devnet.Start(devnet.Config{ChainID: 7, Code: map[common.Address][]byte{account: code}, GasLimit: 20_000_000})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}()
	c, err := New(Config{Name: "dev", ChainID: 7, URLs: []string{n.URL()}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	got, err := c.Probe(t.Context(), empty, account)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Push0 || !got.Mcopy || !got.TransientStorage || !got.BaseFee || got.BlockGasLimit != 20_000_000 {
		t.Errorf("%+v", got)
	}
	if got.CodeHashes[account] != crypto.Keccak256Hash(code) || got.CodeHashes[empty] != (common.Hash{}) {
		t.Errorf("code hashes %v", got.CodeHashes)
	}
	if got.Keccak256 == nil || !*got.Keccak256 {
		t.Errorf("EXTCODEHASH is not recognised")
	}
	if got, err := c.Probe(t.Context(), empty); err != nil || got.Keccak256 != nil {
		t.Errorf("without code: %v, %v", got.Keccak256, err)
	}
	// the probes tell one failing opcode from another
	for name, code := range map[string][]byte{"nothing": probeNothing, "push0": probePush0, "mcopy": probeMcopy, "transient": probeTransient} {
		if ok, err := c.runs(t.Context(), code); err != nil || !ok {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
	}
	if ok, err := c.runs(t.Context(), probeInvalid); err != nil || ok {
		t.Errorf("invalid: %v, %v", ok, err)
	}
}
