package layout

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// vault is a syntax tree as compilers and tools print it: S is the id of a struct where it is declared, T where it is
// referred to, and M the id of what is built in.
const vault = `{"nodeType": "SourceUnit", "id": 90, "absolutePath": "Vault.sol", "src": "0:90:3", "nodes": [
	{"nodeType": "ContractDefinition", "id": 80, "name": "Vault", "contractKind": "contract", "src": "1:80:3",
	 "linearizedBaseContracts": [80], "nodes": [
		{"nodeType": "StructDefinition", "id": S, "name": "Lot", "canonicalName": "Vault.Lot", "src": "5:9:3",
		 "documentation": {"nodeType": "StructuredDocumentation", "id": 4, "text": "@custom:storage-location erc7201:a"}, "members": [
			{"nodeType": "VariableDeclaration", "id": 12, "name": "price", "src": "6:9:3",
			 "typeDescriptions": {"typeIdentifier": "t_uint128", "typeString": "uint128"}},
			{"nodeType": "VariableDeclaration", "id": 13, "name": "next", "src": "7:9:3",
			 "typeDescriptions": {"typeIdentifier": "t_mapping$_t_uint256_$_t_struct$_Lot_$T_storage_$"}}]},
		{"nodeType": "VariableDeclaration", "id": 14, "name": "open", "stateVariable": true, "constant": false, "src": "20:9:3",
		 "documentation": "@custom:oz-renamed-from closed", "typeDescriptions": {"typeIdentifier": "t_bool", "typeString": "bool"}},
		{"nodeType": "VariableDeclaration", "id": 15, "name": "lots", "stateVariable": true, "src": "30:9:3",
		 "typeName": {"nodeType": "ArrayTypeName", "id": 70, "baseType": {"nodeType": "UserDefinedTypeName", "id": 71, "referencedDeclaration": T}},
		 "typeDescriptions": {"typeIdentifier": "t_array$_t_struct$_Lot_$T_storage_$3_storage", "typeString": "struct Vault.Lot[3]"}},
		{"nodeType": "FunctionDefinition", "id": 30, "name": "end", "kind": "function", "visibility": "external", "src": "40:9:3", "modifiers": [],
		 "body": {"nodeType": "Block", "id": 31, "statements": [
			{"nodeType": "ExpressionStatement", "id": 32, "expression": {"nodeType": "FunctionCall", "id": 33, "src": "45:3:3", "expression":
				{"nodeType": "Identifier", "id": 34, "name": "selfdestruct", "referencedDeclaration": M,
				 "typeDescriptions": {"typeIdentifier": "t_function_selfdestruct_nonpayable$_t_address_payable_$returns$__$"}}}},
			{"nodeType": "InlineAssembly", "id": 35, "src": "50:3:3", "operations": "{ pop(delegatecall(gas, a, 0, 0, 0, 0)) }"},
			{"nodeType": "VariableDeclarationStatement", "id": 36, "assignments": [null, 37], "declarations": [null,
				{"nodeType": "VariableDeclaration", "id": 37, "name": "x"}]}]}}]}]}`

const vaultSource = "// line 1\n\n/* line 3 */ contract Vault {\n}\n// line 5\n// line 6, to the end of what is in the tree"

func compilation(ast string) *Compilation {
	return &Compilation{
		Sources:   map[string]Source{"Vault.sol": {Name: "src/Vault.sol", ID: 3, AST: json.RawMessage(ast), Content: vaultSource}},
		Contracts: map[string]map[string]Output{"Vault.sol": {"Vault": {}}},
	}
}

func withIDs(declared, referred, builtIn string) string {
	return strings.NewReplacer(`"id": S`, `"id": `+declared, "$T_", "$"+referred+"_", `"referencedDeclaration": T`, `"referencedDeclaration": `+referred,
		`"referencedDeclaration": M`, `"referencedDeclaration": `+builtIn).Replace(vault)
}

