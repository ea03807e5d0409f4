package evm

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

var (
	arachnid = common.HexToAddress("0x4e59b44847b379578588920ca78fbf26c0b4956c")
	salt     = common.Hash{31: 7}
)

// initCode deploys runtime: PUSH2 size DUP1 PUSH1 10 PUSH0 CODECOPY PUSH0 RETURN.
func initCode(runtime []byte) []byte {
	code := []byte{0x61, 0, 0, 0x80, 0x60, 10, 0x5f, 0x39, 0x5f, 0xf3}
	binary.BigEndian.PutUint16(code[1:], uint16(len(runtime)))
	return append(code, runtime...)
}

// with is init code that returns the word which the opcodes leave.
func with(opcodes ...byte) []byte {
	return append(opcodes, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3) // PUSH0 MSTORE PUSH1 32 PUSH0 RETURN
}

// reverting is init code that reverts with data.
func reverting(data []byte) []byte {
	code := initCode(data)
	code[len(code)-len(data)-1] = 0xfd
	return code
}

func addressOf(initCode []byte) common.Address {
	return common.BytesToAddress(crypto.Keccak256([]byte{0xff}, arachnid[:], salt[:], crypto.Keccak256(initCode))[12:])
}

func create(chainID uint64, initCode []byte) ([]byte, error) {
	return Runner{}.Create(chainID, arachnid, salt, nil, initCode, addressOf(initCode))
}

func TestArachnidRuntimeIsTheOneOnEveryNetwork(t *testing.T) {
	const want = "0x2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989"
	if got := crypto.Keccak256Hash(ArachnidRuntime).Hex(); got != want {
		t.Errorf("code hash %s, want %s", got, want)
	}
}

func TestCreateReturnsTheCodeAtTheAddress(t *testing.T) {
	long := bytes.Repeat([]byte{0x5b}, 24576)
	for name, runtime := range map[string][]byte{"short": {0x5b, 0x00}, "empty": {}, "24576 bytes": long} {
		got, err := create(1, initCode(runtime))
		if err != nil || !bytes.Equal(got, runtime) {
			t.Errorf("%s: %d bytes, %v; want %d", name, len(got), err, len(runtime))
		}
	}
	// the factory itself decides where the code goes
	code := initCode([]byte{0x5b})
	got, err := Runner{}.Create(1, arachnid, salt, nil, code, common.Address{1})
	if err != nil || len(got) != 0 {
		t.Errorf("at another address: %x, %v; want no code", got, err)
	}
	if got, err = (Runner{}).Create(1, arachnid, common.Hash{}, nil, code, addressOf(code)); err != nil || len(got) != 0 {
		t.Errorf("with another salt: %x, %v; want no code", got, err)
	}
	other := common.HexToAddress("0x914d7Fec6aaC8cd542e72Bca78B30650d45643d7")
	at := crypto.CreateAddress2(other, salt, crypto.Keccak256(code))
	if got, err = (Runner{}).Create(1, other, salt, nil, code, at); err != nil || !bytes.Equal(got, []byte{0x5b}) {
		t.Errorf("through another factory: %x, %v", got, err)
	}
}

func TestConstructorSeesItsNetwork(t *testing.T) {
	for name, c := range map[string]struct {
		code []byte
		want []byte
	}{
		"chain id":           {with(0x46), common.BigToHash(common.Big32).Bytes()},
		"its own address":    {with(0x30), common.LeftPadBytes(addressOf(with(0x30)).Bytes(), 32)},
		"the factory":        {with(0x33), common.LeftPadBytes(arachnid.Bytes(), 32)},
		"no value":           {with(0x34), make([]byte, 32)},
		"code of factory":    {with(0x33, 0x3f), crypto.Keccak256(ArachnidRuntime)},
		"balance of factory": {with(0x33, 0x31), make([]byte, 32)},
	} {
		got, err := create(32, c.code)
		if err != nil || !bytes.Equal(got, c.want) {
			t.Errorf("%s: %x, %v; want %x", name, got, err, c.want)
		}
	}
}

func TestCodeOfTheBlockOrTheSenderIsRefused(t *testing.T) {
	for name, opcodes := range map[string][]byte{
		"TIMESTAMP": {0x42}, "NUMBER": {0x43}, "COINBASE": {0x41}, "PREVRANDAO": {0x44}, "GASLIMIT": {0x45},
		"BASEFEE": {0x48}, "BLOBBASEFEE": {0x4a}, "GASPRICE": {0x3a}, "ORIGIN": {0x32},
		"GAS":                 {0x5a},
		"balance of ORIGIN":   {0x32, 0x31},
		"BLOCKHASH of parent": {0x60, 1, 0x43, 0x03, 0x40},
	} {
		got, err := create(1, with(opcodes...))
		if err == nil || !strings.Contains(err.Error(), "depends on the block or the sender") {
			t.Errorf("%s: %x, %v; want an error", name, got, err)
		}
	}
}

