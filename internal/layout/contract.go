package layout

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

// Field is a variable in storage, or a member of a struct.
type Field struct {
	Label    string
	Type     *Type
	Slot     *big.Int // of a member, from where its struct begins
	Offset   int      // in the slot, in bytes
	Contract string   // that declares it
	File     string
	Line     int // 0 if it is not known

	renamedFrom, retypedFrom string
}

// Namespace is a struct at a place of its own (ERC-7201).
type Namespace struct {
	ID     string   // as annotated: erc7201:example.main
	Slot   *big.Int // nil if the formula is not that of ERC-7201
	Fields []Field
	File   string
	Line   int
	// Outside is whether the struct is declared outside of contracts, as in a library. Upgrades-core does not look there.
	Outside bool

	decl *node
}

// Contract is a contract of a build, ready to be checked.
type Contract struct {
	Name       string // path:Name
	Storage    []Field
	Namespaces []Namespace // by id

	program *program
	linear  []*node  // the contract and what it inherits from, the most derived first
	base    *big.Int // where its variables begin
}

// Contract finds a contract by the compiler's name of its source and its own, and takes apart its storage.
func (c *Compilation) Contract(source, name string) (*Contract, error) {
	out, ok := c.Contracts[source][name]
	if !ok {
		return nil, fmt.Errorf("contract %s:%s is not in the build", source, name)
	}
	p, err := c.program(source)
	if err != nil {
		return nil, err
	}
	var def *node
	for _, n := range c.units[source].root.all("nodes") {
		if n.kind == "ContractDefinition" && n.text("name") == name {
			def = n
		}
	}
	if def == nil {
		return nil, fmt.Errorf("contract %s:%s is not in its syntax tree: build again", source, name)
	}
	contract := &Contract{Name: c.Sources[source].Name + ":" + name, program: p}
	if err := contract.read(def, out.Storage); err != nil {
		return nil, fmt.Errorf("contract %s: %w", contract.Name, err)
	}
	return contract, nil
}

func (c *Contract) read(def *node, storage *Storage) error {
	var err error
	if c.linear, err = c.program.linear(def); err != nil {
		return err
	}
	var variables []*node
	for _, base := range slices.Backward(c.linear) {
		for _, n := range base.all("nodes") {
			if n.kind == "VariableDeclaration" && inStorage(n) {
				variables = append(variables, n)
			}
		}
	}
	for _, v := range variables {
		f, err := c.program.fields([]*node{v}, v)
		if err != nil {
			return err
		}
		f[0].renamedFrom, f[0].retypedFrom = v.tag(tagRenamed), v.tag(tagRetyped)
		c.Storage = append(c.Storage, f[0])
	}
	if storage != nil {
		err = c.placed(variables, storage)
	} else if c.base, err = c.program.baseSlot(def); err == nil {
		place(c.Storage, c.base)
	}
	if err != nil {
		return err
	}
	return c.namespaces()
}

func inStorage(variable *node) bool {
	return variable.text("constant") != "true" && variable.text("mutability") != "immutable" &&
		variable.text("storageLocation") != "transient"
}

// placed takes the places from the compiler's storageLayout.
func (c *Contract) placed(variables []*node, storage *Storage) error {
	if len(storage.Variables) != len(variables) {
		return fmt.Errorf("its storageLayout has %d variables, its syntax tree %d: build again", len(storage.Variables), len(variables))
	}
	c.base = new(big.Int)
	for i, v := range storage.Variables {
		slot, ok := new(big.Int).SetString(v.Slot, 10)
		if !ok || parseID(v.ID.String()) != variables[i].id {
			return fmt.Errorf("variable %s of its storageLayout is not that of its syntax tree: build again", v.Label)
		}
		if i == 0 {
			c.base = slot
		}
		c.Storage[i].Slot, c.Storage[i].Offset = slot, v.Offset
	}
	return nil
}

// namespaces finds annotated structs: in the contract, in what it inherits from, and in libraries and files that it uses.
func (c *Contract) namespaces() error {
	for _, base := range c.linear {
		for _, n := range base.all("nodes") {
			if err := c.namespace(n, base, false); err != nil {
				return err
			}
		}
	}
	seen := map[*node]bool{}
	for _, base := range c.linear {
		for _, f := range c.reachable(base, "") {
			var err error
			f.walk(func(n *node) bool {
				decl := c.program.nodes[n.ref()]
				if decl == nil || decl.kind != "StructDefinition" || seen[decl] {
					return err == nil
				}
				seen[decl] = true
				if in := decl.contract(); err == nil && (in == nil || in.text("contractKind") == "library") {
					err = c.namespace(decl, decl, true)
				}
				return err == nil
			})
			if err != nil {
				return err
			}
		}
	}
	slices.SortStableFunc(c.Namespaces, func(a, b Namespace) int { return strings.Compare(a.ID, b.ID) })
	return nil
}

