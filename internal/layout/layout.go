// Package layout compares the storage of two versions of a contract, and finds what makes a contract unsafe behind a
// proxy. It works on what the compiler says of a build: syntax trees, and the storage layout if it was asked for. Its
// verdicts are those of OpenZeppelin's upgrades-core, with which the tests compare them.
package layout

import (
	"fmt"
	"slices"
)

// Kind is what delegates to a contract.
type Kind string

// The kinds of proxies.
const (
	UUPS        Kind = "uups"        // upgraded through the implementation
	Transparent Kind = "transparent" // upgraded by an admin
	Beacon      Kind = "beacon"      // upgraded at a beacon
	Diamond     Kind = "diamond"     // one facet of a ManifestDispatcher
)

// KindOf guesses what delegates to a contract: a UUPS proxy if it can be upgraded through it, else a transparent one.
func KindOf(c *Contract) Kind {
	if c.upgradable() {
		return UUPS
	}
	return Transparent
}

// Kinds of changes.
const (
	Insert       = "insert"
	Delete       = "delete"
	Replace      = "replace"
	TypeChange   = "typechange"
	Rename       = "rename"
	LayoutChange = "layoutchange"
)

// Kinds of findings. Up to the order of initializers they are named as upgrades-core names them, and can be allowed by its
// annotations, but for the upgrade function and function pointers.
const (
	Constructor               = "constructor"
	Delegatecall              = "delegatecall"
	Selfdestruct              = "selfdestruct"
	StateVariableAssignment   = "state-variable-assignment"
	StateVariableImmutable    = "state-variable-immutable"
	ExternalLibraryLinking    = "external-library-linking"
	InternalFunctionStorage   = "internal-function-storage"
	MissingPublicUpgradeTo    = "missing-public-upgradeto"
	MissingInitializer        = "missing-initializer"
	MissingInitializerCall    = "missing-initializer-call"
	DuplicateInitializerCall  = "duplicate-initializer-call"
	IncorrectInitializerOrder = "incorrect-initializer-order"
	NamespaceCollision        = "namespace-collision"
	NamespaceOutside          = "namespace-outside-contract"
	StateVariable             = "state-variable"
)

// Report says whether an upgrade is safe.
type Report struct {
	OK          bool      `json:"ok"`
	Contract    string    `json:"contract"`
	NewContract string    `json:"newContract"`
	Kind        Kind      `json:"kind"`
	Changes     []Change  `json:"changes"`
	Findings    []Finding `json:"findings"`
}

// Change is a change of storage that is not safe.
type Change struct {
	Kind      string    `json:"kind"`
	Label     string    `json:"label"`
	Slot      string    `json:"slot"` // in a namespace, from where it begins
	Offset    int       `json:"offset"`
	Namespace string    `json:"namespace,omitempty"`
	Old       *Variable `json:"old,omitempty"`
	New       *Variable `json:"new,omitempty"`
	Why       string    `json:"why"`
}

// Variable is one side of a change.
type Variable struct {
	Label  string `json:"label"`
	Type   string `json:"type"`
	Slot   string `json:"slot"`
	Offset int    `json:"offset"`
}

// Finding is what makes a contract unsafe by itself.
type Finding struct {
	Kind     string `json:"kind"`
	Contract string `json:"contract"`
	File     string `json:"file"`
	Line     int    `json:"line,omitempty"`
	Warning  bool   `json:"warning"` // it does not make the contract unsafe
	Why      string `json:"why"`
}

// Check tells whether what delegates to the old version can go on with the new one.
func Check(old, updated *Contract, kind Kind) Report {
	r := Report{
		Contract: old.Name, NewContract: updated.Name, Kind: kind, Changes: Compare(old, updated, kind), Findings: inspect(updated, kind),
	}
	r.OK = len(r.Changes) == 0
	for _, f := range r.Findings {
		r.OK = r.OK && f.Warning
	}
	return r
}

// Compare finds the changes of storage between two versions that are not safe. Namespaces that are declared outside of
// contracts are compared for facets, whose storage is mostly there.
func Compare(old, updated *Contract, kind Kind) []Change {
	c := newComparison()
	out := []Change{}
	for _, ch := range c.fields(old.Storage, updated.Storage, true) {
		out = append(out, ch.report(""))
	}
	for _, before := range old.Namespaces {
		if before.Outside && kind != Diamond {
			continue
		}
		after := slices.IndexFunc(updated.Namespaces, func(ns Namespace) bool {
			return ns.ID == before.ID && (!ns.Outside || kind == Diamond)
		})
		if after < 0 {
			slot := "0"
			if before.Slot != nil {
				slot = fmt.Sprintf("%#x", before.Slot)
			}
			out = append(out, Change{
				Kind: Delete, Label: before.ID, Slot: slot, Namespace: before.ID,
				Why: fmt.Sprintf("namespace %s is gone, and what it held can be taken again: keep the struct, even if nothing uses it", before.ID),
			})
			continue
		}
		for _, ch := range c.fields(before.Fields, updated.Namespaces[after].Fields, true) {
			out = append(out, ch.report(before.ID))
		}
	}
	return out
}

func (c change) report(namespace string) Change {
	out := Change{Kind: c.kind, Namespace: namespace, Why: c.why(namespace)}
	for _, f := range []*Field{c.old, c.new} {
		if f == nil {
			continue
		}
		out.Label, out.Slot, out.Offset = f.Label, f.Slot.String(), f.Offset
		v := &Variable{f.Label, f.Type.label, f.Slot.String(), f.Offset}
		if f == c.old {
			out.Old = v
		} else {
			out.New = v
		}
	}
	return out
}