// What the fork does not have must not be used: the networks that the dispatcher is for have Cancun.
func TestForkIsCancun(t *testing.T) {
	for name, c := range map[string]struct {
		opcodes []byte
		ok      bool
	}{
		"PUSH0": {[]byte{0x5f}, true}, "TLOAD": {[]byte{0x5f, 0x5c}, true}, "MCOPY": {[]byte{0x5f, 0x5f, 0x5f, 0x5e, 0x5f}, true},
		"BLOBHASH": {[]byte{0x5f, 0x49}, true}, "CLZ of Osaka": {[]byte{0x5f, 0x1e}, false},
	} {
		if _, err := create(1, with(c.opcodes...)); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReasonOfAFailureIsTold(t *testing.T) {
	reason := slices.Concat(crypto.Keccak256([]byte("Error(string)"))[:4], common.LeftPadBytes([]byte{32}, 32),
		common.LeftPadBytes([]byte{9}, 32), common.RightPadBytes([]byte("zero rate"), 32))
	panicked := append(crypto.Keccak256([]byte("Panic(uint256)"))[:4], common.LeftPadBytes([]byte{0x12}, 32)...)
	for name, c := range map[string]struct {
		code []byte
		want string
	}{
		"text":              {reverting(reason), ": zero rate"},
		"panic":             {reverting(panicked), ": division or modulo by zero"},
		"custom error":      {reverting([]byte{0xde, 0xad, 0xbe, 0xef}), ": 0xdeadbeef"},
		"nothing":           {reverting(nil), "execution reverted"},
		"too much code":     {initCode(bytes.Repeat([]byte{0x5b}, 24577)), ": max code size exceeded"},
		"code with 0xef":    {initCode([]byte{0xef}), "must not begin with 0xef"},
		"too much initcode": {append(initCode(nil), make([]byte, 49152)...), ": max initcode size exceeded"},
		"invalid opcode":    {[]byte{0xfe}, "invalid opcode"},
		"endless loop":      {[]byte{0x5b, 0x5f, 0x56}, "16777216 gas"},
	} {
		got, err := create(1, c.code)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %x, %.200v; want an error with %q", name, got, err, c.want)
		} else if len(err.Error()) > 300 {
			t.Errorf("%s: error of %d characters", name, len(err.Error()))
		}
	}
}

// A network with EIP-7825 cannot deploy what needs more gas, whatever its block holds.
func TestGasIsThatOfOneTransaction(t *testing.T) {
	// burn calls the identity precompile with n words, over and over: PUSH3 n ... is simpler as memory expansion, whose
	// cost is exact: 3 gas a word and words^2/512
	burn := func(words uint32) []byte {
		code := []byte{0x5f, 0x63, 0, 0, 0, 0, 0x53, 0x5f, 0x5f, 0xf3} // PUSH0 PUSH4 offset MSTORE8 PUSH0 PUSH0 RETURN
		binary.BigEndian.PutUint32(code[2:], words*32-1)
		return code
	}
	for _, c := range []struct {
		words uint32
		ok    bool
	}{{80_000, true}, {91_000, true}, {92_000, false}, {200_000, false}} {
		if _, err := create(1, burn(c.words)); (err == nil) != c.ok {
			t.Errorf("init code that needs %d gas: %v", 3*uint64(c.words)+uint64(c.words)*uint64(c.words)/512, err)
		}
	}
}

func TestLaterContractMayCallAnEarlierOne(t *testing.T) {
	first := initCode([]byte{0x60, 42, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3}) // returns 42
	at := addressOf(first)
	// PUSH1 32 PUSH0 PUSH0 PUSH0 PUSH20 at GAS STATICCALL POP PUSH1 32 PUSH0 RETURN: the answer becomes the code
	second := slices.Concat([]byte{0x60, 0x20, 0x5f, 0x5f, 0x5f, 0x73}, at[:], []byte{0x5a, 0xfa, 0x50, 0x60, 0x20, 0x5f, 0xf3})
	codes, err := CreateAll(1, arachnid, salt, []Creation{{at, first}, {addressOf(second), second}})
	if err != nil || len(codes) != 2 || !bytes.Equal(codes[1], common.LeftPadBytes([]byte{42}, 32)) {
		t.Errorf("%x, %v", codes, err)
	}
	if codes, err = CreateAll(1, arachnid, salt, []Creation{{addressOf(second), second}}); err != nil || !bytes.Equal(codes[0], make([]byte, 32)) {
		t.Errorf("without the first: %x, %v", codes, err)
	}
	if codes, err = CreateAll(1, arachnid, salt, []Creation{{at, first}, {at, first}}); err == nil {
		t.Errorf("the same contract twice: %x", codes)
	}
	if codes, err = CreateAll(1, arachnid, salt, []Creation{{at, first}, {addressOf(with(0x42)), with(0x42)}}); err == nil {
		t.Errorf("the second depends on the block: %x", codes)
	}
}

func TestRunsDoNotShareState(t *testing.T) {
	code := initCode([]byte{0x5b})
	for range 2 {
		if got, err := create(1, code); err != nil || len(got) != 1 {
			t.Errorf("%x, %v", got, err)
		}
	}
}

// A constructor may call a library, and a library's code may hold its own address.
func TestCreateAfterLibraries(t *testing.T) {
	// returns JUMPDEST and ADDRESS
	library := []byte{0x30, 0x5f, 0x52, 0x60, 0x5b, 0x5f, 0x53, 0x60, 32, 0x5f, 0xf3}
	// jumps to the revert at its end unless there is code at the library's address; returns JUMPDEST
	user := append([]byte{0x73}, addressOf(library).Bytes()...)
	user = append(user, 0x3b, 0x15, 0x60, 34, 0x57, 0x60, 0x5b, 0x5f, 0x53, 0x60, 1, 0x5f, 0xf3, 0x5b, 0x5f, 0x5f, 0xfd)
	code, err := Runner{}.Create(1, arachnid, salt, [][]byte{library}, user, addressOf(user))
	if err != nil || !bytes.Equal(code, []byte{0x5b}) {
		t.Errorf("with the library: %#x, %v", code, err)
	}
	if code, err = (Runner{}).Create(1, arachnid, salt, nil, user, addressOf(user)); err == nil {
		t.Errorf("without the library: %#x, want an error", code)
	}
	own, err := Runner{}.Create(1, arachnid, salt, nil, library, addressOf(library))
	if err != nil || !bytes.Contains(own, addressOf(library).Bytes()) {
		t.Errorf("a library's code is %#x, %v", own, err)
	}
}
