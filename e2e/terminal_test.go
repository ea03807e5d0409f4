package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/screen"
)

// terminal is a pseudo-terminal with a program that has it as standard input and standard error.
type terminal struct {
	t      testing.TB
	cmd    *exec.Cmd
	tty    *os.File
	stdout bytes.Buffer
	ended  chan struct{}

	mu     sync.Mutex
	screen *screen.Screen
	bytes  []byte
	more   chan struct{} // closed when there is more on the screen
}

// onTerminal starts lockstep on a terminal of 80 by 24; change may be nil.
func (m *market) onTerminal(change func(*exec.Cmd), args ...string) *terminal {
	m.t.Helper()
	c := &terminal{
		t: m.t, cmd: exec.Command(lockstepBinary(), args...), ended: make(chan struct{}), more: make(chan struct{}),
		screen: screen.New(80, 24),
	}
	c.cmd.Dir, c.cmd.Stdout = m.dir, &c.stdout
	c.cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "NO_COLOR=") })
	c.cmd.Env = append(c.cmd.Env, "TERM=xterm")
	if change != nil {
		change(c.cmd)
	}
	tty, err := pty.StartWithSize(c.cmd, &pty.Winsize{Cols: 80, Rows: 24})
	if err != nil {
		m.t.Fatal(err)
	}
	c.tty = tty
	go func() {
		defer close(c.ended)
		if _, err := io.Copy(c, tty); err != nil && !errors.Is(err, syscall.EIO) { // what Linux says when nobody has it open
			m.t.Errorf("read the terminal: %v", err)
		}
		_ = c.cmd.Wait() // the exit code tells
		_ = tty.Close()  // it was only read
	}()
	m.t.Cleanup(func() {
		_ = c.cmd.Process.Kill() // it has ended unless the test failed
		<-c.ended
	})
	return c
}

// Write takes in what comes from the terminal.
func (c *terminal) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.more)
	c.more = make(chan struct{})
	c.bytes = append(c.bytes, p...)
	return c.screen.Write(p)
}

// await waits until the screen is as it should be, and returns it.
func (c *terminal) await(what string, done func(lines []string) bool) []string {
	c.t.Helper()
	deadline := time.After(patience)
	for {
		c.mu.Lock()
		lines, more := c.screen.Lines(), c.more
		c.mu.Unlock()
		if done(lines) {
			return lines
		}
		select {
		case <-more:
		case <-deadline:
			c.t.Fatalf("no %s within %s:\n%s", what, patience, strings.Join(lines, "\n"))
		case <-c.ended:
			if lines := c.lines(); !done(lines) {
				c.t.Fatalf("it ended without %s:\n%s", what, strings.Join(lines, "\n"))
			}
		}
	}
}

func (c *terminal) lines() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.screen.Lines()
}

// answer waits for the question, and types.
func (c *terminal) answer(keys string) {
	c.t.Helper()
	c.await("question", func(lines []string) bool {
		return len(lines) > 0 && strings.HasSuffix(lines[len(lines)-1], "? [y/N]")
	})
	c.press(keys)
}

func (c *terminal) press(keys string) {
	c.t.Helper()
	if _, err := c.tty.WriteString(keys); err != nil {
		c.t.Fatal(err)
	}
}

// exits waits for the end, which must have this exit code, and returns what stays on the screen.
func (c *terminal) exits(code int) []string {
	c.t.Helper()
	select {
	case <-c.ended:
	case <-time.After(patience):
		c.t.Fatalf("it did not end within %s:\n%s", patience, strings.Join(c.lines(), "\n"))
	}
	lines := c.lines()
	if got := c.cmd.ProcessState.ExitCode(); got != code {
		c.t.Fatalf("exit code %d, want %d:\n%s", got, code, strings.Join(lines, "\n"))
	}
	if c.screen.CursorHidden {
		c.t.Error("the cursor stays hidden")
	}
	return lines
}

// table returns what the table on the screen says of each network, and the lines below it.
func table(t *testing.T, lines []string) (rows map[string][]string, below []string) {
	t.Helper()
	heading := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "NETWORK ") })
	if heading < 0 || heading != len(lines)-1 && slices.ContainsFunc(lines[heading+1:], func(l string) bool { return strings.HasPrefix(l, "NETWORK ") }) {
		t.Fatalf("there must be one table on the screen:\n%s", strings.Join(lines, "\n"))
	}
	rows = map[string][]string{}
	for i, line := range lines[heading+1:] {
		words := strings.Fields(line)
		if len(words) == 0 || !strings.HasPrefix(words[0], "net-") {
			return rows, lines[heading+1+i:]
		}
		if rows[words[0]] != nil {
			t.Fatalf("%s stands twice on the screen:\n%s", words[0], strings.Join(lines, "\n"))
		}
		rows[words[0]] = words[1:]
	}
	return rows, nil
}

// allSay tells whether the table has three networks and each is in a state.
func allSay(t *testing.T, lines []string, state string) bool {
	t.Helper()
	if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "NETWORK ") }) {
		return false
	}
	rows, _ := table(t, lines)
	for _, words := range rows {
		if !slices.Contains(words, state) {
			return false
		}
	}
	return len(rows) == 3
}

