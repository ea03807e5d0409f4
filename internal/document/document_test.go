package document

import (
	"errors"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
)

// Inner is embedded, as what was seen is in a line of a sequence.
type Inner struct {
	At int64       `json:"at"`
	Tx common.Hash `json:"tx"`
}

type outer struct {
	Inner
	Note string  `json:"note"`
	List []Inner `json:"list"`
	N    uint8   `json:"n"`
	Is   bool    `json:"is"`
	F    float64 `json:"f"`
}

func TestRead(t *testing.T) {
	var o outer
	if err := Read([]byte(` {"at": 7, "note": "x", "list": [{"at": 8}]} `), &o); err != nil || o.At != 7 || o.Note != "x" || o.List[0].At != 8 {
		t.Fatal(o, err)
	}
	for text, want := range map[string]string{
		"":                       "it is empty",
		`{"note": "x"`:           "it ends before the JSON document does",
		`{"note": x}`:            "it is no JSON document: invalid character 'x' looking for beginning of value (byte 10)",
		`{} {}`:                  "something comes after the JSON document",
		`[]`:                     "it must be an object, and is a list",
		`{"note": 7}`:            "note must be a text, and is a number",
		`{"at": "now"}`:          "at must be a whole number, and is a text",
		`{"at": 1.5}`:            "at must be a whole number, and is number 1.5",
		`{"n": -1}`:              "n must be a whole number from 0, and is number -1",
		`{"n": 300}`:             "n must be a whole number from 0, and is number 300",
		`{"is": {}}`:             "is must be true or false, and is an object",
		`{"f": true}`:            "f must be a number, and is true or false",
		`{"list": 1}`:            "list must be a list, and is a number",
		`{"list": [{"at": []}]}`: "list.at must be a whole number, and is a list",
		`{"tx": "0x12"}`:         "hex string has length 2, want 64",
		`{"tx": "12"}`:           "tx must be 0x and 64 hex digits, and is hex string without 0x prefix",
		`{"tx": 12}`:             "tx must be 0x and 64 hex digits, and is non-string",
		`{"notes": "x"}`:         `there is no member "notes"`,
	} {
		err := Read([]byte(text), &outer{})
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	if err := Read(nil, &o); !errors.Is(err, ErrEmpty) {
		t.Error(err)
	}
}

func FuzzRead(f *testing.F) {
	for _, text := range []string{``, `{"note": 7}`, `{"tx": "0x"}`, `{"list": [{"at": {}}]}`, `nul`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := Read(data, &outer{}); err != nil && (strings.Contains(err.Error(), "Go ") || strings.Contains(err.Error(), "json:")) {
			t.Errorf("%q: %v", data, err)
		}
	})
}
