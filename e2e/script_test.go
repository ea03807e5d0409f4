package e2e

import (
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/accounts/keystore"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/google/uuid"
	"github.com/rogpeppe/go-internal/testscript"
)

// TestScript runs testdata/script. lockstep, forge, cast and node are on PATH. Besides testscript's own commands there are:
//
//	market DIR                   put the build output of examples/market into DIR
//	project DIR                  copy testdata/project to DIR, and link what npm would put there
//	anvil NAME [ARG...]          start a network; $NAME is its RPC address
//	stop-anvil NAME              end it before the script ends
//	light-key FILE N             write a key file of anvil's account N that opens fast; its password is in $LIGHT_PASSWORD
//	edit FROM TO OLD NEW         copy a file with every OLD replaced, of which there must be one
//	exits CODE PROGRAM ARG...    run a program that must end with this exit code
//	let NAME SOURCE [PATH]       set $NAME to a text, or to what a JSON document holds at a path; SOURCE is a file or stdout
//	[!] json SOURCE PATH VALUE   compare what a JSON document holds at a path ("a.0.b"; "len" of a list), ignoring case
//	[!] same A B                 compare two texts, ignoring case
//	reverts ERROR                the last program's standard error must hold this custom error, such as Refused(address)
//	await-pending RPC DISPATCHER [PAGES]
//	                             wait until a root is pending, with so many pages staged
//	pass-time RPC SECONDS        move the network's clock on
//	start NAME PROGRAM ARG...    start a program that prints a JSON document and goes on
//	await-json NAME FILE         wait for that document
//	interrupt NAME CODE          send SIGINT to it; it must end with this exit code
func TestScript(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", strings.Join([]string{
				places.bin, filepath.Dir(places.forge), filepath.Dir(places.cast), env.Getenv("PATH"),
			}, string(os.PathListSeparator)))
			env.Setenv("LIGHT_PASSWORD", "light")
			env.Setenv("NL", "\n")
			env.Setenv("REPO", places.root)
			env.Setenv("NODE_MODULES", places.nodeModules)
			env.Values[worldKey{}] = &world{nodes: map[string]*node{}, started: map[string]*started{}}
			for i, key := range devKeys {
				env.Setenv(fmt.Sprintf("KEY%d", i), "0x"+key)
				env.Setenv(fmt.Sprintf("ACCOUNT%d", i), devAddress(i).Hex())
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"market":        cmdMarket,
			"project":       cmdProject,
			"anvil":         cmdAnvil,
			"stop-anvil":    cmdStopAnvil,
			"light-key":     cmdLightKey,
			"edit":          cmdEdit,
			"exits":         cmdExits,
			"let":           cmdLet,
			"json":          cmdJSON,
			"same":          cmdSame,
			"reverts":       cmdReverts,
			"await-pending": cmdAwaitPending,
			"pass-time":     cmdPassTime,
			"start":         cmdStart,
			"await-json":    cmdAwaitJSON,
			"interrupt":     cmdInterrupt,
		},
	})
}

func devAddress(i int) common.Address {
	key, err := crypto.HexToECDSA(devKeys[i])
	if err != nil {
		panic(err) // a constant
	}
	return crypto.PubkeyToAddress(key.PublicKey)
}

// lightKey writes a key file of an account of anvil. Its scrypt parameters are geth's for tests: it opens in no time,
// which matters where a program is started many times.
func lightKey(file string, account int) error {
	key, err := crypto.HexToECDSA(devKeys[account])
	if err != nil {
		return err
	}
	return lightKeyOf(file, key)
}

// lightKeyOf writes a key file whose password is cheap to check.
func lightKeyOf(file string, key *ecdsa.PrivateKey) error {
	account := crypto.PubkeyToAddress(key.PublicKey)
	data, err := keystore.EncryptKey(&keystore.Key{Id: uuid.New(), Address: account, PrivateKey: key}, "light", 2, 1)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o600)
}

func usage(ts *testscript.TestScript, neg bool, ok bool, text string) {
	if neg {
		ts.Fatalf("! is not supported")
	}
	if !ok {
		ts.Fatalf("usage: %s", text)
	}
}

func cmdMarket(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "market DIR")
	ts.Check(os.CopyFS(ts.MkAbs(args[0]), os.DirFS(filepath.Join(places.root, "examples", "market", "artifacts"))))
}

func cmdProject(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "project DIR")
	dir := ts.MkAbs(args[0])
	ts.Check(os.CopyFS(dir, os.DirFS(filepath.Join(places.root, "e2e", "testdata", "project"))))
	ts.Check(os.Symlink(places.nodeModules, filepath.Join(dir, "node_modules")))
	ts.Check(os.Symlink(filepath.Join(places.root, "contracts", "script", "solc.js"), filepath.Join(dir, "solc.js")))
}

type worldKey struct{}

// world is what a script has running.
type world struct {
	nodes   map[string]*node // by RPC address
	started map[string]*started
}

// started is a program that prints a JSON document and goes on until it is interrupted.
type started struct {
	cmd      *exec.Cmd
	document chan []byte // closed at the end of its output
	stderr   strings.Builder
}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

func (w *world) node(ts *testscript.TestScript, url string) *node {
	n, ok := w.nodes[url]
	if !ok {
		ts.Fatalf("%s is no network of this script: start it with anvil", url)
	}
	return n
}

func cmdAnvil(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) >= 1, "anvil NAME [ARG...]")
	n, err := startAnvil(args[1:]...)
	ts.Check(err)
	ts.Defer(n.Stop)
	ts.Setenv(args[0], n.url)
	worldOf(ts).nodes[n.url] = n
}

