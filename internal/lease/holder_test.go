package lease_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/lease"
)

// childHolder makes the test binary a process of another user, from whom /proc hides the others, and which is asked about one of them.
const childHolder = "LOCKSTEP_LEASE_TEST_HOLDER"

const nobody = 65534

func askHidden(holder string) {
	err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "")
	if err == nil {
		err = syscall.Mount("proc", "/proc", "proc", 0, "hidepid=2")
	}
	for _, drop := range []func() error{
		func() error { return syscall.Setgroups(nil) }, func() error { return syscall.Setgid(nobody) }, func() error { return syscall.Setuid(nobody) },
	} {
		if err == nil {
			err = drop()
		}
	}
	if err != nil {
		fmt.Print("not possible: ", err)
		os.Exit(0)
	}
	_, err = os.Stat("/proc/" + strings.Split(holder, "/")[1])
	fmt.Print(os.IsNotExist(err), lease.Gone(holder), lease.Gone(with(holder, 1, "4194303")))
	os.Exit(0)
}

// with is a holder with another part: 0 is the host, 1 the process, 2 the machine, 3 when it began, 4 what is random.
func with(holder string, part int, value string) string {
	parts := strings.Split(holder, "/")
	parts[part] = value
	return strings.Join(parts, "/")
}

func self(t testing.TB) string {
	t.Helper()
	holder, err := lease.Holder()
	if err != nil {
		t.Fatal(err)
	}
	return holder
}

func TestHolder(t *testing.T) {
	t.Parallel()
	one, two := self(t), self(t)
	if one == two || strings.Count(one, "/") != 4 || strings.Split(one, "/")[1] != strconv.Itoa(os.Getpid()) {
		t.Errorf("%q, %q", one, two)
	}
	for i, part := range strings.Split(one, "/") {
		if part == "" {
			t.Errorf("part %d of %q is empty", i, one)
		}
	}
}

// TestGone: only who is known to have ended is gone.
func TestGone(t *testing.T) {
	t.Parallel()
	live := self(t)
	ended := exec.CommandContext(t.Context(), "true")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	pid := strconv.Itoa(ended.Process.Pid)
	start := strings.Split(live, "/")[3]
	for name, x := range map[string]struct {
		holder string
		gone   bool
	}{
		"this process":             {live, false},
		"another of its holders":   {self(t), false},
		"a process that has ended": {with(live, 1, pid), true},
		"an id that is used again": {with(live, 3, start+"0"), true},
		"another machine":          {with(with(live, 2, "0-1"), 1, pid), false},
		"of no known machine":      {with(with(live, 2, ""), 1, pid), false},
		"another name of the host": {with(live, 0, "other"), false},
		"of no known start":        {with(with(live, 3, ""), 1, pid), false},
		"nothing":                  {"", false},
		"another way to write it":  {"host/1/x", false},
		"a part less":              {strings.Join(strings.Split(with(live, 1, pid), "/")[:4], "/"), false},
		"a part more":              {with(live, 1, pid) + "/x", false},
		"no process":               {with(live, 1, ""), false}, // /proc//stat is a file
		"here":                     {with(live, 1, "."), false},
		"self":                     {with(with(live, 1, "self"), 3, "1"), false},
		"a group":                  {with(live, 1, "-"+pid), false},
		"zero":                     {with(live, 1, "0"), false},
		"no number":                {with(live, 1, pid+"x"), false},
		"too large a number":       {with(live, 1, "99999999999999999999"), false},
		"an id that there is not":  {with(live, 1, "4194303999"), true},
		"a zero byte":              {with(live, 1, "\x00"), false},
	} {
		if got := lease.Gone(x.holder); got != x.gone {
			t.Errorf("%s: %q is gone is %v, want %v", name, x.holder, got, x.gone)
		}
	}
}

// TestGoneChild lives, is stopped, is a zombie, and is no more.
func TestGoneChild(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lockstep.db")
	child := holding(t, path)
	l, err := journal(t, path).Lease(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	is := func(when string, gone bool) {
		t.Helper()
		if lease.Gone(l.Holder) != gone {
			t.Errorf("%s it is gone is %v", when, !gone)
		}
	}
	is("while it lives", false)
	if err := child.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond)
	is("while it is stopped", false)
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); !strings.Contains(stat(t, child), ") Z "); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not end")
		}
	}
	is("while nobody has waited for it", true)
	_ = child.Wait()
	is("after its end", true)
}

func stat(t testing.TB, c *exec.Cmd) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestGoneIsNotWhoIsHidden: where /proc shows a user no processes of others, they are there all the same.
func TestGoneIsNotWhoIsHidden(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can hide processes")
	}
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), childHolder+"="+self(t))
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	out, err := c.CombinedOutput()
	if strings.HasPrefix(string(out), "not possible") || err != nil && len(out) == 0 {
		t.Skip(string(out), err)
	}
	if want := "true false true"; string(out) != want {
		t.Errorf("hidden, gone, and one that is not there: %s, want %s", out, want)
	}
}

func FuzzGone(f *testing.F) {
	live := self(f)
	for _, seed := range []string{live, "", "a/b/c/d/e", with(live, 1, "."), with(live, 1, "-1"), with(live, 3, "")} {
		f.Add(seed)
		f.Add(strings.ReplaceAll(seed, strings.Split(live, "/")[2], "MACHINE"))
	}
	f.Fuzz(func(t *testing.T, holder string) {
		holder = strings.ReplaceAll(holder, "MACHINE", strings.Split(live, "/")[2])
		if !lease.Gone(holder) {
			return
		}
		// who is gone had an id on this machine, and began at another time than any process that has it now
		parts := strings.Split(holder, "/")
		pid, err := strconv.Atoi(parts[1])
		if len(parts) != 5 || parts[2] != strings.Split(live, "/")[2] || err != nil || pid <= 0 || parts[3] == "" {
			t.Errorf("%q is gone", holder)
		}
		if pid == os.Getpid() && parts[3] == strings.Split(live, "/")[3] {
			t.Errorf("this process is gone: %q", holder)
		}
	})
}
