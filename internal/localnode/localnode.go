// Package localnode runs the nodes of others, anvil for now, as processes on a free loopback port: for tests and for
// measuring gas, where a real node must answer.
package localnode

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os/exec"
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
	RPC *rpc.Client // over WebSocket, so that new blocks are events
	cmd *exec.Cmd
}

// Anvil starts an anvil from its binary, on a free port unless args name one. The caller must Stop it.
func Anvil(binary string, args ...string) (_ *Node, err error) {
	if !slices.Contains(args, "--port") {
		args = append(args, "--port", "0")
	}
	n := &Node{cmd: exec.Command(binary, append([]string{"--host", "127.0.0.1"}, args...)...)} //nolint:noctx // lives until Stop
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start anvil: %w", err)
	}
	if err := n.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start anvil: %w", err)
	}
	defer func() {
		if err != nil {
			n.Stop()
		}
	}()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, address, found := strings.Cut(lines.Text(), "Listening on "); found {
			n.URL = "http://" + address
			break
		}
	}
	if n.URL == "" {
		return nil, errors.New("start anvil: it ended before it listened")
	}
	go func() {
		for lines.Scan() { // a full pipe would stop it
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	if n.RPC, err = rpc.DialContext(ctx, strings.Replace(n.URL, "http", "ws", 1)); err != nil {
		return nil, fmt.Errorf("connect to anvil: %w", err)
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
