package layout

import (
	"math"
	"math/big"
	"strings"
)

// change is what happened to one variable or member.
type change struct {
	kind     string
	old, new *Field
	types    *typeChange // of a typechange
}

// Kinds of changes that only the comparison knows, since they do no harm.
const (
	appended  = "append"
	shrinkGap = "shrinkgap"
	finishGap = "finishgap"
)

// typeChange says why a type cannot take the place of another.
type typeChange struct {
	kind     typeChangeKind
	old, new *Type
	inner    *typeChange
	changes  []change // of the members of a struct
	members  []edit   // of an enum
}

type typeChangeKind int

const (
	otherType typeChangeKind = iota
	arrayGrows
	arrayShrinks
	arrayDynamic
	ofKey
	ofValue
	ofElement
	ofMembers
	ofEnum
	otherSize
	otherVisibility
)

// What the changes cost, of which the cheapest explanation is taken.
const (
	costNothing = 0
	costSmall   = 1 // the same variable with another type or place, or one that takes a gap's last place
	costEdit    = 2 // one more, or one less
	costReplace = 3
)

// comparison remembers which structs it has compared, and which it is comparing, since a struct may hold itself.
type comparison struct {
	open map[structPair]int // and how deep
	done map[structPair]*typeChange
	// leans is the least depth of a comparison that was taken for granted since it was reset
	leans int
}

type structPair struct {
	old, new *Type
	mayGrow  bool
}

func newComparison() *comparison {
	return &comparison{open: map[structPair]int{}, done: map[structPair]*typeChange{}, leans: math.MaxInt}
}

// fields compares the variables of two versions.
func (c *comparison) fields(old, updated []Field, mayAppend bool) []change {
	edits := align(len(old), len(updated), func(i, j int) int { return c.cost(&old[i], &updated[j]) })
	var out []change
	for _, e := range edits {
		switch e.kind {
		case Replace:
			if ch := c.field(&old[e.old], &updated[e.new]); ch != nil && ch.kind != shrinkGap && ch.kind != finishGap {
				out = append(out, *ch)
			}
		case Delete:
			out = append(out, change{kind: Delete, old: &old[e.old]})
		case Insert:
			if f := &updated[e.new]; !fits(f, old) {
				out = append(out, change{kind: Insert, new: f})
			}
		case appended:
			if !mayAppend {
				out = append(out, change{kind: appended, new: &updated[e.new]})
			}
		}
	}
	return out
}

// cost is what it costs that a variable takes the place of another.
func (c *comparison) cost(old, updated *Field) int {
	if renamed(old, updated) && updated.retypedFrom == "" && !isGap(old) {
		return costReplace // whatever the types are
	}
	ch := c.field(old, updated)
	if ch == nil {
		return costNothing
	}
	switch ch.kind {
	case shrinkGap:
		return costNothing
	case TypeChange, LayoutChange, finishGap:
		return costSmall
	}
	return costReplace
}

// fits tells whether a field takes only what no field of the old layout has, or a gap has.
func fits(f *Field, old []Field) bool {
	begin, end := f.span()
	for i := range old {
		if isGap(&old[i]) {
			continue
		}
		if b, e := old[i].span(); begin.Cmp(e) < 0 && b.Cmp(end) < 0 {
			return false
		}
	}
	return true
}

// span is where a field begins and ends, in bytes.
func (f *Field) span() (begin, end *big.Int) {
	begin = new(big.Int).Mul(f.Slot, slotSize)
	begin.Add(begin, big.NewInt(int64(f.Offset)))
	return begin, new(big.Int).Add(begin, f.Type.bytes)
}

func endsAlike(a, b *Field) bool {
	_, endA := a.span()
	_, endB := b.span()
	return endA.Cmp(endB) == 0
}

// isGap tells whether a field keeps room for later ones.
func isGap(f *Field) bool {
	return (f.Label == "__gap" || strings.HasPrefix(f.Label, "__gap_")) && f.Type.shape == array && f.Type.length != nil
}

// renamed tells whether a variable is another by its name, and does not say that it is the same.
func renamed(old, updated *Field) bool {
	from := updated.renamedFrom
	if from != "" && from != old.Label && from != old.renamedFrom {
		return true // it says that it is another
	}
	return old.Label != updated.Label && old.Label != from
}

