package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Difference is a place where a manifest does not say what follows from its inputs.
type Difference struct {
	Path string `json:"path"`
	Got  string `json:"got"`
	Want string `json:"want"`
}

func (d Difference) String() string {
	return fmt.Sprintf("%s is %s, must be %s", d.Path, d.Got, d.Want)
}

// Verify computes a manifest again from its inputs and returns where the file differs, its encoding included. An error
// means that the inputs themselves are refused.
func Verify(file []byte, run Runner, rules Rules) (*Manifest, []Difference, error) {
	m, err := Decode(bytes.NewReader(file))
	if err != nil {
		return nil, nil, err
	}
	again, err := Decode(bytes.NewReader(file))
	if err != nil {
		return nil, nil, err
	}
	if err := assemble(again, run, rules); err != nil {
		return nil, nil, err
	}
	want, err := Encode(again)
	if err != nil {
		return nil, nil, err
	}
	if bytes.Equal(file, want) {
		return m, nil, nil
	}
	var gotTree, wantTree any
	if err := json.Unmarshal(file, &gotTree); err != nil {
		return nil, nil, fmt.Errorf("not a manifest: %w", err)
	}
	if err := json.Unmarshal(want, &wantTree); err != nil {
		return nil, nil, err
	}
	diffs := compare(nil, "", gotTree, wantTree)
	if len(diffs) == 0 {
		diffs = []Difference{{Path: "encoding", Got: "another JSON encoding", Want: "the canonical one"}}
	}
	return m, diffs, nil
}

func compare(diffs []Difference, path string, got, want any) []Difference {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			break
		}
		for _, key := range unionKeys(g, w) {
			diffs = compare(diffs, strings.TrimPrefix(path+"."+key, "."), g[key], w[key])
		}
		return diffs
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			break
		}
		for i := range w {
			diffs = compare(diffs, path+"["+strconv.Itoa(i)+"]", g[i], w[i])
		}
		return diffs
	}
	if g, w := show(got), show(want); g != w {
		diffs = append(diffs, Difference{Path: path, Got: shorten(g), Want: shorten(w)})
	}
	return diffs
}

func unionKeys(a, b map[string]any) []string {
	seen := map[string]bool{}
	for k := range a {
		seen[k] = true
	}
	for k := range b {
		seen[k] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

func show(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

func shorten(s string) string {
	if len(s) <= 90 {
		return s
	}
	return s[:60] + "... (" + strconv.Itoa(len(s)) + " characters)"
}
