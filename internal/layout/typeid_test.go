package layout

import (
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTypeIDs(t *testing.T) {
	num := typeID{head: "t_uint256"}
	addr := typeID{head: "t_address"}
	lot := typeID{head: "t_struct", name: "Lot", decl: 12}
	for text, want := range map[string]typeID{
		"t_uint256":                                           num,
		"t_address_payable":                                   {head: "t_address_payable"},
		"t_bytes_storage_ptr":                                 {head: "t_bytes_storage_ptr"},
		"t_struct$_Lot_$12_storage":                           lot,
		"t_struct$_Lot_$12_storage_ptr":                       lot,
		"t_struct$_Lot_$-12_storage":                          {head: "t_struct", name: "Lot", decl: -12},
		"t_struct$_Lot_$4294967284_storage":                   {head: "t_struct", name: "Lot", decl: -12},
		"t_enum$_State_$4294967295":                           {head: "t_enum", name: "State", decl: -1},
		"t_enum$_State_$2147483647":                           {head: "t_enum", name: "State", decl: 1<<31 - 1},
		"t_contract$_IOracle_$7":                              {head: "t_contract", name: "IOracle", decl: 7},
		"t_userDefinedValueType$_Price_$3":                    {head: "t_userDefinedValueType", name: "Price", decl: 3},
		"t_struct$_S__$6_storage":                             {head: "t_struct", name: "S_", decl: 6},
		"t_struct$__$$$_t_odd$$$_$6_storage":                  {head: "t_struct", name: "_$_t_odd$", decl: 6},
		"t_struct$_A_$$$5_$6_storage":                         {head: "t_struct", name: "A_$5", decl: 6},
		"t_array$_t_uint256_$dyn_storage":                     {head: "t_array", args: []typeID{num}},
		"t_array$_t_uint256_$50_storage":                      {head: "t_array", args: []typeID{num}, length: big.NewInt(50)},
		"t_mapping$_t_address_$_t_uint256_$":                  {head: "t_mapping", args: []typeID{addr, num}},
		"t_mapping$_t_address_$_t_struct$_Lot_$12_storage_$":  {head: "t_mapping", args: []typeID{addr, lot}},
		"t_mapping$_t_enum$_State_$-3_$_t_uint256_$":          {head: "t_mapping", args: []typeID{{head: "t_enum", name: "State", decl: -3}, num}},
		"t_function_external_nonpayable$__$returns$__$":       {head: "t_function_external_nonpayable"},
		"t_function_internal_view$_t_uint256_$returns$_t_b_$": {head: "t_function_internal_view"},
		"t_mapping$_t_address_$_t_mapping$_t_address_$_t_uint256_$_$": {
			head: "t_mapping", args: []typeID{addr, {head: "t_mapping", args: []typeID{addr, num}}},
		},
		"t_array$_t_array$_t_struct$_Lot_$12_storage_$3_storage_$dyn_storage": {
			head: "t_array", args: []typeID{{head: "t_array", args: []typeID{lot}, length: big.NewInt(3)}},
		},
		"t_mapping$_t_uint256_$_t_function_external_view$_t_address_$_t_function_internal_pure$__$returns$__$_$returns$_t_uint256_$_t_address_$_$": {
			head: "t_mapping", args: []typeID{num, {head: "t_function_external_view"}},
		},
	} {
		got, err := parseTypeID(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(typeID{}), cmp.Comparer(func(a, b *big.Int) bool {
			return a == nil && b == nil || a != nil && b != nil && a.Cmp(b) == 0
		})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestTypeIDsThatAreNone(t *testing.T) {
	for _, text := range []string{
		"", "uint256", "t_struct", "t_struct$_Lot", "t_struct$_Lot_$_storage", "t_struct$_Lot_$-_storage", "t_struct$_Lot_$12_storage_$",
		"t_array$_t_uint256_$", "t_array$_t_uint256_$-5_storage", "t_array$_t_uint256_$x_storage", "t_array$_$dyn_storage", "t_mapping$_t_uint256_$",
		"t_mapping$_t_uint256_$_t_uint256", "t_mapping$_t_uint256_$_t_uint256_$_$_t_x_$", "t_function_external_view", "t_function_external_view$_t_x",
		"t_function_external_view$__$", "t_function_external_view$_t_x_$returns$_t_y", "t_uint256_$", strings.Repeat("t_array$_", 6000),
	} {
		if id, err := parseTypeID(text); err == nil || len(err.Error()) > 400 {
			t.Errorf("%.100s: %+v, %.500v", text, id, err)
		}
	}
}

// FuzzTypeID reads any text; what it understands it understands again when it is written anew.
func FuzzTypeID(f *testing.F) {
	for _, seed := range []string{
		"t_uint256", "t_struct$_Lot_$-12_storage_ptr", "t_enum$_S_$$$_$4294967295", "t_array$_t_array$_t_bool_$3_storage_$dyn_storage",
		"t_mapping$_t_contract$_I_$1_$_t_mapping$_t_string_memory_ptr_$_t_uint8_$_$", "t_function_external_view$_t_bool_$_t_bool_$returns$__$",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := parseTypeID(text)
		if err != nil {
			return
		}
		again, err := parseTypeID(write(id))
		if err != nil || write(again) != write(id) {
			t.Errorf("%q is written %q, and read as %q, %v", text, write(id), write(again), err)
		}
	})
}

func write(id typeID) string {
	switch {
	case declared[id.head]:
		return id.head + "$_" + strings.ReplaceAll(id.name, "$", "$$$") + "_$" + big.NewInt(id.decl).String()
	case id.head == "t_array" && id.length == nil:
		return "t_array$_" + write(id.args[0]) + "_$dyn"
	case id.head == "t_array":
		return "t_array$_" + write(id.args[0]) + "_$" + id.length.String()
	case id.head == "t_mapping":
		return "t_mapping$_" + write(id.args[0]) + "_$_" + write(id.args[1]) + "_$"
	case strings.HasPrefix(id.head, "t_function_"):
		return id.head + "$__$returns$__$"
	}
	return id.head
}
