package dispatcher_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/seed-b6a97670/lockstep/contracts"
	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// contractABI is the ABI, and what Solidity reverts with by itself.
func contractABI(t testing.TB) abi.ABI {
	t.Helper()
	data, err := contracts.Artifacts.ReadFile("artifacts/IManifestDispatcher.json")
	if err != nil {
		t.Fatal(err)
	}
	var a struct {
		ABI abi.ABI `json:"abi"`
	}
	if err := json.Unmarshal(data, &a); err != nil {
		t.Fatal(err)
	}
	for name, input := range map[string]string{"Error": "string message", "Panic": "uint256 code"} {
		typ, member, _ := strings.Cut(input, " ")
		parsed, err := abi.NewType(typ, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		a.ABI.Errors[name] = abi.NewError(name, abi.Arguments{{Name: member, Type: parsed}})
	}
	return a.ABI
}

// value draws a value of a type.
func value(t *rapid.T, typ abi.Type) any {
	some := func(n int) []byte {
		if rapid.Bool().Draw(t, "small") {
			return append(make([]byte, n-1), rapid.Byte().Draw(t, "byte"))
		}
		return rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "bytes")
	}
	switch typ.T {
	case abi.BoolTy:
		return rapid.Bool().Draw(t, "bool")
	case abi.AddressTy:
		return common.BytesToAddress(some(20))
	case abi.StringTy:
		return rapid.String().Draw(t, "string")
	case abi.FixedBytesTy:
		v := reflect.New(typ.GetType()).Elem()
		reflect.Copy(v, reflect.ValueOf(some(typ.Size)))
		return v.Interface()
	case abi.UintTy:
		n := new(big.Int).SetBytes(some(typ.Size / 8))
		if rapid.Bool().Draw(t, "at the edge") && typ.Size > 53 {
			n = new(big.Int).SetInt64(1<<53 - 2 + rapid.Int64Range(0, 3).Draw(t, "edge"))
		}
		switch typ.Size {
		case 32:
			return uint32(n.Uint64())
		case 64:
			return n.Uint64()
		}
		return n
	}
	t.Fatalf("no values of type %s", typ)
	return nil
}

// inJSON is a value as a member of fields is to be, computed by other means.
func inJSON(v any) any {
	switch v := v.(type) {
	case bool, string:
		return v
	case common.Address:
		return strings.ToLower(v.Hex())
	case *big.Int:
		if v.IsInt64() && v.Int64() <= 1<<53-1 {
			return json.Number(v.String())
		}
		return v.String()
	case uint32, uint64:
		return json.Number(fmt.Sprint(v))
	}
	raw := reflect.ValueOf(v)
	out := make([]byte, raw.Len())
	reflect.Copy(reflect.ValueOf(out), raw)
	return "0x" + hex.EncodeToString(out)
}

// fieldsOf reads fields, and fails if they are not one JSON object.
func fieldsOf(t interface {
	Helper()
	Fatalf(string, ...any)
}, fields []byte,
) map[string]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(fields))
	d.UseNumber()
	var out map[string]any
	if err := d.Decode(&out); err != nil || d.More() {
		t.Fatalf("%s: %v", fields, err)
	}
	return out
}

// memberOrder are the names of the members of an object, in their order.
func memberOrder(fields []byte) (out []string) {
	d := json.NewDecoder(bytes.NewReader(fields))
	for i := 0; ; i++ {
		token, err := d.Token()
		if err != nil {
			return out
		}
		if name, ok := token.(string); ok && i%2 == 1 {
			out = append(out, name)
		}
	}
}

