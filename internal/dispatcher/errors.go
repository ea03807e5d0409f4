package dispatcher

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
)

// ExplainRevert says in words what a call reverted with: a custom error of the dispatcher with its arguments, the reason
// of a require, or the bytes.
func ExplainRevert(data []byte) string {
	if len(data) == 0 {
		return "reverted without a reason"
	}
	if decoded, err := contract.UnpackError(data); err == nil {
		v := reflect.Indirect(reflect.ValueOf(decoded))
		name := strings.TrimPrefix(v.Type().Name(), "ManifestDispatcher")
		args := make([]string, v.NumField())
		for i := range args {
			args[i] = fmt.Sprintf("%s: %s", v.Type().Field(i).Name, show(v.Field(i).Interface()))
		}
		return name + "(" + strings.Join(args, ", ") + ")"
	}
	if reason, err := abi.UnpackRevert(data); err == nil {
		return reason
	}
	return fmt.Sprintf("reverted with %#x", data)
}

func show(v any) string {
	switch v := v.(type) {
	case [32]byte:
		return common.Hash(v).Hex()
	case [4]byte:
		return fmt.Sprintf("%#x", v)
	case []byte:
		return fmt.Sprintf("%#x", v)
	}
	return fmt.Sprint(v)
}