func cmdStopAnvil(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "stop-anvil NAME")
	worldOf(ts).node(ts, ts.Getenv(args[0])).Stop()
}

func cmdLightKey(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "light-key FILE N")
	account, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(lightKey(ts.MkAbs(args[0]), account))
}

func cmdEdit(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 4, "edit FROM TO OLD NEW")
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[2]) {
		ts.Fatalf("%s holds no %q", args[0], args[2])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(strings.ReplaceAll(text, args[2], args[3])), 0o600))
}

func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) >= 2, "exits CODE PROGRAM ARG...")
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("it ended with exit code %d, want %s", code, args[0])
	}
}

func cmdLet(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2 || len(args) == 3, "let NAME SOURCE [PATH]")
	value := strings.TrimSpace(ts.ReadFile(args[1]))
	if len(args) == 3 {
		value = at(ts, args[1], args[2])
	}
	ts.Setenv(args[0], value)
}

func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: json SOURCE PATH VALUE")
	}
	if got := at(ts, args[0], args[1]); strings.EqualFold(got, args[2]) == neg {
		ts.Fatalf("%s is %q", args[1], got)
	}
}

func cmdSame(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: same A B")
	}
	if strings.EqualFold(args[0], args[1]) == neg {
		ts.Fatalf("%q and %q", args[0], args[1])
	}
}

// at returns what a JSON document holds at a path, as text.
func at(ts *testscript.TestScript, source, path string) string {
	var v any
	d := json.NewDecoder(strings.NewReader(ts.ReadFile(source)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		ts.Fatalf("%s is not JSON: %v", source, err)
	}
	for _, key := range strings.Split(path, ".") {
		switch holder := v.(type) {
		case map[string]any:
			value, ok := holder[key]
			if !ok {
				ts.Fatalf("%s has no %s (%s)", source, path, key)
			}
			v = value
		case []any:
			if key == "len" {
				return strconv.Itoa(len(holder))
			}
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(holder) {
				ts.Fatalf("%s has no %s (%s of %d)", source, path, key, len(holder))
			}
			v = holder[i]
		default:
			ts.Fatalf("%s has no %s (%s)", source, path, key)
		}
	}
	return fmt.Sprint(v)
}

func cmdReverts(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "reverts ERROR")
	selector := fmt.Sprintf("%x", crypto.Keccak256([]byte(args[0]))[:4])
	if !strings.Contains(ts.ReadFile("stderr"), selector) {
		ts.Fatalf("it did not revert with %s (%s)", args[0], selector)
	}
}

func cmdAwaitPending(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2 || len(args) == 3, "await-pending RPC DISPATCHER [PAGES]")
	pages := 0
	if len(args) == 3 {
		var err error
		pages, err = strconv.Atoi(args[2])
		ts.Check(err)
	}
	ts.Check(worldOf(ts).node(ts, args[0]).awaitPending(context.Background(), common.HexToAddress(args[1]), pages))
}

func cmdPassTime(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "pass-time RPC SECONDS")
	seconds, err := strconv.ParseUint(args[1], 10, 64)
	ts.Check(err)
	ts.Check(worldOf(ts).node(ts, args[0]).passTime(context.Background(), seconds))
}

func cmdStart(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) >= 2, "start NAME PROGRAM ARG...")
	path := args[1]
	if path == "lockstep" {
		path = lockstepBinary()
	}
	s := &started{cmd: exec.Command(path, args[2:]...), document: make(chan []byte, 1)}
	s.cmd.Dir, s.cmd.Stderr = ts.MkAbs("."), &s.stderr
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "LIGHT_PASSWORD", "ETHEREUM_RPC_URL"} {
		s.cmd.Env = append(s.cmd.Env, name+"="+ts.Getenv(name))
	}
	out, err := s.cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(s.cmd.Start())
	ts.Defer(func() { _ = s.cmd.Process.Kill() }) // it has ended already if the script came that far
	go func() {
		defer close(s.document)
		var doc json.RawMessage
		if json.NewDecoder(out).Decode(&doc) == nil {
			s.document <- doc
		}
		_, _ = io.Copy(io.Discard, out) // until it ends
	}()
	worldOf(ts).started[args[0]] = s
}

func startedOf(ts *testscript.TestScript, name string) *started {
	s, ok := worldOf(ts).started[name]
	if !ok {
		ts.Fatalf("%s was not started", name)
	}
	return s
}

func cmdAwaitJSON(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "await-json NAME FILE")
	s := startedOf(ts, args[0])
	select {
	case doc, ok := <-s.document:
		if !ok {
			ts.Fatalf("it ended without a JSON document: %s", s.cmd.Wait())
		}
		ts.Check(os.WriteFile(ts.MkAbs(args[1]), doc, 0o600))
	case <-time.After(patience):
		ts.Fatalf("no JSON document within %s", patience)
	}
}

func cmdInterrupt(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "interrupt NAME CODE")
	s := startedOf(ts, args[0])
	ts.Check(s.cmd.Process.Signal(os.Interrupt))
	for range s.document { // to the end of its output: only then may it be waited for
	}
	err := s.cmd.Wait()
	if got := strconv.Itoa(s.cmd.ProcessState.ExitCode()); got != args[1] {
		ts.Fatalf("it ended with exit code %s (%v), want %s; standard error: %s", got, err, args[1], s.stderr.String())
	}
}
