package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/params"

	"github.com/seed-b6a97670/lockstep/internal/devnet"
	"github.com/seed-b6a97670/lockstep/internal/evm"
)

// The benchmarks here run the real binary once and print figures beside a baseline of the same run. Nothing is asserted
// of a time.

// cost is what one run of a program took.
type cost struct {
	wall float64 // seconds
	peak float64 // bytes of memory
}

// costOf runs a program some times in a folder, and returns the median of each figure.
func costOf(b *testing.B, times int, dir string, words ...string) cost {
	b.Helper()
	var walls, peaks []float64
	for range times {
		cmd := exec.CommandContext(b.Context(), measureBinary(b), words...)
		cmd.Dir = dir
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			b.Fatalf("%q: %v\n%s", words, err, stderr.String())
		}
		var c cost
		if _, err := fmt.Sscan(string(out), &c.wall, &c.peak); err != nil {
			b.Fatalf("%q: %v: %s", words, err, out)
		}
		walls, peaks = append(walls, c.wall), append(peaks, c.peak)
	}
	return cost{median(walls), median(peaks)}
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// measureBinary builds the program of the folder measure, beside lockstep.
func measureBinary(b *testing.B) string {
	b.Helper()
	path := filepath.Join(places.bin, "measure")
	build := exec.CommandContext(b.Context(), "go", "build", "-o", path, "./e2e/measure")
	build.Dir = places.root
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build measure: %v\n%s", err, out)
	}
	return path
}

const megabyte = 1 << 20

