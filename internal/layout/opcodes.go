package layout

import (
	"fmt"
	"regexp"
	"strings"
)

// opcodeOf says which unsafe instruction a node is, empty if none.
func opcodeOf(n *node) string {
	switch n.kind {
	case "FunctionCall":
		switch id := n.child("expression").text("typeIdentifier"); {
		case strings.HasPrefix(id, "t_function_baredelegatecall"), strings.HasPrefix(id, "t_function_barecallcode"):
			return Delegatecall
		case strings.HasPrefix(id, "t_function_selfdestruct"):
			return Selfdestruct
		}
	case "YulFunctionCall":
		return instruction(n.child("functionName").text("name"))
	}
	return ""
}

func instruction(name string) string {
	switch name {
	case "delegatecall", "callcode":
		return Delegatecall
	case "selfdestruct", "suicide":
		return Selfdestruct
	}
	return ""
}

// operation finds a call in assembly that the compiler gives as text, as it does before version 0.6.
var operation = regexp.MustCompile(`\b(delegatecall|callcode|selfdestruct|suicide)\s*\(`)

// opcodes finds delegatecall and selfdestruct: in the contract, in what it inherits, and in what can be reached from there.
func (i *inspection) opcodes() {
	contract := i.contract.linear[0]
	for _, kind := range []string{Delegatecall, Selfdestruct} {
		i.direct(kind, contract, contract)
		for _, f := range i.contract.reachable(contract, kind) {
			if f != contract {
				i.direct(kind, f.contract(), f)
			}
		}
		if contract.allows(kind, tagReachable) {
			continue
		}
		for _, base := range i.contract.linear[1:] {
			for _, n := range base.all("nodes") {
				if n.kind == "FunctionDefinition" && !isConstructor(n) && !callable(n) {
					continue // it is found where it is called
				}
				if base.allows(kind, tagAllow) || base.allows(kind, tagReachable) {
					continue
				}
				i.direct(kind, base, n)
				if n.kind != "FunctionDefinition" || isConstructor(n) || len(i.contract.overriders(n)) > 0 {
					continue
				}
				for _, f := range i.contract.reachable(n, kind) {
					i.direct(kind, f.contract(), f)
				}
			}
		}
	}
}

// direct finds instructions below a node, but for what is annotated.
func (i *inspection) direct(kind string, contract, below *node) {
	if contract != nil && excused(kind, contract) {
		return
	}
	below.walk(func(n *node) bool {
		if n.allows(kind, tagAllow) || n.allows(kind, tagReachable) {
			return false
		}
		found := opcodeOf(n) == kind
		for _, m := range operation.FindAllStringSubmatch(n.text("operations"), -1) {
			found = found || instruction(m[1]) == kind
		}
		if found {
			in := contract
			if in == nil {
				in = below // a function outside of contracts
			}
			i.add(kind, in, n, opcodeReason(kind, i.kind))
		}
		return true
	})
}

func opcodeReason(opcode string, kind Kind) string {
	switch {
	case opcode == Selfdestruct:
		return fmt.Sprintf("selfdestruct takes the balance of whatever delegates to this code, and called directly may remove the code itself: "+
			"take it out, or annotate it with @%s %s", tagAllow, Selfdestruct)
	case kind == Diamond:
		return fmt.Sprintf("delegatecall runs code that no manifest pins, on the dispatcher's storage: make it a route or a linked library, "+
			"or annotate it with @%s %s if its target is known to be safe", tagAllow, Delegatecall)
	}
	return fmt.Sprintf("delegatecall runs other code on the proxy's storage, and called directly may destroy the implementation: take it "+
		"out, or annotate it with @%s %s if its target is known to be safe", tagAllow, Delegatecall)
}
