package audit

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"
)

// TestEncoding pins the encoding. The hash was computed with sha256sum. Never change this: logs that were written must stay
// verifiable; a new encoding needs a new version.
func TestEncoding(t *testing.T) {
	tip := Tip{41, common.HexToHash("0xa0b1000000000000000000000000000000000000000000000000000000000000")}
	e, err := tip.Next(1_700_000_000, RunEnded, 8453, RunEnd{7, "done"})
	if err != nil {
		t.Fatal(err)
	}
	const withoutHash = `{"body":{"id":7,"status":"done"},"chainId":8453,"kind":"run.ended",` +
		`"previous":"0xa0b1000000000000000000000000000000000000000000000000000000000000","seq":42,"time":1700000000,"version":1}`
	const hash = "0x39a1fa43a9196b47ae4abc1056cc35282ff86532b45e9c92928e4a38146dd327"
	if got := string(e.encode(false)); got != withoutHash {
		t.Errorf("hashed is\n%s\nwant\n%s", got, withoutHash)
	}
	if e.Hash != common.HexToHash(hash) {
		t.Errorf("hash %s, want %s", e.Hash, hash)
	}
	want := replace(withoutHash, `,"kind"`, `,"hash":"`+hash+`","kind"`)
	if got := string(e.Encode()); got != want {
		t.Errorf("encoded is\n%s\nwant\n%s", got, want)
	}
	again, err := Decode([]byte(want))
	if diff := cmp.Diff(e, again); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	// what is about no network says so by saying nothing
	if e, err = tip.Next(0, HeadSigned, 0, struct{}{}); err != nil || strings.Contains(string(e.Encode()), "chainId") {
		t.Errorf("%s, %v", e.Encode(), err)
	}
}

func TestNextRefuses(t *testing.T) {
	for name, next := range map[string]func() (Entry, error){
		"no JSON":           func() (Entry, error) { return Tip{}.Next(0, HeadSigned, 0, make(chan int)) },
		"not an object":     func() (Entry, error) { return Tip{}.Next(0, HeadSigned, 0, []int{1}) },
		"fraction":          func() (Entry, error) { return Tip{}.Next(0, HeadSigned, 0, map[string]any{"a": 1.5}) },
		"key twice":         func() (Entry, error) { return Tip{}.Next(0, HeadSigned, 0, json.RawMessage(`{"a":1,"a":2}`)) },
		"before 1970":       func() (Entry, error) { return Tip{}.Next(-1, HeadSigned, 0, struct{}{}) },
		"no kind":           func() (Entry, error) { return Tip{}.Next(0, "", 0, struct{}{}) },
		"kind with a quote": func() (Entry, error) { return Tip{}.Next(0, `a"b`, 0, struct{}{}) },
		"kind with a line":  func() (Entry, error) { return Tip{}.Next(0, "a.b\n", 0, struct{}{}) },
		"large chain id":    func() (Entry, error) { return Tip{}.Next(0, HeadSigned, 1<<53, struct{}{}) },
		"too many entries":  func() (Entry, error) { return Tip{Seq: maxInteger}.Next(0, HeadSigned, 0, struct{}{}) },
		"body of a megabyte": func() (Entry, error) {
			return Tip{}.Next(0, HeadSigned, 0, map[string]any{"a": strings.Repeat("x", MaxEntry)})
		},
	} {
		if e, err := next(); err == nil || !strings.HasPrefix(err.Error(), "audit entry ") {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
	// what is just small enough can be read again
	e, err := Tip{}.Next(0, LogBegun, 0, map[string]any{"a": strings.Repeat("x", MaxEntry-1024-8)})
	if err != nil {
		t.Fatal(err)
	}
	if r := verify(t, file([]Entry{e}), nil); !r.Sound() {
		t.Error(r.Problems)
	}
}

func TestDecodeRefuses(t *testing.T) {
	line := string(chain(t, "test", 2)[1].Encode())
	if _, err := Decode([]byte(line)); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		line string
		want What
	}{
		"nothing":             {"", Unreadable},
		"not JSON":            {"entry", Unreadable},
		"a list":              {"[" + line + "]", Unreadable},
		"null":                {"null", UnknownVersion},
		"another version":     {replace(line, `"version":1`, `"version":2`), UnknownVersion},
		"no version":          {replace(line, `,"version":1`, ``), UnknownVersion},
		"space before":        {" " + line, Changed},
		"space after":         {line + "\r", Changed},
		"space within":        {replace(line, `:`, `: `), Changed},
		"another order":       {replace(replace(line, `,"version":1`, ``), `{`, `{"version":1,`), Changed},
		"key twice":           {replace(line, `"seq":2`, `"seq":2,"seq":2`), Changed},
		"unknown key":         {replace(line, `"seq":2`, `"seq":2,"sequence":2`), Changed},
		"key in capitals":     {replace(line, `"seq"`, `"SEQ"`), Changed},
		"hash in capitals":    {replace(line, `8453,"hash":"0x`, `8453,"hash":"0X`), Changed},
		"chain id 0":          {replace(line, `"chainId":8453`, `"chainId":0`), Changed},
		"body out of order":   {replace(line, `{"hash"`, `{"step":"1","hash"`), Unreadable}, // twice in it
		"space in body":       {replace(line, `"nonce":1`, `"nonce": 1`), Changed},
		"escape in body":      {replace(line, `"step 1"`, `"step\u00201"`), Changed},
		"fraction in body":    {replace(line, `"nonce":1`, `"nonce":1.0`), Unreadable},
		"not UTF-8 in body":   {replace(line, `"step 1"`, "\"step \xff\""), Changed},
		"half a character":    {replace(line, `"step 1"`, `"step \ud800"`), Changed},
		"no number":           {replace(line, `"seq":2`, `"seq":0`), Unreadable},
		"number as text":      {replace(line, `"seq":2`, `"seq":"2"`), Unreadable},
		"large number":        {replace(line, `"seq":2`, `"seq":9007199254740992`), Unreadable},
		"large chain id":      {replace(line, `"chainId":8453`, `"chainId":9007199254740992`), Unreadable},
		"negative time":       {replace(line, `"time":`, `"time":-`), Unreadable},
		"large time":          {replace(line, `"time":1`, `"time":99999999991`), Unreadable},
		"short hash":          {replace(line, `8453,"hash":"0x`, `8453,"hash":"0x0`), Unreadable},
		"kind in capitals":    {replace(line, `"kind":"t`, `"kind":"T`), Unreadable},
		"body that is a text": {replace(line, line[strings.Index(line, `{"hash"`):strings.Index(line, `,"chainId"`)], `"text"`), Unreadable},
	} {
		_, err := Decode([]byte(test.line))
		var unreadable *UnreadableError
		if !errors.As(err, &unreadable) || unreadable.What != test.want {
			t.Errorf("%s: %v, want %s:\n%s", name, err, test.want, test.line)
		}
	}
}

func TestKindIs(t *testing.T) {
	for _, test := range []struct {
		kind, other Kind
		want        bool
	}{
		{TransactionSigned, "transaction", true},
		{TransactionSigned, TransactionSigned, true},
		{TransactionSigned, "trans", false},
		{TransactionSigned, TransactionVoid, false},
		{RunBegun, "", false},
	} {
		if got := test.kind.Is(test.other); got != test.want {
			t.Errorf("%s is %q: %v", test.kind, test.other, got)
		}
	}
	for _, k := range Kinds() {
		if !kindPattern.MatchString(string(k)) {
			t.Errorf("%s cannot be written", k)
		}
	}
}