// BenchmarkColdStart starts the program for nothing. Baselines: Node.js for nothing, which any tool written for it pays,
// and Hardhat for nothing.
func BenchmarkColdStart(b *testing.B) {
	hardhat := filepath.Join(places.root, "e2e", "hardhat", "node_modules", "hardhat", "internal", "cli", "bootstrap.js")
	for b.Loop() {
		ours := costOf(b, 20, b.TempDir(), lockstepBinary(), "--version")
		node := costOf(b, 20, b.TempDir(), "node", "-e", "0")
		theirs := costOf(b, 20, b.TempDir(), "node", hardhat, "--version")
		b.ReportMetric(ours.wall*1000, "ms")
		b.ReportMetric(ours.peak/megabyte, "MB")
		b.ReportMetric(node.wall*1000, "node-ms")
		b.ReportMetric(node.peak/megabyte, "node-MB")
		b.ReportMetric(theirs.wall*1000, "hardhat-ms")
		b.ReportMetric(theirs.peak/megabyte, "hardhat-MB")
		b.ReportMetric(theirs.wall/ours.wall, "hardhat/lockstep")
		b.ReportMetric(node.wall/ours.wall, "node/lockstep")
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkManifestBuild makes a manifest of 1,000 routes over 100 facets from solc's output. The baseline has 10 routes
// over 1 facet: the ratio says how far the cost is from growing with the routes, which would be 100.
func BenchmarkManifestBuild(b *testing.B) {
	large, small := facetProject(b, 100), facetProject(b, 1)
	for b.Loop() {
		ours := costOf(b, 5, large, lockstepBinary(), "manifest", "build")
		base := costOf(b, 5, small, lockstepBinary(), "manifest", "build")
		b.ReportMetric(ours.wall, "s")
		b.ReportMetric(ours.peak/megabyte, "MB")
		b.ReportMetric(base.wall, "small-s")
		b.ReportMetric(base.peak/megabyte, "small-MB")
		b.ReportMetric(ours.wall/base.wall, "large/small")
	}
	b.ReportMetric(0, "ns/op")
}

// facetProject makes a project of facets with ten functions each, compiled.
func facetProject(b *testing.B, facets int) string {
	b.Helper()
	dir := b.TempDir()
	sources, list := map[string]any{}, ""
	for i := range facets {
		text := fmt.Sprintf("// SPDX-License-Identifier: MIT\npragma solidity ^0.8.20;\ncontract Facet%d {\n", i)
		for j := range 10 {
			text += fmt.Sprintf("  function f%d_%d(uint256 x) external pure returns (uint256) { return x * %d + %d; }\n", i, j, i+3, j)
		}
		sources[fmt.Sprintf("src/Facet%d.sol", i)] = map[string]string{"content": text + "}\n"}
		list += fmt.Sprintf("\n  - { contract: Facet%d }", i)
	}
	input, err := json.Marshal(map[string]any{"language": "Solidity", "sources": sources, "settings": map[string]any{
		"evmVersion": "cancun", "optimizer": map[string]any{"enabled": true, "runs": 200},
		"metadata":        map[string]any{"bytecodeHash": "none", "appendCBOR": false},
		"outputSelection": map[string]any{"*": map[string]any{"*": []string{"abi", "metadata", "evm.bytecode", "evm.deployedBytecode"}}},
	}})
	if err != nil {
		b.Fatal(err)
	}
	solc := exec.CommandContext(b.Context(), "node", filepath.Join(places.root, "contracts", "script", "solc.js"), "--standard-json")
	solc.Stdin = bytes.NewReader(input)
	out, err := solc.Output()
	if err != nil {
		b.Fatalf("solc: %v", err)
	}
	mustWrite(b, filepath.Join(dir, "output.json"), string(out))
	config := fmt.Sprintf(marketConfig, 50, strings.TrimPrefix(list, "\n"), "http://127.0.0.1:1")
	mustWrite(b, filepath.Join(dir, "lockstep.yaml"), strings.Replace(config, "{ out: artifacts }", "{ tool: solc, out: output.json }", 1))
	return dir
}

// BenchmarkStatus asks 21 networks for their state, with every route and the code behind it: 20 answer after 20 ms, one after 300 ms. The baseline is that one
// alone: nothing that asks it can be faster, so the ratio is 1 at best.
func BenchmarkStatus(b *testing.B) {
	const networks, slow = 21, "net-21"
	alloc := map[common.Address]*big.Int{}
	for i := range devKeys {
		alloc[devAddress(i)] = new(big.Int).Mul(big.NewInt(1000), big.NewInt(params.Ether))
	}
	var nodes []*devnet.Network
	var direct, delayed []string
	for i := range networks {
		n, err := devnet.Start(devnet.Config{
			ChainID: uint64(31337 + i), Alloc: alloc,
			Code: map[common.Address][]byte{common.HexToAddress("0x4e59b44847b379578588920ca78fbf26c0b4956c"): evm.ArachnidRuntime},
		})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			if err := n.Close(); err != nil {
				b.Error(err)
			}
		})
		delay := 20 * time.Millisecond
		if i == networks-1 {
			delay = 300 * time.Millisecond
		}
		nodes, direct, delayed = append(nodes, n), append(direct, n.URL()), append(delayed, newDelay(b, n.URL(), delay))
	}
	m := newMarket(b, nil, direct[0], 10)
	m.write("direct.yaml", onNetworks(b, mustRead(b, filepath.Join(m.dir, "one.yaml")), direct...))
	m.write("delayed.yaml", onNetworks(b, mustRead(b, filepath.Join(m.dir, "one.yaml")), delayed...))
	m.must("--config", "direct.yaml", "manifest", "build", "-o", "one.json")
	m.must("--config", "direct.yaml", "deploy", "one.json", "--yes")
	rollout := m.start("--config", "direct.yaml", "rollout", "one.json", "--yes")
	rollout.awaitTimelocks(b, networks)
	for _, n := range nodes {
		if err := n.AdvanceTime(70 * time.Second); err != nil {
			b.Fatal(err)
		}
	}
	rollout.mustSucceed(b)
	for b.Loop() {
		all := costOf(b, 5, m.dir, lockstepBinary(), "--config", "delayed.yaml", "status", "one.json")
		one := costOf(b, 5, m.dir, lockstepBinary(), "--config", "delayed.yaml", "status", "one.json", "--network", slow)
		b.ReportMetric(all.wall, "s")
		b.ReportMetric(one.wall, "slowest-alone-s")
		b.ReportMetric(all.wall/one.wall, "all/slowest")
	}
	b.ReportMetric(0, "ns/op")
}

// newDelay stands before a node and hands every request on after a time.
func newDelay(b *testing.B, upstream string, delay time.Duration) string {
	b.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(delay)
		req, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), http.MethodPost, upstream, r.Body)
		if err != nil {
			panic(http.ErrAbortHandler) // the address is one of ours
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			panic(http.ErrAbortHandler) // the node has been stopped
		}
		defer func() { _ = resp.Body.Close() }() // it has been read
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body) // the client may be gone
	}))
	b.Cleanup(server.Close)
	return server.URL
}
