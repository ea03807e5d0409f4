package layout

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// shape says what a type is made of.
type shape int

const (
	elementary  shape = iota // uint256, bytes32, string, ...
	contractRef              // a contract or interface
	enumeration
	structure
	ownValue // a type of one's own over an elementary one
	array
	mapping
	function
)

// Type is the type of a variable, with what is behind it.
type Type struct {
	shape shape
	label string
	bytes *big.Int // in storage

	key, elem *Type    // of a mapping; elem of an array too
	length    *big.Int // of an array; nil if it is dynamic
	fields    []Field  // of a struct
	members   []string // of an enum
	external  bool     // of a function
}

// String is the type as Solidity writes it.
func (t *Type) String() string { return t.label }

// Bytes is how many bytes of storage the type takes where it is declared.
func (t *Type) Bytes() *big.Int { return t.bytes }

// errInside is what no compiler accepts.
var errInside = errors.New("it holds itself, not behind a mapping or array without length")

var slotSize = big.NewInt(32)

// own tells whether values of the type begin a slot, and whatever comes after them another.
func (t *Type) own() bool {
	return t.shape == structure || t.shape == array && t.length != nil
}

// typeOf builds the type of a variable.
func (p *program) typeOf(variable *node) (*Type, error) {
	id, err := parseTypeID(variable.text("typeIdentifier"))
	if err != nil {
		return nil, err
	}
	return p.build(id, variable.text("typeString"))
}

func (p *program) build(id typeID, text string) (*Type, error) {
	switch {
	case declared[id.head]:
		return p.declared(id)
	case id.head == "t_array":
		return p.array(id)
	case id.head == "t_mapping":
		key, err := p.build(id.args[0], "")
		if err != nil {
			return nil, err
		}
		value, err := p.build(id.args[1], "")
		if err != nil {
			return nil, err
		}
		return &Type{
			shape: mapping, label: fmt.Sprintf("mapping(%s => %s)", key.label, value.label), bytes: slotSize, key: key, elem: value,
		}, nil
	case strings.HasPrefix(id.head, "t_function_"):
		t := &Type{shape: function, label: text, external: strings.HasPrefix(id.head, "t_function_external_"), bytes: big.NewInt(8)}
		if t.external {
			t.bytes = big.NewInt(24)
		}
		if t.label == "" {
			t.label = "function"
		}
		return t, nil
	}
	return elementaryType(id.head)
}

func (p *program) array(id typeID) (*Type, error) {
	elem, err := p.build(id.args[0], "")
	if err != nil {
		return nil, err
	}
	t := &Type{shape: array, elem: elem, length: id.length, label: elem.label + "[]", bytes: slotSize}
	if id.length == nil {
		return t, nil
	}
	if elem.bytes == nil {
		return nil, errInside
	}
	t.label = fmt.Sprintf("%s[%s]", elem.label, id.length)
	slots := new(big.Int)
	if elem.own() || elem.bytes.Cmp(slotSize) >= 0 {
		slots.Mul(id.length, slotsOf(elem.bytes))
	} else {
		slots = ceil(id.length, new(big.Int).Div(slotSize, elem.bytes))
	}
	if slots.Sign() == 0 {
		slots.SetInt64(1)
	}
	t.bytes = slots.Mul(slots, slotSize)
	return t, nil
}

// declared builds the type that a declaration makes. Structs are made once, since they may hold themselves.
func (p *program) declared(id typeID) (*Type, error) {
	if id.head == "t_contract" {
		return &Type{shape: contractRef, label: "contract " + id.name, bytes: big.NewInt(20)}, nil
	}
	if t, ok := p.types[id.decl]; ok {
		return t, nil
	}
	decl, ok := p.nodes[id.decl]
	if !ok {
		return nil, fmt.Errorf("type %s is declared by node %d, which no syntax tree of the build has: build all sources together", id.name, id.decl)
	}
	name := decl.text("canonicalName")
	if name == "" {
		name = id.name
	}
	t := &Type{label: name}
	p.types[id.decl] = t
	switch decl.kind {
	case "EnumDefinition":
		t.shape, t.label, t.bytes = enumeration, "enum "+name, big.NewInt(1)
		for _, m := range decl.all("members") {
			t.members = append(t.members, m.text("name"))
		}
		if len(t.members) > 256 {
			t.bytes = big.NewInt(2) // before version 0.8
		}
	case "UserDefinedValueTypeDefinition":
		t.shape = ownValue
		under, err := parseTypeID(decl.child("underlyingType").text("typeIdentifier"))
		if err != nil {
			return nil, err
		}
		of, err := elementaryType(under.head)
		if err != nil {
			return nil, err
		}
		t.bytes = of.bytes
	case "StructDefinition":
		t.shape, t.label = structure, "struct "+name
		if err := p.structure(t, decl); err != nil {
			return nil, fmt.Errorf("struct %s: %w", name, err)
		}
	default:
		return nil, fmt.Errorf("type %s is declared by a %s: this version of the compiler is not known", name, decl.kind)
	}
	return t, nil
}

