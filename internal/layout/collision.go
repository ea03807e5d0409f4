package layout

import (
	"cmp"
	"fmt"
	"slices"
)

// Collision is where two facets behind one dispatcher take the same storage for different things.
type Collision struct {
	Contract      string   `json:"contract"`
	OtherContract string   `json:"otherContract"`
	Namespace     string   `json:"namespace,omitempty"` // empty for variables outside of namespaces
	Slot          string   `json:"slot"`                // of the first contract's variable; in a namespace, from where it begins
	Variable      Variable `json:"variable"`
	OtherVariable Variable `json:"otherVariable"`
	Why           string   `json:"why"`
}

// Collisions finds facets that cannot be behind one dispatcher, since they share its storage. Two that both have variables
// outside of namespaces must have the same ones, and one may go on where the other ends; so must two that have a namespace
// of the same id. What Compare takes for the same is the same here: what says that it was renamed, an enum that has more
// names, a struct in a mapping that has more members. A variable that only one of them has does no harm where the other has
// none: in a gap, in what is left of a slot, or apart from all others through layout at.
//
// Of two contracts and a namespace, the first variables that collide are told. The order is that of the contracts' names,
// whatever the order of the facets. That a namespace begins where variables of another facet are is not looked for: the
// places that ERC-7201 gives are not those of others.
func Collisions(facets []*Contract) []Collision {
	facets = slices.SortedStableFunc(slices.Values(facets), func(a, b *Contract) int { return cmp.Compare(a.Name, b.Name) })
	c := newComparison()
	out := []Collision{}
	for i, a := range facets {
		for _, b := range facets[i+1:] {
			out = c.collisions(out, a, b)
		}
	}
	return out
}

func (c *comparison) collisions(out []Collision, a, b *Contract) []Collision {
	add := func(namespace string, fields, others []Field) {
		one, other := c.collide(fields, others)
		if one == nil {
			return
		}
		found := Collision{
			Contract: a.Name, OtherContract: b.Name, Namespace: namespace, Slot: one.Slot.String(),
			Variable: one.variable(), OtherVariable: other.variable(),
		}
		found.Why = found.why(meet(one, other))
		out = append(out, found)
	}
	add("", a.Storage, b.Storage)
	for _, ns := range a.Namespaces {
		for _, other := range b.Namespaces {
			if ns.ID == other.ID {
				add(ns.ID, ns.Fields, other.Fields)
			}
		}
	}
	return out
}

// collide finds the first two variables that take the same bytes and are not the same. If there are none it finds one that
// both have, but in different places, as a gap that did not shrink leaves it.
func (c *comparison) collide(a, b []Field) (one, other *Field) {
	together := false
	for i := range a {
		for j := range b {
			one, other = &a[i], &b[j]
			if isGap(one) || isGap(other) || !meet(one, other) {
				continue
			}
			together = true
			if c.field(one, other) != nil && c.field(other, one) != nil {
				return one, other
			}
		}
	}
	if !together {
		return nil, nil
	}
	for _, ch := range c.fields(a, b, true) {
		if ch.kind == LayoutChange && !isGap(ch.old) {
			return ch.old, ch.new
		}
	}
	return nil, nil
}

// meet tells whether two variables take a byte both.
func meet(a, b *Field) bool {
	beginA, endA := a.span()
	beginB, endB := b.span()
	return beginA.Cmp(endB) < 0 && beginB.Cmp(endA) < 0
}

func (f *Field) variable() Variable {
	return Variable{f.Label, f.Type.label, f.Slot.String(), f.Offset}
}

// why says what the two do to one another, and what to do about it.
func (c *Collision) why(overwrites bool) string {
	in, remedy := "", "let both inherit the same variables from one base contract, before their own, or move those of one into a namespace (ERC-7201)"
	if c.Namespace != "" {
		in = fmt.Sprintf("in namespace %s, ", c.Namespace)
		remedy = "let both use one definition of its struct, with new fields after all others, or give one of them another id"
	}
	harm := "one overwrites what the other stores"
	if !overwrites {
		harm = "one does not find what the other stores"
	}
	a, b := nameOf(c.Contract), nameOf(c.OtherContract)
	if a == b {
		a, b = c.Contract, c.OtherContract
	}
	return fmt.Sprintf("%s%s has %s, %s has %s, and %s: %s", in, a, c.Variable.describe(), b, c.OtherVariable.describe(), harm, remedy)
}

func (v *Variable) describe() string {
	out := fmt.Sprintf("`%s` (%s) at slot %s", v.Label, v.Type, v.Slot)
	if v.Offset > 0 {
		out += fmt.Sprintf(" from byte %d on", v.Offset)
	}
	return out
}