// field compares a variable with the one that may have taken its place; nil if nothing changed that matters.
func (c *comparison) field(old, updated *Field) *change {
	ch := &change{old: old, new: updated}
	moved := old.Slot.Cmp(updated.Slot) != 0 || old.Offset != updated.Offset || old.Type.bytes.Cmp(updated.Type.bytes) != 0
	if moved && updated.retypedFrom != "" {
		ch.kind = LayoutChange // what is said to be of another type must take the same room
		return ch
	}
	var types *typeChange
	if updated.retypedFrom == "" || plainLabel(updated.retypedFrom) != plainLabel(old.Type.label) {
		types = c.types(old.Type, updated.Type, false)
	}
	other, ends := renamed(old, updated), isGap(old) && endsAlike(old, updated)
	switch {
	case other && ends:
		ch.kind = finishGap
	case types != nil && types.kind == arrayShrinks && ends:
		ch.kind = shrinkGap
	case types != nil && other:
		ch.kind = Replace
	case types != nil:
		ch.kind, ch.types = TypeChange, types
	case other:
		ch.kind = Rename
	case moved:
		ch.kind = LayoutChange
	default:
		return nil
	}
	return ch
}

// plainLabel is a type without the words that tell what was declared, which annotations leave out.
func plainLabel(label string) string {
	for _, word := range []string{"contract ", "struct ", "enum "} {
		for i := 0; ; {
			at := strings.Index(label[i:], word)
			if at < 0 {
				break
			}
			at += i
			if at > 0 && isName(label[at-1]) {
				i = at + len(word)
				continue
			}
			label = label[:at] + label[at+len(word):]
			i = at
		}
	}
	return label
}

func isName(c byte) bool {
	return c == '_' || c == '$' || isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// types compares two types; nil if what is stored as one can be read as the other. mayGrow says that nothing follows in
// storage, as it is behind a mapping.
func (c *comparison) types(old, updated *Type, mayGrow bool) *typeChange {
	ch := &typeChange{old: old, new: updated}
	switch {
	case old.shape == contractRef && (updated.shape == contractRef || isAddress(updated)),
		isAddress(old) && updated.shape == contractRef:
		return nil
	case old.shape != updated.shape:
		return ch
	}
	switch old.shape {
	case function:
		if old.external != updated.external {
			ch.kind = otherVisibility
			return ch
		}
	case ownValue:
		if old.bytes.Cmp(updated.bytes) != 0 {
			ch.kind = otherSize
			return ch
		}
	case enumeration:
		return c.enums(ch)
	case mapping:
		if ch.inner = c.types(old.key, updated.key, false); ch.inner != nil {
			ch.kind = ofKey
			return ch
		}
		if ch.inner = c.types(old.elem, updated.elem, true); ch.inner != nil {
			ch.kind = ofValue
			return ch
		}
	case array:
		return c.arrays(ch, mayGrow)
	case structure:
		return c.structures(ch, mayGrow)
	case elementary:
		if old.label != updated.label {
			return ch
		}
	}
	return nil
}

func isAddress(t *Type) bool { return t.shape == elementary && t.label == "address" }

func (c *comparison) enums(ch *typeChange) *typeChange {
	a, b := ch.old.members, ch.new.members
	for _, e := range align(len(a), len(b), func(i, j int) int {
		if a[i] == b[j] {
			return costNothing
		}
		return costReplace
	}) {
		if e.kind != appended && (e.kind != Replace || a[e.old] != b[e.new]) {
			ch.members = append(ch.members, e)
		}
	}
	switch {
	case len(ch.members) > 0:
		ch.kind = ofEnum
	case ch.old.bytes.Cmp(ch.new.bytes) != 0:
		ch.kind = otherSize
	default:
		return nil
	}
	return ch
}

func (c *comparison) arrays(ch *typeChange, mayGrow bool) *typeChange {
	a, b := ch.old.length, ch.new.length
	switch {
	case (a == nil) != (b == nil):
		ch.kind = arrayDynamic
		return ch
	case a != nil && b.Cmp(a) < 0:
		ch.kind = arrayShrinks
		return ch
	case a != nil && b.Cmp(a) > 0 && !mayGrow:
		ch.kind = arrayGrows
		return ch
	}
	if ch.inner = c.types(ch.old.elem, ch.new.elem, false); ch.inner == nil {
		return nil
	}
	ch.kind = ofElement
	return ch
}

func (c *comparison) structures(ch *typeChange, mayGrow bool) *typeChange {
	pair := structPair{ch.old, ch.new, mayGrow}
	if known, ok := c.done[pair]; ok {
		return known
	}
	if depth, ok := c.open[pair]; ok {
		// it holds itself: what is unsafe is found where the comparison began
		c.leans = min(c.leans, depth)
		return nil
	}
	depth, before := len(c.open), c.leans
	c.open[pair], c.leans = depth, math.MaxInt
	ch.changes = c.fields(ch.old.fields, ch.new.fields, mayGrow)
	delete(c.open, pair)
	result := ch
	if ch.kind = ofMembers; len(ch.changes) == 0 {
		result = nil
	}
	if c.leans >= depth {
		c.done[pair] = result // it takes nothing for granted but itself
	}
	c.leans = min(before, c.leans)
	return result
}
