package layout

import (
	"fmt"
	"slices"
	"strings"
)

// Tags of OpenZeppelin's, and that of ERC-7201.
const (
	tagRenamed    = "custom:oz-renamed-from"
	tagRetyped    = "custom:oz-retyped-from"
	tagAllow      = "custom:oz-upgrades-unsafe-allow"
	tagReachable  = "custom:oz-upgrades-unsafe-allow-reachable"
	tagInitialize = "custom:oz-upgrades-validate-as-initializer"
	tagLocation   = "custom:storage-location"
)

// tags are what the documentation of a node says under a tag, once for each time that it is there.
func (n *node) tags(tag string) []string {
	text := n.text("documentation") // before version 0.6.3
	if doc := n.child("documentation"); doc != nil {
		text = doc.text("text")
	}
	if !strings.Contains(text, tag) {
		return nil
	}
	var out []string
	in := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "@"); ok {
			name, value, _ := strings.Cut(name, " ")
			if in = name == tag; in {
				out = append(out, strings.TrimSpace(value))
			}
		} else if in && line != "" {
			last := len(out) - 1
			out[last] = strings.TrimSpace(out[last] + "\n" + line)
		}
	}
	return out
}

// tag is what the last of them says.
func (n *node) tag(tag string) string {
	if all := n.tags(tag); len(all) > 0 {
		return all[len(all)-1]
	}
	return ""
}

// allows tells whether the documentation of a node allows what a finding of a kind says, in the node itself, or in what is
// reached from it.
func (n *node) allows(kind, tag string) bool {
	for _, text := range n.tags(tag) {
		if slices.Contains(strings.Fields(text), kind) {
			return true
		}
	}
	return false
}

// at is a place for people.
func at(file string, line int) string {
	if line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}