func (p *program) structure(t *Type, decl *node) error {
	var err error
	if t.fields, err = p.fields(decl.all("members"), decl); err != nil {
		return err
	}
	for _, f := range t.fields {
		if f.Type.bytes == nil {
			return errInside
		}
	}
	t.bytes = place(t.fields, new(big.Int))
	return nil
}

// fields makes fields of variables, in order, without their places.
func (p *program) fields(variables []*node, in *node) ([]Field, error) {
	fields := make([]Field, 0, len(variables))
	for _, v := range variables {
		t, err := p.typeOf(v)
		if err != nil {
			return nil, fmt.Errorf("variable %s: %w", v.text("name"), err)
		}
		f := Field{Label: v.text("name"), Type: t}
		f.File, f.Line = p.place(v.src)
		if c := in.contract(); c != nil {
			f.Contract = c.text("name")
		}
		fields = append(fields, f)
	}
	return fields, nil
}

// place gives variables their places from a slot on, as the compiler does, and says how many bytes of storage they take.
// A struct that holds itself does so behind a mapping or array, whose size is known before its own.
func place(fields []Field, from *big.Int) *big.Int {
	slot, offset := new(big.Int).Set(from), int64(0)
	one := big.NewInt(1)
	for i := range fields {
		t := fields[i].Type
		if offset > 0 && (t.own() || !t.bytes.IsInt64() || offset+t.bytes.Int64() > 32) {
			slot.Add(slot, one)
			offset = 0
		}
		fields[i].Slot, fields[i].Offset = new(big.Int).Set(slot), int(offset)
		if t.own() || t.bytes.Cmp(slotSize) >= 0 {
			slot.Add(slot, slotsOf(t.bytes))
			continue
		}
		if offset += t.bytes.Int64(); offset == 32 {
			slot.Add(slot, one)
			offset = 0
		}
	}
	if offset > 0 {
		slot.Add(slot, one)
	}
	slot.Sub(slot, from)
	if slot.Sign() == 0 {
		slot.SetInt64(1)
	}
	return slot.Mul(slot, slotSize)
}

func slotsOf(bytes *big.Int) *big.Int { return ceil(bytes, slotSize) }

func ceil(n, d *big.Int) *big.Int {
	q := new(big.Int).Add(n, d)
	q.Sub(q, big.NewInt(1))
	return q.Div(q, d)
}

// elementaryType builds a type that Solidity has by itself.
func elementaryType(head string) (*Type, error) {
	name := strings.TrimPrefix(head, "t_")
	for _, location := range []string{"_storage_ptr", "_storage", "_memory_ptr", "_calldata_ptr"} {
		name = strings.TrimSuffix(name, location)
	}
	t := &Type{label: name}
	digits := strings.TrimLeft(name, "abcdefghijklmnopqrstuvwxyz")
	n, err := strconv.Atoi(digits)
	base := name[:len(name)-len(digits)]
	switch {
	case name == "bool":
		t.bytes = big.NewInt(1)
	case name == "address":
		t.bytes = big.NewInt(20)
	case name == "address_payable":
		t.label, t.bytes = "address payable", big.NewInt(20)
	case name == "string" || name == "bytes":
		t.bytes = slotSize
	case (base == "uint" || base == "int") && err == nil && n > 0 && n <= 256 && n%8 == 0:
		t.bytes = big.NewInt(int64(n / 8))
	case base == "bytes" && err == nil && n > 0 && n <= 32:
		t.bytes = big.NewInt(int64(n))
	default:
		return nil, fmt.Errorf("type %.100s cannot be in storage, as far as is known: this version of the compiler is not known", name)
	}
	return t, nil
}