// TestEveryEvent: what go-ethereum encodes as an event is read as that.
func TestEveryEvent(t *testing.T) {
	events := contractABI(t).Events
	if len(events) != 12 {
		t.Errorf("%d events", len(events))
	}
	for _, e := range events {
		t.Run(e.RawName, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				l := event.Log{Topics: []common.Hash{e.ID}}
				want, names := map[string]any{}, []string{}
				var data []any
				for _, in := range e.Inputs {
					v := value(t, in.Type)
					want[in.Name], names = inJSON(v), append(names, in.Name)
					if !in.Indexed {
						data = append(data, v)
						continue
					}
					topic, err := abi.Arguments{{Type: in.Type}}.Pack(v) // a value of one word is its own topic
					if err != nil {
						t.Fatal(err)
					}
					l.Topics = append(l.Topics, common.Hash(topic))
				}
				var err error
				if l.Data, err = e.Inputs.NonIndexed().Pack(data...); err != nil {
					t.Fatal(err)
				}
				name, out := dispatcher.Kind.Decode([]byte("before"), &l)
				fields := bytes.TrimPrefix(out, []byte("before"))
				if name != e.RawName || cmp.Diff(want, fieldsOf(t, fields)) != "" || cmp.Diff(names, memberOrder(fields)) != "" {
					t.Fatalf("%s %s, want %s %v", name, out, e.RawName, want)
				}
			})
		})
	}
}

// TestEveryError: what go-ethereum encodes as an error is read as that.
func TestEveryError(t *testing.T) {
	errs := contractABI(t).Errors
	if len(errs) != 31 {
		t.Errorf("%d errors", len(errs))
	}
	for _, e := range errs {
		t.Run(e.Name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				want := map[string]any{}
				var values []any
				for _, in := range e.Inputs {
					v := value(t, in.Type)
					want[in.Name], values = inJSON(v), append(values, v)
				}
				packed, err := e.Inputs.Pack(values...)
				if err != nil {
					t.Fatal(err)
				}
				name, out := dispatcher.Kind.Refusal([]byte("before"), append(e.ID[:4:4], packed...))
				if name != e.Name || cmp.Diff(want, fieldsOf(t, bytes.TrimPrefix(out, []byte("before")))) != "" {
					t.Fatalf("%s %s, want %s %v", name, out, e.Name, want)
				}
			})
		})
	}
}

// TestNeitherEventNorError: what a compiler would not have written is none of the kind's, and nothing is said of it.
func TestNeitherEventNorError(t *testing.T) {
	word := func(n byte) []byte { return append(make([]byte, 31), n) }
	committed, paused := crypto.Keccak256Hash([]byte("Committed(bytes32,uint256,uint256)")), crypto.Keccak256Hash([]byte("PausedSet(bool,address)"))
	grace, routed := crypto.Keccak256Hash([]byte("EtaGraceUpdated(uint32)")), crypto.Keccak256Hash([]byte("SelectorRouted(bytes4,address)"))
	dirty := common.Hash{0: 1, 31: 1}
	for name, l := range map[string]event.Log{
		"no topic":              {Data: word(1)},
		"another event":         {Topics: []common.Hash{{1}}},
		"a topic is missing":    {Topics: []common.Hash{committed, {1}}, Data: word(1)},
		"a topic too many":      {Topics: []common.Hash{committed, {1}, {2}, {3}}, Data: word(1)},
		"no data":               {Topics: []common.Hash{committed, {1}, {2}}},
		"too little data":       {Topics: []common.Hash{committed, {1}, {2}}, Data: word(1)[1:]},
		"too much data":         {Topics: []common.Hash{committed, {1}, {2}}, Data: append(word(1), 0)},
		"a bool of 2":           {Topics: []common.Hash{paused, {31: 1}}, Data: word(2)},
		"a bool of much":        {Topics: []common.Hash{paused, {31: 1}}, Data: append([]byte{1}, word(1)[1:]...)},
		"an address of much":    {Topics: []common.Hash{paused, dirty}, Data: word(1)},
		"33 bits":               {Topics: []common.Hash{grace}, Data: append(append(make([]byte, 27), 1), make([]byte, 4)...)},
		"a selector of 5 bytes": {Topics: []common.Hash{routed, {1, 2, 3, 4, 5}, {31: 1}}},
	} {
		if event, out := dispatcher.Kind.Decode([]byte("before"), &l); event != "" || string(out) != "before" {
			t.Errorf("%s: %s %s", name, event, out)
		}
	}
	notReady := crypto.Keccak256([]byte("ActivationNotReady(uint256,uint256)"))[:4]
	reason := crypto.Keccak256([]byte("Error(string)"))[:4]
	for name, data := range map[string][]byte{
		"nothing": {}, "three bytes": notReady[:3], "no arguments": notReady, "one argument": append(notReady[:4:4], word(1)...),
		"three arguments": append(notReady[:4:4], bytes.Repeat(word(1), 3)...), "another error": {1, 2, 3, 4},
		"a reason of nothing": reason, "a reason that is cut": append(append(reason[:4:4], word(32)...), word(200)...),
	} {
		if event, out := dispatcher.Kind.Refusal([]byte("before"), data); event != "" || string(out) != "before" {
			t.Errorf("%s: %s %s", name, event, out)
		}
	}
}

