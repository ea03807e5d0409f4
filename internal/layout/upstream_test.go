package layout_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/build"
	"github.com/seed-b6a97670/lockstep/internal/layout"
)

// verdict is what upgrades-core says of a pair of contracts.
type verdict struct {
	Old, New string
	Kind     layout.Kind
	OK       bool
	Changes  []string
	Findings []struct{ Kind, Src string }
}

// differences are the pairs of which upgrades-core says something else, and why this package does not agree.
var differences = map[string]string{
	"pairs/safety.sol:AssemblyV2": "upgrades-core looks for delegatecall and selfdestruct in Solidity alone, not in assembly",
	"pairs/safety.sol:ReachedThroughBaseV2": "upgrades-core does not follow calls out of functions that are inherited, as it does out of the " +
		"contract's own",
	"pairs/initializers.sol:InheritsChainV2": "upgrades-core asks for an initializer that is inherited: of three contracts in a row each of which " +
		"initializes the one before, it passes over the third when it takes out the first",
}

// compiledDir is where compiled has written to.
var compiledDir string

// compiled runs solc and upgrades-core once for all tests of the package, and returns the folder with what they say.
var compiled = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "layout")
	if err != nil {
		return "", err
	}
	compiledDir = dir
	modules, err := filepath.Abs("../../contracts/node_modules")
	if err != nil {
		return dir, err
	}
	out, err := exec.Command("node", "testdata/upgrades/verdicts.js", modules, "testdata", dir).CombinedOutput()
	if err != nil {
		return dir, fmt.Errorf("%w (is make setup done?)\n%s", err, out)
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if compiledDir != "" {
		_ = os.RemoveAll(compiledDir) // what is left is in a temporary folder
	}
	os.Exit(code)
}

// read reads a build that was compiled; edit changes it first.
func read(t testing.TB, folder string, edit ...func(info map[string]any)) *build.Compilations {
	t.Helper()
	dir, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, folder+".json")
	if len(edit) > 0 {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var info map[string]any
		if err := json.Unmarshal(data, &info); err != nil {
			t.Fatal(err)
		}
		for _, e := range edit {
			e(info)
		}
		if data, err = json.Marshal(info); err != nil {
			t.Fatal(err)
		}
		file = filepath.Join(t.TempDir(), "build.json")
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c, err := build.ReadCompilations(file)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func contract(t testing.TB, c *build.Compilations, name string) *layout.Contract {
	t.Helper()
	out, err := c.Contract(name)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func verdicts(t testing.TB) []verdict {
	t.Helper()
	dir, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "verdicts.json"))
	if err != nil {
		t.Fatal(err)
	}
	var out []verdict
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// withoutStorageLayout takes storageLayout out of a build, as the build tools do not ask for it by themselves.
func withoutStorageLayout(info map[string]any) {
	for _, contracts := range info["output"].(map[string]any)["contracts"].(map[string]any) {
		for _, c := range contracts.(map[string]any) {
			delete(c.(map[string]any), "storageLayout")
		}
	}
}

// TestVerdictsAreThoseOfUpgradesCore compares whether an upgrade is safe, the kinds of changes, and the kinds and lines of
// findings, with storageLayout and without.
func TestVerdictsAreThoseOfUpgradesCore(t *testing.T) {
	with, without := read(t, "pairs"), read(t, "pairs", withoutStorageLayout)
	unsafe, kinds, differ := 0, map[string]int{}, map[string]bool{}
	all := verdicts(t)
	for _, v := range all {
		theirs := summary{OK: v.OK}
		for _, kind := range v.Changes {
			theirs.Changes = append(theirs.Changes, strings.TrimSuffix(kind, "-namespace"))
		}
		for _, f := range v.Findings {
			theirs.Findings = append(theirs.Findings, f.Kind+" at "+f.Src)
		}
		theirs.sort()
		for name, c := range map[string]*build.Compilations{"storageLayout": with, "syntax tree": without} {
			ours := summarize(layout.Check(contract(t, c, v.Old), contract(t, c, v.New), v.Kind))
			diff := cmp.Diff(theirs, ours)
			if diff == "" {
				continue
			}
			differ[v.New] = true
			if differences[v.New] == "" {
				t.Errorf("%s, %s, from %s (-upgrades-core +layout):\n%s", v.New, v.Kind, name, diff)
			}
		}
		if !v.OK {
			unsafe++
		}
		for _, kind := range slices.Compact(slices.Sorted(slices.Values(theirs.Changes))) {
			kinds[kind]++
		}
		seen := map[string]bool{}
		for _, f := range v.Findings {
			if !seen[f.Kind] {
				kinds[f.Kind]++
			}
			seen[f.Kind] = true
		}
	}
	for name := range differences {
		if !differ[name] {
			t.Errorf("%s is listed, but does not differ", name)
		}
	}
	if len(all) < 100 || unsafe < 40 || len(differences) > 3 {
		t.Errorf("%d pairs, %d of them unsafe, %d differ", len(all), unsafe, len(differences))
	}
	for _, kind := range []string{
		layout.Insert, layout.Delete, layout.Replace, layout.TypeChange, layout.Rename, layout.LayoutChange,
		layout.Constructor, layout.Delegatecall, layout.Selfdestruct, layout.StateVariableAssignment, layout.StateVariableImmutable,
		layout.ExternalLibraryLinking, layout.InternalFunctionStorage, layout.MissingPublicUpgradeTo, layout.MissingInitializer,
		layout.MissingInitializerCall, layout.DuplicateInitializerCall, layout.IncorrectInitializerOrder,
	} {
		if kinds[kind] < 3 {
			t.Errorf("%s is in %d pairs, want 3", kind, kinds[kind])
		}
	}
	t.Logf("%d pairs, %d of them unsafe, %d differ as listed", len(all), unsafe, len(differ))
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		t.Logf("%4d %s", kinds[kind], kind)
	}
}

// summary is what verdicts are compared by.
type summary struct {
	OK                bool
	Changes, Findings []string
}

func (s *summary) sort() {
	slices.Sort(s.Changes)
	slices.Sort(s.Findings)
	s.Findings = slices.Compact(s.Findings)
}

func summarize(r layout.Report) summary {
	s := summary{OK: r.OK}
	for _, c := range r.Changes {
		s.Changes = append(s.Changes, c.Kind)
	}
	for _, f := range r.Findings {
		line := fmt.Sprintf(":%d", f.Line)
		if f.Kind == layout.ExternalLibraryLinking {
			line = "" // upgrades-core names the file alone
		}
		s.Findings = append(s.Findings, f.Kind+" at "+f.File+line)
	}
	s.sort()
	return s
}
