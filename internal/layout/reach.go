package layout

import "slices"

// reachable are a node and the functions that are called from it, and from these. What is annotated as allowed to reach
// what a kind of finding says is not followed.
func (c *Contract) reachable(from *node, kind string) []*node {
	p := c.program
	seen := map[*node]bool{from: true}
	out := []*node{from}
	for k := 0; k < len(out); k++ {
		if in := out[k].contract(); kind != "" && in != nil && in.allows(kind, tagReachable) {
			continue
		}
		out[k].walk(func(n *node) bool {
			if kind != "" && n.allows(kind, tagReachable) {
				return false
			}
			var id int64
			switch n.kind {
			case "FunctionCall":
				id = callee(n)
			case "ModifierInvocation":
				id = n.child("modifierName").ref()
			default:
				return true
			}
			if f := p.nodes[id]; f != nil && (f.kind == "FunctionDefinition" || f.kind == "ModifierDefinition") {
				for _, f := range append(c.overriders(f), f) {
					if !seen[f] {
						seen[f] = true
						out = append(out, f)
					}
				}
			}
			return true
		})
	}
	return out
}

// callee is the declaration that a call calls, 0 if it is none. A call with gas or value goes to another contract.
func callee(call *node) int64 { return call.child("expression").ref() }

// overriders are the functions of the contract that are called in place of one that it inherits.
func (c *Contract) overriders(f *node) []*node {
	var out []*node
	for _, base := range c.linear {
		if base == f.parent {
			break
		}
		for _, n := range base.all("nodes") {
			if n.kind == f.kind && n.text("name") == f.text("name") && c.overrides(n, f) {
				out = append(out, n)
			}
		}
	}
	return out
}

// overrides tells whether a function overrides another, directly or through others.
func (c *Contract) overrides(n, f *node) bool {
	seen := map[int64]bool{}
	for todo := append(slices.Clone(n.ids("baseFunctions")), n.ids("baseModifiers")...); len(todo) > 0; todo = todo[1:] {
		id := todo[0]
		if id == f.id {
			return true
		}
		if base := c.program.nodes[id]; base != nil && !seen[id] {
			seen[id] = true
			todo = append(todo, append(slices.Clone(base.ids("baseFunctions")), base.ids("baseModifiers")...)...)
		}
	}
	return false
}
