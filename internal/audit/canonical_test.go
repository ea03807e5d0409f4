package audit

import (
	"strings"
	"testing"
)

func TestCanonical(t *testing.T) {
	for name, test := range map[string]struct{ in, want string }{
		"space and order": {" { \"b\" : [ 1 , 2 ] ,\n\t\"a\" : { } } ", `{"a":{},"b":[1,2]}`},
		"of its own kind": {`[null,true,false,"",0,-7,9007199254740991,-9007199254740991]`, `[null,true,false,"",0,-7,9007199254740991,-9007199254740991]`},
		// the example of RFC 8785, section 3.2.3
		"keys by UTF-16 code units": {
			`{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}`,
			"{\"\\r\":2,\"1\":4,\"\u0080\":6,\"ö\":7,\"€\":1,\"😀\":5,\"\ufb33\":3}",
		},
		"escapes": {`"\u0000\u001F\b\f\n\r\t\"\\\/\u003c\u00e4\u2028\u007f"`, `"\u0000\u001f\b\f\n\r\t\"\\/<ä` + "\u2028\u007f" + `"`},
	} {
		got, err := Canonical([]byte(test.in))
		if err != nil || string(got) != test.want {
			t.Errorf("%s: %s, %v; want %s", name, got, err, test.want)
		}
		if again, err := Canonical(got); err != nil || string(again) != test.want {
			t.Errorf("%s: again %s, %v", name, again, err)
		}
	}
}

func TestCanonicalRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"nothing": "", "half": `{"a":`, "two values": `{} {}`, "rubbish after": `{}x`, "a comma too many": `[1,]`, "no key": `{1:2}`,
		"key twice": `{"a":1,"b":2,"a":1}`, "key twice, escaped": `{"a":1,"\u0061":1}`, "fraction": `1.5`, "whole fraction": `1.0`,
		"exponent": `1e3`, "minus zero": `-0`, "too large": `9007199254740992`, "too small": `-9007199254740992`,
		"larger than 64 bits": `18446744073709551616`, "without a negative": `-9223372036854775808`, "leading zero": `01`, "not a number": `NaN`, "control character": "\"\n\"",
		"too deep": strings.Repeat("[", 40) + strings.Repeat("]", 40), "very deep": strings.Repeat("[", 1<<20),
	} {
		if got, err := Canonical([]byte(in)); err == nil {
			t.Errorf("%s: %s", name, got)
		}
	}
}
