// Package source tells which commit of a git repository a folder is at, and whether it differs from it. It asks the git
// program, and leaves the repository as it is.
package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
)

const (
	patience  = 10 * time.Second // for all calls of git together
	maxOutput = 16 << 20         // of one call, in bytes
	maxListed = 20
)

// State is what git says of a folder.
type State struct {
	Commit string // in full; empty if there is none, or if nothing can be told
	// Clean is whether the folder holds what the commit holds, and nothing else but what git or the caller ignores.
	Clean   bool
	Changed []string // at most 20 of what was changed, added or removed below the folder, from there on, sorted
	Count   int      // of all that was changed
	Why     string   // nothing can be told, and what to do; empty if it can
}

// Read asks git about a folder: what is below it counts, and what is elsewhere in the repository does not. What is not in
// the commit counts as changed, also if it was never added, unless git ignores it. Nor do paths in ignore count, which are
// relative to the folder: files, or folders with all that is below.
//
// Git takes some files for unchanged without a look: those that update-index was told to assume unchanged or to skip. The
// hooks and the file system monitor of the repository's configuration are not run, but its filters are, as those of Git
// LFS, since without them git cannot compare files.
func Read(ctx context.Context, dir string, ignore ...string) (State, error) {
	return read(ctx, patience, dir, ignore)
}

func read(ctx context.Context, timeout time.Duration, dir string, ignore []string) (State, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return State{}, fmt.Errorf("read the state of folder %s: there is no such folder: correct the path", dir)
	}
	program, err := exec.LookPath("git")
	if err != nil {
		return State{Why: "there is no git program: install git, or add its folder to PATH"}, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout,
		fmt.Errorf("git takes more than %s: run git status in the folder, and see why", timeout))
	defer cancel()
	g := git{program: program, dir: dir}
	state, err := g.state(ctx, ignore)
	if err != nil {
		return State{}, fmt.Errorf("read the state of folder %s: %w", dir, err)
	}
	return state, nil
}

func (g git) state(ctx context.Context, ignore []string) (State, error) {
	where, err := g.run(ctx, "rev-parse", "--is-inside-work-tree", "--show-prefix")
	var refusal *refusal
	switch {
	case errors.As(err, &refusal) && strings.Contains(refusal.text, "not a git repository"):
		return State{Why: "the folder is in no git repository: commit it to one"}, nil
	case errors.As(err, &refusal) && strings.Contains(refusal.text, "dubious ownership"):
		return State{Why: "the git repository is another user's: run git status in the folder, and do as it says if you trust it"}, nil
	case err != nil:
		return State{}, err
	}
	inside, prefix, _ := strings.Cut(strings.TrimSuffix(string(where), "\n"), "\n")
	switch inside {
	case "true":
	case "false":
		return State{Why: "the folder is inside of a git repository's own data: choose the folder with the sources"}, nil
	default:
		return State{}, errAnswer
	}
	// the commit and what differs from it, in one call, so that both are of one time
	status, err := g.run(ctx, "status", "--porcelain=v2", "-z", "--branch", "--no-ahead-behind", "--untracked-files=all", "--no-renames",
		"--ignore-submodules=none", "--", ".")
	if err != nil {
		return State{}, err
	}
	commit, changed, err := parse(status)
	if err != nil {
		return State{}, err
	}
	if commit == "" {
		return State{Why: "the git repository has no commit: commit the sources"}, nil
	}
	changed, err = below(prefix, changed)
	if err != nil {
		return State{}, err
	}
	changed = slices.DeleteFunc(changed, func(p string) bool { return ignored(p, ignore) })
	slices.Sort(changed)
	listed := min(len(changed), maxListed)
	return State{Commit: commit, Clean: len(changed) == 0, Changed: changed[:listed:listed], Count: len(changed)}, nil
}

var errAnswer = errors.New("git answers what is not known here: install git 2.17 or newer")

