// Package e2e tests the product as its users meet it: the real binary, built once, on real anvil processes, with forge,
// solc and cast beside it. Nothing is mocked, and every server listens on 127.0.0.1 and ends with the test that started it.
//
// The scripts in testdata/script read as a walk through the product; the Go tests kill it at every step, and run two of
// it side by side.
package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// places are where the real parts are.
var places struct {
	root        string // of the repository
	bin         string // folder of the lockstep binary
	nodeModules string
	anvil       string
	forge       string
	cast        string
	geth        string
}

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if places.root, err = filepath.Abs(".."); err != nil {
		return 1, err
	}
	places.nodeModules = filepath.Join(places.root, "contracts", "node_modules")
	for name, path := range map[string]*string{"anvil": &places.anvil, "forge": &places.forge, "cast": &places.cast} {
		*path = filepath.Join(places.nodeModules, "@foundry-rs", fmt.Sprintf("%s-%s-%s", name, runtime.GOOS, runtime.GOARCH), "bin", name)
	}
	places.geth = filepath.Join(places.root, ".tools", "geth")
	if _, err := os.Stat(places.geth); err != nil {
		return 1, fmt.Errorf("%s is missing: run make tools", places.geth)
	}
	for _, path := range []string{places.anvil, places.forge, places.cast, filepath.Join(places.nodeModules, "solc", "package.json")} {
		if _, err := os.Stat(path); err != nil {
			return 1, fmt.Errorf("%s is missing: run make setup", path)
		}
	}
	if _, err := exec.LookPath("node"); err != nil {
		return 1, errors.New("node is missing: install Node.js 20 or newer, then run make setup")
	}
	if places.bin, err = os.MkdirTemp("", "lockstep-e2e-"); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(places.bin)) }()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-o", places.bin, "./cmd/lockstep")
	build.Dir, build.Stdout, build.Stderr = places.root, os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		return 1, fmt.Errorf("build lockstep: %w", err)
	}
	// most of the time the tests wait for blocks; a flag on the command line still wins
	if err := flag.Set("test.parallel", strconv.Itoa(max(8, runtime.GOMAXPROCS(0)))); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

func lockstepBinary() string { return filepath.Join(places.bin, "lockstep") }
