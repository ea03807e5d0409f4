package layout

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxDepth bounds how deep a syntax tree may nest: no compiler gets there.
const maxDepth = 5000

// node is one node of a syntax tree, with what the checks read of it.
type node struct {
	kind     string // nodeType
	id       int64
	src      position
	parent   *node
	children []child
	scalars  []scalar
	lists    []list
}

// position is a place in a source: file is its index in the compilation.
type position struct{ start, length, file int }

type child struct {
	key  string
	node *node // nil where a list has a hole
}

type scalar struct{ key, value string }

type list struct {
	key string
	ids []int64
}

// What is kept of a node besides its children.
var (
	keptScalars = map[string]bool{
		"absolutePath": true, "abstract": true, "canonicalName": true, "constant": true, "contractKind": true, "documentation": true,
		"functionSelector": true, "implemented": true, "isConstructor": true, "kind": true, "memberName": true, "mutability": true,
		"name": true, "operations": true, "operator": true, "referencedDeclaration": true, "stateVariable": true,
		"storageLocation": true, "subdenomination": true, "text": true, "typeIdentifier": true, "typeString": true, "value": true,
		"visibility": true,
	}
	keptLists = map[string]bool{"baseFunctions": true, "baseModifiers": true, "linearizedBaseContracts": true}
)

// parseAST reads a source unit as the compiler prints it.
func parseAST(data []byte) (*node, error) {
	r := reader{json.NewDecoder(bytes.NewReader(data))}
	r.UseNumber()
	token, err := r.Token()
	if err != nil {
		return nil, fmt.Errorf("read syntax tree: %w", err)
	}
	if token != json.Delim('{') {
		return nil, errors.New("read syntax tree: it is not an object")
	}
	n := &node{}
	if err := r.object(n, 0); err != nil {
		return nil, fmt.Errorf("read syntax tree: %w", err)
	}
	if n.kind != "SourceUnit" {
		return nil, fmt.Errorf("read syntax tree: its root is %.40q, not a SourceUnit", n.kind)
	}
	return n, nil
}

type reader struct{ *json.Decoder }

// object reads the rest of an object, its opening brace being read.
func (r reader) object(n *node, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("it nests deeper than %d", maxDepth)
	}
	for {
		token, err := r.Token()
		if err != nil {
			return err
		}
		key, ok := token.(string)
		if !ok {
			return nil // the closing brace
		}
		if err := r.value(n, key, depth); err != nil {
			return err
		}
	}
}

func (r reader) value(n *node, key string, depth int) error {
	token, err := r.Token()
	if err != nil {
		return err
	}
	switch v := token.(type) {
	case json.Delim:
		if v == '[' {
			return r.array(n, key, depth)
		}
		c := &node{parent: n}
		if err := r.object(c, depth+1); err != nil {
			return err
		}
		n.take(key, c)
	case string:
		switch {
		case key == "nodeType":
			n.kind = v
		case key == "src":
			n.src = parsePosition(v)
		case keptScalars[key]:
			n.scalars = append(n.scalars, scalar{key, v})
		}
	case json.Number:
		switch {
		case key == "id":
			n.id = parseID(v.String())
		case keptScalars[key]:
			n.scalars = append(n.scalars, scalar{key, v.String()})
		}
	case bool:
		if keptScalars[key] {
			n.scalars = append(n.scalars, scalar{key, strconv.FormatBool(v)})
		}
	}
	return nil
}

// take adds what is a node; of a description of a type it takes what it says.
func (n *node) take(key string, c *node) {
	switch {
	case c.kind != "":
		n.children = append(n.children, child{key, c})
	case key == "typeDescriptions":
		n.scalars = append(n.scalars, c.scalars...)
	}
}

func (r reader) array(n *node, key string, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("it nests deeper than %d", maxDepth)
	}
	var ids []int64
	for {
		token, err := r.Token()
		if err != nil {
			return err
		}
		switch v := token.(type) {
		case json.Delim:
			switch v {
			case ']':
				if keptLists[key] && ids != nil {
					n.lists = append(n.lists, list{key, ids})
				}
				return nil
			case '[':
				if err := r.array(n, key, depth+1); err != nil {
					return err
				}
			default:
				c := &node{parent: n}
				if err := r.object(c, depth+1); err != nil {
					return err
				}
				n.take(key, c)
			}
		case json.Number:
			if keptLists[key] {
				ids = append(ids, parseID(v.String()))
			}
		case nil:
			n.children = append(n.children, child{key, nil})
		}
	}
}

// parseID reads an id. Those of what is built in are negative, and some tools print them as if they were unsigned.
func parseID(text string) int64 {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	if id > 1<<31-1 && id < 1<<32 {
		id -= 1 << 32
	}
	return id
}

// parsePosition reads start:length:file; what cannot be read is at no file.
func parsePosition(text string) position {
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return position{file: -1}
	}
	var n [3]int
	for i, part := range parts {
		var err error
		if n[i], err = strconv.Atoi(part); err != nil {
			return position{file: -1}
		}
	}
	return position{n[0], n[1], n[2]}
}

// text is a scalar, empty if there is none or no node.
func (n *node) text(key string) string {
	if n == nil {
		return ""
	}
	for _, s := range n.scalars {
		if s.key == key {
			return s.value
		}
	}
	return ""
}

// ref is the declaration that a node refers to, 0 if it refers to none: that is no declaration's id.
func (n *node) ref() int64 { return parseID(n.text("referencedDeclaration")) }

func (n *node) ids(key string) []int64 {
	for _, l := range n.lists {
		if l.key == key {
			return l.ids
		}
	}
	return nil
}

// child is the first child under a key, nil if there is none or no node.
func (n *node) child(key string) *node {
	if n == nil {
		return nil
	}
	for _, c := range n.children {
		if c.key == key {
			return c.node
		}
	}
	return nil
}

// all are the children under a key; none if there is no node.
func (n *node) all(key string) []*node {
	if n == nil {
		return nil
	}
	var out []*node
	for _, c := range n.children {
		if c.key == key && c.node != nil {
			out = append(out, c.node)
		}
	}
	return out
}

// walk visits a node and what is below it; below a node for which visit says false it does not go.
func (n *node) walk(visit func(*node) bool) {
	if !visit(n) {
		return
	}
	for _, c := range n.children {
		if c.node != nil {
			c.node.walk(visit)
		}
	}
}

// contract is the contract around a node, or the node itself; nil if there is none.
func (n *node) contract() *node {
	for ; n != nil; n = n.parent {
		if n.kind == "ContractDefinition" {
			return n
		}
	}
	return nil
}
