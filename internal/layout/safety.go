package layout

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// inspection finds what is unsafe in one contract.
type inspection struct {
	contract *Contract
	kind     Kind
	found    map[string]Finding // by kind and place, so that nothing is said twice
	order    []string
}

// inspect finds what is unsafe in a contract by itself, whatever came before it.
func inspect(c *Contract, kind Kind) []Finding {
	i := &inspection{contract: c, kind: kind, found: map[string]Finding{}}
	for _, base := range c.linear {
		i.variables(base)
		i.constructor(base)
		if kind != Diamond { // libraries are pinned in the manifest, state is set by an init call
			i.libraries(base)
			i.initializers(base)
		}
	}
	i.opcodes()
	i.functionPointers()
	i.collisions()
	switch kind {
	case UUPS:
		i.upgradeFunction()
	case Diamond:
		i.plainState()
	case Transparent, Beacon:
	}
	out := make([]Finding, 0, len(i.order))
	for _, key := range i.order {
		out = append(out, i.found[key])
	}
	return out
}

// add adds a finding at a node of a contract.
func (i *inspection) add(kind string, in, at *node, why string) {
	i.addAt(kind, in, at, "", why)
}

// addAt adds a finding; what tells several at one node from one another.
func (i *inspection) addAt(kind string, in, at *node, what, why string) {
	f := Finding{Kind: kind, Contract: in.text("name"), Why: why, Warning: isWarning(kind)}
	f.File, f.Line = i.contract.program.place(at.src)
	key := fmt.Sprintf("%s %d:%d %s", kind, at.src.file, at.src.start, what)
	if _, ok := i.found[key]; !ok {
		i.found[key] = f
		i.order = append(i.order, key)
	}
}

// isWarning tells whether a kind of finding leaves a contract safe.
func isWarning(kind string) bool {
	return kind == IncorrectInitializerOrder || kind == StateVariable || kind == NamespaceOutside
}

// excused tells whether a node or the contract around it allows what a kind of finding says.
func excused(kind string, n *node) bool {
	if n.allows(kind, tagAllow) || n.allows(kind, tagReachable) {
		return true
	}
	c := n.contract()
	return c != nil && c != n && (c.allows(kind, tagAllow) || c.allows(kind, tagReachable))
}

func (i *inspection) variables(base *node) {
	for _, v := range base.all("nodes") {
		if v.kind != "VariableDeclaration" || v.text("constant") == "true" {
			continue
		}
		name := v.text("name")
		switch {
		case v.text("mutability") == "immutable":
			if i.kind != Diamond && !excused(StateVariableImmutable, v) {
				i.add(StateVariableImmutable, base, v, fmt.Sprintf("`%s` is part of the code: every proxy of this implementation shares its "+
					"value, and an upgrade changes it: store it and set it in the initializer, or annotate it with @%s %s",
					name, tagAllow, StateVariableImmutable))
			}
		case v.child("value") != nil && !excused(StateVariableAssignment, v):
			where := "the initializer"
			if i.kind == Diamond {
				where = "an init call"
			}
			i.add(StateVariableAssignment, base, v, fmt.Sprintf("`%s` gets its value when this contract is created, in its own storage: "+
				"what delegates to it does not see it: set it in %s, or make it constant", name, where))
		}
	}
}

func isConstructor(n *node) bool {
	return n.kind == "FunctionDefinition" && (n.text("kind") == "constructor" || n.text("isConstructor") == "true")
}

func (i *inspection) constructor(base *node) {
	for _, f := range base.all("nodes") {
		if !isConstructor(f) || excused(Constructor, f) {
			continue
		}
		if i.kind == Diamond {
			if i.writesStorage(f) {
				i.add(Constructor, base, f, fmt.Sprintf("the constructor of `%s` writes storage, but its own, which the dispatcher never reads: "+
					"set state in an init call; a constructor may set immutables", base.text("name")))
			}
			continue
		}
		if len(f.all("modifiers")) > 0 || len(f.child("body").all("statements")) > 0 {
			i.add(Constructor, base, f, fmt.Sprintf("the constructor of `%s` runs for the implementation, not for the proxy: move it to an "+
				"initializer, or annotate it with @%s %s if it only locks the implementation", base.text("name"), tagAllow, Constructor))
		}
	}
}

