// Package localnode runs the nodes of others, anvil, geth and Hardhat's, as processes on free loopback ports: for tests and for
// measuring gas, where a real node must answer.
package localnode

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/rpc"
)

// startTime bounds how long a node may take until it answers.
const startTime = 60 * time.Second

// Node is a running process.
type Node struct {
	URL string      // of its HTTP JSON-RPC
	WS  string      // the same over WebSocket
	RPC *rpc.Client // over WebSocket, so that new blocks are events
	cmd *exec.Cmd
}

// Anvil starts an anvil from its binary, on a free port unless args name one. The caller must Stop it.
func Anvil(binary string, args ...string) (*Node, error) {
	if !slices.Contains(args, "--port") {
		args = append(args, "--port", "0")
	}
	cmd := exec.Command(binary, append([]string{"--host", "127.0.0.1"}, args...)...) //nolint:noctx // lives until Stop
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start anvil: %w", err)
	}
	return start("anvil", cmd, out, func(line string) (http, ws string) {
		_, address, _ := strings.Cut(line, "Listening on ")
		if address == "" {
			return "", ""
		}
		return "http://" + address, "ws://" + address
	})
}

// Geth starts a geth from its binary, with a chain of its own in memory that makes a block a second. Its chain id is 1337. The
// caller must Stop it.
func Geth(binary string, args ...string) (*Node, error) {
	cmd := exec.Command(binary, append([]string{ //nolint:noctx // lives until Stop
		"--dev", "--dev.period", "1", "--dev.gaslimit", "36000000", "--ipcdisable", "--rpc.allow-unprotected-txs",
		"--http", "--http.addr", "127.0.0.1", "--http.port", "0", "--http.api", "eth,net,web3,debug,txpool",
		"--ws", "--ws.addr", "127.0.0.1", "--ws.port", "0", "--ws.api", "eth,net,web3,debug,txpool",
	}, args...)...)
	out, err := cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("start geth: %w", err)
	}
	return start("geth", cmd, out, func(line string) (http, ws string) {
		if _, rest, found := strings.Cut(line, "HTTP server started"); found {
			_, address, _ := strings.Cut(rest, "endpoint=")
			address, _, _ = strings.Cut(address, " ")
			return "http://" + address, ""
		}
		_, ws, _ = strings.Cut(line, "WebSocket enabled")
		_, ws, _ = strings.Cut(ws, "url=")
		return "", strings.TrimSpace(ws)
	})
}

// Hardhat starts the node of a Hardhat 2 project in a folder that holds its configuration and finds it under node_modules. The
// caller must Stop it.
func Hardhat(dir string) (*Node, error) {
	cmd := exec.Command("node", //nolint:noctx // lives until Stop
		filepath.Join("node_modules", "hardhat", "internal", "cli", "bootstrap.js"), "node", "--hostname", "127.0.0.1", "--port", "0")
	// it asks whether it may report, unless it is told that nobody is there
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CI=true", "HARDHAT_DISABLE_TELEMETRY_PROMPT=true", "HOME="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start hardhat: %w", err)
	}
	return start("hardhat", cmd, out, func(line string) (http, ws string) {
		_, address, _ := strings.Cut(line, "JSON-RPC server at http://")
		address, _, _ = strings.Cut(address, "/") // a change of colour follows
		if address == "" {
			return "", ""
		}
		return "http://" + address, "ws://" + address
	})
}

// start runs a node until it has told where it listens.
func start(name string, cmd *exec.Cmd, out io.Reader, address func(line string) (http, ws string)) (_ *Node, err error) {
	n := &Node{cmd: cmd}
	if err := n.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	defer func() {
		if err != nil {
			n.Stop()
		}
	}()
	lines := bufio.NewScanner(out)
	for (n.URL == "" || n.WS == "") && lines.Scan() {
		http, ws := address(lines.Text())
		n.URL, n.WS = n.URL+http, n.WS+ws
	}
	if n.URL == "" || n.WS == "" {
		return nil, errors.New("start " + name + ": it ended before it listened")
	}
	go func() {
		for lines.Scan() { // a full pipe would stop it
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	if n.RPC, err = rpc.DialContext(ctx, n.WS); err != nil {
		return nil, fmt.Errorf("connect to %s: %w", name, err)
	}
	return n, nil
}

// Stop ends the process and waits for it.
func (n *Node) Stop() {
	if n.RPC != nil {
		n.RPC.Close()
	}
	_ = n.cmd.Process.Kill() // it may have ended already
	_ = n.cmd.Wait()         // killed
}