// Ids may be negative, and printed as if they were not.
func TestIDs(t *testing.T) {
	for _, ids := range [][3]string{
		{"10", "10", "-21"},
		{"10", "10", "4294967275"},
		{"-10", "-10", "-21"},
		{"-10", "4294967286", "4294967275"},
		{"4294967286", "-10", "-21"},
		{"4294967286", "4294967286", "4294967275"},
	} {
		c, err := compilation(withIDs(ids[0], ids[1], ids[2])).Contract("Vault.sol", "Vault")
		if err != nil {
			t.Errorf("%v: %v", ids, err)
			continue
		}
		var got []string
		for _, f := range append(c.Storage, c.Namespaces[0].Fields...) {
			got = append(got, fmt.Sprintf("%s %s %s+%d %s at %s:%d", f.Type, f.Label, f.Slot, f.Offset, f.Contract, f.File, f.Line))
		}
		want := []string{
			"bool open 0+0 Vault at src/Vault.sol:3",
			"struct Vault.Lot[3] lots 1+0 Vault at src/Vault.sol:3",
			"uint128 price 0+0 Vault at src/Vault.sol:1",
			"mapping(uint256 => struct Vault.Lot) next 1+0 Vault at src/Vault.sol:1",
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v: %q", ids, got)
		}
		if c.Storage[0].renamedFrom != "closed" {
			t.Errorf("%v: renamed from %q", ids, c.Storage[0].renamedFrom)
		}
		r := Check(c, c, Transparent)
		if len(r.Changes) != 0 || len(r.Findings) != 2 || r.Findings[0].Kind != Delegatecall || r.Findings[1].Kind != Selfdestruct {
			t.Errorf("%v: %+v", ids, r)
		}
	}
}

func TestSyntaxTreesThatAreNone(t *testing.T) {
	good := withIDs("10", "10", "-1")
	for name, test := range map[string]struct{ ast, want string }{
		"none":                 {"", "the build holds no syntax tree of src/Vault.sol: build with forge build --force --build-info"},
		"null":                 {"null", "no syntax tree"},
		"a list":               {"[]", "it is not an object"},
		"cut":                  {good[:len(good)/2], "read syntax tree: "},
		"of something else":    {`{"nodeType": "YulObject"}`, "its root is \"YulObject\""},
		"legacy":               {`{"name": "SourceUnit", "children": []}`, "its root is \"\""},
		"without the contract": {`{"nodeType": "SourceUnit", "nodes": []}`, "is not in its syntax tree"},
		"without linearization": {
			strings.Replace(good, `"linearizedBaseContracts": [80], `, "", 1), "no linearizedBaseContracts",
		},
		"with a base that is elsewhere": {strings.Replace(good, "[80]", "[80, 81]", 1), "inherits from node 81"},
		"with a type that is elsewhere": {withIDs("10", "11", "-1"), "variable lots: type Lot is declared by node 11"},
		"with an import that is elsewhere": {
			strings.Replace(good, `"nodes": [`, `"nodes": [{"nodeType": "ImportDirective", "absolutePath": "Gone.sol"}, `, 1), "does not hold source Gone.sol",
		},
		"with an unknown type": {strings.Replace(good, "t_bool", "t_fixed128x18", 1), "variable open: type fixed128x18 cannot be in storage"},
		"with a type that is none": {
			strings.Replace(good, "t_bool", "bool", 1), "variable open: type \"bool\": at byte 4 is not a type",
		},
		"with a struct that holds itself": {
			strings.Replace(good, "t_mapping$_t_uint256_$_t_struct$_Lot_$10_storage_$", "t_struct$_Lot_$10_storage", 1), "it holds itself",
		},
		"with two namespaces of one struct": {strings.Replace(good, "erc7201:a", "erc7201:a b", 1), "needs one namespace"},
		"that nests too deep":               {`{"a": ` + strings.Repeat(`{"a": `, 6000), "nests deeper than 5000"},
		"with lists that nest too deep":     {`{"a": ` + strings.Repeat(`[`, 6000), "nests deeper than 5000"},
	} {
		if c, err := compilation(test.ast).Contract("Vault.sol", "Vault"); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, %v, want %q", name, c, err, test.want)
		}
	}
}