// writesStorage tells whether a function, or one that it calls, assigns to storage.
func (i *inspection) writesStorage(f *node) bool {
	for _, n := range i.contract.reachable(f, "") {
		wrote := false
		n.walk(func(n *node) bool {
			switch n.kind {
			case "Assignment":
				wrote = wrote || i.isStorage(n.child("leftHandSide"))
			case "UnaryOperation":
				if op := n.text("operator"); op == "++" || op == "--" || op == "delete" {
					wrote = wrote || i.isStorage(n.child("subExpression"))
				}
			case "FunctionCall":
				id := n.child("expression").text("typeIdentifier")
				wrote = wrote || strings.HasPrefix(id, "t_function_arraypush") || strings.HasPrefix(id, "t_function_arraypop")
			case "YulFunctionCall":
				wrote = wrote || n.child("functionName").text("name") == "sstore"
			}
			return !wrote
		})
		if wrote {
			return true
		}
	}
	return false
}

// isStorage tells whether an expression that is assigned to is in storage.
func (i *inspection) isStorage(n *node) bool {
	for n != nil {
		switch n.kind {
		case "IndexAccess":
			if n = n.child("baseExpression"); isStorageType(n) {
				return true
			}
		case "MemberAccess":
			if n = n.child("expression"); isStorageType(n) {
				return true
			}
		case "TupleExpression":
			return slices.ContainsFunc(n.all("components"), i.isStorage)
		case "Identifier":
			id := n.ref()
			v := i.contract.program.nodes[id]
			return v != nil && v.text("stateVariable") == "true" && inStorage(v)
		default:
			return false
		}
	}
	return false
}

// isStorageType tells whether an expression refers to storage.
func isStorageType(n *node) bool {
	id := n.text("typeIdentifier")
	return strings.HasPrefix(id, "t_mapping") || strings.HasSuffix(id, "_storage_ptr") || strings.HasSuffix(id, "_storage")
}

func (i *inspection) libraries(base *node) {
	if excused(ExternalLibraryLinking, base) {
		return
	}
	for _, name := range i.linked(base) {
		i.addAt(ExternalLibraryLinking, base, base, name, fmt.Sprintf("external functions of library `%s` are linked: which code that is shows "+
			"at deployment only: make them internal, or annotate the contract with @%s %s", name, tagAllow, ExternalLibraryLinking))
	}
}

// linked are the libraries whose external functions a contract calls: those that its bytecode links, or if that is not known,
// those that its syntax tree shows.
func (i *inspection) linked(contract *node) []string {
	p := i.contract.program
	if u := p.files[contract.src.file]; u != nil {
		if known := p.compilation.Contracts[u.key][contract.text("name")].Libraries; known != nil {
			return known
		}
	}
	libraries := map[string]bool{}
	for _, f := range i.contract.reachable(contract, "") {
		if c := f.contract(); c.text("contractKind") == "library" && f != c && callable(f) {
			libraries[c.text("name")] = true
		}
	}
	return slices.Sorted(maps.Keys(libraries))
}

// functionPointers finds internal functions in storage: they are places in code that changes.
func (i *inspection) functionPointers() {
	seen := map[*node]bool{}
	var structs func(n *node, in *node)
	check := func(v, in *node) {
		if strings.HasPrefix(v.text("typeIdentifier"), "t_function_internal_") {
			i.add(InternalFunctionStorage, in, v, fmt.Sprintf("`%s` stores an internal function, a place in the code that is another after an "+
				"upgrade: store an enum and choose the function by it, or use an external function", v.text("name")))
			return
		}
		structs(v.child("typeName"), in)
	}
	structs = func(n *node, in *node) {
		if n == nil {
			return
		}
		n.walk(func(n *node) bool {
			if decl := i.contract.program.nodes[n.ref()]; decl != nil && decl.kind == "StructDefinition" && !seen[decl] {
				seen[decl] = true
				for _, m := range decl.all("members") {
					check(m, in)
				}
			}
			return true
		})
	}
	for _, base := range i.contract.linear {
		for _, n := range base.all("nodes") {
			if n.kind == "VariableDeclaration" && n.text("constant") != "true" && n.text("storageLocation") != "transient" {
				check(n, base)
			}
		}
	}
	for _, ns := range i.contract.Namespaces {
		if seen[ns.decl] || ns.Outside && i.kind != Diamond {
			continue
		}
		seen[ns.decl] = true
		for _, m := range ns.decl.all("members") {
			check(m, i.contract.linear[0])
		}
	}
}

