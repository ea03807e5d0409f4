package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// repository is a real one, with a.sol, lib/b.sol and "odd\tname\n.sol" in its one commit, and what git ignores.
func repository(t *testing.T) string {
	t.Helper()
	t.Setenv("HOME", t.TempDir()) // whoever runs the tests may have a configuration
	t.Setenv("XDG_CONFIG_HOME", "")
	dir := filepath.Join(t.TempDir(), "project")
	for name, text := range map[string]string{
		"a.sol": "one", "lib/b.sol": "two", "odd\tname\n.sol": "three", ".gitignore": "out/\n", "out/a.json": "built",
	} {
		write(t, filepath.Join(dir, name), text)
	}
	run(t, dir, "init", "--quiet")
	run(t, dir, "add", ".")
	commit(t, dir)
	return dir
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func commit(t *testing.T, dir string) {
	t.Helper()
	run(t, dir, "-c", "user.name=Tester", "-c", "user.email=tester@example.com", "-c", "commit.gpgsign=false", "commit", "--quiet", "-m", "one")
}

// inner adds a repository inside of a repository, as a submodule is, at lib/inner.
func inner(t *testing.T, dir string) string {
	t.Helper()
	in := filepath.Join(dir, "lib", "inner")
	write(t, filepath.Join(in, "i.sol"), "one")
	run(t, in, "init", "--quiet")
	run(t, in, "add", ".")
	commit(t, in)
	run(t, dir, "add", ".")
	commit(t, dir)
	return in
}

func TestRead(t *testing.T) {
	type edit = func(t *testing.T, dir string)
	writes := func(name string) edit {
		return func(t *testing.T, dir string) { write(t, filepath.Join(dir, name), "else") }
	}
	removes := func(name string) edit {
		return func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	gits := func(args ...string) edit { return func(t *testing.T, dir string) { run(t, dir, args...) } }
	for name, c := range map[string]struct {
		edits  []edit
		below  string
		ignore []string
		want   []string
	}{
		"clean":                    {},
		"modified":                 {edits: []edit{writes("a.sol")}, want: []string{"a.sol"}},
		"staged":                   {edits: []edit{writes("a.sol"), gits("add", ".")}, want: []string{"a.sol"}},
		"staged and put back":      {edits: []edit{writes("a.sol"), gits("add", "."), func(t *testing.T, dir string) { write(t, filepath.Join(dir, "a.sol"), "one") }}, want: []string{"a.sol"}},
		"removed":                  {edits: []edit{removes("a.sol")}, want: []string{"a.sol"}},
		"moved":                    {edits: []edit{gits("mv", "a.sol", "c.sol")}, want: []string{"a.sol", "c.sol"}},
		"made executable":          {edits: []edit{func(t *testing.T, dir string) { _ = os.Chmod(filepath.Join(dir, "a.sol"), 0o755) }}, want: []string{"a.sol"}},
		"not added":                {edits: []edit{writes("c.sol"), writes("new/d.sol")}, want: []string{"c.sol", "new/d.sol"}},
		"not added, as configured": {edits: []edit{writes("c.sol"), gits("config", "status.showUntrackedFiles", "no")}, want: []string{"c.sol"}},
		"ignored by git":           {edits: []edit{writes("out/b.json")}},
		"odd names": {
			edits: []edit{writes("odd\tname\n.sol"), writes("new \"\xff name -> \n\t?? x")},
			want:  []string{"new \"\xff name -> \n\t?? x", "odd\tname\n.sol"},
		},
		"a repository inside": {
			edits: []edit{func(t *testing.T, dir string) { run(t, filepath.Join(dir, "lib"), "init", "--quiet", "inner") }},
			want:  []string{"lib/inner"},
		},
		"changed inside a repository inside": {
			edits: []edit{func(t *testing.T, dir string) {
				write(t, filepath.Join(inner(t, dir), "i.sol"), "else")
				run(t, dir, "config", "diff.ignoreSubmodules", "all")
			}},
			want: []string{"lib/inner"},
		},
		"clean with a repository inside": {edits: []edit{func(t *testing.T, dir string) { inner(t, dir) }}},

		"ignored file":             {edits: []edit{writes("a.sol"), writes("c.sol")}, ignore: []string{"a.sol", "./c.sol"}},
		"ignored folder":           {edits: []edit{writes("lib/b.sol"), writes("lib/new/c.sol"), writes("c.sol")}, ignore: []string{"lib/"}, want: []string{"c.sol"}},
		"ignored by a like name":   {edits: []edit{writes("lib/b.sol"), writes("lib2/c.sol")}, ignore: []string{"li", "lib/b", "b.sol", "lib2/c.sol/d"}, want: []string{"lib/b.sol", "lib2/c.sol"}},
		"ignored as a whole":       {edits: []edit{writes("lib/b.sol")}, ignore: []string{"."}},
		"ignored without a change": {ignore: []string{"a.sol", "nothing"}},

		"a folder of it":                {edits: []edit{writes("a.sol"), writes("lib/b.sol"), writes("lib/c.sol"), writes("library/d.sol")}, below: "lib", want: []string{"b.sol", "c.sol"}},
		"a clean folder of it":          {edits: []edit{writes("a.sol"), writes("new.sol")}, below: "lib"},
		"a folder of it, with ignore":   {edits: []edit{writes("lib/b.sol"), writes("lib/c.sol")}, below: "lib", ignore: []string{"c.sol", "lib/b.sol"}, want: []string{"b.sol"}},
		"a folder of an odd name of it": {edits: []edit{writes("new\n/c.sol")}, below: "new\n", want: []string{"c.sol"}},
		"moved out of a folder":         {edits: []edit{gits("mv", "lib/b.sol", "b.sol")}, below: "lib", want: []string{"b.sol"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := repository(t)
			for _, e := range c.edits {
				e(t, dir)
			}
			if err := os.MkdirAll(filepath.Join(dir, c.below), 0o755); err != nil { // git removes what is empty
				t.Fatal(err)
			}
			got, err := Read(t.Context(), filepath.Join(dir, c.below), c.ignore...)
			if err != nil {
				t.Fatal(err)
			}
			want := State{Commit: run(t, dir, "rev-parse", "HEAD"), Clean: len(c.want) == 0, Changed: c.want, Count: len(c.want)}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || len(got.Commit) != 40 {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestConflict(t *testing.T) {
	dir := repository(t)
	run(t, dir, "branch", "other")
	write(t, filepath.Join(dir, "a.sol"), "ours")
	run(t, dir, "add", ".")
	commit(t, dir)
	run(t, dir, "checkout", "--quiet", "other")
	write(t, filepath.Join(dir, "a.sol"), "theirs")
	run(t, dir, "add", ".")
	commit(t, dir)
	cmd := exec.Command("git", "-c", "user.name=Tester", "-c", "user.email=tester@example.com", "merge", "--quiet", "-")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "CONFLICT") {
		t.Fatalf("no conflict: %s", out)
	}
	got, err := Read(t.Context(), dir)
	if err != nil || got.Clean || !slices.Equal(got.Changed, []string{"a.sol"}) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestManyChanges(t *testing.T) {
	dir := repository(t)
	for i := range 50 {
		write(t, filepath.Join(dir, "new", fmt.Sprintf("%02d.sol", 49-i)), "x")
	}
	write(t, filepath.Join(dir, "a.sol"), "else")
	write(t, filepath.Join(dir, "odd\tname\n.sol"), "else")
	got, err := Read(t.Context(), dir)
	if err != nil || got.Clean || got.Count != 52 || len(got.Changed) != 20 || got.Changed[0] != "a.sol" || got.Changed[19] != "new/18.sol" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestNothingCanBeTold(t *testing.T) {
	for name, c := range map[string]struct {
		dir func(t *testing.T) string
		why string
	}{
		"no repository": {func(t *testing.T) string { return t.TempDir() }, "the folder is in no git repository: commit it to one"},
		"no commit": {func(t *testing.T) string {
			dir := t.TempDir()
			run(t, dir, "init", "--quiet")
			write(t, filepath.Join(dir, "a.sol"), "one")
			return dir
		}, "the git repository has no commit: commit the sources"},
		"no git": {func(t *testing.T) string {
			dir := repository(t)
			t.Setenv("PATH", t.TempDir())
			return dir
		}, "there is no git program: install git, or add its folder to PATH"},
		"git's own data": {func(t *testing.T) string { return filepath.Join(repository(t), ".git") }, "the folder is inside of a git repository's own data: choose the folder with the sources"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Read(t.Context(), c.dir(t))
			if diff := cmp.Diff(State{Why: c.why}, got); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// Git does not read what another user owns, unless the user's own configuration trusts it.
func TestAnotherUsersRepository(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give files to another user")
	}
	dir := repository(t)
	for _, name := range []string{dir, filepath.Join(dir, ".git")} {
		if err := os.Chown(name, 12345, 12345); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Read(t.Context(), dir)
	if want := (State{Why: "the git repository is another user's: run git status in the folder, and do as it says if you trust it"}); err != nil || !cmp.Equal(want, got) {
		t.Errorf("%+v, %v", got, err)
	}
	run(t, dir, "config", "--global", "safe.directory", dir)
	if got, err := Read(t.Context(), dir); err != nil || !got.Clean {
		t.Errorf("trusted: %+v, %v", got, err)
	}
}

// What the repository's configuration names as a file system monitor, and its hooks, are not run; a plain git status does.
func TestNothingOfTheRepositoryIsRun(t *testing.T) {
	for name, install := range map[string]func(t *testing.T, dir, script string){
		"fsmonitor":           func(t *testing.T, dir, script string) { run(t, dir, "config", "core.fsmonitor", script) },
		"fsmonitor of inside": func(t *testing.T, dir, script string) { run(t, inner(t, dir), "config", "core.fsmonitor", script) },
		"hook": func(t *testing.T, dir, script string) {
			run(t, dir, "config", "core.hooksPath", filepath.Dir(script))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := repository(t)
			hooks := t.TempDir()
			marker, script := filepath.Join(hooks, "ran"), filepath.Join(hooks, "post-index-change")
			write(t, script, fmt.Sprintf("#!/bin/sh\necho > '%s'\n", marker))
			if err := os.Chmod(script, 0o755); err != nil {
				t.Fatal(err)
			}
			install(t, dir, script)
			later := time.Now().Add(time.Hour) // so that git has something to write into its index
			if err := os.Chtimes(filepath.Join(dir, "a.sol"), later, later); err != nil {
				t.Fatal(err)
			}
			index, err := os.ReadFile(filepath.Join(dir, ".git", "index"))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := Read(t.Context(), dir); err != nil || !got.Clean {
				t.Errorf("%+v, %v", got, err)
			}
			if _, err := os.Stat(marker); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("it was run: %v", err)
			}
			if after, err := os.ReadFile(filepath.Join(dir, ".git", "index")); err != nil || string(after) != string(index) {
				t.Errorf("the index was written: %v", err)
			}
			run(t, dir, "status")
			if _, err := os.Stat(marker); err != nil {
				t.Errorf("the test tests nothing: %v", err)
			}
		})
	}
}

// A commit stands for what it was hashed from, and variables do not point to another repository.
func TestNoOtherRepository(t *testing.T) {
	dir := repository(t)
	first := run(t, dir, "rev-parse", "HEAD")
	write(t, filepath.Join(dir, "a.sol"), "else")
	run(t, dir, "add", ".")
	commit(t, dir)
	second := run(t, dir, "rev-parse", "HEAD")
	run(t, dir, "replace", second, first)
	t.Setenv("GIT_DIR", filepath.Join(t.TempDir(), "other"))
	t.Setenv("GIT_INDEX_FILE", filepath.Join(t.TempDir(), "index"))
	got, err := Read(t.Context(), dir)
	if err != nil || !got.Clean || got.Commit != second {
		t.Errorf("%+v, %v", got, err)
	}
}

// fake puts a script before git, and returns a function that returns a folder.
func fake(script string) func(t *testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		bin := t.TempDir()
		write(t, filepath.Join(bin, "git"), "#!/bin/sh\n"+script)
		if err := os.Chmod(filepath.Join(bin, "git"), 0o755); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
		return t.TempDir()
	}
}

// Whatever git is asked, it takes no lock, runs no hook, asks nobody, speaks English, and sees no variable of ours but few.
func TestHowGitIsAsked(t *testing.T) {
	heard := filepath.Join(t.TempDir(), "heard")
	dir := fake(fmt.Sprintf("{ echo \"$@\"; env; echo; } >> '%s'\n", heard) +
		`case "$*" in *rev-parse*) printf 'true\n\n';; *) printf '# branch.oid 00\0';; esac`)(t)
	t.Setenv("HOME", "/nobody")
	t.Setenv("LOCKSTEP_SECRET", "hush")
	t.Setenv("GIT_EXTERNAL_DIFF", "evil")
	t.Setenv("LC_ALL", "de_DE.UTF-8")
	if got, err := Read(t.Context(), dir); err != nil || !got.Clean {
		t.Fatalf("%+v, %v", got, err)
	}
	text, err := os.ReadFile(heard)
	if err != nil {
		t.Fatal(err)
	}
	calls := strings.Split(strings.TrimSpace(string(text)), "\n\n")
	if len(calls) != 2 {
		t.Errorf("%d calls", len(calls))
	}
	for _, call := range calls {
		for _, want := range []string{
			"--no-optional-locks --no-pager -c core.fsmonitor=false -c core.hooksPath=/dev/null ", "\nHOME=/nobody", "\nLC_ALL=C\n",
			"\nGIT_CONFIG_NOSYSTEM=1", "\nGIT_TERMINAL_PROMPT=0", "\nGIT_NO_LAZY_FETCH=1", "\nGIT_NO_REPLACE_OBJECTS=1",
		} {
			if !strings.Contains(call+"\n", want) {
				t.Errorf("%q is missing:\n%s", want, call)
			}
		}
		if strings.Contains(call, "hush") || strings.Contains(call, "evil") {
			t.Errorf("a variable is passed on:\n%s", call)
		}
	}
}

func TestErrors(t *testing.T) {
	const inside = `case "$*" in *rev-parse*) printf 'true\n\n'; exit;; esac` + "\n"
	const head = `printf '# branch.oid 0123456789012345678901234567890123456789\0'` + "\n"
	for name, c := range map[string]struct {
		dir     func(t *testing.T) string
		timeout time.Duration
		want    string
	}{
		"no folder":        {func(t *testing.T) string { return filepath.Join(t.TempDir(), "none") }, patience, "there is no such folder"},
		"a file":           {func(t *testing.T) string { return filepath.Join(repository(t), "a.sol") }, patience, "there is no such folder"},
		"slow":             {fake("exec sleep 60"), 100 * time.Millisecond, "git takes more than 100ms: run git status"},
		"too much":         {fake(inside + head + "head -c 20000000 /dev/zero; exec sleep 3600"), time.Hour, "git status lists more than 16 MB: let git ignore"},
		"a refusal":        {fake("printf 'fatal: \\033[31mbroken\\nindex' >&2; exit 128"), patience, "git rev-parse: fatal:  [31mbroken index: run git status"},
		"a long refusal":   {fake("yes >&2 & sleep 0.2; kill $!; exit 128"), patience, "git rev-parse: y y y"},
		"nothing at all":   {fake("exit 0"), patience, errAnswer.Error()},
		"an empty status":  {fake(inside), patience, errAnswer.Error()},
		"another format":   {fake(inside + head + `printf '2 R. x\0'`), patience, errAnswer.Error()},
		"no path":          {fake(inside + head + `printf '1 .M N... 100644 100644 100644 00 00\0'`), patience, errAnswer.Error()},
		"an empty path":    {fake(inside + head + `printf '? \0'`), patience, errAnswer.Error()},
		"a path elsewhere": {fake(`case "$*" in *rev-parse*) printf 'true\nlib/\n'; exit;; esac` + "\n" + head + `printf '? a.sol\0'`), patience, errAnswer.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := read(t.Context(), c.timeout, c.dir(t), nil)
			if err == nil || !strings.Contains(err.Error(), c.want) || got.Clean || len(err.Error()) > 600 {
				t.Errorf("%+v, %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Read(ctx, repository(t)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
