package bytecode

import (
	"bytes"
	"encoding/hex"
	"math/big"
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/tracing"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/core/vm/runtime"
	"github.com/ethereum/go-ethereum/crypto"
)

func TestInstructions(t *testing.T) {
	for name, c := range map[string]struct{ code, want string }{
		"nothing":                  {"", ""},
		"in a row":                 {"5f5ff4", "5f5ff4"},
		"inside of a push":         {"61f4ff50", "6150"},
		"a push that is cut off":   {"7ff4", "7f"},
		"after stop":               {"00f4", "00"},
		"after return":             {"f3f4", "f3"},
		"after revert":             {"fdf4", "fd"},
		"after invalid":            {"fef4", "fe"},
		"after selfdestruct":       {"fff4", "ff"},
		"after jump":               {"56f4", "56"},
		"after jumpi":              {"57f4", "57f4"},
		"after what is not known":  {"0cf4", "0cf4"},
		"from a jumpdest on":       {"00f45bf400f4", "005bf400"},
		"a jumpdest inside a push": {"00605bf4", "00"},
		"pushes behind the end":    {"0061f45b5bff", "005bff"},
	} {
		var got []byte
		for op := range instructions(common.FromHex(c.code)) {
			got = append(got, op)
		}
		if hex.EncodeToString(got) != c.want {
			t.Errorf("%s: %x, want %s", name, got, c.want)
		}
	}
}

const (
	ipfs = "64697066735822" + "1220" + "f4fff4fff4fff4fff4fff4fff4fff4fff4fff4fff4fff4fff4fff4fff4fff4ff"
	solc = "64736f6c6343" + "000823"
)

func TestMetadata(t *testing.T) {
	for name, c := range map[string]struct {
		code string
		want int
	}{
		"of today":                 {"00fe" + "a2" + ipfs + solc + "0033", 53},
		"without a hash":           {"00fe" + "a1" + solc + "000a", 12},
		"of a nightly build":       {"00fe" + "a1" + "64736f6c63" + "781f302e382e33362d646576656c6f702e323032362e312e312b636f6d6d69742e" + "0027", 41},
		"experimental":             {"00fe" + "a2" + solc + "6c6578706572696d656e74616cf5" + "0018", 26},
		"of swarm":                 {"00fe" + "a165627a7a72305820" + "f4fff4fff4fff4fff4fff4fff4fff4fff4fff4fff4fff4fff4fff4fff4fff4ff" + "0029", 43},
		"nothing but":              {"a1" + solc + "000a", 12},
		"nothing":                  {"", 0},
		"one byte":                 {"00", 0},
		"a length of nothing":      {"00fe0000", 0},
		"longer than the code":     {"a1" + solc + "000b", 0},
		"too short":                {"00fe" + "a1" + solc + "0009", 0},
		"too long":                 {"00fe" + "a1" + solc + "000b", 0},
		"more behind the map":      {"00fe" + "a1" + solc + "ff" + "000b", 0},
		"fewer than it says":       {"00fe" + "a2" + solc + "000a", 0},
		"a map of nothing":         {"00fea00001", 0},
		"another key":              {"00fe" + "a1" + "64736f6c64" + "43" + "000823" + "000a", 0},
		"a key that is not text":   {"00fe" + "a1" + "44736f6c63" + "43" + "000823" + "000a", 0},
		"a value that is a number": {"00fe" + "a1" + "64736f6c63" + "07" + "0007", 0},
		"a value that is cut off":  {"00fe" + "a1" + "64736f6c63" + "45" + "0008" + "0009", 0},
		"a length that is cut off": {"00fe" + "a1" + "64736f6c63" + "58" + "0007", 0},
		"a length in two bytes":    {"00fe" + "a1" + "64736f6c63" + "59" + "0017" + "f4fff4fff4fff4fff4fff4fff4fff4fff4fff4fff4fff4" + "0020", 0},
		"no value":                 {"00fe" + "a1" + "64736f6c63" + "0006", 0},
	} {
		if got := metadata(common.FromHex(c.code)); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestSlots(t *testing.T) {
	for name, slot := range map[string]common.Hash{"implementation": implementationSlot, "beacon": beaconSlot} {
		want := new(big.Int).SetBytes(crypto.Keccak256([]byte("eip1967.proxy." + name)))
		if want.Sub(want, big.NewInt(1)); want.Cmp(slot.Big()) != 0 {
			t.Errorf("%s: %s, want %x", name, slot, want)
		}
	}
}

// FuzzInspect runs code in an EVM: what the EVM comes to must be found, but for what is in metadata. The walk goes forward
// alone, and finds nothing that no byte of the code is.
func FuzzInspect(f *testing.F) {
	for _, seed := range []string{
		"", "ef0100", "ef0100" + "1111111111111111111111111111111111111111", "5f5f5f5f5f5af4", "5f5f5f5f5f5f5af2", "5fff",
		"600456005b5f5f5f5f5f5af4", "600556f4ff5b5fff", "60035b5f5f5f5f5f5af4", "7f", "5b600056", "00fe" + "a2" + ipfs + solc + "0033",
		"363d3d373d3d3d363d73" + "1111111111111111111111111111111111111111" + "5af43d82803e903d91602b57fd5bf3",
	} {
		f.Add(common.FromHex(seed))
	}
	f.Fuzz(func(t *testing.T, code []byte) {
		got := Inspect(code)
		steps := 0
		for range instructions(code) {
			steps++
		}
		if steps > len(code) {
			t.Errorf("%d instructions in %d bytes", steps, len(code))
		}
		if got.Delegatecalls && bytes.IndexByte(code, callcode) < 0 && bytes.IndexByte(code, delegatecall) < 0 {
			t.Error("delegates without an instruction that does")
		}
		if got.Selfdestructs && bytes.IndexByte(code, selfdestruct) < 0 {
			t.Error("destructs without an instruction that does")
		}
		if got.Delegated != nil || metadata(code) > 0 {
			return
		}
		ran := run(code)
		if (slices.Contains(ran, delegatecall) || slices.Contains(ran, callcode)) && !got.Delegatecalls {
			t.Error("it delegates, which is not found")
		}
		if slices.Contains(ran, selfdestruct) && !got.Selfdestructs {
			t.Error("it destructs, which is not found")
		}
	})
}

// run runs code in an EVM, and returns the instructions that it came to.
func run(code []byte) []byte {
	var ran []byte
	cfg := &runtime.Config{GasLimit: 50_000, EVMConfig: vm.Config{Tracer: &tracing.Hooks{
		OnOpcode: func(_ uint64, op byte, _, _ uint64, _ tracing.OpContext, _ []byte, depth int, _ error) {
			if depth == 1 {
				ran = append(ran, op)
			}
		},
	}}}
	_, _, _ = runtime.Execute(code, nil, cfg) // most such code ends in an error
	return ran
}
