package layout

import (
	"fmt"
	"strings"
)

// why says what a change does, and what to do about it. Members of a namespace cannot be annotated.
func (c change) why(namespace string) string {
	switch c.kind {
	case Insert:
		return fmt.Sprintf("`%s` takes storage that was another variable's: put new variables after all others, those of base contracts "+
			"too, or into a gap", c.new.Label)
	case Delete:
		return fmt.Sprintf("`%s` is gone: what follows moves, and its storage may be taken again with what is in it: keep the variable, "+
			"even if nothing uses it", c.old.Label)
	case Replace:
		return fmt.Sprintf("`%s` (%s) is where `%s` (%s) was, and reads what that wrote: keep the old variable and put the new one after "+
			"all others", c.new.Label, c.new.Type.label, c.old.Label, c.old.Type.label)
	case Rename:
		why := fmt.Sprintf("`%s` is where `%s` was, and reads what that wrote: ", c.new.Label, c.old.Label)
		switch from := c.new.renamedFrom; {
		case namespace != "":
			return why + "keep the name if it is the same variable"
		case from != "":
			return why + fmt.Sprintf("but @%s names `%s`: correct the annotation, or the order of the variables", tagRenamed, from)
		}
		return why + fmt.Sprintf("if it is the same variable, say so with @%s %s", tagRenamed, c.old.Label)
	case TypeChange:
		why := fmt.Sprintf("`%s` %s: keep the type", c.new.Label, c.types.why())
		if namespace == "" && c.old.Type.bytes.Cmp(c.new.Type.bytes) == 0 {
			why += fmt.Sprintf(", or if what is stored reads the same, say so with @%s %s", tagRetyped, plainLabel(c.old.Type.label))
		}
		return why
	}
	return fmt.Sprintf("`%s` %s: what was stored is not found there: put variables back into their old order, with their old types",
		c.new.Label, moved(c.old, c.new))
}

func moved(old, updated *Field) string {
	var parts []string
	if old.Slot.Cmp(updated.Slot) != 0 {
		parts = append(parts, fmt.Sprintf("moves from slot %s to %s", old.Slot, updated.Slot))
	}
	if old.Offset != updated.Offset {
		parts = append(parts, fmt.Sprintf("moves from byte %d to %d of its slot", old.Offset, updated.Offset))
	}
	if old.Type.bytes.Cmp(updated.Type.bytes) != 0 {
		parts = append(parts, fmt.Sprintf("takes %s bytes instead of %s", updated.Type.bytes, old.Type.bytes))
	}
	return strings.Join(parts, ", ")
}

// why says what is wrong with another type.
func (t *typeChange) why() string {
	switch t.kind {
	case arrayGrows:
		return fmt.Sprintf("grows from %s to %s elements, into what follows", t.old.length, t.new.length)
	case arrayShrinks:
		return fmt.Sprintf("shrinks from %s to %s elements, and what follows moves (a gap must end where it ended)", t.old.length, t.new.length)
	case arrayDynamic:
		return fmt.Sprintf("was %s and is %s: one has its elements in place, the other elsewhere", t.old.label, t.new.label)
	case ofKey:
		return "has other keys: in them, it " + t.inner.why()
	case ofValue:
		return "has other values: each " + t.inner.why()
	case ofElement:
		return "has other elements: each " + t.inner.why()
	case ofMembers:
		var parts []string
		for _, c := range t.changes {
			parts = append(parts, c.member())
		}
		return fmt.Sprintf("is a %s that changed: %s", t.new.label, strings.Join(parts, "; "))
	case ofEnum:
		var parts []string
		for _, e := range t.members {
			switch e.kind {
			case Insert:
				parts = append(parts, fmt.Sprintf("`%s` is inserted", t.new.members[e.new]))
			case Delete:
				parts = append(parts, fmt.Sprintf("`%s` is gone", t.old.members[e.old]))
			default:
				parts = append(parts, fmt.Sprintf("`%s` is where `%s` was", t.new.members[e.new], t.old.members[e.old]))
			}
		}
		return fmt.Sprintf("is an %s whose numbers changed: %s", t.new.label, strings.Join(parts, "; "))
	case otherSize:
		return fmt.Sprintf("takes %s bytes instead of %s", t.new.bytes, t.old.bytes)
	case otherVisibility:
		return fmt.Sprintf("was %s and is %s: internal and external functions are stored differently", t.old.label, t.new.label)
	}
	return fmt.Sprintf("was %s and is %s", t.old.label, t.new.label)
}

// member says what happened to a member of a struct.
func (c change) member() string {
	switch c.kind {
	case appended:
		return fmt.Sprintf("`%s` is added, where storage that follows may be another's", c.new.Label)
	case Insert:
		return fmt.Sprintf("`%s` is inserted", c.new.Label)
	case Delete:
		return fmt.Sprintf("`%s` is gone", c.old.Label)
	case Replace, Rename:
		return fmt.Sprintf("`%s` is where `%s` was", c.new.Label, c.old.Label)
	case TypeChange:
		return fmt.Sprintf("`%s` %s", c.new.Label, c.types.why())
	}
	return fmt.Sprintf("`%s` %s", c.new.Label, moved(c.old, c.new))
}
