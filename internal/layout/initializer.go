package layout

import (
	"fmt"
	"slices"
	"strings"
)

// A contract is initialized by functions that stand in for constructors: those with the modifier initializer or
// onlyInitializing, those called initialize or initializer, and those annotated as such.
func isInitializer(f *node) bool {
	if f.kind != "FunctionDefinition" || f.text("visibility") == "private" {
		return false
	}
	if len(f.tags(tagInitialize)) > 0 {
		return true
	}
	for _, m := range f.all("modifiers") {
		if name := m.child("modifierName").text("name"); name == "initializer" || name == "onlyInitializing" {
			return true
		}
	}
	return f.text("name") == "initialize" || f.text("name") == "initializer"
}

// parentInitializers are those that a derived contract can call, and that do something.
func parentInitializers(contract *node) []*node {
	var out []*node
	for _, f := range contract.all("nodes") {
		if isInitializer(f) && f.text("visibility") != "external" && len(f.child("body").all("statements")) > 0 {
			out = append(out, f)
		}
	}
	return out
}

// initialization is how one contract initializes what it inherits from.
type initialization struct {
	inspection *inspection
	contract   *node
	parents    []*node           // with initializers, the most basic first
	owner      map[*node]*node   // parent, by initializer
	of         map[*node][]*node // initializers, by parent
}

// initializers checks that a contract initializes each parent once, in order.
func (i *inspection) initializers(contract *node) {
	if kind := contract.text("contractKind"); contract.text("abstract") == "true" || kind == "interface" || kind == "library" {
		return
	}
	linear, err := i.contract.program.linear(contract)
	if err != nil {
		return // what a contract inherits from, the contract itself inherits from, and it has been read
	}
	in := &initialization{inspection: i, contract: contract, owner: map[*node]*node{}, of: map[*node][]*node{}}
	for _, parent := range slices.Backward(linear[1:]) {
		if found := parentInitializers(parent); len(found) > 0 {
			in.parents = append(in.parents, parent)
			in.of[parent] = found
			for _, f := range found {
				in.owner[f] = parent
			}
		}
	}
	required := in.required()
	if len(required) == 0 {
		return
	}
	own := slices.DeleteFunc(slices.Clone(contract.all("nodes")), func(f *node) bool { return !isInitializer(f) })
	if len(own) == 0 {
		public := func(f *node) bool { return f.text("visibility") == "public" }
		if len(required) == 1 && slices.ContainsFunc(in.of[required[0]], public) {
			return // it is inherited
		}
		if !excused(MissingInitializer, contract) {
			i.add(MissingInitializer, contract, contract, fmt.Sprintf("`%s` has no initializer, so nothing initializes %s: add a function with "+
				"the modifier initializer that calls theirs", contract.text("name"), names(required)))
		}
		return
	}
	for _, f := range own {
		in.check(f, required)
	}
}

// required are the parents that the contract must initialize itself: no other parent calls them.
func (in *initialization) required() []*node {
	done := map[*node]bool{}
	for f, owner := range in.owner {
		for _, called := range in.calls(f) {
			if other := in.owner[called]; other != nil && other != owner {
				done[other] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(in.parents), func(p *node) bool { return done[p] })
}

// calls are the functions that a function calls in any case: in statements that are nothing but a call.
func (in *initialization) calls(f *node) []*node {
	var out []*node
	for _, s := range f.child("body").all("statements") {
		call := s.child("expression")
		if s.kind != "ExpressionStatement" || call == nil || call.kind != "FunctionCall" {
			continue
		}
		id := callee(call)
		if f := in.inspection.contract.program.nodes[id]; f != nil && f.kind == "FunctionDefinition" {
			out = append(out, f)
		}
	}
	return out
}

// runs adds a function and what it calls to those that run, what it calls before itself.
func (in *initialization) runs(f *node, entered map[*node]bool, out []*node) []*node {
	if entered[f] {
		return out
	}
	entered[f] = true
	for _, called := range in.calls(f) {
		out = in.runs(called, entered, out)
	}
	return append(out, f)
}

// check checks one initializer.
func (in *initialization) check(f *node, required []*node) {
	i, name := in.inspection, f.text("name")
	if isConstructor(f) {
		name = "constructor"
	}
	seen := map[*node]bool{}
	var found []*node
	ordered, twice := true, map[*node]bool{}
	open := slices.Clone(in.parents)
	for _, statement := range in.calls(f) {
		for _, called := range in.runs(statement, map[*node]bool{}, nil) {
			parent := in.owner[called]
			if parent == nil {
				continue
			}
			if !slices.Contains(found, parent) {
				found = append(found, parent)
			}
			if seen[called] {
				twice[called] = true
				continue
			}
			seen[called] = true
			if at := slices.Index(open, parent); at >= 0 {
				ordered = ordered && at == 0
				open = slices.Delete(open, at, at+1)
			}
		}
	}
	for _, parent := range in.parents {
		for _, called := range in.of[parent] {
			if twice[called] && !excused(DuplicateInitializerCall, f) {
				i.addAt(DuplicateInitializerCall, in.contract, f, called.text("name"), fmt.Sprintf("`%s` calls `%s` of `%s` more than once, "+
					"directly or through another: call it once", name, called.text("name"), parent.text("name")))
			}
		}
	}
	if !ordered && !excused(IncorrectInitializerOrder, f) {
		i.add(IncorrectInitializerOrder, in.contract, f, fmt.Sprintf("`%s` initializes %s, but the order of inheritance is %s: call them in that order",
			name, names(found), names(in.parents)))
	}
	missing := slices.DeleteFunc(slices.Clone(required), func(p *node) bool { return slices.Contains(found, p) })
	if len(missing) > 0 && !strings.HasSuffix(name, "_unchained") && !excused(MissingInitializerCall, f) {
		i.add(MissingInitializerCall, in.contract, f, fmt.Sprintf("`%s` does not initialize %s: call their initializers, each in a statement of "+
			"its own", name, names(missing)))
	}
}

func names(contracts []*node) string {
	out := make([]string, 0, len(contracts))
	for _, c := range contracts {
		out = append(out, "`"+c.text("name")+"`")
	}
	return strings.Join(out, ", ")
}