func TestStorageLayoutOfAnotherBuild(t *testing.T) {
	for _, test := range []struct{ storage, want string }{
		{`{"storage": []}`, "its storageLayout has 0 variables, its syntax tree 2"},
		{
			`{"storage": [{"astId": 14, "label": "open", "slot": "0"}, {"astId": 16, "label": "lots", "slot": "1"}]}`,
			"variable lots of its storageLayout is not that of its syntax tree",
		},
		{`{"storage": [{"astId": 14, "label": "open", "slot": ""}, {"astId": 15, "label": "lots", "slot": "1"}]}`, "variable open of its storageLayout"},
		{`{"storage": [{"astId": 14, "label": "open", "slot": "7", "offset": 3}, {"astId": 15, "label": "lots", "slot": "8"}]}`, ""},
	} {
		var storage Storage
		if err := json.Unmarshal([]byte(test.storage), &storage); err != nil {
			t.Fatal(err)
		}
		c := compilation(withIDs("10", "10", "-1"))
		c.Contracts["Vault.sol"]["Vault"] = Output{Storage: &storage}
		got, err := c.Contract("Vault.sol", "Vault")
		switch {
		case test.want != "":
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: %v, want %q", test.storage, err, test.want)
			}
		case err != nil:
			t.Errorf("%s: %v", test.storage, err)
		case got.Storage[0].Slot.Int64() != 7 || got.Storage[0].Offset != 3:
			t.Errorf("%s: %+v", test.storage, got.Storage[0])
		}
	}
}

func TestTags(t *testing.T) {
	doc := func(text string) *node {
		return &node{children: []child{{"documentation", &node{kind: "StructuredDocumentation", scalars: []scalar{{"text", text}}}}}}
	}
	for text, want := range map[string][]string{
		"":                          nil,
		"@custom:oz-renamed-from a": {"a"},
		" @dev x\n @custom:oz-renamed-from   a \n @custom:oz-retyped-from b": {"a"},
		"@custom:oz-renamed-from a\n more":                                   {"a\nmore"},
		"@custom:oz-renamed-from a\n\n @dev more":                            {"a"},
		"@custom:oz-renamed-from a\n@custom:oz-renamed-from b":               {"a", "b"},
		"@custom:oz-renamed-from":                                            {""},
		"@custom:oz-renamed-fromage a":                                       nil,
		"see @custom:oz-renamed-from a":                                      nil,
	} {
		if got := doc(text).tags(tagRenamed); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	n := doc("@custom:oz-upgrades-unsafe-allow constructor  delegatecall")
	if !n.allows(Delegatecall, tagAllow) || n.allows(Selfdestruct, tagAllow) || n.allows(Delegatecall, tagReachable) {
		t.Error("allows what is not annotated, or not what is")
	}
}

func TestPlainLabels(t *testing.T) {
	for label, want := range map[string]string{
		"uint256":             "uint256",
		"contract IFoo":       "IFoo",
		"struct Vault.Lot[3]": "Vault.Lot[3]",
		"mapping(contract IFoo => enum Vault.State)": "mapping(IFoo => Vault.State)",
		"mycontract IFoo": "mycontract IFoo",
	} {
		if got := plainLabel(label); got != want {
			t.Errorf("%s: %s, want %s", label, got, want)
		}
	}
}

// FuzzContract reads any syntax tree. A contract of which it makes something can be checked, and is as it is.
func FuzzContract(f *testing.F) {
	f.Add([]byte(withIDs("10", "10", "-21")))
	f.Add([]byte(withIDs("-10", "4294967286", "4294967275")))
	f.Add([]byte(`{"nodeType": "SourceUnit", "nodes": [{"nodeType": "ContractDefinition", "id": 1, "name": "Vault", "linearizedBaseContracts": [1],
		"storageLayout": {"nodeType": "StorageLayoutSpecifier", "baseSlotExpression": {"nodeType": "Literal", "kind": "number", "value": "0x10"}}}]}`))
	f.Fuzz(func(t *testing.T, ast []byte) {
		c, err := compilation(string(ast)).Contract("Vault.sol", "Vault")
		if err != nil {
			return
		}
		for _, kind := range []Kind{UUPS, Transparent, Diamond} {
			r := Check(c, c, kind)
			twice := slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Kind == NamespaceCollision })
			if len(r.Changes) > 0 && !twice {
				t.Errorf("it differs from itself: %+v", r.Changes)
			}
		}
	})
}
