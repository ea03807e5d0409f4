package manifest

import (
	"fmt"
	"math/big"
	"reflect"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
)

// packArgs encodes arguments as they stand in a configuration file (text, integers, booleans, lists, maps) by their ABI
// types.
func packArgs(inputs abi.Arguments, args []any) ([]byte, error) {
	if len(inputs) != len(args) {
		return nil, fmt.Errorf("it takes %d arguments (%s), %d are given", len(inputs), typeList(inputs), len(args))
	}
	values := make([]any, len(args))
	for i, in := range inputs {
		v, err := convert(in.Type, args[i])
		if err != nil {
			name := in.Name
			if name == "" {
				name = fmt.Sprintf("number %d", i+1)
			}
			return nil, fmt.Errorf("argument %s: %w", name, err)
		}
		values[i] = v.Interface()
	}
	packed, err := inputs.Pack(values...)
	if err != nil {
		return nil, fmt.Errorf("encode arguments: %w", err)
	}
	return packed, nil
}

func typeList(inputs abi.Arguments) string {
	types := make([]string, len(inputs))
	for i, in := range inputs {
		types[i] = strings.TrimSpace(in.Type.String() + " " + in.Name)
	}
	return strings.Join(types, ", ")
}

// convert returns the Go value that go-ethereum's encoder wants for a type.
func convert(t abi.Type, arg any) (reflect.Value, error) {
	bad := func() (reflect.Value, error) {
		return reflect.Value{}, fmt.Errorf("%v is not of type %s", arg, t.String())
	}
	switch t.T {
	case abi.BoolTy:
		if b, ok := arg.(bool); ok {
			return reflect.ValueOf(b), nil
		}
	case abi.StringTy:
		if s, ok := arg.(string); ok {
			return reflect.ValueOf(s), nil
		}
	case abi.AddressTy:
		if s, ok := arg.(string); ok && common.IsHexAddress(s) && strings.HasPrefix(s, "0x") {
			a := common.HexToAddress(s)
			if mixedCase(s) && a.Hex() != s {
				return reflect.Value{}, fmt.Errorf("address %s has a wrong checksum (EIP-55), expected %s", s, a.Hex())
			}
			return reflect.ValueOf(a), nil
		}
	case abi.BytesTy, abi.FixedBytesTy:
		s, ok := arg.(string)
		if !ok {
			return bad()
		}
		b, err := hexutil.Decode(s)
		if err != nil {
			return bad()
		}
		if t.T == abi.BytesTy {
			return reflect.ValueOf(b), nil
		}
		if len(b) != t.Size {
			return reflect.Value{}, fmt.Errorf("%s has %d bytes, %s needs %d", s, len(b), t.String(), t.Size)
		}
		v := reflect.New(t.GetType()).Elem()
		reflect.Copy(v, reflect.ValueOf(b))
		return v, nil
	case abi.IntTy, abi.UintTy:
		return convertInteger(t, arg)
	case abi.SliceTy, abi.ArrayTy:
		list, ok := arg.([]any)
		if !ok {
			return bad()
		}
		if t.T == abi.ArrayTy && len(list) != t.Size {
			return reflect.Value{}, fmt.Errorf("a list of %d values is not %s", len(list), t.String())
		}
		v := reflect.New(t.GetType()).Elem()
		if t.T == abi.SliceTy {
			v = reflect.MakeSlice(t.GetType(), len(list), len(list))
		}
		for i, item := range list {
			e, err := convert(*t.Elem, item)
			if err != nil {
				return reflect.Value{}, fmt.Errorf("item %d: %w", i, err)
			}
			v.Index(i).Set(e)
		}
		return v, nil
	case abi.TupleTy:
		list, err := tupleValues(t, arg)
		if err != nil {
			return reflect.Value{}, err
		}
		v := reflect.New(t.GetType()).Elem()
		for i, item := range list {
			e, err := convert(*t.TupleElems[i], item)
			if err != nil {
				return reflect.Value{}, fmt.Errorf("field %s: %w", t.TupleRawNames[i], err)
			}
			v.Field(i).Set(e)
		}
		return v, nil
	}
	return bad()
}

func convertInteger(t abi.Type, arg any) (reflect.Value, error) {
	var n *big.Int
	switch a := arg.(type) {
	case int:
		n = big.NewInt(int64(a))
	case int64:
		n = big.NewInt(a)
	case uint64:
		n = new(big.Int).SetUint64(a)
	case string:
		// decimal or 0x; SetString with base 0 would read 010 as octal
		digits, base := a, 10
		if strings.HasPrefix(a, "0x") {
			digits, base = a[2:], 16
		}
		parsed, ok := new(big.Int).SetString(digits, base)
		if !ok || base == 16 && strings.ContainsAny(digits, "+-") {
			return reflect.Value{}, fmt.Errorf("%q is not an integer", a)
		}
		n = parsed
	default:
		return reflect.Value{}, fmt.Errorf("%v is not an integer; write large numbers as text, in quotes", arg)
	}
	low, high := new(big.Int), new(big.Int).Lsh(big.NewInt(1), uint(t.Size))
	if t.T == abi.IntTy {
		high.Rsh(high, 1)
		low.Neg(high)
	}
	if n.Cmp(low) < 0 || n.Cmp(high) >= 0 {
		return reflect.Value{}, fmt.Errorf("%s does not fit in %s", n, t.String())
	}
	if t.GetType().Kind() == reflect.Pointer {
		return reflect.ValueOf(n), nil
	}
	v := reflect.New(t.GetType()).Elem()
	if t.T == abi.IntTy {
		v.SetInt(n.Int64())
	} else {
		v.SetUint(n.Uint64())
	}
	return v, nil
}

// tupleValues takes a list in order, or a map by field names.
func tupleValues(t abi.Type, arg any) ([]any, error) {
	switch a := arg.(type) {
	case []any:
		if len(a) != len(t.TupleElems) {
			return nil, fmt.Errorf("a list of %d values is not %s", len(a), t.String())
		}
		return a, nil
	case map[string]any:
		out := make([]any, len(t.TupleElems))
		for i, name := range t.TupleRawNames {
			v, ok := a[name]
			if !ok {
				return nil, fmt.Errorf("field %s is missing", name)
			}
			out[i] = v
		}
		if len(a) != len(out) {
			return nil, fmt.Errorf("it has %d fields, %s has %d", len(a), t.String(), len(out))
		}
		return out, nil
	}
	return nil, fmt.Errorf("%v is not of type %s", arg, t.String())
}

func mixedCase(s string) bool {
	return strings.ToLower(s) != s && strings.ToUpper(s[2:]) != s[2:]
}
