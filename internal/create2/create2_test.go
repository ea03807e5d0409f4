package create2

import (
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

// TestEIP1014 takes the examples of the EIP.
func TestEIP1014(t *testing.T) {
	for _, test := range []struct{ factory, salt, initCode, want string }{
		{"0x0000000000000000000000000000000000000000", "0x00", "0x00", "0x4D1A2e2bB4F88F0250f26Ffff098B0b30B26BF38"},
		{"0xdeadbeef00000000000000000000000000000000", "0x00", "0x00", "0xB928f69Bb1D91Cd65274e3c79d8986362984fDA3"},
		{"0x00000000000000000000000000000000deadbeef", "0xcafebabe", "0xdeadbeef", "0x60f3f640a8508fC6a86d45DF051962668E1e8AC7"},
		{"0x0000000000000000000000000000000000000000", "0x00", "0x", "0xE33C0C7F7df4809055C3ebA6c09CFe4BaF1BD9e0"},
	} {
		got, salt, err := Request{
			Factory: Arachnid, Address: common.HexToAddress(test.factory), Salt: common.HexToHash(test.salt),
			InitCodeHash: crypto.Keccak256Hash(common.FromHex(test.initCode)),
		}.Compute()
		if err != nil || got.Hex() != test.want || salt != common.HexToHash(test.salt) {
			t.Errorf("%s: %s, %s, %v", test.want, got, salt, err)
		}
	}
}

// TestGuardedSalt holds each case of CreateX's _guard to its definition, written out with abi.encode's words.
func TestGuardedSalt(t *testing.T) {
	const sender, other = "1111111111111111111111111111111111111111", "2222222222222222222222222222222222222222"
	const nobody = "0000000000000000000000000000000000000000"
	const tail = "aabbccddeeff0011223344"
	word := func(hex string) string { return strings.Repeat("0", 64-len(hex)) + hex }
	for name, test := range map[string]struct{ salt, hashed, err string }{
		"sender, every chain the same": {salt: sender + "00" + tail, hashed: word(sender) + sender + "00" + tail},
		"sender, each chain its own":   {salt: sender + "01" + tail, hashed: word(sender) + word("2105") + sender + "01" + tail},
		"sender, neither":              {salt: sender + "02" + tail, err: "byte 20"},
		"anybody, each chain its own":  {salt: nobody + "01" + tail, hashed: word("2105") + nobody + "01" + tail},
		"anybody, every chain":         {salt: nobody + "00" + tail, hashed: nobody + "00" + tail},
		"anybody, neither":             {salt: nobody + "ff" + tail, err: "byte 20"},
		"somebody else":                {salt: other + "01" + tail, hashed: other + "01" + tail},
	} {
		r := Request{
			Factory: CreateX, Address: common.Address{0xba}, Salt: common.HexToHash(test.salt), InitCodeHash: common.Hash{7},
			Sender: common.HexToAddress(sender), ChainID: 8453, // 0x2105
		}
		address, salt, err := r.Compute()
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if want := crypto.Keccak256Hash(common.FromHex(test.hashed)); err != nil || salt != want {
			t.Errorf("%s: salt %s, want %s, %v", name, salt, want, err)
		}
		if want := crypto.CreateAddress2(r.Address, salt, r.InitCodeHash[:]); address != want {
			t.Errorf("%s: address %s, want %s", name, address, want)
		}
	}
}

func TestMissingInputs(t *testing.T) {
	owned := common.HexToHash("0x11111111111111111111111111111111111111110000000000000000000000aa")
	chained := common.HexToHash("0x00000000000000000000000000000000000000000100000000000000000000aa")
	for want, r := range map[string]Request{
		"give --sender":     {Factory: CreateX, Salt: owned},
		"give --chain-id":   {Factory: CreateX, Salt: chained},
		"name arachnid":     {Factory: "other"},
		`factory "Safe" is`: {Factory: "Safe"},
	} {
		if _, _, err := r.Compute(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
