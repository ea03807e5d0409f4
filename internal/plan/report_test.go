package plan

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/manifest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMarkdown(t *testing.T) {
	unchecked := full()
	unchecked.Intent.Action, unchecked.Intent.Hotfix, unchecked.Intent.Source.Clean = Rollback, false, false
	unchecked.Intent.Networks[1].Calls = []int{}
	unchecked.Observations.Checks, unchecked.Observations.Init, unchecked.Observations.Routes = nil, "", nil
	unknown := pausePlan()
	unknown.Intent.Source = &Source{}
	for name, p := range map[string]*Plan{"rollout": full(), "rollback": unchecked, "pause": unknown, "policy": policyPlan()} {
		path := filepath.Join("testdata", name+".md")
		got := []byte(sealed(t, p).Markdown())
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s: go test -update writes it anew (-want +got):\n%s", name, diff)
		}
	}
}

// hostile is what somebody would write who wants to have a reviewer see something else.
var hostile = []string{
	"|", "a | b | c", `a\|b`, `a\\|b`, "`", "``", "` | `", "\\", "a\\", "<img src=x>", "<!--", "-->", "</details>", "</code>", "&lt;b&gt;", "&#124;",
	"a\nb", "\r\n\r\n# Approved", "a\u2028b", "**x**", "__x__", "[x](y)", "![x](y)", "~~x~~", "$x$", "@everyone", "x\ty", "\x1b[31m",
}

// TestNothingBreaksOutOfItsCell puts each of these in the place of each text of a plan: the report has the same lines with as many
// cells, and no mark of Markdown or HTML that was not there.
func TestNothingBreaksOutOfItsCell(t *testing.T) {
	base := shape(full().Markdown())
	if len(base) < 60 {
		t.Fatalf("%q", base)
	}
	for i, l := range words(reflect.ValueOf(full()).Elem(), "") {
		if l.path == "Intent.Action" || l.path == "Observations.Networks[0].Network" || l.path == "Observations.Networks[1].Network" {
			continue // an action is one that is known; what is seen of no network of the plan is not shown
		}
		for _, text := range hostile {
			p := full()
			words(reflect.ValueOf(p).Elem(), "")[i].set(text)
			for at, n := range p.Intent.Networks {
				p.Observations.Networks[at].Network = n.Name
			}
			if diff := cmp.Diff(base, shape(p.Markdown())); diff != "" {
				t.Errorf("%s is %q: (-want +got):\n%s", l.path, text, diff)
			}
		}
	}
}

var (
	inCode  = regexp.MustCompile("`[^`]*`|</?code>")
	escaped = regexp.MustCompile(`\\[!-/:-@\[-` + "`" + `{-~]|&(#\d+|[a-z]+);`)
	text    = regexp.MustCompile("[^|<>*_\\[\\]~$@!#`&\\\\\x00-\x1f\u2028]")
)

// shape is a report without its texts: for each line the marks that a reader sees in it. A bar ends a cell wherever it stands, also
// in code, and to some readers also behind a backslash.
func shape(markdown string) (out []string) {
	for _, line := range strings.Split(markdown, "\n") {
		bars := strings.Count(line, "|")
		line = escaped.ReplaceAllString(inCode.ReplaceAllString(line, ""), "")
		line = text.ReplaceAllString(line, "")
		out = append(out, fmt.Sprintf("%d %s", bars, strings.ReplaceAll(line, "|", "")))
	}
	return out
}

func TestCodeShowsATextAsItIs(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "Token": "`Token`", "transfer(address,uint256)": "`transfer(address,uint256)`", "a_b*c": "`a_b*c`", "<b>": "`<b>`", "a&b": "`a&b`",
		"a|b": "<code>a&#124;b</code>", "a`b": "<code>a&#96;b</code>", `a\b`: `<code>a\\b</code>`, `a\|<b>&`: `<code>a\\&#124;&lt;b&gt;&amp;</code>`,
		"a\nb": "`a b`",
	} {
		if got := code(text); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

func TestGroupRoutes(t *testing.T) {
	a := []manifest.RouteChange{{Kind: manifest.Added, Signature: "f()"}}
	b := []manifest.RouteChange{{Kind: manifest.Added, Signature: "g()"}}
	got := GroupRoutes([]string{"one", "two", "three", "four", "five"}, [][]manifest.RouteChange{a, b, a, nil, a}, []int{1, 1, 1, 1, 2})
	want := []RouteChanges{{[]string{"one", "three"}, a, 1}, {[]string{"two"}, b, 1}, {[]string{"four"}, nil, 1}, {[]string{"five"}, a, 2}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