// namespace adds a struct if it is annotated.
func (c *Contract) namespace(n, in *node, outside bool) error {
	ids := n.tags(tagLocation)
	if n.kind != "StructDefinition" || len(ids) == 0 {
		return nil
	}
	file, line := c.program.place(n.src)
	if len(ids) > 1 || len(strings.Fields(ids[0])) != 1 {
		return fmt.Errorf("%s: @%s of struct %s needs one namespace, as in erc7201:example.main", at(file, line), tagLocation, n.text("name"))
	}
	fields, err := c.program.fields(n.all("members"), in)
	if err != nil {
		return err
	}
	for _, f := range fields {
		if f.Type.bytes == nil {
			return fmt.Errorf("struct %s: %w", n.text("name"), errInside)
		}
	}
	place(fields, new(big.Int))
	ns := Namespace{ID: ids[0], Fields: fields, File: file, Line: line, Outside: outside, decl: n}
	if id, ok := strings.CutPrefix(ns.ID, "erc7201:"); ok {
		ns.Slot = erc7201(id)
	}
	c.Namespaces = append(c.Namespaces, ns)
	return nil
}

// erc7201 is the slot of a namespace: keccak256(keccak256(id) - 1), but for the last byte.
func erc7201(id string) *big.Int {
	inner := new(big.Int).SetBytes(crypto.Keccak256([]byte(id)))
	inner.Sub(inner, big.NewInt(1))
	outer := crypto.Keccak256(common.BigToHash(inner).Bytes())
	outer[31] = 0
	return new(big.Int).SetBytes(outer)
}

// baseSlot is where a contract's storage begins: slot 0, unless layout at says otherwise.
func (p *program) baseSlot(contract *node) (*big.Int, error) {
	at := contract.child("storageLayout")
	if at == nil {
		return new(big.Int), nil
	}
	value, ok := p.constant(at.child("baseSlotExpression"), 0)
	if !ok || value.Sign() < 0 || value.BitLen() > 256 {
		return nil, errors.New("the slot of its layout at cannot be computed here: ask the compiler for storageLayout too, " +
			"with extra_output = [\"storageLayout\"] (forge) or in outputSelection (Hardhat, solc), and build again")
	}
	return value, nil
}

// constant computes an expression of whole numbers.
func (p *program) constant(n *node, depth int) (*big.Int, bool) {
	if n == nil || depth > maxDepth {
		return nil, false
	}
	switch n.kind {
	case "Literal":
		if n.text("kind") != "number" || n.text("subdenomination") != "" {
			return nil, false
		}
		return new(big.Int).SetString(n.text("value"), 0)
	case "TupleExpression":
		if parts := n.all("components"); len(parts) == 1 {
			return p.constant(parts[0], depth+1)
		}
	case "Identifier":
		id := n.ref()
		if v, ok := p.nodes[id]; ok && v.text("constant") == "true" {
			return p.constant(v.child("value"), depth+1)
		}
	case "FunctionCall":
		args := n.all("arguments")
		if n.child("expression").text("name") == "erc7201" && len(args) == 1 && args[0].kind == "Literal" && args[0].text("kind") == "string" {
			return erc7201(args[0].text("value")), true
		}
	case "BinaryOperation":
		a, ok := p.constant(n.child("leftExpression"), depth+1)
		if !ok {
			return nil, false
		}
		b, ok := p.constant(n.child("rightExpression"), depth+1)
		if !ok {
			return nil, false
		}
		return calculate(n.text("operator"), a, b)
	}
	return nil, false
}

func calculate(operator string, a, b *big.Int) (*big.Int, bool) {
	out := new(big.Int)
	switch operator {
	case "+":
		return out.Add(a, b), true
	case "-":
		return out.Sub(a, b), true
	case "*":
		return out.Mul(a, b), true
	case "**":
		if b.IsInt64() && b.Sign() >= 0 && b.Int64() <= 256 && a.BitLen() <= 256 {
			return out.Exp(a, b, nil), true
		}
	case "<<":
		if b.IsInt64() && b.Sign() >= 0 && b.Int64() <= 256 {
			return out.Lsh(a, uint(b.Int64())), true
		}
	}
	return nil, false
}
