package create2

import (
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

const (
	account  = "1111111111111111111111111111111111111111"
	nobodys  = "0000000000000000000000000000000000000000"
	saltTail = "aabbccddeeff0011223344"
)

func TestShared(t *testing.T) {
	hashed := func(words string) common.Hash { return crypto.Keccak256Hash(common.FromHex(words)) }
	for name, c := range map[string]struct {
		factory, salt string
		want          common.Hash
		err           string
	}{
		"arachnid": {Arachnid, account + "01" + saltTail, common.HexToHash(account + "01" + saltTail), ""},
		"safe":     {Safe, account + "01" + saltTail, common.HexToHash(account + "01" + saltTail), ""},
		"createx, zero": {
			CreateX, strings.Repeat("0", 64), hashed(strings.Repeat("0", 64)), "",
		},
		"createx, for anybody": {CreateX, nobodys + "00" + saltTail, hashed(nobodys + "00" + saltTail), ""},
		"createx, for an account": {
			CreateX, account + "00" + saltTail, hashed(strings.Repeat("0", 24) + account + account + "00" + saltTail), "",
		},
		"createx, the chain id":                {CreateX, nobodys + "01" + saltTail, common.Hash{}, "addresses would differ between networks"},
		"createx, an account and the chain id": {CreateX, account + "01" + saltTail, common.Hash{}, "addresses would differ between networks"},
		"createx, another byte 20":             {CreateX, nobodys + "02" + saltTail, common.Hash{}, "CreateX refuses it"},
		"createx, an account, another byte 20": {CreateX, account + "ff" + saltTail, common.Hash{}, "CreateX refuses it"},
		"unknown":                              {"other", nobodys + "00" + saltTail, common.Hash{}, `factory "other" is not known`},
	} {
		got, err := Shared(c.factory, common.HexToHash(c.salt))
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %s, %v; want %s, %q", name, got, err, c.want, c.err)
		}
	}
}

func TestCheckDeployer(t *testing.T) {
	own, anybodys := common.HexToHash(account+"00"+saltTail), common.HexToHash(nobodys+"00"+saltTail)
	deployer, other := common.HexToAddress(account), common.HexToAddress("0x2222222222222222222222222222222222222222")
	for name, c := range map[string]struct {
		factory  string
		salt     common.Hash
		deployer common.Address
		owner    common.Address
		ok       bool
	}{
		"its own":               {CreateX, own, deployer, deployer, true},
		"anybody's":             {CreateX, anybodys, other, common.Address{}, true},
		"somebody else's":       {CreateX, own, other, deployer, false},
		"arachnid does not ask": {Arachnid, own, other, common.Address{}, true},
		"safe does not ask":     {Safe, own, other, common.Address{}, true},
	} {
		err := CheckDeployer(c.factory, c.salt, c.deployer)
		if (err == nil) != c.ok || Owner(c.factory, c.salt) != c.owner {
			t.Errorf("%s: %v, owner %s", name, err, Owner(c.factory, c.salt))
		}
		if err != nil && (!strings.Contains(err.Error(), deployer.Hex()) || !strings.Contains(err.Error(), other.Hex())) {
			t.Errorf("%s: %v does not name both accounts", name, err)
		}
	}
}

// TestCallData writes the call of CreateX out in words.
func TestCallData(t *testing.T) {
	salt := common.HexToHash(account + "00" + saltTail)
	initCode := common.FromHex("600a600c600039600a6000f3602a60005260206000f3" + "00112233445566778899aabbccddeeff")
	for factory, want := range map[string]string{
		Arachnid: account + "00" + saltTail + common.Bytes2Hex(initCode),
		Safe:     account + "00" + saltTail + common.Bytes2Hex(initCode),
		CreateX: "26307668" + // cast sig 'deployCreate2(bytes32,bytes)'
			account + "00" + saltTail +
			strings.Repeat("0", 62) + "40" +
			strings.Repeat("0", 62) + "26" +
			common.Bytes2Hex(initCode) + strings.Repeat("0", 52),
	} {
		if got := common.Bytes2Hex(CallData(factory, salt, initCode)); got != want {
			t.Errorf("%s:\n got %s\nwant %s", factory, got, want)
		}
	}
}
