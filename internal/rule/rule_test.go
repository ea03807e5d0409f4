package rule

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRules shows each of the recorded sequences to an engine with default settings. A sequence says what is to follow from its lines.
func TestRules(t *testing.T) {
	files, err := filepath.Glob("testdata/*.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".jsonl"), func(t *testing.T) {
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = f.Close() }()
			out, err := New(nil).Replay(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range out {
				if x.Problem != "" {
					t.Errorf("line %d: %s; got %v", x.Line, x.Problem, short4(x.Changes))
				}
				for _, c := range x.Changes {
					if c.Turn == Raised {
						shown[c.Alert.Rule] = true
					}
				}
			}
		})
	}
	for _, d := range Definitions() {
		if !shown[d.Name] {
			t.Errorf("no sequence raises %s", d.Name)
		}
	}
}

func short4(changes []Change) (out []string) {
	for _, c := range changes {
		out = append(out, fmt.Sprintf("%s %s (%s) about %s", c.Turn, c.Alert.Rule, c.Alert.Severity, c.Alert.Subject))
	}
	return out
}
