// Package docs_test holds the documents to what they say: their commands run, their links lead somewhere.
package docs_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/seed-b6a97670/lockstep/internal/cli"
	"github.com/seed-b6a97670/lockstep/internal/config"
	"github.com/seed-b6a97670/lockstep/internal/plan"
)

const root = ".."

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// commands returns the lines of all shell blocks of a document.
func commands(t *testing.T, path string) []string {
	t.Helper()
	var out []string
	for _, block := range shellBlock.FindAllStringSubmatch(read(t, path), -1) {
		for line := range strings.Lines(block[1]) {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return out
}

// TestReadmeCommands runs what the README says. Its second command runs this very test, so it is only compared with what
// CI runs.
func TestReadmeCommands(t *testing.T) {
	got := commands(t, "README.md")
	if len(got) != 2 {
		t.Fatalf("the README has %d commands, want two: %q", len(got), got)
	}
	if _, err := os.Stat(filepath.Join(root, "test.sh")); err != nil || got[1] != "sh test.sh" {
		t.Errorf("the second command is %q: %v", got[1], err)
	}
	if ci := read(t, ".ci/run"); !strings.Contains(ci, "\n"+got[1]+"\n") {
		t.Errorf("CI does not run %q:\n%s", got[1], ci)
	}
	words := strings.Fields(got[0])
	cmd := exec.CommandContext(t.Context(), words[0], words[1:]...)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", got[0], err, out)
	}
	if !strings.Contains(string(out), "same routes, same address, same code on all 3 networks: true") {
		t.Errorf("%s printed\n%s", got[0], out)
	}
}

// TestCommandsInDocumentsExist compares every lockstep command and flag in the documents with the reference.
func TestCommandsInDocumentsExist(t *testing.T) {
	reference, err := cli.Reference()
	if err != nil {
		t.Fatal(err)
	}
	if reference != read(t, "docs/reference/cli.md") {
		t.Error("docs/reference/cli.md is not current: run make generate")
	}
	found := 0
	for _, line := range commands(t, "docs/guide.md") {
		if !strings.HasPrefix(line, "lockstep ") {
			continue
		}
		found++
		words := strings.Fields(line)
		heading := "## lockstep " + words[1]
		if slices.Contains([]string{"alert", "approvals", "audit", "config", "db", "event", "execution", "key", "layout", "manifest", "metrics", "network", "notify", "rule", "token", "upgrade"}, words[1]) {
			heading += " " + words[2]
		}
		_, section, ok := strings.Cut(reference, heading+"\n")
		if !ok {
			t.Errorf("%q: there is no %q", line, heading)
			continue
		}
		section, _, _ = strings.Cut(section, "\n## ")
		for _, w := range words {
			if strings.HasPrefix(w, "-") && !strings.Contains(section, w+" ") && !strings.Contains(section, w+",") {
				t.Errorf("%q: %s has no flag %s", line, heading, w)
			}
		}
	}
	if found < 10 {
		t.Errorf("found %d commands in the guide", found)
	}
}

var alertsBlock = regexp.MustCompile("(?s)```yaml\n(alerts:\n.*?)```")

// TestAlertExamplesParse: what documents show of alerts can stand in a configuration.
func TestAlertExamplesParse(t *testing.T) {
	found := 0
	for _, path := range []string{"docs/guide.md", "docs/reference/rules.md"} {
		for _, block := range alertsBlock.FindAllStringSubmatch(read(t, path), -1) {
			found++
			if _, err := config.Parse(path, over(t, read(t, "examples/market/lockstep.yaml"), block[1])); err != nil {
				t.Errorf("%v\nin\n%s", err, block[1])
			}
		}
	}
	if found < 2 {
		t.Errorf("found %d examples", found)
	}
}

// over is a configuration with what an example says in the place of, or beside, what it says.
func over(t *testing.T, base, example string) []byte {
	t.Helper()
	var all, more map[string]any
	if err := errors.Join(yaml.Unmarshal([]byte(base), &all), yaml.Unmarshal([]byte(example), &more)); err != nil {
		t.Fatal(err)
	}
	mergeInto(all, more)
	out, err := yaml.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func mergeInto(all, more map[string]any) {
	for key, value := range more {
		inner, ok := value.(map[string]any)
		if outer, both := all[key].(map[string]any); ok && both {
			mergeInto(outer, inner)
			continue
		}
		all[key] = value
	}
}

var link = regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`)

func TestLinksLeadSomewhere(t *testing.T) {
	var documents []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "examples/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, found...)
	}
	links := 0
	for _, d := range documents {
		data, err := os.ReadFile(d)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(data), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			links++
			if _, err := os.Stat(filepath.Join(filepath.Dir(d), m[1])); err != nil {
				t.Errorf("%s: %v", d, err)
			}
		}
	}
	if links < 20 {
		t.Errorf("found %d links in %d documents", links, len(documents))
	}
}

// TestChecksAreExplained: every check of a plan stands in the reference, with its severity.
func TestChecksAreExplained(t *testing.T) {
	reference := read(t, "docs/reference/checks.md")
	for _, id := range plan.Checks() {
		if row := "| `" + id + "` | " + string(plan.SeverityOf(id)) + " | "; !strings.Contains(reference, row) {
			t.Errorf("there is no %q", row)
		}
	}
	if rows := strings.Count(reference, "\n| `"); rows != len(plan.Checks()) {
		t.Errorf("%d rows of %d checks", rows, len(plan.Checks()))
	}
}
