package layout

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"
)

// Compilation is what the compiler says of sources that it compiled together.
type Compilation struct {
	Sources   map[string]Source            // by the compiler's name
	Contracts map[string]map[string]Output // by the compiler's name of the source, and the contract's

	units map[string]*unit
}

// Source is one source.
type Source struct {
	Name    string // for people
	ID      int    // in positions
	AST     json.RawMessage
	Content string // empty if it is not known: then lines are not either
}

// Output is what the compiler says of one contract.
type Output struct {
	// Storage is storageLayout, nil if it was not asked for: then it follows from the syntax tree.
	Storage *Storage
	// Libraries are those whose external functions the bytecode links; nil if there is no bytecode to tell.
	Libraries []string
}

// Storage is storageLayout, of which no more is taken than places: types are those of the syntax tree.
type Storage struct {
	Variables []struct {
		ID     json.Number `json:"astId"`
		Label  string      `json:"label"`
		Offset int         `json:"offset"`
		Slot   string      `json:"slot"`
	} `json:"storage"`
}

// unit is a parsed source.
type unit struct {
	key    string // the compiler's name
	source Source
	root   *node
	lines  []int // where lines begin
}

// program is a source with all that it imports.
type program struct {
	compilation *Compilation
	units       []*unit
	files       map[int]*unit
	nodes       map[int64]*node // declarations
	types       map[int64]*Type
}

// noAST says what a build without syntax trees lacks.
const noAST = "the build holds no syntax tree of %s: build with forge build --force --build-info, with Hardhat's own outputSelection, " +
	"or with \"\": [\"ast\"] in that of solc"

// program parses a source and all that it imports.
func (c *Compilation) program(source string) (*program, error) {
	p := &program{compilation: c, files: map[int]*unit{}, nodes: map[int64]*node{}, types: map[int64]*Type{}}
	if c.units == nil {
		c.units = map[string]*unit{}
	}
	seen := map[string]bool{source: true}
	for todo := []string{source}; len(todo) > 0; todo = todo[1:] {
		u, err := c.unit(todo[0])
		if err != nil {
			return nil, err
		}
		p.add(u)
		for _, n := range u.root.all("nodes") {
			if path := n.text("absolutePath"); n.kind == "ImportDirective" && path != "" && !seen[path] {
				seen[path] = true
				todo = append(todo, path)
			}
		}
	}
	return p, nil
}

func (c *Compilation) unit(name string) (*unit, error) {
	if u, ok := c.units[name]; ok {
		return u, nil
	}
	source, ok := c.Sources[name]
	if !ok {
		return nil, fmt.Errorf("the build does not hold source %s: build all sources together", name)
	}
	if len(source.AST) == 0 || string(source.AST) == "null" {
		return nil, fmt.Errorf(noAST, source.Name)
	}
	root, err := parseAST(source.AST)
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", name, err)
	}
	u := &unit{key: name, source: source, root: root}
	if source.Content != "" {
		u.lines = []int{0}
		for i := range len(source.Content) {
			if source.Content[i] == '\n' {
				u.lines = append(u.lines, i+1)
			}
		}
	}
	c.units[name] = u
	return u, nil
}

func (p *program) add(u *unit) {
	p.units = append(p.units, u)
	p.files[u.source.ID] = u
	u.root.walk(func(n *node) bool {
		switch n.kind {
		case "ContractDefinition", "StructDefinition", "EnumDefinition", "UserDefinedValueTypeDefinition", "FunctionDefinition",
			"ModifierDefinition", "VariableDeclaration":
			p.nodes[n.id] = n
		}
		return !strings.HasPrefix(n.kind, "Yul")
	})
}

// place is where a node is, for people: line 0 is one that is not known.
func (p *program) place(at position) (file string, line int) {
	u, ok := p.files[at.file]
	if !ok {
		return "", 0
	}
	if u.lines != nil {
		line = sort.Search(len(u.lines), func(i int) bool { return u.lines[i] > at.start })
	}
	return u.source.Name, line
}

// linear are a contract and what it inherits from, the most derived first.
func (p *program) linear(contract *node) ([]*node, error) {
	ids := contract.ids("linearizedBaseContracts")
	out := make([]*node, 0, len(ids))
	for _, id := range ids {
		n, ok := p.nodes[id]
		if !ok || n.kind != "ContractDefinition" {
			return nil, fmt.Errorf("contract %s inherits from node %d, which no syntax tree of the build has: build all sources together",
				contract.text("name"), id)
		}
		out = append(out, n)
	}
	if len(out) == 0 || out[0] != contract {
		return nil, fmt.Errorf("contract %s has no linearizedBaseContracts: this version of the compiler is not known", contract.text("name"))
	}
	return out, nil
}