// TestTerminal runs commands on three networks as a person does, and looks at the screen.
func TestTerminal(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	nodes := make([]*node, 3)
	urls := make([]string, 3)
	for i := range nodes {
		nodes[i] = newAnvil(t, "--chain-id", fmt.Sprint(31337+i))
		urls[i] = nodes[i].url
	}
	m := newMarket(t, nodes[0], nodes[0].url, 10)
	m.write("three.yaml", onNetworks(t, mustRead(t, filepath.Join(m.dir, "one.yaml")), urls...))
	m.must("--config", "three.yaml", "manifest", "build", "-o", "one.json")
	pages := len(m.manifest("one").Pages)

	// not on a terminal: a line for each event, and nothing for a terminal
	piped := func(args ...string) string {
		t.Helper()
		p := m.start(append([]string{"--config", "three.yaml"}, args...)...)
		p.mustSucceed(t)
		if out := p.output() + p.stdout.String(); strings.ContainsAny(out, "\x1b\r") {
			t.Errorf("%q prints control characters: %q", args, out)
		}
		return p.output()
	}
	if lines := piped("deploy", "one.json", "--yes"); strings.Count(lines, "confirmed in block") != 3*12 {
		t.Errorf("not a line for each of 36 transactions:\n%s", lines)
	}
	sent := func() (total int) {
		t.Helper()
		for _, n := range nodes {
			chain, err := n.transactions(ctx)
			if err != nil {
				t.Fatal(err)
			}
			total += len(chain)
		}
		return total
	}
	deployed := sent()

	rollout := []string{"--config", "three.yaml", "--json", "rollout", "one.json"}
	// who does not say yes gets nothing
	const controlC, controlD = "\x03", "\x04"
	for _, keys := range []string{"n\r", "\r", "yes, do\r", controlC, controlD} {
		c := m.onTerminal(nil, rollout...)
		c.answer(keys)
		if lines := c.exits(1); !strings.HasSuffix(lines[len(lines)-1], "lockstep: not confirmed: nothing was done") {
			t.Errorf("answered with %q, it prints\n%s", keys, strings.Join(lines, "\n"))
		}
	}
	if now := sent(); now != deployed {
		t.Errorf("%d transactions were sent without a yes", now-deployed)
	}

	// an interrupt leaves the table, and a line below it
	c := m.onTerminal(nil, rollout...)
	c.answer("y\r")
	c.await("three networks that wait", func(lines []string) bool { return allSay(t, lines, "waiting") })
	c.press(controlC)
	lines := c.exits(1)
	rows, below := table(t, lines)
	if len(rows) != 3 || !allSay(t, lines, "failed") || !strings.HasPrefix(strings.Join(below, ""), "lockstep: interrupted; what was sent is in the journal") {
		t.Errorf("interrupted, it leaves\n%s", strings.Join(lines, "\n"))
	}

	// it goes on, to the end
	dispatcher := m.dispatcher()
	c = m.onTerminal(nil, rollout...)
	c.answer("yes\r")
	for _, n := range nodes {
		passTimelock(ctx, t, n, dispatcher, pages)
	}
	lines = c.exits(0)
	if rows, below := table(t, lines); !allSay(t, lines, "done") || len(below) != 0 {
		t.Errorf("at the end the screen is %q, below it %q:\n%s", rows, below, strings.Join(lines, "\n"))
	}
	if first := lines[0]; !strings.HasPrefix(first, "roll out 0x") {
		t.Errorf("the question has gone: the first line is %q", first)
	}
	if !strings.HasPrefix(c.stdout.String(), "{\n") || bytes.ContainsAny(c.stdout.Bytes(), "\x1b\r") {
		t.Errorf("standard output is %q", c.stdout.String())
	}

	// the same command on a terminal and without one
	c = m.onTerminal(nil, "--config", "three.yaml", "pause", "--yes")
	if lines := c.exits(0); !allSay(t, lines, "done") || len(lines) != 4 {
		t.Errorf("the screen is\n%s", strings.Join(lines, "\n"))
	}
	// what is printed at the end stands below it
	c = m.onTerminal(func(cmd *exec.Cmd) { cmd.Stdout = nil }, "--config", "three.yaml", "unpause", "--yes")
	lines = c.exits(0)
	if len(lines) != 8 || !allSay(t, lines[:4], "done") || !strings.Contains(lines[4], "SECONDS") || !allSay(t, lines[4:], "done") {
		t.Errorf("the screen is\n%s", strings.Join(lines, "\n"))
	}
	if lines := piped("pause", "--yes"); strings.Count(lines, " sent 0x") != 3 || strings.Count(lines, "confirmed in block") != 3 {
		t.Errorf("not two lines for each network:\n%s", lines)
	}
	// nor where somebody says that the terminal can do nothing, or asks for all that is decided
	for i, plain := range []struct{ variable, flag string }{{"TERM=dumb", "--yes"}, {"NO_COLOR=1", "--yes"}, {"TERM=xterm", "--verbose"}} {
		c := m.onTerminal(func(cmd *exec.Cmd) { cmd.Env = append(cmd.Env, plain.variable) },
			"--config", "three.yaml", []string{"unpause", "pause"}[i%2], "--yes", plain.flag)
		c.exits(0)
		if bytes.Contains(c.bytes, []byte("\x1b")) || !bytes.Contains(c.bytes, []byte("confirmed in block")) {
			t.Errorf("with %s and %s it writes %q", plain.variable, plain.flag, c.bytes)
		}
	}
}

// passTimelock moves the clock of a network on once everything is staged.
func passTimelock(ctx context.Context, t *testing.T, n *node, dispatcher common.Address, pages int) {
	t.Helper()
	if err := n.awaitPending(ctx, dispatcher, pages); err != nil {
		t.Fatal(err)
	}
	s, err := n.state(ctx, dispatcher)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.passTime(ctx, 5+s.grace); err != nil {
		t.Fatal(err)
	}
}
