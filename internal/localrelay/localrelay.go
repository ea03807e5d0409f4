// Package localrelay runs a private relay as a process on a free loopback port, for tests: relay.js before a real node. It checks
// requests with ethers, keeps what it takes to itself, and makes blocks of it when it is told to. It misbehaves when it is told to.
package localrelay

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"

	"github.com/ethereum/go-ethereum/common"
)

//go:embed relay.js
var program string

// Relay is a running process. What it serves: / takes Flashbots' methods, /raw eth_sendRawTransaction, /blxr bloXroute's methods, and
// /tx is a status API.
type Relay struct {
	URL string
	cmd *exec.Cmd
	in  io.Closer
}

// Start runs a relay with Node.js before a node. ethers is the folder of the npm package; secret is what bloXroute's methods want as
// Authorization header. The caller must Stop it.
func Start(ethers, nodeURL, secret string) (*Relay, error) {
	cmd := exec.Command("node", "-e", program, ethers, nodeURL, secret) //nolint:noctx // lives until Stop
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the relay: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the relay: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the relay: %w", err)
	}
	r := &Relay{cmd: cmd, in: in}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the relay: it ended before it listened: %w", err), r.Stop())
	}
	r.URL = strings.TrimSpace(strings.TrimPrefix(line, "listening on "))
	return r, nil
}

// Stop ends the process.
func (r *Relay) Stop() error { return errors.Join(r.in.Close(), r.cmd.Wait()) } // it ends with its input

// Control says how the relay is to misbehave; nothing if it is empty.
type Control struct {
	Fault   string   `json:"fault"`
	Of      []string `json:"of,omitempty"` // the paths that have it; all if empty
	Message string   `json:"message,omitempty"`
	Hash    string   `json:"hash,omitempty"`
	After   string   `json:"after,omitempty"`
	Delay   int      `json:"delay,omitempty"` // milliseconds
	Hold    int      `json:"hold,omitempty"`  // blocks to make without what it has
}

// Control sets how the relay misbehaves from now on.
func (r *Relay) Control(ctx context.Context, c Control) error { return r.Tell(ctx, "/control", c, nil) }

// Mine makes a block with what the relay has for it.
func (r *Relay) Mine(ctx context.Context) (number uint64, landed []common.Hash, err error) {
	var block struct {
		Number uint64
		Hashes []common.Hash
	}
	err = r.Tell(ctx, "/mine", struct{}{}, &block)
	return block.Number, block.Hashes, err
}

// Request is one that the relay had.
type Request struct {
	Path    string
	Headers map[string]string
	Body    string
	Verdict string
}

// Call is the method of a request and its parameters.
func (r Request) Call() (method string, params json.RawMessage, err error) {
	var body struct {
		Method string
		Params json.RawMessage
	}
	err = json.Unmarshal([]byte(r.Body), &body)
	return body.Method, body.Params, err
}

// Log returns all requests, oldest first.
func (r *Relay) Log(ctx context.Context) (out []Request, err error) {
	err = r.Tell(ctx, "/log", struct{}{}, &out)
	return out, err
}

// Tell posts to the relay's own controls.
func (r *Relay) Tell(ctx context.Context, path string, in, out any) (err error) {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s of the relay: %d %s %w", path, resp.StatusCode, raw, err)
	}
	if out != nil {
		return json.Unmarshal(raw, out)
	}
	return nil
}