// parse takes apart what git status says in its second format, with paths from the top of the repository on.
func parse(status []byte) (commit string, paths []string, err error) {
	for line := range strings.SplitSeq(strings.TrimSuffix(string(status), "\x00"), "\x00") {
		kind, rest, _ := strings.Cut(line, " ")
		fields := 0 // before the path
		switch kind {
		case "#":
			if oid, ok := strings.CutPrefix(rest, "branch.oid "); ok && oid != "(initial)" {
				commit = oid
			}
			continue
		case "1": // changed
			fields = 7
		case "u": // not merged
			fields = 9
		case "?": // not added
		default:
			return "", nil, errAnswer
		}
		parts := strings.SplitN(rest, " ", fields+1)
		if len(parts) != fields+1 || parts[fields] == "" {
			return "", nil, errAnswer
		}
		// a repository inside of this one that was not added ends with a slash
		paths = append(paths, strings.TrimSuffix(parts[fields], "/"))
	}
	return commit, paths, nil
}

// below takes off the folder.
func below(prefix string, paths []string) ([]string, error) {
	for i, p := range paths {
		rest, ok := strings.CutPrefix(p, prefix)
		if !ok {
			return nil, errAnswer
		}
		paths[i] = rest
	}
	return paths, nil
}

func ignored(p string, ignore []string) bool {
	for _, i := range ignore {
		i = path.Clean(filepath.ToSlash(i))
		if i == "." || p == i || strings.HasPrefix(p, i+"/") {
			return true
		}
	}
	return false
}

// git runs the program in a folder.
type git struct {
	program, dir string
}

// refusal is what git says when it does not do what it was asked to.
type refusal struct {
	command, text string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("git %s: %s: run git status in the folder to see what it says", r.command, r.text)
}

// run returns what git prints. A command that takes too long or prints too much is stopped.
func (g git) run(ctx context.Context, command string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, g.program, append([]string{
		"--no-optional-locks", "--no-pager", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=" + os.DevNull, command,
	}, args...)...)
	cmd.Dir = g.dir
	cmd.Env = environment()
	cmd.WaitDelay = time.Second // for what git started and left
	stdout, stderr := &limited{max: maxOutput, over: cancel}, &limited{max: 4096}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case stdout.cut:
		return nil, fmt.Errorf("git %s lists more than %d MB: let git ignore what is built, and commit the rest", command, maxOutput>>20)
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.As(err, &exit):
		return nil, &refusal{command, oneLine(stderr.buffer.Bytes())}
	case err != nil:
		return nil, fmt.Errorf("git %s: %w", command, err)
	}
	return stdout.buffer.Bytes(), nil
}

// environment keeps the user's own configuration, which says whose repositories are trusted, and nothing that points git to
// another repository. Git asks nobody, fetches nothing, and reads the commit as it was hashed.
func environment() []string {
	env := []string{
		"LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1", "GIT_NO_REPLACE_OBJECTS=1",
	}
	for _, name := range []string{"PATH", "HOME", "XDG_CONFIG_HOME", "USERPROFILE", "SYSTEMROOT"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// limited keeps no more than so many bytes, and says when there are more. It has the buffer as a field: the methods of one
// that is embedded would be found by io.Copy, and go round the limit.
type limited struct {
	buffer bytes.Buffer
	max    int
	cut    bool
	over   func() // called then; may be nil
}

func (l *limited) Write(p []byte) (int, error) {
	if room := l.max - l.buffer.Len(); len(p) > room {
		l.cut = true
		if l.over != nil {
			l.over()
		}
		_, _ = l.buffer.Write(p[:room]) // a buffer takes all
		return len(p), nil
	}
	return l.buffer.Write(p)
}

// oneLine is what git says, without what would disturb a terminal.
func oneLine(text []byte) string {
	out := strings.Join(strings.FieldsFunc(string(text), unicode.IsControl), " ")
	return strings.ToValidUTF8(out[:min(len(out), 300)], "")
}