// FuzzKind: whatever a contract logs or reverts with, what is said of it is JSON, and what go-ethereum reads in it.
func FuzzKind(f *testing.F) {
	contract := contractABI(f)
	for _, e := range contract.Events {
		f.Add(append(e.ID[:], make([]byte, 128)...), uint8(len(e.Inputs)))
	}
	for _, e := range contract.Errors {
		f.Add(append(e.ID[:4:4], make([]byte, 96)...), uint8(0))
	}
	f.Add(append(crypto.Keccak256([]byte("Error(string)"))[:4:4], append(append(make([]byte, 31), 32), append(append(make([]byte, 31), 3), "a\x00\xff"...)...)...), uint8(0))
	f.Fuzz(func(t *testing.T, raw []byte, topics uint8) {
		if name, fields := dispatcher.Kind.Refusal(nil, raw); name != "" {
			fieldsOf(t, fields)
			e := contract.Errors[name]
			if _, err := e.Unpack(raw); err != nil {
				t.Fatalf("%s %s: go-ethereum says %v", name, fields, err)
			}
		}
		l := event.Log{}
		for range topics % 5 {
			if len(raw) < 32 {
				break
			}
			l.Topics, raw = append(l.Topics, common.Hash(raw[:32])), raw[32:]
		}
		l.Data = raw
		name, fields := dispatcher.Kind.Decode(nil, &l)
		if name == "" {
			return
		}
		got := fieldsOf(t, fields)
		e := contract.Events[name]
		want := map[string]any{}
		if err := e.Inputs.UnpackIntoMap(want, l.Data); err != nil && len(l.Data) > 0 {
			t.Fatalf("%s: go-ethereum says %v", name, err)
		}
		var indexed abi.Arguments
		for _, in := range e.Inputs {
			if in.Indexed {
				indexed = append(indexed, in)
			}
		}
		if err := abi.ParseTopicsIntoMap(want, indexed, l.Topics[1:]); err != nil {
			t.Fatalf("%s: go-ethereum says %v", name, err)
		}
		for member, v := range want {
			if cmp.Diff(inJSON(v), got[member]) != "" {
				t.Fatalf("%s: %s is %v, go-ethereum says %v", name, member, got[member], v)
			}
		}
	})
}

// TestAsked: a call that was refused is named as far as it is the dispatcher's own.
func TestAsked(t *testing.T) {
	fields := fmt.Sprintf(`{"account":"0x01","neededRole":%q}`, dispatcher.PauserRole.Hex())
	for _, c := range []struct {
		refused event.Refused
		want    []rule.Detail
	}{
		{
			event.Refused{Selector: "0x8456cb59", Error: "AccessControlUnauthorizedAccount", Fields: []byte(fields)},
			[]rule.Detail{{Name: "function", Value: "0x8456cb59 pause()"}, {Name: "role", Value: "PAUSER"}},
		},
		{
			event.Refused{Selector: "0x01020304", Error: "AccessControlUnauthorizedAccount", Fields: []byte(`{"neededRole":"0x` + strings.Repeat("12", 32) + `"}`)},
			[]rule.Detail{{Name: "function", Value: "0x01020304"}, {Name: "role", Value: "0x" + strings.Repeat("12", 32)}},
		},
		{event.Refused{Selector: "0x8456cb59", Error: "EnforcedPause", Fields: []byte("{}")}, []rule.Detail{{Name: "function", Value: "0x8456cb59 pause()"}}},
		{event.Refused{Selector: "0x", Error: "AccessControlUnauthorizedAccount", Fields: []byte("[]")}, nil},
	} {
		if diff := cmp.Diff(c.want, dispatcher.Asked(c.refused)); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", c.refused, diff)
		}
	}
}
