package main

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/seed-b6a97670/lockstep/internal/rule"
)

func TestRulesAreCurrent(t *testing.T) {
	want, err := rules()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join("..", "rules.md"))
	if err != nil || string(got) != want {
		t.Errorf("docs/reference/rules.md is not current: run make generate (%v)", err)
	}
}

// TestExampleIsMet: what the reference shows of the format is so.
func TestExampleIsMet(t *testing.T) {
	lines, err := rule.New(nil).Replay(strings.NewReader(example))
	if err != nil || len(lines) != 3 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	for _, l := range lines {
		if l.Problem != "" {
			t.Errorf("line %d: %s", l.Line, l.Problem)
		}
	}
}

// TestFormatIsWhole: each sight, and each field of one, is described.
func TestFormatIsWhole(t *testing.T) {
	_, format, ok := strings.Cut(rulesTemplate, "## Recorded sequences")
	if !ok {
		t.Fatal("there is no section about sequences")
	}
	var described []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-zA-Z]+)` \\| [^|]* \\| [^|]*\\|$").FindAllStringSubmatch(format, -1) {
		described = append(described, m[1])
	}
	for _, s := range rule.Sights() {
		if !slices.Contains(described, string(s)) {
			t.Errorf("sight %s is not described", s)
		}
	}
	if fields := 6; len(described) != len(rule.Sights())+fields {
		t.Errorf("%d rows, want %d sights and %d fields: %v", len(described), len(rule.Sights()), fields, described)
	}
	seen := reflect.TypeFor[rule.Seen]()
	for i := range seen.NumField() {
		name, _, _ := strings.Cut(seen.Field(i).Tag.Get("json"), ",")
		if !strings.Contains(format, "`"+name+"`") {
			t.Errorf("field %s is not described", name)
		}
	}
	for _, of := range []reflect.Type{reflect.TypeFor[rule.Effect](), reflect.TypeFor[rule.Expected](), reflect.TypeFor[rule.Want](), reflect.TypeFor[rule.Detail]()} {
		for i := range of.NumField() {
			name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			if !strings.Contains(format, "`"+name+"`") {
				t.Errorf("field %s of %s is not described", name, of)
			}
		}
	}
}