// collisions finds namespaces that take the same storage, or that of the contract's variables.
func (i *inspection) collisions() {
	c := i.contract
	byID := map[string]Namespace{}
	for _, ns := range c.Namespaces {
		if ns.Outside && i.kind != Diamond {
			i.addNamespace(NamespaceOutside, ns, fmt.Sprintf("namespace %s is declared outside of contracts, and is not compared: move the struct "+
				"into a contract", ns.ID))
			continue
		}
		if other, ok := byID[ns.ID]; ok {
			i.addNamespace(NamespaceCollision, ns, fmt.Sprintf("namespace %s is that of two structs, the other at %s: they take the same storage: "+
				"give each its own", ns.ID, at(other.File, other.Line)))
		}
		byID[ns.ID] = ns
	}
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		if ns := byID[id]; ns.Slot != nil && ns.Slot.Cmp(c.base) == 0 {
			i.addNamespace(NamespaceCollision, ns, fmt.Sprintf("namespace %s begins where layout at puts the variables of the contract: give one "+
				"of them another place", id))
		}
	}
}

func (i *inspection) addNamespace(kind string, ns Namespace, why string) {
	key := kind + ns.ID + at(ns.File, ns.Line)
	i.found[key] = Finding{Kind: kind, Contract: nameOf(i.contract.Name), File: ns.File, Line: ns.Line, Warning: isWarning(kind), Why: why}
	i.order = append(i.order, key)
}

func nameOf(contract string) string { return contract[strings.LastIndexByte(contract, ':')+1:] }

// upgradeFunction looks for what a UUPS proxy is upgraded with.
func (i *inspection) upgradeFunction() {
	if i.contract.upgradable() {
		return
	}
	contract := i.contract.linear[0]
	i.add(MissingPublicUpgradeTo, contract, contract, "it has neither upgradeToAndCall(address,bytes) nor upgradeTo(address): a UUPS proxy that "+
		"points to it can never be upgraded again: inherit from UUPSUpgradeable")
}

// upgradable tells whether a contract can upgrade the proxy that delegates to it.
func (c *Contract) upgradable() bool {
	for _, base := range c.linear {
		for _, f := range base.all("nodes") {
			if f.kind != "FunctionDefinition" || !callable(f) {
				continue
			}
			var types []string
			for _, p := range f.child("parameters").all("parameters") {
				types = append(types, p.text("typeString"))
			}
			switch f.text("name") + "(" + strings.Join(types, ",") + ")" {
			case "upgradeTo(address)", "upgradeToAndCall(address,bytes)":
				return true
			}
		}
	}
	return false
}

// callable tells whether a function can be called from outside.
func callable(f *node) bool {
	return f.text("visibility") == "public" || f.text("visibility") == "external"
}

// plainState finds variables outside of namespaces in a facet.
func (i *inspection) plainState() {
	for _, base := range slices.Backward(i.contract.linear) {
		for _, v := range base.all("nodes") {
			if v.kind == "VariableDeclaration" && inStorage(v) {
				i.add(StateVariable, base, v, fmt.Sprintf("`%s` is in the dispatcher's storage from slot %s on, where the variables of every other "+
					"facet are: put it into an ERC-7201 namespace, unless all facets declare the same variables or this is the only facet",
					v.text("name"), i.contract.base))
				return // the first says it for all
			}
		}
	}
}
