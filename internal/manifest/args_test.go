package manifest

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
)

// word is a number as one word of ABI data, in hex.
func word(hexDigits string) string { return strings.Repeat("0", 64-len(hexDigits)) + hexDigits }

// negative is a word that begins with 0xff.
func negative(hexDigits string) string { return strings.Repeat("f", 64-len(hexDigits)) + hexDigits }

// padded is bytes at the beginning of a word.
func padded(hexDigits string) string { return hexDigits + strings.Repeat("0", 64-len(hexDigits)) }

var pairOf = []abi.ArgumentMarshaling{{Name: "owner", Type: "address"}, {Name: "share", Type: "uint16"}}

func TestArguments(t *testing.T) {
	const (
		lower   = "0x4e59b44847b379578588920ca78fbf26c0b4956c"
		checked = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
		digits  = "4e59b44847b379578588920ca78fbf26c0b4956c"
		max256  = "115792089237316195423570985008687907853269984665640564039457584007913129639935"
		over256 = "115792089237316195423570985008687907853269984665640564039457584007913129639936"
		min256  = "-57896044618658097711785492504343953926634992332820282019728792003956564819968"
		high255 = "57896044618658097711785492504343953926634992332820282019728792003956564819968"
	)
	for _, c := range []struct {
		kind  string
		arg   any
		want  string // hex without 0x, empty if refused
		error string // what the refusal holds
	}{
		{"uint8", "0", word("0"), ""},
		{"uint8", "255", word("ff"), ""},
		{"uint8", "256", "", "256 does not fit in uint8"},
		{"uint8", "-1", "", "-1 does not fit in uint8"},
		{"uint8", 255, word("ff"), ""},
		{"uint8", 256, "", "256 does not fit in uint8"},
		{"uint16", "65535", word("ffff"), ""},
		{"uint16", "65536", "", "does not fit in uint16"},
		{"uint24", "16777215", word("ffffff"), ""},
		{"uint24", "16777216", "", "does not fit in uint24"},
		{"uint32", int64(4294967295), word("ffffffff"), ""},
		{"uint32", int64(4294967296), "", "does not fit in uint32"},
		{"uint64", uint64(18446744073709551615), word("ffffffffffffffff"), ""},
		{"uint64", "18446744073709551616", "", "does not fit in uint64"},
		{"uint256", max256, strings.Repeat("f", 64), ""},
		{"uint256", over256, "", over256 + " does not fit in uint256"},
		{"uint256", "1000000000000000000000", word("3635c9adc5dea00000"), ""},
		{"uint256", "0x0a", word("a"), ""},
		{"uint256", "0xfF", word("ff"), ""},
		{"uint256", "010", word("a"), ""}, // not octal
		{"int8", "-128", negative("80"), ""},
		{"int8", "127", word("7f"), ""},
		{"int8", "-129", "", "-129 does not fit in int8"},
		{"int8", "128", "", "128 does not fit in int8"},
		{"int64", -1, negative(""), ""},
		{"int64", "-9223372036854775808", negative("8000000000000000"), ""},
		{"int64", "9223372036854775808", "", "does not fit in int64"},
		{"int40", "-549755813888", negative("8000000000"), ""},
		{"int40", "549755813888", "", "does not fit in int40"},
		{"int256", min256, padded("8"), ""},
		{"int256", high255, "", "does not fit in int256"},
		{"uint256", "", "", "is not an integer"},
		{"uint256", "0x", "", "is not an integer"},
		{"uint256", " 1", "", "is not an integer"},
		{"uint256", "1e18", "", `"1e18" is not an integer`},
		{"uint256", "1_000", "", "is not an integer"},
		{"uint256", "1.5", "", "is not an integer"},
		{"int256", "0x-5", "", "is not an integer"},
		{"uint256", 1.5, "", "in quotes"},
		{"uint256", true, "", "true is not an integer"},
		{"uint256", nil, "", "is not an integer"},
		{"uint256", []any{}, "", "is not an integer"},

		{"bool", true, word("1"), ""},
		{"bool", false, word("0"), ""},
		{"bool", "true", "", "true is not of type bool"},
		{"bool", 1, "", "1 is not of type bool"},

		{"address", lower, word(digits), ""},
		{"address", checked, word(digits), ""},
		{"address", "0x" + strings.ToUpper(digits), word(digits), ""},
		{"address", checked[:41] + "c", "", "wrong checksum (EIP-55), expected " + checked},
		{"address", digits, "", "is not of type address"},
		{"address", "0X" + digits, "", "is not of type address"},
		{"address", lower[:41], "", "is not of type address"},
		{"address", "", "", "is not of type address"},
		{"address", 5, "", "5 is not of type address"},

		{"string", "héllo", word("20") + word("6") + padded("68c3a96c6c6f"), ""},
		{"string", "", word("20") + word("0"), ""},
		{"string", 5, "", "5 is not of type string"},
		{"string", true, "", "true is not of type string"},

		{"bytes", "0xabcd", word("20") + word("2") + padded("abcd"), ""},
		{"bytes", "0x", word("20") + word("0"), ""},
		{"bytes", "0xabc", "", "is not of type bytes"},
		{"bytes", "abcd", "", "is not of type bytes"},
		{"bytes", 5, "", "5 is not of type bytes"},
		{"bytes4", "0xabcdef01", padded("abcdef01"), ""},
		{"bytes4", "0xabcdef", "", "0xabcdef has 3 bytes, bytes4 needs 4"},
		{"bytes4", "0xabcdef0102", "", "has 5 bytes, bytes4 needs 4"},
		{"bytes4", 5, "", "is not of type bytes4"},
		{"bytes32", "0x" + word("7"), word("7"), ""},

		{"uint8[2]", []any{"1", "2"}, word("1") + word("2"), ""},
		{"uint8[2]", []any{"1"}, "", "a list of 1 values is not uint8[2]"},
		{"uint8[2]", []any{"1", "256"}, "", "item 1: 256 does not fit in uint8"},
		{"uint8[2]", "1", "", "1 is not of type uint8[2]"},
		{"uint256[]", []any{"1", 2}, word("20") + word("2") + word("1") + word("2"), ""},
		{"uint256[]", []any{}, word("20") + word("0"), ""},
		{"uint256[]", map[string]any{}, "", "is not of type uint256[]"},
		{"bool[2][]", []any{[]any{true, false}}, word("20") + word("1") + word("1") + word("0"), ""},
		{"bool[2][]", []any{[]any{true, "false"}}, "", "item 0: item 1: false is not of type bool"},
		{"bytes2[]", []any{"0x0102"}, word("20") + word("1") + padded("0102"), ""},
		{"string[]", []any{"a"}, word("20") + word("1") + word("20") + word("1") + padded("61"), ""},

		{"tuple", []any{lower, "7"}, word(digits) + word("7"), ""},
		{"tuple", map[string]any{"share": "7", "owner": lower}, word(digits) + word("7"), ""},
		{"tuple", []any{lower}, "", "a list of 1 values is not (address,uint16)"},
		{"tuple", []any{lower, "7", "8"}, "", "a list of 3 values is not (address,uint16)"},
		{"tuple", []any{lower, "65536"}, "", "field share: 65536 does not fit in uint16"},
		{"tuple", map[string]any{"owner": lower}, "", "field share is missing"},
		{"tuple", map[string]any{"owner": lower, "share": 1, "shares": 2}, "", "it has 3 fields, (address,uint16) has 2"},
		{"tuple", "x", "", "x is not of type (address,uint16)"},
		{"tuple[]", []any{[]any{lower, 1}, map[string]any{"owner": lower, "share": 2}}, word("20") + word("2") + word(digits) + word("1") + word(digits) + word("2"), ""},
		{"tuple[]", []any{[]any{lower, true}}, "", "item 0: field share: true is not an integer"},
		{"function", "0x" + strings.Repeat("00", 24), "", "is not of type function"},
	} {
		kind, err := abi.NewType(c.kind, "", pairOf)
		if err != nil {
			t.Fatalf("%s: %v", c.kind, err)
		}
		got, err := packArgs(abi.Arguments{{Name: "x", Type: kind}}, []any{c.arg})
		switch {
		case c.error == "" && (err != nil || hex.EncodeToString(got) != c.want):
			t.Errorf("%s from %#v:\n got %x, %v\nwant %s", c.kind, c.arg, got, err, c.want)
		case c.error != "" && err == nil:
			t.Errorf("%s from %#v: %x, want an error", c.kind, c.arg, got)
		case c.error != "" && (!strings.Contains(err.Error(), c.error) || !strings.Contains(err.Error(), "argument x: ")):
			t.Errorf("%s from %#v: error %q does not hold %q and the argument's name", c.kind, c.arg, err, c.error)
		}
	}
}

func TestArgumentCountNamesTheTypes(t *testing.T) {
	number, err := abi.NewType("uint256", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	owner, err := abi.NewType("address", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	inputs := abi.Arguments{{Name: "supply", Type: number}, {Type: owner}}
	if _, err := packArgs(inputs, []any{"1"}); err == nil || err.Error() != "it takes 2 arguments (uint256 supply, address), 1 are given" {
		t.Errorf("one argument of two: %v", err)
	}
	if _, err := packArgs(inputs, []any{"1", "x"}); err == nil || !strings.Contains(err.Error(), "argument number 2: ") {
		t.Errorf("second argument is bad: %v", err)
	}
}
